"""The function itself as a witness of its program: within the rounding of the numbers that it computes in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import derive
from derive.nodes import number
from derive.notation import mul
from derive.tracing import trace
from verify.derivation import check_derivation
from verify.exported import check_exported


def buffered(x: Any) -> Any:
    out = np.zeros(x.shape, dtype=np.float32)
    out[:] = x
    return np.tanh(out).sum()


ROUNDED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "astype": (lambda x: np.tanh(x.astype(np.float32)).sum(), "float32"),
    "a name": (lambda x: np.exp(-(x.astype("float32") ** 2)).mean(), "float32"),
    "asarray": (lambda x: np.tanh(np.asarray(x, dtype=np.float32)).sum(), "float32"),
    "dtype of a sum": (lambda x: np.sum(x**2, dtype=np.float32), "float32"),
    "a buffer": (buffered, "float32"),
    "half": (lambda x: (x.astype(np.float16) ** 2).sum(), "float16"),
    "double": (lambda x: (x.astype(np.float64) ** 2).sum(dtype=float), "float64"),
}


@pytest.mark.parametrize("which", ROUNDED)
def test_a_function_may_round_as_its_type_of_numbers_does(which: str) -> None:
    function, dtype = ROUNDED[which]
    found = derive.gradient(function, "x", shapes={"x": "n"})
    assert any(f"rounds to `{dtype}`" in english for english, _ in found.program.notes) == (dtype != "float64")
    evidence = check_derivation(found)
    assert evidence.outcome == "holds", [check.message for check in evidence.all if check.outcome != "holds"]


@pytest.mark.parametrize("which", [which for which, (_, dtype) in ROUNDED.items() if dtype != "float16"])
def test_more_than_rounding_is_seen(which: str) -> None:
    program = trace(ROUNDED[which][0], {"x": "n"})
    *before, last = program.definitions()
    off = replace(program, items=(*before, replace(last, body=mul(number(1.001), last.body))))
    assert any("does not compute" in check.message for check in check_derivation(derive.gradient(off, "x")).all)


def test_a_polynomial_is_of_its_order_within_rounding() -> None:
    found = derive.taylor(lambda x: np.exp(x.astype(np.float32) * 0.3).sum(), "x", order=2, shapes={"x": "n"})
    assert check_exported(found).outcome == "holds"
