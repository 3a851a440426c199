"""Whether a wrong gradient is right for other inputs: then these are what backward takes for the given ones.

Data
    ``Instead``  other inputs, the kind of mistake that takes them for the given ones, and how to say so.

The three most important functions are ``instead`` (all that are tried), ``gradient_there`` (the numerical gradient at
them) and ``right_instead`` (the first for which the claim is right).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from verify.backward_pass.place import Place
from verify.backward_pass.slope import STEP, Numbers, Way, typical
from verify.backward_pass.subject import is_floating
from verify.backward_pass.suspect import Answer, Suspect

__all__ = ["Instead", "instead", "right_for_other_inputs", "right_instead"]

# So many entries are compared first; all of them only where these agree.
PROBES = 6
SAME = 1e-5
# Fewer wrong entries may become right by chance.
ENOUGH = 3
# So many others are tried, shared by the inputs that were looked at.
MOST, FEWEST = 160, 20


@dataclass(frozen=True)
class Instead:
    """Inputs in place of the given ones."""

    kind: str
    told: str
    inputs: tuple[Any, ...]


def instead(place: Place, k: int) -> Iterator[Instead]:
    """Inputs that a person may have taken for the given ones, the likeliest first."""
    given, names = place.inputs, place.subject.names

    def with_(changes: dict[int, Any]) -> tuple[Any, ...]:
        return tuple(changes.get(i, x) for i, x in enumerate(given))

    arrays = [i for i, x in enumerate(given) if isinstance(x, np.ndarray)]
    for i, j in itertools.combinations(arrays, 2):
        if np.shape(given[i]) == np.shape(given[j]) and given[i].dtype == given[j].dtype and k not in (i, j):
            yield Instead("gate", f"{names[i]} and {names[j]} are exchanged", with_({i: given[j], j: given[i]}))
    for i in arrays:
        x = given[i]
        if x.ndim >= 2 and x.shape[-1] == x.shape[-2] > 1 and i != k and is_floating(x):
            yield Instead(
                "axis", f"{names[i]} stands where its transpose must", with_({i: np.swapaxes(x, -1, -2).copy()})
            )
    for i in arrays:
        x = given[i]
        if x.dtype.kind in "iu" and x.size and x.min() >= 0:
            for by in (1, -1):
                moved = np.clip(x.astype(np.int64) + by, x.min(), x.max())
                yield Instead("index", f"{names[i]} is off by one", with_({i: moved.astype(x.dtype)}))
                yield Instead(
                    "index", f"{names[i]} is off by one", with_({i: (x.astype(np.int64) + by).astype(x.dtype)})
                )
        if i != k and x.ndim and is_floating(x) and x.size > 1:
            for axis in range(x.ndim):
                for by in (1, -1):
                    if x.shape[axis] > 1:
                        yield Instead(
                            "index",
                            f"{names[i]} is shifted by {by} along axis {axis}",
                            with_({i: np.roll(x, by, axis)}),
                        )
    for i in arrays:
        if is_floating(given[i]) and given[i].size:
            yield Instead("sign", f"-{names[i]} stands for {names[i]}", with_({i: -given[i]}))
    output = place.outputs[0]
    if len(place.outputs) == 1 and is_floating(given[k]) and output.shape == np.shape(given[k]):
        yield Instead("cache", f"the output stands for {names[k]}", with_({k: np.asarray(output, np.float64)}))


def slope_there(place: Place, other: Instead, k: int, entry: int, u: Numbers) -> float | None:
    """The derivative of ``<u, f>`` by one entry, at the other inputs."""
    x = np.asarray(place.inputs[k], np.float64)
    unit = typical(x)
    part = np.zeros(x.size)
    part[entry] = unit
    moving = Way.of(place.inputs, {k: part.reshape(x.shape)})
    line = Way(other.inputs, moving.v)
    rows = []
    for h in (STEP, 2.0 * STEP):
        try:
            right, left = place.subject.values(line.at(h)), place.subject.values(line.at(-h))
        except Exception:  # whatever happens at inputs that nobody gave
            return None
        if right.shape != place.centre.shape or left.shape != place.centre.shape:
            return None
        rows.append(float(u @ (right - left)) / (2.0 * h * unit))
    value = (4.0 * rows[0] - rows[1]) / 3.0
    return value if np.isfinite(value) else None


def right_instead(
    place: Place, k: int, claimed: Any, true: Any, rng: np.random.Generator, most: int = MOST
) -> Instead | None:
    """The first inputs for which the claimed gradient is right, and which explain every entry."""
    flat, right = np.ravel(claimed), np.ravel(true)
    size = max(float(np.max(np.abs(flat))), float(np.max(np.abs(right))))
    off = np.flatnonzero(np.abs(flat - right) > 1e-3 * size)
    if not off.size or size == 0:
        return None
    first = rng.permutation(off)[:PROBES]
    others = np.setdiff1d(np.arange(flat.size), first)
    for other in itertools.islice(instead(place, k), most):

        def same(entry: int, other: Instead = other) -> bool:
            value = slope_there(place, other, k, int(entry), place.u[0])
            own = max(abs(flat[entry]), abs(right[entry])) + 1e-3 * size
            return value is not None and abs(value - flat[entry]) <= SAME * own

        if all(map(same, first)) and all(map(same, rng.permutation(others)[: 4 * PROBES])):
            return other
    return None


def right_for_other_inputs(s: Suspect) -> Answer:
    """Right for inputs that were exchanged, transposed, shifted or negated."""
    if not s.whole or np.count_nonzero(s.wrong) < ENOUGH:
        return None
    found = right_instead(
        s.place, s.found.position, s.claimed, s.true, np.random.default_rng(0), max(MOST // len(s.others), FEWEST)
    )
    return (found.kind, f"right if {found.told}") if found else None
