"""What the adapters share, without any framework."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np
import pytest

from verify.adapters.shared import apart, leaves, names_of, refilled
from verify.backward_pass import check_backward

Pair = namedtuple("Pair", "first second")


def two(x: Any, w: Any, *rest: Any) -> None: ...


def test_names_are_those_of_parameters() -> None:
    assert names_of(two, 1) == ["x"]
    assert names_of(two, 4) == ["x", "w", "rest[0]", "rest[1]"]
    assert names_of(two, 2, skip=1) == ["w", "rest[0]"]
    assert names_of(object(), 2) == ["input 0", "input 1"]  # type: ignore[arg-type]  # has no signature


def test_names_that_are_no_identifiers_reach_the_report() -> None:
    inputs = (np.array([1.0, 2.0]), np.array([0.5, 3.0]))
    names = ["0.weight", "params['w']"]
    report = check_backward(lambda x, y: x * y, lambda d, x, y: (d * y, d * y), inputs, names=names)
    assert report.names == ("0.weight", "params['w']")
    assert report.culprit_names == ("params['w']",)
    assert "params['w']" in report.message


def test_parts_of_nests_are_found_and_replaced() -> None:
    tree = {"a": [1.5, "text"], "b": Pair(2.5, (3.5, None))}
    assert list(leaves(tree, float, "t")) == [("t['a'][0]", 1.5), ("t['b'][0]", 2.5), ("t['b'][1][0]", 3.5)]
    changed = refilled(tree, float, iter([1.0, 2.0, 3.0]))
    assert changed == {"a": [1.0, "text"], "b": Pair(2.0, (3.0, None))}
    assert isinstance(changed["b"], Pair)


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0.0),
        ([1.0, 2.0], [1.0, 1.0], 0.5),
        ([0.0, np.nan], [0.0, np.nan], 0.0),
        ([1.0, np.inf], [1.0, np.inf], 0.0),
        ([], [], 0.0),
        ([1.0], [1.0, 1.0], np.inf),
    ],
)
def test_distances_are_relative(one: Any, other: Any, distance: float) -> None:
    assert apart(np.array(one), np.array(other)) == distance


def test_what_is_finite_once_only_is_far_apart() -> None:
    assert apart(np.array([1.0, np.nan]), np.array([1.0, 2.0])) > 1e9
    assert apart(np.array([1.0, np.inf]), np.array([1.0, 2.0])) > 1e9
