"""Any task of a search, done.

The most important function is ``walk``.
"""

from __future__ import annotations

import numpy as np

from verify.critical.search.converge import converge
from verify.critical.search.eigensteps import Model, newton
from verify.critical.search.follow import follow
from verify.critical.search.landscape import Landscape
from verify.critical.search.tasks import Ended, Known, Task

__all__ = ["walk"]

# A guess is given up when Newton's step from it is longer than this share of the distance to where it was made from.
GUESSED = 0.4
# The middle between two points is a critical point if the gradient there is this share of what it is elsewhere.
EXACT = 1e-5


def walk(land: Landscape, task: Task, known: Known) -> list[Ended]:
    """Do a task; a way along an eigenvector ends in two points, others in one."""
    if task.vector is not None and task.index is None:
        return follow(land, task, known)
    gradient = land.gradient(task.x)
    if gradient is None:
        return [Ended("left", task.x)]
    if task.kind == "middle":
        assert task.matrix is not None
        usual = float(np.linalg.norm(task.matrix, 2)) * task.radius
        exact = float(np.linalg.norm(gradient)) <= EXACT * usual
        return [Ended("found" if exact else "stuck", task.x)]
    if task.kind in ("guess", "mirror"):
        assert task.matrix is not None
        step = float(np.linalg.norm(newton(Model.of(gradient, task.matrix))))
        if not step <= GUESSED * task.radius:
            return [Ended("stuck", task.x)]
        return [converge(land, task, task.x, gradient, task.matrix, known, fresh=False)]
    matrix = land.hessian(task.x) if task.matrix is None else task.matrix
    if matrix is None:
        return [Ended("left", task.x)]
    ended = converge(land, task, task.x, gradient, matrix, known, fresh=task.matrix is None)
    if task.kind == "start" and ended.why == "known":
        again = converge(land, task, task.x, gradient, matrix, known, fresh=True, avoid=known.points[[ended.known]])
        return [ended, again]
    return [ended]
