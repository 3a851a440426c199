"""A point at which both passes are looked at: inputs, outputs, cotangents, and what backward claims for them.

Data
    ``Place``  a forward pass at some inputs, the cotangents that were sent, the gradients that came back, and how far
               rounding may have moved them.

The three most important functions are ``Place.claims`` (the gradients for a cotangent), ``Place.noise`` (rounding of
backward, measured) and ``shaped`` (whether gradients have the form that the inputs ask for).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verify.backward_pass.cotangents import Cotangent, flat, mixed, one_hot, signed
from verify.backward_pass.slope import STEP, typical
from verify.backward_pass.subject import Broken, Subject, is_floating, twin
from verify.differences import EPS

__all__ = ["Place", "largest", "nudged", "shaped"]

# What sums in another order, or inputs that differ in the last place, may change a gradient by.
REORDERED = 64.0
# Rounding changes a gradient by less than this share of its largest entry.
JUMP = 1e-3
# At other points than the given one gross mistakes are looked for: so many times larger ones.
GROSS = 1e4
# A type that resolves less is a narrow one.
FINE = 1e-12


class Place:
    """Both passes at one point. ``label`` says which; None is the given inputs. ``tolerance`` is the share of a
    gradient that may change from call to call. ``reference`` has the sizes of slopes at the given inputs.

    Raises: Broken when a pass raises, or the gradients have not the form of the inputs.
    """

    def __init__(
        self,
        subject: Subject,
        inputs: Sequence[Any],
        rng: np.random.Generator,
        label: str | None = None,
        tolerance: float = 0.0,
        atol: float | None = None,
        rtol: float | None = None,
        step: float | None = None,
    ) -> None:
        self.subject = subject
        self.inputs = list(inputs)
        self.rng = rng
        self.label = label
        self.tolerance = tolerance
        self.atol = atol
        self.rtol = rtol
        self.given_step = step
        self.passed = subject.forward([twin(x) for x in self.inputs])
        self.outputs = self.passed.outputs
        self.floating = [k for k, x in enumerate(self.inputs) if is_floating(x)]
        self.cotangents: dict[str, Cotangent] = {
            "signed": signed(self.outputs, rng),
            "mixed": mixed(self.outputs, rng),
            "one-hot": one_hot(self.outputs, rng),
        }
        self.reference: dict[int, float] = {}
        self.returned: dict[str, list[Any]] = {}
        self._claims: dict[str, list[Any]] = {}

    @cached_property
    def centre(self) -> NDArray[np.float64]:
        """All outputs in a row."""
        return flat(self.outputs)

    @cached_property
    def resolution(self) -> float:
        """The last place of the coarsest type of an output, relative to 1."""
        return max((float(np.finfo(y.dtype).eps) for y in self.outputs if y.dtype.kind == "f"), default=EPS)

    @cached_property
    def coarse(self) -> bool:
        """Whether outputs are in a narrow type, so that differences need long steps."""
        return self.resolution > FINE

    @property
    def nothing(self) -> float:
        """A slope below this share of the outputs' size is nothing beside their rounding."""
        return EPS if self.label is None else GROSS * EPS

    @cached_property
    def step(self) -> float:
        """The finest step of differences, in typical sizes of an input."""
        if self.given_step is not None:
            return self.given_step
        return self.resolution ** (1 / 3) if self.coarse else STEP

    @cached_property
    def finite(self) -> bool:
        """Whether every output is a finite number."""
        return bool(np.all(np.isfinite(self.centre)))

    @cached_property
    def u(self) -> NDArray[np.float64]:
        """The cotangents, one in a row: (k, m)."""
        return np.array([flat(one) for one in self.cotangents.values()])

    def claims(self, name: str = "signed") -> list[Any]:
        """What backward says of this cotangent, one gradient for every input; copies of what was ``returned``."""
        if name not in self._claims:
            gradients = self.passed.gradients([part.copy() for part in self.cotangents[name]])
            shaped(self, gradients)
            self.returned[name] = gradients
            self._claims[name] = [None if one is None else np.array(one) for one in gradients]
        return self._claims[name]

    @cached_property
    def size(self) -> float:
        """The size of the terms of ``<u, f>`` for the ordinary cotangent."""
        return float(np.abs(self.u[0]) @ np.abs(self.centre)) if self.finite else np.inf

    @cached_property
    def moved(self) -> list[Any] | None:
        """The gradients at inputs that differ in their last place; None where there are none."""
        try:
            return self.subject.forward([nudged(x, self.rng) for x in self.inputs]).gradients(
                self.cotangents["signed"]
            )
        except Broken:
            return None

    @cached_property
    def floor(self) -> list[float]:
        """The last places of each gradient, and of what it is a slope of: what sums in another order may change."""
        found = []
        for k, (x, gradient) in enumerate(zip(self.inputs, self.claims(), strict=True)):
            if gradient is None or k not in self.floating or not np.size(x):
                found.append(0.0)
                continue
            eps = float(np.finfo(np.asarray(x).dtype).eps)
            size = self.size / typical(x) if np.isfinite(self.size) else 0.0
            found.append(self.tolerance * largest(gradient) + eps * (largest(gradient) + size))
        return found

    @cached_property
    def least_changes(self) -> list[Any]:
        """The last place of each entry of each gradient."""
        return [
            None
            if k not in self.floating or gradient is None
            else (float(np.finfo(np.asarray(x).dtype).eps) + self.tolerance)
            * np.abs(np.asarray(gradient, np.float64))
            for k, (x, gradient) in enumerate(zip(self.inputs, self.claims(), strict=True))
        ]

    @cached_property
    def changes(self) -> list[Any]:
        """By how much each entry changes where inputs differ in their last place, and its own last place."""
        found = list(self.least_changes)
        for k in self.floating:
            gradient, other = self.claims()[k], None if self.moved is None else self.moved[k]
            if other is not None and np.shape(other) == np.shape(gradient) and np.size(gradient):
                change = np.abs(np.subtract(other, gradient, dtype=np.float64))
                # what changes by more is a kink or a tie, and no rounding
                found[k] = found[k] + np.where(change <= JUMP * largest(gradient), change, 0.0)
        return found

    @cached_property
    def noise(self) -> list[float]:
        """By how much rounding may have moved an entry of each gradient: the largest of its ``changes``, never below
        ``floor``.
        """
        return [
            floor + (0.0 if change is None else largest(change))
            for floor, change in zip(self.floor, self.changes, strict=True)
        ]


def largest(value: Any) -> float:
    """The largest magnitude, 0 of nothing; NaN counts as nothing."""
    return float(np.fmax.reduce(np.abs(value), axis=None)) if np.size(value) else 0.0


def nudged(x: Any, rng: np.random.Generator) -> Any:
    """An input whose floating-point numbers differ in the last place."""
    if not is_floating(x):
        return x
    value = np.asarray(x)
    away = rng.choice((-np.inf, np.inf), value.shape).astype(value.dtype)
    # 0 stays: its next numbers are of another kind
    return np.where((value == 0) | ~np.isfinite(value), value, np.nextafter(value, away))


def shaped(place: Place, gradients: Sequence[Any]) -> None:
    """Raises: Broken when a gradient is missing, or has another shape or kind than its input."""
    names = place.subject.names
    for k, (x, gradient) in enumerate(zip(place.inputs, gradients, strict=True)):
        if k not in place.floating:
            if gradient is not None and np.asarray(gradient).dtype != object and _real_input(x):
                raise Broken(f"backward returned a gradient of {names[k]}, which holds {_holds(x)}: it gets None", k)
            continue
        if gradient is None:
            if type(x) is float:
                continue  # a Python number may be an option
            raise Broken(f"backward returned no gradient of {names[k]}", k)
        value = np.asarray(gradient)
        if value.dtype.kind not in "fiu":
            raise Broken(f"the gradient of {names[k]} holds {value.dtype}: expected real numbers", k)
        if value.shape != np.shape(x):
            same = " (it only broadcasts)" if _broadcasts(value.shape, np.shape(x)) else ""
            raise Broken(f"the gradient of {names[k]} has shape {value.shape}, the input {np.shape(x)}{same}", k)


def _real_input(x: Any) -> bool:
    return isinstance(x, (np.ndarray, np.generic, bool, int))


def _holds(x: Any) -> str:
    return str(np.asarray(x).dtype)


def _broadcasts(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    try:
        np.broadcast_shapes(one, other)
    except ValueError:
        return False
    return True
