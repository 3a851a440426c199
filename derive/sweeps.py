"""The machinery of differentiation: chains while they are written, and the backward sweep.

The cotangent of a tensor gathers ``Σ_I ȳ[I] ∂y[I]/∂x`` over every definition y that reads it; a recurrence becomes
one recurrence in the other direction. The most important are ``Lines.carry_out`` (laws until nothing is open),
``Lines.shorten`` (contract, collect, assume) and ``Backward.cotangent`` (one chain).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from derive.algebra import tidy
from derive.contraction import contract
from derive.definitions import Definition, Recurrence, check_order, needed_items
from derive.denominators import with_common_denominators
from derive.densities import with_densities_compared
from derive.derivation import Chain, Derivation, Step, Text
from derive.errors import NotationError
from derive.functions import Elementwise, is_indicator
from derive.identities import with_centred_sums, with_unit_sums
from derive.index import Letter, as_index, fresh
from derive.masks import with_masks_used
from derive.matching import Names, assumed, fold, insert, light
from derive.named_parts import with_parts_named
from derive.nodes import ZERO, Apply, Bracket, Node, Partial, Ref, Sum, Tensor, number
from derive.notation import add, mul
from derive.over_axes import OverAxes, spelled_out
from derive.program import Program
from derive.prose import quoted
from derive.recognition import with_functions
from derive.rules import LAWS, Applied, Context, apply_rule
from derive.selections import with_selections
from derive.statements import Condition, Statement
from derive.tree import key, length, letters_of, walk
from derive.vocabulary import Vocabulary, placed

__all__ = ["Backward", "Lines", "lemma", "letters_for", "needed_for", "pruned", "tensors_of"]

Wanted = str | Tensor | Iterable[str | Tensor]


# ------------------------------------------------------------------------------------------ one line after another


REARRANGING = frozenset({"contract", "collect", "name"})


class Lines:
    """A chain while it is written."""

    def __init__(self, start: Node, context: Context, within: Program | None = None) -> None:
        self.start = start
        self.within = within or context.program
        self.now = start
        self.context = context
        self.steps: list[Step] = []
        self.used: list[Statement] = []

    def line(
        self,
        after: Node,
        rule: str,
        *,
        functions: Sequence[Elementwise | OverAxes] = (),
        conditions: Sequence[Condition] = (),
        why: Text | None = None,
    ) -> None:
        """Write a line, unless it says what stands there already. The laws of macros come with their proofs."""
        # only what reorders or renames can leave the same thing in another form; the key of a whole side is costly
        same = key(after) == key(self.now) if rule in REARRANGING else after == self.now
        if same:
            self.now = after if not self.steps else self.now
            return
        used = functions if rule != "expand" else ()
        proofs = [lemma(f) for f in used if isinstance(f, OverAxes) and f.expansion is not None]
        self.steps.append(
            Step(
                self.now,
                after,
                rule,
                why=why,
                functions=tuple(functions),
                conditions=tuple(conditions),
                substeps=tuple(proofs),
            )
        )
        self.now = after

    def carry_out(self) -> None:
        """Differentiate until no derivative is open."""
        while (applied := apply_rule(self.now, self.context)) is not None:
            self.apply(applied)

    def apply(self, applied: Applied) -> None:
        """Write the line of a law."""
        self.line(applied.after, applied.rule.name, functions=applied.functions, conditions=applied.conditions)

    def shorten(self) -> None:
        """Contract, collect, use what adds up to 1, use the assumptions."""
        if any(isinstance(node, Bracket) for node in walk(self.now)):
            self.line(contract(self.now), "contract")
        self.line(tidy(self.now), "collect")
        self.rearranged(with_functions(self.now), "recognise")
        self.rearranged(with_common_denominators(self.now), "denominator")
        self.fold()
        short = with_unit_sums(self.now, self.context.named)
        if short is not self.now:
            self.line(short, "unit_sum")
            self.fold()
        self.rearranged(with_centred_sums(self.now, self.context.named), "centred")
        cases = self.context.cases
        self.rearranged(with_densities_compared(self.now, cases.program, cases.definitions), "density")
        self.split_cases()
        self.assume()
        self.know()

    def fold(self) -> None:
        """Write what has a name with it, then the parts of products and sums that have one."""
        for named in (fold, with_parts_named):
            self.named(named(self.now, self.context.named))

    def named(self, named: Node) -> None:
        """The line in which names have been put in."""
        if named is not self.now:
            self.line(named, "name")
            self.line(tidy(self.now), "collect")

    def split_cases(self) -> None:
        """Use what domains of two values, signs and brackets of comparisons say."""
        cases = self.context.cases
        self.rearranged(with_masks_used(self.now, cases.definitions, self.context.facts.moving), "mask")
        selected = with_selections(self.now, cases.definitions.values(), self.context.facts.moving)
        self.rearranged(selected, "selection")
        if any(isinstance(node, Apply) and (is_indicator(node) or node.function.kinks) for node in walk(self.now)):
            for rule, law in cases.laws():
                self.rearranged(law(self.now), rule)

    def rearranged(self, made: Node, rule: str) -> None:
        """The line of a law that rewrites, if it found something, and what can be collected then."""
        if made is not self.now:
            self.line(made, rule)
            self.line(tidy(self.now), "collect")

    def assume(self) -> None:
        """Use the assumptions that may be used."""
        for assumption in self.context.assumptions:
            used = assumed(self.now, assumption)
            if used is not self.now:
                self.used.append(assumption)
                self.line(
                    used,
                    "assumption",
                    conditions=[assumption],
                    why=_reason(assumption.reason),
                )
                self.line(tidy(self.now), "collect")

    def know(self) -> None:
        """Use what is known of the tensors: symmetric matrices, rows whose sum is known."""
        total, used = self.context.facts.totalled(self.now)
        if total is not self.now:
            self.used += used
            self.line(total, "total", conditions=used)
            self.line(tidy(self.now), "collect")
        letters = letters_of(self.start)
        if isinstance(self.start, Partial) and isinstance(self.start.wrt, Ref):
            letters = letters_of(self.start.body, self.start.wrt)
        turned = self.context.facts.symmetrised(self.now, letters)
        if turned is not self.now:
            self.line(turned, "symmetry")

    def insert(self, ready: Definition) -> None:
        """Put what was found in the place of its name; the assumptions that it was written under come with it."""
        short = insert(self.now, ready)
        if short is not self.now:
            self.used += ready.under
            self.line(short, "insert")

    def defines(self, tensor: Tensor, letters: tuple[Letter, ...]) -> Definition:
        """The definition that the chain ends in."""
        return Definition(tensor, letters, self.now, tuple(dict.fromkeys(self.used)))

    def chain(self, name: Ref | None, note: Text = ("", "")) -> Chain:
        return Chain(self.start, tuple(self.steps), name, note, self.within)


def _reason(text: Text) -> Text | None:
    return text if any(text) else None


def tensors_of(program: Program, names: Wanted) -> tuple[Tensor, ...]:
    listed = (names,) if isinstance(names, (str, Tensor)) else tuple(names)
    found = []
    for one in listed:
        tensor = program.tensor(one) if isinstance(one, str) else one
        if tensor not in program.inputs and program.definition(tensor) is None:
            raise NotationError(f"{tensor.name!r} is not part of this program")
        if tensor.below is not None:
            raise NotationError(f"{tensor.name!r} holds integers: there is no derivative by it")
        found.append(tensor)
    if not found:
        raise NotationError("name at least one tensor to differentiate by")
    return tuple(found)


def refuse_assumed(context: Context, wrt: Iterable[Tensor], outputs: Iterable[Tensor]) -> None:
    """Refuse to differentiate what an assumption was used for that does not hold nearby. Raises: NotationError."""
    needed = needed_for(context.program, outputs)
    for tensor in wrt:
        moving = context.dependents(tensor)
        for d in context.program.definitions():
            for a in d.under:
                if d.tensor in needed & moving and not moving.isdisjoint(a.tensors):
                    raise NotationError(
                        f"{d.tensor.name!r} was written with the assumption {a!r}, which need not hold where "
                        f"{tensor.name!r} moves: differentiate the program without this assumption, or take hessian, "
                        "hvp or taylor of the forward program"
                    )


def letters_for(program: Program, tensor: Tensor) -> tuple[Letter, ...]:
    """Letters for the axes of a tensor, named as where it is defined or first read.

    An axis that is read at an affine index takes a name of its own, ``x[m, b, s·i + u - p]`` is ``x[m, b, y]``.
    """
    source = program.definition(tensor)
    if source is not None:
        return tuple(fresh(source.letters).values())
    names: list[str] = ["ijklmpqrs"[k] if k < 9 else f"i{k}" for k in range(len(tensor.axes))]
    tensors = {t.name for t in (*program.inputs, *(d.tensor for d in program.definitions()))}
    for d in program.definitions():
        if tensor not in d.body.tensors:
            continue
        here = {x.name for x in d.letters} | {x.name for node in walk(d.body) for x in node.bound()}
        reading = next(node for node in walk(d.body) if isinstance(node, Ref) and node.tensor is tensor)
        plain = [i.letter.name if i.letter is not None else "" for i in reading.indices]
        pool = itertools.chain("abcdefgpqrsyz", (f"a{k}" for k in itertools.count(1)))
        spare = (x for x in pool if x not in here and x not in tensors)
        names = [x if x and x not in plain[:k] else next(spare) for k, x in enumerate(plain)]
        break
    return tuple(Letter(x, axis) for x, axis in zip(names, tensor.axes, strict=True))


# ------------------------------------------------------------------------------------------------- backward sweep


class Backward:
    """The reverse sweep of a program from a seed."""

    def __init__(
        self,
        program: Program,
        wrt: tuple[Tensor, ...],
        seeds: Mapping[Tensor, Tensor | None],
        of: Node,
        within: Program | None = None,
        *,
        words: Vocabulary,
        again: tuple[Tensor, ...] = (),
    ) -> None:
        self.words = words
        self.within = within or program
        self.program = program
        self.wrt = wrt
        self.of = of
        self.seeds = seeds
        definitions = list(program.definitions())
        self.context = Context(program, (*definitions, *words.definitions), again)
        refuse_assumed(self.context, wrt, seeds)
        moving: set[Tensor] = set()
        for tensor in wrt:
            moving |= self.context.dependents(tensor)
        self.relevant = needed_for(program, seeds) & moving
        self.cotangents: dict[Tensor, Tensor] = {}
        for tensor in [*(d.tensor for d in definitions), *program.inputs]:
            if tensor in self.relevant:
                self.cotangents[tensor] = words.tensor(f"d_{tensor.name}", tensor.axes, tensor, "cotangent")
        self.readers: dict[Tensor, list[Definition]] = {}
        for d in definitions:
            if d.tensor in self.relevant:
                for tensor in d.body.tensors & self.relevant:
                    self.readers.setdefault(tensor, []).append(d)
        self.found: dict[Tensor, Definition] = {}
        self.chains: list[Chain] = []
        self.items: list[Definition | Recurrence] = []
        self.grouped = {d.tensor for item in program.items if isinstance(item, Recurrence) for d in item.members}

    def sweep(self) -> None:
        for item in reversed(self.program.items):
            if isinstance(item, Definition):
                if item.tensor in self.relevant and (item.tensor in self.readers or item.tensor in self.wrt):
                    self.items.append(self.cotangent(item.tensor))
                continue
            members = [d for d in reversed(item.members) if d.tensor in self.relevant]
            if members:
                axes = tuple(item.axes[item.members.index(d)] for d in members)
                group = Recurrence(tuple(self.cotangent(d.tensor) for d in members), axes, not item.backwards)
                check_order(group)
                self.items.append(group)
        for tensor in self.wrt:
            if tensor in self.program.inputs:
                self.items.append(self.cotangent(tensor))

    def cotangent(self, tensor: Tensor) -> Definition:
        """The chain that finds the cotangent of a tensor, and its definition."""
        letters = letters_for(self.program, tensor)
        entry = tensor[letters]
        if tensor not in self.cotangents:
            self.cotangents[tensor] = self.words.tensor(f"d_{tensor.name}", tensor.axes, tensor, "cotangent")
        mine = self.cotangents[tensor]
        lines = Lines(Partial(self.of, entry, total=True), self.context, self.within)
        readers = self.readers.get(tensor, [])
        uses = []
        for d in readers:
            own = tuple(fresh(d.letters).values())
            uses.append((d, own))
        seed = self._seed(tensor, letters)
        opened = add(*seed, *(self._use(d, own, Ref(d.tensor, tuple(map(as_index, own))), entry) for d, own in uses))
        if not readers and seed:
            lines.line(opened, "seed")
        elif not readers:
            lines.line(ZERO, "constant")
        else:
            if not isinstance(opened, Partial):
                lines.line(opened, "chain")
            lines.line(add(*seed, *(self._use(d, own, d.at(*own), entry) for d, own in uses)), "definition")
        lines.carry_out()
        lines.shorten()
        for d in readers:
            ready = self.found.get(d.tensor)
            if ready is None or not self._read_once(d):
                continue
            inserted = insert(lines.now, ready)
            if inserted is not lines.now and (light(ready.body) or _shortens(inserted, ready, lines.now)):
                lines.insert(ready)
                lines.shorten()
        self.chains.append(lines.chain(mine[letters]))
        made = lines.defines(mine, letters)
        self.found[tensor] = made
        return made

    def _seed(self, tensor: Tensor, letters: tuple[Letter, ...]) -> list[Node]:
        if tensor not in self.seeds:
            return []
        given = self.seeds[tensor]
        return [number(1) if given is None else given[letters]]

    def _use(self, d: Definition, own: tuple[Letter, ...], body: Node, entry: Ref) -> Node:
        partial = Partial(body, entry)
        upstream: Node
        if self.seeds.get(d.tensor, False) is None and d.tensor not in self.readers:
            upstream = number(1)
        else:
            upstream = self.cotangents[d.tensor][own]
        product = mul(upstream, partial)
        return Sum(*own, product) if own else product

    def _read_once(self, d: Definition) -> bool:
        """Whether one chain only reads a cotangent, and no recurrence computes it: it may stand for its name."""
        return d.tensor not in self.grouped and len(d.body.tensors & self.relevant) == 1

    def derivation(self, kind: str, inputs: tuple[Tensor, ...]) -> Derivation:
        outputs = tuple(self.cotangents[t] for t in self.wrt)
        derived = pruned(inputs, (*self.program.items, *self.items), outputs, self.program, self.words)
        return Derivation(kind, self.within, self.wrt, tuple(self.chains), derived)


# How much a cotangent may hold that is inserted to see whether it cancels.
LARGE = 60


def _shortens(inserted: Node, ready: Definition, named: Node) -> bool:
    """Whether a result becomes shorter with a cotangent in the place of its name."""
    return light(ready.body, LARGE) and length(tidy(contract(inserted))) < length(named)


def pruned(
    inputs: tuple[Tensor, ...],
    items: Sequence[Definition | Recurrence],
    outputs: tuple[Tensor, ...],
    source: Program,
    words: Vocabulary,
) -> Program:
    """The program of those items, and of the names for what is repeated, that the outputs need."""
    kept = needed_items(placed(items, words.definitions), outputs)
    return Program(inputs, kept, outputs, source.assumptions, constants=source.constants)


def needed_for(program: Program, outputs: Iterable[Tensor]) -> set[Tensor]:
    """The tensors that the outputs are computed from, themselves included."""
    wanted = set(outputs)
    items = needed_items(program.items, wanted)
    return wanted.union(t for item in items for d in item.members for t in (d.tensor, *d.body.tensors))


@lru_cache(maxsize=100)
def lemma(function: OverAxes) -> Chain:
    """The law of a macro, proved from its expansion by the other laws."""
    whole, body = spelled_out(function)
    assert isinstance(whole.arguments[0], Ref)
    z, at = whole.arguments[0].tensor, whole.at
    column = tuple(map(Letter, "kqr", z.axes))
    y = Tensor("p" if function.name == "softmax" else "y", z.axes if at else ())
    spelled = Definition(y, tuple(index.letter for index in at if index.letter is not None), body)
    inputs = tuple(a.tensor for a in whole.arguments if isinstance(a, Ref))
    program = Program(inputs, (spelled,), (y,))
    context = Context(program, [spelled])
    left = Ref(y, at)
    lines = Lines(Partial(left, z[column], total=True), context)
    lines.line(Partial(spelled.body, z[column], total=True), "expand", functions=(function,))
    lines.carry_out()
    lines.shorten()
    lines.line(fold(lines.now, context.named), "name")
    lines.shorten()
    # the law as the table states it, by one rewrite and contraction
    (law,) = (rule for rule in LAWS if rule.name == "along_axes")
    assert law.rewrite is not None
    bare = Context(Program(inputs, (), (z,)))
    stated = law.rewrite(Partial(whole, z[column]), bare)
    assert stated is not None
    closing = Lines(stated, bare)
    closing.carry_out()
    closing.shorten()
    lines.line(fold(closing.now, Names([Definition(y, spelled.letters, whole)])), "expand")
    made = Tensor(f"jac_{y.name}_z", (*y.axes, *z.axes), primal=y, role="jacobian")
    value = quoted(y.name)
    told = f"`z` is any argument, {value} its {function.name}", f"`z` 为任意自变量, {value} 为其 {function.name}"
    return lines.chain(Ref(made, (*at, *map(as_index, column))), told)
