"""What functions of one number are tried on, entry by entry of an array."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from verify.layer import Array, Case, Draw, normal

__all__ = ["cases", "entries"]


def entries(rng: np.random.Generator) -> Array:
    """Numbers of both signs in one to three axes."""
    return normal(rng, *rng.integers(2, 6, rng.integers(1, 4)), scale=2.0)


ODD: Mapping[str, Callable[[np.random.Generator], Array]] = {
    "no axes": lambda rng: normal(rng),
    "four axes": lambda rng: normal(rng, 2, 1, 3, 2),
    "empty": lambda rng: normal(rng, 0, 3),
    "exactly zero": lambda rng: np.array([[0.0, -0.0, 0.5], [-0.5, 0.0, 2.0]]),
    "almost zero": lambda rng: np.array([1e-300, -1e-300, 1e-30, -1e-30, 1.0]),
    "in the tails": lambda rng: np.array([-40.0, -20.0, -6.0, 6.0, 20.0, 40.0]),
    "far out": lambda rng: np.array([-900.0, -750.0, -90.0, 1.0, 90.0, 750.0, 900.0]),
}


def cases(said: str = "", **options: Any) -> dict[str, Draw]:
    """The odd cases of a function with these options, and what their names say of them."""

    def called(draw: Callable[[np.random.Generator], Array]) -> Draw:
        return lambda rng: Case(draw(rng), **options)

    return {name + said: called(draw) for name, draw in ODD.items()}
