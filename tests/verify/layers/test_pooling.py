"""Pooling beside loops over windows; ties, padding, what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.verify.layers.window_loops import Array, both, compare, inside, places, sizes
from verify.layer import Case, normal
from verify.layers import LAYERS, avg_pool2d, conv2d, max_pool2d


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


# ------------------------------------------------------------------------------------------------ loops over windows


def loops_pool(
    d_y: Array, x: Array, kernel: Any, stride: Any, padding: Any, dilation: Any, pool: Callable[..., Any]
) -> tuple[Array, dict[str, Array]]:
    """``pool`` makes of the entries of a window its value, and the share of each in the gradient."""
    kernel = both(kernel)
    stride = kernel if stride is None else stride
    y = np.zeros((*x.shape[:2], *sizes(x, kernel, stride, padding, dilation)))
    d_x = np.zeros(x.shape)
    for n, c, i, j in np.ndindex(y.shape):
        held = [(p, q) for _, _, p, q in places(i, j, kernel, stride, padding, dilation) if inside(x, p, q)]
        y[n, c, i, j], shares = pool([float(x[n, c, p, q]) for p, q in held])
        for (p, q), share in zip(held, shares, strict=True):
            d_x[n, c, p, q] += share * d_y[n, c, i, j]
    return y, {"x": d_x}


def loops_max_pool2d(
    d_y: Array, x: Array, *, kernel: Any = 2, stride: Any = None, padding: Any = 0, dilation: Any = 1
) -> Any:
    def pool(entries: list[float]) -> tuple[float, list[bool]]:
        first = entries.index(max(entries))
        return entries[first], [k == first for k in range(len(entries))]

    return loops_pool(d_y, x, kernel, stride, padding, dilation, pool)


def loops_avg_pool2d(
    d_y: Array, x: Array, *, kernel: Any = 2, stride: Any = None, padding: Any = 0, count_include_pad: bool = True
) -> Any:
    def pool(entries: list[float]) -> tuple[float, list[float]]:
        count = both(kernel)[0] * both(kernel)[1] if count_include_pad else len(entries)
        return sum(entries) / count, [1 / count] * len(entries)

    return loops_pool(d_y, x, kernel, stride, padding, 1, pool)


LOOPS = {"max_pool2d": loops_max_pool2d, "avg_pool2d": loops_avg_pool2d}
CASES = [
    (name, case) for name in LOOPS for case in (*(f"sample {k}" for k in range(6)), *LAYERS[name].cases)
]  # fmt: skip


@pytest.mark.parametrize(("name", "case"), CASES, ids=[f"{name}: {case}" for name, case in CASES])
def test_beside_loops(name: str, case: str) -> None:
    compare(name, LOOPS[name], LAYERS[name].case(case))


@pytest.mark.parametrize("padding", [0, 1, ((2, 0), (0, 1))])
@pytest.mark.parametrize("stride", [1, 2])
def test_first_of_equal_entries_in_overlapping_windows(stride: int, padding: Any) -> None:
    x = rng().integers(0, 2, (2, 2, 6, 7)).astype(float)
    compare("max_pool2d", loops_max_pool2d, Case(x, kernel=3, stride=stride, padding=padding))


def test_an_option_is_used_in_some_sample() -> None:
    """Otherwise a sample would say nothing of it."""
    for name, options in (
        ("max_pool2d", ("kernel", "stride", "padding", "dilation")),
        ("avg_pool2d", ("kernel", "stride", "padding", "count_include_pad")),
    ):
        cases = [LAYERS[name].case(f"sample {k}") for k in range(20)]
        for option in options:
            assert len({case.options[option] for case in cases}) > 1, (name, option)


# ------------------------------------------------------------------------------------------------------------ values


def test_max_pooling_is_not_equivariant() -> None:
    x = np.array([0.0, 0.0, 5.0, 1.0, 0.0, 0.0, 3.0, 0.0]).reshape(1, 1, 1, 8)
    np.testing.assert_array_equal(max_pool2d.forward(x, kernel=(1, 2))[0].ravel(), [0.0, 5.0, 0.0, 3.0])
    moved = np.roll(x, 1, axis=-1)
    np.testing.assert_array_equal(max_pool2d.forward(moved, kernel=(1, 2))[0].ravel(), [0.0, 5.0, 1.0, 3.0])


def test_tie_goes_to_the_first_row_before_the_first_column() -> None:
    y, saved = max_pool2d.forward(np.array([[[[0.0, 2.0], [2.0, 2.0]]]]))
    np.testing.assert_array_equal(max_pool2d.backward(np.ones(y.shape), saved)["x"], [[[[0.0, 1.0], [0.0, 0.0]]]])


def test_padding_never_wins() -> None:
    x = -1e30 * (1 + rng().random((2, 3, 4, 5)))
    y, saved = max_pool2d.forward(x, kernel=3, stride=1, padding=1)
    assert np.isin(y, x).all()
    d_y = rng().normal(size=y.shape)
    assert max_pool2d.backward(d_y, saved)["x"].sum() == pytest.approx(d_y.sum(), rel=1e-12)


def test_padding_does_not_win_against_minus_infinity() -> None:
    y, saved = max_pool2d.forward(np.full((1, 1, 3, 4), -np.inf), kernel=3, stride=2, padding=1)
    np.testing.assert_array_equal(y, np.full((1, 1, 2, 2), -np.inf))
    expected = [[[[1.0, 2.0, 0.0, 0.0], [3.0, 4.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]]]
    np.testing.assert_array_equal(max_pool2d.backward(np.array([[[[1.0, 2.0], [3.0, 4.0]]]]), saved)["x"], expected)


def test_more_places_than_a_byte_counts() -> None:
    x = np.zeros((1, 1, 1, 700), np.float32)
    x[..., [290, 400]] = 1.0, 2.0
    y, saved = max_pool2d.forward(x, kernel=(1, 350), stride=(1, 350))
    assert y.dtype == np.float32
    found = max_pool2d.backward(np.array([[[[3.0, 5.0]]]], np.float32), saved)["x"]
    np.testing.assert_array_equal(np.flatnonzero(found), [290, 400])


@pytest.mark.parametrize("axis", [2, 3])
def test_places_further_apart_than_a_byte_counts(axis: int) -> None:
    x = np.zeros((1, 1, *(400 if a == axis else 1 for a in (2, 3))))
    options = {"kernel": (4, 1), "dilation": (100, 1)} if axis == 2 else {"kernel": (1, 4), "dilation": (1, 100)}
    x.flat[305] = 1.0
    y, saved = max_pool2d.forward(x, stride=1, **options)
    assert y.ravel().nonzero()[0].tolist() == [5]
    assert max_pool2d.backward(y, saved)["x"].ravel().nonzero()[0].tolist() == [305]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_large_batch(dtype: str) -> None:
    """All that arrives goes to entries that are the largest of their windows, and nothing else does."""
    x, d_y = rng().normal(size=(8, 8, 80, 80)).astype(dtype), rng().normal(size=(8, 8, 40, 40)).astype(dtype)
    y, saved = max_pool2d.forward(x)
    d_x = max_pool2d.backward(d_y, saved)["x"]
    apart = x.reshape(8, 8, 40, 2, 40, 2)
    np.testing.assert_array_equal(y, apart.max(axis=(3, 5)))
    chosen = apart == y[:, :, :, np.newaxis, :, np.newaxis]
    np.testing.assert_array_equal(d_x.reshape(apart.shape), chosen * d_y[:, :, :, np.newaxis, :, np.newaxis])


@pytest.mark.parametrize("options", [{"kernel": 2}, {"kernel": (1, 2)}, {"kernel": 3, "stride": 1, "padding": 1}])
def test_infinite_cotangents_return_to_their_entries(options: dict[str, Any]) -> None:
    x = normal(rng(), 1, 2, 4, 6)
    y, saved = max_pool2d.forward(x, **options)
    d_y = np.ones_like(y)
    finite = max_pool2d.backward(d_y, saved)["x"]
    d_y[0, 0, 0, 1], d_y[0, 1, 1, 0] = np.inf, np.nan
    found = max_pool2d.backward(d_y, saved)["x"]
    rows, columns = np.nonzero(~np.isfinite(found[0, 0]))
    assert [*zip(rows, columns, strict=True)] == [*zip(*np.nonzero(x[0, 0] == y[0, 0, 0, 1]), strict=True)]
    assert np.count_nonzero(np.isnan(found)) == 1
    same = np.isfinite(found)
    np.testing.assert_array_equal(found[same], finite[same])


@pytest.mark.parametrize("options", [{"kernel": 2}, {"kernel": 3, "stride": 1, "padding": 1}, {"kernel": (3, 2)}])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_last_nan_is_the_largest(dtype: str, options: dict[str, Any]) -> None:
    x = normal(rng(), 2, 2, 6, 6).astype(dtype)
    x[rng().random(x.shape) < 0.2] = np.nan
    y, saved = max_pool2d.forward(x, **options)
    found = max_pool2d.backward(np.ones_like(y), saved)["x"]
    numbered = np.where(np.isnan(x), 10.0 + np.arange(x.size).reshape(x.shape), x)  # the last is the largest
    expected, saved = max_pool2d.forward(numbered, **options)
    np.testing.assert_array_equal(np.isnan(y), expected >= 10)
    np.testing.assert_array_equal(y[~np.isnan(y)], expected[expected < 10].astype(dtype))
    np.testing.assert_array_equal(found, max_pool2d.backward(np.ones_like(expected), saved)["x"])


def test_max_pooling_commutes_with_increasing_functions() -> None:
    x = rng().normal(size=(2, 3, 7, 8))
    pooled = max_pool2d.forward(x, kernel=3, stride=2)[0]
    np.testing.assert_array_equal(max_pool2d.forward(np.maximum(x, 0), kernel=3, stride=2)[0], np.maximum(pooled, 0))


def test_average_is_a_convolution_of_every_channel() -> None:
    x = rng().normal(size=(2, 3, 7, 8))
    W = np.full((3, 1, 3, 2), 1 / 6)
    expected = conv2d.forward(x, W, stride=2, padding=((1, 1), (0, 1)), groups=3)[0]
    y = avg_pool2d.forward(x, kernel=(3, 2), stride=2, padding=((1, 1), (0, 1)))[0]
    np.testing.assert_allclose(y, expected, atol=1e-12)


def test_padding_lowers_an_average_where_it_counts() -> None:
    ones = np.ones((1, 1, 4, 4))
    counted = avg_pool2d.forward(ones, kernel=2, stride=2, padding=1)[0]
    np.testing.assert_allclose(counted, [[[[0.25, 0.5, 0.25], [0.5, 1.0, 0.5], [0.25, 0.5, 0.25]]]])
    left_out = avg_pool2d.forward(ones, kernel=2, stride=2, padding=1, count_include_pad=False)[0]
    np.testing.assert_array_equal(left_out, np.ones((1, 1, 3, 3)))


# ----------------------------------------------------------------------------------------------------------- refusals

X = np.ones((2, 4, 5, 6))
REFUSED: list[tuple[Any, tuple[Any, ...], dict[str, Any], str]] = [
    (max_pool2d, (X[0],), {}, r"x has shape \(4, 5, 6\): expected \(n, c, h, w\)"),
    (max_pool2d, (X > 0,), {}, r"x holds bool: it is an array of floating-point numbers"),
    (max_pool2d, (X,), {"kernel": 0}, r"kernel is 0: expected a whole number from 1 on"),
    (max_pool2d, (X,), {"stride": (2, 0)}, r"stride is \(2, 0\): expected a whole number from 1 on"),
    (
        max_pool2d,
        (np.ones((1, 1, 2, 2)),),
        {"padding": ((0, 2), (0, 0))},
        r"padding is \(\(0, 2\), \(0, 0\)\): a window of 2 rows would hold padding alone",
    ),
    (max_pool2d, (X,), {"kernel": 7}, r"kernel spans 7 rows \(7 with dilation 1\), expected at most 5"),
    (
        max_pool2d,
        (X,),
        {"padding": ((0, 0), (2, 0))},
        r"padding is \(\(0, 0\), \(2, 0\)\): a window of 2 columns would hold padding alone",
    ),
    (
        max_pool2d,
        (X[..., :1],),
        {"kernel": (1, 2), "dilation": 2, "padding": (0, 1)},
        r"would hold padding alone",
    ),
    (max_pool2d, (X,), {"kernel": 2, "padding": (-1, 0)}, r"padding is \(-1, 0\): expected a whole number from 0 on"),
    (avg_pool2d, (X[0],), {}, r"x has shape \(4, 5, 6\): expected \(n, c, h, w\)"),
    (avg_pool2d, (X,), {"kernel": (2, 2.5)}, r"kernel is \(2, 2\.5\): expected a whole number from 1 on"),
    (avg_pool2d, (X,), {"kernel": (6, 1)}, r"kernel spans 6 rows .*expected at most 5"),
    (avg_pool2d, (X,), {"stride": -2}, r"stride is -2: expected a whole number from 1 on"),
    (avg_pool2d, (X,), {"count_include_pad": 1}, r"count_include_pad is 1: it is one of True, False"),
    (avg_pool2d, (X,), {"padding": 2, "count_include_pad": False}, r"2 rows would hold padding alone"),
]


@pytest.mark.parametrize(("layer", "inputs", "options", "says"), REFUSED)
def test_refused(layer: Any, inputs: tuple[Any, ...], options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        layer.forward(*inputs, **options)
