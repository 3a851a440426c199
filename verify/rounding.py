"""Values of nodes at many points at once, with replicas in which every operation errs.

The class is ``Rounding``, an evaluator; ``replicas`` says what the replicas are, and what their scatter means.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import sympy

from derive.evaluate import Array, Evaluator, Named, Sizes
from derive.index import Letter, as_index
from derive.nodes import Add, Bracket, Node, Number, Over, Partial, Position, Ref, Tensor
from verify.replicas import Errors, erring

__all__ = ["Rounding"]


class Rounding(Evaluator):
    """Values of nodes under an assignment of sizes and tensors, in lanes: points, and their replicas.

    ``outer`` are the letters of the axes in front: the lanes, and where tensors are moved the moves. The array of a
    tensor may lack the last of them.
    """

    def __init__(
        self, sizes: Sizes, arrays: Mapping[Tensor, Array], outer: tuple[Letter, ...], errors: Errors
    ) -> None:
        super().__init__(sizes, arrays)
        self.outer = outer
        self.outer_lengths = tuple(self.length(x.length) for x in outer)
        self.errors = errors
        self._prefix = tuple(as_index(x) for x in outer)
        self._operands: frozenset[int] = frozenset()
        self._tilt: Array = np.zeros(1)
        self._inexact: dict[sympy.Expr, bool] = {}

    def tensor(self, tensor: Tensor) -> Array:
        """The array of a tensor, its lanes in front."""
        return self.arrays[tensor]

    def array(self, node: Node, letters: tuple[Letter, ...]) -> Array:
        """The value of a node as a full array with these axes; those of the lanes stand in front."""
        return super().array(node, (*self.outer, *letters))

    def read(self, node: Ref) -> Named:
        """The entries of a tensor at indices, lanes in front."""
        extra = self.tensor(node.tensor).ndim - len(node.indices)
        return super().read(Ref(node.tensor, (*self._prefix[:extra], *node.indices)) if extra else node)

    def value(self, node: Node) -> Named:
        """The value of a node; in the replicas every operation errs, and so do what it adds, multiplies or takes."""
        operand = id(node) in self._operands
        with self._operating(node.terms if isinstance(node, Add) else ()):
            named = super().value(node)
        exact = isinstance(node, (Number, Position, Ref, Bracket, Partial)) or node.limit is not None
        rounded = isinstance(node, Number) and self._rounded(node)
        if exact and not rounded and not (operand and named.array.dtype.kind in "fc"):
            return named
        letters, array = self._lanes_first(named)
        jittered = self._jittered(array)
        if operand and np.iscomplexobj(jittered):
            # what an infinity is tilted by reaches no number
            size = np.where(np.isfinite(jittered.real), np.abs(jittered.imag), 0.0)
            tilt = size.reshape(len(jittered), -1).max(axis=1, initial=0.0)
            self._tilt = np.maximum(self._tilt, tilt)
        return Named(jittered, letters)

    def _rounded(self, node: Number) -> bool:
        """Whether floating point does not hold a number itself, such as 1/3 or π: what is computed from it errs."""
        if node.value not in self._inexact:
            exact = node.value.xreplace({s: sympy.Integer(n) for s, n in self.sizes.items()})
            held = exact.is_infinite or (exact.is_Rational and sympy.Rational(float(exact)) == exact)
            self._inexact[node.value] = not held
        return self._inexact[node.value]

    def contract(self, factors: Iterable[Node], over: tuple[Letter, ...]) -> Named:
        """The product of the factors, summed over letters: what cancels is seen term by term."""
        listed = tuple(factors)
        with self._operating(f for f in listed if not isinstance(f, Bracket)):
            return super().contract(listed, over)

    def _over(self, node: Over) -> Named:
        """A function along axes is as exact as if its arguments were rounded; its complex step may cancel inside."""
        outside, self._tilt = self._tilt, np.zeros(1)
        try:
            with self._operating(node.arguments):
                named = super()._over(node)
            if not np.iscomplexobj(named.array):
                return named
            letters, array = self._lanes_first(named)
            tilt = np.broadcast_to(self._tilt, len(array)).reshape(-1, *(1,) * (array.ndim - 1))
            size = np.where(np.isfinite(array.real), array.real, 0.0)
            return Named(array + 1j * erring(array) * self.errors.of(array.shape) * tilt * size, letters)
        finally:
            self._tilt = outside

    @contextmanager
    def _operating(self, operands: Iterable[Node]) -> Iterator[None]:
        """While this lasts, the operands err too, even those that are exact alone."""
        outside, self._operands = self._operands, frozenset(map(id, operands))
        try:
            yield
        finally:
            self._operands = outside

    def _lanes_first(self, named: Named) -> tuple[tuple[Letter, ...], Array]:
        lane = self.outer[0]
        letters = (lane, *(x for x in named.letters if x is not lane))
        return letters, named.aligned(letters)

    def _jittered(self, array: Array) -> Array:
        whole = np.broadcast_to(array, (self.outer_lengths[0], *array.shape[1:]))
        return self.errors.applied(whole)
