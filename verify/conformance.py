"""What every layer promises, tried on one case after another, in float64 and float32.

Data
    ``Trial``        a layer called once on a case: inputs, output, what was saved, a cotangent, the gradients.
    ``Failure``      a promise that a layer broke on a case, and how.
    ``Conformance``  the cases of a layer, the promises broken, and how far its gradients were from numerical ones.

The three most important functions are ``check_layer``, ``failures`` (one case) and ``distances`` (gradients beside
numerical derivatives). ``PROMISES`` is the whole list. NumPy only.
"""

from __future__ import annotations

import copy
import inspect
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import partial
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np

from verify import numdiff
from verify.backward_pass.cotangents import LAYOUTS
from verify.layer import Array, Case, Layer

__all__ = ["PROMISES", "Conformance", "Failure", "Trial", "check_layer"]

SAMPLES = 3
# A gradient may be off by this share of its terms, or of the terms of the output: backward rounds, too.
ROUNDING = 1e-9
OUTPUT_ROUNDING = 1e-13
# A numerical derivative with a wider bound than this share says too little.
SHARP = 1e-7
# float32 beside float64, relative to the largest entry.
SINGLE = 2e-3
# The same sums in another order.
REORDERED = {"float64": 1e-10, "float32": 2e-3}


class Trial:
    """A layer called once on a case, with a random cotangent of both signs."""

    def __init__(self, layer: Layer, case: Case, seed: int = 0, dtype: str = "float64") -> None:
        self.layer = layer
        self.dtype = dtype
        if len(case.inputs) > len(layer.inputs):
            taken = f"forward takes {', '.join(layer.inputs) or 'none'} by position"
            raise TypeError(f"the case has {len(case.inputs)} inputs, {taken}")
        self.inputs = {
            name: _cast(np.float64(value) if type(value) is float else value, dtype)
            for name, value in zip(layer.inputs, case.inputs, strict=False)
        }
        self.options = {name: _cast(value, dtype) for name, value in case.options.items()}
        self.rng = np.random.default_rng([seed, 1])
        found: Any = layer.forward(*self.inputs.values(), **self.options)
        if not isinstance(found, tuple) or len(found) != 2:
            returned = f"a tuple of {len(found)}" if isinstance(found, tuple) else type(found).__name__
            raise TypeError(f"forward returned {returned}: expected (output, saved)")
        self.output, self.saved = found
        self.d_output = self.cotangent()
        self.gradients = layer.backward(self.d_output, self.saved)
        if not isinstance(self.gradients, Mapping):
            raise TypeError(f"backward returned {type(self.gradients).__name__}: expected {{name: gradient}}")

    @property
    def floating(self) -> dict[str, Array]:
        """The inputs that have a gradient."""
        return {name: value for name, value in self.inputs.items() if is_floating(value)}

    def forward(self, **replaced: Any) -> Any:
        """The output with other inputs."""
        return self.layer.forward(*{**self.inputs, **replaced}.values(), **self.options)[0]

    def backward(self, d_output: Any) -> dict[str, Array]:
        """The gradients of another cotangent."""
        return self.layer.backward(d_output, self.saved)

    def cotangent(self) -> Any:
        """A random cotangent."""
        return mapped(lambda y: np.asarray(np.round(self.rng.normal(size=np.shape(y)), 3), self.dtype), self.output)

    def functional(self, name: str) -> Callable[[Array], float]:
        """The sum of the output's entries times the cotangent's, as a function of one input."""
        return lambda value: sum(float(np.sum(d * y)) for d, y in zip(
            parts(self.d_output), parts(self.forward(**{name: value})), strict=True
        ))  # fmt: skip


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
            if broken and promise in (numbers_given, gradients_complete):
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
        if one.says and (kink or not bound <= SHARP * scale):
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


# --------------------------------------------------------------------------------------------------------- promises


def numbers_given(trial: Trial) -> Iterator[str]:
    for part in parts(trial.output):
        if np.any(np.isnan(part)):
            yield f"it is NaN at {list(map(int, np.argwhere(np.isnan(part))[0]))}"


def gradients_complete(trial: Trial) -> Iterator[str]:
    missing, extra = set(trial.floating) - set(trial.gradients), set(trial.gradients) - set(trial.floating)
    if missing:
        yield f"none for {', '.join(sorted(missing))}"
    for name in sorted(extra):
        if name in trial.inputs:
            value = trial.inputs[name]
            holds = f"holds {value.dtype}" if isinstance(value, np.ndarray) else f"is {value!r}"
            yield f"one for {name}, which {holds}"
        else:
            yield f"one for {name}, which is {'an option' if name in trial.options else 'no input'}"
    for name in set(trial.floating) & set(trial.gradients):
        gradient, value = trial.gradients[name], trial.floating[name]
        if not isinstance(gradient, (np.ndarray, np.generic)):
            yield f"the gradient of {name} is {type(gradient).__name__}, no array"
        elif np.shape(gradient) != value.shape:
            yield f"the gradient of {name} has shape {np.shape(gradient)}, the input {value.shape}"
        elif not np.all(np.isfinite(gradient)):
            yield f"the gradient of {name} is not finite"


def types_kept(trial: Trial) -> Iterator[str]:
    results = {"the output": trial.output, **{f"the gradient of {name}": g for name, g in trial.gradients.items()}}
    for name, result in results.items():
        for part in parts(result):
            if np.asarray(part).dtype != trial.dtype:
                yield f"{name} holds {np.asarray(part).dtype}"


def backward_linear(trial: Trial) -> Iterator[str]:
    u, v = trial.d_output, trial.cotangent()
    both = trial.backward(_combined(2.0, u, -3.0, v))
    other = trial.backward(v)
    for name, gradient in trial.gradients.items():
        expected = 2.0 * gradient - 3.0 * other[name]
        size = 2.0 * _largest(gradient) + 3.0 * _largest(other[name])
        if not _close(both[name], expected, REORDERED[trial.dtype], size):
            yield f"the gradient of {name} is not linear in the cotangent"
    for factor in (0.0, 1e6):
        for name, gradient in trial.backward(_combined(factor, u, 0.0, v)).items():
            expected = factor * trial.gradients[name]
            if not _close(gradient, expected, REORDERED[trial.dtype], _largest(expected)):
                yield f"the gradient of {name} is not {factor:g} times as large where the cotangent is"


def nothing_written(trial: Trial) -> Iterator[str]:
    inputs, options = copy.deepcopy((trial.inputs, trial.options))
    output, saved = trial.layer.forward(*inputs.values(), **options)
    d_output = copy.deepcopy(trial.d_output)
    before = copy.deepcopy((output, saved))
    trial.layer.backward(d_output, saved)
    for what, now, then in (
        ("an input", inputs, trial.inputs),
        ("an option", options, trial.options),
        ("the cotangent", d_output, trial.d_output),
        ("the output", output, before[0]),
        ("what was saved", saved, before[1]),
    ):
        if not identical(now, then):
            yield f"{what} was written to"


def answers_repeat(trial: Trial) -> Iterator[str]:
    if not identical(trial.forward(), trial.output):
        yield "a second forward pass gives another output"
    if not identical(trial.backward(trial.d_output), trial.gradients):
        yield "a second backward pass gives other gradients"
    again = trial.layer.forward(*trial.inputs.values(), **trial.options)[1]
    trial.backward(trial.cotangent())
    if not identical(trial.layer.backward(trial.d_output, again), trial.gradients):
        yield "a backward pass between two others changes the second"


def memory_own(trial: Trial) -> Iterator[str]:
    given = [*trial.floating.items(), *((f"option {name}", value) for name, value in trial.options.items())]
    given = [(name, value) for name, value in given if isinstance(value, np.ndarray)]
    cotangents = [("the cotangent", part) for part in parts(trial.d_output)]
    several = len(parts(trial.output)) > 1
    outputs = [(f"output {k}" if several else "the output", part) for k, part in enumerate(parts(trial.output))]
    results = [(f"the gradient of {name}", gradient) for name, gradient in trial.gradients.items()]
    for name, result in (*outputs, *results):
        if isinstance(result, np.ndarray) and not result.flags.writeable:
            yield f"{name} is read-only"
        steps = zip(np.shape(result), np.asarray(result).strides, strict=True)
        if np.size(result) and any(size > 1 and not step for size, step in steps):
            yield f"{name} has entries that share memory"
    for k, (name, output) in enumerate(outputs):
        for other, value in (*given, *outputs[:k]):
            if np.shares_memory(output, value):
                yield f"{name} shares memory with {other}"
    for k, (name, gradient) in enumerate(results):
        for other, value in (*given, *cotangents, *outputs, *results[:k]):
            if np.shares_memory(gradient, value):
                yield f"{name} shares memory with {other}"


def any_memory_order(trial: Trial) -> Iterator[str]:
    for order, laid in LAYOUTS.items():
        arranged = partial(_laid, laid)
        inputs, options = map(arranged, trial.inputs.values()), {k: arranged(v) for k, v in trial.options.items()}
        output, saved = trial.layer.forward(*inputs, **options)
        gradients = trial.layer.backward(mapped(arranged, trial.d_output), saved)
        for one, other in zip(parts(output), parts(trial.output), strict=True):
            if not _close(one, other, REORDERED[trial.dtype], _largest(other)):
                yield f"{order} inputs change the output"
        for name, gradient in trial.gradients.items():
            if not _close(gradients[name], gradient, REORDERED[trial.dtype], _largest(gradient)):
                yield f"{order} inputs change the gradient of {name}"


def single_close_to_double(trial: Trial) -> Iterator[str]:
    if trial.dtype != "float32":
        return
    inputs = {name: _cast(value, "float64") for name, value in trial.inputs.items()}
    options = {name: _cast(value, "float64") for name, value in trial.options.items()}
    output, saved = trial.layer.forward(*inputs.values(), **options)
    gradients = trial.layer.backward(mapped(lambda d: d.astype("float64"), trial.d_output), saved)
    for one, other in zip(parts(trial.output), parts(output), strict=True):
        if not _close(one, other, SINGLE, _largest(other)):
            yield "the output is far from that in float64"
    for name, gradient in gradients.items():
        if not _close(trial.gradients[name], gradient, SINGLE, _largest(gradient)):
            yield f"the gradient of {name} is far from that in float64"


PROMISES: Mapping[str, Callable[[Trial], Iterator[str]]] = {
    "no output is NaN": numbers_given,
    "every input has a gradient of its shape": gradients_complete,
    "the type is kept": types_kept,
    "backward is linear": backward_linear,
    "nothing is written to": nothing_written,
    "a second call gives the same answer": answers_repeat,
    "results have memory of their own": memory_own,
    "any memory order is accepted": any_memory_order,
    "float32 is close to float64": single_close_to_double,
}


# ----------------------------------------------------------------------------------------------------------- arrays


def is_floating(value: object) -> bool:
    """Whether this is an array of floating-point numbers."""
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def parts(output: Any) -> Sequence[Array]:
    """The arrays of an output, of which there may be several."""
    return output if isinstance(output, tuple) else (output,)


def mapped(change: Callable[[Array], Array], output: Any) -> Any:
    """An output with every array changed."""
    return tuple(map(change, output)) if isinstance(output, tuple) else change(output)


def identical(one: Any, other: Any) -> bool:
    """Whether two nested results hold the same numbers, NaN included."""
    if isinstance(one, Mapping):
        return (
            isinstance(other, Mapping)
            and one.keys() == other.keys()
            and all(identical(one[k], other[k]) for k in one)
        )
    if isinstance(one, (tuple, list)):
        return isinstance(other, (tuple, list)) and len(one) == len(other) and all(map(identical, one, other))
    if isinstance(one, (np.ndarray, np.generic)):
        return np.array_equal(one, other, equal_nan=np.asarray(one).dtype.kind in "fc")
    if isinstance(one, float):
        return bool(one == other) or (one != one and other != other)
    if type(one) is not type(other):
        return False
    if is_dataclass(one) and not isinstance(one, type):
        return all(identical(getattr(one, part.name), getattr(other, part.name)) for part in fields(one))
    if hasattr(one, "__dict__") and not isinstance(one, (type, FunctionType)):
        return identical(vars(one), vars(other))
    # what is equal to itself alone, as a generator of random numbers is, says nothing of its copies
    equal: Any = type(one).__eq__
    return equal is object.__eq__ or bool(one == other)


def _laid(laid: Callable[[Array], Array], value: Any) -> Any:
    return laid(value) if isinstance(value, np.ndarray) else value


def _cast(value: Any, dtype: str) -> Any:
    return np.array(value, dtype) if is_floating(value) or isinstance(value, np.floating) else value


def _combined(a: float, u: Any, b: float, v: Any) -> Any:
    if isinstance(u, tuple):
        return tuple(_combined(a, one, b, other) for one, other in zip(u, v, strict=True))
    return (a * u + b * v).astype(u.dtype)


def _largest(value: Any) -> float:
    return float(np.max(np.abs(value), initial=0.0))


def _close(one: Any, other: Any, share: float, size: float) -> bool:
    with np.errstate(invalid="ignore"):
        apart = np.where(np.asarray(one) == other, 0.0, np.abs(np.asarray(one, float) - other))
    return bool(np.all(apart <= share * size + np.finfo(np.float32).tiny))
