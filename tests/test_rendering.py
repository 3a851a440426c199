"""The tools that judge renderings, tried on renderings that are wrong."""

import shutil
from pathlib import Path

import pytest

from derive.render.page import math, page
from tests.rendering import compile_latex, open_in_browser, pdf_to_png

DOCUMENT = r"""
\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage{lmodern,amsmath,amssymb,bm}
\usepackage{CJKutf8}
\begin{document}
%s
\end{document}
"""

GOOD = {
    "mathematics": r"\begin{align} \bar{\bm{W}} &= X^\top (P - Y) \tag{chain rule} \end{align}",
    "two pages": r"one \newpage two",
    "reference": r"\begin{equation} x \label{a} \end{equation} See \eqref{a}.",
    "Chinese": r"\begin{CJK}{UTF8}{gbsn}链式法则：对每个中间量求和。$\text{若}$\end{CJK}",
}

BAD = {
    "error": (r"\nosuchcommand", "Undefined control sequence"),
    "overfull": (r"\noindent\mbox{" + "wide " * 60 + "}", "Overfull"),
    "underfull": (r"\noindent short\linebreak text\par", "Underfull"),
    "missing character": (r"\font\f=cmr10 \f \char200", "Missing character"),
    "reference": (r"\ref{nowhere}", "undefined"),
    "label": (r"x\label{a}\label{a}", "multiply"),
    "package warning": (r"\makeatletter\@latex@warning{careful}", "careful"),
    "missing glyph": ("梯度", "Unicode character 梯"),
    "file outside": (r"\input{/etc/hostname}", "/etc/hostname"),
    "no page": ("", "no page of output"),
}


@pytest.mark.rendering("pdflatex", "pdftoppm")
@pytest.mark.parametrize("case", GOOD)
def test_good_latex_has_no_complaints(tmp_path: Path, case: str) -> None:
    pdf = compile_latex(DOCUMENT % GOOD[case], tmp_path)
    assert pdf.complaints == ()
    assert pdf.pages == (2 if case == "two pages" else 1)
    assert len(pdf_to_png(pdf.path, dpi=30)) == pdf.pages


@pytest.mark.rendering("pdflatex")
@pytest.mark.parametrize("case", BAD)
def test_bad_latex_has_complaints(tmp_path: Path, case: str) -> None:
    source, complaint = BAD[case]
    pdf = compile_latex(DOCUMENT % source, tmp_path)
    assert complaint in "\n".join(pdf.complaints)


@pytest.mark.rendering("pdflatex")
def test_latex_runs_no_program(tmp_path: Path) -> None:
    pdf = compile_latex(DOCUMENT % (r"x\immediate\write18{touch " + str(tmp_path / "written") + "}"), tmp_path)
    assert pdf.pages == 1
    assert not (tmp_path / "written").exists()


BAD_PAGES = {
    "refused formula": (page("t", math(r"\nosuchcommand", True)), "refused formula"),
    "lenient formula": (page("t", math("梯度", True)), "LaTeX would not accept"),
    "TeX in the text": (page("t", r"<p>the value \frac{1}{2}</p>"), "TeX in the text"),
    "dollars in the text": (page("t", "<p>$$x$$</p>"), "TeX in the text"),
    "wide": (page("t", '<div style="width: 3000px">x</div>'), "wider than the window"),
    "wide in a fold": (
        page("t", '<details><div style="width: 3000px">x</div></details>'),
        "wider than the window",
    ),
    "loads": (page("t", '<img src="https://example.com/x.png">'), "console"),
    "throws": ("<script>throw new Error('broken')</script>", "console"),
    "missing font": (
        page("t", math("x", True)).replace("font/woff2;base64,", "font/woff2;base64,AAAA"),
        "font not",
    ),
    "no script": ("<p class='math'>x</p>", "did not finish"),
}


@pytest.mark.rendering("chromium")
@pytest.mark.parametrize("case", BAD_PAGES)
def test_bad_page_has_complaints(tmp_path: Path, case: str) -> None:
    text, complaint = BAD_PAGES[case]
    file = tmp_path / "page.html"
    file.write_text(text, encoding="utf-8")
    assert complaint in "\n".join(open_in_browser(file).complaints())


pytest_plugins = ["pytester"]

USES_TOOLS = """
import pytest

@pytest.mark.rendering("pdflatex", "chromium")
def test_drawn():
    pass

@pytest.mark.rendering("pdflatex")
def test_typeset():
    pass

def test_other():
    pass
"""


@pytest.fixture
def without_tools(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("PATH", str(pytester.path))
    monkeypatch.delenv("GRADPROOF_REQUIRE_TOOLS", raising=False)
    pytester.makeini("[pytest]\nmarkers = rendering\naddopts = --import-mode=importlib")
    here = Path(__file__).parent
    folder = pytester.mkpydir("tests")
    for name in ("conftest.py", "rendering.py"):
        shutil.copy(here / name, folder)
    (folder / "test_tools.py").write_text(USES_TOOLS, encoding="utf-8")
    return pytester


@pytest.mark.parametrize("processes", ["0", "2"])
def test_absent_tools_are_reported(without_tools: pytest.Pytester, processes: str) -> None:
    result = without_tools.runpytest_subprocess("-n", processes)
    result.assert_outcomes(passed=1, skipped=2)
    result.stdout.fnmatch_lines(["rendering: not run: 2 (chromium, pdflatex not found)"])


def test_absent_tools_fail_where_required(without_tools: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADPROOF_REQUIRE_TOOLS", "1")
    result = without_tools.runpytest_subprocess()
    result.assert_outcomes(passed=1, errors=2)
