r"""Binary cross-entropy of logits, through the sigmoid.

.. math:: L = \frac1m \sum_i w_i t_i \, \zeta(-z_i) + (1 - t_i) \, \zeta(z_i), \quad \zeta(z) = \log(1 + e^z), \qquad
   \bar z_i = \frac{\bar L}{m} \big((1 - t_i) \sigma(z_i) - w_i t_i \, \sigma(-z_i)\big), \quad
   \bar t_i = \frac{\bar L}{m} \big((w_i - 1)\, \zeta(-|z_i|) + w_i \max(-z_i, 0) - \max(z_i, 0)\big)

with weights w of the positive targets. Where w = 1, the gradients are :math:`\sigma(z) - t` and :math:`-z`. In this
form nothing cancels: a small loss is as accurate as a large one.

Shapes: logits (...), targets (...), pos_weight broadcasts to (...) -> () or, not reduced, (...).
Conventions: ``mean``, the default, is over all m entries, also with weights, as in PyTorch. Targets are mostly 0 or
1; the loss is linear in them, and any number is accepted.
Reference: Goodfellow, Bengio, Courville (2016), Deep Learning, section 6.2.2.2.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from verify.arguments import arrays, entries
from verify.layer import Array, Case, Layer, normal
from verify.layer_parts.broadcasting import broadcasts
from verify.layer_parts.reductions import check_reduction, reduced, spread

Saved = tuple[Array, Array, Array, str]


def forward(
    logits: Array, targets: Array, *, pos_weight: Array | float = 1.0, reduction: str = "mean"
) -> tuple[Array, Saved]:
    """The loss, and what the backward pass needs."""
    z, t, w = arrays("logits (*n), targets (*n), pos_weight (...)", logits, targets, pos_weight)
    check_reduction(reduction, z.size)
    entries("pos_weight", w, (w >= 0) & np.isfinite(w), "finite numbers from 0")
    if not broadcasts(w.shape, z.shape):
        raise ValueError(f"pos_weight has shape {w.shape}: expected one that broadcasts to that of logits, {z.shape}")
    tail, above, below = softplus_apart(z)
    losses = w * t * (tail + below) + (1 - t) * (tail + above)
    return reduced(losses, reduction, z.size, z.dtype), (z, t, w, reduction)


def backward(d_output: Array, saved: Saved) -> dict[str, Array]:
    """The gradients of logits and targets."""
    z, t, w, reduction = saved
    d_losses = spread(d_output, reduction, z.size, z.shape, z.dtype)
    d_z = d_losses * ((1 - t) * expit(z) - w * t * expit(-z))
    tail, above, below = softplus_apart(z)
    d_t = d_losses * ((w - 1) * tail + w * below - above)
    return {"logits": np.asarray(d_z, z.dtype), "targets": np.asarray(d_t, z.dtype)}


def softplus_apart(z: Array) -> tuple[Array, Array, Array]:
    """What log(1 + exp(z)) and log(1 + exp(-z)) share, and what each has more: max(z, 0) and max(-z, 0)."""
    return np.log1p(np.exp(-np.abs(z))), np.maximum(z, 0), np.maximum(-z, 0)


def sample(rng: np.random.Generator) -> Case:
    """A batch of rows with hard targets, a weight for every column."""
    n, d = rng.integers(1, 7, 2)
    reduction = str(rng.choice(["mean", "sum", "none"]))
    targets = rng.integers(0, 2, (n, d)).astype(float)
    return Case(normal(rng, n, d, scale=2.0), targets, pos_weight=rng.uniform(0.5, 3.0, d), reduction=reduction)


LAYER = Layer(
    forward=forward,
    backward=backward,
    sample=sample,
    formula="loss-bce-logits",
    cases={
        "without weights": lambda rng: Case(normal(rng, 4, 3), rng.uniform(size=(4, 3))),
        "logits of ±900": lambda rng: Case(np.array([900.0, -900.0, 900.0, -900.0]), np.array([1.0, 1.0, 0.0, 0.0])),
        "logits of ±20": lambda rng: Case(np.array([20.0, -20.0, 20.5]), np.array([1.0, 0.0, 0.5]), reduction="none"),
        "one weight": lambda rng: Case(normal(rng, 5), rng.uniform(size=5), pos_weight=2.5, reduction="sum"),
        "targets outside [0, 1]": lambda rng: Case(normal(rng, 5), normal(rng, 5), pos_weight=np.array([0.5])),
        "one logit": lambda rng: Case(np.array(-1.25), np.array(0.75), reduction="none"),
        "one row": lambda rng: Case(normal(rng, 1, 3), rng.uniform(size=(1, 3))),
        "empty batch, summed": lambda rng: Case(normal(rng, 0, 4), normal(rng, 0, 4), reduction="sum"),
    },
)
