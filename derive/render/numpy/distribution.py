"""Differences under a contraction, multiplied out: ``Σ_a K[i,a] (Y[i,k] - Y[a,k])`` makes no array of every letter.

The sum of each term is a product of matrices, or a sum along an axis. Names of products that are read in such sums
are seen through. Squared distances, ``Σ_k (X[i,k] - C[a,k])²``, are multiplied out where what reads them is smooth:
rounding, which may leave the distance of points that are almost the same with any sign, does no harm there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace

from derive.definitions import Definition, needed_items
from derive.index import Letter
from derive.nodes import Add, Apply, Node, Number, Over, Pow, Ref, Sum, Tensor, factors_of, number
from derive.notation import add, mul
from derive.program import Program
from derive.render.numpy.distances import points_of
from derive.terms import is_natural
from derive.tree import map_children, pattern, rename_bound, walk

__all__ = ["distributed", "product_summed"]

SMOOTH = frozenset({"exp", "expm1", "sigmoid", "softplus", "tanh", "sin", "cos", "erf", "arctan", "cosh", "sinh"})
"""The functions at whose arguments an error as large as rounding does no harm."""
SMOOTH_ALONG = frozenset({"softmax", "log_softmax", "logsumexp", "max", "min", "argmax", "argmin"})
ROUNDING = 1e-3
"""What is above this is not changed by rounding of distances."""
MOST_TERMS = 4
"""Into how many sums one sum may fall."""


def distributed(program: Program) -> Program:
    """The program with sums of products of differences as differences of sums of products."""
    spread: dict[Tensor, Definition] = {}
    for d in program.items:
        if isinstance(d, Definition) and _difference(_all_seen_through(d.body, spread)) is not None:
            spread[d.tensor] = d
    delicate = _delicate(program)
    repeated = _repeated(program)
    items = [
        replace(
            item,
            body=_distances(
                _multiplied_out(item.body, spread, repeated), spread, delicate, exact=item.tensor in delicate
            ),
        )
        if isinstance(item, Definition)
        else item
        for item in program.items
    ]
    return replace(program, items=needed_items(items, program.outputs))


def product_summed(letters: Sequence[Letter], factors: Sequence[Node]) -> Node:
    """A product summed over letters, with what does not depend on them in front."""
    inside = [f for f in factors if not f.free.isdisjoint(letters)]
    outside = [f for f in factors if f.free.isdisjoint(letters)]
    used = [x for x in letters if any(x in f.free for f in inside)]
    counts = [number(x.length) for x in letters if x not in used]
    return mul(*counts, *outside, Sum(*used, mul(*inside)) if used else number(1))


# -------------------------------------------------------------------------------------------------- contractions


def _difference(factors: Sequence[Node]) -> Add | None:
    """A factor whose terms each lack letters that others have."""
    return next((f for f in factors if isinstance(f, Add) and all(t.free < f.free for t in f.terms)), None)


def _multiplied_out(node: Node, spread: dict[Tensor, Definition], repeated: Collection[object]) -> Node:
    node = map_children(node, lambda child: _multiplied_out(child, spread, repeated))
    if not isinstance(node, Sum):
        return node
    if isinstance(node.body, Add) and all(_difference(factors_of(t)) is not None for t in node.body.terms):
        apart = (rename_bound(Sum(*node.letters, t)) for t in node.body.terms)
        return add(*(_multiplied_out(t, spread, repeated) for t in apart))
    factors = _all_seen_through(node.body, spread)
    rank = len(frozenset[Letter]().union(*(f.free for f in factors)))
    if (products := _times_vectors(node.letters, factors, repeated)) is not None:
        return products
    terms = _terms(factors)
    if len(terms) < 2 or len(terms) > MOST_TERMS or any(len(f.free) >= rank for t in terms for f in t):
        return node
    return add(*(rename_bound(product_summed(node.letters, t)) for t in terms))


def _times_vectors(letters: Sequence[Letter], factors: Sequence[Node], repeated: Collection[object]) -> Node | None:
    """``(A + Aᵀ) x`` as ``A x + Aᵀ x``: no sum of matrices is made for one product with a vector."""
    whole = _matrix(letters, factors)
    if whole is None or len(whole.terms) > MOST_TERMS or pattern(whole) in repeated:
        return None
    rest = [f for f in factors if f is not whole]
    vector = frozenset[Letter]().union(*(f.free for f in rest))
    if not vector or any(not _is_array(t) or not t.free >= vector | whole.free for t in whole.terms):
        return None
    return add(*(rename_bound(product_summed(letters, [*factors_of(t), *rest])) for t in whole.terms))


def _matrix(letters: Sequence[Letter], factors: Sequence[Node]) -> Add | None:
    """The sum that is the only factor with letters that are not summed."""
    matrices = [f for f in factors if not f.free <= frozenset(letters) and f.free]
    return matrices[0] if len(matrices) == 1 and isinstance(matrices[0], Add) else None


def _repeated(program: Program) -> set[object]:
    """Differences of arrays that meet vectors more than once: they are better made once."""
    sums = (n for d in program.definitions() for n in walk(d.body) if isinstance(n, Sum))
    counts = Counter(
        pattern(m)
        for n in sums
        if (m := _matrix(n.letters, factors_of(n.body))) is not None
        and all(isinstance(t if isinstance(t, Ref) else -t, Ref) for t in m.terms)
    )
    return {whole for whole, count in counts.items() if count > 1}


def _is_array(term: Node) -> bool:
    """Whether a term is an array that is there, times numbers."""
    arrays = [f for f in factors_of(term) if f.free]
    return len(arrays) == 1 and isinstance(arrays[0], Ref)


def _all_seen_through(node: Node, spread: dict[Tensor, Definition]) -> list[Node]:
    """The factors of a product, with those of the names in it that stand for products with differences."""
    return [f for factor in factors_of(node) for f in _seen_through(factor, spread)]


def _seen_through(factor: Node, spread: dict[Tensor, Definition]) -> tuple[Node, ...]:
    """The factors of what a name stands for, where it is a product with a difference; any other factor alone."""
    if not isinstance(factor, Ref) or factor.tensor not in spread:
        return (factor,)
    body = spread[factor.tensor].at(*factor.indices)
    return tuple(_all_seen_through(body, spread))


def _terms(factors: Sequence[Node]) -> list[list[Node]]:
    """The products that a product of differences is the sum of, each as its factors."""
    difference = _difference(factors)
    if difference is None:
        return [list(factors)]
    rest = [f for f in factors if f is not difference]
    return [made for t in difference.terms for made in _terms([*factors_of(t), *rest])]


# ----------------------------------------------------------------------------------------------------- distances


def _distances(node: Node, spread: dict[Tensor, Definition], delicate: set[Tensor], *, exact: bool) -> Node:
    """The node with squared distances multiplied out where it need not be ``exact``."""
    if isinstance(node, Sum) and isinstance(node.body, Pow) and not exact:
        made = _expanded(node.letters, node.body, spread)
        if made is not None:
            return made
    if isinstance(node, Sum) and isinstance(node.body, Pow):
        square = Pow(mul(*_seen_through(node.body.base, spread)), node.body.exponent)
        if points_of(square, node.letters) is not None:
            return Sum(*node.letters, square)
    inner = _exact_below(node, exact=exact)
    return map_children(node, lambda child: _distances(child, spread, delicate, exact=inner))


def _expanded(letters: Sequence[Letter], square: Pow, spread: dict[Tensor, Definition]) -> Node | None:
    """``Σ_k (x - c)²`` as ``Σ_k x² + Σ_k c² - 2 Σ_k x c``."""
    base = mul(*_seen_through(square.base, spread))
    if square.exponent != number(2) or not isinstance(base, Add) or len(base.terms) != 2:
        return None
    if _difference([base]) is None or any(t.free.isdisjoint(letters) for t in base.terms):
        return None
    a, b = base.terms
    products = (mul(a, a), mul(b, b), mul(number(2), a, b))
    return add(*(rename_bound(product_summed(letters, factors_of(p))) for p in products))


def _exact_below(node: Node, *, exact: bool) -> bool:
    """Whether what a node is made of must be exact also near 0, if the node must be."""
    match node:
        case Pow() if not is_natural(node.exponent):
            return not (isinstance(node.base, Add) and any(map(_keeps_away, node.base.terms)))
        case Apply():
            return node.function.name not in SMOOTH
        case Over():
            return node.function.name not in SMOOTH_ALONG
    return exact


def _keeps_away(term: Node) -> bool:
    """Whether a term keeps what it is added to away from 0: a number far above rounding."""
    return isinstance(term, Number) and bool(term.value.is_number and term.value > ROUNDING)


def _delicate(program: Program) -> set[Tensor]:
    """The tensors that must be exact also near 0: roots, quotients or logarithms of them are taken."""
    found: set[Tensor] = set()

    def visit(node: Node, *, exact: bool) -> None:
        if isinstance(node, Ref) and exact:
            found.add(node.tensor)
        for child in node.children():
            visit(child, exact=_exact_below(node, exact=exact))

    for d in reversed(list(program.definitions())):
        visit(d.body, exact=d.tensor in found)
    return found
