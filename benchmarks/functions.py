"""How short, how quick and how fast: derivations of the classic problems, from plain NumPy, against an expert's.

Lengths are characters of LaTeX without white space; an expert's answer counts with what it defines beside it. Times
are seconds of processor time on one thread, the code's against that of an expert's backward pass, in turns.
"""

# ruff: noqa: E402 - the environment and the path are set before what depends on them is imported

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ[variable] = "1"

import argparse
import inspect
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

# The folder of this file holds a module of the name of the package, the folder above the programs of the tests.
sys.path[0] = str(Path(__file__).resolve().parents[1])

import numpy as np
from rich.console import Console
from rich.table import Table

import derive
from benchmarks.classics import PROBLEMS, Problem
from derive.derivation import Derivation
from derive.errors import MissingRuleError, NotationError, WrongResultError
from derive.render.phrases import DOMAINS
from verify.derivation import check_derivation

ROUNDS = 5


def derivation(problem: Problem) -> Derivation:
    """The derivation that a problem asks for."""
    ask = getattr(derive, problem.kind)
    found: Derivation = ask(
        problem.function, problem.wrt, shapes=problem.shapes, assumptions=lambda **given: _said(problem, given)
    )
    return found


def _said(problem: Problem, given: Mapping[str, Any]) -> list[Any]:
    """The assumptions of a problem, and the domains of its arguments."""
    domains = [(given[name], domain) for name, domain in problem.domains.items() if domain in DOMAINS]
    if problem.assumptions is None:
        return domains
    asked = inspect.signature(problem.assumptions).parameters
    return [*domains, *problem.assumptions(**{name: given[name] for name in asked})]


def ratio(problem: Problem, found: Derivation) -> float:
    """The length of the result against the expert's."""
    ours, theirs = ("".join(text.split()) for text in (found.result.latex(), problem.expert + problem.where))
    return len(ours) / len(theirs)


def seconds(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def given_to(problem: Problem) -> tuple[dict[str, Any], dict[str, Any]]:
    """Arguments at which times are measured, and what the derivative takes beside them."""
    given = dict(problem.draw(problem.large_sizes(), seed=0, scale=0.1))
    extra: dict[str, Any] = {}
    rng = np.random.default_rng(0)
    if problem.kind == "vjp":
        extra[f"d_{problem.output}"] = rng.normal(size=np.shape(problem.function(**given)))
    if problem.kind in ("jvp", "hvp"):
        extra[f"t_{problem.wrt}"] = rng.normal(size=given[problem.wrt].shape)
    return given, extra


def code(problem: Problem, found: Derivation) -> float:
    """The time of the exported code against that of the expert's, at large sizes."""
    function = found.function()
    given, extra = given_to(problem)
    ours = {name: given.get(name) for name in inspect.signature(function).parameters}
    ours |= {name: next(iter(extra.values())) for name, value in ours.items() if value is None}
    repeat = max(1, int(0.02 / (seconds(lambda: problem.backward(**given, **extra)) + 1e-7)))
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        times[0].append(seconds(lambda: [function(**ours) for _ in range(repeat)]))
        times[1].append(seconds(lambda: [problem.backward(**given, **extra) for _ in range(repeat)]))
    return min(times[0]) / min(times[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="problems, or areas; all of them where none is named")
    parser.add_argument("--check", action="store_true", help="check every line, too")
    parser.add_argument("--code", action="store_true", help="time the exported code, too")
    options = parser.parse_args()
    table = Table(title="Classic problems from plain NumPy")
    for column in ("problem", "length", "derive", "checked", "check", "code"):
        table.add_column(column, justify="left" if column == "problem" else "right")
    lengths, times, checks, codes, left = [], [], [], [], []
    for name, problem in PROBLEMS.items():
        if options.names and name not in options.names and problem.area not in options.names:
            continue
        try:
            start = time.process_time()
            found = derivation(problem)
            short = ratio(problem, found)
            took = time.process_time() - start
        except (MissingRuleError, NotationError, WrongResultError) as error:
            left.append(f"{name}: {error}")
            continue
        lengths.append(short)
        times.append(took)
        outcome, checked, against = "", 0.0, 0.0
        if options.check:
            start = time.process_time()
            outcome = check_derivation(found, exact=False).outcome
            checked = time.process_time() - start
            checks.append(checked)
        if options.code:
            against = code(problem, found)
            codes.append(against)
        table.add_row(
            name,
            f"{short:.2f}",
            f"{took:.3f}",
            outcome,
            f"{checked:.2f}" if checks else "",
            f"{against:.2f}" if codes else "",
        )
    console = Console()
    console.print(table)
    for text in left:
        console.print(f"not derived: {text}", markup=False)
    _summary(console, "length against an expert's", lengths, 1.5)
    _summary(console, "derive, seconds", times, 0.15)
    if checks:
        _summary(console, "check, seconds", checks, 5.0)
    if codes:
        _summary(console, "code against an expert's", codes, 1.2)


def _summary(console: Console, title: str, values: list[float], aim: float) -> None:
    over = f"above {aim}: {sum(value > aim for value in values)} of {len(values)}"
    console.print(f"{title}: median {statistics.median(values):.2f}, largest {max(values):.2f}, {over}")


if __name__ == "__main__":
    main()
