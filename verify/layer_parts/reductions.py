"""Losses of samples taken together, and the cotangent of the whole given back to each of them.

``mean`` is over all losses that count, ``sum`` is their sum, ``none`` leaves them as they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from verify.arguments import choice, cotangent
from verify.layer import Array

__all__ = ["check_reduction", "reduced", "spread"]

REDUCTIONS = ("mean", "sum", "none")


def check_reduction(reduction: str, count: int) -> None:
    """Raises: ValueError when the reduction is unknown, or a mean over no loss."""
    choice("reduction", reduction, REDUCTIONS)
    if reduction == "mean" and not count:
        raise ValueError("reduction is 'mean', and there is no loss: expected at least one, or 'sum' or 'none'")


def reduced(losses: Array, reduction: str, count: int, dtype: Any) -> Array:
    """The mean over ``count`` losses, the sum, or the losses themselves."""
    if reduction == "none":
        return np.asarray(losses, dtype)
    return np.asarray(np.sum(losses) / (count if reduction == "mean" else 1), dtype)


def spread(d_output: ArrayLike, reduction: str, count: int, shape: tuple[int, ...], dtype: Any) -> Array:
    """The cotangent of every loss, read-only."""
    d_loss = cotangent(d_output, shape if reduction == "none" else (), dtype)
    if reduction == "mean":
        d_loss = np.asarray(d_loss / count, dtype)
    return np.broadcast_to(d_loss, shape)
