"""Networks: layers, activations, several layers under several losses, and what is put between layers."""

import numpy as np
from scipy.special import erf, expit

from benchmarks.classics.problem import Problem

AREA = "networks"


def sigmoid(Z):
    return 1 / (1 + np.exp(-Z))


def softmax(Z):
    E = np.exp(Z - np.max(Z, axis=-1, keepdims=True))
    return E / np.sum(E, axis=-1, keepdims=True)


def cross_entropy(P, Y):
    return -np.mean(np.sum(Y * np.log(P), axis=-1))


def dense_jacobian_forward(W, b, x):
    y = np.tanh(W @ x + b)
    return y


def dense_jacobian(W, b, x):
    y = np.tanh(W @ x + b)
    return (1 - y * y)[:, None] * W


def dense_jvp(W, b, x, t_x):
    y = np.tanh(W @ x + b)
    return (1 - y * y) * (W @ t_x)


def relu_regression(X, Y, W1, b1, W2, b2):
    Z = X @ W1 + b1
    H = np.maximum(Z, 0)
    P = H @ W2 + b2
    return np.mean(np.sum((P - Y) ** 2, axis=1))


def relu_regression_backward(X, Y, W1, b1, W2, b2):
    Z = X @ W1 + b1
    D = (np.maximum(Z, 0) @ W2 + b2 - Y) @ W2.T
    D *= Z > 0
    return X.T @ D * (2 / len(X))


def tanh_classifier(X, Y, W1, b1, W2, b2):
    H = np.tanh(X @ W1 + b1)
    P = softmax(H @ W2 + b2)
    return cross_entropy(P, Y)


def tanh_classifier_first(X, Y, W1, b1, W2, b2):
    H = np.tanh(X @ W1 + b1)
    D = (softmax(H @ W2 + b2) - Y) @ W2.T
    D *= 1 - H * H
    return X.T @ D / len(X)


def tanh_classifier_second(X, Y, W1, b1, W2, b2):
    H = np.tanh(X @ W1 + b1)
    return H.T @ (softmax(H @ W2 + b2) - Y) / len(X)


def tanh_classifier_bias(X, Y, W1, b1, W2, b2):
    H = np.tanh(X @ W1 + b1)
    D = (softmax(H @ W2 + b2) - Y) @ W2.T
    D *= 1 - H * H
    return D.mean(axis=0)


def three_layers(X, Y, W1, W2, W3):
    def layer(A, W):
        return sigmoid(A @ W)

    A1 = layer(X, W1)
    A2 = layer(A1, W2)
    P = softmax(A2 @ W3)
    return cross_entropy(P, Y)


def three_layers_backward(X, Y, W1, W2, W3):
    A1 = expit(X @ W1)
    A2 = expit(A1 @ W2)
    D = (softmax(A2 @ W3) - Y) @ W3.T
    D *= A2 * (1 - A2)
    D = D @ W2.T
    D *= A1 * (1 - A1)
    return X.T @ D / len(X)


def samples_in_columns(X, Y, W1, b1, W2, b2):
    """Biases are columns; binary targets."""
    m = X.shape[1]
    Z1 = np.dot(W1, X) + b1
    A1 = np.maximum(0, Z1)
    A2 = sigmoid(np.dot(W2, A1) + b2)
    cost = -1 / m * np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2))
    return np.squeeze(cost)


def samples_in_columns_backward(X, Y, W1, b1, W2, b2):
    Z1 = W1 @ X + b1
    A2 = expit(W2 @ np.maximum(Z1, 0) + b2)
    return np.sum(W2.T @ (A2 - Y) * (Z1 > 0), axis=1, keepdims=True) / X.shape[1]


def deep_tanh(x, y, W):
    h = x
    for layer in range(3):
        h = np.tanh(W[layer] @ h)
    return 0.5 * np.sum((h - y) ** 2)


def deep_tanh_backward(x, y, W):
    h = [x]
    for layer in W:
        h.append(np.tanh(layer @ h[-1]))
    G = np.empty_like(W)
    d = h[-1] - y
    for i in (2, 1, 0):
        d = d * (1 - h[i + 1] ** 2)
        np.outer(d, h[i], out=G[i])
        d = W[i].T @ d
    return G


def residual_block(X, W1, W2):
    Z = X @ W1
    Y = X + np.where(Z > 0, Z, 0) @ W2
    return Y


def residual_block_vjp(X, W1, W2, d_Y):
    return d_Y + (d_Y @ W2.T * (X @ W1 > 0)) @ W1.T


def gated_linear_unit(X, W, V, b, c):
    A = X @ W + b
    G = expit(X @ V + c)
    Y = A * G
    return Y


def gated_linear_unit_vjp(X, W, V, b, c, d_Y):
    A = X @ W + b
    G = expit(X @ V + c)
    return X.T @ (d_Y * A * G * (1 - G))


def swish_gate(X, W, V, U):
    def swish(a):
        return a / (1 + np.exp(-a))

    A = X @ W
    B = X @ V
    Y = (swish(A) * B) @ U
    return Y


def swish_gate_vjp(X, W, V, U, d_Y):
    A = X @ W
    S = expit(A)
    return X.T @ (d_Y @ U.T * (X @ V) * (S * (1 + A * (1 - S))))


def gelu(x):
    y = 0.5 * x * (1 + erf(x / np.sqrt(2)))
    return y


def gelu_vjp(x, d_y):
    cdf = 0.5 + 0.5 * erf(x * np.sqrt(0.5))
    pdf = np.exp(-0.5 * x * x) * (1 / np.sqrt(2 * np.pi))
    return d_y * (cdf + x * pdf)


def gelu_tanh(x):
    t = np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))
    y = 0.5 * x * (1 + t)
    return y


def gelu_tanh_vjp(x, d_y):
    root, square = np.sqrt(2 / np.pi), x * x
    t = np.tanh(root * x * (1 + 0.044715 * square))
    return 0.5 * d_y * (1 + t + x * (1 - t * t) * (root * (1 + 0.134145 * square)))


def squeeze_excitation(X, W1, W2):
    s = X.mean(axis=(2, 3))
    z = s @ W1
    e = sigmoid(np.maximum(z, 0) @ W2)
    Y = X * e[:, :, None, None]
    return Y


def squeeze_excitation_signal(X, W1, W2, d_Y):
    z = X.mean(axis=(2, 3)) @ W1
    e = expit(np.maximum(z, 0) @ W2)
    d = np.einsum("nchw,nchw->nc", d_Y, X) * e * (1 - e)
    return e, (d @ W2.T) * (z > 0)


def squeeze_excitation_weight_vjp(X, W1, W2, d_Y):
    _, d = squeeze_excitation_signal(X, W1, W2, d_Y)
    return X.mean(axis=(2, 3)).T @ d


def squeeze_excitation_input_vjp(X, W1, W2, d_Y):
    e, d = squeeze_excitation_signal(X, W1, W2, d_Y)
    pixels = X.shape[2] * X.shape[3]
    return d_Y * e[:, :, None, None] + (d @ W1.T)[:, :, None, None] / pixels


def dropout(X, Y, W1, W2, mask, keep):
    Z = X @ W1
    H = np.maximum(Z, 0) * mask / keep
    R = H @ W2 - Y
    return 0.5 * np.sum(R**2)


def dropout_backward(X, Y, W1, W2, mask, keep):
    Z = X @ W1
    on = mask * (Z > 0) / keep
    return X.T @ (((Z * on) @ W2 - Y) @ W2.T * on)


def weight_decay(X, Y, W1, W2, lam):
    H = np.tanh(X @ W1)
    P = softmax(H @ W2)
    penalty = sum(np.sum(W**2) for W in (W1, W2))
    return cross_entropy(P, Y) + 0.5 * lam * penalty


def weight_decay_backward(X, Y, W1, W2, lam):
    H = np.tanh(X @ W1)
    D = (softmax(H @ W2) - Y) @ W2.T
    D *= 1 - H * H
    return X.T @ D / len(X) + lam * W1


def tied_autoencoder(X, W, b, c):
    H = np.tanh(X @ W + b)
    E = H @ W.T + c - X
    return 0.5 * np.mean(np.sum(E**2, axis=1))


def tied_autoencoder_backward(X, W, b, c):
    H = np.tanh(X @ W + b)
    E = H @ W.T + c - X
    return (X.T @ (E @ W * (1 - H * H)) + E.T @ H) / len(X)


def embedding_lookup(E, W, Y, tokens):
    R = E[tokens] @ W - Y
    return 0.5 * np.sum(R**2)


def embedding_lookup_backward(E, W, Y, tokens):
    G = np.zeros_like(E)
    np.add.at(G, tokens, (E[tokens] @ W - Y) @ W.T)
    return G


def bag_of_words(E, w, y, tokens):
    """Every text is the mean of the vectors of its words."""
    h = E[tokens].mean(axis=1)
    p = sigmoid(h @ w)
    return -np.sum(y * np.log(p) + (1 - y) * np.log(1 - p))


def bag_of_words_backward(E, w, y, tokens):
    d = (expit(E[tokens].mean(axis=1) @ w) - y) / tokens.shape[1]
    counts = np.bincount(tokens.ravel(), np.repeat(d, tokens.shape[1]), minlength=len(E))
    return np.outer(counts, w)


def learned_positions(X, P, W):
    Y = np.tanh((X + P) @ W)
    return Y


def learned_positions_vjp(X, P, W, d_Y):
    Y = np.tanh((X + P) @ W)
    return np.sum(d_Y * (1 - Y * Y), axis=0) @ W.T


def sinusoidal_positions(X, W, T):
    steps, width = X.shape
    P = np.zeros((steps, width))
    t = np.arange(steps)[:, None]
    rate = 10000.0 ** (-np.arange(0, width, 2) / width)
    P[:, 0::2] = np.sin(t * rate)
    P[:, 1::2] = np.cos(t * rate)
    R = (X + P) @ W - T
    return 0.5 * np.sum(R**2)


def sinusoidal_positions_backward(X, W, T):
    steps, width = X.shape
    angle = np.arange(steps)[:, None] * 10000.0 ** (-np.arange(0, width, 2) / width)
    H = X + np.stack([np.sin(angle), np.cos(angle)], axis=2).reshape(steps, width)
    return H.T @ (H @ W - T)


TWO = {"X": ("n", "d"), "Y": ("n", "c"), "W1": ("d", "k"), "b1": ("k",), "W2": ("k", "c"), "b2": ("c",)}
SQUEEZE = {"X": ("N", "C", "H", "W"), "W1": ("C", "R"), "W2": ("R", "C")}


def low_rank_adapter(X, W, A, B, Y, alpha):
    r = A.shape[1]
    R = X @ (W + alpha / r * A @ B) - Y
    return (R**2).sum() / (2 * len(X))


def low_rank_adapter_backward(X, W, A, B, Y, alpha):
    R = X @ (W + alpha / A.shape[1] * A @ B) - Y
    return alpha / (A.shape[1] * len(X)) * (X.T @ (R @ B.T))


def mixture_of_experts(X, G, E, Y):
    P = softmax(X @ G)
    O = np.einsum("nd,kdm->nkm", X, E)
    R = np.einsum("nk,nkm->nm", P, O) - Y
    return 0.5 * (R**2).sum()


def mixture_of_experts_backward(X, G, E, Y):
    P = softmax(X @ G)
    O = (X @ E).transpose(1, 0, 2)
    R = (P[:, None, :] @ O)[:, 0] - Y
    S = (O @ R[:, :, None])[:, :, 0]
    return X.T @ (P * (S - np.einsum("nk,nk->n", P, S)[:, None]))


def convolved_graph(A, X, W1, W2, Y):
    Z = A @ X @ W1
    H = np.maximum(Z, 0)
    O = A @ H @ W2
    P = softmax(O)
    return -np.sum(Y * np.log(P))


def convolved_graph_backward(A, X, W1, W2, Y):
    AX = A @ X
    Z = AX @ W1
    P = softmax(A @ (np.maximum(Z, 0) @ W2))
    return AX.T @ (A.T @ (P - Y) @ W2.T * (Z > 0))


PROBLEMS = (
    Problem(
        name="dense-jacobian",
        area=AREA,
        function=dense_jacobian_forward,
        shapes={"W": ("m", "n"), "b": ("m",), "x": ("n",)},
        wrt="x",
        kind="jacobian",
        expert=r"\operatorname{diag}(1 - y \odot y) W",
        backward=dense_jacobian,
    ),
    Problem(
        name="dense-jvp",
        area=AREA,
        function=dense_jacobian_forward,
        shapes={"W": ("m", "n"), "b": ("m",), "x": ("n",)},
        wrt="x",
        kind="jvp",
        output="y",
        expert=r"(1 - y \odot y) \odot W \dot x",
        backward=dense_jvp,
    ),
    Problem(
        name="mlp-relu-mse",
        area=AREA,
        function=relu_regression,
        shapes=TWO,
        wrt="W1",
        expert=r"\frac{2}{n} X^\top \bigl((P - Y) W_2^\top \odot [Z > 0]\bigr)",
        backward=relu_regression_backward,
    ),
    Problem(
        name="mlp-tanh-cross-entropy",
        area=AREA,
        function=tanh_classifier,
        shapes=TWO,
        wrt="W1",
        domains={"Y": "simplex"},
        assumptions=lambda X, Y, W1, b1, W2, b2: [Y.sum(axis=1) == 1],
        expert=r"\frac{1}{n} X^\top \bigl((P - Y) W_2^\top \odot (1 - H \odot H)\bigr)",
        backward=tanh_classifier_first,
    ),
    Problem(
        name="mlp-tanh-cross-entropy-output",
        area=AREA,
        function=tanh_classifier,
        shapes=TWO,
        wrt="W2",
        domains={"Y": "simplex"},
        assumptions=lambda X, Y, W1, b1, W2, b2: [Y.sum(axis=1) == 1],
        expert=r"\frac{1}{n} H^\top (P - Y)",
        backward=tanh_classifier_second,
    ),
    Problem(
        name="mlp-tanh-cross-entropy-bias",
        area=AREA,
        function=tanh_classifier,
        shapes=TWO,
        wrt="b1",
        domains={"Y": "simplex"},
        assumptions=lambda X, Y, W1, b1, W2, b2: [Y.sum(axis=1) == 1],
        expert=r"\frac{1}{n} \bigl((P - Y) W_2^\top \odot (1 - H \odot H)\bigr)^\top \mathbf 1",
        backward=tanh_classifier_bias,
    ),
    Problem(
        name="mlp-sigmoid-three-layers",
        area=AREA,
        function=three_layers,
        shapes={"X": ("n", "d"), "Y": ("n", "c"), "W1": ("d", "k"), "W2": ("k", "m"), "W3": ("m", "c")},
        wrt="W1",
        domains={"Y": "one-hot"},
        assumptions=lambda X, Y, W1, W2, W3: [Y.sum(axis=1) == 1],
        where=(
            r"\delta_2 = (P - Y) W_3^\top \odot A_2 \odot (1 - A_2), \quad "
            r"\delta_1 = \delta_2 W_2^\top \odot A_1 \odot (1 - A_1)"
        ),
        expert=r"\frac{1}{n} X^\top \delta_1",
        backward=three_layers_backward,
    ),
    Problem(
        name="mlp-samples-in-columns",
        area=AREA,
        function=samples_in_columns,
        shapes={"X": ("d", "m"), "Y": (1, "m"), "W1": ("k", "d"), "b1": ("k", 1), "W2": (1, "k"), "b2": (1, 1)},
        wrt="b1",
        domains={"Y": "mask"},
        expert=r"\frac{1}{m} \bigl(W_2^\top (A_2 - Y) \odot [Z_1 > 0]\bigr) \mathbf 1",
        backward=samples_in_columns_backward,
        small=({"d": 3, "m": 5, "k": 4}, {"d": 4, "m": 3, "k": 5}),
        large={"d": 64, "m": 256, "k": 32},
    ),
    Problem(
        name="mlp-loop-over-layers",
        area=AREA,
        function=deep_tanh,
        shapes={"x": ("d",), "y": ("d",), "W": (3, "d", "d")},
        wrt="W",
        where=(
            r"\delta_3 = (h_3 - y) \odot (1 - h_3^2), \quad "
            r"\delta_l = W_{l+1}^\top \delta_{l+1} \odot (1 - h_l^2)"
        ),
        entry=r"\bar W_l",
        expert=r"\delta_l h_{l-1}^\top",
        backward=deep_tanh_backward,
        small=({"d": 2}, {"d": 3}),
        large={"d": 128},
    ),
    Problem(
        name="residual-block",
        area=AREA,
        function=residual_block,
        shapes={"X": ("n", "d"), "W1": ("d", "k"), "W2": ("k", "d")},
        wrt="X",
        kind="vjp",
        output="Y",
        expert=r"\bar Y + (\bar Y W_2^\top \odot [Z > 0]) W_1^\top",
        backward=residual_block_vjp,
    ),
    Problem(
        name="gated-linear-unit",
        area=AREA,
        function=gated_linear_unit,
        shapes={"X": ("n", "d"), "W": ("d", "k"), "V": ("d", "k"), "b": ("k",), "c": ("k",)},
        wrt="V",
        kind="vjp",
        output="Y",
        expert=r"X^\top (\bar Y \odot A \odot G \odot (1 - G))",
        backward=gated_linear_unit_vjp,
    ),
    Problem(
        name="swish-gated-unit",
        area=AREA,
        function=swish_gate,
        shapes={"X": ("n", "d"), "W": ("d", "k"), "V": ("d", "k"), "U": ("k", "d")},
        wrt="W",
        kind="vjp",
        output="Y",
        where=r"S = \sigma(A)",
        expert=r"X^\top \bigl(\bar Y U^\top \odot B \odot S \odot (1 + A \odot (1 - S))\bigr)",
        backward=swish_gate_vjp,
    ),
    Problem(
        name="gelu",
        area=AREA,
        function=gelu,
        shapes={"x": ("n", "d")},
        wrt="x",
        kind="vjp",
        output="y",
        expert=r"\bar y \odot (\Phi(x) + x \odot \varphi(x))",
        backward=gelu_vjp,
    ),
    Problem(
        name="gelu-tanh",
        area=AREA,
        function=gelu_tanh,
        shapes={"x": ("n", "d")},
        wrt="x",
        kind="vjp",
        output="y",
        expert=(
            r"\tfrac{1}{2} \bar y \odot \bigl(1 + t + \sqrt{2 / \pi}\, "
            r"x \odot (1 - t^2) \odot (1 + 0.134145\, x^2)\bigr)"
        ),
        backward=gelu_tanh_vjp,
    ),
    Problem(
        name="squeeze-excitation",
        area=AREA,
        function=squeeze_excitation,
        shapes=SQUEEZE,
        wrt="W1",
        kind="vjp",
        output="Y",
        where=r"\bar e_{nc} = \textstyle\sum_{h,w} \bar Y_{nchw} X_{nchw}",
        expert=r"s^\top \bigl((\bar e \odot e \odot (1 - e)) W_2^\top \odot [z > 0]\bigr)",
        backward=squeeze_excitation_weight_vjp,
        small=({"N": 3, "C": 4, "H": 2, "W": 5, "R": 6}, {"N": 2, "C": 3, "H": 4, "W": 2, "R": 5}),
        large={"N": 16, "C": 32, "H": 16, "W": 16, "R": 8},
    ),
    Problem(
        name="squeeze-excitation-input",
        area=AREA,
        function=squeeze_excitation,
        shapes=SQUEEZE,
        wrt="X",
        kind="vjp",
        output="Y",
        where=(
            r"\bar e_{nc} = \textstyle\sum_{h,w} \bar Y_{nchw} X_{nchw}, \quad "
            r"\bar z = (\bar e \odot e \odot (1 - e)) W_2^\top \odot [z > 0]"
        ),
        entry=r"\bar X_{nchw}",
        expert=r"e_{nc} \bar Y_{nchw} + \frac{1}{H W} (\bar z W_1^\top)_{nc}",
        backward=squeeze_excitation_input_vjp,
        small=({"N": 2, "C": 3, "H": 2, "W": 4, "R": 5}, {"N": 3, "C": 2, "H": 4, "W": 2, "R": 5}),
        large={"N": 16, "C": 32, "H": 16, "W": 16, "R": 8},
    ),
    Problem(
        name="dropout",
        area=AREA,
        function=dropout,
        shapes={
            "X": ("n", "d"),
            "Y": ("n", "c"),
            "W1": ("d", "k"),
            "W2": ("k", "c"),
            "mask": ("n", "k"),
            "keep": (),
        },
        wrt="W1",
        domains={"mask": "mask", "keep": "unit interval"},
        expert=r"\frac{1}{\mathrm{keep}} X^\top (R W_2^\top \odot \mathrm{mask} \odot [Z > 0])",
        backward=dropout_backward,
    ),
    Problem(
        name="weight-decay",
        area=AREA,
        function=weight_decay,
        shapes={"X": ("n", "d"), "Y": ("n", "c"), "W1": ("d", "k"), "W2": ("k", "c"), "lam": ()},
        wrt="W1",
        domains={"Y": "one-hot", "lam": "positive"},
        assumptions=lambda X, Y, W1, W2, lam: [Y.sum(axis=1) == 1],
        expert=r"\frac{1}{n} X^\top \bigl((P - Y) W_2^\top \odot (1 - H \odot H)\bigr) + \lambda W_1",
        backward=weight_decay_backward,
    ),
    Problem(
        name="tied-autoencoder",
        area=AREA,
        function=tied_autoencoder,
        shapes={"X": ("n", "d"), "W": ("d", "k"), "b": ("k",), "c": ("d",)},
        wrt="W",
        expert=r"\frac{1}{n} \bigl(X^\top (E W \odot (1 - H \odot H)) + E^\top H\bigr)",
        backward=tied_autoencoder_backward,
    ),
    Problem(
        name="embedding-lookup",
        area=AREA,
        function=embedding_lookup,
        shapes={"E": ("v", "d"), "W": ("d", "k"), "Y": ("n", "k"), "tokens": ("n",)},
        wrt="E",
        domains={"tokens": "integer below v"},
        where=r"T_{ij} = [j = \mathrm{tokens}_i]",
        expert=r"T^\top R W^\top",
        backward=embedding_lookup_backward,
    ),
    Problem(
        name="bag-of-words",
        area=AREA,
        function=bag_of_words,
        shapes={"E": ("v", "d"), "w": ("d",), "y": ("n",), "tokens": ("n", "T")},
        wrt="E",
        domains={"tokens": "integer below v", "y": "mask"},
        where=r"C_{ij} = \textstyle\sum_t [j = \mathrm{tokens}_{it}]",
        expert=r"\frac{1}{T} C^\top (p - y) w^\top",
        backward=bag_of_words_backward,
    ),
    Problem(
        name="learned-positions",
        area=AREA,
        function=learned_positions,
        shapes={"X": ("n", "t", "d"), "P": ("t", "d"), "W": ("d", "k")},
        wrt="P",
        kind="vjp",
        output="Y",
        expert=r"\sum_i \bigl(\bar Y_i \odot (1 - Y_i \odot Y_i)\bigr) W^\top",
        backward=learned_positions_vjp,
        large={"n": 32, "t": 64, "d": 32, "k": 16},
    ),
    Problem(
        name="sinusoidal-positions",
        area=AREA,
        function=sinusoidal_positions,
        shapes={"X": (5, 6), "W": (6, "k"), "T": (5, "k")},
        wrt="W",
        expert=r"(X + P)^\top R",
        backward=sinusoidal_positions_backward,
        large={"k": 256},
    ),
    Problem(
        name="low-rank-adapter",
        area=AREA,
        function=low_rank_adapter,
        shapes={"X": ("n", "d"), "W": ("d", "m"), "A": ("d", "r"), "B": ("r", "m"), "Y": ("n", "m"), "alpha": ()},
        wrt="A",
        expert=r"\frac{\alpha}{r n} X^\top R B^\top",
        backward=low_rank_adapter_backward,
    ),
    Problem(
        name="mixture-of-experts",
        area=AREA,
        function=mixture_of_experts,
        shapes={"X": ("n", "d"), "G": ("d", "k"), "E": ("k", "d", "m"), "Y": ("n", "m")},
        wrt="G",
        where=r"S_{nk} = \sum_m R_{nm} O_{nkm}",
        expert=r"X^\top \bigl(P \odot (S - (P \odot S) \mathbf 1 \mathbf 1^\top)\bigr)",
        backward=mixture_of_experts_backward,
    ),
    Problem(
        name="graph-network-two-layers",
        area=AREA,
        function=convolved_graph,
        shapes={"A": ("n", "n"), "X": ("n", "d"), "W1": ("d", "h"), "W2": ("h", "c"), "Y": ("n", "c")},
        wrt="W1",
        domains={"Y": "one-hot"},
        expert=r"(A X)^\top (A^\top (P - Y) W_2^\top \odot [Z > 0])",
        backward=convolved_graph_backward,
    ),
)
