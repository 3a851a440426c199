"""Krawczyk's test: what it says of a box is true, whatever the box; and what it cannot know it does not say."""

from __future__ import annotations

import numpy as np
import pytest
import sympy

from verify.critical.expression import subject_of
from verify.critical.proof import krawczyk as module
from verify.critical.proof.enclosure import Evaluator
from verify.critical.proof.krawczyk import krawczyk, nested

x, y, z = sympy.symbols("x y z", real=True)

# Functions with all of their critical points in the plane, exactly.
FUNCTIONS = {
    "wells": ((x**2 - 1) ** 2 + (y**2 - 4) ** 2, [(a, b) for a in (-1, 0, 1) for b in (-2, 0, 2)]),
    "waves": (sympy.cos(sympy.pi * x) * sympy.cosh(y / 4), [(float(k), 0.0) for k in range(-30, 31)]),
    "turned": ((x + y) ** 2 + ((x - y) ** 2 - 1) ** 2 / 8, [(0, 0), (0.5, -0.5), (-0.5, 0.5)]),
    "ill-scaled": (1e6 * (x - 1) ** 2 + (y + 2) ** 2 * 1e-3 + x * y / 100, None),
}


def evaluator(name: str) -> tuple[Evaluator, np.ndarray]:
    expression, points = FUNCTIONS[name]
    if points is None:
        solved = sympy.solve([expression.diff(x), expression.diff(y)], [x, y])
        points = [(float(solved[x]), float(solved[y]))]
    return Evaluator(subject_of(expression, symbols=[x, y]).tape), np.array(points, float)


def inside(points: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    return np.flatnonzero(((points > lower) & (points < upper)).all(axis=1))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_is_said_of_random_boxes_is_true(name: str) -> None:
    function, points = evaluator(name)
    rng = np.random.default_rng(11)
    k = 4000
    near = points[rng.integers(len(points), size=k)]
    size = 10.0 ** rng.uniform(-8, 0.5, (k, 2))
    middle = near + size * rng.uniform(-1.5, 1.5, (k, 2))
    lower, upper = middle - size, middle + size
    found = krawczyk(function, lower, upper)
    held, inner = ([inside(points, a - slack, b + slack) for a, b in zip(lower, upper, strict=True)]
                   for slack in (1e-12, -1e-12))  # fmt: skip
    assert all(len(inner[i]) == 0 for i in np.flatnonzero(found.none))
    assert all(len(held[i]) == 1 for i in np.flatnonzero(found.one))
    for i in np.flatnonzero(~found.none):
        for point in points[inner[i]]:  # no zero is cut off
            assert np.all(found.lower[i] <= point + 1e-12)
            assert np.all(found.upper[i] >= point - 1e-12)
    assert found.one.mean() > 0.1  # and it says something
    assert found.none.mean() > 0.1


def test_a_box_with_two_points_is_never_called_one() -> None:
    function, _ = evaluator("wells")
    lower, upper = np.array([[-1.5, 1.5]]), np.array([[0.5, 2.5]])
    assert not krawczyk(function, lower, upper).one[0]


def test_a_double_zero_is_never_called_one() -> None:
    function = Evaluator(subject_of(x**3 + y**2, symbols=[x, y]).tape)
    sizes = 10.0 ** -np.arange(0, 15)
    boxes = np.stack([sizes, sizes], axis=1)
    found = krawczyk(function, -0.7 * boxes, boxes)
    assert not found.one.any()
    assert not found.none.any()


def test_where_there_is_no_derivative_nothing_is_said() -> None:
    kink = Evaluator(subject_of(sympy.Abs(x) + (y - 1) ** 2, symbols=[x, y]).tape)
    pole = Evaluator(subject_of(1 / x**2 + y**2, symbols=[x, y]).tape)
    lower, upper = np.array([[-0.3, 0.5]]), np.array([[0.5, 1.6]])
    for function in (kink, pole):
        found = krawczyk(function, lower, upper)
        assert not found.one[0]
        assert not found.none[0]
        assert np.array_equal(found.lower, lower)
        assert np.array_equal(found.upper, upper)


def test_nested_boxes_hold_the_point_and_reach_far() -> None:
    function, points = evaluator("wells")
    proved, low, high, inner_low, inner_high = nested(function, points + 1e-11, np.array([2.0, 2.0]))
    assert proved.all()
    assert np.all((inner_low <= points) & (points <= inner_high))
    assert np.all(inner_high - inner_low < 1e-10)
    assert np.all(high - low > 0.1)  # the region saves work
    for a, b in zip(low, high, strict=True):
        assert ((points >= a) & (points <= b)).all(axis=1).sum() == 1


@pytest.mark.parametrize("planted", ["no rounding", "gradient at the middle is exact", "Hessian at the middle only"])
def test_a_weaker_bound_is_caught(planted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the bounds are made of is needed: without one part, a false statement is made somewhere."""
    function, points = evaluator("wells")
    if planted == "no rounding":
        monkeypatch.setattr(module, "UNIT", 0.0)
        monkeypatch.setattr(module, "LEAST", 0.0)
        monkeypatch.setattr(module, "up", lambda v: v)
        monkeypatch.setattr(module, "down", lambda v: v)
        monkeypatch.setattr("verify.critical.proof.intervals.up", lambda v, *_, **__: v)
        monkeypatch.setattr("verify.critical.proof.intervals.down", lambda v, *_, **__: v)
    elif planted == "gradient at the middle is exact":
        whole = Evaluator.gradients

        def shifted(self: Evaluator, lower: np.ndarray, upper: np.ndarray) -> object:
            found = whole(self, lower, upper)
            object.__setattr__(found, "lower", found.lower + 1e-9)
            object.__setattr__(found, "upper", found.upper + 1e-9)
            return found

        monkeypatch.setattr(Evaluator, "gradients", shifted)
    else:
        whole_hessians = Evaluator.hessians
        monkeypatch.setattr(
            Evaluator,
            "hessians",
            lambda self, a, b: whole_hessians(self, 0.5 * (a + b), 0.5 * (a + b)),
        )
    rng = np.random.default_rng(2)
    k = 20_000
    near = points[rng.integers(len(points), size=k)]
    size = 10.0 ** rng.uniform(-16 if planted == "no rounding" else -11, 0.3, (k, 2))
    side = rng.choice([-1.0, 1.0], (k, 2))
    middle = near + side * size * (1 - 1e-3 * rng.random((k, 2)))  # the point is just inside
    lower, upper = np.minimum(middle - size, near), np.maximum(middle + size, near)
    found = krawczyk(function, lower, upper)
    false = found.none.any()
    several = [((points >= a) & (points <= b)).all(axis=1).sum() for a, b in zip(lower, upper, strict=True)]
    false |= bool(np.any(found.one & (np.array(several) != 1)))
    kept = ~found.none
    false |= bool(np.any(kept[:, None] & ((near < found.lower) | (near > found.upper))))
    assert false
