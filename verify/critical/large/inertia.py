"""How many eigenvalues of a known matrix are negative, zero and positive, certified by theorems.

By Sylvester's law a congruence ``C'AC`` has the inertia of A. Scaling by powers of two is one, without rounding.
After it a factorisation is computed in floating point, its backward error is bounded with all roundings counted, and
the count holds where no eigenvalue can cross 0 on the way.

Reference: Sylvester (1852). Higham (2002), Accuracy and stability of numerical algorithms, ch. 3, 11. Ostrowski
(1959), A quantitative formulation of Sylvester's law of inertia. Rump (2006), Verification of positive
definiteness, BIT 46.

Data
    ``Inertia``  the three numbers, whether they are proved, and why.

The three most important functions are ``inertia`` (the user's entry), ``dense_inertia`` and ``sparse_inertia``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse

from verify.critical.large.products import EPS, Array

__all__ = ["Inertia", "dense_inertia", "inertia", "sparse_inertia"]

UNIT = EPS / 2
FALL_BACK = 2000
"""Up to this dimension a sparse matrix that has no certified factorisation is treated as a dense one."""
ROUNDING = 1e-10
"""How far entries across the diagonal may be apart, relative to their rows: the difference counts as an error."""
SLACK = 1.01
"""For the rounding of the bounds themselves."""


@dataclass(frozen=True)
class Inertia:
    """The numbers of negative, zero and positive eigenvalues.

    Where ``certified`` is false, ``zero`` counts those whose sign could not be proved; ``negative`` and ``positive``
    are then lower bounds. ``why`` is the theorem, or what stood against it.
    """

    negative: int
    zero: int
    positive: int
    certified: bool
    why: str

    @property
    def index(self) -> int:
        """The number of negative eigenvalues."""
        return self.negative

    def __str__(self) -> str:
        """What a person reads."""
        zero = "zero" if self.certified else "undecided"
        head = f"{self.negative} negative, {self.zero} {zero}, {self.positive} positive eigenvalues"
        return f"{head}{', certified' if self.certified else ''}: {self.why}"


def inertia(matrix: Any) -> Inertia:
    """The inertia of a symmetric matrix: dense, sparse (SciPy), or a ``DiagonalPlusLowRank``.

    Shapes: matrix (n, n).
    Raises: ValueError when it is not square, not real, not finite or not symmetric.
    When this fails: the factors of a sparse matrix without structure fill in, and take as long as dense ones.
    """
    own = getattr(matrix, "inertia", None)
    if own is not None:
        result = own()
        assert isinstance(result, Inertia)
        return result
    if scipy.sparse.issparse(matrix):
        return sparse_inertia(matrix)
    found = np.asarray(matrix)
    if found.ndim != 2 or found.shape[0] != found.shape[1]:
        raise ValueError(f"matrix has shape {found.shape}, expected (n, n)")
    if found.dtype.kind not in "fiub":
        raise ValueError(f"matrix is of {found.dtype}, expected real numbers")
    exact = np.array(found, dtype=np.float64)
    _finite(exact)
    apart = np.abs(exact - exact.T)
    rows = np.max(np.abs(exact), axis=1, initial=0.0)
    _symmetric(apart, np.sqrt(rows)[:, None] * np.sqrt(rows))
    return dense_inertia(exact / 2 + exact.T / 2, apart if apart.any() else None)


def _finite(entries: Array) -> None:
    if not np.isfinite(entries).all():
        raise ValueError(f"matrix has {int(np.sum(~np.isfinite(entries)))} entries that are not finite numbers")


def _symmetric(apart: Array, sizes: Array) -> None:
    """Raises: ValueError when entries differ from those across the diagonal by more than rounding.

    Shapes: apart, sizes (m): the differences, and what they are measured by.
    """
    if np.any(apart > ROUNDING * sizes):
        raise ValueError(
            f"matrix is not symmetric: an entry and the one across the diagonal differ by {np.max(apart):.1e}, "
            "expected rounding at most; pass (A + A.T) / 2 where that is what is meant"
        )


def powers(sizes: Array) -> Array:
    """Powers of two near 1/√sizes, 1 where a size is 0; multiplication with them is exact."""
    exponent = np.zeros(len(sizes))
    some = sizes > 0
    exponent[some] = -np.round(np.log2(sizes[some]) / 2)
    return np.asarray(np.exp2(np.clip(exponent, -500, 500)))


def dense_inertia(matrix: Array, error: Array | None = None) -> Inertia:
    """The inertia of a dense symmetric matrix that is known to ``error``, entry by entry.

    The matrix is VΛV' + E with computed V and Λ. Ostrowski: eigenvalues of VΛV' are those of Λ times numbers between
    the smallest and the largest eigenvalue of V'V. Weyl: adding E moves them by no more than its norm.
    Shapes: matrix, error (n, n).
    """
    n = len(matrix)
    if n == 0:
        return Inertia(0, 0, 0, True, "there are no eigenvalues")
    work = matrix
    spread = np.zeros_like(work) if error is None else error
    for _ in range(4):
        d = powers(np.max(np.abs(work), axis=1))
        work, spread = d[:, None] * work * d, d[:, None] * spread * d
    lost = bool(np.any((np.abs(work) < 1e-290) & (matrix != 0)))
    values, v = np.linalg.eigh(work)
    gamma = (n + 2) * UNIT / (1 - (n + 2) * UNIT)
    residual = np.linalg.norm(work - (v * values) @ v.T)
    rounding = gamma * np.linalg.norm((np.abs(v) * np.abs(values)) @ np.abs(v).T) + 2 * UNIT * np.linalg.norm(work)
    backward = SLACK * float(residual + rounding + np.linalg.norm(spread))
    skew = SLACK * float(np.linalg.norm(v.T @ v - np.eye(n)) + gamma * np.linalg.norm(np.abs(v).T @ np.abs(v)))
    sure = values * (1 - skew)
    negative, positive = int(np.sum(sure < -backward)), int(np.sum(sure > backward))
    zero = n - negative - positive
    zero_rows = int(np.sum(~matrix.any(axis=1))) if error is None else 0
    if skew >= 1 or lost:
        return Inertia(0, n, 0, False, "entries are too far apart in size for floating-point numbers")
    # A row of zeros is an eigenvalue that is 0, exactly.
    if zero == zero_rows:
        how = f"Sylvester and Weyl: eigenvalues after scaling are known to ±{backward:.1e}"
        return Inertia(negative, zero, positive, True, how)
    return Inertia(
        negative, zero, positive, False, f"{zero} eigenvalues, after scaling, lie within ±{backward:.1e} of 0"
    )


def sparse_inertia(matrix: Any) -> Inertia:
    """The inertia of a sparse symmetric matrix, from factorisations LDL' of A - δI and A + δI.

    Each D gives the inertia of LDL'. Where LDL' is nearer to the shifted matrix than δ, A has at most as many
    negative eigenvalues as the first D has negative entries, and at least as many as the second.
    Raises: ValueError when it is not square, not finite or not symmetric.
    """
    if matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"matrix has shape {matrix.shape}, expected (n, n)")
    if matrix.dtype.kind not in "fiub":
        raise ValueError(f"matrix is of {matrix.dtype}, expected real numbers")
    a = scipy.sparse.csc_array(matrix, dtype=np.float64)
    a.sum_duplicates()
    _finite(a.data)
    n = a.shape[0]
    if n == 0 or not a.count_nonzero():
        return Inertia(0, n, 0, True, "all entries are 0")
    apart = scipy.sparse.coo_array(abs(a - a.T))
    rows = np.sqrt(_row_maxima(a))
    _symmetric(apart.data, rows[apart.row] * rows[apart.col])
    a = (a + a.T) / 2
    for _ in range(4):
        d = scipy.sparse.diags_array(powers(_row_maxima(a)))
        a, apart = scipy.sparse.csc_array(d @ a @ d), d @ apart @ d
    skew = float(np.max(_row_sums(apart), initial=0.0))
    reason = "no factorisation with pivots on the diagonal is exact enough"
    delta = 64 * UNIT * float(np.max(_row_sums(a), initial=0.0)) or 1.0
    for _ in range(8):
        below, above = _factored(a, -delta), _factored(a, delta)
        if below is not None and above is not None:
            worst = max(below[1], above[1]) + skew
            if worst < delta:
                return _between(above[0], below[0], n, delta)
            delta = 2 * worst
        else:
            delta *= 16
        if not delta < 1e-3:
            break
    if n <= FALL_BACK:
        return inertia(np.asarray(matrix.todense(), dtype=np.float64))
    return Inertia(0, n, 0, False, f"sparse LDL': {reason}")


def _between(least: int, most: int, n: int, delta: float) -> Inertia:
    if least == most:
        how = f"Sylvester: LDL' of the scaled matrix shifted by ±{delta:.1e} have the same inertia"
        return Inertia(least, 0, n - least, True, how)
    return Inertia(
        least,
        most - least,
        n - most,
        False,
        f"{most - least} eigenvalues, after scaling, may lie within ±{delta:.1e} of 0",
    )


def _row_maxima(a: Any) -> Array:
    return np.asarray(abs(a).max(axis=1).todense(), dtype=np.float64).ravel()


def _row_sums(a: Any) -> Array:
    return np.asarray(abs(a).sum(axis=1), dtype=np.float64).ravel()


def _factored(a: Any, shift: float) -> tuple[int, float] | None:
    """The number of negative pivots of A + shift·I, and a bound on A + shift·I - LDL' in the 2-norm; None where
    there is no such factorisation: a pivot was taken off the diagonal, or is 0."""
    from scipy.sparse.linalg import splu

    n = a.shape[0]
    moved = scipy.sparse.csc_array(a + shift * scipy.sparse.eye_array(n))
    try:
        lu = splu(
            scipy.sparse.csc_matrix(moved),
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0.0,
            options={"SymmetricMode": True, "Equil": False},
        )
    except RuntimeError:  # exactly singular
        return None
    if not np.array_equal(lu.perm_r, lu.perm_c):
        return None
    order = np.argsort(lu.perm_c)
    lower = scipy.sparse.csr_array(lu.L)
    pivots = lu.U.diagonal()
    if not np.isfinite(lower.data).all() or not np.isfinite(pivots).all() or not pivots.all():
        return None
    product = lower @ scipy.sparse.diags_array(pivots) @ lower.T
    rest = scipy.sparse.csr_array(moved)[order][:, order] - product
    sizes = abs(lower) @ (np.abs(pivots) * (abs(lower).T @ np.ones(n)))
    terms = int(np.max(np.diff(lower.indptr))) + 3
    error = float(np.max(_row_sums(rest), initial=0.0)) + terms * UNIT / (1 - terms * UNIT) * float(np.max(sizes))
    error += 2 * UNIT * float(np.max(_row_sums(moved)))  # of the shift
    return int(np.sum(pivots < 0)), SLACK * error
