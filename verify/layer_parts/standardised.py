r"""Numbers with mean 0 and variance 1 along some axes, with scale and shift: what all normalisation layers share.

.. math:: \hat x = \frac{x - \mu}{s}, \quad s = \sqrt{v + \epsilon}, \qquad
   \bar x = \frac1s \left( \bar{\hat x} - \langle \bar{\hat x} \rangle
   - \hat x \, \langle \bar{\hat x} \hat x \rangle \right)

with means :math:`\langle\cdot\rangle` along the axes. The variance is the biased one. What is not centred has mean
square 1 instead: both :math:`\mu` and :math:`\langle \bar{\hat x} \rangle` drop out. Scale and shift have axes of
their own, which may be others.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from verify.arguments import number
from verify.layer import Array
from verify.layer_parts.sums import mean_along, number_along, sum_over

__all__ = [
    "checked_eps",
    "laid",
    "moments",
    "of_scale_and_shift",
    "pulled_back",
    "scaled",
    "standardised",
    "written_out",
]

Axes = tuple[int, ...]

# Fewer samples than this are not worth a sample of coefficients; nor are channels as long as NumPy's buffers.
FEW, LONG = 5, 8192


def checked_eps(x: Array, axes: Axes, eps: float) -> float:
    """eps as a Python number.

    Raises: ValueError when there is nothing along the axes, or eps is not positive and finite in the type of x.
    """
    if not number_along(x, axes):
        raise ValueError(f"x has shape {x.shape}: expected at least one number along the axes {axes}")
    return number("eps", eps, "(0, inf)", x.dtype)


def moments(x: Array, axes: Axes) -> tuple[Array, Array, Array]:
    """The mean, the deviations from it and their mean square.

    A mean that is larger than the deviations is rounded by more than they are: the mean of the deviations says by
    how much.
    """
    mean = mean_along(axes, x)
    deviation = x - written_out(mean, x)
    square = mean_along(axes, deviation, deviation)
    if np.any(np.abs(mean) > np.sqrt(square)):
        rest = mean_along(axes, deviation)
        mean += rest
        deviation -= written_out(rest, x)
        square = mean_along(axes, deviation, deviation)
    return mean, deviation, not_overflowed(square)


def not_overflowed(square: Array) -> Array:
    """The mean squares. Raises: ValueError when one is infinite: what is divided by its root would be 0."""
    if np.any(np.isinf(square)):
        raise ValueError(f"x has a mean square beyond {square.dtype}: expected smaller numbers, or float64")
    return square


def written_out(value: Array, x: Array) -> Array:
    """The same number for each entry of a channel (1, c, 1, ...), as many times as one sample of x has it.

    NumPy's loops run through a whole sample then, not through one channel at a time, which takes half the time where
    channels are short. It costs a sample, and is left out where there are few of them.
    """
    if not 1 < math.prod(x.shape[2:]) < LONG or len(x) < FEW or value.shape[:2] != (1, value.size):
        return value
    return np.full((1, *x.shape[1:]), value, value.dtype)


def standardised(x: Array, axes: Axes, eps: float, *, centred: bool = True) -> tuple[Array, Array]:
    """The standardised numbers and 1/s, all axes kept."""
    if centred:
        _, x_hat, square = moments(x, axes)
    else:
        x_hat, square = x.copy(), not_overflowed(mean_along(axes, x, x))
    inverse = 1.0 / np.sqrt(square + eps)
    x_hat *= inverse
    return x_hat, inverse


def pulled_back(d_hat: Array, x_hat: Array, inverse: Array, axes: Axes, *, centred: bool = True) -> Array:
    """The gradient with respect to x, from that with respect to the standardised numbers."""
    d_x = x_hat * -mean_along(axes, d_hat, x_hat)
    d_x += d_hat
    if centred:
        d_x -= mean_along(axes, d_hat)
    d_x *= inverse
    return d_x


def laid(name: str, value: Array | None, x: Array, axes: Axes) -> Any:
    """A scale or shift along these axes of x.

    Raises: ValueError when it has other sizes.
    """
    if value is None:
        return None
    sizes = tuple(x.shape[axis] for axis in axes)
    if value.shape != sizes:
        raise ValueError(
            f"{name} has shape {value.shape}: expected {sizes}, the sizes of the axes {axes} of x {x.shape}"
        )
    return np.expand_dims(value, tuple(axis for axis in range(x.ndim) if axis not in axes))


def scaled(x_hat: Array, gamma: Array | None, beta: Array | None) -> Array:
    """gamma x_hat + beta, in memory of its own."""
    y = x_hat.copy() if gamma is None else x_hat * gamma
    if beta is not None:
        y += beta
    return y


def of_scale_and_shift(
    d_y: Array, x_hat: Array, gamma: Array | None, beta: Array | None, axes: Axes
) -> dict[str, Array]:
    """The gradients of gamma and beta, which lie along the axes; of those that there are."""
    gradients = {}
    others = tuple(axis for axis in range(x_hat.ndim) if axis not in axes)
    if gamma is not None:
        gradients["gamma"] = sum_over(others, d_y, x_hat)
    if beta is not None:
        gradients["beta"] = sum_over(others, d_y)
    return gradients
