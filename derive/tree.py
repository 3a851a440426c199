"""Passes over the tree: walk it, map it, substitute in it, compare it.

The three most important functions are ``map_children`` (every pass is written with it), ``substitute`` (letters by
indices, never captured) and ``key`` (equality up to the names of bound letters and the order of terms).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from derive.index import EMPTY, Atom, Index, Letter, Quotient, Remainder, as_index, fresh, index_floor, index_mod
from derive.nodes import (
    Add,
    Apply,
    Bracket,
    Mul,
    Node,
    Number,
    Over,
    Partial,
    Position,
    Pow,
    Ref,
    Sum,
    Tensor,
    is_zero,
)
from derive.notation import add, mul, power
from derive.size_algebra import Size

__all__ = [
    "key",
    "length",
    "letters_of",
    "map_children",
    "map_indices",
    "pattern",
    "rename_bound",
    "renew_binders",
    "replace_tensors",
    "substitute",
    "substitute_index",
    "walk",
]


def map_children(node: Node, function: Callable[[Node], Node]) -> Node:
    """The node with ``function`` applied to its children; the node itself where nothing changed."""
    match node:
        case Add():
            terms = [function(t) for t in node.terms]
            return node if all(a is b for a, b in zip(terms, node.terms, strict=True)) else add(*terms)
        case Mul():
            factors = [function(f) for f in node.factors]
            return node if all(a is b for a, b in zip(factors, node.factors, strict=True)) else mul(*factors)
        case Pow():
            base, exponent = function(node.base), function(node.exponent)
            return node if base is node.base and exponent is node.exponent else power(base, exponent)
        case Sum():
            body = function(node.body)
            if body is node.body:
                return node
            return body if is_zero(body) else Sum(*node.letters, body)
        case Apply():
            arguments = tuple(function(a) for a in node.arguments)
            if all(a is b for a, b in zip(arguments, node.arguments, strict=True)):
                return node
            return Apply(node.function, arguments)
        case Over():
            arguments = tuple(function(a) for a in node.arguments)
            if all(a is b for a, b in zip(arguments, node.arguments, strict=True)):
                return node
            return Over(node.function, node.letters, arguments, node.at)
        case Partial():
            body = function(node.body)
            return node if body is node.body else Partial(body, node.wrt, total=node.total)
    return node


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it, parents first; integer entries inside indices included."""
    stack = [node]
    while stack:
        here = stack.pop()
        yield here
        stack.extend(reversed(here.children()))
        for index in here.indices_here():
            stack.extend(_index_nodes(index))


def length(node: Node) -> int:
    """How many nodes there are, those inside indices included."""
    return sum(1 for _ in walk(node))


def _index_nodes(index: Index) -> Iterator[Node]:
    for atom, _ in index.terms:
        if isinstance(atom, Quotient):
            yield from _index_nodes(atom.index)
        elif isinstance(atom, Node):
            yield atom


Substitution = Mapping[Letter, Letter | Index]


def substitute(node: Node, replace: Substitution) -> Node:
    """The node with letters replaced by indices. Bound letters that would capture are renewed."""
    live = {old: as_index(new) for old, new in replace.items() if old in node.free}
    if not live:
        return node
    bound = node.bound()
    if bound:
        incoming: frozenset[Letter] = EMPTY
        for new in live.values():
            incoming |= new.free
        if not incoming.isdisjoint(bound):
            node = rename_bound(node)
    return map_indices(node, lambda index: substitute_index(index, live), lambda child: substitute(child, live))


def map_indices(node: Node, on_index: Callable[[Index], Index], on_child: Callable[[Node], Node]) -> Node:
    """The node with its own indices and its children mapped."""
    match node:
        case Ref():
            return Ref(node.tensor, tuple(map(on_index, node.indices)))
        case Position():
            return Position(on_index(node.index))
        case Bracket():
            return Bracket(on_index(node.left), node.relation, on_index(node.right))
        case Over():
            arguments = tuple(map(on_child, node.arguments))
            return Over(node.function, node.letters, arguments, tuple(map(on_index, node.at)))
        case Partial():
            wrt = node.wrt
            if isinstance(wrt, Ref):
                wrt = Ref(wrt.tensor, tuple(map(on_index, wrt.indices)))
            return Partial(on_child(node.body), wrt, total=node.total)
    return map_children(node, on_child)


def rename_bound(node: Node) -> Node:
    """The same node with new letters in its own binder."""
    renewed = fresh(node.bound())
    if isinstance(node, Sum):
        return Sum(*renewed.values(), substitute(node.body, renewed))
    if isinstance(node, Over):
        arguments = tuple(substitute(a, renewed) for a in node.arguments)
        return Over(node.function, tuple(renewed.values()), arguments, node.at)
    return node


def renew_binders(node: Node) -> Node:
    """The node with a letter of its own for every binder."""
    return rename_bound(map_children(node, renew_binders))


def substitute_index(index: Index, replace: Substitution) -> Index:
    """The index with letters replaced; quotients and remainders are simplified again."""
    if index.free.isdisjoint(replace):
        return index
    if index.letter is not None:
        return as_index(replace[index.letter])
    total = Index((), index.constant)
    for atom, coefficient in index.terms:
        if isinstance(atom, Letter):
            new: Index = as_index(replace.get(atom, atom))
        elif isinstance(atom, Remainder):
            new = index_mod(substitute_index(atom.index, replace), atom.divisor)
        elif isinstance(atom, Quotient):
            new = index_floor(substitute_index(atom.index, replace), atom.divisor)
        else:
            assert isinstance(atom, Node)
            new = as_index(substitute(atom, replace))
        total = total.plus(new.scaled(coefficient), 1)
    return total


def replace_tensors(node: Node, replace: Mapping[Tensor, Tensor]) -> Node:
    """The node with tensors exchanged, indices kept; inside indices too."""
    if node.tensors.isdisjoint(replace):
        return node

    def in_index(index: Index) -> Index:
        terms: list[tuple[Atom, Size]] = []
        for atom, coefficient in index.terms:
            if isinstance(atom, Quotient):
                terms.append((type(atom)(in_index(atom.index), atom.divisor), coefficient))
            elif isinstance(atom, Node):
                terms.append((replace_tensors(atom, replace), coefficient))
            else:
                terms.append((atom, coefficient))
        return Index(tuple(terms), index.constant)

    if isinstance(node, Ref) and node.tensor in replace:
        node = Ref(replace[node.tensor], node.indices)
    return map_indices(node, in_index, lambda child: replace_tensors(child, replace))


def key(node: Node) -> object:
    """A hashable value equal for nodes that differ only in bound letters and the order of terms and factors."""
    if node._key is None:
        node._key = _spelled_out(node, {})
    return node._key


def letters_of(*nodes: Node) -> tuple[Letter, ...]:
    """The free letters in the order in which they are met."""
    free = frozenset[Letter]().union(*(node.free for node in nodes))
    met: dict[Letter, None] = {}
    for node in nodes:
        for below in walk(node):
            for index in below.indices_here():
                for atom, _ in index.terms:
                    if isinstance(atom, Letter) and atom in free:
                        met.setdefault(atom)
    return (*met, *sorted(free - met.keys(), key=lambda x: x.name))


def pattern(*nodes: Node) -> object:
    """A hashable value equal for expressions that are one function of different free letters."""
    letters = letters_of(*nodes)
    scope = {one: PARAMETER - m for m, one in enumerate(letters)}
    return tuple(x.size for x in letters), tuple(_key(node, scope) for node in nodes)


def _key(node: Node, scope: dict[Letter, int]) -> object:
    # what does not see the scope has the key it would have alone, or keys would depend on what was asked before
    return key(node) if node.free.isdisjoint(scope) else _spelled_out(node, scope)


def _spelled_out(node: Node, scope: dict[Letter, int]) -> object:
    match node:
        case Number():
            return ("number", node.value)
        case Ref():
            return ("ref", id(node.tensor), tuple(_index_key(i, scope) for i in node.indices))
        case Position():
            return ("position", _index_key(node.index, scope))
        case Bracket():
            form = node.difference()
            kind = node.relation if node.relation in "=≠" else "≥"
            if kind == "≥":
                return ("bracket", kind, _index_key(form, scope))
            return ("bracket", kind, frozenset((_index_key(form, scope), _index_key(form.scaled(-1), scope))))
        case Add():
            return ("add", _multiset(_key(t, scope) for t in node.terms))
        case Mul():
            return ("mul", _multiset(_key(f, scope) for f in node.factors))
        case Pow():
            return ("pow", _key(node.base, scope), _key(node.exponent, scope))
        case Apply():
            return ("apply", node.function.name, tuple(_key(a, scope) for a in node.arguments))
        case Sum():
            ordered = _by_role(node.letters, node.body, scope)
            return ("sum", tuple(x.size for x in ordered), _key(node.body, _enter(scope, ordered)))
        case Over():
            inner = _enter(scope, node.letters)
            sizes = tuple(x.size for x in node.letters)
            arguments = tuple(_key(a, inner) for a in node.arguments)
            return (
                "over",
                node.function.name,
                sizes,
                arguments,
                tuple(_index_key(i, scope) for i in node.at),
            )
        case Partial():
            wrt = node.wrt
            entry = _key(wrt, scope) if isinstance(wrt, Ref) else id(wrt)
            return ("partial", node.total, entry, _key(node.body, scope))
    raise NotImplementedError(type(node).__name__)


def _enter(scope: dict[Letter, int], bound: Sequence[Letter]) -> dict[Letter, int]:
    depth = max(scope.values(), default=-1) + 1
    return {**scope, **{one: depth + i for i, one in enumerate(bound)}}


# What stands for a bound letter while its role is found; scopes count from 0.
ITSELF, ANOTHER = -10, -11
PARAMETER = -100


def _by_role(bound: tuple[Letter, ...], body: Node, scope: dict[Letter, int]) -> tuple[Letter, ...]:
    """The bound letters in an order that does not depend on their names or the order of terms and factors."""
    if len(bound) == 1:
        return bound

    def role(one: Letter) -> int:
        return hash((one.size, _key(body, {**scope, **{x: ITSELF if x is one else ANOTHER for x in bound}})))

    return tuple(sorted(bound, key=role))


def _index_key(index: Index, scope: dict[Letter, int]) -> object:
    # most indices are a letter and nothing else; a number is smaller than the tuples of a form, and is none of them
    one = index.letter
    if one is not None:
        return scope.get(one, id(one))
    terms: list[tuple[object, Size]] = []
    for atom, coefficient in index.terms:
        if isinstance(atom, Letter):
            terms.append((scope.get(atom, id(atom)), coefficient))
        elif isinstance(atom, Quotient):
            terms.append(((type(atom).__name__, _index_key(atom.index, scope), atom.divisor), coefficient))
        else:
            assert isinstance(atom, Node)
            terms.append((_key(atom, scope), coefficient))
    return (index.constant, frozenset(terms))


def _multiset(items: Iterable[object]) -> frozenset[object]:
    """The items, with their numbers where one occurs again; an item starts with a word, such a pair does not."""
    counts = Counter(items)
    return frozenset(counts if len(counts) == counts.total() else counts.items())
