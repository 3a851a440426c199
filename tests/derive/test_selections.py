"""What one-hot vectors select: the results are those of a book, and the line holds at one-hot rows alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import derive
from derive.derivation import Derivation
from verify.derivation import check_derivation


def softmax(Z: Any) -> Any:
    E = np.exp(Z)
    return E / E.sum(axis=-1, keepdims=True)


def chosen(Z: Any, Y: Any) -> Any:
    P = softmax(Z)
    p = (Y * P).sum(axis=1)
    return np.sum(p**2 - np.log(p))


def one_sample(z: Any, y: Any) -> Any:
    p = softmax(z)
    return -np.log(p @ y)


def gradient(function: Any, wrt: str, shapes: dict[str, Any], domain: str) -> Derivation:
    hot = list(shapes)[-1]
    return derive.gradient(function, wrt, shapes=shapes, assumptions=lambda **given: [(given[hot], domain)])


ROWS = {"Z": ("n", "c"), "Y": ("n", "c")}
ONE = {"z": ("c",), "y": ("c",)}


@pytest.mark.parametrize(
    ("function", "wrt", "shapes", "result"),
    [
        (chosen, "Z", ROWS, r"\operatorname{diag}(2 p^{\odot 2} - 1) (Y - P)"),
        (one_sample, "z", ONE, r"p - y"),
    ],
)
def test_an_entry_that_a_one_hot_vector_selects(function: Any, wrt: str, shapes: Any, result: str) -> None:
    found = gradient(function, wrt, shapes, "one-hot")
    assert found.result.latex() == result
    assert any(step.rule == "selection" for step in found.steps)
    assert check_derivation(found).outcome == "holds"


def test_a_mask_selects_nothing() -> None:
    found = gradient(chosen, "Z", ROWS, "mask")
    assert not any(step.rule == "selection" for step in found.steps)
    assert check_derivation(found).outcome == "holds"


def test_what_moves_selects_nothing() -> None:
    found = derive.hessian(chosen, "Y", shapes=ROWS, assumptions=lambda Y: [(Y, "one-hot")])
    assert not any(step.rule == "selection" for step in found.steps)
