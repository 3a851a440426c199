"""The gradient of one input entry by entry: for those that disagree, and where every entry is asked for.

Data
    ``Entries``  claimed and numerical gradients for every cotangent, with bounds, and the Jacobian behind them.

The three most important functions are ``entries`` (all of an input, those together that no output depends on twice),
``Entries.wrong`` and ``Entries.worst``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from verify.backward_pass.colours import colours
from verify.backward_pass.place import REORDERED, Place
from verify.backward_pass.slope import Numbers, Way, scales, thorough
from verify.backward_pass.subject import Array
from verify.differences import NOISE_MARGIN

__all__ = ["MOST", "Entries", "entries"]

# Of inputs that need more groups than this only some entries are looked at.
MOST = 600
# A Jacobian with more numbers is not kept.
MOST_NUMBERS = 4_000_000
# Inputs with fewer entries are not worth colouring.
FEW = 24


@dataclass(frozen=True)
class Entries:
    """One input's gradient at a place.

    ``claimed`` and ``numerical`` by the names of cotangents, in the input's shape, NaN where an entry was not looked
    at; ``allowed`` how far they may be apart, infinite at kinks. ``jacobian`` (m, n) has every output's derivative by
    every entry; NaN throughout where it is too large to keep. ``groups`` counts what was moved.
    """

    position: int
    claimed: Mapping[str, Numbers]
    numerical: Mapping[str, Numbers]
    allowed: Mapping[str, Numbers]
    jacobian: Numbers
    looked: Array
    groups: int

    def wrong(self, name: str = "signed") -> Array:
        """Which entries disagree."""
        with np.errstate(all="ignore"):
            return np.asarray(np.abs(self.claimed[name] - self.numerical[name]) > self.allowed[name])

    def worst(self, name: str = "signed") -> tuple[int, ...]:
        """The entry that is wrong by most."""
        with np.errstate(all="ignore"):
            apart = np.where(self.wrong(name), np.abs(self.claimed[name] - self.numerical[name]), 0.0)
        return tuple(map(int, np.unravel_index(int(np.argmax(apart)), apart.shape)))


def entries(place: Place, k: int, rng: np.random.Generator, most: int = MOST) -> Entries:
    """Every entry of an input's gradient, or a part of them where they are many and cannot be moved together."""
    x = np.asarray(place.inputs[k], np.float64)
    n, m = x.size, place.centre.size
    unit = np.broadcast_to(scales(x), x.shape)
    small = m * n <= MOST_NUMBERS
    jacobian = np.zeros((m, n)) if small else np.full((1, 1), np.nan)
    value, bound = np.zeros((len(place.u), n)), np.zeros((len(place.u), n))
    looked = np.zeros(n, bool)
    sizes = np.abs(place.u) @ np.abs(place.centre)
    groups = 0
    for chosen, owner in _together(place, k, rng, most):
        groups += 1
        line = Way.of(place.inputs, {k: np.where(chosen, unit, 0.0)})
        rows = _differences(place, line)
        mine = np.flatnonzero(chosen)
        looked[mine] = True
        if rows is None:
            value[:, mine], bound[:, mine] = np.nan, np.inf
            jacobian[:, mine if small else 0] = np.nan
        else:
            once = (4.0 * rows[0] - rows[1]) / 3.0, (4.0 * rows[1] - rows[2]) / 3.0
            seen = np.flatnonzero(owner >= 0)
            at = owner[seen]
            per = np.ravel(unit)
            if small:
                jacobian[seen, at] = once[0][seen] / per[at]
            for row, u in enumerate(place.u):
                value[row] += np.bincount(at, (u * once[0])[seen], n) / per
                moved = np.abs(np.bincount(at, (u * (once[0] - once[1]))[seen], n))
                noise = np.bincount(at, np.abs(u * place.centre)[seen], n) if len(mine) > 1 else sizes[row]
                bound[row, mine] += (
                    (2.0 * moved + NOISE_MARGIN * 0.3 * place.resolution * noise / place.step) / per
                )[mine]
    for i in np.flatnonzero(looked):
        doubtful = bound[:, i] > 1e-4 * np.abs(value[:, i]) + 1e-8 * sizes / np.ravel(unit)[i]
        if np.any(doubtful | ~np.isfinite(value[:, i])) and not place.coarse:
            one = np.zeros(n)
            one[i] = np.ravel(unit)[i]
            slopes = thorough(place.subject, Way.of(place.inputs, {k: one.reshape(x.shape)}), place.u, place.centre)
            value[:, i] = slopes.value / one[i]
            bound[:, i] = np.where(slopes.kink, np.inf, slopes.bound / one[i])
    claimed, numerical, allowed = {}, {}, {}
    for row, name in enumerate(place.cotangents):
        gradient = np.asarray(place.claims(name)[k], np.float64)
        claimed[name] = np.where(looked.reshape(x.shape), gradient, np.nan)
        numerical[name] = np.where(looked, value[row], np.nan).reshape(x.shape)
        ratio = float(np.linalg.norm(place.u[row]) / np.linalg.norm(place.u[0])) if np.any(place.u[0]) else 1.0
        slack = REORDERED * place.noise[k] * max(ratio, 1.0) + place.nothing * sizes[row] / np.ravel(unit)
        allowed[name] = (np.where(looked, bound[row], np.inf) + slack).reshape(x.shape)
    return Entries(k, claimed, numerical, allowed, jacobian, looked.reshape(x.shape), groups)


def _together(place: Place, k: int, rng: np.random.Generator, most: int) -> Iterator[tuple[Array, Array]]:
    """Entries that are moved together, and for every output which of them it depends on."""
    shape = np.shape(place.inputs[k])
    n, m = int(np.prod(shape, dtype=int)), place.centre.size
    found = colours(place, k, rng) if n > FEW and len(shape) > 0 else None
    if found is not None and 2 * found.count <= n and found.count <= most:
        for combination, chosen in found.groups():
            yield chosen, found.owner(combination)
        return
    for i in sorted(rng.choice(n, min(n, most), replace=False)):
        chosen = np.zeros(n, bool)
        chosen[i] = True
        yield chosen.reshape(shape), np.full(m, i)


def _differences(place: Place, line: Way) -> list[Numbers] | None:
    """Central differences of all outputs at three steps; None where they are not finite."""
    rows = []
    for h in (place.step, 2.0 * place.step, 4.0 * place.step):
        right, left = place.subject.values(line.at(h)), place.subject.values(line.at(-h))
        if right.shape != place.centre.shape or left.shape != place.centre.shape:
            return None
        rows.append((right - left) / (2.0 * h))
    return rows if all(np.all(np.isfinite(row)) for row in rows) else None
