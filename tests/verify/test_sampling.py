"""Points lie in the domains that were asked for, and tell entries apart."""

from __future__ import annotations

import numpy as np
import pytest

from verify.sampling import DOMAINS, contains, draw, integers

SHAPES = {0: [(), (1,), (4,), (3, 4), (2, 3, 5)], 1: [(1,), (4,), (3, 4), (2, 3, 5)], 2: [(1, 1), (3, 3), (2, 4, 4)]}
CASES = [(name, shape) for name, row in DOMAINS.items() for shape in SHAPES[row.axes]]


@pytest.mark.parametrize(("name", "shape"), CASES)
def test_points_are_members(name: str, shape: tuple[int, ...]) -> None:
    for seed in range(5):
        array = draw(name, shape, np.random.default_rng(seed))
        assert array.shape == shape
        assert array.dtype == np.float64
        assert contains(name, array)


OUTSIDE = {
    "real": np.nan,
    "nonzero": 0.0,
    "positive": 0.0,
    "nonnegative": -0.1,
    "above -1": -1.0,
    "between -1 and 1": 1.0,
    "unit interval": 1.0,
    "small": 0.5,
    "sign": 0.5,
    "mask": 0.5,
    "simplex": [0.5, 0.6],
    "unit sum": [-0.5, 1.6],
    "one-hot": [1.0, 1.0],
    "unit norm": [1.0, 1.0],
    "symmetric": [[1.0, 2.0], [3.0, 4.0]],
    "positive definite": [[1.0, 2.0], [2.0, 1.0]],
    "orthogonal": [[1.0, 1.0], [0.0, 1.0]],
}


@pytest.mark.parametrize("name", DOMAINS)
def test_what_lies_outside_is_seen(name: str) -> None:
    assert not contains(name, np.array(OUTSIDE[name]))


def test_negative_zero_entries_of_a_simplex_are_seen() -> None:
    assert not contains("simplex", np.array([1.0, 0.0]))
    assert not contains("positive definite", np.array([[1.0, 2.0], [1.0, 3.0]]))
    assert not contains("symmetric", np.ones((2, 3)))
    assert not contains("unit norm", np.array(1.0))


DISTINCT = [name for name, row in DOMAINS.items() if row.free]


@pytest.mark.parametrize("name", DISTINCT)
def test_entries_differ_and_are_short(name: str) -> None:
    array = draw(name, (4, 5), np.random.default_rng(3))
    assert len(set(np.abs(array).ravel() if name in ("real", "nonzero") else array.ravel())) == array.size
    assert np.all(array == np.round(array, 4))
    assert np.all(array != 0)
    assert np.all(np.abs(array) != 1)
    assert np.abs(array).max() < 2


@pytest.mark.parametrize("name", ["real", "nonzero", "above -1", "between -1 and 1", "small", "sign", "symmetric"])
def test_both_signs_occur(name: str) -> None:
    array = draw(name, (6, 6), np.random.default_rng(0))
    assert (array > 0).any()
    assert (array < 0).any()


@pytest.mark.parametrize("name", DISTINCT)
def test_no_two_entries_are_near_a_tie(name: str) -> None:
    for seed in range(10):
        array = np.sort(draw(name, (6,), np.random.default_rng(seed)))
        assert np.diff(array).min() > 0.03 * np.ptp(array)


def test_many_entries_differ_by_more_decimals() -> None:
    array = draw("unit interval", (40, 50), np.random.default_rng(0))
    assert len(np.unique(array)) == array.size


def test_rows_of_a_simplex_have_short_decimals() -> None:
    rows = draw("simplex", (20, 4), np.random.default_rng(1))
    assert np.all(rows == np.round(rows, 3))
    assert np.all(draw("simplex", (2, 1), np.random.default_rng(1)) == 1)


def test_the_same_seed_gives_the_same_points() -> None:
    for name, row in DOMAINS.items():
        shape = (3, 3) if row.axes else (3,)
        first, second = (draw(name, shape, np.random.default_rng(9)) for _ in range(2))
        assert np.array_equal(first, second)


def test_integers() -> None:
    array = integers(4, (3, 5), np.random.default_rng(0))
    assert array.dtype == np.int64
    assert array.min() == 0
    assert array.max() == 3
    assert integers(1, (3,), np.random.default_rng(0)).tolist() == [0, 0, 0]
    assert integers(0, (0,), np.random.default_rng(0)).shape == (0,)


@pytest.mark.parametrize(
    ("name", "words"), [("simplx", ["'simplex'", "did you mean"]), ("zzz", ["'real'", "'orthogonal'"])]
)
def test_an_unknown_domain_is_named(name: str, words: list[str]) -> None:
    for ask in (lambda: draw(name, (2,), np.random.default_rng(0)), lambda: contains(name, np.zeros(2))):
        with pytest.raises(ValueError, match=name) as raised:
            ask()
        assert all(word in str(raised.value) for word in words)


@pytest.mark.parametrize(
    ("name", "shape", "words"),
    [
        ("simplex", (3, 0), "empty"),
        ("one-hot", (0,), "empty"),
        ("unit norm", (2, 0), "empty"),
        ("simplex", (), "needs 1 axes"),
        ("orthogonal", (3,), "needs 2 axes"),
        ("symmetric", (2, 3), "square"),
    ],
)
def test_an_empty_domain_is_refused(name: str, shape: tuple[int, ...], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        draw(name, shape, np.random.default_rng(0))


def test_no_integers_are_refused() -> None:
    with pytest.raises(ValueError, match="below 0"):
        integers(0, (2,), np.random.default_rng(0))
