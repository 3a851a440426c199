"""What the command says of reports on backward passes: a row, what is wrong, and at length what was seen.

The three most important functions are ``row`` (one line for each pass), ``about`` (a report that tells of one input
only) and ``explained`` (kinds, numbers and worst entries).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from verify.backward_pass import KINDS, Report
from verify.backward_pass.plot import relative

__all__ = ["HEADING", "about", "explained", "row"]

HEADING = ("verdict", "calls", "finding")
# So many of the worst entries of a gradient are listed.
WORST = 5


def row(report: Report) -> tuple[str, str, str]:
    """Verdict, calls of forward, and what was found in a few words; one of each for ``HEADING``."""
    if report.outcome == "disagrees":
        of = f": {', '.join(report.culprit_names)}" if report.culprits else ""
        found = f"{report.kind}{of}"
    elif report.outcome == "inconclusive":
        found = "; ".join(dict.fromkeys(one.reason for one in report.doubts))
    else:
        found = _power(report)
    return report.outcome, str(report.cost.forward), found


def about(report: Report, name: str) -> tuple[Report, str]:
    """The report as far as it is about one input, or about none in particular; and what this leaves out."""
    findings = tuple(one for one in report.findings if _concerns(report, one.culprit, name))
    doubts = tuple(one for one in report.doubts if _concerns(report, one.culprit, name))
    outcome = "disagrees" if findings else "inconclusive" if doubts else "agrees"
    culprits = [*(one.culprit for one in report.findings), *(one.culprit for one in report.doubts)]
    others = dict.fromkeys(report.names[k] for k in culprits if k is not None and report.names[k] != name)
    heat = {k: arrays for k, arrays in report.heat.items() if report.names[k] == name}
    narrowed = replace(report, outcome=outcome, findings=findings, doubts=doubts, heat=heat)
    return narrowed, f"not shown: what was found about {', '.join(others)}" if others else ""


def explained(report: Report) -> Iterator[str]:
    """Every kind of mistake that was found and what it means, the worst entries, the numbers, where it looked."""
    for kind in dict.fromkeys(one.kind for one in report.findings):
        yield _line("kind", f"{kind}: {KINDS.get(kind, 'a kind without a description')}")
    for k in sorted(report.heat):
        yield from _worst(report.names[k], *map(np.asarray, report.heat[k]))
    if report.findings and not report.heat:
        yield _line("entries", "not compared one by one; --mode every-entry does")
    for name, value in report.evidence.items():
        yield _line("evidence", f"{name}: {_short(value)}")
    for one in report.doubts if report.findings else ():
        of = "all inputs" if one.culprit is None else report.names[one.culprit]
        yield _line("undecided", f"{of}: {one.reason}")
    yield _line("looked at", "; ".join(report.points))
    if report.power:
        yield _line("power", f"{_power(report)}, relative to the root mean square of a gradient")
    cost = report.cost
    yield _line("cost", f"{cost.forward} forward and {cost.backward} backward calls, {cost.seconds:.2g} s")


def _concerns(report: Report, culprit: int | None, name: str) -> bool:
    return culprit is None or report.names[culprit] == name


def _power(report: Report) -> str:
    if 0 < report.power < 1:
        return f"errors down to {report.power:.0e} would be seen"
    return "there was no gradient to compare"


def _worst(name: str, claimed: Any, numerical: Any) -> Iterator[str]:
    """The entries that are furthest off, the numbers below each other."""
    error = relative(claimed, numerical)
    with np.errstate(all="ignore"):
        apart = np.where(np.isinf(error), np.inf, np.nan_to_num(np.abs(claimed - numerical), nan=-1.0))
    order = np.argsort(-apart, axis=None, kind="stable")[:WORST]
    rows = []
    for flat in order:
        entry = tuple(map(int, np.unravel_index(flat, error.shape)))
        if error[entry] > 0:
            place = f"{name}[{', '.join(map(str, entry))}]" if entry else name
            rows.append((place, f"{claimed[entry]:+.6g}", f"{numerical[entry]:+.6g}", f"{error[entry]:.0e}"))
    if not rows:
        return
    rows.insert(0, ("entry", "backward", "numerical", "relative"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for head, cells in zip(("worst", *[""] * len(rows)), rows, strict=False):
        yield _line(head, "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip())


def _line(head: str, text: str) -> str:
    return f"  {head:<13} {text}"


def _short(value: Any) -> str:
    """A number, or the beginning of what is longer."""
    if isinstance(value, (float, np.floating)):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_short(one)}" for name, one in value.items())
    if isinstance(value, (list, tuple, np.ndarray)):
        shown = [_short(one) for one in list(value)[:4]]
        if isinstance(value, tuple) and len(value) == 2:
            return f"({', '.join(shown)})"
        more = len(value) - len(shown)
        return ", ".join(shown) + (f", … ({more} more)" if more > 0 else "")
    return str(value)
