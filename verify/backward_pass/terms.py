"""Hypotheses about the terms of a sum: one is missing, has the wrong sign, or another coefficient.

The three most important functions are ``standardised`` (the terms of a normalisation), ``statistics`` and
``term_missing``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from verify.backward_pass.signs import beside_it
from verify.backward_pass.subject import Array
from verify.backward_pass.suspect import Answer, Suspect, sizes_equal_to

__all__ = ["standardised", "statistics", "term_missing"]

# Gradients of more entries are not taken apart into terms.
MOST_ENTRIES = 4096
# So many arrays may be terms, and so many together are taken for a gradient.
MOST_BASES = 9
MOST_TERMS = 3


def along_axes(s: Suspect) -> Iterator[tuple[tuple[int, ...], str]]:
    """Sets of axes along which a mean or a sum may have been forgotten, the smallest first."""
    axes = [axis for axis, size in enumerate(s.claimed.shape) if size > 1]
    for count in range(1, len(axes) + 1):
        for several in itertools.combinations(axes, count):
            yield several, " and ".join(map(str, several))


def statistics(s: Suspect) -> str | None:
    """The error is a small share of a standardised entry, or each group has a factor of its own, near 1."""
    if not s.whole or s.claimed.size < 6 or not s.slight:
        return None
    for several, told in along_axes(s):
        group = int(np.prod([s.claimed.shape[a] for a in several]))
        if group < 3 or (group == s.claimed.size and s.claimed.ndim > 1 and len(several) < s.claimed.ndim):
            continue
        with np.errstate(all="ignore"):
            c = (s.true * s.claimed).sum(several, keepdims=True) / (s.true**2).sum(several, keepdims=True)
        if np.all(np.isfinite(c)) and np.ptp(c) > 1e-9 and s.matches_well(c * s.true):
            return f"each group along axis {told} has a factor of its own near 1: another epsilon or variance"
        deviation = s.x - s.x.mean(several, keepdims=True)
        with np.errstate(all="ignore"):
            share = (deviation * s.error).sum(several, keepdims=True) / (deviation**2).sum(several, keepdims=True)
        if np.all(np.isfinite(share)) and s.explains_error(share * deviation):
            return f"the error follows the deviation from the mean along axis {told}: another variance"
    return None


def term_missing(s: Suspect) -> str | None:
    """The error is a constant along axes, or a multiple of the input, the output or a deviation there."""
    if not s.whole or s.claimed.size < 3:
        return None
    shapes = [("a constant", np.ones(s.x.shape)), (f"a multiple of {s.name}", s.x)]
    shapes += [
        ("a multiple of the output", np.asarray(y, np.float64)) for y in s.place.outputs if y.shape == s.x.shape
    ]
    others = [
        (f"a multiple of {s.place.subject.names[k]}", np.asarray(other, np.float64))
        for k, other in enumerate(s.place.inputs)
        if k != s.found.position
        and isinstance(other, np.ndarray)
        and other.dtype.kind == "f"
        and other.shape == s.x.shape
    ]
    for several, told in along_axes(s):
        group = int(np.prod([s.claimed.shape[a] for a in several]))
        if group < 3:
            continue
        for name, basis in (*shapes, *others):
            with np.errstate(all="ignore"):
                c = (basis * s.error).sum(several, keepdims=True) / (basis**2).sum(several, keepdims=True)
            if np.all(np.isfinite(c)) and s.explains_error(c * basis):
                return (
                    f"what is missing is {name} along axis {told}: a term of the chain rule, such as that through a "
                    "mean or a sum"
                )
        deviation = s.x - s.x.mean(several, keepdims=True)
        fitted = _fitted(s.error, [np.ones(s.x.shape), deviation], several)
        if group > 4 and fitted is not None and s.explains_error(fitted):
            return (
                f"what is missing is a mean and a multiple of the deviation along axis {told}: "
                "the terms through mean and variance"
            )
    return None


def _fitted(error: Array, basis: Sequence[Array], axes: tuple[int, ...]) -> Array | None:
    """The best combination of arrays with coefficients of their own for every group along axes."""
    rest = [a for a in range(error.ndim) if a not in axes]
    order = [*rest, *axes]

    def grouped(array: Array) -> Array:
        moved = np.transpose(array, order)
        return moved.reshape(int(np.prod(moved.shape[: len(rest)], dtype=int)), -1)

    target, columns = grouped(error), [grouped(one) for one in basis]
    fitted = np.zeros_like(target)
    for row in range(len(target)):
        matrix = np.stack([column[row] for column in columns], axis=1)
        coefficients, *_ = np.linalg.lstsq(matrix, target[row], rcond=None)
        fitted[row] = matrix @ coefficients
    shape = [error.shape[a] for a in order]
    return np.asarray(np.transpose(fitted.reshape(shape), np.argsort(order)))


def bases(s: Suspect) -> list[tuple[str, Array]]:
    """What a term may be a multiple of, in the input's shape."""
    shape = s.x.shape
    found: list[tuple[str, Array]] = [("a constant", np.ones(shape)), (s.name, s.x)]
    start = 0
    for y in s.place.outputs:
        if y.shape == shape:
            u = s.place.u[0][start : start + y.size].reshape(shape)
            found.append(("d_output", u))
            for k, p in enumerate(s.place.inputs):
                if k == s.found.position or not isinstance(p, np.ndarray) or p.dtype.kind != "f" or not p.ndim:
                    continue
                if p.shape != shape and _broadcasts(p.shape, shape):
                    found.append((f"d_output times {s.place.subject.names[k]}", u * p))
            found.append(("the output", np.asarray(y, np.float64)))
        start += y.size
    for k, a in enumerate(s.place.inputs):
        square = isinstance(a, np.ndarray) and a.dtype.kind == "f" and a.ndim == 2 and a.shape[0] == a.shape[1]
        if square and k != s.found.position and len(shape) == 2 and a.shape[0] == shape[-1]:
            name = s.place.subject.names[k]
            found += [(f"{s.name} {name}", s.x @ a), (f"{s.name} {name} transposed", s.x @ a.T)]
    return [*found, *beside_it(s)][:MOST_BASES]


def _broadcasts(one: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether an array of one shape is spread over another."""
    pairs = list(zip(one[::-1], shape[::-1], strict=False))
    return len(one) <= len(shape) and all(a in (1, b) for a, b in pairs)


def standardised(s: Suspect) -> Answer:
    """Both gradients are sums of the same terms along axes, with other coefficients for some of them."""
    if not s.whole or not 4 <= s.claimed.size <= MOST_ENTRIES:
        return None
    known = bases(s)
    for several, along in along_axes(s):
        group = int(np.prod([s.claimed.shape[a] for a in several]))
        for count in range(1, MOST_TERMS + 1):
            if (group - count) * (s.claimed.size // group) < 3 or group <= count:
                continue
            for terms in itertools.combinations(known, count):
                names = [name for name, _ in terms]
                for deviation in (False, True) if s.name in names and "a constant" in names else (False,):
                    said = _compared(s, several, along, terms, group, deviation)
                    if said:
                        return said
    return None


def _grouped(array: Array, axes: tuple[int, ...]) -> Array:
    """One row for every group along axes."""
    rest = [a for a in range(array.ndim) if a not in axes]
    moved = np.transpose(array, [*rest, *axes])
    return np.asarray(moved.reshape(int(np.prod(moved.shape[: len(rest)], dtype=int)), -1))


def _compared(
    s: Suspect, axes: tuple[int, ...], along: str, terms: Sequence[tuple[str, Array]], group: int, deviation: bool
) -> Answer:
    """What the coefficients of these terms in both gradients say, where both are sums of them."""
    columns = [_grouped(one, axes) for _, one in terms]
    if deviation:
        columns = [
            x - x.mean(axis=1, keepdims=True) if name == s.name else x
            for (name, _), x in zip(terms, columns, strict=True)
        ]
    matrix = np.stack(columns, axis=2)
    size = float(np.max(np.abs(s.true), initial=0.0))
    near = min(1e-6 * size, 1e-2 * float(np.max(np.abs(s.error)))) + 4.0 * s.doubt
    if not np.all(np.isfinite(matrix)) or not _fits(matrix[0], _grouped(s.true, axes)[0], near):
        return None
    scale = np.sqrt((matrix**2).sum(axis=1, keepdims=True))
    if not np.all(scale > 0):
        return None
    inverse = np.linalg.pinv(matrix / scale, rcond=1e-9)
    coefficients = []
    for gradient in (s.true, s.claimed):
        target = _grouped(gradient, axes)
        c = np.einsum("gtn,gn->gt", inverse, target)
        left = target - np.einsum("gnt,gt->gn", matrix / scale, c)
        if float(np.max(np.abs(left))) > near:
            return None
        coefficients.append(c)
    true, claimed = coefficients
    small = 1e-6 * np.max(np.abs(true))
    ratios: list[float | None] = []
    for t in range(len(terms)):
        at = np.abs(true[:, t]) > small
        if not np.any(at):
            ratios.append(None)  # no such term
            continue
        r = claimed[at, t] / true[at, t]
        ratios.append(float(np.median(r)) if np.ptp(r) <= 1e-4 * max(np.max(np.abs(r)), 1.0) else np.nan)
    return _told(s, terms, ratios, claimed / scale[:, 0, :], small, along, group, axes if deviation else None)


def _fits(matrix: Array, target: Array, near: float) -> bool:
    """Whether numbers are a combination of columns."""
    coefficients, *_ = np.linalg.lstsq(matrix, target, rcond=None)
    return bool(np.max(np.abs(target - matrix @ coefficients)) <= near)


def _told(
    s: Suspect,
    terms: Sequence[tuple[str, Array]],
    ratios: Sequence[float | None],
    claimed: Array,
    small: float,
    along: str,
    group: int,
    several: tuple[int, ...] | None,
) -> Answer:
    """What the coefficients of the terms, relative to the true ones, say."""
    if not any(r is not None and abs(r - 1.0) < 1e-4 for r in ratios):
        return None  # no term that is right to compare with
    for (name, _), r, c in zip(terms, ratios, claimed.T, strict=True):
        if r is None:
            if np.any(np.abs(c) > 1e3 * small):
                other = (
                    _other_mean(s, several, c, claimed.T[[t[0] for t in terms].index(s.name)])
                    if several is not None and name == "a constant"
                    else None
                )
                if other:
                    return "axis", f"the mean of {s.name} is taken along axis {other} in place of {along}"
                return "path", f"a multiple of {name} along axis {along} is not taken off: a term of the chain rule"
            continue
        if np.isnan(r):
            return None
        if abs(r - 1.0) < 1e-4:
            continue
        term = f"the term with {name} along axis {along}"
        if abs(r) < 1e-4:
            return "path", f"{term} is missing: that through a mean, a sum or a variance"
        if abs(r + 1.0) < 1e-4:
            return "sign", f"{term} has the wrong sign"
        for n in (
            group,
            *(int(n) for n in s.sizes().values()),
            *(n for n in range(3, s.x.size) if s.x.size % n == 0),
        ):
            for told, value in (("N/(N - 1)", n / (n - 1)), ("(N - 1)/N", (n - 1) / n)):
                if n > 2 and abs(r / value - 1.0) < 1e-4:
                    return "stats", f"{term} has the factor {told} with N = {n}: biased and unbiased exchanged"
        named = sizes_equal_to(abs(r), s.sizes())
        return "scale", f"{term} has the factor {r:.6g}" + (f": {named}" if named else "")
    return None


def _other_mean(s: Suspect, axes: tuple[int, ...], constant: Array, slope: Array) -> str | None:
    """The axes along which a mean was taken, where constants are what another mean leaves of the deviation."""
    mean = _grouped(s.x, axes).mean(axis=1)
    for other, told in along_axes(s):
        if other != axes:
            theirs = _grouped(np.broadcast_to(s.x.mean(other, keepdims=True), s.x.shape), axes)
            if np.ptp(theirs, axis=1).max() <= 1e-9 * np.max(np.abs(s.x)):
                left = slope * (mean - theirs[:, 0]) - constant
                if np.max(np.abs(left)) <= 1e-5 * np.max(np.abs(constant)):
                    return told
    return None
