"""Gradients at kinks and ties: what is a subgradient, and what is none.

At a kink the slopes to both sides differ by a jump that does not shrink with the step. The entries at which there
is one are found by halving; each is then judged alone: a claimed value between the slopes of both sides is a
subgradient. Entries that are tied are judged together too, since together they may move without a kink. All the
others are judged along a line on which no kinked entry moves.

Data
    ``Bend``  the one-sided slopes along a line.

The three most important functions are ``kinked`` (which entries), ``bend`` (the slopes of both sides) and
``at_kinks`` (a verdict).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from verify.backward_pass.place import Place
from verify.backward_pass.slope import STEP, Numbers, Way, typical

__all__ = ["Bend", "at_kinks", "bend", "kinked"]

# Slopes to both sides that differ by this share of the larger are different; a smooth function's differ by STEP.
JUMP = 1e-3
# So far, in typical sizes, kinked entries are moved away to where the function is smooth.
AWAY = 0.1
# So many points beside a kink are looked at where a claim is outside of the slopes to both sides.
BESIDE = 12


@dataclass(frozen=True)
class Bend:
    """One-sided slopes along a line, of every output."""

    left: Numbers
    right: Numbers

    @property
    def kink(self) -> bool:
        """Whether they differ."""
        size = np.maximum(np.abs(self.left), np.abs(self.right))
        top = float(np.max(size, initial=0.0))
        return bool(np.any(np.abs(self.right - self.left) > JUMP * np.maximum(size, 1e-3 * top)))


def bend(place: Place, line: Way) -> Bend | None:
    """The slopes of both sides, extrapolated from two steps each; None outside of the domain."""
    sides = []
    for sign in (-1.0, 1.0):
        near, far = (place.subject.values(line.at(sign * h)) for h in (STEP, 2.0 * STEP))
        if near.shape != place.centre.shape or far.shape != place.centre.shape:
            return None
        sides.append((4.0 * (near - place.centre) - (far - place.centre)) / (2.0 * sign * STEP))
    return Bend(*sides) if all(np.all(np.isfinite(side)) for side in sides) else None


def kinked(place: Place, line: Way, k: int, most: int = 512) -> list[int] | None:
    """The entries of an input at which it has a kink, by halving; None when there are too many or the domain ends."""
    v = line.v[k]
    assert v is not None
    found: list[int] = []
    waiting: list[Any] = [np.arange(v.size)]
    tried = 0
    while waiting:
        entries = waiting.pop()
        part = np.zeros(v.size)
        part[entries] = np.ravel(v)[entries]
        tried += 1
        sides = bend(place, Way.of(place.inputs, {k: part.reshape(np.shape(v))}))
        if sides is None or tried > 4 * most:
            return None
        if not sides.kink:
            continue
        if len(entries) == 1:
            found.append(int(entries[0]))
        else:
            waiting += [entries[: len(entries) // 2], entries[len(entries) // 2 :]]
    return sorted(found)


@dataclass(frozen=True)
class Judged:
    """Of a kinked input: the entries with a kink, and what is wrong, with entries, claimed value and both slopes.

    ``inside`` is true where something was outside the slopes, but at a kink inside of the function, where several
    kinks meet, and there a right pass may be outside, too.
    """

    entries: tuple[int, ...]
    wrong: tuple[tuple[tuple[int, ...], float, float, float], ...]
    smooth: Way | None
    inside: bool = False


def at_kinks(place: Place, line: Way, k: int) -> Judged | None:
    """Kinked entries judged alone, tied ones together; and the line on which the others move."""
    entries = kinked(place, line, k)
    if entries is None:
        return None
    v = line.v[k]
    assert v is not None
    shape, size = np.shape(v), np.size(v)
    x = np.ravel(place.inputs[k])
    unit = typical(place.inputs[k])
    groups: list[Sequence[int]] = [[i] for i in entries]
    for value in np.unique(x[entries]):
        tied = [i for i in entries if x[i] == value]
        if len(tied) > 1:
            groups.append(tied)
    if len(entries) > 1:
        groups.append(entries)
    wrong = []
    inside = False
    for group in groups:
        part = np.zeros(size)
        part[list(group)] = unit
        own = Way.of(place.inputs, {k: part.reshape(shape)})
        sides = bend(place, own)
        if sides is None:
            return None
        for name, u in zip(place.cotangents, place.u, strict=True):
            claimed = own.along(place.claims(name))
            left, right = float(u @ sides.left), float(u @ sides.right)
            # each output may lie on either side of its own kink
            low = float(np.sum(np.minimum(u * sides.left, u * sides.right)))
            high = float(np.sum(np.maximum(u * sides.left, u * sides.right)))
            slack = 1e-6 * (np.abs(u) @ np.maximum(np.abs(sides.left), np.abs(sides.right))) + 1e-9 * (
                np.abs(u) @ np.abs(place.centre)
            )
            if not low - slack <= claimed <= high + slack:
                nearby = slopes_nearby(place, own, u, entries, k)
                if min([low, *nearby]) - slack <= claimed <= max([high, *nearby]) + slack:
                    continue
                if not own_kink(place, line, k, group):
                    inside = True
                else:
                    wrong.append((tuple(group), claimed / unit, left / unit, right / unit))
                break
    others = np.ravel(v).copy()
    others[entries] = 0.0
    smooth = Way.of(place.inputs, {k: others.reshape(shape)}) if np.any(others) else None
    return Judged(tuple(entries), tuple(wrong), smooth, inside)


def slopes_nearby(place: Place, own: Way, u: Numbers, entries: Sequence[int], k: int) -> list[float]:
    """The slope along a line at points beside, where the kinks of this input are broken in one way or another.

    Where more than two entries are tied, as in sorting, a right value may be none of both sides', but one of these.
    """
    found = []
    x = np.asarray(place.inputs[k], np.float64)
    for _ in range(BESIDE):
        step = np.zeros(x.size)
        step[list(entries)] = place.rng.uniform(0.5, 1.5, len(entries)) * place.rng.choice((-1.0, 1.0), len(entries))
        inputs = list(place.inputs)
        inputs[k] = x + 0.01 * AWAY * typical(x) * step.reshape(x.shape)
        line = Way(inputs, own.v)
        right, left = place.subject.values(line.at(STEP)), place.subject.values(line.at(-STEP))
        if right.shape == left.shape == place.centre.shape:
            found.append(float(u @ (right - left)) / (2.0 * STEP))
    return [slope for slope in found if np.isfinite(slope)]


def own_kink(place: Place, line: Way, k: int, group: Sequence[int]) -> bool:
    """Whether the kink of the first of these entries is its own, and not that of a sum in which others have a part.

    It stays when all other numbers are moved, as that of relu; or, as that of a maximum, when entries of the same
    value are moved by the same amount and all others by other amounts.
    """
    first = group[0]
    value = np.ravel(place.inputs[k])[first]
    alone, tied = list(place.inputs), list(place.inputs)
    for i, v in enumerate(line.v):
        if v is None:
            continue
        x = np.asarray(place.inputs[i], np.float64)
        elsewhere = x + 0.01 * AWAY * v
        alone[i] = np.where((np.arange(x.size) == first).reshape(x.shape), x, elsewhere) if i == k else elsewhere
        tied[i] = np.where(x == value, x + 0.01 * AWAY * typical(place.inputs[k]), elsewhere)
    return any(kinked_there(place, inputs, k, first) for inputs in (alone, tied))


def kinked_there(place: Place, inputs: Sequence[Any], k: int, entry: int) -> bool:
    """Whether one entry has a kink at other inputs; true outside of the domain, where nothing is known."""
    part = np.zeros(np.size(place.inputs[k]))
    part[entry] = typical(place.inputs[k])
    own = Way.of(inputs, {k: part.reshape(np.shape(place.inputs[k]))})
    centre, right, left = (place.subject.values(own.at(t)) for t in (0.0, STEP, -STEP))
    if any(one.shape != place.centre.shape or not np.all(np.isfinite(one)) for one in (centre, right, left)):
        return True
    return Bend((centre - left) / STEP, (right - centre) / STEP).kink


def moved_away(place: Place, line: Way, entries: Mapping[int, Sequence[int]], rng: np.random.Generator) -> list[Any]:
    """The inputs with their kinked entries moved to where the function is smooth."""
    found = list(place.inputs)
    for k, kinks in entries.items():
        value = np.array(found[k], copy=True)
        steps = rng.uniform(0.5, 1.5, len(kinks)) * rng.choice((-1.0, 1.0), len(kinks))
        value.flat[list(kinks)] += AWAY * typical(value) * steps
        found[k] = value
    return found
