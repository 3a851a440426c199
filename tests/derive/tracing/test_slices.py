"""Parts of a fresh array that are written or added to: the gradients read the same parts, as by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from derive import trace, vjp
from derive.nodes import Sum
from verify.derivation import check_derivation


def transposed_convolution(x, w):
    y = np.zeros(2 * len(x) + 2)
    for u in range(4):
        y[u : u + 2 * len(x) : 2] += x * w[u]
    return y


def two_taps(x, w):
    y = np.zeros(len(x) + 1)
    y[:-1] -= x * w[0]
    y[1:] += x * w[1]
    return y


def transposed_convolution_of_channels(x, w):
    y = np.zeros((2 * len(x) + 2, w.shape[2]))
    for u in range(4):
        y[u : u + 2 * len(x) : 2] += x @ w[u]
    return y


def upsampling(x):
    y = np.zeros(2 * len(x))
    y[::2] = x
    y[1::2] = x
    return y


def pair_means(x):
    return 0.5 * (x[::2] + x[1::2])


def full_convolution(x, w):
    y = np.zeros(len(x) + 4)
    for u in range(5):
        y[u : u + len(x)] = y[u : u + len(x)] + x * w[u]
    return y


def overlap_add(frames):
    y = np.zeros(2 * 3 + 5)
    for t in range(4):
        y[2 * t : 2 * t + 5] += frames[t]
    return y


def haar(x):
    return np.concatenate([x[::2] + x[1::2], x[::2]])


def interleaved(a, b):
    y = np.empty(4 * len(a))
    y[::2] = np.repeat(a, 2)
    y[1::4] = a
    y[3::4] = b
    return y


CHANNELS = {"x": ("n", "c"), "w": (4, "c", "d")}


@pytest.mark.parametrize(
    ("function", "wrt", "shapes", "expected"),
    [
        (transposed_convolution, "x", {"x": "n", "w": 4}, r"\sum_j \bar y_{3,2 a + j} w_j"),
        (transposed_convolution, "w", {"x": "n", "w": 4}, r"\sum_k \bar y_{3,2 k + j} x_k"),
        (two_taps, "x", {"x": "n", "w": 2}, r"-\bar y_{1,k} w_0 + \bar y_{1,k + 1} w_1"),
        (transposed_convolution_of_channels, "x", CHANNELS, r"\sum_{l,k} \bar y_{3,2 a + k,l} w_{kjl}"),
        (transposed_convolution_of_channels, "w", CHANNELS, r"\sum_m \bar y_{3,2 m + k,l} x_{mj}"),
        (upsampling, "x", {"x": "n"}, r"\bar y_{2 a} + \bar y_{2 a + 1}"),
        (pair_means, "x", {"x": "2*m"}, r"\tfrac12 \bar y_{\lfloor a/2 \rfloor}"),
        (full_convolution, "x", {"x": "n", "w": 5}, r"\sum_k \bar y_{4,k + a} w_k"),
        (full_convolution, "w", {"x": "n", "w": 5}, r"\sum_k \bar y_{4,k + j} x_k"),
        (overlap_add, "frames", {"frames": (4, 5)}, r"\bar y_{3,2 i + a}"),
        (haar, "x", {"x": "2*m"}, r"\bar y_{\lfloor a/2 \rfloor} + \bar y_{a/2 + m} [2 \mid a]"),
        (interleaved, "b", {"a": "n", "b": "n"}, r"\bar y_{4 c + 3}"),
    ],
)
def test_a_gradient_reads_what_was_written(
    function: Callable[..., Any], wrt: str, shapes: dict[str, Any], expected: str
) -> None:
    found = vjp(function, wrt, shapes=shapes)
    assert found.result.latex() == expected
    assert check_derivation(found).outcome == "holds"


def test_what_a_loop_adds_to_parts_is_one_sum() -> None:
    for function in (transposed_convolution, full_convolution):
        (made,) = trace(function, {"x": "n", "w": 5}).definitions()
        assert isinstance(made.body, Sum)


def test_a_gradient_of_windows_is_an_array_of_its_own() -> None:
    found = vjp(overlap_add, "frames", shapes={"frames": (4, 5)}).function()(np.ones((4, 5)), np.arange(11.0))
    found[0, 2] = -1
    assert np.array_equal(found[1], np.arange(2.0, 7.0))
