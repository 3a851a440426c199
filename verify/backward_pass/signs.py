"""Hypotheses about the derivative of one entry: a term of it has the wrong sign, or an epsilon stands in it.

The three most important functions are ``term_of_wrong_sign``, ``by_itself`` (derivatives that are one number for each
entry) and ``simple`` (functions that a term may be a multiple of).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from verify.backward_pass.ingredients import leaves, named
from verify.backward_pass.subject import Array
from verify.backward_pass.suspect import Answer, Suspect

# Products of two of so many simple functions are tried.
MOST_FACTORS = 60

__all__ = ["beside_it", "beside_the_way_through", "elementary", "epsilon", "term_of_wrong_sign"]


def term_of_wrong_sign(s: Suspect) -> str | None:
    """The mean of B and J is much simpler than both: the other term has the wrong sign."""
    o = s.operators
    if o is not None and not o.same(o.claimed, o.true):
        mean = (o.claimed + o.true) / 2.0
        dense = min(np.count_nonzero(o.busy), np.count_nonzero(o.claimed_busy))
        left = np.abs(mean) > 1e-6 * o.size
        if 0 < np.count_nonzero(left) <= 0.6 * dense and np.any(o.busy.sum(axis=1) > 1):
            return "a term of the chain rule has the wrong sign: with the other alone backward would be much sparser"
    found = by_itself(s)
    return _sign_of_a_simple_term(s, *found) if found is not None else None


def by_itself(s: Suspect) -> tuple[Array, Array] | None:
    """True and claimed derivatives by entries where each entry has one number: of a scalar, or entry by entry."""
    if not s.whole or s.x.size < 4:
        return None
    if s.place.centre.size == 1:
        true, claimed = s.true.ravel() / s.place.u[0][0], s.claimed.ravel() / s.place.u[0][0]
    elif s.operators is not None and s.operators.diagonal:
        true, claimed = s.operators.true.sum(axis=0), s.operators.claimed.sum(axis=0)
    else:
        return None
    return (true, claimed) if np.all(true != 0) and np.all(claimed != 0) else None


def simple(s: Suspect) -> Iterator[tuple[str, Array]]:
    """Simple functions of an entry, of what stands beside it in outputs and other inputs, and of what was saved."""
    x = s.x.ravel()
    y = next((np.asarray(y, np.float64) for y in s.place.outputs if y.size == x.size), None)
    yield from elementary(x, x if y is None else y.ravel()).items()
    beside = [(name, value) for name, value in beside_it(s) if value.size == x.size]
    with np.errstate(all="ignore"):
        for name, value in beside:
            z = value.ravel()
            yield from (
                (name, z),
                (f"{name}²", z * z),
                (f"1 - {name}", 1.0 - z),
                (f"{name} (1 - {name})", z * (1.0 - z)),
                (f"1 - {name}²", 1.0 - z * z),
                (f"x {name}", x * z),
                (f"x/{name}", x / z),
                (f"{name}/x", z / x),
                (f"(1 - {name})/(1 - x)", (1.0 - z) / (1.0 - x)),
                (f"exp({name})", np.exp(z)),
                (f"x - {name}", x - z),
            )


def beside_it(s: Suspect) -> list[tuple[str, Array]]:
    """Other inputs, and arrays that forward saved, of the input's shape."""
    found = [
        (s.place.subject.names[k], np.asarray(other, np.float64))
        for k, other in enumerate(s.place.inputs)
        if k != s.found.position
        and isinstance(other, np.ndarray)
        and other.dtype.kind in "fiu"
        and other.shape == s.x.shape
    ]
    if s.place.subject.saved:
        for path, value in itertools.islice(leaves(s.place.passed.kept), 24):
            if value.shape == s.x.shape and value.dtype.kind == "f" and not np.array_equal(value, s.x):
                found.append((named(path), np.asarray(value, np.float64)))
    return found[:8]


def _proportional(one: Array, other: Array) -> bool:
    """Whether one is a multiple of the other."""
    if not np.all(np.isfinite(other)) or not np.all(np.isfinite(one)) or not np.any(other):
        return False
    c = (one @ other) / (other @ other)
    near = np.abs(one - c * other) <= 1e-6 * np.abs(c * other) + 1e-12 * np.max(np.abs(one))
    return bool(c != 0 and np.all(near))


def _sign_of_a_simple_term(s: Suspect, true: Array, claimed: Array) -> str | None:
    """The sum of both derivatives, their share of it, or the sum of their reciprocals, is a simple function."""
    total, apart = true + claimed, claimed - true
    if np.max(np.abs(total)) <= 1e-6 * np.max(np.abs(true)) or np.median(np.abs(apart) / np.abs(true)) < 1e-2:
        return None
    found = [(name, np.asarray(value, np.float64)) for name, value in simple(s) if np.all(np.isfinite(value))]
    if any(_proportional(claimed, value) for _, value in found):
        return None  # one term alone is left of several, or another function stands there
    for name, value in found:
        if _proportional(total, value) and not _proportional(true, value):
            return f"a term has the wrong sign: with the other, a multiple of {name} alone would be left of the sum"
    twice = _twice_a_product(apart, found[:MOST_FACTORS])
    if twice:
        return twice
    with np.errstate(all="ignore"):
        for name, value in found:
            if name != "a constant" and _proportional(apart / total, value):
                return f"a factor 1 + or - a multiple of {name} has the wrong sign in it"
        for over, numerator in found:
            if over not in ("a constant", "x", s.name) and over not in s.place.subject.names:
                continue
            for power in (1, 2):
                one, other = (numerator / true) ** power, (numerator / claimed) ** power
                both = np.minimum(np.abs(one), np.abs(other)) / np.maximum(np.abs(one), np.abs(other))
                if np.median(both) > 0.99 or np.max(both) < 1e-2:
                    continue
                if any(
                    _proportional(one + other, v) and not _proportional(one, v) and not _proportional(other, v)
                    for _, v in found
                ):
                    return "a term of a denominator has the wrong sign"
    return None


def _twice_a_product(apart: Array, found: list[tuple[str, Array]]) -> str | None:
    """The error is twice a product of simple functions, as it is where the product has the wrong sign."""
    with np.errstate(all="ignore"):
        for (one, f), (other, g) in itertools.combinations_with_replacement(found, 2):
            ratio = apart / (f * g)
            if np.all(np.abs(np.abs(ratio) - 2.0) <= 1e-6) and np.ptp(ratio) < 1.0:
                return f"the error is twice {one} times {other}: that term has the wrong sign"
    return None


def beside_the_way_through(s: Suspect) -> Answer:
    """B is J but where an entry goes straight to its output: a direct way is forgotten, or has the wrong sign."""
    o = s.operators
    if o is None or s.x.size < 4 or o.diagonal:
        return None
    error = np.where(o.differ, o.claimed - o.true, 0.0)
    straight = o.differ.sum(axis=0)
    if not np.all(straight == 1) or np.max(o.differ.sum(axis=1)) > 1:
        return None
    e = error.sum(axis=0)
    beside = [("the cotangent itself", np.ones(s.x.size))]
    for name, value in beside_it(s):
        beside += [(name, value.ravel()), (f"1 - {name}", 1.0 - value.ravel())]
    with np.errstate(all="ignore"):
        for name, value in beside:
            ratio = e / value
            if np.all(np.isfinite(ratio)) and np.ptp(ratio) <= 1e-5:
                c = float(np.mean(ratio))
                if abs(abs(c) - 2.0) < 1e-5:
                    return "sign", f"the direct way through ({name}) has the wrong sign"
                if abs(abs(c) - 1.0) < 1e-5:
                    return "path", f"the direct way through ({name}) is forgotten, or counted twice"
    return None


def epsilon(s: Suspect) -> str | None:
    """The derivatives' reciprocals, or those of their squares, differ by a constant: an epsilon in a denominator."""
    o = s.operators
    if s.place.centre.size == 1 and s.whole:
        at = s.wrong
        j, b = s.true[at], s.claimed[at]
    elif o is not None and o.diagonal:
        at = (o.true != 0) & (o.claimed != 0) & (o.busy | (np.count_nonzero(o.claimed) <= max(o.claimed.shape)))
        j, b = o.true[at], o.claimed[at]
    else:
        return None
    if len(j) < 4 or np.any(j * b <= 0):
        return None
    if s.place.centre.size == 1:
        j, b = np.abs(j), np.abs(b)
    with np.errstate(all="ignore"):
        for power, told in ((1.0, "a denominator"), (2.0, "the root in a denominator")):
            apart = b**-power - j**-power
            spread = np.ptp(apart)
            constant = np.all(np.isfinite(apart)) and spread <= 1e-2 * np.max(np.abs(apart))
            if constant and np.ptp(j) > 1e-3 * np.max(np.abs(j)):
                return f"an epsilon of {abs(np.median(apart)):.1g} (times a factor) is added in {told}, or left out"
    return None


def elementary(x: Array, y: Array) -> dict[str, Array]:
    """Simple functions of an input and an output, by name."""
    with np.errstate(all="ignore"):
        s = 1.0 / (1.0 + np.exp(-x))
        found: dict[str, Any] = {
            "a constant": np.ones_like(x), "x": x, "y": y, "x²": x * x, "y²": y * y, "1/x": 1.0 / x, "1/y": 1.0 / y,
            "exp(x)": np.exp(x), "sigmoid(x)": s, "tanh(x)": np.tanh(x), "1 - y": 1.0 - y, "1 - y²": 1.0 - y * y,
            "y (1 - y)": y * (1.0 - y), "y/x": y / x, "x sigmoid(x)": x * s, "x y": x * y,
            "sigmoid'(x)": s * (1.0 - s),
        }  # fmt: skip
    return {name: np.asarray(value) for name, value in found.items() if np.all(np.isfinite(value))}
