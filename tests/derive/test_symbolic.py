"""Programs as SymPy: components by loops, and the index form, say what the program says."""

from __future__ import annotations

import numpy as np
import pytest
import sympy

from derive.definitions import define
from derive.errors import NotationError
from derive.evaluate import run
from derive.functions import exp, relu
from derive.index import index_floor, index_mod, letter, letters
from derive.nodes import Bracket, Node, Partial, Position, Sum
from derive.notation import at_least, equal, first, inside, name, names, tensor
from derive.over_axes import argmax, over, softmax
from derive.program import Program
from derive.size_algebra import size, sizes
from derive.symbolic import Components, index_form
from derive.unspecified_functions import unspecified

n, m, s = sizes("n m s")
p = size("p", minimum=0)
i, j = letters("i j", n, m)
x, y, X, ids = tensor("x", n), tensor("y", m), tensor("X", n, m), tensor("ids", n, below=m)


def program_of(body: Node) -> Program:
    return Program.of([x, y, X, ids], define(name("out")[i], body))


# ----------------------------------------------------------------------------------------------------- components


def test_components_are_expressions_in_the_inputs_entries() -> None:
    program = program_of(Sum(j, X[i, j] * y[j]) + x[i])
    found = Components(program, {n: 2, m: 2})
    a, b, c, d, e = sympy.symbols("X_1_0 X_1_1 y_0 y_1 x_1", real=True)
    assert found.shape(program.output) == (2,)
    assert found.places(X) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert found.entry(program.output, (1,)) == a * c + b * d + e


def test_symbols_know_their_domain() -> None:
    w, P = tensor("w", n, domain="positive"), tensor("P", n, n, domain="positive definite")
    found = Components(Program.of([w, P], define(name("o")[i], w[i] * P[i, i])), {n: 2})
    assert found.symbol(w, (0,)).is_positive
    assert found.symbol(P, (0, 0)).is_positive
    assert found.symbol(P, (0, 1)).is_positive is None
    assert found.symbol(x, (0,)).is_real
    assert found.symbol(x, (0,)).is_positive is None


@pytest.mark.parametrize(
    ("body", "by_hand"),
    [
        pytest.param(inside(x[s * i - p]), lambda a, k: a[2 * k - 1] if 0 <= 2 * k - 1 < 3 else 0, id="padding"),
        pytest.param(x[index_floor(i, s)], lambda a, k: a[k // 2], id="quotient"),
        pytest.param(x[index_mod(i + 1, n)], lambda a, k: a[(k + 1) % 3], id="remainder"),
        pytest.param(i * x[i], lambda a, k: k * a[k], id="position"),
        pytest.param(at_least(i, 1) / x[i], lambda a, k: 1 / a[k] if k else 0, id="guard"),
        pytest.param(equal(i, 2) * x[i], lambda a, k: a[k] if k == 2 else 0, id="equality"),
        pytest.param(Bracket(i + 0, "≠", i * 2) * x[i], lambda a, k: a[k] if k else 0, id="inequality"),
        pytest.param(Sum(letter("q", n), x[i]), lambda a, k: 3 * a[k], id="absent letter"),
        pytest.param(x[n - 1 - i] ** 2, lambda a, k: a[2 - k] ** 2, id="reversed"),
    ],
)
def test_indices_are_plain_integers(body: Node, by_hand: object) -> None:
    program = program_of(body)
    found = Components(program, {n: 3, m: 2, s: 2, p: 1})
    entries = [found.symbol(x, (k,)) for k in range(3)]
    for k in range(3):
        assert sympy.expand(found.entry(program.output, (k,)) - by_hand(entries, k)) == 0  # type: ignore[operator]


def test_integer_tensors_must_be_fixed() -> None:
    program = program_of(y[ids[i]])
    with pytest.raises(NotationError, match="'ids' holds integers: give its values"):
        Components(program, {n: 2, m: 3}).entry(program.output, (0,))
    found = Components(program, {n: 2, m: 3}, {ids: np.array([2, 0])})
    assert [found.entry(program.output, (k,)) for k in range(2)] == [found.symbol(y, (2,)), found.symbol(y, (0,))]


def test_a_position_that_depends_on_symbols_is_no_index() -> None:
    program = program_of(y[argmax(j, X[i, j])])
    with pytest.raises(NotationError, match="is used as an index but is no known integer"):
        Components(program, {n: 1, m: 2}).entry(program.output, (0,))
    fixed = Components(program, {n: 1, m: 3}, {X: np.array([[1.0, 7.0, 7.0]])})
    assert fixed.entry(program.output, (0,)) == fixed.symbol(y, (1,))


def test_intermediate_tensors_may_be_independent() -> None:
    Z, L = names("Z L")
    Z = define(Z[i], exp(x[i]))
    L = define(L, Sum(i, Z[i] ** 2))
    program = Program.of([x], L)
    found = Components(program, {n: 2}, independent=frozenset([Z]))
    z0, z1 = (found.symbol(Z, (k,)) for k in range(2))
    assert found.entry(L, ()) == z0**2 + z1**2
    assert sympy.diff(found.entry(L, ()), z1) == 2 * z1


def test_recurrences_unroll() -> None:
    t = letter("t", n)
    h = name("h")
    h = define(h[t], first(t, 0, 2 * h[t - 1]) + x[t])
    found = Components(Program.of([x], h), {n: 3})
    a, b, c = (found.symbol(x, (k,)) for k in range(3))
    assert sympy.expand(found.entry(h, (2,)) - (4 * a + 2 * b + c)) == 0


@pytest.mark.parametrize("bad", ["1", "x", None, 1j], ids=repr)
def test_values_are_numbers_never_text(bad: object) -> None:
    """No text is ever read as an expression."""
    program = program_of(x[i] + 0)
    with pytest.raises(NotationError, match="is not a number"):
        Components(program, {n: 1, m: 1}, {x: np.array([bad], dtype=object)}).entry(program.output, (0,))


def test_open_derivatives_have_no_components() -> None:
    program = program_of(x[i] + 0)
    with pytest.raises(NotationError, match="not carried out"):
        Components(program, {n: 1, m: 1}).node(Partial(x[i], x[letter("q", n)]), {i: 0})


# ----------------------------------------------------------------------------------------------------- index form


def spelled_out(expression: sympy.Expr, assignment: dict[sympy.Symbol, int]) -> sympy.Expr:
    return expression.subs(assignment).doit()


@pytest.mark.parametrize(
    "node",
    [
        Sum(j, X[i, j] * y[j]) + x[i] ** 2,
        Sum(i, j, X[i, j] * x[i]),
        Sum(j, exp(y[j]) * (1 / n)),
        Sum(i, x[i]) * Sum(i, x[i] ** 2),
        Sum(letter("q", m), x[i] * 1),
    ],
    ids=["product", "double sum", "function", "two sums of one letter", "absent letter"],
)
def test_the_index_form_is_the_node(node: Node) -> None:
    assignment = {n: 2, m: 3}
    at = 1
    form = index_form(node)
    free = {index: at for index in form.atoms(sympy.Idx) if index.name == "i" and node.free}
    explicit = spelled_out(form.subs(free) if node.free else form, assignment)
    components = Components(program_of(x[i] + 0), assignment)
    expected = components.node(node, {i: at})
    names_ = {
        base: sympy.Symbol("_".join([str(base.base.label), *map(str, base.indices)]), real=True)
        for base in explicit.atoms(sympy.Indexed)
    }
    assert sympy.simplify(explicit.xreplace(names_) - expected) == 0


def test_letters_of_one_name_are_told_apart() -> None:
    a, b = letter("a", n), letter("a", n)
    C = tensor("C", n, n)
    form = index_form(Sum(b, C[a, b]))
    assert {str(index) for index in form.atoms(sympy.Idx)} == {"a", "a'"}
    assert spelled_out(form, {n: 2}) != spelled_out(index_form(Sum(b, C[b, b])), {n: 2})


def test_definitions_and_programs_are_equations() -> None:
    Z, P = names("Z P")
    Z = define(Z[i, j], relu(X[i, j]))
    P = define(P[i, j], softmax(j, Z[i, j]))
    equations = index_form(Program.of([X], P))
    assert len(equations) == 2
    assert all(isinstance(equation, sympy.Eq) for equation in equations)
    assert str(equations[0].lhs) == "Z[i, j]"
    assert "softmax_j" in str(equations[1].rhs)


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (equal(i, 3), "KroneckerDelta"),
        (at_least(i, 3), "Piecewise"),
        (x[index_floor(i, s)], "floor"),
        (x[index_mod(i + 1, n)], "Mod"),
        (Position(i + 1), "i + 1"),
        (Partial(x[i], x[letter("q", n)]), "Derivative"),
        (tensor("c") + 1, "c + 1"),
    ],
)  # fmt: skip
def test_every_node_has_an_index_form(node: Node, text: str) -> None:
    assert text in str(index_form(node))


def test_unspecified_functions_have_components() -> None:
    f = unspecified("f")
    program = program_of(over(f, j, y[j]) * x[i])
    values = {x: np.array([1.0, 2.0]), y: np.array([0.5, -0.5, 1.0]), X: np.ones((2, 3)), ids: np.array([0, 1])}
    found = Components(program, {n: 2, m: 3}, values)
    numbers = run(program, values).arrays[program.output]
    assert np.allclose([float(found.entry(program.output, (k,))) for k in range(2)], numbers, rtol=1e-12)
