"""Sums along axes beside exact ones: long ones keep their digits, results have memory of their own."""

from __future__ import annotations

import math

import numpy as np
import pytest

from verify.layer import normal
from verify.layer_parts.sums import LONG, mean_along, sum_along, sum_over
from verify.layers import LAYERS, add, affine, repeat, rnn
from verify.layers import sum as sum_

RNG = np.random.default_rng(3)
ROWS = 10 * LONG


@pytest.mark.parametrize("axes", [(), (0,), (-1,), (0, 2), (-1, 1), (0, 1, 2)])
@pytest.mark.parametrize("factors", [1, 2, 3])
def test_beside_exact_sums(axes: tuple[int, ...], factors: int) -> None:
    arrays = [normal(RNG, 4, 3, 5) for _ in range(factors)]
    product = np.multiply.reduce(arrays)
    gone = {axis % 3 for axis in axes}
    kept = [axis for axis in range(3) if axis not in gone]
    expected = np.array(
        [
            math.fsum(row)
            for row in product.transpose(*kept, *sorted(gone)).reshape(-1, math.prod(product.shape[a] for a in gone))
        ]
    ).reshape([product.shape[axis] for axis in kept])
    np.testing.assert_allclose(sum_over(axes, *arrays), expected, rtol=1e-14, atol=1e-14)
    along = sum_along(axes, *arrays)
    np.testing.assert_allclose(along, np.expand_dims(expected, tuple(gone)), rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(
        mean_along(axes, *arrays), along / math.prod(product.shape[axis] for axis in gone), rtol=1e-15
    )


@pytest.mark.parametrize("shape", [(3, 0), (0, 3), (1, 3), (3, 1), ()])
def test_memory_of_their_own(shape: tuple[int, ...]) -> None:
    x = np.ones(shape)
    for axes in {(), tuple(range(len(shape))), *((axis,) for axis in range(len(shape)))}:
        for found in (sum_over(axes, x), sum_along(axes, x)):
            assert not np.shares_memory(found, x)
            assert found.flags.writeable
            assert found.sum() == x.sum()


@pytest.mark.parametrize("shape", [(ROWS, 2), (2, ROWS), (LONG // 4, 2, 41), (LONG + 1, 2)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_long_sums_keep_their_digits(shape: tuple[int, ...], order: str) -> None:
    x = np.full(shape, 0.1, np.float32, order=order)
    (short,) = (axis for axis, size in enumerate(shape) if size == 2)
    axes = tuple(axis for axis in range(len(shape)) if axis != short)
    expected = [0.1 * x.size / 2] * 2
    np.testing.assert_allclose(sum_over(axes, x), expected, rtol=1e-4)
    for same in (axes, tuple(axis - x.ndim for axis in axes)):
        np.testing.assert_allclose(sum_along(same, x).ravel(), expected, rtol=1e-4)
    np.testing.assert_allclose(sum_over(axes, x, np.ones_like(x)), expected, rtol=1e-4)


def test_gradients_that_are_long_sums() -> None:
    """Of ten times as many rows as are added up one by one: that would lose half a percent."""
    one, few = np.ones((ROWS, 1), np.float32), np.ones((1, 2), np.float32)
    tenth, expected = np.full((ROWS, 2), 0.1, np.float32), [0.1 * ROWS] * 2
    found = {
        "affine": affine.backward(tenth, affine.forward(one, few, few[0])[1])["b"],
        "add": add.backward(tenth, add.forward(tenth, few[0])[1])["y"],
        "repeat": repeat.backward(tenth, repeat.forward(few[0], n=ROWS)[1])["x"],
        "sum": sum_.forward(tenth, axis=0)[0],
        "rnn": rnn.backward(
            tenth[:, np.newaxis],
            rnn.forward(0 * one[:, np.newaxis], few, np.zeros((2, 2), np.float32), few[0] * 0)[1],
        )["b"],
        "softmax": 0.1 * ROWS * (LAYERS["softmax"].forward(tenth, axis=0)[0][0] * ROWS),
    }
    for name, value in found.items():
        np.testing.assert_allclose(value, expected, rtol=1e-4, err_msg=name)
