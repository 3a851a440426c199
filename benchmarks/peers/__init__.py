"""The layers as PyTorch has them: one function for each, with the inputs and options of ours; ``PEERS`` holds all.

A peer takes tensors where ours takes arrays, and returns what ours returns first. It is built of PyTorch's own layers
where there is one, else of its operations, never of our equations.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from verify.layer import Case, Layer


class Peer:
    """A layer in PyTorch on the inputs of a case, ready to be run again and again."""

    def __init__(self, layer: Layer, case: Case, dtype: str) -> None:
        self.function = PEERS[layer.name]
        self.names = layer.inputs[: len(case.inputs)]
        self.inputs = [tensor(value, dtype, leaf=True) for value in case.inputs]
        self.options = {name: tensor(value, dtype) for name, value in case.options.items()}
        self.leaves = [one for one in self.inputs if isinstance(one, torch.Tensor) and one.requires_grad]

    def forward(self) -> Any:
        """The output, or several."""
        return self.function(*self.inputs, **self.options)

    def gradients(self, output: Any, d_output: Any) -> dict[str, Any]:
        """The gradients of the inputs, by name."""
        outputs, cotangents = _tuple(output), _tuple(d_output)
        found = torch.autograd.grad(
            outputs, self.leaves, [torch.as_tensor(np.asarray(d)) for d in cotangents], allow_unused=True
        )
        of = dict(zip(map(id, self.leaves), found, strict=True))
        return {name: of[id(one)] for name, one in zip(self.names, self.inputs, strict=True) if id(one) in of}


def tensor(value: Any, dtype: str, *, leaf: bool = False) -> Any:
    """An array as a tensor, its floating-point numbers in this type; anything else as it is."""
    if not isinstance(value, np.ndarray):
        return value
    if value.dtype.kind != "f":
        return torch.from_numpy(np.array(value))
    return torch.from_numpy(np.array(value, dtype)).requires_grad_(leaf)


def _tuple(output: Any) -> tuple[Any, ...]:
    return output if isinstance(output, tuple) else (output,)


def _found() -> Mapping[str, Callable[..., Any]]:
    peers: dict[str, Callable[..., Any]] = {}
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.stem != "__init__":
            peers |= importlib.import_module(f"{__name__}.{path.stem}").PEERS
    return peers


PEERS = _found()
