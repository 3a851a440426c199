"""The NumPy source of a derivation, against numerical derivatives of the very function that it was traced from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from derive.derivation import Check, Derivation
from derive.nodes import Tensor
from derive.program import Source
from verify import numdiff
from verify.assignments import assignments
from verify.relations import Test, at_sizes
from verify.scenes import Stage
from verify.sources import Sources

__all__ = ["check_exported"]

Array = np.ndarray[Any, np.dtype[Any]]

ASSIGNMENTS = 3
"""At how many assignments of sizes the code is tried."""
CLOSE = 1e-9
"""By how much of its largest entry a result may differ beyond the bound of the numerical derivative."""
ROUNDS = 4


def check_exported(derivation: Derivation, *, seed: int = 0) -> Check:
    """How well the exported function agrees with numerical derivatives of the NumPy function.

    Raises: ValueError for a derivation that is not one of a NumPy function.
    """
    source = derivation.program.source
    if source is None:
        raise ValueError("this derivation was not made from a NumPy function")
    with np.errstate(all="ignore"):
        return _check(derivation, source, seed)


def _check(derivation: Derivation, source: Source, seed: int) -> Check:
    chain = derivation.results[0]
    witness = "numerical derivative of the NumPy function"
    test = Test(chain, None, chain.start, chain.start, "=", witness, "the exported code")
    stage = Stage(Sources(derivation.program, {}, (derivation.program, derivation.derived)), derivation.chains, seed)
    function = derivation.function()
    rng = np.random.default_rng([seed, 2])
    for attempt in range(ROUNDS):
        for sizes in assignments(stage, ASSIGNMENTS, rng):
            world, reason = stage.world(sizes, 1, attempt)
            if world is None:
                test.doubts[reason] = None
                continue
            inputs = dict.fromkeys((*derivation.program.inputs, *derivation.derived.inputs))
            given = {t: world.drawn(t)[0].copy() for t in inputs} | dict(derivation.program.constants)
            given |= {t: a.astype(int) for t, a in given.items() if t.below is not None}
            failure, error = _compared(derivation, source, function, given)
            if failure:
                test.failure = f"the exported code is wrong{at_sizes(sizes)}: {failure}"
                return test.check()
            if error is not None:
                test.met(1, sizes, error)
        if len(test.sizes) >= ASSIGNMENTS or not stage.symbols:
            break
    return test.check()


def _compared(
    derivation: Derivation, source: Source, function: Callable[..., Any], given: Mapping[Tensor, Array]
) -> tuple[str, float | None]:
    """What is wrong at a point, and by how much of the largest entry the code differs, where that can be said."""
    arguments = {t.name: given[t] for t in derivation.derived.inputs}
    found = function(**arguments)
    results = found if isinstance(found, dict) else {derivation.wrt[0].name: found}
    largest: float | None = None
    for tensor in derivation.wrt:
        if tensor.name not in results:
            continue
        ours = np.asarray(results[tensor.name])
        known = _numerically(derivation, source, tensor, given)
        if known is None or not np.isfinite(known.value).all() or known.kink.any():
            continue
        scale = float(np.abs(known.value).max(initial=0.0)) + float(known.bound.max(initial=0.0)) + 1e-300
        if ours.shape != known.value.shape:
            return f"the derivative by {tensor.name} has the shape {ours.shape}, not {known.value.shape}", None
        off = np.abs(ours - known.value)
        if not np.all(off <= known.bound + CLOSE * scale):
            return f"the derivative by {tensor.name} differs by {float(off.max() / scale):.1e}", None
        largest = max(largest or 0.0, float(off.max(initial=0.0) / scale))
    return "", largest


def _numerically(
    derivation: Derivation, source: Source, tensor: Tensor, given: Mapping[Tensor, Array]
) -> numdiff.Estimate | None:
    """The derivative by a tensor, from differences of the function; None for the kinds that take too many."""
    at = given[tensor]

    def moved(z: Array) -> Any:
        return source.function(**{t.name: z if t is tensor else given[t] for t in source.arguments})

    extra = [a for t, a in given.items() if t not in source.arguments and t not in derivation.program.constants]
    match derivation.kind:
        case "gradient":
            return numdiff.gradient(moved, at)
        case "jacobian":
            return numdiff.jacobian(moved, at)
        case "vjp":
            return numdiff.vjp(moved, at, extra[0])
        case "hessian":
            return numdiff.hessian(moved, at)
        case "jvp" if len(derivation.wrt) == 1:
            return numdiff.jvp(moved, at, extra[0])
        case "hvp":
            whole, v = numdiff.hessian(moved, at), extra[0]
            value, bound = np.tensordot(whole.value, v, at.ndim), np.tensordot(whole.bound, np.abs(v), at.ndim)
            return numdiff.Estimate(value, bound, np.zeros_like(bound, dtype=bool), whole.evaluations)
    return None
