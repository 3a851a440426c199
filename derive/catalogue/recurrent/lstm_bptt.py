"""LSTM, back-propagation through time: one recurrence forwards, one recurrence backwards."""

from __future__ import annotations

from derive import (
    Claim,
    Formula,
    Program,
    Sum,
    claim,
    first,
    inside,
    letters,
    names,
    recurrence,
    sigmoid,
    sizes,
    tanh,
    tensor,
    vjp,
)  # fmt: skip
from derive.index import Letter
from derive.nodes import Node
from derive.notation import add

GATES = (("i", "input gate", "输入门"), ("f", "forget gate", "遗忘门"), ("o", "output gate", "输出门"),
         ("g", "candidate", "候选记忆"))  # fmt: skip


def program() -> Program:
    """One sequence; the four gates are stacked in the order i, f, o, g."""
    T, D, H = sizes("T D H")
    t, r, k, q, a_ = letters("t r k q m", T, D, H, H, 4 * H)
    x = tensor("x", T, D, meaning=("input sequence", "输入序列"))
    h0 = tensor("h0", H, meaning=("initial hidden state", "初始隐状态"))
    c0 = tensor("c0", H, meaning=("initial memory cell", "初始记忆单元"))
    W = tensor("W_x", D, 4 * H, meaning=("weights on the input", "输入权重"))
    U = tensor("W_h", H, 4 * H, meaning=("weights on the hidden state", "隐状态权重"))
    b = tensor("b", 4 * H, meaning=("biases", "偏置"))
    p, e, a, i, f, o, g, c, h = names("h_prev c_prev a i f o g c h")
    made = recurrence(
        t,
        {
            p[t, k]: first(t, h0[k], h[t - 1, k]),
            e[t, k]: first(t, c0[k], c[t - 1, k]),
            a[t, a_]: Sum(r, x[t, r] * W[r, a_]) + Sum(q, p[t, q] * U[q, a_]) + b[a_],
            i[t, k]: sigmoid(a[t, k]),
            f[t, k]: sigmoid(a[t, k + H]),
            o[t, k]: sigmoid(a[t, k + 2 * H]),
            g[t, k]: tanh(a[t, k + 3 * H]),
            c[t, k]: f[t, k] * e[t, k] + i[t, k] * g[t, k],
            h[t, k]: o[t, k] * tanh(c[t, k]),
        },
        meanings={
            "h_prev": ("previous hidden state", "前一时刻的隐状态"),
            "c_prev": ("previous memory cell", "前一时刻的记忆单元"),
            "a": ("pre-activations of the four gates, stacked", "四个门的预激活, 依次堆叠"),
            **{name: (en, zh) for name, en, zh in GATES},
            "c": ("memory cell", "记忆单元"),
            "h": ("hidden state", "隐状态"),
        },
    )
    return Program.of([x, h0, c0, W, U, b], made["h"])


def claims(main: Program) -> list[Claim]:
    T, H = main.output.axes
    t, k, m = letters("t k m", T, H, 4 * H)
    found = vjp(main, ("x", "h0", "c0", "W_x", "W_h", "b"))
    x, W, U, p, e, i, f, o, g, c = (main.tensor(name) for name in ("x", "W_x", "W_h", "h_prev", "c_prev", *"ifogc"))
    d_a, d_c = found.tensor("d_a"), found.tensor("d_c")
    d_h = found.tensor("d_h_total")

    def stacked(time: Letter, row: Letter) -> Node:
        """The gradients in the four pre-activations, one below the other."""
        terms = []
        for place, gate in enumerate((i, f, o, g)):
            at = row - place * H
            slope = 1 - gate[time, at] ** 2 if gate is g else gate[time, at] * (1 - gate[time, at])
            terms.append(inside(found.tensor(f"d_{gate.name}")[time, at]) * slope)
        return add(*terms)

    return [
        claim(
            ("Backwards through time", "沿时间反向"),
            found,
            expected={
                "d_o": lambda t, k: d_h[t, k] * tanh(c[t, k]),
                "d_i": lambda t, k: d_c[t, k] * g[t, k],
                "d_g": lambda t, k: d_c[t, k] * i[t, k],
                "d_f": lambda t, k: d_c[t, k] * e[t, k],
                "d_a": lambda t, m: stacked(t, m),
                "d_c_prev": lambda t, k: d_c[t, k] * f[t, k],
                "d_h_prev": lambda t, k: Sum(m, d_a[t, m] * U[k, m]),
                "W_x": lambda r, a: Sum(t, d_a[t, a] * x[t, r]),
                "W_h": lambda q, a: Sum(t, d_a[t, a] * p[t, q]),
                "b": lambda a: Sum(t, d_a[t, a]),
                "x": lambda t, r: Sum(m, d_a[t, m] * W[r, m]),
                "h0": lambda k: found.tensor("d_h_prev")[0, k],
                "c0": lambda k: found.tensor("d_c_prev")[0, k],
            },
            prose=(
                "Every hidden state receives the loss at its own time and what the next step sends back; so does every "
                "memory cell, which reaches the loss through the output gate and through the next cell. The weights are "
                "the same at all times, so their gradients are sums over time.",
                "每个隐状态收到自身时刻的损失梯度与下一时刻传回的梯度; 记忆单元亦然, 它经由输出门和下一个记忆单元影响损失。"
                "各时刻共用同一组权重, 故其梯度是对时间的求和。",
            ),
        ),
    ]


FORMULA = Formula(
    id="lstm-bptt",
    title="LSTM, back-propagation through time",
    title_zh="LSTM 沿时间反向传播",
    program=program,
    claims=claims,
    reference="Hochreiter, Schmidhuber (1997), Long Short-Term Memory, appendix; Greff et al. (2017), LSTM: A Search "
    "Space Odyssey, appendix A",
    summary=(
        "An LSTM is a recurrence of nine definitions. Its backward pass is a recurrence in the other direction, found "
        "by the same rules as everything else.",
        "LSTM 是由九个定义组成的递推。它的反向传播是方向相反的递推, 所用法则与其他一切相同。",
    ),
)
