"""A check under way: what was found, what could not be decided, where it looked.

Data
    ``Examination``  findings, doubts, evidence and points of one check.

The three most important functions are ``Examination.given`` (the given inputs), ``Examination.elsewhere`` (other
points) and ``Examination.disagree`` (what is wrong with a gradient).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from verify.backward_pass.diagnose import Suspect, cause
from verify.backward_pass.elsewhere import places
from verify.backward_pass.entries import Entries, entries
from verify.backward_pass.judge import alone, judged
from verify.backward_pass.kinks import Judged, at_kinks, bend, moved_away
from verify.backward_pass.place import REORDERED, Place, largest
from verify.backward_pass.promises import GROUND, PROMISES
from verify.backward_pass.report import Doubt, Finding
from verify.backward_pass.slope import Way, typical
from verify.backward_pass.subject import Broken, Subject, is_floating

__all__ = ["Examination"]

# So far, relative to each entry, are inputs beside the given ones.
BESIDE = 2.0**-10


class Examination:
    """A check under way."""

    def __init__(
        self,
        subject: Subject,
        seed: int,
        tolerances: Mapping[str, Any],
        *,
        diagnose: bool = True,
        progress: Callable[[str], None] | None = None,
    ) -> None:
        self.subject = subject
        self.say = progress or (lambda _: None)
        self.diagnose = diagnose
        self.start = time.perf_counter()
        self.rng = np.random.default_rng(seed)
        self.tolerances = tolerances
        self.findings: list[Finding] = []
        self.doubts: list[Doubt] = []
        self.looked: list[str] = []
        self.evidence: dict[str, Any] = {}
        self.heat: dict[int, Any] = {}
        self.power = np.inf
        self.shares: dict[int, float] = {}
        self.failed: Place | None = None
        self.widened = False

    def seconds(self) -> float:
        """Since the check began."""
        return time.perf_counter() - self.start

    def place(self, inputs: Sequence[Any], label: str | None = None) -> Place:
        found = Place(self.subject, inputs, self.rng, label, **self.tolerances)
        found.reference = {} if label is None else self.shares
        return found

    def given(self, inputs: Sequence[Any], *, every_entry: bool = False) -> None:
        """The given inputs: promises, then values."""
        self.looked.append("the given inputs")
        self.say("the given inputs")
        place = self.place(inputs)
        place.claims()
        if not any(place.claims()[k] is not None for k in place.floating):
            self.doubts.append(Doubt("no input has floating-point numbers in it: there is no gradient to compare"))
        if not place.finite:
            self.doubts.append(Doubt("the outputs at the given inputs are not finite"))
        for promise in GROUND:
            self.findings += promise(place)
            if self.findings and promise is GROUND[0]:
                return
        if self.findings:
            return
        for promise in PROMISES:
            self.findings += promise(place)
        if not place.finite:
            return
        work = self.wide(place)
        self.widened = work is not place
        if work is not place:
            self.narrow_beside(place, work)
        self.values(work)
        if every_entry and not self.findings:
            self.every_entry(work)

    def every_entry(self, place: Place) -> None:
        """Every entry of every gradient, moving those together that no output depends on together."""
        for k in place.floating:
            if place.claims()[k] is None or not np.size(place.inputs[k]):
                continue
            self.say(f"every entry of {self.subject.names[k]}")
            one = entries(place, k, self.rng, most=np.size(place.inputs[k]))
            self.heat[k] = one.claimed["signed"], one.numerical["signed"]
            self.evidence[f"groups of {self.subject.names[k]}"] = one.groups
            if np.any(one.wrong()):
                kind, told = cause(Suspect(place, one, {k: one}))
                self.findings.append(_finding(place, one, kind, told))

    def wide(self, place: Place) -> Place:
        """The place with inputs in double precision, where the functions take them."""
        if all(np.asarray(place.inputs[k]).dtype == np.float64 for k in place.floating):
            return place
        inputs = [_widened(x) for x in place.inputs]
        try:
            work = self.place(inputs, place.label)
            work.claims()
        except Broken:
            return place
        return work if work.finite else place

    def narrow_beside(self, place: Place, work: Place) -> None:
        """Gradients in the given type beside those in double precision."""
        if any(y.dtype != np.float64 for y in work.outputs):
            return
        name = "signed"
        work_again = work.passed.gradients([part.astype(np.float64) for part in place.cotangents[name]])
        for k in place.floating:
            gradient, sharp = place.claims()[k], work_again[k]
            if gradient is None or sharp is None or not np.size(gradient):
                continue
            with np.errstate(all="ignore"):
                apart = largest(np.subtract(gradient, sharp, dtype=np.float64))
            eps = float(np.finfo(np.asarray(place.inputs[k]).dtype).eps)
            if np.isfinite(apart) and apart > 4.0 * REORDERED * place.noise[k] + 64.0 * eps * largest(sharp):
                self.findings.append(
                    Finding(
                        "precision",
                        f"the gradient of {self.subject.names[k]} in {np.asarray(place.inputs[k]).dtype} is "
                        f"{apart:.2g} away from that in float64",
                        "more is lost than rounding the inputs can explain",
                        culprit=k,
                    )
                )

    def values(self, place: Place, pairs: int = 3) -> None:
        """The gradients at a place beside differences."""
        line, verdicts = judged(place, pairs)
        wrong = [one.culprit for one in verdicts if one.outcome == "disagrees"]
        closely = {one.culprit for one in verdicts if one.closely}
        kinks = [one.culprit for one in verdicts if one.kink]
        if place.label is None:
            self.shares = {one.culprit: max(one.share, self.shares.get(one.culprit, 0.0)) for one in verdicts}
            seen = [one.power for one in verdicts if one.outcome != "undecided" and one.share]
            self.power = max(seen, default=np.inf)
        for one in verdicts:
            if one.outcome == "undecided" and not one.kink and place.label is None:
                self.doubts.append(Doubt(one.reason, one.culprit))
        if wrong:
            self.disagree(place, list(dict.fromkeys(wrong)), closely)
        if kinks:
            self.kinks(place, line, [k for k in kinks if k not in wrong])

    def kinks(self, place: Place, line: Way, positions: Sequence[int]) -> None:
        """Gradients of inputs that have kinks at a place."""
        found: dict[int, Judged] = {}
        for k in positions:
            one = at_kinks(place, line, k)
            if one is None:
                if place.label is None:
                    self.doubts.append(Doubt("there are too many kinks, or the domain ends, nearby", k))
                continue
            found[k] = one
            if one.wrong:
                self.findings.append(_at_kink(place, k, one))
            elif one.inside and place.label is None:
                self.doubts.append(Doubt("there is a kink inside of the function, where many values may be right", k))
            if one.smooth is None:
                continue
            verdict = alone(place, one.smooth, k)
            if verdict.outcome == "disagrees":
                self.disagree(place, [k])
            elif verdict.outcome == "undecided" and place.label is None:
                self.doubts.append(
                    Doubt(f"{verdict.reason} that could not be set apart" if verdict.kink else verdict.reason, k)
                )
        if len(found) > 1 and not any(one.wrong or one.inside for one in found.values()):
            self.findings += _together(place, found)
        moving = {k: one.entries for k, one in found.items() if one.entries}
        if moving and not self.findings:
            try:
                moved = self.place(moved_away(place, line, moving, self.rng), "points beside the kinks")
                moved.claims()
                line, verdicts = judged(moved)
            except Broken:
                return
            wrong = [one.culprit for one in verdicts if one.outcome == "disagrees"]
            if wrong:
                self.disagree(moved, wrong)

    def disagree(self, place: Place, positions: Sequence[int], closely: Collection[int] = ()) -> None:
        """What is wrong with gradients that disagree: entry by entry, then the cause.

        Where every entry agrees, and none is hidden by others, the direction was misread.
        """
        self.failed = place
        if not self.diagnose:
            self.findings += [Finding("wrong", "", culprit=k, where=place.label) for k in positions]
            return
        looked = {
            k: entries(place, k, self.rng)
            for k in place.floating
            if (k in positions or np.size(place.inputs[k]) <= 64)
            and place.claims()[k] is not None
            and np.size(place.inputs[k])
        }
        for k in positions:
            self.say(f"what is wrong with {self.subject.names[k]}")
            one = looked[k]
            if (
                np.all(one.looked)
                and k not in closely
                and not any(np.any(one.wrong(name)) for name in place.cotangents)
            ):
                self.evidence[f"misread along {self.subject.names[k]}"] = place.label or "the given inputs"
                continue
            self.heat[k] = one.claimed["signed"], one.numerical["signed"]
            if "steps" not in self.evidence:
                self.evidence["steps"] = steps_at(place, one)
            kind, told = cause(Suspect(place, one, looked))
            self.findings.append(_finding(place, one, kind, told))

    def elsewhere(self, inputs: Sequence[Any], count: int, **where: Any) -> None:
        """Other points, until something is found."""
        for point in places(inputs, self.subject.names, self.rng, count, **where):
            self.say(point.label)
            try:
                place = self.place([_widened(x) if self.widened else x for x in point.inputs], point.label)
                if not place.finite:
                    continue
                place.claims()
                self.values(place, pairs=2)
            except Broken as broken:
                if "backward" in broken.message or broken.culprit is not None:
                    self.findings.append(
                        Finding("contract", broken.message, culprit=broken.culprit, where=point.label)
                    )
                else:
                    continue
            self.looked.append(point.label)
            if self.findings:
                self.stale(inputs)
                return

    def stale(self, inputs: Sequence[Any]) -> None:
        """Whether what is wrong elsewhere is wrong beside the given inputs too: the first call is remembered."""
        beside = [x * (1.0 + BESIDE * self.rng.uniform(0.5, 1.5, np.shape(x))) if _moves(x) else x for x in inputs]
        try:
            place = self.place(beside, "inputs beside the given ones")
            place.claims()
            _, verdicts = judged(place)
        except Broken:
            return
        wrong = {one.culprit for one in verdicts if one.outcome == "disagrees"}
        told = "right for the first inputs only, wrong even beside them: backward remembers the first call"
        self.findings = [
            replace(one, kind="cache", cause=told) if one.culprit in wrong and one.kind == "region" else one
            for one in self.findings
        ]


def _moves(x: Any) -> bool:
    return is_floating(x) and bool(np.size(x)) and not np.all(x == np.round(x))


def _widened(x: Any) -> Any:
    """A floating-point input in double precision."""
    if not is_floating(x):
        return x
    return np.asarray(x, np.float64) if isinstance(x, np.ndarray) else float(x)


def steps_at(place: Place, one: Entries) -> list[tuple[float, float]]:
    """Central differences at the worst entry: step, and how far the quotient is from what backward gave."""
    entry = one.worst()
    x = np.asarray(place.inputs[one.position], np.float64)
    unit = np.zeros(x.shape)
    unit[entry] = 1.0
    line = Way.of(place.inputs, {one.position: unit})
    found = []
    for exponent in range(-1, -13, -1):
        h = 10.0**exponent * typical(x)
        right, left = place.subject.values(line.at(h)), place.subject.values(line.at(-h))
        if right.shape == left.shape == place.centre.shape:
            quotient = float(place.u[0] @ (right - left)) / (2.0 * h)
            found.append((h, abs(quotient - float(one.claimed["signed"][entry]))))
    return [(h, error) for h, error in found if np.isfinite(error)]


def _finding(place: Place, one: Entries, kind: str, told: str) -> Finding:
    name = place.subject.names[one.position]
    which = max(place.cotangents, key=lambda cotangent: int(np.count_nonzero(one.wrong(cotangent))))
    wrong = one.wrong("signed") if np.any(one.wrong("signed")) else one.wrong(which)
    cotangent = "signed" if np.any(one.wrong("signed")) else which
    many, of = int(np.count_nonzero(wrong)), int(np.count_nonzero(one.looked))
    if not many:
        return Finding(
            kind, f"the gradient of {name} is wrong along a random direction", told, one.position, where=place.label
        )
    entry = one.worst(cotangent)
    shown = "entries" if of > 1 else "entry"
    return Finding(
        kind,
        f"the gradient with respect to {name} is wrong in {many} of {of} {shown}",
        told,
        one.position,
        entry,
        float(one.claimed[cotangent][entry]),
        float(one.numerical[cotangent][entry]),
        float(one.allowed[cotangent][entry]),
        place.label,
    )


def _together(place: Place, found: Mapping[int, Judged]) -> Iterator[Finding]:
    """Kinks of several inputs moved together: where they tie with one another there is none."""
    units = {}
    for k, one in found.items():
        part = np.zeros(np.size(place.inputs[k]))
        part[list(one.entries)] = 1.0
        units[k] = part.reshape(np.shape(place.inputs[k]))
    size = max(typical(place.inputs[k]) for k in units)
    line = Way.of(place.inputs, {k: size * unit for k, unit in units.items()})
    sides = bend(place, line)
    if sides is None or sides.kink:
        return
    names = " and ".join(place.subject.names[k] for k in units)
    for name, u in zip(place.cotangents, place.u, strict=True):
        claimed, slope = line.along(place.claims(name)), float(u @ sides.right)
        slack = 1e-6 * (np.abs(u) @ np.abs(sides.right)) + 1e-9 * (np.abs(u) @ np.abs(place.centre))
        if abs(claimed - slope) > slack:
            gave = f"have the slope {slope / size:.6g}; backward gives {claimed / size:.6g}"
            told = f"moved together, tied entries of {names} {gave}"
            yield from (
                Finding(
                    "ties",
                    f"the gradient of {place.subject.names[k]} is wrong where entries are tied",
                    told,
                    k,
                    where=place.label,
                )
                for k in units
            )
            return


def _at_kink(place: Place, k: int, one: Judged) -> Finding:
    group, claimed, left, right = one.wrong[0]
    name = place.subject.names[k]
    shape = np.shape(place.inputs[k])
    places_ = ", ".join(f"{name}{list(map(int, np.unravel_index(i, shape)))}" for i in group[:3])
    if len(group) > 1:
        told = f"moved together, the tied entries {places_} have the slope {right:.6g}; backward gives {claimed:.6g}"
        return Finding("ties", f"the gradient of {name} is wrong where entries are tied", told, k, where=place.label)
    told = (
        f"at {places_} the slopes to both sides are {left:.6g} and {right:.6g}; backward gives {claimed:.6g}, outside"
    )
    return Finding("ties", f"the gradient of {name} is wrong at a kink", told, k, where=place.label)
