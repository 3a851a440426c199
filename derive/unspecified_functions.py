"""Functions about which nothing is known but that they are smooth, and all their derivatives."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import sympy

from derive.errors import NotationError
from derive.index import Letter, as_index
from derive.nodes import Node, Over, Sum
from derive.over_axes import OverAxes, argument_at, summation_letters
from derive.size_algebra import Size, as_size

__all__ = ["derivative_of", "unspecified"]


def unspecified(name: str, *outputs: object) -> OverAxes:
    """A smooth function of a vector about which nothing else is known, with all its derivatives.

    ``f = unspecified("f")`` is scalar, used as ``over(f, i, x[i])``; ``unspecified("f", m)`` has values of size m,
    used as ``over(f, i, x[i], at=j)``. Its law is the chain rule with the partial derivatives ``∂_k f``. Where
    numbers are needed an instance stands for it, a sum of sines of linear forms with fixed weights of no symmetry.
    """
    if not name.isidentifier():
        raise NotationError(f"a function needs a name that is an identifier, not {name!r}")
    if len(outputs) > 1:
        raise NotationError(f"{name!r}: an unspecified function has a scalar or a vector as its value")
    return _unspecified(name, tuple(as_size(x) for x in outputs), 0)


def derivative_of(node: Over, *along: Letter) -> Over:
    """A partial derivative of an unspecified function: ``derivative_of(over(f, i, x[i], at=j), k)`` is ∂_k f_j(x)."""
    function = node.function
    if function.order is None:
        raise NotationError(f"{function.name} is not unspecified: differentiate it by its law")
    higher = _unspecified(function.latex, function.outputs, function.order + len(along))
    return Over(higher, node.letters, node.arguments, (*node.at, *(as_index(k) for k in along)))


SINES = (np.sin, np.cos, lambda x: -np.sin(x), lambda x: -np.cos(x))
EXACT_SINES = (sympy.sin, sympy.cos, lambda x: -sympy.sin(x), lambda x: -sympy.cos(x))
WAVES = 2


@lru_cache(maxsize=1000)
def _unspecified(name: str, outputs: tuple[Size, ...], order: int) -> OverAxes:
    def law(node: Over, d: Callable[[Node], Node]) -> Node:
        (k,) = summation_letters(node)
        slope = Over(_unspecified(name, outputs, order + 1), node.letters, node.arguments, (*node.at, as_index(k)))
        return Sum(k, slope * d(argument_at(node, k)))

    def values(z: Any, *lengths: int) -> Any:
        rows = lengths[0] if lengths else 1
        weights = np.array(
            [[[_weight(name, r, w, k) for k in range(z.shape[-1] + 1)] for w in range(WAVES)] for r in range(rows)],
            dtype=float,
        )
        slopes = weights[..., :-1]
        phase = np.einsum("...k,rwk->...rw", z, slopes) + weights[..., -1]
        terms = SINES[order % 4](phase)
        along = [slopes] * order
        marks = "abcdefgh"[:order]
        factors = ",".join(["...rw", *("rw" + mark for mark in marks)])
        product = np.einsum(f"{factors}->...r{marks}", terms, *along)
        return product if lengths else product.reshape(product.shape[: z.ndim - 1] + product.shape[z.ndim :])

    def exact(z: list[Any], *at: int) -> Any:
        row, along = (at[0], at[1:]) if outputs else (0, at)
        total = sympy.Integer(0)
        for wave in range(WAVES):
            weights = [_weight(name, row, wave, k) for k in range(len(z) + 1)]
            phase = sympy.Add(*(w * x for w, x in zip(weights, z, strict=False))) + weights[-1]
            total += EXACT_SINES[order % 4](phase) * sympy.Mul(*(weights[k] for k in along))
        return total

    chain = rf"\partial\, {name}(u) = \sum_k (\partial_k {name})(u)\,\partial u_k"
    return OverAxes(
        f"D{order}_{name}" if order else name, 1, len(outputs) + order, name, law, values, exact,
        statement=chain, condition=lambda node: (f"`{name}` is differentiable", f"`{name}` 可微"), outputs=outputs,
        order=order,
    )  # fmt: skip


def _weight(name: str, row: int, wave: int, k: int) -> sympy.Rational:
    seed = sum(ord(c) * (i + 3) for i, c in enumerate(name)) + 31 * row + 57 * wave + 113 * k
    return sympy.Rational(1 + seed * 7919 % 1009, 1009) - sympy.Rational(1, 3)
