r"""Eigenvalues with bounds, of a Hessian that is enclosed or known up to an error.

With approximate eigenvectors V, computed in floating point, T = Vᵀ H V is nearly diagonal, and VᵀV is nearly I. If
‖VᵀV − I‖ ≤ e < 1, each eigenvalue of T is that of H times a factor between 1 − e and 1 + e (Ostrowski); each
eigenvalue of T differs from the sorted diagonal's by at most the norm of all the rest (Weyl), and lies in a disc of
its own where that disc meets no other (Gershgorin).

The two functions are ``enclosed_spectrum`` (bounds that are theorems) and ``measured_spectrum`` (from an estimate of
the Hessian's error).

Reference: Horn, Johnson (2013), Matrix Analysis, theorems 4.3.1, 4.5.9 and 6.1.1.
"""

from __future__ import annotations

import numpy as np

from verify.critical.points import Array, Spectrum
from verify.critical.proof.intervals import LEAST, UNIT, up

__all__ = ["enclosed_spectrum", "measured_spectrum"]


def enclosed_spectrum(lower: Array, upper: Array) -> Spectrum:
    """The eigenvalues of every symmetric matrix between two, (n, n) each: their bounds hold for all of these.

    Bounds are infinite where an end is.
    """
    n = len(lower)
    if not (np.isfinite(lower).all() and np.isfinite(upper).all()):
        return Spectrum(np.full(n, np.nan), np.full(n, -np.inf), np.full(n, np.inf), proved=True)
    middle = 0.5 * lower + 0.5 * upper
    spread = up(np.maximum(upper - middle, middle - lower))
    values, V = np.linalg.eigh(middle)
    slack = (n + 4) * UNIT
    size = np.abs(V)
    product = V.T @ middle @ V
    doubt = size.T @ (spread + 3 * slack * (np.abs(middle) + spread)) @ size * (1 + 8 * slack) + LEAST
    departure = np.abs(V.T @ V - np.eye(n)) + slack * (size.T @ size + np.eye(n))
    e = float(departure.sum(axis=1).max() * (1 + 8 * slack))
    diagonal = np.diag(product)
    off = np.abs(product - np.diag(diagonal)) + doubt
    radii = off.sum(axis=1) * (1 + 8 * slack)
    order = np.argsort(diagonal, kind="stable")
    diagonal, radii = diagonal[order], radii[order]
    wide = np.full(n, radii.max())
    ends = np.stack([diagonal - radii, diagonal + radii])
    apart = np.ones(n, bool)
    apart[1:] &= ends[0, 1:] > np.maximum.accumulate(ends[1])[:-1]
    apart[:-1] &= ends[1, :-1] < np.minimum.accumulate(ends[0, ::-1])[::-1][1:]
    radii = up(np.where(apart, radii, wide))
    return Spectrum(values, *_scaled(diagonal - radii, diagonal + radii, e), proved=True)


def measured_spectrum(hessian: Array, error: float) -> Spectrum:
    """The eigenvalues of a symmetric matrix (n, n) whose error has at most about this norm."""
    values: Array = np.asarray(np.linalg.eigvalsh(hessian), np.float64)
    bound = float(error + 4 * len(values) * UNIT * np.abs(values).max(initial=0.0))
    return Spectrum(values, values - bound, values + bound)


def _scaled(lower: Array, upper: Array, e: float) -> tuple[Array, Array]:
    """The bounds of H's eigenvalues from those of VᵀHV's."""
    if e >= 0.5:
        return np.full(len(lower), -np.inf), np.full(len(lower), np.inf)
    factors = 1 / (1 + e), 1 / (1 - e)
    low = np.where(lower < 0, lower * factors[1], lower * factors[0])
    high = np.where(upper < 0, upper * factors[0], upper * factors[1])
    return low - 4 * UNIT * np.abs(low) - LEAST, high + 4 * UNIT * np.abs(high) + LEAST
