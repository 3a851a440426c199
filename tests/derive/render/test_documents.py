"""Whole documents: what they must hold, in every format and language, and that the tools accept them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from derive.definitions import define
from derive.derivation import Chain, Check, Derivation, Evidence, Step
from derive.differentiate import gradient, hessian, hvp, jacobian, jvp, taylor, vjp
from derive.errors import NotationError
from derive.formula import Claim, Formula, claim, claims_of, line, load, prove
from derive.functions import log
from derive.index import letters
from derive.nodes import Sum
from derive.notation import name, tensor
from derive.over_axes import logsumexp, softmax
from derive.program import Program
from derive.render.html import html
from derive.render.latex import latex, results
from derive.render.markdown import markdown
from derive.render.notebook import notebook
from derive.render.phrases import LANGUAGES
from derive.render.text import columns, text
from derive.size_algebra import sizes
from derive.statements import assume
from tests.derive.programs import GATE, softmax_regression
from tests.rendering import compile_latex, open_in_browser, pdf_to_png

FORMATS: dict[str, Callable[..., str]] = {"latex": latex, "html": html, "markdown": markdown, "text": text}


def scalar_loss() -> Program:
    return softmax_regression().program


def logits_loss() -> Program:
    """Softmax cross-entropy in its logits alone."""
    n, c = sizes("n c")
    i, k = letters("i k", n, c)
    Z, T = tensor("Z", n, c), tensor("T", n, c, domain="simplex")
    P = define(name("P")[i, k], softmax(k, Z[i, k]))
    L = define(name("L"), -1 / n * Sum(i, k, T[i, k] * log(P[i, k])))
    return Program.of([Z, T], L, [assume(Sum(k, T[i, k]), "=", 1)])


DERIVATIONS: dict[str, Callable[[], Derivation]] = {
    **{key: lambda build=build: gradient(build().program, build().wrt) for key, build in GATE.items()},
    "hessian": lambda: hessian(logits_loss(), "Z"),
    "hvp": lambda: hvp(logits_loss(), "Z"),
    "hvp in reverse": lambda: hvp(logits_loss(), "Z", style="reverse"),
    "vjp": lambda: vjp(scalar_loss(), ("X", "W"), output="Z"),
    "jvp": lambda: jvp(scalar_loss(), ("X", "W")),
    "taylor": lambda: taylor(logits_loss(), "Z", order=2),
}


def _steps(chains: Sequence[Chain]) -> Iterator[Step]:
    for chain in chains:
        for step in chain.steps:
            yield step
            yield from _steps(step.substeps)


def made_up(chains: Sequence[Chain]) -> Evidence:
    """Evidence whose checks all hold, so that documents are tried without waiting for numbers."""
    drawn = ((("n", 3), ("d", 4), ("c", 5)), (("n", 2), ("d", 5), ("c", 3)), (("n", 1), ("d", 2), ("c", 4)))
    held = Check("holds", "values", 9, drawn, 1.25e-13)
    whole = (Check("holds", "numerical derivative", 9, drawn[:2], 3.0e-9), Check("holds", "SymPy", 1, drawn[:1]))
    return Evidence(dict.fromkeys(_steps(chains), held), dict.fromkeys(chains, whole), 7)


@cache
def derived(case: str) -> tuple[Derivation, Evidence]:
    found = DERIVATIONS[case]()
    return found, made_up(found.chains)


# ------------------------------------------------------------------------------------------------- what is said


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("form", FORMATS)
def test_a_document_says_everything(form: str, lang: str) -> None:
    found, evidence = derived("softmax_regression")
    said = FORMATS[form](found, evidence, lang)
    expected = {
        "en": ["Gradient of L with respect to X, W and b", "Claim", "Set-up", "Forward definitions", "Assumptions",
               "Chain rule", "the contributions add up", "Bracket contraction", "Result", "Index form", "Matrix form",
               "9 points (A", "Checks", "numerical derivative", "Indices count from 0", "Random seed", "error"],
        "zh": ["L 对 X, W 和 b 的梯度", "命题", "记号与设定", "前向定义", "假设", "链式法则", "括号缩并", "结果",
               "下标形式", "矩阵形式", "9 个点", "验证", "数值导数", "随机种子"],
    }[lang]  # fmt: skip
    plain = " ".join(said.split())
    assert [words for words in expected if words.lower() not in plain.lower()] == []


@pytest.mark.parametrize("case", DERIVATIONS)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_text_is_at_most_80_columns_wide(case: str, lang: str) -> None:
    found, evidence = derived(case)
    assert max(map(columns, text(found, evidence, lang).split("\n"))) <= 80
    assert max(map(columns, text(found, evidence, lang, width=50).split("\n"))) <= 50


def test_lines_hold_law_reason_and_check() -> None:
    found, evidence = derived("softmax_regression")
    said = text(found, evidence)
    assert "1 Definition: what stands for a name is put in its place" in said
    assert re.search(r"= -T\[i,k\]/\(n·P\[i,k\]\) +✓ 9 points \(A–C\), error 1\.2e-13\n", said)
    assert "│ Matrix form" in said
    assert "W̄ = Xᵀ" in said


def test_the_sizes_of_the_checks_are_listed_once() -> None:
    found, evidence = derived("softmax_regression")
    said = text(found, evidence)
    assert said.count("A: n = 3, d = 4, c = 5") == 1


@pytest.mark.parametrize("identifier", ["loss-softmax-ce", "mc-linear-quadratic"])
def test_as_many_lines_are_counted_as_are_shown(identifier: str) -> None:
    shown = text(load(identifier))
    marks = re.findall(r"✓ \d+ points?.*error \S+$", shown, re.MULTILINE)
    assert f"{len(marks)} of {len(marks)} lines hold" in shown


def test_a_law_is_stated_where_it_is_first_used() -> None:
    found, evidence = derived("softmax_regression")
    assert markdown(found, evidence).count(r"\sum_{j}\,[j = a]\,f_j = f_a") == 1


def said_twice() -> tuple[Formula, Evidence]:
    """Two claims that share a chain, a law and its proof, the second about a program of its own too."""
    other = logits_loss()

    def claims(main: Program) -> list[Claim]:
        return [
            claim(("Gradient", "梯度"), gradient(main, "Z")),
            claim(("Hessian", "海森矩阵"), hessian(main, "Z")),
            claim(("Elsewhere", "另一个"), gradient(other, "Z")),
        ]

    made = Formula("twice", "Twice", "两次", logits_loss, claims, "Nobody (2000)", ("Said once.", "只说一次。"))
    return made, made_up([chain for one in claims_of(made) for chain in one.chains])


def test_the_definition_of_a_function_is_that_of_the_function() -> None:
    K = sizes("K")[0]
    (k,) = letters("k", K)
    z = tensor("z", K)
    made = latex(gradient(Program.of([z], define(name("L"), logsumexp(k, z[k]))), "z"))
    stated = r"\operatorname{LSE}(z) = \log\Bigl(\sum_{j} e^{z_{j}}\Bigr)"
    assert made.count(stated) == 1, "the expansion of the function that is used, once"
    assert made.index(stated) < made.index(r"\frac{e^{z_{k}}}") < made.index(r"\operatorname{softmax}(z)_{l} = ")


def test_dots_are_explained_where_there_are_some() -> None:
    K = sizes("K")[0]
    (k,) = letters("k", K)
    z = tensor("z", K)
    vector = define(name("p")[k], softmax(k, z[k]))
    explained = "stands for an index that runs over its whole axis"
    rows, alone = text(gradient(logits_loss(), "Z")), text(jacobian(Program.of([z], vector), "z"))
    assert ",·]" in rows
    assert explained in rows
    assert not re.search(r"[\[,]·", alone)
    assert explained not in alone


@pytest.mark.parametrize("form", FORMATS)
def test_a_result_of_one_line_carries_its_check(form: str) -> None:
    x = tensor("x")
    program = Program.of([x], define(name("y"), x * x))
    subject = claim(("Square", "平方"), [prove(x * x, line("=", x**2, "algebra"))], program=program)
    checked = {"html": "checked (values)", "text": "by values"}.get(form, "values")
    assert checked in FORMATS[form](subject)


@pytest.mark.parametrize("form", FORMATS)
def test_what_has_been_said_is_not_said_again(form: str) -> None:
    said = FORMATS[form](*said_twice())
    once = ["Indices count from 0", "1 where the condition holds", "its softmax", "a bar marks"]
    assert {words: said.count(words) for words in once} == dict.fromkeys(once, 1)
    assert said.count("As found above:") == 1  # one remark for the cotangents of P and of Z, in the Hessian


def test_another_program_is_derived_anew() -> None:
    said = text(*said_twice())
    assert said.count("P̄[i,k] := ∂L/∂P[i,k]") == 2
    assert said.count("P̄[i,k] = ") == 1


def test_a_form_that_stands_alone_has_no_name() -> None:
    found, evidence = derived("taylor")
    assert "Index form" not in text(*quoted())
    assert "Index form" in text(found, evidence)


def test_the_size_of_a_law_is_no_size_of_the_document() -> None:
    found, _ = derived("softmax_regression")
    drawn = (*((("K", 9 + m), ("n", 3), ("d", 4), ("c", 5)) for m in range(3)),)
    steps = dict.fromkeys(_steps(found.chains), Check("holds", "values", 9, drawn, 0.0))
    said = text(found, Evidence(steps, dict.fromkeys(found.chains, ()), 0))
    assert "A: n = 3, d = 4, c = 5" in said
    assert "K = " not in said
    assert "9 points (A)" in said


def test_a_long_shape_may_take_several_lines() -> None:
    found, evidence = derived("convolution")
    assert '<td class="long">' in html(found, evidence)
    found, evidence = derived("softmax_regression")
    assert '<td class="long">' not in html(found, evidence)


def quoted() -> tuple[Claim, Evidence]:
    """A claim with a quoted line, a line that could not be exercised, and one without a check."""
    (n,) = sizes("n")
    (i,) = letters("i", n)
    x = tensor("x", n)
    y = define(name("y"), Sum(i, x[i] ** 2))
    program = Program.of([x], y)
    one, two, three = (Sum(i, x[i] ** 2), Sum(i, x[i] * x[i]), Sum(i, 1 * x[i] * x[i] + 0))
    chain = prove(
        one,
        line("=", two, reference="Author (1999), Title, eq. (4)", why=("as is known", "众所周知")),
        line("≤", 2 * two, why=("twice is more", "两倍更大"), conditions=[("x is real", "x 为实数")]),
        line("=", 2 * three, why=("the same", "相同")),
        note=("A note before.", "前注。"),
        within=program,
    )
    made = claim(("A title", "标题"), [chain], program=program, prose=("Some prose.", "正文。"))
    steps = {
        chain.steps[0]: Check("holds", "values", 3, ((("n", 2),),), 0.0),
        chain.steps[1]: Check("not exercised", "values", message="no point was found"),
    }
    return made, Evidence(steps, {chain: ()}, 0)


@pytest.mark.parametrize("form", FORMATS)
def test_quoted_and_unexercised_lines_are_marked(form: str) -> None:
    made, evidence = quoted()
    said = " ".join(FORMATS[form](made, evidence).split())
    assert "quoted from Author (1999), Title, eq. (4)" in said.replace("\\", "")
    assert re.search("could not be exercised", said, re.IGNORECASE)
    assert "no point was found" in said
    assert "no check" in said
    assert "x is real" in said
    assert "A note before." in said


def test_evidence_about_something_else_is_refused() -> None:
    found, _ = derived("gather")
    _, other = derived("hessian")
    with pytest.raises(NotationError, match="about other chains"):
        text(found, other)


def test_unknown_language() -> None:
    found, evidence = derived("gather")
    with pytest.raises(NotationError, match="en or zh"):
        text(found, evidence, lang="de")


def test_derivations_show_themselves() -> None:
    found = gradient(logits_loss(), "Z")
    assert str(found).startswith("Gradient of L")
    assert found.markdown("zh").startswith("# L 对 Z 的梯度")
    assert found._repr_html_() == notebook(found)
    assert found._repr_latex_().startswith("$$")
    assert r"\begin{document}" not in found.latex(fragment=True)


# ---------------------------------------------------------------------------------------------------- injection

HOSTILE = (
    r"\input{/etc/passwd} $x$ % _ ^ ~ <script>alert(1)</script> __import__('os') {} # & | ` * [a](b) \end{document}"
)


def hostile() -> tuple[Formula, Evidence]:
    """A formula whose every text tries to be a command."""

    def program() -> Program:
        (n,) = sizes("n")
        (i,) = letters("i", n)
        x = tensor("x", n, meaning=(HOSTILE, HOSTILE))
        y = define(name("y"), Sum(i, x[i] ** 2), meaning=(HOSTILE, HOSTILE))
        return Program.of([x], y, [assume(Sum(i, x[i]), ">", 0, (HOSTILE, HOSTILE))])

    def claims(main: Program) -> list[Claim]:
        (i,) = letters("i", main.tensor("x").axes[0])
        x = main.tensor("x")
        start = Sum(i, x[i] ** 2)
        step = line(
            "=", Sum(i, x[i] * x[i]), why=(HOSTILE, HOSTILE), conditions=[(HOSTILE, HOSTILE)], reference=HOSTILE
        )
        return [claim((HOSTILE, HOSTILE), [prove(start, step, note=(HOSTILE, HOSTILE))], program=main,
                      prose=(HOSTILE, HOSTILE))]  # fmt: skip

    made = Formula("hostile", HOSTILE, HOSTILE, program, claims, HOSTILE, (HOSTILE, HOSTILE), (HOSTILE, HOSTILE))
    evidence = made_up([chain for one in claims_of(made) for chain in one.chains])
    return made, replace(evidence, steps={
        step: Check("not exercised", HOSTILE, message=HOSTILE) for step in evidence.steps})  # fmt: skip


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("form", FORMATS)
def test_prose_is_never_a_command(form: str, lang: str) -> None:
    made, evidence = hostile()
    said = FORMATS[form](made, evidence, lang)
    if form == "latex":
        assert r"\input{" not in said
        assert said.count(r"\end{document}") == 1
    if form == "html":
        assert said.lower().count("<script") == 2
        assert "&lt;script&gt;" in said
    if form == "markdown":
        assert "<script" not in said
        assert "$x$ %" not in said
        assert "[a](b)" not in said


@pytest.mark.rendering("pdflatex")
@pytest.mark.parametrize("lang", LANGUAGES)
def test_hostile_prose_compiles(tmp_path: Path, lang: str) -> None:
    made, evidence = hostile()
    assert compile_latex(latex(made, evidence, lang), tmp_path).complaints == ()


@pytest.mark.rendering("chromium")
def test_hostile_prose_is_shown(tmp_path: Path) -> None:
    made, evidence = hostile()
    file = tmp_path / "page.html"
    file.write_text(html(made, evidence), encoding="utf-8")
    view = open_in_browser(file)
    assert view.refused == ()
    assert view.console == ()
    assert HOSTILE in view.text


# --------------------------------------------------------------------------------------------- looked at by tools


@pytest.mark.rendering("pdflatex")
@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("case", DERIVATIONS)
def test_latex_compiles(tmp_path: Path, case: str, lang: str) -> None:
    found, evidence = derived(case)
    made = compile_latex(latex(found, evidence, lang), tmp_path)
    assert made.complaints == ()


@pytest.mark.rendering("pdflatex", "pdftoppm")
@pytest.mark.parametrize("lang", LANGUAGES)
def test_other_lines_compile(tmp_path: Path, lang: str) -> None:
    made = compile_latex(latex(*quoted(), lang), tmp_path)
    assert made.complaints == ()
    assert len(pdf_to_png(made.path, dpi=30)) == made.pages


@pytest.mark.rendering("pdflatex")
def test_a_fragment_stands_in_any_document(tmp_path: Path) -> None:
    found, evidence = derived("softmax_regression")
    whole = r"""\documentclass{article}
\usepackage{amsmath,amssymb,bm}
\begin{document}
%s
%s
\end{document}
"""
    fragment, alone = latex(found, evidence, fragment=True), results(found, evidence)
    made = compile_latex(whole % (fragment, alone), tmp_path)
    assert [c for c in made.complaints if "full" not in c] == []


@pytest.mark.rendering("chromium")
@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("case", ["softmax_regression", "lstm", "attention", "hessian", "taylor"])
def test_page_is_drawn(tmp_path: Path, case: str, lang: str) -> None:
    found, evidence = derived(case)
    file = tmp_path / "page.html"
    file.write_text(html(found, evidence, lang), encoding="utf-8")
    assert open_in_browser(file).complaints() == []


@pytest.mark.rendering("chromium")
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_page_is_drawn_on_a_telephone(tmp_path: Path, dark: bool) -> None:
    file = tmp_path / "page.html"
    for case in ("convolution", "mixture"):
        found, evidence = derived(case)
        file.write_text(html(found, evidence), encoding="utf-8")
        assert open_in_browser(file, width=390, dark=dark).complaints() == []
