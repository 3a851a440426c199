"""Equations as data, and as tokens of a pen: mathematics stays as trees until a format draws it."""

from __future__ import annotations

from dataclasses import dataclass

from derive.matrix import MatrixForm
from derive.nodes import Node, Ref, Tensor
from derive.render.mathematics import MatrixWriter, Scope, Side, Writer
from derive.render.naming import Names
from derive.render.runs import Run, Token

__all__ = ["Equation", "MatrixSide", "equation_tokens"]


@dataclass(frozen=True, eq=False)
class Equation:
    """``left relation right``; a continuation of the line before where ``left`` is None.

    ``remainder`` is the tensor and the order of what is left out by ``≈``.
    """

    left: Node | Side | None
    relation: str
    right: Node | Side
    names: Names
    remainder: tuple[Tensor, int] | None = None


@dataclass(frozen=True, eq=False)
class MatrixSide:
    """A result in matrix notation, ``name`` being the entry that it is called by."""

    form: MatrixForm
    name: Ref
    relation: str
    names: Names
    notes: tuple[str, ...] = ()


def equation_tokens(equation: Equation | MatrixSide, writer: Writer) -> tuple[Token, ...]:
    """An equation as tokens of a pen, to be broken into lines."""
    if isinstance(equation, MatrixSide):
        return _matrix_tokens(equation, writer)
    scope = Scope(equation.names)
    right = _side(equation.right, writer, scope)
    tokens: list[Token] = []
    if equation.left is not None:
        tokens += _side(equation.left, writer, scope).tokens
    if equation.left is not None or not _opens(equation):
        tokens.append(writer.pen.relation(equation.relation))
    tokens += right.tokens
    if equation.remainder is not None:
        tensor, order = equation.remainder
        tokens.append(writer.pen.sign(negative=False, leading=False))
        tokens += writer.remainder(tensor, order).tokens
    return tuple(tokens)


def _matrix_tokens(side: MatrixSide, writer: Writer) -> tuple[Token, ...]:
    matrices = MatrixWriter(writer.pen, side.names)
    left = side.form.left(side.name)
    start = () if left is None else matrices.write(left).tokens
    return (*start, writer.pen.relation(side.relation), *matrices.write(side.form.tree).tokens)


def _opens(equation: Equation) -> bool:
    """Whether this is the quantity that a chain without a name starts from."""
    return equation.left is None and equation.relation == ":="


def _side(side: Node | Side, writer: Writer, scope: Scope) -> Run:
    if isinstance(side, Node):
        return writer.node(side, Scope(scope.names.freed(side)))
    return writer.statement(side, Scope(scope.names.freed(side.left).freed(side.right)))
