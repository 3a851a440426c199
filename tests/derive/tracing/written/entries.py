"""Numbers that are read, written and bound again; the last few families."""

from __future__ import annotations

import numpy as np
from scipy.special import log_softmax, logsumexp

from tests.derive.tracing.written import written


@written("x", x="n")
def swap(x):
    y = x.copy()
    y[0], y[1] = y[1], y[0]
    return (y * np.arange(len(x))).sum()


@written("x", x=("n",))
def scalar_alias(x):
    total = x.sum()
    first = total
    total += (x**2).sum()
    return total / (1 + first**2)


@written("x", x=("n",))
def entry_is_value(x):
    out = np.zeros(3)
    out[0] = x.sum()
    m = out[0]
    m += 1
    out[1] += m
    out[2] -= 2 * out[0]
    return (out**2).sum()


@written("x", x=("n", "d"))
def row_inplace(x):
    y = x.copy()
    y[0] *= 2
    y[:, 1] += y[:, 0]
    y[1:] /= 2
    return (y**2).sum()


@written("theta", theta=(3, 3))
def viterbi_soft(theta):
    n = theta.shape[0]
    V = np.zeros((n, n))
    V[0] = theta[0]
    for t in range(1, n):
        for j in range(n):
            V[t, j] = theta[t, j] + np.log(np.sum(np.exp(V[t - 1] + 0.1 * j)))
    return logsumexp(V[-1])


@written("a", a=(3, "k"), A=("k", "k"))
def list_dp(a, A):
    alphas = [a[0]]
    for t in range(1, 3):
        alphas.append(a[t] + logsumexp(alphas[-1][:, np.newaxis] + A, axis=0))
    betas = [np.zeros(a.shape[1])]
    for t in range(2, 0, -1):
        betas.insert(0, logsumexp(A + a[t] + betas[0], axis=1))
    return sum((al * be).sum() for al, be in zip(alphas, betas))


@written("x", x=("n", 2, "k"))
def select_np(x):
    y = np.select([x > 1, x > 0], [x**2, 2 * x], default=0)
    return y.sum() + np.dstack([x[:, 0], x[:, 1]]).max()


@written("W", W=("d", "d"), x="d")
def neumann(W, x):
    I = np.eye(*W.shape)
    z = np.linalg.inv(I - 0.1 * W) @ x
    return z @ z


@written("x", x=("n",), y=("m",))
def hausdorff_soft(x, y):
    D = np.subtract.outer(x, y) ** 2
    return -logsumexp(-D, axis=1).mean() - np.log(np.exp(-D).sum(0)).mean()


@written("p", p=("n", "k"))
def js_div(p):
    q = np.exp(p) / np.exp(p).sum(-1, keepdims=True)
    m = q.mean(axis=0)
    H = lambda d: -(d * np.log(d)).sum(-1)
    return H(m) - H(q).mean()


@written("W", X=("n", "d"), W=("d", "k"))
def pca_loss(X, W):
    Xc = X - X.mean(0)
    R = Xc - Xc @ W @ W.T
    return np.square(R).sum() / (2 * X.shape[0])


@written("x", x=("b", "t", "c"), w=("k", "c"))
def depthwise(x, w):
    B, T, C = x.shape
    out = 0.0
    for k in range(3):
        out = out + x[:, k : T - 2 + k, :] * w[k]
    return (out**2).mean()


@written("x", x=("2*m",))
def haar(x):
    lo = (x[0::2] + x[1::2]) / np.sqrt(2)
    hi = (x[0::2] - x[1::2]) / np.sqrt(2)
    return np.abs(hi).sum() + 0.5 * (lo**2).sum()


@written("z", z=("n", "d"), c=("k", "d"))
def dec_cluster(z, c):
    q = 1 / (1 + ((z[:, None] - c) ** 2).sum(-1))
    q = (q.T / q.sum(1)).T
    return (q * np.log(q)).sum()


@written("z", z=("n", "d"), c=("k", "d"))
def proto(z, c):
    d = np.linalg.norm(z[:, None, :] - c[None, :, :], axis=2)
    return -log_softmax(-(d**2), axis=1)[:, 0].mean()


@written("w", X=("n", "d"), w="d", y="n")
def smooth_hinge(X, w, y):
    m = y * X.dot(w)
    return np.where(m >= 1, 0, np.where(m <= 0, 0.5 - m, 0.5 * (1 - m) ** 2)).sum()


@written("x", x="n")
def params_kwonly(x, *, scale=2.0, mode="mean"):
    r = {"mean": np.mean, "sum": np.sum}[mode]
    return r(scale * x**2)
