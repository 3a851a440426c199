"""Windows of a kernel on an image, found one by one, and layers beside loops over them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from verify.layer import Case
from verify.layers import LAYERS
from verify.trial import Trial

Array = Any


def both(value: Any) -> tuple[Any, Any]:
    return value if isinstance(value, tuple) else (value, value)


def ends(padding: Any) -> Any:
    return tuple(map(both, both(padding)))


def places(
    i: int, j: int, kernel: tuple[int, int], stride: Any, padding: Any, dilation: Any
) -> Iterator[tuple[int, int, int, int]]:
    """The places of a kernel, row by row, with the entry of the image on which each lies in window (i, j)."""
    (top, _), (left, _) = ends(padding)
    for u in range(kernel[0]):
        for v in range(kernel[1]):
            yield (
                u,
                v,
                i * both(stride)[0] + u * both(dilation)[0] - top,
                j * both(stride)[1] + v * both(dilation)[1] - left,
            )


def inside(image: Array, p: int, q: int) -> bool:
    return 0 <= p < image.shape[-2] and 0 <= q < image.shape[-1]


def sizes(image: Array, kernel: tuple[int, int], stride: Any, padding: Any, dilation: Any) -> list[int]:
    """How often a kernel fits, counted one by one."""
    found = []
    for axis in (0, 1):
        room = image.shape[2 + axis] + sum(ends(padding)[axis])
        starts = range(0, room, both(stride)[axis])
        found.append(sum(start + both(dilation)[axis] * (kernel[axis] - 1) < room for start in starts))
    return found


def compare(name: str, loops: Callable[..., tuple[Array, dict[str, Array]]], case: Case) -> None:
    """The output and the gradients of a layer are those of loops."""
    trial = Trial(LAYERS[name], case)
    y, gradients = loops(trial.d_output, *case.inputs, **case.options)
    close(trial.output, y)
    assert trial.gradients.keys() == gradients.keys()
    for one, gradient in gradients.items():
        close(trial.gradients[one], gradient)


def close(one: Array, other: Array) -> None:
    assert one.shape == other.shape
    np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)
