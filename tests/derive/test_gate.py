"""The gate: programs that a representation with symbolic sizes must differentiate.

Every result is held against numerical differentiation at three size assignments, and against SymPy's derivative of
the components at tiny sizes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import sympy

from derive.definitions import define
from derive.derivation import Derivation
from derive.differentiate import gradient, hessian, hvp, jacobian, jvp, vjp
from derive.errors import NotationError
from derive.functions import exp
from derive.index import letters
from derive.nodes import Sum, Tensor
from derive.notation import names, tensor
from derive.program import Program
from derive.size_algebra import sizes
from derive.symbolic import Components
from tests.derive.programs import GATE, Case, transformer
from tests.derive.witnesses import (
    Sizes,
    Values,
    agrees,
    assigned,
    drawn,
    exactly_equal,
    precise,
    same,
    seeded,
    seen_from,
    sympy_gradient,
    value,
    values_of,
)
from verify import numdiff

RECURRENT = ("lstm",)
WITH_SIZES = [(name, k) for name, make in GATE.items() for k in range(len(make().sizes))]
WITH_CORNERS = [(name, k) for name, make in GATE.items() for k in range(len(make().corners))]
CURVED = [name for name in GATE if name not in ("one_block", *RECURRENT)]


@cache
def case_of(name: str) -> Case:
    return GATE[name]()


@cache
def gradient_of(name: str) -> Derivation:
    return gradient(case_of(name).program, case_of(name).wrt)


@cache
def inner_program(name: str) -> Program:
    """The program that ends in the inner tensor, which has axes."""
    case = case_of(name)
    return Program.of(case.program.inputs, case.program.tensor(case.inner), case.program.assumptions)


def at(program: Program, named: dict[str, int], *seed: object) -> tuple[Sizes, Values]:
    assignment = assigned(program, named)
    return assignment, drawn(program.inputs, assignment, seeded(*seed, sorted(named.items())))


def compare_with_differences(name: str, named: dict[str, int]) -> None:
    case, found = case_of(name), gradient_of(name)
    assignment, values = at(case.program, named, name)
    for wrt, result in zip(case.wrt, values_of(found.derived, values, assignment), strict=True):
        x = case.program.tensor(wrt)
        compare_entries(result, seen_from(case.program, x, values, assignment), values[x], wrt)


def compare_entries(
    found: np.ndarray, function: Callable[[np.ndarray], np.ndarray], x: np.ndarray, name: str
) -> None:
    """Every entry of a small gradient; of a large one some entries, and all together along a direction."""
    if x.size <= 6:
        agrees(found, numdiff.gradient(function, x))
        return
    rng = seeded("entries", name)
    some = rng.choice(x.size, 4, replace=False)

    def of_some(entries: np.ndarray) -> np.ndarray:
        moved = x.astype(entries.dtype)
        moved.flat[some] = entries
        return function(moved)

    agrees(found.flat[some], numdiff.gradient(of_some, x.flat[some]))
    way = rng.normal(size=x.shape)
    agrees(np.asarray(np.sum(way * found)), numdiff.jvp(function, x, way))


# ---------------------------------------------------------------------------------------------------- gradients


@pytest.mark.parametrize(("name", "which"), WITH_SIZES)
def test_gradient_is_the_numerical_one(name: str, which: int) -> None:
    compare_with_differences(name, case_of(name).sizes[which])


@pytest.mark.parametrize(("name", "which"), WITH_CORNERS)
def test_gradient_is_the_numerical_one_at_odd_sizes(name: str, which: int) -> None:
    compare_with_differences(name, case_of(name).corners[which])


@pytest.mark.parametrize("name", GATE)
def test_gradient_is_sympys(name: str) -> None:
    case, found = case_of(name), gradient_of(name)
    assignment = assigned(case.program, case.tiny)
    rng = seeded("exact", name)
    values = {t: precise(t, assignment, rng) for t in case.program.inputs}
    derived = Components(found.derived, assignment, values)
    # the components of a whole block are large: one matrix speaks for it
    wanted = ("B0WQ",) if name == "one_block" else case.wrt
    nonzero = 0
    for wrt in wanted:
        expected = sympy_gradient(case.program, case.program.tensor(wrt), case.program.output, values, assignment)
        result = found.derived.outputs[case.wrt.index(wrt)]
        for place, slope in np.ndenumerate(expected):
            assert exactly_equal(derived.entry(result, place), slope), f"{wrt}{list(place)}"
            nonzero += slope != 0
    assert nonzero, "every derivative is zero here: this checks nothing"


@pytest.mark.parametrize("name", ["convolution", "gather"])
def test_polynomial_gradient_is_sympys_symbol_by_symbol(name: str) -> None:
    case, found = case_of(name), gradient_of(name)
    assignment = assigned(case.program, case.tiny)
    integers = {t: precise(t, assignment, seeded(name)) for t in case.program.inputs if t.below is not None}
    program = Components(case.program, assignment, integers)
    derived = Components(found.derived, assignment, integers)
    loss = program.entry(case.program.output, ())
    for wrt, result in zip(case.wrt, found.derived.outputs, strict=True):
        x = case.program.tensor(wrt)
        for place in program.places(x):
            slope = sympy.diff(loss, program.symbol(x, place))
            assert sympy.expand(slope - derived.entry(result, place)) == 0


@pytest.mark.parametrize("name", GATE)
def test_sizes_stay_symbols(name: str) -> None:
    found = gradient_of(name)
    assert set(found.derived.sizes()) == set(case_of(name).program.sizes())
    for wrt, result in zip(case_of(name).wrt, found.derived.outputs, strict=True):
        assert result.shape == case_of(name).program.tensor(wrt).shape
        assert result.primal is case_of(name).program.tensor(wrt)


def test_repeated_rows_of_a_gather_add_up() -> None:
    """All ids equal: the gradient of the one row is the sum of all."""
    case, found = case_of("gather"), gradient_of("gather")
    assignment, values = at(case.program, {"n": 5, "V": 3, "d": 2}, "repeated")
    E, R, ids = (case.program.tensor(x) for x in ("E", "R", "ids"))
    values[ids] = np.full(5, 1)
    (result,) = values_of(found.derived, values, assignment)
    same(result[1], (2 * values[R] * values[E][1]).sum(axis=0))
    assert not result[[0, 2]].any()


def test_rows_that_are_masked_whole_have_no_gradient() -> None:
    n, m = sizes("n m")
    i, j, t = letters("i j t", n, m, m)
    S, V, mask, R, eps = (
        tensor("S", n, m), tensor("V", m), tensor("mask", n, m), tensor("R", n), tensor("eps", domain="positive"),
    )  # fmt: skip
    E, P, L = names("E P L")
    E = define(E[i, j], mask[i, j] * exp(S[i, j]))
    P = define(P[i, j], E[i, j] / (Sum(t, E[i, t]) + eps))
    L = define(L, Sum(i, j, R[i] * P[i, j] * V[j]))
    program = Program.of([S, V, mask, R, eps], L)
    found = gradient(program, [S, V])
    assignment, values = at(program, {"n": 3, "m": 4}, "masked")
    values[mask] = np.array([[1, 0, 1, 1], [0, 0, 0, 0], [0, 1, 0, 0]], dtype=float)
    results = values_of(found.derived, values, assignment)
    assert not results[0][1].any()
    assert results[0][0, [0, 2, 3]].all()
    for x, result in zip((S, V), results, strict=True):
        agrees(result, numdiff.gradient(seen_from(program, x, values, assignment), values[x]))


# --------------------------------------------------------------------------------------- products with vectors


@pytest.mark.parametrize("name", GATE)
def test_vjp_is_the_numerical_one(name: str) -> None:
    case = case_of(name)
    program = inner_program(name)
    wanted = [w for w in case.wrt if program.output in _dependents(program, w)][:3]
    found = vjp(program, wanted)
    assignment, values = at(program, case.sizes[1], "vjp", name)
    seed = found.derived.inputs[-1]
    assert seed.primal is program.output
    values |= drawn([seed], assignment, seeded("cotangent", name))
    for wrt, result in zip(wanted, values_of(found.derived, values, assignment), strict=True):
        x = program.tensor(wrt)
        forward = seen_from(program, x, values, assignment)
        compare_entries(result, lambda a, f=forward: np.sum(values[seed] * f(a)), values[x], wrt)


def _dependents(program: Program, wrt: str) -> set[Tensor]:
    moving = {program.tensor(wrt)}
    for _ in range(2):
        for d in program.definitions():
            if not d.body.tensors.isdisjoint(moving):
                moving.add(d.tensor)
    return moving


@pytest.mark.parametrize("name", GATE)
def test_jvp_is_adjoint_to_vjp_and_the_numerical_one(name: str) -> None:
    case = case_of(name)
    program = inner_program(name)
    backward, forward = vjp(program, case.wrt), jvp(program, case.wrt)
    assignment, values = at(program, case.sizes[2], "adjoint", name)
    seed = backward.derived.inputs[-1]
    tangents = forward.derived.inputs[-len(case.wrt) :]
    assert [t.primal for t in tangents] == [program.tensor(w) for w in case.wrt]
    rng = seeded("directions", name)
    values |= drawn([seed, *tangents], assignment, rng)
    pulled = values_of(backward.derived, values, assignment)
    (pushed,) = values_of(forward.derived, values, assignment)
    left = float(np.sum(values[seed] * pushed))
    right = float(sum(np.sum(values[t] * p) for t, p in zip(tangents, pulled, strict=True)))
    size = float(np.sum(np.abs(values[seed] * pushed)))
    assert size > 1e-3
    assert abs(left - right) <= 1e-11 * size

    def along(step: np.ndarray) -> np.ndarray:
        moved = {t.primal: values[t.primal] + step * values[t] for t in tangents if t.primal is not None}
        return value(program, {**values, **moved}, assignment)

    agrees(pushed, numdiff.jvp(along, np.zeros(()), np.ones(())))


@pytest.mark.parametrize("name", [n for n in GATE if n not in RECURRENT])
def test_jacobian_stacks_the_vector_jacobian_products(name: str) -> None:
    case = case_of(name)
    program, wrt = inner_program(name), "B0mbeta" if name == "one_block" else case.wrt[0]
    found, backward = jacobian(program, wrt), vjp(program, wrt)
    named = case.tiny if name == "one_block" else case.sizes[1]
    assignment, values = at(program, named, "jacobian", name)
    seed = backward.derived.inputs[-1]
    (whole,) = values_of(found.derived, values, assignment)
    rows = drawn([seed], assignment, seeded(name))[seed].shape
    assert whole.shape == rows + values[program.tensor(wrt)].shape
    stacked = np.empty_like(whole)
    for place in np.ndindex(*rows):
        unit = np.zeros(rows)
        unit[place] = 1
        (stacked[place],) = values_of(backward.derived, {**values, seed: unit}, assignment)
    same(whole, stacked)


def test_jacobian_through_a_recurrence_names_the_jacobians_on_the_way() -> None:
    program = inner_program("lstm")
    found, backward = jacobian(program, "x"), vjp(program, "x")
    assert {c.name.tensor.primal.name for c in found.chains if c.name is not None} >= {"h", "c", "a_i"}
    assignment, values = at(program, case_of("lstm").sizes[1], "jacobian", "lstm")
    seed = backward.derived.inputs[-1]
    (whole,) = values_of(found.derived, values, assignment)
    way = drawn([seed], assignment, seeded("lstm"))[seed]
    (expected,) = values_of(backward.derived, {**values, seed: way}, assignment)
    same(np.tensordot(way, whole, way.ndim), expected)


def test_jacobian_by_a_part_of_a_recurrence_says_what_to_take() -> None:
    with pytest.raises(NotationError, match=r"recurrence.*take vjp or jvp"):
        jacobian(inner_program("lstm"), "c")
    found = gradient(case_of("lstm").program, "x")
    with pytest.raises(NotationError, match=r"recurrence.*take vjp or jvp"):
        jacobian(found.derived, "d_c")


# ------------------------------------------------------------------------------------------------- second order


@pytest.mark.parametrize("name", CURVED)
def test_hessian_is_symmetric_and_the_derivative_of_the_gradient(name: str) -> None:
    case = case_of(name)
    wrt = case.wrt[0]
    found, slope = hessian(case.program, wrt), gradient(case.program, wrt)
    assignment, values = at(case.program, case.tiny if name == "convolution" else case.sizes[1], "hessian", name)
    x = case.program.tensor(wrt)
    (matrix,) = values_of(found.derived, values, assignment)
    axes = range(2 * values[x].ndim)
    same(matrix, matrix.transpose(*axes[values[x].ndim :], *axes[: values[x].ndim]))
    agrees(matrix, numdiff.jacobian(seen_from(slope.derived, x, values, assignment), values[x]))


@pytest.mark.parametrize("name", GATE)
def test_hessian_vector_products_agree(name: str) -> None:
    """Forward over reverse, reverse over reverse, and differences of the gradient; H v where there is an H."""
    case = case_of(name)
    wrt = {"one_block": "B0WQ", "lstm": "Wh_f"}.get(name, case.wrt[0])
    x = case.program.tensor(wrt)
    slope = gradient(case.program, wrt)
    results = []
    for style in ("forward", "reverse"):
        found = hvp(case.program, wrt, style=style)
        assignment, values = at(case.program, case.sizes[0], "hvp", name)
        direction = next(t for t in found.derived.inputs if t not in case.program.inputs)
        values |= drawn([direction], assignment, seeded("direction", name))
        (result,) = values_of(found.derived, values, assignment)
        results.append(result)
    same(*results)
    agrees(
        results[0],
        numdiff.jvp(seen_from(slope.derived, x, values, assignment), values[x], values[direction]),
    )
    if name in CURVED:
        (matrix,) = values_of(hessian(case.program, wrt).derived, values, assignment)
        same(results[0], np.tensordot(matrix, values[direction], axes=values[x].ndim))


# ----------------------------------------------------------------------------------------------- large programs


def test_twelve_transformer_blocks_are_swept_with_symbolic_sizes() -> None:
    program = transformer(12)
    assert sum(1 for _ in program.definitions()) >= 280
    weights = [t for t in program.inputs if t.name not in ("R", "eps")]
    found = gradient(program, weights)
    assert {s.name for s in found.derived.sizes()} == {"n", "H", "e", "F"}
    assert len(found.derived.outputs) == len(weights)
    assignment, values = at(program, {"n": 3, "H": 2, "e": 2, "F": 5}, "transformer")
    results = values_of(found.derived, values, assignment)
    directions = drawn(weights, assignment, seeded("away"))

    def along(step: np.ndarray) -> np.ndarray:
        return value(program, values | {t: values[t] + step * directions[t] for t in weights}, assignment)

    expected = numdiff.jvp(along, np.zeros(()), np.ones(()))
    slope = np.asarray(sum(np.sum(directions[t] * g) for t, g in zip(weights, results, strict=True)))
    agrees(slope, expected, relative=1e-8)
