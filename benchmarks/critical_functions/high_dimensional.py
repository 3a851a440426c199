"""Dimensions from 6 to a million: f, gradient and product with the Hessian in NumPy, and what theory says of them.

Data
    ``FAMILIES``  functions of 6 to 100 variables all of whose critical points theory gives, as ``Problem`` has them.
    ``INDICES``   points of functions of up to a million variables, whose index and nullity theory gives.

No Hessian of these is diagonal: coordinates are turned by a reflection or by a cosine transform, or coupled by a
difference operator.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.fft import dct, idct

from benchmarks.critical_functions.problem import Array, Point, Problem

__all__ = ["FAMILIES", "INDICES", "Large"]


@dataclass(frozen=True, kw_only=True)
class Large:
    """A function of many variables, a critical point of it, and the index and the nullity there.

    ``at`` makes the point. ``lowest`` are the smallest eigenvalues, ascending, as many as are easy to give.
    Shapes: at () -> (n), function (n) -> scalar, gradient (n) -> (n), hvp (n), (n) -> (n).
    """

    name: str
    dimension: int
    function: Callable[[Array], float]
    gradient: Callable[[Array], Array]
    hvp: Callable[[Array, Array], Array]
    at: Callable[[], Array]
    index: int
    nullity: int = 0
    lowest: tuple[float, ...] = ()
    known: str = ""


# The turn: a reflection, which is its own inverse.


def direction(n: int) -> Array:
    """A unit vector without a zero, of signs that alternate in no simple way."""
    v = np.cos(np.arange(1, n + 1) ** 2) + 1.5
    return v / np.linalg.norm(v)


def reflected(x: Array, v: Array) -> Array:
    return x - 2 * v * (v @ x)


# Families.


def wells(n: int, double: int, tilt: Sequence[float] = ()) -> tuple[Callable[[Array], float], ...]:
    """A sum of double wells along the first axes and of parabolas along the others, in reflected coordinates.

    The well along axis k is (y² − 1)² + tilt y.
    """
    v = direction(n)
    curvature = np.linspace(1, 3, n - double)
    tilts = np.zeros(double) if not len(tilt) else np.array(tilt)

    def function(x: Array) -> float:
        y = reflected(x, v)
        a, b = y[:double], y[double:]
        return float(np.sum((a**2 - 1) ** 2 + tilts * a) + np.sum(curvature * b**2) / 2)

    def gradient(x: Array) -> Array:
        y = reflected(x, v)
        a, b = y[:double], y[double:]
        return reflected(np.concatenate([4 * a * (a**2 - 1) + tilts, curvature * b]), v)

    def hvp(x: Array, t: Array) -> Array:
        a = reflected(x, v)[:double]
        return reflected(np.concatenate([12 * a**2 - 4, curvature]) * reflected(t, v), v)

    return function, gradient, hvp


def wells_points(n: int, axes: Sequence[Sequence[tuple[float, int]]]) -> tuple[Point, ...]:
    v = direction(n)
    found = []
    for one in itertools.product(*axes):
        y = np.zeros(n)
        y[: len(one)] = [place for place, _ in one]
        found.append(Point(tuple(reflected(y, v).tolist()), sum(curvature < 0 for _, curvature in one)))
    return tuple(found)


WELL = ((-1.0, 1), (0.0, -1), (1.0, 1))


def tilted_well(tilt: float) -> tuple[tuple[float, int], ...]:
    """The zeros of 4y³ − 4y + tilt by Viète's formula, for three of them: |tilt| < 8/√27."""
    angle = math.acos(-tilt * math.sqrt(27) / 8) / 3
    roots = sorted(2 / math.sqrt(3) * math.cos(angle - 2 * math.pi * k / 3) for k in range(3))
    return tuple(zip(roots, (1, -1, 1), strict=True))


def form_on_sphere(n: int, weight: float) -> tuple[Callable[[Array], float], ...]:
    """xᵀAx/2 + weight (|x|² − 1)²/4, with eigenvalues 1, 2, …, n of A along reflected axes."""
    v = direction(n)
    eigenvalues = np.arange(1, n + 1, dtype=float)

    def times(x: Array) -> Array:
        return reflected(eigenvalues * reflected(x, v), v)

    def function(x: Array) -> float:
        return float(x @ times(x) / 2 + weight * (x @ x - 1) ** 2 / 4)

    def gradient(x: Array) -> Array:
        return times(x) + weight * (x @ x - 1) * x

    def hvp(x: Array, t: Array) -> Array:
        return times(t) + weight * (x @ x - 1) * t + 2 * weight * x * (x @ t)

    return function, gradient, hvp


def form_on_sphere_points(n: int, weight: float) -> tuple[Point, ...]:
    """The origin, and ±√(1 − λ/weight) along every eigenvector: its index is the number of smaller eigenvalues."""
    v = direction(n)
    below = [k for k in range(1, n + 1) if k < weight]
    found = [Point((0.0,) * n, len(below))]
    for k in below:
        y = np.zeros(n)
        y[k - 1] = math.sqrt(1 - k / weight)
        x = reflected(y, v)
        found += [Point(tuple(x.tolist()), k - 1), Point(tuple((-x).tolist()), k - 1)]
    return tuple(found)


def family(name, n, callables, points, known, width=2.0, notes=""):
    function, gradient, hvp = callables
    return Problem(
        name=name,
        function=function,
        symbolic=False,
        gradient=gradient,
        hvp=hvp,
        box=((-width, width),) * n,
        points=points,
        proof="theorem",
        known=known,
        everywhere=True,
        heavy=True,
        notes=notes,
    )


SEPARATE = "in reflected coordinates a sum of functions of one variable each; their zeros are exact"
ON_SPHERE = "∇f = Ax + c (|x|² − 1) x vanishes at 0 and at eigenvectors of length √(1 − λ/c)"
TILTS = (0.1, -0.3, 0.5, -0.7)

FAMILIES = (
    family("double wells, reflected, in six", 6, wells(6, 6), wells_points(6, [WELL] * 6), SEPARATE, 3.0),
    family("five double wells in 20", 20, wells(20, 5), wells_points(20, [WELL] * 5), SEPARATE),
    family("four double wells in 100", 100, wells(100, 4), wells_points(100, [WELL] * 4), SEPARATE),
    family(
        "four tilted double wells in 12",
        12,
        wells(12, 4, TILTS),
        wells_points(12, [tilted_well(one) for one in TILTS]),
        SEPARATE,
    ),
    family("quadratic form on a sphere in 6", 6, form_on_sphere(6, 20.0), form_on_sphere_points(6, 20.0), ON_SPHERE),
    family(
        "quadratic form on a sphere in 20", 20, form_on_sphere(20, 50.0), form_on_sphere_points(20, 50.0), ON_SPHERE
    ),
    family(
        "quadratic form on a sphere in 100",
        100,
        form_on_sphere(100, 300.0),
        form_on_sphere_points(100, 300.0),
        ON_SPHERE,
    ),
    family(
        "quadratic form on a sphere, weak penalty, in 50",
        50,
        form_on_sphere(50, 10.5),
        form_on_sphere_points(50, 10.5),
        ON_SPHERE,
        notes="the penalty holds ten of the fifty eigenvectors",
    ),
)


# Points of large functions.


def rotated(eigenvalues: Array) -> tuple[Callable[..., Array], ...]:
    """A quadratic form with these eigenvalues along the vectors of a cosine transform, and a quartic term."""

    def times(x: Array) -> Array:
        return idct(eigenvalues * dct(x, norm="ortho"), norm="ortho")

    def function(x: Array) -> float:
        return float(x @ times(x) / 2 + np.sum(x**4) / 4)

    def gradient(x: Array) -> Array:
        return times(x) + x**3

    def hvp(x: Array, t: Array) -> Array:
        return times(t) + 3 * x**2 * t

    return function, gradient, hvp


def spectral(name: str, eigenvalues: Array, known: str) -> Large:
    """The origin of ``rotated``: its Hessian has these eigenvalues."""
    function, gradient, hvp = rotated(eigenvalues)
    n = len(eigenvalues)
    return Large(
        name=name,
        dimension=n,
        function=function,
        gradient=gradient,
        hvp=hvp,
        at=lambda: np.zeros(n),
        index=int(np.sum(eigenvalues < 0)),
        nullity=int(np.sum(eigenvalues == 0)),
        lowest=tuple(np.sort(eigenvalues)[:80].tolist()),
        known=known,
    )


def placed(n: int, negative: Sequence[float], low: float, high: float) -> Array:
    """Positive eigenvalues from low to high, and some negative ones, spread over the places."""
    rest = np.geomspace(low, high, n - len(negative))
    eigenvalues = np.concatenate([np.array(negative, dtype=float), rest])
    return eigenvalues[np.random.default_rng(0).permutation(n)]


def chain(n: int, strength: float) -> Large:
    """Coupled double wells in a row, fixed at both ends: a discrete Allen-Cahn energy, at the origin.

    f = Σ (x_{k+1} − x_k)²/2 + strength Σ (x_k² − 1)²/4. Its Hessian there is tridiagonal, with eigenvalues
    2 − 2 cos(kπ/(n + 1)) − strength.
    """

    def laplacian(x: Array) -> Array:
        found = 2 * x
        found[1:] -= x[:-1]
        found[:-1] -= x[1:]
        return found

    def function(x: Array) -> float:
        return float(x @ laplacian(x) / 2 + strength * np.sum((x**2 - 1) ** 2) / 4)

    def gradient(x: Array) -> Array:
        return laplacian(x) + strength * x * (x**2 - 1)

    def hvp(x: Array, t: Array) -> Array:
        return laplacian(t) + strength * (3 * x**2 - 1) * t

    # 4 sin²(kπ/(2(n + 1))) < strength.
    edge = 2 * (n + 1) / math.pi * math.asin(math.sqrt(strength) / 2)
    lowest = 4 * np.sin(np.arange(1, 31) * math.pi / (2 * (n + 1))) ** 2 - strength
    return Large(
        name=f"chain of {n} wells",
        dimension=n,
        function=function,
        gradient=gradient,
        hvp=hvp,
        at=lambda: np.zeros(n),
        index=math.ceil(edge) - 1,
        lowest=tuple(lowest.tolist()),
        known="eigenvalues of the second difference: 4 sin²(kπ/(2(n + 1)))",
    )


def grid_of_wells(side: int, strength: float) -> Large:
    """The same on a square with fixed edges: eigenvalues are sums of two, most of them double."""

    def laplacian(x: Array) -> Array:
        square = x.reshape(side, side)
        found = 4 * square
        found[1:] -= square[:-1]
        found[:-1] -= square[1:]
        found[:, 1:] -= square[:, :-1]
        found[:, :-1] -= square[:, 1:]
        return found.ravel()

    one = 4 * np.sin(np.arange(1, side + 1) * math.pi / (2 * (side + 1))) ** 2
    eigenvalues = np.sort((one[:, None] + one).ravel()) - strength
    return Large(
        name=f"square of {side} × {side} wells",
        dimension=side**2,
        function=lambda x: float(x @ laplacian(x) / 2 + strength * np.sum((x**2 - 1) ** 2) / 4),
        gradient=lambda x: laplacian(x) + strength * x * (x**2 - 1),
        hvp=lambda x, t: laplacian(t) + strength * (3 * x**2 - 1) * t,
        at=lambda: np.zeros(side**2),
        index=int(np.sum(eigenvalues < 0)),
        lowest=tuple(eigenvalues[:30].tolist()),
        known="sums of two eigenvalues of the second difference",
    )


def low_rank(n: int, rank: int) -> Large:
    """Σ x²/2 − Σ_j w_j (u_j · x)²/2 + Σ x⁴/4 at the origin, with orthonormal u_j and weights on both sides of 1."""
    rng = np.random.default_rng(1)
    vectors = np.linalg.qr(rng.normal(size=(n, rank)))[0]
    weights = np.linspace(0.5, 3.0, rank)

    def times(x: Array) -> Array:
        return x - vectors @ (weights * (vectors.T @ x))

    return Large(
        name=f"identity minus rank {rank} in {n}",
        dimension=n,
        function=lambda x: float(x @ times(x) / 2 + np.sum(x**4) / 4),
        gradient=lambda x: times(x) + x**3,
        hvp=lambda x, t: times(t) + 3 * x**2 * t,
        at=lambda: np.zeros(n),
        index=int(np.sum(weights > 1)),
        lowest=tuple(np.sort(1 - weights).tolist()),
        known="the eigenvalues are 1 minus a weight, and 1",
    )


def large(n: int) -> tuple[Large, ...]:
    """The ones that tests have in a smaller size, too."""
    return (
        spectral(f"seven negative in {n}", placed(n, np.linspace(-2.0, -0.1, 7), 0.1, 10), "by construction"),
        spectral(f"multiplicity 64 in {n}", placed(n, [-1.0] * 64, 0.5, 10), "by construction: −1, 64 times"),
        spectral(f"none negative in {n}", placed(n, (), 0.01, 10), "by construction"),
        spectral(f"nullity three in {n}", placed(n, (-1.0, -0.5, 0.0, 0.0, 0.0), 0.1, 10), "by construction"),
        spectral(
            f"outliers in {n}",
            placed(n, (-5.0, -0.02, -0.01), 0.001, 100),
            "by construction: outliers of a bulk near 0",
        ),
    )


INDICES = (
    *large(1_000),
    *large(100_000),
    chain(1_000, 0.01),
    chain(100_000, 5e-9),
    grid_of_wells(60, 0.05),
    low_rank(50_000, 12),
    spectral(
        "seven negative in a million", placed(1_000_000, np.linspace(-2.0, -0.1, 7), 0.1, 10), "by construction"
    ),
)
