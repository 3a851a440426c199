"""What a notebook shows: it fits a cell, light or dark, and changes nothing around it."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from derive.derivation import Evidence
from derive.formula import Claim, formula
from derive.index import letters
from derive.nodes import Sum
from derive.notation import tensor
from derive.render.notebook import notebook
from derive.size_algebra import sizes
from tests.derive.render.test_documents import derived, hostile, quoted, said_twice

Shown = tuple[object, Evidence]
SUBJECTS = {
    "derivation": lambda: derived("lstm"),
    "formula": said_twice,
    "claim": quoted,
    "hostile prose": hostile,
}


def shown(case: str, lang: str = "en") -> str:
    subject, evidence = SUBJECTS[case]()
    return notebook(subject, evidence, lang)


class Cell(HTMLParser):
    """The elements of a cell, the text that is in view and the text of its folds."""

    EMPTY = frozenset({"br"})

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.view, self.folded, self.summaries = "", "", 0
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.EMPTY:
            self.open.append(tag)
        self.summaries += tag == "summary"

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "details" in self.open and not (self.open.count("details") == 1 and "summary" in self.open):
            self.folded += data
        else:
            self.view += data


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("case", SUBJECTS)
def test_a_cell_changes_nothing_around_it(case: str, lang: str) -> None:
    cell = Cell(shown(case, lang))
    assert cell.open == []
    tags = {tag for tag, _ in cell.elements}
    known = {"div", "p", "span", "strong", "small", "br", "details", "summary", "table", "tr", "th", "td"}
    assert tags <= known  # so no style, no script, and no heading that the notebook's contents would list
    attributes = {(name, value) for _, attrs in cell.elements for name, value in attrs.items()}
    assert {name for name, _ in attributes} == {"style"}
    styles = " ".join(str(value) for _, value in attributes)
    assert not re.search(r"colou?r|background|#|position|width", styles)  # what is light suits what is dark


@pytest.mark.parametrize("case", SUBJECTS)
def test_results_are_in_view_and_the_way_there_is_folded(case: str) -> None:
    cell = Cell(shown(case))
    folds = [attrs for tag, attrs in cell.elements if tag == "details"]
    assert len(folds) == cell.summaries > 2
    assert not any("open" in attrs for attrs in folds)
    assert r"$\displaystyle" in cell.view
    assert "error" not in cell.view
    assert len(cell.folded) > 2 * len(cell.view) or case == "hostile prose"


def test_tables_are_set_to_the_left() -> None:
    cell = Cell(shown("derivation"))
    cells = [attrs for tag, attrs in cell.elements if tag in ("td", "th")]
    assert {attrs["style"] for attrs in cells} == {"text-align:left"}


def test_every_formula_can_be_scrolled() -> None:
    source = shown("derivation")
    boxes = re.findall(r'<div style="[^"]*overflow-x:auto">\$\\displaystyle', source)
    assert len(boxes) == source.count(r"\displaystyle") > 50


def test_dollars_and_backslashes_of_prose_are_no_mathematics() -> None:
    """MathJax looks for the two marks of a formula, and for its commands, inside one element."""
    source = shown("hostile prose")
    text = re.sub(r"<span>[$\\]</span>", "", source)
    formulas = re.findall(r"\$\$.*?\$\$|\$[^$]*\$", text, re.DOTALL)
    assert formulas
    assert not any("input" in one or "x$ %" in one for one in formulas)
    assert "\\input" not in text
    assert text.count("$") % 2 == 0


def test_expressions_show_themselves() -> None:
    (n,) = sizes("n")
    (i,) = letters("i", n)
    x = tensor("x", n)
    assert Sum(i, x[i] ** 2)._repr_latex_() == r"$\displaystyle \sum_{i} x_{i}^{2}$"


def test_formulas_and_claims_are_short_in_a_console() -> None:
    entry = formula("calc-jacobian")
    assert repr(entry) == "<formula calc-jacobian: Jacobian matrix>"
    made, _ = quoted()
    assert isinstance(made, Claim)
    assert repr(made) == "<claim 'A title': 1 chains>"


def test_a_cell_says_everything() -> None:
    made, evidence = quoted()
    source = notebook(made, evidence)
    for words in ("quoted from Author (1999)", "could not be exercised", "no point was found", "A note before."):
        assert words in source
