"""The numerical search: what theory knows is found, with the right index, and nothing else is claimed."""

import os
import pickle
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.verify.critical.landscapes import Sphere, Wells
from verify.critical.objectives.objective import objective_of
from verify.critical.points import CriticalPoints
from verify.critical.search.numerical import search

Numbers = Any
Landscape = Wells | Sphere

WELLS = Wells(5, 2, tilt=0.5)
CASES = {
    "wells": Wells(8, 3),
    "tilted wells": Wells(6, 3, tilt=0.9),
    "wells in 30 dimensions": Wells(30, 3),
    "bent wells": Wells(6, 3, tilt=0.7, bend=0.8),
    "sphere": Sphere(6),
    "sphere in 12 dimensions": Sphere(12),
}
GIVEN: dict[str, Callable[[Landscape], dict[str, Any]]] = {
    "hessian": lambda one: {"gradient": one.gradient, "hessian": one.hessian},
    "hvp": lambda one: {"gradient": one.gradient, "hvp": one.hvp},
    "gradient": lambda one: {"gradient": one.gradient},
    "f": lambda one: {},
}


def sought(one: Landscape, given: str = "hessian", half: float = 2.5, **options: Any) -> CriticalPoints:
    box = [(-half, half)] * one.n
    return search(objective_of(one.f, dimension=one.n, **GIVEN[given](one)), box, **options)


def hold(one: Landscape, found: CriticalPoints, within: float = 1e-9) -> None:
    """Each point of theory is found once with its index, and nothing else."""
    points, indices = one.points()
    assert len(found) == len(points)
    left = set(range(len(points)))
    for point in found:
        away = np.linalg.norm(points - point.x, axis=1)
        k = int(np.argmin(away))
        assert away[k] <= within
        assert k in left, "found twice"
        left.remove(k)
        assert point.index == indices[k]
        assert point.nullity == 0
        exact = np.linalg.eigvalsh(one.hessian(points[k]))
        assert np.all((point.spectrum.lower <= exact) & (exact <= point.spectrum.upper))
    assert not found.complete
    assert not found.undecided
    assert not found.components


@pytest.mark.parametrize("name", CASES)
def test_all_points_of_theory(name: str) -> None:
    hold(CASES[name], sought(CASES[name]))


@pytest.mark.parametrize(("given", "within"), [("hvp", 1e-9), ("gradient", 1e-9), ("f", 1e-6)])
def test_without_a_hessian(given: str, within: float) -> None:
    one = Wells(3, 2, tilt=0.5, bend=0.5)
    found = sought(one, given)
    hold(one, found, within)
    assert max(point.spectrum.upper[0] - point.spectrum.lower[0] for point in found) < 1e-2


@pytest.mark.parametrize("seed", range(2))
def test_a_seed_gives_the_same_again(seed: int) -> None:
    first, again = (sought(WELLS, seed=seed) for _ in range(2))
    hold(WELLS, first)
    assert same(first, again)


@pytest.mark.campaign
@pytest.mark.parametrize("given", ["hessian", "gradient"])
@pytest.mark.parametrize("name", ["tilted wells", "bent wells", "wells of five"])
def test_bounds_of_eigenvalues_hold_for_many_seeds(name: str, given: str) -> None:
    one = {**CASES, "wells of five": WELLS}[name]
    for seed in range(12):
        hold(one, sought(one, given, seed=seed))


def same(one: CriticalPoints, other: CriticalPoints) -> bool:
    counts = [(cost.function, cost.gradient, cost.hessian, cost.hvp) for cost in (one.cost, other.cost)]
    return (
        len(one) == len(other)
        and all(np.array_equal(a.x, b.x) and a.index == b.index for a, b in zip(one, other, strict=True))
        and counts[0] == counts[1]
        and one.evidence == other.evidence
    )


def test_other_seeds_go_other_ways() -> None:
    assert not same(sought(WELLS, seed=0), sought(WELLS, seed=1))


@pytest.mark.parametrize("pool", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_the_same_answer_whoever_does_the_work(pool: Callable[[int], Executor]) -> None:
    with pool(2) as executor:
        assert same(sought(WELLS, executor=executor), sought(WELLS))


CALLS = Counter[str]()
STOP = {"at": -1}


def broken(x: Numbers) -> Numbers:
    """The gradient of WELLS, until it is broken off."""
    CALLS["gradient"] += 1
    if CALLS["gradient"] == STOP["at"]:
        raise KeyboardInterrupt
    return WELLS.gradient(x)


def test_a_search_that_was_broken_off_goes_on(tmp_path: Path) -> None:
    def resumed(name: str, stop: int = -1) -> CriticalPoints:
        objective = objective_of(WELLS.f, broken, WELLS.hessian, dimension=5)
        CALLS.clear()
        STOP["at"] = stop
        return search(objective, [(-2.5, 2.5)] * 5, journal=tmp_path / name)

    whole = resumed("whole")
    with pytest.raises(KeyboardInterrupt):
        resumed("half", whole.cost.gradient // 2)
    assert same(resumed("half"), whole)
    # what was done is not done again, and what it cost is counted as before
    assert 0 < CALLS["gradient"] < 0.75 * whole.cost.gradient
    assert same(resumed("half"), whole)
    assert not CALLS
    with pytest.raises(ValueError, match="belongs to another task"):
        search(objective_of(WELLS.f, dimension=5), [(-2.5, 2.5)] * 5, journal=tmp_path / "whole")


def test_a_worker_that_dies_is_replaced(tmp_path: Path) -> None:
    one, mark = Dying(str(tmp_path / "died")), tmp_path / "died"
    # nothing dies while the functions are looked at
    mark.write_text("")
    objective = objective_of(one.f, one.gradient, one.hessian, dimension=5)
    mark.unlink()
    with ProcessPoolExecutor(2) as executor:
        found = search(objective, [(-2.5, 2.5)] * 5, executor=executor)
    assert mark.exists()
    hold(WELLS, found)
    assert not found.stopped


@dataclass(frozen=True)
class Dying:
    """WELLS, but the first process that asks for a Hessian dies."""

    mark: str

    def f(self, x: Numbers) -> float:
        return WELLS.f(x)

    def gradient(self, x: Numbers) -> Numbers:
        return WELLS.gradient(x)

    def hessian(self, x: Numbers) -> Numbers:
        if not Path(self.mark).exists():
            Path(self.mark).write_text("")
            os._exit(1)
        return WELLS.hessian(x)


@pytest.mark.parametrize("given", GIVEN)
def test_what_it_cost_is_what_was_called(given: str) -> None:
    calls: Counter[str] = Counter()
    one = Wells(3, 2)

    def counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            calls[name] += 1
            return function(*args)

        return call

    functions = {name: counted(name, function) for name, function in GIVEN[given](one).items()}
    objective = objective_of(counted("f", one.f), dimension=3, **functions)
    calls.clear()
    cost = search(objective, [(-2.5, 2.5)] * 3).cost
    assert (cost.function, cost.gradient, cost.hessian, cost.hvp) == tuple(
        calls[name] for name in ("f", "gradient", "hessian", "hvp")
    )
    assert cost.seconds > 0


def test_it_costs_little() -> None:
    """3^3 points in 12 dimensions: a few Hessians and some gradients for each."""
    one = Wells(12, 3, tilt=0.5)
    found = sought(one)
    hold(one, found)
    assert found.cost.hessian <= 8 * 27
    assert found.cost.gradient <= 120 * 27


# --------------------------------------------------------------------------------- continua, degenerate points


CENTRES = np.array([[1.0, 0.0], [-1.2, -0.1]])


def rings(x: Numbers) -> float:
    """0 on two circles; between them a maximum at each centre, and a saddle on the axis."""
    return float(ring(x - CENTRES[0]) * ring(x - CENTRES[1]))


def ring(x: Numbers) -> float:
    return (x @ x - 0.25) ** 2


def test_a_circle_is_one_component() -> None:
    found = search(
        objective_of(lambda x: (x @ x - 1) ** 2, lambda x: 4 * (x @ x - 1) * x, dimension=2), [(-2, 2.2)] * 2
    )
    assert [point.kind for point in found] == ["maximum"]
    (component,) = found.components
    assert component.dimension == 1
    assert component.value == pytest.approx(0.0, abs=1e-12)
    assert np.allclose(np.linalg.norm(component.points, axis=1), 1.0, atol=1e-9)
    assert np.all(component.lower < -0.5)
    assert np.all(component.upper > 0.5)


def test_two_circles_of_one_value_are_two_components() -> None:
    found = search(objective_of(rings, dimension=2, scale=0.3), [(-2.5, 2.5)] * 2)
    assert sorted(component.dimension for component in found.components) == [1, 1]
    centres = sorted(float((component.lower[0] + component.upper[0]) / 2) for component in found.components)
    assert centres == pytest.approx([-1.2, 1.0], abs=0.05)
    assert Counter(point.kind for point in found) == {"maximum": 2, "saddle": 1}


@pytest.mark.parametrize("n", [3, 4])
def test_a_sphere_has_its_dimension(n: int) -> None:
    found = search(
        objective_of(lambda x: (x @ x - 1) ** 2, lambda x: 4 * (x @ x - 1) * x, dimension=n), [(-2, 2.2)] * n
    )
    assert [point.index for point in found] == [n]
    assert [component.dimension for component in found.components] == [n - 1]


def test_translation_and_rotation_are_projected_out() -> None:
    """Three points in the plane that are joined by springs: a triangle of each orientation, up to motions."""

    def f(x: Numbers) -> float:
        p = x.reshape(3, 2)
        return float(sum((np.sum((p[i] - p[j]) ** 2) - 1.0) ** 2 for i, j in ((0, 1), (1, 2), (2, 0))))

    def gradient(x: Numbers) -> Numbers:
        p, g = x.reshape(3, 2), np.zeros((3, 2))
        for i, j in ((0, 1), (1, 2), (2, 0)):
            d = p[i] - p[j]
            g[i] += 4 * (d @ d - 1) * d
            g[j] -= 4 * (d @ d - 1) * d
        return g.ravel()

    found = search(objective_of(f, gradient, dimension=6), [(-1.0, 1.0)] * 6)
    triangles = [one for one in found.components if one.value < 1e-12]
    assert [one.dimension for one in triangles] == [3, 3]
    turns = [np.sign(np.linalg.det(one.points[:, 2:4].reshape(-1, 2)[:2])) for one in triangles]
    assert len(turns) == 2
    for one in triangles:
        orientation = {
            round(float(np.linalg.det([p[2:4] - p[:2], p[4:] - p[:2]])), 6) for p in one.points
        }  # twice the area, signed
        assert len(orientation) == 1
    assert not found.points


DEGENERATE: dict[str, tuple[Callable[[Numbers], float], Callable[[Numbers], Numbers], int]] = {
    "monkey saddle": (
        lambda x: x[0] ** 3 - 3 * x[0] * x[1] ** 2,
        lambda x: np.array([3 * x[0] ** 2 - 3 * x[1] ** 2, -6 * x[0] * x[1]]),
        2,
    ),
    "quartic": (lambda x: float(np.sum(x**4)), lambda x: 4 * x**3, 2),
    "quartic across a parabola": (
        lambda x: (x[0] + x[1]) ** 4 + (x[0] - x[1]) ** 2,
        lambda x: np.array([4 * (x[0] + x[1]) ** 3 + 2 * (x[0] - x[1]), 4 * (x[0] + x[1]) ** 3 - 2 * (x[0] - x[1])]),
        1,
    ),
    "fold": (lambda x: x[0] ** 3 + x[1] ** 2, lambda x: np.array([3 * x[0] ** 2, 2 * x[1]]), 1),
    "sixth power": (lambda x: x[0] ** 6 - x[1] ** 2, lambda x: np.array([6 * x[0] ** 5, -2 * x[1]]), 1),
}


@pytest.mark.parametrize("name", DEGENERATE)
@pytest.mark.parametrize("shift", [0.0, 0.137])
def test_a_degenerate_point_is_called_so(name: str, shift: float) -> None:
    f, gradient, nullity = DEGENERATE[name]
    objective = objective_of(lambda x: f(x - shift), lambda x: gradient(x - shift), dimension=2)
    found = search(objective, [(-1.0, 1.3)] * 2)
    (point,) = found
    assert point.kind == "degenerate"
    assert point.nullity == nullity
    assert np.linalg.norm(point.x - shift) < 0.01
    assert not found.components
    assert "degenerate" in " ".join(found.evidence) or "does not apply" in " ".join(found.evidence)


def test_a_small_eigenvalue_is_not_a_degenerate_one() -> None:
    found = search(
        objective_of(
            lambda x: 1e-5 * x[0] ** 2 + x[1] ** 2, lambda x: np.array([2e-5 * x[0], 2 * x[1]]), dimension=2
        ),
        [(-1.0, 1.3)] * 2,
    )
    (point,) = found
    assert point.kind == "minimum"
    assert point.eigenvalues[0] == pytest.approx(2e-5, rel=1e-3)


# ------------------------------------------------------------------------------------ where f is not smooth


def test_a_kink_is_no_critical_point() -> None:
    objective = objective_of(
        lambda x: abs(x[0]) + x[1] ** 2, lambda x: np.array([np.sign(x[0]), 2 * x[1]]), dimension=2, start=[0.3, 0.2]
    )
    assert not search(objective, [(-1.0, 1.2)] * 2).points


def test_where_the_gradient_dies_away_is_no_critical_point() -> None:
    objective = objective_of(lambda x: -np.exp(-x @ x), lambda x: 2 * x * np.exp(-x @ x), dimension=2)
    found = search(objective, [(-9.0, 8.0)] * 2)
    assert [(point.kind, round(float(np.linalg.norm(point.x)), 9)) for point in found] == [("minimum", 0.0)]


def test_where_f_is_constant_nothing_is_claimed() -> None:
    def f(x: Numbers) -> float:
        return float(np.maximum(x[0] ** 2 + x[1] ** 2 - 1.0, 0.0) ** 3)

    def gradient(x: Numbers) -> Numbers:
        return 6.0 * np.maximum(x[0] ** 2 + x[1] ** 2 - 1.0, 0.0) ** 2 * x

    found = search(objective_of(f, gradient, dimension=2, start=[1.5, 0.3]), [(-2.0, 2.2)] * 2)
    assert all(point.kind == "degenerate" for point in found)
    assert found.undecided or found.components
    assert any("flat" in one.reason for one in found.undecided)


def test_nan_and_infinity_are_gone_around() -> None:
    def f(x: Numbers) -> float:
        return float(x[0] - np.log(x[0]) + x[1] ** 2 - 0.1 / (1.5 - x[1])) if x[0] > 0 else np.nan

    def gradient(x: Numbers) -> Numbers:
        return np.array([1 - 1 / x[0], 2 * x[1] - 0.1 / (1.5 - x[1]) ** 2]) if x[0] > 0 else np.full(2, np.nan)

    found = search(objective_of(f, gradient, dimension=2, start=[2.0, 0.5]), [(-1.0, 4.0), (-1.0, 1.4)])
    assert [point.kind for point in found] == ["minimum", "saddle"]
    assert all(point.x[0] == pytest.approx(1.0, abs=1e-9) for point in found)


# ------------------------------------------------------------------------------------ boxes, starts, time


def test_units_do_not_matter() -> None:
    """x in thousands, y in thousandths, f in millions."""

    def f(x: Numbers) -> float:
        return float(1e6 * (((x[0] / 1e3) ** 2 - 1) ** 2 + (x[1] * 1e3) ** 2))

    def gradient(x: Numbers) -> Numbers:
        return 1e6 * np.array([4 * ((x[0] / 1e3) ** 2 - 1) * x[0] / 1e6, 2e6 * x[1]])

    found = search(objective_of(f, gradient, dimension=2, scale=[300.0, 3e-4]), [(-3e3, 3e3), (-2e-3, 2e-3)])
    assert sorted((round(float(point.x[0]), 6), point.index) for point in found) == [(-1e3, 0), (0, 1), (1e3, 0)]


def test_points_outside_the_box_are_not_told() -> None:
    found = search(objective_of(lambda x: float(np.cos(3 * x).sum()), dimension=2, scale=0.2), [(-1.5, 1.5)] * 2)
    edges = np.array([-np.pi / 3, 0.0, np.pi / 3])
    assert len(found) == len(edges) ** 2
    assert found.box is not None
    assert all(np.all(np.abs(point.x) <= 1.5) for point in found)


def test_without_a_box_it_looks_around_the_start() -> None:
    one = Wells(3, 2)
    objective = objective_of(one.f, one.gradient, one.hessian, dimension=3)
    found = search(objective, start=[3.0, -2.0, 1.0])
    hold(one, found)
    assert "is 1" in found.evidence[-1]
    assert found.box is None


@pytest.mark.parametrize("seconds", [0.0, 0.05])
def test_a_time_limit_gives_what_was_found(seconds: float) -> None:
    found = sought(Wells(30, 5), time_limit=seconds)
    assert f"time limit of {seconds:g} s" in found.stopped
    assert len(found) < 243
    assert not found.complete


@pytest.mark.parametrize(
    ("box", "start", "said"),
    [
        ([(-1, 1)], None, r"box has shape \(1, 2\), but f has 2 variables"),
        ([(-1, 1), (2, 2)], None, r"side 1 is \(2\.0, 2\.0\)"),
        ([(-1, 1), (0, np.inf)], None, r"side 1 is \(0\.0, inf\), which is not finite"),
        (None, [1.0], r"start has shape \(1,\), but f has 2 variables"),
        (None, [1.0, np.nan], "start holds a number that is not finite"),
    ],
)
def test_what_cannot_be_searched_is_refused(box: Any, start: Any, said: str) -> None:
    objective = objective_of(lambda x: float(x @ x), dimension=2)
    with pytest.raises(ValueError, match=said):
        search(objective, box, start)


def test_evidence_says_that_points_are_missing() -> None:
    """The maximum of this function hides in a corner so small that no start hits it."""

    def f(x: Numbers) -> float:
        return float(x @ x + 3e-5 * np.exp(-np.sum((x - 0.7) ** 2) / 3e-6 / 2))

    def gradient(x: Numbers) -> Numbers:
        return 2 * x - 10.0 * (x - 0.7) * np.exp(-np.sum((x - 0.7) ** 2) / 3e-6 / 2)

    found = search(objective_of(f, gradient, dimension=2, start=[0.2, 0.1]), [(-1.0, 1.2)] * 2)
    told = " ".join(found.evidence)
    assert len(found) == 1
    assert not found.complete
    assert "points that are missing come in pairs" in told
    assert "95 %" in told


def test_progress_is_told() -> None:
    told: list[str] = []
    sought(Sphere(3), progress=told.append)
    assert told
    assert "7 critical points" in told[-1]


def test_the_answer_can_be_kept() -> None:
    found = sought(WELLS)
    assert len(pickle.loads(pickle.dumps(found.points))) == 9
