"""Every entry of the catalogue, in both languages: LaTeX accepts it, a browser draws it, a terminal can hold it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from derive.derivation import Evidence
from derive.evidence import evidence_for
from derive.formula import Formula, catalogue, formula
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


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("identifier", catalogue())
def test_text_and_markdown_hold_every_claim(identifier: str, lang: str) -> None:
    subject, evidence = checked(identifier)
    printed = text(subject, evidence, lang=lang, width=80)
    too_wide = [row for row in printed.splitlines() if columns(row) > 80]
    assert too_wide == []
    written = markdown(subject, evidence, lang=lang)
    title = subject.title if lang == "en" else subject.title_zh
    assert title in printed
    assert written.startswith("# ")
