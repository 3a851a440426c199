"""Convolution, backward in the kernel and the bias: a correlation of the input with the gradient."""

from __future__ import annotations

import sympy

from derive import (
    Claim,
    Formula,
    Program,
    Sum,
    claim,
    define,
    inside,
    letters,
    line,
    names,
    prove,
    size,
    sizes,
    tensor,
    vjp,
)  # fmt: skip


def program() -> Program:
    """One channel with stride s and padding p, and a bias."""
    I, K, s = sizes("I K s")
    p = size("p", minimum=0)
    M = sympy.floor((I + 2 * p - K) / s) + 1
    i, u = letters("i u", M, K)
    x = tensor("x", I, meaning=("signal", "信号"))
    k = tensor("k", K, meaning=("kernel", "卷积核"))
    b = tensor("b", meaning=("bias", "偏置"))
    (y,) = names("y")
    return Program.of(
        [x, k, b], define(y[i], Sum(u, k[u] * inside(x[s * i + u - p])) + b, meaning=("output", "输出"))
    )


def unfolded() -> Program:
    """The windows as rows of a matrix, so that the convolution is one matrix product."""
    I, K, s = sizes("I K s")
    p = size("p", minimum=0)
    M = sympy.floor((I + 2 * p - K) / s) + 1
    i, u = letters("i u", M, K)
    x = tensor("x", I, meaning=("signal", "信号"))
    k = tensor("k", K, meaning=("kernel", "卷积核"))
    C, y = names("C y")
    C = define(C[i, u], inside(x[s * i + u - p]), meaning=("row `i`: window `i`", "第 `i` 行: 窗口 `i`"))
    return Program.of([x, k], define(y[i], Sum(u, C[i, u] * k[u]), meaning=("output", "输出")))


def many_channels() -> Program:
    N, C, O, H, W, K, L, s = sizes("N C O H W K L s")
    p = size("p", minimum=0)
    rows, columns = (sympy.floor((a + 2 * p - b) / s) + 1 for a, b in ((H, K), (W, L)))
    n, c, o, i, j, u, v = letters("n c o i j u v", N, C, O, rows, columns, K, L)
    x = tensor("x", N, C, H, W, meaning=("images", "图像"))
    w = tensor("w", O, C, K, L, meaning=("kernels", "卷积核"))
    b = tensor("b", O, meaning=("biases", "偏置"))
    (y,) = names("y")
    body = Sum(c, u, v, w[o, c, u, v] * inside(x[n, c, s * i + u - p, s * j + v - p])) + b[o]
    return Program.of([x, w, b], define(y[n, o, i, j], body, meaning=("feature maps", "特征图")))


def claims(main: Program) -> list[Claim]:
    (M,) = main.tensor("y").axes
    i = letters("i", M)[0]
    s, p = main.size("s"), main.size("p")
    found = vjp(main, ("k", "b"))
    d_y, x = found.tensor("d_y"), main.tensor("x")
    windows = unfolded()
    product = vjp(windows, "k")
    e_y, C, x2 = product.tensor("d_y"), windows.tensor("C"), windows.tensor("x")
    (u,) = product.result.letters
    same = prove(
        product.result.result,
        line("=", Sum(i, e_y[i] * inside(x2[s * i + u - p])), "definition"),
        name=product.result.name,
        note=("The windows put in: the same correlation.", "代入各窗口: 同一个相关。"),
        within=product.program,
    )
    images = many_channels()
    general = vjp(images, ("w", "b"))
    f_y, img = general.tensor("d_y"), images.tensor("x")
    N, O, R, Q = images.tensor("y").axes
    n, r, q = letters("n r q", N, R, Q)
    t = images.size("s")
    pad = images.size("p")
    return [
        claim(
            ("Kernel and bias", "卷积核与偏置"),
            found,
            expected={
                "k": lambda u: Sum(i, d_y[i] * inside(x[s * i + u - p])),
                "b": lambda: Sum(i, d_y[i]),
            },
            prose=(
                "The same kernel entry is used at every position, so its gradient is a sum over positions: a correlation "
                "of the input with the gradient, without any turning. The bias is the kernel entry of a constant input.",
                "同一个卷积核元素用于每个位置, 故其梯度是对位置的求和: 输入与梯度的互相关, 无需翻转。偏置相当于常数输入上的卷积核元素。",
            ),
        ),
        claim(
            ("As one matrix product", "写成一次矩阵乘法"),
            [*product.chains, same],
            program=product.program,
            expected={"k": lambda u: Sum(i, e_y[i] * C[i, u])},
            prose=(
                "With the windows as rows of a matrix the layer is a product, and its backward pass the transposed one.",
                "以各窗口为矩阵的行, 卷积层即矩阵乘法, 其反向传播为转置相乘。",
            ),
        ),
        claim(
            ("Many channels, two axes", "多通道, 二维"),
            general,
            expected={
                "w": lambda o, c, u, v: Sum(
                    n, r, q, f_y[n, o, r, q] * inside(img[n, c, t * r + u - pad, t * q + v - pad])
                ),
                "b": lambda o: Sum(n, r, q, f_y[n, o, r, q]),
            },
            prose=(
                "Each pair of channels has a correlation of its own, summed over the batch.",
                "每对通道各有一个相关, 再对样本求和。",
            ),
        ),
    ]


FORMULA = Formula(
    id="conv-backward-kernel",
    title="Convolution, backward in the kernel and the bias",
    title_zh="卷积层对卷积核与偏置的反向传播",
    program=program,
    claims=claims,
    reference="Goodfellow, Bengio, Courville (2016), Deep Learning, section 9.5, eq. (9.11)",
    summary=(
        "One small kernel is used at every position. What every position would like to change in it is added up.",
        "同一个小卷积核用于每个位置, 把每个位置希望它作的改变加起来即可。",
    ),
)
