r"""Batch normalisation of every feature or channel, with scale and shift.

.. math:: \hat x = \frac{x - \mu}{s}, \quad s = \sqrt{v + \epsilon}, \quad y = \gamma \hat x + \beta, \qquad
   \bar\gamma = \sum \bar y \hat x, \quad \bar\beta = \sum \bar y, \quad
   \bar x = \frac{\gamma}{N s} \left( N \bar y - \bar\beta - \hat x \bar\gamma \right)

with sums, the mean :math:`\mu` and the biased variance :math:`v` over the N entries of a channel.

Shapes: x (n, c) or (n, c, ...), gamma (c), beta (c) -> like x.
Conventions: axis 1 holds the channels, as in PyTorch (Keras: the last). ``training=False`` takes running_mean and
running_var, and nothing flows back through them: the gradient of x is :math:`\gamma \bar y / s`. One entry per
channel is normalised to 0, where PyTorch refuses. ``running_statistics`` returns the next averages: their momentum is
PyTorch's, the share of the new batch (Keras, and Saitoh: that of the old), by default 0.1, their variance unbiased.
eps, inside the root, is 1e-5 by default, as in PyTorch (Keras: 1e-3, Saitoh: 1e-6).
Reference: Ioffe, Szegedy (2015), Batch normalization, section 3, algorithms 1 and 2.
"""

from __future__ import annotations

import math

import numpy as np

from verify.arguments import arrays, choice, cotangent, entries, number
from verify.layer import Array, Case, Layer, Pair, normal
from verify.layer_parts.cache_blocks import cache_blocks
from verify.layer_parts.standardised import checked_eps, laid, moments, written_out
from verify.layer_parts.sums import number_along, sum_along

Saved = tuple[Array, Array, Array | None, bool, bool]
CHANNEL = (1,)
SHAPES = "x (n, c, ...), gamma? (c), beta? (c), running_mean? (c), running_var? (c)"


def forward(
    x: Array,
    gamma: Array | None = None,
    beta: Array | None = None,
    *,
    running_mean: Array | None = None,
    running_var: Array | None = None,
    training: bool = True,
    eps: float = 1e-5,
) -> tuple[Array, Saved]:
    """The output, and what the backward pass needs."""
    x, gamma, beta, mean, variance = arrays(SHAPES, x, gamma, beta, running_mean, running_var)
    choice("training", training, (True, False))
    eps = checked_eps(x, along_channel(x) if training else (), eps)
    gamma, beta = laid("gamma", gamma, x, CHANNEL), laid("beta", beta, x, CHANNEL)
    if training:
        _, deviation, variance = moments(x, along_channel(x))
    else:
        if mean is None or variance is None:
            raise ValueError("training is False: expected running_mean and running_var, not None")
        entries("running_var", variance, variance >= 0, "numbers from 0")
        deviation = x - written_out(laid("running_mean", mean, x, CHANNEL), x)
        variance = laid("running_var", variance, x, CHANNEL)
    inverse = 1.0 / np.sqrt(variance + eps)
    scale = written_out(inverse if gamma is None else gamma * inverse, x)
    shift = None if beta is None else written_out(beta, x)
    y = np.empty_like(deviation)
    for some in blocks_of(x):
        np.multiply(deviation[some], scale, out=y[some])
        if shift is not None:
            y[some] += shift
    return y, (deviation, inverse, gamma, beta is not None, training)


def backward(d_output: Array, saved: Saved) -> dict[str, Array]:
    """The gradients of x, gamma and beta."""
    deviation, inverse, gamma, moved, training = saved
    d_y = cotangent(d_output, deviation.shape, deviation.dtype)
    axes = along_channel(d_y)
    d_gamma, d_beta = sum_along(axes, d_y, deviation) * inverse, sum_along(axes, d_y)
    factor = written_out(inverse if gamma is None else gamma * inverse, d_y)
    if training:
        count = number_along(d_y, axes)
        slope, mean = written_out(d_gamma * inverse / -count, d_y), written_out(d_beta / count, d_y)
        d_x = np.empty_like(deviation)
        for some in blocks_of(d_x):
            part = np.multiply(deviation[some], slope, out=d_x[some])
            part += d_y[some]
            part -= mean
            part *= factor
    else:
        d_x = d_y * factor
    gradients = {"x": d_x}
    if gamma is not None:
        gradients["gamma"] = d_gamma.ravel()
    if moved:
        gradients["beta"] = d_beta.ravel()
    return gradients


def running_statistics(
    x: Array, running_mean: Array, running_var: Array, momentum: float = 0.1
) -> tuple[Array, Array]:
    """The averages after this batch: (1 - momentum) of the old, momentum of the batch, its variance unbiased.

    Raises: ValueError when there are fewer than two entries per channel.
    """
    x, running_mean, running_var = arrays(
        "x (n, c, ...), running_mean (c), running_var (c)", x, running_mean, running_var
    )
    count = number_along(x, along_channel(x))
    if count < 2:
        raise ValueError(f"x has shape {x.shape}: expected at least two entries per channel for an unbiased variance")
    new = number("momentum", momentum, "[0, 1]")
    entries("running_var", running_var, running_var >= 0, "numbers from 0")
    mean, _, variance = moments(x, along_channel(x))
    unbiased = variance * (count / (count - 1))
    return (1.0 - new) * running_mean + new * mean.ravel(), (1.0 - new) * running_var + new * unbiased.ravel()


def blocks_of(x: Array) -> list[tuple[int | slice, ...]]:
    """Samples that the cache holds with as many entries of another array; first the last, which it may hold yet."""
    return list(cache_blocks(x.shape[:1], 2 * math.prod(x.shape[1:])))[::-1]


def along_channel(x: Array) -> tuple[int, ...]:
    """All axes but that of the channels."""
    return (0, *range(2, x.ndim))


def sample(rng: np.random.Generator) -> Case:
    """A batch of rows or of images, in training or after it."""
    n, c, h, w = map(int, rng.integers([4, 2, 2, 2], 7))
    shape = [(n, c), (n, c, h), (n, c, h, w)][rng.integers(3)]
    return of_shape(rng, *shape, training=bool(rng.integers(2)))


def of_shape(
    rng: np.random.Generator, *shape: int, mean: float = 0.5, spread: float = 2.0, **options: object
) -> Case:
    """A batch with this mean and spread, and options."""
    x = mean + spread * normal(rng, *shape)
    c = shape[1]
    running = {"running_mean": normal(rng, c), "running_var": rng.uniform(0.5, 2.0, c)}
    return Case(x, normal(rng, c), normal(rng, c), **running, **options)


LAYER = Layer(
    forward=forward,
    backward=backward,
    sample=sample,
    formula="bn-backward",
    pairs={"bn-backward": Pair(case=lambda x, gamma, beta, eps: Case(x, gamma, beta, eps=float(eps)), output="y")},
    cases={
        "rows": lambda rng: of_shape(rng, 5, 3),
        "sequences": lambda rng: of_shape(rng, 4, 3, 2),
        "images": lambda rng: of_shape(rng, 3, 4, 5, 2),
        "rows after training": lambda rng: of_shape(rng, 5, 3, training=False),
        "images after training": lambda rng: of_shape(rng, 3, 4, 5, 2, training=False),
        "without gamma and beta": lambda rng: Case(normal(rng, 4, 3)),
        "without beta": lambda rng: Case(normal(rng, 4, 3), normal(rng, 3)),
        "without gamma, after training": lambda rng: Case(
            normal(rng, 4, 3),
            None,
            normal(rng, 3),
            running_mean=normal(rng, 3),
            running_var=np.ones(3),
            training=False,
        ),
        "variance of 1e-10": lambda rng: of_shape(rng, 6, 3, mean=0.0, spread=1e-5),
        "mean of 1000": lambda rng: of_shape(rng, 6, 3, mean=1e3),
        "a constant channel": lambda rng: Case(
            np.array([1.7, 1, 1]) + normal(rng, 4, 3) * [0, 1, 1], normal(rng, 3), normal(rng, 3)
        ),
        "one sample": lambda rng: of_shape(rng, 1, 3),
        "one image": lambda rng: of_shape(rng, 1, 3, 4, 2),
        "large eps": lambda rng: of_shape(rng, 4, 3, eps=0.5),
        "empty batch after training": lambda rng: of_shape(rng, 0, 3, training=False),
    },
)
