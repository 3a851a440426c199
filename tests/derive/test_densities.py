"""Terms with normal densities are added up where they are multiples of each other, and only there."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

import derive
from derive.cases import Cases
from derive.definitions import define
from derive.densities import with_densities_compared
from derive.evaluate import run
from derive.functions import exp, log, normal_pdf, sqrt
from derive.index import letters
from derive.nodes import Node, Partial, number
from derive.notation import names, tensor
from derive.program import Program
from derive.size_algebra import sizes
from derive.tree import key
from tests.derive.witnesses import same, seeded
from verify.derivation import check_derivation

(n,) = sizes("n")
(i,) = letters("i", n)
S, K, w = tensor("S", n), tensor("K", n), tensor("w", n, domain="positive")
r, v, T = tensor("r"), tensor("v", domain="positive"), tensor("T", domain="positive")
d, e, p, b, g = names("d e p b g")
D = define(d[i], (log(S[i] / K[i]) + (r + v**2 / 2) * T) / (v * sqrt(T)))
E = define(e[i], D[i] - v * sqrt(T))
P = define(p, exp(-r * T))
B = define(b[i], (log(w[i]) + v**2 / 2) / v)
G = define(g[i], (log(S[i] ** 2) + v**2) / (2 * v))
PROGRAM = Program.of([S, K, w, r, v, T], [D, E, P, B, G])
one, two = S[i] / K[i] * normal_pdf(D[i]), P * normal_pdf(E[i])

SHORTER: dict[str, tuple[Node, Node]] = {
    "terms that cancel": (one - two + r, r + number(0)),
    "up to a number": (3 * one - 2 * two, one + number(0)),
    "below a product": (K[i] * (two - one + 2) / r, K[i] * number(2) / r),
    "by what is positive": (w[i] * normal_pdf(B[i]) - normal_pdf(B[i] - v) + r, r + number(0)),
}
KEPT: dict[str, Node] = {
    "densities at other places": S[i] / K[i] * normal_pdf(E[i]) - P * normal_pdf(D[i]),
    "what is no multiple by a number": S[i] * normal_pdf(D[i]) - P * normal_pdf(E[i]),
    "a factor of unknown sign": S[i] * normal_pdf(G[i]) - normal_pdf(G[i] - v),
    "one density alone": S[i] * normal_pdf(D[i]) - P,
}


def compared(node: Node) -> Node:
    return with_densities_compared(node, PROGRAM, Cases(PROGRAM).definitions)


def at(node: Node) -> np.ndarray:
    rng = seeded("densities")
    values = {x: rng.uniform(0.5, 2, 40) for x in (S, K, w)} | {x: np.array(rng.uniform(0.5, 2)) for x in (r, v, T)}
    return run(PROGRAM, values, {n: 40}).array(node + 0 * S[i], (i,))


@pytest.mark.parametrize("case", SHORTER)
def test_multiples_are_added_up(case: str) -> None:
    before, after = SHORTER[case]
    found = compared(before)
    assert key(found) == key(after), f"{found}"
    same(at(found), at(before))


@pytest.mark.parametrize("case", KEPT)
def test_other_terms_stay(case: str) -> None:
    assert compared(KEPT[case]) is KEPT[case]


def test_what_is_to_be_differentiated_stays() -> None:
    node = Partial(one - two, v[()])
    assert compared(node) is node


def put(S, K, r, v, T):
    d1 = (np.log(S / K) + (r + 0.5 * v**2) * T) / (v * np.sqrt(T))
    d2 = d1 - v * np.sqrt(T)
    return np.sum(K * np.exp(-r * T) * norm.cdf(-d2) - S * norm.cdf(-d1))


@pytest.mark.parametrize(("wrt", "expected"), [("S", r"-\Phi(-d_1)"), ("K", r"e^{-r T} \Phi(-d_2)")])
def test_the_sensitivities_of_an_option_are_short(wrt: str, expected: str) -> None:
    shapes = {"S": ("n",), "K": ("n",), "r": (), "v": (), "T": ()}
    said = lambda S, K, v, T: [(x, "positive") for x in (S, K, v, T)]  # noqa: E731 - the assumptions of one call
    found = derive.gradient(put, wrt, shapes=shapes, assumptions=said)
    assert found.result.latex() == expected
    assert check_derivation(found).outcome == "holds"
