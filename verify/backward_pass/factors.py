"""Hypotheses about factors that single entries or outputs have of their own.

The most important function is ``factors_of_their_own``.
"""

from __future__ import annotations

import numpy as np

from verify.backward_pass.operators import Matrix, Operators
from verify.backward_pass.suspect import Answer, Suspect, sizes_equal_to

__all__ = ["factors_of_their_own"]


def factors_of_their_own(s: Suspect) -> Answer:
    """Every entry of the gradient, or every output, has a factor of its own."""
    o = s.operators
    if o is None or o.same(o.claimed, o.true) or not np.any(o.busy):
        return None
    for what, claimed, true in (("entry", o.claimed.T, o.true.T), ("output", o.claimed, o.true)):
        found = _factors(s, o, what, claimed, true)
        if found:
            return found
    return None


def _factors(s: Suspect, o: Operators, what: str, claimed: Matrix, true: Matrix) -> Answer:
    busy = np.any(np.abs(true) > 1e-9 * o.size, axis=1)
    norm = (true**2).sum(axis=1)
    c = np.where(busy, (claimed * true).sum(axis=1) / np.where(busy, norm, 1.0), 1.0)
    if len(true) < 2 or not o.same(c[:, None] * true, claimed):
        return None
    off = (np.abs(c - 1.0) > 1e-4) & busy
    values = np.unique(np.round(c[busy], 5))
    count = (np.abs(true) > 1e-7 * o.size).sum(axis=1)
    evidence = bool(np.any(count[off] > 1))
    slight = bool(np.max(np.abs(c[busy] - 1.0)) < 2e-2)
    if np.all(np.isin(values, (-1.0, 1.0))) and np.any(off):
        return "sign", f"the sign is wrong for {np.count_nonzero(c < 0)} of {len(c)} {_plural(what)}"
    if np.all(np.isin(values, (0.0, 1.0))) and np.any(off):
        return "mask", f"{np.count_nonzero(off)} of {len(c)} {_plural(what)} are dropped"
    if not evidence:
        return None  # one number each: no evidence that it is a factor
    for power, told in ((-1.0, "divided by"), (1.0, "multiplied by")):
        if (
            np.any(count[busy] > 1)
            and np.ptp(count[busy])
            and np.all(np.abs(c - count**power)[busy] < 1e-4 * c[busy])
        ):
            kind = "accumulate" if what == "entry" else "scale"
            return kind, f"every {what} is {told} the number of contributions: repeated ones are averaged, or summed"
    if len(values) == 1:
        named = sizes_equal_to(abs(float(values[0])), s.sizes())
        return "scale", f"wrong by the factor {values[0]:.6g}" + (f": {named}" if named else "")
    if slight:
        return "stats", f"every {what} has a factor of its own near 1: another epsilon or variance"
    if np.count_nonzero(off) * 2 <= np.count_nonzero(busy) and len(values) > 2:
        return None
    return "scale", (
        f"every {what} has a factor of its own, from {c[busy].min():.3g} to {c[busy].max():.3g}: "
        "a division or a product is missing"
    )


def _plural(what: str) -> str:
    return "entries" if what == "entry" else f"{what}s"
