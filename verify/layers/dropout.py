r"""Dropout: in training each entry is kept with probability q = 1 - p, else it is 0.

.. math:: y = f \odot x, \qquad \bar x = f \odot \bar y

=============== ============================== ==================
factor f        training, mask m (1 = kept)    evaluation
=============== ============================== ==================
inverted        m / q                          1
not inverted    m                              q
=============== ============================== ==================

Either way the mean of y over all masks is what evaluation gives.

Shapes: x (...), mask like x -> (...).
Convention: p is the probability to drop, as in PyTorch, which is inverted; Hinton's and Saitoh's layers are not. The
mask holds True where an entry is kept. mask=None draws one from `seed`, the same for every call with this seed.
Reference: Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov (2014), Dropout, sections 4 and 10.
"""

from __future__ import annotations

import numpy as np

from verify.arguments import arrays, choice, cotangent, count, number
from verify.layer import Array, Case, Layer, normal


def forward(
    x: Array,
    mask: Array | None = None,
    *,
    p: float = 0.5,
    inverted: bool = True,
    training: bool = True,
    seed: int = 0,
) -> tuple[Array, Array]:
    """The output, and the factor of every entry."""
    x, mask = arrays("x (*shape), mask? boolean (*shape)", x, mask)
    choice("inverted", inverted, (True, False))
    choice("training", training, (True, False))
    q = 1.0 - number("p", p, "[0, 1)")
    seed = count("seed", seed)
    if training:
        kept = np.random.default_rng(seed).random(x.shape) < q if mask is None else mask
        factor = np.asarray(kept / q if inverted else kept, x.dtype)
    else:
        factor = np.full(x.shape, 1.0 if inverted else q, x.dtype)
    return np.asarray(factor * x), factor


def backward(d_output: Array, saved: Array) -> dict[str, Array]:
    """The gradient of x, by the factors of the forward pass."""
    factor = saved
    d_y = cotangent(d_output, factor.shape, factor.dtype)
    return {"x": np.asarray(factor * d_y)}


def sample(rng: np.random.Generator) -> Case:
    """A mask that is drawn inside, or given."""
    x = normal(rng, *rng.integers(3, 7, 2))
    mask = None if rng.integers(2) else rng.random(x.shape) < 0.6
    return Case(
        x, mask, p=round(rng.uniform(0.1, 0.6), 3), inverted=bool(rng.integers(2)), seed=int(rng.integers(99))
    )


LAYER = Layer(
    forward=forward,
    backward=backward,
    sample=sample,
    formula="reg-dropout",
    cases={
        "inverted, evaluation": lambda rng: Case(normal(rng, 3, 4), p=0.3, training=False),
        "not inverted": lambda rng: Case(normal(rng, 4, 5), p=0.3, inverted=False, seed=7),
        "not inverted, evaluation": lambda rng: Case(normal(rng, 3, 4), p=0.3, inverted=False, training=False),
        "nothing dropped": lambda rng: Case(normal(rng, 3, 4), p=0.0),
        "almost all dropped": lambda rng: Case(normal(rng, 20, 5), p=0.95, seed=3),
        "all dropped by the mask": lambda rng: Case(normal(rng, 2, 3), np.zeros((2, 3), bool)),
        "mask is ignored in evaluation": lambda rng: Case(normal(rng, 2, 3), np.zeros((2, 3), bool), training=False),
        "feature maps": lambda rng: Case(normal(rng, 2, 3, 4, 4), p=0.25, seed=1),
        "a number": lambda rng: Case(normal(rng), np.array(True), p=0.4),
        "one sample": lambda rng: Case(normal(rng, 1, 4)),
        "empty batch": lambda rng: Case(normal(rng, 0, 3)),
    },
)
