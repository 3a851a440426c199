"""Gradients of JAX functions, those with rules of their own above all, checked against differences.

The check runs in float64; whether JAX computes in float64 elsewhere does not change. Arrays of JAX have one layout
and are never written to, so nothing about memory can be wrong.

Data
    ``Passes``  a function of arrays as a forward and a backward pass.

The three most important functions are ``check_function`` (what people call), ``forward_mode`` (rules for tangents)
and ``without_gradients`` (a rule's own output).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.dtypes import float0

from verify.adapters.shared import apart, found, names_of, reproducible, said
from verify.backward_pass import Finding, Report, check_backward

__all__ = ["check_function"]

# Another order of the same operations, in float64 and float32.
CLOSE = {"float64": 1e-11, "float32": 1e-4}
ARRAYS = (np.ndarray, np.generic, jax.Array)

Call = Callable[..., Any]
Findings = Iterator[Finding]


def check_function(function: Call, inputs: Sequence[Any], **options: Any) -> Report:
    """Whether the gradients that JAX gives for a function are those of its values.

    ``function`` may have rules of its own (``jax.custom_vjp``, ``jax.custom_jvp``) or none. ``inputs`` are its
    arguments: arrays, in pytrees too, are checked, all else is passed on. A rule for tangents is compared with the
    gradients, ``<u, J v> = <J^T u, v>``, and must be linear; what is compiled must give the same gradients; a rule
    must give the function's own output. ``options`` are those of ``check_backward``.

    Arrays of other types than float64 are copied to float64; gradients in their own types must then be the same
    within that rounding. A function that takes no float64 is checked in float32, at these inputs alone.
    """
    with _double():
        passes = _running(function, inputs)
        if passes.dtype == "float32":
            # Inputs are rounded, too: entries that are equal then move in unequal steps.
            options = {"points": 1, **options}
        report = check_backward(
            passes.forward, passes.backward, passes.arrays, saved=True, names=passes.names, **options
        )
        report = replace(report, evidence={**report.evidence, "type": passes.dtype})
        if any(one.kind == "contract" for one in report.findings):
            return reproducible(report, function, inputs, "jnp.array", "jnp")
        rng = np.random.default_rng(options.get("seed", 0))
        noise = options.get("nondeterministic", 0.0)
        report = found(report, [one for promise in PROMISES for one in promise(passes, rng, noise)])
    return reproducible(report, function, inputs, "jnp.array", "jnp")


# ----------------------------------------------------------------------------------------------------- both passes


class Passes:
    """A function at these inputs in one type of numbers (None: their own), as functions of arrays."""

    def __init__(self, function: Call, inputs: Sequence[Any], dtype: str | None) -> None:
        self.function = function
        self.dtype = dtype
        self.own = inputs
        names = names_of(function, len(inputs))
        flat, self.tree = jax.tree_util.tree_flatten_with_path(list(inputs))
        self.leaves = [leaf for _, leaf in flat]
        # Arguments that a rule may not differentiate are passed on.
        fixed = {k % len(inputs) for k in getattr(function, "nondiff_argnums", ())}
        self.given = [
            k for k, (path, leaf) in enumerate(flat) if isinstance(leaf, ARRAYS) and path[0].idx not in fixed
        ]
        self.names = [names[flat[k][0][0].idx] + jax.tree_util.keystr(flat[k][0][1:]) for k in self.given]
        self.arrays = [self._typed(self.leaves[k]) for k in self.given]
        self.moving = [k for k, x in enumerate(self.arrays) if jnp.issubdtype(x.dtype, jnp.floating)]

    def _typed(self, leaf: Any) -> Any:
        value = np.array(leaf)
        floating = jnp.issubdtype(value.dtype, jnp.floating)
        return value.astype(self.dtype) if self.dtype is not None and floating else value

    def call(self, *arrays: Any) -> Any:
        """The function of arrays alone."""
        leaves = list(self.leaves)
        for k, array in zip(self.given, arrays, strict=True):
            leaves[k] = array
        return self.function(*jax.tree_util.tree_unflatten(self.tree, leaves))

    def typed(self, arrays: Sequence[Any]) -> list[Any]:
        """Arrays as JAX has them, in the type of the check."""
        if any(np.asarray(x).dtype.kind == "c" for x in arrays):
            raise TypeError("complex numbers are not passed on")
        return [jnp.array(x, own.dtype) for x, own in zip(arrays, self.arrays, strict=True)]

    def forward(self, *arrays: Any) -> tuple[Any, Any]:
        """The outputs, and what gives the gradients."""
        outputs, pull = jax.vjp(self.call, *self.typed(arrays))
        values = tuple(np.array(y) for y in floating(outputs))
        return values if len(values) > 1 else values[0], (outputs, pull)

    def backward(self, d_output: Any, saved: Any) -> tuple[Any, ...]:
        """A gradient for every array, None for integers."""
        outputs, pull = saved
        parts = d_output if isinstance(d_output, tuple) else (d_output,)
        return tuple(None if g.dtype == float0 else np.array(g) for g in pull(cotangent(outputs, parts)))


def floating(outputs: Any) -> list[Any]:
    """The outputs that hold floating-point numbers."""
    return [y for y in jax.tree_util.tree_leaves(outputs) if jnp.issubdtype(jnp.result_type(y), jnp.floating)]


def cotangent(outputs: Any, parts: Sequence[Any]) -> Any:
    """These numbers as a cotangent of the outputs, integers having none."""
    rest = iter(parts)

    def of(y: Any) -> Any:
        if jnp.issubdtype(jnp.result_type(y), jnp.floating):
            return jnp.asarray(next(rest), jnp.result_type(y))
        return np.zeros(np.shape(y), float0)

    return jax.tree_util.tree_map(of, outputs)


def _double() -> Any:
    """Within it JAX computes in float64, in this thread."""
    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(True)
    from jax.experimental import enable_x64  # where older releases have it

    return enable_x64(True)


def _running(function: Call, inputs: Sequence[Any]) -> Passes:
    """The passes in float64, or in float32 where only that runs. Raises: ValueError for 16 bits or no numbers."""
    first = Passes(function, inputs, "float64")
    if not first.moving:
        raise ValueError("no input holds floating-point numbers: there is nothing to check")
    if _runs(first) or all(np.dtype(first.leaves[first.given[k]].dtype) == np.float64 for k in first.moving):
        return first
    single = Passes(function, inputs, "float32")
    if _runs(single):
        return single
    if _runs(Passes(function, inputs, None)):
        raise ValueError(
            "the function runs in 16 bits only, too coarse for differences: let it take float32 or float64 too, or "
            "check one that does the same in these"
        )
    return first


def _runs(passes: Passes) -> bool:
    try:
        outputs = jax.vjp(passes.call, *passes.typed(passes.arrays))[0]
    except Exception:  # whatever a function does about a type of numbers, it does not run in it
        return False
    if any(jnp.iscomplexobj(y) for y in jax.tree_util.tree_leaves(outputs)):
        raise ValueError("complex outputs are not checked: return their real and imaginary parts")
    if not floating(outputs):
        raise ValueError("no output holds floating-point numbers: there is nothing to check")
    return True


# --------------------------------------------------------------------------------------------------------- promises


def without_gradients(passes: Passes, rng: np.random.Generator, noise: float) -> Findings:
    """The function gives the same output where no gradients are wanted."""
    inputs = passes.typed(passes.arrays)
    plain, ruled = floating(passes.call(*inputs)), floating(jax.vjp(passes.call, *inputs)[0])
    if any(apart(a, b) > _close(passes, noise) for a, b in zip(plain, ruled, strict=True)):
        cause = "the rule of the forward pass returns another output than the function"
        yield Finding("contract", "forward gives another output when gradients are wanted", cause)


def forward_mode(passes: Passes, rng: np.random.Generator, noise: float) -> Findings:
    """Tangents are linear in the inputs' tangents, and agree with the gradients."""
    inputs = passes.typed(passes.arrays)
    v, w = ([_tangent(x, rng) for x in inputs] for _ in range(2))
    both = [x if x.dtype == float0 else 2.0 * x - 0.5 * y for x, y in zip(v, w, strict=True)]

    def along(tangents: Sequence[Any]) -> list[Any]:
        outputs, moved = jax.jvp(passes.call, tuple(inputs), tuple(tangents))
        kept = zip(jax.tree_util.tree_leaves(outputs), jax.tree_util.tree_leaves(moved), strict=True)
        return [np.asarray(t) for y, t in kept if jnp.issubdtype(jnp.result_type(y), jnp.floating)]

    try:
        one, other, combined = along(v), along(w), along(both)
    except TypeError as error:
        if "custom_vjp" in str(error):
            return  # such a function has no tangents
        yield Finding("contract", f"jax.jvp raised {said(error)}")
        return
    except Exception as error:
        yield Finding("contract", f"jax.jvp raised {said(error)}")
        return
    if any(apart(a * 2.0 - b * 0.5, c) > _close(passes, noise) for a, b, c in zip(one, other, combined, strict=True)):
        yield Finding("cotangent", "jax.jvp is not linear in the tangents", "the rule for tangents is not linear")
        return
    outputs, pull = jax.vjp(passes.call, *inputs)
    u = [rng.uniform(0.5, 1.5, np.shape(y)) * rng.choice((-1.0, 1.0), np.shape(y)) for y in floating(outputs)]
    gradients = pull(cotangent(outputs, u))
    for k in passes.moving:
        alone = along([x if i == k or x.dtype == float0 else jnp.zeros_like(x) for i, x in enumerate(v)])
        left = [np.multiply(a, b, dtype=np.float64) for a, b in zip(u, alone, strict=True)]
        right = np.multiply(gradients[k], v[k], dtype=np.float64)
        size = sum(float(np.sum(np.abs(a))) for a in left) + float(np.sum(np.abs(right)))
        distance = abs(sum(float(np.sum(a)) for a in left) - float(np.sum(right)))
        if not distance <= 10.0 * _close(passes, noise) * size:
            what = f"jax.jvp and jax.vjp differ in {passes.names[k]}: <u, J v> is {distance:.2g} away from <J^T u, v>"
            yield Finding("wrong", what, "a rule behaves otherwise for tangents", culprit=k)


def compiled(passes: Passes, rng: np.random.Generator, noise: float) -> Findings:
    """What is compiled gives the same gradients."""
    inputs = passes.typed(passes.arrays)
    outputs, pull = jax.vjp(passes.call, *inputs)
    u = cotangent(outputs, [rng.uniform(0.5, 1.5, np.shape(y)) for y in floating(outputs)])
    expected = pull(u)

    def gradients(parts: list[Any]) -> list[Any]:
        result = jax.vjp(passes.call, *parts)[1](u)
        return [result[k] for k in passes.moving]

    try:
        made = jax.jit(gradients)(inputs)
    except Exception as error:
        yield Finding("contract", f"under jax.jit a pass raised {said(error)}", "a rule looks at numbers")
        return
    for k, one in zip(passes.moving, made, strict=True):
        if apart(one, expected[k]) > _close(passes, noise):
            what = f"the gradient of {passes.names[k]} changes under jax.jit"
            yield Finding("cache", what, "a rule keeps state", culprit=k)


def own_type(passes: Passes, rng: np.random.Generator, noise: float) -> Findings:
    """In the types that the arrays have, the gradients are those of float64 within that rounding."""
    own = Passes(passes.function, passes.own, None)
    kinds = {own.arrays[k].dtype for k in own.moving}
    if passes.dtype != "float64" or kinds == {np.dtype("float64")}:
        return
    coarsest = max(kinds, key=lambda kind: float(jnp.finfo(kind).eps))
    eps = float(jnp.finfo(coarsest).eps)
    outputs, pull = jax.vjp(passes.call, *passes.typed(passes.arrays))
    u = [np.asarray(rng.uniform(0.5, 1.5, np.shape(y)).astype(coarsest), np.float64) for y in floating(outputs)]
    expected = pull(cotangent(outputs, u))

    def typed(factor: float) -> Any:
        moved = [
            (np.asarray(x, np.float64) * (1.0 + factor)).astype(x.dtype) if k in own.moving else x
            for k, x in enumerate(own.arrays)
        ]
        outputs, pull = jax.vjp(own.call, *own.typed(moved))
        return pull(cotangent(outputs, u))

    try:
        gradients, nudged = typed(0.0), typed(2.0 * eps)
    except Exception as error:
        if len(kinds) == 1:
            yield Finding("contract", f"in {coarsest} a pass raised {said(error)}, in float64 it runs")
        return
    for k in passes.moving:
        one, near = np.asarray(gradients[k], np.float64), np.asarray(nudged[k], np.float64)
        distance = apart(one, expected[k])
        if distance > 2.0 * eps**0.5 + 8.0 * apart(near, one) + noise:
            what = f"the gradient of {passes.names[k]} in {coarsest} is {distance:.1g} away from that in float64"
            yield Finding(
                "precision", f"{what}, relatively", f"a part is computed otherwise in {coarsest}", culprit=k
            )


PROMISES = (without_gradients, forward_mode, compiled, own_type)


def _tangent(x: Any, rng: np.random.Generator) -> Any:
    if not jnp.issubdtype(x.dtype, jnp.floating):
        return np.zeros(x.shape, float0)
    return jnp.asarray(rng.uniform(0.5, 1.5, x.shape) * rng.choice((-1.0, 1.0), x.shape), x.dtype)


def _close(passes: Passes, noise: float) -> float:
    return CLOSE[passes.dtype or "float32"] + noise
