"""Slopes from values at moved points, for many points and directions at once, and where they are in doubt.

NumPy only. The complex step is taken along each direction. It is believed only where central differences agree with
it: they go along all directions at once, and are extrapolated with a bound. What cannot be tilted into the complex
plane, because it is itself a derivative taken numerically, has differences along each direction.

The functions come in pairs, ``tilted_moves`` and ``tilted_slopes``, ``separate_moves`` and ``separate_slopes``: the
moves of one tensor, and the slopes that the values after all moves show. ``reach`` says how far one may go.

Shapes, with the lanes in front: directions (lanes, directions, *entries), weights (lanes, directions), moves (lanes,
moves, *entries), values (lanes, …, moves) -> slopes (lanes, …, directions), doubtful (points,).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from verify.replicas import EPS, MARGIN, Array, lanes_of, points_of, settled

__all__ = ["reach", "separate_moves", "separate_slopes", "tilted_moves", "tilted_slopes"]

Flags = np.ndarray[Any, np.dtype[np.bool_]]

IMAGINARY = 2.0**-200
STEPS = np.array([2.0**-k for k in (20, 17, 14, 11, 9, 7)]) * 1.0387
# The differences must know the derivative this well, relative to its scale, before their agreement says anything.
EVIDENCE = 1e-5


def reach(values: Array) -> Array:
    """How far each entry may move, as far as its own size tells; 0 and the infinite borrow from the others."""
    size = np.where(np.isfinite(values), np.abs(values.real), 0.0)
    largest = size.max(axis=-1, keepdims=True, initial=0.0)
    return np.where(largest > 0, np.maximum(size, 2.0**-8 * largest), 1.0)


def tilted_moves(direction: Array, weights: Array) -> Array:
    """A complex step along each direction, then steps to both sides along all of them, each by its weight."""
    lanes = weights.ndim - 1
    rest = (1,) * (direction.ndim - lanes - 1)
    along = (direction * weights.reshape(weights.shape + rest)).sum(axis=lanes, keepdims=True)
    differences = along * np.concatenate([STEPS, -STEPS]).reshape(-1, *rest)
    tilts = np.broadcast_to(1j * IMAGINARY * direction, differences.shape[:lanes] + direction.shape[lanes:])
    return np.concatenate([tilts, differences], axis=lanes)


def tilted_slopes(values: Array, weights: Array) -> tuple[Array, Flags]:
    """The slopes by the complex step, and the points where the differences do not confirm them."""
    count = weights.shape[-1]
    slopes = values[..., :count].imag / IMAGINARY
    whole = (slopes * _spread(weights, slopes)).sum(axis=-1)
    return slopes, _doubtful(values[..., count:].real, whole)


def separate_moves(direction: Array, weights: Array) -> Array:
    """Steps to both sides along each direction, as far as its weight says, and none."""
    lanes = weights.ndim - 1
    rest = (1,) * (direction.ndim - lanes - 1)
    rungs = np.concatenate([STEPS, -STEPS, [0.0]])
    along = direction * weights.reshape(weights.shape + rest)
    steps = np.expand_dims(along, lanes + 1) * rungs.reshape(-1, *rest)
    moves: Array = steps.reshape(*steps.shape[:lanes], weights.shape[-1] * len(rungs), *steps.shape[lanes + 2 :])
    return moves


def separate_slopes(values: Array, weights: Array) -> tuple[Array, Flags]:
    """The slopes by differences along each direction, and the points where they know too little, or see a kink."""
    half, lanes = len(STEPS), weights.ndim - 1
    values = values.reshape(*values.shape[:-1], weights.shape[-1], 2 * half + 1)
    weights = _spread(weights, values[..., 0])
    clean, rounding, _ = _settled(values)
    right, left, centre = clean[..., :half], clean[..., half:-1], clean[..., -1:]
    quotients = np.moveaxis((right - left) / (2 * STEPS), -1, 0)
    noise = rounding.max(axis=-1) + 4 * EPS * np.abs(clean).max(axis=-1)
    value, bound = (part.reshape(noise.shape) for part in _limit(quotients.reshape(half, -1), noise.ravel()))
    # the slope jumps at a kink however small the step
    jump = np.abs(right + left - 2 * centre) / STEPS
    kink = (jump[..., 0] > 0.5 * jump[..., 1]) & (jump[..., 0] > 4 * noise / STEPS[0])
    weight = points_of(np.broadcast_to(weights, (*values.shape[:lanes], *weights.shape[lanes:])))
    size = np.abs(value).reshape(len(value), -1).max(axis=1).reshape(-1, *(1,) * (value.ndim - 1))
    sure = ~kink & (bound <= EVIDENCE * size + EPS)
    slopes = lanes_of(value / weight, bound / np.abs(weight))
    return slopes, ~sure.reshape(len(value), -1).all(axis=1)


def _spread(weights: Array, slopes: Array) -> Array:
    """Weights with the axes of slopes."""
    between = (1,) * (slopes.ndim - weights.ndim)
    return weights.reshape(*weights.shape[:-1], *between, weights.shape[-1])


def _doubtful(values: Array, slopes: Array) -> Flags:
    """The points where the complex step and the differences disagree, or the differences know too little.

    Shapes: values (lanes, …, 2·steps), slopes (lanes, …) -> (points,).
    """
    clean, rounding, infinite = _settled(values)
    points, half = len(clean), len(STEPS)
    slope = np.where(infinite, 0.0, settled(slopes)[0]).reshape(points, -1)
    right, left = clean[..., :half], clean[..., half:]
    quotients = np.moveaxis((right - left) / (2 * STEPS), -1, 0).reshape(half, -1)
    noise = rounding.max(axis=-1).ravel() + 4 * EPS * np.abs(clean).max(axis=-1).ravel()
    value, bound = (part.reshape(slope.shape) for part in _limit(quotients, noise))
    terms = np.maximum(np.abs(clean), rounding / (MARGIN * EPS))
    size = terms.reshape(points, -1).max(axis=1, initial=0.0)
    scale = np.maximum(np.abs(slope).max(axis=1, initial=0.0), 1e-3 * size)[:, None]
    sure = (np.abs(slope - value) <= bound + EPS * scale) & (bound <= EVIDENCE * scale + EPS)
    return np.asarray(~sure.all(axis=1))


def _settled(values: Array) -> tuple[Array, Array, Flags]:
    """The values at the points, what rounding can do to them, and which of them are the same infinity at all moves.

    To differences these are constants: what of them moves is seen by the complex step alone.
    """
    clean, rounding = settled(values)
    infinite = np.isinf(clean[..., 0]) & (clean == clean[..., :1]).all(axis=-1)
    constant = infinite[..., None]
    return np.where(constant, 0.0, clean), np.where(constant, 0.0, rounding), infinite


def _limit(quotients: Array, noise: Array) -> tuple[Array, Array]:
    """Central differences at STEPS, finest first, extrapolated to the step 0: the limit, and how far it can be off.

    Each three neighbouring steps give one, with twice what the last extrapolation moved and the noise of the values
    as its bound; the one with the smallest bound counts. Shapes: quotients (steps, m), noise (m,) -> (m,), (m,).
    """
    ratio = (STEPS[1:] / STEPS[:-1])[:, None] ** 2
    once = (ratio * quotients[:-1] - quotients[1:]) / (ratio - 1)
    wide = ratio[:-1] * ratio[1:]
    twice = (wide * once[:-1] - once[1:]) / (wide - 1)
    bounds = 2 * np.abs(twice - once[:-1]) + 2 * noise / STEPS[:-2, None]
    best = np.where(np.isfinite(bounds), bounds, np.inf).argmin(axis=0)[None]
    return np.take_along_axis(twice, best, 0)[0], np.take_along_axis(bounds, best, 0)[0]
