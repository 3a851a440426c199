"""A layer called once on a case: what its promises and its gradients are judged by.

The most important class is ``Trial``; ``parts`` and ``mapped`` are for outputs, of which there may be several.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from verify.layer import Array, Case, Layer

__all__ = ["Trial", "cast", "is_floating", "mapped", "parts"]


class Trial:
    """A layer called once on a case, with a random cotangent of both signs."""

    def __init__(self, layer: Layer, case: Case, seed: int = 0, dtype: str = "float64") -> None:
        self.layer = layer
        self.dtype = dtype
        if len(case.inputs) > len(layer.inputs):
            taken = f"forward takes {', '.join(layer.inputs) or 'none'} by position"
            raise TypeError(f"the case has {len(case.inputs)} inputs, {taken}")
        self.inputs = {
            name: cast(np.float64(value) if type(value) is float else value, dtype)
            for name, value in zip(layer.inputs, case.inputs, strict=False)
        }
        self.options = {name: cast(value, dtype) for name, value in case.options.items()}
        self.rng = np.random.default_rng([seed, 1])
        found: Any = layer.forward(*self.inputs.values(), **self.options)
        if not isinstance(found, tuple) or len(found) != 2:
            returned = f"a tuple of {len(found)}" if isinstance(found, tuple) else type(found).__name__
            raise TypeError(f"forward returned {returned}: expected (output, saved)")
        self.output, self.saved = found
        self.d_output = self.cotangent()
        self.gradients = layer.backward(self.d_output, self.saved)
        if not isinstance(self.gradients, Mapping):
            raise TypeError(f"backward returned {type(self.gradients).__name__}: expected {{name: gradient}}")

    @property
    def floating(self) -> dict[str, Array]:
        """The inputs that have a gradient."""
        return {name: value for name, value in self.inputs.items() if is_floating(value)}

    def forward(self, **replaced: Any) -> Any:
        """The output with other inputs."""
        return self.layer.forward(*{**self.inputs, **replaced}.values(), **self.options)[0]

    def backward(self, d_output: Any) -> dict[str, Array]:
        """The gradients of another cotangent."""
        return self.layer.backward(d_output, self.saved)

    def cotangent(self) -> Any:
        """A random cotangent."""
        return mapped(lambda y: np.asarray(np.round(self.rng.normal(size=np.shape(y)), 3), self.dtype), self.output)

    def functional(self, name: str) -> Callable[[Array], float]:
        """The sum of the output's entries times the cotangent's, as a function of one input."""
        return lambda value: sum(float(np.sum(d * y)) for d, y in zip(
            parts(self.d_output), parts(self.forward(**{name: value})), strict=True
        ))  # fmt: skip


def is_floating(value: object) -> bool:
    """Whether this is an array of floating-point numbers."""
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def parts(output: Any) -> Sequence[Array]:
    """The arrays of an output, of which there may be several."""
    return output if isinstance(output, tuple) else (output,)


def mapped(change: Callable[[Array], Array], output: Any) -> Any:
    """An output with every array changed."""
    return tuple(map(change, output)) if isinstance(output, tuple) else change(output)


def cast(value: Any, dtype: str) -> Any:
    """Floating-point numbers in this type; anything else as it is."""
    return np.array(value, dtype) if is_floating(value) or isinstance(value, np.floating) else value
