"""The loss of a network as a function of one flat vector of its parameters.

Data
    ``FlatLoss``  f, gradient and Hessian-vector products on the flat vector; products have bounds.

The three most important functions are ``flat_loss`` (from calls of this project's layers, see ``apply``),
``FlatLoss.pack`` and ``FlatLoss.unpack`` (parameters by name, and all in one row). What
``verify.adapters.torch_networks.flat_loss`` makes of a PyTorch module is a ``FlatLoss`` too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from verify.arguments import choice
from verify.critical.losses.hvp_bounds import EXTENDED, Differences, computes_in
from verify.critical.losses.layer_graph import Call, Graph, apply, check_finite, frozen, parted
from verify.numdiff import Estimate

__all__ = ["EXTENDED_UP_TO", "Call", "FlatLoss", "apply", "flat_loss"]

Array = NDArray[np.float64]
Wide = NDArray[Any]

PRECISIONS = ("auto", "double", "extended")

EXTENDED_UP_TO = 5000
"""Up to so many parameters products are made in extended precision, if nothing else is asked for."""


@dataclass(frozen=True, eq=False)
class FlatLoss:
    """A loss as a function of all its parameters: one array after another, in the order of ``shapes``, in one row.

    ``f(x)`` is the loss, ``gradient(x)`` its gradient, ``hvp(x, v)`` the product of its Hessian at x with v, and
    ``product(x, v)`` the same with a bound for each entry, infinite where there is no Hessian. ``start`` are the
    parameters that were given; ``precision`` says how products are made: ``exact`` by differentiating the gradient,
    ``extended`` or ``double`` by differences of gradients in that precision.
    Shapes: x, v, start, gradient(x), hvp(x, v) (n).
    Raises (all of them): ValueError when x or v has another shape or is not finite.
    """

    f: Callable[[ArrayLike], float]
    gradient: Callable[[ArrayLike], Array]
    hvp: Callable[[ArrayLike, ArrayLike], Array]
    product: Callable[[ArrayLike, ArrayLike], Estimate]
    shapes: Mapping[str, tuple[int, ...]]
    start: Array
    precision: str

    @property
    def dimension(self) -> int:
        """How many numbers the parameters hold."""
        return self.start.size

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the coordinates, such as ``W[0, 2]``."""
        return tuple(
            name + (str(list(map(int, place))) if shape else "")
            for name, shape in self.shapes.items()
            for place in np.ndindex(*shape)
        )

    def pack(self, parameters: Mapping[str, ArrayLike]) -> Array:
        """The flat vector of these parameters. Raises: ValueError when one is missing, unknown, or does not fit."""
        found = checked_parameters(parameters)
        for name in (*self.shapes, *found):
            if name not in found or name not in self.shapes:
                raise ValueError(f"parameters has {sorted(found)}: expected {sorted(self.shapes)}")
            if found[name].shape != self.shapes[name]:
                raise ValueError(f"{name} has shape {found[name].shape}: expected {self.shapes[name]}")
        return np.concatenate([found[name].ravel() for name in self.shapes])

    def unpack(self, x: ArrayLike) -> dict[str, Array]:
        """The parameters in a flat vector, by name."""
        return {name: part.copy() for name, part in parted(flat("x", x, self.dimension), self.shapes).items()}


def flat_loss(loss: Call, parameters: Mapping[str, ArrayLike], *, precision: str = "auto") -> FlatLoss:
    """The loss as a function of the parameters, all in one vector, with gradient and Hessian-vector products.

    Everything is computed in float64. The layers have no second derivatives, so products are differences of
    gradients, extrapolated: in extended precision, where the layers keep it, they are right to about the last digit
    of float64; in double precision about three digits are lost. No fast matrix products are made for extended
    precision: ``auto`` takes it for up to ``EXTENDED_UP_TO`` parameters.

    Raises: ValueError when layers do not fit together, the loss is no number or not finite, parameters are missing,
    unused, integers, complex or not finite, no gradient reaches one, or the loss changes from call to call.
    """
    choice("precision", precision, PRECISIONS)
    graph = Graph(loss)
    given = checked_parameters(parameters)
    graph.check_names(given)
    made = OfLayers(graph, {name: array.shape for name, array in given.items()})
    start = np.concatenate([array.ravel() for array in given.values()])
    graph.check_values(parted(frozen(start), made.shapes))
    first, second = (graph.swept(frozen(start), made.shapes) for _ in range(2))
    if first[0] != second[0] or not np.array_equal(first[1], second[1]):
        raise ValueError("the loss changes from call to call: layers draw random numbers or keep a state; fix a seed")
    wanted = precision == "extended" or (precision == "auto" and start.size <= EXTENDED_UP_TO)
    extended = wanted and computes_in(made.wide_gradient, start, EXTENDED)
    if precision == "extended" and not extended:
        raise ValueError("the layers, or this machine, do not compute in extended precision: take precision='auto'")
    made.differences = Differences(made.wide_gradient, EXTENDED if extended else np.float64)
    used = "extended" if extended else "double"
    return FlatLoss(made.f, made.gradient, made.hvp, made.product, made.shapes, start, used)


class OfLayers:
    """The functions of a ``FlatLoss`` that is made of layers. They can be sent to other processes."""

    def __init__(self, graph: Graph, shapes: Mapping[str, tuple[int, ...]]) -> None:
        self.graph = graph
        self.shapes = shapes
        self.dimension = sum(int(np.prod(shape, dtype=int)) for shape in shapes.values())
        self.differences = Differences(self.wide_gradient, np.float64)

    def f(self, x: ArrayLike) -> float:
        """The loss, infinite or NaN where the network overflows."""
        row = frozen(flat("x", x, self.dimension))
        with np.errstate(all="ignore"):
            return float(self.graph.run(parted(row, self.shapes))[0])

    def wide_gradient(self, x: Wide) -> Wide:
        """The gradient in the type of x."""
        return self.graph.swept(frozen(x), self.shapes)[1]

    def gradient(self, x: ArrayLike) -> Array:
        """The gradient, in float64."""
        row = flat("x", x, self.dimension)
        with np.errstate(all="ignore"):
            return np.asarray(self.wide_gradient(row), np.float64)

    def product(self, x: ArrayLike, v: ArrayLike) -> Estimate:
        """A Hessian-vector product with its bound."""
        return self.differences.product(flat("x", x, self.dimension), flat("v", v, self.dimension))

    def hvp(self, x: ArrayLike, v: ArrayLike) -> Array:
        """A Hessian-vector product."""
        return self.product(x, v).value


def checked_parameters(parameters: Mapping[str, ArrayLike]) -> dict[str, Array]:
    """The parameters in float64. Raises: ValueError naming one that does not hold finite floating-point numbers."""
    if not isinstance(parameters, Mapping) or not parameters:
        raise ValueError(f"parameters is {parameters!r}: expected names with their arrays, at least one")
    found: dict[str, Array] = {}
    for name, value in parameters.items():
        array = np.asarray(value)
        if array.dtype.kind != "f":
            advice = "convert it with .astype(float)" if array.dtype.kind in "iub" else "it must be real"
            raise ValueError(f"parameter {name!r} holds {array.dtype}, expected floating-point numbers: {advice}")
        check_finite(f"parameter {name!r}", array)
        found[name] = array.astype(np.float64)
    if not sum(array.size for array in found.values()):
        raise ValueError("the parameters hold no number at all: there is nothing to vary")
    return found


def flat(name: str, x: ArrayLike, dimension: int) -> Array:
    """A vector of this dimension. Raises: ValueError when it has another shape, or is complex or not finite."""
    array = np.asarray(x)
    if array.dtype.kind not in "fiu":
        raise ValueError(f"{name} holds {array.dtype}: expected real numbers")
    if array.shape != (dimension,):
        raise ValueError(f"{name} has shape {array.shape}: expected ({dimension},), as pack makes it of parameters")
    check_finite(name, array)
    return array.astype(np.float64, copy=False)
