"""Wrong backward passes, each with the verdict and the cause it must get, and right ones that must not be rejected.

The yardstick of ``verify.check_backward`` and of the checkers beside it; nothing here knows how they work.

Data
    ``MISTAKES``  wrong passes by name.
    ``CORRECT``   right passes by name.
    ``WAYS``      how a mistake shows; ``ONE_CALL`` is how most do.
"""

from benchmarks.mistakes import activations, dense, images, losses, normalisation, sequences
from benchmarks.mistakes.by_hand import (
    contracts,
    edges,
    functions,
    kinks,
    layouts,
    models,
    networks,
    purity,
    recurrences,
    similarities,
    tensors,
)
from benchmarks.mistakes.by_hand import losses as losses_by_hand
from benchmarks.mistakes.mistake import ONE_CALL, WAYS, Correct, Mistake

__all__ = ["CORRECT", "MISTAKES", "ONE_CALL", "WAYS", "Correct", "Mistake"]

AREAS = (
    dense,
    activations,
    losses,
    normalisation,
    images,
    sequences,
    contracts,
    purity,
    layouts,
    kinks,
    edges,
    functions,
    losses_by_hand,
    similarities,
    networks,
    recurrences,
    models,
    tensors,
)

MISTAKES: dict[str, Mistake] = {one.name: one for area in AREAS for one in area.MISTAKES}
CORRECT: dict[str, Correct] = {one.name: one for area in AREAS for one in area.CORRECT}

if len(MISTAKES) + len(CORRECT) != sum(len(area.MISTAKES) + len(area.CORRECT) for area in AREAS):
    raise ValueError("two passes have the same name")
