"""Formulas that people type: what they mean, what is refused, and where the caret stands."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.critical.formula.formula_functions import CONSTANTS, FUNCTIONS, SPELLINGS
from verify.critical.formula.formula_text import FormulaError, in_order, read_formula

POINT = {"x": 0.7, "y": -1.3, "z": 0.4, "x1": 2.5, "x_1": 0.3, "w[0]": 1.1, "w[1,2]": -0.6, "α": 0.9}


def value(text: str, point: dict[str, float] = POINT) -> float:
    """The value of a formula as SymPy has it, from its exact expression."""
    expression, symbols = read_formula(text)
    return float(expression.subs({one: sympy.Float(point[one.name], 30) for one in symbols}).evalf(20))


x, y, z = POINT["x"], POINT["y"], POINT["z"]

MEANING: dict[str, float] = {
    "(x**2 - 1)**2 + y**2": (x**2 - 1) ** 2 + y**2,
    "x^2": x**2,
    "-x**2": -(x**2),
    "-x^2": -(x**2),
    "2**-1": 0.5,
    "2^-x": 2**-x,
    "2**3**2": 512,
    "(2**3)**2": 64,
    "x**-2": x**-2,
    "--x": x,
    "-+-x": x,
    "x - -y": x + y,
    "x--y": x + y,
    "1 - 2 - 3": -4,
    "1 - (2 - 3)": 2,
    "8/4/2": 1,
    "8/(4/2)": 4,
    "8/4*2": 4,
    "-8/-4": 2,
    "2*-x": -2 * x,
    "2 * x / y / z": 2 * x / y / z,
    "x - y*z + z": x - y * z + z,
    ".5*x + 1.": 0.5 * x + 1,
    "1e-3*x": 1e-3 * x,
    "2E+2": 200,
    "e": math.e,
    "E**x": math.e**x,
    "pi*x": math.pi * x,
    "π": math.pi,
    "cos(pi)": -1,
    "e*x + e1": math.e * x + 4,
    "x1*x_1": POINT["x1"] * POINT["x_1"],
    "w[0] - w[1, 2]": POINT["w[0]"] - POINT["w[1,2]"],
    "α·x − y×z": POINT["α"] * x - y * z,
    "max(x, y, 0.1)": x,
    "min(x, y) + min(x)": y + x,
    "max(2) + min(3, 1)": 3,
    "max(x, x)": x,
    "pow(x, 2)": x**2,
    "\tx\n + y ": x + y,
    "((((x))))": x,
    "sqrt(x)*abs(y)": math.sqrt(x) * abs(y),
    "abs(sqrt(x))": math.sqrt(x),
    "relu(y) + relu(x)": x,
    "ln(x) - log(x)": 0,
    "arctan(x) - atan(x)": 0,
}


@pytest.mark.parametrize("text", MEANING)
def test_what_a_text_means(text: str) -> None:
    assert value(text, {**POINT, "e1": 4.0}) == pytest.approx(MEANING[text], rel=1e-14, abs=1e-15)


# By other means than those of the table.
BY_OTHER_MEANS: dict[str, Callable[[float], float]] = {
    "expm1": lambda u: math.exp(u) - 1,
    "log1p": lambda u: math.log(1 + u),
    "sigmoid": lambda u: 1 / (1 + math.exp(-u)),
    "softplus": lambda u: math.log(1 + math.exp(u)),
    "silu": lambda u: u / (1 + math.exp(-u)),
    "gelu": lambda u: u * (1 - math.erfc(u / 2**0.5) / 2),
    "relu": lambda u: (u + abs(u)) / 2,
    "cot": lambda u: 1 / math.tan(u),
    "sec": lambda u: math.sqrt(1 + math.tan(u) ** 2),
    "csc": lambda u: math.sqrt(1 + 1 / math.tan(u) ** 2),
    "log2": lambda u: math.log(u, 2),
    "log10": lambda u: math.log(u, 10),
    "erfc": lambda u: 1 - math.erf(u),
    "abs": lambda u: math.sqrt(u * u),
}


@pytest.mark.parametrize("name", [name for name, function in FUNCTIONS.items() if function.arity == 1])
def test_functions(name: str) -> None:
    at = 1.7 if name == "acosh" else 0.6
    wanted = BY_OTHER_MEANS.get(name) or getattr(math, name)
    assert value(f"{name}(x)", {"x": at}) == pytest.approx(wanted(at), rel=1e-14)
    constant, _ = read_formula(f"{name}({at})")
    assert float(constant.evalf()) == pytest.approx(wanted(at), rel=1e-14)
    assert FUNCTIONS[name].number(at) == pytest.approx(wanted(at), rel=1e-14)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_spellings(spelling: str) -> None:
    arguments = "x, 2" if FUNCTIONS[SPELLINGS[spelling]].arity == 2 else "x"
    assert read_formula(f"{spelling}({arguments})") == read_formula(f"{SPELLINGS[spelling]}({arguments})")


def test_decimals_are_exact() -> None:
    assert read_formula("0.1 + 0.2")[0] == sympy.Rational(3, 10)
    assert read_formula("1e-3")[0] == sympy.Rational(1, 1000)
    assert read_formula("123456789.123456789")[0] == sympy.Rational(123456789123456789, 10**9)


def test_variables_are_real_and_in_the_order_of_counting() -> None:
    expression, symbols = read_formula("x10*x2 + b - w[10] + w[9]")
    assert [one.name for one in symbols] == ["b", "w[9]", "w[10]", "x2", "x10"]
    assert all(one.is_real for one in symbols)
    assert expression.free_symbols == set(symbols)
    assert in_order(["x", "x_10", "x_9", "X", "x"]) == ("X", "x", "x_9", "x_10")


def test_variables_that_are_named_keep_their_order() -> None:
    assert [one.name for one in read_formula("x + y", ["y", "z", "x"])[1]] == ["y", "z", "x"]
    expression, symbols = read_formula("e**2 + pi", ["e"])
    assert [one.name for one in symbols] == ["e"]
    assert expression == symbols[0] ** 2 + sympy.pi
    assert read_formula("3") == (3, ())


DEFINED_WHERE_THE_TEXT_IS = {
    "x/x": 0.0,
    "sqrt(x)**2": -1.0,
    "abs(sqrt(x))": -1.0,
    "exp(log(x))": -1.0,
    "log(x) - log(x) + x": -1.0,
    "0*log(x) + x": -1.0,
    "(x**0.5)**4": -1.0,
    "x**2/x": 0.0,
    "asin(x) - asin(x)": 2.0,
    "max(sqrt(x), sqrt(x))": -1.0,
    "tanh(x)/tanh(x)": 0.0,
}


@pytest.mark.parametrize("text", DEFINED_WHERE_THE_TEXT_IS)
def test_nothing_is_simplified_to_more_than_it_was(text: str) -> None:
    expression, (symbol,) = read_formula(text)
    at = DEFINED_WHERE_THE_TEXT_IS[text]
    leaves = [one for one in sympy.postorder_traversal(expression) if one.args]
    values = [one.xreplace({symbol: sympy.Float(at)}) for one in leaves]
    assert any(not one.is_extended_real or one in (sympy.zoo, sympy.nan) for one in values)


def test_what_is_real_everywhere_is_simplified() -> None:
    x, y = sympy.symbols("x y", real=True)
    assert read_formula("(x^2 - 1)^2 + 2*y - y")[0] == (x**2 - 1) ** 2 + y
    assert read_formula("sqrt(x**2)")[0] == sympy.Abs(x)
    assert read_formula("x/2 + 3*x/2")[0] == 2 * x
    assert read_formula("log(1 + x**2) - log(1 + x^2)")[0] == 0


def test_poles_do_not_cancel_and_larger_values_are_not_compared() -> None:
    assert read_formula("tan(x) - tan(x)")[0] != 0
    assert read_formula("max(x, x + 1)")[0].func is sympy.Max
    assert set(read_formula("min(x**2 + 1, 0)")[0].args) == {sympy.Symbol("x", real=True) ** 2 + 1, sympy.Integer(0)}


# ------------------------------------------------------------------------------------------------------- refused

REFUSED: dict[str, tuple[str, int]] = {
    "2x": ("'*', as 2*x", 1),
    "2(x + 1)": ("'*', as 2*(…)", 1),
    "x y": ("'*', as x*y", 2),
    "(x)(y)": ("'*', as (…)*(…)", 3),
    "(x)y": ("'*', as (…)*y", 3),
    "x(y)": ("x is no function: a product is written x*(…)", 1),
    "pi(x)": ("pi is no function", 2),
    "w[0](x)": ("w[0] is no function", 4),
    "x + sin(2 y)": ("'*', as 2*y", 10),
    "sin x": ("sin is a function: write sin(…)", 0),
    "x + ln": ("ln is a function", 4),
    "sine(x)": ("did you mean sin", 0),
    "Tanh(x)": ("did you mean tanh", 0),
    "qqqq(x)": ("known are sin, cos", 0),
    "np.sin(x)": ("write sin(x), not np.sin(x)", 2),
    "x.real": ("unexpected '.'", 1),
    "f = x": ("without '='", 2),
    "x = 2*y": ("without '='", 2),
    "x²": ("powers are written with **: ² is **2", 1),
    "2²": ("powers are written with **", 1),
    "9**9**9": ("more than 20000 binary digits", 1),
    "9**(9**9)": ("more than 20000 binary digits", 1),
    "pow(9, pow(9, 9))": ("more than 20000 binary digits", 0),
    "(9**9)**9**9": ("more than 20000 binary digits", 6),
    "x**1001": ("the exponent 1001 is too large", 1),
    "x**-1e9": ("the exponent -1e+09 is too large", 1),
    "(x**1000)**1000": ("the exponent 1000000 is too large", 9),
    "((2*x)**900)**900": ("more than 20000 binary digits", 12),
    "1e999": ("range of floats", 0),
    "x + 1e-999": ("range of floats", 4),
    "1e300*x*1e300": ("range of floats", 0),
    "1e99999999": ("range of floats", 0),
    "9" * 401: ("at most 400 digits", 0),
    "x + log(-1)": ("no finite real number", 4),
    "sqrt(-4)*x": ("no finite real number", 0),
    "(-8)**(1/3)": ("no finite real number", 4),
    "asin(2)": ("no finite real number", 0),
    "erfc(1000)": ("too small for a float", 0),
    "x*exp(-2000)": ("too small for a float", 2),
    "1/0": ("no finite real number", 1),
    "0/0": ("no finite real number", 1),
    "0**-1": ("no finite real number", 1),
    "log(0)": ("no finite real number", 0),
    "exp(1000)": ("no finite real number", 0),
    "exp(exp(exp(exp(100))))": ("no finite real number", 8),
    "x/(y - y)": ("divides by 0", 1),
    "1/sin(pi)": ("divides by 0", 1),
    "1/(x/(1/(y - y)))": ("divides by 0", 7),
    "inf": ("no number that a formula can have", 0),
    "x + NaN": ("no number that a formula can have", 4),
    "1,5*x": ("decimals are written with a '.'", 1),
    "(1,5)": ("decimals are written with a '.'", 2),
    "atan(x, y)": ("atan takes 1 argument, and is given 2", 0),
    "hypot(x)": ("hypot takes 2 arguments, and is given 1", 0),
    "sin()": ("expected an argument of sin", 4),
    "max(x,)": ("expected an argument of max", 6),
    "(x": ("this '(' is not closed", 0),
    "sin(x": ("this '(' is not closed", 3),
    "x)": ("no '(' is open", 1),
    "()": ("expected a number, a name or '(' after '(', found ')'", 1),
    "x +": ("expected a number, a name or '(' after '+', found the end", 3),
    "x + * y": ("after '+', found '*'", 4),
    "*x": ("at the beginning, found '*'", 0),
    "x ** ": ("after '**', found the end", 4),
    "x // 2": ("after '/', found '/'", 3),
    "[x]": ("an index follows a name at once", 0),
    "w[i]": ("an index follows a name at once", 1),
    "{x}": ("only round parentheses", 0),
    "x < y": ("'<' compares", 2),
    "x ! y": ("'!' compares", 2),
    "'x'": ('unexpected "\'"', 0),
    "x; y": ("unexpected ';'", 1),
    "__import__('os')": ('unexpected "\'"', 11),
    "x if y else z": ("expected an operator before 'if'", 2),
    "(" * 60 + "x" + ")" * 60: ("nested deeper than 50", 50),
    "x" + "**x" * 60: ("nested deeper than 50", 1 + 3 * 50),
    "x + " * 3000 + "x": ("has 12001 characters", 10_000),
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:24])
def test_what_is_refused_says_why_and_where(text: str) -> None:
    reason, place = REFUSED[text]
    with pytest.raises(FormulaError) as caught:
        read_formula(text)
    assert reason in caught.value.reason
    assert caught.value.place == place
    said, shown, caret = str(caught.value).splitlines()
    assert said == caught.value.reason
    assert max(map(len, (shown, caret))) <= 80
    if place < len(text) and text[place] > " ":
        assert shown[caret.index("^")] == text[place]


@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_an_empty_formula(text: str) -> None:
    with pytest.raises(FormulaError, match="empty: write one such as"):
        read_formula(text)


def test_the_caret_counts_columns() -> None:
    with pytest.raises(FormulaError) as caught:
        read_formula("学习 + 率 2")
    shown, caret = str(caught.value).splitlines()[1:]
    assert shown == "  学习 + 率 2"
    # three characters before the place are two columns wide
    assert len(caret) - 1 == shown.index("2") + 3


def test_unknown_variables_name_those_that_are_there() -> None:
    with pytest.raises(FormulaError, match="there is no variable 'alfa': there is alpha") as caught:
        read_formula("2*alfa", ["alpha", "b"])
    assert caught.value.place == 2
    with pytest.raises(FormulaError, match="there is no variable 'q': there is x, y"):
        read_formula("q", ["x", "y"])


@pytest.mark.parametrize(
    ("symbols", "reason"),
    [(["sin"], "is a function"), (["x", "x"], "named twice"), (["2x"], "is no name"), (["x y"], "is no name")],
)
def test_bad_names_of_variables(symbols: list[str], reason: str) -> None:
    with pytest.raises(FormulaError, match=reason):
        read_formula("x", symbols)


def test_long_texts_are_shown_around_the_place() -> None:
    text = "x + " * 100 + "2y" + " + x" * 100
    with pytest.raises(FormulaError) as caught:
        read_formula(text)
    _, shown, caret = str(caught.value).splitlines()
    assert shown.startswith("  …")
    assert shown.endswith("…")
    assert shown[caret.index("^")] == "y"
    assert "x + x + 2y + x + x" in shown


# ---------------------------------------------------------------------------------------------- any text, any tree


def test_flat_formulas_may_be_long() -> None:
    rng = random.Random(0)
    terms = [f"{rng.uniform(-2, 2):.3f}*x{k % 40}**{k % 5}" for k in range(400)]
    expression, symbols = read_formula(" + ".join(terms))
    assert len(symbols) == 40
    point = dict.fromkeys((one.name for one in symbols), 1.0)
    wanted = sum(float(term.partition("*")[0]) for term in terms)
    assert value(" + ".join(terms), point) == pytest.approx(wanted, rel=1e-12)
    assert expression.is_Add


# A tree: its text with few parentheses, its level (0 sum, 1 product, 2 sign, 3 power, 4 atom), and its value.
Tree = tuple[str, int, float]


def _wrapped(tree: Tree, level: int) -> str:
    return tree[0] if tree[1] >= level else f"({tree[0]})"


NUMBERS = st.sampled_from(["1", "2", "0.5", "3.25", "1e-1", "2.5E0"]).map(lambda text: (text, 4, float(text)))
VARIABLES = st.sampled_from(["x", "y", "z", "w[0]"]).map(lambda name: (name, 4, POINT[name]))
SAFE = {"sin": math.sin, "cos": math.cos, "atan": math.atan, "tanh": math.tanh, "erf": math.erf, "abs": abs}


def _larger(trees: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    def add(a: Tree, b: Tree) -> Tree:
        return f"{_wrapped(a, 0)} + {_wrapped(b, 1)}", 0, a[2] + b[2]

    def subtract(a: Tree, b: Tree) -> Tree:
        return f"{_wrapped(a, 0)} - {_wrapped(b, 1)}", 0, a[2] - b[2]

    def multiply(a: Tree, b: Tree) -> Tree:
        return f"{_wrapped(a, 1)}*{_wrapped(b, 2)}", 1, a[2] * b[2]

    def divide(a: Tree, b: Tree) -> Tree:
        return f"{_wrapped(a, 1)}/(3 + sin({b[0]}))", 1, a[2] / (3 + math.sin(b[2]))

    def negate(a: Tree, b: Tree) -> Tree:
        return f"-{_wrapped(a, 2)}", 2, -a[2]

    def square(a: Tree, b: Tree) -> Tree:
        return f"{_wrapped(a, 4)}**2", 3, a[2] ** 2

    def caret(a: Tree, b: Tree) -> Tree:
        return f"{_wrapped(a, 4)} ^ 3", 3, a[2] ** 3

    def call(a: Tree, b: Tree) -> Tree:
        name = sorted(SAFE)[len(a[0] + b[0]) % len(SAFE)]
        return f"{name}({a[0]})", 4, SAFE[name](a[2])

    def larger(a: Tree, b: Tree) -> Tree:
        return f"max({a[0]}, {b[0]})", 4, max(a[2], b[2])

    kinds = st.sampled_from([add, subtract, multiply, divide, negate, square, caret, call, larger])
    return st.builds(lambda make, a, b: make(a, b), kinds, trees, trees)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.recursive(NUMBERS | VARIABLES, _larger, max_leaves=10))
def test_what_is_written_is_read(tree: Tree) -> None:
    text, _, wanted = tree
    if not abs(wanted) < 1e8:
        return
    with np.errstate(all="ignore"):
        assert value(text) == pytest.approx(wanted, rel=1e-9, abs=1e-9)


WORDS = "x y 2 0 1e3 0.5 + - * / ** ^ ( ) , ( ) pi e [0] ² . = ' π inf I ½ sin log( sqrt( max( min( abs( exp( tan("
PIECES = [*WORDS.split(), " ", "\n"]


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join) | st.text(max_size=20))
def test_no_text_raises_anything_else(text: str) -> None:
    refusal = None
    try:
        expression, symbols = read_formula(text)
    except FormulaError as error:
        refusal = error
    if refusal is not None:
        assert len(str(refusal).split("\n")) in (1, 3)
        assert 0 <= refusal.place <= len(text)
        return
    assert expression.free_symbols <= set(symbols)
    assert not expression.has(sympy.nan, sympy.zoo, sympy.oo, sympy.I)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(["x", "2", "3", "0.5", "exp", "sqrt", "log"]), min_size=2, max_size=8))
def test_towers_end_at_once(parts: list[str]) -> None:
    """Powers of powers, the worst that a short text can ask for."""
    names = [f"{part}(9)" if part in FUNCTIONS else part for part in parts]
    for text in ("**".join(names), "(" * len(names) + ")**".join(names) + ")"):
        try:
            expression, _ = read_formula(text)
        except FormulaError:
            continue
        assert len(str(expression)) < 20_000


def test_constants_are_those_of_the_table() -> None:
    for name, (exact, number) in CONSTANTS.items():
        assert read_formula(name)[0] == exact
        assert float(exact) == number
