"""From the end of a way to a critical point with a spectrum whose bounds are measured, or to a reason why it is none.

The gradient itself is tested against its noise, which is measured at the point. The bound on an eigenvalue adds up
how far the Hessian is from differences of the gradient, and how much it can change over the distance that Newton's
step and the noise leave open.

Data
    ``Polished``  a critical point in the coordinates of the region, and in the user's.

The most important functions are ``polished`` and ``bounded_spectrum``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from verify.critical.points import Array, CriticalPoint, Spectrum
from verify.critical.search.eigensteps import FLAT, Model, newton
from verify.critical.search.landscape import Landscape, unit

__all__ = ["Polished", "bounded_spectrum", "noise_at", "polished"]

EPS = float(np.finfo(float).eps)
# Newton's method that converges linearly, as at a degenerate point, is given up after so many steps.
STEPS = 60
# Below this length steps are taken with the last Hessian as long as they become shorter fast.
SHORT = 1e-8
# The gradient is 0 when it is at most so many times its noise.
NOISY = 16.0
# Distances over which the Hessian is compared with differences of the gradient; the region has size 1. Between them
# it is the cube root of the gradient's noise, where truncation and noise are alike.
FINEST, WIDEST = 2.0**-20, 2.0**-7
# A point is known where Newton's step is this short; farther away a gradient may be small for other reasons.
NEAR = 1e-3
# What is measured along one random direction may be larger along others.
MARGIN = 4.0
# An eigenvalue is told from 0 if it is so many times the Hessian's error.
SURE = 10.0
# Where Newton's method has gone so far at a rate of 1 - 1/m, one step of m times its length is tried.
STEADY = 3


@dataclass(frozen=True, eq=False)
class Polished:
    """Shapes: y (n) in the coordinates of the region, hessian (n, n) there, flat (n, m).

    ``distance`` is how far the critical point may be, for what the gradient and its noise say; ``flat`` are the
    eigenvectors whose eigenvalues may be 0; ``third`` is the size of third derivatives. ``why`` says why it is no
    critical point; then ``point`` is None.
    """

    y: Array
    hessian: Array
    distance: float
    flat: Array
    noise: float
    point: CriticalPoint | None
    why: str = ""
    third: float = np.inf


def polished(land: Landscape, y: Array, size: float, rng: np.random.Generator) -> Polished | None:
    """Newton's method to the noise of the gradient, then the spectrum; None where there are no finite numbers.

    ``size`` is the gradient's size in the region: rounding of its terms is a share of it.
    """
    gradient, matrix = land.gradient(y), land.hessian(y)
    if gradient is None or matrix is None:
        return None
    end = _newton(land, y, gradient, matrix)
    if end is None:
        return None
    noise = max(noise_at(land, end.y, end.gradient, end.matrix, rng), EPS * size)
    refused = _refusal(land, end, noise, y)
    if refused:
        return Polished(end.y, end.matrix, np.inf, np.zeros((len(y), 0)), noise, None, refused)
    return _judged(land, end, noise, rng)


@dataclass(frozen=True, eq=False)
class _End:
    """Shapes: y and gradient (n), matrix (n, n), the Hessian at y - moved, moved (n)."""

    y: Array
    gradient: Array
    matrix: Array
    moved: Array


def _newton(land: Landscape, y: Array, gradient: Array, matrix: Array) -> _End | None:
    """Newton's method as far as the gradient shrinks; with old Hessians where the steps are short already."""
    at, lengths = y, [0.1]
    for _ in range(STEPS):
        best = _shorter(land, y, gradient, matrix, lengths)
        if best is None:
            if at is y:
                break
        else:
            y, gradient, length = best
            lengths.append(length)
            if length < SHORT and length <= 1e-3 * lengths[-2]:
                break
        if best is None or length > SHORT:
            new = land.hessian(y)
            if new is None:
                return None
            matrix, at = new, y
    return _End(y, gradient, matrix, y - at)


def _shorter(
    land: Landscape, y: Array, gradient: Array, matrix: Array, lengths: list[float]
) -> tuple[Array, Array, float] | None:
    """Where the gradient is shorter, that gradient, and the length of Newton's step; None if it is not shorter.

    First Newton's step in all directions; then without those in which the Hessian may be nothing but rounding.
    """
    before, last = float(np.linalg.norm(gradient)), np.inf
    if before == 0:
        return None
    for flat in (EPS, FLAT):
        step = newton(Model.of(gradient, matrix, flat), 0.1)
        length = float(np.linalg.norm(step))
        if length == last or length <= EPS * float(np.linalg.norm(y)):
            continue
        last = length
        after = land.gradient(y + step)
        if after is None or float(np.linalg.norm(after)) >= before:
            continue
        m = _multiplicity([*lengths, length])
        longer = land.gradient(y + m * step) if m else None
        if longer is not None and float(np.linalg.norm(longer)) < 0.1 * float(np.linalg.norm(after)):
            return y + m * step, longer, length
        return y + step, after, length
    return None


def noise_at(land: Landscape, y: Array, gradient: Array, matrix: Array, rng: np.random.Generator) -> float:
    """By how much the gradient a few units in the last place away differs from what the Hessian says."""
    ulp = np.maximum(np.abs(y), np.abs(land.region.outside(y) / land.region.width)) * EPS
    noise = EPS * float(np.linalg.norm(matrix, 2)) * float(np.linalg.norm(ulp / EPS))
    if "gradient" not in land.objective.given:
        # differences are off by truncation, too: by how far they are from those that were extrapolated
        better, error = land.objective.measured_gradient(land.region.outside(y))
        off = float(np.linalg.norm(better * land.region.width - gradient))
        noise = max(noise, off + error * float(np.max(land.region.width)))
    for _ in range(2):
        move = ulp * rng.uniform(1.0, 4.0, len(y)) * rng.choice((-1.0, 1.0), len(y))
        after = land.gradient(y + move)
        if after is not None:
            noise = max(noise, float(np.linalg.norm(after - gradient - matrix @ move)))
    return noise


def bounded_spectrum(matrix: Array, error: float, width: Array) -> Spectrum:
    """Eigenvalues in the user's coordinates of a matrix that is known to ``error`` in those of the region.

    The true matrix lies between matrix - error and matrix + error in the order of Loewner, a change of coordinates
    keeps that order, and eigenvalues follow it (Weyl).
    Shapes: matrix (n, n), width (n).
    """
    scale = np.outer(width, width)
    loose = np.diag(error / width**2)
    plain = matrix / scale
    values = _ascending(plain)
    rounding = EPS * len(width) * float(np.max(np.abs(values), initial=0.0))
    return Spectrum(values, _ascending(plain - loose) - rounding, _ascending(plain + loose) + rounding)


def _ascending(matrix: Array) -> Array:
    return np.asarray(np.linalg.eigvalsh(matrix), np.float64)


def _multiplicity(lengths: list[float]) -> float:
    """1/(1 - q) where the last steps shrank by the same factor q, else 0."""
    if len(lengths) < STEADY + 1:
        return 0.0
    rates = [after / before for before, after in zip(lengths[-STEADY - 1 : -1], lengths[-STEADY:], strict=True)]
    rate = rates[-1]
    if not 0.4 < rate < 0.95 or max(rates) - min(rates) > 0.05:
        return 0.0
    return 1.0 / (1.0 - rate)


def _refusal(land: Landscape, end: _End, noise: float, start: Array) -> str:
    """Why it is not called a critical point, or nothing."""
    y, gradient, matrix = end.y, end.gradient, end.matrix
    size = float(np.linalg.norm(gradient))
    step = float(np.linalg.norm(newton(Model.of(gradient, matrix))))
    if (
        not np.any(matrix)
        and size == 0
        and all(
            _vanishes(land, y + WIDEST * way)
            for way in (np.ones(len(y)), -np.ones(len(y)), np.arange(1.0, len(y) + 1.0))
        )
    ):
        return "the gradient and the Hessian are 0 in floating point: f is flat here, or vanishes below rounding"
    if size > NOISY * noise:
        return f"the gradient stays at {size:.1e}, above its noise of {noise:.1e}: a kink, or no critical point"
    if step > NEAR:
        return "the gradient is small, but Newton's step is long: f flattens out here"
    if not land.region.allowed(y) or float(np.linalg.norm(y - start)) > 1.0:
        return "Newton's method left the neighbourhood"
    return ""


def _vanishes(land: Landscape, y: Array) -> bool:
    gradient = land.gradient(y)
    return gradient is not None and not np.any(gradient)


def _judged(land: Landscape, end: _End, noise: float, rng: np.random.Generator) -> Polished:
    y, gradient, matrix = end.y, end.gradient, end.matrix
    model = Model.of(gradient, matrix)
    soft = model.vectors[:, int(np.argmin(np.abs(model.values)))]
    top = max(float(np.max(np.abs(model.values))), np.finfo(float).tiny)
    apart = min(WIDEST, max(FINEST, np.cbrt(noise / top)))
    # every coordinate has the same part in a random way: what is off in one column alone is seen, too
    ways, moved = [soft, unit(rng.choice((-1.0, 1.0), len(y)))], float(np.linalg.norm(end.moved))
    if moved:  # along this the Hessian is old
        ways.append(end.moved / moved)
    error, third = _compared(land, y, matrix, ways, apart)
    size = np.abs(model.values)
    firm = size > SURE * error
    distance = float(np.linalg.norm(model.along[firm] / size[firm])) + noise / float(
        np.min(size[firm], initial=np.inf)
    )
    if not np.any(firm):
        distance = float(np.linalg.norm(newton(model)))
    bound = error + MARGIN * third * (distance + moved)
    # where the error is like the eigenvalue, so is what Newton's step says of the distance
    bound = max(bound, float(np.max(size[~firm], initial=0.0)) * (1.0 + EPS))
    width = land.region.width
    flat = model.vectors[:, size <= bound]
    # which signs are sure does not depend on coordinates; eigenvalues are those of the user's
    spectrum = bounded_spectrum(matrix, bound, width)
    x = land.region.outside(y)
    note = ""
    if spectrum.nullity:
        note = f"{spectrum.nullity} of the eigenvalues may be 0: second derivatives do not decide along their vectors"
    with np.errstate(all="ignore"):
        value = float(land.objective.value(x))
    point = CriticalPoint(x, value, float(np.linalg.norm(gradient / width)), spectrum, spectrum.kind, note=note)
    return Polished(y, matrix, distance, flat, noise, point, third=third)


def _compared(land: Landscape, y: Array, matrix: Array, ways: list[Array], apart: float) -> tuple[float, float]:
    """How far the Hessian is from differences of the gradient, and how fast it changes: spectral norms, estimated.

    Along a random direction the difference has on average 1/√n of the matrix's Frobenius norm.
    """
    n = len(y)
    h = apart * max(1.0, float(np.max(np.abs(y))))
    error = EPS * n * float(np.linalg.norm(matrix))
    third = 0.0
    centre = land.gradient(y)
    for k, way in enumerate(ways):
        ahead, behind = land.gradient(y + h * way), land.gradient(y - h * way)
        if ahead is None or behind is None or centre is None:
            return np.inf, np.inf
        gap = float(np.linalg.norm((ahead - behind) / (2.0 * h) - matrix @ way))
        error = max(error, MARGIN * gap * (1.0 if k == 0 else np.sqrt(n)))
        bend = float(np.linalg.norm(ahead + behind - 2.0 * centre)) / h**2
        third = max(third, bend * (1.0 if k == 0 else np.sqrt(n)))
    return error, third
