"""Linear algebra in rational numbers, for small matrices: nothing is rounded.

Data: ``Matrix``, a list of rows of Fractions.

The three most important functions are ``null_space``, ``inverse`` and ``inertia``.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

__all__ = ["Matrix", "columns_that_count", "identity", "inertia", "inverse", "null_space"]

Matrix = list[list[Fraction]]


def identity(n: int) -> Matrix:
    """The unit matrix (n, n)."""
    return [[Fraction(int(i == j)) for j in range(n)] for i in range(n)]


def echelon(matrix: Sequence[Sequence[Fraction]]) -> tuple[Matrix, list[int]]:
    """The reduced row echelon form of a matrix (m, n), and the columns of its pivots."""
    rows, pivots = [list(row) for row in matrix], list[int]()
    for column in range(len(rows[0]) if rows else 0):
        top = len(pivots)
        found = next((k for k in range(top, len(rows)) if rows[k][column]), None)
        if found is None:
            continue
        rows[top], rows[found] = rows[found], rows[top]
        rows[top] = [entry / rows[top][column] for entry in rows[top]]
        for k, row in enumerate(rows):
            if k != top and row[column]:
                rows[k] = [entry - row[column] * pivot for entry, pivot in zip(row, rows[top], strict=True)]
        pivots.append(column)
    return rows, pivots


def null_space(matrix: Matrix) -> Matrix:
    """A basis of the null space of a matrix (m, n): rows of n numbers."""
    rows, pivots = echelon(matrix)
    basis = []
    for free in (k for k in range(len(matrix[0])) if k not in pivots):
        vector = [Fraction(int(k == free)) for k in range(len(matrix[0]))]
        for row, pivot in zip(rows, pivots, strict=False):
            vector[pivot] = -row[free]
        basis.append(vector)
    return basis


def columns_that_count(matrix: Matrix) -> list[int]:
    """The first columns that are independent of those before them."""
    return echelon(matrix)[1]


def inverse(matrix: Matrix) -> Matrix:
    """The inverse of a matrix (n, n) that has one."""
    n = len(matrix)
    rows, _ = echelon([[*row, *unit] for row, unit in zip(matrix, identity(n), strict=True)])
    return [row[n:] for row in rows]


def inertia(matrix: Matrix) -> tuple[int, int, int]:
    """How many eigenvalues of a symmetric matrix (n, n) are negative, 0 and positive, by Sylvester's law."""
    rows = [list(row) for row in matrix]
    negative = positive = 0
    while rows:
        n = len(rows)
        pivot = next((k for k in range(n) if rows[k][k]), None)
        if pivot is None:
            pair = next(((i, j) for i in range(n) for j in range(i) if rows[i][j]), None)
            if pair is None:
                break
            i, j = pair  # adding one row and column to the other makes a pivot of twice the entry
            rows[i] = [a + b for a, b in zip(rows[i], rows[j], strict=True)]
            for row in rows:
                row[i] += row[j]
            pivot = i
        size = rows[pivot][pivot]
        negative, positive = negative + (size < 0), positive + (size > 0)
        rows = [
            [rows[i][j] - rows[i][pivot] * rows[pivot][j] / size for j in range(n) if j != pivot]
            for i in range(n)
            if i != pivot
        ]
    return negative, len(matrix) - negative - positive, positive
