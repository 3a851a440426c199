"""The order of a chain of products: a product that several sums contain is made first, and once.

``Σ_{i,a} R[i,j] X[i,a] W[a,k]`` is ``Σ_i R[i,j] (Σ_a X[i,a] W[a,k])`` where the forward pass has ``X @ W``, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from derive.definitions import Definition
from derive.index import Letter
from derive.nodes import Node, Ref, Sum, factors_of
from derive.notation import mul
from derive.program import Program
from derive.tree import map_children, pattern, walk

__all__ = ["with_common_products"]


def with_common_products(program: Program) -> Program:
    """The program with sums over several letters as sums of the products that other sums have, too."""
    bodies = [d.body for d in program.items if isinstance(d, Definition)]
    sums = [n for body in bodies for n in walk(body) if isinstance(n, Sum)]
    counts = Counter(key for one in sums for key in [pattern(part) for _, part in _parts(one)])
    repeated = {key: count for key, count in counts.items() if count > 1}
    if not repeated:
        return program
    items = [replace(d, body=_nested(d.body, repeated)) if isinstance(d, Definition) else d for d in program.items]
    return replace(program, items=tuple(items))


def _parts(node: Sum) -> Iterator[tuple[Letter, Sum]]:
    """What each letter alone is a sum over: a product of two factors that has no more axes than these."""
    factors = factors_of(node.body)
    for x in node.letters:
        own = sorted((f for f in factors if x in f.free), key=_first_name)
        part = Sum(x, mul(*own)) if len(own) == 2 else None
        if part is not None and 0 < len(part.free) <= max(len(f.free) for f in own):
            yield x, part


def _nested(node: Node, repeated: dict[object, int]) -> Node:
    node = map_children(node, lambda child: _nested(child, repeated))
    if not isinstance(node, Sum) or len(node.letters) < 2:
        return node
    parts = [(x, part) for x, part in _parts(node) if any(x not in f.free for f in factors_of(node.body))]
    found = [(repeated.get(pattern(part), 0), not _is_square(part), -m) for m, (_, part) in enumerate(parts)]
    count, _, place = max(found, default=(0, False, 0))
    if count < 2:
        return node
    one, part = parts[-place]
    rest = [f for f in factors_of(node.body) if one not in f.free]
    letters = [x for x in node.letters if x is not one]
    return _nested(Sum(*letters, mul(*rest, part)), repeated)


def _first_name(node: Node) -> str:
    return next((n.tensor.name for n in walk(node) if isinstance(n, Ref)), "")


def _is_square(node: Node) -> bool:
    return len(node.free) == 2 and len({x.size for x in node.free}) == 1
