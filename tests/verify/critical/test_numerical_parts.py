"""What the numerical search is made of: steps, updates, deflation, spectra, evidence, results as data."""

from typing import Any

import numpy as np
import pytest

from tests.verify.critical.landscapes import Wells, rotation
from verify.critical.objectives.objective import objective_of
from verify.critical.points import CriticalPoint, Spectrum
from verify.critical.search import evidence
from verify.critical.search.converge import converge
from verify.critical.search.eigensteps import Model, deflated, newton, towards_index, updated, uphill_along
from verify.critical.search.follow import follow
from verify.critical.search.landscape import Landscape, Region
from verify.critical.search.polish import bounded_spectrum, polished
from verify.critical.search.rounds import plain, restored
from verify.critical.search.tasks import Ended, Known, Task

Numbers = Any
RNG = np.random.default_rng(7)
VALUES = np.array([-3.0, -0.5, 0.25, 2.0, 7.0])
VECTORS = rotation(5, 3)
MATRIX = (VECTORS * VALUES) @ VECTORS.T
GRADIENT = RNG.standard_normal(5)
NOTHING = Known(np.zeros((0, 5)), np.zeros(0))


def land(one: Wells) -> Landscape:
    objective = objective_of(one.f, one.gradient, one.hessian, dimension=one.n)
    return Landscape(objective, Region.around(one.n, [(-2.5, 2.5)] * one.n, None))


# ------------------------------------------------------------------------------------------------------------ steps


def test_newton_solves() -> None:
    assert np.allclose(newton(Model.of(GRADIENT, MATRIX)), -np.linalg.solve(MATRIX, GRADIENT))


@pytest.mark.parametrize("radius", [0.01, 0.1, 0.5, 1.0])
def test_no_step_within_the_radius_does_better(radius: float) -> None:
    step = newton(Model.of(GRADIENT, MATRIX), radius)
    assert 0.89 * radius <= np.linalg.norm(step) <= radius
    others = RNG.standard_normal((4000, 5))
    others *= np.linalg.norm(step) / np.linalg.norm(others, axis=1, keepdims=True)
    assert np.linalg.norm(GRADIENT + MATRIX @ step) <= np.min(np.linalg.norm(GRADIENT + others @ MATRIX, axis=1))


def test_flat_directions_get_no_step() -> None:
    values = np.array([1e-14, 1.0, 2.0, 3.0, 4.0])
    step = newton(Model.of(GRADIENT, (VECTORS * values) @ VECTORS.T))
    assert abs(step @ VECTORS[:, 0]) < 1e-12
    assert np.linalg.norm(step) > 0.1


@pytest.mark.parametrize("index", range(6))
def test_a_step_to_an_index_goes_up_and_down(index: int) -> None:
    model = Model.of(GRADIENT, MATRIX)
    parts = towards_index(model, np.arange(5) < index, np.inf) @ model.vectors
    assert np.array_equal(np.sign(parts), np.sign(model.along) * np.where(np.arange(5) < index, 1, -1))
    assert np.linalg.norm(towards_index(model, np.arange(5) < index, 0.1)) <= 0.1 * (1 + 1e-12)


def test_a_step_to_its_own_index_is_newtons_near_the_point() -> None:
    model = Model.of(1e-6 * GRADIENT, MATRIX)
    assert np.allclose(towards_index(model, np.arange(5) < 2, np.inf), newton(model), rtol=1e-4)


def test_the_eigenvector_that_is_climbed_is_kept() -> None:
    model = Model.of(GRADIENT, MATRIX)
    uphill, kept = uphill_along(model, 2, model.vectors[:, 3] + 0.1 * model.vectors[:, 0])
    assert list(np.flatnonzero(uphill)) == [0, 3]
    assert kept is not None
    assert np.allclose(kept, model.vectors[:, 3])


def test_an_update_explains_the_change_and_keeps_what_it_can() -> None:
    """On a quadratic function n independent steps give the Hessian, whatever its signs."""
    matrix = np.eye(5)
    for _ in range(12):
        step = RNG.standard_normal(5)
        matrix = updated(matrix, step, MATRIX @ step)
        assert np.allclose(matrix @ step, MATRIX @ step)
        assert np.allclose(matrix, matrix.T)
    before = np.linalg.norm(matrix - MATRIX)
    assert before < 1.0
    assert np.allclose(updated(MATRIX, GRADIENT, MATRIX @ GRADIENT), MATRIX)


def test_a_deflated_step_is_newtons_for_the_deflated_gradient() -> None:
    known = RNG.standard_normal((2, 5))
    x, centre = RNG.standard_normal(5), RNG.standard_normal(5)

    def gradient(at: Numbers) -> Numbers:
        return np.prod(1 / np.sum((at - known) ** 2, axis=1) + 1) * (MATRIX @ (at - centre))

    h = 1e-6
    jacobian = np.array([(gradient(x + h * e) - gradient(x - h * e)) / (2 * h) for e in np.eye(5)]).T
    expected = -np.linalg.solve(jacobian, gradient(x))
    assert np.allclose(deflated(centre - x, x, known), expected, rtol=1e-5)


# ------------------------------------------------------------------------------------------------------------- ways


def test_a_way_follows_an_eigenvector_to_both_neighbours() -> None:
    """From the maximum of two wells along each eigenvector: two gradients to each side, for a quartic is foretold."""
    one = Wells(4, 2)
    here = land(one)
    *_, q, s = one.parts()
    top = here.region.inside(s)
    matrix = here.hessian(top)
    assert matrix is not None
    for k in range(2):
        here.gradients = 0
        task = Task("follow", top, matrix, 0.15, vector=np.ascontiguousarray(q[k]), parent=0, ends=(0,))
        ends = follow(here, task, Known(top[None], np.array([np.inf])))
        assert [end.why for end in ends] == ["found", "found"]
        assert sorted(round(float((here.region.outside(end.x) - s) @ q[k]), 6) for end in ends) == [-1.0, 1.0]
        assert here.gradients <= 8


def test_a_way_along_a_quadratic_is_given_up_at_once() -> None:
    one = Wells(4, 2)
    here = land(one)
    *_, q, s = one.parts()
    top = here.region.inside(s)
    matrix = here.hessian(top)
    assert matrix is not None
    task = Task("up", top, matrix, 0.15, vector=np.ascontiguousarray(q[3]), parent=0)
    assert [end.why for end in follow(here, task, Known(top[None], np.array([np.inf])))] == ["flat line", "flat line"]
    assert here.gradients <= 6


def test_a_way_to_a_known_point_ends_early() -> None:
    one = Wells(4, 2)
    here = land(one)
    points, indices = one.points()
    known = Known(here.region.inside(points), np.full(len(points), 0.3))
    x = here.region.inside(points[0]) + 0.05
    gradient, matrix = here.gradient(x), here.hessian(x)
    assert gradient is not None
    assert matrix is not None
    here.gradients = here.hessians = 0
    task = Task("start", x, radius=0.2)
    ended = converge(here, task, x, gradient, matrix, known, fresh=True)
    assert (ended.why, ended.known) == ("known", 0)
    assert here.gradients <= 4
    assert here.hessians == 0
    elsewhere = converge(here, task, x, gradient, matrix, known, fresh=True, avoid=known.points[[0]])
    assert elsewhere.why != "found" or np.linalg.norm(elsewhere.x - known.points[0]) > 0.05


# ------------------------------------------------------------------------------------------------ polishing, spectra


def test_polishing_goes_to_the_noise() -> None:
    one = Wells(4, 2, tilt=0.5)
    here = land(one)
    points, indices = one.points()
    for x, index in zip(points, indices, strict=True):
        found = polished(here, here.region.inside(x) + 1e-6 * RNG.standard_normal(4), 1.0, np.random.default_rng(1))
        assert found is not None
        assert found.point is not None
        assert np.linalg.norm(found.point.x - x) < 1e-13
        assert found.point.index == index
        assert found.point.gradient_norm < 1e-12


def test_polishing_tests_the_gradient_itself() -> None:
    """Newton's steps become short at a kink, and far out on a slope that dies away; neither is a point."""
    kink = objective_of(lambda x: abs(x[0]), lambda x: np.sign(x) + 1e-9 * x, dimension=1, start=[0.3])
    here = Landscape(kink, Region.around(1, [(-1.0, 1.0)], None))
    found = polished(here, np.array([1e-9]), 1.0, RNG)
    assert found is not None
    assert found.point is None
    assert "above its noise" in found.why
    tail = objective_of(lambda x: -np.exp(-x @ x), lambda x: 2 * x * np.exp(-x @ x), dimension=1)
    here = Landscape(tail, Region.around(1, [(-10.0, 10.0)], None))
    found = polished(here, np.array([0.7]), 1.0, RNG)
    assert found is not None
    assert found.point is None


@pytest.mark.parametrize("scale", [(1.0, 1.0, 1.0, 1.0, 1.0), (1e3, 1.0, 1e-2, 1.0, 10.0)])
def test_bounds_hold_in_other_units(scale: Numbers) -> None:
    width = np.array(scale)
    spectrum = bounded_spectrum(MATRIX, 0.1, width)
    for _ in range(50):
        wrong = RNG.standard_normal((5, 5))
        wrong = (wrong + wrong.T) / 2
        wrong *= 0.1 / np.linalg.norm(wrong, 2)
        exact = np.linalg.eigvalsh((MATRIX + wrong) / np.outer(width, width))
        assert np.all((spectrum.lower <= exact) & (exact <= spectrum.upper))
    assert spectrum.index == 2
    assert spectrum.nullity == 0


# --------------------------------------------------------------------------------------------------- evidence, data


def test_the_unseen_share_is_good_and_turings() -> None:
    assert evidence.unseen([1, 1, 3, 5], 10) == pytest.approx(0.2)
    assert evidence.unseen([], 0) == 1.0
    assert "probability 0.2 (3 more" in evidence.hits([1, 1, 3, 5], 10, 3)
    assert "All of 4" in evidence.hits([], 0, 4)


@pytest.mark.parametrize(
    ("indices", "said"), [((0, 0, 1), "as it must be"), ((0, 1), "points are missing"), ((0, 0), "is 2, but")]
)
def test_the_morse_sum_tells_of_missing_points(indices: tuple[int, ...], said: str) -> None:
    points = [
        CriticalPoint(np.zeros(2), 0.0, 0.0, Spectrum(v := np.array([-1.0] * k + [1.0] * (2 - k)), v, v), "")
        for k in indices
    ]
    assert said in evidence.morse(points, 0, True, True)
    assert "does not apply" in evidence.morse(points, 1, True, True)
    assert "does not apply" in evidence.morse(points, 0, False, True)


def test_coercive_is_tried_on_all_faces() -> None:
    grows = objective_of(lambda x: float(x @ x), dimension=3)
    falls = objective_of(lambda x: float(x[0] ** 2 + x[1] ** 2 - x[2] ** 3), dimension=3)
    for objective, expected in ((grows, True), (falls, False)):
        for box in ([(-1.0, 1.0)] * 3, None):
            here = Landscape(objective, Region.around(3, box, None))
            assert evidence.coercive(here, Known(np.zeros((0, 3)), np.zeros(0)), np.random.default_rng(2)) is expected


def test_results_go_through_data_and_back() -> None:
    spectrum = Spectrum(VALUES, VALUES - 1.0, VALUES + 1.0)
    point = CriticalPoint(GRADIENT, 1.0, 0.0, spectrum, "saddle")
    back = restored(plain([Ended("found", GRADIENT, 3, (GRADIENT, VALUES)), point, (1, "x", None)]))
    assert back[0].why == "found"
    assert np.array_equal(back[0].path[1], VALUES)
    assert back[1].kind == "saddle"
    assert np.array_equal(back[1].spectrum.lower, VALUES - 1.0)
    assert back[2] == (1, "x", None)
    with pytest.raises(KeyError):
        restored({"made": "Popen"})


@pytest.mark.parametrize("power", [3, 4, 6])
def test_a_degenerate_point_is_degenerate_from_wherever_it_is_polished(power: int) -> None:
    """The Hessian beside the point has an eigenvalue of one sign; the bounds must not believe it."""

    def gradient(x: Numbers) -> Numbers:
        u = power * (x[0] + x[1]) ** (power - 1)
        return np.array([u + 2 * (x[0] - x[1]), u - 2 * (x[0] - x[1])])

    objective = objective_of(lambda x: (x[0] + x[1]) ** power + (x[0] - x[1]) ** 2, gradient, dimension=2)
    here = Landscape(objective, Region.around(2, [(-1.0, 1.3)] * 2, None))
    for k in range(24):
        away = 10.0 ** -RNG.uniform(1.5, 6.0) * RNG.choice((-1, 1))
        found = polished(here, here.region.inside(np.array([away, away * 1.001])), 1.0, np.random.default_rng(k))
        assert found is not None
        assert found.point is None or found.point.nullity == 1


def test_where_digits_are_lost_a_fold_is_still_no_minimum() -> None:
    """A gradient of nine decimals leaves the point open by 1e-5, where the Hessian is clearly of one sign."""
    objective = objective_of(
        lambda x: x[0] ** 3 + x[1] ** 2,
        lambda x: np.round(np.array([3 * x[0] ** 2, 2 * x[1]]), 9),
        lambda x: np.diag([6 * x[0], 2.0]),
        dimension=2,
    )
    here = Landscape(objective, Region.around(2, [(-1.0, 1.0)] * 2, None))
    kinds = []
    for k, away in enumerate((3e-5, -3e-5, 1e-4, -1e-4, 1e-3, -1e-3, 0.02)):
        found = polished(here, np.array([away, 1e-4]), 1.0, np.random.default_rng(k))
        assert found is not None
        if found.point is not None:
            kinds.append(found.point.kind)
    assert kinds
    assert set(kinds) == {"degenerate"}
