"""What a traced function becomes: names, sizes, loops, assumptions; and what it refuses, with the line."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from derive import gradient, trace
from derive.errors import MissingRuleError, NotationError
from derive.evaluate import run
from derive.program import Program

M = ("n", "d")
GAIN = 2.5
KERNEL = np.array([1.0, -2.0, 1.0])


def definitions(program: Program) -> list[str]:
    return [repr(d) for d in program.definitions()]


def value_of(program: Program, arrays: dict[str, Any], **sizes: int) -> Any:
    known = {s: sizes[s.name] for s in program.sizes() if s.name in sizes}
    constants = {t.name: values for t, values in program.constants.items()}
    return run(program, {**arrays, **constants}, known).arrays[program.output]


# ------------------------------------------------------------------------------------------------------------ names


def test_variables_name_what_they_hold() -> None:
    def loss(X: Any, W: Any, b: Any) -> Any:
        Z = X @ W + b
        H = np.tanh(Z)
        return (H**2).sum()

    program = trace(loss, {"X": M, "W": ("d", "h"), "b": "h"})
    assert [d.tensor.name for d in program.definitions()] == ["Z", "H", "loss"]
    assert definitions(program)[1] == "H[i,k] = tanh Z[i,k]"


def test_a_variable_that_is_bound_again_gets_a_number() -> None:
    def loss(x: Any) -> Any:
        h = np.exp(x)
        h = np.sin(h)
        return (h * h).sum()

    assert [d.tensor.name for d in trace(loss, {"x": "n"}).definitions()] == ["h", "h_1", "loss"]


def test_views_and_sizes_have_no_names() -> None:
    def loss(X: Any) -> Any:
        n, d = X.shape
        turned = X.T
        scale = 1.0 / (n - 1)
        return scale * (turned @ X).sum() + X[0].sum() / d

    (only,) = trace(loss, {"X": M}).definitions()
    assert only.tensor.name == "loss"
    assert "1/(n-1)" in repr(only)


def test_parts_have_the_names_that_they_are_given_once() -> None:
    def gates(a: Any) -> Any:
        i, f = np.split(a, 2, axis=1)
        total = 0.0
        for t in range(3):
            row = a[t]
            total = total + (row**2).sum()
        return (np.tanh(i) * f).sum() + total

    program = trace(gates, {"a": ("n", "2*k")})
    names = [d.tensor.name for d in program.definitions()]
    assert {"i", "f"} < set(names)
    assert not any(x.startswith("row") for x in names)


def test_names_are_given_within_a_line() -> None:
    def loss(x: Any) -> Any:
        return ((r := np.tanh(x)) * (s := r * r)).sum() + s.sum()

    assert [d.tensor.name for d in trace(loss, {"x": "n"}).definitions()] == ["r", "s", "loss"]


def test_an_output_without_a_name_is_y() -> None:
    def gate(z: Any) -> Any:
        return np.tanh(z)

    def taken(y: Any) -> Any:
        return np.tanh(y)

    assert [
        trace(f, {name: s}).outputs[0].name
        for f, name, s in ((gate, "z", "n"), (gate, "z", ("n", "d")), (gate, "z", ()), (taken, "y", "n"))
    ] == ["y", "Y", "gate", "out"]


def test_a_helper_and_a_closure_are_followed() -> None:
    weight = 3.0

    def squash(z: Any) -> Any:
        s = np.tanh(z)
        return weight * s * GAIN

    program = trace(lambda x: squash(x).sum(), {"x": "n"})
    assert next(program.definitions()).tensor.name == "s"
    x = np.array([0.1, -0.4, 2.0])
    assert value_of(program, {"x": x}) == pytest.approx(7.5 * np.tanh(x).sum())


def test_partial_and_defaults() -> None:
    def penalty(x: Any, power: int = 2, factor: float = 0.5) -> Any:
        return factor * (np.abs(x) ** power).sum()

    program = trace(functools.partial(penalty, power=3), {"x": "n"})
    assert "1/2·Σ_i |x[i]|^3" in definitions(program)[0]


def test_nothing_of_the_users_is_changed() -> None:
    module = sys.modules[__name__]
    before = dict(vars(module))
    trace(lambda x: (x * KERNEL.sum() + GAIN * np.sqrt(len(x))).sum(), {"x": "n"})
    assert vars(module) == before
    assert sys.gettrace() is None or "coverage" in repr(sys.gettrace())


# ------------------------------------------------------------------------------------------------------------ sizes


def test_a_fraction_keeps_the_size_that_it_divides_by() -> None:
    program = trace(lambda x: 0.5 / len(x) * x.sum() + 2.0 * len(x) - 1.0 / x.size, {"x": "n"})
    assert program.notes == ()
    assert definitions(program) == ["L = 1/(2·n)·Σ_i x[i] + (2·n^2-1)/n"]


def test_a_loop_over_a_size_takes_a_number_and_says_so() -> None:
    def total(x: Any, w: Any) -> Any:
        s = 0.0
        for u in range(len(w)):
            s = s + w[u] * x[u : u + len(x) - len(w) + 1]
        return (s**2).sum()

    program = trace(total, {"x": "n", "w": "k"})
    assert {s.name for s in program.sizes()} == {"n"}
    ((english, chinese),) = program.notes
    assert english.startswith("Derived for `k = 3`, not for every `k`")
    assert "for u in range(len(w))" in english
    assert "`k = 3`" in chinese


def test_a_size_that_becomes_a_number_is_noticed() -> None:
    def hidden(x: Any) -> Any:
        return x.sum() * float(str(len(x)))

    program = trace(hidden, {"x": "n"})
    assert not program.sizes()
    assert "Derived for `n = 3`" in program.notes[0][0]


def test_what_was_recognised_is_said_in_one_sentence() -> None:
    def standardised(x: Any, z: Any) -> Any:
        s = np.sqrt(x.var() + 1e-5)
        y = (x - x.mean()) / s
        return y.sum() * s + (1 / (1 + np.exp(-z))).sum()

    ((english, chinese),) = trace(standardised, {"x": "n", "z": "n"}).notes
    assert english == "Recognised: std in `s`, standardise in `y`, sigmoid in `L`."
    assert chinese == "识别出 `s` 中的 std、`y` 中的 standardise、`L` 中的 sigmoid。"


def test_what_unit_matrices_add_up_to_is_a_number() -> None:
    program = trace(lambda x: np.eye(2).sum() * x.sum() + (1 - np.eye(len(x))).sum(), {"x": "n"})
    assert definitions(program) == ["L = 2·Σ_i x[i] + n^2 - n"]
    program = trace(lambda x: (np.eye(len(x)).sum(axis=1) * x).sum(), {"x": "n"})
    assert definitions(program) == ["L = Σ_i x[i]"]


def test_a_loop_over_numbers_is_a_sum_again() -> None:
    def blurred(x: Any, w: Any) -> Any:
        y = np.zeros(x.shape[0] - 2)
        for u in range(3):
            y += w[u] * x[u : u + x.shape[0] - 2]
        return y

    (only,) = trace(blurred, {"x": "n", "w": 3}).definitions()
    assert repr(only) == "y[k] = Σ_j w[j]·x[k+j]"


@pytest.mark.parametrize("shape", ["n d", "n/2", "f(n)", "-", 2.5])
def test_what_is_no_size(shape: object) -> None:
    with pytest.raises(NotationError, match="size"):
        trace(lambda x: x.sum(), {"x": (shape,)})


# ---------------------------------------------------------------------------------------------------------- writing


def test_writing_in_parts() -> None:
    def states(x: Any, U: Any) -> Any:
        h = np.zeros(U.shape[0])
        out = np.zeros((3, U.shape[0]))
        for t in range(3):
            h = np.tanh(U @ h + x[t])
            out[t] = h
        out[1:] *= 2
        out[0, 0] += 1
        return out

    program = trace(states, {"x": (3, "k"), "U": ("k", "k")})
    rng = np.random.default_rng(0)
    arrays = {"x": rng.normal(size=(3, 4)), "U": rng.normal(size=(4, 4))}
    np.testing.assert_allclose(value_of(program, arrays), states(**arrays), rtol=1e-12)


def test_masks_and_entries_that_are_written_to() -> None:
    def margins(S: Any, labels: Any) -> Any:
        M_ = np.maximum(S - S[np.arange(len(S)), labels][:, None] + 1, 0)
        M_[np.arange(len(S)), labels] = 0
        M_[M_ > 2] = 2
        return M_

    program = trace(margins, {"S": M, "labels": "n"})
    rng = np.random.default_rng(1)
    arrays = {"S": rng.normal(size=(4, 3)) * 2, "labels": np.array([0, 2, 1, 1])}
    np.testing.assert_allclose(value_of(program, arrays), margins(**arrays), rtol=1e-12)


def test_what_looked_at_an_array_is_stale_after_writing() -> None:
    def wrong(x: Any) -> Any:
        out = np.zeros(3)
        first = out[:1]
        out[0] = x.sum()
        return first.sum() + out.sum()

    with pytest.raises(NotationError, match="view of an array that was written to since"):
        trace(wrong, {"x": "n"})


def test_a_number_that_is_read_is_no_view() -> None:
    def right(x: Any) -> Any:
        out = np.zeros(3)
        out[1] = x.sum()
        first = out[1]
        first += 1
        out[1] = 2 * first
        return first + out.sum()

    x = np.array([1.0, 2.0])
    assert value_of(trace(right, {"x": "n"}), {"x": x}, n=2) == right(x) == 12


# ------------------------------------------------------------------------------------------------------ assumptions


def test_assumptions_are_comparisons_or_domains() -> None:
    def loss(A: Any, x: Any, S: Any) -> Any:
        return x @ A @ x + np.log(x).sum() + np.linalg.det(S)

    program = trace(
        loss,
        {"A": ("n", "n"), "x": "n", "S": ("n", "n")},
        lambda A, x, S: [A == A.T, x > 0, x.sum() == 1, (S, "positive definite")],
    )
    domains = {t.name: t.domain for t in program.inputs}
    assert domains == {"A": "symmetric", "x": "simplex", "S": "positive definite"}
    assert [repr(a) for a in program.assumptions] == ["Σ_i x[i] = 1"]


def test_symmetry_is_used() -> None:
    found = gradient(
        lambda A, x: x @ A @ x / 2, "x", shapes={"A": ("n", "n"), "x": "n"}, assumptions=lambda A: [A == A.T]
    )
    assert found.result.latex() == "A x"
    assert found.result.steps[-1].rule in ("symmetry", "collect")


def test_an_assumption_that_is_none() -> None:
    with pytest.raises(NotationError, match="an assumption is a comparison"):
        trace(lambda x: x.sum(), {"x": "n"}, lambda x: [x.sum()])
    with pytest.raises(NotationError, match="ask for 'y'"):
        trace(lambda x: x.sum(), {"x": "n"}, lambda y: [y == 1])


# --------------------------------------------------------------------------------------------------------- refusals


def branch(x: Any) -> Any:
    if x.sum() > 0:
        return x.sum()
    return -x.sum()


def loop_until(x: Any) -> Any:
    while x.sum() > 1:
        x = x / 2
    return x.sum()


def writes_to_argument(x: Any) -> Any:
    x[0] = 1
    return x.sum()


def adds_to_argument(x: Any) -> Any:
    x += 1
    return x.sum()


def masked(x: Any) -> Any:
    return x[x > 0].sum()


REFUSED: dict[str, tuple[Callable[..., Any], dict[str, Any], type[Exception], str]] = {
    "a branch on values": (branch, {"x": "n"}, NotationError, r"line \d+ of branch, `if x.sum\(\) > 0:`.*np.where"),
    "a loop on values": (loop_until, {"x": "n"}, NotationError, "np.where"),
    "writing to an argument": (writes_to_argument, {"x": "n"}, NotationError, "writes to the argument 'x'"),
    "adding to an argument": (adds_to_argument, {"x": "n"}, NotationError, "writes to the argument 'x'"),
    "a mask of values": (masked, {"x": "n"}, MissingRuleError, "multiply by it, or use np.where"),
    "fft": (lambda x: np.fft.fft(x).sum(), {"x": "n"}, MissingRuleError, "np.fft.fft has no rule"),
    "sort": (lambda x: np.sort(x)[0], {"x": "n"}, MissingRuleError, "np.sort has no rule"),
    "svd": (lambda X: np.linalg.svd(X)[1].sum(), {"X": M}, MissingRuleError, "factorisations"),
    "pinv": (lambda X: np.linalg.pinv(X).sum(), {"X": M}, MissingRuleError, r"inv\(A.T @ A\) @ A.T"),
    "nuclear norm": (lambda X: np.linalg.norm(X, "nuc"), {"X": M}, MissingRuleError, "ord='nuc'"),
    "random": (lambda x: (x + np.random.default_rng(0).normal(size=len(x))).sum(), {"x": "n"}, Exception, ""),
    "round": (lambda x: np.round(x).sum(), {"x": "n"}, MissingRuleError, "rounding jumps"),
    "astype int": (lambda x: x.astype(int).sum(), {"x": "n"}, MissingRuleError, "cuts them off"),
    "median": (lambda x: np.median(x), {"x": "n"}, MissingRuleError, "np.median has no rule"),
    "shapes that do not fit": (lambda X, y: X @ y, {"X": M, "y": "n"}, NotationError, "do not fit: d is not n"),
    "no broadcasting": (lambda X, y: X + y, {"X": M, "y": "n"}, NotationError, "do not broadcast"),
    "reshape": (lambda X: X.reshape(-1, 2), {"X": M}, NotationError, r"give the larger as a product"),
    "index outside": (lambda x: x[5], {"x": 3}, NotationError, "outside an axis of length 3"),
    "an axis too many": (lambda X: X.sum(axis=2), {"X": M}, NotationError, "axis 2 is not one of the 2 axes"),
    "order K": (lambda X: X.T.ravel(order="K"), {"X": M}, MissingRuleError, "order='K'"),
    "padding": (lambda x: np.pad(x, 1, mode="mean"), {"x": "n"}, MissingRuleError, "mode='mean'"),
    "no shape": (lambda x, y: x.sum(), {"x": "n"}, NotationError, "'y' needs a shape"),
    "no argument": (lambda x: x.sum(), {"z": "n"}, NotationError, "no argument 'z'"),
    "any number of arguments": (lambda *xs: xs[0].sum(), {}, NotationError, "any number of arguments"),
    "complex": (lambda x: (1j * x).sum(), {"x": "n"}, Exception, ""),
    "text": (lambda x: x + "a", {"x": "n"}, Exception, ""),
    "out": (lambda x: np.exp(x, out=x), {"x": "n"}, NotationError, "writes to the argument"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_has_no_derivation_is_refused(case: str) -> None:
    function, shapes, error, message = REFUSED[case]
    with pytest.raises(error, match=f"(?s){message}"):
        trace(function, shapes)


def test_no_function() -> None:
    with pytest.raises(NotationError, match="no function written in Python"):
        trace(np.exp, {"x": "n"})
    with pytest.raises(NotationError, match="needs the shapes"):
        gradient(lambda x: x.sum(), "x")
    with pytest.raises(NotationError, match="belong to a NumPy function"):
        gradient("loss-softmax-ce", "Z", shapes={"Z": ("n", "k")})
