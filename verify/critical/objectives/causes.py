"""Why a gradient or a Hessian is wrong: hypotheses, each tested against the numbers, the most specific first.

Data: ``Compared``, claimed and numerical entries at one point. A hypothesis is a function of the comparisons at all
points that returns a kind of ``wrong.KINDS`` and a sentence when the numbers of every point bear it out, else None.

The most important function is ``cause`` (the first hypothesis that survives).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verify.critical.points import Array

__all__ = ["Compared", "cause", "significant", "wrong_entries"]

Answer = tuple[str, str] | None
# An entry says something about a hypothesis where it is so many times its bound.
CLEAR = 8.0
# So few wrong entries are listed.
FEW = 4
# A relative error below this is one of digits.
DIGITS = 1e-3


@dataclass(frozen=True, eq=False)
class Compared:
    """Claimed and numerical entries at x, with bounds that are infinite where nothing is known.

    Shapes: claimed, numerical and bound all (n) or all (n, n); x and gradient (n); value scalar.
    """

    x: Array
    value: float
    gradient: Array
    claimed: Array
    numerical: Array
    bound: Array

    @property
    def known(self) -> NDArray[np.bool_]:
        return np.isfinite(self.bound)


def wrong_entries(one: Compared) -> NDArray[np.bool_]:
    """The entries that are wrong beyond their bounds."""
    return np.abs(one.claimed - one.numerical) > one.bound


def significant(one: Compared) -> NDArray[np.bool_]:
    """The entries that are not 0 beyond their bounds, claimed or numerical."""
    return one.known & (np.maximum(np.abs(one.claimed), np.abs(one.numerical)) > CLEAR * one.bound)


def cause(compared: Sequence[Compared]) -> tuple[str, str]:
    """The kind of mistake and a sentence about it. Shapes as in ``Compared``; the points may have two or one."""
    matrices = compared[0].claimed.ndim == 2
    for hypothesis in MATRIX if matrices else VECTOR:
        with np.errstate(all="ignore"):
            answer = hypothesis(compared)
        if answer is not None:
            return answer
    return "wrong", "none of the causes that were tried explains the numbers"


def fits(compared: Sequence[Compared], model: Callable[[Compared], Array], weight: float = 1.0) -> bool:
    """Whether a model gives what is claimed, at every point, and the derivative itself does not."""
    for one in compared:
        predicted = model(one)
        off = np.abs(one.claimed - predicted)[one.known]
        allowed = max(weight, 1.0) * one.bound[one.known]
        if not np.all(off <= allowed):
            return False
    return any(np.any(significant(one)) for one in compared)


def fitted(compared: Sequence[Compared], direction: Callable[[Compared], Array], least: int = 2) -> float | None:
    """The number k with which the residual, claimed minus numerical, is ``k direction``, at every point; else None.

    At least two entries must be seen to follow it, else every residual would.
    """
    up = down = 0.0
    seen = 0
    for one in compared:
        along = np.where(one.known, direction(one), 0.0)
        weight = np.where(one.known, 1.0 / np.maximum(one.bound, np.finfo(float).tiny) ** 2, 0.0)
        weight = weight / max(float(np.max(weight, initial=0.0)), np.finfo(float).tiny)
        residual = np.where(one.known, one.claimed - one.numerical, 0.0)
        up += float(np.sum(weight * along * residual))
        down += float(np.sum(weight * along * along))
        seen += int(np.count_nonzero((np.abs(residual) > CLEAR * one.bound) & (along != 0) & one.known))
    if not down or not np.isfinite(up) or seen < least:
        return None
    k = up / down
    return k if fits(compared, lambda one: one.numerical + k * direction(one), 2.0) else None


# --------------------------------------------------------------------------------------------- for both


def nothing(compared: Sequence[Compared]) -> Answer:
    if all(not np.any(one.claimed) for one in compared):
        return "nothing", "it is 0 everywhere: nothing was written to it"
    return None


def negative(compared: Sequence[Compared]) -> Answer:
    if fits(compared, lambda one: -one.numerical):
        return "sign", "the sign is wrong: every entry is the negative of the derivative"
    return None


def factor(compared: Sequence[Compared]) -> Answer:
    n = len(compared[0].x)
    times = {2.0: "2", 4.0: "4", 3.0: "3", 1.5: "3/2", 6.0: "6"} | (
        {float(n): f"{n}, the dimension,"} if n > 4 else {}
    )
    for k, name in times.items():
        for sign, also in ((1.0, ""), (-1.0, ", and of the wrong sign")):
            for size, way in ((sign * k, "large"), (sign / k, "small")):
                if fits(compared, lambda one, size=size: size * one.numerical, k):  # type: ignore[misc]
                    return "factor", f"{name} times too {way}{also}: a factor from a square, a half or a mean"
    k_fitted = fitted(compared, lambda one: one.numerical)
    if k_fitted is not None and fits(compared, lambda one: 0.0 * one.numerical):
        return "nothing", "it is 0 everywhere, as far as can be told"
    if k_fitted is not None:
        return "factor", f"{1 + k_fitted:.6g} times the derivative, everywhere: a factor is wrong"
    return None


def missing(compared: Sequence[Compared]) -> Answer:
    """Entries of 0, the same ones at every point, all others right."""
    gone = np.all([one.claimed == 0 for one in compared], axis=0)
    if not fits(compared, lambda one: np.where(gone, 0.0, one.numerical)):
        return None
    lost = gone & np.any([wrong_entries(one) for one in compared], axis=0)
    if not np.any(lost) or (lost.ndim == 2 and not rows_of(lost)):
        return None
    if lost.ndim == 1:
        where = staying_0(np.flatnonzero(lost), "entry", "entries")
        return "missing", f"{where}: a loop, or a term, leaves coordinates out"
    return "missing", f"{staying_0(rows_of(lost), 'row and column', 'rows and columns')}: a block is missing"


def rows_of(lost: NDArray[np.bool_]) -> list[int]:
    """The rows that, with their columns, hold all lost entries; none where these are spread otherwise."""
    rows = [k for k in range(len(lost)) if lost[k, k]]
    cross = np.zeros(lost.shape, bool)
    cross[rows, :] = cross[:, rows] = True
    return rows if len(rows) < len(lost) and not np.any(lost & ~cross) else []


def order(compared: Sequence[Compared]) -> Answer:
    n = len(compared[0].x)
    ways = {"in reverse order": np.arange(n)[::-1]}
    for shift in (1, -1):
        ways[f"shifted by {shift:+d}"] = np.roll(np.arange(n), shift)
    ways |= {
        f"exchanged, {i} and {j}": exchange(n, i, j) for i in range(min(n, 12)) for j in range(i + 1, min(n, 12))
    }
    for how, places in ways.items():
        index = places if compared[0].claimed.ndim == 1 else np.ix_(places, places)
        reordered = [reordering(one, index) for one in compared]
        if n > 1 and fits(reordered, lambda one: one.numerical):
            return "order", f"the entries are right but stand {how}"
    return None


def exchange(n: int, i: int, j: int) -> NDArray[np.intp]:
    places = np.arange(n)
    places[[i, j]] = j, i
    return places


def reordering(one: Compared, index: Any) -> Compared:
    numerical, bound = one.numerical[index], np.maximum(one.bound[index], one.bound)
    return Compared(one.x, one.value, one.gradient, one.claimed, numerical, bound)


def precision(compared: Sequence[Compared]) -> Answer:
    scale = max(float(np.max(np.abs(one.numerical[one.known]), initial=0.0)) for one in compared)
    off = max(float(np.max(np.abs(one.claimed - one.numerical)[one.known], initial=0.0)) for one in compared)
    if 0 < off <= DIGITS * scale:
        return "precision", (
            f"right to a relative {off / scale:.1g} only: differences with a step of their own, single precision, or "
            "a small term that is missing"
        )
    return None


def few(compared: Sequence[Compared]) -> Answer:
    """Wrong in few entries, the same at every point."""
    wrong = np.any([wrong_entries(one) for one in compared], axis=0)
    places = np.argwhere(wrong)
    if not len(places) or len(places) > FEW or len(places) * 2 > np.count_nonzero(compared[0].known):
        return None
    named = ", ".join(str([int(k) for k in place]) for place in places)
    return "few", f"all entries but {named} are right: look at {'this' if len(places) == 1 else 'these'} alone"


def signs(compared: Sequence[Compared]) -> Answer:
    """Right but for the signs of some entries, the same at every point."""
    flipped = np.any([wrong_entries(one) for one in compared], axis=0)
    if not fits(compared, lambda one: np.where(flipped, -one.numerical, one.numerical)):
        return None
    if flipped.ndim == 2 and not np.any(np.diag(flipped)) and np.count_nonzero(flipped) > FEW:
        return "sign", "the entries off the diagonal have the wrong sign"
    where = ", ".join(str([int(k) for k in place]) for place in np.argwhere(flipped)[:FEW])
    return "sign", f"the sign is wrong in {np.count_nonzero(flipped)} entries: {where}"


# --------------------------------------------------------------------------------------------- for gradients


def offset(compared: Sequence[Compared]) -> Answer:
    k = fitted(compared, lambda one: np.ones(one.claimed.shape))
    return None if k is None else ("offset", f"every entry is {k:+.6g} off: a linear term is wrong, or counted twice")


def penalty(compared: Sequence[Compared]) -> Answer:
    k = fitted(compared, lambda one: one.x)
    return None if k is None else ("penalty", f"{k:+.6g} times x too much: the derivative of a penalty on x is wrong")


# --------------------------------------------------------------------------------------------- for Hessians


def diagonal_of(matrix: Array) -> Array:
    return np.diag(np.diag(matrix))


def triangle(compared: Sequence[Compared]) -> Answer:
    for part, name, other in ((np.triu, "upper", "lower"), (np.tril, "lower", "upper")):
        if len(compared[0].x) > 1 and fits(compared, lambda one, part=part: part(one.numerical)):  # type: ignore[misc]
            return "triangle", f"the {other} triangle stays 0: mirror the {name} one, H + H.T − diag(H)"
    for part, name in ((np.triu, "upper"), (np.tril, "lower")):
        seen = [reduced(one, part(np.ones(one.claimed.shape)) > 0) for one in compared]
        if any(np.any(wrong_entries(one)) for one in compared) and fits(seen, lambda one: one.numerical):
            return "triangle", f"the {name} triangle is right, the other is not its mirror image"
    return None


def reduced(one: Compared, kept: NDArray[np.bool_]) -> Compared:
    bound = np.where(kept, one.bound, np.inf)
    return Compared(one.x, one.value, one.gradient, one.claimed, one.numerical, bound)


def off_diagonal(compared: Sequence[Compared]) -> Answer:
    return by_parts(compared, "off-diagonal", "the entries off the diagonal are", diagonal=False)


def diagonal(compared: Sequence[Compared]) -> Answer:
    return by_parts(compared, "diagonal", "the diagonal is", diagonal=True)


def by_parts(compared: Sequence[Compared], kind: str, what: str, *, diagonal: bool) -> Answer:
    """Right on the diagonal and off by one factor elsewhere, or the other way round."""
    words = {
        0.0: f"{what} missing" + ("" if diagonal else ": only the diagonal was computed"),
        0.5: f"{what} 2 times too small"
        + ("" if diagonal else ": each mixed term belongs to two entries, ij and ji"),
        2.0: f"{what} 2 times too large: " + ("H + H.T counts it twice" if diagonal else "counted twice"),
    }
    for k, sentence in words.items():

        def model(one: Compared, k: float = k) -> Array:
            on = diagonal_of(one.numerical)
            return k * on + (one.numerical - on) if diagonal else on + k * (one.numerical - on)

        if len(compared[0].x) > 1 and fits(compared, model, max(k, 1.0)):
            return kind, sentence
    return None


def identity(compared: Sequence[Compared]) -> Answer:
    k = fitted(compared, lambda one: np.eye(len(one.x)))
    if k is None:
        return None
    return "identity", f"{k:+.6g} times the identity too much: the Hessian of a penalty, or damping, is wrong"


def outer_product(compared: Sequence[Compared]) -> Answer:
    if fits(compared, lambda one: np.outer(one.gradient, one.gradient)):
        return "outer product", "it is the outer product of the gradient with itself"
    k = fitted(compared, lambda one: np.outer(one.gradient, one.gradient))
    if k is None:
        return None
    return "outer product", f"{k:+.6g} times the outer product of the gradient too much: a term of the chain rule"


def product_rule(compared: Sequence[Compared]) -> Answer:
    for how, direction in {
        "diag(gradient)": lambda one: np.diag(one.gradient),
        "diag(gradient / x)": lambda one: np.diag(one.gradient / np.where(one.x == 0, np.inf, one.x)),
    }.items():
        k = fitted(compared, direction)
        if k is not None:
            return "product rule", f"{k:+.6g} times {how} too much: a term of the product rule is wrong"
    return None


def constant(compared: Sequence[Compared]) -> Answer:
    first, others = compared[0], compared[1:]
    if others and all(np.array_equal(one.claimed, first.claimed) for one in others):
        return "constant", "it is the same at every x, but the derivative is not: x was fixed when it was made"
    return None


def inverse(compared: Sequence[Compared]) -> Answer:
    for one in compared:
        if not np.all(one.known):
            return None
        off = np.abs(one.claimed @ one.numerical - np.eye(len(one.x)))
        slack = np.abs(one.claimed) @ (one.bound + 1e-12 * np.abs(one.numerical))
        if not np.all(off <= 2.0 * slack + 1e-12):
            return None
    return "inverse", "it is the inverse of the Hessian, as quasi-Newton methods return it"


def transposed(compared: Sequence[Compared]) -> Answer:
    """Not symmetric, where its symmetric part is right."""
    skew = [np.abs(one.claimed - one.claimed.T) > one.bound + one.bound.T for one in compared]
    if any(np.any(one) for one in skew) and fits(
        [Compared(o.x, o.value, o.gradient, (o.claimed + o.claimed.T) / 2, o.numerical, o.bound) for o in compared],
        lambda one: one.numerical,
    ):
        return "transposed", "its symmetric part is right: (H + H.T)/2, where a transposed factor was left out"
    return None


def gauss_newton(compared: Sequence[Compared]) -> Answer:
    """Positive semidefinite, and as near to the gradient as for a sum of squares: ``(g·v)² ≤ 2 f vᵀHv``.

    Reference: Nocedal, Wright (2006), Numerical Optimization, section 10.2.
    """
    for one in compared:
        if one.value < 0 or not np.all(one.known):
            return None
        if np.any(np.abs(one.claimed - one.claimed.T) > one.bound + one.bound.T):
            return None
        values, vectors = np.linalg.eigh((one.claimed + one.claimed.T) / 2)
        noise = float(np.linalg.norm(one.bound)) + 1e-12 * float(np.max(np.abs(values)))
        along = vectors.T @ one.gradient
        inside = values > noise
        outside = float(np.linalg.norm(along[~inside]))
        if np.any(values < -noise) or outside > 1e-6 * float(np.linalg.norm(along)) + np.sqrt(2 * one.value * noise):
            return None
        if float(np.sum(along[inside] ** 2 / values[inside])) > 2.0 * one.value * (1 + 1e-9):
            return None
    return "Gauss-Newton", (
        "positive semidefinite, with (g·v)² ≤ 2f vᵀHv, as the Gauss–Newton part JᵀJ of a sum of squares: the part "
        "with the residuals' own second derivatives is missing"
    )


VECTOR: tuple[Callable[[Sequence[Compared]], Answer], ...] = (
    nothing,
    negative,
    factor,
    missing,
    signs,
    order,
    offset,
    penalty,
    few,
    precision,
)
MATRIX: tuple[Callable[[Sequence[Compared]], Answer], ...] = (
    nothing,
    negative,
    inverse,
    factor,
    off_diagonal,
    diagonal,
    missing,
    triangle,
    identity,
    outer_product,
    product_rule,
    signs,
    order,
    transposed,
    few,
    precision,
    constant,
    gauss_newton,
)


def staying_0(places: Sequence[int] | NDArray[np.intp], one: str, several: str) -> str:
    shown = ", ".join(str(int(k)) for k in places[:FEW])
    more = ", …" if len(places) > FEW else ""
    return f"{one} {shown} stays 0" if len(places) == 1 else f"{several} {shown}{more} stay 0"
