"""Numbers in digits: what is shuffled is reshaped, and what is chosen among a few is a product of matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import derive
from derive.derivation import Derivation
from derive.render.numpy import numpy_source
from verify.exported import check_exported

Function = Callable[..., Any]


def pixel_shuffle(X: Any, T: Any) -> Any:
    n, c, h, w = X.shape
    Y = X.reshape(n, c // 4, 2, 2, h, w).transpose(0, 1, 4, 2, 5, 3).reshape(n, c // 4, 2 * h, 2 * w)
    return np.sum((Y - T) ** 2) / 2


def pixel_shuffle_weighted(X: Any, T: Any) -> Any:
    n, c, h, w = X.shape
    Y = X.reshape(n, c // 4, 2, 2, h, w).transpose(0, 1, 4, 2, 5, 3).reshape(n, c // 4, 2 * h, 2 * w)
    return np.sum(np.sin(Y) * T)


def interleaved(x: Any, t: Any) -> Any:
    n, d = x.shape
    y = x.reshape(n, d // 3, 3).transpose(0, 2, 1).reshape(n, d)
    return np.sum(np.tanh(y) * t)


def maxout(X: Any, W: Any, v: Any) -> Any:
    Z = (X @ W).reshape(X.shape[0], -1, 2)
    return np.sum(Z.max(axis=2) @ v)


CASES: dict[str, tuple[Function, str, dict[str, tuple[str, ...]]]] = {
    "pixel shuffle": (pixel_shuffle, "X", {"X": ("n", "4*c", "h", "w"), "T": ("n", "c", "2*h", "2*w")}),
    "weighted": (pixel_shuffle_weighted, "X", {"X": ("n", "4*c", "h", "w"), "T": ("n", "c", "2*h", "2*w")}),
    "interleaved": (interleaved, "x", {"x": ("n", "3*k"), "t": ("n", "3*k")}),
    "maxout": (maxout, "X", {"X": ("n", "d"), "W": ("d", "2*k"), "v": ("k",)}),
}


def derived(case: str) -> Derivation:
    function, wrt, shapes = CASES[case]
    return derive.gradient(function, wrt, shapes=shapes)


@pytest.mark.parametrize("case", CASES)
def test_the_source_holds(case: str) -> None:
    assert check_exported(derived(case)).outcome == "holds"


@pytest.mark.parametrize("case", ["pixel shuffle", "weighted", "interleaved"])
def test_what_is_shuffled_is_reshaped(case: str) -> None:
    body = numpy_source(derived(case)).rpartition('"""')[2]
    assert ".reshape(" in body
    assert "np.arange(" not in body
    assert "//" not in body.replace("shape[1] //", "")


def test_a_choice_makes_no_array_of_all_three_axes() -> None:
    body = numpy_source(derived("maxout")).rpartition('"""')[2]
    assert "np.tensordot(" in body
    assert "W[:," not in body
