"""Losses of networks of which theory knows critical points: their values, indices and nullities, often the spectrum.

The loss is half the sum of squared errors, if nothing else is said. The three most important functions are
``networks`` (all of them by name, those that are linear too), ``tanh_at_origin`` and ``xor``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.critical_functions.linear_networks import Stated, Theory, linear_network, symmetric_factorisation
from verify.critical.losses.networks import apply, flat_loss
from verify.layers import affine, mse, mul, sigmoid, tanh

__all__ = ["Stated", "Theory", "networks", "tanh_at_origin", "two_weights", "xor"]

Array = NDArray[np.float64]


def tanh_at_origin(X: Array, Y: Array, h: int, biases: str = "none") -> Theory:
    r"""One hidden layer of h units with tanh, where all weights are 0; ``biases``: ``none``, ``hidden`` or ``both``.

    The output bias, if there is one, is the mean of the targets. Only products of an output weight and a weight of
    the same unit are left of second order, with the factors :math:`-C`, :math:`C = \tilde X^\top (Y - \hat Y)`, where
    X̃ has a column of ones for a hidden bias. With the singular values s_1 … s_k of C that are not 0, every unit has
    the eigenvalues ±s_i and, for d̃ columns of X̃ and c outputs, d̃ + c - 2k zeros; the output bias has N, c times.
    So index = h k and nullity = h (d̃ + c - 2k). For one output, C being not 0, the index is h, and the nullity is

        h (d - 1) without biases,   h d with hidden biases (with an output bias, or without).

    Shapes: X (N, d), Y (N, c).
    """
    N, d = X.shape
    c = Y.shape[1]
    inputs = np.hstack([X, np.ones((N, 1))]) if biases != "none" else X
    mean = Y.mean(axis=0) if biases == "both" else np.zeros(c)
    zeros = {"W1": np.zeros((d, h)), "W2": np.zeros((h, c))}
    hidden = apply(affine, X, "W1", *(["b1"] if biases != "none" else []))
    zeros |= {"b1": np.zeros(h)} if biases != "none" else {}
    zeros |= {"b2": mean} if biases == "both" else {}
    output = apply(affine, apply(tanh, hidden), "W2", *(["b2"] if biases == "both" else []))
    loss = flat_loss(apply(mse, output, Y, reduction="sum", half=True), zeros)
    s = np.linalg.svd(inputs.T @ (Y - mean), compute_uv=False)
    s = s[s > 1e-10 * max(float(s[0]), float(np.linalg.norm(Y)))]
    nullity = h * (inputs.shape[1] + c - 2 * len(s))
    spectrum = [*s, *-s] * h + [0.0] * nullity + [float(N)] * (c if biases == "both" else 0)
    point = Stated(
        name="all weights 0",
        x=loss.start,
        value=0.5 * float(np.sum((Y - mean) ** 2)),
        index=h * len(s),
        nullity=nullity,
        eigenvalues=np.sort(np.array(spectrum)),
    )
    return Theory(f"tanh network, biases: {biases}", loss, (point,), "derived here")


XOR_INPUTS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
XOR_TARGETS = np.array([[0.0], [1.0], [1.0], [0.0]])


def xor() -> Theory:
    r"""XOR by two hidden units and one output, all sigmoid, with biases: nine parameters.

    Where no hidden unit sees its inputs (W1 = 0), with any biases β and output weights ω, and b2 = -ω·σ(β), every
    output is ½ and the loss ½. Such a point is critical, since Σ (o - t) and Σ (o - t) x vanish, and there is a way
    down to 0 from all of them. With α_j = ω_j σ'(β_j) and κ_j = ω_j σ''(β_j) the quadratic form of the Hessian is

    .. math:: \frac1{16} \sum_n (s + u \cdot x_n)^2 + \frac14 \sum_j \kappa_j\, \delta w_{j1}\, \delta w_{j2},
       \qquad u = \sum_j \alpha_j\, \delta w_j

    where s moves the output alike for all inputs. By s, and by sums and differences of the two weights of a unit, it
    falls apart into a positive square, ½(ααᵀ/8 + diag κ/4) and ½(ααᵀ/8 - diag κ/4), and four zeros: index and nullity
    are those of two matrices of 2 × 2. At the origin α and κ vanish: one eigenvalue is 4 (1/4)² |(½, ½, 1)|² = 3/8,
    the other eight are 0, and along ``escape`` the loss falls by 3/32 t⁴.
    Reference: Sprinkhuizen-Kuyper, Boers (1999), The local minima of the error surface of the 2-2-1 XOR network; the
    index is derived here.
    """
    shapes = {"W1": (2, 2), "b1": (2,), "W2": (2, 1), "b2": (1,)}
    hidden = apply(sigmoid, apply(affine, XOR_INPUTS, "W1", "b1"))
    output = apply(sigmoid, apply(affine, hidden, "W2", "b2"))
    zeros = {name: np.zeros(shape) for name, shape in shapes.items()}
    loss = flat_loss(apply(mse, output, XOR_TARGETS, reduction="sum", half=True), zeros)
    escape = {"W1": [[2.0, 1.0], [2.0, 1.0]], "b1": [0.0, 0.0], "W2": [[1.0], [-2.0]], "b2": [0.5]}
    points = [
        Stated(
            name="all weights 0",
            x=loss.start,
            value=0.5,
            index=0,
            nullity=8,
            eigenvalues=np.array([0.0] * 8 + [0.375]),
            escape=loss.pack({name: np.array(value) for name, value in escape.items()}),
        )
    ]
    for beta, omega in (((1.0, -0.5), (2.0, 1.0)), ((1.0, -0.5), (2.0, -7.0)), ((0.4, 0.6), (9.0, 8.0))):
        y = 1 / (1 + np.exp(-np.array(beta)))
        alpha, kappa = omega * y * (1 - y), omega * y * (1 - y) * (1 - 2 * y)
        blocks = [np.outer(alpha, alpha) / 8 + sign * np.diag(kappa) / 4 for sign in (1, -1)]
        eigenvalues = np.linalg.eigvalsh(blocks).ravel()
        parts = {"W1": np.zeros((2, 2)), "b1": np.array(beta), "W2": np.array(omega)[:, None], "b2": [-(y @ omega)]}
        name = f"W1 = 0, biases {beta}, output weights {omega}"
        points.append(Stated(name, loss.pack(parts), 0.5, int(np.sum(eigenvalues < 0)), 4))
    return Theory("XOR, 2-2-1", loss, tuple(points), "Sprinkhuizen-Kuyper, Boers (1999)")


def two_weights() -> Theory:
    """The loss (1 - w₁w₂)²: a saddle at the origin, eigenvalues ±2; minima on the hyperbola w₁w₂ = 1.

    There the eigenvalues are 0 along the hyperbola and 2(w₁² + w₂²) across: the valley is as sharp as one likes.
    """
    zeros = {"w1": np.array(0.0), "w2": np.array(0.0)}
    loss = flat_loss(apply(mse, apply(mul, "w1", "w2"), 1.0, reduction="sum"), zeros)
    points = [Stated("origin", np.zeros(2), 1.0, 1, 0, np.array([-2.0, 2.0]))]
    for w in (-4.0, 0.5, 1.0):
        x = np.array([w, 1 / w])
        points.append(Stated(f"hyperbola at {w:g}", x, 0.0, 0, 1, np.array([0.0, 2 * float(x @ x)]), minimum=True))
    every = "the origin and the hyperbola are all"
    return Theory("two weights", loss, tuple(points), "derived here", every)


# -------------------------------------------------------------------------------------------------------- all of them


def networks(seed: int = 0) -> dict[str, Theory]:
    """All of them, by name, on random data."""
    rng = np.random.default_rng(seed)

    def normal(*shape: int) -> Array:
        return np.asarray(rng.normal(size=shape))

    def with_spectrum(m: int, n: int, *sigma: float) -> Array:
        left, right = (np.linalg.qr(normal(k, k))[0] for k in (m, n))
        return np.asarray(left[:, : len(sigma)] * sigma @ right[:, : len(sigma)].T)

    X, Y = normal(9, 4), normal(9, 3)
    eigenvectors = np.linalg.qr(normal(4, 4))[0]
    M = eigenvectors * [3.0, 1.5, 0.5, -1.0] @ eigenvectors.T
    found = [
        linear_network(X, Y, (2,), "two-layer linear network"),
        linear_network(X, Y, (3,), "two-layer linear network, as wide as its output"),
        linear_network(normal(8, 3), normal(8, 3), (2,), "two-layer linear network, square"),
        linear_network(np.eye(4), with_spectrum(4, 3, 3.0, 2.0, 0.7), (2,), "matrix factorisation"),
        linear_network(np.eye(3), with_spectrum(3, 3, 2.5, 1.2, 0.4), (4,), "matrix factorisation, wide"),
        linear_network(np.eye(4), with_spectrum(4, 3, 2.0, 0.8), (3,), "matrix factorisation, target of rank 2"),
        linear_network(X, Y, (3, 2), "deep linear network, 3 layers"),
        linear_network(np.eye(3), with_spectrum(3, 3, 2.2, 1.3, 0.6), (2, 2), "deep linear network, orthonormal"),
        linear_network(np.eye(2), with_spectrum(2, 2, 1.9, 0.8), (2, 3, 2), "deep linear network, 4 layers"),
        symmetric_factorisation((M + M.T) / 2, 2),
        *(tanh_at_origin(normal(7, 3), normal(7, 1), 4, biases) for biases in ("none", "hidden", "both")),
        tanh_at_origin(normal(7, 4), normal(7, 2), 3, "both"),
        xor(),
        two_weights(),
    ]
    names = [one.name for one in found]
    names[-3] += ", two outputs"
    return dict(zip(names, found, strict=True))
