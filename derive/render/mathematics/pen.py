"""The pen: what a format must be able to draw, from a digit to a sum sign."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Sequence

import sympy

from derive.render.naming import Symbol
from derive.render.runs import ADD, ATOM, MUL, Run, Token

__all__ = ["DOT", "Pen"]

DOT = Symbol("·")
"""Stands for an index that runs over a whole axis."""


class Pen(ABC):
    """Draws pieces of mathematics. Widths are in the unit of ``room``, the width of a line."""

    room: float

    @abstractmethod
    def symbol(self, symbol: Symbol) -> Run: ...
    @abstractmethod
    def digits(self, text: str) -> Run: ...
    @abstractmethod
    def constant(self, name: str) -> Run:
        """One of infinity, pi, e."""

    @abstractmethod
    def foreign(self, value: sympy.Expr) -> Run:
        """A number that this toolkit has no notation for."""

    @abstractmethod
    def sign(self, negative: bool, *, leading: bool, breakable: bool = True) -> Token: ...
    @abstractmethod
    def relation(self, relation: str) -> Token: ...
    @abstractmethod
    def between_factors(self, left: Run, right: Run) -> Token: ...
    @abstractmethod
    def fence(self, inside: Run, kind: str = "(") -> Run:
        """``kind`` is ( [ | ‖ or ⌊."""

    @abstractmethod
    def fraction(self, above: Run, below: Run) -> Run: ...
    def is_fraction(self, run: Run) -> bool:
        """Whether this is one fraction whose line shows where it ends."""
        return False

    @abstractmethod
    def root(self, inside: Run) -> Run: ...
    @abstractmethod
    def raised(self, base: Run, exponent: Run) -> Run: ...
    @abstractmethod
    def exponential(self, exponent: Run) -> Run | None:
        """``e`` to the exponent; None where that is better written as a function."""

    @abstractmethod
    def gap(self) -> Token:
        """Between the name of a function and its argument without parentheses."""

    @abstractmethod
    def entry(self, symbol: Symbol, indices: Sequence[Run], *, compact: bool, hat: str = "") -> Run:
        """``hat`` is one of "", ``inverse``, ``transposed``, ``inverse transposed``."""

    @abstractmethod
    def at(self, value: Run, indices: Sequence[Run], *, compact: bool) -> Run:
        """An entry of a vector or matrix that is itself an expression."""

    @abstractmethod
    def total(self, letters: Sequence[Run]) -> Token:
        """The sum sign."""

    @abstractmethod
    def function(self, name: str, latex: str) -> Run: ...
    @abstractmethod
    def under(self, name: str, latex: str, letters: Sequence[Run]) -> Run:
        """The name of a function along axes, with the letters that it runs over."""

    @abstractmethod
    def cases(self, rows: Sequence[tuple[Run, Run]]) -> Run: ...
    @abstractmethod
    def stacked(self, rows: Sequence[Sequence[Run]]) -> Run:
        """Rows of matrices, one above the other."""

    @abstractmethod
    def partial(self, above: Run | None, below: Run) -> Run:
        """The derivative of ``above``; of what follows where that is None."""

    @abstractmethod
    def along(self) -> Run:
        """The operator of the derivative along a tangent."""

    @abstractmethod
    def slope(self, indices: Sequence[Run]) -> Run:
        """The operators of the partial derivatives by these entries of the argument."""

    @abstractmethod
    def remainder(self, index: Run, divisor: Run) -> Run: ...
    @abstractmethod
    def quotient(self, index: Run, divisor: Run, *, exact: bool) -> Run: ...
    @abstractmethod
    def divides(self, divisor: Run, index: Run) -> Run:
        """The bracket of exact divisibility."""

    def juxtaposed(self, runs: Sequence[Run]) -> Run:
        """Factors beside each other."""
        if len(runs) == 1:
            return runs[0]
        fenced = [self.fence(r) if r.level == ADD else r for r in runs]
        tokens: list[Token] = list(fenced[0].tokens)
        for left, right in itertools.pairwise(fenced):
            tokens.append(self.between_factors(left, right))
            tokens.extend(right.tokens)
        return Run(tuple(tokens), MUL, max(r.height for r in fenced), open=fenced[-1].open)

    def listed(self, runs: Sequence[Run]) -> Run:
        """Arguments with commas between them."""
        if len(runs) == 1:
            return runs[0]
        tokens = list(runs[0].tokens)
        for run in runs[1:]:
            tokens += [self.relation(","), *run.tokens]
        return Run(tuple(tokens), ADD, max(r.height for r in runs))

    def call(self, function: Run, argument: Run) -> Run:
        """A function and its argument in parentheses."""
        fenced = self.fence(argument)
        return Run((*function.tokens, *fenced.tokens), ATOM, fenced.height)
