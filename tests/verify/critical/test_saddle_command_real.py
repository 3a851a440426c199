"""``verify saddle`` with the real search: what users type, from a formula or a file to an exit code."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.commands import Call, called, widest
from verify.__main__ import main

pytest.importorskip("verify.critical.find")

CAMEL = "(4 - 2.1*x^2 + x^4/3)*x^2 + x*y + (4*y^2 - 4)*y^2"


@pytest.fixture
def verify(capsys: pytest.CaptureFixture[str], empty_folder: Path) -> Call:
    """The command, in an empty folder."""
    return called(main, capsys)


def test_the_six_hump_camel_is_complete(verify: Call) -> None:
    ended = verify("saddle", "--expr", CAMEL, "--box", "-5,5;-5,5", "--plot", "camel.png")
    assert ended.code == 0
    assert "15 critical points in the box: 6 minima, 2 maxima, 7 saddles; proved complete" in ended.out
    # published minimum: −1.0316 at (0.0898, −0.7126) and its mirror image
    assert "-1.031628" in ended.out
    assert "0.089842" in ended.out
    assert "assuming:" in ended.out
    assert widest(ended.out) <= 80
    assert Path("camel.png").stat().st_size > 50_000


def test_a_numpy_function_gives_the_same_points_as_its_formula(verify: Call) -> None:
    text = (
        "def camel(x):\n"
        "    return (4 - 2.1 * x[0]**2 + x[0]**4 / 3) * x[0]**2 + x[0] * x[1] + (4 * x[1]**2 - 4) * x[1]**2\n"
    )
    Path("camel.py").write_text(text, encoding="utf-8")
    traced = verify("saddle", "camel.py:camel", "--box", "-5,5;-5,5", "--json")
    typed = verify("saddle", "--expr", CAMEL, "--box", "-5,5;-5,5", "--json")
    assert (traced.code, typed.code) == (0, 0)
    found = [sorted(tuple(one["x"]) for one in json.loads(ended.out)["points"]) for ended in (traced, typed)]
    assert np.allclose(*found, atol=1e-9)


def test_a_named_box_says_the_same_as_one_in_order(verify: Call) -> None:
    named = json.loads(verify("saddle", "--expr", "x**2 - y**3 + y", "--box", "y=-2,2; x=-1,1", "--json").out)
    ordered = json.loads(verify("saddle", "--expr", "x**2 - y**3 + y", "--box", "-1,1;-2,2", "--json").out)
    assert named["names"] == ordered["names"] == ["x", "y"]
    assert named["box"] == ordered["box"] == {"lower": [-1.0, -2.0], "upper": [1.0, 2.0]}
    assert [one["kind"] for one in named["points"]] == [one["kind"] for one in ordered["points"]]
    assert named["kinds"] == {"minimum": 1, "saddle": 1}


def test_none_at_all_is_proved(verify: Call) -> None:
    ended = verify("saddle", "--expr", "exp(x) + y", "--box", "-1,1;-1,1")
    assert ended.code == 0
    assert "no critical points in the box; proved complete" in ended.out


def test_a_domain_with_an_edge_is_never_more_than_it_is(verify: Call) -> None:
    """x·log x has one critical point; x/x has none outside 0, where it is not defined."""
    ended = verify("saddle", "--expr", "x*log(x)", "--box", "-1,2", "--json")
    data = json.loads(ended.out)
    assert [pytest.approx(np.exp(-1))] == [one["x"][0] for one in data["points"]]
    assert ended.code == (0 if data["complete"] and not data["undecided"] else 3)
    assert verify("saddle", "--expr", "x + x/x", "--box", "-1,2").code in (0, 3)


def test_what_cannot_be_proved_is_no_success(verify: Call) -> None:
    ended = verify("saddle", "--expr", "(x**2 + y**2 - 1)**2", "--box", "-2,2;-2,2")
    assert ended.code == 3
    assert "proved complete" not in ended.out


def test_a_time_limit_leaves_an_honest_rest(verify: Call) -> None:
    hard = "sin(9*x*y) + sin(9*y*z) + sin(9*z*x) + x**2 + y**2 + z**2"
    ended = verify("saddle", "--expr", hard, "--box", ";".join(["-3,3"] * 3), "--time-limit", "0.3")
    assert ended.code == 3
    assert "stopped:" in ended.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("no-such-entry", "--box", "-1,1"), "no-such-entry"),
        (("--expr", "x**2", "--box", "1,1"), "lower end below the upper"),
        (("--expr", "x**2", "--box", "-inf,inf", "--certify"), "finite"),
        (
            ("--expr", " + ".join(f"x{k}**2" for k in range(1, 30)), "--box", ";".join(["-1,1"] * 29), "--certify"),
            "29",
        ),
    ],
    ids=["no entry", "no width", "infinite", "too many"],
)
def test_bad_input(verify: Call, arguments: tuple[str, ...], said: str) -> None:
    ended = verify("saddle", *arguments)
    assert ended.code == 2
    assert said in ended.said
    assert not ended.out


# ------------------------------------------------------------------------------------------- without an expression

LOOP = """
import numpy as np


def wells(x):
    total = 0.0
    for value in np.asarray(x).tolist():
        total += (value * value - 1.0) ** 2 + 0.3 * value
    return total


def wells_gradient(x):
    return FACTOR * (4 * x * (x**2 - 1) + 0.3)
"""


@pytest.fixture
def numerical() -> None:
    pytest.importorskip("verify.critical.search.numerical")


@pytest.mark.usefixtures("numerical")
def test_a_function_with_its_gradient_is_searched_and_nothing_is_proved(verify: Call) -> None:
    """The product of two double wells has 3 · 3 critical points."""
    Path("wells.py").write_text(LOOP.replace("FACTOR", "1"), encoding="utf-8")
    ended = verify("saddle", "wells.py:wells", "--box", "-2,2;-2,2", "--no-certify", "--json")
    data = json.loads(ended.out)
    assert ended.code == 3
    assert data["kinds"] == {"minimum": 4, "saddle": 4, "maximum": 1}
    assert data["complete"] is False
    assert data["evidence"]


@pytest.mark.usefixtures("numerical")
def test_a_wrong_gradient_ends_with_1(verify: Call) -> None:
    Path("wells.py").write_text(LOOP.replace("FACTOR", "2"), encoding="utf-8")
    ended = verify("saddle", "wells.py:wells", "--box", "-2,2;-2,2", "--no-certify")
    assert ended.code == 1
    assert "gradient" in ended.err
    assert not ended.out


@pytest.mark.parametrize(
    ("suffix", "shown"), [(".tex", r"\begin{document}"), (".md", "# "), (".txt", "saddle of index 1")]
)
def test_worked_points_are_written(suffix: str, shown: str, verify: Call) -> None:
    ended = verify("saddle", "--expr", "x**3 - 3*x + y**2", "--box", "-2,2;-2,2.1", "--worked", f"points{suffix}")
    assert ended.code == 0
    assert f"worked in points{suffix}" in ended.out
    assert shown in Path(f"points{suffix}").read_text(encoding="utf-8")


def test_worked_points_of_a_function_in_a_file(verify: Call) -> None:
    Path("wells.py").write_text("def wells(w):\n    return (w[0]**2 - 1)**2 + w[1]**2\n", encoding="utf-8")
    ended = verify("saddle", "wells.py:wells", "--box", "-2,2;-2,2.1", "--worked", "wells.txt", "--json")
    assert json.loads(ended.out)["worked"].startswith("worked in wells.txt")
    text = Path("wells.txt").read_text(encoding="utf-8")
    assert "Critical points: 2 minima and 1 saddle." in text
    assert "✗" not in text


def test_another_format_is_refused_before_the_search(verify: Call) -> None:
    ended = verify("saddle", "--expr", "x**2", "--box", "-2,2", "--worked", "points.docx")
    assert ended.code == 2
    assert "ends in .tex, .html," in ended.err
