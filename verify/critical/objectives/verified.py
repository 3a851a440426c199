"""Derivatives are verified before anything is classified: a wrong gradient, Hessian or product is refused.

Along random directions first, from few evaluations, at the given points and at random ones near them; entries are
computed only where a direction disagrees (``verify.critical.objectives.localised``). A tolerance is the bound of the
numerical derivative's error and the measured noise of what was claimed, and never a constant. At a kink, or where the
bound is wide, nothing is concluded.

Data: ``Verified``, what was checked, how sharply, and what could not be.

The most important function is ``verify_derivatives``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from verify import numdiff
from verify.critical.objectives.functions import NotFinite, shown
from verify.critical.objectives.localised import (
    Place,
    not_alike,
    not_linear,
    not_symmetric,
    wrong_gradient,
    wrong_matrix,
)
from verify.critical.objectives.objective import Objective
from verify.critical.objectives.wrong import WrongDerivative
from verify.critical.points import Array

__all__ = ["Verified", "WrongDerivative", "verify_derivatives"]

# Points near each given one, at these distances in units of the scale; where the domain ends, halfway, so many times.
NEAR = (0.25, 1.0)
HALVED = 8
DIRECTIONS = 2
# A wider bound than this share of the derivative decides nothing.
WIDE = 1e-2
# f is looked at in so many pairs of points this near to each other, to see whether it takes steps.
PAIRS, CLOSE = 16, 1.0619 * 2.0**-12
# Products are compared with differences of the gradient through so many random sums of rows.
SKETCHES = 6
# A product is noisy where x moves, and where v does.
SLACK = 4.0


@dataclass(frozen=True)
class Verified:
    """What was verified: ``points``, and for each given function the smallest relative error that was excluded.

    ``undecided`` says what could not be, and why; a function that is missing in ``power`` was compared nowhere.
    """

    points: int
    power: dict[str, float] = field(default_factory=dict)
    undecided: tuple[str, ...] = ()

    def __str__(self) -> str:
        checked = [f"{name} verified to a relative {power:.1g}" for name, power in self.power.items()]
        where = f" at {self.points} point{'' if self.points == 1 else 's'}"
        return "; ".join([*(one + where for one in checked), *self.undecided]) or "nothing was compared"


def verify_derivatives(objective: Objective, points: ArrayLike, *, seed: int = 0) -> Verified:
    """Compare what was given with numerical derivatives, at points and near them.

    The gradient equals differences of f. The Hessian is symmetric, and equals differences of the gradient, or of f
    where no gradient is given. The product is linear in v, symmetric, and equals the same differences and the Hessian
    times v. Where all is right it takes some 150 evaluations for each point and function, whatever the dimension.
    Shapes: points (n) or (k, n).
    Raises: WrongDerivative, whose message says where and why; ValueError when points have another shape.
    """
    listed = np.atleast_2d(np.asarray(points, np.float64))
    if listed.ndim != 2 or listed.shape[1] != objective.dimension:
        raise ValueError(
            f"points have shape {np.shape(points)}: expected (n,) or (k, n) with n = {objective.dimension}"
        )
    if not objective.given:
        return Verified(len(listed))
    found = _Found()
    rng = np.random.default_rng(seed)
    places = [place for x in listed for place in _around(objective, x, rng)]
    if not places:
        return Verified(0, {}, ("nothing was verified: f or a derivative is not finite at the points",))
    checks: tuple[tuple[str, Callable[[Sequence[Place], Place, np.random.Generator, _Found], None]], ...] = (
        ("gradient", _gradient),
        ("hessian", _hessian),
        ("hvp", _product),
    )
    for name, check in checks:
        if name in objective.given:
            for place in places:
                try:
                    with np.errstate(all="ignore"):
                        check(places, place, rng, found)
                except NotFinite as error:
                    found.doubt(name, f"not finite near x = {shown(place.x)} ({error})")
    return Verified(len(places), found.power, tuple(found.undecided()))


class _Found:
    """What was found so far."""

    def __init__(self) -> None:
        self.power: dict[str, float] = {}
        self._doubts: dict[str, list[str]] = {}

    def agrees(self, name: str, allowed: float, size: float) -> None:
        """A claim agrees; an error of this share would have been seen at the sharpest place."""
        if size > 0:
            self.power[name] = min(self.power.get(name, np.inf), allowed / size)

    def doubt(self, name: str, reason: str) -> None:
        self._doubts.setdefault(name, []).append(reason)

    def undecided(self) -> Iterator[str]:
        for name, reasons in self._doubts.items():
            more = f", and {len(reasons) - 1} more times" if len(reasons) > 1 else ""
            yield f"{name} could not be compared: {reasons[0]}{more}"


def _around(objective: Objective, x: Array, rng: np.random.Generator) -> Iterator[Place]:
    """A point and those near it, where all that is given is finite."""
    for distance in (0.0, *NEAR):
        scale = distance * objective.steps.scale_at(x)
        move = scale * rng.uniform(0.5, 1.0, x.shape) * rng.choice((-1.0, 1.0), x.shape)
        for _ in range(HALVED if distance else 1):
            try:
                yield Place.at(objective, x + move)
                break
            except NotFinite:
                move = move / 2.0


def _direction(place: Place, rng: np.random.Generator) -> Array:
    """A direction on which every coordinate moves by about its scale."""
    return np.asarray(place.scale * rng.uniform(0.5, 1.5, place.x.shape) * rng.choice((-1.0, 1.0), place.x.shape))


def _decided(name: str, place: Place, kink: bool, allowed: float, size: float, found: _Found) -> bool:
    """Whether a numerical derivative says anything, along a direction in which the derivative is of this size."""
    if kink:
        found.doubt(name, f"a kink at x = {shown(place.x)}")
    elif not np.isfinite(allowed):
        found.doubt(name, f"no numerical derivative at x = {shown(place.x)}: a kink, a jump, or the domain's edge")
    elif allowed > WIDE * size > 0:
        found.doubt(name, f"noise hides it at x = {shown(place.x)}, known to ± {allowed:.1g} of {size:.1g}")
    else:
        return True
    return False


def _gradient(places: Sequence[Place], place: Place, rng: np.random.Generator, found: _Found) -> None:
    slope, noise = place.gradient
    f = place.objective.functions.plain("f")
    for _ in range(DIRECTIONS):
        v = _direction(place, rng)
        seen = numdiff.jvp(f, place.x, v, complex_step=False)
        value, allowed = float(seen.value), float(seen.bound) + noise * float(np.linalg.norm(v / place.scale))
        size = max(float(np.linalg.norm(slope * v)), abs(value))
        off = abs(float(slope @ v) - value)
        if not _decided("gradient", place, bool(seen.kink), allowed, max(size, off), found):
            continue
        if off > allowed:
            if _in_steps(place, v):
                found.doubt("gradient", f"f takes steps near x = {shown(place.x)}, as if it were rounded")
                continue
            error = wrong_gradient(places, place, v)
            if error is not None:
                raise error
            found.doubt("gradient", f"a direction disagrees at x = {shown(place.x)}, but no entry does")
        else:
            found.agrees("gradient", allowed, size)


def _in_steps(place: Place, v: Array) -> bool:
    """Whether f is flat nearly everywhere along v, and yet changes: what is rounded to a grid has no slope to see."""
    f = place.objective.functions.plain("f")
    pairs = np.array(
        [[float(f(place.x + t * v)) for t in (far, far + CLOSE)] for far in np.linspace(0.0, 1.0, PAIRS)]
    )
    moved = pairs[:, 0] != pairs[0, 0]
    flat = pairs[:, 0] == pairs[:, 1]
    return bool(np.any(moved) and np.mean(flat[moved]) > 0.5)


def _hessian(places: Sequence[Place], place: Place, rng: np.random.Generator, found: _Found) -> None:
    matrix, noise = place.hessian
    if np.any(np.abs(matrix - matrix.T) * np.outer(place.scale, place.scale) > noise):
        raise not_symmetric(places, place, "hessian", noise)
    _bends(places, place, "hessian", lambda v: matrix @ v, noise, rng, found)


def _product(places: Sequence[Place], place: Place, rng: np.random.Generator, found: _Found) -> None:
    u, v = _direction(place, rng), _direction(place, rng)
    length = float(np.linalg.norm(u / place.scale) + np.linalg.norm(v / place.scale))
    hu, hv = place.hvp(u), place.hvp(v)
    allowed = SLACK * place.hvp_noise * length / place.scale
    for combined, expected in (
        (place.hvp(0.0 * u), 0.0 * u),
        (place.hvp(2.0 * u), 2.0 * hu),
        (place.hvp(u - 0.75 * v), hu - 0.75 * hv),
    ):
        if np.any(np.abs(combined - expected) > allowed):
            raise not_linear(place, u, combined, expected, allowed)
    across, back = float(v @ hu), float(u @ hv)
    if abs(across - back) > SLACK * place.hvp_noise * length**2:
        raise not_symmetric(places, place, "hvp", SLACK * place.hvp_noise * length**2, (across, back))
    _bends(places, place, "hvp", place.hvp, place.hvp_noise, rng, found)
    if "hessian" in place.objective.given:
        matrix, noise = place.hessian
        allowed += noise * length / place.scale
        if np.any(np.abs(hu - matrix @ u) > allowed):
            raise not_alike(place, hu, matrix @ u, allowed)


def _bends(
    places: Sequence[Place],
    place: Place,
    name: str,
    product: Callable[[Array], Array],
    noise: float,
    rng: np.random.Generator,
    found: _Found,
) -> None:
    """A product with the Hessian beside the numerical derivative of the gradient, or of f twice."""
    for _ in range(DIRECTIONS):
        v = _direction(place, rng)
        claimed = product(v)
        rows, seen = _seen_bend(place, v, rng)
        lengths = np.linalg.norm(rows / place.scale, axis=1) * np.linalg.norm(v / place.scale)
        allowed = seen.bound + noise * lengths
        sizes = np.linalg.norm(rows * claimed, axis=1)
        off = np.abs(rows @ claimed - seen.value)
        disagree = False
        for k in range(len(rows)):
            size = max(float(sizes[k]), abs(float(seen.value[k])), float(off[k]))
            if _decided(name, place, bool(seen.kink[k]), float(allowed[k]), size, found):
                disagree |= bool(off[k] > allowed[k])
                found.agrees(name, float(allowed[k]), size)
        if disagree:
            error = wrong_matrix(places, place, name, v)
            if error is not None:
                raise error
            found.doubt(name, f"a direction disagrees at x = {shown(place.x)}, but no entry does")


def _seen_bend(place: Place, v: Array, rng: np.random.Generator) -> tuple[Array, numdiff.Estimate]:
    """Sums of rows of the Hessian times v, numerically; of v itself alone, where there are values of f only.

    Shapes: -> rows (k, n), estimate (k).
    """
    if "gradient" in place.objective.given:
        gradient = place.objective.functions.plain("gradient")
        rows = place.scale * rng.choice((-1.0, 1.0), (SKETCHES, len(v)))
        return rows, numdiff.jvp(lambda z: rows @ gradient(z), place.x, v, complex_step=False)
    f = place.objective.functions.plain("f")
    line = numdiff.hessian(lambda t: f(place.x + t[0] * v), np.zeros(1))
    return v[None], numdiff.Estimate(line.value[0], line.bound[0], line.kink[0], line.evaluations)
