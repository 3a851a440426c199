"""The types of numbers that a traced function sees: those of Python and NumPy, which leave traced arrays alone."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from derive.errors import NotationError
from derive.tracing.arrays import Array
from derive.tracing.conversion import as_array
from derive.tracing.lengths import Length, Real
from derive.tracing.session import session

__all__ = ["Float", "Int", "numpy_types"]


class Like(type):
    """The type of a class that takes the place of a built-in one."""

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, cls.__mro__[1])

    def __subclasscheck__(cls, other: type) -> bool:
        return issubclass(other, cls.__mro__[1])


class Float(float, metaclass=Like):
    """``float`` in a traced function."""

    def __new__(cls, value: Any = 0.0) -> Any:
        return as_array(value) if type(value) in (Array, Length) else Real(builtins.float(value))


class Int(int, metaclass=Like):
    """``int`` in a traced function."""

    def __new__(cls, value: Any = 0, *base: Any) -> Any:
        if type(value) is Length:
            return value
        if type(value) is Array and not value.ndim:
            raise NotationError(session().here("int(…) cuts fractions off: divide sizes with // to keep them whole"))
        return builtins.int(value, *base)


class LikeArray(Like):
    """The type of ``np.ndarray``, of which arrays of the run are some, too."""

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, (Array, np.ndarray))


class NDArray(np.ndarray[Any, np.dtype[Any]], metaclass=LikeArray):
    """``np.ndarray`` in a traced function."""


def _number(real: Any) -> Any:
    def new(cls: type, value: Any = 0) -> Any:
        if isinstance(value, Array):
            return value.astype(real)
        if isinstance(value, Length):
            return value if issubclass(real, np.integer) else as_array(value)
        return Real(real(value)) if real is np.float64 else real(value)

    return Like(real.__name__, (real,), {"__new__": new})


def numpy_types() -> dict[str, Any]:
    """NumPy's types of numbers, by their names."""
    kinds = ("float64", "float32", "float16", "double", "single", "int64", "int32", "int16", "int8", "intp")
    return {"ndarray": NDArray} | {name: _number(getattr(np, name)) for name in kinds}
