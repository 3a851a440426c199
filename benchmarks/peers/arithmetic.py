"""Sums, products and affine maps in PyTorch."""

from __future__ import annotations

from typing import Any

import torch

Tensor = torch.Tensor


def affine(x: Tensor, W: Tensor, b: Tensor | None = None) -> Any:
    return torch.nn.functional.linear(x, W.T, b)


def add(x: Tensor, y: Tensor) -> Any:
    return torch.add(x, y)


def mul(x: Tensor, y: Tensor) -> Any:
    return torch.mul(x, y)


def sum_(x: Tensor, *, axis: Any = None, keepdims: bool = False) -> Any:
    if axis == ():
        return x.clone()
    return torch.sum(x, dim=tuple(range(x.ndim)) if axis is None else axis, keepdim=keepdims)


def repeat(x: Tensor, *, n: int = 2, axis: int = 0, along: str = "new") -> Any:
    if along == "new":
        return torch.stack([x] * n, dim=axis)
    return torch.repeat_interleave(x, n, dim=axis) if along == "each" else torch.cat([x] * n, dim=axis)


def matmul(x: Tensor, W: Tensor) -> Any:
    return torch.matmul(x, W)


def flatten(x: Tensor, *, start_axis: int = 1) -> Any:
    return torch.flatten(x, start_dim=start_axis)


PEERS = {
    "affine": affine,
    "add": add,
    "mul": mul,
    "sum": sum_,
    "repeat": repeat,
    "matmul": matmul,
    "flatten": flatten,
}
