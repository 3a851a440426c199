"""A copy of the user's function in which NumPy, ``math`` and a few built-in functions are those of the run.

Nothing that the user has is changed: globals, closures and helper functions are copied, when they are used.
"""

from __future__ import annotations

import builtins
import functools
import importlib
import sys
from collections.abc import Callable, Iterator
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, TypeGuard

import numpy as np

from derive.errors import NotationError
from derive.tracing.arrays import Array
from derive.tracing.lengths import Length, Real
from derive.tracing.number_types import Float, Int
from derive.tracing.numpy_shim import path_of, shim_of, traced
from derive.tracing.session import session
from derive.tracing.special import NORMAL, is_normal

__all__ = ["copied", "is_copyable"]

_LIBRARIES = ("numpy", "scipy", "math", "derive", "verify", "sympy")


def is_copyable(function: object) -> TypeGuard[FunctionType]:
    """Whether this is a function in Python that is not part of a library."""
    if not isinstance(function, FunctionType):
        return False
    return (function.__module__ or "").split(".")[0] not in _LIBRARIES


def is_users_class(value: type) -> bool:
    """Whether this is a plain class in Python: no library's, without slots and without a class of classes."""
    bases = value.__mro__[:-1]
    return bool(bases) and all(
        type(base) is type and _is_users(base.__module__) and "__slots__" not in vars(base) and base.__flags__ & _HEAP
        for base in bases
    )


_HEAP = 1 << 9
"""The flag of types that are made by ``class``."""


def _is_users(module: str) -> bool:
    """Whether a module is neither Python's nor one that is installed."""
    top = str(module or "").partition(".")[0]
    if top in _LIBRARIES or (top in sys.stdlib_module_names and top != "__main__"):
        return False
    return "site-packages" not in str(getattr(sys.modules.get(top), "__file__", "") or "")


class _Module:
    """A module of the user's, what a function takes from it copied."""

    def __init__(self, module: ModuleType, copier: _Copier) -> None:
        self._module, self._copier = module, copier

    def __getattr__(self, name: str) -> Any:
        return self._copier.value(getattr(self._module, name))


class _Random:
    """A generator of random numbers as a traced function sees it."""

    def __getattr__(self, name: str) -> Any:
        return traced(len, f"random.Generator.{name}")


class _Copier:
    """Copies functions, each once."""

    def __init__(self) -> None:
        self.known: dict[int, Any] = {}
        self.originals: list[Any] = []

    def value(self, value: Any) -> Any:
        """What stands in the place of something that a function refers to."""
        if isinstance(value, ModuleType):
            return _Module(value, self) if _is_users(value.__name__) else shim_of(value)
        if type(value) is float:
            return Real(value)
        if is_copyable(value):
            return self.function(value)
        if isinstance(value, MethodType) and is_copyable(value.__func__):
            return MethodType(self.function(value.__func__), self.value(value.__self__))
        if isinstance(value, functools.partial):
            return functools.partial(self.value(value.func), *value.args, **value.keywords)
        if _is_of_library(value):
            return traced(value, _path(value))
        if type(value) in (dict, list, tuple) and _holds_functions(value):
            return self.container(value)
        if isinstance(value, type):
            return self.class_(value) if is_users_class(value) else value
        if is_users_class(type(value)):
            return self.instance(value)
        if isinstance(value, functools._lru_cache_wrapper):
            return self.value(value.__wrapped__)
        if isinstance(value, (np.random.Generator, np.random.RandomState)):
            return _Random()
        if isinstance(value, np.vectorize):
            return traced(value, "vectorize")
        return NORMAL if is_normal(value) else value

    def container(self, value: Any) -> Any:
        """A table or a sequence of functions, copied with them."""
        if id(value) not in self.known:
            self.originals.append(value)
            if isinstance(value, tuple):
                self.known[id(value)] = tuple(map(self.value, value))
            elif isinstance(value, list):
                self.known[id(value)] = []
                self.known[id(value)].extend(map(self.value, value))
            else:
                self.known[id(value)] = {}
                self.known[id(value)].update((key, self.value(one)) for key, one in value.items())
        return self.known[id(value)]

    def class_(self, original: type) -> type:
        """A class of the user's, its methods copied."""
        if id(original) not in self.known:
            self.originals.append(original)
            bases = tuple(self.value(base) for base in original.__bases__)
            made: type = type(original.__name__, bases, {"__doc__": original.__doc__})
            self.known[id(original)] = made
            for name, member in vars(original).items():
                if name not in ("__dict__", "__weakref__", "__doc__"):
                    setattr(made, name, self.member(member))
        found: type = self.known[id(original)]
        return found

    def member(self, member: Any) -> Any:
        """A method, a property or a value of a class."""
        if isinstance(member, (staticmethod, classmethod)):
            return type(member)(self.value(member.__func__))
        if isinstance(member, property):
            return property(*(self.value(one) for one in (member.fget, member.fset, member.fdel)))
        if isinstance(member, functools.cached_property):
            cached: functools.cached_property[Any] = functools.cached_property(self.value(member.func))
            cached.__set_name__(object, str(member.attrname))
            return cached
        return self.value(member)

    def instance(self, original: Any) -> Any:
        """An object of a class of the user's, with what it holds."""
        if id(original) not in self.known:
            self.originals.append(original)
            made: Any = object.__new__(self.class_(type(original)))
            self.known[id(original)] = made
            made.__dict__.update((name, self.value(value)) for name, value in vars(original).items())
        return self.known[id(original)]

    def function(self, original: FunctionType) -> FunctionType:
        if id(original) in self.known:
            found: FunctionType = self.known[id(original)]
            return found
        self.originals.append(original)
        code = _with_reals(original.__code__)
        session().enter(_codes(code))
        own = original.__globals__
        names: dict[str, Any] = {"__builtins__": _BUILTINS, "__name__": original.__module__}
        names["__package__"] = own.get("__package__")
        cells = tuple(CellType() for _ in original.__closure__ or ())
        defaults = tuple(map(self.value, original.__defaults__ or ())) or None
        made = FunctionType(code, names, original.__name__, defaults, cells or None)
        given = original.__kwdefaults__ or {}
        made.__kwdefaults__ = {name: self.value(value) for name, value in given.items()} or None
        self.known[id(original)] = made
        for name in {name for one in _codes(code) for name in one.co_names}:
            if name in original.__globals__:
                names[name] = self.value(original.__globals__[name])
        for cell, known in zip(cells, original.__closure__ or (), strict=True):
            try:
                cell.cell_contents = self.value(known.cell_contents)
            except ValueError:
                continue
        return made


def _holds_functions(container: Any, depth: int = 4) -> bool:
    """Whether there is a function in a table or a sequence, or in one that it holds."""
    inside = container.values() if isinstance(container, dict) else container
    return any(
        is_copyable(one)
        or _is_of_library(one)
        or (depth > 0 and type(one) in (dict, list, tuple) and _holds_functions(one, depth - 1))
        for one in inside
    )


def copied(function: Callable[..., Any]) -> Callable[..., Any]:
    """A copy of a function for the run that is going on. Raises: NotationError where it is none in Python."""
    if isinstance(function, (functools.partial, MethodType)) or is_copyable(function):
        found: Callable[..., Any] = _Copier().value(function)
        return found
    raise NotationError(f"{function!r} is no function written in Python: there is nothing to trace")


def _real(value: Any) -> Any:
    return Real(value) if type(value) is float else value


def _with_reals(code: CodeType) -> CodeType:
    """The same code, its fractions those of the run."""
    constants = (_with_reals(c) if isinstance(c, CodeType) else _real(c) for c in code.co_consts)
    return code.replace(co_consts=tuple(constants))


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _is_of_library(value: Any) -> bool:
    if isinstance(value, np.ufunc):
        return True
    module = str(getattr(value, "__module__", "") or "")
    callable_ = (
        isinstance(value, (BuiltinFunctionType, FunctionType)) or type(value).__name__ == "_ArrayFunctionDispatcher"
    )
    return callable_ and module.split(".")[0] in ("numpy", "scipy", "math")


def _path(value: Any) -> str:
    module = str(getattr(value, "__module__", "") or "")
    if module == "math":
        return f"math.{value.__name__}"
    if module.startswith("scipy.linalg"):
        return f"scipylinalg.{value.__name__}"
    return f"scipy.{value.__name__}" if module.startswith("scipy") else path_of(value)


# ------------------------------------------------------------------------------------------- built-in functions


def _len(value: Any) -> int:
    return value.shape[0] if isinstance(value, Array) and value.ndim else builtins.len(value)


def _range(*bounds: Any) -> range:
    for bound in bounds:
        if isinstance(bound, Length):
            session().specialise(bound.size, "the code counts up to this size in a loop")
    return builtins.range(*bounds)


def _import(name: str, names: Any = None, _: object = None, wanted: Any = (), level: int = 0) -> Any:
    package = str((names or {}).get("__package__") or "")
    found = importlib.import_module("." * level + name, package or None)
    top = sys.modules[found.__name__.partition(".")[0]]
    return shim_of(found if wanted or level else top)


_IMPORT = "__import__"
_BUILTINS: dict[str, Any] = {
    **vars(builtins), "len": _len, "range": _range, "float": Float, "int": Int, _IMPORT: _import,
}  # fmt: skip
