"""Results to print and to draw: made here by Newton's method from a grid, with bounds of known width."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verify.critical.points import Component, Cost, CriticalPoint, CriticalPoints, Spectrum, Undecided

Array = NDArray[np.float64]
Function = Callable[[Array], Any]


def camel(x: Array) -> Any:
    a, b = x[..., 0], x[..., 1]
    return (4 - 2.1 * a**2 + a**4 / 3) * a**2 + a * b + (4 * b**2 - 4) * b**2


def camel_gradient(x: Array) -> Array:
    a, b = x
    return np.array([8 * a - 8.4 * a**3 + 2 * a**5 + b, a + 16 * b**3 - 8 * b])


def camel_hessian(x: Array) -> Array:
    a, b = x
    return np.array([[8 - 25.2 * a**2 + 10 * a**4, 1.0], [1.0, 48 * b**2 - 8]])


def rastrigin(x: Array) -> Any:
    return 10 * x.shape[-1] + np.sum(x**2 - 10 * np.cos(2 * np.pi * x), axis=-1)


def rastrigin_gradient(x: Array) -> Array:
    return np.asarray(2 * x + 20 * np.pi * np.sin(2 * np.pi * x))


def rastrigin_hessian(x: Array) -> Array:
    return np.diag(2 + 40 * np.pi**2 * np.cos(2 * np.pi * x))


def wells(x: Array) -> Any:
    return np.sum((x**2 - 1) ** 2 + 0.3 * x, axis=-1)


def wells_gradient(x: Array) -> Array:
    return np.asarray(4 * x * (x**2 - 1) + 0.3)


def wells_hessian(x: Array) -> Array:
    return np.diag(12 * x**2 - 4)


def newton(x: Array, gradient: Function, hessian: Function) -> Array | None:
    for _ in range(60):
        step = np.linalg.solve(hessian(x), gradient(x))
        x = x - step
        if not np.all(np.isfinite(x)) or np.max(np.abs(x)) > 100:
            return None
    return x if np.linalg.norm(gradient(x)) < 1e-9 else None


def point_at(
    x: Array, f: Function, gradient: Function, hessian: Function, *, certified: bool = True
) -> CriticalPoint:
    values = np.linalg.eigvalsh(hessian(x))
    bound = 1e-12 * (1 + np.abs(values))
    spectrum = Spectrum(values, values - bound, values + bound, certified)
    width = 1e-13 * (1 + np.abs(x))
    return CriticalPoint(
        x,
        float(f(x)),
        float(np.linalg.norm(gradient(x))),
        spectrum,
        spectrum.kind,
        certified,
        (x - width, x + width) if certified else None,
    )


def all_points(
    starts: Any,
    f: Function,
    gradient: Function,
    hessian: Function,
    box: tuple[float, float],
    *,
    certified: bool = True,
) -> tuple[CriticalPoint, ...]:
    seen: dict[tuple[float, ...], CriticalPoint] = {}
    for start in starts:
        x = newton(np.asarray(start, float), gradient, hessian)
        if x is not None and np.all((x >= box[0]) & (x <= box[1])):
            x = x + 0.0
            seen.setdefault(tuple(np.round(x, 6) + 0.0), point_at(x, f, gradient, hessian, certified=certified))
    return tuple(sorted(seen.values(), key=lambda one: (round(one.value, 9), *map(float, one.x))))


def proved(
    points: Sequence[CriticalPoint], names: tuple[str, ...], box: tuple[float, float], f: Any, **more: Any
) -> CriticalPoints:
    n = len(names)
    return CriticalPoints(
        tuple(points),
        names,
        complete=True,
        assumption="NumPy's elementary functions are right to a relative error of 1e-12",
        box=(np.full(n, box[0]), np.full(n, box[1])),
        cost=Cost(function=15, gradient=420, hessian=77, boxes=1234, seconds=0.31),
        function=f,
        **more,
    )


@functools.cache
def _camel_points() -> tuple[CriticalPoint, ...]:
    starts = itertools.product(np.linspace(-2.5, 2.5, 17), np.linspace(-1.5, 1.5, 13))
    return all_points(starts, camel, camel_gradient, camel_hessian, (-5, 5))


def six_hump_camel(**more: Any) -> CriticalPoints:
    return proved(_camel_points(), ("x", "y"), (-5, 5), camel, **more)


def along_one_axis(gradient: Function, box: tuple[float, float], count: int) -> list[float]:
    """The zeros of a separable function's gradient along one axis, by bisection."""
    grid = np.linspace(*box, count)
    values = gradient(grid)
    found = []
    for a, b, u, v in zip(grid[:-1], grid[1:], values[:-1], values[1:], strict=True):
        low, high = a, b
        if u * v > 0:
            continue
        for _ in range(80):
            middle = (low + high) / 2
            low, high = (middle, high) if gradient(np.array([middle]))[0] * u > 0 else (low, middle)
        found.append((low + high) / 2)
    return found


@functools.cache
def rastrigins(box: tuple[float, float] = (-5.03, 6.02)) -> CriticalPoints:
    zeros = along_one_axis(rastrigin_gradient, box, 1770)
    points = [
        point_at(np.array(x), rastrigin, rastrigin_gradient, rastrigin_hessian)
        for x in itertools.product(zeros, repeat=2)
    ]
    return proved(sorted(points, key=lambda one: one.value), ("x", "y"), box, rastrigin)


@functools.cache
def double_wells(n: int, **more: Any) -> CriticalPoints:
    zeros = along_one_axis(wells_gradient, (-2, 2), 400)
    points = [
        point_at(np.array(x), wells, wells_gradient, wells_hessian, certified=False)
        for x in itertools.product(zeros, repeat=n)
    ]
    names = tuple(f"x{k + 1}" for k in range(n)) if n > 1 else ("x",)
    return CriticalPoints(
        tuple(sorted(points, key=lambda one: one.value)),
        names,
        evidence=("the last 200 starts found no new point",),
        cost=Cost(gradient=5321, seconds=1.25),
        seed=7,
        function=wells,
        **more,
    )


def ring(x: Array) -> Any:
    return (np.sum(x**2, axis=-1) - 1) ** 2


def ring_of_minima() -> CriticalPoints:
    angle = np.linspace(0, 2 * np.pi, 37)[:-1]
    around = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    centre = Spectrum(np.full(2, -4.0), np.full(2, -4.000000001), np.full(2, -3.999999999), True)
    top = CriticalPoint(np.zeros(2), 1.0, 0.0, centre, "maximum", True, (np.full(2, -1e-12), np.full(2, 1e-12)))
    return CriticalPoints(
        (top,),
        ("x", "y"),
        undecided=(Undecided(np.array([0.99, -0.01]), np.array([1.01, 0.01]), "the Hessian may be singular"),),
        components=(
            Component(around, 1, np.full(2, -1.0), np.full(2, 1.0), 0.0, "a circle, by its rotational symmetry"),
        ),
        box=(np.full(2, -2.0), np.full(2, 2.0)),
        function=ring,
    )
