"""Derivations as data: what does not hold together cannot be built, and the answer is what the lines say."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from derive.definitions import define
from derive.derivation import OUTCOMES, Chain, Check, Derivation, Evidence, Step
from derive.differentiate import gradient, hessian, hvp, jacobian, jvp, taylor, vjp
from derive.errors import DerivationError
from derive.evaluate import run
from derive.functions import sin, tanh
from derive.index import letter
from derive.nodes import Node, Partial, Sum
from derive.notation import name, names, tensor
from derive.program import Program
from derive.size_algebra import sizes
from derive.statements import Statement
from derive.tree import key, walk
from tests.derive.programs import GATE
from tests.derive.witnesses import assigned, drawn, same, seeded

n, m = sizes("n m")
i = letter("i", n)
x, y = tensor("x", n), tensor("y", n)


def small() -> Program:
    z, L = names("z L")
    z = define(z[i], tanh(x[i]) * y[i])
    return Program.of([x, y], define(L, Sum(i, z[i] ** 2)))


# ----------------------------------------------------------------------------------------------------- one line


def test_a_step_names_a_rule_and_a_relation() -> None:
    with pytest.raises(DerivationError, match="names the rule 'magic', which is not in RULES"):
        Step(x[i], x[i] + 0, "magic")
    with pytest.raises(DerivationError, match="a step relates by one of =, ≤, ≥, ≈, ⇒, not '<'"):
        Step(x[i], y[i], "algebra", "<")
    with pytest.raises(DerivationError, match="⇒ leads from a statement to a statement"):
        Step(x[i], y[i], "algebra", "⇒")
    with pytest.raises(DerivationError, match="every other relation from node to node"):
        Step(Statement(x[i], "=", y[i]), y[i], "algebra")
    assert Step(x[i] + y[i], y[i] + x[i], "algebra").law.name == "algebra"


def test_a_step_cannot_be_changed() -> None:
    step = Step(x[i], y[i], "algebra")
    with pytest.raises(dataclasses.FrozenInstanceError):
        step.after = x[i]  # type: ignore[misc]  # the misuse is what is tested


# ------------------------------------------------------------------------------------------------------- chains


def test_a_line_starts_where_the_last_ended() -> None:
    first = Step(x[i] + x[i], 2 * x[i], "collect")
    good = Step(2 * x[i], x[i] * 2 + 0, "algebra")
    assert Chain(x[i] + x[i], (first, good)).result == 2 * x[i]
    stray = Step(3 * x[i], y[i], "algebra")
    with pytest.raises(DerivationError, match=r"line 2 starts from .*, but the line before ends in"):
        Chain(x[i] + x[i], (first, stray))
    with pytest.raises(DerivationError, match="line 1 starts from"):
        Chain(y[i], (first,))


def test_a_line_may_write_the_last_with_other_bound_letters() -> None:
    k = letter("k", n)
    chain = Chain(Sum(i, x[i]), (Step(Sum(k, x[k]), y[0], "algebra"),))
    assert chain.start == Sum(i, x[i])


def test_a_result_depends_on_the_letters_of_its_name_only() -> None:
    k = letter("k", n)
    with pytest.raises(DerivationError, match=r"depends on \['k'\]"):
        Chain(x[i] + x[k], (), y[i])
    assert Chain(x[i] + y[i], (), y[i]).letters == (i,)


def test_a_chain_without_steps_is_its_start() -> None:
    assert Chain(x[i], ()).result == x[i]


# -------------------------------------------------------------------------------------------------- derivations


@pytest.mark.parametrize("take", [gradient, vjp, jvp, jacobian, hessian, hvp, taylor], ids=lambda f: f.__name__)
def test_derivations_hold_together(take: object) -> None:
    found = take(small(), "x")  # type: ignore[operator]  # functions of one shape
    assert isinstance(found, Derivation)
    assert found.kind == take.__name__  # type: ignore[attr-defined]
    assert found.steps
    for chain in found.chains:
        last: object = chain.start
        for step in chain.steps:
            assert key(step.before) == key(last)  # type: ignore[arg-type]  # nodes all
            assert key(step.after) != key(step.before), "a line that says nothing new is not written"
            last = step.after


@pytest.mark.parametrize("which", GATE)
def test_results_are_what_the_derived_program_computes(which: str) -> None:
    """Answer and explanation are one object: the last line of a chain is the body of the definition."""
    case = GATE[which]()
    found = gradient(case.program, case.wrt)
    assert len(found.results) == len(case.wrt)
    for chain, tensor_ in zip(found.results, found.derived.outputs, strict=True):
        definition = found.derived.definition(tensor_)
        assert definition is not None
        assert key(chain.result) == key(definition.at(*chain.letters))  # type: ignore[arg-type]  # a node


def test_results_are_found_by_name() -> None:
    two = gradient(small(), ["x", "y"])
    assert [chain.name.tensor.name for chain in two.results if chain.name is not None] == ["d_x", "d_y"]
    with pytest.raises(DerivationError, match=r"there are 2 results: take one of .results"):
        _ = two.result
    one = gradient(small(), "y").result
    assert isinstance(one.result, Node)
    assert not any(isinstance(node, Partial) for node in walk(one.result))


def test_a_derived_program_is_a_program_like_any_other() -> None:
    """Swept again and again: the third derivative of Σ sin(x) is -cos(x)."""
    program = Program.of([x], define(name("L"), Sum(i, sin(x[i]))))
    for order in range(3):
        found = gradient(program, "x")
        slope = found.derived.output
        total = define(name(f"L{order}"), Sum(i, slope[i])) if order < 2 else slope
        program = Program(found.derived.inputs, (*found.derived.items, *((total.definition,) if order < 2 else ())),
                          (total,))  # type: ignore[arg-type]  # a definition, not None  # fmt: skip
    at = np.array([0.3, -1.0])
    same(run(program, {x: at}).arrays[program.output], -np.cos(at))


def test_names_do_not_collide() -> None:
    """An input may be called d_x, t_x or v already."""
    d_x, t_x, v = tensor("d_x", n), tensor("t_x", n), tensor("v", n)
    program = Program.of([x, d_x, t_x, v], define(name("L"), Sum(i, x[i] ** 2 * d_x[i] * t_x[i] * v[i])))
    for take in (gradient, jvp, hvp, hessian, vjp):
        found = take(program, "x")
        assignment = assigned(found.derived, {"n": 2})
        values = drawn(found.derived.inputs, assignment, seeded("names"))
        assert np.all(np.isfinite(run(found.derived, values, assignment).arrays[found.derived.output]))


# ----------------------------------------------------------------------------------------------------- evidence


def test_outcomes_are_few() -> None:
    with pytest.raises(DerivationError, match="a check ends in one of"):
        Check("fine", "values")


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (("holds", "holds"), "holds"),
        (("holds", "fails"), "fails"),
        (("not exercised", "fails"), "fails"),
        (("holds", "not exercised"), "not exercised"),
        ((), "not exercised"),
    ],
)
def test_the_worst_check_decides(outcomes: tuple[str, ...], expected: str) -> None:
    """What was not checked is not passed."""
    assert set(outcomes) <= set(OUTCOMES)
    chain = Chain(x[i], ())
    evidence = Evidence({}, {chain: tuple(Check(o, "values") for o in outcomes)}, seed=1)
    assert evidence.outcome == expected
    steps = {Step(x[i], y[i], "algebra"): Check(o, "values") for o in outcomes}
    assert Evidence(steps, {}, seed=1).outcome == expected
