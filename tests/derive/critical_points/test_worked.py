"""Worked classifications: known sets of critical points, found completely, with what each is; and wrong ones caught.

The expected points are textbook answers, published counts, or simple enough to be seen. None was computed here.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import sympy

from derive.critical_points import WorkedClassification, worked_classification
from derive.critical_points.classified import WorkedPoint
from derive.critical_points.point_claims import point_claim
from derive.derivation import Evidence
from derive.errors import DerivationError, NotationError
from derive.evidence import evidence_for
from derive.formula import claims_of
from derive.notation import tensor
from derive.program import Program
from verify.derivation import check_derivation

x, y, z, w1, w2 = sympy.symbols("x y z w1 w2")
R = sympy.Rational
sqrt, pi, exp, sin, cos = sympy.sqrt, sympy.pi, sympy.exp, sympy.sin, sympy.cos

MIN, MAX, SADDLE = "minimum", "maximum", "saddle"
CAMEL = 4 * x**2 - R(21, 10) * x**4 + x**6 / 3 + x * y - 4 * y**2 + 4 * y**4
HIMMELBLAU = (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2


@dataclass(frozen=True)
class Known:
    """An expression, and all of its critical points: exact coordinates, what each is, how many eigenvalues are 0."""

    expression: sympy.Expr
    points: dict[tuple[Any, ...], tuple[str, int, int]]
    continua: int = 0


KNOWN = {
    "positive definite": Known(x**2 + x * y + y**2, {(0, 0): (MIN, 0, 0)}),
    "negative definite": Known(-(x**2) + x * y - y**2 + 3, {(0, 0): (MAX, 2, 0)}),
    "indefinite": Known(x * y, {(0, 0): (SADDLE, 1, 0)}),
    "quadratic with linear terms": Known(
        x**2 + 2 * y**2 - 2 * x * y - 4 * x, {(4, 2): (MIN, 0, 0)}
    ),
    "three variables": Known(x**2 + y**2 - z**2 + x * y, {(0, 0, 0): (SADDLE, 1, 0)}),
    "three variables, five points": Known(
        x**2 + y**2 + z**2 + x * y * z,
        {(0, 0, 0): (MIN, 0, 0), **{
            (2 * a, 2 * b, -2 * a * b): (SADDLE, 1, 0) for a, b in itertools.product((1, -1), repeat=2)
        }},
    ),
    "monkey saddle": Known(x**3 - 3 * x * y**2, {(0, 0): (SADDLE, 0, 2)}),
    "x⁴ + y⁴": Known(x**4 + y**4, {(0, 0): (MIN, 0, 2)}),
    "-x⁴ - y⁴": Known(-(x**4) - y**4, {(0, 0): (MAX, 0, 2)}),
    "x⁴ + y²": Known(x**4 + y**2, {(0, 0): (MIN, 0, 1)}),
    "x² - y⁴": Known(x**2 - y**4, {(0, 0): (SADDLE, 0, 1)}),
    "x⁸ + y²": Known(x**8 + y**2, {(0, 0): (MIN, 0, 1)}),
    "cusp": Known((y - x**2) ** 2 + x**5, {(0, 0): (SADDLE, 0, 1)}),
    "Peano's surface": Known((y - x**2) * (y - 2 * x**2), {(0, 0): (SADDLE, 0, 1)}),
    "flat directions that are coupled": Known(
        x**4 - x**2 * y**2 + y**4 + z**2, {(0, 0, 0): (MIN, 0, 2)}
    ),
    "a cubic in one variable": Known(x**3, {(0,): (SADDLE, 0, 1)}),
    "double well": Known(
        (x**2 - 1) ** 2 + y**2, {(0, 0): (SADDLE, 1, 0), (1, 0): (MIN, 0, 0), (-1, 0): (MIN, 0, 0)}
    ),
    "product of double wells": Known(
        (x**2 - 1) ** 2 + (y**2 - 1) ** 2,
        {(a, b): ({0: MAX, 1: SADDLE, 2: MIN}[abs(a) + abs(b)], 2 - abs(a) - abs(b), 0)
         for a, b in itertools.product((-1, 0, 1), repeat=2)},
    ),
    "x y (1 - x - y)": Known(
        x * y * (1 - x - y),
        {(0, 0): (SADDLE, 1, 0), (1, 0): (SADDLE, 1, 0), (0, 1): (SADDLE, 1, 0), (R(1, 3), R(1, 3)): (MAX, 2, 0)},
    ),
    "Rosenbrock": Known((1 - x) ** 2 + 100 * (y - x**2) ** 2, {(1, 1): (MIN, 0, 0)}),
    "sines on a period": Known(
        sin(x) + sin(y),
        {(pi / 2, pi / 2): (MAX, 2, 0), (-pi / 2, -pi / 2): (MIN, 0, 0), (pi / 2, -pi / 2): (SADDLE, 1, 0),
         (-pi / 2, pi / 2): (SADDLE, 1, 0)},
    ),
    "cosines of other periods": Known(
        cos(2 * pi * x) - cos(4 * pi * y),
        {(0, 0): (SADDLE, 1, 0), (R(1, 2), 0): (MIN, 0, 0), (0, R(1, 4)): (MAX, 2, 0),
         (R(1, 2), R(1, 4)): (SADDLE, 1, 0)},
    ),
    "bump": Known(
        exp(-(x**2 + y**2)) * x, {(sqrt(2) / 2, 0): (MAX, 2, 0), (-sqrt(2) / 2, 0): (MIN, 0, 0)}
    ),
    "exponential and linear": Known(exp(x) - 3 * x + y**2, {(sympy.log(3), 0): (MIN, 0, 0)}),
    "hyperbolic": Known(sympy.cosh(x) * sympy.cosh(y), {(0, 0): (MIN, 0, 0)}),
    "fraction": Known(x / (1 + x**2 + y**2), {(1, 0): (MAX, 2, 0), (-1, 0): (MIN, 0, 0)}),
    "pole": Known(x + 1 / x, {(1,): (MIN, 0, 0), (-1,): (MAX, 1, 0)}),
    "logarithm": Known(sympy.log(1 + x**2 + y**2), {(0, 0): (MIN, 0, 0)}),
    "decimals": Known(0.1 * x**2 + 0.2 * (y - 0.3) ** 2, {(0, R(3, 10)): (MIN, 0, 0)}),
    "none, a constant slope": Known(x + y**2, {}),
    "none, over the real numbers": Known(x**3 + x, {}),
    "two weights": Known((1 - w1 * w2) ** 2, {(0, 0): (SADDLE, 1, 0)}, continua=1),
    "circle": Known((x**2 + y**2 - 1) ** 2, {(0, 0): (MAX, 2, 0)}, continua=1),
    "circle in space": Known((x**2 + y**2 - 1) ** 2 + z**2, {(0, 0, 0): (SADDLE, 2, 0)}, continua=1),
    "a line": Known(x**2 * y, {}, continua=1),
    "two lines": Known(x**2 * y**2, {}, continua=2),
}  # fmt: skip


def checked(found: WorkedClassification) -> Evidence:
    evidence = check_derivation(found)
    assert [c.message for c in evidence.all if c.outcome != "holds"] == []
    assert len(evidence.all) > 5
    return evidence


@pytest.mark.parametrize("case", KNOWN)
def test_known_sets_are_found_completely_and_every_line_holds(case: str) -> None:
    known = KNOWN[case]
    found = worked_classification(known.expression)
    assert found.complete
    assert len(found.points) == len(known.points)
    for coordinates, (kind, index, nullity) in known.points.items():
        (point,) = (p for p in found.points if p.coordinates == tuple(map(sympy.S, coordinates)))
        assert (point.kind, point.index, point.nullity) == (kind, index, nullity), coordinates
    assert len(found.continua) == known.continua
    checked(found)


def _numbers(found: WorkedClassification, kind: str) -> list[tuple[float, ...]]:
    return sorted(point.x for point in found.points if point.kind == kind)


def test_the_six_hump_camel_has_fifteen_points() -> None:
    found = worked_classification(CAMEL)
    assert found.complete
    assert len(found) == 15
    assert Counter(p.kind for p in found.points) == {MIN: 6, MAX: 2, SADDLE: 7}
    # the two global minima, from the collections of test functions
    best = [p for p in found.points if p.value == found.points[0].value or float(p.value) < -1.0]
    assert sorted(p.x for p in best) == [
        pytest.approx((-0.0898420131003, 0.7126564030207), abs=1e-12),
        pytest.approx((0.0898420131003, -0.7126564030207), abs=1e-12),
    ]
    assert float(best[0].value) == pytest.approx(-1.0316284534899, abs=1e-12)
    checked(found)


def test_himmelblau_has_nine_points() -> None:
    found = worked_classification(HIMMELBLAU)
    assert found.complete
    minima = [(-3.779310, -3.283186), (-2.805118, 3.131313), (3.0, 2.0), (3.584428, -1.848127)]
    assert _numbers(found, MIN) == [pytest.approx(p, abs=1e-5) for p in minima]
    assert _numbers(found, MAX) == [pytest.approx((-0.270845, -0.923039), abs=1e-5)]
    saddles = [(-3.073026, -0.081353), (-0.127961, -1.953715), (0.086678, 2.884255), (3.385154, 0.073852)]
    assert _numbers(found, SADDLE) == [pytest.approx(p, abs=1e-5) for p in saddles]
    checked(found)


@pytest.mark.parametrize(
    "expression", [CAMEL, HIMMELBLAU, sin(x) * sin(y) * sin(x + y)], ids=["camel", "him", "sines"]
)
def test_points_are_critical_and_of_their_index_to_forty_digits(expression: sympy.Expr) -> None:
    """Beside mpmath's arithmetic, which shares nothing with the exact one, and NumPy's eigenvalues."""
    variables = sorted(expression.free_symbols, key=str)
    gradient = [expression.diff(v) for v in variables]
    hessian = sympy.lambdify(variables, sympy.hessian(expression, variables))  # symbols of this file
    found = worked_classification(expression)
    assert found.points
    for point in found.points:
        digits = {v: sympy.N(c, 50) for v, c in zip(variables, point.coordinates, strict=True)}
        assert all(abs(g.evalf(45, subs=digits)) < 1e-40 for g in gradient)
        eigenvalues = np.linalg.eigvalsh(np.array(hessian(*point.x), dtype=float))
        if not point.nullity:
            assert int((eigenvalues < 0).sum()) == point.index
        for value, (low, high) in zip(eigenvalues, point.bounds, strict=True):
            assert low - 1e-9 <= value <= high + 1e-9


def test_another_process_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """What may take long is solved in one, and comes back whole: fields, roots and all."""
    here = worked_classification(CAMEL)
    monkeypatch.setattr("derive.critical_points.finding.AT_ONCE", 0)
    there = worked_classification(CAMEL)
    assert there.complete
    assert [(p.x, p.kind, p.bounds) for p in there.points] == [(p.x, p.kind, p.bounds) for p in here.points]
    curve = worked_classification((1 - w1 * w2) ** 2)
    assert [c.equations for c in curve.continua] == [
        c.equations for c in worked_classification((1 - w1 * w2) ** 2).continua
    ]
    checked(curve)


def test_what_cannot_be_finished_in_time_is_refused() -> None:
    expression = sum((v**2 - 1) ** 2 for v in sympy.symbols("a:h")) + sympy.prod(sympy.symbols("a:h"))
    with pytest.raises(NotationError, match=r"were not solved within 0\.01 s: give a larger time_limit"):
        worked_classification(expression, time_limit=0.01)


# ----------------------------------------------------------------------------------------------------- continua


def test_the_curve_of_two_weights_is_a_valley() -> None:
    found = worked_classification((1 - w1 * w2) ** 2)
    (curve,) = found.continua
    assert (curve.dimension, curve.value, curve.rank) == (1, 0, 1)
    (equation,) = curve.equations
    assert sympy.expand(equation**2 - (1 - found.variables[0] * found.variables[1]) ** 2) == 0
    said = claims_of(found)[3].prose
    assert "every point of the set is a global minimum" in said[0]
    assert "全局极小点" in said[1]


def test_the_rank_on_a_curve_is_the_largest_that_occurs() -> None:
    found = worked_classification((x**2 + y**2 - 1) ** 2 + z**2)
    assert [(c.dimension, c.rank) for c in found.continua] == [(1, 2)]


def test_a_curve_without_real_points_is_none() -> None:
    found = worked_classification((x**2 + y**2 + 1) ** 2)
    assert found.continua == ()
    assert [p.coordinates for p in found.points] == [(0, 0)]


# ------------------------------------------------------------------------------------- what is not known is said


def test_what_sympy_finds_is_not_called_complete() -> None:
    found = worked_classification(x * sympy.log(x))
    assert not found.complete
    assert [p.coordinates for p in found.points] == [(exp(-1),)]
    assert "nothing shows that there are no others" in found.text()
    assert "并未证明没有其他临界点" in found.text("zh")


def test_nothing_found_is_not_called_none() -> None:
    found = worked_classification(x**2 + sin(x))
    assert not found.complete
    if not found.points:
        assert "No critical point was found." in found.text()


def test_given_points_are_classified_and_not_called_complete() -> None:
    found = worked_classification(HIMMELBLAU, points=[(3, 2)])
    assert not found.complete
    assert [(p.kind, p.coordinates) for p in found.points] == [(MIN, (3, 2))]
    assert "whether there are others was not asked" in found.text()
    checked(found)


def test_a_form_that_may_vanish_decides_nothing() -> None:
    """(x² - y²)² is zero along two lines, and x⁶ - 2 y⁶ tells them apart: the lowest form alone cannot."""
    found = worked_classification((x**2 - y**2) ** 2 + x**6 - 2 * y**6, points=[(0, 0)])
    (point,) = found.points
    assert point.kind == "degenerate"
    assert "this decides nothing either" in " ".join(found.text().split())
    checked(found)


# --------------------------------------------------------------------------------------- wrong lines are caught


def _changed(point: WorkedPoint, **fields: Any) -> WorkedPoint:
    return replace(point, **fields)


WRONG: dict[str, tuple[sympy.Expr, Callable[[WorkedPoint], WorkedPoint]]] = {
    "a coordinate": (
        x * y * (1 - x - y),
        lambda p: _changed(p, coordinates=(p.coordinates[0] + R(1, 10**6), p.coordinates[1])),
    ),
    "an entry of the Hessian": (
        x * y * (1 - x - y),
        lambda p: _changed(p, hessian=((p.hessian[0][0] + 1, p.hessian[0][1]), p.hessian[1])),
    ),
    "the value": (x * y * (1 - x - y) + 1, lambda p: _changed(p, value=p.value + R(1, 10**6))),
    "an eigenvalue": (x * y, lambda p: _changed(p, eigenvalues=(-1, 2))),
    "the order of the remainder": (x**2 + y**2 + x**3, lambda p: _changed(p, remainder=4)),
    "the squares": (
        x * y,
        lambda p: _changed(p, squares=replace(p.squares, d=tuple(-d for d in p.squares.d))),  # type: ignore[type-var,union-attr]
    ),
    "the leading term": (
        x**4 + y**2,
        lambda p: _changed(
            p, leading=replace(p.leading, curves=tuple(replace(c, value=-c.value) for c in p.leading.curves))  # type: ignore[type-var,union-attr]
        ),
    ),
    "a minimum that is none": (x**2 - y**2, lambda p: _changed(p, kind=MIN, index=0, nullity=0)),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_line_is_caught(case: str) -> None:
    expression, change = WRONG[case]
    found = worked_classification(expression)
    point = found.points[-1] if case != "an eigenvalue" else found.points[0]
    assert check_derivation(point_claim(found.expression, found.variables, point)).outcome == "holds"
    if case == "a minimum that is none":
        # the bound that would be claimed of a form of both signs is not found, so nothing is claimed
        chains = point_claim(found.expression, found.variables, change(point)).chains
        assert all(step.relation != "≥" for chain in chains for step in chain.steps)
        return
    assert check_derivation(point_claim(found.expression, found.variables, change(point))).outcome == "fails"


def test_a_wrong_result_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A solver that is off by one entry: nothing leaves the toolkit."""
    import derive.critical_points.worked as module

    right = module.classified

    def wrong(*arguments: Any, **options: Any) -> WorkedPoint:
        point = right(*arguments, **options)
        return replace(point, hessian=((point.hessian[0][0], point.hessian[0][1] + 1), point.hessian[1]))

    monkeypatch.setattr(module, "classified", wrong)
    found = worked_classification(x**2 + 3 * x * y + y**2)
    for write in (found.text, found.latex, found.html, found.markdown):
        with pytest.raises(DerivationError, match="a check of this derivation disagrees, so it is not printed"):
            write()


# ---------------------------------------------------------------------------------------------------- documents


def test_every_format_says_the_verdict_in_both_languages() -> None:
    found = worked_classification((y - x**2) * (y - 2 * x**2))
    for lang, verdict in (("en", "a saddle"), ("zh", "鞍点")):
        for write in (found.text, found.latex, found.html, found.markdown):
            assert verdict in write(lang=lang)
    assert evidence_for(found).outcome == "holds"


def test_algebraic_numbers_are_written_by_their_digits() -> None:
    text = worked_classification(x**5 / 5 - x**2 / 2 - x + y**2).text()
    assert "1.220744084…" in text
    assert "RealAlgebraic" not in text
    assert "CRootOf" not in text


def test_names_that_are_taken_are_avoided() -> None:
    f, v, t, g, h = sympy.symbols("f v t g H_11")
    found = worked_classification(f**4 + v**2 + t**2 + g**2 + h**2, symbols=(f, v, t, g, h))
    assert [p.kind for p in found.points] == [MIN]
    checked(found)


# ------------------------------------------------------------------------------------------- what can be given


def test_a_numpy_function_is_traced() -> None:
    def loss(w: Any) -> Any:
        return (w[0] ** 2 - 1) ** 2 + np.sum(w**2)

    found = worked_classification(loss, shapes={"w": ("n",)}, sizes={"n": 2})
    assert {p.coordinates for p in found.points} == {(sqrt(2) / 2, 0), (-sqrt(2) / 2, 0), (0, 0)}
    checked(found)


def test_a_program_and_an_entry_are_taken() -> None:
    by_id = worked_classification("land-two-weight-example")
    assert [p.coordinates for p in by_id.points] == [(0, 0)]
    assert len(by_id.continua) == 1
    from derive.definitions import define
    from derive.notation import name

    u = tensor("u")
    program = Program.of([u], define(name("L"), u**2 - u))
    assert [p.coordinates for p in worked_classification(program).points] == [(R(1, 2),)]


def test_a_positive_variable_keeps_its_domain() -> None:
    p = sympy.Symbol("p", positive=True)
    found = worked_classification(p**3 - p)
    assert [point.coordinates for point in found.points] == [(sqrt(3) / 3,)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((abs(x),), "Abs\\(x\\) has a kink"),
        ((sympy.Piecewise((x, x > 0), (0, True)),), "has a kink"),
        ((sympy.gamma(x),), "gamma has no law of differentiation"),
        ((sympy.I * x,), "no real function"),
        ((x / 0,), "no real function"),
        ((sympy.Integer(3), [x]), "is constant"),
        ((sympy.Integer(3),), "has no variable"),
        ((x * y, [x]), "y is none of the symbols"),
        ((x**2, [sympy.Symbol("x y")]), "an identifier, not 'x y'"),
        ((x**2, [sympy.Symbol("lambda")]), "an identifier, not 'lambda'"),
        ((3,), "the expression is one of SymPy's"),
        (("nonsense",), "there is no formula 'nonsense'"),
        ((x**2 + y**2, None, [(0, 1)]), r"\(0, 1\) is no critical point: the derivative in y is 2 there"),
        ((x**2, None, [(0, 0)]), "has 2 coordinates, not those of x"),
        ((x**2, None, [("0",)]), "a coordinate is a number"),
        ((x**2, None, [(sympy.I,)]), "a coordinate is a real number"),
        ((lambda w: np.sum(w**2), None, None), "needs the shapes"),
    ],
)
def test_what_is_refused(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(NotationError, match=message):
        worked_classification(*arguments)


def test_sizes_are_asked_for_and_looked_at() -> None:
    def loss(w: Any) -> Any:
        return np.sum(w**2)

    with pytest.raises(NotationError, match=r"the length of the axis n is not known: sizes=\{'n': 2, …\}"):
        worked_classification(loss, shapes={"w": ("n",)})
    with pytest.raises(NotationError, match="m is no length that is left open"):
        worked_classification(loss, shapes={"w": ("n",)}, sizes={"n": 2, "m": 3})
    with pytest.raises(NotationError, match="shapes and sizes belong to a NumPy function"):
        worked_classification(x**2, sizes={"n": 2})


def test_a_job_that_fails_says_so() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "derive.critical_points.limited"], input=b"nothing", capture_output=True, check=False
    )
    assert done.returncode != 0


def test_eigenvalues_of_several_terms_keep_their_signs() -> None:
    text = worked_classification((x**2 - 1) ** 2 + y**2 - x * y).latex()
    assert r"\sqrt{241}" in text
    assert "+ -" not in text
