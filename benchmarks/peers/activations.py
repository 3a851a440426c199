"""Functions of one number in PyTorch."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

Tensor = torch.Tensor


def sigmoid(x: Tensor) -> Any:
    return torch.sigmoid(x)


def tanh(x: Tensor) -> Any:
    return torch.tanh(x)


def relu(x: Tensor) -> Any:
    return functional.relu(x)


def leaky_relu(x: Tensor, *, alpha: float = 0.01) -> Any:
    return functional.leaky_relu(x, alpha)


def elu(x: Tensor, *, alpha: float = 1.0) -> Any:
    return functional.elu(x, alpha)


def gelu(x: Tensor, *, approximate: str = "none") -> Any:
    return functional.gelu(x, approximate=approximate)


def silu(x: Tensor) -> Any:
    return functional.silu(x)


def softplus(x: Tensor, *, beta: float = 1.0) -> Any:
    # from 40 on, log(1 + exp(-x)) is less than half a rounding of x
    return functional.softplus(x, beta, threshold=40)


PEERS = {
    "sigmoid": sigmoid,
    "tanh": tanh,
    "relu": relu,
    "leaky_relu": leaky_relu,
    "elu": elu,
    "gelu": gelu,
    "silu": silu,
    "softplus": softplus,
}
