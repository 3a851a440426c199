"""What is searched numerically: a function of n numbers with its derivatives, given or made by differences.

Every call of the user's functions is counted, gets a copy of the point, and is looked at: shapes, real numbers. The
answers depend on the point alone, never on earlier calls, so that a search gives the same with any executor. Steps of
differences are measured once, at the start.

Data
    ``Objective``  value, gradient, hessian, hvp; the same with measured errors; ``cost``.
    ``NotFinite``  raised where the function has no finite value: the point is outside its domain.

No value at a point is ``NotFinite``; a search catches it and goes elsewhere.

The three most important functions are ``objective_of`` (makes one, refuses what cannot be searched),
``Objective.measured_gradient`` and ``Objective.measured_hessian`` (a derivative with the size of its error).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from verify.critical.objectives.functions import (
    COUNTED,
    Function,
    Functions,
    NotFinite,
    functions_of,
    inspect,
    shown,
    somewhere,
)
from verify.critical.objectives.steps import Steps, measured_steps, plain_steps
from verify.critical.points import Array, Cost
from verify.differences import EPS, NOISE_MARGIN, ROUNDING

__all__ = ["NotFinite", "Objective", "objective_of", "total"]

# Distances, in units of the scale, over which a given function shows its noise and nothing else; the second where the
# domain ends within the first.
NEAR = (1.1327 * 2.0**-17, 1.1327 * 2.0**-27)
# It is looked at on so many lines: what is rounded to a grid may look smooth on one.
LINES = 2
# A measured error of more than this share is worth steps of its own, with so many finer ones tried.
POOR = 1e-4
FURTHER = 8


class Objective:
    """A function of n numbers, its derivatives, and what they cost.

    ``gradient``, ``hessian`` and ``hvp`` are the user's where given (``given`` names them). Otherwise they are
    differences: of the gradient where that is given, else of f. Each raises ``NotFinite`` where there is no finite
    value, and ValueError where a function of the user returns another shape.
    Picklable where the user's functions are; a copy in another process begins to count for itself (``total``).
    """

    def __init__(self, functions: Functions, steps: Steps) -> None:
        self.functions = functions
        self.steps = steps
        self.dimension = functions.dimension
        self.given = frozenset(functions.functions) - {"f"}
        self._last: tuple[Array, Array] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_last"} | {"_last": None}

    @property
    def cost(self) -> Cost:
        """Calls of the user's functions so far; differences count as what they call."""
        return self.functions.cost

    def afresh(self) -> Objective:
        """The same objective with nothing counted yet: for a piece of work that reports its own cost."""
        return Objective(Functions(self.functions.functions, self.dimension), self.steps)

    # ------------------------------------------------------------------------------------------- routine calls

    def value(self, x: ArrayLike) -> float:
        """f(x)."""
        return float(self.functions.call("f", np.asarray(x, np.float64)))

    def gradient(self, x: ArrayLike) -> Array:
        """The gradient; without one, central differences of f: 2n evaluations.

        Shapes: x (n) -> (n).
        """
        x = np.asarray(x, np.float64)
        if "gradient" in self.given:
            return self.functions.call("gradient", x)
        return self._slopes(x, self.steps.of(x, self.steps.first))

    def hvp(self, x: ArrayLike, v: ArrayLike) -> Array:
        """The Hessian times v; without it one central difference: 2 gradients, or 4n values of f.

        Shapes: x (n), v (n) -> (n).
        """
        x, v = np.asarray(x, np.float64), np.asarray(v, np.float64)
        if "hvp" in self.given:
            return self.functions.call("hvp", x, v)
        if "hessian" in self.given:
            return np.asarray(self._kept_hessian(x) @ v)
        return self._bend(x, v, 1.0)

    def hessian(self, x: ArrayLike) -> Array:
        """The Hessian, symmetrised; without it n products, or n(n + 1) + 1 values of f.

        Shapes: x (n) -> (n, n).
        """
        return symmetrised(self._columns(np.asarray(x, np.float64), 1.0))

    # --------------------------------------------------------------------------------------- with their errors

    def measured_gradient(self, x: ArrayLike) -> tuple[Array, float]:
        """The gradient, and how far it may be off in the Euclidean norm: measured, not proved.

        A given one is called at four points near x, where differences show what it rounds; one of differences is made
        with two steps and extrapolated: 4n + 1 evaluations.
        Shapes: x (n) -> (n), scalar.
        """
        x = np.asarray(x, np.float64)
        if "gradient" in self.given:
            return self.noisy("gradient", x)
        return self._sharpened(x, lambda one: one._extrapolated_slopes(x))

    def measured_hessian(self, x: ArrayLike) -> tuple[Array, float]:
        """The Hessian, and how far it may be off in the spectral norm, which bounds the error of its eigenvalues.

        Measured, not proved, as in ``measured_gradient``: 4n + 1 gradients where no Hessian or product is given. What
        is not symmetric counts as error.
        Shapes: x (n) -> (n, n), scalar.
        """
        x = np.asarray(x, np.float64)
        if "hessian" in self.given:
            matrix, error = self.noisy("hessian", x)
        elif "hvp" in self.given:
            matrix, error = self._noisy_columns(x)
        else:
            matrix, error = self._sharpened(x, lambda one: one._extrapolated_columns(x))
        skew = float(np.linalg.norm(matrix - matrix.T)) / 2.0
        return symmetrised(matrix), error + skew + self.dimension * EPS * float(np.linalg.norm(matrix))

    def noisy(self, name: str, x: Array, *further: Array, weigh: Array | float = 1.0) -> tuple[Array, float]:
        """What a given function says, and its noise there: what differences of third and fourth order leave.

        In the Euclidean norm of the answer times ``weigh``, which has its shape. Infinite where the domain ends so
        near that there is no room to measure.
        """
        found = self.functions.call(name, x, *further)
        rng = np.random.default_rng(0)
        # on the noise of a gradient the steps have a say that was measured at more points
        lines, least = (1, self.steps.gradient_noise) if name == "gradient" else (LINES, ROUNDING)
        for h in NEAR:
            noise = 0.0
            try:
                for _ in range(lines):
                    v = self.steps.scale_at(x) * rng.uniform(0.5, 1.0, x.shape) * rng.choice((-1.0, 1.0), x.shape)
                    ahead, behind, beyond, opposite = (
                        weigh * self.functions.call(name, x + t * v, *further) for t in (h, -h, 2 * h, -2 * h)
                    )
                    third = np.linalg.norm((beyond - opposite) - 2.0 * (ahead - behind)) / np.sqrt(10.0)
                    even = (beyond + opposite) - 4.0 * (ahead + behind) + 6.0 * weigh * found
                    size = np.linalg.norm(weigh * found) + np.linalg.norm(ahead - behind) / (2.0 * h)
                    noise = float(max(noise, third, np.linalg.norm(even) / np.sqrt(70.0), least * size))
            except NotFinite:
                continue
            return found, NOISE_MARGIN * noise
        return found, float("inf")

    def _given_gradient(self) -> Function | None:
        return self.functions.plain("gradient") if "gradient" in self.given else None

    # ---------------------------------------------------------------------------------------------- the inside

    def _kept_hessian(self, x: Array) -> Array:
        """The given Hessian; products at one point ask for it once."""
        last = self._last
        if last is None or not np.array_equal(last[0], x):
            last = self._last = x.copy(), self.functions.call("hessian", x)
        return last[1]

    def _sharpened(self, x: Array, measure: Callable[[Objective], tuple[Array, float]]) -> tuple[Array, float]:
        """A measurement; with steps measured at x too, where those of the start do badly here."""
        found, error = measure(self)
        if error <= POOR * float(np.linalg.norm(found)):
            return found, error
        here = Objective(self.functions, self._steps_at(x))
        try:
            again, narrower = measure(here)
        except NotFinite:
            return found, error
        if np.linalg.norm(again - found) > error + narrower:
            # one of them jumped over what the other saw: that is no small part of what was seen
            better = narrower * np.linalg.norm(found) < error * np.linalg.norm(again)
        else:
            better = narrower < error
        return (again, narrower) if better else (found, error)

    def _steps_at(self, x: Array) -> Steps:
        return measured_steps(self.functions.plain("f"), self._given_gradient(), x, self.steps, FURTHER)

    def _slopes(self, x: Array, h: Array) -> Array:
        """Central differences of f along every axis."""
        right, left, width = self._sides(x, h)
        return (right - left) / width

    def _sides(self, x: Array, h: Array) -> tuple[Array, Array, Array]:
        """f one step to the right and to the left along every axis, and how far these are apart."""
        right, left, width = np.empty((3, self.dimension))
        for k, step in enumerate(h):
            ahead, behind = x.copy(), x.copy()
            ahead[k] += step
            behind[k] -= step
            right[k], left[k] = self.functions.call("f", ahead), self.functions.call("f", behind)
            width[k] = ahead[k] - behind[k]
        return right, left, width

    def _extrapolated_slopes(self, x: Array) -> tuple[Array, float]:
        h = self.steps.of(x, self.steps.first)
        (right, left, width), (further, opposite, wider) = self._sides(x, h), self._sides(x, 2.0 * h)
        fine, coarse = (right - left) / width, (further - opposite) / wider
        centre = self.functions.call("f", x)
        near, far = right + left - 2.0 * centre, further + opposite - 2.0 * centre
        # terms of f may cancel at x; they show in what f changes by over a distance like x
        change = np.maximum(np.abs(right - centre), np.abs(left - centre)) / h * self.steps.scale_at(x)
        rounding = NOISE_MARGIN * self.steps.noise * (np.abs(centre) + change) / h
        error = [np.linalg.norm(one) for one in (coarse - fine, uneven(near, far) / h, rounding)]
        return (4.0 * fine - coarse) / 3.0, float(np.sum(error))

    def _extrapolated_bend(self, x: Array, v: Array, centre: Array) -> tuple[Array, float]:
        """The Hessian times v from the given gradient with two steps; ``centre`` is the gradient at x."""
        h = self.steps.along(x, v, self.steps.gradient)
        right, left, further, opposite = (self.functions.call("gradient", x + t * v) for t in (h, -h, 2 * h, -2 * h))
        fine, coarse = (right - left) / (2.0 * h), (further - opposite) / (4.0 * h)
        near, far = right + left - 2.0 * centre, further + opposite - 2.0 * centre
        size = np.linalg.norm(right) + np.linalg.norm(fine) * h / self.steps.gradient
        error = np.linalg.norm(coarse - fine) + np.linalg.norm(uneven(near, far)) / h
        return (4.0 * fine - coarse) / 3.0, float(error + NOISE_MARGIN * self.steps.gradient_noise * size / h)

    def _extrapolated_columns(self, x: Array) -> tuple[Array, float]:
        units = np.eye(self.dimension)
        if "gradient" in self.given:
            centre = self.functions.call("gradient", x)
            pairs = [self._extrapolated_bend(x, v, centre) for v in units]
            columns = np.array([column for column, _ in pairs]).T.reshape(units.shape)
            return columns, float(np.linalg.norm([error for _, error in pairs]))
        fine, coarse = self._columns(x, 1.0), self._columns(x, 2.0)
        found = (4.0 * fine - coarse) / 3.0
        noise = [self._noise_of_values(x, v, found[:, k]) for k, v in enumerate(units)]
        return found, float(np.linalg.norm(coarse - fine) + np.linalg.norm(noise))

    def _bend(self, x: Array, v: Array, stretch: float) -> Array:
        """The central difference of the gradient along v."""
        if not np.any(v):
            return np.zeros(self.dimension)
        if "gradient" in self.given:
            h = stretch * self.steps.along(x, v, self.steps.gradient)
            right, left = (self.functions.call("gradient", x + t * v) for t in (h, -h))
            return (right - left) / (2.0 * h)
        h = stretch * self.steps.along(x, v, self.steps.second)
        across = stretch * self.steps.of(x, self.steps.second)
        return (self._slopes(x + h * v, across) - self._slopes(x - h * v, across)) / (2.0 * h)

    def _columns(self, x: Array, stretch: float) -> Array:
        """The Hessian as it comes, column by column."""
        if "hessian" in self.given:
            return self._kept_hessian(x)
        if "hvp" in self.given or "gradient" in self.given:
            product = (lambda v: self.functions.call("hvp", x, v)) if "hvp" in self.given else None
            columns = [self._bend(x, v, stretch) if product is None else product(v) for v in np.eye(self.dimension)]
            return np.array(columns).T.reshape(self.dimension, self.dimension)
        return self._curvatures(x, stretch * self.steps.of(x, self.steps.second))

    def _curvatures(self, x: Array, h: Array) -> Array:
        """Second differences of f along axes and along the diagonals of their planes."""
        n = self.dimension
        moves = np.diag(h)
        centre = self.functions.call("f", x)

        def second(move: Array) -> float:
            return float(self.functions.call("f", x + move) + self.functions.call("f", x - move) - 2.0 * centre)

        axis = [second(move) for move in moves]
        found = np.zeros((n, n))
        for i in range(n):
            found[i, i] = axis[i] / h[i] ** 2
            for j in range(i):
                both = second(moves[i] + moves[j])
                found[i, j] = found[j, i] = (both - axis[i] - axis[j]) / (2.0 * h[i] * h[j])
        return found

    def _noise_of_values(self, x: Array, v: Array, product: Array) -> float:
        """What rounding of f makes of the Hessian times v, with the steps taken."""
        h, across = self.steps.along(x, v, self.steps.second), self.steps.of(x, self.steps.second)
        centre = self.functions.call("f", x)
        change = abs(self.functions.call("f", x + h * v) - centre) / self.steps.second
        bent = np.linalg.norm(product * self.steps.scale_at(x)) * h
        size = float(abs(centre) + change + bent)
        return NOISE_MARGIN * self.steps.noise * size / h * float(np.linalg.norm(1.0 / across))

    def _noisy_columns(self, x: Array) -> tuple[Array, float]:
        pairs = [self.noisy("hvp", x, v) for v in np.eye(self.dimension)]
        columns = np.array([column for column, _ in pairs]).T.reshape(self.dimension, self.dimension)
        return columns, float(np.linalg.norm([error for _, error in pairs]))


def objective_of(
    f: Function,
    gradient: Function | None = None,
    hessian: Function | None = None,
    hvp: Function | None = None,
    dimension: int | None = None,
    start: ArrayLike | None = None,
    scale: ArrayLike | None = None,
) -> Objective:
    """The objective made of plain functions of one array, after a look at them at the start.

    ``scale`` is the distance over which f changes in each coordinate, if it is known, such as a tenth of a box.
    Without a start the functions are tried at a few points of size about 1, or of size ``scale``.
    Shapes: start (n), scale scalar or (n); f(x) scalar, gradient(x) (n), hessian(x) (n, n), hvp(x, v) (n).
    Raises: ValueError naming the argument when neither dimension nor start is given, when they disagree, or when a
    function at the start is not finite, complex, of another shape, integer (f), different when it is called again,
    or writes to its argument.
    """
    given = functions_of(f, gradient, hessian, hvp)
    point = None if start is None else _start(start)
    n = _dimension(dimension, point)
    spread = None if scale is None else _scale(scale, n)
    functions = Functions(given, n)
    if point is None:
        point = somewhere(functions, np.ones(n) if spread is None else spread)
    plain = plain_steps(functions.plain("f"), point, spread)
    inspect(functions, point, plain.scale_at(point))
    slopes = functions.plain("gradient") if gradient is not None else None
    return Objective(functions, measured_steps(functions.plain("f"), slopes, point, plain))


def uneven(near: Array, far: Array) -> Array:
    """How far second differences at a step and at twice that step are from 1 : 4, as those of smooth functions are.

    They tell of kinks, and of what both steps jump over.
    """
    return np.asarray(np.abs(far - 4.0 * near))


def symmetrised(matrix: Array) -> Array:
    """The symmetric part."""
    return np.asarray((matrix + matrix.T) / 2.0)


def total(costs: Iterable[Cost]) -> Cost:
    """The sum of costs, such as those of pieces that ran elsewhere."""
    listed = list(costs)
    counts = {name: sum(getattr(one, name) for one in listed) for name in (*COUNTED.values(), "boxes")}
    return Cost(**counts, seconds=sum(one.seconds for one in listed))


def _start(start: ArrayLike) -> Array:
    raw = np.asarray(start)
    if raw.dtype.kind not in "fiu":
        raise ValueError(f"start holds {raw.dtype}: expected real numbers")
    point = np.array(raw, np.float64)
    if point.ndim != 1:
        raise ValueError(f"start has shape {point.shape}: expected one point of shape (n,)")
    if not np.all(np.isfinite(point)):
        raise ValueError(f"start is not finite: {shown(point)}; give a point where f is defined")
    return point


def _dimension(dimension: int | None, start: Array | None) -> int:
    if dimension is None:
        if start is None:
            raise ValueError("dimension and start are both missing: give one, since f does not say how long x is")
        dimension = len(start)
    if isinstance(dimension, bool) or not isinstance(dimension, (int, np.integer)) or dimension < 1:
        raise ValueError(f"dimension is {dimension!r}: expected an integer of at least 1")
    if start is not None and len(start) != dimension:
        raise ValueError(
            f"start has {len(start)} entries, dimension is {dimension}: give one of them, or make them agree"
        )
    return int(dimension)


def _scale(scale: ArrayLike, n: int) -> Array:
    spread = np.asarray(scale, np.float64)
    if spread.shape not in ((), (n,)):
        raise ValueError(f"scale has shape {spread.shape}: expected one number, or shape ({n},)")
    if not np.all(np.isfinite(spread) & (spread > 0)):
        raise ValueError("scale must be positive and finite: the distance over which f changes in each coordinate")
    return np.array(np.broadcast_to(spread, (n,)))
