"""Derivations as Unicode text at a given width, for terminals and plain files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from derive.derivation import Evidence
from derive.nodes import Node, Tensor
from derive.prose import prose
from derive.render.blocks import Block, Conclusion, Document, Given, Line, Mark, Section, Setup, SymbolRow
from derive.render.document import Subject, document
from derive.render.equation import Equation, MatrixSide, equation_tokens
from derive.render.mathematics import Scope, Writer
from derive.render.naming import Names, tensor_symbol
from derive.render.phrases import mark_text, sentence, titled
from derive.render.runs import ADD, break_lines
from derive.render.text import TextPen, columns
from derive.size_algebra import Size

__all__ = ["text"]

NARROWEST = 40
GLUE = "\u00a0"
"""A space at which no line ends."""


def text(subject: Subject, evidence: Evidence | None = None, lang: str = "en", width: int = 80) -> str:
    """The derivation as Unicode text of at most ``width`` columns. Raises: DerivationError when a check fails."""
    return _Terminal(document(subject, evidence, lang), max(width, NARROWEST)).text()


_NOTATIONS = {"cotangent": "□̄", "tangent": "□̇", "along": "D", "bracket": "[…]", "dot": "x[i,·]"}


class _Terminal:
    """Folds a document into lines."""

    def __init__(self, made: Document, width: int) -> None:
        self.made = made
        self.width = width

    def text(self) -> str:
        rows = [row.replace(GLUE, " ").rstrip() for line in self.document() for row in _cut(line, self.width)]
        return "\n".join(rows).strip("\n") + "\n"

    def say(self, key: str) -> str:
        return self.made.say(key)

    # ------------------------------------------------------------------------------------------------- pieces

    def prose(self, words: str, indent: int = 0, hanging: int = 0) -> list[str]:
        return wrapped(words, self.width, indent, indent + hanging)

    def equation(self, equation: Equation | MatrixSide, indent: int = 4, room: int | None = None) -> list[str]:
        space = (room or self.width) - indent
        writer = Writer(TextPen(space))
        lines = [line.source for line in break_lines(equation_tokens(equation, writer), space, space - 4)]
        return [" " * indent + lines[0], *(" " * (indent + 4) + line for line in lines[1:])]

    def inline(self, what: Equation | Node | Size) -> str:
        writer = Writer(TextPen(self.width))
        if isinstance(what, Equation):
            return "".join(t.source for t in equation_tokens(what, writer)).strip()
        if isinstance(what, Node):
            return writer.node(what, Scope(Names())).source
        return writer.size(what).source

    def heading(self, words: str, level: int = 0) -> list[str]:
        rows = self.prose(words)
        rule = "═" if level == 0 else "─"
        return ["", *rows, *([rule * min(self.width, max(map(columns, rows)))] if level < 2 else [])]

    # ------------------------------------------------------------------------------------------------- blocks

    def document(self) -> Iterator[str]:
        made = self.made
        yield from self.heading(said(made.title))
        if made.summary:
            yield ""
            yield from self.prose(said(made.summary))
        yield from self.heading(self.say("claim"), 1)
        for section in made.sections:
            if section.title:
                yield from self.prose(said(section.title) + ":")
            for conclusion in section.conclusions:
                yield from self.equation(conclusion.expected or conclusion.equation)
        yield from self.setup(made.setup)
        for section in made.sections:
            yield from self.section(section)
        yield from self.checks()
        for key, words in (("answer", said(made.answer)), ("reference", made.reference)):
            if words:
                yield from self.heading(self.say(key), 1)
                yield from self.prose(words)

    def setup(self, setup: Setup) -> Iterator[str]:
        yield from self.heading(self.say("setup"), 1)
        rows = [self.row(row) for row in setup.symbols]
        first, second = (min(24, max(columns(row[m]) for row in rows)) for m in (0, 1))
        for symbols, shape, meaning in rows:
            indent = 2 + first + 2 + second + 2
            lines = wrapped(meaning, self.width, indent, indent) or [""]
            head = "  " + padded(symbols, first) + "  " + padded(shape, second) + "  "
            if columns(head) > indent:
                yield head
                head = " " * indent
            yield head + lines[0].strip()
            yield from lines[1:]
        if setup.note:
            yield from self.prose(said(setup.note), 2)
        yield from self.heading(self.say("forward"), 1)
        for given in setup.definitions:
            yield from self.given(given)
        if setup.assumptions:
            yield from self.heading(self.say("assumptions"), 1)
            for equation, reason in setup.assumptions:
                yield from self.equation(equation)
                if reason:
                    yield from self.prose(f"({said(reason)})", 6)

    def row(self, row: SymbolRow) -> tuple[str, str, str]:
        symbols = ", ".join(self.symbol(s) for s in row.symbols)
        shape = ""
        if row.shape is not None:
            shape = " × ".join(self.axis(axis) for axis in row.shape) if row.shape else self.say("scalar")
        meaning = said(row.meaning)
        if row.below is not None:
            extra = f"{self.say('integers below')} {self.inline(row.below)}"
            meaning = f"{meaning}; {extra}" if meaning else extra
        return symbols, shape, meaning

    def symbol(self, symbol: Tensor | Size | str) -> str:
        if isinstance(symbol, Tensor):
            return TextPen().symbol(tensor_symbol(symbol)).source
        return _NOTATIONS[symbol] if isinstance(symbol, str) else self.inline(symbol)

    def axis(self, axis: Size) -> str:
        run = Writer(TextPen(self.width)).size(axis)
        return f"({run.source})" if run.level == ADD else run.source

    def given(self, given: Given) -> Iterator[str]:
        if given.remark:
            along = "" if given.along is None else " " + self.inline(given.along)
            yield from self.prose(f"{said(titled(given.remark))}{along}:", 2)
        for equation in given.equations:
            yield from self.equation(equation)

    def section(self, section: Section) -> Iterator[str]:
        yield from self.heading(said(section.title) or self.say("derivation"), 1)
        if section.prose:
            yield from self.prose(said(section.prose))
        if section.setup is not None:
            yield from self.setup(section.setup)
            yield from self.heading(self.say("derivation"), 1)
        for block in section.blocks:
            yield ""
            yield from self.block(block, 0)
        yield from self.results(section.conclusions)

    def block(self, block: Block, indent: int) -> Iterator[str]:
        if block.note:
            yield from self.prose(said(block.note), indent)
        yield from self.equation(block.opening, indent)
        for line in block.lines:
            yield from self.line(line, indent)

    def line(self, line: Line, indent: int) -> Iterator[str]:
        words = f"{line.number} {said(titled(line.law))}: {said(line.why)}"
        if line.reference:
            words += f" († {self.say('stated')} {line.reference})"
        if line.conditions:
            listed = "; ".join(said(c) if isinstance(c, str) else self.inline(c) for c in line.conditions)
            words += f" ({self.say('provided')} {listed})"
        yield from self.prose(words, indent + 2, len(line.number) + 1)
        rows = self.equation(line.equation, indent + 6)
        yield from rows[:-1]
        yield from self.beside(rows[-1], self.mark(line.mark))
        for block in line.substeps:
            yield from self.prose(self.say("in smaller steps") + ":", indent + 5)
            yield from self.block(block, indent + 5)

    def beside(self, row: str, mark: str) -> list[str]:
        """The check at the right margin, on a line of its own where the equation is long."""
        gap = self.width - columns(row) - columns(mark)
        if gap >= 2:
            return [row + " " * gap + mark]
        parts = wrapped(mark, self.width - 6, 0, 0)
        return [row, *(" " * (self.width - columns(part)) + part for part in parts)]

    def mark(self, mark: Mark | None) -> str:
        if mark is None:
            return f"○ {self.say('not checked')}"
        if mark.outcome != "holds":
            return f"○ {self.say('unexercised').upper()}" + (f": {mark.message}" if mark.message else "")
        return f"✓ {mark_text(self.made.lang, mark) or self.say('checked')}"

    def results(self, conclusions: Sequence[Conclusion]) -> Iterator[str]:
        yield from self.heading(self.say("result"), 1)
        for conclusion in conclusions:
            yield from self.boxed(self.conclusion(conclusion))
            for mark in conclusion.marks:
                yield from self.prose(f"{self.mark(mark)}, {self.say('by')} {mark.witness}", 2, 2)

    def conclusion(self, conclusion: Conclusion) -> Iterator[str]:
        for name, form in conclusion.forms:
            if name:
                yield self.say(name)
            yield from self.equation(form, 2, self.width - 4)
            if isinstance(form, MatrixSide):
                yield from (row for note in form.notes for row in wrapped(said(sentence(note)), self.width - 4, 2, 2))

    def boxed(self, rows: Iterable[str]) -> list[str]:
        inside = [part for row in rows for part in _cut(row, self.width - 4)]
        widest = max(columns(row) for row in inside)
        return [
            "┌" + "─" * (widest + 2) + "┐",
            *(f"│ {padded(row, widest)} │" for row in inside),
            "└" + "─" * (widest + 2) + "┘",
        ]

    def checks(self) -> Iterator[str]:
        made = self.made
        yield from self.heading(self.say("checks"), 1)
        yield from self.prose(made.account)
        for label, sizes in made.assignments:
            yield from self.prose(f"{label}: " + ", ".join(f"{name} = {value}" for name, value in sizes), 2, 3)


def said(text: str) -> str:
    """Prose with its formulas as they were typed; a short one stays on one line."""
    return "".join(
        part if isinstance(part, str) else part.source.replace(" ", GLUE if len(part.source) < NARROWEST else " ")
        for part in prose(text)
    )


def padded(words: str, width: int) -> str:
    """With spaces up to a width in columns."""
    return words + " " * max(0, width - columns(words))


def wrapped(words: str, width: int, first: int, later: int) -> list[str]:
    """Lines of at most ``width`` columns; Chinese may be broken between any two characters."""
    lines: list[str] = []
    line, filled, blank = " " * first, first, True
    for piece in _pieces(words):
        size = columns(piece)
        if not blank and filled + size > width and piece.strip():
            lines.append(line.rstrip())
            line, filled, blank = " " * later, later, True
        if blank:
            piece = piece.lstrip()
            size = columns(piece)
        line, filled, blank = line + piece, filled + size, blank and not piece
    return [*lines, line.rstrip()] if line.strip() else lines


_NO_START = frozenset("，。、；：！？）》”’,.;:!?)")


def _pieces(words: str) -> Iterator[str]:
    """What may stand together on a line: words, spaces, single wide characters with the stop after them."""
    piece = ""
    for c in re.sub(rf"[^\S{GLUE}]+", " ", words).strip(" "):
        wide = columns(c) == 2
        before = columns(piece[-1:]) == 2
        if c in _NO_START or not (c == " " or piece.endswith(" ") or wide or before):
            piece += c
            continue
        if piece:
            yield piece
        piece = c
    if piece:
        yield piece


def _cut(line: str, width: int) -> list[str]:
    """The line, cut where nothing else could make it fit."""
    if columns(line) <= width:
        return [line]
    rows, row, filled = [], "", 0
    for c in line:
        size = columns(c)
        if filled + size > width:
            rows.append(row)
            row, filled = "    ", 4
        row, filled = row + c, filled + size
    return [*rows, row]
