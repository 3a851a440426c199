r"""All axes from one on made one, the last index fastest.

.. math:: y_{n, i} = x_{n, i_1, \dots, i_k}, \quad i = (\dots(i_1 d_2 + i_2)\dots) d_k + i_k, \qquad
   \bar x_{n, i_1, \dots, i_k} = \bar y_{n, i}

Shapes: x (n, d1, ..., dk) -> (n, d1 ⋯ dk) for start_axis=1, the default; start_axis axes are left as they are.
Convention: `nn.Flatten` of PyTorch also starts at 1, `torch.flatten` at 0. Whatever the memory order of x, the order
of the entries is that of its indices.
Reference: Saitoh (2016), Deep Learning from Scratch, section 5.6.
"""

from __future__ import annotations

import math

import numpy as np

from verify.arguments import arrays, cotangent, place
from verify.layer import Array, Case, Layer, normal

Saved = tuple[Array, tuple[int, ...]]


def forward(x: Array, *, start_axis: int = 1) -> tuple[Array, Saved]:
    """The output; backward needs shapes alone."""
    (x,) = arrays("x (..., d)", x)
    start = place("start_axis", start_axis, x.ndim)
    shape = (*x.shape[:start], math.prod(x.shape[start:]))
    return x.reshape(shape).copy(), (x, shape)


def backward(d_output: Array, saved: Saved) -> dict[str, Array]:
    """The gradient of x."""
    x, shape = saved
    return {"x": cotangent(d_output, shape, x.dtype).reshape(x.shape).copy()}


def sample(rng: np.random.Generator) -> Case:
    """Two to four axes."""
    x = normal(rng, *rng.integers(1, 5, rng.integers(2, 5)))
    return Case(x, start_axis=int(rng.integers(0, x.ndim)))


LAYER = Layer(
    forward=forward,
    backward=backward,
    sample=sample,
    formula="la-tensor",
    cases={
        "images": lambda rng: Case(normal(rng, 2, 3, 4, 5)),
        "all axes": lambda rng: Case(normal(rng, 2, 3, 4), start_axis=0),
        "last axis alone": lambda rng: Case(normal(rng, 2, 3, 4), start_axis=-1),
        "last two axes": lambda rng: Case(normal(rng, 2, 3, 4), start_axis=-2),
        "one axis": lambda rng: Case(normal(rng, 3), start_axis=0),
        "one image": lambda rng: Case(normal(rng, 1, 3, 2, 4)),
        "empty batch": lambda rng: Case(normal(rng, 0, 3, 4)),
    },
)
