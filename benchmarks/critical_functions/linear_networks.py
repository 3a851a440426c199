"""Linear networks of any depth, and matrix factorisation: theory knows all their critical points and their indices.

What is said of a point follows from singular values and counting alone; no Hessian is computed here. The loss is half
the sum of squared errors.

Data
    ``Stated``  what theory says of one critical point.
    ``Theory``  a loss, its stated points, and whether these are all, up to symmetry.

The three most important functions are ``linear_network`` (of any depth: Baldi and Hornik, Kawaguchi, matrix
factorisation), ``linear_spectrum`` (all eigenvalues) and ``symmetric_factorisation``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from verify.critical.losses.networks import FlatLoss, apply, flat_loss
from verify.layer import Case, Layer
from verify.layers import affine, mse

__all__ = ["Stated", "Theory", "linear_network", "linear_spectrum", "symmetric_factorisation"]

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
