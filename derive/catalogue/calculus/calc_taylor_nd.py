"""Taylor's expansion in several variables: the theorem of one variable along a line, and nothing else."""

from __future__ import annotations

from derive import (
    Claim,
    Formula,
    Program,
    Sum,
    absolute,
    claim,
    cos,
    define,
    derivative_of,
    letters,
    line,
    names,
    norm,
    over,
    prove,
    sin,
    sizes,
    taylor,
    tensor,
    unspecified,
)  # fmt: skip


def program() -> Program:
    (n,) = sizes("n")
    i = letters("i", n)[0]
    x = tensor("x", n, meaning=("point of expansion", "展开点"))
    (y,) = names("y")
    return Program.of([x], define(y, over(unspecified("f"), i, x[i]), meaning=("value `f(x)`", "函数值 `f(x)`")))


def waves() -> Program:
    """A function whose Hessian is 1-Lipschitz, at x and at x + v."""
    (n,) = sizes("n")
    i = letters("i")[0]
    x, v = tensor("x", n, meaning=("point of expansion", "展开点")), tensor("v", n, meaning=("displacement", "位移"))
    y, z = names("y z")
    y = define(y, Sum(i, sin(x[i])), meaning=("value at `x`", "`x` 处的函数值"))
    z = define(z, Sum(i, sin(x[i] + v[i])), meaning=("value at `x + v`", "`x + v` 处的函数值"))
    return Program.of([x, v], [y, z])


def quadratic() -> Program:
    (n,) = sizes("n")
    i, j = letters("i j")
    x, v = tensor("x", n, meaning=("point of expansion", "展开点")), tensor("v", n, meaning=("displacement", "位移"))
    A = tensor("A", n, n, meaning=("symmetric matrix", "对称矩阵"), domain="symmetric")
    b = tensor("b", n, meaning=("linear part", "线性部分"))
    y, z = names("y z")
    y = define(
        y, Sum(i, j, x[i] * A[i, j] * x[j]) / 2 + Sum(i, b[i] * x[i]), meaning=("value at `x`", "`x` 处的函数值")
    )
    z = define(
        z,
        Sum(i, j, (x[i] + v[i]) * A[i, j] * (x[j] + v[j])) / 2 + Sum(i, b[i] * (x[i] + v[i])),
        meaning=("value at `x + v`", "`x + v` 处的函数值"),
    )
    return Program.of([x, v, A, b], [y, z])


def claims(main: Program) -> list[Claim]:
    (n,) = main.sizes()
    i, j, k, r = letters("i j k r", n, n, n, n)
    x, y = main.tensor("x"), main.tensor("y")
    here = over(unspecified("f"), r, x[r])
    second, third = taylor(main, "x", order=2), taylor(main, "x", order=3)
    v, w = second.tensor("v"), third.tensor("v")
    wave, form = waves(), quadratic()
    a, c, d, e = (wave.tensor(name) for name in ("x", "v", "y", "z"))
    remainder = e - d - Sum(i, cos(a[i]) * c[i]) + Sum(i, sin(a[i]) * c[i] ** 2) / 2
    bound = prove(
        absolute(remainder),
        line("≤", Sum(i, absolute(c[i]) ** 3) / 6,
             why=("Lagrange's remainder, entry by entry: the third derivative of the sine is at most 1",
                  "逐元素的拉格朗日余项: 正弦的三阶导数不超过 1")),
        line("≤", norm(i, c[i]) ** 3 / 6, why=("the 3-norm is at most the 2-norm", "3-范数不超过 2-范数")),
        within=wave,
    )  # fmt: skip
    X, V, A, B, Y, Z = (form.tensor(name) for name in ("x", "v", "A", "b", "y", "z"))
    exact = prove(
        Z + 0,
        line("=", Y + Sum(i, (Sum(j, A[i, j] * X[j]) + B[i]) * V[i]) + Sum(i, j, V[i] * A[i, j] * V[j]) / 2,
             "collect", why=("multiplied out; `A` is symmetric", "展开; `A` 对称")),
        within=form,
    )  # fmt: skip
    return [
        claim(
            ("To second order", "到二阶"),
            second,
            expected={
                "taylor_y": lambda: (
                    y + Sum(i, derivative_of(here, i) * v[i]) + Sum(i, j, derivative_of(here, i, j) * v[i] * v[j]) / 2
                )
            },
            prose=(
                "Put `φ(t) = f(x + t·v)`. Its derivatives at 0 are found by differentiating along `v` again and again: "
                "`φ'(0) = ∇f·v` and `φ''(0) = vᵀ H v`. The theorem of one variable at `t = 1` does the rest.",
                "令 `φ(t) = f(x + t·v)`。沿 `v` 反复求导得其在 0 处的各阶导数: `φ'(0) = ∇f·v`, `φ''(0) = vᵀ H v`。其余由一元定理取 `t = 1` 得到。",
            ),
        ),
        claim(
            ("To third order: the pattern", "到三阶: 规律"),
            third,
            expected={
                "taylor_y": lambda: (
                    y
                    + Sum(i, derivative_of(here, i) * w[i])
                    + Sum(i, j, derivative_of(here, i, j) * w[i] * w[j]) / 2
                    + Sum(i, j, k, derivative_of(here, i, j, k) * w[i] * w[j] * w[k]) / 6
                )
            },
            prose=(
                "The factors `1/2` and `1/6` are those of one variable, `1/k!`. Written with multi-indices `α`, each mixed "
                "term occurs as often as its letters can be ordered, which turns `1/k!` into `1/α!`.",
                "因子 `1/2` 与 `1/6` 即一元时的 `1/k!`。用多重指标 `α` 书写时, 每个混合项出现的次数等于其下标的排列数, 于是 `1/k!` 变为 `1/α!`。",
            ),
        ),
        claim(
            ("How large the remainder is", "余项有多大"),
            [bound],
            program=wave,
            prose=(
                "If the Hessian is `M`-Lipschitz, the remainder is at most `M‖v‖³/6`. Here for a sum of sines, where `M = 1`.",
                "若海森矩阵以常数 `M` 利普希茨连续, 则余项不超过 `M‖v‖³/6`。此处以正弦之和为例, `M = 1`。",
            ),
        ),
        claim(("On a quadratic function there is no remainder", "二次函数没有余项"), [exact], program=form),
    ]


FORMULA = Formula(
    id="calc-taylor-nd",
    title="Multivariate Taylor expansion",
    title_zh="多元函数的泰勒展开",
    program=program,
    claims=claims,
    reference="Apostol (1974), Mathematical Analysis, theorem 12.14",
    summary=(
        "A smooth function near a point is its value, plus its slope times the displacement, plus half its curvature "
        "along the displacement, up to a remainder of third order.",
        "光滑函数在一点附近等于函数值, 加斜率乘位移, 再加沿位移方向曲率的一半, 余项为三阶。",
    ),
    answer=(
        "Where the multivariate expansion comes from: restrict the function to the line through `x` along `v`. What is "
        "left is a function of one variable, `φ(t) = f(x + t·v)`, and the known theorem applies to it. Nothing else is new.",
        "多元展开从何而来: 把函数限制在过 `x` 沿 `v` 的直线上, 得到一元函数 `φ(t) = f(x + t·v)`, 对它用已知的定理即可, 此外没有新内容。",
    ),
)
