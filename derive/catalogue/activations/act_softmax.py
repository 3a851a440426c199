"""Softmax: its Jacobian, its backward pass, what leaves it unchanged, and how it behaves at the ends."""

from __future__ import annotations

from derive import (
    Claim,
    Formula,
    Program,
    Sum,
    argmax,
    claim,
    define,
    equal,
    exp,
    jacobian,
    letters,
    line,
    maximum_over,
    minimum_over,
    names,
    number,
    prove,
    sigmoid,
    sizes,
    softmax,
    tensor,
    vjp,
)  # fmt: skip


def program() -> Program:
    (K,) = sizes("K")
    i, j = letters("i j")
    z = tensor("z", K, meaning=("logits", "对数几率 (logits)"))
    (p,) = names("p")
    p = define(p[i], softmax(j, z[j]).entry(i), meaning=("probabilities", "概率"))
    return Program.of([z], p)


def with_direction() -> Program:
    """The softmax, a vector to try its Jacobian on, and a common shift."""
    (K,) = sizes("K")
    i, j = letters("i j")
    z = tensor("z", K, meaning=("logits", "对数几率 (logits)"))
    v = tensor("v", K, meaning=("any vector", "任意向量"))
    c = tensor("c", meaning=("a shift of all logits", "所有 logits 的平移量"))
    p, mean, top, low = names("p m M l")
    p = define(p[i], softmax(i, z[i]), meaning=("probabilities", "概率"))
    mean = define(mean, Sum(j, p[j] * v[j]), meaning=("mean of `v` under `p`", "`v` 在 `p` 下的均值"))
    top = define(top, maximum_over(j, v[j]), meaning=("largest entry of `v`", "`v` 的最大元"))
    low = define(low, minimum_over(j, v[j]), meaning=("smallest entry of `v`", "`v` 的最小元"))
    return Program.of([z, v, c], [p, mean, top, low])


def two_classes() -> Program:
    k = letters("k", 2)[0]
    z = tensor("z", 2, meaning=("logits of two classes", "两类的 logits"))
    (p,) = names("p")
    return Program.of([z], define(p[k], softmax(k, z[k]), meaning=("probabilities", "概率")))


def with_temperature() -> Program:
    (K,) = sizes("K")
    i, j = letters("i j")
    z = tensor("z", K, meaning=("logits", "对数几率 (logits)"))
    b = tensor("b", meaning=("inverse temperature `1/τ`", "温度的倒数 `1/τ`"), domain="positive")
    p, best = names("p M")
    p = define(p[i], softmax(i, b * z[i]), meaning=("probabilities at temperature `τ`", "温度 `τ` 下的概率"))
    best = define(best, maximum_over(j, z[j]), meaning=("largest logit", "最大的 logit"))
    return Program.of([z, b], [p, best])


def _invariance(about: Program) -> Claim:
    (K,) = about.sizes()
    i, j = letters("i j", K, K)
    z, c = about.tensor("z"), about.tensor("c")
    shifted = softmax(j, z[j] + c).entry(i)
    chain = prove(
        shifted,
        line("=", exp(z[i] + c) / Sum(j, exp(z[j] + c)), "expand"),
        line("=", exp(c) * exp(z[i]) / (exp(c) * Sum(j, exp(z[j]))), why=("`exp(a + c) = exp(c)·exp(a)`",) * 2),
        line("=", exp(z[i]) / Sum(j, exp(z[j])), "collect", why=("`exp(c)` cancels", "约去 `exp(c)`")),
        line("=", about.tensor("p")[i], "name"),
        within=about,
    )
    return claim(
        ("A common shift changes nothing", "整体平移不改变结果"),
        [chain],
        program=about,
        prose=(
            "Hence the stable form: with `c = -max_j z[j]` no exponential exceeds 1 and the sum is at least 1, so nothing "
            "overflows. It is also why the Jacobian maps the vector `𝟏` to zero.",
            "由此得到稳定形式: 取 `c = -max_j z[j]`, 则各指数不超过 1, 其和至少为 1, 不会溢出。这也是雅可比矩阵把向量 `𝟏` 映为零的原因。",
        ),
    )


def _spectrum(about: Program) -> Claim:
    (K,) = about.sizes()
    i, j = letters("i j", K, K)
    p, v, m, top, low = (about.tensor(name) for name in ("p", "v", "m", "M", "l"))
    rows = prove(
        Sum(j, p[i] * (equal(i, j) - p[j])),
        line("=", p[i] - p[i] * Sum(j, p[j]), "contract"),
        line("=", number(0), why=("the probabilities sum to 1", "概率之和为 1")),
        note=("The rows of the Jacobian sum to 0.", "雅可比矩阵的每行之和为 0。"),
        within=about,
    )
    form = Sum(i, j, v[i] * p[i] * (equal(i, j) - p[j]) * v[j])
    variance = prove(
        form,
        line("=", Sum(i, p[i] * v[i] ** 2) - m**2, "contract"),
        line(
            "=",
            Sum(i, p[i] * (v[i] - m) ** 2),
            why=("this is the variance of `v` under `p`; `p` sums to 1", "这是 `v` 在 `p` 下的方差; `p` 之和为 1"),
        ),
        line("≥", number(0), why=("a sum of squares with positive weights", "正权重的平方和")),
        note=("The quadratic form is a variance, so the Jacobian is positive semidefinite; it vanishes only for a "
              "constant `v`, so the rank is `K - 1`.",
              "二次型是方差, 故雅可比矩阵半正定; 仅当 `v` 为常向量时为零, 故秩为 `K - 1`。"),
        within=about,
    )  # fmt: skip
    bound = prove(
        Sum(i, p[i] * (v[i] - m) ** 2),
        line("≤", Sum(i, p[i] * (v[i] - (top + low) / 2) ** 2),
             why=("the mean is the point of least squared distance", "均值是平方距离最小的点")),
        line("≤", (top - low) ** 2 / 4,
             why=("no entry is farther from the middle than half the range", "各元到中点的距离不超过极差的一半")),
        line("≤", Sum(i, v[i] ** 2) / 2,
             why=("`(a - b)² ≤ 2(a² + b²)` for the largest and the smallest entry", "对最大元与最小元用 `(a - b)² ≤ 2(a² + b²)`")),
        note=("Its largest eigenvalue is at most one half.", "其最大特征值不超过二分之一。"),
        within=about,
    )  # fmt: skip
    return claim(("The Jacobian is positive semidefinite with norm at most `1/2`", "雅可比矩阵半正定, 范数不超过 `1/2`"),
                 [rows, variance, bound], program=about)  # fmt: skip


def _two(about: Program) -> Claim:
    z = about.tensor("z")
    k = letters("k", 2)[0]
    chain = prove(
        softmax(k, z[k]).entry(0),
        line("=", exp(z[0]) / (exp(z[0]) + exp(z[1])), "expand"),
        line(
            "=",
            1 / (1 + exp(-(z[0] - z[1]))),
            why=("divided by `exp(z[0])` above and below", "上下同除以 `exp(z[0])`"),
        ),
        line("=", sigmoid(z[0] - z[1]), "expand"),
        within=about,
    )
    return claim(("Two classes: the sigmoid of the difference", "两类: 差的 sigmoid"), [chain], program=about)


def _temperature(about: Program) -> Claim:
    (K,) = about.sizes()
    i, j = letters("i j", K, K)
    z, b, p, best = (about.tensor(name) for name in ("z", "b", "p", "M"))
    hot = prove(
        p[i],
        line("≈", number(1 / K) * (1 + b * (z[i] - Sum(j, z[j]) / K)), "taylor", small=b, order=2,
             why=("expanded in the inverse temperature", "按温度的倒数展开")),
        note=("High temperature: the uniform distribution, then its first correction.", "高温: 均匀分布及其一阶修正。"),
        within=about,
    )  # fmt: skip
    winner = argmax(j, z[j])
    share = Sum(j, exp(b * (z[j] - best)))
    cold = prove(
        1 - p[winner],
        line("=", 1 - 1 / share, "expand", why=("the largest exponent is taken out", "提出最大的指数")),
        line("=", (share - 1) / share, "collect"),
        line("≤", share - 1, why=("the sum holds the term 1, so it is at least 1", "和中含有 1 这一项, 故不小于 1")),
        note=("Low temperature: what is left for the others is at most the sum of `exp(-gap/τ)` over them, so the largest logit takes all.",
              "低温: 其余各类所得至多为对它们求和的 `exp(-gap/τ)`, 其中 `gap` 是与最大 logit 之差; 最大的 logit 独占全部。"),
        within=about,
    )  # fmt: skip
    return claim(("Temperature: uniform at one end, the maximum at the other", "温度: 一端均匀, 一端取最大"),
                 [hot, cold], program=about)  # fmt: skip


def claims(main: Program) -> list[Claim]:
    (K,) = main.sizes()
    p = main.tensor("p")
    m = letters("m", K)[0]
    about = with_direction()
    backward = vjp(main, "z")
    d_p = backward.tensor("d_p")
    return [
        claim(
            ("The Jacobian", "雅可比矩阵"),
            jacobian(main, "z"),
            expected={"jac_p_z": lambda i, k: p[i] * (equal(i, k) - p[k])},
            prose=(
                "In matrix form `diag(p) - p pᵀ`, a symmetric matrix.",
                "矩阵形式为 `diag(p) - p pᵀ`, 是对称矩阵。",
            ),
        ),
        claim(
            ("The backward pass, without building the Jacobian", "反向传播, 无需构造雅可比矩阵"),
            backward,
            expected={"z": lambda k: p[k] * (d_p[k] - Sum(m, d_p[m] * p[m]))},
            prose=(
                "One inner product and one product entry by entry: of the order of `K` operations instead of `K²`.",
                "一次内积与一次逐元素乘积: 运算量为 `K` 阶而非 `K²` 阶。",
            ),
        ),
        _invariance(about),
        _spectrum(about),
        _two(two_classes()),
        _temperature(with_temperature()),
    ]


FORMULA = Formula(
    id="act-softmax",
    title="Softmax and its Jacobian",
    title_zh="Softmax 及其雅可比矩阵",
    program=program,
    claims=claims,
    reference="Goodfellow, Bengio, Courville (2016), Deep Learning, section 6.2.2.3",
    summary=(
        "The softmax turns `K` real numbers into `K` positive numbers that sum to 1. Every output depends on every input, "
        "so its derivative is a full matrix; its structure makes it cheap all the same.",
        "Softmax 把 `K` 个实数变为和为 1 的 `K` 个正数。每个输出依赖于每个输入, 故其导数是满矩阵; 但其结构使计算仍然廉价。",
    ),
)
