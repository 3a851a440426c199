"""Program -> the same program with macros in the place of their spellings.

``P[i,k] = E[i,k]/Σ_l E[i,l]`` with ``E[i,k] = e^{Z[i,k]}`` is ``P[i,k] = softmax(Z[i,·])[k]``. Every definition is
rewritten by the rows of ``spellings``, what is inside first, until none is found. A definition that nothing reads any
more goes away; names that are left stay as they were.

Data
    ``Recognition``   one rewriting: in which tensor, which macro, what stood there, what stands there now.
    ``Recognised``    the program found, the one it was found in, and the recognitions.

The important function is ``recognised``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from derive.definitions import Definition, Recurrence
from derive.nodes import Apply, Node, Over, Partial, Tensor
from derive.patterns import Reader
from derive.program import Program
from derive.spellings import SPELLINGS, Spelling
from derive.tree import map_children

__all__ = ["Recognised", "Recognition", "recognised"]


@dataclass(frozen=True, eq=False)
class Recognition:
    """``spelled = written`` in the definition of a tensor, by the row of a macro; true in the source program."""

    tensor: Tensor
    spelling: Spelling
    spelled: Node
    written: Node

    @property
    def name(self) -> str:
        """The name of the macro."""
        return self.spelling.name

    def __repr__(self) -> str:
        return f"<in {self.tensor.name}: {self.spelled!r} = {self.written!r}>"


@dataclass(frozen=True, eq=False)
class Recognised:
    """A program written with macros, the program that it was found in, and what was recognised."""

    program: Program
    source: Program
    found: tuple[Recognition, ...] = ()


def recognised(program: Program) -> Recognised:
    """The program with macros in the place of their spellings; the very same where there are none.

    The values of all tensors that are left are the same wherever they were finite.
    """
    writer = _Writer()
    items = tuple(writer.item(item) for item in program.items)
    if not writer.found:
        return Recognised(program, program)
    return Recognised(replace(program, items=_still_read(program, items)), program, tuple(writer.found))


@dataclass
class _Writer:
    """Rewrites definitions one after another, reading the names of those before."""

    reader: Reader = field(default_factory=Reader)
    found: list[Recognition] = field(default_factory=list)

    def item(self, item: Definition | Recurrence) -> Definition | Recurrence:
        if isinstance(item, Definition):
            made = self._definition(item)
            self.reader.learn(made)
            return made
        for d in item.members:
            self.reader.learn(d, recurrent=True)
        members = tuple(self._definition(d) for d in item.members)
        for d in members:
            self.reader.learn(d, recurrent=True)
        changed = any(a is not b for a, b in zip(members, item.members, strict=True))
        return replace(item, members=members) if changed else item

    def _definition(self, d: Definition) -> Definition:
        body = self._node(d.body, d.tensor)
        return d if body is d.body else replace(d, body=body)

    def _node(self, node: Node, tensor: Tensor) -> Node:
        if isinstance(node, Partial):
            return node
        node = map_children(node, lambda child: self._node(child, tensor))
        for row in _BY_HEAD.get(_head(node), ()):
            reader = self.reader if row.through else self.reader.written_in_one()
            made = reader.rewritten(node, row.spelled, row.macro)
            if made is not None:
                self.found.append(Recognition(tensor, row, node, made))
                return self._node(made, tensor)
        return node


def _head(node: Node) -> str:
    return node.function.name if isinstance(node, (Apply, Over)) else type(node).__name__


def _by_head(rows: Iterable[Spelling]) -> dict[str, list[Spelling]]:
    table: dict[str, list[Spelling]] = {}
    for row in rows:
        table.setdefault(_head(row.spelled), []).append(row)
    return table


_BY_HEAD = _by_head(SPELLINGS)


def _still_read(source: Program, items: tuple[Definition | Recurrence, ...]) -> tuple[Definition | Recurrence, ...]:
    """The items without those that were read before and are not read any more."""
    asked = frozenset(source.outputs).union(*(a.tensors for a in source.assumptions))
    before = asked.union(*(d.body.tensors for d in source.definitions()))
    needed = set(asked)
    kept: list[Definition | Recurrence] = []
    for item in reversed(items):
        members = [d for d in _members(item) if d.tensor not in before]
        grown = True
        while grown:
            more = [d for d in _members(item) if d.tensor in needed and d not in members]
            members += more
            for d in members:
                needed |= d.body.tensors
            grown = bool(more)
        if isinstance(item, Definition):
            kept += members
        elif members:
            chosen = [m for m, d in enumerate(item.members) if d in members]
            axes = tuple(item.axes[m] for m in chosen)
            whole = len(chosen) == len(item.members)
            kept.append(item if whole else replace(item, members=tuple(item.members[m] for m in chosen), axes=axes))
    return tuple(reversed(kept))


def _members(item: Definition | Recurrence) -> tuple[Definition, ...]:
    return item.members if isinstance(item, Recurrence) else (item,)
