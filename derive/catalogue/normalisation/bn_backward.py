"""Batch normalisation, backwards along its three paths, and why they collapse."""

from __future__ import annotations

from derive import (
    Claim,
    Formula,
    Program,
    Sum,
    assume,
    claim,
    define,
    letters,
    line,
    mean,
    names,
    number,
    prove,
    sizes,
    sqrt,
    tensor,
    vjp,
)  # fmt: skip

CENTRED = ("deviations from the mean sum to zero", "偏离均值之和为零")


def program() -> Program:
    N, D = sizes("N D")
    n, k = letters("n k", N, D)
    x = tensor("x", N, D, meaning=("batch: `N` samples of `D` features", "一批样本: `N` 个样本, `D` 个特征"))
    gamma = tensor("gamma", D, meaning=("scale", "缩放"))
    beta = tensor("beta", D, meaning=("shift", "平移"))
    eps = tensor("eps", meaning=("small constant", "小常数"), domain="positive")
    mu, c, v, s, h, y = names("mu c v s xhat y")
    mu = define(mu[k], mean(n, x[n, k]), meaning=("mean over the batch", "批均值"))
    c = define(c[n, k], x[n, k] - mu[k], meaning=("deviation from the mean", "与均值的偏差"))
    v = define(v[k], mean(n, c[n, k] ** 2), meaning=("variance over the batch", "批方差"))
    s = define(s[k], sqrt(v[k] + eps), meaning=("standard deviation", "标准差"))
    h = define(h[n, k], c[n, k] / s[k], meaning=("normalised batch", "归一化后的样本"))
    y = define(y[n, k], gamma[k] * h[n, k] + beta[k], meaning=("output", "输出"))
    return Program.of([x, gamma, beta, eps], y, [assume(Sum(n, c[n, k]), "=", 0, CENTRED)])


def claims(main: Program) -> list[Claim]:
    N, D = main.tensor("x").axes
    n, m, k = letters("n m k", N, N, D)
    found = vjp(main, ("x", "gamma", "beta"))
    d_y = found.tensor("d_y")
    gamma, h, s, eps, c = (main.tensor(name) for name in ("gamma", "xhat", "s", "eps", "c"))
    by_input, by_mean = found.chain("d_x"), found.chain("d_mu")
    d_gamma, d_beta, d_x = (found.tensor(f"d_{name}") for name in ("gamma", "beta", "x"))
    (i, j) = by_input.letters
    path = by_input.result

    def compact(row: object, column: object) -> object:
        inner = N * d_y[row, column] - d_beta[column] - h[row, column] * d_gamma[column]
        return gamma[column] / (N * s[column]) * inner

    d_h, d_v, d_c = (found.tensor(f"d_{name}") for name in ("xhat", "v", "c"))
    (f,) = by_mean.letters
    from_mean = prove(
        by_mean.result,
        line("=", -Sum(n, 2 * d_v[f] * c[n, f] / N + d_h[n, f] / s[f]), "insert"),
        line("=", -1 / s[f] * Sum(n, d_h[n, f]) - 2 / N * d_v[f] * Sum(n, c[n, f]), "collect"),
        line("=", -1 / s[f] * Sum(n, d_h[n, f]), "assumption", why=CENTRED),
        name=by_mean.name,
        note=("The way from the mean through the variance vanishes.", "由均值经方差的路径为零。"),
        within=found.program,
    )
    collapse = prove(
        path,
        line(
            "=",
            gamma[j] / s[j] * d_y[i, j]
            - gamma[j] / (N * s[j]) * Sum(m, d_y[m, j])
            - gamma[j] * c[i, j] / (N * s[j] ** 3) * Sum(m, d_y[m, j] * c[m, j]),
            "insert",
            why=("the cotangents of the paths inserted: through the deviation, the mean and the variance",
                 "代入各路径的余切: 经由偏差、均值与方差"),
        ),
        line("=", compact(i, j), "name", why=("`c/s` is the normalised batch `x̂`; the sums are `γ̄` and `β̄`",
                                             "`c/s` 即归一化样本 `x̂`; 其中的和就是 `γ̄` 与 `β̄`")),
        name=by_input.name,
        note=("The three paths collapse.", "三条路径合为一式。"),
        within=found.program,
    )  # fmt: skip
    total = prove(
        Sum(n, compact(n, k)),
        line("=", gamma[k] / (N * s[k]) * (N * Sum(n, d_y[n, k]) - N * d_beta[k] - Sum(n, h[n, k]) * d_gamma[k]), "collect"),
        line("=", number(0), why=("the sum of `ȳ` is `β̄`, and the normalised batch sums to zero",
                                  "`ȳ` 之和即 `β̄`, 归一化样本之和为零")),
        note=("A shift of the batch changes nothing, so the gradient has no component along `𝟏`.",
              "整批平移不改变输出, 故梯度在 `𝟏` 方向上无分量。"),
        within=found.program,
    )  # fmt: skip
    projection = prove(
        Sum(n, h[n, k] * compact(n, k)),
        line("=", gamma[k] / s[k] * (1 - Sum(n, h[n, k] ** 2) / N) * d_gamma[k], "collect",
             why=("the sum of `x̂·ȳ` is `γ̄`", "`x̂·ȳ` 之和即 `γ̄`")),
        line("=", gamma[k] * eps / s[k] ** 3 * d_gamma[k],
             why=("the mean square of `x̂` is `v/(v + ε)`", "`x̂` 的均方为 `v/(v + ε)`")),
        note=("A scaling of the batch changes nothing either, but for `ε`: the component along `x̂` vanishes as `ε` does.",
              "整批缩放也不改变输出 (只差 `ε`): `x̂` 方向的分量随 `ε` 趋于零。"),
        within=found.program,
    )  # fmt: skip
    return [
        claim(
            ("Along the three paths", "沿三条路径"),
            found,
            expected={
                "gamma": lambda k: Sum(n, d_y[n, k] * h[n, k]),
                "beta": lambda k: Sum(n, d_y[n, k]),
                "x": lambda row, column: compact(row, column),
                "d_xhat": lambda n, k: gamma[k] * d_y[n, k],
                "d_v": lambda k: -Sum(n, d_h[n, k] * c[n, k]) / (2 * s[k] ** 3),
                "d_mu": lambda k: -Sum(n, d_h[n, k]) / s[k],
            },
            prose=(
                "`x` reaches the output directly through its deviation `c`, through the variance `v` (which is in `s`), and "
                "through the mean `μ` (which is in `c`). The way from the mean through the variance brings nothing, since "
                "deviations sum to zero.",
                "`x` 到达输出有三条路径: 直接经由偏差 `c`, 经由方差 `v` (在 `s` 中), 以及经由均值 `μ` (在 `c` 中)。"
                "由均值经方差的路径没有贡献, 因为偏差之和为零。",
            ),
        ),
        claim(
            ("The compact form", "紧凑形式"),
            [from_mean, collapse, total, projection],
            program=found.program,
            given=found.chains,
            expected={"x": compact},
            prose=(
                "From the upstream gradient take away its mean and its component along `x̂`.",
                "从上游梯度中减去其均值以及它在 `x̂` 方向上的分量。",
            ),
        ),
    ]


FORMULA = Formula(
    id="bn-backward",
    title="Batch normalisation, backward",
    title_zh="批量归一化的反向传播",
    program=program,
    claims=claims,
    reference="Ioffe, Szegedy (2015), Batch Normalization, section 3",
    summary=(
        "Every output of batch normalisation depends on every sample of the batch, so the backward pass does too. The "
        "computational graph has three paths; the result fits on one line.",
        "批量归一化的每个输出依赖于整批样本, 反向传播亦然。计算图有三条路径, 结果却只有一行。",
    ),
    answer=(
        "Why the three paths collapse: the output does not change when the batch is shifted or (for `ε = 0`) scaled. So "
        "its gradient is orthogonal to `𝟏` and to `x̂`, and what is left of `ȳ` is what remains after both components have "
        "been taken away.",
        "三条路径为何合为一式: 整批平移或 (当 `ε = 0` 时) 缩放都不改变输出, 故梯度与 `𝟏` 和 `x̂` 正交, 剩下的正是从 `ȳ` 中减去这两个分量之后的部分。",
    ),
)
