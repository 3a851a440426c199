"""Whether the gradients of a backward pass are those of its forward pass.

Data
    ``Verdict``      of one input at one place: agrees, disagrees or undecided, with the numbers.
    ``Examination``  a check under way: what was found, what could not be decided, where it looked.

The three most important functions are ``check_backward`` (what people call), ``judged`` (the gradients at one place)
and ``alone`` (the gradient of one input).
"""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from verify.backward_pass.alarm import OutOfTime, alarm
from verify.backward_pass.cotangents import unflattened
from verify.backward_pass.diagnose import Suspect, cause
from verify.backward_pass.elsewhere import MANNERS, places
from verify.backward_pass.entries import Entries, entries
from verify.backward_pass.kinks import Judged, alone_at, at_kinks, bend, moved_away
from verify.backward_pass.place import REORDERED, Place, largest, nudged
from verify.backward_pass.promises import GROUND, PROMISES
from verify.backward_pass.report import Cost, Doubt, Finding, Report
from verify.backward_pass.slope import (
    Slopes,
    Way,
    magnitudes,
    moved,
    quick,
    rounding,
    thorough,
    tilted,
    typical,
    way,
)
from verify.backward_pass.smallest import alike, smallest, snippet
from verify.backward_pass.subject import Broken, Subject, is_floating, twin

__all__ = ["check_backward"]

# A slope known this well, relative to the part that an input has in it, settles a right pass at once.
SHARP = 1e-7
# Where an input's part is this small a share of the function, the function's own rounding hides it.
HIDDEN = 1e-9
# At other points than the given one gross mistakes are looked for: so many times larger ones.
GROSS = 1e3
# Entries whose part of a slope is below this share of the largest are looked at by themselves.
FAINT = 1e-3
ROUNDS = "the forward pass rounds too much (cancellation, conditioning)"
MODES = ("directions", "every-entry")
# Failures of functions that take so many seconds are not made smaller.
SLOW = 0.01
# So far, relative to each entry, are inputs beside the given ones.
BESIDE = 2.0**-10
# A slope below this share of the outputs is none.
NOTHING = 1e-20
# A bound wider than this share of the gradient decides nothing.
WIDE = 1e-2


@dataclass(frozen=True)
class Verdict:
    """Of one input's gradient at one place; numbers are those of the worst cotangent, ``row``."""

    culprit: int
    outcome: str
    apart: float
    allowed: float
    share: float
    reason: str = ""
    kink: bool = False

    @property
    def power(self) -> float:
        """The smallest error that would have been seen, relative to the gradient."""
        return self.allowed / self.share if self.share else 0.0


def judged(place: Place, pairs: int = 3) -> tuple[Way, list[Verdict]]:
    """A line, and a verdict on every gradient at a place; cheap where they are right and smooth."""
    moving = [k for k in place.floating if np.size(place.inputs[k]) and place.claims()[k] is not None]
    line = way(place.inputs, place.rng, moving)
    if not moving or not place.centre.size:
        return line, []
    slopes = tilted(place.subject, line, place.u, place.centre) if place.label is not None else None
    careful = place.label is None
    if slopes is not None:
        apart, allowed, shares = against(place, line, slopes, careful=careful)
    if slopes is None or not np.all(apart <= allowed):
        slopes = quick(place.subject, line, place.u, place.centre, pairs, place.step, place.resolution)
        apart, allowed, shares = against(place, line, slopes, careful=careful)
        if not careful and not np.all(apart <= allowed):
            apart, allowed, shares = against(place, line, slopes)
    if np.all(apart <= allowed):
        weak = [k for k in moving if unresolved(place, allowed[0], shares[0][k], slopes.size[0])]
        found = [Verdict(k, "agrees", apart[0], allowed[0], shares[0][k]) for k in moving if k not in weak]
        found += [alone(place, line.only(k), k, pairs) for k in weak]
    else:
        found = [alone(place, line.only(k), k, pairs) for k in moving]
    if place.label is None and all(one.outcome == "agrees" for one in found):
        closer = [closely(place, line.only(k, part), k) for k in moving for part in hidden(place, line, k)]
        found += [one for one in closer if one is not None]
    return line, found


def closely(place: Place, own: Way, k: int) -> Verdict | None:
    """A verdict on entries that others hide, None unless they disagree: only what they move has a cotangent."""
    moving = moved(place.subject, own, place.centre)
    u = np.where(moving, place.u[:1], 0.0)
    if not np.any(u):
        return None
    gradients = place.passed.gradients(unflattened(u[0], place.outputs))
    claimed, share = own.along(gradients), own.shares(gradients)[k]
    v, change = own.v[k], place.changes[k]
    assert v is not None
    assert change is not None
    slack = 16.0 * float(np.linalg.norm(change * v)) + float(rounding(np.array(share)))
    slack = max(slack, (place.atol or 0.0) * float(np.linalg.norm(v)) + (place.rtol or 0.0) * share)
    for sharply in (False, True):
        slopes = (
            thorough(place.subject, own, u, place.centre)
            if sharply and not place.coarse
            else quick(place.subject, own, u, place.centre, 3, place.step, place.resolution)
        )
        allowed = float(slopes.bound[0]) + slack
        if slopes.kink[0] or abs(claimed - slopes.value[0]) <= allowed or not np.isfinite(allowed):
            return None
    return Verdict(k, "disagrees", abs(claimed - slopes.value[0]), allowed, share)


def hidden(place: Place, line: Way, k: int) -> list[Any]:
    """Entries of a gradient that are so small beside others, or so differently scaled, that these hide them."""
    v = line.v[k]
    assert v is not None
    share = np.abs(np.asarray(place.claims()[k], np.float64) * v)
    top = float(np.max(share))
    small = share < FAINT * top
    groups = magnitudes(place.inputs[k])
    parts = groups if len(groups) > 1 else []
    if np.any(small) and not np.all(small):
        parts = [*parts, small]
    return parts


def alone(place: Place, own: Way, k: int, pairs: int = 3) -> Verdict:
    """A verdict on one gradient: its input alone moves, first cheaply, then as sharply as the function allows.

    A function that rounds in steps beneath a smooth part deceives the finest differences. Where both readings
    contradict each other, and the claim is near to that of the longer steps, these are believed.
    """
    first = quick(place.subject, own, place.u, place.centre, pairs, place.step, place.resolution)
    apart, allowed, shares = against(place, own, first)
    settled = np.all(apart <= allowed) and not unresolved(place, allowed[0], shares[0][k], first.size[0])
    if place.coarse or settled:
        return verdict(place, own, k, first)
    sharp = thorough(place.subject, own, place.u, place.centre)
    contradict = np.any(np.abs(first.value - sharp.value) > first.bound + sharp.bound) and not np.any(sharp.kink)
    near = np.maximum(allowed, WIDE * np.array([row[k] for row in shares]))
    if contradict and np.all(apart <= near):
        return Verdict(k, "agrees", float(apart[0]), float(near[0]), shares[0][k])
    return verdict(place, own, k, sharp)


def verdict(place: Place, own: Way, k: int, slopes: Slopes) -> Verdict:
    """What slopes say of the gradient of the one input that moves."""
    apart, allowed, shares = against(place, own, slopes)
    known = np.isfinite(allowed)
    worst = int(np.argmax(np.where(known, apart / np.maximum(allowed, 1e-300), 0.0)))
    share = max(shares[worst][k], abs(float(slopes.value[worst])))
    at_worst = Verdict(k, "disagrees", float(apart[worst]), float(allowed[worst]), share)
    if np.any(slopes.kink):
        return replace(at_worst, outcome="undecided", reason="a kink", kink=True)
    if np.any((apart > allowed) & known) or unstable(place, own, slopes, apart, shares):
        if not np.any(slopes.value) and in_steps(place, own):
            return replace(at_worst, outcome="undecided", reason="the outputs move in steps")
        return at_worst
    if not np.all(known):
        return replace(at_worst, outcome="undecided", reason="the outputs are not finite nearby", allowed=np.inf)
    share = max(shares[0][k], abs(float(slopes.value[0])))
    ordinary = Verdict(k, "agrees", float(apart[0]), float(allowed[0]), share)
    wished = place.atol is not None or place.rtol is not None
    if allowed[0] > WIDE * share and allowed[0] > SHARP * slopes.size[0] and not wished:
        return replace(ordinary, outcome="undecided", reason=ROUNDS)
    return ordinary


def in_steps(place: Place, own: Way) -> bool:
    """Whether outputs that do not move for small steps follow the claimed slopes for larger ones.

    Then what looks flat may be the rounding of large numbers inside of the function.
    """
    claimed = np.array([own.along(place.claims(name)) for name in place.cotangents])
    for t in 2.0 ** np.arange(0, 24, 2):
        right, left = place.subject.values(own.at(t)), place.subject.values(own.at(-t))
        if right.shape == left.shape == place.centre.shape:
            slopes = place.u @ (right - left) / (2.0 * t)
            if np.any(claimed) and np.all(np.abs(slopes - claimed) <= 0.1 * np.max(np.abs(claimed))):
                return True
    return False


def unstable(place: Place, own: Way, slopes: Slopes, apart: Any, shares: Sequence[Sequence[float]]) -> bool:
    """Whether backward changes more in the last place of its inputs than the slopes do, by which it is wrong.

    What backward may commit in rounding is measured by moving inputs in their last place. A backward pass that loses
    digits changes much, and would be allowed much; the slopes there show that it need not.
    """
    if place.atol is not None or place.rtol is not None or place.tolerance or place.coarse:
        return False
    plain = (1.0 + REORDERED) * slopes.bound + rounding(np.array([sum(row) for row in shares]))
    plain = plain + NOTHING * slopes.size
    if np.all(apart <= plain) or not np.all(np.isfinite(slopes.bound)):
        return False
    near = Way([nudged(x, place.rng) for x in own.inputs], own.v)
    there = place.subject.values(near.at(0.0))
    if there.shape != place.centre.shape:
        return False
    other = thorough(place.subject, near, place.u, there)
    need = REORDERED * (np.abs(other.value - slopes.value) + other.bound) + plain
    return bool(np.all(np.isfinite(need)) and np.any(apart > need))


def unresolved(place: Place, allowed: float, share: float, size: float) -> bool:
    """Whether errors of a gradient with this share could hide in what is allowed, and need not."""
    if place.atol is not None or place.rtol is not None:
        return False
    coarse = 1.0 if place.label is None else GROSS
    return bool(allowed > coarse * SHARP * share and share > coarse * HIDDEN * size)


def against(place: Place, line: Way, slopes: Slopes, *, careful: bool = True) -> tuple[Any, Any, list[list[float]]]:
    """For every cotangent: how far the claimed slope is from the numerical one, what is allowed, shares of inputs.

    ``careful`` is to measure the rounding of backward, which needs both passes once more.
    """
    claimed, slack, shares = [], [], []
    lengths = [0.0 if v is None else float(np.linalg.norm(v)) for v in line.v]
    rounded = 0.0
    for change, v in zip(place.changes if careful else place.least_changes, line.v, strict=True):
        if v is not None and change is not None and np.size(v):
            part = np.abs(change * v)
            rounded += 8.0 * (float(np.linalg.norm(part)) + float(np.max(part)))
    for name in place.cotangents:
        gradients = place.claims(name)
        claimed.append(line.along(gradients))
        own = line.shares(gradients)
        shares.append(own)
        ratio = max((a / b for a, b in zip(own, shares[0], strict=True) if b), default=1.0)
        slack.append(max(ratio, 1.0) * rounded)
    with np.errstate(all="ignore"):
        apart = np.abs(np.array(claimed) - slopes.value)
    allowed = slopes.bound + np.array(slack) + rounding(np.array([sum(own) for own in shares]))
    allowed = allowed + NOTHING * slopes.size  # a claim that rounds to nothing beside the outputs
    if place.atol is not None or place.rtol is not None:
        wished = [
            (place.atol or 0.0) * sum(lengths) + (place.rtol or 0.0) * float(np.linalg.norm(own)) for own in shares
        ]
        allowed = np.maximum(allowed, wished)
    return np.where(np.isnan(apart), np.inf, apart), np.where(np.isnan(allowed), np.inf, allowed), shares


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
        self.power = 0.0
        self.failed: Place | None = None
        self.widened = False

    def seconds(self) -> float:
        """Since the check began."""
        return time.perf_counter() - self.start

    def place(self, inputs: Sequence[Any], label: str | None = None) -> Place:
        return Place(self.subject, inputs, self.rng, label, **self.tolerances)

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
        kinks = [one.culprit for one in verdicts if one.kink]
        if place.label is None:
            self.power = max((one.power for one in verdicts if one.outcome == "agrees"), default=0.0)
        for one in verdicts:
            if one.outcome == "undecided" and not one.kink and place.label is None:
                self.doubts.append(Doubt(one.reason, one.culprit))
        if wrong:
            self.disagree(place, wrong)
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

    def disagree(self, place: Place, positions: Sequence[int]) -> None:
        """What is wrong with gradients that disagree: entry by entry, then the cause."""
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


def check_backward(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    inputs: Sequence[Any],
    *,
    saved: bool = False,
    seed: int = 0,
    points: int | None = None,
    domain: Mapping[str, Any] | None = None,
    sample: Callable[[np.random.Generator], Sequence[Any]] | None = None,
    mode: str = "directions",
    time_limit: float | None = None,
    atol: float | None = None,
    rtol: float | None = None,
    eps: float | None = None,
    nondeterministic: float = 0.0,
    names: Sequence[str] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Report:
    """Whether a backward pass gives the gradients of its forward pass; if not, where it is wrong, and why.

    ``forward(*inputs)`` returns an array or a tuple of arrays, ``backward(d_output, *inputs)`` a tuple with a
    gradient for every input, None for those that hold no floating-point numbers. With ``saved``, forward returns
    ``(output, saved)`` and ``backward(d_output, saved)`` a tuple, or a dictionary by the names of forward's
    parameters. What is given is never changed.

    The given inputs are looked at first, then ``points - 1`` others, which keep what the given arrays have in common
    with what they stand for (signs, whole numbers, rows that add up to 1, symmetry, …); ``domain`` names intervals
    ``{"x": (0, 1)}`` or functions ``(rng, shape) -> array`` to draw from, ``sample(rng)`` draws all inputs. In the
    mode ``"every-entry"`` every entry at the given inputs is compared, and not directions only. ``time_limit`` is in
    seconds.

    Tolerances follow from the numbers; ``atol`` and ``rtol`` widen them, ``eps`` is the finest step of differences,
    in typical sizes of an input. ``nondeterministic`` is the relative noise that both passes may have. ``names`` are
    those of the inputs, where they are not the parameters of ``forward``. ``progress`` is told what is looked at now.
    Raises: TypeError when forward or backward is no function; ValueError when an option makes no sense.
    When this fails: at kinks inside of a function, where several meet, many values are right and none is judged;
    mistakes that show only where no point lies are not found.
    """
    _check_options(forward, backward, inputs, mode, points, eps, names)
    start = time.perf_counter()
    given = [twin(x) for x in ((inputs,) if isinstance(inputs, (np.ndarray, float)) else inputs)]
    subject = Subject(forward, backward, given, saved=saved, names=names)
    tolerances = {"tolerance": nondeterministic, "atol": atol, "rtol": rtol, "step": eps}
    check = Examination(subject, seed, tolerances, progress=progress)
    count = len(MANNERS) if points is None else max(points - 1, 0)
    shown = ""
    with np.errstate(all="ignore"), contextlib.redirect_stdout(io.StringIO()), alarm(time_limit):
        try:
            refused = unusable(given)
            if refused:
                check.doubts.append(Doubt(refused))
            else:
                check.given(given, every_entry=mode == "every-entry")
                if not check.findings:
                    check.elsewhere(given, count, domain=domain, sample=sample)
        except Broken as broken:
            check.findings.append(Finding("contract", broken.message, culprit=broken.culprit))
            if broken.trace:
                check.evidence["traceback"] = broken.trace
        except OutOfTime:
            calls = f"{subject.forwards} forward and {subject.backwards} backward calls"
            check.doubts.append(Doubt(f"the time limit of {time_limit:g} s was over after {calls}"))
        else:
            if check.findings:
                with contextlib.suppress(OutOfTime):
                    shown = reproduction(check, given, saved, seed)
    found = sorted(check.findings, key=_telling)
    outcome = "disagrees" if found else "inconclusive" if check.doubts else "agrees"
    return Report(
        outcome,
        subject.names,
        tuple(found),
        tuple(check.doubts),
        check.power,
        Cost(subject.forwards, subject.backwards, time.perf_counter() - start),
        seed,
        tuple(check.looked),
        check.evidence,
        check.heat,
        shown,
    )


def reproduction(check: Examination, given: Sequence[Any], saved: bool, seed: int) -> str:
    """Code that shows the failure at the smallest inputs that were found."""
    first, subject = check.findings[0], check.subject

    def fails(inputs: Sequence[Any]) -> bool:
        if not alike(inputs, given):
            return False
        other = Subject(subject.given_forward, subject.given_backward, inputs, saved=saved, names=subject.names)
        again = Examination(other, seed, check.tolerances, diagnose=False)
        try:
            again.given(list(inputs))
        except Broken as broken:
            return first.kind == "contract" and broken.culprit == first.culprit and broken.message == first.what
        finally:
            subject.forwards += other.forwards
            subject.backwards += other.backwards
        return any(
            one.culprit == first.culprit and (one.kind == first.kind or one.kind == "wrong") for one in again.findings
        )

    check.say("smaller inputs at which it fails, too")
    where = check.failed.inputs if check.failed is not None else given
    if first.where is not None and check.failed is None:
        return ""
    found = tuple(where)
    slow = subject.forwards > 0 and check.seconds() / subject.forwards > SLOW
    if not slow and fails(found):
        found = smallest(found, fails)
    passes = f"{_called(subject.given_forward, 'forward')}, {_called(subject.given_backward, 'backward')}"
    options = f"{', saved=True' if saved else ''}, seed={seed}, points=1"
    return snippet(found, subject.names, f"check_backward({passes}, {{inputs}}{options})")


def _called(function: Any, otherwise: str) -> str:
    name = getattr(function, "__name__", "")
    return name if name.isidentifier() else otherwise


def _check_options(
    forward: Any, backward: Any, inputs: Any, mode: str, points: int | None, eps: float | None, names: Any
) -> None:
    if not callable(forward) or not callable(backward):
        raise TypeError("forward and backward are functions: forward(*inputs), backward(d_output, *inputs)")
    if not isinstance(inputs, (tuple, list, np.ndarray, float)):
        raise TypeError(f"inputs is a {type(inputs).__name__}: it is a tuple of arrays, (x, W, b)")
    if mode not in MODES:
        raise ValueError(f"mode is {mode!r}: it is one of {', '.join(map(repr, MODES))}")
    if points is not None and points < 1:
        raise ValueError(f"points is {points}: it is 1 (the given inputs alone) or more")
    if eps is not None and not 0 < eps < 1:
        raise ValueError(f"eps is {eps}: it is a step between 0 and 1, in typical sizes of an input")
    if names is not None and isinstance(inputs, (tuple, list)) and len(names) != len(inputs):
        raise ValueError(f"there are {len(names)} names for {len(inputs)} inputs")


def unusable(inputs: Sequence[Any]) -> str:
    """Why inputs cannot be checked at all; empty when they can."""
    if not inputs:
        return "there are no inputs, and so no gradient to compare"
    for k, x in enumerate(inputs):
        if isinstance(x, np.ndarray) and x.dtype == object:
            return f"input {k} is an array of Python objects: convert it with .astype(float)"
        if is_floating(x) and not np.all(np.isfinite(x)) and np.all(np.isnan(x)):
            return f"input {k} is NaN"
    return ""


ORDER = ("cotangent", "cache")


def _telling(one: Finding) -> tuple[int, int]:
    """Findings in the order in which they tell most."""
    if one.kind == "contract":
        return (3, 0)
    return (1 if one.kind in ORDER else 2, 0)


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
    line = alone_at(place, {one.position: unit})
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
    line = alone_at(place, {k: size * unit for k, unit in units.items()})
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
