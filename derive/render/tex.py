"""The pen that writes LaTeX, for every format that lets TeX or KaTeX draw.

``latex_math`` writes a node on one line; ``aligned`` breaks a long one. Widths are estimated in em of the text font
from the metrics of Computer Modern. Whatever a person has named is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

import sympy

from derive.nodes import Node
from derive.render.mathematics import Pen, Scope, Side, Writer
from derive.render.naming import Names, Symbol, symbol_of
from derive.render.runs import ADD, AT_FACTOR, AT_SIGN, ATOM, MUL, Run, Token, break_lines
from derive.render.tex_text import SIGNS, tex_text

__all__ = ["TexPen", "aligned", "compact", "latex_math", "text_width", "widest"]

ROOM = 37.0
"""Width of a displayed line, in em: what fits the page of the document at 11 pt."""
CONTINUED = 3.2
"""How far the lines after the first are indented."""
SMALL = 0.72
"""Size of a subscript."""


def latex_math(node: Node | Side, names: Names | None = None) -> str:
    """A node or a statement as LaTeX, on one line."""
    return _written(node, names or Names()).source


def _written(node: Node | Side, names: Names) -> Run:
    writer = Writer(TexPen())
    if isinstance(node, Node):
        return writer.node(node, Scope(names.freed(node)))
    return writer.statement(node, Scope(names.freed(node.left).freed(node.right)))


def aligned(tokens: Sequence[Token], room: float = ROOM) -> str:
    """Tokens as one display, broken into lines where it is too long for one."""
    lines = break_lines(tokens, room, room - CONTINUED)
    if len(lines) == 1:
        return lines[0].source
    rows = [f"&{lines[0].source}", *(rf"&\qquad {line.source}" for line in lines[1:])]
    # aligned would leave room for another column, and either has a thin space before it
    return "\\!\\begin{alignedat}{1}\n" + " \\\\\n".join(rows) + "\n\\end{alignedat}"


_ONE = r"([A-Za-z0-9]|\\[a-zA-Z]+)"
_BRACES = re.compile(rf"(\^|_|\\frac|\\sqrt|\\mathbf|\\bar|\\dot|\\hat)\{{{_ONE}\}}")
_DENOMINATOR = re.compile(rf"(\\frac *(?:[A-Za-z0-9]|\\[a-zA-Z]+))\{{{_ONE}\}}")


def _without_braces(fraction: re.Match[str]) -> str:
    above, below = fraction.groups()
    if below.startswith("\\"):
        return f"{above}{below} "
    return f"{above} {below}" if above[-1].isalpha() and "\\" in above[1:] else above + below


def compact(source: str) -> str:
    """LaTeX without the braces and the spaces that it can do without."""
    found = source.replace(r"\,", " ")
    for long, short in ((r"\lVert ", r"\|"), (r"\rVert ", r"\|"), (r"\lVert", r"\|"), (r"\rVert", r"\|")):
        found = found.replace(long, short)
    found = _BRACES.sub(lambda m: f"{m[1]}{' ' if m[1][-1].isalpha() and m[2][0].isalpha() else ''}{m[2]} ", found)
    found = re.sub(r"(\\frac *(?:[A-Za-z0-9]|\\[a-zA-Z]+)) \{", r"\1{", found)
    found = _DENOMINATOR.sub(_without_braces, found)
    if found.startswith(r"\frac"):
        found = rf"\t{found[1:]}" if re.match(r"\\frac *[A-Za-z0-9]{2}", found) else found
    return re.sub(r" +(?=[\s)\]}^_,.])|(?<=[(\[{ ]) +", "", re.sub(r" +", " ", found)).strip()


def widest(tokens: Sequence[Token], room: float = ROOM) -> float:
    """The width of the longest line of ``aligned``."""
    lines = break_lines(tokens, room, room - CONTINUED)
    return max(line.width + (CONTINUED if m else 0) for m, line in enumerate(lines))


# --------------------------------------------------------------------------------------------------- pen


_WIDE = dict(
    zip(
        "abcdefghijklmnopqrstuvwxyz",
        (53, 43, 43, 52, 47, 49, 48, 58, 35, 41, 52, 30, 88, 60, 49, 50, 45, 45, 47, 36, 57, 49, 72, 57, 49, 47),
        strict=True,
    )
) | dict(
    zip(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (75, 76, 72, 83, 74, 65, 79, 84, 44, 56, 85, 68, 97, 81, 77, 65, 79, 76, 62, 59, 69, 59, 95, 83, 59, 69),
        strict=True,
    )
)


def _beside(sources: Sequence[str], *, compact: bool) -> str:
    """Indices in a row; a command ends before the letter that comes next."""
    if not compact:
        return ",".join(sources)
    return "".join(
        source + " " if re.search(r"\\[a-zA-Z]+$", source) and m + 1 < len(sources) else source
        for m, source in enumerate(sources)
    )


def _stacked(marks: Sequence[str]) -> list[str]:
    """Dots beside each other are one mark."""
    found: list[str] = []
    for mark in marks:
        if mark == "dot" and found[-1:] in (["dot"], ["ddot"]):
            found[-1] = "d" + found[-1]
        else:
            found.append(mark)
    return found


def text_width(text: str) -> float:
    """About how wide a text is, in em."""
    return sum(_WIDE.get(c, 100 if ord(c) >= 0x2E80 else 55) for c in text) / 100


def _atom(source: str, width: float, height: int = 0) -> Run:
    return Run((Token(source, width),), ATOM, height)


class TexPen(Pen):
    """Draws in LaTeX that amsmath and KaTeX understand."""

    room = ROOM

    def symbol(self, symbol: Symbol) -> Run:
        return self.entry(symbol, (), compact=True)

    def digits(self, text: str) -> Run:
        return _atom(text.replace("…", r"\ldots{}"), 0.5 * len(text))

    def constant(self, name: str) -> Run:
        return _atom({"infinity": r"\infty", "pi": r"\pi", "e": "e"}[name], {"infinity": 1.0}.get(name, 0.5))

    def foreign(self, value: sympy.Expr) -> Run:
        names = {s: self.symbol(symbol_of(s.name)).source for s in value.free_symbols}
        source = sympy.latex(value, symbol_names=names)
        return Run((Token(source, text_width(str(value))),), ADD, 2)

    _SIGN: ClassVar = {True: "-", False: "+"}

    def sign(self, negative: bool, *, leading: bool, breakable: bool = True) -> Token:
        sign = self._SIGN[negative]
        if leading:
            return Token(sign, 0.78)
        return Token(f" {sign} ", 1.22, AT_SIGN if breakable else 0, "{}" + sign + " ")

    _RELATIONS: ClassVar = {
        "=": "=", "≤": r"\le", "≥": r"\ge", "<": "<", ">": ">", "≠": r"\ne", "≈": r"\approx", "⇒": r"\Rightarrow",
        ":=": ":=", "|": r"\mid",
    }  # fmt: skip

    def relation(self, relation: str) -> Token:
        if relation == ",":
            return Token(", ", 0.45, AT_SIGN + 1)
        drawn = self._RELATIONS[relation]
        return Token(f" {drawn} ", 1.33, AT_SIGN, "{}" + drawn + " ")

    def between_factors(self, left: Run, right: Run) -> Token:
        digits = right.source[:1].isdigit() and left.source[-1:].isdigit()
        tall = max(left.height, right.height) and not right.open
        gap = r" \cdot " if digits else r"\," if tall else " "
        return Token(gap, 0.17, AT_FACTOR, r"{}\cdot ")

    _FENCES: ClassVar = {
        "(": ("(", ")"), "[": ("[", "]"), "|": (r"\lvert ", r"\rvert "), "‖": (r"\lVert ", r"\rVert "),
        "⌊": (r"\lfloor ", r"\rfloor "),
    }  # fmt: skip
    _LARGER: ClassVar = ("", r"\bigl", r"\Bigl", r"\biggl")

    def fence(self, inside: Run, kind: str = "(") -> Run:
        left, right = self._FENCES[kind]
        size = self._LARGER[min(inside.height, 3)]
        gap = r"\," if kind == "[" and inside.height else ""
        width = 0.4 + 0.15 * inside.height
        opening = Token(f"{size}{left}{gap}", width)
        closing = Token(f"{gap}{size.replace('l', 'r') if size else ''}{right}", width)
        return Run((opening, *inside.deeper(), closing), ATOM, inside.height)

    def fraction(self, above: Run, below: Run) -> Run:
        width = max(above.width, below.width) + 0.25
        height = 3 if max(above.height, below.height) >= 2 else 2
        return Run((Token(rf"\frac{{{above.source}}}{{{below.source}}}", width),), MUL, height)

    def is_fraction(self, run: Run) -> bool:
        return len(run.tokens) == 1 and run.tokens[0].source.startswith(r"\frac")

    def root(self, inside: Run) -> Run:
        return _atom(rf"\sqrt{{{inside.source}}}", inside.width + 0.85, inside.height)

    def raised(self, base: Run, exponent: Run) -> Run:
        last = base.tokens[-1]
        top = Token(f"{last.source}^{{{exponent.source}}}", last.width + SMALL * exponent.width)
        return Run((*base.tokens[:-1], top), ATOM, max(base.height, 1 if exponent.height else 0))

    def exponential(self, exponent: Run) -> Run | None:
        if exponent.height >= 2 or exponent.width > 0.3 * self.room:
            return None
        return self.raised(self.constant("e"), exponent)

    def gap(self) -> Token:
        return Token(" ", 0.17)

    _HATS: ClassVar = {
        "inverse": "{-1}", "transposed": r"{\top}", "inverse transposed": r"{-\top}",
    }  # fmt: skip

    def entry(self, symbol: Symbol, indices: Sequence[Run], *, compact: bool, hat: str = "") -> Run:
        base, width = self._base(symbol)
        below = self._subscripts(symbol.subscripts)
        lengths = [text_width(part) for part in symbol.subscripts]
        if symbol.of is not None:
            of = self.symbol(symbol.of)
            below = of.source
            lengths.append(of.width)
        source = below
        if indices:
            source += ("," if below else "") + _beside([i.source for i in indices], compact=compact)
            lengths += [i.width for i in indices] + ([] if compact else [0.28] * len(indices))
        above = "'" * symbol.primes
        if hat:
            above = f"^{self._HATS[hat]}"
            width += 0.9
        if source:
            above += f"_{{{source}}}"
        return _atom(base + above, width + SMALL * sum(lengths) + 0.05 * len(lengths) + 0.25 * symbol.primes)

    def _base(self, symbol: Symbol) -> tuple[str, float]:
        width = text_width(symbol.base)
        one = len(symbol.base) == 1
        if symbol.base == "·":
            base, width = r"\cdot", 0.28
        elif one and symbol.base in SIGNS:
            base = SIGNS[symbol.base]
        elif one and symbol.base.isascii() and symbol.base.isalpha():
            base = rf"\mathbf{{{symbol.base}}}" if symbol.bold else symbol.base
        else:
            base = self._upright(symbol.base)
        for mark in _stacked(symbol.marks):
            command = r"\overline" if mark == "bar" and not one else "\\" + mark
            base = f"{command}{{{base}}}"
        return base, width

    def _upright(self, text: str) -> str:
        if text.isascii() and text.isalnum():
            return rf"\mathrm{{{text}}}"
        return rf"\text{{{tex_text(text, breaking=False)}}}"

    def _subscripts(self, parts: Sequence[str]) -> str:
        plain = all(part.isascii() and part.isalpha() for part in parts)
        if len(parts) > 1 and plain:
            return self._upright(("" if all(len(part) == 1 for part in parts) else "-").join(parts))
        return ",".join(SIGNS[p] if p in SIGNS else p if p.isdigit() else self._upright(p) for p in parts)

    def at(self, value: Run, indices: Sequence[Run], *, compact: bool) -> Run:
        source = _beside([i.source for i in indices], compact=compact)
        last = value.tokens[-1]
        bottom = Token(f"{last.source}_{{{source}}}", last.width + SMALL * sum(i.width + 0.2 for i in indices))
        return Run((*value.tokens[:-1], bottom), ATOM, value.height)

    def total(self, letters: Sequence[Run]) -> Token:
        width = SMALL * (sum(x.width for x in letters) + 0.28 * (len(letters) - 1))
        return Token(rf"\sum_{{{','.join(x.source for x in letters)}}} ", max(1.44, width) + 0.17)

    def function(self, name: str, latex: str) -> Run:
        return _atom(latex, 0.5 * len(name) if name != "sigmoid" else 0.57)

    def under(self, name: str, latex: str, letters: Sequence[Run]) -> Run:
        drawn = {"argmax": r"\operatorname*{arg\,max}", "argmin": r"\operatorname*{arg\,min}"}.get(name, latex)
        source = f"{drawn}_{{{','.join(x.source for x in letters)}}}"
        width = 0.5 * len(name) + (0 if name in ("max", "min") else SMALL * sum(x.width for x in letters))
        return _atom(source, width, 1 if name in ("max", "min", "argmax", "argmin") else 0)

    def cases(self, rows: Sequence[tuple[Run, Run]]) -> Run:
        body = r" \\ ".join(f"{value.source} & {condition.source}" for value, condition in rows)
        width = 2.0 + max(value.width for value, _ in rows) + max(condition.width for _, condition in rows)
        return _atom(rf"\begin{{cases}} {body} \end{{cases}}", width, 3)

    def stacked(self, rows: Sequence[Sequence[Run]]) -> Run:
        body = r" \\ ".join(" & ".join(cell.source for cell in row) for row in rows)
        width = sum(max(cell.width for cell in column) + 1.2 for column in zip(*rows, strict=True))
        return _atom(rf"\begin{{bmatrix}} {body} \end{{bmatrix}}", width, 3)

    def partial(self, above: Run | None, below: Run) -> Run:
        top = r"\partial " + above.source if above else r"\partial"
        width = 0.8 + max(above.width if above else 0.0, below.width)
        return _atom(rf"\frac{{{top}}}{{\partial {below.source}}}", width, 2)

    def along(self) -> Run:
        return _atom(r"\operatorname{D}", 1.0)

    def slope(self, indices: Sequence[Run]) -> Run:
        source = "".join(rf"\partial_{{{i.source}}} " for i in indices)
        return _atom(source, sum(0.6 + SMALL * i.width for i in indices))

    def remainder(self, index: Run, divisor: Run) -> Run:
        source = rf"{index.source} \bmod {divisor.source}"
        return Run((Token(source, index.width + divisor.width + 2.4),), ADD)

    def quotient(self, index: Run, divisor: Run, *, exact: bool) -> Run:
        source = f"{index.source}/{divisor.source}"
        if not exact:
            source = rf"\lfloor {source} \rfloor"
        return _atom(source, index.width + divisor.width + (0.5 if exact else 1.4))

    def divides(self, divisor: Run, index: Run) -> Run:
        return _atom(rf"[\,{divisor.source} \mid {index.source}\,]", index.width + divisor.width + 2.0)
