"""Hypotheses about axes: transposed, summed or broadcast along the wrong one, or taken apart.

The three most important functions are ``transposed``, ``matrix_transposed`` and ``along_another_axis``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from verify.backward_pass.operators import Operators
from verify.backward_pass.subject import Array
from verify.backward_pass.suspect import Suspect

__all__ = [
    "along_another_axis",
    "along_another_axis_by_factors",
    "cotangent_transposed",
    "matrix_transposed",
    "not_symmetrised",
    "sums_forgotten",
    "transposed",
]


def transposed(s: Suspect) -> str | None:
    """Axes in another order."""
    if s.claimed.ndim < 2 or not s.whole:
        return None
    for order in itertools.permutations(range(s.claimed.ndim)):
        if order == tuple(range(s.claimed.ndim)):
            continue
        moved = np.transpose(s.true, order)
        if moved.shape == s.claimed.shape and s.matches(moved):
            return f"the gradient is transposed: its axes are in the order {list(order)}"
        if moved.size == s.claimed.size and s.matches(moved.reshape(s.claimed.shape)):
            return "the gradient is transposed, then reshaped: use a transpose instead of reshape, or both"
    return None


def cotangent_transposed(s: Suspect) -> str | None:
    """Right for the cotangent with two axes exchanged, or read in Fortran order."""
    if not s.has_jacobian:
        return None
    start = 0
    for y in s.place.outputs:
        size = y.size
        u, rest = s.place.u[0][start : start + size].reshape(y.shape), s.place.u[0].copy()
        for one, other in itertools.combinations(range(y.ndim), 2):
            swapped = np.swapaxes(u, one, other)
            if y.shape[one] == y.shape[other] or swapped.size == u.size:
                rest[start : start + size] = swapped.ravel()
                if np.any(swapped.ravel() != u.ravel()) and s.matches((rest @ s.found.jacobian).reshape(s.x.shape)):
                    return f"d_output is read with its axes {one} and {other} exchanged: summed over the wrong axis"
        start += size
    return None


def _pairs(o: Operators) -> Iterator[tuple[int, int]]:
    """Pairs of an axis of the output and one of the input, of equal sizes, as axes of the joint tensor."""
    assert o.outputs is not None
    for a, b in itertools.product(range(len(o.outputs)), range(len(o.shape))):
        if o.outputs[a] == o.shape[b] > 1:
            yield a, len(o.outputs) + b


def matrix_transposed(s: Suspect) -> str | None:
    """B is J with axes of the output and of the input exchanged: a matrix for its transpose."""
    o = s.operators
    if o is None or not o.outputs or not o.shape or not o.size:
        return None
    joint = (*o.outputs, *o.shape)
    true, claimed = o.true.reshape(joint), o.claimed.reshape(joint)
    pairs = list(_pairs(o))
    for count in (1, 2):
        for several in itertools.combinations(pairs, count):
            if len({axis for pair in several for axis in pair}) < 2 * count:
                continue
            moved = true
            for a, b in several:
                moved = np.swapaxes(moved, a, b)
            if o.same(moved, claimed) and not o.same(moved, true):
                told = " and ".join(f"{a} of the output and {b - len(o.outputs)} of the input" for a, b in several)
                return f"a matrix stands for its transpose (axes {told} are exchanged)"
    return None


def axes_tied(o: Operators, busy: Array) -> set[tuple[int, int]]:
    """Pairs of an axis of the output and one of the input, of equal sizes, that have the same index wherever B is."""
    assert o.outputs is not None
    joint = busy.reshape(*o.outputs, *o.shape)
    places = np.nonzero(joint)
    return {(a, b) for a, b in _pairs(o) if places[0].size and np.array_equal(places[a], places[b])}


def along_another_axis(s: Suspect) -> str | None:
    """Entries reach the outputs with the same index of another axis, or of all."""
    o = s.operators
    if o is None or not o.outputs or not o.shape or not np.any(o.differ):
        return None
    true, claimed = axes_tied(o, o.busy), axes_tied(o, o.claimed_busy)
    lost = true - claimed
    first = len(o.outputs)
    if not lost:
        return None
    a, b = min(lost)
    others = claimed - true
    if others:
        c, d = min(others)
        return (
            f"axis {b - first} of the input goes with axis {a} of the output, but in backward axis {d - first} with "
            f"axis {c}: summed or broadcast along the wrong axis"
        )
    if np.count_nonzero(o.claimed_busy) >= 1.5 * np.count_nonzero(o.busy):
        return (
            f"different indices of axis {b - first} of the input reach one another through axis {a} of the output: "
            "a sum over an axis that is none"
        )
    return None


def sums_forgotten(s: Suspect) -> str | None:
    """In backward only equal indices of two axes go together, in the forward pass different ones, too."""
    o = s.operators
    if o is None or not o.outputs or not o.shape or not np.any(o.claimed_busy):
        return None
    more = axes_tied(o, o.claimed_busy) - axes_tied(o, o.busy)
    if not more or o.diagonal:
        return None
    a, b = min(more)
    return (
        f"entries with different indices along axis {b - len(o.outputs)} depend on one another, in backward they do "
        "not: the term through a sum or a mean is missing"
    )


def along_another_axis_by_factors(s: Suspect) -> str | None:
    """Claimed and true have a ratio that is a factor along one axis over a factor along another."""
    if not s.whole or s.claimed.ndim < 2 or np.any(s.true == 0) or np.any(s.claimed == 0):
        return None
    ratio = s.claimed / s.true
    if np.any(ratio <= 0):
        return None
    for a, b in itertools.combinations(range(ratio.ndim), 2):
        if (ratio.shape[a] - 1) * (ratio.shape[b] - 1) < 3:
            continue
        rest = tuple(axis for axis in range(ratio.ndim) if axis not in (a, b))
        logs = np.log(ratio)
        if rest and np.max(np.ptp(logs, axis=rest)) > 1e-6:
            continue
        flat = logs.mean(axis=rest) if rest else logs
        rows, columns = flat.mean(axis=1, keepdims=True), flat.mean(axis=0, keepdims=True)
        fits = np.max(np.abs(flat - rows - columns + flat.mean())) <= 1e-6 * np.max(np.abs(flat))
        if fits and min(np.ptp(rows), np.ptp(columns)) > 1e-3:
            return (
                f"wrong by a factor along axis {a} over one along axis {b}: what is divided or multiplied by is "
                "taken along the wrong axis"
            )
    return None


def not_symmetrised(s: Suspect) -> str | None:
    """Right when it is made symmetric."""
    if s.claimed.ndim < 2 or s.claimed.shape[-1] != s.claimed.shape[-2] or not s.whole:
        return None
    mean = (s.claimed + np.swapaxes(s.claimed, -1, -2)) / 2.0
    left = float(np.max(np.abs(mean - s.true), initial=0.0))
    if s.explained(left):
        return "the gradient is right when the mean with its transpose is taken: it is not made symmetric"
    return None
