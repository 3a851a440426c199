"""Losses of networks on a flat vector: gradients and products are those of numerical differentiation, bounds hold."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from verify import numdiff
from verify.critical.losses.networks import Call, FlatLoss, apply, flat_loss
from verify.layer import Case, Layer
from verify.layers import (
    LAYERS,
    add,
    affine,
    avg_pool2d,
    batch_norm,
    conv2d,
    dropout,
    embedding,
    flatten,
    gelu,
    l2_reg,
    layer_norm,
    lstm,
    mse,
    multi_head_attention,
    relu,
    softmax_with_loss,
    sum,
    tanh,
)

Built = tuple[Call, dict[str, Any]]


def normal(*shape: int, seed: int = 0, scale: float = 1.0) -> Any:
    return np.random.default_rng([seed, *shape]).normal(scale=scale, size=shape)


# ---------------------------------------------------------------------------------------------------- architectures


def perceptron() -> Built:
    hidden = apply(tanh, apply(affine, normal(5, 3), "W1", "b1"))
    loss = apply(softmax_with_loss, apply(affine, hidden, "W2", "b2"), np.array([2, 0, 1, 1, 3]))
    return loss, {"W1": normal(3, 4), "b1": normal(4), "W2": normal(4, 4, seed=1), "b2": normal(4, seed=1)}


def convolutional() -> Built:
    images = apply(conv2d, normal(2, 2, 5, 6), "K", "c", padding=1)
    features = apply(flatten, apply(avg_pool2d, apply(gelu, images, approximate="tanh"), kernel=2))
    return apply(softmax_with_loss, apply(affine, features, "W"), np.array([1, 0])), {
        "K": normal(3, 2, 3, 3), "c": normal(3), "W": normal(18, 2, scale=0.3)}  # fmt: skip


def residual() -> Built:
    x = apply(affine, normal(4, 3), "W0")
    branch = apply(affine, apply(tanh, apply(layer_norm, x, "gamma", "beta")), "W1")
    return apply(mse, apply(add, x, branch), normal(4, 5, seed=7), half=True), {
        "W0": normal(3, 5), "gamma": normal(5, scale=0.4) + 1, "beta": normal(5), "W1": normal(5, 5)}  # fmt: skip


def shared_with_penalty() -> Built:
    x = apply(tanh, apply(affine, normal(6, 3), "W"))
    x = apply(tanh, apply(affine, x, "W"))
    fit = apply(mse, x, normal(6, 3, seed=3))
    return apply(add, fit, apply(l2_reg, "W", lam=0.3)), {"W": normal(3, 3)}


def recurrent() -> Built:
    words = apply(embedding, "E", np.array([[0, 2, 1], [3, 3, 0]]))
    states = apply(lstm, words, "Wx", "Wh", "b")
    twice = apply(add, apply(sum, states[0]), apply(mse, states[0], normal(2, 3, 2)))
    return apply(add, twice, apply(mse, states[1], normal(2, 2))), {
        "E": normal(4, 3), "Wx": normal(3, 8), "Wh": normal(2, 8), "b": normal(8)}  # fmt: skip


def normalised() -> Built:
    x = apply(batch_norm, apply(affine, normal(6, 3), "W"), "gamma", "beta")
    return apply(softmax_with_loss, apply(affine, apply(tanh, x), "V"), np.array([0, 1, 1, 0, 1, 1])), {
        "W": normal(3, 4), "gamma": normal(4), "beta": normal(4, seed=2), "V": normal(4, 2)}  # fmt: skip


def attending() -> Built:
    x = normal(2, 3, 4)
    names = ("Wq", "Wk", "Wv", "Wo")
    y = apply(multi_head_attention, x, *names, heads=2)
    return apply(mse, y, normal(2, 3, 4, seed=5)), {name: normal(4, 4, seed=k) for k, name in enumerate(names)}


ARCHITECTURES = (perceptron, convolutional, residual, shared_with_penalty, recurrent, normalised, attending)


@pytest.mark.parametrize("precision", ["auto", "double"])
@pytest.mark.parametrize("built", ARCHITECTURES)
def test_derivatives_are_those_of_numerical_differentiation(built: Callable[[], Built], precision: str) -> None:
    call, parameters = built()
    loss = flat_loss(call, parameters, precision=precision)
    agrees(loss, np.random.default_rng(11).normal(size=loss.dimension))


def agrees(loss: FlatLoss, v: Any) -> None:
    """The gradient is that of f, and the product that of the gradient, within the bounds of both.

    Numerical bounds hold nearly always, and twice they hold for all entries of these.
    """
    slope = numdiff.gradient(loss.f, loss.start, complex_step=False)
    there = loss.gradient(loss.start)
    assert np.all(np.abs(there - slope.value) <= 2 * slope.bound + 1e-13 * np.max(np.abs(there)))
    product = loss.product(loss.start, v)
    other = numdiff.jvp(loss.gradient, loss.start, v, complex_step=False)
    assert np.all(np.abs(product.value - other.value) <= product.bound + other.bound)
    # Both know it well: agreement says something.
    size = np.max(np.abs(other.value))
    assert np.max(other.bound) <= 1e-7 * size
    assert np.max(product.bound) <= (1e-12 if loss.precision == "extended" else 1e-7) * size
    assert np.array_equal(loss.hvp(loss.start, v), product.value)


# ---------------------------------------------------------------------------------------------------- every layer


@pytest.mark.parametrize("name", list(LAYERS))
def test_every_layer_goes_into_a_network(name: str) -> None:
    """Inputs with floating-point numbers are parameters; outputs are compared with random targets."""
    layer = LAYERS[name]
    case = layer.case("sample 0")
    output, saved = layer.forward(*case.inputs, **case.options)
    outputs = output if isinstance(output, tuple) else (output,)
    ones = [np.ones_like(one) for one in outputs]
    moved = layer.backward(tuple(ones) if isinstance(output, tuple) else ones[0], saved)
    parameters = {
        one: value for one, value in zip(layer.inputs, case.inputs, strict=False) if moved.get(one) is not None
    }
    inputs = [one if one in parameters else value for one, value in zip(layer.inputs, case.inputs, strict=False)]
    call = apply(layer, *inputs, **case.options)
    parts = [call[k] for k in range(len(outputs))] if isinstance(output, tuple) else [call]
    losses = [apply(mse, apply(tanh, part), normal(*np.shape(one))) for part, one in zip(parts, outputs, strict=True)]
    total = losses[0]
    for loss in losses[1:]:
        total = apply(add, total, loss)
    flat = flat_loss(total, parameters)
    v = np.random.default_rng(3).normal(size=flat.dimension)
    there, zeros = flat.gradient(flat.start), flat.unpack(np.zeros(flat.dimension))
    for one, part in flat.unpack(v).items():
        along = flat.pack({**zeros, one: part})
        slope = numdiff.jvp(flat.f, flat.start, along, complex_step=False)
        assert slope.bound < 1e-3 * np.linalg.norm(there) * np.linalg.norm(along)
        assert abs(there @ along - slope.value) <= slope.bound + 1e-13 * np.abs(there) @ np.abs(along)
    product = flat.product(flat.start, v)
    other = numdiff.jvp(flat.gradient, flat.start, v, complex_step=False)
    size = np.max(np.abs(other.value))
    # In saturated units float64 has lost the digits that are differenced.
    assert np.all(np.abs(product.value - other.value) <= product.bound + other.bound + 1e-8 * size)
    assert np.all(product.bound <= 1e-5 * size)


# ---------------------------------------------------------------------------------------------------- the flat vector


def test_parameters_by_name_and_in_one_row() -> None:
    loss = flat_loss(*residual())
    parameters = residual()[1]
    assert loss.dimension == 15 + 5 + 5 + 25 == len(loss.names) == len(loss.start)
    assert loss.names[:2] == ("W0[0, 0]", "W0[0, 1]")
    assert loss.names[15] == "gamma[0]"
    assert {name: part.tolist() for name, part in loss.unpack(loss.start).items()} == {
        name: array.tolist() for name, array in parameters.items()
    }
    assert np.array_equal(loss.pack(dict(reversed(parameters.items()))), loss.start)
    x = normal(loss.dimension)
    assert np.array_equal(loss.pack(loss.unpack(x)), x)
    loss.unpack(x)["W0"][:] = 0
    assert np.array_equal(loss.pack(loss.unpack(x)), x)


def test_a_number_is_a_parameter() -> None:
    loss = flat_loss(apply(l2_reg, "w", lam=3.0), {"w": np.array(2.0)})
    assert loss.names == ("w",)
    assert loss.f([2.0]) == pytest.approx(6.0)
    assert loss.hvp([2.0], [1.0]) == pytest.approx([3.0], rel=1e-14)


def test_a_shared_parameter_gets_the_sum() -> None:
    """As if there were two that are moved together."""
    X, Y = normal(5, 3), normal(5, 3, seed=1)

    def made(first: str, second: str) -> Call:
        return apply(mse, apply(affine, apply(tanh, apply(affine, X, first)), second), Y)

    W, v = normal(3, 3), normal(9)
    one, two = flat_loss(made("W", "W"), {"W": W}), flat_loss(made("W", "V"), {"W": W, "V": W})
    assert one.gradient(one.start) == pytest.approx(two.gradient(two.start).reshape(2, 9).sum(axis=0), rel=1e-13)
    both = two.hvp(two.start, np.concatenate([v, v])).reshape(2, 9).sum(axis=0)
    assert one.hvp(one.start, v) == pytest.approx(both, rel=1e-12)


def test_an_output_that_is_used_twice_is_computed_once() -> None:
    calls = []

    def forward(x: Any) -> Any:
        calls.append(1)
        return 2 * x, None

    double = Layer(forward=forward, backward=lambda d, saved: {"x": 2 * d}, sample=lambda rng: Case(1.0), formula="")
    once = apply(double, "W")
    loss = flat_loss(apply(mse, apply(affine, once, once), normal(3, 3)), {"W": normal(3, 3)})
    before = len(calls)
    loss.f(loss.start)
    assert len(calls) == before + 1


def test_nothing_of_the_user_is_changed_or_kept() -> None:
    X, W = normal(4, 3), normal(3, 2)
    loss = flat_loss(apply(mse, apply(affine, X, "W"), normal(4, 2)), {"W": W})
    before = loss.f(loss.start)
    x = loss.start.copy()
    loss.hvp(x, np.ones(6))
    assert np.array_equal(x, W.ravel())
    X[:], W[:] = 0, 0
    assert loss.f(x) == before


def test_a_loss_travels_to_another_process() -> None:
    loss = flat_loss(*recurrent())
    other = pickle.loads(pickle.dumps(loss))
    v = normal(loss.dimension)
    assert other.f(loss.start) == loss.f(loss.start)
    assert np.array_equal(other.hvp(loss.start, v), loss.hvp(loss.start, v))


def test_products_do_not_depend_on_what_was_asked_before() -> None:
    v, loss = normal(36), flat_loss(*perceptron())
    fresh = loss.hvp(loss.start, v)
    loss.hvp(loss.start + 1, v)
    assert np.array_equal(loss.hvp(loss.start, v), fresh)


def test_where_the_network_overflows_the_loss_is_not_finite() -> None:
    call = apply(mse, apply(affine, 1e5 * normal(3, 2), "W"), normal(3, 1))
    loss = flat_loss(call, {"W": normal(2, 1)}, precision="double")
    assert loss.f(np.full(2, 1e200)) == np.inf
    product = loss.product(np.full(2, 1e308), np.ones(2))
    assert not np.any(np.isfinite(product.bound))


# ---------------------------------------------------------------------------------------------------- bad input

X, W, T = normal(4, 3), normal(3, 2), normal(4, 2)
FIT = apply(mse, apply(affine, X, "W"), T)

REFUSED = {
    "layers that do not fit": (
        lambda: flat_loss(apply(mse, apply(affine, apply(tanh, apply(affine, X, "W")), "V"), T), {"W": W, "V": W}),
        r"layer 3 of 4, affine\(tanh, 'V'\): W has shape \(3, 2\): expected \(d, c\) with d = 2 as in x",
    ),
    "integers as parameters": (
        lambda: flat_loss(FIT, {"W": np.ones((3, 2), int)}),
        r"parameter 'W' holds int64, expected floating-point numbers: convert it with \.astype\(float\)",
    ),
    "complex parameters": (lambda: flat_loss(FIT, {"W": W * 1j}), "parameter 'W' holds complex128.*must be real"),
    "a parameter that is NaN": (
        lambda: flat_loss(FIT, {"W": np.where(W[1, 0] == W, np.nan, W)}),
        r"parameter 'W' holds nan at \[1, 0\]: expected finite numbers",
    ),
    "data that are infinite": (
        lambda: flat_loss(apply(mse, apply(affine, X, "W"), T / 0.0), {"W": W}),
        r"layer 2 of 2, mse\(affine, \(4, 2\)\): targets holds -?inf at \[0, 0\]",
    ),
    "an output that is infinite": (
        lambda: flat_loss(apply(mse, apply(affine, X * 1e200, "W"), T), {"W": W * 1e200}),
        r"layer 1 of 2, affine\(\(4, 3\), 'W'\): the output is not finite at the parameters that are given",
    ),
    "a parameter that is missing": (
        lambda: flat_loss(apply(mse, apply(affine, X, "W", "b"), T), {"W": W}),
        r"no parameter 'b' is given; given are \['W'\]",
    ),
    "a parameter that is not used": (
        lambda: flat_loss(FIT, {"W": W, "b": T}),
        "parameter 'b' goes into no layer: name it in a call, or leave it out",
    ),
    "no parameters": (lambda: flat_loss(FIT, {}), "expected names with their arrays, at least one"),
    "parameters without numbers": (
        lambda: flat_loss(apply(mse, apply(affine, X[:, :0], "W"), T), {"W": W[:0]}),
        "the parameters hold no number at all",
    ),
    "a loss that is no number": (
        lambda: flat_loss(apply(mse, apply(affine, X, "W"), T, reduction="none"), {"W": W}),
        r"the loss, mse\(affine, \(4, 2\)\), has shape \(4, 2\): expected one number; take reduction='mean' or 'sum'",
    ),
    "a loss that is no loss": (
        lambda: flat_loss(apply(affine, X, "W"), {"W": W}),
        r"has shape \(4, 2\): expected one number; sum it",
    ),
    "an array for a loss": (lambda: flat_loss(T, {"W": W}), "loss is ndarray: expected a call"),  # type: ignore[arg-type]
    "an unknown layer": (lambda: apply("afine", X, "W"), "there is no layer 'afine'; did you mean affine"),
    "no layer": (lambda: apply(np.tanh, X), "expected a Layer, a module of verify.layers, or a name in LAYERS"),  # type: ignore[arg-type]
    "too many inputs": (lambda: apply(tanh, X, "W"), "tanh got 2 inputs, it has 1: x"),
    "an unknown option": (
        lambda: apply(mse, X, T, reduce="sum"),
        "mse has no option 'reduce'; its options are: reduction, half",
    ),
    "one of several outputs, not said which": (
        lambda: flat_loss(apply(sum, apply(lstm, normal(2, 3, 4), "Wx", "Wh")), {
            "Wx": normal(4, 8), "Wh": normal(2, 8)}),
        r"lstm\(\(2, 3, 4\), 'Wx', 'Wh'\) has 2 outputs: take one, as call\[0\]",
    ),
    "an output that is not there": (
        lambda: flat_loss(apply(sum, apply(affine, X, "W")[1]), {"W": W}),
        r"affine\(\(4, 3\), 'W'\)\[1\]: the layer has one output",
    ),
    "no gradient for a parameter": (
        lambda: flat_loss(apply(sum, apply(BLOCKED, "W")), {"W": W}),
        r"layer 1 of 2, .*\('W'\): no gradient reaches 'W', which goes in as x",
    ),
    "noise": (lambda: flat_loss(apply(sum, apply(NOISY, "W")), {"W": W}), "the loss changes from call to call"),
    "an unknown precision": (lambda: flat_loss(FIT, {"W": W}, precision="half"), "precision is 'half': it is one of"),
    "x of another length": (
        lambda: flat_loss(FIT, {"W": W}).f(np.ones(5)),
        r"x has shape \(5,\): expected \(6,\), as pack makes it of parameters",
    ),
    "x that is NaN": (lambda: flat_loss(FIT, {"W": W}).gradient(np.full(6, np.nan)), r"x holds nan at \[0\]"),
    "v that is infinite": (
        lambda: flat_loss(FIT, {"W": W}).hvp(np.ones(6), np.full(6, np.inf)),
        r"v holds inf at \[0\]: expected finite numbers",
    ),
    "complex x": (lambda: flat_loss(FIT, {"W": W}).f(np.ones(6) * 1j), "x holds complex128: expected real numbers"),
    "packing what does not fit": (
        lambda: flat_loss(FIT, {"W": W}).pack({"W": W.T}),
        r"W has shape \(2, 3\): expected \(3, 2\)",
    ),
    "packing something else": (
        lambda: flat_loss(FIT, {"W": W}).pack({"V": W}),
        r"parameters has \['V'\]: expected \['W'\]",
    ),
}  # fmt: skip

BLOCKED = Layer(forward=lambda x: (x, None), backward=lambda d, saved: {}, sample=lambda rng: Case(1.0), formula="")
RNG = np.random.default_rng(0)
NOISY = Layer(
    forward=lambda x: (x + RNG.normal(size=x.shape).astype(x.dtype), None),
    backward=lambda d, saved: {"x": d},
    sample=lambda rng: Case(1.0),
    formula="",
)


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
def test_what_makes_no_sense_is_refused(case: str) -> None:
    call, said = REFUSED[case]
    with pytest.raises(ValueError, match=said):
        call()


def test_outputs_are_not_unpacked() -> None:
    with pytest.raises(TypeError, match=r"are taken by number: call\[0\]"):
        _, _ = apply(lstm, normal(2, 3, 4), "Wx", "Wh")


def test_a_layer_with_a_fixed_seed_is_no_noise() -> None:
    hidden = apply(dropout, apply(relu, apply(affine, X, "W1")), p=0.4, seed=5)
    loss = flat_loss(apply(mse, apply(affine, hidden, "W2"), T), {"W1": normal(3, 5), "W2": normal(5, 2)})
    agrees(loss, normal(loss.dimension))
