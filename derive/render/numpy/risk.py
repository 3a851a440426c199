"""Which values may be infinite where their mask is false: those alone need more than a mask as a factor.

A quotient is finite where its divisor is certainly positive, or where the forward pass divides by the same whatever
its masks say: then the outputs are infinite, too. So it is with logarithms and other functions that have poles.
"""

from __future__ import annotations

from collections.abc import Iterator

from derive.functions import is_guard
from derive.functions import where as where_function
from derive.nodes import ZERO, Apply, Mul, Node, Number, Over, Pow, Ref, Tensor
from derive.program import Program
from derive.render.numpy.values import reads_inside
from derive.signs import always, is_every_entry
from derive.statements import Statement
from derive.terms import is_natural
from derive.tree import pattern

__all__ = ["Risk"]

RISKY = frozenset({"log", "exp", "log1p", "expm1", "tan", "sinh", "cosh", "arcsin", "gammaln", "digamma", "trigamma"})
"""The functions that may be infinite at a finite argument."""
FINITE = frozenset({"softmax", "argmax", "argmin"})
"""The functions along axes that are finite also where they read minus infinity."""


class Risk:
    """What may be infinite in the definitions of a program whose forward pass is ``forward``."""

    def __init__(self, program: Program, forward: Program) -> None:
        self.program = program
        self.tensors: set[Tensor] = set()
        self.infinite: set[Tensor] = set()
        self.signs: dict[Tensor, int] = {}
        self.computed, self.read = _unguarded(forward)

    def note(self, tensor: Tensor, body: Node) -> None:
        """Remember whether a tensor may be infinite whose definition is translated now."""
        if self._is_written(body):
            self.infinite.add(tensor)
            self.tensors.add(tensor)
        elif tensor not in self.read and not self.finite(body):
            self.tensors.add(tensor)

    def _is_written(self, node: Node) -> bool:
        """Whether infinity is written in a value, or in what it reads."""
        match node:
            case Number():
                return bool(node.value.is_infinite)
            case Ref():
                return node.tensor in self.infinite
            case Over() if node.function.name in FINITE:
                return False
        return any(map(self._is_written, node.children()))

    def finite(self, node: Node) -> bool:
        """Whether a value is finite wherever what it reads is."""
        match node:
            case Number():
                return not node.value.is_infinite
            case Ref():
                return node.tensor not in self.tensors
            case Over() if node.function.name in FINITE:
                return True
            case Pow() if not is_natural(node.exponent):
                return self.divides(node.base) and self.finite(node.base) and self.finite(node.exponent)
            case Apply() if node.function.name in RISKY and not self._is_computed(node):
                positive = node.function.name == "log" and self.positive(node.arguments[0])
                return positive and self.finite(node.arguments[0])
        return all(map(self.finite, node.children()))

    def divides(self, node: Node) -> bool:
        """Whether a value may be divided by wherever it stands."""
        return self._is_computed(node) or self.positive(node)

    def _is_computed(self, node: Node) -> bool:
        return pattern(node) in self.computed and reads_inside(node)

    def positive(self, node: Node) -> bool:
        """Whether a value is certainly positive: what is read outside of its axes is 0."""
        return reads_inside(node) and always(Statement(node, ">", ZERO), self.program, self.signs)


def _unguarded(forward: Program) -> tuple[frozenset[object], frozenset[Tensor]]:
    """What a program divides by, and takes risky functions of, outside of every mask; the tensors it reads so."""
    computed: set[object] = set()
    read = set(forward.outputs)
    for d in reversed(list(forward.definitions())):
        if d.tensor not in read:
            continue
        for node in _outside_masks(d.body):
            match node:
                case Pow() if not is_natural(node.exponent):
                    computed.add(pattern(node.base))
                case Apply() if node.function.name in RISKY:
                    computed.add(pattern(node))
                case Ref() if is_every_entry(node):
                    read.add(node.tensor)
    return frozenset(computed), frozenset(read)


def _outside_masks(node: Node) -> Iterator[Node]:
    """The node and what is below it, without what is multiplied by a bracket or chosen by a condition."""
    yield node
    if isinstance(node, Apply) and node.function is where_function:
        yield from _outside_masks(node.arguments[0])
    elif not (isinstance(node, Mul) and any(map(is_guard, node.factors))):
        for child in node.children():
            yield from _outside_masks(child)
