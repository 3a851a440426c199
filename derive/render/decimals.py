"""Which fractions are written as decimals: 0.044715 is no 8943/200000, and ½ no 0.5.

Numbers are exact in every tree; this says how they are written.
"""

from __future__ import annotations

from decimal import Decimal

import sympy

__all__ = ["decimal", "small_order", "split_fraction"]

LONGEST = 12
"""How many digits a decimal may have."""


SMALL = 5
"""How many decimal places make a power of ten of a number with one digit."""


def decimal(value: sympy.Expr) -> str | None:
    """A positive fraction as a decimal; None for what is written as a fraction.

    A denominator that 5 divides comes from a decimal that somebody wrote; those that only 2 divides are as often
    fractions, and stay such.
    """
    if not value.is_Rational or value.q % 5 or not value.is_positive:
        return None
    places = max(_order(value.q, 2), _order(value.q, 5))
    if value.q != 2 ** _order(value.q, 2) * 5 ** _order(value.q, 5) or places > LONGEST:
        return None
    text = f"{Decimal(value.p * 10**places // value.q).scaleb(-places):f}"
    return text if len(text) <= LONGEST + 2 else None


def small_order(value: sympy.Expr) -> tuple[int, int] | None:
    """The digit d and the order k of ``d·10^-k``, where that is easier to read than k zeros; else None."""
    text = decimal(value)
    if text is None or len(text) < 2 + SMALL or text[2:-1].strip("0"):
        return None
    return int(text[-1]), len(text) - 2


def _order(number: int, prime: int) -> int:
    order = 0
    while number % prime == 0:
        number, order = number // prime, order + 1
    return order


def split_fraction(value: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr]:
    """What of a number stands above a fraction line, and what below; a decimal stands above."""
    rational, rest = value.as_coeff_Mul()
    if decimal(abs(rational)) is None:
        above, below = sympy.fraction(value)
        return above, below
    above, below = sympy.fraction(rest)
    return rational * above, below
