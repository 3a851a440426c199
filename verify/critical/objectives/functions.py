"""The functions of a user: every call counted, given a copy of the point, and its answer looked at.

Data
    ``Functions``  f and what was given of gradient, hessian and hvp, for one dimension.
    ``NotFinite``  raised where one of them has no finite real value: the point is outside its domain.

The three most important functions are ``Functions.call`` (one call), ``inspect`` (refuses at the start what cannot be
searched) and ``somewhere`` (a point where f is defined).
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import numpy as np

from verify.critical.points import Array, Cost
from verify.differences import EPS

__all__ = ["Function", "Functions", "NotFinite", "functions_of", "inspect", "shown", "somewhere"]

Function = Callable[..., Any]

COUNTED = {"f": "function", "gradient": "gradient", "hessian": "hessian", "hvp": "hvp"}
"""The functions of a user, and what counts their calls in a ``Cost``."""

# Where no start is given, f is tried at so many points of size about 1, and at their absolute values.
TRIES = 24
# A function is called beside the start, so far in units of the scale, to see whether it keeps a state.
BESIDE = 1e-3


class NotFinite(ArithmeticError):
    """A function of the user has no finite real value at a point; a search goes elsewhere.

    ``name`` is the function's, ``x`` the point, ``found`` what it gave.
    """

    def __init__(self, name: str, x: Array, found: str) -> None:
        super().__init__(f"{name} is {found} at x = {shown(x)}")
        self.name, self.x, self.found = name, x, found

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.name, self.x, self.found)


class Functions:
    """Functions of one point by their names, and how often each was called; threads may call at the same time.

    A pickled copy begins to count for itself.
    """

    def __init__(self, functions: Mapping[str, Function], dimension: int) -> None:
        self.functions = dict(functions)
        self.dimension = dimension
        self._counts = dict.fromkeys(COUNTED, 0)
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {"functions": self.functions, "dimension": self.dimension}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    @property
    def cost(self) -> Cost:
        """Calls so far."""
        with self._lock:
            counts = {COUNTED[name]: count for name, count in self._counts.items()}
        return Cost(**counts)

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of what a function returns."""
        n = self.dimension
        return {"f": (), "gradient": (n,), "hessian": (n, n), "hvp": (n,)}[name]

    def count(self, name: str) -> None:
        """One more call."""
        with self._lock:
            self._counts[name] += 1

    def call(self, name: str, x: Array, *further: Array) -> Array:
        """What a function gives, in float64 and in memory of its own.

        Raises: NotFinite where it is NaN, infinite, complex, or raises as ``math.log(-1.0)`` does; ValueError when it
        has another shape, or holds no numbers.
        """
        self.count(name)
        try:
            with np.errstate(all="ignore"):
                raw = np.asarray(self.functions[name](x.copy(), *(v.copy() for v in further)))
        except (ArithmeticError, ValueError) as error:
            raise NotFinite(name, x, f"undefined ({error})") from error
        if raw.dtype.kind == "c":
            raise NotFinite(name, x, "complex")
        found = self.as_numbers(name, raw)
        if not np.all(np.isfinite(found)):
            raise NotFinite(name, x, nan_or_infinite(found))
        return found

    def as_numbers(self, name: str, raw: Any) -> Array:
        """An answer as float64.

        Raises: ValueError when it has another shape, or holds no real numbers.
        """
        shape = self.shape(name)
        if raw.dtype.kind not in "fiub":
            raise ValueError(f"{name} returns {raw.dtype}: expected real numbers, as a float or a NumPy array")
        if raw.shape != shape and not (name == "f" and raw.size == 1):
            what = f"shape {shape}" if shape else "one number"
            raise ValueError(f"{name} returns shape {raw.shape}: expected {what}; {RETURNS[name]}")
        return np.array(raw, np.float64).reshape(shape)

    def plain(self, name: str) -> Function:
        """A function for ``verify.numdiff``: NaN outside the domain."""

        def function(x: Any) -> Any:
            try:
                return self.call(name, np.asarray(x, np.float64))
            except NotFinite:
                return np.full(self.shape(name), np.nan)

        return function


RETURNS = {
    "f": "return a scalar, such as a sum or a mean",
    "gradient": "return one slope for each coordinate, without further axes",
    "hessian": "return the matrix of second derivatives",
    "hvp": "hvp(x, v) returns the Hessian at x times v",
}


def functions_of(
    f: Function, gradient: Function | None, hessian: Function | None, hvp: Function | None
) -> dict[str, Function]:
    """Those that were given, by name.

    Raises: ValueError naming one that cannot be called.
    """
    given = {"f": f, "gradient": gradient, "hessian": hessian, "hvp": hvp}
    for name, function in given.items():
        if not callable(function) and (function is not None or name == "f"):
            argument = "two arrays, x and v" if name == "hvp" else "one array x"
            raise ValueError(f"{name} is of type {type(function).__name__}: expected a function of {argument}")
    return {name: function for name, function in given.items() if function is not None}


def shown(x: Array) -> str:
    """A point in a message: its first entries."""
    entries = ", ".join(f"{entry:.6g}" for entry in x[:4])
    return f"[{entries}{', …' if len(x) > 4 else ''}]"


def nan_or_infinite(found: Array) -> str:
    return "NaN" if np.any(np.isnan(found)) else "infinite"


def somewhere(functions: Functions, spread: Array) -> Array:
    """A point where f is finite.

    Raises: ValueError when it is at none of those that are tried.
    """
    rng = np.random.default_rng(0)
    for _ in range(TRIES):
        x = spread * rng.normal(size=spread.shape)
        for point in (x, np.abs(x)):
            with contextlib.suppress(NotFinite):
                functions.call("f", point)
                return point
    raise ValueError(
        f"f is not finite at any of {2 * TRIES} points near the origin: give start=, a point where it is defined"
    )


def inspect(functions: Functions, x: Array, spread: Array) -> None:
    """Call every function at the start, beside it, and at the start again.

    Shapes: x (n), spread (n), the scale of each coordinate.
    Raises: ValueError when an answer is not finite, not real, of another shape, of integers (f), not the same the
    second time, or when the function writes to its argument or raises.
    """
    rng = np.random.default_rng(0)
    beside = x + BESIDE * spread * rng.normal(size=x.shape)
    v = rng.normal(size=x.shape)
    for name in functions.functions:
        further = (v,) if name == "hvp" else ()
        first = _first(functions, name, x, further)
        with contextlib.suppress(NotFinite):  # the domain may end beside the start
            functions.call(name, beside, *further)
        again = functions.call(name, x, *further)
        if not np.array_equal(first, again):
            _not_the_same(name, first, again)


def _first(functions: Functions, name: str, x: Array, further: tuple[Array, ...]) -> Array:
    given = [x.copy(), *(v.copy() for v in further)]
    functions.count(name)
    try:
        with np.errstate(all="ignore"):
            raw = np.asarray(functions.functions[name](*given))
    except Exception as error:
        arguments = "two arrays" if further else "one array"
        raise ValueError(
            f"{name} raises {type(error).__name__} at x = {shown(x)}: {error}; expected a function of {arguments} of "
            f"shape {x.shape}, defined at the start"
        ) from error
    for argument, one, kept in zip(("x", "v"), given, (x, *further), strict=False):
        if not np.array_equal(one, kept):
            raise ValueError(f"{name} writes to its argument {argument}: work on {argument}.copy()")
    if raw.dtype.kind == "c":
        raise ValueError(f"{name} is complex at x = {shown(x)}: expected real numbers, such as a real part")
    if name == "f" and raw.dtype.kind in "iub":
        kind = "truth values" if raw.dtype.kind == "b" else f"integers ({raw.dtype})"
        raise ValueError(f"f returns {kind}: what takes whole values alone has no slopes; compute with floats")
    found = functions.as_numbers(name, raw)
    if not np.all(np.isfinite(found)):
        raise ValueError(
            f"{name} is {nan_or_infinite(found)} at x = {shown(x)}: give start=, a point where f and its derivatives "
            "are finite"
        )
    return found


def _not_the_same(name: str, first: Array, again: Array) -> NoReturn:
    worst = np.unravel_index(np.argmax(np.abs(first - again)), first.shape)
    one, two = float(first[worst]), float(again[worst])
    rounding = abs(one - two) <= 64 * EPS * max(abs(one), abs(two))
    advice = (
        "its sums are rounded in another order each time: compute with one thread"
        if rounding
        else "make its random numbers inside, from a fixed seed, and keep no state between calls"
    )
    raise ValueError(f"{name} is not deterministic: at the same x it gave {one!r}, then {two!r}; {advice}")
