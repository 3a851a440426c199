"""A formula's text cut into names, numbers and signs, and the error that shows where a text is wrong.

Data
    ``FormulaError``  what is wrong with a text, and where.
    ``Token``         a name, a number, a sign or the end.

The two most important functions are ``tokens`` and ``FormulaError.__str__``, which puts a caret under the place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from verify.critical.shown.layout import cell_width

__all__ = ["NAME", "FormulaError", "Token", "tokens"]

# So many columns of the text stand above the caret.
SHOWN = 64

NUMBER = re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
NAME = re.compile(r"[^\W\d]\w*(?:\[ *[0-9]+(?: *, *[0-9]+)* *\])?")
SIGNS = re.compile(r"\*\*|[-+*/^(),]")
SAME_SIGN = str.maketrans({"−": "-", "–": "-", "·": "*", "×": "*", "⋅": "*"})
SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
MODULES = {"np", "numpy", "math", "torch", "jnp", "jax", "sympy", "sp", "F"}


class FormulaError(ValueError):
    """A text that is no formula: ``reason`` says why, ``place`` where in ``text`` (counted from 0)."""

    def __init__(self, text: str, place: int, reason: str) -> None:
        super().__init__(text, place, reason)
        self.text, self.place, self.reason = text, place, reason

    def __str__(self) -> str:
        start = max(0, min(self.place - SHOWN // 2, len(self.text) - SHOWN))
        end = start + SHOWN
        before, after = ("…" if start else ""), ("…" if end < len(self.text) else "")
        shown = before + "".join(map(_printable, self.text[start:end])) + after
        margin = cell_width(before + "".join(map(_printable, self.text[start : self.place])))
        return f"{self.reason}\n  {shown}\n  {' ' * margin}^" if self.text.strip() else self.reason


def _printable(character: str) -> str:
    return character if character.isprintable() else " "


@dataclass(frozen=True)
class Token:
    """A number, a name, a sign, or the end, and where it stands."""

    kind: str
    text: str
    place: int

    def __str__(self) -> str:
        return "the end" if self.kind == "end" else repr(self.text)


def tokens(text: str) -> list[Token]:
    found: list[Token] = []
    read = text.translate(SAME_SIGN)
    place = 0
    while place < len(read):
        if read[place].isspace():
            place += 1
            continue
        for kind, pattern in (("number", NUMBER), ("name", NAME), ("sign", SIGNS)):
            match = pattern.match(read, place)
            written = match[0] if match else ""
            if kind == "name":
                written = _identifier(written)
            if written:
                found.append(Token(kind, written.replace(" ", ""), place))
                place += len(written)
                break
        else:
            raise FormulaError(text, place, _no_sign(text, place, found))
    return [*found, Token("end", "", len(text.rstrip()))]


def _identifier(word: str) -> str:
    """The beginning of a word that is a name: letters such as ² end it."""
    name = word.partition("[")[0]
    end = next((end for end in range(len(name), 0, -1) if name[:end].isidentifier()), 0)
    return word if end == len(name) else name[:end]


def _no_sign(text: str, place: int, before: list[Token]) -> str:
    """What to say of a character that no formula has."""
    character = text[place]
    if character in SUPERSCRIPTS:
        return f"powers are written with **: {character} is **{SUPERSCRIPTS.index(character)}"
    if character == "=":
        return "give the expression only, without '=' and what stands before it"
    if character == ".":
        if before and before[-1].text in MODULES:
            return f"functions have no module here: write sin(x), not {before[-1].text}.sin(x)"
        return "unexpected '.': it stands in numbers only"
    if character in "[]":
        return "an index follows a name at once, and is a number: w[0] or w[0,1]"
    if character in "{}":
        return "only round parentheses group: ( and )"
    if character in "<>!&|":
        return f"{character!r} compares, and a formula has a number as its value"
    return f"unexpected {character!r}: a formula is made of names, numbers, + - * / ** ^ ( ) and functions"
