"""The equations of a vanishing gradient as polynomial equations, where they are such in disguise.

Data
    ``Form``   polynomial equations in unknowns, and the way back: the coordinates of a solution, and the value of
               any expression there.

Factors that are never zero (an exponential, a sum of squares and 1) are dropped, fractions are brought over one
denominator. An angle ``x`` that occurs in sines and cosines of its multiples alone becomes two unknowns,
``cos x`` and ``sin x`` with ``cos²x + sin²x = 1``, and a number that occurs in exponentials alone ``e^x > 0``.

The functions are ``polynomial_form`` and ``Form.point``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy
from sympy import QQ, Poly
from sympy.polys.polyerrors import CoercionFailed

from derive.algebraic import Element
from derive.critical_points.systems import Solution
from derive.critical_points.values import ClosedForm, Value

__all__ = ["NO_POLYNOMIAL", "Form", "Located", "exact", "nonzero_part", "polynomial_form"]

NO_POLYNOMIAL = (sympy.PolynomialError, CoercionFailed)
HYPERBOLIC = (sympy.sinh, sympy.cosh, sympy.tanh)


@dataclass(frozen=True, eq=False)
class Form:
    """Polynomial equations, their unknowns, and what the unknowns stand for.

    ``kinds`` says of every variable whether it is ``plain``, an ``angle`` or an ``exponential``; ``units`` are the
    factors that belong to the last two: ``cos(u x)``, ``exp(u x)``. ``numerators`` are the components of the gradient
    without their denominators and without the factors that are never zero, which are ``dropped``.
    """

    variables: tuple[sympy.Symbol, ...]
    equations: tuple[sympy.Expr, ...]
    unknowns: tuple[sympy.Symbol, ...]
    kinds: Mapping[sympy.Symbol, str]
    units: Mapping[sympy.Symbol, sympy.Expr]
    parts: Mapping[sympy.Symbol, tuple[sympy.Symbol, ...]]
    dropped: tuple[sympy.Expr, ...] = ()
    numerators: tuple[sympy.Expr, ...] = ()

    @property
    def plain(self) -> bool:
        """Whether the unknowns are the variables themselves."""
        return set(self.kinds.values()) == {"plain"}

    @property
    def roots(self) -> bool:
        """Whether roots stand in what was dropped, so that a derivative may not exist somewhere."""
        return any(power.exp.is_integer is False for e in self.dropped for power in e.atoms(sympy.Pow))

    def written(self, expression: sympy.Expr) -> sympy.Expr | None:
        """An expression in the unknowns; None where it is no rational function of them."""
        return _rewritten(expression, self.variables, self.kinds, self.units, self.parts)

    def period(self, variable: sympy.Symbol) -> sympy.Expr | None:
        """After how much an angle repeats; None for other variables."""
        return 2 * sympy.pi / self.units[variable] if self.kinds[variable] == "angle" else None

    def point(self, solution: Solution) -> Located | None:
        """The point that a solution stands for; None where an exponential would not be positive."""
        values = dict(zip(self.unknowns, solution.values, strict=True))
        found = []
        for x in self.variables:
            own = [values[u] for u in self.parts[x]]
            if self.kinds[x] == "plain":
                found.append(own[0].expression())
            elif self.kinds[x] == "angle":
                found.append(_angle(*own) / self.units[x])
            elif own[0].sign() > 0:
                found.append(sympy.log(own[0].expression()) / self.units[x])
            else:
                return None
        return Located(self.variables, tuple(found), self, solution)


def _angle(cosine: Element, sine: Element) -> sympy.Expr:
    """The angle in (-π, π] with these."""
    value = sympy.acos(cosine.expression())
    return -value if sine.sign() < 0 else value


@dataclass(frozen=True, eq=False)
class Located:
    """A point with exact coordinates. Without a ``form`` these are closed forms."""

    variables: tuple[sympy.Symbol, ...]
    coordinates: tuple[sympy.Expr, ...]
    form: Form | None = None
    solution: Solution | None = None
    _known: dict[sympy.Expr, Value] = field(default_factory=dict, repr=False)

    def value(self, expression: sympy.Expr) -> Value:
        """The value of an expression: an algebraic number where it is known to be one, else a closed form."""
        if expression not in self._known:
            self._known[expression] = self._value(expression)
        return self._known[expression]

    def _value(self, expression: sympy.Expr) -> Value:
        if self.form is not None and self.solution is not None:
            written = self.form.written(expression)
            if written is not None:
                above, below = sympy.fraction(sympy.together(written))
                try:
                    top = self.solution.at(Poly(above, *self.form.unknowns, domain=QQ))
                    bottom = self.solution.at(Poly(below, *self.form.unknowns, domain=QQ))
                except NO_POLYNOMIAL:
                    pass
                else:
                    return top / bottom
        return ClosedForm(expression.subs(dict(zip(self.variables, self.coordinates, strict=True))))

    def values(self, expressions: Iterable[sympy.Expr]) -> list[Value]:
        """Several values, all of one kind, so that they can be put together."""
        found = [self.value(e) for e in expressions]
        if any(isinstance(v, ClosedForm) for v in found):
            return [v if isinstance(v, ClosedForm) else ClosedForm(v.expression()) for v in found]
        return found


def exact(expression: sympy.Expr) -> sympy.Expr:
    """The same with every decimal fraction taken as it is written."""
    return expression.xreplace({number: sympy.Rational(str(number)) for number in expression.atoms(sympy.Float)})


def nonzero_part(expression: sympy.Expr) -> tuple[sympy.Expr, tuple[sympy.Expr, ...]]:
    """The numerator of an expression without the factors that are never zero, and these."""
    above, _ = sympy.fraction(sympy.together(expression))
    kept: list[sympy.Expr] = []
    dropped: list[sympy.Expr] = []
    for factor in sympy.Mul.make_args(sympy.factor(above)):
        base, _ = factor.as_base_exp() if not isinstance(factor, sympy.exp) else (factor, 1)
        if not factor.free_symbols and factor.is_nonzero:
            continue
        if factor.free_symbols and (isinstance(factor, sympy.exp) or base.is_positive or base.is_negative):
            dropped.append(factor)
        else:
            kept.append(factor)
    return sympy.Mul(*kept), tuple(dropped)


def polynomial_form(gradient: Sequence[sympy.Expr], variables: Sequence[sympy.Symbol]) -> Form | None:
    """The polynomial equations of a vanishing gradient; None where there are none with rational coefficients."""
    kept: list[sympy.Expr] = []
    dropped: list[sympy.Expr] = []
    for component in gradient:
        rest, gone = nonzero_part(component)
        kept.append(rest)
        dropped += gone
    kinds, units = {}, {}
    for x in variables:
        kind = _kind(kept, x)
        if kind is None:
            return None
        kinds[x], units[x] = kind
    parts: dict[sympy.Symbol, tuple[sympy.Symbol, ...]] = {}
    unknowns: list[sympy.Symbol] = []
    relations: list[sympy.Expr] = []
    for x in variables:
        if kinds[x] == "angle":
            cosine, sine = (sympy.Dummy(f"{name}_{x.name}", real=True) for name in ("c", "s"))
            parts[x] = (cosine, sine)
            relations.append(cosine**2 + sine**2 - 1)
        elif kinds[x] == "exponential":
            parts[x] = (sympy.Dummy(f"e_{x.name}", real=True),)
        else:
            parts[x] = (x,)
        unknowns += parts[x]
    equations = []
    for component in kept:
        written = _rewritten(component, variables, kinds, units, parts)
        if written is None:
            return None
        above, _ = sympy.fraction(sympy.together(written))
        try:
            equations.append(Poly(above, *unknowns, domain=QQ).as_expr())
        except NO_POLYNOMIAL:
            return None
    return Form(
        tuple(variables), (*equations, *relations), tuple(unknowns), kinds, units, parts,
        tuple(dict.fromkeys(dropped)), tuple(kept),
    )  # fmt: skip


def _kind(expressions: Sequence[sympy.Expr], x: sympy.Symbol) -> tuple[str, sympy.Expr] | None:
    """What a variable is, and its unit; None where it is more than one thing."""
    angles, exponents = [], []
    for e in expressions:
        for atom in e.atoms(sympy.Function):
            if not atom.has(x):
                continue
            if isinstance(atom, (sympy.sin, sympy.cos, sympy.tan)):
                angles.append(atom.args[0])
            elif isinstance(atom, (sympy.exp, *HYPERBOLIC)):
                exponents.append(atom.args[0])
            else:
                return None
    if not angles and not exponents:
        return "plain", sympy.Integer(1)
    if angles and exponents:
        return None
    factors = [sympy.expand(argument).coeff(x) for argument in angles or exponents]
    if any(f.free_symbols or not f.is_nonzero for f in factors):
        return None
    ratios = [sympy.nsimplify(f / factors[0]) for f in factors]
    if not all(ratio.is_Rational for ratio in ratios):
        return None
    unit = abs(factors[0]) * abs(sympy.gcd(ratios))
    return ("angle" if angles else "exponential"), unit


def _rewritten(
    expression: sympy.Expr,
    variables: Sequence[sympy.Symbol],
    kinds: Mapping[sympy.Symbol, str],
    units: Mapping[sympy.Symbol, sympy.Expr],
    parts: Mapping[sympy.Symbol, tuple[sympy.Symbol, ...]],
) -> sympy.Expr | None:
    changed = [x for x in variables if kinds[x] != "plain"]
    if not changed:
        return expression if not expression.atoms(sympy.Function) else None
    turned = {x: sympy.Dummy(x.name, real=True) for x in changed}
    scaled = sympy.expand(expression.subs({x: turned[x] / units[x] for x in changed}))
    scaled = sympy.expand(scaled.rewrite(list(HYPERBOLIC), sympy.exp)) if scaled.has(*HYPERBOLIC) else scaled
    scaled = scaled.replace(sympy.tan, lambda a: sympy.sin(a) / sympy.cos(a))
    table: dict[Any, sympy.Expr] = {}
    for x in changed:
        if kinds[x] == "angle":
            cosine, sine = parts[x]
            table |= {sympy.cos(turned[x]): cosine, sympy.sin(turned[x]): sine}
        else:
            table[sympy.exp(turned[x])] = parts[x][0]
    found = sympy.expand(sympy.expand_trig(scaled), power_exp=True).subs(table)
    return None if found.has(*turned.values()) or found.atoms(sympy.Function) else found
