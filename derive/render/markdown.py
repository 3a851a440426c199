"""Markdown with formulas between dollars, as GitHub, Jupyter and most site generators draw them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from derive.derivation import Evidence
from derive.render.blocks import Block, Conclusion, Document, Given, Line, Mark, Section, Setup
from derive.render.document import Subject, document
from derive.render.equation import Equation, MatrixSide
from derive.render.inline import write_prose
from derive.render.latex import latex_equation, latex_inline, latex_size_name, remark_before, symbol_cells
from derive.render.phrases import mark_text, sentence, titled

__all__ = ["markdown", "prose"]


def markdown(subject: Subject, evidence: Evidence | None = None, lang: str = "en") -> str:
    """The derivation as Markdown. Raises: DerivationError when a check fails."""
    made = document(subject, evidence, lang)
    return "\n\n".join(_document(made)) + "\n"


_ESCAPED = frozenset("\\`*_[]$|~#^!")
_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}


def escaped(text: str) -> str:
    """Prose for Markdown: nothing in it is markup."""
    plain = " ".join(text.split())
    drawn = "".join("\\" + c if c in _ESCAPED else _ENTITIES.get(c, c) for c in plain)
    # a number, a plus or a minus at the start of a line would open a list
    head, space, rest = drawn.partition(" ")
    if space and (head in ("-", "+") or (head[-1] in ".)" and head[:-1].isdigit())):
        head = head[:-1] + "\\" + head[-1]
    return head + space + rest


def prose(text: str) -> str:
    """Prose with its formulas between dollars."""
    return write_prose(text, escaped, _inline)


def _math(tex: str) -> str:
    return f"$${tex}$$" if "\n" not in tex else f"$$\n{tex}\n$$"


def _equation(equation: Equation | MatrixSide) -> str:
    return _math(latex_equation(equation))


def _inline(tex: str) -> str:
    return f"${tex}$"


def _document(made: Document) -> Iterator[str]:
    yield f"# {prose(made.title)}"
    if made.summary:
        yield prose(made.summary)
    yield f"## {made.say('claim')}"
    for section in made.sections:
        if section.title:
            yield f"**{prose(section.title)}**"
        for conclusion in section.conclusions:
            yield _equation(conclusion.expected or conclusion.equation)
    yield from _setup(made, made.setup, "##")
    for section in made.sections:
        yield from _section(made, section)
    yield from _checks(made)
    if made.answer:
        yield f"## {made.say('answer')}"
        yield prose(made.answer)
    if made.reference:
        yield f"## {made.say('reference')}"
        yield escaped(made.reference)


def _setup(made: Document, setup: Setup, mark: str) -> Iterator[str]:
    yield f"{mark} {made.say('setup')}"
    head = [made.say(key) for key in ("symbol", "shape", "meaning")]
    rows = [symbol_cells(made, row, _inline, prose) for row in setup.symbols]
    yield "\n".join(_cells(r) for r in (head, ["---"] * 3, *rows))
    if setup.note:
        yield prose(setup.note)
    yield f"{mark} {made.say('forward')}"
    for given in setup.definitions:
        yield from _given(given)
    if setup.assumptions:
        yield f"{mark} {made.say('assumptions')}"
        for equation, reason in setup.assumptions:
            yield _equation(equation)
            if reason:
                yield prose(sentence(reason))


def _cells(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _given(given: Given) -> Iterator[str]:
    if given.remark:
        yield remark_before(given, _inline, prose)
    for equation in given.equations:
        yield _equation(equation)


def _section(made: Document, section: Section) -> Iterator[str]:
    yield f"## {prose(section.title) or made.say('derivation')}"
    if section.prose:
        yield prose(section.prose)
    if section.setup is not None:
        yield from _setup(made, section.setup, "###")
        yield f"### {made.say('derivation')}"
    for block in section.blocks:
        yield from _block(made, block)
    yield f"### {made.say('result')}"
    for conclusion in section.conclusions:
        yield from _conclusion(made, conclusion)


def _block(made: Document, block: Block) -> Iterator[str]:
    if block.note:
        yield prose(block.note)
    yield _equation(block.opening)
    for line in block.lines:
        yield from _line(made, line)


def _line(made: Document, line: Line) -> Iterator[str]:
    dot = "。" if made.lang == "zh" else "."
    head = f"**{line.number}\u2002{prose(titled(line.law))}{dot}** {prose(sentence(line.why))}"
    if line.reference:
        head += f" († {made.say('stated')} {escaped(line.reference)})"
    if line.statements:
        head += " " + ", ".join(_inline(s) for s in line.statements)
    if line.conditions:
        listed = "; ".join(prose(c) if isinstance(c, str) else _inline(latex_inline(c)) for c in line.conditions)
        head += f" ({made.say('provided')} {listed})"
    yield f"{head} <sub>{_mark(made, line.mark)}</sub>"
    yield _equation(line.equation)
    for block in line.substeps:
        yield f"> *{made.say('in smaller steps')}*"
        for part in _block(made, block):
            yield "\n".join(f"> {row}" for row in part.split("\n"))


def _mark(made: Document, mark: Mark | None) -> str:
    if mark is None:
        return f"○ {made.say('not checked')}"
    if mark.outcome != "holds":
        reason = f": {escaped(mark.message)}" if mark.message else ""
        return f"○ **{made.say('unexercised')}**{reason}"
    return f"✓ {mark_text(made.lang, mark) or made.say('checked')}"


def _conclusion(made: Document, conclusion: Conclusion) -> Iterator[str]:
    for name, form in conclusion.forms:
        if name:
            yield f"*{made.say(name)}*"
        yield _math(rf"\boxed{{{latex_equation(form)}}}")
        if isinstance(form, MatrixSide):
            yield from (prose(sentence(note)) for note in form.notes)
    for mark in conclusion.marks:
        yield f"<sub>{_mark(made, mark)} ({escaped(mark.witness)})</sub>"


def _checks(made: Document) -> Iterator[str]:
    yield f"## {made.say('checks')}"
    yield escaped(made.account)
    if made.assignments:
        rows = [
            [label, ", ".join(_inline(f"{latex_size_name(name)} = {value}") for name, value in sizes)]
            for label, sizes in made.assignments
        ]
        head = [made.say("label"), made.say("assignments")]
        yield "\n".join(_cells(r) for r in (head, ["---"] * 2, *rows))
