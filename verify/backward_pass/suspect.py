"""A wrong gradient under examination, and the sizes that a factor may be.

Data
    ``Suspect``  what backward claimed, what differences gave, the Jacobian, inputs and outputs.
    ``Answer``   what a hypothesis says: a sentence, or a kind of mistake and a sentence, or None.

The three most important functions are ``Suspect.matches`` (whether other numbers would explain what was claimed),
``Suspect.slight`` (whether all errors are small) and ``sizes_equal_to`` (which size a factor is).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from verify.backward_pass.entries import Entries
from verify.backward_pass.operators import Operators, operators
from verify.backward_pass.place import Place
from verify.backward_pass.subject import Array

__all__ = ["Answer", "Suspect", "sizes_equal_to"]

# Numbers that agree so well, relative to the largest, are the same number.
SAME = 1e-6
# Relative errors below this are small ones.
SLIGHT = 2e-2

Answer = str | tuple[str, str] | None


@dataclass(frozen=True)
class Suspect:
    """A gradient that is wrong at a place; ``others`` are the entries of all inputs that were looked at."""

    place: Place
    found: Entries
    others: Mapping[int, Entries]

    @property
    def name(self) -> str:
        return self.place.subject.names[self.found.position]

    @cached_property
    def claimed(self) -> Array:
        """What backward gave for the ordinary cotangent."""
        return np.asarray(self.found.claimed["signed"])

    @cached_property
    def true(self) -> Array:
        """What differences gave."""
        return np.asarray(self.found.numerical["signed"])

    @cached_property
    def known(self) -> Array:
        """The entries for which both are known."""
        return np.isfinite(self.true) & np.isfinite(self.claimed) & np.isfinite(self.found.allowed["signed"])

    @cached_property
    def whole(self) -> bool:
        """Whether all are."""
        return bool(np.all(self.known))

    @cached_property
    def wrong(self) -> Array:
        """The entries that disagree."""
        return self.found.wrong() & self.known

    @cached_property
    def allowed(self) -> Array:
        """How far numbers may be apart and be the same."""
        size = float(np.max(np.abs(self.true[self.known]), initial=0.0))
        with np.errstate(all="ignore"):
            own = np.where(self.known, np.abs(self.true) + np.abs(self.claimed), 0.0)
        return np.where(self.known, self.found.allowed["signed"], 0.0) + SAME * own + 1e-13 * size

    @cached_property
    def doubt(self) -> float:
        """How far the numbers may be off at most."""
        return float(np.max(self.found.allowed["signed"][self.known], initial=0.0))

    @cached_property
    def operators(self) -> Operators | None:
        """Backward as a matrix beside the Jacobian."""
        return operators(self.place, self.found)

    @cached_property
    def error(self) -> Array:
        """Claimed less true."""
        return np.where(self.known, self.claimed - self.true, 0.0)

    @cached_property
    def x(self) -> Array:
        """The input itself."""
        return np.asarray(self.place.inputs[self.found.position], np.float64)

    @cached_property
    def has_jacobian(self) -> bool:
        """Whether the whole Jacobian was kept; it is not where it is too large."""
        return self.found.jacobian.shape == (self.place.centre.size, self.x.size)

    @cached_property
    def terms(self) -> Array:
        """Every output's contribution to every entry: (m, n)."""
        with np.errstate(all="ignore"):
            return np.asarray(self.place.u[0][:, None] * self.found.jacobian)

    def matches(self, other: Array, where: Array | None = None) -> bool:
        """Whether numbers explain what was claimed, at all known entries or at these."""
        if np.shape(other) != self.claimed.shape:
            return False
        at = self.known if where is None else self.known & where
        if not np.any(self.wrong & at):
            return False  # nothing is wrong there that could be explained
        with np.errstate(all="ignore"):
            left = np.abs(self.claimed - other)
        near = bool(np.all((left <= self.allowed)[at]))
        return near and float(np.max(left[at])) <= 0.01 * float(np.max(np.abs(self.error[at]))) + self.doubt

    def matches_well(self, other: Array) -> bool:
        """Whether numbers explain what was claimed far better than the true gradient does."""
        left = float(np.max(np.abs(self.claimed - other)[self.known], initial=0.0))
        return self.explained(left)

    def explains_error(self, other: Array) -> bool:
        """Whether numbers are the error, but for rounding and a thousandth of it."""
        return self.explained(float(np.max(np.abs(self.error - other)[self.known], initial=0.0)))

    def explained(self, left: float) -> bool:
        """Whether so much that is left of the error is nothing beside it."""
        error = float(np.max(np.abs(self.error[self.known]), initial=0.0))
        return left <= 1e-3 * error + self.doubt and error > 10.0 * self.doubt

    @cached_property
    def telling(self) -> Array:
        """The entries that are known not to be zero, or claimed not to be."""
        with np.errstate(all="ignore"):
            least = 4.0 * self.found.allowed["signed"]
            seen = (np.abs(self.true) > least) | (np.abs(self.claimed) > least)
        return np.asarray(self.known & seen)

    @cached_property
    def slight(self) -> bool:
        """Whether all errors are small beside the gradient."""
        size = float(np.max(np.abs(self.true[self.known]), initial=0.0))
        return float(np.max(np.abs(self.error[self.known]), initial=0.0)) <= SLIGHT * size

    def sizes(self) -> dict[str, float]:
        """Sizes of axes of inputs and outputs, by what they are."""
        found: dict[str, float] = {}
        for what, array in (
            *zip(self.place.subject.names, self.place.inputs, strict=True),
            *(("the output", y) for y in self.place.outputs),
        ):
            for axis, size in enumerate(np.shape(array)):
                if size > 1:
                    found.setdefault(f"the size of axis {axis} of {what}", float(size))
            if np.ndim(array) > 1 and np.size(array) > 1:
                found.setdefault(f"the number of entries of {what}", float(np.size(array)))
        return found


def sizes_equal_to(factor: float, sizes: Mapping[str, float]) -> str:
    """Which size, root or ratio of sizes a factor equals, in words; empty where none."""
    for shown, power in (("{n:g}", 1.0), ("1/{n:g}", -1.0), ("√{n:g}", 0.5), ("1/√{n:g}", -0.5)):
        for what, n in sizes.items():
            if abs(factor / n**power - 1.0) < 1e-5:
                return f"{shown.format(n=n)}, {what} being {n:g}"
    for number in (2.0, 0.5, 3.0, 4.0, 0.25, 1 / 3):
        if abs(factor / number - 1.0) < 1e-5:
            return f"{number:.3g}"
    return ""
