"""Replicas of a point, in which every operation errs: how far they scatter tells how far rounding can be off.

An array with *lanes* has the points along its first axis, and after each point its replicas. NumPy only.

The two most important functions are ``settled`` (points, and what rounding can do to them) and ``Errors.applied``
(how operations err).
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["EPS", "MARGIN", "PER_POINT", "Errors", "erring", "lanes_of", "points_of", "replicated", "settled"]

Array = np.ndarray[Any, np.dtype[Any]]

EPS = float(np.finfo(float).eps)

# Replicas of every point, and the relative error of their operations: so far above rounding that rounding vanishes
# beside it, so small that it acts linearly.
REPLICAS = 3
JITTER = 2.0**-40
# Rounding errs at most so many times as far as the replicas show; a replica may err little by chance.
MARGIN = 64.0

# Lanes of every point: itself, then its replicas.
PER_POINT = 1 + REPLICAS
SIGNS = tuple((-1.0) ** k for k in range(REPLICAS))
# A prime number of them, so that no two axes repeat in step.
POOL = np.random.default_rng(20).standard_normal(262147) * JITTER


class Errors:
    """Relative errors from the pool, from another place each time, so that no two operations err alike."""

    def __init__(self, offset: int = 0) -> None:
        self.offset = offset

    def of(self, shape: tuple[int, ...]) -> Array:
        """An error for each entry of an array of this shape."""
        count = int(np.prod(shape))
        self.offset = (self.offset + count + 7919) % POOL.size
        if self.offset + count <= POOL.size:
            return POOL[self.offset : self.offset + count].reshape(shape)
        return np.resize(np.roll(POOL, -self.offset), shape)

    def applied(self, lanes: Array) -> Array:
        """An array with lanes, off by these errors in the replicas; the parts of complex numbers err apart."""
        if np.iscomplexobj(lanes):
            flat = np.ascontiguousarray(lanes).reshape(len(lanes), -1).view(float)
            return self.applied(flat).view(complex).reshape(lanes.shape)
        made: Array = self.of(lanes.shape) + 1.0
        made *= lanes
        made[::PER_POINT] = lanes[::PER_POINT]
        return made


def replicated(points: Array) -> Array:
    """Lanes in which the replicas are still like their points."""
    return np.repeat(points, PER_POINT, axis=0)


def points_of(lanes: Array) -> Array:
    """The points, without their replicas."""
    return lanes[::PER_POINT]


def erring(lanes: Array) -> Array:
    """0 in the lanes of points, 1 in those of replicas, with as many axes as the array."""
    replicas = np.arange(len(lanes)) % PER_POINT != 0
    return np.asarray(replicas.reshape(-1, *(1,) * (lanes.ndim - 1)), dtype=float)


def settled(lanes: Array) -> tuple[Array, Array]:
    """The points of an array with lanes, and what rounding can do to them: how far the replicas scatter.

    An infinity that all replicas are is exact.
    """
    split = lanes.reshape(len(lanes) // PER_POINT, PER_POINT, *lanes.shape[1:])
    value = split[:, 0]
    with np.errstate(invalid="ignore"):
        distance = np.abs(split[:, 1:] - value[:, None])
    scatter = np.where(split[:, 1:] == value[:, None], 0.0, distance).max(axis=1)
    return value, MARGIN * EPS / JITTER * scatter


def lanes_of(value: Array, bound: Array) -> Array:
    """Lanes of which ``settled`` says this value and this bound."""
    replicas = (value + sign * bound * JITTER / (MARGIN * EPS) for sign in SIGNS)
    return np.stack([value, *replicas], axis=1).reshape(-1, *value.shape[1:])
