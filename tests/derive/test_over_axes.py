"""Every function along axes: its law, its numbers and its components say the same, ties included."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy

from derive.definitions import define
from derive.differentiate import gradient
from derive.errors import MissingRuleError, NotationError
from derive.evaluate import Evaluator, run
from derive.index import letter, letters
from derive.nodes import Sum, number
from derive.notation import equal, name, tensor
from derive.over_axes import (
    OVER,
    OverAxes,
    argmax,
    argmin,
    det,
    inverse,
    logdet,
    maximum_over,
    minimum_over,
    over,
    rms,
    softmax,
    standardise,
    std,
)
from derive.program import Program
from derive.size_algebra import sizes
from derive.symbolic import Components
from derive.tree import walk
from tests.derive.witnesses import agrees, exactly_equal, precise, same, seeded, seen_from
from verify import numdiff
from verify.derivation import check_derivation


def _definite(x: Any, A: Any, j: Any, k: Any) -> Any:
    """A positive definite matrix."""
    m = letter("m", j.length)
    return Sum(m, A[j, m] * A[k, m]) + x[j] * x[k] + equal(j, k)


ALONG = {
    "softmax": lambda x, A, j, k: softmax(j, x[j]).entry(0),
    "log_softmax": lambda x, A, j, k: over(OVER["log_softmax"], j, x[j], at=1),
    "logsumexp": lambda x, A, j, k: over(OVER["logsumexp"], j, x[j]),
    "max": lambda x, A, j, k: maximum_over(j, x[j]) ** 2,
    "min": lambda x, A, j, k: minimum_over(j, x[j]) ** 2,
    "argmax": lambda x, A, j, k: x[argmax(j, x[j])] ** 2,
    "argmin": lambda x, A, j, k: x[argmin(j, x[j])] ** 2,
    "norm": lambda x, A, j, k: over(OVER["norm"], j, x[j]),
    "rms": lambda x, A, j, k: rms(j, x[j], eps=1 + A[0, 0] ** 2),
    "std": lambda x, A, j, k: std(j, x[j], eps=1 + A[0, 0] ** 2),
    "standardise": lambda x, A, j, k: standardise(j, x[j], eps=1 + A[0, 0] ** 2).entry(0),
    "inverse": lambda x, A, j, k: over(OVER["inverse"], j, k, A[j, k] + x[j] * x[k], at=(0, 1)),
    "cholesky": lambda x, A, j, k: over(OVER["cholesky"], j, k, _definite(x, A, j, k), at=(1, 0)),
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


MOMENTS = {
    "rms": lambda j, k, A, e: rms(j, k, A[j, k], eps=e),
    "std": lambda j, k, A, e: std(j, k, A[j, k], eps=e),
    "standardise": lambda j, k, A, e: standardise(k, j, A[j, k], eps=e).entry(1, 0),
}


@pytest.mark.parametrize("which", MOMENTS)
def test_moments_along_two_axes(which: str) -> None:
    n, m = sizes("n m")
    j, k = letters("j k", n, m + 1)
    A, e = tensor("A", n, m + 1), tensor("e", domain="positive")
    node = MOMENTS[which](j, k, A, e)
    L = define(name("L"), node**2 + node)
    program = Program.of([A, e], L)
    found = gradient(program, [A, e])
    size_of, rng = {n: 3, m: 1}, seeded("moments", which)
    values = {A: np.round(rng.normal(size=(3, 2)), 3), e: np.array(0.4)}
    evaluator = run(found.derived, values, size_of)
    for t, result in zip((A, e), found.derived.outputs, strict=True):
        agrees(evaluator.arrays[result], numdiff.gradient(seen_from(program, t, values, size_of), values[t]))
    exact = Components(program, size_of, values).entry(L, ())
    assert float(run(program, values, size_of).arrays[L]) == pytest.approx(float(exact), rel=1e-12)
    expansion = node.function.expansion
    assert expansion is not None
    evaluated = Evaluator(size_of, values)
    same(evaluated.value(expansion(node)).array, evaluated.value(node).array)
    assert check_derivation(found).outcome == "holds"


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
    ],
)  # fmt: skip
def test_misuse_says_what_to_do(misuse: Callable[[Any, Any], object], reason: str) -> None:
    n = sizes("n")[0]
    i = letter("i", n)
    with pytest.raises(NotationError, match=reason):
        misuse(i, tensor("x", n))


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


def test_a_function_along_axes_without_derivative_raises_and_is_named() -> None:
    n = sizes("n")[0]
    i = letter("i", n)
    x, L = tensor("x", n), name("L")
    median = OverAxes("median", 1, 0, r"\operatorname{median}", None, lambda z: np.median(z, axis=-1), sympy.Max)
    L = define(L, over(median, i, x[i]))
    with pytest.raises(MissingRuleError, match="'median' has no derivative"):
        gradient(Program.of([x], L), x)
