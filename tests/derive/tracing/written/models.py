"""Losses, layers, loops over time, attention, convolutions and dynamic programming, as people write them."""

from __future__ import annotations

import functools
from collections import namedtuple
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.special import expit, log_softmax, logsumexp, softmax

from tests.derive.tracing.written import written


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def relu(z):
    return np.maximum(0, z)


# 1 losses
@written("logits", logits=("n", "c"), y=("n",))
def ce_int(logits, y):
    shifted = logits - np.max(logits, axis=1, keepdims=True)
    Z = np.sum(np.exp(shifted), axis=1, keepdims=True)
    log_probs = shifted - np.log(Z)
    N = logits.shape[0]
    return -np.sum(log_probs[np.arange(N), y]) / N


@written("w", X=("n", "d"), w=("d",), y=("n",))
def hinge(X, w, y, lam=0.1):
    margins = np.clip(1 - y * (X @ w), 0, None)
    return lam * w.dot(w) + margins.mean()


@written("p", p=("n",), t=("n",))
def huber(p, t, delta=1.0):
    err = p - t
    quad = np.minimum(np.abs(err), delta)
    lin = np.abs(err) - quad
    return np.mean(0.5 * quad**2 + delta * lin)


@written("z", z=("n",), y=("n",))
def focal(z, y, gamma=2.0, alpha=0.25):
    p = sigmoid(z)
    pt = y * p + (1 - y) * (1 - p)
    a = y * alpha + (1 - y) * (1 - alpha)
    return -(a * (1 - pt) ** gamma * np.log(pt)).mean()


@written("q", q=("n",), y=("n",))
def pinball(q, y, tau=0.9):
    e = y - q
    return np.maximum(tau * e, (tau - 1) * e).mean()


@written("z", z=("n", "c"), y=("n",))
def label_smoothing(z, y, eps=0.1):
    n, c = z.shape
    target = np.full((n, c), eps / c)
    target[np.arange(n), y] = 1 - eps + eps / c
    return -np.mean(np.sum(target * log_softmax(z, axis=-1), axis=-1))


@written("z", z=("n", "c"), y=("n",))
def onehot_ce(z, y):
    n, c = z.shape
    Y = np.eye(c)[y]
    lse = logsumexp(z, axis=1)
    return (lse - (Y * z).sum(1)).mean()


@written("a", a=("n", "d"), b=("n", "d"))
def infonce(a, b, temperature=0.5):
    a = a / np.linalg.norm(a, axis=1, keepdims=True)
    b = b / np.linalg.norm(b, axis=1, keepdims=True)
    s = a @ b.T / temperature
    return -np.mean(np.diag(log_softmax(s, axis=1)))


@written("z", z=(6, "d"))
def ntxent(z, tau=0.5):
    N = z.shape[0]
    z = z / np.sqrt((z**2).sum(axis=1))[:, np.newaxis]
    sim = z.dot(z.T) / tau
    mask = ~np.eye(N, dtype=bool)
    e = np.exp(sim) * mask
    pos = np.concatenate([np.diag(sim, N // 2), np.diag(sim, -N // 2)])
    return np.mean(-pos + np.log(e.sum(axis=1)))


@written("a", a=("n", "d"), p=("n", "d"), q=("n", "d"))
def triplet(a, p, q, margin=1.0):
    dp = ((a - p) ** 2).sum(-1)
    dn = ((a - q) ** 2).sum(-1)
    return relu(dp - dn + margin).mean()


@written("s", s=("n",), y=("n",))
def ranknet(s, y):
    diff = s[:, None] - s[None, :]
    target = (y[:, None] > y[None, :]).astype(float)
    return (target * np.log1p(np.exp(-diff))).sum()


@written("s", s=("n",))
def listnet(s, temp=1.0):
    n = len(s)
    total = 0.0
    for i in range(n):
        total += logsumexp(s[i:]) - s[i]
    return total


@written("eta", eta=("n",), event=("n",), t=("n",))
def cox(eta, event, t):
    risk = t[None, :] >= t[:, None]
    lse = np.log((risk * np.exp(eta)[None, :]).sum(axis=1))
    return -np.sum(event * (eta - lse)) / event.sum()


@written("beta", X=("n", "d"), beta="d", t="n", d="n")
def weibull(X, beta, t, d, k=1.5):
    lam = np.exp(X @ beta)
    loghaz = np.log(k) + (k - 1) * np.log(t) + np.log(lam)
    return -(d * loghaz - lam * t**k).sum()


# rnn
@written("Wh", X=(4, "i"), h0="h", Wx=("i", "h"), Wh=("h", "h"), b="h")
def rnn_list(X, h0, Wx, Wh, b):
    hs = []
    h = h0
    for x in X:
        h = np.tanh(x @ Wx + h @ Wh + b)
        hs.append(h)
    return np.stack(hs).sum()


@written("U", x=("T", "n", "i"), W=("i", "4*h"), U=("h", "4*h"), b=("4*h",))
def lstm_loop(x, W, U, b):
    T, N, D = x.shape
    H = U.shape[0]
    h = np.zeros((N, H))
    c = np.zeros((N, H))
    out = np.zeros((T, N, H))
    for t in range(T):
        a = x[t].dot(W) + h.dot(U) + b
        i = sigmoid(a[:, :H])
        f = sigmoid(a[:, H : 2 * H])
        o = sigmoid(a[:, 2 * H : 3 * H])
        g = np.tanh(a[:, 3 * H :])
        c = f * c + i * g
        h = o * np.tanh(c)
        out[t] = h
    return np.mean(out**2)


@written("Uz", x=(3, "i"), Wz=("h", "i"), Uz=("h", "h"), Wr=("h", "i"), Ur=("h", "h"), Wn=("h", "i"), Un=("h", "h"))
def gru_dict(x, Wz, Uz, Wr, Ur, Wn, Un):
    params = {"Wz": Wz, "Uz": Uz, "Wr": Wr, "Ur": Ur, "Wn": Wn, "Un": Un}

    def step(h, xt, p=params):
        z = expit(p["Wz"] @ xt + p["Uz"] @ h)
        r = expit(p["Wr"] @ xt + p["Ur"] @ h)
        n = np.tanh(p["Wn"] @ xt + p["Un"] @ (r * h))
        return (1 - z) * n + z * h

    h = functools.reduce(step, [x[t] for t in range(3)], np.zeros(Wz.shape[0]))
    return (h**2).sum() / 2


# attention
@written("Q", Q=("t", "d"), K=("t", "d"), V=("t", "v"))
def causal_attention(Q, K, V):
    T, d = Q.shape
    scores = Q @ K.T / np.sqrt(d)
    mask = np.triu(np.ones((T, T), dtype=bool), k=1)
    scores = np.where(mask, -np.inf, scores)
    w = softmax(scores, axis=-1)
    return (w @ V).sum()


@written("x", x=("t", "d"), Wq=("d", "d"), Wk=("d", "d"))
def tril_attention(x, Wq, Wk):
    scores = (x @ Wq) @ (x @ Wk).T
    m = np.tril(np.ones_like(scores))
    scores = scores * m - 1e9 * (1 - m)
    e = np.exp(scores)
    p = e / e.sum(axis=-1)[:, None]
    return np.sum(p @ x)


@written("q", q="d", K=("t", "d"), V=("t", "v"))
def additive_attention(q, K, V):
    e = [np.tanh(k + q).sum() for k in K]
    a = np.exp(np.array(e))
    a = a / a.sum()
    return sum(ai * vi.sum() for ai, vi in zip(a, V))


# conv
@written("k", x=("n",), k=(3,))
def conv_loop(x, k):
    n = x.shape[0]
    m = k.shape[0]
    out = np.zeros(n - m + 1)
    for j in range(m):
        out += k[j] * x[j : n - m + 1 + j]
    return (out**2).sum()


@written("w", x=(2, 2, 5, 5), w=(3, 2, 3, 3), b=(3,))
def conv2d_naive(x, w, b):
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    Ho, Wo = 1 + H - HH, 1 + W - WW
    out = np.zeros((N, F, Ho, Wo))
    for i in range(Ho):
        for j in range(Wo):
            patch = x[:, :, i : i + HH, j : j + WW]
            for f in range(F):
                out[:, f, i, j] = np.sum(patch * w[f], axis=(1, 2, 3)) + b[f]
    return (out**2).sum()


@written("w", x=("n", "c", "H", "W"), w=("f", "c", 3, 3))
def conv2d_im2col(x, w):
    xp = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    win = sliding_window_view(xp, (3, 3), axis=(2, 3))
    cols = win.transpose(0, 2, 3, 1, 4, 5).reshape(x.shape[0], x.shape[2], x.shape[3], -1)
    y = cols @ w.reshape(w.shape[0], -1).T
    return relu(y).sum()


@written("x", x=("n",), w=(4,))
def strided_dilated(x, w):
    m = 4
    acc = 0
    for k in range(m):
        acc = acc + w[k] * x[2 * k : 2 * k + 5]
    return (acc**2).sum()


@written("x", x=("b", "c", "2*h", "2*w"))
def maxpool_reshape(x):
    b, c, H, W = x.shape
    y = x.reshape(b, c, H // 2, 2, W // 2, 2).max(axis=(3, 5))
    return (y**2).sum()


@written("x", x=("b", "c", "2*h", "2*w"))
def avgpool_slices(x):
    y = (x[..., ::2, ::2] + x[..., 1::2, ::2] + x[..., ::2, 1::2] + x[..., 1::2, 1::2]) / 4
    return np.sum(np.exp(y))


# norms
@written("x", x=("n", "d"), gamma="d", beta="d", r=("n", "d"))
def batchnorm(x, gamma, beta, r, eps=1e-5):
    mu = x.mean(0)
    var = x.var(0)
    xhat = (x - mu) / np.sqrt(var + eps)
    return (r * (gamma * xhat + beta)).sum()


@written("x", x=("n", "d"), g="d", r=("n", "d"))
def layernorm(x, g, r):
    m = np.mean(x, axis=-1, keepdims=True)
    s = np.std(x, axis=-1, keepdims=True)
    return np.vdot(r, g * (x - m) / (s + 1e-6))


@written("x", x=("n", "d"), g="d", r=("n", "d"))
def rmsnorm(x, g, r):
    return np.sum(r * x * g / np.sqrt(np.mean(np.square(x), axis=-1, keepdims=True) + 1e-6))


# mixtures
@written("mu", x=("n", "d"), mu=("k", "d"), logpi=("k",))
def gmm(x, mu, logpi):
    d2 = ((x[:, None, :] - mu[None]) ** 2).sum(-1)
    lp = log_softmax(logpi)[None] - 0.5 * d2 - 0.5 * x.shape[1] * np.log(2 * np.pi)
    return -np.sum(logsumexp(lp, axis=1))


@written("L", x=("n", "d"), mu="d", L=("d", "d"))
def mvn_chol(x, mu, L):
    Sigma = L @ L.T + 1e-3 * np.eye(L.shape[0])
    diff = x - mu
    sign, logdet = np.linalg.slogdet(Sigma)
    maha = np.einsum("ni,ij,nj->n", diff, np.linalg.inv(Sigma), diff)
    return 0.5 * (maha + logdet).sum()


@written(
    "A",
    A=("s", "s"),
    C=("o", "s"),
    Qm=("s", "s"),
    R=("o", "o"),
    m="s",
    P0=("s", "s"),
    y="o",
    assumptions=lambda P0, Qm, R: [(P0, "positive definite"), (Qm, "positive definite"), (R, "positive definite")],
)
def kalman(A, C, Qm, R, m, P0, y):
    m_pred = A @ m
    P_pred = A @ P0 @ A.T + Qm
    S = C @ P_pred @ C.T + R
    K = P_pred @ C.T @ np.linalg.inv(S)
    v = y - C @ m_pred
    m_new = m_pred + K @ v
    return 0.5 * v @ np.linalg.solve(S, v) + 0.5 * np.linalg.slogdet(S)[1] + m_new.sum()


# dp
@written("emit", emit=(4, "k"), trans=("k", "k"), tags=(4,))
def crf(emit, trans, tags):
    T = len(emit)
    alpha = emit[0]
    for t in range(1, T):
        alpha = logsumexp(alpha[:, None] + trans, axis=0) + emit[t]
    Z = logsumexp(alpha)
    score = emit[np.arange(T), tags].sum() + trans[tags[:-1], tags[1:]].sum()
    return Z - score


@written("logA", logA=("k", "k"), logB=("k", "v"), logpi="k", obs=(3,))
def hmm(logA, logB, logpi, obs):
    a = logpi + logB[:, obs[0]]
    for o in obs[1:]:
        a = np.logaddexp.reduce(a[:, None] + logA, axis=0) + logB[:, o]
    return -np.logaddexp.reduce(a)


@written("W", x=("t", "d"), W=("d", "d"))
def posenc(x, W):
    T, D = x.shape
    pos = np.arange(T)[:, np.newaxis]
    i = np.arange(D)[np.newaxis, :]
    ang = pos / np.power(10000, (2 * (i // 2)) / np.float32(D))
    return (np.tanh((x + np.sin(ang)) @ W)).sum()


@written("x", x=("t", "2*h"), r=("t", "2*h"))
def rope(x, r):
    T, D = x.shape
    half = D // 2
    freq = 1.0 / (10000 ** (np.arange(half) / half))
    theta = np.outer(np.arange(T), freq)
    c, s = np.cos(theta), np.sin(theta)
    x1, x2 = x[:, :half], x[:, half:]
    y = np.concatenate([x1 * c - x2 * s, x1 * s + x2 * c], axis=1)
    return (y * r).sum()


# graph
@written("W", A=("n", "n"), X=("n", "f"), W=("f", "h"))
def gcn(A, X, W):
    At = A + np.eye(len(A))
    dinv = 1 / np.sqrt(At.sum(axis=1))
    S = dinv[:, None] * At * dinv[None, :]
    return relu(S @ X @ W).mean()


@written("a", A=("n", "n"), H=("n", "f"), a=("2*f",))
def gat(A, H, a):
    n, f = H.shape
    e = (H @ a[:f])[:, None] + (H @ a[f:])[None, :]
    e = np.where(e > 0, e, 0.2 * e)
    w = np.exp(e) * A
    w = w / np.sum(w, axis=1, keepdims=True)
    return np.linalg.norm(w @ H) ** 2


@written("u", u=("i", "o", "d"))
def capsules(u, iters=2):
    I, O, D = u.shape
    b = np.zeros((I, O))
    for _ in range(iters):
        c = softmax(b, axis=1)
        s = (c[..., None] * u).sum(0)
        n2 = (s**2).sum(-1, keepdims=True)
        v = n2 / (1 + n2) * s / np.sqrt(n2 + 1e-8)
        b = b + np.einsum("iod,od->io", u, v)
    return (v**2).sum()


@written("U", R=("m", "n"), U=("m", "k"), V=("n", "k"), M=("m", "n"))
def matfac(R, U, V, M, reg=0.01):
    E = M * (R - U @ V.T)
    return (E**2).sum() + reg * (np.linalg.norm(U) ** 2 + np.linalg.norm(V, "fro") ** 2)


@written("W", W=("m", "n"), u="m", v="n")
def spectral(W, u, v):
    v1 = W.T @ u
    v1 /= np.linalg.norm(v1)
    u1 = W @ v1
    u1 /= np.linalg.norm(u1)
    return u1 @ W @ v1


@written("W", W=("n", "n"))
def orth(W):
    return np.linalg.norm(W.T @ W - np.eye(W.shape[1]), "fro") ** 2


@written("c", c="k", x="n", knots="k")
def rbf_spline(c, x, knots):
    B = np.abs(x[:, None] - knots) ** 3
    return ((B @ c) ** 2).mean()


@written("c", c=("n",))
def pspline(c):
    d2 = np.diff(c, n=2)
    return (d2**2).sum()


@written("A", A=("d", "d"), x0="d")
def rk4(A, x0, dt=0.1):
    f = lambda x: np.tanh(A @ x)
    x = x0
    for _ in range(2):
        k1 = f(x)
        k2 = f(x + dt / 2 * k1)
        k3 = f(x + dt / 2 * k2)
        k4 = f(x + dt * k3)
        x = x + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return 0.5 * x @ x


@written("W", x0=("n", "d"), noise=("n", "d"), abar="n", W=("d", "d"), assumptions=lambda abar: [abar > 0, abar < 1])
def ddpm(x0, noise, abar, W):
    a = abar[:, None]
    xt = np.sqrt(a) * x0 + np.sqrt(1 - a) * noise
    pred = np.tanh(xt @ W)
    return np.mean((noise - pred) ** 2)


@written("We", x=("n", "d"), We=("d", "2*z"), Wd=("z", "d"), eps=("n", "z"))
def vae(x, We, Wd, eps):
    h = x @ We
    mu, logvar = np.split(h, 2, axis=-1)
    z = mu + np.exp(0.5 * logvar) * eps
    xr = expit(z @ Wd)
    bce = -np.sum(x * np.log(xr) + (1 - x) * np.log(1 - xr))
    kl = -0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar))
    return (bce + kl) / x.shape[0]


@written("W", x=("n", "2*d"), W=("d", "2*d"))
def realnvp(x, W):
    xa, xb = np.hsplit(x, 2)
    st = xa @ W
    s, t = st[:, : st.shape[1] // 2], st[:, st.shape[1] // 2 :]
    s = np.tanh(s)
    yb = xb * np.exp(s) + t
    y = np.hstack((xa, yb))
    return 0.5 * (y**2).sum() - s.sum()


@written("w", x=("n", "d"), w="d", u="d", b=())
def planar(x, w, u, b):
    a = x @ w + b
    psi = (1 - np.tanh(a) ** 2)[:, None] * w
    return -np.log(np.abs(1 + psi @ u)).sum()


# holders
@dataclass
class Params:
    W1: object
    b1: object
    W2: object


class Layer:
    def __init__(self, W, b, act=None):
        self.W, self.b, self.act = W, b, act

    def __call__(self, x):
        z = x @ self.W + self.b
        return z if self.act is None else self.act(z)


class Net(NamedTuple):
    A: object
    B: object


Pt = namedtuple("Pt", "u v")


@written("W1", x=("n", "d"), W1=("d", "h"), b1="h", W2=("h",))
def mlp_dataclass(x, W1, b1, W2):
    p = Params(W1=W1, b1=b1, W2=W2)
    h = np.tanh(x @ p.W1 + p.b1)
    return np.sum((h @ p.W2) ** 2)


@written("W", x=("n", "d"), W=("d", "h"), b="h")
def mlp_class(x, W, b):
    layer = Layer(W, b, act=relu)
    return layer(x).sum()


@written("A", A=("d", "d"), B=("d", "d"), x="d")
def named_tuple(A, B, x):
    net = Net(A, B)
    p = Pt(u=net.A @ x, v=net.B @ x)
    return (p.u * p.v).sum()


@written("W1", x=("n", "d"), W1=("d", "h"), b1="h", W2=("h", "o"), b2="o")
def mlp_layers(x, W1, b1, W2, b2):
    layers = [(W1, b1, np.tanh), (W2, b2, lambda z: z)]
    out = x
    for i, (W, b, act) in enumerate(layers):
        out = act(np.dot(out, W) + b)
        print(f"layer {i}: {out.shape}")
    assert out.ndim == 2
    assert out.shape == (x.shape[0], W2.shape[1]), "shape"
    return np.mean(out**2)
