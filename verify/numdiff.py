"""Numerical derivatives of black-box functions, each with an error bound that can be relied on.

The bound is measured: truncation by extrapolating differences over widely different steps, noise by the differences
that a smooth function cannot have. A function that accepts complex numbers is also differentiated by the complex
step, which is believed only where it agrees with the differences.

NumPy only, and nothing of ``derive``: an independent witness.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from verify.differences import NOISE_MARGIN, ROUNDING, Array, Flags, scatter
from verify.lines import (
    CLUSTER,
    DENSE,
    FINEST,
    LADDER,
    SUSPICION,
    TOLERANCE,
    Line,
    Reading,
    explore,
    read_side,
    shortfall,
)
from verify.point import Function, Point, power_of_two

# The differences must know the derivative this well before their agreement with the complex step says anything.
EVIDENCE = 1e-3
# With a complex step to sharpen it, a bound this small relative to the derivative will do.
CONFIRMING = 1e-8

SECOND_ORDER = (CLUSTER[0], 128 * CLUSTER[0], *LADDER)
ONE_SIDED = (FINEST, *CLUSTER, *(LADDER[0] * 2.0**-k for k in (7, 4, 3, 2, 1, 0)), LADDER[1])


@dataclass(frozen=True)
class Estimate:
    """A derivative, an absolute bound on its error, and where the function has a kink.

    Shapes: value, bound and kink have the shape of the derivative. ``evaluations`` counts calls of the function.
    At a kink the value is the mean of the slopes on both sides and the bound at least half their difference. The
    bound is infinite where nothing could be learned: NaN in the neighbourhood, a discontinuity, an infinite slope.
    """

    value: Array
    bound: Array
    kink: Flags
    evaluations: int


@dataclass(frozen=True)
class Slopes:
    """The derivatives from the left and from the right; at a kink a subgradient lies between them."""

    left: Estimate
    right: Estimate


def derivative(f: Function, x: float, *, scale: float | None = None, complex_step: bool = True) -> Estimate:
    """The derivative of a function of one number.

    ``scale`` is the distance over which f changes, if it is known; the steps adapt to the function anyway.
    Shapes: x scalar, f(x) any shape -> shape of f(x).
    Raises: TypeError when f(x) is not real; ValueError when the shape of f(x) changes, or x is not finite or scalar.
    When this fails: where f varies on less than about 1e-8 of the scale; where f rounds in steps beneath a smooth
    part, which alone is seen by steps shorter than these; where f drops the imaginary part of a term so small, below
    about 1e-8 of the derivative, that the differences cannot tell.
    """
    if np.ndim(x) != 0:
        raise ValueError(f"derivative needs a scalar x, got shape {np.shape(x)}; use jacobian or gradient")
    with np.errstate(all="ignore"):
        point = Point(lambda z: f(z[()]), x, complex_step)
        line = point.coordinate(0, point.scales()[0] if scale is None else power_of_two(scale))
        return estimate(point, alone(point, line), point.shape)


def jacobian(f: Function, x: ArrayLike, *, complex_step: bool = True) -> Estimate:
    """All partial derivatives of an array function of an array.

    Shapes: x (any), f(x) (any) -> f(x).shape + x.shape.
    Raises: TypeError when f(x) is not real; ValueError when the shape of f(x) changes or x is not finite.
    """
    with np.errstate(all="ignore"):
        point = Point(f, x, complex_step)
        return estimate(point, columns(point), point.shape + point.x.shape)


def gradient(f: Function, x: ArrayLike, *, complex_step: bool = True) -> Estimate:
    """The gradient of a scalar function.

    Shapes: x (any), f(x) with one entry -> shape of x.
    Raises: ValueError when f(x) has not exactly one entry; otherwise as :func:`jacobian`.
    """
    with np.errstate(all="ignore"):
        point = Point(f, x, complex_step)
        if point.centre.size != 1:
            raise ValueError(f"gradient needs a scalar function, f(x) has shape {point.shape}; use jacobian or vjp")
        return estimate(point, columns(point), point.x.shape)


def jvp(f: Function, x: ArrayLike, v: ArrayLike, *, complex_step: bool = True) -> Estimate:
    """The derivative of f at x in the direction of the tangent v, from evaluations on one line.

    Shapes: x (any), v like x, f(x) (any) -> shape of f(x).
    Raises: ValueError when v has not the shape of x; otherwise as :func:`jacobian`.
    """
    with np.errstate(all="ignore"):
        point = Point(f, x, complex_step)
        line = point.direction(tangent(v, point))
        return estimate(point, alone(point, line) if line else still(point), point.shape)


def vjp(f: Function, x: ArrayLike, cotangent: ArrayLike, *, complex_step: bool = True) -> Estimate:
    """The gradient of ``Σ cotangent · f(x)``.

    Shapes: x (any), cotangent like f(x) -> shape of x.
    Raises: ValueError when the cotangent has not the shape of f(x); otherwise as :func:`jacobian`.
    """
    weights = np.array(cotangent, dtype=np.float64)

    def functional(z: Any) -> Any:
        y = np.asarray(f(z))
        if y.shape != weights.shape:
            raise ValueError(f"cotangent has shape {weights.shape}, f(x) has shape {y.shape}")
        return np.sum(weights * y)

    return gradient(functional, x, complex_step=complex_step)


def one_sided(f: Function, x: ArrayLike, v: ArrayLike | None = None, *, scale: float | None = None) -> Slopes:
    """The slopes of f just left and just right of x, along v where x is an array.

    Shapes: x scalar, or x (any) and v like x; f(x) (any) -> shape of f(x).
    Raises: ValueError when x is an array and v is missing; otherwise as :func:`jvp`.
    """
    if v is None and np.ndim(x) != 0:
        raise ValueError("one_sided needs a direction v when x is an array")
    with np.errstate(all="ignore"):
        point = Point(f if v is not None else lambda z: f(z[()]), x, complex_step=False)
        line = point.direction(tangent(1.0 if v is None else v, point), scale)
        if line is None:
            same = estimate(point, still(point), point.shape)
            return Slopes(same, same)
        line.sample(*ONE_SIDED)
        left, right = (estimate(point, [read_side(line, sign)], point.shape) for sign in (-1, 1))
        return Slopes(left, right)


def hessian(f: Function, x: ArrayLike, gradient: Function | None = None) -> Estimate:
    """The symmetric matrix of second derivatives, from f alone or, sharper and cheaper, from its gradient.

    Disagreement between the two halves of a Jacobian of ``gradient`` is error and enters the bound.
    Shapes: x (any), f(x) with one entry, gradient(x) like x -> x.shape + x.shape.
    Raises: ValueError when f(x) has not exactly one entry or gradient(x) not the shape of x.
    """
    if gradient is not None:
        rows = jacobian(gradient, x)
        shape = np.shape(x)
        if rows.value.shape != shape + shape:
            raise ValueError(f"gradient(x) must have the shape of x, {shape}")
        return symmetric(rows, int(np.prod(shape, dtype=int)))
    with np.errstate(all="ignore"):
        point = Point(f, x, complex_step=False)
        if point.centre.size != 1:
            raise ValueError(f"hessian needs a scalar function, f(x) has shape {point.shape}")
        return second_derivatives(point)


def estimate(point: Point, readings: list[Reading], shape: tuple[int, ...]) -> Estimate:
    """Readings, one per coordinate, as an estimate of this shape."""

    def gather(name: str, dtype: type) -> Any:
        parts = [getattr(reading, name) for reading in readings]
        return np.array(parts, dtype=dtype).reshape(len(parts), point.centre.size).T.reshape(shape)

    return Estimate(
        gather("value", np.float64),
        gather("bound", np.float64),
        gather("kink", np.bool_),
        point.evaluations,
    )


def tangent(v: ArrayLike, point: Point) -> Array:
    """The tangent as float64, checked."""
    direction = np.array(v, dtype=np.float64)
    if direction.shape != point.x.shape:
        raise ValueError(f"v has shape {direction.shape}, x has shape {point.x.shape}")
    if not np.all(np.isfinite(direction)):
        raise ValueError("v is not finite")
    return direction


def still(point: Point) -> list[Reading]:
    """The derivative in no direction."""
    zero = np.zeros(point.centre.shape)
    return [Reading(zero, zero, zero.astype(bool), zero, 0.0, zero.astype(bool))]


@dataclass(frozen=True)
class Survey:
    """Noise of f near a point, measured once: of its values, and of its complex-step derivative per unit of scale."""

    level: Array
    tilted: Array | None


def survey(point: Point) -> Survey:
    """Measure the noise on a line that moves every coordinate, each in proportion to its size."""
    scales = point.scales()
    size = np.where(point.x.ravel() != 0, np.abs(point.x.ravel()), scales)
    signs = np.random.default_rng(0).choice([-1.0, 1.0], size=size.size)
    line = point.direction((signs * size).reshape(point.x.shape), 1.0)
    assert line is not None
    line.sample(*CLUSTER, *(32 * step for step in CLUSTER))
    tilted = tilted_noise(line)
    level = scatter(line.slope()).max(axis=0)
    if np.any(level > SUSPICION * np.abs(point.centre)):
        # Noise stays however close one looks; what a function does on small scales does not.
        closer = afresh(line)
        closer.sample(FINEST, *(step * FINEST for step in DENSE))
        level = np.minimum(level, scatter(closer.slope()).max(axis=0))
    return Survey(level, None if tilted is None else tilted[1])


def afresh(line: Line) -> Line:
    """The same line without the pairs that were sampled."""
    return Line(line.path, line.centre, line.scale, line.argument, line.tilted)


def tilted_noise(line: Line) -> tuple[Array, Array] | None:
    """The complex-step derivative at 0 and its noise, from differences of high order."""
    offsets = (0.0, CLUSTER[0], -CLUSTER[0], 2 * CLUSTER[0], -2 * CLUSTER[0])
    values = []
    for offset in offsets:
        value = line.tilted(offset * line.scale)
        if value is None:
            return None
        values.append(value)
    centre, right, left, further, opposite = values
    third = (further - opposite) - 2 * (right - left)
    fourth = (further + opposite) - 4 * (right + left) + 6 * centre
    return centre, np.fmax(np.abs(third) / np.sqrt(10), np.abs(fourth) / np.sqrt(70))


def confirmed(line: Line, reading: Reading, tilted: Array, noise: Array) -> Reading:
    """The reading, sharpened to the complex step where the differences agree with it."""
    right, left, _ = line.sides()
    size = np.fmax.reduce(np.abs(np.concatenate([right, left, line.centre[None]])), axis=0)
    agree = np.abs(tilted - reading.value) <= reading.bound
    agree &= ~reading.kink & (reading.bound <= EVIDENCE * np.abs(tilted))
    relative = np.divide(reading.noise, size, out=np.zeros_like(size), where=size > 0)
    # Terms that cancel in f cancel in its derivative too, and may not move at all within the points sampled here.
    inherited = reading.noise / line.scale
    bound = NOISE_MARGIN * (np.fmax(noise, inherited) + (relative + ROUNDING) * np.abs(tilted))
    agree &= bound < reading.bound
    value = np.where(agree, tilted, reading.value)
    return replace(reading, value=value, bound=np.where(agree, bound, reading.bound))


def settle(line: Line, level: Array, tilted: tuple[Array, Array] | None) -> Reading:
    """Read a line as sharply as the function allows."""
    if tilted is None:
        return explore(line, 1, level, TOLERANCE[1])
    reading = confirmed(line, explore(line, 1, level, CONFIRMING), *tilted)
    if np.all(shortfall(line, 1, reading, CONFIRMING) <= 1):
        return reading
    return confirmed(line, explore(line, 1, level, TOLERANCE[1]), *tilted)


def alone(point: Point, line: Line) -> list[Reading]:
    """The reading of a line whose own points must tell the noise too."""
    tilted = tilted_noise(line)
    line.sample(FINEST, *CLUSTER, *(LADDER if tilted is None else LADDER[:3]))
    return [settle(line, np.zeros(point.centre.shape), tilted)]


def columns(point: Point) -> list[Reading]:
    """One reading per coordinate of x; noise is measured once, and useful steps are handed on."""
    scales = point.scales()
    if scales.size == 0 or point.centre.size == 0:
        return [still(point)[0]] * scales.size
    if scales.size == 1:
        return alone(point, point.coordinate(0, scales[0]))
    known = survey(point)
    readings = []
    stretch = 1.0
    for i, scale in enumerate(scales):
        line = point.coordinate(i, scale)
        tilted = None if known.tilted is None else line.tilted(0.0)
        ladder = LADDER if tilted is None else LADDER[:3]
        line.sample(FINEST, CLUSTER[0], *(stretch * step for step in ladder))
        noise = None if tilted is None or known.tilted is None else (tilted, known.tilted / scale)
        reading = settle(line, known.level, noise)
        readings.append(reading)
        stretch = float(np.clip(power_of_two(reading.reach / scale / LADDER[-1]), 2.0**-10, 2.0**4))
    return readings


def second_derivatives(point: Point) -> Estimate:
    """The Hessian from values alone: curvature along axes, and along diagonals for the mixed entries."""
    scales = point.scales()
    n = scales.size
    value, bound = np.zeros((n, n)), np.zeros((n, n))
    kink = np.zeros((n, n), dtype=bool)
    shape = point.x.shape + point.x.shape
    if n == 0:
        return Estimate(value.reshape(shape), bound.reshape(shape), kink.reshape(shape), point.evaluations)
    level = survey(point).level
    for i in range(n):
        for j in range(i + 1):
            if i == j:
                line, unit = point.coordinate(i, scales[i]), 1.0
                noise = level
            else:
                line, unit = saddle(point, i, j, scales), 4.0 * scales[i] * scales[j]
                noise = np.sqrt(2) * np.maximum(level, ROUNDING * np.abs(point.centre))
            line.sample(*SECOND_ORDER)
            reading = explore(line, 2, noise, TOLERANCE[2])
            value[i, j] = value[j, i] = reading.value[0] / unit
            bound[i, j] = bound[j, i] = reading.bound[0] / unit
            kink[i, j] = kink[j, i] = reading.kink[0]
    return Estimate(value.reshape(shape), bound.reshape(shape), kink.reshape(shape), point.evaluations)


def saddle(point: Point, i: int, j: int, scales: Array) -> Line:
    """f on one diagonal of the (i, j) plane minus f on the other: its curvature is four mixed derivatives."""

    def path(t: float) -> tuple[Array, float]:
        along, across = point.x.copy(), point.x.copy()
        along.flat[i] += t * scales[i]
        across.flat[i] += t * scales[i]
        along.flat[j] += t * scales[j]
        across.flat[j] -= t * scales[j]
        return point.values(along) - point.values(across), t

    return Line(path, np.zeros_like(point.centre), 1.0, 1.0, lambda _: None)


def symmetric(rows: Estimate, n: int) -> Estimate:
    """The symmetric part of a Jacobian; half of what is not symmetric is added to the bound."""
    value, bound, kink = rows.value.reshape(n, n), rows.bound.reshape(n, n), rows.kink.reshape(n, n)
    shape = rows.value.shape
    with np.errstate(invalid="ignore"):
        even = (value + value.T) / 2
        width = (bound + bound.T) / 2 + np.abs(value - value.T) / 2
    width = np.where(np.isnan(width), np.inf, width)
    return Estimate(even.reshape(shape), width.reshape(shape), (kink | kink.T).reshape(shape), rows.evaluations)
