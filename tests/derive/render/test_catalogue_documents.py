"""Every entry of the catalogue, in both languages: LaTeX accepts it, a browser draws it, a terminal can hold it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from derive.derivation import Evidence
from derive.evidence import evidence_for
from derive.formula import Formula, catalogue, formula
from derive.prose import prose, without_marks
from derive.render.blocks import Block, Document, Given, Line, Section, Setup, SymbolRow
from derive.render.document import document
from derive.render.html import html
from derive.render.latex import latex
from derive.render.markdown import markdown
from derive.render.text import columns, text
from tests.rendering import compile_latex, open_in_browser

LANGUAGES = ("en", "zh")


@cache
def checked(identifier: str) -> tuple[Formula, Evidence]:
    entry = formula(identifier)
    return entry, evidence_for(entry)


@pytest.mark.rendering("pdflatex")
@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("identifier", catalogue())
def test_latex_compiles_without_a_complaint(identifier: str, lang: str, tmp_path: Path) -> None:
    subject, evidence = checked(identifier)
    pdf = compile_latex(latex(subject, evidence, lang=lang), tmp_path)
    assert pdf.complaints == ()
    assert pdf.pages >= 1


@pytest.mark.rendering("chromium")
@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("identifier", catalogue())
def test_a_browser_without_network_draws_every_formula(identifier: str, lang: str, tmp_path: Path) -> None:
    subject, evidence = checked(identifier)
    path = tmp_path / "page.html"
    path.write_text(html(subject, evidence, lang=lang), encoding="utf-8")
    view = open_in_browser(path, dark=lang == "zh", width=390 if lang == "zh" else 1000)
    assert view.complaints() == []
    assert view.formulas > 10


# what is mathematics wherever it stands
MATHEMATICS = re.compile(r"[_^∂∇Σ√≤≥≠≈·×⊙‖⟨⟩²³ᵀα-ωΓ-Ω\u0302-\u0307]|\\b[a-zA-Z]\\([a-z]\\)| [=<>] ")


def _prose_of(blocks: object) -> Iterator[str]:
    """Every text of a document, however deep."""
    if isinstance(blocks, str):
        yield blocks
    elif isinstance(blocks, tuple):
        for block in blocks:
            yield from _prose_of(block)
    elif isinstance(blocks, (Document, Setup, Given, SymbolRow, Section, Block, Line)):
        quoted = {"reference", "statements", "conditions", "number"}
        for field in dataclasses.fields(blocks):
            if field.name not in quoted and not (isinstance(blocks, SymbolRow) and field.name == "symbols"):
                yield from _prose_of(getattr(blocks, field.name))


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("identifier", catalogue())
def test_mathematics_in_prose_stands_between_backticks(identifier: str, lang: str) -> None:
    subject, evidence = checked(identifier)
    texts = list(_prose_of(document(subject, evidence, lang)))
    assert len(texts) > 20
    words = [part for text in texts for part in prose(text) if isinstance(part, str)]
    assert [part for part in words if MATHEMATICS.search(part)] == []


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("identifier", catalogue())
def test_text_and_markdown_hold_every_claim(identifier: str, lang: str) -> None:
    subject, evidence = checked(identifier)
    printed = text(subject, evidence, lang=lang, width=80)
    too_wide = [row for row in printed.splitlines() if columns(row) > 80]
    assert too_wide == []
    written = markdown(subject, evidence, lang=lang)
    title = without_marks(subject.title if lang == "en" else subject.title_zh)
    assert title in printed
    assert written.startswith("# ")
