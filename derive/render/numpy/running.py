"""Running sums: ``Σ_s x[s] [s ≤ i]`` is ``np.cumsum``, from the other end for ``[s ≥ i]``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from derive.index import Index, Letter, as_index
from derive.nodes import Bracket, Node, Ref, Tensor
from derive.notation import inside
from derive.render.numpy.arrays import Named
from derive.render.numpy.code import Code, call, subscript

if TYPE_CHECKING:
    from derive.render.numpy.translate import Translator

__all__ = ["accumulated"]


def accumulated(t: Translator, factors: Sequence[Node], over: Sequence[Letter]) -> Named | None:
    """The product summed over letters, where a bracket says how far one of the sums runs; None where none does."""
    for one in over:
        mine = [f for f in factors if one in f.free]
        guards = [f for f in mine if isinstance(f, Bracket)]
        terms = [f for f in mine if f not in guards]
        found = _end(guards[0], one) if len(guards) == 1 else None
        if found is None or not terms:
            continue
        end, backwards = found
        every = frozenset[Letter]().union(*(f.free for f in terms))
        if end.free & (every | t.fixed.keys()) or one in t.fixed or not any(f.free == every for f in terms):
            continue
        value = t.numeric(t.dense_product(terms, ()))
        tensor = Tensor("running", tuple(x.length for x in value.letters))
        t.arrays[tensor] = _run(value, one, backwards=backwards)
        entry = Ref(tensor, tuple(end if x is one else as_index(x) for x in value.letters))
        rest = [f for f in factors if f not in mine]
        return t.product([*rest, inside(entry)], [x for x in over if x is not one])
    return None


def _end(guard: Bracket, one: Letter) -> tuple[Index, bool] | None:
    """The last entry of a sum and False, or the first and True where it runs to the end of the axis.

    Beyond the axis on the side where the sum is empty, it is 0.
    """
    form = guard.difference()
    step = form.coefficient(one)
    if guard.relation in "=≠" or step not in (1, -1):
        return None
    end = form.without(one).scaled(-step)
    letters = [a for a, _ in end.terms]
    if not letters or not all(isinstance(a, Letter) for a in letters):
        return None
    backwards = step == 1
    known = end.certainly_at_least_zero() if backwards else end.certainly_below(one.length)
    return (end, backwards) if known else None


def _run(value: Named, one: Letter, *, backwards: bool) -> Code:
    """The sums along an axis up to each of its entries, or from each on."""
    axis = value.letters.index(one)
    reverse = [*[":"] * axis, "::-1"]
    turned = subscript(value.code, reverse) if backwards else value.code
    run = call("np.cumsum", turned, axis=str(axis)) if len(value.letters) > 1 else call("np.cumsum", turned)
    return subscript(run, reverse) if backwards else run
