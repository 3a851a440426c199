"""The laws: each finds what is its own, says the truth, and nothing is found where there is no law."""

from __future__ import annotations

import numpy as np
import pytest

from derive.contraction import contract
from derive.definitions import define
from derive.errors import MissingRuleError
from derive.evaluate import Evaluator
from derive.functions import Elementwise, exp, greater, log, maximum, relu, sin, sqrt, where
from derive.index import letters
from derive.nodes import Node, Partial, Position, Pow, Ref, Sum, Tangent, is_zero, number
from derive.notation import equal, name, tensor
from derive.over_axes import logsumexp, maximum_over, norm, softmax
from derive.program import Program
from derive.rules import LAWS, RULES, Context, Rule, apply_rule, rule_for
from derive.size_algebra import sizes
from derive.tree import walk
from tests.derive.witnesses import agrees, seeded
from verify import numdiff

n, m = sizes("n m")
i, j, q, r = letters("i j q r", n, m, n, m)
x, c, X, w = tensor("x", n), tensor("c"), tensor("X", n, m), tensor("w", n, domain="positive")
SIZES = {n: 3, m: 4}
rng = seeded("rules")
ARRAYS = {x: rng.normal(size=3), c: np.array(1.3), X: rng.normal(size=(3, 4)), w: rng.uniform(0.5, 2, 3)}
NOTHING = Program.of([x, c, X, w], define(name("o")[i], x[i] * 1))

# (body, what it is differentiated by, the law that must be found)
CASES: dict[str, tuple[Node, Ref, str]] = {
    "a number": (number(3), x[q], "constant"),
    "another tensor": (w[i] * 1, x[q], "constant"),
    "a bracket": (equal(i, 2) * 1, x[q], "constant"),
    "a position": (Position(i + 1), x[q], "constant"),
    "an entry": (x[i], x[q], "entry"),
    "a transposed reading": (X[q, j], X[i, r], "entry"),
    "a sum": (x[i] + w[i], x[q], "linearity"),
    "a sum over a letter": (Sum(j, X[i, j]), X[q, r], "linearity"),
    "a constant factor": (2 * w[i] * x[i], x[q], "linearity"),
    "a product": (x[i] * sin(x[i]), x[q], "product"),
    "three factors": (x[i] * sin(x[i]) * exp(x[i]), x[q], "product"),
    "a quotient": (x[i] / (2 + sin(x[i])), x[q], "quotient"),
    "a constant over": (w[i] / (2 + sin(x[i])), x[q], "linearity"),
    "one over": (1 / (2 + sin(x[i])), x[q], "power"),
    "a square": (x[i] ** 2, x[q], "power"),
    "a root": (sqrt(w[i]), w[q], "power"),
    "an exponent": (number(2) ** x[i], x[q], "power"),
    "base and exponent": (w[i] ** w[i], w[q], "power"),
    "a function": (sin(x[i] ** 2), x[q], "elementwise"),
    "a function of two": (maximum(x[i], sin(x[i]) * 3), x[q], "elementwise"),
    "a softmax": (softmax(j, X[i, j]), X[q, r], "along_axes"),
    "a norm": (norm(j, X[i, j] * x[i]), X[q, r], "along_axes"),
    "a logsumexp of a mixture": (logsumexp(j, X[i, j] * x[i]), x[q], "along_axes"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_law_that_is_found(case: str) -> None:
    body, wrt, law = CASES[case]
    rule, found = rule_for(Partial(body, wrt), Context(NOTHING))
    assert rule.name == law
    assert rule is RULES[law]
    for below in walk(found):
        assert not (isinstance(below, Partial) and below.body == body), "a law makes what it differentiates smaller"


@pytest.mark.parametrize("case", CASES)
def test_laws_carried_out_are_the_numerical_derivative(case: str) -> None:
    body, wrt, _ = CASES[case]
    node: Node = Partial(body, wrt)
    context = Context(NOTHING)
    for _ in range(20):
        step = apply_rule(node, context)
        if step is None:
            break
        node = step.after
    assert not any(isinstance(below, Partial) for below in walk(node))
    tensor_ = wrt.tensor
    outer = tuple(a for a in (i, j, q, r) if a in body.free and a not in wrt.free)
    inner = tuple(index.letter for index in wrt.indices if index.letter is not None)
    assert body.free.isdisjoint(inner)
    found = Evaluator(SIZES, ARRAYS).array(contract(node), outer + inner)
    expected = numdiff.jacobian(
        lambda a: Evaluator(SIZES, {**ARRAYS, tensor_: a}).array(body, outer), ARRAYS[tensor_]
    )
    agrees(found, expected)


@pytest.mark.parametrize("case", CASES)
def test_laws_along_a_tangent_are_the_numerical_derivative(case: str) -> None:
    body, wrt, _ = CASES[case]
    dot = tensor("dot", *wrt.tensor.axes)
    node: Node = Partial(body, Tangent({wrt.tensor: dot}))
    for _ in range(20):
        step = apply_rule(node, Context(NOTHING))
        if step is None:
            break
        node = step.after
    way = seeded("tangent", case).normal(size=ARRAYS[wrt.tensor].shape)
    axes = tuple(a for a in (i, j, q, r) if a in body.free)
    found = Evaluator(SIZES, {**ARRAYS, dot: way}).array(node, axes)
    at = ARRAYS[wrt.tensor]
    expected = numdiff.jvp(lambda a: Evaluator(SIZES, {**ARRAYS, wrt.tensor: a}).array(body, axes), at, way)
    agrees(found, expected)


def test_every_law_is_tried() -> None:
    assert {law for _, _, law in CASES.values()} == {rule.name for rule in LAWS} - {"definition", "known"}


def test_a_definition_is_put_in_place_of_its_name() -> None:
    y = define(name("y")[i], sin(x[i]))
    program = Program.of([x], y)
    rule, found = rule_for(Partial(y[i], x[q], total=True), Context(program))
    assert rule.name == "definition"
    assert found == Partial(sin(x[i]), x[q], total=True)
    rule, found = rule_for(Partial(y[i], x[q]), Context(program))
    assert is_zero(found), "without total a name is a name"


def test_a_derivative_that_has_a_name_is_that_name() -> None:
    y = define(name("y")[i], sin(x[i]))
    context = Context(Program.of([x], y))
    context.jacobians[y] = J = tensor("J", *y.axes, *x.axes)
    rule, found = rule_for(Partial(y[i], x[q], total=True), context)
    assert (rule.name, found) == ("known", J[i, q])
    rule, found = rule_for(Partial(y[i], x[q]), context)
    assert is_zero(found), "without total a name is a name"


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_every_rule_says_what_it_is(rule: Rule) -> None:
    assert rule.statement
    for text in (rule.title, rule.why):
        assert len(text) == 2
        assert all(text)
        assert any("一" <= character <= "鿿" for character in text[1])


def test_names_of_rules_are_their_keys() -> None:
    assert all(rule.name == key for key, rule in RULES.items())
    assert next(rule.name for rule in LAWS) == "constant"


def test_no_law_means_an_error() -> None:
    unknown = Elementwise("unknown", 1, "u", None, np.sin, np.sin)
    with pytest.raises(MissingRuleError, match="'unknown' has no derivative"):
        rule_for(Partial(unknown(x[i]), x[q]), Context(NOTHING))
    with pytest.raises(MissingRuleError, match=r"no law for the derivative of .*Partial"):
        rule_for(Partial(Partial(log(w[i]), w[r]), w[q]), Context(NOTHING))


def test_nothing_open_needs_no_law() -> None:
    assert apply_rule(x[i] + 1, Context(NOTHING)) is None


def test_one_line_applies_one_law_everywhere() -> None:
    node = Partial(sin(x[i]), x[q]) + Partial(x[i] * exp(x[i]), x[q]) + Partial(exp(x[i]), x[q])
    step = apply_rule(node, Context(NOTHING))
    assert step is not None
    assert step.rule.name == "elementwise"
    assert [str(function) for function in step.functions] == ["sin", "exp"]
    assert step.conditions == ()
    open_ = [below.body for below in walk(step.after) if isinstance(below, Partial)]
    assert open_ == [x[i], x[i] * exp(x[i]), x[i]]


def test_what_moves_is_known_through_definitions() -> None:
    y = define(name("y")[i], sin(x[i]))
    z = define(name("z")[i], y[i] * w[i])
    context = Context(Program.of([x, w], z))
    assert context.dependents(x) == {x, y, z}
    assert context.dependents(w) == {w, z}
    assert context.moves(z[i] * 1, Partial(z[i], x[q], total=True))
    assert not context.moves(z[i] * 1, Partial(z[i], x[q]))


CONDITIONS = {
    "log": (log(x[i] - w[i]), ["x[i] - w[i] > 0"]),
    "what is positive": (log(1 + x[i] ** 2), []),
    "a root": (sqrt(x[i]), ["x[i] > 0"]),
    "a root of what is positive": (sqrt(exp(x[i]) + 1), []),
    "a power that moves": (Pow(exp(w[i]) * x[i], x[i] + 0), ["exp(w[i])·x[i] > 0"]),
    "a whole power": (x[i] ** 3, []),
    "relu": (relu(2 * x[i]), ["2·x[i] ≠ 0"]),
    "maximum": (maximum(x[i], w[i]), ["x[i] ≠ w[i]"]),
    "where, of a comparison": (where(greater(x[i], w[i]), x[i] ** 2, x[i]), ["x[i] ≠ w[i]"]),
    "where, of what stands still": (where(greater(w[i], 0), x[i] ** 2, x[i]), []),
    "what stands still": (log(w[i]) * x[i], []),
    "largest": (maximum_over(j, X[i, j]), ["Σ_j [X[i,j] ≥ max_j' X[i,j']] = 1"]),
    "norm": (norm(j, X[i, j]), ["‖X[i,·]‖ ≠ 0"]),
}


@pytest.mark.parametrize("case", CONDITIONS)
def test_a_condition_is_about_the_very_expression(case: str) -> None:
    """Where the law always holds, or nothing moves, there is none."""
    body, expected = CONDITIONS[case]
    wrt = X[q, r] if X in body.tensors else x[q]
    assert X.shape is not None
    node: Node = Partial(body, wrt)
    found: list[object] = []
    while (step := apply_rule(node, Context(NOTHING))) is not None:
        found += map(repr, step.conditions)
        node = step.after
    assert found == expected
