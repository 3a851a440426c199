"""Programs: tensors defined one after another.

Data
    ``Definition``  ``Z[i, l] = Σ_j X[i, j] W[j, l] + b[l]``: a tensor, its letters, its body.
    ``Recurrence``  definitions that refer to each other at an earlier (or later) index of one axis.
    ``Program``     inputs, definitions in order, outputs, assumptions.

The three most important functions are ``define`` and ``recurrence``, which infer the sizes of letters and refuse
what is no formula, and ``Program.of``, which collects a program from its output.

A name is declared, then defined, and every reading outside a range stands under a bracket::

    n, d, c = sizes("n d c")
    i, j, l = letters("i j l")
    X, W, b = tensor("X", n, d), tensor("W", d, c), tensor("b", c)
    Z = name("Z")
    Z = define(Z[i, l], Sum(j, X[i, j] * W[j, l]) + b[l])
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import sympy

from derive.errors import NotationError
from derive.notation import (
    Add,
    Bracket,
    Index,
    Letter,
    Mul,
    Node,
    Number,
    Over,
    Quotient,
    Ref,
    Tensor,
    as_node,
    at_least,
    at_most,
    fresh,
    mul,
    shape_text,
)
from derive.notation import equal as same_index
from derive.prose import check_prose
from derive.size_algebra import Size, size_symbols
from derive.tree import renew_binders, replace_tensors, substitute, walk

__all__ = [
    "Assumption",
    "Definition",
    "Program",
    "Recurrence",
    "assume",
    "define",
    "first",
    "inside",
    "recurrence",
]


@dataclass(frozen=True, eq=False)
class Definition:
    """``tensor[letters] = body``; the letters are this definition's own."""

    tensor: Tensor
    letters: tuple[Letter, ...]
    body: Node

    @property
    def left(self) -> Ref:
        """The left-hand side."""
        return self.tensor[self.letters]

    def at(self, *indices: Index | Letter) -> Node:
        """The body at other indices."""
        return substitute(self.body, dict(zip(self.letters, indices, strict=True)))

    def __repr__(self) -> str:
        return f"{self.left!r} = {self.body!r}"


@dataclass(frozen=True, eq=False)
class Recurrence:
    """Definitions computed together, one index of an axis after another.

    ``axes[m]`` is the position of that axis in member m. A member reads the members before it at the same index,
    and any member at an earlier index (a later one if ``backwards``).
    """

    members: tuple[Definition, ...]
    axes: tuple[int, ...]
    backwards: bool = False

    def time(self, member: int) -> Letter:
        """The letter of the axis in a member."""
        return self.members[member].letters[self.axes[member]]


@dataclass(frozen=True, eq=False)
class Assumption:
    """A relation (``=``, ``>``, ``≥`` or ``≠``) between nodes that holds for all values of their free letters."""

    left: Node
    relation: str
    right: Node
    reason: tuple[str, str] = ("", "")

    def __repr__(self) -> str:
        return f"{self.left!r} {self.relation} {self.right!r}"


@dataclass(frozen=True, eq=False)
class Program:
    """Inputs, definitions in the order of their computation, outputs, assumptions."""

    inputs: tuple[Tensor, ...]
    items: tuple[Definition | Recurrence, ...]
    outputs: tuple[Tensor, ...]
    assumptions: tuple[Assumption, ...] = ()
    _by_tensor: dict[Tensor, Definition] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        table = {d.tensor: d for d in _flat(self.items)}
        object.__setattr__(self, "_by_tensor", table)
        known = set(self.inputs)
        for item in self.items:
            members = item.members if isinstance(item, Recurrence) else (item,)
            known.update(d.tensor for d in members)
            for d in members:
                missing = d.body.tensors - known
                if missing:
                    listed = ", ".join(sorted(repr(t.name) for t in missing))
                    raise NotationError(
                        f"the definition of {d.tensor.name!r} reads {listed}, which nothing defines before"
                    )
        for tensor in self.outputs:
            if tensor not in known:
                raise NotationError(f"the output {tensor.name!r} is neither an input nor defined")
        names: dict[str, Tensor] = {}
        for tensor in (*self.inputs, *table):
            if names.setdefault(tensor.name, tensor) is not tensor:
                raise NotationError(f"two tensors of one program are called {tensor.name!r}")

    @staticmethod
    def of(
        inputs: Tensor | Iterable[Tensor],
        output: Tensor | Iterable[Tensor],
        assumptions: Iterable[Assumption] = (),
    ) -> Program:
        """The program that computes ``output``: every definition that it needs, in order."""
        outputs = (output,) if isinstance(output, Tensor) else tuple(output)
        given = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
        items: dict[Definition | Recurrence, None] = {}

        def visit(tensor: Tensor, chain: tuple[Tensor, ...]) -> None:
            if tensor in given:
                return
            source = tensor.definition
            if source is None:
                where = f", which {chain[-1].name!r} reads" if chain else ""
                raise NotationError(f"{tensor.name!r}{where} is not defined: declare it as an input or define it")
            item = source
            if item in items:
                return
            members = item.members if isinstance(item, Recurrence) else (item,)
            own = {d.tensor for d in members}
            for d in members:
                for read in _in_order_of_use(d.body):
                    if read not in own:
                        visit(read, (*chain, tensor))
            items[item] = None

        for one in outputs:
            visit(one, ())
        return Program(given, tuple(items), outputs, tuple(assumptions))

    @property
    def output(self) -> Tensor:
        """The only output."""
        if len(self.outputs) != 1:
            raise NotationError(f"this program has {len(self.outputs)} outputs: name one")
        return self.outputs[0]

    def definitions(self) -> Iterator[Definition]:
        """All definitions, those of recurrences included."""
        return _flat(self.items)

    def definition(self, tensor: Tensor) -> Definition | None:
        """The definition of a tensor; None for inputs."""
        return self._by_tensor.get(tensor)

    def tensor(self, name: str) -> Tensor:
        """The tensor of this name. Raises: NotationError with the nearest names."""
        tensors = {t.name: t for t in (*self.inputs, *self._by_tensor)}
        if name not in tensors:
            raise NotationError(f"this program has no tensor {name!r}; it has {', '.join(tensors)}")
        return tensors[name]

    def size(self, name: str) -> sympy.Symbol:
        """The size symbol of this name. Raises: NotationError with the names there are."""
        symbols = {symbol.name: symbol for symbol in self.sizes()}
        if name not in symbols:
            raise NotationError(f"this program has no size {name!r}; it has {', '.join(symbols)}")
        return symbols[name]

    def sizes(self) -> tuple[sympy.Symbol, ...]:
        """The size symbols, in the order in which the shapes mention them."""
        found: dict[sympy.Symbol, None] = {}
        for tensor in (*self.inputs, *self._by_tensor):
            _note(tensor.axes, found)
        for d in self.definitions():
            for node in walk(d.body):
                _note((x.size for x in node.bound() if x.size is not None), found)
                if isinstance(node, Number):
                    _note((node.value,), found)
                for index in node.indices_here():
                    _note(_sizes_in(index), found)
        return tuple(found)

    def to_sympy(self) -> list[Any]:
        """The definitions as SymPy equations with symbolic sizes; ``derive.symbolic.Components`` has the entries."""
        from derive.symbolic import index_form

        form: list[Any] = index_form(self)
        return form


def _flat(items: Iterable[Definition | Recurrence]) -> Iterator[Definition]:
    for item in items:
        if isinstance(item, Recurrence):
            yield from item.members
        else:
            yield item


def _note(values: Iterable[Size], found: dict[sympy.Symbol, None]) -> None:
    for value in values:
        for symbol in sorted(size_symbols(value), key=str):
            found.setdefault(symbol)


def _sizes_in(index: Index) -> Iterator[Size]:
    for atom, coefficient in index.terms:
        yield coefficient
        if isinstance(atom, Quotient):
            yield atom.divisor
            yield from _sizes_in(atom.index)
    yield index.constant


def _in_order_of_use(node: Node) -> list[Tensor]:
    found: dict[Tensor, None] = {}
    for below in walk(node):
        if isinstance(below, Ref):
            found.setdefault(below.tensor)
    return list(found)


# ------------------------------------------------------------------------------------------------ definitions


def define(left: Ref | Tensor, right: object, *, meaning: str | tuple[str, str] = "", domain: str = "real") -> Tensor:
    """Define a tensor: ``Z = define(Z[i, l], Sum(j, X[i, j] * W[j, l]) + b[l])``; a scalar: ``define(L, …)``.

    Returns the defined tensor, to be used in what follows. A definition that reads itself at an earlier index is
    a recurrence.
    Raises: NotationError for an index with two sizes, an unknown name, a missing axis, a reading that may leave
    its range without a bracket; each names both places.
    """
    target = Ref(left, ()) if isinstance(left, Tensor) else left
    body = as_node(right)
    if target.tensor in body.tensors:
        letters = [i.letter for i in target.indices if i.letter is not None]
        along = _recurrent_letter(target, body, letters)
        return recurrence(along, {target: body}, meanings={target.tensor.name: meaning})[target.tensor.name]
    made = _settle([(target, body)], {}, (meaning,), (domain,))[0]
    made.tensor.definition = made
    return made.tensor


def recurrence(
    along: Letter,
    equations: Mapping[Ref, object],
    *,
    backwards: bool = False,
    meanings: Mapping[str, str | tuple[str, str]] | None = None,
) -> dict[str, Tensor]:
    """Define tensors that are computed together along one letter; returns them by name.

    ``recurrence(t, {p[t, k]: first(t, h0[k], h[t - 1, k]), a[t, k]: …, h[t, k]: tanh(a[t, k])})["h"]``.
    """
    targets = list(equations)
    for target in targets:
        if sum(i.letter is along for i in target.indices) != 1:
            raise NotationError(f"{target.tensor.name!r} is not defined along {along.name!r}: {_written(target)}")
    axes = tuple(next(m for m, i in enumerate(t.indices) if i.letter is along) for t in targets)
    names = {t.tensor.name: t.tensor for t in targets}
    prose = meanings or {}
    pairs = [(t, as_node(body)) for t, body in equations.items()]
    made = _settle(pairs, names, tuple(prose.get(n, "") for n in names), ("real",) * len(names))
    group = Recurrence(tuple(made), axes, backwards)
    check_order(group)
    for d in made:
        d.tensor.definition = group
    return {d.tensor.name: d.tensor for d in made}


def _recurrent_letter(target: Ref, body: Node, letters: list[Letter]) -> Letter:
    for node in walk(body):
        if isinstance(node, Ref) and node.tensor is target.tensor:
            for own, index in zip(letters, node.indices, strict=False):
                if index.letter is not own and own in index.free:
                    return own
    raise NotationError(f"{target.tensor.name!r} is defined by itself at the same index: {_written(target)}")


def check_order(group: Recurrence) -> None:
    """Every member reads the group at an index that is computed already. Raises: NotationError."""
    position = {d.tensor: m for m, d in enumerate(group.members)}
    for m, d in enumerate(group.members):
        for node in walk(d.body):
            if not isinstance(node, Ref) or node.tensor not in position:
                continue
            read = position[node.tensor]
            shift = node.indices[group.axes[read]] - group.time(m)
            ahead = shift.scaled(-1) if group.backwards else shift
            bound = ahead.upper()
            done = bound is not None and ((isinstance(bound, int) and bound < 0) or (bound == 0 and read < m))
            if not done:
                where = "later" if group.backwards else "earlier"
                raise NotationError(
                    f"{d.tensor.name!r} reads {_written(node)}, which is not computed before it: a recurrence reads "
                    f"members above it at the same index and all members at {where} ones"
                )


def _settle(
    pairs: list[tuple[Ref, Node]],
    group: Mapping[str, Tensor],
    meanings: tuple[str | tuple[str, str], ...],
    domains: tuple[str, ...],
) -> list[Definition]:
    """Sizes inferred, letters renewed, everything checked."""
    renewed: list[tuple[Ref, tuple[Letter, ...], Node]] = []
    for left, body in pairs:
        letters = tuple(index.letter for index in left.indices)
        plain = [x for x in letters if x is not None]
        if len(plain) != len(letters) or len(set(plain)) != len(plain):
            raise NotationError(f"the left-hand side needs different letters as indices: {_written(left)}")
        if left.tensor.shape is not None:
            raise NotationError(f"{left.tensor.name!r} is defined already; take a new name")
        own = fresh(plain)
        stray = body.free - set(plain)
        if stray:
            listed = ", ".join(sorted(repr(x.name) for x in stray))
            raise NotationError(f"{listed} on the right of {_written(left)} is neither on the left nor summed over")
        renewed.append((left, tuple(own.values()), renew_binders(substitute(body, own))))

    found: dict[Letter, tuple[Size, str]] = {}
    shapes: dict[Tensor, tuple[Letter, ...]] = {left.tensor: letters for left, letters, _ in renewed if group}
    for left, letters, _ in renewed:
        for one in letters:
            if one.size is not None:
                found[one] = (one.size, f"its declaration in {_written(left)}")
    changed = True
    while changed:
        changed = False
        for left, _, body in renewed:
            for node in walk(body):
                if isinstance(node, Ref) and _infer(node, shapes, found, left):
                    changed = True
                if isinstance(node, Over):
                    changed |= _infer_at(node, found, left)
    for left, letters, body in renewed:
        every = [*letters, *(x for node in walk(body) for x in node.bound())]
        for one in every:
            if one.size is None:
                if one not in found:
                    raise NotationError(
                        f"the size of index {one.name!r} in {_written(left)} cannot be inferred: "
                        f"declare letter({one.name!r}, size)"
                    )
                one.size = found[one][0]

    tensors = {
        left.tensor: Tensor(
            left.tensor.name,
            tuple(x.length for x in letters),
            meaning=meaning or left.tensor.meaning,
            domain=domain,
        )
        for (left, letters, _), meaning, domain in zip(renewed, meanings, domains, strict=True)
    }
    made = []
    for left, letters, body in renewed:
        settled = replace_tensors(body, tensors)
        check_reads(settled, f"the definition of {_written(left)}")
        made.append(Definition(tensors[left.tensor], letters, settled))
    return made


def _infer(
    node: Ref, shapes: Mapping[Tensor, tuple[Letter, ...]], found: dict[Letter, tuple[Size, str]], left: Ref
) -> bool:
    """Sizes of the letters that index a tensor plainly; whether something new was learnt."""
    axes: tuple[Size | None, ...]
    if node.tensor in shapes:
        axes = tuple(found[x][0] if x in found else None for x in shapes[node.tensor])
    else:
        axes = node.tensor.axes
    if len(axes) != len(node.indices):
        raise NotationError(
            f"{node.tensor.name!r} has {len(axes)} axes but is written {_written(node)} "
            f"in the definition of {_written(left)}"
        )
    learnt = False
    for position, (axis, index) in enumerate(zip(axes, node.indices, strict=True)):
        one = index.letter
        if one is None or axis is None:
            continue
        place = f"axis {position} of {_written(node)}"
        if node.tensor not in shapes:
            place += f" (shape {shape_text(node.tensor.axes)})"
        if one.size is not None and one not in found:
            found[one] = (one.size, "its declaration")
        if one not in found:
            found[one] = (axis, place)
            learnt = True
        elif found[one][0] != axis and one.size is None:
            size, elsewhere = found[one]
            raise NotationError(
                f"index {one.name!r} has two sizes in the definition of {_written(left)}: "
                f"{size} by {elsewhere}, {axis} by {place}"
            )
    return learnt


def _infer_at(node: Over, found: dict[Letter, tuple[Size, str]], left: Ref) -> bool:
    """Sizes of the letters that index the value of a function along axes; whether something new was learnt."""
    free = node.function.at - len(node.function.outputs)
    along = tuple(found[x][0] if x in found else x.size for x in node.letters)
    axes = (*node.function.outputs, *(along if len(along) == free else along[:1] * free))
    learnt = False
    for axis, index in zip(axes, node.at, strict=True):
        one = index.letter
        if one is None or axis is None:
            continue
        place = f"an axis of {node.function.name}"
        if one not in found:
            found[one] = (one.size, "its declaration") if one.size is not None else (axis, place)
            learnt = True
        if found[one][0] != axis:
            raise NotationError(
                f"index {one.name!r} has two sizes in the definition of {_written(left)}: "
                f"{found[one][0]} by {found[one][1]}, {axis} by {place}"
            )
    return learnt


def check_reads(node: Node, where: str, guards: tuple[Index, ...] = ()) -> None:
    """Every index stays inside its axis, by its range or by a bracket that multiplies it.

    Raises: NotationError naming the reading, the axis, and ``where`` it stands.
    """
    if isinstance(node, Mul):
        for factor in node.factors:
            if isinstance(factor, Bracket) and factor.relation != "≠":
                form = factor.difference()
                guards = (*guards, form, form.scaled(-1)) if factor.relation == "=" else (*guards, form)
    if isinstance(node, Ref):
        for position, (axis, index) in enumerate(zip(node.tensor.axes, node.indices, strict=True)):
            if index.letter is not None and index.letter.length == axis:
                continue
            for margin, side in ((index, "≥ 0"), (Index((), axis) - index - 1, f"< {axis}")):
                if not _implied(margin, guards):
                    if index.letter is not None:
                        raise NotationError(
                            f"index {index.letter.name!r} has two sizes in {where}: "
                            f"{index.letter.length} by its declaration, "
                            f"{axis} by axis {position} of {_written(node)} (shape {shape_text(node.tensor.axes)})"
                        )
                    raise NotationError(
                        f"{_written(node)} in {where} may leave axis {position} "
                        f"(size {axis}): {index} {side} is not certain. "
                        f"Write inside({_written(node)}) for zero outside, or multiply by a bracket"
                    )
    for child in node.children():
        check_reads(child, where, guards)


def _implied(margin: Index, guards: tuple[Index, ...]) -> bool:
    return margin.certainly_at_least_zero() or any((margin - g).certainly_at_least_zero() for g in guards)


def inside(node: Ref) -> Node:
    """The entry where its indices are inside the tensor, else 0: padding with zeros, written out as brackets."""
    brackets: list[Node] = []
    for axis, index in zip(node.tensor.axes, node.indices, strict=True):
        if index.letter is not None and index.letter.size in (None, axis):
            continue
        if not index.certainly_at_least_zero():
            brackets.append(at_least(index, 0))
        if not index.certainly_below(axis):
            brackets.append(at_most(index, Index((), axis) - 1))
    return mul(node, *brackets)


def first(along: Letter, initial: object, later: object) -> Node:
    """``initial`` where the letter is 0, ``later`` where it is at least 1: the start of a recurrence."""
    return Add((mul(same_index(along, 0), as_node(initial)), mul(at_least(along, 1), as_node(later))))


def assume(left: object, relation: str, right: object, reason: str | tuple[str, str] = "") -> Assumption:
    """An assumption such as ``assume(Sum(l, T[i, l]), "=", 1)``, for all values of its free letters."""
    if relation not in ("=", ">", "≥", "≠"):
        raise NotationError(f"an assumption relates by =, >, ≥ or ≠, not {relation!r}")
    check_prose(reason, "the reason of an assumption")
    text = reason if isinstance(reason, tuple) else (reason, reason)
    made = Assumption(renew_binders(as_node(left)), relation, renew_binders(as_node(right)), text)
    for side in (made.left, made.right):
        for node in walk(side):
            if isinstance(node, Ref):
                for axis, index in zip(node.tensor.axes, node.indices, strict=True):
                    if index.letter is not None and index.letter.size is None:
                        index.letter.size = axis
    return made


def _written(node: Ref) -> str:
    return f"{node.tensor.name}[{', '.join(map(repr, node.indices))}]"
