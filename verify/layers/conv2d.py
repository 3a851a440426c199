r"""Convolution of images with learnt kernels, as networks compute it: a cross-correlation.

.. math:: y_{noij} = b_o + \sum_{c,u,v} W_{ocuv}\, x_{n,\,c,\,iS+uD-P,\,jS+vD-P}, \qquad
   \bar W_{ocuv} = \sum_{n,i,j} \bar y_{noij}\, x_{n,\,c,\,iS+uD-P,\,jS+vD-P}, \quad
   \bar x_{ncpq} = \sum_{o,i,j,u,v} \bar y_{noij} W_{ocuv} [p = iS+uD-P]\, [q = jS+vD-P], \quad
   \bar b_o = \sum_{n,i,j} \bar y_{noij}

Shapes: x (n, c, h, w), W (f, c / groups, kh, kw), b (f) -> (n, f, oh, ow), with
   oh = ⌊(h + top + bottom − dilation (kh − 1) − 1) / stride⌋ + 1, where top and bottom are the padding.
Convention: the kernel is not turned by 180°; signal processing calls convolution what turns it. stride and dilation
   are numbers or (vertical, horizontal); padding, always zeros, also ((top, bottom), (left, right)), where PyTorch
   has the same on both sides. Each of the groups of channels has kernels of its own. b=None leaves the bias out.
Reference: Dumoulin, Visin (2016), A guide to convolution arithmetic for deep learning, sections 2 and 5.1;
   Saitoh (2016), Deep Learning from Scratch, sections 7.2 and 7.4.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from verify.arguments import arrays, cotangent, count
from verify.layer import Array, Case, Draw, Layer, Pair, normal
from verify.layer_parts.correlation import images, kernels, outputs, split
from verify.layer_parts.sums import sum_over
from verify.layer_parts.windows import Lengths, Padding, Windows, windows

Saved = tuple[Array, Array, Windows, int, bool]


def forward(
    x: Array,
    W: Array,
    b: Array | None = None,
    *,
    stride: Lengths = 1,
    padding: Padding = 0,
    dilation: Lengths = 1,
    groups: int = 1,
) -> tuple[Array, Saved]:
    """The output, and what the backward pass needs."""
    x, W, b = arrays("x (n, c, h, w), W (f, k, kh, kw), b? (f)", x, W, b)
    groups = count("groups", groups, least=1)
    split("the kernels of W", len(W), groups)
    if W.shape[1] != split("the channels of x", x.shape[1], groups):
        raise ValueError(f"W has shape {W.shape}: expected (f, {x.shape[1] // groups}, kh, kw), x has {x.shape}")
    where = windows(x, W.shape[2:], stride=stride, padding=padding, dilation=dilation, name="W")
    y = outputs(x, W, where, groups)
    if b is not None:
        y += b[:, np.newaxis, np.newaxis]
    return y, (x, W, where, groups, b is not None)


def backward(d_output: Array, saved: Saved) -> dict[str, Array]:
    """The gradients of x, W and b."""
    x, W, where, groups, biased = saved
    d_y = cotangent(d_output, (len(x), len(W), *where.number), x.dtype)
    gradients = {"x": images(d_y, W, where, groups), "W": kernels(x, d_y, W, where, groups)}
    return {**gradients, "b": sum_over((0, 2, 3), d_y)} if biased else gradients


def sample(rng: np.random.Generator) -> Case:
    """Images, kernels and options of any sizes that fit."""
    n, k, each, groups = rng.integers(1, 4, 4)
    stride, dilation, kernel = ((int(u), int(v)) for u, v in rng.integers(1, 4, (3, 2)))
    padding = tuple((int(u), int(v)) for u, v in rng.integers(0, 3, (2, 2)))
    h, w = (d * (k - 1) + 1 + int(rng.integers(0, 5)) for d, k in zip(dilation, kernel, strict=True))
    return Case(
        normal(rng, n, groups * k, h, w),
        normal(rng, groups * each, k, *kernel),
        normal(rng, groups * each),
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=int(groups),
    )


def case(image: tuple[int, ...], kernels: tuple[int, ...], **options: Any) -> Draw:
    """A case with a bias."""
    return lambda rng: Case(normal(rng, *image), normal(rng, *kernels), normal(rng, kernels[0]), **options)


LAYER = Layer(
    forward=forward,
    backward=backward,
    sample=sample,
    formula="conv-multichannel",
    pairs={
        "conv-backward-kernel": Pair(case=lambda x, w, b, s, p: Case(x, w, b, stride=s, padding=p), output="y"),
        "conv-backward-input": Pair(
            case=lambda x, w, s, d, p: Case(x, w, stride=s, padding=p, dilation=d), output="y"
        ),
    },
    cases={
        "without bias": lambda rng: Case(normal(rng, 2, 3, 5, 4), normal(rng, 2, 3, 3, 2), padding=1),
        "stride 3, one row and two columns left over": case((2, 2, 9, 9), (3, 2, 2, 4), stride=3),
        "stride larger than the kernel": case((2, 2, 7, 8), (3, 2, 2, 1), stride=(3, 4)),
        "asymmetric padding": case((2, 3, 4, 5), (2, 3, 3, 2), padding=((2, 0), (1, 3))),
        "dilation": case((2, 2, 7, 8), (3, 2, 3, 2), dilation=(2, 3), padding=1),
        "anisotropic everything": case(
            (2, 4, 7, 10), (6, 2, 3, 2), stride=(2, 3), padding=((1, 2), (0, 3)), dilation=(1, 2), groups=2
        ),
        "even kernel": case((3, 2, 5, 6), (2, 2, 2, 4), padding=1),
        "1×1": case((2, 5, 3, 4), (3, 5, 1, 1)),
        "kernel as large as the image": case((3, 2, 4, 5), (2, 2, 4, 5)),
        "kernel larger than the image without padding": case((2, 2, 2, 3), (3, 2, 4, 5), padding=(1, 2)),
        "places that only ever see padding": case((2, 2, 1, 2), (3, 2, 4, 5), padding=5, stride=4),
        "groups": case((2, 6, 5, 4), (9, 2, 3, 2), groups=3, padding=1),
        "depthwise, two kernels a channel": case((2, 3, 5, 4), (6, 1, 2, 3), groups=3),
        "one sample": case((1, 2, 4, 5), (3, 2, 2, 3)),
        "empty batch": case((0, 2, 4, 5), (3, 2, 2, 3)),
    },
)
