"""What is classified: an expression of SymPy's, or the components of a program, a NumPy function, a catalogue entry.

The functions are ``read`` (the expression and its variables) and ``coordinate`` (a number that somebody gave).
"""

from __future__ import annotations

import keyword
from collections.abc import Mapping, Sequence
from typing import Any

import sympy

from derive.critical_points.equations import exact
from derive.errors import NotationError
from derive.program import Program
from derive.subjects import program_of
from derive.symbolic import Components

__all__ = ["coordinate", "read"]


def read(
    expression: Any, symbols: Sequence[Any] | None, shapes: Mapping[str, Any] | None, sizes: Mapping[str, int] | None
) -> tuple[sympy.Expr, tuple[sympy.Symbol, ...]]:
    """The expression in real symbols, and these in their order. Raises: NotationError."""
    if isinstance(expression, sympy.Expr):
        if shapes is not None or sizes is not None:
            raise NotationError(
                "shapes and sizes belong to a NumPy function or a program: a SymPy expression has none"
            )
        found = expression
    elif isinstance(expression, (Program, str)) or callable(expression):
        found = _components(expression, shapes, sizes or {})
    else:
        raise NotationError(
            f"the expression is one of SymPy's, a program, an id of the catalogue or a function, not {expression!r}"
        )
    chosen = sorted(found.free_symbols, key=lambda s: s.name) if symbols is None else list(symbols)
    listed = [x if isinstance(x, sympy.Symbol) else sympy.Symbol(str(x)) for x in chosen]
    by_name = {}
    for x in listed:
        if not x.name.isidentifier() or keyword.iskeyword(x.name):
            raise NotationError(f"a variable needs a name that is an identifier, not {x.name!r}")
        if x.is_real is False:
            raise NotationError(
                f"the variable {x.name!r} is declared not to be real: critical points are of real functions"
            )
        by_name[x.name] = sympy.Symbol(x.name, real=True, positive=x.is_positive)
    stray = [x for x in found.free_symbols if x.name not in by_name]
    if stray:
        raise NotationError(
            f"{', '.join(sorted(x.name for x in stray))} is none of the symbols: put numbers in for it"
        )
    if not by_name:
        raise NotationError(f"{found} has no variable: name them, symbols=…")
    f = exact(found.xreplace({x: by_name[x.name] for x in found.free_symbols}))
    if not f.free_symbols:
        raise NotationError(f"{found} is constant: every point is critical, and there is nothing to classify")
    if f.has(sympy.I, sympy.zoo, sympy.nan, sympy.oo, -sympy.oo):
        raise NotationError(f"{found} is no real function: it holds an imaginary unit, an infinity or nan")
    return f, tuple(by_name.values())


def _components(subject: Any, shapes: Mapping[str, Any] | None, sizes: Mapping[str, int]) -> sympy.Expr:
    """A scalar output in the entries of its inputs."""
    program = program_of(subject, shapes)
    given = {}
    stray = set(sizes) - {size.name for size in program.sizes()}
    if stray:
        raise NotationError(
            f"{', '.join(sorted(stray))} is no length that is left open: tracing fixed it, or no axis has it"
        )
    for size in program.sizes():
        if size.name not in sizes:
            raise NotationError(f"the length of the axis {size.name} is not known: sizes={{{size.name!r}: 2, …}}")
        given[size] = sizes[size.name]
    if program.output.axes:
        raise NotationError(f"{program.output.name!r} is no scalar: only scalars have critical points")
    made: sympy.Expr = Components(program, given).entry(program.output, ())
    return made


def coordinate(value: Any) -> sympy.Expr:
    """A real number, decimals taken as they are written. Raises: NotationError."""
    if isinstance(value, (str, bool)):
        raise NotationError(f"a coordinate is a number or an expression of SymPy's, not {value!r}")
    made = exact(sympy.Rational(str(value)) if isinstance(value, float) else sympy.S(value))
    if made.free_symbols or made.is_real is False:
        raise NotationError(f"a coordinate is a real number, not {value!r}")
    return made
