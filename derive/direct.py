"""Direct style: the Jacobian of an output by one tensor, found by differentiating the formula itself.

A short formula is differentiated through all its definitions at once, and the Jacobian is one expression. On a longer
way, or through a recurrence, the Jacobians of the tensors in between get names, one chain for each: the expression
would double with every definition that is read twice.

The three most important functions are ``jacobian_of``, ``waypoints`` (which tensors in between get a Jacobian of
their own) and ``_differentiated`` (the lines of one).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from derive.definitions import Definition, Recurrence
from derive.derivation import Chain
from derive.errors import NotationError
from derive.index import Letter, as_index
from derive.nodes import Node, Partial, Ref, Tensor
from derive.program import Program
from derive.rules import Context, apply_rule
from derive.sweeps import Lines, letters_for, needed_for, refuse_assumed
from derive.tree import walk
from derive.vocabulary import Vocabulary

__all__ = ["Jacobian", "jacobian_of", "waypoints"]

# A Jacobian with more terms than this is written with names on the way; what is read again is named from this on.
LONGEST = 12
REPEATED = 3


@dataclass(frozen=True, eq=False)
class Jacobian:
    """The chains that find a Jacobian, the definitions that they end in, and the tensor itself."""

    chains: tuple[Chain, ...]
    items: tuple[Definition | Recurrence, ...]
    tensor: Tensor


def jacobian_of(
    program: Program, target: Tensor, tensor: Tensor, words: Vocabulary, role: str = "jacobian", text: str = ""
) -> Jacobian:
    """The derivatives of all entries of ``target`` by all entries of ``tensor``, output axes first.

    Raises: NotationError when ``tensor`` is itself part of a recurrence (take vjp or jvp there).
    """
    context = Context(program, (*program.definitions(), *words.definitions))
    refuse_assumed(context, (tensor,), (target,))
    if program.recurrence(tensor) is not None:
        raise NotationError(
            f"{tensor.name!r} is part of a recurrence: its entries move each other; take vjp or jvp there"
        )
    columns = letters_for(program, tensor)

    def named(t: Tensor) -> Tensor:
        name = text if text and t is target else f"jac_{t.name}_{tensor.name}"
        kind = role if t is target else "inner jacobian"
        return words.tensor(name, t.axes + tensor.axes, t, kind)

    chains: list[Chain] = []
    items: list[Definition | Recurrence] = []

    def found(d: Definition, made: Tensor) -> Definition:
        rows = letters_for(program, d.tensor)
        lines = _differentiated(d.tensor, rows, tensor, columns, context)
        chains.append(lines.chain(made[rows + columns]))
        return lines.defines(made, rows + columns)

    own = {t: named(t) for t in (*waypoints(context, target, tensor), target)}
    for item in program.items:
        members = [d for d in item.members if d.tensor in own]
        if isinstance(item, Recurrence) and members:
            context.jacobians.update({d.tensor: own[d.tensor] for d in members})
            axes = tuple(item.axes[item.members.index(d)] for d in members)
            items.append(Recurrence(tuple(found(d, own[d.tensor]) for d in members), axes, item.backwards))
        elif members:
            (d,) = members
            items.append(found(d, own[d.tensor]))
            context.jacobians[d.tensor] = own[d.tensor]
    if program.definition(target) is None:
        rows = letters_for(program, target)
        lines = _differentiated(target, rows, tensor, columns, context)
        chains.append(lines.chain(own[target][rows + columns]))
        items.append(lines.defines(own[target], rows + columns))
    return Jacobian(tuple(chains), tuple(items), own[target])


def _differentiated(
    target: Tensor, rows: tuple[Letter, ...], tensor: Tensor, columns: tuple[Letter, ...], context: Context
) -> Lines:
    """The lines of one Jacobian; what is in between is shortened before a definition is put in its place."""
    lines = Lines(Partial(target[rows], tensor[columns], total=True), context)
    source = context.program.definition(target)
    if source is not None and target in context.jacobians:
        # a member of a recurrence: its own Jacobian has a name already, for the earlier entries
        lines.line(Partial(source.at(*map(as_index, rows)), tensor[columns], total=True), "definition")
    while (applied := apply_rule(lines.now, context)) is not None:
        if applied.rule.name == "definition" and lines.steps:
            lines.shorten()
            applied = apply_rule(lines.now, context)
            if applied is None:
                break
        lines.apply(applied)
    lines.shorten()
    return lines


def waypoints(context: Context, target: Tensor, tensor: Tensor) -> tuple[Tensor, ...]:
    """The tensors between ``tensor`` and ``target`` whose Jacobians get names: none where one formula is short."""
    program = context.program
    between = (needed_for(program, (target,)) & context.dependents(tensor)) - {tensor, target}
    reads = {d.tensor: _moving_reads(d.body, {*between, tensor}) for d in program.definitions()}
    recurrent = {
        d.tensor for item in program.items if isinstance(item, Recurrence) for d in item.members
        if d.tensor in between or d.tensor is target
    }  # fmt: skip
    again = Counter(t for d in program.definitions() if d.tensor in between | {target} for t in reads[d.tensor])

    def counted(names: bool) -> tuple[int, list[Tensor]]:
        """The number of terms of the Jacobian of the target, and what gets a name."""
        terms, named = {tensor: 1}, []
        for d in program.definitions():
            if d.tensor not in between and d.tensor is not target:
                continue
            terms[d.tensor] = sum(terms.get(t, 1) for t in reads[d.tensor])
            long = terms[d.tensor] > (REPEATED if again[d.tensor] > 1 else LONGEST)
            if d.tensor is not target and (d.tensor in recurrent or (names and long)):
                named.append(d.tensor)
                terms[d.tensor] = 1
        return terms.get(target, 0), named

    total, only = counted(names=False)
    return tuple(only if total <= LONGEST else counted(names=True)[1])


def _moving_reads(body: Node, moving: Iterable[Tensor]) -> list[Tensor]:
    wanted = frozenset(moving)
    return [node.tensor for node in walk(body) if isinstance(node, Ref) and node.tensor in wanted]
