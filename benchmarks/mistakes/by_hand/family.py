"""A forward pass, its right backward pass, and the wrong ones people write for it.

Data
    ``Family``  makes the mistakes and the right passes of one forward pass.

The most important functions are ``normal`` and ``uniform`` (inputs with short decimals).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.mistakes.mistake import ONE_CALL, Correct, Draw, Made, Mistake

__all__ = ["Family", "chained", "elementwise", "normal", "switched", "uniform"]


@dataclass(frozen=True, kw_only=True)
class Family:
    """One forward pass with its right backward pass; ``inputs`` draws its inputs."""

    name: str
    forward: Callable[..., Any]
    right: Callable[..., Any]
    inputs: Draw
    saved: bool = False

    def wrong(
        self,
        what: str,
        backward: Callable[..., Any],
        kind: str,
        culprits: tuple[int, ...] | None,
        *or_kind: str,
        inputs: Draw | None = None,
        forward: Callable[..., Any] | None = None,
        hard: bool = False,
        shown_by: str = ONE_CALL,
        elsewhere: Callable[..., tuple[Any, ...]] | None = None,
        made: Made | None = None,
    ) -> Mistake:
        """A mistake; ``or_kind`` are as good names for it as ``kind``."""
        return Mistake(
            name=f"{self.name}: {what}",
            forward=forward or self.forward,
            backward=backward,
            right=self.right,
            inputs=inputs or self.inputs,
            kind=kind,
            culprits=culprits,
            or_kind=or_kind,
            saved=self.saved,
            hard=hard,
            shown_by=shown_by,
            elsewhere=elsewhere,
            made=made,
        )

    def remembering(self, what: str, pair: Callable[[], Any], *about: Any, **more: Any) -> Mistake:
        """A mistake of passes with a memory: ``pair`` makes a forward pass and a backward pass, each time anew."""

        def made() -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
            forward, backward = pair()
            return forward, backward, self.right

        forward, backward = pair()
        return self.wrong(what, backward, *about, forward=forward, made=made, **more)

    def correct(
        self, what: str, *, inputs: Draw | None = None, hard: bool = True, made: Made | None = None
    ) -> Correct:
        """The right pass, at these inputs."""
        return Correct(
            name=f"{self.name}: {what}",
            forward=self.forward,
            backward=self.right,
            inputs=inputs or self.inputs,
            saved=self.saved,
            hard=hard,
            made=made,
        )


def elementwise(name: str, function: Callable[[Any], Any], slope: Callable[[Any], Any], inputs: Draw) -> Family:
    """The family of a function of every entry."""
    return Family(name=name, forward=function, right=chained(slope), inputs=inputs)


def chained(slope: Callable[[Any], Any]) -> Callable[..., Any]:
    """The backward pass of a function of every entry, from its derivative."""
    return lambda d_y, x: (d_y * slope(x),)


def normal(*shapes: tuple[int, ...], scale: float = 1.0) -> Draw:
    """Normal inputs of these shapes; none is 0, where many functions have a kink."""

    def drawn(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
        x = np.asarray(np.round(scale * rng.standard_normal(shape), 3))
        return np.where(x == 0, 1e-3, x)

    return lambda rng: tuple(drawn(rng, shape) for shape in shapes)


def uniform(low: float, high: float, *shapes: tuple[int, ...]) -> Draw:
    """Uniform inputs of these shapes."""
    return lambda rng: tuple(np.asarray(np.round(rng.uniform(low, high, shape), 3)) for shape in shapes)


def switched(backward: Callable[..., Any], **switches: Any) -> Callable[..., Any]:
    """The backward pass of a cotangent and what was saved, with these switches."""
    return lambda d, saved: backward(d, saved, **switches)
