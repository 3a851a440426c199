"""Ways to critical points, with gradients alone wherever they do: each gradient corrects a matrix for the Hessian.

A way ends where Newton's step is short, where it is clear that it leads to a point that is known, where it leaves the
region, or where it is stuck. It never ends for the length of a step alone: what it finds is judged by ``polish``.

Data
    ``Task``   where a way begins, and how it goes on.
    ``Known``  what was found before.
    ``Ended``  where it ended, and why.

The most important functions are ``walk`` (any task), ``converge`` (Newton's or an index-aimed way) and ``follow``
(along an eigenvector to both sides, to where the gradient along it vanishes).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from verify.critical.eigensteps import Model, deflated, newton, towards_index, updated, uphill_along
from verify.critical.landscape import Landscape
from verify.critical.points import Array

__all__ = ["Ended", "Known", "Task", "converge", "walk"]

# A way is at its end where Newton's step is this short (the region has size 1); polishing does the rest.
CLOSE = 1e-7
# A way leads to a known point if Newton's step ends this near to it, as a share of the step.
CAPTURED = 0.1
# More evaluations than these on one way are seldom worth it.
LONGEST = 160
# A step over which the gradient changed otherwise than foretold by this share of the foretold change is poor: a few
# of them ask for a Hessian.
POOR = 0.7
# The gradient must fall by this factor between two Hessians, else a way without an index is stuck.
PROGRESS = 0.5
HESSIANS = 20
# The same share: a way to an index refuses steps above the first, takes longer ones below the second, and shorter ones
# above the third. Stiff directions that turn make good steps look bad, and the next step repairs them.
REFUSED, TRUSTED, DOUBTED = 5.0, 0.5, 2.0
# The index of the Hessian at the start is aimed at.
OWN = -1
# Along an eigenvector: so many gradients to each side; steps are at most so many times the last distance.
FOLLOWED, STRETCH = 12, 3.0
# A gradient that is proportional to the distance this exactly belongs to a quadratic function.
LINEAR = 1e-6
# A guess is given up when Newton's step from it is longer than this share of the distance to where it was made from.
GUESSED = 0.4
# The middle between two points is a critical point if the gradient there is this share of what it is elsewhere.
EXACT = 1e-5


@dataclass(frozen=True, eq=False)
class Task:
    """``kind`` is start, aimed, follow, up, again (along an eigenvector), guess, mirror or middle.

    Shapes: x (n), matrix (n, n) or None (then it is evaluated), vector (n) of a way along an eigenvector, or of one
    that is climbed on the way to an index.
    ``radius`` is the first bound on a step; ``index`` the one that is aimed at, None for any, OWN for that of the
    Hessian at x; ``parent`` the number of
    the point where the way begins, or by which a guess was made, -1 for a start. What is found has an edge to each
    of ``ends``.
    """

    kind: str
    x: Array
    matrix: Array | None = None
    radius: float = 0.2
    index: int | None = None
    vector: Array | None = None
    parent: int = -1
    ends: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Known:
    """Shapes: points (k, n); ``spacing`` (k) is the distance of each to its nearest neighbour."""

    points: Array
    spacing: Array

    def near(self, x: Array) -> tuple[int, float]:
        """The number of the nearest known point, and its distance."""
        if not len(self.points):
            return -1, np.inf
        squares = np.sum((self.points - x) ** 2, axis=1)
        k = int(np.argmin(squares))
        return k, float(np.sqrt(squares[k]))


@dataclass(frozen=True, eq=False)
class Ended:
    """``why`` is found, known, left, stuck or flat line; ``known`` the number of a known point, else -1."""

    task: Task
    why: str
    x: Array
    known: int = -1
    path: tuple[Array, ...] = field(default=(), repr=False)


def walk(land: Landscape, task: Task, known: Known) -> list[Ended]:
    """Do a task; a way along an eigenvector ends in two points, others in one."""
    if task.vector is not None and task.index is None:
        return follow(land, task, known)
    gradient = land.gradient(task.x)
    if gradient is None:
        return [Ended(task, "left", task.x)]
    if task.kind == "middle":
        assert task.matrix is not None
        usual = float(np.linalg.norm(task.matrix, 2)) * task.radius
        exact = float(np.linalg.norm(gradient)) <= EXACT * usual
        return [Ended(task, "found" if exact else "stuck", task.x)]
    if task.kind in ("guess", "mirror"):
        assert task.matrix is not None
        step = float(np.linalg.norm(newton(Model.of(gradient, task.matrix))))
        if not step <= GUESSED * task.radius:
            return [Ended(task, "stuck", task.x)]
        return [converge(land, task, task.x, gradient, task.matrix, known, fresh=False)]
    matrix = land.hessian(task.x) if task.matrix is None else task.matrix
    if matrix is None:
        return [Ended(task, "left", task.x)]
    ended = converge(land, task, task.x, gradient, matrix, known, fresh=task.matrix is None)
    if task.kind == "start" and ended.why == "known":
        again = converge(land, task, task.x, gradient, matrix, known, fresh=True, avoid=known.points[[ended.known]])
        return [ended, again]
    return [ended]


def converge(
    land: Landscape,
    task: Task,
    x: Array,
    gradient: Array,
    matrix: Array,
    known: Known,
    *,
    fresh: bool,
    avoid: Array | None = None,
) -> Ended:
    """Newton's method with a trust region, or steps aimed at an index, on a matrix that every gradient corrects.

    The Hessian itself is evaluated anew after some steps that brought little. ``avoid`` are points deflated.
    Reference: Yin, Zhang, Zhang (2019), High-index optimization-based shrinking dimer method for finding high-index
    saddle points, SIAM J. Sci. Comput. 41, A3576 (the index-aimed way: uphill along the lowest eigenvectors).
    """
    path = [x]
    radius, index = task.radius, task.index
    patience = 2 + land.region.dimension // 12
    poor = hessians = 0
    best = size = float(np.linalg.norm(gradient))
    led = -1
    kept = task.vector if index is not None else None
    if index == OWN:
        index = int(np.sum(np.linalg.eigvalsh(matrix) < 0))

    def ended(why: str, at: Array, number: int = -1) -> Ended:
        return Ended(task, why, at, number, tuple(path) if len(x) <= 3 else ())

    for _ in range(LONGEST):
        model = Model.of(gradient, matrix)
        full = newton(model)
        length = float(np.linalg.norm(full))
        goal = x + full
        number, distance = known.near(goal)
        if length <= CLOSE:
            if number >= 0 and distance <= 1e3 * CLOSE:
                return ended("known", x, number)
            return ended("found", goal)
        if avoid is None and number >= 0 and length <= known.spacing[number] / 2.0:
            if distance <= CAPTURED * length and (fresh or led == number):
                return ended("known", x, number)
            led = number if distance <= CAPTURED * length else -1
        if index is None:
            step = newton(model, radius)
        else:
            uphill, kept = uphill_along(model, index, kept)
            step = towards_index(model, uphill, radius)
        if avoid is not None:
            step = deflated(step, x, avoid)
            step *= min(1.0, radius / max(float(np.linalg.norm(step)), np.finfo(float).tiny))
        moved = x + step
        if not land.region.allowed(moved):
            return ended("left", moved)
        after = land.gradient(moved)
        if after is None:
            radius = float(np.linalg.norm(step)) / 4.0
            if radius < CLOSE:
                return ended("stuck", x)
            continue
        bent = matrix @ step
        error = float(np.linalg.norm(after - gradient - bent))
        now, taken = float(np.linalg.norm(after)), float(np.linalg.norm(step))
        slope = float(np.linalg.norm(bent))
        good = now < size * (1.0 - 1e-4) if index is None and avoid is None else error <= REFUSED * max(slope, size)
        matrix, fresh = updated(matrix, step, after - gradient), False
        poor = max(0, poor - 1) if good and error <= POOR * slope else poor + 1
        if good:
            if error <= TRUSTED * slope and taken >= 0.8 * radius:
                radius *= 2.0
            elif error > DOUBTED * slope:
                radius = min(radius, 0.6 * taken)
            x, gradient, size = moved, after, now
            path.append(x)
        else:
            radius = taken * min(0.5, max(0.1, 0.4 * slope / error))
        if radius < CLOSE:
            return ended("stuck", x)
        if poor > patience:
            hessians += 1
            stuck = size > PROGRESS * best and index is None and hessians > 1
            best, poor = size, 0
            if stuck or hessians > HESSIANS:
                return ended("stuck", x)
            true = land.hessian(x)
            if true is None:
                return ended("left", x)
            matrix, fresh = true, True
            radius *= 2.0
    return ended("stuck", x)


def follow(land: Landscape, task: Task, known: Known) -> list[Ended]:
    """From a critical point along an eigenvector to both sides, to where the gradient along it vanishes again.

    The gradient across the vector is kept at 0, so that the way is a Newton trajectory: these join critical points
    whose indices differ by one. One gradient on each side tells how the slope along the vector bends, and where it
    should vanish.
    Reference: Quapp, Hirsch, Imig, Heidrich (1998), Searching for saddle points of potential energy surfaces by
    following a reduced gradient, J. Comput. Chem. 19, 1087; Hirsch, Quapp (2004), Reaction pathways and convexity of
    the potential energy surface: application of Newton trajectories, J. Math. Chem. 36, 307.
    """
    assert task.vector is not None and task.matrix is not None
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
            ends.append(Ended(task, "left", at))
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
    assert task.vector is not None and task.matrix is not None
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
            return Ended(task, "flat line", x)
        goal = _vanishes(curvature, *bend, s)
        if straight:
            goal = max(2.0 * s, 0.9 * _room(land, x, v) + s)
        goal = min(goal, STRETCH * s) if not straight else goal
        level = Model.of(across @ gradient, across @ matrix @ across)
        # the vector itself is an eigenvector of value 0 here: no step along it
        side_step = newton(level, max(goal - s, 0.1 * s), np.abs(v @ level.vectors) < 0.7)
        moved = x + (goal - s) * v + across @ side_step
        if not land.region.allowed(moved):
            return Ended(task, "left", x)
        after = land.gradient(moved)
        if after is None:
            return Ended(task, "left", x)
        matrix = updated(matrix, moved - x, after - gradient)
        x, gradient, s = moved, after, goal
        path.append(x)
        seen.append((s, float(gradient @ v)))
    else:
        return Ended(task, "stuck", x)
    start = Task(task.kind, x, matrix, max(0.5 * s, 1e3 * CLOSE), None, task.vector, task.parent)
    ended = converge(land, start, x, gradient, matrix, known, fresh=False)
    return Ended(task, ended.why, ended.x, ended.known, (*path[:-1], *ended.path) if len(x) <= 3 else ())


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
