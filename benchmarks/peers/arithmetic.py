"""Sums, products and affine maps in PyTorch."""

from __future__ import annotations

from typing import Any

import torch

Tensor = torch.Tensor


def affine(x: Tensor, W: Tensor, b: Tensor | None = None) -> Any:
    return torch.nn.functional.linear(x, W.T, b)


PEERS = {"affine": affine}
