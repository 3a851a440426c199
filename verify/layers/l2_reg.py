r"""L2 penalty on one array of weights.

.. math:: R = \tfrac{\lambda}{2} \sum_i w_i^2, \qquad \bar w = \bar R\,\lambda w

without the factor ½, :math:`R = \lambda \sum_i w_i^2` and :math:`\bar w = 2 \bar R\,\lambda w`, for half=False.

Shapes: W (...) -> scalar.
Convention: Saitoh and Goodfellow have the factor ½, Keras has not. No mean is taken. For plain gradient descent, and
only for it, the penalty with ½ is the weight decay of PyTorch's optimisers.
Reference: Goodfellow, Bengio and Courville (2016), Deep Learning, section 7.1.1.
"""

from __future__ import annotations

import numpy as np

from verify.arguments import arrays, choice, cotangent, number
from verify.layer import Array, Case, Layer, normal

Saved = tuple[Array, float, bool]


def forward(W: Array, *, lam: float = 0.01, half: bool = True) -> tuple[Array, Saved]:
    """The penalty, and what the backward pass needs."""
    (W,) = arrays("W (...)", W)
    choice("half", half, (True, False))
    lam = number("lam", lam, "[0, inf)", W.dtype)
    return np.asarray((lam / 2 if half else lam) * np.square(W).sum(), W.dtype), (W, lam, half)


def backward(d_output: Array, saved: Saved) -> dict[str, Array]:
    """The gradient of W."""
    W, lam, half = saved
    d_R = cotangent(d_output, (), W.dtype)
    return {"W": np.asarray(d_R * (lam * (W if half else 2 * W)), W.dtype)}


def sample(rng: np.random.Generator) -> Case:
    """A matrix of weights, with the factor ½ or without."""
    return Case(normal(rng, *rng.integers(1, 6, 2)), lam=round(rng.uniform(0.01, 2.0), 3), half=bool(rng.integers(2)))


LAYER = Layer(
    forward=forward,
    backward=backward,
    sample=sample,
    formula="reg-l2-weight-decay",
    cases={
        "without the factor 1/2": lambda rng: Case(normal(rng, 3, 4), lam=0.5, half=False),
        "kernels": lambda rng: Case(normal(rng, 2, 3, 2, 2)),
        "one weight": lambda rng: Case(normal(rng), lam=2.0),
        "no weights": lambda rng: Case(normal(rng, 0, 3)),
        "no penalty": lambda rng: Case(normal(rng, 2, 3), lam=0.0),
        "large weights": lambda rng: Case(normal(rng, 2, 3, scale=900.0)),
    },
)
