"""Parts of products and sums that have a name, and products that several products share."""

from __future__ import annotations

import numpy as np
import pytest
import sympy

import derive
from derive.algebra import tidy
from derive.definitions import define
from derive.evaluate import run
from derive.functions import exp, tanh
from derive.index import letters
from derive.matching import Names
from derive.named_parts import with_parts_named
from derive.nodes import Node, Partial, Sum, number
from derive.notation import name, tensor
from derive.program import Program
from derive.shared_products import shared_products
from derive.size_algebra import sizes
from derive.tree import key, pattern
from tests.derive.witnesses import drawn, same, seeded
from verify.derivation import check_derivation

HALF = sympy.Rational(1, 2)
n, m = sizes("n m")
i, j, q, k, l = letters("i j q k l", n, n, n, m, m)
A, b, c, s = tensor("A", n, n), tensor("b", n), tensor("c", n), tensor("s", domain="positive")
X, w = tensor("X", n, m), tensor("w", m)
F = define(name("f")[i], Sum(j, A[i, j] * b[j]))
Z = define(name("z")[i], (b[i] - c[i]) / s[()])
R = define(name("r")[i], Sum(k, X[i, k] * w[k]))
U = define(name("u")[i], c[i] * (b[i] ** 2 + s[()]) ** number(-HALF))
V = define(name("v")[i], Sum(j, A[i, j] * c[j]) / s[()])
PROGRAM = Program.of([A, b, c, s, X, w], [F, Z, R, U, V])
NAMES = Names(PROGRAM.definitions())
SIZES = {n: 4, m: 3}

SHORTER: dict[str, tuple[Node, Node]] = {
    "a matrix times a vector within a sum": (Sum(i, j, c[i] * A[i, j] * b[j]), Sum(i, c[i] * F[i])),
    "with its letters in another order": (Sum(j, i, b[j] * A[i, j] * c[i]), Sum(i, c[i] * F[i])),
    "a factor outside the sum": (Sum(i, c[i] * (b[i] - c[i])) / s[()], Sum(i, c[i] * Z[i])),
    "a part of a power": ((b[i] - c[i]) / s[()] ** 2, Z[i] / s[()]),
    "a part with a root": (b[i] * c[i] * (b[i] ** 2 + s[()]) ** number(-3 * HALF), b[i] * U[i] / (b[i] ** 2 + s[()])),
    "a sum and what stands before it": (Sum(i, j, b[i] * A[i, j] * c[j]) / s[()] ** 2, Sum(i, b[i] * V[i]) / s[()]),
    "one of the terms below a sum": (
        Sum(j, A[i, j] * (c[j] + 2 * b[j])) - 2 * F[i],
        Sum(j, A[i, j] * c[j]),
    ),
    "twice": (Sum(k, l, X[i, k] * w[k] * X[j, l] * w[l]), R[i] * R[j]),
}
KEPT: dict[str, Node] = {
    "the transposed matrix": Sum(i, A[i, j] * b[i] * c[i]),
    "a letter that others read": Sum(j, A[i, j] * b[j] * c[j]),
    "another matrix": Sum(k, X[i, k] * w[k] ** 2),
    "a sum without what stands before it": Sum(i, j, b[i] * A[i, j] * c[j]),
    "a part of its axis": Sum(k, X[i, k] * w[k] * exp(w[k])),
}


def at(node: Node) -> np.ndarray:
    values = drawn(PROGRAM.inputs, SIZES, seeded("named parts"))
    return run(PROGRAM, values, SIZES).array(node + 0 * b[i] + 0 * b[j], (i, j))


@pytest.mark.parametrize("case", SHORTER)
def test_a_part_has_its_name(case: str) -> None:
    before, after = SHORTER[case]
    found = tidy(with_parts_named(before, NAMES))
    assert key(found) == key(after), f"{found}"
    same(at(found), at(before))


@pytest.mark.parametrize("case", KEPT)
def test_what_is_no_part_stays(case: str) -> None:
    assert with_parts_named(KEPT[case], NAMES) is KEPT[case]


def test_what_is_to_be_differentiated_stays() -> None:
    node = Partial(Sum(i, j, c[i] * A[i, j] * b[j]), b[q])
    assert with_parts_named(node, NAMES) is node


def test_a_sum_along_a_part_of_an_axis_is_another() -> None:
    (p,) = letters("p", m)
    node = Sum(p, A[i, p] * b[p] * c[i])
    assert with_parts_named(node, NAMES) is node


# ---------------------------------------------------------------------------------------------- shared products


def test_products_share_a_part_at_other_indices() -> None:
    """At an index that only a bracket keeps inside its range, too."""
    part = b[i] * (1 - tanh(c[i]) ** 2)
    later = b[i - 1] * (1 - tanh(c[i - 1]) ** 2)
    root = Sum(i, part * A[i, j]) + Sum(i, later * X[i, k] * s[()])
    found = {pattern(node) for node in shared_products([root], frozenset())}
    assert pattern(part) in found


def test_factors_at_different_indices_are_no_product() -> None:
    root = Sum(i, b[i] * c[j] * A[i, j]) + Sum(i, b[i] * c[q] * A[j, i])
    assert not any(node.tensors >= {b, c} for node in shared_products([root], frozenset()))


def test_what_is_recurrent_is_left_out() -> None:
    root = b[i] * c[i] * A[i, j] + b[i] * c[i] * A[j, i]
    assert list(shared_products([root], frozenset()))
    assert not list(shared_products([root], frozenset({b})))


def recurrent_net(X, y, W, U):
    h = np.zeros(U.shape[0])
    for t in range(3):
        h = np.tanh(X[t] @ W + h @ U)
    return 0.5 * np.sum((h - y) ** 2)


def test_what_the_steps_of_a_loop_share_has_a_name() -> None:
    shapes = {"X": (3, "d"), "y": ("k",), "W": ("d", "k"), "U": ("k", "k")}
    found = derive.gradient(recurrent_net, "W", shapes=shapes)
    named = [chain for chain in found.chains if not chain.steps]
    assert named
    computed = {d.tensor for d in found.derived.definitions()}
    assert all(chain.name is not None and chain.name.tensor in computed for chain in named)
    assert len("".join(found.result.latex().split())) < 100
    assert check_derivation(found).outcome == "holds"
