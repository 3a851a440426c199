"""Losses of networks of which theory knows critical points: their values, indices and nullities, often the spectrum.

What is said of a point follows from singular values and counting alone; no Hessian is computed here. The loss is half
the sum of squared errors, if nothing else is said.

Data
    ``Stated``  what theory says of one critical point.
    ``Theory``  a loss, its stated points, and whether these are all, up to symmetry.

The three most important functions are ``linear_network`` (of any depth: Baldi and Hornik, Kawaguchi, matrix
factorisation), ``tanh_at_origin`` and ``networks`` (all of them by name).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from verify.critical.networks import FlatLoss, apply, flat_loss
from verify.layer import Case, Layer
from verify.layers import affine, mse, mul, sigmoid, tanh

__all__ = [
    "Stated",
    "Theory",
    "linear_network",
    "networks",
    "symmetric_factorisation",
    "tanh_at_origin",
    "two_weights",
    "xor",
]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Stated:
    """What theory says of one critical point.

    ``minimum`` says that it is a global one. Shapes: x (n); eigenvalues (n) ascending, where theory gives them;
    escape (n), a direction in which the loss falls where no eigenvalue is negative and the point is no minimum.
    """

    name: str
    x: Array
    value: float
    index: int
    nullity: int
    eigenvalues: Array | None = None
    escape: Array | None = None
    minimum: bool = False


@dataclass(frozen=True, eq=False)
class Theory:
    """A loss and its stated points; ``all_points`` says in which sense there are no others, if it is so."""

    name: str
    loss: FlatLoss
    points: tuple[Stated, ...]
    reference: str
    all_points: str = ""


# ---------------------------------------------------------------------------------------------------- linear networks


def linear_network(X: Array, Y: Array, widths: Sequence[int], name: str = "linear network") -> Theory:
    r"""The loss :math:`\frac12\|X W_1 \cdots W_D - Y\|^2` with hidden layers of these widths.

    Let X = QR and let QᵀY = P diag(σ) Vᵀ have ρ singular values that are not 0, all different. For every set I of at
    most min(ρ, narrowest width) of them there is a critical point with the product R⁻¹ P_I diag(σ_I) V_Iᵀ, at which
    every layer carries |I| = r channels of weight σ^(1/D); its value is ½(‖Y‖² - Σ_I σ²).

    Second derivatives fall apart into blocks of at most D numbers. For l in I and j outside, j ≤ ρ, one block has the
    eigenvalues σ_l^((D-2)/D) (σ_l ± σ_j): negative for σ_j > σ_l. Each pair in I² brings one positive eigenvalue and
    D - 1 zeros; directions of inputs or outputs beyond ρ bring (d - ρ) r and (c - ρ) r positive ones. A channel that
    is 0 is joined to σ_j by two layers: for D = 2 the eigenvalues are ±σ_j, for D > 2 all its eigenvalues are 0, and
    only the D-th derivative shows that the loss falls along it. So for D = 2

        index = #{(l, j): σ_j > σ_l} + (p - r)(ρ - r),   nullity = r² + 2 r (p - r) + (p - r)(d + c - 2ρ),

    and for D > 2 the index is the first term alone: where I holds the largest singular values the Hessian has no
    negative eigenvalue, although only r = min(ρ, p) is a minimum. At the origin it is 0.

    The spectrum itself is stated where R is the identity up to signs; else the index and the nullity are the same, by
    Sylvester's law.
    Shapes: X (N, d) of rank d, Y (N, c).
    Reference: Baldi, Hornik (1989), Neural networks and principal component analysis: Learning from examples without
    local minima; Kawaguchi (2016), Deep learning without poor local minima. Blocks and counts are derived here.
    """
    d, c, depth, narrow = X.shape[1], Y.shape[1], len(widths) + 1, min(widths)
    sizes = (d, *widths, c)
    weights = [f"W{k + 1}" for k in range(depth)]
    output = apply(affine, X, weights[0])
    for weight in weights[1:]:
        output = apply(affine, output, weight)
    shapes = list(pairwise(sizes))
    zeros = {name: np.zeros(shape) for name, shape in zip(weights, shapes, strict=True)}
    loss = flat_loss(apply(mse, output, Y, reduction="sum", half=True), zeros)

    Q, R = np.linalg.qr(X)
    P, sigma, Vt = np.linalg.svd(Q.T @ Y)
    rank = int(np.sum(sigma > 1e-10 * sigma[0]))
    whitened = bool(np.allclose(np.abs(R), np.eye(d), atol=1e-12))

    def channels(chosen: Sequence[int], size: float = 1.0, first: int = 0) -> dict[str, Array]:
        """The layers that carry the chosen singular values, the first of them in this channel."""
        layers = [np.zeros(shape) for shape in shapes]
        for k, i in enumerate(chosen):
            root, at = size * sigma[i] ** (1 / depth), first + k
            layers[0][:, at] = root * np.linalg.solve(R, P[:, i])
            for layer in layers[1:-1]:
                layer[at, at] = root
            layers[-1][at] = root * Vt[i]
        return dict(zip(weights, layers, strict=True))

    points = []
    for r in range(min(rank, narrow) + 1):
        for chosen in combinations(range(rank), r):
            spectrum = linear_spectrum(sigma[:rank], chosen, sizes)
            inside = list(sigma[list(chosen)])
            outside = [j for j in range(rank) if j not in chosen]
            index = sum(sigma[j] > s for j in outside for s in inside)
            if depth == 2:
                index += (narrow - r) * (rank - r)
                nullity = r * r + 2 * r * (narrow - r) + (narrow - r) * (d + c - 2 * rank)
            else:
                positive = r * (rank - r) + sum(sigma[j] < s for j in outside for s in inside)
                nullity = loss.dimension - int(index) - int(positive) - r * (d + c - 2 * rank + r)
            full = r == min(rank, narrow)
            points.append(
                Stated(
                    name=f"singular values {', '.join(str(i + 1) for i in chosen) or 'none'}",
                    x=loss.pack(channels(chosen)),
                    value=0.5 * (float(np.sum(Y * Y)) - float(np.sum(sigma[list(chosen)] ** 2))),
                    index=int(index),
                    nullity=int(nullity),
                    eigenvalues=spectrum if whitened else None,
                    escape=loss.pack(channels(outside[:1], 1.0, r)) if not index and not full else None,
                    minimum=full and not index,
                )
            )
    every = "every critical point is one of these, times an invertible matrix and its inverse between the layers"
    return Theory(
        name,
        loss,
        tuple(points),
        "Baldi, Hornik (1989)" if depth == 2 else "Kawaguchi (2016)",
        every if depth == 2 and d == c == rank else "",
    )


def linear_spectrum(sigma: Array, chosen: Sequence[int], sizes: Sequence[int]) -> Array:
    """All eigenvalues of the Hessian at the balanced point of these singular values, for orthonormal inputs."""
    d, c, depth, narrow = sizes[0], sizes[-1], len(sizes) - 1, min(sizes[1:-1])
    total = sum(a * b for a, b in pairwise(sizes))
    inside, rank, r = sigma[list(chosen)], len(sigma), len(chosen)
    outside = [s for j, s in enumerate(sigma) if j not in chosen]
    root = inside ** (1 / depth)
    found = [t ** (depth - 2) * (s + sign * o) for t, s in zip(root, inside, strict=True) for o in outside
             for sign in (1, -1)]  # fmt: skip
    found += [t ** (2 * depth - 2) for t in root for _ in range(d + c - 2 * rank)]
    found += [sum(t ** (2 * k) * u ** (2 * (depth - 1 - k)) for k in range(depth)) for t in root for u in root]
    if depth == 2:
        found += [sign * o for o in outside for sign in (1, -1) for _ in range(narrow - r)]
    return np.sort(np.array([*found, *np.zeros(total - len(found))]))


# -------------------------------------------------------------------------------------------- symmetric factorisation


def _square_forward(U: Array) -> tuple[Array, Array]:
    return U @ U.T, U


def _square_backward(d_output: Array, U: Array) -> dict[str, Array]:
    return {"U": (d_output + d_output.T) @ U}


SQUARE = Layer(
    forward=_square_forward,
    backward=_square_backward,
    sample=lambda rng: Case(rng.normal(size=(3, 2))),
    formula="la-eckart-young",
)


def symmetric_factorisation(M: Array, p: int) -> Theory:
    r"""The loss :math:`\frac12\|M - U U^\top\|^2` with U of p columns, M symmetric, eigenvalues different and not 0.

    U is critical where its columns span eigenvectors u_i, i in I, of at most p positive eigenvalues, and
    UUᵀ = Σ_I μ_i u_i u_iᵀ; its value is ½ Σ_{j not in I} μ_j². Eigenvalues of the Hessian: 2(μ_l - μ_j) for l in I
    and j outside; -2μ_j for j outside, once for each of the p - r columns that are 0; 4μ_l; 2(μ_l + μ_m) for pairs
    l < m in I; and 0, r(r-1)/2 + r(p-r) times, which are the rotations of the columns. So

        index = #{(l, j): μ_j > μ_l} + (p - r) #{j not in I: μ_j > 0}.

    Shapes: M (n, n).
    Reference: Li, Lu, Arora, Haupt, Liu, Wang, Zhao (2019), Symmetry, saddle points, and global optimization
    landscape of nonconvex matrix factorization; the spectrum is derived here.
    """
    n = len(M)
    mu, vectors = np.linalg.eigh(M)
    mu, vectors = mu[::-1], vectors[:, ::-1]
    loss = flat_loss(apply(mse, apply(SQUARE, "U"), M, reduction="sum", half=True), {"U": np.zeros((n, p))})
    positive = int(np.sum(mu > 0))
    points = []
    for r in range(min(positive, p) + 1):
        for chosen in combinations(range(positive), r):
            inside, outside = mu[list(chosen)], np.delete(mu, chosen)
            U = np.zeros((n, p))
            U[:, :r] = vectors[:, list(chosen)] * np.sqrt(inside)
            found = [2 * (s - o) for s in inside for o in outside]
            found += [-2 * o for o in outside for _ in range(p - r)]
            found += [4 * s for s in inside] + [2 * (s + t) for s, t in combinations(inside, 2)]
            index = int(sum(o > s for s in inside for o in outside)) + (p - r) * int(np.sum(outside > 0))
            nullity = r * (r - 1) // 2 + r * (p - r)
            points.append(
                Stated(
                    name=f"eigenvalues {', '.join(str(i + 1) for i in chosen) or 'none'}",
                    x=U.ravel(),
                    value=0.5 * float(np.sum(outside**2)),
                    index=index,
                    nullity=nullity,
                    eigenvalues=np.sort(np.array([*found, *np.zeros(nullity)])),
                    minimum=not index,
                )
            )
    every = "every critical point is one of these, its columns rotated"
    return Theory("symmetric factorisation", loss, tuple(points), "Li et al. (2019)", every)


# ------------------------------------------------------------------------------------------------- nonlinear networks


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
