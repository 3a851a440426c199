"""The one door from ``derive`` to ``verify``: what is printed is checked first.

Nothing else in ``derive`` asks ``verify`` for anything, and this asks only when a document is made.
"""

from __future__ import annotations

from derive.derivation import Derivation, Evidence
from derive.errors import DerivationError
from derive.formula import Claim, Formula

__all__ = ["evidence_for"]


def evidence_for(subject: Derivation | Formula | Claim, *, seed: int = 0) -> Evidence:
    """The checks of everything that a document about ``subject`` says.

    Raises: DerivationError when a check fails: a wrong result is not printed.
    """
    from verify.derivation import check_derivation

    evidence = check_derivation(subject, seed=seed)
    if evidence.outcome == "fails":
        worst = next(check for check in evidence.all if check.outcome == "fails")
        raise DerivationError(f"a check of this derivation disagrees, so it is not printed: {worst.message}")
    return evidence
