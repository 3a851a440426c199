"""Sums of which each term counts in one part of an axis are blocks beside or above each other, of the same values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import expit

import derive
from derive.evaluate import Evaluator
from derive.index import letters
from derive.matrix import MatrixForm, matrix_form, matrix_form_of
from derive.nodes import Node, Sum, Tensor
from derive.notation import at_least, equal, less, tensor
from derive.size_algebra import sizes
from tests.derive.witnesses import drawn, seeded

n, d, k = sizes("n d k")
SIZES = {n: 3, d: 4, k: 2}
i, j = letters("i j", n, n)
q, p = letters("q p", d + k, d + k)
m, r = letters("m r", 3 * k, 3 * k)
X, H = tensor("X", n, d), tensor("H", n, k)
W, B = tensor("W", d + k, 3 * k), tensor("B", n, k)
x, h, c = tensor("x", d), tensor("h", k), tensor("c")
z, A = tensor("z", 3 * k), tensor("A", n, 3 * k)

BESIDE = less(q, d) * X[i, q] + at_least(q, d) * H[i, q - d]
ABOVE = less(q, d) * x[q] + at_least(q, d) * h[q - d]

FORMS = [
    (BESIDE, (i, q), r"[X \mid H]", "[X | H]"),
    (BESIDE, (q, i), r"[X \mid H]^{\top}", "[X | H]ᵀ"),
    (ABOVE, (q,), r"\begin{bmatrix} x \\ h \end{bmatrix}", "[x; h]"),
    (Sum(q, BESIDE * W[q, m]), (i, m), r"[X \mid H] W", "[X | H] W"),
    (less(m, k) * B[i, m], (i, m), r"[B \mid 0]", "[B | 0]"),
    (at_least(q, d) * h[q - d], (q,), r"\begin{bmatrix} 0 \\ h \end{bmatrix}", "[0; h]"),
    (
        (less(q, d) * X[i, q] + at_least(q, d)) * 2,
        (i, q),
        r"2 [X \mid 1]",
        "2·[X | 1]",
    ),
    (
        less(m, k) * B[i, m]
        + at_least(m, k) * less(m, 2 * k) * H[i, m - k]
        + at_least(m, 2 * k) * c * B[i, m - 2 * k],
        (i, m),
        r"[B \mid H \mid c B]",
        "[B | H | c·B]",
    ),
]


v, w = letters("v w", 2, 2)
s = letters("s", 3)[0]
L = tensor("L", 3)
ENTRIES = [
    (equal(v, 0) * c + equal(v, 1) * c**2, (v,), r"\begin{bmatrix} c \\ c^{2} \end{bmatrix}", "[c; c^2]"),
    (
        2 * equal(v, 0) * equal(w, 0)
        + (c * equal(v, 1) - 3 * equal(v, 0)) * equal(w, 1)
        - 3 * equal(v, 1) * equal(w, 0),
        (v, w),
        r"\begin{bmatrix} 2 & -3 \\ -3 & c \end{bmatrix}",
        "[2, -3; -3, c]",
    ),
    (
        equal(v, 0) * (equal(s, 1) * L[2] - equal(s, 2) * L[1]) + equal(v, 1) * (equal(s, 0) * L[1] / c),
        (v, s),
        r"\begin{bmatrix} 0 & L_{2} & -L_{1} \\ \frac{L_{1}}{c} & 0 & 0 \end{bmatrix}",
        "[0, L[2], -L[1]; L[1]/c, 0, 0]",
    ),
    (
        c * (L[2] * (equal(s, 1) * L[0] + equal(s, 0) * c) + L[1] * (equal(s, 2) * L[1] - equal(s, 0) * c)),
        (s,),
        r"c\,\begin{bmatrix} c (L_{2} - L_{1}) \\ L_{2} L_{0} \\ L_{1}^{2} \end{bmatrix}",
        "c·[c·(L[2] - L[1]); L[2]·L[0]; L[1]^2]",
    ),
]


def somewhere(node: Node, *seed: object) -> Evaluator:
    ordered: list[Tensor] = sorted(node.tensors, key=lambda one: one.name)
    return Evaluator(dict(SIZES), drawn(ordered, SIZES, seeded(*seed)))


@pytest.mark.parametrize(
    ("node", "axes", "latex", "text"), [*FORMS, *ENTRIES], ids=[row[3] for row in (*FORMS, *ENTRIES)]
)
def test_parts_and_entries_of_an_axis_are_blocks(node: Node, axes: tuple[Any, ...], latex: str, text: str) -> None:
    form = matrix_form(node, axes)
    assert form is not None
    assert (form.latex(), form.text()) == (latex, text)
    agree(form, node)


def agree(form: MatrixForm, node: Node) -> None:
    evaluator = somewhere(node, form.latex())
    np.testing.assert_allclose(form.evaluate(evaluator), evaluator.array(node, form.letters), atol=1e-12)


NO_BLOCKS = {
    "the second part reads entries of the first": less(q, d) * X[i, q] + at_least(q, d) * X[i, q - k],
    "which limit is the tighter depends on the sizes": less(q, d) * at_least(q, k) * X[i, q],
    "one entry of many": equal(q, 1) * c,
    "every second entry": sum((equal(q, 2 * one) * c for one in range(2)), start=equal(q, 1) * h[0]),
}


@pytest.mark.parametrize("why", NO_BLOCKS)
def test_what_is_no_blocks(why: str) -> None:
    node = NO_BLOCKS[why]
    axes = (i, q) if i in node.free else (q,)
    form = matrix_form(node, axes)
    assert form is None or ("mid" not in form.latex() and "bmatrix" not in form.latex())


def test_one_entry_that_is_not_zero_is_told_by_its_bracket() -> None:
    assert matrix_form(equal(s, 1) * L[0], (s,)) is None


def test_entries_in_rows_have_no_bar_between_them() -> None:
    form = matrix_form(ENTRIES[1][0], (v, w))
    assert form is not None
    assert form.notes == ()


def test_a_part_of_an_axis_is_no_whole_tensor() -> None:
    first = letters("f", k)[0]
    assert matrix_form(A[i, first], (i, first)) is None


def test_gates_are_blocks_in_the_names_of_the_function() -> None:
    def gates(x: Any, h: Any, W: Any) -> Any:
        a = np.concatenate([x, h], axis=1) @ W
        f, g = np.split(a, 2, axis=1)
        return expit(f) * np.tanh(g)

    shapes = {"x": ("n", "d"), "h": ("n", "k"), "W": ("d+k", "2*k")}
    found = derive.vjp(gates, "W", shapes=shapes)
    latex = found.result.latex()
    assert latex.startswith(r"[x \mid h]^\top [")
    assert latex.count(r"\mid") == 2
    assert "a_" not in latex
    form = matrix_form_of(found.result)
    assert form is not None
    assert form.notes == (("a bar in brackets puts matrices beside each other", "方括号内的竖线表示矩阵左右并列"),)


N, T, e = sizes("N T e")
b, t, u = letters("b t u", N, T, T)
f, g = letters("f g", d, e)
P, R, S = tensor("P", N, T, d), tensor("R", N, T, e), tensor("S", N, T, T)
SIZES |= {N: 3, T: 5, e: 2}

SLICES = [
    (Sum(b, t, P[b, t, f] * R[b, t, g]), (f, g), r"\sum_{b} P_{b}^{\top} R_{b}", "Σ_b P[b]ᵀ R[b]"),
    (Sum(b, t, P[b, t, f] * R[b, t, g]), (g, f), r"\sum_{b} R_{b}^{\top} P_{b}", "Σ_b R[b]ᵀ P[b]"),
    (Sum(b, t, P[b, t, f]), (f,), r"\sum_{b} P_{b}^{\top} \mathbf{1}", "Σ_b P[b]ᵀ 𝟏"),
    (Sum(b, t, f, P[b, t, f] ** 2), (), r"\sum_{b} \lVert P_{b}\rVert _{F}^{2}", ""),
    (3 * Sum(b, t, u, P[b, t, f] * S[b, t, u] * R[b, u, g]), (f, g), r"3 \sum_{b} P_{b}^{\top} S_{b} R_{b}", ""),
]


@pytest.mark.parametrize(("node", "axes", "latex", "text"), SLICES, ids=[row[2] for row in SLICES])
def test_sums_over_slices(node: Node, axes: tuple[Any, ...], latex: str, text: str) -> None:
    form = matrix_form(node, axes)
    assert form is not None
    assert form.latex() == latex
    assert form.text() == text or not text
    agree(form, node)


def test_a_slice_that_is_summed_over_has_a_name_of_its_own() -> None:
    other = letters("b", d)[0]
    form = matrix_form(Sum(b, t, P[b, t, other] * P[b, t, f] * R[b, t, g]), (other, f, g))
    assert form is not None
    assert r"\sum_{b'}" in form.latex()
    agree(form, Sum(b, t, P[b, t, other] * P[b, t, f] * R[b, t, g]))


def test_the_diagonal_of_an_inverse_sums_to_a_trace() -> None:
    def evidence(K: Any, y: Any, s: Any) -> Any:
        A = K + s * np.eye(len(y))
        return 0.5 * y @ np.linalg.solve(A, y) + 0.5 * np.linalg.slogdet(A)[1]

    found = derive.gradient(evidence, "s", shapes={"K": ("n", "n"), "y": "n", "s": ()})
    assert r"\operatorname{tr}(A^{-1})" in found.result.latex()
