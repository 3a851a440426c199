"""The chain rule in several variables, and why a variable that is used twice gets a sum."""

from __future__ import annotations

from derive import (
    Claim,
    Formula,
    Program,
    Sum,
    claim,
    define,
    derivative_of,
    exp,
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
from derive.nodes import Tensor


def program() -> Program:
    n, m = sizes("n m")
    i, j = letters("i j", n, m)
    f, g = unspecified("f", m), unspecified("g")
    x = tensor("x", n, meaning=("input", "输入"))
    u, y = names("u y")
    u = define(u[j], over(f, i, x[i], at=j), meaning=("inner function `f(x)`", "内层函数 `f(x)`"))
    y = define(y, over(g, j, u[j]), meaning=("outer function `g(u)`", "外层函数 `g(u)`"))
    return Program.of([x], y)


def moved() -> tuple[Program, Tensor]:
    """The same composition at x and at x + v."""
    n, m = sizes("n m")
    i, j = letters("i j", n, m)
    f, g = unspecified("f", m), unspecified("g")
    x = tensor("x", n, meaning=("input", "输入"))
    v = tensor("v", n, meaning=("displacement", "位移"), domain="small")
    u, y, w, z = names("u y w z")
    u = define(u[j], over(f, i, x[i], at=j), meaning=("`f(x)`",) * 2)
    y = define(y, over(g, j, u[j]), meaning=("`g(f(x))`",) * 2)
    w = define(w[j], over(f, i, x[i] + v[i], at=j), meaning=("`f(x + v)`",) * 2)
    z = define(z, over(g, j, w[j]), meaning=("`g(f(x + v))`",) * 2)
    return Program.of([x, v], [y, z]), v


def diamond() -> Program:
    """One input, two paths, one output."""
    (n,) = sizes("n")
    i = letters("i")[0]
    x = tensor("x", n, meaning=("input, used on two paths", "输入, 在两条路径上使用"))
    a, b, y = names("a b y")
    a = define(a[i], x[i] ** 2, meaning=("first path", "第一条路径"))
    b = define(b[i], exp(x[i]), meaning=("second path", "第二条路径"))
    y = define(y, Sum(i, a[i] * b[i]), meaning=("output", "输出"))
    return Program.of([x], y)


def claims(main: Program) -> list[Claim]:
    n, m = main.sizes()
    i, j = letters("i j", n, m)
    x, u = main.tensor("x"), main.tensor("u")
    f, g = unspecified("f", m), unspecified("g")
    about, v = moved()
    x2, u2, w2, y2, z2 = (about.tensor(name) for name in ("x", "u", "w", "y", "z"))
    k = letters("k", m)[0]
    slope_g = derivative_of(over(g, k, u2[k]), j)
    r = letters("r", n)[0]
    slope_f = derivative_of(over(f, r, x2[r], at=j), i)
    from_definition = prove(
        z2 + 0,
        line("≈", y2 + Sum(j, slope_g * (w2[j] - u2[j])), "taylor", small=v, order=2,
             why=("`g` is differentiable at `u`, and `f(x + v) - f(x)` is of the order of `v`",
                  "`g` 在 `u` 处可微, 且 `f(x + v) - f(x)` 与 `v` 同阶")),
        line("≈", y2 + Sum(j, slope_g * Sum(i, slope_f * v[i])), "taylor", small=v, order=2,
             why=("`f` is differentiable at `x`", "`f` 在 `x` 处可微")),
        line("=", y2 + Sum(i, Sum(j, slope_g * slope_f) * v[i]), "collect",
             why=("the coefficient of `v[i]` is the derivative by `x[i]`", "`v[i]` 的系数就是对 `x[i]` 的导数")),
        note=("From the definition of the derivative.", "由导数的定义出发。"),
        within=about,
    )  # fmt: skip
    two_paths = diamond()
    t = two_paths.tensor("x")
    return [
        claim(
            ("The chain rule", "链式法则"),
            gradient(main, "x"),
            expected={
                "x": lambda i: Sum(j, derivative_of(over(g, k, u[k]), j) * derivative_of(over(f, r, x[r], at=j), i))
            },
            prose=(
                "The gradient is the transposed Jacobian of `f` times the gradient of `g`, taken from the outside to the "
                "inside: first the gradient in `u`, then in `x`.",
                "梯度等于 `f` 的雅可比矩阵的转置乘以 `g` 的梯度, 由外向内: 先求对 `u` 的梯度, 再求对 `x` 的梯度。",
            ),
        ),
        claim(("Where it comes from", "由来"), [from_definition], program=about),
        claim(
            ("A variable used twice receives the sum over its paths", "被使用两次的变量得到各路径之和"),
            gradient(two_paths, "x"),
            expected={"x": lambda i: 2 * t[i] * exp(t[i]) + t[i] ** 2 * exp(t[i])},
            prose=(
                "`x` reaches `y` through `a` and through `b`. Each path contributes its own product, and the contributions add.",
                "`x` 经由 `a` 与 `b` 到达 `y`。每条路径各有其乘积, 各贡献相加。",
            ),
        ),
    ]


FORMULA = Formula(
    id="calc-chain-rule",
    title="Multivariate chain rule",
    title_zh="多元链式法则",
    program=program,
    claims=claims,
    reference="Rudin (1976), Principles of Mathematical Analysis, theorem 9.15",
    summary=(
        "How a quantity changes that is computed in steps. Back-propagation is this rule, applied from the last step "
        "to the first.",
        "分步计算的量如何变化。反向传播就是把这条法则从最后一步用到第一步。",
    ),
)
