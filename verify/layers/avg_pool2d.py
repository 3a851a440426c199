r"""Average pooling: the mean of every window.

.. math:: y_{ncij} = \frac1{m_{ij}} \sum_{u,v} x_{n,\,c,\,iS+u-P,\,jS+v-P}, \qquad
   \bar x_{ncpq} = \sum_{ij} \frac{\bar y_{ncij}}{m_{ij}}\, [(p, q) \in \text{window } ij]

Shapes: x (n, c, h, w) -> (n, c, oh, ow), with oh = ⌊(h + top + bottom − kernel) / stride⌋ + 1, where top and
   bottom are the padding.
Convention: m is the size of the kernel, padding being zeros that count; with count_include_pad=False it is how many
   entries of the image the window holds, of which there must be one. The stride is the kernel when none is given.
   Options are numbers or (vertical, horizontal), padding also ((top, bottom), (left, right)). PyTorch refuses more
   padding than half the kernel, and counts no padding that its ceil_mode adds.
Reference: LeCun, Bottou, Bengio, Haffner (1998), Gradient-based learning applied to document recognition,
   section II.B; Dumoulin, Visin (2016), A guide to convolution arithmetic for deep learning, section 3.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from verify.arguments import arrays, choice, cotangent
from verify.layer import Array, Case, Draw, Layer, normal
from verify.layer_parts.windows import Axis, Lengths, Padding, Windows, pair, windows

Saved = tuple[tuple[int, ...], Windows, Array]


def forward(
    x: Array,
    *,
    kernel: Lengths = 2,
    stride: Lengths | None = None,
    padding: Padding = 0,
    count_include_pad: bool = True,
) -> tuple[Array, Saved]:
    """The output, and what the backward pass needs."""
    (x,) = arrays("x (n, c, h, w)", x)
    choice("count_include_pad", count_include_pad, (True, False))
    size = pair("kernel", kernel, 1)
    where = windows(x, size, stride=size if stride is None else stride, padding=padding)
    if count_include_pad:
        count = np.full(where.number, size[0] * size[1])
    else:
        where.refuse_empty()
        count = np.outer(where.vertical.counts, where.horizontal.counts)
    count = count.astype(x.dtype)
    return sums(sums(x, where.horizontal), where.vertical) / count, (x.shape, where, count)


def backward(d_output: Array, saved: Saved) -> dict[str, Array]:
    """The gradient of x."""
    shape, where, count = saved
    d_y = cotangent(d_output, (*shape[:2], *where.number), count.dtype)
    return {"x": spread(spread(d_y / count, where.vertical), where.horizontal)}


def sums(x: Array, axis: Axis) -> Array:
    """The sum of every window along an axis."""
    y = np.zeros(axis.resized(x.shape, axis.number), x.dtype)
    for _, here, there in axis.places:
        y[here] += x[there]
    return y


def spread(d_y: Array, axis: Axis) -> Array:
    """The adjoint: the cotangent of every window, sent to all its entries."""
    d_x = np.zeros(axis.resized(d_y.shape, axis.size), d_y.dtype)
    for k, here, there in axis.places:
        if axis.fresh(k):
            d_x[there] = d_y[here]
        else:
            d_x[there] += d_y[here]
    return d_x


def sample(rng: np.random.Generator) -> Case:
    """Images and options of any sizes that fit."""
    n, c, more, wider = map(int, rng.integers(1, 6, 4))
    kernel, stride = ((int(u), int(v)) for u, v in rng.integers(1, 4, (2, 2)))
    padding = tuple((int(rng.integers(0, 1 + k // 2)), int(rng.integers(0, 1 + k // 2))) for k in kernel)
    return Case(
        normal(rng, n, c, kernel[0] - 1 + more, kernel[1] - 1 + wider),
        kernel=kernel,
        stride=stride,
        padding=padding,
        count_include_pad=bool(rng.integers(2)),
    )


def case(*image: int, **options: Any) -> Draw:
    """A case on a random image."""
    return lambda rng: Case(normal(rng, *image), **options)


LAYER = Layer(
    forward=forward,
    backward=backward,
    sample=sample,
    formula="pool-average",
    cases={
        "windows that tile the image": case(2, 3, 6, 4),
        "rows and columns left over": case(2, 3, 7, 8, kernel=(2, 3)),
        "overlapping": case(2, 2, 7, 9, kernel=3, stride=2),
        "stride larger than the kernel": case(2, 2, 8, 9, kernel=(2, 1), stride=(3, 4)),
        "padding counted": case(2, 3, 5, 6, kernel=3, stride=2, padding=1),
        "padding not counted": case(2, 3, 5, 6, kernel=3, stride=2, padding=1, count_include_pad=False),
        "asymmetric padding": case(2, 3, 4, 5, kernel=(3, 4), stride=2, padding=((1, 0), (0, 2))),
        "asymmetric padding not counted": case(
            2, 3, 4, 5, kernel=(3, 4), stride=2, padding=((1, 0), (0, 2)), count_include_pad=False
        ),
        "anisotropic everything": case(
            2, 3, 9, 7, kernel=(3, 2), stride=(2, 1), padding=((0, 1), (1, 0)), count_include_pad=False
        ),
        "1×1": case(2, 3, 4, 5, kernel=1),
        "kernel as large as the image": case(3, 2, 4, 5, kernel=(4, 5)),
        "kernel larger than the image without padding": case(2, 2, 2, 3, kernel=(4, 5), stride=1, padding=(1, 2)),
        "windows that hold padding alone": case(2, 2, 3, 4, kernel=2, padding=3),
        "one sample": case(1, 2, 4, 6, kernel=(2, 3)),
        "empty batch": case(0, 2, 4, 6, kernel=(2, 3)),
    },
)
