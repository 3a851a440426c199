"""Decimals that somebody wrote stay decimals in every format; fractions stay fractions; values are exact."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import sympy

import derive
from derive.nodes import number
from derive.render.decimals import decimal, split_fraction
from derive.render.tex import latex_math
from derive.render.text import plain

WRITTEN = {
    "1/10": "0.1", "3/20": "0.15", "1/1000": "0.001", "8943/200000": "0.044715", "26829/200000": "0.134145",
    "5/2": None, "1/2": None, "1/3": None, "3/8": None, "1/15": None, "7": None, "-1/10": None,
    "1/10000000000000000": None,
}  # fmt: skip


@pytest.mark.parametrize("fraction", WRITTEN)
def test_which_fractions_are_decimals(fraction: str) -> None:
    found = decimal(sympy.Rational(fraction))
    assert found == WRITTEN[fraction]
    assert found is None or Fraction(found) == Fraction(fraction)


def test_a_decimal_stands_above_the_line() -> None:
    root = sympy.sqrt(sympy.pi)
    assert split_fraction(sympy.Rational(1, 10) / root) == (sympy.Rational(1, 10), root)
    assert split_fraction(sympy.Rational(3, 2) / root) == (3, 2 * root)


@pytest.mark.parametrize(("value", "latex", "text"), [
    (0.044715, "0.044715", "0.044715"), (-0.1, "-0.1", "-0.1"), (0.5, r"\frac{1}{2}", "1/2"),
])  # fmt: skip
def test_formats_agree(value: float, latex: str, text: str) -> None:
    assert latex_math(number(value)) == latex
    assert plain(number(value)) == text


def gelu_tanh(x):
    t = np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))
    return (0.5 * x * (1 + t)).sum()


def test_products_of_decimals_are_decimals() -> None:
    found = derive.gradient(gelu_tanh, "x", shapes={"x": ("n",)})
    for text in (found.result.latex(), found.numpy_source()):
        assert "0.134145" in text
        assert "00000" not in text
