"""What code decides by its sizes: known for all sizes, or derived for one number, which is said, or refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from derive import NotationError, gradient

SHAPES = {"X": ("n", "d")}

KNOWN: dict[str, tuple[Callable[[Any], Any], str]] = {
    "a size is positive": (lambda X: X.sum() if X.shape[0] > 0 else 2 * X.sum(), r"\mathbf1 \mathbf1^\top"),
    "at least 1": (lambda X: X.sum() if len(X) >= 1 else 2 * X.sum(), r"\mathbf1 \mathbf1^\top"),
    "below its successor": (lambda X: X.sum() if len(X) < len(X) + 1 else 2 * X.sum(), r"\mathbf1 \mathbf1^\top"),
    "its double is no smaller": (
        lambda X: X.sum() if len(X) <= 2 * len(X) else 2 * X.sum(),
        r"\mathbf1 \mathbf1^\top",
    ),
    "other sizes are others": (
        lambda X: X.sum() if X.shape[0] == X.shape[1] else 2 * X.sum(),
        r"2 \mathbf1 \mathbf1^\top",
    ),
}


@pytest.mark.parametrize("which", KNOWN)
def test_what_holds_for_all_sizes_is_decided(which: str) -> None:
    function, expected = KNOWN[which]
    found = gradient(function, "X", shapes=SHAPES)
    assert not found.program.notes
    assert found.result.latex() == expected


SPECIALISED: dict[str, tuple[Callable[[Any], Any], set[str]]] = {
    "two sizes compared": (lambda X: X.sum() if X.shape[0] > X.shape[1] else 2 * X.sum(), {"n", "d"}),
    "a size and a number": (lambda X: X.sum() if len(X) > 5 else 2 * X.sum(), {"n"}),
    "the smaller of two": (lambda X: X[: min(X.shape)].sum(), {"n", "d"}),
    "the larger of two": (lambda X: X.sum() / max(X.shape), {"n", "d"}),
    "a diagonal of no square": (lambda X: np.diag(X).sum(), {"n", "d"}),
    "parity by halving": (lambda X: X.sum() if len(X) // 2 * 2 == len(X) else 2 * X.sum(), {"n"}),
    "a loop over a size": (lambda X: sum(X[m].sum() for m in range(len(X))), {"n"}),
}


@pytest.mark.parametrize("which", SPECIALISED)
def test_what_does_not_is_derived_for_numbers_and_said(which: str) -> None:
    function, names = SPECIALISED[which]
    found = gradient(function, "X", shapes=SHAPES)
    notes = [note for note, _ in found.program.notes]
    assert {note.split("`")[1].split(" = ")[0] for note in notes} == names
    assert all(note.startswith("Derived for ") for note in notes)
    assert not {s.name for s in found.program.sizes()} & names


def test_sizes_that_are_compared_get_different_numbers() -> None:
    found = gradient(lambda X: X.sum() if X.shape[0] > X.shape[1] else 2 * X.sum(), "X", shapes=SHAPES)
    assert found.wrt[0].axes[0] != found.wrt[0].axes[1]


@pytest.mark.parametrize(
    "function",
    [
        lambda X: X.sum() if len(X) % 2 == 0 else 2 * X.sum(),
        lambda X: X.sum() if len(X) % 3 else 2 * X.sum(),
        lambda X: X.sum() if not X.shape[1] % X.shape[0] else 2 * X.sum(),
    ],
)
def test_divisibility_is_refused(function: Callable[[Any], Any]) -> None:
    with pytest.raises(NotationError, match="give the size as a product"):
        gradient(function, "X", shapes=SHAPES)


def test_divisibility_that_the_shape_says_is_known() -> None:
    def heads(X: Any) -> Any:
        assert X.shape[1] % 4 == 0
        return (X.reshape(len(X), 4, -1) ** 2).sum()

    found = gradient(heads, "X", shapes={"X": ("n", "4*e")})
    assert found.result.latex() == "2 X"


def test_remainders_may_be_computed_with() -> None:
    found = gradient(lambda X: np.pad(X, ((0, -len(X) % 2), (0, 0))).sum(), "X", shapes=SHAPES)
    assert not found.program.notes
    assert found.result.latex() == r"\mathbf1 \mathbf1^\top"


def test_functions_in_tables_and_defaults_are_traced() -> None:
    from scipy.special import softmax

    table: dict[str, Any] = {"relu": lambda z: np.maximum(z, 0), "inner": {"soft": softmax}}
    layers = [lambda x, W: np.tanh(x @ W), lambda x, W: x @ W * np.eye(W.shape[1]).sum()]

    def relu(z: Any) -> Any:
        return np.maximum(z, 0)

    def network(X: Any, W: Any, act: Any = relu, *, last: Any = np.tanh) -> Any:
        h = act(X @ W) + last(X @ W)
        for layer in layers:
            h = h + layer(X, W)
        return (table["inner"]["soft"](h, axis=1) * table["relu"](h)).sum()

    found = gradient(network, "W", shapes={"X": ("n", "d"), "W": ("d", "k")})
    rng = np.random.default_rng(0)
    X, W, V = rng.normal(size=(4, 3)), rng.normal(size=(3, 2)), rng.normal(size=(3, 2))
    h = 1e-5
    slope = (network(X, W + h * V) - network(X, W - h * V)) / (2 * h)
    assert (found.function()(X=X, W=W) * V).sum() == pytest.approx(slope, rel=1e-7)


def test_a_triangle_of_a_vector_is_a_matrix() -> None:
    found = gradient(lambda x: (np.tril(x) ** 2).sum(), "x", shapes={"x": "n"})
    x = np.array([1.0, -2.0, 3.0])
    np.testing.assert_allclose(found.function()(x=x), 2 * x * [3, 2, 1])
