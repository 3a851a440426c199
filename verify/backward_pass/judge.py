"""Verdicts on gradients at one place: claimed slopes beside numerical ones.

Data
    ``Verdict``  of one input at one place: agrees, disagrees or undecided, with the numbers.

The three most important functions are ``judged`` (all gradients at a place, cheaply), ``alone`` (one, as sharply as
it needs) and ``against`` (how far a claim is from a slope, and how far it may be).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from verify.backward_pass.cotangents import unflattened
from verify.backward_pass.place import REORDERED, Place, largest, nudged
from verify.backward_pass.slope import Slopes, Way, magnitudes, moved, quick, rounding, thorough, tilted, way
from verify.differences import EPS

__all__ = ["Verdict", "alone", "judged"]

# A slope known this well, relative to the part that an input has in it, settles a right pass at once.
SHARP = 1e-7
# Where an input's part is this small a share of the function, the function's own rounding hides it.
HIDDEN = 1e-9
# At other points than the given one gross mistakes are looked for: so many times larger ones.
GROSS = 1e3
# Entries whose part of a slope is below this share of the largest are looked at by themselves.
FAINT = 1e-3
# A bound wider than this share of the gradient decides nothing.
WIDE = 1e-2
# So many times what slopes change by, and are known to, may backward be off by rounding.
UNSTABLE = 16.0
# Beside the gradient at the given inputs this share is not judged elsewhere.
VANISHED = 1e-9
ENDS = "the outputs are not finite nearby (the domain ends, or something overflows)"
NARROW = "the outputs are in a narrow type, whose rounding hides the gradient"
ROUNDS = "the forward pass rounds too much (cancellation, conditioning)"


@dataclass(frozen=True)
class Verdict:
    """Of one input's gradient at one place; numbers are those of the worst cotangent.

    ``closely`` is where entries alone would not show it: others hide them, or backward loses digits.
    """

    culprit: int
    outcome: str
    apart: float
    allowed: float
    share: float
    reason: str = ""
    kink: bool = False
    closely: bool = False

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
    if len(magnitudes(place.inputs[k])) == 1:
        slack += 8.0 * EPS * largest(place.claims()[k]) * float(np.linalg.norm(v))
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
    return Verdict(k, "disagrees", abs(claimed - slopes.value[0]), allowed, share, closely=True)


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
    between = np.abs(first.value - sharp.value)
    much = WIDE * np.maximum(np.abs(first.value), np.abs(sharp.value))
    contradict = np.any(between > np.maximum(first.bound + sharp.bound, much)) and not np.any(sharp.kink)
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
    clear = known & ~slopes.kink
    if np.any(slopes.kink) and not np.any((apart > allowed) & clear):
        return replace(at_worst, outcome="undecided", reason="a kink", kink=True)
    outside = bool(np.any((apart > allowed) & clear))
    wrong = outside or unstable(place, own, slopes, apart, shares)
    if wrong and not np.any(apart > VANISHED * place.reference.get(k, 0.0) * _lengths(place)):
        return replace(at_worst, outcome="undecided", reason="the gradient has all but vanished")
    if wrong:
        if not np.any(slopes.value) and in_steps(place, own):
            return replace(at_worst, outcome="undecided", reason="the outputs move in steps")
        return replace(at_worst, closely=not outside)
    if not np.all(known):
        return replace(at_worst, outcome="undecided", reason=ENDS, allowed=np.inf)
    share = max(shares[0][k], abs(float(slopes.value[0])))
    ordinary = Verdict(k, "agrees", float(apart[0]), float(allowed[0]), share)
    wished = place.atol is not None or place.rtol is not None
    if allowed[0] > WIDE * share and allowed[0] > SHARP * slopes.size[0] and not wished:
        return replace(ordinary, outcome="undecided", reason=NARROW if place.coarse else ROUNDS)
    return ordinary


def _lengths(place: Place) -> Any:
    """How long every cotangent is, relative to the ordinary one."""
    lengths = np.linalg.norm(place.u, axis=1)
    return lengths / (lengths[0] or 1.0)


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
    plain = (1.0 + UNSTABLE) * slopes.bound + rounding(np.array([sum(row) for row in shares]))
    plain = plain + place.nothing * slopes.size + REORDERED * EPS * max(shares[0], default=0.0)
    if np.all(apart <= plain) or not np.all(np.isfinite(slopes.bound)):
        return False
    near = Way([nudged(x, place.rng) for x in own.inputs], own.v)
    there = place.subject.values(near.at(0.0))
    if there.shape != place.centre.shape:
        return False
    other = thorough(place.subject, near, place.u, there)
    need = UNSTABLE * (np.abs(other.value - slopes.value) + other.bound) + plain
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
    allowed = allowed + place.nothing * slopes.size  # a claim that rounds to nothing beside the outputs
    if place.atol is not None or place.rtol is not None:
        wished = [
            (place.atol or 0.0) * sum(lengths) + (place.rtol or 0.0) * float(np.linalg.norm(own)) for own in shares
        ]
        allowed = np.maximum(allowed, wished)
    return np.where(np.isnan(apart), np.inf, apart), np.where(np.isnan(allowed), np.inf, allowed), shares
