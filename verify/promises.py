"""What every layer promises, whatever it computes: its contract.

Data: ``PROMISES``, by their names; each is a function of a ``Trial``, and yields what is said of where it is broken.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import partial
from types import FunctionType
from typing import Any

import numpy as np

from verify.backward_pass.cotangents import LAYOUTS
from verify.layer import Array
from verify.trial import Trial, cast, mapped, parts

__all__ = ["ESSENTIAL", "PROMISES", "identical"]

# float32 beside float64, relative to the largest entry.
SINGLE = 2e-3
# The same sums in another order.
REORDERED = {"float64": 1e-10, "float32": 2e-3}


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
    inputs = {name: cast(value, "float64") for name, value in trial.inputs.items()}
    options = {name: cast(value, "float64") for name, value in trial.options.items()}
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

# Without these, nothing else can be judged.
ESSENTIAL = (numbers_given, gradients_complete)


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
