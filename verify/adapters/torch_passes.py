"""A function of tensors as a forward and a backward pass of arrays.

Data
    ``Subject``  a function of tensors, at some tensors.
    ``Passes``   its forward and backward pass in one type of numbers.

The three most important functions are ``Passes.forward``, ``Passes.backward`` and ``laid_out`` (an array as a tensor
with the same strides).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from verify.adapters.shared import leaves

__all__ = ["Passes", "Subject", "Unfit", "array_of", "laid_out"]


Call = Callable[..., Any]


class Unfit(ValueError):
    """There is nothing to check."""


@dataclass(frozen=True)
class Subject:
    """A function of tensors, at these.

    ``wanted`` are those that have gradients, ``custom`` is the Function, if it is one. With ``constant`` outputs that
    require no gradients are not left out: they are said to be constants.
    """

    call: Call
    names: list[str]
    tensors: list[Tensor]
    wanted: list[bool]
    same_noise: bool
    custom: Any = None
    constant: bool = False


class Passes:
    """Both passes of a subject in one type of numbers, as functions of arrays."""

    def __init__(self, subject: Subject, dtype: torch.dtype | None) -> None:
        self.subject = subject
        self.dtype = dtype
        self.tensors = [self._typed(one.detach()) for one in subject.tensors]
        # Arrays are given for what is checked and for integers; other tensors are constants.
        self.given = [
            k for k, (one, wanted) in enumerate(zip(self.tensors, subject.wanted, strict=True))
            if wanted or not (one.is_floating_point() or one.is_complex())
        ]  # fmt: skip
        self.names = [subject.names[k] for k in self.given]
        self.moving = [k for k, place in enumerate(self.given) if subject.wanted[place]]
        self.places: list[int] | None = None

    def _typed(self, one: Tensor) -> Tensor:
        own = one.dtype if self.dtype is None or not one.is_floating_point() else self.dtype
        return one.to(own, copy=True)

    @property
    def arrays(self) -> list[Any]:
        """The inputs as arrays, copied."""
        return [array_of(self.tensors[k]).copy(order="K") for k in self.given]

    def run(self, parts: Sequence[Tensor], only: int | None = None) -> tuple[list[Tensor], list[Tensor]]:
        """The outputs that have gradients, and the tensors that these are of."""
        values = self.arguments(parts)
        for k in self.moving if only is None else (only,):
            values[self.given[k]].requires_grad_()
        outputs = self._called(values, gradients=True)
        if self.places is None:
            self.places = [k for k, y in enumerate(outputs) if self._counts(y)]
            if not self.places:
                raise Unfit("no output depends on a tensor that requires gradients: there is nothing to check")
        return [outputs[k] for k in self.places], [values[self.given[k]] for k in self.moving]

    def values(self, parts: Sequence[Tensor]) -> list[Tensor]:
        """The same outputs without gradients."""
        outputs = self._called(self.arguments(parts), gradients=False)
        return [outputs[k] for k in self.places or ()]

    def arguments(self, parts: Sequence[Tensor]) -> list[Tensor]:
        """These, and the constants, in the types and on the devices of the check."""
        found = [one.clone() for one in self.tensors]
        for place, part in zip(self.given, parts, strict=True):
            found[place] = part.to(self.tensors[place])
        return found

    def _called(self, values: Sequence[Tensor], gradients: bool) -> list[Tensor]:
        with self.setting(gradients):
            return [y for _, y in leaves(self.subject.call(*values), Tensor)]

    def _counts(self, y: Tensor) -> bool:
        if y.is_complex():
            raise Unfit("complex outputs are not checked: return torch.view_as_real of them")
        return y.is_floating_point() and (y.requires_grad or self.subject.constant)

    @contextmanager
    def setting(self, gradients: bool = True) -> Iterator[None]:
        """Gradients on or off; numbers made without a type are as wide as the check, unless that is a tensor's."""
        default = torch.get_default_dtype()
        own = {one.dtype for one in self.subject.tensors if one.is_floating_point()}
        if self.dtype is not None and self.dtype not in own:
            torch.set_default_dtype(self.dtype)
        try:
            with torch.set_grad_enabled(gradients):
                if self.subject.same_noise:
                    torch.manual_seed(0)
                yield
        finally:
            torch.set_default_dtype(default)

    def forward(self, *arrays: Any) -> tuple[Any, Any]:
        """The outputs, and the graph."""
        kept = self.run([laid_out(x) for x in arrays])
        values = tuple(array_of(y) for y in kept[0])
        return values if len(values) > 1 else values[0], (kept, arrays)

    def backward(self, d_output: Any, saved: Any) -> tuple[Any, ...]:
        """A gradient for every array, None for integers."""
        (outputs, sources), arrays = saved
        parts = d_output if isinstance(d_output, tuple) else (d_output,)
        cotangents = [laid_out(part).to(y.device, y.dtype) for part, y in zip(parts, outputs, strict=True)]
        result: list[Any] = [None] * len(arrays)
        for k, gradient in zip(self.moving, self.gradients(outputs, sources, cotangents), strict=True):
            value = array_of(gradient)
            # That a gradient is the cotangent itself is as usual in PyTorch; that it is an input is not.
            mine = any(np.may_share_memory(value, x) for x in arrays)
            result[k] = value if mine else value.copy()
        return tuple(result)

    def gradients(
        self, outputs: Sequence[Tensor], sources: Sequence[Tensor], cotangents: Sequence[Tensor]
    ) -> list[Tensor]:
        """What autograd gives, zeros where it gives nothing; sources that require no gradients get zeros."""
        pairs = [(y, u) for y, u in zip(outputs, cotangents, strict=True) if y.requires_grad]
        wanted = [x for x in sources if x.requires_grad]
        with self.setting():
            given = iter(
                torch.autograd.grad(
                    [y for y, _ in pairs], wanted, [u for _, u in pairs], retain_graph=True, allow_unused=True
                )
                if pairs
                else [None] * len(wanted)
            )
        answers = [next(given) if x.requires_grad else None for x in sources]
        return [torch.zeros_like(x) if g is None else g for g, x in zip(answers, sources, strict=True)]


def laid_out(array: Any) -> Tensor:
    """An array as a tensor in its memory; where it may not be written to, a copy in its layout.

    Tensors have no negative strides: such arrays are copied, contiguously.
    """
    array = np.asarray(array)
    if array.dtype.kind == "c":
        raise TypeError("complex numbers are not passed on")
    if any(step < 0 or step % array.itemsize for step in array.strides):
        array = array.copy(order="C")
    repeated = [step == 0 and size > 1 for step, size in zip(array.strides, array.shape, strict=True)]
    if any(repeated):
        once = array[tuple(slice(0, 1) if again else slice(None) for again in repeated)]
        return torch.from_numpy(once.copy(order="K")).expand(array.shape)
    return torch.from_numpy(array if array.flags.writeable else array.copy(order="K"))


def array_of(tensor: Tensor) -> Any:
    """A tensor as an array, in its memory where that can be."""
    value = tensor.detach().cpu().resolve_conj().resolve_neg()
    if value.layout is not torch.strided:
        value = value.to_dense()
    return (value.float() if value.dtype is torch.bfloat16 else value).numpy()
