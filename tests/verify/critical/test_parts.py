"""The certified search in parts: the same points, on any executor, and from a journal."""

from __future__ import annotations

from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy

from verify.critical.find import find_critical_points
from verify.critical.points import CriticalPoints
from verify.critical.proof import parts as pieces

x, y = sympy.symbols("x y", real=True)
CAMEL = (4 - sympy.Rational(21, 10) * x**2 + x**4 / 3) * x**2 + x * y + (-4 + 4 * y**2) * y**2
BOX = [(-5, 5), (-5, 5)]


def same(one: CriticalPoints, other: CriticalPoints) -> None:
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a.x, b.x, atol=1e-12)
        assert (a.kind, a.index, a.certified) == (b.kind, b.index, b.certified)


def test_points_are_those_of_one_search() -> None:
    whole = find_critical_points(CAMEL, BOX)
    with ThreadPoolExecutor(2) as pool:
        parts = find_critical_points(CAMEL, BOX, executor=pool)
    assert parts.complete
    same(whole, parts)


@pytest.mark.parametrize("kind", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_the_executor_does_not_matter(kind: type[Executor], tmp_path: Path) -> None:
    here = find_critical_points(CAMEL, BOX, journal=tmp_path / "here")
    with kind(2) as pool:  # type: ignore[call-arg]
        there = find_critical_points(CAMEL, BOX, executor=pool)
    for a, b in zip(here, there, strict=True):
        assert np.array_equal(a.x, b.x)
        assert np.array_equal(a.eigenvalues, b.eigenvalues)


def test_a_journal_saves_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = find_critical_points(CAMEL, BOX, journal=tmp_path / "journal")

    def never(*a: object, **k: object) -> None:
        raise AssertionError("a finished part was searched again")

    monkeypatch.setattr(pieces, "branch", never)
    same(first, find_critical_points(CAMEL, BOX, journal=tmp_path / "journal"))


def test_a_journal_of_another_box_is_refused(tmp_path: Path) -> None:
    find_critical_points(x**2 + y**2, [(-1, 1), (-1, 2)], journal=tmp_path / "journal")
    with pytest.raises(ValueError, match="journal"):
        find_critical_points(x**2 + y**2, [(-1, 1), (-1, 3)], journal=tmp_path / "journal")


def test_continua_and_undecided_boxes_of_parts_are_joined(tmp_path: Path) -> None:
    ring = find_critical_points((x**2 + y**2 - 1) ** 2, [(-1.5, 2)] * 2, journal=tmp_path / "ring")
    assert len(ring.components) == 1
    assert len(ring) == 1
    monkey = find_critical_points(x**3 - 3 * x * y**2, [(-1, 2)] * 2, journal=tmp_path / "monkey")
    assert len(monkey) == 1
    assert monkey.complete
    kink = find_critical_points(abs(x) + abs(y), [(-1, 2)] * 2, journal=tmp_path / "kink")
    assert len(kink.undecided) == 1


def test_a_time_limit_leaves_parts(tmp_path: Path) -> None:
    found = find_critical_points(CAMEL, BOX, journal=tmp_path / "journal", time_limit=1e-6)
    assert not found.complete
    assert found.stopped
    assert found.undecided
    resumed = find_critical_points(CAMEL, BOX, journal=tmp_path / "journal")
    assert resumed.complete
    assert len(resumed) == 15


def test_progress_is_told() -> None:
    told: list[str] = []
    with ThreadPoolExecutor(2) as pool:
        find_critical_points(CAMEL, BOX, executor=pool, progress=told.append)
    assert told
    assert told[-1].endswith("0 boxes to do")


def test_parts_cover_the_box(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    run = pieces.run

    def watched(work: Any, parts: Any, **options: Any) -> Any:
        seen.extend(parts)
        return run(work, parts, **options)

    monkeypatch.setattr(pieces, "run", watched)
    with ThreadPoolExecutor(1) as pool:
        find_critical_points(CAMEL, BOX, executor=pool)
    assert len(seen) == 2**pieces.CUTS
    assert sum(np.prod(part.upper - part.lower) for part in seen) == pytest.approx(100, rel=1e-12)
    assert len({part.seed for part in seen}) == len(seen)
