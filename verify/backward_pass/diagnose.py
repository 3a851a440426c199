"""Why a gradient is wrong: hypotheses, each tested against the numbers, the most specific first.

Every hypothesis is a function of a ``Suspect`` that returns a sentence when the numbers bear it out, and None
otherwise; ``HYPOTHESES`` lists them with the kind of mistake that each of them names, in the order of trial.

Data
    ``Suspect``  a wrong gradient: what backward claimed, what differences gave, the Jacobian, inputs and outputs.

The three most important functions are ``cause`` (the first hypothesis that survives), ``Suspect.matches`` (whether
other numbers would explain what was claimed) and ``sizes_equal_to`` (which size a factor is).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from verify.backward_pass.counterfactual import right_instead
from verify.backward_pass.entries import Entries
from verify.backward_pass.operators import (
    Operators,
    elementary,
    exchanged_axes,
    factors,
    leak,
    one_axis_only,
    operators,
    output_order,
    sign_of_a_term,
)
from verify.backward_pass.place import Place
from verify.backward_pass.subject import Array

__all__ = ["HYPOTHESES", "Suspect", "cause", "sizes_equal_to"]

# Numbers that agree so well, relative to the largest, are the same number.
SAME = 1e-6
# Relative errors below this are small ones.
SLIGHT = 2e-2


@dataclass(frozen=True)
class Suspect:
    """A gradient that is wrong at a place; ``others`` are the entries of all inputs that were looked at."""

    place: Place
    found: Entries
    others: Mapping[int, Entries]

    @property
    def name(self) -> str:
        return self.place.subject.names[self.found.position]

    @cached_property
    def claimed(self) -> Array:
        """What backward gave for the ordinary cotangent."""
        return np.asarray(self.found.claimed["signed"])

    @cached_property
    def true(self) -> Array:
        """What differences gave."""
        return np.asarray(self.found.numerical["signed"])

    @cached_property
    def known(self) -> Array:
        """The entries for which both are known."""
        return np.isfinite(self.true) & np.isfinite(self.claimed) & np.isfinite(self.found.allowed["signed"])

    @cached_property
    def whole(self) -> bool:
        """Whether all are."""
        return bool(np.all(self.known))

    @cached_property
    def wrong(self) -> Array:
        """The entries that disagree."""
        return self.found.wrong() & self.known

    @cached_property
    def allowed(self) -> Array:
        """How far numbers may be apart and be the same."""
        size = float(np.max(np.abs(self.true[self.known]), initial=0.0))
        return np.where(self.known, self.found.allowed["signed"], 0.0) + SAME * size

    @cached_property
    def doubt(self) -> float:
        """How far the numbers may be off at most."""
        return float(np.max(self.found.allowed["signed"][self.known], initial=0.0))

    @cached_property
    def operators(self) -> Operators | None:
        """Backward as a matrix beside the Jacobian."""
        return operators(self.place, self.found)

    @cached_property
    def error(self) -> Array:
        """Claimed less true."""
        return np.where(self.known, self.claimed - self.true, 0.0)

    @cached_property
    def x(self) -> Array:
        """The input itself."""
        return np.asarray(self.place.inputs[self.found.position], np.float64)

    @cached_property
    def terms(self) -> Array:
        """Every output's contribution to every entry: (m, n)."""
        with np.errstate(all="ignore"):
            return np.asarray(self.place.u[0][:, None] * self.found.jacobian)

    def matches(self, other: Array, where: Array | None = None) -> bool:
        """Whether numbers explain what was claimed, at all known entries or at these."""
        if np.shape(other) != self.claimed.shape:
            return False
        at = self.known if where is None else self.known & where
        if not np.any(at):
            return False
        with np.errstate(all="ignore"):
            left = np.abs(self.claimed - other)
        near = bool(np.all((left <= self.allowed)[at]))
        return near and float(np.max(left[at])) <= 0.01 * float(np.max(np.abs(self.error[at]))) + self.doubt

    def matches_well(self, other: Array) -> bool:
        """Whether numbers explain what was claimed far better than the true gradient does."""
        left = float(np.max(np.abs(self.claimed - other)[self.known], initial=0.0))
        return self.explained(left)

    def explains_error(self, other: Array) -> bool:
        """Whether numbers are the error, but for rounding and a thousandth of it."""
        return self.explained(float(np.max(np.abs(self.error - other)[self.known], initial=0.0)))

    def explained(self, left: float) -> bool:
        """Whether so much that is left of the error is nothing beside it."""
        error = float(np.max(np.abs(self.error[self.known]), initial=0.0))
        return left <= 1e-3 * error + self.doubt and error > 10.0 * self.doubt

    def sizes(self) -> dict[str, float]:
        """Sizes of axes of inputs and outputs, by what they are."""
        found: dict[str, float] = {}
        for what, array in (
            *zip(self.place.subject.names, self.place.inputs, strict=True),
            *(("the output", y) for y in self.place.outputs),
        ):
            for axis, size in enumerate(np.shape(array)):
                if size > 1:
                    found.setdefault(f"the size of axis {axis} of {what}", float(size))
            if np.ndim(array) > 1 and np.size(array) > 1:
                found.setdefault(f"the number of entries of {what}", float(np.size(array)))
        return found


def sizes_equal_to(factor: float, sizes: Mapping[str, float]) -> str:
    """Which size, root or ratio of sizes a factor equals, in words; empty where none."""
    for shown, expression in (
        ("{n:g}", lambda n: n),
        ("1/{n:g}", lambda n: 1 / n),
        ("√{n:g}", lambda n: n**0.5),
        ("1/√{n:g}", lambda n: n**-0.5),
    ):
        for what, n in sizes.items():
            if abs(factor / expression(n) - 1.0) < 1e-5:
                return f"{shown.format(n=n)}, {what} being {n:g}"
    for number in (2.0, 0.5, 3.0, 4.0, 0.25, 1 / 3):
        if abs(factor / number - 1.0) < 1e-5:
            return f"{number:.3g}"
    return ""


# ------------------------------------------------------------------------------------------------------- hypotheses


def nothing(s: Suspect) -> str | None:
    """Zero throughout."""
    if not np.any(s.claimed[s.known]) and np.any(s.wrong):
        return "the gradient is zero throughout: it is not computed, or stopped"
    return None


def ignores_cotangent(s: Suspect) -> str | None:
    """The same for every cotangent, or that for ones."""
    if np.any(s.claimed[s.known]) and s.matches(np.asarray(s.found.claimed["mixed"])):
        return "backward ignores d_output: it gives the same for another one"
    return None


def depends_otherwise(s: Suspect) -> str | None:
    """A function of the cotangent that is right for ones only."""
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


def blocks_exchanged(s: Suspect) -> str | None:
    """Equal parts of an axis in another order."""
    if not s.whole:
        return None
    for axis, size in enumerate(s.claimed.shape):
        for parts in (4, 3, 2):
            if size % parts or size <= parts:
                continue
            blocks = np.split(s.true, parts, axis)
            for order in itertools.permutations(range(parts)):
                if order != tuple(range(parts)) and s.matches(np.concatenate([blocks[i] for i in order], axis)):
                    return f"the {parts} parts of axis {axis} (gates) are in the order {[i + 1 for i in order]}"
    return None


def negative(s: Suspect) -> str | None:
    """The sign of everything."""
    return "the sign of the whole gradient is wrong" if s.matches(-s.true) else None


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
    if abs(c) >= 1:
        told = f"{abs(c):.6g} times too large{sign}"
    else:
        told = f"{1 / abs(c):.6g} times too small{sign}"
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


def transposed(s: Suspect) -> str | None:
    """Axes in another order."""
    if s.claimed.ndim < 2 or not s.whole:
        return None
    for order in itertools.permutations(range(s.claimed.ndim)):
        if order == tuple(range(s.claimed.ndim)):
            continue
        moved = np.transpose(s.true, order)
        if moved.shape == s.claimed.shape and s.matches(moved):
            return f"the gradient is transposed: its axes are in the order {list(order)}"
        if moved.size == s.claimed.size and s.matches(moved.reshape(s.claimed.shape)):
            return "the gradient is transposed, then reshaped: use a transpose instead of reshape, or both"
    return None


def cotangent_transposed(s: Suspect) -> str | None:
    """Right for the cotangent with two axes exchanged, or read in Fortran order."""
    start = 0
    for y in s.place.outputs:
        size = y.size
        u, rest = s.place.u[0][start : start + size].reshape(y.shape), s.place.u[0].copy()
        for one, other in itertools.combinations(range(y.ndim), 2):
            swapped = np.swapaxes(u, one, other)
            if y.shape[one] == y.shape[other] or swapped.size == u.size:
                rest[start : start + size] = swapped.ravel()
                if np.any(swapped.ravel() != u.ravel()) and s.matches((rest @ s.found.jacobian).reshape(s.x.shape)):
                    return f"d_output is read with its axes {one} and {other} exchanged: summed over the wrong axis"
        start += size
    return None


def overwritten(s: Suspect) -> str | None:
    """Only one contribution to every entry: the last, the first, or those at one end of an axis of the output."""
    with np.errstate(all="ignore"):
        terms = np.nan_to_num(s.terms)
    start = 0
    for y in s.place.outputs:
        part = terms[start : start + y.size].reshape(*y.shape, -1)
        for axis, size in enumerate(y.shape):
            if size < 2:
                continue
            for what, index in (("last", size - 1), ("first", 0)):
                rest = terms.sum(axis=0) - part.reshape(y.size, -1).sum(axis=0)
                taken = np.take(part, index, axis).reshape(y.size // size, -1).sum(axis=0) + rest
                if s.matches(taken.reshape(s.x.shape)):
                    return f"only the {what} of {size} contributions along axis {axis} of the output counts: `=` for `+=`?"
        start += y.size
    busy = np.abs(terms) > 1e-9 * np.max(np.abs(terms), initial=0.0)
    several = busy.sum(axis=0) > 1
    if np.any(several & s.wrong.ravel()):
        columns = np.arange(terms.shape[1])
        for what, row in (
            ("last", len(terms) - 1 - np.argmax(busy[::-1], axis=0)),
            ("first", np.argmax(busy, axis=0)),
        ):
            if s.matches(terms[row, columns].reshape(s.x.shape)):
                return f"only the {what} contribution to every entry counts: `=` for `+=` at repeated indices?"
    return None


def shifted(s: Suspect) -> str | None:
    """Moved by one or two along an axis, or read backwards."""
    if not s.whole or s.claimed.size < 3:
        return None
    axes = [axis for axis, size in enumerate(s.claimed.shape) if size > 1]
    for count in (1, 2):
        for several in itertools.combinations(axes, count):
            if s.matches(np.flip(s.true, several)) and not np.allclose(np.flip(s.true, several), s.true):
                return f"the gradient is flipped along axis {' and '.join(map(str, several))}"
    for axis in axes:
        size = s.claimed.shape[axis]
        for by in (1, -1, 2, -2):
            if abs(by) >= size:
                continue
            moved = np.roll(s.true, by, axis)
            inside = np.zeros(size, bool)
            inside[max(by, 0) : size + min(by, 0)] = True
            where = np.broadcast_to(
                inside.reshape([-1 if a == axis else 1 for a in range(s.claimed.ndim)]), s.claimed.shape
            )
            varied = np.any(np.abs(moved - s.true)[where] > 1e-3 * np.max(np.abs(s.true)))
            if varied and np.count_nonzero(where) > 1 and s.matches(moved, where):
                return (
                    f"the gradient is shifted by {by} along axis {axis}: an index, padding or stride off by {abs(by)}"
                )
    return None


def equal_entries(s: Suspect) -> str | None:
    """Wrong exactly where the input has the same value several times."""
    values, inverse, counts = np.unique(s.x, return_inverse=True, return_counts=True)
    tied = (counts[inverse.reshape(s.x.shape)] > 1) & s.known
    tied &= s.x != 0
    if np.any(tied) and np.any(~tied & s.known) and np.all(tied[s.wrong]):
        return f"wrong only among entries of {s.name} that are equal"
    return None


def masked(s: Suspect) -> str | None:
    """Zero where it must pass, or passes where it must be zero, and right elsewhere."""
    if not np.any(s.wrong):
        return None
    size = np.max(np.abs(s.true[s.known]), initial=0.0)
    dead = np.abs(s.true) <= 1e-9 * size
    blocked = np.abs(s.claimed) <= 1e-9 * size
    if np.all((dead | blocked)[s.wrong]):
        many = int(np.count_nonzero(s.wrong))
        if np.all(s.wrong | ~s.known) and (np.all(dead[s.wrong]) or np.all(blocked[s.wrong])):
            return None
        if np.all(dead[s.wrong]):
            told = f"not zero in {many} entries where it must be"
        elif np.all(blocked[s.wrong]):
            told = f"zero in {many} entries where it must pass"
        else:
            told = f"passes and blocks the wrong entries ({many} of them)"
        region = described(s)
        return f"the mask is wrong: {told}" + (f" ({region})" if region else "")
    return None


def single(s: Suspect) -> str | None:
    """Errors of the size of rounding in float32, or numbers that float32 holds exactly."""
    size = float(np.max(np.abs(s.true[s.known]), initial=0.0))
    claimed = np.asarray(s.found.claimed["mixed"])
    claimed = claimed[np.isfinite(claimed) & (claimed != 0)]
    with np.errstate(over="ignore"):
        exact = claimed.size > 0 and bool(np.all(claimed.astype(np.float32) == claimed))
    error = float(np.max(np.abs(s.error[s.known]), initial=0.0))
    if error > 1e-3 * size:
        return None
    if exact:
        return "all numbers are those of float32: backward computes in single precision"
    typical = float(np.median(np.abs(s.error[s.known])))
    if error < 3e-6 * size and typical > 0 and float(np.abs(s.error[s.known].mean())) < 2.0 * typical:
        return "errors are of the size of float32's rounding: a part is computed in single precision"
    return None


def few(s: Suspect) -> str | None:
    """Wrong in few entries."""
    count, all_of_them = int(np.count_nonzero(s.wrong)), int(np.count_nonzero(s.known))
    if count > 1 and slightly(s) and _whole_lines(s) is None:
        return None
    if all_of_them < 4 or count > max(1, all_of_them // 4):
        lines = _whole_lines(s)
        if lines is None or all_of_them < 4:
            return None
        return lines
    lines = _whole_lines(s)
    places = [f"{s.name}{list(map(int, entry))}" for entry in np.argwhere(s.wrong)[:3]]
    more = f" and {count - 3} more" if count > 3 else ""
    return lines or f"wrong in {count} of {all_of_them} entries only: {', '.join(places)}{more}"


def _whole_lines(s: Suspect) -> str | None:
    """Wrong in exactly one index, or the ends, of an axis."""
    for axis, size in enumerate(s.wrong.shape):
        if size < 3:
            continue
        rest = tuple(a for a in range(s.wrong.ndim) if a != axis)
        hit = np.flatnonzero(np.any(s.wrong, axis=rest))
        if len(hit) == 1:
            end = " (the last)" if hit[0] == size - 1 else " (the first)" if hit[0] == 0 else ""
            return f"wrong only at index {hit[0]}{end} of axis {axis}"
        if size > 4 and list(hit) == [0, size - 1]:
            return f"wrong only at both ends of axis {axis}"
    return None


def described(s: Suspect) -> str | None:
    """Which entries are wrong, by the values of the input there."""
    wrong, right = s.x[s.wrong], s.x[s.known & ~s.wrong]
    if not wrong.size or not right.size:
        return None
    if wrong.max() < right.min():
        between = _between(wrong.max(), right.min())
        return f"where {s.name} < {between:.3g}"
    if wrong.min() > right.max():
        between = _between(right.max(), wrong.min())
        return f"where {s.name} > {between:.3g}"
    size, other = np.abs(wrong), np.abs(right)
    if size.min() > other.max():
        return f"where |{s.name}| > {_between(other.max(), size.min()):.3g}"
    if size.max() < other.min():
        return f"where |{s.name}| < {_between(size.max(), other.min()):.3g}"
    return None


def _between(low: float, high: float) -> float:
    """The roundest number between two."""
    for digits in range(-3, 8):
        rounded = float(np.round((low + high) / 2.0, digits))
        if low < rounded < high or (digits == -3 and low < 0 < high):
            return rounded if low < rounded < high else 0.0
    return (low + high) / 2.0


def in_a_region(s: Suspect) -> str | None:
    """Wrong where the input lies in a half-line or an interval, and right elsewhere."""
    told = described(s)
    if told and np.count_nonzero(s.wrong) > 1 and np.count_nonzero(s.known & ~s.wrong) > 1:
        return f"wrong only {told}"
    return None


def slightly(s: Suspect) -> bool:
    """Whether all errors are small beside the gradient."""
    size = float(np.max(np.abs(s.true[s.known]), initial=0.0))
    return float(np.max(np.abs(s.error[s.known]), initial=0.0)) <= SLIGHT * size


def along_axes(s: Suspect) -> Iterator[tuple[tuple[int, ...], str]]:
    """Sets of axes along which a mean or a sum may have been forgotten, the smallest first."""
    axes = [axis for axis, size in enumerate(s.claimed.shape) if size > 1]
    for count in range(1, len(axes) + 1):
        for several in itertools.combinations(axes, count):
            yield several, " and ".join(map(str, several))


def statistics(s: Suspect) -> str | None:
    """The error is a small share of a standardised entry, or each group has a factor of its own, near 1."""
    if not s.whole or s.claimed.size < 6 or not slightly(s):
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
                return f"what is missing is {name} along axis {told}: a term of the chain rule, such as that through a mean or a sum"
        deviation = s.x - s.x.mean(several, keepdims=True)
        fitted = _fitted(s.error, [np.ones(s.x.shape), deviation], several)
        if group > 4 and fitted is not None and s.explains_error(fitted):
            return f"what is missing is a mean and a multiple of the deviation along axis {told}: the terms through mean and variance"
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


def one_output_missing(s: Suspect) -> str | None:
    """The contributions of one output, or of one part of an axis of it, are missing."""
    with np.errstate(all="ignore"):
        terms = np.nan_to_num(s.terms)
    start = 0
    if len(s.place.outputs) > 1:
        for k, y in enumerate(s.place.outputs):
            rest = terms.sum(axis=0) - terms[start : start + y.size].sum(axis=0)
            if s.matches(rest.reshape(s.x.shape)):
                return f"the contributions of output {k} are missing"
            start += y.size
    return None


def signs_differ(s: Suspect) -> str | None:
    """The right sizes with some signs wrong."""
    if s.matches(np.where(s.wrong, -s.true, s.true)):
        region = described(s)
        return f"the sign is wrong in {np.count_nonzero(s.wrong)} entries" + (f", {region}" if region else "")
    return None


def small(s: Suspect) -> str | None:
    """Small errors in most entries."""
    if slightly(s):
        size = float(np.max(np.abs(s.true[s.known])))
        worst = float(np.max(np.abs(s.error[s.known])))
        return f"off by up to {worst / size:.1e} of the gradient's largest entry: a constant is slightly wrong"
    return None


def matrix_transposed(s: Suspect) -> str | None:
    """A matrix for its transpose, seen in the Jacobian."""
    return exchanged_axes(s.operators) if s.operators else None


def right_for_other_inputs(s: Suspect) -> tuple[str, str] | None:
    """Right for inputs that were exchanged, transposed, shifted or negated."""
    if not s.whole:
        return None
    found = right_instead(s.place, s.found.position, s.claimed, s.true, np.random.default_rng(0))
    return (found.kind, f"right if {found.told}") if found else None


def order_of_outputs(s: Suspect) -> tuple[str, str] | None:
    """Entries of the cotangent or of the gradient moved."""
    return output_order(s.operators) if s.operators else None


def factors_of_their_own(s: Suspect) -> tuple[str, str] | None:
    """A factor for every entry or output."""
    return factors(s.operators, s.sizes()) if s.operators else None


def reaches_too_far(s: Suspect) -> str | None:
    """Gradients from outputs that do not depend on an entry."""
    return leak(s.operators) if s.operators else None


def sum_missing(s: Suspect) -> str | None:
    """Some of the outputs that depend on an entry do not count."""
    return one_axis_only(s.operators) if s.operators else None


def term_of_wrong_sign(s: Suspect) -> str | None:
    """One term of the chain rule has the wrong sign."""
    if not s.operators:
        return None
    y = np.asarray(s.place.outputs[0], np.float64)
    simple = elementary(s.x.ravel(), y.ravel()) if y.size == s.x.size else {}
    return sign_of_a_term(s.operators, simple)


def region_named(s: Suspect) -> str | None:
    """At another point than the given one."""
    if s.place.label is None:
        return None
    told = described(s)
    return f"right at the given inputs, wrong for {s.place.label}" + (f", {told}" if told else "")


def unexplained(s: Suspect) -> str | None:
    """Nothing that was tried."""
    count, all_of_them = int(np.count_nonzero(s.wrong)), int(np.count_nonzero(s.known))
    if count == all_of_them:
        return "no single cause explains all entries; a term of the chain rule is missing or wrong"
    return "no single cause explains the entries that are wrong"


Answer = str | tuple[str, str] | None
Hypothesis = Callable[[Suspect], Answer]

HYPOTHESES: tuple[tuple[str, Hypothesis], ...] = (
    ("path", nothing),
    ("sign", negative),
    ("cotangent", ignores_cotangent),
    ("gate", exchanged),
    ("precision", single),
    ("stats", unbiased),
    ("scale", factor),
    ("cotangent", depends_otherwise),
    ("axis", transposed),
    ("axis", cotangent_transposed),
    ("gate", blocks_exchanged),
    ("accumulate", overwritten),
    ("index", shifted),
    ("path", one_output_missing),
    ("ties", equal_entries),
    ("mask", masked),
    ("sign", signs_differ),
    ("axis", matrix_transposed),
    ("", order_of_outputs),
    ("region", in_a_region),
    ("local", few),
    ("stats", statistics),
    ("", right_for_other_inputs),
    ("sign", term_of_wrong_sign),
    ("", factors_of_their_own),
    ("subtle", small),
    ("axis", reaches_too_far),
    ("axis", sum_missing),
    ("path", term_missing),
    ("path", unexplained),
)
"""Each with the kind that it names; those with none name it themselves."""


def cause(s: Suspect) -> tuple[str, str]:
    """The kind of mistake and a sentence: the first hypothesis that the numbers bear out."""
    if s.place.label is not None:
        told = region_named(s)
        assert told is not None
        return "region", told
    for kind, hypothesis in HYPOTHESES:
        answer = hypothesis(s)
        if answer:
            return (kind, answer) if isinstance(answer, str) else answer
    return "wrong", ""
