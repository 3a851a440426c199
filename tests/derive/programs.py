"""Programs that the engine must be able to differentiate: the representation's gate.

Each returns a program, what to differentiate by, and size assignments (the last is tiny, for SymPy).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sympy

from derive.definitions import define, recurrence
from derive.functions import exp, greater, log, relu, sigmoid, sqrt, tanh, where
from derive.index import Letter, index_floor, index_mod, letter, letters
from derive.nodes import Sum, Tensor, number
from derive.notation import at_most, first, inside, mean, name, names, tensor
from derive.over_axes import maximum_over, softmax
from derive.program import Program
from derive.size_algebra import size, sizes
from derive.statements import assume

Sizes = dict[str, int]


@dataclass(frozen=True)
class Case:
    """A program with what is to be tried on it: ``inner`` names a tensor with axes, ``corners`` are odd sizes."""

    program: Program
    wrt: tuple[str, ...]
    sizes: tuple[Sizes, ...]
    tiny: Sizes
    inner: str
    corners: tuple[Sizes, ...] = ()


def softmax_regression() -> Case:
    n, d, c = sizes("n d c")
    i, j, k = letters("i j k")
    X, W, b, T = tensor("X", n, d), tensor("W", d, c), tensor("b", c), tensor("T", n, c, domain="simplex")
    Z, P, L = names("Z P L")
    Z = define(Z[i, k], Sum(j, X[i, j] * W[j, k]) + b[k])
    P = define(P[i, k], softmax(k, Z[i, k]))
    L = define(L, -1 / n * Sum(i, k, T[i, k] * log(P[i, k])))
    program = Program.of([X, W, b, T], L, [assume(Sum(k, T[i, k]), "=", 1)])
    assignments = ({"n": 3, "d": 4, "c": 5}, {"n": 2, "d": 5, "c": 3}, {"n": 1, "d": 2, "c": 4})
    return Case(program, ("X", "W", "b"), assignments, {"n": 2, "d": 1, "c": 2}, "P", ({"n": 1, "d": 1, "c": 1},))


def convolution() -> Case:
    """Stride, padding and dilation all different from 1, on a non-square image; the loss weights every output."""
    n, c, o = sizes("n c o")
    h, w, kh, kw, s, q, D = sizes("h w kh kw s q D")
    p = size("p", minimum=0)
    hout = sympy.floor((h + 2 * p - D * (kh - 1) - 1) / s) + 1
    wout = sympy.floor((w + 2 * p - D * (kw - 1) - 1) / q) + 1
    m, a, b, i, j, u, v = letters("m a b i j u v", n, o, c, hout, wout, kh, kw)
    x, K, R = tensor("x", n, c, h, w), tensor("K", o, c, kh, kw), tensor("R", n, o, hout, wout)
    y, L = names("y L")
    y = define(
        y[m, a, i, j],
        Sum(b, u, v, inside(x[m, b, s * i + D * u - p, q * j + D * v - p]) * K[a, b, u, v]),
    )
    L = define(L, Sum(m, a, i, j, R[m, a, i, j] * y[m, a, i, j] ** 2))
    program = Program.of([x, K, R], L)
    assignments = (
        {"n": 2, "c": 2, "o": 3, "h": 5, "w": 6, "kh": 2, "kw": 3, "s": 2, "q": 3, "p": 2, "D": 2},
        {"n": 1, "c": 3, "o": 2, "h": 6, "w": 4, "kh": 3, "kw": 2, "s": 3, "q": 2, "p": 2, "D": 2},
        {"n": 2, "c": 1, "o": 1, "h": 7, "w": 6, "kh": 2, "kw": 2, "s": 2, "q": 4, "p": 3, "D": 3},
    )
    tiny = {"n": 1, "c": 1, "o": 1, "h": 4, "w": 5, "kh": 2, "kw": 2, "s": 2, "q": 3, "p": 2, "D": 2}
    one = dict.fromkeys(("n", "c", "o", "h", "w", "kh", "kw", "s", "q", "D"), 1)
    corners = (
        {**one, "p": 0},
        # the kernel is larger than the image without its padding
        {**one, "h": 2, "w": 3, "kh": 3, "kw": 4, "p": 3, "D": 2, "s": 2},
        # the first and last rows of the output see padding only
        {**one, "h": 3, "w": 2, "kh": 2, "kw": 3, "p": 4, "D": 2, "q": 3},
        # the stride skips rows of the image
        {**one, "h": 7, "w": 6, "kh": 2, "kw": 1, "p": 0, "s": 5, "q": 4, "c": 2},
    )
    return Case(program, ("x", "K"), assignments, tiny, "y", corners)


def _attention(prefix: str, X: Tensor, n: Any, H: Any, e: Any, inputs: list[Tensor], causal: bool) -> Tensor:
    """Multi-head self-attention with heads split from and merged into one axis of size H*e."""
    D = H * e
    i, j, a, r = letters("i j a r", n, n, D, D)
    h, k = letter("h", H), letter("k", e)
    heads = {}
    for which in "QKV":
        W = tensor(f"{prefix}W{which}", D, D)
        inputs.append(W)
        flat = name(f"{prefix}{which}")
        flat = define(flat[i, a], Sum(r, X[i, r] * W[r, a]))
        split = name(f"{prefix}{which}h")
        heads[which] = define(split[h, i, k], flat[i, e * h + k])
    S, P, O, M = names(f"{prefix}S {prefix}P {prefix}O {prefix}M")
    S = define(S[h, i, j], Sum(k, heads["Q"][h, i, k] * heads["K"][h, j, k]) * number(1 / sympy.sqrt(e)))
    if causal:
        open_ = at_most(j, i)
        E = name(f"{prefix}E")
        E = define(E[h, i, j], open_ * exp(S[h, i, j]))
        P = define(P[h, i, j], E[h, i, j] / _row_sum(E, h, i, n))
    else:
        P = define(P[h, i, j], softmax(j, S[h, i, j]))
    O = define(O[h, i, k], Sum(j, P[h, i, j] * heads["V"][h, j, k]))
    return define(M[i, a], O[index_floor(a, e), i, index_mod(a, e)])


def _row_sum(E: Tensor, h: Letter, i: Letter, n: Any) -> Any:
    t = letter("t", n)
    return Sum(t, E[h, i, t])


def attention() -> Case:
    n, H, e = sizes("n H e")
    X, R = tensor("X", n, H * e), tensor("R", n, H * e)
    inputs = [X, R]
    M = _attention("", X, n, H, e, inputs, causal=True)
    i, a = letters("i a")
    L = define(name("L"), Sum(i, a, R[i, a] * M[i, a]))
    program = Program.of(inputs, L)
    return Case(
        program,
        ("X", "WQ", "WK", "WV"),
        ({"n": 3, "H": 2, "e": 3}, {"n": 4, "H": 3, "e": 2}, {"n": 2, "H": 1, "e": 4}),
        {"n": 2, "H": 2, "e": 1},
        "M",
        ({"n": 1, "H": 3, "e": 2}, {"n": 3, "H": 2, "e": 1}, {"n": 1, "H": 1, "e": 1}),
    )


def gather() -> Case:
    """Embedding with repeated ids, twice used."""
    n, V, d = sizes("n V d")
    i, k = letters("i k")
    E, R, ids = tensor("E", V, d), tensor("R", n, d), tensor("ids", n, below=V)
    Y, L = names("Y L")
    Y = define(Y[i, k], E[ids[i], k])
    L = define(L, Sum(i, k, R[i, k] * Y[i, k] ** 2))
    program = Program.of([E, R, ids], L)
    return Case(
        program,
        ("E",),
        ({"n": 7, "V": 4, "d": 3}, {"n": 5, "V": 2, "d": 4}, {"n": 4, "V": 6, "d": 1}),
        {"n": 3, "V": 2, "d": 1},
        "Y",
        ({"n": 4, "V": 1, "d": 2}, {"n": 1, "V": 3, "d": 1}),
    )


def max_over_axis() -> Case:
    n, d = sizes("n d")
    i, j = letters("i j")
    X, R = tensor("X", n, d), tensor("R", n)
    M, L = names("M L")
    M = define(M[i], maximum_over(j, X[i, j]))
    L = define(L, Sum(i, R[i] * exp(M[i])))
    return Case(
        Program.of([X, R], L),
        ("X",),
        ({"n": 3, "d": 4}, {"n": 5, "d": 2}, {"n": 1, "d": 6}),
        {"n": 2, "d": 2},
        "M",
        ({"n": 2, "d": 1},),
    )


def lstm() -> Case:
    """LSTM through time as one recurrence; the loss reads every hidden state and the last cell."""
    T, d, h = sizes("T d h")
    t, j, k, m = letters("t j k m", T, d, h, h)
    x, h0, c0, R, Rc = tensor("x", T, d), tensor("h0", h), tensor("c0", h), tensor("R", T, h), tensor("Rc", h)
    Wx = {g: tensor(f"Wx_{g}", d, h) for g in "ifog"}
    Wh = {g: tensor(f"Wh_{g}", h, h) for g in "ifog"}
    b = {g: tensor(f"b_{g}", h) for g in "ifog"}
    p, q, c, hid = names("p q c h")
    a = {g: name(f"a_{g}") for g in "ifog"}
    gates = {g: name(g) for g in "ifog"}
    equations: dict[Any, Any] = {
        p[t, k]: first(t, h0[k], hid[t - 1, k]),
        q[t, k]: first(t, c0[k], c[t - 1, k]),
    }
    for g in "ifog":
        equations[a[g][t, k]] = Sum(j, x[t, j] * Wx[g][j, k]) + Sum(m, p[t, m] * Wh[g][m, k]) + b[g][k]
        equations[gates[g][t, k]] = (tanh if g == "g" else sigmoid)(a[g][t, k])
    equations[c[t, k]] = gates["f"][t, k] * q[t, k] + gates["i"][t, k] * gates["g"][t, k]
    equations[hid[t, k]] = gates["o"][t, k] * tanh(c[t, k])
    made = recurrence(t, equations)
    L = define(name("L"), Sum(t, k, R[t, k] * made["h"][t, k] ** 2) + Sum(k, Rc[k] * made["c"][T - 1, k]))
    inputs = [x, h0, c0, R, Rc, *Wx.values(), *Wh.values(), *b.values()]
    wrt = ("x", "h0", "c0", "Wx_i", "Wh_f", "b_o", "Wh_g", "b_g")
    return Case(
        Program.of(inputs, L),
        wrt,
        ({"T": 4, "d": 1, "h": 3}, {"T": 3, "d": 4, "h": 2}, {"T": 1, "d": 2, "h": 2}),
        {"T": 2, "d": 1, "h": 1},
        "h",
        ({"T": 1, "d": 1, "h": 1}, {"T": 4, "d": 1, "h": 1}),
    )


def mixture() -> Case:
    """Every elementwise kind of node at once: quotients, powers that move, conditions, a diamond."""
    n = size("n")
    i, j = letters("i j", n, n)
    x, w = tensor("x", n, domain="positive"), tensor("w", n)
    u, v, L = names("u v L")
    u = define(u[i], w[i] * sqrt(x[i]) / (1 + Sum(j, x[j] ** 2)))
    v = define(v[i], x[i] ** w[i] + where(greater(u[i], 0), u[i] ** 2, relu(w[i]) * x[i]))
    L = define(L, mean(i, u[i] * v[i]) + log(Sum(i, v[i])))
    return Case(Program.of([x, w], L), ("x", "w"), ({"n": 2}, {"n": 3}, {"n": 5}), {"n": 2}, "v", ({"n": 1},))


def transformer(blocks: int = 12) -> Program:
    """Pre-norm encoder blocks: attention with a causal mask and split heads, layer norm, feed-forward."""
    n, H, e, F = sizes("n H e F")
    D = H * e
    i, a, f = letters("i a f", n, D, F)
    X, R, eps = tensor("X", n, D), tensor("R", n, D), tensor("eps", domain="positive")
    inputs = [X, R, eps]

    def norm(prefix: str, x: Tensor) -> Tensor:
        gamma, beta = tensor(f"{prefix}gamma", D), tensor(f"{prefix}beta", D)
        inputs.extend((gamma, beta))
        mu, v, z, y = names(f"{prefix}mu {prefix}v {prefix}z {prefix}y")
        mu = define(mu[i], mean(a, x[i, a]))
        v = define(v[i], mean(a, (x[i, a] - mu[i]) ** 2))
        z = define(z[i, a], (x[i, a] - mu[i]) / sqrt(v[i] + eps))
        return define(y[i, a], gamma[a] * z[i, a] + beta[a])

    here = X
    for m in range(blocks):
        p = f"B{m}"
        attended = _attention(p, norm(p + "n", here), n, H, e, inputs, causal=True)
        here = define(name(f"{p}r")[i, a], here[i, a] + attended[i, a])
        z = norm(p + "m", here)
        W1, b1, W2, b2 = (
            tensor(f"{p}W1", D, F),
            tensor(f"{p}b1", F),
            tensor(f"{p}W2", F, D),
            tensor(f"{p}b2", D),
        )
        inputs.extend((W1, b1, W2, b2))
        u = define(name(f"{p}u")[i, f], Sum(a, z[i, a] * W1[a, f]) + b1[f])
        r = define(name(f"{p}relu")[i, f], relu(u[i, f]))
        w = define(name(f"{p}w")[i, a], Sum(f, r[i, f] * W2[f, a]) + b2[a])
        here = define(name(f"{p}out")[i, a], here[i, a] + w[i, a])
    L = define(name("L"), Sum(i, a, R[i, a] * here[i, a]))
    return Program.of(inputs, L)


def one_block() -> Case:
    program = transformer(1)
    wrt = ("X", "B0WQ", "B0WK", "B0WV", "B0ngamma", "B0mbeta", "B0W1", "B0b2")
    assignments = (
        {"n": 3, "H": 2, "e": 2, "F": 5},
        {"n": 2, "H": 3, "e": 1, "F": 4},
        {"n": 4, "H": 1, "e": 3, "F": 2},
    )
    return Case(
        program, wrt, assignments, {"n": 2, "H": 1, "e": 2, "F": 1}, "B0out", ({"n": 1, "H": 1, "e": 2, "F": 1},)
    )


GATE: dict[str, Callable[[], Case]] = {
    case.__name__: case
    for case in (softmax_regression, convolution, attention, gather, max_over_axis, lstm, mixture, one_block)
}
