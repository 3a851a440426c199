"""Programs: tensors defined one after another.

Data
    ``Program``     inputs, definitions in order, outputs, assumptions.

``Program.of`` collects a program from its output.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy

from derive.definitions import Definition, Recurrence
from derive.errors import NotationError
from derive.index import Index, Quotient
from derive.nodes import Node, Number, Ref, Tensor
from derive.size_algebra import Size, size_symbols
from derive.statements import Statement
from derive.tree import walk

__all__ = ["Program", "Source"]


@dataclass(frozen=True, eq=False)
class Source:
    """The NumPy function that a program was traced from, its arguments, what it returns, what was assumed.

    ``computed_in`` is the coarsest type of real numbers that the function rounds to.
    """

    function: Callable[..., Any]
    arguments: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    assumptions: Callable[..., Any] | None = None
    computed_in: str = "float64"


@dataclass(frozen=True, eq=False)
class Program:
    """Inputs, definitions in the order of their computation, outputs, assumptions.

    ``notes`` are what has to be said of the program, in English and in Chinese. ``constants`` are the values of
    inputs that stand for arrays of numbers. ``source`` is what it was traced from. ``least`` are lengths, beside
    those of axes, that are at least 1 wherever the program is meant.
    """

    inputs: tuple[Tensor, ...]
    items: tuple[Definition | Recurrence, ...]
    outputs: tuple[Tensor, ...]
    assumptions: tuple[Statement, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
    constants: Mapping[Tensor, Any] = field(default_factory=dict)
    source: Source | None = None
    least: tuple[Size, ...] = ()
    _by_tensor: dict[Tensor, Definition] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        table = {d.tensor: d for d in self.definitions()}
        object.__setattr__(self, "_by_tensor", table)
        known = set(self.inputs)
        for item in self.items:
            known.update(d.tensor for d in item.members)
            for d in item.members:
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
        assumptions: Iterable[Statement] = (),
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
            own = {d.tensor for d in item.members}
            for d in item.members:
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
        return (d for item in self.items for d in item.members)

    def recurrence(self, tensor: Tensor) -> Recurrence | None:
        """The recurrence that a tensor is a member of; None for all others."""
        groups = (item for item in self.items if isinstance(item, Recurrence))
        return next((group for group in groups if any(d.tensor is tensor for d in group.members)), None)

    def reads_infinity(self, node: Node) -> bool:
        """Whether infinity is written in a node, or in what it reads."""
        seen: set[Tensor] = set()
        open_ = [node]
        while open_:
            for below in walk(open_.pop()):
                if isinstance(below, Number) and below.value.is_infinite:
                    return True
                if not isinstance(below, Ref) or below.tensor in seen:
                    continue
                seen.add(below.tensor)
                if np.isinf(self.constants.get(below.tensor, 0.0)).any():
                    return True
                source = self.definition(below.tensor)
                if source is not None:
                    open_.append(source.body)
        return False

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
