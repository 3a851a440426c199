"""What Python's operators and NumPy's functions make of formulas, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from derive.definitions import define
from derive.errors import NotationError
from derive.evaluate import run
from derive.functions import where
from derive.index import letter
from derive.nodes import Ref, Sum
from derive.notation import name, tensor
from derive.program import Program
from derive.size_algebra import sizes

(n,) = sizes("n")
i = letter("i", n)
x, y = tensor("x", n), tensor("y", n)


def test_a_formula_is_neither_true_nor_false() -> None:
    with pytest.raises(NotationError, match=r"write where\(condition, a, b\)"):
        bool(x[i])
    with pytest.raises(NotationError, match="neither true nor false"):
        _ = x[i] and y[i]


def test_what_python_and_numpy_offer_makes_formulas() -> None:
    i = letter("i")
    x = tensor("x", n)
    L = define(name("L"), Sum(i, np.exp(x[i]) * where(x[i] > 0, abs(x[i]), np.float64(2) * x[i])))
    values = np.array([1.0, -2.0])
    expected = (np.exp(values) * np.where(values > 0, np.abs(values), 2 * values)).sum()
    assert run(Program.of(x, L), {"x": values}).arrays[L] == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    ("write", "advice"),
    [
        (lambda a: np.arctan2(a, a), "np.arctan2 has no law"),
        (lambda a: max(a, 0), r"maximum\(a, b\)"),
        (lambda a: a @ a, r"Sum\(j"),
    ],
    ids=["arctan2", "max", "matmul"],
)
def test_what_has_no_place_in_a_formula_says_what_has(write: Callable[[Ref], object], advice: str) -> None:
    with pytest.raises(NotationError, match=advice):
        write(tensor("x", n)[0])
