"""Steps towards a critical point from a quadratic model, taken along the eigenvectors of its matrix.

Data
    ``Model``  a gradient and a symmetric matrix in place of the Hessian, with its eigenvalues and eigenvectors.

The most important functions are ``newton`` (towards any critical point, no longer than a radius), ``towards_index``
(uphill along the lowest eigenvectors and downhill along the others) and ``updated`` (what one more gradient says of
the Hessian).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from verify.critical.points import Array

Choice = NDArray[np.bool_]

__all__ = ["FLAT", "Choice", "Model", "deflated", "newton", "towards_index", "updated", "uphill_along"]

# What a matrix that was made from gradients leaves of an eigenvalue 0.
FLAT = 1e-9


@dataclass(frozen=True, eq=False)
class Model:
    """Shapes: gradient (n), values (n) ascending, vectors (n, n) in columns.

    Eigenvalues below the share ``flat`` of the largest do not say where along their vectors a gradient vanishes.
    """

    gradient: Array
    values: Array
    vectors: Array
    flat: float = FLAT

    @classmethod
    def of(cls, gradient: Array, matrix: Array, flat: float = FLAT) -> Model:
        values, vectors = np.linalg.eigh(matrix)
        return cls(gradient, values, vectors, flat)

    @property
    def along(self) -> Array:
        """The gradient's parts along the eigenvectors."""
        return np.asarray(self.gradient @ self.vectors)

    @property
    def firm(self) -> Choice:
        """Which eigenvalues can be divided by."""
        size = np.abs(self.values)
        return np.asarray(size > self.flat * max(float(np.max(size)), np.finfo(float).tiny))


def newton(model: Model, radius: float = np.inf, keep: Choice | None = None) -> Array:
    """The step that makes the model's gradient least among those no longer than ``radius``: a Levenberg step.

    Without a radius it is Newton's step, without a part along eigenvectors that are flat or not to ``keep``. It goes
    up or down as the signs of the eigenvalues say, so that no index is preferred.
    Reference: Moré (1978), The Levenberg-Marquardt algorithm: implementation and theory.
    """
    firm = model.firm if keep is None else model.firm & keep
    values, along = model.values[firm], model.along[firm]
    vectors = model.vectors[:, firm]
    step = -along / values
    length = float(np.linalg.norm(step))
    if length <= radius:
        return np.asarray(vectors @ step)
    low, high = 0.0, float(np.max(np.abs(values * along))) * np.sqrt(len(values)) / radius
    for _ in range(60):
        middle = (low + high) / 2.0
        length = float(np.linalg.norm(values * along / (values**2 + middle)))
        if length > radius:
            low = middle
        else:
            high = middle
        if 0.9 * radius <= length <= radius:
            break
    return np.asarray(vectors @ (-values * along / (values**2 + high)))


def towards_index(model: Model, uphill: Choice, radius: float) -> Array:
    """A step uphill along some eigenvectors and downhill along the others, no longer than ``radius``.

    Along each eigenvector it is the step of a rational function with the model's slope and curvature, so that it is
    Newton's where the curvature has the sign that is sought and the gradient is small.
    Shapes: uphill (n) of booleans.
    Reference: Banerjee, Adams, Simons, Shepard (1985), Search for stationary points on surfaces, J. Phys. Chem. 89,
    52; Wales (1994), Rearrangements of 55-atom Lennard-Jones and (C60)55 clusters, J. Chem. Phys. 101, 3750.
    """
    along, values, firm = model.along, model.values, model.firm
    size = np.where(firm, np.abs(values), np.max(np.abs(values), initial=np.finfo(float).tiny))
    lengths = 2.0 * np.abs(along) / (size * (1.0 + np.sqrt(1.0 + 4.0 * (along / size) ** 2)))
    parts = np.where(firm, np.where(uphill, 1.0, -1.0) * np.sign(along) * lengths, 0.0)
    length = float(np.linalg.norm(parts))
    return np.asarray(model.vectors @ (parts if length <= radius else parts * (radius / length)))


def uphill_along(model: Model, index: int, kept: Array | None) -> tuple[Choice, Array | None]:
    """Which eigenvectors to climb: the lowest ``index``, one of which is the nearest to the vector to be kept.

    Also that eigenvector, so that the same one is climbed at the next step, wherever its eigenvalue has gone.
    """
    uphill = np.arange(len(model.values)) < index
    if kept is None or not index:
        return uphill, None
    overlap = kept @ model.vectors
    k = int(np.argmax(np.abs(overlap)))
    if not uphill[k]:
        uphill[index - 1], uphill[k] = False, True
    return uphill, model.vectors[:, k] * np.sign(overlap[k])


def updated(matrix: Array, step: Array, change: Array) -> Array:
    """The matrix nearest to the last one that explains how the gradient changed over a step.

    A mixture of the symmetric rank-one and Powell's symmetric update, neither of which makes it positive definite.
    Reference: Bofill (1994), Updated Hessian matrix and the restricted step method for locating transition
    structures, J. Comput. Chem. 15, 1.
    """
    square = float(step @ step)
    rest = change - matrix @ step
    size = float(rest @ rest)
    if square == 0 or size == 0:
        return matrix
    inner = float(rest @ step)
    share = inner**2 / (size * square)
    powell = (np.outer(rest, step) + np.outer(step, rest)) / square - inner * np.outer(step, step) / square**2
    found = matrix + (1.0 - share) * powell
    # share / inner = inner / (size · square): no division by what may vanish
    return np.asarray(found + (inner / (size * square)) * np.outer(rest, rest))


def deflated(step: Array, x: Array, known: Array) -> Array:
    """A Newton step for a gradient that was multiplied by 1/‖x - known‖² + 1 for each known point: large near them.

    The step keeps its direction; only its length and its sense change.
    Shapes: step and x (n), known (k, n) -> (n).
    Reference: Farrell, Birkisson, Funke (2015), Deflation techniques for finding distinct solutions of nonlinear
    partial differential equations, SIAM J. Sci. Comput. 37, A2026.
    """
    away = x - known
    squares = np.maximum(np.sum(away**2, axis=1), np.finfo(float).tiny)
    slopes = -2.0 * (away @ step) / squares**2 / (1.0 / squares + 1.0)
    rest = 1.0 - float(np.sum(slopes))
    return step / rest if abs(rest) > 1e-3 else step * np.sign(rest or 1.0) * 1e3
