"""What a check of a backward pass found, how sure it is, and what it cost.

Data
    ``Finding``  one claim of a backward pass that does not hold, with its place, both numbers and the likely cause.
    ``Doubt``    what could not be decided, and why.
    ``Cost``     calls and time.
    ``Report``   the verdict with all of these; true only when forward and backward agree.

The three most important functions are ``Report.message`` (what a person reads), ``Report.to_json`` (what a program
reads) and ``Report.plot``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["KINDS", "OUTCOMES", "Cost", "Doubt", "Finding", "Report"]

OUTCOMES = ("agrees", "disagrees", "inconclusive")

KINDS: Mapping[str, str] = {
    "contract": "a promise of every backward pass is broken: shapes, types, memory, the same answer twice",
    "cache": "what the forward pass saved is stale, or changed",
    "cotangent": "right for some upstream gradients only",
    "gate": "gradients or parts of them are exchanged",
    "sign": "the sign is wrong",
    "scale": "wrong by a factor",
    "axis": "transposed, permuted, or summed over the wrong axis",
    "index": "shifted or flipped along an axis",
    "ties": "wrong where entries are equal",
    "mask": "passes where it must be zero, or zero where it must pass",
    "accumulate": "contributions are overwritten instead of added up",
    "stats": "another variance, or another epsilon",
    "path": "a term is missing",
    "precision": "computed in single precision",
    "local": "wrong in few entries",
    "region": "wrong in a part of the inputs' range",
    "subtle": "a small relative error everywhere",
    "wrong": "wrong, and no cause that was tried explains it",
}
"""Kinds of mistakes, each in a few words; the first that survives its test is named."""


# A message tells of so many findings; the others are named.
SHOWN = 3


@dataclass(frozen=True)
class Finding:
    """One claim that does not hold.

    ``what`` and ``cause`` are sentences; ``culprit`` is the position of the input that it concerns, None where it
    concerns none. ``entry`` is the worst place in its gradient with what backward gave, the numerical derivative and
    the bound of its error; ``where`` says at which point, None being the given inputs.
    """

    kind: str
    what: str
    cause: str = ""
    culprit: int | None = None
    entry: tuple[int, ...] | None = None
    claimed: float | None = None
    numerical: float | None = None
    bound: float | None = None
    where: str | None = None
    advice: str = ""


@dataclass(frozen=True)
class Doubt:
    """What could not be decided: of which input (None: all), why, and where."""

    reason: str
    culprit: int | None = None
    where: str | None = None


@dataclass(frozen=True)
class Cost:
    """Calls of both functions, and seconds."""

    forward: int
    backward: int
    seconds: float


@dataclass(frozen=True)
class Report:
    """The verdict on a backward pass.

    ``outcome`` is one of ``OUTCOMES``; the first of ``findings`` is the most telling. ``power`` is the smallest
    error, relative to the root mean square of a gradient, that this check would have seen at the given inputs;
    infinite where none was compared that is not 0.
    ``points`` names where it looked. ``heat`` has claimed and numerical gradients of the culprits whose entries were
    looked at; ``evidence`` further numbers by name.
    """

    outcome: str
    names: tuple[str, ...]
    findings: tuple[Finding, ...]
    doubts: tuple[Doubt, ...]
    power: float
    cost: Cost
    seed: int
    points: tuple[str, ...]
    evidence: Mapping[str, Any] = field(default_factory=dict)
    heat: Mapping[int, Any] = field(default_factory=dict, repr=False)
    reproduce: str = ""

    def __bool__(self) -> bool:
        return self.outcome == "agrees"

    @property
    def culprits(self) -> tuple[int, ...]:
        """The positions of the inputs whose gradient is wrong."""
        return tuple(sorted({one.culprit for one in self.findings if one.culprit is not None}))

    @property
    def culprit_names(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(self.names[k] for k in self.culprits)

    @property
    def kind(self) -> str | None:
        """The kind of mistake, one of ``KINDS``; None when none was found."""
        return self.findings[0].kind if self.findings else None

    @property
    def cause(self) -> str:
        """The likely cause, in a sentence."""
        return next((one.cause for one in self.findings if one.cause), "")

    @property
    def message(self) -> str:
        """What a person reads."""
        if self.outcome == "agrees":
            seen = (
                f"errors down to {self.power:.0e} would have been seen"
                if self.power < 1
                else "no gradient to measure that by"
            )
            return f"backward agrees with forward at {_points(self.points)} ({seen})"
        told = [_told(self.names, one) for one in self.findings[:SHOWN]]
        told = told or [_doubted(self.names, one) for one in self.doubts[:SHOWN]]
        more = (self.findings or self.doubts)[SHOWN:]
        if more:
            named = dict.fromkeys(self.names[one.culprit] for one in more if one.culprit is not None)
            told.append(f"and {len(more)} more, of {', '.join(named)}" if named else f"and {len(more)} more")
        lines = "\n".join(told)
        shown = self.reproduce.replace("\n", "\n" + " " * 16)
        return f"{lines}\n  reproduce     {shown}" if shown else lines

    def plot(self, path: str | Path | None = None) -> Figure:
        """A picture of the errors of wrong gradients, entry by entry; ``path`` ends in .png, .pdf or .svg."""
        from verify.backward_pass.plot import plot

        return plot(self, path)

    def __str__(self) -> str:
        cost = self.cost
        calls = f"{cost.forward} forward and {cost.backward} backward calls, {cost.seconds:.2g} s, seed {self.seed}"
        return f"{self.outcome}: {self.message}\n({calls})"

    def to_json(self, **options: Any) -> str:
        """The report as JSON: all but the arrays. ``options`` go to ``json.dumps``."""
        return json.dumps(
            {
                "outcome": self.outcome,
                "kind": self.kind,
                "cause": self.cause,
                "message": self.message,
                "culprits": list(self.culprits),
                "culprit_names": list(self.culprit_names),
                "findings": [asdict(one) for one in self.findings],
                "doubts": [asdict(one) for one in self.doubts],
                "power": _finite(self.power),
                "cost": asdict(self.cost),
                "seed": self.seed,
                "points": list(self.points),
                "evidence": {name: _finite(value) for name, value in self.evidence.items()},
            },
            default=_plain,
            **options,
        )


def _points(points: tuple[str, ...]) -> str:
    return "the given inputs" if len(points) == 1 else f"the given inputs and {len(points) - 1} others"


def _told(names: tuple[str, ...], one: Finding) -> str:
    lines = [one.what + (f", at {one.where}" if one.where else "")]
    if one.entry is not None and one.culprit is not None and one.claimed is not None and one.numerical is not None:
        place = f"[{', '.join(map(str, one.entry))}]" if one.entry else ""
        lines.append(f"  worst entry   {names[one.culprit]}{place}")
        lines.append(f"  backward gave {one.claimed:+.9g}")
        lines.append(f"  numerical     {one.numerical:+.9g} (± {one.bound or 0.0:.1e})")
    if one.cause:
        lines.append(f"  likely cause  {one.cause}")
    if one.advice:
        lines.append(f"  what to do    {one.advice}")
    return "\n".join(lines)


def _doubted(names: tuple[str, ...], one: Doubt) -> str:
    of = f"the gradient of {names[one.culprit]}" if one.culprit is not None else "the backward pass"
    return f"{of} could not be judged{f' at {one.where}' if one.where else ''}: {one.reason}"


def _finite(value: Any) -> Any:
    return value if not isinstance(value, float) or value - value == 0 else None


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)
