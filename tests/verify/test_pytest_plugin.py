"""The plugin for pytest, in runs of pytest of its own."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np  # noqa: F401 - before the runs in this process, which forget what they import
import pytest

import verify.backward_pass
from tests.commands import run
from verify.backward_pass import Cost, Doubt, Report
from verify.pytest_plugin import Settings

PASSES = """
import numpy as np
import pytest

X = np.random.default_rng(0).normal(size=(2, 3))


def forward(x):
    return np.tanh(x)


def right(d_y, x):
    return d_y * (1 - np.tanh(x) ** 2)


def wrong(d_y, x):
    return d_y * (1 - np.tanh(x))
"""

BOTH = """

def test_right(check_backward):
    report = check_backward(forward, right, [X])
    assert report.outcome == "agrees"


def test_wrong(check_backward):
    check_backward(forward, wrong, [X])
"""


@pytest.fixture(autouse=True)
def alone(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the run around these tests was told is not for theirs."""
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID"):
        monkeypatch.delenv(name, raising=False)
    # Hypothesis would be imported anew by every run, which takes longer than all the rest
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:hypothesispytest -p no:cacheprovider -W default")
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What checks are asked for; a stand-in answers, with an undecided report for ``right`` and ``outcome`` else."""
    found: list[dict[str, Any]] = []

    def check(forward: Any, backward: Any, inputs: Any, **options: Any) -> Report:
        found.append(options)
        doubts = (Doubt("a kink", 0),) if backward.__name__ == "right" else ()
        outcome = "inconclusive" if doubts else "agrees"
        return Report(outcome, ("x",), (), doubts, 0.0, Cost(9, 9, 0.1), options.get("seed", 0), ("the inputs",))

    monkeypatch.setattr(verify.backward_pass, "check_backward", check)
    return found


def test_right_passes_and_wrong_fails(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(PASSES + BOTH)
    result = pytester.runpytest_inprocess("--strict-markers")
    result.assert_outcomes(passed=1, failed=1)
    text = result.stdout.str()
    result.stdout.fnmatch_lines(["*gradient *x*", "*run again*pytest*::test_wrong"])
    assert "Traceback" not in text
    assert "def check(" not in text


def test_the_summary_has_a_row_for_every_check(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_rows=PASSES + BOTH)
    result = pytester.runpytest_inprocess()
    result.stdout.fnmatch_lines(
        [
            "*= backward passes =*",
            "verdict *kind *culprits *calls *test",
            "agrees * test_rows.py::test_right",
            "disagrees * x * test_rows.py::test_wrong",
            "1 of 2 backward passes agree with their forward passes",
        ]
    )


def test_quiet_runs_show_what_does_not_agree(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(PASSES + BOTH)
    result = pytester.runpytest_inprocess("-q")
    result.stdout.fnmatch_lines(["disagrees * x *", "1 of 2 backward passes agree*"])
    result.stdout.no_fnmatch_line("agrees *::test_right")


def test_without_a_check_there_is_no_summary(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_nothing(check_backward): pass")
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*backward passes*")


def test_checks_of_fixtures_and_several_of_a_test_count(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        PASSES
        + """

@pytest.fixture
def checked(check_backward):
    check_backward(forward, right, [X])
    yield
    check_backward(forward, right, [X + 1])


def test_all(checked, check_backward):
    check_backward(forward, right, [X - 1])
    check_backward(forward, right, [X - 2])


class TestClass:
    @pytest.mark.parametrize("shift", [1, 2])
    def test_more(self, check_backward, shift):
        check_backward(forward, right, [X * shift])
"""
    )
    result = pytester.runpytest_inprocess("--gradproof-json=all.json")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["6 of 6 backward passes agree*"])
    assert len(json.loads((pytester.path / "all.json").read_text(encoding="utf-8"))["checks"]) == 6


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one", "xdist"])
def test_reports_as_json(workers: tuple[str, ...], pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_one=PASSES + BOTH, test_two=PASSES + BOTH)
    result = pytester.runpytest_subprocess("--gradproof-json", "made/reports.json", *workers)
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(["2 of 4 backward passes agree*", "written to *reports.json"])
    found = json.loads((pytester.path / "made" / "reports.json").read_text(encoding="utf-8"))
    assert found["outcome"] == "disagrees"
    assert {check["test"]: check["outcome"] for check in found["checks"]} == {
        f"{file}.py::test_{name}": outcome
        for file in ("test_one", "test_two")
        for name, outcome in (("right", "agrees"), ("wrong", "disagrees"))
    }
    for check in found["checks"]:
        assert check["cost"]["forward"] > 0
        assert check["culprit_names"] == (["x"] if check["outcome"] == "disagrees" else [])


def test_json_of_a_run_that_checked_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_nothing(): pass")
    pytester.runpytest_inprocess("--gradproof-json=x.json")
    found = json.loads((pytester.path / "x.json").read_text(encoding="utf-8"))
    assert found == {"outcome": "nothing checked", "checks": []}


def test_json_that_cannot_be_written_is_said(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(PASSES + BOTH)
    (pytester.path / "file").write_text("", encoding="utf-8")
    result = pytester.runpytest_inprocess("--gradproof-json=file/x.json")
    result.stdout.fnmatch_lines(["--gradproof-json: cannot write *"])


# ------------------------------------------------------------------------------------------------------- settings

ASKING = """

def test_plain(check_backward):
    check_backward(forward, wrong, [X])


@pytest.mark.gradproof(seed=7, points=2)
class TestMarked:
    def test_class(self, check_backward):
        check_backward(forward, wrong, [X])

    @pytest.mark.gradproof(seed=8, time_limit=2.5)
    def test_method(self, check_backward):
        check_backward(forward, wrong, [X])

    def test_call(self, check_backward):
        check_backward(forward, wrong, [X], seed=9, saved=False)
"""


def test_only_what_somebody_said_is_passed(pytester: pytest.Pytester, asked: list[dict[str, Any]]) -> None:
    pytester.makepyfile(PASSES + ASKING)
    pytester.runpytest_inprocess("--strict-markers").assert_outcomes(passed=4)
    assert asked == [
        {},
        {"seed": 7, "points": 2},
        {"seed": 8, "points": 2, "time_limit": 2.5},
        {"seed": 9, "points": 2, "saved": False},
    ]


def test_a_call_is_stronger_than_a_marker_than_an_option_than_the_file(
    pytester: pytest.Pytester, asked: list[dict[str, Any]]
) -> None:
    pytester.makepyfile(PASSES + ASKING)
    pytester.makeini("[pytest]\ngradproof_seed = 3\ngradproof_points = 4\ngradproof_time_limit = 5")
    pytester.runpytest_inprocess("--gradproof-seed=6").assert_outcomes(passed=4)
    assert asked == [
        {"seed": 6, "points": 4, "time_limit": 5.0},
        {"seed": 7, "points": 2, "time_limit": 5.0},
        {"seed": 8, "points": 2, "time_limit": 2.5},
        {"seed": 9, "points": 2, "time_limit": 5.0, "saved": False},
    ]


def test_the_seed_that_was_given_is_in_the_message(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(PASSES + BOTH)
    result = pytester.runpytest_inprocess("--gradproof-seed=6")
    result.stdout.fnmatch_lines(["*run again*::test_wrong --gradproof-seed=6"])


def test_settings_in_pyproject(pytester: pytest.Pytester, asked: list[dict[str, Any]]) -> None:
    pytester.makepyfile(PASSES + ASKING)
    pytester.makepyprojecttoml('[tool.pytest.ini_options]\ngradproof_seed = "5"\ngradproof_json = "reports.json"')
    pytester.runpytest_inprocess().assert_outcomes(passed=4)
    assert asked[0] == {"seed": 5}
    assert (pytester.path / "reports.json").exists()


UNDECIDED = """

def test_undecided(check_backward):
    assert not check_backward(forward, right, [X])
"""


@pytest.mark.parametrize(
    ("action", "outcomes"),
    [(None, {"failed": 1}), ("fail", {"failed": 1}), ("warn", {"passed": 1, "warnings": 1}), ("pass", {"passed": 1})],
)
@pytest.mark.parametrize("said_by", ["option", "ini", "marker", "call"])
def test_what_an_undecided_check_does(
    action: str | None,
    outcomes: dict[str, int],
    said_by: str,
    pytester: pytest.Pytester,
    asked: list[dict[str, Any]],
) -> None:
    text = PASSES + UNDECIDED
    if action is not None and said_by == "marker":
        text = text.replace(
            "def test_undecided", f"@pytest.mark.gradproof(inconclusive={action!r})\ndef test_undecided"
        )
    if action is not None and said_by == "call":
        text = text.replace("[X])", f"[X], inconclusive={action!r})")
    if action is not None and said_by == "ini":
        pytester.makeini(f"[pytest]\ngradproof_inconclusive = {action}")
    option = [f"--gradproof-inconclusive={action}"] if action is not None and said_by == "option" else []
    pytester.makepyfile(text)
    result = pytester.runpytest_inprocess(*option)
    result.assert_outcomes(**outcomes)
    result.stdout.fnmatch_lines(["inconclusive *::test_undecided", "0 of 1 backward passes agree*"])
    if action == "warn":
        result.stdout.fnmatch_lines(["*InconclusiveWarning*a kink*"])


def test_a_warning_can_be_an_error(pytester: pytest.Pytester, asked: list[dict[str, Any]]) -> None:
    pytester.makepyfile(PASSES + UNDECIDED)
    error = "-Werror::verify.pytest_plugin.InconclusiveWarning"
    pytester.runpytest_inprocess("--gradproof-inconclusive=warn", error).assert_outcomes(failed=1)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--gradproof-seed=x", "*--gradproof-seed: 'x' is no number*"),
        ("--gradproof-seed=-1", "*--gradproof-seed: seed is -1: it is a whole number, 0 or more*"),
        ("--gradproof-points=0", "*--gradproof-points: points is 0*"),
        ("--gradproof-time-limit=0", "*--gradproof-time-limit: time_limit is 0.0*"),
        ("--gradproof-inconclusive=skip", "*it is one of fail, warn, pass*"),
        ("--gradproof-json=.", "*is a folder: name a file in it*"),
    ],
)
def test_options_that_cannot_be_read(option: str, said: str, pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_inprocess(option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([said])


def test_an_ini_file_that_cannot_be_read(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\ngradproof_points = many")
    result = pytester.runpytest_inprocess()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*gradproof_points: 'many' is no number*"])


@pytest.mark.parametrize(
    ("marker", "said"),
    [
        ("seeds=3", "*it does not take seeds: it takes seed=…, points=…*"),
        ("3", "*it does not take 3*"),
        ("seed=-1", "*seed is -1*"),
        ("points=1.5", "*points is 1.5*"),
        ("time_limit='fast'", "*time_limit is 'fast'*"),
        ("inconclusive='skip'", "*inconclusive is 'skip'*"),
    ],
)
def test_markers_that_cannot_be_read(marker: str, said: str, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(PASSES + UNDECIDED.replace("def", f"@pytest.mark.gradproof({marker})\ndef"))
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([said])


@pytest.mark.parametrize("value", [True, 1.0, "1", -1])
def test_a_seed_is_a_number(value: Any) -> None:
    with pytest.raises(ValueError, match="seed is"):
        Settings(seed=value)


# ------------------------------------------------------------------------------------------------ what it does not do


def test_pytest_starts_without_the_checker(tmp_path: Path) -> None:
    """Nothing but the plugin itself is imported in a run that asks for no check."""
    (tmp_path / "test_some.py").write_text("def test_some(): pass", encoding="utf-8")
    (tmp_path / "conftest.py").write_text(
        "import sys\ndef pytest_unconfigure(): print('modules', *sys.modules)", encoding="utf-8"
    )
    ended = run("-m", "pytest", cwd=tmp_path)
    assert ended.code == 0, ended.out
    (modules,) = [line.split()[1:] for line in ended.out.splitlines() if line.startswith("modules ")]
    large = {"numpy", "scipy", "sympy", "matplotlib", "typer", "derive"}
    assert not large & {one.partition(".")[0] for one in modules}
    assert {one for one in modules if one.partition(".")[0] == "verify"} == {"verify", "verify.pytest_plugin"}


def test_it_can_be_left_out(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_nothing(): pass")
    pytester.runpytest_inprocess("-p", "no:gradproof").assert_outcomes(passed=1)


def test_help_and_markers_are_told(pytester: pytest.Pytester) -> None:
    pytester.runpytest_inprocess("--markers").stdout.fnmatch_lines(["@pytest.mark.gradproof(seed=*"])
    text = pytester.runpytest_inprocess("--help").stdout.str()
    for option in ("seed", "points", "time-limit", "json", "inconclusive"):
        assert f"--gradproof-{option}" in text
        assert f"gradproof_{option.replace('-', '_')}" in text
    pytester.runpytest_inprocess("--fixtures").stdout.fnmatch_lines(["check_backward*"])


def test_without_the_terminal_reports_are_written(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(PASSES + BOTH)
    command = [sys.executable, "-m", "pytest", "-p", "no:terminal", "--gradproof-json=x.json"]
    assert run(*command[1:], cwd=pytester.path, env=dict(os.environ)).code == 1
    assert len(json.loads((pytester.path / "x.json").read_text(encoding="utf-8"))["checks"]) == 2


def test_long_names_fit_the_terminal(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        PASSES + f"\n\n@pytest.mark.parametrize('n', [1])\ndef test_{'very_' * 20}long(check_backward, n):\n"
        "    check_backward(forward, wrong, [X])\n"
    )
    result = pytester.runpytest_inprocess()
    (line,) = [line for line in result.outlines if line.startswith("disagrees ")]
    assert len(line) <= 80
    assert line.endswith("long[1]")
