"""The user's entry: what is found, how sure it is, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy

from verify.critical.find import classify, find_critical_points
from verify.critical.problem import box_of

x, y = sympy.symbols("x y", real=True)
CAMEL = (4 - sympy.Rational(21, 10) * x**2 + x**4 / 3) * x**2 + x * y + (-4 + 4 * y**2) * y**2


def kinds(points: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    for point in points:
        found[point.kind] = found.get(point.kind, 0) + 1
    return found


def test_the_camel_s_fifteen_points_are_proved_complete() -> None:
    points = find_critical_points(CAMEL, [(-5, 5), (-5, 5)])
    assert points.complete
    assert kinds(points) == {"minimum": 6, "saddle": 7, "maximum": 2}
    assert all(point.certified for point in points)
    assert sum((-1) ** point.index for point in points) == 1  # Morse: f is coercive
    values = [round(point.value, 12) for point in points]
    assert values == sorted(values)
    # the global minimum, as published (to 15 digits), and as Newton's method in 30 digits gives it
    assert points[0].value == pytest.approx(-1.031628453489877, abs=1e-14)
    np.testing.assert_allclose(abs(points[0].x), [0.0898420131003180624, 0.712656403020739633], rtol=1e-14)
    for point in points:
        assert point.enclosure is not None
        assert np.all((point.enclosure[0] <= point.x) & (point.x <= point.enclosure[1]))
        assert point.gradient_norm < 1e-12
        exact = sympy.hessian(CAMEL, (x, y)).subs({x: point.x[0], y: point.x[1]})
        values = np.linalg.eigvalsh(np.array(exact.tolist(), float))
        np.testing.assert_allclose(point.eigenvalues, values, rtol=1e-9)
        assert np.all((point.spectrum.lower <= values + 1e-9) & (values - 1e-9 <= point.spectrum.upper))


def test_a_box_by_names() -> None:
    points = find_critical_points(CAMEL, {"y": (0, 2), "x": (-1, 1)})
    assert points.names == ("y", "x")
    assert all(abs(point.x[1]) <= 1 for point in points)
    assert {point.kind for point in points} == {"minimum", "saddle"}


def test_a_numpy_function_is_searched_with_proof() -> None:
    def f(w: np.ndarray) -> Any:
        return (w[0] ** 2 - 1) ** 2 + w[1] ** 2

    points = find_critical_points(f, [(-2, 2), (-2, 2)])
    assert points.complete
    assert kinds(points) == {"minimum": 2, "saddle": 1}


def test_the_two_weight_example() -> None:
    points = find_critical_points((1 - x * y) ** 2, [(-3, 3.1), (-3, 3.1)])
    assert not points.complete
    assert kinds(points) == {"saddle": 1}
    np.testing.assert_allclose(points[0].x, 0, atol=1e-12)
    np.testing.assert_allclose(points[0].eigenvalues, [-2, 2], rtol=1e-12)
    assert points[0].certified
    assert [one.dimension for one in points.components] == [1, 1]
    for one in points.components:
        np.testing.assert_allclose(one.points.prod(axis=1), 1, rtol=1e-9)
        assert one.value == pytest.approx(0, abs=1e-18)


@pytest.mark.parametrize("at", [sympy.acos(sympy.Rational(1, 3)), sympy.cbrt(2)])
def test_a_degenerate_point_is_not_certified_where_nothing_exact_is_known_of_it(at: sympy.Expr) -> None:
    """The point is at no place that the function names: 3 cos x - 1, expanded polynomials."""
    f = sympy.expand((x**3 - 2) ** 4) if at == sympy.cbrt(2) else (3 * sympy.cos(x) - 1) ** 4 * (1 + x)
    points = find_critical_points(f + y**2, [(0.5, 4), (-1, 1.7)])
    assert not points.complete
    near = [point for point in points if abs(point.x[0] - float(at)) < 1e-3]
    assert len(near) <= 1
    for one in near:
        assert one.kind == "degenerate"
        assert not one.certified
        assert one.nullity >= 1
    assert any(np.all((box.lower <= [float(at), 0]) & (box.upper >= [float(at), 0])) for box in points.undecided)


@pytest.mark.parametrize(("f", "none"), [(sympy.sqrt(x - 2), True), (sympy.log(x), False), (sympy.exp(x), False)])
def test_it_is_said_where_f_has_no_value_in_the_box(f: sympy.Expr, none: bool) -> None:
    points = find_critical_points(f, [(-1, 1)])
    assert points.complete
    assert not len(points)
    assert ("f has a value at none of" in str(points)) == none


def test_a_point_on_the_edge_of_the_box_is_listed() -> None:
    points = find_critical_points(x**2 + y**2, [(0, 2), (0, 2)])
    assert len(points) == 1
    assert points[0].note == "on the edge of the box"
    beyond = find_critical_points(x**2 + y**2, [(1e-9, 2), (0, 2)])
    assert len(beyond) == 0
    assert beyond.complete


def test_no_points_at_all() -> None:
    points = find_critical_points(x + sympy.exp(y), [(-5, 5), (-5, 5)])
    assert points.complete
    assert len(points) == 0


def test_one_variable_and_four() -> None:
    one = find_critical_points(sympy.sin(x) / x, [(0.5, 20)])
    assert one.complete
    assert kinds(one) == {"minimum": 3, "maximum": 2}  # tan x = x: 4.49, 7.73, 10.9, 14.1, 17.2
    four = sympy.symbols("a b c d", real=True)
    points = find_critical_points(sum(v**4 - 16 * v**2 + 5 * v for v in four) / 2, [(-5, 5)] * 4)
    assert points.complete
    assert len(points) == 81
    by_index = [sum(point.index == k for point in points) for k in range(5)]
    assert by_index == [16, 32, 24, 8, 1]


def test_a_time_limit_gives_what_was_found() -> None:
    points = find_critical_points(CAMEL, [(-5, 5), (-5, 5)], time_limit=1e-9)
    assert not points.complete
    assert "time limit" in points.stopped
    assert points.undecided


def test_the_same_seed_gives_the_same_answer() -> None:
    one, other = (find_critical_points(CAMEL, [(-5, 5), (-5, 5)], seed=4) for _ in range(2))
    assert all(np.array_equal(a.x, b.x) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(
    ("box", "message"),
    [
        ([(0, 0), (0, 1)], "box has x from 0.0 to 0.0: expected a lower end below"),
        ([(1, 0), (0, 1)], "expected a lower end below"),
        ([(0, np.inf), (0, 1)], "expected finite ends"),
        ([(0, np.nan), (0, 1)], "expected finite ends"),
        ([(0, 1, 2), (0, 1)], "expected \\(lower, upper\\)"),
        ([(0, 1)], "the box has 1 coordinates"),
        ({"x": (0, 1), "z": (0, 1)}, "f depends on y"),
    ],
)
def test_boxes_that_are_none(box: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        find_critical_points(CAMEL, box, certify=True)


def test_what_cannot_be_certified_is_refused() -> None:
    many = sympy.symbols("v0:12", real=True)
    with pytest.raises(ValueError, match="at most 10 can be certified"):
        find_critical_points(sum(v**2 for v in many), [(-1, 1)] * 12, certify=True)
    with pytest.raises(ValueError, match="a proof needs a box"):
        find_critical_points(CAMEL, certify=True)
    with pytest.raises(ValueError, match="certify is 'yes'"):
        find_critical_points(CAMEL, [(-1, 1)] * 2, certify="yes")

    def opaque(w: np.ndarray) -> float:
        return float(np.sort(w)[0] ** 2) if w[0] > 0 else float(w @ w)

    with pytest.raises(ValueError, match="cannot be traced"):
        find_critical_points(opaque, [(-1, 1)] * 2, certify=True)


def test_a_trace_that_differs_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = sympy.symbols("w_0 w_1", real=True)
    traced = (first**2 + second**2, [first, second])
    monkeypatch.setattr("verify.critical.expression._traced", lambda f, dimension: traced)
    assert len(find_critical_points(lambda w: w[0] ** 2 + w[1] ** 2, [(-1, 1)] * 2)) == 1
    with pytest.raises(ValueError, match=r"f cannot be traced: at .* it gives"):
        find_critical_points(lambda w: w[0] ** 2 + 2 * w[1] ** 2, [(-1, 1)] * 2, certify=True)


def test_box_of_names() -> None:
    lower, upper = box_of({"b": (0, 1), "a": (2, 3)}, ("a", "b"))
    assert lower.tolist() == [2, 0]
    assert upper.tolist() == [3, 1]


def test_the_loss_of_a_network() -> None:
    """One linear unit after another: the saddle at the origin, and no proof."""
    from verify.critical.losses.networks import apply, flat_loss
    from verify.layers import affine, mse

    X = np.random.default_rng(2).normal(size=(6, 1))
    loss = flat_loss(
        apply(mse, apply(affine, apply(affine, X, "W1"), "W2"), 2 * X),
        {"W1": np.zeros((1, 1)), "W2": np.zeros((1, 1))},
    )
    points = find_critical_points(loss, [(-2, 2), (-2, 2.1)], seed=1)
    assert points.names == ("W1[0, 0]", "W2[0, 0]")
    assert not points.complete
    saddles = [point for point in points if point.kind == "saddle"]
    assert [point.index for point in saddles] == [1]
    np.testing.assert_allclose(saddles[0].x, 0, atol=1e-9)
    assert points.components  # W1 W2 = 2
    for one in points.components:
        np.testing.assert_allclose(one.points.prod(axis=1), 2, rtol=1e-6)
    assert classify(loss, [0.0, 0.0]).index == 1


def test_a_numerical_search_says_what_it_rests_on() -> None:
    def opaque(w: np.ndarray) -> float:
        return float((w[0] ** 2 - 1) ** 2 + w[1] ** 2) if np.isfinite(w[0]) else 0.0

    points = find_critical_points(opaque, [(-2, 2), (-2, 2.1)])
    assert not points.complete
    assert kinds(points) == {"minimum": 2, "saddle": 1}
    assert "cannot be traced" in points.evidence[0]
    assert points.cost.function > 0


def test_an_expression_without_a_box_is_searched_with_its_own_derivatives() -> None:
    points = find_critical_points((x**2 - 1) ** 2 + y**2, start=[0.3, 0.2])
    assert kinds(points) == {"minimum": 2, "saddle": 1}
    assert points.names == ("x", "y")
    assert points.cost.hessian > 0


def test_wrong_derivatives_are_refused_even_where_there_is_a_proof() -> None:
    from verify.critical.objectives.wrong import WrongDerivative

    def f(w: np.ndarray) -> Any:
        return w[0] ** 2 + 3 * w[1] ** 2

    for certify in (None, True, False):
        with pytest.raises(WrongDerivative, match="gradient"):
            find_critical_points(
                f, [(-1, 1), (-1, 2)], gradient=lambda w: np.array([2 * w[0], 3 * w[1]]), certify=certify
            )


def test_arrays_that_a_function_reads_are_numbers() -> None:
    data = np.array([-1.0, 0.5, 2.0])

    def f(w: np.ndarray) -> Any:
        return np.mean((w[1] * np.tanh(w[0] * data) - data) ** 2)

    points = find_critical_points(f, [(-3, 3), (-3, 3.1)])
    assert points.names == ("w_0", "w_1")
    assert points.complete
    assert [point.index for point in points if point.kind == "saddle"] == [1]


def test_search_paths_lead_to_the_points_that_were_found() -> None:
    def himmelblau(w: np.ndarray) -> float:
        return float((w[0] ** 2 + w[1] - 11) ** 2 + (w[0] + w[1] ** 2 - 7) ** 2)

    points = find_critical_points(himmelblau, [(-6, 6), (-5, 6)], certify=False)
    assert len(points) == 9
    ends = np.array([path[-1] for path in points.paths])
    for point in points:
        assert np.linalg.norm(ends - point.x, axis=1).min() < 0.05
