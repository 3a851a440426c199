"""Degenerate points, poles and edges: what is proved of them holds, and what looks like one is not taken for one."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp

from verify.critical.expression import subject_of
from verify.critical.find import find_critical_points
from verify.critical.proof import certified
from verify.critical.proof.blow_up import Around, around, exact_spectrum
from verify.critical.proof.branch import DEGENERATE
from verify.critical.proof.curves import Work, alike
from verify.critical.proof.enclosure import evaluator
from verify.critical.proof.leftover import Cluster
from verify.critical.proof.rational import inertia, inverse, null_space
from verify.critical.proof.recast import NUMBER, Recast

x, y, z = sp.symbols("x y z", real=True)

# f, the degenerate point, its index, nullity and kind; the box leaves no coordinate symmetric.
POINTS: dict[str, tuple[sp.Expr, tuple[float, ...], int, int, str]] = {
    "x³": (x**3, (0,), 0, 1, "saddle"),
    "x⁴": (x**4, (0,), 0, 1, "minimum"),
    "-(3x - 1)⁶": (-((3 * x - 1) ** 6), (1 / 3,), 0, 1, "maximum"),
    "monkey saddle": (x**3 - 3 * x * y**2, (0, 0), 0, 2, "saddle"),
    "x⁴ + y⁴": (x**4 + y**4, (0, 0), 0, 2, "minimum"),
    "x⁴ - y⁴": (x**4 - y**4, (0, 0), 0, 2, "saddle"),
    "x⁴ + y²": (x**4 + y**2, (0, 0), 0, 1, "minimum"),
    "-x⁴ - y⁶": (-(x**4) - y**6, (0, 0), 0, 2, "maximum"),
    "x² - y⁴": (x**2 - y**4, (0, 0), 0, 1, "saddle"),
    "Peano's surface": ((y - x**2) * (y - 2 * x**2), (0, 0), 0, 1, "saddle"),
    "fold": (x**3 + y**2, (0, 0), 0, 1, "saddle"),
    "cusp": (x**4 - y**2 * x, (0, 0), 0, 2, "saddle"),
    "fold of another index": (x**3 - y**2, (0, 0), 1, 1, "saddle"),
    "along a diagonal": ((x + y) ** 2 + (x - y) ** 4, (0, 0), 0, 1, "minimum"),
    "Bazaraa-Shetty": ((x - 1) ** 4 + (x - 2 * y) ** 2, (1, 0.5), 0, 1, "minimum"),
    "at a place that is no float": ((10 * x - 3) ** 4 + (y - sp.sqrt(2) / 2) ** 4, (0.3, 2**-0.5), 0, 2, "minimum"),
    "x - sin x": (x * (x - sp.sin(x)) + y**2, (0, 0), 0, 1, "minimum"),
    "x (exp x - 1 - x)": (x * (sp.exp(x) - 1 - x), (0,), 0, 1, "saddle"),
    "cosh": (sp.cosh(x) - 1 - x**2 / 2 + y**2, (0, 0), 0, 1, "minimum"),
    "three": (x**4 + y**2 - z**2 + x**2 * z, (0, 0, 0), 1, 1, "saddle"),
    # powers whose ratio no small weights have
    "x¹⁰ + y²": (x**10 + y**2, (0, 0), 0, 1, "minimum"),
    "-x³⁰ - y⁴": (-(x**30) - y**4, (0, 0), 0, 2, "maximum"),
    "x⁶ + y⁴ + z²": (x**6 + y**4 + z**2, (0, 0, 0), 0, 2, "minimum"),
    "(x - sin x)⁴ + y²": ((x - sp.sin(x)) ** 4 + y**2, (0, 0), 0, 1, "minimum"),
    "mixed, definite": (x**10 + x**5 * y**2 + y**4, (0, 0), 0, 2, "minimum"),
    "mixed, indefinite": (x**6 + 3 * x**3 * y**5 + y**10, (0, 0), 0, 2, "saddle"),
    "along a diagonal, order 10": ((x + y) ** 10 + (x - y) ** 2, (0, 0), 0, 1, "minimum"),
}
BOX = [(-1.0, 1.3), (-0.9, 1.1), (-0.8, 1.2)]


@pytest.mark.parametrize("name", POINTS)
def test_a_degenerate_point_is_proved(name: str) -> None:
    f, place, index, nullity, kind = POINTS[name]
    points = find_critical_points(f, BOX[: len(place)])
    assert points.complete, points
    assert len(points) >= 1
    (one,) = [point for point in points if np.allclose(point.x, place, atol=1e-9)]
    assert (one.index, one.nullity, one.kind) == (index, nullity, kind)
    assert one.certified
    assert one.enclosure is not None
    assert np.all(one.enclosure[0] <= place)
    assert np.all(one.enclosure[1] >= place)
    assert "exactly 0" in one.note


@pytest.mark.parametrize(
    "name",
    ["monkey saddle", "Peano's surface", "Bazaraa-Shetty", "at a place that is no float", "mixed, indefinite"],
)
def test_balls_prove_the_same(name: str) -> None:
    f, place, index, nullity, kind = POINTS[name]
    points = find_critical_points(f, BOX[: len(place)], certify="rigor")
    assert points.complete
    assert [(one.index, one.nullity, one.kind) for one in points] == [(index, nullity, kind)]


def test_weights_have_the_function_change_alike_along_every_axis() -> None:
    """None where it does not change along one of them."""
    for f, weights in (
        (x**10 + x * y + y**4, [(2, 5)]),
        ((x - sp.sin(x)) ** 4 - y**2, [(1, 6)]),
        (x**3 + sp.sin(y) - y, [(1, 1)]),
        (x**2 * y**2 + y**4, []),
        (x**61 + y, []),
    ):
        assert alike(subject_of(f, 2, [x, y]).evaluator(), (True, True)) == weights


TURNS = [(-2.9, 7.0), (-2.0, 2.5)]
# f, and where it is degenerate: at multiples of π.
ANGLES: dict[str, tuple[sp.Expr, list[tuple[float, float]], str]] = {
    "versine": ((1 - sp.cos(x)) ** 2 + y**2, [(0, 0), (2 * np.pi, 0)], "minimum"),
    "turns of a third": (
        (1 + sp.sin(3 * x)) ** 2 + sp.cos(3 * x) ** 4 / 2 + y**4, [(k * np.pi / 6, 0) for k in (-5, -1, 3, 7, 11)],
        "minimum",
    ),
    "cubed": (sp.sin(x) ** 3 + y**2, [(0, 0), (np.pi, 0), (2 * np.pi, 0)], "saddle"),
    "cubed cosine": (sp.cos(x / 2) ** 3 - y**2, [(np.pi, 0)], "saddle"),
    "tangent": (sp.tan(x / 2) ** 4 + y**2, [(0, 0), (2 * np.pi, 0)], "minimum"),
    "whole turns": ((1 - sp.cos(2 * sp.pi * x)) ** 2 + y**2, [(k, 0) for k in range(-2, 8)], "minimum"),
    "half turns, along a diagonal": (
        (1 + sp.sin(sp.pi * (x + y) / 2)) ** 2 + (x - y) ** 2, [(-0.5, -0.5), (1.5, 1.5)], "minimum"
    ),
    "of two variables": (sp.sin(x + y) - sp.sin(x) - sp.sin(y), [(0, 0), (2 * np.pi, 0)], "saddle"),
}  # fmt: skip


@pytest.mark.parametrize("rigor", [False, pytest.param(True, marks=pytest.mark.campaign)])
@pytest.mark.parametrize("name", ANGLES)
def test_degenerate_points_at_multiples_of_pi_are_proved(name: str, rigor: bool) -> None:
    f, places, kind = ANGLES[name]
    points = find_critical_points(f, TURNS, certify="rigor" if rigor else None)
    found = [one for one in points if one.nullity and one.kind == kind]
    for place in places:
        (one,) = [point for point in found if np.allclose(point.x, place, atol=1e-9)]
        assert one.certified
    assert all(point.certified for point in points)


@pytest.mark.parametrize("quarters", range(-5, 8))
@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_functions_of_turned_angles(name: str, quarters: int) -> None:
    tape = Recast(subject_of(getattr(sp, name)(3 * x) + x, 1, [x]).evaluator().value_tape)
    turn = tape.writer.constant("pi")
    moved = evaluator(tape.moved([{turn: Fraction(quarters, 6)}], [[Fraction(1)]]))
    at = np.array([[-0.2], [0.01], [0.15]])
    angle = at[:, 0] + quarters * np.pi / 6
    np.testing.assert_allclose(moved.values(at), getattr(np, name)(3 * angle) + angle, rtol=1e-9, atol=1e-9)


r = sp.sqrt(x**2 + y**2)
# f has no critical point near a pole or the edge of its domain, and as many elsewhere.
EDGES: dict[str, tuple[sp.Expr, list[tuple[float, float]], int]] = {
    "a charge in a field": (1 / r + x, BOX[:2], 1),
    "charges of both signs": (1 / r - 2 / sp.sqrt((x - sp.Rational(3, 10)) ** 2 + y**2), BOX[:2], 1),
    "Lennard-Jones": (r**-12 - r**-6 + x / 10, [(-0.4, 0.5), (-0.5, 0.6)], 0),
    "at √2/2": (1 / sp.sqrt((x - sp.sqrt(2) / 2) ** 2 + y**2) + x**2 + y**2, BOX[:2], 1),
    "likelihood": (3 * sp.log(y) + (1 + x**2) / y**2, [(-3.0, 4.0), (-0.5, 3.0)], 1),
    "a logarithm of a distance": (sp.log(x**2 + y**2) + y, BOX[:2], 0),
    "x^(3/2) and a pole": (1 / x - x, [(-1.0, 1.3)], 0),
}


@pytest.mark.parametrize("name", EDGES)
def test_a_pole_or_an_edge_is_settled(name: str) -> None:
    f, box, count = EDGES[name]
    points = find_critical_points(f, box)
    assert points.complete, points
    assert len(points) == count


def boxed(f: sp.Expr, half: float, dimension: int = 2) -> Around | None:
    """What is proved of a box around 0."""
    function = subject_of(f, dimension, [x, y, z][:dimension]).evaluator()
    return around(
        function, np.full(dimension, -half), np.full(dimension, 0.9 * half), np.full(dimension, 100.0), edge=True
    )


TINY = sp.Rational(1, 10**6)
# What is degenerate but for something small, and not as it looks; half the box in which it is so.
LOOKALIKES: dict[str, tuple[sp.Expr, float]] = {
    "three points": (x**4 - TINY * x**2 + y**2, 1e-2),
    "no point": (x**3 + TINY * x + y**2, 1e-2),
    "two points": (x**3 - TINY * x + y**2, 1e-2),
    "a circle": ((x**2 + y**2 - TINY) ** 2, 1e-2),
    "a line": (x**2 * (1 + y), 1e-2),
    "a kink": (sp.Abs(x) ** 3 + y**2 + x**2 * sp.Abs(y), 1e-2),
    "a cone": (r, 1e-2),
    "a flat function": (sp.exp(-1 / (x**2 + y**2)), 1e-2),
    "√|x|": (sp.sqrt(sp.Abs(x)) + y**2, 1e-2),
    "a pole with points around": (TINY / r + x**2 + y**2, 1e-1),
}


@pytest.mark.parametrize("name", LOOKALIKES)
def test_nothing_is_proved_of_what_looks_degenerate(name: str) -> None:
    f, half = LOOKALIKES[name]
    assert boxed(f, half) is None


def test_near_enough_a_lookalike_is_what_it_is() -> None:
    found = boxed(LOOKALIKES["three points"][0], 1e-5)
    assert found is not None
    assert found.spectrum is not None
    assert (found.spectrum.index, found.spectrum.nullity) == (1, 0)


def other_point(f: sp.Expr, half: float, rng: np.random.Generator) -> Any:
    """A critical point in the box other than 0, by Newton's method from many places; None if none is met."""
    function = subject_of(f, 2, [x, y]).evaluator()
    points = rng.uniform(-half, 0.9 * half, (400, 2))
    for _ in range(60):
        g, H = function.at(points)
        points -= (np.linalg.pinv(H) @ g[..., None])[..., 0]
        points = np.clip(points, -2 * half, 2 * half)
    g, H = function.at(points)
    apart = np.linalg.norm(points, axis=1) > 1e-2 * half
    step = np.linalg.norm((np.linalg.pinv(H) @ g[..., None])[..., 0], axis=1)
    inside = np.all((points >= -half) & (points <= 0.9 * half), axis=1)
    regular = np.abs(np.linalg.eigvalsh(H)).min(axis=1) > 1e-6 * np.abs(H).max(axis=(1, 2))
    found = apart & inside & regular & (step < 1e-9 * half)
    return points[found][0] if found.any() else None


@pytest.mark.parametrize("seed", [*range(12), *(pytest.param(k, marks=pytest.mark.campaign) for k in range(12, 600))])
def test_what_is_proved_of_random_polynomials_holds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    powers = [(i, j) for i in range(7) for j in range(7) if 2 <= i + j <= 6]
    chosen = rng.choice(len(powers), int(rng.integers(2, 6)), replace=False)
    f = sum(
        (sp.Integer(int(rng.choice([-3, -2, -1, 1, 2, 3]))) * x ** powers[k][0] * y ** powers[k][1] for k in chosen),
        sp.Integer(0),
    )
    if rng.random() < 0.3:
        f = f.subs({x: x + y, y: x - 2 * y}, simultaneous=True)
    if rng.random() < 0.2:
        f = sp.sin(f)
    if f.free_symbols != {x, y}:
        return
    half = float(rng.choice([1e-4, 1e-2, 0.3]))
    found = boxed(f, half)
    if found is None:
        return
    assert found.place is not None
    np.testing.assert_allclose(found.place.lower, 0)
    assert other_point(f, half, rng) is None, f
    number = sp.lambdify((x, y), f, "numpy")
    turns = rng.uniform(0, 2 * np.pi, 4000)
    near = half * 0.5 * rng.random(4000) * np.array([np.cos(turns), np.sin(turns)])
    rise = number(*near) - number(0.0, 0.0)
    if found.kind == "minimum":
        assert np.all(rise >= 0), f
    if found.kind == "maximum":
        assert np.all(rise <= 0), f
    assert found.spectrum is not None
    H = np.array(sp.hessian(f, (x, y)).subs({x: 0, y: 0}), float)
    np.testing.assert_allclose(found.spectrum.values, np.linalg.eigvalsh(H), atol=1e-12 * max(1.0, np.abs(H).max()))


def test_some_random_polynomials_are_settled() -> None:
    """Else the test above would say nothing."""
    settled = sum(boxed(x**i + y**j + x**k * y, 1e-2) is not None for i in (3, 4, 5) for j in (3, 4) for k in (3, 4))
    assert settled >= 10


def test_work_is_bounded() -> None:
    """A long function with a degenerate point is left undecided rather than looked at for minutes."""
    long = sum((1 - sp.cos(k * x * y)) * sp.exp(sp.sin(k + x)) for k in range(1, 20)) + (x**2 - y**2) ** 2 * x**2
    function = subject_of(long, 2, [x, y]).evaluator()
    work = Work(3_000)
    assert around(function, np.full(2, -1e-3), np.full(2, 1e-3), np.full(2, 100.0), work=work) is None
    assert -20_000 < work.left < 0


def test_a_known_point_is_not_listed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A box that was left beside a point that is proved already: it is settled, and the point stays one."""
    left = Cluster(np.full(2, 1e-6), np.full(2, 2e-6), 1, np.full(2, 1e-6))
    monkeypatch.setattr(certified, "_clusters", lambda *_: [(DEGENERATE, left)])
    points = find_critical_points(x**2 + y**2 - x**2 * y, [(-1, 1.3), (-0.9, 1.1)])
    assert points.complete
    assert len(points) == 1


def test_exact_signs_of_eigenvalues() -> None:
    rows = [[2, 20, 0, 0], [20, 200, 0, 0], [0, 0, 10, -10], [0, 0, -10, 10]]
    matrix = [[Fraction(entry) for entry in row] for row in rows]
    spectrum = exact_spectrum(matrix)
    assert (spectrum.index, spectrum.nullity) == (0, 2)
    turned = [[-entry for entry in row] for row in matrix]
    turned[2][2] += Fraction(1, 10**20)
    spectrum = exact_spectrum(turned)
    assert (spectrum.index, spectrum.nullity) == (2, 1)
    assert exact_spectrum([[Fraction(0)] * 3] * 3).nullity == 3


@pytest.mark.parametrize("seed", range(40))
def test_rational_linear_algebra(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, rank = int(rng.integers(1, 6)), int(rng.integers(0, 6))
    factor = rng.integers(-3, 4, (n, rank))
    symmetric = (factor * rng.choice([-1, 1], rank)) @ factor.T
    if seed % 3 == 0:
        np.fill_diagonal(symmetric, 0)
    matrix = [[Fraction(int(entry), 7) for entry in row] for row in symmetric]
    theirs = sp.Matrix(symmetric.tolist())
    null = null_space(matrix)
    assert len(null) == n - theirs.rank()
    assert all(sum(q * v for q, v in zip(row, vector, strict=True)) == 0 for row in matrix for vector in null)
    values = np.linalg.eigvalsh(symmetric)
    small = 1e-9 * max(1.0, np.abs(values).max())
    assert inertia(matrix) == (int(np.sum(values < -small)), len(null), int(np.sum(values > small)))
    if not null:
        product = sp.Matrix(inverse(matrix)) * theirs / 7
        assert product == sp.eye(n)


def test_a_tape_in_other_coordinates() -> None:
    root = sp.sqrt(3) / 2
    subject = subject_of((x + 10 * y) ** 2 + sp.exp(x - root) * (y + root), 2, [x, y])
    tape = Recast(subject.evaluator().value_tape)
    roots = tape.roots()
    ends = [(k, *tape.enclosed(total, False)) for k, total in roots]
    assert any(k == 0 and low <= 3**0.5 / 2 <= high for k, low, high in ends)
    assert any(k == 1 and low <= -(3**0.5) / 2 <= high for k, low, high in ends)
    shift = [next(total for k, total in roots if k == 0 and total), {NUMBER: Fraction(1, 3)}]
    matrix = [[Fraction(-10), Fraction(1)], [Fraction(1), Fraction(0)]]
    moved = tape.moved(shift, matrix)
    u = np.array([0.3, -0.7])
    old = np.array([3**0.5 / 2, 1 / 3]) + np.array([[-10.0, 1.0], [1.0, 0.0]]) @ u
    there, here = evaluator(moved), subject.evaluator()
    assert there.values(u) == pytest.approx(here.values(old), rel=1e-13)
    turned = np.array([[-10.0, 1.0], [1.0, 0.0]]).T @ here.gradients_at(old[None])[0]
    np.testing.assert_allclose(there.gradients_at(u[None])[0], turned, rtol=1e-12)
    # x + 10 y is the second of the new coordinates alone, with the shift
    constant = Recast(subject_of((x + 10 * y) ** 2, 2, [x, y]).evaluator().value_tape)
    straight = constant.moved([{}, {}], matrix)
    assert straight.only(1).steps[-1].number == 0
