"""What is typed after ``verify saddle``: a function of a file with its derivatives, a formula, a box, a point.

The three most important functions are ``of_file`` (a function and its derivatives, by their names), ``of_formula``
and ``read_box``.
"""

from __future__ import annotations

import contextlib
import difflib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from derive.console import complain
from derive.user_files import importing_beside, module_of

__all__ = ["Asked", "of_file", "of_formula", "of_target", "parted", "read_box", "read_start"]

DERIVATIVES = ("gradient", "hessian", "hvp")

Box = list[tuple[float, float]] | dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Asked:
    """What is searched, and how it is called: ``f`` and ``given`` go to ``find_critical_points``."""

    title: str
    f: Any
    names: tuple[str, ...] | None = None
    given: Mapping[str, Any] = field(default_factory=dict)
    module: ModuleType | None = None


def of_formula(text: str, symbols: list[str] | None) -> Asked:
    from verify.critical.formula.formula_text import read_formula

    expression, variables = read_formula(text, symbols)
    if not variables:
        raise ValueError(f"the formula {text!r} has no variables: name them with --symbols, as in --symbols x,y")
    names = tuple(one.name for one in variables)
    if "^" in text:
        complain("verify: ^ is read as a power, like **")
    return Asked(f"f({', '.join(names)}) = {expression}", expression, names, {"symbols": variables})


def of_target(target: str, symbols: list[str] | None) -> tuple[Asked, Path | None]:
    parts = re.fullmatch(r"(.+\.py)(?::(.*))?", target)
    if parts is None:
        if not re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", target):
            raise ValueError(
                f"{target!r} is no Python file and no entry of the catalogue: name a function as FILE.py:NAME, or "
                f'give a formula as --expr "{target}"'
            )
        return Asked(target, target, None if symbols is None else tuple(symbols)), None
    file = Path(parts[1])
    with importing_beside(file):
        return of_file(module_of(file), parts[2] or None, symbols), file


def of_file(module: ModuleType, name: str | None, symbols: list[str] | None = None) -> Asked:
    """A function of a file, with ``NAME_gradient``, ``NAME_hessian`` and ``NAME_hvp`` where they are beside it.

    Without a name it is ``f``, or the only function that is no derivative of another.

    Raises: ValueError when it is not there, or is no function and no expression.
    """
    file = Path(module.__file__ or module.__name__).name
    known = _functions(module)
    if name is None:
        name = "f" if "f" in known else known[0] if len(known) == 1 else None
    if name is None:
        listed = f"it has {', '.join(known)}" if known else "it has none"
        raise ValueError(f"{file} does not say which function: name one as {file}:NAME; {listed}")
    if not hasattr(module, name):
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or known
        raise ValueError(f"{file} has no {name!r}; there is {', '.join(near) or 'no function in it'}")
    f = getattr(module, name)
    if not _is_function(f):
        raise ValueError(f"{file}:{name} is {type(f).__name__}: expected a function of a vector, or an expression")
    given = {}
    for what in DERIVATIVES:
        derivative = getattr(module, f"{name}_{what}", None)
        if derivative is not None and not callable(derivative):
            raise ValueError(f"{file}:{name}_{what} is {type(derivative).__name__}: expected a function")
        if derivative is not None:
            given[what] = derivative
        elif callable(getattr(module, what, None)) and what != name:
            complain(f"verify: {what} is not used: that of {name} is called {name}_{what}")
    return Asked(f"{file}:{name}", f, None if symbols is None else tuple(symbols), given, module)


def _functions(module: ModuleType) -> list[str]:
    """Names that a file defines itself, without those of derivatives."""
    own = [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and _is_function(value)
        and not isinstance(value, type)
        and (not callable(value) or getattr(value, "__module__", module.__name__) == module.__name__)
    ]
    return [name for name in own if name not in DERIVATIVES and name.rpartition("_")[2] not in DERIVATIVES]


def _is_function(value: Any) -> bool:
    return (callable(value) and not _is_symbol(value)) or hasattr(value, "free_symbols")


def _is_symbol(value: Any) -> bool:
    return bool(getattr(value, "is_Symbol", False))


# ------------------------------------------------------------------------------------------------------- numbers


def read_box(text: str, names: Sequence[str] | None = None) -> Box:
    """The ends for each coordinate: ``-5,5;0,1`` in order, or ``x=-5,5; y=0,1`` by name. Ends may be ``2*pi`` or so.

    Raises: ValueError when something else is written, or coordinates are missing, unknown or named twice.
    """
    parts = [part.strip() for part in text.split(";")]
    if parts and not parts[-1]:
        parts.pop()
    wanted = 'expected --box "LOWER,UPPER;LOWER,UPPER", one pair for each coordinate, or --box "x=LOWER,UPPER; y=…"'
    pairs = []
    for part in parts:
        name, equals, ends = part.rpartition("=")
        numbers = [one for one in parted(ends) if one]
        if len(numbers) != 2 or (equals and not name.strip()):
            raise ValueError(f"the box {text!r} has {part!r}: {wanted}")
        pairs.append((name.strip(), (_number(numbers[0], "--box"), _number(numbers[1], "--box"))))
    if not pairs:
        raise ValueError(f"the box is empty: {wanted}")
    found: Box = _by_name(pairs, names, f"the box {text!r}", "pair")
    return found


def read_start(text: str, names: Sequence[str] | None = None) -> list[float]:
    """A point: ``0.5,1`` in the order of the coordinates, or ``x=0.5, y=1`` by name.

    Raises: ValueError when something else is written, or coordinates are missing, unknown or named twice.
    """
    pairs = []
    for part in parted(text.replace(";", ",")):
        name, _, number = part.rpartition("=")
        if not number.strip():
            raise ValueError(f'the start {text!r} lacks a number: expected --start "0.5,1" or --start "x=0.5, y=1"')
        pairs.append((name.strip(), _number(number.strip(), "--start")))
    found = _by_name(pairs, names, f"the start {text!r}", "number")
    if isinstance(found, dict):
        if names is None:
            raise ValueError(
                f"the start {text!r} has names, and those of the coordinates are not known: add --symbols"
            )
        return [float(found[name]) for name in names]
    return [float(number) for number in found]


def _by_name(pairs: list[tuple[str, Any]], names: Sequence[str] | None, what: str, one: str) -> Any:
    """The values in order, or by name where they have names: all of them, each once."""
    given = [name for name, _ in pairs if name]
    if not given:
        if names is not None and len(pairs) != len(names):
            raise ValueError(
                f"{what} has {len(pairs)} {one}{'s' * (len(pairs) != 1)}, and the coordinates are {', '.join(names)}"
            )
        return [value for _, value in pairs]
    if len(given) < len(pairs):
        raise ValueError(f"{what} names some coordinates and not others: name all, or none")
    for name in given:
        if given.count(name) > 1:
            raise ValueError(f"{what} has {name} twice")
        if names is not None and name not in names:
            raise ValueError(f"{what} has {name!r}, which is no coordinate: there is {', '.join(names)}")
    missing = [name for name in names or () if name not in given]
    if missing:
        raise ValueError(f"{what} lacks {', '.join(missing)}")
    found = dict(pairs)
    return {name: found[name] for name in names or given}


def _number(text: str, option: str) -> float:
    """A number, or a formula of numbers such as ``-pi/2``."""
    with contextlib.suppress(ValueError):
        if "_" not in text and not math.isnan(float(text)):
            return float(text)
    from verify.critical.formula.formula_text import FormulaError, read_formula

    try:
        expression, _ = read_formula(text, [])
    except FormulaError as error:
        raise ValueError(f"{option} has {text!r}, which is no number: {error.reason}") from error
    return float(expression)


def parted(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")]
