"""Letters and the affine forms of letters that index tensors.

Data
    ``Letter``     an index; identity is binding, so two letters of one name are two letters.
    ``Index``      ``s*i + u - p``: terms (atom, coefficient) in the author's order, and a constant.
    ``Quotient``, ``Remainder``   of an index by a size, as atoms: a merged axis ``a`` is split by them.

The three most important functions are ``Index.plus`` (all arithmetic), ``Index.certainly_below`` (ranges) and
``index_floor`` with ``index_mod`` (mixed radix: ``(h*d + k)//d`` is ``h``).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import sympy

from derive.errors import NotationError
from derive.size_algebra import Size, as_expression, as_size, certainly_nonnegative, exact_quotient, plus, times

__all__ = [
    "Atom",
    "Index",
    "IntegerNode",
    "Letter",
    "Quotient",
    "Remainder",
    "as_index",
    "fresh",
    "index_floor",
    "index_mod",
    "letter",
    "letters",
    "split_index",
    "union",
]

EMPTY: frozenset[Letter] = frozenset()


class _IndexAlgebra:
    """Operators shared by letters and indices: the affine forms."""

    __slots__ = ()

    def __add__(self, other: object) -> Index:
        return as_index(self).plus(as_index(other), 1) if _indexes(other) else NotImplemented

    def __radd__(self, other: object) -> Index:
        return as_index(other).plus(as_index(self), 1) if _indexes(other) else NotImplemented

    def __sub__(self, other: object) -> Index:
        return as_index(self).plus(as_index(other), -1) if _indexes(other) else NotImplemented

    def __rsub__(self, other: object) -> Index:
        return as_index(other).plus(as_index(self), -1) if _indexes(other) else NotImplemented

    def __mul__(self, factor: object) -> Index:
        whole = isinstance(factor, (int, sympy.Expr))
        return as_index(self).scaled(as_size(factor)) if whole else NotImplemented

    __rmul__ = __mul__

    def __neg__(self) -> Index:
        return as_index(self).scaled(-1)


class Letter(_IndexAlgebra):
    """An index letter. Its size may be left out where ``define`` can infer it from the tensors it indexes."""

    __slots__ = ("name", "size")

    def __init__(self, name: str, size: Size | None = None) -> None:
        self.name = name
        self.size = size

    def __repr__(self) -> str:
        return self.name

    @property
    def length(self) -> Size:
        """The size, once it is known."""
        if self.size is None:
            raise NotationError(f"the size of index {self.name!r} is not known here: declare letter(name, size)")
        return self.size


class IntegerNode:
    """A node whose values may serve as an index: an entry of an integer tensor, an argmax.

    ``limit`` is a size that the values stay below; None for a node whose values are no integers.
    """

    __slots__ = ()

    @property
    def limit(self) -> Size | None:
        """The values are integers from 0 to below this; None where they are not integers."""
        return None

    @property
    def free(self) -> frozenset[Letter]:
        """The free letters."""
        raise NotImplementedError


def _indexes(other: object) -> bool:
    """Whether a sum with a letter is an index; with a node of real values it is a formula."""
    return not isinstance(other, IntegerNode) or other.limit is not None


class Quotient:
    """``index // divisor`` as an atom of an index."""

    __slots__ = ("divisor", "index")

    def __init__(self, index: Index, divisor: Size) -> None:
        self.index, self.divisor = index, divisor

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._parts() == other._parts()

    def __hash__(self) -> int:
        return hash((type(self).__name__, self._parts()))

    def _parts(self) -> tuple[Index, Size]:
        return self.index, self.divisor

    def __repr__(self) -> str:
        return f"({self.index})//{self.divisor}"


class Remainder(Quotient):
    """``index mod divisor`` as an atom of an index."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"({self.index})%{self.divisor}"


Atom = Letter | Quotient | IntegerNode


class Index(_IndexAlgebra):
    """An affine form: terms (atom, coefficient) in the author's order, and a constant."""

    __slots__ = ("_free", "_hash", "constant", "terms")

    def __init__(self, terms: tuple[tuple[Atom, Size], ...], constant: Size = 0) -> None:
        self.terms = terms
        self.constant = constant
        self._hash: int | None = None
        self._free: frozenset[Letter] | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Index) and (
            self is other or (self.constant == other.constant and frozenset(self.terms) == frozenset(other.terms))
        )

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash((self.constant, frozenset(self.terms)))
        return self._hash

    def __repr__(self) -> str:
        parts = [f"{a}" if c == 1 else f"{c}*{a}" for a, c in self.terms]
        if self.constant != 0 or not parts:
            parts.append(str(self.constant))
        return " + ".join(parts)

    @property
    def free(self) -> frozenset[Letter]:
        """The letters in this index, those inside quotients and integer tensors included."""
        if self._free is None:
            found: frozenset[Letter] = EMPTY
            for atom, _ in self.terms:
                found |= _atom_free(atom)
            self._free = found
        return self._free

    @property
    def letter(self) -> Letter | None:
        """The letter, if this index is a letter and nothing else."""
        if len(self.terms) == 1 and self.constant == 0:
            atom, coefficient = self.terms[0]
            if coefficient == 1 and isinstance(atom, Letter):
                return atom
        return None

    def coefficient(self, atom: Atom) -> Size:
        """The coefficient of an atom, 0 where it does not occur."""
        for candidate, coefficient in self.terms:
            if candidate is atom or candidate == atom:
                return coefficient
        return 0

    def without(self, atom: Atom) -> Index:
        """This form less the term of ``atom``."""
        return Index(tuple((a, c) for a, c in self.terms if not (a is atom or a == atom)), self.constant)

    def scaled(self, factor: Size) -> Index:
        """``factor`` times this form."""
        if factor == 0:
            return Index((), 0)
        if factor == 1:
            return self
        return Index(tuple((a, times(c, factor)) for a, c in self.terms), times(self.constant, factor))

    def plus(self, other: Index, sign: int = 1) -> Index:
        terms = dict(self.terms)
        for atom, coefficient in other.terms:
            total = plus(terms.get(atom, 0), coefficient if sign == 1 else times(coefficient, -1))
            if total == 0:
                del terms[atom]
            else:
                terms[atom] = total
        constant = other.constant if sign == 1 else times(other.constant, -1)
        found = Index(tuple(terms.items()), plus(self.constant, constant))
        return found._joined() if any(type(atom) is Remainder for atom in terms) else found

    def _joined(self) -> Index:
        """``d·⌊a/d⌋ + (a mod d)`` as ``a``."""
        for atom, coefficient in self.terms:
            if type(atom) is Remainder:
                whole = Quotient(atom.index, atom.divisor)
                if self.coefficient(whole) == times(coefficient, atom.divisor):
                    return self.without(atom).without(whole).plus(atom.index.scaled(coefficient))
        return self

    def lower(self) -> Size | None:
        """A size that this index is never below, or None."""
        return self._extreme(lower=True)

    def upper(self) -> Size | None:
        """A size that this index is never above, or None."""
        return self._extreme(lower=False)

    def _extreme(self, *, lower: bool) -> Size | None:
        total: Size = self.constant
        for atom, coefficient in self.terms:
            if certainly_nonnegative(coefficient):
                end = _atom_bound(atom, lower=lower)
            elif certainly_nonnegative(times(coefficient, -1)):
                end = _atom_bound(atom, lower=not lower)
            else:
                end = None
            if end is None:
                return None
            total = plus(total, times(coefficient, end))
        return total

    def certainly_at_least_zero(self) -> bool:
        """Whether this index is shown to be never negative."""
        low = self.lower()
        return low is not None and certainly_nonnegative(low)

    def certainly_below(self, size: Size) -> bool:
        """Whether this index is shown to be always less than ``size``."""
        high = self.upper()
        return high is not None and certainly_nonnegative(plus(plus(size, -1), times(high, -1)))


def _atom_free(atom: Atom) -> frozenset[Letter]:
    if isinstance(atom, Letter):
        return frozenset((atom,))
    if isinstance(atom, Quotient):
        return atom.index.free
    return atom.free


def _atom_bound(atom: Atom, *, lower: bool) -> Size | None:
    if isinstance(atom, Letter):
        if atom.size is None:
            return None
        return 0 if lower else plus(atom.size, -1)
    if isinstance(atom, Remainder):
        return 0 if lower else plus(atom.divisor, -1)
    if isinstance(atom, Quotient):
        if lower:
            return 0 if atom.index.certainly_at_least_zero() else None
        high = atom.index.upper()
        if high is None:
            return None
        whole = exact_quotient(plus(high, 1), atom.divisor)
        return plus(whole, -1) if whole is not None else sympy.floor(high / as_expression(atom.divisor))
    if atom.limit is None:
        return None
    return 0 if lower else plus(atom.limit, -1)


def as_index(value: object) -> Index:
    """A letter, integer, size or integer tensor entry as an index."""
    if isinstance(value, Index):
        return value
    if isinstance(value, Letter):
        return Index(((value, 1),), 0)
    if isinstance(value, IntegerNode):
        if value.limit is None:
            raise NotationError(f"{value!r} is used as an index, but its values are not integers")
        return Index(((value, 1),), 0)
    if isinstance(value, Quotient):
        return Index(((value, 1),), 0)
    return Index((), as_size(value))


def index_floor(index: object, divisor: Size) -> Index:
    """``index // divisor``, simplified where the parts are in range: ``(h*d + k)//d`` is ``h``."""
    whole, rest = _digits(as_index(index), divisor)
    if rest.certainly_at_least_zero() and rest.certainly_below(divisor):
        return whole
    return as_index(Quotient(as_index(index), divisor)) if divisor != 1 else as_index(index)


def index_mod(index: object, divisor: Size) -> Index:
    """``index mod divisor``, simplified where the parts are in range: ``(h*d + k) mod d`` is ``k``.

    What a remainder is taken of stands for it, if the divisor divides that one's: whole turns do not count.
    """
    turned = as_index(index)
    for atom, coefficient in turned.terms:
        if isinstance(atom, Remainder) and exact_quotient(atom.divisor, divisor) is not None:
            turned = turned.without(atom).plus(atom.index.scaled(coefficient))
    _, rest = _digits(turned, divisor)
    if rest.certainly_at_least_zero() and rest.certainly_below(divisor):
        return rest
    return as_index(Remainder(rest, divisor)) if divisor != 1 else as_index(0)


def _digits(index: Index, divisor: Size) -> tuple[Index, Index]:
    """``split_index``, a plain number that is left as quotient and remainder: ``2k - 1`` is ``2(k - 1) + 1``."""
    whole, rest = split_index(index, divisor)
    if rest.terms or not isinstance(rest.constant, int) or not isinstance(divisor, int):
        return whole, rest
    return whole.plus(as_index(rest.constant // divisor)), as_index(rest.constant % divisor)


def split_index(index: Index, divisor: Size) -> tuple[Index, Index]:
    """``index = divisor * whole + rest`` with every term that ``divisor`` divides in ``whole``."""
    whole: list[tuple[Atom, Size]] = []
    rest: list[tuple[Atom, Size]] = []
    for atom, coefficient in index.terms:
        quotient = exact_quotient(coefficient, divisor)
        (rest if quotient is None else whole).append((atom, coefficient if quotient is None else quotient))
    constant, left = exact_quotient(index.constant, divisor), as_size(0)
    if constant is None:
        number, symbols = as_expression(index.constant).as_coeff_Add()
        constant, left = exact_quotient(as_size(symbols), divisor), as_size(number)
    if constant is None:
        constant, left = 0, index.constant
    return Index(tuple(whole), constant), Index(tuple(rest), left)


def letter(name: str, size: object = None) -> Letter:
    """An index letter, with its size or with a size that ``define`` infers.

    Raises: NotationError when the name is no identifier.
    """
    if not name.isidentifier():
        raise NotationError(f"an index letter needs a name that is an identifier, not {name!r}")
    return Letter(name, None if size is None else as_size(size))


def letters(names: str, *sizes: object) -> tuple[Letter, ...]:
    """Letters from their names, and their sizes if they are given: ``i, j = letters("i j", n, d)``."""
    split = names.replace(",", " ").split()
    if sizes and len(sizes) != len(split):
        raise NotationError(f"{len(split)} letters ({names}) but {len(sizes)} sizes")
    return tuple(letter(one, size) for one, size in itertools.zip_longest(split, sizes))


def fresh(letters: Iterable[Letter]) -> dict[Letter, Letter]:
    """A new letter of the same name and size for each."""
    return {old: Letter(old.name, old.size) for old in letters}


def union(groups: Iterable[Iterable[Letter]]) -> tuple[Letter, ...]:
    """The letters, each where it is met first."""
    return tuple(dict.fromkeys(x for group in groups for x in group))
