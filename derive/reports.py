"""What is sent to the authors when a result disagrees with its check: a Python file that shows it again."""

from __future__ import annotations

import importlib.metadata
import inspect
import platform
import textwrap
from collections.abc import Callable
from typing import Any

from derive.derivation import Check, Derivation
from derive.program import Source

__all__ = ["report"]

PACKAGES = ("gradproof", "numpy", "scipy", "sympy")


def report(derivation: Derivation, check: Check, seed: int) -> str:
    """The file: versions, what disagrees, the function with its shapes, and the call that shows it again."""
    source = derivation.program.source
    lines = [f"# {line}" for line in ("A result that disagrees with its check.", "", *_versions(), "")]
    lines += [f"# {line}".rstrip() for line in check.message.splitlines()]
    if source is None:
        return "\n".join([*lines, "", "# It was not derived from a NumPy function: send the program too.", ""])
    lines += ["", "import numpy as np", "", "import derive", "from derive.evidence import evidence_for", ""]
    lines += ["", *_code(source.function), ""]
    if source.assumptions is not None:
        lines += ["", *_code(source.assumptions), ""]
    return "\n".join([*lines, "", f"evidence_for({_call(derivation, source)}, seed={seed})", ""])


def _versions() -> list[str]:
    found = [f"{name} {importlib.metadata.version(name)}" for name in PACKAGES]
    return [", ".join([*found, f"Python {platform.python_version()}", platform.machine()])]


def _code(function: Callable[..., Any]) -> list[str]:
    """The source of a function; what can be said where there is none."""
    try:
        return textwrap.dedent(inspect.getsource(function)).rstrip().splitlines()
    except (OSError, TypeError):
        return [f"# The source of {_name(function)!r} was not found: please put it here."]


def _name(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__name__", "function"))


def _call(derivation: Derivation, source: Source) -> str:
    shapes = {t.name: tuple(a if isinstance(a, int) else str(a) for a in t.axes) for t in source.arguments}
    names = [t.name for t in derivation.wrt]
    wrt = repr(names[0]) if len(names) == 1 else repr(tuple(names))
    if derivation.kind == "mixed":
        wrt = ", ".join(map(repr, names if len(names) > 1 else names * 2))
    order = f", order={derivation.order - 1}" if derivation.kind == "taylor" else ""
    assumed = f", assumptions={_name(source.assumptions)}" if source.assumptions is not None else ""
    return f"derive.{derivation.kind}({_name(source.function)}, {wrt}{order}, shapes={shapes!r}{assumed})"
