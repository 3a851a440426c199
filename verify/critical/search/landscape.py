"""The function as the numerical search sees it: coordinates in which the box, or what surrounds a start, is 1.

Lengths of the search are shares of the box, so that nothing in it depends on the units of x or of f.

Data
    ``Region``     where points are looked for, and the change of coordinates.
    ``Landscape``  gradient and Hessian in these coordinates.

The most important functions are ``Region.around``, ``Region.reported`` and ``Landscape.gradient``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from verify.critical.points import Array, Cost

__all__ = ["Differentiable", "Landscape", "Region", "unit"]

# A way may leave the box by this share of its half-width, for points outside can be on the way to others inside.
MARGIN = 0.3
# Without a box starts are drawn at distances of these powers of two of the size of the start.
NEAREST, FARTHEST = -4, 4
# Without a box ways may go this many times as far as the starts.
BEYOND = 4.0
# A point this close to the face of the box, as a share of its half-width, may be on either side by rounding.
FACE = 1e-9


class Differentiable(Protocol):
    """What is searched: ``verify.critical.objectives.objective.Objective``."""

    dimension: int
    given: frozenset[str]

    @property
    def cost(self) -> Cost: ...
    def value(self, x: ArrayLike, /) -> float: ...
    def gradient(self, x: ArrayLike, /) -> Array: ...
    def hessian(self, x: ArrayLike, /) -> Array: ...
    def measured_gradient(self, x: ArrayLike, /) -> tuple[Array, float]: ...
    def afresh(self) -> Differentiable: ...


@dataclass(frozen=True, eq=False)
class Region:
    """Coordinates y with x = centre + width · y. With a box it is -1 ≤ y ≤ 1.

    Shapes: centre and width (n).
    """

    centre: Array
    width: Array
    boxed: bool

    @classmethod
    def around(cls, dimension: int, box: ArrayLike | None, start: ArrayLike | None) -> Region:
        """The region of a box, else around a start, else around 0.

        Shapes: box (n, 2), start (n).
        Raises: ValueError when a shape is wrong, a side has no width or is infinite, or a number is not finite.
        """
        if box is not None:
            sides = np.asarray(box, np.float64)
            if sides.shape != (dimension, 2):
                raise ValueError(
                    f"box has shape {sides.shape}, but f has {dimension} variables: give a pair "
                    f"(lower, upper) for each, shape ({dimension}, 2)"
                )
            lower, upper = sides.T
            if not np.all(np.isfinite(sides)):
                k = int(np.flatnonzero(~np.all(np.isfinite(sides), axis=1))[0])
                raise ValueError(
                    f"box: side {k} is ({lower[k]}, {upper[k]}), which is not finite; give finite sides, "
                    "or box=None and a start for a search that widens"
                )
            if not np.all(lower < upper):
                k = int(np.flatnonzero(~(lower < upper))[0])
                raise ValueError(f"box: side {k} is ({lower[k]}, {upper[k]}); lower must be less than upper")
            return cls(lower + (upper - lower) / 2.0, (upper - lower) / 2.0, True)
        centre = np.zeros(dimension) if start is None else np.array(start, np.float64)
        if centre.shape != (dimension,):
            raise ValueError(f"start has shape {centre.shape}, but f has {dimension} variables")
        if not np.all(np.isfinite(centre)):
            raise ValueError("start holds a number that is not finite")
        size = float(np.sqrt(np.mean(centre**2)))
        return cls(centre, np.full(dimension, size if size > 0 else 1.0), False)

    @property
    def dimension(self) -> int:
        return len(self.centre)

    @property
    def box(self) -> tuple[Array, Array] | None:
        """Lower and upper ends in the user's coordinates."""
        return (self.centre - self.width, self.centre + self.width) if self.boxed else None

    @property
    def reach(self) -> float:
        """How far from the centre a way may go along a straight line."""
        return (1.0 + MARGIN) * np.sqrt(self.dimension) if self.boxed else BEYOND * 2.0**FARTHEST

    def outside(self, x: ArrayLike) -> Array:
        """The user's coordinates of y."""
        return np.asarray(self.centre + self.width * np.asarray(x))

    def inside(self, x: ArrayLike) -> Array:
        """y of the user's coordinates."""
        return np.asarray((np.asarray(x) - self.centre) / self.width)

    def allowed(self, y: Array) -> bool:
        """Whether a way may go through y."""
        if self.boxed:
            return bool(np.max(np.abs(y)) <= 1.0 + MARGIN)
        return bool(np.linalg.norm(y) <= self.reach * np.sqrt(self.dimension))

    def reported(self, y: Array) -> bool:
        """Whether a critical point at y is one that was asked for."""
        return not self.boxed or bool(np.max(np.abs(y)) <= 1.0 + FACE)

    def draw(self, rng: np.random.Generator) -> Array:
        """A start: anywhere in the box, or at a distance from the centre of which every size is as likely."""
        if self.boxed:
            return rng.uniform(-1.0, 1.0, self.dimension)
        return np.asarray(rng.standard_normal(self.dimension) * 2.0 ** rng.uniform(NEAREST, FARTHEST))


class Landscape:
    """The gradient and the Hessian of an objective in the coordinates of a region.

    ``gradients`` counts what was asked of it.
    """

    def __init__(self, objective: Differentiable, region: Region) -> None:
        self.objective = objective
        self.region = region
        self.gradients = 0
        self.hessians = 0

    def gradient(self, y: Array) -> Array | None:
        """The gradient at y (n), or None where it is not finite."""
        self.gradients += 1
        try:
            with np.errstate(all="ignore"):
                found = self.objective.gradient(self.region.outside(y)) * self.region.width
        except ArithmeticError:
            return None
        return found if np.all(np.isfinite(found)) else None

    def hessian(self, y: Array) -> Array | None:
        """The Hessian at y (n, n), or None where it is not finite."""
        self.hessians += 1
        try:
            with np.errstate(all="ignore"):
                found = self.objective.hessian(self.region.outside(y)) * np.outer(
                    self.region.width, self.region.width
                )
        except ArithmeticError:
            return None
        return (found + found.T) / 2.0 if np.all(np.isfinite(found)) else None


def unit(v: Array) -> Array:
    """v with length 1; 0 stays 0."""
    length = float(np.linalg.norm(v))
    return v / length if length > 0 else v
