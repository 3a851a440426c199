"""Unicode text: formulas on one line for messages, derivations at a given width for terminals."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import sympy

from derive.index import Index
from derive.nodes import Node, Tensor
from derive.render.mathematics import Pen, Scope, Side, Writer
from derive.render.naming import Names, Symbol, tensor_symbol
from derive.render.runs import ADD, AT_FACTOR, AT_SIGN, ATOM, MUL, POWER, Run, Token

if TYPE_CHECKING:
    from derive.derivation import Evidence
    from derive.render.document import Subject

__all__ = ["TextPen", "columns", "index_text", "plain", "tensor_text", "text"]


def plain(node: Node | Side, names: Names | None = None) -> str:
    """A node or a statement on one line of Unicode: ``-1/n·Σ_{i,k} T[i,k]·log P[i,k]``."""
    writer, known = Writer(TextPen()), names or Names()
    if isinstance(node, Node):
        return writer.node(node, Scope(known.freed(node))).source
    return writer.statement(node, Scope(known.freed(node.left).freed(node.right))).source


def tensor_text(tensor: Tensor) -> str:
    """The name of a tensor; a cotangent as ``X̄``, a tangent as ``Ẋ``."""
    return TextPen().symbol(tensor_symbol(tensor)).source


def index_text(index: Index) -> str:
    """An index: ``s·i+u-p``."""
    return Writer(TextPen()).index(index, Scope(Names())).source


def columns(text: str) -> int:
    """How many columns of a terminal the text takes."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _atom(source: str, level: int = ATOM, height: int = 0) -> Run:
    return Run((Token(source, columns(source)),), level, height)


_NAMES = {
    "sigmoid": "σ", "relu": "ReLU", "normal_cdf": "Φ", "normal_pdf": "φ", "gammaln": "log Γ", "digamma": "ψ",
    "trigamma": "ψ'",
}  # fmt: skip


class TextPen(Pen):
    """Draws in Unicode. Widths are columns of a terminal."""

    def __init__(self, room: float = 74) -> None:
        self.room = room

    _MARKS: ClassVar = {"bar": "\u0304", "dot": "\u0307", "hat": "\u0302", "tilde": "\u0303"}
    _DOTS: ClassVar = (("\u0307\u0307\u0307", "\u20db"), ("\u0307\u0307", "\u0308"))
    """Dots beside each other, not above each other."""

    def symbol(self, symbol: Symbol) -> Run:
        marks = "".join(self._MARKS[m] for m in symbol.marks)
        for above, beside in self._DOTS:
            marks = marks.replace(above, beside)
        of = f"_{self.symbol(symbol.of).source}" if symbol.of is not None else ""
        return _atom(symbol.base[:1] + marks + symbol.base[1:] + symbol.tail + of + "'" * symbol.primes)

    def digits(self, text: str) -> Run:
        return _atom(text)

    def constant(self, name: str) -> Run:
        return _atom({"infinity": "∞", "pi": "π", "e": "e"}[name])

    def foreign(self, value: sympy.Expr) -> Run:
        return _atom(str(value), ADD)

    def sign(self, negative: bool, *, leading: bool, breakable: bool = True) -> Token:
        sign = "-" if negative else "+"
        if leading or not breakable:
            return Token(sign, 1)
        return Token(f" {sign} ", 3, AT_SIGN, sign + " ")

    def relation(self, relation: str) -> Token:
        if relation == ",":
            return Token(", ", 2, AT_SIGN + 1)
        return Token(f" {relation} ", len(relation) + 2, AT_SIGN, relation + " ")

    def between_factors(self, left: Run, right: Run) -> Token:
        return Token("·", 1, AT_FACTOR, "· ")

    _FENCES: ClassVar = {"(": ("(", ")"), "[": ("[", "]"), "|": ("|", "|"), "‖": ("‖", "‖"), "⌊": ("⌊", "⌋")}

    def fence(self, inside: Run, kind: str = "(") -> Run:
        left, right = self._FENCES[kind]
        return Run((Token(left, 1), *inside.deeper(), Token(right, 1)), ATOM, inside.height)

    def fraction(self, above: Run, below: Run) -> Run:
        top = self.fence(above) if above.level == ADD or above.open else above
        bottom = self.fence(below) if below.level <= MUL else below
        return Run((*top.tokens, Token("/", 1), *bottom.tokens), MUL, open=False)

    def root(self, inside: Run) -> Run:
        fenced = inside if inside.level == ATOM and len(inside.tokens) == 1 else self.fence(inside)
        return Run((Token("√", 1), *fenced.tokens), POWER)

    def raised(self, base: Run, exponent: Run) -> Run:
        top = exponent if exponent.level == ATOM else self.fence(exponent)
        return Run((*base.tokens, Token("^", 1), *(Token(t.source, t.width) for t in top.tokens)), POWER)

    def exponential(self, exponent: Run) -> Run | None:
        return None

    def gap(self) -> Token:
        return Token(" ", 1)

    _HATS: ClassVar = {"inverse": "⁻¹", "transposed": "ᵀ", "inverse transposed": "⁻ᵀ"}

    def entry(self, symbol: Symbol, indices: Sequence[Run], *, compact: bool, hat: str = "") -> Run:
        name = self.symbol(symbol).source + (self._HATS[hat] if hat else "")
        return _atom(f"{name}[{','.join(i.source for i in indices)}]" if indices else name)

    def at(self, value: Run, indices: Sequence[Run], *, compact: bool) -> Run:
        tail = f"[{','.join(i.source for i in indices)}]"
        return Run((*value.tokens, Token(tail, columns(tail))), ATOM)

    def total(self, letters: Sequence[Run]) -> Token:
        return self._below("Σ", letters, " ")

    def _below(self, name: str, letters: Sequence[Run], gap: str) -> Token:
        below = ",".join(x.source for x in letters)
        source = f"{name}_{below}{gap}" if len(letters) == 1 else f"{name}_{{{below}}}{gap}"
        return Token(source, columns(source))

    def function(self, name: str, latex: str) -> Run:
        return _atom(_NAMES.get(name, name))

    def under(self, name: str, latex: str, letters: Sequence[Run]) -> Run:
        return Run((self._below(name, letters, ""),))

    def cases(self, rows: Sequence[tuple[Run, Run]]) -> Run:
        source = "; ".join(f"{value.source} if {condition.source}" for value, condition in rows)
        return _atom("{" + source + "}")

    def stacked(self, rows: Sequence[Sequence[Run]]) -> Run:
        return _atom("[" + "; ".join(", ".join(cell.source for cell in row) for row in rows) + "]")

    def partial(self, above: Run | None, below: Run) -> Run:
        if above is None:
            return _atom(f"∂/∂{below.source} ", MUL)
        top = above if above.level == ATOM else self.fence(above)
        return _atom(f"∂{top.source}/∂{below.source}", MUL)

    def along(self) -> Run:
        return _atom("D ")

    def slope(self, indices: Sequence[Run]) -> Run:
        return _atom("".join(f"∂_{i.source} " for i in indices))

    def remainder(self, index: Run, divisor: Run) -> Run:
        return _atom(f"{index.source} mod {divisor.source}", ADD)

    def quotient(self, index: Run, divisor: Run, *, exact: bool) -> Run:
        source = f"{index.source}/{divisor.source}"
        return _atom(source if exact else f"⌊{source}⌋")

    def divides(self, divisor: Run, index: Run) -> Run:
        return _atom(f"[{divisor.source} | {index.source}]")


def text(subject: Subject, evidence: Evidence | None = None, lang: str = "en", width: int = 80) -> str:
    """A whole derivation as Unicode text of at most ``width`` columns. Raises: DerivationError when a check fails."""
    # one line for a message must not need the checks and the documents
    from derive.render.terminal import text as whole

    return whole(subject, evidence, lang, width)
