"""Operations that have a rule in part or not at all: each works, or is refused with its name and the line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from derive import MissingRuleError, NotationError, gradient

X, A = {"x": "n"}, {"A": ("n", "n")}

REFUSED: dict[str, tuple[Callable[[Any], Any], dict[str, Any], str]] = {
    "pinv": (lambda A: np.linalg.pinv(A).sum(), A, "np.linalg.pinv has no rule: for full column rank write"),
    "sort": (lambda x: (np.sort(x) ** 2).sum(), X, "np.sort has no rule"),
    "argsort": (lambda x: x[np.argsort(x)].sum(), X, "np.argsort has no rule"),
    "eigh": (lambda A: np.linalg.eigh(A)[0].sum(), A, "np.linalg.eigh has no rule"),
    "eigvalsh": (lambda A: np.linalg.eigvalsh(A).max(), A, "np.linalg.eigvalsh has no rule"),
    "svd": (lambda A: np.linalg.svd(A)[1].sum(), A, "np.linalg.svd has no rule"),
    "qr": (lambda A: np.linalg.qr(A)[0].sum(), A, "np.linalg.qr has no rule"),
    "nuclear norm": (lambda A: np.linalg.norm(A, "nuc"), A, "nuc"),
    "spectral norm": (lambda A: np.linalg.norm(A, 2), A, "2"),
    "fft": (lambda x: np.abs(np.fft.fft(x)).sum(), X, "np.fft.fft has no rule"),
    "median": (lambda x: np.median(x), X, "np.median has no rule"),
    "unique": (lambda x: np.unique(x).sum(), X, "np.unique has no rule"),
    "random numbers": (
        lambda x: (x * np.random.default_rng(0).normal(size=len(x))).sum(),
        X,
        "do not broadcast",
    ),
    "vectorize": (lambda x: np.vectorize(lambda t: t * t)(x).sum(), X, "np.vectorize has no rule"),
    "a mask on values": (lambda x: x[x > 0].sum(), X, "a mask makes a shape that d"),
}


@pytest.mark.parametrize("which", REFUSED)
def test_it_is_refused_by_name_and_line(which: str) -> None:
    function, shapes, message = REFUSED[which]
    with pytest.raises((MissingRuleError, NotationError)) as caught:
        gradient(function, next(iter(shapes)), shapes=shapes)
    text = str(caught.value)
    assert message in text
    assert text.startswith("line ")
    assert len(text.splitlines()[0]) < 400


def test_kronecker_products_work() -> None:
    found = gradient(lambda A, B: (np.kron(A, B) ** 2).sum(), "A", shapes={"A": ("n", "m"), "B": ("p", "q")})
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 3)), rng.normal(size=(4, 2))
    np.testing.assert_allclose(found.function()(A=first, B=second), 2 * first * (second**2).sum(), rtol=1e-12)


def test_a_position_works_as_an_index() -> None:
    found = gradient(lambda x, w: x[np.argmax(w * x)] ** 2, "x", shapes={"x": "n", "w": "n"})
    x, w = np.array([1.0, -3.0, 2.0]), np.array([1.0, -1.0, 1.0])
    np.testing.assert_allclose(found.function()(x=x, w=w), [0.0, -6.0, 0.0])
