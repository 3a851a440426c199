"""Hessian-vector products with bounds: by differences of a gradient in more digits than are asked for, or given.

A gradient in extended precision (64 bits instead of 53, where the machine has them) loses nothing that float64 could
hold when it is differenced four times with steps near 1e-3 and extrapolated. In float64 about three digits are lost.
Either way the product comes with a bound: truncation is read from the extrapolation, noise from a difference of third
order at tiny steps, which a smooth gradient cannot have.

Data
    ``Differences``  a gradient, the type it is computed in, and what was measured at the last point.
    ``Rounded``      products that somebody else makes, and what was measured at the last point.

The three most important functions are ``Differences.product`` (a product and its bound), ``read`` (the limit of four
central differences, and how far it can be off) and ``noise_near`` (what rounding does, measured).
Reference: Ridders (1982), Accurate computation of F'(x) and F'(x)F''(x).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verify.differences import EPS, NOISE_MARGIN, lagrange_weights
from verify.numdiff import Estimate

__all__ = ["EXTENDED", "Differences", "Rounded", "computes_in"]

Array = NDArray[np.float64]
Wide = NDArray[Any]
Gradient = Callable[[Wide], Wide]

EXTENDED = np.longdouble
"""More digits than float64 has, on most machines; where it is float64 by another name, it brings nothing."""

RUNGS = 4
# The finest step tried first, in units of 1/max|v|: weights and inputs of networks are seldom far from 1.
FIRST = {True: 2.0**-9, False: 2.0**-6}
LONGEST = 2.0**-4
STRIDE = 4.0
# Coordinates larger than this move in proportion.
HUGE = 1024.0
MOVES = 12
# A bound of so many units of float64 is not improved: rounding the product costs half of one.
ENOUGH = 4.0
# A type has more digits where its noise is so much smaller than float64's; 2048 times, if nothing is lost inside.
FINER = 64.0
# So often a step falls by 8 in the search for noise below what is smooth.
LEVELS = 5
# Truncation so large a part of the slopes on both sides is no truncation: the gradient is not smooth here.
UNRESOLVED = 0.05
# Where steps are still a little too long, a row of the tableau gains less than the one before it.
MARGIN = 16.0


def computes_in(gradient: Gradient, x: Array, dtype: type[np.floating[Any]]) -> bool:
    """Whether the gradient near x has more digits in this type than in float64: less noise."""
    if float(np.finfo(dtype).eps) >= EPS:
        return dtype is np.float64

    def near(z: Wide) -> Wide:
        return surely(gradient, z)

    try:
        value = gradient(x.astype(dtype))
    except (TypeError, ValueError):  # a function without a loop for this type; float64 will say what else is wrong
        return False
    with np.errstate(all="ignore"):
        return value.dtype == dtype and FINER * noise_near(near, x.astype(dtype)) <= noise_near(near, x)


def surely(gradient: Gradient, x: Wide) -> Wide:
    """The gradient; NaN where the function has none, as outside its domain."""
    try:
        return gradient(x)
    except (ArithmeticError, ValueError):
        return np.full_like(x, np.nan)


def unit(x: Wide) -> Wide:
    """The unit of steps along every coordinate: 1, and more where a step of 1 would be lost in rounding."""
    return np.maximum(np.abs(x) / HUGE, 1.0)


def noise_near(gradient: Gradient, x: Wide) -> float:
    """The largest noise of an entry of the gradient near x, one standard deviation.

    At x itself there may be none: all is exactly 0 at the origin. NaN where the gradient is nowhere finite.
    """
    rng = np.random.default_rng(0)
    found = [third_differences(gradient, x, distance, rng) for distance in (2.0**-4, 2.0**-8, 2.0**-16)]
    finite = [one for one in found if np.isfinite(one)][:2]
    return max(finite, default=np.nan)


def third_differences(gradient: Gradient, x: Wide, distance: float, rng: np.random.Generator) -> float:
    """The noise of third differences at this distance from x.

    What a smooth gradient leaves falls by 512 when the step falls by 8. Noise stays; and steps of a staircase, as of
    rounding to fewer digits inside, are either seen in full or not at all.
    """
    middle = x + distance * unit(x) * rng.choice([-1.0, 1.0], x.size)
    along = unit(x) * rng.uniform(0.5, 1.0, x.size) * rng.choice([-1.0, 1.0], x.size)
    seen: list[float] = []
    for step in np.cbrt(float(np.finfo(x.dtype).eps)) / 4 / 8.0 ** np.arange(LEVELS):
        far, near = gradient(middle + 3 * step * along), gradient(middle + step * along)
        opposite, behind = gradient(middle - 3 * step * along), gradient(middle - step * along)
        third = (far - opposite) - 3 * (near - behind)
        seen.append(float(np.max(np.abs(third), initial=0.0)) / np.sqrt(20))
        if len(seen) > 1 and not 64 * seen[-1] <= seen[-2] <= 4096 * seen[-1]:
            return max(seen[-2:])
    return seen[-1]


@dataclass(frozen=True)
class Reading:
    """The limit of central differences: its value, its truncation error, its noise, and the jump of the slope.

    ``steep`` is the largest slope on one side at the finest step. Shapes: value (n). Bounds hold for every entry.
    """

    finest: float
    value: Wide
    truncation: float
    noise: float
    jump: float
    steep: float

    @property
    def bound(self) -> float:
        """How far an entry may be off."""
        return self.truncation + self.noise


def read(steps: Array, slopes: Wide, evens: Wide, noise: float) -> Reading:
    """What differences at four steps, each twice the last, say at step 0.

    ``slopes`` are central differences, whose errors are even in the step; ``evens`` the right slopes minus the left
    ones, which go to 0 like the step where the gradient is smooth, and to the jump of its slope at a kink.
    Shapes: steps (4), slopes and evens (4, n).
    """
    nodes = steps**2
    tableau = {(i, i): slopes[i] for i in range(RUNGS)}
    for length in range(1, RUNGS):
        for i in range(RUNGS - length):
            j = i + length
            tableau[i, j] = (nodes[j] * tableau[i, j - 1] - nodes[i] * tableau[i + 1, j]) / (nodes[j] - nodes[i])
    value = tableau[0, RUNGS - 1]
    spread = float(np.sum(np.abs(lagrange_weights(nodes)) / steps))
    floor = NOISE_MARGIN * noise * spread

    def moved(one: tuple[int, int], other: tuple[int, int]) -> float:
        return float(np.max(np.abs(tableau[one] - tableau[other]), initial=0.0))

    last, coarser, before = moved((0, 2), (0, 3)), moved((1, 3), (0, 3)), moved((0, 1), (0, 2))
    # Where each row gained on the one before, the next gains as much; where steps are too long, none is believed.
    gains = coarser <= 0.25 * moved((1, 2), (1, 3)) and last <= 0.25 * before
    truncation = MARGIN * last * max(last / before, last / coarser) if gains and before and coarser else coarser
    steep = float(np.max(np.abs(slopes[0]) + np.abs(evens[0]) / 2, initial=0.0))
    return Reading(float(steps[0]), value, truncation, floor, jump(evens, floor), steep)


def agreed(best: Reading, others: Sequence[Reading]) -> Reading:
    """The reading, its bound widened until it contradicts none at finer steps."""
    finer = [one for one in others if one.finest < best.finest]
    gaps = [float(np.max(np.abs(best.value - one.value), initial=0.0)) - one.bound for one in finer]
    return replace(best, truncation=max(best.truncation, *gaps)) if gaps else best


def jump(evens: Wide, floor: float) -> float:
    """How far the slopes on both sides are apart in the limit; 0 where that is noise or truncation."""
    apart, less = AT_0 @ evens, AT_0_WITHOUT_LAST @ evens[:-1]
    size = float(np.max(np.abs(apart), initial=0.0))
    doubt = 2 * float(np.max(np.abs(apart - less), initial=0.0)) + 16 * floor
    return size if size > doubt else 0.0


def at_0(powers: tuple[int, ...]) -> Array:
    """Weights that read the value at 0 of a sum of these powers from its values at 1, 2, 4, …"""
    values = np.exp2(np.outer(np.arange(len(powers)), powers))
    return np.asarray(np.linalg.inv(values)[0], np.float64)


# Beside a jump, slopes on both sides differ by odd powers of the step.
AT_0 = at_0((0, 1, 3, 5))
AT_0_WITHOUT_LAST = at_0((0, 1, 3))


class Differences:
    """Hessian-vector products of a function with this gradient, from its values in one type.

    ``gradient`` maps an array of the type to one of the type. What was measured at the last point is kept: many
    products at one point cost eight gradients each, and a few more where steps must be sought.
    Shapes: gradient (n) -> (n).
    """

    def __init__(self, gradient: Gradient, dtype: type[np.floating[Any]]) -> None:
        self.gradient = gradient
        self.dtype = dtype
        self._known: tuple[bytes, Wide, float] | None = None

    def measured(self, x: Array) -> tuple[Wide, float]:
        """The gradient at x and the noise of its entries near it."""
        key = x.tobytes()
        if self._known is None or self._known[0] != key:
            wide = x.astype(self.dtype)
            self._known = key, self.gradient(wide), noise_near(self._near, wide)
        return self._known[1:]

    def product(self, x: Array, v: Array) -> Estimate:
        """The product of the Hessian at x with v, a bound for each entry, and whether there is a kink.

        The bound is infinite where the gradient jumps, or nothing could be learned.
        Shapes: x, v (n) -> fields (n).
        """
        size = float(np.max(np.abs(v), initial=0.0))
        if size == 0.0:
            return Estimate(np.zeros(v.shape), np.zeros(v.shape), np.zeros(v.shape, bool), 0)
        with np.errstate(all="ignore"):
            centre, noise = self.measured(x)
            wide, direction = x.astype(self.dtype), v.astype(self.dtype) / self.dtype(size)
            length = np.max(np.abs(direction) * unit(wide))
            return self._sought(wide, direction * length, size / float(length), centre, noise)

    def _near(self, x: Wide) -> Wide:
        return surely(self.gradient, x)

    def _sought(self, x: Wide, direction: Wide, size: float, centre: Wide, noise: float) -> Estimate:
        """Differences at steps that are moved until truncation and noise are in balance."""
        pairs: dict[float, tuple[Wide, Wide]] = {}
        eps = float(np.finfo(self.dtype).eps)

        def reading(finest: float) -> Reading:
            steps: Array = finest * np.exp2(np.arange(RUNGS))
            for step in map(float, steps):
                if step not in pairs:
                    right, left = (self._near(x + self.dtype(t) * direction) for t in (step, -step))
                    pairs[step] = (right - left) / (2 * step), ((right - centre) + (left - centre)) / step
            slopes, evens = (np.array([pairs[float(step)][k] for step in steps]) for k in (0, 1))
            return read(steps, slopes, evens, noise)

        finest = FIRST[eps < EPS]
        best = current = reading(finest)
        read_so_far = [current]
        turned = 0.0
        for _ in range(MOVES):
            largest = float(np.max(np.abs(best.value), initial=0.0))
            if best.bound <= ENOUGH * EPS * largest:
                break
            way = -1.0 if not current.truncation <= current.noise else 1.0
            if way == -turned or finest * STRIDE**way > LONGEST:
                break
            turned, finest = way, finest * STRIDE**way
            current = reading(finest)
            read_so_far.append(current)
            if current.bound < best.bound or np.isnan(best.bound):
                best = current
            elif way > 0:
                break
        smooth = any(one.truncation <= max(UNRESOLVED * one.steep, one.noise) for one in read_so_far)
        return self._estimate(agreed(best, read_so_far), smooth, size, 2 * len(pairs))

    def _estimate(self, best: Reading, smooth: bool, size: float, evaluations: int) -> Estimate:
        value = np.asarray(best.value * self.dtype(size), np.float64)
        bound = size * (best.bound + best.jump) + EPS * np.abs(value)
        bound = np.where(np.isfinite(bound) & smooth, bound, np.inf)
        return Estimate(value, bound, np.full(value.shape, best.jump > 0 or not smooth), evaluations)


class Rounded:
    """Hessian-vector products that are exact but for rounding, with a bound for that.

    Rounding is measured once at each point, as the noise of products with one random vector as x moves: no unit of
    rounding shows what is lost in 1 - y² where y is near 1, but a third difference does.
    Shapes: hvp (n), (n) -> (n).
    """

    def __init__(self, hvp: Callable[[Array, Array], Array]) -> None:
        self.hvp = hvp
        self._known: tuple[bytes, float] | None = None

    def measured(self, x: Array) -> float:
        """The noise of an entry of the product with a vector of ones, of both signs, near x."""
        key = x.tobytes()
        if self._known is None or self._known[0] != key:
            signs = np.random.default_rng(1).choice([-1.0, 1.0], x.size)
            with np.errstate(all="ignore"):
                self._known = key, noise_near(lambda z: surely(lambda y: self.hvp(y, signs), z), x)
        return self._known[1]

    def product(self, x: Array, v: Array) -> Estimate:
        """The product of the Hessian at x with v, and a bound for each entry, infinite where it is not finite.

        Shapes: x, v (n) -> fields (n).
        """
        size = float(np.max(np.abs(v), initial=0.0))
        value = self.hvp(x, v)
        bound = NOISE_MARGIN * self.measured(x) * size + 4 * EPS * np.abs(value)
        finite = np.isfinite(bound) & np.isfinite(value)
        return Estimate(value, np.where(finite, bound, np.inf), ~finite, 1)
