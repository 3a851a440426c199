"""The critical points of an expression: solved for, given by the user, or asked of SymPy; each is one, exactly.

The functions are ``solved``, ``given`` and ``searched``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy

from derive.algebraic import rational_field
from derive.critical_points.equations import Form, Located
from derive.critical_points.limited import limited
from derive.critical_points.reading import coordinate
from derive.critical_points.systems import Solution, Solutions, solve
from derive.critical_points.values import ClosedForm, UndecidedSignError
from derive.errors import NotationError

__all__ = ["given", "searched", "solved"]

AT_ONCE = 100
"""Systems with at most so many solutions, by Bézout's theorem, are solved without a process of their own."""


def solved(
    form: Form, gradient: Sequence[sympy.Expr], f: sympy.Expr, seconds: float
) -> tuple[list[Located], Solutions]:
    """All points where the gradient vanishes, from polynomial equations. Raises: NotationError when time is up."""
    degrees = 1
    for equation in form.equations:
        degrees *= max(int(sympy.Poly(equation, *form.unknowns).total_degree()), 1)
    if degrees <= AT_ONCE:
        solutions = solve(form.equations, form.unknowns)
    else:
        try:
            solutions = limited("polynomial", form.equations, form.unknowns, seconds=seconds)
        except TimeoutError:
            raise NotationError(
                f"the equations (up to {degrees} solutions) were not solved within {seconds:g} s: give a larger "
                "time_limit, or the points that you know as points=…"
            ) from None
    located = [form.point(solution) for solution in solutions.points]
    return [one for one in located if one is not None and _in_domain(one, gradient, f)], solutions


def _in_domain(one: Located, gradient: Sequence[sympy.Expr], f: sympy.Expr) -> bool:
    """Whether the function has a value there: no denominator is zero, and what is positive is."""
    for x, c in zip(one.variables, one.coordinates, strict=True):
        if x.is_positive and not ClosedForm(c).sign() > 0:
            return False
    for expression in (f, *gradient):
        try:
            value = one.value(expression)
        except ZeroDivisionError:
            return False
        if isinstance(value, ClosedForm) and not value.form.is_finite:
            return False
    return True


def given(
    points: Sequence[Sequence[Any]], variables: Sequence[sympy.Symbol], gradient: Sequence[sympy.Expr]
) -> list[Located]:
    """The points of the user, each tried exactly."""
    found = []
    for point in points:
        if len(point) != len(variables):
            listed = ", ".join(x.name for x in variables)
            raise NotationError(f"the point {tuple(point)} has {len(point)} coordinates, not those of {listed}")
        coordinates = tuple(coordinate(c) for c in point)
        rational = all(c.is_Rational for c in coordinates)
        one = Located(
            tuple(variables), coordinates, *(_rational(variables, coordinates) if rational else (None, None))
        )
        for x, slope in zip(variables, gradient, strict=True):
            value = one.value(slope)
            if value.sign():
                raise NotationError(
                    f"({', '.join(map(str, coordinates))}) is no critical point: the derivative in {x.name} is "
                    f"{value.expression()} there, not 0"
                )
        found.append(one)
    return found


def _rational(variables: Sequence[sympy.Symbol], coordinates: Sequence[sympy.Expr]) -> tuple[Form, Solution]:
    field = rational_field()
    kinds, units = dict.fromkeys(variables, "plain"), dict.fromkeys(variables, sympy.Integer(1))
    form = Form(tuple(variables), (), tuple(variables), kinds, units, {x: (x,) for x in variables})
    return form, Solution(tuple(field.rational(c) for c in coordinates))


def searched(gradient: Sequence[sympy.Expr], variables: Sequence[sympy.Symbol], seconds: float) -> list[Located]:
    """What SymPy finds, each tried exactly: nothing that is not shown to be a critical point is kept."""
    try:
        solutions = limited("closed", gradient, variables, seconds=seconds)
    except TimeoutError:
        raise NotationError(
            f"SymPy did not solve the equations within {seconds:g} s: give a larger time_limit, or the points that "
            "you know as points=…"
        ) from None
    found = {}
    for solution in solutions:
        coordinates = tuple(sympy.simplify(solution[x]) for x in variables)
        one = Located(tuple(variables), coordinates)
        try:
            if all(c.is_real for c in coordinates) and all(one.value(slope).sign() == 0 for slope in gradient):
                found[coordinates] = one
        except UndecidedSignError:
            continue
    return list(found.values())
