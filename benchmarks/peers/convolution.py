"""Convolution and pooling in PyTorch, which has padding on both sides alike: other padding goes first."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

Tensor = torch.Tensor


def conv2d(x: Tensor, W: Tensor, b: Tensor | None = None, *, padding: Any = 0, **options: Any) -> Any:
    x, alike = padded(x, padding)
    return functional.conv2d(x, W, b, padding=alike, **options)


def conv_transpose2d(x: Tensor, W: Tensor, b: Tensor | None = None, *, padding: Any = 0, **options: Any) -> Any:
    (top, bottom), (left, right) = ends(padding)
    if top == bottom and left == right:
        return functional.conv_transpose2d(x, W, b, padding=(top, left), **options)
    whole = functional.conv_transpose2d(x, W, b, **options)
    return whole[:, :, top : whole.shape[2] - bottom, left : whole.shape[3] - right]


def max_pool2d(x: Tensor, *, kernel: Any = 2, stride: Any = None, padding: Any = 0, dilation: Any = 1) -> Any:
    x, alike = padded(x, padding, -torch.inf, kernel)
    return functional.max_pool2d(x, kernel, stride, alike, dilation)


def avg_pool2d(
    x: Tensor, *, kernel: Any = 2, stride: Any = None, padding: Any = 0, count_include_pad: bool = True
) -> Any:
    image, alike = padded(x, padding, 0.0, kernel)
    if image is x:
        return functional.avg_pool2d(x, kernel, stride, alike, count_include_pad=count_include_pad)
    y = functional.avg_pool2d(image, kernel, stride)
    if count_include_pad:
        return y
    return y / functional.avg_pool2d(padded(torch.ones_like(x), padding, 0.0, kernel)[0], kernel, stride)


def padded(x: Tensor, padding: Any, value: float = 0.0, kernel: Any = None) -> tuple[Tensor, tuple[int, int]]:
    """The image, and the padding that is left to PyTorch: that which is the same on both sides.

    PyTorch's pooling takes no more than half the kernel.
    """
    (top, bottom), (left, right) = ends(padding)
    if (
        top == bottom
        and left == right
        and (kernel is None or all(2 * p <= k for p, k in zip((top, left), both(kernel), strict=True)))
    ):
        return x, (top, left)
    return functional.pad(x, (left, right, top, bottom), value=value), (0, 0)


def ends(padding: Any) -> Any:
    return tuple(both(axis) for axis in both(padding))


def both(value: Any) -> Any:
    return value if isinstance(value, tuple) else (value, value)


PEERS = {
    "conv2d": conv2d,
    "conv_transpose2d": conv_transpose2d,
    "max_pool2d": max_pool2d,
    "avg_pool2d": avg_pool2d,
}
