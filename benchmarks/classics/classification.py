"""Classification: softmax and its cross-entropy in several spellings, margins, and losses of class probabilities."""

import numpy as np
from scipy import special

from benchmarks.classics.problem import Problem

AREA = "classification"


def row_softmax(Z):
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    return E / E.sum(axis=1, keepdims=True)


def softmax_regression(X, Y, W, b):
    Z = X @ W + b
    Z = Z - np.max(Z, axis=1, keepdims=True)
    P = np.exp(Z) / np.sum(np.exp(Z), axis=1, keepdims=True)
    return -np.sum(Y * np.log(P)) / X.shape[0]


def softmax_regression_backward(X, Y, W, b):
    return X.T @ (row_softmax(X @ W + b) - Y) / len(X)


def any_targets_backward(X, Y, W, b):
    G = row_softmax(X @ W + b)
    G *= Y.sum(axis=1, keepdims=True)
    G -= Y
    return X.T @ G / len(X)


def softmax_log_sum_exp(X, Y, W):
    Z = np.einsum("nd,dc->nc", X, W)
    return np.mean(special.logsumexp(Z, axis=1) - np.sum(Y * Z, axis=1))


def softmax_log_sum_exp_backward(X, Y, W):
    return X.T @ (row_softmax(X @ W) - Y) / len(X)


def softmax_labels(X, W, labels):
    n = X.shape[0]
    scores = X @ W
    scores -= scores.max(axis=1, keepdims=True)
    P = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return -np.log(P[np.arange(n), labels]).mean()


def softmax_labels_backward(X, W, labels):
    G = row_softmax(X @ W)
    G[np.arange(len(X)), labels] -= 1
    return X.T @ G / len(X)


def softmax_bias(X, Y, W, b):
    log_P = special.log_softmax(X @ W + b, axis=-1)
    return -(Y * log_P).sum(axis=-1).mean()


def softmax_bias_backward(X, Y, W, b):
    return (row_softmax(X @ W + b) - Y).mean(axis=0)


def softmax_hvp(X, Y, W, b, t_W):
    P = row_softmax(X @ W + b)
    G = P * (X @ t_W)
    G -= P * G.sum(axis=1, keepdims=True)
    return X.T @ G / len(X)


def label_smoothing(Z, Y, eps):
    n, k = Z.shape
    T = (1 - eps) * Y + eps / k
    P = special.softmax(Z, axis=1)
    return -(T * np.log(P)).sum() / n


def label_smoothing_backward(Z, Y, eps):
    n, k = Z.shape
    return (row_softmax(Z) - (1 - eps) * Y - eps / k) / n


def distillation(Z, Z_teacher, tau):
    Q = row_softmax(Z_teacher / tau)
    P = row_softmax(Z / tau)
    return tau**2 * np.mean(np.sum(Q * (np.log(Q) - np.log(P)), axis=1))


def distillation_backward(Z, Z_teacher, tau):
    return (tau / len(Z)) * (row_softmax(Z / tau) - row_softmax(Z_teacher / tau))


def binary_cross_entropy(Z, Y):
    """From logits, in the form that does not overflow."""
    return np.mean(np.maximum(Z, 0) - Z * Y + np.log1p(np.exp(-np.abs(Z))))


def binary_cross_entropy_backward(Z, Y):
    return (special.expit(Z) - Y) / Z.size


def focal_loss(z, y, gamma):
    p = 1.0 / (1.0 + np.exp(-z))
    q = np.where(y == 1, p, 1 - p)
    return -np.mean((1 - q) ** gamma * np.log(q))


def focal_loss_backward(z, y, gamma):
    s = 2 * y - 1
    q = special.expit(s * z)
    return s * (1 - q) ** gamma * (gamma * q * np.log(q) + q - 1) / z.size


def hinge(X, y, w):
    m = y * (X @ w)
    return np.mean(np.maximum(0, 1 - m))


def hinge_backward(X, y, w):
    return -X.T @ (y * (y * (X @ w) < 1)) / y.size


def support_vector_machine(X, y, w, b, C):
    m = y * (X.dot(w) + b)
    return 0.5 * w.dot(w) + C * np.maximum(0, 1 - m).sum()


def support_vector_machine_backward(X, y, w, b, C):
    return w - C * (X.T @ (y * (y * (X @ w + b) < 1)))


def squared_hinge(X, y, w):
    h = np.maximum(0, 1 - y * (X @ w))
    return np.mean(h**2)


def squared_hinge_backward(X, y, w):
    h = np.maximum(0, 1 - y * (X @ w))
    return -2 / y.size * (X.T @ (y * h))


def perceptron(X, y, w):
    m = y * (X @ w)
    return np.where(m < 0, -m, 0).sum()


def perceptron_backward(X, y, w):
    return -X.T @ (y * (y * (X @ w) < 0))


def multiclass_hinge(X, W, labels):
    n = len(X)
    S = X @ W
    correct = S[np.arange(n), labels][:, None]
    M = np.maximum(0, S - correct + 1)
    M[np.arange(n), labels] = 0
    return M.sum() / n


def multiclass_hinge_backward(X, W, labels):
    rows = np.arange(len(X))
    S = X @ W
    A = (S - S[rows, labels][:, None] + 1 > 0).astype(float)
    A[rows, labels] = 0
    A[rows, labels] = -A.sum(axis=1)
    return X.T @ A / len(X)


def softmax_entropy(z):
    p = np.exp(z) / np.exp(z).sum()
    H = -np.sum(p * np.log(p))
    return H


def softmax_entropy_backward(z):
    log_p = z - z.max()
    log_p -= np.log(np.exp(log_p).sum())
    p = np.exp(log_p)
    return -p * (log_p - p @ log_p)


def entropy(p):
    return -(p * np.log(p)).sum()


def entropy_backward(p):
    return -np.log(p) - 1


def dice_loss(p, y):
    D = 2 * np.sum(p * y) / (np.sum(p) + np.sum(y))
    return 1 - D


def dice_loss_backward(p, y):
    total = p.sum() + y.sum()
    return (2 * (p @ y) / total - 2 * y) / total


SOFTMAX = {"X": ("n", "d"), "Y": ("n", "c"), "W": ("d", "c"), "b": ("c",)}
MARGIN = {"X": ("n", "d"), "y": ("n",), "w": ("d",)}
ONE_HOT = r"Y_{ij} = [j = \mathrm{labels}_i]"


def temperature_scaling(Z, Y, T):
    S = Z / T
    logP = S - np.log(np.exp(S).sum(1, keepdims=True))
    return -(Y * logP).sum() / Z.shape[0]


def temperature_scaling_backward(Z, Y, T):
    P = np.exp((Z - Z.max(axis=1, keepdims=True)) / T)
    P /= P.sum(axis=1, keepdims=True)
    return np.vdot(Y - P, Z) / (Z.shape[0] * T**2)


def poly_loss(Z, Y, beta):
    P = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
    p = np.sum(Y * P, axis=1)
    return np.mean(-np.log(p) + beta * (1 - p))


def poly_loss_backward(Z, Y, beta):
    P = np.exp(Z - Z.max(axis=1, keepdims=True))
    P /= P.sum(axis=1, keepdims=True)
    p = np.einsum("nc,nc->n", Y, P)
    return (1 + beta * p)[:, None] * (P - Y) / len(Z)


def focal_softmax(Z, Y, gamma):
    P = np.exp(Z) / np.exp(Z).sum(axis=1)[:, None]
    p = (P * Y).sum(axis=1)
    return np.mean(-((1 - p) ** gamma) * np.log(p))


def focal_softmax_backward(Z, Y, gamma):
    P = np.exp(Z - Z.max(axis=1, keepdims=True))
    P /= P.sum(axis=1, keepdims=True)
    p = np.einsum("nc,nc->n", Y, P)
    weights = (1 - p) ** (gamma - 1) * (gamma * p * np.log(p) + p - 1)
    return weights[:, None] * (Y - P) / len(Z)


PROBLEMS = (
    Problem(
        name="softmax-regression",
        area=AREA,
        function=softmax_regression,
        shapes=SOFTMAX,
        wrt="W",
        domains={"Y": "simplex"},
        assumptions=lambda X, Y, W, b: [Y.sum(axis=1) == 1],
        expert=r"\frac{1}{n} X^\top (P - Y)",
        backward=softmax_regression_backward,
    ),
    Problem(
        name="softmax-regression-any-targets",
        area=AREA,
        function=softmax_regression,
        shapes=SOFTMAX,
        wrt="W",
        domains={"Y": "nonnegative"},
        expert=r"\frac{1}{n} X^\top \bigl(\operatorname{diag}(Y \mathbf 1) P - Y\bigr)",
        backward=any_targets_backward,
    ),
    Problem(
        name="softmax-regression-log-sum-exp",
        area=AREA,
        function=softmax_log_sum_exp,
        shapes={"X": ("n", "d"), "Y": ("n", "c"), "W": ("d", "c")},
        wrt="W",
        expert=r"\frac{1}{n} X^\top (\operatorname{softmax}(Z) - Y)",
        backward=softmax_log_sum_exp_backward,
    ),
    Problem(
        name="softmax-regression-labels",
        area=AREA,
        function=softmax_labels,
        shapes={"X": ("n", "d"), "W": ("d", "c"), "labels": ("n",)},
        wrt="W",
        domains={"labels": "integer below c"},
        expert=r"\frac{1}{n} X^\top (P - Y)",
        where=ONE_HOT,
        backward=softmax_labels_backward,
    ),
    Problem(
        name="softmax-regression-bias",
        area=AREA,
        function=softmax_bias,
        shapes=SOFTMAX,
        wrt="b",
        domains={"Y": "one-hot"},
        assumptions=lambda X, Y, W, b: [Y.sum(axis=1) == 1],
        expert=r"\frac{1}{n} (P - Y)^\top \mathbf 1",
        where=r"P = \operatorname{softmax}(X W + \mathbf 1 b^\top)",
        backward=softmax_bias_backward,
    ),
    Problem(
        name="softmax-regression-hvp",
        area=AREA,
        function=softmax_regression,
        shapes=SOFTMAX,
        wrt="W",
        kind="hvp",
        domains={"Y": "simplex"},
        assumptions=lambda X, Y, W, b: [Y.sum(axis=1) == 1],
        expert=r"\frac{1}{n} X^\top \bigl(G - \operatorname{diag}(G \mathbf 1) P\bigr)",
        where=r"G = P \odot X \dot W",
        small=({"n": 4, "d": 2, "c": 3}, {"n": 2, "d": 3, "c": 2}),
        backward=softmax_hvp,
    ),
    Problem(
        name="label-smoothing",
        area=AREA,
        function=label_smoothing,
        shapes={"Z": ("n", "k"), "Y": ("n", "k"), "eps": ()},
        wrt="Z",
        domains={"Y": "one-hot", "eps": "unit interval"},
        assumptions=lambda Z, Y, eps: [Y.sum(axis=1) == 1],
        expert=r"\frac{1}{n} (P - T)",
        backward=label_smoothing_backward,
    ),
    Problem(
        name="distillation",
        area=AREA,
        function=distillation,
        shapes={"Z": ("n", "c"), "Z_teacher": ("n", "c"), "tau": ()},
        wrt="Z",
        domains={"tau": "positive"},
        expert=r"\frac{\tau}{n} (P - Q)",
        backward=distillation_backward,
    ),
    Problem(
        name="binary-cross-entropy",
        area=AREA,
        function=binary_cross_entropy,
        shapes={"Z": ("n", "k"), "Y": ("n", "k")},
        wrt="Z",
        domains={"Y": "mask"},
        expert=r"\frac{1}{n k} (\sigma(Z) - Y)",
        backward=binary_cross_entropy_backward,
    ),
    Problem(
        name="focal-loss",
        area=AREA,
        function=focal_loss,
        shapes={"z": ("n",), "y": ("n",), "gamma": ()},
        wrt="z",
        domains={"y": "mask", "gamma": "positive"},
        assumptions=lambda z, y, gamma: [y**2 == y],
        expert=r"\frac{1}{n} (2 y - 1) \odot (1 - q)^\gamma \odot (\gamma q \odot \log q + q - 1)",
        backward=focal_loss_backward,
        large={"n": 4096},
    ),
    Problem(
        name="hinge",
        area=AREA,
        function=hinge,
        shapes=MARGIN,
        wrt="w",
        domains={"y": "sign"},
        expert=r"-\frac{1}{n} X^\top (y \odot [m < 1])",
        backward=hinge_backward,
    ),
    Problem(
        name="support-vector-machine",
        area=AREA,
        function=support_vector_machine,
        shapes={**MARGIN, "b": (), "C": ()},
        wrt="w",
        domains={"y": "sign", "C": "positive"},
        expert=r"w - C X^\top (y \odot [m < 1])",
        backward=support_vector_machine_backward,
    ),
    Problem(
        name="squared-hinge",
        area=AREA,
        function=squared_hinge,
        shapes=MARGIN,
        wrt="w",
        domains={"y": "sign"},
        expert=r"-\frac{2}{n} X^\top (y \odot h)",
        backward=squared_hinge_backward,
    ),
    Problem(
        name="perceptron",
        area=AREA,
        function=perceptron,
        shapes=MARGIN,
        wrt="w",
        domains={"y": "sign"},
        expert=r"-X^\top (y \odot [m < 0])",
        backward=perceptron_backward,
    ),
    Problem(
        name="multiclass-hinge",
        area=AREA,
        function=multiclass_hinge,
        shapes={"X": ("n", "d"), "W": ("d", "c"), "labels": ("n",)},
        wrt="W",
        domains={"labels": "integer below c"},
        expert=r"\frac{1}{n} X^\top \bigl(A - \operatorname{diag}(A \mathbf 1) Y\bigr)",
        where=rf"A = [M > 0], \quad {ONE_HOT}",
        backward=multiclass_hinge_backward,
    ),
    Problem(
        name="softmax-entropy",
        area=AREA,
        function=softmax_entropy,
        shapes={"z": ("n",)},
        wrt="z",
        expert=r"-p \odot (\log p + H)",
        backward=softmax_entropy_backward,
        large={"n": 4096},
    ),
    Problem(
        name="entropy",
        area=AREA,
        function=entropy,
        shapes={"p": ("n",)},
        wrt="p",
        domains={"p": "simplex"},
        expert=r"-\log p - 1",
        backward=entropy_backward,
        large={"n": 128},
    ),
    Problem(
        name="dice-loss",
        area=AREA,
        function=dice_loss,
        shapes={"p": ("n",), "y": ("n",)},
        wrt="p",
        domains={"p": "unit interval", "y": "mask"},
        expert=r"\frac{D \mathbf 1 - 2 y}{\mathbf 1^\top p + \mathbf 1^\top y}",
        backward=dice_loss_backward,
        large={"n": 4096},
    ),
    Problem(
        name="temperature-scaling",
        area=AREA,
        function=temperature_scaling,
        shapes={"Z": ("n", "c"), "Y": ("n", "c"), "T": ()},
        wrt="T",
        domains={"Y": "one-hot", "T": "positive"},
        expert=r"\frac{1}{n T^2} \operatorname{tr}((Y - P)^\top Z)",
        backward=temperature_scaling_backward,
    ),
    Problem(
        name="poly-loss",
        area=AREA,
        function=poly_loss,
        shapes={"Z": ("n", "c"), "Y": ("n", "c"), "beta": ()},
        wrt="Z",
        domains={"Y": "one-hot"},
        expert=r"\frac{1}{n} \operatorname{diag}(1 + \beta p) (P - Y)",
        backward=poly_loss_backward,
    ),
    Problem(
        name="focal-softmax",
        area=AREA,
        function=focal_softmax,
        shapes={"Z": ("n", "c"), "Y": ("n", "c"), "gamma": ()},
        wrt="Z",
        domains={"Y": "one-hot", "gamma": "positive"},
        expert=(
            r"\frac{1}{n} \operatorname{diag}\bigl((1 - p)^{\gamma - 1} \odot (\gamma p \odot \log p + p - 1)\bigr)"
            r" (Y - P)"
        ),
        backward=focal_softmax_backward,
    ),
)
