"""The value of programs and nodes at given sizes and arrays, with NumPy.

Every node evaluates to an array with one axis for each of its free letters (a ``Named``); sums of products are
contracted by ``einsum``. What a false bracket multiplies never reaches the result, even where it is infinite.
The three most important functions are ``run``, ``Evaluator.value`` and ``read`` (an entry at affine indices).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy

from derive.definitions import Definition, Recurrence
from derive.errors import NotationError
from derive.functions import is_guard, where
from derive.index import Index, Letter, Quotient, Remainder, as_index, union
from derive.nodes import (
    Add,
    Apply,
    Bracket,
    Mul,
    Node,
    Number,
    Over,
    Partial,
    Position,
    Pow,
    Ref,
    Sum,
    Tensor,
    factors_of,
    shape_text,
)
from derive.program import Program
from derive.size_algebra import Size, evaluate_size

__all__ = ["Evaluator", "Named", "infer_sizes", "run"]

Array = np.ndarray[Any, np.dtype[Any]]
Sizes = dict[sympy.Symbol, int]


@dataclass(frozen=True, eq=False)
class Named:
    """An array whose axes are letters."""

    array: Array
    letters: tuple[Letter, ...]

    def aligned(self, letters: tuple[Letter, ...]) -> Array:
        """The array with an axis for each of ``letters``, of length 1 where it does not depend on one."""
        if self.letters == letters:
            return self.array
        order = [x for x in letters if x in self.letters]
        array = self.array.transpose([self.letters.index(x) for x in order])
        return array.reshape([array.shape[order.index(x)] if x in order else 1 for x in letters])


class Evaluator:
    """Values of nodes under an assignment of sizes and tensors."""

    def __init__(self, sizes: Sizes, arrays: Mapping[Tensor, Array]) -> None:
        self.sizes = sizes
        self.arrays: dict[Tensor, Array] = dict(arrays)
        self.fixed: dict[Letter, int] = {}
        self._numbers: dict[sympy.Expr, float | complex] = {}
        self._lengths: dict[Size, int] = {}

    # -- sizes and numbers

    def length(self, size: Size) -> int:
        """A size as an integer."""
        if isinstance(size, int):
            return size
        if size not in self._lengths:
            self._lengths[size] = evaluate_size(size, self.sizes)
        return self._lengths[size]

    def number(self, value: sympy.Expr) -> float | complex:
        """A number, sizes put in."""
        if value not in self._numbers:
            exact = value.xreplace({s: sympy.Integer(n) for s, n in self.sizes.items()})
            if exact.free_symbols:
                raise NotationError(f"{value}: no value for {', '.join(sorted(map(str, exact.free_symbols)))}")
            self._numbers[value] = float(exact)
        return self._numbers[value]

    # -- indices

    def index(self, index: Index) -> Named:
        """The integer values of an index."""
        parts: list[Named] = [Named(np.asarray(self.length(index.constant)), ())]
        for atom, coefficient in index.terms:
            factor = self.length(coefficient)
            if isinstance(atom, Letter):
                if atom in self.fixed:
                    part = Named(np.asarray(self.fixed[atom]), ())
                else:
                    part = Named(np.arange(self.length(atom.length)), (atom,))
            elif isinstance(atom, Quotient):
                inner, divisor = self.index(atom.index), self.length(atom.divisor)
                array = inner.array % divisor if isinstance(atom, Remainder) else inner.array // divisor
                part = Named(array, inner.letters)
            else:
                assert isinstance(atom, Node)
                inner = self.value(atom)
                part = Named(np.asarray(inner.array).astype(int), inner.letters)
            parts.append(Named(np.asarray(part.array * factor), part.letters))
        letters = union(part.letters for part in parts)
        total = np.asarray(0)
        for part in parts:
            total = total + part.aligned(letters)
        return Named(total, letters)

    def read(self, node: Ref) -> Named:
        """The entries of a tensor at indices; what lies outside reads as 0 and must stand under a bracket."""
        try:
            array = self.arrays[node.tensor]
        except KeyError:
            raise NotationError(f"no value for {node.tensor.name!r}") from None
        plain = [x for x in (index.letter for index in node.indices) if x is not None and x not in self.fixed]
        whole = tuple(self.length(x.length) for x in plain) == array.shape
        if whole and len(set(plain)) == len(plain):
            return Named(array, tuple(plain))
        indices = [self.index(index) for index in node.indices]
        letters = union(index.letters for index in indices)
        outside: Any = False
        entry = []
        for index, length in zip(indices, array.shape, strict=True):
            at = index.aligned(letters)
            if at.size and (at.min() < 0 or at.max() >= length):
                outside = outside | (at < 0) | (at >= length)
                at = np.clip(at, 0, max(length - 1, 0))
            entry.append(at)
        shape = np.broadcast_shapes(*(at.shape for at in entry)) if entry else ()
        if 0 in array.shape:
            return Named(np.zeros(shape, array.dtype), letters)
        entries = array[tuple(entry)]
        if outside is not False:
            entries = np.where(outside, 0, entries)
        return Named(entries, letters)

    # -- nodes

    def value(self, node: Node) -> Named:
        """The value of a node, one axis for each free letter that it really depends on."""
        match node:
            case Number():
                return Named(np.asarray(self.number(node.value)), ())
            case Position():
                index = self.index(node.index)
                return Named(index.array.astype(float), index.letters)
            case Ref():
                return self.read(node)
            case Add():
                terms = [self.value(t) for t in node.terms]
                letters = union(t.letters for t in terms)
                total = terms[0].aligned(letters)
                for term in terms[1:]:
                    total = total + term.aligned(letters)
                return Named(total, letters)
            case Mul():
                return self.contract(node.factors, ())
            case Sum():
                return self.contract(factors_of(node.body), node.letters)
            case Pow():
                return self._power(node)
            case Apply():
                with _silent(node.function is where):
                    arguments = [self.value(a) for a in node.arguments]
                letters = union(a.letters for a in arguments)
                return Named(np.asarray(node.function.numpy(*(a.aligned(letters) for a in arguments))), letters)
            case Bracket():
                form = self.index(node.difference())
                match node.relation:
                    case "=":
                        truth = form.array == 0
                    case "≠":
                        truth = form.array != 0
                    case _:
                        truth = form.array >= 0
                return Named(np.asarray(truth, dtype=float), form.letters)
            case Over():
                return self._over(node)
            case Partial():
                return self.partial(node)
        raise NotImplementedError(type(node).__name__)

    def partial(self, node: Partial) -> Named:
        """The value of a derivative that is not carried out: only a checker can know it, by differences."""
        raise NotationError(f"{node!r} is not carried out, so it has no value here")

    def _power(self, node: Pow) -> Named:
        base, exponent = self.value(node.base), self.value(node.exponent)
        letters = union((base.letters, exponent.letters))
        b, e = base.aligned(letters), exponent.aligned(letters)
        if e.ndim == 0 or e.size == 1:
            whole = e.reshape(-1)[0]
            if whole == 0.5:
                return Named(np.asarray(np.sqrt(b)), letters)
            if whole == -0.5:
                return Named(np.asarray(1 / np.sqrt(b)), letters)
            if whole == int(whole.real):
                return Named(np.asarray(b ** int(whole.real) if whole >= 0 else 1 / b ** int(-whole.real)), letters)
        return Named(np.asarray(b**e), letters)

    def _over(self, node: Over) -> Named:
        arguments = [self.value(a) for a in node.arguments]
        outer = tuple(x for x in union(a.letters for a in arguments) if x not in node.letters)
        letters = outer + node.letters
        shape = [self.length(x.length) for x in node.letters]
        arrays = []
        for a in arguments:
            aligned = a.aligned(letters)
            arrays.append(np.broadcast_to(aligned, aligned.shape[: len(outer)] + tuple(shape)))
        lengths = [self.length(size) for size in node.function.outputs]
        result = np.asarray(node.function.numpy(*arrays, *lengths))
        if not node.at:
            return Named(result, outer)
        # the entry `at` of the result, with the outer letters kept
        whole = Tensor("over", (*(x.length for x in outer), *(axis for axis in node.axes if axis is not None)))
        self.arrays[whole] = result
        try:
            return self.read(Ref(whole, (*(as_index(x) for x in outer), *node.at)))
        finally:
            del self.arrays[whole]

    def contract(self, factors: Iterable[Node], over: tuple[Letter, ...]) -> Named:
        """The product of the factors, summed over letters."""
        guards, rest = [], []
        scale: Any = 1.0
        ordered = sorted(factors, key=lambda f: not is_guard(f))
        with _silent(bool(ordered) and is_guard(ordered[0])):
            for factor in ordered:
                if is_guard(factor):
                    guards.append(self.value(factor))
                elif isinstance(factor, Number) and not (guards and factor.value.is_infinite):
                    scale = scale * self.number(factor.value)
                else:
                    rest.append(self.value(factor))
        if guards and not all(np.isfinite(r.array).all() for r in rest):
            # the infinite has the guards in it
            rest, guards = [self._guarded(r, guards) for r in rest], []
        parts = [p for p in (*rest, *guards) if p.letters]
        for p in (*rest, *guards):
            if not p.letters:
                scale = scale * p.array
        present = union(p.letters for p in parts)
        for one in over:
            if one not in present:
                scale = scale * self.length(one.length)
        kept = tuple(x for x in present if x not in over)
        if not parts:
            return Named(np.asarray(scale), ())
        if len(parts) == 1 and kept == parts[0].letters:
            return Named(_product(parts[0].array, scale), kept)
        if not any(x in over for x in present):
            product = _product(parts[0].aligned(present), scale)
            for p in parts[1:]:
                product = _product(product, p.aligned(present))
            return Named(product, present)
        number_of = {x: i for i, x in enumerate(present)}
        operands: list[Any] = []
        for p in parts:
            operands += [p.array, [number_of[x] for x in p.letters]]
        summed = np.einsum(*operands, [number_of[x] for x in kept], optimize="greedy" if len(parts) > 2 else False)
        return Named(_product(summed, scale), kept)

    def _guarded(self, part: Named, guards: list[Named]) -> Named:
        """A factor with its infinities; 0 wherever some bracket is false."""
        if np.isfinite(part.array).all():
            return part
        letters = union((part.letters, *(g.letters for g in guards)))
        open_: Any = True
        for guard in guards:
            open_ = open_ & (np.real(guard.aligned(letters)) != 0)
        return Named(np.where(open_, part.aligned(letters), 0), letters)

    def array(self, node: Node, letters: tuple[Letter, ...]) -> Array:
        """The value of a node as a full array with these axes."""
        named = self.value(node)
        extra = [x for x in named.letters if x not in letters]
        if extra:
            raise NotationError(f"{node!r} depends on {extra}, which is not among the axes {list(letters)}")
        shape = tuple(self.length(x.length) for x in letters)
        return np.array(np.broadcast_to(named.aligned(letters), shape))

    # -- programs

    def compute(self, item: Definition | Recurrence, perturb: Mapping[Tensor, Array] | None = None) -> None:
        """Compute a definition or a recurrence, ``perturb`` added to what is defined."""
        moved = perturb or {}
        if isinstance(item, Definition):
            value = self.array(item.body, item.letters)
            self.arrays[item.tensor] = value + moved[item.tensor] if item.tensor in moved else value
            return
        for d in item.members:
            shape = tuple(self.length(axis) for axis in d.tensor.axes)
            kind = np.result_type(
                float, *(self.arrays[t].dtype for t in self.arrays), *(m.dtype for m in moved.values())
            )
            self.arrays[d.tensor] = np.zeros(shape, kind)
        steps = range(self.length(item.time(0).length))
        for t in reversed(steps) if item.backwards else steps:
            for m, d in enumerate(item.members):
                axis = item.axes[m]
                self.fixed[d.letters[axis]] = t
                rest = d.letters[:axis] + d.letters[axis + 1 :]
                value = self.array(d.body, rest)
                at = (slice(None),) * axis + (t,)
                if d.tensor in moved:
                    value = value + moved[d.tensor][at]
                self.arrays[d.tensor][at] = value
                del self.fixed[d.letters[axis]]


def _product(a: Any, b: Any) -> Any:
    """The product; a real number multiplies both parts of a complex one, and leaves that of an infinity as it is."""
    if np.iscomplexobj(a) == np.iscomplexobj(b):
        return a * b
    z, factor = (a, b) if np.iscomplexobj(a) else (b, a)
    found = np.empty(np.broadcast_shapes(np.shape(z), np.shape(factor)), complex)
    found.real, found.imag = np.real(z) * factor, np.imag(z) * factor
    return found


def run(
    program: Program,
    values: Mapping[Tensor, Any] | Mapping[str, Any],
    sizes: Sizes | None = None,
    perturb: Mapping[Tensor, Array] | None = None,
) -> Evaluator:
    """Compute a program; ``run(program, {X: x}).arrays[L]`` is the value of ``L``.

    ``values`` gives the inputs by tensor or by name; sizes are inferred from their shapes. ``perturb`` is added to
    tensors as they are computed (to inputs as well), which is how a derivative by an intermediate result is taken.
    Raises: NotationError for a missing input, a shape that does not fit, a size that stays unknown.
    """
    arrays = {program.tensor(t) if isinstance(t, str) else t: np.asarray(value) for t, value in values.items()}
    for tensor in program.inputs:
        if tensor not in arrays:
            raise NotationError(f"no value for the input {tensor.name!r}")
    assignment = infer_sizes({t: a.shape for t, a in arrays.items()}, sizes or {})
    evaluator = Evaluator(assignment, arrays)
    for tensor, change in (perturb or {}).items():
        if tensor in arrays:
            evaluator.arrays[tensor] = arrays[tensor] + change
    for item in program.items:
        evaluator.compute(item, perturb)
    return evaluator


def infer_sizes(shapes: Mapping[Tensor, tuple[int, ...]], given: Sizes) -> Sizes:
    """Sizes from the shapes of arrays. Raises: NotationError naming the tensors that disagree."""
    found: Sizes = dict(given)
    source: dict[sympy.Symbol, str] = {}
    for tensor, shape in shapes.items():
        if len(shape) != len(tensor.axes):
            raise NotationError(
                f"{tensor.name!r} needs shape {shape_text(tensor.axes)} but an array of shape {shape} is given"
            )
        for axis, length in zip(tensor.axes, shape, strict=True):
            if isinstance(axis, sympy.Symbol):
                if found.setdefault(axis, length) != length:
                    first = source.get(axis, "what is given")
                    raise NotationError(f"size {axis} is {found[axis]} by {first} but {length} by {tensor.name!r}")
                source.setdefault(axis, repr(tensor.name))
    for tensor, shape in shapes.items():
        for axis, length in zip(tensor.axes, shape, strict=True):
            if evaluate_size(axis, found) != length:
                raise NotationError(
                    f"{tensor.name!r} needs {axis} = {evaluate_size(axis, found)} where {length} is given"
                )
    return found


def _silent(unread: bool) -> AbstractContextManager[object]:
    """No warnings of infinities where some of the values are never read."""
    return np.errstate(divide="ignore", invalid="ignore", over="ignore") if unread else nullcontext()
