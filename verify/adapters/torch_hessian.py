"""Hessian-vector products of losses written for PyTorch, on one flat vector of parameters.

Products are reverse over reverse: the gradient is computed with its graph, then differentiated along v. Batches are
taken one after another and their products added, so that the graph of one batch is held at a time.

Data
    ``FlatHessian``  ``hvp``, ``dim``, and the flat gradient and point.

The three most important functions are ``hvp_of`` (what people call), ``FlatHessian.hvp`` and ``FlatHessian.unflat``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["FlatHessian", "hvp_of"]


class FlatHessian:
    """The Hessian of a loss in some parameters, as products with flat vectors of all their entries.

    It unpacks as ``hvp, dim``. Vectors are float64 arrays; products are computed in the parameters' own type, on
    their own device.
    """

    def __init__(self, loss: Callable[..., Any], parameters: Sequence[Tensor], batches: Sequence[Any] | None) -> None:
        self.loss = loss
        self.parameters = list(parameters)
        self.batches = batches
        self.dim = sum(one.numel() for one in self.parameters)

    def __iter__(self) -> Iterator[Any]:
        return iter((self.hvp, self.dim))

    @property
    def x(self) -> NDArray[np.float64]:
        """The parameters. Shapes: (dim)."""
        return self._flat([one.detach() for one in self.parameters])

    def hvp(self, v: NDArray[np.float64]) -> NDArray[Any]:
        """The product of the Hessian with v, in the parameters' own type. Shapes: v (dim) -> (dim)."""
        along = self.unflat(v)
        total = [torch.zeros_like(one) for one in self.parameters]
        for value in self._values():
            gradients = torch.autograd.grad(value, self.parameters, create_graph=True, materialize_grads=True)
            pairs = [(g, w) for g, w in zip(gradients, along, strict=True) if g.requires_grad]
            if not pairs:  # linear in the parameters
                continue
            inner = [g for g, _ in pairs]
            products = torch.autograd.grad(
                inner, self.parameters, grad_outputs=[w for _, w in pairs], materialize_grads=True
            )
            total = [t + p.detach() for t, p in zip(total, products, strict=True)]
        return self._own(total)

    def gradient(self) -> NDArray[np.float64]:
        """The gradient at the parameters. Shapes: (dim)."""
        total = [torch.zeros_like(one) for one in self.parameters]
        for value in self._values():
            found = torch.autograd.grad(value, self.parameters, materialize_grads=True)
            total = [t + g.detach() for t, g in zip(total, found, strict=True)]
        return self._flat(total)

    def unflat(self, v: NDArray[np.float64]) -> list[Tensor]:
        """A flat vector as tensors of the parameters' shapes, types and devices. Shapes: v (dim)."""
        if np.shape(v) != (self.dim,):
            raise ValueError(f"v has shape {np.shape(v)}, expected ({self.dim},): all parameters, flat")
        parts, first = [], 0
        for one in self.parameters:
            part = np.ascontiguousarray(v[first : first + one.numel()]).reshape(tuple(one.shape))
            parts.append(torch.from_numpy(part).to(dtype=one.dtype, device=one.device))
            first += one.numel()
        return parts

    def _values(self) -> Iterator[Tensor]:
        if self.batches is None:
            yield self._scalar(self.loss())
            return
        for batch in self.batches:
            yield self._scalar(self.loss(*batch) if isinstance(batch, (tuple, list)) else self.loss(batch))

    def _scalar(self, value: Any) -> Tensor:
        if not isinstance(value, Tensor) or value.numel() != 1:
            told = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
            raise ValueError(f"loss returned {told}, expected a tensor of one number; take the mean or the sum")
        if not value.requires_grad:
            raise ValueError("loss does not depend on the parameters; compute it from them, outside of no_grad")
        return value.reshape(())

    def _own(self, parts: Sequence[Tensor]) -> NDArray[Any]:
        return np.concatenate([one.reshape(-1).cpu().numpy() for one in parts])

    def _flat(self, parts: Sequence[Tensor]) -> NDArray[np.float64]:
        return np.asarray(self._own(parts), dtype=np.float64)


def hvp_of(
    loss: Callable[..., Any],
    parameters: torch.nn.Module | Iterable[Tensor],
    batches: Iterable[Any] | None = None,
) -> FlatHessian:
    """The products of the Hessian of ``loss`` with flat vectors: ``hvp, dim = hvp_of(loss, module)``.

    ``loss()`` returns one number from the parameters; with ``batches`` it is called with each, and the losses are
    added (divide by their number for a mean). ``parameters`` are a module's that require gradients, or tensors.
    Dropout must be off and batch norm must not use the batch's own moments for the loss to be one function: call
    ``module.eval()``.
    Raises: ValueError when no parameter requires gradients, or they are not real floating-point numbers.
    """
    found = parameters.parameters() if isinstance(parameters, torch.nn.Module) else parameters
    tensors = [one for one in found if one.requires_grad]
    if not tensors:
        raise ValueError("parameters: none of them requires gradients; pass a module, or tensors with requires_grad")
    for one in tensors:
        if not one.is_floating_point():
            raise ValueError(f"parameters: found a tensor of {one.dtype}, expected real floating-point numbers")
        if not one.is_leaf:
            raise ValueError("parameters: found a tensor that is the result of others; pass what loss starts from")
    return FlatHessian(loss, tensors, None if batches is None else list(batches))
