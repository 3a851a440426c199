"""Formulas are data with promises: what lacks one is refused, in words that say what to write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from derive.definitions import define
from derive.differentiate import gradient
from derive.errors import DerivationError, NotationError
from derive.formula import Claim, Formula, catalogue, claim, formula, group_of, line, load, prove
from derive.functions import exp
from derive.index import letter
from derive.nodes import Sum, number
from derive.notation import name, tensor
from derive.program import Program
from derive.size_algebra import sizes
from derive.statements import Statement
from derive.tree import key

n = sizes("n")[0]
i = letter("i", n)
x, y = tensor("x", n), tensor("y", n)
TITLE = ("gradient", "梯度")


def program() -> Program:
    return Program.of([x, y], define(name("L"), Sum(i, y[i] * x[i] ** 2)))


def claims(p: Program) -> list[Claim]:
    return [claim(TITLE, gradient(p, ["x", "y"]))]


GOOD: dict[str, Any] = {
    "id": "weighted-squares",
    "title": "Weighted squares",
    "title_zh": "加权平方和",
    "program": program,
    "claims": claims,
    "reference": "Gauss (1809), Theoria motus",
    "summary": ("The weighted sum of squares.", "加权平方和。"),
}


# ------------------------------------------------------------------------------------------------------ declaring


def test_a_formula_with_all_its_promises() -> None:
    found = Formula(**GOOD)
    assert found.id == "weighted-squares"
    assert found.answer == ("", "")


@pytest.mark.parametrize("missing", GOOD)
def test_a_missing_promise_is_an_error(missing: str) -> None:
    with pytest.raises(TypeError, match=missing):
        Formula(**{field: value for field, value in GOOD.items() if field != missing})


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("id", "Weighted", "lower-case words joined by hyphens, not 'Weighted'"),
        ("id", "two words", "lower-case words joined by hyphens"),
        ("id", "", "lower-case words joined by hyphens"),
        ("id", "../up", "lower-case words joined by hyphens"),
        ("title", " ", "has no title"),
        ("title_zh", "", "has no title_zh"),
        ("reference", "", "has no reference"),
        ("summary", ("English only", ""), "needs a summary in English and in Chinese"),
        ("summary", ("one",), "needs a summary in English and in Chinese"),
    ],
)
def test_an_empty_promise_is_an_error(field: str, value: object, reason: str) -> None:
    with pytest.raises(NotationError, match=reason):
        Formula(**{**GOOD, field: value})


# --------------------------------------------------------------------------------------------------------- claims


def test_expected_results_are_named_by_their_tensors() -> None:
    found = claim(TITLE, gradient(program(), ["x", "y"]), expected={"x": lambda k: 2 * y[k] * x[k]})
    ((chain, form),) = found.expected.items()
    assert chain.name is not None
    assert chain.name.tensor.name == "d_x"
    assert key(form) == key(chain.result)  # type: ignore[arg-type]  # a node
    by_own_name = claim(TITLE, gradient(program(), "x"), expected={"d_x": lambda k: number(0)})
    assert len(by_own_name.expected) == 1


def test_a_name_that_nothing_finds_is_an_error() -> None:
    with pytest.raises(NotationError, match=r"no chain finds 'z'; there are .*d_x"):
        claim(TITLE, gradient(program(), "x"), expected={"z": lambda: 0})


def test_chains_need_the_program_they_are_about() -> None:
    chain = prove(x[i], line("=", x[i] * 1))
    with pytest.raises(NotationError, match="'gradient' is made of chains: name the program"):
        claim(TITLE, [chain])
    assert claim(TITLE, [chain], program=program()).chains == (chain,)


# ------------------------------------------------------------------------------------------------ chains by hand


def test_a_chain_by_hand_keeps_its_lines() -> None:
    chain = prove(
        (x[i] + y[i]) ** 2,
        line("=", x[i] ** 2 + 2 * x[i] * y[i] + y[i] ** 2, why=("expanded", "展开")),
        line("≤", 2 * x[i] ** 2 + 2 * y[i] ** 2, why=("2ab ≤ a² + b²", "2ab ≤ a² + b²"), reference="Cauchy (1821)"),
    )
    assert [step.relation for step in chain.steps] == ["=", "≤"]
    assert chain.steps[0].why == ("expanded", "展开")
    assert chain.steps[1].reference == "Cauchy (1821)"
    assert chain.result == chain.steps[-1].after


def test_statements_lead_to_statements() -> None:
    chain = prove(Statement(x[i], "=", y[i]), line("⇒", Statement(exp(x[i]), "=", exp(y[i]))))
    assert isinstance(chain.result, Statement)
    with pytest.raises(DerivationError, match="⇒ leads from a statement"):
        prove(x[i], line("⇒", y[i]))
    with pytest.raises(DerivationError, match="names the rule 'by magic'"):
        prove(x[i], line("=", y[i], "by magic"))


def test_a_remainder_has_its_order() -> None:
    v = tensor("v", n, domain="small")
    chain = prove(exp(v[i]), line("≈", 1 + v[i], small=v, order=2))
    assert (chain.steps[0].small, chain.steps[0].order) == (v, 2)


# ------------------------------------------------------------------------------------------------------- catalogue


@pytest.mark.parametrize("identifier", catalogue())
def test_every_entry_is_the_file_of_its_name(identifier: str) -> None:
    found = formula(identifier)
    assert found.id == identifier
    assert group_of(identifier) in catalogue()[identifier].parts


def test_an_unknown_identifier_names_the_nearest() -> None:
    some = next(iter(catalogue()))
    with pytest.raises(
        NotationError, match=f"there is no formula '{some[:-1]}' in the catalogue; did you mean .*{some}"
    ):
        formula(some[:-1])
    with pytest.raises(NotationError, match="`derive list` shows them all"):
        formula("zzzzzz")


OWN = """
from derive import Program, Sum, define, letters, name, sizes, tensor, gradient
from derive import Formula, claim

(n,) = sizes("n")
(i,) = letters("i")
x = tensor("x", n)


def program():
    return Program.of([x], define(name("L"), Sum(i, x[i] ** 2)))


def claims(program):
    return [claim(("gradient", "梯度"), gradient(program, "x"), expected={"x": lambda k: 2 * x[k]})]


FORMULA = Formula(id="squares", title="Squares", title_zh="平方和", program=program, claims=claims,
                  reference="Gauss (1809)", summary=("A sum of squares.", "平方和。"))
"""


def test_a_file_of_ones_own_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "squares.py"
    path.write_text(OWN, encoding="utf-8")
    found = load(path)
    assert found.id == "squares"
    assert len(found.claims(found.program())) == 1


BROKEN: dict[str, tuple[str, str]] = {
    "does not parse": (OWN.replace("def program():", "def program(:"), "does not parse.*|line 1"),
    "declares nothing": ("x = 1\n", "declares no FORMULA"),
    "another FORMULA": ("FORMULA = 3\n", "declares no FORMULA"),
    "raises": ("1 / 0\n", "ZeroDivisionError"),
    "empty promise": (OWN.replace('"Gauss (1809)"', '""'), "has no reference"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_says_what_is_wrong(case: str, tmp_path: Path) -> None:
    text, reason = BROKEN[case]
    path = tmp_path / "own.py"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(NotationError, match=reason) as caught:
        load(path)
    assert "own.py" in str(caught.value)


def missing(folder: Path) -> Path:
    return folder / "nowhere.py"


@pytest.mark.parametrize("path", [missing], ids=["missing"])
def test_a_missing_file_says_so(path: Callable[[Path], Path], tmp_path: Path) -> None:
    with pytest.raises(NotationError, match="there is no file"):
        load(path(tmp_path))
