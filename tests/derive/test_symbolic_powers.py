"""Powers with exponents that are no numbers, sums that share a factor, and denominators inside reciprocals."""

from __future__ import annotations

import numpy as np
import pytest

from derive.algebra import tidy
from derive.evaluate import run
from derive.functions import exp, log
from derive.index import letters
from derive.nodes import Node, Sum
from derive.notation import tensor
from derive.program import Program
from derive.size_algebra import sizes
from derive.tree import key
from tests.derive.witnesses import drawn, same, seeded

n, m = sizes("n m")
i, j, q = letters("i j q", n, m, n)
g, a = tensor("g"), tensor("a", domain="positive")
x, y, z = (tensor(text, n, domain="positive") for text in "xyz")
X, Y = tensor("X", n, m), tensor("Y", n, m)
PROGRAM = Program.of([g, a, x, y, z, X, Y], a)
SIZES = {n: 4, m: 3}
u, v, w, r = x[i], y[i], z[i], g[()]

SHORTER: dict[str, tuple[Node, Node]] = {
    "a power times its base": (u * u ** (r - 1), u**r),
    "a power over its base": (u**r / u, u ** (r - 1)),
    "a power times its inverse": (v * u**r * u ** (1 - r), v * u),
    "a power that all terms share": (r * u ** (r - 1) * v - u**r, u ** (r - 1) * (r * v - u)),
    "sums with a factor in common": (
        Sum(i, X[i, j] * x[i]) - Sum(q, X[q, j] * y[q]),
        Sum(i, X[i, j] * (x[i] - y[i])),
    ),
    "sums with factors in front": (2 * a * Sum(i, x[i] * y[i]) - a * Sum(q, x[q] * z[q]), None),
    "a denominator in a reciprocal": (1 / (1 + u**2 / a), a / (a + u**2)),
    "two of them": (1 / (1 / u + 1 / v), u * v / (u + v)),
    "a whole power that cancels": (v - u * v + u * (1 - u) * (1 - v) - (1 - u) ** 2 * v, u - u**2),
    "terms that share a factor": (v * exp(u) + w * exp(u) + r, exp(u) * (v + w) + r),
    "opposite sums": ((1 - r) * v / (r - 1), -v),
    "a number that is shorter inside": ((4 * u + 2 * r * v) / 4 * w, w * (u + r * v / 2)),
}
KEPT: dict[str, Node] = {
    "powers of other bases": u**r * v ** (r - 1),
    "other exponents": u**r * u ** a[()],
    "sums of other vectors": Sum(i, X[i, j] * x[i]) + Sum(i, Y[i, j] * y[i]),
    "a sum that would be computed anew for every entry": Sum(i, X[i, j] * x[i]) - x[q] * Sum(i, X[i, j] * z[i]),
    "a half of a sum": (u + v) * w / 2,
    "a logarithm": u * log(u) - v,
}


def at(node: Node) -> np.ndarray:
    values = drawn(PROGRAM.inputs, SIZES, seeded("symbolic powers"))
    return run(PROGRAM, values, SIZES).array(node + 0 * u + 0 * X[i, j] + 0 * x[q], (i, j, q))


@pytest.mark.parametrize("case", SHORTER)
def test_what_is_made_shorter(case: str) -> None:
    before, after = SHORTER[case]
    found = tidy(before)
    assert after is None or key(found) == key(tidy(after)), f"{found}"
    assert after is None or key(found) == key(after), f"{found}"
    same(at(found), at(before))


@pytest.mark.parametrize("case", KEPT)
def test_what_stays(case: str) -> None:
    found = tidy(KEPT[case])
    assert key(found) == key(KEPT[case]), f"{found}"
    same(at(found), at(KEPT[case]))
