"""What speaks for having found all critical points: sentences for a person, never a proof.

The most important functions are ``unseen`` (Good and Turing's estimate from how often each point was hit) and
``morse`` (the sum of (-1)^index, which is 1 where f grows towards every side).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from verify.critical.points import Array, CriticalPoint
from verify.critical.search.landscape import Landscape
from verify.critical.search.tasks import Known

__all__ = ["coercive", "hits", "morse", "quiet", "unseen"]

# Rays on which the gradient must point outwards, on each of these spheres (radii as shares of the farthest point).
RAYS = 24
SPHERES = (1.5, 3.0, 6.0)


def unseen(counts: Sequence[int], starts: int) -> float:
    """How likely one more random start leads to a point that was not hit yet: the share of points hit once.

    Reference: Good (1953), The population frequencies of species and the estimation of population parameters,
    Biometrika 40, 237.
    """
    return sum(1 for count in counts if count == 1) / starts if starts else 1.0


def hits(counts: Sequence[int], starts: int, lost: int) -> str:
    """What random starts say about points that were missed."""
    if not starts:
        return (
            f"All of {lost} random starts ended without a critical point." if lost else "There were no random starts."
        )
    share = unseen(counts, starts)
    seen = sum(1 for count in counts if count)
    once = sum(1 for count in counts if count == 1)
    return (
        f"{starts} ways from random starts ended at {seen} different critical points, {once} of which were hit once: "
        f"by Good and Turing's estimate another one hits something that no random start had hit with probability "
        f"{share:.2g} ({lost} more starts ended nowhere)."
    )


def quiet(starts: int) -> str:
    """What it says that the last starts found nothing new: the chance of a find that would have been unlikely."""
    if not starts:
        return "The last starts still found new points."
    chance = 1.0 - 0.05 ** (1.0 / starts)
    return (
        f"The last {starts} random starts led to nothing new: with 95 % confidence the next one finds something new "
        f"with a probability below {chance:.2g}."
    )


def coercive(land: Landscape, known: Known, rng: np.random.Generator) -> bool:
    """Whether the gradient points outwards everywhere that was tried: on the box's faces, else on growing spheres.

    Then the sum of (-1)^index over all points inside is 1, by Poincaré and Hopf.
    """
    n = land.region.dimension
    if land.region.boxed:
        points, ways = _faces(n, rng)
    else:
        radius = max(1.0, float(np.max(np.linalg.norm(known.points, axis=1), initial=0.0)))
        ways = rng.standard_normal((RAYS * len(SPHERES), n))
        ways /= np.linalg.norm(ways, axis=1, keepdims=True)
        points = ways * (radius * np.repeat(SPHERES, RAYS))[:, None]
    for at, way in zip(points, ways, strict=True):
        gradient = land.gradient(at)
        if gradient is None or float(gradient @ way) <= 0:
            return False
    return True


def _faces(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Points on the faces of the cube, and the normals there; every face is tried where there are few."""
    count = max(2 * n, 2 * RAYS)
    axis = np.arange(count) // 2 % n
    points = rng.uniform(-1.0, 1.0, (count, n))
    ways = np.zeros((count, n))
    ways[np.arange(count), axis] = np.where(np.arange(count) % 2 == 0, 1.0, -1.0)
    points[np.arange(count), axis] = ways[np.arange(count), axis]
    return points, ways


def morse(points: Sequence[CriticalPoint], components: int, grows: bool, boxed: bool) -> str:
    """What the sum of (-1)^index says, or why it says nothing."""
    where = "on the faces of the box" if boxed else "on growing spheres"
    if not grows:
        return f"The Morse sum does not apply: the gradient does not point outwards everywhere {where}."
    loose = sum(1 for point in points if point.nullity)
    if loose or components:
        return f"The Morse sum does not apply: it does not count {loose} degenerate points and {components} continua."
    total = sum((-1) ** point.index for point in points)
    if total == 1:
        return (
            f"The sum of (-1)^index is 1, as it must be where the gradient points outwards (it did {where}, "
            "wherever it was tried): points that are missing come in pairs that cancel."
        )
    return (
        f"The sum of (-1)^index is {total}, but it should be 1 where the gradient points outwards (it did {where}, "
        "wherever it was tried): points are missing."
    )
