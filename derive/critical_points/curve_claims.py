"""The claim about a continuum of critical points: that it is one, the value on it, the rank of the Hessian on it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import sympy
from sympy import QQ, Poly

from derive.critical_points.equations import NO_POLYNOMIAL, Form
from derive.critical_points.from_sympy import node_of
from derive.critical_points.phrases import formula
from derive.critical_points.point_claims import Naming
from derive.critical_points.systems import Curve
from derive.critical_points.whole_claims import gradient_as_one, meanings
from derive.definitions import define
from derive.derivation import Chain
from derive.formula import Claim, claim, line, prove
from derive.index import letter
from derive.nodes import Node, Tensor, number
from derive.notation import add, equal, mul, name, power
from derive.program import Program
from derive.render.text import plain
from derive.statements import Statement

__all__ = ["curve_claim"]

MINORS = 6
"""So many minors of the Hessian are shown."""


def curve_claim(
    function: sympy.Expr, variables: Sequence[sympy.Symbol], inputs: Sequence[Tensor], form: Form, curve: Curve
) -> tuple[Claim, sympy.Expr | None, int]:
    """A continuum of critical points: that it is one, the value on it, the rank of the Hessian on it."""
    values = {x: t[()] for x, t in zip(variables, inputs, strict=True)}
    meant = meanings(form, values)
    program, conclusion = gradient_as_one(function, variables, inputs, values)
    names = Naming([x.name for x in variables] + ["g", "G"])
    parts = [node_of(sympy.factor(e), meant) for e in curve.equations]
    if not parts:
        parts = [number(0)]
    if len(parts) == 1:
        equation = define(name(names.free("c", "C")), parts[0], meaning=("zero on the set", "在该集合上为零"))
        premise = Statement(equation[()], "=", number(0))
    else:
        k = letter("m", len(parts))
        body = add(*(mul(part, equal(k, place)) for place, part in enumerate(parts)))
        equation = define(name(names.free("c", "C"))[k], body, meaning=("zero on the set", "在该集合上为零"))
        premise = Statement(equation[k], "=", number(0))
    program = Program.of(inputs, (*program.outputs, equation))
    vanish = ("every derivative is in the ideal of these equations", "各导数都在这些方程的理想之中")
    chains = [prove(premise, line("⇒", conclusion, why=vanish), within=program)] if curve.equations else []
    constant, square = None, False
    if form.plain and curve.equations:
        constant, extra, square = _value_on(function, variables, curve, values)
        if extra is not None:
            chains.append(extra)
        elif constant is not None:
            said = Statement(node_of(function, values), "=", number(constant))
            chains.append(
                prove(
                    premise,
                    line("⇒", said, why=("the remainder by the equations is a constant", "除以这些方程的余式为常数")),
                    within=program,
                )
            )
    rank, minors = _rank(function, variables, form, curve)
    for minor in minors[:MINORS]:
        said = Statement(node_of(sympy.factor(minor), values), "=", number(0))
        why = (f"a minor of the Hessian with {rank + 1} rows", f"海森矩阵的 {rank + 1} 阶子式")
        chains.append(prove(premise, line("⇒", said, why=why), within=program))
    shown = _listed(curve, meant)
    english = f"The set {shown} consists of critical points; its dimension is {curve.dimension}. "
    chinese = f"集合 {shown} 由临界点组成, 维数为 {curve.dimension}。"
    english += f"On it the Hessian has rank at most {rank}, and nullity at least {len(variables) - rank}."
    chinese += f"其上海森矩阵的秩不超过 {rank}, 零度不小于 {len(variables) - rank}。"
    if constant is not None and square:
        english += " The value is nowhere less, so every point of the set is a global minimum."
        chinese += "函数值处处不小于此值, 故集合中每点都是全局极小点。"
    title = (f"A continuum of critical points: {shown}", f"临界点的连续统: {shown}")
    return claim(title, chains, program=program, prose=(english, chinese)), constant, rank


def _listed(curve: Curve, meant: Mapping[sympy.Symbol, Node]) -> str:
    if not curve.equations:
        return "(all points)"
    return ", ".join(formula(f"{plain(node_of(sympy.factor(e), meant))} = 0") for e in curve.equations)


def _value_on(
    function: sympy.Expr, variables: Sequence[sympy.Symbol], curve: Curve, values: Mapping[sympy.Symbol, Node]
) -> tuple[sympy.Expr | None, Chain | None, bool]:
    """The value on the set, a chain that shows it, and whether it shows that no value is less."""
    try:
        rest = curve.basis.reduce(Poly(function, *variables, domain=QQ).as_expr())[1]
    except NO_POLYNOMIAL:
        return None, None, False
    rest = rest.as_expr()
    if rest.free_symbols:
        return None, None, False
    if len(curve.equations) != 1:
        return rest, None, False
    (equation,) = curve.equations
    quotient, remainder = sympy.div(Poly(function - rest, *variables), Poly(equation, *variables) ** 2)
    if not remainder.is_zero:
        return rest, None, False
    factor = sympy.factor(quotient.as_expr())
    square = mul(node_of(factor, values), power(node_of(equation, values), number(2)))
    whole = add(number(rest), square) if rest != 0 else square
    lines = [line("=", whole, "collect")]
    least = bool(factor.is_nonnegative)
    if least:
        lines.append(line("≥", number(rest), why=("a square is not negative", "平方非负")))
    return rest, prove(node_of(function, values), *lines), least


def _rank(
    function: sympy.Expr, variables: Sequence[sympy.Symbol], form: Form, curve: Curve
) -> tuple[int, list[sympy.Expr]]:
    """The largest rank that the Hessian can have there, and the next larger minors, which vanish on the set."""
    matrix = sympy.hessian(function, list(variables))
    n = len(variables)
    for rank in range(n):
        minors = []
        for rows, columns in itertools.combinations_with_replacement(itertools.combinations(range(n), rank + 1), 2):
            minor = sympy.expand(matrix.extract(list(rows), list(columns)).det())
            if minor == 0:
                continue
            written = form.written(minor)
            above = sympy.fraction(sympy.together(written))[0] if written is not None else None
            if above is None or not curve.basis.contains(above):
                break
            minors.append(minor)
        else:
            return rank, minors
    return n, []
