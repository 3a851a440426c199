"""Python expressions of the NumPy source: brackets, spaces, lines, shared parts, names."""

from __future__ import annotations

import pytest

from derive.errors import NotationError
from derive.render.numpy.block import Assign, Block, Loop, shared, source
from derive.render.numpy.code import (
    ADD,
    MUL,
    call,
    chain,
    choice,
    lines,
    literal,
    matmul,
    method,
    name,
    negative,
    over,
    power,
    slice_of,
    subscript,
    times,
)
from derive.render.numpy.identifiers import Identifiers

a, b, c = name("a"), name("b"), name("c")
total = chain(ADD, a, [("-", b)])
product = chain(MUL, a, [("*", b)])


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (chain(MUL, total, [("*", c)]), "(a - b) * c"),
        (chain(ADD, c, [("-", total)]), "c - (a - b)"),
        (chain(MUL, c, [("/", product)]), "c / (a * b)"),
        (matmul(product, c), "(a * b) @ c"),
        (matmul(matmul(a, b), c), "a @ b @ c"),
        (matmul(a, matmul(b, c)), "a @ (b @ c)"),
        (negative(product), "-a * b"),
        (negative(matmul(a, b)), "-(a @ b)"),
        (negative(total), "-(a - b)"),
        (power(a, literal(2)), "a**2"),
        (power(total, literal(2)), "(a - b) ** 2"),
        (power(subscript(a, ["0"]), literal(2)), "a[0] ** 2"),
        (times(literal(2), product), "2 * a * b"),
        (times(literal(2), matmul(a, b)), "2 * (a @ b)"),
        (times(literal(3), chain(MUL, literal(1), [("/", a)])), "3 / a"),
        (over(chain(MUL, a, [("/", b)]), literal(2)), "a / (2 * b)"),
        (method(total, "sum", axis="0"), "(a - b).sum(axis=0)"),
        (chain(ADD, choice(a, b, c), [("+", a)]), "(a if b else c) + a"),
        (subscript(a, [slice_of(None, b), slice_of(b, total)]), "a[:b, b : a - b]"),
        (subscript(a, [slice_of(None, total, b), slice_of(None, None, b)]), "a[: a - b : b, ::b]"),
    ],
)
def test_brackets_and_spaces(code: object, text: str) -> None:
    assert str(code) == text
    compile(text, "", "eval")


def test_long_sums_have_a_line_for_each_term() -> None:
    long = chain(ADD, name("a" * 30), [("+", name("b" * 30)), ("-", name("c" * 30))])
    assert lines("x = ", long, "  # (n,)") == [
        "x = (", f"    {'a' * 30}", f"    + {'b' * 30}", f"    - {'c' * 30}", ")  # (n,)",
    ]  # fmt: skip


def test_long_calls_have_their_arguments_on_a_line_or_on_lines() -> None:
    short = call("f", name("a" * 42), name("b" * 39))
    assert lines("x = ", short) == ["x = f(", f"    {'a' * 42}, {'b' * 39}", ")"]
    long = call("f", name("a" * 50), name("b" * 50))
    assert lines("x = ", long) == ["x = f(", f"    {'a' * 50},", f"    {'b' * 50},", ")"]


def test_what_stands_twice_is_computed_once() -> None:
    exp = call("np.exp", a)
    block = shared(Block([Assign("x", chain(ADD, exp, [("+", b)])), Assign("y", exp)]), Identifiers().label)
    assert source(block, 0, str) == ["exp_a = np.exp(a)", "x = exp_a + b", "y = exp_a"]
    block = shared(Block([Assign("y", exp), Assign("x", chain(ADD, exp, [("+", b)]))]), Identifiers().label)
    assert source(block, 0, str) == ["y = np.exp(a)", "x = y + b"]


def test_what_is_computed_under_a_condition_stays_there() -> None:
    exp = call("np.exp", subscript(a, [name("t")]))
    two = [Assign(x, choice(exp, b, literal(0))) for x in "xy"]
    assert source(shared(Block([*two]), Identifiers().label), 0, str) == [f"{s.target} = {s.code}" for s in two]


def test_what_does_not_change_in_loops_is_taken_out_of_all_of_them() -> None:
    body = Assign("x[i, j]", chain(MUL, call("np.exp", a), [("*", name("j"))]), role="part")
    inner = Loop("j", call("range", b, work=0), Block([body]))
    outer = Loop("i", call("range", b, work=0), Block([inner]))
    assert source(shared(Block([outer]), Identifiers().label), 0, str) == [
        "exp_a = np.exp(a)",
        "for i in range(b):",
        "    for j in range(b):",
        "        x[i, j] = exp_a * j",
    ]


def test_identifiers_are_given_once() -> None:
    names = Identifiers()
    assert [names.fresh(x) for x in ("x", "x", "lambda", "sum", "np")] == ["x", "x_", "lambda_", "sum_", "np_"]
    assert [names.label(x) for x in ("x", "y", "y", "not one")] == ["x2", "y", "y2", "term"]
    assert (names.size("n"), names.size("n")) == ("n", "n")
    with pytest.raises(NotationError, match="no identifier"):
        names.fresh("x y")
