"""Real algebraic numbers: every operation beside floating point of many digits, signs of what nearly cancels."""

from __future__ import annotations

from fractions import Fraction

import pytest
import sympy
from sympy import QQ, Poly

from derive.algebraic import Element, Field, RealAlgebraic, T, minimal_polynomial, rational_field, real_roots
from derive.nodes import number
from derive.render.tex import latex_math
from derive.render.text import plain


def roots(expression: sympy.Expr) -> list[Field]:
    return real_roots(Poly(expression, T, domain=QQ))


def quintic() -> Element:
    """The real root, its interval as wide as it is at first."""
    return roots(T**5 - T - 1)[0].root


ALPHA = sympy.CRootOf(sympy.Symbol("x") ** 5 - sympy.Symbol("x") - 1, 0)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (lambda a: a * a * a, ALPHA**3),
        (lambda a: a * a * a * a * a * a, ALPHA**6),
        (lambda a: a - a.constant("7/6"), ALPHA - sympy.Rational(7, 6)),
        (lambda a: a.constant(1) / (a - a.constant(1)), 1 / (ALPHA - 1)),
        (lambda a: -(a + a) / a.constant(3), -2 * ALPHA / 3),
    ],
)
def test_arithmetic_is_that_of_the_number(made: object, expected: sympy.Expr) -> None:
    found = made(quintic())  # type: ignore[operator]
    assert abs(sympy.N(found.expression() - expected, 40)) < 1e-35
    assert found.sign() == sympy.sign(sympy.N(expected, 30))
    assert float(found) == pytest.approx(float(expected), rel=1e-15)


def test_what_cancels_is_zero_and_what_nearly_cancels_is_not() -> None:
    a = quintic()
    zero = a * a * a * a * a - a - a.constant(1)
    assert zero.sign() == 0
    assert zero.expression() == 0
    # the root to sixty digits, as a fraction: the difference is far below what floating point sees
    near = sympy.Rational(int(sympy.floor(sympy.N(ALPHA, 90) * 10**60)), 10**60)
    assert (a - a.constant(near)).sign() == 1
    fresh = quintic()
    assert (fresh.constant(near) - fresh).sign() == -1


def test_every_real_root_has_its_own_field() -> None:
    polynomial = (T**2 - 2) * (T**3 - 3 * T + 1) * (T**2 + 1) * (3 * T - 1)
    found = sorted(float(field.root) for field in roots(polynomial))
    expected = sorted(float(r) for r in Poly(polynomial, T).nroots() if abs(sympy.im(r)) < 1e-12)
    assert found == pytest.approx(expected, abs=1e-12)
    assert sorted(field.degree for field in roots(polynomial)) == [1, 2, 2, 3, 3, 3]


@pytest.mark.parametrize(
    ("field", "place", "made", "expected"),
    [
        (T**2 - 2, 1, lambda a: a + a.constant(1), 1 + sympy.sqrt(2)),
        (T**2 - 2, 0, lambda a: a, -sympy.sqrt(2)),
        (T**4 - 10 * T**2 + 1, 3, lambda a: a, sympy.sqrt(2) + sympy.sqrt(3)),
        (T**4 - 10 * T**2 + 1, 0, lambda a: (a * a * a - a.constant(9) * a) / a.constant(2), -sympy.sqrt(2)),
        (T**3 - 5, 0, lambda a: a, sympy.cbrt(5)),
        (3 * T - 1, 0, lambda a: a * a, sympy.Rational(1, 9)),
    ],
)
def test_square_roots_are_written_as_such(field: sympy.Expr, place: int, made: object, expected: sympy.Expr) -> None:
    found = sorted(roots(field), key=lambda f: float(f.root))[place]
    assert sympy.simplify(made(found.root).expression() - expected) == 0  # type: ignore[operator]


def test_the_minimal_polynomial_of_an_element_is_of_lowest_degree() -> None:
    field = max(roots(T**4 - 10 * T**2 + 1), key=lambda f: float(f.root))
    a = field.root
    inside = (a * a * a - a.constant(9) * a) / a.constant(2)
    assert inside.minimal.as_expr() == T**2 - 2
    assert a.minimal.degree() == 4
    assert minimal_polynomial(a, 3) is None


def test_other_numbers_are_written_by_their_digits() -> None:
    root = quintic()
    positive, negative = root.expression(), (-root).expression()
    assert isinstance(positive, RealAlgebraic)
    assert plain(number(positive)) == "1.167303978…"
    assert plain(number(negative)) == "-1.167303978…"
    assert latex_math(number(positive)).startswith(r"1.167303978\ldots")
    assert sympy.N(3 * positive**2, 40) == pytest.approx(sympy.N(3 * ALPHA**2, 40), rel=1e-38)
    assert positive == root.expression()


def test_bounds_hold_and_shrink() -> None:
    root = quintic()
    low, high = (root * root).bounds(Fraction(1, 10**30))
    exact = sympy.N(ALPHA**2, 150)
    assert high - low <= Fraction(1, 10**30)
    assert sympy.Rational(low.numerator, low.denominator) <= exact <= sympy.Rational(high.numerator, high.denominator)


def test_division_by_zero_is_refused() -> None:
    a = rational_field().rational(1)
    with pytest.raises(ZeroDivisionError):
        a / (a - a)
    assert isinstance(a, Element)
