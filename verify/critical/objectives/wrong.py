"""A derivative that is not what it claims to be: the exception, and its message.

Data
    ``Finding``          what is wrong, where, with both numbers, the bound and the likely cause.
    ``WrongDerivative``  the exception that carries one.

The most important function is ``Finding.message`` (what a person reads).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from verify.critical.objectives.functions import shown
from verify.critical.points import Array

__all__ = ["KINDS", "Finding", "WrongDerivative"]

KINDS: Mapping[str, str] = {
    "nothing": "it is 0 where the derivative is not",
    "sign": "the sign is wrong, everywhere or in some entries",
    "factor": "wrong by one factor everywhere",
    "missing": "entries, rows or columns are 0",
    "order": "entries stand in another order",
    "offset": "the same number too much everywhere",
    "penalty": "a multiple of x too much: the derivative of a penalty",
    "triangle": "one half of the matrix is missing, or the halves differ",
    "off-diagonal": "the entries off the diagonal are wrong by one factor, or missing",
    "diagonal": "the diagonal is wrong by one factor, or missing",
    "identity": "a multiple of the identity too much or too little",
    "outer product": "a multiple of the gradient's outer product too much, too little, or alone",
    "product rule": "a term with the gradient on the diagonal is missing",
    "constant": "it does not depend on x, but the derivative does",
    "inverse": "the inverse of the Hessian",
    "transposed": "a product with a matrix that is not symmetric",
    "Gauss-Newton": "a positive semidefinite part alone, as for sums of squares",
    "nonlinear": "the product is not linear in v",
    "precision": "right in the first digits only",
    "few": "wrong in few entries",
    "contradiction": "hvp and hessian say different things",
    "wrong": "wrong, and no cause that was tried explains it",
}
"""Kinds of mistakes, each in a few words; the first that survives its test is named."""


@dataclass(frozen=True, eq=False)
class Finding:
    """A claim that does not hold: of ``name`` (gradient, hessian, hvp) at ``x``.

    ``what`` says how widely; ``place`` names the worst entry; ``claimed`` and ``other`` are both numbers, the second
    with its ``bound`` and from where it is (``source``). ``kind`` is one of ``KINDS``, ``cause`` a sentence.
    """

    name: str
    what: str
    x: Array
    place: str
    claimed: float
    other: float
    bound: float
    kind: str
    cause: str
    source: str = "numerical"

    def message(self) -> str:
        """What, the worst place, both numbers, the bound, the likely cause, what to do."""
        rows = [
            ("worst entry", f"{self.place} at x = {shown(self.x)}"),
            (f"{self.name} gave", f"{self.claimed:+.9g}"),
            (self.source, f"{self.other:+.9g}   (± {self.bound:.2g})"),
            ("likely cause", self.cause),
            (
                "what to do",
                f"correct {self.name}, or leave it out: it is then made by differences, with known errors",
            ),
        ]
        width = max(len(label) for label, _ in rows) + 2
        return "\n".join([self.what, *(f"  {label:<{width}}{text}" for label, text in rows)])


class WrongDerivative(ValueError):
    """A gradient, Hessian or Hessian-vector product is wrong beyond the bounds of the numerical derivative."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message())
        self.finding = finding

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.finding,)
