"""Backward as a matrix beside the Jacobian: which outputs reach which entries, and with what factor.

Backward is linear, so one call for every output entry gives the whole matrix B that it multiplies the cotangent with;
a right one is the Jacobian's transpose. Hypotheses about axes, factors and terms are statements about both matrices.

Data
    ``Operators``  B and the Jacobian J, both (m, n): outputs by entries, and whether they can be compared.

The three most important functions are ``operators`` (both matrices), ``Operators.same`` and ``Operators.diagonal``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from verify.backward_pass.entries import Entries
from verify.backward_pass.place import Place
from verify.backward_pass.subject import Array, Broken

__all__ = ["Matrix", "Operators", "operators"]

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

    @cached_property
    def differ(self) -> Array:
        """Where the two are not the same."""
        return np.asarray(np.abs(self.claimed - self.true) > SAME * self.size)

    @cached_property
    def diagonal(self) -> bool:
        """Whether every output depends on one entry and every entry reaches one output, in both."""
        both = self.busy | self.claimed_busy
        return bool(np.all(both.sum(axis=0) <= 1) and np.all(both.sum(axis=1) <= 1))


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
