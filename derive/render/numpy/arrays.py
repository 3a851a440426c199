"""Arrays whose axes are letters, and how they are brought into line with each other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import sympy

from derive.index import Letter, union
from derive.render.numpy.code import ATOM, Code, method, subscript

__all__ = ["Named", "aligned", "attribute", "common_order", "transposed"]


@dataclass(frozen=True)
class Named:
    """An expression with an axis for each letter. ``kind`` is "float", "int" or "bool".

    ``condition`` is a Python condition under which it is computed; where it does not hold the value is 0.
    ``system`` is the matrix of which this is the inverse, where it is better not to compute it. ``mean`` is the mean
    of which this is a multiple, and how often it counts: a sum is the mean times the number of its terms.
    """

    code: Code
    letters: tuple[Letter, ...] = ()
    kind: str = "float"
    condition: Code | None = None
    system: Code | None = None
    mean: tuple[Code, sympy.Expr] | None = None

    def under(self, condition: Code | None) -> Named:
        """The same value under a condition."""
        return replace(self, condition=condition)


def common_order(groups: Iterable[Sequence[Letter]], rank: Callable[[Letter], int]) -> tuple[Letter, ...]:
    """An order for the axes of several arrays: that of those that have them all, if it is one."""
    several = [tuple(g) for g in groups]
    every = set(union(several))
    full = [g for g in several if set(g) == every]
    if full and all(g == full[0] for g in full):
        return full[0]
    return tuple(sorted(every, key=rank))


def attribute(code: Code, text: str) -> Code:
    """``code.text``."""
    return Code(((code, ATOM), f".{text}"), ATOM)


def transposed(code: Code, order: Sequence[int]) -> Code:
    """The array with its axes in another order."""
    rank = len(order)
    if list(order) == list(range(rank)):
        return code
    if rank == 2:
        inner = code.pieces[0]
        if code.text.endswith(".T") and len(code.pieces) == 2 and not isinstance(inner, str):
            return inner[0]
        return attribute(code, "T")
    if list(order) == [*range(rank - 2), rank - 1, rank - 2]:
        return method(code, "swapaxes", "-2", "-1", work=0)
    return method(code, "transpose", *map(str, order), work=0)


def aligned(named: Named, letters: Sequence[Letter]) -> Code:
    """The array with an axis for each of the letters, of length 1 where it does not depend on one.

    Axes of length 1 in front are left out: broadcasting puts them there.
    """
    order = [x for x in letters if x in named.letters]
    code = transposed(named.code, [named.letters.index(x) for x in order])
    while letters and letters[0] not in named.letters:
        letters = letters[1:]
    if len(order) == len(letters):
        return code
    kept = _with_kept_axes(code, [m for m, x in enumerate(letters) if x not in order])
    if kept is not None:
        return kept
    items = [":" if x in order else "None" for x in letters]
    leading = items.index("None")
    if leading > 1 and items[leading:] == ["None"] * (len(items) - leading):
        items = ["...", *items[leading:]]
    while len(items) > 1 and items[-1] == ":" and items[0] != "...":
        items.pop()
    return subscript(code, items)


REDUCED = re.compile(r"\.(sum|mean|var|max|min|argmax|argmin)\(")


def _with_kept_axes(code: Code, missing: list[int]) -> Code | None:
    """A reduction that keeps its axes, where exactly those are wanted again."""
    pieces = code.pieces
    texts = [p for p in pieces if isinstance(p, str)]
    if len(pieces) < 3 or isinstance(pieces[0], str) or not texts or "axis=" not in "".join(texts):
        return None
    if not REDUCED.match("".join(texts)):
        return None
    match = re.search(r"axis=(\d+|\([\d, ]+\))\)$", code.text)
    if match is None:
        return None
    axes = [int(a) for a in re.findall(r"\d+", match[1])]
    if axes != missing:
        return None
    return Code((*pieces[:-1], ", keepdims=True)"), code.level, code.kind, work=code.own_work, label=code.label)
