"""Critical points for programs and notebooks: JSON, and a table in HTML.

In JSON every float is written so that it is read back exactly. NaN and the infinities, for which JSON has no numbers,
are the texts ``"NaN"``, ``"Infinity"`` and ``"-Infinity"``; ``float`` reads them. Paths of the search are left out.

The three most important functions are ``record`` (plain data), ``json_text`` and ``html_text``.
"""

from __future__ import annotations

import html
import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.critical.shown.layout import one_line
from verify.critical.shown.table import SEPARATE, Layout, headline, radii, remarks, rows

if TYPE_CHECKING:
    from verify.critical.points import Array, CriticalPoint, CriticalPoints

__all__ = ["html_text", "json_text", "record"]

# So many points are shown in a notebook.
SHOWN = 60

COLOURS = {"minimum": "#0072B2", "maximum": "#D55E00", "saddle": "#007A5A", "degenerate": "#8A4F7D"}


def record(found: CriticalPoints) -> dict[str, Any]:
    """Plain data: dictionaries, lists, texts, booleans, whole numbers and finite floats."""
    kinds = [point.kind for point in found]
    data = {
        "complete": found.complete,
        "summary": headline(found),
        "assumption": found.assumption,
        "names": list(found.names),
        "box": None if found.box is None else _box(*found.box),
        "count": len(found),
        "kinds": {kind: kinds.count(kind) for kind in sorted(set(kinds))},
        "points": [_point(point) for point in found],
        "components": [
            {
                "dimension": one.dimension,
                "value": one.value,
                **_box(one.lower, one.upper),
                "points": one.points,
                "reason": one.reason,
            }
            for one in found.components
        ],
        "undecided": [{**_box(one.lower, one.upper), "reason": one.reason} for one in found.undecided],
        "evidence": list(found.evidence),
        "stopped": found.stopped,
        "cost": asdict(found.cost),
        "seed": found.seed,
    }
    plain: dict[str, Any] = _plain(data)
    return plain


def json_text(found: CriticalPoints, **options: Any) -> str:
    """The record as JSON. ``options`` go to ``json.dumps``."""
    return json.dumps(record(found), **{"ensure_ascii": False, "allow_nan": False, **options})


def _point(point: CriticalPoint) -> dict[str, Any]:
    return {
        "x": point.x,
        "value": point.value,
        "gradient_norm": point.gradient_norm,
        "kind": point.kind,
        "index": point.index,
        "nullity": point.nullity,
        "eigenvalues": point.eigenvalues,
        "eigenvalue_bounds": _box(point.spectrum.lower, point.spectrum.upper),
        "eigenvalues_proved": point.spectrum.proved,
        "certified": point.certified,
        "enclosure": None if point.enclosure is None else _box(*point.enclosure),
        "note": point.note,
    }


def _box(lower: Array, upper: Array) -> dict[str, Any]:
    return {"lower": lower, "upper": upper}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


# ------------------------------------------------------------------------------------------------------- notebooks


def html_text(found: CriticalPoints) -> str:
    """A table for a notebook; all text is escaped, and nothing is loaded or run."""
    parts = [f"<p><strong>{_escaped(headline(found))}</strong></p>"]
    shown = found.points[:SHOWN]
    if shown:
        n = len(found.names)
        layout = Layout(7, min(n, 2 * SEPARATE), n <= SEPARATE)
        head, body, sides = rows(shown, found.names, layout, [radii(point) for point in shown])
        parts.append("<table><thead><tr>" + _cells("th", head, sides) + "</tr></thead><tbody>")
        for row, point in zip(body, shown, strict=True):
            parts.append(f"<tr>{_cells('td', row, sides, COLOURS.get(point.kind))}</tr>")
        parts.append("</tbody></table>")
    if len(shown) < len(found):
        parts.append(f"<p>… and {len(found) - len(shown)} more points: <code>points[k]</code></p>")
    parts.append("<ul>" + "".join(f"<li>{_escaped(line)}</li>" for line in remarks(found)) + "</ul>")
    return f'<div class="critical-points">{"".join(parts)}</div>'


def _cells(tag: str, cells: list[str], sides: str, colour: str | None = None) -> str:
    made = []
    for place, (cell, side) in enumerate(zip(cells, sides, strict=True)):
        style = f"text-align:{'left' if side == '<' else 'right'};white-space:pre"
        if tag == "td" and place > 2:
            style += ";font-family:monospace"
        if colour and place == 1:
            style += f";color:{colour};font-weight:bold"
        made.append(f'<{tag} style="{style}">{html.escape(cell)}</{tag}>')
    return "".join(made)


def _escaped(text: str) -> str:
    return html.escape(one_line(text))
