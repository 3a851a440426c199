"""Continua of critical points: told from isolated degenerate points, and found as one however many points hit them.

Symmetry makes them: where f does not change under translation or rotation the Hessian has an eigenvalue 0 for each
motion, at every critical point. Ways take no step along such eigenvectors; here one follows them and sees whether the
gradient stays 0.

Data
    ``Continuum``  points of one continuum, in the coordinates of the region.

The most important functions are ``flat_dimension`` (along how many directions the gradient stays 0) and
``joined`` (whether a walk along the continuum leads from one point to another).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from verify.critical.points import Array
from verify.critical.search.eigensteps import Model, newton
from verify.critical.search.landscape import Landscape
from verify.critical.search.polish import NOISY, Polished

__all__ = ["Continuum", "flat_dimension", "joined", "undivided"]

# How far one goes along a flat direction to see whether the gradient stays 0; a small circle needs the last.
AWAY = (0.03, -0.03, 0.005, -0.005)
# Newton's steps back to the continuum.
BACK = 8
# Steps of a walk along a continuum, and the longest of them.
WALK, STRIDE = 160, 0.15


@dataclass(eq=False)
class Continuum:
    """Shapes: points, a list of (n). ``unwalked`` points were put there because of their value alone."""

    points: list[Array]
    dimension: int
    value: float
    unwalked: int = 0


def flat_dimension(land: Landscape, found: Polished) -> tuple[int, list[Array]]:
    """Along how many of the eigenvectors whose eigenvalues may be 0 the gradient stays 0, and points found there.

    0 says that the point is isolated, as far as these go.
    """
    points: list[Array] = []
    for way in found.flat.T:
        for away in AWAY:
            back = _back(land, found, found.y + away * way)
            if back is not None and abs(float((back - found.y) @ way)) >= abs(away) / 2.0:
                points.append(back)
                break
    return len(points), points


def undivided(land: Landscape, one: Polished, two: Polished) -> bool:
    """Whether the gradient between two degenerate points is nowhere above its noise: they cannot be told apart."""
    limit = NOISY * max(one.noise, two.noise)
    for share in (0.25, 0.5, 0.75):
        gradient = land.gradient(one.y + share * (two.y - one.y))
        if gradient is None or float(np.linalg.norm(gradient)) > limit:
            return False
    return True


def joined(land: Landscape, one: Polished, goal: Array) -> list[Array] | None:
    """Points of a walk along the continuum from one of its points to another; None where it does not arrive."""
    at = one
    points: list[Array] = []
    stride = STRIDE
    left = float(np.linalg.norm(goal - at.y))
    for _ in range(WALK):
        if left <= max(10.0 * at.distance, 1e-6):
            return points
        ahead = at.flat @ (at.flat.T @ (goal - at.y))
        length = float(np.linalg.norm(ahead))
        if length <= 1e-3 * left:
            if points:
                return None
            # the goal is straight across: any way round will do
            ahead, length = at.flat[:, 0] * left, left
        back = _back(land, at, at.y + ahead * min(1.0, stride / length))
        if back is None or float(np.linalg.norm(back - at.y)) < 0.1 * min(stride, length):
            stride /= 4.0
            if stride < 1e-3:
                return None
            continue
        matrix = land.hessian(back)
        if matrix is None:
            return None
        flat = np.linalg.eigh(matrix)
        keep = np.argsort(np.abs(flat[0]))[: at.flat.shape[1]]
        at = Polished(back, matrix, at.distance, flat[1][:, keep], at.noise, None)
        points.append(back)
        stride = min(STRIDE, 2.0 * stride)
        left = float(np.linalg.norm(goal - back))
    return None


def _back(land: Landscape, found: Polished, y: Array) -> Array | None:
    """Newton's method across the flat directions, from a point beside the continuum."""
    values, vectors = np.linalg.eigh(found.hessian)
    across = np.linalg.norm(found.flat.T @ vectors, axis=0) < 0.5
    limit = NOISY * max(found.noise, 1e-14 * float(np.max(np.abs(values), initial=0.0)))
    start, last = y, np.inf
    for _ in range(BACK):
        gradient = land.gradient(y)
        if gradient is None:
            return None
        size = float(np.linalg.norm(gradient))
        if size <= limit:
            return y
        if size > 0.7 * last:
            return None
        last = size
        step = newton(Model(gradient, values, vectors), 0.1, across)
        y = y + step
        if float(np.linalg.norm(y - start)) > 0.5:
            return None
    gradient = land.gradient(y)
    return y if gradient is not None and float(np.linalg.norm(gradient)) <= 4.0 * limit else None
