"""Functions along the last axes of NumPy arrays, real or complex: the numbers of what ``derive.over_axes`` knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = [
    "as_one_axis", "centred", "cholesky", "inverse", "logdet", "logsumexp", "rms", "softmax", "standardise", "taken",
]  # fmt: skip


def softmax(z: Any) -> Any:
    """``e^z / Σ e^z``, without overflow. Shapes: (…, n) -> (…, n)."""
    weights = np.exp(z - _top(z))
    total = weights.sum(axis=-1, keepdims=True)
    return weights / np.where(total == 0, 1, total)


def logsumexp(z: Any) -> Any:
    """``log Σ e^z``, without overflow. Shapes: (…, n) -> (…)."""
    top = _top(z)
    return np.squeeze(top, -1) + np.log(np.exp(z - top).sum(axis=-1))


def _top(z: Any) -> Any:
    """The largest entry; 0 where all are minus infinity: of these the softmax is 0, the logarithm minus infinity."""
    top = np.max(np.real(z), axis=-1, keepdims=True)
    return np.where(top == -np.inf, 0, top)


def rms(z: Any, e: Any) -> Any:
    """The root of the mean square plus a number. Shapes: (…, n), (…, n) or (…, 1) -> (…)."""
    return np.sqrt((z * z).mean(axis=-1) + e[..., 0])


def centred(z: Any) -> Any:
    """The values less their mean. Shapes: (…, n) -> (…, n)."""
    return z - z.mean(axis=-1, keepdims=True)


def standardise(z: Any, e: Any) -> Any:
    """The values less their mean, divided by their deviation. Shapes: (…, n), (…, n) or (…, 1) -> (…, n)."""
    return centred(z) / rms(centred(z), e)[..., None]


def as_one_axis(function: Callable[[Any, Any], Any], axes: int) -> Callable[[Any, Any], Any]:
    """A function along the last axis as a function along the last few; a value with that axis has these again."""

    def value(z: Any, e: Any) -> Any:
        flat, number = (x.reshape(*x.shape[: x.ndim - axes], -1) for x in (z, e))
        found = function(flat, number)
        return found.reshape(*found.shape[:-1], *z.shape[z.ndim - axes :]) if found.ndim == flat.ndim else found

    return value


def taken(position: Callable[..., Any]) -> Callable[[Any], Any]:
    """The entry at a position that the real parts decide. Shapes: (…, n) -> (…)."""

    def value(z: Any) -> Any:
        return np.take_along_axis(z, position(np.real(z), axis=-1)[..., None], -1)[..., 0]

    return value


def logdet(z: Any) -> Any:
    """The logarithm of the modulus of the determinant, continued analytically. Shapes: (…, n, n) -> (…)."""
    if np.iscomplexobj(z):
        sign, size = np.linalg.slogdet(z)
        return size + 1j * np.angle(sign * np.where(np.real(sign) < 0, -1, 1))
    return np.linalg.slogdet(z)[1]


def cholesky(matrices: Any) -> Any:
    """The lower triangular factors of matrices, which are read below their diagonals; nan where there is none."""
    if not np.iscomplexobj(matrices):
        try:
            return np.linalg.cholesky(matrices)
        except np.linalg.LinAlgError:
            if np.ndim(matrices) == 2:
                return np.full_like(matrices, np.nan)
            return np.stack([cholesky(one) for one in matrices])
    found = np.zeros_like(matrices)
    for j in range(matrices.shape[-1]):
        left = found[..., j:, :j] @ found[..., j, :j, None]
        column = matrices[..., j:, j] - left[..., 0]
        found[..., j:, j] = column / np.sqrt(column[..., :1])
    return found


SINGULAR = 1e13
"""From this condition number on a matrix has no inverse that its rounded entries know."""


def inverse(matrices: Any) -> Any:
    """The inverses of matrices; nan where there is none."""
    try:
        found = np.linalg.inv(matrices)
    except np.linalg.LinAlgError:
        if np.ndim(matrices) == 2:
            return np.full_like(matrices, np.nan)
        return np.stack([inverse(one) for one in matrices])
    condition = np.linalg.norm(matrices, axis=(-2, -1)) * np.linalg.norm(found, axis=(-2, -1))
    return np.where((condition < SINGULAR)[..., None, None], found, np.nan)
