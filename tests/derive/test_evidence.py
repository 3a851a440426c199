"""What leaves the toolkit is checked first; what disagrees is refused, with a file that shows it again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import derive
from derive.derivation import Derivation
from derive.evidence import code_check, evidence_for
from derive.reports import report
from derive.unspecified_functions import unspecified

SHAPES = {"X": ("n", "d"), "W": ("d", "4*k"), "Y": ("n", "4*k")}


def squares(X: Any, W: Any, Y: Any) -> Any:
    R = X @ W - Y
    return 0.5 * np.sum(R**2)


def rows_sum(Y: Any) -> Any:
    return [Y.sum(axis=1) == 1]


def found() -> Derivation:
    return derive.gradient(squares, "W", shapes=SHAPES, assumptions=rows_sum)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exporter that is wrong by a factor."""
    from derive.render.numpy import compiled

    def wrong(derivation: Derivation) -> Callable[..., Any]:
        function = compiled(derivation)

        def twice(X: Any, W: Any, Y: Any) -> Any:
            return 2 * function(X, W, Y)

        return twice

    monkeypatch.setattr("verify.exported.compiled", wrong)


def test_source_says_how_well_it_was_checked() -> None:
    source = found().numpy_source()
    assert "Checked against the numerical derivative of the NumPy function at " in " ".join(source.split())


def test_code_is_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    derivation = found()
    first = code_check(derivation)
    monkeypatch.setattr("verify.exported.check_exported", None)
    assert code_check(derivation) is first
    assert callable(derivation.function())


def test_evidence_is_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    derivation = found()
    first = evidence_for(derivation)
    monkeypatch.setattr("verify.derivation.check_derivation", None)
    assert evidence_for(derivation) is first
    assert "checks hold" not in repr(derivation)
    assert str(derivation).startswith("Gradient of squares with respect to W")
    assert evidence_for(derivation) is first


def test_evidence_of_a_function_holds_its_code() -> None:
    evidence = evidence_for(found())
    witnesses = {check.witness for check in evidence.all}
    assert {"the NumPy function", "numerical derivative of the NumPy function"} <= witnesses


def test_what_has_no_numpy_source_is_checked_by_its_lines() -> None:
    f = unspecified("f")
    j = derive.letters("j", derive.sizes("n")[0])[0]
    x = derive.tensor("x", j.length)
    program = derive.Program.of([x], derive.define(derive.name("L"), derive.over(f, j, x[j])))
    derivation = derive.gradient(program, "x")
    with pytest.raises(derive.NotationError, match="known by its law alone"):
        derivation.numpy_source()
    assert evidence_for(derivation).outcome == "holds"


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize("ask", [Derivation.numpy_source, Derivation.function, evidence_for])
def test_wrong_code_is_refused_with_a_report(ask: Callable[[Derivation], object]) -> None:
    with pytest.raises(derive.WrongResultError, match="the NumPy source is wrong") as caught:
        ask(found())
    text = caught.value.report
    assert "def squares(X" in text
    assert "def rows_sum(Y" in text
    assert "differs by" in text
    assert "derive.gradient(squares, 'W', shapes={'X': ('n', 'd'), 'W': ('d', '4*k')" in text
    assert f"numpy {np.__version__}" in text


def test_a_report_shows_it_again(tmp_path: Path) -> None:
    derivation = found()
    path = tmp_path / "report.py"
    text = report(derivation, code_check(derivation), seed=0).replace(": Any", "").replace(" -> Any", "")
    path.write_text(text, encoding="utf-8")
    ended = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr


KINDS: dict[str, tuple[Callable[[], Derivation], str]] = {
    "mixed": (lambda: derive.mixed(squares, "W", "Y", shapes=SHAPES), "derive.mixed(squares, 'W', 'Y', shapes="),
    "mixed of one": (lambda: derive.mixed(squares, "Y", "Y", shapes=SHAPES), "derive.mixed(squares, 'Y', 'Y', sh"),
    "taylor": (
        lambda: derive.taylor(squares, "Y", order=2, shapes=SHAPES),
        "derive.taylor(squares, 'Y', order=2, shapes=",
    ),
    "several": (lambda: derive.gradient(squares, ("W", "X"), shapes=SHAPES), "squares, ('W', 'X'), shapes="),
}


@pytest.mark.parametrize("which", KINDS)
def test_a_report_asks_for_the_same(which: str) -> None:
    make, call = KINDS[which]
    derivation = make()
    assert call in report(derivation, code_check(derivation), seed=0)


def test_a_report_of_a_function_without_source() -> None:
    space: dict[str, Any] = {}
    exec("def f(x):\n    return x * x", space)
    derivation = derive.gradient(space["f"], "x", shapes={"x": ()})
    assert "The source of 'f' was not found" in report(derivation, code_check(derivation), seed=0)
