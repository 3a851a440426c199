"""Differentiation: random programs against differences, the calculus of sweeps, and errors instead of zeros."""

from __future__ import annotations

import gc
from collections.abc import Callable
from types import FunctionType

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.definitions import define, recurrence
from derive.differentiate import gradient, hessian, hvp, jacobian, jvp, taylor, vjp
from derive.errors import MissingRuleError, NotationError
from derive.evaluate import run
from derive.functions import Elementwise, exp, log, relu, tanh
from derive.index import letter, letters
from derive.nodes import Number, Partial, Sum, Tensor, number
from derive.notation import at_least, first, name, names, tensor
from derive.over_axes import argmax, maximum_over, softmax
from derive.program import Program
from derive.size_algebra import sizes
from derive.statements import assume
from derive.symbolic import Components
from derive.tree import walk
from tests.derive.programs import transformer
from tests.derive.random_programs import random_program
from tests.derive.witnesses import (
    Sizes,
    Values,
    agrees,
    drawn,
    exactly_equal,
    precise,
    same,
    seeded,
    seen_from,
    values_of,
)
from tests.derive.witnesses import value as value_of
from verify import numdiff

n, m, d = sizes("n m d")


# ------------------------------------------------------------------------------------------------ random programs


def random_case(seed: int) -> tuple[Program, Sizes, Values]:
    rng = np.random.default_rng(seed)
    program = random_program(rng)
    assignment = {symbol: {"n": 2, "m": 3}[symbol.name] for symbol in program.sizes()}
    return program, assignment, drawn(program.inputs, assignment, rng)


def check_random_program(seed: int) -> None:
    """The gradient by every input along a random direction is the slope along it; the tangent is it too."""
    program, assignment, values = random_case(seed)
    results = values_of(gradient(program, program.inputs).derived, values, assignment)
    ways = drawn(program.inputs, assignment, np.random.default_rng(seed + 1))
    slope = np.asarray(sum(np.sum(ways[t] * g) for t, g in zip(program.inputs, results, strict=True)))
    size = 1 + float(sum(np.sum(np.abs(ways[t] * g)) for t, g in zip(program.inputs, results, strict=True)))

    def along(step: np.ndarray) -> np.ndarray:
        return value_of(program, {t: values[t] + step * ways[t] for t in values}, assignment)

    expected = numdiff.jvp(along, np.zeros(()), np.ones(()))
    assert expected.kink.any() or expected.bound <= 1e-4 * size, "the differences say nothing here"
    if not expected.kink.any():
        assert abs(slope - expected.value) <= expected.bound + 1e-9 * size, f"{slope} against {expected}"
    forward = jvp(program, program.inputs)
    tangents = {t: ways[t.primal] for t in forward.derived.inputs if t.primal is not None}
    (pushed,) = values_of(forward.derived, {**values, **tangents}, assignment)
    assert abs(pushed - slope) <= 1e-10 * size


@given(st.integers(0, 10**9))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_gradient_of_random_programs(seed: int) -> None:
    check_random_program(seed)


@given(st.integers(0, 10**9))
@settings(max_examples=12, deadline=None, derandomize=True)
def test_hessian_vector_products_of_random_programs(seed: int) -> None:
    program, assignment, values = random_case(seed)
    x = program.tensor("x_n")
    results = []
    for style in ("forward", "reverse"):
        found = hvp(program, x, style=style)
        direction = next(t for t in found.derived.inputs if t not in program.inputs)
        values |= drawn([direction], assignment, np.random.default_rng(seed))
        results.append(values_of(found.derived, values, assignment)[0])
    same(results[0], results[1], 1e-8)
    slope = gradient(program, x).derived
    expected = numdiff.jvp(seen_from(slope, x, values, assignment), values[x], values[direction])
    size = 1 + float(np.max(np.abs(results[0])))
    assert np.all((np.abs(results[0] - expected.value) <= expected.bound + 1e-8 * size) | expected.kink)


@pytest.mark.campaign
@pytest.mark.parametrize("block", range(20))
def test_gradient_of_many_random_programs(block: int) -> None:
    for seed in range(100 * block, 100 * block + 100):
        check_random_program(seed)


@given(st.integers(0, 10**9))
@settings(max_examples=6, deadline=None, derandomize=True)
def test_gradient_of_random_programs_is_sympys(seed: int) -> None:
    rng = np.random.default_rng(seed)
    program = random_program(rng, length=1)
    assignment = dict.fromkeys(program.sizes(), 2)
    exact = {t: precise(t, assignment, rng) for t in program.inputs}
    x = program.inputs[int(rng.integers(len(program.inputs)))]
    found = gradient(program, x)
    derived = Components(found.derived, assignment, exact)
    place = tuple(int(rng.integers(length)) for length in exact[x].shape)
    forward = Components(program, assignment, exact)
    free = forward.symbol(x, place)
    held = exact[x].copy()
    held[place] = free
    forward.values[x] = held
    slope = sympy.diff(forward.entry(program.output, ()), free).xreplace({free: exact[x][place]}).doit()
    assert exactly_equal(derived.entry(found.derived.output, place), slope)


# ----------------------------------------------------------------------------------------------------- small cases


def compare(program: Program, wrt: Tensor, named: Sizes, *seed: object) -> np.ndarray:
    values = drawn(program.inputs, named, seeded(*seed))
    (result,) = values_of(gradient(program, wrt).derived, values, named)
    agrees(result, numdiff.gradient(seen_from(program, wrt, values, named), values[wrt]))
    return result


def test_a_diagonal_is_read_by_one_letter() -> None:
    A, w = tensor("A", n, n), tensor("w", n)
    i = letter("i", n)
    program = Program.of([A, w], define(name("L"), Sum(i, w[i] * exp(A[i, i]))))
    result = compare(program, A, {n: 3}, "diagonal")
    assert np.count_nonzero(result) == 3


def test_reading_twice_counts_twice() -> None:
    """SymPy's Sum(X[i]).diff(X[i]) is Sum(1)."""
    x = tensor("x", n)
    i, j = letters("i j", n, n)
    program = Program.of([x], define(name("L"), Sum(i, x[i]) * Sum(i, x[i] ** 2) + Sum(i, j, x[i] * x[j] * i)))
    compare(program, x, {n: 4}, "twice")
    found = gradient(Program.of([x], define(name("S"), Sum(i, x[i]))), x)
    assert found.result.result == number(1)


def test_products_of_three_and_powers_that_move() -> None:
    x, y = tensor("x", n, domain="positive"), tensor("y", n)
    i = letter("i", n)
    body = x[i] * y[i] * tanh(y[i]) * x[i] + x[i] ** y[i] + 2 ** y[i] + y[i] ** 3
    program = Program.of([x, y], define(name("L"), Sum(i, body)))
    for wrt in (x, y):
        compare(program, wrt, {n: 3}, "powers", wrt.name)


def test_a_scalar_among_tensors() -> None:
    x, c = tensor("x", n), tensor("c")
    i = letter("i", n)
    program = Program.of([x, c], define(name("L"), Sum(i, tanh(c * x[i])) / (1 + c**2)))
    for wrt in (x, c):
        compare(program, wrt, {n: 3}, "scalar", wrt.name)


def test_strided_reversed_and_shifted_readings() -> None:
    x, w = tensor("x", 2 * n + 1), tensor("w", n)
    i = letter("i", n)
    body = w[i] * x[2 * i] * x[2 * n - 2 * i] * x[2 * i + 1] ** 2
    compare(Program.of([x, w], define(name("L"), Sum(i, body))), x, {n: 3}, "strided")


def test_the_derivative_by_a_tensor_in_between() -> None:
    x = tensor("x", n)
    i = letter("i", n)
    y, z, L = names("y z L")
    y = define(y[i], tanh(x[i]))
    z = define(z[i], y[i] ** 2 + x[i])
    L = define(L, Sum(i, z[i] * y[i]))
    program = Program.of([x], L)
    values: Values = {x: np.array([0.3, -1.2, 0.7])}
    found = gradient(program, ["y", "z", "x"])
    by_y, by_z, by_x = values_of(found.derived, values, {n: 3})
    tanh_ = np.tanh(values[x])
    same(by_z, tanh_)
    same(by_y, 2 * tanh_ * tanh_ + tanh_**2 + values[x])
    same(by_x, by_y * (1 - tanh_**2) + by_z)


def test_the_derivative_of_the_output_by_itself_is_one() -> None:
    x = tensor("x", n)
    i = letter("i", n)
    found = gradient(Program.of([x], define(name("L"), Sum(i, x[i] ** 2))), ["x", "L"])
    assert values_of(found.derived, {x: np.ones(2)}, {n: 2})[1] == 1


def test_taylor_moves_positions_that_are_found() -> None:
    x = tensor("x", n)
    i = letter("i", n)
    L = define(name("L"), x[argmax(i, x[i])] ** 2)
    found = taylor(Program.of([x], L), x, order=1)
    theorem = found.chains[-2]
    assert theorem.within is not None
    values = {x: np.array([1.0, 2.0, 1.5]), found.tensor("v"): np.array([2.0, -1.0, 0.0])}
    assert run(theorem.within, values, {n: 3}).arrays[theorem.within.output] == 9


def test_what_does_not_matter_has_gradient_zero() -> None:
    x, y = tensor("x", n), tensor("y", n, m)
    i = letter("i", n)
    found = gradient(Program.of([x, y], define(name("L"), Sum(i, x[i] ** 2))), [y, x])
    by_y, by_x = values_of(found.derived, {x: np.ones(2), y: np.ones((2, 3))}, {n: 2, m: 3})
    assert by_y.tolist() == [[0] * 3] * 2
    assert by_x.tolist() == [2, 2]


def test_no_gradient_flows_through_an_argmax() -> None:
    X = tensor("X", n, m)
    i, j = letters("i j", n, m)
    L = define(name("L"), Sum(i, X[i, argmax(j, X[i, j])] ** 2 + argmax(j, X[i, j]) * X[i, 0]))
    compare(Program.of([X], L), X, {n: 3, m: 4}, "argmax")


def test_a_recurrence_inside_a_sum_of_losses() -> None:
    x, a = tensor("x", n), tensor("a")
    t = letter("t", n)
    h = name("h")
    h = define(h[t], first(t, a, tanh(h[t - 1])) * x[t])
    L = define(name("L"), Sum(t, h[t] ** 2) + h[n - 1] + h[0] * a)
    for wrt in (x, a):
        compare(Program.of([x, a], L), wrt, {n: 4}, "recurrence", wrt.name)


def test_what_a_member_reads_at_the_index_before_counts() -> None:
    """The output reads a member below it, which alone reads what is differentiated by."""
    v, q = tensor("v", n), tensor("q", n)
    t = letter("t", n)
    u, p, h, L = names("u p h L")
    u = define(u[t], v[t] ** 2)
    p = recurrence(t, {p[t]: at_least(t, 1) * h[t - 1] * q[t], h[t]: p[t] + u[t]})["p"]
    L = define(L, Sum(t, p[t] ** 2))
    compare(Program.of([v, q], L), v, {n: 4}, "recurrence")


def test_an_assumption_is_used_and_named() -> None:
    """With Σ_k T[i,k] = 1 the gradient of cross-entropy is P - T, and no sum over T is left."""
    Z, T = tensor("Z", n, m), tensor("T", n, m, domain="simplex")
    i, k = letters("i k", n, m)
    P, L = names("P L")
    P = define(P[i, k], softmax(k, Z[i, k]))
    L = define(L, -Sum(i, k, T[i, k] * log(P[i, k])))
    with_, without = (
        gradient(Program.of([Z, T], L, assumptions), Z) for assumptions in ([assume(Sum(k, T[i, k]), "=", 1)], [])
    )
    assert any(step.rule == "assumption" for step in with_.steps)
    assert not any(step.rule == "assumption" for step in without.steps)
    assert not any(isinstance(node, Sum) for node in walk(with_.result.result))  # type: ignore[arg-type]  # a node
    values = drawn([Z, T], {n: 2, m: 3}, seeded("assumed"))
    same(*(values_of(f.derived, values, {n: 2, m: 3})[0] for f in (with_, without)))


def test_nothing_is_left_open() -> None:
    for seed in range(10):
        program, *_ = random_case(seed)
        for definition in gradient(program, program.inputs).derived.definitions():
            assert not any(isinstance(node, Partial) for node in walk(definition.body))


# ------------------------------------------------------------------------------------------------- the other sweeps


def test_vjp_by_a_tensor_that_is_read_again() -> None:
    """The output P is read by Q: its own cotangent still is the seed alone."""
    x, y = tensor("x", n), tensor("y", n)
    i = letter("i", n)
    P, Q = names("P Q")
    P = define(P[i], tanh(x[i]) * y[i])
    Q = define(Q[i], P[i] ** 2)
    program = Program.of([x, y], [P, Q])
    found = vjp(program, [x, y], output="P")
    values = drawn(found.derived.inputs, {n: 3}, seeded("again"))
    seed = found.derived.inputs[-1]
    by_x, by_y = values_of(found.derived, values, {n: 3})
    same(by_x, values[seed] * values[y] * (1 - np.tanh(values[x]) ** 2))
    same(by_y, values[seed] * np.tanh(values[x]))


def test_jvp_of_an_output_that_does_not_move_is_zero() -> None:
    x, y = tensor("x", n), tensor("y", n)
    i = letter("i", n)
    P, Q = define(name("P")[i], x[i] ** 2), define(name("Q")[i], y[i] ** 2)
    found = jvp(Program.of([x, y], [P, Q]), x)
    values = drawn(found.derived.inputs, {n: 3}, seeded("still"))
    moved, still = values_of(found.derived, values, {n: 3})
    assert moved.all()
    assert not still.any()


def test_jacobian_has_output_axes_first() -> None:
    X, W = tensor("X", n, m), tensor("W", m, d)
    i, j, k = letters("i j k", n, m, d)
    Y = define(name("Y")[i, k], Sum(j, X[i, j] * W[j, k]))
    found = jacobian(Program.of([X, W], Y), X)
    values = drawn([X, W], {n: 2, m: 3, d: 4}, seeded("layout"))
    (whole,) = values_of(found.derived, values, {n: 2, m: 3, d: 4})
    assert whole.shape == (2, 4, 2, 3)
    assert found.derived.output.shape == (n, d, n, m)
    same(whole, np.einsum("ia,bk->ikab", np.eye(2), values[W]))


def test_hessian_of_a_quadratic_form() -> None:
    A, x = tensor("A", n, n), tensor("x", n)
    i, j = letters("i j", n, n)
    found = hessian(Program.of([A, x], define(name("q"), Sum(i, j, x[i] * A[i, j] * x[j]) / 2)), x)
    values = drawn([A, x], {n: 3}, seeded("form"))
    (matrix,) = values_of(found.derived, values, {n: 3})
    same(matrix, (values[A] + values[A].T) / 2)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_taylor_leaves_a_remainder_of_its_order(order: int) -> None:
    x, w = tensor("x", n), tensor("w", n)
    i = letter("i", n)
    y, L = names("y L")
    y = define(y[i], tanh(w[i] * x[i]))
    L = define(L, exp(Sum(i, y[i])) + Sum(i, x[i] ** 3))
    program = Program.of([x, w], L)
    found = taylor(program, x, order=order)
    values = drawn([x, w], {n: 2}, seeded("taylor"))
    v = next(t for t in found.derived.inputs if t not in program.inputs)
    way = np.array([0.7, -0.4])
    errors = []
    for step in (2.0**-5, 2.0**-6):
        (polynomial,) = values_of(found.derived, {**values, v: step * way}, {n: 2})
        errors.append(abs(polynomial - value_of(program, {**values, x: values[x] + step * way}, {n: 2})))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order + 1, abs=0.25)
    assert [step.order for step in found.steps if step.relation == "≈"] == [order + 1]


# ------------------------------------------------------------------------------------------------- what is refused


def small() -> Program:
    X, ids = tensor("X", n, m), tensor("ids", n, below=m)
    i, j = letters("i j", n, m)
    Y, L = names("Y L")
    Y = define(Y[i, j], relu(X[i, j]) * X[i, ids[i]])
    return Program.of([X, ids], define(L, Sum(i, j, Y[i, j])))


MISUSES: dict[str, tuple[Callable[[Program], object], str]] = {
    "gradient of an array": (
        lambda p: gradient(p, "X", output="Y"),
        r"'Y' is no scalar but has axes .*take vjp or j",
    ),
    "unknown name": (lambda p: gradient(p, "Q"), "no tensor 'Q'; it has X, ids, Y, L"),
    "stranger": (lambda p: gradient(p, tensor("X", n, m)), "'X' is not part of this program"),
    "integers": (lambda p: gradient(p, "ids"), "'ids' holds integers: there is no derivative by it"),
    "integers in jvp": (lambda p: jvp(p, "ids"), "'ids' holds integers"),
    "integers in vjp": (lambda p: vjp(p, ["X", "ids"]), "'ids' holds integers"),
    "integers in jacobian": (lambda p: jacobian(p, "ids"), "'ids' holds integers"),
    "nothing": (lambda p: gradient(p, []), "name at least one tensor"),
    "style": (lambda p: hvp(p, "X", style="sideways"), 'style is "forward" or "reverse"'),
    "order": (lambda p: taylor(p, "X", order=0), "order of a Taylor expansion is at least 1"),
    "taylor of an array": (lambda p: taylor(p, "X", output="Y"), "'Y' is no scalar"),
}


@pytest.mark.parametrize("misuse", MISUSES)
def test_misuse_says_what_to_do(misuse: str) -> None:
    call, reason = MISUSES[misuse]
    with pytest.raises(NotationError, match=reason):
        call(small())


mystery = Elementwise("mystery", 1, r"\operatorname{mystery}", None, np.square, lambda z: z**2)


@pytest.mark.parametrize("take", [gradient, vjp, jvp, jacobian, hessian, hvp, taylor], ids=lambda f: f.__name__)
def test_an_operation_without_a_law_raises_in_every_sweep(take: Callable[..., object]) -> None:
    """Never zero, not even deep inside, and not where the function hides behind a definition."""
    x = tensor("x", n)
    i = letter("i", n)
    y = define(name("y")[i], 1 + mystery(x[i]) * 2)
    program = Program.of([x], define(name("L"), Sum(i, tanh(y[i]))))
    with pytest.raises(MissingRuleError, match="'mystery' has no derivative"):
        take(program, "x")


def test_the_second_derivative_of_a_function_whose_slope_has_no_law_raises() -> None:
    """The first derivative is there; what it is made of has none, so the second is not zero but missing."""
    half = Elementwise("half", 1, "h", lambda u, y: (mystery(u[0]),), lambda z: z**3 / 3, lambda z: z**3 / 3)
    x = tensor("x", n)
    i = letter("i", n)
    program = Program.of([x], define(name("L"), Sum(i, half(x[i]))))
    found = gradient(program, x)
    assert values_of(found.derived, {x: np.array([3.0])}, {n: 1})[0] == 9
    with pytest.raises(MissingRuleError, match="mystery"):
        hvp(program, x)


def test_the_gradient_of_a_max_is_its_position() -> None:
    X = tensor("X", n, m)
    i, j = letters("i j", n, m)
    found = gradient(Program.of([X], define(name("L"), Sum(i, maximum_over(j, X[i, j])))), X)
    values = {X: np.array([[1.0, 3, 2], [5, 4, 0]])}
    assert values_of(found.derived, values, {n: 2, m: 3})[0].tolist() == [[0, 1, 0], [1, 0, 0]]


def test_results_are_numbers_where_nothing_is_left() -> None:
    x = tensor("x")
    found = gradient(Program.of([x], define(name("L"), 3 * x)), x)
    assert isinstance(found.result.result, Number)
    assert found.result.result == number(3)


def test_what_a_sweep_leaves_needs_no_garbage_collector() -> None:
    """A function inside a function that calls itself is a cycle, and keeps all that it holds until one runs."""
    program = transformer(1)
    gradient(program, "X")  # fills the caches of laws
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        gradient(program, "X")
        gc.collect()
        left = [one for one in gc.garbage if _of_derive(one)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert left == []


def _of_derive(one: object) -> bool:
    holder = one if isinstance(one, FunctionType) else type(one)
    return holder.__module__.partition(".")[0] == "derive"
