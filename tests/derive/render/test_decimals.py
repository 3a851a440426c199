"""Decimals that somebody wrote stay decimals in every format; fractions stay fractions; values are exact."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import sympy

import derive
from derive.nodes import number
from derive.render.decimals import decimal, small_order, split_fraction
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
    (1e-8, "10^{-8}", "10^(-8)"), (1e-4, "0.0001", "0.0001"), (3e-5, "0.00003", "0.00003"),
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


@pytest.mark.parametrize(("value", "expected"), [
    ("1/100000", (1, 5)), ("3/1000000", (3, 6)), ("1/10000", None), ("12/1000000", None), ("1/3", None),
])  # fmt: skip
def test_which_decimals_are_powers_of_ten(value: str, expected: tuple[int, int] | None) -> None:
    assert small_order(sympy.Rational(value)) == expected


def guarded(x):
    return np.sum(np.log(x + 1e-8) + 3e-6 * x**2)


def test_code_has_no_row_of_zeros() -> None:
    source = derive.gradient(
        guarded, "x", shapes={"x": ("n",)}, assumptions=lambda x: [(x, "positive")]
    ).numpy_source()
    assert "1e-8" in source
    assert "6e-6" in source
    assert "0000" not in source
