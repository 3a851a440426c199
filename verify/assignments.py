"""Sizes at which a derivation is tried: they tell axes apart, leave every axis an entry, and meet edges of brackets.

The most important functions are ``assignments`` (what is tried) and ``tiny`` (what SymPy can write out).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from derive.evaluate import Sizes
from derive.size_algebra import Size, evaluate_size
from verify.edges import Edge, met
from verify.scenes import Stage

__all__ = ["assignments", "named", "tiny", "volume"]

Draw = tuple[float, Sizes]

# Sizes are drawn so often before the best draws are taken.
DRAWS = 80
SMALLEST, USUAL, LARGEST = 2, 5, 9
# Where none of these are possible.
RARE = 30
# So many entries in all axes' products are cheap; more count against a draw.
CHEAP = 150


def assignments(stage: Stage, count: int, rng: np.random.Generator) -> list[Sizes]:
    """So many assignments of sizes: in the last some size is 1, else all axes are as different as can be.

    More where only another draw meets an edge of a bracket. Fewer, or none, when the sizes of the derivation leave no
    room.
    """
    if not stage.symbols:
        return [{}]
    found: list[Sizes] = []
    seen: list[Draw] = []
    for place in range(count):
        ones = place == count - 1 and count > 1
        draws = list(_possible(stage, rng, ones, found))
        if draws:
            found.append(min(draws, key=lambda draw: draw[0])[1])
            seen += draws
    return [*found, *_meeting(stage.edges, found, seen)]


def _meeting(listed: Iterable[Edge], found: Sequence[Sizes], seen: Sequence[Draw]) -> Iterator[Sizes]:
    """As few draws as will do to meet the edges that these assignments leave out."""
    unmet = frozenset(listed).difference(*(met(listed, sizes) for sizes in found))
    offers = [(met(unmet, sizes), cost, sizes) for cost, sizes in seen] if unmet else []
    while unmet and offers:
        more, _, sizes = min(offers, key=lambda offer: (-len(offer[0] & unmet), offer[1]))
        if unmet.isdisjoint(more):
            return
        unmet -= more
        yield sizes


def _possible(stage: Stage, rng: np.random.Generator, ones: bool, known: Sequence[Sizes]) -> Iterator[Draw]:
    """Draws that leave every axis an entry, each with its cost: axes that are alike, entries, what is known."""
    axes = tuple(dict.fromkeys(axis for t in stage.tensors for axis in t.axes))
    shapes = tuple(dict.fromkeys(t.axes for t in stage.tensors))
    seen = 0
    for attempt in range(12 * DRAWS):
        top = USUAL if attempt % 2 == 0 and len(stage.symbols) < USUAL else LARGEST if attempt > DRAWS else 7
        top = top if seen or attempt < 4 * DRAWS else RARE
        sizes = {s: int(rng.integers(*((SMALLEST, top) if s.is_positive else (0, 3)))) for s in stage.symbols}
        if ones:
            positive = [s for s in stage.symbols if s.is_positive]
            small = rng.random(len(positive)) < 0.4
            small[rng.integers(len(positive))] = True
            sizes.update({s: 1 for s, one in zip(positive, small, strict=True) if one})
        if sizes in known or not stage.possible(sizes):
            continue
        lengths = [evaluate_size(axis, sizes) for axis in axes]
        alike = len(lengths) - len(set(lengths)) + sum(n == 1 for n in lengths) * (not ones)
        entries = sum(volume(shape, sizes) for shape in shapes)
        again = sum(sizes[s] == other[s] for other in known for s in sizes) / max(len(sizes), 1)
        yield alike + again + entries / CHEAP, sizes
        seen += 1
        if seen >= DRAWS:
            return


def tiny(stage: Stage, rng: np.random.Generator) -> Iterator[Sizes]:
    """Assignments of 1 and 2, the largest first; a padding is 1."""
    lengths = [s for s in stage.symbols if s.is_positive]
    rest = {s: 1 for s in stage.symbols if not s.is_positive}
    patterns = [(2,) * len(lengths)]
    patterns += [tuple(int(n) for n in rng.integers(1, 3, size=len(lengths))) for _ in range(6)]
    for pattern in sorted(dict.fromkeys((*patterns, (1,) * len(lengths))), key=sum, reverse=True):
        sizes = {**dict(zip(lengths, pattern, strict=True)), **rest}
        if stage.possible(sizes):
            yield sizes


def volume(axes: Sequence[Size], sizes: Sizes) -> float:
    """The number of entries of an array."""
    return float(np.prod([evaluate_size(axis, sizes) for axis in axes]))


def named(sizes: Sizes) -> tuple[tuple[str, int], ...]:
    """An assignment of sizes by name, as evidence records it."""
    return tuple(sorted((str(symbol), value) for symbol, value in sizes.items()))
