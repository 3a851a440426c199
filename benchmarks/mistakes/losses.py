"""Mistakes in losses and penalties."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.mistakes.mistake import Correct, mutated, of_layer, right_layer
from verify.layer import normal
from verify.layer_parts.classes import distributions

__all__ = ["CORRECT", "MISTAKES"]

Rng = np.random.Generator


def two(rng: Rng) -> tuple[Any, ...]:
    """Outputs and targets of a regression."""
    return normal(rng, 4, 3), normal(rng, 4, 3)


def binary(rng: Rng) -> tuple[Any, ...]:
    """Logits and hard targets of both kinds."""
    targets = rng.integers(0, 2, (4, 3)).astype(float)
    targets[0] = [0.0, 1.0, 1.0]
    return normal(rng, 4, 3, scale=2.0), targets


def far_binary(rng: Rng) -> tuple[Any, ...]:
    """Logits with some in the tails, on the right side and on the wrong one."""
    return np.array([20.0, -20.0, 21.0, -18.0, 0.3, -1.2]) + normal(rng, 6), np.array([1.0, 1.0, 0.0, 0.0, 1.0, 0.0])


def farthest_binary(rng: Rng) -> tuple[Any, ...]:
    """Logits whose exponentials overflow."""
    return np.array([900.0, -900.0, 900.0, -900.0, 0.5]), np.array([1.0, 1.0, 0.0, 0.0, 1.0])


def classes(rng: Rng) -> tuple[Any, ...]:
    """Distributions and classes."""
    return distributions(rng, 5, 4), np.array([3, 0, 2, 0, 1])


def weights(rng: Rng) -> tuple[Any, ...]:
    """Distributions, and weights of the classes."""
    return distributions(rng, 5, 4), distributions(rng, 5, 4)


def rare(rng: Rng) -> tuple[Any, ...]:
    """Distributions, in which some of the right classes have almost no probability."""
    p = distributions(rng, 4, 3)
    p[1, 2], p[3, 0] = 1e-10, 1e-5
    return p, np.array([0, 2, 1, 0])


def logits(rng: Rng) -> tuple[Any, ...]:
    """Logits and classes."""
    return normal(rng, 5, 4, scale=2.0), np.array([3, 0, 2, 0, 1])


def weighted_logits(rng: Rng) -> tuple[Any, ...]:
    """Logits, and weights of the classes that sum to no 1."""
    return normal(rng, 5, 4), normal(rng, 5, 4)


def one_hot(rng: Rng) -> tuple[Any, ...]:
    """Logits, and a one in every row."""
    return normal(rng, 5, 4), np.eye(4)[[3, 0, 2, 0, 1]]


def far_logits(rng: Rng) -> tuple[Any, ...]:
    """Logits of ±900 and of ±25."""
    x = np.array([[900.0, -900.0, 0.0], [-900.0, 900.0, 0.0], [25.0, 0.0, 3.0], [1.0, 0.5, -24.0]])
    return x + normal(rng, 4, 3), np.array([0, 0, 1, 2])


def penalised(rng: Rng) -> tuple[Any, ...]:
    """Weights of both signs."""
    return (normal(rng, 3, 4),)


def sparse(rng: Rng) -> tuple[Any, ...]:
    """Weights of both signs, some exactly 0."""
    W = normal(rng, 3, 4)
    W[:, 1] = 0.0
    return (W,)


MSE = "difference * d_losses * (1 if half else 2)"
MSE_SPREAD = "spread(d_output, reduction, difference.size,"
BCE = "(1 - t) * expit(z) - w * t * expit(-z)"
CE = "-d_losses / q, axis=-1"
CE_WEIGHTS = '{"p": -d_losses * targets / q, "targets": -d_losses * np.log(q)}'
SL_CLASS = "-others * share"
SL_SPREAD = "spread(d_output, reduction, count, counted.shape, e.dtype) * counted"
SL_ALL = "d_logits = e * share"
SL_BOTH = '{"logits": d_logits, "targets": d_targets * d_losses}'
L1 = "d_R * (lam * np.sign(W))"
L2 = "d_R * (lam * (W if half else 2 * W))"

MISTAKES = (
    # ------------------------------------------------------------------------------------------------------------ mse
    of_layer(
        "mse", "the 2 is forgotten", (MSE, "difference * d_losses"), inputs=two, kind="scale", culprits=(0, 1),
    ),
    of_layer(
        "mse", "the sum's gradient for the mean", (MSE_SPREAD, MSE_SPREAD.replace("difference.size", "1")),
        inputs=two, kind="scale", culprits=(0, 1),
    ),
    of_layer(
        "mse", "the mean is over the samples alone",
        (MSE_SPREAD, MSE_SPREAD.replace("difference.size", "len(difference)")),
        inputs=two, kind="scale", culprits=(0, 1),
    ),
    of_layer(
        "mse", "the targets have the sign of the output", ("np.asarray(-d_y)", "d_y.copy()"), inputs=two, kind="sign",
        culprits=(1,),
    ),
    of_layer(
        "mse", "the size of the difference", (MSE, MSE.replace("difference", "np.abs(difference)")), inputs=two,
        kind="sign", or_kind=("region", "mask"), culprits=(0, 1), reduction="none",
    ),
    of_layer(
        "mse", "the loss is taken for the end of the graph", (MSE_SPREAD, MSE_SPREAD.replace("d_output", "1.0")),
        inputs=two, kind="cotangent", culprits=(0, 1),
    ),
    of_layer(
        "mse", "the targets have no gradient", (', "targets": np.asarray(-d_y)', ""), inputs=two, kind="contract",
        culprits=(1,),
    ),
    of_layer(
        "mse", "the targets are taken for constants", ("np.asarray(-d_y)", "np.zeros_like(d_y)"), inputs=two,
        kind="path", culprits=(1,),
    ),
    of_layer(
        "mse", "large differences are cut off", (MSE, MSE.replace("difference", "np.clip(difference, -1, 1)")),
        inputs=two, kind="region", or_kind=("mask",), culprits=(0, 1),
    ),
    of_layer(
        "mse", "the difference is scaled in its memory",
        (MSE, "np.multiply(difference, 2 * d_losses, out=difference).copy()"),
        inputs=two, kind="cache", or_kind=("contract",), culprits=(0, 1), reduction="sum", shown_by="a second call",
    ),
    # ------------------------------------------------------------------------------------------------ bce_with_logits
    of_layer(
        "bce_with_logits", "the weight of positive targets is forgotten", (BCE, BCE.replace("w * ", "")),
        inputs=binary, kind="mask", or_kind=("scale", "path", "region"), culprits=(0,), pos_weight=3.0,
    ),
    of_layer(
        "bce_with_logits", "the sign is turned", (BCE, f"-({BCE})"), inputs=binary, kind="sign", culprits=(0,),
        reduction="none",
    ),
    of_layer(
        "bce_with_logits", "the sum's gradient for the mean",
        ("reduction, z.size, z.shape, z.dtype", "reduction, 1, z.shape, z.dtype"),
        inputs=binary, kind="scale", culprits=(0, 1),
    ),
    of_layer(
        "bce_with_logits", "negative targets are left out", (BCE, "-w * t * expit(-z)"), inputs=binary, kind="path",
        or_kind=("mask",), culprits=(0,),
    ),
    of_layer(
        "bce_with_logits", "logits are clipped to ±10",
        (BCE, BCE.replace("expit(z)", "expit(np.clip(z, -10, 10))").replace(
            "expit(-z)", "expit(-np.clip(z, -10, 10))")),
        inputs=far_binary, kind="region", or_kind=("subtle",), culprits=(0,), hard=True, reduction="sum",
    ),
    of_layer(
        "bce_with_logits", "exponentials overflow",
        (BCE, "(1 - t) * (np.exp(z) / (1 + np.exp(z))) - w * t * expit(-z)"),
        inputs=farthest_binary, kind="contract", or_kind=("region",), culprits=(0,), hard=True,
    ),
    of_layer(
        "bce_with_logits", "the gradient of the targets has the wrong sign",
        ("d_t = d_losses * (", "d_t = -d_losses * ("), inputs=binary, kind="sign", culprits=(1,),
    ),
    of_layer(
        "bce_with_logits", "the cotangent is left out of the targets' gradient",
        ("d_t = d_losses * (", "d_t = (1 / z.size) * ("),
        inputs=binary, kind="cotangent", culprits=(1,),
    ),
    of_layer(
        "bce_with_logits", "the sigmoid is computed in float32",
        (BCE, BCE.replace("expit(z)", "expit(z.astype(np.float32))")),
        inputs=binary, kind="precision", or_kind=("subtle",), culprits=(0,),
    ),
    # -------------------------------------------------------------------------------------------------- cross_entropy
    of_layer(
        "cross_entropy", "the minus is forgotten", (CE, CE[1:]), inputs=classes, kind="sign", culprits=(0,),
    ),
    of_layer(
        "cross_entropy", "the sum's gradient for the mean", ("int(np.prod(n))", "1"), inputs=classes, kind="scale",
        culprits=(0,),
    ),
    of_layer(
        "cross_entropy", "the next class gets the gradient",
        ("d_p, targets[..., None], -d", "d_p, (targets[..., None] + 1) % shape[-1], -d"),
        inputs=classes, kind="index", or_kind=("mask",), culprits=(0,), reduction="sum",
    ),
    of_layer(
        "cross_entropy", "every class gets the gradient",
        ("np.put_along_axis(d_p, targets[..., None], -d_losses / q, axis=-1)", "d_p[...] = -d_losses / q"),
        inputs=classes, kind="mask", culprits=(0,),
    ),
    of_layer(
        "cross_entropy", "eps is left out of the denominator", (CE, "-d_losses / (q - 0.1), axis=-1"), inputs=classes,
        kind="stats", or_kind=("region", "scale"), culprits=(0,), eps=0.1,
    ),
    of_layer(
        "cross_entropy", "the last sample is left out",
        ("    return {\"p\": d_p}", "    d_p[-1] = 0\n    return {\"p\": d_p}"), inputs=classes, kind="local",
        or_kind=("index", "mask"), culprits=(0,),
    ),
    of_layer(
        "cross_entropy", "the targets' gradient is that of a difference of logarithms",
        (CE_WEIGHTS, CE_WEIGHTS.replace("np.log(q)", "(np.log(q) - np.log(targets) - 1)")), inputs=weights,
        kind="path", culprits=(1,),
    ),
    of_layer(
        "cross_entropy", "the gradient passes to integer targets",
        ('return {"p": d_p}', 'return {"p": d_p, "targets": np.zeros(n)}'),
        inputs=classes, kind="contract", culprits=(1,),
    ),
    of_layer(
        "cross_entropy", "probabilities below 0.001 are raised", (CE, "-d_losses / np.maximum(q, 1e-3), axis=-1"),
        inputs=rare, kind="region", or_kind=("local", "mask"), culprits=(0,), hard=True,
    ),
    of_layer(
        "cross_entropy", "1e-7 is added to probabilities", (CE, "-d_losses / (q + 1e-7), axis=-1"), inputs=classes,
        kind="subtle", or_kind=("stats",), culprits=(0,),
    ),
    # ---------------------------------------------------------------------------------------------- softmax_with_loss
    of_layer(
        "softmax_with_loss", "the one at the class is forgotten", (SL_CLASS, "(total - others) * share"),
        inputs=logits, kind="path", or_kind=("local", "mask"), culprits=(0,),
    ),
    of_layer(
        "softmax_with_loss", "the probability of the class is lost", (SL_CLASS, "-d_losses"), inputs=logits,
        kind="path", or_kind=("accumulate", "local", "mask"), culprits=(0,),
    ),
    of_layer(
        "softmax_with_loss", "the sum's gradient for the mean", (SL_SPREAD, SL_SPREAD.replace("count,", "1,", 1)),
        inputs=logits, kind="scale", culprits=(0,),
    ),
    of_layer(
        "softmax_with_loss", "ignored samples have a gradient", (SL_SPREAD, SL_SPREAD.replace(" * counted", "")),
        inputs=logits, kind="mask", or_kind=("local",), culprits=(0,), ignore_index=0,
    ),
    of_layer(
        "softmax_with_loss", "the mean counts ignored samples",
        (SL_SPREAD, SL_SPREAD.replace("count,", "counted.size,", 1)),
        inputs=logits, kind="scale", culprits=(0,), ignore_index=0,
    ),
    of_layer(
        "softmax_with_loss", "the weights are taken to sum to 1", (SL_ALL, "d_logits = e * (d_losses / total)"),
        inputs=weighted_logits, kind="path", or_kind=("scale",), culprits=(0,),
    ),
    of_layer(
        "softmax_with_loss", "the gradient of the weights has the wrong sign",
        (SL_BOTH, SL_BOTH.replace('"targets": ', '"targets": -')), inputs=weighted_logits, kind="sign", culprits=(1,),
    ),
    of_layer(
        "softmax_with_loss", "the cotangent of each sample is their sum",
        (SL_SPREAD, SL_SPREAD.replace("d_output", "np.full(counted.shape, np.sum(d_output))")), inputs=logits,
        kind="cotangent", culprits=(0,), reduction="none",
    ),
    of_layer(
        "softmax_with_loss", "the class before gets the one",
        ("np.put_along_axis(d_logits, at, at_class, axis=-1)",
         "d_logits[np.arange(len(t)), t - 1] -= d_losses[..., 0]"), inputs=logits, kind="index", or_kind=("mask",),
        culprits=(0,),
    ),
    of_layer(
        "softmax_with_loss", "the exponentials saved are scaled in their memory",
        (SL_ALL, "d_logits = np.multiply(e, share, out=e)"),
        inputs=logits, kind="cache",
        or_kind=("contract",), culprits=(0,), shown_by="a second call",
    ),
    of_layer(
        "softmax_with_loss", "probabilities are rounded to float32",
        (SL_ALL, SL_ALL.replace("e * ", "e.astype(np.float32).astype(float) * ")),
        inputs=logits, kind="precision", or_kind=("subtle",), culprits=(0,),
    ),
    of_layer(
        "softmax_with_loss", "probabilities are at least 1e-7",
        (SL_ALL, SL_ALL.replace("e * ", "np.maximum(e, 1e-7) * ")),
        inputs=far_logits, kind="region", or_kind=("subtle", "local"), culprits=(0,), hard=True,
    ),
    # --------------------------------------------------------------------------------------------------------- l1_reg
    of_layer(
        "l1_reg", "the factor is forgotten", (L1, "d_R * np.sign(W)"), inputs=penalised, kind="scale", culprits=(0,),
        lam=0.3,
    ),
    of_layer(
        "l1_reg", "the sign of the weights is forgotten", (L1, "d_R * (lam * np.ones(W.shape))"), inputs=penalised,
        kind="sign", or_kind=("region",), culprits=(0,), lam=0.3,
    ),
    of_layer(
        "l1_reg", "negative weights are not penalised", (L1, "d_R * (lam * (W > 0))"), inputs=penalised,
        kind="region",
        or_kind=("mask",), culprits=(0,), lam=0.3,
    ),
    of_layer(
        "l1_reg", "the cotangent is left out", (L1, "lam * np.sign(W)"), inputs=penalised, kind="cotangent",
        culprits=(0,), lam=0.3,
    ),
    of_layer(
        "l1_reg", "twice the slope at 0", (L1, "d_R * (lam * np.where(W == 0, 2, np.sign(W)))"), inputs=sparse,
        kind="ties", or_kind=("region", "local"), culprits=(0,), hard=True, lam=0.3,
    ),
    of_layer(
        "l1_reg", "a mean in place of the sum", (L1, L1 + " / W.size"), inputs=penalised, kind="scale", culprits=(0,),
        lam=0.3,
    ),
    # --------------------------------------------------------------------------------------------------------- l2_reg
    of_layer(
        "l2_reg", "the half is forgotten", (L2, "d_R * (2 * lam * W)"), inputs=penalised, kind="scale",
        culprits=(0,),
        lam=0.3,
    ),
    of_layer(
        "l2_reg", "the factor is forgotten", (L2, "d_R * W"), inputs=penalised, kind="scale", culprits=(0,), lam=0.3,
    ),
    of_layer(
        "l2_reg", "the cotangent is left out", (L2, "lam * W"), inputs=penalised, kind="cotangent", culprits=(0,),
        lam=0.3,
    ),
    of_layer(
        "l2_reg", "the size of the weights", (L2, "d_R * (lam * np.abs(W))"), inputs=penalised, kind="sign",
        or_kind=("region", "mask"), culprits=(0,), lam=0.3,
    ),
    of_layer(
        "l2_reg", "the gradient is flat", (L2, "(d_R * (lam * W)).ravel()"), inputs=penalised, kind="contract",
        culprits=(0,), lam=0.3,
    ),
    of_layer(
        "l2_reg", "the weights decay in their memory", (L2, "d_R * np.multiply(W, lam, out=W)"), inputs=penalised,
        kind="contract", culprits=None, lam=0.3,
    ),
    of_layer(
        "l2_reg", "the last row, the bias, is left out",
        (L2, L2 + " * (np.arange(len(W)) < len(W) - 1)[:, np.newaxis]"),
        inputs=penalised, kind="local", or_kind=("mask",), culprits=(0,), lam=0.3,
    ),
)  # fmt: skip

CORRECT = (
    right_layer("mse", "outputs that are the targets", inputs=lambda rng: (np.ones((4, 3)), np.ones((4, 3)))),
    right_layer("mse", "1e10", inputs=lambda rng: (1e5 * normal(rng, 4, 3), 1e5 * normal(rng, 4, 3))),
    right_layer("mse", "one number", inputs=lambda rng: (normal(rng), normal(rng))),
    right_layer("bce_with_logits", "logits of ±900", inputs=farthest_binary),
    right_layer("bce_with_logits", "logits of ±20", inputs=far_binary),
    right_layer("cross_entropy", "probabilities of 1e-10", inputs=rare),
    right_layer(
        "cross_entropy", "one-hot targets", inputs=lambda rng: (distributions(rng, 4, 3), np.eye(3)[[0, 2, 1, 2]])
    ),
    right_layer("softmax_with_loss", "logits of ±900", inputs=far_logits),
    right_layer("softmax_with_loss", "one-hot targets", inputs=one_hot),
    right_layer(
        "softmax_with_loss", "all but one ignored",
        inputs=lambda rng: (normal(rng, 4, 3), np.array([1, 1, 0, 1])), ignore_index=1,
    ),
    right_layer("softmax_with_loss", "one class", inputs=lambda rng: (normal(rng, 4, 1), np.zeros(4, int))),
    right_layer("softmax_with_loss", "one sample", inputs=lambda rng: (normal(rng, 1, 4), np.array([2]))),
    right_layer(
        "softmax_with_loss", "float32", inputs=lambda rng: (normal(rng, 5, 4).astype(np.float32), np.arange(5) % 4),
    ),
    right_layer(
        "softmax_with_loss", "classes in uint8",
        inputs=lambda rng: (normal(rng, 5, 4), np.array([3, 0, 2, 0, 1], np.uint8)),
    ),
    right_layer("l1_reg", "weights exactly 0, slope 0", inputs=sparse, lam=0.3),
    Correct(
        name="l1_reg: weights exactly 0, slope 1", forward=right_layer("l1_reg", "", inputs=sparse, lam=0.3).forward,
        backward=mutated(
            right_layer("l1_reg", "", inputs=sparse).backward, (L1, "d_R * (lam * np.where(W >= 0, 1.0, -1.0))")
        ),
        inputs=sparse, saved=True,
    ),
    right_layer("l1_reg", "a factor of 0", inputs=penalised, lam=0.0),
    right_layer("l2_reg", "weights of 1e-8", inputs=lambda rng: (1e-8 * normal(rng, 3, 4),), lam=1e-2),
    right_layer("l2_reg", "zeros", inputs=lambda rng: (np.zeros((3, 4)),), lam=0.3),
)  # fmt: skip
