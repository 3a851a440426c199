"""The blocks of a document: symbols, definitions, chains of lines, results. Every format folds over these."""

from __future__ import annotations

from dataclasses import dataclass

from derive.nodes import Node, Tensor
from derive.render.equation import Equation, MatrixSide
from derive.render.phrases import phrase, sentence
from derive.size_algebra import Size

__all__ = [
    "Block", "Conclusion", "Document", "Given", "Line", "Mark", "Section", "Setup", "SymbolRow",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class SymbolRow:
    """A row of the table of symbols. ``symbols`` are tensors or sizes; a plain string names a piece of notation."""

    symbols: tuple[Tensor | Size | str, ...]
    shape: tuple[Size, ...] | None
    meaning: str
    below: Size | None = None


@dataclass(frozen=True, eq=False)
class Given:
    """Definitions that belong together: one, or the members of a recurrence with the remark that says so."""

    equations: tuple[Equation, ...]
    remark: str = ""
    along: Node | None = None


@dataclass(frozen=True, eq=False)
class Setup:
    """The symbols, the definitions and the assumptions of a program; ``note`` stands below the symbols."""

    symbols: tuple[SymbolRow, ...]
    note: str
    definitions: tuple[Given, ...]
    assumptions: tuple[tuple[Equation, str], ...]


@dataclass(frozen=True)
class Mark:
    """How a line or a result was checked; ``sizes`` are labels of ``Document.assignments``."""

    outcome: str
    witness: str
    points: int
    sizes: str
    error: float
    message: str


@dataclass(frozen=True, eq=False)
class Line:
    """One line of a chain: the equation, the law, why."""

    number: str
    law: str
    why: str
    statements: tuple[str, ...]
    conditions: tuple[str | Equation, ...]
    equation: Equation
    mark: Mark | None
    reference: str
    substeps: tuple[Block, ...]


@dataclass(frozen=True, eq=False)
class Block:
    """A chain: what is looked for, and the lines that find it."""

    opening: Equation
    note: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, eq=False)
class Conclusion:
    """A result: what was derived, the form that is expected of it, its matrix form, the checks of the whole."""

    equation: Equation
    expected: Equation | None
    matrix: MatrixSide | None
    marks: tuple[Mark, ...]

    @property
    def forms(self) -> tuple[tuple[str, Equation | MatrixSide], ...]:
        """The forms, each with the phrase that names it; one that stands alone needs no name."""
        named = (("index form", self.equation), ("expected", self.expected), ("matrix form", self.matrix))
        found = tuple((key, form) for key, form in named if form is not None)
        return found if len(found) > 1 else (("", self.equation),)


@dataclass(frozen=True, eq=False)
class Section:
    """A claim with its derivation. ``setup`` is its own where the claim is about another program."""

    title: str
    prose: str
    setup: Setup | None
    blocks: tuple[Block, ...]
    conclusions: tuple[Conclusion, ...]


@dataclass(frozen=True, eq=False)
class Document:
    """Everything that is printed, in its order."""

    lang: str
    title: str
    summary: str
    setup: Setup
    sections: tuple[Section, ...]
    assignments: tuple[tuple[str, tuple[tuple[str, int], ...]], ...]
    holds: int
    total: int
    seed: int | None
    reference: str
    answer: str

    def say(self, key: str) -> str:
        """A fixed phrase in the document's language."""
        return phrase(key, self.lang)

    @property
    def account(self) -> str:
        """How the lines were checked, in sentences."""
        counted = self.say("all lines").format(holds=self.holds, total=self.total)
        seeded = [] if self.seed is None else [f"{self.say('seed')}: {self.seed}"]
        gap = "" if self.lang == "zh" else " "
        return gap.join(map(sentence, (counted, self.say("legend"), *seeded)))
