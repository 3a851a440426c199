"""The claim about one critical point: its gradient, its Hessian, its eigenvalues, its squares, its verdict."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from fractions import Fraction

import sympy

from derive.algebraic import RealAlgebraic
from derive.critical_points.classified import WorkedPoint
from derive.critical_points.from_sympy import node_of
from derive.critical_points.inertia import Way, squares
from derive.critical_points.phrases import formula, numbers, place, reasons, signs, verdict
from derive.critical_points.values import Value
from derive.definitions import Definition
from derive.derivation import Chain, Text
from derive.formula import Claim, claim, line, prove
from derive.nodes import Node, Number, Tensor, number
from derive.notation import add, mul, power, tensor
from derive.program import Program

__all__ = ["Naming", "point_claim"]


class Naming:
    """Names that are still free: those of the variables are taken."""

    def __init__(self, taken: Sequence[str]) -> None:
        self.taken = set(taken)

    def free(self, *wanted: str) -> str:
        """The first of these names that is free, which then is taken; primed where none is."""
        text = next((w for w in wanted if w not in self.taken), "")
        while not text or text in self.taken:
            text = f"{text or wanted[0]}_"
        self.taken.add(text)
        return text


def point_claim(
    function: sympy.Expr, variables: Sequence[sympy.Symbol], point: WorkedPoint, title: Text | None = None
) -> Claim:
    """Everything about a point, line by line."""
    return _Made(function, variables, point).claim(title)


class _Made:
    """The program of a point, with the coordinates as definitions, and the chains about it."""

    def __init__(self, function: sympy.Expr, variables: Sequence[sympy.Symbol], point: WorkedPoint) -> None:
        self.function, self.variables, self.point = function, tuple(variables), point
        n = len(self.variables)
        self.entries: list[list[Value]] = [[] for _ in range(n)]
        if point.located is not None:
            entries = point.located.values(function.diff(a, b) for a in variables for b in variables)
            self.entries = [entries[k * n : (k + 1) * n] for k in range(n)]
        names = Naming([x.name for x in variables])
        self.outputs: list[Tensor] = []
        self.v = tensor(
            names.free("v", "h", "u"), *(() if n == 1 else (n,)), domain="small",
            meaning=("displacement from the point", "离开该点的位移"),
        )  # fmt: skip
        self.steps: list[Node] = [self.v[()]] if n == 1 else [self.v[k] for k in range(n)]
        self.t = tensor(names.free("t", "s", "r"), domain="small", meaning=("parameter of a curve", "曲线的参数"))
        self.l = tensor(names.free("lambda", "mu"), meaning=("a number", "一个数"))
        self.at: dict[sympy.Symbol, Node] = {}
        for x, c in zip(variables, point.coordinates, strict=True):
            where = f"{formula(x.name)} at the point", f"该点的 {formula(x.name)}"
            if c.atoms(RealAlgebraic):
                where = (
                    f"{where[0]}: an algebraic number, of which the first digits are written",
                    f"{where[1]}: 代数数, 只写出前几位",
                )
            self.at[x] = self._define(x.name, number(c), where)
        self.names = names
        moved = {x: add(self.at[x], step) for x, step in zip(variables, self.steps, strict=True)}
        self.f = self._define(
            names.free("f", "F", "g"), node_of(function, moved), ("value at the displaced point", "位移后的函数值")
        )
        self.slopes = {x: Tensor(names.free(f"g_{x.name}"), ())[()] for x in variables}
        self.hessian = {
            (i, j): Tensor(names.free(f"H_{i + 1}{j + 1}"), ())[()]
            for i, j in itertools.combinations_with_replacement(range(n), 2)
        }
        self.curves = self._curves()
        self.determinant = self._determinant()
        inputs = [self.v]
        inputs += [self.t] if self.curves else []
        inputs += [self.l] if self.determinant is not None else []
        self.program = Program.of(inputs, self.outputs)

    def _define(self, text: str, body: Node, meaning: Text) -> Node:
        made = Tensor(text, (), meaning=meaning)
        made.definition = Definition(made, (), body)
        self.outputs.append(made)
        return made[()]

    def _curves(self) -> list[tuple[Node, Way]]:
        found = []
        for count, way in enumerate(self.point.leading.curves if self.point.leading else (), 1):
            moved = {}
            for x, series in zip(self.variables, way.coordinates, strict=True):
                terms = [
                    mul(number(coefficient.expression()), power(self.t[()], number(k)))
                    for k, coefficient in enumerate(series)
                    if coefficient.sign()
                ]
                meaning = f"{formula(x.name)} along a curve", f"曲线上的 {formula(x.name)}"
                moved[x] = self._define(self.names.free(f"{x.name}_c{count}"), add(self.at[x], *terms), meaning)
            body = node_of(self.function, moved)
            meaning = "value along the curve", "曲线上的函数值"
            found.append((self._define(self.names.free(f"f_c{count}"), body, meaning), way))
        return found

    def _determinant(self) -> Node | None:
        """``det(λ I - H)``, where the eigenvalues can be written down and it is short."""
        n = len(self.variables)
        if not 1 < n < 4 or not self.point.eigenvalues:
            return None
        h = {**self.hessian, **{(j, i): entry for (i, j), entry in self.hessian.items()}}
        return _characteristic(h, self.l[()], n)

    # -------------------------------------------------------------------------------------------------- chains

    def claim(self, title: Text | None) -> Claim:
        point = self.point
        chains = [*self.gradient(), *self.second()]
        if point.squares is not None:
            if self.determinant is not None:
                chains.append(self.eigenvalues(self.determinant))
            chains += self.form()
            chains += [self.along(*curve) for curve in self.curves]
        names = [x.name for x in self.variables]
        where = place(names, point.coordinates)
        said = verdict(point.kind, point.index, point.nullity)
        own = title or (f"{where}: {said[0]}", f"{where}: {said[1]}")
        return claim(own, chains, program=self.program, prose=reasons(point))

    def gradient(self) -> list[Chain]:
        chains: list[Chain] = []
        for x in self.variables:
            slope = node_of(self.function.diff(x), self.at)
            if isinstance(slope, Number):
                continue
            note = ("The gradient, at the point:", "该点处的梯度:") if not chains else ("", "")
            why = "the coordinates put in", "代入坐标"
            step = line("=", number(0), why=why)
            chains.append(prove(slope, step, name=self.slopes[x], note=note, within=self.program))
        return chains

    def second(self) -> list[Chain]:
        chains: list[Chain] = []
        for (i, j), entry in self.hessian.items():
            note = ("The Hessian, at the point:", "该点处的海森矩阵:") if not chains else ("", "")
            if self.point.hessian[i][j].is_finite is False or self.point.hessian[i][j] is sympy.nan:
                continue
            second = node_of(self.function.diff(self.variables[i], self.variables[j]), self.at)
            step = line("=", number(self.point.hessian[i][j]), why=("the coordinates put in", "代入坐标"))
            steps = () if isinstance(second, Number) else (step,)
            chains.append(prove(second, *steps, name=entry, note=note, within=self.program))
        return chains

    def eigenvalues(self, determinant: Node) -> Chain:
        n = len(self.variables)
        h = {(i, j): number(self.point.hessian[i][j]) for i in range(n) for j in range(n)}
        factors = []
        for value in dict.fromkeys(self.point.eigenvalues):
            factor = add(self.l[()], number(-value)) if value != 0 else self.l[()]
            factors.append(power(factor, number(self.point.eigenvalues.count(value))))
        listed = ", ".join(numbers([value]) for value in self.point.eigenvalues)
        return prove(
            determinant,
            line("=", _characteristic(h, self.l[()], n), "insert"),
            line("=", mul(*factors), "collect"),
            note=(f"The characteristic polynomial; the eigenvalues are its roots, {listed}.",
                  f"特征多项式; 特征值为其根 {listed}。"),
            within=self.program,
        )  # fmt: skip

    def form(self) -> list[Chain]:
        """The second-order term, and its squares with, where it is definite, its bound."""
        point, squared = self.point, self.point.squares
        assert squared is not None
        terms = []
        for i, j in self.hessian:
            value = self.entries[i][j]
            if value.sign() and i == j:
                terms.append(mul(_half(value), power(self.steps[i], number(2))))
            elif value.sign():
                terms.append(mul(number(value.expression()), self.steps[i], self.steps[j]))
        quadratic = add(*terms)
        why = "the gradient is zero, so the second-order term leads", "梯度为零, 故二阶项为主"
        change = add(self.f, number(-point.value)) if point.value != 0 else self.f
        chains = []
        if terms:
            chains.append(
                prove(
                    change,
                    line("≈", quadratic, "taylor", small=self.v, order=point.remainder, why=why),
                    within=self.program,
                )
            )
        parts = []
        for d, row in zip(squared.d, squared.rows, strict=False):
            inner = add(*(mul(number(c.expression()), s) for c, s in zip(row, self.steps, strict=True) if c.sign()))
            parts.append(mul(_half(d), power(inner, number(2))))
        lines = []
        whole = add(*parts)
        if terms and repr(whole) != repr(quadratic):
            lines.append(line("=", whole, "collect", why=("the squares are completed", "配方")))
        bound = self.bound()
        if bound is not None:
            relation = "≥" if point.kind == "minimum" else "≤"
            length = add(*(power(step, number(2)) for step in self.steps))
            lines.append(line(relation, mul(number(bound), length), why=_bounded(relation)))
        if lines:
            chains.append(prove(quadratic, *lines, note=signs(squared), within=self.program))
        return chains

    def bound(self) -> sympy.Rational | None:
        """A short number between 0 and half of the nearest eigenvalue, proved; None where the form is indefinite."""
        point = self.point
        n = len(self.variables)
        if point.nullity or point.index not in (0, n) or n == 1:
            return None
        nearest = min(min(abs(low), abs(high)) for low, high in point.bounds)
        sign = -1 if point.index else 1
        for denominator in (1, 2, 4, 8, 16, 1024, 2**30, 2**60):
            value = Fraction(int(nearest * denominator / 2 * 0.999), denominator)
            if value > 0:
                c = sympy.Rational(sign * value.numerator, value.denominator)
                twice = self.entries[0][0].constant(2 * c)
                moved = [
                    [e - twice if i == j else e for j, e in enumerate(row)] for i, row in enumerate(self.entries)
                ]
                left = squares(moved)
                if left.index == (n - left.nullity if point.index else 0):
                    return c
        return None

    def along(self, value: Node, way: Way) -> Chain:
        """What the function does along a curve."""
        change = add(value, number(-self.point.value)) if self.point.value != 0 else value
        term = mul(number(way.value.expression()), power(self.t[()], number(way.power)))
        if way.power % 2:
            note = (
                "Along this curve the function rises on one side and falls on the other:",
                "沿此曲线, 函数在一侧上升而在另一侧下降:",
            )
        elif way.value.sign() > 0:
            note = ("Along this curve the function rises on both sides:", "沿此曲线, 函数在两侧都上升:")
        else:
            note = ("Along this curve the function falls on both sides:", "沿此曲线, 函数在两侧都下降:")
        why = "the first term that is not zero leads", "首个非零项为主"
        step = line("≈", term, "taylor", small=self.t, order=way.remainder, why=why)
        return prove(change, step, note=note, within=self.program)


def _half(value: Value) -> Node:
    return number((value / value.constant(2)).expression())


def _bounded(relation: str) -> Text:
    if relation == "≥":
        return "what is left is positive definite or zero", "余下部分半正定"
    return "what is left is negative definite or zero", "余下部分半负定"


def _characteristic(h: Mapping[tuple[int, int], Node], t: Node, n: int) -> Node:
    """``det(t I - h)`` for a symmetric ``h`` of two or three rows, written out."""

    def corner(i: int) -> Node:
        return add(t, mul(number(-1), h[i, i]))

    def square(node: Node) -> Node:
        return power(node, number(2))

    minus = number(-1)
    if n == 2:
        return add(mul(corner(0), corner(1)), mul(minus, square(h[0, 1])))
    return add(
        mul(corner(0), corner(1), corner(2)),
        mul(number(-2), h[0, 1], h[0, 2], h[1, 2]),
        mul(minus, corner(0), square(h[1, 2])),
        mul(minus, corner(1), square(h[0, 2])),
        mul(minus, corner(2), square(h[0, 1])),
    )
