"""``verify saddle``: what it asks of the search, what it says of the answer, and how it ends.

The search is played by a function that remembers how it was called; ``test_saddle_command_real`` has the real one.
"""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import sympy

from tests.commands import Call, called, imported_by, run, widest
from tests.verify.critical.found import double_wells, ring_of_minima, six_hump_camel
from verify.__main__ import main
from verify.critical.objectives.wrong import Finding, WrongDerivative
from verify.critical.points import CriticalPoints, Undecided
from verify.saddle_arguments import read_box, read_start

FILE = """
import numpy as np


def bowl(x):
    return float(np.sum(x**2))


def bowl_gradient(x):
    return 2 * x


def bowl_hvp(x, v):
    return 2 * v


def other(x):
    return x[0]
"""

EXPRESSION = "import sympy\nx, y = sympy.symbols('x y', real=True)\nf = x**2 - y**2\n"


class Search:
    """A search that answers what it is told, and keeps what it was asked."""

    def __init__(self) -> None:
        self.answer: Any = six_hump_camel()
        self.f: Any = None
        self.asked: dict[str, Any] = {}

    def __call__(self, f: Any, **asked: Any) -> CriticalPoints:
        self.f, self.asked = f, asked
        found = self.answer() if callable(self.answer) else self.answer
        assert isinstance(found, CriticalPoints)
        return found


@pytest.fixture
def search(monkeypatch: pytest.MonkeyPatch) -> Search:
    made = Search()
    module = ModuleType("verify.critical.find")
    module.find_critical_points = made  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "verify.critical.find", module)
    return made


@pytest.fixture
def verify(capsys: pytest.CaptureFixture[str], empty_folder: Path) -> Call:
    """The command, in an empty folder."""
    return called(main, capsys)


def save(text: str, name: str = "surface.py") -> str:
    Path(name).write_text(text, encoding="utf-8")
    return name


CAMEL = "(4 - 2.1*x**2 + x**4/3)*x**2 + x*y + (4*y**2 - 4)*y**2"

# ------------------------------------------------------------------------------------------------------- verdicts


def test_a_complete_list(verify: Call, search: Search) -> None:
    ended = verify("saddle", "--expr", CAMEL, "--box", "-5,5;-5,5")
    assert ended.code == 0
    assert not ended.err
    lines = ended.out.splitlines()
    assert lines[0].startswith("f(x, y) = ")
    assert lines[1] == "15 critical points in the box: 6 minima, 2 maxima, 7 saddles; proved complete"
    assert sum(bool(re.match(r" +\d+  \w", line)) for line in lines) == 15
    assert widest(ended.out) <= 80


@pytest.mark.parametrize(
    "answer",
    [
        replace(six_hump_camel(), complete=False),
        replace(six_hump_camel(), complete=False, stopped="the time limit of 1 s was reached"),
        replace(six_hump_camel(), undecided=(Undecided(np.zeros(2), np.ones(2), "why"),)),
        double_wells(2),
        ring_of_minima(),
        CriticalPoints((), ("x", "y")),
    ],
    ids=["not complete", "stopped", "undecided", "numerical", "a continuum", "nothing"],
)
def test_what_is_not_proved_complete_is_no_success(verify: Call, search: Search, answer: CriticalPoints) -> None:
    search.answer = answer
    ended = verify("saddle", "--expr", CAMEL, "--box", "-5,5;-5,5")
    assert ended.code == 3
    assert ended.out
    assert json.loads(verify("saddle", "--expr", CAMEL, "--json").out)["outcome"] == "incomplete"


def test_no_critical_points_at_all_can_be_proved(verify: Call, search: Search) -> None:
    search.answer = CriticalPoints((), ("x",), complete=True, box=(np.zeros(1), np.ones(1)))
    ended = verify("saddle", "--expr", "x", "--box", "0,1", "--plot", "x.png")
    assert ended.code == 0
    assert "no critical points in the box; proved complete" in ended.out
    assert "nothing to draw" in ended.out
    assert not Path("x.png").exists()


def test_the_honest_partial_result(verify: Call, search: Search) -> None:
    search.answer = replace(six_hump_camel(), complete=False, stopped="the time limit of 2 s was reached")
    ended = verify("saddle", "--expr", CAMEL, "--box", "-5,5;-5,5", "--time-limit", "2")
    assert search.asked["time_limit"] == 2.0
    assert ended.code == 3
    assert "stopped: the time limit of 2 s was reached" in ended.out
    assert "others are not excluded" in " ".join(ended.out.split())


def test_a_wrong_derivative_disagrees(verify: Call, search: Search) -> None:
    finding = Finding(
        "gradient",
        "gradient is wrong in 2 of 2 entries",
        np.zeros(2),
        "gradient[0]",
        1.0,
        2.0,
        1e-9,
        "factor",
        "half",
    )

    def refuse() -> CriticalPoints:
        raise WrongDerivative(finding)

    search.answer = refuse
    ended = verify("saddle", save(FILE) + ":bowl", "--box", "-1,1;-1,1")
    assert ended.code == 1
    assert "gradient is wrong in 2 of 2 entries" in ended.err
    assert not ended.out


def test_bad_input_is_one_message(verify: Call, search: Search) -> None:
    def refuse() -> CriticalPoints:
        raise ValueError("box has x from 1.0 to 1.0: expected a lower end below the upper one")

    search.answer = refuse
    ended = verify("saddle", "--expr", "x**2", "--box", "1,1")
    assert ended.code == 2
    assert ended.said.startswith("verify: box has x from 1.0 to 1.0")


# ------------------------------------------------------------------------------------------------ what is asked for


def test_defaults_are_those_of_the_search(verify: Call, search: Search) -> None:
    verify("saddle", "--expr", "x**2 + y")
    assert {name: value for name, value in search.asked.items() if value is not None} == {
        "seed": 0,
        "symbols": sympy.symbols("x y", real=True),
    }


def test_options_are_passed_on(verify: Call, search: Search) -> None:
    options = ("--box", "-1,1;0,2", "--start", "0.5,1.5", "--seed", "7", "--journal", "x.jsonl")
    verify("saddle", "--expr", "x2 + x10", *options)
    assert search.asked["box"] == [(-1.0, 1.0), (0.0, 2.0)]
    assert search.asked["start"] == [0.5, 1.5]
    assert search.asked["seed"] == 7
    assert search.asked["journal"] == Path("x.jsonl")
    assert [one.name for one in search.asked["symbols"]] == ["x2", "x10"]


@pytest.mark.parametrize(
    ("options", "wanted"),
    [((), None), (("--certify",), True), (("--no-certify",), False), (("--rigor",), "rigor")],
)
def test_proofs_are_asked_for(verify: Call, search: Search, options: tuple[str, ...], wanted: Any) -> None:
    verify("saddle", "--expr", "x**2", "--box", "-1,1", *options)
    assert search.asked.get("certify") == wanted


def test_symbols_say_the_order(verify: Call, search: Search) -> None:
    verify("saddle", "--expr", "x**2 + y", "--symbols", "y, x,z", "--box", "0,1;2,3;4,5")
    assert [one.name for one in search.asked["symbols"]] == ["y", "x", "z"]
    assert verify("saddle", "--expr", "3", "--symbols", "x", "--box", "0,1").code == 0
    ended = verify("saddle", "--expr", "x + w", "--symbols", "x,y")
    assert ended.code == 2
    assert "there is no variable 'w'" in ended.said


@pytest.mark.parametrize("box", [("--box", "-5,5;-5,5"), ("--box=-5,5;-5,5",), ("--box", "-5.0 , 5e0 ; -5,+5;")])
def test_negative_numbers_are_no_options(verify: Call, search: Search, box: tuple[str, ...]) -> None:
    ended = verify("saddle", "--expr", "x + y", *box, "--start", "-1,-2")
    assert ended.code == 0
    assert search.asked["box"] == [(-5.0, 5.0), (-5.0, 5.0)]
    assert search.asked["start"] == [-1.0, -2.0]


def test_a_power_written_with_a_caret_is_said(verify: Call, search: Search) -> None:
    ended = verify("saddle", "--expr", "x^2", "--box", "-1,1", "--json")
    assert "^ is read as a power" in ended.err
    assert json.loads(ended.out)["function"] == "f(x) = x**2"
    assert not verify("saddle", "--expr", "x**2", "--box", "-1,1").err


# ------------------------------------------------------------------------------------------------ boxes and points


@pytest.mark.parametrize(
    ("text", "names", "wanted"),
    [
        ("-5,5;-5,5", ("x", "y"), [(-5.0, 5.0), (-5.0, 5.0)]),
        ("-5,5", None, [(-5.0, 5.0)]),
        ("x=-5,5; y=0,1", ("x", "y"), {"x": (-5.0, 5.0), "y": (0.0, 1.0)}),
        ("y=0,1;x=-5,5", ("x", "y"), {"x": (-5.0, 5.0), "y": (0.0, 1.0)}),
        ("y=0,1;x=-5,5", None, {"y": (0.0, 1.0), "x": (-5.0, 5.0)}),
        ("w[0] = -pi, 2*pi", ("w[0]",), {"w[0]": (-np.pi, 2 * np.pi)}),
        ("-sqrt(2),1/3", ("x",), [(-np.sqrt(2), 1 / 3)]),
        ("-inf,inf", ("x",), [(-np.inf, np.inf)]),
        ("1e-3,1E3", ("x",), [(1e-3, 1e3)]),
    ],
)
def test_boxes(text: str, names: tuple[str, ...] | None, wanted: Any) -> None:
    found = read_box(text, names)
    assert found == wanted
    assert list(found) == list(wanted)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the box is empty"),
        ("1", "has '1': expected --box"),
        ("1,2,3", "has '1,2,3': expected --box"),
        ("1:2", "has '1:2': expected --box"),
        ("0,1;;0,1", "has '': expected --box"),
        ("a,b", "--box has 'a', which is no number: there is no variable 'a'"),
        ("0,2x", "--box has '2x', which is no number"),
        ("0,1_0;0,1", "--box has '1_0', which is no number"),
        ("nan,1;0,1", "--box has 'nan', which is no number"),
        ("0,1", "has 1 pair, and the coordinates are x, y"),
        ("0,1;0,1;0,1", "has 3 pairs, and the coordinates are x, y"),
        ("x=0,1;0,1", "names some coordinates and not others"),
        ("x=0,1;x=0,1", "has x twice"),
        ("x=0,1;z=0,1", "has 'z', which is no coordinate: there is x, y"),
        ("x=0,1", "lacks y"),
        ("=0,1;=0,1", "expected --box"),
    ],
)
def test_wrong_boxes(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        read_box(text, ("x", "y"))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("0.5,-1", [0.5, -1.0]), ("0.5; -1", [0.5, -1.0]), ("y=2, x=1", [1.0, 2.0]), ("pi/2,0", [np.pi / 2, 0.0])],
)
def test_points(text: str, wanted: list[float]) -> None:
    assert read_start(text, ("x", "y")) == wanted


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1", "has 1 number, and the coordinates are x, y"),
        ("1,", "lacks a number"),
        ("x=1,x=2", "has x twice"),
        ("x=1,q=2", "has 'q', which is no coordinate"),
        ("x=1", "lacks y"),
        ("1,b", "--start has 'b', which is no number"),
    ],
)
def test_wrong_points(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        read_start(text, ("x", "y"))


def test_a_named_point_needs_names() -> None:
    with pytest.raises(ValueError, match="add --symbols"):
        read_start("x=1", None)


# ---------------------------------------------------------------------------------------------------------- files


def test_a_function_and_its_derivatives(verify: Call, search: Search) -> None:
    ended = verify("saddle", save(FILE) + ":bowl", "--box", "-1,1;-1,1")
    assert ended.out.startswith("surface.py:bowl\n")
    assert search.f(np.array([3.0, 4.0])) == 25.0
    assert search.asked["gradient"](np.array([1.0, 2.0])).tolist() == [2.0, 4.0]
    assert search.asked["hvp"](np.zeros(2), np.array([1.0, 2.0])).tolist() == [2.0, 4.0]
    assert "hessian" not in search.asked
    assert search.asked.get("symbols") is None
    assert not ended.err
    verify("saddle", "surface.py:other", "--box", "-1,1;-1,1", "--symbols", "a,b")
    assert "gradient" not in search.asked
    assert search.asked["symbols"] == ["a", "b"]


def test_the_name_may_be_left_out(verify: Call, search: Search) -> None:
    one = "def bowl(x):\n    return x @ x\n\n\ndef bowl_gradient(x):\n    return 2 * x\n"
    one += "\n\ndef _inner(x):\n    return x\n"
    assert verify("saddle", save(one), "--box", "-1,1").out.startswith("surface.py:bowl\n")
    f = one.replace("bowl", "f") + "def g(x):\n    return x\n"
    assert verify("saddle", save(f), "--box", "-1,1").out.startswith("surface.py:f\n")
    ended = verify("saddle", save(FILE), "--box", "-1,1;-1,1")
    assert ended.code == 2
    assert "name one as surface.py:NAME; it has bowl, other" in ended.said
    assert "it has none" in verify("saddle", save("x = 1\n"), "--box", "-1,1").said


def test_what_a_file_imports_is_not_its_own(verify: Call, search: Search) -> None:
    text = (
        "from numpy import linspace\nfrom math import sin\nimport numpy as np\n\n\ndef bowl(x):\n    return x @ x\n"
    )
    assert verify("saddle", save(text), "--box", "-1,1").out.startswith("surface.py:bowl\n")


def test_an_expression_in_a_file(verify: Call, search: Search) -> None:
    ended = verify("saddle", save(EXPRESSION), "--box", "x=-1,1; y=-2,2")
    assert ended.out.startswith("surface.py:f\n")
    x, y = sympy.symbols("x y", real=True)
    assert search.f == x**2 - y**2
    assert search.asked["box"] == {"x": (-1.0, 1.0), "y": (-2.0, 2.0)}


def test_an_entry_of_the_catalogue(verify: Call, search: Search) -> None:
    verify("saddle", "land-two-weight-example", "--box", "-1,1;-1,1")
    assert search.f == "land-two-weight-example"


def test_a_derivative_by_another_name_is_told(verify: Call, search: Search) -> None:
    text = "def f(x):\n    return x @ x\n\n\ndef gradient(x):\n    return 2 * x\n"
    ended = verify("saddle", save(text), "--box", "-1,1")
    assert ended.said == "verify: gradient is not used: that of f is called f_gradient"
    assert "gradient" not in search.asked


def test_a_file_imports_what_stands_beside_it(verify: Call, search: Search) -> None:
    save("def weight():\n    return 3.0\n", "beside_surface.py")
    text = "def f(x):\n    from beside_surface import weight\n\n    return weight() * x[0]\n"
    search.answer = lambda: replace(six_hump_camel(), seed=int(search.f(np.array([2.0]))))
    assert "seed 6" in verify("saddle", save(text), "--box", "-1,1").out


@pytest.mark.parametrize(
    ("text", "target", "said"),
    [
        (FILE, "surface.py:bow", "surface.py has no 'bow'; there is bowl"),
        (FILE, "missing.py:f", "there is no file 'missing.py'"),
        (FILE, "x**2 + y", "'x**2 + y' is no Python file and no entry of the catalogue"),
        ("f = 3\n", "surface.py:f", "surface.py:f is int: expected a function of a vector, or an expression"),
        ("def f(x):\n    return x\nf_hvp = 3\n", "surface.py:f", "surface.py:f_hvp is int: expected a function"),
        ("def f(x:\n", "surface.py:f", "surface.py, line 1: this does not parse"),
        ("1 / 0\n", "surface.py:f", "surface.py, line 1: ZeroDivisionError"),
    ],
)
def test_files_that_cannot_be_used(verify: Call, search: Search, text: str, target: str, said: str) -> None:
    save(text)
    ended = verify("saddle", target, "--box", "0")
    assert ended.code == 2
    assert said in ended.said


def test_what_a_function_raises_says_its_line(verify: Call, search: Search) -> None:
    text = "def f(x):\n    y = x\n    return y[99]\n"
    search.answer = lambda: search.f(np.zeros(2))
    ended = verify("saddle", save(text), "--box", "-1,1;-1,1")
    assert ended.code == 2
    assert "surface.py, line 3: IndexError" in ended.said


def test_an_extra_that_is_not_installed_is_named(verify: Call, search: Search) -> None:
    def missing() -> CriticalPoints:
        raise ModuleNotFoundError("python-flint is not installed: pip install 'gradproof[rigor]'")

    search.answer = missing
    ended = verify("saddle", "--expr", "x**2", "--box", "-1,1", "--rigor")
    assert ended.code == 2
    assert "pip install 'gradproof[rigor]'" in ended.said
    text = "def f(x):\n    import no_such_module_of_mine\n"
    search.answer = lambda: search.f(np.zeros(2))
    ended = verify("saddle", save(text), "--box", "-1,1;-1,1")
    assert ended.code == 2
    assert "surface.py, line 2: ModuleNotFoundError" in ended.said


def test_errors_of_the_toolkit_are_not_blamed_on_the_file(search: Search, empty_folder: Path) -> None:
    def broken() -> CriticalPoints:
        raise ZeroDivisionError("ours")

    search.answer = broken
    with pytest.raises(ZeroDivisionError):
        main(["saddle", save(FILE) + ":bowl", "--box", "-1,1;-1,1"])


# ---------------------------------------------------------------------------------------------------------- usage


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "give either a function as FILE.py:NAME, or a formula"),
        (("surface.py:bowl", "--expr", "x"), "give either a function as FILE.py:NAME, or a formula"),
        (("--expr", "2x"), "expected an operator before 'x': a product is written with '*', as 2*x 2x ^"),
        (("--expr", "3", "--box", "0,1"), "has no variables: name them with --symbols"),
        (("--expr", "x", "--rigor", "--no-certify"), "give one of them"),
        (("--expr", "x", "--plot", "x.gif"), ".png, .pdf, .svg"),
        (("--expr", "x", "--box", "0,1;0,1"), "has 2 pairs, and the coordinates are x"),
        (("--expr", "x", "--time-limit", "-1"), "--time-limit"),
        (("--expr", "x", "--seed", "-1"), "--seed"),
        (("--expr", "x", "--what"), "No such option"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_usage(verify: Call, search: Search, arguments: tuple[str, ...], said: str) -> None:
    save(FILE)
    ended = verify("saddle", *arguments)
    assert ended.code == 2
    assert said in ended.said
    assert not ended.out
    assert search.f is None


def test_the_caret_stands_below_the_place(verify: Call, search: Search) -> None:
    shown, caret = verify("saddle", "--expr", "x**2 + 3y", "--box", "0,1").err.splitlines()[1:]
    assert shown[caret.index("^")] == "y"


# --------------------------------------------------------------------------------------------------------- outputs


def test_for_programs(verify: Call, search: Search) -> None:
    noisy = "print('imported')\n" + FILE
    search.answer = lambda: (print("searched"), six_hump_camel())[1]
    ended = verify("saddle", save(noisy) + ":bowl", "--box", "-1,1;-1,1", "--json", "--plot", "x.png")
    assert ended.code == 0
    data = json.loads(ended.out)
    assert (data["outcome"], data["function"], data["complete"], data["count"]) == (
        "complete",
        "surface.py:bowl",
        True,
        15,
    )
    assert data["plot"] == "drawn in x.png"
    assert data["points"][0]["x"] == list(six_hump_camel()[0].x)
    assert "imported" in ended.err
    assert "searched" in ended.err


def test_a_picture(verify: Call, search: Search) -> None:
    ended = verify("saddle", "--expr", CAMEL, "--box", "-5,5;-5,5", "--plot", "points.svg")
    assert ended.code == 0
    assert ended.out.endswith("drawn in points.svg\n")
    assert Path("points.svg").read_bytes().startswith(b"<?xml")
    ended = verify("saddle", "--expr", CAMEL, "--plot", "nowhere/points.svg")
    assert ended.code == 2
    assert "cannot write 'nowhere/points.svg': No such file" in ended.said


def test_long_lists(verify: Call, search: Search) -> None:
    search.answer = double_wells(4)
    ended = verify("saddle", "--expr", "x")
    assert "… and 41 more points: --all prints them, --json with every digit" in ended.out
    assert len(re.findall(r"^ +\d+  \w", verify("saddle", "--expr", "x", "--all").out, re.MULTILINE)) == 81


@pytest.mark.parametrize("columns", ["40", "72", "200"])
def test_it_fits_the_terminal(verify: Call, search: Search, columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    for answer in (six_hump_camel(), double_wells(4), ring_of_minima()):
        search.answer = answer
        ended = verify("saddle", "--expr", CAMEL, "--box", "-5,5;-5,5")
        assert widest(ended.out) <= min(int(columns), 100)


class Terminal(io.StringIO):
    """Standard error as a terminal has it."""

    def isatty(self) -> bool:
        return True


def test_progress_is_told_to_a_terminal_only(verify: Call, search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    verify("saddle", "--expr", CAMEL)
    assert search.asked.get("progress") is None

    told: list[str] = []

    class Status:
        def __enter__(self) -> Status:
            return self

        def __exit__(self, *error: object) -> None:
            told.append("gone")

        def update(self, text: str) -> None:
            told.append(text)

    monkeypatch.setattr("rich.console.Console.status", lambda console, text: Status())
    monkeypatch.setattr(sys, "stderr", Terminal())

    def telling() -> CriticalPoints:
        progress: Callable[..., None] = search.asked["progress"]
        progress(3, 1200)
        progress(1, 0)
        progress("7 critical points after 100 gradients")
        return six_hump_camel()

    search.answer = telling
    assert verify("saddle", "--expr", CAMEL).code == 0
    assert told == [
        "3 points found, 1,200 to do",
        "1 point found, 0 to do",
        "7 critical points after 100 gradients",
        "gone",
    ]


def test_nothing_large_is_imported_for_help() -> None:
    imported = imported_by("-m", "verify", "saddle", "--help")
    assert not {"numpy", "sympy", "scipy", "matplotlib"} & imported


def test_it_is_listed(verify: Call) -> None:
    assert "saddle" in verify("--help").out


def test_it_runs_as_a_command(tmp_path: Path) -> None:
    ended = run("-m", "verify", "saddle", "--expr", "x +", cwd=tmp_path)
    assert ended.code == 2
    assert ended.err.startswith("verify: expected a number, a name or '(' after '+', found the end\n  x +\n     ^")
