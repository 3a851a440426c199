"""The matrix form of a node: which letters are row and column, which name slices, and the expression.

The three most important functions are ``matrix_form``, ``matrix_form_of`` and ``MatrixForm.evaluate``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from derive.derivation import Chain, Text
from derive.evaluate import Evaluator
from derive.functions import is_indicator
from derive.index import Letter, as_index
from derive.matrix.cross import cross_form
from derive.matrix.entries import entry_by_entry
from derive.matrix.network import NoForm
from derive.matrix.reader import Reader
from derive.matrix.tree import Along, Blocks, Diag, Guarded, Identity, Matrix, Name, Trace, below, shape_of
from derive.matrix.value import value
from derive.nodes import Node, Number, Ref
from derive.size_algebra import Size
from derive.tree import walk

if TYPE_CHECKING:
    from derive.render.mathematics import Pen
    from derive.render.naming import Names
    from derive.render.runs import Run

__all__ = ["MatrixForm", "matrix_form", "matrix_form_of"]

LONG = 75
"""How many signs a form has that may be too long."""
SHORTER = 0.72
"""How much shorter the form of one row must be."""

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class MatrixForm:
    """A matrix expression for a node.

    ``letters`` are those of the left-hand side; those in ``batch`` say which slice, of the others the first is the
    row and the second the column. ``tree`` is the expression for one slice.
    """

    tree: Matrix
    letters: tuple[Letter, ...]
    batch: tuple[Letter, ...]
    lengths: tuple[Size, ...]

    @property
    def notes(self) -> tuple[Text, ...]:
        """What the notation leaves open."""
        rows = {one.function.name for one in below(self.tree) if isinstance(one, Along) and one.of_rows}
        taken = [(f"{name} is taken of every row", f"{name} 逐行作用") for name in sorted(rows)]
        beside = ("a bar in brackets puts matrices beside each other", "方括号内的竖线表示矩阵左右并列")
        return (*taken, *([beside] if _has_bars(self.tree) else []))

    def run(self, pen: Pen, names: Names | None = None) -> Run:
        """The expression drawn with a pen; ``names`` says what the slice letters are called."""
        from derive.render.mathematics import MatrixWriter
        from derive.render.naming import Names as Known

        return MatrixWriter(pen, names or Known().bind(self.batch)).write(self.tree)

    def latex(self) -> str:
        """The expression in LaTeX, on one line."""
        from derive.render.tex import TexPen

        return self.run(TexPen()).source

    def text(self) -> str:
        """The expression on one line of Unicode."""
        from derive.render.text import TextPen

        return self.run(TextPen()).source

    def left(self, entry: Ref) -> Matrix | None:
        """The same slice of the tensor on the left: ``P_h`` where the batch letter is h."""
        plain = [i.letter for i in entry.indices]
        if tuple(plain) != self.letters:
            return None
        at = tuple(as_index(x) if x in self.batch else None for x in plain)
        return Name(entry.tensor, at, shape_of([n for x, n in self._sized() if x not in self.batch]))

    def _sized(self) -> tuple[tuple[Letter, Size], ...]:
        return tuple(zip(self.letters, self.lengths, strict=True))

    def evaluate(self, evaluator: Evaluator) -> Array:
        """The value by matrix semantics, slice by slice, with an axis for each of ``letters``."""
        sliced = [evaluator.length(n) for x, n in self._sized() if x in self.batch]
        kept = [evaluator.length(n) for x, n in self._sized() if x not in self.batch]
        shape = (*kept, *(1,) * (2 - len(kept)))
        slices = [
            np.broadcast_to(value(self.tree, evaluator, dict(zip(self.batch, at, strict=True))), shape)
            for at in np.ndindex(*sliced)
        ]
        found = np.stack(slices).reshape((*sliced, *kept))
        order = [*self.batch, *(x for x in self.letters if x not in self.batch)]
        return found.transpose([order.index(x) for x in self.letters])


def _has_bars(tree: Matrix) -> bool:
    """Whether blocks stand beside each other in one row."""
    if not isinstance(tree, Blocks):
        return any(map(_has_bars, tree.parts()))
    return len(tree.grid) == 1 or any(_has_bars(block) for row in tree.grid for block in row)


def matrix_form_of(chain: Chain) -> MatrixForm | None:
    """The matrix form of what a chain found, or None."""
    return matrix_form(chain.result, chain.letters) if isinstance(chain.result, Node) else None


def matrix_form(node: Node, letters: tuple[Letter, ...]) -> MatrixForm | None:
    """The matrix form of a node whose value has these letters as axes, or None where there is none.

    As few letters as possible become slice letters, leading ones first; one more where the rows of a long form are
    weighed by diagonal matrices, and the form of one row is a good deal shorter.
    """
    if not node.free.issubset(letters) or any(map(_says_what_is_finite, walk(node))):
        return None
    lengths = _lengths(node, letters)
    if any(x not in lengths for x in letters):
        return None
    found = _first(node, letters, lengths, slices=False)
    if found is None or _has_too_many_axes(found):
        slices = _first(node, letters, lengths, slices=True)
        found = min(filter(None, (found, slices)), key=_length, default=None)
    crossed, entries = _as_cross_product(node, letters, lengths), _by_entries(node, letters, lengths)
    if found is None:
        found = min(filter(None, (crossed, entries)), key=_length, default=None)
        return found if found is not None and _is_short(found, node) else None
    return min(filter(None, (_by_rows(node, found, lengths) or found, crossed, entries)), key=_length)


def _says_what_is_finite(node: Node) -> bool:
    """Whether a factor leaves infinite entries out: a product of matrices would multiply them by 0."""
    return is_indicator(node) and any(isinstance(a, Number) and bool(a.value.is_infinite) for a in node.children())


def _as_cross_product(node: Node, letters: tuple[Letter, ...], lengths: dict[Letter, Size]) -> MatrixForm | None:
    """The form by cross products along the last letter; the others name slices."""
    if not letters:
        return None
    *batch, last = letters
    try:
        tree = cross_form(node, last, Reader(frozenset(batch), lengths))
    except NoForm:
        return None
    return MatrixForm(tree, letters, tuple(batch), tuple(lengths[x] for x in letters))


def _by_entries(node: Node, letters: tuple[Letter, ...], lengths: dict[Letter, Size]) -> MatrixForm | None:
    """The form entry by entry, where the axes have a few entries that brackets tell apart."""
    if not 1 <= len(letters) <= 2:
        return None
    try:
        tree = entry_by_entry(node, letters, Reader(frozenset(), lengths))
    except NoForm:
        return None
    return MatrixForm(tree, letters, (), tuple(lengths[x] for x in letters))


def _is_short(form: MatrixForm, node: Node) -> bool:
    """Whether a form has no more signs than the node in index notation."""
    from derive.render.naming import Names
    from derive.render.text import plain

    return len(form.text()) <= len(plain(node, Names().bind(form.letters)))


def _first(
    node: Node, letters: tuple[Letter, ...], lengths: dict[Letter, Size], *, slices: bool
) -> MatrixForm | None:
    """The form with the fewest slice letters; ``slices`` allows sums over others."""
    forms = (_sliced(node, letters, batch, lengths, slices=slices) for batch in _batches(letters))
    return next((form for form in forms if form is not None), None)


def _has_too_many_axes(form: MatrixForm) -> bool:
    """Whether axes are slice letters, or a trace is taken, because an array has more axes than two."""
    too_few = len(form.letters) - len(form.batch) < min(2, len(form.letters))
    return too_few or any(isinstance(one, Trace) for one in below(form.tree))


def _sliced(
    node: Node,
    letters: tuple[Letter, ...],
    batch: tuple[Letter, ...],
    lengths: dict[Letter, Size],
    *,
    slices: bool = False,
) -> MatrixForm | None:
    """The form whose slices these letters name."""
    kept = [x for x in letters if x not in batch]
    row, column = (*kept, None, None)[:2]
    try:
        tree = Reader(frozenset(batch), lengths, slices=slices).at(node, row, column)
    except NoForm:
        return None
    # numbers and entries alone are index notation already
    whole = any(not one.is_scalar for one in below(tree) if isinstance(one, (Name, Identity, Along)))
    if not whole and (not letters or batch):
        return None
    return MatrixForm(tree, tuple(letters), batch, tuple(lengths[x] for x in letters))


def _by_rows(node: Node, whole: MatrixForm, lengths: dict[Letter, Size]) -> MatrixForm | None:
    """The form of one row, or of one column, where it is a good deal shorter than a form with diagonal matrices."""
    kept = [x for x in whole.letters if x not in whole.batch]
    if len(kept) < 2 or not any(isinstance(one, Diag) for one in below(whole.tree)):
        return None
    length = _length(whole)
    if length < LONG:
        return None
    batches = ([x for x in whole.letters if x in whole.batch or x is one] for one in kept)
    forms = (_sliced(node, whole.letters, tuple(batch), lengths) for batch in batches)
    plain = [f for f in forms if f is not None and not any(isinstance(one, Guarded) for one in below(f.tree))]
    shortest = min(plain, key=_length, default=None)
    return shortest if shortest is not None and _length(shortest) <= SHORTER * length else None


def _length(form: MatrixForm) -> int:
    from derive.render.tex import compact

    return len("".join(compact(form.latex()).split()))


def _batches(letters: Sequence[Letter]) -> Iterator[tuple[Letter, ...]]:
    for count in range(max(0, len(letters) - 2), len(letters) + 1):
        # the columns of a matrix are no slices: they have no names of their own
        found = list(itertools.combinations(letters, count))
        yield from found[:1] if len(letters) < 3 else found


def _lengths(node: Node, letters: Iterable[Letter]) -> dict[Letter, Size]:
    found = {x: x.size for x in letters if x.size is not None}
    for one in walk(node):
        found.update({x: x.size for x in one.bound() if x.size is not None})
        if isinstance(one, Ref):
            for axis, index in zip(one.tensor.axes, one.indices, strict=True):
                if index.letter is not None:
                    found.setdefault(index.letter, axis)
    return found
