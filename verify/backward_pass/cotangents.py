"""Cotangents of every kind: what upstream layers send, and what hides or breaks in a backward pass.

Data: a cotangent is a tuple of arrays, one for each output, in the outputs' shapes and types.

The three most important functions are ``signed`` (an ordinary one), ``LAYOUTS`` (the same numbers laid out in memory
as frameworks do) and ``combined`` (a linear combination).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verify.backward_pass.subject import Array

__all__ = ["INPUT_LAYOUTS", "LAYOUTS", "combined", "flat", "mixed", "one_hot", "signed", "unflattened", "zero"]

Cotangent = tuple[Array, ...]


def signed(outputs: Sequence[Array], rng: np.random.Generator) -> Cotangent:
    """Numbers of both signs, none small."""
    return tuple(_like(rng.uniform(0.5, 1.5, y.shape) * rng.choice((-1.0, 1.0), y.shape), y) for y in outputs)


def mixed(outputs: Sequence[Array], rng: np.random.Generator) -> Cotangent:
    """Numbers of both signs and of magnitudes from 1/100 to 100."""
    return tuple(
        _like(10.0 ** rng.uniform(-2.0, 2.0, y.shape) * rng.choice((-1.0, 1.0), y.shape), y) for y in outputs
    )


def one_hot(outputs: Sequence[Array], rng: np.random.Generator) -> Cotangent:
    """One entry of one output alone."""
    found = tuple(np.zeros(y.shape, _dtype(y)) for y in outputs)
    filled = [part for part, y in zip(found, outputs, strict=True) if part.size and y.dtype.kind == "f"]
    if filled:
        part = filled[rng.integers(len(filled))]
        part.flat[rng.integers(part.size)] = 1.0
    return found


def zero(outputs: Sequence[Array]) -> Cotangent:
    """Nothing comes back."""
    return tuple(np.zeros(y.shape, _dtype(y)) for y in outputs)


def combined(a: float, u: Cotangent, b: float, v: Cotangent) -> Cotangent:
    """``a u + b v``, in the types of u."""
    return tuple(np.asarray(a * one + b * other, one.dtype) for one, other in zip(u, v, strict=True))


def flat(cotangent: Sequence[Array]) -> NDArray[np.float64]:
    """All numbers in a row."""
    if len(cotangent) == 1:
        return np.asarray(cotangent[0], np.float64).ravel()
    return np.concatenate([np.asarray(part, np.float64).ravel() for part in cotangent])


def unflattened(values: Any, outputs: Sequence[Array]) -> Cotangent:
    """A cotangent from all its numbers in a row."""
    parts, start = [], 0
    for y in outputs:
        parts.append(_like(np.reshape(values[start : start + y.size], y.shape), y))
        start += y.size
    return tuple(parts)


def _dtype(y: Array) -> Any:
    return y.dtype if y.dtype.kind == "f" else np.float64


def _like(values: Any, y: Array) -> Array:
    """These numbers for an output; 0 for one that holds no floating-point numbers, and has no derivative."""
    return np.asarray(values if y.dtype.kind == "f" else 0.0 * np.asarray(values), _dtype(y))


# ---------------------------------------------------------------------------------------------------------- layouts


def fortran(value: Array) -> Array:
    """Columns first."""
    return np.asarray(value, order="F")


def strided(value: Array) -> Array:
    """Every second number of a wider array."""
    if not value.ndim:
        return value
    wide = np.full((*value.shape[:-1], 2 * value.shape[-1]), 7.0, value.dtype)
    wide[..., ::2] = value
    return wide[..., ::2]


def reversed_(value: Array) -> Array:
    """Read backwards: a negative stride."""
    return np.ascontiguousarray(value[::-1])[::-1] if value.ndim else value


def read_only(value: Array) -> Array:
    """Not to be written to."""
    frozen = value.copy(order="K")
    frozen.flags.writeable = False
    return frozen


LAYOUTS: Mapping[str, Callable[[Array], Array]] = {
    "Fortran-ordered": fortran,
    "strided": strided,
    "reversed in memory": reversed_,
    "read-only": read_only,
}
INPUT_LAYOUTS: Mapping[str, Callable[[Array], Array]] = {
    "Fortran-ordered and read-only": lambda value: read_only(fortran(value)),
    "strided and reversed in memory": lambda value: strided(value[::-1])[::-1] if value.ndim else value,
}
