"""The NumPy function that a program was traced from, called at the points of a check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from derive.derivation import Derivation
from derive.evaluate import Sizes, run
from derive.index import Letter
from derive.nodes import Tensor
from derive.program import Program, Source
from verify.relations import Test, at_sizes
from verify.world import World

__all__ = ["call_at", "called"]

CLOSE = 1e-9
"""By how much of the largest entry a program and its function may differ: they round in another order."""
ROUNDS, MARGIN = 4, 16
"""How often a function that rounds to a coarse type is called beside a point, and what may come of other orders."""

Array = np.ndarray[Any, Any]


def called(program: Program, derivation: Derivation | None) -> Test | None:
    """The test that a program computes what the function computes that it was traced from; None where it was not."""
    if program.source is None or derivation is None or not derivation.results:
        return None
    output = program.source.outputs[0]
    entry = output[tuple(Letter("i", axis) for axis in output.axes)]
    return Test(derivation.results[0], None, entry, entry, "=", "the NumPy function", "the program that was traced")


def call_at(test: Test, world: World, program: Program, sizes: Sizes) -> None:
    """Calls the function at the points of a world."""
    source = program.source
    assert source is not None
    for point in range(world.points):
        drawn = {t: world.drawn(t)[point] for t in program.inputs if t not in program.constants}
        given = {t: a.astype(int) if t.below is not None else np.array(a) for t, a in drawn.items()}
        try:
            with np.errstate(all="ignore"):
                said = source.function(**{t.name: given[t].copy() for t in source.arguments})
                found = run(program, {**given, **program.constants}, sizes).arrays
        except np.linalg.LinAlgError:
            # no value at this point
            continue
        except Exception as raised:
            test.failure = f"the function raises {type(raised).__name__}{at_sizes(sizes)}: {raised}"
            return
        values = [said] if len(source.outputs) == 1 else list(said)
        pairs = [(t, found[t], np.asarray(value)) for t, value in zip(source.outputs, values, strict=True)]
        if not all(np.isfinite(theirs).all() for _, _, theirs in pairs):
            continue
        large = max(float(np.abs(a).max(initial=0.0)) for a in found.values() if np.isfinite(a).all())
        differences = {t.name: _difference(ours, theirs, large) for t, ours, theirs in pairs}
        name = max(differences, key=lambda n: differences[n])
        if not differences[name] <= CLOSE + _rounding(source, given, values, large):
            test.failure = (
                f"the program that was traced does not compute what the function computes{at_sizes(sizes)}: "
                f"{name!r} differs by {differences[name]:.1e}. This is an error of the toolkit: please send the "
                "function to its authors"
            )
            return
        test.met(1, sizes, differences[name])


def _rounding(source: Source, given: Mapping[Tensor, Array], values: Sequence[Array], large: float) -> float:
    """How far a coarse type of numbers carries what a function returns, from calls at arguments beside the given."""
    if source.computed_in == "float64":
        return 0.0
    unit, rng = float(np.finfo(source.computed_in).eps), np.random.default_rng(1)
    reached = [unit]
    for _ in range(ROUNDS):
        beside = {
            t.name: given[t] * (1 + unit * rng.uniform(-1, 1, given[t].shape)) if t.below is None else given[t].copy()
            for t in source.arguments
        }
        said = source.function(**beside)
        listed = [said] if len(source.outputs) == 1 else list(said)
        reached += [_difference(np.asarray(a), np.asarray(b), large) for a, b in zip(listed, values, strict=True)]
    return MARGIN * max(reached)


def _difference(ours: Array, theirs: Array, large: float) -> float:
    """The largest difference, as a part of the largest entry, or of a part of what is ``large`` on the way."""
    if ours.shape != theirs.shape:
        return float("inf")
    scale = max(float(np.abs(theirs).max(initial=0.0)), 1e-3 * large, 1e-300)
    return float(np.abs(ours - theirs).max(initial=0.0)) / scale
