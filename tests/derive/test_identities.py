"""Identities of macros: they hold at random points, make a node shorter, and are used only where they do."""

from __future__ import annotations

import numpy as np
import pytest

import derive
from derive.definitions import define
from derive.differentiate import gradient, hessian
from derive.evaluate import run
from derive.functions import exp, log
from derive.identities import with_centred_sums, with_unit_sums
from derive.index import letters
from derive.matching import Names
from derive.nodes import Node, Partial, Sum, number
from derive.notation import mean, name, tensor
from derive.over_axes import log_softmax, norm, softmax
from derive.program import Program
from derive.size_algebra import sizes
from derive.tree import key
from tests.derive.witnesses import drawn, same, seeded
from verify.derivation import check_derivation

n, c = sizes("n c")
i, k, l = letters("i k l", n, c, c)
Z, x, w, q = tensor("Z", n, c), tensor("x", n), tensor("w", c), tensor("q", c, domain="positive")
S = tensor("S", c, c)
P = define(name("P")[i, k], softmax(k, Z[i, k]))
Q = define(name("Q")[k, i], softmax(i, Z[i, k]))
E = define(name("E")[i, k], exp(Z[i, k]))
PROGRAM = Program.of([Z, x, w, q, S], [P, Q, E])
NAMES = Names(PROGRAM.definitions())
SIZES = {n: 3, c: 4}
p = softmax(l, Z[i, l]).entry(k)

SHORTER: dict[str, tuple[Node, Node]] = {
    "the entries alone": (Sum(k, p), number(1)),
    "with constant factors": (Sum(k, x[i] * p * 2), 2 * x[i]),
    "a name": (Sum(k, P[i, k]), number(1)),
    "a name along its first axis": (Sum(i, Q[k, i]), number(1)),
    "one letter of two": (Sum(i, k, x[i] * P[i, k]), Sum(i, x[i])),
    "both letters": (Sum(i, k, P[i, k]), number(n)),
    "a mean of what is shifted": (Sum(k, P[i, k] * (w[k] + x[i])) - x[i], Sum(k, P[i, k] * w[k])),
    "what is shifted by a number": (
        1 + w[l] - Sum(k, (w[k] + 1) * P[i, k]),
        w[l] - Sum(k, w[k] * P[i, k]),
    ),
    "a sum within a product": (P[i, l] * (1 - Sum(k, P[i, k] * (1 + w[k]))), -P[i, l] * Sum(k, P[i, k] * w[k])),
    "below a function": (log(1 + Sum(k, P[i, k])), log(number(2))),
}
KEPT: dict[str, Node] = {
    "along another axis": Sum(i, P[i, k]),
    "the diagonal": Sum(k, softmax(l, S[k, l]).entry(k)),
    "no softmax": Sum(k, E[i, k]),
    "a norm": Sum(k, norm(k, w[k]) * w[k]),
    "a product of two": Sum(k, P[i, k] * softmax(k, w[k])),
    "a square": Sum(k, P[i, k] ** 2),
    "a mean": Sum(k, P[i, k] * w[k]),
    "a mean of differences": Sum(k, P[i, k] * (w[k] - w[l])),
    "part of the axis": Sum(k, k * P[i, k]),
    "two sums": Sum(k, P[i, k] * (w[k] + q[k])),
}


def at(node: Node) -> np.ndarray:
    values = drawn(PROGRAM.inputs, SIZES, seeded("identities"))
    return run(PROGRAM, values, SIZES).array(node, (i, k, l))


@pytest.mark.parametrize("case", SHORTER)
def test_entries_that_add_up_to_one(case: str) -> None:
    before, after = SHORTER[case]
    found = with_unit_sums(before, NAMES)
    assert key(found) == key(after), f"{found}"
    same(at(found), at(before))


@pytest.mark.parametrize("case", KEPT)
def test_what_is_not_shorter_stays(case: str) -> None:
    assert with_unit_sums(KEPT[case], NAMES) is KEPT[case]


def test_what_is_to_be_differentiated_stays() -> None:
    node = Partial(Sum(k, P[i, k]), Z[i, l])
    assert with_unit_sums(node, NAMES) is node


def loss_of(body: object) -> Program:
    return Program.of([w, q], define(name("L"), body))


def test_the_entropy_has_the_gradient_of_an_expert() -> None:
    body = -Sum(k, softmax(k, w[k]) * log_softmax(k, w[k]))
    program = loss_of(body)
    L = program.output
    found = gradient(program, "w")
    (own,) = found.result.letters
    expected = -softmax(k, w[k]).entry(own) * (log_softmax(k, w[k]).entry(own) + L)
    assert key(found.result.result) == key(expected)
    assert check_derivation(found).outcome == "holds"
    assert "unit_sum" in {step.rule for step in found.steps}


def test_the_divergence_has_the_gradient_of_an_expert() -> None:
    p = define(name("p")[k], softmax(k, w[k]))
    program = loss_of(Sum(k, p[k] * (log(p[k]) - log(q[k]))))
    L = program.output
    found = gradient(program, "w")
    (own,) = found.result.letters
    assert key(found.result.result) == key(p[own] * (log(p[own]) - log(q[own]) - L))
    assert check_derivation(found).outcome == "holds"


def test_the_identity_may_be_differentiated() -> None:
    """It holds whatever the argument is, so that a second derivative may rest on it."""
    p = define(name("p")[k], softmax(k, w[k]))
    program = loss_of(Sum(k, p[k] * (log(p[k]) - log(q[k]))))
    assert check_derivation(hessian(program, "w")).outcome == "holds"


MU = define(name("mu")[k], mean(i, Z[i, k]))
A = define(name("A")[i, k], Z[i, k] - mean(i, Z[i, k]))
B = define(name("B")[i, k], Z[i, k] - MU[k])
MEANS = Program.of([Z, x, w, S], [MU, A, B])

VANISHING: dict[str, tuple[Node, Node]] = {
    "deviations from a mean": (w[k] + Sum(i, A[i, k]), w[k] + number(0)),
    "from a mean with a name, times what is fixed": (Sum(i, w[k] * B[i, k]) - w[l], -w[l]),
    "one of several terms": (Sum(i, w[k] * A[i, k] + x[i] * B[i, k]), Sum(i, x[i] * B[i, k])),
    "one letter of two": (Sum(i, k, w[k] * A[i, k]), number(0)),
}
STAYING: dict[str, Node] = {
    "along another axis": Sum(k, A[i, k]),
    "with a factor that moves": Sum(i, x[i] * A[i, k]),
    "squares": Sum(i, A[i, k] ** 2),
    "what is no deviation": Sum(i, Z[i, k]),
    "what is to be differentiated": Partial(Sum(i, A[i, k]), Z[i, l]),
}


@pytest.mark.parametrize("case", VANISHING)
def test_deviations_from_a_mean_add_up_to_zero(case: str) -> None:
    before, after = VANISHING[case]
    found = with_centred_sums(before, Names(MEANS.definitions()))
    assert key(found) == key(after), f"{found}"
    values = drawn(MEANS.inputs, SIZES, seeded("means"))
    one, two = (run(MEANS, values, SIZES).array(node + 0 * w[k] + 0 * w[l], (k, l)) for node in (found, before))
    assert np.allclose(one, two, atol=1e-12)


@pytest.mark.parametrize("case", STAYING)
def test_other_sums_stay(case: str) -> None:
    assert with_centred_sums(STAYING[case], Names(MEANS.definitions())) is STAYING[case]


def correlation(u, v):
    a, b = u - u.mean(), v - v.mean()
    return (a @ b) / np.sqrt((a @ a) * (b @ b))


def test_the_gradient_of_a_correlation_is_short() -> None:
    found = derive.gradient(correlation, "u", shapes={"u": ("n",), "v": ("n",)})
    assert found.result.latex() == r"\frac1{\|a\| \|b\|} b - \frac{a^\top b}{\|a\|^3 \|b\|} a"
    assert check_derivation(found).outcome == "holds"
