"""NumPy values of functions that only SciPy has, for complex arguments too.

SciPy is loaded where a value is asked for: it takes a quarter of a second, and few formulas have such a function.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy

__all__ = [
    "digamma_values",
    "erf_values",
    "gammaln_values",
    "normal_cdf_values",
    "normal_pdf_values",
    "polygamma_values",
]

SHIFT = 16
"""From here on the asymptotic series of a polygamma function is exact to rounding."""


def erf_values(z: Any) -> Any:
    """The error function."""
    from scipy import special

    return special.erf(z)


def normal_cdf_values(z: Any) -> Any:
    """The distribution function of a standard normal variable."""
    from scipy import special

    return special.ndtr(z)


def normal_pdf_values(z: Any) -> Any:
    """The density of a standard normal variable."""
    return np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)


def gammaln_values(z: Any) -> Any:
    """The logarithm of the gamma function."""
    from scipy import special

    return special.loggamma(z) if np.iscomplexobj(z) else special.gammaln(z)


def digamma_values(z: Any) -> Any:
    """The derivative of the logarithm of the gamma function."""
    from scipy import special

    return special.digamma(z)


def polygamma_values(order: int, z: Any) -> Any:
    """The derivative of digamma of this order, at least 1.

    For complex arguments with a positive real part: SciPy's polygamma takes real ones only. The recurrence moves the
    argument to where the asymptotic series holds, of which both are differentiated term by term.
    """
    from scipy import special

    if not np.iscomplexobj(z):
        return special.polygamma(order, z)
    sign = (-1) ** (order + 1)
    front = special.factorial(order)
    near = sum(front / (z + k) ** (order + 1) for k in range(SHIFT))
    far = z + SHIFT
    series = special.factorial(order - 1) / far**order + front / (2 * far ** (order + 1))
    for k in range(1, 9):
        bernoulli = float(sympy.bernoulli(2 * k))
        series = series + bernoulli * _rising(2 * k, order) / far ** (2 * k + order)
    return sign * (near + series)


def _rising(first: int, order: int) -> float:
    """``(2k + order - 1)! / (2k)!``, which the series multiplies its Bernoulli numbers with."""
    product = 1.0
    for factor in range(first + 1, first + order):
        product *= factor
    return product
