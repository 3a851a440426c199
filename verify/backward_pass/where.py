"""Hypotheses about which entries are wrong: masks, ties, regions, few of them.

The three most important functions are ``masked``, ``in_a_region`` and ``described`` (which values wrong ones have).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from verify.backward_pass.subject import Array
from verify.backward_pass.suspect import Answer, Suspect

# Wrong entries are told apart by a threshold on one of several quantities by chance, unless there are so many
# ways of choosing them.
CHANCE = 30
# So few entries are chosen one by one, and thresholds on them are meant.
FEW = 5

__all__ = [
    "blocked_on_one_side",
    "described",
    "equal_entries",
    "few",
    "few_values",
    "in_a_region",
    "masked",
    "region_named",
    "repeated_indices",
    "sides_exchanged",
    "signs_differ",
    "whole_steps",
]


def equal_entries(s: Suspect) -> str | None:
    """Wrong exactly where the input has the same value several times."""
    values, inverse, counts = np.unique(s.x, return_inverse=True, return_counts=True)
    tied = (counts[inverse.reshape(s.x.shape)] > 1) & s.known
    tied &= s.x != 0
    kinks = np.isinf(s.found.allowed["signed"]) & s.found.looked
    if np.any(kinks) and np.any(tied) and np.any(~tied & s.known) and np.all(tied[s.wrong]):
        return f"wrong only among entries of {s.name} that are equal"
    return None


def repeated_indices(s: Suspect) -> str | None:
    """Wrong in exactly the rows that an input of whole numbers names several times."""
    if s.wrong.ndim < 1 or not s.whole:
        return None
    rest = tuple(range(1, s.wrong.ndim))
    hit = np.any(s.wrong, axis=rest) if rest else s.wrong
    for k, rows in enumerate(s.place.inputs):
        if not isinstance(rows, np.ndarray) or rows.dtype.kind not in "iu" or rows.size < 2:
            continue
        if rows.min() < 0 or rows.max() >= len(hit):
            continue
        count = np.bincount(rows.ravel().astype(np.int64), minlength=len(hit))
        if np.any(count == 1) and np.any(count > 1) and np.array_equal(hit, count > 1):
            return (
                f"wrong only in rows that {s.place.subject.names[k]} names several times: their contributions are "
                "overwritten or averaged in place of added up"
            )
    return None


def masked(s: Suspect) -> Answer:
    """Zero where it must pass, or passes where it must be zero, and right elsewhere."""
    if not np.any(s.wrong):
        return None
    size = np.max(np.abs(s.true[s.known]), initial=0.0)
    dead = np.abs(s.true) <= 1e-9 * size
    blocked = np.abs(s.claimed) <= 1e-9 * size
    if not np.all((dead | blocked)[s.wrong]):
        return None
    many = int(np.count_nonzero(s.wrong))
    if np.all(s.wrong | ~s.known) and (np.all(dead[s.wrong]) or np.all(blocked[s.wrong])):
        return None
    if many == 1 and np.count_nonzero(s.known) > 3:
        return None  # one entry is no mask
    if np.all(dead[s.wrong]):
        if float(np.max(np.abs(s.claimed[s.wrong]))) < 1e-3 * size:
            return None  # what is added there is too small to have passed a mask
        told = f"not zero in {many} entries where it must be"
    elif np.all(blocked[s.wrong]):
        lines = _whole_lines(s)
        if lines and np.array_equal(s.wrong, _filled(s)):
            return ("local" if "axis 0" in lines else "index"), f"zero, and {lines}: a range is too short"
        told = f"zero in {many} entries where it must pass"
    else:
        told = f"passes and blocks the wrong entries ({many} of them)"
    region = described(s)
    return "mask", f"the mask is wrong: {told}" + (f" ({region})" if region else "")


def _filled(s: Suspect) -> Array:
    """Every entry of the lines along which something is wrong."""
    for axis, size in enumerate(s.wrong.shape):
        rest = tuple(a for a in range(s.wrong.ndim) if a != axis)
        hit = np.any(s.wrong, axis=rest)
        if size > 2 and (list(np.flatnonzero(hit)) in ([0], [size - 1], [0, size - 1])):
            return np.broadcast_to(hit.reshape([-1 if a == axis else 1 for a in range(s.wrong.ndim)]), s.wrong.shape)
    return np.zeros(s.wrong.shape, bool)


def few(s: Suspect) -> str | None:
    """Wrong in few entries."""
    count, all_of_them = int(np.count_nonzero(s.wrong)), int(np.count_nonzero(s.known))
    if count > 1 and s.slight and _whole_lines(s) is None:
        return None
    if count > 1 and np.all(s.wrong[s.telling]):
        return None  # nothing that is not zero is right
    if all_of_them < 4 or count > max(1, all_of_them // 4):
        lines = _whole_lines(s)
        if lines is None or all_of_them < 4:
            return None
        return lines
    lines = _whole_lines(s)
    places = [f"{s.name}{list(map(int, entry))}" for entry in np.argwhere(s.wrong)[:3]]
    more = f" and {count - 3} more" if count > 3 else ""
    return lines or f"wrong in {count} of {all_of_them} entries only: {', '.join(places)}{more}"


def _whole_lines(s: Suspect) -> str | None:
    """Wrong in exactly one index, or the ends, of an axis."""
    for axis, size in enumerate(s.wrong.shape):
        if size < 3:
            continue
        rest = tuple(a for a in range(s.wrong.ndim) if a != axis)
        hit = np.flatnonzero(np.any(s.wrong, axis=rest))
        if len(hit) == 1:
            end = " (the last)" if hit[0] == size - 1 else " (the first)" if hit[0] == 0 else ""
            return f"wrong only at index {hit[0]}{end} of axis {axis}"
        if size > 4 and list(hit) == [0, size - 1]:
            return f"wrong only at both ends of axis {axis}"
    return None


def quantities(s: Suspect) -> Iterator[tuple[str, Array, bool]]:
    """What a threshold may be on: a name, its values, and whether it is the input itself."""
    yield s.name, s.x, True
    yield f"|{s.name}|", np.abs(s.x), True
    for y in s.place.outputs:
        if y.shape == s.x.shape:
            value = np.asarray(y, np.float64)
            yield "the output", value, False
            yield "|the output|", np.abs(value), False
    for k, other in enumerate(s.place.inputs):
        if k != s.found.position and isinstance(other, np.ndarray) and other.shape == s.x.shape:
            value = np.asarray(other, np.float64)
            name = s.place.subject.names[k]
            for told, one in (
                (name, value),
                (f"{s.name} - {name}", s.x - value),
                (f"|{s.name} - {name}|", np.abs(s.x - value)),
                (f"{s.name} {name}", s.x * value),
            ):
                yield told, one, False


def described(s: Suspect) -> str | None:
    """Which entries are wrong, by the values of the input there, or of something else of its shape."""
    right = s.known & ~s.wrong
    if np.any(s.true[right] != 0) and np.any(s.true[s.wrong] != 0):
        right = right & s.telling if np.any(right & s.telling) else right
    if not np.any(s.wrong) or not np.any(right):
        return None
    for name, value, itself in quantities(s):
        mine, other = value[s.wrong], value[right]
        many = len(mine) + len(other)
        if math.comb(many, len(mine)) < (CHANCE / 2 if itself else CHANCE) and not (itself and many <= FEW):
            continue
        if mine.max() < other.min():
            return f"where {name} < {_between(mine.max(), other.min()):.3g}"
        if mine.min() > other.max():
            return f"where {name} > {_between(other.max(), mine.min()):.3g}"
    return None


def _between(low: float, high: float) -> float:
    """The roundest number between two."""
    for digits in range(-3, 8):
        rounded = float(np.round((low + high) / 2.0, digits))
        if low < rounded < high or (digits == -3 and low < 0 < high):
            return rounded if low < rounded < high else 0.0
    return (low + high) / 2.0


def in_a_region(s: Suspect) -> str | None:
    """Wrong where the input lies in a half-line or an interval, and right elsewhere."""
    wrong, right = int(np.count_nonzero(s.wrong)), int(np.count_nonzero(s.telling & ~s.wrong))
    if wrong < 2 or right < 2:
        return None
    told = described(s)
    if told:
        return f"wrong only {told}"
    told = _interval(s, s.telling & ~s.wrong)
    if told and math.comb(wrong + right, wrong) >= (wrong + right) * CHANCE / 4:
        return f"wrong only {told}"
    return None


def _interval(s: Suspect, right: Array) -> str | None:
    """The interval of the input in which all wrong entries lie and no right one does."""
    wrong, other = s.x[s.wrong], s.x[right]
    low, high = wrong.min(), wrong.max()
    if np.any((other >= low) & (other <= high)):
        return None
    return f"where {low:.3g} <= {s.name} <= {high:.3g}"


def sides_exchanged(s: Suspect) -> Answer:
    """Where one of both gradients is constant the other is not, or they have the same two values, exchanged."""
    if s.place.centre.size == 1:
        true, claimed = s.true / s.place.u[0][0], s.claimed / s.place.u[0][0]
    elif s.operators is not None and s.operators.diagonal and s.operators.busy.shape[0] == s.x.size:
        true, claimed = (one.sum(axis=0).reshape(s.x.shape) for one in (s.operators.true, s.operators.claimed))
    else:
        return None
    if not s.whole or s.x.size < 4 or not np.all(s.wrong):
        return None
    size = float(np.max(np.abs(true)))
    values, counts = np.unique(np.round(np.abs(true) / size, 6), return_counts=True)
    usual = values[np.argmax(counts)] * size
    one = np.abs(np.abs(true) - usual) <= 1e-5 * size
    other = np.abs(np.abs(claimed) - usual) <= 1e-5 * size
    if np.count_nonzero(one) > 1 and np.any(other) and np.all(one ^ other) and usual > 0:
        levels = len(np.unique(np.round(np.abs(true) / size, 6))), len(np.unique(np.round(np.abs(claimed) / size, 6)))
        if levels == (2, 2) and np.all(true * claimed > 0):
            return "gate", "two levels are exchanged: the sign is right, and each side has the other's size"
        return "mask", "the sides of a piecewise function are exchanged: each has the derivative of the other"
    return None


def blocked_on_one_side(s: Suspect) -> str | None:
    """Zero on one side of a threshold of the input, where it must not be, and only there."""
    blocked = s.known & (s.claimed == 0) & s.telling
    passing = s.known & (s.claimed != 0)
    if np.count_nonzero(blocked) < 2 or np.count_nonzero(passing) < 2:
        return None
    if math.comb(int(np.count_nonzero(s.known)), int(np.count_nonzero(blocked))) < CHANCE:
        return None
    low, high = s.x[blocked], s.x[passing]
    if low.max() < high.min() or low.min() > high.max():
        side = "<" if low.max() < high.min() else ">"
        edge = _between(min(low.max(), high.max()), max(low.min(), high.min()))
        return f"zero wherever {s.name} {side} {edge:.3g}, where it must pass: the mask is wrong"
    return None


def signs_differ(s: Suspect) -> str | None:
    """The right sizes with some signs wrong."""
    if s.matches(np.where(s.wrong, -s.true, s.true)):
        region = described(s)
        return f"the sign is wrong in {np.count_nonzero(s.wrong)} entries" + (f", {region}" if region else "")
    return None


def region_named(s: Suspect) -> str | None:
    """At another point than the given one."""
    if s.place.label is None:
        return None
    told = described(s)
    return f"right at the given inputs, wrong for {s.place.label}" + (f", {told}" if told else "")


def whole_steps(s: Suspect) -> str | None:
    """Both gradients of a scalar are small whole multiples of one number: what is counted is decided wrongly."""
    if s.place.centre.size != 1 or not s.whole or s.x.size < 6:
        return None
    busy = np.abs(s.true[s.true != 0])
    if busy.size < 3:
        return None
    unit = float(busy.min())
    both = np.concatenate([np.ravel(s.true), np.ravel(s.claimed)]) / unit
    counts = np.round(both)
    if np.all(np.abs(both - counts) < 1e-5) and np.max(np.abs(counts)) <= 16 and len(np.unique(counts)) > 2:
        return "entries pass or are blocked that should not: the function is made of pieces, and the wrong ones count"
    return None


def few_values(s: Suspect) -> str | None:
    """Both derivatives by an entry have a few values only, as those of a function made of straight pieces."""
    if not s.whole or s.x.size < 8:
        return None
    if s.place.centre.size == 1:
        both = s.true / s.place.u[0][0], s.claimed / s.place.u[0][0]
    elif s.operators is not None and s.operators.diagonal:
        both = s.operators.true.sum(axis=0), s.operators.claimed.sum(axis=0)
    else:
        return None
    size = float(max(np.max(np.abs(one)) for one in both))
    counts = [len(np.unique(np.round(one / size, 6))) for one in both]
    if 2 <= counts[0] <= 3 and 2 <= counts[1] <= 4:
        return "the function is made of straight pieces, and the wrong piece's slope is taken in places"
    return None
