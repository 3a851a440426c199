"""Definitions: what one tensor, or several computed together, are made of.

Data
    ``Definition``  ``Z[i, l] = Σ_j X[i, j] W[j, l] + b[l]``: a tensor, its letters, its body.
    ``Recurrence``  definitions that refer to each other at an earlier (or later) index of one axis.

The three most important functions are ``define`` and ``recurrence``, which infer the sizes of letters and refuse
what is no formula, and ``check_reads``: every reading outside a range stands under a bracket.

A name is declared, then defined::

    n, d, c = sizes("n d c")
    i, j, l = letters("i j l")
    X, W, b = tensor("X", n, d), tensor("W", d, c), tensor("b", c)
    Z = name("Z")
    Z = define(Z[i, l], Sum(j, X[i, j] * W[j, l]) + b[l])
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from derive.errors import NotationError
from derive.index import Index, Letter, fresh
from derive.nodes import Bracket, Mul, Node, Ref, Tensor, as_node, entry_text, shape_text
from derive.size_inference import Equation, infer_sizes
from derive.statements import Statement
from derive.tree import renew_binders, replace_tensors, substitute, walk

__all__ = ["Definition", "Recurrence", "check_order", "check_reads", "define", "needed_items", "recurrence"]


@dataclass(frozen=True, eq=False)
class Definition:
    """``tensor[letters] = body``; the letters are this definition's own.

    ``under`` are assumptions that were used to write the body: where they do not hold, the tensor is something else.
    """

    tensor: Tensor
    letters: tuple[Letter, ...]
    body: Node
    under: tuple[Statement, ...] = ()

    @property
    def left(self) -> Ref:
        """The left-hand side."""
        return self.tensor[self.letters]

    @property
    def members(self) -> tuple[Definition, ...]:
        """What is defined together: this alone, but for recurrences."""
        return (self,)

    def at(self, *indices: Index | Letter) -> Node:
        """The body at other indices."""
        return substitute(self.body, dict(zip(self.letters, indices, strict=True)))

    def rewritten(self, change: Callable[[Node], Node]) -> Definition:
        """The definition with its body changed."""
        return replace(self, body=change(self.body))

    def replaced(self, made: Mapping[Definition, Definition]) -> Definition:
        """What stands in the place of the definition."""
        return made[self]

    def __repr__(self) -> str:
        from derive.render.naming import Names
        from derive.render.text import plain

        names = Names().bind(self.letters)
        return f"{plain(self.left, names)} = {plain(self.body, names)}"


@dataclass(frozen=True, eq=False)
class Recurrence:
    """Definitions computed together, one index of an axis after another.

    ``axes[m]`` is the position of that axis in member m. A member reads the members before it at the same index,
    and any member at an earlier index (a later one if ``backwards``).
    """

    members: tuple[Definition, ...]
    axes: tuple[int, ...]
    backwards: bool = False

    def time(self, member: int) -> Letter:
        """The letter of the axis in a member."""
        return self.members[member].letters[self.axes[member]]

    def rewritten(self, change: Callable[[Node], Node]) -> Recurrence:
        """The recurrence with the bodies of its members changed."""
        return replace(self, members=tuple(d.rewritten(change) for d in self.members))

    def replaced(self, made: Mapping[Definition, Definition]) -> Recurrence:
        """The recurrence of what stands in the place of its members; without those that have nothing there."""
        kept = [m for m, d in enumerate(self.members) if d in made]
        return Recurrence(
            tuple(made[self.members[m]] for m in kept), tuple(self.axes[m] for m in kept), self.backwards
        )


def needed_items(
    items: Sequence[Definition | Recurrence], outputs: Iterable[Tensor]
) -> tuple[Definition | Recurrence, ...]:
    """The items that outputs are computed from, in their order. A recurrence is needed as a whole."""
    needed = set(outputs)
    kept: list[Definition | Recurrence] = []
    for item in reversed(items):
        if not needed.isdisjoint(d.tensor for d in item.members):
            kept.append(item)
            needed.update(*(d.body.tensors for d in item.members))
    return tuple(reversed(kept))


def define(left: Ref | Tensor, right: object, *, meaning: str | tuple[str, str] = "", domain: str = "real") -> Tensor:
    """Define a tensor: ``Z = define(Z[i, l], Sum(j, X[i, j] * W[j, l]) + b[l])``; a scalar: ``define(L, …)``.

    Returns the defined tensor, to be used in what follows. A definition that reads itself at an earlier index is
    a recurrence.
    Raises: NotationError for an index with two sizes, an unknown name, a missing axis, a reading that may leave
    its range without a bracket; each names both places.
    """
    target = Ref(left, ()) if isinstance(left, Tensor) else left
    body = as_node(right)
    if target.tensor in body.tensors:
        letters = [i.letter for i in target.indices if i.letter is not None]
        along = _recurrent_letter(target, body, letters)
        return recurrence(along, {target: body}, meanings={target.tensor.name: meaning})[target.tensor.name]
    made = _settle([(target, body)], (meaning,), (domain,))[0]
    made.tensor.definition = made
    return made.tensor


def recurrence(
    along: Letter,
    equations: Mapping[Ref, object],
    *,
    backwards: bool = False,
    meanings: Mapping[str, str | tuple[str, str]] | None = None,
) -> dict[str, Tensor]:
    """Define tensors that are computed together along one letter; returns them by name.

    ``recurrence(t, {p[t, k]: first(t, h0[k], h[t - 1, k]), a[t, k]: …, h[t, k]: tanh(a[t, k])})["h"]``.
    """
    targets = list(equations)
    if len({target.tensor.name for target in targets}) != len(targets):
        raise NotationError(f"a recurrence defines a name once: {', '.join(map(entry_text, targets))}")
    for target in targets:
        if sum(i.letter is along for i in target.indices) != 1:
            raise NotationError(f"{target.tensor.name!r} is not defined along {along.name!r}: {entry_text(target)}")
    axes = tuple(next(m for m, i in enumerate(t.indices) if i.letter is along) for t in targets)
    prose = meanings or {}
    pairs = [(t, as_node(body)) for t, body in equations.items()]
    made = _settle(pairs, [prose.get(t.tensor.name, "") for t in targets], ["real"] * len(targets))
    group = Recurrence(tuple(made), axes, backwards)
    check_order(group)
    for d in made:
        d.tensor.definition = group
    return {d.tensor.name: d.tensor for d in made}


def _recurrent_letter(target: Ref, body: Node, letters: list[Letter]) -> Letter:
    for node in walk(body):
        if isinstance(node, Ref) and node.tensor is target.tensor:
            for own, index in zip(letters, node.indices, strict=False):
                if index.letter is not own and own in index.free:
                    return own
    raise NotationError(f"{target.tensor.name!r} is defined by itself at the same index: {entry_text(target)}")


def check_order(group: Recurrence) -> None:
    """Every member reads the group at an index that is computed already. Raises: NotationError."""
    position = {d.tensor: m for m, d in enumerate(group.members)}
    for m, d in enumerate(group.members):
        for node in walk(d.body):
            if not isinstance(node, Ref) or node.tensor not in position:
                continue
            read = position[node.tensor]
            shift = node.indices[group.axes[read]] - group.time(m)
            ahead = shift.scaled(-1) if group.backwards else shift
            bound = ahead.upper()
            done = bound is not None and ((isinstance(bound, int) and bound < 0) or (bound == 0 and read < m))
            if not done:
                where = "later" if group.backwards else "earlier"
                raise NotationError(
                    f"{d.tensor.name!r} reads {entry_text(node)}, which is not computed before it: a recurrence "
                    f"reads members above it at the same index and all members at {where} ones"
                )


def _settle(
    pairs: Sequence[tuple[Ref, Node]], meanings: Sequence[str | tuple[str, str]], domains: Sequence[str]
) -> list[Definition]:
    """Definitions with letters of their own and known sizes, everything checked."""
    equations = [_with_own_letters(left, body) for left, body in pairs]
    infer_sizes(equations)
    tensors = {
        left.tensor: Tensor(
            left.tensor.name,
            tuple(x.length for x in letters),
            meaning=meaning or left.tensor.meaning,
            domain=domain,
        )
        for (left, letters, _), meaning, domain in zip(equations, meanings, domains, strict=True)
    }
    made = []
    for left, letters, body in equations:
        settled = replace_tensors(body, tensors)
        check_reads(settled, f"the definition of {entry_text(left)}")
        made.append(Definition(tensors[left.tensor], letters, settled))
    return made


def _with_own_letters(left: Ref, body: Node) -> Equation:
    letters = tuple(index.letter for index in left.indices)
    plain = [x for x in letters if x is not None]
    if len(plain) != len(letters) or len(set(plain)) != len(plain):
        raise NotationError(f"the left-hand side needs different letters as indices: {entry_text(left)}")
    if left.tensor.shape is not None:
        raise NotationError(f"{left.tensor.name!r} is defined already; take a new name")
    own = fresh(plain)
    stray = body.free - set(plain)
    if stray:
        listed = ", ".join(sorted(repr(x.name) for x in stray))
        raise NotationError(f"{listed} on the right of {entry_text(left)} is neither on the left nor summed over")
    return Equation(left, tuple(own.values()), renew_binders(substitute(body, own)))


def check_reads(node: Node, where: str, guards: tuple[Index, ...] = ()) -> None:
    """Every index stays inside its axis, by its range or by a bracket that multiplies it.

    Raises: NotationError naming the reading, the axis, and ``where`` it stands.
    """
    if isinstance(node, Mul):
        for factor in node.factors:
            if isinstance(factor, Bracket) and factor.relation != "≠":
                form = factor.difference()
                guards = (*guards, form, form.scaled(-1)) if factor.relation == "=" else (*guards, form)
    if isinstance(node, Ref):
        for position, (axis, index) in enumerate(zip(node.tensor.axes, node.indices, strict=True)):
            if index.letter is not None and index.letter.length == axis:
                continue
            for margin, side in ((index, "≥ 0"), (Index((), axis) - index - 1, f"< {axis}")):
                if not _implied(margin, guards):
                    if index.letter is not None:
                        raise NotationError(
                            f"index {index.letter.name!r} has two sizes in {where}: "
                            f"{index.letter.length} by its declaration, "
                            f"{axis} by axis {position} of {entry_text(node)} (shape {shape_text(node.tensor.axes)})"
                        )
                    raise NotationError(
                        f"{entry_text(node)} in {where} may leave axis {position} "
                        f"(size {axis}): {index} {side} is not certain. "
                        f"Write inside({entry_text(node)}) for zero outside, or multiply by a bracket"
                    )
    for child in node.children():
        check_reads(child, where, guards)


def _implied(margin: Index, guards: tuple[Index, ...]) -> bool:
    return margin.certainly_at_least_zero() or any((margin - g).certainly_at_least_zero() for g in guards)
