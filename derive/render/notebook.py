"""HTML for the cell of a notebook: what is found in view, the way there folded.

The notebook's own MathJax draws the formulas, between dollars. Nothing runs, and nothing is styled by class or id, so
that a cell changes nothing around it. There are no headings, which would enter the notebook's contents. Quiet text is
made by opacity, which suits a light and a dark notebook.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from derive.derivation import Evidence
from derive.render.blocks import Block, Conclusion, Document, Given, Line, Mark, Section, Setup
from derive.render.document import Subject, document
from derive.render.equation import Equation, MatrixSide
from derive.render.inline import write_prose
from derive.render.latex import latex_equation, latex_inline, latex_size_name, remark_before, symbol_cells
from derive.render.phrases import mark_text, sentence, titled

__all__ = ["notebook"]

ROOM = 36.0
"""Width of a formula in a cell, in em."""
QUIET = "opacity:0.7"


def notebook(subject: Subject, evidence: Evidence | None = None, lang: str = "en") -> str:
    """The derivation as HTML for a notebook cell. Raises: DerivationError when a check fails."""
    return f"<div>{''.join(_document(document(subject, evidence, lang)))}</div>"


# ------------------------------------------------------------------------------------------------------- pieces


def _text(words: str) -> str:
    """Text in which MathJax finds no formula: it looks for the marks of one inside a single element."""
    return escape(words).replace("\\", "<span>\\</span>").replace("$", "<span>$</span>")


def _inline(tex: str) -> str:
    return f"${escape(tex, quote=False)}$"


def _prose(words: str) -> str:
    return write_prose(words, _text, _inline)


def _equation(equation: Equation | MatrixSide) -> str:
    # a display between two dollars would bring margins of its own, and stand in the middle
    drawn = _inline(rf"\displaystyle {latex_equation(equation, room=ROOM)}")
    return f'<div style="margin:0.5em 0 0.5em 2em;overflow-x:auto">{drawn}</div>'


def _paragraph(inside: str, style: str = "") -> str:
    return f'<p style="{style}">{inside}</p>' if style else f"<p>{inside}</p>"


def _fold(summary: str, inside: Iterable[str]) -> str:
    body = f'<div style="margin-left:1.2em">{"".join(inside)}</div>'
    return f'<details style="margin:0.4em 0"><summary style="cursor:pointer">{summary}</summary>{body}</details>'


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    # notebooks set tables of numbers, to the right
    cells = 'style="text-align:left"'
    written = ["<tr>" + "".join(f"<th {cells}>{escape(cell)}</th>" for cell in head) + "</tr>"]
    written += ["<tr>" + "".join(f"<td {cells}>{cell}</td>" for cell in row) + "</tr>" for row in rows]
    return f"<table>{''.join(written)}</table>"


# ------------------------------------------------------------------------------------------------------- blocks


def _document(made: Document) -> Iterator[str]:
    yield _paragraph(f"<strong>{_prose(made.title)}</strong>", "font-size:1.25em")
    if made.summary:
        yield _paragraph(_prose(made.summary))
    for section in made.sections:
        if section.title:
            yield _paragraph(_prose(section.title))
        for conclusion in section.conclusions:
            yield _equation(conclusion.expected or conclusion.equation)
            if conclusion.matrix is not None:
                yield _equation(conclusion.matrix)
    yield _fold(made.say("setup"), _setup(made, made.setup))
    for section in made.sections:
        yield _fold(_prose(section.title) or made.say("derivation"), _section(made, section))
    yield _fold(made.say("checks"), _checks(made))
    if made.answer:
        yield _paragraph(f"<strong>{made.say('answer')}</strong> {_prose(made.answer)}")
    if made.reference:
        yield _paragraph(f"{made.say('reference')}: {_text(made.reference)}", QUIET)


def _setup(made: Document, setup: Setup) -> Iterator[str]:
    head = [made.say(key) for key in ("symbol", "shape", "meaning")]
    yield _table(head, [symbol_cells(made, row, _inline, _prose) for row in setup.symbols])
    if setup.note:
        yield _paragraph(_prose(setup.note), QUIET)
    yield _paragraph(f"<strong>{made.say('forward')}</strong>")
    for given in setup.definitions:
        yield from _given(given)
    if setup.assumptions:
        yield _paragraph(f"<strong>{made.say('assumptions')}</strong>")
        for equation, reason in setup.assumptions:
            yield _equation(equation)
            if reason:
                yield _paragraph(_prose(sentence(reason)), QUIET)


def _given(given: Given) -> Iterator[str]:
    if given.remark:
        yield _paragraph(remark_before(given, _inline, _prose), QUIET)
    for equation in given.equations:
        yield _equation(equation)


def _section(made: Document, section: Section) -> Iterator[str]:
    if section.prose:
        yield _paragraph(_prose(section.prose))
    if section.setup is not None:
        yield _fold(made.say("setup"), _setup(made, section.setup))
    for block in section.blocks:
        yield from _block(made, block)
    yield _paragraph(f"<strong>{made.say('result')}</strong>")
    for conclusion in section.conclusions:
        yield from _conclusion(made, conclusion)


def _block(made: Document, block: Block) -> Iterator[str]:
    if block.note:
        yield _paragraph(_prose(block.note))
    if block.lines:
        yield _fold(
            _inline(latex_inline(block.opening)), (part for line in block.lines for part in _line(made, line))
        )
    else:
        yield _equation(block.opening)


def _line(made: Document, line: Line) -> Iterator[str]:
    head = f"<strong>{line.number}&ensp;{_prose(titled(line.law))}.</strong> {_prose(sentence(line.why))}"
    if line.reference:
        head += f" († {made.say('stated')} {_text(line.reference)})"
    if line.conditions:
        listed = "; ".join(_prose(c) if isinstance(c, str) else _inline(latex_inline(c)) for c in line.conditions)
        head += f" ({made.say('provided')} {listed})"
    if line.statements:
        head += f' <span style="{QUIET}">{", ".join(map(_inline, line.statements))}</span>'
    yield _paragraph(f"{head} {_mark(made, line.mark)}")
    yield _equation(line.equation)
    for block in line.substeps:
        inside = (part for below in block.lines for part in _line(made, below))
        yield _fold(f"{made.say('in smaller steps')}: {_prose(block.note)}", (_equation(block.opening), *inside))


def _conclusion(made: Document, conclusion: Conclusion) -> Iterator[str]:
    for key, form in conclusion.forms:
        if key:
            yield _paragraph(made.say(key), QUIET)
        yield _equation(form)
        if isinstance(form, MatrixSide):
            yield from (_paragraph(_prose(sentence(note)), QUIET) for note in form.notes)
    if conclusion.marks:
        yield _paragraph("<br>".join(_mark(made, mark, witness=True) for mark in conclusion.marks))


def _mark(made: Document, mark: Mark | None, *, witness: bool = False) -> str:
    if mark is None:
        said = f"○ {made.say('not checked')}"
    elif mark.outcome != "holds":
        said = f"○ <strong>{made.say('unexercised')}</strong>" + (f": {_text(mark.message)}" if mark.message else "")
    else:
        said = f"✓ {mark_text(made.lang, mark) or made.say('checked')}"
    by = f" ({_text(mark.witness)})" if witness and mark is not None else ""
    wrap = "" if mark is not None and mark.message else ";white-space:nowrap"
    return f'<small style="{QUIET}{wrap}">{said}{by}</small>'


def _checks(made: Document) -> Iterator[str]:
    yield _paragraph(_text(made.account))
    if made.assignments:
        rows = [
            [label, ", ".join(_inline(f"{latex_size_name(name)} = {value}") for name, value in sizes)]
            for label, sizes in made.assignments
        ]
        yield _table([made.say("label"), made.say("assignments")], rows)
