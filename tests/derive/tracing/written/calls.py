"""What people call NumPy with: options, constant arrays, masks, indices, and functions off the beaten track."""

from __future__ import annotations

import functools
import itertools
import math

import numpy as np
import scipy.special as sc
from numpy.linalg import norm
from scipy.special import erf, expit, log_softmax, logsumexp, softmax

from tests.derive.tracing.written import written


@written("x", x=("n",), y=("n",))
def out_kw(x, y):
    buf = np.empty_like(x)
    np.multiply(x, y, out=buf)
    np.exp(buf, out=buf)
    return buf.sum()


@written("x", x=("n", "n"))
def sum_where(x):
    n = x.shape[0]
    mask = np.arange(n)[:, None] < np.arange(n)[None, :]
    return np.sum(x**2, where=mask)


@written("x", x=("n", "m"))
def mean_dtype(x):
    return np.mean(x, axis=0, dtype=np.float64).sum() * np.float32(2.0)


@written("x", x=("n",))
def aug_after_zeros_plus(x):
    n = len(x)
    out = np.zeros(n) + x
    out *= 2
    out -= x.mean()
    return (out**2).sum()


@written("x", x=("n",), b="n")
def aug_one_times(x, b):
    y = 1 * x
    y += b
    y /= 2
    return (y**3).sum()


@written("x", x=("n",))
def asarray_float(x):
    x = np.asarray(x, dtype=float)
    x = np.array(x, dtype=np.float64, copy=True)
    x **= 2
    return np.sum(np.sin(x))


@written("x", x=(4,))
def cumprod(x):
    return np.cumprod(x).sum()


@written("a", a=("n", 4), c=("n", 4, 3))
def nerf(a, c):
    alpha = 1 - np.exp(-a)
    T = np.cumprod(1 - alpha, axis=1)
    w = alpha * np.concatenate([np.ones((a.shape[0], 1)), T[:, :-1]], axis=1)
    return (w[..., None] * c).sum(axis=1).mean()


@written("y", y=("n",))
def tv(y):
    return np.abs(np.diff(y)).sum() + np.sqrt(np.diff(y) ** 2 + 1e-3).sum()


@written("x", x=("h", "w"))
def tv2d(x):
    dx = np.diff(x, axis=0)[:, :-1]
    dy = np.diff(x, axis=1)[:-1, :]
    return np.sum(np.hypot(dx, dy))


@written("w", w=(), x="n")
def linspace_c(w, x):
    t = np.linspace(0, 1, len(x))
    return ((w * t - x) ** 2).mean()


@written("s", s=())
def meshgrid_gauss(s):
    g = np.linspace(-1, 1, 5)
    xx, yy = np.meshgrid(g, g)
    k = np.exp(-(xx**2 + yy**2) / (2 * s**2))
    k = k / k.sum()
    return (k**2).sum()


@written("x", x="n")
def misc_funcs(x):
    return (
        np.cbrt(np.abs(x) + 1) + np.float_power(np.abs(x) + 1, 1.5) + np.nan_to_num(np.sinh(x)) + np.exp2(x)
    ).sum()


@written("x", x=(3,))
def allclose_const(x):
    k = np.array([1.0, 2.0, 1.0]) / 4
    assert np.allclose(k.sum(), 1)
    assert np.isclose(k.sum(), 1.0)
    return ((k * x) ** 2).sum()


@written("t", t=(), x=("n", 2))
def rot_matrix(t, x):
    R = np.array([[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]])
    return np.sum((x @ R.T) ** 3)


@written("v", v=(3,), u=(3,))
def skew(v, u):
    K = np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])
    return (K @ u) @ (K @ u)


@written("x", x="n", y="m")
def r_c(x, y):
    z = np.r_[x, y]
    return (z**2).sum() + (np.c_[x, x] ** 3).sum()


@written("A", A=("n", "n"), B=("n", "m"), C=("m", "m"))
def block(A, B, C):
    M = np.block([[A, B], [B.T, C]])
    return np.sum(M**3)


@written("A", A=(4, 4))
def triu_idx(A):
    iu = np.triu_indices(4, k=1)
    return np.sum(A[iu] ** 2)


@written("v", v=(6,), assumptions=lambda v: [v > 0])
def fill_tril(v):
    L = np.zeros((3, 3))
    L[np.tril_indices(3)] = v
    return np.log(np.diag(L)).sum() + (L @ L.T).sum()


@written("A", A=(5, 5))
def ix(A):
    idx = [0, 2, 3]
    return (A[np.ix_(idx, idx)] ** 2).sum()


@written("x", x=(5,))
def argsort_const(x):
    order = np.argsort(np.array([3, 1, 2, 5, 4]))
    w = np.arange(1, 6) / 5
    return (w * x[order] ** 2).sum()


@written("x", x=("n", "n"))
def band_mask(x):
    n = x.shape[0]
    i, j = np.arange(n)[:, None], np.arange(n)
    m = np.abs(i - j) <= 1
    return (np.where(m, x, 0) ** 2).sum()


@written("x", x=(7,))
def bool_const_mask(x):
    m = np.array([True, False, True, True, False, False, True])
    return (x[m] ** 2).sum() - x[~m].sum()


@written("x", x=("n", "d"))
def flag_return(x, reduce=True, p=2):
    y = np.abs(x) ** p
    if not reduce:
        return y
    if p == 2:
        return y.sum()
    return y.mean()


@written("x", x="n")
def try_except(x):
    try:
        z = np.log(x**2 + 1)
    except ValueError:
        z = x
    return z.sum()


@written("x", x=("n", 3), y=("n", 3))
def map_zip(x, y):
    f = lambda a, b: (a * b).sum()
    return sum(map(f, x.T, y.T)) + functools.reduce(lambda s, t: s + t, [x[:, k].mean() for k in range(3)])


@written("z", z=(3, "d"))
def pairs_itertools(z):
    tot = 0
    for i, j in itertools.combinations(range(3), 2):
        tot += np.exp(-np.sum((z[i] - z[j]) ** 2))
    return tot


@written("Ws", Ws=(3, "d", "d"), x="d")
def reversed_layers(Ws, x):
    for W in reversed(list(Ws)):
        x = np.tanh(W @ x)
    return x.sum()


@written("x", x=("n", "d"))
def pairwise(x):
    G = x @ x.T
    sq = np.diag(G)
    D = sq[:, None] + sq[None] - 2 * G
    return np.exp(-D / 2).sum()


@written("x", x=("n", "d"), y=("m", "d"))
def mmd(x, y, s=1.0):
    def k(a, b):
        d = np.sum(a**2, 1)[:, None] + np.sum(b**2, 1)[None, :] - 2 * a @ b.T
        return np.exp(-d / (2 * s**2))

    return k(x, x).mean() + k(y, y).mean() - 2 * k(x, y).mean()


@written("X", X=("n", "d"), y="n")
def centered_kernel(X, y):
    n = X.shape[0]
    H = np.identity(n) - np.ones((n, n)) / n
    K = H @ X @ X.T @ H
    return np.trace(K @ np.outer(y, y)) / (n - 1) ** 2


@written("C", Z=("n", "d"), C=("d", "d"))
def barlow(Z, C, lam=0.005):
    Zn = (Z - Z.mean(0)) / Z.std(0)
    c = Zn.T @ Zn @ C / len(Z)
    on = ((np.diagonal(c) - 1) ** 2).sum()
    off = (c**2).sum() - (np.diagonal(c) ** 2).sum()
    return on + lam * off


@written("z", z=("n", "d"))
def vicreg(z, eps=1e-4):
    z = z - z.mean(axis=0)
    std = np.sqrt(z.var(axis=0) + eps)
    var_loss = np.mean(np.maximum(0, 1 - std))
    cov = z.T @ z / (z.shape[0] - 1)
    off = cov - np.diag(np.diag(cov))
    return var_loss + np.sum(off**2) / z.shape[1]


@written("q", q=("n", "k"), p=("n", "k"))
def kl_div(q, p):
    lq = q - sc.logsumexp(q, axis=1, keepdims=True)
    return np.sum(sc.softmax(p, axis=1) * (sc.log_softmax(p, axis=1) - lq)) / q.shape[0]


@written("x", x="n", t="n")
def gelu(x, t):
    y = 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    return ((y - t) ** 2).mean()


@written("x", x="n")
def gelu_erf(x):
    return (x * 0.5 * (1.0 + erf(x / math.sqrt(2.0)))).sum()


@written("x", x="n")
def mish(x):
    return (x * np.tanh(np.log1p(np.exp(x)))).sum()


@written("x", x="n")
def selu(x):
    alpha, scale = 1.6732632423543772, 1.0507009873554805
    return (scale * np.where(x > 0, x, alpha * (np.exp(x) - 1))).sum()


@written("x", x="n")
def elu_expm1(x, a=1.0):
    pos = x > 0
    return np.sum(pos * x + (1 - pos) * a * np.expm1(np.minimum(x, 0)))


@written("W", x=("n", "d"), W=("d", "2*h"))
def swiglu(x, W):
    g, u = np.array_split(x @ W, 2, axis=1)
    return (g * expit(g) * u).sum()


@written("x", x=("n", "d"))
def maxout(x):
    return np.max(x, axis=-1).mean() + np.amax(x, 0).sum()


@written("P", P=("k", "k"), pi="k")
def markov(P, pi):
    q = pi @ np.linalg.matrix_power(P, 3)
    return -(q * np.log(q)).sum()


@written("K", K=("n", "n"), y="n", assumptions=lambda K: [(K, "positive definite")])
def gp_nll(K, y, noise=0.1):
    n = len(y)
    Ky = K + noise**2 * np.eye(n)
    L = np.linalg.cholesky(Ky)
    a = np.linalg.solve(L, y)
    return 0.5 * a @ a + np.sum(np.log(np.diag(L))) + 0.5 * n * np.log(2 * np.pi)


@written("ell", X=("n", "d"), ell=(), y="n")
def gp_rbf(X, ell, y):
    d2 = np.sum((X[:, None] - X[None, :]) ** 2, axis=-1)
    K = np.exp(-0.5 * d2 / ell**2) + 0.1 * np.eye(X.shape[0])
    return y @ np.linalg.inv(K) @ y + np.log(np.linalg.det(K))


@written("W", X=("n", "d"), W=("d", "c"), Y=("n", "c"))
def sk_logreg(X, W, Y, C=1.0):
    scores = np.dot(X, W)
    scores -= scores.max(axis=1)[:, np.newaxis]
    ex = np.exp(scores)
    probs = ex / ex.sum(axis=1)[:, np.newaxis]
    data_loss = -np.sum(Y * np.log(probs)) / X.shape[0]
    reg_loss = 0.5 * C * np.sum(W * W)
    return data_loss + reg_loss


@written("x", x=("n", "d"), w="d")
def swap_etc(x, w):
    a = np.swapaxes(x[None], 1, 2)
    b = np.moveaxis(a, 0, -1)
    c = np.squeeze(b, axis=-1)
    d = np.expand_dims(w, 1)
    return np.sum(np.broadcast_to(d, c.shape) * c**2)


@written("x", x=("n", "d"))
def roll_tile(x):
    y = np.roll(x, 1, axis=0) - x
    z = np.tile(x, (2, 1)) * np.repeat(x, 2, axis=0)
    return (y**2).sum() + z.sum() + np.flip(x, axis=1)[:, 0].sum()


@written("x", x="n")
def autocorr(x, lag=2):
    xc = x - x.mean()
    return np.sum(xc[:-lag] * xc[lag:]) / np.sum(xc**2)


@written("phi", x="n", phi=(2,))
def ar2(x, phi):
    pred = phi[0] * x[1:-1] + phi[1] * x[:-2]
    return np.mean((x[2:] - pred) ** 2)


@written("p", p=("n",), y=("n",))
def dice(p, y, smooth=1):
    inter = np.sum(p * y)
    return 1 - (2 * inter + smooth) / (p.sum() + y.sum() + smooth)


@written("U", x=("b", "i"), U=("i", "j", "k"), y=("b", "j"))
def bilinear(x, U, y):
    return np.tanh(np.einsum("bi,ijk,bj->bk", x, U, y)).sum()


@written("core", core=("a", "b", "c"), A=("i", "a"), B=("j", "b"), C=("k", "c"), X=("i", "j", "k"))
def tucker(core, A, B, C, X):
    R = np.tensordot(np.tensordot(np.tensordot(core, A, axes=(0, 1)), B, axes=(0, 1)), C, axes=(0, 1))
    return np.sum((X - R) ** 2)


@written("Wg", x=("n", "d"), Wg=("d", 3), We=(3, "d", "o"))
def moe(x, Wg, We):
    g = softmax(x @ Wg, axis=-1)
    y = 0
    for e in range(3):
        y = y + g[:, e : e + 1] * np.maximum(x @ We[e], 0)
    return (y**2).mean()


@written("M", M=("k", "d"), q="d", w="k")
def ntm(M, q, w, g=0.5):
    cos = (M @ q) / (np.linalg.norm(M, axis=1) * np.linalg.norm(q) + 1e-8)
    wc = softmax(5 * cos)
    wg = g * wc + (1 - g) * w
    ws = 0.1 * np.roll(wg, -1) + 0.8 * wg + 0.1 * np.roll(wg, 1)
    ws = ws**2
    r = (ws / ws.sum()) @ M
    return r.sum()


@written("logits", logits=("n", "k"), g=("n", "k"))
def gumbel(logits, g, tau=0.7):
    y = softmax((logits + g) / tau, axis=-1)
    return np.sum(y**2, axis=-1).mean()


@written("theta", adv="n", logp_old="n", s=("n", "d"), theta=("d", "a"), a="n")
def ppo(adv, logp_old, s, theta, a, clip=0.2):
    lp = log_softmax(s @ theta, axis=1)
    logp = np.take_along_axis(lp, a[:, None].astype(int), axis=1)[:, 0]
    ratio = np.exp(logp - logp_old)
    return -np.minimum(ratio * adv, np.clip(ratio, 1 - clip, 1 + clip) * adv).mean()


@written("theta", phi=("n", "d"), theta="d", r="n", gamma=())
def td_error(phi, theta, r, gamma):
    v = phi @ theta
    delta = r[:-1] + gamma * v[1:] - v[:-1]
    return 0.5 * np.mean(delta**2)


@written("v", r=(4,), v=(5,))
def gae(r, v, gamma=0.9, lam=0.95):
    adv = np.zeros_like(r)
    last = 0
    for t in reversed(range(4)):
        delta = r[t] + gamma * v[t + 1] - v[t]
        last = delta + gamma * lam * last
        adv[t] = last
    return (adv**2).sum()


@written("x", x=("n", "d"))
def flatten_variants(x):
    return (x.flatten() ** 2).sum() + x.reshape(-1)[0] + np.ravel(x).mean() + x.T.reshape((-1, x.shape[0])).sum()


@written("x", x=("b", "t", "d"), lengths="b")
def masked_mean(x, lengths):
    T = x.shape[1]
    mask = (np.arange(T)[None, :] < lengths[:, None]).astype(np.float64)
    s = (x * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
    return (s**2).sum()


@written("E", E=("v", "d"), ctx=("n", 3), tgt="n", O=("d", "v"))
def cbow(E, ctx, tgt, O):
    h = E[ctx].mean(axis=1)
    z = h @ O
    return -(z[np.arange(len(tgt)), tgt] - logsumexp(z, axis=1)).mean()


@written("E", E=("v", "d"), c="n", o="n", neg=("n", "k"))
def sgns(E, c, o, neg):
    u = E[c]
    pos = np.log(expit(np.sum(u * E[o], axis=1)))
    n = np.log(expit(-np.einsum("nd,nkd->nk", u, E[neg]))).sum(axis=1)
    return -(pos + n).mean()


@written("x", x="n")
def sinkhorn_free(x):
    C = (x[:, None] - x[None, :]) ** 2
    K = np.exp(-C)
    u = np.ones(len(x))
    for _ in range(2):
        v = 1.0 / (K.T @ u)
        u = 1.0 / (K @ v)
    return np.sum(u[:, None] * K * C * v[None, :])


@written("x", x=("h", "w"))
def laplacian(x):
    p = np.pad(x, 1, mode="constant")
    lap = p[:-2, 1:-1] + p[2:, 1:-1] + p[1:-1, :-2] + p[1:-1, 2:] - 4 * x
    return np.sum(lap**2)


@written("x", x="n")
def pad_edge(x):
    p = np.pad(x, 1, mode="edge")
    return ((p[2:] - 2 * p[1:-1] + p[:-2]) ** 2).sum()


@written("x", x=("n",))
def pad_reflect(x):
    p = np.pad(x, (2, 2), mode="reflect")
    return (np.convolve(p, np.array([1.0, 2.0, 3.0, 2.0, 1.0]), mode="valid") ** 2).sum()


@written("x", x=("n", "d"), w=("n",))
def weighted_cov(x, w):
    mu = np.average(x, axis=0, weights=w)
    xc = x - mu
    return np.trace((w[:, None] * xc).T @ xc) / np.sum(w)


@written("x", x=("n", "d"))
def np_cov(x):
    return np.sum(np.cov(x, rowvar=False) ** 2)


@written("x", x="n", y="n")
def pearson(x, y):
    xc, yc = x - np.mean(x), y - np.mean(y)
    return (xc @ yc) / (norm(xc) * norm(yc))


@written("x", x="n", y="n")
def corrcoef(x, y):
    return np.corrcoef(x, y)[0, 1]


@written("x", x="n", y="n")
def trapz(x, y):
    return np.trapezoid(y**2, x)


@written("c", c=(4,), x="n")
def polyval(c, x):
    return np.polyval(c, x).sum() ** 2


@written("c", c=(4,), x="n", y="n")
def vander(c, x, y):
    V = np.vander(x, 4)
    return ((V @ c - y) ** 2).sum()


@written("a", a=(3,), b=(3,))
def cross(a, b):
    return (np.cross(a, b) ** 2).sum()


@written("x", x="n")
def fancy_ops(x):
    y = np.arctan2(x, 2.0) + np.arcsinh(x) + np.sinc(x) + np.deg2rad(x) + np.heaviside(x, 0.5)
    return y.sum()


@written("x", x="n")
def divmod_mod(x):
    n = len(x)
    even = np.arange(n) % 2 == 0
    return np.sum(np.where(even, x, -x) ** 3)


@written("x", x=("n", "d"))
def where_out(x):
    den = x.sum(axis=1, keepdims=True)
    return np.divide(x, den, out=np.zeros_like(x), where=den != 0).sum()


@written("x", x=("n", "d"))
def class_method(x):
    class Scorer:
        scale = 2.0

        def __init__(self, power):
            self.power = power

        @staticmethod
        def f(z):
            return np.tanh(z)

        def score(self, z):
            return self.scale * self.f(z) ** self.power

    return Scorer(2).score(x).sum()
