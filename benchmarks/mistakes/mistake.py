"""A backward pass with a mistake, or a right one in a hard place, and how sources are changed to make the former.

Data
    ``Mistake``  a forward pass, a wrong backward pass, the right one, inputs, and what a checker must say.
    ``Correct``  a forward pass and a right backward pass that must not be rejected.

The most important functions are ``mutated`` (a function whose module's source was changed in one place),
``of_layer`` (a mistake in one of the project's layers) and ``Mistake.fresh`` (the same, remembering nothing).
"""

from __future__ import annotations

import copy
import inspect
import sys
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Self

import numpy as np

from verify.layers import LAYERS

__all__ = ["ONE_CALL", "WAYS", "Correct", "Draw", "Made", "Mistake", "mutated", "of_layer", "right_layer"]

Draw = Callable[[np.random.Generator], tuple[Any, ...]]
# Makes a forward pass, a backward pass, and the right one, which share nothing with those that it made before.
Made = Callable[[], tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]]

ONE_CALL = "one call"
WAYS: Mapping[str, str] = {
    ONE_CALL: "another gradient at the inputs, for a random signed cotangent",
    "raises": "it raises",
    "count": "too many or too few gradients",
    "None": "no gradient where there must be one, or one where there must be none",
    "shape": "a gradient has another shape than its input",
    "dtype": "a gradient has another type than its input",
    "not finite": "a gradient that is finite is not",
    "writes to the inputs": "the inputs are others after a call",
    "writes to the cotangent": "the cotangent is another after a call",
    "writes to what was saved": "what the forward pass saved is another after a call",
    "shares memory": "a gradient is in the memory of an input, of the cotangent or of another gradient",
    "a second call": "a second call for what was saved, or one after a call for other inputs, answers otherwise",
    "the first result after a second call": "the gradients that were returned are others after another call",
    "another forward pass": "another forward pass in between changes the gradients",
    "inputs in Fortran order": "it fails for inputs in another memory order",
    "a cotangent in Fortran order": "it fails for a cotangent in another memory order",
    "a strided cotangent": "it fails for a cotangent that is a part of a larger array",
    "a large cotangent": "it fails for a cotangent with large numbers",
    "a small cotangent": "it fails for a cotangent with small numbers",
    "a positive cotangent": "it fails for a cotangent with positive numbers",
    "a cotangent of zeros": "it fails for a cotangent of zeros",
    "elsewhere": "it fails at other inputs",
}
"""How a mistake shows, and what that means."""


class Drawn:
    """What draws inputs of its own, the same for the same seed."""

    name: str
    inputs: Draw

    def draw(self, seed: int = 0) -> tuple[Any, ...]:
        """The inputs, the same for the same seed."""
        return self.inputs(np.random.default_rng([seed, *self.name.encode()]))

    @property
    def family(self) -> str:
        """The function that is differentiated, which several have in common: the name up to its colon."""
        return self.name.partition(":")[0]


@dataclass(frozen=True, kw_only=True)
class Mistake(Drawn):
    """A wrong backward pass.

    ``backward`` and ``right`` are called alike: ``(d_output, *inputs) -> tuple``, or with ``saved=True``, where the
    forward pass returns ``(output, saved)``, ``(d_output, saved) -> tuple or dict``. ``kind`` is what must be named,
    ``or_kind`` what is as good a name; ``culprits`` are the positions of the inputs whose gradient is wrong, None for
    a broken contract that concerns no input. ``hard`` places are kinks, ties, edges of domains, saturation, bad
    conditioning. ``shown_by`` is one of ``WAYS``; with "elsewhere", ``elsewhere`` makes inputs that show it of the
    given ones. ``right_forward`` is there where the mistake is in what the forward pass saves. ``options`` go to the
    checker. What remembers calls is ``made``, and made anew by ``fresh``.
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
    shown_by: str = ONE_CALL
    elsewhere: Callable[..., tuple[Any, ...]] | None = None
    right_forward: Callable[..., Any] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    made: Made | None = None

    def __post_init__(self) -> None:
        if self.shown_by not in WAYS:
            raise ValueError(f"{self.name} is shown by {self.shown_by!r}, which is none of WAYS")
        if (self.shown_by == "elsewhere") != (self.elsewhere is not None):
            raise ValueError(f"{self.name}: other inputs go with shown_by='elsewhere', and only with it")

    def fresh(self) -> Self:
        """The same mistake, with passes that remember no call."""
        if self.made is None:
            return self
        forward, backward, right = self.made()
        return replace(self, forward=forward, backward=backward, right=right)

    def righted(self) -> Correct:
        """The right pass at the same inputs, remembering no call."""
        one = self.fresh()
        return Correct(
            name=one.name,
            forward=one.right_forward or one.forward,
            backward=one.right,
            inputs=one.inputs,
            saved=one.saved,
            hard=one.hard,
            options=one.options,
        )


@dataclass(frozen=True, kw_only=True)
class Correct(Drawn):
    """A right backward pass, which must not be rejected; fields as those of ``Mistake``."""

    name: str
    forward: Callable[..., Any]
    backward: Callable[..., Any]
    inputs: Draw
    saved: bool = False
    hard: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)
    made: Made | None = None

    def fresh(self) -> Self:
        """The same, with passes that remember no call."""
        if self.made is None:
            return self
        forward, _, right = self.made()
        return replace(self, forward=forward, backward=right)


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
    changed = types.ModuleType(module.__name__)
    changed.__file__ = module.__file__
    exec(compile(source, f"<{module.__name__}, changed>", "exec"), changed.__dict__)
    return getattr(changed, function.__name__)


def of_layer(
    layer: str,
    what: str,
    *changes: tuple[str, str],
    inputs: Draw,
    kind: str,
    culprits: tuple[int, ...] | None,
    or_kind: tuple[str, ...] = (),
    hard: bool = False,
    shown_by: str = ONE_CALL,
    elsewhere: Callable[..., tuple[Any, ...]] | None = None,
    options: Mapping[str, Any] | None = None,
    **layer_options: Any,
) -> Mistake:
    """A mistake in the backward pass of a layer, made by changing its source; ``layer_options`` go to its forward."""
    one = LAYERS[layer]

    def made() -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
        return _with(one.forward, layer_options), mutated(one.backward, *changes), one.backward

    forward, backward, right = made()
    return Mistake(
        name=f"{layer}: {what}",
        forward=forward,
        backward=backward,
        right=right,
        inputs=inputs,
        kind=kind,
        culprits=culprits,
        or_kind=or_kind,
        saved=True,
        hard=hard,
        shown_by=shown_by,
        elsewhere=elsewhere,
        options=options or {},
        made=made,
    )


def right_layer(layer: str, what: str, *, inputs: Draw, hard: bool = True, **layer_options: Any) -> Correct:
    """The right passes of a layer at these inputs."""
    one = LAYERS[layer]

    def made() -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
        return _with(one.forward, layer_options), one.backward, one.backward

    forward, backward, _ = made()
    return Correct(
        name=f"{layer}: {what}", forward=forward, backward=backward, inputs=inputs, saved=True, hard=hard, made=made
    )


def _with(forward: Callable[..., Any], layer_options: Mapping[str, Any]) -> Callable[..., Any]:
    """The forward pass with these options, of which it has copies of its own: running averages are written to."""
    return partial(forward, **copy.deepcopy(dict(layer_options))) if layer_options else forward
