"""Blocks with a path past their layers, in PyTorch."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

Tensor = torch.Tensor


def residual_block(
    x: Tensor,
    W1: Tensor,
    b1: Tensor | None,
    W2: Tensor,
    b2: Tensor | None = None,
    W_s: Tensor | None = None,
    *,
    relu_after: bool = False,
) -> Any:
    branch = functional.linear(functional.relu(functional.linear(x, W1.T, b1)), W2.T, b2)
    y = branch + (x if W_s is None else functional.linear(x, W_s.T))
    return functional.relu(y) if relu_after else y


def highway_block(
    x: Tensor,
    W_H: Tensor,
    b_H: Tensor | None,
    W_T: Tensor,
    b_T: Tensor | None = None,
    *,
    activation: str = "tanh",
) -> Any:
    H = {"tanh": torch.tanh, "relu": torch.relu}[activation](functional.linear(x, W_H.T, b_H))
    return torch.lerp(x, H, torch.sigmoid(functional.linear(x, W_T.T, b_T)))


PEERS = {"residual_block": residual_block, "highway_block": highway_block}
