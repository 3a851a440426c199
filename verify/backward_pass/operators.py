"""Backward as a matrix beside the Jacobian: which outputs reach which entries, and with what factor.

Backward is linear, so one call for every output entry gives the whole matrix B that it multiplies the cotangent with;
a right one is the Jacobian's transpose. Hypotheses about axes, factors and terms are statements about both matrices.

Data
    ``Operators``  B and the Jacobian J, both (m, n): outputs by entries, and whether they can be compared.

The three most important functions are ``operators`` (both matrices), ``exchanged_axes`` and ``factors``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verify.backward_pass.entries import Entries
from verify.backward_pass.place import Place
from verify.backward_pass.subject import Array, Broken

__all__ = ["Operators", "exchanged_axes", "factors", "leak", "operators", "output_order", "sign_of_a_term"]

# With more outputs backward is not called for each.
MOST_OUTPUTS = 400
SAME = 1e-5

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Operators:
    """Both matrices (m, n), the outputs' shape where there is one output, and the shape of the input."""

    claimed: Matrix
    true: Matrix
    outputs: tuple[int, ...] | None
    shape: tuple[int, ...]

    @cached_property
    def size(self) -> float:
        """The largest entry of either."""
        return max(float(np.max(np.abs(self.true), initial=0.0)), float(np.max(np.abs(self.claimed), initial=0.0)))

    def same(self, one: Matrix, other: Matrix) -> bool:
        """Whether two matrices are equal but for rounding."""
        return bool(one.shape == other.shape and np.all(np.abs(one - other) <= SAME * self.size))

    @cached_property
    def busy(self) -> Array:
        """Where the Jacobian is not zero."""
        return np.asarray(np.abs(self.true) > 1e-7 * self.size)

    @cached_property
    def claimed_busy(self) -> Array:
        """Where B is not zero."""
        return np.asarray(np.abs(self.claimed) > 1e-7 * self.size)


def operators(place: Place, found: Entries) -> Operators | None:
    """Both matrices, None where one is not known whole or backward is not linear."""
    m, n = found.jacobian.shape
    if not 0 < m <= MOST_OUTPUTS or not np.all(np.isfinite(found.jacobian)):
        return None
    rows = np.zeros((m, n))
    cotangent = [np.zeros(y.shape) for y in place.outputs]
    flat = [part.reshape(-1) for part in cotangent]
    try:
        row = 0
        for part in flat:
            for o in range(part.size):
                part[o] = 1.0
                gradient = place.passed.gradients([one.copy() for one in cotangent])[found.position]
                part[o] = 0.0
                rows[row] = np.asarray(gradient, np.float64).ravel()
                row += 1
    except (Broken, ValueError):
        return None
    one = Operators(
        rows,
        found.jacobian,
        place.outputs[0].shape if len(place.outputs) == 1 else None,
        np.shape(place.inputs[found.position]),
    )
    linear = np.abs(place.u[0] @ rows - found.claimed["signed"].ravel()) <= 1e-6 * (
        np.abs(place.u[0]) @ np.abs(rows) + one.size
    )
    return one if np.all(np.isfinite(rows)) and np.all(linear) else None


def _pairs(o: Operators) -> Iterator[tuple[int, int]]:
    """Pairs of an axis of the output and one of the input, of equal sizes, as axes of the joint tensor."""
    assert o.outputs is not None
    for a, b in itertools.product(range(len(o.outputs)), range(len(o.shape))):
        if o.outputs[a] == o.shape[b] > 1:
            yield a, len(o.outputs) + b


def exchanged_axes(o: Operators) -> str | None:
    """B is J with axes of the output and of the input exchanged: a matrix for its transpose."""
    if o.outputs is None or not o.outputs or not o.shape:
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


def output_order(o: Operators) -> tuple[str, str] | None:
    """The same rows, or the same columns, in another order: entries of the cotangent, or of the result, are moved."""
    for what, one, other, shape in (
        ("d_output", o.claimed, o.true, o.outputs),
        ("the gradient", o.claimed.T, o.true.T, o.shape),
    ):
        if shape is None or len(one) < 3:
            continue
        order = _permutation(one, other, SAME * o.size)
        if order is None or np.array_equal(order, np.arange(len(order))):
            continue
        kind = _moved(order, shape)
        if kind == "index":
            return "index", f"the entries of {what} are shifted or flipped along an axis"
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
    """Whether an order is a shift or a flip along axes, or another."""
    places = np.arange(len(order)).reshape(shape)
    for axis in range(len(shape)):
        if any(np.array_equal(np.roll(places, by, axis).ravel(), order) for by in (1, -1, 2, -2)):
            return "index"
    axes = range(len(shape))
    for count in (1, 2, 3):
        for several in itertools.combinations(axes, count):
            if np.array_equal(np.flip(places, several).ravel(), order):
                return "index"
    return "axis"


def factors(o: Operators, sizes: dict[str, float]) -> tuple[str, str] | None:
    """Every entry of the gradient, or every output, has a factor of its own."""
    for what, claimed, true in (("entry", o.claimed.T, o.true.T), ("output", o.claimed, o.true)):
        busy = np.any(np.abs(true) > 1e-9 * o.size, axis=1)
        if not np.any(busy):
            continue
        norm = (true**2).sum(axis=1)
        c = np.where(busy, (claimed * true).sum(axis=1) / np.where(busy, norm, 1.0), 1.0)
        if not o.same(c[:, None] * true, claimed) or o.same(claimed, true):
            continue
        if len(true) < 2 or (claimed.shape[1] < 2 and what == "entry" and np.ptp(c[busy]) > 1e-4 * np.max(np.abs(c))):
            continue
        values = np.unique(np.round(c[busy], 5))
        off = np.abs(c - 1.0) > 1e-4
        if np.all(np.isin(values, (-1.0, 1.0))):
            return "sign", f"the sign is wrong for {np.count_nonzero(c < 0)} of {len(c)} {_plural(what)}"
        if np.all(np.isin(values, (0.0, 1.0))):
            return "mask", f"{np.count_nonzero(off & busy)} of {len(c)} {_plural(what)} are dropped"
        if len(values) == 1:
            return "scale", f"wrong by the factor {values[0]:.6g}"
        if np.max(np.abs(c - 1.0)) < 1e-2:
            return "stats", f"every {what} has a factor of its own near 1"
        if np.count_nonzero(off) * 2 <= len(c):
            return None
        if claimed.shape[1] == 1 or (np.count_nonzero(o.busy) <= max(o.busy.shape)):
            return None  # one number each: no evidence that it is a factor
        return (
            "scale",
            f"every {what} has a factor of its own, from {c[busy].min():.3g} to {c[busy].max():.3g}: a division or a product is missing",
        )
    return None


def _plural(what: str) -> str:
    return "entries" if what == "entry" else f"{what}s"


def leak(o: Operators) -> str | None:
    """Outputs reach entries that they do not depend on: a sum too many, or over the wrong axis."""
    outside = o.claimed_busy & ~o.busy
    if np.count_nonzero(outside) > 0.02 * o.busy.size and not np.all(o.busy) and np.any(outside.sum(axis=0) > 0):
        return (
            f"{np.count_nonzero(np.any(outside, axis=0))} entries get gradients from outputs that do not depend on them: "
            "summed or broadcast over the wrong axis"
        )
    return None


def sign_of_a_term(o: Operators, functions: dict[str, Array]) -> str | None:
    """Half the sum of B and J, or half their difference, is much simpler than J: a term has the wrong sign."""
    if o.same(o.claimed, o.true):
        return None
    both = o.busy | o.claimed_busy
    for part in ((o.claimed + o.true) / 2.0, (o.claimed - o.true) / 2.0):
        kept = np.abs(part) > 1e-6 * o.size
        if 0 < np.count_nonzero(kept) <= 0.6 * np.count_nonzero(both) and np.count_nonzero(
            o.claimed_busy
        ) >= 0.9 * np.count_nonzero(o.busy):
            return "a term of the chain rule has the wrong sign"
    if o.claimed.shape[0] == o.claimed.shape[1] and np.count_nonzero(both) <= len(both):
        total = (np.diagonal(o.claimed) + np.diagonal(o.true)) / 2.0
        for name, values in functions.items():
            if np.all(np.abs(total - values) <= SAME * o.size) and np.ptp(total) + abs(total[0]) > 0:
                return f"a term has the wrong sign: with the other, {name} alone would be left of the sum"
    return None


def one_axis_only(o: Operators) -> str | None:
    """B is J where both are not zero, and lacks contributions from a part of the outputs: a sum is missing."""
    missing = o.busy & ~o.claimed_busy
    if np.any(missing) and not np.any(o.claimed_busy & ~o.busy):
        rest = np.where(o.claimed_busy, o.true, 0.0)
        if o.same(rest, o.claimed):
            count = o.busy.sum(axis=0)
            left = o.claimed_busy.sum(axis=0)
            if np.all(left[count > 1] >= 1) and np.any(count > 1):
                return "not all outputs that depend on an entry count: a sum over an axis is missing"
    return None


def elementary(x: Array, y: Array) -> dict[str, Array]:
    """Simple functions of an input and an output, by name."""
    with np.errstate(all="ignore"):
        s = 1.0 / (1.0 + np.exp(-x))
        found: dict[str, Any] = {
            "a constant": np.ones_like(x), "x": x, "y": y, "x²": x * x, "y²": y * y, "1/x": 1.0 / x, "1/y": 1.0 / y,
            "exp(x)": np.exp(x), "sigmoid(x)": s, "tanh(x)": np.tanh(x), "1 - y": 1.0 - y, "1 - y²": 1.0 - y * y,
            "y (1 - y)": y * (1.0 - y), "y/x": y / x, "x sigmoid(x)": x * s, "x y": x * y, "sigmoid'(x)": s * (1.0 - s),
        }  # fmt: skip
    return {name: np.asarray(value) for name, value in found.items() if np.all(np.isfinite(value))}
