r"""Sinusoidal positional encoding, added to the input.

.. math:: Y = X + P, \qquad p_{i,2j} = \sin(i \omega_j), \quad p_{i,2j+1} = \cos(i \omega_j), \quad
   \omega_j = \beta^{-2j/d}, \qquad \bar X = \bar Y

Shapes: x (..., t, d) -> (..., t, d).
Convention: the first position is ``offset``, the base :math:`\beta` is 10000. Of an odd width the last column is a
sine without its cosine. Other code puts all sines before all cosines.
Reference: Vaswani et al. (2017), Attention is all you need, section 3.5.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from verify.arguments import arrays, cotangent, count, number
from verify.layer import Array, Case, Layer, normal
from verify.layer_parts.positions import LAST, angles


def forward(x: Array, *, base: float = 10000.0, offset: int = 0) -> tuple[Array, Any]:
    """The output, and its shape and type."""
    (x,) = arrays("x (..., t, d)", x)
    base, offset = number("base", base, "(0, inf)"), count("offset", offset, most=LAST)
    steps, d = x.shape[-2:]
    turned = angles(steps, d, base, offset)
    p = np.empty((steps, d), x.dtype)
    p[:, 0::2] = np.sin(turned)
    p[:, 1::2] = np.cos(turned[:, : d // 2])
    return x + p, (x.shape, x.dtype)


def backward(d_output: Array, saved: Any) -> dict[str, Array]:
    """The gradient of x."""
    return {"x": cotangent(d_output, *saved).copy()}


def sample(rng: np.random.Generator) -> Case:
    """Sequences of even and odd width, from any position on, in front of any base."""
    n, t, d = rng.integers(1, 7, 3)
    return Case(normal(rng, n, t, d), base=float(rng.choice([10.0, 1e4])), offset=int(rng.integers(9)))


LAYER = Layer(
    forward=forward,
    backward=backward,
    sample=sample,
    formula="pos-sinusoidal",
    cases={
        "odd width": lambda rng: Case(normal(rng, 2, 4, 5)),
        "one column": lambda rng: Case(normal(rng, 2, 4, 1)),
        "a long sequence": lambda rng: Case(normal(rng, 1, 600, 2)),
        "far from the first position": lambda rng: Case(normal(rng, 2, 3, 4), offset=100_000),
        "one step": lambda rng: Case(normal(rng, 3, 1, 4)),
        "without batch": lambda rng: Case(normal(rng, 3, 4)),
        "two batch axes": lambda rng: Case(normal(rng, 2, 3, 4, 6)),
        "empty batch": lambda rng: Case(normal(rng, 0, 3, 4)),
        "no steps": lambda rng: Case(normal(rng, 2, 0, 4)),
    },
)
