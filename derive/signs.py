"""Which numbers are certainly positive: so that a condition that always holds is not printed.

What a domain, an assumption or the form of an expression shows counts; nothing is computed. The important function is
``always``.
"""

from __future__ import annotations

from dataclasses import dataclass

from derive.nodes import Add, Apply, Bracket, Mul, Node, Number, Over, Position, Pow, Ref, Sum, Tensor
from derive.program import Program
from derive.statements import Statement

__all__ = ["always", "is_every_entry"]

UNKNOWN, NONNEGATIVE, POSITIVE = 0, 1, 2

_DOMAINS = {
    "positive": POSITIVE, "nonnegative": NONNEGATIVE, "unit interval": NONNEGATIVE, "mask": NONNEGATIVE,
    "simplex": NONNEGATIVE, "one-hot": NONNEGATIVE,
}  # fmt: skip
_VALUES = {
    "exp": POSITIVE, "sigmoid": POSITIVE, "softplus": POSITIVE, "cosh": POSITIVE, "softmax": POSITIVE,
    "normal_cdf": POSITIVE, "normal_pdf": POSITIVE, "trigamma": POSITIVE,
    "relu": NONNEGATIVE, "abs": NONNEGATIVE, "norm": NONNEGATIVE, "greater": NONNEGATIVE,
    "greater_equal": NONNEGATIVE,
}  # fmt: skip


def always(statement: Statement, program: Program, known: dict[Tensor, int] | None = None) -> bool:
    """Whether ``u > 0``, ``u ≥ 0``, ``u ≠ 0``, or ``u > c`` for a negative c, holds whatever the inputs are.

    ``known`` remembers what was found of the tensors of the program; without it every tensor is read again.
    """
    right = statement.right
    if not isinstance(right, Number) or not right.value.is_nonpositive:
        return False
    enough = NONNEGATIVE if statement.relation == "≥" or right.value.is_negative else POSITIVE
    useful = statement.relation in ("≥", ">") or (statement.relation == "≠" and right.value.is_zero)
    return bool(useful) and _Signs(program, {} if known is None else known).of(statement.left) >= enough


def is_every_entry(entry: Ref) -> bool:
    """Whether the letters of an entry run over all entries of its tensor, each along its own axis."""
    letters = [index.letter for index in entry.indices]
    whole = all(x is not None and x.size == axis for x, axis in zip(letters, entry.tensor.axes, strict=True))
    return whole and len(set(letters)) == len(letters)


@dataclass(frozen=True)
class _Signs:
    """What is certain of the signs of expressions of a program; that of an entry does not depend on its indices."""

    program: Program
    known: dict[Tensor, int]

    def of(self, node: Node) -> int:
        """What is certain of the sign of a node."""
        match node:
            case Number():
                return POSITIVE if node.value.is_positive else NONNEGATIVE if node.value.is_nonnegative else UNKNOWN
            case Bracket():
                return NONNEGATIVE
            case Position():
                return NONNEGATIVE if node.index.certainly_at_least_zero() else UNKNOWN
            case Ref():
                return self._entry(node)
            case Add():
                signs = [self.of(term) for term in node.terms]
                return max(signs) if min(signs) else UNKNOWN
            case Mul():
                return min(self.of(factor) for factor in node.factors)
            case Sum():
                return self.of(node.body)
            case Pow():
                return self._power(node)
            case Apply() if node.function.name in ("maximum", "minimum"):
                signs = [self.of(argument) for argument in node.arguments]
                return max(signs) if node.function.name == "maximum" else min(signs)
            case Over() if node.function.name in ("max", "min"):
                return self.of(node.arguments[0])
            case Over() if node.function.name in ("rms", "std"):
                return max(self.of(node.arguments[1]), NONNEGATIVE)
            case Apply() | Over():
                return _VALUES.get(node.function.name, UNKNOWN)
        return UNKNOWN

    def _entry(self, node: Ref) -> int:
        if node.tensor in self.known:
            return self.known[node.tensor]
        found = _DOMAINS.get(node.tensor.domain, UNKNOWN)
        for assumption in self.program.assumptions:
            left, right = assumption.left, assumption.right
            about = isinstance(left, Ref) and left.tensor is node.tensor and is_every_entry(left)
            if about and isinstance(right, Number) and right.value.is_nonnegative:
                found = max(found, {">": POSITIVE, "≥": NONNEGATIVE}.get(assumption.relation, UNKNOWN))
        source = self.program.definition(node.tensor)
        # a member of a recurrence reads itself
        if not found and source is not None and self.program.recurrence(node.tensor) is None:
            found = self.of(source.body)
        self.known[node.tensor] = found
        return found

    def _power(self, node: Pow) -> int:
        base = self.of(node.base)
        if base == POSITIVE or not isinstance(node.exponent, Number):
            return base if base == POSITIVE else UNKNOWN
        exponent = node.exponent.value
        if exponent.is_even or (base == NONNEGATIVE and exponent.is_positive):
            return NONNEGATIVE
        return UNKNOWN
