"""Arguments of layers, checked before anything is computed.

Data: a line of shapes as the docstrings write it, ``"x (n, d), W (d, c), b? (c)"``. A name stands for one size, the
same wherever it is read; ``4h`` for four times the size h; an integer for itself; ``*batch`` for a run of axes, the
same wherever it is read; ``...`` for any axes. A question mark after the argument's name lets it be None. ``ids
integer (n)`` holds integers, ``mask boolean (n)`` truth values; everything else holds floating-point numbers, all of
one type, which is float32 or wider, and of this machine's byte order once they are read.

The most important functions are ``arrays`` (the arguments of a forward pass), ``entries`` (what they may hold;
``indices`` of integers) and ``cotangent`` (that of a backward pass; ``cotangents`` of several outputs); of options
``choice``, ``number``, ``count``, ``place`` (of an axis) and ``places`` (of some).
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple, TypeGuard

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

__all__ = [
    "LONGEST",
    "arrays",
    "as_array",
    "choice",
    "cotangent",
    "cotangents",
    "count",
    "entries",
    "indices",
    "is_whole",
    "number",
    "place",
    "places",
]

WRITTEN = re.compile(r"(\w+)(\??)\s*(integer|boolean|)\s*\(([^()]*)\)")
KINDS = {"floating": "f", "integer": "iu", "boolean": "b"}
HOLDS = {"floating": "floating-point numbers", "integer": "integers", "boolean": "truth values"}
# More than memory has: what a size may be at most, where nothing else bounds it.
LONGEST = 2**40


class Argument(NamedTuple):
    """One argument of a line of shapes."""

    name: str
    optional: bool
    kind: str
    axes: tuple[str, ...]

    def __str__(self) -> str:
        return f"({', '.join(self.axes)}{',' if len(self.axes) == 1 and self.axes != ('...',) else ''})"


def arrays(shapes: str, *values: ArrayLike | None, **sizes: int) -> list[Any]:
    """The arguments as arrays, when they have the kinds and shapes that are asked for.

    ``sizes`` are sizes known already. A Python number takes the floating-point type of the other arguments.
    Raises: ValueError naming the argument, its shape or type, and what was expected.
    """
    arguments = parsed(shapes)
    if len(values) != len(arguments):
        raise TypeError(f"{len(arguments)} arguments in {shapes!r}, {len(values)} values")
    found: list[Any] = list(values)
    seen: list[tuple[tuple[int, ...], np.dtype[Any], bool] | None] = []
    numbers = []
    for k, value in enumerate(values):
        if type(value) is np.ndarray and value.dtype.isnative:  # nearly always
            seen.append((value.shape, value.dtype, False))
            continue
        argument = arguments[k]
        if value is None and argument.optional:
            seen.append(None)
            continue
        if value is None:
            raise ValueError(f"{argument.name} is None: expected {argument}, {HOLDS[argument.kind]}")
        floating = argument.kind == "floating"
        found[k] = array = as_array(argument.name, value, floating=floating)
        number = type(value) in (int, float)
        if number and floating:
            numbers.append(k)
        seen.append((array.shape, array.dtype, number))
    dtype = _checked(shapes, tuple(seen), tuple(sizes.items()))
    for k in numbers:
        found[k] = found[k].astype(dtype)
    return found


def as_array(name: str, value: Any, *, floating: bool = False) -> NDArray[Any]:
    """An argument as an array of this machine's byte order, whatever it holds; a Python integer can be made floating.

    Raises: ValueError when it is none, as lists of different lengths, or a larger integer than there are numbers.
    """
    if type(value) is np.ndarray and value.dtype.isnative:  # nearly always
        return value
    try:
        array = np.asarray(float(value) if floating and type(value) is int else value)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{name} is no array: {error}") from None
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def cotangent(d_output: ArrayLike, shape: tuple[int, ...], dtype: DTypeLike, name: str = "d_output") -> NDArray[Any]:
    """The cotangent of an output with this shape and type, in that type.

    Raises: ValueError when it has another shape, even one that would broadcast, or is not real.
    """
    array = as_array(name, d_output)
    if array.shape != shape:
        raise ValueError(
            f"{name} has shape {array.shape}, the output has shape {shape}: a cotangent has the output's"
        )
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{name} holds {array.dtype}: a cotangent holds real numbers")
    return array.astype(dtype, copy=False)


def cotangents(d_output: Sequence[ArrayLike], *shapes: tuple[int, ...], dtype: DTypeLike) -> list[NDArray[Any]]:
    """The cotangents of several outputs with these shapes.

    Raises: ValueError when there are not as many, or as in ``cotangent``.
    """
    if not isinstance(d_output, (tuple, list)) or len(d_output) != len(shapes):
        found = f"{len(d_output)} of them" if isinstance(d_output, (tuple, list)) else type(d_output).__name__
        raise ValueError(f"d_output is {found}: expected a tuple of {len(shapes)} arrays, one for each output")
    return [
        cotangent(one, shape, dtype, f"d_output[{k}]")
        for k, (one, shape) in enumerate(zip(d_output, shapes, strict=True))
    ]


def entries(name: str, array: NDArray[Any], allowed: NDArray[Any], expected: str) -> None:
    """Raises: ValueError naming the first entry that is not allowed, its place, and what was expected."""
    if not np.all(allowed):
        where = tuple(map(int, np.argwhere(~allowed)[0]))
        place = f" at {list(where)}" if where else ""
        raise ValueError(f"{name} holds {array[where]}{place}: expected {expected}")


def indices(name: str, array: NDArray[Any], size: int, what: str) -> None:
    """Raises: ValueError naming the first integer that is not from 0 to ``size`` - 1, and its place."""
    if array.size and not (array.min() >= 0 and array.max() < size):  # quicker than to look at each
        entries(name, array, (array >= 0) & (array < size), f"{what} from 0 to {size - 1}")


def choice(name: str, value: object, allowed: Collection[object]) -> None:
    """Raises: ValueError when an option is none of the allowed values."""
    if isinstance(allowed, str):
        raise TypeError(f"{name}: expected a tuple of allowed values, not the letters of {allowed!r}")
    if (type(value), value) not in [(type(one), one) for one in allowed]:
        raise ValueError(f"{name} is {value!r}: it is one of {', '.join(map(repr, allowed))}")


def number(name: str, value: object, interval: str = "(-inf, inf)", dtype: np.dtype[Any] | None = None) -> float:
    """A real option as a Python number, which leaves the type of arrays alone; ``interval`` is such as ``"[0, 1)"``.

    Raises: ValueError when it is no number, not finite or outside, as it is or rounded to ``dtype``.
    """
    if not re.fullmatch(r"[\[(][^,]+,[^,]+[\])]", interval):
        raise TypeError(f"{name}: expected an interval such as '[0, 1)', not {interval!r}")
    low, high = map(float, interval[1:-1].split(","))

    def inside(found: float) -> bool:
        at_end = (interval[0] == "[" and found == low) or (interval[-1] == "]" and found == high)
        return math.isfinite(found) and (low < found < high or at_end)

    if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
        try:
            found = float(value)
        except OverflowError:  # of a Python integer
            found = math.inf
        with np.errstate(over="ignore"):
            if inside(found) and (dtype is None or inside(float(dtype.type(found)))):
                return found
    raise ValueError(f"{name} is {value!r}: it is a number in {interval}" + (f" of {dtype}" if dtype else ""))


def is_whole(value: object, least: int | None = None, most: int | None = None) -> TypeGuard[int]:
    """Whether this is a whole number between these, which count as inside."""
    if type(value) is not int and (not isinstance(value, (int, np.integer)) or isinstance(value, bool)):
        return False
    return bool((least is None or value >= least) and (most is None or value <= most))


def count(name: str, value: object, least: int | None = 0, most: int | None = None) -> int:
    """An option that is a whole number; of either sign where ``least`` is None.

    Raises: ValueError when it is none, smaller or larger.
    """
    if not is_whole(value, least, most):
        limits = ("" if least is None else f", at least {least}") + ("" if most is None else f", at most {most}")
        raise ValueError(f"{name} is {value!r}: it is a whole number{limits}")
    return int(value)


def place(name: str, axis: object, ndim: int) -> int:
    """An option that is one axis, counted from the first. Raises: ValueError when there is no such axis."""
    return _place(name, axis, ndim, axis)


def _place(name: str, axis: object, ndim: int, given: object) -> int:
    if not is_whole(axis, -ndim, ndim - 1):
        raise ValueError(f"{name} is {given!r}: " + (f"an axis is from {-ndim} to {ndim - 1}" if ndim else "no axes"))
    return int(axis) % ndim


def places(name: str, axes: object, ndim: int, least: int = 0) -> tuple[int, ...]:
    """An option that is one axis or a tuple of axes, counted from the first and in order.

    Raises: ValueError when an array with ``ndim`` axes has no such axis, one is named twice, or there are too few.
    """
    found = [_place(name, axis, ndim, axes) for axis in (axes if isinstance(axes, tuple) else (axes,))]
    if len(set(found)) < len(found):
        raise ValueError(f"{name} is {axes!r}: an axis is named twice")
    if len(found) < least:
        raise ValueError(f"{name} is {axes!r}: it names {least} at least")
    return tuple(sorted(found))


@cache
def parsed(shapes: str) -> tuple[Argument, ...]:
    """The arguments in a line of shapes. Raises: TypeError where the line is not as the module says."""
    written = re.fullmatch(rf"\s*(?:{WRITTEN.pattern}\s*(?:,\s*|$))*", shapes)
    found = []
    for name, optional, kind, labels in WRITTEN.findall(shapes) if written else ():
        axes = tuple(label.strip() for label in labels.split(",") if label.strip())
        runs = [label for label in axes if label == "..." or label.startswith("*")]
        if len(runs) > 1 or not all(re.fullmatch(r"\w+|\*\w+|\.\.\.", label) for label in axes):
            written = None
        found.append(Argument(name, bool(optional), kind or "floating", axes))
    if not written:
        raise TypeError(
            f"{shapes!r} is no line of shapes such as 'x (n, d), W (d, 4h), b? (4h), ids integer (*batch)'"
        )
    return tuple(found)


@lru_cache(maxsize=1024)
def _checked(
    shapes: str,
    seen: tuple[tuple[tuple[int, ...], np.dtype[Any], bool] | None, ...],
    sizes: tuple[tuple[str, int], ...],
) -> np.dtype[Any] | None:
    """The one floating-point type of the arrays, when these shapes and types go together; of numbers alone, none.

    What was seen once is not looked at again, which makes a call of a small layer cheap.
    """
    arguments = parsed(shapes)
    known: dict[str, Any] = {"": (1, None), **{name: (size, None) for name, size in sizes}}
    first = None
    for argument, one in zip(arguments, seen, strict=True):
        if one is not None:
            shape, dtype, _ = one
            _check_kind(argument, dtype)
            _check_shape(argument, shape, known)
    for argument, one in zip(arguments, seen, strict=True):
        if one is None or one[2] or argument.kind != "floating":
            continue
        _, dtype, _ = one
        if first is None:
            first = argument.name, dtype
        elif dtype != first[1]:
            advice = f"convert one, for example {argument.name}.astype(np.{first[1]})"
            raise ValueError(f"{argument.name} holds {dtype}, {first[0]} holds {first[1]}: {advice}")
    return first[1] if first else None


def _check_kind(argument: Argument, dtype: np.dtype[Any]) -> None:
    if dtype.kind not in KINDS[argument.kind]:
        advice = ": convert it with .astype(float)" if argument.kind == "floating" else ""
        raise ValueError(f"{argument.name} holds {dtype}: it is an array of {HOLDS[argument.kind]}{advice}")
    if dtype.kind == "f" and dtype.itemsize < 4:
        advice = "layers compute in float32 or wider, convert it with .astype(np.float32)"
        raise ValueError(f"{argument.name} holds {dtype}: {advice}")


def _check_shape(argument: Argument, shape: tuple[int, ...], known: dict[str, Any]) -> None:
    for label, size in _runs(argument, shape):
        if label == "...":
            continue
        factor, name = _factor(label)
        expected, origin = known.setdefault(name, (size if factor == 1 else size // factor, argument.name))
        if factor * expected != size:
            known_from_elsewhere = name and (factor == 1 or origin != argument.name)
            told = (
                f" with {name} = {expected}" + (f" as in {origin}" if origin else "") if known_from_elsewhere else ""
            )
            raise ValueError(f"{argument.name} has shape {shape}: expected {argument}{told}")


@cache
def _factor(label: str) -> tuple[int, str]:
    """A number and the name of a size, ``4h`` being 4 and h; either may be left out."""
    name = label.lstrip("0123456789")
    return int(label[: len(label) - len(name)] or 1), name


def _runs(argument: Argument, shape: tuple[int, ...]) -> Sequence[tuple[str, Any]]:
    """Every label with its size; a run of axes with its sizes."""
    axes = argument.axes
    run = next((i for i, label in enumerate(axes) if label == "..." or label.startswith("*")), None)
    if run is None:
        if len(axes) != len(shape):
            raise ValueError(f"{argument.name} has shape {shape}: expected {argument}, which has {_axes(len(axes))}")
        return list(zip(axes, shape, strict=True))
    after = len(axes) - run - 1
    if len(shape) < run + after:
        raise ValueError(f"{argument.name} has shape {shape}: expected {argument}, at least {_axes(run + after)}")
    stop = len(shape) - after
    first, last = zip(axes[:run], shape[:run], strict=True), zip(axes[run + 1 :], shape[stop:], strict=True)
    return [*first, (axes[run], shape[run:stop]), *last]


def _axes(number: int) -> str:
    return "1 axis" if number == 1 else f"{number} axes"
