r"""Cross-entropy of probabilities. With logits take ``softmax_with_loss``: it never divides by a probability.

.. math:: L = -\frac1n \sum_{ik} t_{ik} \log(p_{ik} + \epsilon), \qquad
   \bar p_{ik} = -\frac{\bar L}{n} \frac{t_{ik}}{p_{ik} + \epsilon}, \quad
   \bar t_{ik} = -\frac{\bar L}{n} \log(p_{ik} + \epsilon)

Shapes: p (..., k), targets (...) integers or (..., k) weights -> () or, not reduced, (...).
Conventions: without eps a probability 0 that is read is refused, since the loss or the gradient of its weight is
infinite: integers read the probability of their class, weights read all. Saitoh adds 1e-7 to every probability
and then leaves it out of the gradient; here eps is 0 by default, and the gradient that of the loss. Rows need not
sum to 1. ``mean``, the default, is over all samples.
Reference: Saitoh (2016), Deep Learning from Scratch, sections 4.2.2 and 4.2.4.
"""

from __future__ import annotations

import numpy as np

from verify.arguments import entries, number
from verify.layer import Array, Case, Layer, normal
from verify.layer_parts.classes import at_targets, class_arrays, distributions
from verify.layer_parts.reductions import check_reduction, reduced, spread

Saved = tuple[Array, Array, tuple[int, ...], str]


def forward(p: Array, targets: Array, *, eps: float = 0.0, reduction: str = "mean") -> tuple[Array, Saved]:
    """The loss, and what the backward pass needs."""
    p, targets, counted = class_arrays("p", p, targets)
    check_reduction(reduction, counted.size)
    eps = number("eps", eps, "[0, inf)", p.dtype)
    entries("p", p, (p >= 0) & (p <= 1 + 1e-6), "a probability from 0 to 1")
    weighted = targets.dtype.kind == "f"
    q = (p if weighted else at_targets(p, targets)) + eps
    if not np.all(q > 0):
        raise ValueError("p holds 0 where its logarithm is read: expected eps > 0, or logits for softmax_with_loss")
    losses = -at_targets(np.log(q), targets) if weighted else -np.log(q)
    return reduced(losses[..., 0], reduction, counted.size, p.dtype), (q, targets, p.shape, reduction)


def backward(d_output: Array, saved: Saved) -> dict[str, Array]:
    """The gradient of p, and of targets that are weights."""
    q, targets, shape, reduction = saved
    n = shape[:-1]
    d_losses = spread(d_output, reduction, int(np.prod(n)), n, q.dtype)[..., None]
    if targets.dtype.kind == "f":
        return {"p": -d_losses * targets / q, "targets": -d_losses * np.log(q)}
    d_p = np.zeros(shape, q.dtype)
    np.put_along_axis(d_p, targets[..., None], -d_losses / q, axis=-1)
    return {"p": d_p}


def sample(rng: np.random.Generator) -> Case:
    """A batch of distributions, with classes or weights."""
    n, k = map(int, rng.integers(2, 7, 2))
    targets = rng.integers(0, k, n) if rng.integers(2) else distributions(rng, n, k)
    reduction = str(rng.choice(["mean", "sum", "none"]))
    return Case(distributions(rng, n, k), targets, eps=float(rng.choice([0.0, 0.1])), reduction=reduction)


LAYER = Layer(
    forward=forward,
    backward=backward,
    sample=sample,
    formula="info-entropy-ce-kl",
    cases={
        "integers": lambda rng: Case(distributions(rng, 4, 3), np.array([2, 0, 2, 1])),
        "weights": lambda rng: Case(distributions(rng, 4, 3), distributions(rng, 4, 3)),
        "weights of any sum": lambda rng: Case(distributions(rng, 2, 3), normal(rng, 2, 3), reduction="sum"),
        "two batch axes": lambda rng: Case(distributions(rng, 2, 3, 4), rng.integers(0, 4, (2, 3)), reduction="none"),
        "one sample without batch": lambda rng: Case(distributions(rng, 4), np.array(3)),
        "not normalised": lambda rng: Case(rng.uniform(0.1, 0.4, (3, 4)), np.array([0, 3, 3])),
        "a shift of 1e-7": lambda rng: Case(distributions(rng, 3, 4), np.array([0, 3, 3]), eps=1e-7),
        "one sample": lambda rng: Case(distributions(rng, 1, 4), np.array([3])),
        "empty batch, summed": lambda rng: Case(normal(rng, 0, 4), np.zeros(0, int), reduction="sum"),
    },
)
