"""The check of exported code: it holds for every kind, and planted errors are seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import derive
from derive.derivation import Derivation
from derive.render.numpy import compiled
from derive.tracing import trace
from tests.derive.programs import GATE
from verify.exported import check_exported
from verify.singular import is_singular

SHAPES = {"X": ("n", "d"), "W": ("d", "k"), "b": ("k",)}


def scalar(X: Any, W: Any, b: Any) -> Any:
    H = np.tanh(X @ W + b)
    return (H**2).sum() / len(X) + np.exp(b).sum()


def layer(X: Any, W: Any, b: Any) -> Any:
    return np.tanh(X @ W + b)


KINDS: dict[str, Callable[[], Derivation]] = {
    "gradient": lambda: derive.gradient(scalar, "W", shapes=SHAPES),
    "gradient of two": lambda: derive.gradient(scalar, ("X", "b"), shapes=SHAPES),
    "jacobian": lambda: derive.jacobian(layer, "W", shapes=SHAPES),
    "vjp": lambda: derive.vjp(layer, "W", shapes=SHAPES),
    "vjp of two": lambda: derive.vjp(layer, ("W", "X"), shapes=SHAPES),
    "vjp of a scalar": lambda: derive.vjp(scalar, "b", shapes=SHAPES),
    "jvp": lambda: derive.jvp(layer, "W", shapes=SHAPES),
    "jvp of two": lambda: derive.jvp(layer, ("W", "b"), shapes=SHAPES),
    "hessian": lambda: derive.hessian(scalar, "b", shapes=SHAPES),
    "mixed": lambda: derive.mixed(scalar, "W", "b", shapes=SHAPES),
    "mixed of one": lambda: derive.mixed(scalar, "b", "b", shapes=SHAPES),
    "hvp": lambda: derive.hvp(scalar, "W", shapes=SHAPES),
    "taylor": lambda: derive.taylor(scalar, "b", order=2, shapes=SHAPES),
}


@pytest.mark.parametrize("which", KINDS)
def test_code_of_every_kind_agrees(which: str) -> None:
    check = check_exported(KINDS[which]())
    assert check.outcome == "holds", check.message
    assert len(check.sizes) == 3
    assert {name for sizes in check.sizes for name, _ in sizes} <= {"n", "d", "k"}
    assert check.witness.endswith("of the NumPy function")


def altered(monkeypatch: pytest.MonkeyPatch, change: Callable[[Any], Any]) -> None:
    """Code that returns something else."""

    def wrong(derivation: Derivation, name: str | None = None) -> Callable[..., Any]:
        function = compiled(derivation, name)

        def called(**given: Any) -> Any:
            found = function(**given)
            return {key: change(a) for key, a in found.items()} if isinstance(found, dict) else change(found)

        called.__kwdefaults__ = function.__kwdefaults__
        return called

    monkeypatch.setattr("verify.exported.compiled", wrong)


@pytest.mark.parametrize("which", KINDS)
def test_a_wrong_factor_is_seen(which: str, monkeypatch: pytest.MonkeyPatch) -> None:
    altered(monkeypatch, lambda a: a * (1 + 1e-5))
    check = check_exported(KINDS[which]())
    assert check.outcome == "fails"
    assert "the NumPy source is wrong (at " in check.message


@pytest.mark.parametrize("which", ["gradient", "jacobian", "vjp of two", "hessian"])
def test_a_wrong_shape_is_seen(which: str, monkeypatch: pytest.MonkeyPatch) -> None:
    altered(monkeypatch, lambda a: a[None])
    check = check_exported(KINDS[which]())
    assert check.outcome == "fails"
    assert "has the shape (1, " in check.message


@pytest.mark.parametrize("place", [0, 317, 599])
def test_one_wrong_entry_among_many_is_seen(place: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def change(a: Any) -> Any:
        a = a.copy()
        a.flat[place] += 0.01
        return a

    shapes = {"X": (30, 20), "W": (20, 3), "b": (3,)}
    found = derive.gradient(scalar, "X", shapes=shapes)
    assert check_exported(found).outcome == "holds"
    altered(monkeypatch, change)
    assert check_exported(found).outcome == "fails"


@pytest.mark.parametrize("kind", ["hessian", "hvp", "mixed", "jacobian"])
def test_where_there_are_many_entries_directions_are_tried(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def quartic(x: Any, A: Any) -> Any:
        return ((A @ x) ** 4).sum()

    def several(x: Any, A: Any) -> Any:
        return (A @ x) ** 3

    shapes = {"x": (200,), "A": (2, 200)}
    made = {
        "hessian": lambda: derive.hessian(quartic, "x", shapes=shapes),
        "hvp": lambda: derive.hvp(quartic, "x", shapes=shapes),
        "mixed": lambda: derive.mixed(quartic, "x", "A", shapes=shapes),
        "jacobian": lambda: derive.jacobian(several, "x", shapes=shapes),
    }[kind]()
    assert check_exported(made).outcome == "holds"
    altered(monkeypatch, lambda a: a * 1.0001)
    assert check_exported(made).outcome == "fails"


@pytest.mark.parametrize("which", ["softmax_regression", "gather", "max_over_axis"])
def test_a_program_is_its_own_function(which: str) -> None:
    case = GATE[which]()
    check = check_exported(derive.gradient(case.program, case.wrt))
    assert check.outcome == "holds", check.message
    assert check.witness.endswith("of the program")


def test_a_taylor_polynomial_of_the_wrong_order_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    second = derive.taylor(scalar, "b", order=2, shapes=SHAPES)
    first = derive.taylor(scalar, "b", order=1, shapes=SHAPES)
    monkeypatch.setattr("verify.exported.compiled", lambda _: compiled(first))
    check = check_exported(second)
    assert check.outcome == "fails"
    assert "the remainder is of order 2.0 in v, not 3" in check.message


def test_arrays_of_numbers_are_held() -> None:
    weights = np.linspace(-1, 2, 200)
    small = np.array([1.5, -2.0, 0.25])

    def f(x: Any, y: Any) -> Any:
        return np.tanh(x) @ weights + (small * y**2).sum()

    found = derive.gradient(f, ("x", "y"), shapes={"x": 200, "y": 3})
    assert check_exported(found).outcome == "holds"
    x, y = np.linspace(0, 1, 200), np.ones(3)
    result = found.function()(x=x, y=y)
    np.testing.assert_allclose(result["x"], (1 - np.tanh(x) ** 2) * weights, rtol=1e-12)
    np.testing.assert_allclose(result["y"], 2 * small, rtol=1e-12)


def test_what_cancels_to_nothing_is_no_error() -> None:
    """With one class the gradient is 0, and so much as rounding is left of it in the code."""

    def loss(X: Any, W: Any, Y: Any) -> Any:
        Z = np.tanh(X @ W)
        return -(Y * (Z - np.log(np.exp(Z).sum(axis=1, keepdims=True)))).sum()

    shapes = {"X": ("n", "d"), "W": ("d", 1), "Y": ("n", 1)}
    found = derive.gradient(loss, "W", shapes=shapes)
    assert check_exported(found).outcome == "holds"


def test_nothing_but_rounding_is_let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    def constant(x: Any) -> Any:
        return (x / x.sum()).sum()

    found = derive.gradient(constant, "x", shapes={"x": ("n",)}, assumptions=lambda x: [x > 0])
    assert check_exported(found).outcome == "holds"
    right = compiled(found)
    monkeypatch.setattr("verify.exported.compiled", lambda derivation, name=None: lambda x: right(x) + 1e-9)
    assert check_exported(found).outcome == "fails"


SMOOTH: dict[str, Callable[[Any], Any]] = {
    "tanh": lambda x: np.tanh(x).sum(),
    "centred": lambda x: ((x - x.mean()) ** 2).sum() / np.sqrt(x.var() + 0.1),
    "root beside": lambda x: np.sqrt((x**2).sum() + 1.0),
}
ROOTS_OF_ZERO: dict[str, Callable[[Any], Any]] = {
    "deviation": lambda x: x.std(),
    "norm": lambda x: np.linalg.norm(x - x.mean()),
    "power": lambda x: ((x - x.mean()) ** 2).sum() ** 0.5,
}


@pytest.mark.parametrize("which", SMOOTH)
def test_code_without_a_value_at_one_entry_is_seen(which: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = derive.gradient(SMOOTH[which], "x", shapes={"x": "n"})
    assert {("n", 1)} in map(set, check_exported(found).sizes)
    altered(monkeypatch, lambda a: a + 0 * a / (len(a) - 1))
    check = check_exported(found)
    assert check.outcome == "fails"
    assert "wrong (at n=1)" in check.message


@pytest.mark.parametrize("which", ROOTS_OF_ZERO)
def test_a_root_of_zero_is_not_called_wrong(which: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The function is 0 at every single number, its derivative is 0, and the chain rule has 0/0."""
    found = derive.gradient(ROOTS_OF_ZERO[which], "x", shapes={"x": "n"})
    check = check_exported(found)
    assert check.outcome == "holds", check.message
    assert {("n", 1)} not in map(set, check.sizes)
    altered(monkeypatch, lambda a: a + 0 * a / (len(a) - 2))
    assert "wrong (at n=2)" in check_exported(found).message


@pytest.mark.parametrize(
    ("function", "value", "expected"),
    [
        (lambda x: np.sqrt((x**2).sum()), [0.0, 0.0], True),
        (lambda x: np.linalg.norm(x, axis=0), [0.0, 0.0], True),
        (lambda x: (x[0] ** 2) ** 0.25, [0.0, 1.0], True),
        (lambda x: np.sqrt((x**2).sum()), [0.0, 1e-3], False),
        (lambda x: np.abs(x).sum() + np.maximum(x, 0).sum(), [0.0, 0.0], False),
        (lambda x: np.exp(x).max() + x[np.argmax(x)], [1.0, 1.0], False),
    ],
)
def test_which_operations_have_no_derivative(
    function: Callable[[Any], Any], value: list[float], expected: bool
) -> None:
    program = trace(function, {"x": 2})
    assert is_singular(program, {program.tensor("x"): np.array(value)}, {}) is expected
