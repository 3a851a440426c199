"""What a random start tells of eigenvalues that were not found.

A Krylov space of the symmetric operator S has been built from normally distributed vectors X, and all Ritz values in
it are positive. For every polynomial q of the degree of the space with q(-τ) = 1 whose roots lie above, |q| ≥ 1 below
-τ, so that an eigenvector u with an eigenvalue below -τ has |X'u| ≤ ‖q(S)X‖. The right side is known, and X'u is
normally distributed: if it must be tiny, that such a u exists is refuted at this risk. The statement holds at every
step, whenever one stops. The best q is found by orthogonal polynomials.

Reference: van Dorsselaer, Hochstenbach, van der Vorst (2000), Computing probabilistic bounds for extreme eigenvalues
of symmetric matrices with the Lanczos method, SIAM J. Matrix Anal. Appl. 22(3). Kuczyński, Woźniakowski (1992),
Estimating the largest eigenvalue by the power and Lanczos algorithms with a random start, SIAM J. Matrix Anal. Appl.
13(4).

Data
    ``Measure``  the spectral measure of S that the start vectors see, as orthogonal polynomials know it.

The three most important functions are ``measure``, ``Measure.risk`` (of a further eigenvalue below a number) and
``Measure.resolution`` (the number at which that risk is small).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammainc

from verify.critical.large.products import Array

__all__ = ["Measure", "measure"]


@dataclass(frozen=True, eq=False)
class Measure:
    """The spectral measure of b start vectors: Ritz values and their weights, and the Jacobi matrix of the measure.

    Shapes: nodes (m), weights (m), diagonal (s), beside (s - 1). ``exhausted``: the space is invariant, so that the
    measure is known exactly.
    """

    nodes: Array
    weights: Array
    diagonal: Array
    beside: Array
    starts: int
    exhausted: bool

    @property
    def total(self) -> float:
        """The squared length of the start vectors."""
        return float(np.sum(self.weights))

    def risk(self, below: float) -> float:
        """How likely a measure like this is where an eigenvalue lies below ``-below``; 1 if Ritz values do."""
        if not len(self.nodes) or float(np.min(self.nodes)) <= -below:
            return 1.0
        if self.exhausted:
            return 0.0
        # The orthonormal polynomials at -below grow with alternating signs; they may overflow, which is risk 0.
        last, value, total = 0.0, 1.0, 1.0
        for k in range(len(self.diagonal) - 1):
            beta = self.beside[k]
            before = self.beside[k - 1] if k else 0.0
            last, value = value, ((-below - self.diagonal[k]) * value - before * last) / beta
            total += value * value
            if total > 1e250:
                return 0.0
        # A sum of squares of that many normal numbers is below this with the probability of a χ² distribution.
        return float(gammainc(self.starts / 2, self.total / total / 2))

    def resolution(self, risk: float, floor: float) -> float:
        """The smallest τ ≥ ``floor`` such that an eigenvalue below -τ has at most this risk; else infinity."""
        if self.risk(floor) <= risk:
            return floor
        high = 10 * max(float(np.max(np.abs(self.nodes), initial=0.0)), floor, float(np.finfo(float).tiny))
        if self.risk(high) > risk:
            return np.inf
        low = max(floor, 1e-18 * high)
        while high > 1.05 * low:  # the risk falls with τ
            middle = float(np.sqrt(low * high))
            low, high = (low, middle) if self.risk(middle) <= risk else (middle, high)
        return high

    def share(self, lowest: float, highest: float) -> float:
        """The part of all eigenvalues that lies between, as the start vectors see it."""
        inside = (self.nodes >= lowest) & (self.nodes <= highest)
        return float(np.sum(self.weights[inside])) / (self.total or 1.0)


def measure(projected: Array, first: Array, steps: int, exhausted: bool) -> Measure:
    """The measure of the start vectors under the projected operator.

    Shapes: projected (m, m) symmetric, first (b, b): start vectors are the first b basis vectors times this.
    """
    count = len(first)
    nodes, vectors = np.linalg.eigh(projected)
    weights = np.sum((vectors[:count].T @ first) ** 2, axis=1)
    diagonal, beside = _jacobi(nodes, weights, steps)
    return Measure(nodes, weights, diagonal, beside, count, exhausted)


def _jacobi(nodes: Array, weights: Array, steps: int) -> tuple[Array, Array]:
    """The recurrence of the polynomials that are orthonormal under a discrete measure, by Lanczos on its nodes."""
    basis = np.zeros((steps, len(nodes)))
    diagonal, beside = np.zeros(steps), np.zeros(max(steps - 1, 0))
    scale = float(np.max(np.abs(nodes), initial=0.0))
    basis[0] = np.sqrt(weights / np.sum(weights))
    for k in range(steps):
        moved = nodes * basis[k]
        diagonal[k] = basis[k] @ moved
        if k + 1 == steps:
            break
        for _ in range(2):
            moved = moved - (basis[: k + 1] @ moved) @ basis[: k + 1]
        beside[k] = np.linalg.norm(moved)
        if beside[k] <= 1e-14 * scale * len(nodes):  # fewer nodes than steps
            return diagonal[: k + 1], beside[:k]
        basis[k + 1] = moved / beside[k]
    return diagonal, beside
