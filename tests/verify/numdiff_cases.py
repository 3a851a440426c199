"""Functions with known derivatives, in named families: the evidence for the bounds of ``verify.numdiff``.

Each template is a function as a user would write it and its derivative written by hand for ``mpmath``, which
evaluates it with 60 digits. The bounds were tuned on ``TUNED``. ``HELD_OUT`` has other functions; two faults that it
showed were mended. ``FRESH`` has still others, written after that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

mp.mp.dps = 60


@dataclass(frozen=True)
class Case:
    family: str
    name: str
    f: Callable[[Any], Any]
    x: float
    exact: float


@dataclass(frozen=True)
class Template:
    """``f(x, *parameters)`` in floating point, ``slope(x, *parameters)`` exact, and how to draw x and parameters."""

    family: str
    name: str
    f: Callable[..., Any]
    slope: Callable[..., Any]
    draw: Callable[[np.random.Generator], tuple[float, ...]]


def cases(templates: list[Template], each: int, seed: int) -> list[Case]:
    """``each`` cases per template."""
    rng = np.random.default_rng(seed)
    made = []
    for template in templates:
        for k in range(each):
            x, *parameters = (float(p) for p in template.draw(rng))
            exact = float(template.slope(mp.mpf(x), *map(mp.mpf, parameters)))
            f = template.f
            made.append(
                Case(template.family, f"{template.name}-{k}", lambda z, f=f, p=parameters: f(z, *p), x, exact)
            )
    return made


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def near_one(rng: np.random.Generator) -> tuple[float, ...]:
    return (rng.uniform(-2, 2),)


def positive(rng: np.random.Generator) -> tuple[float, ...]:
    return (log_uniform(rng, 0.05, 20),)


def single(z: Any) -> Any:
    """A value as it is after passing through float32; complex input is refused, as NumPy's own casts warn."""
    if np.iscomplexobj(z):
        raise TypeError("float32 only")
    return np.float32(z)


SMOOTH = [
    ("sin", np.sin, mp.cos, near_one),
    ("exp", np.exp, mp.exp, near_one),
    ("log", np.log, lambda x: 1 / x, positive),
    ("tanh", np.tanh, lambda x: 1 - mp.tanh(x) ** 2, near_one),
    ("reciprocal", lambda x: 1 / x, lambda x: -1 / x**2, positive),
    ("sqrt", np.sqrt, lambda x: 1 / (2 * mp.sqrt(x)), positive),
    ("cubic", lambda x: x**3 - 2 * x + 1, lambda x: 3 * x**2 - 2, near_one),
    ("gaussian", lambda x: np.exp(-x * x), lambda x: -2 * x * mp.exp(-x * x), near_one),
    ("logistic", lambda x: 1 / (1 + np.exp(-x)), lambda x: mp.exp(-x) / (1 + mp.exp(-x)) ** 2, near_one),
    ("arctan", np.arctan, lambda x: 1 / (1 + x * x), near_one),
    ("x sin", lambda x: x * np.sin(3 * x), lambda x: mp.sin(3 * x) + 3 * x * mp.cos(3 * x), near_one),
    ("power", lambda x: x**2.5, lambda x: mp.mpf("2.5") * x ** mp.mpf("1.5"), positive),
    ("softplus", lambda x: np.log(1 + np.exp(x)), lambda x: 1 / (1 + mp.exp(-x)), near_one),
]

CANCELLATION = [
    (
        "cosine",
        lambda x: (1 - np.cos(x)) / x**2,
        lambda x: mp.sin(x) / x**2 - 2 * (1 - mp.cos(x)) / x**3,
        (1e-4, 1e-1),
    ),
    (
        "exponential",
        lambda x: (np.exp(x) - 1) / x,
        lambda x: mp.exp(x) / x - (mp.exp(x) - 1) / x**2,
        (1e-6, 1e-1),
    ),
    ("square", lambda x: (1 + x) ** 2 - 1 - 2 * x, lambda x: 2 * x, (1e-5, 1e-1)),
    (
        "roots",
        lambda x: np.sqrt(1 + x) - np.sqrt(1 - x),
        lambda x: 1 / (2 * mp.sqrt(1 + x)) + 1 / (2 * mp.sqrt(1 - x)),
        (1e-6, 0.5),
    ),
    ("tan-sin", lambda x: np.tan(x) - np.sin(x), lambda x: 1 / mp.cos(x) ** 2 - mp.cos(x), (1e-3, 0.5)),
    ("offset", lambda x: (np.sin(x) + 1e6) - 1e6, mp.cos, (0.1, 3)),
    ("large offset", lambda x: (x**2 + 1e10) - 1e10, lambda x: 2 * x, (0.1, 30)),
    ("log1p", lambda x: np.log(1 + x), lambda x: 1 / (1 + x), (1e-7, 1e-1)),
    ("variance", lambda x: ((x + 1e4) ** 2 + 1e8) / 2 - ((x + 2e4) / 2) ** 2, lambda x: x / 2, (0.5, 50)),
    (
        "expanded",
        lambda x: x**6 - 6 * x**5 + 15 * x**4 - 20 * x**3 + 15 * x**2 - 6 * x + 1,
        lambda x: 6 * (x - 1) ** 5,
        (0.7, 1.4),
    ),
]

FREQUENCY = [
    ("sine", lambda x, w: np.sin(w * x), lambda x, w: w * mp.cos(w * x)),
    ("cosine plus line", lambda x, w: np.cos(w * x) + x, lambda x, w: 1 - w * mp.sin(w * x)),
    ("small sine", lambda x, w: x + 1e-3 * np.sin(w * x), lambda x, w: 1 + mp.mpf(1e-3) * w * mp.cos(w * x)),
    ("chirp", lambda x, w: np.sin(w * x * x), lambda x, w: 2 * w * x * mp.cos(w * x * x)),
    (
        "product",
        lambda x, w: np.sin(w * x) * np.exp(x),
        lambda x, w: mp.exp(x) * (mp.sin(w * x) + w * mp.cos(w * x)),
    ),
    ("square", lambda x, w: np.sin(w * x) ** 2, lambda x, w: w * mp.sin(2 * w * x)),
    ("two", lambda x, w: np.sin(x) + np.sin(w * x), lambda x, w: mp.cos(x) + w * mp.cos(w * x)),
    ("exp sine", lambda x, w: np.exp(np.sin(w * x)), lambda x, w: w * mp.cos(w * x) * mp.exp(mp.sin(w * x))),
]

PEAKS = [
    (
        "gaussian",
        lambda x, c, w: np.exp(-(((x - c) / w) ** 2)),
        lambda x, c, w: -2 * (x - c) / w**2 * mp.exp(-(((x - c) / w) ** 2)),
    ),
    (
        "lorentzian",
        lambda x, c, w: 1 / (1 + ((x - c) / w) ** 2),
        lambda x, c, w: -2 * (x - c) / w**2 / (1 + ((x - c) / w) ** 2) ** 2,
    ),
    ("step", lambda x, c, w: np.tanh((x - c) / w), lambda x, c, w: (1 - mp.tanh((x - c) / w) ** 2) / w),
    (
        "on a line",
        lambda x, c, w: x + np.exp(-(((x - c) / w) ** 2)),
        lambda x, c, w: 1 - 2 * (x - c) / w**2 * mp.exp(-(((x - c) / w) ** 2)),
    ),
    (
        "on a wave",
        lambda x, c, w: np.sin(x) + 0.1 / (1 + ((x - c) / w) ** 2),
        lambda x, c, w: mp.cos(x) - mp.mpf(0.1) * 2 * (x - c) / w**2 / (1 + ((x - c) / w) ** 2) ** 2,
    ),
    (
        "sech",
        lambda x, c, w: 1 / np.cosh((x - c) / w),
        lambda x, c, w: -mp.tanh((x - c) / w) / mp.cosh((x - c) / w) / w,
    ),
    (
        "logarithm",
        lambda x, c, w: np.log((x - c) ** 2 + w**2),
        lambda x, c, w: 2 * (x - c) / ((x - c) ** 2 + w**2),
    ),
    (
        "arctan",
        lambda x, c, w: np.arctan((x - c) / w) + x**2,
        lambda x, c, w: w / (w**2 + (x - c) ** 2) + 2 * x,
    ),
]

TINY = [
    ("sine", lambda x, a, b: a + b * np.sin(x), lambda x, a, b: b * mp.cos(x)),
    ("exponential", lambda x, a, b: a + b * np.exp(x), lambda x, a, b: b * mp.exp(x)),
    ("quadratic", lambda x, a, b: a - b * x * x, lambda x, a, b: -2 * b * x),
    ("product", lambda x, a, b: a * (1 + b / a * np.sin(2 * x)), lambda x, a, b: 2 * b * mp.cos(2 * x)),
    ("tanh", lambda x, a, b: b * np.tanh(x) + a, lambda x, a, b: b * (1 - mp.tanh(x) ** 2)),
    (
        "logistic",
        lambda x, a, b: a - b / (1 + np.exp(-x)),
        lambda x, a, b: -b * mp.exp(-x) / (1 + mp.exp(-x)) ** 2,
    ),
    ("ratio", lambda x, a, b: a + b / (2 + x * x), lambda x, a, b: -2 * b * x / (2 + x * x) ** 2),
    ("line", lambda x, a, b: a + b * x, lambda x, a, b: b),
]

SCALE = [
    ("logarithm", lambda x, s: np.log(x / s), lambda x, s: 1 / x),
    ("sine", lambda x, s: np.sin(x / s), lambda x, s: mp.cos(x / s) / s),
    ("power", lambda x, s: s * (x / s) ** 3, lambda x, s: 3 * (x / s) ** 2),
    ("square root", lambda x, s: np.sqrt(x), lambda x, s: 1 / (2 * mp.sqrt(x))),
    ("reciprocal", lambda x, s: 1 / x, lambda x, s: -1 / x**2),
    ("tiny values", lambda x, s: 1e-200 * np.exp(-x / s), lambda x, s: -mp.mpf(1e-200) * mp.exp(-x / s) / s),
    (
        "huge values",
        lambda x, s: 1e200 * np.arctan(x / s),
        lambda x, s: mp.mpf(1e200) / s / (1 + (x / s) ** 2),
    ),
    ("quadratic", lambda x, s: (x - s) ** 2, lambda x, s: 2 * (x - s)),
]

SINGLE = [
    ("sine", lambda x: float(np.sin(single(x))), mp.cos, near_one),
    ("exp", lambda x: float(np.exp(single(x))), mp.exp, near_one),
    ("tanh", lambda x: float(np.tanh(single(x))), lambda x: 1 - mp.tanh(x) ** 2, near_one),
    ("log", lambda x: float(np.log(single(x))), lambda x: 1 / x, positive),
    ("square", lambda x: float(single(x) ** 2), lambda x: 2 * x, near_one),
    (
        "logistic",
        lambda x: float(1 / (1 + np.exp(-single(x)))),
        lambda x: mp.exp(-x) / (1 + mp.exp(-x)) ** 2,
        near_one,
    ),
    (
        "accumulated",
        lambda x: float(np.cumsum(np.sin(single(x) * np.arange(1, 9, dtype=np.float32)))[-1]),
        lambda x: sum(k * mp.cos(k * x) for k in range(1, 9)),
        near_one,
    ),
    (
        "output only",
        lambda x: np.float32(np.cos(x)) if not np.iscomplexobj(x) else single(x),
        lambda x: -mp.sin(x),
        near_one,
    ),
    ("softplus", lambda x: float(np.log1p(np.exp(single(x)))), lambda x: 1 / (1 + mp.exp(-x)), near_one),
]


def fast(rng: np.random.Generator) -> tuple[float, ...]:
    return rng.uniform(-2, 2), log_uniform(rng, 30, 1e5)


def beside_peak(rng: np.random.Generator) -> tuple[float, ...]:
    centre, width = rng.uniform(-2, 2), log_uniform(rng, 1e-5, 1e-1)
    return centre + width * rng.uniform(-2, 2), centre, width


def drowned(rng: np.random.Generator) -> tuple[float, ...]:
    return rng.uniform(-2, 2), log_uniform(rng, 1, 1e9), log_uniform(rng, 1e-7, 1e-2)


def scaled(rng: np.random.Generator) -> tuple[float, ...]:
    scale = log_uniform(rng, 1e-12, 1e12)
    return scale * rng.uniform(0.3, 3), scale


TUNED = [
    *(Template("smooth", *row) for row in SMOOTH),
    *(
        Template("cancellation", name, f, slope, lambda rng, r=r: (log_uniform(rng, *r),))
        for name, f, slope, r in CANCELLATION
    ),
    *(Template("high frequency", *row, fast) for row in FREQUENCY),
    *(Template("narrow peak", *row, beside_peak) for row in PEAKS),
    *(Template("constant plus tiny", *row, drowned) for row in TINY),
    *(Template("scale", *row, scaled) for row in SCALE),
    *(Template("float32 inside", *row) for row in SINGLE),
]


def inside(low: float, high: float) -> Callable[[np.random.Generator], tuple[float, ...]]:
    return lambda rng: (rng.uniform(low, high),)


def orders(low: float, high: float) -> Callable[[np.random.Generator], tuple[float, ...]]:
    return lambda rng: (log_uniform(rng, low, high),)


def quick(rng: np.random.Generator) -> tuple[float, ...]:
    return log_uniform(rng, 0.01, 50), log_uniform(rng, 20, 3e4)


def off_peak(rng: np.random.Generator) -> tuple[float, ...]:
    centre, width = rng.uniform(-9, 9), log_uniform(rng, 1e-4, 0.3)
    return centre + width * rng.normal(), centre, width


def buried(rng: np.random.Generator) -> tuple[float, ...]:
    return rng.normal(), log_uniform(rng, 10, 1e7), log_uniform(rng, 1e-6, 1e-1)


def remote(rng: np.random.Generator) -> tuple[float, ...]:
    scale = log_uniform(rng, 1e-20, 1e20)
    return scale * rng.uniform(-3, 3), scale


def summed(x: Any) -> Any:
    """A recurrence in float32 that gathers rounding."""
    h = np.float32(0.1)
    for k in range(1, 20):
        h = np.tanh(single(x) * h + np.float32(1 / k))
    return float(h)


def summed_slope(x: Any) -> Any:
    h, slope = mp.mpf(float(np.float32(0.1))), mp.mpf(0)
    for k in range(1, 20):
        a = x * h + mp.mpf(float(np.float32(1 / k)))
        slope = (1 - mp.tanh(a) ** 2) * (h + x * slope)
        h = mp.tanh(a)
    return slope


HELD_OUT = [
    Template(
        "smooth",
        "silu",
        lambda x: x / (1 + np.exp(-x)),
        lambda x: 1 / (1 + mp.exp(-x)) * (1 + x * (1 - 1 / (1 + mp.exp(-x)))),
        inside(-6, 6),
    ),
    Template("smooth", "sinh", np.sinh, mp.cosh, inside(-3, 3)),
    Template("smooth", "arcsin", np.arcsin, lambda x: 1 / mp.sqrt(1 - x * x), inside(-0.95, 0.95)),
    Template(
        "smooth",
        "entropy",
        lambda p: -p * np.log(p) - (1 - p) * np.log(1 - p),
        lambda p: mp.log((1 - p) / p),
        inside(0.02, 0.98),
    ),
    Template(
        "smooth",
        "rational",
        lambda x: (x**2 + 1) / (x**4 + x + 3),
        lambda x: (2 * x * (x**4 + x + 3) - (x**2 + 1) * (4 * x**3 + 1)) / (x**4 + x + 3) ** 2,
        inside(-3, 3),
    ),
    Template("smooth", "x to the x", lambda x: x**x, lambda x: x**x * (mp.log(x) + 1), inside(0.2, 4)),
    Template(
        "cancellation",
        "variance",
        lambda x: (x**2 + 5e6 + 4) / 3 - ((x + 2e3 + 2) / 3) ** 2,
        lambda x: 2 * x / 3 - 2 * (x + 2002) / 9,
        inside(900, 1100),
    ),
    Template(
        "cancellation",
        "discriminant",
        lambda b: b - np.sqrt(b * b - 1),
        lambda b: 1 - b / mp.sqrt(b * b - 1),
        orders(2, 1e4),
    ),
    Template(
        "cancellation",
        "sinc",
        lambda x: (x - np.sin(x)) / x**3,
        lambda x: (1 - mp.cos(x)) / x**3 - 3 * (x - mp.sin(x)) / x**4,
        orders(1e-3, 1),
    ),
    Template(
        "cancellation",
        "difference",
        lambda x: 1 / x - 1 / (x + 1e-4),
        lambda x: -1 / x**2 + 1 / (x + mp.mpf(1e-4)) ** 2,
        orders(0.1, 10),
    ),
    Template(
        "cancellation",
        "hyperbolic",
        lambda x: np.cosh(x) ** 2 - np.sinh(x) ** 2 + x,
        lambda x: mp.mpf(1),
        inside(0.5, 9),
    ),
    Template(
        "cancellation",
        "naive softplus",
        lambda x: np.log(np.exp(x) + np.exp(20.0)) - 20.0,
        lambda x: mp.exp(x) / (mp.exp(x) + mp.exp(20)),
        inside(-3, 15),
    ),
    Template(
        "high frequency",
        "beats",
        lambda x, w: np.sin(w * x) * np.cos(w * x / 7),
        lambda x, w: w * mp.cos(w * x) * mp.cos(w * x / 7) - w / 7 * mp.sin(w * x) * mp.sin(w * x / 7),
        quick,
    ),
    Template(
        "high frequency",
        "tanh sine",
        lambda x, w: np.tanh(np.sin(w * x)),
        lambda x, w: w * mp.cos(w * x) * (1 - mp.tanh(mp.sin(w * x)) ** 2),
        quick,
    ),
    Template(
        "high frequency",
        "ripple",
        lambda x, w: np.log(1 + x) + 1e-4 * np.cos(w * x),
        lambda x, w: 1 / (1 + x) - mp.mpf(1e-4) * w * mp.sin(w * x),
        quick,
    ),
    Template(
        "high frequency",
        "log phase",
        lambda x, w: np.sin(w * np.log(x)),
        lambda x, w: w / x * mp.cos(w * mp.log(x)),
        quick,
    ),
    Template(
        "high frequency",
        "positional",
        lambda x, w: np.sin(w * x) + np.cos(w * x / 100),
        lambda x, w: w * mp.cos(w * x) - w / 100 * mp.sin(w * x / 100),
        quick,
    ),
    Template(
        "narrow peak",
        "sixth power",
        lambda x, c, w: np.exp(-(((x - c) / w) ** 6)),
        lambda x, c, w: -6 * ((x - c) / w) ** 5 / w * mp.exp(-(((x - c) / w) ** 6)),
        off_peak,
    ),
    Template(
        "narrow peak",
        "logistic",
        lambda x, c, w: 3 + 1 / (1 + np.exp((c - x) / w)),
        lambda x, c, w: mp.exp((c - x) / w) / (1 + mp.exp((c - x) / w)) ** 2 / w,
        off_peak,
    ),
    Template(
        "narrow peak",
        "wavelet",
        lambda x, c, w: np.cos(x) + (1 - ((x - c) / w) ** 2) * np.exp(-(((x - c) / w) ** 2) / 2),
        lambda x, c, w: -mp.sin(x) + (((x - c) / w) ** 3 - 3 * (x - c) / w) / w * mp.exp(-(((x - c) / w) ** 2) / 2),
        off_peak,
    ),
    Template(
        "narrow peak",
        "hyperbola",
        lambda x, c, w: np.sqrt((x - c) ** 2 + w**2),
        lambda x, c, w: (x - c) / mp.sqrt((x - c) ** 2 + w**2),
        off_peak,
    ),
    Template(
        "narrow peak",
        "softplus",
        lambda x, c, w: w * np.log(1 + np.exp((x - c) / w)),
        lambda x, c, w: 1 / (1 + mp.exp((c - x) / w)),
        off_peak,
    ),
    Template(
        "constant plus tiny",
        "cosine",
        lambda x, a, b: a - b * np.cos(3 * x),
        lambda x, a, b: 3 * b * mp.sin(3 * x),
        buried,
    ),
    Template(
        "constant plus tiny",
        "arctan",
        lambda x, a, b: b * np.arctan(x) - a,
        lambda x, a, b: b / (1 + x * x),
        buried,
    ),
    Template(
        "constant plus tiny",
        "under a root",
        lambda x, a, b: np.sqrt(a * a + b * x),
        lambda x, a, b: b / (2 * mp.sqrt(a * a + b * x)),
        buried,
    ),
    Template(
        "constant plus tiny",
        "under a logarithm",
        lambda x, a, b: a + np.log(1 + b * x * x),
        lambda x, a, b: 2 * b * x / (1 + b * x * x),
        buried,
    ),
    Template("constant plus tiny", "cubic", lambda x, a, b: a + b * x**3, lambda x, a, b: 3 * b * x * x, buried),
    Template("scale", "tanh", lambda x, s: np.tanh(x / s), lambda x, s: (1 - mp.tanh(x / s) ** 2) / s, remote),
    Template("scale", "energy", lambda x, s: 0.5 * x * x, lambda x, s: x, remote),
    Template(
        "scale",
        "gaussian",
        lambda x, s: s * np.exp(-((x / s) ** 2)),
        lambda x, s: -2 * x / s * mp.exp(-((x / s) ** 2)),
        remote,
    ),
    Template(
        "scale",
        "hypotenuse",
        lambda x, s: np.sqrt(x * x + s * s),
        lambda x, s: x / mp.sqrt(x * x + s * s),
        remote,
    ),
    Template(
        "scale",
        "mixed",
        lambda x, s: np.sin(x / s) + (x / s) ** 2,
        lambda x, s: mp.cos(x / s) / s + 2 * x / s**2,
        remote,
    ),
    Template("float32 inside", "recurrence", summed, summed_slope, inside(-2, 2)),
    Template(
        "float32 inside",
        "arctan",
        lambda x: float(np.arctan(single(x) * 3)),
        lambda x: 3 / (1 + 9 * x * x),
        inside(-3, 3),
    ),
    Template(
        "float32 inside",
        "rsqrt",
        lambda x: 1 / np.sqrt(single(x)),
        lambda x: -1 / (2 * x ** mp.mpf("1.5")),
        orders(0.01, 100),
    ),
    Template(
        "float32 inside",
        "polynomial",
        lambda x: float(single(x) ** 3 - single(x) + np.float32(5)),
        lambda x: 3 * x * x - 1,
        inside(-3, 3),
    ),
    Template("float32 inside", "cosh", lambda x: float(np.cosh(single(x))), mp.sinh, inside(-3, 3)),
]


def running_mean(x: Any) -> Any:
    """A mean in float32 over powers, accumulated one by one."""
    total = np.float32(0)
    for k in range(1, 7):
        total += single(x) ** k / np.float32(k)
    return total


def between_peaks(rng: np.random.Generator) -> tuple[float, ...]:
    centre, width = log_uniform(rng, 0.1, 10), log_uniform(rng, 1e-5, 1e-2)
    return centre + width * rng.uniform(-1.5, 1.5), centre, width


def hidden(rng: np.random.Generator) -> tuple[float, ...]:
    return rng.uniform(0.2, 3), log_uniform(rng, 1e2, 1e10), log_uniform(rng, 1e-5, 1)


def wide(rng: np.random.Generator) -> tuple[float, ...]:
    scale = log_uniform(rng, 1e-30, 1e30)
    return scale * rng.uniform(0.2, 4), scale


FRESH = [
    Template(
        "smooth",
        "gelu",
        lambda x: 0.5 * x * (1 + np.tanh(0.8 * x)),
        lambda x: (1 + mp.tanh(mp.mpf(0.8) * x)) / 2 + x / 2 * mp.mpf(0.8) * (1 - mp.tanh(mp.mpf(0.8) * x) ** 2),
        inside(-4, 4),
    ),
    Template("smooth", "log cosh", lambda x: np.log(np.cosh(x)), mp.tanh, inside(-5, 5)),
    Template("smooth", "kepler", lambda x: x - 0.7 * np.sin(x), lambda x: 1 - mp.mpf(0.7) * mp.cos(x), inside(-6, 6)),
    Template("smooth", "odds", lambda p: np.log(p / (1 - p)), lambda p: 1 / (p * (1 - p)), inside(0.03, 0.97)),
    Template(
        "cancellation", "secant", lambda x: 1 / np.cos(x) - 1, lambda x: mp.sin(x) / mp.cos(x) ** 2, orders(1e-4, 1)
    ),
    Template(
        "cancellation",
        "tanh",
        lambda x: (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x)),
        lambda x: 1 - mp.tanh(x) ** 2,
        orders(1e-5, 3),
    ),
    Template("cancellation", "distance", lambda x: (x + 3e5) ** 2 - 9e10 - 6e5 * x, lambda x: 2 * x, inside(1, 90)),
    Template(
        "cancellation",
        "difference of logs",
        lambda x: np.log(x + 1e-3) - np.log(x),
        lambda x: 1 / (x + mp.mpf(1e-3)) - 1 / x,
        orders(0.05, 50),
    ),
    Template(
        "high frequency",
        "fm",
        lambda x, w: np.cos(w * x + np.sin(x)),
        lambda x, w: -(w + mp.cos(x)) * mp.sin(w * x + mp.sin(x)),
        quick,
    ),
    Template(
        "high frequency",
        "root phase",
        lambda x, w: np.sin(w * np.sqrt(x)) + x,
        lambda x, w: w / (2 * mp.sqrt(x)) * mp.cos(w * mp.sqrt(x)) + 1,
        quick,
    ),
    Template(
        "high frequency",
        "sum of three",
        lambda x, w: np.sin(x) + 0.1 * np.sin(w * x) + 0.01 * np.cos(2 * w * x),
        lambda x, w: mp.cos(x) + mp.mpf(0.1) * w * mp.cos(w * x) - mp.mpf(0.01) * 2 * w * mp.sin(2 * w * x),
        quick,
    ),
    Template(
        "high frequency",
        "cubed",
        lambda x, w: np.cos(w * x) ** 3,
        lambda x, w: -3 * w * mp.cos(w * x) ** 2 * mp.sin(w * x),
        quick,
    ),
    Template(
        "narrow peak",
        "student",
        lambda x, c, w: 2 + (1 + ((x - c) / w) ** 2) ** -1.5,
        lambda x, c, w: -3 * (x - c) / w**2 * (1 + ((x - c) / w) ** 2) ** mp.mpf("-2.5"),
        between_peaks,
    ),
    Template(
        "narrow peak",
        "pair",
        lambda x, c, w: np.exp(-(((x - c - w) / w) ** 2)) - np.exp(-(((x - c + w) / w) ** 2)),
        lambda x, c, w: (
            -2 * (x - c - w) / w**2 * mp.exp(-(((x - c - w) / w) ** 2))
            + 2 * (x - c + w) / w**2 * mp.exp(-(((x - c + w) / w) ** 2))
        ),
        between_peaks,
    ),
    Template(
        "narrow peak",
        "gate",
        lambda x, c, w: np.log(x) * 0.5 * (1 + np.tanh((x - c) / w)),
        lambda x, c, w: (1 + mp.tanh((x - c) / w)) / (2 * x) + mp.log(x) * (1 - mp.tanh((x - c) / w) ** 2) / (2 * w),
        between_peaks,
    ),
    Template(
        "narrow peak",
        "inverse",
        lambda x, c, w: 1 / (w + (x - c) ** 2 / w),
        lambda x, c, w: -2 * (x - c) / w / (w + (x - c) ** 2 / w) ** 2,
        between_peaks,
    ),
    Template("constant plus tiny", "logarithm", lambda x, a, b: a + b * np.log(x), lambda x, a, b: b / x, hidden),
    Template(
        "constant plus tiny",
        "gaussian",
        lambda x, a, b: a - b * np.exp(-x * x),
        lambda x, a, b: 2 * b * x * mp.exp(-x * x),
        hidden,
    ),
    Template(
        "constant plus tiny", "root", lambda x, a, b: b * np.sqrt(x) - a, lambda x, a, b: b / (2 * mp.sqrt(x)), hidden
    ),
    Template("constant plus tiny", "quotient", lambda x, a, b: (a * x + b) / x, lambda x, a, b: -b / x**2, hidden),
    Template(
        "scale",
        "planck",
        lambda x, s: s / (np.exp(x / s) - 1),
        lambda x, s: -mp.exp(x / s) / (mp.exp(x / s) - 1) ** 2,
        wide,
    ),
    Template("scale", "saturation", lambda x, s: x / (x + s), lambda x, s: s / (x + s) ** 2, wide),
    Template("scale", "cosine", lambda x, s: s * np.cos(x / s), lambda x, s: -mp.sin(x / s), wide),
    Template("scale", "logarithm", lambda x, s: np.log(1 + x / s), lambda x, s: 1 / (s + x), wide),
    Template(
        "float32 inside", "mean", running_mean, lambda x: sum(x ** (k - 1) for k in range(1, 7)), inside(-1.2, 1.2)
    ),
    Template("float32 inside", "sinh", lambda x: float(np.sinh(single(x))), mp.cosh, inside(-3, 3)),
    Template(
        "float32 inside",
        "log sum",
        lambda x: float(np.log(np.exp(single(x)) + np.float32(2))),
        lambda x: mp.exp(x) / (mp.exp(x) + 2),
        inside(-4, 4),
    ),
    Template(
        "float32 inside",
        "distance",
        lambda x: float(np.sqrt(single(x) ** 2 + np.float32(1))),
        lambda x: x / mp.sqrt(x * x + 1),
        inside(-9, 9),
    ),
]
