"""Every promise of every entry of the catalogue, checked.

The three functions are ``formulas`` (the entries in order), ``check_formula`` (the evidence for one) and ``status``
(what the evidence makes of it).
"""

from __future__ import annotations

from collections.abc import Iterator

from derive.derivation import Evidence
from derive.formula import Formula, catalogue, claims_of, formula
from verify.derivation import check_derivation
from verify.pairs import check_pair, pairs

__all__ = ["check_formula", "formulas", "status"]


def formulas() -> Iterator[Formula]:
    """The entries of the catalogue, group after group."""
    return map(formula, catalogue())


def check_formula(entry: Formula, seed: int = 0) -> Evidence:
    """The checks of every line, result and expected form of an entry, and of its results beside NumPy layers."""
    evidence = check_derivation(entry, seed=seed)
    for layer, pair in pairs(entry):
        for chain, check in check_pair(entry, layer, pair, seed).items():
            evidence = evidence.joined(chain, check)
    return evidence


def status(entry: Formula, evidence: Evidence) -> str:
    """What an entry is: ``stated`` (no line to check), ``checked``, ``wrong``, or ``derived`` (not all exercised)."""
    if not any(chain.steps for claim in claims_of(entry) for chain in claim.chains):
        return "stated"
    return {"holds": "checked", "fails": "wrong"}.get(evidence.outcome, "derived")
