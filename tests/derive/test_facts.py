"""What is known of tensors: symmetry by domain, by definition and inside an inverse; sums that are numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import derive
from derive.facts import Facts
from derive.index import letters
from derive.nodes import ONE, Sum
from derive.notation import equal, name, tensor
from derive.over_axes import inverse, softmax
from derive.program import Program
from derive.size_algebra import sizes
from derive.statements import assume

n, m = sizes("n m")
i, j, k = letters("i j k", n, n, m)


def facts(program: Program, moving: Any = frozenset()) -> Facts:
    return Facts(program, program.assumptions, frozenset(moving))


def gram(*, symmetric: bool = True) -> tuple[Program, Any, Any]:
    X, W, K = tensor("X", n, m), tensor("W", n, m), name("K")
    p, q = letters("p q", n, n)
    other = X if symmetric else W
    K = derive.define(K[p, q], Sum(k, X[p, k] * other[q, k]) + equal(p, q) * X[p, 0])
    return Program.of([X, W], K), X, K


def test_a_gram_matrix_is_symmetric_by_its_definition() -> None:
    program, _, K = gram()
    assert facts(program).is_symmetric(K)


def test_a_product_of_two_matrices_is_not() -> None:
    program, _, K = gram(symmetric=False)
    assert not facts(program).is_symmetric(K)


def test_a_matrix_that_is_differentiated_by_is_free() -> None:
    S = tensor("S", n, n)
    S.domain = "symmetric"
    x = tensor("x", n)
    program = Program.of([S, x], derive.define(name("L"), Sum(i, j, x[i] * S[i, j] * x[j])))
    assert facts(program).is_symmetric(S)
    assert not facts(program, {S}).is_symmetric(S)


@pytest.mark.parametrize("domain", ["symmetric", "positive definite"])
def test_entries_are_read_one_way_round(domain: str) -> None:
    S, x = tensor("S", n, n), tensor("x", n)
    S.domain = domain
    program = Program.of([S, x], derive.define(name("L"), Sum(i, j, x[i] * S[i, j] * x[j])))
    known = facts(program)
    assert repr(known.symmetrised(S[j, i] * x[j], [i])) == "S[i,j]·x[j]"
    other = inverse(i, j, S[i, j])
    row, column = letters("a b", n, n)
    both = other.entry(row, column) + other.entry(column, row)
    assert repr(known.symmetrised(both, [row, column])).startswith("2·")


def test_what_is_not_symmetric_stays() -> None:
    A, x = tensor("A", n, n), tensor("x", n)
    program = Program.of([A, x], derive.define(name("L"), Sum(i, j, x[i] * A[i, j] * x[j])))
    node = A[j, i] * x[j]
    assert facts(program).symmetrised(node, [i]) is node


def test_a_softmax_sums_to_one_and_its_double_to_two() -> None:
    Z, P, Q = tensor("Z", n, m), name("P"), name("Q")
    row, column = letters("r c", n, m)
    P = derive.define(P[row, column], softmax(column, Z[row, column]))
    Q = derive.define(Q[row, column], 2 * P[row, column])
    program = Program.of([Z], Q)
    known = facts(program)
    assert known.total(P, 1) == (ONE, ())
    assert known.total(P, 0) is None
    total = known.total(Q, 1)
    assert total is not None
    assert repr(total[0]) == "2"


def test_a_sum_that_rests_on_an_assumption_says_so() -> None:
    Y, R = tensor("Y", n, m), name("R")
    row, column = letters("r c", n, m)
    R = derive.define(R[row, column], 3 * Y[row, column])
    said = assume(Sum(column, Y[row, column]), "=", ONE)
    program = Program((Y,), (R.definition,), (R,), (said,))
    total = facts(program).total(R, 1)
    assert total is not None
    assert repr(total[0]) == "3"
    assert total[1] == (said,)


def test_a_derivation_that_uses_symmetry_holds_for_symmetric_matrices_alone() -> None:
    def quadratic(A: Any, x: Any) -> Any:
        return 0.5 * x @ A @ x

    shapes = {"A": ("n", "n"), "x": "n"}
    free = derive.gradient(quadratic, "x", shapes=shapes)
    known = derive.gradient(quadratic, "x", shapes=shapes, assumptions=lambda A: [A == A.T])
    rng = np.random.default_rng(0)
    A, x = rng.normal(size=(4, 4)), rng.normal(size=4)
    np.testing.assert_allclose(free.function()(A=A, x=x), (A + A.T) @ x / 2)
    np.testing.assert_allclose(known.function()(A=A + A.T, x=x), (A + A.T) @ x)
    assert any(step.rule == "symmetry" for step in known.steps)
    assert not any(step.rule == "symmetry" for step in free.steps)


@pytest.mark.parametrize("domain", ["one-hot", "simplex", "unit sum"])
def test_the_domain_of_rows_says_what_they_sum_to(domain: str) -> None:
    Y, x = tensor("Y", n, n), tensor("x", n)
    Y.domain = domain
    program = Program.of([Y, x], derive.define(name("L"), Sum(i, j, x[i] * Y[i, j])))
    assert facts(program).total(Y, 1) == (ONE, ())
    assert facts(program).total(Y, 0) is None
    assert repr(facts(program).totalled(x[i] * Sum(j, Y[i, j]))[0]) == "x[i]"


def test_differences_of_points_change_their_sign_and_distances_do_not() -> None:
    x, D, R = tensor("x", n, m), name("D"), name("R")
    p, q, c = letters("p q c", n, n, m)
    D = derive.define(D[p, q, c], x[p, c] - x[q, c])
    R = derive.define(R[p, q], Sum(k, D[p, q, k] ** 2) + 1)
    known = facts(Program.of([x], R))
    assert known.exchanged(D) == -1
    assert known.exchanged(R) == 1
    row, column = letters("a b", n, n)
    both = D[row, column, k] / R[row, column] - D[column, row, k] / R[column, row]
    assert repr(known.symmetrised(both, [row, column])) == "2·D[a,b,k]/R[a,b]"


def test_a_difference_of_other_points_has_no_sign() -> None:
    x, y, D = tensor("x", n, m), tensor("y", n, m), name("D")
    p, q, c = letters("p q c", n, n, m)
    D = derive.define(D[p, q, c], x[p, c] - y[q, c])
    assert facts(Program.of([x, y], D)).exchanged(D) == 0
