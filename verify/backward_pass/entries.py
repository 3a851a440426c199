"""The gradient of one input entry by entry: for those that disagree, and where every entry is asked for.

Data
    ``Entries``  claimed and numerical gradients for every cotangent, with bounds, and the Jacobian that they came from.

The three most important functions are ``entries`` (all of an input, one after the other), ``chosen`` (which, where
there are too many) and ``Entries.wrong``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from verify.backward_pass.kinks import alone_at
from verify.backward_pass.place import REORDERED, Place
from verify.backward_pass.slope import STEP, Numbers, thorough, typical
from verify.backward_pass.subject import Array
from verify.differences import NOISE_MARGIN, ROUNDING

__all__ = ["MOST", "Entries", "entries"]

# Of inputs with more entries only some are looked at.
MOST = 600


@dataclass(frozen=True)
class Entries:
    """One input's gradient at a place.

    ``claimed`` and ``numerical`` by the names of cotangents, in the input's shape, NaN where an entry was not looked
    at; ``allowed`` how far they may be apart; ``kink`` where there is one. ``jacobian`` (m, n) has every output's
    derivative by every entry.
    """

    position: int
    claimed: Mapping[str, Numbers]
    numerical: Mapping[str, Numbers]
    allowed: Mapping[str, Numbers]
    jacobian: Numbers
    looked: Array

    def wrong(self, name: str = "signed") -> Array:
        """Which entries disagree."""
        with np.errstate(all="ignore"):
            return np.asarray(np.abs(self.claimed[name] - self.numerical[name]) > self.allowed[name])

    def worst(self, name: str = "signed") -> tuple[int, ...]:
        """The entry that is wrong by the largest part of the gradient's size."""
        apart = np.abs(self.claimed[name] - self.numerical[name])
        apart = np.where(self.wrong(name), apart, 0.0)
        return tuple(map(int, np.unravel_index(int(np.argmax(apart)), apart.shape)))


def entries(place: Place, k: int, rng: np.random.Generator, most: int = MOST) -> Entries:
    """Every entry of an input's gradient, or a part of them where there are many."""
    x = np.asarray(place.inputs[k], np.float64)
    unit = typical(x)
    n, m = x.size, place.centre.size
    looked = np.ones(n, bool)
    if n > most:
        looked[:] = False
        looked[rng.choice(n, most, replace=False)] = True
    jacobian = np.full((m, n), np.nan)
    numerical = {name: np.full(n, np.nan) for name in place.cotangents}
    allowed = {name: np.full(n, np.inf) for name in place.cotangents}
    sizes = np.abs(place.u) @ np.abs(place.centre)
    for i in np.flatnonzero(looked):
        part = np.zeros(n)
        part[i] = unit
        line = alone_at(place, {k: part.reshape(x.shape)})
        rows = []
        for h in (STEP, 2.0 * STEP, 4.0 * STEP):
            right, left = place.subject.values(line.at(h)), place.subject.values(line.at(-h))
            if right.shape != (m,) or left.shape != (m,):
                break
            rows.append((right - left) / (2.0 * h * unit))
        if len(rows) == 3:
            once = (4.0 * rows[0] - rows[1]) / 3.0, (4.0 * rows[1] - rows[2]) / 3.0
            jacobian[:, i] = once[0]
            value = place.u @ once[0]
            bound = 2.0 * np.abs(place.u @ (once[0] - once[1])) + NOISE_MARGIN * ROUNDING * sizes / (STEP * unit)
            if not np.all(np.isfinite(bound)):
                rows = []
        if len(rows) < 3 or np.any(bound > 1e-4 * np.abs(value) + 1e-8 * sizes / unit):
            slopes = thorough(place.subject, line, place.u, place.centre)
            value, bound = slopes.value / unit, np.where(slopes.kink, np.inf, slopes.bound / unit)
        for name, one, other in zip(place.cotangents, value, bound, strict=True):
            numerical[name][i], allowed[name][i] = one, other
    claimed = {}
    for row, name in enumerate(place.cotangents):
        gradient = np.asarray(place.claims(name)[k], np.float64)
        claimed[name] = np.where(looked.reshape(x.shape), gradient, np.nan)
        ratio = float(np.linalg.norm(place.u[row]) / np.linalg.norm(place.u[0])) if np.any(place.u[0]) else 1.0
        allowed[name] = (allowed[name] + REORDERED * place.noise[k] * max(ratio, 1.0)).reshape(x.shape)
        numerical[name] = numerical[name].reshape(x.shape)
    return Entries(k, claimed, numerical, allowed, jacobian, looked.reshape(x.shape))
