"""What can be asked about: a program, an entry of the catalogue by its id, a NumPy function with its shapes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from derive.errors import NotationError
from derive.program import Program

__all__ = ["Assumptions", "Shapes", "Subject", "is_function", "program_of"]

Subject = Program | str | Callable[..., Any]
Shapes = Mapping[str, Any]
Assumptions = Callable[..., Any]


def is_function(subject: Subject) -> bool:
    """Whether this is a NumPy function."""
    return not isinstance(subject, (Program, str))


def program_of(subject: Subject, shapes: Shapes | None = None, assumptions: Assumptions | None = None) -> Program:
    """The program of a subject. ``shapes`` and ``assumptions`` belong to a NumPy function, see ``derive.tracing``.

    Raises: NotationError where a function has no shapes, or what is no function has some.
    """
    if not is_function(subject):
        if shapes is not None or assumptions is not None:
            raise NotationError("shapes and assumptions belong to a NumPy function: a program has its own")
        if isinstance(subject, Program):
            return subject
        from derive.formula import formula

        assert isinstance(subject, str)
        return formula(subject).program()
    if not callable(subject):
        raise NotationError(f"{subject!r} is no program, no id of the catalogue and no function")
    if shapes is None:
        raise NotationError('a NumPy function needs the shapes of its arguments: shapes={"X": ("n", "d"), …}')
    from derive.tracing import trace

    return trace(subject, shapes, assumptions)
