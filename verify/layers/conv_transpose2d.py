r"""Transposed convolution, the adjoint of a convolution: every entry sends a kernel, as strong as itself.

.. math:: y_{nopq} = b_o + \sum_{c,i,j,u,v} x_{ncij} W_{couv} [p = iS+uD-P]\, [q = jS+vD-P], \qquad
   \bar x_{ncij} = \sum_{o,u,v} W_{couv}\, \bar y_{n,\,o,\,iS+uD-P,\,jS+vD-P}, \quad
   \bar W_{couv} = \sum_{n,i,j} x_{ncij}\, \bar y_{n,\,o,\,iS+uD-P,\,jS+vD-P}, \quad
   \bar b_o = \sum_{n,p,q} \bar y_{nopq}

Shapes: x (n, c, h, w), W (c, f / groups, kh, kw), b (f) -> (n, f, oh, ow), with
   oh = (h − 1) stride − top − bottom + dilation (kh − 1) + 1 + output_padding, where top and bottom are the padding.
Convention: W is that of the convolution, whose output x could be; as there, padding is a number, (vertical,
   horizontal) or ((top, bottom), (left, right)), and what it holds is cut off. Several sizes lead to that of x:
   output_padding, below stride or dilation, adds rows at the bottom, columns at the right. It is called
   deconvolution, and inverts nothing.
Reference: Dumoulin, Visin (2016), A guide to convolution arithmetic for deep learning, section 4.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from verify.arguments import arrays, cotangent, count
from verify.layer import Array, Case, Draw, Layer, normal
from verify.layer_parts.correlation import images, kernels, outputs, split
from verify.layer_parts.sums import sum_over
from verify.layer_parts.windows import Lengths, Padding, Windows, transposed_windows

Saved = tuple[Array, Array, Windows, int, bool]


def forward(
    x: Array,
    W: Array,
    b: Array | None = None,
    *,
    stride: Lengths = 1,
    padding: Padding = 0,
    output_padding: Lengths = 0,
    dilation: Lengths = 1,
    groups: int = 1,
) -> tuple[Array, Saved]:
    """The output, and what the backward pass needs."""
    x, W, b = arrays("x (n, c, h, w), W (c, k, kh, kw), b? (f)", x, W, b)
    groups = count("groups", groups, least=1)
    split("the channels of x", x.shape[1], groups)
    f = W.shape[1] * groups
    if b is not None and len(b) != f:
        raise ValueError(f"b has shape {b.shape}: expected ({f},), W has shape {W.shape} and groups is {groups}")
    where = transposed_windows(
        x, W.shape[2:], stride=stride, padding=padding, output_padding=output_padding, dilation=dilation, name="W"
    )
    y = images(x, W, where, groups)
    if b is not None:
        y += b[:, np.newaxis, np.newaxis]
    return y, (x, W, where, groups, b is not None)


def backward(d_output: Array, saved: Saved) -> dict[str, Array]:
    """The gradients of x, W and b."""
    x, W, where, groups, biased = saved
    d_y = cotangent(d_output, (len(x), W.shape[1] * groups, *where.size), x.dtype)
    gradients = {"x": outputs(d_y, W, where, groups), "W": kernels(d_y, x, W, where, groups)}
    return {**gradients, "b": sum_over((0, 2, 3), d_y)} if biased else gradients


def sample(rng: np.random.Generator) -> Case:
    """Images, kernels and options of any sizes that fit."""
    n, k, each, groups = map(int, rng.integers(1, 4, 4))
    stride, dilation, kernel = ((int(u), int(v)) for u, v in rng.integers(1, 4, (3, 2)))
    image = [int(rng.integers(1, 5)) for _ in kernel]
    # At least one entry is left between the paddings.
    room = [s * (h - 1) + d * (k - 1) for h, s, d, k in zip(image, stride, dilation, kernel, strict=True)]
    padding = tuple((int(rng.integers(0, 1 + r // 2)), int(rng.integers(0, 1 + r // 2))) for r in room)
    return Case(
        normal(rng, n, groups * k, *image),
        normal(rng, groups * k, each, *kernel),
        normal(rng, groups * each),
        stride=stride,
        padding=padding,
        output_padding=tuple(int(rng.integers(0, max(s, d))) for s, d in zip(stride, dilation, strict=True)),
        dilation=dilation,
        groups=groups,
    )


def case(image: tuple[int, ...], kernels: tuple[int, ...], **options: Any) -> Draw:
    """A case with a bias."""
    bias = kernels[1] * options.get("groups", 1)
    return lambda rng: Case(normal(rng, *image), normal(rng, *kernels), normal(rng, bias), **options)


LAYER = Layer(
    forward=forward,
    backward=backward,
    sample=sample,
    formula="conv-transposed",
    cases={
        "without bias": lambda rng: Case(normal(rng, 2, 3, 4, 3), normal(rng, 3, 2, 3, 2), padding=1),
        "stride 3": case((2, 2, 3, 2), (2, 3, 4, 5), stride=3),
        "stride larger than the kernel, which leaves gaps": case((2, 2, 3, 2), (2, 3, 2, 1), stride=(3, 4)),
        "asymmetric padding": case((2, 3, 4, 5), (3, 2, 3, 2), padding=((2, 0), (1, 3))),
        "dilation": case((2, 2, 3, 4), (2, 3, 3, 2), dilation=(2, 3), padding=1),
        "output padding": case((2, 3, 3, 4), (3, 2, 3, 3), stride=2, padding=1, output_padding=1),
        "output padding below the dilation only": case((2, 2, 3, 2), (2, 3, 2, 3), dilation=3, output_padding=(2, 1)),
        "output padding of a kernel that leaves gaps": case((2, 2, 3, 2), (2, 3, 1, 2), stride=4, output_padding=3),
        "anisotropic everything": case(
            (2, 4, 3, 2),
            (4, 3, 3, 2),
            stride=(2, 3),
            padding=((1, 0), (0, 2)),
            dilation=(1, 2),
            output_padding=(1, 2),
            groups=2,
        ),
        "even kernel": case((3, 2, 3, 4), (2, 2, 2, 4), stride=2, padding=1),
        "1×1": case((2, 5, 3, 4), (5, 3, 1, 1)),
        "kernel as large as the image": case((2, 2, 3, 4), (2, 3, 3, 4), stride=2),
        "kernel larger than the image": case((2, 2, 2, 3), (2, 3, 4, 5), padding=1),
        "images of one entry": case((2, 3, 1, 1), (3, 2, 3, 2), stride=2),
        "all but one entry cut off": case((2, 2, 2, 3), (2, 3, 3, 2), padding=((1, 2), (3, 0))),
        "groups": case((2, 6, 3, 4), (6, 3, 3, 2), groups=3, stride=2),
        "depthwise, two kernels a channel": case((2, 3, 4, 3), (3, 2, 2, 3), groups=3),
        "one sample": case((1, 2, 3, 4), (2, 3, 2, 3)),
        "empty batch": case((0, 2, 3, 4), (2, 3, 2, 3)),
    },
)
