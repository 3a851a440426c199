"""Steps of plain differences, chosen once from the noise that a function shows.

Data: ``Steps``, in units of the scale of each coordinate.

The most important function is ``measured_steps``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verify.critical.points import Array
from verify.differences import EPS, ROUNDING, scatter
from verify.lines import CLUSTER, Line

__all__ = ["Steps", "measured_steps", "plain_steps"]

# Steps that are tried, in units of the scale, with odd digits as in ``verify.lines``.
LADDER = tuple(1.0619 * 2.0**-k for k in range(25, 2, -2))
# A gradient of noise 1 differs by at most this many times the noise: what is left is truncation.
SPREAD = 3.0
# Where the next derivative vanishes by chance no step seems too long: none is longer than so many times what suits a
# function whose derivatives are all of one size.
LONGEST = 16.0
# Coordinates that are smaller than the typical one by this factor may be in other units; so many are asked.
UNITS, ASKED = 1e-3, 64
# They are asked by slopes over this share of a size, which are alike within this share.
PROBE, ALIKE = 1e-3, 0.1
# The finest steps, on which nothing but noise is seen.
SEEN = 3
# A step of fewer units in the last place of x is known too badly itself.
FEWEST_ULPS = 2.0**12


@dataclass(frozen=True, eq=False)
class Steps:
    """Steps of differences: of f (``first``, ``second``) and of the gradient, as shares of each coordinate's scale.

    ``noise`` and ``gradient_noise`` are what f and the gradient round, relative to the size of their terms.
    The scale of a coordinate is ``scale`` where it is ``fixed``, else at least |x|.
    Shapes: scale scalar or (n).
    """

    scale: Array | float
    fixed: bool = False
    first: float = EPS ** (1 / 3)
    second: float = EPS ** (1 / 4)
    gradient: float = EPS ** (1 / 3)
    noise: float = ROUNDING
    gradient_noise: float = ROUNDING

    def scale_at(self, x: Array) -> Array:
        """The scale of each coordinate. Shapes: x (n) -> (n)."""
        scale = np.broadcast_to(self.scale, x.shape)
        return np.array(scale if self.fixed else np.maximum(np.abs(x), scale))

    def of(self, x: Array, share: float) -> Array:
        """The step along each axis, no finer than x can be told. Shapes: x (n) -> (n)."""
        return np.maximum(share * self.scale_at(x), FEWEST_ULPS * EPS * np.abs(x))

    def along(self, x: Array, v: Array, share: float) -> float:
        """The step along v, on which no coordinate moves by more than its own step."""
        moving = v != 0
        return float(np.min(self.of(x, share)[moving] / np.abs(v[moving])))


def plain_steps(f: Callable[[Any], Any], x: Array, scale: Array | None) -> Steps:
    """Steps for what rounds in the last place and changes over this scale, else over the typical size of x.

    A coordinate that is far smaller than others moves by its own size if f does not look the same over the typical
    one: it may be in other units, or near 0 by chance.
    Shapes: x (n), scale (n).
    """
    if scale is not None:
        return Steps(scale, fixed=True)
    size = np.abs(x)
    typical = float(np.median(size[size > 0])) if np.any(size > 0) else 1.0
    found = np.full(x.shape, typical)
    for k in np.flatnonzero((size > 0) & (size < UNITS * typical))[:ASKED]:
        near, far = (_slope(f, x, int(k), PROBE * s) for s in (size[k], typical))
        if not abs(near[0] - far[0]) <= ALIKE * abs(near[0]) + near[1]:
            found[k] = size[k]
    return Steps(found)


def _slope(f: Callable[[Any], Any], x: Array, k: int, h: float) -> tuple[float, float]:
    """A central difference along a coordinate, and what rounding makes of it."""
    right, left = x.copy(), x.copy()
    right[k] += h
    left[k] -= h
    ahead, behind = float(f(right)), float(f(left))
    return (ahead - behind) / (2.0 * h), SPREAD * EPS * (abs(ahead) + abs(behind)) / h


def measured_steps(
    f: Callable[[Any], Any], gradient: Callable[[Any], Any] | None, x: Array, plain: Steps, further: int = 0
) -> Steps:
    """The steps with the least error of truncation and noise together, on a line through x that moves everything.

    ``plain`` tells the scale; ``further`` so many finer steps are tried, where the scale may be too long at x.
    Shapes: x (n), f(x) scalar, gradient(x) (n).
    """
    spread = plain.scale_at(x)
    v = spread * np.random.default_rng(0).choice((-1.0, 1.0), x.shape)
    finer = tuple(LADDER[0] * 4.0 ** -(k + 1) for k in range(further))
    with np.errstate(all="ignore"):
        values = _line(f, x, v, finer)
        noise, first = _least(values, 1)
        second = _least(values, 2)[1]
        if gradient is None:
            return Steps(plain.scale, plain.fixed, first, second, plain.gradient, noise)
        gradient_noise, third = _least(_line(lambda z: spread * gradient(z), x, v, finer), 1)
    return Steps(plain.scale, plain.fixed, first, second, third, noise, gradient_noise)


def _line(function: Callable[[Any], Any], x: Array, v: Array, finer: tuple[float, ...]) -> Line:
    def path(t: float) -> tuple[Array, float]:
        return np.ravel(np.asarray(function(x + t * v), np.float64)), t

    line = Line(path, path(0.0)[0], 1.0, 1.0, lambda _: None)
    line.sample(*finer, *CLUSTER, *LADDER)
    return line


def _least(line: Line, order: int) -> tuple[float, float]:
    """The noise relative to the size of terms, and the step with the least error.

    The truncation at a step is what the quotient moves by, from the next finer step; slopes have also in it what the
    curvature moves by, which tells of what a step jumps over. No step counts that contradicts a finer one.
    """
    curvature = line.curvature()
    series = line.slope() if order == 1 else curvature
    seen = np.linalg.norm(scatter(line.slope())[:SEEN], axis=1)
    centre = float(np.linalg.norm(line.centre))
    slope = line.slope().values
    typical = float(np.nanmedian(np.linalg.norm(slope, axis=1))) if np.any(np.isfinite(slope)) else 0.0
    size = centre + (typical if np.isfinite(typical) else 0.0)
    noise = max(float(np.max(seen, initial=0.0)), ROUNDING * size)
    h = line.steps
    moved = np.linalg.norm(np.diff(series.values, axis=0), axis=1)
    factor = np.sqrt(0.5) if order == 1 else np.sqrt(6.0)
    if order == 1:
        bent = np.linalg.norm(np.diff(curvature.values, axis=0), axis=1)
        moved = moved + h[1:] * np.maximum(bent - SPREAD * np.sqrt(6.0) * noise * h[:-1] ** -2.0, 0.0)
    error = np.maximum(moved, SPREAD * factor * noise * h[1:] ** -order)
    usual = float(noise / size if size else ROUNDING) ** (1.0 / (2 + order))
    tried = np.isfinite(error) & (h[1:] <= LONGEST * usual) & _consistent(series.values[1:], error)
    if not size or not np.any(tried):
        return ROUNDING, usual
    return noise / size, float(h[1:][tried][np.argmin(error[tried])])


def _consistent(values: Array, error: Array) -> NDArray[np.bool_]:
    """The steps whose quotient lies within the errors of all finer ones. Shapes: values (k, m), error (k) -> (k)."""
    found = np.ones(len(error), bool)
    for k in range(1, len(error)):
        apart = np.array([np.linalg.norm(values[k] - finer) for finer in values[:k]])
        found[k] = not np.any(apart > SPREAD * (error[k] + error[:k]))
    return found
