"""HTML: one page that needs nothing else, and draws its formulas with the KaTeX inside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html import escape

from derive.derivation import Evidence
from derive.prose import without_marks
from derive.render.blocks import Block, Conclusion, Document, Given, Line, Mark, Section, Setup, SymbolRow
from derive.render.document import Subject, document
from derive.render.equation import Equation, MatrixSide
from derive.render.inline import write_prose
from derive.render.latex import (
    latex_equation,
    latex_inline,
    latex_size_name,
    remark_before,
    shape_width,
    symbol_cells,
)
from derive.render.page import math as drawn
from derive.render.page import page
from derive.render.phrases import mark_text, sentence, titled

__all__ = ["html"]

ROOM = 38.0
"""Width of a formula on a page as wide as pages get, in em."""

MANY, LONG = 5, 11.0
"""So many symbols, and a shape of so many em, may take several lines of a table."""
CLASS_LONG = ' class="long"'

SHORT = 80
"""A formula in a line whose element has fewer characters is never broken before a stop."""

_PUNCTUATED = re.compile(r"([(（“]?)(<span class=\"math\">[^<]*</span>)([，。、；：！？）”,.;:!?)]*)")
"""A formula in a line, with what must not be parted from it."""


def html(subject: Subject, evidence: Evidence | None = None, lang: str = "en") -> str:
    """The derivation as one HTML page that needs nothing else. Raises: DerivationError when a check fails."""
    made = document(subject, evidence, lang)
    drawn = _Page(made)
    body = "\n".join((f"<h1>{drawn.prose(made.title)}</h1>", *drawn.body()))
    return page(without_marks(made.title), body, lang="zh-CN" if lang == "zh" else lang)


def _kept_together(found: re.Match[str]) -> str:
    before, formula, after = found.groups()
    short = len(formula) < SHORT
    return f'<span class="kept">{before}{formula}{after}</span>' if (before or after) and short else found[0]


class _Page:
    """Folds a document into the body of a page."""

    def __init__(self, made: Document) -> None:
        self.made = made

    def inline(self, tex: str) -> str:
        return drawn(tex, False)

    def say(self, key: str) -> str:
        return escape(self.made.say(key))

    def prose(self, text: str) -> str:
        """Prose with its formulas drawn."""
        return _PUNCTUATED.sub(_kept_together, write_prose(text, escape, self.inline))

    def body(self) -> Iterator[str]:
        made = self.made
        if made.summary:
            yield f'<p class="lead">{self.prose(made.summary)}</p>'
        yield f'<section class="claim"><h2>{self.say("claim")}</h2>'
        for section in made.sections:
            if section.title:
                yield f"<p>{self.prose(section.title)}</p>"
            for conclusion in section.conclusions:
                yield self.equation(conclusion.expected or conclusion.equation)
        yield "</section>"
        yield from self.setup(made.setup)
        for section in made.sections:
            yield from self.section(section)
        yield from self.checks()
        if made.answer:
            yield f"<h2>{self.say('answer')}</h2><p>{self.prose(made.answer)}</p>"
        if made.reference:
            yield f'<p class="reference">{self.say("reference")}: {escape(made.reference)}</p>'

    def equation(self, equation: Equation | MatrixSide, room: float = ROOM) -> str:
        return drawn(latex_equation(equation, room=room), True)

    # ------------------------------------------------------------------------------------------------- set-up

    def setup(self, setup: Setup, level: int = 2) -> Iterator[str]:
        yield f"<h{level}>{self.say('setup')}</h{level}>"
        head = "".join(f"<th>{self.say(key)}</th>" for key in ("symbol", "shape", "meaning"))
        yield f'<div class="scroll"><table class="setup"><thead><tr>{head}</tr></thead><tbody>'
        for row in setup.symbols:
            yield self.row(row)
        yield "</tbody></table></div>"
        if setup.note:
            yield f"<p><small>{self.prose(setup.note)}</small></p>"
        yield f"<h{level}>{self.say('forward')}</h{level}>"
        for given in setup.definitions:
            yield from self.given(given)
        if setup.assumptions:
            yield f"<h{level}>{self.say('assumptions')}</h{level}>"
            for equation, reason in setup.assumptions:
                yield self.equation(equation)
                if reason:
                    yield f'<p class="why">{self.prose(sentence(reason))}</p>'

    def row(self, row: SymbolRow) -> str:
        symbols, shape, meaning = symbol_cells(self.made, row, self.inline, self.prose)
        many = len(row.symbols) > MANY
        long = row.shape is not None and shape_width(row.shape) > LONG
        cells = ((symbols, many), (shape, long), (meaning, False))
        return "<tr>" + "".join(f"<td{CLASS_LONG if wraps else ''}>{cell}</td>" for cell, wraps in cells) + "</tr>"

    def given(self, given: Given) -> Iterator[str]:
        if given.remark:
            yield f'<p class="why">{remark_before(given, self.inline, self.prose)}</p>'
        for equation in given.equations:
            yield self.equation(equation)

    # ------------------------------------------------------------------------------------------------- chains

    def section(self, section: Section) -> Iterator[str]:
        yield f"<h2>{self.prose(section.title) or self.say('derivation')}</h2>"
        if section.prose:
            yield f"<p>{self.prose(section.prose)}</p>"
        if section.setup is not None:
            yield from self.setup(section.setup, 3)
            yield f"<h3>{self.say('derivation')}</h3>"
        for block in section.blocks:
            yield from self.block(block)
        yield f'<section class="result"><h3>{self.say("result")}</h3>'
        for conclusion in section.conclusions:
            yield from self.conclusion(conclusion)
        yield "</section>"

    def block(self, block: Block) -> Iterator[str]:
        if block.note:
            yield f"<p>{self.prose(block.note)}</p>"
        yield f"<h3>{self.inline(chr(92) + 'displaystyle ' + latex_inline(block.opening))}</h3>"
        if block.lines:
            yield '<div class="steps">'
            for line in block.lines:
                yield from self.line(line)
            yield "</div>"

    def line(self, line: Line) -> Iterator[str]:
        yield '<article class="step">'
        yield f'<header><span class="law">{self.prose(titled(line.law))}</span>'
        if line.statements:
            statements = " ".join(self.inline(s) for s in line.statements)
            yield f'<span class="statement">{statements}</span>'
        if line.reference:
            yield f'<span class="check stated">{self.say("stated")} {escape(line.reference)}</span>'
        yield f"{self.mark(line.mark)}</header>"
        yield self.equation(line.equation)
        conditions = ""
        if line.conditions:
            conditions = f" ({self.say('provided')} {self.conditions(line.conditions)})"
        yield f'<p class="why">{self.prose(sentence(line.why))}{conditions}</p>'
        if line.substeps:
            yield f"<details><summary>{self.say('in smaller steps')}</summary>"
            yield from self.substeps(line.substeps)
            yield "</details>"
        yield "</article>"

    def substeps(self, blocks: Iterable[Block]) -> Iterator[str]:
        for block in blocks:
            if block.note:
                yield f"<p>{self.prose(block.note)}</p>"
            yield self.equation(block.opening)
            for line in block.lines:
                yield from self.line(line)

    def conditions(self, conditions: Iterable[str | Equation]) -> str:
        return "; ".join(self.prose(c) if isinstance(c, str) else self.inline(latex_inline(c)) for c in conditions)

    def conclusion(self, conclusion: Conclusion) -> Iterator[str]:
        yield '<div class="conclusion">'
        for name, form in conclusion.forms:
            if name:
                yield f'<p class="why">{self.say(name)}</p>'
            yield self.equation(form, ROOM - 2)
            if isinstance(form, MatrixSide):
                yield from (f'<p class="why">{self.prose(sentence(note))}</p>' for note in form.notes)
        if conclusion.marks:
            marks = "".join(f"<li>{self.mark(mark, witness=True)}</li>" for mark in conclusion.marks)
            yield f'<ul class="checks">{marks}</ul>'
        yield "</div>"

    # ------------------------------------------------------------------------------------------------- checks

    def mark(self, mark: Mark | None, *, witness: bool = False) -> str:
        if mark is None:
            return f'<span class="check unexercised">{self.say("not checked")}</span>'
        by = f" ({escape(mark.witness)})" if witness else ""
        if mark.outcome != "holds":
            detail = f" <small>{escape(mark.message)}</small>" if mark.message else ""
            return f'<span class="check unexercised">{self.say("unexercised")}{by}{detail}</span>'
        title = escape(self._sizes(mark), quote=True)
        small = f' <small title="{title}">{escape(mark_text(self.made.lang, mark))}</small>' if mark.points else ""
        return f'<span class="check ok">{self.say("checked")}{by}{small}</span>'

    def _sizes(self, mark: Mark) -> str:
        return "; ".join(
            f"{label}: " + ", ".join(f"{name} = {value}" for name, value in sizes)
            for label, sizes in self.made.assignments
        )

    def checks(self) -> Iterator[str]:
        made = self.made
        yield f"<h2>{self.say('checks')}</h2>"
        yield f"<p>{escape(made.account)}</p>"
        if made.assignments:
            rows = "".join(
                f"<tr><td>{label}</td><td>"
                + ", ".join(self.inline(f"{latex_size_name(name)} = {value}") for name, value in sizes)
                + "</td></tr>"
                for label, sizes in made.assignments
            )
            head = f"<th>{self.say('label')}</th><th>{self.say('assignments')}</th>"
            yield f'<div class="scroll"><table class="setup"><thead><tr>{head}</tr></thead>'
            yield f"<tbody>{rows}</tbody></table></div>"
