"""NumPy as a traced function sees it: the functions that have a rule, by the name that NumPy gives them.

Data
    ``FUNCTIONS``   what each function of NumPy and ``scipy.special`` is made of, by its path (``linalg.norm``).
    ``METHODS``     which methods of arrays are which functions.

A row is made by ``implements``; the modules of rows are loaded with the shim. What has no row is NumPy's own where it
is asked about numbers, and an error that names it where it is asked about arrays of the run.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import ModuleType
from typing import Any, TypeVar

import numpy as np
import sympy

from derive.errors import MissingRuleError
from derive.tracing.calls import carried_out, real_at, shown
from derive.tracing.session import session

__all__ = ["FUNCTIONS", "METHODS", "Shim", "call", "implements", "path_of", "refuses", "shim_of", "understood"]

F = TypeVar("F", bound=Callable[..., Any])

FUNCTIONS: dict[str, Callable[..., Any]] = {}

_SEEDED = frozenset({"random.default_rng", "random.RandomState"})
"""With a seed these make the same numbers in every call."""

RANDOM = "draw them outside and give them as an argument"

OBJECTS: dict[str, Any] = {}
"""What stands for objects and types of NumPy: ``np.r_``, ``np.float64``."""

REFUSED: dict[str, str] = {}
"""What to write instead of a function that has no rule, by its path."""

METHODS = {
    name: name
    for name in (
        "sum", "mean", "var", "std", "prod", "max", "min", "cumsum", "dot", "trace", "diagonal", "squeeze",
        "swapaxes", "clip", "repeat", "argmax", "argmin", "take", "sort", "argsort", "round", "any", "all", "nonzero",
        "searchsorted", "conj", "conjugate", "ptp",
    )
}  # fmt: skip

_ROWS = (
    "elementwise", "special", "reductions", "products", "shaping", "joining", "padding", "making", "linear_algebra",
    "ufunc_methods", "statistics", "assembling",
)  # fmt: skip
_SHOWN_WITH = {
    "special": "elementwise", "ufunc_methods": "reductions", "statistics": "reductions",
    "joining": "shaping", "padding": "shaping", "assembling": "shaping",
}  # fmt: skip


def implements(*paths: str) -> Callable[[F], F]:
    """Register what a function of NumPy is made of."""

    def register(function: F) -> F:
        for path in paths:
            FUNCTIONS[path] = function
        return function

    return register


@lru_cache
def _load() -> None:
    for name in _ROWS:
        importlib.import_module(f"derive.tracing.{name}")
    OBJECTS.update(importlib.import_module("derive.tracing.number_types").numpy_types())


def refuses(instead: str, *paths: str) -> None:
    """Say what to write instead of functions that have no rule."""
    REFUSED.update(dict.fromkeys(paths, instead))


def understood() -> dict[str, tuple[str, ...]]:
    """The paths of all functions that have a rule, by the module that holds their rules."""
    _load()
    found: dict[str, list[str]] = {name: [] for name in _ROWS}
    for path, function in FUNCTIONS.items():
        module = function.__module__.rpartition(".")[2]
        found[_SHOWN_WITH.get(module, module)].append(path.replace("scipylinalg.", "scipy.linalg."))
    return {name: tuple(sorted(paths)) for name, paths in found.items() if paths}


def call(path: str, args: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
    """NumPy's function at this path. Raises: MissingRuleError naming it where it has no rule."""
    _load()
    function = FUNCTIONS.get(path)
    if path in _SEEDED and args:
        return real_at(path)(*args)
    if path.startswith("random."):
        raise MissingRuleError(session().here(f"random numbers change from call to call ({shown(path)}): {RANDOM}"))
    if function is None and path not in REFUSED and not _holds_arrays((*args, *options.values())):
        return _of_numbers(path, args, options)
    if function is None:
        instead = REFUSED.get(path, "write it with functions that have one")
        raise MissingRuleError(session().here(f"{shown(path)} has no rule: {instead}"))
    return carried_out(path, function, args, options)


def _of_numbers(path: str, args: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
    """NumPy's own function of sizes, which become numbers."""
    from derive.tracing.lengths import Length

    for one in (*args, *options.values()):
        for size in one if isinstance(one, (tuple, list)) else (one,):
            if isinstance(size, Length):
                session().specialise(size.size, f"{shown(path)} needs a number")
    return real_at(path)(*args, **options)


class Shim:
    """A module of NumPy or SciPy, its functions replaced by those of the run."""

    def __init__(self, module: ModuleType, prefix: str = "") -> None:
        self._module = module
        self._prefix = prefix

    def __repr__(self) -> str:
        return f"<{self._module.__name__}, traced>"

    def __getattr__(self, name: str) -> Any:
        _load()
        real = getattr(self._module, name)
        if self._module is np and name in OBJECTS:
            return OBJECTS[name]
        if real is math.pi:
            return exact(sympy.pi)
        if isinstance(real, ModuleType):
            return shim_of(real)
        if name == "norm" and self._module.__name__ == "scipy.stats":
            from derive.tracing.special import NORMAL

            return NORMAL
        if self._module is np.random:
            return traced(real, self._prefix + name)
        if callable(real) and (not isinstance(real, type) or name in _ENTRY_BY_ENTRY):
            return traced(real, self._prefix + name)
        return real


def traced(real: Callable[..., Any], path: str) -> Callable[..., Any]:
    """A function that asks the table where it is given arrays or sizes of the run, and NumPy where it is not."""

    def function(*args: Any, **options: Any) -> Any:
        _load()
        if path in _ENTRY_BY_ENTRY or path.startswith("random."):
            return call(path, args, options)
        if path in FUNCTIONS and (path in _MAKING or _holds(args) or _holds(options.values())):
            return call(path, args, options)
        if _holds(args) or _holds(options.values()) or (path in _EXACT and all(map(_is_number, args))):
            return call(path, args, options)
        return real(*args, **options)

    function.__name__ = path
    if isinstance(real, np.ufunc):
        for method in ("reduce", "accumulate", "outer", "at", "reduceat"):
            setattr(function, method, traced(getattr(real, method), f"{path}.{method}"))
    return function


def exact(value: sympy.Expr) -> Any:
    """A number that no fraction is equal to."""
    from derive.nodes import number
    from derive.tracing.arrays import Array

    return Array((), number(value))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_EXACT = frozenset({"sqrt", "exp", "log", "math.sqrt", "math.exp", "math.log"})
"""Of plain numbers these are kept as they are written."""

_ENTRY_BY_ENTRY = frozenset({"vectorize", "frompyfunc", "apply_along_axis", "apply_over_axes"})
"""These call a function of the user's entry by entry, or row by row."""

_MAKING = frozenset(
    {
        "zeros",
        "ones",
        "empty",
        "full",
        "eye",
        "identity",
        "arange",
        "zeros_like",
        "ones_like",
        "full_like",
        "empty_like",
    }
)
"""These make arrays that the function may write to."""


def _holds_arrays(values: Any) -> bool:
    from derive.tracing.arrays import Array

    return any(
        isinstance(value, Array) or (isinstance(value, (list, tuple)) and _holds_arrays(value)) for value in values
    )


def _holds(values: Any) -> bool:
    from derive.tracing.arrays import Array
    from derive.tracing.lengths import Length

    return any(
        isinstance(value, (Array, Length)) or (isinstance(value, (list, tuple)) and _holds(value)) for value in values
    )


def shim_of(module: ModuleType) -> Any:
    """The shim of NumPy, SciPy or ``math``; other modules as they are."""
    name = module.__name__
    if name == "numpy":
        return Shim(module)
    if name.startswith("numpy."):
        return Shim(module, name.removeprefix("numpy.") + ".")
    if name.startswith("scipy.linalg"):
        return Shim(module, "scipylinalg.")
    if name == "scipy" or name.startswith("scipy."):
        return Shim(module, "scipy.")
    if name == "math":
        return Shim(module, "math.")
    return module


def path_of(function: Any) -> str:
    """The path of a function of NumPy: ``linalg.norm``."""
    module = str(getattr(function, "__module__", "") or "").removeprefix("numpy").removeprefix(".")
    module = ".".join(
        part for part in module.split(".") if part and not part.startswith("_") and part != "fromnumeric"
    )
    name = str(function.__name__)
    return f"{module}.{name}" if module in ("linalg", "fft") else name
