"""Matrix notation: what is recognised and how it is written, what is not, and that every form has the same values."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.definitions import define
from derive.derivation import Derivation
from derive.differentiate import gradient, hessian, jacobian, vjp
from derive.evaluate import Evaluator, run
from derive.functions import absolute, exp, greater, log, maximum, sqrt, tanh
from derive.index import Letter, as_index, index_floor, index_mod, letter, letters
from derive.matrix import MatrixForm, matrix_form, matrix_form_of
from derive.matrix.algebra import hadamard, product, scaled, transpose
from derive.matrix.tree import Diag, Identity, Matrix, Name, Ones, Scalar, Transpose
from derive.nodes import Add, Bracket, Mul, Node, Position, Sum, Tensor, number
from derive.notation import at_least, at_most, equal, inside, less, name, tensor
from derive.over_axes import argmax, det, inverse, log_softmax, logdet, logsumexp, maximum_over, norm, over, softmax
from derive.program import Program
from derive.size_algebra import sizes
from derive.statements import assume
from derive.unspecified_functions import derivative_of, unspecified
from tests.derive.programs import GATE
from tests.derive.witnesses import assigned, drawn, seeded
from tests.rendering import compile_latex

n, d, c, e, H, T = sizes("n d c e H T")
SIZES = {n: 3, d: 4, c: 5, e: 6, H: 2, T: 7}

i, m, r = letters("i m r", n, n, n)
j, q = letters("j q", d, d)
l, k = letters("l k", c, c)
f, a = letters("f a", e, e)
h, t = letters("h t", H, T)

X, W, Y = tensor("X", n, d), tensor("W", d, c), tensor("Y", n, d)
P, D, G = tensor("P", n, c, domain="positive"), tensor("D", n, c), tensor("G", n, c)
A, B, C, S = tensor("A", n, n), tensor("B", n, n), tensor("C", c, n), tensor("S", d, d)
x, y, z = tensor("x", n), tensor("y", n), tensor("z", n)
u, v, b, w = tensor("u", d), tensor("v", d), tensor("b", c), tensor("w", c)
s = tensor("s", n, domain="positive")
g = tensor("g", c, domain="positive")
alpha, beta = tensor("alpha"), tensor("beta", domain="positive")
Q, K, V, O = tensor("Q", H, n, e), tensor("K", H, n, e), tensor("V", H, n, e), tensor("O", H, n, e)
R, U = tensor("R", H, n, n), tensor("U", n, d, c)
h_, x_ = tensor("hid", T, e), tensor("inp", T, d)
Wh, Wx, bias, h0 = tensor("F", e, e), tensor("E", d, e), tensor("a", e), tensor("o", e)
ids = tensor("ids", n, below=c)
phi = over(unspecified("phi"), j, u[j])


def agree(form: MatrixForm, evaluator: Evaluator, node: Node) -> None:
    """The form has the value of the node."""
    with np.errstate(all="ignore"):
        by_index, by_matrix = evaluator.array(node, form.letters), form.evaluate(evaluator)
    assert by_matrix.shape == by_index.shape
    np.testing.assert_allclose(by_matrix, by_index, rtol=1e-9, atol=1e-9)


def somewhere(tensors: Iterable[Tensor], *seed: object) -> Evaluator:
    """Signed values, at sizes that are all different."""
    ordered = sorted(tensors, key=lambda one: one.name)
    return Evaluator(dict(SIZES), drawn(ordered, SIZES, seeded(*seed)))


ONE = r"\mathbf{1}"
TOP = r"^{\top}"


def tex(text: str) -> str:
    """Signs as they are typed in the table: ' is the transpose, 1 after @ the column of ones."""
    return (
        text.replace("'", TOP).replace("@1", ONE).replace("*", r"\odot").replace("diag", r"\operatorname{diag}")
        .replace("tr(", r"\operatorname{tr}(").replace("%", r"\oslash")
    )  # fmt: skip


FORMS: dict[str, tuple[Node, tuple[Letter, ...], str]] = {
    # products
    "product": (Sum(j, X[i, j] * W[j, l]), (i, l), "X W"),
    "product transposed": (Sum(j, X[i, j] * W[j, l]), (l, i), "W' X'"),
    "left transposed": (Sum(i, X[i, j] * D[i, l]), (j, l), "X' D"),
    "right transposed": (Sum(l, D[i, l] * W[j, l]), (i, j), "D W'"),
    "both transposed": (Sum(i, C[l, i] * X[i, j]), (j, l), "X' C'"),
    "three factors": (Sum(j, l, X[i, j] * W[j, l] * C[l, m]), (i, m), "X W C"),
    "nested sums": (Sum(j, X[i, j] * Sum(l, W[j, l] * C[l, m])), (i, m), "X W C"),
    "order of factors is free": (Sum(l, j, C[l, m] * X[i, j] * W[j, l]), (i, m), "X W C"),
    "weighted product": (Sum(i, X[i, j] * s[i] * D[i, l]), (j, l), "X' diag(s) D"),
    "divided in the middle": (Sum(i, X[i, j] * D[i, l] / s[i]), (j, l), "X' diag(s)^{-1} D"),
    "Gram matrix": (Sum(m, A[m, i] * A[m, r]), (i, r), "A' A"),
    "softmax regression": (
        Sum(i, (P[i, l] - D[i, l]) * X[i, j]) / n, (j, l), r"\frac{1}{n}\,X' (P - D)",
    ),
    "without the assumption": (
        Sum(i, (P[i, l] * Sum(k, D[i, k]) - D[i, l]) * X[i, j]) / n, (j, l), r"\frac{1}{n}\,X' (diag(D @1) P - D)",
    ),
    "logits without the assumption": (
        (P[i, l] * Sum(k, D[i, k]) - D[i, l]) / n, (i, l), r"\frac{1}{n}\,(diag(D @1) P - D)",
    ),
    "scaled by a root of a size": (
        Sum(j, X[i, j] * Y[m, j]) * number(1 / sympy.sqrt(d)), (i, m), r"\frac{1}{\sqrt{d}}\,X Y'",
    ),
    "scaled by scalars": (alpha * Sum(j, X[i, j] * W[j, l]) / beta, (i, l), r"\frac{\alpha}{\beta}\,X W"),
    "negative": (-Sum(j, X[i, j] * W[j, l]), (i, l), "-X W"),
    # vectors
    "matrix times vector": (Sum(j, X[i, j] * u[j]), (i,), "X u"),
    "transposed times vector": (Sum(i, X[i, j] * x[i]), (j,), "X' x"),
    "gradient of a quadratic form": (Sum(m, (A[i, m] + A[m, i]) * x[m]), (i,), "(A + A') x"),
    "quadratic form": (Sum(i, m, x[i] * A[i, m] * x[m]), (), "x' A x"),
    "bilinear form": (Sum(i, j, x[i] * X[i, j] * u[j]), (), "x' X u"),
    "symmetric bilinear form": (Sum(i, m, A[i, m] * (x[i] * y[m] + y[i] * x[m])), (), "x' A y + y' A x"),
    "covariance": (
        Sum(i, (X[i, j] - u[j]) * (X[i, q] - u[q])) / n, (j, q), r"\frac{1}{n}\,(X - @1 u')' (X - @1 u')",
    ),
    "gradient of a function": (derivative_of(phi, q), (q,), r"\nabla \varphi(u)"),
    "Hessian of a function": (
        Sum(j, q, v[j] * derivative_of(phi, j, q) * v[q]), (), r"v' \nabla^{2} \varphi(u) v",
    ),
    "inner product": (Sum(i, x[i] * y[i]), (), "x' y"),
    "weighted inner product": (Sum(i, x[i] * y[i] * z[i]), (), "(x * y)' z"),
    "outer product": (x[i] * u[j], (i, j), "x u'"),
    "outer product scaled": (-2 * x[i] * u[j] / n, (i, j), r"-\frac{2}{n}\,x u'"),
    "inner product times a vector": (Sum(m, x[m] * y[m]) * z[i], (i,), "(x' y) z"),
    "projection": (x[i] * Sum(m, x[m] * y[m]) / Sum(m, x[m] ** 2), (i,), r"\frac{x' y}{\lVert x\rVert ^{2}}\,x"),
    "sum of a vector": (Sum(i, x[i]), (), "@1' x"),
    "squared distance": (
        Sum(i, (Sum(j, X[i, j] * u[j]) - y[i]) ** 2) / 2, (), r"\frac{1}{2}\,\lVert X u - y\rVert ^{2}",
    ),
    "squared norm": (Sum(i, x[i] ** 2), (), r"\lVert x\rVert ^{2}"),
    "least squares": (Sum(i, X[i, j] * (Sum(q, X[i, q] * u[q]) - y[i])), (j,), "X' (X u - y)"),
    # sums
    "row sums": (Sum(j, X[i, j]), (i,), "X @1"),
    "column sums": (Sum(i, X[i, j]), (j,), "X' @1"),
    "sum of all": (Sum(i, j, X[i, j]), (), "@1' X @1"),
    "sums of squares in rows": (Sum(j, X[i, j] ** 2), (i,), r"X^{* 2} @1"),
    "row sums of a Hadamard product": (Sum(j, X[i, j] * Y[i, j]), (i,), "(X * Y) @1"),
    "column sums of a Hadamard product": (Sum(i, X[i, j] * Y[i, j]), (j,), "(X * Y)' @1"),
    "all rows added": (Sum(m, X[m, j]), (i, j), "@1 @1' X"),
    "the size of what is summed": (Sum(j, x[i]), (i,), "d x"),
    # broadcasting
    "bias on every row": (Sum(j, X[i, j] * W[j, l]) + b[l], (i, l), "X W + @1 b'"),
    "mean off every column": (X[i, j] - x[i], (i, j), "X - x @1'"),
    "two vectors on the edges": (x[i] + u[j], (i, j), "x @1' + @1 u'"),
    "a scalar everywhere": (X[i, j] - alpha, (i, j), r"X - \alpha"),
    "a scalar on a vector": (x[i] + alpha, (i,), r"x + \alpha"),
    "a number everywhere": (1 - X[i, j], (i, j), "1 - X"),
    "a number in a product is a matrix": (Sum(j, (1 - X[i, j]) * W[j, l]), (i, l), "(@1 @1' - X) W"),
    "a row only": (u[j] + 0, (i, j), "@1 u'"),
    "zero": (number(0), (i, j), "0"),
    # scaling
    "rows scaled": (s[i] * D[i, l], (i, l), "diag(s) D"),
    "columns scaled": (D[i, l] * g[l], (i, l), "D diag(g)"),
    "both scaled": (s[i] * D[i, l] * g[l], (i, l), "diag(s) D diag(g)"),
    "rows divided": (D[i, l] / s[i], (i, l), "diag(s)^{-1} D"),
    "rows divided by roots": (D[i, l] / sqrt(s[i] + beta), (i, l), r"diag(s + \beta)^{-1/2} D"),
    "attention without softmax": (P[i, l] / Sum(k, P[i, k]), (i, l), "diag(P @1)^{-1} P"),
    "normalised columns": (P[i, l] / Sum(m, P[m, l]), (i, l), "P diag(P' @1)^{-1}"),
    "layer norm": ((X[i, j] - x[i]) / sqrt(s[i]) * u[j], (i, j), "diag(s)^{-1/2} (X - x @1') diag(u)"),
    # Hadamard
    "Hadamard product": (X[i, j] * Y[i, j], (i, j), "X * Y"),
    "Hadamard product of transposes": (X[i, j] * Y[i, j], (j, i), "(X * Y)'"),
    "with a transpose": (A[i, m] * B[m, i], (i, m), "A * B'"),
    "quotient": (D[i, l] / P[i, l], (i, l), "D % P"),
    "reciprocal": (1 / s[i], (i,), r"s^{* -1}"),
    "elementwise power": (X[i, j] ** 3, (i, j), r"X^{* 3}"),
    "root": (sqrt(s[i]), (i,), r"\sqrt{s}"),
    "delta": (Sum(l, D[i, l] * W[j, l]) * (1 - tanh(X[i, j]) ** 2), (i, j), r"(D W') * (1 - \tanh(X)^{* 2})"),
    "sigmoid": (P[i, l] * (1 - P[i, l]), (i, l), "P * (1 - P)"),
    "softmax VJP": (
        P[i, l] * (D[i, l] - Sum(k, D[i, k] * P[i, k])), (i, l), "P * (D - (D * P) @1 @1')",
    ),
    # functions
    "function of a product": (tanh(Sum(j, X[i, j] * W[j, l]) + b[l]), (i, l), r"\tanh(X W + @1 b')"),
    "function transposed": (exp(X[i, j]), (j, i), r"\exp(X')"),
    "ReLU's derivative": (D[i, l] * greater(G[i, l], 0), (i, l), r"D * [G > 0]"),
    "two arguments": (maximum(X[i, j], Y[i, j]), (i, j), r"\max(X, Y)"),
    "entropy": (-Sum(i, l, P[i, l] * log(P[i, l])), (), r"-tr(P' \log(P))"),
    "absolute values": (Sum(i, absolute(x[i])), (), r"@1' \operatorname{abs}(x)"),
    "softmax of rows": (softmax(l, D[i, l]), (i, l), r"\operatorname{softmax}(D)"),
    "softmax of columns": (softmax(i, D[i, l]), (i, l), r"\operatorname{softmax}(D')'"),
    "softmax of a vector": (softmax(l, b[l] / 2), (l,), r"\operatorname{softmax}\Bigl(\frac{1}{2}\,b\Bigr)"),
    "log-softmax": (log_softmax(l, D[i, l]), (i, l), r"\operatorname{log\,softmax}(D)"),
    "log-sum-exp of rows": (logsumexp(l, D[i, l]), (i,), r"\operatorname{LSE}(D)"),
    "log-sum-exp": (logsumexp(l, b[l]), (), r"\operatorname{LSE}(b)"),
    "largest of rows": (maximum_over(l, D[i, l]), (i,), r"\operatorname{rowmax}(D)"),
    "largest": (maximum_over(l, b[l]), (), r"\max(b)"),
    "stable exponentials": (
        exp(D[i, l] - maximum_over(k, D[i, k])), (i, l), r"\exp(D - \operatorname{rowmax}(D) @1')",
    ),
    "norm": (norm(i, x[i] - y[i]), (), r"\lVert x - y\rVert "),
    "unit vector": (x[i] / norm(m, x[m]), (i,), r"\frac{1}{\lVert x\rVert }\,x"),
    "norms of rows": (norm(j, X[i, j]), (i,), r"\sqrt{X^{* 2} @1}"),
    "a function of a vector": (phi, (), r"\varphi(u)"),
    # square matrices
    "inverse": (inverse(i, m, A[i, m]), (i, m), "A^{-1}"),
    "inverse transposed": (inverse(i, m, A[i, m]), (m, i), r"A^{-\top}"),
    "solve": (Sum(m, inverse(i, m, A[i, m]) * x[m]), (i,), "A^{-1} x"),
    "ridge": (
        Sum(q, inverse(j, q, Sum(i, X[i, j] * X[i, q]) + alpha * equal(j, q)) * Sum(i, X[i, q] * x[i])), (j,),
        r"(X' X + \alpha I)^{-1} X' x",
    ),
    "log-determinant": (logdet(i, m, A[i, m]), (), r"\log\lvert \det(A)\rvert "),
    "determinant": (det(i, m, A[i, m]), (), r"\det(A)"),
    "trace": (Sum(i, A[i, i]), (), "tr(A)"),
    "diagonal": (A[i, i] * x[i], (i,), "diag(A) * x"),
    "trace of a product": (Sum(i, m, A[i, m] * B[m, i]), (), "tr(A B)"),
    "trace of three": (Sum(i, m, r, A[i, m] * B[m, r] * A[r, i]), (), "tr(A B A)"),
    "Frobenius inner product": (Sum(i, j, X[i, j] * Y[i, j]), (), "tr(X' Y)"),
    "Frobenius norm": (Sum(i, j, X[i, j] ** 2), (), r"\lVert X\rVert _{F}^{2}"),
    "identity": (equal(i, m) * 1, (i, m), "I"),
    "diagonal matrix": (x[i] * equal(i, m), (i, m), "diag(x)"),
    "identity less a projection": (equal(i, m) - x[i] * x[m], (i, m), "I - x x'"),
    "softmax Jacobian": (x[i] * (equal(i, m) - x[m]), (i, m), "diag(x) - x x'"),
    "resolvent": (alpha * equal(i, m) + A[m, i], (i, m), r"\alpha I + A'"),
    "a diagonal picked out": (A[i, m] * equal(i, m), (i, m), "A * I"),
    "lower triangle": (A[i, m] * at_most(m, i), (i, m), r"\operatorname{tril}(A)"),
    "above the diagonal": (A[i, m] * less(i, m), (i, m), r"\operatorname{triu}(A, 1)"),
    "sums so far": (Sum(m, x[m] * at_most(m, i)), (i,), r"\operatorname{tril}(@1 @1') x"),
    # slices
    "one matrix for every head": (Sum(k, tensor("M", H, n, c)[h, i, k] * D[m, k]), (h, i, m), "M_{h} D'"),
    "attention scores": (Sum(f, Q[h, i, f] * K[h, m, f]) / sqrt(e), (h, i, m), r"\frac{1}{\sqrt{e}}\,Q_{h} K_{h}'"),
    "attention weights": (softmax(m, R[h, i, m]), (h, i, m), r"\operatorname{softmax}(R_{h})"),
    "attention output": (Sum(m, R[h, i, m] * V[h, m, f]), (h, i, f), "R_{h} V_{h}"),
    "cotangent of the weights": (Sum(f, O[h, i, f] * V[h, m, f]), (h, i, m), "O_{h} V_{h}'"),
    "a scalar for every slice": (Sum(i, f, O[h, i, f] * V[h, i, f]), (h,), "tr(O_{h}' V_{h})"),
    "a slice in the middle": (Sum(j, U[i, j, l] * u[j]), (i, l), r"U_{i}' u"),
    "recurrence": (
        tanh(Sum(j, x_[t, j] * Wx[j, f]) + Sum(a, h_[t - 1, a] * at_least(t, 1) * Wh[a, f]) + bias[f]), (t, f),
        r"\tanh(E' \mathrm{inp}_{t} + [t \ge 1] F' \mathrm{hid}_{t - 1} + a)",
    ),
    "recurrence backwards": (
        Sum(f, (1 - h_[t, f] ** 2) * h_[t, f] * Wh[a, f]), (t, a), r"((1 - \mathrm{hid}^{* 2}) * \mathrm{hid}) F'",
    ),
    "Jacobian of softmax of rows": (
        equal(i, m) * P[i, l] * (equal(l, k) - P[i, k]),
        (i, l, m, k),
        r"[i = m] (diag(P_{i}) - P_{i} P_{i}')",
    ),
    "Jacobian of a product": (equal(l, k) * X[i, j], (i, l, j, k), r"X_{ij} I"),
    "bias correction": (
        h_[t, f] / (1 - beta ** Position(t + 1)), (t, f), r"\frac{1}{1 - \beta^{t + 1}}\,\mathrm{hid}_{t}",
    ),
    "first of a sequence": (h_[0, f] - h0[f], (f,), r"\mathrm{hid}_{0} - o"),
}  # fmt: skip


@pytest.mark.parametrize("case", FORMS)
def test_forms(case: str) -> None:
    node, axes, expected = FORMS[case]
    form = matrix_form(node, axes)
    assert form is not None
    assert form.latex() == tex(expected)
    agree(form, somewhere(node.tensors, case), node)


DOCUMENT = r"""
\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage{lmodern,amsmath,amssymb,bm}
\begin{document}
%s
\end{document}
"""


@pytest.mark.rendering("pdflatex")
def test_every_form_compiles(tmp_path: Path) -> None:
    found = [matrix_form(node, axes) for node, axes, _ in FORMS.values()]
    lines = "\n".join(rf"\[ {form.latex()} \]" for form in found if form is not None)
    assert compile_latex(DOCUMENT % lines, tmp_path).complaints == ()


def test_bound_letters_are_never_mistaken_for_axes() -> None:
    for node, axes in (
        (Sum(i, Sum(i, A[m, i])), (i, m)),
        (x[i] * Sum(i, A[i, m]), (i, m)),
        (Sum(h, O[h, i, f]) * O[h, i, f], (h, i, f)),
        (softmax(m, A[i, m]) * Sum(m, x[m]), (i, m)),
    ):
        form = matrix_form(node, axes)
        if form is not None:
            agree(form, somewhere(node.tensors, "bound"), node)


def test_text() -> None:
    form = matrix_form(*FORMS["softmax VJP"][:2])
    assert form is not None
    assert form.text() == "P ⊙ (D - (D ⊙ P) 𝟏 𝟏ᵀ)"
    form = matrix_form(*FORMS["projection"][:2])
    assert form is not None
    assert form.text() == "(xᵀ y)/‖x‖^2·x"


def test_left_side_and_slices() -> None:
    form = matrix_form(*FORMS["cotangent of the weights"][:2])
    assert form is not None
    assert form.batch == (h,)
    assert form.left(R[h, i, m]) == Name(R, (as_index(h), None, None), (n, n))
    assert form.left(R[h, m, i]) is None


def test_what_acts_on_rows_is_noted() -> None:
    form = matrix_form(softmax(l, D[i, l]), (i, l))
    assert form is not None
    assert form.notes == (("softmax is taken of every row", "softmax 逐行作用"),)
    form = matrix_form(softmax(l, b[l]), (l,))
    assert form is not None
    assert form.notes == ()


# ------------------------------------------------------------------------------------------------ where there is none

kernel, flat = tensor("Z", c), tensor("J", H * n)
p = letter("p", H * n)
NONE: dict[str, tuple[Node, tuple[Letter, ...]]] = {
    "convolution": (Sum(k, inside(x[i + k]) * kernel[k]), (i,)),
    "strided": (inside(x[2 * i]) * y[i], (i,)),
    "shifted": (inside(x[i + 1]) - x[i], (i,)),
    "shifted against itself": (Sum(i, x[i] * inside(x[i + 1])), ()),
    "columns shifted": (inside(X[i, j + 1]) * x[i], (i, j)),
    "gather": (b[ids[i]] * x[i], (i,)),
    "scatter": (Sum(i, x[i] * equal(ids[i], l)), (l,)),
    "one-hot of the largest": (equal(argmax(k, D[i, k]), l) * x[i], (i, l)),
    "every letter at three matrices": (
        Sum(i, j, l, m, X[i, j] * D[i, l] * A[i, m] * W[j, l] * Y[m, j] * C[l, m]),
        (),
    ),
    "merged axes": (flat[n * h + i] * x[i], (h, i)),
    "split axes": (A[index_mod(p, n), index_mod(p, n)] * flat[p], (p,)),
    "quotient": (x[index_mod(p, n)] * tensor("v", H)[index_floor(p, n)], (p,)),
    "a position as a value": (Position(as_index(i)) * x[i], (i,)),
    "scalars alone": (alpha / (alpha + beta), ()),
    "another diagonal": (equal(i, m + 1) * x[i], (i, m)),
    "off the diagonal": (Bracket(as_index(i), "≠", as_index(m)) * A[i, m], (i, m)),
    "a rectangular identity": (equal(i, j) * X[i, j], (i, j)),
    "an entry of softmax elsewhere": (softmax(l, b[l]).entry(ids[i]) * x[i], (i,)),
    "the diagonal of a softmax": (softmax(m, A[i, m]).entry(i) * x[i], (i,)),
    "a letter that is not on the left": (X[i, j] * 1, (i,)),
}


@pytest.mark.parametrize("case", NONE)
def test_no_form(case: str) -> None:
    assert matrix_form(*NONE[case]) is None


# ---------------------------------------------------------------------------------------------------- what is derived


def linear_softmax(*, normalised: bool) -> Program:
    Z, Pr, L = name("Z"), name("P"), name("L")
    Z = define(Z[i, l], Sum(j, X[i, j] * W[j, l]) + b[l])
    Pr = define(Pr[i, l], softmax(l, Z[i, l]))
    target = tensor("T", n, c)
    L = define(L, -1 / n * Sum(i, l, target[i, l] * log(Pr[i, l])))
    return Program.of([X, W, b, target], L, [assume(Sum(l, target[i, l]), "=", 1)] if normalised else [])


def quadratic() -> Program:
    return Program.of([S, u], define(name("q"), Sum(j, q, u[j] * S[j, q] * u[q]) / 2))


def least_squares() -> Program:
    rest = define(name("rest")[i], Sum(j, X[i, j] * u[j]) - y[i])
    return Program.of([X, u, y], define(name("L"), Sum(i, rest[i] ** 2) / 2))


def probabilities() -> Program:
    return Program.of([b], define(name("p")[l], softmax(l, b[l])))


DERIVED: dict[str, tuple[Derivation, dict[str, str]]] = {
    "softmax regression": (
        gradient(linear_softmax(normalised=True), ("W", "b")),
        {"d_Z": r"\frac{1}{n}\,(P - T)", "d_W": r"X' \bar{Z}", "d_b": r"\bar{Z}' @1"},
    ),
    "targets that do not add up to 1": (
        gradient(linear_softmax(normalised=False), "X"),
        {"d_Z": r"\frac{1}{n}\,(diag(T @1) P - T)", "d_X": r"\bar{Z} W'"},
    ),
    "quadratic form": (gradient(quadratic(), "u"), {"d_u": r"\frac{1}{2}\,(S + S') u"}),
    "Hessian of a quadratic form": (hessian(quadratic(), "u"), {"hess_q_u": r"\frac{1}{2}\,(S + S')"}),
    "Hessian of least squares": (hessian(least_squares(), "u"), {"hess_L_u": "X' X"}),
    "Jacobian of softmax": (jacobian(probabilities(), "b"), {"jac_p_b": "diag(p) - p p'"}),
    "VJP of softmax": (vjp(probabilities(), "b"), {"d_b": r"p * (\bar{p} - \bar{p}' p)"}),
}


@pytest.mark.parametrize("case", DERIVED)
def test_derived(case: str) -> None:
    derivation, expected = DERIVED[case]
    found = {c.name.tensor.name: matrix_form_of(c) for c in derivation.chains if c.name is not None}
    assert {key: form and form.latex() for key, form in found.items() if key in expected} == {
        key: tex(text) for key, text in expected.items()
    }


WITHOUT_FORM = {
    "convolution": {"d_x", "d_K"},
    "gather": {"d_E"},
    "max_over_axis": {"d_X"},
    # heads split from one axis and merged into it
    "attention": {"d_O", "d_V", "d_K", "d_Q"},
    "one_block": {"d_B0O", "d_B0V", "d_B0K", "d_B0Q"},
}


@pytest.mark.parametrize("gate", GATE)
def test_gates(gate: str) -> None:
    case = GATE[gate]()
    derivation = gradient(case.program, case.wrt)
    assignment = assigned(case.program, case.sizes[0])
    evaluator = run(derivation.derived, drawn(derivation.derived.inputs, assignment, seeded(gate)), assignment)
    bare, checked = set(), 0
    for chain in derivation.chains:
        form = matrix_form_of(chain)
        assert chain.name is not None
        assert isinstance(chain.result, Node)
        if form is None:
            bare.add(chain.name.tensor.name)
        elif chain.result.tensors <= evaluator.arrays.keys():
            agree(form, evaluator, chain.result)
            checked += 1
    assert bare == WITHOUT_FORM.get(gate, set())
    assert checked or gate == "convolution"


# ----------------------------------------------------------------------------------------------------- any expression

SMALL = letters("i j k", n, n, n)
CUBES = [tensor(f"T{k}", n, n, n) for k in range(2)]
LOOSE = (
    [tensor(f"M{k}", n, n) for k in range(3)],
    [tensor(f"v{k}", n) for k in range(3)],
    [tensor("s0"), tensor("s1")],
)


@st.composite
def expressions(draw: st.DrawFn, depth: int = 3) -> Node:
    """Sums and products of matrices and vectors on three letters that all have one size, so that all fit."""
    one, two = (SMALL[draw(st.integers(0, 2))] for _ in range(2))
    matrices, vectors, scalars = LOOSE
    kind = draw(st.integers(0, 10 if depth else 5))
    if kind <= 1:
        return matrices[draw(st.integers(0, 2))][one, two]
    if kind <= 3:
        return vectors[draw(st.integers(0, 2))][one]
    if kind == 4:
        others: tuple[Node, ...] = (
            scalars[0] * 1, number(draw(st.sampled_from([-2, 3, sympy.Rational(1, 2)]))), equal(one, two) * 1,
            at_most(one, two) * 1,
        )  # fmt: skip
        return others[draw(st.integers(0, 3))]
    if kind == 5:
        three = one if draw(st.booleans()) else SMALL[0]
        return CUBES[draw(st.integers(0, 1))][SMALL[0], three, two]
    inner = expressions(depth=depth - 1)
    match kind:
        case 6:
            return draw(inner) + draw(inner)
        case 7 | 8:
            return draw(inner) * draw(inner)
        case 9:
            return Sum(one, draw(inner))
        case _:
            return draw(st.sampled_from([tanh, lambda z: z**2, lambda z: 1 / (2 + z**2), lambda z: softmax(one, z)]))(
                draw(inner)
            )


@settings(max_examples=400, deadline=None)
@given(expressions(), st.permutations(SMALL))
def test_whatever_has_a_form_has_the_same_value(node: Node, order: list[Letter]) -> None:
    axes = tuple(x for x in order if x in node.free)
    form = matrix_form(node, axes)
    if form is not None:
        agree(form, somewhere(node.tensors, "any"), node)
        form.latex()
        form.text()


def test_most_expressions_have_a_form() -> None:
    """So that the test above cannot pass by recognising nothing."""
    found = []

    @settings(max_examples=300, deadline=None, database=None, derandomize=True)
    @given(expressions())
    def count(node: Node) -> None:
        found.append(matrix_form(node, tuple(x for x in SMALL if x in node.free)) is not None)

    count()
    assert sum(found) > 0.6 * len(found)


def test_order_of_terms_and_factors_does_not_matter_for_the_value() -> None:
    for case, (node, axes, _) in FORMS.items():
        turned = reversed_everywhere(node)
        form = matrix_form(turned, axes)
        assert form is not None, case
        agree(form, somewhere(node.tensors, case), node)


def reversed_everywhere(node: Node) -> Node:
    match node:
        case Add():
            return Add(tuple(map(reversed_everywhere, reversed(node.terms))))
        case Mul():
            return Mul(tuple(map(reversed_everywhere, reversed(node.factors))))
        case Sum():
            return Sum(*reversed(node.letters), reversed_everywhere(node.body))
    return node


# ------------------------------------------------------------------------------------------------------- constructors

M1, M2, vec = Name(A, (None, None), (n, n)), Name(B, (None, None), (n, n)), Name(x, (None,), (n, None))


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (transpose(transpose(M1)), M1),
        (transpose(product(M1, M2)), product(transpose(M2), transpose(M1))),
        (transpose(product(transpose(vec), vec)), product(transpose(vec), vec)),
        (product(M1, Identity(n), M2), product(M1, M2)),
        (product(Identity(n), Identity(n)), Identity(n)),
        (product(Diag(vec), Ones(n)), vec),
        (product(Transpose(Ones(n)), Diag(vec)), Transpose(vec)),
        (product(scaled(M1, sympy.Integer(2)), scaled(M2, sympy.Integer(3))),
         scaled(product(M1, M2), sympy.Integer(6))),
        (hadamard([scaled(M1, sympy.Integer(2))], [scaled(M2, sympy.Integer(4))]),
         scaled(hadamard([M1], [M2]), sympy.Rational(1, 2))),
        (scaled(scaled(vec, sympy.Integer(-1)), sympy.Integer(-1)), vec),
        (scaled(Scalar(number(3)), sympy.Integer(2)), Scalar(number(6))),
    ],
)  # fmt: skip
def test_constructors(made: Matrix, expected: Matrix) -> None:
    assert made == expected
