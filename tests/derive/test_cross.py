"""Vectors of three entries that are cross products are written so, with the value of their entries."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import derive
from derive.evaluate import Evaluator
from derive.index import letters
from derive.matrix import matrix_form
from derive.matrix.tree import Cross, below
from derive.nodes import Node, Sum
from derive.notation import equal, tensor
from derive.size_algebra import sizes
from tests.derive.witnesses import drawn, seeded
from verify.derivation import check_derivation

n = sizes("n")[0]
i, j = letters("i j", n, n)
k = letters("k", 3)[0]
a, b, c, q = tensor("a", 3), tensor("b", 3), tensor("c", 3), tensor("q")
X, M = tensor("X", n, 3), tensor("M", 3, 3)


def around(entry: Any) -> Node:
    """An array of three entries from a function of the places 0, 1, 2, turned."""
    return sum((equal(k, m) * entry((m + 1) % 3, (m + 2) % 3) for m in range(1, 3)), start=equal(k, 0) * entry(1, 2))


FORMS = {
    r"a \times b": (around(lambda s, t: a[s] * b[t] - a[t] * b[s]), (k,)),
    r"b \times a": (around(lambda s, t: a[t] * b[s] - a[s] * b[t]), (k,)),
    r"q a \times b": (q * around(lambda s, t: a[s] * b[t] - a[t] * b[s]), (k,)),
    r"X_{i} \times b": (around(lambda s, t: X[i, s] * b[t] - X[i, t] * b[s]), (i, k)),
    r"M_{1} \times b": (around(lambda s, t: M[1, s] * b[t] - M[1, t] * b[s]), (k,)),
    r"a \times (b \times c)": (
        around(lambda s, t: a[s] * (b[3 - s - t] * c[s] - b[s] * c[3 - s - t]))
        + around(lambda s, t: a[t] * (b[3 - s - t] * c[t] - b[t] * c[3 - s - t])),
        (k,),
    ),
    r"\sum_{j} (X_{j} \times b)": (Sum(j, around(lambda s, t: X[j, s] * b[t] - X[j, t] * b[s])), (k,)),
    r"a \times b + c": (
        around(lambda s, t: a[s] * b[t] - a[t] * b[s] + c[3 - s - t]),
        (k,),
    ),
}


@pytest.mark.parametrize("latex", FORMS)
def test_cross_products_are_read_off_their_entries(latex: str) -> None:
    node, axes = FORMS[latex]
    form = matrix_form(node, axes)
    assert form is not None
    assert form.latex() == latex
    evaluator = Evaluator({n: 4}, drawn(sorted(node.tensors, key=lambda one: one.name), {n: 4}, seeded(latex)))
    np.testing.assert_allclose(form.evaluate(evaluator), evaluator.array(node, axes), atol=1e-12)


def test_cross_products_that_share_a_factor_are_one() -> None:
    def area(A: Any, B: Any, C: Any) -> Any:
        return np.sum(np.linalg.norm(np.cross(B - A, C - A), axis=1)) / 2

    found = derive.gradient(area, "A", shapes=dict.fromkeys("ABC", ("n", 3)))
    assert found.result.latex().count(r"\times") == 1
    assert check_derivation(found).outcome == "holds"


def test_the_jacobian_of_a_cross_product_is_a_matrix_of_entries() -> None:
    found = derive.jacobian(lambda a, b: np.cross(a, b), "a", shapes={"a": 3, "b": 3})
    matrix = r"\begin{bmatrix} 0 & b_2 & -b_1 \\ -b_2 & 0 & b_0 \\ b_1 & -b_0 & 0 \end{bmatrix}"
    assert found.result.latex() == matrix
    assert check_derivation(found).outcome == "holds"


OTHERS = {
    "symmetric": around(lambda s, t: a[s] * b[t] + a[t] * b[s]),
    "other multiples": around(lambda s, t: (s + 1) * (a[s] * b[t] - a[t] * b[s])),
    "a square": around(lambda s, t: a[s] * a[s] * b[t] - a[t] * b[s]),
}


@pytest.mark.parametrize("why", OTHERS)
def test_what_is_no_cross_product(why: str) -> None:
    form = matrix_form(OTHERS[why], (k,))
    assert form is None or not any(isinstance(one, Cross) for one in below(form.tree))


def turned(w: Any, X: Any, V: Any) -> Any:
    return np.sum((np.cross(w, X) - V) ** 2)


@pytest.mark.parametrize(
    ("wrt", "latex"),
    [("w", r"2 \sum_j (X_j \times (w \times X_j - V_j))"), ("X", r"2 w \times (X_j \times w + V_j)")],
)
def test_gradients_of_cross_products_are_cross_products(wrt: str, latex: str) -> None:
    found = derive.gradient(turned, wrt, shapes={"w": 3, "X": ("n", 3), "V": ("n", 3)})
    assert found.result.latex() == latex
    assert check_derivation(found).outcome == "holds"
