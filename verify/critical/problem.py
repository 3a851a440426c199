"""What is searched numerically: callables with a box or a start, or an expression by its tape.

Data
    ``Problem``  the objective, its coordinates' names, the box and the start, and f at many points at a time.

The three most important functions are ``problem_of``, ``box_of`` (the box as people write it) and ``takes_numbers``
(whether f takes coordinates one by one).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.critical.objectives.objective import Objective, objective_of
from verify.critical.points import Array
from verify.critical.proof.branch import OFF_CENTRE

if TYPE_CHECKING:
    from verify.critical.expression import Subject
    from verify.critical.proof.enclosure import Evaluator

__all__ = ["Box", "Problem", "box_of", "problem_of", "takes_numbers"]

Box = Sequence[Sequence[float]] | Mapping[str, Sequence[float]]

# Random points of a box at which derivatives are verified.
VERIFIED = 2


@dataclass(frozen=True, eq=False)
class Problem:
    """What is searched numerically: the objective, its coordinates' names, the box, and f at many points."""

    objective: Objective
    names: tuple[str, ...]
    box: tuple[Array, Array] | None
    start: Array | None
    many: Any

    def points(self, seed: int) -> Array:
        """Where derivatives are verified: at the start, or at random in the box."""
        if self.box is None or self.start is not None:
            assert self.start is not None
            return self.start[None]
        lower, upper = self.box
        return lower + np.random.default_rng(seed).random((VERIFIED, len(lower))) * (upper - lower)


def problem_of(
    f: Any, subject: Subject | None, box: Box | None, start: Any, given: Mapping[str, Callable[..., Any] | None]
) -> Problem:
    beginning: Array | None = None if start is None else np.atleast_1d(np.asarray(start, float))
    if subject is not None:
        function = subject.evaluator()
        names, many = subject.names, function.values
        f, own = ByTape(function, 0), {"gradient": ByTape(function, 1), "hessian": ByTape(function, 2)}
        given = {**own, **{name: one for name, one in given.items() if one is not None}}
    else:
        if box is None and beginning is None:
            raise ValueError("f is a function of unknown dimension: give box, or start")
        n = len(box) if box is not None else int(np.size(np.asarray(start)))
        names = tuple(map(str, box)) if isinstance(box, Mapping) else tuple(f"x{k}" for k in range(n))
        if takes_numbers(f, n):
            f = Spread(f)
        many = Pointwise(f)
    ends = None if box is None else box_of(box, names)
    scale = None if ends is None else 0.1 * (ends[1] - ends[0])
    at = beginning
    if at is None and ends is not None:
        at = ends[0] + OFF_CENTRE * (ends[1] - ends[0])
    objective = objective_of(
        f, given.get("gradient"), given.get("hessian"), given.get("hvp"), dimension=len(names), start=at, scale=scale
    )
    return Problem(objective, names, ends, beginning, many)


@dataclass(frozen=True)
class ByTape:
    """f, its gradient or its Hessian at one point, by the order of the derivative."""

    function: Evaluator
    order: int

    def __call__(self, x: Array) -> Any:
        if self.order == 0:
            return float(self.function.values(x))
        return self.function.at(x[None])[self.order - 1][0]


@dataclass(frozen=True)
class Spread:
    """A function of several numbers as one of a vector."""

    f: Callable[..., Any]

    def __call__(self, x: Array) -> Any:
        return self.f(*x)


@dataclass(frozen=True)
class Pointwise:
    """A function of one vector at many points (…, n): NaN where it has no value."""

    f: Callable[[Array], Any]

    def __call__(self, points: Array) -> Array:
        points = np.asarray(points, float)
        values = np.empty(points.shape[:-1])
        for place in np.ndindex(values.shape):
            try:
                values[place] = self.f(points[place].copy())
            except (ValueError, ArithmeticError, TypeError):
                values[place] = np.nan
        return values


def takes_numbers(f: Any, n: int) -> bool:
    """Whether f takes as many numbers as there are coordinates, and not one vector."""
    try:
        parameters = [
            one for one in inspect.signature(f).parameters.values()
            if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD) and one.default is one.empty
        ]  # fmt: skip
    except (TypeError, ValueError):
        return False
    return n > 1 and len(parameters) == n


def box_of(box: Box, names: Sequence[str]) -> tuple[Array, Array]:
    """The lower and upper ends. Raises: ValueError when a coordinate is missing, without width, or not finite."""
    if isinstance(box, Mapping):
        ends = {str(name): end for name, end in box.items()}
        if set(ends) != set(names):
            raise ValueError(f"box has {', '.join(ends)}: expected the coordinates {', '.join(names)}")
        pairs: Sequence[Sequence[float]] = [ends[name] for name in names]
    else:
        pairs = box
    if len(pairs) != len(names) or any(np.shape(pair) != (2,) for pair in pairs):
        raise ValueError(
            f"box is {box!r}: expected (lower, upper) for each of the {len(names)} coordinates {', '.join(names)}"
        )
    lower, upper = np.array(pairs, float).T.copy()
    for name, low, high in zip(names, lower, upper, strict=True):
        if not (np.isfinite(low) and np.isfinite(high)):
            raise ValueError(f"box has {name} from {low} to {high}: expected finite ends")
        if not low < high:
            raise ValueError(f"box has {name} from {low} to {high}: expected a lower end below the upper one")
    return lower, upper
