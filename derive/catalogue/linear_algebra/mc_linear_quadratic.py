"""Derivatives of linear forms, quadratic forms and squared residuals, by differentials and by sweeps."""

from __future__ import annotations

from derive import (
    Claim,
    Formula,
    Program,
    Sum,
    claim,
    define,
    gradient,
    hessian,
    jvp,
    letters,
    names,
    sizes,
    tensor,
)  # fmt: skip


def program() -> Program:
    """Half the squared residual of a linear system."""
    m, n = sizes("m n")
    i, j = letters("i j")
    A = tensor("A", m, n, meaning=("matrix", "矩阵"))
    x, b = tensor("x", n, meaning=("unknowns", "未知量")), tensor("b", m, meaning=("right-hand side", "右端项"))
    r, y = names("r y")
    r = define(r[i], Sum(j, A[i, j] * x[j]) - b[i], meaning=("residual", "残差"))
    return Program.of(
        [A, x, b], define(y, Sum(i, r[i] ** 2) / 2, meaning=("half its squared norm", "其平方范数的一半"))
    )


def linear() -> Program:
    (n,) = sizes("n")
    i = letters("i")[0]
    a, x = tensor("a", n, meaning=("coefficients", "系数")), tensor("x", n, meaning=("variable", "变量"))
    (y,) = names("y")
    return Program.of([a, x], define(y, Sum(i, a[i] * x[i]), meaning=("linear form", "线性型")))


def quadratic() -> Program:
    (n,) = sizes("n")
    i, j = letters("i j")
    A = tensor("A", n, n, meaning=("square matrix, symmetric or not", "方阵, 不必对称"))
    x = tensor("x", n, meaning=("variable", "变量"))
    (y,) = names("y")
    return Program.of([A, x], define(y, Sum(i, j, x[i] * A[i, j] * x[j]), meaning=("quadratic form", "二次型")))


def bilinear() -> Program:
    m, n = sizes("m n")
    i, j = letters("i j")
    a, b = tensor("a", m, meaning=("left vector", "左向量")), tensor("b", n, meaning=("right vector", "右向量"))
    A = tensor("A", m, n, meaning=("matrix", "矩阵"))
    (y,) = names("y")
    return Program.of([a, A, b], define(y, Sum(i, j, a[i] * A[i, j] * b[j]), meaning=("bilinear form", "双线性型")))


def claims(main: Program) -> list[Claim]:
    m, n = main.sizes()
    i, j = letters("i j", m, n)
    A, r, x = (main.tensor(name) for name in ("A", "r", "x"))
    flat, form, pair = linear(), quadratic(), bilinear()
    B, z = form.tensor("A"), form.tensor("x")
    (size_,) = form.sizes()
    k, l = letters("k l", size_, size_)
    along = jvp(form, "x")
    d = along.tensor("t_x")
    return [
        claim(
            ("A linear form", "线性型"), gradient(flat, "x"), expected={"x": lambda i: flat.tensor("a")[i]},
        ),
        claim(
            ("A quadratic form, by its differential", "二次型, 用微分"),
            along,
            expected={"t_y": lambda: Sum(k, Sum(l, (B[k, l] + B[l, k]) * z[l]) * d[k])},
            prose=(
                "The differential of a product is taken factor by factor. What stands in front of `ẋ[k]`, the "
                "differential of `x[k]`, is entry `k` of the gradient `(A + Aᵀ)x`.",
                "乘积的微分逐因子求取。`x[k]` 的微分 `ẋ[k]` 前面的系数即梯度 `(A + Aᵀ)x` 的元素 `k`。",
            ),
        ),
        claim(
            ("A quadratic form, its gradient", "二次型的梯度"),
            gradient(form, "x"),
            expected={"x": lambda k: Sum(l, (B[k, l] + B[l, k]) * z[l])},
            prose=("For symmetric `A` this is `2A x`.", "`A` 对称时即 `2A x`。"),
        ),
        claim(
            ("Least squares: gradient in `x` and in `A`", "最小二乘: 对 `x` 与对 `A` 的梯度"),
            gradient(main, ("x", "A")),
            expected={"x": lambda j: Sum(i, A[i, j] * r[i]), "A": lambda i, j: r[i] * x[j]},
            prose=("The residual is carried back by `Aᵀ`; in `A` the gradient is an outer product.", "残差由 `Aᵀ` 传回; 对 `A` 的梯度为外积。"),
        ),
        claim(
            ("Least squares: the Hessian", "最小二乘: 海森矩阵"),
            hessian(main, "x"),
            expected={"hess_y_x": lambda j, k: Sum(i, A[i, j] * A[i, k])},
            prose=("`Aᵀ A` is positive semidefinite, so the problem is convex.", "`Aᵀ A` 半正定, 故问题是凸的。"),
        ),
        claim(
            ("A bilinear form, its gradient in the matrix", "双线性型对矩阵的梯度"),
            gradient(pair, "A"),
            expected={"A": lambda i, j: pair.tensor("a")[i] * pair.tensor("b")[j]},
        ),
    ]  # fmt: skip


FORMULA = Formula(
    id="mc-linear-quadratic",
    title="Derivatives of `aᵀx`, `xᵀA x` and `‖A x − b‖²`",
    title_zh="`aᵀx`, `xᵀA x` 与 `‖A x − b‖²` 的导数",
    program=program,
    claims=claims,
    reference="Petersen, Pedersen (2012), The Matrix Cookbook, eq. (69), (81), (84), (88)",
    summary=(
        "The five formulas of matrix calculus that everything else uses, derived entry by entry and read back as "
        "matrices.",
        "矩阵求导中最常用的五个公式, 逐元素推导后再写回矩阵形式。",
    ),
)
