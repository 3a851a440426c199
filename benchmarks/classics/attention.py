"""Attention: in queries, keys and values, causal, with several heads, with projections, additive."""

import numpy as np
from scipy.special import softmax

from benchmarks.classics.problem import Problem

AREA = "attention"


def row_softmax(S):
    E = np.exp(S - S.max(axis=-1, keepdims=True))
    return E / E.sum(axis=-1, keepdims=True)


def attention(Q, K, V):
    S = Q @ K.T / np.sqrt(Q.shape[1])
    P = np.exp(S - S.max(axis=1, keepdims=True))
    P = P / P.sum(axis=1, keepdims=True)
    O = P @ V
    return O


def score_cotangent(P, V, d_O):
    """Of the scores of attention, from that of its output."""
    d_P = d_O @ V.T
    d_P -= np.einsum("qk,qk->q", P, d_P)[:, None]
    d_P *= P
    return d_P


def attention_query_vjp(Q, K, V, d_O):
    scale = Q.shape[1] ** -0.5
    return score_cotangent(row_softmax(scale * Q @ K.T), V, d_O) @ K * scale


def attention_key_vjp(Q, K, V, d_O):
    scale = Q.shape[1] ** -0.5
    return score_cotangent(row_softmax(scale * Q @ K.T), V, d_O).T @ Q * scale


def attention_value_vjp(Q, K, V, d_O):
    return row_softmax(Q @ K.T * Q.shape[1] ** -0.5).T @ d_O


def causal_attention(Q, K, V, T):
    n, d = Q.shape
    S = Q @ K.T / np.sqrt(d)
    mask = np.tril(np.ones((n, n)))
    S = np.where(mask == 1, S, -np.inf)
    P = softmax(S, axis=-1)
    R = P @ V - T
    return 0.5 * np.sum(R**2)


def causal_attention_backward(Q, K, V, T):
    n, d = Q.shape
    S = Q @ K.T * d**-0.5
    S[np.triu_indices(n, 1)] = -np.inf
    P = row_softmax(S)
    return score_cotangent(P, V, P @ V - T) @ K * d**-0.5


def self_attention(X, Wq, Wk, Wv):
    def project(W):
        return X @ W

    Q, K, V = project(Wq), project(Wk), project(Wv)
    S = Q @ K.T / np.sqrt(K.shape[-1])
    P = softmax(S, axis=-1)
    Y = P @ V
    return Y


def self_attention_input_vjp(X, Wq, Wk, Wv, d_Y):
    Q, K, V = X @ Wq, X @ Wk, X @ Wv
    scale = K.shape[1] ** -0.5
    P = row_softmax(Q @ K.T * scale)
    G = score_cotangent(P, V, d_Y) * scale
    return G @ K @ Wq.T + G.T @ Q @ Wk.T + P.T @ d_Y @ Wv.T


def multi_head_einsum(X, Wq, Wk, Wv, Wo):
    Q = np.einsum("td,dhk->htk", X, Wq)
    K = np.einsum("td,dhk->htk", X, Wk)
    V = np.einsum("td,dhk->htk", X, Wv)
    S = np.einsum("htk,hsk->hts", Q, K) / np.sqrt(Wq.shape[-1])
    P = np.exp(S) / np.exp(S).sum(axis=-1, keepdims=True)
    O = np.einsum("hts,hsk->htk", P, V)
    Y = np.einsum("htk,hkd->td", O, Wo)
    return Y


def multi_head_einsum_vjp(X, Wq, Wk, Wv, Wo, d_Y):
    scale = Wq.shape[2] ** -0.5
    heads = [axis.transpose(1, 0, 2) for axis in (Wq, Wk, Wv)]
    Q, K, V = (X @ W for W in heads)
    P = row_softmax(Q @ K.transpose(0, 2, 1) * scale)
    G = d_Y @ Wo.transpose(0, 2, 1) @ V.transpose(0, 2, 1)
    G -= np.einsum("hts,hts->ht", P, G)[:, :, None]
    G *= P
    return (X.T @ (G @ K) * scale).transpose(1, 0, 2)


def multi_head_reshape(X, Wq, Wk, Wv):
    """Two heads side by side; a batch of sequences."""
    n, t, d = X.shape

    def split(A):
        return A.reshape(n, t, 2, -1).transpose(0, 2, 1, 3)

    Q, K, V = split(X @ Wq), split(X @ Wk), split(X @ Wv)
    S = Q @ K.transpose(0, 1, 3, 2) / np.sqrt(Q.shape[-1])
    P = softmax(S, axis=-1)
    O = P @ V
    Y = O.transpose(0, 2, 1, 3).reshape(n, t, -1)
    return Y


def multi_head_reshape_vjp(X, Wq, Wk, Wv, d_Y):
    n, t, _ = X.shape
    Q, K, d_O = ((A.reshape(n, t, 2, -1)).transpose(0, 2, 1, 3) for A in (X @ Wq, X @ Wk, d_Y))
    P = row_softmax(Q @ K.transpose(0, 1, 3, 2) * Q.shape[3] ** -0.5)
    d_V = (P.transpose(0, 1, 3, 2) @ d_O).transpose(0, 2, 1, 3).reshape(n * t, -1)
    return X.reshape(n * t, -1).T @ d_V


def additive_attention(q, K, Wq, Wk, v):
    A = np.tanh(q @ Wq + K @ Wk)
    p = softmax(A @ v)
    c = p @ K
    return c


def additive_attention_vjp(q, K, Wq, Wk, v, d_c):
    A = np.tanh(q @ Wq + K @ Wk)
    p = row_softmax(A @ v)
    e = K @ d_c
    s = p * (e - p @ e)
    return A.T @ s


QKV = {"Q": ("n", "d"), "K": ("m", "d"), "V": ("m", "v")}
SCORES = (
    r"\bar P = \bar O V^\top, \quad \bar S = P \odot \bigl(\bar P - (P \odot \bar P) \mathbf 1 \mathbf 1^\top\bigr)"
)

PROBLEMS = (
    Problem(
        name="attention-queries",
        area=AREA,
        function=attention,
        shapes=QKV,
        wrt="Q",
        kind="vjp",
        output="O",
        where=SCORES,
        expert=r"\frac{1}{\sqrt d} \bar S K",
        backward=attention_query_vjp,
    ),
    Problem(
        name="attention-keys",
        area=AREA,
        function=attention,
        shapes=QKV,
        wrt="K",
        kind="vjp",
        output="O",
        where=SCORES,
        expert=r"\frac{1}{\sqrt d} \bar S^\top Q",
        backward=attention_key_vjp,
    ),
    Problem(
        name="attention-values",
        area=AREA,
        function=attention,
        shapes=QKV,
        wrt="V",
        kind="vjp",
        output="O",
        expert=r"P^\top \bar O",
        backward=attention_value_vjp,
    ),
    Problem(
        name="causal-attention",
        area=AREA,
        function=causal_attention,
        shapes={"Q": ("n", "d"), "K": ("n", "d"), "V": ("n", "v"), "T": ("n", "v")},
        wrt="Q",
        where=(
            r"\bar P = R V^\top, \quad "
            r"\bar S = P \odot \bigl(\bar P - (P \odot \bar P) \mathbf 1 \mathbf 1^\top\bigr)"
        ),
        expert=r"\frac{1}{\sqrt d} \bar S K",
        backward=causal_attention_backward,
        large={"n": 128, "d": 64, "v": 32},
    ),
    Problem(
        name="self-attention-input",
        area=AREA,
        function=self_attention,
        shapes={"X": ("n", "d"), "Wq": ("d", "k"), "Wk": ("d", "k"), "Wv": ("d", "v")},
        wrt="X",
        kind="vjp",
        output="Y",
        where=SCORES.replace(r"\bar O", r"\bar Y"),
        expert=(r"\frac{1}{\sqrt k} \bigl(\bar S K W_q^\top + \bar S^\top Q W_k^\top\bigr) + P^\top \bar Y W_v^\top"),
        backward=self_attention_input_vjp,
    ),
    Problem(
        name="multi-head-einsum",
        area=AREA,
        function=multi_head_einsum,
        shapes={
            "X": ("t", "d"),
            "Wq": ("d", "H", "k"),
            "Wk": ("d", "H", "k"),
            "Wv": ("d", "H", "k"),
            "Wo": ("H", "k", "d"),
        },
        wrt="Wq",
        kind="vjp",
        output="Y",
        where=(
            r"\bar P_h = \bar Y W_{o,h}^\top V_h^\top, \quad "
            r"\bar S_h = P_h \odot \bigl(\bar P_h - (P_h \odot \bar P_h) \mathbf 1 \mathbf 1^\top\bigr)"
        ),
        entry=r"\bar W_{q,h}",
        expert=r"\frac{1}{\sqrt k} X^\top \bar S_h K_h",
        backward=multi_head_einsum_vjp,
        small=({"t": 3, "d": 4, "H": 2, "k": 3}, {"t": 4, "d": 3, "H": 3, "k": 2}),
        large={"t": 64, "d": 64, "H": 4, "k": 16},
    ),
    Problem(
        name="multi-head-reshape",
        area=AREA,
        function=multi_head_reshape,
        shapes={"X": ("n", "t", "d"), "Wq": ("d", "2*k"), "Wk": ("d", "2*k"), "Wv": ("d", "2*k")},
        wrt="Wv",
        kind="vjp",
        output="Y",
        entry=r"\bar W_{v,h}",
        expert=r"\sum_i X_i^\top P_{ih}^\top \bar Y_{ih}",
        where=r"\bar Y_{ih} = \text{columns of head } h \text{ of } \bar Y_i",
        backward=multi_head_reshape_vjp,
        small=({"n": 2, "t": 3, "d": 4, "k": 1}, {"n": 3, "t": 2, "d": 3, "k": 2}),
        large={"n": 8, "t": 64, "d": 32, "k": 16},
    ),
    Problem(
        name="additive-attention",
        area=AREA,
        function=additive_attention,
        shapes={"q": ("a",), "K": ("n", "d"), "Wq": ("a", "k"), "Wk": ("d", "k"), "v": ("k",)},
        wrt="v",
        kind="vjp",
        output="c",
        expert=r"A^\top \bigl(p \odot (K \bar c - p^\top K \bar c)\bigr)",
        backward=additive_attention_vjp,
        large={"a": 16, "n": 256, "d": 64, "k": 32},
    ),
)
