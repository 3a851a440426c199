"""Forward sweeps: how the tensors of a program move when some of them move along tangents."""

from __future__ import annotations

from collections.abc import Mapping

from derive.definitions import Definition, Recurrence, needed_items
from derive.derivation import Chain, Derivation
from derive.index import fresh
from derive.nodes import ZERO, Partial, Tangent, Tensor
from derive.program import Program
from derive.rules import Context
from derive.sweeps import Lines, letters_for, pruned, refuse_assumed
from derive.vocabulary import Vocabulary

__all__ = ["jvp_of"]


def jvp_of(
    program: Program,
    wanted: tuple[Tensor, ...],
    tangents: Mapping[Tensor, Tensor],
    words: Vocabulary,
    known: Mapping[Tensor, Tensor] | None = None,
    again: tuple[Tensor, ...] = (),
) -> Derivation:
    """The Jacobian-vector product; ``known`` are the tangents of defined tensors that exist already."""
    forward = _Forward(program, wanted, tangents, words, known or {}, again)
    forward.sweep()
    outputs = tuple(forward.moving[t] for t in program.outputs)
    derived = pruned((*program.inputs, *forward.seeds), (*program.items, *forward.items), outputs, program, words)
    return Derivation("jvp", program, wanted, tuple(forward.chains), derived)


class _Forward:
    """The forward sweep of a program; ``moving`` holds the tangents that were found."""

    def __init__(
        self,
        program: Program,
        wanted: tuple[Tensor, ...],
        tangents: Mapping[Tensor, Tensor],
        words: Vocabulary,
        known: Mapping[Tensor, Tensor],
        again: tuple[Tensor, ...],
    ) -> None:
        self.program = program
        self.words = words
        given = {t: tangents[t] if t in tangents else self._direction(t) for t in wanted}
        self.seeds = tuple(t for t in given.values() if t not in program.inputs)
        self.start = Tangent(given)
        self.moving = {**given, **known}
        self.context = Context(program, (*program.definitions(), *words.definitions), again)
        refuse_assumed(self.context, wanted, program.outputs)
        self.chains: list[Chain] = []
        self.items: list[Definition | Recurrence] = []

    def sweep(self) -> None:
        settled = frozenset(self.moving)
        for item in needed_items(self.program.items, self.program.outputs):
            self._name(item)
            made = {d: self._tangent(d) for d in item.members if d.tensor in self.moving and d.tensor not in settled}
            if made:
                self.items.append(item.replaced(made))
        for tensor in self.program.outputs:
            if tensor not in self.moving:
                self._still(tensor)

    def _direction(self, tensor: Tensor) -> Tensor:
        moves = ("the direction in which it moves", "变化的方向")
        return self.words.tensor(f"t_{tensor.name}", tensor.axes, tensor, "tangent", moves)

    def _name(self, item: Definition | Recurrence) -> None:
        """Names for the tangents of all members that move; in a recurrence one may move by those below it."""
        grown = True
        while grown:
            grown = False
            for d in item.members:
                if d.tensor not in self.moving and not d.body.tensors.isdisjoint(self.moving):
                    self.moving[d.tensor] = self._named(d.tensor)
                    grown = True

    def _named(self, tensor: Tensor) -> Tensor:
        return self.words.tensor(f"t_{tensor.name}", tensor.axes, tensor, "tangent")

    def _tangent(self, d: Definition) -> Definition:
        """The chain that finds the tangent of a tensor, and its definition."""
        own = tuple(fresh(d.letters).values())
        lines = Lines(Partial(d.tensor[own], self.start, total=True), self.context)
        lines.line(Partial(d.at(*own), Tangent(self.moving)), "definition")
        lines.carry_out()
        lines.shorten()
        self.chains.append(lines.chain(self.moving[d.tensor][own]))
        return lines.defines(self.moving[d.tensor], own)

    def _still(self, tensor: Tensor) -> None:
        """The tangent of an output that does not move: zero."""
        zero = self.moving[tensor] = self._named(tensor)
        own = letters_for(self.program, tensor)
        lines = Lines(Partial(tensor[own], self.start, total=True), self.context)
        lines.line(ZERO, "constant")
        self.chains.append(lines.chain(zero[own]))
        self.items.append(Definition(zero, own, ZERO))
