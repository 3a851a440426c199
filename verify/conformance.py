"""Layers tried on one case after another, in float64 and float32: their promises, and their gradients beside numbers.

Data
    ``Failure``      a promise that a layer broke on a case, and how.
    ``Conformance``  the cases of a layer, the promises broken, and how far its gradients were from numerical ones.

The three most important functions are ``check_layer``, ``failures`` (one case) and ``distances`` (gradients beside
numerical derivatives). NumPy only.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from verify import numdiff
from verify.layer import Array, Layer
from verify.promises import ESSENTIAL, PROMISES
from verify.trial import Trial, parts

__all__ = ["Conformance", "Failure", "check_layer"]

SAMPLES = 3
# A gradient may be off by this share of its terms, or of the terms of the output: backward rounds, too.
ROUNDING = 1e-9
OUTPUT_ROUNDING = 1e-13
# A numerical derivative with a wider bound than this share says too little.
SHARP = 1e-7


@dataclass(frozen=True)
class Failure:
    """A promise that a layer broke on a case, and how."""

    case: str
    dtype: str
    promise: str
    message: str

    def __str__(self) -> str:
        return f"{self.case}, {self.dtype}: {self.promise}: {self.message}"


@dataclass(frozen=True)
class Conformance:
    """What became of a layer's cases.

    ``error`` is the largest distance of a gradient from the numerical derivative, relative to the gradient's terms;
    where the output's terms are so large that their rounding counts for more, to a share of these. ``compared`` says
    how many gradients were beside one.
    """

    layer: Layer
    cases: tuple[str, ...]
    failures: tuple[Failure, ...]
    error: float
    compared: int = 0

    @property
    def passed(self) -> tuple[str, ...]:
        """The cases on which every promise was kept, in both types."""
        broken = {failure.case for failure in self.failures}
        return tuple(case for case in self.cases if case not in broken)

    @property
    def outcome(self) -> str:
        """``holds``, ``fails``, or ``not exercised``: numerical derivatives said too little, or there was none."""
        if any(failure.promise != UNDECIDED for failure in self.failures):
            return "fails"
        return "not exercised" if self.failures or not self.compared else "holds"


def check_layer(layer: Layer, seed: int = 0, samples: int = SAMPLES) -> Conformance:
    """Every promise on every case of a layer, in float64 and float32.

    Raises: TypeError when this is no ``Layer``.
    """
    if not isinstance(layer, Layer):
        raise TypeError(f"{layer!r} is no layer: expected a Layer, such as verify.layers.affine.LAYER")
    names = (*(f"sample {k}" for k in range(samples)), *layer.cases)
    broken: list[Failure] = []
    errors: list[float] = []
    for name in names:
        for dtype in ("float64", "float32"):
            broken += failures(layer, name, seed, dtype, errors)
    return Conformance(layer, names, tuple(broken), max(errors, default=0.0), len(errors))


def failures(layer: Layer, name: str, seed: int, dtype: str, errors: list[float]) -> Iterator[Failure]:
    """The promises broken on one case; the distances of its gradients are added to ``errors``."""
    said = "it runs"
    try:
        trial = Trial(layer, layer.case(name, seed), seed, dtype)
        for said, promise in PROMISES.items():
            broken = [Failure(name, dtype, said, message) for message in promise(trial)]
            yield from broken
            if broken and promise in ESSENTIAL:
                return
        if dtype == "float64":
            for input_name, distance in distances(trial):
                errors.append(distance.relative)
                if distance.says:
                    promise_name = UNDECIDED if distance.undecided else "its gradients are those of the forward pass"
                    yield Failure(name, dtype, promise_name, f"{input_name}: {distance.says}")
    except (Exception, SystemExit) as error:  # whatever a layer raises, it is what became of this case
        yield Failure(name, dtype, said, f"{type(error).__name__}: {error}{_where(error, layer)}")


def _where(error: BaseException, layer: Layer) -> str:
    """The innermost line of a layer's file that an error comes from."""
    file = inspect.getfile(layer.forward)
    lines = [(f.f_code.co_name, k) for f, k in traceback.walk_tb(error.__traceback__) if f.f_code.co_filename == file]
    return f" (in {lines[-1][0]}, {Path(file).name}, line {lines[-1][1]})" if lines else ""


# ------------------------------------------------------------------------------------- beside numerical derivatives

UNDECIDED = "a numerical derivative decides"


@dataclass(frozen=True)
class Distance:
    """How far a gradient is from the numerical derivative, relative to its terms; what to say if that is too far."""

    relative: float
    says: str = ""
    undecided: bool = False


def distances(trial: Trial) -> Iterator[tuple[str, Distance]]:
    """The gradient of every input beside numerical derivatives.

    Along two random directions; where the function has a kink on the way, entry by entry: there a value between the
    slopes on both sides is right.
    """
    for name, value in trial.floating.items():
        if value.size:
            f, gradient = trial.functional(name), trial.gradients[name]
            found = [_along(f, value, gradient, trial) for _ in range(2)]
            yield (
                name,
                _entries(f, value, gradient, trial)
                if any(one.says for one in found)
                else max(found, key=lambda one: one.relative),
            )


def _along(f: Callable[[Array], float], value: Array, gradient: Array, trial: Trial) -> Distance:
    direction = np.where(np.isfinite(value), trial.rng.normal(size=value.shape), 0.0)
    estimate = numdiff.derivative(lambda t: f(value + t * direction), 0.0, complex_step=False)
    return _distance(
        np.sum(gradient * direction),
        float(estimate.value),
        float(estimate.bound),
        float(np.sum(np.abs(gradient * direction))),
        trial,
    )


def _entries(f: Callable[[Array], float], values: Array, gradient: Array, trial: Trial) -> Distance:
    finite = np.isfinite(values)

    def of_finite(entries: Array) -> float:
        whole = values.copy()
        whole[finite] = entries
        return f(whole)

    estimate = numdiff.gradient(of_finite, values[finite], complex_step=False)
    scale = float(np.max(np.abs(gradient), initial=0.0))
    found = []
    for claimed, value, bound, kink, where in zip(
        gradient[finite], estimate.value, estimate.bound, estimate.kink, np.argwhere(finite), strict=True
    ):
        place = tuple(map(int, where))
        one = _distance(float(claimed), float(value), float(bound), scale, trial, kink=bool(kink), where=place)
        if one.says and (kink or not bound <= SHARP * max(scale, abs(value))):
            one = _between(f, values, float(claimed), scale, trial, place)
        found.append(one)
    return max(found, key=lambda one: (bool(one.says), one.relative), default=Distance(0.0))


def _between(
    f: Callable[[Array], float], values: Array, claimed: float, scale: float, trial: Trial, where: tuple[int, ...]
) -> Distance:
    """A gradient beside the slopes from the left and from the right: where the function bends, they know more."""
    direction = np.zeros_like(values)
    direction[where] = 1.0
    slopes = numdiff.one_sided(lambda t: f(values + t * direction), 0.0)
    left, right = float(slopes.left.value), float(slopes.right.value)
    nearest = min(max(claimed, min(left, right)), max(left, right))
    return _distance(claimed, nearest, float(max(slopes.left.bound, slopes.right.bound)), scale, trial, where=where)


def _distance(
    claimed: float,
    numerical: float,
    bound: float,
    scale: float,
    trial: Trial,
    *,
    kink: bool = False,
    where: Any = None,
) -> Distance:
    terms = sum(float(np.sum(np.abs(d * y))) for d, y in zip(parts(trial.d_output), parts(trial.output), strict=True))
    slack = ROUNDING * scale + OUTPUT_ROUNDING * terms
    apart = abs(claimed - numerical)
    place = "" if where is None else f" at {list(where)}"
    if np.isfinite(bound) and not apart <= bound + slack:
        return Distance(
            apart / (scale or 1.0), f"backward gave {claimed:+.9g}{place}, numerical {numerical:+.9g} ± {bound:.1e}"
        )
    # a gradient that is 0 throughout has no scale of its own
    if not np.isfinite(bound) or (bound > SHARP * (scale or terms) + slack and not kink):
        return Distance(0.0, f"numerical {numerical:+.9g} ± {bound:.1e}{place} says too little", undecided=True)
    return Distance(0.0 if kink else apart / (slack / ROUNDING or 1.0))
