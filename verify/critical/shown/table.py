"""Critical points as text for a terminal.

Numbers are printed with the digits that are known: the last may be off by one. What is known follows from a point's
enclosure and its eigenvalues' bounds where they are there, else from its gradient.

The three most important functions are ``text`` (all that was found), ``headline`` (its first line) and ``one_point``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from verify.critical.shown.layout import (
    aligned,
    cell_width,
    fixed,
    folded,
    number,
    on_the_point,
    one_line,
    rounded_up,
)

if TYPE_CHECKING:
    from verify.critical.points import Array, Component, CriticalPoint, CriticalPoints, Undecided

__all__ = ["box_text", "gathered", "headline", "one_point", "radii", "remarks", "rows", "text"]

# So many points, notes, components, reasons and boxes of a reason are printed unless more are asked for.
POINTS, NOTES, COMPONENTS, REASONS, BOXES = 40, 5, 5, 6, 3
# Up to so many variables, coordinates and eigenvalues have columns of their own.
SEPARATE = 3

PLURAL = {"minimum": "minima", "maximum": "maxima", "saddle": "saddles", "degenerate": "degenerate",
          "not critical": "not critical", "undecided": "undecided"}  # fmt: skip
CONTINUA = {1: "curve", 2: "surface"}


def text(found: CriticalPoints, columns: int = 80, limit: int | None = POINTS, more: str = "") -> str:
    """All that was found, in lines of at most so many columns; ``limit`` is the number of points, None for all.

    ``more`` says how the others can be seen.
    """
    lines = list(folded(headline(found), columns, 2))
    if found.box is not None:
        lines += folded(f"box: {box_text(found.names, *found.box)}", columns, 5)
    shown = found.points if limit is None else found.points[:limit]
    if shown:
        lines += ["", *_table(shown, found.names, columns)]
    if len(shown) < len(found):
        hint = more or "points[k] is one of them; points.to_json() has all"
        lines += [f"  {line}" for line in folded(f"… and {len(found) - len(shown)} more points: {hint}", columns - 2)]
    said = list(remarks(found))
    return "\n".join([*lines, *([""] if said else []), *(part for line in said for part in folded(line, columns, 4))])


# ------------------------------------------------------------------------------------------------------ sentences


def headline(found: CriticalPoints) -> str:
    """How many points of each kind there are, and how sure it is that there are no others."""
    where = " in the box" if found.box is not None else ""
    count = len(found)
    points = f"{count or 'no'} critical point{'s' * (count != 1)}{' found' * (not count and not found.complete)}"
    if found.components:
        kinds = [CONTINUA.get(one.dimension, "continuum") for one in found.components]
        continua = ", ".join(f"{kinds.count(k)} {k}{'s' * (kinds.count(k) > 1)}" for k in dict.fromkeys(kinds))
        points += f" and {continua} of critical points"
    head = f"{points}{where}"
    if count:
        head += f": {_kinds(found.points)}"
    return f"{head}; {_sureness(found)}"


def _kinds(points: Sequence[CriticalPoint]) -> str:
    parts = []
    for kind, plural in PLURAL.items():
        of_kind = [point for point in points if point.kind == kind]
        if not of_kind:
            continue
        indices = [point.index for point in of_kind]
        parted = ""
        if kind == "saddle" and len(points[0].x) > 2:
            counts = ", ".join(f"{k}: {indices.count(k)}" for k in sorted(set(indices)))
            parted = f" (index {counts})" if len(set(indices)) > 1 else f" of index {indices[0]}"
        parts.append(f"{len(of_kind)} {kind if len(of_kind) == 1 else plural}{parted}")
    return ", ".join(parts)


def _sureness(found: CriticalPoints) -> str:
    if found.complete:
        return "proved complete"
    certified, undecided = sum(point.certified for point in found), len(found.undecided)
    rest = f"{undecided} box{'es' * (undecided > 1)} undecided" if undecided else "others are not excluded"
    if certified:
        return f"{'each' if certified == len(found) else f'{certified} of {len(found)}'} proved, {rest}"
    return f"nothing is proved{f', {rest}' * bool(undecided)}"


def remarks(found: CriticalPoints) -> Iterator[str]:
    """What is said below the table, a paragraph each; further lines of a paragraph begin with spaces."""
    for place, point in [(k, one) for k, one in enumerate(found, 1) if one.note][:NOTES]:
        yield f"{place}: {point.note}"
    notes = sum(bool(point.note) for point in found)
    if notes > NOTES:
        yield f"… and {notes - NOTES} more notes: points[k].note"
    if len(found):
        yield _bounds(found.points)
    for one in found.components[:COMPONENTS]:
        yield _component(one, found.names)
    if len(found.components) > COMPONENTS:
        yield f"… and {len(found.components) - COMPONENTS} more continua: points.components"
    yield from _undecided(found)
    if found.assumption:
        yield f"assuming: {found.assumption}"
    for sentence in found.evidence:
        yield f"evidence: {sentence}"
    if found.stopped:
        yield f"stopped: {found.stopped}"
    yield _cost(found)


def _bounds(points: Sequence[CriticalPoint]) -> str:
    gradient = max(point.gradient_norm for point in points)
    widths = [np.max(radii(point)[2], initial=0.0) for point in points]
    proved = all(point.spectrum.proved for point in points)
    said = "proved" if proved else "measured"
    return f"|gradient| ≤ {rounded_up(gradient)}; eigenvalues within {rounded_up(max(widths))}, {said}"


def _component(one: Component, names: Sequence[str]) -> str:
    kind = CONTINUA.get(one.dimension, f"continuum of dimension {one.dimension}")
    where = box_text(names, one.lower, one.upper)
    reason = f": {one.reason}" if one.reason else ""
    return f"a {kind} of critical points, value {one.value:.6g}, within {where}{reason}"


def gathered(undecided: Iterable[Undecided]) -> list[tuple[str, list[Undecided]]]:
    """What is undecided, by reason, the reason of most boxes first."""
    ordered = sorted(undecided, key=lambda one: one.reason)
    groups = [(reason, list(boxes)) for reason, boxes in groupby(ordered, key=lambda one: one.reason)]
    return sorted(groups, key=lambda group: -len(group[1]))


def _undecided(found: CriticalPoints) -> Iterator[str]:
    groups = gathered(found.undecided)
    for reason, boxes in groups[:REASONS]:
        several = len(boxes) > 1
        what = f"{len(boxes)} boxes" if several else "1 box" if np.any(boxes[0].upper > boxes[0].lower) else "1 point"
        places = "; ".join(box_text(found.names, one.lower, one.upper) for one in boxes[:BOXES])
        rest = f"; … and {len(boxes) - BOXES} more: points.undecided" if len(boxes) > BOXES else ""
        yield f"undecided: {what}: {reason}: {places}{rest}"
    if len(groups) > REASONS:
        yield f"… and {len(groups) - REASONS} more reasons: points.undecided"


def _cost(found: CriticalPoints) -> str:
    cost = found.cost
    counts = {"box": cost.boxes, "value": cost.function, "gradient": cost.gradient, "Hessian": cost.hessian,
              "Hessian-vector product": cost.hvp}  # fmt: skip
    parts = [f"{n:,} {what}{('es' if what == 'box' else 's') * (n != 1)}" for what, n in counts.items() if n]
    return f"cost: {', '.join([*parts, f'{cost.seconds:.2g} s'])}; seed {found.seed}"


def box_text(names: Sequence[str], lower: Array, upper: Array, most: int = 6) -> str:
    """A box, or a point where both ends are equal, in words; of many variables the first ones."""
    parts = []
    for name, low, high in list(zip(names, lower, upper, strict=True))[:most]:
        parts.append(f"{name} = {low:.6g}" if low == high else f"{name} in [{_down(low)}, {_up(high)}]")
    rest = f", … ({len(names) - most} more)" if len(names) > most else ""
    return ", ".join(parts) + rest


def _down(value: float) -> str:
    """A number that is not larger, in few digits."""
    return next((t for t in (f"{value:.{k}g}" for k in range(6, 18)) if float(t) <= value), repr(value))


def _up(value: float) -> str:
    return next((t for t in (f"{value:.{k}g}" for k in range(6, 18)) if float(t) >= value), repr(value))


# ---------------------------------------------------------------------------------------------------------- table


def radii(point: CriticalPoint) -> tuple[Array, float, Array]:
    """How far x, the value and the eigenvalues may be from what they are computed to be: bounds, or estimates.

    Shapes: (n), scalar, (n). The value's is an estimate: its rounding is that of a sum of a few terms of its size.
    """
    with np.errstate(invalid="ignore"):
        return _radii(point)


def _radii(point: CriticalPoint) -> tuple[Array, float, Array]:
    values = point.eigenvalues
    of_eigenvalues = np.maximum(point.spectrum.upper - values, values - point.spectrum.lower)
    if point.enclosure is not None:
        of_x = np.maximum(point.enclosure[1] - point.x, point.x - point.enclosure[0])
    else:
        clear = np.abs(values) - of_eigenvalues
        steepness = float(np.min(clear, initial=np.inf))
        # where the gradient vanishes to third order, its cube root is the distance
        away = point.gradient_norm / steepness if steepness > 0 else np.cbrt(point.gradient_norm + 1e-16)
        of_x = np.full(point.x.shape, 2 * away) + 1e-15 * np.abs(point.x)
    far = float(np.linalg.norm(of_x))
    curvature = float(np.max(np.abs(values), initial=0.0))
    of_value = point.gradient_norm * far + 0.5 * curvature * far**2 + 1e-15 * abs(point.value)
    return of_x, of_value, of_eigenvalues


@dataclass(frozen=True)
class Layout:
    """How a table is cut: digits, coordinates that are shown, and whether all eigenvalues are or the outer two."""

    digits: int
    coordinates: int
    all_eigenvalues: bool


def _layouts(n: int) -> Iterator[Layout]:
    if n <= SEPARATE:
        for digits in (7, 6, 5, 4):
            yield Layout(digits, n, True)
            if n > 2:
                yield Layout(digits, n, False)
    else:
        for digits in (5, 4, 3):
            yield Layout(digits, n, False)
    for count in range(n if n > SEPARATE else n + 1, 0, -1):
        yield Layout(3, min(count, n), False)


def _table(points: Sequence[CriticalPoint], names: Sequence[str], columns: int) -> list[str]:
    lines: list[str] = []
    known = [radii(point) for point in points]
    for layout in _layouts(len(names)):
        head, body, sides = rows(points, names, layout, known)
        lines = aligned([head, *body], sides)
        if max(map(cell_width, lines)) <= columns - 2:
            break
    return [f"  {_cut(line, columns - 2)}" for line in lines]


def _cut(line: str, columns: int) -> str:
    if cell_width(line) <= columns:
        return line
    while cell_width(line) >= columns:
        line = line[:-1]
    return f"{line}…"


def rows(
    points: Sequence[CriticalPoint], names: Sequence[str], layout: Layout, known: Sequence[tuple[Array, float, Array]]
) -> tuple[list[str], list[list[str]], str]:
    """The head and the rows of a table, and on which side the cells of each column stand; ``known`` are ``radii``."""
    titles, sides, cells = (
        ["#", "kind", "index"],
        "><>",
        [[f"{k}", p.kind, f"{p.index}"] for k, p in _numbered(points)],
    )

    def put(title: str, side: str, column: Iterable[str]) -> None:
        nonlocal sides
        titles.append(title)
        sides += side
        for row, cell in zip(cells, column, strict=True):
            row.append(cell)

    if any(point.nullity for point in points):
        put("nullity", ">", (str(point.nullity) for point in points))
    values = fixed([p.value for p in points], [radius for _, radius, _ in known], max(layout.digits, 6))
    put("value", ">", on_the_point(values))
    columns = [
        on_the_point(fixed([p.x[k] for p in points], [r[0][k] for r in known], layout.digits))
        for k in range(layout.coordinates)
    ]
    hidden = len(names) - layout.coordinates
    if len(names) <= SEPARATE and not hidden:
        for name, column in zip(names, columns, strict=True):
            put(name, ">", column)
    else:
        shown = [", ".join(row) for row in zip(*columns, strict=True)]
        put(", ".join(names[: layout.coordinates]) + (", …" if hidden else ""), "<", (one.rstrip() for one in shown))
    eigenvalues = [_spectrum(p, r[2], layout) for p, r in zip(points, known, strict=True)]
    wide = max(map(len, eigenvalues), default=0)
    parts = [on_the_point([one[k] if k < len(one) else "" for one in eigenvalues]) for k in range(wide)]
    joint = "  " if layout.all_eigenvalues else " … "
    title = "eigenvalue" + "s" * (len(names) > 1)
    put(
        title, "<", (joint.join(cells).rstrip() for cells in zip(*parts, strict=True)) if wide else [""] * len(points)
    )
    if len({point.certified for point in points}) > 1:
        put("sure", "<", ("proved" if point.certified else "measured" for point in points))
    return titles, cells, sides


def _numbered(points: Sequence[CriticalPoint]) -> Iterator[tuple[int, CriticalPoint]]:
    return iter(enumerate(points, 1))


def _spectrum(point: CriticalPoint, bounds: Array, layout: Layout) -> list[str]:
    pairs = list(zip(point.eigenvalues, bounds, strict=True))
    shown = pairs if layout.all_eigenvalues or len(pairs) < 3 else [pairs[0], pairs[-1]]
    return [number(float(value), float(bound), min(layout.digits, 5)) for value, bound in shown]


def one_point(point: CriticalPoint) -> str:
    """One point with every digit that is known, a line for each coordinate and eigenvalue."""
    of_x, of_value, of_eigenvalues = radii(point)
    names = point.names or ([f"x{k + 1}" for k in range(len(point.x))] if len(point.x) > 1 else ["x"])
    kind = f"saddle of index {point.index}" if point.kind == "saddle" else point.kind
    nullity = f", nullity {point.nullity}" if point.nullity else ""
    lines = [f"{kind}{nullity}, {'proved' if point.certified else 'measured'}"]
    lines += [f"  {name} = {number(float(v), float(r), 16)}" for name, v, r in zip(names, point.x, of_x, strict=True)]
    lines += [f"  value {number(point.value, of_value, 16)}, |gradient| {rounded_up(point.gradient_norm)}"]
    bounds = zip(point.eigenvalues, of_eigenvalues, strict=True)
    lines += [f"  eigenvalue {number(float(v), float(r), 16)} ± {rounded_up(float(r))}" for v, r in bounds]
    return "\n".join([*lines, *([f"  {one_line(point.note)}"] if point.note else [])])
