"""The proof beside what is known by algebra, theorems and rigorous intervals: all is found, nothing is false."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.beside import critical_functions, critical_matching
from verify.critical.find import find_critical_points

PROBLEMS = {
    name: problem
    for name, problem in critical_functions().PROBLEMS.items()
    if problem.symbolic and not problem.heavy and problem.dimension <= 4
}
# What takes seconds is run by hand.
SLOW = ("Shubert", "Lennard-Jones trimer", "Motzkin", "two lines that cross", "torus, squared")
# What has isolated points alone, and is not settled: a box for which there is no room, an edge that is one in every
# direction, and points at places that the function does not name.
UNSETTLED = {
    "Lennard-Jones trimer", "arithmetic and geometric mean", "three sines around a monkey saddle",
    "line charges in a triangle",
}  # fmt: skip

CASES = [pytest.param(name, marks=pytest.mark.campaign) if name in SLOW else name for name in PROBLEMS]


@pytest.mark.parametrize("name", CASES)
def test_all_is_found_and_nothing_else(name: str) -> None:
    problem: Any = PROBLEMS[name]
    points = find_critical_points(problem.expression(), problem.box, symbols=problem.symbols(), time_limit=100)
    matching = critical_matching()
    found = [matching.Found(one.x, one.index, one.nullity, one.certified) for one in points]
    found += [matching.Found(x, 0, one.dimension) for one in points.components for x in one.points]
    match = matching.compare(problem, found)
    assert match.whole, match
    for one in points:
        if one.certified:
            assert one.enclosure is not None
            assert np.all(one.enclosure[1] - one.enclosure[0] < (1e-2 if one.nullity else 1e-5))
            assert one.spectrum.proved
    if points.complete:
        assert not points.undecided
        assert all(one.certified for one in points)
    if problem.kind in ("smooth", "barrier", "degenerate", "none"):
        assert points.complete == (name not in UNSETTLED), points
    if problem.kind == "continuum":
        assert not points.complete
