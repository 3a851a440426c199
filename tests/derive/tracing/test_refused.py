"""What no formula can do is refused with its line and a word on what to do: no other error, and no wrong result."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from derive import MissingRuleError, NotationError, gradient

X, M = {"x": "n"}, {"x": ("n", "m")}
PLAIN = np.array([1.0, 2.0])
GENERATOR = np.random.default_rng(1)


def raising(x: Any) -> Any:
    raise ValueError("bad input")


def passed_over(x: Any) -> Any:
    try:
        y = np.sort(x)
    except Exception:
        y = x
    return y.sum()


def written_to_argument(x: Any) -> Any:
    y = np.asarray(x)
    y += 1
    return (x * y).sum()


def plain_buffer(x: Any) -> Any:
    out = np.array([0.0, 0.0])
    out[0] = x.sum()
    return out.sum()


def asserted(x: Any) -> Any:
    assert (x > 0).all()
    return x.sum()


def without_end(x: Any) -> Any:
    def again(k: int) -> Any:
        return again(k + 1)

    return again(0)


def nothing(x: Any) -> None:
    x.sum()


def through_a_view(x: Any) -> Any:
    y = x.copy()
    z = y.reshape(-1)
    z += 1
    return y.sum()


def twice(x: Any) -> Any:
    out = np.zeros(3)
    out[np.array([0, 0])] = x[:2]
    return out.sum()


REFUSED: dict[str, tuple[Callable[..., Any], dict[str, Any], str]] = {
    "an error of the code": (raising, X, "ValueError: bad input"),
    "a refusal that the code passes over": (passed_over, X, "np.sort has no rule"),
    "writing to an argument": (written_to_argument, X, "writes to the argument 'x'"),
    "a buffer of plain numbers": (plain_buffer, X, "make it with np.zeros"),
    "out= of plain numbers": (
        lambda x: np.multiply(PLAIN, x[:2], out=PLAIN).sum(),
        X,
        "out= is an array of plain numbers",
    ),
    "a generator": (lambda x: (x * GENERATOR.normal(size=x.shape)).sum(), X, "give them as an argument"),
    "np.random": (lambda x: (x * np.random.default_rng().normal(size=3)).sum(), X, "give them as an argument"),
    "an assert on values": (asserted, X, "a test of values has no place"),
    "isnan": (lambda x: np.where(np.isnan(x), 0, x).sum(), X, "a test of values has no place"),
    "max of Python": (lambda x: max(x[0], x[1]), X, "np.maximum"),
    "complex numbers": (lambda x: np.abs(1j * x).sum(), X, "complex numbers have no rule"),
    "a missing key": (lambda x: {"a": x}["b"].sum(), X, "KeyError: 'b'"),
    "a missing method": (lambda x: x.foo.sum(), X, "arrays have no 'foo'"),
    "an unknown argument": (lambda x: np.sum(x, axes=0), X, "np.sum: got an unexpected keyword argument 'axes'"),
    "where= without out=": (lambda x: np.exp(x, where=x > 0).sum(), X, "give out="),
    "where= of a deviation": (lambda x: np.std(x, where=x > 0), X, "no rule for where="),
    "a cast to whole numbers": (lambda x: np.array(x, dtype=int).sum(), X, "astype(int) of real numbers"),
    "a cast to complex": (lambda x: x.astype(complex).sum(), X, "complex"),
    "recursion": (without_end, X, "RecursionError"),
    "apply_along_axis": (lambda x: np.apply_along_axis(np.sum, 1, x).sum(), M, "call the function with whole arrays"),
    "a view": (through_a_view, X, "writes through a view"),
    "an entry written twice": (twice, X, "written to twice"),
    "counts": (lambda x: np.bincount(x).sum(), X, "give them as an argument"),
}


@pytest.mark.parametrize("which", REFUSED)
def test_it_is_refused_with_its_line(which: str) -> None:
    function, shapes, message = REFUSED[which]
    with pytest.raises((MissingRuleError, NotationError)) as caught:
        gradient(function, "x", shapes=shapes)
    assert message in str(caught.value)
    assert str(caught.value).startswith("line ")


def test_a_function_that_returns_nothing_is_refused() -> None:
    with pytest.raises(NotationError, match="returns nothing"):
        gradient(nothing, "x", shapes=X)


def test_positions_mean_what_they_mean_in_numpy() -> None:
    found = gradient(lambda x: (np.sum(x, 0, None, None, True) ** 2).sum(), "x", shapes=M)
    x = np.arange(6.0).reshape(2, 3)
    np.testing.assert_allclose(found.function()(x=x), np.broadcast_to(2 * x.sum(0), (2, 3)))


def test_a_mask_of_columns_is_no_list_of_columns() -> None:
    found = gradient(lambda x: (x[:, np.array([True, False, True])] ** 2).sum(), "x", shapes={"x": ("n", 3)})
    x = np.arange(1.0, 7.0).reshape(2, 3)
    np.testing.assert_allclose(found.function()(x=x), 2 * x * [1, 0, 1])


def test_a_slice_up_to_a_number_says_for_which_sizes() -> None:
    found = gradient(lambda x: sum(x[2 * k : 2 * k + 5] for k in range(4)) @ np.arange(5), "x", shapes=X)
    assert ("Derived for sizes with `n ≥ 11`." in note for note, _ in found.program.notes)
    value = found.function()(x=np.ones(13))
    np.testing.assert_allclose(value, sum(np.eye(13)[2 * k : 2 * k + 5].T @ np.arange(5) for k in range(4)))


def test_what_the_user_has_is_not_changed() -> None:
    class Scale:
        calls = 0

        def __init__(self, factor: float) -> None:
            self.factor = factor

        def __call__(self, x: Any) -> Any:
            self.calls += 1
            return self.factor * x

    scale = Scale(3.0)
    found = gradient(lambda x: functools.reduce(lambda s, f: f(s), [scale, scale], x).sum(), "x", shapes=X)
    assert scale.calls == 0
    np.testing.assert_allclose(found.function()(x=np.ones(2)), [9.0, 9.0])


def whole_buffer(x: Any) -> Any:
    out = np.full(len(x), 0)
    out[0] = x.sum()
    return out.sum()


def whole_counts(x: Any) -> Any:
    out = np.arange(3)
    out += x[:3]
    return out.sum()


@pytest.mark.parametrize("function", [whole_buffer, whole_counts])
def test_an_array_of_whole_numbers_holds_no_others(function: Callable[..., Any]) -> None:
    with pytest.raises(MissingRuleError, match="make it with dtype=float"):
        gradient(function, "x", shapes=X)


def test_an_array_as_it_is_is_the_argument_itself() -> None:
    def function(x: Any) -> Any:
        y = np.asarray(x, dtype=float)
        y += 1
        return (x * y).sum()

    with pytest.raises(NotationError, match="writes to the argument 'x'"):
        gradient(function, "x", shapes=X)
