"""Hypotheses about factors that single entries or outputs have of their own.

The most important function is ``factors_of_their_own``.
"""

from __future__ import annotations

import numpy as np

from verify.backward_pass.operators import Matrix, Operators
from verify.backward_pass.suspect import Answer, Suspect, sizes_equal_to

__all__ = ["averaged", "factors_of_their_own"]


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
    kept = np.abs(c[busy]) > 1e-9
    if np.all(~kept | (np.abs(c[busy] - 1.0) < 1e-5)) and np.any(off):
        return "mask", f"{np.count_nonzero(off)} of {len(c)} {_plural(what)} are dropped"
    if not evidence:
        return None  # one number each: no evidence that it is a factor
    if len(values) == 1:
        named = sizes_equal_to(abs(float(values[0])), s.sizes())
        return "scale", f"wrong by the factor {values[0]:.6g}" + (f": {named}" if named else "")
    if slight:
        return "stats", f"every {what} has a factor of its own near 1: another epsilon or variance"
    if what == "output" and not np.all(off[busy]) and not np.any(off):
        return None
    if what == "output":
        slope = _slope(s, c, busy)
        if slope:
            return slope
    return "scale", (
        f"every {what} has a factor of its own, from {c[busy].min():.3g} to {c[busy].max():.3g}: "
        "a division or a product is missing"
    )


def _slope(s: Suspect, c: Matrix, busy: Matrix) -> Answer:
    """Which derivative of an activation, in terms of its output, is forgotten or has the wrong sign in it."""
    y = s.place.centre
    if len(c) != len(y) or np.count_nonzero(busy) < 3:
        return None
    with np.errstate(all="ignore"):
        for told, value in (("1 - y²", 1 - y * y), ("y (1 - y)", y * (1 - y)), ("1 - exp(-y)", 1 - np.exp(-y))):
            if np.all(np.abs(c * value - 1.0)[busy] < 1e-4):
                return "path", f"the derivative {told} of the activation that gives the output y is forgotten"
        share = (c - 1.0) / (c + 1.0)
        for told, value in (("y²", y * y), ("y", y)):
            if np.all(np.abs(share - value)[busy] < 1e-4 * np.max(np.abs(value))):
                return "sign", f"1 + {told} stands for 1 - {told} in the derivative of the activation"
    return None


def averaged(s: Suspect) -> Answer:
    """Every entry, or every output, is divided or multiplied by the number of its contributions."""
    o = s.operators
    if o is None or not np.any(o.differ):
        return None
    for what, claimed, true in (("entry", o.claimed.T, o.true.T), ("output", o.claimed, o.true)):
        count = (np.abs(true) > 1e-7 * o.size).sum(axis=1)
        busy = count > 0
        if len(np.unique(count[busy])) < 2:
            continue
        for power, told in ((-1.0, "divided"), (1.0, "multiplied")):
            factor = np.where(busy, np.where(busy, count, 1.0) ** power, 1.0)
            if o.same(factor[:, None] * true, claimed):
                kind = "accumulate" if what == "entry" else "scale"
                return kind, f"every {what} is {told} by the number of its contributions: averaged, or not"
    return None


def _plural(what: str) -> str:
    return "entries" if what == "entry" else f"{what}s"
