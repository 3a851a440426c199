"""Convolution and pooling in PyTorch, which has padding on both sides alike: other padding goes first."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

Tensor = torch.Tensor


def conv2d(x: Tensor, W: Tensor, b: Tensor | None = None, *, padding: Any = 0, **options: Any) -> Any:
    return functional.conv2d(padded(x, padding), W, b, **options)


def padded(x: Tensor, padding: Any, value: float = 0.0) -> Tensor:
    (top, bottom), (left, right) = ends(padding)
    return functional.pad(x, (left, right, top, bottom), value=value)


def ends(padding: Any) -> Any:
    return tuple(both(axis) for axis in both(padding))


def both(value: Any) -> Any:
    return value if isinstance(value, tuple) else (value, value)


PEERS = {"conv2d": conv2d}
