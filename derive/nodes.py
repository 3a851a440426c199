"""The expression tree in index notation: tensors, and the closed set of nodes.

Data
    ``Tensor``   a named array with a shape of sizes.
    ``Node``     the closed set of expressions: Number, Position, Ref, Sum, Add, Mul, Pow, Apply, Bracket,
                 Over, Partial. Terms and factors keep the order in which the author wrote them.

Nodes are immutable. ``node.free`` is the set of its free letters, ``node.tensors`` the tensors it reads, and
``as_node`` says what counts as a node. Sums, products and powers are made in ``notation``; passes over the tree are
in ``tree``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar

import sympy

from derive.errors import NotationError
from derive.index import Index, IntegerNode, Letter, Quotient, as_index
from derive.operators import Operators
from derive.prose import check_prose
from derive.size_algebra import Size

if TYPE_CHECKING:
    from derive.definitions import Definition, Recurrence
    from derive.functions import Elementwise
    from derive.over_axes import OverAxes

__all__ = [
    "Add", "Apply", "Bracket", "Mul", "Node", "Number", "Over", "Partial", "Position", "Pow", "Ref", "Sum", "Tangent",
    "Tensor", "as_node", "entry_text", "factors_of", "is_one", "is_zero", "number", "shape_text", "terms_of",
]  # fmt: skip

EMPTY: frozenset[Any] = frozenset()


# ------------------------------------------------------------------------------------------------- tensors


class Tensor(Operators):
    """A named array. ``shape`` is None for a name that is still to be defined.

    ``below`` makes it an integer tensor with values in ``0 … below-1``. ``meaning`` is prose for the set-up,
    English and Chinese. ``primal`` names the tensor whose cotangent (``role`` "cotangent") or tangent this is; the
    ``role`` "output" is that of a value which its author gave no name.
    ``domain`` says where its entries lie: one of the domains in ``verify.sampling``.
    """

    __slots__ = ("below", "definition", "domain", "meaning", "name", "primal", "role", "shape")

    def __init__(
        self,
        name: str,
        shape: tuple[Size, ...] | None = None,
        *,
        below: Size | None = None,
        domain: str = "real",
        meaning: str | tuple[str, str] = "",
        primal: Tensor | None = None,
        role: str = "",
    ) -> None:
        self.name = name
        self.shape = shape
        self.below = below
        self.domain = domain
        self.meaning = meaning
        check_prose(meaning, f"the meaning of {name!r}")
        self.primal = primal
        self.role = role
        self.definition: Definition | Recurrence | None = None

    def __repr__(self) -> str:
        return self.name

    @property
    def axes(self) -> tuple[Size, ...]:
        """The shape, once it is known."""
        if self.shape is None:
            raise NotationError(
                f"unknown name {self.name!r}: it is neither declared with tensor(...) nor defined before"
            )
        return self.shape

    def __getitem__(self, indices: object) -> Ref:
        parts = indices if isinstance(indices, tuple) else (indices,)
        if self.shape is not None and len(parts) != len(self.shape):
            raise NotationError(
                f"{self.name!r} has {len(self.shape)} axes {shape_text(self.shape)} but is written with "
                f"{len(parts)} {'index' if len(parts) == 1 else 'indices'}: {self.name}{list(parts)}"
            )
        return Ref(self, tuple(as_index(part) for part in parts))


def shape_text(shape: Sequence[Size]) -> str:
    """A shape as it is written in messages."""
    return "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"


def entry_text(entry: Ref) -> str:
    """An entry as it is written in messages."""
    return f"{entry.tensor.name}[{', '.join(map(repr, entry.indices))}]"


# --------------------------------------------------------------------------------------------------- nodes


class Node(Operators, IntegerNode):
    """An expression. The subclasses below are all there are."""

    __slots__ = ("_free", "_hash", "_key", "_tensors")

    def __init__(self) -> None:
        self._hash: int | None = None
        self._free: frozenset[Letter] | None = None
        self._tensors: frozenset[Tensor] | None = None
        self._key: object = None

    def parts(self) -> tuple[Any, ...]:
        """What makes this node what it is, for equality."""
        raise NotImplementedError

    def children(self) -> tuple[Node, ...]:
        """The nodes directly below this one, those inside its indices included."""
        return ()

    def bound(self) -> tuple[Letter, ...]:
        """The letters that this node binds."""
        return ()

    def indices_here(self) -> tuple[Index, ...]:
        """The indices that this node itself holds."""
        return ()

    @property
    def free(self) -> frozenset[Letter]:
        """The free letters."""
        if self._free is None:
            found: frozenset[Letter] = EMPTY
            for child in self._scoped():
                found |= child.free
            bound = self.bound()
            if bound:
                found = found.difference(bound)
            for index in self.indices_here():
                found |= index.free
            self._free = found
        return self._free

    def _scoped(self) -> tuple[Node, ...]:
        return self.children()

    @property
    def tensors(self) -> frozenset[Tensor]:
        """All tensors that this node reads, integer tensors in indices included."""
        if self._tensors is None:
            found: frozenset[Tensor] = EMPTY
            for child in self.children():
                found |= child.tensors
            for index in self.indices_here():
                found |= _index_tensors(index)
            self._tensors = found
        return self._tensors

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return type(self) is type(other) and hash(self) == hash(other) and self.parts() == other.parts()

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash((type(self).__name__, self.parts()))
        return self._hash

    def to_sympy(self) -> Any:
        """The node as a SymPy expression with ``Indexed`` entries, sums and deltas."""
        from derive.symbolic import index_form

        return index_form(self)

    def __repr__(self) -> str:
        from derive.render.text import plain

        return plain(self)

    def _repr_latex_(self) -> str:
        """What a notebook shows."""
        from derive.render.tex import latex_math

        return f"$\\displaystyle {latex_math(self)}$"


def _index_tensors(index: Index) -> frozenset[Tensor]:
    found: frozenset[Tensor] = EMPTY
    for atom, _ in index.terms:
        if isinstance(atom, Quotient):
            found |= _index_tensors(atom.index)
        elif isinstance(atom, Node):
            found |= atom.tensors
    return found


class Number(Node):
    """A number, or an expression in sizes such as ``1/(n-1)`` or ``1/sqrt(d)``. ``value`` is a SymPy expression."""

    __slots__ = ("value",)

    def __init__(self, value: sympy.Expr) -> None:
        super().__init__()
        self.value = value

    def parts(self) -> tuple[Any, ...]:
        return (self.value,)


class Position(Node):
    """The value of an index, used as a number: ``k`` in ``k·p_k``."""

    __slots__ = ("index",)

    def __init__(self, index: Index) -> None:
        super().__init__()
        self.index = index

    def parts(self) -> tuple[Any, ...]:
        return (self.index,)

    def indices_here(self) -> tuple[Index, ...]:
        return (self.index,)


class Ref(Node):
    """An entry of a tensor: ``X[i, s*j + u]``."""

    __slots__ = ("indices", "tensor")

    def __init__(self, tensor: Tensor, indices: tuple[Index, ...]) -> None:
        super().__init__()
        self.tensor = tensor
        self.indices = indices

    @property
    def limit(self) -> Size | None:
        return self.tensor.below

    @property
    def tensors(self) -> frozenset[Tensor]:
        if self._tensors is None:
            found = frozenset((self.tensor,))
            for index in self.indices:
                found |= _index_tensors(index)
            self._tensors = found
        return self._tensors

    def parts(self) -> tuple[Any, ...]:
        return (self.tensor, self.indices)

    def indices_here(self) -> tuple[Index, ...]:
        return self.indices


class Sum(Node):
    """``Sum(j, k, body)``: the sum over letters. Letters that the body lacks multiply it by their sizes."""

    __slots__ = ("body", "letters")

    def __init__(self, *letters_and_body: Any) -> None:
        super().__init__()
        *bound, body = letters_and_body
        if not bound or not all(isinstance(x, Letter) for x in bound):
            raise NotationError("write sums as Sum(j, body) or Sum(j, k, body), with letters first")
        if len(set(bound)) != len(bound):
            raise NotationError(f"a sum runs over a letter once, not over {', '.join(x.name for x in bound)}")
        node = as_node(body)
        if isinstance(node, Sum) and not set(node.letters) & set(bound):
            bound, node = [*bound, *node.letters], node.body
        self.letters: tuple[Letter, ...] = tuple(bound)
        self.body: Node = node

    def parts(self) -> tuple[Any, ...]:
        return (self.letters, self.body)

    def children(self) -> tuple[Node, ...]:
        return (self.body,)

    def bound(self) -> tuple[Letter, ...]:
        return self.letters


class Add(Node):
    """A sum of terms, in the author's order. Made by ``add``."""

    __slots__ = ("terms",)

    def __init__(self, terms: tuple[Node, ...]) -> None:
        super().__init__()
        self.terms = terms

    def parts(self) -> tuple[Any, ...]:
        return self.terms

    def children(self) -> tuple[Node, ...]:
        return self.terms


class Mul(Node):
    """A product of factors, numbers gathered in front, else in the author's order. Made by ``mul``."""

    __slots__ = ("factors",)

    def __init__(self, factors: tuple[Node, ...]) -> None:
        super().__init__()
        self.factors = factors

    def parts(self) -> tuple[Any, ...]:
        return self.factors

    def children(self) -> tuple[Node, ...]:
        return self.factors


class Pow(Node):
    """``base ** exponent``. Made by ``power``. Division is the exponent -1, a square root the exponent 1/2."""

    __slots__ = ("base", "exponent")

    def __init__(self, base: Node, exponent: Node) -> None:
        super().__init__()
        self.base = base
        self.exponent = exponent

    def parts(self) -> tuple[Any, ...]:
        return (self.base, self.exponent)

    def children(self) -> tuple[Node, ...]:
        return (self.base, self.exponent)


class Apply(Node):
    """An elementwise function of its arguments."""

    __slots__ = ("arguments", "function")

    def __init__(self, function: Elementwise, arguments: tuple[Node, ...]) -> None:
        super().__init__()
        self.function = function
        self.arguments = arguments

    def parts(self) -> tuple[Any, ...]:
        return (self.function, self.arguments)

    def children(self) -> tuple[Node, ...]:
        return self.arguments


class Bracket(Node):
    """Iverson's bracket of a relation between indices: 1 where it holds, else 0.

    An equality says where the entries agree, an inequality guards a range. What a false bracket multiplies is
    never read.
    """

    __slots__ = ("left", "relation", "right")
    RELATIONS: ClassVar[dict[str, str]] = {"=": "=", "≠": "≠", "<": ">", "≤": "≥", ">": "<", "≥": "≤"}

    def __init__(self, left: Index, relation: str, right: Index) -> None:
        super().__init__()
        if relation not in self.RELATIONS:
            raise NotationError(f"{relation!r} is not a relation between indices")
        self.left = left
        self.relation = relation
        self.right = right

    def difference(self) -> Index:
        """The form that is compared with zero: equal to 0, different from 0, or at least 0."""
        if self.relation in "=≠":
            return self.left - self.right
        if self.relation in "≥>":
            return self.left - self.right - (1 if self.relation == ">" else 0)
        return self.right - self.left - (1 if self.relation == "<" else 0)

    def parts(self) -> tuple[Any, ...]:
        return (self.relation, self.left, self.right)

    def indices_here(self) -> tuple[Index, ...]:
        return (self.left, self.right)


class Over(Node):
    """A function along axes: ``softmax`` of ``arguments`` over ``letters``, its entry ``at`` an index.

    The letters are bound in the arguments only; ``at`` is outside their scope.
    """

    __slots__ = ("arguments", "at", "function", "letters")

    def __init__(
        self,
        function: OverAxes,
        letters: tuple[Letter, ...],
        arguments: tuple[Node, ...],
        at: tuple[Index, ...] = (),
    ) -> None:
        super().__init__()
        self.function = function
        self.letters = letters
        self.arguments = arguments
        self.at = at

    @property
    def limit(self) -> Size | None:
        return self.letters[0].length if self.function.integer else None

    @property
    def axes(self) -> tuple[Size | None, ...]:
        """The sizes of the axes of the value, one for each index in ``at``; None where not known yet."""
        along = tuple(x.size for x in self.letters)
        free = self.function.at - len(self.function.outputs)
        return self.function.outputs + (along if len(along) == free else along[:1] * free)

    def entry(self, *at: object) -> Over:
        """Another entry of the same vector or matrix: ``softmax(j, z[j]).entry(k)``."""
        return Over(self.function, self.letters, self.arguments, tuple(as_index(a) for a in at))

    def parts(self) -> tuple[Any, ...]:
        return (self.function, self.letters, self.arguments, self.at)

    def children(self) -> tuple[Node, ...]:
        return self.arguments

    def bound(self) -> tuple[Letter, ...]:
        return self.letters

    def indices_here(self) -> tuple[Index, ...]:
        return self.at


class Tangent:
    """The direction of a directional derivative: a tangent tensor for each tensor that moves."""

    __slots__ = ("tangents",)

    def __init__(self, tangents: Mapping[Tensor, Tensor]) -> None:
        self.tangents = dict(tangents)


class Partial(Node):
    """A derivative that is not carried out yet.

    ``wrt`` is an entry of a tensor, or a ``Tangent`` (a directional derivative). With ``total`` the body's
    tensors depend on ``wrt`` through the definitions of the program; without, only through what is written.
    """

    __slots__ = ("body", "total", "wrt")

    def __init__(self, body: Node, wrt: Ref | Tangent, *, total: bool = False) -> None:
        super().__init__()
        self.body = body
        self.wrt = wrt
        self.total = total

    def parts(self) -> tuple[Any, ...]:
        return (self.body, self.wrt, self.total)

    def children(self) -> tuple[Node, ...]:
        return (self.body,)

    def indices_here(self) -> tuple[Index, ...]:
        return self.wrt.indices if isinstance(self.wrt, Ref) else ()


# ------------------------------------------------------------------------------- what counts as a node


def number(value: object) -> Number:
    """A number or an expression in sizes. Decimal fractions are taken exactly as they are written."""
    if isinstance(value, Number):
        return value
    if isinstance(value, float):
        return Number(_exact(value))
    if isinstance(value, Fraction):
        return Number(sympy.Rational(value.numerator, value.denominator))
    if isinstance(value, Integral):
        return Number(sympy.Integer(int(value)))
    if isinstance(value, sympy.Expr):
        return Number(value)
    raise NotationError(f"{value!r} is not a number")


def _exact(value: float) -> sympy.Expr:
    if value != value:
        raise NotationError("nan is not a number")
    if abs(value) == float("inf"):
        return sympy.oo if value > 0 else -sympy.oo
    small = _small_fraction(value)
    if small is not None:
        return small
    written = repr(float(value))
    if sum(c.isdigit() for c in written.split("e")[0]) > 14:
        # a number that no one has written: a root or a multiple of pi, if it is one to the last digit
        for scale in (sympy.Integer(1), sympy.pi, 1 / sympy.pi):
            for power_of in (1, 2):
                found = _small_fraction(abs(value) ** power_of / float(scale), digits=15)
                if found is not None:
                    exact = (found * scale) ** sympy.Rational(1, power_of)
                    if abs(float(exact) - abs(value)) <= 4e-16 * abs(value):
                        return exact if value > 0 else -exact
    return sympy.Rational(written)


def _small_fraction(value: float, digits: int = 17) -> sympy.Rational | None:
    """The fraction with a small denominator that a float is; None where there is none."""
    small = Fraction(value).limit_denominator(1000)
    if abs(float(small) - value) <= 10.0 ** (1 - digits) * abs(value) * (digits < 17):
        return sympy.Rational(small.numerator, small.denominator)
    return None


ZERO = number(0)
ONE = number(1)


def as_node(value: object) -> Node:
    """Whatever a person may write in a formula, as a node."""
    if isinstance(value, Node):
        return value
    if isinstance(value, Tensor):
        if value.shape:
            raise NotationError(
                f"{value.name!r} has axes {shape_text(value.shape)}: write its indices, {value.name}[…]"
            )
        return Ref(value, ())
    if isinstance(value, (Letter, Index)):
        return Position(as_index(value))
    return number(value)


def is_zero(node: Node) -> bool:
    """Whether this is the number 0."""
    return isinstance(node, Number) and node.value.is_zero is True


def is_one(node: Node) -> bool:
    """Whether this is the number 1."""
    return isinstance(node, Number) and node.value == 1


def factors_of(node: Node) -> tuple[Node, ...]:
    """The factors of a product; a node that is no product is its only factor."""
    return node.factors if isinstance(node, Mul) else (node,)


def terms_of(node: Node) -> tuple[Node, ...]:
    """The terms of a sum; a node that is no sum is its only term."""
    return node.terms if isinstance(node, Add) else (node,)
