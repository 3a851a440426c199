"""How well and how fast ``check_backward`` finds mistakes in backward passes, beside other checkers of gradients.

Every checker is given every wrong backward pass of the table and the right one at the same inputs, each made anew. A
mistake counts as found where the checker rejects it, or crashes on it, and does not reject the right pass. Times are
seconds of processor time on one thread.
"""

# ruff: noqa: E402 - the environment and the path are set before what depends on them is imported

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ[variable] = "1"

import argparse
import contextlib
import functools
import io
import json
import statistics
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])

import numpy as np
from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.checkers import CHECKERS, Checker, Passes, Verdict, installed
from benchmarks.mistakes import CORRECT, MISTAKES, Correct, Mistake
from verify.layers import LAYERS

ROUNDS = 25
TURN = 0.02
SHORT = 20e-6  # seconds of a forward pass
GOAL = 3.0
OURS, QUICK, FAST = "check_backward", "points=1", "torch, fast"
WIDTH = 100
GROUPS = ("ordinary", "hard", "contract")


@dataclass(frozen=True)
class Outcome:
    """What a checker said of one backward pass: a wrong one, or a right one at the inputs of a row."""

    checker: str
    row: str
    wrong: bool
    rejected: bool
    why: str
    undecided: bool
    kind: str | None
    culprits: tuple[int, ...] | None
    forwards: int
    seconds: float


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """What passes and checkers print and warn of is not shown."""
    with (
        warnings.catch_warnings(),
        np.errstate(all="ignore"),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield


def judged(checker: Checker, row: Mistake | Correct, seed: int = 0) -> Outcome:
    """A checker's verdict on a row, which remembers nothing; what a checker raises is a rejection."""
    passes = Passes(row, seed)
    np.random.seed(seed)  # noqa: NPY002 - other checkers draw from it
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)
    start = time.process_time()
    with silence():
        try:
            found = checker.check(passes)
        except Exception as error:
            found = Verdict(True, f"{type(error).__name__}: {error}")
    return Outcome(
        checker.name,
        row.name,
        isinstance(row, Mistake),
        **asdict(found),
        forwards=passes.forwards,
        seconds=time.process_time() - start,
    )


def outcomes(
    checkers: Mapping[str, Checker], rows: Sequence[Mistake | Correct], unfit: Counter[tuple[str, str]], seed: int
) -> Iterator[Outcome]:
    """All verdicts; what is not applicable is counted in ``unfit``."""
    for number, row in enumerate(track(rows, "", console=Console(stderr=True), transient=True)):
        with silence():
            why = Passes(row).unfit()
        if why:
            unfit["wrong" if isinstance(row, Mistake) else "right", why] += 1
        for checker in checkers.values():
            if checker.own or not why:
                yield judged(checker, row, seed)
                if isinstance(row, Mistake):
                    yield judged(checker, row.righted(), seed)
        if number % 100 == 99 and "jax" in sys.modules:
            sys.modules["jax"].clear_caches()


class Results:
    """What one checker said of all rows."""

    def __init__(self, checker: str, found: Sequence[Outcome]) -> None:
        self.checker = checker
        self.own = CHECKERS[checker].own
        self.wrong = {one.row: one for one in found if one.checker == checker and one.wrong}
        self.right = {one.row: one for one in found if one.checker == checker and not one.wrong}

    @functools.cached_property
    def killed(self) -> set[str]:
        """The mistakes found, where the right pass is not rejected."""
        return {name for name, one in self.wrong.items() if one.rejected and not self.right[name].rejected}

    def of(self, group: str) -> list[str]:
        return [name for name in self.wrong if grouped(MISTAKES[name]) == group]

    def rights(self, hard: bool) -> list[Outcome]:
        return [one for name, one in self.right.items() if (MISTAKES.get(name) or CORRECT[name]).hard == hard]

    def culprit(self, name: str) -> bool:
        wanted = MISTAKES[name].culprits
        return wanted is None or self.wrong[name].culprits == wanted

    def named(self, name: str) -> bool:
        one = MISTAKES[name]
        return self.wrong[name].kind in (one.kind, *one.or_kind)


def grouped(one: Mistake) -> str:
    return "contract" if one.kind == "contract" else "hard" if one.hard else "ordinary"


def share(part: int, whole: int) -> str:
    if not whole:
        return "–"
    # 100 % and 0 % are only said where they are true.
    percent = 100.0 * part / whole
    return "100" if part == whole else f"{min(percent, 99.9):.1f}"


def table_of(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in columns:
        left = column in (columns[0], "named otherwise", "what it said", "what")
        names = column == columns[0] and len(columns) > 3
        table.add_column(column, justify="left" if left else "right", overflow="fold", no_wrap=names)
    return table


def detection(results: Sequence[Results]) -> Table:
    table = table_of(
        "Mistakes found, and right passes rejected: per cent of what a checker takes",
        "checker",
        "found\nordinary",
        "found\nhard",
        "found\ncontract",
        "alarms\nordinary",
        "alarms\nhard",
        "unsure\nhard",
        "culprit\nright",
        "kind\nright",
        "not\ntaken",
    )
    most = max(results, key=lambda one: len(one.wrong))
    sizes = [len(most.of(group)) for group in GROUPS] + [len(most.rights(hard)) for hard in (False, True)]
    table.add_row("(passes)", *map(str, sizes), str(sizes[-1]))
    for one in results:
        killed = [share(len(one.killed & set(one.of(group))), len(one.of(group))) for group in GROUPS]
        places = [one.rights(hard) for hard in (False, True)]
        alarms = [share(sum(each.rejected for each in at), len(at)) for at in places]
        undecided = share(sum(each.undecided for each in places[True]), len(places[True]))
        names = [share(sum(map(is_right, one.killed)), len(one.killed)) for is_right in (one.culprit, one.named)]
        own = [undecided, *names] if one.own else [""] * 3
        refused = len(most.wrong) + len(most.right) - len(one.wrong) - len(one.right)
        table.add_row(one.checker, *killed, *alarms, *own, str(refused))
    return table


def costs(results: Sequence[Results]) -> Table:
    table = table_of(
        "Cost of a check: forward passes (mean, everything counted), milliseconds of CPU",
        "checker",
        "forward\nright",
        "forward\nwrong",
        "median ms\nright",
        "median ms\nwrong",
        "largest\nms",
    )
    for one in results:
        sides = [list(side.values()) for side in (one.right, one.wrong)]
        calls = [f"{statistics.fmean(each.forwards for each in side):.1f}" if side else "–" for side in sides]
        times = [f"{1e3 * statistics.median(each.seconds for each in side):.1f}" if side else "–" for side in sides]
        largest = max((each.seconds for side in sides for each in side), default=0.0)
        table.add_row(one.checker, *calls, *times, f"{1e3 * largest:.0f}")
    return table


def kinds(one: Results) -> Table:
    """What was named, for every kind of mistake."""
    table = table_of(
        f"Kinds named by {one.checker}", "kind", "rows", "found", "right %", "as good", "named otherwise"
    )
    for kind in sorted({MISTAKES[name].kind for name in one.wrong}):
        rows = [name for name in one.wrong if MISTAKES[name].kind == kind]
        found = [name for name in rows if name in one.killed]
        exact = sum(one.wrong[name].kind == kind for name in found)
        right = sum(map(one.named, found))
        others = Counter(str(one.wrong[name].kind) for name in found if not one.named(name))
        told = ", ".join(f"{other} {count}" for other, count in others.most_common())
        table.add_row(kind, str(len(rows)), str(len(found)), share(right, len(found)), str(right - exact), told)
    return table


def missed(one: Results) -> Table:
    """What a checker got wrong: mistakes that it did not find, right passes that it rejected or did not decide."""
    table = table_of(f"Got wrong by {one.checker}", "row", "what", "what it said")
    for name, each in one.wrong.items():
        if name not in one.killed:
            said = "undecided" if each.undecided else "the right pass is rejected too" if each.rejected else ""
            table.add_row(name, f"{grouped(MISTAKES[name])}, {MISTAKES[name].kind}", said)
    for name, each in one.right.items():
        if each.rejected or each.undecided:
            what = "right, hard" if (MISTAKES.get(name) or CORRECT[name]).hard else "right, ordinary"
            table.add_row(
                name, what, f"{'rejected' if each.rejected else 'undecided'}: {' '.join(each.why.split())}"[:200]
            )
    for name in one.killed if one.own else ():
        if not one.culprit(name):
            table.add_row(name, f"wrong, {MISTAKES[name].kind}", f"culprits {one.wrong[name].culprits}")
    return table


def seconds(call: Callable[[], object], repeat: int = 1) -> float:
    start = time.process_time()
    for _ in range(repeat):
        call()
    return (time.process_time() - start) / repeat


def short_layers(rows: Sequence[Mistake | Correct]) -> dict[str, tuple[Correct, float]]:
    """The layers whose forward pass takes less than ``SHORT``, each at the inputs of its first ordinary row."""
    found: dict[str, tuple[Correct, float]] = {}
    for row in rows:
        if isinstance(row, Mistake) and row.family in LAYERS and row.family not in found and not row.hard:
            one = row.righted()
            inputs = one.draw()
            forward = functools.partial(one.forward, *inputs)
            found[row.family] = one, min(seconds(forward, 200) for _ in range(5))
    return {name: (one, took) for name, (one, took) in found.items() if took < SHORT}


def speed(rows: Sequence[Mistake | Correct]) -> Table:
    """Times at one point beside those of torch's fast mode, in turns."""
    table = table_of(
        f"Time of {OURS}(…, {QUICK}) over torch's fast mode, forward below {1e6 * SHORT:g} µs (goal: {GOAL:g})",
        "layer",
        "forward, µs",
        "ours, ms",
        "torch's, ms",
        "ratio",
    )
    ratios = []
    for name, (one, forward) in sorted(short_layers(rows).items()):
        calls = [functools.partial(CHECKERS[checker].check, Passes(one)) for checker in (QUICK, FAST)]
        with silence():
            repeat = max(1, round(TURN / seconds(calls[0], 3)))
            turns = [[seconds(call, repeat) for call in calls] for _ in range(ROUNDS)]
        ratios.append(statistics.median(own / other for own, other in turns))
        times = [statistics.median(turn[k] for turn in turns) for k in (0, 1)]
        table.add_row(name, f"{1e6 * forward:.1f}", *(f"{1e3 * each:.2f}" for each in times), f"{ratios[-1]:.2f}")
    if ratios:
        table.add_section()
        table.add_row(f"median of {len(ratios)}", "", "", "", f"{statistics.median(ratios):.2f}")
        table.add_row("largest", "", "", "", f"{max(ratios):.2f}")
    return table


def chosen(names: Sequence[str], sample: int | None) -> list[Mistake | Correct]:
    """The rows with these names or of these families, or some of them. Raises: SystemExit for an unknown name."""
    rows: list[Mistake | Correct] = [*MISTAKES.values(), *CORRECT.values()]
    known = {name for row in rows for name in (row.name, row.family)}
    if unknown := set(names) - known:
        raise SystemExit(f"no row and no family is named {', '.join(map(repr, sorted(unknown)))}")
    if names:
        rows = [row for row in rows if row.name in names or row.family in names]
    if sample is not None and sample < len(rows):
        some = np.random.default_rng(0).choice(len(rows), sample, replace=False)
        rows = [rows[k] for k in sorted(some)]
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="rows, or families (what stands before the colon); all without any")
    parser.add_argument("--only", action="append", choices=CHECKERS, metavar="CHECKER", help=", ".join(CHECKERS))
    parser.add_argument("--sample", type=int, metavar="N", help="this many rows, drawn at random, always the same")
    parser.add_argument("--seed", type=int, default=0, help="what the checkers draw with (JAX's has a fixed one)")
    parser.add_argument("--kinds", action="store_true", help="for every kind of mistake, what was named")
    parser.add_argument("--missed", action="store_true", help="rows that a checker got wrong (ours without --only)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="all outcomes go there, one a line")
    parser.add_argument("--no-speed", action="store_true", help="without the times beside torch's fast mode")
    options = parser.parse_args()
    console = Console(width=WIDTH)
    checkers = {name: one for name, one in installed().items() if not options.only or name in options.only}
    if absent := [name for name in options.only or CHECKERS if name not in checkers]:
        console.print(f"not installed: {', '.join(absent)}")
    if "torch" in {one.needs for one in checkers.values()}:
        import torch

        torch.set_num_threads(1)
    rows = chosen(options.names, options.sample)
    unfit: Counter[tuple[str, str]] = Counter()
    for checker in checkers.values():  # imports, and what is compiled at the first call
        judged(checker, MISTAKES["tanh: no gradient where it is saturated"].righted())
    found = list(outcomes(checkers, rows, unfit, options.seed))
    results = [Results(name, found) for name in checkers]
    console.print(detection(results))
    for (side, why), count in sorted(unfit.items()):
        console.print(f"not taken by others: {count} {side} passes, {why}")
    console.print(costs(results))
    shown = [one for one in results if options.only or one.checker == OURS]
    for one in shown:
        if options.kinds and one.own:
            console.print(kinds(one))
        if options.missed:
            console.print(missed(one))
    if options.json:
        options.json.write_text("".join(json.dumps(asdict(one)) + "\n" for one in found))
    if not options.no_speed and {QUICK, FAST} <= set(checkers):
        console.print(speed(rows))


if __name__ == "__main__":
    main()
