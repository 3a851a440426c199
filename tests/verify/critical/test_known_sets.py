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
# What is smooth with regular Hessians, and yet not settled: poles and edges of the domain where terms of both signs
# are unbounded, and parts that underflow.
UNSETTLED = {
    "charge in a trap", "atom in a field", "line charges in a triangle", "Lennard-Jones trimer", "normal likelihood"
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
            assert np.all(one.enclosure[1] - one.enclosure[0] < 1e-5)
            assert one.spectrum.proved
    if points.complete:
        assert not points.undecided
        assert all(one.certified for one in points)
    if problem.kind == "smooth":
        assert points.complete == (name not in UNSETTLED), points
    if problem.kind in ("degenerate", "continuum"):
        assert not points.complete
