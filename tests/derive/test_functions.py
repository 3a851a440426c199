"""Every row of the tables: its law, its numbers and its SymPy form say the same, kinks included."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy

from derive.differentiate import gradient
from derive.errors import MissingRuleError, NotationError
from derive.evaluate import Evaluator, run
from derive.functions import (
    ELEMENTWISE,
    OVER,
    absolute,
    argmax,
    argmin,
    det,
    exp,
    greater,
    greater_equal,
    inverse,
    log,
    logdet,
    maximum,
    maximum_over,
    mean,
    minimum,
    minimum_over,
    over,
    relu,
    softmax,
    sqrt,
    unspecified,
    where,
)
from derive.index import letter, letters
from derive.nodes import Elementwise, Node, OverAxes, Sum, number
from derive.notation import name, names, tensor
from derive.program import Program, define
from derive.size_algebra import sizes
from derive.symbolic import Components
from derive.tree import walk
from tests.derive.witnesses import agrees, exactly_equal, precise, same, seeded, seen_from
from verify import numdiff

SMOOTH = [row.name for row in ELEMENTWISE.values() if not row.kinks]
DOMAINS = {"real": (-2.3, 2.4), "positive": (0.1, 3), "above -1": (-0.8, 2.5), "between -1 and 1": (-0.9, 0.9)}


def points(row: Elementwise, count: int = 7) -> list[np.ndarray]:
    """Points of the domain, away from kinks: different magnitudes, both signs where allowed."""
    low, high = DOMAINS[row.domain]
    rng = seeded("points", row.name)
    found = [np.round(rng.uniform(low, high, count), 3) for _ in range(row.arity)]
    if row is where:
        found[0] = np.array([1.0, 0, 1, 0, 0, 1, 2.5])
    return found


def law(row: Elementwise) -> tuple[Program, list[Any], Node]:
    """A program that applies the function entry by entry, weighted."""
    n = sizes("n")[0]
    i = letter("i", n)
    arguments = [tensor(f"u{m}", n) for m in range(row.arity)]
    R, L = tensor("R", n), name("L")
    L = define(L, Sum(i, R[i] * row(*(u[i] for u in arguments))))
    return Program.of([*arguments, R], L), arguments, row(*(u[i] for u in arguments))


# ------------------------------------------------------------------------------------------- functions of numbers


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_the_row_is_filled(name: str) -> None:
    row = ELEMENTWISE[name]
    assert row.derivative is not None
    assert row.statement
    assert row.domain in DOMAINS
    assert len(row.condition) == 2
    assert all(row.condition) or not any(row.condition)
    assert bool(row.condition[0]) or not row.kinks, "a kink is a condition"


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_law_is_the_numerical_derivative(name: str) -> None:
    row = ELEMENTWISE[name]
    program, arguments, _ = law(row)
    (n,) = program.sizes()
    values = dict(zip(arguments, points(row), strict=True)) | {
        program.tensor("R"): np.array([0.7, -1.3, 2, -0.4, 1, -2, 3])
    }
    wanted = arguments[1:] if row is where else arguments
    found = gradient(program, wanted)
    evaluator = run(found.derived, values, {n: 7})
    for u, result in zip(wanted, found.derived.outputs, strict=True):
        agrees(evaluator.arrays[result], numdiff.gradient(seen_from(program, u, values, {n: 7}), values[u]))


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_law_is_sympys_derivative(name: str) -> None:
    row = ELEMENTWISE[name]
    symbols = sympy.symbols(f"u0:{row.arity}", real=True)
    n = sizes("n")[0]
    arguments = [tensor(f"u{m}") for m in range(row.arity)]
    node = row(*arguments)
    assert row.derivative is not None
    slopes = row.derivative(node.arguments, node)
    assert len(slopes) == row.arity
    components = Components(Program.of(arguments, arguments[0]), {n: 1})
    components.values = dict(zip(arguments, ({(): s} for s in symbols), strict=True))
    for at in zip(*points(row), strict=True):
        exact = {s: sympy.Rational(str(a)) for s, a in zip(symbols, at, strict=True)}
        for position, slope in enumerate(slopes):
            if row is where and position == 0:
                continue
            expected = sympy.diff(row.sympy(*symbols), symbols[position]).xreplace(exact).doit()
            found = components.node(slope, {}).xreplace(exact)
            assert exactly_equal(found, expected), f"{name} at {at}"


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_numbers_are_those_of_the_sympy_form(name: str) -> None:
    row = ELEMENTWISE[name]
    arrays = points(row)
    found = row.numpy(*arrays)
    for m, at in enumerate(zip(*arrays, strict=True)):
        expected = float(sympy.N(row.sympy(*(sympy.Rational(str(a)) for a in at)), 30))
        assert found[m] == pytest.approx(expected, rel=1e-14, abs=1e-15)


@pytest.mark.parametrize("name", SMOOTH)
def test_analytic_functions_take_complex_numbers(name: str) -> None:
    """A complex step of 1e-20 gives the derivative to the last digits."""
    row = ELEMENTWISE[name]
    (at,) = points(row)
    n = sizes("n")[0]
    u = tensor("u", n)
    node = row(u[letter("i", n)])
    assert row.derivative is not None
    (slope,) = row.derivative(node.arguments, node)
    exact = Evaluator({n: len(at)}, {u: at}).value(slope).array
    assert np.allclose(row.numpy(at + 1e-20j).imag / 1e-20, exact, rtol=1e-13)
    assert np.allclose(row.numpy(at + 0j).real, row.numpy(at), rtol=1e-14)


@pytest.mark.parametrize("name", [row.name for row in ELEMENTWISE.values() if row.kinks])
def test_piecewise_functions_take_complex_numbers(name: str) -> None:
    """They branch on the real part and keep the imaginary part of the branch taken."""
    row = ELEMENTWISE[name]
    at = points(row)
    found = row.numpy(*(a + 1e-20j * (m + 1) for m, a in enumerate(at)))
    assert np.allclose(np.real(found), row.numpy(*at))
    slopes = row.derivative(tuple(map(number, range(row.arity))), number(0)) if row.derivative else ()
    assert len(slopes) == row.arity


@pytest.mark.parametrize(
    ("name", "large"),
    [
        ("sigmoid", [0, 1, 0.5]),
        ("softplus", [0, 800, np.log(2)]),
        ("tanh", [-1, 1, 0]),
        ("relu", [0, 800, 0]),
        ("erf", [-1, 1, 0]),
    ],
)
def test_large_arguments_do_not_overflow(name: str, large: list[float]) -> None:
    assert ELEMENTWISE[name].numpy(np.array([-800.0, 800.0, 0.0])) == pytest.approx(large, abs=1e-15)


KINKS = {
    "relu at 0 has slope 0": (lambda u, v: relu(u), (0.0, 1.0), (0, 0)),
    "abs at 0 has slope 0": (lambda u, v: absolute(u), (0.0, 1.0), (0, 0)),
    "maximum at a tie: the first takes all": (maximum, (2.0, 2.0), (1, 0)),
    "minimum at a tie: the first takes all": (minimum, (2.0, 2.0), (1, 0)),
    "maximum of the smaller": (maximum, (1.0, 2.0), (0, 1)),
    "minimum of the larger": (minimum, (2.0, 1.0), (0, 1)),
    "greater has slope 0": (lambda u, v: greater(u, v) * u, (2.0, 2.0), (0, 0)),
    "greater_equal has slope 0": (lambda u, v: greater_equal(u, v) * u, (2.0, 2.0), (1, 0)),
    "where takes the branch that holds": (lambda u, v: where(greater(u, 0), v * 3, v * 5), (0.0, 2.0), (0, 5)),
}


@pytest.mark.parametrize("which", KINKS)
def test_conventions_at_kinks(which: str) -> None:
    function, at, slopes = KINKS[which]
    u, v = tensor("u"), tensor("v")
    L = define(name("L"), function(u + 0, v + 0))
    program = Program.of([u, v], L)
    found = gradient(program, [u, v])
    evaluator = run(found.derived, {u: np.array(at[0]), v: np.array(at[1])})
    assert [float(evaluator.arrays[t]) for t in found.derived.outputs] == list(slopes)


EXTREMA = {"max": (maximum_over, 1), "min": (minimum_over, 0)}


@pytest.mark.parametrize("which", EXTREMA)
def test_the_first_of_tied_entries_takes_all(which: str) -> None:
    n = sizes("n")[0]
    i = letter("i", n)
    x, L = tensor("x", n), name("L")
    function, first = EXTREMA[which]
    L = define(L, function(i, x[i]) * 3)
    program = Program.of([x], L)
    found = gradient(program, x)
    (array,) = (run(found.derived, {x: np.array([2.0, 5, 5, 2])}).arrays[t] for t in found.derived.outputs)
    assert array.tolist() == [3 * float(k == (1 if first else 0)) for k in range(4)]


def test_a_condition_that_is_no_truth_value_is_none() -> None:
    """where(3, …) takes the first branch: its slope is 1, not 3."""
    n = sizes("n")[0]
    i = letter("i", n)
    x, mask, L = tensor("x", n), tensor("mask", n), name("L")
    L = define(L, Sum(i, where(mask[i], x[i], 2 * x[i])))
    found = gradient(Program.of([x, mask], L), x)
    values = {x: np.array([1.5, -4.0, 2.0]), mask: np.array([3.0, 0.0, -1.0])}
    assert run(found.derived, values).arrays[found.derived.output].tolist() == [1, 2, 1]


@pytest.mark.parametrize("condition", [greater, greater_equal])
def test_what_is_not_chosen_reaches_no_gradient(condition: Elementwise) -> None:
    """√(-x) for x > 0 is no number, but there where(…) takes the other branch."""
    n = sizes("n")[0]
    i = letter("i", n)
    x, L = tensor("x", n), name("L")
    for body, at, expected in (
        (where(condition(x[i], 0), x[i] ** 2, sqrt(-x[i])), [3.0, -4.0], [6, -0.25]),
        (where(condition(0, x[i]), sqrt(-x[i]), x[i] ** 2), [3.0, -4.0], [6, -0.25]),
        (where(condition(x[i], 0), log(x[i]), 3 * x[i]), [2.0, -4.0], [0.5, 3]),
    ):
        program = Program.of([x], define(name("L"), Sum(i, body)))
        found = gradient(program, x)
        assert run(found.derived, {x: np.array(at)}).arrays[found.derived.output].tolist() == expected
    assert L.shape is None


# ------------------------------------------------------------------------------------------ functions along axes

ALONG = {
    "softmax": lambda x, A, j, k: softmax(j, x[j]).entry(0),
    "log_softmax": lambda x, A, j, k: over(OVER["log_softmax"], j, x[j], at=1),
    "logsumexp": lambda x, A, j, k: over(OVER["logsumexp"], j, x[j]),
    "max": lambda x, A, j, k: maximum_over(j, x[j]) ** 2,
    "min": lambda x, A, j, k: minimum_over(j, x[j]) ** 2,
    "argmax": lambda x, A, j, k: x[argmax(j, x[j])] ** 2,
    "argmin": lambda x, A, j, k: x[argmin(j, x[j])] ** 2,
    "norm": lambda x, A, j, k: over(OVER["norm"], j, x[j]),
    "inverse": lambda x, A, j, k: over(OVER["inverse"], j, k, A[j, k] + x[j] * x[k], at=(0, 1)),
    "logdet": lambda x, A, j, k: logdet(j, k, A[j, k] + x[j] * x[k]),
    "det": lambda x, A, j, k: det(j, k, A[j, k] + x[j] * x[k]),
}


def along(which: str) -> tuple[Program, Any, Any]:
    n = sizes("n")[0]
    j, k = letters("j k", n, n)
    x, A, L = tensor("x", n), tensor("A", n, n), name("L")
    L = define(L, ALONG[which](x, A, j, k) * 3)
    return Program.of([x, A], L), x, A


def test_every_row_is_tried() -> None:
    assert set(ALONG) == set(OVER)


@pytest.mark.parametrize("which", OVER)
def test_law_along_axes_is_the_numerical_derivative(which: str) -> None:
    program, x, A = along(which)
    (n,) = program.sizes()
    rng = seeded("along", which)
    # both signs of a determinant
    for sign in (1, -1):
        values = {x: np.round(rng.normal(size=4), 3), A: np.round(rng.normal(size=(4, 4)), 3)}
        if np.sign(np.linalg.det(values[A] + np.outer(values[x], values[x]))) != sign:
            values[A] = values[A][::-1]
        found = gradient(program, [x, A])
        evaluator = run(found.derived, values, {n: 4})
        for u, result in zip((x, A), found.derived.outputs, strict=True):
            if u in next(program.definitions()).body.tensors:
                agrees(evaluator.arrays[result], numdiff.gradient(seen_from(program, u, values, {n: 4}), values[u]))


@pytest.mark.parametrize("which", ["argmax", "argmin"])
def test_a_position_is_locally_constant(which: str) -> None:
    j = letter("j", 4)
    node = over(OVER[which], j, tensor("x", 4)[j])
    law = OVER[which].derivative
    assert law is not None
    assert law(node, lambda part: part) == number(0)


@pytest.mark.parametrize("which", [row.name for row in OVER.values() if not row.integer])
def test_law_along_axes_is_sympys(which: str) -> None:
    program, x, A = along(which)
    (n,) = program.sizes()
    rng = seeded("exact along", which)
    values = {t: precise(t, {n: 2}, rng) for t in (x, A)}
    found = gradient(program, [x])
    derived = Components(found.derived, {n: 2}, values)
    for place in range(2):
        forward = Components(program, {n: 2}, values)
        free = forward.symbol(x, (place,))
        held = values[x].copy()
        held[place] = free
        forward.values[x] = held
        slope = sympy.diff(forward.entry(program.output, ()), free).xreplace({free: values[x][place]})
        assert exactly_equal(derived.entry(found.derived.output, (place,)), slope)


@pytest.mark.parametrize("which", OVER)
def test_numbers_along_axes_are_those_of_the_components(which: str) -> None:
    program, x, A = along(which)
    (n,) = program.sizes()
    rng = seeded("numbers", which)
    values = {x: np.round(rng.normal(size=3), 3), A: np.round(rng.normal(size=(3, 3)), 3)}
    exact = Components(program, {n: 3}, values).entry(program.output, ())
    assert float(run(program, values).arrays[program.output]) == pytest.approx(float(exact), rel=1e-12)


@pytest.mark.parametrize("which", [row.name for row in OVER.values() if row.expansion is not None])
def test_expansion_is_the_function(which: str) -> None:
    program, x, A = along(which)
    row = OVER[which]
    node = next(below for below in walk(next(program.definitions()).body) if getattr(below, "function", None) is row)
    assert row.expansion is not None
    values = {x: np.array([0.3, -1.2, 2.5]), A: np.eye(3)}
    evaluator = Evaluator({program.sizes()[0]: 3}, values)
    same(evaluator.value(row.expansion(node)).array, evaluator.value(node).array)  # type: ignore[arg-type]  # an Over


@pytest.mark.parametrize("which", ["softmax", "log_softmax", "logsumexp"])
def test_softmax_and_its_kin_are_stable(which: str) -> None:
    row = OVER[which]
    big = np.array([[1000.0, 999.0, -1000.0], [-1000.0, -1000.0, -1000.0]])
    found = row.numpy(big)
    same(found, row.numpy(big - big.max(axis=-1, keepdims=True)) + (big[:, 0] if which == "logsumexp" else 0))
    assert np.all(np.isfinite(found))


@pytest.mark.parametrize("which", ["softmax", "log_softmax", "logsumexp", "max", "norm", "inverse", "det", "logdet"])
def test_functions_along_axes_take_complex_numbers(which: str) -> None:
    row = OVER[which]
    rng = seeded("complex", which)
    a, v = (np.round(rng.normal(size=(2, 3, 3) if row.letters == 2 else (2, 3)), 3) for _ in range(2))
    step = row.numpy(a + 1e-20j * v).imag / 1e-20
    agrees(step, numdiff.jvp(row.numpy, a, v, complex_step=False), sharp=1e-4)


def test_the_letter_of_a_softmax_is_its_entry() -> None:
    n, m = sizes("n m")
    i, j = letters("i j", n, m)
    X = tensor("X", n, m)
    array = seeded("rows").normal(size=(2, 3))
    found = Evaluator({n: 2, m: 3}, {X: array}).array(softmax(j, X[i, j]), (i, j))
    assert np.allclose(found.sum(axis=1), 1)
    assert np.allclose(found, np.exp(array) / np.exp(array).sum(axis=1, keepdims=True))


def test_inverse_is_entered_row_first() -> None:
    n = sizes("n")[0]
    i, j = letters("i j", n, n)
    A = tensor("A", n, n)
    array = np.array([[2.0, 1.0], [0.0, 4.0]])
    assert np.allclose(Evaluator({n: 2}, {A: array}).array(inverse(i, j, A[i, j]), (i, j)), np.linalg.inv(array))


@pytest.mark.parametrize(
    ("misuse", "reason"),
    [
        (lambda i, x: over(OVER["softmax"], x[i], at=i), "softmax works along 1 letters"),
        (lambda i, x: over(OVER["softmax"], i, x[i]), "softmax has a value with 1 indices, but 0 are given"),
        (lambda i, x: over(OVER["norm"], i, x[i], at=i), "norm has a value with 0 indices, but 1 are given"),
        (lambda i, x: over(OVER["det"], i, x[i]), "det works along 2 letters"),
        (lambda i, x: exp(), "exp takes 1 arguments, not 0"),
        (lambda i, x: unspecified("2f"), "identifier"),
        (lambda i, x: unspecified("f", 2, 3), "a scalar or a vector"),
        (lambda i, x: mean(letter("q"), x[i]), "the size of index 'q' is not known here"),
    ],
)  # fmt: skip
def test_misuse_says_what_to_do(misuse: Callable[[Any, Any], object], reason: str) -> None:
    n = sizes("n")[0]
    i = letter("i", n)
    with pytest.raises(NotationError, match=reason):
        misuse(i, tensor("x", n))


# --------------------------------------------------------------------------- unknown means an error, never zero


def without_law(name: str) -> Elementwise:
    return Elementwise(name, 1, rf"\operatorname{{{name}}}", None, np.square, lambda z: z**2)


def test_a_function_without_derivative_raises_and_is_named() -> None:
    n = sizes("n")[0]
    i = letter("i", n)
    x, y, L = tensor("x", n), tensor("y", n), name("L")
    mystery = without_law("mystery")
    L = define(L, Sum(i, mystery(x[i]) * y[i]))
    program = Program.of([x, y], L)
    with pytest.raises(MissingRuleError, match="'mystery' has no derivative"):
        gradient(program, x)
    found = gradient(program, y)
    assert run(found.derived, {x: np.array([3.0]), y: np.array([2.0])}).arrays[found.derived.output] == [9.0]


def test_a_function_along_axes_without_derivative_raises_and_is_named() -> None:
    n = sizes("n")[0]
    i = letter("i", n)
    x, L = tensor("x", n), name("L")
    median = OverAxes("median", 1, 0, r"\operatorname{median}", None, lambda z: np.median(z, axis=-1), sympy.Max)
    L = define(L, over(median, i, x[i]))
    with pytest.raises(MissingRuleError, match="'median' has no derivative"):
        gradient(Program.of([x], L), x)


# ------------------------------------------------------------------------------------------ unspecified functions


@pytest.mark.parametrize("outputs", [0, 1])
def test_unspecified_functions_have_all_their_derivatives(outputs: int) -> None:
    n, m = sizes("n m")
    i, r = letters("i r", n, m)
    x, R = tensor("x", n), tensor("R", m)
    y, L = names("y L")
    if outputs:
        f = unspecified("f", m)
        y = define(y[r], over(f, i, x[i], at=r))
        L = define(L, Sum(r, R[r] * y[r] ** 2))
    else:
        L = define(L, Sum(r, R[r] * over(unspecified("f"), i, x[i]) ** 2))
    program = Program.of([x, R], L)
    found = gradient(program, x)
    values, assignment = {x: np.array([0.3, -0.8, 1.1]), R: np.array([1.0, -2.0])}, {n: 3, m: 2}
    (result,) = (run(found.derived, values, assignment).arrays[t] for t in found.derived.outputs)
    agrees(result, numdiff.gradient(seen_from(program, x, values, assignment), values[x]))
    exact = Components(program, assignment, {R: values[R]})
    slope = sympy.diff(exact.entry(program.output, ()), exact.symbol(x, (1,)))
    at = {exact.symbol(x, (k,)): sympy.Float(v) for k, v in enumerate(values[x])}
    assert float(slope.xreplace(at)) == pytest.approx(result[1], rel=1e-12)


def test_unspecified_functions_of_one_name_are_one_function() -> None:
    assert unspecified("f") is unspecified("f")
    assert unspecified("f") is not unspecified("g")


def test_numbers_warn_of_nothing_inside_their_domain() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for row in ELEMENTWISE.values():
            row.numpy(*points(row))
