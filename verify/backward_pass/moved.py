"""Hypotheses about entries that stand in another place: shifted, flipped, permuted, exchanged.

The three most important functions are ``shifted``, ``order_of_outputs`` and ``numbers_elsewhere``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from verify.backward_pass.operators import SAME, Matrix, Operators
from verify.backward_pass.subject import Array
from verify.backward_pass.suspect import Answer, Suspect

__all__ = [
    "blocks_exchanged",
    "moved_within_outputs",
    "numbers_elsewhere",
    "order_of_outputs",
    "outputs_exchanged",
    "shifted",
]

# Along every axis tensors are compared when moved by so much.
SHIFTS = (0, 1, -1, 2, -2)
# This share of the wrong numbers must stand elsewhere in the Jacobian, and so many must differ, to be evidence.
ELSEWHERE = 0.5
DISTINCT = 4
# What would take more comparisons of numbers is not tried.
MOST_COMPARISONS = 100_000_000


def blocks_exchanged(s: Suspect) -> str | None:
    """Equal parts of an axis in another order."""
    if not s.whole:
        return None
    for axis, size in enumerate(s.claimed.shape):
        for parts in (4, 3, 2):
            if size % parts or size <= parts:
                continue
            blocks = np.split(s.true, parts, axis)
            for order in itertools.permutations(range(parts)):
                if order != tuple(range(parts)) and s.matches(np.concatenate([blocks[i] for i in order], axis)):
                    return f"the {parts} parts of axis {axis} (gates) are in the order {[i + 1 for i in order]}"
    return None


def outputs_exchanged(s: Suspect) -> str | None:
    """Right with the cotangents of two outputs exchanged."""
    outputs = s.place.outputs
    if not s.has_jacobian:
        return None
    starts = np.cumsum([0, *(y.size for y in outputs)])
    for i, j in itertools.combinations(range(len(outputs)), 2):
        if outputs[i].size == outputs[j].size:
            u = s.place.u[0].copy()
            u[starts[i] : starts[i + 1]] = s.place.u[0][starts[j] : starts[j + 1]]
            u[starts[j] : starts[j + 1]] = s.place.u[0][starts[i] : starts[i + 1]]
            if s.matches((u @ s.found.jacobian).reshape(s.x.shape)):
                return f"the cotangents of outputs {i} and {j} are exchanged"
    return None


def shifted(s: Suspect) -> str | None:
    """Moved by one or two along an axis, or read backwards."""
    if not s.whole or s.claimed.size < 3:
        return None
    axes = [axis for axis, size in enumerate(s.claimed.shape) if size > 1]
    for count in (1, 2):
        for several in itertools.combinations(axes, count):
            if s.matches(np.flip(s.true, several)) and not np.allclose(np.flip(s.true, several), s.true):
                return f"the gradient is flipped along axis {' and '.join(map(str, several))}"
    for axis in axes:
        size = s.claimed.shape[axis]
        for by in (1, -1, 2, -2):
            if abs(by) >= size:
                continue
            moved = np.roll(s.true, by, axis)
            inside = np.zeros(size, bool)
            inside[max(by, 0) : size + min(by, 0)] = True
            where = np.broadcast_to(
                inside.reshape([-1 if a == axis else 1 for a in range(s.claimed.ndim)]), s.claimed.shape
            )
            varied = np.any(np.abs(moved - s.true)[where] > 1e-3 * np.max(np.abs(s.true)))
            if varied and np.count_nonzero(where & s.wrong) > 1 and s.matches(moved, where):
                return (
                    f"the gradient is shifted by {by} along axis {axis}: an index, padding or stride off by {abs(by)}"
                )
    return None


def order_of_outputs(s: Suspect) -> Answer:
    """The same rows, or the same columns, in another order: entries of the cotangent, or of the result, are moved."""
    o = s.operators
    if o is None:
        return None
    for what, one, other, shape in (
        ("d_output", o.claimed, o.true, o.outputs),
        ("the gradient", o.claimed.T, o.true.T, o.shape),
    ):
        if shape is None or len(one) < 3 or len(one) * one.size > MOST_COMPARISONS:
            continue
        order = _permutation(one, other, SAME * o.size)
        if order is None or np.array_equal(order, np.arange(len(order))):
            continue
        kind = _moved(order, shape)
        if kind == "index":
            return "index", f"the entries of {what} are read in another order: shifted, flipped, or by another index"
        return (
            "axis",
            f"the entries of {what} are read in another order (axes exchanged, or a reshape for a transpose)",
        )
    return None


def _permutation(one: Matrix, other: Matrix, allowed: float) -> Array | None:
    """The order in which the rows of one are those of the other."""
    taken = np.zeros(len(other), bool)
    order = np.full(len(one), -1)
    for i, row in enumerate(one):
        equal = np.flatnonzero(~taken & np.all(np.abs(other - row) <= allowed, axis=1))
        if not equal.size:
            return None
        order[i] = i if i in equal else equal[0]
        taken[order[i]] = True
    return order


def _moved(order: Array, shape: tuple[int, ...]) -> str:
    """Whether an order is that of exchanged axes or of a reshape in place of them; else it is a matter of indices."""
    places, back = np.arange(len(order)), np.argsort(order)
    for turned in (shape, *_factored(len(order))):
        for axes in itertools.permutations(range(len(turned))):
            if axes != tuple(range(len(turned))):
                there = np.transpose(places.reshape(turned), axes).ravel()
                if np.array_equal(order, there) or np.array_equal(back, there):
                    return "axis"
    return "index"


def _factored(n: int, most: int = 4) -> Iterator[tuple[int, ...]]:
    """The ways in which so many entries are an array of up to so many axes."""
    if most == 1:
        yield (n,)
        return
    for first in range(2, n + 1):
        if n % first == 0:
            if first == n:
                yield (n,)
            else:
                yield from ((first, *rest) for rest in _factored(n // first, most - 1))


def moved_within_outputs(s: Suspect) -> str | None:
    """Every output has its own numbers, at other entries."""
    o = s.operators
    if o is None or o.claimed.shape[0] < 3 or np.count_nonzero(np.any(o.differ, axis=1)) < 3:
        return None
    if o.same(np.sort(o.claimed, axis=1), np.sort(o.true, axis=1)):
        return "every output's contributions go to other entries than they should: an index is off"
    return None


def numbers_elsewhere(s: Suspect) -> Answer:
    """B has the numbers of J in other places: an index, padding, stride or dilation is off, or a kernel flipped."""
    o = s.operators
    if o is None or not np.any(o.differ):
        return None
    if np.array_equal(o.busy, o.claimed_busy):
        return _permuted(o)
    if o.diagonal:
        return None
    moved = _tensor_moved(o)
    if moved:
        return "index", moved
    off = o.claimed[o.differ & o.claimed_busy]
    values = np.sort(o.true[o.busy])
    distinct = np.unique(np.round(np.abs(values) / o.size, 6))
    if off.size < DISTINCT or o.true.shape[0] < 2:
        return None
    if len(distinct) >= 2 * DISTINCT and len(np.unique(np.round(off / o.size, 6))) >= DISTINCT:
        share = float(np.mean(_among(off, values, 1e-6 * o.size)))
        if share >= ELSEWHERE:
            return (
                "index",
                "backward uses the right numbers in other places: an index, padding, stride or dilation is off",
            )
        return None
    here, there = o.busy.sum(axis=1), o.claimed_busy.sum(axis=1)
    outside = np.count_nonzero(o.claimed_busy & ~o.busy)
    fewer = float(np.mean(there <= here))
    moved_away = outside >= 0.2 * np.count_nonzero(o.claimed_busy) and fewer >= 0.9 and np.max(here) > 0
    if moved_away and np.all(_among(off, values, 1e-6 * o.size)):
        return "index", "outputs reach other entries than they should: an index, padding or stride is off"
    return None


def _permuted(o: Operators) -> Answer:
    """The same places and the same numbers, in another order."""
    mine, theirs = np.sort(o.claimed[o.busy]), np.sort(o.true[o.busy])
    several = len(np.unique(np.round(theirs / o.size, 6))) >= DISTINCT
    if several and np.all(np.abs(mine - theirs) <= 1e-6 * o.size):
        if _varying(o, o.true) != _varying(o, o.claimed):
            return "axis", "what backward multiplies by varies along another axis than it should"
        return (
            "index",
            "backward has the right numbers in another order: what it multiplies by is shifted or permuted",
        )
    return None


def _varying(o: Operators, matrix: Matrix) -> set[int]:
    """The axes of the output along which the sums of rows vary."""
    if not o.outputs:
        return set()
    total = matrix.sum(axis=1).reshape(o.outputs)
    return {axis for axis in range(total.ndim) if np.max(np.ptp(total, axis=axis)) > 1e-6 * o.size}


def _among(some: Array, values: Array, allowed: float) -> Array:
    """Which of some numbers are among others, which are sorted."""
    at = np.clip(np.searchsorted(values, some), 1, max(len(values) - 1, 1))
    near = np.minimum(np.abs(values[at - 1] - some), np.abs(values[np.minimum(at, len(values) - 1)] - some))
    return np.asarray(near <= allowed)


def _tensor_moved(o: Operators) -> str | None:
    """B is J moved along one or two axes of the output or of the input, but for the margins."""
    if (not o.outputs and not o.shape) or 100 * o.true.size > MOST_COMPARISONS:
        return None
    joint = (*(o.outputs or (o.true.shape[0],)), *o.shape)
    true, claimed = o.true.reshape(joint), o.claimed.reshape(joint)
    first = len(o.outputs or (0,))
    for side, axes in (("the input", range(first, len(joint))), ("the output", range(first))):
        wide = [axis for axis in axes if joint[axis] > 2][-2:]
        for by in itertools.product(SHIFTS, repeat=len(wide)):
            if not any(by) or any(abs(b) >= joint[axis] - 1 for axis, b in zip(wide, by, strict=True)):
                continue
            here, there = [slice(None)] * len(joint), [slice(None)] * len(joint)
            for axis, b in zip(wide, by, strict=True):
                here[axis] = slice(max(b, 0), joint[axis] + min(b, 0))
                there[axis] = slice(max(-b, 0), joint[axis] + min(-b, 0))
            mine, theirs = claimed[tuple(here)], true[tuple(there)]
            busy = np.abs(theirs) > 1e-7 * o.size
            if np.count_nonzero(busy) > max(2, 0.25 * np.count_nonzero(o.busy)) and o.same(mine, theirs):
                if o.same(claimed[tuple(there)], theirs):
                    continue
                told = " and ".join(
                    f"{b} along axis {axis - first * (axis >= first)}" for axis, b in zip(wide, by, strict=True) if b
                )
                return f"backward is shifted by {told} of {side}: an index, padding or stride is off"
    return None
