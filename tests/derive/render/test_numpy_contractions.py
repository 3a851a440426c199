"""Contractions in NumPy source are written as by hand: no array has more axes than it needs, and nothing is made twice."""

from __future__ import annotations

import inspect
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import derive
from derive.derivation import Derivation
from derive.index import letters
from derive.nodes import Sum
from derive.notation import define, less, name, tensor
from derive.program import Program
from derive.render.numpy import compiled, numpy_source
from derive.render.numpy.risk import Risk
from derive.size_algebra import sizes
from verify.exported import check_exported

Function = Callable[..., Any]
Shapes = dict[str, tuple[str, ...]]


def kept_units(X: Any, W: Any, V: Any, keep: Any) -> Any:
    Z = X @ W
    H = np.where(Z > 0, Z, 0) / keep
    return np.sum((H @ V) ** 2)


def smooth_graph(X: Any, A: Any) -> Any:
    D = ((X[:, None] - X) ** 2).sum(axis=2)
    return np.sum(A * np.exp(-D))


def spread_prototypes(X: Any, C: Any, w: Any) -> Any:
    D = ((X[:, None] - C) ** 2).sum(axis=2)
    return np.sum(np.exp(-D) @ w)


def weighted_differences(x: Any, c: Any, A: Any) -> Any:
    return np.sum(A * (x[:, None] - c) ** 2)


def margins(X: Any, W: Any, labels: Any) -> Any:
    S = X @ W
    return np.sum(np.logaddexp(0, S)) - S[np.arange(len(X)), labels].sum()


def whitened(A: Any, x: Any, m: Any) -> Any:
    return np.log(1 + (x - m) @ np.linalg.inv(A) @ (x - m))


def cubic(x: Any, w: Any) -> Any:
    return w @ x**4


def three_steps(x: Any, W: Any) -> Any:
    for _ in range(3):
        x = np.tanh(W @ x)
    return x.sum()


def clipped_slope(X: Any, w: Any, a: Any) -> Any:
    r = X @ w
    return np.sum(np.where(np.abs(r) <= a, r**2 / 2, a * np.abs(r)))


def projected(X: Any, W: Any) -> Any:
    return np.sum((X - X @ W @ W.T) ** 2)


def rooted(X: Any, C: Any) -> Any:
    return np.sum(np.sqrt(((X[:, None] - C) ** 2).sum(axis=2)))


LINEAR: Shapes = {"X": ("n", "d"), "W": ("d", "k")}
GRADIENTS: dict[str, tuple[Function, str, Shapes, list[str], list[str]]] = {
    "a mask is a factor": (kept_units, "W", LINEAR | {"V": ("k", "c"), "keep": ()}, ["* (Z > 0)"], ["np.where(("]),
    "differences are multiplied out": (smooth_graph, "X", {"X": ("n", "d"), "A": ("n", "n")}, [], ["[:, None] - X"]),
    "labels change rows": (margins, "W", LINEAR | {"labels": ("n",)}, ["[np.arange(n), labels] -= 1"], ["add.at"]),
    "a system is solved once": (
        whitened, "x", {"A": ("d", "d"), "x": ("d",), "m": ("d",)}, ["np.linalg.solve(A, x_minus_m)"], ["inv("],
    ),
    "powers are products": (cubic, "x", {"x": ("n",), "w": ("n",)}, ["x * x**2"], ["x**3"]),
    "outer products are one product": (three_steps, "W", {"x": ("d",), "W": ("d", "d")}, ["@ np.stack("], []),
    "opposite conditions are a choice": (
        clipped_slope, "w", {"X": ("n", "d"), "w": ("d",), "a": ()}, ["np.where("], [", 0)"],
    ),
    "a chain is made once": (projected, "W", LINEAR, ["X_at_W = X @ W", "X.T @ (R @ W) + R.T @ X_at_W"], []),
    "roots keep differences": (rooted, "X", {"X": ("n", "d"), "C": ("k", "d")}, ["[:, None] - C"], []),
}  # fmt: skip


def gradient(which: str) -> Derivation:
    function, wrt, shapes, _, _ = GRADIENTS[which]

    def said(labels: Any = None) -> list[Any]:
        return [(labels, "integer below k")]

    if "labels" in shapes:
        return derive.gradient(function, wrt, shapes=shapes, integers={"labels": "k"})
    return derive.gradient(function, wrt, shapes=shapes)
