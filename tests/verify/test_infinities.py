"""Tables with infinities: their lines are tried, wrong ones fail, what infinities that tie decide is not passed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.special import logsumexp

import derive
from derive import Partial, Program, Sum, define, equal, exp, letters, line, names, number, prove, softmax, tensor
from derive.derivation import Check, Derivation
from derive.functions import greater, greater_equal, maximum, minimum
from derive.index import as_index
from derive.matrix import matrix_form
from derive.nodes import Bracket, Node, Tensor, as_node
from derive.statements import Statement
from tests.derive.render.test_numpy_tables import signed_warping, soft_dtw
from verify.derivation import check_derivation

INFINITY = number(np.inf)


def unequal(k: Any, m: Any) -> Node:
    """1 where two indices differ."""
    return Bracket(as_index(k), "≠", as_index(m))


def _soft() -> Derivation:
    shapes: Any = {"x": (2,), "y": (3,), "gamma": ()}
    return derive.gradient(soft_dtw, "x", shapes=shapes, assumptions=lambda gamma: [gamma > 0])


def _hard() -> Derivation:
    return derive.gradient(signed_warping, "x", shapes={"x": (2,), "y": (3,)})


def _tensors(found: Derivation) -> dict[str, Tensor]:
    chains = {c.name.tensor.name: c.name.tensor for c in found.chains if c.name is not None}
    return {**{t.name: t for t in found.program.inputs}, **chains, **{
        d.tensor.name: d.tensor for d in found.program.definitions()
    }}  # fmt: skip


def _weights(sharpness: Callable[[Any], Any]) -> Callable[[dict[str, Tensor], Any], Node]:
    """The cotangent of what the last soft minimum is taken of, by some softmax."""

    def made(t: dict[str, Tensor], k: Any) -> Node:
        (j,) = letters("j", 3)
        return t["d_R_5"][2, 3] * softmax(j, -t["before_4"][j] * sharpness(t["gamma"][()])).entry(k)

    return made


def _beside_infinities(extra: Callable[[Any], Any]) -> Callable[[dict[str, Tensor], Any], Node]:
    """The cotangent of what a soft minimum is taken of, a number between two infinities, and something else."""

    def made(t: dict[str, Tensor], k: Any) -> Node:
        (j,) = letters("j", 3)
        weights = softmax(j, -t["before"][j] / t["gamma"][()]).entry(k)
        return t["d_R_1"][1, 2] * (weights + extra(k))

    return made


def _corner(first: Callable[..., Any], last: Callable[..., Any]) -> Callable[[dict[str, Tensor], Any, Any], Node]:
    """The cotangent of a table where a minimum is taken of two infinities that tie and of a number.

    ``first`` and ``last`` say of the smaller infinity and the number which of them counts.
    """

    def made(t: dict[str, Tensor], r: Any, c: Any) -> Node:
        R, d_after = t["R_1"], t["d_R_2"]
        tied, number_ = minimum(R[0, 2], R[0, 3]), R[1, 2]
        inside = greater_equal(R[0, 3], R[0, 2]) * equal(r, 0) * equal(c, 2)
        inside = inside + greater(R[0, 2], R[0, 3]) * equal(r, 0) * equal(c, 3)
        chosen = first(number_, tied) * inside + last(tied, number_) * equal(r, 1) * equal(c, 2)
        kept = d_after[r, c] * unequal(r, 1) + d_after[1, c] * unequal(c, 3) * equal(r, 1)
        return kept + d_after[1, 3] * chosen

    return made


def _soft_table(passed: int, corner: int) -> Callable[[dict[str, Tensor], Any, Any], Node]:
    """The cotangent of the table of a soft minimum: of what is kept, and of the three entries that go into it."""

    def made(t: dict[str, Tensor], r: Any, c: Any) -> Node:
        before, after = t["d_before_3"], t["d_R_4"]
        kept = after[r, c] * unequal(r, 2) + after[2, c] * unequal(c, 2) * equal(r, 2)
        entries = before[0] * equal(r, 1) * equal(c, 2) + before[1] * equal(r, 2) * equal(c, 1)
        return passed * kept + entries + before[2] * equal(r, 1) * equal(c, corner)

    return made


Line = Callable[..., Node]
CASES: dict[str, tuple[Callable[[], Derivation], str, Line, Line]] = {
    "temperature lost": (_soft, "d_before_4", _weights(lambda g: 1 / g), _weights(lambda g: as_node(1))),
    "temperature turned over": (_soft, "d_before_4", _weights(lambda g: 1 / g), _weights(lambda g: g)),
    "sign of a weight": (_soft, "d_before_4", _weights(lambda g: 1 / g), _weights(lambda g: -1 / g)),
    "an infinite entry has a weight": (
        _soft, "d_before", _beside_infinities(lambda k: as_node(0)), _beside_infinities(lambda k: equal(k, 0))
    ),
    "a number has two weights": (
        _soft, "d_before", _beside_infinities(lambda k: as_node(0)), _beside_infinities(lambda k: equal(k, 1))
    ),
    "table not passed on": (_soft, "d_R_3", _soft_table(1, 1), _soft_table(0, 1)),
    "corner misplaced": (_soft, "d_R_3", _soft_table(1, 1), _soft_table(1, 0)),
    "infinities that tie take all": (
        _hard, "d_R_1", _corner(greater_equal, greater), _corner(lambda a, b: greater_equal(b, a), greater)
    ),
    "the number beside them takes nothing": (
        _hard, "d_R_1", _corner(greater_equal, greater), _corner(greater_equal, lambda a, b: greater(b, a))
    ),
    "all three take all": (
        _hard, "d_R_1", _corner(greater_equal, greater), _corner(lambda a, b: as_node(1), greater)
    ),
}  # fmt: skip
"""A derivation, one of its chains, its last line right and wrong."""


def _with_last_line(found: Derivation, name: str, made: Line) -> Check:
    tensors = _tensors(found)
    (chain,) = (c for c in found.chains if c.name is not None and c.name.tensor is tensors[name])
    step = replace(chain.steps[-1], after=made(tensors, *chain.letters))
    changed = replace(chain, steps=(*chain.steps[:-1], step))
    chains = tuple(changed if c is chain else c for c in found.chains)
    evidence = check_derivation(replace(found, chains=chains), exact=False)
    assert {check.outcome for s, check in evidence.steps.items() if s is not step} == {"holds"}
    return evidence.steps[step]


@pytest.mark.parametrize("name", CASES)
def test_wrong_lines_about_infinite_entries_fail(name: str) -> None:
    make, chain, right, wrong = CASES[name]
    found = make()
    check = _with_last_line(found, chain, right)
    assert check.outcome == "holds", check.message
    assert _with_last_line(found, chain, wrong).outcome == "fails"


def test_a_tie_of_infinities_is_said() -> None:
    """The law of a minimum is tried where the tie decides nothing, and the line says so."""
    messages = [check.message for check in check_derivation(_hard(), exact=False).steps.values()]
    said = [message for message in messages if "are the same infinity" in message]
    assert len(said) == 2
    assert "the sides of its condition R[0,1] ≠ R[0,2] are the same infinity" in "".join(said)


def _line(after: Callable[[Any, Any, Any], object], body: Callable[[Any, Any], Node]) -> Check:
    """The check of a line about the derivative of a table of one number and two infinities."""
    (k, m) = letters("k m", 3, 3)
    x = tensor("x")
    table, total = names("T L")
    T = define(table[k], equal(k, 0) * x[()] + INFINITY * unequal(k, 0))
    L = define(total, Sum(m, T[m] * equal(m, 0)))
    program = Program.of([x], L)
    condition = Statement(T[1], "≠", T[2])
    step = line("=", after(T, m, x), "elementwise", conditions=[condition])
    chain = prove(Partial(body(T, x), T[m]), step, within=program)
    evidence = check_derivation(derive.claim(("t", "t"), [chain], program=program))
    return evidence.steps[chain.steps[0]]


def test_what_infinities_that_tie_decide_is_not_passed() -> None:
    """Which of them is the smaller matters to this derivative: neither choice is right or wrong."""
    for choice in (1, 2):
        check = _line(lambda T, m, x, choice=choice: equal(m, choice), lambda T, x: minimum(T[1], T[2]))
        assert check.outcome == "not exercised"
    right = _line(lambda T, m, x: equal(m, 0), lambda T, x: minimum(minimum(T[1], T[2]), T[0]))
    assert right.outcome == "holds", right.message
    wrong = _line(lambda T, m, x: equal(m, 1), lambda T, x: minimum(minimum(T[1], T[2]), T[0]))
    assert wrong.outcome == "fails"


def test_numbers_too_large_for_floating_point_are_no_infinities() -> None:
    def overflowing(x: Any, y: Any) -> Any:
        return np.minimum(np.minimum(np.exp(1000 + x**2), np.exp(1000 + y**2)), x)

    evidence = check_derivation(derive.gradient(overflowing, "x", shapes={"x": (), "y": ()}), exact=False)
    unmet = [check.message for check in evidence.steps.values() if check.outcome == "not exercised"]
    assert any("held for no entry of any point" in message for message in unmet)
    assert all(check.outcome != "fails" for check in evidence.steps.values())


def test_a_condition_that_numbers_break_is_not_met() -> None:
    """Where some entries are equal numbers, ties of infinities elsewhere are no excuse."""
    (k,) = letters("k", 3)
    x = tensor("x", 3)
    (table, total) = names("T L")
    T = define(table[k], equal(k, 0) * x[k] + INFINITY * unequal(k, 0))
    L = define(total, Sum(k, exp(-T[k])))
    program = Program.of([x], L)
    same = Statement(T[k], "≠", T[k] + 0 * x[0])
    chain = prove(exp(-T[k]) * 2, line("=", 2 * exp(-T[k]), conditions=[same]), within=program)
    evidence = check_derivation(derive.claim(("t", "t"), [chain], program=program))
    assert evidence.steps[chain.steps[0]].outcome == "not exercised"


def test_how_a_choice_between_infinities_moves_is_unknown() -> None:
    a, b = np.array([1, np.inf, np.inf, -np.inf]) + 1j, np.array([np.inf, 2, np.inf, -np.inf]) + 2j
    for choose, expected in ((minimum, [1, 2, np.inf, -np.inf]), (maximum, [np.inf, np.inf, np.inf, -np.inf])):
        found = choose.numpy(a, b)
        assert found.real.tolist() == expected
        assert np.isnan(found.imag).tolist() == [False, False, True, True]
        assert choose.numpy(a.real, b.real).tolist() == expected


def test_infinity_stays_beside_its_brackets() -> None:
    """Times the sum of the brackets it has no value where these are all false."""

    def table(x: Any) -> Any:
        R = np.full(3, np.inf)
        R[2] = 0.0
        before = np.array([R[0], R[1], R[2]])
        return x * np.exp(-before / x).sum()

    found = derive.gradient(table, "x", shapes={"x": ()}, assumptions=lambda x: [x > 0])
    assert derive.run(found.program, {"x": np.array(2.0)}).arrays[found.program.outputs[0]] == 2.0


def test_infinity_stays_in_a_sum() -> None:
    """In front of a sum whose brackets are all false it would have no value."""

    def shortest(x: Any, gamma: Any) -> Any:
        R = np.full(4, np.inf)
        R[0] = 0.0
        for i in range(3):
            R[i + 1] = x[i] - gamma * logsumexp(-R[:3] / gamma)
        return R[3]

    found = derive.gradient(shortest, "gamma", shapes={"x": (3,), "gamma": ()}, assumptions=lambda gamma: [gamma > 0])
    assert {check.outcome for check in check_derivation(found).all} == {"holds"}


def test_what_leaves_infinite_entries_out_is_no_product_of_matrices() -> None:
    (i, k) = letters("i k", 3, 3)
    P, S = tensor("P", 3, 3), tensor("S", 3, 3)
    assert matrix_form(Sum(i, k, P[i, k] * S[i, k]), ()) is not None
    assert matrix_form(Sum(i, k, P[i, k] * greater(S[i, k], number(-np.inf)) * S[i, k]), ()) is None
