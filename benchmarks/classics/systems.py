"""Filters, transport, projections, graphs, flows and control, and more of the Matrix Cookbook."""

import numpy as np
from scipy.special import expit

from benchmarks.classics.problem import Problem

AREA = "systems"


def softmax_rows(S):
    E = np.exp(S - S.max(axis=1, keepdims=True))
    return E / E.sum(axis=1, keepdims=True)


def kalman_innovation(x, P, H, R, z):
    """The innovation of a Kalman filter, weighted."""
    S = H @ P @ H.T + R
    e = z - H @ x
    return 0.5 * e @ np.linalg.solve(S, e)


def kalman_innovation_backward(x, P, H, R, z):
    return -H.T @ np.linalg.solve(H @ P @ H.T + R, z - H @ x)


def posterior_covariance(K, P, H, R):
    """The trace of the covariance after an update with gain K."""
    A = np.eye(len(P)) - K @ H
    return np.trace(A @ P @ A.T + K @ R @ K.T)


def posterior_covariance_backward(K, P, H, R):
    A = np.eye(len(P)) - K @ H
    return 2 * (K @ R - A @ P @ H.T)


def sinkhorn_step(C, b, v, eps):
    """The dual of entropic transport after a step that matches the rows."""
    K = np.exp(-C / eps)
    return -eps * np.sum(np.log(K @ v)) + eps * np.sum(b * np.log(v))


def sinkhorn_step_backward(C, b, v, eps):
    K = np.exp(-C / eps)
    return eps * (b / v - K.T @ (1 / (K @ v)))


def entropic_transport(C, T, eps):
    return np.sum(C * T) + eps * np.sum(T * (np.log(T) - 1))


def entropic_transport_backward(C, T, eps):
    return C + eps * np.log(T)


def pca_variance(S, w):
    return w @ S @ w / (w @ w)


def pca_variance_backward(S, w):
    q = w @ S @ w / (w @ w)
    return 2 * (S @ w - q * w) / (w @ w)


def fisher_discriminant(B, W, w):
    J = (w @ B @ w) / (w @ W @ w)
    return J


def fisher_discriminant_backward(B, W, w):
    s = w @ W @ w
    return 2 / s * (B @ w - (w @ B @ w) / s * (W @ w))


def canonical_correlation(A, B, C, u, v):
    """The correlation of two projections; A and B are the covariances, C the one between."""
    a = np.sqrt(u @ A @ u)
    b = np.sqrt(v @ B @ v)
    rho = u @ C @ v / (a * b)
    return rho


def canonical_correlation_backward(A, B, C, u, v):
    a, b = np.sqrt(u @ A @ u), np.sqrt(v @ B @ v)
    rho = u @ C @ v / (a * b)
    return C @ v / (a * b) - rho / a**2 * (A @ u)


def slow_features(X, w):
    D = X[1:] - X[:-1]
    s = D @ w
    return 0.5 * s @ s


def slow_features_backward(X, w):
    D = X[1:] - X[:-1]
    return D.T @ (D @ w)


def burgers_residual(u, nu, h):
    """A physics-informed residual on a grid in one dimension."""
    c = u[1:-1]
    r = c * (u[2:] - u[:-2]) / (2 * h) - nu * (u[2:] - 2 * c + u[:-2]) / h**2
    return 0.5 * np.sum(r**2)


def burgers_residual_backward(u, nu, h):
    c = u[1:-1]
    r = c * (u[2:] - u[:-2]) / (2 * h) - nu * (u[2:] - 2 * c + u[:-2]) / h**2
    g = np.zeros_like(u)
    g[1:-1] += r * ((u[2:] - u[:-2]) / (2 * h) + 2 * nu / h**2)
    g[2:] += r * (c / (2 * h) - nu / h**2)
    g[:-2] += r * (-c / (2 * h) - nu / h**2)
    return g


def heat_residual(A, u, f):
    r = A @ u - f
    return 0.5 * r @ r


def heat_residual_backward(A, u, f):
    return A.T @ (A @ u - f)


def graph_layer(A, H, W, Y):
    """A layer of a graph network with the squared error."""
    Z = A @ H @ W
    F = np.maximum(Z, 0)
    return 0.5 * np.sum((F - Y) ** 2)


def graph_layer_backward(A, H, W, Y):
    AH = A @ H
    Z = AH @ W
    return AH.T @ ((np.maximum(Z, 0) - Y) * (Z > 0))


def graph_attention(H, W, M):
    """Messages weighted by a bilinear attention."""
    S = H @ W @ H.T
    P = np.exp(S) / np.exp(S).sum(axis=1, keepdims=True)
    return np.sum(M * (P @ H))


def graph_attention_backward(H, W, M):
    P = softmax_rows(H @ W @ H.T)
    G = M @ H.T
    return H.T @ (P * (G - (P * G).sum(axis=1, keepdims=True))) @ H


def affine_coupling(x, y, s, t):
    """The likelihood of one coupling layer."""
    z = y * np.exp(s) + t
    return np.sum(0.5 * z**2 - s)


def affine_coupling_backward(x, y, s, t):
    z = y * np.exp(s) + t
    return z * y * np.exp(s) - 1


def radial_flow(z, c, alpha, beta):
    d = z - c
    r = np.sqrt(d @ d)
    h = 1 / (alpha + r)
    return np.sum(z + beta * h * d)


def radial_flow_backward(z, c, alpha, beta):
    d = z - c
    r = np.sqrt(d @ d)
    h = 1 / (alpha + r)
    return 1 + beta * h - beta * h**2 * d.sum() * d / r


def temporal_difference(X, Y, w, r, gamma):
    """The squared error of Bellman's equation, the target moving too."""
    e = X @ w - (r + gamma * (Y @ w))
    return 0.5 * np.mean(e**2)


def temporal_difference_backward(X, Y, w, r, gamma):
    e = X @ w - (r + gamma * (Y @ w))
    return (X - gamma * Y).T @ e / len(r)


def actor_entropy(z, q, alpha):
    """The value of a softmax policy with a bonus for its entropy."""
    p = np.exp(z) / np.exp(z).sum()
    J = np.sum(p * q) - alpha * np.sum(p * np.log(p))
    return J


def actor_entropy_backward(z, q, alpha):
    p = softmax_rows(z[None])[0]
    a = q - alpha * np.log(p)
    return p * (a - p @ a)


def linear_quadratic(x, K, A, B, Q, R):
    """One step of a linear regulator."""
    u = -K @ x
    y = A @ x + B @ u
    return u @ R @ u + y @ Q @ y


def linear_quadratic_backward(x, K, A, B, Q, R):
    u = -K @ x
    y = A @ x + B @ u
    return -2 * np.outer(R @ u + B.T @ Q @ y, x)


def trace_cubed(X):
    return np.trace(X @ X @ X)


def trace_cubed_backward(X):
    return 3 * (X @ X).T


def trace_sandwich(A, X, B):
    return np.trace(A @ X @ B @ X.T)


def trace_sandwich_backward(A, X, B):
    return A.T @ X @ B.T + A @ X @ B


def inverse_product(A, X, B):
    return np.trace(A @ np.linalg.inv(X) @ B)


def inverse_product_backward(A, X, B):
    Y = np.linalg.inv(X)
    return -(Y @ B @ A @ Y).T


def gram_determinant(X, A):
    return np.linalg.slogdet(X.T @ A @ X)[1]


def gram_determinant_backward(X, A):
    return 2 * A @ X @ np.linalg.inv(X.T @ A @ X)


def procrustes(A, B, R, s):
    D = s * A @ R - B
    return np.sum(D**2)


def procrustes_backward(A, B, R, s):
    return 2 * np.sum((s * A @ R - B) * (A @ R))


def matern(x, y, length):
    """The Matern kernel of order 3/2 between two points."""
    r = np.sqrt(np.sum((x - y) ** 2))
    a = np.sqrt(3) * r / length
    return (1 + a) * np.exp(-a)


def matern_backward(x, y, length):
    a = np.sqrt(3) * np.sqrt(np.sum((x - y) ** 2)) / length
    return a**2 * np.exp(-a) / length


def maximum_mean_discrepancy(X, Y):
    K = np.exp(-0.5 * ((X[:, None] - Y[None]) ** 2).sum(axis=2))
    return -2 * K.mean()


def maximum_mean_discrepancy_backward(X, Y):
    K = np.exp(-0.5 * ((X[:, None] - Y[None]) ** 2).sum(axis=2))
    return 2 / K.size * (K.sum(axis=1, keepdims=True) * X - K @ Y)


def hopfield(x, M, beta):
    """The energy of a modern Hopfield network."""
    a = beta * (M @ x)
    return 0.5 * x @ x - np.log(np.exp(a).sum()) / beta


def hopfield_backward(x, M, beta):
    p = softmax_rows((beta * (M @ x))[None])[0]
    return x - M.T @ p


def neural_tangent(x, W, a):
    """A layer of the width k with its scaling."""
    k = len(a)
    h = np.tanh(W @ x)
    return a @ h / np.sqrt(k)


def neural_tangent_backward(x, W, a):
    h = np.tanh(W @ x)
    return np.outer(a * (1 - h**2), x) / np.sqrt(len(a))


def gated_recurrence(x, h, W, U):
    """A minimal gated unit."""
    f = expit(W @ x)
    c = np.tanh(U @ x)
    y = (1 - f) * h + f * c
    return 0.5 * y @ y


def gated_recurrence_backward(x, h, W, U):
    f, c = expit(W @ x), np.tanh(U @ x)
    y = (1 - f) * h + f * c
    return np.outer(y * (c - h) * f * (1 - f), x)


SQUARE = {"A": ("n", "n"), "X": ("n", "n"), "B": ("n", "n")}


def problem(function, wrt, shapes, expert, backward, **options):
    """A row whose name is that of its function."""
    name = options.pop("name", function.__name__.replace("_", "-"))
    return Problem(
        name=name, area=AREA, function=function, shapes=shapes, wrt=wrt, expert=expert, backward=backward, **options
    )


def softened_gravity(x, q, G):
    d = x[:, None] - x[None]
    r = np.sqrt((d**2).sum(-1) + 0.01)
    return -0.5 * G * np.einsum("i,j,ij->", q, q, 1 / r)


def softened_gravity_backward(x, q, G):
    sq = np.einsum("nd,nd->n", x, x)
    W = q[:, None] * q * (sq[:, None] + sq - 2 * x @ x.T + 0.01) ** -1.5
    return G * (W.sum(axis=1)[:, None] * x - W @ x)


def heat_step(u, k):
    lap = np.roll(u, 1, 0) + np.roll(u, -1, 0) + np.roll(u, 1, 1) + np.roll(u, -1, 1) - 4 * u
    y = u + k * lap
    return y


def heat_step_vjp(u, k, d_y):
    around = np.roll(d_y, 1, 0) + np.roll(d_y, -1, 0) + np.roll(d_y, 1, 1) + np.roll(d_y, -1, 1)
    return (1 - 4 * k) * d_y + k * around


def policy_log_likelihood(S, theta, A, G):
    logits = S @ theta
    logp = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return -np.sum(G * np.sum(A * logp, axis=1))


def policy_log_likelihood_backward(S, theta, A, G):
    P = S @ theta
    P = np.exp(P - P.max(axis=1, keepdims=True))
    P /= P.sum(axis=1, keepdims=True)
    return S.T @ (G[:, None] * (P - A))


PROBLEMS = (
    problem(
        kalman_innovation, "x",
        {"x": ("n",), "P": ("n", "n"), "H": ("m", "n"), "R": ("m", "m"), "z": ("m",)},
        r"-H^\top S^{-1} e", kalman_innovation_backward,
        domains={"P": "positive definite", "R": "positive definite"},
    ),
    problem(
        posterior_covariance, "K",
        {"K": ("n", "m"), "P": ("n", "n"), "H": ("m", "n"), "R": ("m", "m")},
        r"2 (K R - A P H^\top)", posterior_covariance_backward,
        domains={"P": "positive definite", "R": "positive definite"},
    ),
    problem(
        sinkhorn_step, "v", {"C": ("m", "n"), "b": ("n",), "v": ("n",), "eps": ()},
        r"\varepsilon \Bigl(\frac{b}{v} - K^\top \frac{1}{K v}\Bigr)", sinkhorn_step_backward,
        domains={"b": "positive", "v": "positive", "eps": "positive"},
    ),
    problem(
        entropic_transport, "T", {"C": ("m", "n"), "T": ("m", "n"), "eps": ()},
        r"C + \varepsilon \log T", entropic_transport_backward,
        domains={"T": "positive", "eps": "positive"},
    ),
    problem(
        pca_variance, "w", {"S": ("n", "n"), "w": ("n",)},
        r"\frac{2}{w^\top w} (S w - q w)", pca_variance_backward,
        where=r"q = \frac{w^\top S w}{w^\top w}", domains={"S": "symmetric"},
    ),
    problem(
        fisher_discriminant, "w", {"B": ("n", "n"), "W": ("n", "n"), "w": ("n",)},
        r"\frac{2}{w^\top W w} (B w - J W w)", fisher_discriminant_backward,
        domains={"B": "symmetric", "W": "positive definite"},
    ),
    problem(
        canonical_correlation, "u",
        {"A": ("n", "n"), "B": ("m", "m"), "C": ("n", "m"), "u": ("n",), "v": ("m",)},
        r"\frac{1}{a b} C v - \frac{\rho}{a^2} A u", canonical_correlation_backward,
        domains={"A": "positive definite", "B": "positive definite"},
    ),
    problem(slow_features, "w", {"X": ("n", "d"), "w": ("d",)}, r"D^\top s", slow_features_backward),
    problem(
        burgers_residual, "u", {"u": ("n",), "nu": (), "h": ()},
        r"r_{i-1} \Bigl(\frac{u_{i+1} - u_{i-1}}{2 h} + \frac{2 \nu}{h^2}\Bigr) [1 \le i < n - 1] + "
        r"r_{i-2} \Bigl(\frac{u_{i-1}}{2 h} - \frac{\nu}{h^2}\Bigr) [i \ge 2] - "
        r"r_i \Bigl(\frac{u_{i+1}}{2 h} + \frac{\nu}{h^2}\Bigr) [i < n - 2]",
        burgers_residual_backward,
        domains={"nu": "positive", "h": "positive"},
        small=({"n": 5}, {"n": 6}),
    ),
    problem(
        heat_residual, "u", {"A": ("m", "n"), "u": ("n",), "f": ("m",)}, r"A^\top r", heat_residual_backward
    ),
    problem(
        graph_layer, "W", {"A": ("n", "n"), "H": ("n", "d"), "W": ("d", "k"), "Y": ("n", "k")},
        r"H^\top A^\top ((F - Y) \odot [Z > 0])", graph_layer_backward,
    ),
    problem(
        graph_attention, "W", {"H": ("n", "d"), "W": ("d", "d"), "M": ("n", "d")},
        r"H^\top (P \odot (G - \operatorname{diag}((P \odot G) \mathbf 1) \mathbf 1 \mathbf 1^\top)) H",
        graph_attention_backward,
        where=r"G = M H^\top",
    ),
    problem(
        affine_coupling, "s", {"x": ("n",), "y": ("n",), "s": ("n",), "t": ("n",)},
        r"z \odot (z - t) - 1", affine_coupling_backward,
    ),
    problem(
        radial_flow, "z", {"z": ("n",), "c": ("n",), "alpha": (), "beta": ()},
        r"(1 + \beta h) \mathbf 1 - \frac{\beta h^2 \mathbf 1^\top d}{r} d", radial_flow_backward,
        domains={"alpha": "positive"},
    ),
    problem(
        temporal_difference, "w",
        {"X": ("n", "d"), "Y": ("n", "d"), "w": ("d",), "r": ("n",), "gamma": ()},
        r"\frac{1}{n} (X - \gamma Y)^\top e", temporal_difference_backward,
    ),
    problem(
        actor_entropy, "z", {"z": ("k",), "q": ("k",), "alpha": ()},
        r"p \odot (q - \alpha \log p - J)", actor_entropy_backward,
    ),
    problem(
        linear_quadratic, "K",
        {"x": ("n",), "K": ("m", "n"), "A": ("n", "n"), "B": ("n", "m"), "Q": ("n", "n"), "R": ("m", "m")},
        r"-2 (R u + B^\top Q y) x^\top", linear_quadratic_backward,
        domains={"Q": "symmetric", "R": "symmetric"},
    ),
    problem(trace_cubed, "X", {"X": ("n", "n")}, r"3 (X^\top)^2", trace_cubed_backward),
    problem(
        trace_sandwich, "X", {"A": ("n", "n"), "X": ("n", "m"), "B": ("m", "m")},
        r"A^\top X B^\top + A X B", trace_sandwich_backward,
    ),
    problem(
        inverse_product, "X", SQUARE, r"-X^{-\top} A^\top B^\top X^{-\top}", inverse_product_backward,
        domains={"X": "invertible"},
    ),
    problem(
        gram_determinant, "X", {"X": ("n", "m"), "A": ("n", "n")},
        r"2 A X (X^\top A X)^{-1}", gram_determinant_backward,
        domains={"A": "positive definite"}, small=({"n": 4, "m": 3}, {"n": 5, "m": 2}),
    ),
    problem(
        procrustes, "s", {"A": ("n", "d"), "B": ("n", "d"), "R": ("d", "d"), "s": ()},
        r"2 \operatorname{tr}(D^\top A R)", procrustes_backward,
    ),
    problem(
        matern, "length", {"x": ("d",), "y": ("d",), "length": ()},
        r"\frac{a^2 e^{-a}}{\mathrm{length}}", matern_backward, domains={"length": "positive"},
    ),
    problem(
        maximum_mean_discrepancy, "X", {"X": ("n", "d"), "Y": ("m", "d")},
        r"\frac{2}{n m} (\operatorname{diag}(K \mathbf 1) X - K Y)", maximum_mean_discrepancy_backward,
    ),
    problem(
        hopfield, "x", {"x": ("d",), "M": ("n", "d"), "beta": ()},
        r"x - M^\top \operatorname{softmax}(a)", hopfield_backward, domains={"beta": "positive"},
    ),
    problem(
        neural_tangent, "W", {"x": ("d",), "W": ("k", "d"), "a": ("k",)},
        r"\frac{1}{\sqrt{k}} (a \odot (1 - h^2)) x^\top", neural_tangent_backward,
    ),
    problem(
        gated_recurrence, "W", {"x": ("d",), "h": ("k",), "W": ("k", "d"), "U": ("k", "d")},
        r"(y \odot (c - h) \odot f \odot (1 - f)) x^\top", gated_recurrence_backward,
    ),
    problem(
        softened_gravity, "x", {"x": ("n", 3), "q": ("n",), "G": ()},
        r"G q_i \sum_j \frac{q_j (x_i - x_j)}{r_{ij}^3}", softened_gravity_backward, domains={"q": "positive"},
    ),
    problem(
        heat_step, "u", {"u": ("n", "m"), "k": ()},
        r"\bar y_{ij} + k (\bar y_{i+1,j} + \bar y_{i-1,j} + \bar y_{i,j+1} + \bar y_{i,j-1} - 4 \bar y_{ij}),"
        r" \quad \text{indices} \bmod (n, m)",
        heat_step_vjp, kind="vjp", output="y",
    ),
    problem(
        policy_log_likelihood, "theta", {"S": ("t", "d"), "theta": ("d", "a"), "A": ("t", "a"), "G": ("t",)},
        r"S^\top \operatorname{diag}(G) (\operatorname{softmax}(\mathrm{logits}) - A)",
        policy_log_likelihood_backward, domains={"A": "one-hot"},
    ),
)  # fmt: skip
