"""The picture of a report: where a gradient is wrong, and how the numerical derivative behaves there.

The three most important functions are ``plot`` (the figure), ``relative`` (the error of every entry) and ``folded``
(an array of any number of axes as rows and columns).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from verify.backward_pass.report import Report

__all__ = ["FORMATS", "folded", "plot", "relative", "written_as"]

Numbers = NDArray[np.float64]

FORMATS = (".png", ".pdf", ".svg")

# The colours span these relative errors; what is smaller or larger has the colour of the end.
LEAST, MOST = 1e-9, 1.0
# The relative error of an entry that is nearly 0 is relative to this share of the whole gradient.
FLOOR = 1e-3
# So many rows or columns have their indices written beside them, so many are parted by lines, so many hold a number.
LABELLED, PARTED, WRITTEN = 16, 32, 8


def plot(report: Report, path: str | Path | None = None) -> Figure:
    """A figure with a heat map of relative errors for every wrong gradient; with a path it is written there, too.

    Below stands the error of the numerical derivative at the worst entry, step by step, where the report has it.

    Raises: ValueError when no gradient was looked at entry by entry, or the path names no known format.
    """
    target = None if path is None else written_as(path)
    shown = [k for k in report.culprits if k in report.heat] or sorted(report.heat)
    if not shown:
        raise ValueError(_nothing(report))
    from matplotlib.figure import Figure

    errors = {k: relative(*report.heat[k]) for k in shown}
    steps = _steps(report)
    heights = [_height(errors[k]) for k in shown] + [2.4] * bool(steps)
    figure = Figure(figsize=(7.2, sum(heights) + 0.3), layout="constrained")
    panels = figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    for panel, k in zip(panels, shown, strict=False):
        entry = _worst(report, k, errors[k])
        _draw_heat(figure, panel, report.names[k], errors[k], entry, *map(np.asarray, report.heat[k]))
    if steps:
        _draw_steps(panels[-1], steps)
    if target is not None:
        figure.savefig(target, dpi=150)
    return figure


def written_as(path: str | Path) -> Path:
    """The path, if its ending is one that pictures are written as. Raises: ValueError otherwise."""
    target = Path(path)
    if target.suffix.lower() not in FORMATS:
        raise ValueError(f"cannot write a picture as {target.name!r}: let its name end in {', '.join(FORMATS)}")
    return target


def relative(claimed: Any, numerical: Any) -> Numbers:
    """The error of every entry relative to the larger of both numbers; inf where only the claim is no number."""
    claimed, numerical = np.asarray(claimed, np.float64), np.asarray(numerical, np.float64)
    known = np.abs(numerical[np.isfinite(numerical)])
    floor = FLOOR * float(np.sqrt(np.mean(np.square(known)))) if known.size else 0.0
    with np.errstate(all="ignore"):
        size = np.maximum(np.maximum(np.abs(claimed), np.abs(numerical)), floor)
        error = np.where(claimed == numerical, 0.0, np.abs(claimed - numerical) / size)
    return np.asarray(np.where(np.isfinite(numerical) & ~np.isfinite(claimed), np.inf, error))


def folded(shape: Sequence[int]) -> int:
    """How many of the axes become rows, the others being columns: as square as can be, but one axis lies flat."""
    if len(shape) < 2:
        return 0
    return min(
        range(1, len(shape)),
        key=lambda k: abs(math.log(max(1, math.prod(shape[:k])) / max(1, math.prod(shape[k:])))),
    )


def _grid(error: Numbers) -> Numbers:
    split = folded(error.shape)
    return error.reshape(math.prod(error.shape[:split]), -1) if error.size else error.reshape(1, 0)


def _height(error: Numbers) -> float:
    """In inches, for a panel of fixed width, with what stands around it."""
    rows, columns = _grid(error).shape
    return 1.0 + (0.4 if rows == 1 else min(3.2, max(0.4 * min(rows, 4), 5.0 * rows / columns)))


def _nothing(report: Report) -> str:
    if report.outcome == "agrees":
        return 'there is nothing to draw: all gradients agree; with mode="every-entry" every entry is compared'
    return (
        "there is nothing to draw: no gradient was compared entry by entry; "
        'check again with mode="every-entry", or print report.message'
    )


def _worst(report: Report, k: int, error: Numbers) -> tuple[int, ...] | None:
    """The entry that the report calls the worst; else that of the largest relative error, None if none is known."""
    for one in report.findings:
        if one.culprit == k and one.entry is not None and one.where is None and len(one.entry) == error.ndim:
            return one.entry
    if not np.any(~np.isnan(error)):
        return None
    flat = int(np.argmax(np.where(np.isnan(error), -1.0, error)))
    return tuple(map(int, np.unravel_index(flat, error.shape)))


def _steps(report: Report) -> list[tuple[float, float]]:
    pairs = [(float(step), float(error)) for step, error in report.evidence.get("steps") or ()]
    return [(step, error) for step, error in pairs if step > 0 and error >= 0 and math.isfinite(error)]


# --------------------------------------------------------------------------------------------------------- panels


def _draw_heat(
    figure: Figure,
    panel: Axes,
    name: str,
    error: Numbers,
    entry: tuple[int, ...] | None,
    claimed: Numbers,
    numerical: Numbers,
) -> None:
    from matplotlib import colormaps
    from matplotlib.colors import LogNorm

    grid = _grid(error)
    split = folded(error.shape)
    colours = colormaps["cividis"].with_extremes(bad="0.85")
    seen = np.ma.masked_invalid(np.where(np.isinf(grid), MOST, np.clip(grid, LEAST, MOST)))
    image = panel.imshow(seen, cmap=colours, norm=LogNorm(LEAST, MOST), aspect="auto", interpolation="nearest")
    bar = figure.colorbar(image, ax=panel, pad=0.02, fraction=0.05, aspect=max(4.0, 6.0 * (_height(error) - 1.0)))
    tall = _height(error) > 2.0
    bar.set_label("relative error" if tall else "rel. error", fontsize=9)
    bar.set_ticks(
        [1e-9, *([1e-6, 1e-3] if tall else []), 1.0], labels=["≤ 1e-9", *(["1e-6", "1e-3"] if tall else []), "≥ 1"]
    )
    bar.minorticks_off()
    if max(grid.shape) <= PARTED:
        for k in range(1, grid.shape[0]):
            panel.axhline(k - 0.5, color="0.6", linewidth=0.4)
        for k in range(1, grid.shape[1]):
            panel.axvline(k - 0.5, color="0.6", linewidth=0.4)
    _name_axis(panel, "x", error.shape[split:], split)
    _name_axis(panel, "y", error.shape[:split], 0)
    title = f"gradient of {name}, shape {error.shape}"
    if entry is not None:
        worst = int(np.ravel_multi_index(entry, error.shape)) if entry else 0
        _mark(panel, grid.shape, *map(int, np.unravel_index(worst, grid.shape)))
        where = f"[{', '.join(map(str, entry))}]" if entry else ""
        title += f"\nworst: {name}{where}, backward {_number(claimed[entry])}, numerical {_number(numerical[entry])}"
    if np.any(np.isnan(error)):
        title += " (grey: unknown)"
    panel.set_title(title, fontsize=9, loc="left")
    if max(grid.shape) <= WRITTEN:
        for (row, column), value in np.ndenumerate(grid):
            dark = np.isfinite(value) and value < 1e-4
            panel.text(
                column,
                row,
                f"{value:.2g}" if value >= 1e-3 or not value else f"{value:.0e}",
                ha="center",
                va="center",
                fontsize=8,
                color="white" if dark else "black",
            )


def _mark(panel: Axes, shape: tuple[int, ...], row: int, column: int) -> None:
    """A frame around the worst entry, a ring where that would be too small; black on white, seen on any colour."""
    from matplotlib.patches import Rectangle

    for colour, width in (("white", 4.0), ("black", 1.8)):
        if max(shape) <= PARTED:
            corner = (column - 0.5, row - 0.5)
            panel.add_patch(Rectangle(corner, 1, 1, fill=False, ec=colour, lw=width, clip_on=False, zorder=3))
        else:
            panel.plot(column, row, "o", ms=11, mfc="none", mec=colour, mew=width, clip_on=False)


def _number(value: Any) -> str:
    return f"{float(value):+.6g}".replace("+nan", "nan")


def _name_axis(panel: Axes, side: str, lengths: Sequence[int], first: int) -> None:
    """What the rows (y) or columns (x) are; where several axes lie on one, lines part the blocks of the first."""
    axis = panel.xaxis if side == "x" else panel.yaxis
    count = math.prod(lengths)
    names = [f"axis {first + k}" for k in range(len(lengths))]
    axis.set_label_text(", ".join(names))
    if not lengths:
        axis.set_ticks([])
        return
    if len(lengths) == 1:
        from matplotlib.ticker import MaxNLocator

        axis.set_major_locator(MaxNLocator(nbins=LABELLED, integer=True, min_n_ticks=1))
        return
    block = count // lengths[0] if lengths[0] else 0
    if count <= LABELLED:
        indices = [str(tuple(map(int, np.unravel_index(k, lengths)))) for k in range(count)]
        axis.set_ticks(range(count), labels=indices)
        if side == "x" and count > 6:
            panel.tick_params(axis="x", rotation=45)
    else:
        stride = -(-lengths[0] // LABELLED)
        starts = range(0, lengths[0], stride)
        rest = ", …" * (len(lengths) - 1)
        axis.set_ticks([block * k + (block - 1) / 2 for k in starts], labels=[f"({k}{rest})" for k in starts])
        if side == "x" and len(starts) > 8:
            panel.tick_params(axis="x", rotation=45)
    if block > 1 and lengths[0] <= 4 * LABELLED:
        line = panel.axvline if side == "x" else panel.axhline
        for k in range(1, lengths[0]):
            line(block * k - 0.5, color="white", linewidth=1.6)


def _draw_steps(panel: Axes, steps: list[tuple[float, float]]) -> None:
    """How far claimed and numerical derivative are apart, by step: a right claim dips, a wrong one stays level."""
    x, y = zip(*sorted(steps), strict=True)
    positive = [error for error in y if error > 0]
    floor = min(positive) / 10 if positive else 1e-16
    panel.loglog(x, [error or floor for error in y], "o-", color="#0072B2", ms=4, lw=1.2)
    low, high = (math.log10(limit or floor) for limit in (min(positive, default=floor), max(positive, default=floor)))
    panel.set_ylim(10 ** (math.floor(low - 0.5)), 10 ** (math.ceil(high + 0.5)))
    panel.set_xlabel("step of the difference")
    panel.set_ylabel("error")
    panel.grid(True, which="major", color="0.9")
    panel.set_title("error at the worst entry, for every step of the numerical derivative", fontsize=9, loc="left")
