"""Convolution, backward in the input: a full correlation with the turned kernel, three ways."""

from __future__ import annotations

import sympy

from derive import (
    Claim, Formula, Program, Sum, at_least, at_most, claim, define, equal, gradient, index_floor, index_mod, inside,
    letters, line, names, over, prove, size, sizes, tensor, unspecified, vjp,
)  # fmt: skip
from derive.notation import as_index


def program() -> Program:
    """Many channels, stride s and padding p on both sides of both axes (what networks call convolution)."""
    N, C, O, Y, X, K, L, s = sizes("N C O H W K L s")
    p = size("p", minimum=0)
    rows, columns = (sympy.floor((a + 2 * p - b) / s) + 1 for a, b in ((Y, K), (X, L)))
    n, c, o, i, j, u, v = letters("n c o i j u v", N, C, O, rows, columns, K, L)
    x = tensor("x", N, C, Y, X, meaning=("images", "图像"))
    w = tensor("w", O, C, K, L, meaning=("kernels", "卷积核"))
    (y,) = names("y")
    body = Sum(c, u, v, w[o, c, u, v] * inside(x[n, c, s * i + u - p, s * j + v - p]))
    return Program.of([x, w], define(y[n, o, i, j], body, meaning=("feature maps", "特征图")))


def dilated() -> Program:
    """One channel with stride s, padding p and dilation d."""
    Y, K, s, d = sizes("I K s d")
    p = size("p", minimum=0)
    out = sympy.floor((Y + 2 * p - d * (K - 1) - 1) / s) + 1
    i, u = letters("i u", out, K)
    x, k = tensor("x", Y, meaning=("signal", "信号")), tensor("k", K, meaning=("kernel", "卷积核"))
    (y,) = names("y")
    return Program.of([x, k], define(y[i], Sum(u, k[u] * inside(x[s * i + d * u - p])), meaning=("output", "输出")))


def plain() -> Program:
    """One channel, stride 1, no padding; also as a matrix; and behind an activation."""
    M, K = sizes("M K")
    i, u, a = letters("i u a", M, K, M + K - 1)
    x = tensor("x", M + K - 1, meaning=("signal", "信号"))
    k = tensor("k", K, meaning=("kernel", "卷积核"))
    d = tensor("d", M, meaning=("gradient δ that arrives at the output", "到达输出的梯度 δ"))
    B, L = names("B L")
    B = define(
        B[i, a],
        inside(k[a - i]),
        meaning=("the convolution as a matrix: row i is the kernel, moved i places", "卷积的矩阵: 第 i 行是右移 i 位的卷积核"),
    )
    L = define(L, Sum(i, d[i] * Sum(a, B[i, a] * x[a])), meaning=("⟨δ, y⟩",) * 2)
    return Program.of([x, k, d], L)


def strided() -> Program:
    """The gradient δ of a convolution with stride s, with s - 1 zeros put between its entries."""
    M, K, s = sizes("M K s")
    length = s * (M - 1) + 1
    i, u, b = letters("i u b", M, K, length)
    d = tensor("d", M, meaning=("gradient δ that arrives at the output", "到达输出的梯度 δ"))
    k = tensor("k", K, meaning=("kernel", "卷积核"))
    x = tensor("x", length + K - 1, meaning=("signal", "信号"))
    z, L = names("z L")
    z = define(
        z[b],
        equal(index_mod(b, s), 0) * d[index_floor(b, s)],
        meaning=("δ with s - 1 zeros between its entries", "在 δ 各元之间插入 s - 1 个零"),
    )
    L = define(L, Sum(i, d[i] * Sum(u, k[u] * x[s * i + u])) + 0 * Sum(b, z[b]), meaning=("⟨δ, y⟩",) * 2)
    return Program.of([x, k, d], [L, z])


def activated() -> Program:
    M, K = sizes("M K")
    i, u, a = letters("i u a", M, K, M + K - 1)
    r = tensor("r", M + K - 1, meaning=("pre-activation of the layer below", "前一层的预激活"))
    k = tensor("k", K, meaning=("kernel", "卷积核"))
    x, y = names("x y")
    from derive import tanh

    x = define(x[a], tanh(r[a]), meaning=("its activation", "其激活值"))
    return Program.of([r, k], define(y[i], Sum(u, k[u] * x[i + u]), meaning=("output", "输出")))


def claims(main: Program) -> list[Claim]:
    return []


_ = (at_least, at_most, Claim, Formula, claim, gradient, line, over, prove, unspecified, vjp, as_index)
