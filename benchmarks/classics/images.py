"""Signals and images: convolution in one and two dimensions, pooling, upsampling, total variation, style."""

import numpy as np

from benchmarks.classics.problem import Problem

AREA = "images"


def filter_signal(x, w):
    n = x.shape[0]
    y = np.zeros(n - 2)
    for k in range(3):
        y += w[k] * x[k : k + n - 2]
    return y


def filter_signal_kernel_vjp(x, w, d_y):
    return np.array([d_y @ x[k : k + d_y.size] for k in range(3)])


def filter_signal_input_vjp(x, w, d_y):
    return np.convolve(d_y, w)


def convolve_signal(x, w):
    y = np.convolve(x, w, mode="valid")
    return y


def convolve_signal_vjp(x, w, d_y):
    return np.correlate(x, d_y, mode="valid")[::-1]


def strided_convolution(X, W, b):
    """Kernel of length 3, stride 2, one zero on both sides."""
    length = X.shape[2]
    Xp = np.pad(X, ((0, 0), (0, 0), (1, 1)))
    Y = b[:, None]
    for u in range(3):
        Y = Y + np.einsum("ncl,oc->nol", Xp[:, :, u : u + length : 2], W[:, :, u])
    return Y


def strided_convolution_kernel_vjp(X, W, b, d_Y):
    length = X.shape[2]
    Xp = np.pad(X, ((0, 0), (0, 0), (1, 1)))
    G = np.empty_like(W)
    for u in range(3):
        G[:, :, u] = np.tensordot(d_Y, Xp[:, :, u : u + length : 2], axes=((0, 2), (0, 2)))
    return G


def strided_convolution_input_vjp(X, W, b, d_Y):
    n, c, length = X.shape
    G = np.zeros((n, c, length + 2))
    for u in range(3):
        G[:, :, u : u + length : 2] += W[:, :, u].T @ d_Y
    return G[:, :, 1:-1]


def convolution(X, K):
    """Kernels of 3 by 3, zeros around, so that the size stays."""
    n, c, h, w = X.shape
    Xp = np.pad(X, ((0, 0), (0, 0), (1, 1), (1, 1)))
    Y = np.zeros((n, K.shape[0], h, w))
    for i in range(3):
        for j in range(3):
            Y += np.einsum("nchw,oc->nohw", Xp[:, :, i : i + h, j : j + w], K[:, :, i, j])
    return Y


def convolution_kernel_vjp(X, K, d_Y):
    n, c, h, w = X.shape
    Xp = np.pad(X, ((0, 0), (0, 0), (1, 1), (1, 1)))
    G = np.empty_like(K)
    for i in range(3):
        for j in range(3):
            G[:, :, i, j] = np.tensordot(d_Y, Xp[:, :, i : i + h, j : j + w], axes=((0, 2, 3), (0, 2, 3)))
    return G


def convolution_input_vjp(X, K, d_Y):
    n, c, h, w = X.shape
    rows = d_Y.reshape(n, -1, h * w)
    G = np.zeros((n, c, h + 2, w + 2))
    for i in range(3):
        for j in range(3):
            G[:, :, i : i + h, j : j + w] += (K[:, :, i, j].T @ rows).reshape(n, c, h, w)
    return G[:, :, 1:-1, 1:-1]


def strided_filter(x, k):
    """One channel, kernel of 3 by 3, stride 2, one zero around."""
    h, w = x.shape
    p = np.zeros((h + 2, w + 2))
    p[1:-1, 1:-1] = x
    y = np.zeros((h // 2, w // 2))
    for i in range(3):
        for j in range(3):
            y = y + k[i, j] * p[i : i + h : 2, j : j + w : 2]
    return y


def strided_filter_kernel_vjp(x, k, d_y):
    h, w = x.shape
    p = np.pad(x, 1)
    return np.array([[np.vdot(d_y, p[i : i + h : 2, j : j + w : 2]) for j in range(3)] for i in range(3)])


def strided_filter_input_vjp(x, k, d_y):
    h, w = x.shape
    G = np.zeros((h + 2, w + 2))
    for i in range(3):
        for j in range(3):
            G[i : i + h : 2, j : j + w : 2] += k[i, j] * d_y
    return G[1:-1, 1:-1]


def convolution_entrywise(x, k, t):
    """Entry by entry, as the definition says it."""
    y = np.zeros((3, 4))
    for i in range(3):
        for j in range(4):
            y[i, j] = np.sum(x[i : i + 3, j : j + 2] * k)
    r = y - t
    return 0.5 * np.sum(r**2)


def convolution_entrywise_backward(x, k, t):
    windows = np.lib.stride_tricks.sliding_window_view(x, k.shape)
    r = np.einsum("ijuv,uv->ij", windows, k) - t
    return np.einsum("ij,ijuv->uv", r, windows)


def average_pooling(X):
    n, c, h, w = X.shape
    Y = X.reshape(n, c, h // 2, 2, w // 2, 2).mean(axis=(3, 5))
    return Y


def average_pooling_vjp(X, d_Y):
    return np.repeat(np.repeat(0.25 * d_Y, 2, axis=2), 2, axis=3)


def max_pooling(X):
    n, c, h, w = X.shape
    Y = X.reshape(n, c, h // 2, 2, w // 2, 2).max(axis=(3, 5))
    return Y


def max_pooling_vjp(X, d_Y):
    n, c, h, w = X.shape
    blocks = X.reshape(n, c, h // 2, 2, w // 2, 2)
    chosen = blocks == blocks.max(axis=(3, 5), keepdims=True)
    return (chosen * d_Y[:, :, :, None, :, None]).reshape(X.shape)


def upsampling(X):
    Y = np.repeat(np.repeat(X, 2, axis=0), 2, axis=1)
    return Y


def upsampling_vjp(X, d_Y):
    rows = d_Y[0::2] + d_Y[1::2]
    return rows[:, 0::2] + rows[:, 1::2]


def smooth_total_variation(x, eps):
    a = x[1:, :-1] - x[:-1, :-1]
    b = x[:-1, 1:] - x[:-1, :-1]
    m = np.sqrt(a**2 + b**2 + eps)
    return m.sum()


def smooth_total_variation_backward(x, eps):
    corner = x[:-1, :-1]
    a, b = x[1:, :-1] - corner, x[:-1, 1:] - corner
    m = np.sqrt(a * a + b * b + eps)
    a /= m
    b /= m
    G = np.zeros_like(x)
    G[1:, :-1] += a
    G[:-1, 1:] += b
    G[:-1, :-1] -= a + b
    return G


def style_loss(F, A):
    """The Gram matrix of features against that of another image."""
    G = F @ F.T / F.shape[1]
    return np.sum((G - A) ** 2)


def style_loss_backward(F, A):
    pixels = F.shape[1]
    return (4 / pixels) * ((F @ F.T / pixels - A) @ F)


def global_pooling_classifier(X, V, Y):
    f = X.mean(axis=(2, 3))
    Z = f @ V
    P = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
    return -np.sum(Y * np.log(P))


def global_pooling_classifier_backward(X, V, Y):
    Z = X.mean(axis=(2, 3)) @ V
    P = np.exp(Z - Z.max(axis=1, keepdims=True))
    P /= P.sum(axis=1, keepdims=True)
    n, c, h, w = X.shape
    G = (P - Y) @ V.T / (h * w)
    return np.broadcast_to(G[:, :, None, None], X.shape).copy()


SIGNAL = {"X": ("N", "C", "2*M"), "W": ("O", "C", 3), "b": ("O",)}
IMAGE = {"X": ("N", "C", "H", "W"), "K": ("O", "C", 3, 3)}
IMAGE_SMALL = (
    {"N": 2, "C": 1, "H": 4, "W": 3, "O": 2},
    {"N": 1, "C": 3, "H": 2, "W": 4, "O": 2},
)
IMAGE_LARGE = {"N": 8, "C": 8, "H": 16, "W": 16, "O": 16}
BLOCKS = {"X": ("N", "C", "2*H", "2*W")}
BLOCKS_SMALL = ({"N": 2, "C": 1, "H": 1, "W": 3}, {"N": 1, "C": 2, "H": 2, "W": 3})
BLOCKS_LARGE = {"N": 16, "C": 16, "H": 16, "W": 16}

PROBLEMS = (
    Problem(
        name="filter-kernel",
        area=AREA,
        function=filter_signal,
        shapes={"x": ("n",), "w": (3,)},
        wrt="w",
        kind="vjp",
        output="y",
        entry=r"\bar w_k",
        expert=r"\sum_i \bar y_i x_{i+k}",
        backward=filter_signal_kernel_vjp,
        small=({"n": 6}, {"n": 8}),
        large={"n": 8192},
    ),
    Problem(
        name="filter-input",
        area=AREA,
        function=filter_signal,
        shapes={"x": ("n",), "w": (3,)},
        wrt="x",
        kind="vjp",
        output="y",
        entry=r"\bar x_i",
        expert=r"\sum_k [0 \le i - k < n - 2]\, \bar y_{i-k} w_k",
        backward=filter_signal_input_vjp,
        small=({"n": 6}, {"n": 8}),
        large={"n": 8192},
    ),
    Problem(
        name="convolve",
        area=AREA,
        function=convolve_signal,
        shapes={"x": ("n",), "w": (3,)},
        wrt="w",
        kind="vjp",
        output="y",
        entry=r"\bar w_k",
        expert=r"\sum_i \bar y_i x_{i+2-k}",
        backward=convolve_signal_vjp,
        small=({"n": 6}, {"n": 8}),
        large={"n": 8192},
    ),
    Problem(
        name="strided-convolution-kernel",
        area=AREA,
        function=strided_convolution,
        shapes=SIGNAL,
        wrt="W",
        kind="vjp",
        output="Y",
        entry=r"\bar W_{ocu}",
        expert=r"\sum_{n,l} \bar Y_{nol} X^{p}_{nc,2l+u}",
        where=r"X^{p}_{ncl} = [0 < l \le 2 M]\, X_{nc,l-1}",
        backward=strided_convolution_kernel_vjp,
        small=({"N": 2, "C": 3, "M": 2, "O": 4}, {"N": 3, "C": 2, "M": 4, "O": 1}),
        large={"N": 32, "C": 16, "M": 64, "O": 16},
    ),
    Problem(
        name="strided-convolution-input",
        area=AREA,
        function=strided_convolution,
        shapes=SIGNAL,
        wrt="X",
        kind="vjp",
        output="Y",
        entry=r"\bar X_{ncj}",
        expert=r"\sum_{o,l,u} [j + 1 = 2 l + u]\, W_{ocu} \bar Y_{nol}",
        backward=strided_convolution_input_vjp,
        small=({"N": 2, "C": 3, "M": 2, "O": 4}, {"N": 3, "C": 2, "M": 4, "O": 1}),
        large={"N": 32, "C": 16, "M": 64, "O": 16},
    ),
    Problem(
        name="convolution-kernel",
        area=AREA,
        function=convolution,
        shapes=IMAGE,
        wrt="K",
        kind="vjp",
        output="Y",
        entry=r"\bar K_{ocij}",
        expert=r"\sum_{n,a,b} \bar Y_{noab} X^{p}_{nc,a+i,b+j}",
        where=r"X^{p}_{ncab} = [0 < a \le H][0 < b \le W]\, X_{nc,a-1,b-1}",
        backward=convolution_kernel_vjp,
        small=IMAGE_SMALL,
        large=IMAGE_LARGE,
    ),
    Problem(
        name="convolution-input",
        area=AREA,
        function=convolution,
        shapes=IMAGE,
        wrt="X",
        kind="vjp",
        output="Y",
        entry=r"\bar X_{ncab}",
        expert=r"\sum_{o,i,j} K_{ocij} \bar Y^{p}_{no,a+2-i,b+2-j}",
        where=r"\bar Y^{p}_{noab} = [0 < a \le H][0 < b \le W]\, \bar Y_{no,a-1,b-1}",
        backward=convolution_input_vjp,
        small=IMAGE_SMALL,
        large=IMAGE_LARGE,
    ),
    Problem(
        name="strided-filter-kernel",
        area=AREA,
        function=strided_filter,
        shapes={"x": ("2*a", "2*b"), "k": (3, 3)},
        wrt="k",
        kind="vjp",
        output="y",
        entry=r"\bar k_{ij}",
        expert=r"\sum_{u,v} \bar y_{uv} p_{2u+i,2v+j}",
        backward=strided_filter_kernel_vjp,
        small=({"a": 2, "b": 3}, {"a": 3, "b": 2}),
        large={"a": 64, "b": 48},
    ),
    Problem(
        name="strided-filter-input",
        area=AREA,
        function=strided_filter,
        shapes={"x": ("2*a", "2*b"), "k": (3, 3)},
        wrt="x",
        kind="vjp",
        output="y",
        entry=r"\bar x_{st}",
        expert=r"\sum_{u,v,i,j} [s + 1 = 2 u + i][t + 1 = 2 v + j]\, k_{ij} \bar y_{uv}",
        backward=strided_filter_input_vjp,
        small=({"a": 2, "b": 3}, {"a": 3, "b": 2}),
        large={"a": 64, "b": 48},
    ),
    Problem(
        name="convolution-entrywise",
        area=AREA,
        function=convolution_entrywise,
        shapes={"x": (5, 5), "k": (3, 2), "t": (3, 4)},
        wrt="k",
        entry=r"\bar k_{uv}",
        expert=r"\sum_{i,j} r_{ij} x_{i+u,j+v}",
        backward=convolution_entrywise_backward,
    ),
    Problem(
        name="average-pooling",
        area=AREA,
        function=average_pooling,
        shapes=BLOCKS,
        wrt="X",
        kind="vjp",
        output="Y",
        entry=r"\bar X_{ncij}",
        expert=r"\frac{1}{4} \bar Y_{nc \lfloor i/2 \rfloor \lfloor j/2 \rfloor}",
        backward=average_pooling_vjp,
        small=BLOCKS_SMALL,
        large=BLOCKS_LARGE,
    ),
    Problem(
        name="max-pooling",
        area=AREA,
        function=max_pooling,
        shapes=BLOCKS,
        wrt="X",
        kind="vjp",
        output="Y",
        entry=r"\bar X_{ncij}",
        expert=(
            r"[X_{ncij} = Y_{nc \lfloor i/2 \rfloor \lfloor j/2 \rfloor}]\, "
            r"\bar Y_{nc \lfloor i/2 \rfloor \lfloor j/2 \rfloor}"
        ),
        backward=max_pooling_vjp,
        small=BLOCKS_SMALL,
        large=BLOCKS_LARGE,
    ),
    Problem(
        name="upsampling",
        area=AREA,
        function=upsampling,
        shapes={"X": ("h", "w")},
        wrt="X",
        kind="vjp",
        output="Y",
        entry=r"\bar X_{ij}",
        expert=r"\sum_{u=0}^{1} \sum_{v=0}^{1} \bar Y_{2i+u,2j+v}",
        backward=upsampling_vjp,
        large={"h": 128, "w": 64},
    ),
    Problem(
        name="smooth-total-variation",
        area=AREA,
        function=smooth_total_variation,
        shapes={"x": ("h", "w"), "eps": ()},
        wrt="x",
        domains={"eps": "positive"},
        expert=r"D_1^\top (a / m) + D_2^\top (b / m)",
        where=(
            r"(D_1 x)_{ij} = x_{i+1,j} - x_{ij}, \quad (D_2 x)_{ij} = x_{i,j+1} - x_{ij} \quad "
            r"(i < h - 1, \; j < w - 1)"
        ),
        backward=smooth_total_variation_backward,
        large={"h": 128, "w": 64},
    ),
    Problem(
        name="style-loss",
        area=AREA,
        function=style_loss,
        shapes={"F": ("c", "p"), "A": ("c", "c")},
        wrt="F",
        domains={"A": "symmetric"},
        assumptions=lambda F, A: [A == A.T],
        expert=r"\frac{4}{p} (G - A) F",
        backward=style_loss_backward,
        large={"c": 64, "p": 256},
    ),
    Problem(
        name="global-pooling-classifier",
        area=AREA,
        function=global_pooling_classifier,
        shapes={"X": ("N", "C", "H", "W"), "V": ("C", "K"), "Y": ("N", "K")},
        wrt="X",
        domains={"Y": "one-hot"},
        assumptions=lambda X, V, Y: [Y.sum(axis=1) == 1],
        entry=r"\bar X_{ncij}",
        expert=r"\frac{1}{H W} \bigl((P - Y) V^\top\bigr)_{nc}",
        backward=global_pooling_classifier_backward,
        small=({"N": 3, "C": 2, "H": 2, "W": 1, "K": 4}, {"N": 2, "C": 4, "H": 3, "W": 2, "K": 3}),
        large={"N": 16, "C": 16, "H": 16, "W": 16, "K": 8},
    ),
)
