"""Whether a gradient is rough: whether it jumps from one input to the next as numbers of few digits do.

A gradient in double precision is smooth far below the error that is to be explained; one that went through single
or half precision, or lost its digits by cancellation, is not. Along a line of four points the third difference of
what is smooth is nothing, and that of rounding has the size of rounding.

The most important functions are ``roughness`` and ``rounded`` (the hypothesis).
"""

from __future__ import annotations

import numpy as np

from verify.backward_pass.place import Place
from verify.backward_pass.subject import Broken, is_floating
from verify.backward_pass.suspect import Suspect

__all__ = ["roughness", "rounded"]

# Steps, relative to the inputs, that show the rounding of half and single precision and of cancellation.
STEPS = (1e-6, 1e-3, 1e-8)
# A smooth third difference shrinks by the cube of this factor where the step does by it; that of rounding does not.
CLOSER = 3.0
# A third difference is at most so many times the rounding of one value, and seldom below this share of it.
LARGEST, SMALLEST = 8.0, 0.05
# Errors above this share of the gradient are no rounding.
LARGE = 0.3
# Where the gradient changes by more than this share of it from point to point the step is too wide.
WIDE = 0.3


def rounded(s: Suspect) -> str | None:
    """The error is of the size of the gradient's roughness, which is that of fewer digits than float64 has."""
    size = float(np.max(np.abs(s.true[s.known]), initial=0.0))
    error = float(np.max(np.abs(s.error[s.known]), initial=0.0))
    if not 0 < error <= LARGE * size:
        return None
    for step in STEPS:
        rough = roughness(s.place, s.found.position, step)
        if rough is None:
            continue
        if SMALLEST * error <= rough <= 4.0 * LARGEST * error:
            digits = "half" if rough > 1e-5 * size else "single"
            return (
                f"the gradient jumps by {rough / size:.1e} of its size between neighbouring inputs: a part is "
                f"computed in {digits} precision, or loses digits by cancellation"
            )
    return None


def roughness(place: Place, k: int, step: float) -> float | None:
    """The largest third difference of a gradient that does not shrink with the step; None where it is smooth."""
    far, near = _third(place, k, step), _third(place, k, step / CLOSER)
    if far is None or near is None or near < far / CLOSER**1.5 or near == 0:
        return None
    return max(near, far) if far < CLOSER * near else near


def _third(place: Place, k: int, step: float) -> float | None:
    """The largest third difference along a line through the inputs."""
    rng = np.random.default_rng(0)
    ways = [rng.uniform(0.5, 1.5, np.shape(x)) * rng.choice((-1.0, 1.0), np.shape(x)) for x in place.inputs]
    turns = [rng.uniform(0.5, 1.5, y.shape) for y in place.outputs]
    values = []
    for i in range(4):
        moved = [
            np.asarray(x * (1.0 + i * step * way), np.asarray(x).dtype) if is_floating(x) else x
            for x, way in zip(place.inputs, ways, strict=True)
        ]
        try:
            gradient = place.subject.forward(moved).gradients(
                [part * (1.0 + i * step * turn) for part, turn in zip(place.cotangents["signed"], turns, strict=True)]
            )[k]
        except Broken:
            return None
        if gradient is None:
            return None
        values.append(np.asarray(gradient, np.float64))
    size = max(float(np.max(np.abs(value), initial=0.0)) for value in values)
    if float(np.max(np.abs(values[1] - values[0]), initial=0.0)) > WIDE * size:
        return None
    third = values[3] - 3.0 * values[2] + 3.0 * values[1] - values[0]
    if third.shape != np.shape(place.inputs[k]) or not np.all(np.isfinite(third)):
        return None
    return float(np.max(np.abs(third), initial=0.0))
