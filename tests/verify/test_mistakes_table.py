"""The table of mistakes: what is called wrong is wrong, in the inputs that it names; what is called right is not."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from tests.beside import mistakes
from verify.layers import LAYERS

MISTAKES, CORRECT = mistakes().MISTAKES, mistakes().CORRECT

KINDS = {
    *("scale", "sign", "axis", "path", "index", "stats", "mask", "gate", "accumulate", "ties", "cache"),
    *("cotangent", "subtle", "local", "region", "precision", "contract"),
}

# Those that one call with a random cotangent does not show, and what does.
SHOWN_BY: Mapping[str, str] = {
    "conv2d: the cotangent is read in the order of its memory": "a cotangent in Fortran order",
    "rnn: gradients beyond ±20 are clipped on the way back": "a large cotangent",
    "rnn: the slopes are written over saved states": "a second call",
    "scaled_dot_product_attention: the weights saved are multiplied in their memory": "a second call",
    "mse: the difference is scaled in its memory": "a second call",
    "softmax_with_loss: the exponentials saved are scaled in their memory": "a second call",
    "batch_norm: the deviation of the first call is kept": "a second call",
    "layer_norm: saved numbers are changed in their memory": "a second call",
    "relu: nothing passes above 6": "inputs eight times as large",
    "relu: the mask is that of the first call of this shape": "a second call",
    "tanh: the square is written over the saved output": "a second call",
    "tanh: every call returns the same memory": "the first result after a second call",
    "tanh: a second forward pass writes over what the first one saved": "a second forward pass",
    "softmax: the product is written over the saved probabilities": "a second call",
    "mul: the factor is read from a global that the first call set": "a second call",
    "affine: the cotangent is read in the order of its memory": "a cotangent in Fortran order",
    "affine: gradients of the weights add up from call to call": "a second call",
    "flatten: the cotangent is read in the order of its memory": "a cotangent in Fortran order",
    "dropout: the gradient is written over the saved factor": "a second call",
    "highway_block: the slope of the activation is that of the first call": "a second call",
}


def positions(one: Any) -> dict[str, int]:
    """Where forward's positional parameters stand."""
    parameters = inspect.signature(one.forward).parameters.values()
    return {each.name: k for k, each in enumerate(p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD)}


def by_position(one: Any, gradients: Any) -> dict[int | str, Any]:
    """The gradients that were returned, by the positions of their inputs."""
    if isinstance(gradients, dict):
        where = positions(one)
        return {where.get(name, name): gradient for name, gradient in gradients.items()}
    return {k: gradient for k, gradient in enumerate(gradients) if gradient is not None}


def called(one: Any, backward: Callable[..., Any], inputs: Any, d_output: Any, saved: Any) -> dict[int | str, Any]:
    """The gradients that a backward pass returns."""
    with np.errstate(all="ignore"):
        gradients = backward(d_output, saved) if one.saved else backward(d_output, *inputs)
    return by_position(one, gradients)


def run(one: Any, inputs: Any) -> tuple[Any, Any]:
    """The output, and what was saved."""
    return one.forward(*inputs) if one.saved else (one.forward(*inputs), None)


def cotangent_like(rng: np.random.Generator, output: Any, order: str = "C") -> Any:
    """Normal numbers of both signs, one for each entry of the output."""
    if isinstance(output, tuple):
        return tuple(cotangent_like(rng, part, order) for part in output)
    return np.asarray(rng.normal(size=np.shape(output)), np.asarray(output).dtype, order=order)


def copied(value: Any) -> Any:
    """Arrays and tuples of them in memory of their own, in the same layout."""
    if isinstance(value, tuple):
        return tuple(map(copied, value))
    return value.copy(order="K") if isinstance(value, np.ndarray) else value


def arrays_in(value: Any) -> list[np.ndarray]:
    """All arrays in a tuple of tuples."""
    if isinstance(value, tuple):
        return [array for part in value for array in arrays_in(part)]
    return [value] if isinstance(value, np.ndarray) else []


def differ(got: Any, expected: Any) -> bool:
    """Whether two gradients are not the same, beyond rounding."""
    got = np.asarray(got)
    if got.shape != expected.shape or got.dtype != expected.dtype:
        return True
    if not got.size:
        return False
    bound = 1e-9 * np.abs(expected) + 1e-13 * np.abs(expected).max()
    return not bool(np.all(np.abs(got - expected) <= bound))


def faults(one: Any, inputs: Any, d_output: Any, saved: Any, right: Any) -> set[int | str | None]:
    """The positions of the gradients that are wrong, None where no single input is concerned."""
    given, cotangent = copied(inputs), copied(d_output)
    before = [*arrays_in(given), *arrays_in(cotangent)]
    try:
        got = called(one, one.backward, given, cotangent, saved)
    except Exception:
        return {None}
    wrong: set[int | str | None] = set(got) ^ set(right)
    wrong |= {k for k in set(got) & set(right) if differ(got[k], right[k])}
    wrong |= {k for k, g in got.items() for other in before if np.shares_memory(g, other)}
    changed = zip(before, [*arrays_in(inputs), *arrays_in(d_output)], strict=True)
    return wrong | {None for now, then in changed if not np.array_equal(now, then, equal_nan=True)}


def shown(one: Any, by: str) -> set[int | str | None]:
    """What is wrong, in this way of looking for it."""
    rng = np.random.default_rng(7)
    inputs = one.draw()
    if by == "inputs eight times as large":
        inputs = tuple(8 * x if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x for x in inputs)
    output, saved = run(one, inputs)
    d_output = cotangent_like(rng, output, "F" if by == "a cotangent in Fortran order" else "C")
    if by == "a large cotangent":
        d_output = 100 * d_output
    if by == "a second call":
        right = copied_gradients(called(one, one.right, inputs, d_output, run(one, inputs)[1]))
        found = faults(one, copied(inputs), d_output, saved, right)
        other = one.draw(1)
        elsewhere, saved_there = run(one, other)
        d_elsewhere = cotangent_like(rng, elsewhere)
        right_there = copied_gradients(called(one, one.right, other, d_elsewhere, run(one, other)[1]))
        found |= faults(one, copied(other), d_elsewhere, saved_there, right_there)
        return found | faults(one, copied(inputs), d_output, saved, right)
    # Once more, for what was saved may be changed, or be one array with the inputs.
    right = copied_gradients(called(one, one.right, inputs, d_output, run(one, inputs)[1]))
    if by == "the first result after a second call":
        first = called(one, one.backward, inputs, d_output, saved)
        called(one, one.backward, inputs, cotangent_like(rng, output), saved)
        return {k for k, g in first.items() if differ(g, right[k])}
    if by == "a second forward pass":
        run(one, one.draw(1))
        return faults(one, inputs, d_output, saved, right)
    given = copied(inputs)
    return faults(one, given, d_output, run(one, given)[1], right)


def copied_gradients(gradients: Mapping[Any, Any]) -> dict[Any, Any]:
    return {name: np.array(gradient) for name, gradient in gradients.items()}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_shows(name: str) -> None:
    one = MISTAKES[name]
    assert shown(one, SHOWN_BY.get(name, "one call")) == set([None] if one.culprits is None else one.culprits)


def test_what_needs_a_special_way_is_there() -> None:
    assert set(SHOWN_BY) <= set(MISTAKES)


@pytest.mark.parametrize("name", MISTAKES)
def test_the_right_pass_beside_a_mistake_is_right(name: str) -> None:
    one = MISTAKES[name]
    check_contract(one, one.right)


@pytest.mark.parametrize("name", CORRECT)
def test_a_right_pass_keeps_the_contract(name: str) -> None:
    check_contract(CORRECT[name], CORRECT[name].backward)


def check_contract(one: Any, backward: Callable[..., Any]) -> None:
    inputs = one.draw()
    output, saved = run(one, inputs)
    d_output = cotangent_like(np.random.default_rng(7), output)
    before = copied(inputs), copied(d_output)
    gradients = called(one, backward, inputs, d_output, saved)
    floats = {k for k, x in enumerate(inputs) if isinstance(x, np.ndarray) and x.dtype.kind == "f"}
    assert gradients
    assert set(gradients) <= floats
    for k, gradient in gradients.items():
        assert gradient.shape == inputs[k].shape
        assert gradient.dtype == inputs[k].dtype
        assert np.all(np.isfinite(gradient))
    for now, then in zip(arrays_in((inputs, d_output)), arrays_in(before), strict=True):
        np.testing.assert_array_equal(now, then)
    again = called(one, backward, inputs, d_output, saved)
    assert not any(differ(again[k], gradients[k]) for k in gradients)


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_small_and_its_kind_is_known(name: str) -> None:
    one = MISTAKES[name]
    assert one.kind in KINDS
    assert set(one.or_kind) <= KINDS - {one.kind}
    assert all(x.size < 150 for x in arrays_in(one.draw()))
    for a, b in zip(arrays_in(one.draw(3)), arrays_in(one.draw(3)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_every_layer_and_every_kind_occurs() -> None:
    layers = Counter(name.split(":")[0] for name in MISTAKES)
    assert {name: layers[name] for name in LAYERS if layers[name] < 4} == {}
    kinds = Counter(one.kind for one in MISTAKES.values())
    assert {kind: kinds[kind] for kind in KINDS if kinds[kind] < 8} == {}
    assert len(MISTAKES) >= 200
    assert len(CORRECT) >= 40
