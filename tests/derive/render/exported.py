"""NumPy functions whose gradients are exported, with what is to stand in the source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import derive
from derive.derivation import Derivation
from derive.render.numpy import numpy_source
from verify.exported import check_exported

Function = Callable[..., Any]
Shapes = dict[str, tuple[str | int, ...]]


@dataclass(frozen=True)
class Case:
    """A function, the argument that its gradient is taken by, and what stands in the source, or must not."""

    function: Function
    wrt: str
    shapes: Mapping[str, tuple[str | int, ...]]
    wanted: Sequence[str] = ()
    unwanted: Sequence[str] = ()

    @cached_property
    def gradient(self) -> Derivation:
        return derive.gradient(self.function, self.wrt, shapes=self.shapes)

    @cached_property
    def source(self) -> str:
        return numpy_source(self.gradient)

    @property
    def body(self) -> str:
        """The source below its docstring."""
        return self.source.rpartition('"""')[2]

    def check_written(self) -> None:
        missing = [text for text in self.wanted if text not in self.source]
        present = [text for text in self.unwanted if text in self.source]
        assert not missing, f"{missing} are missing in\n{self.source}"
        assert not present, f"{present} stand in\n{self.source}"

    def check_holds(self) -> None:
        report = check_exported(self.gradient)
        assert report.outcome == "holds", f"{report}\n{self.source}"
