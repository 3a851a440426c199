"""Losses that compare: contrastive, triplet, ranking, and vectors of words."""

import numpy as np
from scipy.special import expit, log_softmax, logsumexp, softmax

from benchmarks.classics.problem import Problem

AREA = "contrastive"


def row_softmax(S):
    E = np.exp(S - S.max(axis=1, keepdims=True))
    return E / E.sum(axis=1, keepdims=True)


def info_nce(A, B, tau):
    """Row i of A belongs to row i of B."""
    S = A @ B.T / tau
    return -np.mean(np.diag(S) - logsumexp(S, axis=1))


def info_nce_first_backward(A, B, tau):
    n = len(A)
    P = row_softmax(A @ B.T / tau)
    return (P @ B - B) / (n * tau)


def info_nce_second_backward(A, B, tau):
    n = len(A)
    P = row_softmax(A @ B.T / tau)
    return (P.T @ A - A) / (n * tau)


def clip_loss(A, B, tau):
    """Images against texts and texts against images."""
    n = A.shape[0]
    S = A @ B.T / tau
    rows = log_softmax(S, axis=1)
    columns = log_softmax(S, axis=0)
    i = np.arange(n)
    return -(rows[i, i].mean() + columns[i, i].mean()) / 2


def clip_loss_backward(A, B, tau):
    n = len(A)
    S = A @ B.T / tau
    G = row_softmax(S) + row_softmax(S.T).T
    G.flat[:: n + 1] -= 2
    return G @ B / (2 * n * tau)


def nt_xent(X, tau):
    """Rows i and n + i are two views of one sample; similarity is the cosine."""
    m = X.shape[0]
    norms = np.linalg.norm(X, axis=1, keepdims=True)
    U = X / norms
    S = U @ U.T / tau
    E = np.exp(S) * (1 - np.eye(m))
    P = E / E.sum(axis=1, keepdims=True)
    partner = np.roll(np.arange(m), m // 2)
    return -np.mean(np.log(P[np.arange(m), partner]))


def nt_xent_backward(X, tau):
    m = len(X)
    norms = np.linalg.norm(X, axis=1, keepdims=True)
    U = X / norms
    S = U @ U.T / tau
    S.flat[:: m + 1] = -np.inf
    G = row_softmax(S)
    G[np.arange(m), (np.arange(m) + m // 2) % m] -= 1
    d_U = (G @ U + G.T @ U) / (m * tau)
    return (d_U - U * np.sum(U * d_U, axis=1, keepdims=True)) / norms


def triplet(A, P, N, margin):
    p = np.sum((A - P) ** 2, axis=1)
    q = np.sum((A - N) ** 2, axis=1)
    h = np.maximum(p - q + margin, 0)
    return h.mean()


def triplet_backward(A, P, N, margin):
    difference = N - P
    on = np.sum((A - P) ** 2, axis=1) - np.sum((A - N) ** 2, axis=1) + margin > 0
    return (2 / len(A)) * on[:, None] * difference


def siamese(A, B, y, margin):
    """Pairs that belong together, y = 1, and pairs that do not."""
    D = np.sqrt(np.sum((A - B) ** 2, axis=1))
    far = np.maximum(margin - D, 0)
    return 0.5 * np.mean(y * D**2 + (1 - y) * far**2)


def siamese_backward(A, B, y, margin):
    difference = A - B
    D = np.sqrt(np.einsum("nd,nd->n", difference, difference))
    weight = y - (1 - y) * np.maximum(margin - D, 0) / D
    return weight[:, None] * difference / len(A)


def negative_sampling(v, u, N):
    """A word, one that stood near it, and some that did not."""
    s = u @ v
    t = N @ v
    return -np.log(1 / (1 + np.exp(-s))) - np.sum(np.log(1 / (1 + np.exp(t))))


def negative_sampling_centre_backward(v, u, N):
    return N.T @ expit(N @ v) - expit(-(u @ v)) * u


def negative_sampling_negative_backward(v, u, N):
    return np.outer(expit(N @ v), v)


def negative_sampling_batch(V, U, centre, context, negative):
    """Words are given by their numbers; every one has its own negatives."""
    c = V[centre]
    s = np.sum(c * U[context], axis=1)
    T = np.einsum("nd,nkd->nk", c, U[negative])
    return np.logaddexp(0, -s).sum() + np.logaddexp(0, T).sum()


def negative_sampling_batch_backward(V, U, centre, context, negative):
    c, near, far = V[centre], U[context], U[negative]
    d = -expit(-np.einsum("nd,nd->n", c, near))[:, None] * near
    d += np.einsum("nk,nkd->nd", expit(np.einsum("nd,nkd->nk", c, far)), far)
    G = np.zeros_like(V)
    np.add.at(G, centre, d)
    return G


def skip_gram(V, U, centre, context):
    z = U @ V[centre]
    return np.log(np.exp(z).sum()) - z[context]


def skip_gram_backward(V, U, centre, context):
    v = V[centre]
    z = U @ v
    p = np.exp(z - z.max())
    p /= p.sum()
    p[context] -= 1
    return np.outer(p, v)


def glove(W, C, b, c, F, logX):
    """Weighted squares of what word vectors say of counts."""
    R = W @ C.T + b[:, None] + c[None, :] - logX
    return np.sum(F * R**2)


def glove_backward(W, C, b, c, F, logX):
    R = W @ C.T + b[:, None] + c - logX
    return 2 * ((F * R) @ C)


def ranking(u, P, N):
    """Bayesian personalised ranking: each row of P is liked more than that of N."""
    x = (P - N) @ u
    return -np.sum(np.log(1 / (1 + np.exp(-x))))


def ranking_backward(u, P, N):
    difference = N - P
    return difference.T @ expit(difference @ u)


VIEWS = {"A": ("n", "d"), "B": ("n", "d"), "tau": ()}


def continuous_bag(contexts, V, U, y):
    h = (contexts @ V).mean(axis=0)
    p = softmax(h @ U)
    return -np.log(p @ y)


def continuous_bag_backward(contexts, V, U, y):
    counts = contexts.mean(axis=0)
    p = softmax(counts @ V @ U)
    return np.outer(counts, U @ (p - y))


def barlow_twins(A, B, lam):
    n, d = A.shape
    C = A.T @ B / n
    on = ((np.diag(C) - 1) ** 2).sum()
    off = (C**2).sum() - (np.diag(C) ** 2).sum()
    return on + lam * off


def barlow_twins_backward(A, B, lam):
    n = len(A)
    C = A.T @ B / n
    G = lam * C
    np.fill_diagonal(G, np.diagonal(C) - 1)
    return 2 / n * B @ G.T


PROBLEMS = (
    Problem(
        name="info-nce",
        area=AREA,
        function=info_nce,
        shapes=VIEWS,
        wrt="A",
        domains={"tau": "positive"},
        where=r"P = \operatorname{softmax}(S)",
        expert=r"\frac{1}{n \tau} (P - I) B",
        backward=info_nce_first_backward,
    ),
    Problem(
        name="info-nce-second",
        area=AREA,
        function=info_nce,
        shapes=VIEWS,
        wrt="B",
        domains={"tau": "positive"},
        where=r"P = \operatorname{softmax}(S)",
        expert=r"\frac{1}{n \tau} (P - I)^\top A",
        backward=info_nce_second_backward,
    ),
    Problem(
        name="image-text-contrastive",
        area=AREA,
        function=clip_loss,
        shapes=VIEWS,
        wrt="A",
        domains={"tau": "positive"},
        where=r"P = \operatorname{softmax}(S), \quad Q = \operatorname{softmax}(S^\top)^\top",
        expert=r"\frac{1}{2 n \tau} (P + Q - 2 I) B",
        backward=clip_loss_backward,
    ),
    Problem(
        name="nt-xent",
        area=AREA,
        function=nt_xent,
        shapes={"X": ("2*n", "d"), "tau": ()},
        wrt="X",
        domains={"tau": "positive"},
        where=(
            r"Y_{ij} = [j = \mathrm{partner}_i], \quad "
            r"\bar U = \tfrac{1}{2 n \tau} \bigl(P - Y + (P - Y)^\top\bigr) U"
        ),
        expert=(
            r"\frac{1}{\mathrm{norms}} \odot "
            r"\bigl(\bar U - U \odot (U \odot \bar U) \mathbf 1 \mathbf 1^\top\bigr)"
        ),
        backward=nt_xent_backward,
        small=({"n": 2, "d": 3}, {"n": 3, "d": 2}),
        large={"n": 64, "d": 32},
    ),
    Problem(
        name="triplet",
        area=AREA,
        function=triplet,
        shapes={"A": ("n", "d"), "P": ("n", "d"), "N": ("n", "d"), "margin": ()},
        wrt="A",
        domains={"margin": "positive"},
        expert=r"\frac{2}{n} \operatorname{diag}([h > 0]) (N - P)",
        backward=triplet_backward,
    ),
    Problem(
        name="siamese",
        area=AREA,
        function=siamese,
        shapes={"A": ("n", "d"), "B": ("n", "d"), "y": ("n",), "margin": ()},
        wrt="A",
        domains={"y": "mask", "margin": "positive"},
        expert=(r"\frac{1}{n} \operatorname{diag}\Bigl(y - (1 - y) \odot \frac{\mathrm{far}}{D}\Bigr) (A - B)"),
        backward=siamese_backward,
    ),
    Problem(
        name="negative-sampling-centre",
        area=AREA,
        function=negative_sampling,
        shapes={"v": ("d",), "u": ("d",), "N": ("k", "d")},
        wrt="v",
        expert=r"N^\top \sigma(t) - \sigma(-s)\, u",
        backward=negative_sampling_centre_backward,
    ),
    Problem(
        name="negative-sampling-negatives",
        area=AREA,
        function=negative_sampling,
        shapes={"v": ("d",), "u": ("d",), "N": ("k", "d")},
        wrt="N",
        expert=r"\sigma(t) v^\top",
        backward=negative_sampling_negative_backward,
    ),
    Problem(
        name="negative-sampling-batch",
        area=AREA,
        function=negative_sampling_batch,
        shapes={"V": ("v", "d"), "U": ("v", "d"), "centre": ("n",), "context": ("n",), "negative": ("n", "k")},
        wrt="V",
        domains={"centre": "integer below v", "context": "integer below v", "negative": "integer below v"},
        entry=r"\bar V_w",
        expert=(
            r"\sum_i [w = \mathrm{centre}_i] \Bigl(\sum_j \sigma(T_{ij})\, U_{\mathrm{negative}_{ij}} - "
            r"\sigma(-s_i)\, U_{\mathrm{context}_i}\Bigr)"
        ),
        backward=negative_sampling_batch_backward,
    ),
    Problem(
        name="skip-gram",
        area=AREA,
        function=skip_gram,
        shapes={"V": ("v", "d"), "U": ("v", "d"), "centre": (), "context": ()},
        wrt="U",
        domains={"centre": "integer below v", "context": "integer below v"},
        where=r"y_i = [i = \mathrm{context}]",
        expert=r"(\operatorname{softmax}(z) - y) V_{\mathrm{centre}}^\top",
        backward=skip_gram_backward,
    ),
    Problem(
        name="glove",
        area=AREA,
        function=glove,
        shapes={
            "W": ("n", "d"),
            "C": ("m", "d"),
            "b": ("n",),
            "c": ("m",),
            "F": ("n", "m"),
            "logX": ("n", "m"),
        },
        wrt="W",
        domains={"F": "positive"},
        expert=r"2 (F \odot R) C",
        backward=glove_backward,
        large={"n": 256, "d": 32, "m": 192},
    ),
    Problem(
        name="ranking",
        area=AREA,
        function=ranking,
        shapes={"u": ("d",), "P": ("n", "d"), "N": ("n", "d")},
        wrt="u",
        expert=r"(N - P)^\top \sigma(-x)",
        backward=ranking_backward,
        large={"d": 64, "n": 256},
    ),
    Problem(
        name="continuous-bag-of-words",
        area=AREA,
        function=continuous_bag,
        shapes={"contexts": ("m", "v"), "V": ("v", "d"), "U": ("d", "v"), "y": ("v",)},
        wrt="V",
        domains={"y": "one-hot"},
        expert=r"\frac{1}{m} \mathrm{contexts}^\top \mathbf 1 (p - y)^\top U^\top",
        backward=continuous_bag_backward,
    ),
    Problem(
        name="redundancy-reduction",
        area=AREA,
        function=barlow_twins,
        shapes={"A": ("n", "d"), "B": ("n", "d"), "lam": ()},
        wrt="A",
        expert=r"\frac{2}{n} B (\lambda C^\top + (1 - \lambda) \operatorname{diag}(C) - I)",
        backward=barlow_twins_backward,
    ),
)
