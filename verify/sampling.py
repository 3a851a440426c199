"""Points inside a declared domain: moderate, signed, distinct, with short decimals, so that a failure can be read.

Data
    ``DOMAINS``  every domain: what it is, how a point of it is drawn, how membership is seen.

The three most important functions are ``draw``, ``integers`` and ``contains``. NumPy only: a domain is a name, an
array is a shape.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["DOMAINS", "Domain", "contains", "draw", "integers"]

Array = np.ndarray[Any, np.dtype[np.float64]]
Shape = tuple[int, ...]

DECIMALS = 3
CLOSE = 1e-9


@dataclass(frozen=True)
class Domain:
    """What a tensor's entries obey.

    ``axes`` is the number of last axes that hang together (2: a square matrix); ``free`` says that entries may be
    moved a little without leaving the domain, which is what a search for a special point needs.
    """

    meaning: str
    draw: Callable[[Shape, np.random.Generator], Array]
    holds: Callable[[Array], Any]
    axes: int = 0
    free: bool = True


def draw(domain: str, shape: Shape, rng: np.random.Generator) -> Array:
    """A random array of this domain.

    Raises: ValueError for an unknown domain (with the nearest names), and for a shape in which it has no member.
    """
    row = _domain(domain)
    if row.axes > len(shape):
        raise ValueError(f"the domain {domain!r} needs {row.axes} axes at least, not the shape {shape}")
    if row.axes and 0 in shape[len(shape) - row.axes :]:
        raise ValueError(f"the domain {domain!r} is empty for the shape {shape}: {row.meaning}")
    if row.axes == 2 and shape[-1] != shape[-2]:
        raise ValueError(f"the domain {domain!r} holds square matrices, not the shape {shape}")
    return row.draw(shape, rng)


def integers(below: int, shape: Shape, rng: np.random.Generator) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Random integers from 0 to ``below - 1``; the largest and the smallest occur where there is room.

    Raises: ValueError when there are none.
    """
    if below < 1 and 0 not in shape:
        raise ValueError(f"there are no integers from 0 to below {below}")
    found = rng.integers(0, max(below, 1), size=shape)
    if found.size > 1:
        ends = rng.choice(found.size, size=2, replace=False)
        found.flat[ends[0]], found.flat[ends[1]] = 0, below - 1
    return found


def contains(domain: str, array: Array) -> bool:
    """Whether an array is of this domain, up to rounding. Raises: ValueError for an unknown domain."""
    row = _domain(domain)
    values = np.asarray(array, dtype=float)
    return bool(np.all(np.isfinite(values)) and np.all(row.holds(values)))


def _domain(name: str) -> Domain:
    if name not in DOMAINS:
        near = difflib.get_close_matches(name, DOMAINS, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        raise ValueError(f"there is no domain {name!r}{hint} The domains are {', '.join(map(repr, DOMAINS))}")
    return DOMAINS[name]


def _distinct(low: float, high: float, shape: Shape, rng: np.random.Generator) -> Array:
    """Decimals between ``low`` and ``high``, one in the middle of each of as many cells: no two are near a tie.

    They have more decimals only where more are needed. None is 0 or ±1, which would hide factors.
    """
    count = int(np.prod(shape, dtype=int))
    width = (high - low) / max(count, 1)
    unit = 10.0 ** -max(DECIMALS, int(np.ceil(-np.log10(width / 8))))
    middles = low + (rng.permutation(count) + rng.uniform(0.25, 0.75, size=count)) * width
    steps = np.round(middles / unit)
    steps[(steps == 0) | (np.abs(steps) == round(1 / unit))] += 1
    return np.asarray(steps * unit).round(12).reshape(shape)


def _signed(shape: Shape, rng: np.random.Generator) -> Array:
    """Different decimals of both signs, none near 0."""
    size = _distinct(0.1, 1.2, shape, rng)
    return np.asarray(size * rng.choice([-1.0, 1.0], size=shape))


def _simplex(shape: Shape, rng: np.random.Generator) -> Array:
    width = shape[-1]
    weights = rng.dirichlet(np.full(width, 3.0), size=shape[:-1])
    unit = 10.0**DECIMALS
    parts = np.floor(weights * (unit - width)) + 1
    parts[..., -1] += unit - parts.sum(axis=-1)
    return np.asarray(parts / unit)


def _one_hot(shape: Shape, rng: np.random.Generator) -> Array:
    return np.asarray(np.eye(shape[-1])[rng.integers(0, shape[-1], size=shape[:-1])])


def _symmetric(shape: Shape, rng: np.random.Generator) -> Array:
    below = np.tril(_signed(shape, rng))
    return np.asarray(below + np.swapaxes(np.tril(below, -1), -1, -2))


def _positive_definite(shape: Shape, rng: np.random.Generator) -> Array:
    root = rng.standard_normal(shape) / np.sqrt(shape[-1])
    square = root @ np.swapaxes(root, -1, -2) + 0.5 * np.eye(shape[-1])
    return np.asarray(np.round((square + np.swapaxes(square, -1, -2)) / 2, DECIMALS))


def _orthogonal(shape: Shape, rng: np.random.Generator) -> Array:
    return np.asarray(np.linalg.qr(rng.standard_normal(shape))[0])


def _unit_norm(shape: Shape, rng: np.random.Generator) -> Array:
    vector = _signed(shape, rng)
    return np.asarray(vector / np.sqrt((vector**2).sum(axis=-1, keepdims=True)))


def _transposed(matrix: Array) -> Array:
    return np.swapaxes(matrix, -1, -2)


def _square(holds: Callable[[Array], Any]) -> Callable[[Array], Any]:
    return lambda a: a.ndim >= 2 and a.shape[-1] == a.shape[-2] and holds(a)


def _along(holds: Callable[[Array], Any]) -> Callable[[Array], Any]:
    return lambda a: a.ndim >= 1 and holds(a)


def _unit_sum(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    drawn = _signed(shape, rng)
    found: Array = drawn + (1 - drawn.sum(axis=-1, keepdims=True)) / shape[-1]
    return found


def _near(a: Any, b: Any) -> Any:
    return np.abs(a - b) <= CLOSE * (1 + np.abs(b))


def _is_symmetric(a: Array) -> Any:
    return _near(a, _transposed(a)).all()


DOMAINS: dict[str, Domain] = {
    "real": Domain("any number", _signed, np.isfinite),
    "nonzero": Domain("any number but 0", _signed, lambda a: a != 0),
    "positive": Domain("greater than 0", lambda s, r: _distinct(0.2, 1.9, s, r), lambda a: a > 0),
    "nonnegative": Domain("at least 0", lambda s, r: _distinct(0.0, 1.9, s, r), lambda a: a >= 0),
    "above -1": Domain("greater than -1", lambda s, r: _distinct(-0.8, 1.8, s, r), lambda a: a > -1),
    "between -1 and 1": Domain(
        "greater than -1 and less than 1", lambda s, r: _distinct(-0.85, 0.85, s, r), lambda a: np.abs(a) < 1
    ),
    "unit interval": Domain(
        "greater than 0 and less than 1", lambda s, r: _distinct(0.05, 0.95, s, r), lambda a: (a > 0) & (a < 1)
    ),
    "small": Domain(
        "so small that higher powers vanish",
        lambda s, r: _distinct(0.05, 0.15, s, r) * r.choice([-1.0, 1.0], size=s),
        lambda a: np.abs(a) <= 0.25,
    ),
    "sign": Domain("-1 or 1", lambda s, r: r.choice([-1.0, 1.0], size=s), lambda a: np.abs(a) == 1, free=False),
    "mask": Domain("0 or 1", lambda s, r: r.choice([0.0, 1.0], size=s), lambda a: (a == 0) | (a == 1), free=False),
    "simplex": Domain(
        "positive, and 1 in sum along the last axis",
        _simplex,
        _along(lambda a: (a > 0).all() and _near(a.sum(axis=-1), 1.0).all()),
        axes=1,
        free=False,
    ),
    "unit sum": Domain(
        "1 in sum along the last axis",
        _unit_sum,
        _along(lambda a: _near(a.sum(axis=-1), 1.0).all()),
        axes=1,
        free=False,
    ),
    "one-hot": Domain(
        "one 1 along the last axis, else 0",
        _one_hot,
        _along(lambda a: ((a == 0) | (a == 1)).all() and (a.sum(axis=-1) == 1).all()),
        axes=1,
        free=False,
    ),
    "unit norm": Domain(
        "of Euclidean norm 1 along the last axis",
        _unit_norm,
        _along(lambda a: _near((a**2).sum(axis=-1), 1.0)),
        axes=1,
        free=False,
    ),
    "symmetric": Domain("equal to its transpose", _symmetric, _square(_is_symmetric), axes=2, free=False),
    "positive definite": Domain(
        "symmetric with positive eigenvalues",
        _positive_definite,
        _square(lambda a: _is_symmetric(a) and (np.linalg.eigvalsh(a) > 0).all()),
        axes=2,
        free=False,
    ),
    "orthogonal": Domain(
        "of orthonormal rows and columns",
        _orthogonal,
        _square(lambda a: _near(a @ _transposed(a), np.eye(a.shape[-1]))),
        axes=2,
        free=False,
    ),
}
