"""Prose for the formats that draw LaTeX.

Formulas in prose keep the form that their author gave them: a slash stays a slash.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from derive.prose import RELATIONS, Fenced, Inline, Number, Part, Root, Scripted, Sign, Word, prose
from derive.render.naming import GREEK
from derive.render.tex_text import SIGNS

__all__ = ["tex_formula", "write_prose"]


def write_prose(text: str, words: Callable[[str], str], formula: Callable[[str], str]) -> str:
    """Prose in a format: ``words`` escapes text, ``formula`` marks LaTeX as part of a line."""

    def spaced(part: str) -> str:
        # what escapes may drop the space between a word and a formula
        before, after = (" " if end.isspace() else "" for end in (part[0], part[-1]))
        return f"{before}{words(part.strip())}{after}" if part.strip() else " "

    return "".join(spaced(p) if isinstance(p, str) else formula(tex_formula(p)) for p in prose(text)).strip()


def tex_formula(formula: Inline) -> str:
    """The formula in LaTeX, without dollars around it; a line may end at its relations only."""
    drawn = ""
    for relation, side in _sides(formula.parts):
        source = _row(side)
        drawn += relation + (f"{{{source}}}" if _may_break(side) else source)
    return drawn.strip()


_OWN_COMMAND = frozenset(
    {"exp", "log", "ln", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arcsin", "arctan", "max", "min", "det", "lim"}
)
_FUNCTIONS = {
    **{name: f"\\{name}" for name in _OWN_COMMAND},
    **{name: rf"\operatorname{{{name}}}" for name in ("softmax", "diag", "tr", "rank", "sign", "ReLU", "KL")},
    "argmax": r"\operatorname*{arg\,max}",
    "argmin": r"\operatorname*{arg\,min}",
    "sigmoid": r"\sigma",
}
_SIGNS = {
    **SIGNS, "⊘": r"\oslash", "…": r"\dots", "𝟏": r"\mathbf{1}", "½": r"\tfrac{1}{2}", "¼": r"\tfrac{1}{4}",
    "¾": r"\tfrac{3}{4}", "|": r"\mid", "‖": r"\parallel", ":": r"\colon",
}  # fmt: skip
_FENCES = {
    "{": (r"\{", r"\}"), "|": (r"\lvert", r"\rvert"), "‖": (r"\lVert", r"\rVert"), "⟨": (r"\langle", r"\rangle"),
    "⌊": (r"\lfloor", r"\rfloor"), "⌈": (r"\lceil", r"\rceil"),
}  # fmt: skip
_SPACED = frozenset("+-−±·×÷⊙⊘⊗⊕∘∪∩=≠<>≤≥≈≡∼∝≪≫∈∉⊂→←↦⇒⇔≻⪰≺⪯|‖") | {":="}
_SUMS = {"Σ": r"\sum", "Π": r"\prod"}
"""With letters below, these are no letters."""


def _sides(parts: Sequence[Part]) -> Iterator[tuple[str, Sequence[Part]]]:
    """What stands between relations, each with the relation before it."""
    start, relation = 0, ""
    for m, part in enumerate(parts):
        if isinstance(part, Sign) and part.text in RELATIONS:
            yield relation, parts[start:m]
            start, relation = m + 1, f" {_part(part)} "
    yield relation, parts[start:]


def _may_break(parts: Sequence[Part]) -> bool:
    """Whether TeX would end a line at an operator."""
    for part in parts:
        base = part.base if isinstance(part, Scripted) else part
        if _is_operator(base) or (isinstance(base, Fenced) and _may_break(base.inside)):
            return True
    return False


def _row(parts: Sequence[Part], *, script: bool = False) -> str:
    pieces = []
    for m, part in enumerate(parts):
        before, after = parts[m - 1] if m else None, parts[m + 1] if m + 1 < len(parts) else None
        if part == Sign(" "):
            # letters beside each other are a product, words beside each other need a gap
            pieces.append(r"\," if _is_upright(before) or _is_upright(after) else "")
        elif isinstance(part, Sign) and part.text in _SPACED and before is not None and not _is_operator(before):
            pieces.append(f" {_part(part)} ")
        elif isinstance(part, Sign) and part.text in ",;:":
            pieces.append(f"{_part(part)} ")
        elif isinstance(part, Word) and _is_upright(part) and _opens(after):
            pieces.append(rf"\operatorname{{{part.text}}}")
        else:
            pieces.append(_part(part, script=script))
    return _beside(pieces).strip()


def _beside(pieces: Iterable[str]) -> str:
    """Pieces in a row; a command ends before the letter that comes next."""
    row = ""
    for piece in pieces:
        row += " " + piece if re.search(r"\\[a-zA-Z]+$", row) and piece[:1].isalpha() else piece
    return row


def _is_operator(part: Part) -> bool:
    return isinstance(part, Sign) and part.text in _SPACED


def _opens(part: Part | None) -> bool:
    base = part.base if isinstance(part, Scripted) else part
    return isinstance(base, Fenced) and base.left == "("


def _is_upright(part: Part | None) -> bool:
    """Whether this is a word that is neither a letter nor a function with a command of its own."""
    base = part.base if isinstance(part, Scripted) else part
    return isinstance(base, Word) and len(base.text) > 1 and base.text not in GREEK and base.text not in _FUNCTIONS


def _part(part: Part, *, script: bool = False) -> str:
    match part:
        case Word():
            return _word(part, script=script)
        case Number(digits, ""):
            return digits
        case Number(digits, exponent):
            power = f"10^{{{exponent}}}"
            return power if digits == "1" else rf"{digits} \times {power}"
        case Sign(text):
            return _SIGNS.get(text, text)
        case Fenced(left, inside, right):
            opening, closing = _FENCES.get(left, (left, right))
            return _beside((opening, _row(inside, script=script), closing))
        case Root(Fenced("(", inside, _) | Scripted(Fenced("(", inside, _), 0, (), ())):
            return rf"\sqrt{{{_row(inside)}}}"
        case Root(inside):
            return rf"\sqrt{{{_part(inside)}}}"
        case Scripted():
            return _scripted(part, script=script)


def _word(word: Word, *, script: bool) -> str:
    letter = GREEK.get(word.text, word.text)
    if len(letter) == 1:
        drawn = SIGNS.get(letter, letter)
    elif letter in _FUNCTIONS:
        drawn = _FUNCTIONS[letter]
    else:
        # two letters below a third are two indices
        drawn = letter if script and len(letter) == 2 else rf"\mathrm{{{letter}}}"
    for mark in word.marks:
        drawn = rf"\{mark}{{{drawn}}}"
    return drawn


def _scripted(part: Scripted, *, script: bool) -> str:
    drawn = _part(part.base, script=script)
    if part.below and isinstance(part.base, Word):
        drawn = _SUMS.get(part.base.text, drawn)
    drawn += "'" * part.primes
    if part.below:
        drawn += f"_{{{','.join(map(_below, part.below))}}}"
    if part.above:
        drawn += f"^{{{_row(part.above, script=True)}}}"
    return drawn


def _below(parts: tuple[Part, ...]) -> str:
    """A subscript; indices of one letter each need no commas."""
    match parts:
        case (Fenced("[", inside, _),):
            indices = _split(inside)
            compact = all(len(index) == 1 and _is_single(index[0]) for index in indices)
            drawn = [_row(index, script=True) for index in indices]
            return _beside(drawn) if compact else ",".join(drawn)
    return _row(parts, script=True)


def _split(parts: tuple[Part, ...]) -> list[list[Part]]:
    found: list[list[Part]] = [[]]
    for part in parts:
        if part == Sign(","):
            found.append([])
        else:
            found[-1].append(part)
    return found


def _is_single(part: Part) -> bool:
    match part:
        case Word(text):
            return len(GREEK.get(text, text)) == 1
        case Number(digits, ""):
            return len(digits) == 1
    return part == Sign("·")
