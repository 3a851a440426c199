"""From a critical point along an eigenvector to both sides, to where the gradient along it vanishes again.

The most important function is ``follow``.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from verify.critical.points import Array
from verify.critical.search.converge import SETTLED, converge
from verify.critical.search.eigensteps import Model, newton, updated
from verify.critical.search.landscape import Landscape
from verify.critical.search.tasks import OWN, Ended, Known, Task

__all__ = ["follow"]

# So many gradients to each side; steps are at most so many times the last distance.
FOLLOWED, STRETCH = 12, 3.0
# A gradient that is proportional to the distance this exactly belongs to a quadratic function.
LINEAR = 1e-6


def follow(land: Landscape, task: Task, known: Known) -> list[Ended]:
    """From a critical point along an eigenvector to both sides, to where the gradient along it vanishes again.

    The gradient across the vector is kept at 0, so that the way is a Newton trajectory: these join critical points
    whose indices differ by one. One gradient on each side tells how the slope along the vector bends, and where it
    should vanish.
    Reference: Quapp, Hirsch, Imig, Heidrich (1998), Searching for saddle points of potential energy surfaces by
    following a reduced gradient, J. Comput. Chem. 19, 1087; Hirsch, Quapp (2004), Reaction pathways and convexity of
    the potential energy surface: application of Newton trajectories, J. Math. Chem. 36, 307.
    """
    assert task.vector is not None
    assert task.matrix is not None
    v, first = task.vector, task.radius
    curvature = float(v @ task.matrix @ v)
    sides = []
    for side in (1.0, -1.0):
        at = task.x + side * first * v
        gradient = land.gradient(at) if land.region.allowed(at) else None
        sides.append((side, at, gradient))
    slopes = [None if gradient is None else side * float(gradient @ v) for side, _, gradient in sides]
    bends = [None if slope is None else (slope / first - curvature) / first for slope in slopes]
    ends = []
    for k, (side, at, gradient) in enumerate(sides):
        if gradient is None:
            ends.append(Ended("left", at))
            continue
        here, there = bends[k], bends[1 - k]
        assert here is not None
        # curvature + a s + b s²: the other side has -a
        guess = (here, 0.0) if there is None else ((here - there) / 2.0, (here + there) / 2.0 / first)
        ends.append(_one_side(land, task, known, side, at, gradient, curvature, guess))
    return ends


def _one_side(
    land: Landscape,
    task: Task,
    known: Known,
    side: float,
    x: Array,
    gradient: Array,
    curvature: float,
    bend: tuple[float, float],
) -> Ended:
    assert task.vector is not None
    assert task.matrix is not None
    v, s = side * task.vector, task.radius
    matrix = updated(task.matrix, x - task.x, gradient)
    across = np.eye(len(x)) - np.outer(v, v)
    path = [task.x, x]
    seen = [(s, float(gradient @ v))]
    for _ in range(FOLLOWED):
        slope = seen[-1][1]
        if slope * curvature <= 0:
            break
        model = Model.of(gradient, matrix)
        if len(seen) > 1 and float(np.linalg.norm(newton(model))) <= 0.1 * s:
            break
        if len(seen) > 1:
            (s1, p1), (s2, p2) = seen[-2:]
            one, two = (p1 / s1 - curvature) / s1, (p2 / s2 - curvature) / s2
            b = (two - one) / (s2 - s1)
            bend = (one - b * s1, b)
        straight = abs(slope - curvature * s) <= LINEAR * abs(slope)
        if straight and len(seen) > 1:
            return Ended("flat line", x)
        goal = _vanishes(curvature, *bend, s)
        if straight:
            goal = max(2.0 * s, 0.9 * _room(land, x, v) + s)
        goal = min(goal, STRETCH * s) if not straight else goal
        level = Model.of(across @ gradient, across @ matrix @ across)
        # the vector itself is an eigenvector of value 0 here: no step along it
        side_step = newton(level, max(goal - s, 0.1 * s), np.abs(v @ level.vectors) < 0.7)
        way = (goal - s) * v + across @ side_step
        share = _within(land, x, way)
        moved, goal = x + share * way, s + share * (goal - s)
        after = land.gradient(moved) if share else None
        if after is None:
            return Ended("left", x)
        matrix = updated(matrix, moved - x, after - gradient)
        x, gradient, s = moved, after, goal
        path.append(x)
        seen.append((s, float(gradient @ v)))
    else:
        return Ended("stuck", x)
    start = Task(task.kind, x, matrix, max(0.5 * s, 10.0 * SETTLED), None, task.vector, task.parent)
    ended = converge(land, start, x, gradient, matrix, known, fresh=False)
    if ended.why == "stuck":
        # the gradient is short, but not 0: from there towards the index of that place
        aimed = replace(start, index=OWN, vector=None)
        ended = converge(land, aimed, x, gradient, matrix, known, fresh=False)
    return Ended(ended.why, ended.x, ended.known, (*path[:-1], *ended.path) if len(x) <= 3 else ())


def _within(land: Landscape, x: Array, way: Array) -> float:
    """How much of a way stays in the region: all, half, a quarter, or nothing."""
    return next((share for share in (1.0, 0.5, 0.25) if land.region.allowed(x + share * way)), 0.0)


def _vanishes(curvature: float, a: float, b: float, beyond: float) -> float:
    """The first s > beyond with curvature + a s + b s² = 0; twice as far where there is none."""
    p, q = a / curvature, b / curvature
    # in u = 1/s nothing is divided by: u² + p u + q = 0
    rest = p * p - 4.0 * q
    if rest < 0:
        return 2.0 * beyond
    ends = [u for u in ((-p + np.sqrt(rest)) / 2.0, (-p - np.sqrt(rest)) / 2.0) if 0 < u * beyond < 0.999]
    return 1.0 / max(ends) if ends else 2.0 * beyond


def _room(land: Landscape, x: Array, v: Array) -> float:
    """How far it is from x along v to the end of the region."""
    if not land.region.boxed:
        return 8.0 * max(float(np.linalg.norm(x)), 1.0)
    moving = np.abs(v) > np.finfo(float).tiny
    return float(np.min((1.0 - np.sign(v[moving]) * x[moving]) / np.abs(v[moving])).clip(0.0))
