"""The limit of difference quotients as the step goes to 0, and how far it can be off.

One routine, :func:`extrapolate`, finds every such limit, together with a bound for what truncation and noise can do
to it. The noise is measured, by differences that a smooth function cannot have, and not assumed. NaN and infinity
mean "no information" throughout; callers silence NumPy's warnings about them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

EPS = float(np.finfo(np.float64).eps)

# A window of rungs is at most this long: longer ones only fit the noise.
LONGEST = 5
# What a bound claims, in units of the estimated truncation error and of the measured noise (one standard deviation).
TRUNCATION_MARGIN = 2.0
NOISE_MARGIN = 14.0
# Output rounding alone spreads like a uniform variable one unit in the last place wide.
ROUNDING = 0.3 * EPS


@dataclass(frozen=True)
class Series:
    """Quotients with a limit at node 0: row k is ``gain[k]`` times a combination of function values.

    The noise of ``Σ_k v[k] values[k]`` is ``sqrt(outer Σ (v gain)² + centre (Σ v gain)²)`` standard deviations of the
    noise of one function value: the values at ``±h`` err independently, the value at 0 is shared by all rows.
    Up to the node ``contracts`` the expansion in nodes has all its orders, and extrapolation gains at every one.
    Shapes: nodes (k,), values (k, m), gain (k,).
    """

    nodes: Array
    values: Array
    gain: Array
    outer: float
    centre: float
    contracts: float = 0.0

    def spread(self, weights: Array, rows: slice) -> float:
        """The noise of a weighted sum of rows when one function value has noise 1."""
        scaled = weights * self.gain[rows]
        return float(np.sqrt(self.outer * np.sum(scaled**2) + self.centre * np.sum(scaled) ** 2))


@dataclass(frozen=True)
class Limit:
    """The limit of a series: for each component its value, its bound and the window of rungs it was read from."""

    value: Array
    bound: Array
    truncation: Array
    first: NDArray[np.intp]
    last: NDArray[np.intp]


def lagrange_weights(nodes: Array) -> Array:
    """Weights that evaluate the interpolating polynomial at 0."""
    ratio = nodes / (nodes - nodes[:, None] + np.diag(nodes))
    return np.asarray(ratio.prod(axis=1))


def divided_difference_weights(nodes: Array) -> Array:
    """Weights of the divided difference, which vanishes on polynomials of degree below ``len(nodes) - 1``."""
    return 1.0 / np.asarray((nodes[:, None] - nodes + np.eye(len(nodes))).prod(axis=1))


def scatter(series: Series) -> Array:
    """Noise of one function value, as seen by the divided differences of three neighbouring rungs.

    Row i belongs to rungs i, i+1, i+2. Three rungs cancel value, third and fifth order, so at small steps nothing but
    noise is left. Shapes: -> (k - 2, m).
    """
    count, width = series.values.shape
    samples = np.zeros((max(count - 2, 0), width))
    for i in range(count - 2):
        rows = slice(i, i + 3)
        weights = divided_difference_weights(series.nodes[rows])
        samples[i] = np.abs(weights @ series.values[rows]) / series.spread(weights, rows)
    return np.where(np.isfinite(samples), samples, 0.0)


def running_noise(samples: Array, level: Array, fine: int) -> Array:
    """Noise that a window beginning at each rung must answer for: the worst seen at or below that rung.

    The first ``fine`` rungs are so close that nothing but noise is seen there, whatever the window.
    Shapes: samples (k - 2, m), level (k, m) -> (k, m).
    """
    noise = level.copy()
    for i in range(len(level)):
        seen = samples[: max(i - 1, fine - 2, 1)]
        if len(seen):
            noise[i] = np.maximum(level[i], seen.max(axis=0))
    return noise


def extrapolate(series: Series, noise: Array) -> Limit:
    """The limit at node 0, from the window of rungs with the smallest honest bound.

    A window's truncation error is judged by the *worse* of the two shorter windows inside it: the better one alone
    underestimates when the expansion has other exponents than assumed. No window may contradict the intervals of
    finer windows, else narrow features that coarse steps jump over would be believed absent; and no window counts in
    which the quotient turns round or decays with h, as where steps are longer than the features of the function.
    Shapes: noise (k, m) -> fields (m,).
    Reference: Ridders (1982), Accurate computation of F'(x) and F'(x)F''(x).
    """
    count, width = series.values.shape
    value = np.full(width, np.nan)
    best = np.full(width, np.inf)
    truncation = np.full(width, np.inf)
    first = np.zeros(width, dtype=np.intp)
    last = np.zeros(width, dtype=np.intp)
    low = np.full(width, -np.inf)
    high = np.full(width, np.inf)
    tableau: dict[tuple[int, int], Array] = {(i, i): series.values[i] for i in range(count)}
    for length in range(2, LONGEST + 1):
        for i in range(count - length + 1):
            j = i + length - 1
            near, far = series.nodes[i], series.nodes[j]
            tableau[i, j] = (far * tableau[i, j - 1] - near * tableau[i + 1, j]) / (far - near)

    def shift(i: int, j: int, k: int, m: int) -> Array:
        return np.abs(tableau[k, m] - tableau[i, j])

    for i in range(count):
        astray = np.zeros(width, dtype=bool)
        for j in range(i + 1, min(i + LONGEST, count)):
            before, after = series.values[j - 1], series.values[j]
            doubt = NOISE_MARGIN * noise[i] * series.gain[j - 1]
            astray |= (after * np.sign(before) < 0.75 * np.abs(before)) & (np.abs(after - before) > doubt)
            if j == i + 1 and i > 0:
                # Two rungs agree by chance too often; only the two finest may speak alone.
                continue
            entry = tableau[i, j]
            finer, coarser = shift(i, j - 1, i, j), shift(i + 1, j, i, j)
            moved = np.maximum(finer, coarser)
            if j - i > 2 and series.nodes[j] <= series.contracts:
                # An extrapolation that has gained twice in a row has gained once more than its last change shows.
                once, twice = shift(i + 2, j, i + 1, j), shift(i + 3, j, i + 2, j)
                contracted = coarser * np.fmax(coarser / once, once / twice)
                moved = np.minimum(moved, np.maximum(finer, 4.0 * contracted))
            rows = slice(i, j + 1)
            spread = series.spread(lagrange_weights(series.nodes[rows]), rows)
            cut = TRUNCATION_MARGIN * moved
            claim = cut + NOISE_MARGIN * noise[i] * spread
            known = np.isfinite(claim) & ~astray
            gap = np.maximum(np.maximum(low - entry, entry - high), 0.0)
            bound = np.where(known, claim + gap, np.inf)
            low = np.where(known, np.fmax(low, entry - claim), low)
            high = np.where(known, np.fmin(high, entry + claim), high)
            better = bound < best
            value = np.where(better, entry, value)
            best = np.where(better, bound, best)
            truncation = np.where(better, np.maximum(cut, gap), truncation)
            first = np.where(better, i, first)
            last = np.where(better, j, last)
    return Limit(value, best, truncation, first, last)


def persists(series: Series, jump: Array, noise: Array) -> Flags:
    """Whether a jump of the slope is still there at the smallest step that can resolve it."""
    rows = len(series.nodes)
    doubt = NOISE_MARGIN * noise[:rows] * series.gain[:, None]
    resolved = (doubt < 0.2 * np.abs(jump)) & np.isfinite(series.values)
    finest = np.argmax(resolved, axis=0)
    there = np.take_along_axis(series.values, finest[None], axis=0)[0]
    return np.asarray(resolved.any(axis=0) & (np.abs(there - jump) < 0.5 * np.abs(jump)))


def diverges(series: Series, floor: Array) -> Flags:
    """Whether the quotient grows like a power of 1/h towards 0: an infinite slope.

    Measured noise is no help here, a root looks like noise to a difference table. But noise follows no power.
    Shapes: floor (k, m), the noise of rounding -> (m,).
    """
    octaves = -np.diff(np.log2(series.gain))
    known = np.isfinite(series.values[:-1]) & np.isfinite(series.values[1:])
    steady = np.all((series.values[:-1] * series.values[1:] > 0) | ~known, axis=0)
    exponent = -np.diff(np.log2(np.abs(series.values)), axis=0) / octaves[:, None]
    least = np.min(exponent, axis=0, where=known, initial=np.inf)
    most = np.max(exponent, axis=0, where=known, initial=-np.inf)
    seen = np.abs(series.values[0]) > 2 * NOISE_MARGIN * floor[0] * series.gain[0]
    enough = known.sum(axis=0) >= 4
    return np.asarray(steady & seen & enough & (least > 0.02) & (most < 1.05) & (most - least < 0.3))
