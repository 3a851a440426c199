"""How many critical points are found, how many are false, and at what price, beside other ways to find them.

Every method is given every function of the table in its box. Recall is the share of the known points and continua
that were found; a function is whole where all were found, once, with the right index, and nothing else. Times are
seconds of processor time on one thread.
"""

# ruff: noqa: E402 - the environment and the path are set before what depends on them is imported

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ[variable] = "1"

import argparse
import functools
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])

import numpy as np
from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table

import verify
from benchmarks.critical_functions import FAMILIES, PROBLEMS, Problem
from benchmarks.critical_matching import Found, compare
from benchmarks.critical_peers import multistart, solved

OURS = "find_critical_points"
WIDTH = 118


@dataclass(frozen=True)
class Search:
    """What a method answers: points, evaluations of gradients and Hessians, boxes, and why it gave nothing.

    ``complete`` says that the method claims to have found all. ``seconds`` is None where the caller is to measure.
    """

    found: Sequence[Found]
    evaluations: int = 0
    boxes: int = 0
    why: str = ""
    complete: bool = False
    seconds: float | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of one method on one function: the numbers of ``critical_matching.Match``, and the price."""

    method: str
    problem: str
    family: str
    expected: int
    found: int
    false: int
    wrong_index: int
    repeated: int
    at_kinks: int
    whole: bool
    complete: bool
    certified: int
    evaluations: int
    boxes: int
    seconds: float
    why: str

    @property
    def false_certificate(self) -> bool:
        """Completeness was claimed, and something is missing, false or wrong."""
        return self.complete and not self.whole


def ours(problem: Problem, seed: int, limit: float) -> Search:
    """``find_critical_points``: on the expression where there is one, else on f, gradient and products."""
    if problem.symbolic:
        answer = verify.find_critical_points(
            problem.expression(), box=list(problem.box), symbols=problem.symbols(), seed=seed, time_limit=limit
        )
    else:
        answer = verify.find_critical_points(
            problem.function,
            box=list(problem.box),
            gradient=problem.gradient,
            hvp=problem.hvp,
            seed=seed,
            time_limit=limit,
        )
    found = [Found(np.asarray(one.x), one.index, one.nullity, one.certified) for one in answer]
    # A point of a continuum says that it was seen; its index there is asked of nobody.
    found += [Found(np.asarray(x), 0, problem.dimension) for each in answer.components for x in each.points]
    cost = answer.cost
    return Search(
        found,
        evaluations=cost.function + cost.gradient + cost.hessian + cost.hvp,
        boxes=cost.boxes,
        why=answer.stopped,
        complete=answer.complete,
    )


def from_starts(starts: int, problem: Problem, seed: int, limit: float) -> Search:
    found, evaluations = multistart(problem, starts, seed)
    return Search(found, evaluations)


def by_sympy(problem: Problem, seed: int, limit: float) -> Search:
    found, why, seconds = solved(problem, limit)
    # A list without a word of warning is a claim.
    return Search(found, why=why, complete=not why and bool(found), seconds=seconds)


METHODS: Mapping[str, Callable[[Problem, int, float], Search]] = {
    OURS: ours,
    "scipy, 30 starts": functools.partial(from_starts, 30),
    "scipy, 300 starts": functools.partial(from_starts, 300),
    "scipy, 3000 starts": functools.partial(from_starts, 3000),
    "sympy.solve": by_sympy,
}
ALIASES = {"ours": OURS, "scipy30": "scipy, 30 starts", "scipy300": "scipy, 300 starts"}
ALIASES |= {"scipy3000": "scipy, 3000 starts", "sympy": "sympy.solve"}
DEFAULT = ("ours", "scipy30", "scipy300", "sympy")


def family_of(name: str) -> str:
    return next(family for family, problems in FAMILIES.items() if any(one.name == name for one in problems))


def outcome(method: str, problem: Problem, seed: int, limit: float) -> Outcome:
    """One method on one function; what it raises is the reason why it found nothing."""
    start = time.process_time()
    try:
        search = METHODS[method](problem, seed, limit)
    except Exception as error:
        search = Search([], why=f"{type(error).__name__}: {error}"[:200])
    seconds = time.process_time() - start if search.seconds is None else search.seconds
    match = compare(problem, search.found)
    return Outcome(
        method=method,
        problem=problem.name,
        family=family_of(problem.name),
        expected=match.expected,
        found=match.found,
        false=match.falsehoods,
        wrong_index=len(match.wrong_index),
        repeated=match.repeated,
        at_kinks=match.at_kinks,
        # What gave no answer has not found that there is nothing, either.
        whole=match.whole and not search.why,
        complete=search.complete,
        certified=sum(one.certified for one in search.found),
        evaluations=search.evaluations,
        boxes=search.boxes,
        seconds=seconds,
        why=search.why,
    )


def table_of(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", overflow="fold", no_wrap=not number)
    return table


def percent(part: float, whole: float) -> str:
    if not whole:
        return "–"
    # 100 is only said where it is true.
    return "100" if part == whole else f"{min(100 * part / whole, 99.9):.1f}"


def summary(outcomes: Sequence[Outcome], methods: Sequence[str]) -> Table:
    """One row for each method."""
    table = table_of(
        "Critical points found, of all functions together",
        "method",
        "whole",
        "recall\n%",
        "mean\n%",
        "false",
        "index\nwrong",
        "twice",
        "claims\nall",
        "claims\nfalsely",
        "no\nanswer",
        "1000\nevals",
        "seconds",
    )
    for method in methods:
        rows = [one for one in outcomes if one.method == method]
        shares = [one.found / one.expected for one in rows if one.expected]
        table.add_row(
            method,
            f"{sum(one.whole for one in rows)}/{len(rows)}",
            percent(sum(one.found for one in rows), sum(one.expected for one in rows)),
            percent(sum(shares), len(shares)),
            str(sum(one.false for one in rows)),
            str(sum(one.wrong_index for one in rows)),
            str(sum(one.repeated for one in rows)),
            str(sum(one.complete for one in rows)),
            str(sum(one.false_certificate for one in rows)),
            str(sum(bool(one.why) for one in rows)),
            f"{sum(one.evaluations for one in rows) / 1000:.0f}",
            f"{sum(one.seconds for one in rows):.1f}",
        )
    return table


def by_family(outcomes: Sequence[Outcome], methods: Sequence[str]) -> Table:
    """Functions whole and false points of each family, for each method."""
    table = table_of(
        "Functions whole (recall in %, false points), by family", "family", "functions", "points", *methods
    )
    for family in FAMILIES:
        rows = [one for one in outcomes if one.family == family]
        if not rows:
            continue
        problems = {one.problem: one.expected for one in rows}
        cells = []
        for method in methods:
            own = [one for one in rows if one.method == method]
            recall = percent(sum(one.found for one in own), sum(one.expected for one in own))
            cells.append(f"{sum(one.whole for one in own)} ({recall}, {sum(one.false for one in own)})")
        table.add_row(family, str(len(problems)), str(sum(problems.values())), *cells)
    return table


def each(outcomes: Sequence[Outcome], methods: Sequence[str]) -> Table:
    """Every function: what was found of what is known, then what is wrong, then evaluations and seconds."""
    table = table_of("found/known, + false, ! index wrong, × no answer; seconds", "function", *methods)
    for name in dict.fromkeys(one.problem for one in outcomes):
        cells = []
        for method in methods:
            one = next(row for row in outcomes if (row.problem, row.method) == (name, method))
            marks = "".join(
                f" {mark}{count}" for mark, count in (("+", one.false), ("!", one.wrong_index)) if count
            ) + (" ×" if one.why else "")
            cells.append(f"{one.found}/{one.expected}{marks}; {one.seconds:.2f}")
        table.add_row(name, *cells)
    return table


def chosen(names: Sequence[str], light: bool) -> list[Problem]:
    """The functions with these names or of these families. Raises: SystemExit for an unknown name."""
    if unknown := set(names) - set(PROBLEMS) - set(FAMILIES):
        raise SystemExit(f"no function and no family is named {', '.join(map(repr, sorted(unknown)))}")
    picked = [one for one in PROBLEMS.values() if not names or one.name in names or family_of(one.name) in names]
    return [one for one in picked if not (light and one.heavy)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"functions, or families ({', '.join(FAMILIES)}); all without any")
    parser.add_argument("--only", action="append", choices=ALIASES, help="this method; may be given again")
    parser.add_argument("--light", action="store_true", help="without the functions that take long")
    parser.add_argument("--each", action="store_true", help="a row for every function, too")
    parser.add_argument("--limit", type=float, default=10.0, help="seconds for sympy.solve on a function")
    parser.add_argument("--time-limit", type=float, default=120.0, help="seconds for find_critical_points on one")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, metavar="FILE", help="all outcomes go there, one a line")
    options = parser.parse_args()
    console = Console(width=WIDTH)
    problems = chosen(options.names, options.light)
    methods = [ALIASES[one] for one in options.only or DEFAULT]
    if OURS in methods and not hasattr(verify, "find_critical_points"):
        console.print(f"not there: verify.{OURS}")
        methods.remove(OURS)
    outcomes = []
    kept = options.json.open("w") if options.json else None
    for problem in track(problems, "", console=Console(stderr=True), transient=True):
        for method in methods:
            limit = options.limit if method == "sympy.solve" else options.time_limit
            outcomes.append(outcome(method, problem, options.seed, limit))
            if kept:
                kept.write(json.dumps(asdict(outcomes[-1])) + "\n")
                kept.flush()
    if outcomes:
        console.print(summary(outcomes, methods))
        console.print(by_family(outcomes, methods))
    if outcomes and options.each:
        console.print(each(outcomes, methods))
    for one in outcomes:
        if one.method == OURS and (one.false_certificate or one.false or one.wrong_index or one.why):
            text = f"{one.problem}: {one.found} of {one.expected}, false {one.false}, index wrong {one.wrong_index}"
            claim = "; FALSELY CLAIMED COMPLETE" if one.false_certificate else ""
            console.print(f"{text}{claim}{'; ' + one.why if one.why else ''}", markup=False)
    if kept:
        kept.close()


if __name__ == "__main__":
    main()
