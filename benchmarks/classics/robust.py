"""Losses that bend: robust, overlapping, and asymmetric, of regression and of detection."""

import numpy as np
from scipy.special import expit

from benchmarks.classics.problem import Problem

AREA = "robust losses"


def charbonnier(x, y, eps):
    r = x - y
    return np.sqrt(r**2 + eps**2).sum()


def charbonnier_backward(x, y, eps):
    r = x - y
    return r / np.sqrt(r**2 + eps**2)


def log_cosh(X, y, w):
    r = X @ w - y
    return np.mean(np.log(np.cosh(r)))


def log_cosh_backward(X, y, w):
    return X.T @ np.tanh(X @ w - y) / len(y)


def cauchy_loss(X, y, w, c):
    r = y - X @ w
    return 0.5 * c**2 * np.log(1 + (r / c) ** 2).sum()


def cauchy_loss_backward(X, y, w, c):
    r = y - X @ w
    return -X.T @ (r / (1 + (r / c) ** 2))


def smooth_l1(x, y, beta):
    """As for the corners of boxes: quadratic near zero, and else the distance."""
    d = np.abs(x - y)
    return np.where(d < beta, 0.5 * d**2 / beta, d - 0.5 * beta).sum()


def smooth_l1_backward(x, y, beta):
    return np.clip((x - y) / beta, -1, 1)


def epsilon_insensitive(X, y, w, eps):
    r = X @ w - y
    h = np.maximum(np.abs(r) - eps, 0)
    return h.sum()


def epsilon_insensitive_backward(X, y, w, eps):
    r = X @ w - y
    return X.T @ (np.sign(r) * (np.abs(r) > eps))


def expectile(x, y, tau):
    r = y - x
    return np.mean(np.where(r > 0, tau, 1 - tau) * r**2)


def expectile_backward(x, y, tau):
    r = y - x
    return -2 / len(r) * np.where(r > 0, tau, 1 - tau) * r


def tversky(p, y, alpha, beta):
    tp = np.sum(p * y)
    fp = np.sum(p * (1 - y))
    fn = np.sum((1 - p) * y)
    T = tp / (tp + alpha * fp + beta * fn)
    return 1 - T


def tversky_backward(p, y, alpha, beta):
    tp, fp, fn = np.sum(p * y), np.sum(p * (1 - y)), np.sum((1 - p) * y)
    s = tp + alpha * fp + beta * fn
    return (tp / s * (y + alpha * (1 - y) - beta * y) - y) / s


def soft_iou(p, y):
    i = np.sum(p * y)
    u = np.sum(p + y - p * y)
    return 1 - i / u


def soft_iou_backward(p, y):
    i, u = np.sum(p * y), np.sum(p + y - p * y)
    return (i / u * (1 - y) - y) / u


def box_iou(a, b):
    """Boxes of one dimension: (left, right)."""
    inter = np.maximum(np.minimum(a[:, 1], b[:, 1]) - np.maximum(a[:, 0], b[:, 0]), 0)
    return inter.sum()


def box_iou_backward(a, b):
    inside = np.minimum(a[:, 1], b[:, 1]) > np.maximum(a[:, 0], b[:, 0])
    g = np.empty_like(a)
    g[:, 0] = -1.0 * inside * (a[:, 0] >= b[:, 0])
    g[:, 1] = inside * (a[:, 1] <= b[:, 1])
    return g


def weighted_cross_entropy(z, y, w):
    return np.mean(w * y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z))


def weighted_cross_entropy_backward(z, y, w):
    p = expit(z)
    return ((1 - y) * p - w * y * (1 - p)) / len(z)


def focal_positive(z, gamma):
    """The focal loss where every label is 1."""
    p = expit(z)
    return -np.sum((1 - p) ** gamma * np.log(p))


def focal_positive_backward(z, gamma):
    p = expit(z)
    return (1 - p) ** gamma * (gamma * p * np.log(p) + p - 1)


def margin_contrastive(A, B, s, m):
    """Pairs that belong together are drawn together, others pushed apart up to a margin."""
    D = A - B
    d = np.sqrt((D**2).sum(axis=1))
    h = np.maximum(m - d, 0)
    return 0.5 * np.mean(s * d**2 + (1 - s) * h**2)


def margin_contrastive_backward(A, B, s, m):
    D = A - B
    d = np.sqrt((D**2).sum(axis=1))
    c = s - (1 - s) * np.maximum(m - d, 0) / d
    return c[:, None] * D / len(s)


POINTS = {"X": ("n", "d"), "y": ("n",), "w": ("d",)}
IMAGES = {"p": ("h", "w"), "y": ("h", "w")}

PROBLEMS = (
    Problem(
        name="charbonnier",
        area=AREA,
        function=charbonnier,
        shapes={"x": ("n",), "y": ("n",), "eps": ()},
        wrt="x",
        domains={"eps": "positive"},
        expert=r"\frac{r}{\sqrt{r^2 + \varepsilon^2}}",
        backward=charbonnier_backward,
    ),
    Problem(
        name="log-cosh",
        area=AREA,
        function=log_cosh,
        shapes=POINTS,
        wrt="w",
        expert=r"\frac{1}{n} X^\top \tanh(r)",
        backward=log_cosh_backward,
    ),
    Problem(
        name="cauchy-loss",
        area=AREA,
        function=cauchy_loss,
        shapes={**POINTS, "c": ()},
        wrt="w",
        domains={"c": "positive"},
        expert=r"-X^\top \frac{c^2 r}{c^2 + r^2}",
        backward=cauchy_loss_backward,
    ),
    Problem(
        name="smooth-l1",
        area=AREA,
        function=smooth_l1,
        shapes={"x": ("n",), "y": ("n",), "beta": ()},
        wrt="x",
        domains={"beta": "positive"},
        expert=r"\frac{1}{\beta} \max(-\beta, \min(x - y, \beta))",
        backward=smooth_l1_backward,
    ),
    Problem(
        name="epsilon-insensitive",
        area=AREA,
        function=epsilon_insensitive,
        shapes={**POINTS, "eps": ()},
        wrt="w",
        domains={"eps": "positive"},
        expert=r"X^\top ([h > 0] \odot \operatorname{sign}(r))",
        backward=epsilon_insensitive_backward,
    ),
    Problem(
        name="expectile",
        area=AREA,
        function=expectile,
        shapes={"x": ("n",), "y": ("n",), "tau": ()},
        wrt="x",
        domains={"tau": "unit interval"},
        expert=r"-\frac{2}{n} r \odot (\tau [r > 0] + (1 - \tau) [r \le 0])",
        backward=expectile_backward,
    ),
    Problem(
        name="tversky",
        area=AREA,
        function=tversky,
        shapes={**IMAGES, "alpha": (), "beta": ()},
        wrt="p",
        domains={"p": "unit interval", "y": "unit interval", "alpha": "positive", "beta": "positive"},
        where=r"s = \mathrm{tp} + \alpha \mathrm{fp} + \beta \mathrm{fn}",
        expert=r"\frac{1}{s} (T (y + \alpha (1 - y) - \beta y) - y)",
        backward=tversky_backward,
    ),
    Problem(
        name="soft-iou",
        area=AREA,
        function=soft_iou,
        shapes=IMAGES,
        wrt="p",
        domains={"p": "unit interval", "y": "unit interval"},
        expert=r"\frac{1}{u} \Bigl(\frac{i}{u} (1 - y) - y\Bigr)",
        backward=soft_iou_backward,
    ),
    Problem(
        name="interval-overlap",
        area=AREA,
        function=box_iou,
        shapes={"a": ("n", 2), "b": ("n", 2)},
        wrt="a",
        where=r"c = [\mathrm{inter} > 0]",
        expert=r"\bigl[-c \odot [a_{\cdot 0} \ge b_{\cdot 0}],\; c \odot [a_{\cdot 1} \le b_{\cdot 1}]\bigr]",
        backward=box_iou_backward,
        small=({"n": 8}, {"n": 11}),
    ),
    Problem(
        name="weighted-cross-entropy",
        area=AREA,
        function=weighted_cross_entropy,
        shapes={"z": ("n",), "y": ("n",), "w": ()},
        wrt="z",
        domains={"y": "mask", "w": "positive"},
        expert=r"\frac{1}{n} ((1 - y) \odot \sigma(z) - w y \odot \sigma(-z))",
        backward=weighted_cross_entropy_backward,
    ),
    Problem(
        name="focal-positive",
        area=AREA,
        function=focal_positive,
        shapes={"z": ("n",), "gamma": ()},
        wrt="z",
        domains={"gamma": "positive"},
        expert=r"(1 - p)^\gamma \odot (\gamma p \odot \log p + p - 1)",
        backward=focal_positive_backward,
    ),
    Problem(
        name="margin-contrastive",
        area=AREA,
        function=margin_contrastive,
        shapes={"A": ("n", "k"), "B": ("n", "k"), "s": ("n",), "m": ()},
        wrt="A",
        domains={"s": "mask", "m": "positive"},
        expert=r"\frac{1}{n} \operatorname{diag}\Bigl(s - \frac{(1 - s) \odot h}{d}\Bigr) D",
        backward=margin_contrastive_backward,
    ),
)
