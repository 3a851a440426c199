"""The loss of a PyTorch module as a function of one flat vector, with Hessian-vector products by double backward.

All runs in float64 copies, on the module's own device: the module does not change. ``flat_loss`` is what people call;
what it gives is the ``FlatLoss`` of ``verify.critical.losses.networks``.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from verify.adapters.shared import leaves, refilled
from verify.critical.losses.hvp_bounds import Rounded
from verify.critical.losses.networks import FlatLoss, flat
from verify.numdiff import Estimate

__all__ = ["flat_loss"]

Array = NDArray[np.float64]


def flat_loss(
    module: torch.nn.Module, loss: Callable[..., Tensor], inputs: Sequence[Any], targets: Sequence[Any] = ()
) -> FlatLoss:
    """``loss(module(*inputs), *targets)`` as a function of the parameters that require gradients, all in one vector.

    Parameters stand in the order of ``module.named_parameters()``; one that is used twice stands once. The module
    runs in the mode that it is in, with buffers that are fresh in every pass. Tensors of floating-point numbers in
    inputs and targets are copied to float64. At every new point ``FlatLoss.product`` measures rounding, for some 20
    products.

    Raises: ValueError when no parameter requires a gradient, one is not finite or not real, the loss is no finite
    number, does not depend on the parameters, or changes from call to call.
    """
    own = copy.deepcopy(module)
    for name, one in own.named_parameters():
        if not one.is_floating_point():
            raise ValueError(f"parameter {name!r} holds {one.dtype}: expected real floating-point numbers")
        if not torch.isfinite(one).all():
            raise ValueError(f"parameter {name!r} holds NaN or infinity: expected finite numbers")
    parts = [refilled(list(one), Tensor, _doubled(one)) for one in (inputs, targets)]
    made = OfModule(own.to(torch.float64), loss, *parts)
    made.check()
    return FlatLoss(made.f, made.gradient, made.hvp, made.product, made.shapes, made.start, "exact")


class OfModule:
    """The functions of a ``FlatLoss`` that is made of a module."""

    def __init__(
        self, module: torch.nn.Module, loss: Callable[..., Tensor], inputs: list[Any], targets: list[Any]
    ) -> None:
        self.module, self.loss, self.inputs, self.targets = module, loss, inputs, targets
        parameters = {name: one.detach() for name, one in module.named_parameters() if one.requires_grad}
        self.shapes = {name: tuple(one.shape) for name, one in parameters.items()}
        self.sizes = [one.numel() for one in parameters.values()]
        if not sum(self.sizes):
            raise ValueError("no parameter of the module requires a gradient: there is nothing to vary")
        self.device = next(iter(parameters.values())).device
        self.start = np.concatenate([_array(one).ravel() for one in parameters.values()])
        self.rounded = Rounded(self.hvp)

    def check(self) -> None:
        """Raises: ValueError when the loss at the start is no function of the parameters, or not finite."""
        row = self._row("start", self.start, moving=True)
        first = self._value(row)
        if not torch.isfinite(first):
            raise ValueError(
                f"the loss is {float(first.detach())} at the module's parameters: expected a finite number"
            )
        if not first.requires_grad:
            raise ValueError("the loss does not depend on the module's parameters: was a result detached?")
        again = self._value(row).detach()
        slopes = self.gradient(self.start), self.gradient(self.start)
        if not torch.equal(first.detach(), again) or not np.array_equal(*slopes):
            raise ValueError("the loss changes from call to call: call .eval() on a module that draws random numbers")

    def f(self, x: ArrayLike) -> float:
        """The loss."""
        with torch.no_grad():
            return float(self._value(self._row("x", x)))

    def gradient(self, x: ArrayLike) -> Array:
        """The gradient, by autograd."""
        row = self._row("x", x, moving=True)
        (found,) = torch.autograd.grad(self._value(row), row)
        return _array(found)

    def hvp(self, x: ArrayLike, v: ArrayLike) -> Array:
        """The gradient of the gradient along v."""
        row, along = self._row("x", x, moving=True), self._row("v", v)
        (first,) = torch.autograd.grad(self._value(row), row, create_graph=True)
        if not first.requires_grad:  # the loss is linear
            return np.zeros(self.start.size)
        (found,) = torch.autograd.grad(first, row, along, materialize_grads=True)
        return _array(found)

    def product(self, x: ArrayLike, v: ArrayLike) -> Estimate:
        """A Hessian-vector product with a bound for its rounding."""
        return self.rounded.product(flat("x", x, self.start.size), flat("v", v, self.start.size))

    def _row(self, name: str, x: ArrayLike, moving: bool = False) -> Tensor:
        values = flat(name, x, self.start.size)
        return torch.tensor(values, dtype=torch.float64, device=self.device, requires_grad=moving)

    def _value(self, row: Tensor) -> Tensor:
        parts = zip(self.shapes.items(), torch.split(row, self.sizes), strict=True)
        swapped: dict[str, Tensor] = {name: one.detach().clone() for name, one in self.module.named_buffers()}
        swapped |= {name: part.reshape(shape) for (name, shape), part in parts}
        found = self.loss(torch.func.functional_call(self.module, swapped, tuple(self.inputs)), *self.targets)
        if not isinstance(found, Tensor) or found.numel() != 1:
            shape = f"has shape {tuple(found.shape)}" if isinstance(found, Tensor) else f"is {type(found).__name__}"
            raise ValueError(f"the loss {shape}: expected one number; take its mean or sum")
        return found.reshape(())


def _doubled(tree: Any) -> Iterator[Tensor]:
    """The tensors in nested arguments, those of floating-point numbers as copies in float64."""
    for _, one in leaves(list(tree), Tensor):
        kept = one.detach().clone()
        yield kept.to(torch.float64) if kept.is_floating_point() else kept


def _array(row: Tensor) -> Array:
    return np.array(row.detach().cpu().numpy(), np.float64)
