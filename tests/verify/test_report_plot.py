"""The picture of a report: what is on it, where the worst entry is, what is said when there is nothing to draw."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest

from tests.commands import run
from verify.backward_pass import Cost, Finding, Report
from verify.backward_pass.plot import folded, relative

STEPS = [(2.0**-k, 0.25 + 4.0**-k) for k in range(2, 30)]


def report(outcome: str = "disagrees", heat: Any = None, **evidence: Any) -> Report:
    heat = heat or {}
    names = ("x", "W", "b")
    findings = tuple(Finding("wrong", f"the gradient of {names[k]} is wrong", culprit=k) for k in heat)
    return Report(
        outcome, names, findings, (), 1e-9, Cost(9, 9, 0.1), 0, ("the given inputs",), evidence=evidence, heat=heat
    )


def planted(shape: tuple[int, ...], entry: tuple[int, ...]) -> tuple[Any, Any]:
    """A gradient that is wrong in one entry."""
    numerical = np.array(np.random.default_rng(len(shape)).normal(size=shape))
    claimed = np.array(numerical * (1 + 1e-12))
    claimed[entry] *= 3
    return claimed, numerical


SHAPES: dict[tuple[int, ...], tuple[int, ...]] = {
    (): (),
    (1,): (0,),
    (7,): (5,),
    (300,): (123,),
    (4, 3): (2, 1),
    (1, 9): (0, 4),
    (120, 5): (77, 3),
    (2, 3, 4): (1, 0, 2),
    (3, 4, 5, 6): (2, 3, 1, 5),
    (20, 3, 3, 30): (19, 0, 2, 7),
    (2, 1, 3, 1, 2): (1, 0, 2, 0, 1),
}


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_worst_entry_is_named_and_marked(shape: tuple[int, ...], tmp_path: Path) -> None:
    entry = SHAPES[shape]
    figure = report(heat={1: planted(shape, entry)}).plot(tmp_path / "x.png")
    panel, bar = figure.axes
    assert panel.get_title(loc="left").startswith(f"gradient of W, shape {shape}\nworst: W{list(entry) or ''}")
    (image,) = panel.get_images()
    values = image.get_array()
    assert values is not None
    brightest = np.unravel_index(np.argmax(values), values.shape)
    assert np.ravel_multi_index(brightest, values.shape) == (np.ravel_multi_index(entry, shape) if shape else 0)
    marks = [line.get_xydata()[0] for line in panel.lines if line.get_marker() == "o"]
    marks += [np.add(one.get_xy(), 0.5) for one in panel.patches]
    assert len(marks) == 2
    assert all(tuple(mark) == brightest[::-1] for mark in marks)
    assert bar.get_ylabel().endswith("error")
    assert matplotlib.image.imread(tmp_path / "x.png").shape[1] == 1080


def test_the_worst_entry_is_that_of_the_report() -> None:
    wrong = report(heat={0: planted((3, 4), (1, 1))})
    told = replace(wrong, findings=(Finding("wrong", "it is wrong", culprit=0, entry=(2, 3)),))
    assert "worst: x[2, 3]" in told.plot().axes[0].get_title(loc="left")


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_axis_is_named(shape: tuple[int, ...]) -> None:
    panel = report(heat={0: planted(shape, SHAPES[shape])}).plot().axes[0]
    named = re.findall(r"axis (\d)", f"{panel.get_ylabel()} {panel.get_xlabel()}")
    assert named == [str(k) for k in range(len(shape))]


def test_every_culprit_has_a_panel_and_the_steps_have_one() -> None:
    heat = {0: planted((3, 4), (1, 1)), 2: planted((5,), (3,))}
    figure = report(heat=heat, steps=STEPS).plot()
    titles = [panel.get_title(loc="left").split(",")[0] for panel in figure.axes]
    assert [title for title in titles if title] == ["gradient of x", "gradient of b", "error at the worst entry"]
    (curve,) = [panel for panel in figure.axes if panel.get_xscale() == "log"]
    assert [tuple(map(float, pair)) for pair in curve.lines[0].get_xydata()] == sorted(STEPS)
    assert curve.get_yscale() == "log"


def test_steps_without_an_error_are_drawn_low() -> None:
    figure = report(heat={0: planted((3,), (1,))}, steps=[(1e-3, 0.0), (1e-4, np.inf), (1e-5, 0.5)]).plot()
    (curve,) = [panel for panel in figure.axes if panel.get_xscale() == "log"]
    assert len(curve.lines[0].get_xydata()) == 2


def test_gradients_that_agree_are_drawn_where_they_were_compared() -> None:
    claimed = np.ones((2, 3))
    agrees = report("agrees")
    with pytest.raises(ValueError, match='all gradients agree; with mode="every-entry"'):
        agrees.plot()
    figure = replace(agrees, heat={0: (claimed, claimed)}).plot()
    assert figure.axes[0].get_title(loc="left").startswith("gradient of x")


def test_without_entries_it_says_what_to_do() -> None:
    with pytest.raises(ValueError, match='mode="every-entry"'):
        report().plot()


@pytest.mark.parametrize(
    ("ending", "begins"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml"), ("PNG", b"\x89PNG")]
)
def test_formats(ending: str, begins: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"picture.{ending}"
    report(heat={0: planted((2, 3), (1, 2))}, steps=STEPS).plot(str(path))
    assert path.read_bytes().startswith(begins)


@pytest.mark.parametrize("name", ["picture", "picture.gif", "picture.txt"])
def test_other_formats_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\.png, \.pdf, \.svg"):
        report(heat={0: planted((2, 3), (1, 2))}).plot(tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("claimed", "numerical", "error"),
    [
        ([1.0, 2.0], [1.0, 2.0], [0, 0]),
        ([2.0, 1.0], [1.0, 1.0], [0.5, 0]),
        ([-1.0, 1.0], [1.0, 1.0], [2, 0]),
        ([0.0, 1.0], [1e-12, 1.0], [1e-12 / 7.071e-4, 0]),
        ([np.nan, np.inf], [1.0, 1.0], [np.inf, np.inf]),
        ([1.0, 1.0], [np.nan, 1.0], [np.nan, 0]),
        ([0.0, 0.0], [0.0, 0.0], [0, 0]),
        ([], [], []),
    ],
)
def test_relative_errors(claimed: list[float], numerical: list[float], error: list[float]) -> None:
    np.testing.assert_allclose(relative(claimed, numerical), error, rtol=1e-3)


@pytest.mark.parametrize(
    ("shape", "rows"), [((), 0), ((5,), 0), ((5, 2), 1), ((2, 3, 4), 2), ((3, 4, 5, 6), 2), ((64, 3, 3, 3), 1)]
)
def test_folded(shape: tuple[int, ...], rows: int) -> None:
    assert folded(shape) == rows


def test_no_window_and_nothing_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """The picture needs no display, and whoever draws none does not load matplotlib."""
    text = "import sys, verify.backward_pass.plot; assert 'matplotlib' not in sys.modules"
    ended = run("-c", text)
    assert ended.code == 0, ended.err
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)  # of another test in this process
    report(heat={0: planted((3, 2), (1, 1))}).plot()
    assert "matplotlib.pyplot" not in sys.modules
