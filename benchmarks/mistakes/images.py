"""Mistakes in convolutions and poolings of images."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.mistakes.mistake import Correct, Mistake, of_layer, right_layer
from verify.layer import Array, normal
from verify.layers import max_pool2d

__all__ = ["CORRECT", "MISTAKES"]

Rng = np.random.Generator


def convolved(rng: Rng) -> tuple[Any, ...]:
    """Images, kernels and a bias."""
    return normal(rng, 2, 3, 4, 5), normal(rng, 4, 3, 2, 3), normal(rng, 4)


def in_groups(rng: Rng) -> tuple[Any, ...]:
    """Images and kernels in two groups."""
    return normal(rng, 2, 4, 3, 5), normal(rng, 6, 2, 2, 3), normal(rng, 6)


def dilated(rng: Rng) -> tuple[Any, ...]:
    """Wide images, kernels and a bias."""
    return normal(rng, 2, 2, 5, 7), normal(rng, 3, 2, 2, 3), normal(rng, 3)


def sent(rng: Rng) -> tuple[Any, ...]:
    """Small images, kernels that each entry sends, and a bias."""
    return normal(rng, 2, 3, 2, 4), normal(rng, 3, 4, 2, 3), normal(rng, 4)


def sent_alike(rng: Rng) -> tuple[Any, ...]:
    """As many channels as there are after it."""
    return normal(rng, 2, 3, 2, 4), normal(rng, 3, 3, 2, 4), normal(rng, 3)


def pooled(rng: Rng) -> tuple[Any, ...]:
    """Images."""
    return (normal(rng, 2, 3, 4, 6),)


def tied(rng: Rng) -> tuple[Any, ...]:
    """Images of few values, most of them several times in a window."""
    x = rng.integers(-1, 2, (2, 3, 4, 6)).astype(float)
    x[0, 0] = 1.0
    return (x,)


def tied_once(rng: Rng) -> tuple[Any, ...]:
    """Images, one of whose windows has its largest entry twice."""
    (x,) = pooled(rng)
    x[1, 0, :2, :2] = [[5.0, 0.0], [0.0, 5.0]]
    return (x,)


def seen(x: Array) -> tuple[Array, Any]:
    """Maxima of 2×2 windows, with all that a backward pass may want."""
    y, saved = max_pool2d.forward(x)
    return y, (x, y, saved)


def right(d_y: Array, saved: Any) -> dict[str, Array]:
    """The gradient goes to the first of the largest entries."""
    return max_pool2d.backward(d_y, saved[2])


def largest(saved: Any) -> Array:
    """Which entries are the largest of their windows: (n, c, oh, 2, ow, 2)."""
    x, y, _ = saved
    n, c, h, w = x.shape
    where: Array = x.reshape(n, c, h // 2, 2, w // 2, 2) == y[:, :, :, None, :, None]
    return where


def to_windows(d_y: Array, share: Array, saved: Any) -> dict[str, Array]:
    """The gradient, each entry of a window getting its share."""
    return {"x": (d_y[:, :, :, None, :, None] * share).reshape(saved[0].shape)}


def to_all(d_y: Array, saved: Any) -> dict[str, Array]:
    """Every one of the largest entries gets the whole gradient."""
    return to_windows(d_y, largest(saved), saved)


def to_none(d_y: Array, saved: Any) -> dict[str, Array]:
    """Where several entries are the largest, none gets it."""
    where = largest(saved)
    return to_windows(d_y, where * (where.sum(axis=(3, 5), keepdims=True) == 1), saved)


def to_shares_of_four(d_y: Array, saved: Any) -> dict[str, Array]:
    """Where several entries are the largest, each gets a quarter."""
    where = largest(saved)
    return to_windows(d_y, where * np.where(where.sum(axis=(3, 5), keepdims=True) == 1, 1, 0.25), saved)


def to_first_twice(d_y: Array, saved: Any) -> dict[str, Array]:
    """Where several entries are the largest, the first gets the gradient of each."""
    where = largest(saved)
    times = np.repeat(np.repeat(where.sum(axis=(3, 5)), 2, axis=2), 2, axis=3)
    return {"x": right(d_y, saved)["x"] * times}


def to_equals(d_y: Array, saved: Any) -> dict[str, Array]:
    """The largest entries share the gradient."""
    where = largest(saved)
    return to_windows(d_y, where / where.sum(axis=(3, 5), keepdims=True), saved)


def changed_windows(change: str) -> str:
    """The windows with another option along both axes."""
    return f"Windows(*(replace(axis, {change}) for axis in where.axes))"


WITH_REPLACE = ("from typing import Any\n", "from dataclasses import replace\nfrom typing import Any\n")
IN_ORDER = '.ravel(order="K").reshape((len(x), len(W), *where.number))'
OVERWRITTEN = """def overwritten(d_y, W, where):
    columns = np.einsum("ocuv,noij->cuvnij", W, d_y)
    d_x = np.zeros((len(d_y), W.shape[1], *where.size))
    for (u, v), ours, theirs in where.places:
        d_x.swapaxes(0, 1)[theirs] = columns[:, u, v][ours]
    return d_x


def sample("""
CONV_X = "images(d_y, W, where, groups)"
CONV_W = "kernels(x, d_y, W, where, groups)"
CONV_B = "sum_over((0, 2, 3), d_y)"
SENT_X = "outputs(d_y, W, where, groups)"
SENT_W = "kernels(d_y, x, W, where, groups)"
AVERAGE = "spread(spread(d_y / count, where.vertical), where.horizontal)"
AVERAGE_ADDED = "d_x[there] += d_y[here]"
MAXIMUM = "returned(returned(d_y, row, where.vertical), column, where.horizontal)"
MAXIMUM_ADDED = "np.add.at(d_x.reshape(-1), numbers(where, row, column).ravel(), d_y.ravel())"
MAXIMUM_SECOND = "place.astype(d_y.dtype)"
MAXIMUM_FIRST = "np.subtract(d_y[here], second[here], out=d_x[there])"

MISTAKES = (
    # --------------------------------------------------------------------------------------------------------- conv2d
    of_layer(
        "conv2d", "the kernel is turned", (CONV_X, CONV_X.replace("W", "W[:, :, ::-1, ::-1]")), inputs=convolved,
        kind="index", or_kind=("axis",), culprits=(0,),
    ),
    of_layer(
        "conv2d", "the gradient of the kernel is turned", (CONV_W, CONV_W + "[:, :, ::-1, ::-1]"), inputs=convolved,
        kind="index", or_kind=("axis",), culprits=(1,), padding=1,
    ),
    of_layer(
        "conv2d", "the gradient of the bias is a mean over places", (CONV_B, "d_y.sum(axis=0).mean(axis=(1, 2))"),
        inputs=convolved, kind="scale", culprits=(2,),
    ),
    of_layer(
        "conv2d", "the gradient of the bias is summed over the batch alone", (CONV_B, "d_y.sum(axis=0)"),
        inputs=convolved, kind="contract", or_kind=("axis",), culprits=(2,),
    ),
    of_layer(
        "conv2d", "the gradient of the kernel is divided by the batch", (CONV_W, CONV_W + " / len(x)"),
        inputs=convolved, kind="scale", culprits=(1,), stride=(2, 1),
    ),
    of_layer(
        "conv2d", "the last image alone counts for the kernel",
        (CONV_W, "kernels(x[-1:], d_y[-1:], W, where, groups)"),
        inputs=convolved, kind="accumulate", or_kind=("axis",), culprits=(1,),
    ),
    of_layer(
        "conv2d", "padding is forgotten in the gradient of x", WITH_REPLACE,
        (CONV_X, CONV_X.replace("where", changed_windows("padding=(0, 0)"))), inputs=convolved, kind="index",
        culprits=(0,), padding=1,
    ),
    of_layer(
        "conv2d", "one row and column more of padding in the gradient of the kernel", WITH_REPLACE,
        (CONV_W, CONV_W.replace("where", changed_windows("padding=(axis.padding[0] + 1, axis.padding[1])"))),
        inputs=convolved, kind="index", culprits=(1,), padding=1,
    ),
    of_layer(
        "conv2d", "the stride is forgotten in the gradient of x", WITH_REPLACE,
        (CONV_X, CONV_X.replace("where", changed_windows("stride=1"))), inputs=convolved, kind="index", culprits=(0,),
        stride=2,
    ),
    of_layer(
        "conv2d", "the dilation is forgotten in the gradient of the kernel", WITH_REPLACE,
        (CONV_W, CONV_W.replace("where", changed_windows("dilation=1"))), inputs=dilated, kind="index", culprits=(1,),
        dilation=2,
    ),
    of_layer(
        "conv2d", "windows that overlap overwrite each other", ("def sample(", OVERWRITTEN),
        (CONV_X, "overwritten(d_y, W, where)"), inputs=convolved, kind="accumulate", culprits=(0,),
    ),
    of_layer(
        "conv2d", "the kernels of the other group", (CONV_X, CONV_X.replace("W", "np.roll(W, 3, axis=0)")),
        inputs=in_groups, kind="index", or_kind=("axis", "gate"), culprits=(0,), groups=2,
    ),
    of_layer(
        "conv2d", "the last column of the image has no gradient",
        ("    return {**gradients", '    gradients["x"][..., -1] = 0\n    return {**gradients'), inputs=convolved,
        kind="local", or_kind=("index", "mask"), culprits=(0,),
    ),
    of_layer(
        "conv2d", "the gradient of the kernel is computed in float32",
        (CONV_W, "kernels(*(a.astype(np.float32) for a in (x, d_y, W)), where, groups).astype(float)"),
        inputs=convolved, kind="precision", or_kind=("subtle",), culprits=(1,),
    ),
    of_layer(
        "conv2d", "weight decay of 1e-5 is added to the gradient of the kernel", (CONV_W, CONV_W + " + 1e-5 * W"),
        inputs=convolved, kind="subtle", or_kind=("path", "cotangent"), culprits=(1,),
    ),
    of_layer(
        "conv2d", "the cotangent is read in the order of its memory",
        (CONV_X, CONV_X.replace("d_y", "d_y" + IN_ORDER)), inputs=convolved, kind="cotangent", culprits=(0,),
        shown_by="a cotangent in Fortran order",
    ),
    # ----------------------------------------------------------------------------------------------- conv_transpose2d
    of_layer(
        "conv_transpose2d", "the kernel is turned", (SENT_X, SENT_X.replace("W", "W[:, :, ::-1, ::-1]")), inputs=sent,
        kind="index", or_kind=("axis",), culprits=(0,), stride=(2, 1),
    ),
    of_layer(
        "conv_transpose2d", "the gradient of the kernel is turned", (SENT_W, SENT_W + "[:, :, ::-1, ::-1]"),
        inputs=sent, kind="index", or_kind=("axis",), culprits=(1,), stride=(2, 1),
    ),
    of_layer(
        "conv_transpose2d", "the kernel has the channels of a convolution",
        (SENT_X, SENT_X.replace("W", "W.swapaxes(0, 1)")), inputs=sent_alike, kind="axis", culprits=(0,),
    ),
    of_layer(
        "conv_transpose2d", "the stride is forgotten in the gradient of the kernel", WITH_REPLACE,
        (SENT_W, SENT_W.replace("where", changed_windows("stride=1"))), inputs=sent, kind="index", culprits=(1,),
        stride=2,
    ),
    of_layer(
        "conv_transpose2d", "padding is forgotten in the gradient of x", WITH_REPLACE,
        (SENT_X, SENT_X.replace("where", changed_windows("padding=(0, 0)"))), inputs=sent, kind="index",
        culprits=(0,), stride=2, padding=1,
    ),
    of_layer(
        "conv_transpose2d", "the gradient of the bias is a mean over the batch",
        (CONV_B, "d_y.mean(axis=0).sum(axis=(1, 2))"),
        inputs=sent, kind="scale", culprits=(2,),
    ),
    of_layer(
        "conv_transpose2d", "the gradient of the kernel is that of the first image",
        (SENT_W, SENT_W.replace("d_y, x", "d_y[:1], x[:1]")), inputs=sent, kind="accumulate", or_kind=("axis",),
        culprits=(1,), stride=2,
    ),
    of_layer(
        "conv_transpose2d", "the sign of the gradient of x is turned", (SENT_X, "-" + SENT_X), inputs=sent,
        kind="sign",
        culprits=(0,), stride=2,
    ),
    of_layer(
        "conv_transpose2d", "one place of the kernel has no gradient",
        ("    return {**gradients", '    gradients["W"][..., 0, -1] = 0\n    return {**gradients'), inputs=sent,
        kind="local", or_kind=("index", "mask"), culprits=(1,),
    ),
    # ----------------------------------------------------------------------------------------------------- avg_pool2d
    of_layer(
        "avg_pool2d", "the division is forgotten", (AVERAGE, AVERAGE.replace(" / count", "")), inputs=pooled,
        kind="scale", culprits=(0,), kernel=(2, 3),
    ),
    of_layer(
        "avg_pool2d", "windows that overlap overwrite each other", (AVERAGE_ADDED, AVERAGE_ADDED.replace("+=", "=")),
        inputs=pooled, kind="accumulate", culprits=(0,), kernel=3, stride=1,
    ),
    of_layer(
        "avg_pool2d", "padding is counted, though it was not", (AVERAGE, AVERAGE.replace("count", "count.max()")),
        inputs=pooled, kind="local", or_kind=("scale", "stats", "mask"), culprits=(0,), kernel=3, stride=2, padding=1,
        count_include_pad=False,
    ),
    of_layer(
        "avg_pool2d", "the first entry of a window gets all", (AVERAGE, "np.kron(d_y, [[1.0, 0.0], [0.0, 0.0]])"),
        inputs=pooled, kind="mask", or_kind=("index", "local"), culprits=(0,),
    ),
    of_layer(
        "avg_pool2d", "windows begin one row and column later", WITH_REPLACE,
        (AVERAGE, AVERAGE.replace("where.vertical", "replace(where.vertical, padding=(0, 0))").replace(
            "where.horizontal", "replace(where.horizontal, padding=(0, 0))")),
        inputs=pooled, kind="index", culprits=(0,), kernel=2, stride=2, padding=1,
    ),
    of_layer(
        "avg_pool2d", "the stride is forgotten", WITH_REPLACE,
        (AVERAGE, AVERAGE.replace("where.vertical", "replace(where.vertical, stride=1)")),
        inputs=pooled, kind="index", culprits=(0,), kernel=2, stride=2,
    ),
    of_layer(
        "avg_pool2d", "the cotangent is averaged over the channels",
        (AVERAGE, AVERAGE.replace("d_y /", "np.broadcast_to(d_y.mean(axis=1, keepdims=True), d_y.shape) /")),
        inputs=pooled, kind="cotangent", or_kind=("axis",), culprits=(0,),
    ),
    # ----------------------------------------------------------------------------------------------------- max_pool2d
    of_layer(
        "max_pool2d", "windows that overlap overwrite each other",
        (MAXIMUM_ADDED, "d_x.reshape(-1)[numbers(where, row, column).ravel()] = d_y.ravel()"), inputs=pooled,
        kind="accumulate", culprits=(0,), kernel=3, stride=1,
    ),
    of_layer(
        "max_pool2d", "the first entry of a window gets all", (MAXIMUM_SECOND, "np.zeros(place.shape)"),
        inputs=pooled, kind="mask", or_kind=("index",), culprits=(0,),
    ),
    of_layer(
        "max_pool2d", "all entries of a window get all", (MAXIMUM_SECOND, "np.ones(place.shape)"),
        (MAXIMUM_FIRST, "d_x[there] = d_y[here]"), inputs=pooled, kind="mask", culprits=(0,),
    ),
    of_layer(
        "max_pool2d", "the smallest of two entries gets all", (MAXIMUM_SECOND, "(1.0 - place)"),
        inputs=pooled, kind="mask", or_kind=("index",), culprits=(0,), kernel=(1, 2),
    ),
    of_layer(
        "max_pool2d", "the gradient is divided as for a mean",
        (MAXIMUM, MAXIMUM.replace("d_y, row", "d_y / 4, row")),
        inputs=pooled, kind="scale", culprits=(0,),
    ),
    of_layer(
        "max_pool2d", "windows begin one row later", WITH_REPLACE,
        (MAXIMUM, MAXIMUM.replace("where.vertical", "replace(where.vertical, padding=(0, 0))")), inputs=pooled,
        kind="index", culprits=(0,), kernel=2, stride=2, padding=1,
    ),
    of_layer(
        "max_pool2d", "negative cotangents are cut off",
        (MAXIMUM, MAXIMUM.replace("d_y, row", "np.maximum(d_y, 0), row")),
        inputs=pooled, kind="cotangent", or_kind=("mask",), culprits=(0,),
    ),
    of_layer(
        "max_pool2d", "the last column of windows is left out",
        (MAXIMUM, MAXIMUM.replace("d_y, row", "d_y * (np.arange(d_y.shape[-1]) < d_y.shape[-1] - 1), row")),
        inputs=pooled,
        kind="local", or_kind=("index", "mask"), culprits=(0,),
    ),
    *(
        Mistake(
            name=f"max_pool2d: {what}", forward=seen, backward=backward, right=right, inputs=inputs, kind="ties",
            or_kind=or_kind, culprits=(0,), saved=True, hard=True,
        )
        for what, backward, inputs, or_kind in (
            ("all of the largest entries get the whole gradient", to_all, tied, ("mask", "region", "local")),
            ("two largest entries get the whole gradient", to_all, tied_once, ("local", "mask")),
            ("none of the largest entries gets a gradient", to_none, tied, ("mask", "region", "local")),
            ("the largest entries get a quarter each", to_shares_of_four, tied_once, ("local", "scale")),
            ("the first of the largest entries gets it once for each", to_first_twice, tied, ("scale", "local")),
        )
    ),
)  # fmt: skip

CORRECT = (
    right_layer(
        "conv2d", "one image of one channel", inputs=lambda rng: (normal(rng, 1, 1, 4, 5), normal(rng, 1, 1, 2, 3)),
    ),
    right_layer("conv2d", "places that only ever see padding", inputs=lambda rng: (
        normal(rng, 2, 2, 1, 2), normal(rng, 3, 2, 4, 5), normal(rng, 3)
    ), padding=5, stride=4),
    right_layer("conv2d", "rows and columns that no window holds", inputs=convolved, stride=(3, 3)),
    right_layer("conv2d", "empty batch", inputs=lambda rng: (normal(rng, 0, 2, 4, 5), normal(rng, 3, 2, 2, 3))),
    right_layer("conv_transpose2d", "an image of one entry", inputs=lambda rng: (
        normal(rng, 1, 2, 1, 1), normal(rng, 2, 3, 2, 3), normal(rng, 3)
    ), stride=2),
    right_layer(
        "avg_pool2d", "padding that is not counted",
        inputs=pooled, kernel=3, stride=2, padding=1, count_include_pad=False,
    ),
    right_layer("max_pool2d", "ties, to the first", inputs=tied),
    right_layer("max_pool2d", "ties of overlapping windows", inputs=tied, kernel=3, stride=1, padding=1),
    right_layer("max_pool2d", "all entries equal", inputs=lambda rng: (np.full((2, 1, 4, 6), -0.5),)),
    Correct(
        name="max_pool2d: ties, to all in equal parts", forward=seen, backward=to_equals, inputs=tied, saved=True
    ),
    right_layer(
        "max_pool2d", "entries that differ by 1e-9",
        inputs=lambda rng: (1 + 1e-9 * rng.permutation(48).reshape(1, 2, 4, 6),),
    ),
)  # fmt: skip
