"""A backward pass with a mistake, or a right one in a hard place, and how sources are changed to make the former.

Data
    ``Mistake``  a forward pass, a wrong backward pass, the right one, inputs, and what a checker must say.
    ``Correct``  a forward pass and a right backward pass that must not be rejected.

The most important functions are ``mutated`` (a function whose module's source was changed in one place) and
``of_layer`` (a mistake in one of the project's layers).
"""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from verify.layers import LAYERS

__all__ = ["Correct", "Mistake", "mutated", "of_layer", "right_layer"]

Draw = Callable[[np.random.Generator], tuple[Any, ...]]


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A wrong backward pass.

    ``backward`` and ``right`` are called alike: ``(d_output, *inputs) -> tuple``, or with ``saved=True``, where the
    forward pass returns ``(output, saved)``, ``(d_output, saved) -> tuple or dict``. ``kind`` is what must be named,
    ``or_kind`` what is as good a name; ``culprits`` are the positions of the inputs whose gradient is wrong, None for
    a broken contract that concerns no input. ``hard`` places are kinks, ties, edges of domains, saturation, bad
    conditioning. ``options`` go to the checker.
    """

    name: str
    forward: Callable[..., Any]
    backward: Callable[..., Any]
    right: Callable[..., Any]
    inputs: Draw
    kind: str
    culprits: tuple[int, ...] | None
    or_kind: tuple[str, ...] = ()
    saved: bool = False
    hard: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    def draw(self, seed: int = 0) -> tuple[Any, ...]:
        """The inputs, the same for the same seed."""
        return self.inputs(np.random.default_rng([seed, *self.name.encode()]))


@dataclass(frozen=True, kw_only=True)
class Correct:
    """A right backward pass, which must not be rejected; fields as those of ``Mistake``."""

    name: str
    forward: Callable[..., Any]
    backward: Callable[..., Any]
    inputs: Draw
    saved: bool = False
    hard: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)

    def draw(self, seed: int = 0) -> tuple[Any, ...]:
        """The inputs, the same for the same seed."""
        return self.inputs(np.random.default_rng([seed, *self.name.encode()]))


def mutated(function: Callable[..., Any], *changes: tuple[str, str]) -> Any:
    """The function, from a copy of its module in whose source each ``(old, new)`` was replaced.

    Raises: ValueError when an old text does not stand there exactly once.
    """
    module = sys.modules[function.__module__]
    source = inspect.getsource(module)
    for old, new in changes:
        if source.count(old) != 1:
            raise ValueError(f"{old!r} stands {source.count(old)} times in {module.__name__}")
        source = source.replace(old, new)
    copy = types.ModuleType(module.__name__)
    copy.__file__ = module.__file__
    exec(compile(source, f"<{module.__name__}, changed>", "exec"), copy.__dict__)
    return getattr(copy, function.__name__)


def of_layer(
    layer: str,
    what: str,
    *changes: tuple[str, str],
    inputs: Draw,
    kind: str,
    culprits: tuple[int, ...] | None,
    or_kind: tuple[str, ...] = (),
    hard: bool = False,
    options: Mapping[str, Any] | None = None,
    **layer_options: Any,
) -> Mistake:
    """A mistake in the backward pass of a layer, made by changing its source; ``layer_options`` go to its forward."""
    one = LAYERS[layer]
    return Mistake(
        name=f"{layer}: {what}",
        forward=partial(one.forward, **layer_options) if layer_options else one.forward,
        backward=mutated(one.backward, *changes),
        right=one.backward,
        inputs=inputs,
        kind=kind,
        culprits=culprits,
        or_kind=or_kind,
        saved=True,
        hard=hard,
        options=options or {},
    )


def right_layer(layer: str, what: str, *, inputs: Draw, hard: bool = True, **layer_options: Any) -> Correct:
    """The right passes of a layer at these inputs."""
    one = LAYERS[layer]
    forward = partial(one.forward, **layer_options) if layer_options else one.forward
    return Correct(
        name=f"{layer}: {what}", forward=forward, backward=one.backward, inputs=inputs, saved=True, hard=hard
    )
