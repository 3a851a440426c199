"""Broadcasting as a linear map, its adjoint, and what it is tried on.

Broadcasting repeats entries along axes that an array lacks or has of size 1. What is repeated forward is summed
backward.

The most important functions are ``broadcast_shape`` (of several arguments) and ``unbroadcast`` (the adjoint).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from verify.layer import Array, Case, Draw, normal
from verify.layer_parts.sums import sum_over

__all__ = ["BROADCASTS", "broadcast_shape", "broadcasts", "pair", "unbroadcast"]

Shape = tuple[int, ...]


def broadcast_shape(**shapes: Shape) -> Shape:
    """The shape that arguments, given by name, have together. Raises: ValueError when they have none."""
    try:
        return np.broadcast_shapes(*shapes.values())
    except ValueError:
        told = " and ".join(f"{name} has shape {shape}" for name, shape in shapes.items())
        raise ValueError(f"{told}: counted from the last axis, expected equal sizes, or one that is 1") from None


def broadcasts(shape: Shape, whole: Shape) -> bool:
    """Whether an array of this shape is broadcast to that one, which stays as it is."""
    return len(shape) <= len(whole) and all(
        one in (1, size) for one, size in zip(shape[::-1], whole[::-1], strict=False)
    )


def unbroadcast(d_output: Array, shape: Shape) -> Array:
    """The sum over all places to which an entry of an array of this shape was broadcast, in memory of its own."""
    lacking = d_output.ndim - len(shape)
    single = (lacking + axis for axis, size in enumerate(shape) if size == 1)
    return sum_over((*range(lacking), *single), d_output).reshape(shape)


def pair(rng: np.random.Generator) -> tuple[Array, Array]:
    """Two arrays of one shape, or with axes lacking or of size 1."""
    shape = rng.integers(2, 6, rng.integers(1, 4))
    x_shape, y_shape = (np.where(rng.random(len(shape)) < 0.25, 1, shape) for _ in range(2))
    return normal(rng, *x_shape), normal(rng, *y_shape[rng.integers(len(shape)) :])


def _normal(*shapes: Shape) -> Draw:
    return lambda rng: Case(*(normal(rng, *shape) for shape in shapes))


BROADCASTS: Mapping[str, Draw] = {
    "equal shapes": _normal((2, 3), (2, 3)),
    "a row": _normal((4, 3), (3,)),
    "a column": _normal((4, 1), (4, 3)),
    "a row and a column": _normal((1, 3), (4, 1)),
    "a number": _normal((2, 3), ()),
    "two numbers": _normal((), ()),
    "axes of size 1 in both": _normal((1, 3, 1), (2, 1, 1, 4)),
    "empty batch and a row": _normal((0, 3), (3,)),
    "an axis of size 1 against none": _normal((1, 3), (0, 3)),
}
