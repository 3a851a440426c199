"""What ``verify layers`` does: layers by name, and those of files, are tried, and what became of them is printed.

The most important functions are ``check_layers`` and ``told`` (of failures that say the same, one).
"""

from __future__ import annotations

import contextlib
import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import typer

from derive.console import MARK, say, worst
from derive.user_files import importing_beside, module_of
from verify.conformance import Conformance, Failure, check_layer
from verify.layer import Layer, declared, named
from verify.layers import LAYERS

__all__ = ["check_layers", "told"]


def check_layers(targets: Sequence[str], seed: int, *, as_json: bool = False) -> str:
    """The outcome for layers by their names, and for files, in the words of ``derive.console.EXIT``; all without any.

    Raises: ValueError, NotationError when a name is not there, or a file declares no layer.
    """
    chosen = [(_layer(target), target) for target in targets or LAYERS]
    names = max(5, *(len(layer.name) for layer, _ in chosen))
    if not as_json:
        say(f"  {'layer':<{names}}  {'cases':<8}  gradient  formula", 4)
    rows = []
    for layer, target in chosen:
        with _as_run(target):
            found = check_layer(layer, seed=seed)
        rows.append(_row(found))
        if not as_json:
            passed = f"{len(found.passed)} of {len(found.cases)}"
            head = f"{MARK[found.outcome]} {layer.name:<{names}}  {passed:<8}"
            say(f"{head}  ±{found.error:<7.0e}  {layer.formula}", 4)
            for line in told(found.failures):
                say(f"    {line}", 6)
            if not found.compared and not found.failures:
                say("    no case has a gradient that could be compared: each is empty, or has none", 6)
    outcome = worst(row["outcome"] for row in rows)
    if as_json:
        typer.echo(json.dumps({"outcome": outcome, "seed": seed, "layers": rows}, ensure_ascii=False, indent=2))
    else:
        held = sum(row["outcome"] == "holds" for row in rows)
        say(f"\n{held} of {len(rows)} layers keep their promises in float64 and float32")
    return outcome


def told(failures: Sequence[Failure]) -> Iterator[str]:
    """The failures, and of those that differ in numbers only the first, with the cases of the others."""
    alike: dict[tuple[str, str], list[Failure]] = {}
    for failure in failures:
        words = re.sub(r"[-+]?\d[\d.]*(e[-+]?\d+)?|, ", "", failure.message)
        alike.setdefault((failure.promise, words), []).append(failure)
    for first, *others in alike.values():
        yield str(first)
        cases = [*dict.fromkeys(one.case for one in others if one.case != first.case)]
        if cases:
            yield f"  and so with {', '.join(cases)}"


def _layer(target: str) -> Layer:
    if not target.endswith(".py"):
        return named(target)
    with _as_run(target):
        return declared(module_of(Path(target)))


@contextlib.contextmanager
def _as_run(target: str) -> Iterator[None]:
    """While this lasts, a file can import those beside it, and what is printed does not stand in the output."""
    beside = importing_beside(Path(target)) if target.endswith(".py") else contextlib.nullcontext()
    with beside, contextlib.redirect_stdout(sys.stderr):
        yield


def _row(found: Conformance) -> dict[str, Any]:
    return {
        "name": found.layer.name,
        "outcome": found.outcome,
        "cases": len(found.cases),
        "passed": len(found.passed),
        "gradient_error": found.error,
        "formula": found.layer.formula,
        "messages": list(map(str, found.failures)),
    }
