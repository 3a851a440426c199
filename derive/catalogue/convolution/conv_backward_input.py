"""Convolution, backward in the input: a full correlation with the turned kernel, found three ways."""

from __future__ import annotations

import sympy

from derive import (
    Claim,
    Formula,
    Program,
    Sum,
    claim,
    define,
    equal,
    index_floor,
    index_mod,
    inside,
    letters,
    line,
    names,
    prove,
    size,
    sizes,
    tanh,
    tensor,
    vjp,
)  # fmt: skip


def program() -> Program:
    """One channel, stride 1, no padding: y_i = Σ_u k_u x_{i+u}."""
    M, K = sizes("M K")
    i, u = letters("i u", M, K)
    x = tensor("x", M + K - 1, meaning=("signal", "信号"))
    k = tensor("k", K, meaning=("kernel", "卷积核"))
    (y,) = names("y")
    return Program.of([x, k], define(y[i], Sum(u, k[u] * x[i + u]), meaning=("output", "输出")))


def as_matrix() -> Program:
    """The same convolution written as a matrix times the signal."""
    M, K = sizes("M K")
    i, a = letters("i a", M, M + K - 1)
    x = tensor("x", M + K - 1, meaning=("signal", "信号"))
    k = tensor("k", K, meaning=("kernel", "卷积核"))
    C, y = names("C y")
    C = define(
        C[i, a], inside(k[a - i]), meaning=("row `i`: the kernel, moved `i` places", "第 `i` 行: 右移 `i` 位的卷积核")
    )
    return Program.of([x, k], define(y[i], Sum(a, C[i, a] * x[a]), meaning=("output", "输出")))


def strided() -> Program:
    """Stride s, one channel; z is a gradient of the output with s - 1 zeros between its entries."""
    M, K, s = sizes("M K s")
    length = s * (M - 1) + 1
    i, u, b = letters("i u b", M, K, length)
    x = tensor("x", length + K - 1, meaning=("signal", "信号"))
    k = tensor("k", K, meaning=("kernel", "卷积核"))
    d = tensor(
        "delta", M, meaning=("any array of the output's shape, in the part of `ȳ`", "与输出同形的任意数组, 充当 `ȳ`")
    )
    y, z = names("y z")
    y = define(y[i], Sum(u, k[u] * x[s * i + u]), meaning=("output", "输出"))
    z = define(
        z[b],
        equal(index_mod(b, s), 0) * d[index_floor(b, s)],
        meaning=("`δ` with `s - 1` zeros between its entries", "各元之间插入 `s - 1` 个零的 `δ`"),
    )
    return Program.of([x, k, d], [y, z])


def padded() -> Program:
    """Padding p written as an array of its own, from which the original is cropped."""
    M, K = sizes("M K")
    p = size("p", minimum=0)
    length = M + K - 1
    i, u, a = letters("i u a", M, K, length)
    x = tensor("x", length - 2 * p, meaning=("signal", "信号"))
    k = tensor("k", K, meaning=("kernel", "卷积核"))
    w, y = names("w y")
    w = define(w[a], inside(x[a - p]), meaning=("signal with `p` zeros on both sides", "两侧各补 `p` 个零的信号"))
    return Program.of([x, k], define(y[i], Sum(u, k[u] * w[i + u]), meaning=("output", "输出")))


def many_channels() -> Program:
    """Images, many channels, stride s, padding p, dilation d."""
    N, C, O, H, W, K, L, s, d = sizes("N C O H W K L s d")
    p = size("p", minimum=0)
    rows, columns = (sympy.floor((a + 2 * p - d * (b - 1) - 1) / s) + 1 for a, b in ((H, K), (W, L)))
    n, c, o, i, j, u, v = letters("n c o i j u v", N, C, O, rows, columns, K, L)
    x = tensor("x", N, C, H, W, meaning=("images", "图像"))
    w = tensor("w", O, C, K, L, meaning=("kernels", "卷积核"))
    (y,) = names("y")
    body = Sum(c, u, v, w[o, c, u, v] * inside(x[n, c, s * i + d * u - p, s * j + d * v - p]))
    return Program.of([x, w], define(y[n, o, i, j], body, meaning=("feature maps", "特征图")))


def activated() -> Program:
    M, K = sizes("M K")
    i, u, a = letters("i u a", M, K, M + K - 1)
    r = tensor("r", M + K - 1, meaning=("pre-activation of the layer below", "下层的预激活"))
    k = tensor("k", K, meaning=("kernel", "卷积核"))
    x, y = names("x y")
    x = define(x[a], tanh(r[a]), meaning=("its activation", "其激活值"))
    return Program.of([r, k], define(y[i], Sum(u, k[u] * x[i + u]), meaning=("output", "输出")))


def claims(main: Program) -> list[Claim]:
    (K,), (M,) = main.tensor("k").axes, main.tensor("y").axes
    i, u, r = letters("i u r", M, K, K)
    found = vjp(main, "x")
    d_y = found.tensor("d_y")
    k = main.tensor("k")
    back = found.result
    (a,) = back.letters
    turned = prove(
        back.result,
        line("=", Sum(u, k[u] * inside(d_y[a - u])), "contract", why=("summed over the kernel instead of the output",
                                                                       "改为对卷积核求和")),
        line("=", Sum(r, k[K - 1 - r] * inside(d_y[a + r - (K - 1)])), "algebra",
             why=("the kernel is read backwards, `u = K - 1 - r`", "倒着读卷积核, `u = K - 1 - r`")),
        name=back.name,
        note=("This is the full correlation of the gradient with the kernel turned around.",
              "这就是梯度与翻转后的卷积核的完全相关。"),
        within=found.program,
    )  # fmt: skip
    matrix = as_matrix()
    through_matrix = vjp(matrix, "x")
    e_y, C, q = through_matrix.tensor("d_y"), matrix.tensor("C"), matrix.tensor("k")
    (b,) = through_matrix.result.letters
    toeplitz = prove(
        through_matrix.result.result,
        line("=", Sum(i, e_y[i] * inside(q[b - i])), "definition"),
        name=through_matrix.result.name,
        note=("The entries of the matrix put in: the same sum.", "代入矩阵的元素: 同一个和。"),
        within=through_matrix.program,
    )
    step = strided()
    striding = vjp(step, "x", output="y")
    g, z, w = striding.tensor("d_y"), step.tensor("z"), step.tensor("k")
    delta = step.tensor("delta")
    s = step.size("s")
    m, v = letters("m v", *step.tensor("y").axes, *w.axes)
    (c,) = striding.result.letters
    spread = prove(
        Sum(m, delta[m] * inside(w[c - s * m])),
        line("=", Sum(v, w[v] * inside(z[c - v])), "definition",
             why=("with zeros put in, the stride has gone: a full correlation as before", "补零之后步幅消失: 与前面一样的完全相关")),
        note=("The gradient with `s - 1` zeros between its entries.", "在梯度各元之间插入 `s - 1` 个零。"),
        within=step,
    )  # fmt: skip
    margin = padded()
    crop = vjp(margin, "x")
    d_w = crop.tensor("d_w")
    p = margin.size("p")
    images = many_channels()
    general = vjp(images, "x")
    g_y, f = general.tensor("d_y"), images.tensor("w")
    (_, O, R, Q), (_, _, KH, KW) = images.tensor("y").axes, f.axes
    o, row, col, t, v2 = letters("o h q t v", O, R, Q, KH, KW)
    st, di, pd = (images.size(name) for name in ("s", "d", "p"))
    behind = activated()
    through = vjp(behind, "r")
    d_x = through.tensor("d_x")
    x = behind.tensor("x")
    return [
        claim(
            ("From the defining sum", "由定义式出发"),
            [*found.chains, turned],
            program=found.program,
            expected={"x": lambda a: Sum(r, k[K - 1 - r] * inside(d_y[a + r - (K - 1)]))},
            prose=(
                "An input entry is used by every window that covers it; window `i` meets entry `a` "
                "at the kernel entry `a - i`.",
                "每个输入元素被所有覆盖它的窗口使用; 窗口 `i` 与输入元素 `a` 在卷积核元素 `a - i` 处相遇。",
            ),
        ),
        claim(
            ("From the matrix of the convolution", "由卷积的矩阵出发"),
            [*through_matrix.chains, toeplitz],
            program=through_matrix.program,
            expected={"x": lambda b: Sum(i, e_y[i] * C[i, b])},
            prose=("A matrix is transposed on the way back.", "反向时矩阵转置。"),
        ),
        claim(
            ("Stride: zeros between the entries of the gradient", "步幅: 在梯度各元之间插零"),
            [*striding.chains, spread],
            program=striding.program,
            expected={"x": lambda c: Sum(m, g[m] * inside(w[c - s * m]))},
            prose=(
                "Window `i` starts at entry `s·i`. Where the stride does not come out even, the last entries are covered by "
                "no window and get zero.",
                "窗口 `i` 从元素 `s·i` 开始。若步幅除不尽, 末尾的元素不被任何窗口覆盖, 梯度为零。",
            ),
        ),
        claim(
            ("Padding: crop the result", "填充: 裁剪结果"),
            crop,
            expected={"x": lambda a: d_w[a + p]},
            prose=("What would go to the zeros around the signal is dropped.", "流向信号两侧零元的梯度被丢弃。"),
        ),
        claim(
            ("Many channels, two axes, stride, padding and dilation", "多通道, 二维, 含步幅、填充与空洞"),
            general,
            expected={
                "x": lambda n, c, a, b: Sum(
                    o,
                    row,
                    col,
                    t,
                    v2,
                    g_y[n, o, row, col]
                    * f[o, c, t, v2]
                    * equal(st * row + di * t, a + pd)
                    * equal(st * col + di * v2, b + pd),
                )
            },
            prose=(
                "Every output channel sends its gradient back through its own kernel, and the contributions add. Entry `a` "
                "meets window `i` at the kernel entry `u` with `s·i + d·u = a + p`, if there is one.",
                "每个输出通道把梯度经由自己的卷积核送回, 各贡献相加。输入元素 `a` 与窗口 `i` 在满足 `s·i + d·u = a + p` 的卷积核元素 `u` 处相遇 (若存在)。",
            ),
        ),
        claim(
            ("With the activation of the layer below", "连同下层的激活函数"),
            through,
            expected={"r": lambda a: d_x[a] * (1 - x[a] ** 2)},
        ),
    ]


FORMULA = Formula(
    id="conv-backward-input",
    title="Convolution, backward in the input",
    title_zh="卷积层对输入的反向传播",
    program=program,
    claims=claims,
    reference="Dumoulin, Visin (2016), A guide to convolution arithmetic for deep learning, chapter 4",
    summary=(
        "Networks correlate: the kernel slides over the input without being turned. Backwards it is turned, and slides "
        "over the gradient with full overlap.",
        "网络中的“卷积”其实是互相关: 卷积核不翻转地滑过输入。反向时卷积核翻转, 以完全重叠的方式滑过梯度。",
    ),
)
