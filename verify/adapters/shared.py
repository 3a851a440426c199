"""What the adapters share: names of inputs, nested arguments, and findings of their own in a report.

The three most important functions are ``names_of`` (the parameters of a function), ``leaves`` (the parts of nested
arguments, by name) and ``found`` (a report with further findings).
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from verify.backward_pass import Doubt, Finding, Report
from verify.backward_pass.report import Cost

__all__ = ["apart", "found", "leaves", "names_of", "refilled", "reproducible", "said", "undecided"]


def names_of(function: Callable[..., Any], count: int, skip: int = 0) -> list[str]:
    """The names of the parameters that this many arguments are given to, after ``skip`` others."""
    try:
        parameters = list(inspect.signature(function).parameters.values())[skip:]
    except (TypeError, ValueError):
        parameters = []
    names = [one.name for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)][:count]
    rest = next((one.name for one in parameters if one.kind is one.VAR_POSITIONAL), None)
    missing = range(count - len(names))
    return [*names, *(f"{rest}[{k}]" if rest else f"input {len(names) + k}" for k in missing)]


def leaves(tree: Any, kind: type | tuple[type, ...], name: str = "") -> Iterator[tuple[str, Any]]:
    """The parts of this kind in nested lists, tuples and mappings, each with its name."""
    if isinstance(tree, kind):
        yield name, tree
    elif isinstance(tree, Mapping):
        for key, part in tree.items():
            yield from leaves(part, kind, f"{name}[{key!r}]")
    elif isinstance(tree, (list, tuple)):
        for place, part in enumerate(tree):
            yield from leaves(part, kind, f"{name}[{place}]")


def refilled(tree: Any, kind: type | tuple[type, ...], values: Iterator[Any]) -> Any:
    """The same nest with other parts of this kind, in order."""
    if isinstance(tree, kind):
        return next(values)
    if isinstance(tree, Mapping):
        return {key: refilled(part, kind, values) for key, part in tree.items()}
    if isinstance(tree, (list, tuple)):
        parts = [refilled(part, kind, values) for part in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    return tree


def apart(one: Any, other: Any) -> float:
    """How far two arrays are apart, relative to the larger one; infinite where their shapes differ."""
    if np.shape(one) != np.shape(other):
        return np.inf
    a, b = np.asarray(one, np.float64), np.asarray(other, np.float64)
    with np.errstate(all="ignore"):
        distance = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, np.abs(a - b))
    size = max((float(np.max(np.abs(x[np.isfinite(x)]), initial=0.0)) for x in (a, b)), default=0.0)
    return float(np.max(np.nan_to_num(distance, nan=np.inf), initial=0.0)) / (size or 1.0)


def found(report: Report, findings: Sequence[Finding]) -> Report:
    """The report with further findings, which follow its own."""
    if not findings:
        return report
    return replace(report, outcome="disagrees", findings=(*report.findings, *findings))


def reproducible(report: Report, function: Any, inputs: Sequence[Any], array: str, types: str) -> Report:
    """The report with its code in a framework's words: ``array`` makes arrays there, ``types`` has their types.

    Where inputs are nested, or are not all arrays, there is none.
    """
    name = getattr(function, "__name__", "")
    given = re.search(r", (\([^()]*\)), saved=True(, seed=\d+)", report.reproduce)
    if given is None or not name.isidentifier() or not all(hasattr(one, "shape") for one in inputs):
        return replace(report, reproduce="")

    def made(line: re.Match[str]) -> str:
        numbers, dtype = line[2], line[3] or ("float64" if "." in line[2] else "")
        return f"{line[1]} = {array}({numbers}{f', dtype={types}.{dtype}' if dtype else ''})"

    written = r"^(\w+) = np\.array\((.*?)(?:, dtype=np\.(\w+))?\)$"
    lines = [re.sub(written, made, line) for line in report.reproduce.splitlines()[:-1]]
    return replace(report, reproduce="\n".join([*lines, f"check_function({name}, {given[1]}{given[2]}, points=1)"]))


def undecided(names: Sequence[str], reason: str, seed: int) -> Report:
    """A report on a function that could not be checked."""
    return Report("inconclusive", tuple(names), (), (Doubt(reason),), np.inf, Cost(0, 0, 0.0), seed, ())


def said(error: BaseException) -> str:
    """An exception in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
