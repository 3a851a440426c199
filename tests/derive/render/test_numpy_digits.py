"""Numbers in digits: what is shuffled is reshaped, and what is chosen among a few is a product of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.derive.render.exported import Case


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


CASES = {
    "pixel shuffle": Case(pixel_shuffle, "X", {"X": ("n", "4*c", "h", "w"), "T": ("n", "c", "2*h", "2*w")}),
    "weighted": Case(pixel_shuffle_weighted, "X", {"X": ("n", "4*c", "h", "w"), "T": ("n", "c", "2*h", "2*w")}),
    "interleaved": Case(interleaved, "x", {"x": ("n", "3*k"), "t": ("n", "3*k")}),
    "maxout": Case(maxout, "X", {"X": ("n", "d"), "W": ("d", "2*k"), "v": ("k",)}),
}


@pytest.mark.parametrize("case", CASES)
def test_the_source_holds(case: str) -> None:
    CASES[case].check_holds()


@pytest.mark.parametrize("case", ["pixel shuffle", "weighted", "interleaved"])
def test_what_is_shuffled_is_reshaped(case: str) -> None:
    body = CASES[case].body
    assert ".reshape(" in body
    assert "np.arange(" not in body
    assert "//" not in body.replace("shape[1] //", "")


def test_a_choice_makes_no_array_of_all_three_axes() -> None:
    body = CASES["maxout"].body
    assert "np.tensordot(" in body
    assert "W[:," not in body
