"""Functions of numbers, ``log x``, and along axes, ``softmax(x)_k``, ``max_j x_j``, ``(A^{-1})_ij``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from derive.index import Index, Letter
from derive.nodes import Add, Apply, Mul, Node, Over, Ref, Tensor, is_zero
from derive.over_axes import OVER
from derive.render.mathematics.brackets import write_comparison, write_condition
from derive.render.mathematics.indices import is_compact
from derive.render.mathematics.pen import DOT
from derive.render.naming import symbol_of, tensor_symbol
from derive.render.runs import ADD, ATOM, MUL, Run

if TYPE_CHECKING:
    from derive.render.mathematics.writer import Scope, Writer

__all__ = ["PREFIXES", "RAISED", "write_along_axes", "write_elementwise"]

BARE = frozenset({"log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arcsin", "arctan"})
"""Functions that an entry or a fraction follows without parentheses."""
RAISED = frozenset({"sin", "cos", "tan", "sinh", "cosh", "tanh"})
"""Functions whose power is written on their name."""
PREFIXES = frozenset({"max", "min", "argmax", "argmin"})


def write_elementwise(writer: Writer, node: Apply, scope: Scope, followed: bool) -> Run:
    """A function of numbers."""
    pen, name, arguments = writer.pen, node.function.name, node.arguments
    if name in ("greater", "greater_equal"):
        return pen.fence(write_comparison(writer, node, scope), "[")
    if name == "abs":
        return pen.fence(writer.node(arguments[0], scope), "|")
    if name == "where":
        condition, then, other = arguments
        return pen.cases(
            [
                (writer.node(then, scope), write_condition(writer, condition, scope)),
                (writer.node(other, scope), write_condition(writer, condition, scope, negated=True)),
            ]
        )
    if name == "exp":
        power = pen.exponential(writer.node(arguments[0], replace(scope, small=True)))
        if power is not None:
            return power
    function = pen.function(name, node.function.latex)
    if name in BARE and isinstance(arguments[0], (Ref, Mul)) and not followed:
        argument = writer.node(arguments[0], scope)
        if argument.level == ATOM or pen.is_fraction(argument):
            return Run((*function.tokens, pen.gap(), *argument.tokens), MUL, argument.height, open=True)
    call = pen.call(function, pen.listed([writer.node(a, scope) for a in arguments]))
    # log Γ is a logarithm: what comes next, and a power, would be read as its argument's
    return replace(call, level=MUL, open=True) if name == "gammaln" else call


def write_along_axes(writer: Writer, node: Over, scope: Scope, followed: bool) -> Run:
    """A function along axes, or an entry of what it returns."""
    pen, function = writer.pen, node.function
    inner = scope.bind(node.letters)
    if function.name not in OVER:
        return _unspecified(writer, node, scope)
    if function.name in PREFIXES:
        sign = pen.under(function.name, function.latex, writer.letters(node.letters, inner))
        body = writer.node(node.arguments[0], inner)
        simple = isinstance(node.arguments[0], Ref) and not followed
        body = body if simple else pen.fence(body)
        gap = (pen.gap(),) if simple else ()
        return Run((*sign.tokens, *gap, *body.tokens), MUL if simple else ATOM, max(1, body.height), open=simple)
    if function.name in ("inverse", "logdet", "det"):
        return _matrix_function(writer, node, scope)
    whole = _argument(writer, node, scope)
    if function.name == "norm":
        return pen.fence(whole if whole is not None else writer.node(node.arguments[0], inner), "‖")
    numbers = [writer.node(a, inner) for a in node.arguments[1:] if not is_zero(a)]
    if whole is not None:
        call = pen.call(pen.function(function.name, function.latex), pen.listed([whole, *numbers]))
    else:
        named = pen.under(function.name, function.latex, writer.letters(node.letters, inner))
        call = pen.call(named, pen.listed([writer.node(node.arguments[0], inner), *numbers]))
    return _entry(writer, call, node, scope)


def _entry(writer: Writer, value: Run, node: Over, scope: Scope) -> Run:
    if not node.at:
        return value
    return writer.pen.at(value, [writer.index(i, scope) for i in node.at], compact=is_compact(node.at, scope))


def _unspecified(writer: Writer, node: Over, scope: Scope) -> Run:
    """A function of which nothing is known; the last of its indices say by what it is differentiated."""
    pen, function = writer.pen, node.function
    at = [writer.index(i, scope) for i in node.at]
    order = len(node.at) - len(function.outputs)
    head = pen.symbol(symbol_of(function.latex))
    if order:
        slope = pen.slope(at[len(function.outputs) :])
        head = Run((*slope.tokens, *head.tokens), MUL)
    rows = at[: len(function.outputs)]
    if rows and order:
        head = pen.fence(head)
    if rows:
        head = pen.at(head, rows, compact=is_compact(node.at, scope))
    whole = _argument(writer, node, scope)
    argument = whole if whole is not None else writer.node(node.arguments[0], scope.bind(node.letters))
    call = pen.call(head, argument)
    return replace(call, level=MUL) if order and not rows else call


def _matrix_function(writer: Writer, node: Over, scope: Scope) -> Run:
    pen, name, argument = writer.pen, node.function.name, node.arguments[0]
    hat = "inverse" if name == "inverse" else ""
    if isinstance(argument, Ref):
        order = [i.letter for i in argument.indices if i.letter in node.letters]
        if order == list(reversed(node.letters)):
            hat = f"{hat} transposed".strip()
    whole = _whole(writer, node, scope, hat=hat)
    if whole is None:
        whole = _matrix_of(writer, node, scope)
        if name == "inverse":
            minus_one = Run((pen.sign(negative=True, leading=True), *pen.digits("1").tokens), ADD)
            whole = pen.raised(pen.fence(whole, "["), minus_one)
    if name == "inverse":
        return _entry(writer, pen.fence(whole), node, scope)
    determinant = Run((*pen.function("det", r"\det").tokens, pen.gap(), *whole.tokens), MUL)
    if name == "det":
        return replace(determinant, open=True)
    inside = pen.fence(determinant, "|")
    return Run((*pen.function("log", r"\log").tokens, *inside.tokens), ATOM, inside.height)


def _matrix_of(writer: Writer, node: Over, scope: Scope) -> Run:
    """The matrix whose entries are an expression: ``(A_ij + B_ij)_ij``."""
    inner = scope.bind(node.letters)
    inside = writer.pen.fence(writer.node(node.arguments[0], inner))
    return writer.pen.at(inside, writer.letters(node.letters, inner), compact=True)


def _argument(writer: Writer, node: Over, scope: Scope) -> Run | None:
    """What the function takes, as a whole; None where only its entries can be written."""
    whole = _whole(writer, node, scope)
    if whole is not None:
        return whole
    vector = _vector(node.arguments[0], node.letters)
    return None if vector is None else writer.node(vector, scope)


def _vector(node: Node, letters: Sequence[Letter]) -> Node | None:
    """``x + t v`` for ``x_i + t v_i``; None where entries do more than add up."""
    match node:
        case Ref() if [i.letter for i in node.indices] == list(letters):
            tensor = node.tensor
            return Ref(Tensor(tensor.name, (), primal=tensor.primal, role=tensor.role), ())
        case Add():
            terms = [_vector(term, letters) for term in node.terms]
            return None if None in terms else Add(tuple(t for t in terms if t is not None))
        case Mul():
            running = [m for m, factor in enumerate(node.factors) if not factor.free.isdisjoint(letters)]
            if len(running) == 1:
                whole = _vector(node.factors[running[0]], letters)
                if whole is not None:
                    return Mul(tuple(whole if m in running else f for m, f in enumerate(node.factors)))
    return None


def kept_indices(node: Over, *, transposed: bool = False) -> list[Index] | None:
    """The indices of the tensor that a function takes which it does not run over; None where it takes an expression.

    Where there are any, the axes that it runs over are written as dots.
    """
    argument = node.arguments[0]
    if not isinstance(argument, Ref):
        return None
    along = [i.letter for i in argument.indices if i.letter in node.letters]
    rest = [i for i in argument.indices if i.letter not in node.letters]
    if len(along) != len(node.letters) or any(not i.free.isdisjoint(node.letters) for i in rest):
        return None
    return None if along != list(node.letters) and not transposed else rest


def _whole(writer: Writer, node: Over, scope: Scope, hat: str = "") -> Run | None:
    """The tensor that the function takes, its own axes as dots; None where it takes an expression."""
    argument, rest = node.arguments[0], kept_indices(node, transposed="transposed" in hat)
    if rest is None or not isinstance(argument, Ref):
        return None
    dot = writer.pen.symbol(DOT)
    runs = [dot if i.letter in node.letters else writer.index(i, scope) for i in argument.indices]
    symbol = tensor_symbol(argument.tensor)
    return writer.pen.entry(symbol, runs if rest else [], compact=is_compact(rest, scope), hat=hat)
