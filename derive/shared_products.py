"""Products of entries that several products have as a part, at whatever indices: worth a name.

In ``Σ_p U_qp h̄_p (1 - h_p²) x_j + h̄_q (1 - h_q²) y_j`` the product ``h̄_i (1 - h_i²)`` occurs twice, and no node of
the tree is it. Factors are compared by what they are at the indices that they read; the brackets around them stay
where they are, so that what a false one multiplies is still not read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from derive.index import Index, Letter, as_index
from derive.nodes import Add, Apply, Mul, Node, Partial, Pow, Ref, Tensor
from derive.notation import mul
from derive.size_algebra import Size
from derive.tree import key, map_indices, walk

__all__ = ["shared_products"]

PLACES = tuple(Letter(f"place{k}", None) for k in range(6))
"""Stand for the first, second, … index that a factor reads."""
NAMES = "ijklmq"
MOST = 24
"""How many products are compared with each other."""


@dataclass(frozen=True, eq=False)
class _Factor:
    """A factor, the indices that it reads in the order in which they are met, and the lengths of their axes."""

    node: Node
    indices: tuple[Index, ...]
    lengths: tuple[Size, ...]
    form: object


def shared_products(results: Iterable[Node], without: frozenset[Tensor]) -> Iterator[Node]:
    """The products of at least two factors that two products in one of the results share, at letters of their own.

    Those that read one of the tensors ``without`` are left out.
    """
    for root in results:
        products = [_groups(node, without) for node in _products(root)]
        for one, two in combinations(products[:MOST], 2):
            for first in one.values():
                for second in two.values():
                    common = _common(first, second)
                    if len(common) > 1:
                        yield _at_own_letters(common)


def _products(root: Node) -> Iterator[Mul]:
    stack = [root]
    while stack:
        here = stack.pop()
        if isinstance(here, Partial):
            continue
        if isinstance(here, Mul):
            yield here
        stack.extend(here.children())


def _groups(node: Mul, without: frozenset[Tensor]) -> dict[tuple[Index, ...], list[_Factor]]:
    """The factors of a product that are read entry by entry, those at the same indices together."""
    found: dict[tuple[Index, ...], list[_Factor]] = {}
    for factor in node.factors:
        read = _read(factor) if factor.tensors.isdisjoint(without) else None
        if read is not None:
            found.setdefault(read.indices, []).append(read)
    return found


def _read(factor: Node) -> _Factor | None:
    if not isinstance(factor, (Ref, Pow, Add, Apply)) or factor.limit is not None:
        return None
    met: dict[Index, Size] = {}
    for below in walk(factor):
        if below.bound() or (isinstance(below, Ref) and below.limit is not None):
            return None
        if isinstance(below, Ref):
            for axis, index in zip(below.tensor.axes, below.indices, strict=True):
                met.setdefault(index, axis)
    if not met or len(met) > len(PLACES):
        return None
    indices = tuple(met)
    form = key(_replaced(factor, dict(zip(indices, PLACES, strict=False))))
    return _Factor(factor, indices, tuple(met.values()), form)


def _replaced(node: Node, letters: dict[Index, Letter]) -> Node:
    """The node with other indices in the place of these."""
    return map_indices(
        node, lambda index: as_index(letters.get(index, index)), lambda child: _replaced(child, letters)
    )


def _common(one: Sequence[_Factor], two: Sequence[_Factor]) -> list[_Factor]:
    if one[0].lengths != two[0].lengths:
        return []
    left = [factor.form for factor in two]
    found = []
    for factor in one:
        if factor.form in left:
            left.remove(factor.form)
            found.append(factor)
    return found


def _at_own_letters(factors: Sequence[_Factor]) -> Node:
    first = factors[0]
    own = [Letter(name, length) for name, length in zip(NAMES, first.lengths, strict=False)]
    letters = dict(zip(first.indices, own, strict=True))
    return mul(*(_replaced(factor.node, letters) for factor in factors))
