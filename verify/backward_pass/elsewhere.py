"""Other points than the given one, which keep what the given arrays have in common with what they stand for.

Data
    ``Trait``      a property that an array may have, and how other arrays come to have it.
    ``Elsewhere``  inputs at another point, and a label that says which.

The three most important functions are ``traits`` (of an array), ``drawn`` (an array in a manner) and ``places`` (all
points to look at).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from verify.backward_pass.slope import typical
from verify.backward_pass.subject import Array, is_floating, twin

__all__ = ["MANNERS", "TRAITS", "Elsewhere", "drawn", "places", "traits"]

LARGE, SMALL = 8.0, 1.0 / 16.0
# So many samples are drawn to find one with an axis of one entry.
DRAWS = 40


@dataclass(frozen=True)
class Trait:
    """``seen`` tells whether an array has the property; ``kept`` gives it to an array of other numbers."""

    seen: Callable[[Array], bool]
    kept: Callable[[Array, Array], Array]


@dataclass(frozen=True)
class Elsewhere:
    """Inputs, and where they are."""

    label: str
    inputs: tuple[Any, ...]


def _square(x: Array) -> bool:
    return x.ndim == 2 and x.shape[0] == x.shape[1] and x.shape[0] > 1


def _rows_add_up(x: Array) -> bool:
    return x.ndim > 0 and x.shape[-1] > 1 and bool(np.all(x >= 0)) and bool(np.allclose(x.sum(-1), 1.0, atol=1e-4))


def _unit_rows(x: Array) -> bool:
    return x.ndim > 0 and x.shape[-1] > 1 and bool(np.allclose(np.linalg.norm(x, axis=-1), 1.0, atol=1e-4))


def _definite(x: Array) -> bool:
    return _square(x) and bool(np.array_equal(x, x.T)) and bool(np.all(np.linalg.eigvalsh(x) > 0))


def _keep_definite(old: Array, new: Array) -> Array:
    half = new / typical(new)
    product = half @ half.T / len(half)
    return np.asarray(typical(np.diagonal(new)) * (product + 0.5 * np.eye(len(half))))


def _normalised(x: Array, size: Array) -> Array:
    return x / np.where(size > 0, size, 1.0)


# In the order in which they are kept: the later may undo the earlier, not the other way round.
TRAITS: Mapping[str, Trait] = {
    "whole numbers": Trait(lambda x: bool(np.all(x == np.round(x))), lambda old, new: old),
    "positive": Trait(lambda x: bool(np.all(x > 0)), lambda old, new: np.where(new == 0, typical(old), np.abs(new))),
    "not negative": Trait(lambda x: bool(np.all(x >= 0)), lambda old, new: np.abs(new)),
    "negative": Trait(lambda x: bool(np.all(x < 0)), lambda old, new: -np.where(new == 0, typical(old), np.abs(new))),
    "between 0 and 1": Trait(
        lambda x: bool(np.all((x > 0) & (x < 1))), lambda old, new: np.abs(new) / (1.0 + np.abs(new))
    ),
    "sorted": Trait(
        lambda x: x.ndim > 0 and x.shape[-1] > 2 and bool(np.all(np.diff(x, axis=-1) >= 0)),
        lambda old, new: np.sort(new, axis=-1),
    ),
    "lower triangular": Trait(lambda x: _square(x) and not np.any(np.triu(x, 1)), lambda old, new: np.tril(new)),
    "upper triangular": Trait(lambda x: _square(x) and not np.any(np.tril(x, -1)), lambda old, new: np.triu(new)),
    "symmetric": Trait(lambda x: _square(x) and bool(np.array_equal(x, x.T)), lambda old, new: (new + new.T) / 2.0),
    "positive definite": Trait(_definite, _keep_definite),
    "unit rows": Trait(_unit_rows, lambda old, new: _normalised(new, np.linalg.norm(new, axis=-1, keepdims=True))),
    "rows that add up to 1": Trait(
        _rows_add_up, lambda old, new: _normalised(np.abs(new), np.abs(new).sum(-1, keepdims=True))
    ),
}


def traits(x: Array) -> tuple[str, ...]:
    """The properties of an array's finite numbers."""
    if not x.size or not np.all(np.isfinite(x)):
        return ()
    return tuple(name for name, trait in TRAITS.items() if trait.seen(x))


def _other_signs(x: Array, rng: np.random.Generator) -> Array:
    return np.asarray(-rng.permutation(x.ravel()).reshape(x.shape) * rng.uniform(0.8, 1.25, x.shape))


def _tied(x: Array, rng: np.random.Generator) -> Array:
    """Other numbers, a few of which are equal or 0."""
    found = _other_signs(x, rng)
    if x.size > 1:
        along = found.reshape(-1, x.shape[-1]) if x.shape[-1] > 1 else found.reshape(1, -1)
        row = along[rng.integers(len(along))]
        one, other = rng.choice(row.size, 2, replace=False)
        row[one] = row[other] = np.max(row)
    if x.size > 3:
        found.flat[rng.integers(x.size)] = 0.0
    return found


MANNERS: Mapping[str, Callable[[Array, np.random.Generator], Array]] = {
    "inputs of other signs": _other_signs,
    "large inputs": lambda x, rng: LARGE * _other_signs(x, rng) * rng.choice((-1.0, 1.0), x.shape),
    "negative inputs": lambda x, rng: -np.abs(_other_signs(x, rng)),
    "positive inputs": lambda x, rng: np.abs(_other_signs(x, rng)),
    "small inputs": lambda x, rng: SMALL * _other_signs(x, rng),
    "inputs with ties": _tied,
}


def drawn(x: Any, manner: str, rng: np.random.Generator, *, whole_stay: bool = True) -> Any:
    """Another array in this manner with the traits of x; what holds no floating-point numbers stays.

    So do whole numbers, which may be labels, masks or counts, unless they are all there is.
    """
    if not is_floating(x) or not np.size(x):
        return twin(x)
    value = np.asarray(x, np.float64)
    kept = traits(value)
    if ("whole numbers" in kept and whole_stay) or not np.all(np.isfinite(value)):
        return twin(x)
    new = MANNERS[manner](value, rng)
    for name in kept:
        new = new if name == "whole numbers" else TRAITS[name].kept(value, new)
    return new.astype(np.asarray(x).dtype) if isinstance(x, (np.ndarray, np.generic)) else float(new)


def places(
    inputs: Sequence[Any],
    names: Sequence[str],
    rng: np.random.Generator,
    count: int,
    domain: Mapping[str, Any] | None = None,
    sample: Callable[[np.random.Generator], Sequence[Any]] | None = None,
) -> Iterator[Elsewhere]:
    """Up to ``count`` other points: samples of the user's, or arrays within the domain, or in every manner."""
    if sample is not None:
        for k in range(count):
            yield Elsewhere(f"sample {k}", tuple(sample(rng)))
        small = _with_one(sample, rng) if count else None
        if small is not None:
            yield Elsewhere("a sample with an axis of one entry", small)
        return
    floating = [np.asarray(x, np.float64) for x in inputs if is_floating(x) and np.size(x)]
    mixed = not all(np.all(x == np.round(x)) for x in floating)
    for manner in list(MANNERS)[:count]:
        new = [
            _within(domain[name], x, rng)
            if domain and name in domain and is_floating(x)
            else drawn(x, manner, rng, whole_stay=mixed)
            for name, x in zip(names, inputs, strict=True)
        ]
        if any(not _equal(one, other) for one, other in zip(new, inputs, strict=True)):
            yield Elsewhere(manner, tuple(new))


def _with_one(sample: Callable[[np.random.Generator], Sequence[Any]], rng: np.random.Generator) -> Any:
    """A sample that has an axis with one entry, when samples differ in their shapes; None where none was drawn."""
    draws = [tuple(sample(rng)) for _ in range(DRAWS)]
    shapes = [tuple(np.shape(x) for x in one) for one in draws]
    if len(set(shapes)) == 1:
        return None
    found = (one for one, shape in zip(draws, shapes, strict=True) if any(1 in sizes for sizes in shape))
    return next(found, None)


def _within(domain: Any, x: Any, rng: np.random.Generator) -> Any:
    """Numbers from an interval ``(low, high)``, or what a function of (rng, shape) draws."""
    if callable(domain):
        return np.asarray(domain(rng, np.shape(x)), np.asarray(x).dtype)
    low, high = domain
    if not np.isfinite(low) or not np.isfinite(high):
        step = 3.0 * typical(x)
        low, high = (
            (low, low + step) if np.isfinite(low) else (high - step, high) if np.isfinite(high) else (-step, step)
        )
    return np.asarray(rng.uniform(low, high, np.shape(x)), np.asarray(x).dtype)


def _equal(one: Any, other: Any) -> bool:
    return one is other or (np.shape(one) == np.shape(other) and bool(np.all(np.equal(one, other))))
