"""The picture of critical points: what is on it, where, and what is said when there is nothing to draw."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex
from matplotlib.contour import QuadContourSet
from matplotlib.figure import Figure

from tests.commands import imported_by
from tests.verify.critical.found import Array, double_wells, rastrigins, ring, ring_of_minima, six_hump_camel
from verify.critical.points import Component, CriticalPoint, CriticalPoints, Spectrum, Undecided
from verify.critical.shown.plot import KINDS, NEGATIVE, POSITIVE, ZERO
from verify.critical.shown.plot_landscape import in_one_line, levels, window


def with_values(*eigenvalues: float, bound: float = 1e-9, value: float = 0.0, at: float = 0.0) -> CriticalPoint:
    values = np.array(eigenvalues, float)
    spectrum = Spectrum(values, values - bound, values + bound, True)
    return CriticalPoint(np.full(len(values), at), value, 0.0, spectrum, spectrum.kind, True)


def lines(panel: Axes, label: str) -> list[Any]:
    return [line for line in panel.lines if str(line.get_label()).split(" ")[0] == label]


def legend(figure: Figure) -> list[str]:
    (one,) = figure.legends
    return [entry.get_text() for entry in one.get_texts()]


def contours(panel: Axes) -> list[QuadContourSet]:
    return [one for one in panel.collections if isinstance(one, QuadContourSet)]


# ---------------------------------------------------------------------------------------------------------- points


def test_every_point_stands_where_it_is_with_its_kind() -> None:
    result = six_hump_camel()
    panel, _ = result.plot().axes
    for kind, (shape, colour) in KINDS.items():
        wanted = [tuple(one.x) for one in result if one.kind == kind]
        drawn = lines(panel, kind)
        assert len(drawn) == bool(wanted)
        if drawn:
            assert drawn[0].get_marker() == shape
            assert to_hex(drawn[0].get_markerfacecolor()) == colour.lower()
            assert sorted(map(tuple, drawn[0].get_xydata())) == sorted(wanted)
            assert drawn[0].get_label() == f"{kind} ({len(wanted)})"
    labels = {tuple(one.xy): one.get_text() for one in panel.texts}
    assert labels == {tuple(one.x): str(one.index) for one in result}


def test_kinds_differ_in_shape_and_in_colour() -> None:
    shapes, colours = zip(*KINDS.values(), strict=True)
    assert len(set(shapes)) == len(set(colours)) == len(KINDS)


def test_points_that_are_not_certified_are_hollow() -> None:
    result = six_hump_camel()
    mixed = replace(result, points=(replace(result[0], certified=False), *result.points[1:]))
    panel, _ = mixed.plot().axes
    hollow, full = sorted(lines(panel, "minimum"), key=lambda line: len(line.get_xdata()))
    assert hollow.get_markerfacecolor() == "white"
    assert hollow.get_label() == "minimum (1, not certified)"
    assert full.get_label() == "minimum (5)"


def test_many_points_have_no_labels() -> None:
    panel, _ = rastrigins().plot().axes
    assert not panel.texts
    assert sum(len(line.get_xdata()) for line in panel.lines if str(line.get_label()).split(" ")[0] in KINDS) == 529


def test_the_legend_covers_no_data_and_names_everything() -> None:
    paths = (np.array([[0.0, 0.0], [0.5, 0.5]]),)
    figure = replace(ring_of_minima(), paths=paths).plot()
    assert set(legend(figure)) == {
        "maximum (1)", "undecided (1)", "search path", "continuum of critical points", "negative eigenvalue"
    }  # fmt: skip
    figure.draw_without_rendering()
    (box,) = [one.get_window_extent() for one in figure.legends]
    assert all(not box.overlaps(panel.get_window_extent()) for panel in figure.axes)
    assert all(panel.get_window_extent().width > 0.3 * figure.bbox.width for panel in figure.axes)


@pytest.mark.parametrize("make", [six_hump_camel, lambda: double_wells(1), ring_of_minima, lambda: double_wells(3)])
def test_the_panels_fill_the_figure(make: Callable[[], CriticalPoints]) -> None:
    """Labels at points must not squeeze the panels."""
    figure = make().plot()
    figure.draw_without_rendering()
    assert sum(panel.get_window_extent().width for panel in figure.axes) > 0.75 * figure.bbox.width
    assert figure.get_suptitle().replace("\n", "; ") in str(make()).replace("\n  ", " ")


# ---------------------------------------------------------------------------------------------------------- plane


def test_contours_are_those_of_the_function() -> None:
    panel, _ = six_hump_camel().plot().axes
    filled, thin = contours(panel)
    assert len(thin.levels) > 20
    # the surroundings of a minimum are parted from those of the saddle beside it
    assert sum(level < -0.2154 for level in thin.levels) >= 4
    assert all(np.diff(thin.levels) > 0)
    assert filled.filled


def test_levels_are_dense_at_the_critical_values() -> None:
    values = np.linspace(-1.0, 1e6, 1000)
    found = levels(values, np.array([-1.0, 2.0]))
    assert sum(found <= 2.5) >= 4
    assert max(np.diff(found)[:3]) < 0.5
    assert found[-1] == pytest.approx(1e6)
    assert sum(levels(np.linspace(-1e6, 1e6, 1000), np.array([0.0, 1.0])) < 0) > 8
    assert len(levels(values, np.array([]))) > 5
    assert len(levels(np.full(9, 3.0), np.array([3.0]))) == 1


def test_where_a_function_has_no_value_nothing_is_drawn() -> None:
    def halfplane(x: Array) -> Any:
        return np.log(x[..., 0]) + x[..., 1] ** 2

    result = CriticalPoints(
        (with_values(-1.0, 2.0, at=0.4), with_values(1.0, 2.0, at=-0.4)), ("x", "y"), function=halfplane
    )
    figure = result.plot()
    assert "no finite value" in legend(figure)
    for contour in contours(figure.axes[0]):
        corners = np.concatenate([path.vertices for path in contour.get_paths() if len(path.vertices)])
        assert np.min(corners[:, 0]) > 0
    assert "no finite value" not in legend(six_hump_camel().plot())


def _raises(x: Array) -> Any:
    raise RuntimeError("no")


@pytest.mark.parametrize(
    "function",
    [None, _raises, lambda x: 1.0, lambda x: np.full(x.shape[:-1], np.nan), lambda x: np.full(x.shape[:-1], 2.0)],
    ids=["none", "raises", "not vectorised", "NaN", "constant"],
)
def test_points_are_drawn_without_contours_too(function: Any) -> None:
    panel, _ = replace(six_hump_camel(), function=function).plot().axes
    assert len(contours(panel)) == 0
    assert len(lines(panel, "saddle")[0].get_xdata()) == 7


def test_infinities_and_huge_values_do_not_spoil_the_colours() -> None:
    def pole(x: Array) -> Any:
        return 1 / np.sum(x**2, axis=-1) ** 60

    result = CriticalPoints((with_values(1.0, 2.0, at=1.0, value=1.0),), ("x", "y"), function=pole)
    assert contours(result.plot().axes[0])


def test_search_paths_and_undecided_boxes() -> None:
    paths = (np.array([[0.0, 0.0], [0.5, 0.5], [1.0, 0.2]]), np.array([[1.0, 1.0], [0.9, 0.9]]))
    boxes = (
        Undecided(np.array([-1.0, -1.0]), np.array([0.0, 0.5]), "why"),
        Undecided(np.array([1.0, 1.0]), np.array([1.0, 1.0]), "a point"),
    )
    panel, _ = six_hump_camel(paths=paths, undecided=boxes).plot().axes
    drawn = [line.get_xydata() for line in panel.lines if len(line.get_xdata()) in (2, 3) and line.get_ls() == "-"]
    assert [one.tolist() for one in drawn] == [one.tolist() for one in paths]
    (shade,) = [one for one in panel.collections if isinstance(one, PolyCollection)]
    corners = shade.get_paths()[0].vertices
    assert (corners.min(axis=0).tolist(), corners.max(axis=0).tolist()) == ([-1.0, -1.0], [0.0, 0.5])
    # what is too small to be seen has a mark besides
    marks = [line for line in panel.lines if line.get_marker() == "s" and len(line.get_xdata())]
    assert [line.get_xydata().tolist() for line in marks] == [[[1.0, 1.0]]]


def test_the_window_is_around_what_was_found() -> None:
    low, high = window(six_hump_camel())
    reach = np.max([np.abs(one.x) for one in six_hump_camel()], axis=0)
    assert np.all(high > reach)
    assert np.all(high < 1.5 * reach)
    assert "the box is larger" in six_hump_camel().plot().axes[0].get_title(loc="left")
    low, high = window(rastrigins())
    assert low.tolist() == [-5.03, -5.03]
    assert high.tolist() == [6.02, 6.02]
    assert "larger" not in rastrigins().plot().axes[0].get_title(loc="left")


@pytest.mark.parametrize("at", [0.0, 3.0, 1e6, -1e-9])
def test_a_single_point_has_a_window(at: float) -> None:
    for n in (1, 2):
        one = with_values(*[1.0] * n, at=at)
        for box in (None, (np.full(n, at - 2.0), np.full(n, at + 5.0))):
            low, high = window(CriticalPoints((one,), ("x", "y")[:n], box=box))
            assert np.all(low < at)
            assert np.all(high > at)


def test_circles_are_circles() -> None:
    figure = ring_of_minima().plot()
    figure.draw_without_rendering()
    panel = figure.axes[0]
    (width, height) = np.abs(np.diff(panel.transData.transform([[0.0, 0.0], [1.0, 1.0]]), axis=0))[0]
    assert width == pytest.approx(height, rel=1e-6)


# ------------------------------------------------------------------------------------------------------- continua


def test_a_continuum_is_a_closed_curve() -> None:
    result = ring_of_minima()
    rng = np.random.default_rng(1)
    points = result.components[0].points[rng.permutation(36)]
    shuffled = replace(result, components=(replace(result.components[0], points=points),))
    panel, _ = shuffled.plot().axes
    (curve,) = lines(panel, "continuum")
    line = curve.get_xydata()
    assert len(line) == 37
    assert line[0].tolist() == line[-1].tolist()
    assert np.max(np.linalg.norm(np.diff(line, axis=0), axis=1)) < 0.2
    assert np.max(np.abs(ring(line))) < 1e-12


def test_points_of_a_curve_are_put_in_order() -> None:
    rng = np.random.default_rng(0)
    t = np.linspace(0, 1, 50)
    arc = np.stack([t, t**2], axis=1)
    (line,) = in_one_line(arc[rng.permutation(50)])
    assert line.tolist() in (arc.tolist(), arc[::-1].tolist())
    apart = np.concatenate([arc, arc + 10.0])
    assert sorted(map(len, in_one_line(apart[rng.permutation(100)]))) == [50, 50]
    assert in_one_line(np.zeros((0, 2))) == []
    assert [one.shape for one in in_one_line(np.zeros((1, 2)))] == [(1, 2)]
    assert [one.shape for one in in_one_line(np.zeros((4, 2)))] == [(5, 2)]


def test_a_surface_is_points() -> None:
    grid = np.array(list(itertools.product(np.linspace(0, 1, 5), repeat=2)))
    result = CriticalPoints(
        (), ("x", "y"), components=(Component(grid, 2, np.zeros(2), np.ones(2), 0.0, "constant"),)
    )
    (panel,) = result.plot().axes
    (drawn,) = lines(panel, "continuum")
    assert drawn.get_ls() == "None"
    assert len(drawn.get_xdata()) == 25


# ---------------------------------------------------------------------------------------------------------- curve


def test_one_variable_is_a_curve() -> None:
    result = double_wells(1)
    panel, _ = result.plot().axes
    curve = max(panel.lines, key=lambda line: len(line.get_xdata()))
    x, y = curve.get_data()
    assert np.allclose(y, (np.asarray(x) ** 2 - 1) ** 2 + 0.3 * np.asarray(x))
    drawn = [tuple(place) for kind in KINDS for line in lines(panel, kind) for place in line.get_xydata()]
    assert sorted(drawn) == sorted((float(one.x[0]), one.value) for one in result)
    low, high = panel.get_ylim()
    assert low < min(one.value for one in result)
    assert high > max(one.value for one in result)


def test_a_curve_with_an_edge_a_continuum_and_an_undecided_part() -> None:
    result = CriticalPoints(
        (replace(with_values(1.0, at=0.5), value=-1.0),),
        ("x",),
        undecided=(Undecided(np.array([-0.5]), np.array([-0.2]), "edge"), Undecided(np.zeros(1), np.ones(1), "why")),
        components=(Component(np.array([[1.0], [2.0]]), 1, np.array([1.0]), np.array([2.0]), 0.25, "flat"),),
        function=lambda x: np.where(x[..., 0] < -0.3, np.nan, x[..., 0] ** 2),
    )
    figure = result.plot()
    assert {"undecided (2)", "continuum of critical points", "no finite value"} <= set(legend(figure))
    (flat,) = lines(figure.axes[0], "continuum")
    assert flat.get_xydata().tolist() == [[1.0, 0.25], [2.0, 0.25]]


def test_a_pole_does_not_dwarf_the_curve() -> None:
    result = CriticalPoints(
        (with_values(1.0, at=-1.0, value=2.0), with_values(-1.0, at=1.0, value=-2.0)),
        ("x",),
        function=lambda x: 1 / x[..., 0] ** 9,
    )
    low, high = result.plot().axes[0].get_ylim()
    assert -20 < low < -2
    assert 2 < high < 20


# ----------------------------------------------------------------------------------------------------- other panels


def test_many_variables_show_value_and_index() -> None:
    result = double_wells(3)
    panel, _ = result.plot().axes
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("index", "value")
    drawn = [place for kind in KINDS for line in lines(panel, kind) for place in line.get_xydata()]
    assert len(drawn) == 27
    got = sorted((round(float(across)), float(up)) for across, up in drawn)
    assert got == sorted((one.index, one.value) for one in result)
    # no two points on the same place
    assert len({tuple(np.round(one, 6)) for one in drawn}) == 27


def test_every_eigenvalue_has_the_colour_of_its_sign() -> None:
    points = (
        with_values(-1e4, -3.0, 1e-7, 5.0, bound=1e-6),
        with_values(1e-3, 2.0, 3.0, 1e5),
        with_values(-5.0, -0.2, 1.0, 1e2, bound=0.5),
    )
    figure = CriticalPoints(points, ("a", "b", "c", "d")).plot()
    panel = figure.axes[1]
    for label, colour in (("negative", NEGATIVE), ("eigenvalue", ZERO), ("positive", POSITIVE)):
        (line,) = lines(panel, label)
        assert to_hex(line.get_color()) == colour.lower()
        for across, up in line.get_xydata():
            assert up in points[round(across) - 1].eigenvalues
            assert {"negative": up < 0, "eigenvalue": up in (1e-7, -0.2), "positive": up > 1e-6}[label]
    assert sum(len(lines(panel, label)[0].get_xdata()) for label in ("negative", "eigenvalue", "positive")) == 12
    assert panel.get_yscale() == "symlog"
    assert len(panel.get_yticks()) <= 11
    assert panel.get_ylim()[1] > 1e5
    # the bounds of the third point can be seen
    assert sum(len(one.get_segments()) for one in panel.collections if hasattr(one, "get_segments")) >= 3


def test_eigenvalues_of_one_size_have_a_linear_scale() -> None:
    panel = six_hump_camel().plot().axes[1]
    assert panel.get_yscale() == "linear"
    low, high = panel.get_ylim()
    assert low == -high
    assert high > max(one.eigenvalues[-1] for one in six_hump_camel())


def test_large_spectra_are_thinned_and_keep_their_ends() -> None:
    values = np.linspace(-3.0, 9.0, 5000)
    panel = CriticalPoints((with_values(*values),), tuple(f"x{k}" for k in range(5000))).plot().axes[1]
    heights = np.concatenate([lines(panel, label)[0].get_ydata() for label in ("negative", "positive")])
    assert len(heights) <= 300
    assert (min(heights), max(heights)) == (-3.0, 9.0)


def test_zero_spectra_and_no_numbers() -> None:
    for values in ((0.0, 0.0), (np.nan, 1.0), (np.inf, 1.0)):
        CriticalPoints((with_values(*values),), ("x", "y")).plot().draw_without_rendering()


# --------------------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize(("suffix", "begins"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")])
def test_it_is_written(suffix: str, begins: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"points.{suffix}"
    six_hump_camel().plot(path)
    assert path.read_bytes().startswith(begins)
    if suffix == "png":
        assert matplotlib.image.imread(path).shape[:2] == (1000, 2000)


def test_what_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="nothing to draw: no critical points were found"):
        CriticalPoints((), ("x", "y")).plot()
    with pytest.raises(ValueError, match=r"\.png, \.pdf, \.svg"):
        six_hump_camel().plot("points.gif")


def test_names_are_no_mathematics() -> None:
    result = replace(six_hump_camel(), names=("$\\frac", "a_$b$"))
    figure = result.plot()
    figure.draw_without_rendering()
    assert figure.axes[0].get_xlabel() == "\\$\\frac"


def test_matplotlib_is_not_imported_before_something_is_drawn() -> None:
    assert not {"matplotlib", "rich", "sympy"} & imported_by("-c", "import verify.critical.shown.plot")
