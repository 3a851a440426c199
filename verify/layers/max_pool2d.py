r"""Max pooling: the largest entry of every window, to which the gradient returns.

.. math:: y_{ncij} = \max_{u,v} x_{n,\,c,\,iS+uD-P,\,jS+vD-P}, \qquad
   \bar x_{ncpq} = \sum_{ij} \bar y_{ncij}\, [(p, q) = \operatorname{argmax} \text{ of window } ij]

Shapes: x (n, c, h, w) -> (n, c, oh, ow), with
   oh = ⌊(h + top + bottom − dilation (kernel − 1) − 1) / stride⌋ + 1, where top and bottom are the padding.
Convention: the first of equal entries, row by row, is the largest; of NaN, which are larger than all else, the last.
   The stride is the kernel when none is given. Padding takes no part, as if it were −∞; a window that holds nothing
   else is refused, while PyTorch refuses more than half the kernel. Options are numbers or (vertical, horizontal),
   padding also ((top, bottom), (left, right)); padding at the end only is what PyTorch calls ceil_mode.
Reference: Saitoh (2016), Deep Learning from Scratch, sections 7.3 and 7.4.4.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from verify.arguments import arrays, cotangent
from verify.layer import Array, Case, Draw, Layer, normal
from verify.layer_parts.windows import Axis, Lengths, Padding, Windows, pair, windows

Saved = tuple[np.dtype[Any], Windows, Array, Array]


def forward(
    x: Array, *, kernel: Lengths = 2, stride: Lengths | None = None, padding: Padding = 0, dilation: Lengths = 1
) -> tuple[Array, Saved]:
    """The output, and what the backward pass needs."""
    (x,) = arrays("x (n, c, h, w)", x)
    size = pair("kernel", kernel, 1)
    where = windows(x, size, stride=size if stride is None else stride, padding=padding, dilation=dilation)
    where.refuse_empty()
    of_rows, column = largest(x, where.horizontal)
    y, row = largest(of_rows, where.vertical)  # of equal entries the first, row by row
    return y, (x.dtype, where, row, column)


def backward(d_output: Array, saved: Saved) -> dict[str, Array]:
    """The gradient of x."""
    dtype, where, row, column = saved
    d_y = cotangent(d_output, row.shape, dtype)
    if where.apart and max(where.kernel) <= 2 and np.isfinite(d_y).all():  # quicker than by numbers
        return {"x": returned(returned(d_y, row, where.vertical), column, where.horizontal)}
    d_x = np.zeros((*d_y.shape[:2], *where.size), dtype)
    np.add.at(d_x.reshape(-1), numbers(where, row, column).ravel(), d_y.ravel())
    return {"x": d_x}


def largest(x: Array, axis: Axis) -> tuple[Array, Array]:
    """The largest entry of every window along an axis, and its place in the kernel, the first of equal ones."""
    shape = axis.resized(x.shape, axis.number)
    place = np.zeros(shape, np.min_scalar_type(axis.kernel))
    (_, here, there), *others = axis.places
    if axis.padding[0]:
        begun, first = axis.first
        place[begun] = first
        best = np.full(shape, -np.inf, x.dtype)
        best[here] = x[there]
    else:
        best = x[there].copy()
    for k, here, there in others:
        entries = x[there].copy()
        if k == 1 and not axis.padding[0] and place.itemsize == 1:  # all are 0 so far
            np.greater(entries, best[here], out=place.view(bool)[here])
        else:
            better = entries > best[here]
            np.maximum(place[here], better.view(np.uint8) * place.dtype.type(k), out=place[here])
        np.maximum(best[here], entries, out=best[here])
    if np.isnan(best.max(initial=-np.inf)):
        for k, here, there in axis.places:
            place[here][np.isnan(x[there])] = k
    return best, place


def returned(d_y: Array, place: Array, axis: Axis) -> Array:
    """The cotangents of windows at their largest entries; there are two places at most, each in one window."""
    d_x = (np.zeros if axis.held < axis.size else np.empty)(axis.resized(d_y.shape, axis.size), d_y.dtype)
    second = place.astype(d_y.dtype)  # 1 where that is the larger one
    second *= d_y
    (_, here, there), *others = axis.places
    np.subtract(d_y[here], second[here], out=d_x[there])
    for _, here, there in others:
        d_x[there] = second[here]
    return d_x


def numbers(where: Windows, row: Array, column: Array) -> Array:
    """The numbers of the largest entries of all windows, counted through all images.

    ``row`` are their places in windows, ``column`` those of the largest of every row (n, c, h, ow).
    """
    n, c, h, ow = column.shape
    down = np.multiply(row, where.vertical.dilation, dtype=np.intp)
    down += where.vertical.starts + h * np.arange(n * c).reshape(n, c, 1, 1)
    chosen = np.take(column, ow * down + np.arange(ow))
    along: Array = np.multiply(chosen, where.horizontal.dilation, dtype=np.intp)
    along += where.horizontal.starts
    down *= where.horizontal.size
    down += along
    return down


def sample(rng: np.random.Generator) -> Case:
    """Images and options of any sizes that fit."""
    n, c, more, wider = map(int, rng.integers(1, 6, 4))
    kernel, stride, dilation = ((int(u), int(v)) for u, v in rng.integers(1, 4, (3, 2)))
    h, w = (d * (k - 1) + more for more, d, k in zip((more, wider), dilation, kernel, strict=True))
    padding = tuple((int(rng.integers(0, 1 + k // 2)), int(rng.integers(0, 1 + k // 2))) for k in kernel)
    return Case(normal(rng, n, c, h, w), kernel=kernel, stride=stride, padding=padding, dilation=dilation)


def case(*image: int, **options: Any) -> Draw:
    """A case on a random image."""
    return lambda rng: Case(normal(rng, *image), **options)


def tied(*image: int, **options: Any) -> Draw:
    """A case on an image of few values, most of them several times in a window."""
    return lambda rng: Case(rng.integers(-1, 2, image).astype(float), **options)


def pairs(rng: np.random.Generator) -> Array:
    """Images in which two neighbours are the largest entries of all windows that hold them."""
    x = normal(rng, 2, 2, 7, 8)
    x[..., 1, 1:3] = 5.0
    x[..., 5:7, 6] = 4.0
    return x


LAYER = Layer(
    forward=forward,
    backward=backward,
    sample=sample,
    formula="pool-max",
    cases={
        "windows that tile the image": case(2, 3, 6, 4),
        "rows and columns left over": case(2, 3, 7, 8, kernel=(2, 3)),
        "overlapping": case(2, 2, 7, 9, kernel=3, stride=2),
        "stride larger than the kernel": case(2, 2, 8, 9, kernel=(2, 1), stride=(3, 4)),
        "asymmetric padding": case(2, 3, 4, 5, kernel=(3, 4), stride=2, padding=((1, 0), (0, 2))),
        "dilation": case(2, 2, 7, 8, kernel=(3, 2), stride=1, dilation=(2, 3), padding=1),
        "anisotropic everything": case(
            2, 3, 9, 7, kernel=(3, 2), stride=(2, 1), padding=((0, 1), (1, 0)), dilation=(1, 2)
        ),
        "1×1": case(2, 3, 4, 5, kernel=1),
        "kernel as large as the image": case(3, 2, 4, 5, kernel=(4, 5)),
        "kernel larger than the image without padding": case(2, 2, 2, 3, kernel=(4, 5), stride=1, padding=(1, 2)),
        "padding of more than half the kernel": case(2, 2, 4, 5, kernel=3, stride=2, padding=2),
        "ties": tied(2, 2, 6, 7, kernel=(2, 3)),
        "ties that overlapping padded windows share": lambda rng: Case(pairs(rng), kernel=3, stride=1, padding=1),
        "all entries equal": lambda rng: Case(np.full((2, 2, 4, 5), -0.5), kernel=(3, 2), padding=1),
        "all entries negative, padded": lambda rng: Case(-1 - abs(normal(rng, 2, 2, 4, 5)), kernel=3, padding=1),
        "one sample": case(1, 2, 4, 6, kernel=(2, 3)),
        "empty batch": case(0, 2, 4, 6, kernel=(2, 3)),
    },
)
