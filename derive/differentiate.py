"""Program -> Derivation.

``gradient`` and ``vjp`` sweep backwards: the cotangent of ``x`` gathers ``Σ_I ȳ[I] ∂y[I]/∂x`` over every definition
that reads ``x``. ``jvp`` sweeps forwards. ``jacobian`` differentiates the formula itself (direct style). ``hessian``
and ``hvp`` differentiate the gradient's program, which is a program like any other. All use the same rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from derive.algebra import assumed, insert, light, tidy
from derive.contraction import contract
from derive.derivation import Chain, Derivation, Step, Text
from derive.errors import NotationError
from derive.notation import (
    ZERO,
    Elementwise,
    Letter,
    Node,
    OverAxes,
    Partial,
    Ref,
    Sum,
    Tangent,
    Tensor,
    add,
    as_index,
    fresh,
    mul,
    number,
)
from derive.program import Definition, Program, Recurrence, check_order
from derive.rules import Context, apply_rule
from derive.tree import key, walk

__all__ = ["gradient", "hessian", "hvp", "jacobian", "jvp", "vjp"]

Names = str | Tensor | Iterable[str | Tensor]


# ------------------------------------------------------------------------------------------ one line after another


class _Lines:
    """A chain while it is written."""

    def __init__(self, start: Node, context: Context) -> None:
        self.start = start
        self.now = start
        self.context = context
        self.steps: list[Step] = []

    def line(
        self,
        after: Node,
        rule: str,
        *,
        functions: Sequence[Elementwise | OverAxes] = (),
        conditions: Sequence[Text] = (),
        why: Text | None = None,
    ) -> None:
        """Write a line, unless it says what stands there already."""
        if after is self.now or key(after) == key(self.now):
            self.now = after if not self.steps else self.now
            return
        self.steps.append(
            Step(self.now, after, rule, functions=tuple(functions), conditions=tuple(conditions), why=why)
        )
        self.now = after

    def carry_out(self) -> None:
        """Differentiate until no derivative is open."""
        while True:
            used: list[Elementwise | OverAxes] = []
            found = apply_rule(self.now, self.context, used)
            if found is None:
                return
            rule, after = found
            conditions = [(f.condition, f.condition) for f in used if f.condition]
            self.line(after, rule.name, functions=used, conditions=conditions)

    def shorten(self) -> None:
        """Contract, collect, use the assumptions."""
        self.line(contract(self.now), "contract")
        self.line(tidy(self.now), "collect")
        for assumption in self.context.program.assumptions:
            used = assumed(self.now, assumption)
            if used is not self.now:
                self.line(
                    used,
                    "assumption",
                    conditions=[(repr(assumption), repr(assumption))],
                    why=_reason(assumption.reason),
                )
                self.line(tidy(self.now), "collect")

    def chain(self, name: Ref | None, note: Text = ("", "")) -> Chain:
        return Chain(self.start, tuple(self.steps), name, note, self.context.program)


def _reason(text: Text) -> Text | None:
    return text if any(text) else None


def _tensors(program: Program, names: Names) -> tuple[Tensor, ...]:
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


def _letters_for(program: Program, tensor: Tensor) -> tuple[Letter, ...]:
    """Letters for the axes of a tensor, named as where it is defined or first read.

    An axis that is read at an affine index takes a name of its own, ``x[m, b, s·i + u - p]`` is ``x[m, b, y]``.
    """
    source = program.definition(tensor)
    if source is not None:
        return tuple(fresh(source.letters).values())
    names: list[str] = []
    for d in program.definitions():
        if tensor not in d.body.tensors:
            continue
        here = {x.name for x in d.letters} | {x.name for node in walk(d.body) for x in node.bound()}
        reading = next(node for node in walk(d.body) if isinstance(node, Ref) and node.tensor is tensor)
        plain = [i.letter.name if i.letter is not None else "" for i in reading.indices]
        spare = iter(x for x in "yzpqrsabcdefg" if x not in here)
        names = [x if x and x not in plain[:k] else next(spare) for k, x in enumerate(plain)]
        break
    return tuple(Letter(x, axis) for x, axis in zip(names or "ijklmpqrs", tensor.axes, strict=False))


def _unique_name(text: str, taken: set[str]) -> str:
    while text in taken:
        text += "_"
    taken.add(text)
    return text


# ------------------------------------------------------------------------------------------------- backward sweep


class _Backward:
    """The reverse sweep of a program from a seed."""

    def __init__(
        self, program: Program, wrt: tuple[Tensor, ...], seeds: Mapping[Tensor, Tensor | None], of: Node
    ) -> None:
        self.program = program
        self.wrt = wrt
        self.of = of
        self.seeds = seeds
        definitions = list(program.definitions())
        self.context = Context(program, definitions)
        needed = set(seeds)
        for d in reversed(definitions):
            if d.tensor in needed:
                needed |= d.body.tensors
        for item in reversed(program.items):
            if isinstance(item, Recurrence) and any(d.tensor in needed for d in item.members):
                needed |= {t for d in item.members for t in (d.tensor, *d.body.tensors)}
        moving: set[Tensor] = set()
        for tensor in wrt:
            moving |= self.context.dependents(tensor)
        self.relevant = needed & moving
        taken = {t.name for t in (*program.inputs, *(d.tensor for d in definitions))}
        self.cotangents: dict[Tensor, Tensor] = {}
        for tensor in [*(d.tensor for d in definitions), *program.inputs]:
            if tensor in self.relevant:
                self.cotangents[tensor] = Tensor(
                    _unique_name(f"d_{tensor.name}", taken), tensor.axes, primal=tensor, role="cotangent"
                )
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
                if item.tensor in self.relevant and item.tensor in self.readers:
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
        letters = _letters_for(self.program, tensor)
        entry = tensor[letters]
        if tensor not in self.cotangents:
            self.cotangents[tensor] = Tensor(f"d_{tensor.name}", tensor.axes, primal=tensor, role="cotangent")
        mine = self.cotangents[tensor]
        lines = _Lines(Partial(self.of, entry, total=True), self.context)
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
            lines.line(opened, "chain")
            lines.line(add(*seed, *(self._use(d, own, d.at(*own), entry) for d, own in uses)), "definition")
        lines.carry_out()
        lines.shorten()
        for d in readers:
            ready = self.found.get(d.tensor)
            if ready is None or not self._inserted(d):
                continue
            short = insert(lines.now, ready)
            if short is not lines.now:
                lines.line(short, "insert")
                lines.shorten()
        self.chains.append(lines.chain(mine[letters]))
        made = Definition(mine, letters, lines.now)
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

    def _inserted(self, d: Definition) -> bool:
        """Whether a cotangent stands in place of its name: short, read by one chain only, outside recurrences."""
        readers = len(d.body.tensors & self.relevant)
        return d.tensor not in self.grouped and readers == 1 and light(self.found[d.tensor].body)

    def derivation(self, kind: str, inputs: tuple[Tensor, ...]) -> Derivation:
        outputs = tuple(self.cotangents[t] for t in self.wrt)
        derived = _pruned(inputs, (*self.program.items, *self.items), outputs, self.program)
        return Derivation(kind, self.program, self.wrt, tuple(self.chains), derived)


def _pruned(
    inputs: tuple[Tensor, ...],
    items: Sequence[Definition | Recurrence],
    outputs: tuple[Tensor, ...],
    source: Program,
) -> Program:
    """The program of those items that the outputs need."""
    needed = set(outputs)
    kept: list[Definition | Recurrence] = []
    for item in reversed(items):
        members = item.members if isinstance(item, Recurrence) else (item,)
        if any(d.tensor in needed for d in members):
            kept.append(item)
            for d in members:
                needed |= d.body.tensors
    return Program(inputs, tuple(reversed(kept)), outputs, source.assumptions)


def gradient(program: Program, wrt: Names, *, output: str | Tensor | None = None) -> Derivation:
    """The gradient of a scalar output: for each ``wrt`` an array of its shape, ``derived`` computing ``d_<name>``.

    Raises: NotationError when the output is no scalar or a name is unknown; MissingRuleError when an operation has
    no law.
    """
    target = _output(program, output)
    if target.axes:
        raise NotationError(f"{target.name!r} is no scalar but has axes {target.axes}: take vjp or jacobian")
    sweep = _Backward(program, _tensors(program, wrt), {target: None}, Ref(target, ()))
    sweep.sweep()
    return sweep.derivation("gradient", program.inputs)


def vjp(program: Program, wrt: Names, *, output: str | Tensor | None = None) -> Derivation:
    """The vector-Jacobian product: cotangents of ``wrt`` from that of the output, a new input ``d_<output>``."""
    target = _output(program, output)
    wanted = _tensors(program, wrt)
    taken = {t.name for t in (*program.inputs, *(d.tensor for d in program.definitions()))}
    seed = Tensor(_unique_name(f"d_{target.name}", taken), target.axes, primal=target, role="cotangent")
    letters = _letters_for(program, target)
    product = mul(seed[letters], target[letters])
    of = Sum(*letters, product) if letters else product
    sweep = _Backward(program, wanted, {target: seed}, of)
    sweep.cotangents[target] = seed
    if target not in sweep.readers:
        # the seed is the cotangent itself, there is nothing to derive for the output
        sweep.relevant.discard(target)
    else:
        sweep.cotangents[target] = Tensor(
            _unique_name(f"d_{target.name}_total", taken), target.axes, primal=target, role="cotangent"
        )
    sweep.sweep()
    return sweep.derivation("vjp", (*program.inputs, seed))


def _output(program: Program, output: str | Tensor | None) -> Tensor:
    if output is None:
        return program.output
    return program.tensor(output) if isinstance(output, str) else output


# -------------------------------------------------------------------------------------------------- forward sweep


def jvp(
    program: Program,
    wrt: Names,
    *,
    tangents: Mapping[Tensor, Tensor] | None = None,
    role: str = "tangent",
) -> Derivation:
    """The Jacobian-vector product: how the outputs move when ``wrt`` move along tangents, new inputs ``t_<name>``."""
    wanted = _tensors(program, wrt)
    taken = {t.name for t in (*program.inputs, *(d.tensor for d in program.definitions()))}
    moving: dict[Tensor, Tensor] = {}
    seeds: list[Tensor] = []
    for tensor in wanted:
        given = (tangents or {}).get(tensor)
        if given is None:
            given = Tensor(_unique_name(f"t_{tensor.name}", taken), tensor.axes, primal=tensor, role=role)
        moving[tensor] = given
        if given not in program.inputs:
            seeds.append(given)
    start = Tangent(dict(moving))
    context = Context(program, program.definitions())
    chains: list[Chain] = []
    items: list[Definition | Recurrence] = []
    needed = _needed(program, program.outputs)

    def tangent_of(d: Definition) -> Tensor:
        return Tensor(_unique_name(f"t_{d.tensor.name}", taken), d.tensor.axes, primal=d.tensor, role=role)

    def chain(d: Definition) -> Definition:
        own = tuple(fresh(d.letters).values())
        left = d.tensor[own]
        lines = _Lines(Partial(left, start, total=True), context)
        lines.line(Partial(d.at(*own), Tangent(moving)), "definition")
        lines.carry_out()
        lines.shorten()
        chains.append(lines.chain(moving[d.tensor][own]))
        return Definition(moving[d.tensor], own, lines.now)

    for item in program.items:
        members = item.members if isinstance(item, Recurrence) else (item,)
        if not any(d.tensor in needed for d in members):
            continue
        changed: list[Definition] = []
        grown = True
        while grown:
            grown = False
            for d in members:
                if d.tensor not in moving and not d.body.tensors.isdisjoint(moving):
                    moving[d.tensor] = tangent_of(d)
                    grown = True
        changed = [d for d in members if d.tensor in moving]
        if isinstance(item, Recurrence) and changed:
            axes = tuple(item.axes[item.members.index(d)] for d in changed)
            items.append(Recurrence(tuple(chain(d) for d in changed), axes, item.backwards))
        elif changed:
            items.append(chain(changed[0]))
    for tensor in program.outputs:
        if tensor not in moving:
            zero = Tensor(_unique_name(f"t_{tensor.name}", taken), tensor.axes, primal=tensor, role=role)
            moving[tensor] = zero
            own = _letters_for(program, tensor)
            lines = _Lines(Partial(tensor[own], start, total=True), context)
            lines.line(ZERO, "constant")
            chains.append(lines.chain(zero[own]))
            items.append(Definition(zero, own, ZERO))
    outputs = tuple(moving[t] for t in program.outputs)
    derived = _pruned((*program.inputs, *seeds), (*program.items, *items), outputs, program)
    return Derivation("jvp", program, wanted, tuple(chains), derived)


def _needed(program: Program, outputs: Iterable[Tensor]) -> set[Tensor]:
    needed = set(outputs)
    for item in reversed(program.items):
        members = item.members if isinstance(item, Recurrence) else (item,)
        if any(d.tensor in needed for d in members):
            for d in members:
                needed |= d.body.tensors | {d.tensor}
    return needed


# --------------------------------------------------------------------------------------------------- direct style


def jacobian(program: Program, wrt: Names, *, output: str | Tensor | None = None) -> Derivation:
    """All derivatives of an output by one tensor, output axes first: the formula itself is differentiated.

    Raises: NotationError when a recurrence stands between them (take vjp or jvp there).
    """
    target = _output(program, output)
    (tensor,) = _tensors(program, wrt)
    chains, made = _direct(program, target, tensor)
    derived = _pruned(program.inputs, (*program.items, made), (made.tensor,), program)
    return Derivation("jacobian", program, (tensor,), (chains,), derived)


def _direct(
    program: Program, target: Tensor, tensor: Tensor, role: str = "jacobian", text: str = ""
) -> tuple[Chain, Definition]:
    context = Context(program, program.definitions())
    for item in program.items:
        if isinstance(item, Recurrence):
            group = {d.tensor for d in item.members}
            if group & context.dependents(tensor) and group & _needed(program, (target,)):
                name = item.members[0].tensor.name
                raise NotationError(f"{name!r} is a recurrence: its Jacobian has no closed formula; take vjp or jvp")
    rows = _letters_for(program, target)
    columns = _letters_for(program, tensor)
    lines = _Lines(Partial(target[rows], tensor[columns], total=True), context)
    taken = {t.name for t in (*program.inputs, *(d.tensor for d in program.definitions()))}
    made = Tensor(
        _unique_name(text or f"jac_{target.name}_{tensor.name}", taken),
        target.axes + tensor.axes,
        primal=target,
        role=role,
    )
    while any(isinstance(n, Partial) for n in walk(lines.now)):
        used: list[Elementwise | OverAxes] = []
        found = apply_rule(lines.now, context, used)
        if found is None:
            break
        rule, after = found
        if rule.name == "definition" and lines.steps:
            lines.shorten()
            found = apply_rule(lines.now, context, used)
            if found is None:
                break
            rule, after = found
        lines.line(
            after,
            rule.name,
            functions=used,
            conditions=[(f.condition, f.condition) for f in used if f.condition],
        )
    lines.shorten()
    return lines.chain(made[rows + columns]), Definition(made, rows + columns, lines.now)


# -------------------------------------------------------------------------------------------------- second order


def _scalar_gradient(program: Program, tensor: Tensor, output: str | Tensor | None) -> tuple[Derivation, Tensor]:
    first = gradient(program, tensor, output=output)
    return first, first.derived.output


def hessian(program: Program, wrt: Names, *, output: str | Tensor | None = None) -> Derivation:
    """The Hessian of a scalar output by one tensor: the Jacobian of the gradient's program."""
    (tensor,) = _tensors(program, wrt)
    first, slope = _scalar_gradient(program, tensor, output)
    scalar = _output(program, output)
    chain, made = _direct(first.derived, slope, tensor, "hessian", f"hess_{scalar.name}_{tensor.name}")
    derived = _pruned(program.inputs, (*first.derived.items, made), (made.tensor,), program)
    return Derivation("hessian", program, (tensor,), (*first.chains, chain), derived)


def hvp(program: Program, wrt: Names, *, output: str | Tensor | None = None, style: str = "forward") -> Derivation:
    """The Hessian-vector product, ``v`` a new input of the shape of ``wrt``; linear in ``v``.

    ``style`` "forward" sweeps the gradient's program forwards along v, "reverse" sweeps ``⟨gradient, v⟩`` backwards.
    """
    (tensor,) = _tensors(program, wrt)
    first, slope = _scalar_gradient(program, tensor, output)
    taken = {t.name for t in (*first.derived.inputs, *(d.tensor for d in first.derived.definitions()))}
    v = Tensor(_unique_name("v", taken), tensor.axes, meaning=("direction", "方向"))
    if style == "forward":
        second = jvp(first.derived, tensor, tangents={tensor: v})
        chains, derived = second.chains, second.derived
    elif style == "reverse":
        letters = _letters_for(first.derived, slope)
        product = mul(slope[letters], v[letters])
        inner = Tensor(_unique_name("s", taken), ())
        items = (*first.derived.items, Definition(inner, (), Sum(*letters, product) if letters else product))
        paired = Program((*first.derived.inputs, v), items, (inner,), program.assumptions)
        second = gradient(paired, tensor)
        chains, derived = second.chains, second.derived
    else:
        raise NotationError(f'style is "forward" or "reverse", not {style!r}')
    return Derivation("hvp", program, (tensor,), (*first.chains, *chains), derived)
