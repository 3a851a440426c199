"""Networks of which theory knows the critical points: every stated value, index, nullity and spectrum is found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import least_squares

from tests.beside import network_theories
from verify.critical.losses.spectrum import hessian, spectrum

THEORY = network_theories()
THEORIES = THEORY.networks()
POINTS = [pytest.param(theory, point, id=f"{name}: {point.name}") for name, theory in THEORIES.items()
          for point in theory.points]  # fmt: skip


def test_all_kinds_are_there() -> None:
    points = [point for theory in THEORIES.values() for point in theory.points]
    assert len(points) >= 75
    assert sum(point.index > 0 for point in points) >= 40
    assert sum(point.escape is not None for point in points) >= 7
    assert sum(point.eigenvalues is not None for point in points) >= 40
    assert {theory.loss.dimension for theory in THEORIES.values()} >= {2, 8, 9, 24}


@pytest.mark.parametrize(("theory", "point"), POINTS)
def test_theory_is_confirmed(theory: Any, point: Any) -> None:
    loss = theory.loss
    scale = 1 + abs(point.value)
    assert loss.f(point.x) == pytest.approx(point.value, abs=1e-12 * scale)
    assert np.max(np.abs(loss.gradient(point.x))) <= 1e-12 * scale
    found = spectrum(loss, point.x)
    assert (found.index, found.nullity) == (point.index, point.nullity)
    # No eigenvalue is near to being counted otherwise: bounds are 1000 times smaller than the least that is not 0.
    sure = np.abs(found.values) > 2 * np.max(found.upper - found.values)
    assert np.all(np.abs(found.values[sure]) > 1e3 * np.max(found.upper - found.values))
    if point.eigenvalues is not None:
        slack = 1e-13 * np.max(np.abs(point.eigenvalues))  # those of theory come from singular values in float64
        assert np.all((found.lower - slack <= point.eigenvalues) & (point.eigenvalues <= found.upper + slack))
    if point.escape is not None:
        assert not point.index
        steps = [loss.f(point.x + t * point.escape) for t in (0.1, 0.2, 0.3)]
        assert point.value > steps[0] > steps[1] > steps[2]
    if point.minimum:
        assert not point.index
        rng = np.random.default_rng(0)
        assert all(loss.f(rng.normal(size=loss.dimension)) >= point.value for _ in range(100))
    elif point.escape is None:
        # Along the eigenvector of the least eigenvalue the loss falls.
        vector = np.linalg.eigh(hessian(loss, point.x).value)[1][:, 0]
        assert loss.f(point.x + 1e-3 * vector) < loss.f(point.x)


@pytest.mark.parametrize("name", [name for name, theory in THEORIES.items() if "W2" in theory.loss.shapes
                                  and "b1" not in theory.loss.shapes and "tanh" not in name])  # fmt: skip
def test_index_and_nullity_do_not_depend_on_the_basis_of_hidden_units(name: str) -> None:
    """Between two layers any invertible matrix and its inverse may stand: eigenvalues change, their signs do not."""
    theory, rng = THEORIES[name], np.random.default_rng(1)
    for point in theory.points[:: max(1, len(theory.points) // 3)]:
        parts = theory.loss.unpack(point.x)
        for first, second in zip(list(parts)[:-1], list(parts)[1:], strict=True):
            width = parts[first].shape[1]
            G = np.eye(width) + 0.3 * rng.normal(size=(width, width))
            parts[first], parts[second] = parts[first] @ G, np.linalg.solve(G, parts[second])
        found = spectrum(theory.loss, theory.loss.pack(parts))
        assert (found.index, found.nullity) == (point.index, point.nullity)


def test_columns_of_a_symmetric_factor_may_be_rotated() -> None:
    theory, rng = THEORIES["symmetric factorisation"], np.random.default_rng(2)
    Q = np.linalg.qr(rng.normal(size=(2, 2)))[0]
    for point in theory.points:
        found = spectrum(theory.loss, (theory.loss.unpack(point.x)["U"] @ Q).ravel())
        assert (found.index, found.nullity) == (point.index, point.nullity)


@pytest.mark.parametrize(
    "name", [name for name, theory in THEORIES.items() if theory.all_points and theory.loss.dimension < 20]
)
def test_there_are_no_others(name: str) -> None:
    """Where theory says that it knows all, a search from random starts finds nothing else."""
    theory, rng = THEORIES[name], np.random.default_rng(3)
    loss = theory.loss
    stated = {(round(point.value, 8), point.index, point.nullity) for point in theory.points}
    found = set()
    for _ in range(10):
        ended = least_squares(loss.gradient, rng.normal(size=loss.dimension), xtol=1e-15, ftol=1e-15, gtol=1e-15)
        if np.max(np.abs(ended.fun)) > 1e-9:
            continue
        at = spectrum(loss, ended.x)
        found.add((round(loss.f(ended.x), 8), at.index, at.nullity))
    assert found <= stated
    assert len(found) >= 2


# ---------------------------------------------------------------------------------------------------- conventions


@pytest.mark.parametrize(("biases", "expected"), [("none", 4 * (3 - 1)), ("hidden", 4 * 3), ("both", 4 * 3)])
def test_the_nullity_at_the_origin_of_a_tanh_network_depends_on_biases(biases: str, expected: int) -> None:
    """With h = 4 units and d = 3 inputs it is h(d - 1) without biases, and h d with hidden ones."""
    rng = np.random.default_rng(0)
    theory = THEORY.tanh_at_origin(rng.normal(size=(7, 3)), rng.normal(size=(7, 1)), 4, biases)
    found = spectrum(theory.loss, theory.points[0].x)
    assert (found.index, found.nullity) == (4, expected)


def test_where_targets_tell_nothing_about_inputs_the_origin_of_a_tanh_network_is_flat() -> None:
    X = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    theory = THEORY.tanh_at_origin(X, np.array([[1.0], [1.0], [-1.0], [-1.0]]), 3, "both")
    found = spectrum(theory.loss, theory.points[0].x)
    assert (found.index, found.nullity) == (0, theory.loss.dimension - 1) == (theory.points[0].index, 12)


def test_the_hessian_vanishes_at_the_origin_of_three_layers_and_not_of_two() -> None:
    X, Y = np.eye(3), np.diag([3.0, 2.0, 1.0])
    two, three = (THEORY.linear_network(X, Y, widths).loss for widths in ((2,), (2, 2)))
    assert np.max(np.abs(hessian(two, np.zeros(two.dimension)).value)) == pytest.approx(3.0)
    flat: Any = hessian(three, np.zeros(three.dimension))
    assert not flat.value.any()
    assert np.max(flat.bound) < 1e-12
