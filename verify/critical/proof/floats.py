"""The arithmetic of floating-point numbers for a tape: every operation on arrays, with NaN where it has no value."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
from scipy.special import erf as error_function

__all__ = ["FLOATS"]


class Floats:
    """A method for every operation of a tape."""

    def constant(self, value: Fraction | str) -> float:
        return float(value) if isinstance(value, Fraction) else {"pi": math.pi, "e": math.e}[value]

    def power(self, a: Any, exponent: int) -> Any:
        return np.power(a, exponent)

    def positive_inverse(self, a: Any) -> Any:
        return np.where(np.asarray(a) > 0, np.divide(1.0, a), np.nan)

    def step(self, a: Any) -> Any:
        return np.heaviside(a, 0.5)

    add = staticmethod(np.add)
    subtract = staticmethod(np.subtract)
    negative = staticmethod(np.negative)
    multiply = staticmethod(np.multiply)
    divide = staticmethod(np.divide)
    sqrt = staticmethod(np.sqrt)
    exp = staticmethod(np.exp)
    log = staticmethod(np.log)
    sin = staticmethod(np.sin)
    cos = staticmethod(np.cos)
    tan = staticmethod(np.tan)
    sinh = staticmethod(np.sinh)
    cosh = staticmethod(np.cosh)
    tanh = staticmethod(np.tanh)
    asin = staticmethod(np.arcsin)
    acos = staticmethod(np.arccos)
    atan = staticmethod(np.arctan)
    asinh = staticmethod(np.arcsinh)
    erf = staticmethod(error_function)
    abs = staticmethod(np.abs)
    sign = staticmethod(np.sign)
    maximum = staticmethod(np.maximum)
    minimum = staticmethod(np.minimum)


FLOATS = Floats()
