"""Names in the source: identifiers that hide no keyword, no builtin, no size and not each other."""

from __future__ import annotations

import builtins
import keyword
import unicodedata
from collections.abc import Collection

from derive.errors import NotationError

__all__ = ["Identifiers"]

IMPORTED = ("np", "cdist", "erf", "ndtr", "gammaln", "digamma", "polygamma", "sliding_window_view")
RESERVED = frozenset({*keyword.kwlist, *keyword.softkwlist, *dir(builtins), *IMPORTED, "self", "__debug__"})

UNUSED = frozenset(dir(builtins)) - {"len", "range", "reversed", "int", "float", "min", "max", "sum", "slice"}
"""Builtins that no source uses: an argument may have such a name."""


class Identifiers:
    """The identifiers of one function: each is given once."""

    def __init__(self, reserved: frozenset[str] = frozenset()) -> None:
        self.taken: set[str] = set(RESERVED | reserved)
        self.given: set[str] = set()
        self.sizes: dict[str, str] = {}
        self.variables: dict[str, str] = {}

    def size(self, text: str) -> str:
        """The identifier of the size of this name."""
        if text not in self.sizes:
            self.sizes[text] = self.fresh(text)
        return self.sizes[text]

    def fresh(self, text: str) -> str:
        """The identifier that is nearest to ``text`` and not taken. Raises: NotationError when it is no name."""
        plain = unicodedata.normalize("NFKC", text)
        if not plain.isidentifier():
            raise NotationError(f"{text!r} is no identifier, and cannot be a name in Python source")
        while plain in self.taken:
            plain += "_"
        self.taken.add(plain)
        return plain

    def argument(self, text: str) -> str:
        """The identifier of an argument, which is called by its name: one of a builtin that is not used will do."""
        if text in UNUSED and text not in self.given:
            self.given.add(text)
            return text
        return self.fresh(text)

    def own(self, text: str) -> str:
        """The name of the function itself. Raises: NotationError when it is none, or hides another."""
        plain = unicodedata.normalize("NFKC", text)
        if not plain.isidentifier() or plain in self.taken:
            raise NotationError(f"{text!r} cannot be the name of a function: it is no identifier, or has a meaning")
        self.taken.add(plain)
        return plain

    def label(self, text: str) -> str:
        """A name for a value that no tensor has: with a number behind if it is taken."""
        text = text if text.isidentifier() else "term"
        own, number = text, 1
        while own in self.taken:
            number += 1
            own = f"{text}{number}"
        self.taken.add(own)
        return own

    def variable(self, text: str, taken: Collection[str]) -> str:
        """A name for the variable of a loop; loops that do not hold each other may have the same."""
        if text not in self.variables or self.variables[text] in taken:
            own = self.fresh(text)
            self.variables.setdefault(text, own)
            return own
        return self.variables[text]
