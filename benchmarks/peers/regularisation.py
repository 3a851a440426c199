"""Penalties and dropout in PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

Tensor = torch.Tensor


def l1_reg(W: Tensor, *, lam: float = 0.01) -> Any:
    return lam * torch.linalg.vector_norm(W, ord=1)


def l2_reg(W: Tensor, *, lam: float = 0.01, half: bool = True) -> Any:
    squares = W.pow(2).sum()
    return lam * (squares / 2 if half else squares)


def dropout(
    x: Tensor,
    mask: Tensor | None = None,
    *,
    p: float = 0.5,
    inverted: bool = True,
    training: bool = True,
    seed: int = 0,
) -> Any:
    # PyTorch draws other masks, and cannot be given one
    if not training:
        return torch.nn.functional.dropout(x, p, training=False) if inverted else x * (1 - p)
    if mask is None:
        mask = torch.from_numpy(np.asarray(np.random.default_rng(seed).random(tuple(x.shape)) < 1 - p))
    kept = x.masked_fill(~mask, 0)
    return kept / (1 - p) if inverted else kept


PEERS = {"l1_reg": l1_reg, "l2_reg": l2_reg, "dropout": dropout}
