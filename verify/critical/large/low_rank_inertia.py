"""The inertia of a diagonal matrix plus one of low rank, from matrices of twice that rank.

Haynsworth (1968): the bordered matrix [[D, U], [U', -S⁻¹]] has the inertia of -S⁻¹ plus that of D + U S U', and that
of the part of D that is not 0 plus that of its Schur complement. Where D is 0, U is turned to a triangle.

Reference: Haynsworth (1968), Determination of the inertia of a partitioned Hermitian matrix, Linear Algebra Appl. 1.

Data
    ``DiagonalPlusLowRank``  diag(d) + U S U'.

The three most important functions are ``DiagonalPlusLowRank.inertia``, ``DiagonalPlusLowRank.hvp`` and ``_inverse``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from verify.critical.large.inertia import UNIT, Inertia, dense_inertia, powers
from verify.critical.large.products import Array

__all__ = ["DiagonalPlusLowRank"]


@dataclass(frozen=True, eq=False)
class DiagonalPlusLowRank:
    """diag(d) + U S U'; S is the identity where it is not given, and diagonal where it has one axis.

    Shapes: d (n), U (n, r), S (r, r) or (r).
    Raises: ValueError when shapes do not fit, a number is not finite, or S is not symmetric.
    """

    d: Any
    U: Any
    S: Any = None

    def __post_init__(self) -> None:
        d, u = np.array(self.d, dtype=np.float64), np.array(self.U, dtype=np.float64)
        if d.ndim != 1 or u.ndim != 2 or len(u) != len(d):
            raise ValueError(f"d has shape {d.shape} and U {u.shape}, expected (n,) and (n, r)")
        s = np.ones(u.shape[1]) if self.S is None else np.array(self.S, dtype=np.float64)
        s = np.diag(s) if s.ndim == 1 else s
        if s.shape != (u.shape[1], u.shape[1]):
            raise ValueError(f"S has shape {np.shape(self.S)}, expected ({u.shape[1]}, {u.shape[1]})")
        if not (np.isfinite(d).all() and np.isfinite(u).all() and np.isfinite(s).all()):
            raise ValueError("d, U and S must hold finite numbers")
        if not np.array_equal(s, s.T):
            raise ValueError(f"S is not symmetric: entries differ by {np.max(np.abs(s - s.T)):.1e}")
        for name, value in (("d", d), ("U", u), ("S", s)):
            object.__setattr__(self, name, value)

    def hvp(self, v: Array) -> Array:
        """The product with a vector. Shapes: v (n) -> (n)."""
        return np.asarray(self.d * v + self.U @ (self.S @ (self.U.T @ v)))

    def inertia(self) -> Inertia:
        """The inertia, by Haynsworth's theorem."""
        middle = dense_inertia(self.S)
        if middle.zero or not middle.certified:
            return Inertia(0, len(self.d), 0, False, f"S is not proved to be invertible: {middle.why}")
        inverse, loose = _inverse(self.S)
        if not np.isfinite(loose).all():
            return Inertia(0, len(self.d), 0, False, "S is too near to a singular matrix")
        zero = self.d == 0
        # Rows are scaled so that d is about 1: a congruence by powers of two.
        t = powers(np.abs(self.d))
        d, u = self.d * t * t, self.U * t[:, None]
        kept, flat = u[~zero], u[zero]
        quotient = kept / d[~zero, None]
        schur = -inverse - kept.T @ quotient
        terms = len(kept) + 3
        error = loose + terms * UNIT / (1 - terms * UNIT) * (np.abs(kept).T @ np.abs(quotient))
        error += 2 * UNIT * np.abs(schur)
        whole, doubt, spare = _bordered(schur, error, flat)
        rest = dense_inertia(whole, doubt)
        negative = int(np.sum(d[~zero] < 0))
        positive = len(kept) - negative
        # In(D + USU') = In(D) + In(rest) - In(-S⁻¹)
        below = negative + rest.negative - middle.positive
        above = positive + rest.positive - middle.negative
        if not rest.certified:
            below, above = max(below, 0), max(above, 0)
            return Inertia(
                below, len(d) - below - above, above, False, f"Haynsworth: the Schur complement's {rest.why}"
            )
        how = f"Haynsworth: from a matrix of {len(whole)} rows; {rest.why}"
        return Inertia(below, spare + rest.zero, above, True, how)


def _inverse(s: Array) -> tuple[Array, Array]:
    """The inverse, and a bound on the error of each entry."""
    r = len(s)
    if np.count_nonzero(s - np.diag(np.diag(s))) == 0:
        reciprocal = np.diag(1 / np.diag(s))
        return reciprocal, UNIT * np.abs(reciprocal)
    inverse = np.asarray(np.linalg.inv(s))
    inverse = (inverse + inverse.T) / 2
    gamma = (r + 2) * UNIT
    defect = np.abs(np.eye(r) - s @ inverse) + gamma * (np.abs(s) @ np.abs(inverse) + np.eye(r))
    norm = float(np.max(np.sum(defect, axis=1)))
    if norm >= 0.5:
        return inverse, np.full((r, r), np.inf)
    # S⁻¹ - X = X (I - SX) + X (I - SX)² + …, entries of the tail bounded by its norm
    bound = np.abs(inverse) @ defect
    tail = float(np.max(np.sum(np.abs(inverse), axis=1))) * norm * norm / (1 - norm)
    return inverse, 1.01 * (bound + tail)


def _bordered(schur: Array, error: Array, flat: Array) -> tuple[Array, Array, int]:
    """[[0, F], [F', schur]] with F of at most r rows, its error, and how many eigenvalues are 0 beside."""
    r = len(schur)
    spare = 0
    loose = np.zeros_like(flat)
    if len(flat) > r:
        spare = len(flat) - r
        scale = powers(np.max(np.abs(flat), axis=1) ** 2)
        flat = flat * scale[:, None]
        triangle = np.asarray(np.linalg.qr(flat, mode="r"))
        # Householder QR is exact for columns moved by this part of their length (Higham 2002, th. 19.4).
        gamma = 8 * len(flat) * r * UNIT
        loose = np.tile(gamma * np.linalg.norm(flat, axis=0), (r, 1))
        flat = triangle
    z = len(flat)
    whole = np.block([[np.zeros((z, z)), flat], [flat.T, schur]])
    return whole, np.block([[np.zeros((z, z)), loose], [loose.T, error]]), spare
