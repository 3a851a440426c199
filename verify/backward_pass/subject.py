"""The two functions under examination, made uniform: whatever their style, they are called and answer in one way.

Data
    ``Subject``   forward and backward as given, the names of the inputs, how often both were called.
    ``Passed``    one forward pass: outputs, and the backward pass that belongs to it.
    ``Broken``    what was raised, or returned, where gradients were expected: a broken contract.

The three most important functions are ``Subject.forward`` (a forward pass), ``Passed.gradients`` (its backward pass)
and ``Subject.values`` (the outputs alone, flat, for differences; ``Subject.imaginary`` for the complex step).
"""

from __future__ import annotations

import functools
import inspect
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Broken", "Passed", "Subject", "is_floating", "twin"]

Array = NDArray[Any]


class Broken(Exception):
    """A promise that a pass did not keep; ``culprit`` is the position of the input that it concerns, if one."""

    def __init__(self, message: str, culprit: int | None = None, trace: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.culprit = culprit
        self.trace = trace


class Subject:
    """A forward and a backward pass.

    ``saved`` says how they are called: ``forward(*inputs) -> output`` and ``backward(d_output, *inputs)``, or
    ``forward(*inputs) -> (output, saved)`` and ``backward(d_output, saved)``. An output may be a tuple, then so is
    ``d_output``. Gradients are a tuple with one for every input, None for those that hold no floating-point numbers;
    or a dictionary by the names of the inputs; or, of a single input, the array itself.
    """

    def __init__(
        self,
        forward: Callable[..., Any],
        backward: Callable[..., Any],
        inputs: Sequence[Any],
        *,
        saved: bool,
        names: Sequence[str] | None = None,
    ) -> None:
        self.given_forward = forward
        self.given_backward = backward
        self.saved = saved
        parameters = _parameters(forward) if names is None else list(names)
        self.names = _names(parameters, len(inputs), _rest(forward))
        self.not_given = tuple(parameters[len(inputs) :])
        self.takes_complex = True
        self.forwards = 0
        self.backwards = 0

    def forward(self, inputs: Sequence[Any]) -> Passed:
        """A forward pass at these inputs. Raises: Broken when it raises, or returns no real arrays."""
        self.forwards += 1
        try:
            result = self.given_forward(*inputs)
        except Exception as error:
            raise Broken(f"forward raised {_said(error)}", trace=_trace(error)) from error
        kept: Any = None
        if self.saved:
            if not isinstance(result, tuple) or len(result) != 2:
                raise Broken(f"forward returned {_form(result)}: with saved=True it returns (output, saved)")
            result, kept = result
        many = isinstance(result, (tuple, list))
        outputs = tuple(_real(part, "forward's output") for part in (result if many else (result,)))
        return Passed(self, inputs, outputs, many, kept)

    def values(self, inputs: Sequence[Any]) -> NDArray[np.float64]:
        """All outputs, flat and one after the other; NaN where the forward pass fails.

        Raises: whatever a forward pass raises but errors of arithmetic and of values, which leaving the domain gives.
        """
        self.forwards += 1
        try:
            result = self.given_forward(*inputs)
        except (ArithmeticError, ValueError):
            return np.full(1, np.nan)
        if self.saved:
            result = result[0]
        if isinstance(result, (tuple, list)):
            return np.concatenate([np.asarray(part, np.float64).ravel() for part in result])
        return np.asarray(result, np.float64).ravel()

    def imaginary(self, inputs: Sequence[Any]) -> NDArray[np.float64] | None:
        """The imaginary parts of all outputs, None when the forward pass does not take complex numbers."""
        if not self.takes_complex:
            return None
        self.forwards += 1
        try:
            result = self.given_forward(*inputs)
            result = result[0] if self.saved else result
            parts = [np.asarray(part) for part in (result if isinstance(result, (tuple, list)) else (result,))]
            self.takes_complex = all(part.dtype.kind == "c" for part in parts)
        except Exception:  # whatever a function does about complex numbers, differences remain
            self.takes_complex = False
        return np.concatenate([part.imag.ravel() for part in parts]) if self.takes_complex else None

    def position(self, name: str) -> int | None:
        """The position of the input with this name."""
        return self.names.index(name) if name in self.names else None

    def answered(self, result: Any, inputs: Sequence[Any]) -> list[Any]:
        """What backward returned, as one gradient for every input, None where it gave none.

        Raises: Broken when gradients are missing or there are too many.
        """
        if isinstance(result, Mapping):
            found: list[Any] = [None] * len(inputs)
            for name, gradient in result.items():
                place = self.position(name)
                if place is None and name in self.not_given:
                    culprit = len(self.names) + self.not_given.index(name)
                    raise Broken(
                        f"backward returned a gradient of {name}, which was not given: an extra one", culprit
                    )
                if place is None:
                    raise Broken(
                        f"backward returned a gradient of {name!r}, the inputs are {', '.join(self.names)}: "
                        "an extra gradient"
                    )
                found[place] = gradient
            return found
        if isinstance(result, (tuple, list)):
            if len(result) != len(inputs):
                few = "too few" if len(result) < len(inputs) else "an extra gradient"
                raise Broken(
                    f"backward returned {len(result)} gradient{'s' * (len(result) != 1)} for {len(inputs)} "
                    f"input{'s' * (len(inputs) != 1)}: {few} (an input without a gradient gets None)"
                )
            return list(result)
        if len(inputs) == 1:
            return [result]
        raise Broken(
            f"backward returned {_form(result)}: expected a tuple of {len(inputs)} gradients, or a dictionary by name"
        )


class Passed:
    """One forward pass; backward may be called on it again and again."""

    def __init__(
        self, subject: Subject, inputs: Sequence[Any], outputs: tuple[Array, ...], many: bool, kept: Any
    ) -> None:
        self.subject = subject
        self.inputs = inputs
        self.outputs = outputs
        self.many = many
        self.kept = kept

    def raw(self, d_outputs: Sequence[Array]) -> Any:
        """What backward returns for these cotangents. Raises: Broken when it raises."""
        subject = self.subject
        subject.backwards += 1
        d_output = tuple(d_outputs) if self.many else d_outputs[0]
        try:
            if subject.saved:
                return subject.given_backward(d_output, self.kept)
            return subject.given_backward(d_output, *self.inputs)
        except Exception as error:
            raise Broken(f"backward raised {_said(error)}", trace=_trace(error)) from error

    def gradients(self, d_outputs: Sequence[Array]) -> list[Any]:
        """A gradient for every input, None where there is none. Raises: Broken as ``Subject.answered``."""
        return self.subject.answered(self.raw(d_outputs), self.inputs)


def is_floating(value: Any) -> bool:
    """Whether this is an array of floating-point numbers, or one such number of NumPy or Python."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.dtype.kind == "f"
    return isinstance(value, float)


def twin(value: Any) -> Any:
    """A copy of an input in the memory order that it has."""
    return value.copy(order="K") if isinstance(value, np.ndarray) else value


def _real(part: Any, what: str) -> Array:
    array = np.asarray(part)
    if array.dtype.kind not in "fiub":
        raise Broken(f"{what} is {_form(part)}: expected an array of real numbers")
    return array


def _signature(function: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return []


def _parameters(forward: Callable[..., Any]) -> list[str]:
    """The names of the parameters that may be given by position."""
    return [one.name for one in _signature(forward) if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]


def _rest(forward: Callable[..., Any]) -> str:
    """The name of the parameter that takes all further arguments."""
    return next((one.name for one in _signature(forward) if one.kind is one.VAR_POSITIONAL), "")


def _names(parameters: Sequence[str], count: int, rest: str) -> tuple[str, ...]:
    """A name for every input."""
    names = tuple(parameters[:count])
    return (*names, *(f"{rest}[{k}]" if rest else f"input {len(names) + k}" for k in range(count - len(names))))


def _said(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _trace(error: BaseException) -> str:
    """The last lines of a traceback, those in the user's own code."""
    return "".join(traceback.format_exception(type(error), error, error.__traceback__)[-4:]).rstrip()


@functools.cache
def _article(name: str) -> str:
    return ("an " if name[:1] in "aeiou" else "a ") + name


def _form(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} that holds {value.dtype}"
    return "None" if value is None else _article(type(value).__name__)
