"""What recurrent layers share: time is their first axis inside, and what needs no recurrence is done for all steps.

The products of the inputs, the gradients of the inputs and those of the weights are one matrix product each.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from verify.layer import Array, Case, normal
from verify.layer_parts.sums import sum_over

__all__ = ["at_all_steps", "gate_slices", "gradients_at_all_steps", "sequences", "swapped", "trajectory", "weights"]


def swapped(x: Array) -> Array:
    """A contiguous copy with batch and time exchanged: (n, t, ...) -> (t, n, ...), and back."""
    return x.swapaxes(0, 1).copy()


def trajectory(shape: tuple[int, ...], first: Array | None, dtype: Any) -> Array:
    """Room for one state more than this shape (t, n, h) has, the first filled in; None stands for zeros."""
    states = np.empty((shape[0] + 1, *shape[1:]), dtype)
    states[0] = 0 if first is None else first
    return states


def at_all_steps(x: Array, W: Array, b: Array | None) -> Array:
    """The products x W + b of all steps: (t, n, d), (d, k) -> (t, n, k)."""
    a = (in_rows(x) @ W).reshape(*x.shape[:2], W.shape[1])
    if b is not None:
        a += b
    return a


def gradients_at_all_steps(x: Array, W: Array, d_a: Array) -> dict[str, Array]:
    """The gradients of x, Wx and b, given those of the products."""
    d_x = (in_rows(d_a) @ W.T).reshape(x.shape)
    return {"x": swapped(d_x), "Wx": weights(x, d_a), "b": sum_over((0, 1), d_a)}


def weights(x: Array, d_a: Array) -> Array:
    """The gradient of the weights in a product of all steps, the sum of its steps' gradients."""
    return in_rows(x).T @ in_rows(d_a)


def in_rows(x: Array) -> Array:
    """A row for each step of each sequence: (t, n, d) -> (t n, d)."""
    return x.reshape(math.prod(x.shape[:2]), x.shape[2])


def gate_slices(letters: str, order: str, h: int) -> list[slice]:
    """Where the gate of each letter lies on an axis that stacks gates of width h in this order."""
    return [slice(h * k, h * (k + 1)) for k in map(order.index, letters)]


def sequences(
    rng: np.random.Generator,
    x: tuple[int, ...],
    others: Mapping[str, tuple[int, ...]],
    without: Collection[str] = (),
    *,
    far: float = 0.0,
    **options: Any,
) -> Case:
    """Sequences and other inputs of these shapes, but for those left out.

    The bias is ``far`` from 0 for two units of three, on one side and on the other: they are saturated.
    """
    drawn: dict[str, Any] = {
        name: None if name in without else normal(rng, *shape, scale=0.7) for name, shape in others.items()
    }
    if far:
        drawn["b"] += far * (np.arange(len(drawn["b"])) % 3 - 1)
    return Case(normal(rng, *x), *drawn.values(), **options)
