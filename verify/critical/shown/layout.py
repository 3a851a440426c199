"""Text in columns of a terminal: how wide it is, lines that fit, and numbers with the digits that are known.

The three most important functions are ``number`` (as many digits as a bound allows), ``aligned`` (columns below each
other) and ``folded`` (lines that fit).
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Sequence

__all__ = ["aligned", "cell_width", "fixed", "folded", "number", "on_the_point", "one_line", "rounded_up"]

# Numbers of a larger or smaller power of ten are written with an exponent.
LARGEST, SMALLEST = 6, -4
# A number that is smaller than the largest of its column by this factor is 0 there.
NOTHING = 1e-13


def cell_width(text: str) -> int:
    """The columns that a text takes."""
    return sum(map(_cells, text))


def _cells(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def one_line(text: str) -> str:
    """A text without line breaks and what else moves a cursor."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def folded(text: str, columns: int, indent: int = 0) -> Iterator[str]:
    """Lines of at most so many columns, broken between words; all but the first are indented."""
    line = ""
    for word in one_line(text).split(" "):
        while line.strip() and cell_width(line) + 1 + cell_width(word) > columns:
            yield line
            line = " " * indent
        line = f"{line} {word}" if line.strip() else line + word
    yield line


def aligned(rows: Sequence[Sequence[str]], sides: str) -> list[str]:
    """Rows of cells as lines; ``sides`` has for every column ``<`` or ``>``, the side on which cells stand."""
    widths = [max(map(cell_width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = []
        for cell, width, side in zip(row, widths, sides, strict=True):
            space = " " * (width - cell_width(cell))
            cells.append(cell + space if side == "<" else space + cell)
        lines.append("  ".join(cells).rstrip())
    return lines


def on_the_point(cells: Sequence[str]) -> list[str]:
    """Cells of a column made as wide as each other, with their decimal points below each other."""
    halves = [cell.partition(".") for cell in cells]
    before = max((len(left) for left, _, _ in halves), default=0)
    after = max((len(point + right) for _, point, right in halves), default=0)
    return [f"{left:>{before}}{point + right:<{after}}" for left, point, right in halves]


# ------------------------------------------------------------------------------------------------------- numbers


def number(value: float, radius: float, most: int = 6) -> str:
    """A number that is known to within ``radius``: its last digit is off by at most one, and none is left out.

    At most ``most`` digits are written. A number that may be 0 is written as ``0±radius``.

    >>> number(3.14159265, 1e-4), number(3.14159265, 0.0), number(-1e-12, 1e-9), number(2e6, 1.0)
    ('3.142', '3.14159', '0±2e-09', '2.00000e+06')
    """
    if not math.isfinite(value):
        return str(value)
    if not math.isfinite(radius):
        return f"~{value:.2g}"
    if abs(value) <= radius:
        return f"0±{rounded_up(abs(value) + radius)}" if radius else "0"
    power = math.floor(math.log10(abs(value)))
    decimals = min(most - 1 - power, _known(radius, most - 1 - power))
    if decimals < -power:
        text = f"{value:.2g}"
        return f"{text}±{rounded_up(radius + abs(value - float(text)))}"
    if SMALLEST <= power < LARGEST and decimals >= 0:
        return _unsigned_zero(f"{value:.{decimals}f}")
    return f"{value:.{power + decimals}e}"


def fixed(values: Sequence[float], radii: Sequence[float], most: int) -> list[str]:
    """The numbers of a column, to as many decimals as leave ``most`` digits to the largest of them, or fewer.

    Each is written to the decimals that its radius allows; one that all of these would make 0 keeps its digits.
    """
    sizes = [abs(value) for value in values if math.isfinite(value)]
    largest = max(sizes, default=0.0)
    power = math.floor(math.log10(largest)) if largest else 0
    if not SMALLEST < power < LARGEST:
        return [number(value, radius, most) for value, radius in zip(values, radii, strict=True)]
    decimals = max(0, most - 1 - max(power, 0))
    cells = []
    for value, radius in zip(values, radii, strict=True):
        known = _known(radius, decimals) if math.isfinite(value) else -1
        small = abs(value) < 10.0 ** (1 - decimals) and abs(value) > max(2 * radius, NOTHING * largest)
        if known < 0 or small:
            cells.append(number(value, radius, min(most, 2) if small else most))
        else:
            cells.append(_unsigned_zero(f"{value:.{min(known, decimals)}f}"))
    return cells


def rounded_up(value: float) -> str:
    """A bound, in one digit, not smaller than it is.

    >>> rounded_up(1.2e-9), rounded_up(9.7e-3), rounded_up(0.0)
    ('2e-09', '1e-02', '0')
    """
    if not value or not math.isfinite(value):
        return "0" if not value else str(value)
    text = f"{value:.0e}"
    power = int(text.partition("e")[2])
    return text if float(text) >= value else f"{float(text) + 10.0**power:.0e}"


def _known(radius: float, enough: int) -> int:
    """How many decimals a radius leaves: half a unit of the last for it, half a unit for rounding."""
    if not math.isfinite(radius):
        return 0
    return enough if radius <= 0 else min(enough, math.floor(-math.log10(2 * radius)))


def _unsigned_zero(text: str) -> str:
    return text[1:] if text.startswith("-") and not text.strip("-0.") else text
