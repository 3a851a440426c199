"""Why the gradients in the bias and in the pre-activation agree, and what a batch changes."""

from __future__ import annotations

from derive import (
    Claim,
    Formula,
    Program,
    Sum,
    at_most,
    claim,
    define,
    equal,
    gradient,
    letters,
    line,
    names,
    over,
    prove,
    sizes,
    tensor,
    unspecified,
)  # fmt: skip


def program() -> Program:
    o, d = sizes("o d")
    i, j = letters("i j", o, d)
    W = tensor("W", o, d, meaning=("weights", "权重"))
    x, b = tensor("x", d, meaning=("input", "输入")), tensor("b", o, meaning=("bias", "偏置"))
    u, L = names("u L")
    u = define(u[i], Sum(j, W[i, j] * x[j]) + b[i], meaning=("pre-activation", "预激活"))
    L = define(L, over(unspecified("g"), i, u[i]), meaning=("loss, any function of `u`", "损失, `u` 的任意函数"))
    return Program.of([W, x, b], L)


def batch() -> Program:
    """The same layer on m samples, one in each column."""
    o, d, m = sizes("o d m")
    i, j, s = letters("i j s", o, d, m)
    W = tensor("W", o, d, meaning=("weights", "权重"))
    X = tensor("X", d, m, meaning=("inputs, one in each column", "输入, 每列一个样本"))
    b = tensor("b", o, meaning=("bias, shared by all columns", "偏置, 各列共用"))
    U, L = names("U L")
    U = define(U[i, s], Sum(j, W[i, j] * X[j, s]) + b[i], meaning=("pre-activations", "预激活"))
    L = define(
        L, Sum(s, over(unspecified("g"), i, U[i, s])), meaning=("loss, summed over samples", "损失, 对样本求和")
    )
    return Program.of([W, X, b], L)


def augmented() -> Program:
    """The bias as one more column of the weights, on an input that is always 1."""
    o, d, m = sizes("o d m")
    i, j, s = letters("i j s", o, d + 1, m)
    V = tensor("V", o, d + 1, meaning=("weights and bias side by side", "权重与偏置并列"))
    X = tensor("X", d, m, meaning=("inputs, one in each column", "输入, 每列一个样本"))
    Y, U, L = names("Y U L")
    Y = define(
        Y[j, s],
        at_most(j, d - 1) * X[j, s] + equal(j, d),
        meaning=("inputs with a row of ones below", "输入, 下方加一行 1"),
    )
    U = define(U[i, s], Sum(j, V[i, j] * Y[j, s]), meaning=("pre-activations", "预激活"))
    L = define(
        L, Sum(s, over(unspecified("g"), i, U[i, s])), meaning=("loss, summed over samples", "损失, 对样本求和")
    )
    return Program.of([V, X], L)


def claims(main: Program) -> list[Claim]:
    single = gradient(main, ("b", "W"))
    d_u = single.tensor("d_u")
    many = batch()
    several = gradient(many, ("b", "W"))
    d_U = several.tensor("d_U")
    wide = augmented()
    joined = gradient(wide, "V")
    d_V = joined.tensor("d_U")
    Y = wide.tensor("Y")
    o, m = many.tensor("U").axes
    d = main.tensor("x").axes[0]
    i, s = letters("i s", o, m)
    last = prove(
        Sum(s, d_V[i, s] * Y[d, s]),
        line("=", Sum(s, d_V[i, s]), "definition", why=("row `d` of the input is all ones", "输入的第 `d` 行全为 1")),
        note=("The last column of the gradient is the bias gradient.", "梯度的最后一列就是偏置的梯度。"),
        within=wide,
    )
    x, X = main.tensor("x"), many.tensor("X")
    return [
        claim(
            ("One sample: the gradient in `b` is the gradient in `u`", "单个样本: 对 `b` 的梯度就是对 `u` 的梯度"),
            single,
            expected={"b": lambda i: d_u[i], "W": lambda i, j: d_u[i] * x[j]},
            prose=(
                "`u[i]` contains `b[i]` with the factor 1 and no other entry of `b`, so the Jacobian is the identity. The "
                "weights multiply the input, so their gradient carries `x`.",
                "`u[i]` 以因子 1 含 `b[i]`, 不含 `b` 的其他元素, 故雅可比矩阵是单位矩阵。权重与输入相乘, 故其梯度带有 `x`。",
            ),
        ),
        claim(
            ("A batch: the same bias in every column, hence the sum", "一批样本: 各列共用同一偏置, 故求和"),
            several,
            expected={"b": lambda i: Sum(s, d_U[i, s]), "W": lambda i, j: Sum(s, d_U[i, s] * X[j, s])},
            prose=(
                "Leaving out the sum gives an array of the wrong shape, which broadcasting may hide.",
                "漏掉求和会得到形状错误的数组, 而广播可能把错误掩盖起来。",
            ),
        ),
        claim(
            ("A bias is a weight on the constant input 1", "偏置是常数输入 1 上的权重"),
            [*joined.chains, last],
            program=wide,
            expected={"V": lambda i, j: Sum(s, d_V[i, s] * Y[j, s])},
        ),
    ]


FORMULA = Formula(
    id="bp-bias-gradient",
    title="Why the gradients in `b` and in `u` agree",
    title_zh="对 `b` 和对 `u` 的梯度为什么一样",
    program=program,
    claims=claims,
    reference="Nielsen (2015), Neural Networks and Deep Learning, chapter 2, eq. (BP3)",
    summary=(
        "The bias enters the pre-activation with the factor 1, so the loss answers to a change of `b` as it answers to the same change of `u`.",
        "偏置以因子 1 进入预激活, 故 `b` 的变化与 `u` 的同样变化对损失的影响相同。",
    ),
    answer=(
        "Why the two gradients are the same: `∂u/∂b` is the identity matrix, so `∇_b L = Iᵀ ∇_u L = ∇_u L`. In a batch "
        "one `b` serves all columns, and the columns' gradients are added.",
        "两个梯度为何相同: `∂u/∂b` 是单位矩阵, 故 `∇_b L = Iᵀ ∇_u L = ∇_u L`。一批样本中各列共用一个 `b`, 于是把各列的梯度相加。",
    ),
)
