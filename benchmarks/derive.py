"""How long it takes to derive and to check: the catalogue, any size, twelve Transformer blocks, the start.

Seconds of processor time on one thread, the median of several runs that alternate with what they are compared with.
"""

# ruff: noqa: E402 - the environment and the path are set before what depends on them is imported

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ[variable] = "1"

import argparse
import gc
import platform
import resource
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# The folder of this file holds a module of the name of the package, the folder above the programs of the tests.
sys.path[0] = str(Path(__file__).resolve().parents[1])

import numpy
import sympy
from rich.console import Console
from rich.table import Table

from derive import gradient
from derive.derivation import Derivation
from derive.formula import catalogue, claims_of, formula
from tests.derive.programs import transformer
from verify.derivation import check_derivation

ROUNDS = 3
SIZES = (3, 10, 30)
CAP = 60.0
BLOCKS = 12

MEDIAN_TARGET, LARGEST_TARGET, SWEEP_TARGET, HELP_TARGET = 0.3, 3.0, 1.0, 0.25

Row = tuple[str, ...]


class TooLongError(Exception):
    """The time of a cell is over."""


def seconds(call: Callable[[], object], cap: float | None = None) -> float | None:
    """Processor time of a call; None where it needs more than the cap."""

    def stop(*_: object) -> None:
        raise TooLongError

    signal.signal(signal.SIGPROF, stop)
    gc.collect()
    start = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, cap or 0)
    try:
        call()
    except TooLongError:
        return None
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return time.process_time() - start


def median(call: Callable[[], object], rounds: int = ROUNDS) -> float:
    """The median of several runs."""
    return statistics.median(seconds(call) or 0.0 for _ in range(rounds))


def entries(console: Console) -> None:
    """Every entry of the catalogue: its program and claims, and the check of all their lines."""
    rows: list[Row] = []
    derive_times, check_times = [], []
    for identifier in catalogue():
        entry = formula(identifier)
        first = seconds(lambda entry=entry: claims_of(entry))
        again = median(lambda entry=entry: entry.claims(entry.program()))
        check = median(lambda entry=entry: check_derivation(entry), 1)
        lines = sum(len(chain.steps) for claim in claims_of(entry) for chain in claim.chains)
        derive_times.append(again)
        check_times.append(check)
        rows.append(
            (identifier, str(len(claims_of(entry))), str(lines), f"{first:.3f}", f"{again:.3f}", f"{check:.3f}")
        )
    print_table(console, "The catalogue", ("entry", "claims", "lines", "first time", "derive", "check"), rows)
    middle, largest = statistics.median(derive_times), max(derive_times)
    console.print(f"derive: median {middle:.3f} s {_target(middle, MEDIAN_TARGET)}, ", end="")
    console.print(f"largest {largest:.3f} s {_target(largest, LARGEST_TARGET)}")
    console.print(f"check:  median {statistics.median(check_times):.3f} s, largest {max(check_times):.3f} s\n")


def components(n: int) -> list[sympy.Expr]:
    """The gradient of softmax cross-entropy of one sample of n classes, entry by entry."""
    z = sympy.symbols(f"z:{n}", real=True)
    t = sympy.symbols(f"t:{n}", real=True)
    total = sympy.Add(*map(sympy.exp, z))
    loss = -sympy.Add(*(t[k] * sympy.log(sympy.exp(z[k]) / total) for k in range(n)))
    return [sympy.diff(loss, one) for one in z]


def any_size(console: Console) -> None:
    """A derivation with symbolic sizes is the same at any size; components grow with it."""
    entry = formula("loss-softmax-ce")
    rows: list[Row] = []
    for n in SIZES:
        ours, theirs = [], []
        for _ in range(ROUNDS):
            ours.append(seconds(lambda: gradient(entry.program(), "Z")) or 0.0)
            sympy.core.cache.clear_cache()
            theirs.append(seconds(lambda n=n: components(n), CAP))
            if theirs[-1] is None:
                break
        found = None if None in theirs else statistics.median(one for one in theirs if one is not None)
        mine = statistics.median(ours)
        shown = f"> {CAP:.0f}" if found is None else f"{found:.3f}"
        ratio = f"> {CAP / mine:.0f}" if found is None else f"{found / mine:.1f}"
        rows.append((str(n), f"{mine:.3f}", shown, ratio))
    heads = ("classes", "derive (any N, K)", "SymPy, components of one sample", "ratio")
    print_table(console, "Gradient of softmax cross-entropy", heads, rows)
    console.print()


def sweeps(console: Console) -> None:
    """The reverse sweep of a Transformer, by its input and by everything."""
    program = transformer(BLOCKS)
    wanted: dict[str, Any] = {"X": "X", "all inputs": tuple(t for t in program.inputs if t.name != "eps")}
    times: dict[str, list[float]] = {name: [] for name in wanted}
    found: dict[str, Derivation] = {}
    for _ in range(ROUNDS):
        for name, wrt in wanted.items():
            times[name].append(
                seconds(lambda name=name, wrt=wrt: found.update({name: gradient(program, wrt)})) or 0.0
            )
    definitions = sum(1 for _ in program.definitions())
    rows = []
    for name, derivation in found.items():
        middle = statistics.median(times[name])
        lines = f"{len(derivation.steps):,}"
        rows.append(
            (
                name,
                str(definitions),
                str(len(derivation.chains)),
                lines,
                f"{middle:.3f} {_target(middle, SWEEP_TARGET)}",
            )
        )
    heads = ("by", "definitions", "chains", "lines", "seconds")
    print_table(console, f"Reverse sweep of {BLOCKS} Transformer blocks", heads, rows)
    console.print()


def start(console: Console) -> None:
    """A new process, to its end: processor time and time on the clock."""
    commands = {
        "import derive": ("-c", "import derive"),
        "from derive import gradient": ("-c", "from derive import gradient"),
        "import sympy": ("-c", "import sympy"),
        "derive --help": ("-m", "derive", "--help"),
        "verify --help": ("-m", "verify", "--help"),
        "derive list": ("-m", "derive", "list"),
    }
    rows: list[Row] = []
    measured: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for _ in range(2 * ROUNDS + 1):
        for name, arguments in commands.items():
            before, clock = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
            subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            measured[name].append((used, time.perf_counter() - clock))
    for name, pairs in measured.items():
        used, passed = (statistics.median(column) for column in zip(*pairs, strict=True))
        note = _target(used, HELP_TARGET) if "--help" in name else ""
        rows.append((name, f"{used:.3f} {note}".strip(), f"{passed:.3f}"))
    print_table(console, "Start", ("command", "seconds", "on the clock"), rows)


def _target(found: float, target: float) -> str:
    return f"({'under' if found < target else 'OVER'} {target:g})"


def print_table(console: Console, title: str, heads: Row, rows: list[Row]) -> None:
    """A table whose first column is names and whose others are numbers."""
    table = Table(title=title, title_justify="left")
    for position, head in enumerate(heads):
        table.add_column(head, justify="right" if position else "left")
    for row in rows:
        table.add_row(*row)
    console.print(table)


PARTS = {"entries": entries, "sizes": any_size, "transformer": sweeps, "start": start}


def main() -> None:
    """Run the parts that were asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all if none is named")
    wanted = parser.parse_args().parts or list(PARTS)
    if unknown := set(wanted) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    console = Console(width=None if sys.stdout.isatty() else 100)
    versions = f"Python {platform.python_version()}, NumPy {numpy.__version__}, SymPy {sympy.__version__}"
    console.print(f"{versions}; processor time in seconds, one thread\n")
    for part in wanted:
        PARTS[part](console)


if __name__ == "__main__":
    main()
