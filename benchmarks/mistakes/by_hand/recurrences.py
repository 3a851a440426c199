"""Recurrences and attention, with their backward passes by hand."""

import numpy as np

from benchmarks.mistakes.by_hand.family import Family, normal, switched
from benchmarks.mistakes.by_hand.functions import sigmoid, softmax

# Every backward pass takes switches; with none of them it is right.

# Recurrences.


def rnn_forward(x, h0, wx, wh, b):
    h, states = h0, [h0]
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ wx + h @ wh + b)
        states.append(h)
    return np.stack(states[1:], axis=1), (x, wx, wh, states)


def rnn_backward(
    d,
    saved,
    *,
    carry=True,
    last=False,
    previous=True,
    transposed=True,
    slope=True,
    overwrite=False,
    truncated=None,
    leave=0,
):
    x, wx, wh, states = saved
    steps = x.shape[1]
    dx, dwx, dwh, db = np.zeros_like(x), np.zeros_like(wx), np.zeros_like(wh), np.zeros(wh.shape[0])
    dh = np.zeros_like(states[0])
    for t in reversed(range(leave, steps)):
        upstream = d[:, t] if not last or t == steps - 1 else 0.0
        dh = upstream + (dh if carry and (truncated is None or steps - 1 - t < truncated) else 0.0)
        dz = dh * (1 - states[t + 1] ** 2) if slope else dh
        dx[:, t] = dz @ wx.T
        new = x[:, t].T @ dz, states[t if previous else t + 1].T @ dz, dz.sum(axis=0)
        dwx, dwh, db = new if overwrite else (dwx + new[0], dwh + new[1], db + new[2])
        dh = dz @ (wh.T if transposed else wh)
    return {"x": dx, "h0": dh if carry else np.zeros_like(dh), "wx": dwx, "wh": dwh, "b": db}


RNN = Family(
    name="recurrent network",
    forward=rnn_forward,
    right=rnn_backward,
    inputs=normal((2, 5, 3), (2, 4), (3, 4), (4, 4), (4,), scale=0.7),
    saved=True,
)


def rnn(what, kind, culprits, *or_kind, **switches):
    return RNN.wrong(what, switched(rnn_backward, **switches), kind, culprits, *or_kind)


RNN_MISTAKES = (
    rnn("nothing through time", "path", (0, 1, 2, 3, 4), "accumulate", carry=False),
    rnn("upstream of the last step only", "accumulate", (0, 1, 2, 3, 4), "path", "cotangent", last=True),
    rnn("this state for the previous", "index", (3,), previous=False),
    rnn("wh not transposed", "axis", (0, 1, 2, 3, 4), transposed=False),
    rnn("tanh forgotten", "path", (0, 1, 2, 3, 4), slope=False),
    rnn("= for +=", "accumulate", (2, 3, 4), overwrite=True),
    rnn("truncated after three steps", "path", (0, 1, 2, 3, 4), "accumulate", truncated=3),
    rnn("first step left out", "index", (0, 1, 2, 3, 4), "accumulate", "path", leave=1),
)


def lstm_forward(x, h0, c0, w):
    a = np.concatenate([x, h0], axis=1) @ w
    i, f, o, g = np.split(a, 4, axis=1)
    i, f, o, g = sigmoid(i), sigmoid(f), sigmoid(o), np.tanh(g)
    c = f * c0 + i * g
    return (o * np.tanh(c), c), (x, h0, c0, w, i, f, o, g, c)


def lstm_backward(
    d, saved, *, order=("i", "f", "o", "g"), cell=True, outer=True, candidate="tanh", forget="c0", slope=True
):
    d_h, d_c = d
    x, h0, c0, w, i, f, o, g, c = saved
    dc = (d_c if cell else 0.0) + (d_h * o * (1 - np.tanh(c) ** 2 if slope else 1.0) if outer else 0.0)
    parts = {
        "i": dc * g * i * (1 - i),
        "f": dc * (c0 if forget == "c0" else c) * f * (1 - f),
        "o": d_h * np.tanh(c) * o * (1 - o),
        "g": dc * i * (1 - g**2 if candidate == "tanh" else g * (1 - g)),
    }
    da = np.concatenate([parts[name] for name in order], axis=1)
    d_in = da @ w.T
    return {
        "x": d_in[:, : x.shape[1]].copy(),
        "h0": d_in[:, x.shape[1] :].copy(),
        "c0": dc * f,
        "w": np.concatenate([x, h0], axis=1).T @ da,
    }


LSTM = Family(
    name="lstm cell",
    forward=lstm_forward,
    right=lstm_backward,
    inputs=normal((2, 4), (2, 3), (2, 3), (7, 12), scale=0.8),
    saved=True,
)


def lstm(what, kind, culprits, *or_kind, **switches):
    return LSTM.wrong(what, switched(lstm_backward, **switches), kind, culprits, *or_kind)


LSTM_MISTAKES = (
    lstm("gates f and i swapped", "gate", (0, 1, 3), order=("f", "i", "o", "g")),
    lstm("gates o and g swapped", "gate", (0, 1, 3), order=("i", "f", "g", "o")),
    lstm("upstream of the cell forgotten", "path", (0, 1, 2, 3), "cotangent", cell=False),
    lstm("output's way to the cell forgotten", "path", (0, 1, 2, 3), outer=False),
    lstm("candidate as a sigmoid", "path", (0, 1, 3), "gate", candidate="sigmoid"),
    lstm("new cell for the old", "gate", (0, 1, 3), "index", "path", "cache", forget="c"),
    lstm("tanh of the cell forgotten", "path", (0, 1, 2, 3), "scale", slope=False),
)


def gru_forward(x, h, wz, wr, wh):
    xh = np.concatenate([x, h], axis=1)
    z, r = sigmoid(xh @ wz), sigmoid(xh @ wr)
    n = np.tanh(np.concatenate([x, r * h], axis=1) @ wh)
    return (1 - z) * n + z * h, (x, h, wz, wr, wh, z, r, n)


def gru_backward(d, saved, *, direct=True, reset=True, swapped=False, update=1.0, through=True):
    x, h, wz, wr, wh, z, r, n = saved
    k = x.shape[1]
    xh, xrh = np.concatenate([x, h], axis=1), np.concatenate([x, r * h], axis=1)
    dn = d * (z if swapped else 1 - z) * (1 - n**2)
    dz = update * d * (h - n) * z * (1 - z)
    d_xrh = dn @ wh.T
    dr = d_xrh[:, k:] * h * r * (1 - r) if through else np.zeros_like(r)
    d_xh = dz @ wz.T + dr @ wr.T
    dh = d_xh[:, k:] + d_xrh[:, k:] * (r if reset else 1.0)
    if direct:
        dh = dh + d * (1 - z if swapped else z)
    return {"x": d_xh[:, :k] + d_xrh[:, :k], "h": dh, "wz": xh.T @ dz, "wr": xh.T @ dr, "wh": xrh.T @ dn}


GRU = Family(
    name="gru cell",
    forward=gru_forward,
    right=gru_backward,
    inputs=normal((2, 3), (2, 4), (7, 4), (7, 4), (7, 4), scale=0.8),
    saved=True,
)


def gru(what, kind, culprits, *or_kind, **switches):
    return GRU.wrong(what, switched(gru_backward, **switches), kind, culprits, *or_kind)


GRU_MISTAKES = (
    gru("direct way forgotten", "path", (1,), direct=False),
    gru("reset gate forgotten", "path", (1,), "gate", reset=False),
    gru("z and 1 - z swapped", "gate", (0, 1, 3, 4), swapped=True),
    gru("update gate with minus", "sign", (0, 1, 2), "gate", update=-1.0),
    gru("nothing through the reset gate", "path", (0, 1, 3), "gate", through=False),
)

# Attention.


def attention_forward(q, k, v):
    p = softmax(np.where(np.tri(len(q), dtype=bool), q @ k.T / np.sqrt(q.shape[1]), -np.inf))
    return p @ v, (q, k, v, p)


def attention_backward(
    d, saved, *, scaled=(True, True), jacobian=True, turned=False, keys=False, sum_axis=1, values=True, squared=False
):
    q, k, v, p = saved
    dp = d @ v.T
    ds = p * (dp - (dp * p).sum(axis=sum_axis, keepdims=True)) if jacobian else dp * p
    width = q.shape[1] if squared else np.sqrt(q.shape[1])
    return {
        "q": ds @ k / (width if scaled[0] else 1),
        "k": (ds if keys else ds.T) @ q / (width if scaled[1] else 1),
        "v": (p if turned else p.T) @ d,
    }


ATTENTION = Family(
    name="causal attention",
    forward=attention_forward,
    right=attention_backward,
    inputs=normal((4, 3), (4, 3), (4, 5)),
    saved=True,
)


def attention(what, kind, culprits, *or_kind, **switches):
    return ATTENTION.wrong(what, switched(attention_backward, **switches), kind, culprits, *or_kind)


ATTENTION_MISTAKES = (
    attention("root of the width forgotten", "scale", (0, 1), scaled=(False, False)),
    attention("root of the width forgotten for keys", "scale", (1,), scaled=(True, False)),
    attention("width for its root", "scale", (0, 1), squared=True),
    attention("softmax's sum forgotten", "path", (0, 1), jacobian=False),
    attention("scores not transposed for keys", "axis", (1,), keys=True),
    attention("weights not transposed for values", "axis", (2,), turned=True),
    attention("softmax along the queries", "axis", (0, 1), sum_axis=0),
    ATTENTION.wrong(
        "queries and keys swapped",
        lambda d, saved: (g := attention_backward(d, saved)) and {"q": g["k"], "k": g["q"], "v": g["v"]},
        "gate",
        (0, 1),
    ),
)


def heads_forward(x, w):
    n, s, _ = x.shape
    return (x @ w).reshape(n, s, 2, 3).transpose(0, 2, 1, 3), (x, w)


def heads_backward(d, saved, order=(0, 2, 1, 3)):
    x, w = saved
    flat = d.transpose(order).reshape(x.shape[0], x.shape[1], -1)
    return {"x": flat @ w.T, "w": np.einsum("nsi,nso->io", x, flat)}


HEADS = Family(
    name="splitting of heads",
    forward=heads_forward,
    right=heads_backward,
    inputs=normal((2, 4, 3), (3, 6)),
    saved=True,
)
HEADS_MISTAKES = (
    HEADS.wrong("only reshaped", switched(heads_backward, order=(0, 1, 2, 3)), "axis", (0, 1)),
    HEADS.wrong("width before heads", switched(heads_backward, order=(0, 2, 3, 1)), "axis", (0, 1)),
)

MISTAKES = (
    *RNN_MISTAKES,
    *LSTM_MISTAKES,
    *GRU_MISTAKES,
    *ATTENTION_MISTAKES,
    *HEADS_MISTAKES,
)


def peaked(rng):
    q, k, v = normal((4, 3), (4, 3), (4, 5))(rng)
    return 6 * q, 6 * k, v


CORRECT = (
    RNN.correct("saturated", inputs=normal((2, 5, 3), (2, 4), (3, 4), (4, 4), (4,), scale=3.0)),
    LSTM.correct("two outputs", hard=False),
    GRU.correct("at random", hard=False),
    ATTENTION.correct("peaked", inputs=peaked),
)
