"""Whether the gradients of a backward pass are those of its forward pass.

Data
    ``Verdict``  of one input at one place: agrees, disagrees or undecided, with the numbers.

The three most important functions are ``check_backward`` (what people call), ``judged`` (the gradients at one place)
and ``alone`` (the gradient of one input).
"""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from verify.backward_pass.place import Place
from verify.backward_pass.promises import PROMISES
from verify.backward_pass.report import Cost, Doubt, Finding, Report
from verify.backward_pass.slope import Slopes, Way, quick, rounding, thorough, way
from verify.backward_pass.subject import Broken, Subject, twin

__all__ = ["check_backward"]

# A slope known this well, relative to the part that an input has in it, settles a right pass at once.
SHARP = 1e-7
# Where an input's part is this small a share of the function, the function's own rounding hides it.
HIDDEN = 1e-9
# A bound wider than this share of the gradient decides nothing.
WIDE = 1e-2


@dataclass(frozen=True)
class Verdict:
    """Of one input's gradient at one place; numbers are those of the worst cotangent."""

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


def judged(place: Place, pairs: int = 3) -> list[Verdict]:
    """A verdict on every gradient at a place, cheaply where they are right and smooth."""
    moving = [k for k in place.floating if np.size(place.inputs[k]) and place.claims()[k] is not None]
    if not moving:
        return []
    line = way(place.inputs, place.rng, moving)
    slopes = quick(place.subject, line, place.u, place.centre, pairs)
    apart, allowed, shares = against(place, line, slopes)
    if np.all(apart <= allowed):
        weak = [k for k in moving if unresolved(allowed[0], shares[0][k], slopes.size[0])]
        found = [Verdict(k, "agrees", apart[0], allowed[0], shares[0][k]) for k in moving if k not in weak]
        return found + [alone(place, line, k, pairs) for k in weak]
    return [alone(place, line, k, pairs) for k in moving]


def alone(place: Place, line: Way, k: int, pairs: int = 3) -> Verdict:
    """A verdict on one gradient: its input alone moves, first cheaply, then as sharply as the function allows."""
    own = line.only(k)
    slopes = quick(place.subject, own, place.u, place.centre, pairs)
    apart, allowed, shares = against(place, own, slopes)
    sharp = np.all(apart <= allowed) and not unresolved(allowed[0], shares[0][k], slopes.size[0])
    if not sharp:
        slopes = thorough(place.subject, own, place.u, place.centre)
        apart, allowed, shares = against(place, own, slopes)
    worst = int(np.argmax(np.where(np.isfinite(allowed), apart / np.maximum(allowed, 1e-300), 0.0)))
    share = max(shares[worst][k], abs(float(slopes.value[worst])))
    if np.any(slopes.kink):
        return Verdict(k, "undecided", apart[worst], allowed[worst], share, "a kink", kink=True)
    if np.any((apart > allowed) & np.isfinite(allowed)):
        return Verdict(k, "disagrees", apart[worst], allowed[worst], share)
    if not np.all(np.isfinite(allowed)):
        return Verdict(k, "undecided", apart[worst], np.inf, share, "the outputs are not finite nearby")
    worst = 0
    share = max(shares[0][k], abs(float(slopes.value[0])))
    if allowed[0] > WIDE * share and allowed[0] > 1e-7 * slopes.size[0]:
        return Verdict(k, "undecided", apart[0], allowed[0], share, "the forward pass rounds too much")
    return Verdict(k, "agrees", apart[0], allowed[0], share)


def unresolved(allowed: float, share: float, size: float) -> bool:
    """Whether errors of a gradient with this share could hide in what is allowed, and need not."""
    return bool(allowed > SHARP * share and share > HIDDEN * size)


def against(place: Place, line: Way, slopes: Slopes) -> tuple[Any, Any, list[list[float]]]:
    """For every cotangent: how far the claimed slope is from the numerical one, what is allowed, shares of inputs."""
    claimed, slack, shares = [], [], []
    for name in place.cotangents:
        gradients = place.claims(name)
        claimed.append(line.along(gradients))
        own = line.shares(gradients)
        shares.append(own)
        factor = 1.0 if name == "signed" else _ratio(own, shares[0])
        slack.append(
            factor
            * sum(
                8.0 * place.noise[k] * float(np.linalg.norm(v))
                for k, v in enumerate(line.v)
                if v is not None and place.noise[k]
            )
        )
    with np.errstate(all="ignore"):
        apart = np.abs(np.array(claimed) - slopes.value)
    allowed = slopes.bound + np.array(slack) + rounding(np.array([sum(own) for own in shares]))
    return np.where(np.isnan(apart), np.inf, apart), np.where(np.isnan(allowed), np.inf, allowed), shares


def _ratio(one: Sequence[float], other: Sequence[float]) -> float:
    return max((a / b for a, b in zip(one, other, strict=True) if b), default=1.0)


def check_backward(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    inputs: Sequence[Any],
    *,
    saved: bool = False,
    seed: int = 0,
    points: int | None = None,
) -> Report:
    """Whether a backward pass gives the gradients of its forward pass; if not, where it is wrong, and why."""
    start = time.perf_counter()
    given = [twin(x) for x in inputs]
    subject = Subject(forward, backward, given, saved=saved)
    rng = np.random.default_rng(seed)
    findings: list[Finding] = []
    doubts: list[Doubt] = []
    power = 0.0
    with np.errstate(all="ignore"), contextlib.redirect_stdout(io.StringIO()):
        try:
            place = Place(subject, given, rng)
            place.claims()
            for promise in PROMISES:
                findings += promise(place)
            verdicts = judged(place)
            for one in verdicts:
                if one.outcome == "disagrees":
                    findings.append(
                        Finding(
                            "wrong", f"the gradient of {subject.names[one.culprit]} is wrong", culprit=one.culprit
                        )
                    )
                elif one.outcome == "undecided":
                    doubts.append(Doubt(one.reason, one.culprit))
            power = max((one.power for one in verdicts), default=0.0)
        except Broken as broken:
            findings.append(Finding("contract", broken.message, culprit=broken.culprit, cause=broken.message))
    outcome = "disagrees" if findings else "inconclusive" if doubts else "agrees"
    cost = Cost(subject.forwards, subject.backwards, time.perf_counter() - start)
    return Report(outcome, subject.names, tuple(findings), tuple(doubts), power, cost, seed, ("the given inputs",))
