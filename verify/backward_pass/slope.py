"""How the outputs change along a line, seen through cotangents: cheaply where that settles it, thoroughly where not.

For cotangents ``u_k`` and a direction v the numbers are ``s_k = <u_k, J v>``. Evaluations belong to the line, so
cotangents cost none.

Data
    ``Way``     a line through a point: how far each input moves per unit.
    ``Slopes``  the numbers s with error bounds, where there is a kink, and how they were read.

The three most important functions are ``way`` (a random line), ``quick`` (six evaluations) and ``thorough`` (as many
as the function needs; ``verify.numdiff``).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verify import numdiff
from verify.backward_pass.subject import Array, Subject, is_floating
from verify.differences import EPS, NOISE_MARGIN, ROUNDING

__all__ = [
    "STEP",
    "Numbers",
    "Slopes",
    "Way",
    "magnitudes",
    "moved",
    "quick",
    "rounding",
    "thorough",
    "tilted",
    "typical",
    "way",
]

Numbers = NDArray[np.float64]

# Steps in units of the line, with odd digits as in ``verify.lines``: so short that kinks nearby are seldom crossed,
# so long that their differences are known to 1e-9.
STEP = 1.0619 * 2.0**-16
# An edge of the domain nearer than this is at the point itself.
CLOSE = 2.0**-14
IMAGINARY = 2.0**-70
# Entries that lie so near to one another, relative to their size, are taken for values around a mean.
CLUSTERED = 1e-3
# Entries whose sizes span more than this move in proportion to their size.
SPAN = 1e4


@dataclass(frozen=True)
class Way:
    """A line ``inputs + t v``: v has None for inputs that stay."""

    inputs: Sequence[Any]
    v: tuple[Array | None, ...]

    @classmethod
    def of(cls, inputs: Sequence[Any], moves: Mapping[int, Array]) -> Way:
        """The line on which the inputs at these positions move so, and no other."""
        return cls(inputs, tuple(moves.get(k) for k in range(len(inputs))))

    def at(self, t: complex) -> list[Any]:
        """The inputs at t."""
        return [x if v is None else x + t * v for x, v in zip(self.inputs, self.v, strict=True)]

    def along(self, gradients: Sequence[Any]) -> float:
        """``Σ <gradient, v>``, the slope that the gradients claim."""
        return float(
            sum(np.vdot(v, g) for g, v in zip(gradients, self.v, strict=True) if v is not None and g is not None)
        )

    def shares(self, gradients: Sequence[Any]) -> list[float]:
        """For every input the size of its part of the slope, had its terms random signs."""
        return [
            0.0 if v is None or g is None else float(np.sqrt(np.sum(np.square(np.multiply(v, g, dtype=np.float64)))))
            for g, v in zip(gradients, self.v, strict=True)
        ]

    def only(self, position: int, entries: Array | None = None) -> Way:
        """The line on which one input alone moves, or these entries of it."""
        return Way(
            self.inputs,
            tuple(
                (v if entries is None or v is None else np.where(entries, v, 0.0)) if k == position else None
                for k, v in enumerate(self.v)
            ),
        )


@dataclass(frozen=True)
class Slopes:
    """Numbers s_k, bounds of their errors, and whether there is a kink. ``size`` is that of the terms of ``u f``."""

    value: Numbers
    bound: Numbers
    kink: NDArray[np.bool_]
    size: Numbers


def typical(x: Array) -> float:
    """The size of a typical entry, 1 where all are 0; how far entries lie apart where that is far less."""
    values = np.asarray(x, np.float64).ravel()
    values = values[(values != 0) & np.isfinite(values)]
    if not values.size:
        return 1.0
    size = float(np.median(np.abs(values)))
    apart = float(np.median(np.abs(values - np.median(values)))) if values.size > 2 else 0.0
    return apart if 0.0 < apart < CLUSTERED * size else size


def magnitudes(x: Any) -> list[Array]:
    """The entries of about one size, as masks; one of all entries where sizes span less than ``SPAN``."""
    size = np.abs(np.asarray(x, np.float64))
    seen = (size > 0) & np.isfinite(size)
    if not np.any(seen) or size[seen].max() <= SPAN * size[seen].min():
        return [np.ones(size.shape, bool)]
    decade = np.where(seen, np.floor(np.log(np.where(seen, size, 1.0)) / np.log(SPAN) + 0.5), np.inf)
    largest = decade[seen].max()
    return [(decade == one) | (~seen & (one == largest)) for one in np.unique(decade[seen])]


def scales(x: Any) -> Any:
    """By how much each entry moves: by the typical size, or by its own where sizes differ widely."""
    if len(magnitudes(x)) == 1:
        return typical(x)
    size = np.abs(np.asarray(x, np.float64))
    return np.where((size > 0) & np.isfinite(size), size, typical(x))


def way(inputs: Sequence[Any], rng: np.random.Generator, moving: Sequence[int] | None = None) -> Way:
    """A random line on which every entry moves by about the typical size of its array."""
    moved: list[Array | None] = []
    for k, x in enumerate(inputs):
        if not is_floating(x) or np.size(x) == 0 or (moving is not None and k not in moving):
            moved.append(None)
            continue
        steps = rng.uniform(0.5, 1.5, np.shape(x)) * rng.choice((-1.0, 1.0), np.shape(x))
        moved.append(scales(x) * steps)
    return Way(inputs, tuple(moved))


def quick(
    subject: Subject,
    line: Way,
    u: Numbers,
    centre: Numbers,
    pairs: int = 3,
    step: float = STEP,
    resolution: float = EPS,
) -> Slopes:
    """The slopes from two or three pairs of evaluations, extrapolated once.

    The bound takes the change by extrapolation, and rounding of the outputs alone: where a function rounds more, a
    right slope may lie outside, and ``thorough`` must tell. ``resolution`` is the last place of the outputs' type.
    Shapes: u (k, m), centre (m,) -> (k,).
    """
    size = np.abs(u) @ np.abs(centre)
    rows = []
    for k in range(pairs):
        h = step * 2.0**k
        right, left = subject.values(line.at(h)), subject.values(line.at(-h))
        if right.shape != centre.shape or left.shape != centre.shape:
            nothing = np.full(len(u), np.inf)
            return Slopes(np.zeros(len(u)), nothing, np.zeros(len(u), bool), size)
        rows.append((right - left) / (2.0 * h))
    differences = [u @ row for row in rows]
    once = [(4.0 * fine - coarse) / 3.0 for fine, coarse in itertools.pairwise(differences)]
    noise = NOISE_MARGIN * 0.3 * resolution * size / step
    value = once[0]
    moved = np.abs(once[0] - once[1]) if pairs > 2 else np.abs(differences[1] - differences[0])
    bound = 2.0 * moved + noise
    return Slopes(value, np.where(np.isfinite(bound), bound, np.inf), np.zeros(len(u), bool), size)


def moved(subject: Subject, line: Way, centre: Numbers) -> NDArray[np.bool_]:
    """The outputs that differ from those at the point, at the farthest steps that ``quick`` takes."""
    found = np.zeros(centre.shape, bool)
    for sign in (-1.0, 1.0):
        side = subject.values(line.at(sign * 4.0 * STEP))
        if side.shape == centre.shape:
            found |= side != centre
    return found


def tilted(subject: Subject, line: Way, u: Numbers, centre: Numbers) -> Slopes | None:
    """The slopes by the complex step, from one evaluation; None where the function drops or refuses complex numbers.

    They prove nothing against a claim, since a function may drop the imaginary part of a term; a claim that agrees
    with them was found in two ways.
    """
    found = subject.imaginary(line.at(IMAGINARY * 1j))
    if found is None or found.shape != centre.shape or not np.all(np.isfinite(found)):
        return None
    size = np.abs(u) @ np.abs(centre)
    value = u @ (found / IMAGINARY)
    return Slopes(value, NOISE_MARGIN * ROUNDING * (size + np.abs(value)), np.zeros(len(u), bool), size)


def thorough(subject: Subject, line: Way, u: Numbers, centre: Numbers) -> Slopes:
    """The slopes as sharply as the function allows, with bounds that hold, and kinks seen.

    At an edge of the domain there is one side only, and a pole may be near: there the bound is infinite unless a
    second look, much closer, agrees.
    """
    left_domain = False
    size = np.abs(u) @ np.abs(centre)

    def functionals(t: Any) -> Any:
        nonlocal left_domain
        values = subject.values(line.at(float(t)))
        if values.shape != centre.shape or not np.all(np.isfinite(values)):
            left_domain = left_domain or abs(t) < CLOSE
            return np.full(len(u), np.nan)
        # the size of the terms tells numdiff what they may round; their sum may cancel
        return u @ (values - centre) + size

    found = numdiff.derivative(functionals, 0.0, scale=1.0, complex_step=False)
    bound = found.bound
    if left_domain:
        closer = numdiff.derivative(functionals, 0.0, scale=CLOSE, complex_step=False)
        with np.errstate(invalid="ignore"):
            doubtful = ~(np.abs(found.value - closer.value) <= bound + closer.bound)
        bound = np.where(doubtful, np.inf, bound)
    return Slopes(found.value, bound, found.kink, size)


def rounding(size: Numbers) -> Numbers:
    """The rounding of sums with terms of this size."""
    return 8.0 * EPS * size
