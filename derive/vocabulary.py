"""The names that a derivation brings in: tensors such as ``d_Z``, and ``p[k] := softmax(z)[k]`` for what is repeated.

A derivation is made once, and what its results repeat is found. Then it is made again with a definition for each of
these, so that the lines themselves are written with the names. A name is a definition like any other: what was
written with it can be differentiated further.

Data
    ``Vocabulary``  the tensors by name, made once however often the derivation is made, and the definitions.

The three most important functions are ``with_names``, ``repeated`` (what occurs again, up to the letters that it
depends on) and ``placed`` (the definitions among the items of a program).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from graphlib import TopologicalSorter

from derive.definitions import Definition, Recurrence, check_reads
from derive.derivation import Chain, Derivation
from derive.errors import NotationError
from derive.index import Letter, fresh
from derive.matching import Names, fold, reads
from derive.named_parts import with_parts_named
from derive.nodes import Add, Apply, Bracket, Mul, Node, Number, Over, Partial, Position, Pow, Ref, Tensor
from derive.program import Program
from derive.shared_products import shared_products
from derive.size_algebra import Size
from derive.tree import letters_of, pattern, substitute, walk

__all__ = ["Vocabulary", "placed", "repeated", "with_names"]

NOTE = ("An expression that occurs more than once gets a name.", "多次出现的式子另起一名。")

# How much an expression must hold before it is worth a name, in nodes other than numbers.
HEAVY = 5
# Names are looked for once more where the first ones uncover others.
ROUNDS = 3
POOL = "pqrsuvwghabceyz"


@dataclass(eq=False)
class Vocabulary:
    """The tensors that a derivation brings in, by name, and the definitions of what its results repeat.

    ``taken`` are the names of the program itself, ``given`` those that were given since the derivation was begun.
    """

    taken: frozenset[str] = frozenset()
    tensors: dict[str, Tensor] = field(default_factory=dict)
    definitions: tuple[Definition, ...] = ()
    given: set[str] = field(default_factory=set)

    def tensor(
        self,
        name: str,
        axes: tuple[Size, ...],
        primal: Tensor | None = None,
        role: str = "",
        meaning: tuple[str, str] = ("", ""),
        domain: str = "real",
    ) -> Tensor:
        """The tensor of this name: the one that the derivation had when it was made before, if it was.

        A name is given to one tensor only; the next that asks for it has a number behind.
        """
        plain, number = name, 1
        while name in self.names():
            number += 1
            name = f"{plain}{number}"
        self.given.add(name)
        known = self.tensors.get(name)
        if known is None or (known.shape, known.primal, known.role) != (axes, primal, role):
            known = self.tensors[name] = Tensor(name, axes, primal=primal, role=role, meaning=meaning, domain=domain)
        return known

    def names(self) -> set[str]:
        """Every name that a tensor has already."""
        return {*self.taken, *self.given, *(d.tensor.name for d in self.definitions)}


def with_names(program: Program, derive: Callable[[Vocabulary], Derivation]) -> Derivation:
    """What ``derive`` makes of the program, with names for what the results repeat."""
    words = Vocabulary(frozenset(t.name for t in (*program.inputs, *(d.tensor for d in program.definitions()))))

    def make() -> Derivation:
        words.given.clear()
        return derive(words)

    found = make()
    for _ in range(ROUNDS):
        more = repeated(found, words.names())
        if not more:
            break
        before = words.definitions
        words.definitions = _in_order([*more, *_written_with(more, before)])
        attempt = make()
        if not any(d.tensor in t.after.tensors for d in more for t in attempt.steps if isinstance(t.after, Node)):
            words.definitions = before
            break
        found = attempt
    return _introduced(found, words.definitions) if words.definitions else found


def _written_with(names: Iterable[Definition], definitions: Iterable[Definition]) -> list[Definition]:
    """The definitions, their bodies written with the names."""
    known = Names(names)
    return [replace(d, body=with_parts_named(fold(d.body, known), known)) for d in definitions]


def _in_order(definitions: Iterable[Definition]) -> tuple[Definition, ...]:
    """The definitions, each after those that it reads."""
    by_tensor = {d.tensor: d for d in definitions}
    graph = {t: [x for x in by_tensor if x in d.body.tensors] for t, d in by_tensor.items()}
    return tuple(by_tensor[t] for t in TopologicalSorter(graph).static_order())


def placed(
    items: Sequence[Definition | Recurrence], definitions: Iterable[Definition]
) -> tuple[Definition | Recurrence, ...]:
    """The items with each definition after the last that it reads."""
    merged = list(items)
    for d in definitions:
        if d in merged:
            continue
        place = 0
        for position, item in enumerate(merged, 1):
            if any(m.tensor in d.body.tensors for m in item.members):
                place = position
        merged.insert(place, d)
    return tuple(merged)


def _introduced(found: Derivation, definitions: Iterable[Definition]) -> Derivation:
    """The derivation with a chain for each name before the lines that use it."""
    waiting = {d.tensor: d for d in definitions}
    chains: list[Chain] = []

    def introduce(node: Node) -> None:
        for d in [d for t, d in waiting.items() if t in node.tensors]:
            if waiting.pop(d.tensor, None) is not None:
                introduce(d.body)
                chains.append(Chain(d.body, (), d.left, NOTE, found.program))

    for chain in found.chains:
        for step in chain.steps:
            for side in (step.before, step.after):
                if isinstance(side, Node):
                    introduce(side)
        chains.append(chain)
    return replace(found, chains=tuple(chains))


# ------------------------------------------------------------------------------------------------- what is repeated


def repeated(found: Derivation, names: Iterable[str] = ()) -> tuple[Definition, ...]:
    """Definitions for what a result repeats; ``names`` are taken, those of tensors that are not left too."""
    results = [c.result for c in found.chains if c.steps and isinstance(c.result, Node)]
    taken: set[str] = set()
    # a name for a part of a recurrence would have to be computed along with it
    recurrent = frozenset(
        d.tensor
        for item in found.derived.items
        if isinstance(item, Recurrence) and item not in found.program.items
        for d in item.members
    )
    made: list[Definition] = []
    spent: set[object] = set()
    while True:
        best = _heaviest([*results, *(d.body for d in made)], recurrent, spent)
        if best is None:
            return tuple(made)
        spent.add(pattern(best))
        taken = taken or {*names, *_read(found)}
        name = next(x for x in (*POOL, *(f"{x}{n}" for n in range(1, 100) for x in POOL)) if x not in taken)
        d = _definition(best, name)
        written = [with_parts_named(fold(node, Names([d])), Names([d])) for node in results]
        earlier = _written_with([d], made)
        if max(reads(node, d.tensor) for node in (*written, *(e.body for e in earlier))) > 1:
            taken.add(name)
            results, made = written, [*earlier, d]


def _heaviest(results: Sequence[Node], recurrent: frozenset[Tensor], spent: set[object]) -> Node | None:
    """The heaviest expression that one of the results holds more than once."""
    worth: list[Node] = []
    for root in results:
        seen: dict[object, list[Node]] = {}
        for node in _parts(root):
            if node.tensors.isdisjoint(recurrent):
                seen.setdefault(pattern(node), []).append(node)
        worth += [nodes[0] for form, nodes in seen.items() if len(nodes) > 1 and form not in spent]
    shared = shared_products(results, recurrent)
    worth += [node for node in shared if _weight(node) >= HEAVY and pattern(node) not in spent]
    return max(filter(_readable, worth), key=_weight, default=None)


def _parts(root: Node) -> Iterator[Node]:
    """What stands below a result and could be named, itself not: a result has a name of its own."""
    stack = list(root.children())
    while stack:
        here = stack.pop()
        if isinstance(here, Partial):
            continue
        if _nameable(here):
            yield here
        stack.extend(here.children())


SHORT = frozenset({"inverse", "det", "logdet", "norm"})
"""Functions that are written shorter than a name would be introduced."""


def _nameable(node: Node) -> bool:
    if isinstance(node, (Number, Ref, Position, Bracket)) or node.limit is not None:
        return False
    if isinstance(node, Over):
        # a partial derivative of an unspecified function is a name already, and so is an inverse
        return node.function.order is None and node.function.name not in SHORT
    if isinstance(node, Pow) and not isinstance(node.base, Add):
        return False
    if isinstance(node, Mul) and any(isinstance(f, Bracket) for f in node.factors):
        return False
    return isinstance(node, Apply) or _weight(node) >= HEAVY


def _weight(node: Node) -> int:
    return sum(not isinstance(below, Number) for below in walk(node))


def _readable(node: Node) -> bool:
    """Whether the expression stays inside its ranges without the brackets around it, and is worth a name."""
    if isinstance(node, Apply) and _weight(node) < HEAVY - 1:
        return False
    try:
        check_reads(node, "a name")
    except NotationError:
        return False
    return True


def _definition(node: Node, name: str) -> Definition:
    reads_of = sorted(_as_read(node, {}), key=len, reverse=True)
    met = (x for letters in reads_of for x in letters if x in node.free)
    own = fresh(tuple(dict.fromkeys((*met, *letters_of(node)))))
    letters = tuple(own.values())
    stands = Tensor(name, tuple(x.length for x in letters), meaning=("a repeated expression", "反复出现的式子"))
    return Definition(stands, letters, substitute(node, own))


def _as_read(node: Node, places: Mapping[Letter, Letter]) -> Iterator[tuple[Letter, ...]]:
    """The letters that entries are read at, in the order of axes: those of a softmax as its argument has them."""
    if isinstance(node, Over):
        free = {x: at.letter for x, at in zip(node.letters, node.at, strict=False) if at.letter is not None}
        for argument in node.arguments:
            yield from _as_read(argument, {**places, **free})
        return
    atoms = (atom for index in node.indices_here() for atom, _ in index.terms)
    yield tuple(places.get(atom, atom) for atom in atoms if isinstance(atom, Letter))
    for child in node.children():
        yield from _as_read(child, places)


def _read(found: Derivation) -> set[str]:
    """The names of tensors, sizes and letters that a reader meets."""
    programs = (found.program, found.derived)
    met = {t.name for p in programs for t in (*p.inputs, *(d.tensor for d in p.definitions()))}
    met |= {s.name for s in found.program.sizes()}
    for d in found.derived.definitions():
        met |= {x.name for x in d.letters} | {x.name for node in walk(d.body) for x in node.bound()}
    for chain in found.chains:
        for step in chain.steps:
            if isinstance(step.after, Node):
                met |= {x.name for x in step.after.free} | {x.name for n in walk(step.after) for x in n.bound()}
    return met
