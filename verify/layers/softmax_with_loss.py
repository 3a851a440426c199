r"""Cross-entropy of logits, through the softmax.

.. math:: L = \frac1n \sum_i \Big( s_i \log \sum_k e^{z_{ik}} - \sum_k t_{ik} z_{ik} \Big), \quad s_i = \sum_k t_{ik},
   \qquad \bar z_{ik} = \frac{\bar L}{n} (s_i p_{ik} - t_{ik}), \quad \bar t_{ik} = -\frac{\bar L}{n} \log p_{ik}

At the class, and at the largest logit if classes have weights, :math:`1 - p` is the sum of the other probabilities:
if it is nearly certain, loss and gradient are as small as these.

Shapes: logits (..., k), targets (...) integers or (..., k) weights -> () or, not reduced, (...).
Conventions: the classes are on the last axis (PyTorch has them on axis 1). Smoothing by a replaces t by
(1 - a) t + a/k. Samples whose class is ignore_index do not count, in a mean either. Logits -inf exclude a class;
with weights or smoothing all are finite. ``mean``, the default, is over all samples that count.
Reference: Saitoh (2016), Deep Learning from Scratch, section 5.6.3; Szegedy et al. (2016), Rethinking the inception
architecture for computer vision, section 7 (smoothing).
"""

from __future__ import annotations

import numpy as np

from verify.arguments import entries, number
from verify.layer import Array, Case, Layer, Pair, normal
from verify.layer_parts.certain import certain_rows, largest_at, total_of_others
from verify.layer_parts.classes import at_targets, class_arrays, distributions
from verify.layer_parts.exponentials import largest_along, need_no_shift
from verify.layer_parts.reductions import check_reduction, reduced, spread
from verify.layer_parts.sums import sum_along

Saved = tuple[Array, Array, Array, Array, Array, Array | None, Array, Array | None, str]


def forward(
    logits: Array,
    targets: Array,
    *,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
) -> tuple[Array, Saved]:
    """The loss, and what the backward pass needs."""
    logits, targets, counted = class_arrays("logits", logits, targets, ignore_index)
    count = int(np.count_nonzero(counted))
    check_reduction(reduction, count)
    label_smoothing = number("label_smoothing", label_smoothing, "[0, 1]")
    t = smoothed(targets, label_smoothing, logits)
    largest = largest_along("logits", logits, -1)
    z, left = logits, largest  # the largest entries of z
    weights = t.dtype.kind == "f"
    if weights or not need_no_shift(largest):
        z, left = logits - largest, np.zeros_like(largest)
    e = np.exp(np.ascontiguousarray(z))  # what is equal has equal exponentials in one order of memory only
    total = sum_along((-1,), e)
    log_total = np.log(total / np.exp(left))  # of z - left, which no large number is added to
    at = largest_at(z) if weights else t[..., None]
    e_at = np.take_along_axis(e, at, axis=-1)
    certain = certain_rows(e_at, total)
    others = total_of_others(e, total, at, certain)
    if certain is not None:
        log_total[certain] = np.log1p(others[certain] / e_at[certain])
    losses = np.where(counted, (mass(t) * log_total - (at_targets(z, t) - left))[..., 0], 0)
    t_others = total_of_others(t, mass(t), at, certain) if weights else None
    d_targets = (1.0 - label_smoothing) * (log_total - z) if targets.dtype.kind == "f" else None
    saved = e, total, t, at, others, t_others, counted, d_targets, reduction
    return reduced(losses, reduction, count, z.dtype), saved


def backward(d_output: Array, saved: Saved) -> dict[str, Array]:
    """The gradient of logits, and of targets that are weights."""
    e, total, t, at, others, t_others, counted, d_targets, reduction = saved
    count = int(np.count_nonzero(counted))
    d_losses = (spread(d_output, reduction, count, counted.shape, e.dtype) * counted)[..., None]
    share = mass(t) * d_losses / total
    d_logits = e * share
    if t_others is None:
        at_class = -others * share
    else:
        d_logits -= t * d_losses
        e_at, t_at = (np.take_along_axis(one, at, axis=-1) for one in (e, t))
        at_class = (e_at * t_others - t_at * others) * (d_losses / total)
    np.put_along_axis(d_logits, at, at_class, axis=-1)
    return {"logits": d_logits} if d_targets is None else {"logits": d_logits, "targets": d_targets * d_losses}


def mass(t: Array) -> Array | int:
    """The sum of the weights of every sample, which is 1 for a class."""
    return t.sum(axis=-1, keepdims=True) if t.dtype.kind == "f" else 1


def smoothed(targets: Array, label_smoothing: float, logits: Array) -> Array:
    """Classes as they are, if nothing is smoothed; else the weights of all classes."""
    if targets.dtype.kind != "f":
        if not label_smoothing:
            return targets
        targets = (targets[..., None] == np.arange(logits.shape[-1])).astype(logits.dtype)
    entries("logits", logits, np.isfinite(logits), "finite numbers with weights of classes")
    weights: Array = targets * (1.0 - label_smoothing) + label_smoothing / logits.shape[-1]
    return weights


def sample(rng: np.random.Generator) -> Case:
    """A batch of rows with classes or distributions."""
    n, k = map(int, rng.integers(2, 7, 2))
    targets = rng.integers(0, k, n) if rng.integers(2) else distributions(rng, n, k)
    reduction, label_smoothing = str(rng.choice(["mean", "sum", "none"])), float(rng.choice([0.0, 0.2]))
    return Case(normal(rng, n, k, scale=2.0), targets, reduction=reduction, label_smoothing=label_smoothing)


LAYER = Layer(
    forward=forward,
    backward=backward,
    sample=sample,
    formula="loss-softmax-ce",
    pairs={"loss-softmax-ce": Pair(case=lambda Z, T: Case(Z, T), output="L")},
    cases={
        "integers": lambda rng: Case(normal(rng, 5, 4), np.array([3, 0, 2, 2, 1])),
        "distributions": lambda rng: Case(normal(rng, 5, 4), distributions(rng, 5, 4)),
        "weights of any sum": lambda rng: Case(normal(rng, 3, 4), normal(rng, 3, 4), reduction="sum"),
        "logits of ±900": lambda rng: Case(
            np.array([[900.0, -900.0, 0.0], [-900.0, 899.5, 900.0]]), np.array([1, 2])
        ),
        "distributions, logits of ±900": lambda rng: Case(
            np.array([[900.0, -900.0, 0.0], [-900.0, 899.5, 900.0]]), distributions(rng, 2, 3)
        ),
        "a class excluded by -inf": lambda rng: Case(
            np.where([[1, 1, 0], [0, 1, 1]], normal(rng, 2, 3), -np.inf), np.array([0, 2])
        ),
        "smoothed integers": lambda rng: Case(normal(rng, 4, 3), rng.integers(0, 3, 4), label_smoothing=0.1),
        "ignored samples": lambda rng: Case(normal(rng, 4, 3), np.array([2, -100, 0, -100]), ignore_index=-100),
        "ignored class, smoothed": lambda rng: Case(
            normal(rng, 4, 3), np.array([2, 0, 0, 1]), ignore_index=0, label_smoothing=0.1
        ),
        "all ignored, summed": lambda rng: Case(normal(rng, 2, 3), np.array([1, 1]), ignore_index=1, reduction="sum"),
        "two batch axes": lambda rng: Case(normal(rng, 2, 3, 4), rng.integers(0, 4, (2, 3)), reduction="none"),
        "one sample without batch": lambda rng: Case(normal(rng, 4), np.array(3)),
        "one class": lambda rng: Case(normal(rng, 3, 1), np.zeros(3, int)),
        "one sample": lambda rng: Case(normal(rng, 1, 4), np.array([2])),
        "empty batch, summed": lambda rng: Case(normal(rng, 0, 4), np.zeros(0, int), reduction="sum"),
    },
)
