"""What domains of two values say: it holds at every point of them, and is not used where the tensor moves."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import derive
from derive.definitions import define
from derive.evaluate import run
from derive.functions import greater, greater_equal, where
from derive.index import letters
from derive.masks import with_masks_used
from derive.nodes import Node, number
from derive.notation import name, tensor
from derive.program import Program
from derive.size_algebra import sizes
from derive.tree import key
from tests.derive.witnesses import same
from verify.derivation import check_derivation

(n,) = sizes("n")
(i,) = letters("i", n)
m, s, x = tensor("m", n, domain="mask"), tensor("s", n, domain="sign"), tensor("x", n)
E = define(name("E")[i], m[i] * (x[i] - 1))
PROGRAM = Program.of([m, s, x], E)
DEFINITIONS = {E.definition.tensor: E.definition} if E.definition else {}
u, v, w = m[i], s[i], x[i]

SHORTER: dict[str, tuple[Node, Node]] = {
    "the square of a mask": (w * u**2, w * u),
    "a cube": (u**3, u),
    "a mask and its complement": (w * u * (1 - u), number(0)),
    "a mask in a name": (u * E[i], E[i]),
    "the square of a sign": (w * v**2, w),
    "the cube of a sign": (v**3, v),
    "one over a sign": (w / v, w * v),
    "a mask above a half": (greater(u, 0.5), u),
    "a mask at least 1": (greater_equal(u, 1), u),
    "a mask at most 1": (greater_equal(1, u), number(1)),
    "a mask that is 0": (greater_equal(0, u), 1 - u),
    "a mask above 1": (greater(u, 1), number(0)),
    "a choice of 1 and 0": (where(u, 1, 0), u),
    "a choice of 0 and 1": (where(u, 0, 1), 1 - u),
}
KEPT: dict[str, Node] = {
    "the square of a real number": w**2,
    "a root of a mask": u**0.5,
    "one over a mask": 1 / u,
    "a choice of others": where(u, w, 1),
    "a comparison with a real number": greater(u, w),
    "a mask and another": u * w,
}


def at(node: Node) -> np.ndarray:
    entries = np.array(list(itertools.product([0.0, 1.0], [-1.0, 1.0], [-0.7, 1.3])))
    values = dict(zip((m, s, x), entries.T, strict=True))
    return run(PROGRAM, values, {n: len(entries)}).array(node + 0 * w, (i,))


@pytest.mark.parametrize("case", SHORTER)
def test_what_a_domain_says_holds_at_all_its_points(case: str) -> None:
    before, after = SHORTER[case]
    found = with_masks_used(before, DEFINITIONS, frozenset())
    assert key(found) == key(after), f"{found}"
    same(at(found), at(before))


@pytest.mark.parametrize("case", KEPT)
def test_what_it_does_not_say_stays(case: str) -> None:
    assert with_masks_used(KEPT[case], DEFINITIONS, frozenset()) is KEPT[case]


def test_it_is_not_used_where_the_mask_moves() -> None:
    node = w * u**2
    assert with_masks_used(node, DEFINITIONS, frozenset({m})) is node


def masked_error(R, M, u):
    E = M * (R - u)
    return 0.5 * np.sum(E**2)


def said(M, **given):
    return [(M, "mask")]


SHAPES = {"R": ("n",), "M": ("n",), "u": ("n",)}


def test_a_masked_error_has_the_gradient_of_an_expert() -> None:
    found = derive.gradient(masked_error, "u", shapes=SHAPES, assumptions=lambda M: [(M, "mask")])
    assert found.result.latex() == "-E"
    assert "mask" in {step.rule for step in found.steps}
    assert check_derivation(found).outcome == "holds"


def test_the_hessian_by_the_mask_itself_is_right() -> None:
    found = derive.hessian(masked_error, "M", shapes=SHAPES, assumptions=lambda M: [(M, "mask")])
    assert check_derivation(found).outcome == "holds"
