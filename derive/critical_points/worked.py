"""The worked classification of the critical points of an expression: gradient, solutions, Hessian, verdict.

Data
    ``WorkedClassification``  a formula like one of the catalogue, with the points that it found beside its claims.
    ``Continuum``             a set of critical points of positive dimension.

The function is ``worked_classification``. Its lines are checked like those of every formula, by routes that share
nothing with SymPy's algebra, before anything is printed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy

from derive.critical_points.classified import WorkedPoint, classified
from derive.critical_points.curve_claims import curve_claim
from derive.critical_points.equations import Form, polynomial_form
from derive.critical_points.finding import given, searched, solved
from derive.critical_points.from_sympy import node_of
from derive.critical_points.phrases import counted, counting, formula
from derive.critical_points.point_claims import Naming, point_claim
from derive.critical_points.reading import read
from derive.critical_points.systems import Solutions
from derive.critical_points.whole_claims import gradient_claim, hessian_claims, split_claim, vanishing_claim
from derive.definitions import define
from derive.derivation import Text
from derive.formula import Claim, Formula
from derive.nodes import Tensor
from derive.notation import name, tensor
from derive.program import Program
from derive.render.text import plain

__all__ = ["Continuum", "WorkedClassification", "worked_classification"]

_ALL: Text = ("It is proved above that there are no other critical points.", "上文已证明没有其他临界点。")


@dataclass(frozen=True, eq=False)
class Continuum:
    """Infinitely many critical points: where all ``equations`` are zero. ``value`` is that of the function, if it is
    one; the Hessian's rank there is at most ``rank``."""

    equations: tuple[sympy.Expr, ...]
    dimension: int
    value: sympy.Expr | None
    rank: int


@dataclass(frozen=True, eq=False, kw_only=True)
class WorkedClassification(Formula):
    """A checked derivation, with its results.

    ``complete`` is true only where it is proved that there are no critical points but ``points`` (up to the periods
    of angles) and those of ``continua``; ``sure`` says why, or why not.
    """

    expression: sympy.Expr
    variables: tuple[sympy.Symbol, ...]
    points: tuple[WorkedPoint, ...]
    continua: tuple[Continuum, ...] = ()
    complete: bool = False
    sure: Text = ("", "")

    def __len__(self) -> int:
        return len(self.points)

    def __repr__(self) -> str:
        state = "complete" if self.complete else "not proved to be complete"
        return f"<critical points of {self.expression}: {len(self.points)} points, {state}>"


def worked_classification(
    expression: Any,
    symbols: Sequence[sympy.Symbol | str] | None = None,
    points: Sequence[Sequence[Any]] | None = None,
    *,
    time_limit: float = 30.0,
    shapes: Mapping[str, Any] | None = None,
    sizes: Mapping[str, int] | None = None,
) -> WorkedClassification:
    """Every critical point of an expression, exactly, each with its worked classification.

    The expression is SymPy's, in real symbols; or a program, an id of the catalogue or a NumPy function (then
    ``shapes`` says the shapes of its arguments, and ``sizes`` the lengths of their axes): their components are taken.
    ``symbols`` are the variables, in their order. ``points`` are classified instead of what is found: each has its
    coordinates in the order of the symbols, and must make the gradient exactly zero. Decimals are taken as written.

    Polynomial equations, and those that become so (angles, exponentials, fractions), are solved completely, with
    proof. For others SymPy's ``solve`` is asked, and what it finds is listed as found. ``time_limit`` is in seconds
    for solving.

    Raises: NotationError for an expression that is no real scalar of a few variables, or holds a function without
    law; for points where the gradient is not zero; and when the time limit is reached before anything is solved.
    """
    f, variables = read(expression, symbols, shapes, sizes)
    inputs = _inputs(variables)
    program = _program(f, variables, inputs)
    gradient = [f.diff(x) for x in variables]
    form = polynomial_form(gradient, variables)
    solutions: Solutions | None = None
    if points is not None:
        located, sure, complete = given(points, variables, gradient), _asgiven(), False
    elif form is not None:
        located, solutions = solved(form, gradient, f, time_limit)
        complete, sure = True, _proved(form, solutions)
    else:
        located, complete = searched(gradient, variables, time_limit), False
        sure = _unproved()
    worked = sorted((classified(f, one) for one in located), key=_by_value)
    continua, curve_claims = [], []
    if solutions is not None and form is not None:
        for curve in solutions.curves:
            made, value, rank = curve_claim(f, variables, inputs, form, curve)
            curve_claims.append(made)
            continua.append(Continuum(curve.equations, curve.dimension, value, rank))
    shown = formula(plain(node_of(f, {x: t[()] for x, t in zip(variables, inputs, strict=True)})).replace("·", " "))
    regular = any(point.kind != "undecided" and not point.nullity for point in worked)
    where: list[Claim] = []
    if solutions is not None and form is not None and solutions.finite:
        where += filter(None, [vanishing_claim(f, variables, inputs, form, solutions, regular=regular)])
    elif solutions is not None:
        where.append(split_claim(f, variables, inputs, sure))

    def claims(main: Program) -> Sequence[Claim]:
        return [
            gradient_claim(main, f, variables),
            *hessian_claims(f, variables, inputs),
            *where,
            *curve_claims,
            *(point_claim(f, variables, point) for point in worked),
        ]

    return WorkedClassification(
        id="critical-points",
        title=f"Critical points of {shown}",
        title_zh=f"{shown} 的临界点",
        program=lambda: program,
        claims=claims,
        reference="Apostol (1974), Mathematical Analysis, theorem 13.10; "
        "Rouillier (1999), Solving zero-dimensional systems through the rational univariate representation",
        summary=_summary(worked, continua, complete),
        answer=_ALL if complete and where else sure,
        expression=f,
        variables=tuple(variables),
        points=tuple(worked),
        continua=tuple(continua),
        complete=complete,
        sure=sure,
    )


def _by_value(point: WorkedPoint) -> tuple[float, ...]:
    return float(point.value), *point.x


def _inputs(variables: Sequence[sympy.Symbol]) -> tuple[Tensor, ...]:
    return tuple(
        tensor(x.name, meaning=("variable", "变量"), domain="positive" if x.is_positive else "real")
        for x in variables
    )


def _program(f: sympy.Expr, variables: Sequence[sympy.Symbol], inputs: Sequence[Tensor]) -> Program:
    free = Naming([x.name for x in variables]).free("f", "F", "g")
    body = node_of(f, {x: t[()] for x, t in zip(variables, inputs, strict=True)})
    return Program.of(inputs, define(name(free), body, meaning=("value", "函数值")))


def _proved(form: Form, solutions: Solutions) -> Text:
    if solutions.finite:
        return counting(form, solutions)
    return (
        "The equations were taken apart at their factors. There are no critical points but those of the continua and "
        "the isolated points that are listed.",
        "方程组按其因子分解。除所列的连续统与孤立点外, 没有其他临界点。",
    )


def _asgiven() -> Text:
    return ("These are the points that were given; whether there are others was not asked.",
            "这些是给定的点; 未考察是否还有其他临界点。")  # fmt: skip


def _unproved() -> Text:
    return (
        "The equations are not polynomial, so these are the points that were found: nothing shows that there are no "
        "others.",
        "方程组不是多项式方程组, 故这些只是找到的点: 并未证明没有其他临界点。",
    )


def _summary(points: Sequence[WorkedPoint], continua: Sequence[Continuum], complete: bool) -> Text:
    english, chinese = counted([point.kind for point in points])
    if not points and not continua:
        return (
            ("No critical point.", "没有临界点。")
            if complete
            else ("No critical point was found.", "没有找到临界点。")
        )
    parts = [f"Critical points: {english}."] if points else []
    chinese_parts = [f"临界点: {chinese}。"] if points else []
    if continua:
        parts.append(f"Continua of critical points: {len(continua)}.")
        chinese_parts.append(f"临界点的连续统: {len(continua)} 个。")
    return " ".join(parts), "".join(chinese_parts)
