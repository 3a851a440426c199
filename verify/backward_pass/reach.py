"""Hypotheses about which outputs reach which entries: contributions that are missing, overwritten, or too many.

The three most important functions are ``overwritten``, ``contributions_missing`` and ``reaches_too_far``.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from verify.backward_pass.operators import Operators
from verify.backward_pass.subject import Array
from verify.backward_pass.suspect import Answer, Suspect

__all__ = [
    "contributions_missing",
    "dead_outputs_pass",
    "one_output_missing",
    "overwritten",
    "reaches_too_far",
    "shared_otherwise",
]


def overwritten(s: Suspect) -> str | None:
    """Only one contribution to every entry: the last, the first, or those at one end of an axis of the output."""
    if not s.has_jacobian:
        return None
    with np.errstate(all="ignore"):
        terms = np.nan_to_num(s.terms)
    busy = np.abs(terms) > 1e-9 * np.max(np.abs(terms), initial=0.0)
    several = busy.sum(axis=0) > 1
    if not np.any(several & s.wrong.ravel()):
        return None
    start = 0
    for y in s.place.outputs:
        part = terms[start : start + y.size].reshape(*y.shape, -1)
        for axis, size in enumerate(y.shape):
            if size < 2:
                continue
            for what, index in (("last", size - 1), ("first", 0)):
                rest = terms.sum(axis=0) - part.reshape(y.size, -1).sum(axis=0)
                taken = np.take(part, index, axis).reshape(y.size // size, -1).sum(axis=0) + rest
                if s.matches(taken.reshape(s.x.shape)):
                    return (
                        f"only the {what} of {size} contributions along axis {axis} of the output counts: "
                        "`=` for `+=`?"
                    )
        start += y.size
    if np.any(several & s.wrong.ravel()):
        columns = np.arange(terms.shape[1])
        for what, row in (
            ("last", len(terms) - 1 - np.argmax(busy[::-1], axis=0)),
            ("first", np.argmax(busy, axis=0)),
        ):
            if s.matches(terms[row, columns].reshape(s.x.shape)):
                return f"only the {what} contribution to every entry counts: `=` for `+=` at repeated indices?"
    return None


def one_output_missing(s: Suspect) -> str | None:
    """The contributions of one output, or of one part of an axis of it, are missing."""
    if not s.has_jacobian:
        return None
    with np.errstate(all="ignore"):
        terms = np.nan_to_num(s.terms)
    start = 0
    if len(s.place.outputs) > 1:
        for k, y in enumerate(s.place.outputs):
            rest = terms.sum(axis=0) - terms[start : start + y.size].sum(axis=0)
            if s.matches(rest.reshape(s.x.shape)):
                return f"the contributions of output {k} are missing"
            start += y.size
    return None


def reaches_too_far(s: Suspect) -> Answer:
    """Outputs reach entries that they do not depend on: a mask is not applied, or a sum is one too many."""
    o = s.operators
    if o is None or np.all(o.busy):
        return None
    outside = o.claimed_busy & ~o.busy
    if np.count_nonzero(outside) <= 0.02 * o.busy.size:
        return None
    many = np.count_nonzero(np.any(outside, axis=0))
    if not np.any(o.busy):
        return "path", "no output depends on any entry, but backward has a gradient: terms that cancel are missing"
    alive = np.abs(o.true) > 1e-11 * o.size
    silent = ~np.any(alive, axis=1)[:, None] | ~np.any(alive, axis=0)[None, :]
    loud = np.count_nonzero(o.differ & ~silent)
    if np.all(silent[outside]) and loud <= np.count_nonzero(outside):
        return "mask", f"{many} entries get gradients through what is dead in the forward pass: a mask is not applied"
    if o.diagonal or np.count_nonzero(outside) < 0.2 * np.count_nonzero(o.differ) or np.all(silent[outside]):
        return None
    return "axis", (
        f"{many} entries get gradients from outputs that do not depend on them: summed or broadcast over the wrong "
        "axis"
    )


def dead_outputs_pass(s: Suspect) -> str | None:
    """B is J but for outputs, or entries, that the forward pass does not let through: there it is not zero."""
    o = s.operators
    if o is None or not np.any(o.busy) or not np.any(o.differ):
        return None
    alive = np.abs(o.true) > 1e-11 * o.size
    dead = ~np.any(alive, axis=1)
    mine = np.any(o.differ, axis=1)
    if np.all(dead[mine]) and np.count_nonzero(mine) > 1 and np.count_nonzero(~dead) > 1:
        return f"{np.count_nonzero(mine)} outputs that depend on nothing pass their cotangent: a mask is not applied"
    return None


def contributions_missing(s: Suspect) -> Answer:
    """B is J where it is not zero, but some outputs do not count for some entries."""
    o = s.operators
    if o is None:
        return None
    missing = o.busy & ~o.claimed_busy
    if not np.any(missing) or np.any(o.claimed_busy & ~o.busy):
        return None
    if not o.same(np.where(o.claimed_busy, o.true, 0.0), o.claimed):
        return None
    dropped = np.any(missing, axis=1) & ~np.any(o.claimed_busy, axis=1)
    if np.array_equal(missing, o.busy & dropped[:, None]) and np.count_nonzero(dropped) < np.count_nonzero(
        np.any(o.busy, axis=1)
    ):
        return _outputs_dropped(o, dropped)
    several = o.busy.sum(axis=0) > 1
    hit = np.any(missing, axis=0)
    if not np.all(several[hit]) or not np.all(o.claimed_busy[:, hit].sum(axis=0) >= 1):
        return None
    if _one_end_only(o, hit, last=True) or (not _onwards(o) and _one_end_only(o, hit, last=False)):
        return "accumulate", "only one of several contributions to an entry counts, that at one end: `=` for `+=`?"
    return "path", "not all outputs that depend on an entry count: contributions on some paths are missing"


def _outputs_dropped(o: Operators, dropped: Array) -> Answer:
    """Which outputs do not count at all: those at one end of an axis, those but one of an axis, or others."""
    if not o.outputs:
        return None
    where = dropped.reshape(o.outputs)
    for count in (1, 2, 3):
        for axes in itertools.combinations(range(len(o.outputs)), count):
            if any(o.outputs[axis] < 2 for axis in axes):
                continue
            told = " and ".join(map(str, axes))
            for end, what in ((-1, "last"), (0, "first")):
                one: list[Any] = [slice(None)] * len(o.outputs)
                for axis in axes:
                    one[axis] = end % o.outputs[axis]
                kept = np.ones(o.outputs, bool)
                kept[tuple(one)] = False
                if np.array_equal(where, kept):
                    return (
                        "accumulate",
                        f"only the {what} outputs along axis {told} count: `=` for `+=`, or a sum missing",
                    )
                lost = np.zeros(o.outputs, bool)
                for axis in axes:
                    single: list[Any] = [slice(None)] * len(o.outputs)
                    single[axis] = end % o.outputs[axis]
                    lost[tuple(single)] = True
                if np.array_equal(where, lost):
                    return "index", f"the {what} outputs along axis {told} do not count: a range is one too short"
    return None


def _onwards(o: Operators) -> bool:
    """Whether along some axis what reaches an output reaches all the later ones, as in a recurrence."""
    shape = o.outputs or (len(o.busy),)
    for axis, size in enumerate(shape):
        if size < 3:
            continue
        along = np.moveaxis(o.busy.reshape(*shape, -1), axis, 0).reshape(size, -1, o.busy.shape[1])
        reached: Array = np.any(along, axis=1)
        later = np.logical_or.accumulate(reached, axis=0)
        if np.array_equal(later, reached) and not np.all(reached == reached[:1]):
            return True
    return False


def _one_end_only(o: Operators, hit: Array, last: bool) -> bool:
    """Whether the outputs that count for these entries are, along some axes, the last or first that should."""
    shape = o.outputs or (len(o.busy),)
    for count in range(1, len(shape) + 1):
        for axes in itertools.combinations(range(len(shape)), count):
            place = np.zeros(shape, int)
            for axis in axes:
                index = np.arange(shape[axis]).reshape([-1 if a == axis else 1 for a in range(len(shape))])
                place = place * shape[axis] + index
            order = place.ravel() if last else place.max() - place.ravel()
            end = np.max(np.where(o.busy, order[:, None], -1), axis=0)
            kept = np.asarray(o.busy & (order[:, None] == end))
            if np.array_equal(kept[:, hit], o.claimed_busy[:, hit]):
                return True
    return False


def shared_otherwise(s: Suspect) -> str | None:
    """What every output passes on adds up to what it should, but is shared among more, fewer or other entries."""
    o = s.operators
    if o is None or len(o.true) < 3 or not np.any(o.differ):
        return None
    total, right = o.claimed.sum(axis=1), o.true.sum(axis=1)
    nested = not np.any(o.claimed_busy & ~o.busy) or not np.any(o.busy & ~o.claimed_busy)
    uneven = np.any(o.busy != o.claimed_busy, axis=1)
    if np.any(np.abs(right) <= 1e-6 * o.size) or np.count_nonzero(uneven) < 3 or not nested:
        return None
    if np.all(np.abs(total - right) <= 1e-6 * o.size):
        return "what an output passes on is shared among other entries than it should be: the wrong ones get it"
    return None
