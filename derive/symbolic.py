"""Programs and nodes as SymPy: explicit components at given sizes, or index form with ``Indexed`` and ``Sum``.

The components are the exact witness of the engine: they are computed entry by entry with Python loops, share no code
with the NumPy evaluator or the rules, and ``sympy.diff`` differentiates them.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from functools import reduce
from typing import Any

import sympy

from derive.definitions import Definition
from derive.derivation import Chain, Step
from derive.errors import NotationError
from derive.index import Index, Letter, Quotient, Remainder
from derive.nodes import (
    Add,
    Apply,
    Bracket,
    Mul,
    Node,
    Number,
    Over,
    Partial,
    Position,
    Pow,
    Ref,
    Sum,
    Tensor,
    is_zero,
)
from derive.program import Program
from derive.size_algebra import Size, as_expression, evaluate_size
from derive.statements import Statement

__all__ = ["Components", "index_form"]

Sizes = dict[sympy.Symbol, int]
Place = tuple[int, ...]


class Components:
    """The entries of a program's tensors as SymPy expressions in the entries of its inputs.

    Entry (1, 2) of input ``X`` is the real symbol ``X_1_2``; ``values`` fixes inputs instead (integer tensors must be
    fixed). ``independent`` tensors keep symbols of their own although they are defined, so that one can
    differentiate by an intermediate result.
    """

    def __init__(
        self,
        program: Program,
        sizes: Sizes,
        values: Mapping[Tensor, Any] | None = None,
        independent: frozenset[Tensor] = frozenset(),
    ) -> None:
        self.program = program
        self.sizes = sizes
        self.values = dict(values or {})
        self.independent = independent
        self._memo: dict[tuple[Tensor, Place], sympy.Expr] = {}

    def shape(self, tensor: Tensor) -> Place:
        """The integer shape of a tensor."""
        return tuple(evaluate_size(axis, self.sizes) for axis in tensor.axes)

    def places(self, tensor: Tensor) -> list[Place]:
        """All index tuples of a tensor."""
        return list(itertools.product(*(range(k) for k in self.shape(tensor))))

    def symbol(self, tensor: Tensor, place: Place) -> sympy.Symbol:
        """The symbol of an input's entry; positive where the tensor's domain is."""
        positive = tensor.domain in ("positive", "simplex", "unit interval", "positive definite") or None
        if tensor.domain == "positive definite" and place[0] != place[1]:
            positive = None
        return sympy.Symbol("_".join([tensor.name, *map(str, place)]), real=True, positive=positive)

    def entry(self, tensor: Tensor, place: Place) -> sympy.Expr:
        """An entry of any tensor of the program."""
        if (tensor, place) in self._memo:
            return self._memo[tensor, place]
        source = None if tensor in self.independent else self.program.definition(tensor)
        if tensor in self.values:
            value = self.values[tensor][place]
            found = _exact(value.item() if hasattr(value, "item") else value)
        elif source is not None:
            found = self.node(source.body, dict(zip(source.letters, place, strict=True)))
        elif tensor.below is not None:
            raise NotationError(f"{tensor.name!r} holds integers: give its values")
        else:
            found = self.symbol(tensor, place)
        self._memo[tensor, place] = found
        return found

    def index(self, index: Index, at: dict[Letter, int]) -> int:
        """The integer that an index is."""
        total = evaluate_size(index.constant, self.sizes)
        for atom, coefficient in index.terms:
            if isinstance(atom, Letter):
                value = at[atom]
            elif isinstance(atom, Remainder):
                value = self.index(atom.index, at) % evaluate_size(atom.divisor, self.sizes)
            elif isinstance(atom, Quotient):
                value = self.index(atom.index, at) // evaluate_size(atom.divisor, self.sizes)
            else:
                assert isinstance(atom, Node)
                exact = self.node(atom, at)
                if not exact.is_Integer:
                    raise NotationError(f"{atom!r} is used as an index but is no known integer at these components")
                value = int(exact)
            total += evaluate_size(coefficient, self.sizes) * value
        return total

    def holds(self, bracket: Bracket, at: dict[Letter, int]) -> bool:
        """Whether a bracket is 1."""
        value = self.index(bracket.difference(), at)
        return value == 0 if bracket.relation == "=" else value != 0 if bracket.relation == "≠" else value >= 0

    def _ranges(self, letters: tuple[Letter, ...]) -> Any:
        return itertools.product(*(range(evaluate_size(x.length, self.sizes)) for x in letters))

    def node(self, node: Node, at: dict[Letter, int]) -> sympy.Expr:
        """The value of a node where its free letters have these values."""
        match node:
            case Number():
                return node.value.xreplace({s: sympy.Integer(n) for s, n in self.sizes.items()})
            case Position():
                return sympy.Integer(self.index(node.index, at))
            case Ref():
                return self.entry(node.tensor, tuple(self.index(i, at) for i in node.indices))
            case Add():
                return sympy.Add(*(self.node(t, at) for t in node.terms))
            case Mul():
                return self._product(node, at)
            case Pow():
                return self.node(node.base, at) ** self.node(node.exponent, at)
            case Apply():
                return node.function.sympy(*(self.node(a, at) for a in node.arguments))
            case Bracket():
                return sympy.Integer(int(self.holds(node, at)))
            case Sum():
                values = (self.node(node.body, {**at, **dict(zip(node.letters, place, strict=True))})
                          for place in self._ranges(node.letters))  # fmt: skip
                return sympy.Add(*values)
            case Over():
                return self._over(node, at)
            case Partial():
                raise NotationError(f"{node!r} is not carried out, so it has no components here")
        raise NotImplementedError(type(node).__name__)

    def _product(self, node: Mul, at: dict[Letter, int]) -> sympy.Expr:
        guards = [f for f in node.factors if isinstance(f, Bracket)]
        if not all(self.holds(g, at) for g in guards):
            return sympy.Integer(0)
        return reduce(
            lambda a, b: a * b, (self.node(f, at) for f in node.factors if f not in guards), sympy.Integer(1)
        )

    def _over(self, node: Over, at: dict[Letter, int]) -> sympy.Expr:
        if node.function.sympy is None:
            raise NotationError(f"{node.function.name} has no SymPy form")
        place = [self.index(i, at) for i in node.at]
        arguments = []
        for argument in node.arguments:
            flat = [
                self.node(argument, {**at, **dict(zip(node.letters, p, strict=True))})
                for p in self._ranges(node.letters)
            ]
            arguments.append(_nested(flat, [evaluate_size(x.length, self.sizes) for x in node.letters[1:]]))
        return node.function.sympy(*arguments, *place)


def _nested(flat: list[Any], widths: list[int]) -> list[Any]:
    """The entries as rows of that many, rows of rows for more axes."""
    for width in reversed(widths):
        flat = [flat[k : k + width] for k in range(0, len(flat), width)]
    return flat


def _exact(value: object) -> sympy.Expr:
    if isinstance(value, sympy.Expr):
        return value
    if isinstance(value, int):
        return sympy.Integer(value)
    if isinstance(value, float):
        return sympy.Float(value)
    raise NotationError(f"{value!r} is not a number")


# ------------------------------------------------------------------------------------------------------ index form


def index_form(subject: Node | Definition | Program | Statement | Step | Chain) -> Any:
    """``to_sympy()`` of everything that has it: sums, deltas and ``Indexed`` entries with symbolic sizes.

    A node is an expression; a definition, a statement and a step are relations; a program and a chain are lists of
    them. Symbol names are made from checked identifiers only. Functions along axes become undefined functions of an
    ``Indexed`` entry; letters that share a name are primed.
    """
    letters: dict[Letter, sympy.Idx] = {}
    match subject:
        case Program():
            return [index_form(d) for d in subject.definitions()]
        case Chain():
            return [index_form(step) for step in subject.steps]
        case Definition():
            return _related(_form(subject.left, letters), "=", _form(subject.body, letters))
        case Statement():
            return _related(_form(subject.left, letters), subject.relation, _form(subject.right, letters))
        case Step():
            if isinstance(subject.before, Statement) or isinstance(subject.after, Statement):
                return sympy.Implies(index_form(subject.before), index_form(subject.after), evaluate=False)
            return _related(_form(subject.before, letters), subject.relation, _form(subject.after, letters))
        case Node():
            return _form(subject, letters)
    raise TypeError(f"{type(subject).__name__} has no SymPy form")


def _related(left: sympy.Expr, relation: str, right: sympy.Expr) -> Any:
    if relation == "≈":
        return sympy.Eq(left, right + sympy.Symbol("remainder"), evaluate=False)
    table = {"=": sympy.Eq, "≤": sympy.Le, "≥": sympy.Ge, ">": sympy.Gt, "<": sympy.Lt, "≠": sympy.Ne}
    return table[relation](left, right, evaluate=False)


def _idx(letter: Letter, letters: dict[Letter, sympy.Idx]) -> sympy.Idx:
    if letter not in letters:
        name = letter.name
        while any(str(i) == name for i in letters.values()):
            name += "'"
        # without its range: SymPy puts a size into the range of an Idx in a summand, not of the one summed over
        letters[letter] = sympy.Idx(name)
    return letters[letter]


def _sympy_size(value: Size) -> sympy.Expr:
    return as_expression(value)


def _index(index: Index, letters: dict[Letter, sympy.Idx]) -> sympy.Expr:
    total = _sympy_size(index.constant)
    for atom, coefficient in index.terms:
        if isinstance(atom, Letter):
            value = _idx(atom, letters)
        elif isinstance(atom, Remainder):
            value = sympy.Mod(_index(atom.index, letters), atom.divisor)
        elif isinstance(atom, Quotient):
            value = sympy.floor(_index(atom.index, letters) / atom.divisor)
        else:
            assert isinstance(atom, Node)
            value = _form(atom, letters)
        total += coefficient * value
    return total


def _form(node: Node, letters: dict[Letter, sympy.Idx]) -> sympy.Expr:
    match node:
        case Number():
            return node.value
        case Position():
            return _index(node.index, letters)
        case Ref():
            if not node.indices:
                return sympy.Symbol(node.tensor.name, real=True)
            base = sympy.IndexedBase(node.tensor.name, shape=tuple(map(_sympy_size, node.tensor.axes)))
            return base[tuple(_index(i, letters) for i in node.indices)]
        case Add():
            return sympy.Add(*(_form(t, letters) for t in node.terms))
        case Mul():
            return sympy.Mul(*(_form(f, letters) for f in node.factors))
        case Pow():
            return _form(node.base, letters) ** _form(node.exponent, letters)
        case Apply():
            return node.function.sympy(*(_form(a, letters) for a in node.arguments))
        case Bracket():
            left, right = _index(node.left, letters), _index(node.right, letters)
            relation = {
                "=": sympy.Eq,
                "≠": sympy.Ne,
                "<": sympy.Lt,
                "≤": sympy.Le,
                ">": sympy.Gt,
                "≥": sympy.Ge,
            }
            if node.relation == "=":
                return sympy.KroneckerDelta(left, right)
            return sympy.Piecewise((1, relation[node.relation](left, right)), (0, True))
        case Sum():
            inner = {x: _idx(x, letters) for x in node.letters}
            body = _form(node.body, letters)
            limits = [(i, 0, _sympy_size(x.length) - 1) for x, i in inner.items()]
            return sympy.Integer(0) if is_zero(node.body) else sympy.Sum(body, *limits)
        case Over():
            for x in node.letters:
                _idx(x, letters)
            arguments = [_form(a, letters) for a in node.arguments]
            function = sympy.Function(f"{node.function.name}_{'_'.join(x.name for x in node.letters)}")
            return function(*arguments, *(_index(i, letters) for i in node.at))
        case Partial():
            if not isinstance(node.wrt, Ref):
                return sympy.Function("D")(_form(node.body, letters))
            return sympy.Derivative(_form(node.body, letters), _form(node.wrt, letters), evaluate=False)
    raise NotImplementedError(type(node).__name__)
