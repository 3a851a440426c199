"""Newton's method on the gradient from many points at a time: it goes to the nearest critical points of every index.

The most important functions are ``newton`` (limits of many starts) and ``polished`` (points brought to rounding).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from verify.critical.points import Array
from verify.critical.proof.enclosure import Evaluator, Flags
from verify.critical.proof.krawczyk import framed

__all__ = ["Limits", "newton", "polished"]

# A step is at most this share of the scale, and longer ones are cut to it.
LONGEST, FAR = 0.25, 1e6
# A direction is flat where its eigenvalue is below this share of the largest, in units of the scale, and its slope
# below what rounding of the point does to the gradient, times 64.
FLAT, NOISE = 1e-10, 64 * 2.0**-52


@dataclass(frozen=True, eq=False)
class Limits:
    """Where Newton's method went: points, the last steps relative to the scale, and the smallest eigenvalue's share.

    Shapes: points (k, n), steps (k), flatness (k): |λ| smallest over largest, of the Hessian in units of the scale.
    """

    points: Array
    steps: Array
    flatness: Array

    @property
    def converged(self) -> Flags:
        """Where the last step was as small as rounding leaves it."""
        return self.steps < 1e-9


def newton(function: Evaluator, starts: Array, scale: Array, iterations: int = 40, steep: float = 0.0) -> Limits:
    """The limits from ``starts`` (k, n); ``scale`` (n) are the lengths over which steps are measured.

    No step goes along eigenvectors whose eigenvalues are below ``steep``, a share of the largest: from beside a curve
    of critical points that leads onto the curve, where the whole gradient has to be looked at.
    """
    x = np.array(starts, float)
    k, n = x.shape
    sizes, flatness = np.full(k, np.inf), np.ones(k)
    allowed, before = np.full(k, LONGEST), np.full(k, np.inf)
    kept = x.copy()
    active = np.arange(k)
    for _ in range(iterations):
        if not len(active):
            break
        g, H = function.at(x[active])
        with np.errstate(all="ignore"):
            norm = np.linalg.norm(g * scale, axis=1)
            good = np.isfinite(norm) & np.isfinite(H).all(axis=(1, 2))
            better = good & (norm < before[active])
        # Back to the last good place, and a shorter step from there, where the gradient grew.
        allowed[active] = np.where(better, np.minimum(2 * allowed[active], LONGEST), 0.25 * allowed[active])
        kept[active[better]], before[active[better]] = x[active[better]], norm[better]
        going = active[better]
        if len(going):
            step, flat = _step(x[going], g[better], H[better], scale, steep)
            length = np.abs(step / scale).max(axis=1)
            sizes[going], flatness[going] = length, flat
            share = np.minimum(1.0, allowed[going] / np.maximum(length, 1e-300))
            x[going] = kept[going] + step * share[:, None]
        back = active[~better]
        x[back] = kept[back] + 0.25 * (x[back] - kept[back])
        lost = allowed[active] < 1e-6
        done = np.zeros(len(active), bool)
        done[better] = sizes[going] < 1e-15
        active = active[~(done | lost)]
    return Limits(kept, sizes, flatness)


def polished(function: Evaluator, points: Array, scale: Array) -> Array:
    """The points after Newton steps for as long as these get shorter."""
    x, last = np.array(points, float), np.full(len(points), np.inf)
    for _ in range(8):
        g, H = function.at(x)
        with np.errstate(all="ignore"):
            step, _ = _step(x, g, H, scale)
            length = np.abs(step / scale).max(axis=1)
            shorter = length < 0.5 * last
        x[shorter] += step[shorter]
        last[shorter] = length[shorter]
        if not shorter.any():
            break
    return x


def _step(x: Array, g: Array, H: Array, scale: Array, steep: float = 0.0) -> tuple[Array, Array]:
    good = np.all(np.isfinite(g), axis=1) & np.all(np.isfinite(H), axis=(1, 2))
    H, g = np.where(good[:, None, None], H, np.eye(len(scale))), np.where(good[:, None], g, 0.0)
    x = np.where(good[:, None], x, 0.0)
    values, frame = framed(H, np.broadcast_to(scale, g.shape))
    sizes = np.abs(values)
    flatness = sizes.min(axis=1) / sizes.max(axis=1)
    slopes, largest = np.einsum("kij,kj->ki", frame, g), sizes.max(axis=1, keepdims=True)
    with np.errstate(over="ignore"):
        along = slopes / values
    # Along what is flat, a slope that rounding explains moves nothing: on a curve of critical points all may stay.
    rounding = np.einsum("kij,kj->ki", np.abs(H), np.abs(x)) * NOISE
    noise = np.einsum("kij,kj->ki", np.abs(frame), rounding)
    along[((sizes < FLAT * largest) & (np.abs(slopes) < noise)) | (sizes < steep * largest)] = 0.0
    return -np.einsum("kji,kj->ki", frame, np.clip(along, -FAR, FAR)), flatness
