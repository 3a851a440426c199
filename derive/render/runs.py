"""Runs: typeset mathematics as tokens with widths, and where it may be broken into lines.

Data
    ``Token``  a piece that is never broken, its width, and what breaking before it costs.
    ``Run``    tokens in a row, with what must be known to put parentheses around them.

``break_lines`` chooses the breaks: as few lines as possible, at signs rather than inside products, outside brackets
rather than inside them.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

__all__ = ["ADD", "ATOM", "MUL", "POWER", "UNBREAKABLE", "BrokenLine", "Run", "Token", "break_lines"]

ADD, MUL, POWER, ATOM = 1, 2, 3, 4

UNBREAKABLE = 0
AT_SIGN, AT_FACTOR = 1, 10
DEEPER = 10
"""What a break costs more for every bracket that it is inside of."""
ANOTHER_LINE = 4


@dataclass(frozen=True)
class Token:
    """``source`` is written inside a line, ``head`` in its place where a line starts with it."""

    source: str
    width: float
    cost: int = UNBREAKABLE
    head: str = ""

    def unbroken(self) -> Token:
        """The same, but no line ends before it."""
        return replace(self, cost=UNBREAKABLE)


@dataclass(frozen=True)
class Run:
    """Tokens in a row.

    ``level`` is the precedence (ADD binds least), ``height`` how tall it is (0: a letter), ``open`` whether what
    follows on the right would be taken as part of it, as after a sum sign.
    """

    tokens: tuple[Token, ...]
    level: int = ATOM
    height: int = 0
    open: bool = False

    @property
    def width(self) -> float:
        """In the unit of the pen that made it."""
        return sum(token.width for token in self.tokens)

    @property
    def source(self) -> str:
        """All in one line."""
        return "".join(token.source for token in self.tokens)

    def unbroken(self) -> Run:
        """The same in one piece."""
        return replace(self, tokens=tuple(t.unbroken() for t in self.tokens))

    def deeper(self) -> tuple[Token, ...]:
        """The tokens, when brackets are put around them."""
        return tuple(replace(t, cost=t.cost + DEEPER) if t.cost else t for t in self.tokens)


@dataclass(frozen=True)
class BrokenLine:
    """A line of a display."""

    source: str
    width: float


def break_lines(tokens: Sequence[Token], first: float, later: float) -> list[BrokenLine]:
    """Lines of at most ``first`` and then ``later`` width, wherever the tokens allow it."""
    count = len(tokens)
    starts = [0, *(m for m in range(1, count) if tokens[m].cost)]
    ends = [*starts[1:], count]
    widths = [0.0]
    for token in tokens:
        widths.append(widths[-1] + token.width)

    best: dict[int, tuple[float, int]] = {0: (0.0, 0)}
    for end in ends:
        for start in starts:
            if start >= end or start not in best:
                continue
            excess = widths[end] - widths[start] - (later if start else first)
            # what fits nowhere is still set, as little too wide as can be
            cost = best[start][0] + ANOTHER_LINE + (tokens[start].cost if start else 0) + 1e4 * max(excess, 0.0)
            # at equal cost the lines before are as full as can be
            if end not in best or cost <= best[end][0] - 1e-9 or (cost <= best[end][0] + 1e-9 and end != count):
                best[end] = (cost, start)
    cuts = [count]
    while cuts[-1]:
        cuts.append(best[cuts[-1]][1])
    cuts.reverse()
    lines = []
    for start, end in itertools.pairwise(cuts):
        head = tokens[start].head if start and tokens[start].head else tokens[start].source
        source = (head + "".join(t.source for t in tokens[start + 1 : end])).strip()
        lines.append(BrokenLine(source, widths[end] - widths[start]))
    return lines
