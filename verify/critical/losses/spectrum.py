"""The eigenvalues of the Hessian of a flat loss, with bounds, for dimensions in which the Hessian is written out.

The three most important functions are ``hessian`` (the matrix, column by column, with a bound for every entry),
``enclosed`` (eigenvalues from a matrix with bounds) and ``spectrum`` (those at the critical point that x stands for).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from verify.critical.losses.networks import FlatLoss
from verify.critical.points import Spectrum
from verify.differences import EPS
from verify.numdiff import Estimate, symmetric

__all__ = ["LARGEST", "enclosed", "hessian", "spectrum"]

Array = NDArray[np.float64]

LARGEST = 2000
"""The largest dimension in which the Hessian is written out: 32 megabytes, and as many products."""

# A critical point is nearer than this, in units of 1 + |x|, else x is not taken for one.
NEAR = 2.0**-10
# And the gradient's part along eigenvalues that are 0 is smaller than this, beside the gradient at that distance.
VANISHES = 2.0**-26


def hessian(loss: FlatLoss, x: ArrayLike) -> Estimate:
    """The Hessian at x, symmetric, a bound for each entry, and where there is a kink.

    A column is a Hessian-vector product. Half of what is not symmetric is added to the bounds.
    Shapes: x (n) -> fields (n, n).
    Raises: ValueError when the dimension is larger than ``LARGEST``, or x has another shape or is not finite.
    """
    n = loss.dimension
    if n > LARGEST:
        raise ValueError(f"the dimension is {n}: a Hessian is written out up to {LARGEST}; use hvp and hessian_index")
    columns = [loss.product(x, unit) for unit in np.eye(n)]
    value, bound, kink = (np.stack([getattr(one, name) for one in columns], axis=1) for name in FIELDS)
    return symmetric(Estimate(value, bound, kink, sum(one.evaluations for one in columns)), n)


FIELDS = ("value", "bound", "kink")


def enclosed(value: Array, bound: Array) -> Spectrum:
    """The eigenvalues of every symmetric matrix that is as near to ``value`` as ``bound`` says, entry by entry.

    By Weyl no eigenvalue moves by more than the norm of the error, and that of a matrix of bounds is no smaller. The
    rounding of the eigenvalue routine, n units of float64 at most, is added.
    Shapes: value, bound (n, n), symmetric.
    Raises: ValueError when a bound is not finite.
    Reference: Golub, Van Loan (2013), Matrix Computations, corollary 8.1.6.
    """
    if not np.all(np.isfinite(bound)) or not np.all(np.isfinite(value)):
        place = list(map(int, np.argwhere(~np.isfinite(bound + value))[0]))
        raise ValueError(f"entry {place} of the Hessian has no bound: the gradient is not smooth there")
    values = np.asarray(np.linalg.eigvalsh(value), np.float64)
    radius = norm(bound) + len(value) * EPS * norm(value)
    return Spectrum(values, values - radius, values + radius)


def spectrum(loss: FlatLoss, x: ArrayLike) -> Spectrum:
    """The eigenvalues of the Hessian at the critical point that x stands for.

    Hardly any critical point is a point of float64, and what is a zero eigenvalue there is a small one beside it. The
    bounds hold for the Hessian there: twice what it changes from x to where a Newton step and a unit of rounding
    lead is added to them. They are measured, not proved.
    Shapes: x (n).
    Raises: ValueError when there is a kink, no critical point is near x, or as in ``hessian``.
    """
    x = np.asarray(x, np.float64)
    here = hessian(loss, x)
    exact = enclosed_at(loss, here)
    gradient = loss.gradient(x)
    step, rest = newton(here.value, exact, gradient)
    signs = np.random.default_rng(0).choice([-1.0, 1.0], x.size)
    typical = float(np.max(np.abs(x), initial=0.0)) or 1.0
    length, steep = float(np.linalg.norm(step)), float(np.linalg.norm(gradient))
    beside = float(np.linalg.norm(loss.gradient(x + NEAR * typical * signs)))
    if length > NEAR * (1 + float(np.linalg.norm(x))) or float(np.linalg.norm(rest)) > VANISHES * (beside + steep):
        raise ValueError(
            f"x is no critical point: the gradient's norm is {steep:.3g}, and a Newton step "
            f"{length:.3g} long; go there first, or take enclosed(hessian(…)) for the eigenvalues at x itself"
        )
    there = hessian(loss, x + step + EPS * typical * signs)
    moved = 2 * (norm(there.value - here.value) + norm(there.bound))
    if not np.isfinite(moved):
        raise ValueError("the gradient is not smooth near x: there is a kink within rounding of it")
    return Spectrum(exact.values, exact.lower - moved, exact.upper + moved)


def enclosed_at(loss: FlatLoss, found: Estimate) -> Spectrum:
    """``enclosed``, where a failure names parameters."""
    at_kink = np.argwhere(~np.isfinite(found.bound) | found.kink)
    if len(at_kink):
        names = sorted({loss.names[int(column)] for _, column in at_kink})
        several = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        raise ValueError(f"there is no Hessian at x: the gradient has a kink along {several}")
    return enclosed(found.value, found.bound)


def newton(value: Array, known: Spectrum, gradient: Array) -> tuple[Array, Array]:
    """The step to where the gradient vanishes, as far as eigenvalues that are not 0 lead, and the gradient's rest."""
    eigenvalues, vectors = np.linalg.eigh(value)
    sure = (known.lower > 0) | (known.upper < 0)
    along = vectors[:, sure]
    part = along.T @ gradient
    return -along @ (part / eigenvalues[sure]), gradient - along @ part


def norm(matrix: Array) -> float:
    """The spectral norm of a symmetric matrix, infinite where an entry is not finite."""
    if not np.all(np.isfinite(matrix)):
        return np.inf
    return float(np.max(np.abs(np.linalg.eigvalsh(matrix)), initial=0.0))
