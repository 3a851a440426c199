"""Which numbers are certainly positive: so that a condition that always holds is not printed.

What a domain, an assumption or the form of an expression shows counts; nothing is computed. The important function is
``always``.
"""

from __future__ import annotations

from derive.definitions import Definition
from derive.nodes import Add, Apply, Bracket, Mul, Node, Number, Over, Position, Pow, Ref, Sum
from derive.program import Program
from derive.statements import Statement

__all__ = ["always"]

UNKNOWN, NONNEGATIVE, POSITIVE = 0, 1, 2

_DOMAINS = {
    "positive": POSITIVE, "nonnegative": NONNEGATIVE, "unit interval": NONNEGATIVE, "mask": NONNEGATIVE,
    "simplex": NONNEGATIVE, "one-hot": NONNEGATIVE,
}  # fmt: skip
_VALUES = {
    "exp": POSITIVE, "sigmoid": POSITIVE, "softplus": POSITIVE, "cosh": POSITIVE, "softmax": POSITIVE,
    "relu": NONNEGATIVE, "abs": NONNEGATIVE, "norm": NONNEGATIVE, "greater": NONNEGATIVE,
    "greater_equal": NONNEGATIVE,
}  # fmt: skip


def always(statement: Statement, program: Program) -> bool:
    """Whether ``u > 0``, ``u ≥ 0``, ``u ≠ 0``, or ``u > c`` for a negative c, holds whatever the inputs are."""
    right = statement.right
    if not isinstance(right, Number) or not right.value.is_nonpositive:
        return False
    enough = NONNEGATIVE if statement.relation == "≥" or right.value.is_negative else POSITIVE
    known = statement.relation in ("≥", ">") or (statement.relation == "≠" and right.value.is_zero)
    return known and _sign(statement.left, program) >= enough


def _sign(node: Node, program: Program) -> int:
    """What is certain of the sign of a node."""
    match node:
        case Number():
            return POSITIVE if node.value.is_positive else NONNEGATIVE if node.value.is_nonnegative else UNKNOWN
        case Bracket():
            return NONNEGATIVE
        case Position():
            return NONNEGATIVE if node.index.certainly_at_least_zero() else UNKNOWN
        case Ref():
            return _sign_of_entry(node, program)
        case Add():
            signs = [_sign(term, program) for term in node.terms]
            return max(signs) if min(signs) else UNKNOWN
        case Mul():
            return min(_sign(factor, program) for factor in node.factors)
        case Sum():
            return _sign(node.body, program)
        case Pow():
            return _sign_of_power(node, program)
        case Apply() if node.function.name in ("maximum", "minimum"):
            signs = [_sign(argument, program) for argument in node.arguments]
            return max(signs) if node.function.name == "maximum" else min(signs)
        case Over() if node.function.name in ("max", "min"):
            return _sign(node.arguments[0], program)
        case Apply() | Over():
            return _VALUES.get(node.function.name, UNKNOWN)
    return UNKNOWN


def _sign_of_entry(node: Ref, program: Program) -> int:
    found = _DOMAINS.get(node.tensor.domain, UNKNOWN)
    for assumption in program.assumptions:
        left, right = assumption.left, assumption.right
        if isinstance(left, Ref) and left.tensor is node.tensor and isinstance(right, Number):
            letters = [index.letter for index in left.indices]
            if None not in letters and len(set(letters)) == len(letters) and right.value.is_nonnegative:
                found = max(found, {">": POSITIVE, "≥": NONNEGATIVE}.get(assumption.relation, UNKNOWN))
    source = program.definition(node.tensor)
    if source is not None and not found and _is_plain(source, program):
        found = _sign(source.body, program)
    return found


def _is_plain(source: Definition, program: Program) -> bool:
    """Whether this is a definition by what stands before it, and no part of a recurrence."""
    return source in program.items


def _sign_of_power(node: Pow, program: Program) -> int:
    base = _sign(node.base, program)
    if base == POSITIVE or not isinstance(node.exponent, Number):
        return base if base == POSITIVE else UNKNOWN
    exponent = node.exponent.value
    if exponent.is_even or (base == NONNEGATIVE and exponent.is_positive):
        return NONNEGATIVE
    return UNKNOWN
