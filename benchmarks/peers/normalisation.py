"""Normalisation layers in PyTorch."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

Tensor = torch.Tensor


def batch_norm(
    x: Tensor,
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    training: bool = True,
    eps: float = 1e-5,
) -> Any:
    if not training:
        return functional.batch_norm(x, running_mean, running_var, gamma, beta, eps=eps)
    if x[:, 0].numel() == 1:  # PyTorch refuses
        return layer_norm(x, gamma, beta, (0, *range(2, x.ndim)), eps, along=(1,))
    return functional.batch_norm(x, None, None, gamma, beta, training=True, eps=eps)


def layer_norm(
    x: Tensor,
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
    axes: int | tuple[int, ...] = -1,
    eps: float = 1e-5,
    along: tuple[int, ...] | None = None,
) -> Any:
    axes = _counted(axes, x)
    several = any(x.shape[axis] > 1 for axis in axes)  # of one number, PyTorch's gradient is rounding
    if along is None and several and axes == tuple(range(x.ndim))[-len(axes) :]:
        return functional.layer_norm(x, [x.shape[axis] for axis in axes], gamma, beta, eps)
    variance, mean = torch.var_mean(x, axes, correction=0, keepdim=True)
    y = (x - mean) / torch.sqrt(variance + eps)
    if gamma is not None:
        y = y * _laid(gamma, x, along or axes)
    return y if beta is None else y + _laid(beta, x, along or axes)


def rms_norm(x: Tensor, gamma: Tensor | None = None, axes: int | tuple[int, ...] = -1, eps: float = 1e-6) -> Any:
    axes = _counted(axes, x)
    if axes == tuple(range(x.ndim))[-len(axes) :] and hasattr(functional, "rms_norm"):
        return functional.rms_norm(x, [x.shape[axis] for axis in axes], gamma, eps)
    y = x / torch.sqrt((x**2).mean(axes, keepdim=True) + eps)
    return y if gamma is None else y * _laid(gamma, x, axes)


def group_norm(
    x: Tensor, gamma: Tensor | None = None, beta: Tensor | None = None, groups: int = 1, eps: float = 1e-5
) -> Any:
    if x[0:1].numel() == groups:  # one number in a group, whose gradient PyTorch rounds
        return layer_norm(x, gamma, beta, tuple(range(2, x.ndim)), eps, along=(1,))
    if gamma is None and beta is not None:  # which PyTorch 2.13 does not differentiate
        return functional.group_norm(x, groups, eps=eps) + _laid(beta, x, (1,))
    return functional.group_norm(x, groups, gamma, beta, eps)


def _counted(axes: int | tuple[int, ...], x: Tensor) -> tuple[int, ...]:
    return tuple(sorted(axis % x.ndim for axis in (axes if isinstance(axes, tuple) else (axes,))))


def _laid(value: Tensor, x: Tensor, axes: tuple[int, ...]) -> Tensor:
    return value.reshape([size if axis in axes else 1 for axis, size in enumerate(x.shape)])


PEERS = {one.__name__: one for one in (batch_norm, layer_norm, rms_norm, group_norm)}
