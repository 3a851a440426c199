"""Names and prose in LaTeX: nothing that a person has written is a command."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from derive.render.naming import GREEK

__all__ = ["SIGNS", "is_chinese", "tex_text"]

_ESCAPES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "`": r"\textasciigrave{}", "'": "'", "*": "*",
    "\u2018": "`", "\u2019": "'", "\u201c": "``", "\u201d": "''", "–": "--", "—": "---", "…": r"\dots{}",
    "\u00a0": "~",
    "§": r"\S{}", "†": r"\dag{}", "ß": r"\ss{}", "ø": r"\o{}", "Ø": r"\O{}", "æ": r"\ae{}", "Æ": r"\AE{}",
    "œ": r"\oe{}", "ł": r"\l{}", "Ł": r"\L{}", "ı": r"\i{}", "å": r"\aa{}", "Å": r"\AA{}",
}  # fmt: skip

SIGNS = {
    "∂": r"\partial", "Σ": r"\Sigma", "∑": r"\sum", "∏": r"\prod", "√": r"\surd", "∞": r"\infty", "∇": r"\nabla",
    "≤": r"\le", "≥": r"\ge", "≠": r"\ne", "≈": r"\approx", "≡": r"\equiv", "∼": r"\sim", "∝": r"\propto",
    "±": r"\pm", "×": r"\times", "·": r"\cdot", "⋅": r"\cdot", "÷": r"\div", "−": "-", "⊙": r"\odot",
    "⊗": r"\otimes",
    "⊕": r"\oplus", "∘": r"\circ", "→": r"\to", "←": r"\leftarrow", "↦": r"\mapsto", "⇒": r"\Rightarrow",
    "⇔": r"\Leftrightarrow", "∈": r"\in", "∉": r"\notin", "⊂": r"\subset", "∪": r"\cup", "∩": r"\cap",
    "∀": r"\forall",
    "∃": r"\exists", "⟨": r"\langle", "⟩": r"\rangle", "‖": r"\Vert", "⌊": r"\lfloor", "⌋": r"\rfloor",
    "⌈": r"\lceil", "⌉": r"\rceil", "⊤": r"\top", "ᵀ": r"^{\top}", "⁻": "^{-}", "⁺": "^{+}", "°": r"^{\circ}",
    "′": r"'",
    "ℝ": r"\mathbb{R}", "ℓ": r"\ell", "𝔼": r"\mathbb{E}", "∫": r"\int", "≪": r"\ll", "≫": r"\gg", "⪰": r"\succeq",
    "≻": r"\succ", "⪯": r"\preceq", "≺": r"\prec", "¬": r"\neg", "∧": r"\wedge", "∨": r"\vee", "⋯": r"\cdots",
    "ϕ": r"\phi", "ϵ": r"\epsilon", "ε": r"\varepsilon", "φ": r"\varphi", "✓": r"\checkmark",
}  # fmt: skip
for _name, _letter in GREEK.items():
    if _letter in "ου":
        continue
    SIGNS.setdefault(_letter, "\\" + _name.rstrip("_").replace("lmbda", "lambda"))
SIGNS["λ"], SIGNS["υ"] = r"\lambda", r"\upsilon"

_ACCENTS = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=", "\u0306": "u", "\u0307": ".",
    "\u0308": '"', "\u030a": "r", "\u030b": "H", "\u030c": "v", "\u0327": "c", "\u0328": "k",
}  # fmt: skip

_MATH_ACCENTS = {"\u0302": r"\hat", "\u0303": r"\tilde", "\u0304": r"\bar", "\u0307": r"\dot"}

_LONG = 24
"""A word longer than this may be broken anywhere."""


def is_chinese(text: str) -> bool:
    """Whether the text needs the Chinese font."""
    return any(_in_chinese_font(c) for c in text)


def _in_chinese_font(character: str) -> bool:
    if ord(character) < 0x2E80:
        return False
    try:
        character.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


def tex_text(text: str, *, breaking: bool = True) -> str:
    """Prose for LaTeX: nothing in it is a command. What the fonts lack is shown by its number."""
    words = []
    for word in text.split():
        anywhere = breaking and len(word) > _LONG and not is_chinese(word)
        words.append((r"\hspace{0pt}" if anywhere else "").join(_characters(word)))
    return " ".join(words)


def _characters(word: str) -> Iterator[str]:
    clusters: list[str] = []
    for c in unicodedata.normalize("NFC", word):
        if unicodedata.combining(c) and clusters:
            clusters[-1] += c
        else:
            clusters.append(c)
    return map(_character, clusters)


def _character(cluster: str) -> str:
    c, marks = cluster[0], cluster[1:]
    if marks:
        return _marked(c, marks)
    if c in _ESCAPES:
        return _ESCAPES[c]
    if c in SIGNS:
        return f"${SIGNS[c]}$"
    if c.isascii():
        return c if c.isprintable() else ""
    return c if _in_chinese_font(c) else _decomposed(c)


def _marked(base: str, marks: str) -> str:
    """A letter with the accents that stand on it; accents that the fonts lack are left out."""
    drawn = _character(base)
    for mark in marks:
        if mark in _ACCENTS:
            in_math = base in SIGNS and mark in _MATH_ACCENTS
            drawn = rf"${_MATH_ACCENTS[mark]}{{{drawn.strip('$')}}}$" if in_math else rf"\{_ACCENTS[mark]}{{{drawn}}}"
    return drawn


_SHIFTED = {"<super>": "^", "<sub>": "_"}


def _decomposed(character: str) -> str:
    kind = unicodedata.decomposition(character).split(" ")[0]
    plain = unicodedata.normalize("NFKD", character).replace("\u2044", "/")
    base, marks = plain[0], plain[1:]
    if kind in _SHIFTED and plain.isascii() and plain.isalnum():
        return f"${_SHIFTED[kind]}{{{plain}}}$"
    if base.isascii() and base.isalnum() and marks and all(m in _ACCENTS for m in marks):
        return _marked(base, marks)
    if plain != character and plain.isascii():
        return "".join(_ESCAPES.get(c, c) for c in plain)
    return "" if unicodedata.combining(character) else f"[U+{ord(character):04X}]"
