"""Straight-line NumPy programs from all operations that are understood, drawn as lists of small integers.

Data
    ``Step``     an operation, the values that it takes, and a number that it may choose by.
    ``Plan``     steps that NumPy itself carries out at two assignments of sizes; ``Plan.function`` is the function.

``planned`` makes a plan of any integers: what NumPy refuses, or what leaves the finite numbers, is left out.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.special import erf, expit, log_softmax, logsumexp, softmax

Array = Any
Sizes = dict[str, int]

SHAPES = {"X": ("n", "d"), "W": ("d", "k"), "v": ("d",), "S": ("d", "d"), "T": ("n", "d", "k")}
ASSIGNED: tuple[Sizes, Sizes] = ({"n": 4, "d": 3, "k": 2}, {"n": 2, "d": 5, "k": 3})
LARGEST, MOST_ENTRIES, MOST_AXES = 1e4, 400, 4


def _axis(a: Array, m: int) -> int:
    return m % a.ndim


def _definite(a: Array) -> Array:
    return a @ a.T + 2 * np.eye(a.shape[0])


def _buffer(a: Array, b: Array) -> Array:
    out = np.zeros((a.shape[0], a.shape[1] + 1))
    out[:, 1:] = a
    out[:, 0] = b
    return out


def _accumulated(a: Array) -> Array:
    out = np.zeros_like(a)
    for m in range(2):
        out += a ** (m + 1) / (m + 2)
    return out


def _interleaved(a: Array) -> Array:
    out = np.zeros((2 * a.shape[0], a.shape[1]))
    out[0::2] = a
    out[1::2] = np.sin(a)
    return out


def _picked(a: Array, m: int) -> Array:
    return a[np.array([0, 1, 1, 0, m % 2])]


def _along(a: Array) -> Array:
    return np.take_along_axis(a, np.argmax(a, axis=1)[:, None], axis=1)


ONE: dict[str, Callable[[Array, int], Array]] = {
    "exp": lambda a, m: np.exp(-np.abs(a)),
    "log": lambda a, m: np.log(a * a + 1.5),
    "log1p": lambda a, m: np.log1p(a * a),
    "expm1": lambda a, m: np.expm1(np.tanh(a)),
    "sqrt": lambda a, m: np.sqrt(a**2 + 0.3),
    "sin": lambda a, m: np.sin(a),
    "cos": lambda a, m: np.cos(a) * a,
    "tan": lambda a, m: np.tan(np.tanh(a)),
    "sinh": lambda a, m: np.sinh(np.tanh(a)),
    "cosh": lambda a, m: np.cosh(np.sin(a)),
    "tanh": lambda a, m: np.tanh(a),
    "arctan": lambda a, m: np.arctan(a),
    "power": lambda a, m: a ** (m % 3 + 1) / 2,
    "reciprocal": lambda a, m: 1 / (1 + a * a),
    "real power": lambda a, m: (a * a + 1) ** 1.5 / 4,
    "abs": lambda a, m: np.abs(a),
    "sign": lambda a, m: np.sign(a) * a,
    "square": lambda a, m: np.square(a) / 3,
    "relu": lambda a, m: np.maximum(a, 0),
    "leaky": lambda a, m: np.minimum(0.3 * a, a),
    "clip": lambda a, m: np.clip(a, -0.5, 1.5),
    "where": lambda a, m: np.where(a > 0.1, a, 0.2 * a**2),
    "expit": lambda a, m: expit(a),
    "sigmoid": lambda a, m: 1 / (1 + np.exp(-a)),
    "softplus": lambda a, m: np.log(1 + np.exp(a)),
    "logaddexp": lambda a, m: np.logaddexp(a, 0.5),
    "erf": lambda a, m: erf(a),
    "softmax": lambda a, m: softmax(a, axis=_axis(a, m)),
    "spelled softmax": lambda a, m: np.exp(a) / np.exp(a).sum(axis=_axis(a, m), keepdims=True),
    "log softmax": lambda a, m: log_softmax(a, axis=_axis(a, m)),
    "logsumexp": lambda a, m: logsumexp(a, axis=_axis(a, m), keepdims=True),
    "sum": lambda a, m: a.sum(axis=_axis(a, m)),
    "sum kept": lambda a, m: a.sum(axis=_axis(a, m), keepdims=True) * a,
    "mean": lambda a, m: a - a.mean(axis=_axis(a, m), keepdims=True),
    "mean of all": lambda a, m: a * a.mean(),
    "var": lambda a, m: a.var(axis=_axis(a, m)),
    "std": lambda a, m: a / (0.5 + a.std(axis=_axis(a, m), keepdims=True)),
    "ddof": lambda a, m: np.var(a, axis=_axis(a, m), ddof=1),
    "normalised": lambda a, m: (a - a.mean(axis=-1, keepdims=True)) / np.sqrt(a.var(axis=-1, keepdims=True) + 0.2),
    "prod": lambda a, m: np.prod(np.tanh(a) + 1.2, axis=_axis(a, m)),
    "max": lambda a, m: a.max(axis=_axis(a, m)),
    "min": lambda a, m: a - np.min(a, axis=_axis(a, m), keepdims=True),
    "cumsum": lambda a, m: np.cumsum(a, axis=_axis(a, m)),
    "norm": lambda a, m: np.linalg.norm(a, axis=_axis(a, m)),
    "norm of all": lambda a, m: a / np.linalg.norm(a),
    "one norm": lambda a, m: np.linalg.norm(a, 1, axis=_axis(a, m)),
    "transposed": lambda a, m: a.T,
    "turned": lambda a, m: a.transpose(*range(1, a.ndim), 0),
    "swapped": lambda a, m: np.swapaxes(a, 0, -1) * 1.5,
    "moved": lambda a, m: np.moveaxis(a, 0, -1),
    "expanded": lambda a, m: np.expand_dims(a, m % (a.ndim + 1)),
    "squeezed": lambda a, m: np.squeeze(a.sum(axis=0, keepdims=True), axis=0),
    "raveled": lambda a, m: a.ravel(),
    "reshaped": lambda a, m: a.reshape(-1, a.shape[-1]),
    "merged": lambda a, m: a.reshape(a.shape[0], -1),
    "concatenated": lambda a, m: np.concatenate([a, np.sin(a)], axis=_axis(a, m)),
    "stacked": lambda a, m: np.stack([a, a * a], axis=m % (a.ndim + 1)),
    "split": lambda a, m: np.multiply(*np.split(np.concatenate([a, np.cos(a)], axis=0), 2, axis=0)),
    "padded": lambda a, m: np.pad(a, [(1, 2)] + [(0, 0)] * (a.ndim - 1)),
    "flipped": lambda a, m: np.flip(a, axis=_axis(a, m)),
    "rolled": lambda a, m: np.roll(a, m % 3 - 1, axis=_axis(a, m)),
    "tiled": lambda a, m: np.tile(a, 2),
    "repeated": lambda a, m: np.repeat(a, 2, axis=_axis(a, m)),
    "tril": lambda a, m: np.tril(a, m % 3 - 1),
    "triu": lambda a, m: np.triu(a, m % 2),
    "first": lambda a, m: a[0],
    "last": lambda a, m: a[..., -1],
    "tail": lambda a, m: a[1:],
    "every second": lambda a, m: a[::2],
    "reversed": lambda a, m: a[::-1] * 0.7,
    "differences": lambda a, m: a[1:] - a[:-1],
    "diff": lambda a, m: np.diff(a, axis=_axis(a, m)),
    "gathered": lambda a, m: _picked(a, m),
    "along": lambda a, m: _along(a),
    "windows": lambda a, m: sliding_window_view(a, 2, axis=0).sum(axis=-1),
    "diagonal": lambda a, m: np.diag(a),
    "trace": lambda a, m: np.trace(a) * a,
    "broadcast": lambda a, m: np.broadcast_to(a, (2, *a.shape)),
    "inv": lambda a, m: np.linalg.inv(_definite(a)),
    "det": lambda a, m: np.linalg.det(np.eye(a.shape[0]) + 0.1 * a) * a,
    "slogdet": lambda a, m: np.linalg.slogdet(_definite(a))[1] + a,
    "cholesky": lambda a, m: np.linalg.cholesky(_definite(a)),
    "matrix power": lambda a, m: np.linalg.matrix_power(a / 2, m % 3 + 1),
    "accumulated": lambda a, m: _accumulated(a),
    "interleaved": lambda a, m: _interleaved(a),
    "gram": lambda a, m: a.T @ a / 2,
    "einsum trace": lambda a, m: np.einsum("ii->i", a),
    "einsum": lambda a, m: np.einsum("ij,ij->i", a, np.sin(a)),
    "half": lambda a, m: a[: (a.shape[0] + 1) // 2],
    "by size": lambda a, m: a / np.sqrt(a.shape[-1]) + 1 / len(a),
    "comprehension": lambda a, m: sum(np.sin(c * a) for c in (1.0, 2.0)),
}  # fmt: skip

TWO: dict[str, Callable[[Array, Array, int], Array]] = {
    "add": lambda a, b, m: a + b,
    "subtract": lambda a, b, m: a - 0.5 * b,
    "multiply": lambda a, b, m: a * b,
    "divide": lambda a, b, m: a / (1 + b * b),
    "maximum": lambda a, b, m: np.maximum(a, b),
    "minimum": lambda a, b, m: np.minimum(a, 2 * b),
    "where": lambda a, b, m: np.where(a > b, a * b, b),
    "logaddexp": lambda a, b, m: np.logaddexp(a, b),
    "column": lambda a, b, m: a[..., None] * b,
    "matmul": lambda a, b, m: a @ b,
    "matmul transposed": lambda a, b, m: a @ b.T,
    "dot": lambda a, b, m: np.dot(a, b),
    "outer": lambda a, b, m: np.outer(a, b),
    "inner": lambda a, b, m: np.inner(a, b),
    "vdot": lambda a, b, m: np.vdot(a, b) * a,
    "tensordot": lambda a, b, m: np.tensordot(a, b, axes=1),
    "einsum": lambda a, b, m: np.einsum("ij,jk->ik", a, b),
    "einsum back": lambda a, b, m: np.einsum("ij,kj->ki", a, b),
    "einsum batch": lambda a, b, m: np.einsum("ijk,jk->ij", a, b),
    "solve": lambda a, b, m: np.linalg.solve(_definite(a), b),
    "concatenate": lambda a, b, m: np.concatenate([a, b], axis=0),
    "hstack": lambda a, b, m: np.hstack([a, b]),
    "stack": lambda a, b, m: np.stack([a, b], axis=-1),
    "buffer": lambda a, b, m: _buffer(a, b),
    "cosine": lambda a, b, m: a @ b / (np.linalg.norm(a) * np.linalg.norm(b)),
    "distances": lambda a, b, m: ((a[:, None] - b) ** 2).sum(axis=-1),
    "attention": lambda a, b, m: softmax(a @ b.T / np.sqrt(a.shape[1]), axis=-1) @ b,
    "kron": lambda a, b, m: np.kron(np.einsum("ij,kj->ik", a, a), np.einsum("ij->ji", b[:2])),
}  # fmt: skip

NAMES = (*(("one", name) for name in ONE), *(("two", name) for name in TWO))
Step = tuple[str, str, int, int, int]


@dataclass(frozen=True)
class Plan:
    """The steps of a program; its value is a mean of all values that nothing reads, so that every step counts."""

    steps: tuple[Step, ...]

    def function(self) -> Callable[..., Array]:
        """The program as a function of arrays."""
        steps = self.steps

        def program(X: Array, W: Array, v: Array, S: Array, T: Array) -> Array:
            known = [X, W, v, S, T]
            for step in steps:
                known.append(carried_out(step, known))
            return sum(np.sum(np.sin(known[m]) + 0.3 * known[m]) for m in unread(steps))

        return program

    def __str__(self) -> str:
        lines = [
            f"{m + len(SHAPES)}: {kind} {name} {a} {b} {c}" for m, (kind, name, a, b, c) in enumerate(self.steps)
        ]
        return "\n".join(lines)


def carried_out(step: Step, known: Sequence[Array]) -> Array:
    """The value of a step."""
    kind, name, a, b, m = step
    return ONE[name](known[a], m) if kind == "one" else TWO[name](known[a], known[b], m)


def unread(steps: Sequence[Step]) -> list[int]:
    """The places of the values that no step reads."""
    read = {place for kind, _, a, b, _ in steps for place in ((a,) if kind == "one" else (a, b))}
    return [m for m in range(len(SHAPES), len(SHAPES) + len(steps)) if m not in read]


def drawn(sizes: Sizes, seed: int) -> dict[str, Array]:
    """Arguments of these sizes."""
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=[sizes[axis] for axis in shape]) for name, shape in SHAPES.items()}


def planned(words: Sequence[tuple[int, int, int, int]]) -> Plan:
    """The plan of these integers: an operation, two values, a choice. What cannot be carried out is left out."""
    values = [list(drawn(sizes, 0).values()) for sizes in ASSIGNED]
    steps: list[Step] = []
    for which, a, b, m in words:
        count = len(values[0])
        # the latest values are read most
        kind, name = NAMES[which % len(NAMES)]
        step = (kind, name, count - 1 - a % count, count - 1 - b % count, m)
        try:
            with warnings.catch_warnings(), np.errstate(all="raise"):
                warnings.simplefilter("error")
                found = [np.asarray(carried_out(step, known)) for known in values]
        except Exception:
            # whatever NumPy has against it
            continue
        if all(fits(one) for one in found):
            steps.append(step)
            for known, one in zip(values, found, strict=True):
                known.append(one)
    return Plan(tuple(steps))


def fits(value: Array) -> bool:
    """Whether a value can be gone on with."""
    small = value.ndim <= MOST_AXES and 0 < value.size <= MOST_ENTRIES
    return bool(small and np.isfinite(value).all() and np.abs(value).max() < LARGEST)
