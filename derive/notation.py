"""The expression tree in index notation: tensors, nodes, and the constructors people write formulas with.

Data
    ``Tensor``   a named array with a shape of sizes.
    ``Node``     the closed set of expressions: Number, Position, Ref, Sum, Add, Mul, Pow, Apply, Bracket,
                 Over, Partial. Terms and factors keep the order in which the author wrote them.

Nodes are immutable. ``node.free`` is the set of its free letters, ``node.tensors`` the tensors it reads. The three
most important functions are the constructors ``add``, ``mul`` and ``power``; passes over the tree are in ``tree``.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar

import sympy

from derive.errors import NotationError
from derive.index import (
    Atom,
    Index,
    IntegerNode,
    Letter,
    Quotient,
    Remainder,
    as_index,
    fresh,
    index_floor,
    index_mod,
    letter,
    letters,
)
from derive.prose import check_prose
from derive.size_algebra import Size, as_size

if TYPE_CHECKING:
    from derive.program import Definition, Recurrence

__all__ = [
    "Add", "Apply", "Atom", "Bracket", "Elementwise", "Index", "Letter", "Mul", "Node", "Number", "Over", "OverAxes",
    "Partial", "Position", "Pow", "Quotient", "Ref", "Remainder", "Sum", "Tangent", "Tensor", "add", "as_index",
    "as_node", "at_least", "at_most", "equal", "factors_of", "fresh", "index_floor", "index_mod", "is_one", "is_zero",
    "less", "letter", "letters", "mul", "name", "names", "number", "power", "shape_text", "tensor", "terms_of",
]  # fmt: skip

EMPTY: frozenset[Any] = frozenset()


# ------------------------------------------------------------------------------------------------- tensors


class _Arithmetic:
    """The operators people write formulas with; shared by nodes and scalar tensors."""

    __slots__ = ()

    def __add__(self, other: object) -> Node:
        return add(as_node(self), as_node(other))

    def __radd__(self, other: object) -> Node:
        return add(as_node(other), as_node(self))

    def __sub__(self, other: object) -> Node:
        return add(as_node(self), mul(number(-1), as_node(other)))

    def __rsub__(self, other: object) -> Node:
        return add(as_node(other), mul(number(-1), as_node(self)))

    def __mul__(self, other: object) -> Node:
        return mul(as_node(self), as_node(other))

    def __rmul__(self, other: object) -> Node:
        return mul(as_node(other), as_node(self))

    def __truediv__(self, other: object) -> Node:
        return mul(as_node(self), power(as_node(other), number(-1)))

    def __rtruediv__(self, other: object) -> Node:
        return mul(as_node(other), power(as_node(self), number(-1)))

    def __pow__(self, other: object) -> Node:
        return power(as_node(self), as_node(other))

    def __rpow__(self, other: object) -> Node:
        return power(as_node(other), as_node(self))

    def __neg__(self) -> Node:
        return mul(number(-1), as_node(self))

    def __pos__(self) -> Node:
        return as_node(self)

    def __abs__(self) -> Node:
        made: Node = _functions().absolute(self)
        return made

    def __gt__(self, other: object) -> Node:
        made: Node = _functions().greater(self, other)
        return made

    def __ge__(self, other: object) -> Node:
        made: Node = _functions().greater_equal(self, other)
        return made

    def __lt__(self, other: object) -> Node:
        made: Node = _functions().greater(other, self)
        return made

    def __le__(self, other: object) -> Node:
        made: Node = _functions().greater_equal(other, self)
        return made

    def __bool__(self) -> bool:
        raise NotationError(
            "a formula is neither true nor false: write where(condition, a, b), maximum(a, b) or minimum(a, b)"
        )

    def __matmul__(self, other: object) -> Node:
        raise NotationError("a matrix product is written with its indices: Sum(j, X[i, j] * W[j, k])")

    __rmatmul__ = __matmul__

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: object, **options: object) -> Node:
        """NumPy's functions of numbers make formulas: ``np.exp(x[i])`` is ``exp(x[i])``."""
        functions = _functions()
        known = {
            **functions.ELEMENTWISE,
            "sqrt": functions.sqrt,
            "absolute": functions.absolute,
            "add": operator.add,
            "subtract": operator.sub,
            "multiply": operator.mul,
            "divide": operator.truediv,
            "power": operator.pow,
            "negative": operator.neg,
        }
        if method != "__call__" or options or ufunc.__name__ not in known:
            raise NotationError(
                f"np.{ufunc.__name__} has no law: a formula uses {', '.join(functions.ELEMENTWISE)}, sqrt"
            )
        made: Node = known[ufunc.__name__](*map(as_node, inputs))
        return made


def _functions() -> Any:
    """The tables of functions, which are built from nodes."""
    import derive.functions

    return derive.functions


class Tensor(_Arithmetic):
    """A named array. ``shape`` is None for a name that is still to be defined.

    ``below`` makes it an integer tensor with values in ``0 … below-1``. ``meaning`` is prose for the set-up,
    English and Chinese. ``primal`` names the tensor whose cotangent (``role`` "cotangent") or tangent this is.
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


# --------------------------------------------------------------------------------------------------- nodes


class Node(_Arithmetic, IntegerNode):
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


@dataclass(frozen=True, eq=False)
class Elementwise:
    """A function of numbers, with all that is known of it. The table is ``derive.functions.ELEMENTWISE``.

    ``derivative`` maps (arguments, the value itself) to the partial derivatives, one node for each argument.
    ``numpy`` computes it (complex arguments too where it is analytic), ``sympy`` builds it.
    """

    name: str
    arity: int
    latex: str
    derivative: Callable[[tuple[Node, ...], Node], tuple[Node, ...]] | None
    numpy: Callable[..., Any]
    sympy: Callable[..., Any]
    statement: str = ""
    domain: str = "real"
    condition: tuple[str, str] = ("", "")
    kinks: bool = False

    def __repr__(self) -> str:
        return self.name

    def __call__(self, *arguments: object) -> Apply:
        if len(arguments) != self.arity:
            raise NotationError(f"{self.name} takes {self.arity} arguments, not {len(arguments)}")
        return Apply(self, tuple(as_node(argument) for argument in arguments))


@dataclass(frozen=True, eq=False)
class OverAxes:
    """A function of a whole vector or matrix, with its own law. The table is ``derive.functions.OVER``.

    ``letters`` is the number of axes it works along, ``at`` the number of indices of its value (0: a scalar). The
    axes of the value are ``outputs``, then those it works along (again and again, for higher derivatives).
    Unspecified functions have the ``order`` of their derivative, and their bare name in ``latex``.
    ``derivative`` maps (node, differentiate) to the derivative, ``expansion`` spells the function out.
    """

    name: str
    letters: int
    at: int
    latex: str
    derivative: Callable[[Over, Callable[[Node], Node]], Node] | None
    numpy: Callable[..., Any]
    sympy: Callable[..., Any]
    expansion: Callable[[Over], Node] | None = None
    statement: str = ""
    condition: tuple[str, str] = ("", "")
    integer: bool = False
    kinks: bool = False
    outputs: tuple[Size, ...] = ()
    order: int | None = None

    def __repr__(self) -> str:
        return self.name


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


# -------------------------------------------------------------------------------------------- constructors


def tensor(
    name: str,
    *shape: object,
    meaning: str | tuple[str, str] = "",
    domain: str = "real",
    below: object = None,
) -> Tensor:
    """An input: its name, its shape (sizes), what it means (English, Chinese) and where its entries lie."""
    checked = tuple(as_size(axis) for axis in shape)
    limit = None if below is None else as_size(below)
    return Tensor(_checked_name(name), checked, below=limit, domain=domain, meaning=meaning)


def name(name: str, meaning: str | tuple[str, str] = "") -> Tensor:
    """A name that a definition will give a shape to."""
    return Tensor(_checked_name(name), meaning=meaning)


def names(text: str) -> tuple[Tensor, ...]:
    """Names from a text: ``Z, P, L = names("Z P L")``."""
    return tuple(name(one) for one in text.replace(",", " ").split())


def _checked_name(text: str) -> str:
    if not text.isidentifier():
        raise NotationError(f"a tensor needs a name that is an identifier, not {text!r}")
    return text


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
    return sympy.Rational(repr(float(value)))


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


def add(*terms: Node) -> Node:
    """The sum of the terms, flattened; zeros vanish, the order stays."""
    flat: list[Node] = []
    for term in terms:
        if isinstance(term, Add):
            flat.extend(term.terms)
        elif not is_zero(term):
            flat.append(term)
    if len(flat) > 1 and sum(isinstance(t, Number) for t in flat) > 1:
        total = number(sum(t.value for t in flat if isinstance(t, Number)))
        first = next(i for i, t in enumerate(flat) if isinstance(t, Number))
        flat = [total if i == first else t for i, t in enumerate(flat) if i == first or not isinstance(t, Number)]
        flat = [t for t in flat if not is_zero(t)]
    if not flat:
        return ZERO
    return flat[0] if len(flat) == 1 else Add(tuple(flat))


def mul(*factors: Node) -> Node:
    """The product, flattened: numbers are multiplied and stand first, 1 vanishes, 0 takes all."""
    coefficient: sympy.Expr | None = None
    rest: list[Node] = []
    for factor in factors:
        for part in factor.factors if isinstance(factor, Mul) else (factor,):
            if isinstance(part, Number):
                coefficient = part.value if coefficient is None else coefficient * part.value
            else:
                rest.append(part)
    if coefficient is not None and coefficient != 1:
        if coefficient == 0:
            return ZERO
        rest.insert(0, Number(coefficient))
    if not rest:
        return ONE
    return rest[0] if len(rest) == 1 else Mul(tuple(rest))


def power(base: Node, exponent: Node) -> Node:
    """``base ** exponent``; exponents 0 and 1, numbers, and powers of powers to whole exponents are folded."""
    if is_one(exponent):
        return base
    if is_zero(exponent):
        return ONE
    if isinstance(exponent, Number):
        if isinstance(base, Number) and (exponent.value.is_integer or base.value.is_positive):
            if base.value.is_zero and exponent.value.is_negative:
                raise NotationError("division by zero")
            return Number(base.value**exponent.value)
        if exponent.value.is_integer:
            if isinstance(base, Pow) and isinstance(base.exponent, Number):
                return power(base.base, Number(base.exponent.value * exponent.value))
            if isinstance(base, Mul) and isinstance(base.factors[0], Number):
                return mul(power(base.factors[0], exponent), power(mul(*base.factors[1:]), exponent))
    return Pow(base, exponent)


def factors_of(node: Node) -> tuple[Node, ...]:
    """The factors of a product; a node that is no product is its only factor."""
    return node.factors if isinstance(node, Mul) else (node,)


def terms_of(node: Node) -> tuple[Node, ...]:
    """The terms of a sum; a node that is no sum is its only term."""
    return node.terms if isinstance(node, Add) else (node,)


def equal(left: object, right: object) -> Bracket:
    """``[left = right]``."""
    return Bracket(as_index(left), "=", as_index(right))


def at_most(left: object, right: object) -> Bracket:
    """``[left ≤ right]``."""
    return Bracket(as_index(left), "≤", as_index(right))


def at_least(left: object, right: object) -> Bracket:
    """``[left ≥ right]``."""
    return Bracket(as_index(left), "≥", as_index(right))


def less(left: object, right: object) -> Bracket:
    """``[left < right]``."""
    return Bracket(as_index(left), "<", as_index(right))
