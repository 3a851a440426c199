"""Classes, modules and dictionaries that hold parameters; normalisations, kernels, and loops over pairs."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import scipy.special as sc
import scipy.stats as st
from scipy import linalg as sla
from scipy.special import logsumexp, softmax

from tests.derive.tracing.written import helper, written


class Module:
    def __call__(self, *a):
        return self.forward(*a)


class Linear(Module):
    def __init__(self, W, b=None):
        self.W = W
        self.b = b

    def forward(self, x):
        y = x @ self.W
        if self.b is not None:
            y = y + self.b
        return y


class Seq(Module):
    def __init__(self, *mods):
        self.mods = mods

    def forward(self, x):
        for m in self.mods:
            x = m(x)
        return x


class LSTMCell(Module):
    forget_bias = 1.0

    def __init__(self, W, U, b):
        super().__init__()
        self.W, self.U, self.b = W, U, b

    @property
    def hidden(self):
        return self.U.shape[0]

    @staticmethod
    def sig(z):
        return 1 / (1 + np.exp(-z))

    def forward(self, x, state):
        h, c = state
        g = x @ self.W + h @ self.U + self.b
        i, f, o, u = np.split(g, 4, axis=-1)
        c = self.sig(f + self.forget_bias) * c + self.sig(i) * np.tanh(u)
        return self.sig(o) * np.tanh(c), c


class LN(Module):
    def __init__(self, g, eps=1e-5):
        self.g, self.eps = g, eps

    def forward(self, x):
        m = x.mean(axis=-1, keepdims=True)
        v = ((x - m) ** 2).mean(axis=-1, keepdims=True)
        return self.g * (x - m) / np.sqrt(v + self.eps)


@dataclass
class Cfg:
    heads: int = 2
    drop: float = 0.0
    scale: float = 0.125


CFG = Cfg()


@written("W1", x=("n", "d"), W1=("d", "h"), b1="h", W2=("h", "o"))
def seq_class(x, W1, b1, W2):
    net = Seq(Linear(W1, b1), np.tanh, Linear(W2))
    return (net(x) ** 2).mean()


@written("U", x=(3, "n", "i"), W=("i", "4*h"), U=("h", "4*h"), b="4*h")
def lstm_class(x, W, U, b):
    cell = LSTMCell(W, U, b)
    h = c = np.zeros((x.shape[1], cell.hidden))
    for t in range(x.shape[0]):
        h, c = cell(x[t], (h, c))
    return h.sum()


@written("x", x=("n", "d"), g="d", r=("n", "d"))
def ln_class(x, g, r):
    return (LN(g)(x) * r).sum()


@written("x", x=("n", "d"))
def cfg_dataclass(x):
    return CFG.scale * (x**CFG.heads).sum() / np.sqrt(x.shape[-1])


@written("x", x=("n", "d"))
def helper_module(x):
    return helper.activate(x).sum()


@written("W", X=("n", "2*k"), W=("2*k", "2*k"))
def mha2(X, W, heads=2):
    n, D = X.shape
    dk = D // heads
    q = (X @ W).reshape(n, heads, dk).transpose(1, 0, 2)
    s = q @ np.swapaxes(q, -1, -2) / np.sqrt(dk)
    a = softmax(s, axis=-1)
    o = (a @ q).transpose(1, 0, 2).reshape(n, D)
    return np.sum(o * X)


@written("x", x=("n", "2*k", "h"), r=("n", "2*k", "h"))
def groupnorm2(x, r, G=2):
    n, c, h = x.shape
    xs = x.reshape(n, G, -1)
    xs = (xs - xs.mean(-1, keepdims=True)) / np.sqrt(xs.var(-1, keepdims=True) + 1e-5)
    return (xs.reshape(x.shape) * r).sum()


@written("x", x=("n", "c", "h", "w"), g="c", b="c", r=("n", "c", "h", "w"))
def bn2d(x, g, b, r):
    mu = x.mean(axis=(0, 2, 3), keepdims=True)
    var = x.var(axis=(0, 2, 3), keepdims=True)
    xh = (x - mu) / np.sqrt(var + 1e-5)
    return (r * (g[None, :, None, None] * xh + b.reshape(1, -1, 1, 1))).sum()


@written("x", x=("n", "c", "h", "w"), r=("n", "c", "h", "w"))
def instancenorm(x, r):
    mu = x.mean((2, 3), keepdims=True)
    sd = x.std((2, 3), keepdims=True)
    return np.einsum("nchw,nchw->", r, (x - mu) / (sd + 1e-5))


@written("msg", msg=("e", "d"), dst="e", h=("n", "d"))
def scatter_gnn(msg, dst, h):
    agg = np.zeros_like(h)
    np.add.at(agg, dst, msg)
    return np.tanh(h + agg).sum()


@written("z", z=("N", "d"))
def simclr_mask(z, tau=0.5):
    N = z.shape[0]
    z = z / np.linalg.norm(z, axis=1, keepdims=True)
    s = z @ z.T / tau
    s = s[~np.eye(N, dtype=bool)].reshape(N, N - 1)
    return logsumexp(s, axis=1).mean()


@written("x", x=("n", "d"))
def fill_diag(x):
    s = x @ x.T
    s = s.copy()
    np.fill_diagonal(s, 0)
    return (s**2).sum()


@written("x", x=("t", "d"))
def inf_mask_fill(x):
    s = x @ x.T
    m = np.triu(np.ones_like(s), 1).astype(bool)
    s[m] = -np.inf
    return (softmax(s, axis=1) @ x).sum()


@written("x", x="n", a=(), b=())
def normal_ll(x, a, b):
    return -st.norm.logpdf(x, loc=a, scale=np.exp(b)).sum()


@written("K", K=("n", "n"), y="n", assumptions=lambda K: [(K, "positive definite")])
def sla_gp(K, y):
    L = sla.cholesky(K, lower=True)
    a = sla.solve_triangular(L, y, lower=True)
    return 0.5 * a @ a + np.log(np.diag(L)).sum()


@written("x", x="n")
def arith_ints(x):
    n = len(x)
    half = (n + 1) // 2
    w = 2 / (n * (n + 1))
    return w * sum([(x**2).sum(), x[:half].sum()])


@written("x", x="n")
def isinstance_checks(x):
    assert isinstance(x, np.ndarray)
    if np.isscalar(x):
        x = np.array([x])
    if hasattr(x, "numpy"):
        x = x.numpy()
    x = np.atleast_1d(x)
    return (x**2).sum()


@written("y", y=("n",), x=("n",))
def poly_fit(y, x):
    A = np.vstack([np.ones(len(x)), x, x**2]).T
    w = np.linalg.solve(A.T @ A + 1e-3 * np.eye(3), A.T @ y)
    return ((A @ w - y) ** 2).sum()


@written("x", x="n", c=())
def grad_np(x, c):
    return (np.gradient(c * x**2) ** 2).sum()


@written("x", x=("n",))
def ema(x, a=0.9):
    out = np.zeros(5)
    m = 0.0
    for i in range(5):
        m = a * m + (1 - a) * x[i]
        out[i] = m / (1 - a ** (i + 1))
    return (out**2).sum()


@written("theta", theta="k", phi="k", x="k")
def neg_axis_generic(theta, phi, x):
    stacked = np.stack((theta, phi, x), axis=-1)
    return np.prod(stacked, axis=-1).sum() + np.linalg.norm(stacked, axis=-1).sum()


@written("W", W=("k", "d"), x=("n", "d"), y="n")
def margin_loop(W, x, y):
    s = x @ W.T
    correct = s[np.arange(x.shape[0]), y][:, None]
    m = np.maximum(0, s - correct + 1.0)
    m[np.arange(x.shape[0]), y] = 0
    return m.sum() / x.shape[0] + 0.1 * (W * W).sum()


@written("a", a=("n", "d"), lab="n")
def center_loss(a, lab):
    same = lab[:, None] == lab[None, :]
    d = np.sum((a[:, None] - a[None]) ** 2, axis=2)
    return np.sum(same * d) / 2


@written("s", s=("n",), r=("n",))
def lambdarank(s, r):
    n = s.size
    loss = 0
    for i, j in itertools.product(range(3), repeat=2):
        if i == j:
            continue
        loss = loss + r[i] * np.logaddexp(0, -(s[i] - s[j]))
    return loss / n


@written("x", x="n")
def nested_closure(x):
    def outer(k):
        def inner(z, p=2):
            return z**p + k * z

        return inner

    fs = [outer(k) for k in range(3)]
    return sum(f(x).sum() for f in fs) + (lambda z, *a, **k: z.mean())(x, 1, q=2)


@written("P", P=("n", "m"), C=("n", "m"))
def sinkhorn_log(P, C, eps=0.1):
    n, m = C.shape
    f, g = np.zeros(n), np.zeros(m)
    for _ in range(2):
        f = -eps * logsumexp((g[None, :] - C * P) / eps, axis=1) - eps * np.log(n)
        g = -eps * logsumexp((f[:, None] - C * P) / eps, axis=0) - eps * np.log(m)
    return f.mean() + g.mean()


@written("mu", mu="d", ls="d", mu2="d", ls2="d")
def kl_gauss(mu, ls, mu2, ls2):
    return np.sum(ls2 - ls + (np.exp(2 * ls) + (mu - mu2) ** 2) / (2 * np.exp(2 * ls2)) - 0.5)


@written("E", E=("v", "d"), ids=("b", "t"), W=("d", "v"), tgt=("b", "t"))
def lm_loss(E, ids, W, tgt):
    h = E[ids]
    z = h @ W
    lp = z - logsumexp(z, axis=-1, keepdims=True)
    nll = -np.take_along_axis(lp, tgt[..., None], axis=-1).squeeze(-1)
    return nll.mean()


@written("x", x=("n", 8))
def hadamard(x):
    y = x
    h = 1
    while h < 8:
        y = y.reshape(-1, 8 // (2 * h), 2, h)
        y = np.stack([y[:, :, 0] + y[:, :, 1], y[:, :, 0] - y[:, :, 1]], axis=2).reshape(-1, 8)
        h *= 2
    return (y**3).sum()


@written("A", A=("n", "n"), x="n")
def power_iter(A, x):
    for _ in range(2):
        x = A @ x
        x = x / np.sqrt(np.sum(x * x))
    return x @ A @ x


@written("x", x=(4, 4), k=(3, 3))
def full_conv_pad(x, k):
    p = np.pad(x, ((1, 1), (1, 1)))
    out = sum(k[i, j] * p[i : i + 4, j : j + 4] for i in range(3) for j in range(3))
    return np.tanh(out).sum()


@written("beta", X=("n", "p"), beta="p", y="n")
def elastic(X, beta, y, l1=0.1, l2=0.1):
    r = y - X @ beta
    return r @ r / (2 * y.shape[0]) + l1 * np.linalg.norm(beta, 1) + 0.5 * l2 * np.linalg.norm(beta) ** 2


@written("b", x="n", b=(), y="n")
def poisson(x, b, y):
    rate = np.exp(b * x)
    return (rate - y * np.log(rate) + sc.gammaln(y + 1)).mean()


@written("w", x=("n",), w=("n",), t="n")
def multi_out(x, w, t):
    a, b = np.minimum(x, w), np.maximum(x, w)
    inter = np.clip(b - a, 0, None).sum()
    return 1 - inter / (np.abs(x).sum() + 1e-6)


@written("x", x=("n", "d"))
def where_reduce(x):
    m = x > 0
    return np.mean(x, where=m) + np.max(x, where=m, initial=-10.0) + np.sum(x, initial=5.0, axis=None)


@written("x", x="n")
def imul_const(x):
    k = np.array([1.0, 2.0, 3.0])
    k *= x[:3]
    return (k**2).sum()


@written("x", x=("n", "d"))
def map_lists(x):
    rows = list(map(lambda k: x[:, k] ** k, range(1, 3)))
    return np.array(rows).mean(axis=0).sum() + np.column_stack(rows).std(axis=0).sum()


@written("x", x=("n", "d"))
def meshgrid_sizes(x):
    n, d = x.shape
    I, J = np.meshgrid(np.arange(n), np.arange(d), indexing="ij")
    return (x * np.cos(I + J)).sum()


@written("x", x=("n", "d"))
def mgrid_dct(x):
    n, d = x.shape
    k, i = np.ogrid[0:d, 0:d]
    D = np.cos(np.pi * (2 * i + 1) * k / (2 * d))
    return ((x @ D.T) ** 2).sum()
