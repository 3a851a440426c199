"""How a call of NumPy becomes a call of a rule.

Arguments are read by NumPy's own signature, so that a position means what it means there. The options that many
functions share are carried out here, for all of them: ``out``, ``where``, ``initial`` and ``dtype``. Nothing that is
given is passed over: what a rule does not know is an error.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from derive.errors import MissingRuleError, NotationError
from derive.tracing.session import session

__all__ = ["carried_out", "real_at", "shown"]

SHARED = frozenset({"out", "where", "initial", "dtype"})
IGNORED = frozenset(
    {"casting", "subok", "like", "copy", "device", "order", "signature", "optimize",
     "writeable", "check_finite", "overwrite_a", "overwrite_b"}
)  # fmt: skip
"""What says how NumPy computes, and not what."""

NEUTRAL = {"sum": 0, "nansum": 0, "prod": 1}
"""What stands for an entry that ``where`` leaves out."""
STARTED_BY = {
    "sum": "add",
    "prod": "multiply",
    "max": "maximum",
    "amax": "maximum",
    "min": "minimum",
    "amin": "minimum",
}
"""How ``initial`` joins the entries."""


def carried_out(path: str, rule: Callable[..., Any], args: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
    """What a rule makes of the arguments that NumPy's function at this path is called with."""
    real = real_at(path)
    if isinstance(real, np.ufunc) and not options and len(args) <= real.nin:
        return rule(*args)
    listed, named, shared = _read(path, rule, real, args, options)
    condition, out = shared.get("where", True), shared.get("out")
    out = out[0] if isinstance(out, tuple) else out
    alone = isinstance(real, np.ufunc)
    if condition is not True and not alone:
        found = _of_some(path, rule, listed, named, condition, shared.get("initial"))
    else:
        found = rule(*listed, **named)
        if "initial" in shared:
            found = _started(path, found, shared["initial"])
    if "dtype" in shared:
        found = _typed(found, shared["dtype"])
    if condition is not True and alone:
        found = _chosen(path, condition, found, out)
    return found if out is None else _put(out, found)


def _typed(found: Any, dtype: Any) -> Any:
    from derive.tracing.arrays import Array, dtype_of

    if not isinstance(found, Array) or (found.kind == "real" and dtype_of(dtype) == np.float64):
        return found
    return found.astype(dtype)


def _of_some(
    path: str, rule: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any], condition: Any, initial: Any
) -> Any:
    """A function along axes of the entries at which a condition holds."""
    from derive.tracing.numpy_shim import call

    array = args[0] if args else named.pop(next(iter(named)))
    if path in ("mean", "nanmean"):
        ones = call("ones_like", (array,), {})
        total, count = (call("sum", (one,), {**named, "where": condition}) for one in (array, ones))
        return total / count
    neutral = NEUTRAL.get(path, initial if path in STARTED_BY else None)
    if neutral is None:
        raise MissingRuleError(session().here(f"{shown(path)} has no rule for where=: choose with np.where before"))
    found = rule(call("where", (condition, array, neutral), {}), *args[1:], **named)
    return found if initial is None else _started(path, found, initial)


def _started(path: str, found: Any, initial: Any) -> Any:
    from derive.tracing.numpy_shim import call

    if path not in STARTED_BY:
        raise MissingRuleError(session().here(f"{shown(path)} has no rule for initial="))
    return call(STARTED_BY[path], (found, initial), {})


def _chosen(path: str, condition: Any, found: Any, out: Any) -> Any:
    from derive.tracing.numpy_shim import call

    if out is None:
        raise MissingRuleError(
            session().here(f"{shown(path)} with where= and without out= leaves entries that nobody knows: give out=")
        )
    return call("where", (condition, found, out), {})


def _put(out: Any, found: Any) -> Any:
    """The result, written to ``out``."""
    from derive.tracing.arrays import Array

    if isinstance(out, Array):
        out[...] = found
        return out
    raise NotationError(session().here("out= is an array of plain numbers: make it with np.zeros or np.empty_like"))


# -------------------------------------------------------------------------------------------------- signatures


Read = tuple[tuple[Any, ...], dict[str, Any], dict[str, Any]]


def _read(path: str, rule: Callable[..., Any], real: Any, args: tuple[Any, ...], options: Mapping[str, Any]) -> Read:
    """The arguments by place, those by the names of the rule, and the options that are carried out here."""
    signature, ours = _signature(path), _parameters(rule)
    if signature is None or any(p.kind is p.VAR_POSITIONAL for p in ours.values()):
        shared = {k: v for k, v in options.items() if k in SHARED and k not in ours and v is not None}
        own = {k: v for k, v in options.items() if k not in shared and (k in ours or k not in SHARED | IGNORED)}
        for name in own:
            if name not in ours:
                raise _unknown(path, name)
        return args, own, shared
    try:
        bound = signature.bind(*args, **options).arguments
    except TypeError as error:
        raise NotationError(session().here(f"{shown(path)}: {error}")) from error
    theirs, places = list(signature.parameters), list(ours)
    given: dict[str, Any] = {}
    shared = {}
    for name, value in _flat(bound, signature):
        place = theirs.index(name) if name in theirs else len(places)
        if name in ours:
            given[name] = value
        elif name in SHARED:
            shared |= {name: value} if value is not None else {}
        elif place < len(places) and places[place] not in theirs:
            given[places[place]] = value
        elif name not in IGNORED and not _is_default(signature, name, value):
            raise _unknown(path, name)
    return (), given, shared


def _unknown(path: str, name: str) -> MissingRuleError:
    return MissingRuleError(session().here(f"{shown(path)} has no rule for the argument {name!r}"))


def _flat(bound: Mapping[str, Any], signature: inspect.Signature) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in bound.items():
        if signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
            found += value.items()
        elif value is not np._NoValue:
            found.append((name, value))
    return found


def _is_default(signature: inspect.Signature, name: str, value: Any) -> bool:
    known = signature.parameters.get(name)
    plain = isinstance(value, (bool, str, int, float))
    return known is not None and (value is known.default or (plain and bool(value == known.default)))


def shown(path: str) -> str:
    """The function at a path as the user writes it."""
    if path.startswith(("scipy", "math.")):
        return path.replace("scipylinalg.", "scipy.linalg.")
    return f"np.{path}"


@lru_cache
def _parameters(rule: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(rule).parameters)


@lru_cache
def _signature(path: str) -> inspect.Signature | None:
    """The signature of NumPy's function; None where it takes any number of arrays, or does not say."""
    try:
        found = inspect.signature(real_at(path))
    except (TypeError, ValueError):
        return None
    several = any(p.kind is p.VAR_POSITIONAL for p in found.parameters.values())
    return None if several or path == "arange" else found


@lru_cache
def real_at(path: str) -> Any:
    """NumPy's own function at a path; None where there is none that is loaded."""
    import math

    import scipy.linalg
    import scipy.special

    first, _, rest = path.partition(".")
    where: Any = {"math": math, "scipy": scipy.special, "scipylinalg": scipy.linalg}.get(first, np)
    for name in (path if where is np else rest).split("."):
        where = getattr(where, name, None)
    return where
