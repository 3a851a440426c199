"""Recurrent networks: loops over time, LSTM and GRU."""

import numpy as np
from scipy.special import expit

from benchmarks.classics.problem import Problem

AREA = "recurrent"


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def smoothing(x, y, a):
    """A linear recurrence, compared with a target at every step."""
    h = 0.0
    loss = 0.0
    for t in range(4):
        h = a * h + x[t]
        loss = loss + 0.5 * (h - y[t]) ** 2
    return loss


def smoothing_backward(x, y, a):
    h = [0.0]
    for one in x:
        h.append(a * h[-1] + one)
    d = total = 0.0
    for t in (3, 2, 1, 0):
        d = h[t + 1] - y[t] + a * d
        total += d * h[t]
    return total


def rnn(X, y, W, U, b):
    h = np.zeros(U.shape[0])
    for t in range(4):
        h = np.tanh(X[t] @ W + h @ U + b)
    return 0.5 * np.sum((h - y) ** 2)


def rnn_states(X, W, U, b):
    states = [np.zeros(len(U))]
    for drive in X @ W + b:
        states.append(np.tanh(drive + states[-1] @ U))
    return np.array(states)


def rnn_deltas(H, U, d):
    deltas = np.empty_like(H[1:])
    for t in (3, 2, 1, 0):
        deltas[t] = d * (1 - H[t + 1] ** 2)
        d = U @ deltas[t]
    return deltas


def rnn_recurrent_backward(X, y, W, U, b):
    H = rnn_states(X, W, U, b)
    return H[:-1].T @ rnn_deltas(H, U, H[-1] - y)


def rnn_input_backward(X, y, W, U, b):
    H = rnn_states(X, W, U, b)
    return X.T @ rnn_deltas(H, U, H[-1] - y)


def rnn_batch(X, Y, W, U, V):
    """All outputs are compared with targets; states are kept in an array."""
    n, steps, _ = Y.shape
    h = np.zeros((n, U.shape[0]))
    H = np.zeros((n, steps, U.shape[0]))
    for t in range(steps):
        h = np.tanh(X[:, t] @ W + h @ U)
        H[:, t, :] = h
    E = H @ V - Y
    return 0.5 * np.sum(E**2)


def rnn_batch_backward(X, Y, W, U, V):
    H = [np.zeros((len(X), len(U)))]
    for t in range(3):
        H.append(np.tanh(X[:, t] @ W + H[-1] @ U))
    direct = (np.stack(H[1:], axis=1) @ V - Y) @ V.T
    total, d = np.zeros_like(U), 0.0
    for t in (2, 1, 0):
        d = (direct[:, t] + d) * (1 - H[t + 1] ** 2)
        total += H[t].T @ d
        d = d @ U.T
    return total


def lstm_step(x, h, c, W, U, b):
    z = x @ W + h @ U + b
    k = h.shape[1]
    i = sigmoid(z[:, :k])
    f = sigmoid(z[:, k : 2 * k])
    o = sigmoid(z[:, 2 * k : 3 * k])
    g = np.tanh(z[:, 3 * k :])
    c1 = f * c + i * g
    h1 = o * np.tanh(c1)
    return h1


def lstm_gates(z, c):
    """The gates, and the hyperbolic tangent of the new cell beside that cell."""
    k = c.shape[1]
    i, f, o = np.split(expit(z[:, : 3 * k]), 3, axis=1)
    g = np.tanh(z[:, 3 * k :])
    cell = f * c + i * g
    return i, f, o, g, np.tanh(cell), cell


def lstm_gate_cotangents(gates, c, d_h, d_c):
    """Of the gates' inputs, and of the old cell, from those of the new state and the new cell."""
    i, f, o, g, u, _ = gates
    d_c = d_c + d_h * o * (1 - u * u)
    d_z = [d_c * g * i * (1 - i), d_c * c * f * (1 - f), d_h * u * o * (1 - o), d_c * i * (1 - g * g)]
    return np.concatenate(d_z, axis=1), d_c * f


def lstm_step_weight_vjp(x, h, c, W, U, b, d_h1):
    d_z, _ = lstm_gate_cotangents(lstm_gates(x @ W + h @ U + b, c), c, d_h1, 0.0)
    return x.T @ d_z


def lstm_step_cell_vjp(x, h, c, W, U, b, d_h1):
    _, f, o, _, u, _ = lstm_gates(x @ W + h @ U + b, c)
    return d_h1 * o * (1 - u * u) * f


def lstm_unrolled(X, Y, W, U, b):
    n, k = X.shape[1], U.shape[0]
    h = np.zeros((n, k))
    c = np.zeros((n, k))
    for t in range(3):
        i, f, o, g = np.split(X[t] @ W + h @ U + b, 4, axis=1)
        i, f, o, g = sigmoid(i), sigmoid(f), sigmoid(o), np.tanh(g)
        c = f * c + i * g
        h = o * np.tanh(c)
    return 0.5 * ((h - Y) ** 2).sum()


def lstm_unrolled_backward(X, Y, W, U, b):
    k = len(U)
    h, c = np.zeros((2, X.shape[1], k))
    saved = []
    for drive in X @ W + b:
        gates = lstm_gates(drive + h @ U, c)
        saved.append((h, c, gates))
        h, c = gates[2] * gates[4], gates[5]
    d_h, d_c, total = h - Y, 0.0, np.zeros_like(U)
    for before, cell, gates in reversed(saved):
        d_z, d_c = lstm_gate_cotangents(gates, cell, d_h, d_c)
        total += before.T @ d_z
        d_h = d_z @ U.T
    return total


def gru_step(x, h, Wz, Uz, Wr, Ur, Wh, Uh):
    z = sigmoid(x @ Wz + h @ Uz)
    r = sigmoid(x @ Wr + h @ Ur)
    g = np.tanh(x @ Wh + (r * h) @ Uh)
    h1 = (1 - z) * h + z * g
    return h1


def gru_step_state_vjp(x, h, Wz, Uz, Wr, Ur, Wh, Uh, d_h1):
    z, r = expit(x @ Wz + h @ Uz), expit(x @ Wr + h @ Ur)
    g = np.tanh(x @ Wh + (r * h) @ Uh)
    d_g = (d_h1 * z * (1 - g * g)) @ Uh.T
    d_z = d_h1 * (g - h) * z * (1 - z)
    d_r = d_g * h * r * (1 - r)
    return d_h1 * (1 - z) + d_g * r + d_z @ Uz.T + d_r @ Ur.T


def gru_step_weight_vjp(x, h, Wz, Uz, Wr, Ur, Wh, Uh, d_h1):
    z, r = expit(x @ Wz + h @ Uz), expit(x @ Wr + h @ Ur)
    g = np.tanh(x @ Wh + (r * h) @ Uh)
    d_g = d_h1 * z * (1 - g * g)
    return h.T @ (d_g @ Uh.T * h * r * (1 - r))


def gru_unrolled(X, y, W, U, V):
    """Update gate and candidate only; the input comes in through one matrix for both."""
    k = y.size
    h = np.zeros(k)
    for t in range(3):
        a = W @ X[t]
        z = sigmoid(a[:k] + U @ h)
        g = np.tanh(a[k:] + V @ h)
        h = (1 - z) * h + z * g
    return 0.5 * np.sum(np.square(h - y))


def gru_unrolled_backward(X, y, W, U, V):
    k = y.size
    h = np.zeros(k)
    saved = []
    for a in X @ W.T:
        z, g = expit(a[:k] + U @ h), np.tanh(a[k:] + V @ h)
        saved.append((h, z, g))
        h = h + z * (g - h)
    d, deltas = h - y, []
    for before, z, g in reversed(saved):
        d_g = d * z * (1 - g * g)
        d_z = d * (g - before) * z * (1 - z)
        deltas.append(d_g)
        d = d * (1 - z) + d_z @ U + d_g @ V
    return np.array(deltas[::-1]).T @ np.array([before for before, _, _ in saved])


def euler_steps(x, y, W, step):
    """A differential equation, followed for four steps."""
    for _ in range(4):
        x = x + step * np.tanh(W @ x)
    return 0.5 * np.sum((x - y) ** 2)


def euler_steps_backward(x, y, W, step):
    states = [x]
    for _ in range(4):
        states.append(states[-1] + step * np.tanh(W @ states[-1]))
    H = np.array(states)
    slopes = 1 - (np.diff(H, axis=0) / step) ** 2
    d, deltas = H[4] - y, np.empty_like(slopes)
    for t in (3, 2, 1, 0):
        deltas[t] = step * d * slopes[t]
        d = d + deltas[t] @ W
    return deltas.T @ H[:4]


SEQUENCE = {"X": (4, "d"), "y": ("k",), "W": ("d", "k"), "U": ("k", "k"), "b": ("k",)}
LSTM = {
    "x": ("n", "d"),
    "h": ("n", "k"),
    "c": ("n", "k"),
    "W": ("d", "4*k"),
    "U": ("k", "4*k"),
    "b": ("4*k",),
}
GRU = {
    "x": ("n", "d"),
    "h": ("n", "k"),
    "Wz": ("d", "k"),
    "Uz": ("k", "k"),
    "Wr": ("d", "k"),
    "Ur": ("k", "k"),
    "Wh": ("d", "k"),
    "Uh": ("k", "k"),
}
RNN = r"\delta_4 = (h_4 - y) \odot (1 - h_4^2), \quad \delta_t = U \delta_{t+1} \odot (1 - h_t^2)"

PROBLEMS = (
    Problem(
        name="linear-recurrence",
        area=AREA,
        function=smoothing,
        shapes={"x": (4,), "y": (4,), "a": ()},
        wrt="a",
        where=(r"\delta_5 = 0, \quad \delta_t = h_t - y_t + a \delta_{t+1}"),
        expert=r"\sum_{t=1}^{4} \delta_t h_{t-1}",
        backward=smoothing_backward,
    ),
    Problem(
        name="rnn-recurrent-weights",
        area=AREA,
        function=rnn,
        shapes=SEQUENCE,
        wrt="U",
        where=RNN,
        expert=r"\sum_{t=1}^{4} h_{t-1} \delta_t^\top",
        backward=rnn_recurrent_backward,
        large={"d": 64, "k": 128},
    ),
    Problem(
        name="rnn-input-weights",
        area=AREA,
        function=rnn,
        shapes=SEQUENCE,
        wrt="W",
        where=RNN,
        expert=r"\sum_{t=1}^{4} x_t \delta_t^\top",
        backward=rnn_input_backward,
        large={"d": 64, "k": 128},
    ),
    Problem(
        name="rnn-batch",
        area=AREA,
        function=rnn_batch,
        shapes={"X": ("n", 3, "d"), "Y": ("n", 3, "o"), "W": ("d", "k"), "U": ("k", "k"), "V": ("k", "o")},
        wrt="U",
        where=(
            r"\delta_4 = 0, \quad "
            r"\delta_t = (E_t V^\top + \delta_{t+1} U^\top) \odot (1 - h_t^2)"
        ),
        expert=r"\sum_{t=1}^{3} h_{t-1}^\top \delta_t",
        backward=rnn_batch_backward,
        small=({"n": 2, "d": 4, "o": 5, "k": 3}, {"n": 3, "d": 2, "o": 3, "k": 4}),
        large={"n": 64, "d": 32, "o": 16, "k": 64},
    ),
    Problem(
        name="lstm-step",
        area=AREA,
        function=lstm_step,
        shapes=LSTM,
        wrt="W",
        kind="vjp",
        output="h1",
        where=r"u = \tanh(c_1), \quad \bar c = \bar h_1 \odot o \odot (1 - u^2)",
        expert=(
            r"x^\top \bigl[\bar c \odot g \odot i \odot (1 - i),\; \bar c \odot c \odot f \odot (1 - f),\; "
            r"\bar h_1 \odot u \odot o \odot (1 - o),\; \bar c \odot i \odot (1 - g^2)\bigr]"
        ),
        backward=lstm_step_weight_vjp,
        small=({"n": 4, "d": 3, "k": 2}, {"n": 2, "d": 2, "k": 3}),
        large={"n": 64, "d": 64, "k": 64},
    ),
    Problem(
        name="lstm-step-cell",
        area=AREA,
        function=lstm_step,
        shapes=LSTM,
        wrt="c",
        kind="vjp",
        output="h1",
        expert=r"\bar h_1 \odot o \odot \bigl(1 - \tanh^2(c_1)\bigr) \odot f",
        backward=lstm_step_cell_vjp,
        large={"n": 64, "d": 64, "k": 64},
    ),
    Problem(
        name="lstm-unrolled",
        area=AREA,
        function=lstm_unrolled,
        shapes={"X": (3, "n", "d"), "Y": ("n", "k"), "W": ("d", "4*k"), "U": ("k", "4*k"), "b": ("4*k",)},
        wrt="U",
        where=(
            r"\begin{gathered}"
            r"u_t = \tanh(c_t), \quad "
            r"\bar h_3 = h_3 - Y, \quad \bar h_t = \delta_{t+1} U^\top, \\ "
            r"\bar c_t = \bar h_t \odot o_t \odot (1 - u_t^2) + \bar c_{t+1} \odot f_{t+1}, \quad \bar c_4 = 0, \\ "
            r"\delta_t = \bigl[\bar c_t \odot g_t \odot i_t \odot (1 - i_t),\; "
            r"\bar c_t \odot c_{t-1} \odot f_t \odot (1 - f_t),\; "
            r"\bar h_t \odot u_t \odot o_t \odot (1 - o_t),\; \bar c_t \odot i_t \odot (1 - g_t^2)\bigr]"
            r"\end{gathered}"
        ),
        expert=r"\sum_{t=1}^{3} h_{t-1}^\top \delta_t",
        backward=lstm_unrolled_backward,
        small=({"n": 3, "d": 4, "k": 2}, {"n": 2, "d": 4, "k": 3}),
        large={"n": 64, "d": 32, "k": 64},
    ),
    Problem(
        name="gru-step-state",
        area=AREA,
        function=gru_step,
        shapes=GRU,
        wrt="h",
        kind="vjp",
        output="h1",
        where=(
            r"\delta_z = \bar h_1 \odot (g - h) \odot z \odot (1 - z), \quad "
            r"G = \bigl(\bar h_1 \odot z \odot (1 - g^2)\bigr) U_h^\top, \quad "
            r"\delta_r = G \odot h \odot r \odot (1 - r)"
        ),
        expert=r"\bar h_1 \odot (1 - z) + G \odot r + \delta_z U_z^\top + \delta_r U_r^\top",
        backward=gru_step_state_vjp,
        large={"n": 64, "d": 64, "k": 64},
    ),
    Problem(
        name="gru-step-reset",
        area=AREA,
        function=gru_step,
        shapes=GRU,
        wrt="Ur",
        kind="vjp",
        output="h1",
        expert=(
            r"h^\top \Bigl(\bigl(\bar h_1 \odot z \odot (1 - g^2)\bigr) U_h^\top \odot h \odot r \odot (1 - r)\Bigr)"
        ),
        backward=gru_step_weight_vjp,
        large={"n": 64, "d": 64, "k": 64},
    ),
    Problem(
        name="gru-unrolled",
        area=AREA,
        function=gru_unrolled,
        shapes={"X": (3, "d"), "y": ("k",), "W": ("2*k", "d"), "U": ("k", "k"), "V": ("k", "k")},
        wrt="V",
        where=(
            r"\begin{gathered}"
            r"\delta_t = \bar h_t \odot z_t \odot (1 - g_t^2), \quad "
            r"\varepsilon_t = \bar h_t \odot (g_t - h_{t-1}) \odot z_t \odot (1 - z_t), \\ "
            r"\bar h_3 = h_3 - y, \quad "
            r"\bar h_{t-1} = \bar h_t \odot (1 - z_t) + U^\top \varepsilon_t + V^\top \delta_t"
            r"\end{gathered}"
        ),
        expert=r"\sum_{t=1}^{3} \delta_t h_{t-1}^\top",
        backward=gru_unrolled_backward,
        large={"d": 64, "k": 128},
    ),
    Problem(
        name="euler-steps",
        area=AREA,
        function=euler_steps,
        shapes={"x": ("d",), "y": ("d",), "W": ("d", "d"), "step": ()},
        wrt="W",
        domains={"step": "positive"},
        where=(
            r"\bar x_4 = x_4 - y, \quad \delta_t = \bar x_t \odot \bigl(1 - \tanh^2(W x_{t-1})\bigr), \quad "
            r"\bar x_{t-1} = \bar x_t + \mathrm{step}\, W^\top \delta_t"
        ),
        expert=r"\mathrm{step} \sum_{t=1}^{4} \delta_t x_{t-1}^\top",
        backward=euler_steps_backward,
        large={"d": 192},
    ),
)
