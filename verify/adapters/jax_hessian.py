"""Hessian-vector products of losses written for JAX, on one flat vector of parameters.

Products are forward over reverse: the gradient's derivative along v, compiled once. Batches are taken one after
another and their products added.

The three most important functions are ``hvp_of`` (what people call), ``FlatHessian.hvp`` and
``FlatHessian.gradient``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jax
import numpy as np
from jax.flatten_util import ravel_pytree
from numpy.typing import NDArray

__all__ = ["FlatHessian", "hvp_of"]


class FlatHessian:
    """The Hessian of a loss in a tree of parameters, as products with flat vectors of all their entries.

    It unpacks as ``hvp, dim``. Products are computed in the parameters' own type: in float64 where
    ``jax_enable_x64`` is set.
    """

    def __init__(self, loss: Callable[..., Any], parameters: Any, batches: list[Any] | None) -> None:
        self._point, unravel = ravel_pytree(parameters)
        if np.dtype(self._point.dtype).kind != "f":
            raise ValueError(f"parameters are of {self._point.dtype}, expected real floating-point numbers")
        self.dim = int(self._point.size)
        self.batches = [()] if batches is None else [b if isinstance(b, (tuple, list)) else (b,) for b in batches]

        def value(point: Any, *batch: Any) -> Any:
            found = jax.numpy.asarray(loss(unravel(point), *batch))
            if found.size != 1:
                raise ValueError(f"loss returned shape {found.shape}, expected one number; take the mean or the sum")
            return found.reshape(())

        slope = jax.grad(value)

        def product(point: Any, v: Any, *batch: Any) -> Any:
            return jax.jvp(lambda z: slope(z, *batch), (point,), (v,))[1]

        self._slope, self._product = jax.jit(slope), jax.jit(product)

    def __iter__(self) -> Iterator[Any]:
        return iter((self.hvp, self.dim))

    @property
    def x(self) -> NDArray[np.float64]:
        """The parameters. Shapes: (dim)."""
        return np.asarray(self._point, dtype=np.float64)

    def hvp(self, v: NDArray[np.float64]) -> NDArray[Any]:
        """The product of the Hessian with v, in the parameters' own type. Shapes: v (dim) -> (dim)."""
        if np.shape(v) != (self.dim,):
            raise ValueError(f"v has shape {np.shape(v)}, expected ({self.dim},): all parameters, flat")
        along = jax.numpy.asarray(v, dtype=self._point.dtype)
        total = np.zeros(self.dim, np.dtype(self._point.dtype))
        for batch in self.batches:
            total = total + np.asarray(self._product(self._point, along, *batch))
        return total

    def gradient(self) -> NDArray[np.float64]:
        """The gradient at the parameters. Shapes: (dim)."""
        total = np.zeros(self.dim)
        for batch in self.batches:
            total += np.asarray(self._slope(self._point, *batch), np.float64)
        return total


def hvp_of(loss: Callable[..., Any], parameters: Any, batches: Iterable[Any] | None = None) -> FlatHessian:
    """The products of the Hessian of ``loss(parameters, *batch)``: ``hvp, dim = hvp_of(loss, parameters)``.

    ``parameters`` is any tree of arrays. With ``batches`` the losses of all are added (divide by their number for a
    mean); batches of equal shapes are compiled once.
    Raises: ValueError when parameters are no real floating-point numbers, or the loss is not one number.
    """
    return FlatHessian(loss, parameters, None if batches is None else list(batches))
