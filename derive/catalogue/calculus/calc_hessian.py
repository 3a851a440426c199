"""The Hessian matrix: symmetry, its chain rule, and its product with a vector."""

from __future__ import annotations

from derive import (
    Claim,
    Formula,
    Program,
    Sum,
    claim,
    define,
    derivative_of,
    hessian,
    hvp,
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
    n, m = sizes("n m")
    i, j = letters("i j", n, m)
    g, f = unspecified("g", m), unspecified("f")
    x = tensor("x", n, meaning=("input", "输入"))
    u, y = names("u y")
    u = define(u[j], over(g, i, x[i], at=j), meaning=("inner function `g(x)`", "内层函数 `g(x)`"))
    y = define(y, over(f, j, u[j]), meaning=("outer function `f(u)`", "外层函数 `f(u)`"))
    return Program.of([x], y)


def plain() -> Program:
    (n,) = sizes("n")
    i = letters("i", n)[0]
    x = tensor("x", n, meaning=("input", "输入"))
    (y,) = names("y")
    return Program.of([x], define(y, over(unspecified("f"), i, x[i]), meaning=("value", "函数值")))


def claims(main: Program) -> list[Claim]:
    n, m = main.sizes()
    i, j, k, q, r, s = letters("i j k q r s", n, n, m, m, n, m)
    f, g = unspecified("f"), unspecified("g", m)
    x, u = main.tensor("x"), main.tensor("u")
    single = plain()
    t = single.tensor("x")
    here = over(f, r, t[r])
    symmetry = prove(
        derivative_of(here, i, j),
        line("=", derivative_of(here, j, i), why=("second partial derivatives that are continuous may be exchanged",
                                                  "连续的二阶偏导数可以交换次序")),
        within=single,
    )  # fmt: skip
    outer = over(f, q, u[q])
    product = hvp(single, "x")
    v = product.tensor("v")
    return [
        claim(("The Hessian is symmetric", "海森矩阵对称"), [symmetry], program=single),
        claim(
            ("The chain rule for second derivatives", "二阶导数的链式法则"),
            hessian(main, "x"),
            expected={
                "hess_y_x": lambda a, b: Sum(
                    k, s,
                    derivative_of(over(g, r, x[r], at=k), a)
                    * derivative_of(outer, k, s)
                    * derivative_of(over(g, r, x[r], at=s), b),
                )
                + Sum(k, derivative_of(outer, k) * derivative_of(over(g, r, x[r], at=k), a, b))
            },
            prose=(
                "The curvature of `f` seen through the Jacobian of `g`, and the curvature of `g` weighted by the slope "
                "of `f`. Leaving out the second part is the Gauss-Newton approximation.",
                "经 `g` 的雅可比矩阵看到的 `f` 的曲率, 加上以 `f` 的斜率加权的 `g` 的曲率。略去第二部分即高斯-牛顿近似。",
            ),
        ),
        claim(
            ("Hessian times vector, without the Hessian", "海森矩阵乘向量, 无需海森矩阵"),
            product,
            expected={"d_x": lambda i: Sum(j, derivative_of(over(f, r, t[r]), i, j) * v[j])},
            prose=(
                "It is the directional derivative of the gradient: one more sweep, at a small multiple of the cost of "
                "the function, whatever `n` is.",
                "它是梯度的方向导数: 再扫描一次, 代价为函数求值的小常数倍, 与 `n` 无关。",
            ),
        ),
    ]  # fmt: skip


FORMULA = Formula(
    id="calc-hessian",
    title="Hessian matrix",
    title_zh="海森矩阵",
    program=program,
    claims=claims,
    reference="Magnus, Neudecker (2019), Matrix Differential Calculus, chapter 6; Pearlmutter (1994), "
    "Fast exact multiplication by the Hessian, eq. (2)",
    summary=(
        "The second derivatives of a scalar function: the Jacobian of its gradient.",
        "标量函数的二阶导数: 梯度的雅可比矩阵。",
    ),
)
