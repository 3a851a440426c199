"""Where the value of a tensor comes from, so that nothing is compared with itself.

The class is ``Sources``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from derive.definitions import Definition, Recurrence
from derive.derivation import Chain
from derive.nodes import Node, Partial, Tensor
from derive.program import Program
from derive.tree import walk

__all__ = ["Sources"]


@dataclass(frozen=True)
class Sources:
    """Where the value of a tensor comes from: the forward program, else the start of the chain that names it."""

    program: Program
    chains: Mapping[Tensor, Chain]
    derived: tuple[Program, ...] = ()

    @cached_property
    def items(self) -> dict[Tensor, Definition | Recurrence]:
        """Where each tensor is defined, the forward program first."""
        found: dict[Tensor, Definition | Recurrence] = {}
        for program in (self.program, *self.derived):
            for item in program.items:
                for d in item.members:
                    found.setdefault(d.tensor, item)
        return found

    def chain(self, tensor: Tensor) -> Chain | None:
        """The chain that says which derivative this tensor is, or which expression it stands for."""
        found = self.chains.get(tensor)
        if found is None or (self.program.definition(tensor) is not None and not _open(found)):
            return None
        return found

    def item(self, tensor: Tensor) -> Definition | Recurrence | None:
        """The definition of a tensor, wherever there is one."""
        return self.items.get(tensor, tensor.definition)


def _open(chain: Chain) -> bool:
    start = chain.start
    return isinstance(start, Node) and any(isinstance(node, Partial) for node in walk(start))
