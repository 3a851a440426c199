"""The checker of derivations passes what is right, and fails exactly the step that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import derive
from derive import (
    Partial,
    Program,
    Sum,
    absolute,
    assume,
    claim,
    define,
    equal,
    exp,
    gradient,
    hessian,
    hvp,
    jacobian,
    jvp,
    letters,
    line,
    log,
    names,
    number,
    prove,
    relu,
    sizes,
    softmax,
    sqrt,
    taylor,
    tensor,
    vjp,
)  # fmt: skip
from derive.derivation import Chain, Check, Derivation, Evidence, Step
from derive.evidence import evidence_for
from derive.formula import Formula
from derive.matrix import matrix_form
from derive.nodes import Node
from derive.statements import Statement
from tests.derive.programs import GATE
from tests.verify.wrong_steps import CORRUPTED, TWINS, Corrupted, Twin, last_line
from verify.derivation import check_derivation


def _failures(evidence: Evidence) -> list[str]:
    return [check.message for check in evidence.all if check.outcome != "holds"]


def _all_steps(chains: tuple[Chain, ...]) -> list[Step]:
    found = []
    for chain in chains:
        for step in chain.steps:
            found += [step, *_all_steps(step.substeps)]
    return found


# ------------------------------------------------------------------------------------------------ what is right


@pytest.mark.parametrize("name", GATE)
def test_gradients_hold(name: str) -> None:
    case = GATE[name]()
    found = gradient(case.program, case.wrt)
    evidence = check_derivation(found)
    assert _failures(evidence) == []
    assert set(evidence.steps) == set(_all_steps(found.chains))
    assert all(check.points >= 3 and check.sizes for check in evidence.steps.values())
    assert max(check.error for check in evidence.all) < 1e-12


KINDS: dict[str, Callable[[Program, str], Derivation]] = {
    "jvp": lambda program, wrt: jvp(program, wrt),
    "vjp": lambda program, wrt: vjp(program, wrt),
    "jacobian": lambda program, wrt: jacobian(program, wrt),
    "hessian": lambda program, wrt: hessian(program, wrt),
    "hvp": lambda program, wrt: hvp(program, wrt),
    "hvp, reverse": lambda program, wrt: hvp(program, wrt, style="reverse"),
    "taylor": lambda program, wrt: taylor(program, wrt, order=2),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", GATE)
def test_other_derivatives_hold(kind: str, name: str) -> None:
    case = GATE[name]()
    # second derivatives of a block by its weights are checked too, in a campaign
    wrt = "B0mbeta" if name == "one_block" and kind in ("hessian", "taylor") else case.wrt[0]
    evidence = check_derivation(KINDS[kind](case.program, wrt))
    assert _failures(evidence) == []


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(1, 21))
@pytest.mark.parametrize("name", GATE)
def test_gradients_hold_at_every_seed(name: str, seed: int) -> None:
    case = GATE[name]()
    assert _failures(check_derivation(gradient(case.program, case.wrt), seed=seed)) == []


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(1, 6))
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", GATE)
def test_other_derivatives_hold_at_every_seed(kind: str, name: str, seed: int) -> None:
    case = GATE[name]()
    assert _failures(check_derivation(KINDS[kind](case.program, case.wrt[0]), seed=seed)) == []


def test_the_result_is_seen_by_three_routes() -> None:
    case = GATE["gather"]()
    found = gradient(case.program, case.wrt)
    checks = check_derivation(found).chains[found.result]
    assert {check.witness for check in checks} == {"numerical derivative", "SymPy"}
    found = hessian(case.program, "E")
    witnesses = [check.witness for check in check_derivation(found).chains[found.result]]
    assert sorted(witnesses) == ["SymPy", "numerical derivative", "second differences"]
    without = check_derivation(found, exact=False).chains[found.result]
    assert "SymPy" not in {check.witness for check in without}


def test_the_matrix_form_is_compared() -> None:
    case = GATE["softmax_regression"]()
    found = gradient(case.program, "W")
    checks = {check.witness: check for check in check_derivation(found).chains[found.result]}
    assert set(checks) == {"numerical derivative", "matrix form", "SymPy"}
    assert checks["matrix form"].points == checks["numerical derivative"].points


def test_a_wrong_matrix_form_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A product in the wrong order: the shapes fit, and where A and C are one it would be right."""
    n, d = sizes("n d")
    i, j, k = letters("i j k", n, d, d)
    A, B, C = tensor("A", n, d), tensor("B", d, d), tensor("C", n, d)
    program = Program.of([A, B, C], define(names("L")[0], Sum(i, j, k, A[i, j] * B[j, k] * C[i, k])))
    found = gradient(program, "B")
    row, column = found.result.letters
    wrong = matrix_form(Sum(i, C[i, row] * A[i, column]), (row, column))
    assert wrong is not None
    monkeypatch.setattr("verify.derivation.matrix_form_of", lambda chain: wrong)
    checks = {check.witness: check for check in check_derivation(found).chains[found.result]}
    assert checks["matrix form"].outcome == "fails"
    assert "the matrix form" in checks["matrix form"].message
    assert checks["numerical derivative"].outcome == "holds"


def test_what_is_too_large_for_sympy_says_so() -> None:
    case = GATE["one_block"]()
    found = gradient(case.program, "X")
    checks = check_derivation(found).chains[found.result]
    assert {check.outcome for check in checks} == {"holds"}
    assert all("SymPy was left out" in check.message for check in checks)


def test_evidence_is_reproducible_and_depends_on_the_seed() -> None:
    case = GATE["mixture"]()
    found = gradient(case.program, case.wrt)
    first, again, other = (check_derivation(found, seed=seed) for seed in (1, 1, 2))
    assert [c.error for c in first.steps.values()] == [c.error for c in again.steps.values()]
    assert [c.error for c in first.steps.values()] != [c.error for c in other.steps.values()]


def test_sizes_differ_and_one_is_one() -> None:
    case = GATE["softmax_regression"]()
    found = gradient(case.program, case.wrt)
    tried = [dict(sizes) for sizes in check_derivation(found).steps[found.chains[-1].steps[-1]].sizes]
    assert len(tried) == 3
    assert all(len({s["n"], s["d"], s["c"]}) == 3 for s in tried[:2])
    assert 1 in tried[-1].values()


def test_points_are_as_many_as_asked_for() -> None:
    case = GATE["gather"]()
    found = gradient(case.program, case.wrt)
    for points in (1, 4):
        evidence = check_derivation(found, points=points)
        assert {check.points for check in evidence.steps.values()} == {3 * points}


# ------------------------------------------------------------------------------------------------ what is wrong


def _twin_checks(twin: Twin, after: Node | Statement, seed: int) -> tuple[Check, Check]:
    """The check of the line, and that of another beside it."""
    chain = prove(
        twin.before,
        line(twin.relation, after, twin.rule, why=("so", "故"), **twin.options),
        within=twin.program,
    )
    other = prove(number(1) + number(2), line("=", number(3)), within=twin.program)
    evidence = check_derivation(claim(("t", "t"), [chain, other], program=twin.program), seed=seed)
    return evidence.steps[chain.steps[0]], evidence.steps[other.steps[0]]


def _tell_twins_apart(make: Callable[[], Twin], seed: int) -> None:
    twin = make()
    right, _ = _twin_checks(twin, twin.right, seed)
    assert right.outcome == "holds", right.message
    wrong, other = _twin_checks(twin, twin.wrong, seed)
    assert wrong.outcome == "fails", wrong
    assert other.outcome == "holds"
    assert "is wrong" in wrong.message
    assert f"({twin.rule})" in wrong.message


@pytest.mark.parametrize("make", TWINS, ids=lambda make: make.__name__)
def test_a_wrong_line_fails_and_its_twin_holds(make: Callable[[], Twin]) -> None:
    _tell_twins_apart(make, 0)


# Seeds at which a wrong line once passed.
MISSED = [("guard_too_wide_by_one", 21)]


@pytest.mark.parametrize(("name", "seed"), MISSED)
def test_a_wrong_line_that_once_passed_fails(name: str, seed: int) -> None:
    (make,) = (make for make in TWINS if make.__name__ == name)
    _tell_twins_apart(make, seed)


def _corrupted(case: Corrupted) -> tuple[Derivation, Step, Chain]:
    chain = next(c for c in case.derivation.chains if c.name is not None and c.name.tensor.name == case.tensor)
    step = replace(chain.steps[-1], after=last_line(chain, case.wrong))
    made = replace(chain, steps=(*chain.steps[:-1], step))
    chains = tuple(made if c is chain else c for c in case.derivation.chains)
    return replace(case.derivation, chains=chains), step, made


def _find_the_corrupted_step(make: Callable[[], Corrupted], seed: int) -> None:
    case = make()
    assert _failures(check_derivation(case.derivation, seed=seed)) == []
    derivation, step, chain = _corrupted(case)
    evidence = check_derivation(derivation, seed=seed, exact=False)
    assert [s for s, check in evidence.steps.items() if check.outcome != "holds"] == [step]
    assert evidence.steps[step].outcome == "fails"
    failed = [c for c, checks in evidence.chains.items() if any(check.outcome != "holds" for check in checks)]
    assert failed == [chain]
    assert f"line {len(chain.steps)} of the chain of" in evidence.steps[step].message


@pytest.mark.parametrize("make", CORRUPTED, ids=lambda make: make.__name__)
def test_exactly_the_corrupted_step_fails(make: Callable[[], Corrupted]) -> None:
    _find_the_corrupted_step(make, 0)


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(80))
@pytest.mark.parametrize("make", TWINS, ids=lambda make: make.__name__)
def test_wrong_lines_fail_at_every_seed(make: Callable[[], Twin], seed: int) -> None:
    _tell_twins_apart(make, seed)


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(80))
@pytest.mark.parametrize("make", CORRUPTED, ids=lambda make: make.__name__)
def test_corrupted_steps_are_found_at_every_seed(make: Callable[[], Corrupted], seed: int) -> None:
    _find_the_corrupted_step(make, seed)


def test_there_are_wrong_steps_enough() -> None:
    assert len(TWINS) + len(CORRUPTED) >= 60


def test_every_line_of_a_derivation_is_watched() -> None:
    """A line in the middle is changed: it fails, and so does the line that goes on from it."""
    case = GATE["softmax_regression"]()
    found = gradient(case.program, "W")
    chain = found.chains[1]
    for number_ in range(len(chain.steps) - 1):
        step = chain.steps[number_]
        assert isinstance(step.after, Node)
        bad = replace(step, after=step.after * number(3) / 2)
        after = replace(chain.steps[number_ + 1], before=bad.after)
        made = replace(chain, steps=(*chain.steps[:number_], bad, after, *chain.steps[number_ + 2 :]))
        derivation = replace(found, chains=tuple(made if c is chain else c for c in found.chains))
        evidence = check_derivation(derivation, exact=False)
        assert {s for s, check in evidence.steps.items() if check.outcome != "holds"} == {bad, after}


def test_a_wrong_substep_fails_alone() -> None:
    (n,) = sizes("n")
    (i,) = letters("i", n)
    x = tensor("x", n)
    L = define(names("L")[0], Sum(i, x[i]))
    program = Program.of([x], L)
    for factor, outcome in ((2, "holds"), (3, "fails")):
        inner = prove(x[i] + x[i], line("=", factor * x[i], "collect"), within=program)
        chain = prove(x[i] + x[i], line("=", 2 * x[i], "collect", substeps=[inner]), within=program)
        evidence = check_derivation(claim(("t", "t"), [chain], program=program))
        assert evidence.steps[chain.steps[0]].outcome == "holds"
        assert evidence.steps[inner.steps[0]].outcome == outcome


def test_a_wrong_expected_form_fails_although_all_steps_hold() -> None:
    (n,) = sizes("n")
    (i,) = letters("i", n)
    x = tensor("x", n)
    L = define(names("L")[0], Sum(i, x[i] ** 3))
    program = Program.of([x], L)
    for factor, outcome in ((3, "holds"), (2, "fails")):
        about = claim(("t", "t"), gradient(program, "x"), expected={"x": lambda k, a=factor: a * x[k] ** 2})
        evidence = check_derivation(about)
        assert evidence.outcome == outcome
        assert {check.outcome for check in evidence.steps.values()} == {"holds"}
        found = {check.witness: check.outcome for check in evidence.chains[about.chains[-1]]}
        assert found["expected form"] == outcome


def test_an_assumption_may_not_be_differentiated() -> None:
    """On the unit sphere 4(Σx²)x is 4x, but its derivative is not 4: every line holds, the Hessian does not."""
    (n,) = sizes("n")
    i, j = letters("i j", n, n)
    x = tensor("x", n, domain="unit norm")
    L = define(names("L")[0], Sum(i, x[i] ** 2) ** 2)
    program = Program.of([x], L, [assume(Sum(j, x[j] ** 2), "=", 1)])
    assert check_derivation(gradient(program, "x")).outcome == "holds"
    first = gradient(program, "x")
    blind = tuple(replace(d, under=()) for d in first.derived.definitions())
    second = jacobian(Program(first.derived.inputs, blind, first.derived.outputs), "x")
    wrong = Derivation("hessian", program, second.wrt, (*first.chains, *second.chains), second.derived)
    evidence = check_derivation(wrong)
    assert {check.outcome for check in evidence.steps.values()} == {"holds"}
    failed = {check.witness for check in evidence.chains[wrong.result] if check.outcome == "fails"}
    assert "second differences" in failed
    for right in (hessian(program, "x"), hvp(program, "x"), taylor(program, "x", order=2)):
        assert check_derivation(right).outcome == "holds"


@pytest.mark.parametrize(("domain", "outcome"), [("positive", "holds"), ("real", "holds"), ("nonnegative", "holds")])
def test_a_condition_that_is_met_somewhere_is_enough(domain: str, outcome: str) -> None:
    (n,) = sizes("n")
    (i,) = letters("i", n)
    x = tensor("x", n, domain=domain)
    L = define(names("L")[0], Sum(i, relu(x[i]) ** 2))
    assert check_derivation(gradient(Program.of([x], L), "x")).outcome == outcome


def test_a_line_whose_condition_is_never_met_is_no_pass() -> None:
    """log |x| and its derivative exist for negative x too, but the condition that was given does not hold there."""
    x = tensor("x", domain="positive")
    program = Program.of([x], define(names("L")[0], x**2))
    for premise, outcome in ((Statement(x, ">", 0), "holds"), (Statement(x, "<", 0), "not exercised")):
        chain = prove(x * 1 + x, line("=", 2 * x, conditions=[premise]), within=program)
        check = _only_check(chain, program)
        assert check.outcome == outcome
        assert outcome == "holds" or "x < 0 held for no entry" in check.message


def test_conditions_are_tried_for_every_relation() -> None:
    x, v = tensor("x", domain="positive"), tensor("v", domain="small")
    program = Program.of([x, v], define(names("L")[0], x**2 + v))
    for sign, outcome in ((">", "holds"), ("<", "not exercised")):
        implied = line("⇒", Statement(x**2, ">", 1), why=("x > 0", "x > 0"), conditions=[Statement(x, sign, 0)])
        assert _only_check(prove(Statement(x, ">", 1), implied, within=program), program).outcome == outcome
        about = line("≈", 1 + v, "taylor", small=v, order=2, conditions=[Statement(v + 1, sign, 0)])
        assert _only_check(prove(exp(v), about, within=program), program).outcome == outcome
        below = line("≤", 2 * x + x, conditions=[Statement(x, sign, 0)])
        assert _only_check(prove(2 * x, below, within=program), program).outcome == outcome


def test_a_wrong_result_is_not_printed() -> None:
    case = GATE["gather"]()
    found = gradient(case.program, "E")
    chain = found.result
    last = chain.steps[-1]
    assert isinstance(last.after, Node)
    bad = replace(chain, steps=(*chain.steps[:-1], replace(last, after=2 * last.after)))
    wrong = replace(found, chains=(*found.chains[:-1], bad))
    assert evidence_for(found).outcome == "holds"
    with pytest.raises(RuntimeError, match="is wrong at"):
        evidence_for(wrong)


def test_sympy_sees_a_wrong_result_too() -> None:
    case = GATE["gather"]()
    found = gradient(case.program, "E")
    chain = found.result
    last = chain.steps[-1]
    assert isinstance(last.after, Node)
    made = replace(chain, steps=(*chain.steps[:-1], replace(last, after=last.after * number(1.0000001))))
    evidence = check_derivation(replace(found, chains=(*found.chains[:-1], made)))
    assert {check.witness for check in evidence.chains[made] if check.outcome == "fails"} == {
        "numerical derivative", "SymPy",
    }  # fmt: skip


def test_a_message_names_the_place_and_both_values() -> None:
    case = GATE["softmax_regression"]()
    found = gradient(case.program, "b")
    chain = found.result
    last = chain.steps[-1]
    assert isinstance(last.after, Node)
    bad = replace(last, after=-1 * last.after)
    made = replace(chain, steps=(*chain.steps[:-1], bad))
    message = check_derivation(replace(found, chains=(*found.chains[:-1], made))).steps[bad].message
    lines = message.splitlines()
    assert lines[0].startswith(f"line {len(chain.steps)} of the chain of b̄[k] ({last.rule}) is wrong at ")
    assert "(at K=" in lines[0] or "(at c=" in lines[0]
    assert [text.strip().split("  ")[0] for text in lines[3:]] == ["worst entry", "before", "after"]
    before, after = (float(text.split()[1]) for text in lines[4:])
    assert before == pytest.approx(-after)
    assert "±" in lines[5]


# ------------------------------------------------------------------------------------------ what cannot be tried


def _scalar(domain: str = "real") -> tuple[Program, Node]:
    x = tensor("x", domain=domain)
    y = define(names("y")[0], x + 0)
    return Program.of([x], y), x + 0


def _only_check(chain: Chain, program: Program) -> Check:
    evidence = check_derivation(claim(("t", "t"), [chain], program=program))
    assert evidence.outcome == evidence.steps[chain.steps[0]].outcome
    return evidence.steps[chain.steps[0]]


def test_a_premise_that_is_never_true() -> None:
    program, x = _scalar()
    premise = Statement(x**2, ">", 100 + x**4)
    check = _only_check(prove(premise, line("⇒", Statement(x, ">", number(5))), within=program), program)
    assert check.outcome == "not exercised"
    assert "held at no point" in check.message
    assert check.points == 0


def test_an_equation_without_solution_as_premise() -> None:
    program, x = _scalar()
    premise = Statement(x**2, "=", number(-1))
    check = _only_check(prove(premise, line("⇒", Statement(x, "=", number(1))), within=program), program)
    assert check.outcome == "not exercised"


def test_sides_that_are_nan_everywhere() -> None:
    program, x = _scalar()
    side = sqrt(-1 - x**2)
    check = _only_check(prove(side, line("=", 1 * side * number(2) / 2 + 0 * x), within=program), program)
    # 0·x is gone when the line is built: both sides are the same, and neither has a value
    assert check.outcome == "not exercised"
    assert "finite nowhere" in check.message


def test_one_side_that_is_nan_everywhere() -> None:
    program, x = _scalar("positive")
    check = _only_check(prove(log(x), line("=", log(-x)), within=program), program)
    assert check.outcome == "not exercised"
    assert "after the relation is finite nowhere" in check.message


def test_an_assumption_that_no_point_satisfies() -> None:
    n, c = sizes("n c")
    i, k = letters("i k", n, c)
    T, Z = tensor("T", n, c), tensor("Z", n, c)
    L = define(names("L")[0], Sum(i, k, T[i, k] * Z[i, k]))
    evidence = check_derivation(gradient(Program.of([T, Z], L, [assume(Sum(k, T[i, k]), "=", 1)]), "Z"))
    assert {check.outcome for check in evidence.steps.values()} == {"not exercised"}
    assert evidence.outcome == "not exercised"
    assert "no point meets the assumption" in evidence.all[0].message
    x = tensor("x")
    y = define(names("y")[0], x**2)
    evidence = check_derivation(gradient(Program.of([x], y, [assume(x**2 + 1, "≥", 10)]), "x"))
    assert evidence.outcome == "not exercised"
    assert "no point was found that meets the assumption" in evidence.all[0].message


def test_an_assumption_selects_points() -> None:
    (n,) = sizes("n")
    (i,) = letters("i", n)
    x = tensor("x", n)
    y = define(names("y")[0], Sum(i, x[i]))
    for relation, sign in ((">", 1), ("≥", 1), ("≠", 0)):
        program = Program.of([x], y, [assume(Sum(i, x[i]), relation, number(0))])
        chain = prove(absolute(Sum(i, x[i])), line("=", Sum(i, x[i])), within=program)
        assert _only_check(chain, program).outcome == ("holds" if sign else "fails")


@pytest.mark.parametrize("claimed", [0, 1])
def test_a_step_that_always_stands_on_a_kink(claimed: int) -> None:
    """Two of three entries are 0, where |x| has no derivative, whatever is claimed of it."""
    i, j = letters("i j", 3, 3)
    x = tensor("x", 3, domain="one-hot")
    y = define(names("y")[0], Sum(i, x[i]))
    program = Program.of([x], y)
    chain = prove(Partial(absolute(x[i]), x[j]), line("=", claimed * equal(i, j) * x[i]), within=program)
    check = _only_check(chain, program)
    assert check.outcome == "not exercised"
    assert "no derivative at a point" in check.message


def test_a_kink_at_some_points_only() -> None:
    """Where no entry of the mask is 0 the line can be tried."""
    i, j = letters("i j", 2, 2)
    x = tensor("x", 2, domain="mask")
    y = define(names("y")[0], Sum(i, x[i]))
    program = Program.of([x], y)
    for claimed, outcome in ((1, "holds"), (2, "fails")):
        chain = prove(Partial(absolute(x[i]), x[j]), line("=", claimed * equal(i, j)), within=program)
        assert _only_check(chain, program).outcome == outcome


def test_zero_up_to_rounding_has_a_derivative() -> None:
    program, x = _scalar()
    slope = Partial(x**2 + x - x * (x + 1), program.inputs[0][()])
    assert _only_check(prove(slope, line("=", number(0)), within=program), program).outcome == "holds"


def test_a_remainder_without_its_small_tensor() -> None:
    program, x = _scalar("small")
    check = _only_check(prove(exp(x), line("≈", 1 + x), within=program), program)
    assert check.outcome == "not exercised"
    assert "names its small tensor" in check.message


def test_a_remainder_that_vanishes_holds() -> None:
    program, x = _scalar("small")
    (small,) = program.inputs
    chain = prove((1 + x) ** 2, line("≈", 1 + 2 * x + x**2, small=small, order=5), within=program)
    assert _only_check(chain, program).outcome == "holds"


def test_sizes_that_leave_no_room() -> None:
    (n,) = sizes("n")
    (i,) = letters("i", n)
    x = tensor("x", n)
    empty = tensor("e", n - 40)
    (k,) = letters("k", n - 40)
    y = define(names("y")[0], Sum(i, x[i]) + Sum(k, empty[k]))
    evidence = check_derivation(gradient(Program.of([x, empty], y), "x"))
    assert evidence.outcome == "not exercised"
    assert "no sizes were found" in evidence.all[0].message


def test_a_size_that_may_not_be_one() -> None:
    (n,) = sizes("n")
    (i,) = letters("i", n)
    x = tensor("x", n)
    y = define(names("y")[0], 1 / (n - 1) * Sum(i, x[i] ** 2))
    evidence = check_derivation(gradient(Program.of([x], y), "x"))
    assert evidence.outcome == "holds"
    assert all(dict(sizes)["n"] > 1 for check in evidence.steps.values() for sizes in check.sizes)


@pytest.mark.parametrize(("domain", "words"), [("simplx", "did you mean 'simplex'"), ("orthogonal", "square")])
def test_a_domain_that_is_none_is_named(domain: str, words: str) -> None:
    n, m = sizes("n m")
    i, j = letters("i j", n, m)
    x = tensor("x", n, m, domain=domain)
    y = define(names("y")[0], Sum(i, j, x[i, j] ** 2))
    with pytest.raises(ValueError, match=words) as raised:
        check_derivation(gradient(Program.of([x], y), "x"))
    assert "'x'" in str(raised.value)


def test_a_chain_without_lines_is_no_evidence() -> None:
    program, x = _scalar()
    evidence = check_derivation(claim(("t", "t"), [prove(x, within=program)], program=program))
    assert evidence.outcome == "not exercised"
    assert evidence.all == ()


def test_only_derivations_claims_and_formulas() -> None:
    with pytest.raises(TypeError, match="Program"):
        check_derivation(_scalar()[0])  # type: ignore[arg-type]


def test_a_formula_is_all_its_claims() -> None:
    n, c = sizes("n c")
    i, k = letters("i k", n, c)
    Z = tensor("Z", n, c)

    def program() -> Program:
        P, L = names("P L")
        P = define(P[i, k], softmax(k, Z[i, k]))
        return Program.of([Z], define(L, Sum(i, k, P[i, k] ** 2)))

    made = Formula(
        id="two-claims", title="t", title_zh="t", program=program, reference="r", summary=("s", "s"),
        claims=lambda about: [claim(("a", "a"), gradient(about, "Z")), claim(("b", "b"), jvp(about, "Z"))],
    )  # fmt: skip
    evidence = check_derivation(made)
    assert evidence.outcome == "holds"
    assert len(evidence.chains) >= 4


def test_numbers_are_compared_at_their_own_scale() -> None:
    """A gradient of 1e-12 that is claimed to be 0 fails; cancellation of large terms is no error."""
    (n,) = sizes("n")
    (i,) = letters("i", n)
    x = tensor("x", n)
    tiny = define(names("s")[0], number(1e-12) * Sum(i, x[i] ** 2))
    program = Program.of([x], tiny)
    slope = Partial(tiny + 0, x[i], total=True)
    assert _only_check(prove(slope, line("=", number(0)), within=program), program).outcome == "fails"
    assert _only_check(prove(slope, line("=", number(2e-12) * x[i]), within=program), program).outcome == "holds"
    large = number(1e9)
    cancelled = prove((large + x[i]) ** 2 - large**2 - 2 * large * x[i], line("=", x[i] ** 2), within=program)
    check = _only_check(cancelled, program)
    assert check.outcome == "holds"
    assert check.error < 1e-12


def test_no_warning_escapes_and_nothing_global_changes() -> None:
    before = np.geterr()
    program, x = _scalar()
    _only_check(prove(log(x), line("=", log(x) + 0), within=program), program)
    assert np.geterr() == before


@pytest.mark.parametrize("seed", range(12))
def test_both_sides_of_a_branch_are_met(seed: int) -> None:
    d, B = tensor("d"), tensor("B")
    s = define(names("s")[0], relu(d) * B)
    wrong = claim(("one branch", "一个分支"), gradient(Program.of([d, B], s), "d"), expected={"d": lambda: B})
    assert check_derivation(wrong, seed=seed).outcome == "fails"


@pytest.mark.parametrize("bounds", [(1.0, None), (None, -2.0), (1.0, 2.0), (6.0, 6.5)])
def test_numbers_are_drawn_between_the_bounds_that_are_assumed(bounds: tuple[float | None, float | None]) -> None:
    low, high = bounds

    def function(x: Any, p: Any) -> Any:
        return np.sum(x**2) * p**3

    def assumptions(p: Any) -> list[Any]:
        return [*([] if low is None else [p > low]), *([] if high is None else [p < high])]

    found = derive.gradient(function, "p", shapes={"x": "n", "p": ()}, assumptions=assumptions)
    assert check_derivation(found).outcome == "holds"
