"""A function of one or two variables drawn with its critical points.

The three most important functions are ``draw_plane`` (contours), ``draw_curve`` and ``window`` (what part of the
variables' space is worth seeing).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from verify.critical.shown.plot import draw_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from verify.critical.points import Array, CriticalPoints

__all__ = ["draw_curve", "draw_plane", "in_one_line", "levels", "window"]

# Values are computed on so many points of a line, and on so many by so many of a plane.
ALONG, ACROSS = 1500, 260
# So many contours, and so many where there are more points than the second number.
CONTOURS, FEW, CROWDED = 28, 16, 100
# A panel is so much wider than high; where the variables' scales differ by more than a factor, each has its own.
SHAPE, STRETCHED = 1.4, 3.0
# Space around what was found, of its width.
MARGIN = 0.18

UNDEFINED, UNDECIDED, CONTINUUM, PATH = "0.82", "#E69F00", "#8A2F7D", "#333333"


def window(found: CriticalPoints) -> tuple[Array, Array]:
    """The part to draw: around all that was found, within the box. Shapes: (n), (n)."""
    n = len(found.names)
    parts = [one.x[None] for one in found.points]
    parts += [one.points.reshape(-1, n) for one in found.components]
    parts += [np.stack([one.lower, one.upper]) for one in found.undecided]
    if not parts and found.box is not None:
        return found.box
    seen = np.concatenate(parts)
    seen = seen[np.all(np.isfinite(seen), axis=1)] if len(seen) else np.zeros((1, n))
    low, high = np.min(seen, axis=0), np.max(seen, axis=0)
    size = high - low
    # a single point, or points on a line: as much as the others, or as the box, or 1
    room = np.max(size) if np.max(size) > 0 else 1.0
    if found.box is not None and not np.max(size) > 0:
        room = float(np.min(found.box[1] - found.box[0])) or 1.0
    size = np.maximum(size, 0.4 * room)
    middle = (low + high) / 2
    low = np.minimum(low, middle - size / 2) - MARGIN * size
    high = np.maximum(high, middle + size / 2) + MARGIN * size
    if found.box is not None:
        inside_low, inside_high = np.maximum(low, found.box[0]), np.minimum(high, found.box[1])
        wide = inside_high > inside_low
        low, high = np.where(wide, inside_low, low), np.where(wide, inside_high, high)
    return low, high


def values_on(found: CriticalPoints, grid: Array) -> Array | None:
    """Values of the function on a grid, NaN where it has none; None where it cannot be computed at all."""
    if found.function is None:
        return None
    try:
        with np.errstate(all="ignore"):
            values = np.asarray(found.function(grid), np.float64)
    except Exception:  # a picture without contours is better than none
        return None
    if values.shape != grid.shape[:-1]:
        return None
    values = np.where(np.isfinite(values), values, np.nan)
    return values if np.any(np.isfinite(values)) else None


def critical_values(found: CriticalPoints) -> Array:
    """The values of points and continua, those that are numbers."""
    values = np.array([one.value for one in found.points] + [one.value for one in found.components], np.float64)
    return values[np.isfinite(values)]


def levels(values: Array, critical: Array, count: int = CONTOURS) -> Array:
    """Levels of contours: dense around the critical values, logarithmic far from them; ascending, without doubles."""
    finite = values[np.isfinite(values)]
    centre = float(np.min(critical)) if critical.size else float(np.min(finite))
    scale = 0.12 * float(np.ptp(critical)) if critical.size else 0.0
    if not scale > 0:
        scale = 0.02 * float(np.quantile(np.abs(finite - centre), 0.5)) or 1.0
    low, high = (np.arcsinh((edge - centre) / scale) for edge in (np.min(finite), np.max(finite)))
    return np.unique(centre + scale * np.sinh(np.linspace(low, high, count)))


# ---------------------------------------------------------------------------------------------------------- plane


def draw_plane(panel: Axes, found: CriticalPoints) -> None:
    """Contours of a function of two variables, and upon them what was found."""
    low, high = _of_panel(*window(found), found.box)
    across, up = (np.linspace(low[k], high[k], ACROSS) for k in (0, 1))
    grid = np.stack(np.meshgrid(across, up), axis=-1)
    values = values_on(found, grid)
    panel.set_xlim(low[0], high[0])
    panel.set_ylim(low[1], high[1])
    panel.set_xlabel(_plain(found.names[0]))
    panel.set_ylabel(_plain(found.names[1]))
    title = "contours" if values is not None else "critical points"
    if values is not None:
        _draw_contours(panel, across, up, values, critical_values(found))
    if found.box is not None and np.any((low > found.box[0]) | (high < found.box[1])):
        title += " around what was found; the box is larger"
    panel.set_title(title, fontsize=10, loc="left")
    if 1 / STRETCHED < (high[0] - low[0]) / (high[1] - low[1]) < STRETCHED:
        panel.set_aspect("equal", adjustable="box")
    for k, path in enumerate(one for one in found.paths if one.ndim == 2 and one.shape[1] == 2):
        panel.plot(*path.T, "-", color=PATH, lw=0.7, alpha=0.55, zorder=3, label="search path" if not k else None)
        panel.plot(*path[0], ".", color=PATH, ms=3, alpha=0.55, zorder=3)
    _draw_undecided(panel, found, high - low)
    _draw_continua(panel, found)
    x = np.array([one.x for one in found.points]).reshape(-1, 2)
    draw_points(panel, found.points, x[:, 0], x[:, 1])


def _of_panel(low: Array, high: Array, box: tuple[Array, Array] | None) -> tuple[Array, Array]:
    """The window made wider or higher, within the box, towards the shape of its panel: circles are to be circles."""
    size = high - low
    wanted = np.maximum(size, [size[1] * SHAPE, size[0] / SHAPE])
    if np.any(wanted > STRETCHED * size):
        return low, high
    low, high = low - (wanted - size) / 2, high + (wanted - size) / 2
    return (low, high) if box is None else (np.maximum(low, box[0]), np.minimum(high, box[1]))


def _draw_contours(panel: Axes, across: Array, up: Array, values: Array, critical: Array) -> None:
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    crowded = len(critical) > CROWDED
    steps = levels(values, critical, FEW if crowded else CONTOURS)
    if np.any(np.isnan(values)):
        panel.set_facecolor(UNDEFINED)
        panel.fill([], [], color=UNDEFINED, label="no finite value")
    if len(steps) < 3:
        return
    # places of the levels, so that each step has a colour of its own
    masked = np.ma.masked_invalid(values)
    colours = LinearSegmentedColormap.from_list("depth", ["#a9c4de", "#e4edf5", "#fbf7ee", "#f0dfbd"])
    ranks = np.ma.masked_invalid(np.interp(masked.filled(np.nan), steps, np.arange(len(steps))))
    panel.contourf(
        across,
        up,
        ranks,
        levels=np.arange(len(steps)),
        cmap=colours,
        norm=Normalize(0, len(steps) - 1),
        zorder=0,
    )
    panel.contour(
        across,
        up,
        masked,
        levels=steps[1:-1],
        colors="0.35",
        linewidths=0.45,
        linestyles="solid",
        alpha=0.75,
        zorder=1,
    )


def _draw_undecided(panel: Axes, found: CriticalPoints, size: Array) -> None:
    from matplotlib.collections import PolyCollection

    if not found.undecided:
        return
    corners, small = [], []
    for one in found.undecided:
        (a, b), (c, d) = one.lower, one.upper
        corners.append([(a, b), (c, b), (c, d), (a, d)])
        if np.all(one.upper - one.lower < 0.02 * size):
            small.append((one.lower + one.upper) / 2)
    panel.add_collection(
        PolyCollection(corners, facecolor=UNDECIDED, edgecolor=UNDECIDED, alpha=0.45, lw=0.8, zorder=2)
    )
    panel.fill([], [], color=UNDECIDED, alpha=0.45, label=f"undecided ({len(found.undecided)})")
    if small:
        panel.plot(*np.array(small).T, "s", ms=6, mfc="none", mec=UNDECIDED, mew=1.2, zorder=4)


def _draw_continua(panel: Axes, found: CriticalPoints) -> None:
    label: str | None = "continuum of critical points"
    for one in found.components:
        if one.dimension == 1:
            for line in in_one_line(one.points):
                panel.plot(*line.T, "-", color=CONTINUUM, lw=2.2, zorder=4, label=label)
                label = None
        else:
            panel.plot(*one.points.T, ".", color=CONTINUUM, ms=4, zorder=4, label=label)
            label = None


def in_one_line(points: Array) -> list[Array]:
    """Points of a curve in the order in which they follow each other: pieces, closed where the ends meet.

    Each next point is the nearest that is left; a gap that is much wider than usual ends a piece.
    """
    if len(points) < 2:
        return [points] if len(points) else []
    left = list(range(len(points)))
    # begin at an end, if there is one: where a walk from anywhere ends
    order = _walk(points, left, 0)
    order = _walk(points, left, order[-1]) if len(order) == len(points) else order
    walked = points[order]
    gaps = np.linalg.norm(np.diff(walked, axis=0), axis=1)
    usual = float(np.median(gaps))
    cuts = np.flatnonzero(gaps > 4 * usual) + 1 if usual > 0 else np.zeros(0, int)
    pieces = np.split(walked, cuts)
    return [
        np.concatenate([one, one[:1]]) if len(one) > 2 and np.linalg.norm(one[0] - one[-1]) <= 2.5 * usual else one
        for one in pieces
    ]


def _walk(points: Array, left: list[int], start: int) -> list[int]:
    remaining = np.array([k for k in left if k != start])
    order = [start]
    while remaining.size:
        nearest = int(np.argmin(np.linalg.norm(points[remaining] - points[order[-1]], axis=1)))
        order.append(int(remaining[nearest]))
        remaining = np.delete(remaining, nearest)
    return order


# ---------------------------------------------------------------------------------------------------------- curve


def draw_curve(panel: Axes, found: CriticalPoints) -> None:
    """A function of one variable, and upon it what was found."""
    (low,), (high,) = window(found)
    x = np.linspace(low, high, ALONG)
    values = values_on(found, x[:, None])
    if values is not None:
        panel.plot(x, values, "-", color="0.25", lw=1.3, zorder=2)
        panel.set_ylim(*_heights(values, critical_values(found)))
        _shade_undefined(panel, x, values)
    for k, one in enumerate(found.undecided):
        panel.axvspan(
            one.lower[0],
            one.upper[0],
            color=UNDECIDED,
            alpha=0.45,
            label=f"undecided ({len(found.undecided)})" if not k else None,
        )
    for k, component in enumerate(found.components):
        ends = [component.lower[0], component.upper[0]]
        label = "continuum of critical points" if not k else None
        panel.plot(ends, [component.value] * 2, "-", color=CONTINUUM, lw=3.5, zorder=4, label=label)
    places = np.array([one.x[0] for one in found.points])
    draw_points(panel, found.points, places, np.array([one.value for one in found.points]))
    panel.set_xlim(low, high)
    panel.set_xlabel(_plain(found.names[0]))
    panel.set_ylabel("value")
    panel.set_title("curve" if values is not None else "values", fontsize=10, loc="left")
    panel.grid(True, color="0.92", zorder=0)


def _heights(values: Array, critical: Array) -> tuple[float, float]:
    """From where to where values are shown: all critical ones, and the others as far as they do not dwarf these."""
    finite = values[np.isfinite(values)]
    low, high = float(np.min(finite)), float(np.max(finite))
    spread = float(np.ptp(critical)) if critical.size else 0.0
    if spread > 0:
        low = max(low, float(np.min(critical)) - 1.5 * spread)
        high = min(high, float(np.max(critical)) + 1.5 * spread)
    elif critical.size:
        low, high = min(low, float(critical[0])), max(high, float(critical[0]))
    margin = 0.06 * (high - low) or 1.0
    return low - margin, high + margin


def _shade_undefined(panel: Axes, x: Array, values: Array) -> None:
    bad = np.isnan(values)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], bad, [False]]).astype(int)))
    label: Any = "no finite value"
    for start, end in edges.reshape(-1, 2):
        panel.axvspan(float(x[start]), float(x[min(end, len(x) - 1)]), color=UNDEFINED, label=label, zorder=0)
        label = None


def _plain(name: str) -> str:
    """A name without mathematics of Matplotlib's."""
    return name.replace("$", r"\$")
