"""Samples in blocks, so that what is computed for some of them is still in the processor's cache when it is read."""

from __future__ import annotations

import math
from collections.abc import Iterator

__all__ = ["cache_blocks", "fitting"]

# Entries that a block holds, where a single sample has no more: half a megabyte in float32, one in float64.
BLOCK = 2**17


def fitting(entries: int) -> int:
    """How many samples of so many entries are in a block: one at least."""
    return max(1, BLOCK // max(1, entries))


def cache_blocks(batch: tuple[int, ...], entries: int) -> Iterator[tuple[int | slice, ...]]:
    """Indices of the batch axes that meet every sample once; ``entries`` is what one sample takes.

    An index ends with a slice of the first axis along which samples fit, and has a number for each axis before it.
    """
    if not batch:
        yield ()
        return
    first, *further = batch
    entries_further = math.prod(further) * entries
    if not further or entries_further <= BLOCK:
        fit = fitting(entries_further)
        yield from ((slice(k, k + fit),) for k in range(0, first, fit))
    else:
        yield from ((k, *inner) for k in range(first) for inner in cache_blocks(tuple(further), entries))
