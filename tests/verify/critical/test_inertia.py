"""Inertia of dense, sparse and low-rank matrices: true where it is certified, not where rounding decides."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from verify.critical.large import inertia as module
from verify.critical.large.inertia import inertia
from verify.critical.large.low_rank_inertia import DiagonalPlusLowRank

Array = Any


def exact(matrix: Array) -> tuple[int, int, int]:
    """The inertia by elimination in fractions, with pivots on the diagonal or of 2 rows."""
    a = [[Fraction(v) for v in row] for row in (matrix.tolist() if isinstance(matrix, np.ndarray) else matrix)]
    counts = [0, 0, 0]
    while a:
        n = len(a)
        pivot = next((k for k in range(n) if a[k][k]), None)
        if pivot is not None:
            counts[0 if a[pivot][pivot] < 0 else 2] += 1
            rest = [k for k in range(n) if k != pivot]
            a = [[a[i][j] - a[i][pivot] * a[pivot][j] / a[pivot][pivot] for j in rest] for i in rest]
            continue
        pair = next(((i, j) for i in range(n) for j in range(i) if a[i][j]), None)
        if pair is None:
            counts[1] += n
            break
        i, j = pair
        # The congruence that adds row i to row j makes a pivot of 2 a[i][j].
        a[j] = [u + v for u, v in zip(a[j], a[i], strict=True)]
        for row in a:
            row[j] += row[i]
    return counts[0], counts[1], counts[2]


def triple(found: Any) -> tuple[int, int, int]:
    return found.negative, found.zero, found.positive


def symmetric(n: int, seed: int) -> Array:
    a = np.random.default_rng([seed, n]).normal(size=(n, n))
    return a + a.T


@pytest.mark.parametrize("n", [1, 2, 3, 7, 12])
@pytest.mark.parametrize("spread", [0, 3, 8])
def test_dense_inertia_is_that_of_fractions(n: int, spread: int) -> None:
    scale = np.exp2(np.linspace(-spread, spread, n).round() * 3)
    matrix = scale[:, None] * symmetric(n, 1) * scale
    found = inertia(matrix)
    assert found.certified
    assert triple(found) == exact(matrix)


@pytest.mark.parametrize(
    "matrix",
    [np.ones((4, 4)), np.array([[1.0, 1.0], [1.0, 1.0 + 2.0**-52]]), np.outer([1, 2, 3.0], [1, 2, 3.0])],
)
def test_what_rounding_could_change_is_not_certified(matrix: Array) -> None:
    found = inertia(matrix)
    assert not found.certified
    negative, _, positive = exact(matrix)
    assert found.negative <= negative
    assert found.positive <= positive
    assert "of 0" in found.why


def test_rows_of_zeros_are_zeros() -> None:
    matrix = symmetric(6, 2)
    matrix[2] = matrix[:, 2] = 0
    found = inertia(matrix)
    assert found.certified
    assert triple(found) == exact(matrix)
    assert found.zero == 1


def laplacian(k: int, shift: float) -> tuple[Any, int]:
    """A grid's Laplacian minus a shift, and how many of its eigenvalues are negative."""
    line = sp.diags_array([-np.ones(k - 1), 2 * np.ones(k), -np.ones(k - 1)], offsets=[-1, 0, 1])
    one = sp.eye_array(k)
    values = 2 - 2 * np.cos(np.arange(1, k + 1) * np.pi / (k + 1))
    whole = sp.kron(line, one) + sp.kron(one, line) - shift * sp.eye_array(k * k)
    return whole, int(np.sum(values[:, None] + values < shift))


@pytest.mark.parametrize("shift", [0.0, 0.31, 3.3, 9.0])
def test_sparse_inertia_is_that_of_theory(shift: float) -> None:
    matrix, negative = laplacian(60, shift)
    found = inertia(matrix)
    assert found.certified
    assert triple(found) == (negative, 0, 3600 - negative)
    assert "LDL'" in found.why


def test_a_sparse_singular_matrix_is_not_certified() -> None:
    line = sp.diags_array([-np.ones(2999), np.r_[1, 2 * np.ones(2998), 1], -np.ones(2999)], offsets=[-1, 0, 1])
    found = inertia(line)
    assert not found.certified
    assert found.negative == 0
    assert found.positive <= 2999
    assert "of 0" in found.why or "factorisation" in found.why


def test_pivots_off_the_diagonal_are_not_counted() -> None:
    """A zero diagonal has no LDL' with a diagonal D: the dense route takes over, or nothing is claimed."""
    b = sp.random_array((60, 60), density=0.1, rng=np.random.default_rng(4)) + sp.eye_array(60)
    matrix = sp.block_array([[None, b], [b.T, None]], format="csc")
    assert module._factored(matrix, 0.0) is None or module._factored(matrix, 0.0)[1] > 0
    assert triple(inertia(matrix)) == (60, 0, 60)


def test_a_factorisation_that_is_wrong_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    import scipy.sparse.linalg

    real = scipy.sparse.linalg.splu

    def wrong(matrix: Any, **options: Any) -> Any:
        lu = real(matrix, **options)
        upper = lu.U.copy()
        upper[0, 0] *= -1
        return type("Wrong", (), {"L": lu.L, "U": upper, "perm_r": lu.perm_r, "perm_c": lu.perm_c})()

    monkeypatch.setattr(scipy.sparse.linalg, "splu", wrong)
    matrix, _ = laplacian(50, 0.31)
    found = inertia(matrix)
    assert not found.certified


@pytest.mark.parametrize("zeros", [0, 1, 3, 9])
@pytest.mark.parametrize("middle", ["identity", "diagonal", "full"])
def test_diagonal_plus_low_rank(zeros: int, middle: str) -> None:
    rng = np.random.default_rng([zeros, len(middle)])
    d, u = rng.normal(size=14), rng.normal(size=(14, 4)).round(2)
    d[:zeros] = 0
    s = {"identity": None, "diagonal": np.array([1.0, -2.0, 3.0, -0.5]), "full": symmetric(4, 3)}[middle]
    matrix = DiagonalPlusLowRank(d, u, s)
    found = inertia(matrix)
    assert found.certified
    rational = [[Fraction(float(x)) for x in row] for row in matrix.U]
    whole = [
        [
            (Fraction(float(d[i])) if i == j else Fraction(0))
            + sum(
                rational[i][p] * Fraction(float(matrix.S[p, q])) * rational[j][q] for p in range(4) for q in range(4)
            )
            for j in range(14)
        ]
        for i in range(14)
    ]
    assert triple(found) == exact(whole)
    assert np.allclose(matrix.hvp(np.eye(14)[2]), [float(row[2]) for row in whole])


def test_low_rank_of_a_million() -> None:
    rng = np.random.default_rng(9)
    n = 1_000_000
    u = rng.normal(size=(n, 3)) / 1000
    found = inertia(DiagonalPlusLowRank(np.ones(n), u, np.array([-5.0, -0.5, 2.0])))
    # columns are nearly orthonormal: 1 - 5 is negative, 1 - 0.5 is not
    assert found.certified
    assert triple(found) == (1, 0, n - 1)


@pytest.mark.parametrize(
    ("matrix", "said"),
    [
        (np.ones((2, 3)), "shape"),
        (np.array([[1.0, 2.0], [0.0, 1.0]]), "not symmetric"),
        (np.array([[np.nan, 0], [0, 1.0]]), "finite"),
        (np.eye(2) * 1j, "real"),
        (sp.csr_array(np.array([[1.0, 2.0], [0.0, 1.0]])), "not symmetric"),
        (sp.csr_array(np.ones((2, 3))), "shape"),
    ],
)
def test_what_is_no_symmetric_matrix_is_refused(matrix: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        inertia(matrix)


@pytest.mark.parametrize(
    ("d", "u", "s", "said"),
    [
        (np.ones(3), np.ones((2, 1)), None, "expected"),
        (np.ones(3), np.ones((3, 1)), np.ones((2, 2)), "S has shape"),
        (np.array([1.0, np.inf]), np.ones((2, 1)), None, "finite"),
        (np.ones(2), np.ones((2, 2)), np.array([[1.0, 1.0], [0.0, 1.0]]), "not symmetric"),
    ],
)
def test_low_rank_parts_are_checked(d: Array, u: Array, s: Array, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        DiagonalPlusLowRank(d, u, s)


def test_a_singular_middle_is_not_certified() -> None:
    found = inertia(DiagonalPlusLowRank(np.ones(3), np.ones((3, 2)), np.zeros(2)))
    assert not found.certified
