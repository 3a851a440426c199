"""NumPy layers with backward passes written by hand; ``LAYERS`` is what the folder holds, by name.

``from verify.layers import conv2d``, then ``output, saved = conv2d.forward(x, W, b)`` and
``conv2d.backward(d_output, saved)``, a gradient for every input by name. The functions are pure. What is saved may
refer to inputs and output: do not write into these before the backward pass.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache

from verify.layer import Layer, discovered

__all__ = ["LAYERS"]

LAYERS: Mapping[str, Layer]


@cache
def _all() -> Mapping[str, Layer]:
    return discovered(sys.modules[__name__])


def __getattr__(name: str) -> Mapping[str, Layer]:
    if name == "LAYERS":
        return _all()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
