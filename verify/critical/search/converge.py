"""A way to a critical point with gradients alone wherever they do: each corrects a matrix for the Hessian.

It ends where Newton's step is short, where it is clear that it leads to a point that is known, where it leaves the
region, or where it is stuck. What it finds is judged by ``polish``: a short step alone says nothing.

The most important function is ``converge``.
"""

from __future__ import annotations

import numpy as np

from verify.critical.points import Array
from verify.critical.search.eigensteps import Model, deflated, newton, towards_index, updated, uphill_along
from verify.critical.search.landscape import Landscape
from verify.critical.search.tasks import OWN, Ended, Known, Task

__all__ = ["SETTLED", "converge"]

# A way is at its end where Newton's step is this short (the region has size 1), or is below the second and shrinks no
# more, for the gradient's noise; polishing does the rest.
CLOSE, SETTLED = 1e-9, 1e-6
# A way leads to a known point if Newton's step ends this near to it, as a share of the step.
CAPTURED = 0.1
# More evaluations than these on one way are seldom worth it.
LONGEST = 160
# A step over which the gradient changed otherwise than foretold by this share of the foretold change is poor: a few
# of them ask for a Hessian.
POOR = 0.7
# So many steps that would leave the region are shortened.
OUTSIDE = 4
# The gradient must fall by this factor between two Hessians, else a way without an index is stuck.
PROGRESS = 0.5
HESSIANS = 20
# The same share: a way to an index refuses steps above the first, takes longer ones below the second, and shorter
# ones above the third. Stiff directions that turn make good steps look bad, and the next step repairs them.
REFUSED, TRUSTED, DOUBTED = 5.0, 0.5, 2.0


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
    led, last, outside = -1, np.inf, 0
    kept = task.vector if index is not None else None
    if index == OWN:
        index = int(np.sum(np.linalg.eigvalsh(matrix) < 0))

    def ended(why: str, at: Array, number: int = -1) -> Ended:
        return Ended(why, at, number, tuple(path) if len(x) <= 3 else ())

    for _ in range(LONGEST):
        model = Model.of(gradient, matrix)
        full = newton(model)
        length = float(np.linalg.norm(full))
        goal = x + full
        number, distance = known.near(goal)
        ends, last = length <= CLOSE or 0.5 * last < length <= SETTLED, length
        if ends:
            if number >= 0 and distance <= SETTLED:
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
            outside += 1
            if outside > OUTSIDE:
                return ended("left", moved)
            radius = float(np.linalg.norm(step)) / 3.0
            continue
        after = land.gradient(moved)
        if after is None:
            radius = float(np.linalg.norm(step)) / 4.0
            if radius < SETTLED:
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
        if radius < SETTLED:
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
