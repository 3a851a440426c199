"""Regression: squares and other losses, penalties, logistic and Poisson models, factorisations."""

import numpy as np
from scipy.special import expit, ndtr

from benchmarks.classics.problem import Problem

AREA = "regression"


def least_squares(X, y, w):
    r = X @ w - y
    return 0.5 * np.sum(r**2)


def least_squares_backward(X, y, w):
    return X.T @ (X @ w - y)


def mean_squared_error(X, Y, W):
    return np.mean((X @ W - Y) ** 2)


def mean_squared_error_backward(X, Y, W):
    return X.T @ (X @ W - Y) * (2 / Y.size)


def ridge(X, y, w, lam):
    residual = y - np.dot(X, w)
    return residual @ residual + lam * w @ w


def ridge_backward(X, y, w, lam):
    return 2 * (X.T @ (X @ w - y) + lam * w)


def ridge_hessian(X, y, w, lam):
    H = 2 * (X.T @ X)
    H.flat[:: w.size + 1] += 2 * lam
    return H


def weighted_least_squares(X, y, s, w):
    r = y - X @ w
    return 0.5 * np.sum(s * np.square(r))


def weighted_least_squares_backward(X, y, s, w):
    return X.T @ (s * (X @ w - y))


def generalised_least_squares(X, y, Sigma, w):
    r = y - X @ w
    return 0.5 * r @ np.linalg.solve(Sigma, r)


def generalised_least_squares_backward(X, y, Sigma, w):
    return X.T @ np.linalg.solve(Sigma, X @ w - y)


def polynomial(x, y, c):
    V = np.stack([x**k for k in range(4)], axis=1)
    r = V @ c - y
    return (r**2).mean()


def polynomial_backward(x, y, c):
    V = np.vander(x, 4, increasing=True)
    return (2 / x.size) * ((V @ c - y) @ V)


def huber(X, y, w, delta):
    r = y - X @ w
    small = np.abs(r) <= delta
    return np.where(small, 0.5 * r**2, delta * (np.abs(r) - 0.5 * delta)).sum()


def huber_backward(X, y, w, delta):
    return X.T @ np.clip(X @ w - y, -delta, delta)


def quantile(X, y, w, tau):
    r = y - X @ w
    return np.mean(np.maximum(tau * r, (tau - 1) * r))


def quantile_backward(X, y, w, tau):
    below = y < X @ w
    return X.T @ (below - tau) / y.size


def elastic_net(X, y, w, alpha, rho):
    n = X.shape[0]
    fit = 0.5 / n * np.linalg.norm(X @ w - y) ** 2
    return fit + alpha * (rho * np.sum(np.abs(w)) + 0.5 * (1 - rho) * np.sum(w**2))


def elastic_net_backward(X, y, w, alpha, rho):
    return X.T @ (X @ w - y) / y.size + alpha * (rho * np.sign(w) + (1 - rho) * w)


def poisson(X, y, w):
    mu = np.exp(X @ w)
    return np.sum(mu - y * np.log(mu))


def poisson_backward(X, y, w):
    return X.T @ (np.exp(X @ w) - y)


def poisson_hessian(X, y, w):
    return (X.T * np.exp(X @ w)) @ X


def logistic(X, y, w):
    p = 1 / (1 + np.exp(-X @ w))
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


def logistic_backward(X, y, w):
    return X.T @ (expit(X @ w) - y) / y.size


def logistic_hessian(X, y, w):
    p = expit(X @ w)
    return (X.T * (p * (1 - p) / y.size)) @ X


def logistic_hvp(X, y, w, t_w):
    p = expit(X @ w)
    return X.T @ (p * (1 - p) * (X @ t_w)) / y.size


def logistic_signs(X, y, w):
    """Labels are -1 and 1."""
    m = y * (X @ w)
    return np.log1p(np.exp(-m)).mean()


def logistic_signs_backward(X, y, w):
    return -X.T @ (y * expit(-y * (X @ w))) / y.size


def logistic_bias(X, y, w, b):
    z = X @ w + b
    return np.sum(np.logaddexp(0, z) - y * z) / len(y)


def logistic_bias_backward(X, y, w, b):
    return np.mean(expit(X @ w + b) - y)


def probit(X, y, w):
    """Labels are -1 and 1."""
    m = y * (X @ w)
    return -np.log(ndtr(m)).sum()


def probit_backward(X, y, w):
    m = y * (X @ w)
    return -X.T @ (y * np.exp(-0.5 * m**2) / (np.sqrt(2 * np.pi) * ndtr(m)))


def kernel_ridge(K, y, a, lam):
    f = K @ a
    return 0.5 * np.sum((y - f) ** 2) + 0.5 * lam * a @ f


def kernel_ridge_backward(K, y, a, lam):
    return K @ (K @ a - y + lam * a)


def matrix_factorisation(R, M, U, V, lam):
    E = M * (R - U @ V.T)
    return 0.5 * np.sum(E**2) + 0.5 * lam * (np.sum(U**2) + np.sum(V**2))


def matrix_factorisation_backward(R, M, U, V, lam):
    return (M * (U @ V.T - R)) @ V + lam * U


def pca_reconstruction(X, W):
    n, _ = X.shape
    R = X - X @ W @ W.T
    return np.sum(R * R) / n


def pca_reconstruction_backward(X, W):
    XW = X @ W
    R = X - XW @ W.T
    return (-2 / len(X)) * (X.T @ (R @ W) + R.T @ XW)


def total_variation(x, y, lam):
    """Denoising in one dimension."""
    return 0.5 * np.sum((x - y) ** 2) + lam * np.abs(np.diff(x)).sum()


def total_variation_backward(x, y, lam):
    s = lam * np.sign(x[1:] - x[:-1])
    g = x - y
    g[1:] += s
    g[:-1] -= s
    return g


POINTS = {"X": ("n", "d"), "y": ("n",), "w": ("d",)}

PROBLEMS = (
    Problem(
        name="least-squares",
        area=AREA,
        function=least_squares,
        shapes=POINTS,
        wrt="w",
        expert=r"X^\top r",
        backward=least_squares_backward,
    ),
    Problem(
        name="mean-squared-error",
        area=AREA,
        function=mean_squared_error,
        shapes={"X": ("n", "d"), "Y": ("n", "k"), "W": ("d", "k")},
        wrt="W",
        expert=r"\frac{2}{n k} X^\top (X W - Y)",
        backward=mean_squared_error_backward,
    ),
    Problem(
        name="ridge",
        area=AREA,
        function=ridge,
        shapes={**POINTS, "lam": ()},
        wrt="w",
        domains={"lam": "positive"},
        expert=r"2 \bigl(X^\top (X w - y) + \lambda w\bigr)",
        backward=ridge_backward,
    ),
    Problem(
        name="ridge-hessian",
        area=AREA,
        function=ridge,
        shapes={**POINTS, "lam": ()},
        wrt="w",
        kind="hessian",
        domains={"lam": "positive"},
        expert=r"2 (X^\top X + \lambda I)",
        backward=ridge_hessian,
    ),
    Problem(
        name="weighted-least-squares",
        area=AREA,
        function=weighted_least_squares,
        shapes={"X": ("n", "d"), "y": ("n",), "s": ("n",), "w": ("d",)},
        wrt="w",
        domains={"s": "positive"},
        expert=r"-X^\top (s \odot r)",
        backward=weighted_least_squares_backward,
    ),
    Problem(
        name="generalised-least-squares",
        area=AREA,
        function=generalised_least_squares,
        shapes={"X": ("n", "d"), "y": ("n",), "Sigma": ("n", "n"), "w": ("d",)},
        wrt="w",
        domains={"Sigma": "positive definite"},
        assumptions=lambda X, y, Sigma, w: [Sigma == Sigma.T],
        expert=r"-X^\top \Sigma^{-1} r",
        backward=generalised_least_squares_backward,
        large={"n": 192, "d": 32},
    ),
    Problem(
        name="polynomial-regression",
        area=AREA,
        function=polynomial,
        shapes={"x": ("n",), "y": ("n",), "c": (4,)},
        wrt="c",
        expert=r"\frac{2}{n} V^\top r",
        backward=polynomial_backward,
        small=({"n": 6}, {"n": 5}),
        large={"n": 4096},
    ),
    Problem(
        name="huber",
        area=AREA,
        function=huber,
        shapes={**POINTS, "delta": ()},
        wrt="w",
        domains={"delta": "positive"},
        assumptions=lambda X, y, w, delta: [delta > 0],
        expert=r"-X^\top \max(-\delta, \min(r, \delta))",
        backward=huber_backward,
    ),
    Problem(
        name="quantile-regression",
        area=AREA,
        function=quantile,
        shapes={**POINTS, "tau": ()},
        wrt="w",
        domains={"tau": "unit interval"},
        expert=r"\frac{1}{n} X^\top ([r < 0] - \tau)",
        backward=quantile_backward,
    ),
    Problem(
        name="elastic-net",
        area=AREA,
        function=elastic_net,
        shapes={**POINTS, "alpha": (), "rho": ()},
        wrt="w",
        domains={"alpha": "positive", "rho": "unit interval"},
        expert=r"\frac{1}{n} X^\top (X w - y) + \alpha \bigl(\rho \operatorname{sign}(w) + (1 - \rho) w\bigr)",
        backward=elastic_net_backward,
    ),
    Problem(
        name="poisson-regression",
        area=AREA,
        function=poisson,
        shapes=POINTS,
        wrt="w",
        domains={"y": "nonnegative"},
        expert=r"X^\top (\mu - y)",
        backward=poisson_backward,
    ),
    Problem(
        name="poisson-hessian",
        area=AREA,
        function=poisson,
        shapes=POINTS,
        wrt="w",
        kind="hessian",
        domains={"y": "nonnegative"},
        expert=r"X^\top \operatorname{diag}(\mu) X",
        backward=poisson_hessian,
    ),
    Problem(
        name="logistic-regression",
        area=AREA,
        function=logistic,
        shapes=POINTS,
        wrt="w",
        domains={"y": "mask"},
        expert=r"\frac{1}{n} X^\top (p - y)",
        backward=logistic_backward,
    ),
    Problem(
        name="logistic-hessian",
        area=AREA,
        function=logistic,
        shapes=POINTS,
        wrt="w",
        kind="hessian",
        domains={"y": "mask"},
        expert=r"\frac{1}{n} X^\top \operatorname{diag}(p \odot (1 - p)) X",
        backward=logistic_hessian,
    ),
    Problem(
        name="logistic-hvp",
        area=AREA,
        function=logistic,
        shapes=POINTS,
        wrt="w",
        kind="hvp",
        domains={"y": "mask"},
        expert=r"\frac{1}{n} X^\top (p \odot (1 - p) \odot X \dot w)",
        backward=logistic_hvp,
    ),
    Problem(
        name="logistic-regression-signs",
        area=AREA,
        function=logistic_signs,
        shapes=POINTS,
        wrt="w",
        domains={"y": "sign"},
        expert=r"-\frac{1}{n} X^\top (y \odot \sigma(-m))",
        backward=logistic_signs_backward,
    ),
    Problem(
        name="logistic-regression-bias",
        area=AREA,
        function=logistic_bias,
        shapes={**POINTS, "b": ()},
        wrt="b",
        domains={"y": "mask"},
        expert=r"\frac{1}{n} \mathbf 1^\top (\sigma(z) - y)",
        backward=logistic_bias_backward,
    ),
    Problem(
        name="probit-regression",
        area=AREA,
        function=probit,
        shapes=POINTS,
        wrt="w",
        domains={"y": "sign"},
        expert=r"-X^\top \Bigl(y \odot \frac{\varphi(m)}{\Phi(m)}\Bigr)",
        backward=probit_backward,
    ),
    Problem(
        name="kernel-ridge",
        area=AREA,
        function=kernel_ridge,
        shapes={"K": ("n", "n"), "y": ("n",), "a": ("n",), "lam": ()},
        wrt="a",
        domains={"K": "positive definite", "lam": "positive"},
        assumptions=lambda K, y, a, lam: [K == K.T],
        expert=r"K (f - y + \lambda a)",
        backward=kernel_ridge_backward,
    ),
    Problem(
        name="matrix-factorisation",
        area=AREA,
        function=matrix_factorisation,
        shapes={"R": ("n", "m"), "M": ("n", "m"), "U": ("n", "k"), "V": ("m", "k"), "lam": ()},
        wrt="U",
        domains={"M": "mask", "lam": "positive"},
        assumptions=lambda R, M, U, V, lam: [M**2 == M],
        expert=r"-E V + \lambda U",
        backward=matrix_factorisation_backward,
    ),
    Problem(
        name="pca-reconstruction",
        area=AREA,
        function=pca_reconstruction,
        shapes={"X": ("n", "d"), "W": ("d", "k")},
        wrt="W",
        expert=r"-\frac{2}{n} (X^\top R + R^\top X) W",
        backward=pca_reconstruction_backward,
    ),
    Problem(
        name="total-variation",
        area=AREA,
        function=total_variation,
        shapes={"x": ("n",), "y": ("n",), "lam": ()},
        wrt="x",
        domains={"lam": "positive"},
        expert=r"x - y + \lambda D^\top \operatorname{sign}(D x)",
        where=r"(D x)_i = x_{i+1} - x_i",
        backward=total_variation_backward,
        large={"n": 4096},
    ),
)
