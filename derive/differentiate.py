"""Program -> Derivation.

``gradient`` and ``vjp`` sweep backwards, ``jvp`` sweeps forwards, ``jacobian`` differentiates the formula itself
(direct style). ``hessian`` and ``hvp`` differentiate the gradient's program, ``taylor`` goes on along one direction:
what a sweep finds is a program like any other. All use the same rules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import sympy

from derive.closing import closed
from derive.definitions import Definition, Recurrence
from derive.derivation import Chain, Derivation, Step
from derive.direct import jacobian_of
from derive.errors import NotationError
from derive.forward import jvp_of
from derive.index import Index, Quotient, as_index
from derive.matching import insert
from derive.nodes import Node, Ref, Sum, Tensor, number
from derive.notation import add, mul
from derive.program import Program
from derive.prose import quoted
from derive.rules import Context
from derive.subjects import Assumptions, Shapes, Subject, is_function, program_of
from derive.sweeps import (
    Backward,
    Lines,
    Wanted,
    letters_for,
    pruned,
    tensors_of,
)
from derive.tree import map_indices, replace_tensors
from derive.vocabulary import Vocabulary, with_names

__all__ = ["gradient", "hessian", "hvp", "jacobian", "jvp", "mixed", "taylor", "vjp"]


def gradient(
    subject: Subject,
    wrt: Wanted,
    *,
    shapes: Shapes | None = None,
    assumptions: Assumptions | None = None,
    output: str | Tensor | None = None,
) -> Derivation:
    """The gradient of a scalar output: for each ``wrt`` an array of its shape, ``derived`` computing ``d_<name>``.

    The subject is a program, the id of an entry, or a NumPy function with the ``shapes`` of its arguments (and the
    ``assumptions`` about them); of a function the results are written in its own names.
    Raises: NotationError when the output is no scalar or a name is unknown; MissingRuleError when an operation has
    no law.
    """
    program = program_of(subject, shapes, assumptions)
    target = _output(program, output)
    wanted = tensors_of(program, wrt)
    return _with_names(subject, program, lambda words: _gradient(program, wanted, target, words))


def _with_names(subject: Subject, program: Program, derive: Callable[[Vocabulary], Derivation]) -> Derivation:
    """The derivation with names for what its result repeats; that of a function ends in the names of the function."""
    if not is_function(subject):
        return with_names(program, derive)
    return with_names(program, lambda words: closed(derive(words), words.definitions))


def _gradient(
    program: Program, wrt: tuple[Tensor, ...], target: Tensor, words: Vocabulary, again: tuple[Tensor, ...] = ()
) -> Derivation:
    if target.axes:
        raise NotationError(f"{target.name!r} is no scalar but has axes {target.axes}: take vjp or jacobian")
    sweep = Backward(program, wrt, {target: None}, Ref(target, ()), words=words, again=again)
    sweep.sweep()
    return sweep.derivation("gradient", program.inputs)


def vjp(
    subject: Subject,
    wrt: Wanted,
    *,
    shapes: Shapes | None = None,
    assumptions: Assumptions | None = None,
    output: str | Tensor | None = None,
) -> Derivation:
    """The vector-Jacobian product: cotangents of ``wrt`` from that of the output, a new input ``d_<output>``.

    The derivation is about the scalar ``L = ⟨d_output, output⟩``, whose gradients these are.
    """
    program = program_of(subject, shapes, assumptions)
    target = _output(program, output)
    wanted = tensors_of(program, wrt)
    return _with_names(subject, program, lambda words: _vjp(program, wanted, target, words))


def _vjp(program: Program, wanted: tuple[Tensor, ...], target: Tensor, words: Vocabulary) -> Derivation:
    seed = words.tensor(
        f"d_{target.name}",
        target.axes,
        target,
        "cotangent",
        meaning=("the gradient that arrives at the output", "到达输出的梯度"),
    )
    letters = letters_for(program, target)
    product = mul(seed[letters], target[letters])
    scalar = words.tensor("L", (), meaning=("the output paired with its cotangent", "输出与其余切的配对"))
    pairing = Definition(scalar, (), Sum(*letters, product) if letters else product)
    inputs = (*program.inputs, seed)
    paired = replace(program, inputs=inputs, items=(*program.items, pairing), outputs=(scalar,))
    sweep = Backward(program, wanted, {target: seed}, Ref(scalar, ()), paired, words=words)
    sweep.cotangents[target] = seed
    if target not in sweep.readers:
        # the seed is the cotangent itself, there is nothing to derive for the output
        sweep.relevant.discard(target)
    else:
        sweep.cotangents[target] = words.tensor(f"d_{target.name}_total", target.axes, target, "cotangent")
    sweep.sweep()
    return sweep.derivation("vjp", inputs)


def _output(program: Program, output: str | Tensor | None) -> Tensor:
    if output is None:
        return program.output
    return program.tensor(output) if isinstance(output, str) else output


# -------------------------------------------------------------------------------------------------- forward sweep


def jvp(
    subject: Subject,
    wrt: Wanted,
    *,
    shapes: Shapes | None = None,
    assumptions: Assumptions | None = None,
    tangents: Mapping[Tensor, Tensor] | None = None,
) -> Derivation:
    """The Jacobian-vector product: how the outputs move when ``wrt`` move along tangents, new inputs ``t_<name>``.

    ``tangents`` names tensors to move along instead.
    """
    program = program_of(subject, shapes, assumptions)
    wanted = tensors_of(program, wrt)
    return _with_names(subject, program, lambda words: jvp_of(program, wanted, tangents or {}, words))


# --------------------------------------------------------------------------------------------------- direct style


def jacobian(
    subject: Subject,
    wrt: Wanted,
    *,
    shapes: Shapes | None = None,
    assumptions: Assumptions | None = None,
    output: str | Tensor | None = None,
) -> Derivation:
    """All derivatives of an output by one tensor, output axes first: the formula itself is differentiated.

    On a long way, or through a recurrence, the Jacobians of the tensors in between get names.
    Raises: NotationError when the tensor is itself part of a recurrence (take vjp or jvp there).
    """
    program = program_of(subject, shapes, assumptions)
    target = _output(program, output)
    (tensor,) = tensors_of(program, wrt)

    def derive(words: Vocabulary) -> Derivation:
        found = jacobian_of(program, target, tensor, words)
        derived = pruned(program.inputs, (*program.items, *found.items), (found.tensor,), program, words)
        return Derivation("jacobian", program, (tensor,), found.chains, derived)

    return _with_names(subject, program, derive)


# -------------------------------------------------------------------------------------------------- second order


def hessian(
    subject: Subject,
    wrt: Wanted,
    *,
    shapes: Shapes | None = None,
    assumptions: Assumptions | None = None,
    output: str | Tensor | None = None,
) -> Derivation:
    """The Hessian of a scalar output by one tensor: the Jacobian of the gradient's program."""
    program = program_of(subject, shapes, assumptions)
    (tensor,) = tensors_of(program, wrt)
    return _second(subject, program, tensor, tensor, _output(program, output), "hessian")


def mixed(
    subject: Subject,
    first: str | Tensor,
    second: str | Tensor,
    *,
    shapes: Shapes | None = None,
    assumptions: Assumptions | None = None,
    output: str | Tensor | None = None,
) -> Derivation:
    """The second derivatives of a scalar output by two tensors: ``shape(first) + shape(second)``."""
    program = program_of(subject, shapes, assumptions)
    (one,), (two,) = tensors_of(program, first), tensors_of(program, second)
    return _second(subject, program, one, two, _output(program, output), "mixed")


def _second(subject: Subject, program: Program, one: Tensor, two: Tensor, scalar: Tensor, kind: str) -> Derivation:
    name = f"hess_{scalar.name}_{one.name}" + ("" if one is two else f"_{two.name}")

    def derive(words: Vocabulary) -> Derivation:
        first = _gradient(program, (one,), scalar, words, again=tuple(dict.fromkeys((one, two))))
        second = jacobian_of(first.derived, first.derived.output, two, words, "hessian", name)
        items = (*first.derived.items, *second.items)
        derived = pruned(program.inputs, items, (second.tensor,), program, words)
        wrt = tuple(dict.fromkeys((one, two)))
        return Derivation(kind, program, wrt, (*first.chains, *second.chains), derived)

    return _with_names(subject, program, derive)


def hvp(
    subject: Subject,
    wrt: Wanted,
    *,
    shapes: Shapes | None = None,
    assumptions: Assumptions | None = None,
    output: str | Tensor | None = None,
    style: str = "forward",
) -> Derivation:
    """The Hessian-vector product, ``v`` a new input of the shape of ``wrt``; linear in ``v``.

    ``style`` "forward" sweeps the gradient's program forwards along v, "reverse" sweeps ``⟨gradient, v⟩`` backwards.
    """
    program = program_of(subject, shapes, assumptions)
    (tensor,) = tensors_of(program, wrt)
    target = _output(program, output)
    if style not in ("forward", "reverse"):
        raise NotationError(f'style is "forward" or "reverse", not {style!r}')
    return _with_names(subject, program, lambda words: _hvp(program, tensor, target, style, words))


def _hvp(program: Program, tensor: Tensor, target: Tensor, style: str, words: Vocabulary) -> Derivation:
    first = _gradient(program, (tensor,), target, words, again=(tensor,))
    sloped = first.derived
    v = words.tensor("v", tensor.axes, meaning=("direction", "方向"))
    if style == "forward":
        second = jvp_of(sloped, (tensor,), {tensor: v}, words)
    else:
        letters = letters_for(sloped, sloped.output)
        product = mul(sloped.output[letters], v[letters])
        inner = words.tensor("s", ())
        items = (*sloped.items, Definition(inner, (), Sum(*letters, product) if letters else product))
        paired = Program((*sloped.inputs, v), items, (inner,), program.assumptions)
        second = _gradient(paired, (tensor,), inner, words)
    return Derivation("hvp", program, (tensor,), (*first.chains, *second.chains), second.derived)


def taylor(
    subject: Subject,
    about: Wanted,
    *,
    order: int = 2,
    shapes: Shapes | None = None,
    assumptions: Assumptions | None = None,
    output: str | Tensor | None = None,
) -> Derivation:
    """The Taylor polynomial of a scalar output about ``about``, at ``about + v``, with the order of its remainder.

    The expansion is that of ``φ(t) = f(x + t·v)``: its derivatives at 0 are found by sweeping forwards along v again
    and again. The result ``taylor_<output>`` is the polynomial; the last line says that f(x + v) differs from it by
    the Lagrange remainder ``φ^(k+1)(θ)/(k+1)!``, of order k + 1 in v.
    Raises: NotationError when the output is no scalar or the order is below 1.
    """
    if order < 1:
        raise NotationError(f"the order of a Taylor expansion is at least 1, not {order!r}")
    program = program_of(subject, shapes, assumptions)
    (tensor,) = tensors_of(program, about)
    target = _output(program, output)
    if target.axes:
        raise NotationError(f"{target.name!r} is no scalar: expand its entries one by one")
    return _with_names(subject, program, lambda words: _taylor(program, tensor, target, order, words))


def _taylor(program: Program, tensor: Tensor, target: Tensor, order: int, words: Vocabulary) -> Derivation:
    v = words.tensor("v", tensor.axes, meaning=("displacement", "位移"), domain="small")
    inputs = (*program.inputs, v)
    items = list(program.items)
    chains: list[Chain] = []
    terms: list[Node] = [Ref(target, ())]
    known: dict[Tensor, Tensor] = {}
    current = target
    for k in range(1, order + 1):
        here = Program(inputs, tuple(items), (current,), program.assumptions)
        along = jvp_of(here, (tensor,), {tensor: v}, words, known, again=(tensor,))
        chains += along.chains
        items += [item for item in along.derived.items if item not in items]
        found = [c.name.tensor for c in along.chains if c.name is not None]
        known.update({t.primal: t for t in found if t.primal is not None})
        current = along.derived.output
        terms.append(mul(number(1 / sympy.factorial(k)), Ref(current, ())))
    moved, shifted = _shifted(program, tensor, v, target, words)
    polynomial = add(*terms)
    made = words.tensor(f"taylor_{target.name}", (), target, "taylor")
    within = Program(inputs, (*items, *moved), (shifted,), program.assumptions)
    theorem = Step(Ref(shifted, ()), polynomial, "taylor", "≈", small=v, order=order + 1)
    chains.append(Chain(Ref(shifted, ()), (theorem,), within=within))
    written = polynomial
    for item in reversed(items):
        if isinstance(item, Definition) and item.tensor in known.values():
            written = insert(written, item)
    lines = Lines(polynomial, Context(within, words.definitions))
    lines.line(written, "insert")
    lines.assume()
    chains.append(lines.chain(Ref(made, ())))
    derived = pruned(inputs, (*items, lines.defines(made, ())), (made,), program, words)
    return Derivation("taylor", program, (tensor,), tuple(chains), derived)


def _shifted(
    program: Program, tensor: Tensor, v: Tensor, target: Tensor, words: Vocabulary
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
        if not any(d.tensor in context.dependents(tensor) for d in item.members):
            continue
        for d in item.members:
            text = f"{d.tensor.name}_shifted"
            here, there = quoted(d.tensor.name), quoted(f"{tensor.name} + {v.name}")
            place = f"{here} at {there}", f"{there} 处的 {here}"
            renamed[d.tensor] = words.tensor(text, d.tensor.axes, d.tensor, "shifted", place)
        items.append(item.replaced({d: move(d) for d in item.members}))
    return items, renamed.get(target, target)
