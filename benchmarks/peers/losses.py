"""Softmax, losses and embeddings in PyTorch."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

Tensor = torch.Tensor


def softmax(x: Tensor, axis: int = -1) -> Any:
    return functional.softmax(x, dim=axis)


def log_softmax(x: Tensor, axis: int = -1) -> Any:
    return functional.log_softmax(x, dim=axis)


def mse(y: Tensor, targets: Tensor, reduction: str = "mean", half: bool = False) -> Any:
    loss = functional.mse_loss(y, targets, reduction=reduction)
    return loss / 2 if half else loss


def cross_entropy(p: Tensor, targets: Tensor, eps: float = 0.0, reduction: str = "mean") -> Any:
    log_p = torch.log(p + eps)
    k = p.shape[-1]
    if targets.is_floating_point():
        return _reduced(-(targets * log_p).sum(-1), reduction)
    losses = functional.nll_loss(log_p.reshape(-1, k), targets.reshape(-1), reduction=reduction)
    return losses.reshape(targets.shape) if reduction == "none" else losses


def softmax_with_loss(
    logits: Tensor,
    targets: Tensor,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
) -> Any:
    k = logits.shape[-1]
    soft = targets.is_floating_point()
    losses = functional.cross_entropy(
        logits.reshape(-1, k),
        targets.reshape(-1, k) if soft else targets.reshape(-1),
        reduction=reduction,
        label_smoothing=label_smoothing,
        ignore_index=-100 if ignore_index is None else ignore_index,
    )
    return losses.reshape(logits.shape[:-1]) if reduction == "none" else losses


def bce_with_logits(
    logits: Tensor, targets: Tensor, pos_weight: Tensor | float = 1.0, reduction: str = "mean"
) -> Any:
    weight = torch.as_tensor(pos_weight, dtype=logits.dtype)
    return functional.binary_cross_entropy_with_logits(logits, targets, pos_weight=weight, reduction=reduction)


def embedding(W: Tensor, ids: Tensor, padding: int | None = None) -> Any:
    ids = ids.long()
    rows = functional.embedding(ids, W, padding_idx=padding)
    return rows if padding is None else rows * (ids != padding)[..., None]


def _reduced(losses: Tensor, reduction: str) -> Tensor:
    return {"mean": losses.mean, "sum": losses.sum, "none": lambda: losses}[reduction]()


PEERS = {
    one.__name__: one
    for one in (softmax, log_softmax, mse, cross_entropy, softmax_with_loss, bce_with_logits, embedding)
}
