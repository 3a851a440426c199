"""Eigenvalues of a large symmetric operator by block Krylov spaces, one after another, none of them forgotten.

What one space has found is kept as Ritz vectors L with their residuals, ``H L = L Θ + R``, however far they have
converged. The next space is built for the Schur complement ``S = A - R Θ⁻¹ R'``, where A is H on the complement of L.
By Haynsworth's theorem the negative eigenvalues of H are those of Θ and those of S, so that a search of S, from a new
random start, looks for what is missing: further copies of a multiple eigenvalue, too, which one space cannot hold.
All vectors are orthogonal to all others (full reorthogonalisation); Ritz values are those of all of them together.

Reference: Golub, Underwood (1977), The block Lanczos method for computing eigenvalues. Parlett (1998), The symmetric
eigenvalue problem, ch. 11 and 13. Haynsworth (1968), Determination of the inertia of a partitioned Hermitian matrix,
Linear Algebra Appl. 1. Wu, Simon (2000), Thick-restart Lanczos method, SIAM J. Matrix Anal. Appl. 22(2).

Data
    ``Ritz``       Ritz vectors, their values and residuals, and the error that the products had.
    ``Expansion``  one Krylov space on the complement of Ritz vectors.
    ``View``       what is known after some steps: Ritz values of everything, and estimates of their residuals.

The three most important functions are ``Expansion.step``, ``Expansion.view`` and ``Expansion.kept``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from verify.critical.large.products import EPS, Array, Products
from verify.critical.large.risk import Measure, measure

__all__ = ["Expansion", "Ritz", "View", "orthonormal"]


@dataclass(frozen=True, eq=False)
class Ritz:
    """Ritz vectors, orthonormal rows, with H vectors = values · vectors + residuals, up to errors.

    Shapes: vectors (k, n), values (k) ascending, residuals (k, n), errors (k).
    """

    vectors: Array
    values: Array
    residuals: Array
    errors: Array

    @staticmethod
    def none(dim: int) -> Ritz:
        """No vectors."""
        return Ritz(np.zeros((0, dim)), np.zeros(0), np.zeros((0, dim)), np.zeros(0))

    @property
    def lengths(self) -> Array:
        """The residuals' norms, without the products' errors."""
        return np.asarray(np.linalg.norm(self.residuals, axis=1))


@dataclass(frozen=True, eq=False)
class View:
    """Ritz values of the whole space, ascending, the coefficients of their vectors, and their residuals' norms.

    Shapes: values (k + m), coefficients (k + m, k + m), lengths (k + m), errors (k + m).
    """

    values: Array
    coefficients: Array
    lengths: Array
    errors: Array

    @property
    def negative(self) -> int:
        """How many Ritz values are negative beyond the products' error."""
        return int(np.sum(self.values < -self.errors))


class Expansion:
    """A Krylov space that grows by blocks, from ``start`` (b, n), orthonormal and orthogonal to the locked vectors.

    With ``complement`` its operator is the Schur complement S, otherwise A: then Ritz values are as good, but nothing
    is said about what was not found. ``first`` (b, b) are the start vectors' coefficients in ``start``.
    """

    def __init__(
        self, products: Products, locked: Ritz, start: Array, first: Array, complement: bool, capacity: int
    ) -> None:
        self.products = products
        self.locked = locked
        self.first = first
        self.inverse = 1 / locked.values if complement else np.zeros(len(locked.values))
        self.size = 0
        self.steps = 0
        self.width = self.starts = len(start)
        self.before = 0  # width of the last block that has products
        self.basis = np.empty((capacity + self.width, products.dim))
        self.basis[: self.width] = start
        self.projected = np.zeros((capacity, capacity))  # N'SN
        self.coupling = np.zeros((capacity, len(locked.values)))  # N'R
        self.errors = np.zeros(capacity)
        self.beside = np.zeros((0, 0))
        self.asymmetry = 0.0
        self.overlap = 0.0
        inner = locked.residuals @ locked.residuals.T
        self.inner = (inner + inner.T) / 2
        worst = np.max(locked.lengths * np.abs(self.inverse), initial=0.0)
        # An error in R enters S multiplied by what R is over Θ.
        self.amplified = float((1 + worst) ** 2)

    @property
    def exhausted(self) -> bool:
        """Whether the space is invariant, as far as products are exact."""
        return self.width == 0

    @property
    def room(self) -> int:
        """How many vectors may still be added."""
        return len(self.errors) - self.size

    def step(self, told: tuple[Array, Array] | None = None) -> None:
        """Add the next block; ``told`` are its products, where they are known.

        Raises: HvpError when forms show that the operator is not symmetric.
        """
        m, w, locked = self.size, self.width, self.locked
        fresh = self.basis[m : m + w]
        image, errors = self.products.of(fresh) if told is None else told
        error = float(np.max(errors)) * self.amplified
        error += float(np.max(locked.errors, initial=0.0)) * self.amplified
        self.errors[m : m + w] = errors
        work = image.copy()
        if len(locked.values):
            coupling = fresh @ locked.residuals.T
            above = image @ locked.vectors.T
            self._compare(above, coupling, error)
            self.coupling[m : m + w] = coupling
            work -= above @ locked.vectors
            work -= (coupling * self.inverse) @ locked.residuals
        diagonal = work @ fresh.T
        self._compare(diagonal, diagonal.T, error)
        if self.before:
            work -= self.beside @ self.basis[m - self.before : m]
            self.projected[m : m + w, m - self.before : m] = self.beside
            self.projected[m - self.before : m, m : m + w] = self.beside.T
        work -= diagonal @ fresh
        # What is left has no part in the space, but for rounding and for what is not symmetric in the products.
        rest = work @ self.basis[: m + w].T
        self._compare(rest[:, :m], np.zeros((w, m)), error)
        work -= rest @ self.basis[: m + w]
        if len(locked.values):
            work -= (work @ locked.vectors.T) @ locked.vectors
        diagonal += rest[:, m:]
        self.projected[m : m + w, m : m + w] = (diagonal + diagonal.T) / 2
        self.size, self.before, self.steps = m + w, w, self.steps + 1
        self._next(work, error)

    def _compare(self, form: Array, other: Array, error: float) -> None:
        self.asymmetry = max(self.asymmetry, self.products.symmetric(form, other, error))

    def _next(self, work: Array, error: float) -> None:
        """The next block: an orthonormal basis of what is left, without directions that are rounding alone."""
        q, r = np.linalg.qr(work.T)
        u, sizes, vt = np.linalg.svd(r)
        significant = int(np.sum(sizes > 4 * error))
        significant = min(significant, self.products.dim - len(self.locked.values) - self.size)
        lost = float(np.max(sizes[significant:], initial=0.0))
        self.errors[self.size - self.before : self.size] += lost
        self.width = significant
        if not significant:
            return
        rows = (q @ u[:, :significant]).T
        beside = sizes[:significant, None] * vt[:significant]
        space = self.basis[: self.size]
        # Small remainders are mostly rounding: they are made orthogonal once more after they have unit length.
        if float(sizes[significant - 1]) < 1e-3 * self.products.scale:
            rows, turned = orthonormal(rows, space, self.locked.vectors)
            beside = turned @ beside
        self.basis[self.size : self.size + significant] = rows
        self.beside = beside
        self.overlap = max(self.overlap, float(np.max(np.abs(rows[0] @ space.T), initial=0.0)))

    def view(self) -> View:
        """Ritz values of the locked vectors and the new ones together."""
        m, k, locked = self.size, len(self.locked.values), self.locked
        coupling = self.coupling[:m]
        weighed = coupling * self.inverse
        whole = np.zeros((k + m, k + m))
        whole[:k, :k] = np.diag(locked.values)
        whole[k:, :k], whole[:k, k:] = coupling, coupling.T
        whole[k:, k:] = self.projected[:m, :m] + weighed @ coupling.T
        values, y = np.linalg.eigh(whole)
        ahead = self._ahead() @ y[k:]
        old = y[:k] + weighed.T @ y[k:]
        gram = self.inner - coupling.T @ coupling
        mixed = locked.residuals @ self.basis[m : m + self.width].T
        squares = np.sum(old * (gram @ old), axis=0) + 2 * np.sum((mixed.T @ old) * ahead, axis=0)
        lengths = np.sqrt(np.maximum(squares + np.sum(ahead * ahead, axis=0), 0.0))
        errors = np.concatenate([locked.errors, self.errors[:m]]) @ np.abs(y)
        return View(values, y, lengths, errors + (k + m) * EPS * float(np.max(np.abs(values), initial=0.0)))

    def _ahead(self) -> Array:
        """The coefficients of the next block in the products of all new vectors. Shapes: (width, m)."""
        ahead = np.zeros((self.width, self.size))
        ahead[:, self.size - self.before :] = self.beside if self.width else 0.0
        return ahead

    def kept(self, view: View, chosen: NDArray[np.bool_]) -> Ritz:
        """The chosen Ritz vectors with their residuals: no product is spent on them.

        Shapes: chosen (k + m), of bool.
        """
        m, k, locked = self.size, len(self.locked.values), self.locked
        y = view.coefficients[:, chosen]
        space = self.basis[:m]
        vectors = y[:k].T @ locked.vectors + y[k:].T @ space
        old = y[:k] + (self.coupling[:m] * self.inverse).T @ y[k:]
        residuals = old.T @ locked.residuals
        residuals -= (residuals @ space.T) @ space
        residuals += (self._ahead() @ y[k:]).T @ self.basis[m : m + self.width]
        return Ritz(vectors, view.values[chosen], residuals, view.errors[chosen])

    def seen(self) -> Measure:
        """The spectral measure of S as the start vectors see it."""
        return measure(self.projected[: self.size, : self.size], self.first, self.steps, self.exhausted)


def orthonormal(rows: Array, *spaces: Array) -> tuple[Array, Array]:
    """Orthonormal rows, orthogonal to the spaces, and the coefficients of the rows' projections in them.

    Shapes: rows (b, n), spaces (k, n) with orthonormal rows -> (b, n), (b, b).
    """
    work = rows
    whole = np.eye(len(rows))
    for _ in range(2):
        for space in spaces:
            if len(space):
                work = work - (work @ space.T) @ space
        q, r = np.linalg.qr(work.T)
        work, whole = np.ascontiguousarray(q.T), r @ whole
    return work, whole
