"""Wrong steps: each a line that is right, and the same line corrupted on purpose.

Each returns a ``Twin``: what stood before, what is right, what is wrong. The checker must say ``holds`` of the one
and ``fails`` of exactly the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import sympy

from derive import (
    Partial,
    Program,
    Sum,
    absolute,
    argmax,
    argmin,
    define,
    det,
    equal,
    exp,
    first,
    gradient,
    inverse,
    jvp,
    letter,
    letters,
    log,
    logdet,
    logsumexp,
    maximum_over,
    mean,
    minimum_over,
    names,
    norm,
    number,
    recurrence,
    sigmoid,
    sizes,
    softmax,
    sqrt,
    tanh,
    tensor,
    vjp,
)  # fmt: skip
from derive.derivation import Chain, Derivation
from derive.index import index_floor, index_mod
from derive.nodes import Node, Ref, Tensor
from derive.notation import at_least, at_most, inside, less
from derive.size_algebra import size
from derive.statements import Statement
from derive.tree import substitute


@dataclass(frozen=True)
class Twin:
    """A line, right and wrong. ``options`` are those of the line: its rule, small tensor, order."""

    program: Program
    before: Node | Statement
    right: Any
    wrong: Any
    relation: str = "="
    rule: str = "algebra"
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Corrupted:
    """A derivation, the tensor whose chain is corrupted, and what its last line says instead."""

    derivation: Derivation
    tensor: str
    wrong: Callable[..., Any]


def _only(*inputs: Tensor) -> Program:
    """A program that computes nothing of interest from these."""
    (s,) = names("total")
    first_ = inputs[0]
    own = tuple(letter("abcd"[k], axis) for k, axis in enumerate(first_.axes))
    entry = first_[own] if own else first_ + 0
    s = define(s, Sum(*own, entry) if own else entry)
    return Program.of(inputs, s)


def _direct(body: Node, wrt: Ref) -> Partial:
    return Partial(body, wrt)


# --------------------------------------------------------------------------------- laws of functions of numbers


def _vector(domain: str = "real") -> tuple[Program, Tensor, Any, Any]:
    (n,) = sizes("n")
    i, j = letters("i j", n, n)
    x = tensor("x", n, domain=domain)
    return _only(x), x, i, j


def product_rule_loses_a_term() -> Twin:
    program, x, i, j = _vector()
    right = 2 * x[i] * equal(i, j) * exp(x[i]) + x[i] ** 2 * exp(x[i]) * equal(i, j)
    return Twin(program, _direct(x[i] ** 2 * exp(x[i]), x[j]), right, 2 * x[i] * equal(i, j) * exp(x[i]))


def quotient_rule_with_plus() -> Twin:
    program, x, i, j = _vector()
    u, v = tanh(x[i]), 2 + x[i] ** 2
    slope = 1 - tanh(x[i]) ** 2
    right = equal(i, j) * (slope / v - u * 2 * x[i] / v**2)
    return Twin(program, _direct(u / v, x[j]), right, equal(i, j) * (slope / v + u * 2 * x[i] / v**2))


def quotient_rule_without_the_square() -> Twin:
    program, x, i, j = _vector()
    v = 2 + x[i] ** 2
    right = -1 * equal(i, j) * 2 * x[i] / v**2
    return Twin(program, _direct(1 / v, x[j]), right, -1 * equal(i, j) * 2 * x[i] / v)


def chain_rule_without_the_inner_derivative() -> Twin:
    program, x, i, j = _vector()
    right = 3 * exp(3 * x[i]) * equal(i, j)
    return Twin(program, _direct(exp(3 * x[i]), x[j]), right, exp(3 * x[i]) * equal(i, j))


def power_rule_keeps_the_exponent() -> Twin:
    program, x, i, j = _vector()
    return Twin(program, _direct(x[i] ** 3, x[j]), 3 * x[i] ** 2 * equal(i, j), 3 * x[i] ** 3 * equal(i, j))


def power_rule_loses_the_factor() -> Twin:
    program, x, i, j = _vector()
    return Twin(program, _direct(x[i] ** 3, x[j]), 3 * x[i] ** 2 * equal(i, j), x[i] ** 2 * equal(i, j))


def moving_exponent_without_the_logarithm() -> Twin:
    program, x, i, j = _vector("positive")
    right = 2 ** x[i] * log(number(2)) * equal(i, j)
    return Twin(program, _direct(number(2) ** x[i], x[j]), right, 2 ** x[i] * equal(i, j))


def square_root_without_the_half() -> Twin:
    program, x, i, j = _vector("positive")
    return Twin(program, _direct(sqrt(x[i]), x[j]), equal(i, j) / (2 * sqrt(x[i])), equal(i, j) / sqrt(x[i]))


def logarithm_of_one_plus() -> Twin:
    program, x, i, j = _vector("positive")
    return Twin(program, _direct(log(1 + x[i]), x[j]), equal(i, j) / (1 + x[i]), equal(i, j) / x[i])


def slope_of_tanh_without_the_square() -> Twin:
    program, x, i, j = _vector()
    y = tanh(x[i])
    return Twin(program, _direct(y, x[j]), (1 - y**2) * equal(i, j), (1 - y) * equal(i, j))


def slope_of_sigmoid_with_plus() -> Twin:
    program, x, i, j = _vector()
    y = sigmoid(x[i])
    return Twin(program, _direct(y, x[j]), y * (1 - y) * equal(i, j), y * (1 + y) * equal(i, j))


def absolute_value_forgets_the_sign() -> Twin:
    program, x, i, _ = _vector()
    return Twin(program, sqrt(x[i] ** 2), absolute(x[i]), x[i])


def logarithm_of_a_product() -> Twin:
    program, x, i, _ = _vector("positive")
    return Twin(program, log(x[i] * (1 + x[i])), log(x[i]) + log(1 + x[i]), log(x[i]) * log(1 + x[i]))


# ------------------------------------------------------------------------------------ laws of functions along axes


def softmax_without_its_own_share() -> Twin:
    program, x, i, j = _vector()
    (k,) = letters("k", i.size)
    p = softmax(k, x[k])
    return Twin(program, _direct(p.entry(i), x[j]), p.entry(i) * (equal(i, j) - p.entry(j)), p.entry(i) * equal(i, j))


def softmax_with_plus() -> Twin:
    program, x, i, j = _vector()
    (k,) = letters("k", i.size)
    p = softmax(k, x[k])
    right, wrong = (p.entry(i) * (equal(i, j) + sign * p.entry(j)) for sign in (-1, 1))
    return Twin(program, _direct(p.entry(i), x[j]), right, wrong)


def log_sum_exp_without_normalisation() -> Twin:
    program, x, _, j = _vector()
    (k,) = letters("k", j.size)
    return Twin(program, _direct(logsumexp(k, x[k]), x[j]), softmax(k, x[k]).entry(j), exp(x[j]))


def norm_like_its_square() -> Twin:
    program, x, _, j = _vector()
    (k,) = letters("k", j.size)
    return Twin(program, _direct(norm(k, x[k]), x[j]), x[j] / norm(k, x[k]), 2 * x[j])


def maximum_goes_to_the_smallest() -> Twin:
    program, x, _, j = _vector()
    (k,) = letters("k", j.size)
    body = maximum_over(k, x[k])
    return Twin(program, _direct(body, x[j]), equal(argmax(k, x[k]), j), equal(argmin(k, x[k]), j))


def maximum_shared_by_all() -> Twin:
    program, x, _, j = _vector()
    (k,) = letters("k", j.size)
    return Twin(program, _direct(maximum_over(k, x[k]), x[j]), equal(argmax(k, x[k]), j), number(1 / j.length))


def _matrix() -> tuple[Program, Tensor, Any]:
    (n,) = sizes("n")
    A = tensor("A", n, n)
    return _only(A), A, letters("i j k l p q", *(n,) * 6)


def inverse_without_minus() -> Twin:
    program, A, (i, j, k, l, p, q) = _matrix()
    B = inverse(p, q, A[p, q])
    right, wrong = (sign * B.entry(i, k) * B.entry(l, j) for sign in (-1, 1))
    return Twin(program, _direct(B.entry(i, j), A[k, l]), right, wrong)


def inverse_transposed() -> Twin:
    program, A, (i, j, k, l, p, q) = _matrix()
    B = inverse(p, q, A[p, q])
    right = -1 * B.entry(i, k) * B.entry(l, j)
    return Twin(program, _direct(B.entry(i, j), A[k, l]), right, -1 * B.entry(i, l) * B.entry(k, j))


def determinant_without_itself() -> Twin:
    program, A, (_, _, k, l, p, q) = _matrix()
    B = inverse(p, q, A[p, q])
    return Twin(program, _direct(det(p, q, A[p, q]), A[k, l]), det(p, q, A[p, q]) * B.entry(l, k), B.entry(l, k))


def log_determinant_untransposed() -> Twin:
    program, A, (_, _, k, l, p, q) = _matrix()
    B = inverse(p, q, A[p, q])
    return Twin(program, _direct(logdet(p, q, A[p, q]), A[k, l]), B.entry(l, k), B.entry(k, l))


def quadratic_form_of_any_matrix_as_if_symmetric() -> Twin:
    """The two agree at every symmetric matrix."""
    (n,) = sizes("n")
    i, j, k = letters("i j k", n, n, n)
    A, x = tensor("A", n, n), tensor("x", n)
    body = Sum(i, j, x[i] * A[i, j] * x[j])
    right = Sum(j, A[k, j] * x[j]) + Sum(i, A[i, k] * x[i])
    return Twin(_only(A, x), _direct(body, x[k]), right, 2 * Sum(j, A[k, j] * x[j]))


# --------------------------------------------------------------------------------------------- sums, indices, sizes


def _regression() -> tuple[Program, dict[str, Tensor], Any]:
    n, d, c = sizes("n d c")
    i, j, k = letters("i j k", n, d, c)
    X, W, b = tensor("X", n, d), tensor("W", d, c), tensor("b", c)
    Z, L = names("Z L")
    Z = define(Z[i, k], Sum(j, X[i, j] * W[j, k]) + b[k])
    L = define(L, 1 / n * Sum(i, k, Z[i, k] ** 2))
    return Program.of([X, W, b], L), {"X": X, "W": W, "b": b, "Z": Z, "L": L}, (n, d, c, i, j, k)


def _slope(which: str, right: Callable[..., Node], wrong: Callable[..., Node]) -> Twin:
    """The total derivative of the loss of a regression by one tensor."""
    program, t, (n, d, c, i, j, k) = _regression()
    entry = {"W": t["W"][j, k], "b": t["b"][k], "Z": t["Z"][i, k]}[which]
    both = (side(t["X"], t["Z"], t["W"], i, j, k, n, d, c) for side in (right, wrong))
    return Twin(program, Partial(t["L"] + 0, entry, total=True), *both)


def sum_over_samples_dropped() -> Twin:
    program, t, (n, d, c, i, j, k) = _regression()
    X, Z = t["X"], t["Z"]
    before = Partial(t["L"] + 0, t["W"][j, k], total=True)
    return Twin(program, before, 2 / n * Sum(i, X[i, j] * Z[i, k]), 2 / n * X[0, j] * Z[0, k])


def factor_two_lost() -> Twin:
    return _slope(
        "W",
        lambda X, Z, W, i, j, k, n, d, c: 2 / n * Sum(i, X[i, j] * Z[i, k]),
        lambda X, Z, W, i, j, k, n, d, c: 1 / n * Sum(i, X[i, j] * Z[i, k]),
    )


def mean_taken_as_sum() -> Twin:
    return _slope(
        "b",
        lambda X, Z, W, i, j, k, n, d, c: 2 / n * Sum(i, Z[i, k]),
        lambda X, Z, W, i, j, k, n, d, c: 2 * Sum(i, Z[i, k]),
    )


def sign_lost() -> Twin:
    return _slope(
        "Z",
        lambda X, Z, W, i, j, k, n, d, c: 2 / n * Z[i, k],
        lambda X, Z, W, i, j, k, n, d, c: -2 / n * Z[i, k],
    )


def divided_by_another_size() -> Twin:
    """The two agree when there are as many classes as samples."""
    return _slope(
        "b",
        lambda X, Z, W, i, j, k, n, d, c: 2 / n * Sum(i, Z[i, k]),
        lambda X, Z, W, i, j, k, n, d, c: 2 / c * Sum(i, Z[i, k]),
    )


def coefficient_wrong_by_a_millionth() -> Twin:
    return _slope(
        "W",
        lambda X, Z, W, i, j, k, n, d, c: 2 / n * Sum(i, X[i, j] * Z[i, k]),
        lambda X, Z, W, i, j, k, n, d, c: sympy.Rational(2000002, 1000000) / n * Sum(i, X[i, j] * Z[i, k]),
    )


def coefficient_wrong_in_the_eleventh_digit() -> Twin:
    return _slope(
        "b",
        lambda X, Z, W, i, j, k, n, d, c: 2 / n * Sum(i, Z[i, k]),
        lambda X, Z, W, i, j, k, n, d, c: (2 + sympy.Rational(1, 10**10)) / n * Sum(i, Z[i, k]),
    )


def offset_dropped() -> Twin:
    program, t, (_, _, _, i, j, k) = _regression()
    product = Sum(j, t["X"][i, j] * t["W"][j, k])
    return Twin(program, t["Z"][i, k], product + t["b"][k], product, rule="definition")


def transposed_index() -> Twin:
    """The two agree at symmetric matrices, and the shapes fit either way."""
    n, d = sizes("n d")
    i, j, k = letters("i j k", n, d, d)
    D, W = tensor("D", n, d), tensor("W", d, d)
    X = tensor("X", n, d)
    body = Sum(i, j, k, D[i, k] * X[i, j] * W[j, k])
    (r,) = letters("r", d)
    return Twin(
        _only(X, W, D), _direct(body, X[i, r]), Sum(k, D[i, k] * W[r, k]), Sum(k, D[i, k] * W[k, r])
    )  # fmt: skip


def product_in_the_wrong_order() -> Twin:
    """Matrix form: AB for BA."""
    (n,) = sizes("n")
    i, j, k = letters("i j k", n, n, n)
    A, B = tensor("A", n, n), tensor("B", n, n)
    return Twin(
        _only(A, B), Sum(k, A[i, k] * B[k, j]), Sum(k, B[k, j] * A[i, k]), Sum(k, B[i, k] * A[k, j])
    )  # fmt: skip


def transpose_of_a_product_keeps_its_order() -> Twin:
    """Matrix form: (AB)ᵀ = BᵀAᵀ, not AᵀBᵀ."""
    (n,) = sizes("n")
    i, j, k = letters("i j k", n, n, n)
    A, B = tensor("A", n, n), tensor("B", n, n)
    return Twin(
        _only(A, B), Sum(k, A[j, k] * B[k, i]), Sum(k, B[k, i] * A[j, k]), Sum(k, A[k, i] * B[j, k])
    )  # fmt: skip


def wrong_bracket() -> Twin:
    program, x, i, j = _vector()
    return Twin(
        program, _direct(Sum(i, x[i] ** 2), x[j]), Sum(i, 2 * x[i] * equal(i, j)), Sum(i, 2 * x[i] * at_most(i, j))
    )


def mask_without_the_diagonal() -> Twin:
    program, x, i, j = _vector()
    return Twin(program, Sum(j, at_most(j, i) * x[j]), Sum(j, at_most(j, i) * x[j]) * 1, Sum(j, less(j, i) * x[j]))


def sum_of_a_constant_is_not_counted() -> Twin:
    program, x, i, j = _vector()
    return Twin(program, Sum(i, x[i] + 1), Sum(i, x[i]) + number(i.length), Sum(i, x[i]) + 1)


def variance_divided_by_one_less() -> Twin:
    program, x, i, _ = _vector()
    (n, (k,)) = i.length, letters("k", i.size)
    spread = Sum(i, (x[i] - mean(k, x[k])) ** 2)
    return Twin(program, mean(i, x[i] ** 2) - mean(k, x[k]) ** 2, 1 / n * spread, 1 / (n - 1) * spread)


def square_of_a_sum_as_sum_of_squares() -> Twin:
    program, x, i, j = _vector()
    return Twin(program, Sum(i, x[i]) ** 2, Sum(i, j, x[i] * x[j]), Sum(i, x[i] ** 2))


def antisymmetric_term() -> Twin:
    """What is added vanishes wherever x and y are parallel."""
    (n,) = sizes("n")
    i, j = letters("i j", n, n)
    x, y = tensor("x", n), tensor("y", n)
    here = x[i] * y[j]
    return Twin(_only(x, y), here, y[j] * x[i], here + (x[i] * y[j] - x[j] * y[i]) / 1000)


def _heads() -> tuple[Program, Tensor, Any]:
    n, H, e = sizes("n H e")
    a, h, k, i = letters("a h k i", H * e, H, e, n)
    x = tensor("x", n, H * e)
    split = define(names("s")[0][h, i, k], x[i, e * h + k])
    total = define(names("t")[0], Sum(h, i, k, split[h, i, k] ** 2))
    return Program.of([x], total), split, (x, a, h, k, i, H, e)


def quotient_and_remainder_exchanged() -> Twin:
    program, split, (x, a, _, _, i, H, e) = _heads()
    head, channel = index_floor(a, e), index_mod(a, e)
    exchanged = at_most(channel, H - 1) * at_most(head, e - 1) * split[channel, i, head]
    return Twin(program, x[i, a], split[head, i, channel], exchanged)


def heads_interleaved() -> Twin:
    """The two agree when there are as many heads as channels."""
    program, split, (x, _, h, k, i, H, e) = _heads()
    return Twin(program, split[h, i, k], x[i, e * h + k], x[i, H * k + h], rule="definition")


def gathered_without_the_table() -> Twin:
    n, V = sizes("n V")
    i, v = letters("i v", n, V)
    E, ids, R = tensor("E", V), tensor("ids", n, below=V), tensor("R", n)
    body = Sum(i, R[i] * E[ids[i]])
    return Twin(
        _only(E, ids, R), _direct(body, E[v]), Sum(i, R[i] * equal(ids[i], v)), Sum(i, R[i] * equal(i, v))
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------------ convolution


def convolution() -> tuple[Program, dict[str, Any]]:
    h, k, s, D = sizes("h k s D")
    p = size("p", minimum=0)
    out = sympy.floor((h + 2 * p - D * (k - 1) - 1) / s) + 1
    i, u, r = letters("i u r", out, k, h)
    x, K, R = tensor("x", h), tensor("K", k), tensor("R", out)
    y, L = names("y L")
    y = define(y[i], Sum(u, inside(x[s * i + D * u - p]) * K[u]))
    L = define(L, Sum(i, R[i] * y[i]))
    return Program.of([x, K, R], L), {
        "x": x,
        "K": K,
        "R": R,
        "y": y,
        "L": L,
        "i": i,
        "u": u,
        "r": r,
        "s": s,
        "D": D,
        "p": p,
    }


def _padded(at: Callable[..., Any]) -> Twin:
    program, v = convolution()
    i, u, s, D, p = v["i"], v["u"], v["s"], v["D"], v["p"]
    right = Sum(u, inside(v["x"][s * i + D * u - p]) * v["K"][u])
    return Twin(program, v["y"][i], right, Sum(u, inside(v["x"][at(s, i, D, u, p)]) * v["K"][u]), rule="definition")


def padding_off_by_one() -> Twin:
    return _padded(lambda s, i, D, u, p: s * i + D * u - p + 1)


def padding_forgotten() -> Twin:
    return _padded(lambda s, i, D, u, p: s * i + D * u)


def stride_forgotten() -> Twin:
    return _padded(lambda s, i, D, u, p: i + D * u - p)


def dilation_forgotten() -> Twin:
    return _padded(lambda s, i, D, u, p: s * i + u - p)


def kernel_flipped() -> Twin:
    program, v = convolution()
    i, u, s, D, p, K = v["i"], v["u"], v["s"], v["D"], v["p"], v["K"]
    k = u.length
    right, wrong = (Sum(u, inside(v["x"][s * i + D * u - p]) * entry) for entry in (K[u], K[k - 1 - u]))
    return Twin(program, v["y"][i], right, wrong, rule="definition")


def guard_too_wide_by_one() -> Twin:
    """The gradient by the kernel: one more place counts, which is read from the other end."""
    program, v = convolution()
    i, u, s, D, p, x, R = v["i"], v["u"], v["s"], v["D"], v["p"], v["x"], v["R"]
    at, h = s * i + D * u - p, x.axes[0]
    right = Sum(i, R[i] * at_least(at, 0) * at_most(at, h - 1) * x[at])
    wrong = Sum(i, R[i] * at_least(at, 1) * at_most(at, h - 1) * x[at])
    return Twin(program, Partial(v["L"] + 0, v["K"][u], total=True), right, wrong)


# ------------------------------------------------------------------------------------------------- whole derivations


def _recurrent() -> tuple[Program, dict[str, Any]]:
    T, h = sizes("T h")
    t, k, m = letters("t k m", T, h, h)
    x, W, h0, R = tensor("x", T, h), tensor("W", h, h), tensor("h0", h), tensor("R", T, h)
    a, p, hid = names("a p h")
    made = recurrence(
        t,
        {
            p[t, k]: first(t, h0[k], hid[t - 1, k]),
            a[t, k]: x[t, k] + Sum(m, p[t, m] * W[m, k]),
            hid[t, k]: tanh(a[t, k]),
        },
    )
    L = define(names("L")[0], Sum(t, k, R[t, k] * made["h"][t, k]))
    program = Program.of([x, W, h0, R], L)
    return program, {"x": x, "W": W, "h0": h0, "R": R, "T": T, "width": h, **made}


def _named(derivation: Derivation, name: str) -> Tensor:
    return next(c.name.tensor for c in derivation.chains if c.name is not None and c.name.tensor.name == name)


def time_index_stale() -> Corrupted:
    program, v = _recurrent()
    found = gradient(program, ["W", "h0"])
    d_a = _named(found, "d_a")
    (t,) = letters("t", v["T"])
    return Corrupted(found, "d_W", lambda m, k: Sum(t, d_a[t, k] * v["h"][t, m]))


def path_through_time_missing() -> Corrupted:
    program, v = _recurrent()
    return Corrupted(gradient(program, ["W", "h0"]), "d_h", lambda t, k: v["R"][t, k])


def initial_state_forgotten() -> Corrupted:
    program, v = _recurrent()
    found = gradient(program, ["W", "h0"])
    return Corrupted(found, "d_h0", lambda k: _named(found, "d_p")[v["T"] - 1, k])


def recurrent_weight_transposed() -> Corrupted:
    program, v = _recurrent()
    found = gradient(program, ["W", "h0"])
    (m,) = letters("m", v["width"])
    return Corrupted(found, "d_p", lambda t, k: Sum(m, _named(found, "d_a")[t, m] * v["W"][m, k]))


def _cell() -> tuple[Program, dict[str, Any]]:
    T, h = sizes("T h")
    t, k = letters("t k", T, h)
    c0, R = tensor("c0", h), tensor("R", T, h)
    x = {g: tensor(f"x_{g}", T, h) for g in "ifg"}
    q, c = names("q c")
    gates = dict(zip("ifg", names("i f g"), strict=True))
    made = recurrence(
        t,
        {
            q[t, k]: first(t, c0[k], c[t - 1, k]),
            **{gates[g][t, k]: (tanh if g == "g" else sigmoid)(x[g][t, k] + q[t, k]) for g in "ifg"},
            c[t, k]: gates["f"][t, k] * q[t, k] + gates["i"][t, k] * gates["g"][t, k],
        },
    )
    L = define(names("L")[0], Sum(t, k, R[t, k] * made["c"][t, k]))
    return Program.of([*x.values(), c0, R], L), made


def gates_swapped() -> Corrupted:
    program, made = _cell()
    found = gradient(program, "x_i")
    return Corrupted(found, "d_i", lambda t, k: _named(found, "d_c")[t, k] * made["f"][t, k])


def gate_of_the_wrong_kind() -> Corrupted:
    program, made = _cell()
    found = gradient(program, "x_g")
    slope = lambda t, k: made["g"][t, k] * (1 - made["g"][t, k])  # noqa: E731
    return Corrupted(found, "d_x_g", lambda t, k: _named(found, "d_g")[t, k] * slope(t, k))


def _diamond() -> tuple[Program, dict[str, Tensor]]:
    (n,) = sizes("n")
    i, j = letters("i j", n, n)
    x = tensor("x", n)
    u, v, L = names("u v L")
    u = define(u[i], x[i] ** 2 + 1)
    v = define(v[i], exp(x[i]) * 2)
    L = define(L, Sum(i, j, u[i] * v[j] * x[j]))
    return Program.of([x], L), {"x": x, "u": u, "v": v}


def path_of_a_diamond_missing() -> Corrupted:
    program, v = _diamond()
    found = gradient(program, "x")
    d_u = _named(found, "d_u")
    (k,) = letters("k", v["x"].axes[0])
    return Corrupted(
        found, "d_x", lambda j: 2 * d_u[j] * v["x"][j] + v["v"][j] * Sum(k, v["u"][k])
    )  # fmt: skip


def assumption_that_nobody_made() -> Corrupted:
    """Prediction minus target, where the weights of a row need not sum to 1."""
    n, c = sizes("n c")
    i, k = letters("i k", n, c)
    Z, T = tensor("Z", n, c), tensor("T", n, c, domain="positive")
    P, L = names("P L")
    P = define(P[i, k], softmax(k, Z[i, k]))
    L = define(L, -1 / n * Sum(i, k, T[i, k] * log(P[i, k])))
    return Corrupted(gradient(Program.of([Z, T], L), "Z"), "d_Z", lambda i, k: (P[i, k] - T[i, k]) / n)


def tangent_of_a_product() -> Corrupted:
    program, v = _diamond()
    found = jvp(program, "x")
    t_x = found.derived.inputs[-1]
    return Corrupted(found, "t_u", lambda i: v["x"][i] * t_x[i])


def cotangent_not_used() -> Corrupted:
    program, v = _diamond()
    found = vjp(program, "x", output="u")
    return Corrupted(found, "d_x", lambda i: 2 * v["x"][i])


# -------------------------------------------------------------------------------------------------- other relations


def _small() -> tuple[Program, Tensor, Tensor, Any]:
    (n,) = sizes("n")
    (i,) = letters("i", n)
    x, v = tensor("x", n), tensor("v", n, domain="small")
    return _only(x, v), x, v, i


def remainder_of_too_high_an_order() -> Twin:
    program, x, v, i = _small()
    first_ = exp(x[i]) * (1 + v[i])
    return Twin(program, exp(x[i] + v[i]), first_ + exp(x[i]) * v[i] ** 2 / 2, first_, "≈", "taylor",
                {"small": v, "order": 3})  # fmt: skip


def second_order_term_without_the_half() -> Twin:
    program, x, v, i = _small()
    right, wrong = (exp(x[i]) * (1 + v[i] + v[i] ** 2 / number(d)) for d in (2, 1))
    return Twin(program, exp(x[i] + v[i]), right, wrong, "≈", "taylor", {"small": v, "order": 3})


def first_order_term_with_the_wrong_sign() -> Twin:
    program, x, v, i = _small()
    right, wrong = (tanh(x[i]) + sign * v[i] * (1 - tanh(x[i]) ** 2) for sign in (1, -1))
    return Twin(program, tanh(x[i] + v[i]), right, wrong, "≈", "taylor", {"small": v, "order": 2})


def third_order_term_of_the_wrong_size() -> Twin:
    program, x, v, i = _small()
    right, wrong = (exp(x[i]) * (1 + v[i] + v[i] ** 2 / 2 + v[i] ** 3 / number(d)) for d in (6, 5))
    return Twin(program, exp(x[i] + v[i]), right, wrong, "≈", "taylor", {"small": v, "order": 4})


def inequality_turned_round() -> Twin:
    """Jensen's inequality."""
    program, x, i, _ = _vector()
    (k,) = letters("k", i.size)
    return Twin(program, exp(mean(i, x[i])), mean(k, exp(x[k])), 2 * exp(mean(k, x[k])) - mean(k, exp(x[k])), "≤")


def inequality_false_at_some_entries() -> Twin:
    program, x, i, _ = _vector()
    return Twin(program, 1 + x[i] ** 2, 2 * x[i], 2 * x[i] + (x[i] + absolute(x[i])), "≥")


def inequality_too_sharp() -> Twin:
    program, x, i, _ = _vector()
    low, top = minimum_over(i, x[i]), maximum_over(i, x[i])
    middle = Sum(i, (x[i] - mean(i, x[i])) ** 2) / i.length
    return Twin(program, middle, (top - low) ** 2 / 4, (top - low) ** 2 / 40, "≤")


def implication_reversed() -> Twin:
    (n,) = sizes("n")
    x, y = tensor("x"), tensor("y")
    premise = Statement(x - y, ">", number(0))
    right, wrong = (Statement(exp(sign * x) - exp(sign * y), ">", number(0)) for sign in (1, -1))
    return Twin(_only(x, y), premise, right, wrong, "⇒")


def implication_of_an_equation() -> Twin:
    """Where the gradient of least squares vanishes, the normal equations hold."""
    n, m = sizes("n m")
    i, j, k = letters("i j k", n, m, m)
    X, y, w = tensor("X", n, m), tensor("y", n), tensor("w", m)
    L = define(names("L")[0], Sum(i, (Sum(j, X[i, j] * w[j]) - y[i]) ** 2))
    left = Sum(i, j, X[i, k] * X[i, j] * w[j])
    right, wrong = (Statement(left, "=", a * Sum(i, X[i, k] * y[i])) for a in (1, 2))
    premise = Statement(Partial(L + 0, w[k], total=True), "=", number(0))
    return Twin(Program.of([X, y, w], L), premise, right, wrong, "⇒")


def root_of_the_wrong_sign() -> Twin:
    x, a = tensor("x", domain="positive"), tensor("a", domain="positive")
    premise = Statement(x**2, "=", a + 0)
    return Twin(_only(x, a), premise, *(Statement(x + 0, "=", s * sqrt(a)) for s in (1, -1)), "⇒")


def last_line(chain: Chain, wrong: Callable[..., Any]) -> Node:
    """What a corrupted chain ends with."""
    found = wrong(*chain.letters)
    assert isinstance(found, Node)
    return substitute(found, {})


TWINS: tuple[Callable[[], Twin], ...] = tuple(
    f for f in list(globals().values()) if callable(f) and getattr(f, "__annotations__", {}).get("return") == "Twin"
    and not f.__name__.startswith("_")
)  # fmt: skip
CORRUPTED: tuple[Callable[[], Corrupted], ...] = tuple(
    f for f in list(globals().values())
    if callable(f) and getattr(f, "__annotations__", {}).get("return") == "Corrupted"
)  # fmt: skip
