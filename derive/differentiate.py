"""Program -> Derivation.

``gradient`` and ``vjp`` sweep backwards, ``jvp`` sweeps forwards, ``jacobian`` differentiates the formula itself
(direct style). ``hessian`` and ``hvp`` differentiate the gradient's program, ``taylor`` goes on along one direction:
what a sweep finds is a program like any other. All use the same rules.
"""

from __future__ import annotations

from collections.abc import Mapping

import sympy

from derive.algebra import insert
from derive.definitions import Definition, Recurrence
from derive.derivation import Chain, Derivation, Step
from derive.errors import NotationError
from derive.functions import Elementwise
from derive.index import Index, Quotient, as_index, fresh
from derive.nodes import ZERO, Node, Partial, Ref, Sum, Tangent, Tensor, number
from derive.notation import add, mul
from derive.over_axes import OverAxes
from derive.program import Program
from derive.rules import Context, apply_rule
from derive.sweeps import Backward, Lines, Wanted, letters_for, needed_for, pruned, tensors_of, unique_name
from derive.tree import map_indices, replace_tensors, walk

__all__ = ["gradient", "hessian", "hvp", "jacobian", "jvp", "taylor", "vjp"]


def gradient(program: Program, wrt: Wanted, *, output: str | Tensor | None = None) -> Derivation:
    """The gradient of a scalar output: for each ``wrt`` an array of its shape, ``derived`` computing ``d_<name>``.

    Raises: NotationError when the output is no scalar or a name is unknown; MissingRuleError when an operation has
    no law.
    """
    target = _output(program, output)
    if target.axes:
        raise NotationError(f"{target.name!r} is no scalar but has axes {target.axes}: take vjp or jacobian")
    sweep = Backward(program, tensors_of(program, wrt), {target: None}, Ref(target, ()))
    sweep.sweep()
    return sweep.derivation("gradient", program.inputs)


def vjp(program: Program, wrt: Wanted, *, output: str | Tensor | None = None) -> Derivation:
    """The vector-Jacobian product: cotangents of ``wrt`` from that of the output, a new input ``d_<output>``.

    The derivation is about the scalar ``L = ⟨d_output, output⟩``, whose gradients these are.
    """
    target = _output(program, output)
    wanted = tensors_of(program, wrt)
    taken = {t.name for t in (*program.inputs, *(d.tensor for d in program.definitions()))}
    seed = Tensor(
        unique_name(f"d_{target.name}", taken),
        target.axes,
        primal=target,
        role="cotangent",
        meaning=("the gradient that arrives at the output", "到达输出的梯度"),
    )
    letters = letters_for(program, target)
    product = mul(seed[letters], target[letters])
    scalar = Tensor(
        unique_name("L", taken), (), meaning=("the output paired with its cotangent", "输出与其余切的配对")
    )
    pairing = Definition(scalar, (), Sum(*letters, product) if letters else product)
    inputs = (*program.inputs, seed)
    paired = Program(inputs, (*program.items, pairing), (scalar,), program.assumptions)
    sweep = Backward(program, wanted, {target: seed}, Ref(scalar, ()), paired)
    sweep.cotangents[target] = seed
    if target not in sweep.readers:
        # the seed is the cotangent itself, there is nothing to derive for the output
        sweep.relevant.discard(target)
    else:
        sweep.cotangents[target] = Tensor(
            unique_name(f"d_{target.name}_total", taken), target.axes, primal=target, role="cotangent"
        )
    sweep.sweep()
    return sweep.derivation("vjp", inputs)


def _output(program: Program, output: str | Tensor | None) -> Tensor:
    if output is None:
        return program.output
    return program.tensor(output) if isinstance(output, str) else output


# -------------------------------------------------------------------------------------------------- forward sweep


def jvp(
    program: Program,
    wrt: Wanted,
    *,
    tangents: Mapping[Tensor, Tensor] | None = None,
    known: Mapping[Tensor, Tensor] | None = None,
) -> Derivation:
    """The Jacobian-vector product: how the outputs move when ``wrt`` move along tangents, new inputs ``t_<name>``.

    ``tangents`` names tensors to move along instead, ``known`` the tangents of defined tensors that exist already.
    """
    wanted = tensors_of(program, wrt)
    taken = {t.name for t in (*program.inputs, *(d.tensor for d in program.definitions()))}
    moving: dict[Tensor, Tensor] = {}
    seeds: list[Tensor] = []
    for tensor in wanted:
        given = (tangents or {}).get(tensor)
        if given is None:
            moves = ("the direction in which it moves", "变化的方向")
            name = unique_name(f"t_{tensor.name}", taken)
            given = Tensor(name, tensor.axes, primal=tensor, role="tangent", meaning=moves)
        moving[tensor] = given
        if given not in program.inputs:
            seeds.append(given)
    start = Tangent(dict(moving))
    moving.update(known or {})
    settled = frozenset(moving)
    context = Context(program, program.definitions())
    chains: list[Chain] = []
    items: list[Definition | Recurrence] = []
    needed = needed_for(program, program.outputs)

    def tangent_of(d: Definition) -> Tensor:
        return Tensor(unique_name(f"t_{d.tensor.name}", taken), d.tensor.axes, primal=d.tensor, role="tangent")

    def chain(d: Definition) -> Definition:
        own = tuple(fresh(d.letters).values())
        left = d.tensor[own]
        lines = Lines(Partial(left, start, total=True), context)
        lines.line(Partial(d.at(*own), Tangent(moving)), "definition")
        lines.carry_out()
        lines.shorten()
        chains.append(lines.chain(moving[d.tensor][own]))
        return Definition(moving[d.tensor], own, lines.now)

    for item in program.items:
        members = item.members if isinstance(item, Recurrence) else (item,)
        if not any(d.tensor in needed for d in members):
            continue
        grown = True
        while grown:
            grown = False
            for d in members:
                if d.tensor not in moving and not d.body.tensors.isdisjoint(moving):
                    moving[d.tensor] = tangent_of(d)
                    grown = True
        changed = [d for d in members if d.tensor in moving and d.tensor not in settled]
        if isinstance(item, Recurrence) and changed:
            axes = tuple(item.axes[item.members.index(d)] for d in changed)
            items.append(Recurrence(tuple(chain(d) for d in changed), axes, item.backwards))
        elif changed:
            items.append(chain(changed[0]))
    for tensor in program.outputs:
        if tensor not in moving:
            zero = Tensor(unique_name(f"t_{tensor.name}", taken), tensor.axes, primal=tensor, role="tangent")
            moving[tensor] = zero
            own = letters_for(program, tensor)
            lines = Lines(Partial(tensor[own], start, total=True), context)
            lines.line(ZERO, "constant")
            chains.append(lines.chain(zero[own]))
            items.append(Definition(zero, own, ZERO))
    outputs = tuple(moving[t] for t in program.outputs)
    derived = pruned((*program.inputs, *seeds), (*program.items, *items), outputs, program)
    return Derivation("jvp", program, wanted, tuple(chains), derived)


# --------------------------------------------------------------------------------------------------- direct style


def jacobian(program: Program, wrt: Wanted, *, output: str | Tensor | None = None) -> Derivation:
    """All derivatives of an output by one tensor, output axes first: the formula itself is differentiated.

    Raises: NotationError when a recurrence stands between them (take vjp or jvp there).
    """
    target = _output(program, output)
    (tensor,) = tensors_of(program, wrt)
    chains, made = _direct(program, target, tensor)
    derived = pruned(program.inputs, (*program.items, made), (made.tensor,), program)
    return Derivation("jacobian", program, (tensor,), (chains,), derived)


def _direct(
    program: Program, target: Tensor, tensor: Tensor, role: str = "jacobian", text: str = ""
) -> tuple[Chain, Definition]:
    context = Context(program, program.definitions())
    for item in program.items:
        if isinstance(item, Recurrence):
            group = {d.tensor for d in item.members}
            if group & context.dependents(tensor) and group & needed_for(program, (target,)):
                name = item.members[0].tensor.name
                raise NotationError(f"{name!r} is a recurrence: its Jacobian has no closed formula; take vjp or jvp")
    rows = letters_for(program, target)
    columns = letters_for(program, tensor)
    lines = Lines(Partial(target[rows], tensor[columns], total=True), context)
    taken = {t.name for t in (*program.inputs, *(d.tensor for d in program.definitions()))}
    made = Tensor(
        unique_name(text or f"jac_{target.name}_{tensor.name}", taken),
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
        )
    lines.shorten()
    return lines.chain(made[rows + columns]), Definition(made, rows + columns, lines.now)


# -------------------------------------------------------------------------------------------------- second order


def _scalar_gradient(program: Program, tensor: Tensor, output: str | Tensor | None) -> tuple[Derivation, Tensor]:
    first = gradient(program, tensor, output=output)
    return first, first.derived.output


def hessian(program: Program, wrt: Wanted, *, output: str | Tensor | None = None) -> Derivation:
    """The Hessian of a scalar output by one tensor: the Jacobian of the gradient's program."""
    (tensor,) = tensors_of(program, wrt)
    first, slope = _scalar_gradient(program, tensor, output)
    scalar = _output(program, output)
    chain, made = _direct(first.derived, slope, tensor, "hessian", f"hess_{scalar.name}_{tensor.name}")
    derived = pruned(program.inputs, (*first.derived.items, made), (made.tensor,), program)
    return Derivation("hessian", program, (tensor,), (*first.chains, chain), derived)


def hvp(program: Program, wrt: Wanted, *, output: str | Tensor | None = None, style: str = "forward") -> Derivation:
    """The Hessian-vector product, ``v`` a new input of the shape of ``wrt``; linear in ``v``.

    ``style`` "forward" sweeps the gradient's program forwards along v, "reverse" sweeps ``⟨gradient, v⟩`` backwards.
    """
    (tensor,) = tensors_of(program, wrt)
    first, slope = _scalar_gradient(program, tensor, output)
    taken = {t.name for t in (*first.derived.inputs, *(d.tensor for d in first.derived.definitions()))}
    v = Tensor(unique_name("v", taken), tensor.axes, meaning=("direction", "方向"))
    if style == "forward":
        second = jvp(first.derived, tensor, tangents={tensor: v})
        chains, derived = second.chains, second.derived
    elif style == "reverse":
        letters = letters_for(first.derived, slope)
        product = mul(slope[letters], v[letters])
        inner = Tensor(unique_name("s", taken), ())
        items = (*first.derived.items, Definition(inner, (), Sum(*letters, product) if letters else product))
        paired = Program((*first.derived.inputs, v), items, (inner,), program.assumptions)
        second = gradient(paired, tensor)
        chains, derived = second.chains, second.derived
    else:
        raise NotationError(f'style is "forward" or "reverse", not {style!r}')
    return Derivation("hvp", program, (tensor,), (*first.chains, *chains), derived)


def taylor(program: Program, about: Wanted, *, order: int = 2, output: str | Tensor | None = None) -> Derivation:
    """The Taylor polynomial of a scalar output about ``about``, at ``about + v``, with the order of its remainder.

    The expansion is that of ``φ(t) = f(x + t·v)``: its derivatives at 0 are found by sweeping forwards along v again
    and again. The result ``taylor_<output>`` is the polynomial; the last line says that f(x + v) differs from it by
    the Lagrange remainder ``φ^(k+1)(θ)/(k+1)!``, of order k + 1 in v.
    Raises: NotationError when the output is no scalar or the order is below 1.
    """
    if order < 1:
        raise NotationError(f"the order of a Taylor expansion is at least 1, not {order!r}")
    (tensor,) = tensors_of(program, about)
    target = _output(program, output)
    if target.axes:
        raise NotationError(f"{target.name!r} is no scalar: expand its entries one by one")
    taken = {t.name for t in (*program.inputs, *(d.tensor for d in program.definitions()))}
    v = Tensor(unique_name("v", taken), tensor.axes, meaning=("displacement", "位移"), domain="small")
    inputs = (*program.inputs, v)
    items = list(program.items)
    chains: list[Chain] = []
    terms: list[Node] = [Ref(target, ())]
    known: dict[Tensor, Tensor] = {}
    current = target
    for k in range(1, order + 1):
        here = Program(inputs, tuple(items), (current,), program.assumptions)
        along = jvp(here, tensor, tangents={tensor: v}, known=known)
        chains += along.chains
        items += [item for item in along.derived.items if item not in items]
        found = [c.name.tensor for c in along.chains if c.name is not None]
        known.update({t.primal: t for t in found if t.primal is not None})
        current = along.derived.output
        terms.append(mul(number(1 / sympy.factorial(k)), Ref(current, ())))
    moved, shifted = _shifted(program, tensor, v, target, taken)
    polynomial = add(*terms)
    made = Tensor(unique_name(f"taylor_{target.name}", taken), (), primal=target, role="taylor")
    within = Program(inputs, (*items, *moved), (shifted,), program.assumptions)
    theorem = Step(Ref(shifted, ()), polynomial, "taylor", "≈", small=v, order=order + 1)
    chains.append(Chain(Ref(shifted, ()), (theorem,), within=within))
    written = polynomial
    for item in reversed(items):
        if isinstance(item, Definition) and item.tensor in known.values():
            written = insert(written, item)
    spelled = Step(polynomial, written, "insert")
    chains.append(Chain(polynomial, (spelled,), Ref(made, ()), within=within))
    derived = pruned(inputs, (*items, Definition(made, (), written)), (made,), program)
    return Derivation("taylor", program, (tensor,), tuple(chains), derived)


def _shifted(
    program: Program, tensor: Tensor, v: Tensor, target: Tensor, taken: set[str]
) -> tuple[list[Definition | Recurrence], Tensor]:
    """The definitions with ``tensor + v`` for ``tensor``, under new names, and what the target becomes."""
    renamed: dict[Tensor, Tensor] = {}

    def shift(node: Node) -> Node:
        here = map_indices(node, shift_index, shift)
        if isinstance(here, Ref) and here.tensor is tensor:
            return add(here, Ref(v, here.indices))
        return here

    def shift_index(index: Index) -> Index:
        """Positions that are found, as by argmax, move along."""
        total = Index((), index.constant)
        for atom, coefficient in index.terms:
            if isinstance(atom, Quotient):
                moved = as_index(type(atom)(shift_index(atom.index), atom.divisor))
            else:
                moved = as_index(shift(atom) if isinstance(atom, Node) else atom)
            total = total.plus(moved.scaled(coefficient))
        return total

    def move(d: Definition) -> Definition:
        return Definition(renamed[d.tensor], d.letters, replace_tensors(shift(d.body), renamed))

    context = Context(program)
    items: list[Definition | Recurrence] = []
    for item in program.items:
        members = item.members if isinstance(item, Recurrence) else (item,)
        if not any(d.tensor in context.dependents(tensor) for d in members):
            continue
        for d in members:
            text = unique_name(f"{d.tensor.name}_shifted", taken)
            place = f"{d.tensor.name} at {tensor.name} + {v.name}", f"{tensor.name} + {v.name} 处的 {d.tensor.name}"
            renamed[d.tensor] = Tensor(text, d.tensor.axes, primal=d.tensor, role="shifted", meaning=place)
        if isinstance(item, Recurrence):
            items.append(Recurrence(tuple(move(d) for d in members), item.axes, item.backwards))
        else:
            items.append(move(members[0]))
    return items, renamed.get(target, target)
