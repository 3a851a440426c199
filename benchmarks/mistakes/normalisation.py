"""Mistakes in layers that standardise."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.mistakes.mistake import of_layer, right_layer
from verify.layer import normal

__all__ = ["CORRECT", "MISTAKES"]

Rng = np.random.Generator


def batch(rng: Rng) -> tuple[Any, ...]:
    """Rows with scale and shift."""
    return 0.5 + 2 * normal(rng, 6, 3), normal(rng, 3), normal(rng, 3)


def images(rng: Rng) -> tuple[Any, ...]:
    """Images with scale and shift for every channel."""
    return 0.5 + 2 * normal(rng, 3, 2, 4, 5), normal(rng, 2), normal(rng, 2)


def quiet_batch(rng: Rng) -> tuple[Any, ...]:
    """Rows whose variance is near eps."""
    return 1e-2 * normal(rng, 6, 3), normal(rng, 3), normal(rng, 3)


def almost_constant(rng: Rng) -> tuple[Any, ...]:
    """Rows whose variance is far below eps."""
    return 1e-6 * normal(rng, 6, 3), normal(rng, 3), normal(rng, 3)


def rows(rng: Rng) -> tuple[Any, ...]:
    """Rows, scale and shift for every column."""
    return 0.5 + 2 * normal(rng, 4, 5), normal(rng, 5), normal(rng, 5)


def sentences(rng: Rng) -> tuple[Any, ...]:
    """Two batch axes, scale and shift for every column."""
    return normal(rng, 2, 3, 5), normal(rng, 5), normal(rng, 5)


def scaled_rows(rng: Rng) -> tuple[Any, ...]:
    """Rows, and a scale for every column."""
    return 0.5 + normal(rng, 4, 5), normal(rng, 5)


def channels(rng: Rng) -> tuple[Any, ...]:
    """Images, scale and shift for every channel."""
    return normal(rng, 2, 6, 3, 2), normal(rng, 6), normal(rng, 6)


def statistics(c: int) -> dict[str, Any]:
    """Options of a layer after training."""
    return {"running_mean": np.linspace(-1, 1, c), "running_var": np.linspace(0.5, 2, c), "training": False}


BN_MEAN = "            part -= mean\n"
BN_SPREAD = "written_out(d_gamma * inverse / -count, d_y)"
BN_COUNT = "count = number_along(d_y, axes)"
BN_GAMMA = "d_gamma.ravel()"
BN_BETA = "d_beta.ravel()"
LN = "pulled_back(d_y if gamma is None else d_y * gamma, x_hat, inverse, axes)"
LN_REST = "**of_scale_and_shift(d_y, x_hat, gamma, beta, axes)"
LN_H = "(d_y * gamma)"
MEANS = f"{LN_H}.mean(axis=axes, keepdims=True)"
PRODUCTS = f"({LN_H} * x_hat).mean(axis=axes, keepdims=True)"
GN = "pulled_back(h, in_groups(x_hat, groups), inverse, (2,)).reshape(x_hat.shape)"
GN_REST = "**of_scale_and_shift(d_y, x_hat, gamma, beta, CHANNEL)"
RMS = "pulled_back(d_y if gamma is None else d_y * gamma, x_hat, inverse, axes, centred=False)"
RMS_REST = "**of_scale_and_shift(d_y, x_hat, gamma, None, axes)"

MISTAKES = (
    # ----------------------------------------------------------------------------------------------------- batch_norm
    of_layer(
        "batch_norm", "the path through the mean is forgotten", (BN_MEAN, ""), inputs=batch, kind="path",
        or_kind=("stats",), culprits=(0,),
    ),
    of_layer(
        "batch_norm", "the path through the variance is forgotten", (BN_SPREAD, "np.zeros_like(inverse)"),
        inputs=batch, kind="path", or_kind=("stats",), culprits=(0,),
    ),
    of_layer(
        "batch_norm", "the statistics are taken for constants",
        ("    if training:\n        count", "    if False:\n        count"),
        inputs=batch, kind="path", or_kind=("stats",), culprits=(0,),
    ),
    of_layer(
        "batch_norm", "one entry less in the means, as for an unbiased variance", (BN_COUNT, BN_COUNT + " - 1"),
        inputs=batch,
        kind="stats", or_kind=("path",), culprits=(0,),
    ),
    of_layer(
        "batch_norm", "one entry less in the means, of which there is one", (BN_COUNT, BN_COUNT + " - 1"),
        inputs=lambda rng: (normal(rng, 1, 3), normal(rng, 3), normal(rng, 3)), kind="contract",
        or_kind=("stats",), culprits=(0,), hard=True,
    ),
    of_layer(
        "batch_norm", "one entry less in the path through the variance",
        (BN_SPREAD, BN_SPREAD.replace("-count", "(1 - count)")), inputs=batch, kind="stats", or_kind=("path",),
        culprits=(0,),
    ),
    of_layer(
        "batch_norm", "the scale is forgotten on the way to x", ("part *= factor", "part *= inverse"),
        inputs=batch, kind="scale", or_kind=("path", "gate"), culprits=(0,),
    ),
    of_layer(
        "batch_norm", "the gradient of the scale with deviations that are not standardised",
        (BN_GAMMA, "(d_gamma / inverse).ravel()"), inputs=batch, kind="stats", or_kind=("scale",), culprits=(1,),
    ),
    of_layer(
        "batch_norm", "after training, as in training",
        ("    if training:\n        count", "    if True:\n        count"),
        inputs=batch, kind="path", or_kind=("stats",), culprits=(0,), **statistics(3),
    ),
    of_layer(
        "batch_norm", "eps is added to the deviation", ("    factor = written_out(",
        "    inverse = 1 / (np.sqrt(1 / inverse**2 - 1e-5) + 1e-5)\n    factor = written_out("),
        inputs=quiet_batch, kind="stats", or_kind=("subtle", "path", "scale"), culprits=(0,),
    ),
    of_layer(
        "batch_norm", "eps is left out", ("    factor = written_out(",
        "    inverse = 1 / np.sqrt(1 / inverse**2 - 1e-5)\n    factor = written_out("),
        inputs=almost_constant, kind="stats", or_kind=("scale", "path"), culprits=(0,), hard=True,
    ),
    of_layer(
        "batch_norm", "the gradient of the shift is a mean", (BN_BETA, "(d_beta / len(d_y)).ravel()"), inputs=batch,
        kind="scale", culprits=(2,),
    ),
    of_layer(
        "batch_norm", "scale and shift are exchanged", (BN_GAMMA, "d_beta.ravel() "),
        ("gradients[\"beta\"] = d_beta.ravel()",
        "gradients[\"beta\"] = d_gamma.ravel()"), inputs=batch, kind="gate", culprits=(1, 2),
    ),
    of_layer(
        "batch_norm", "the shift of images is summed over the batch alone", (BN_BETA, "d_y.sum(axis=0)[:, 0, 0]"),
        inputs=images, kind="axis", or_kind=("accumulate",), culprits=(2,),
    ),
    of_layer(
        "batch_norm", "the deviation of the first call is kept",
        ("def backward(", "FIRST = {}\n\n\ndef backward("),
        (BN_SPREAD, BN_SPREAD.replace("inverse", 'FIRST.setdefault(deviation.shape, inverse)')), inputs=batch,
        kind="cache", culprits=(0,), shown_by="a second call",
    ),
    # ----------------------------------------------------------------------------------------------------- layer_norm
    of_layer(
        "layer_norm", "the path through the mean is forgotten", (LN, LN[:-1] + ", centred=False)"), inputs=rows,
        kind="path", or_kind=("stats",), culprits=(0,),
    ),
    of_layer(
        "layer_norm", "the path through the variance is forgotten", (LN, f"inverse * ({LN_H} - {MEANS})"),
        inputs=rows,
        kind="path", or_kind=("stats",), culprits=(0,),
    ),
    of_layer(
        "layer_norm", "the scale is forgotten on the way to x", (LN, "pulled_back(d_y, x_hat, inverse, axes)"),
        inputs=rows, kind="path", or_kind=("gate", "scale"), culprits=(0,),
    ),
    of_layer(
        "layer_norm", "the scale is applied after the means", (LN, "gamma * pulled_back(d_y, x_hat, inverse, axes)"),
        inputs=rows, kind="path", or_kind=("gate", "axis", "stats"), culprits=(0,),
    ),
    of_layer(
        "layer_norm", "the means run along the batch", (LN, LN.replace("axes)", "(0,))")), inputs=rows, kind="axis",
        or_kind=("path",), culprits=(0,),
    ),
    of_layer(
        "layer_norm", "an unbiased variance", (LN, f"inverse * ({LN_H} - {MEANS} - x_hat * {PRODUCTS} * 5 / 4)"),
        inputs=rows, kind="stats", or_kind=("path",), culprits=(0,),
    ),
    of_layer(
        "layer_norm", "the variance in place of the deviation", (LN, "inverse * " + LN), inputs=rows, kind="stats",
        or_kind=("scale",), culprits=(0,),
    ),
    of_layer(
        "layer_norm", "the gradient of the scale is a mean over the batch",
        (LN_REST, LN_REST + ', "gamma": (d_y * x_hat).mean(axis=0)'), inputs=rows, kind="scale", culprits=(1,),
    ),
    of_layer(
        "layer_norm", "the gradient of the scale is summed over one batch axis",
        (LN_REST, LN_REST + ', "gamma": (d_y * x_hat).sum(axis=0)'), inputs=sentences, kind="contract",
        or_kind=("axis",), culprits=(1,),
    ),
    of_layer(
        "layer_norm", "the path through the variance is rounded to float32",
        (LN, f"inverse * ({LN_H} - {MEANS} - x_hat * {PRODUCTS}.astype(np.float32))"), inputs=rows, kind="precision",
        or_kind=("subtle",), culprits=(0,),
    ),
    of_layer(
        "layer_norm", "the path through the variance is off by one part in 10 000",
        (LN, f"inverse * ({LN_H} - {MEANS} - x_hat * {PRODUCTS} * 1.0001)"), inputs=rows, kind="subtle",
        or_kind=("stats", "path"), culprits=(0,),
    ),
    of_layer(
        "layer_norm", "saved numbers are changed in their memory",
        (LN, LN + "\n    gamma_x = np.array(x_hat)\n    x_hat *= inverse"),
        (LN_REST, LN_REST.replace("x_hat", "gamma_x")),
        inputs=rows, kind="cache", or_kind=("contract",), culprits=(0, 1), shown_by="a second call",
    ),
    # ----------------------------------------------------------------------------------------------------- group_norm
    of_layer(
        "group_norm", "the means run over all groups of a sample", (GN, GN.replace("(2,)", "(1, 2)")),
        inputs=channels,
        kind="axis", or_kind=("path", "stats"), culprits=(0,), groups=3,
    ),
    of_layer(
        "group_norm", "the path through the mean is forgotten", (GN, GN.replace("(2,)", "(2,), centred=False")),
        inputs=channels, kind="path", or_kind=("stats",), culprits=(0,), groups=2,
    ),
    of_layer(
        "group_norm", "both statistics are taken for constants", (GN, "(h * inverse).reshape(x_hat.shape)"),
        inputs=channels,
        kind="path", or_kind=("stats",), culprits=(0,), groups=2,
    ),
    of_layer(
        "group_norm", "the scale is forgotten on the way to x",
        ("d_y if gamma is None else d_y * gamma, groups", "d_y, groups"),
        inputs=channels, kind="path", or_kind=("gate", "scale"), culprits=(0,), groups=2,
    ),
    of_layer(
        "group_norm", "the first sample alone moves the shift",
        (GN_REST, GN_REST + ', "beta": d_y[0].sum(axis=(1, 2))'),
        inputs=channels, kind="accumulate", or_kind=("axis",), culprits=(2,), groups=2,
    ),
    of_layer(
        "group_norm", "the last channel has no scale", (GN_REST, GN_REST.replace("d_y, x_hat",
        "d_y, x_hat * (np.arange(len(gamma[0])) < len(gamma[0]) - 1)[:, np.newaxis, np.newaxis]")), inputs=channels,
        kind="local", or_kind=("mask",), culprits=(1,), groups=2,
    ),
    of_layer(
        "group_norm", "an unbiased variance in the standardised numbers", (GN, GN.replace("in_groups(x_hat, groups)",
        "in_groups(x_hat, groups) * np.sqrt(17 / 18)")), inputs=channels, kind="stats", or_kind=("path",),
        culprits=(0,), groups=2,
    ),
    of_layer(
        "group_norm", "groups are formed of every second channel",
        ("    d_x = pulled_back",
         "    h = in_groups(h.reshape(len(h), 3, 2, -1).swapaxes(1, 2).copy(), groups)\n    d_x = pulled_back"),
        inputs=channels, kind="axis", or_kind=("index",), culprits=(0,), groups=2,
    ),
    # ------------------------------------------------------------------------------------------------------- rms_norm
    of_layer(
        "rms_norm", "a mean is subtracted as in layer normalisation",
        (RMS, RMS.replace("centred=False", "centred=True")),
        inputs=scaled_rows, kind="path", or_kind=("stats",), culprits=(0,),
    ),
    of_layer(
        "rms_norm", "the path through the mean square is forgotten", (RMS, "d_y * gamma * inverse"),
        inputs=scaled_rows,
        kind="path", or_kind=("stats",), culprits=(0,),
    ),
    of_layer(
        "rms_norm", "the scale is forgotten on the way to x",
        (RMS, RMS.replace("d_y if gamma is None else d_y * gamma", "d_y")),
        inputs=scaled_rows, kind="path", or_kind=("gate", "scale"), culprits=(0,),
    ),
    of_layer(
        "rms_norm", "the sum in place of the mean square",
        (RMS, "inverse * (d_y * gamma - x_hat * (d_y * gamma * x_hat).sum("
        "axis=axes, keepdims=True))"), inputs=scaled_rows, kind="path", or_kind=("scale", "stats"), culprits=(0,),
    ),
    of_layer(
        "rms_norm", "the gradient of the scale with numbers that are not normalised",
        (RMS_REST, RMS_REST.replace("x_hat", "x_hat / inverse")),
        inputs=scaled_rows, kind="stats", or_kind=("scale", "path"), culprits=(1,),
    ),
    of_layer(
        "rms_norm", "eps is counted twice", (RMS, RMS.replace("inverse", "1 / np.sqrt(1 / inverse**2 + 1e-3)")),
        inputs=scaled_rows, kind="stats", or_kind=("subtle", "scale"), culprits=(0,), eps=1e-3,
    ),
    of_layer(
        "rms_norm", "eps of 1e-6 is left out", (RMS, RMS.replace("inverse", "1 / np.sqrt(1 / inverse**2 - 1e-6)")),
        inputs=scaled_rows, kind="subtle", or_kind=("stats", "scale"), culprits=(0,),
    ),
    of_layer(
        "rms_norm", "the scale is multiplied into the cotangent",
        (RMS, RMS.replace("d_y if gamma is None else d_y * gamma", "np.multiply(d_y, gamma, out=d_y)")),
        (RMS_REST, '"gamma": (d_y / gamma * x_hat).sum(axis=0)'),
        inputs=scaled_rows, kind="contract", culprits=None,
    ),
)  # fmt: skip

CORRECT = (
    right_layer("batch_norm", "variance of 1e-12", inputs=almost_constant),
    right_layer("batch_norm", "one sample", inputs=lambda rng: (normal(rng, 1, 3), normal(rng, 3), normal(rng, 3))),
    right_layer("batch_norm", "two samples", inputs=lambda rng: (normal(rng, 2, 3), normal(rng, 3), normal(rng, 3))),
    right_layer("batch_norm", "a constant channel", inputs=lambda rng: (
        np.array([1.7, 1, 1]) + normal(rng, 4, 3) * [0, 1, 1], normal(rng, 3), normal(rng, 3)
    )),
    right_layer(
        "batch_norm", "mean of 1e6", inputs=lambda rng: (1e6 + normal(rng, 6, 3), normal(rng, 3), normal(rng, 3)),
    ),
    right_layer("batch_norm", "after training", inputs=images, **statistics(2)),
    right_layer(
        "layer_norm", "variance of 1e-12",
        inputs=lambda rng: (1e-6 * normal(rng, 4, 5), normal(rng, 5), normal(rng, 5)),
    ),
    right_layer(
        "layer_norm", "inputs of 1e6", inputs=lambda rng: (1e6 * normal(rng, 4, 5), normal(rng, 5), normal(rng, 5)),
    ),
    right_layer(
        "layer_norm", "one number a row", inputs=lambda rng: (normal(rng, 4, 1), normal(rng, 1), normal(rng, 1)),
    ),
    right_layer("group_norm", "a constant sample", inputs=lambda rng: (
        1.7 + normal(rng, 2, 4, 3) * [[[0]], [[1]]], normal(rng, 4), normal(rng, 4)
    ), groups=2),
    right_layer("rms_norm", "inputs of 1e-8", inputs=lambda rng: (1e-8 * normal(rng, 4, 5), normal(rng, 5))),
    right_layer(
        "rms_norm", "a row of zeros", inputs=lambda rng: (normal(rng, 4, 5) * [[1], [0], [1], [1]], normal(rng, 5)),
    ),
)  # fmt: skip
