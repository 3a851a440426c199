"""Whether an operation of a program has no derivative where it is computed, such as a root of 0.

There the chain rule has no value, even where the whole function has a derivative: the deviation of one number is
always 0, and its derivative as a root of squares is 0/0. Every operation is asked on its own, by numerical
derivatives: what a law says of it is not relied upon.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from derive.definitions import Definition
from derive.evaluate import Evaluator, Sizes, run
from derive.nodes import Apply, Node, Over, Pow, Ref, Tensor
from derive.notation import add
from derive.program import Program
from derive.tree import map_children, walk
from verify import numdiff

__all__ = ["is_singular"]

Array = np.ndarray[Any, np.dtype[Any]]

SHIFT = Tensor("shift", ())


def is_singular(program: Program, given: Mapping[Tensor, Array], sizes: Sizes) -> bool:
    """Whether some power, or some function of numbers or along axes, has no derivative at these arrays."""
    computed = run(program, given, sizes)
    bodies = [item.body for item in program.items if isinstance(item, Definition)]
    return any(_has_none(node, computed) for body in bodies for node in _operations(body))


def _operations(body: Node) -> Iterator[Node]:
    """The operations, what goes into each of them shifted by one number. A jump or a corner has its own law."""
    shift = Ref(SHIFT, ())
    for node in walk(body):
        if isinstance(node, Pow):
            yield Pow(add(node.base, shift), node.exponent)
        elif isinstance(node, (Apply, Over)) and not _is_stepwise(node):
            yield map_children(node, lambda argument: add(argument, shift))


def _is_stepwise(node: Apply | Over) -> bool:
    return node.function.integer if isinstance(node, Over) else node.function.kinks


def _has_none(node: Node, computed: Evaluator) -> bool:
    def moved(shift: Array) -> Array:
        arrays = {**computed.arrays, SHIFT: shift[0]}
        return np.asarray(Evaluator(computed.sizes, arrays).value(node).array)

    slope = numdiff.jvp(moved, np.zeros(1), np.ones(1))
    return bool(slope.kink.any() or not np.isfinite(slope.value).all() or not np.isfinite(slope.bound).all())
