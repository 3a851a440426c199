"""Names for what is repeated: which expressions get one, and that the derivation stays what it was."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from derive import (
    Program,
    Sum,
    define,
    exp,
    gradient,
    hessian,
    hvp,
    jacobian,
    letters,
    logsumexp,
    names,
    sigmoid,
    sizes,
    softmax,
    softplus,
    tanh,
    taylor,
    tensor,
    vjp,
)
from derive.definitions import Definition
from derive.derivation import Derivation
from derive.vocabulary import Vocabulary, placed, repeated, with_names
from tests.derive.witnesses import agrees, drawn, seeded, seen_from, values_of
from verify import numdiff
from verify.derivation import check_derivation

n, d = sizes("n d")
i, j, k = letters("i j k")


@dataclass(frozen=True)
class Case:
    """A derivation and the expressions that get names in it, as text."""

    found: Derivation
    names: dict[str, str]


def scaled_log_sum_exp() -> Program:
    z, s, L = tensor("z", n), tensor("s"), names("L")[0]
    return Program.of([z, s], define(L, s * logsumexp(j, z[j])))


def log_sum_exp() -> Case:
    return Case(hessian(scaled_log_sum_exp(), "z"), {"p[j]": "softmax(z)[j]"})


def logistic() -> Case:
    X, y, w = tensor("X", n, d), tensor("y", n, domain="sign"), tensor("w", d)
    L = define(names("L")[0], Sum(i, (1 - sigmoid(y[i] * Sum(j, X[i, j] * w[j]))) ** 2))
    return Case(gradient(Program.of([X, y, w], L), "w"), {"p[i]": "σ(y[i]·Σ_j X[i,j]·w[j])"})


def of_a_cotangent() -> Case:
    """What is repeated reads a tensor that the derivation brings in."""
    x, w, y = tensor("x", n), tensor("w", n), names("y")[0]
    y = define(y[i], tanh(x[i]) * Sum(j, w[j] * x[j]))
    return Case(vjp(Program.of([x, w], y), "x"), {})


def direction() -> Case:
    X, w, L = tensor("X", n, d), tensor("w", d), names("L")[0]
    program = Program.of([X, w], define(L, Sum(i, softplus(Sum(j, X[i, j] * w[j])))))
    return Case(hvp(program, "w"), {"p[i]": "σ(Σ_j X[i,j]·w[j])"})


def nothing() -> Case:
    """Short expressions are not named, nor what has a name."""
    X, P = tensor("X", n, d), names("P")[0]
    P = define(P[i, j], softmax(j, X[i, j]))
    return Case(jacobian(Program.of(X, P), "X"), {})


CASES = {case.__name__: case for case in (log_sum_exp, logistic, of_a_cotangent, direction, nothing)}


def introduced(found: Derivation) -> dict[str, str]:
    return {repr(c.name): repr(c.start) for c in found.chains if not c.steps}


@pytest.mark.parametrize("name", CASES)
def test_what_is_repeated_gets_a_name(name: str) -> None:
    case = CASES[name]()
    assert introduced(case.found) == case.names


@pytest.mark.parametrize("name", CASES)
def test_nothing_that_is_worth_a_name_is_left(name: str) -> None:
    assert repeated(CASES[name]().found) == ()


@pytest.mark.parametrize("name", CASES)
def test_every_line_holds_with_names(name: str) -> None:
    assert check_derivation(CASES[name]().found).outcome == "holds"


@pytest.mark.parametrize("name", ["log_sum_exp", "logistic", "direction"])
def test_a_name_is_introduced_before_it_is_used(name: str) -> None:
    found = CASES[name]().found
    order = [c.name.tensor for c in found.chains if c.name is not None]
    for position, chain in enumerate(found.chains):
        for step in chain.steps:
            later = set(order[position + 1 :])
            assert not step.after.free & later
            assert not getattr(step.after, "tensors", frozenset()) & later - {t for t in later if t.role}


def test_what_was_written_with_a_name_can_be_differentiated() -> None:
    """The third derivative of log-sum-exp, through the name of its softmax."""
    program = scaled_log_sum_exp()
    z, second = program.tensor("z"), hessian(program, "z")
    assert introduced(second)
    third = jacobian(second.derived, "z")
    assignment = dict.fromkeys(second.program.sizes(), 3)
    values = drawn(second.derived.inputs, assignment, seeded("third"))
    (found,) = values_of(third.derived, values, assignment)
    agrees(found, numdiff.jacobian(seen_from(second.derived, z, values, assignment), values[z]))


def test_a_polynomial_repeats_its_derivatives_and_they_get_no_name() -> None:
    x, L = tensor("x", n), names("L")[0]
    assert introduced(taylor(Program.of(x, define(L, Sum(i, x[i] ** 3))), "x", order=2)) == {}


def test_a_definition_stands_after_what_it_reads() -> None:
    x = tensor("x", n)
    y, z = names("y z")
    y = define(y[i], exp(x[i]))
    z = define(z[i], exp(y[i]))
    program = Program.of(x, z)
    (m,) = letters("m", n)
    extra = Definition(tensor("e", n), (m,), y[m] * x[m])
    assert placed(program.items, [extra]) == (program.items[0], extra, program.items[1])
    assert placed([*program.items, extra], [extra]) == (*program.items, extra)


def test_a_derivation_is_made_again_with_the_same_tensors() -> None:
    made: list[Derivation] = []

    def derive(words: Vocabulary) -> Derivation:
        one, other = words.tensor("d_x", (n,)), words.tensor("d_x", (n,))
        assert (one.name, other.name) == ("d_x", "d_x2")
        words.given.clear()
        assert words.tensor("d_x", (n,)) is one
        assert words.tensor("d_x", (n,), role="cotangent") is not other
        made.append(log_sum_exp().found)
        return made[-1]

    assert with_names(scaled_log_sum_exp(), derive) is made[0]
    assert len(made) == 1


def test_a_number_behind_a_name_is_not_taken_either() -> None:
    """The second sweep asks for a cotangent of y again; d_y2 is an input."""
    x, u = tensor("x", n), tensor("d_y2", n)
    y, s = names("y s")
    y = define(y[i], exp(x[i]))
    s = define(s, Sum(i, u[i] * tanh(y[i]) ** 2) * Sum(i, y[i]))
    found = hvp(Program.of([x, u], s), "x", style="reverse")
    made = [c.name.tensor.name for c in found.chains if c.name is not None]
    assert len(made) == len(set(made))
    assert {"d_y", "d_y3"} <= set(made)
    assert check_derivation(found).outcome == "holds"


def test_a_name_does_not_meet_a_tensor_that_is_not_left() -> None:
    """The scalar s of a reverse product is read by no result; letters and sizes take the names before it."""
    p, q, r = sizes("p q r")
    X, w, L = tensor("X", p, q), tensor("w", q), names("L")[0]
    a, b = letters("a b")
    u = tensor("u", r)
    program = Program.of([X, w, u], define(L, Sum(a, softplus(Sum(b, X[a, b] * w[b]))) * Sum(i, u[i])))
    found = hvp(program, "w", style="reverse")
    (name,) = introduced(found)
    assert name.startswith("v[") is False
    assert name.startswith("s[") is False
    assert check_derivation(found).outcome == "holds"


def test_names_do_not_meet_names_that_are_there() -> None:
    p, q = sizes("p q")
    z, s = tensor("z", p, q), tensor("s", p)
    (L,) = names("L")
    r, t = letters("r t")
    program = Program.of([z, s], define(L, Sum(r, s[r] * logsumexp(t, z[r, t]))))
    found = hessian(program, "z")
    (name,) = introduced(found)
    assert name.partition("[")[0] not in {"p", "q", "r", "s", "t", "z", "L"}
    assert np.all([c.outcome == "holds" for c in check_derivation(found).all])


def test_a_name_has_its_axes_as_its_expression_has_them() -> None:
    """Rows of a softmax stay rows, so that matrix notation needs no transposes."""
    z, w, (L,) = tensor("z", n, d), tensor("w", d), names("L")
    L = define(L, Sum(i, k, w[k] * softmax(k, z[i, k]) ** 2))
    (name,) = introduced(gradient(Program.of([z, w], L), "z"))
    assert name.endswith("[i,k]")
