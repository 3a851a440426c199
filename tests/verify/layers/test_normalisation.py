"""Normalisation: loops over Jacobians, layers that are cases of each other, large means, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from verify.layer import Array, normal
from verify.layers import batch_norm, group_norm, layer_norm, rms_norm

types = pytest.mark.parametrize("dtype", ["float64", "float32"])


def drawn(*shapes: tuple[int, ...], seed: int = 0) -> list[Array]:
    rng = np.random.default_rng(seed)
    return [normal(rng, *shape) for shape in shapes]


def by_jacobian(x: Array, h: Array, eps: float, *, centred: bool = True) -> tuple[list[float], list[float]]:
    """One standardised list of numbers, and its pullback of h by the entries of the Jacobian."""
    m = len(x)
    mean = math.fsum(x) / m if centred else 0.0
    s = math.sqrt(math.fsum((a - mean) ** 2 for a in x) / m + eps)
    hat = [(a - mean) / s for a in x]

    def slope(i: int, j: int) -> float:
        return ((i == j) - (1 / m if centred else 0) - hat[i] * hat[j] / m) / s

    return hat, [math.fsum(h[i] * slope(i, j) for i in range(m)) for j in range(m)]


# ---------------------------------------------------------------------------------------------------------- batch


@pytest.mark.parametrize("shape", [(5, 3), (4, 3, 2), (3, 4, 5, 2), (6, 3, 4), (7, 2, 3, 2)])
def test_batch_norm_channel_by_channel(shape: tuple[int, ...]) -> None:
    x, d_y, gamma, beta = drawn(shape, shape, shape[1:2], shape[1:2])
    y, saved = batch_norm.forward(x, gamma, beta, eps=0.1)
    found = batch_norm.backward(d_y, saved)
    for k in range(shape[1]):
        bar = d_y[:, k].ravel()
        hat, d_x = by_jacobian(x[:, k].ravel(), gamma[k] * bar, eps=0.1)
        np.testing.assert_allclose(y[:, k].ravel(), [gamma[k] * a + beta[k] for a in hat], rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(found["x"][:, k].ravel(), d_x, rtol=1e-11, atol=1e-14)
        assert found["gamma"][k] == pytest.approx(math.fsum(a * b for a, b in zip(bar, hat, strict=True)))
        assert found["beta"][k] == pytest.approx(math.fsum(bar))


def test_images_are_rows_of_pixels_not_flattened() -> None:
    x, gamma, beta = drawn((3, 2, 4, 5), (2,), (2,))
    y = batch_norm.forward(x, gamma, beta)[0]
    pixels = batch_norm.forward(x.transpose(0, 2, 3, 1).reshape(-1, 2), gamma, beta)[0]
    np.testing.assert_allclose(y, pixels.reshape(3, 4, 5, 2).transpose(0, 3, 1, 2), atol=1e-13)
    assert not np.allclose(y, batch_norm.forward(x.reshape(3, -1))[0].reshape(x.shape) * gamma[0] + beta[0])


def test_the_gradient_is_orthogonal_to_what_changes_nothing() -> None:
    """The sum over a channel is 0; along x_hat only eps leaves something: gamma d_gamma eps / s^3."""
    x, d_y, gamma = drawn((6, 3), (6, 3), (3,))
    x_hat = batch_norm.forward(x, eps=0.3)[0]
    found = batch_norm.backward(d_y, batch_norm.forward(x, gamma, eps=0.3)[1])
    s = np.sqrt(x.var(axis=0) + 0.3)
    np.testing.assert_allclose(found["x"].sum(axis=0), 0, atol=1e-14)
    np.testing.assert_allclose((x_hat * found["x"]).sum(axis=0), gamma * found["gamma"] * 0.3 / s**3, rtol=1e-12)


def test_after_training_it_is_an_affine_map() -> None:
    x, d_y, gamma, beta, mean = drawn((4, 3, 2), (4, 3, 2), (3,), (3,), (3,))
    options = {"running_mean": mean, "running_var": np.array([0.25, 4.0, 1.0]), "training": False, "eps": 1e-300}
    y, saved = batch_norm.forward(x, gamma, beta, **options)
    slope = gamma * [2, 0.5, 1]
    np.testing.assert_allclose(y, slope[:, None] * (x - mean[:, None]) + beta[:, None], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(batch_norm.backward(d_y, saved)["x"], slope[:, None] * d_y, rtol=1e-14)
    alone = batch_norm.forward(x[:1], gamma, beta, **options)[0]
    np.testing.assert_array_equal(alone, y[:1])


def test_running_statistics_of_a_batch() -> None:
    """The batch 1, 3 has the mean 2 and the unbiased variance 2."""
    x, mean, variance = np.array([[1.0], [3.0]]), np.array([10.0]), np.array([1.0])
    found = batch_norm.running_statistics(x, mean, variance)
    np.testing.assert_allclose(np.ravel(found), [0.9 * 10 + 0.1 * 2, 0.9 * 1 + 0.1 * 2])
    np.testing.assert_allclose(np.ravel(batch_norm.running_statistics(x, mean, variance, 1.0)), [2, 2])
    np.testing.assert_array_equal(np.ravel(batch_norm.running_statistics(x, mean, variance, 0.0)), [10, 1])
    assert mean[0] == 10


def test_running_statistics_forget_where_they_began() -> None:
    """After t batches the share (1 - momentum)^t of the beginning is left."""
    (x,) = drawn((4, 3, 5))
    mean, variance = np.zeros(3), np.zeros(3)
    for _ in range(7):
        mean, variance = batch_norm.running_statistics(x, mean, variance, momentum=0.25)
    rows = x.transpose(1, 0, 2).reshape(3, -1)
    np.testing.assert_allclose(mean, (1 - 0.75**7) * rows.mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(variance, (1 - 0.75**7) * rows.var(axis=1, ddof=1), rtol=1e-12)


@types
def test_running_statistics_keep_the_type(dtype: str) -> None:
    x, zeros = drawn((4, 3))[0].astype(dtype), np.zeros(3, dtype)
    assert {one.dtype for one in batch_norm.running_statistics(x, zeros, zeros)} == {np.dtype(dtype)}


# ------------------------------------------------------------------------------------------ rows, groups, instances


@pytest.mark.parametrize("layer", [layer_norm, rms_norm])
def test_row_by_row(layer: Any) -> None:
    x, d_y, gamma = drawn((4, 6), (4, 6), (6,))
    y, saved = layer.forward(x, gamma, eps=0.1)
    found = layer.backward(d_y, saved)
    d_gamma = np.zeros(6)
    for n in range(4):
        hat, d_x = by_jacobian(x[n], gamma * d_y[n], eps=0.1, centred=layer is layer_norm)
        np.testing.assert_allclose(y[n], gamma * hat, rtol=1e-12)
        np.testing.assert_allclose(found["x"][n], d_x, rtol=1e-11, atol=1e-14)
        d_gamma += d_y[n] * hat
    np.testing.assert_allclose(found["gamma"], d_gamma, rtol=1e-12)


def test_layer_norm_is_batch_norm_turned() -> None:
    x, d_y = drawn((4, 6), (4, 6))
    y, saved = layer_norm.forward(x)
    turned, saved_turned = batch_norm.forward(x.T)
    np.testing.assert_allclose(y, turned.T, rtol=1e-13)
    np.testing.assert_allclose(layer_norm.backward(d_y, saved)["x"], batch_norm.backward(d_y.T, saved_turned)["x"].T)


@pytest.mark.parametrize("axes", [(1, 2), (2, 1), (-1, -2), (0, 2), 1])
def test_scale_and_shift_lie_along_the_axes(axes: int | tuple[int, ...]) -> None:
    (x,) = drawn((2, 3, 4))
    places = sorted(np.arange(3)[list(np.atleast_1d(axes))])
    gamma, beta = drawn(*[tuple(x.shape[axis] for axis in places)] * 2, seed=1)
    y = layer_norm.forward(x, gamma, beta, axes=axes)[0]
    plain = layer_norm.forward(x, axes=axes)[0]
    for place in np.ndindex(x.shape):
        own = tuple(place[axis] for axis in places)
        assert y[place] == pytest.approx(gamma[own] * plain[place] + beta[own])


def test_samples_do_not_see_each_other() -> None:
    x, gamma, beta = drawn((3, 4, 2, 5), (4,), (4,))
    whole = group_norm.forward(x, gamma, beta, groups=2)[0]
    for n in range(3):
        alone = group_norm.forward(x[n : n + 1], gamma, beta, groups=2)[0]
        np.testing.assert_allclose(alone[0], whole[n], rtol=1e-14)


def test_rms_norm_of_centred_rows_is_layer_norm() -> None:
    x, d_y = drawn((3, 5), (3, 5))
    x -= x.mean(axis=1, keepdims=True)
    d_y -= d_y.mean(axis=1, keepdims=True)
    y, saved = rms_norm.forward(x, eps=1e-5)
    centred, saved_centred = layer_norm.forward(x)
    np.testing.assert_allclose(y, centred, rtol=1e-12)
    np.testing.assert_allclose(rms_norm.backward(d_y, saved)["x"], layer_norm.backward(d_y, saved_centred)["x"])
    assert not np.allclose(rms_norm.forward(x + 1)[0], layer_norm.forward(x + 1)[0])


def test_one_group_and_a_group_for_each_channel() -> None:
    x, d_y, gamma, beta = drawn((2, 3, 4, 5), (2, 3, 4, 5), (3,), (3,))
    y, saved = group_norm.forward(x, gamma, beta, groups=1)
    rows = layer_norm.forward(x, axes=(1, 2, 3))[0]
    np.testing.assert_allclose(y, gamma[:, None, None] * rows + beta[:, None, None], rtol=1e-12)
    y, saved = group_norm.forward(x, gamma, beta, groups=3)
    found = group_norm.backward(d_y, saved)["x"]
    for n in range(2):
        one, saved_one = batch_norm.forward(x[n : n + 1], gamma, beta)
        np.testing.assert_allclose(y[n], one[0], rtol=1e-12)
        np.testing.assert_allclose(found[n], batch_norm.backward(d_y[n : n + 1], saved_one)["x"][0], atol=1e-13)


# ---------------------------------------------------------------------------------------------- numbers that are far

ROWS: dict[str, Callable[[Array], tuple[Array, Any]]] = {
    "layer_norm": lambda x: layer_norm.forward(x[None]),
    "batch_norm": lambda x: batch_norm.forward(x[:, None]),
    "group_norm": lambda x: group_norm.forward(x[None, None]),
}


@types
def test_means_whose_square_is_no_number(dtype: str) -> None:
    """Nothing overflows where deviations are small beside a mean of more than the root of the largest number."""
    large = np.sqrt(np.finfo(dtype).max) * 100
    x = (large * (1 + 1e-4 * drawn((6, 3, 4))[0])).astype(dtype)
    y, _ = batch_norm.forward(x)
    np.testing.assert_allclose(y.mean(axis=(0, 2)), 0, atol=1e-2)
    np.testing.assert_allclose(y.std(axis=(0, 2)), 1, atol=1e-2)


@types
@pytest.mark.parametrize("name", ROWS)
def test_a_mean_of_a_million(name: str, dtype: str) -> None:
    """Beside exact rational numbers: nothing is lost that the type of x still holds."""
    x = (1e6 + drawn((1000,))[0]).astype(dtype)
    exact = list(map(Fraction, x.tolist()))
    mean = sum(exact) / len(exact)
    variance = sum((a - mean) ** 2 for a in exact) / len(exact)
    expected = [float(a - mean) / math.sqrt(float(variance) + 1e-5) for a in exact]
    np.testing.assert_allclose(np.ravel(ROWS[name](x)[0]), expected, atol=1e-5 if dtype == "float32" else 1e-12)


@types
@pytest.mark.parametrize("layer", [batch_norm, layer_norm, group_norm])
def test_gradients_around_a_million(layer: Any, dtype: str) -> None:
    x, d_y = drawn((40,), (40,))
    x, d_y = (1e6 + x).astype(dtype), d_y.astype(dtype)
    shape = {batch_norm: (40, 1), layer_norm: (1, 40), group_norm: (1, 1, 40)}[layer]
    found = layer.backward(d_y.reshape(shape), layer.forward(x.reshape(shape))[1])["x"]
    _, expected = by_jacobian((x.astype(float) - 1e6).tolist(), d_y, eps=1e-5)
    np.testing.assert_allclose(found.ravel(), expected, atol=1e-5 if dtype == "float32" else 1e-12)


@types
@pytest.mark.parametrize("name", ROWS)
def test_constant_numbers_become_zero(name: str, dtype: str) -> None:
    for value in (0.1, 1e6 + 0.1, -3e-5):
        y, _ = ROWS[name](np.full(1000, value, dtype))
        np.testing.assert_array_equal(y, 0)


@types
def test_variances_below_eps(dtype: str) -> None:
    """With a variance of 1e-10, a thousandth of what eps = 1e-5 stands for is left."""
    x = np.array([[1e-5, -1e-5, 1e-5, -1e-5]], dtype)
    np.testing.assert_allclose(layer_norm.forward(x)[0], x / math.sqrt(1e-5 + 1e-10), rtol=1e-6)
    np.testing.assert_allclose(layer_norm.forward(x, eps=1e-12)[0], x / math.sqrt(1.01e-10), rtol=1e-6)
    d_y = np.array([[1.0, 2.0, 0.0, 0.5]], dtype)
    _, d_x = by_jacobian(x[0].tolist(), d_y[0], eps=1e-12)
    found = layer_norm.backward(d_y, layer_norm.forward(x, eps=1e-12)[1])["x"][0]
    np.testing.assert_allclose(found, d_x, rtol=1e-4 if dtype == "float32" else 1e-12)


def test_one_number_is_its_own_mean() -> None:
    gamma, beta = np.array([3.0, -2.0]), np.array([0.5, 1.5])
    y, saved = batch_norm.forward(np.array([[7.0, -1e5]]), gamma, beta)
    np.testing.assert_array_equal(y, [beta])
    found = batch_norm.backward(np.array([[4.0, 5.0]]), saved)
    np.testing.assert_array_equal(found["x"], [[0, 0]])
    np.testing.assert_array_equal(found["beta"], [4, 5])


def test_running_variance_of_zero() -> None:
    y, _ = batch_norm.forward(
        np.full((2, 3), 3e-3), running_mean=np.zeros(3), running_var=np.zeros(3), training=False, eps=1e-6
    )
    np.testing.assert_allclose(y, 3.0, rtol=1e-14)


def test_running_statistics_of_one_image() -> None:
    x = np.arange(18.0).reshape(1, 2, 3, 3)
    mean, variance = batch_norm.running_statistics(x, np.zeros(2), np.ones(2), momentum=1.0)
    np.testing.assert_allclose(mean, [4.0, 13.0], rtol=1e-15)
    np.testing.assert_allclose(variance, [7.5, 7.5], rtol=1e-15)


def test_integers_of_numpy_are_integers() -> None:
    x = normal(np.random.default_rng(0), 3, 4, 2)
    np.testing.assert_array_equal(group_norm.forward(x, groups=np.int64(2))[0], group_norm.forward(x, groups=2)[0])


@pytest.mark.parametrize("layer", [layer_norm, batch_norm])
def test_long_sums_keep_their_digits(layer: Any) -> None:
    """Added up one by one, half a million numbers in float32 lose a percent."""
    x = np.tile(np.array([[0.3, -0.3], [-0.1, 0.3]], np.float32), (250_000, 1))
    d_y = np.full(x.shape, 0.1, np.float32)
    one = np.ones(2, np.float32)
    y, saved = layer.forward(x, one, one)
    expected, _ = layer.forward(x[:4].astype(float), np.ones(2), np.ones(2))
    np.testing.assert_allclose(y[:4], expected, atol=5e-5)
    np.testing.assert_allclose(layer.backward(d_y, saved)["beta"], [5e4, 5e4], rtol=1e-4)


# ---------------------------------------------------------------------------------------------------------- refusals

x43, x463, three, four = np.ones((4, 3)), np.ones((4, 6, 3)), np.ones(3), np.ones(4)
REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "batch_norm, one axis": (lambda: batch_norm.forward(three), r"x has shape \(3,\): expected \(n, c, \.\.\.\)"),
    "batch_norm, gamma": (
        lambda: batch_norm.forward(x43, four),
        r"gamma has shape \(4,\): expected \(c,\) with c = 3 as in x",
    ),
    "batch_norm, empty": (lambda: batch_norm.forward(x43[:0]), r"x has shape \(0, 3\): expected at least one number"),
    "batch_norm, eps": (
        lambda: batch_norm.forward(x43, eps=0.0),
        r"eps is 0.0: it is a number in \(0, inf\) of float64",
    ),
    "batch_norm, eps that float32 does not hold": (
        lambda: batch_norm.forward(x43.astype(np.float32), eps=1e-50),
        r"eps is 1e-50: it is a number in \(0, inf\) of float32",
    ),
    "batch_norm, no averages": (
        lambda: batch_norm.forward(x43, running_mean=three, training=False),
        "training is False: expected running_mean and running_var",
    ),
    "batch_norm, negative variance": (
        lambda: batch_norm.forward(x43, running_mean=three, running_var=-three, training=False),
        r"running_var holds -1.0 at \[0\]: expected numbers from 0",
    ),
    "batch_norm, training": (lambda: batch_norm.forward(x43, training="no"), "training is 'no': it is one of True"),
    "batch_norm, types": (
        lambda: batch_norm.forward(x43, three.astype(np.float32)),
        "gamma holds float32, x holds float64",
    ),
    "running_statistics, one row": (
        lambda: batch_norm.running_statistics(x43[:1], three, three),
        r"x has shape \(1, 3\): expected at least two entries per channel",
    ),
    "running_statistics, momentum": (
        lambda: batch_norm.running_statistics(x43, three, three, momentum=99),
        r"momentum is 99: it is a number in \[0, 1\]",
    ),
    "running_statistics, shape": (
        lambda: batch_norm.running_statistics(x43, four, three),
        r"running_mean has shape \(4,\): expected \(c,\) with c = 3",
    ),
    "layer_norm, gamma": (
        lambda: layer_norm.forward(x463, four),
        r"gamma has shape \(4,\): expected \(3,\), the sizes of the axes \(2,\) of x \(4, 6, 3\)",
    ),
    "layer_norm, beta": (
        lambda: layer_norm.forward(x463, None, np.ones((3, 6)), axes=(1, 2)),
        r"beta has shape \(3, 6\): expected \(6, 3\), the sizes of the axes \(1, 2\)",
    ),
    "layer_norm, no such axis": (
        lambda: layer_norm.forward(x43, axes=(0, 2)),
        r"axes is \(0, 2\): an axis is from -2 to 1",
    ),
    "layer_norm, an axis twice": (
        lambda: layer_norm.forward(x43, axes=(1, -1)),
        r"axes is \(1, -1\): an axis is named twice",
    ),
    "layer_norm, no axis": (lambda: layer_norm.forward(x43, axes=()), r"axes is \(\): it names 1 at least"),
    "layer_norm, no feature": (
        lambda: layer_norm.forward(x43[:, :0]),
        r"x has shape \(4, 0\): expected at least one number along the axes \(1,\)",
    ),
    "layer_norm, eps": (lambda: layer_norm.forward(x43, eps=-1e-5), "eps is -1e-05: it is a number"),
    "layer_norm, integers": (lambda: layer_norm.forward(x43.astype(int)), "x holds int64"),
    "rms_norm, gamma": (lambda: rms_norm.forward(x43, four), r"gamma has shape \(4,\): expected \(3,\)"),
    "rms_norm, no such axis": (lambda: rms_norm.forward(x43, axes=2), "axes is 2: an axis is from -2 to 1"),
    "rms_norm, axis no integer": (lambda: rms_norm.forward(x43, axes=1.0), "axes is 1.0: an axis is from -2 to 1"),
    "rms_norm, eps": (lambda: rms_norm.forward(x43, eps=np.nan), "eps is nan: it is a number"),
    "rms_norm, cotangent": (
        lambda: rms_norm.backward(three, rms_norm.forward(x43)[1]),
        r"d_output has shape \(3,\), the output has shape \(4, 3\)",
    ),
    "group_norm, groups": (
        lambda: group_norm.forward(x463, groups=4),
        "groups is 4: expected a number that divides the 6 channels of x",
    ),
    "group_norm, no groups": (lambda: group_norm.forward(x463, groups=0), "groups is 0: it is a whole number"),
    "layer_norm, infinite eps": (lambda: layer_norm.forward(x43, eps=np.inf), "eps is inf: it is a number"),
    "layer_norm, eps in words": (lambda: layer_norm.forward(x43, eps="1e-5"), "eps is '1e-5': it is a number"),
    "batch_norm, eps beyond float32": (
        lambda: batch_norm.forward(x43.astype(np.float32), eps=1e39),
        r"eps is 1e\+39: it is a number in \(0, inf\) of float32",
    ),
    "running_statistics, negative variance": (
        lambda: batch_norm.running_statistics(x43, three, -three),
        r"running_var holds -1.0 at \[0\]: expected numbers from 0",
    ),
    "batch_norm, squares beyond float64": (
        lambda: batch_norm.forward(1e200 * np.arange(12.0).reshape(4, 3)),
        "x has a mean square beyond float64: expected smaller numbers",
    ),
    "rms_norm, squares beyond float32": (
        lambda: rms_norm.forward(np.full((2, 3), 1e20, np.float32)),
        "x has a mean square beyond float32: expected smaller numbers, or float64",
    ),
    "group_norm, a truth value": (lambda: group_norm.forward(x463, groups=True), "groups is True: it is a whole"),
    "group_norm, beta": (lambda: group_norm.forward(x463, None, three), r"beta has shape \(3,\): expected \(c,\)"),
    "group_norm, nothing": (lambda: group_norm.forward(x463[:, :, :0]), r"x has shape \(4, 6, 0\): expected"),
    "group_norm, one axis": (lambda: group_norm.forward(three), r"x has shape \(3,\): expected \(n, c, \.\.\.\)"),
}


@pytest.mark.parametrize("call", REFUSED)
def test_refused(call: str) -> None:
    refused, message = REFUSED[call]
    with pytest.raises(ValueError, match=message):
        refused()
