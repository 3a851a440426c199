"""Program -> the same program with macros in the place of their spellings.

``P[i,k] = E[i,k]/Σ_l E[i,l]`` with ``E[i,k] = e^{Z[i,k]}`` is ``P[i,k] = softmax(Z[i,·])[k]``. Every definition is
rewritten by the rows of ``spellings``, what is inside first, until none is found. A definition that nothing reads any
more goes away, unless it names what derivatives will be written with: ``s[i] = std(X[i,·])`` stays beside
``standardise(X[i,·])``. Names that are left stay as they were.

Data
    ``Recognition``   one rewriting: in which tensor, which macro, what stood there, what stands there now.
    ``Recognised``    the program found, the one it was found in, and the recognitions; ``chains`` to show and check.

The important function is ``recognised``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field, replace

from derive.algebra import tidy
from derive.definitions import Definition, Recurrence
from derive.derivation import Chain, Step
from derive.facts import SYMMETRIC, Facts
from derive.functions import sigmoid
from derive.matching import entry_found, match
from derive.nodes import ONE, Add, Apply, Node, Over, Partial, Pow, Tensor, number
from derive.notation import mul
from derive.over_axes import CHOLESKY
from derive.patterns import Reader
from derive.program import Program
from derive.spellings import MET_IN_DERIVATIVES, SPELLINGS, Spelling
from derive.tree import key, map_children, renew_binders, walk

__all__ = ["Recognised", "Recognition", "recognised", "with_functions"]


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

    def chain(self, source: Program) -> Chain:
        """The equation as a chain of one line."""
        return Chain(self.spelled, (Step(self.spelled, self.written, "recognise"),), within=source)

    def __repr__(self) -> str:
        return f"<in {self.tensor.name}: {self.spelled!r} = {self.written!r}>"


@dataclass(frozen=True, eq=False)
class Recognised:
    """A program written with macros, the program that it was found in, and what was recognised."""

    program: Program
    source: Program
    found: tuple[Recognition, ...] = ()

    def chains(self) -> tuple[Chain, ...]:
        """For every definition that is written otherwise: as it was, as it is, and each recognition as a small step.

        They are about ``source``, and can be checked and printed like any others.
        """
        made = []
        for d in self.program.definitions():
            was = self.source.definition(d.tensor)
            assert was is not None
            if was.body is not d.body:
                small = tuple(r.chain(self.source) for r in self.found if r.tensor is d.tensor)
                step = Step(was.body, d.body, "recognise", substeps=small)
                made.append(Chain(was.body, (step,), d.left, within=self.source))
        return tuple(made)


def recognised(program: Program) -> Recognised:
    """The program with macros in the place of their spellings; the very same where there are none.

    The values of all tensors that are left are the same wherever they were finite.
    """
    writer = _Writer(_factors_symmetric_matrices(program))
    items = tuple(writer.item(item) for item in program.items)
    if not writer.found:
        return Recognised(program, program)
    return Recognised(replace(program, items=_still_read(program, items)), program, tuple(writer.found))


@dataclass
class _Writer:
    """Rewrites definitions one after another, reading the names of those before."""

    symmetric: bool
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
        return d if body is d.body else replace(d, body=renew_binders(body))

    def _node(self, node: Node, tensor: Tensor) -> Node:
        if isinstance(node, Partial):
            return node
        node = map_children(node, lambda child: self._node(child, tensor))
        for row in _BY_HEAD.get(_head(node), ()):
            if row.symmetric and not self.symmetric:
                continue
            reader = self.reader if row.through else self.reader.written_in_one()
            found = reader.rewritten(node, row.spelled, row.macro)
            if found is not None:
                self._record(Recognition(tensor, row, found.part, found.made))
                return self._node(found.node, tensor)
        return node

    def _record(self, one: Recognition) -> None:
        """Keep a recognition; one that goes on from the last is one with it."""
        if self.found and self.found[-1].written is one.spelled:
            one = replace(one, spelled=self.found.pop().spelled)
        self.found.append(one)


def _factors_symmetric_matrices(program: Program) -> bool:
    """Whether there are Cholesky factors, all of matrices that are symmetric whatever the arguments are."""
    free = frozenset(t for t in program.inputs if t.domain in SYMMETRIC)
    facts = Facts(program, (), free)
    nodes = [node for d in program.definitions() for node in walk(d.body)]
    factors = [node for node in nodes if isinstance(node, Over) and node.function is CHOLESKY]
    return bool(factors) and all(facts.is_symmetric_inside(node) for node in factors)


def _head(node: Node) -> str:
    return node.function.name if isinstance(node, (Apply, Over)) else type(node).__name__


def _by_head(rows: Iterable[Spelling]) -> dict[str, list[Spelling]]:
    table: dict[str, list[Spelling]] = {}
    for row in rows:
        table.setdefault(_head(row.spelled), []).append(row)
    return table


_BY_HEAD = _by_head(SPELLINGS)


def _still_read(source: Program, items: tuple[Definition | Recurrence, ...]) -> tuple[Definition | Recurrence, ...]:
    """The items without the definitions that were read before, and of which no use is left."""
    asked = frozenset(source.outputs).union(*(a.tensors for a in source.assumptions))
    before = asked.union(*(d.body.tensors for d in source.definitions()))
    definitions = [d for item in items for d in item.members]
    kept: dict[Definition, None] = {}

    def keep(d: Definition) -> None:
        if d not in kept:
            kept[d] = None
            for other in definitions:
                if other.tensor in d.body.tensors:
                    keep(other)

    for d in definitions:
        if d.tensor in asked or d.tensor not in before:
            keep(d)
    laws = [node for d in kept for node in _of_laws(d.body)]
    for d in definitions:
        if isinstance(d.body, (Over, Pow)) and any(_names(d, node) for node in laws):
            keep(d)
    return tuple(remains for item in items for remains in _remains(item, kept))


def _remains(item: Definition | Recurrence, kept: Container[Definition]) -> Iterator[Definition | Recurrence]:
    chosen = {d: d for d in item.members if d in kept}
    if chosen:
        yield item if len(chosen) == len(item.members) else item.replaced(chosen)


def _of_laws(body: Node) -> Iterator[Node]:
    """The macros, and powers of macros, in the laws of the macros in a body: these are met in derivatives."""
    for node in walk(body):
        if isinstance(node, Over) and node.function.derivative is not None:
            for below in walk(node.function.derivative(node, lambda part: part)):
                if isinstance(below.base if isinstance(below, Pow) else below, Over):
                    yield below


def _names(d: Definition, node: Node) -> bool:
    return entry_found(d, match(d.body, node, frozenset(d.letters))) is not None


def with_functions(node: Node) -> Node:
    """A result with the functions that laws have spelled out; open derivatives are left alone."""
    heads = {_head(below) for below in walk(node)}
    if heads.isdisjoint(_SPELLED_BY_LAWS):
        return node
    return _with_opposite_sigmoids(_with_functions(node, Reader().written_in_one()))


def _with_opposite_sigmoids(node: Node) -> Node:
    """``1 - σ(u)`` as ``σ(-u)``, where the node has no other sigmoid of u: of two, one would get a name."""
    met = Counter(key(below) for below in walk(node) if isinstance(below, Apply) and below.function is sigmoid)
    alone = {one for one, count in met.items() if count == 1}
    return _complemented(node, alone) if alone else node


def _complemented(node: Node, alone: Container[object]) -> Node:
    if isinstance(node, Partial):
        return node
    node = map_children(node, lambda child: _complemented(child, alone))
    if isinstance(node, Add) and len(node.terms) == 2 and ONE in node.terms:
        other = mul(number(-1), node.terms[1 - node.terms.index(ONE)])
        if isinstance(other, Apply) and other.function is sigmoid and key(other) in alone:
            return sigmoid(tidy(mul(number(-1), other.arguments[0])))
    return node


_BY_LAWS = _by_head(MET_IN_DERIVATIVES)
_SPELLED_BY_LAWS = frozenset({"cosh", "cos", "exp", "sigmoid"})


def _with_functions(node: Node, reader: Reader) -> Node:
    if isinstance(node, Partial):
        return node
    node = map_children(node, lambda child: _with_functions(child, reader))
    for row in _BY_LAWS.get(_head(node), ()):
        found = reader.rewritten(node, row.spelled, row.macro)
        if found is not None:
            return found.node
    return node
