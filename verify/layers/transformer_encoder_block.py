r"""Transformer encoder block: self-attention, then a feed-forward network, each with a residual path and layer norm.

.. math:: u = \operatorname{around}_1(x;\, \operatorname{attention}), \quad
   y = \operatorname{around}_2(u;\, \operatorname{ff}), \qquad
   \operatorname{ff}(z) = \phi(z W_1 + b_1)\, W_2 + b_2

   \operatorname{around}(x; F) = \operatorname{norm}(x + F(x)) \ \text{(post)}, \qquad
   \operatorname{around}(x; F) = x + F(\operatorname{norm}(x)) \ \text{(pre)}

   \bar x = \bar s + J_F^\top \bar s, \ \bar s = J_{\operatorname{norm}}^\top \bar y \ \text{(post)}, \qquad
   \bar x = \bar y + J_{\operatorname{norm}}^\top J_F^\top \bar y \ \text{(pre)}

Shapes: x (n, t, d), Wq (d, k), Wk (d, k), Wv (d, e), Wo (e, d), bq (k), bk (k), bv (e), bo (d), W1 (d, f), b1 (f),
W2 (f, d), b2 (d), gamma1, beta1, gamma2, beta2 (d), mask as in multi_head_attention -> (n, t, d).
Convention: ``norm`` is "post", the default, as published and as PyTorch has it, or "pre", where a gradient passes all
blocks unchanged; then the last block's output still wants a norm. None leaves a bias out. Dropout is left out.
Reference: Vaswani et al. (2017), Attention is all you need, section 3.1 and 3.3; Xiong et al. (2020), On layer
normalization in the Transformer architecture, table 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from verify.arguments import arrays, choice, cotangent, number, parsed
from verify.layer import Array, Case, Layer, normal
from verify.layers import affine, gelu, layer_norm, multi_head_attention, relu

ACTIVATIONS: dict[str, Any] = {"relu": relu, "gelu": gelu}
SHAPES = (
    "x (n, t, d), Wq (d, k), Wk (d, k), Wv (d, e), Wo (e, d), bq? (k), bk? (k), bv? (e), bo? (d), "
    "W1 (d, f), b1? (f), W2 (f, d), b2? (d), gamma1 (d), beta1 (d), gamma2 (d), beta2 (d)"
)


def forward(
    x: Array,
    Wq: Array,
    Wk: Array,
    Wv: Array,
    Wo: Array,
    bq: Array | None,
    bk: Array | None,
    bv: Array | None,
    bo: Array | None,
    W1: Array,
    b1: Array | None,
    W2: Array,
    b2: Array | None,
    gamma1: Array,
    beta1: Array,
    gamma2: Array,
    beta2: Array,
    mask: Array | None = None,
    *,
    heads: int = 1,
    norm: str = "post",
    activation: str = "relu",
    causal: bool = False,
    eps: float = 1e-5,
) -> tuple[Array, Any]:
    """The output, and what the layers inside have saved."""
    given = (x, Wq, Wk, Wv, Wo, bq, bk, bv, bo, W1, b1, W2, b2, gamma1, beta1, gamma2, beta2)
    x, Wq, Wk, Wv, Wo, bq, bk, bv, bo, W1, b1, W2, b2, gamma1, beta1, gamma2, beta2 = arrays(SHAPES, *given)
    choice("norm", norm, ("post", "pre"))
    choice("activation", activation, ACTIVATIONS)
    eps = number("eps", eps, "(0, inf)", x.dtype)
    heads = multi_head_attention.checked_heads(x, x, Wq, Wv, mask, heads, causal)

    def attend(z: Array) -> tuple[Array, Any]:
        parameters = (Wq, Wk, Wv, Wo, bq, bk, bv, bo)
        return multi_head_attention.forward(z, *parameters, mask=mask, heads=heads, causal=causal)

    def feed_forward(z: Array) -> tuple[Array, Any]:
        hidden, saved_first = affine.forward(z, W1, b1)
        active, saved_active = ACTIVATIONS[activation].forward(hidden)
        y, saved_second = affine.forward(active, W2, b2)
        return y, (saved_first, saved_active, saved_second, activation)

    u, saved_attention = around(x, gamma1, beta1, attend, norm, eps)
    y, saved_ff = around(u, gamma2, beta2, feed_forward, norm, eps)
    return y, (saved_attention, saved_ff, x.shape, x.dtype)


def around(
    x: Array, gamma: Array, beta: Array, inner: Callable[[Array], tuple[Array, Any]], norm: str, eps: float
) -> tuple[Array, Any]:
    """A residual path around a layer, and the norm before the layer or after the sum."""
    if norm == "pre":
        z, saved_norm = layer_norm.forward(x, gamma, beta, eps=eps)
        y, saved_inner = inner(z)
        y = x + y
    else:
        y, saved_inner = inner(x)
        y, saved_norm = layer_norm.forward(x + y, gamma, beta, eps=eps)
    return y, (saved_norm, saved_inner, norm)


def backward(d_output: Array, saved: Any) -> dict[str, Array]:
    """The gradients of all inputs: the layers backwards."""
    saved_attention, saved_ff, shape, dtype = saved
    d_y = cotangent(d_output, shape, dtype)
    d_ff, d_norm2 = backward_around(d_y, saved_ff, backward_feed_forward)
    d_attention, d_norm1 = backward_around(d_ff.pop("x"), saved_attention, multi_head_attention.backward)
    norms = {name + k: of[name] for k, of in (("1", d_norm1), ("2", d_norm2)) for name in ("gamma", "beta")}
    return {**d_attention, **d_ff, **norms}


def backward_around(
    d_y: Array, saved: Any, inner: Callable[[Array, Any], dict[str, Array]]
) -> tuple[dict[str, Array], dict[str, Array]]:
    """The gradients of the layer inside, where that of x is the sum over both paths, and those of the norm."""
    saved_norm, saved_inner, norm = saved
    if norm == "pre":
        d_inner = inner(d_y, saved_inner)
        d_norm = layer_norm.backward(d_inner["x"], saved_norm)
        return {**d_inner, "x": d_y + d_norm["x"]}, d_norm
    d_norm = layer_norm.backward(d_y, saved_norm)
    d_inner = inner(d_norm["x"], saved_inner)
    return {**d_inner, "x": d_norm["x"] + d_inner["x"]}, d_norm


def backward_feed_forward(d_y: Array, saved: Any) -> dict[str, Array]:
    """The gradients of the input and the parameters of the feed-forward network."""
    saved_first, saved_active, saved_second, activation = saved
    second = affine.backward(d_y, saved_second)
    first = affine.backward(ACTIVATIONS[activation].backward(second["x"], saved_active)["x"], saved_first)
    parameters = {name + k: of[name] for k, of in (("1", first), ("2", second)) for name in of if name != "x"}
    return {"x": first["x"], **parameters}


def sample(rng: np.random.Generator) -> Case:
    """Some heads, with any options; the bias of the keys, whose gradient is 0, is left out."""
    n, t, d, f = map(int, rng.integers(2, 6, 4))
    heads, k, e = map(int, rng.integers(1, 4, 3))
    options: Any = {"norm": str(rng.choice(["post", "pre"])), "activation": str(rng.choice(["relu", "gelu"]))}
    return drawn(
        rng, n, t, d + 1, heads * k, heads * e, f, ("bk",), heads=heads, causal=bool(rng.integers(2)), **options
    )


def drawn(
    rng: np.random.Generator,
    n: int,
    t: int,
    d: int,
    k: int,
    e: int,
    f: int,
    without: tuple[str, ...] = (),
    mask: Array | None = None,
    **options: Any,
) -> Case:
    """All inputs but the biases left out."""
    sizes = {"n": n, "t": t, "d": d, "k": k, "e": e, "f": f}
    inputs = []
    for argument in parsed(SHAPES):
        shape = [sizes[axis] for axis in argument.axes]
        inputs.append(None if argument.name in without else normal(rng, *shape))
    return Case(*inputs, mask, **options)


BIASES = ("bq", "bk", "bv", "bo", "b1", "b2")
LAYER = Layer(
    forward=forward,
    backward=backward,
    sample=sample,
    formula="transformer-block",
    cases={
        "post-norm": lambda rng: drawn(rng, 2, 3, 5, 4, 6, 7, heads=2),
        "pre-norm": lambda rng: drawn(rng, 2, 3, 5, 4, 6, 7, heads=2, norm="pre"),
        "gelu": lambda rng: drawn(rng, 2, 3, 5, 4, 6, 7, heads=2, activation="gelu"),
        "causal, before norms of another eps": lambda rng: drawn(
            rng, 2, 3, 5, 4, 6, 7, heads=2, norm="pre", causal=True, eps=0.1
        ),
        "without biases": lambda rng: drawn(rng, 2, 3, 5, 4, 6, 7, BIASES, heads=2, norm="pre"),
        "keys masked as padding": lambda rng: drawn(
            rng, 2, 3, 5, 4, 6, 7, mask=np.array([[True, True, False], [True, False, False]])[:, None, None], heads=2
        ),
        "numbers added to the scores": lambda rng: drawn(
            rng, 2, 3, 5, 4, 6, 7, mask=normal(rng, 2, 3, 3), heads=2, norm="pre"
        ),
        "a sample that attends to nothing": lambda rng: drawn(
            rng, 2, 3, 5, 4, 6, 7, mask=np.array([True, False])[:, None, None, None], heads=2
        ),
        "numbers, and a sample that attends to nothing, pre-norm": lambda rng: drawn(
            rng,
            2,
            3,
            5,
            4,
            6,
            7,
            mask=np.array([[0.5, -0.25, 1.0], [-np.inf] * 3])[:, None, None],
            heads=2,
            norm="pre",
        ),
        "one sample": lambda rng: drawn(rng, 1, 3, 5, 4, 6, 7, heads=2),
        "one step": lambda rng: drawn(rng, 2, 1, 5, 4, 6, 7, heads=2),
        "empty batch": lambda rng: drawn(rng, 0, 3, 5, 4, 6, 7, heads=2),
    },
)
