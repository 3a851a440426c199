"""Where a derivative is wrong: entries beside their numerical values, at the point where a direction disagreed.

Data: ``Place``, a point with what the user's functions say there, and their noise.

The most important functions are ``wrong_gradient`` and ``wrong_matrix``: the error to raise, None where no entry is
wrong beyond its bound. Of few coordinates every entry is compared; of many the worst one, found by halving, and some
others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from verify import numdiff
from verify.critical.objectives.causes import Compared, cause, wrong_entries
from verify.critical.objectives.functions import NotFinite
from verify.critical.objectives.objective import Objective
from verify.critical.objectives.wrong import Finding, WrongDerivative
from verify.critical.points import Array

__all__ = ["Place", "not_alike", "not_linear", "not_symmetric", "wrong_gradient", "wrong_matrix"]

Places = Sequence["Place"]
Coordinates = NDArray[np.intp]
# So many coordinates are compared in full, and so many of more; fewer where a Hessian is made from values of f alone.
ENTRIES, SOME = 60, 12
ENTRIES_OF_VALUES, SOME_OF_VALUES = 16, 6
# Causes are tested at so many points.
WITNESSES = 2


@dataclass(frozen=True, eq=False)
class Place:
    """A point x, the scale of its coordinates, f there and what is given.

    Noise is measured in the Euclidean norm of the scaled derivatives, ``scale · g`` and ``scale scaleᵀ · H``: in them
    no entry hides another by its units.
    """

    objective: Objective
    x: Array
    scale: Array
    value: float

    @staticmethod
    def at(objective: Objective, x: Array) -> Place:
        """A place; its gradient and Hessian are asked for at once.

        Raises: NotFinite.
        """
        place = Place(objective, x, objective.steps.scale_at(x), objective.value(x))
        for name in objective.given - {"hvp"}:
            objective.functions.call(name, x)
        return place

    @cached_property
    def gradient(self) -> tuple[Array, float]:
        """The gradient, given or of differences, and its scaled noise."""
        if "gradient" in self.objective.given:
            return self.objective.noisy("gradient", self.x, weigh=self.scale)
        found, error = self.objective.measured_gradient(self.x)
        return found, error * float(np.max(self.scale))

    @cached_property
    def hessian(self) -> tuple[Array, float]:
        """The given Hessian and its scaled noise."""
        return self.objective.noisy("hessian", self.x, weigh=np.outer(self.scale, self.scale))

    def hvp(self, v: Array) -> Array:
        """The given product."""
        return self.objective.functions.call("hvp", self.x, v)

    @cached_property
    def hvp_noise(self) -> float:
        """The scaled noise of the given product, for a v of scaled length 1."""
        w = np.random.default_rng(1).normal(size=self.x.shape)
        w /= np.linalg.norm(w)
        return self.objective.noisy("hvp", self.x, self.scale * w, weigh=self.scale)[1] * float(np.sqrt(len(w)))

    def block(self, name: str, some: Coordinates) -> tuple[Array, Array]:
        """Rows and columns of the claimed matrix, and the noise of their entries."""
        scales = np.outer(self.scale[some], self.scale[some])
        if name == "hessian":
            matrix, noise = self.hessian
            return matrix[np.ix_(some, some)], noise / scales
        units = np.zeros((len(some), len(self.x)))
        units[np.arange(len(some)), some] = 1.0
        return np.array([self.hvp(v)[some] for v in units]).T, self.hvp_noise / scales

    def within(self, name: str, some: Coordinates) -> Callable[[Array], Array]:
        """A function of the user, of these coordinates alone."""
        function = self.objective.functions.plain(name)

        def restricted(part: Array) -> Array:
            x = self.x.copy()
            x[some] = part
            found = np.asarray(function(x))
            return found[some] if name == "gradient" else found

        return restricted

    def compared_gradient(self, some: Coordinates) -> Compared:
        """Entries of the gradient beside numerical ones; unknown at kinks."""
        found, noise = self.gradient
        seen = numdiff.gradient(self.within("f", some), self.x[some], complex_step=False)
        bound = np.where(seen.kink, np.inf, seen.bound) + noise / self.scale[some]
        return Compared(self.x[some], self.value, found[some], found[some], seen.value, bound)

    def compared_matrix(self, name: str, some: Coordinates) -> Compared:
        """Entries of the Hessian, or of the matrix of hvp, beside numerical ones; unknown at kinks."""
        claimed, noise = self.block(name, some)
        gradient = self.within("gradient", some) if "gradient" in self.objective.given else None
        seen = numdiff.hessian(self.within("f", some), self.x[some], gradient)
        bound = np.where(seen.kink, np.inf, seen.bound) + noise
        return Compared(self.x[some], self.value, self.gradient[0][some], claimed, seen.value, bound)


def wrong_gradient(places: Places, place: Place, v: Array) -> WrongDerivative | None:
    """Where a gradient is wrong that disagreed along v."""
    f = place.objective.functions.plain("f")
    slope, noise = place.gradient

    def excess(part: Array) -> float:
        seen = numdiff.jvp(f, place.x, part, complex_step=False)
        allowed = float(seen.bound) + noise * float(np.linalg.norm(part / place.scale))
        return beyond(abs(float(slope @ part - seen.value)), np.inf if seen.kink else allowed)

    some = coordinates(place, v, excess, ENTRIES, SOME)
    compared = at_witnesses(places, place, lambda one: one.compared_gradient(some))
    return _entries("gradient", place, some, compared)


def wrong_matrix(places: Places, place: Place, name: str, v: Array) -> WrongDerivative | None:
    """Where a Hessian, or the matrix of hvp, is wrong that disagreed along v."""
    of_values = "gradient" not in place.objective.given
    full, few = (ENTRIES_OF_VALUES, SOME_OF_VALUES) if of_values else (ENTRIES, SOME)

    def product(part: Array) -> tuple[Array, float]:
        length = float(np.linalg.norm(part / place.scale))
        if name == "hessian":
            return place.hessian[0] @ part, place.hessian[1] * length
        return place.hvp(part), place.hvp_noise * length

    row = None
    if len(place.x) > full and not of_values:
        seen = numdiff.jvp(place.objective.functions.plain("gradient"), place.x, v, complex_step=False)
        claimed, noise = product(v)
        allowed = np.where(seen.kink, np.inf, seen.bound) + noise / place.scale
        row = int(np.argmax(np.abs(claimed - seen.value) / allowed))

    def excess(part: Array) -> float:
        claimed, noise = product(part)
        if row is None:
            f = place.objective.functions.plain("f")
            line = numdiff.hessian(lambda t: f(place.x + t[0] * part), np.zeros(1))
            off, allowed = abs(float(part @ claimed - line.value[0, 0])), float(line.bound[0, 0])
            return beyond(off, np.inf if line.kink[0, 0] else allowed + noise * float(np.linalg.norm(part)))
        gradient = place.objective.functions.plain("gradient")
        one = numdiff.jvp(lambda z: gradient(z)[row], place.x, part, complex_step=False)
        off = abs(float(claimed[row] - one.value))
        return beyond(off, np.inf if one.kink else float(one.bound) + noise / place.scale[row])

    some = coordinates(place, v, excess, full, few, row)
    compared = at_witnesses(places, place, lambda one: one.compared_matrix(name, some))
    return _entries(name, place, some, compared)


def beyond(off: float, allowed: float) -> float:
    """How many times more than allowed; 0 where nothing is known."""
    return off / allowed if 0 < allowed < np.inf else 0.0


def coordinates(
    place: Place, v: Array, excess: Callable[[Array], float], full: int, few: int, row: int | None = None
) -> Coordinates:
    """The coordinates to compare: all, or the worst of many, found by halving the support of v, with some others."""
    n = len(v)
    if n <= full:
        return np.arange(n)
    support = np.random.default_rng(2).permutation(n)
    while len(support) > 1:
        halves = np.array_split(support, 2)
        parts = np.zeros((2, n))
        for part, half in zip(parts, halves, strict=True):
            part[half] = v[half]
        support = halves[int(np.argmax([excess(part) for part in parts]))]
    others = np.random.default_rng(3).permutation(n)[:few]
    return np.unique([*support, *others, *([] if row is None else [row])])


def at_witnesses(places: Places, place: Place, compare: Callable[[Place], Compared]) -> list[Compared]:
    """The comparison at a place, and at others, which bear witness to its cause."""
    found = [compare(place)]
    for other in places:
        if len(found) < WITNESSES and other is not place and not np.array_equal(other.x, place.x):
            try:
                found.append(compare(other))
            except NotFinite:
                continue
    return found


def _entries(name: str, place: Place, some: Coordinates, compared: Sequence[Compared]) -> WrongDerivative | None:
    """The error for entries that are wrong at the place; None where none is."""
    one = compared[0]
    wrong = wrong_entries(one)
    if not np.any(wrong):
        return None
    scales = place.scale[some] if wrong.ndim == 1 else np.outer(place.scale[some], place.scale[some])
    worst = np.unravel_index(
        np.argmax(np.where(wrong, np.abs(one.claimed - one.numerical) * scales, -1.0)), wrong.shape
    )
    looked = " looked at" if len(some) < len(place.x) else ""
    kind, sentence = cause(compared)
    return WrongDerivative(
        Finding(
            name,
            f"{name} is wrong in {np.count_nonzero(wrong)} of {wrong.size} entries{looked}",
            place.x,
            entry(name, some, worst),
            float(one.claimed[worst]),
            float(one.numerical[worst]),
            float(one.bound[worst]),
            kind,
            sentence,
        )
    )


def entry(name: str, some: Coordinates, where: Sequence[object]) -> str:
    """An entry's name; that of a product's matrix is an entry of what it makes of a unit vector."""
    places = [int(some[k]) for k in where]  # type: ignore[call-overload]
    if name == "hvp":
        return f"hvp(x, e_{places[1]})[{places[0]}]"
    return f"{name}{places}"


def not_symmetric(
    places: Places, place: Place, name: str, allowed: float, forms: tuple[float, float] | None = None
) -> WrongDerivative:
    """The error for a matrix that is not symmetric; ``forms`` are uᵀHv and vᵀHu where products alone are known."""
    n = len(place.x)
    some = np.arange(n) if n <= ENTRIES else np.random.default_rng(3).permutation(n)[:SOME]
    claimed, _ = (place.hessian[0], 0.0) if name == "hessian" else place.block(name, some)
    if name == "hessian":
        some_of_it = np.arange(n)
        skew = np.abs(claimed - claimed.T) * np.outer(place.scale, place.scale)
    else:
        some_of_it = some
        skew = np.abs(claimed - claimed.T) * np.outer(place.scale[some], place.scale[some])
    i, j = sorted(int(k) for k in np.unravel_index(np.argmax(skew), skew.shape))
    kind, sentence = "triangle", "the two halves are computed in different ways, and one of them is wrong"
    if n <= (ENTRIES if "gradient" in place.objective.given else ENTRIES_OF_VALUES):
        compared = at_witnesses(places, place, lambda one: one.compared_matrix(name, some))
        if np.any(wrong_entries(compared[0])):
            kind, sentence = cause(compared)
    if skew[i, j] <= allowed and forms is not None:
        what = "hvp is not symmetric: uᵀHv and vᵀHu differ"
        return WrongDerivative(
            Finding(name, what, place.x, "vᵀ hvp(x, u)", *forms, allowed, kind, sentence, "uᵀ hvp(x, v)")
        )
    pairs = np.count_nonzero(skew > allowed) // 2
    what = f"{name} is not symmetric in {pairs} of {len(skew) * (len(skew) - 1) // 2} pairs of entries"
    bound = allowed / float(place.scale[some_of_it[i]] * place.scale[some_of_it[j]])
    first, second = entry(name, some_of_it, (i, j)), entry(name, some_of_it, (j, i))
    numbers = float(claimed[i, j]), float(claimed[j, i])
    return WrongDerivative(Finding(name, what, place.x, first, *numbers, bound, kind, sentence, second))


def not_linear(place: Place, u: Array, combined: Array, expected: Array, allowed: Array) -> WrongDerivative:
    """The error for a product that is not linear in v: ``combined`` should be ``expected``."""
    worst = int(np.argmax(np.abs(combined - expected) / allowed))
    once, twice, back, zero = (place.hvp(t * u) for t in (1.0, 2.0, -1.0, 0.0))

    def same(one: Array, other: Array) -> bool:
        return bool(np.all(np.abs(one - other) <= 4.0 * allowed))

    if np.any(np.abs(zero) > allowed):
        adds = "the gradient" if same(zero, place.gradient[0]) else "something"
        sentence = f"at v = 0 it is not 0: {adds} is added that does not depend on v"
    elif same(twice, once):
        sentence = "v and 2v give the same: v is divided by its length"
    elif same(twice, 4.0 * once):
        sentence = "v and 2v give 1 and 4 times: v enters twice"
    elif same(back, once):
        sentence = "v and −v give the same: an absolute value or a square of v"
    else:
        sentence = "sums of v are not kept: v enters otherwise than by a product with a matrix"
    what = f"hvp is not linear in v in {np.count_nonzero(np.abs(combined - expected) > allowed)} of {len(u)} entries"
    numbers = float(combined[worst]), float(expected[worst]), float(allowed[worst])
    return WrongDerivative(
        Finding("hvp", what, place.x, f"hvp(x, a u + b v)[{worst}]", *numbers, "nonlinear", sentence, "a Hu + b Hv")
    )


def not_alike(place: Place, product: Array, expected: Array, allowed: Array) -> WrongDerivative:
    """The error for a product that is not the given Hessian times v, where numerical derivatives do not tell more."""
    off = np.abs(product - expected)
    worst = int(np.argmax(off / allowed))
    what = f"hvp disagrees with hessian @ v in {np.count_nonzero(off > allowed)} of {len(off)} entries"
    numbers = float(product[worst]), float(expected[worst]), float(allowed[worst])
    sentence = "one of the two is wrong; numerical derivatives could not tell which"
    return WrongDerivative(
        Finding("hvp", what, place.x, f"hvp(x, v)[{worst}]", *numbers, "contradiction", sentence, "hessian @ v")
    )
