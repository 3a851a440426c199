r"""Normalisation by the root of the mean square, with scale: layer normalisation without the mean.

.. math:: \hat x = \frac xs, \quad s = \sqrt{\langle x^2 \rangle + \epsilon}, \quad y = \gamma \hat x, \qquad
   \bar x = \frac1s \left( h - \hat x \, \langle h \hat x \rangle \right), \quad h = \gamma \bar y

with means :math:`\langle\cdot\rangle` along the axes, and :math:`\bar\gamma = \sum \bar y \hat x` over all samples.

Shapes: x (...), gamma of the sizes of the axes, in their order in x -> like x.
Conventions: the last axis, unless ``axes`` says otherwise. The paper has no eps, which is 1e-6 here by default;
PyTorch takes the machine epsilon of the type, Llama 1e-6 or 1e-5.
Reference: Zhang, Sennrich (2019), Root mean square layer normalization, eq. (4).
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

Saved = tuple[Array, Array, Array | None, tuple[int, ...]]


def forward(
    x: Array, gamma: Array | None = None, *, axes: int | tuple[int, ...] = -1, eps: float = 1e-6
) -> tuple[Array, Saved]:
    """The output, and what the backward pass needs."""
    x, gamma = arrays("x (..., d), gamma? (...)", x, gamma)
    axes = places("axes", axes, x.ndim, least=1)
    eps = checked_eps(x, axes, eps)
    gamma = laid("gamma", gamma, x, axes)
    x_hat, inverse = standardised(x, axes, eps, centred=False)
    return scaled(x_hat, gamma, None), (x_hat, inverse, gamma, axes)


def backward(d_output: Array, saved: Saved) -> dict[str, Array]:
    """The gradients of x and gamma."""
    x_hat, inverse, gamma, axes = saved
    d_y = cotangent(d_output, x_hat.shape, x_hat.dtype)
    d_x = pulled_back(d_y if gamma is None else d_y * gamma, x_hat, inverse, axes, centred=False)
    return {"x": d_x, **of_scale_and_shift(d_y, x_hat, gamma, None, axes)}


def sample(rng: np.random.Generator) -> Case:
    """A batch of sentences, along the last axis or the last two."""
    n, t, d = map(int, rng.integers([1, 2, 3], 7))
    eps = float(rng.choice([1e-6, 0.1]))
    if rng.integers(2):
        return Case(normal(rng, n, t, d), normal(rng, d), eps=eps)
    return Case(normal(rng, n, t, d), normal(rng, t, d), axes=(-2, -1), eps=eps)


LAYER = Layer(
    forward=forward,
    backward=backward,
    sample=sample,
    formula="layer-norm",
    cases={
        "channels first": lambda rng: Case(normal(rng, 2, 5, 4), normal(rng, 5), axes=1),
        "without gamma": lambda rng: Case(normal(rng, 4, 3)),
        "one row without batch": lambda rng: Case(normal(rng, 5), normal(rng, 5)),
        "entries of 1e-5": lambda rng: Case(1e-5 * normal(rng, 3, 6), normal(rng, 6)),
        "mean of 1000": lambda rng: Case(1e3 + normal(rng, 3, 6), normal(rng, 6)),
        "a row of zeros": lambda rng: Case(normal(rng, 3, 4) * [[1], [0], [1]], normal(rng, 4)),
        "one feature": lambda rng: Case(normal(rng, 4, 1), normal(rng, 1), eps=0.1),
        "one sample": lambda rng: Case(normal(rng, 1, 4), normal(rng, 4)),
        "empty batch": lambda rng: Case(normal(rng, 0, 4), normal(rng, 4)),
    },
)
