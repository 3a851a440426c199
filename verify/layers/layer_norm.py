r"""Layer normalisation of every sample along some of its axes, with scale and shift.

.. math:: \hat x = \frac{x - \mu}{s}, \quad s = \sqrt{v + \epsilon}, \quad y = \gamma \hat x + \beta, \qquad
   \bar x = \frac1s \left( h - \langle h \rangle - \hat x \, \langle h \hat x \rangle \right), \quad
   h = \gamma \bar y

with means :math:`\langle\cdot\rangle` along the axes, and :math:`\bar\gamma = \sum \bar y \hat x`,
:math:`\bar\beta = \sum \bar y` over all samples.

Shapes: x (...), gamma and beta of the sizes of the axes, in their order in x -> like x.
Conventions: the last axis, unless ``axes`` says otherwise; PyTorch's normalized_shape is that of the last axes. The
variance is the biased one; eps, inside the root, is 1e-5 by default, as in PyTorch (Keras: 1e-3).
Reference: Ba, Kiros, Hinton (2016), Layer normalization, section 3.
"""

from __future__ import annotations

import numpy as np

from verify.arguments import arrays, cotangent, places
from verify.layer import Array, Case, Layer, normal
from verify.layer_parts.standardised import (
    checked_eps,
    laid,
    of_scale_and_shift,
    pulled_back,
    scaled,
    standardised,
)

Saved = tuple[Array, Array, Array | None, Array | None, tuple[int, ...]]


def forward(
    x: Array,
    gamma: Array | None = None,
    beta: Array | None = None,
    *,
    axes: int | tuple[int, ...] = -1,
    eps: float = 1e-5,
) -> tuple[Array, Saved]:
    """The output, and what the backward pass needs."""
    x, gamma, beta = arrays("x (..., d), gamma? (...), beta? (...)", x, gamma, beta)
    axes = places("axes", axes, x.ndim, least=1)
    eps = checked_eps(x, axes, eps)
    gamma, beta = laid("gamma", gamma, x, axes), laid("beta", beta, x, axes)
    x_hat, inverse = standardised(x, axes, eps)
    return scaled(x_hat, gamma, beta), (x_hat, inverse, gamma, beta, axes)


def backward(d_output: Array, saved: Saved) -> dict[str, Array]:
    """The gradients of x, gamma and beta."""
    x_hat, inverse, gamma, beta, axes = saved
    d_y = cotangent(d_output, x_hat.shape, x_hat.dtype)
    d_x = pulled_back(d_y if gamma is None else d_y * gamma, x_hat, inverse, axes)
    return {"x": d_x, **of_scale_and_shift(d_y, x_hat, gamma, beta, axes)}


def sample(rng: np.random.Generator) -> Case:
    """A batch of sentences, along the last axis or the last two."""
    n, t, d = map(int, rng.integers([1, 2, 4], 7))
    if rng.integers(2):
        return Case(normal(rng, n, t, d), normal(rng, d), normal(rng, d))
    return Case(normal(rng, n, t, d), normal(rng, t, d), normal(rng, t, d), axes=(-2, -1))


LAYER = Layer(
    forward=forward,
    backward=backward,
    sample=sample,
    formula="layer-norm",
    cases={
        "images": lambda rng: Case(
            normal(rng, 2, 3, 4, 5), normal(rng, 3, 4, 5), normal(rng, 3, 4, 5), axes=(1, 2, 3)
        ),
        "channels first": lambda rng: Case(normal(rng, 2, 5, 4), normal(rng, 5), normal(rng, 5), axes=1),
        "axes that are no neighbours": lambda rng: Case(
            normal(rng, 3, 2, 4), normal(rng, 3, 4), normal(rng, 3, 4), axes=(2, 0)
        ),
        "without gamma and beta": lambda rng: Case(normal(rng, 4, 3)),
        "without beta": lambda rng: Case(normal(rng, 4, 3), normal(rng, 3)),
        "without gamma": lambda rng: Case(normal(rng, 4, 3), None, normal(rng, 3)),
        "one row without batch": lambda rng: Case(normal(rng, 5), normal(rng, 5), normal(rng, 5)),
        "variance of 1e-10": lambda rng: Case(1e-5 * normal(rng, 3, 6), normal(rng, 6), normal(rng, 6)),
        "mean of 1000": lambda rng: Case(1e3 + normal(rng, 3, 6), normal(rng, 6), normal(rng, 6)),
        "a constant row": lambda rng: Case(1.7 + normal(rng, 3, 4) * [[1], [0], [1]], normal(rng, 4), normal(rng, 4)),
        "one feature": lambda rng: Case(normal(rng, 4, 1), normal(rng, 1), normal(rng, 1)),
        "one sample": lambda rng: Case(normal(rng, 1, 4), normal(rng, 4), normal(rng, 4)),
        "empty batch": lambda rng: Case(normal(rng, 0, 4), normal(rng, 4), normal(rng, 4)),
    },
)
