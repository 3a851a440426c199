"""Bounds of eigenvalues: every matrix between two has its eigenvalues in them."""

from __future__ import annotations

import numpy as np
import pytest

from verify.critical.points import Spectrum
from verify.critical.spectra import enclosed_spectrum, measured_spectrum


def symmetric(rng: np.random.Generator, values: np.ndarray) -> np.ndarray:
    n = len(values)
    Q, _ = np.linalg.qr(rng.normal(size=(n, n)))
    H = Q * values @ Q.T
    return (H + H.T) / 2


SPECTRA = {
    "apart": [-3.0, -1.0, 2.0, 5.0],
    "multiple": [1.0, 1.0, 1.0, -2.0],
    "zero": [0.0, 1.0, 2.0],
    "ill-scaled": [-1e-4, 1.0, 1e6],
    "one": [2.0],
    "tiny": [1e-200, -3e-200],
    "huge": [1e200, -2e200, 3e200],
}


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("radius", [0.0, 1e-14, 1e-3])
def test_every_matrix_in_between_has_its_eigenvalues_in_the_bounds(name: str, radius: float) -> None:
    rng = np.random.default_rng(5)
    values = np.array(SPECTRA[name])
    H = symmetric(rng, values)
    spread = radius * np.abs(H)
    found = enclosed_spectrum(H - spread, H + spread)
    assert found.proved
    for _ in range(50):
        share = rng.choice([-1.0, 1.0, 0.3], H.shape)
        one = H + np.triu(share * spread) + np.triu(share * spread, 1).T
        exact = np.linalg.eigvalsh(one)
        slack = 1e-14 * np.abs(exact).max()
        assert np.all(found.lower <= exact + slack)
        assert np.all(exact - slack <= found.upper)
    if radius <= 1e-14:
        assert np.all(
            found.upper - found.lower <= 1e-12 * np.abs(values).max() + 2 * radius * np.abs(values).max() * 4
        )


def test_the_bounds_are_not_proved_by_accident() -> None:
    """A matrix just outside has an eigenvalue just outside: the bounds are sharp enough to see that."""
    found = enclosed_spectrum(np.diag([1.0, 2.0]), np.diag([1.0, 2.0]))
    assert not found.lower[0] <= 1.0 - 1e-12 <= found.upper[0]


def test_a_separate_eigenvalue_has_bounds_of_its_own() -> None:
    H = np.diag([1.0, 1e6])
    spread = np.diag([0.0, 1e3])
    found = enclosed_spectrum(H - spread, H + spread)
    assert found.upper[0] - found.lower[0] < 1e-6
    assert found.upper[1] - found.lower[1] > 1e3


def test_without_finite_ends_nothing_is_said() -> None:
    found = enclosed_spectrum(np.array([[-np.inf]]), np.array([[np.inf]]))
    assert found.nullity == 1
    assert found.kind == "degenerate"


def test_kinds() -> None:
    def spectrum(*values: float, error: float = 1e-9) -> Spectrum:
        return measured_spectrum(np.diag(values), error)

    assert spectrum(1, 2).kind == "minimum"
    assert spectrum(-1, -2).kind == "maximum"
    assert spectrum(-1, 2).kind == "saddle"
    assert spectrum(-1, 0, 2).kind == "saddle"
    assert spectrum(0, 2).kind == "degenerate"
    assert spectrum(-1, 0).kind == "degenerate"
    assert spectrum(1e-10, 2).kind == "degenerate"
    assert (spectrum(-1, 0, 2).index, spectrum(-1, 0, 2).nullity) == (1, 1)
