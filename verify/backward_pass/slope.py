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
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verify import numdiff
from verify.backward_pass.subject import Array, Subject, is_floating
from verify.differences import EPS, NOISE_MARGIN, ROUNDING

__all__ = ["Slopes", "Way", "quick", "thorough", "typical", "way"]

Numbers = NDArray[np.float64]

# Steps in units of the line, with odd digits as in ``verify.lines``: so short that kinks nearby are seldom crossed, so
# long that their differences are known to 1e-9.
STEP = 1.0619 * 2.0**-16
IMAGINARY = 2.0**-70


@dataclass(frozen=True)
class Way:
    """A line ``inputs + t v``: v has None for inputs that stay."""

    inputs: Sequence[Any]
    v: tuple[Array | None, ...]

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

    def only(self, position: int) -> Way:
        """The line on which one input alone moves."""
        return Way(self.inputs, tuple(v if k == position else None for k, v in enumerate(self.v)))


@dataclass(frozen=True)
class Slopes:
    """Numbers s_k, bounds of their errors, and whether there is a kink. ``size`` is that of the terms of ``u f``."""

    value: Numbers
    bound: Numbers
    kink: NDArray[np.bool_]
    size: Numbers


def typical(x: Array) -> float:
    """The size of a typical entry, 1 where all are 0."""
    sizes = np.abs(np.asarray(x, np.float64)).ravel()
    sizes = sizes[(sizes > 0) & np.isfinite(sizes)]
    return float(np.median(sizes)) if sizes.size else 1.0


def way(inputs: Sequence[Any], rng: np.random.Generator, moving: Sequence[int] | None = None) -> Way:
    """A random line on which every entry moves by about the typical size of its array."""
    moved: list[Array | None] = []
    for k, x in enumerate(inputs):
        if not is_floating(x) or np.size(x) == 0 or (moving is not None and k not in moving):
            moved.append(None)
            continue
        steps = rng.uniform(0.5, 1.5, np.shape(x)) * rng.choice((-1.0, 1.0), np.shape(x))
        moved.append(typical(x) * steps)
    return Way(inputs, tuple(moved))


def quick(subject: Subject, line: Way, u: Numbers, centre: Numbers, pairs: int = 3) -> Slopes:
    """The slopes from two or three pairs of evaluations, extrapolated once.

    The bound takes the change by extrapolation, and rounding of the outputs alone: where a function rounds more, a
    right slope may lie outside, and ``thorough`` must tell.
    Shapes: u (k, m), centre (m,) -> (k,).
    """
    size = np.abs(u) @ np.abs(centre)
    rows = []
    for k in range(pairs):
        h = STEP * 2.0**k
        right, left = subject.values(line.at(h)), subject.values(line.at(-h))
        if right.shape != centre.shape or left.shape != centre.shape:
            nothing = np.full(len(u), np.inf)
            return Slopes(np.zeros(len(u)), nothing, np.zeros(len(u), bool), size)
        rows.append((right - left) / (2.0 * h))
    differences = [u @ row for row in rows]
    once = [(4.0 * fine - coarse) / 3.0 for fine, coarse in itertools.pairwise(differences)]
    noise = NOISE_MARGIN * ROUNDING * size / STEP
    value = once[0]
    moved = np.abs(once[0] - once[1]) if pairs > 2 else np.abs(differences[1] - differences[0])
    bound = 2.0 * moved + noise
    return Slopes(value, np.where(np.isfinite(bound), bound, np.inf), np.zeros(len(u), bool), size)


def imaginary(subject: Subject, line: Way, u: Numbers) -> Numbers | None:
    """The slopes by the complex step, from one evaluation; None where the function drops or refuses complex numbers.

    They prove nothing alone: a function may drop the imaginary part of a term.
    """
    subject.forwards += 1
    try:
        result = subject._forward(*line.at(IMAGINARY * 1j))
        if subject.saved:
            result = result[0]
        parts = [np.asarray(part) for part in (result if isinstance(result, (tuple, list)) else (result,))]
    except Exception:  # whatever a function does about complex numbers, the differences remain
        return None
    if not all(part.dtype.kind == "c" for part in parts):
        return None
    tilted = np.concatenate([part.imag.ravel() for part in parts]) / IMAGINARY
    return u @ tilted if tilted.size == u.shape[1] and np.all(np.isfinite(tilted)) else None


def thorough(subject: Subject, line: Way, u: Numbers, centre: Numbers, scale: float = 1.0) -> Slopes:
    """The slopes as sharply as the function allows, with bounds that hold, and kinks seen."""

    def functionals(t: Any) -> Any:
        values = subject.values(line.at(float(t)))
        return u @ values if values.shape == centre.shape else np.full(len(u), np.nan)

    found = numdiff.derivative(functionals, 0.0, scale=scale, complex_step=False)
    return Slopes(found.value, found.bound, found.kink, np.abs(u) @ np.abs(centre))


def rounding(size: Numbers) -> Numbers:
    """The rounding of sums with terms of this size."""
    return 8.0 * EPS * size
