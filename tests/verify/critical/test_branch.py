"""Branch and prune: nothing is lost, everything that is said is true, and what cannot be settled is left."""

from __future__ import annotations

import time

import numpy as np
import pytest
import sympy

from verify.critical.expression import subject_of
from verify.critical.proof import branch as module
from verify.critical.proof.branch import Known, branch, cut, within
from verify.critical.proof.enclosure import Evaluator

x, y, z = sympy.symbols("x y z", real=True)


def found(expression: sympy.Expr, box: list[tuple[float, float]], **options: object) -> module.Result:
    lower, upper = np.array(box, float).T
    symbols = sorted(expression.free_symbols, key=str)
    return branch(Evaluator(subject_of(expression, symbols=symbols).tape), lower, upper, **options)  # type: ignore[arg-type]


def test_cuts_cover_the_box_and_miss_its_middle() -> None:
    rng = np.random.default_rng(0)
    lower = rng.normal(size=(50, 3))
    upper = lower + 10.0 ** rng.uniform(-6, 2, (50, 3))
    low, high = cut(lower, upper, rng.random((50, 3)), np.ones(3))
    for k in range(50):
        one, other = (low[k], high[k]), (low[50 + k], high[50 + k])
        axis = int(np.argmax(one[1] < upper[k]))
        assert one[1][axis] == other[0][axis]  # they share a face, so that nothing lies between
        assert np.array_equal(one[0], lower[k])
        assert np.array_equal(other[1], upper[k])
        assert one[1][axis] != 0.5 * (lower[k] + upper[k])[axis]


def test_a_far_wider_coordinate_is_cut_first() -> None:
    lower, upper = np.zeros((1, 2)), np.array([[1e-6, 1.0]])
    low, _ = cut(lower, upper, np.array([[1.0, 0.5]]), np.ones(2))
    assert low[1, 1] > 0
    assert low[1, 0] == 0


def test_within_is_what_a_loop_says(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    monkeypatch.setattr(module, "PAIRS", 500)  # several parts
    regions = np.sort(rng.normal(size=(40, 2, 3)), axis=1)
    lower = rng.normal(size=(300, 3)) / 2
    upper = lower + rng.random((300, 3)) / 5
    slow = [any(np.all((a >= r[0]) & (b <= r[1])) for r in regions) for a, b in zip(lower, upper, strict=True)]
    assert within(lower, upper, regions).tolist() == slow
    assert 10 < sum(slow) < 290
    assert not within(lower, upper, regions[:0]).any()


def test_a_point_is_known_once() -> None:
    known = Known(1)
    region = np.array([[[-1.0], [1.0]], [[-0.5], [0.5]], [[2.0], [3.0]]])
    enclosure = np.array([[[-1e-9], [1e-9]], [[-1e-8], [1e-8]], [[2.5], [2.5]]])
    known.add(region, enclosure)
    known.add(region, enclosure)
    assert known.x.ravel().tolist() == [0.0, 2.5]


GRID = {
    "wells": (sum((v**2 - 1) ** 2 for v in (x, y, z)), [(-2, 2.1)] * 3, 27),
    "waves": (sympy.sin(3 * x) + sympy.cos(2 * y), [(-2, 2.1), (-2, 2.1)], 4 * 3),
    "coupled": ((x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2, [(-6, 6)] * 2, 9),
}


@pytest.mark.parametrize("name", GRID)
def test_without_newton_the_search_alone_finds_all(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Newton's starts only save work."""
    expression, box, count = GRID[name]
    whole = found(expression, box)
    monkeypatch.setattr(module.Search, "seeded", lambda self, starts: None)
    bare = found(expression, box)
    for result in (whole, bare):
        inside = [np.all((p >= [a for a, _ in box]) & (p <= [b for _, b in box])) for p in result.known.x]
        assert sum(inside) == count
        assert not result.left
        assert not result.continua
    assert bare.looked_at > whole.looked_at


def test_regions_hold_one_point_each() -> None:
    expression, box, _ = GRID["coupled"]
    result = found(expression, box)
    for region in result.known.regions:
        inside = [np.all((p >= region[0]) & (p <= region[1])) for p in result.known.x]
        assert sum(inside) == 1


@pytest.mark.parametrize("seed", range(3))
def test_the_points_do_not_depend_on_the_seed(seed: int) -> None:
    expression, box, _ = GRID["waves"]
    points = np.array(sorted(found(expression, box, seed=seed).known.x.round(9).tolist()))
    reference = np.array(sorted(found(expression, box, seed=99).known.x.round(9).tolist()))
    lower, upper = np.array(box).T
    points, reference = (p[np.all((p >= lower) & (p <= upper), axis=1)] for p in (points, reference))
    np.testing.assert_allclose(points, reference, atol=1e-8)


def test_a_curve_is_set_aside_in_one_piece() -> None:
    result = found((x**2 + y**2 - 1) ** 2, [(-1.5, 2)] * 2)
    assert len(result.continua) == 1
    assert result.continua[0].dimension == 1
    np.testing.assert_allclose(np.linalg.norm(result.continua[0].points, axis=1), 1, atol=1e-9)
    assert len(result.known.x) == 1  # the centre, a maximum
    assert not result.left
    assert result.looked_at < 5000


def test_two_curves_are_two() -> None:
    result = found((1 - x * y) ** 2, [(-3, 3.1)] * 2)
    assert [one.dimension for one in result.continua] == [1, 1]
    assert len(result.known.x) == 1


def test_a_degenerate_point_is_left_small() -> None:
    result = found(x**4 + y**4, [(-1, 2)] * 2)
    assert not result.known.x.size
    assert not result.continua
    (left,) = result.left
    assert left.reason == module.DEGENERATE
    assert np.all(left.upper - left.lower < 1e-6)
    assert np.all(np.abs(left.lower) < 1e-6)


def test_flat_parts_are_not_cut() -> None:
    result = found(sympy.Max(x, 0) + 0 * y, [(-1, 2)])
    reasons = {boxes.reason for boxes in result.left}
    assert module.CONSTANT in reasons
    assert result.looked_at < 2000


def test_underflow_is_said_and_not_searched() -> None:
    result = found(x * sympy.exp(-(x**2)), [(-100, 110)])
    assert len(result.known.x) == 2
    assert {boxes.reason for boxes in result.left} == {module.UNDERFLOW}


def test_an_edge_of_the_domain_costs_little() -> None:
    barrier = -sympy.log(1 - x) - sympy.log(1 + x) + x
    result = found(barrier, [(-1, 1)])
    assert len(result.known.x) == 1
    assert not result.left


def test_a_pole_is_left() -> None:
    result = found(1 / sympy.sqrt(x**2 + y**2), [(-1, 2)] * 2)
    assert {boxes.reason for boxes in result.left} == {module.EDGE}
    assert not result.known.x.size


def test_a_kink_is_left_where_the_gradient_jumps_across_zero() -> None:
    result = found(sympy.Abs(x) + (y - 1) ** 2 + x / 2, [(-1, 2)] * 2)
    assert {boxes.reason for boxes in result.left} == {module.KINK}
    steep = found(sympy.Abs(x) + (y - 1) ** 2 + 2 * x, [(-1, 2)] * 2)
    assert not steep.left  # the slopes are 1 and 3


def test_a_deadline_leaves_the_rest() -> None:
    lower, upper = np.array([-2.0] * 3), np.array([2.1] * 3)
    function = Evaluator(subject_of(GRID["wells"][0]).tape)
    result = branch(function, lower, upper, deadline=time.monotonic() - 1)
    assert "time limit" in result.stopped
    (left,) = result.left
    assert np.array_equal(left.lower[0], lower)
    assert np.array_equal(left.upper[0], upper)


def test_too_many_boxes_end_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BOXES", 20)
    monkeypatch.setattr(module, "BATCH", 16)
    monkeypatch.setattr(module.Search, "seeded", lambda self, starts: None)
    result = found(GRID["wells"][0], [(-2, 2.1)] * 3)
    assert "more than 20 boxes" in result.stopped
    assert result.left


def test_progress_is_told() -> None:
    told: list[tuple[int, int]] = []
    found(GRID["wells"][0], [(-2, 2.1)] * 3, progress=lambda points, boxes: told.append((points, boxes)))
    assert told
    assert told[-1][0] <= 27


FAULTS = ["gradients too narrow", "Krawczyk says none", "a region too large"]


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults_lose_points(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The counts above would see it if a box were discarded wrongly."""
    if fault == "gradients too narrow":
        plain = Evaluator.excluded
        monkeypatch.setattr(Evaluator, "excluded", lambda s, g, a, b: plain(s, g, a, b) | (a[:, 0] > 1.9))
    elif fault == "Krawczyk says none":
        test = module.krawczyk

        def wrong(*a: object, **k: object) -> object:
            out = test(*a, **k)  # type: ignore[arg-type]
            out.none[...] |= out.lower[:, 0] > 2
            return out

        monkeypatch.setattr(module, "krawczyk", wrong)
        monkeypatch.setattr(module.Search, "seeded", lambda self, starts: None)
    else:
        nested = module.nested

        def large(*a: object) -> object:
            sure, low, high, inner_low, inner_high = nested(*a)  # type: ignore[arg-type]
            return sure, low - 2, high + 2, inner_low, inner_high

        monkeypatch.setattr(module, "nested", large)
    monkeypatch.setattr(module, "SEEDS", 1)
    expression, box, count = GRID["coupled"]
    result = found(expression, box)
    assert len(result.known.x) < count
