"""Which entries of an input can be moved together, since no output depends on two of them.

Along each axis of the input the outputs are asked once for every index: do you change when all entries at this index
change? An output can depend only on entries whose index it reacts to on every axis; a batched layer's on entries of
its own sample, a convolution's on those in its window. Indices of an axis that no output reacts to both of get one
colour; entries whose indices have equal colours on all axes are moved together.

Data
    ``Colours``  for every axis the colour of each index, and for every output and colour the index it depends on.

The three most important functions are ``colours`` (found numerically), ``Colours.groups`` (entries that move
together) and ``Colours.owner`` (whose change an output shows).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verify.backward_pass.place import Place
from verify.backward_pass.slope import Way, scales

__all__ = ["Colours", "colours"]

# So far, in typical sizes, entries move when outputs are asked whether they react.
FAR = 0.37

Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Colours:
    """Colours of an input of this shape; ``of`` (size,) and ``owners`` (colours, m) for every axis, -1 for none."""

    shape: tuple[int, ...]
    of: tuple[Indices, ...]
    owners: tuple[Indices, ...]

    @property
    def count(self) -> int:
        """The number of groups."""
        return int(np.prod([len(owner) for owner in self.owners], dtype=int))

    def groups(self) -> Iterator[tuple[tuple[int, ...], NDArray[np.bool_]]]:
        """Every combination of colours, with the entries that have it."""
        for combination in itertools.product(*(range(len(owner)) for owner in self.owners)):
            chosen = np.ones(self.shape, bool)
            for axis, (colour, of) in enumerate(zip(combination, self.of, strict=True)):
                along = [1] * len(self.shape)
                along[axis] = -1
                chosen &= (of == colour).reshape(along)
            yield combination, chosen

    def owner(self, combination: tuple[int, ...]) -> Indices:
        """For every output the flat index of the entry of this group that it depends on, -1 for none."""
        m = self.owners[0].shape[1] if self.owners else 0
        found = np.zeros(m, np.intp)
        known = np.ones(m, bool)
        for colour, owner, size in zip(combination, self.owners, self.shape, strict=True):
            found = found * size + owner[colour]
            known &= owner[colour] >= 0
        return np.where(known, found, -1)


def colours(place: Place, k: int, rng: np.random.Generator) -> Colours | None:
    """The colours of an input; None where the outputs are not finite at the points that were tried."""
    x = np.asarray(place.inputs[k], np.float64)
    if not x.ndim or not x.size:
        return None
    step = FAR * scales(x) * rng.uniform(0.5, 1.5, x.shape) * rng.choice((-1.0, 1.0), x.shape)
    of, owners = [], []
    for axis, size in enumerate(x.shape):
        reacts = np.zeros((size, place.centre.size), bool)
        for index in range(size):
            part = np.zeros(x.shape)
            where = [slice(None)] * x.ndim
            where[axis] = slice(index, index + 1)
            part[tuple(where)] = step[tuple(where)]
            v: list[Any] = [None] * len(place.inputs)
            v[k] = part
            line = Way(place.inputs, tuple(v))
            for t in (1.0, -0.01):
                values = place.subject.values(line.at(t))
                if values.shape != place.centre.shape:
                    return None
                reacts[index] |= values != place.centre
        colour = _coloured(reacts)
        of.append(colour)
        owner = np.full((int(colour.max()) + 1, place.centre.size), -1)
        for index in range(size):
            owner[colour[index]] = np.where(reacts[index], index, owner[colour[index]])
        owners.append(owner)
    return Colours(x.shape, tuple(of), tuple(owners))


def _coloured(reacts: NDArray[np.bool_]) -> Indices:
    """The smallest colour for each index that no index with an output in common has, one after the other."""
    found = np.zeros(len(reacts), np.intp)
    taken: list[NDArray[np.bool_]] = []
    for index, row in enumerate(reacts):
        for colour, outputs in enumerate(taken):
            if not np.any(outputs & row):
                found[index] = colour
                outputs |= row
                break
        else:
            found[index] = len(taken)
            taken.append(row.copy())
    return found
