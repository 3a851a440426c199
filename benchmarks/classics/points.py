"""Points: distances between them, clusters, embeddings, graphs."""

import numpy as np

from benchmarks.classics.problem import Problem

AREA = "points"


def squared_distances(X, w):
    """A weighted sum of all squared distances."""
    D = np.sum((X[:, None, :] - X[None, :, :]) ** 2, axis=-1)
    return np.sum(w * D)


def squared_distances_backward(X, w):
    s = w + w.T
    return 2 * (s.sum(axis=1)[:, None] * X - s @ X)


def smoothness(F, W):
    """How much values on the nodes of a graph differ along its edges: the trace of a quadratic form."""
    L = np.diag(W.sum(axis=1)) - W
    return 0.5 * np.trace(F.T @ L @ F)


def smoothness_backward(F, W):
    return W.sum(axis=1)[:, None] * F - W @ F


def all_distances(A):
    square = np.einsum("nd,nd->n", A, A)
    return square[:, None] + square - 2 * A @ A.T


def stress(X, T):
    """Multidimensional scaling: distances against those that are wanted."""
    difference = X[:, None, :] - X[None, :, :]
    D = np.sqrt((difference**2).sum(axis=2) + np.eye(len(X)))
    R = (D - T) * (1 - np.eye(len(X)))
    return 0.5 * np.sum(R**2)


def stress_backward(X, T):
    D = all_distances(X)
    D.flat[:: len(X) + 1] = 1
    D = np.sqrt(D)
    C = (D - T) / D
    C.flat[:: len(X) + 1] = 0
    C += C.T
    return C.sum(axis=1)[:, None] * X - C @ X


def neighbour_embedding(X, Y):
    """The divergence of t-SNE, up to a constant; the neighbourhoods of the data are of one width."""

    def distances(A):
        return ((A[:, None, :] - A[None, :, :]) ** 2).sum(-1)

    n = X.shape[0]
    off = 1 - np.eye(n)
    P = off * np.exp(-0.5 * distances(X))
    P = P / P.sum()
    K = off / (1 + distances(Y))
    Q = K / K.sum()
    return -np.sum(P * np.log(Q + np.eye(n)))


def neighbour_embedding_backward(X, Y):
    P = np.exp(-0.5 * all_distances(X))
    K = 1 / (1 + all_distances(Y))
    for A in (P, K):
        A.flat[:: len(A) + 1] = 0
    C = (P / P.sum() - K / K.sum()) * K
    return 4 * (C.sum(axis=1)[:, None] * Y - C @ Y)


def k_means(X, C):
    D = ((X[:, None, :] - C[None, :, :]) ** 2).sum(axis=2)
    return np.mean(D.min(axis=1))


def k_means_backward(X, C):
    D = np.einsum("kd,kd->k", C, C) - 2 * X @ C.T
    A = np.zeros_like(D)
    A[np.arange(len(X)), D.argmin(axis=1)] = 2 / len(X)
    return A.sum(axis=0)[:, None] * C - A.T @ X


def radial_basis(X, C, w, y):
    """A network of radial basis functions."""
    D = np.sum((X[:, np.newaxis] - C) ** 2, axis=2)
    K = np.exp(-0.5 * D)
    r = K @ w - y
    return 0.5 * r @ r


def radial_basis_backward(X, C, w, y):
    D = np.sum(X * X, axis=1)[:, None] + np.sum(C * C, axis=1) - 2 * X @ C.T
    K = np.exp(-0.5 * D)
    A = np.outer(K @ w - y, w) * K
    return A.T @ X - A.sum(axis=0)[:, None] * C


def decorrelation(A, B, lam):
    """The cross-correlation of two views against the identity."""
    n, d = A.shape
    C = A.T @ B / n
    E = C - np.eye(d)
    weight = np.where(np.eye(d) == 1, 1.0, lam)
    return np.sum(weight * E**2)


def decorrelation_backward(A, B, lam):
    n, d = A.shape
    C = A.T @ B / n
    G = lam * C
    G.flat[:: d + 1] = C.flat[:: d + 1] - 1
    return B @ G.T * (2 / n)


def graph_convolution(A, X, W, Y):
    H = A @ X @ W
    P = np.exp(H) / np.sum(np.exp(H), axis=1, keepdims=True)
    return -np.mean(np.sum(Y * np.log(P), axis=1))


def graph_convolution_backward(A, X, W, Y):
    AX = A @ X
    P = np.exp(AX @ W)
    P /= P.sum(axis=1, keepdims=True)
    return AX.T @ (P - Y) / len(X)


PROBLEMS = (
    Problem(
        name="squared-distances",
        area=AREA,
        function=squared_distances,
        shapes={"X": ("n", "d"), "w": ("n", "n")},
        wrt="X",
        where=r"S = w + w^\top",
        expert=r"2 (\operatorname{diag}(S \mathbf 1) - S) X",
        backward=squared_distances_backward,
        large={"n": 128, "d": 16},
    ),
    Problem(
        name="graph-smoothness",
        area=AREA,
        function=smoothness,
        shapes={"F": ("n", "k"), "W": ("n", "n")},
        wrt="F",
        domains={"W": "symmetric"},
        assumptions=lambda F, W: [W == W.T],
        expert=r"L F",
        backward=smoothness_backward,
    ),
    Problem(
        name="multidimensional-scaling",
        area=AREA,
        function=stress,
        shapes={"X": ("n", "d"), "T": ("n", "n")},
        wrt="X",
        domains={"T": "symmetric"},
        assumptions=lambda X, T: [T == T.T],
        where=r"C = R / D",
        expert=r"2 (\operatorname{diag}(C \mathbf 1) - C) X",
        backward=stress_backward,
        large={"n": 128, "d": 2},
    ),
    Problem(
        name="neighbour-embedding",
        area=AREA,
        function=neighbour_embedding,
        shapes={"X": ("n", "m"), "Y": ("n", "d")},
        wrt="Y",
        where=r"C = (P - Q) \odot K",
        expert=r"4 (\operatorname{diag}(C \mathbf 1) - C) Y",
        backward=neighbour_embedding_backward,
        large={"n": 128, "m": 8, "d": 2},
    ),
    Problem(
        name="k-means",
        area=AREA,
        function=k_means,
        shapes={"X": ("n", "d"), "C": ("k", "d")},
        wrt="C",
        where=r"A_{ik} = [k = \operatorname{argmin}_j D_{ij}]",
        expert=r"\frac{2}{n} \bigl(\operatorname{diag}(A^\top \mathbf 1) C - A^\top X\bigr)",
        backward=k_means_backward,
        large={"n": 512, "d": 16, "k": 8},
    ),
    Problem(
        name="radial-basis-centres",
        area=AREA,
        function=radial_basis,
        shapes={"X": ("n", "d"), "C": ("k", "d"), "w": ("k",), "y": ("n",)},
        wrt="C",
        where=r"A = r w^\top \odot K",
        expert=r"A^\top X - \operatorname{diag}(A^\top \mathbf 1) C",
        backward=radial_basis_backward,
        large={"n": 256, "d": 16, "k": 32},
    ),
    Problem(
        name="decorrelation",
        area=AREA,
        function=decorrelation,
        shapes={"A": ("n", "d"), "B": ("n", "d"), "lam": ()},
        wrt="A",
        domains={"lam": "positive"},
        expert=r"\frac{2}{n} B (\mathrm{weight} \odot E)^\top",
        backward=decorrelation_backward,
    ),
    Problem(
        name="graph-convolution",
        area=AREA,
        function=graph_convolution,
        shapes={"A": ("n", "n"), "X": ("n", "d"), "W": ("d", "c"), "Y": ("n", "c")},
        wrt="W",
        domains={"A": "symmetric", "Y": "one-hot"},
        assumptions=lambda A, X, W, Y: [A == A.T, Y.sum(axis=1) == 1],
        expert=r"\frac{1}{n} X^\top A (P - Y)",
        backward=graph_convolution_backward,
    ),
)
