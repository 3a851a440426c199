"""Points that were found, compared with known ones: planted errors are named, each by its name, and no other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.beside import critical_matching, critical_peers
from tests.verify.critical.known import PROBLEMS

MATCHING = critical_matching()
Found, compare = MATCHING.Found, MATCHING.compare
ROOT = Path(__file__).resolve().parents[3]

Answer = list[Any]


def right(name: str) -> Answer:
    """The known points, each moved by far less than the tolerance, in another order."""
    problem = PROBLEMS[name]
    rng = np.random.default_rng(0)
    widths = np.ptp(np.array(problem.box, dtype=float), axis=1)
    answer = [
        Found(np.array(one.x) + 1e-8 * widths * rng.normal(size=problem.dimension), one.index, one.nullity)
        for one in problem.points
    ]
    for each in problem.continua:
        number = [0.7, 0.4][: each.dimension]
        answer.append(Found(np.array([float(entry) for entry in each.of(*number)]), 0))
    return [answer[k] for k in rng.permutation(len(answer))]


def numbers(name: str, answer: Answer) -> tuple[int, int, int, int]:
    match = compare(PROBLEMS[name], answer)
    return match.expected - match.found, match.falsehoods, len(match.wrong_index), match.repeated


NAMES = ("six-hump camel", "Rastrigin in two", "monkey saddle", "two circles", "folded parabola", "x + exp y",
         "Müller-Brown", "six-hump camel in other units", "quadratic form on a sphere in 20", "Motzkin")  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_the_right_answer_is_whole(name: str) -> None:
    assert numbers(name, right(name)) == (0, 0, 0, 0)
    assert compare(PROBLEMS[name], right(name)).whole


def without_one(answer: Answer) -> Answer:
    return answer[1:]


def with_a_false_one(answer: Answer) -> Answer:
    return [*answer, Found(np.array([0.3, 0.4]), 0)]


def with_a_wrong_index(answer: Answer) -> Answer:
    return [*answer[1:], replace(answer[0], index=answer[0].index + 1)]


def with_a_wrong_nullity(answer: Answer) -> Answer:
    return [*answer[1:], replace(answer[0], nullity=1)]


def with_one_twice(answer: Answer) -> Answer:
    return [*answer, replace(answer[0], x=answer[0].x + 1e-9)]


def with_one_moved(answer: Answer) -> Answer:
    return [replace(answer[0], x=answer[0].x + 1e-4), *answer[1:]]


def with_one_outside(answer: Answer) -> Answer:
    return [*answer, Found(np.array([100.0, 0.0]), 0)]


def with_two_exchanged(answer: Answer) -> Answer:
    first = next(one for one in answer if one.index != answer[0].index)
    rest = [one for one in answer[1:] if one is not first]
    return [replace(answer[0], x=first.x), replace(first, x=answer[0].x), *rest]


PLANTED: dict[Callable[[Answer], Answer], tuple[int, int, int, int]] = {
    without_one: (1, 0, 0, 0),
    with_a_false_one: (0, 1, 0, 0),
    with_a_wrong_index: (0, 0, 1, 0),
    with_a_wrong_nullity: (0, 0, 1, 0),
    with_one_twice: (0, 0, 0, 1),
    with_one_moved: (1, 1, 0, 0),
    with_one_outside: (0, 0, 0, 0),
    with_two_exchanged: (0, 0, 2, 0),
}


@pytest.mark.parametrize("plant", PLANTED, ids=lambda one: one.__name__)
@pytest.mark.parametrize("name", ["six-hump camel", "Himmelblau", "Griewank"])
def test_planted_errors_are_named(name: str, plant: Callable[[Answer], Answer]) -> None:
    answer = plant(right(name))
    assert numbers(name, answer) == PLANTED[plant]
    assert compare(PROBLEMS[name], answer).whole == (PLANTED[plant] == (0, 0, 0, 0))


def test_of_two_near_a_known_point_the_nearer_one_is_judged() -> None:
    problem = PROBLEMS["Himmelblau"]
    answer = right("Himmelblau")
    answer.append(Found(answer[0].x + 5e-6, answer[0].index + 1))
    match = compare(problem, answer)
    assert (match.repeated, match.wrong_index) == (1, ())


def test_a_missing_continuum_is_named() -> None:
    problem = PROBLEMS["two circles"]
    match = compare(problem, [Found(np.array([0.0, 0.0]), 0), Found(np.array([0.0, 2.0]), 0)])
    assert [each.what for each in match.missing_continua] == ["the circle of radius 1 around (0, 0)"]
    assert (match.found, match.expected, match.on_continua) == (2, 3, 1)


def test_a_kink_is_no_point_unless_it_is_certified() -> None:
    problem = PROBLEMS["folded parabola"]
    kink = Found(np.array([1.0, 0.0]), 0)
    match = compare(problem, [*right("folded parabola"), kink])
    assert (match.whole, match.at_kinks, match.falsehoods) == (True, 1, 0)
    assert compare(problem, [*right("folded parabola"), replace(kink, certified=True)]).falsehoods == 1


def test_where_only_numbers_are_known_they_are_compared() -> None:
    problem = PROBLEMS["Trefethen, the middle"]
    some = [Found(np.array([0.0, 0.001 * k]), index) for index in range(3) for k in range(problem.counted[index])]
    assert compare(problem, some).whole
    other = [replace(some[0], index=1), *some[2:]]
    match = compare(problem, other)
    assert (match.expected - match.found, match.falsehoods) == (2, 1)


@pytest.mark.parametrize("name", ["six-hump camel", "Hénon-Heiles", "double wells in two"])
def test_many_starts_find_all_of_an_easy_function(name: str) -> None:
    found, evaluations = critical_peers().multistart(PROBLEMS[name], 300)
    assert compare(PROBLEMS[name], found).whole
    assert evaluations > 300 * 3


def test_derivatives_beside_kinks_are_those_of_the_piece() -> None:
    derivatives = critical_peers().Derivatives(PROBLEMS["folded parabola"])
    np.testing.assert_allclose(derivatives.gradient(np.array([0.5, 1.0])), [-1, 2])
    np.testing.assert_allclose(derivatives.hessian(np.array([0.5, 1.0])), [[-2, 0], [0, 2]])
    assert derivatives.calls == 2


# The program.


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "critical.py"), *arguments],
        cwd=folder,
        env={**os.environ, "COLUMNS": "118"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_benchmark_runs_and_counts(tmp_path: Path) -> None:
    methods = {"ours": "find_critical_points", "scipy30": "scipy, 30 starts", "sympy": "sympy.solve"}
    only = [part for one in methods for part in ("--only", one)]
    ended = run("folium", "circle", *only, "--each", "--limit", "20", "--json", "found.jsonl", folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    rows = [json.loads(line) for line in (tmp_path / "found.jsonl").read_text().splitlines()]
    assert [(row["problem"], row["method"]) for row in rows] == [
        (name, method) for name in ("folium", "circle") for method in methods.values()
    ]
    assert [row["expected"] for row in rows] == [2] * 6
    assert [row["found"] for row in rows if row["method"] != "scipy, 30 starts"] == [2, 2, 2, 2]
    assert [row["complete"] for row in rows if row["method"] == "find_critical_points"] == [True, False]
    assert not any(row["false"] or row["wrong_index"] or row["why"] for row in rows)
    assert all(row["evaluations"] > 0 for row in rows if row["method"] == "scipy, 30 starts")
    assert "Critical points found" in ended.stdout
    assert all(len(line.rstrip()) <= 118 for line in ended.stdout.splitlines())


def test_what_is_not_known_is_said(tmp_path: Path) -> None:
    ended = run("no such function", folder=tmp_path)
    assert ended.returncode == 1
    assert "no function and no family is named 'no such function'" in ended.stderr
