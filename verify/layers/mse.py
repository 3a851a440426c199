r"""Squared error, its mean over all entries, its sum, or every one.

.. math:: L = \frac1m \sum_i (y_i - t_i)^2, \qquad \bar y = \frac{2}{m} \bar L \, (y - t), \quad \bar t = -\bar y

Shapes: y (...), targets (...) -> () or, not reduced, (...).
Conventions: ``mean``, the default, is over all m entries, as in PyTorch. Books also sum over the outputs and take the
mean over samples: that is ``sum``, divided by the number of samples. ``half=True`` halves the error, and the factor 2
of the gradient vanishes: with ``sum`` it is the loss of Saitoh.
Reference: Saitoh (2016), Deep Learning from Scratch, section 4.2.1.
"""

from __future__ import annotations

import numpy as np

from verify.arguments import arrays, choice
from verify.layer import Array, Case, Layer, normal
from verify.layer_parts.reductions import check_reduction, reduced, spread

Saved = tuple[Array, bool, str]


def forward(y: Array, targets: Array, *, reduction: str = "mean", half: bool = False) -> tuple[Array, Saved]:
    """The loss, and what the backward pass needs."""
    y, targets = arrays("y (*n), targets (*n)", y, targets)
    choice("half", half, (False, True))
    check_reduction(reduction, y.size)
    difference = np.asarray(y - targets)
    losses = np.square(difference) / (2 if half else 1)
    return reduced(losses, reduction, y.size, y.dtype), (difference, half, reduction)


def backward(d_output: Array, saved: Saved) -> dict[str, Array]:
    """The gradients of y and targets."""
    difference, half, reduction = saved
    d_losses = spread(d_output, reduction, difference.size, difference.shape, difference.dtype)
    d_y = np.asarray(difference * d_losses * (1 if half else 2), difference.dtype)
    return {"y": d_y, "targets": np.asarray(-d_y)}


def sample(rng: np.random.Generator) -> Case:
    """A batch of rows."""
    n, d = rng.integers(1, 7, 2)
    reduction = str(rng.choice(["mean", "sum", "none"]))
    return Case(normal(rng, n, d), normal(rng, n, d), reduction=reduction, half=bool(rng.integers(2)))


LAYER = Layer(
    forward=forward,
    backward=backward,
    sample=sample,
    formula="loss-mse",
    cases={
        "half the sum": lambda rng: Case(normal(rng, 4, 3), normal(rng, 4, 3), reduction="sum", half=True),
        "not reduced": lambda rng: Case(normal(rng, 2, 3, 4), normal(rng, 2, 3, 4), reduction="none"),
        "one number": lambda rng: Case(np.array(0.75), np.array(-1.5)),
        "one number, half, not reduced": lambda rng: Case(
            np.array(0.75), np.array(-1.5), reduction="none", half=True
        ),
        "large numbers": lambda rng: Case(1e4 + normal(rng, 3, 2), 1e4 + normal(rng, 3, 2)),
        "one sample": lambda rng: Case(normal(rng, 1, 3), normal(rng, 1, 3)),
        "empty batch, summed": lambda rng: Case(normal(rng, 0, 4), normal(rng, 0, 4), reduction="sum"),
    },
)
