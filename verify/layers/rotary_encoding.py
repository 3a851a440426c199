r"""Rotary encoding: every pair of columns is turned by an angle that grows with the position.

.. math:: \begin{pmatrix} y_1 \\ y_2 \end{pmatrix} = R(\theta) \begin{pmatrix} x_1 \\ x_2 \end{pmatrix}, \quad
   R(\theta) = \begin{pmatrix} \cos\theta & -\sin\theta \\ \sin\theta & \cos\theta \end{pmatrix}, \quad
   \theta_{ij} = i\, \beta^{-2j/d}, \qquad
   \begin{pmatrix} \bar x_1 \\ \bar x_2 \end{pmatrix} = R(-\theta)
   \begin{pmatrix} \bar y_1 \\ \bar y_2 \end{pmatrix}

so that products of a query and a key know how far apart they are, and nothing else of their positions.

Shapes: x (..., t, d) with even d -> (..., t, d).
Convention: ``pairs`` are "interleaved" by default, columns 2j and 2j + 1, as in RoFormer and the published Llama, or
"halves", columns j and j + d/2, as in GPT-NeoX and Hugging Face's Llama, whose weights are permuted. The first
position is ``offset``, the base :math:`\beta` is 10000.
Reference: Su et al. (2021), RoFormer: enhanced transformer with rotary position embedding, eq. (15).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from verify.arguments import arrays, choice, cotangent, count, number
from verify.layer import Array, Case, Layer, normal
from verify.layer_parts.positions import LAST, angles

PAIRS = ("interleaved", "halves")


def forward(x: Array, *, pairs: str = "interleaved", base: float = 10000.0, offset: int = 0) -> tuple[Array, Any]:
    """The output, and the cosines and sines of the angles."""
    (x,) = arrays("x (..., t, 2h)", x)
    choice("pairs", pairs, PAIRS)
    base, offset = number("base", base, "(0, inf)"), count("offset", offset, most=LAST)
    steps, d = x.shape[-2:]
    theta = angles(steps, d, base, offset)
    cos, sin = np.cos(theta).astype(x.dtype), np.sin(theta).astype(x.dtype)
    return turned(x, cos, sin, pairs), (x.shape, cos, sin, pairs)


def turned(x: Array, cos: Array, sin: Array, pairs: str) -> Array:
    """Every pair turned by the angle with this cosine and sine."""
    half = x.shape[-1] // 2
    first, second = (
        (slice(0, None, 2), slice(1, None, 2)) if pairs == "interleaved" else (slice(half), slice(half, None))
    )
    y = np.empty(x.shape, x.dtype)
    y[..., first] = x[..., first] * cos - x[..., second] * sin
    y[..., second] = x[..., first] * sin + x[..., second] * cos
    return y


def backward(d_output: Array, saved: Any) -> dict[str, Array]:
    """The gradient of x, turned back."""
    shape, cos, sin, pairs = saved
    return {"x": turned(cotangent(d_output, shape, cos.dtype), cos, -sin, pairs)}


def sample(rng: np.random.Generator) -> Case:
    """Sequences of even width, from any position on."""
    n, t, h = rng.integers(1, 6, 3)
    options = {
        "pairs": str(rng.choice(PAIRS)),
        "base": float(rng.choice([10.0, 1e4])),
        "offset": int(rng.integers(9)),
    }
    return Case(normal(rng, n, t, 2 * h), **options)


LAYER = Layer(
    forward=forward,
    backward=backward,
    sample=sample,
    formula="pos-sinusoidal",
    cases={
        "interleaved": lambda rng: Case(normal(rng, 2, 4, 6), pairs="interleaved"),
        "halves": lambda rng: Case(normal(rng, 2, 4, 6), pairs="halves"),
        "one pair": lambda rng: Case(normal(rng, 2, 4, 2)),
        "with heads": lambda rng: Case(normal(rng, 2, 3, 4, 6), pairs="halves"),
        "a long sequence": lambda rng: Case(normal(rng, 1, 600, 2)),
        "far from the first position": lambda rng: Case(normal(rng, 2, 3, 4), offset=100_000),
        "one step": lambda rng: Case(normal(rng, 3, 1, 4), offset=1),
        "without batch": lambda rng: Case(normal(rng, 3, 4)),
        "empty batch": lambda rng: Case(normal(rng, 0, 3, 4)),
        "no steps": lambda rng: Case(normal(rng, 2, 0, 4), pairs="halves"),
    },
)
