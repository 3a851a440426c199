"""The smallest inputs at which a backward pass still fails in the same way, and code that shows it.

Data: inputs are tuples, as they are given to ``check_backward``.

The three most important functions are ``smallest`` (inputs with shorter axes and rounder numbers), ``variants`` (what
is tried) and ``snippet`` (code to run).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from verify.backward_pass.elsewhere import traits
from verify.backward_pass.subject import Array, is_floating

__all__ = ["alike", "smallest", "snippet", "variants"]

TRIES = 48
# Inputs with more numbers are not written out.
MOST = 48

# What a simpler array must still be.
KEPT = {"rows that add up to 1", "unit rows", "positive", "not negative", "symmetric", "positive definite", "sorted"}

Inputs = tuple[Any, ...]


def variants(inputs: Sequence[Any]) -> Iterator[Inputs]:
    """Simpler inputs: one size made smaller on every axis that has it, then numbers with fewer digits."""
    sizes = sorted({size for x in inputs if isinstance(x, np.ndarray) for size in x.shape if size > 1}, reverse=True)
    for size in sizes:
        for new in dict.fromkeys((1, 2, size // 2, size - 1)):
            if 0 < new < size:
                cut = tuple(_cut(x, size, new) for x in inputs)
                yield cut
                if any(isinstance(x, np.ndarray) and x.dtype.kind in "iu" for x in inputs):
                    yield tuple(_folded(x, new) for x in cut)
    for digits in (1, 2):
        rounded = tuple(_rounded(x, digits) for x in inputs)
        if any(
            not np.array_equal(one, other) for one, other in zip(rounded, inputs, strict=True) if is_floating(other)
        ):
            yield rounded


def _cut(x: Any, size: int, new: int) -> Any:
    if not isinstance(x, np.ndarray):
        return x
    return x[tuple(slice(new) if length == size else slice(None) for length in x.shape)].copy()


def _folded(x: Any, new: int) -> Any:
    return x % new if isinstance(x, np.ndarray) and x.dtype.kind in "iu" else x


def _rounded(x: Any, digits: int) -> Any:
    if not is_floating(x):
        return x
    return np.round(x, digits) + 0.0 if isinstance(x, np.ndarray) else round(float(x), digits)


def alike(inputs: Sequence[Any], given: Sequence[Any]) -> bool:
    """Whether inputs still have what the given arrays have in common with what they stand for."""
    return all(
        set(traits(np.asarray(old, np.float64))) & KEPT <= set(traits(np.asarray(new, np.float64)))
        for new, old in zip(inputs, given, strict=True)
        if is_floating(old) and np.ndim(old)
    )


def smallest(inputs: Sequence[Any], fails: Callable[[Inputs], bool], tries: int = TRIES) -> Inputs:
    """Inputs at which it still fails and nothing simpler that was tried does."""
    found = tuple(inputs)
    left = tries
    simpler = True
    while simpler and left > 0:
        simpler = False
        for other in variants(found):
            left -= 1
            if fails(other):
                found, simpler = other, True
                break
            if left <= 0:
                break
    return found


def snippet(inputs: Sequence[Any], names: Sequence[str], call: str) -> str:
    """Code that makes the inputs and checks them; arrays that are long are not written out."""
    lines, given = [], []
    for name, x in zip(names, inputs, strict=True):
        name = re.sub(r"\W+", "_", name).strip("_") or "x"
        name = name if name.isidentifier() else f"x_{name}"
        if isinstance(x, np.ndarray) and x.size <= MOST:
            lines.append(f"{name} = {_written(x)}")
            given.append(name)
        else:
            given.append(name if isinstance(x, np.ndarray) else repr(x))
    return "\n".join(
        [*lines, call.format(inputs=f"({', '.join(given)},)" if len(given) == 1 else f"({', '.join(given)})")]
    )


def _written(x: Array) -> str:
    dtype = "" if x.dtype in (np.float64, np.int64, np.bool_) and x.size else f", dtype=np.{x.dtype.name}"
    shape = f".reshape({x.shape})" if x.size == 0 and x.ndim > 1 else ""
    values = str(x.tolist()).replace("nan", "np.nan").replace("inf", "np.inf")
    return f"np.array({values if x.size else []}{dtype}){shape}"
