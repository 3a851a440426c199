"""What has a name already, and what a name stands for: expressions found in others, and put in their place.

The three most important functions are ``match`` (which indices make a pattern an expression), ``fold`` (the names of
a program in the place of what they stand for) and ``insert`` (the other way round).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest

import sympy

from derive.algebra import tidy
from derive.definitions import Definition
from derive.index import Index, Letter, split_index
from derive.nodes import (
    Add,
    Apply,
    Bracket,
    Node,
    Number,
    Over,
    Partial,
    Position,
    Pow,
    Ref,
    Sum,
    Tensor,
    number,
)
from derive.notation import mul, power
from derive.size_algebra import Size
from derive.statements import Statement
from derive.terms import split_coefficient
from derive.tree import map_children, substitute, substitute_index, walk

__all__ = ["Names", "assumed", "entry_found", "fold", "insert", "light", "match", "reads"]


def match(pattern: Node, node: Node, letters: frozenset[Letter]) -> dict[Letter, Index] | None:
    """The indices for ``letters`` that make the pattern equal to the node, or None.

    Terms and factors are compared in order, which is enough for what the engine itself wrote.
    """
    binding: dict[Letter, Index] = {}
    return binding if _match(pattern, node, letters, {}, binding) else None


def _match(a: Node, b: Node, free: frozenset[Letter], scope: dict[Letter, Letter], out: dict[Letter, Index]) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, Number) and isinstance(b, Number):
        return bool(a.value == b.value)
    if isinstance(a, Ref) and isinstance(b, Ref):
        return a.tensor is b.tensor and _match_indices(a.indices, b.indices, free, scope, out, a.tensor.shape or ())
    if isinstance(a, Position) and isinstance(b, Position):
        return _match_indices((a.index,), (b.index,), free, scope, out)
    if isinstance(a, Bracket) and isinstance(b, Bracket):
        return a.relation == b.relation and _match_indices((a.left, a.right), (b.left, b.right), free, scope, out)
    if isinstance(a, Apply) and isinstance(b, Apply) and a.function is not b.function:
        return False
    if isinstance(a, (Sum, Over)):
        assert isinstance(b, (Sum, Over))
        if isinstance(a, Over) and isinstance(b, Over) and a.function is not b.function:
            return False
        if [x.size for x in a.letters] != [x.size for x in b.letters]:
            return False
        inner = {**scope, **dict(zip(a.letters, b.letters, strict=True))}
        if isinstance(a, Over) and isinstance(b, Over) and not _match_indices(a.at, b.at, free, scope, out):
            return False
        return _match_all(a.children(), b.children(), free, inner, out)
    return _match_all(a.children(), b.children(), free, scope, out)


def _match_all(
    a: Sequence[Node],
    b: Sequence[Node],
    free: frozenset[Letter],
    scope: dict[Letter, Letter],
    out: dict[Letter, Index],
) -> bool:
    return len(a) == len(b) and all(_match(x, y, free, scope, out) for x, y in zip(a, b, strict=True))


def _match_indices(
    a: Sequence[Index],
    b: Sequence[Index],
    free: frozenset[Letter],
    scope: dict[Letter, Letter],
    out: dict[Letter, Index],
    axes: Sequence[Size] = (),
) -> bool:
    """``axes`` are those that the indices are read on: along the whole of one nothing is read that was not before."""
    if len(a) != len(b):
        return False
    for x, y, axis in zip_longest(a, b, axes):
        one = min(
            (atom for atom, _ in x.terms if atom in free), key=lambda atom: x.coefficient(atom) != 1, default=None
        )
        renamed = Index(tuple((scope.get(t, t) if isinstance(t, Letter) else t, c) for t, c in x.terms), x.constant)
        if isinstance(one, Letter) and one not in out:
            # the pattern's 2k + h stands for the index y where k is (y - h)/2 and in its range
            rest = renamed.without(one)
            value, left = split_index(y - rest, x.coefficient(one))
            whole = x.letter is one and one.size is not None and one.size == axis
            known_here = rest.free.isdisjoint(free) and value.free.isdisjoint(scope.values())
            if left != Index((), 0) or not known_here or not (whole or _in_range(value, one)):
                return False
            out[one] = value
            continue
        known = {t: v for t, v in out.items() if t in renamed.free}
        if known:
            renamed = substitute_index(renamed, known)
        if renamed != y:
            return False
    return True


def _in_range(value: Index, one: Letter) -> bool:
    return value.certainly_at_least_zero() and value.certainly_below(one.length)


class Names:
    """Definitions to find again in other expressions, by their tensors, and by the head of their bodies.

    With a head stand the expressions to find, and the numbers by which the names have to be multiplied then.
    ``centred`` holds the axes along which tensors are known to add up to 0.
    """

    def __init__(self, definitions: Iterable[Definition]) -> None:
        self.by_head: dict[object, list[tuple[Definition, Node, sympy.Expr]]] = {}
        self.by_tensor: dict[Tensor, Definition] = {}
        self.centred: dict[Tensor, tuple[int, ...]] = {}
        for d in definitions:
            self.by_tensor[d.tensor] = d
            if d.tensor.role == "output":
                continue
            coefficient, rest = split_coefficient(d.body)
            multiple = coefficient == -1 or (isinstance(rest, Add) and coefficient.is_Rational and coefficient != 1)
            forms = [(d.body, sympy.Integer(1)), *([(rest, 1 / coefficient)] if multiple else [])]
            for form, times in forms:
                if not isinstance(form, (Ref, Number)):
                    self.by_head.setdefault(_head(form), []).append((d, form, times))


def fold(node: Node, names: Names) -> Node:
    """The node with whatever is the body of a definition replaced by the name it has.

    What is still to be differentiated is left alone: a name hides what it is computed from.
    """
    if not names.by_head or isinstance(node, Partial):
        return node
    node = map_children(node, lambda child: fold(child, names))
    for d, form, times in names.by_head.get(_head(node), ()):
        if form.tensors <= node.tensors:
            body, power_of = _same_root(form, node)
            entry = entry_found(d, match(form, body, frozenset(d.letters)))
            if entry is not None:
                return power(mul(number(times), entry), number(power_of))
    return node


def entry_found(d: Definition, binding: Mapping[Letter, Index] | None) -> Ref | None:
    """The entry of a definition at the indices that ``match`` found for its letters; None where some are not known.

    Along an axis of length 1 there is only one.
    """
    if binding is None or any(x not in binding and x.size != 1 for x in d.letters):
        return None
    return Ref(d.tensor, tuple(binding.get(x, Index((), 0)) for x in d.letters))


def _same_root(pattern: Node, node: Node) -> tuple[Node, sympy.Expr]:
    """A power as a whole power of the pattern: ``1/√u`` is ``(√u)^-1``."""
    if isinstance(pattern, Pow) and isinstance(node, Pow):
        a, b = pattern.exponent, node.exponent
        if isinstance(a, Number) and isinstance(b, Number) and (b.value / a.value).is_Integer:
            return Pow(node.base, a), b.value / a.value
    return node, sympy.Integer(1)


def _head(node: Node) -> object:
    if isinstance(node, (Apply, Over)):
        return node.function.name
    return type(node).__name__


def assumed(node: Node, assumption: Statement) -> Node:
    """The node with the left side of an assumed equation replaced by the right, wherever it occurs.

    What is still to be differentiated is left alone: the equation need not hold nearby.
    """
    if assumption.relation != "=":
        return node
    return _rewritten(node, tidy(assumption.left), assumption.left.free, assumption.right)


def _rewritten(node: Node, pattern: Node, letters: frozenset[Letter], right: Node) -> Node:
    if isinstance(node, Partial):
        return node
    node = map_children(node, lambda child: _rewritten(child, pattern, letters, right))
    if type(node) is type(pattern):
        binding = match(pattern, node, letters)
        if binding is not None and len(binding) == len(letters):
            return substitute(right, binding)
    return node


def insert(node: Node, definition: Definition) -> Node:
    """The node with every entry of a defined tensor replaced by the body of its definition."""
    if definition.tensor not in node.tensors:
        return node
    if isinstance(node, Ref) and node.tensor is definition.tensor:
        return definition.at(*node.indices)
    return map_children(node, lambda child: insert(child, definition))


def light(node: Node, limit: int = 14) -> bool:
    """Whether a body is short enough to stand where its name stood: no sums, few nodes."""
    count = 0
    stack = [node]
    while stack:
        here = stack.pop()
        count += 1
        if count > limit or isinstance(here, (Sum, Over)):
            return False
        stack.extend(here.children())
    return True


def reads(node: Node, tensor: Tensor) -> int:
    """How often a tensor is read."""
    return sum(1 for below in walk(node) if isinstance(below, Ref) and below.tensor is tensor)
