"""Terms over one denominator: the values stay, and only what gets shorter is joined."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import derive
from derive.denominators import with_common_denominators
from derive.functions import exp
from derive.nodes import Node
from derive.notation import tensor
from derive.tree import key
from verify.derivation import check_derivation

x, y = tensor("x")[()], tensor("y")[()]
v = 1 + x**2


@pytest.mark.parametrize(
    ("node", "short"),
    [
        (x**3 / v**2 - x / v, -x / v**2),
        (y * x**2 / v**3 - y / v**2, -y / v**3),
        (exp(x) / (1 + exp(x)) - exp(x) ** 2 / (1 + exp(x)) ** 2, exp(x) / (1 + exp(x)) ** 2),
        (x**2 / v - 1, x**2 / v - 1),
        (y / v**2 - x / v, y / v**2 - x / v),
        (x**2 * v - v**2, x**2 * v - v**2),
        (x**2 / v**2 - 1 / (1 + y**2), x**2 / v**2 - 1 / (1 + y**2)),
    ],
)
def test_numerators_that_cancel(node: Node, short: Node) -> None:
    assert key(with_common_denominators(node)) == key(short)


def test_a_bounded_loss() -> None:
    def loss(X: Any, w: Any, y: Any) -> Any:
        r = y - X @ w
        return np.mean(r**2 / (1 + r**2))

    found = derive.gradient(loss, "w", shapes={"X": ("n", "d"), "w": ("d",), "y": ("n",)})
    assert found.result.latex() == r"-\frac2n X^\top (r \oslash (1 + r^{\odot 2})^{\odot 2})"
    assert check_derivation(found).outcome == "holds"
