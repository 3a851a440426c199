"""What kind of point one is, by proof and by measurement."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy

from verify.critical.find import classify

x, y, z = sympy.symbols("x y z", real=True)
CAMEL = (4 - sympy.Rational(21, 10) * x**2 + x**4 / 3) * x**2 + x * y + (-4 + 4 * y**2) * y**2

NEAR = "degenerate, near by"
# expression, point, kind, index, nullity, whether it is proved
CASES: dict[str, tuple[Any, list[float], str, int, int, bool]] = {
    "minimum": (x**2 + y**2, [0, 0], "minimum", 0, 0, True),
    "maximum": (-(x**2) - y**2, [0, 0], "maximum", 2, 0, True),
    "saddle": (x * y, [0, 0], "saddle", 1, 0, True),
    "saddle of index 2": (x**2 - y**2 - z**2, [0, 0, 0], "saddle", 2, 0, True),
    "the camel's global minimum, by seven digits": (CAMEL, [0.0898420, -0.7126564], "minimum", 0, 0, True),
    "saddle at an irrational point": (sympy.sin(x) * sympy.cos(y), [np.pi, np.pi / 2], "saddle", 1, 0, True),
    "huge scale": (1e100 * (x**2 - y**2), [0, 0], "saddle", 1, 0, True),
    "tiny scale": (1e-100 * (x**2 - y**2), [0, 0], "saddle", 1, 0, True),
    "not critical": (CAMEL, [0.09, -0.71], "not critical", 0, 0, True),
    "no value, no gradient near": (1 / x + y, [0, 1], "not critical", 0, 2, True),
    "degenerate minimum": (x**4 + y**2, [0, 0], "minimum", 0, 1, True),
    "degenerate saddle": (x**2 - y**4, [0, 0], "saddle", 0, 1, True),
    "monkey saddle": (x**3 - 3 * x * y**2, [0, 0], "saddle", 0, 2, True),
    "both signs and a zero": (x**2 - y**2 + z**4, [0, 0, 0], "saddle", 1, 1, True),
    NEAR: (x**4 + y**4, [1e-7, -1e-7], "minimum", 0, 2, True),
    "degenerate at a root of 2": ((x**2 - 2) ** 2 * x**2 + y**4, [2**0.5, 0], "degenerate", 0, 1, False),
    "on a circle of minima": ((x**2 + y**2 - 1) ** 2, [1, 0], "degenerate", 0, 1, False),
    "kink": (sympy.Abs(x) + y**2, [0, 0], "undecided", 0, 1, False),
}


@pytest.mark.parametrize("name", CASES)
def test_an_expression(name: str) -> None:
    expression, at, kind, index, nullity, proved = CASES[name]
    found = classify(expression, at)
    assert found.kind == kind, found.note
    assert found.certified == proved
    if kind != "not critical":
        assert (found.index, found.nullity) == (index, nullity)
    if kind in ("minimum", "maximum", "saddle") and proved:
        assert found.enclosure is not None
        lower, upper = found.enclosure
        assert np.all((lower <= found.x) & (found.x <= upper))
        assert found.spectrum.proved
    else:
        assert found.note


@pytest.mark.parametrize("name", [name for name in CASES if name not in ("kink", "no value, no gradient near", NEAR)])
@pytest.mark.parametrize("given", ["gradient and Hessian", "gradient", "values"])
def test_callables(name: str, given: str) -> None:
    expression, at, kind, index, nullity, _ = CASES[name]
    symbols = sorted(expression.free_symbols, key=str)
    steps = [sympy.lambdify(symbols, part, "numpy") for part in (
        expression, [expression.diff(v) for v in symbols], sympy.hessian(expression, symbols)
    )]  # fmt: skip
    f, g, H = (lambda w, one=one: np.array(one(*w), float)[()] for one in steps)
    derivatives: dict[str, Any] = {}
    if given != "values":
        derivatives["gradient"] = g
    if given == "gradient and Hessian":
        derivatives["hessian"] = H
    found = classify(f, at, certify=False, **derivatives)
    assert not found.certified
    assert not found.spectrum.proved
    # derivatives of higher order are not measured
    assert found.kind == ("degenerate" if nullity and not index else kind), found.note
    if kind != "not critical":
        assert (found.index, found.nullity) == (index, nullity)


def test_the_distance_that_counts_can_be_said() -> None:
    assert classify(CAMEL, [0.09, -0.71]).kind == "not critical"
    found = classify(CAMEL, [0.09, -0.71], within=1e-2)
    assert found.kind == "minimum"
    assert found.certified
    assert abs(found.x[0]) == pytest.approx(0.08984201310031806, abs=1e-15)


def test_a_wrong_hessian_is_refused() -> None:
    from verify.critical.objectives.wrong import WrongDerivative

    with pytest.raises(WrongDerivative, match="hessian"):
        classify(
            lambda w: float(w[0] ** 2 - 3 * w[1] ** 2),
            [0.0, 0.0],
            gradient=lambda w: np.array([2 * w[0], -6 * w[1]]),
            hessian=lambda w: np.diag([2.0, 6.0]),
        )


@pytest.mark.parametrize(
    ("point", "message"),
    [
        ([0, np.nan], "expected a vector of finite numbers"),
        ([[0, 1]], "expected a vector"),
        ([0, 1, 2], "has 3|have"),
    ],
)
def test_points_that_are_none(point: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        classify(CAMEL, point)


def test_no_value_at_the_point() -> None:
    def f(w: np.ndarray) -> float:
        return float(np.log(w[0])) if w[0] > 0 else float("nan")

    with pytest.raises(ValueError, match=r"not finite|NaN|nan"):
        classify(f, [-1.0], certify=False)


def test_rigor() -> None:
    pytest.importorskip("flint")
    found = classify(CAMEL, [0, 0], certify="rigor")
    assert (found.kind, found.certified) == ("saddle", True)
