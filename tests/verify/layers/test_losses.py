"""Softmax and losses: values by hand and by loops, options that say the same, logits of ±900, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

from verify.layer import Array, normal
from verify.layers import bce_with_logits, cross_entropy, log_softmax, mse, softmax, softmax_with_loss

INF = math.inf
types = pytest.mark.parametrize("dtype", ["float64", "float32"])


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def gradients(layer: Any, *inputs: Any, d_output: Any = 1.0, **options: Any) -> dict[str, Array]:
    """The gradients of a layer, for one cotangent."""
    return layer.backward(d_output, layer.forward(*inputs, **options)[1])


# ------------------------------------------------------------------------------------------------- softmax, its log


def test_softmax_of_logarithms() -> None:
    y, _ = softmax.forward(np.log([1.0, 2.0, 3.0, 4.0]))
    np.testing.assert_allclose(y, [0.1, 0.2, 0.3, 0.4], rtol=1e-15)


def test_softmax_backward_by_its_jacobian() -> None:
    x, d_y = normal(rng(), 4), normal(rng(1), 4)
    p = [math.exp(a) / sum(math.exp(b) for b in x) for a in x]
    expected = [sum(d_y[i] * p[i] * ((i == j) - p[j]) for i in range(4)) for j in range(4)]
    np.testing.assert_allclose(gradients(softmax, x, d_output=d_y)["x"], expected, rtol=1e-13)


@pytest.mark.parametrize("layer", [softmax, log_softmax])
@pytest.mark.parametrize("axis", [0, 1, 2, -2])
def test_any_axis_is_the_last_one_turned(layer: Any, axis: int) -> None:
    x, d_y = normal(rng(), 3, 4, 2), normal(rng(1), 3, 4, 2)
    y, saved = layer.forward(x, axis=axis)
    turned, saved_turned = layer.forward(np.swapaxes(x, axis, -1))
    np.testing.assert_allclose(y, np.swapaxes(turned, axis, -1), rtol=1e-15)
    d_turned = layer.backward(np.swapaxes(d_y, axis, -1), saved_turned)["x"]
    np.testing.assert_allclose(layer.backward(d_y, saved)["x"], np.swapaxes(d_turned, axis, -1), atol=1e-15)


def scores_ahead(gap: float, dtype: str) -> tuple[Array, list[Any]]:
    """Scores of which the second is ahead by a gap, and their probabilities, in 60 digits."""
    x = np.array([-gap, 1.5, -gap - 1.0, 0.5 - gap], dtype)
    with mpmath.workdps(60):
        e = [mpmath.exp(float(one)) for one in x]
        return x, [one / mpmath.fsum(e) for one in e]


def assert_near(found: Any, exact: list[Any], dtype: str, gap: float) -> None:
    """Beside the largest of them; a difference of scores is rounded, which its exponential sees."""
    largest = max(abs(one) for one in exact)
    within = (4 + gap) * np.finfo(dtype).eps
    np.testing.assert_allclose([float(one / largest) for one in exact], np.divide(found, float(largest)), 0, within)


certain = pytest.mark.parametrize("gap", [1.0, 5.0, 12.0, 30.0, 60.0])


@types
@certain
@pytest.mark.parametrize("axis", [0, 1])
def test_softmax_and_its_log_of_what_is_certain(dtype: str, gap: float, axis: int) -> None:
    """Its gradient is as small as the other probabilities, and is right; beside it, a row that is not certain."""
    x, p = scores_ahead(gap, dtype)
    d_y = np.array([0.7, -1.3, 0.4, 2.1], dtype)
    both, d_both = (np.stack([one, one[::-1] / 20], 1 - axis) for one in (x, d_y))
    with mpmath.workdps(60):
        mean = mpmath.fsum(one * float(d) for one, d in zip(p, d_y, strict=True))
        of_softmax = [one * (float(d) - mean) for one, d in zip(p, d_y, strict=True)]
        log_p = [mpmath.log(one) for one in p]
        of_class = [-p[0], mpmath.fsum(p) - p[1], -p[2], -p[3]]
    found = gradients(softmax, both, d_output=d_both, axis=axis)["x"]
    assert_near(np.take(found, 0, 1 - axis), of_softmax, dtype, gap)
    other = both.astype("float64").take([1], 1 - axis)
    expected = gradients(softmax, other, d_output=d_both.take([1], 1 - axis), axis=axis)["x"]
    np.testing.assert_allclose(found.take([1], 1 - axis), expected, rtol=0, atol=4 * np.finfo(dtype).eps)
    y, saved = log_softmax.forward(both, axis=axis)
    assert_near(np.take(y, 0, 1 - axis)[1:2], log_p[1:2], dtype, gap)
    d_class = np.zeros_like(both)
    d_class[(1, 0) if axis == 0 else (0, 1)] = 1
    assert_near(np.take(log_softmax.backward(d_class, saved)["x"], 0, 1 - axis), of_class, dtype, gap)


@types
@certain
@pytest.mark.parametrize("targets", ["class", "one-hot", "weights"])
def test_loss_and_gradient_of_what_is_certain(dtype: str, gap: float, targets: str) -> None:
    x, p = scores_ahead(gap, dtype)
    t = np.array([0.0, 2.0, 2.0**-40, 0.0] if targets == "weights" else [0.0, 1.0, 0.0, 0.0], dtype)
    losses, saved = softmax_with_loss.forward(
        np.stack([x, x[::-1] / 20]), np.array([1, 0]) if targets == "class" else np.stack([t, t]), reduction="none"
    )
    with mpmath.workdps(60):
        weights = [mpmath.mpf(float(one)) for one in t]
        expected = [mpmath.fsum(weights) * one - weight for one, weight in zip(p, weights, strict=True)]
        loss = -mpmath.fsum(weight * mpmath.log(one) for one, weight in zip(p, weights, strict=True))
    assert_near(losses[:1], [loss], dtype, gap)
    assert_near(softmax_with_loss.backward(np.array([1.0, 3.0]), saved)["logits"][0], expected, dtype, gap)


@types
def test_extreme_logits(dtype: str) -> None:
    x = np.array([900.0, 899.0, -900.0], dtype)
    p = 1 / (1 + math.exp(-1.0))
    np.testing.assert_allclose(softmax.forward(x)[0], [p, 1 - p, 0.0], rtol=1e-6)
    np.testing.assert_allclose(
        log_softmax.forward(x)[0], [math.log(p), math.log(1 - p), -1800 + math.log(p)], rtol=1e-6
    )


def test_a_common_shift_changes_nothing() -> None:
    x = normal(rng(), 3, 4)
    for layer in (softmax, log_softmax):
        np.testing.assert_allclose(layer.forward(x + 1024.0)[0], layer.forward(x)[0], atol=1e-12)


def test_excluded_entries() -> None:
    x, d_y = np.array([[1.0, -INF, 2.0], [-INF, 0.5, -INF]]), np.array([[1.0, 5.0, -2.0], [3.0, 4.0, 7.0]])
    without = gradients(softmax, x[0, [0, 2]], d_output=d_y[0, [0, 2]])["x"]
    np.testing.assert_allclose(softmax.forward(x)[0][1], [0, 1, 0])
    np.testing.assert_allclose(gradients(softmax, x, d_output=d_y)["x"], [[without[0], 0, without[1]], [0, 0, 0]])
    assert np.array_equal(np.isneginf(log_softmax.forward(x)[0]), np.isneginf(x))
    np.testing.assert_allclose(gradients(log_softmax, x, d_output=d_y)["x"][1], [3, 4 - 14, 7])


# ---------------------------------------------------------------------------------------------------- squared error


def test_the_three_normalisations_of_squared_error() -> None:
    y, t = np.array([[1.0, 2.0], [3.0, 5.0], [0.0, 1.0]]), np.array([[0.0, 2.0], [1.0, 1.0], [1.0, 0.0]])
    assert mse.forward(y, t, reduction="sum")[0] == 1 + 4 + 16 + 1 + 1
    assert mse.forward(y, t)[0] == pytest.approx(23 / 6)
    assert mse.forward(y, t, reduction="sum", half=True)[0] == 11.5
    np.testing.assert_array_equal(mse.forward(y, t, reduction="none")[0], [[1, 0], [4, 16], [1, 1]])
    np.testing.assert_array_equal(gradients(mse, y, t, reduction="sum", half=True, d_output=3.0)["y"], 3 * (y - t))
    np.testing.assert_allclose(gradients(mse, y, t)["targets"], (t - y) / 3)


# ------------------------------------------------------------------------------------- cross-entropy, probabilities


def test_cross_entropy_by_hand() -> None:
    p = np.array([[0.5, 0.25, 0.25], [0.125, 0.75, 0.125]])
    loss, saved = cross_entropy.forward(p, np.array([0, 2]))
    assert loss == pytest.approx((math.log(2) + math.log(8)) / 2)
    np.testing.assert_allclose(cross_entropy.backward(3.0, saved)["p"], [[-3.0, 0, 0], [0, 0, -12.0]])
    assert cross_entropy.forward(p, p, reduction="sum")[0] == pytest.approx(
        1.5 * math.log(2) + 0.25 * math.log(8) - 0.75 * math.log(0.75)
    )


@pytest.mark.parametrize("eps", [0.0, 0.1])
@pytest.mark.parametrize("layer", [cross_entropy, softmax_with_loss])
def test_classes_are_one_hot_weights(layer: Any, eps: float) -> None:
    p, targets = rng().uniform(0.1, 0.9, (4, 3)), np.array([2, 0, 1, 1])
    options = {"eps": eps} if layer is cross_entropy else {"label_smoothing": eps}
    name = "p" if layer is cross_entropy else "logits"
    for reduction, d_output in (("mean", 0.7), ("sum", -2.0), ("none", normal(rng(1), 4))):
        hard, saved = layer.forward(p, targets, reduction=reduction, **options)
        soft, saved_soft = layer.forward(p, np.eye(3)[targets], reduction=reduction, **options)
        np.testing.assert_allclose(hard, soft, rtol=1e-14)
        d_hard, d_soft = layer.backward(d_output, saved), layer.backward(d_output, saved_soft)
        np.testing.assert_allclose(d_hard[name], d_soft[name], rtol=1e-13, atol=1e-16)
        assert d_hard.keys() == {name}
        assert d_soft.keys() == {name, "targets"}


def test_a_probability_of_zero() -> None:
    p = np.array([[0.0, 1.0], [0.5, 0.5]])
    assert cross_entropy.forward(p, np.array([1, 0]))[0] == pytest.approx(math.log(2) / 2)  # 0 is not read
    loss, saved = cross_entropy.forward(p, np.array([0, 0]), eps=1e-7, reduction="none")
    assert loss[0] == pytest.approx(math.log(1e7))
    assert cross_entropy.backward(np.array([1.0, 0.0]), saved)["p"][0, 0] == pytest.approx(-1e7)


def test_the_shift_is_part_of_the_gradient() -> None:
    """Softmax with -log(p + 1e-7): p - t times p/(p + 1e-7), 0.0202 where the class is 20 below the others."""
    z = np.array([[0.0, 20.0]])
    p, saved = softmax.forward(z)
    d_p = gradients(cross_entropy, p, np.array([0]), eps=1e-7)["p"]
    factor = math.exp(-20) / (math.exp(-20) + 1e-7)
    assert factor == pytest.approx(0.0202, abs=5e-5)
    np.testing.assert_allclose(softmax.backward(d_p, saved)["x"], factor * np.array([[-1.0, 1.0]]), rtol=1e-7)


# -------------------------------------------------------------------------------------------- cross-entropy, logits


@pytest.mark.parametrize("weighted", [False, True])
def test_softmax_with_loss_is_both_layers_in_a_row(weighted: bool) -> None:
    z = normal(rng(), 3, 5)
    t = rng(1).dirichlet(np.ones(5), 3) if weighted else np.array([4, 0, 0])
    p, saved = softmax.forward(z)
    loss, saved_loss = cross_entropy.forward(p, t)
    back = cross_entropy.backward(-1.7, saved_loss)
    both = gradients(softmax_with_loss, z, t, d_output=-1.7)
    assert softmax_with_loss.forward(z, t)[0] == pytest.approx(float(loss), rel=1e-13)
    np.testing.assert_allclose(both["logits"], softmax.backward(back["p"], saved)["x"], rtol=1e-12)
    np.testing.assert_allclose(both["logits"].sum(axis=1), 0, atol=1e-15)
    if weighted:
        np.testing.assert_allclose(both["targets"], back["targets"], rtol=1e-12)


@types
def test_extreme_logits_cost_what_they_say(dtype: str) -> None:
    z = np.array([[900, -900, 0], [900, -900, 0]], dtype)
    losses, saved = softmax_with_loss.forward(z, np.array([1, 0]), reduction="none")
    np.testing.assert_array_equal(losses, [1800, 0])
    np.testing.assert_array_equal(softmax_with_loss.backward([1, 1], saved)["logits"], [[1, -1, 0], [0, 0, 0]])
    assert softmax_with_loss.forward(z, np.array([1, 0], int))[0].dtype == dtype


@types
@pytest.mark.parametrize("top", [-3.0, 0.0, 1.0, 20.0, 30.0])
def test_a_common_shift_of_logits_does_not_round_losses(dtype: str, top: float) -> None:
    """Without a shift, too: the loss of a class that is all but certain is near 0, not near the logit."""
    gaps = np.linspace(2, 12, 41).astype(dtype)
    z = np.stack([np.full_like(gaps, top), (top - gaps).astype(dtype)], axis=1)
    losses, saved = softmax_with_loss.forward(z, np.zeros(41, int), reduction="none")
    gap = z[:, 1].astype(float) - z[:, 0]
    np.testing.assert_allclose(losses, np.log1p(np.exp(gap)), rtol=0, atol=4 * np.finfo(dtype).eps)
    d_z = softmax_with_loss.backward(np.ones(41, dtype), saved)["logits"]
    np.testing.assert_allclose(d_z[:, 1], 1 / (1 + np.exp(-gap)), rtol=4 * np.finfo(dtype).eps)


@types
def test_one_class_is_certain(dtype: str) -> None:
    """Its loss is 0, and so is its gradient, whatever the logit."""
    z = np.linspace(-30, 30, 101).reshape(-1, 1).astype(dtype)
    for logits in (z, z[::-1], np.repeat(z, 3, axis=0)[::3], np.hstack([z, np.full_like(z, -np.inf)])):
        losses, saved = softmax_with_loss.forward(logits, np.zeros(101, int), reduction="none")
        assert not np.any(losses)
        assert not np.any(softmax_with_loss.backward(np.linspace(-1, 1, 101), saved)["logits"])


def test_weights_of_any_sum() -> None:
    z, t = normal(rng(), 2, 3), normal(rng(1), 2, 3)
    expected = np.empty((2, 3))
    for i in range(2):
        total = sum(math.exp(a) for a in z[i])
        for k in range(3):
            expected[i, k] = sum(t[i]) * math.exp(z[i, k]) / total - t[i, k]
    np.testing.assert_allclose(gradients(softmax_with_loss, z, t, reduction="sum")["logits"], expected, rtol=1e-12)


def test_smoothing_is_other_weights() -> None:
    z, targets = normal(rng(), 4, 5), np.array([4, 0, 2, 2])
    weights = np.full((4, 5), 0.3 / 5)
    for i, k in enumerate(targets):
        weights[i, k] += 0.7
    smooth, saved = softmax_with_loss.forward(z, targets, label_smoothing=0.3)
    plain, saved_plain = softmax_with_loss.forward(z, weights)
    np.testing.assert_allclose(smooth, plain, rtol=1e-14)
    np.testing.assert_allclose(
        softmax_with_loss.backward(2.0, saved)["logits"],
        softmax_with_loss.backward(2.0, saved_plain)["logits"],
        rtol=1e-13,
    )


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("ignored", [-100, 1, 77])
def test_ignored_samples_are_as_if_left_out(reduction: str, ignored: int, smoothing: float) -> None:
    z, targets = normal(rng(), 5, 3), np.array([2, ignored, 0, ignored, 2])
    options = {"reduction": reduction, "label_smoothing": smoothing}
    loss, saved = softmax_with_loss.forward(z, targets, ignore_index=ignored, **options)
    kept, saved_kept = softmax_with_loss.forward(z[[0, 2, 4]], targets[[0, 2, 4]], **options)
    np.testing.assert_allclose(loss, kept, rtol=1e-14)
    d_z = softmax_with_loss.backward(-0.3, saved)["logits"]
    np.testing.assert_allclose(d_z[[0, 2, 4]], softmax_with_loss.backward(-0.3, saved_kept)["logits"], rtol=1e-13)
    assert not np.any(d_z[[1, 3]])


def test_excluded_classes() -> None:
    z = np.array([[0.0, -INF, math.log(3)], [1.0, -INF, 1.0]])
    losses, saved = softmax_with_loss.forward(z, np.array([0, 1]), reduction="none")
    np.testing.assert_allclose(losses, [math.log(4), INF])
    ignored = softmax_with_loss.forward(np.array([[-INF, 0.0], [0.0, 0.0]]), np.array([7, 0]), ignore_index=7)[0]
    assert ignored == pytest.approx(math.log(2))
    np.testing.assert_allclose(
        softmax_with_loss.backward([1, 1], saved)["logits"], [[-0.75, 0, 0.75], [0.5, -1, 0.5]]
    )


# ------------------------------------------------------------------------------------------------------- two classes


@types
def test_extreme_logits_of_two_classes(dtype: str) -> None:
    z, t = np.array([900, -900, 900, -900], dtype), np.array([0, 1, 1, 0], dtype)
    losses, saved = bce_with_logits.forward(z, t, pos_weight=3.0, reduction="none")
    np.testing.assert_array_equal(losses, [900, 2700, 0, 0])
    np.testing.assert_array_equal(bce_with_logits.backward(np.ones(4, dtype), saved)["logits"], [1, -3, 0, 0])
    far = bce_with_logits.forward(np.array([1e4, -1e4], dtype), np.array([0, 1], dtype))[0]
    assert far == 1e4


@types
def test_small_losses_are_accurate(dtype: str) -> None:
    """Far on the right side, loss and gradient are exp(-|z|)."""
    z, t = np.array([-30.0, 30.0], dtype), np.array([0.0, 1.0], dtype)
    losses, saved = bce_with_logits.forward(z, t, reduction="none")
    np.testing.assert_allclose(losses, math.exp(-30), rtol=1e-6)
    d_z = bce_with_logits.backward(np.ones(2), saved)["logits"]
    np.testing.assert_allclose(d_z, [math.exp(-30), -math.exp(-30)], rtol=1e-6)


def test_weights_count_positive_targets() -> None:
    z, t, w = normal(rng(), 3, 2), np.array([[1.0, 0.0], [0.25, 1.0], [0.0, 0.0]]), np.array([2.0, 0.5])
    losses = np.empty((3, 2))
    slopes = np.empty((3, 2))
    for i, k in np.ndindex(3, 2):
        q = 1 / (1 + math.exp(-z[i, k]))
        losses[i, k] = -w[k] * t[i, k] * math.log(q) - (1 - t[i, k]) * math.log(1 - q)
        slopes[i, k] = -w[k] * t[i, k] * (1 - q) + (1 - t[i, k]) * q
    found, saved = bce_with_logits.forward(z, t, pos_weight=w)
    assert found == pytest.approx(losses.mean())
    np.testing.assert_allclose(bce_with_logits.backward(6.0, saved)["logits"], slopes, rtol=1e-13)


def test_two_classes_are_a_softmax_of_two() -> None:
    z, targets = normal(rng(), 6), np.array([0, 1, 1, 0, 1, 0])
    both = np.stack([np.zeros(6), z], axis=1)
    two = gradients(softmax_with_loss, both, targets)["logits"]
    np.testing.assert_allclose(
        bce_with_logits.forward(z, targets.astype(float))[0], softmax_with_loss.forward(both, targets)[0], rtol=1e-13
    )
    np.testing.assert_allclose(gradients(bce_with_logits, z, targets.astype(float))["logits"], two[:, 1], rtol=1e-13)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0, 2.5])
def test_gradient_of_binary_targets(dtype: str, weight: float) -> None:
    """It is w log(1 + exp(-z)) - log(1 + exp(z)): -z where w is 1, however small z is."""
    z = np.array([1e-10, -3e-10, 2e-5, -0.5, 3.0, -40.0, 700.0], dtype)
    _, saved = bce_with_logits.forward(z, np.full(7, 0.3, dtype), pos_weight=weight, reduction="sum")
    with mpmath.workdps(400):  # of exp(±700) beside 1
        a = [mpmath.mpf(one) for one in z.tolist()]
        expected = [float(weight * mpmath.log1p(mpmath.exp(-b)) - mpmath.log1p(mpmath.exp(b))) for b in a]
    found = bce_with_logits.backward(1.0, saved)["targets"]
    np.testing.assert_allclose(found, expected, rtol=4 * np.finfo(dtype).eps)


@types
def test_rows_far_below_zero(dtype: str) -> None:
    """Exponentials that are all 0 without a shift, while none overflows."""
    y, _ = softmax.forward(np.array([[-900.0, -900.0 + math.log(3)], [-200.0, -200.0]], dtype))
    np.testing.assert_allclose(y, [[0.25, 0.75], [0.5, 0.5]], rtol=1e-13 if dtype == "float64" else 1e-4)


@types
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_certain_rows_lie_along_the_axis(axis: int, dtype: str) -> None:
    x = np.zeros((4, 3, 2), dtype)
    x[0, :, 0], x[1, 0, 1], x[2, 2, 1] = 40.0, 40.0, 3.0
    y, saved = log_softmax.forward(x, axis=axis)
    np.testing.assert_allclose(np.exp(y).sum(axis=axis), 1.0, rtol=4 * np.finfo(dtype).eps)
    lines = np.moveaxis(x, axis, -1)
    expected, again = log_softmax.forward(np.ascontiguousarray(lines))
    np.testing.assert_array_equal(np.moveaxis(y, axis, -1), expected)
    d_y = normal(rng(), *x.shape).astype(dtype)
    found = log_softmax.backward(d_y, saved)["x"]
    np.testing.assert_allclose(
        np.moveaxis(found, axis, -1), log_softmax.backward(np.moveaxis(d_y, axis, -1), again)["x"], rtol=1e-4
    )


def test_extended_precision() -> None:
    """Where there is a longer type than float64, its exponentials overflow later, and are shifted then."""
    x = np.array([20000.0, 20000.0 - math.log(3)], np.longdouble)
    y, saved = softmax.forward(x)
    np.testing.assert_allclose(y.astype(float), [0.75, 0.25], rtol=1e-12)
    assert y.dtype == softmax.backward(np.ones(2), saved)["x"].dtype == np.longdouble


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.uint64])
def test_classes_are_any_integers(dtype: Any) -> None:
    z, targets = normal(rng(), 3, 200), np.array([0, 100, 127])
    for layer, scores in ((softmax_with_loss, z), (cross_entropy, softmax.forward(z)[0])):
        loss, saved = layer.forward(scores, targets.astype(dtype))
        expected, again = layer.forward(scores, targets)
        assert loss == expected
        name = next(iter(layer.backward(1.0, saved)))
        np.testing.assert_array_equal(layer.backward(1.0, saved)[name], layer.backward(1.0, again)[name])


def test_all_is_smoothed() -> None:
    """Nothing of the targets is left: the loss is that of equal weights."""
    z = normal(rng(), 3, 4)
    loss, _ = softmax_with_loss.forward(z, np.array([0, 3, 1]), label_smoothing=1.0)
    assert loss == pytest.approx(softmax_with_loss.forward(z, np.full((3, 4), 0.25))[0], rel=1e-14)


# ---------------------------------------------------------------------------------------------------------- refusals

x34, t34, rows = np.full((3, 4), 0.25), np.full((3, 4), 0.25), np.array([0, 3, 1])
REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "softmax, no such axis": (lambda: softmax.forward(x34, axis=2), "axis is 2: an axis is from -2 to 1"),
    "softmax, no axis at all": (lambda: softmax.forward(np.array(1.0)), r"x has shape \(\): expected \(\.\.\., k\)"),
    "softmax, integers": (lambda: softmax.forward(rows), "x holds int64: it is an array of floating-point"),
    "softmax, a row of -inf": (
        lambda: softmax.forward(np.array([[0.0, 1.0], [-INF, -INF]])),
        r"x has shape \(2, 2\) and -inf as largest entry along axis 1",
    ),
    "softmax, NaN": (lambda: softmax.forward(np.array([0.0, np.nan])), "x has shape .* and nan as largest entry"),
    "softmax, no entry": (lambda: softmax.forward(np.zeros((2, 0))), r"x has shape \(2, 0\) and -inf as largest"),
    "log_softmax, no such axis": (lambda: log_softmax.forward(x34, axis=-3), "axis is -3: an axis is from -2 to 1"),
    "log_softmax, +inf": (lambda: log_softmax.forward(np.array([0.0, INF])), "and inf as largest entry"),
    "log_softmax, cotangent": (
        lambda: log_softmax.backward(np.ones(4), log_softmax.forward(x34)[1]),
        r"d_output has shape \(4,\), the output has shape \(3, 4\)",
    ),
    "log_softmax, a row of -inf": (lambda: log_softmax.forward(np.full(3, -INF)), "x has .* -inf as largest entry"),
    "log_softmax, axis no integer": (lambda: log_softmax.forward(x34, axis=1.0), "axis is 1.0: an axis is"),
    "mse, shapes": (
        lambda: mse.forward(x34, t34[:, :1]),
        r"targets has shape \(3, 1\): expected \(\*n,\) with \*n = \(3, 4\) as in y",
    ),
    "mse, reduction": (
        lambda: mse.forward(x34, t34, reduction="average"),
        "reduction is 'average': it is one of 'mean', 'sum', 'none'",
    ),
    "mse, nothing": (lambda: mse.forward(x34[:0], t34[:0]), "reduction is 'mean', and there is no loss"),
    "mse, integers": (lambda: mse.forward(x34, t34.astype(int)), "targets holds int64"),
    "mse, half": (lambda: mse.forward(x34, t34, half=0.5), "half is 0.5: it is one of False, True"),
    "cross_entropy, negative": (
        lambda: cross_entropy.forward(x34 - [[0, 0.5, 0, 0]], rows),
        r"p holds -0.25 at \[0, 1\]: expected a probability from 0 to 1",
    ),
    "cross_entropy, above 1": (lambda: cross_entropy.forward(5 * x34, rows), r"p holds 1.25 at \[0, 0\]: expected"),
    "cross_entropy, NaN": (lambda: cross_entropy.forward(np.nan * x34, rows), r"p holds nan at \[0, 0\]: expected"),
    "cross_entropy, class": (
        lambda: cross_entropy.forward(x34, rows + 1),
        r"targets holds 4 at \[1\]: expected a class from 0 to 3",
    ),
    "cross_entropy, zero": (
        lambda: cross_entropy.forward(np.eye(3), np.array([0, 1, 0])),
        "p holds 0 where its logarithm is read: expected eps > 0",
    ),
    "cross_entropy, zero with weights": (lambda: cross_entropy.forward(np.eye(3), np.eye(3)), "p holds 0 where"),
    "cross_entropy, eps": (lambda: cross_entropy.forward(x34, rows, eps=-1e-7), "eps is -1e-07: it is a number"),
    "cross_entropy, shapes": (
        lambda: cross_entropy.forward(x34, rows[:2]),
        r"targets has shape \(2,\): expected \(\*n,\) with \*n = \(3,\) as in p",
    ),
    "softmax_with_loss, class": (
        lambda: softmax_with_loss.forward(x34, -rows),
        r"targets holds -3 at \[1\]: expected a class from 0 to 3",
    ),
    "softmax_with_loss, weights": (
        lambda: softmax_with_loss.forward(x34, t34[:, :3]),
        r"targets has shape \(3, 3\): expected \(\*n, k\) with k = 4 as in logits",
    ),
    "softmax_with_loss, smoothing": (
        lambda: softmax_with_loss.forward(x34, rows, label_smoothing=1.5),
        r"label_smoothing is 1.5: it is a number in \[0, 1\]",
    ),
    "softmax_with_loss, ignored weights": (
        lambda: softmax_with_loss.forward(x34, t34, ignore_index=0),
        "ignore_index is 0 and targets holds float64: expected integers",
    ),
    "softmax_with_loss, all ignored": (
        lambda: softmax_with_loss.forward(x34, 0 * rows, ignore_index=0),
        "reduction is 'mean', and there is no loss",
    ),
    "softmax_with_loss, reduction": (
        lambda: softmax_with_loss.forward(x34, rows, reduction="batch"),
        "reduction is 'batch': it is one of",
    ),
    "softmax_with_loss, booleans": (
        lambda: softmax_with_loss.forward(x34, x34 > 0),
        "targets holds bool: expected integers, the classes, or floating-point weights",
    ),
    "softmax_with_loss, no targets": (lambda: softmax_with_loss.forward(x34, None), "targets holds object: expected"),
    "softmax_with_loss, classes that are no integers": (
        lambda: softmax_with_loss.forward(x34, rows.astype(float)),
        r"targets has shape \(3,\) and holds float64: expected integers for classes, or weights of all",
    ),
    "softmax_with_loss, infinite with weights": (
        lambda: softmax_with_loss.forward(np.array([[0.0, -INF]]), np.array([[1.0, 0.0]])),
        r"logits holds -inf at \[0, 1\]: expected finite numbers with weights of classes",
    ),
    "softmax_with_loss, cotangent": (
        lambda: softmax_with_loss.backward(np.ones(3), softmax_with_loss.forward(x34, rows)[1]),
        r"d_output has shape \(3,\), the output has shape \(\)",
    ),
    "softmax_with_loss, smoothing no number": (
        lambda: softmax_with_loss.forward(x34, rows, label_smoothing="0.1"),
        "label_smoothing is '0.1': it is a number",
    ),
    "softmax_with_loss, ignored name": (
        lambda: softmax_with_loss.forward(x34, rows, ignore_index="a"),
        "ignore_index is 'a': it is a whole number$",
    ),
    "softmax_with_loss, ignored classes": (
        lambda: softmax_with_loss.forward(x34, rows, ignore_index=np.array([0, 3, 1])),
        "ignore_index is array",
    ),
    "softmax_with_loss, ignored truth value": (
        lambda: softmax_with_loss.forward(x34, rows, ignore_index=True),
        "ignore_index is True: it is a whole number$",
    ),
    "softmax_with_loss, no classes": (
        lambda: softmax_with_loss.forward(np.zeros((2, 0)), np.zeros((2, 0))),
        r"logits has shape \(2, 0\): expected at least one class",
    ),
    "softmax_with_loss, NaN as weight": (
        lambda: softmax_with_loss.forward(x34, np.where(t34 == x34, np.nan, 0)),
        r"targets holds nan at \[0, 0\]: expected finite numbers",
    ),
    "softmax_with_loss, ragged targets": (
        lambda: softmax_with_loss.forward(x34, [[0], [1, 2], [3]]),
        "targets is no array: ",
    ),
    "bce_with_logits, infinite weight": (
        lambda: bce_with_logits.forward(x34, t34, pos_weight=INF),
        "pos_weight holds inf: expected finite numbers from 0",
    ),
    "bce_with_logits, weight's shape": (
        lambda: bce_with_logits.forward(x34, t34, pos_weight=np.ones(3)),
        r"pos_weight has shape \(3,\): expected one that broadcasts to that of logits, \(3, 4\)",
    ),
    "bce_with_logits, weight with more axes": (
        lambda: bce_with_logits.forward(x34, t34, pos_weight=np.ones((1, 3, 4))),
        r"pos_weight has shape \(1, 3, 4\): expected",
    ),
    "bce_with_logits, negative weight": (
        lambda: bce_with_logits.forward(x34, t34, pos_weight=-2.0),
        "pos_weight holds -2.0: expected finite numbers from 0",
    ),
    "bce_with_logits, integers": (lambda: bce_with_logits.forward(x34, t34.astype(int)), "targets holds int64"),
    "bce_with_logits, types": (
        lambda: bce_with_logits.forward(x34, t34.astype(np.float32)),
        "targets holds float32, logits holds float64: convert one",
    ),
    "bce_with_logits, targets' shape": (
        lambda: bce_with_logits.forward(x34[:, :1], t34[:, 0]),
        r"targets has shape \(3,\): expected \(\*n,\) with \*n = \(3, 1\) as in logits",
    ),
    "bce_with_logits, nothing": (lambda: bce_with_logits.forward(x34[:0], t34[:0]), "there is no loss"),
}


@pytest.mark.parametrize("call", REFUSED)
def test_refused(call: str) -> None:
    refused, message = REFUSED[call]
    with pytest.raises(ValueError, match=message):
        refused()
