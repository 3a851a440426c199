"""Hypotheses about a gradient as a whole: nothing, another sign, one factor, another cotangent or input.

The three most important functions are ``factor``, ``exchanged`` and ``ignores_cotangent``.
"""

from __future__ import annotations

import numpy as np

from verify.backward_pass.suspect import Suspect, sizes_equal_to

__all__ = [
    "depends_otherwise",
    "exchanged",
    "factor",
    "ignores_cotangent",
    "negative",
    "nothing",
    "out_of_nothing",
    "small",
    "unbiased",
    "unexplained",
]


def nothing(s: Suspect) -> str | None:
    """Zero throughout."""
    if not np.any(s.claimed[s.known]) and np.any(s.wrong):
        return "the gradient is zero throughout: it is not computed, or stopped"
    return None


def out_of_nothing(s: Suspect) -> str | None:
    """The true gradient is zero throughout, and the claimed one is not."""
    size = float(np.max(np.abs(s.claimed[s.known]), initial=0.0))
    if s.claimed.size > 1 and size > 0 and float(np.max(np.abs(s.true[s.known]), initial=0.0)) <= 1e-9 * size:
        return "the true gradient is zero throughout: terms that cancel are missing, or it is passed straight through"
    return None


def negative(s: Suspect) -> str | None:
    """The sign of everything."""
    return "the sign of the whole gradient is wrong" if s.matches(-s.true) else None


def ignores_cotangent(s: Suspect) -> str | None:
    """The same for every cotangent, or that for ones."""
    other = np.asarray(s.found.claimed["mixed"])
    size = float(np.max(np.abs(s.claimed[s.known]), initial=0.0))
    with np.errstate(all="ignore"):
        equal = bool(np.all(np.abs(other - s.claimed)[s.known] <= 1e-9 * size))
    apart = float(np.max(np.abs(s.place.u[0] - s.place.u[1]), initial=0.0))
    if size > 0 and equal and apart > 1e-3 * float(np.max(np.abs(s.place.u[0]), initial=0.0)):
        return "backward ignores d_output: it gives the same for another one"
    return None


def depends_otherwise(s: Suspect) -> str | None:
    """A function of the cotangent that is right for ones only."""
    if not s.has_jacobian:
        return None
    ones = s.found.jacobian.sum(axis=0).reshape(s.x.shape)
    for what, factor in (("mean", s.place.u[0].mean()), ("sum", s.place.u[0].sum())):
        if s.place.centre.size > 1 and s.matches(factor * ones):
            return f"backward uses only the {what} of d_output"
    if s.place.centre.size > 1 and s.matches(ones):
        return "backward takes d_output for ones"
    absolute = (np.abs(s.place.u[0]) @ s.found.jacobian).reshape(s.x.shape)
    if np.any(s.place.u[0] < 0) and s.matches(absolute):
        return "backward drops the sign of d_output"
    return None


def exchanged(s: Suspect) -> str | None:
    """It is another input's gradient."""
    for k, other in s.others.items():
        if k != s.found.position and np.shape(other.numerical["signed"]) == s.claimed.shape:
            theirs = np.asarray(other.numerical["signed"])
            if s.matches(theirs):
                return f"this is the gradient of {s.place.subject.names[k]}: gradients returned in another order"
            if s.claimed.ndim == 2 and s.claimed.shape[0] == s.claimed.shape[1] and s.matches(theirs.T):
                return f"this is the gradient of {s.place.subject.names[k]}, transposed"
    return None


def factor(s: Suspect) -> str | None:
    """One factor throughout."""
    at = s.known & (np.abs(s.true) > 1e-3 * np.max(np.abs(s.true[s.known]), initial=0.0))
    if not np.any(at):
        return None
    c = float(np.vdot(s.true[at], s.claimed[at]) / np.vdot(s.true[at], s.true[at]))
    if not np.isfinite(c) or c == 0 or abs(c - 1.0) < 1e-5 or not s.matches(c * s.true):
        return None
    if s.claimed.size == 1 and not sizes_equal_to(abs(c), s.sizes()):
        return None
    named = sizes_equal_to(abs(c), s.sizes())
    sign = " and of the wrong sign" if c < 0 else ""
    if np.count_nonzero(at) == 1 and s.claimed.size > 1 and not named:
        return None
    told = f"{abs(c):.6g} times too large{sign}" if abs(c) >= 1 else f"{1 / abs(c):.6g} times too small{sign}"
    return f"{told}: the factor is {named}" if named else told


def unbiased(s: Suspect) -> str | None:
    """A factor made of N and N - 1."""
    at = s.known & (np.abs(s.true) > 1e-3 * np.max(np.abs(s.true[s.known]), initial=0.0))
    if np.count_nonzero(at) < 2:
        return None
    c = float(np.vdot(s.true[at], s.claimed[at]) / np.vdot(s.true[at], s.true[at]))
    for what, n in s.sizes().items():
        for told, value in (("N/(N - 1)", n / (n - 1)), ("(N - 1)/N", (n - 1) / n)):
            for power, name in ((1.0, told), (0.5, f"√({told})")):
                if abs(c / value**power - 1.0) < 1e-5 and n > 2 and s.matches(c * s.true):
                    return f"the factor is {name} with N = {n:g}, {what}: biased and unbiased variance exchanged"
    return None


def small(s: Suspect) -> str | None:
    """Small errors in most entries."""
    if s.slight:
        size = float(np.max(np.abs(s.true[s.known])))
        worst = float(np.max(np.abs(s.error[s.known])))
        return f"off by up to {worst / size:.1e} of the gradient's largest entry: a constant is slightly wrong"
    return None


def unexplained(s: Suspect) -> str | None:
    """Nothing that was tried."""
    count, all_of_them = int(np.count_nonzero(s.wrong)), int(np.count_nonzero(s.known))
    if count == all_of_them:
        return "no single cause explains all entries; a term of the chain rule is missing or wrong"
    return "no single cause explains the entries that are wrong"
