"""The picture of critical points: where they lie, and the eigenvalues of the Hessian at each.

With two variables the first panel has contours, with one the curve, with more the values by index: the picture of
critical points of a loss in Dauphin et al. (2014), Identifying and attacking the saddle point problem in high-
dimensional non-convex optimization, fig. 1. The last panel always has the spectra.

The three most important functions are ``plot`` (the figure), ``draw_points`` (each kind with its shape and colour)
and ``draw_spectra``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.backward_pass.plot import written_as
from verify.critical.shown.table import headline, radii

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from verify.critical.points import Array, CriticalPoint, CriticalPoints

__all__ = ["KINDS", "draw_points", "draw_spectra", "plot"]

KINDS: dict[str, tuple[str, str]] = {
    "minimum": ("o", "#0072B2"),
    "maximum": ("^", "#D55E00"),
    "saddle": ("D", "#009E73"),
    "degenerate": ("s", "#CC79A7"),
    "not critical": ("X", "#666666"),
    "undecided": ("P", "#E69F00"),
}
"""Shape and colour of every kind; the colours can be told apart by people who confuse red and green."""

NEGATIVE, ZERO, POSITIVE = "#D55E00", "#777777", "#0072B2"

# Up to so many points have their index written beside them, and a symbol of their kind above their spectrum.
LABELLED, MARKED = 32, 60
# So many eigenvalues of a point are drawn; up to this ratio of sizes their scale is linear.
EIGENVALUES, LINEAR = 300, 30.0


def plot(found: CriticalPoints, path: str | Path | None = None) -> Figure:
    """A figure of the points and their spectra; with a path it is written there, too.

    Raises: ValueError when there is nothing to draw, or the path names no known format.
    """
    target = None if path is None else written_as(path)
    if not len(found) and not found.components and not found.undecided:
        raise ValueError("there is nothing to draw: no critical points were found, and nothing is undecided")
    from matplotlib.figure import Figure

    from verify.critical.shown.plot_landscape import draw_curve, draw_plane

    n = len(found.names)
    panels = 1 + bool(len(found))
    figure = Figure(figsize=(10.0, 5.0) if panels == 2 else (6.4, 5.0), layout="constrained")
    axes = figure.subplots(1, panels, squeeze=False, width_ratios=[1.35, 1.0][:panels])[0]
    draw: Any = {1: draw_curve, 2: draw_plane}.get(n, draw_by_index)
    draw(axes[0], found)
    if panels == 2:
        draw_spectra(axes[1], found.points)
    for panel in axes:
        panel.tick_params(labelsize=9)
    figure.suptitle(headline(found).replace("; ", "\n"), fontsize=11, x=0.01, ha="left")
    _legend(figure, axes)
    if target is not None:
        figure.savefig(target, dpi=200)
    return figure


def _legend(figure: Figure, axes: Sequence[Axes]) -> None:
    """One legend below all panels, where it covers no data."""
    entries: dict[str, Any] = {}
    for panel in axes:
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    if entries:
        entries = dict(sorted(entries.items(), key=lambda one: one[0].split(" ")[0] not in KINDS))
        columns = 4 if max(map(len, entries)) > 22 else 5
        figure.legend(entries.values(), entries, loc="outside lower left", ncols=columns, fontsize=9, frameon=False)


def draw_points(panel: Axes, points: Sequence[CriticalPoint], x: Array, y: Array, *, with_index: bool = True) -> None:
    """Every point by its kind; those that are not certified are hollow. Their indices, where there is room."""
    crowded = len(points) > LABELLED
    size = max(3.4, 6.5 * (LABELLED / len(points)) ** 0.3) if crowded else 6.5
    edge = (0.4, 0.7) if crowded else (0.8, 1.4)
    for kind, (shape, colour) in KINDS.items():
        for certified in (True, False):
            chosen = [k for k, one in enumerate(points) if one.kind == kind and one.certified == certified]
            if not chosen:
                continue
            (marks,) = panel.plot(
                x[chosen],
                y[chosen],
                shape,
                ms=size,
                mfc=colour if certified else "white",
                mec="white" if certified else colour,
                mew=edge[0] if certified else edge[1],
                label=f"{kind} ({len(chosen)}{'' if certified else ', not certified'})",
                zorder=5,
                clip_on=False,
            )
            marks.set_in_layout(False)
    if crowded or not with_index:
        return
    from matplotlib.patheffects import withStroke

    for one, across, up in zip(points, x, y, strict=True):
        panel.annotate(
            str(one.index),
            (float(across), float(up)),
            xytext=(5, 4),
            textcoords="offset points",
            fontsize=8,
            zorder=6,
            path_effects=[withStroke(linewidth=2.0, foreground="white")],
        )


def draw_by_index(panel: Axes, found: CriticalPoints) -> None:
    """Values by index, where there is no room to draw the points themselves; equal values stand side by side."""
    points = found.points
    index = np.array([one.index for one in points], float)
    values = np.array([one.value for one in points])
    draw_points(panel, points, index + _side_by_side(index, values), values, with_index=False)
    panel.set_xlabel("index")
    panel.set_ylabel("value")
    panel.set_title("value and index of every point", fontsize=10, loc="left")
    panel.grid(True, color="0.92", zorder=0)
    from matplotlib.ticker import MaxNLocator

    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(points):
        panel.set_xlim(min(index) - 0.6, max(index) + 0.6)


def _side_by_side(index: Array, values: Array) -> Array:
    """How far points move to the side so that those of one index and nearly one value do not hide each other."""
    spread = float(np.ptp(values)) if len(values) else 0.0
    height = np.round((values - np.min(values, initial=0.0)) / (spread / 60)) if spread > 0 else np.zeros(len(values))
    moved = np.zeros(len(values))
    groups: dict[tuple[float, float], list[int]] = {}
    for k, place in enumerate(zip(index, height, strict=True)):
        groups.setdefault(place, []).append(k)
    most = max(map(len, groups.values()), default=1)
    step = min(0.08, 0.8 / most)
    for members in groups.values():
        moved[members] = step * (np.arange(len(members)) - (len(members) - 1) / 2)
    return moved


def draw_spectra(panel: Axes, points: Sequence[CriticalPoint]) -> None:
    """The eigenvalues of every point in a column, coloured by sign; the bounds are bars, where they can be seen."""
    place: list[float] = []
    values: list[float] = []
    bounds: list[float] = []
    for k, one in enumerate(points, 1):
        radius = radii(one)[2]
        chosen = np.unique(np.linspace(0, len(radius) - 1, min(len(radius), EIGENVALUES)).astype(int))
        place += [k] * len(chosen)
        values += list(one.eigenvalues[chosen])
        bounds += list(radius[chosen])
    x, y, r = np.array(place, float), np.array(values), np.array(bounds)
    finite = np.isfinite(y)
    clear = np.abs(y) > r
    size = 5.0 if len(points) <= LABELLED else max(1.6, 5.0 * (LABELLED / len(points)) ** 0.4)
    for label, colour, chosen in (
        ("negative eigenvalue", NEGATIVE, finite & clear & (y < 0)),
        ("eigenvalue that may be 0", ZERO, finite & ~clear),
        ("positive eigenvalue", POSITIVE, finite & clear & (y > 0)),
    ):
        if not np.any(chosen):
            continue
        seen = chosen & np.isfinite(r) & (r > 0.02 * np.abs(y))
        panel.errorbar(x[seen], y[seen], r[seen], fmt="none", ecolor=colour, elinewidth=0.8)
        shape, width = ("_", 1.6) if len(points) <= LABELLED else (".", 0.0)
        panel.plot(x[chosen], y[chosen], shape, ms=size + 3, mew=width, color=colour, label=label)
    panel.axhline(0, color="0.4", linewidth=0.8)
    largest = float(np.max(np.abs(y[finite]), initial=0.0))
    smallest = float(np.min(np.abs(y[finite & clear]), initial=largest))
    _symmetric_log(panel, smallest, largest)
    panel.set_xlim(0.3, len(points) + 0.7)
    panel.set_xlabel("point, as numbered in the table")
    panel.set_ylabel("eigenvalues of the Hessian")
    panel.set_title("spectrum at every point", fontsize=10, loc="left", pad=15 if len(points) <= MARKED else None)
    panel.grid(True, axis="y", color="0.92", zorder=0)
    from matplotlib.ticker import MaxNLocator

    panel.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, min_n_ticks=1))
    if len(points) <= MARKED:
        for kind, (shape, colour) in KINDS.items():
            of_kind = [k for k, one in enumerate(points, 1) if one.kind == kind]
            across = panel.get_xaxis_transform()
            (marks,) = panel.plot(
                of_kind, [1.025] * len(of_kind), shape, ms=4, color=colour, transform=across, clip_on=False
            )
            marks.set_in_layout(False)


def _symmetric_log(panel: Axes, smallest: float, largest: float) -> None:
    """A scale that is linear around 0 and logarithmic beyond the smallest eigenvalue that has a sign.

    Where eigenvalues are of one size the scale is linear: a logarithmic one would show nothing but the gap.
    """
    if not largest > 0:
        return
    if largest <= LINEAR * smallest:
        panel.set_ylim(*(np.array([-1.12, 1.12]) * largest))
        return
    threshold = max(10.0 ** np.floor(np.log10(max(smallest, 1e-300))), 1e-8 * largest)
    decades = np.log10(largest / threshold)
    panel.set_yscale("symlog", linthresh=threshold, linscale=0.6)
    panel.set_ylim(*(np.array([-1.0, 1.0]) * largest * 2.5))
    stride = max(1, int(np.ceil(decades / 4)))
    powers = threshold * 10.0 ** (stride * np.arange(int(decades // stride) + 1))
    ticks = [*(-powers[::-1]), 0.0, *powers]
    panel.set_yticks(ticks, labels=[_power_of_ten(tick) for tick in ticks])
    panel.minorticks_off()


def _power_of_ten(value: float) -> str:
    if not value:
        return "0"
    power = round(np.log10(abs(value)))
    sign = "−" if value < 0 else ""
    return f"{sign}{10.0**power:g}" if -3 <= power <= 3 else f"${'-' if value < 0 else ''}10^{{{power}}}$"
