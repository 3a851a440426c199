"""Unspecified functions: the chain rule with all their derivatives, and an instance where numbers are needed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy

from derive.definitions import define
from derive.differentiate import gradient
from derive.errors import NotationError
from derive.evaluate import run
from derive.index import letters
from derive.nodes import Sum
from derive.notation import names, tensor
from derive.over_axes import over
from derive.program import Program
from derive.size_algebra import sizes
from derive.symbolic import Components
from derive.unspecified_functions import unspecified
from tests.derive.witnesses import agrees, seen_from
from verify import numdiff


@pytest.mark.parametrize("outputs", [0, 1])
def test_unspecified_functions_have_all_their_derivatives(outputs: int) -> None:
    n, m = sizes("n m")
    i, r = letters("i r", n, m)
    x, R = tensor("x", n), tensor("R", m)
    y, L = names("y L")
    if outputs:
        f = unspecified("f", m)
        y = define(y[r], over(f, i, x[i], at=r))
        L = define(L, Sum(r, R[r] * y[r] ** 2))
    else:
        L = define(L, Sum(r, R[r] * over(unspecified("f"), i, x[i]) ** 2))
    program = Program.of([x, R], L)
    found = gradient(program, x)
    values, assignment = {x: np.array([0.3, -0.8, 1.1]), R: np.array([1.0, -2.0])}, {n: 3, m: 2}
    (result,) = (run(found.derived, values, assignment).arrays[t] for t in found.derived.outputs)
    agrees(result, numdiff.gradient(seen_from(program, x, values, assignment), values[x]))
    exact = Components(program, assignment, {R: values[R]})
    slope = sympy.diff(exact.entry(program.output, ()), exact.symbol(x, (1,)))
    at = {exact.symbol(x, (k,)): sympy.Float(v) for k, v in enumerate(values[x])}
    assert float(slope.xreplace(at)) == pytest.approx(result[1], rel=1e-12)


def test_unspecified_functions_of_one_name_are_one_function() -> None:
    assert unspecified("f") is unspecified("f")
    assert unspecified("f") is not unspecified("g")


@pytest.mark.parametrize(
    ("outputs", "reason"), [(("2f",), "identifier"), (("f", 2, 3), "a scalar or a vector")], ids=["name", "matrix"]
)
def test_what_is_no_function_says_so(outputs: tuple[Any, ...], reason: str) -> None:
    with pytest.raises(NotationError, match=reason):
        unspecified(*outputs)
