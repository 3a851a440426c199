r"""Whether boxes hold a critical point: none, exactly one, or it is not told yet; many boxes in one batch.

For a box X around m, a regular matrix Y, the gradient g and the Hessian H enclosed on X, every zero of g in X lies in

.. math:: K(X) = m - Y g(m) + (I - Y H(X))(X - m).

If K(X) lies in the interior of X, there is exactly one zero of g in X; if it misses X, there is none. Y is the
inverse of the Hessian in the middle by its eigenvectors, in units of the box's own widths. In the same coordinates,
V g(m) + V H(X) (X - m), V the transposed eigenvectors, encloses V g on X: where an entry of it is not 0, there is no
zero of g.

Everything is in floating point with bounds for its rounding: sums of k products err by less than k + 2 units of the
sum of absolute values.

Data
    ``Tested``  what became of every box.

The three most important functions are ``krawczyk`` (the batch), ``framed`` (coordinates that fit a box) and
``nested`` (the largest and the smallest box around points that are proved to hold one critical point).

References: Krawczyk (1969), Computing 4, 187-201; Neumaier (1990), Interval Methods for Systems of Equations,
section 5.1; Rump (2010), Verification methods, Acta Numerica 19, section 13.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from verify.critical.points import Array
from verify.critical.proof.enclosure import Evaluator, Flags
from verify.critical.proof.intervals import LEAST, UNIT, down, up
from verify.critical.proof.rigor import Decision, Rigor

__all__ = ["Tested", "krawczyk", "nested"]

# Eigenvalues of the middle Hessian smaller than this share of the largest are taken for it.
SINGULAR = 1e-12
# Nested boxes: sizes in units of the widest, from the widest to the narrowest.
SIZES = np.concatenate([2.0 ** -np.arange(0, 12, 0.5), 4.0 ** -np.arange(6, 23)])


@dataclass(frozen=True, eq=False)
class Tested:
    """Which boxes hold no zero of the gradient, which exactly one, and what is left of the others.

    ``lower``, ``upper``: the box without parts that were shown to hold no zero; ``smear`` (k, n): how much each
    coordinate's width contributes to what is not known of the gradient. ``inverse`` and ``frame`` (k, n, n) are Y and
    the transposed eigenvectors.
    """

    none: Flags
    one: Flags
    lower: Array
    upper: Array
    smear: Array
    middle: Array
    inverse: Array
    frame: Array

    def decision(self, k: int, lower: Array, upper: Array) -> Decision:
        """What was said of the k-th box, (k, n) and (k, n) being the boxes, to be confirmed."""
        return Decision(
            lower[k], upper[k], self.middle[k], self.inverse[k], self.frame[k], self.lower[k], self.upper[k]
        )


def krawczyk(
    function: Evaluator, lower: Array, upper: Array, middle: Array | None = None, confirm: bool = True
) -> Tested:
    """The test of boxes around ``middle``, their midpoints by default. All must be bounded, and of some width.

    What the function's rigor does not confirm is not said, if ``confirm``.
    """
    k, n = lower.shape
    m = lower + 0.5 * (upper - lower) if middle is None else middle
    radius = up(np.maximum(upper - m, m - lower))
    g, H = function.gradients(m, m), function.hessians(lower, upper)
    with np.errstate(all="ignore"):
        centre = 0.5 * g.lower + 0.5 * g.upper
        doubt = up(np.maximum(g.upper - centre, centre - g.lower))
        matrix = 0.5 * H.lower + 0.5 * H.upper
        spread = up(np.maximum(H.upper - matrix, matrix - H.lower))
        usable: Flags = H.smooth & g.smooth & np.isfinite(spread).all(axis=(1, 2)) & np.isfinite(doubt).all(axis=1)
        smear = np.where(np.isfinite(spread), spread, 0.0).max(axis=1) * radius
        matrix = np.where(usable[:, None, None], matrix, np.eye(n))
        spread = np.where(usable[:, None, None], spread, 0.0)
        centre, doubt = np.where(usable[:, None], centre, 0.0), np.where(usable[:, None], doubt, 0.0)
        values, frame = framed(matrix, radius)

        # rows of V g on the box
        rotated = _apply(frame, centre)
        product = frame @ matrix
        slack = (n + 4) * UNIT
        size = np.abs(frame)
        unknown = size @ spread + slack * (size @ (np.abs(matrix) + spread))
        reach = _apply(np.abs(product) + unknown, radius)
        blur = _apply(size, doubt) + slack * _apply(size, np.abs(centre) + doubt)
        bound = (reach + blur) * (1 + 8 * slack) + LEAST
        none = (np.abs(rotated) > bound).any(axis=1)

        # K(X), in the box's own coordinates
        back = frame.swapaxes(1, 2) / values[:, None, :]
        middle_part, inverse = back @ product, back @ frame
        size = np.abs(back)
        contraction = np.abs(np.eye(n) - middle_part) + size @ unknown
        contraction += slack * (1 + size @ (np.abs(product) + unknown))
        shift = _apply(back, rotated)
        wide = _apply(contraction, radius) + _apply(size, blur) + slack * _apply(size, np.abs(rotated) + blur)
        wide = (wide + slack * np.abs(shift)) * (1 + 8 * slack) + LEAST
        image_lower, image_upper = down(down(m - shift) - wide), up(up(m - shift) + wide)
        one = ((image_lower > lower) & (image_upper < upper)).all(axis=1)
        none |= ((image_lower > upper) | (image_upper < lower)).any(axis=1)
        kept = usable[:, None] & np.isfinite(image_lower) & np.isfinite(image_upper)
        new_lower = np.where(kept, np.maximum(lower, image_lower), lower)
        new_upper = np.where(kept, np.minimum(upper, image_upper), upper)
    none = none & usable
    one = one & usable & ~none
    crossed: Flags = np.any(new_lower > new_upper, axis=1)
    new_lower, new_upper = (np.where(crossed[:, None], *pair) for pair in ((lower, new_lower), (upper, new_upper)))
    found = Tested(none, one, new_lower, new_upper, smear, m, inverse, frame)
    return found if function.rigor is None or not confirm else _confirmed(function.rigor, found, lower, upper)


def _confirmed(rigor: Rigor, found: Tested, lower: Array, upper: Array) -> Tested:
    """The same without what ball arithmetic does not confirm."""
    none, one = found.none.copy(), found.one.copy()
    kept_lower, kept_upper = found.lower.copy(), found.upper.copy()
    for k in range(len(lower)):
        decision = found.decision(k, lower, upper)
        none[k] = none[k] and rigor.none(decision)
        one[k] = one[k] and rigor.one(decision)
        cut = (kept_lower[k] > lower[k]).any() or (kept_upper[k] < upper[k]).any()
        if cut and not none[k] and not rigor.kept(decision):
            kept_lower[k], kept_upper[k] = lower[k], upper[k]
    return replace(found, none=none, one=one, lower=kept_lower, upper=kept_upper)


def framed(matrix: Array, scale: Array) -> tuple[Array, Array]:
    """Eigenvalues of D H D, none of them 0, and its transposed eigenvectors times D, where D = diag(scale)."""
    values, vectors = np.linalg.eigh(scale[:, :, None] * matrix * scale[:, None, :])
    least = SINGULAR * np.abs(values).max(axis=1, keepdims=True) + np.finfo(float).tiny
    values = np.where(np.abs(values) < least, np.copysign(least, values), values)
    return values, vectors.swapaxes(1, 2) * scale[:, None, :]


def nested(function: Evaluator, points: Array, widest: Array) -> tuple[Flags, Array, Array, Array, Array]:
    """For every point: whether it is proved to lie by exactly one critical point, in which boxes.

    Shapes: points (k, n), widest (n): half the width of the largest box that is tried around a point.
    Returns: flags (k), and lower and upper ends of the largest box that holds exactly one, and of the smallest.
    """
    k, n = points.shape
    sizes = len(SIZES)
    m = np.repeat(points, sizes, axis=0)
    radius = np.tile(SIZES, k)[:, None] * widest
    lower, upper = m - radius, m + radius
    found = krawczyk(function, lower, upper, m, confirm=False)
    one = found.one.reshape(k, sizes)
    proved: Flags = np.any(one, axis=1)
    largest = np.argmax(one, axis=1) + sizes * np.arange(k)
    smallest = sizes - 1 - np.argmax(one[:, ::-1], axis=1) + sizes * np.arange(k)
    if function.rigor is not None:
        for k in np.flatnonzero(proved):
            outer, inner = (found.decision(place[k], lower, upper) for place in (largest, smallest))
            proved[k] = function.rigor.one(outer) and function.rigor.one(inner) and function.rigor.kept(inner)
    # What the test leaves of the smallest box holds the same one point.
    return proved, lower[largest], upper[largest], found.lower[smallest], found.upper[smallest]


def _apply(matrices: Array, vectors: Array) -> Array:
    applied: Array = np.einsum("kij,kj->ki", matrices, vectors)
    return applied
