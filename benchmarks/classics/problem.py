"""What a classic problem is, and how its inputs are drawn."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from verify import sampling

Sizes = Mapping[str, int]
Axis = str | int
Arguments = dict[str, Any]

KINDS = ("gradient", "jacobian", "hessian", "vjp", "jvp", "hvp")

# What sizes get in the order in which they appear, where a problem does not say: two small assignments, each of
# different lengths, and one at which times can be measured.
SMALL = ((4, 3, 2, 5, 6), (3, 5, 4, 2, 7))
LARGE = (256, 128, 64, 32, 16)

INTEGER = "integer below "
# Nearly every square matrix is.
INVERTIBLE = "invertible"


@dataclass(frozen=True)
class Problem:
    """A forward pass in plain NumPy, and its derivative as an expert writes it, in print and in NumPy.

    ``shapes`` gives every argument its axes: the name of a size, a number where the code loops over it, or a product
    such as ``"2*k"``. ``domains`` says what an argument obeys where it is not any real number: a domain of
    ``verify.sampling``, ``invertible``, or ``integer below`` a size. ``assumptions`` takes the arguments of the
    function and returns the relations that they obey and that the expert's answer makes use of.

    ``expert`` is the right-hand side, in the names of the arguments and of the local variables of ``function``. What
    it uses beside those is defined in ``where``, which counts as a part of the answer. Where the answer has
    free indices, ``entry`` is the left-hand side.

    Vectors are columns. Functions and powers, but for the inverse of a matrix, act on every entry, a softmax on every
    row. ``\\sigma`` is the logistic function, ``\\Phi`` the distribution function of a standard normal variable, and
    ``\\varphi`` its density. A bracket is 1 where its condition holds and else 0. What is too small is broadcast, as
    in the function. A bar is a cotangent, a dot a tangent. A name that a loop assigns, and an axis that it runs over,
    have the number of the pass as their index, from 1 on; with the index 0 a name is what the loop starts from.

    ``backward`` takes the arguments of ``function`` by name, for a ``vjp`` also the cotangent ``d_<output>`` and for
    a ``jvp`` or ``hvp`` the tangent ``t_<wrt>``, and returns the derivative by ``wrt`` alone.
    """

    name: str
    area: str
    function: Callable[..., Any]
    shapes: Mapping[str, tuple[Axis, ...]]
    wrt: str
    expert: str
    backward: Callable[..., Any]
    kind: str = "gradient"
    where: str = ""
    entry: str = ""
    output: str = ""
    domains: Mapping[str, str] = field(default_factory=dict)
    assumptions: Callable[..., list[Any]] | None = None
    small: tuple[Sizes, Sizes] | None = None
    large: Sizes | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.name}: there is no kind {self.kind!r}; there are {', '.join(KINDS)}")
        if (self.kind in ("vjp", "jvp")) != bool(self.output):
            raise ValueError(f"{self.name}: a vjp or jvp, and nothing else, names its output")
        if unknown := {self.wrt, *self.domains} - set(self.shapes):
            raise ValueError(f"{self.name}: no argument is called {', '.join(sorted(unknown))}")

    def size_names(self) -> tuple[str, ...]:
        """The names of the sizes, in the order in which the shapes mention them."""
        factors = [factor for shape in self.shapes.values() for axis in shape for factor in str(axis).split("*")]
        return tuple(dict.fromkeys(factor for factor in factors if not factor.isdigit()))

    def small_sizes(self) -> tuple[Sizes, Sizes]:
        """Two assignments at which numerical derivatives are cheap."""
        names = self.size_names()
        first, second = (dict(zip(names, pool, strict=False)) for pool in SMALL)
        return self.small or (first, second)

    def large_sizes(self) -> Sizes:
        """An assignment at which times can be measured."""
        return self.large or dict(zip(self.size_names(), LARGE, strict=False))

    def draw(self, sizes: Sizes, seed: int, *, scale: float = 1.0) -> Arguments:
        """Arguments of these sizes inside the domains. ``scale`` multiplies those that may be any real number."""
        rng = np.random.default_rng(seed)
        return {name: self._draw(name, sizes, rng, scale) for name in self.shapes}

    def _draw(self, name: str, sizes: Sizes, rng: np.random.Generator, scale: float) -> Any:
        shape = tuple(length(axis, sizes) for axis in self.shapes[name])
        domain = self.domains.get(name, "real")
        if domain.startswith(INTEGER):
            return rng.integers(length(domain.removeprefix(INTEGER), sizes), size=shape)
        if domain in ("real", INVERTIBLE):
            return scale * sampling.draw("real", shape, rng)
        return sampling.draw(domain, shape, rng)


def length(axis: Axis, sizes: Sizes) -> int:
    """The length of an axis: a number, the name of a size, or a product of such."""
    return math.prod(int(factor) if factor.isdigit() else sizes[factor] for factor in str(axis).split("*"))
