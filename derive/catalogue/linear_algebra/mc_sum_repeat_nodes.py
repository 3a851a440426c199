"""Repeat and sum are each other's backward pass; so are branch and add."""

from __future__ import annotations

from derive import (
    Claim,
    Formula,
    Program,
    Sum,
    claim,
    define,
    letters,
    line,
    names,
    prove,
    sizes,
    tensor,
    vjp,
)  # fmt: skip


def program() -> Program:
    N, D = sizes("N D")
    i, k = letters("i k", N, D)
    x = tensor("x", D, meaning=("a row", "一行"))
    (y,) = names("y")
    return Program.of([x], define(y[i, k], x[k] + 0, meaning=("the row, `N` times", "该行重复 `N` 次")))


def summed() -> Program:
    N, D = sizes("N D")
    i, k = letters("i k")
    X = tensor("X", N, D, meaning=("`N` rows", "`N` 行"))
    (y,) = names("y")
    return Program.of([X], define(y[k], Sum(i, X[i, k]), meaning=("their sum", "各行之和")))


def branched() -> Program:
    """One array used by two; and two arrays added to one."""
    (D,) = sizes("D")
    k = letters("k")[0]
    x = tensor("x", D, meaning=("input of both branches", "两个分支的共同输入"))
    w, u = tensor("w", D, meaning=("first weight", "第一权重")), tensor("u", D, meaning=("second weight", "第二权重"))
    a, b, y = names("a b y")
    a = define(a[k], w[k] * x[k], meaning=("first branch", "第一分支"))
    b = define(b[k], u[k] * x[k], meaning=("second branch", "第二分支"))
    y = define(y[k], a[k] + b[k], meaning=("the branches added", "两分支相加"))
    return Program.of([x, w, u], y)


def paired() -> Program:
    N, D = sizes("N D")
    x, Y = tensor("x", D, meaning=("a row", "一行")), tensor("Y", N, D, meaning=("any array", "任意数组"))
    i, k = letters("i k")
    (s,) = names("s")
    return Program.of([x, Y], define(s[k], Sum(i, Y[i, k]), meaning=("its column sums", "其列和")))


def claims(main: Program) -> list[Claim]:
    N, D = main.output.axes
    i, k = letters("i k", N, D)
    total, fork, pair = summed(), branched(), paired()
    repeat_back, sum_back, fork_back = vjp(main, "x"), vjp(total, "X"), vjp(fork, "x")
    d_y, d_t, d_f = (d.tensor("d_y") for d in (repeat_back, sum_back, fork_back))
    x, Y, s = (pair.tensor(name) for name in ("x", "Y", "s"))
    w, u = fork.tensor("w"), fork.tensor("u")
    adjoint = prove(
        Sum(i, k, x[k] * Y[i, k]),
        line("=", Sum(k, x[k] * Sum(i, Y[i, k])), "collect", why=("`x` does not depend on the row", "`x` 与行无关")),
        line("=", Sum(k, x[k] * s[k]), "name"),
        within=pair,
    )
    return [
        claim(
            ("The backward pass of repeat is sum", "重复的反向传播是求和"),
            repeat_back,
            expected={"x": lambda k: Sum(i, d_y[i, k])},
            prose=("Every copy reports back to the one original.", "每个副本都向同一个原件回报。"),
        ),
        claim(
            ("The backward pass of sum is repeat", "求和的反向传播是重复"),
            sum_back,
            expected={"X": lambda i, k: d_t[k]},
            prose=("A sum passes what it receives to each of its terms.", "求和把收到的量原样传给每一项。"),
        ),
        claim(
            ("Why: the two maps are adjoint", "原因: 两个映射互为伴随"),
            [adjoint],
            program=pair,
            prose=("`⟨𝟏xᵀ, Y⟩ = ⟨x, Yᵀ𝟏⟩` for all `x` and `Y`.", "对任意 `x` 与 `Y` 有 `⟨𝟏xᵀ, Y⟩ = ⟨x, Yᵀ𝟏⟩`。"),
        ),
        claim(
            ("Branch and add", "分支与相加"),
            fork_back,
            expected={"x": lambda k: d_f[k] * (w[k] + u[k])},
            prose=(
                "An addition hands its cotangent to both terms unchanged; a branch adds up what its branches bring back.",
                "加法把余切原样交给两项; 分支把各支带回的量相加。",
            ),
        ),
    ]


FORMULA = Formula(
    id="mc-sum-repeat-nodes",
    title="Add, branch, repeat and sum nodes",
    title_zh="加法、分支、重复与求和节点",
    program=program,
    claims=claims,
    reference="Saitoh (2018), Deep Learning from Scratch 2, section 1.3.4",
    summary=(
        "Broadcasting forwards means summing backwards. Most shape errors in hand-written backward passes are a "
        "forgotten half of this pair.",
        "前向广播意味着反向求和。手写反向传播中的形状错误, 多半是忘了这一对中的一个。",
    ),
)
