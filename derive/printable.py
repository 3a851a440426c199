"""What can be printed: the methods that a derivation and a formula share."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Printable"]


class Printable:
    """Documents of itself in every format; a renderer is imported when it is asked for."""

    __slots__ = ()

    def latex(self, lang: str = "en", *, fragment: bool = False) -> str:
        """As a LaTeX document, or with ``fragment`` as its body. Everything is checked first."""
        return str(_renderer("latex", "latex")(self, lang=lang, fragment=fragment))

    def html(self, lang: str = "en") -> str:
        """As one HTML page that needs nothing else. Everything is checked first."""
        return str(_renderer("html", "html")(self, lang=lang))

    def markdown(self, lang: str = "en") -> str:
        """As Markdown. Everything is checked first."""
        return str(_renderer("markdown", "markdown")(self, lang=lang))

    def text(self, lang: str = "en", width: int = 80) -> str:
        """As Unicode text for a terminal. Everything is checked first."""
        return str(_renderer("terminal", "text")(self, lang=lang, width=width))

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return str(_renderer("notebook", "notebook")(self))

    def _repr_latex_(self) -> str:
        return str(_renderer("latex", "results")(self))


def _renderer(module: str, function: str) -> Callable[..., Any]:
    found: Callable[..., Any] = getattr(importlib.import_module(f"derive.render.{module}"), function)
    return found
