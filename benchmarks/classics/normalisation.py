"""Normalisation: of a batch, of a layer, of a group, by the root mean square, of a weight."""

import numpy as np

from benchmarks.classics.problem import Problem

AREA = "normalisation"


def batch_norm(X, gamma, beta, eps):
    mu = X.mean(axis=0)
    var = X.var(axis=0)
    s = np.sqrt(var + eps)
    X_hat = (X - mu) / s
    Y = gamma * X_hat + beta
    return Y


def batch_norm_input_vjp(X, gamma, beta, eps, d_Y):
    n = len(X)
    centred = X - X.mean(axis=0)
    s = np.sqrt(np.mean(centred**2, axis=0) + eps)
    X_hat = centred / s
    inner = np.einsum("nd,nd->d", X_hat, d_Y) / n
    return (gamma / s) * (d_Y - d_Y.mean(axis=0) - X_hat * inner)


def batch_norm_scale_vjp(X, gamma, beta, eps, d_Y):
    centred = X - X.mean(axis=0)
    s = np.sqrt(np.mean(centred**2, axis=0) + eps)
    return np.einsum("nd,nd->d", d_Y, centred) / s


def batch_norm_images(X, gamma, beta, eps):
    axes = (0, 2, 3)
    mu = X.mean(axis=axes, keepdims=True)
    s = np.sqrt(X.var(axis=axes, keepdims=True) + eps)
    X_hat = (X - mu) / s
    Y = gamma.reshape(1, -1, 1, 1) * X_hat + beta.reshape(1, -1, 1, 1)
    return Y


def batch_norm_images_vjp(X, gamma, beta, eps, d_Y):
    axes = (0, 2, 3)
    centred = X - X.mean(axis=axes, keepdims=True)
    s = np.sqrt(np.mean(centred**2, axis=axes, keepdims=True) + eps)
    X_hat = centred / s
    inner = np.mean(X_hat * d_Y, axis=axes, keepdims=True)
    return gamma[:, None, None] / s * (d_Y - d_Y.mean(axis=axes, keepdims=True) - X_hat * inner)


def layer_norm(X, gamma, beta, eps):
    mu = np.mean(X, axis=-1, keepdims=True)
    s = np.sqrt(np.mean((X - mu) ** 2, axis=-1, keepdims=True) + eps)
    X_hat = (X - mu) / s
    Y = X_hat * gamma + beta
    return Y


def layer_norm_vjp(X, gamma, beta, eps, d_Y):
    centred = X - X.mean(axis=-1, keepdims=True)
    s = np.sqrt(np.einsum("nd,nd->n", centred, centred)[:, None] / X.shape[1] + eps)
    X_hat, G = centred / s, d_Y * gamma
    inner = np.einsum("nd,nd->n", G, X_hat)[:, None] / X.shape[1]
    return (G - G.mean(axis=-1, keepdims=True) - X_hat * inner) / s


def rms_norm(X, g, eps):
    r = np.sqrt((X * X).mean(-1, keepdims=True) + eps)
    Y = X / r * g
    return Y


def rms_norm_vjp(X, g, eps, d_Y):
    d = X.shape[1]
    square = np.einsum("nd,nd->n", X, X)[:, None] / d + eps
    G = d_Y * g
    inner = np.einsum("nd,nd->n", G, X)[:, None] / d
    return (G - X * (inner / square)) / np.sqrt(square)


def group_norm(X, gamma, eps):
    """Two groups of channels."""
    n, c, p = X.shape
    Z = X.reshape(n, 2, c // 2, p)
    mu = Z.mean(axis=(2, 3), keepdims=True)
    s = np.sqrt(Z.var(axis=(2, 3), keepdims=True) + eps)
    Z_hat = (Z - mu) / s
    Y = gamma[:, None] * Z_hat.reshape(n, c, p)
    return Y


def group_norm_vjp(X, gamma, eps, d_Y):
    Z = X.reshape(len(X), 2, -1)
    G = (d_Y * gamma[:, None]).reshape(Z.shape)
    centred = Z - Z.mean(axis=2, keepdims=True)
    s = np.sqrt(np.mean(centred**2, axis=2, keepdims=True) + eps)
    Z_hat = centred / s
    inner = np.mean(G * Z_hat, axis=2, keepdims=True)
    return ((G - G.mean(axis=2, keepdims=True) - Z_hat * inner) / s).reshape(X.shape)


def weight_norm(X, y, v, g):
    w = g * v / np.linalg.norm(v)
    r = X @ w - y
    return 0.5 * np.dot(r, r)


def weight_norm_backward(X, y, v, g):
    norm = np.linalg.norm(v)
    u = v / norm
    q = X.T @ (g * (X @ u) - y)
    return g / norm * (q - u * (u @ q))


BATCH = {"X": ("n", "d"), "gamma": ("d",), "beta": ("d",), "eps": ()}

PROBLEMS = (
    Problem(
        name="batch-norm",
        area=AREA,
        function=batch_norm,
        shapes=BATCH,
        wrt="X",
        kind="vjp",
        output="Y",
        domains={"eps": "positive"},
        expert=(
            r"\frac{\gamma}{s} \odot \Bigl(\bar Y - \tfrac{1}{n} \mathbf 1 \mathbf 1^\top \bar Y - "
            r"\tfrac{1}{n} \hat X \odot \mathbf 1 \mathbf 1^\top (\hat X \odot \bar Y)\Bigr)"
        ),
        backward=batch_norm_input_vjp,
    ),
    Problem(
        name="batch-norm-scale",
        area=AREA,
        function=batch_norm,
        shapes=BATCH,
        wrt="gamma",
        kind="vjp",
        output="Y",
        domains={"eps": "positive"},
        expert=r"(\bar Y \odot \hat X)^\top \mathbf 1",
        backward=batch_norm_scale_vjp,
    ),
    Problem(
        name="batch-norm-images",
        area=AREA,
        function=batch_norm_images,
        shapes={"X": ("N", "C", "H", "W"), "gamma": ("C",), "beta": ("C",), "eps": ()},
        wrt="X",
        kind="vjp",
        output="Y",
        domains={"eps": "positive"},
        where=r"\langle A \rangle_c = \tfrac{1}{N H W} \textstyle\sum_{n,h,w} A_{nchw}",
        entry=r"\bar X_{nchw}",
        expert=(
            r"\frac{\gamma_c}{s_c} \bigl(\bar Y_{nchw} - \langle \bar Y \rangle_c - "
            r"\hat X_{nchw} \langle \hat X \odot \bar Y \rangle_c\bigr)"
        ),
        backward=batch_norm_images_vjp,
        small=({"N": 3, "C": 2, "H": 1, "W": 4}, {"N": 2, "C": 3, "H": 4, "W": 2}),
        large={"N": 16, "C": 16, "H": 16, "W": 16},
    ),
    Problem(
        name="layer-norm",
        area=AREA,
        function=layer_norm,
        shapes=BATCH,
        wrt="X",
        kind="vjp",
        output="Y",
        domains={"eps": "positive"},
        where=r"G = \bar Y \odot \gamma",
        expert=(
            r"\frac{1}{s} \odot \Bigl(G - \tfrac{1}{d} G \mathbf 1 \mathbf 1^\top - "
            r"\tfrac{1}{d} \hat X \odot (G \odot \hat X) \mathbf 1 \mathbf 1^\top\Bigr)"
        ),
        backward=layer_norm_vjp,
    ),
    Problem(
        name="rms-norm",
        area=AREA,
        function=rms_norm,
        shapes={"X": ("n", "d"), "g": ("d",), "eps": ()},
        wrt="X",
        kind="vjp",
        output="Y",
        domains={"eps": "positive"},
        where=r"G = \bar Y \odot g, \quad \hat X = X / r",
        expert=(
            r"\frac{1}{r} \odot \Bigl(G - \tfrac{1}{d} \hat X \odot (G \odot \hat X) \mathbf 1 \mathbf 1^\top\Bigr)"
        ),
        backward=rms_norm_vjp,
    ),
    Problem(
        name="group-norm",
        area=AREA,
        function=group_norm,
        shapes={"X": ("n", "2*k", "p"), "gamma": ("2*k",), "eps": ()},
        wrt="X",
        kind="vjp",
        output="Y",
        domains={"eps": "positive"},
        where=(
            r"G = \bar Y \odot \gamma \text{ in the shape of } Z, \quad "
            r"\langle A \rangle_{ig} = \tfrac{1}{k p} \textstyle\sum_{c,q} A_{igcq}"
        ),
        expert=r"\frac{1}{s} \odot \bigl(G - \langle G \rangle - \hat Z \odot \langle \hat Z \odot G \rangle\bigr)",
        backward=group_norm_vjp,
        small=({"n": 1, "k": 3, "p": 4}, {"n": 3, "k": 2, "p": 5}),
        large={"n": 16, "k": 8, "p": 256},
    ),
    Problem(
        name="weight-norm",
        area=AREA,
        function=weight_norm,
        shapes={"X": ("n", "d"), "y": ("n",), "v": ("d",), "g": ()},
        wrt="v",
        expert=r"\frac{g}{\|v\|} \Bigl(I - \frac{v v^\top}{\|v\|^2}\Bigr) X^\top r",
        backward=weight_norm_backward,
    ),
)
