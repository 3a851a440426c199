"""Small programs of every shape that indices take: shifts, strides, windows, gathers, masks, recurrences, matrices.

Each returns its inputs and its output; the export to NumPy must translate all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sympy

from derive.definitions import define, recurrence
from derive.functions import (
    absolute,
    arctan,
    cosh,
    erf,
    exp,
    expm1,
    greater,
    log1p,
    maximum,
    minimum,
    relu,
    sigmoid,
    sin,
    softplus,
    tan,
    tanh,
    where,
)
from derive.index import index_floor, index_mod, letter, letters
from derive.nodes import Sum, Tensor, number
from derive.notation import at_least, at_most, equal, first, inside, less, name, tensor
from derive.over_axes import (
    CHOLESKY,
    argmax,
    det,
    inverse,
    log_softmax,
    logdet,
    maximum_over,
    norm,
    over,
    rms,
    softmax,
    standardise,
    std,
)
from derive.program import Program
from derive.size_algebra import size, sizes

Made = tuple[Sequence[Tensor], Tensor]

n, m, k, d, V, s, D = sizes("n m k d V s D")
p = size("p", minimum=0)
i, j, u, t = letter("i", n), letter("j", m), letter("u", k), letter("t", m)
a, b, c, e = letters("a b c e", n, m, k, d)

SIZES = (
    {"n": 4, "m": 3, "k": 2, "d": 5, "V": 6, "p": 1, "s": 2, "D": 2},
    {"n": 5, "m": 6, "k": 3, "d": 2, "V": 3, "p": 0, "s": 3, "D": 1},
    {"n": 9, "m": 2, "k": 2, "d": 3, "V": 4, "p": 2, "s": 1, "D": 3},
    {"n": 1, "m": 1, "k": 1, "d": 1, "V": 1, "p": 2, "s": 1, "D": 3},
)


def scalar(inputs: Sequence[Tensor], output: Tensor) -> Program:
    """A program with a scalar output that is curved, and weights every entry of the tensor."""
    own = tuple(letter("abcdef"[at], axis) for at, axis in enumerate(output.axes))
    if not own:
        return Program.of(inputs, define(name("L"), sin(output)))
    R = tensor("R", *output.axes)
    return Program.of([*inputs, R], define(name("L"), Sum(*own, R[own] * sin(output[own]))))


def shifted() -> Made:
    x = tensor("x", n)
    return [x], define(name("y")[i], inside(x[i + 1]) - 2 * inside(x[i - 1]) + x[i])


def backwards() -> Made:
    x = tensor("x", n)
    return [x], define(name("y")[i], x[n - 1 - i] * x[i])


def strided() -> Made:
    x = tensor("x", s * n + p)
    return [x], define(name("y")[i], x[s * i] + x[s * i + s - 1])


def strided_backwards() -> Made:
    x = tensor("x", s * n)
    return [x], define(name("y")[i], x[s * n - 1 - s * i])


def moving_average() -> Made:
    x = tensor("x", n + k - 1)
    return [x], define(name("y")[i], Sum(u, x[i + u]) / k)


def max_pool() -> Made:
    x = tensor("x", m, n * k)
    return [x], define(name("y")[j, i], maximum_over(u, x[j, k * i + u]))


def overlapping_max_pool() -> Made:
    x = tensor("x", s * (n - 1) + k)
    return [x], define(name("y")[i], maximum_over(u, x[s * i + u]))


def cumulative_sum() -> Made:
    x, l = tensor("x", n), letter("l", n)
    return [x], define(name("y")[i], Sum(l, at_most(l, i) * x[l]))


def band() -> Made:
    x = tensor("x", n, m)
    return [x], define(name("y")[i, j], at_most(j, i + 1) * at_least(j, i - 1) * x[i, j])


def upper_triangle() -> Made:
    x = tensor("x", n, m)
    return [x], define(name("y")[j, i], less(i, j) * exp(x[i, j]))


def trace() -> Made:
    A = tensor("A", n, n)
    return [A], define(name("y"), Sum(i, A[i, i]))


def diagonal() -> Made:
    A, v, l = tensor("A", n, n), tensor("v", n), letter("l", n)
    return [A, v], define(name("y")[i, l], equal(i, l) * v[i] * A[i, i] + A[l, i])


def embedding() -> Made:
    E, ids = tensor("E", V, d), tensor("ids", n, m, below=V)
    return [E, ids], define(name("y")[a, b, e], E[ids[a, b], e])


def picked() -> Made:
    Z, labels = tensor("Z", n, V), tensor("labels", n, below=V)
    return [Z, labels], define(name("y")[i], Z[i, labels[i]])


def likelihood() -> Made:
    Z, labels, v = tensor("Z", n, V), tensor("labels", n, below=V), letter("v", V)
    return [Z, labels], define(name("y")[i], -log_softmax(v, Z[i, v]).entry(labels[i]))


def histogram() -> Made:
    w, labels, v = tensor("w", n), tensor("labels", n, below=V), letter("v", V)
    return [w, labels], define(name("y")[v], Sum(i, w[i] * equal(labels[i], v)))


def histograms() -> Made:
    w, labels, v = tensor("w", m, n), tensor("labels", m, n, below=V), letter("v", V)
    return [w, labels], define(name("y")[j, v], Sum(i, w[j, i] * equal(labels[j, i], v)))


def joined() -> Made:
    x, z, l = tensor("x", n), tensor("z", m), letter("l", n + m)
    return [x, z], define(name("y")[l], inside(x[l]) + at_least(l, n) * z[l - n])


def positions() -> Made:
    x = tensor("x", m)
    return [x], define(name("y")[i], Sum(j, (j + 1) * x[j] ** 2) / (i + 1))


def convolution_1d() -> Made:
    x, K = tensor("x", n + 4), tensor("K", k)
    l = letter("l", sympy.floor((n + 4 + 2 * p - D * (k - 1) - 1) / s) + 1)
    return [x, K], define(name("y")[l], Sum(u, inside(x[s * l + D * u - p]) * K[u]))


def transposed_convolution() -> Made:
    x, K, l = tensor("x", n), tensor("K", k), letter("l", s * (n - 1) + k)
    return [x, K], define(name("y")[l], Sum(i, u, equal(s * i + u, l) * x[i] * K[u]))


def depthwise_convolution() -> Made:
    x, K = tensor("x", m, n + k - 1), tensor("K", m, k)
    return [x, K], define(name("y")[j, i], Sum(u, x[j, i + u] * K[j, u]))


def three_matrices() -> Made:
    A, B, C = tensor("A", n, m), tensor("B", m, k), tensor("C", k, d)
    return [A, B, C], define(name("y")[a, e], Sum(b, c, A[a, b] * B[b, c] * C[c, e]))


def bilinear() -> Made:
    A, B, C = tensor("A", n, m), tensor("B", k, m, d), tensor("C", n, d)
    return [A, B, C], define(name("y")[a, c], Sum(b, e, A[a, b] * B[c, b, e] * C[a, e]))


def batches() -> Made:
    A, B = tensor("A", n, m, k), tensor("B", n, d, k)
    return [A, B], define(name("y")[a, b, e], Sum(c, A[a, b, c] * B[a, e, c]))


def last_axis() -> Made:
    A, B = tensor("A", n, m, k), tensor("B", k, d)
    return [A, B], define(name("y")[a, b, e], Sum(c, A[a, b, c] * B[c, e]))


def outer_sum() -> Made:
    A, x, z = tensor("A", n, m), tensor("x", n), tensor("z", m)
    return [A, x, z], define(name("y"), Sum(a, b, A[a, b] * (x[a] * z[b] + sin(x[a]) * z[b])))


def inverted() -> Made:
    A, l = tensor("A", n, n, domain="positive definite"), letter("l", n)
    return [A], define(name("y")[i, l], inverse(i, l, A[i, l]))


def determinants() -> Made:
    A, w, l = tensor("A", n, n, domain="positive definite"), tensor("w", m, domain="positive"), letter("l", n)
    return [A, w], define(name("y")[j], logdet(i, l, A[i, l] * w[j]) + det(i, l, A[i, l]))


def along_the_second_axis() -> Made:
    x, W, h, l = tensor("x", n, m), tensor("W", n, n), name("h"), letter("l", n)
    before = Sum(l, W[i, l] * first(t, 0, h[l, t - 1]))
    return [x, W], recurrence(t, {h[i, t]: tanh(x[i, t] + before)})["h"]


def from_the_end() -> Made:
    x, h = tensor("x", m), name("h")
    return [x], recurrence(t, {h[t]: x[t] + at_most(t, m - 2) * h[t + 1] / 2}, backwards=True)["h"]


def two_steps_back() -> Made:
    x, h = tensor("x", m), name("h")
    body = sin(x[t]) + at_least(t, 2) * h[t - 2] / 2 + at_least(t, 1) * h[t - 1] / 3
    return [x], recurrence(t, {h[t]: body})["h"]


def read_as_a_whole() -> Made:
    """A tensor that is a recurrence's under another name."""
    x, h = tensor("x", m), name("h")
    h = recurrence(t, {h[t]: sin(x[t]) + at_least(t, 1) * h[t - 1] / 3})["h"]
    return [x], define(name("y")[t], h[t])


def choices() -> Made:
    x = tensor("x", n, m)
    chosen = where(greater(x[i, j], 0), softmax(j, x[i, j]), x[i, j] ** 2)
    return [x], define(name("y")[i, j], chosen + norm(j, x[i, j]))


def functions() -> Made:
    x = tensor("x", n, domain="positive")
    z = x[i]
    kinked = relu(z - 1) + absolute(z - 1) + maximum(z, 1) * minimum(z, 1)
    smooth = erf(z) + softplus(z) + sigmoid(z) + log1p(z) + expm1(z) + arctan(z) + tan(z / 3) + cosh(z) + z**-1.5
    return [x], define(name("y")[i], kinked + smooth)


def standardised() -> Made:
    x, eps, scale = tensor("x", n, m), tensor("eps", n, domain="positive"), tensor("scale", n, domain="positive")
    roots = rms(j, x[i, j], eps=eps[i]) + std(j, x[i, j] ** 2, eps=1) + std(j, x[i, j], eps=2 * scale[i])
    return [x, eps, scale], define(name("y")[i, j], standardise(j, x[i, j], eps=eps[i]) * roots)


def cholesky_factor() -> Made:
    A, l = tensor("A", n, n, domain="positive definite"), letter("l", n)
    return [A], define(name("y")[i, l], over(CHOLESKY, i, l, A[i, l], at=(i, l)))


def three_digits() -> Made:
    x = tensor("x", n * m * k)
    return [x], define(name("y")[c, a, b], x[m * k * a + k * b + c])


def merged() -> Made:
    x, w, l = tensor("x", n, m), tensor("w", n * m), letter("l", n * m)
    return [x, w], define(name("y"), Sum(l, w[l] * x[index_floor(l, m), index_mod(l, m)]))


def rolled() -> Made:
    x = tensor("x", n)
    return [x], define(name("y")[i], x[index_mod(i + 1, n)])


def fixed_entries() -> Made:
    x = tensor("x", n, m)
    return [x], define(name("y")[i], x[i, 0] * x[0, m - 1] + x[n - 1, m - 1])


def read_at_the_largest() -> Made:
    x, z = tensor("x", n, m), tensor("z", m, n)
    return [x, z], define(name("y")[i], z[argmax(j, x[i, j]), i])


def constants() -> Made:
    x = tensor("x", n)
    factor, term = number(sympy.pi / sympy.sqrt(2)), number(sympy.log(n) / (m + 1))
    return [x], define(name("y")[i, j], x[i] * factor + term)


UNUSUAL: dict[str, Callable[[], Made]] = {
    make.__name__: make
    for make in (
        shifted, backwards, strided, strided_backwards, moving_average, max_pool, overlapping_max_pool,
        cumulative_sum, band, upper_triangle, trace, diagonal, embedding, picked, likelihood, histogram, histograms,
        joined, positions, convolution_1d, transposed_convolution, depthwise_convolution, three_matrices, bilinear,
        batches, last_axis, outer_sum, inverted, determinants, along_the_second_axis, from_the_end, two_steps_back,
        read_as_a_whole, choices, functions, standardised, cholesky_factor,
        three_digits, merged, rolled, fixed_entries, read_at_the_largest,
        constants,
    )
}  # fmt: skip
