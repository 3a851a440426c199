"""Masks of attention: truth values, True where a query may attend, or numbers that are added to the scores."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from verify.arguments import as_array
from verify.layer import Array
from verify.layer_parts.broadcasting import broadcasts

__all__ = ["read_mask"]


def read_mask(mask: ArrayLike | None, shape: tuple[int, ...], dtype: Any) -> tuple[Array | None, Array | None]:
    """Where scores are allowed, and what is added to them, both of this shape; None where a mask says neither.

    Raises: ValueError when the mask holds neither, or is not broadcast to this shape.
    """
    if mask is None:
        return None, None
    found = as_array("mask", mask)
    if found.dtype != bool and found.dtype != dtype:
        raise ValueError(
            f"mask holds {found.dtype}: expected truth values, True where a query may attend, or {dtype}"
        )
    if not broadcasts(found.shape, shape):
        raise ValueError(f"mask has shape {found.shape}: expected one that is broadcast to {shape}")
    if found.dtype == bool:
        return np.broadcast_to(found, shape), None
    if np.any(found == np.inf) or np.any(np.isnan(found)):
        raise ValueError("mask holds inf or nan: expected numbers, or -inf where a query may not attend")
    return None, np.broadcast_to(found, shape)
