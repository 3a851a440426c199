"""What is certainly positive: never claimed of what is not, and found where the form shows it."""

from __future__ import annotations

import pytest

from derive.definitions import define
from derive.functions import absolute, cos, exp, log, maximum, minimum, relu, sigmoid, softplus, sqrt
from derive.index import letter, letters
from derive.nodes import Node, Sum, number
from derive.notation import equal, first, name, tensor
from derive.over_axes import maximum_over, norm, rms, softmax, std
from derive.program import Program
from derive.signs import always
from derive.size_algebra import sizes
from derive.statements import Statement, assume

(n,) = sizes("n")
i, j = letters("i j", n, n)
x, w, v = tensor("x", n), tensor("w", n, domain="positive"), tensor("v", n)
u = tensor("u", n, domain="nonnegative")
y = define(name("y")[i], exp(x[i]) + w[i])
h = name("h")
h = define(h[i], first(i, number(1), h[i - 1]))
part, square = tensor("part", n), tensor("square", n, n)
few = letter("few", 1)
ASSUMED = [assume(v[i], ">", 0), assume(part[few], ">", 0), assume(square[i, i], ">", 0)]
PROGRAM = Program.of([x, w, v, u, part, square], [y, h], ASSUMED)

POSITIVE: dict[str, Node] = {
    "a number": number(2),
    "a domain": w[i] + 0,
    "an assumption": v[j] + 0,
    "a definition": y[i] + 0,
    "a square and one": x[i] ** 2 + 1,
    "a sum of squares, and a positive": Sum(j, x[j] ** 2) + w[i],
    "a product": w[i] * exp(x[i]),
    "a root": sqrt(w[i]),
    "a quotient": 1 / (1 + exp(x[i])),
    "a sigmoid": sigmoid(x[i]),
    "a softplus": softplus(x[i]),
    "a softmax": softmax(j, x[j]).entry(i),
    "the larger of two": maximum(w[i], x[i]),
    "the smaller of two": minimum(w[i], 1),
    "the largest": maximum_over(j, w[j] * 1),
    "a standard deviation with a positive number": std(j, x[j], w[i]),
    "a root mean square with a positive number": rms(j, x[j], 1),
}
UNKNOWN: dict[str, Node] = {
    "an assumption about some entries": part[i] + 0,
    "an input": x[i] + 0,
    "an assumption about the diagonal": square[i, j] + 0,
    "a difference": exp(x[i]) - 1,
    "a square": x[i] ** 2,
    "a cube": x[i] ** 3,
    "what may be zero": u[i] + 0,
    "an absolute value": absolute(x[i]),
    "a relu": relu(x[i]),
    "a norm": norm(j, x[j]),
    "a standard deviation": std(j, x[j]),
    "a bracket": equal(i, j) * 1,
    "a logarithm": log(w[i]),
    "a cosine": cos(x[i]),
    "a recurrence": h[i] + 0,
    "the smaller of two": minimum(w[i], x[i]),
    "a product with an input": w[i] * x[i],
}


@pytest.mark.parametrize("case", POSITIVE)
def test_what_is_positive(case: str) -> None:
    for relation in (">", "≥", "≠"):
        assert always(Statement(POSITIVE[case], relation, number(0)), PROGRAM)
    assert always(Statement(POSITIVE[case], ">", number(-1)), PROGRAM)


@pytest.mark.parametrize("case", UNKNOWN)
def test_what_is_not_known_to_be_positive(case: str) -> None:
    for relation in (">", "≠"):
        assert not always(Statement(UNKNOWN[case], relation, number(0)), PROGRAM)


@pytest.mark.parametrize(
    "case", ["a square", "what may be zero", "an absolute value", "a relu", "a norm", "a bracket"]
)
def test_what_is_not_negative(case: str) -> None:
    assert always(Statement(UNKNOWN[case], "≥", number(0)), PROGRAM)
    assert always(Statement(UNKNOWN[case], ">", number(-1)), PROGRAM)


@pytest.mark.parametrize(("relation", "right"), [("<", 0), ("≤", 0), ("=", 0), (">", 1), ("≠", -1)])
def test_other_statements_are_not_certain(relation: str, right: int) -> None:
    assert not always(Statement(w[i], relation, number(right)), PROGRAM)
