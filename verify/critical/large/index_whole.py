"""The index of a matrix that is small enough to be written out: every eigenvalue, with a bound.

The three most important functions are ``whole_index``, ``written_out`` (the matrix, checked for symmetry) and
``inertia``, of which the verdict is.
"""

from __future__ import annotations

import time

import numpy as np

from verify.critical.large.index_report import HessianIndex
from verify.critical.large.inertia import inertia
from verify.critical.large.products import EPS, Array, Products

__all__ = ["whole_index", "written_out"]

COLUMNS = 32


def whole_index(
    products: Products, rng: np.random.Generator, started: float, seed: int, vectors: bool
) -> HessianIndex:
    """The index from all columns: certified where no eigenvalue lies within the products' error of 0."""
    n = products.dim
    matrix, errors = written_out(products, rng)
    values, found = np.linalg.eigh(matrix)
    residuals = np.linalg.norm(matrix @ found - found * values, axis=0)
    level = float(np.linalg.norm(errors))
    bound = level + n * EPS * float(np.max(np.abs(values)))
    negative, positive = int(np.sum(values < -bound)), int(np.sum(values > bound))
    near = n - negative - positive
    certified = near == 0 or bound == 0  # all products were exactly 0
    how = f"all {n} columns were computed, so that all eigenvalues are known to ±{bound:.1e}"
    estimate = negative
    if near and not certified:
        whole = inertia(matrix)
        estimate = whole.negative
        how += (
            f"; {near} of them lie within that of 0: the index is at least {negative} and at most {negative + near}"
            f" (the matrix as computed has {whole.negative} negative and {whole.zero} undecided ones)"
        )
    return HessianIndex(
        dim=n,
        lower_bound=negative,
        estimate=estimate,
        certified=certified,
        settled=certified,
        nullity=near,
        eigenvalues=values,
        residuals=residuals,
        bounds=np.full(n, bound),
        sharper=np.full(n, bound),
        resolution=bound,
        risk=0.0,
        how_sure=how,
        theorem=f"Weyl: eigenvalues move by no more than the error of the matrix, {bound:.1e} in the 2-norm",
        product_error=level,
        hvps=products.count,
        seconds=time.monotonic() - started,
        seed=seed,
        vectors=found.T if vectors else None,
    )


def written_out(products: Products, rng: np.random.Generator) -> tuple[Array, Array]:
    """The symmetric matrix, and a bound on the error of each column.

    Shapes: -> (n, n), (n).
    Raises: HvpError when entries and those across the diagonal differ by more than their errors.
    """
    n = products.dim
    identity = np.eye(n)
    matrix, errors = np.zeros((n, n)), np.zeros(n)
    for first in range(0, n, COLUMNS):
        rows = identity[first : first + COLUMNS]
        fresh = first == 0 and products.level == 0.0
        found, bound = products.tried(rows, rng) if fresh else products.of(rows)
        matrix[first : first + COLUMNS], errors[first : first + COLUMNS] = found, bound
    # Bounds grow with the longest product; the first ones are raised to what is known now.
    errors = np.maximum(errors, np.max(errors)) if products.error_of is None else errors
    products.symmetric(matrix, matrix.T, 2 * float(np.max(errors)))
    return (matrix + matrix.T) / 2, errors
