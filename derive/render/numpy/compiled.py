"""The function of a derivation, compiled from the source that was written for it.

This is the only place where text is executed, and the text is our own: every name in it was checked to be an
identifier when it was written, and it is looked at once more before it runs.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from derive.errors import NotationError
from derive.render.numpy.export import held, numpy_source

if TYPE_CHECKING:
    from derive.derivation import Derivation

__all__ = ["compiled"]

MODULES = frozenset({"numpy", "numpy.lib.stride_tricks", "scipy.spatial.distance", "scipy.special"})


def compiled(derivation: Derivation, name: str | None = None) -> Callable[..., Any]:
    """The function of ``numpy_source``. Raises: NotationError as that does."""
    source = numpy_source(derivation, name)
    tree = ast.parse(source)
    check_source(tree)
    own = next(node.name for node in reversed(tree.body) if isinstance(node, ast.FunctionDef))
    space: dict[str, Any] = {"__name__": own}
    exec(compile(source, f"<{own}>", "exec"), space)
    function: Callable[..., Any] = space[own]
    function.__kwdefaults__ = held(derivation) or None
    return function


def check_source(tree: ast.Module) -> None:
    """Functions and imports of NumPy and SciPy, and nothing else. Raises: NotationError."""
    for node in tree.body:
        imported = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        imported += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        plain = isinstance(node, ast.FunctionDef) and not node.decorator_list
        if not (plain or imported) or not MODULES.issuperset(imported):
            raise NotationError(f"line {node.lineno} of the source is neither a function nor an import of NumPy")
    odd: list[ast.stmt | ast.expr] = []
    for below in ast.walk(tree):
        if isinstance(below, (ast.Import, ast.ImportFrom)) and below not in tree.body:
            odd.append(below)
        if isinstance(below, ast.Attribute) and below.attr.startswith("_"):
            odd.append(below)
    if odd:
        raise NotationError(f"line {odd[0].lineno} of the source does what no formula says")
