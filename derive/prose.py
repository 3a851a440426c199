"""Prose with formulas in it: what stands between backticks is mathematics, in the notation of plain text.

``prose`` splits a text into words and formulas. A formula is read by the grammar below into a tree, which formats
draw; nothing of it is ever executed. The grammar is closed: what it does not know is a NotationError.

    formula   = { operator | relation | separator | operand }
    operand   = atom { "'" } { subscript | superscript } [ "!" ]
    atom      = number | word | symbol | "√" operand | "(" formula ")", and so with [ ] { } | | ‖ ‖ ⟨ ⟩ ⌊ ⌋ ⌈ ⌉
    subscript = "_" script | number | ₀₁₂… | "[" formula "]"        superscript = "^" script | ⁰¹²…ᵀ
    script    = [ "-" ] ( number | word | symbol ) | "{" formula "}"

What belongs to an atom follows it without a space: ``x[i]`` is an entry, ``x [i = j]`` a product with a bracket. A
word of two letters could be a product or a name, so it is refused outside scripts: ``A x``, ``A_x``.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from functools import cache

from derive.errors import NotationError

__all__ = [
    "Fenced", "Inline", "Number", "Part", "Root", "Scripted", "Sign", "Word", "check_prose", "prose", "quoted",
    "without_marks",
]  # fmt: skip


@dataclass(frozen=True)
class Word:
    """A letter or a longer name; ``marks`` stand over a letter, the inner first."""

    text: str
    marks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Number:
    """Digits, and the power of ten after an ``e``."""

    digits: str
    exponent: str = ""


@dataclass(frozen=True)
class Sign:
    """An operator, a relation, a separator or a symbol that is no letter; a space between two operands."""

    text: str


@dataclass(frozen=True)
class Fenced:
    """Parts between two brackets."""

    left: str
    inside: tuple[Part, ...]
    right: str


@dataclass(frozen=True)
class Root:
    """A square root."""

    inside: Part


@dataclass(frozen=True)
class Scripted:
    """A base with primes and scripts; indices in brackets are a subscript that is ``Fenced``."""

    base: Part
    primes: int
    below: tuple[tuple[Part, ...], ...]
    above: tuple[Part, ...]


Part = Word | Number | Sign | Fenced | Root | Scripted


@dataclass(frozen=True)
class Inline:
    """A formula in prose: as it was typed, and as it was read."""

    source: str
    parts: tuple[Part, ...]


@cache
def prose(text: str) -> tuple[str | Inline, ...]:
    """The words and the formulas of a text, in their order.

    A backtick without a partner is a character, and so are two or more beside each other.
    Raises: NotationError with the formula, the place in it and the text.
    """
    pieces = _BACKTICK.split(text)
    found: list[str | Inline] = []
    for m, piece in enumerate(pieces):
        if m % 2 and m + 1 < len(pieces):
            found.append(_Reader(" ".join(piece.split()), text).inline())
        else:
            found.append("`" + piece if m % 2 else piece)
    return tuple(part for part in found if part)


def check_prose(text: object, where: str) -> None:
    """Raises: NotationError when a formula in the text, or in one of a pair of texts, cannot be read."""
    for one in text if isinstance(text, tuple) else (text,):
        if isinstance(one, str) and "`" in one:
            try:
                prose(one)
            except NotationError as error:
                raise NotationError(f"{where}: {error}") from None


def quoted(formula: str) -> str:
    """A formula between backticks; as it is where the grammar does not know it, as with some names of users."""
    try:
        prose(f"`{formula}`")
    except NotationError:
        return formula
    return f"`{formula}`"


def without_marks(text: str) -> str:
    """The text for a terminal: formulas as they were typed, the backticks around them gone."""
    return "".join(part if isinstance(part, str) else part.source for part in prose(text))


_BACKTICK = re.compile("(?<!`)`(?!`)")


# ------------------------------------------------------------------------------------------------------- signs

OPERATORS = frozenset("+-−±·×÷/⊙⊘⊗⊕∘∪∩")
RELATIONS = frozenset("=≠<>≤≥≈≡∼∝≪≫∈∉⊂→←↦⇒⇔≻⪰≺⪯") | {":="}
SEPARATORS = frozenset(",;:")
SYMBOLS = frozenset("∂∇∞ℓℝ𝔼∑∏∫⊤…⋯∀∃𝟏½¼¾")
GREEK = frozenset("αβγδεζηθικλμνξπρστυφχψωϕϵΓΔΘΛΞΠΣΥΦΨΩ")
FENCES = {"(": ")", "[": "]", "{": "}", "⟨": "⟩", "⌊": "⌋", "⌈": "⌉", "|": "|", "‖": "‖"}
BARS = frozenset("|‖")
MARKS = {"\u0302": "hat", "\u0303": "tilde", "\u0304": "bar", "\u0307": "dot"}
SHORT = frozenset({"mu", "nu", "xi", "pi", "Xi", "Pi", "tr", "ln", "KL"})
"""Words of two letters that are no products."""
INSTEAD = {"**": "^", "*": "·", ">=": "≥", "<=": "≤", "!=": "≠", "==": "=", "->": "→", "=>": "⇒", "...": "…"}
DEEPEST = 12
"""How deep brackets, scripts and roots may be nested."""

_KINDS = {
    "operator": OPERATORS, "relation": RELATIONS, "separator": SEPARATORS, "symbol": SYMBOLS, "word": GREEK,
    "fence": frozenset((*FENCES, *FENCES.values())), "prime": frozenset("'′"), "root": frozenset("√"),
    "script": frozenset("_^"), "factorial": frozenset("!"),
}  # fmt: skip
OPERANDS = frozenset({"number", "word", "symbol", "root", "fence"})

_TOKEN = re.compile(
    r"(?P<space>\s)"
    r"|(?P<number>[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)"
    r"|(?P<word>[A-Za-z]+)"
    rf"|(?P<wrong>{'|'.join(map(re.escape, INSTEAD))})"
    r"|(?P<sign>:=|.)",
    re.DOTALL,
)


def _kind(sign: str) -> str:
    """The kind of a sign; empty where the notation has no such sign."""
    for kind, signs in _KINDS.items():
        if sign in signs:
            return kind
    plain = unicodedata.normalize("NFKD", sign)
    shift = unicodedata.decomposition(sign).partition(">")[0]
    if plain in "+−" or (plain.isascii() and plain.isalnum()):
        return {"<super": "superscript", "<sub": "subscript"}.get(shift, "")
    return ""


def _is_letter(c: str) -> bool:
    return c in GREEK or (c.isascii() and c.isalpha())


# ------------------------------------------------------------------------------------------------------ reading


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    place: int
    marks: tuple[str, ...] = ()


class _Reader:
    """Reads one formula, from left to right."""

    def __init__(self, source: str, text: str) -> None:
        self.source = source
        self.text = text
        self.next = 0
        self.depth = 0
        self.tokens = self.split()

    def inline(self) -> Inline:
        if not self.source:
            raise NotationError(f"nothing stands between the backticks of {self.text!r}")
        return Inline(self.source, self.formula())

    def wrong(self, place: int, reason: str) -> NotationError:
        where = "" if self.text == f"`{self.source}`" else f", in {self.text!r}"
        return NotationError(f"`{self.source}`{where}: {reason}, at character {place + 1} of the formula")

    # -- tokens

    def split(self) -> list[_Token]:
        found: list[_Token] = []
        place = 0
        while place < len(self.source):
            c = self.source[place]
            base, accents = (clean := unicodedata.normalize("NFD", c))[0], clean[1:]
            if c in MARKS:
                if not found or found[-1].kind != "word" or len(found[-1].text) > 1:
                    raise self.wrong(place, "an accent stands on one letter")
                found[-1] = replace(found[-1], marks=(*found[-1].marks, MARKS[c]))
                place += 1
            elif accents and _is_letter(base) and all(a in MARKS for a in accents):
                found.append(_Token("word", base, place, tuple(MARKS[a] for a in accents)))
                place += 1
            else:
                found.append(self.token(place))
                place += len(found[-1].text)
        return found

    def token(self, place: int) -> _Token:
        match = _TOKEN.match(self.source, place)
        assert match is not None
        kind, text = match.lastgroup, match[0]
        if kind == "wrong":
            raise self.wrong(place, f"for {text} write {INSTEAD[text]}")
        kind = _kind(text) if kind == "sign" else kind
        if not kind:
            raise self.wrong(place, f"{text!r} is not part of the notation")
        return _Token(kind, text, place)

    @property
    def ahead(self) -> _Token | None:
        return self.tokens[self.next] if self.next < len(self.tokens) else None

    def take(self) -> _Token:
        self.next += 1
        return self.tokens[self.next - 1]

    # -- the grammar, a method for each of its lines

    def formula(self, opening: _Token | None = None, *, script: bool = False) -> tuple[Part, ...]:
        """Parts up to the bracket that closes ``opening``, which is taken; up to the end where that is None."""
        closing = None if opening is None else FENCES[opening.text]
        parts: list[Part] = []
        while (token := self.ahead) is not None and not (token.kind == "fence" and token.text == closing):
            if token.kind == "space":
                self.take()
                if parts and not _is_operator(parts[-1]) and self.ahead is not None and self.ahead.kind in OPERANDS:
                    parts.append(Sign(" "))
            elif token.kind in ("operator", "relation", "separator"):
                if token.kind == "relation" and parts and isinstance(parts[-1], Sign) and parts[-1].text in RELATIONS:
                    raise self.wrong(token.place, "one relation follows another")
                parts.append(Sign(self.take().text))
            else:
                parts.append(self.operand(script=script))
                if self.ahead is not None and self.ahead.kind == "factorial":
                    parts.append(Sign(self.take().text))
        if opening is not None:
            if token is None:
                raise self.wrong(opening.place, f"{opening.text} is not closed")
            if not parts:
                raise self.wrong(opening.place, "there is nothing between the brackets")
            self.take()
        return tuple(parts)

    def operand(self, *, script: bool) -> Part:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.wrong(self.tokens[self.next].place, "this is nested too deeply")
        base = self.atom(script=script)
        primes = 0
        below: list[tuple[Part, ...]] = []
        above: list[Part] = []
        while (token := self.ahead) is not None:
            if token.kind == "prime" and not below and not above:
                self.take()
                primes += 1
            elif token.text == "_":
                below.append(self.script(self.take()))
            elif token.text == "^":
                above += self.script(self.take())
            elif token.kind == "number" and isinstance(base, Word) and not (below or above):
                below.append((self.atom(script=True),))
            elif token.kind == "subscript":
                below.append(self.shifted(token.kind))
            elif token.kind == "superscript":
                above += self.shifted(token.kind)
            elif token.text == "[" and not isinstance(base, (Number, Root)):
                below.append((Fenced("[", self.formula(self.take(), script=True), "]"),))
            else:
                break
        self.depth -= 1
        return Scripted(base, primes, tuple(below), tuple(above)) if primes or below or above else base

    def atom(self, *, script: bool) -> Part:
        token = self.take()
        match token.kind:
            case "number":
                digits, _, exponent = token.text.partition("e")
                return Number(digits, exponent.removeprefix("+"))
            case "word":
                if len(token.text) == 2 and token.text not in SHORT and not script:
                    product, name = " ".join(token.text), "_".join(token.text)
                    advice = f"{token.text} could be a product or a name: write {product} or {name}"
                    raise self.wrong(token.place, advice)
                return Word(token.text, token.marks)
            case "symbol":
                return Sign(token.text)
            case "root":
                if self.ahead is None or self.ahead.kind not in OPERANDS:
                    raise self.wrong(token.place, "nothing follows the root")
                return Root(self.operand(script=script))
            case "fence" if token.text in BARS and not self.has_partner(token):
                return Sign(token.text)
            case "fence" if token.text in FENCES:
                return Fenced(token.text, self.formula(token, script=script), FENCES[token.text])
            case "fence":
                raise self.wrong(token.place, f"{token.text} closes nothing")
        raise self.wrong(token.place, f"{token.text} has nothing to stand on")

    def has_partner(self, bar: _Token) -> bool:
        """Whether a bar is closed by another inside the same brackets; else it stands alone, as in p(y|x)."""
        depth = 0
        for token in self.tokens[self.next :]:
            if token.kind == "fence" and token.text not in BARS:
                depth += 1 if token.text in FENCES else -1
            if depth < 0:
                return False
            if token.text == bar.text and not depth:
                return True
        return False

    def script(self, sign: _Token) -> tuple[Part, ...]:
        if self.ahead is not None and self.ahead.text == "{":
            return self.formula(self.take(), script=True)
        minus: tuple[Part, ...] = ()
        if self.ahead is not None and self.ahead.text in ("-", "−"):
            minus = (Sign(self.take().text),)
        if self.ahead is None or self.ahead.kind not in ("number", "word", "symbol"):
            raise self.wrong(sign.place, f"nothing follows {sign.text}")
        named = self.ahead.kind == "word"
        parts = (*minus, self.atom(script=True))
        if named and self.ahead is not None and self.ahead.kind == "number":
            parts = (*parts, self.atom(script=True))
        return parts

    def shifted(self, kind: str) -> tuple[Part, ...]:
        """A run of raised or lowered characters, as what they are on the line."""
        parts: list[Part] = []
        while self.ahead is not None and self.ahead.kind == kind:
            plain = unicodedata.normalize("NFKD", self.take().text)
            parts.append(Number(plain) if plain.isdigit() else Word(plain) if plain.isalpha() else Sign(plain))
        return tuple(Sign("⊤") if kind == "superscript" and part == Word("T") else part for part in parts)


def _is_operator(part: Part) -> bool:
    return isinstance(part, Sign) and part.text not in SYMBOLS
