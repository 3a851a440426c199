"""Numbers at a critical point that are no algebraic numbers, or not known to be: closed forms of SymPy.

Data
    ``Value``       what the numbers at a point have in common, with ``derive.algebraic.Element``.
    ``ClosedForm``  a number in closed form.

The sign of a closed form is that of a number of sixty digits, and it is zero only where SymPy reduces it to 0; where
neither can be said, ``UndecidedSignError`` is raised: nothing is guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import sympy

from derive.errors import DerivationError

__all__ = ["ClosedForm", "UndecidedSignError", "Value"]

PRECISION = 60
CLEAR = sympy.Float("1e-40", 20)


class Value(Protocol):
    """An exact real number: an ``Element`` or a ``ClosedForm``. Numbers that meet are of one kind."""

    def __add__(self, other: Any, /) -> Value: ...
    def __sub__(self, other: Any, /) -> Value: ...
    def __mul__(self, other: Any, /) -> Value: ...
    def __truediv__(self, other: Any, /) -> Value: ...
    def __neg__(self) -> Value: ...
    def __float__(self) -> float: ...
    @property
    def is_rational(self) -> bool: ...
    def constant(self, value: object) -> Value: ...
    def sign(self) -> int: ...
    def expression(self) -> sympy.Expr: ...


class UndecidedSignError(DerivationError):
    """It could not be shown whether a number is zero."""


@dataclass(frozen=True, eq=False)
class ClosedForm:
    """A real number in closed form."""

    form: sympy.Expr

    def __add__(self, other: ClosedForm) -> ClosedForm:
        return ClosedForm(self.form + other.form)

    def __sub__(self, other: ClosedForm) -> ClosedForm:
        return ClosedForm(self.form - other.form)

    def __neg__(self) -> ClosedForm:
        return ClosedForm(-self.form)

    def __mul__(self, other: ClosedForm) -> ClosedForm:
        return ClosedForm(self.form * other.form)

    def __truediv__(self, other: ClosedForm) -> ClosedForm:
        return ClosedForm(self.form / other.form)

    def __float__(self) -> float:
        return float(self.form)

    def constant(self, value: object) -> ClosedForm:
        """A rational number."""
        return ClosedForm(sympy.Rational(value))

    @property
    def is_rational(self) -> bool:
        """Whether this is seen to be a fraction."""
        return bool(self.reduced.is_Rational)

    @cached_property
    def reduced(self) -> sympy.Expr:
        """The same number, simplified."""
        return sympy.simplify(sympy.expand(self.form))

    @cached_property
    def _sign(self) -> int:
        if self.reduced.is_zero:
            return 0
        value = self.reduced.evalf(PRECISION)
        if not value.is_real or not value.is_finite:
            raise UndecidedSignError(f"{self.reduced} is no real number")
        if abs(value) > CLEAR:
            return 1 if value > 0 else -1
        raise UndecidedSignError(f"it could not be shown whether {self.reduced} is zero")

    def sign(self) -> int:
        """-1, 0 or 1. Raises: UndecidedSignError."""
        return self._sign

    def expression(self) -> sympy.Expr:
        """The number, simplified."""
        return self.reduced
