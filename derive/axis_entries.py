"""Functions along axes of lists of SymPy expressions, entry by entry: what ``derive.over_axes`` says in symbols."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import reduce
from typing import Any

import sympy

__all__ = ["cholesky", "extremum", "position", "rms", "softmax", "standardise", "std"]


def cholesky(rows: Any, i: int, j: int) -> Any:
    """An entry of the lower triangular factor."""
    if i < j:
        return sympy.Integer(0)
    known = [cholesky(rows, i, m) * cholesky(rows, j, m) for m in range(j)]
    rest = rows[i][j] - sum(known, sympy.Integer(0))
    return sympy.sqrt(rest) if i == j else rest / cholesky(rows, j, j)


def softmax(z: Any, i: int) -> Any:
    """An entry of ``e^z / Σ e^z``."""
    return sympy.exp(z[i]) / sum(sympy.exp(x) for x in z)


def _entries(z: Any) -> list[Any]:
    return [x for part in z for x in _entries(part)] if isinstance(z, list) else [z]


def _mean(z: list[Any]) -> Any:
    return sum(z) / sympy.Integer(len(z))


def rms(z: Any, e: Any) -> Any:
    """The root of the mean square plus a number."""
    return sympy.sqrt(_mean([x**2 for x in _entries(z)]) + _entries(e)[0])


def std(z: Any, e: Any) -> Any:
    """The root of the mean square deviation plus a number."""
    flat = _entries(z)
    return rms([x - _mean(flat) for x in flat], e)


def standardise(z: Any, e: Any, *at: int) -> Any:
    """An entry less the mean, divided by the deviation."""
    return (reduce(operator.getitem, at, z) - _mean(_entries(z))) / std(z, e)


def extremum(beats: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
    """The entry that beats all others, the first of equals."""

    def value(z: Any) -> Any:
        best = z[0]
        for x in z[1:]:
            best = sympy.Piecewise((x, beats(x, best)), (best, True))
        return best

    return value


def position(beats: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
    """Where the entry stands that beats all others, the first of equals."""

    def value(z: Any) -> Any:
        best, place = z[0], sympy.Integer(0)
        for k, x in enumerate(z[1:], 1):
            place = sympy.Piecewise((k, beats(x, best)), (place, True))
            best = sympy.Piecewise((x, beats(x, best)), (best, True))
        return place

    return value
