"""A function along a line: its values at pairs ``±h``, and the derivatives that can be read from them.

The odd part of the values gives the first derivative, the even part the second and, divided by ``h`` only once, the
jump of the slope at a kink. ``numdiff`` chooses the lines.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from verify.differences import (
    EPS,
    ROUNDING,
    Array,
    Flags,
    Limit,
    Series,
    diverges,
    extrapolate,
    persists,
    running_noise,
    scatter,
)

# Steps in units of the scale. Their digits are odd on purpose: round steps move a function by whole units of its own
# rounding, and hide the noise that they should show.
FINEST = 0.9137 * 2.0**-30
CLUSTER = (1.4741 * 2.0**-22, 1.2839 * 2.0**-21, 1.0273 * 2.0**-20)
LADDER = (1.0619 * 2.0**-6, 1.0387 * 2.0**-5, 0.9871 * 2.0**-4, 0.9543 * 2.0**-3)

# A bound this small, relative to the derivative or to the change of the function per step, ends the search.
TOLERANCE = {1: 1e-10, 2: 1e-6}
MOVES = 8
# Where nothing is resolved yet, or nothing moves, steps still grow up to this: functions are rarely written with
# other units than 1.
NATURAL = 2.0**-3
# Noise so large a part of the function is more than float32 makes; these multiples of the finest step look closer.
SUSPICION = 1e-5
DENSE = (1.6180, 2.7183)


class Line:
    """A path of arrays sampled at pairs ``±h``; each pair is evaluated once and kept.

    ``path(t)`` returns the values and the displacement really made, which floating point may have rounded;
    ``argument`` is the size of the coordinate that moves, and with it of that rounding. ``tilted(t)`` is the
    complex-step derivative at t, if there is one.
    """

    def __init__(
        self,
        path: Callable[[float], tuple[Array, float]],
        centre: Array,
        scale: float,
        argument: float,
        tilted: Callable[[float], Array | None],
    ) -> None:
        self.path = path
        self.centre = centre
        self.scale = scale
        self.argument = argument
        self.tilted = tilted
        self._pairs: dict[float, tuple[Array, Array, float]] = {}

    def sample(self, *steps: float) -> None:
        """Evaluate the pairs at these steps, given in units of the scale."""
        for step in steps:
            h = step * self.scale
            if h not in self._pairs:
                right, ahead = self.path(h)
                left, behind = self.path(-h)
                self._pairs[h] = right, left, ahead - behind

    @property
    def steps(self) -> Array:
        """The sampled steps, finest first."""
        return np.array(sorted(self._pairs))

    @property
    def fine(self) -> int:
        """How many of the finest steps tell noise from structure: a dense cluster if there is one."""
        dense = int(np.count_nonzero(self.steps < 4 * FINEST * self.scale))
        return dense if dense > 2 else int(np.count_nonzero(self.steps < 1.1 * CLUSTER[-1] * self.scale))

    def sides(self) -> tuple[Array, Array, Array]:
        """Values to the right, values to the left and the width between them; one row per step."""
        rows = [self._pairs[float(h)] for h in self.steps]
        right, left, width = zip(*rows, strict=True)
        return np.array(right), np.array(left), np.array(width)

    def slope(self) -> Series:
        """Central differences: even in h, the jump of a kink cancels."""
        h = self.steps
        right, left, width = self.sides()
        return Series(h**2, (right - left) / width[:, None], 1.0 / h, 0.5, 0.0, (self.scale / 4) ** 2)

    def curvature(self) -> Series:
        """Second differences: even in h."""
        h = self.steps
        right, left, _ = self.sides()
        return Series(
            h**2,
            ((right - self.centre) + (left - self.centre)) / (h**2)[:, None],
            h**-2,
            2.0,
            4.0,
            (self.scale / 4) ** 2,
        )

    def jump(self) -> Series:
        """Right slope minus left slope: tends to 0 exactly where the function has one slope."""
        h = self.steps
        right, left, _ = self.sides()
        return Series(h, ((right - self.centre) + (left - self.centre)) / h[:, None], 1.0 / h, 2.0, 4.0)

    def bend(self) -> Series:
        """Four times the drift of the central difference with h: the jump of the curvature at a kink of the slope."""
        h = self.steps
        slope = self.slope().values
        drift = 4.0 * np.diff(slope, axis=0) / np.diff(h)[:, None]
        return Series(h[1:] + h[:-1], drift, 4.0 / (h[:-1] * np.diff(h)), 1.0, 0.0)

    def side(self, sign: int) -> Series:
        """Forward (+1) or backward (-1) differences."""
        h = self.steps
        right, left, _ = self.sides()
        values = right if sign > 0 else left
        return Series(h, sign * (values - self.centre) / h[:, None], 1.0 / h, 1.0, 1.0)


@dataclass(frozen=True)
class Reading:
    """What a line says about one derivative; fields of shape (m,) but ``reach``, the largest step that was of use.

    ``suspect`` noise is so far above rounding that it may be structure on the scale of the smallest steps.
    """

    value: Array
    bound: Array
    kink: Flags
    noise: Array
    reach: float
    suspect: Flags


def read(line: Line, order: int, level: Array) -> tuple[Reading, Limit]:
    """The derivative of this order at 0 from the pairs sampled so far. ``level`` is noise known beforehand."""
    slope = line.slope()
    odd, even = scatter(slope), scatter(line.curvature())
    rounding = rounding_noise(line, slope)
    known = np.maximum(rounding, np.maximum(level, staircase(line)))
    smooth = running_noise(odd, known, line.fine)
    full = np.maximum(smooth, running_noise(even, known, line.fine))

    series = slope if order == 1 else line.curvature()
    limit = extrapolate(series, full)
    value, bound = limit.value, limit.bound

    corner = line.jump() if order == 1 else line.bend()
    jump = extrapolate(corner, smooth[: len(corner.nodes)])
    corner_seen = np.abs(jump.value) > jump.bound
    kink = corner_seen & persists(corner, jump.value, smooth)
    if np.any(corner_seen):
        # At a kink the even part is no noise; the mean of both slopes is read with the noise of the odd part.
        calm = extrapolate(series, smooth)
        value = np.where(kink, calm.value, value)
        bound = np.where(kink, calm.bound, bound)
        bound = np.where(corner_seen, np.maximum(bound, 0.5 * (np.abs(jump.value) + jump.bound)), bound)
    broken = leaps(line) | diverges(series, rounding) | diverges(line.jump(), rounding)
    if order == 2:
        first = extrapolate(line.jump(), smooth)
        broken |= np.abs(first.value) > first.bound
    bound = np.where(broken, np.inf, bound)
    kink = kink | broken

    if order == 1:
        for sign in (1, -1):
            lone = ~np.isfinite(bound) & ~kink & np.isfinite(line.centre)
            if np.any(lone):
                edge = read_side(line, sign)
                value = np.where(lone, edge.value, value)
                bound = np.where(lone, edge.bound, bound)
    right, left, _ = line.sides()
    moving = np.any((right != line.centre) | (left != line.centre), axis=0)
    reach = float(np.median(line.steps[limit.last[moving]])) if moving.any() else LADDER[-1] * line.scale
    suspect = (full[0] > 1e3 * rounding.max(axis=0)) & (full[0] > SUSPICION * np.abs(line.centre))
    return Reading(value, bound, kink, full[0], reach, suspect), limit


def read_side(line: Line, sign: int) -> Reading:
    """The slope to the right (+1) or to the left (-1) of 0."""
    side = line.side(sign)
    rounding = rounding_noise(line, side)
    noise = running_noise(scatter(side), np.maximum(rounding, staircase(line)), line.fine)
    limit = extrapolate(side, noise)
    lost = diverges(side, rounding) | leaps(line)
    bound = np.where(lost, np.inf, limit.bound)
    return Reading(limit.value, bound, np.zeros_like(lost), noise[0], line.scale, np.zeros_like(lost))


def rounding_noise(line: Line, slope: Series) -> Array:
    """The noise no function escapes: rounding of its output and of its argument. Shapes: -> (k, m)."""
    right, left, _ = line.sides()
    size = np.maximum(np.maximum(np.abs(right), np.abs(left)), np.abs(line.centre))
    noise = ROUNDING * (size + line.argument * np.abs(slope.values))
    return np.where(np.isfinite(noise), noise, ROUNDING * np.nan_to_num(np.abs(line.centre)))


def staircase(line: Line) -> Array:
    """The noise of a function that moves in steps, where fine values tie with the centre although coarse ones do not.

    A function that cancels internally, or computes in single precision, looks constant below one step, and free of
    noise. A function that is flat as far as a kink nearby ties too, but then only one side moves.
    Shapes: -> (k, m).
    """
    right, left, _ = line.sides()
    ahead, behind = np.abs(right - line.centre), np.abs(left - line.centre)
    moves = np.maximum(ahead, behind)
    quantum = np.min(np.where(moves > 0, moves, np.inf), axis=0, initial=np.inf)
    lowest = (moves > 0) & (np.cumsum(moves > 0, axis=0) <= 4)
    both = lowest & (ahead > 0) & (behind > 0)
    uneven = np.abs((right - line.centre) + (left - line.centre))
    sloping = both & (np.abs(right - left) > 2 * uneven)
    tied = np.logical_and.accumulate(moves == 0, axis=0)
    # What moves evenly to both sides, an extremum or a kink, has no slope to be drowned but in the tie itself.
    affected = tied | (tied[0] & (2 * sloping.sum(axis=0) > both.sum(axis=0)))
    return np.where(affected & both.any(axis=0) & np.isfinite(quantum), 0.3 * quantum, 0.0)


def leaps(line: Line) -> Flags:
    """Whether the function is discontinuous at 0: each side settles, on different values."""
    right, left, _ = line.sides()
    rows = line.steps <= 4 * CLUSTER[-1] * line.scale
    if np.count_nonzero(rows) < 2:
        return np.zeros(line.centre.shape, dtype=bool)
    everything = np.concatenate([right, left, line.centre[None]])
    right, left = right[rows], left[rows]
    unrest = np.ptp(right, axis=0) + np.ptp(left, axis=0)
    ahead, behind = right.mean(axis=0), left.mean(axis=0)
    gap = np.maximum(np.abs(ahead - behind), np.maximum(np.abs(ahead - line.centre), np.abs(behind - line.centre)))
    extent = np.ptp(np.where(np.isfinite(everything), everything, line.centre), axis=0)
    size = np.abs(line.centre) + np.abs(ahead) + np.abs(behind)
    steps = line.steps[~rows]
    rough = np.zeros(line.centre.shape)
    for values in line.sides()[:2]:
        far = Series(steps, values[~rows], np.ones_like(steps), 1.0, 0.0)
        rough = np.maximum(rough, scatter(far).max(axis=0, initial=0.0))
    return np.asarray((gap > 16 * unrest) & (gap > 8 * rough) & (gap > 64 * EPS * size) & (gap > 0.01 * extent))


def explore(line: Line, order: int, level: Array, tolerance: float) -> Reading:
    """Read a line, adding pairs where they help, until the bound is small or nothing helps."""
    reading, limit = read(line, order, level)
    for _ in range(MOVES):
        steps = next_steps(line, order, reading, limit, tolerance)
        if not steps:
            break
        line.sample(*(step / line.scale for step in steps))
        reading, limit = read(line, order, level)
    return reading


def shortfall(line: Line, order: int, reading: Reading, tolerance: float) -> Array:
    """How many times wider than asked for each bound is; 0 where nothing better is to be had."""
    right, left, _ = line.sides()
    change = np.fmax.reduce(np.abs(np.concatenate([right, left]) - line.centre), axis=0, initial=0.0)
    size = np.abs(reading.value) + change / line.steps[-1] ** order
    settled = reading.kink | ~np.isfinite(line.centre) | ((change == 0) & (line.steps[-1] > 0.5 * NATURAL))
    need = np.where(settled, 0.0, reading.bound / (tolerance * size))
    return np.where(np.isnan(need), np.inf, need)


def next_steps(line: Line, order: int, reading: Reading, limit: Limit, tolerance: float) -> list[float]:
    """The steps whose pairs promise most for the component that needs them most."""
    steps = line.steps
    right, left, _ = line.sides()
    need = shortfall(line, order, reading, tolerance)
    if need.size == 0 or need.max() <= 1:
        return []
    worst = int(need.argmax())
    finest = np.maximum(np.abs(right - line.centre)[0], np.abs(left - line.centre)[0])
    if steps[-1] < 0.5 * NATURAL and np.any((finest == 0) & (need > 1)):
        # Ties below, perhaps from single precision: only much longer steps show whether the function is flat.
        return [min(NATURAL, 2.0**10 * float(steps[-1]))]
    if not np.isfinite(reading.bound[worst]):
        # Nearly every pair leaves the domain: begin again at the scale of what is left of it.
        inside = float(steps[0])
        closer = [inside * step for step in (*(2.0**-9 * step for step in LADDER[:3]), *LADDER)]
        return closer if closer[0] > 2.0**-50 * line.scale else []
    if reading.suspect[worst] and np.count_nonzero(steps < 4 * FINEST * line.scale) < 3:
        return [DENSE[0] * FINEST * line.scale, DENSE[1] * FINEST * line.scale]
    first, last = int(limit.first[worst]), int(limit.last[worst])
    if limit.truncation[worst] > 0.5 * limit.bound[worst] and first > 0 and steps[first - 1] < 0.375 * steps[first]:
        return [float(steps[first]) / 2]
    if last + 1 == len(steps):
        resolved = reading.bound[worst] < 0.1 * np.abs(reading.value[worst])
        stride = 2.0 ** np.clip(np.round(np.log2(need[worst]) / order), 2, 10)
        longer = float(steps[-1] * stride) if resolved else min(float(steps[-1] * stride), NATURAL)
        if steps[-1] < 0.5 * longer < 2.0**60 * line.scale:
            return [longer]
    series = line.slope() if order == 1 else line.curvature()
    for k in range(first, min(last + 1, len(steps) - 1)):
        octaves = round(float(np.log2(steps[k + 1] / steps[k])))
        if octaves > 1:
            useful = abs(series.values[k + 1, worst] - reading.value[worst]) < 0.25 * abs(reading.value[worst])
            return [float(steps[k + 1]) / 2 if useful else float(steps[k] * 2.0 ** (octaves // 2))]
    return []
