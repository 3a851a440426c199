"""Scaled dot-product attention, backwards in five matrix products."""

from __future__ import annotations

import sympy

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
    number,
    prove,
    sizes,
    softmax,
    tensor,
    vjp,
)  # fmt: skip


def program() -> Program:
    n, m, d, e = sizes("n m d e")
    i, j, k, l = letters("i j k l")
    Q = tensor("Q", n, d, meaning=("queries", "查询"))
    K = tensor("K", m, d, meaning=("keys", "键"))
    V = tensor("V", m, e, meaning=("values", "值"))
    S, P, O = names("S P O")
    S = define(S[i, j], Sum(k, Q[i, k] * K[j, k]) * number(1 / sympy.sqrt(d)), meaning=("scores", "得分"))
    P = define(P[i, j], softmax(j, S[i, j]), meaning=("attention weights, row by row", "注意力权重, 逐行归一"))
    O = define(O[i, l], Sum(j, P[i, j] * V[j, l]), meaning=("outputs", "输出"))
    return Program.of([Q, K, V], O)


def self_attention() -> Program:
    n, D, d, e = sizes("n D d e")
    i, j, k, l, r = letters("i j k l r")
    X = tensor("X", n, D, meaning=("sequence of `n` vectors", "`n` 个向量组成的序列"))
    A = tensor("W_q", D, d, meaning=("projection to queries", "查询投影"))
    B = tensor("W_k", D, d, meaning=("projection to keys", "键投影"))
    C = tensor("W_v", D, e, meaning=("projection to values", "值投影"))
    Q, K, V, S, P, O = names("Q K V S P O")
    Q = define(Q[i, k], Sum(r, X[i, r] * A[r, k]), meaning=("queries", "查询"))
    K = define(K[i, k], Sum(r, X[i, r] * B[r, k]), meaning=("keys", "键"))
    V = define(V[i, l], Sum(r, X[i, r] * C[r, l]), meaning=("values", "值"))
    S = define(S[i, j], Sum(k, Q[i, k] * K[j, k]) * number(1 / sympy.sqrt(d)), meaning=("scores", "得分"))
    P = define(P[i, j], softmax(j, S[i, j]), meaning=("attention weights, row by row", "注意力权重, 逐行归一"))
    O = define(O[i, l], Sum(j, P[i, j] * V[j, l]), meaning=("outputs", "输出"))
    return Program.of([X, A, B, C], O)


def claims(main: Program) -> list[Claim]:
    (n, d), (m, e) = main.tensor("Q").axes, main.tensor("V").axes
    i, j, k, l = letters("i j k l", n, m, d, e)
    t = letters("t", m)[0]
    Q, K, V, P, O = (main.tensor(name) for name in ("Q", "K", "V", "P", "O"))
    found = vjp(main, ("Q", "K", "V"))
    d_O, d_P, d_S = (found.tensor(name) for name in ("d_O", "d_P", "d_S"))
    scale = number(1 / sympy.sqrt(d))
    identity = prove(
        Sum(j, d_P[i, j] * P[i, j]),
        line("=", Sum(j, Sum(l, d_O[i, l] * V[j, l]) * P[i, j]), "insert"),
        line("=", Sum(l, d_O[i, l] * Sum(j, P[i, j] * V[j, l])), "collect", why=("summed over the keys first", "先对键求和")),
        line("=", Sum(l, d_O[i, l] * O[i, l]), "name"),
        note=("The row sums in the softmax's backward pass need no `n × m` array: they are the row sums of `Ō ⊙ O`.",
              "softmax 反向传播中的行和不需要 `n × m` 数组: 它等于 `Ō ⊙ O` 的行和。"),
        within=found.program,
    )  # fmt: skip
    rows = prove(
        Sum(j, P[i, j] * (d_P[i, j] - Sum(t, d_P[i, t] * P[i, t]))),
        line("=", Sum(j, P[i, j] * d_P[i, j]) - Sum(t, d_P[i, t] * P[i, t]) * Sum(j, P[i, j]), "collect"),
        line("=", number(0), why=("the weights of a row sum to 1", "每行权重之和为 1")),
        note=("A common shift of a row of scores changes nothing, so the rows of `S̄` sum to 0.",
              "一行得分整体平移不改变结果, 故 `S̄` 的每行之和为 0。"),
        within=found.program,
    )  # fmt: skip
    own = self_attention()
    projected = vjp(own, ("X", "W_q", "W_k", "W_v"))
    X, A, B, C = (own.tensor(name) for name in ("X", "W_q", "W_k", "W_v"))
    d_Q, d_K, d_V = (projected.tensor(name) for name in ("d_Q", "d_K", "d_V"))
    p, q = letters("p q", *own.tensor("Q").axes)
    o = letters("o", own.tensor("V").axes[1])[0]
    return [
        claim(
            ("Backwards through the three factors", "经由三个因子反向"),
            found,
            expected={
                "V": lambda j, l: Sum(i, P[i, j] * d_O[i, l]),
                "P": lambda i, j: Sum(l, d_O[i, l] * V[j, l]),
                "S": lambda i, j: P[i, j] * (d_P[i, j] - Sum(t, d_P[i, t] * P[i, t])),
                "Q": lambda i, k: Sum(j, d_S[i, j] * K[j, k]) * scale,
                "K": lambda j, k: Sum(i, d_S[i, j] * Q[i, k]) * scale,
            },
            prose=(
                "Values and weights meet in a product; the softmax goes row by row; scores are a product again.",
                "值与权重相乘; softmax 逐行进行; 得分又是一个乘积。",
            ),
        ),
        claim(
            ("Two identities that save work", "两个省力的恒等式"),
            [identity, rows],
            program=found.program,
            given=found.chains,
        ),
        claim(
            ("Self-attention: one input, three roles", "自注意力: 一个输入, 三种角色"),
            projected,
            expected={
                "X": lambda i, r: (
                    Sum(q, d_Q[i, q] * A[r, q]) + Sum(q, d_K[i, q] * B[r, q]) + Sum(o, d_V[i, o] * C[r, o])
                ),
                "W_q": lambda r, k: Sum(p, X[p, r] * d_Q[p, k]),
                "W_k": lambda r, k: Sum(p, X[p, r] * d_K[p, k]),
                "W_v": lambda r, l: Sum(p, X[p, r] * d_V[p, l]),
            },
            prose=(
                "The input is used three times, so its gradient is the sum of three.",
                "输入被使用三次, 故其梯度是三项之和。",
            ),
        ),
    ]


FORMULA = Formula(
    id="attn-backward",
    title="Attention, backward",
    title_zh="注意力机制的反向传播",
    program=program,
    claims=claims,
    reference="Dao et al. (2022), FlashAttention, appendix B.2; Vaswani et al. (2017), Attention Is All You Need, eq. (1)",
    summary=(
        "Attention mixes values by weights that a softmax makes of query-key products. Forward and backward together "
        "are seven matrix products and two passes over the weights.",
        "注意力用 softmax 由查询与键的乘积得到权重, 以此混合各值。前向与反向合计七次矩阵乘法与两次对权重的遍历。",
    ),
)
