"""The benchmark of checkers runs, and counts what it says that it counts; other checkers where they are installed."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROWS = (
    "affine: gradients of the weights add up from call to call",
    "tanh: no gradient where it is saturated",
    "relu: exactly at 0, slope 1/2",
)


def run(*arguments: str, folder: Path) -> tuple[str, list[dict[str, object]]]:
    """What is printed, and all outcomes."""
    ended = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "detection.py"), *ROWS, *arguments, "--json", "found.jsonl"],
        cwd=folder,
        env={**os.environ, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout, [json.loads(line) for line in (folder / "found.jsonl").read_text().splitlines()]


def test_ours_on_three_rows(tmp_path: Path) -> None:
    printed, found = run("--only", "check_backward", "--kinds", "--missed", folder=tmp_path)
    assert [(one["row"], one["wrong"], one["rejected"]) for one in found] == [
        (ROWS[0], True, True),
        (ROWS[0], False, False),
        (ROWS[1], True, True),
        (ROWS[1], False, False),
        (ROWS[2], False, False),
    ]
    assert all(one["forwards"] for one in found)
    assert "Mistakes found" in printed
    assert "Cost of a check" in printed
    assert "Kinds named by check_backward" in printed
    assert "Time of" not in printed
    assert all(len(line.rstrip()) <= 100 for line in printed.splitlines())


def test_the_checkers_that_are_installed_reject_a_wrong_gradient_and_not_the_right_one(tmp_path: Path) -> None:
    printed, found = run("--no-speed", folder=tmp_path)
    saturated = [one for one in found if one["row"] == ROWS[1]]
    assert [one["rejected"] for one in saturated] == [one["wrong"] for one in saturated]
    checkers = {str(one["checker"]) for one in found}
    needed = {"torch": "torch", "torch, fast": "torch", "jax": "jax", "autograd": "autograd"}
    absent = [name for name, package in needed.items() if not find_spec(package)]
    assert checkers == {"check_backward", "points=1", "scipy", *needed} - set(absent)
    assert not absent or f"not installed: {', '.join(absent)}" in printed


def test_what_is_not_known_is_said(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "detection.py"), "no such row"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "no row and no family is named 'no such row'" in ended.stderr
