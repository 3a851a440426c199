"""Forward passes as many people write them: each is derived, and its derivative and the exported code are right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["WRITTEN", "Written", "written"]

Function = Callable[..., Any]
Written = tuple[Function, str, dict[str, Any], Function | None]
"""A function, the argument that it is differentiated by, the shapes of its arguments, what is assumed."""

WRITTEN: dict[str, Written] = {}


def written(wrt: str, assumptions: Function | None = None, **shapes: Any) -> Callable[[Function], Function]:
    """Put a function into the table."""

    def register(function: Function) -> Function:
        WRITTEN[function.__name__] = function, wrt, shapes, assumptions
        return function

    return register
