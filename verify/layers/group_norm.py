r"""Group normalisation: every sample, every group of channels has statistics of its own; with scale and shift.

.. math:: \hat x = \frac{x - \mu}{s}, \quad s = \sqrt{v + \epsilon}, \quad y = \gamma \hat x + \beta, \qquad
   \bar x = \frac1s \left( h - \langle h \rangle - \hat x \, \langle h \hat x \rangle \right), \quad
   h = \gamma \bar y

with means :math:`\langle\cdot\rangle` over the channels of a group and all axes after them, and
:math:`\bar\gamma = \sum \bar y \hat x`, :math:`\bar\beta = \sum \bar y` per channel.

Shapes: x (n, c, ...), gamma (c), beta (c) -> like x.
Conventions: groups divides c. One group is layer normalisation with a scale per channel, c groups are instance
normalisation. The variance is the biased one; eps, inside the root, is 1e-5 by default, as in PyTorch.
Reference: Wu, He (2018), Group normalization, section 3.1; Ulyanov, Vedaldi, Lempitsky (2016), Instance
normalization: the missing ingredient for fast stylization, section 2.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from verify.arguments import arrays, cotangent, count
from verify.layer import Array, Case, Layer, normal
from verify.layer_parts.standardised import (
    checked_eps,
    laid,
    of_scale_and_shift,
    pulled_back,
    scaled,
    standardised,
)

Saved = tuple[Array, Array, Array | None, Array | None]
CHANNEL = (1,)


def forward(
    x: Array, gamma: Array | None = None, beta: Array | None = None, *, groups: int = 1, eps: float = 1e-5
) -> tuple[Array, Saved]:
    """The output, and what the backward pass needs."""
    x, gamma, beta = arrays("x (n, c, ...), gamma? (c), beta? (c)", x, gamma, beta)
    eps = checked_eps(x, tuple(range(1, x.ndim)), eps)
    groups = count("groups", groups, least=1)
    if x.shape[1] % groups:
        raise ValueError(f"groups is {groups}: expected a number that divides the {x.shape[1]} channels of x")
    gamma, beta = laid("gamma", gamma, x, CHANNEL), laid("beta", beta, x, CHANNEL)
    x_hat, inverse = standardised(in_groups(x, groups), (2,), eps)
    return scaled(x_hat.reshape(x.shape), gamma, beta), (x_hat.reshape(x.shape), inverse, gamma, beta)


def backward(d_output: Array, saved: Saved) -> dict[str, Array]:
    """The gradients of x, gamma and beta."""
    x_hat, inverse, gamma, beta = saved
    d_y = cotangent(d_output, x_hat.shape, x_hat.dtype)
    groups = inverse.shape[1]
    h = in_groups(d_y if gamma is None else d_y * gamma, groups)
    d_x = pulled_back(h, in_groups(x_hat, groups), inverse, (2,)).reshape(x_hat.shape)
    return {"x": d_x, **of_scale_and_shift(d_y, x_hat, gamma, beta, CHANNEL)}


def in_groups(x: Array, groups: int) -> Array:
    """x with the entries of a group along the last of three axes."""
    return x.reshape(x.shape[0], groups, math.prod(x.shape[1:]) // groups)


def sample(rng: np.random.Generator) -> Case:
    """A batch of images, their channels in groups."""
    n, g, k, h, w = map(int, rng.integers([1, 1, 1, 2, 3], 5))
    return of_shape(rng, n, g * k, h, w, groups=g)


def of_shape(rng: np.random.Generator, *shape: int, **options: Any) -> Case:
    """A batch with scale and shift."""
    return Case(normal(rng, *shape), normal(rng, shape[1]), normal(rng, shape[1]), **options)


LAYER = Layer(
    forward=forward,
    backward=backward,
    sample=sample,
    formula="layer-norm",
    cases={
        "two groups of three": lambda rng: of_shape(rng, 2, 6, 3, 4, groups=2),
        "one group": lambda rng: of_shape(rng, 3, 4, 2, 5),
        "instance normalisation": lambda rng: of_shape(rng, 2, 3, 4, 5, groups=3),
        "sequences": lambda rng: of_shape(rng, 2, 4, 5, groups=2),
        "rows": lambda rng: of_shape(rng, 3, 6, groups=2),
        "without gamma and beta": lambda rng: Case(normal(rng, 2, 4, 3), groups=2),
        "without gamma": lambda rng: Case(normal(rng, 2, 4, 3), None, normal(rng, 4), groups=2),
        "variance of 1e-10": lambda rng: Case(1e-5 * normal(rng, 2, 4, 3), normal(rng, 4), normal(rng, 4), groups=2),
        "mean of 1000": lambda rng: Case(1e3 + normal(rng, 2, 4, 3), normal(rng, 4), normal(rng, 4), groups=2),
        "a constant sample": lambda rng: Case(
            1.7 + normal(rng, 2, 4, 3) * [[[0]], [[1]]], normal(rng, 4), normal(rng, 4), groups=2
        ),
        "one entry in a group": lambda rng: of_shape(rng, 2, 3, 1, groups=3),
        "empty batch": lambda rng: of_shape(rng, 0, 4, 3, groups=2),
    },
)
