"""The angles by which encodings tell positions apart: every pair of columns turns with a frequency of its own."""

from __future__ import annotations

import numpy as np

from verify.layer import Array

__all__ = ["LAST", "angles"]

LAST = 2**53  # beyond, float64 does not tell positions apart


def angles(steps: int, width: int, base: float, offset: int) -> Array:
    """The angles p base^(-2j / width) of positions p from the offset on and of pairs j, an odd column being one, too.

    Shapes: -> (steps, pairs). In float64 also for encodings in float32: angles are large, what is rounded off is not.
    """
    frequencies = base ** (-np.arange(0, width, 2) / max(width, 1))
    return np.outer(float(offset) + np.arange(steps), frequencies)
