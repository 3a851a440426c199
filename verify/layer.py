"""A layer, with the cases on which it is tried.

Data
    ``Case``   one call of a forward pass: its inputs and options.
    ``Pair``   how a formula of the catalogue is such a call.
    ``Layer``  the two passes, what draws their cases, the formula that they implement.

The three most important functions are ``Layer.case`` (a case by name), ``declared`` (the layer of a module) and
``discovered`` (all that a folder holds).
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Case", "Layer", "Pair", "declared", "discovered", "named", "normal"]

SAMPLE = re.compile(r"sample (\d+)")

Array = NDArray[Any]
Draw = Callable[[np.random.Generator], "Case"]


class Case:
    """One call of a layer: ``Case(x, W, b, stride=2)`` is ``forward(x, W, b, stride=2)``."""

    def __init__(self, *inputs: Any, **options: Any) -> None:
        self.inputs = inputs
        self.options = options


def _itself(output: Any) -> Any:
    return output


@dataclass(frozen=True, kw_only=True)
class Pair:
    """How a formula of the catalogue is a call of a layer.

    ``case`` gets tensors and sizes of the formula's program by their names, and lays them out as the layer has them;
    ``output`` names the tensor that the layer computes, ``read`` finds it in the layer's output. Both only lay out:
    they are linear in every tensor, apart from options.
    """

    case: Callable[..., Case]
    output: str
    read: Callable[[Any], Array] = _itself


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A forward and a backward pass, written by hand.

    ``forward(*inputs, **options) -> (output, saved)``: inputs are its positional parameters, options its keyword-only
    ones; an output may be a tuple. ``backward(d_output, saved) -> {name: gradient}``, a gradient for each input that
    holds floating-point numbers and is not None. ``sample(rng)`` draws an ordinary case, of random shapes and
    options; ``cases`` are the odd ones by name. ``formula`` is the entry of the catalogue that it implements; of this
    entry, and of others, ``pairs`` says how they are calls of the layer.

    Raises: ValueError when one of these is something else, or a case has the name of an ordinary one.
    """

    forward: Callable[..., tuple[Any, Any]]
    backward: Callable[[Any, Any], dict[str, Any]]
    sample: Draw
    formula: str
    cases: Mapping[str, Draw] = field(default_factory=dict)
    pairs: Mapping[str, Pair] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not inspect.isfunction(self.forward):
            raise ValueError(
                f"forward is {_called(self.forward)}: expected a function, whose parameters are the inputs"
            )
        for name in ("backward", "sample"):
            if not callable(getattr(self, name)):
                raise ValueError(f"{name} is {_called(getattr(self, name))}: expected a function")
        if not isinstance(self.cases, Mapping) or not all(map(callable, self.cases.values())):
            raise ValueError(f"cases is {_called(self.cases)}: expected functions that draw them, by name")
        for name in self.cases:
            if not isinstance(name, str):
                raise ValueError(f"cases has the name {name!r}: expected text")
            if SAMPLE.fullmatch(name):
                raise ValueError(f"a case has the name {name!r}, which is that of an ordinary one: expected another")

    @property
    def name(self) -> str:
        """The name of the file."""
        return Path(inspect.getfile(self.forward)).stem

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """The names of the inputs."""
        parameters = inspect.signature(self.forward).parameters.values()
        return tuple(one.name for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD)

    def case(self, name: str, seed: int = 0) -> Case:
        """The case with this name; ``sample 0``, ``sample 1``, … are ordinary ones."""
        ordinary = SAMPLE.fullmatch(name)
        number, draw = (int(ordinary[1]), self.sample) if ordinary else (0, self.cases[name])
        drawn = draw(np.random.default_rng([seed, number, *name.encode()]))
        if not isinstance(drawn, Case):
            raise TypeError(
                f"{'sample' if ordinary else 'the case'} drew {_called(drawn)}: expected Case(inputs, options)"
            )
        return drawn

    def __repr__(self) -> str:
        return f"<layer {self.name}({', '.join(self.inputs)})>"


def _called(value: object) -> str:
    """What a message calls something of the wrong type."""
    return "None" if value is None else f"a {type(value).__name__}"


def normal(rng: np.random.Generator, *shape: int, scale: float = 1.0) -> Array:
    """Numbers of both signs with few decimals, which can be read where a case fails."""
    return np.asarray(np.round(rng.normal(scale=scale, size=shape), 3))


def discovered(package: ModuleType) -> dict[str, Layer]:
    """The layers in a package's folder, by name, in the order of names."""
    names = sorted(path.stem for root in package.__path__ for path in Path(root).glob("*.py"))
    return {
        name: declared(importlib.import_module(f"{package.__name__}.{name}")) for name in names if name != "__init__"
    }


def named(name: str) -> Layer:
    """The layer with this name. Raises: ValueError with the nearest names."""
    from verify.layers import LAYERS

    if name not in LAYERS:
        near = difflib.get_close_matches(name, LAYERS, n=3, cutoff=0.4)
        hint = f"did you mean {', '.join(near)}?" if near else "`verify layers` shows them all"
        raise ValueError(f"there is no layer {name!r}; {hint}")
    return LAYERS[name]


def declared(module: ModuleType) -> Layer:
    """The layer that a module declares. Raises: ValueError when it declares none."""
    found = getattr(module, "LAYER", None)
    if not isinstance(found, Layer):
        file = Path(module.__file__ or module.__name__).name
        raise ValueError(f"{file} declares no LAYER = Layer(forward=forward, backward=backward, sample=sample, …)")
    return found
