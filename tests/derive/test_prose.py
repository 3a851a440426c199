"""Formulas between backticks in prose: what the grammar reads, what it refuses, and where it is asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from derive.definitions import define
from derive.errors import NotationError
from derive.formula import Formula, claim, line, load, prove
from derive.index import letters
from derive.nodes import Sum
from derive.notation import name, tensor
from derive.program import Program
from derive.prose import GREEK, OPERATORS, RELATIONS, SYMBOLS, Inline, prose, quoted, without_marks
from derive.render.html import html
from derive.render.inline import tex_formula
from derive.render.latex import latex
from derive.render.markdown import markdown
from derive.render.text import columns, text
from derive.size_algebra import sizes
from derive.statements import assume
from tests.derive.render.test_documents import made_up
from tests.rendering import compile_latex, open_in_browser

DRAWN = {
    "∂u/∂b": r"\partial u/\partial b",
    "∇_b L = Iᵀ ∇_u L": r"\nabla_{b}L = I^{\top}\nabla_{u}L",
    "q(q-1)/(q+δ)": r"{q(q - 1)/(q + \delta)}",
    "p_k": "p_{k}",
    "d_Z[n,k]": "d_{Z,nk}",
    "Z̄[n,k]": r"\bar{Z}_{nk}",
    "x_{t-1}": "x_{t - 1}",
    "2^k": "2^{k}",
    "√d": r"\sqrt{d}",
    "√(x + 1)": r"\sqrt{x + 1}",
    "√d_k": r"\sqrt{d_{k}}",
    "Σ_j": r"\sum_{j}",
    "Σ_{n,k} T[n,k]·log P[n,k]": r"{\sum_{n, k}T_{nk} \cdot \log P_{nk}}",
    "N(μ, Σ)": r"N(\mu, \Sigma)",
    "A⁻¹ + A⁻ᵀ": r"{A^{-1} + A^{-\top}}",
    "x²y": "x^{2}y",
    "x₁₂": "x_{12}",
    "x_i^2": "x_{i}^{2}",
    "x_ij": "x_{ij}",
    "x[i+1,j]": "x_{i + 1,j}",
    "x [i = j]": "{x[i = j]}",
    "W1[0,k]": "W_{1,0k}",
    "h_prev[t,k]": r"h_{\mathrm{prev},tk}",
    "φ'(0) = ∇f·v": r"\varphi'(0) = {\nabla f \cdot v}",
    "1/k!": "1/k!",
    "1e-7": "10^{-7}",
    "2.5e3": r"2.5 \times 10^{3}",
    "c = -max z": r"c = {-\max z}",
    "softmax(Z[n,·])[k]": r"\operatorname{softmax}(Z_{n\cdot})_{k}",
    "score(x)": r"\operatorname{score}(x)",
    "exp(-gap/τ)": r"{\exp(-\mathrm{gap}/\tau)}",
    "mu gap x": r"\mu\,\mathrm{gap}\,x",
    "|R| ≤ M‖v‖³/6": r"\lvert R\rvert \le M\lVert v\rVert^{3}/6",
    "p(y|x)": r"{p(y \mid x)}",
    "⟨𝟏 xᵀ, Y⟩": r"\langle\mathbf{1}x^{\top}, Y\rangle",
    "ȳ ⊙ x̂": r"{\bar{y} \odot \hat{x}}",
    "f: ℝ^n → ℝ": r"f\colon \mathbb{R}^{n} \to \mathbb{R}",
    "½": r"\tfrac{1}{2}",
    "⊙": r"{\odot}",
    "a < b": "a < b",
}

REFUSED = {
    r"\input{x}": r"'\\\\' is not part of the notation, at character 1",
    "$x$": r"'\$' is not part",
    "x % y": "'%' is not part",
    "__import__('os')": "_ has nothing to stand on",
    "x; rm #": "'#' is not part",
    "x & y": "'&' is not part",
    '"x"': "is not part",
    "梯度": "'梯' is not part",
    "  ": "nothing stands between the backticks",
    "A x + Bx": "Bx could be a product or a name: write B x or B_x, at character 7",
    "a * b": "for [*] write ·",
    "a >= b": "for >= write ≥, at character 3",
    "a = = b": "one relation follows another",
    "(a + b": r"\( is not closed, at character 1",
    "a + b)": r"\) closes nothing, at character 6",
    "(0, 1]": "closes nothing",
    "f()": "nothing between the brackets",
    "x_": "nothing follows _",
    "x^ 2": "nothing follows",
    "x _i": "_ has nothing to stand on",
    "√": "nothing follows the root",
    "'x": "' has nothing to stand on",
    "ab\u0302c": "an accent stands on one letter",
    "(" * 40 + "x" + ")" * 40: "nested too deeply",
    "√" * 5000 + "x": "nested too deeply",
    "x" + "^{2" * 5000: "nested too deeply",
}

HOSTILE = ["<script>", "x < img", "-x>", "a<b>c"]


def only(source: str) -> Inline:
    (found,) = prose(f"`{source}`")
    assert isinstance(found, Inline)
    return found


@pytest.mark.parametrize("source", DRAWN)
def test_what_is_drawn(source: str) -> None:
    assert tex_formula(only(source)) == DRAWN[source]


@pytest.mark.parametrize("source", REFUSED, ids=lambda source: repr(source[:20]))
def test_what_is_refused(source: str) -> None:
    with pytest.raises(NotationError, match=REFUSED[source]) as caught:
        prose(f"so `{source}` holds")
    assert "so `" in str(caught.value)


@pytest.mark.parametrize("sign", sorted(OPERATORS | RELATIONS | SYMBOLS | GREEK))
def test_every_sign_has_a_command(sign: str) -> None:
    assert tex_formula(only(sign)).isascii()


def test_a_backtick_alone_is_a_character() -> None:
    assert prose("a ` b") == ("a ", "` b")
    assert prose("`x` and `") == (only("x"), " and ", "`")
    assert prose("``x`` ```") == ("``x`` ```",)
    assert without_marks("so `∂u/∂b` is `I`, ` too") == "so ∂u/∂b is I, ` too"


def test_what_cannot_be_a_formula_is_not_quoted() -> None:
    assert quoted("x + v") == "`x + v`"
    assert quoted("Wq") == "Wq", "a word of two letters could be a product"


def test_a_formula_is_read_as_it_stands() -> None:
    assert only("a  +\n b").source == "a + b"
    assert only("ȳ") == Inline("ȳ", only("y\u0304").parts)


# ---------------------------------------------------------------------------------------------- where it is asked

WRONG = ("fine", "so `\\input{x}` holds")
(n,) = sizes("n")
(i,) = letters("i", n)
x = tensor("x", n)


def formula(**changed: object) -> Formula:
    given = {
        "id": "square",
        "title": "A square",
        "title_zh": "平方",
        "program": lambda: Program.of([x], define(name("y"), Sum(i, x[i] ** 2))),
        "claims": lambda main: [],
        "reference": "Author (1999)",
        "summary": ("It is `x²`.", "即 `x²`。"),
        "answer": ("", ""),
    } | changed
    return Formula(**given)  # type: ignore[arg-type]


MAKERS: dict[str, tuple[Callable[[], object], str]] = {
    "meaning of an input": (lambda: tensor("x", n, meaning=WRONG), "the meaning of 'x'"),
    "meaning of a name": (lambda: name("y", WRONG[1]), "the meaning of 'y'"),
    "meaning of a definition": (lambda: define(name("y"), x[0], meaning=WRONG), "the meaning of 'y'"),
    "reason of an assumption": (lambda: assume(x[i], ">", 0, WRONG), "the reason of an assumption"),
    "reason of a line": (lambda: line("=", x[i], why=WRONG), "the reason of a line"),
    "condition of a line": (lambda: line("=", x[i], conditions=[WRONG]), "a condition of a line"),
    "note": (lambda: prove(x[i], note=WRONG), "the note before a chain"),
    "title of a claim": (lambda: claim(WRONG, [], program=formula().program()), "the title of a claim"),
    "prose of a claim": (lambda: claim(("a", "b"), [], program=formula().program(), prose=WRONG), "the prose of a"),
    "title": (lambda: formula(title=WRONG[1]), "the title of the formula 'square'"),
    "Chinese title": (lambda: formula(title_zh=WRONG[1]), "the title_zh of the formula 'square'"),
    "summary": (lambda: formula(summary=WRONG), "the summary of the formula 'square'"),
    "answer": (lambda: formula(answer=WRONG), "the answer of the formula 'square'"),
}


@pytest.mark.parametrize("case", MAKERS)
def test_a_formula_that_cannot_be_read_is_refused_where_it_is_written(case: str) -> None:
    make, where = MAKERS[case]
    with pytest.raises(NotationError, match=f"{where}.*: `.*character 1 of the formula") as caught:
        make()
    assert WRONG[1] in str(caught.value).replace("\\\\", "\\")


def test_a_reference_is_no_prose() -> None:
    assert formula(reference="`\\literal`").reference == "`\\literal`"


def test_the_line_of_the_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "wrong.py"
    file.write_text("from derive import tensor\n\nx = tensor('x', meaning='`x * y`')\n", encoding="utf-8")
    with pytest.raises(NotationError, match=r"wrong\.py, line 3: the meaning of 'x': .*for [*] write ·"):
        load(file)


# ------------------------------------------------------------------------------------------------- in documents


def document_of(formulas: list[str]) -> Formula:
    """A formula that says the same things everywhere."""
    said = " and ".join(f"`{source}`" for source in formulas)
    pair = (f"On {said}.", f"论 {said}。")

    def program() -> Program:
        v = tensor("x", n, meaning=pair)
        return Program.of([v], define(name("y"), Sum(i, v[i] ** 2), meaning=pair), [assume(v[i], "≠", 0, pair)])

    def claims(main: Program) -> list[object]:
        v = main.tensor("x")
        chain = prove(Sum(i, v[i] ** 2), line("=", Sum(i, v[i] * v[i]), why=pair, conditions=[pair]), note=pair)
        return [claim(pair, [chain], program=main, prose=pair)]

    return formula(title=pair[0], title_zh=pair[1], program=program, claims=claims, summary=pair, answer=pair)


def rendered(made: Formula, writer: Callable[..., str], lang: str) -> str:
    from derive.formula import claims_of

    return writer(made, made_up([chain for one in claims_of(made) for chain in one.chains]), lang)


PLACES = 10


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_format_draws_formulas_everywhere(lang: str) -> None:
    made = document_of(["∇_b L = Iᵀ ∇_u L"])
    drawn = DRAWN["∇_b L = Iᵀ ∇_u L"]
    assert rendered(made, latex, lang).count(f"${drawn}$") >= PLACES
    assert rendered(made, markdown, lang).count(f"${drawn}$") >= PLACES
    assert rendered(made, html, lang).count(f'<span class="math">{drawn}</span>') >= PLACES
    plain = rendered(made, text, lang)
    assert plain.count("∇_b L = Iᵀ ∇_u L") >= PLACES
    assert "`" not in plain
    assert max(map(columns, plain.split("\n"))) <= 80


@pytest.mark.rendering("pdflatex")
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_latex_accepts_every_formula(tmp_path: Path, lang: str) -> None:
    made = document_of([*DRAWN, *HOSTILE])
    compiled = compile_latex(rendered(made, latex, lang), tmp_path)
    assert [c for c in compiled.complaints if "hbox" not in c] == []


@pytest.mark.rendering("chromium")
def test_a_browser_draws_every_formula(tmp_path: Path) -> None:
    made = document_of([*DRAWN, *HOSTILE])
    file = tmp_path / "page.html"
    file.write_text(rendered(made, html, "en"), encoding="utf-8")
    assert open_in_browser(file).complaints() == []


def test_a_formula_and_the_stop_after_it_are_kept_together() -> None:
    page = rendered(document_of(["x", "y"]), html, "en")
    assert '<span class="math">x</span> and <span class="kept"><span class="math">y</span>.</span>' in page


def test_a_short_formula_stays_on_one_line_of_a_terminal() -> None:
    rows = rendered(document_of(["∇_b L = Iᵀ ∇_u L"] * 9), text, "en").split("\n")
    assert sum("∇_b L = Iᵀ ∇_u L" in row for row in rows) == sum("∇_b" in row for row in rows)


@pytest.mark.parametrize("source", HOSTILE)
def test_markup_in_a_formula_is_mathematics(source: str) -> None:
    page = rendered(document_of([source]), html, "en")
    body = page[page.index("<main>") : page.index("</main>")]
    assert "<script" not in body
    assert "<img" not in body
    assert "&lt;" in body or "&gt;" in body
