"""Hessian-vector products by central differences of a gradient, each with a bound on its error.

Noise is measured from a table of differences at tiny steps; the step balances it with the curvature of the gradient.
Every product is made at two steps. Extrapolation gives the value; the distance between both is far larger than what
extrapolation leaves, and bounds it.

Reference: Moré, Wild (2011), Estimating computational noise, SIAM J. Sci. Comput. 33(3), sec. 3. Ridders (1982).

The three most important functions are ``differences`` (products of rows), ``noise`` and ``step``.
"""

from __future__ import annotations

from collections.abc import Callable
from math import factorial
from typing import Any

import numpy as np

from verify.critical.large.products import EPS, Array, HvpError

__all__ = ["differences", "noise", "step"]

POINTS = 7
TINY = 2.0**-27
"""The step, relative to x, at which differences of high order are noise."""
FIRST = 2.0**-10
LARGEST = 2.0**-5
MARGIN = 4.0


def differences(gradient: Callable[[Array], Any], x: Array, rng: np.random.Generator) -> Callable[[Array], Any]:
    """A function that returns the products of the Hessian at x with unit vectors, and a bound on each error.

    A product costs 4 gradients, or 8 where the gradient bends more along it than along a random line.
    Shapes: x (n); rows (k, n) -> (k, n), (k).
    Raises: HvpError when the gradient has the wrong shape, is not finite, or changes from call to call.
    """
    if not callable(gradient):
        raise ValueError(f"gradient is {type(gradient).__name__}, expected a function of x")

    def at(point: Array) -> Array:
        found = np.asarray(gradient(point.copy()))
        if found.shape != x.shape:
            raise HvpError(f"gradient returned shape {found.shape}, expected the shape of x, {x.shape}")
        if found.dtype.kind not in "fiub":
            raise HvpError(f"gradient returned {found.dtype}, expected real numbers")
        value = np.array(found, dtype=np.float64)
        if not np.isfinite(value).all():
            place = int(np.argmax(~np.isfinite(value)))
            far = float(np.linalg.norm(point - x))
            raise HvpError(
                f"gradient: entry {place} is {value[place]} at distance {far:.1e} from x, expected a finite number; "
                "x may lie at the edge of the domain: give hvp instead"
            )
        return value

    centre, again = at(x), at(x)
    if not np.array_equal(centre, again):
        apart = float(np.linalg.norm(centre - again)) / (float(np.linalg.norm(centre)) or 1.0)
        if apart > 1e-3:
            raise HvpError(
                f"gradient gives another value when it is called again at x, apart by {apart:.1e} of its length; fix "
                "the batch, the random numbers and the mode that it uses"
            )
    direction = rng.normal(size=len(x))
    direction /= np.linalg.norm(direction)
    size = float(np.max(np.abs(x), initial=0.0)) or 1.0
    rough = noise(at, x, direction, size)
    length = step(at, x, direction, size, rough)

    def product(row: Array) -> tuple[Array, float]:
        h = length
        value, bent = _extrapolated(at, x, row, h)
        if bent > 30 * rough / h:
            h *= max((10 * rough / h / bent) ** (1 / 3), 2.0**-6)
            value, bent = _extrapolated(at, x, row, h)
        return value, bent + MARGIN * rough / h

    def products(rows: Array) -> tuple[Array, Array]:
        both = [product(row) for row in rows]
        return np.stack([value for value, _ in both]), np.array([error for _, error in both])

    return products


def _extrapolated(at: Callable[[Array], Array], x: Array, row: Array, h: float) -> tuple[Array, float]:
    """The product, and the part of the shorter difference that is its truncation."""
    near = (at(x + h * row) - at(x - h * row)) / (2 * h)
    far = (at(x + 2 * h * row) - at(x - 2 * h * row)) / (4 * h)
    return near + (near - far) / 3, float(np.linalg.norm(near - far)) / 3


def noise(at: Callable[[Array], Array], x: Array, direction: Array, size: float) -> float:
    """The noise of the gradient, as the standard deviation of its error's norm.

    Shapes: x, direction (n); ``size`` is the length over which the gradient changes.
    """
    table = np.stack([at(x + k * TINY * size * direction) for k in range(POINTS)])
    least = EPS * float(np.linalg.norm(table[0]))
    found = []
    for order in range(1, POINTS):
        table = np.diff(table, axis=0)
        weight = factorial(order) ** 2 / factorial(2 * order)
        found.append(float(np.sqrt(weight * np.mean(np.sum(table**2, axis=1)))))
    return max(*found[3:], least, float(np.finfo(float).tiny))


def step(at: Callable[[Array], Array], x: Array, direction: Array, size: float, rough: float) -> float:
    """The step at which noise and truncation are equal along a direction."""
    h = FIRST * size
    for _ in range(2):
        _, bent = _extrapolated(at, x, direction, h)
        bent = max(bent - rough / h, 1e-3 * rough / h)
        h = float(np.clip(h * (rough / h / bent) ** (1 / 3), 2.0**-20 * size, LARGEST * size))
    return h
