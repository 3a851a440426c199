"""The page is one file that needs nothing else, whatever is written into it."""

import re
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from derive.render.page import math, page
from tests.rendering import open_in_browser, pdf_to_png, print_in_browser


def written(body: str) -> str:
    """HTML with its formulas between dollars, as one writes it by hand."""
    body = re.sub(r"\$\$(.*?)\$\$", lambda found: math(found[1], True), body)
    return re.sub(r"\$(.*?)\$", lambda found: math(found[1], False), body)


SAMPLE = written(r"""
<p class="lead">A sample with every class of the vocabulary.</p>
<section class="claim"><h2>Claim</h2>$$\frac{\partial L}{\partial W} = X^\top (P - Y)$$</section>
<table class="setup"><tr><td>$X$<td>$n \times d$<td>inputs</tr></table>
<div class="steps">
<article class="step">
<header><span class="law">Chain rule</span><span class="statement">$\bar x = \bar y f'$</span>
<span class="check ok">checked <small>largest error 1.1e-13 at 24 points</small></span></header>
$$\bar Z_{ij} = \sum_k \bar P_{ik} P_{ik} (\delta_{kj} - P_{ij}) + \kern{80em} x$$
<p class="why">Only row $i$ depends on it, and $x \kern{80em} x$ is long.</p>
<details><summary>In smaller steps</summary><article class="step">
<header><span class="law">Quotient rule</span><span class="check stated">stated</span></header>
$$\Bigl(\frac fg\Bigr)' = \frac{f'g - fg'}{g^2} \kern{80em} x$$</article></details>
</article>
<article class="step"><header><span class="law">Law</span>
<span class="check unexercised">could not be exercised</span></header>$$a \le b$$</article>
<article class="step"><header><span class="law">Law</span><span class="check wrong">wrong</span></header>
$$\lVert x \rVert_2 = 0$$</article>
</div>
<section class="result"><h2>Result</h2>$$\boxed{\bar W = X^\top (P - Y)}$$</section>
<pre><code>return [" wide ", " wide ", " wide ", " wide ", " wide ", " wide ", " wide "]</code></pre>
<p class="reference">Author (year), Title, eq. (41).</p>
""")

# Whatever a derivation may print, and every family of fonts that KaTeX has.
GLYPHS = [
    r"\bm{x} \odot \mathbf{1}^\top \operatorname{diag}(v) \operatorname*{arg\,max}_k",
    r"\mathcal{L} \mathscr{F} \mathfrak{g} \mathbb{R} \mathsf{T} \mathtt{code} \mathrm{d} \mathit{it}",
    r"\textsf{sans} \textbf{bold} \textit{italic} \texttt{tt} \boldsymbol{\theta} \mathcal{\boldsymbol{L}}",
    r"\left(\frac{\sum_{i=1}^{n}\frac{a}{b}}{\prod_j\frac{c}{\frac{d}{e}}}\right) \bigl[ \Bigl\{ \biggl(",
    r"\begin{aligned} a &= \begin{cases} 1 & i = j \\ 0 & i \ne j \end{cases} \\ b \end{aligned}",
    r"\begin{pmatrix} a & b \\ c & d \end{pmatrix} \widehat{xyz} \overline{x} \underbrace{a}_{n} \sqrt[3]{x}",
    r"[\, i \ge j \,] \lessgtr \nexists \varnothing \leqslant \partial \nabla \infty \ell \Re \hbar \dagger",
]


@pytest.mark.rendering("chromium")
@pytest.mark.parametrize("width", [390, 1000])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_sample_is_drawn(tmp_path: Path, width: int, dark: bool) -> None:
    file = tmp_path / "page.html"
    file.write_text(page("Sample", SAMPLE), encoding="utf-8")
    view = open_in_browser(file, width=width, dark=dark)
    assert view.complaints() == []
    assert view.formulas == SAMPLE.count('class="math"')
    assert view.data["rendered"] == str(view.formulas)


@pytest.mark.rendering("chromium")
def test_light_and_dark_differ(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(page("Sample", SAMPLE), encoding="utf-8")
    light, dark = (open_in_browser(file, dark=dark).screenshot.read_bytes() for dark in (False, True))
    assert light != dark


@pytest.mark.rendering("chromium")
@pytest.mark.parametrize("tex", GLYPHS)
def test_every_glyph_has_its_font(tmp_path: Path, tex: str) -> None:
    """A page inlines only the fonts it uses; each formula alone shows that its own are among them."""
    file = tmp_path / "page.html"
    file.write_text(page("Glyphs", math(tex, True)), encoding="utf-8")
    view = open_in_browser(file)
    assert view.complaints() == []


@pytest.mark.rendering("chromium")
@pytest.mark.parametrize(("width", "classes"), [(20, "math"), (46, "math"), (60, "math wide")])
def test_a_formula_a_little_too_wide_is_set_smaller(tmp_path: Path, width: int, classes: str) -> None:
    file = tmp_path / "page.html"
    file.write_text(page("Wide", math(rf"x \kern{{{width}em}} x", True)), encoding="utf-8")
    view = open_in_browser(file)
    assert view.complaints() == []
    assert f'class="{classes}"' in view.dom
    assert ("font-size: 9" in view.dom) == (width == 46)


@pytest.mark.rendering("chromium")
def test_chinese_is_drawn(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    body = written(r"<p>梯度与其变量同形。</p>$$x = 1 \quad \text{若 } y > 0$$")
    file.write_text(page("链式法则", body, lang="zh-CN"), encoding="utf-8")
    view = open_in_browser(file)
    assert view.complaints() == []
    assert "梯度与其变量同形" in view.text
    assert '<html lang="zh-CN"' in view.dom


@pytest.mark.rendering("chromium")
def test_refused_formula_is_shown_and_the_rest_is_drawn(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    body = math(r"\nosuchcommand", True) + math(r"\href{https://example.com}{x}", False) + math("a", False)
    file.write_text(page("Refused", body), encoding="utf-8")
    view = open_in_browser(file)
    assert view.data["errors"] == "1"
    assert view.refused == (r"\nosuchcommand",)
    assert "href=" not in view.dom


@pytest.mark.rendering("chromium")
def test_markup_in_formula_and_title_stays_text(tmp_path: Path) -> None:
    title = "<script>document.title = 'run'</script> & <b>"
    body = math("</span><script>document.body.dataset.run = 1</script> a < b & c", False)
    # Escaping forgotten by a caller: the policy of the page still refuses to run it.
    body += "<script>document.body.dataset.run = 1</script><img src=x onerror='document.body.dataset.run = 1'>"
    file = tmp_path / "page.html"
    file.write_text(page(title, body), encoding="utf-8")
    view = open_in_browser(file)
    assert "data-run" not in view.dom
    assert f"<title>{escape(title, quote=False)}</title>" in view.dom
    assert any("Content Security Policy" in line for line in view.console)


@pytest.mark.rendering("chromium", "pdftoppm")
def test_paper_has_the_folds_open(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    tall = '<div style="height: 240mm">end</div>'
    file.write_text(page("Folds", f"<details><summary>More</summary>{tall * 3}</details>"), encoding="utf-8")
    assert len(pdf_to_png(print_in_browser(file), dpi=30)) >= 3


@pytest.mark.parametrize("body", ["<p>no formula</p>", SAMPLE, "".join(math(tex, True) for tex in GLYPHS)])
def test_nothing_is_loaded_from_outside(body: str) -> None:
    text = page("Sample", body)
    loads = re.findall(r"url\((?!data:)[^)]*\)|@import[^;]*|(?:src|href)\s*=\s*[\"'][^\"']*", _without_scripts(text))
    assert loads == []
    assert text.count("<script>") == text.lower().count("</script") == 2


def test_fonts_are_inlined_where_they_are_used() -> None:
    plain, script = page("Sample", math("x", False)), page("Sample", math(r"\mathscr{L}", False))
    assert "font-family:KaTeX_Script;font-style" not in plain
    assert "font-family:KaTeX_Script;font-style" in script
    assert page("Sample", math("ℒ", False)).count("@font-face") == 20


def test_math_escapes() -> None:
    assert math("a < b & c", False) == '<span class="math">a &lt; b &amp; c</span>'
    assert math("x", True) == '<div class="math">x</div>'


def _without_scripts(text: str) -> str:
    class Reader(HTMLParser):
        kept = ""
        tag = ""

        def handle_starttag(self, tag: str, attrs: object) -> None:
            self.tag = tag
            self.kept += self.get_starttag_text() or ""

        def handle_data(self, data: str) -> None:
            if self.tag != "script":
                self.kept += data

        def handle_endtag(self, tag: str) -> None:
            self.tag = ""

    reader = Reader()
    reader.feed(text)
    return reader.kept
