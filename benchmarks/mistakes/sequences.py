"""Mistakes in embeddings, encodings of positions, recurrent layers and attention."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.mistakes.mistake import of_layer, right_layer
from verify.layer import Array, normal

__all__ = ["CORRECT", "MISTAKES"]

Rng = np.random.Generator


def soft(rng: Rng, *shape: int) -> Array:
    """Weights that saturate nothing."""
    return normal(rng, *shape, scale=0.7)


def words(rng: Rng) -> tuple[Any, ...]:
    """A table of vectors, and ids of which some occur several times, some never."""
    return normal(rng, 6, 3), np.array([[4, 0, 0, 2], [2, 2, 5, 1]])


def other_words(rng: Rng) -> tuple[Any, ...]:
    """A table of vectors, and ids that all differ."""
    return normal(rng, 6, 3), np.array([4, 0, 2, 1])


def sentences(rng: Rng) -> tuple[Any, ...]:
    """Sequences of an even width."""
    return (normal(rng, 2, 5, 6),)


def recurrent(rng: Rng, gates: int = 1, steps: int = 4) -> tuple[Any, ...]:
    """Sequences, weights, bias and first state of a recurrent layer."""
    n, d, h = 2, 3, 5
    return (
        *(normal(rng, n, steps, d), soft(rng, d, gates * h), soft(rng, h, gates * h), soft(rng, gates * h)),
        soft(rng, n, h),
    )


def without_state(rng: Rng) -> tuple[Any, ...]:
    """A recurrent layer that begins at 0."""
    return recurrent(rng)[:4]


def kinked(rng: Rng) -> tuple[Any, ...]:
    """A recurrent layer, whose first step has sums that are exactly 0."""
    x, Wx, Wh, b, h0 = recurrent(rng, steps=2)
    x[0, 0], b[:], h0[0] = 0, 0, 0
    return x, Wx, Wh, b, h0


def long(rng: Rng) -> tuple[Any, ...]:
    """Long sequences."""
    n, t, d, h = 2, 30, 1, 3
    return normal(rng, n, t, d), soft(rng, d, h), soft(rng, h, h), soft(rng, h), soft(rng, n, h)


def lstm(rng: Rng) -> tuple[Any, ...]:
    """All inputs, the first cell too."""
    return *recurrent(rng, 4), soft(rng, 2, 5)


def gru(rng: Rng) -> tuple[Any, ...]:
    """All inputs, the recurrent bias too."""
    x, Wx, Wh, b, h0 = recurrent(rng, 3)
    return x, Wx, Wh, b, soft(rng, 15), h0


def attended(rng: Rng) -> tuple[Any, ...]:
    """Queries, keys and values."""
    return normal(rng, 2, 3, 4), normal(rng, 2, 5, 4), normal(rng, 2, 5, 6)


def self_attended(rng: Rng) -> tuple[Any, ...]:
    """As many queries as keys."""
    return normal(rng, 2, 4, 3), normal(rng, 2, 4, 3), normal(rng, 2, 4, 5)


def masked(rng: Rng) -> tuple[Any, ...]:
    """Queries, keys, values, and a mask for the whole batch that is added."""
    return *attended(rng), normal(rng, 3, 5)


def forbidden(rng: Rng) -> tuple[Any, ...]:
    """Queries that may attend to a part, to one key, or to nothing."""
    mask = np.array([[False] * 5, [True, False, False, False, False], [True, True, False, True, False]])
    return *attended(rng), mask


def sharp(rng: Rng) -> tuple[Any, ...]:
    """Queries that each attend to one key alone, and one that attends to several."""
    q, k, v = attended(rng)
    q[:, 1:] *= 300.0
    return q, k, v


def heads(rng: Rng) -> tuple[Any, ...]:
    """Self-attention without a bias of the keys."""
    d, k, e, c = 5, 4, 6, 3
    weights = (soft(rng, d, k), soft(rng, d, k), soft(rng, d, e), soft(rng, e, c))
    return normal(rng, 2, 3, d), *weights, soft(rng, k), None, soft(rng, e), soft(rng, c)


def with_memory(rng: Rng) -> tuple[Any, ...]:
    """Attention to other sequences."""
    d, m, k, e, c = 5, 7, 4, 6, 3
    weights = (soft(rng, d, k), soft(rng, m, k), soft(rng, m, e), soft(rng, e, c))
    return normal(rng, 2, 3, d), *weights, soft(rng, k), None, soft(rng, e), soft(rng, c), normal(rng, 2, 4, m)


def encoder(rng: Rng) -> tuple[Any, ...]:
    """All inputs but the bias of the keys."""
    d, k, f = 4, 6, 5
    attention = (soft(rng, d, k), soft(rng, d, k), soft(rng, d, k), soft(rng, k, d), soft(rng, k), None)
    forward = (soft(rng, d, f), soft(rng, f), soft(rng, f, d), soft(rng, d))
    norms = (normal(rng, d), normal(rng, d), normal(rng, d), normal(rng, d))
    return normal(rng, 2, 3, d), *attention, soft(rng, k), soft(rng, d), *forward, *norms


ALL = (0, 1, 2, 3, 4)
LOOKUP = "transposed @ d_y.reshape(n, d)"
EXTRA = '{"W": d_W'
LOOKED_UP = """def looked_up(shape, ids, d_y):
    d_W = np.zeros(shape)
    d_W[ids] {} d_y
    return d_W


def sample("""
POSITION = "cotangent(d_output, *saved).copy()"
ROTARY = "turned(cotangent(d_output, shape, cos.dtype), cos, -sin, pairs)"
RNN_STEP = "d_a[t] *= d_h[t] + d_h0"
RNN_BACK = "d_h0 = d_a[t] @ Wh.T"
RNN_WH = 'weights(h[:-1], d_a), "h0": d_h0}'
SOFTMAX_PATH = "-sum_along((-1,), d_y * y)"
WEIGHTED = "        d_S *= P[some]\n"
ALONG_QUERIES = "        d_S -= sum_along((-2,), d_S, P[some])\n"
TO_VALUES = "np.swapaxes(P[some], -1, -2), d_y[some]"
HEADS = "affine.backward(together(of_heads[name]), one)"

MISTAKES = (
    # ------------------------------------------------------------------------------------------------------ embedding
    of_layer(
        "embedding", "ids that occur again overwrite each other",
        ("def sample(", LOOKED_UP.format("=")),
        (LOOKUP, "looked_up((v, d), ids, d_y)"), inputs=words, kind="accumulate", culprits=(0,),
    ),
    of_layer(
        "embedding", "`+=` with an index, which adds once for each id",
        ("def sample(", LOOKED_UP.format("+=")),
        (LOOKUP, "looked_up((v, d), ids, d_y)"), inputs=words, kind="accumulate", culprits=(0,),
    ),
    of_layer(
        "embedding", "the padding row has a gradient", ("        d_W[padding] = 0", "        pass"),
        inputs=words, kind="mask", or_kind=("local",), culprits=(0,), padding=2,
    ),
    of_layer(
        "embedding", "the mean over the occurrences of an id",
        (LOOKUP, LOOKUP + " / np.maximum(np.bincount(ids.ravel(), minlength=v), 1)[:, np.newaxis]"),
        inputs=words,
        kind="scale", or_kind=("accumulate",), culprits=(0,),
    ),
    of_layer(
        "embedding", "the next row gets the gradient", (LOOKUP, f"np.roll({LOOKUP}, 1, axis=0)"), inputs=other_words,
        kind="index", culprits=(0,),
    ),
    of_layer(
        "embedding", "the gradient of the vectors that were looked up", (LOOKUP, "d_y.copy()"), inputs=words,
        kind="contract", culprits=(0,),
    ),
    of_layer(
        "embedding", "the ids have a gradient", (EXTRA, EXTRA + ', "ids": np.zeros(ids.shape)'), inputs=words,
        kind="contract", culprits=(1,),
    ),
    of_layer(
        "embedding", "row 0 is always taken for padding",
        (LOOKUP, f"(np.arange(v) > 0)[:, np.newaxis] * ({LOOKUP})"),
        inputs=words, kind="local", or_kind=("mask",), culprits=(0,),
    ),
    # -------------------------------------------------------------------------------------------- positional_encoding
    of_layer(
        "positional_encoding", "the gradient is the cotangent itself", (POSITION, POSITION.replace(".copy()", "")),
        inputs=sentences, kind="contract", culprits=(0,),
    ),
    of_layer(
        "positional_encoding", "scaled by the root of the width, as embeddings are",
        (POSITION, "np.sqrt(6) * " + POSITION), inputs=sentences, kind="scale", culprits=(0,),
    ),
    of_layer(
        "positional_encoding", "shifted by one position", (POSITION, f"np.roll({POSITION}, 1, axis=1)"),
        inputs=sentences,
        kind="index", culprits=(0,),
    ),
    of_layer(
        "positional_encoding", "the encoding is added once more", (POSITION, f"forward({POSITION})[0]"),
        inputs=sentences,
        kind="path", or_kind=("cotangent",), culprits=(0,),
    ),
    of_layer(
        "positional_encoding", "the first position is left out",
        (POSITION, POSITION + " * (np.arange(saved[0][1]) > 0)[:, np.newaxis]"), inputs=sentences, kind="local",
        or_kind=("mask", "index"), culprits=(0,),
    ),
    of_layer(
        "positional_encoding", "rounded to half precision",
        (POSITION, POSITION + ".astype(np.float16).astype(float)"),
        inputs=sentences, kind="precision", or_kind=("subtle",), culprits=(0,),
    ),
    # ------------------------------------------------------------------------------------------------ rotary_encoding
    of_layer(
        "rotary_encoding", "turned on in place of back", (ROTARY, ROTARY.replace("-sin", "sin")), inputs=sentences,
        kind="sign", or_kind=("axis",), culprits=(0,),
    ),
    of_layer(
        "rotary_encoding", "the sine is forgotten", (ROTARY, ROTARY.replace("-sin", "0 * sin")), inputs=sentences,
        kind="path", culprits=(0,), base=10.0,
    ),
    of_layer(
        "rotary_encoding", "pairs are neighbours in place of halves",
        (ROTARY, ROTARY.replace("pairs)", '"interleaved")')),
        inputs=sentences, kind="index", or_kind=("axis",), culprits=(0,), pairs="halves",
    ),
    of_layer(
        "rotary_encoding", "nothing is turned back", (ROTARY, "cotangent(d_output, shape, cos.dtype).copy()"),
        inputs=sentences, kind="path", culprits=(0,),
    ),
    of_layer(
        "rotary_encoding", "angles in half precision",
        (ROTARY, ROTARY.replace("cos, -sin", "*(a.astype(np.float16) for a in (cos, -sin))")),
        inputs=sentences, kind="precision", or_kind=("subtle",), culprits=(0,),
    ),
    of_layer(
        "rotary_encoding", "cosine and sine are exchanged", (ROTARY, ROTARY.replace("cos, -sin", "sin, -cos")),
        inputs=sentences, kind="gate", or_kind=("axis", "path"), culprits=(0,),
    ),
    # ------------------------------------------------------------------------------------------------------------ rnn
    of_layer(
        "rnn", "nothing comes from later steps", (RNN_STEP, "d_a[t] *= d_h[t]"), inputs=recurrent, kind="path",
        culprits=ALL,
    ),
    of_layer(
        "rnn", "the recurrent weights are not transposed", (RNN_BACK, "d_h0 = d_a[t] @ Wh"), inputs=recurrent,
        kind="axis", culprits=ALL,
    ),
    of_layer(
        "rnn", "the state after the step for the recurrent weights", (RNN_WH, RNN_WH.replace("h[:-1]", "h[1:]")),
        inputs=recurrent, kind="index", culprits=(2,),
    ),
    of_layer(
        "rnn", "the last step alone counts for the recurrent weights",
        (RNN_WH, RNN_WH.replace("weights(h[:-1], d_a)", "weights(h[-2:-1], d_a[-1:])")), inputs=recurrent,
        kind="accumulate", or_kind=("path",), culprits=(2,),
    ),
    of_layer(
        "rnn", "the bias keeps the gradient of the first step", (RNN_WH, RNN_WH[:-1] + ', "b": d_a[0].sum(axis=0)}'),
        inputs=recurrent, kind="accumulate", or_kind=("path", "axis"), culprits=(3,),
    ),
    of_layer(
        "rnn", "the gradient passes where the state is 0", ("d_a = slope(h[1:])", "d_a = np.ones_like(h[1:])"),
        inputs=recurrent, kind="mask", culprits=ALL, activation="relu",
    ),
    of_layer(
        "rnn", "truncated after two steps", (RNN_BACK, RNN_BACK + " * (t != 2)"), inputs=recurrent, kind="path",
        or_kind=("local",), culprits=ALL,
    ),
    of_layer(
        "rnn", "gradients are clipped on the way back", (RNN_BACK, "d_h0 = np.clip(d_a[t] @ Wh.T, -0.5, 0.5)"),
        inputs=recurrent, kind="cotangent", or_kind=("region",), culprits=ALL,
    ),
    of_layer(
        "rnn", "gradients beyond ±20 are clipped on the way back",  # those of ordinary cotangents are smaller
        (RNN_BACK, "d_h0 = np.clip(d_a[t] @ Wh.T, -20, 20)"), inputs=recurrent, kind="cotangent", or_kind=("region",),
        culprits=ALL, hard=True, shown_by="a large cotangent",
    ),
    of_layer(
        "rnn", "the gradients of x are in the order in which they were found",
        (RNN_WH, RNN_WH[:-1] + ', "x": swapped((d_a @ Wx.T)[::-1])}'), inputs=recurrent, kind="index",
        or_kind=("axis",), culprits=(0,),
    ),
    of_layer(
        "rnn", "a first state that was not given has a gradient", ("if given.get(name, True)", "if name or given"),
        inputs=without_state, kind="contract", culprits=(4,),
    ),
    of_layer(
        "rnn", "sums at 0 pass twice the gradient",
        ("d_a = slope(h[1:])", "d_a = slope(h[1:]) + 2.0 * (xs @ Wx + h[:-1] @ Wh == 0)"),
        inputs=kinked, kind="ties", or_kind=("region", "local", "mask"), culprits=(0, 3, 4), hard=True,
        activation="relu",
    ),
    of_layer(
        "rnn", "the slopes are written over saved states",
        ("d_a = slope(h[1:])", "d_a = slope(h[1:])\n    kept = h.copy()\n    h[1:] = d_a"),
        (RNN_WH, RNN_WH.replace("h[:-1]", "kept[:-1]")),
        inputs=recurrent, kind="cache", or_kind=("contract",), culprits=ALL, shown_by="a second call",
    ),
    # ----------------------------------------------------------------------------------------------------------- lstm
    of_layer(
        "lstm", "input and forget gates are exchanged",
        ("d_a[..., i] *= s[..., g]", "d_a[..., i] *= c[:-1]"), ("d_a[..., f] *= c[:-1]", "d_a[..., f] *= s[..., g]"),
        inputs=lstm, kind="gate", culprits=(*ALL, 5),
    ),
    of_layer(
        "lstm", "the cell does not forget on the way back", ("        d_c *= s[t, :, f]\n", ""), inputs=lstm,
        kind="path", or_kind=("gate",), culprits=(*ALL, 5),
    ),
    of_layer(
        "lstm", "the output does not reach the cell", ("        d_c += d_h[t] * c_from_h[t]\n", ""), inputs=lstm,
        kind="path", culprits=(*ALL, 5),
    ),
    of_layer(
        "lstm", "the slope of the cell's tanh is forgotten", ("s[..., o] * (1 - tanh_c**2)", "s[..., o].copy()"),
        inputs=lstm, kind="path", or_kind=("gate",), culprits=(*ALL, 5),
    ),
    of_layer(
        "lstm", "the cotangent of the last cell is ignored",
        ("swapped(d_y), d_c.copy()", "swapped(d_y), np.zeros_like(d_c)"),
        inputs=lstm, kind="cotangent", or_kind=("path",), culprits=(*ALL, 5),
    ),
    of_layer(
        "lstm", "the cell after the step for the forget gate", ("d_a[..., f] *= c[:-1]", "d_a[..., f] *= c[1:]"),
        inputs=lstm, kind="index", culprits=(*ALL, 5),
    ),
    of_layer(
        "lstm", "the candidate has the slope of a sigmoid", ("    d_a[..., g] = 1 - s[..., g] ** 2\n", ""),
        inputs=lstm,
        kind="gate", or_kind=("path",), culprits=(*ALL, 5),
    ),
    of_layer(
        "lstm", "gradients of the cell are added up in the cotangent",
        ("swapped(d_y), d_c.copy()", "swapped(d_y), d_c"),
        inputs=lambda rng: lstm(rng)[:5], kind="contract", culprits=None,
    ),
    of_layer(
        "lstm", "the slope of the cell's tanh is rounded to four decimals",
        ("(1 - tanh_c**2)", "np.round(1 - tanh_c**2, 4)"), inputs=lstm, kind="subtle", or_kind=("precision",),
        culprits=(*ALL, 5),
    ),
    of_layer(
        "lstm", "the first step alone counts for the recurrent weights",
        ("weights(h[:-1], d_a)", "weights(h[:1], d_a[:1])"), inputs=lstm, kind="accumulate", or_kind=("path",),
        culprits=(2,),
    ),
    of_layer(
        "lstm", "first state and first cell are exchanged", ('"h0": d_h0, "c0": d_c}', '"h0": d_c, "c0": d_h0}'),
        inputs=lstm, kind="gate", culprits=(4, 5),
    ),
    # ------------------------------------------------------------------------------------------------------------ gru
    of_layer(
        "gru", "the state that is kept is forgotten", ("        d_h0 += d_h[t] * kept[t]\n", ""), inputs=gru,
        kind="path",
        culprits=(*ALL, 5),
    ),
    of_layer(
        "gru", "the gate is taken for its complement on the way back", ("d_h[t] * kept[t]", "d_h[t] * (1 - kept[t])"),
        inputs=gru, kind="gate", culprits=(*ALL, 5),
    ),
    of_layer(
        "gru", "gradients of the states are added up in the cotangent",
        ("swapped(cotangent(d_output, (batch, steps, len(Wh)), xs.dtype))",
         "cotangent(d_output, (batch, steps, len(Wh)), xs.dtype).swapaxes(0, 1)"),
        inputs=gru, kind="contract", culprits=None,
    ),
    of_layer(
        "gru", "the update gate has the wrong sign",
        ("d_a[..., z] *= h[:-1] - s[..., n] if", "d_a[..., z] *= s[..., n] - h[:-1] if"), inputs=gru, kind="sign",
        or_kind=("gate",), culprits=(*ALL, 5),
    ),
    of_layer(
        "gru", "the reset gate is left out of the recurrent product",
        ("d_a[t, :, n] * s[t, :, r]", "d_a[t, :, n]"), inputs=gru, kind="gate", or_kind=("path",),
        culprits=(*ALL, 5),
    ),
    of_layer(
        "gru", "the recurrent bias has the gradient of the other",
        ('"bh": sum_over((0, 1), d_product)', '"bh": sum_over((0, 1), d_a)'),
        inputs=gru,
        kind="gate", or_kind=("path",), culprits=(4,),
    ),
    of_layer(
        "gru", "the reset gate is left out of the state", ("d_u * s[t, :, r]", "d_u"), inputs=gru, kind="gate",
        or_kind=("path",), culprits=(*ALL, 5), reset="before",
    ),
    of_layer(
        "gru", "the state in place of the reset state for the candidate's weights",
        ('    if reset == "before":\n        d_Wh[:, n] = weights(u, d_a[..., n])\n', ""), inputs=gru, kind="gate",
        or_kind=("path", "local"), culprits=(2,), reset="before",
    ),
    of_layer(
        "gru", "the recurrent weights are off by one part in a million", ("d_Wh = weights(h[:-1], d_product)",
        "d_Wh = weights(h[:-1], d_product) * (1 + 1e-6)"), inputs=gru, kind="subtle", or_kind=("scale",), culprits=(2,
        ),
    ),
    # ----------------------------------------------------------------------------------- scaled_dot_product_attention
    of_layer(
        "scaled_dot_product_attention", "the queries are not scaled",
        ("d_S, scaled[some]", "d_S, scaled[some] / alpha"), inputs=attended, kind="scale", culprits=(0,),
    ),
    of_layer(
        "scaled_dot_product_attention", "the scale is applied twice",
        (WEIGHTED, "        d_S *= P[some] * alpha\n"), inputs=attended, kind="scale", culprits=(0, 1),
    ),
    of_layer(
        "scaled_dot_product_attention", "the inner product of the softmax is forgotten", (SOFTMAX_PATH, "0"),
        inputs=attended, kind="path", culprits=(0, 1),
    ),
    of_layer(
        "scaled_dot_product_attention", "the inner product of the softmax runs over the queries",
        (SOFTMAX_PATH, "0"), (WEIGHTED, ALONG_QUERIES + WEIGHTED), inputs=attended,
        kind="axis", or_kind=("path",), culprits=(0, 1),
    ),
    of_layer(
        "scaled_dot_product_attention", "the weights are not transposed for the values",
        (TO_VALUES, "P[some], d_y[some]"), inputs=self_attended, kind="axis", culprits=(2,),
    ),
    of_layer(
        "scaled_dot_product_attention", "queries and keys are exchanged",
        ('"q": d_q, "k": d_k', '"q": d_k, "k": d_q'), inputs=self_attended, kind="gate", culprits=(0, 1),
    ),
    of_layer(
        "scaled_dot_product_attention", "the gradient of the scores goes past the softmax",
        (WEIGHTED, ""),
        inputs=attended, kind="path", or_kind=("mask", "scale", "gate"), culprits=(0, 1),
    ),
    of_layer(
        "scaled_dot_product_attention", "the gradient of a mask is not summed over the batch",
        ("unbroadcast(d_mask, added)", "d_mask.copy()"),
        inputs=masked, kind="contract", or_kind=("axis",), culprits=(3,),
    ),
    of_layer(
        "scaled_dot_product_attention", "the gradient of a mask is scaled as the scores are",
        ("unbroadcast(d_mask, added)", "unbroadcast(d_mask * alpha, added)"),
        inputs=masked, kind="scale", culprits=(3,),
    ),
    of_layer(
        "scaled_dot_product_attention", "what the mask forbids has a gradient",
        (WEIGHTED, "        d_S *= np.maximum(P[some], 0.05)\n"), inputs=forbidden, kind="mask",
        or_kind=("region", "path"),
        culprits=(0, 1),
    ),
    of_layer(
        "scaled_dot_product_attention", "queries that attend to nothing have no number",
        (WEIGHTED, "        d_S *= P[some] / P[some].sum(axis=-1, keepdims=True)\n"),
        inputs=forbidden, kind="contract", or_kind=("region", "local"), culprits=(0, 1), hard=True,
    ),
    of_layer(
        "scaled_dot_product_attention", "weights below 1e-8 are raised",
        (WEIGHTED, "        d_S *= np.maximum(P[some], 1e-8)\n"), inputs=sharp, kind="region",
        or_kind=("subtle",), culprits=(0, 1), hard=True,
    ),
    of_layer(
        "scaled_dot_product_attention", "the weights saved are multiplied in their memory",
        (WEIGHTED, "        kept = P[some].copy()\n        P[some] *= d_S\n        d_S = P[some].copy()\n"),
        (TO_VALUES, TO_VALUES.replace("P[some]", "kept")), inputs=attended, kind="cache",
        or_kind=("contract",), culprits=(0, 1, 2), shown_by="a second call",
    ),
    # ------------------------------------------------------------------------------------------- multi_head_attention
    of_layer(
        "multi_head_attention", "keys and values do not lead to x", ("        d_x += d_memory\n", "        pass\n"),
        inputs=heads, kind="path", culprits=(0,), heads=2,
    ),
    of_layer(
        "multi_head_attention", "the values do not lead to the memory", ('    d_memory += found["v"]["x"]\n', ""),
        inputs=with_memory, kind="path", culprits=(9,), heads=2,
    ),
    of_layer(
        "multi_head_attention", "heads are put together without exchanging axes",
        ("x.swapaxes(1, 2).reshape(n, t, heads * d)", "x.reshape(n, t, heads * d)"), inputs=heads, kind="axis",
        culprits=(0, 1, 2, 3, 5, 7), heads=2,
    ),
    of_layer(
        "multi_head_attention", "heads are taken apart without exchanging axes",
        ("*x.shape[:2], heads, x.shape[2] // heads).swapaxes(1, 2)", "len(x), heads, x.shape[1], -1)"),
        inputs=heads, kind="axis", culprits=(0, 1, 2, 3, 5, 7), heads=2,
    ),
    of_layer(
        "multi_head_attention", "queries and keys are exchanged",
        (HEADS, HEADS.replace("[name]", '[{"q": "k", "k": "q"}.get(name, name)]')), inputs=heads, kind="gate",
        culprits=(0, 1, 2, 5), heads=2,
    ),
    of_layer(
        "multi_head_attention", "the gradient of a bias is a mean over the batch",
        ('    if "bk" in', '    gradients["bo"] = gradients["bo"] / len(d_output)\n    if "bk" in'), inputs=heads,
        kind="scale", culprits=(8,), heads=2,
    ),
    of_layer(
        "multi_head_attention", "a memory that is not there has a gradient",
        ('{"x": d_x} if itself else {"x"', '{"x"'), inputs=heads, kind="contract", culprits=(9,), heads=2,
    ),
    of_layer(
        "multi_head_attention", "the bias of the values has no gradient",
        ('    if "bk" in', '    del gradients["bv"]\n    if "bk" in'), inputs=heads, kind="contract", culprits=(7,),
        heads=2,
    ),
    of_layer(
        "multi_head_attention", "the last head has no queries",
        ("    found = {\"o\": of_o}", "    of_heads[\"q\"][:, -1] = 0\n    found = {\"o\": of_o}"),
        inputs=with_memory,
        kind="local", or_kind=("path", "mask"), culprits=(0, 1, 5), heads=2,
    ),
    # -------------------------------------------------------------------------------------- transformer_encoder_block
    of_layer(
        "transformer_encoder_block", "the residual path is forgotten", ('"x": d_y + d_norm["x"]', '"x": d_norm["x"]'),
        inputs=encoder, kind="path", culprits=(0, 1, 2, 3, 4, 5, 7, 8, 13, 14), heads=2, norm="pre",
    ),
    of_layer(
        "transformer_encoder_block", "the residual path before the norm is forgotten",
        ('"x": d_norm["x"] + d_inner["x"]', '"x": d_inner["x"]'), inputs=encoder, kind="path",
        culprits=(0, 1, 2, 3, 4, 5, 7, 8, 13, 14), heads=2,
    ),
    of_layer(
        "transformer_encoder_block", "the two norms are exchanged",
        ('(("1", d_norm1), ("2", d_norm2))', '(("2", d_norm1), ("1", d_norm2))'), inputs=encoder, kind="gate",
        culprits=(13, 14, 15, 16), heads=2,
    ),
    of_layer(
        "transformer_encoder_block", "the activation is passed over",
        ('ACTIVATIONS[activation].backward(second["x"], saved_active)["x"]', 'second["x"]'), inputs=encoder,
        kind="mask", or_kind=("path",), culprits=(0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 13, 14), heads=2,
    ),
    of_layer(
        "transformer_encoder_block", "the gradient of a bias is a mean over the batch",
        ("**parameters}\n\n\ndef sample", '**parameters, "b2": parameters["b2"] / len(d_y)}\n\n\ndef sample'),
        inputs=encoder,
        kind="scale", culprits=(12,), heads=2,
    ),
    of_layer(
        "transformer_encoder_block", "the second norm is passed over on the way back",
        ("    d_inner = inner(d_norm[\"x\"], saved_inner)", "    d_inner = inner(d_y, saved_inner)"), inputs=encoder,
        kind="path", culprits=(0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14), heads=2,
        activation="gelu",
    ),
)  # fmt: skip

CORRECT = (
    right_layer("embedding", "one id, again and again", inputs=lambda rng: (normal(rng, 3, 2), np.full(7, 1))),
    right_layer(
        "embedding", "padding ids, repeated",
        inputs=lambda rng: (normal(rng, 5, 3), np.array([[4, 0, 0], [2, 0, 0]])), padding=0,
    ),
    right_layer("embedding", "padding alone", inputs=lambda rng: (normal(rng, 5, 3), np.zeros(4, int)), padding=0),
    right_layer("embedding", "ids in uint8", inputs=lambda rng: (normal(rng, 5, 4), np.array([4, 1, 4], np.uint8))),
    right_layer("embedding", "no ids", inputs=lambda rng: (normal(rng, 5, 4), np.zeros((0, 3), int))),
    right_layer("rnn", "thirty steps", inputs=long),
    right_layer(
        "rnn", "thirty steps that explode",
        inputs=lambda rng: (*long(rng)[:2], 1.5 * np.eye(3), *long(rng)[3:]), activation="relu",
    ),
    right_layer(
        "rnn", "no steps", inputs=lambda rng: (normal(rng, 2, 0, 3), soft(rng, 3, 5), soft(rng, 5, 5), soft(rng, 5)),
    ),
    right_layer("rnn", "relu exactly at 0", inputs=kinked, activation="relu"),
    right_layer(
        "lstm", "saturated gates",
        inputs=lambda rng: (*lstm(rng)[:3], 30.0 * (np.arange(20) % 3 - 1.0), *lstm(rng)[4:]),
    ),
    right_layer(
        "gru", "one sample", inputs=lambda rng: tuple(a[:1] if k in (0, 5) else a for k, a in enumerate(gru(rng))),
    ),
    right_layer("gru", "float32", inputs=lambda rng: tuple(a.astype(np.float32) for a in gru(rng))),
    right_layer("scaled_dot_product_attention", "queries that attend to nothing", inputs=forbidden),
    right_layer("scaled_dot_product_attention", "queries that attend to one key alone", inputs=sharp),
    right_layer(
        "scaled_dot_product_attention", "one key",
        inputs=lambda rng: (normal(rng, 2, 3, 4), normal(rng, 2, 1, 4), normal(rng, 2, 1, 5)),
    ),
    right_layer("multi_head_attention", "the bias of the keys, whose gradient is 0", inputs=lambda rng: (
        *heads(rng)[:6], soft(rng, 4), *heads(rng)[7:]
    ), heads=2),
    right_layer(
        "multi_head_attention", "one position",
        inputs=lambda rng: (heads(rng)[0][:, :1].copy(), *heads(rng)[1:]), heads=2,
    ),
    right_layer(
        "transformer_encoder_block", "causal, one sentence",
        inputs=lambda rng: (encoder(rng)[0][:1].copy(), *encoder(rng)[1:]), heads=2, causal=True,
    ),
)  # fmt: skip
