"""Sums, products, copies and shapes: beside naive loops and NumPy, adjointness, refusals."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from verify.layer import normal
from verify.layers import LAYERS, add, affine, flatten, matmul, mul, repeat
from verify.layers import sum as sum_

RNG = np.random.default_rng(5)


def called(layer: Any, *inputs: Any, **options: Any) -> tuple[Any, Any, dict[str, Any]]:
    """The output, a cotangent and the gradients."""
    y, saved = layer.forward(*inputs, **options)
    d_y = normal(RNG, *y.shape)
    return y, d_y, layer.backward(d_y, saved)


def close(one: Any, other: Any) -> None:
    np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


# -------------------------------------------------------------------------------------------- beside naive loops


def source(place: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Where an entry of a broadcast array comes from."""
    return tuple(0 if size == 1 else k for k, size in zip(place[len(place) - len(shape) :], shape, strict=True))


@pytest.mark.parametrize("name", ["add", "mul"])
@pytest.mark.parametrize("case", LAYERS["add"].cases)
def test_broadcasting_by_loops(name: str, case: str) -> None:
    x, y = LAYERS[name].case(case).inputs
    z, d_z, gradients = called(LAYERS[name], x, y)
    assert z.shape == np.broadcast_shapes(x.shape, y.shape)
    d_x, d_y = np.zeros_like(x), np.zeros_like(y)
    for place in np.ndindex(z.shape):
        at_x, at_y = source(place, x.shape), source(place, y.shape)
        expected = x[at_x] + y[at_y] if name == "add" else x[at_x] * y[at_y]
        assert z[place] == expected
        d_x[at_x] += d_z[place] * (1 if name == "add" else y[at_y])
        d_y[at_y] += d_z[place] * (1 if name == "add" else x[at_x])
    close(gradients["x"], d_x)
    close(gradients["y"], d_y)


@pytest.mark.parametrize("case", ["sample 0", "sample 1", "sample 2", "sample 3", "sample 4", *matmul.LAYER.cases])
def test_matmul_by_loops_and_as_numpy(case: str) -> None:
    x, W = matmul.LAYER.case(case).inputs
    y, d_y, gradients = called(matmul, x, W)
    expected = np.matmul(x, W)
    assert y.shape == expected.shape
    close(y, expected)
    row, column = x.ndim == 1, W.ndim == 1
    X, M = (x[None] if row else x), (W[:, None] if column else W)
    batch = np.broadcast_shapes(X.shape[:-2], M.shape[:-2])
    n, k, m = *X.shape[-2:], M.shape[-1]
    Y, D = np.zeros((*batch, n, m)), d_y.reshape(*batch, n, m)
    d_X, d_M = np.zeros_like(X), np.zeros_like(M)
    for b in np.ndindex(batch):
        at_x, at_W = source(b, X.shape[:-2]), source(b, M.shape[:-2])
        for i, l, j in np.ndindex(n, k, m):
            Y[(*b, i, j)] += X[(*at_x, i, l)] * M[(*at_W, l, j)]
            d_X[(*at_x, i, l)] += D[(*b, i, j)] * M[(*at_W, l, j)]
            d_M[(*at_W, l, j)] += D[(*b, i, j)] * X[(*at_x, i, l)]
    close(y, Y.reshape(y.shape))
    close(gradients["x"], d_X.reshape(x.shape))
    close(gradients["W"], d_M.reshape(W.shape))


def test_matmul_is_affine_without_bias() -> None:
    x, W = normal(RNG, 2, 3, 4), normal(RNG, 4, 5)
    y, d_y, gradients = called(matmul, x, W)
    other, saved = affine.forward(x, W)
    close(y, other)
    for name, gradient in affine.backward(d_y, saved).items():
        close(gradients[name], gradient)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [None, 0, 1, -1, (0, 2), (2, 0), (-2,), (), (0, 1, 2)])
def test_sum_by_loops(axis: Any, keepdims: bool) -> None:
    x = normal(RNG, 2, 3, 4)
    y, d_y, gradients = called(sum_, x, axis=axis, keepdims=keepdims)
    summed = range(3) if axis is None else [one % 3 for one in ((axis,) if isinstance(axis, int) else axis)]
    total = np.zeros([1 if k in summed else size for k, size in enumerate(x.shape)])
    d_x = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        at = tuple(0 if k in summed else i for k, i in enumerate(place))
        total[at] += x[place]
        d_x[place] = d_y.reshape(total.shape)[at]
    assert y.shape == (total.shape if keepdims else tuple(s for k, s in enumerate(x.shape) if k not in summed))
    close(y, total.reshape(y.shape))
    assert np.array_equal(gradients["x"], d_x)


# ------------------------------------------------------------------------------------------------- closed examples


def test_apples_and_oranges() -> None:
    """Saitoh (2016), figure 5-17: two apples at 100, three oranges at 150, ten percent tax."""
    apples, saved_apples = mul.forward(np.array(2.0), np.array(100.0))
    oranges, saved_oranges = mul.forward(np.array(3.0), np.array(150.0))
    both, saved_both = add.forward(apples, oranges)
    price, saved_price = mul.forward(both, np.array(1.1))
    assert price == pytest.approx(715)
    d_price = mul.backward(np.array(1.0), saved_price)
    d_both = add.backward(d_price["x"], saved_both)
    d_apples, d_oranges = mul.backward(d_both["x"], saved_apples), mul.backward(d_both["y"], saved_oranges)
    assert d_price["y"] == pytest.approx(650)
    assert (d_apples["x"], d_apples["y"]) == (pytest.approx(110), pytest.approx(2.2))
    assert (d_oranges["x"], d_oranges["y"]) == (pytest.approx(165), pytest.approx(3.3))


def test_a_number_takes_the_type_of_the_array() -> None:
    for layer in (add, mul):
        z, saved = layer.forward(np.ones(3, np.float32), 2.0)
        assert z.dtype == np.float32
        assert layer.backward(np.ones(3), saved)["y"].dtype == np.float32


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_repeat_as_numpy(axis: int) -> None:
    x = normal(RNG, 3, 2)
    along: dict[str, Callable[[Any], Any]] = {
        "new": lambda x: np.stack([x] * 4, axis=axis),
        "each": lambda x: np.repeat(x, 4, axis=axis),
        "whole": lambda x: np.concatenate([x] * 4, axis=axis),
    }
    for name, numpy in along.items():
        y, d_y, gradients = called(repeat, x, n=4, axis=axis, along=name)
        assert np.array_equal(y, numpy(x)), name
        expected = np.zeros(x.size)
        np.add.at(expected, numpy(np.arange(x.size).reshape(x.shape)).ravel(), d_y.ravel())
        close(gradients["x"], expected.reshape(x.shape))


def test_repeat_of_the_docstring() -> None:
    x = np.array([1.0, 2.0])
    assert repeat.forward(x, n=2)[0].tolist() == [[1, 2], [1, 2]]
    assert repeat.forward(x, n=2, along="each")[0].tolist() == [1, 1, 2, 2]
    assert repeat.forward(x, n=2, along="whole")[0].tolist() == [1, 2, 1, 2]


def test_repeat_and_sum_are_adjoint() -> None:
    x, Y = normal(RNG, 4, 3), normal(RNG, 5, 4, 3)
    copies, saved = repeat.forward(x, n=5)
    total, saved_sum = sum_.forward(Y, axis=0)
    assert np.vdot(copies, Y) == pytest.approx(np.vdot(x, total), rel=1e-13)
    close(repeat.backward(Y, saved)["x"], total)
    assert np.array_equal(sum_.backward(x, saved_sum)["x"], copies)


def test_branches_add() -> None:
    """x + x: what leaves an array twice comes back as a sum."""
    x, d_z = normal(RNG, 2, 3), normal(RNG, 2, 3)
    gradients = add.backward(d_z, add.forward(x, x)[1])
    close(gradients["x"] + gradients["y"], 2 * d_z)


@pytest.mark.parametrize("order", ["C", "F"])
def test_flatten_counts_the_last_index_fastest(order: Any) -> None:
    x = np.array(normal(RNG, 2, 3, 4, 5), order=order)
    y, d_y, gradients = called(flatten, x)
    assert y.shape == (2, 60)
    for n, c, h, w in np.ndindex(x.shape):
        assert y[n, (c * 4 + h) * 5 + w] == x[n, c, h, w]
        assert gradients["x"][n, c, h, w] == d_y[n, (c * 4 + h) * 5 + w]


def test_flatten_starts_where_it_is_told() -> None:
    x = normal(RNG, 2, 3, 4)
    assert [flatten.forward(x, start_axis=k)[0].shape for k in (0, 1, 2, -3, -1)] == [
        (24,), (2, 12), (2, 3, 4), (24,), (2, 3, 4)
    ]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_many_rows(dtype: str) -> None:
    x = np.random.default_rng(0).normal(size=(5000, 2)).astype(dtype)
    y, saved = affine.forward(x, np.array([[1.0], [2.0]], dtype))
    np.testing.assert_allclose(y[:, 0], x[:, 0] + 2 * x[:, 1], rtol=1e-4 if dtype == "float32" else 1e-12, atol=1e-6)
    found = affine.backward(np.ones_like(y), saved)
    np.testing.assert_allclose(
        found["W"][:, 0], x.sum(axis=0, dtype=float), rtol=1e-3 if dtype == "float32" else 1e-12
    )
    np.testing.assert_array_equal(found["x"], np.broadcast_to(np.array([1.0, 2.0], dtype), x.shape))


# -------------------------------------------------------------------------------------------------------- refusals

A, B = np.ones((2, 3)), np.ones((3, 4))
REFUSED: list[tuple[Any, tuple[Any, ...], dict[str, Any], str]] = [
    *(
        (layer, inputs, {}, message)
        for layer in (add, mul)
        for inputs, message in (
            ((A, np.ones(2)), "x has shape (2, 3) and y has shape (2,): counted from the last axis, expected equal"),
            ((A, np.ones((3, 2))), "y has shape (3, 2)"),
            ((A, np.ones((2, 3), np.float32)), "y holds float32, x holds float64: convert one"),
            ((np.ones(3, int), A), "x holds int64: it is an array of floating-point numbers"),
            ((A, None), "y is None: expected (...), floating-point numbers"),
        )
    ),
    (sum_, (A,), {"axis": 2}, "axis is 2: an axis is from -2 to 1"),
    (sum_, (A,), {"axis": -3}, "axis is -3"),
    (sum_, (A,), {"axis": (0, -2)}, "axis is (0, -2): an axis is named twice"),
    (sum_, (A,), {"axis": 1.0}, "axis is 1.0"),
    (sum_, (A,), {"axis": True}, "axis is True"),
    (sum_, (np.array(1.0),), {"axis": 0}, "axis is 0: no axes"),
    (sum_, (A,), {"keepdims": 1}, "keepdims is 1: it is one of True, False"),
    (sum_, (np.ones(3, int),), {}, "x holds int64"),
    (repeat, (A,), {"n": 0}, "n is 0: it is a whole number, at least 1"),
    (repeat, (A,), {"n": 2.0}, "n is 2.0"),
    (repeat, (A,), {"n": 10**400}, "n is 1000"),
    (repeat, (A,), {"axis": 3}, "axis is 3: an axis is from -3 to 2"),
    (repeat, (A,), {"axis": 2, "along": "each"}, "axis is 2: an axis is from -2 to 1"),
    (repeat, (A,), {"axis": (0, 1)}, "axis is (0, 1): an axis is from -3"),
    (repeat, (A,), {"along": "all"}, "along is 'all': it is one of 'new', 'each', 'whole'"),
    (repeat, (np.array(1.0),), {"along": "whole"}, "x has shape (): expected (..., d), at least 1 axis"),
    (matmul, (A, A), {}, "W has shape (2, 3): expected (..., k, m) with k = 3"),
    (matmul, (A, np.ones(4)), {}, "W has shape (4,): expected (k,) with k = 3"),
    (matmul, (np.ones(3), np.ones((2, 5, 4))), {}, "W has shape (2, 5, 4): expected (..., k, m) with k = 3"),
    (matmul, (A, [[1.0], [2.0, 3.0]]), {}, "W is no array"),
    (matmul, (np.array(2.0), B), {}, "x has shape (): expected (..., k), at least 1 axis"),
    (matmul, (A, np.array(2.0)), {}, "W has shape (): expected (..., k, m), at least 2 axes"),
    (matmul, (np.ones((2, 5, 2, 3)), np.ones((4, 3, 4))), {}, "batch of x has shape (2, 5) and the batch of W has"),
    (matmul, (A, B.astype(np.float32)), {}, "W holds float32, x holds float64"),
    (flatten, (A,), {"start_axis": 2}, "start_axis is 2: an axis is from -2 to 1"),
    (flatten, (np.ones(3),), {}, "start_axis is 1: an axis is from -1 to 0"),
    (flatten, (np.array(1.0),), {}, "x has shape (): expected (..., d), at least 1 axis"),
    (flatten, (A,), {"start_axis": (0, 1)}, "start_axis is (0, 1): an axis is from"),
    (flatten, (A.astype(int),), {}, "x holds int64"),
]


@pytest.mark.parametrize(("layer", "inputs", "options", "message"), REFUSED)
def test_refusals(layer: Any, inputs: tuple[Any, ...], options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        layer.forward(*inputs, **options)


@pytest.mark.parametrize("name", ["add", "mul", "sum", "repeat", "matmul", "flatten"])
def test_cotangents_that_would_broadcast_are_refused(name: str) -> None:
    layer = LAYERS[name]
    inputs = (A, np.ones((3, 3))) if name == "matmul" else (A,) * len(layer.inputs)
    y, saved = layer.forward(*inputs, **({"axis": 0} if name == "sum" else {}))
    with pytest.raises(ValueError, match=r"d_output has shape \(1,\), the output has shape \("):
        layer.backward(np.ones(1), saved)
    assert set(layer.backward(np.ones_like(y), saved)) == set(layer.inputs)
