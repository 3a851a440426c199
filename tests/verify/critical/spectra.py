"""Symmetric operators whose eigenvalues are known, and products with them that are counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = Any


class Counted:
    """The products of a symmetric operator, counted one for each column."""

    def __init__(self, product: Callable[[Array], Array]) -> None:
        self.product = product
        self.columns = self.calls = 0

    def __call__(self, v: Array) -> Array:
        self.calls += 1
        self.columns += 1 if v.ndim == 1 else v.shape[1]
        return self.product(v)


def turned(values: Array, seed: int = 0) -> Callable[[Array], Array]:
    """A product with these eigenvalues whose eigenvectors are no coordinates: two reflections around a diagonal."""
    rng = np.random.default_rng([seed, len(values)])
    a, b = (w / np.linalg.norm(w) for w in rng.normal(size=(2, len(values))))

    def product(v: Array) -> Array:
        for w in (a, b):
            v = v - 2 * w * (w @ v)
        v = values * v
        for w in (b, a):
            v = v - 2 * w * (w @ v)
        return v

    return product


def bulk(n: int, low: float, high: float, negative: Any, positive: Any = (), seed: int = 0) -> Array:
    """Eigenvalues spread over an interval, with some negative and some large positive ones."""
    values = np.random.default_rng([seed, n]).uniform(low, high, n)
    values[: len(negative)] = negative
    values[len(negative) : len(negative) + len(positive)] = positive
    return values
