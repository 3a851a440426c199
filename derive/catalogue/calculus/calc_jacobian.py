"""The Jacobian matrix of a composition, of an affine map, of an elementwise map."""

from __future__ import annotations

from derive import (
    Claim,
    Formula,
    Program,
    Sum,
    claim,
    define,
    derivative_of,
    equal,
    jacobian,
    letters,
    names,
    over,
    sizes,
    tanh,
    tensor,
    unspecified,
)  # fmt: skip


def program() -> Program:
    n, m, p = sizes("n m p")
    i, j, k = letters("i j k", n, m, p)
    f, g = unspecified("f", m), unspecified("g", p)
    x = tensor("x", n, meaning=("input", "输入"))
    u, y = names("u y")
    u = define(u[j], over(f, i, x[i], at=j), meaning=("inner function `f(x)`", "内层函数 `f(x)`"))
    y = define(y[k], over(g, j, u[j], at=k), meaning=("outer function `g(u)`", "外层函数 `g(u)`"))
    return Program.of([x], y)


def affine() -> Program:
    n, m = sizes("n m")
    i, j = letters("i j")
    W = tensor("W", m, n, meaning=("matrix", "矩阵"))
    x, b = tensor("x", n, meaning=("input", "输入")), tensor("b", m, meaning=("offset", "偏置"))
    (y,) = names("y")
    return Program.of([W, x, b], define(y[j], Sum(i, W[j, i] * x[i]) + b[j], meaning=("output", "输出")))


def elementwise() -> Program:
    (n,) = sizes("n")
    i = letters("i")[0]
    x = tensor("x", n, meaning=("input", "输入"))
    (y,) = names("y")
    return Program.of([x], define(y[i], tanh(x[i]), meaning=("output", "输出")))


def claims(main: Program) -> list[Claim]:
    n, m, p = main.sizes()
    j, r, q = letters("j r q", m, n, m)
    f, g = unspecified("f", m), unspecified("g", p)
    x, u = main.tensor("x"), main.tensor("u")
    linear, pointwise = affine(), elementwise()
    W, y = linear.tensor("W"), pointwise.tensor("y")
    return [
        claim(
            ("Composition: the Jacobians are multiplied", "复合: 雅可比矩阵相乘"),
            jacobian(main, "x"),
            expected={
                "jac_y_x": lambda k, i: Sum(
                    j, derivative_of(over(g, q, u[q], at=k), j) * derivative_of(over(f, r, x[r], at=j), i)
                )
            },
            prose=("Rows belong to outputs, columns to inputs.", "行对应输出, 列对应输入。"),
        ),
        claim(
            ("An affine map: the Jacobian is its matrix", "仿射映射: 雅可比矩阵即其矩阵"),
            jacobian(linear, "x"),
            expected={"jac_y_x": lambda j, i: W[j, i]},
        ),
        claim(
            ("An elementwise map: a diagonal matrix", "逐元素映射: 对角矩阵"),
            jacobian(pointwise, "x"),
            expected={"jac_y_x": lambda i, j: equal(i, j) * (1 - y[i] ** 2)},
            prose=(
                "Output `i` sees input `i` alone. Shown for the hyperbolic tangent; any function stands in its place.",
                "输出 `i` 只与输入 `i` 有关。此处以双曲正切为例, 换成任何函数皆然。",
            ),
        ),
    ]


FORMULA = Formula(
    id="calc-jacobian",
    title="Jacobian matrix",
    title_zh="雅可比矩阵",
    program=program,
    claims=claims,
    reference="Magnus, Neudecker (2019), Matrix Differential Calculus, chapter 5",
    summary=(
        "All first derivatives of a map from `n` to `m` dimensions in one `m × n` table: entry `(i, j)` says how output "
        "`i` answers to input `j`.",
        "从 `n` 维到 `m` 维的映射的全部一阶导数, 排成 `m × n` 的表: 元素 `(i, j)` 说明输出 `i` 如何随输入 `j` 变化。",
    ),
)
