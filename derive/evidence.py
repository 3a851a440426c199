"""The one door from ``derive`` to ``verify``: what leaves the toolkit is checked first.

Nothing else in ``derive`` asks ``verify`` for anything, and this asks only when a document or NumPy source is made.
The most important functions are ``evidence_for`` (of all that a document says) and ``code_check`` (of NumPy source).
"""

from __future__ import annotations

import contextlib
from weakref import WeakKeyDictionary

from derive.derivation import Check, Derivation, Evidence
from derive.errors import DerivationError, NotationError, WrongResultError
from derive.formula import Claim, Formula
from derive.reports import report

__all__ = ["code_check", "evidence_for"]


def evidence_for(subject: Derivation | Formula | Claim, *, seed: int = 0) -> Evidence:
    """The checks of everything that a document about ``subject`` says; those of a derivation are made once.

    Of a derivation from a NumPy function its NumPy source is checked too, where it has one.
    Raises: DerivationError when a check fails: a wrong result is not printed. Of a derivation from a NumPy function
    it is a WrongResultError, which holds a report to send.
    """
    if not isinstance(subject, Derivation):
        return _found(subject, seed)
    known = _EVIDENCE.setdefault(subject, {})
    if seed not in known:
        known[seed] = _found(subject, seed)
    return known[seed]


_EVIDENCE: WeakKeyDictionary[Derivation, dict[int, Evidence]] = WeakKeyDictionary()
_CODE: WeakKeyDictionary[Derivation, Check] = WeakKeyDictionary()


def _found(subject: Derivation | Formula | Claim, seed: int) -> Evidence:
    from verify.derivation import check_derivation

    evidence = check_derivation(subject, seed=seed)
    if isinstance(subject, Derivation) and subject.program.source is not None:
        # where an operation has no NumPy form, `numpy_source` says which
        with contextlib.suppress(NotationError):
            evidence = evidence.joined(subject.results[0], code_check(subject, seed=seed))
    if evidence.outcome == "fails":
        worst = next(check for check in evidence.all if check.outcome == "fails")
        message = f"a check of this derivation disagrees, so it is not printed: {worst.message}"
        if isinstance(subject, Derivation) and subject.program.source is not None:
            raise WrongResultError(message, report(subject, worst, seed))
        raise DerivationError(message)
    return evidence


def code_check(derivation: Derivation, *, seed: int = 0) -> Check:
    """How well the NumPy source of a derivation agrees with numerical derivatives; made once.

    Raises: WrongResultError when it disagrees, with a report to send; NotationError where there is no NumPy source.
    """
    if derivation not in _CODE:
        from verify.exported import check_exported

        check = check_exported(derivation, seed=seed)
        if check.outcome == "fails":
            raise WrongResultError(f"{check.message}; it is not handed out", report(derivation, check, seed))
        _CODE[derivation] = check
    return _CODE[derivation]
