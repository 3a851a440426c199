"""The search for the negative eigenvalues of an operator, one Krylov space after another.

Each space starts from random vectors on the complement of what is known. If it finds something, it is continued until
that has converged, and another follows; if not, and it would have, the search is settled. Of a multiple eigenvalue
each space finds as many copies as it has start vectors, at the same price for each: one start vector costs least,
since the last space, which finds nothing, is the narrowest then. A further copy is left before it has converged.

Data
    ``Search``  the search, and what it has found so far.

The three most important functions are ``Search.run``, ``Search.grown`` and ``Search.judge``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from verify.critical.large.block_eigen import Expansion, Ritz, View, orthonormal
from verify.critical.large.products import Array, Products
from verify.critical.large.risk import Measure

__all__ = ["MEMORY", "RISK", "Flags", "Search"]

Flags = NDArray[np.bool_]

RISK = 1e-3
"""How likely it may be that a random start misses what is said not to be there."""
LOOSE = 0.3
"""A negative Ritz value has converged when its residual is this part of it; the most negative one must meet more."""
ALIKE, WIDENED, CRUDEST = 0.7, 1.0, 3.0
"""One that is at least this share of a converged one, or the other way round, may be a copy of the same eigenvalue.
Then it is enough that its residual, which S has in its place, widens the spectrum of S by this share at most, and is
not larger than the value by the last factor, which errors of products are multiplied by."""
MEMORY = 1e9


@dataclass
class Search:
    """A search for the negative eigenvalues, and what it has found so far."""

    products: Products
    rng: np.random.Generator
    tolerance: float
    width: int
    limit: int
    deadline: float
    memory: float
    say: Callable[[str], None]
    locked: Ritz = field(init=False)
    settled: bool = False
    stopped: str = ""
    resolution: float = np.inf
    seen: Measure | None = None
    behind: int = 0  # how many vectors were locked when ``seen`` was measured
    below: int = 0  # how many of them were negative
    largest: float = 0.0

    def run(self) -> None:
        """Search until one space from a random start shows that nothing is missing, or something runs out."""
        self.locked = Ritz.none(self.products.dim)
        random = True
        while not self.settled and not self.stopped:
            expansion = self._expansion(random)
            if expansion is None:
                break
            view = self.grown(expansion, random, self.negative(self.locked))
            self.locked = expansion.kept(view, self._chosen(view))
            random = self._converged(self.locked.values, self.locked.lengths, self.locked.errors)

    def _expansion(self, random: bool) -> Expansion | None:
        """A new space: from random vectors, or from the residuals of what has not converged."""
        locked, dim = self.locked, self.products.dim
        left = self.limit - self.products.count - 1
        capacity = int(min(self.memory / (8 * dim) - 2 * len(locked.values), left, dim - len(locked.values)))
        width = min(self.width, capacity)
        if width < 1:
            if left < 1:
                self.stopped = f"max_hvps={self.limit} is reached"
            else:
                self.stopped = "memory is full: raise memory=" if dim > len(locked.values) else ""
            return None
        if random:
            start, first = orthonormal(self.rng.normal(size=(width, dim)), locked.vectors)
        else:
            wanted = locked.residuals[(locked.values < 0) & (locked.lengths > 0)]
            u, _, _ = np.linalg.svd(wanted @ wanted.T)
            start, first = orthonormal(u[:, :width].T @ wanted, locked.vectors)
        return Expansion(self.products, locked, start, first, random, capacity)

    def grown(self, expansion: Expansion, random: bool, before: int) -> View:
        """Steps until there is evidence that nothing is missing, or until what was found has converged."""
        due = 0
        while True:
            fresh = self.products.count == 0
            expansion.step(self.products.tried(expansion.basis[: expansion.width], self.rng) if fresh else None)
            left = self.limit - self.products.count - 1
            full = expansion.exhausted or expansion.width > min(expansion.room, left)
            late = time.monotonic() > self.deadline
            if not full and not late and expansion.size < due:
                continue
            due = expansion.size + expansion.size // 48 * expansion.starts
            view = expansion.view()
            self.largest = float(np.max(np.abs(view.values)))
            self.say(f"{self.products.count} products, {view.negative} negative eigenvalues")
            if random:
                self.judge(expansion, view, before)
            if late:
                self.stopped = "the time limit is reached"
            elif full and expansion.width > left and not self.settled:
                self.stopped = f"max_hvps={self.limit} is reached"
            elif random and view.negative == before and full and not self.settled and not expansion.exhausted:
                self.stopped = "memory for vectors is full; raise memory="
            elif random and self._hopeless(expansion, view):
                self.stopped = "more negative eigenvalues than products that may be spent"
            done = view.negative > before or not random
            if self.settled or self.stopped or full or (done and self._enough(view)):
                return view

    def judge(self, expansion: Expansion, view: View, before: int) -> None:
        """What a space from random vectors tells of eigenvalues that are not in it."""
        if view.negative > before and len(self.locked.values) and self.seen is not None:
            self.resolution = np.inf  # there was one more
        self.seen, self.behind, self.below = expansion.seen(), len(self.locked.values), before
        if view.negative > before:
            return
        floor = float(np.max(view.errors)) * expansion.amplified
        # Ritz values of S that are rounding of 0 must not hide that nothing lies below.
        floor = max(floor, -1.5 * float(np.min(self.seen.nodes)))
        self.resolution = self.seen.resolution(RISK, floor)
        scale = -float(view.values[0]) if before else self.largest
        self.settled = self.resolution <= max(floor, self.tolerance * scale)

    def _hopeless(self, expansion: Expansion, view: View) -> bool:
        """Whether a large part of the spectrum is negative, as the start vectors see it."""
        if self.seen is None or expansion.size < 48 or view.negative < 4:
            return False
        expected = self.seen.share(-np.inf, -float(np.max(view.errors))) * self.products.dim
        return bool(view.lengths[0] <= self.tolerance * -view.values[0] and expected > 4 * self.limit)

    def _enough(self, view: View) -> bool:
        return self._converged(view.values, view.lengths, view.errors)

    def _converged(self, values: Array, lengths: Array, errors: Array) -> bool:
        """Whether all negative Ritz values are near eigenvalues, and the most negative one as near as was asked."""
        negative = values < -errors
        if not negative.any():
            return True
        sizes, residuals = -values[negative], lengths[negative]
        near = residuals <= LOOSE * sizes
        alike = near & (sizes >= ALIKE * sizes[:, None]) & (ALIKE * sizes <= sizes[:, None])
        np.fill_diagonal(alike, False)
        narrow = (residuals**2 <= WIDENED * self.largest * sizes) & (residuals <= CRUDEST * sizes)
        near |= alike.any(axis=1) & narrow
        # What is left of a small budget is better spent on looking for others.
        sharp = lengths[0] <= self.tolerance * -values[0] or self.products.count > 0.75 * self.limit
        return bool(np.all(near) and sharp)

    def negative(self, ritz: Ritz) -> int:
        return int(np.sum(ritz.values < -ritz.errors))

    def _chosen(self, view: View) -> Flags:
        """Negative Ritz values, and the largest positive ones that have converged: they only slow the next search."""
        chosen: Flags = view.values < -view.errors
        room = int(self.memory / (8 * self.products.dim) / 8) - int(np.sum(chosen))
        ready = np.flatnonzero((view.values > view.errors) & (view.lengths <= 1e-2 * view.values))
        outside = [k for k in ready[::-1] if view.values[k] > 0.1 * view.values[-1]][: max(min(room, 16), 1)]
        chosen[outside] = True
        return chosen
