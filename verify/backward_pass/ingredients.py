"""Whether backward is right with one of its ingredients changed: then this is what it takes wrongly.

What forward saved, or the inputs that backward is called with, are changed one at a time: transposed, flipped,
shifted, negated, exchanged. Single numbers are left alone: with a wrong size or stride backward may write to memory
that is not its own. Where the gradient becomes right by it, at every entry and for two cotangents, backward takes the
ingredient wrongly in just this way.

Data
    ``Change``  a change of one ingredient: the kind of mistake that it undoes, and how to say so.

The three most important functions are ``leaves`` (the ingredients), ``changes`` (what is tried with each) and
``right_with`` (the first change that makes backward right).
"""

from __future__ import annotations

import copy
import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from verify.backward_pass.place import Place
from verify.backward_pass.subject import Array, Broken, Passed, twin
from verify.backward_pass.suspect import Answer, Suspect

__all__ = ["Change", "changes", "leaves", "named", "right_with_another_ingredient"]

# Gradients that agree so well, relative to the largest, are equal.
SAME = 1e-6
# Fewer wrong entries may become right by chance.
ENOUGH = 3
# So many ingredients are changed, and so many changes are tried in all, shared by the inputs that were looked at.
MOST_LEAVES = 40
MOST_CHANGES, FEWEST_CHANGES = 1600, 100

Path = tuple[Any, ...]


@dataclass(frozen=True)
class Change:
    """New values for some ingredients, by their paths."""

    kind: str
    told: str
    values: Mapping[Path, Any]


def leaves(value: Any, path: Path = (), depth: int = 4) -> Iterator[tuple[Path, Any]]:
    """The arrays in what was saved, each with the way to it."""
    if isinstance(value, np.ndarray):
        if value.size and value.dtype.kind in "fiub":
            yield path, value
    elif depth:
        for key, part in _parts(value):
            yield from leaves(part, (*path, key), depth - 1)


def _parts(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, (tuple, list)):
        yield from enumerate(value)
    elif isinstance(value, Mapping):
        yield from value.items()
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield from ((one.name, getattr(value, one.name)) for one in dataclasses.fields(value))


def replaced(value: Any, changed: Mapping[Path, Any], path: Path = ()) -> Any:
    """What was saved with some of its parts replaced; the rest is shared."""
    if path in changed:
        return changed[path]
    if not any(one[: len(path)] == path for one in changed):
        return value
    parts = {key: replaced(part, changed, (*path, key)) for key, part in _parts(value)}
    if isinstance(value, tuple):
        return type(value)(*parts.values()) if hasattr(value, "_fields") else tuple(parts.values())
    if isinstance(value, list):
        return list(parts.values())
    if isinstance(value, Mapping):
        return {**value, **parts}
    other = copy.copy(value)
    for key, part in parts.items():
        object.__setattr__(other, key, part)
    return other


def changes(found: Sequence[tuple[Path, Any]], names: Mapping[Path, str], sizes: Sequence[int]) -> Iterator[Change]:
    """What is tried, the likeliest first: ``sizes`` are those that indices may run up to."""
    for path, x in found:
        if isinstance(x, np.ndarray) and x.ndim >= 2 and x.dtype.kind == "f":
            for one, other in itertools.combinations(range(x.ndim), 2):
                if x.shape[one] == x.shape[other] > 1:
                    told = f"{names[path]} stands where its transpose must"
                    yield Change("axis", told, {path: np.swapaxes(x, one, other).copy()})
    for path, x in found:
        yield from _flipped(path, x, names[path])
    for (this, x), (that, y) in itertools.combinations(found, 2):
        if _alike(x, y):
            yield Change("gate", f"{names[this]} and {names[that]} are exchanged", {this: y, that: x})
    for path, x in found:
        if isinstance(x, np.ndarray) and x.dtype.kind == "f":
            yield from _gates(path, x, names[path])
    for path, x in found:
        yield from _indices(path, x, names[path], sizes)
    for path, x in found:
        yield from _shifted(path, x, names[path])
    for path, x in found:
        if isinstance(x, np.ndarray) and x.dtype.kind == "b":
            yield Change("mask", f"{names[path]} stands for its opposite", {path: ~x})
        elif isinstance(x, np.ndarray) and x.dtype.kind == "f":
            yield Change("sign", f"-{names[path]} stands for {names[path]}", {path: -x})
    for (this, x), (that, y) in itertools.permutations(found, 2):
        if _alike(x, y):
            yield Change("gate", f"{names[this]} stands where {names[that]} must", {this: y})


def _alike(x: Any, y: Any) -> bool:
    arrays = isinstance(x, np.ndarray) and isinstance(y, np.ndarray)
    return arrays and x.shape == y.shape and x.dtype == y.dtype and x.dtype.kind == "f" and not np.array_equal(x, y)


def _flipped(path: Path, x: Any, name: str) -> Iterator[Change]:
    if isinstance(x, np.ndarray) and x.dtype.kind == "f":
        axes = [axis for axis, size in enumerate(x.shape) if size > 1]
        for several in (*((axis,) for axis in axes), *itertools.combinations(axes, 2)):
            along = " and ".join(map(str, several))
            yield Change("index", f"{name} is flipped along axis {along}", {path: np.flip(x, several).copy()})


def _gates(path: Path, x: Array, name: str) -> Iterator[Change]:
    if np.all((x > 0) & (x < 1)):
        yield Change("gate", f"1 - {name} stands for {name}", {path: 1 - x})
    for axis, size in enumerate(x.shape):
        for parts in (2, 3, 4):
            if size % parts == 0 and size > parts:
                for one, other in itertools.combinations(range(parts), 2):
                    order = list(range(parts))
                    order[one], order[other] = other, one
                    blocks = np.split(x, parts, axis)
                    gates = f"gates {one + 1} and {other + 1} of {parts}"
                    told = f"{gates}, equal parts of {name} along axis {axis}, are exchanged"
                    yield Change("gate", told, {path: np.concatenate([blocks[i] for i in order], axis)})


def _indices(path: Path, x: Any, name: str, sizes: Sequence[int]) -> Iterator[Change]:
    if isinstance(x, np.ndarray) and x.dtype.kind in "iu" and np.min(x) >= 0:
        wide = x.astype(np.int64)
        for size in sizes:
            if size > np.max(wide):
                for by in (1, -1):
                    yield Change("index", f"{name} is off by one", {path: ((wide + by) % size).astype(x.dtype)})
                yield Change("index", f"{name} counts from the end", {path: ((-wide) % size).astype(x.dtype)})
                yield Change("index", f"{name} counts from the end", {path: (size - 1 - wide).astype(x.dtype)})


def _shifted(path: Path, x: Any, name: str) -> Iterator[Change]:
    if isinstance(x, np.ndarray) and x.dtype.kind == "f":
        for axis, size in enumerate(x.shape):
            for by in (1, -1, 2, -2)[: 4 if size > 3 else 2 if size > 1 else 0]:
                told = f"{name} is shifted by {-by} along axis {axis}"
                yield Change("index", told, {path: np.roll(x, by, axis)})


def _shifted_lists(value: Any, path: Path = (), depth: int = 3) -> Iterator[Change]:
    """Lists of arrays of the same shape, one for every step, one step off."""
    several = isinstance(value, (list, tuple)) and len(value) > 2
    if several and all(isinstance(x, np.ndarray) and x.shape == value[0].shape for x in value):
        for by in (1, -1):
            moved = {(*path, i): value[(i - by) % len(value)] for i in range(len(value))}
            yield Change("index", f"{named(path)} is one step off", moved)
    if depth:
        for key, part in _parts(value):
            yield from _shifted_lists(part, (*path, key), depth - 1)


def named(path: Path) -> str:
    """How what was saved there is called."""
    return "saved" + "".join(f"[{key!r}]" for key in path)


def right_with_another_ingredient(s: Suspect) -> Answer:
    """Right with what was saved transposed, flipped, shifted, exchanged, or negated."""
    place, k = s.place, s.found.position
    if np.count_nonzero(s.wrong) < ENOUGH:
        return None
    saved = place.passed.kept if place.subject.saved else list(place.inputs)
    found = [one for one in itertools.islice(leaves(saved), MOST_LEAVES) if _safe(place, one[1])]
    names = {path: _named(place, path, x) for path, x in found}
    sizes = sorted({n for x in (*place.inputs, *place.outputs) for n in np.shape(x) if n > 1})
    most = max(MOST_CHANGES // len(s.others), FEWEST_CHANGES)
    for change in itertools.islice(itertools.chain(_shifted_lists(saved), changes(found, names, sizes)), most):
        if _right(s, place, k, replaced(saved, change.values)):
            return change.kind, f"right if, in backward only, it is undone that {change.told}"
    return None


def _safe(place: Place, x: Array) -> bool:
    """Whether other numbers may be put there: whole ones may be sizes and strides unless they are an input."""
    if x.dtype.kind not in "iu":
        return True
    return any(isinstance(given, np.ndarray) and np.array_equal(x, given) for given in place.inputs)


def _named(place: Place, path: Path, x: Any) -> str:
    """An ingredient's name: that of the input which it is, or its place in what was saved."""
    for name, given in zip(place.subject.names, place.inputs, strict=True):
        if isinstance(x, np.ndarray) and isinstance(given, np.ndarray) and np.array_equal(x, given):
            return name
    return named(path)


def _right(s: Suspect, place: Place, k: int, saved: Any) -> bool:
    """Whether backward gives the numerical gradient with this in place of what was saved, for two cotangents."""
    subject = place.subject
    if subject.saved:
        passed = Passed(subject, place.inputs, place.outputs, place.passed.many, saved)
    else:
        passed = Passed(subject, [twin(x) for x in saved], place.outputs, place.passed.many, None)
    for name in ("signed", "mixed"):
        true = np.asarray(s.found.numerical[name])
        allowed = s.found.allowed[name]
        at = np.isfinite(true) & np.isfinite(allowed)
        size = float(np.max(np.abs(true[at]), initial=0.0))
        try:
            gradient = passed.gradients([part.copy() for part in place.cotangents[name]])[k]
        except (Broken, ValueError, IndexError, TypeError):
            return False
        if gradient is None or np.shape(gradient) != true.shape or not np.any(at):
            return False
        with np.errstate(all="ignore"):
            near = np.abs(np.asarray(gradient, np.float64) - true) <= np.where(at, allowed, np.inf) + SAME * size
        apart = np.abs(np.asarray(gradient, np.float64) - true)[at]
        error = np.abs(np.asarray(s.found.claimed[name]) - true)[at]
        doubt = float(np.max(allowed[at]))
        if not np.all(near[at]) or float(np.max(apart)) > 1e-2 * float(np.max(error)) + doubt:
            return False
        if name == "signed" and float(np.max(error)) < 10.0 * doubt:
            return False
    return True
