"""Parts of a fresh array that are written or added to in steps and at offsets: upsampling, transposed convolution."""

from __future__ import annotations

import numpy as np

from tests.derive.tracing.written import written


@written("x", x="n", w=4)
def transposed_convolution(x, w):
    y = np.zeros(2 * len(x) + 2)
    for u in range(4):
        y[u : u + 2 * len(x) : 2] += x * w[u]
    return (y**2).sum()


@written("w", x=("n", "c"), w=(3, "c", "d"))
def transposed_convolution_of_channels(x, w):
    y = np.zeros((2 * len(x) + 1, w.shape[2]))
    for u in range(3):
        y[u : u + 2 * len(x) : 2] += x @ w[u]
    return (y**3).sum()


@written("x", x="n")
def upsampling(x):
    y = np.zeros(2 * len(x))
    y[::2] = x
    y[1::2] = x[::-1]
    return np.tanh(y).sum()


@written("a", a="n", b="n", c="n")
def three_interleaved(a, b, c):
    y = np.empty(3 * len(a))
    y[::3] = a * b
    y[1::3] = a * c
    y[2::3] = a + b
    return (y[1:] * y[:-1]).sum()


@written("x", x="2*m")
def lifting(x):
    y = x.copy()
    y[1::2] -= 0.5 * y[::2]
    y[::2] += 0.25 * y[1::2]
    return (y**2).sum()


@written("x", x="n")
def overlapping_itself(x):
    y = 2 * x
    y[1:] += y[:-1] * x[1:]
    y[:-1] -= y[1:]
    return (y**2).sum()


@written("x", x="n+4")
def overlapping_frames(x):
    y = np.zeros(len(x) + 4)
    y[:-4] = x
    y[2:-2] += x**2
    y[4:] *= 3.0
    return (y**2).sum()
