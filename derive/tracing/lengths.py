"""Sizes while a function is traced: integers that remember what they stand for.

Data
    ``Length``   an ``int``: its value in this run, and the size (``n``, ``4*e``, ``n - 1``) that it is the value of.

Whole numbers stay lengths under ``+``, ``-``, ``*``, ``//`` and whole powers; a fraction of lengths is a scalar.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import sympy

from derive.errors import NotationError
from derive.size_algebra import Size, as_expression, certainly_nonnegative, exact_quotient, plus, times
from derive.tracing.session import session

__all__ = ["Length", "Real", "length", "number_of", "product", "size_of", "sizes_of"]


class Length(int):
    """An integer that remembers the size that it is the value of."""

    size: Size

    def __new__(cls, size: Size) -> Length:
        made = super().__new__(cls, session().value(size))
        made.size = size
        return made

    def _with(self, other: object, combine: Callable[[Size, Size], Size]) -> Any:
        return length(combine(self.size, size_of(other))) if isinstance(other, int) else NotImplemented

    def __add__(self, other: object) -> Any:
        return self._with(other, plus) if isinstance(other, int) else _scalar(self).__add__(other)

    def __radd__(self, other: object) -> Any:
        return self._with(other, plus) if isinstance(other, int) else _scalar(self).__radd__(other)

    def __sub__(self, other: object) -> Any:
        whole = isinstance(other, int)
        return self._with(other, lambda a, b: plus(a, times(b, -1))) if whole else _scalar(self).__sub__(other)

    def __rsub__(self, other: object) -> Any:
        whole = isinstance(other, int)
        return self._with(other, lambda a, b: plus(b, times(a, -1))) if whole else _scalar(self).__rsub__(other)

    def __mul__(self, other: object) -> Any:
        return self._with(other, times) if isinstance(other, int) else _scalar(self).__mul__(other)

    def __rmul__(self, other: object) -> Any:
        return self._with(other, times) if isinstance(other, int) else _scalar(self).__rmul__(other)

    def __neg__(self) -> Any:
        return length(times(self.size, -1))

    def __pos__(self) -> Any:
        return self

    def __floordiv__(self, other: object) -> Any:
        return self._with(other, _floor) if isinstance(other, int) else NotImplemented

    def __rfloordiv__(self, other: object) -> Any:
        return self._with(other, lambda a, b: _floor(b, a)) if isinstance(other, int) else NotImplemented

    def __mod__(self, other: object) -> Any:
        left = self._with(other, _remainder) if isinstance(other, int) else NotImplemented
        return Remainder(left.size) if isinstance(left, Length) else left

    def __divmod__(self, other: object) -> Any:
        return self // other, self % other

    def __truediv__(self, other: object) -> Any:
        return _scalar(self).__truediv__(other)

    def __rtruediv__(self, other: object) -> Any:
        return _scalar(self).__rtruediv__(other)

    def __pow__(self, other: object, modulus: object = None) -> Any:
        if isinstance(other, int) and not isinstance(other, Length) and other >= 0:
            return product([self] * other)
        return _scalar(self).__pow__(other)

    def __rpow__(self, other: object, modulus: object = None) -> Any:
        return _scalar(self).__rpow__(other)

    def __matmul__(self, other: object) -> Any:
        return NotImplemented

    __rmatmul__ = __matmul__

    def __lt__(self, other: object) -> Any:
        return _is_above(other, self, strictly=True) if isinstance(other, int) else NotImplemented

    def __le__(self, other: object) -> Any:
        return _is_above(other, self, strictly=False) if isinstance(other, int) else NotImplemented

    def __gt__(self, other: object) -> Any:
        return _is_above(self, other, strictly=True) if isinstance(other, int) else NotImplemented

    def __ge__(self, other: object) -> Any:
        return _is_above(self, other, strictly=False) if isinstance(other, int) else NotImplemented


class Remainder(Length):
    """What a division of sizes leaves; whether it is 0 nobody knows."""

    def _asked(self, *_: object) -> Any:
        raise NotationError(
            session().here(
                f"whether {as_expression(self.size)} is 0 is not known: give the size as a product, such as "
                'shapes={"x": ("2*m",)}, or as an integer'
            )
        )

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = _asked
    __hash__ = int.__hash__


def _is_above(one: int, two: int, *, strictly: bool) -> bool:
    """Whether a size is larger than another (or as large), at every assignment; else a number is asked for."""
    difference = plus(size_of(one), times(size_of(two), -1))
    if certainly_nonnegative(plus(difference, -int(strictly))):
        return True
    if certainly_nonnegative(plus(times(difference, -1), int(strictly) - 1)):
        return False
    session().specialise(difference, "the code compares sizes")
    return int(one) > int(two) if strictly else int(one) >= int(two)


def _real_operator(name: str) -> Callable[[Real, object], Any]:
    of_float = getattr(float, name)

    def operate(self: Real, other: object) -> Any:
        if isinstance(other, Length):
            return getattr(_scalar(self), name)(_scalar(other))
        found = of_float(self, other) if isinstance(other, (int, float)) else NotImplemented
        return Real(found) if isinstance(found, float) else found

    return operate


class Real(float):
    """A float of the user's code: to a plain one a length is an integer, and ``0.5 / n`` would lose the ``n``."""

    __add__, __radd__ = _real_operator("__add__"), _real_operator("__radd__")
    __sub__, __rsub__ = _real_operator("__sub__"), _real_operator("__rsub__")
    __mul__, __rmul__ = _real_operator("__mul__"), _real_operator("__rmul__")
    __truediv__, __rtruediv__ = _real_operator("__truediv__"), _real_operator("__rtruediv__")
    __pow__ = _real_operator("__pow__")  # type: ignore[assignment]
    __rpow__ = _real_operator("__rpow__")  # type: ignore[assignment]

    def __neg__(self) -> Real:
        return Real(-float(self))


def _floor(a: Size, b: Size) -> Size:
    whole = exact_quotient(a, b)
    return whole if whole is not None else sympy.floor(as_expression(a) / as_expression(b))


def _remainder(a: Size, b: Size) -> Size:
    return plus(a, times(times(_floor(a, b), b), -1))


def _scalar(value: Length | Real) -> Any:
    from derive.tracing.conversion import as_array

    return as_array(value)


def length(size: Size) -> int:
    """A size as an integer of this run; an ``int`` where it is one at every assignment."""
    return size if isinstance(size, int) else Length(size)


def size_of(value: object) -> Size:
    """The size behind an integer."""
    if isinstance(value, Length):
        return value.size
    if isinstance(value, int):
        return int(value)
    if hasattr(value, "__index__"):
        return int(value.__index__())
    raise NotationError(session().here(f"a size is a whole number, not {value!r}"))


def sizes_of(shape: object) -> tuple[Size, ...]:
    """The sizes of a shape; one size may stand without a tuple. Raises: NotationError where one is negative."""
    found = tuple(size_of(axis) for axis in (shape if isinstance(shape, (tuple, list)) else (shape,)))
    for size in found:
        if session().value(size) < 0:
            raise NotationError(session().here(f"an axis has no length {size}"))
    return found


def number_of(value: int) -> sympy.Expr:
    """An integer as a SymPy expression in sizes."""
    return as_expression(size_of(value))


def product(lengths: Iterable[int]) -> int:
    """The product of integers."""
    total: Size = 1
    for one in lengths:
        total = times(total, size_of(one))
    return length(total)
