"""Recurrent layers: unit by unit beside loops, a sequence in pieces, options that say the same, what is refused."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest

from verify.layer import Array, Case
from verify.layers import LAYERS, gru, lstm, rnn

RNG = np.random.default_rng(0)
N, T, D, H = 3, 4, 2, 5


def drawn(layer: Any, n: int = N, t: int = T, **options: Any) -> Case:
    return layer.drawn(np.random.default_rng(1), n, t, D, H, **options)


def first(output: Any) -> Array:
    return output[0] if isinstance(output, tuple) else output


# ------------------------------------------------------------------------------------------------- unit by unit


def sigma(a: float) -> float:
    return 1 / (1 + math.exp(-a))


def total(row: Array, W: Array, column: int) -> float:
    return sum(float(row[k]) * float(W[k, column]) for k in range(len(row)))


def test_rnn_unit_by_unit() -> None:
    for activation, phi in (("tanh", math.tanh), ("relu", lambda a: max(a, 0.0))):
        case = drawn(rnn, activation=activation)
        x, Wx, Wh, b, h0 = case.inputs
        y, _ = rnn.forward(*case.inputs, **case.options)
        for n in range(N):
            h = h0[n]
            for t in range(T):
                h = np.array([phi(total(x[n, t], Wx, k) + total(h, Wh, k) + b[k]) for k in range(H)])
                np.testing.assert_allclose(y[n, t], h, rtol=0, atol=1e-14)


def test_lstm_unit_by_unit() -> None:
    case = drawn(lstm)
    x, Wx, Wh, b, h0, c0 = case.inputs
    (y, last), _ = lstm.forward(*case.inputs)
    for n in range(N):
        h, c = h0[n], c0[n]
        for t in range(T):
            a = [total(x[n, t], Wx, k) + total(h, Wh, k) + b[k] for k in range(4 * H)]
            i, f, g, o = (a[k : k + H] for k in range(0, 4 * H, H))
            c = np.array([sigma(f[k]) * c[k] + sigma(i[k]) * math.tanh(g[k]) for k in range(H)])
            h = np.array([sigma(o[k]) * math.tanh(c[k]) for k in range(H)])
            np.testing.assert_allclose(y[n, t], h, rtol=0, atol=1e-14)
        np.testing.assert_allclose(last[n], c, rtol=0, atol=1e-14)


@pytest.mark.parametrize("update", ["old", "new"])
@pytest.mark.parametrize("reset", ["after", "before"])
def test_gru_unit_by_unit(reset: str, update: str) -> None:
    case = drawn(gru, reset=reset, update=update)
    x, Wx, Wh, b, bh, h0 = case.inputs
    y, _ = gru.forward(*case.inputs, **case.options)
    for n in range(N):
        h = h0[n]
        for t in range(T):
            a = [total(x[n, t], Wx, k) + b[k] for k in range(3 * H)]
            r = [sigma(a[k] + total(h, Wh, k) + bh[k]) for k in range(H)]
            z = [sigma(a[H + k] + total(h, Wh, H + k) + bh[H + k]) for k in range(H)]
            left = h * np.array(r)
            product = [
                r[k] * (total(h, Wh, 2 * H + k) + bh[2 * H + k])
                if reset == "after"
                else total(left, Wh, 2 * H + k) + bh[2 * H + k]
                for k in range(H)
            ]
            new = [math.tanh(a[2 * H + k] + product[k]) for k in range(H)]
            share = z if update == "old" else [1 - one for one in z]
            h = np.array([share[k] * h[k] + (1 - share[k]) * new[k] for k in range(H)])
            np.testing.assert_allclose(y[n, t], h, rtol=0, atol=1e-14)


# --------------------------------------------------------------------------------------------- a sequence in pieces


def test_the_second_half_continues_the_first() -> None:
    """Outputs and gradients of the whole, from two halves that hand on states and their cotangents."""
    case = drawn(lstm)
    x, Wx, Wh, b, h0, c0 = case.inputs
    (y, c), saved = lstm.forward(*case.inputs)
    d_y, d_c = RNG.normal(size=y.shape), RNG.normal(size=c.shape)
    whole = lstm.backward((d_y, d_c), saved)
    (y1, c1), saved1 = lstm.forward(x[:, :2], Wx, Wh, b, h0, c0)
    (y2, c2), saved2 = lstm.forward(x[:, 2:], Wx, Wh, b, y1[:, -1], c1)
    np.testing.assert_allclose(np.concatenate([y1, y2], axis=1), y, rtol=0, atol=1e-15)
    np.testing.assert_allclose(c2, c, rtol=0, atol=1e-15)
    second = lstm.backward((d_y[:, 2:], d_c), saved2)
    d_y1 = d_y[:, :2].copy()
    d_y1[:, -1] += second["h0"]
    early = lstm.backward((d_y1, second["c0"]), saved1)
    for name in ("Wx", "Wh", "b"):
        np.testing.assert_allclose(early[name] + second[name], whole[name], rtol=0, atol=1e-13)
    for name in ("h0", "c0"):
        np.testing.assert_allclose(early[name], whole[name], rtol=0, atol=1e-14)


@pytest.mark.parametrize("layer", [rnn, gru])
def test_states_continue_a_sequence(layer: Any) -> None:
    case = drawn(layer)
    whole, _ = layer.forward(*case.inputs)
    x, *parameters, h0 = case.inputs
    y1, _ = layer.forward(x[:, :1], *parameters, h0)
    y2, _ = layer.forward(x[:, 1:], *parameters, y1[:, -1])
    np.testing.assert_allclose(np.concatenate([y1, y2], axis=1), whole, rtol=0, atol=1e-15)


@pytest.mark.parametrize("layer", [rnn, lstm, gru])
def test_what_is_left_out_is_zero(layer: Any) -> None:
    case = drawn(layer)
    zeros = [one if k < 3 else np.zeros_like(one) for k, one in enumerate(case.inputs)]
    assert np.array_equal(first(layer.forward(*case.inputs[:3])[0]), first(layer.forward(*zeros)[0]))


def test_no_steps_leave_the_cell() -> None:
    case = drawn(lstm, t=0)
    (y, c), saved = lstm.forward(*case.inputs)
    assert y.shape == (N, 0, H)
    assert np.array_equal(c, case.inputs[5])
    d_c = RNG.normal(size=c.shape)
    assert np.array_equal(lstm.backward((y, d_c), saved)["c0"], d_c)


# ---------------------------------------------------------------------------------------- options that say the same


# as the docstring has them: PyTorch and Keras, then Keras' cells unrolled, TensorFlow 1, ONNX, Saitoh
@pytest.mark.parametrize("gates", ["ifgo", "ifog", "igfo", "iofg", "fgio"])
def test_lstm_gates_in_another_order(gates: str) -> None:
    x, Wx, Wh, b, h0, c0 = drawn(lstm).inputs
    order = np.concatenate([np.arange(H) + H * "ifgo".index(gate) for gate in gates])
    (y, c), saved = lstm.forward(x, Wx, Wh, b, h0, c0)
    (other, last), again = lstm.forward(x, Wx[:, order], Wh[:, order], b[order], h0, c0, gates=gates)
    np.testing.assert_allclose(other, y, rtol=0, atol=1e-15)
    np.testing.assert_allclose(last, c, rtol=0, atol=1e-15)
    d_output = RNG.normal(size=y.shape), RNG.normal(size=c.shape)
    gradients, found = lstm.backward(d_output, saved), lstm.backward(d_output, again)
    for name in ("Wx", "Wh", "b"):
        np.testing.assert_allclose(found[name], gradients[name][..., order], rtol=0, atol=1e-14)


def test_gru_update_gate_turned_round() -> None:
    """z and 1 - z change places where the update gate's weights change sign."""
    x, Wx, Wh, b, bh, h0 = drawn(gru).inputs
    sign = np.repeat([1.0, -1.0, 1.0], H)
    y, saved = gru.forward(x, Wx, Wh, b, bh, h0)
    other, again = gru.forward(x, Wx * sign, Wh * sign, b * sign, bh * sign, h0, update="new")
    np.testing.assert_allclose(other, y, rtol=0, atol=1e-15)
    d_y = RNG.normal(size=y.shape)
    gradients, found = gru.backward(d_y, saved), gru.backward(d_y, again)
    np.testing.assert_allclose(found["Wh"], gradients["Wh"] * sign, rtol=0, atol=1e-14)


@pytest.mark.parametrize("reset", ["after", "before"])
def test_gru_gates_in_another_order(reset: str) -> None:
    x, Wx, Wh, b, bh, h0 = drawn(gru).inputs
    order = np.concatenate([np.arange(H, 2 * H), np.arange(H), np.arange(2 * H, 3 * H)])
    y, _ = gru.forward(x, Wx, Wh, b, bh, h0, reset=reset)
    turned = (one[..., order] for one in (Wx, Wh, b, bh))
    np.testing.assert_allclose(
        gru.forward(x, *turned, h0, reset=reset, gates="zrn")[0], y, rtol=0, atol=1e-15
    )  # fmt: skip


def test_where_the_reset_gate_stands() -> None:
    """Before and after the product differ, but for gates that are open."""
    x, Wx, Wh, b, bh, h0 = drawn(gru).inputs
    both = [gru.forward(x, Wx, Wh, b, bh, h0, reset=reset)[0] for reset in ("before", "after")]
    assert np.max(np.abs(both[0] - both[1])) > 0.01
    opened = np.concatenate([np.full(H, 80.0), b[H:]])
    both = [gru.forward(x, Wx, Wh, opened, bh, h0, reset=reset)[0] for reset in ("before", "after")]
    np.testing.assert_allclose(both[0], both[1], rtol=0, atol=1e-14)


def test_two_biases_of_a_gru() -> None:
    """They are one bias where the reset gate stands before the product, else not in the candidate."""
    for reset in ("before", "after"):
        y, saved = gru.forward(*drawn(gru).inputs, reset=reset)
        gradients = gru.backward(RNG.normal(size=y.shape), saved)
        apart = np.abs(gradients["b"] - gradients["bh"])
        assert np.all(apart[: 2 * H] == 0)
        assert np.all(apart[2 * H :] == 0) == (reset == "before")


# ---------------------------------------------------------------------------------------------------------- extremes


def test_memory_fades_by_the_forget_gate() -> None:
    """A half, a hundred times: without weights every gate stands at sigma(0)."""
    x, c0 = np.zeros((1, 100, 1)), np.ones((1, 1))
    _, saved = lstm.forward(x, np.zeros((1, 4)), np.zeros((1, 4)), None, None, c0)
    gradients = lstm.backward((np.zeros((1, 100, 1)), np.ones((1, 1))), saved)
    assert gradients["c0"][0, 0] == 0.5**100


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_gates_driven_far(name: str, dtype: str) -> None:
    layer = LAYERS[name]
    x, *others = drawn({"rnn": rnn, "lstm": lstm, "gru": gru}[name]).inputs
    output, saved = layer.forward((900 * x).astype(dtype), *(one.astype(dtype) for one in others))
    y = first(output)
    assert np.all(np.isfinite(y))
    assert np.max(np.abs(y)) <= max(1.0, float(np.max(np.abs(others[-1]))))
    d_output = tuple(map(np.ones_like, output)) if isinstance(output, tuple) else np.ones_like(y)
    assert all(np.all(np.isfinite(gradient)) for gradient in layer.backward(d_output, saved).values())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("closed", [-14.0, -20.0, -40.0])
def test_gates_that_are_nearly_closed(closed: float, dtype: str) -> None:
    """What they let through has all its digits; 1 - (1 - gate), or 1/2 + tanh / 2, would have none."""
    x, W, within = np.ones((1, 1, 1)), np.array([[0.5, 0.5, 0.5, 0.5]]), {"rtol": 8 * np.finfo(dtype).eps}
    gate, candidate = math.exp(closed + 0.5) / (1 + math.exp(closed + 0.5)), math.tanh(0.5)
    for at in (0, 3):  # input, output
        b = np.zeros(4)
        b[at] = closed
        (h, c), saved = lstm.forward(*(one.astype(dtype) for one in (x, W, 0 * W, b)))
        open_ = 1 / (1 + math.exp(-0.5))
        cell = (gate if at == 0 else open_) * candidate
        expected = (gate if at == 3 else open_) * math.tanh(cell)
        np.testing.assert_allclose([c.item(), h.item()], [cell, expected], **within)
        d_b = lstm.backward((np.ones_like(h), np.zeros_like(c)), saved)["b"]
        np.testing.assert_allclose(d_b[at], expected * (1 if at == 3 else (1 - math.tanh(cell) ** 2)), rtol=1e-5)
    h, saved = gru.forward(
        *(one.astype(dtype) for one in (x, W[:, :3], 0 * W[:, :3], np.array([0.0, closed, 0.0]))), update="new"
    )
    np.testing.assert_allclose(h.item(), gate * candidate, **within)
    d_b = gru.backward(np.ones_like(h), saved)["b"]
    np.testing.assert_allclose(d_b[2], gate * (1 - candidate**2), **within)


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize(("d", "h"), [(0, 4), (3, 0), (0, 0)])
def test_nothing_in_a_row(name: str, d: int, h: int) -> None:
    gates = {"rnn": 1, "lstm": 4, "gru": 3}[name]
    layer = LAYERS[name]
    x, Wx, Wh = np.ones((2, 3, d)), np.ones((d, gates * h)), np.zeros((h, gates * h))
    output, saved = layer.forward(x, Wx, Wh, np.ones(gates * h))
    assert first(output).shape == (2, 3, h)
    d_output = tuple(map(np.ones_like, output)) if isinstance(output, tuple) else np.ones_like(output)
    found = layer.backward(d_output, saved)
    assert [found[key].shape for key in ("x", "Wx", "Wh", "b")] == [x.shape, Wx.shape, Wh.shape, (gates * h,)]


# ----------------------------------------------------------------------------------------------------------- refused


def arguments(name: str, **changed: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    layer = LAYERS[name]
    inputs = dict(zip(layer.inputs, drawn({"rnn": rnn, "lstm": lstm, "gru": gru}[name]).inputs, strict=True))
    options = {key: changed.pop(key) for key in tuple(changed) if key not in inputs}
    return tuple({**inputs, **changed}.values()), options


Z = np.zeros
REFUSED = [
    ("rnn", {"x": Z((3, 2))}, "x has shape (3, 2): expected (n, t, d), which has 3 axes"),
    ("rnn", {"Wx": Z((4, 5))}, "Wx has shape (4, 5): expected (d, h) with d = 2 as in x"),
    ("rnn", {"Wh": Z((5, 6))}, "Wh has shape (5, 6): expected (h, h) with h = 5 as in Wx"),
    ("rnn", {"b": Z(4)}, "b has shape (4,): expected (h,) with h = 5 as in Wx"),
    ("rnn", {"h0": Z((2, 5))}, "h0 has shape (2, 5): expected (n, h) with n = 3 as in x"),
    ("rnn", {"x": Z((3, 4, 2), int)}, "x holds int64: it is an array of floating-point numbers"),
    ("rnn", {"activation": "gelu"}, "activation is 'gelu': it is one of 'tanh', 'relu'"),
    ("lstm", {"Wx": Z((2, 18))}, "Wx has shape (2, 18): expected (d, 4h)"),
    ("lstm", {"Wh": Z((4, 20))}, "Wh has shape (4, 20): expected (h, 4h) with h = 5 as in Wx"),
    ("lstm", {"b": Z(5)}, "b has shape (5,): expected (4h,) with h = 5 as in Wx"),
    ("lstm", {"c0": Z((3, 4))}, "c0 has shape (3, 4): expected (n, h) with h = 5 as in Wx"),
    ("lstm", {"h0": Z(5)}, "h0 has shape (5,): expected (n, h), which has 2 axes"),
    ("lstm", {"Wh": Z((5, 20), "f")}, "Wh holds float32, x holds float64: convert one"),
    ("lstm", {"gates": "ifco"}, "gates is 'ifco': it is one of 'ifgo', 'ifog'"),
    ("gru", {"x": Z((3, 4, 1))}, "Wx has shape (2, 15): expected (d, 3h) with d = 1 as in x"),
    ("gru", {"bh": Z(5)}, "bh has shape (5,): expected (3h,) with h = 5 as in Wx"),
    ("gru", {"h0": Z((3, 1))}, "h0 has shape (3, 1): expected (n, h) with h = 5 as in Wx"),
    ("gru", {"reset": True}, "reset is True: it is one of 'after', 'before'"),
    ("gru", {"update": "z"}, "update is 'z': it is one of 'old', 'new'"),
    ("gru", {"gates": "nzr"}, "gates is 'nzr': it is one of 'rzn', 'zrn'"),
]


@pytest.mark.parametrize(("name", "changed", "said"), REFUSED, ids=[said for *_, said in REFUSED])
def test_refused(name: str, changed: dict[str, Any], said: str) -> None:
    inputs, options = arguments(name, **changed)
    with pytest.raises(ValueError, match="^" + re.escape(said)):
        LAYERS[name].forward(*inputs, **options)


def test_refused_cotangents() -> None:
    (y, c), saved = lstm.forward(*drawn(lstm).inputs)
    for d_output, said in (
        (y, "d_output is ndarray: expected a tuple of 2 arrays, one for each output"),
        ((y,), "d_output is 1 of them: expected a tuple of 2 arrays"),
        ((y, c[:1]), "d_output[1] has shape (1, 5), the output has shape (3, 5)"),
        ((y[:, :1], c), "d_output[0] has shape (3, 1, 5), the output has shape (3, 4, 5)"),
    ):
        with pytest.raises(ValueError, match="^" + re.escape(said)):
            lstm.backward(d_output, saved)
    y, saved = gru.forward(*drawn(gru).inputs)
    with pytest.raises(ValueError, match=re.escape("d_output has shape (3, 5), the output has shape (3, 4, 5)")):
        gru.backward(y[:, 0], saved)
