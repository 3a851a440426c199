r"""L1 penalty on one array of weights.

.. math:: R = \lambda \sum_i |w_i|, \qquad \bar w = \bar R\,\lambda \operatorname{sign} w

Shapes: W (...) -> scalar.
Convention: `lam` is the whole factor, no mean is taken. At w = 0, where the subdifferential is [-λ, λ], the slope
is 0, as in PyTorch. Descent along it does not make weights exactly 0, the proximal step does.
Reference: Goodfellow, Bengio and Courville (2016), Deep Learning, section 7.1.2.
"""

from __future__ import annotations

import numpy as np

from verify.arguments import arrays, cotangent, number
from verify.layer import Array, Case, Layer, normal

Saved = tuple[Array, float]


def forward(W: Array, *, lam: float = 0.01) -> tuple[Array, Saved]:
    """The penalty, and what the backward pass needs."""
    (W,) = arrays("W (...)", W)
    lam = number("lam", lam, "[0, inf)", W.dtype)
    return np.asarray(lam * np.abs(W).sum(), W.dtype), (W, lam)


def backward(d_output: Array, saved: Saved) -> dict[str, Array]:
    """The gradient of W."""
    W, lam = saved
    d_R = cotangent(d_output, (), W.dtype)
    return {"W": np.asarray(d_R * (lam * np.sign(W)), W.dtype)}


def sample(rng: np.random.Generator) -> Case:
    """A matrix of weights."""
    return Case(normal(rng, *rng.integers(1, 6, 2)), lam=round(rng.uniform(0.01, 2.0), 3))


LAYER = Layer(
    forward=forward,
    backward=backward,
    sample=sample,
    formula="reg-l1-sparsity",
    cases={
        "weights that are 0": lambda rng: Case(normal(rng, 3, 4) * (rng.random((3, 4)) < 0.5), lam=0.5),
        "kernels": lambda rng: Case(normal(rng, 2, 3, 2, 2)),
        "one weight": lambda rng: Case(normal(rng), lam=2.0),
        "no weights": lambda rng: Case(normal(rng, 0, 3)),
        "no penalty": lambda rng: Case(normal(rng, 2, 3), lam=0.0),
        "large weights": lambda rng: Case(normal(rng, 2, 3, scale=900.0)),
    },
)
