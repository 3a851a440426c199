"""The claims about all critical points together: the gradient, the Hessian, where the gradient vanishes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence

import sympy
from sympy import QQ, Poly

from derive.critical_points.combinations import combination
from derive.critical_points.equations import Form
from derive.critical_points.from_sympy import node_of
from derive.critical_points.phrases import counting, formula
from derive.critical_points.point_claims import Naming
from derive.critical_points.systems import Solutions
from derive.definitions import Definition, define
from derive.derivation import Chain, Text
from derive.differentiate import gradient, jacobian
from derive.formula import Claim, claim, line, prove
from derive.index import letter
from derive.nodes import Node, Tensor, number
from derive.notation import add, equal, mul, name, power
from derive.program import Program
from derive.statements import Statement

__all__ = [
    "gradient_as_one", "gradient_claim", "hessian_claims", "meanings", "split_claim", "vanishing_claim",
]  # fmt: skip

TERMS = 40
"""Equations with more terms are not written out."""


def gradient_claim(program: Program, function: sympy.Expr, variables: Sequence[sympy.Symbol]) -> Claim:
    """The gradient by the engine, and as SymPy finds it."""
    values = {x: program.tensor(x.name)[()] for x in variables}
    met = [x for x in variables if function.has(x)]
    return claim(
        ("The gradient", "梯度"),
        gradient(program, [x.name for x in met]),
        expected={x.name: _constantly(node_of(function.diff(x), values)) for x in met},
    )


def _constantly(node: Node) -> Callable[..., object]:
    return lambda: node


def hessian_claims(function: sympy.Expr, variables: Sequence[sympy.Symbol], inputs: Sequence[Tensor]) -> list[Claim]:
    """The second derivatives, by the engine from the gradient, and as SymPy finds them.

    One claim holds all that need no further names; every other one brings the names that it needs.
    """
    names = Naming([x.name for x in variables])
    values = {x: t[()] for x, t in zip(variables, inputs, strict=True)}
    slopes = []
    for x in variables:
        meaning = f"derivative in {formula(x.name)}", f"对 {formula(x.name)} 的导数"
        made = Tensor(names.free(f"g_{x.name}"), (), meaning=meaning)
        made.definition = Definition(made, (), node_of(function.diff(x), values))
        slopes.append(made)
    program = Program.of(inputs, slopes)
    title = ("The Hessian", "海森矩阵")
    chains: list[Chain] = []
    expected: dict[str, Callable[..., object]] = {}
    apart = []
    for (i, a), (j, b) in itertools.combinations_with_replacement(enumerate(variables), 2):
        if not function.diff(a).has(b):
            continue
        found = jacobian(program, b.name, output=slopes[i])
        form = _constantly(node_of(function.diff(a, b), values))
        if len(found.chains) == 1 and len(found.derived.items) == 1:
            entry = Tensor(names.free(f"H_{i + 1}{j + 1}"), ())
            chains.append(Chain(found.result.start, found.result.steps, entry[()]))
            expected[entry.name] = form
            continue
        own = (
            f"{title[0]}: {formula(a.name)} and {formula(b.name)}",
            f"{title[1]}: {formula(a.name)} 与 {formula(b.name)}",
        )
        assert found.result.name is not None
        apart.append(claim(own, found, expected={found.result.name.tensor.name: form}))
    prose = (
        "The gradient is differentiated once more. Second derivatives that are not listed are zero, and mixed ones "
        "are the same in either order.",
        "对梯度再求一次导。未列出的二阶导数为零, 混合导数与次序无关。",
    )
    together = [claim(title, chains, program=program, expected=expected, prose=prose)] if chains else []
    return [*together, *apart]


def vanishing_claim(
    function: sympy.Expr,
    variables: Sequence[sympy.Symbol],
    inputs: Sequence[Tensor],
    form: Form,
    solutions: Solutions,
    *,
    regular: bool,
) -> Claim | None:
    """What a vanishing gradient implies for each unknown; None where nothing short can be written.

    A short combination of the derivatives is written out. Else the implication is, which can be tried where the
    gradient has a ``regular`` zero, one that Newton's method finds.
    """
    values = {x: t[()] for x, t in zip(variables, inputs, strict=True)}
    meant = meanings(form, values)
    program, premise = gradient_as_one(function, variables, inputs, values)
    chains, implied = [], False
    for polynomial in solutions.eliminated or (Poly(1, *form.unknowns, domain=QQ),):
        whole = polynomial.clear_denoms()[1].primitive()[1]
        shown = _combined(function, variables, form, Poly(whole.as_expr(), *form.unknowns, domain=QQ), values)
        if shown is not None:
            chains.append(shown)
        elif regular and len(whole.terms()) <= TERMS:
            conclusion = Statement(node_of(sympy.factor(whole.as_expr()), meant), "=", number(0))
            chains.append(prove(premise, line("⇒", conclusion, why=_eliminated()), within=program))
            implied = True
    if not chains:
        return None
    about = program if implied else _function(function, variables, inputs)
    return claim(
        ("Where the gradient vanishes", "梯度为零之处"), chains, program=about, prose=counting(form, solutions)
    )


def _function(function: sympy.Expr, variables: Sequence[sympy.Symbol], inputs: Sequence[Tensor]) -> Program:
    free = Naming([x.name for x in variables]).free("f", "F", "g")
    body = node_of(function, {x: t[()] for x, t in zip(variables, inputs, strict=True)})
    return Program.of(inputs, define(name(free), body, meaning=("value", "函数值")))


def split_claim(
    function: sympy.Expr, variables: Sequence[sympy.Symbol], inputs: Sequence[Tensor], said: Text
) -> Claim:
    """The squared length of a gradient that vanishes on a continuum, in factors."""
    values = {x: t[()] for x, t in zip(variables, inputs, strict=True)}
    squares = [power(node_of(function.diff(x), values), number(2)) for x in variables if function.has(x)]
    whole = sympy.factor(sum(function.diff(x) ** 2 for x in variables))
    chain = prove(
        add(*squares),
        line("=", node_of(whole, values), "collect"),
        note=("The gradient is zero exactly where the sum of its squares is.", "梯度为零当且仅当其平方和为零。"),
    )
    return claim(
        ("Where the gradient vanishes", "梯度为零之处"),
        [chain],
        program=_function(function, variables, inputs),
        prose=said,
    )


def _combined(
    function: sympy.Expr,
    variables: Sequence[sympy.Symbol],
    form: Form,
    target: Poly,
    values: Mapping[sympy.Symbol, Node],
) -> Chain | None:
    """A combination of the derivatives that is a power of a polynomial, so that this is zero where they are."""
    if not form.plain:
        return None
    found = combination(target, [Poly(e, *form.unknowns, domain=QQ) for e in form.equations])
    if found is None:
        return None
    times, coefficients = found
    if sum(not c.is_zero for c in coefficients) == 1 and target.is_ground:
        # one derivative is never zero: that it is a multiple of itself says nothing
        return None
    terms = []
    for x, numerator, c in zip(variables, form.numerators, coefficients, strict=True):
        if c.is_zero:
            continue
        slope = function.diff(x)
        factor = sympy.factor(sympy.simplify(numerator / slope) * c.as_expr())
        terms.append(mul(node_of(factor, values), node_of(slope, values)))
    result = power(node_of(sympy.factor(target.as_expr()), values), number(times))
    note = ("A combination of the derivatives:", "导数的一个组合:")
    return prove(add(*terms), line("=", result, "collect"), note=note)


def _eliminated() -> tuple[str, str]:
    return "the other unknowns are eliminated, and multiple factors dropped", "消去其余未知量, 并去掉重因子"


def meanings(form: Form, values: Mapping[sympy.Symbol, Node]) -> dict[sympy.Symbol, Node]:
    """What the unknowns of the polynomial equations are in the variables."""
    found = {}
    for x in form.variables:
        scaled = form.units[x] * x
        meanings: tuple[sympy.Expr, ...]
        if form.kinds[x] == "angle":
            meanings = (sympy.cos(scaled), sympy.sin(scaled))
        else:
            meanings = (sympy.exp(scaled),) if form.kinds[x] == "exponential" else (x,)
        found.update({u: node_of(m, values) for u, m in zip(form.parts[x], meanings, strict=True)})
    return found


def gradient_as_one(
    function: sympy.Expr,
    variables: Sequence[sympy.Symbol],
    inputs: Sequence[Tensor],
    values: Mapping[sympy.Symbol, Node],
) -> tuple[Program, Statement]:
    """The gradient as one vector, so that one statement says that all of it is zero."""
    names = Naming([x.name for x in variables])
    slopes = {x: node_of(function.diff(x), values) for x in variables}
    if len(variables) == 1:
        made = define(name(names.free("g", "G")), slopes[variables[0]], meaning=("derivative", "导数"))
        return Program.of(inputs, made), Statement(made[()], "=", number(0))
    k = letter("k", len(variables))
    parts = [mul(slope, equal(k, place)) for place, slope in enumerate(slopes.values())]
    made = define(
        name(names.free("g", "G"))[k], add(*parts), meaning=("the gradient as one vector", "合为一个向量的梯度")
    )
    return Program.of(inputs, made), Statement(made[k], "=", number(0))
