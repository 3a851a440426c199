r"""Scaled dot-product attention: every query takes the mean of the values, weighted by a softmax over the keys.

.. math:: S = \alpha\, Q K^\top + M, \qquad P = \operatorname{softmax}(S), \qquad O = P V

   \delta = -(\bar O \odot O)\, \mathbf 1, \quad
   \bar S = P \odot \begin{bmatrix} \bar O & \delta \end{bmatrix}
   \begin{bmatrix} V & \mathbf 1 \end{bmatrix}^\top, \quad \bar V = P^\top \bar O, \quad
   \bar Q = \alpha\, \bar S K, \quad \bar K = \alpha\, \bar S^\top Q, \quad \bar M = \bar S

where the softmax is that of each row: exponentials over their sum. Where these leave the range of the type, scores
are less the largest of their row. Where one key has nearly all weight, :math:`\bar S` is as small as the weights of
the rest, and is had from what :math:`\bar O V^\top` has at these more than at the one. Scores are worked on in blocks
of the batch.

Shapes: q (..., t, d), k (..., s, d), v (..., s, e), mask broadcast to (..., t, s) -> (..., t, e).
Convention: a boolean mask is True where a query may attend (PyTorch has it so here, and the other way round in
MultiheadAttention); a mask of floating-point numbers is added to the scores, -inf forbids. ``causal`` forbids keys
after the query, both counted from the first. ``scale`` is 1 / sqrt(d) where it is None. A query that may attend to
nothing gets 0, and passes no gradient on; PyTorch returns NaN for some masks.
Reference: Vaswani et al. (2017), Attention is all you need, section 3.2.1. Saitoh (2018), Deep Learning from Scratch
2, chapter 8.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from verify.arguments import arrays, choice, cotangent, number
from verify.layer import Array, Case, Layer, Pair, normal
from verify.layer_parts.broadcasting import unbroadcast
from verify.layer_parts.cache_blocks import cache_blocks
from verify.layer_parts.certain import certain_among, less_mean
from verify.layer_parts.exponentials import in_range
from verify.layer_parts.masks import read_mask
from verify.layer_parts.sums import sum_along


def forward(
    q: Array, k: Array, v: Array, mask: Array | None = None, *, causal: bool = False, scale: float | None = None
) -> tuple[Array, Any]:
    """The output, and what the backward pass needs."""
    q, k, v = arrays("q (*batch, t, d), k (*batch, s, d), v (*batch, s, e)", q, k, v)
    choice("causal", causal, (False, True))
    alpha = 1 / math.sqrt(q.shape[-1] or 1) if scale is None else number("scale", scale, dtype=q.dtype)
    allowed, added = read_mask(mask, (*q.shape[:-1], k.shape[-2]), q.dtype)
    batch, t, s = q.shape[:-2], q.shape[-2], k.shape[-2]
    later = ~np.tri(t, s, dtype=bool) if causal else None
    P, y = np.empty((*batch, t, s), q.dtype), np.empty_like(q, shape=(*batch, t, v.shape[-1]))
    q, scaled, v = np.ascontiguousarray(q), np.multiply(k, alpha, order="C"), np.ascontiguousarray(v)
    across = transposed(scaled)

    def scores(some: tuple[int | slice, ...]) -> Array:
        S = np.matmul(q[some], across[some], out=P[some])
        if added is not None:
            S += added[some]
        if allowed is not None:
            np.copyto(S, -np.inf, where=~allowed[some])
        if later is not None:
            np.copyto(S, -np.inf, where=later)
        return S

    alone = mask is not None or causal or s == 1  # there may be one key for a query: its weight is 1 exactly
    certain: list[Array | None] = []

    def weigh(some: tuple[int | slice, ...], total: Array) -> None:
        weights = P[some]
        if alone:
            weights /= total
        else:  # quicker
            weights *= 1 / total
        certain.append(certain_among(weights))
        np.matmul(weights, v[some], out=y[some])

    blocks = list(cache_blocks(batch, t * s))
    with np.errstate(over="ignore"):  # what does is not in range, and is done again
        for some in blocks:
            total = to_exponentials(scores(some))
            if not in_range(total):
                break
            weigh(some, total)
    for some in blocks[len(certain) :]:
        S = scores(some)
        largest = S.max(axis=-1, keepdims=True, initial=-np.inf)
        largest[largest == -np.inf] = 0  # nothing is allowed
        S -= largest
        total = to_exponentials(S)
        total[total == 0] = 1
        weigh(some, total)
    return y, (q, scaled, v, P, y, certain, alpha, None if added is None else np.asarray(mask).shape)


def to_exponentials(S: Array) -> Array:
    """The sums (..., 1) of the exponentials of rows, which take the place of these."""
    return sum_along((-1,), np.exp(S, out=S))


def with_column(x: Array, last: Array) -> Array:
    """[x last]: a matrix with one more column."""
    both = np.empty((*x.shape[:-1], x.shape[-1] + 1), x.dtype)
    both[..., :-1] = x
    both[..., -1:] = last
    return both


def transposed(x: Array, ones: int = 0) -> Array:
    """A contiguous copy with the last two axes exchanged, which a product reads twice as fast, above rows of ones."""
    d = x.shape[-1]
    found = np.empty((*x.shape[:-2], d + ones, x.shape[-2]), x.dtype)
    found[..., :d, :] = np.swapaxes(x, -1, -2)
    found[..., d:, :] = 1
    return found


def backward(d_output: Array, saved: Any) -> dict[str, Array]:
    """The gradients of q, k and v, and of a mask that was added."""
    q, scaled, v, P, y, certain, alpha, added = saved
    d_y = cotangent(d_output, y.shape, y.dtype)
    d_y_delta = with_column(d_y, -sum_along((-1,), d_y * y))
    d_y = d_y_delta[..., :-1]
    d_q, d_k, d_v = (np.empty_like(y, shape=like.shape) for like in (q, scaled, v))
    d_mask = None if added is None else np.empty_like(P)
    across = transposed(v, ones=1)
    for some, rows in zip(cache_blocks(q.shape[:-2], math.prod(P.shape[-2:])), certain, strict=True):
        d_S = d_y_delta[some] @ across[some]
        if rows is not None:
            d_S[rows] = less_mean(d_S[rows], P[some][rows])
        d_S *= P[some]
        np.matmul(np.swapaxes(P[some], -1, -2), d_y[some], out=d_v[some])
        np.matmul(d_S, scaled[some], out=d_q[some])
        np.matmul(np.swapaxes(d_S, -1, -2), q[some], out=d_k[some])
        if d_mask is not None:
            d_mask[some] = d_S
        del d_S  # the next takes its memory
    d_k *= alpha
    gradients = {"q": d_q, "k": d_k, "v": d_v}
    return gradients if d_mask is None else {**gradients, "mask": unbroadcast(d_mask, added)}


def sample(rng: np.random.Generator) -> Case:
    """No, one or two batch axes; no mask, or one of either kind for all of the batch."""
    *batch, t, s, d, e = (int(size) for size in rng.integers(2, 6, rng.integers(4, 7)))
    masks = (None, permitted(rng, t, s), normal(rng, t, s))
    scale = None if rng.integers(2) else float(rng.uniform(0.2, 1.5))
    return drawn(rng, batch, t, s, d, e, masks[rng.integers(3)], causal=bool(rng.integers(2)), scale=scale)


def permitted(rng: np.random.Generator, *shape: int) -> Array:
    """A boolean mask under which most queries may attend to something."""
    return rng.random(shape) < 0.7


def drawn(
    rng: np.random.Generator, batch: Sequence[int], t: int, s: int, d: int, e: int, mask: Any = None, **options: Any
) -> Case:
    """Queries, keys and values of these sizes."""
    return Case(normal(rng, *batch, t, d), normal(rng, *batch, s, d), normal(rng, *batch, s, e), mask, **options)


def some_forbidden(rng: np.random.Generator, *shape: int) -> Array:
    """Numbers, or -inf; the first query may attend to nothing."""
    mask = np.where(permitted(rng, *shape), normal(rng, *shape), -np.inf)
    mask[..., 0, :] = -np.inf
    return mask


LAYER = Layer(
    forward=forward,
    backward=backward,
    sample=sample,
    formula="attn-scaled-dot-product",
    pairs={"attn-backward": Pair(case=lambda Q, K, V: Case(Q, K, V), output="O")},
    cases={
        "one query, one key": lambda rng: drawn(rng, (2,), 1, 1, 3, 4),
        "no batch axes": lambda rng: drawn(rng, (), 3, 4, 2, 5),
        "causal": lambda rng: drawn(rng, (2,), 4, 4, 3, 2, causal=True),
        "causal, more keys": lambda rng: drawn(rng, (2,), 3, 5, 2, 4, causal=True),
        "causal, more queries": lambda rng: drawn(rng, (2,), 5, 3, 2, 4, causal=True),
        "causal, and a mask": lambda rng: drawn(rng, (2,), 3, 4, 2, 5, permitted(rng, 2, 1, 4), causal=True),
        "truth values": lambda rng: drawn(rng, (2, 3), 4, 5, 3, 2, permitted(rng, 2, 1, 4, 5)),
        "queries that attend to nothing": lambda rng: drawn(rng, (2,), 3, 4, 5, 2, np.arange(3)[:, None] > 0),
        "nothing is allowed": lambda rng: drawn(rng, (2,), 3, 4, 5, 2, np.zeros((3, 4), bool)),
        "numbers for each pair": lambda rng: drawn(rng, (2,), 3, 4, 5, 2, normal(rng, 2, 3, 4)),
        "numbers for each key": lambda rng: drawn(rng, (2, 3), 4, 5, 3, 2, normal(rng, 2, 1, 1, 5)),
        "numbers and minus infinity": lambda rng: drawn(rng, (2,), 3, 4, 5, 2, some_forbidden(rng, 2, 3, 4)),
        "numbers, causal": lambda rng: drawn(rng, (2,), 4, 4, 5, 2, normal(rng, 4, 4), causal=True),
        "far from 0": lambda rng: drawn(rng, (2,), 3, 4, 5, 2, 900 * normal(rng, 1, 4).clip(-1, 1)),
        "a scale": lambda rng: drawn(rng, (2,), 3, 4, 5, 2, scale=-0.4),
        "one sample": lambda rng: drawn(rng, (1,), 3, 4, 5, 2),
        "empty batch": lambda rng: drawn(rng, (0, 2), 3, 4, 5, 2, normal(rng, 3, 4)),
        "no keys": lambda rng: drawn(rng, (2,), 3, 0, 5, 2),
        "no queries": lambda rng: drawn(rng, (2,), 0, 3, 5, 2),
    },
)
