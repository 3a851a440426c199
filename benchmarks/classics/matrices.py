"""Matrices and vectors: quadratic forms, traces, determinants, inverses, norms and angles."""

import numpy as np

from benchmarks.classics.problem import Problem

AREA = "matrices"


def quadratic_form(A, x):
    return x @ A @ x


def quadratic_form_backward(A, x):
    return A @ x + A.T @ x


def quadratic_form_matrix_backward(A, x):
    return np.outer(x, x)


def energy(A, b, x):
    return 0.5 * np.dot(x, A @ x) - np.dot(b, x)


def energy_backward(A, b, x):
    return A @ x - b


def energy_hessian(A, b, x):
    return A.copy()


def trace_product(A, X, B):
    return np.trace(A @ X @ B)


def trace_product_backward(A, X, B):
    return (B @ A).T


def trace_quadratic(A, X):
    return np.trace(X.T @ A @ X)


def trace_quadratic_backward(A, X):
    return (A + A.T) @ X


def bilinear_trace(X, A, B):
    return np.einsum("ij,jk,kl,il->", X, A, X.T, B)


def bilinear_trace_backward(X, A, B):
    return B @ X @ A.T + B.T @ X @ A


def determinant(X):
    return np.linalg.det(X)


def determinant_backward(X):
    return np.linalg.det(X) * np.linalg.inv(X).T


def log_determinant(X):
    sign, logdet = np.linalg.slogdet(X)
    return logdet


def log_determinant_backward(X):
    return np.linalg.inv(X).T


def log_det_gram(X):
    return np.log(np.linalg.det(X.T @ X))


def log_det_gram_backward(X):
    return X @ (2 * np.linalg.inv(X.T @ X))


def inverse_form(X, a, b):
    return a @ np.linalg.inv(X) @ b


def inverse_form_backward(X, a, b):
    return -np.outer(np.linalg.solve(X.T, a), np.linalg.solve(X, b))


def trace_inverse(X, A):
    return np.trace(np.linalg.inv(X) @ A)


def trace_inverse_backward(X, A):
    inverse = np.linalg.inv(X)
    return -(inverse @ A @ inverse).T


def linear_solve(A, b, c):
    x = np.linalg.solve(A, b)
    return c @ x


def linear_solve_backward(A, b, c):
    x = np.linalg.solve(A, b)
    return -np.outer(np.linalg.solve(A.T, c), x)


def implicit_layer(A, b, y):
    """The distance from a target of what solves a linear system."""
    x = np.linalg.solve(A, b)
    return 0.5 * ((x - y) ** 2).sum()


def implicit_layer_backward(A, b, y):
    x = np.linalg.solve(A, b)
    return np.linalg.solve(A.T, x - y)


def frobenius_norm(X):
    return np.linalg.norm(X)


def frobenius_norm_backward(X):
    return X / np.linalg.norm(X)


def rayleigh_quotient(A, x):
    r = (x @ A @ x) / (x @ x)
    return r


def rayleigh_quotient_backward(A, x):
    Ax, square = A @ x, x @ x
    return 2 * (Ax - (x @ Ax) / square * x) / square


def mahalanobis(x, mu, Sigma):
    diff = x - mu
    D = np.sqrt(diff @ np.linalg.inv(Sigma) @ diff)
    return D


def mahalanobis_backward(x, mu, Sigma):
    diff = x - mu
    solved = np.linalg.solve(Sigma, diff)
    return solved / np.sqrt(diff @ solved)


def cosine_similarity(u, v):
    c = u @ v / (np.linalg.norm(u) * np.linalg.norm(v))
    return c


def cosine_similarity_backward(u, v):
    nu, nv = np.linalg.norm(u), np.linalg.norm(v)
    return v / (nu * nv) - (u @ v) / (nu**3 * nv) * u


def normalise(x):
    y = x / np.sqrt(np.sum(x**2))
    return y


def normalise_jacobian(x):
    norm = np.sqrt(x @ x)
    y = x / norm
    J = np.outer(y, y / -norm)
    J.flat[:: x.size + 1] += 1 / norm
    return J


def normalise_jvp(x, t_x):
    norm = np.sqrt(x @ x)
    y = x / norm
    return (t_x - y * (y @ t_x)) / norm


def log_sum_exp(x):
    m = np.max(x)
    return m + np.log(np.sum(np.exp(x - m)))


def log_sum_exp_hessian(x):
    return softmax_jacobian(x)


def softmax(z):
    e = np.exp(z - z.max())
    p = e / e.sum()
    return p


def softmax_jacobian(z):
    p = softmax(z)
    J = np.outer(p, -p)
    J.flat[:: p.size + 1] += p
    return J


def softmax_vjp(z, d_p):
    p = softmax(z)
    return p * (d_p - p @ d_p)


def softmax_jvp(z, t_z):
    p = softmax(z)
    return p * (t_z - p @ t_z)


def rosenbrock(x):
    r = x[1:] - x[:-1] ** 2
    return np.sum(100 * r**2 + (1 - x[:-1]) ** 2)


def rosenbrock_backward(x):
    r = 200 * (x[1:] - x[:-1] ** 2)
    g = np.zeros_like(x)
    g[1:] = r
    g[:-1] += 2 * (x[:-1] - 1) - 2 * r * x[:-1]
    return g


def sharpe_ratio(w, mu, Sigma):
    s = np.sqrt(w @ Sigma @ w)
    return mu @ w / s


def sharpe_ratio_backward(w, mu, Sigma):
    Sw = Sigma @ w
    square = w @ Sw
    return (mu - (mu @ w) / square * Sw) / np.sqrt(square)


def product_chain(W1, W2, W3, x, y):
    """A deep linear network, one sample."""
    r = W3 @ W2 @ W1 @ x - y
    return 0.5 * np.dot(r, r)


def product_chain_backward(W1, W2, W3, x, y):
    h = W1 @ x
    r = W3 @ (W2 @ h) - y
    return np.outer(W3.T @ r, h)


PROBLEMS = (
    Problem(
        name="quadratic-form",
        area=AREA,
        function=quadratic_form,
        shapes={"A": ("n", "n"), "x": ("n",)},
        wrt="x",
        expert=r"(A + A^\top) x",
        backward=quadratic_form_backward,
    ),
    Problem(
        name="quadratic-form-matrix",
        area=AREA,
        function=quadratic_form,
        shapes={"A": ("n", "n"), "x": ("n",)},
        wrt="A",
        expert=r"x x^\top",
        backward=quadratic_form_matrix_backward,
    ),
    Problem(
        name="energy",
        area=AREA,
        function=energy,
        shapes={"A": ("n", "n"), "b": ("n",), "x": ("n",)},
        wrt="x",
        domains={"A": "symmetric"},
        assumptions=lambda A, b, x: [A == A.T],
        expert=r"A x - b",
        backward=energy_backward,
    ),
    Problem(
        name="energy-hessian",
        area=AREA,
        function=energy,
        shapes={"A": ("n", "n"), "b": ("n",), "x": ("n",)},
        wrt="x",
        kind="hessian",
        domains={"A": "symmetric"},
        assumptions=lambda A, b, x: [A == A.T],
        expert=r"A",
        backward=energy_hessian,
    ),
    Problem(
        name="trace-product",
        area=AREA,
        function=trace_product,
        shapes={"A": ("n", "m"), "X": ("m", "k"), "B": ("k", "n")},
        wrt="X",
        expert=r"A^\top B^\top",
        backward=trace_product_backward,
    ),
    Problem(
        name="trace-quadratic",
        area=AREA,
        function=trace_quadratic,
        shapes={"A": ("n", "n"), "X": ("n", "k")},
        wrt="X",
        expert=r"(A + A^\top) X",
        backward=trace_quadratic_backward,
    ),
    Problem(
        name="trace-bilinear-einsum",
        area=AREA,
        function=bilinear_trace,
        shapes={"X": ("n", "k"), "A": ("k", "k"), "B": ("n", "n")},
        wrt="X",
        expert=r"B X A^\top + B^\top X A",
        backward=bilinear_trace_backward,
        large={"n": 48, "k": 32},
    ),
    Problem(
        name="determinant",
        area=AREA,
        function=determinant,
        shapes={"X": ("n", "n")},
        wrt="X",
        domains={"X": "invertible"},
        expert=r"\det(X)\, X^{-\top}",
        backward=determinant_backward,
        large={"n": 48},
    ),
    Problem(
        name="log-determinant",
        area=AREA,
        function=log_determinant,
        shapes={"X": ("n", "n")},
        wrt="X",
        domains={"X": "invertible"},
        expert=r"X^{-\top}",
        backward=log_determinant_backward,
        large={"n": 192},
    ),
    Problem(
        name="log-determinant-gram",
        area=AREA,
        function=log_det_gram,
        shapes={"X": ("n", "d")},
        wrt="X",
        expert=r"2 X (X^\top X)^{-1}",
        backward=log_det_gram_backward,
        small=({"n": 4, "d": 3}, {"n": 5, "d": 2}),
        large={"n": 256, "d": 32},
    ),
    Problem(
        name="inverse-form",
        area=AREA,
        function=inverse_form,
        shapes={"X": ("n", "n"), "a": ("n",), "b": ("n",)},
        wrt="X",
        domains={"X": "invertible"},
        expert=r"-X^{-\top} a b^\top X^{-\top}",
        backward=inverse_form_backward,
        large={"n": 192},
    ),
    Problem(
        name="trace-inverse",
        area=AREA,
        function=trace_inverse,
        shapes={"X": ("n", "n"), "A": ("n", "n")},
        wrt="X",
        domains={"X": "invertible"},
        expert=r"-X^{-\top} A^\top X^{-\top}",
        backward=trace_inverse_backward,
        large={"n": 192},
    ),
    Problem(
        name="linear-solve",
        area=AREA,
        function=linear_solve,
        shapes={"A": ("n", "n"), "b": ("n",), "c": ("n",)},
        wrt="A",
        domains={"A": "invertible"},
        expert=r"-A^{-\top} c x^\top",
        backward=linear_solve_backward,
        large={"n": 192},
    ),
    Problem(
        name="implicit-layer",
        area=AREA,
        function=implicit_layer,
        shapes={"A": ("n", "n"), "b": ("n",), "y": ("n",)},
        wrt="b",
        domains={"A": "invertible"},
        expert=r"A^{-\top} (x - y)",
        backward=implicit_layer_backward,
        large={"n": 192},
    ),
    Problem(
        name="frobenius-norm",
        area=AREA,
        function=frobenius_norm,
        shapes={"X": ("n", "d")},
        wrt="X",
        expert=r"\frac{X}{\|X\|_F}",
        backward=frobenius_norm_backward,
    ),
    Problem(
        name="rayleigh-quotient",
        area=AREA,
        function=rayleigh_quotient,
        shapes={"A": ("n", "n"), "x": ("n",)},
        wrt="x",
        domains={"A": "symmetric"},
        assumptions=lambda A, x: [A == A.T],
        expert=r"\frac{2}{x^\top x} (A x - r x)",
        backward=rayleigh_quotient_backward,
    ),
    Problem(
        name="mahalanobis",
        area=AREA,
        function=mahalanobis,
        shapes={"x": ("d",), "mu": ("d",), "Sigma": ("d", "d")},
        wrt="x",
        domains={"Sigma": "positive definite"},
        assumptions=lambda x, mu, Sigma: [Sigma == Sigma.T],
        expert=r"\frac{1}{D} \Sigma^{-1} (x - \mu)",
        backward=mahalanobis_backward,
        large={"d": 128},
    ),
    Problem(
        name="cosine-similarity",
        area=AREA,
        function=cosine_similarity,
        shapes={"u": ("d",), "v": ("d",)},
        wrt="u",
        expert=r"\frac{v}{\|u\| \|v\|} - c \frac{u}{\|u\|^2}",
        backward=cosine_similarity_backward,
        large={"d": 4096},
    ),
    Problem(
        name="normalise-jacobian",
        area=AREA,
        function=normalise,
        shapes={"x": ("d",)},
        wrt="x",
        kind="jacobian",
        expert=r"\frac{1}{\|x\|} (I - y y^\top)",
        backward=normalise_jacobian,
    ),
    Problem(
        name="normalise-jvp",
        area=AREA,
        function=normalise,
        shapes={"x": ("d",)},
        wrt="x",
        kind="jvp",
        output="y",
        expert=r"\frac{1}{\|x\|} (\dot x - y y^\top \dot x)",
        backward=normalise_jvp,
        large={"d": 4096},
    ),
    Problem(
        name="log-sum-exp-hessian",
        area=AREA,
        function=log_sum_exp,
        shapes={"x": ("n",)},
        wrt="x",
        kind="hessian",
        expert=r"\operatorname{diag}(p) - p p^\top",
        where=r"p = \operatorname{softmax}(x)",
        backward=log_sum_exp_hessian,
    ),
    Problem(
        name="softmax-jacobian",
        area=AREA,
        function=softmax,
        shapes={"z": ("n",)},
        wrt="z",
        kind="jacobian",
        expert=r"\operatorname{diag}(p) - p p^\top",
        backward=softmax_jacobian,
    ),
    Problem(
        name="softmax-vjp",
        area=AREA,
        function=softmax,
        shapes={"z": ("n",)},
        wrt="z",
        kind="vjp",
        output="p",
        expert=r"p \odot (\bar p - p^\top \bar p)",
        backward=softmax_vjp,
        large={"n": 4096},
    ),
    Problem(
        name="softmax-jvp",
        area=AREA,
        function=softmax,
        shapes={"z": ("n",)},
        wrt="z",
        kind="jvp",
        output="p",
        expert=r"p \odot (\dot z - p^\top \dot z)",
        backward=softmax_jvp,
        large={"n": 4096},
    ),
    Problem(
        name="rosenbrock",
        area=AREA,
        function=rosenbrock,
        shapes={"x": ("n",)},
        wrt="x",
        entry=r"\bar x_i",
        expert=r"[i > 0]\, 200 (x_i - x_{i-1}^2) - [i < n - 1] \bigl(400 (x_{i+1} - x_i^2) x_i + 2 (1 - x_i)\bigr)",
        backward=rosenbrock_backward,
        large={"n": 4096},
    ),
    Problem(
        name="sharpe-ratio",
        area=AREA,
        function=sharpe_ratio,
        shapes={"w": ("d",), "mu": ("d",), "Sigma": ("d", "d")},
        wrt="w",
        domains={"Sigma": "positive definite"},
        assumptions=lambda w, mu, Sigma: [Sigma == Sigma.T],
        expert=r"\frac{\mu}{s} - \frac{\mu^\top w}{s^3} \Sigma w",
        backward=sharpe_ratio_backward,
        large={"d": 192},
    ),
    Problem(
        name="deep-linear",
        area=AREA,
        function=product_chain,
        shapes={"W1": ("k", "d"), "W2": ("m", "k"), "W3": ("o", "m"), "x": ("d",), "y": ("o",)},
        wrt="W2",
        expert=r"W_3^\top r\, x^\top W_1^\top",
        backward=product_chain_backward,
    ),
)
