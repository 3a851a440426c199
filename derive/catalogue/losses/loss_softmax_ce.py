"""Softmax with cross-entropy: why the gradient in the logits is prediction minus target."""

from __future__ import annotations

from derive import (
    Claim,
    Formula,
    Program,
    Sum,
    assume,
    claim,
    define,
    equal,
    gradient,
    hessian,
    letters,
    line,
    log,
    logsumexp,
    names,
    prove,
    sizes,
    softmax,
    tensor,
)  # fmt: skip

SIMPLEX = ("every row of targets sums to 1", "每行目标之和为 1")


def program() -> Program:
    N, K = sizes("N K")
    n, k = letters("n k")
    Z = tensor("Z", N, K, meaning=("logits", "对数几率 (logits)"))
    T = tensor("T", N, K, meaning=("targets, a distribution per row", "目标, 每行为一个分布"), domain="simplex")
    P, L = names("P L")
    P = define(P[n, k], softmax(k, Z[n, k]), meaning=("predicted probabilities", "预测概率"))
    L = define(L, -1 / N * Sum(n, k, T[n, k] * log(P[n, k])), meaning=("mean cross-entropy", "平均交叉熵"))
    return Program.of([Z, T], L, [assume(Sum(k, T[n, k]), "=", 1, SIMPLEX)])


def one_sample() -> Program:
    """One sample with weights that need not sum to 1, the loss in its log-sum-exp form."""
    (K,) = sizes("K")
    k, j = letters("k j")
    z = tensor("z", K, meaning=("logits of one sample", "单个样本的 logits"))
    t = tensor("t", K, meaning=("weights of the classes", "各类的权重"), domain="positive")
    s, L = names("s L")
    s = define(s, Sum(k, t[k]), meaning=("sum of the weights", "权重之和"))
    L = define(L, s * logsumexp(j, z[j]) - Sum(k, t[k] * z[k]), meaning=("loss", "损失"))
    return Program.of([z, t], L)


def shifted_log() -> Program:
    """One sample of class c, the loss computed as -log(p_c + δ)."""
    (K,) = sizes("K")
    k, j = letters("k j")
    z = tensor("z", K, meaning=("logits of one sample", "单个样本的 logits"))
    t = tensor("t", K, meaning=("one-hot target", "独热目标"), domain="one-hot")
    delta = tensor("delta", meaning=("small constant inside the logarithm", "对数内的小常数"), domain="positive")
    p, q, L = names("p q L")
    p = define(p[k], softmax(k, z[k]), meaning=("predicted probabilities", "预测概率"))
    q = define(q, Sum(k, t[k] * p[k]), meaning=("probability of the true class", "真实类的概率"))
    L = define(L, -log(q + delta), meaning=("loss", "损失"))
    return Program.of([z, t, delta], L)


def claims(main: Program) -> list[Claim]:
    N, K = main.sizes()
    P, T = main.tensor("P"), main.tensor("T")
    single, guarded = one_sample(), shifted_log()
    z, t, s = single.tensor("z"), single.tensor("t"), single.tensor("s")
    j, m = letters("j m", K, K)
    found = gradient(guarded, "z")
    p, y, q, delta = (guarded.tensor(name) for name in ("p", "t", "q", "delta"))
    (c,) = found.result.letters
    through_delta = prove(
        found.result.result,
        line(
            "=",
            q / (q + delta) * (p[c] - y[c]),
            why=(
                "the target is one-hot: both sides are `p[k]·q/(q+δ)` off the true class and `q(q-1)/(q+δ)` on it",
                "目标为独热: 两边在非真实类处均为 `p[k]·q/(q+δ)`, 在真实类处均为 `q(q-1)/(q+δ)`",
            ),
        ),
        name=found.result.name,
        note=("For a one-hot target the gradient is the usual one times a factor below 1.",
              "对独热目标, 梯度等于通常的梯度乘以一个小于 1 的因子。"),
        within=guarded,
    )  # fmt: skip
    return [
        claim(
            ("The gradient in the logits is prediction minus target", "对 logits 的梯度等于预测减目标"),
            gradient(main, "Z"),
            expected={"Z": lambda n, k: (P[n, k] - T[n, k]) / N},
            prose=(
                "The cotangent of `P` is `-T/(N P)` entry by entry; the Jacobian of the softmax multiplies it by `P`, and the "
                "division disappears. That the rows of `T` sum to 1 is used exactly once.",
                "`P` 的余切逐元素为 `-T/(N P)`; softmax 的雅可比矩阵乘以 `P`, 除法随之消失。`T` 每行之和为 1 恰好用到一次。",
            ),
        ),
        claim(
            ("General weights, by the log-sum-exp form", "一般权重, 用 log-sum-exp 形式"),
            gradient(single, "z"),
            expected={"z": lambda k: s * softmax(j, z[j]).entry(k) - t[k]},
            prose=(
                "Weights that do not sum to 1 leave their sum `s` in front of the softmax. This form of the loss never "
                "divides by a probability, so it is the one to compute with.",
                "权重之和不为 1 时, softmax 前留下其和 `s`。这种形式不除以概率, 应以它来计算。",
            ),
        ),
        claim(
            ("The Hessian of one sample", "单个样本的海森矩阵"),
            hessian(single, "z"),
            expected={
                "hess_L_z": lambda k, l: s * softmax(m, z[m]).entry(k) * (equal(k, l) - softmax(m, z[m]).entry(l))
            },
            prose=(
                "It is `s` times the Jacobian of the softmax, so it is positive semidefinite: the loss is convex in `z`.",
                "它等于 `s` 乘以 softmax 的雅可比矩阵, 故半正定: 损失关于 `z` 是凸的。",
            ),
        ),
        claim(
            ("A constant inside the logarithm changes the gradient", "对数内加常数会改变梯度"),
            [*found.chains, through_delta],
            program=guarded,
            expected={"z": lambda k: q / (q + delta) * (p[k] - y[k])},
            prose=(
                "An implementation that computes `-log(q + δ)` but returns `p - t` has a wrong backward pass: where the "
                "true class is 20 behind in its logit, with `δ = 1e-7`, the true factor `q/(q+δ)` is 0.0202.",
                "若实现计算 `-log(q + δ)` 却返回 `p - t`, 其反向传播是错的: 真实类的 logit 落后 20 且 `δ = 1e-7` 时, 真实因子 `q/(q+δ)` 为 0.0202。",
            ),
        ),
    ]


FORMULA = Formula(
    id="loss-softmax-ce",
    title="Softmax with cross-entropy",
    title_zh="Softmax 与交叉熵",
    program=program,
    claims=claims,
    reference="Bridle (1990), Probabilistic interpretation of feedforward classification network outputs, eq. (10)",
    summary=(
        "A classifier turns logits into probabilities by the softmax and is scored by the cross-entropy with the "
        "targets. Taken together the two have the simplest gradient there is.",
        "分类器用 softmax 把 logits 变为概率, 再以与目标的交叉熵评分。两者合在一起, 梯度最为简单。",
    ),
)
