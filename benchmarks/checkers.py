"""Checkers of gradients behind one interface: each is given passes in NumPy, wrapped as its documentation shows.

Data
    ``Passes``   a forward and a backward pass from the table, counted and made uniform.
    ``Verdict``  rejected, undecided or neither, why, and what ``check_backward`` names.
    ``Checker``  a name, what it cannot take, and the check.

The most important functions are ``ours``, ``by_torch`` and ``installed`` (the checkers that can be imported). All but
ours are given float64, their own tolerances and their default settings; inputs without floating-point numbers are
constants for them, a gradient that is None is one of zeros.
"""

from __future__ import annotations

import functools
import importlib.util
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import check_grad

from benchmarks.mistakes import Correct, Mistake
from verify.backward_pass import check_backward

__all__ = ["Checker", "Passes", "Rejected", "Verdict", "installed"]

Arrays = tuple[Any, ...]


class Rejected(Exception):
    """What a checker that returns a number, or False, says instead of raising."""


@dataclass(frozen=True)
class Verdict:
    """What a checker said; ``kind`` and ``culprits`` are ours alone."""

    rejected: bool
    why: str = ""
    undecided: bool = False
    kind: str | None = None
    culprits: tuple[int, ...] | None = None


class Passes:
    """A row of the table at its inputs, remembering nothing; ``seed`` is what the checker draws with."""

    def __init__(self, row: Mistake | Correct, seed: int = 0) -> None:
        one = row.fresh()
        self.seed = seed
        self.row = one
        self.inputs = one.draw()
        self.floats = [k for k, x in enumerate(self.inputs) if np.asarray(x).dtype.kind == "f"]
        self.forwards = 0

        @functools.wraps(one.forward)
        def counted(*inputs: Any) -> Any:
            self.forwards += 1
            return one.forward(*inputs)

        self.forward = counted

    def start(self) -> Arrays:
        """The inputs that are differentiated, in double precision."""
        return tuple(np.array(self.inputs[k], np.float64) for k in self.floats)

    def run(self, given: Sequence[Any]) -> tuple[Any, Any]:
        """The output, and what belongs to its backward pass."""
        inputs = list(self.inputs)
        for k, x in zip(self.floats, given, strict=True):
            inputs[k] = x
        result = self.forward(*inputs)
        return result if self.row.saved else (result, tuple(inputs))

    def gradients(self, d_output: Any, kept: Any) -> list[Any]:
        """A gradient of every input that is differentiated, zeros for None. Raises: ValueError for another number."""
        row = self.row
        result = row.backward(d_output, kept) if row.saved else row.backward(d_output, *kept)
        if isinstance(result, dict):
            names = list(inspect.signature(row.forward).parameters)
            result = [result.pop(name, None) for name in names[: len(self.inputs)]] + list(result.values())
        if len(result) != len(self.inputs):
            raise ValueError(f"{len(result)} gradients for {len(self.inputs)} inputs")
        return [
            np.zeros(np.shape(self.inputs[k])) if result[k] is None else np.asarray(result[k]) for k in self.floats
        ]

    def unfit(self) -> str:
        """Why no checker but ours takes these: they are written for functions of real numbers in double precision."""
        if not self.floats:
            return "no input has floating-point numbers"
        if not any(np.size(self.inputs[k]) for k in self.floats):
            return "all inputs are empty"
        output, _ = Passes(self.row).run(self.start())
        parts = output if isinstance(output, tuple) else (output,)
        if any(np.asarray(part).dtype.kind != "f" for part in parts):
            return "an output has no floating-point numbers"
        if any(np.asarray(part).dtype != np.float64 for part in parts):
            return "forward computes in less than double precision"
        return ""


def ours(passes: Passes, **options: Any) -> Verdict:
    """``verify.backward_pass.check_backward``."""
    row = passes.row
    report = check_backward(
        passes.forward, row.backward, passes.inputs, saved=row.saved, seed=passes.seed, **{**row.options, **options}
    )
    return Verdict(
        report.outcome == "disagrees", report.message, report.outcome == "inconclusive", report.kind, report.culprits
    )


def by_torch(passes: Passes, fast: bool) -> Verdict:
    """``torch.autograd.gradcheck`` of a ``torch.autograd.Function``."""
    import torch

    class Wrapped(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *given: Any) -> Any:
            output, ctx.kept = passes.run([x.detach().numpy() for x in given])
            return tuple(map(tensor, output)) if isinstance(output, tuple) else tensor(output)

        @staticmethod
        def backward(ctx: Any, *d: Any) -> Any:
            cotangents = tuple(part.numpy() for part in d)
            return tuple(
                tensor(one) for one in passes.gradients(cotangents if len(d) > 1 else cotangents[0], ctx.kept)
            )

    def tensor(array: Any) -> Any:
        return torch.from_numpy(np.array(array))  # torch has no negative strides

    # An empty array has strides of 0 in NumPy, which gradcheck refuses.
    start = [(torch.from_numpy(x) if x.size else torch.zeros(x.shape).double()) for x in passes.start()]
    for x in start:
        x.requires_grad_()
    torch.autograd.gradcheck(Wrapped.apply, start, fast_mode=fast)
    return Verdict(False)


def by_jax(passes: Passes) -> Verdict:
    """``jax.test_util.check_grads`` of a ``jax.custom_vjp`` whose passes are callbacks."""
    import jax
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)
    start = passes.start()
    like = jax.tree.map(lambda y: jax.ShapeDtypeStruct(np.shape(y), np.float64), Passes(passes.row).run(start)[0])
    inputs_like = tuple(jax.ShapeDtypeStruct(x.shape, x.dtype) for x in start)

    def forward(*given: Any) -> Any:
        output, _ = passes.run([np.asarray(x) for x in given])
        return jax.tree.map(np.asarray, output)

    def backward(d: Any, *given: Any) -> Any:
        _, kept = passes.run([np.asarray(x) for x in given])
        return tuple(passes.gradients(jax.tree.map(np.asarray, d), kept))

    @jax.custom_vjp
    def wrapped(*given: Any) -> Any:
        return jax.pure_callback(forward, like, *given)

    wrapped.defvjp(
        lambda *given: (wrapped(*given), given), lambda given, d: jax.pure_callback(backward, inputs_like, d, *given)
    )
    check_grads(wrapped, start, order=1, modes=["rev"])
    return Verdict(False)


def by_scipy(passes: Passes) -> Verdict:
    """``scipy.optimize.check_grad`` of the outputs' products with random numbers of both signs, added up."""
    start = passes.start()
    rng = np.random.default_rng(passes.seed)
    output, _ = Passes(passes.row).run(start)
    many = isinstance(output, tuple)
    u = [np.asarray(rng.normal(size=np.shape(part))) for part in (output if many else (output,))]

    def parts(flat: Any) -> list[Any]:
        ends = np.cumsum([x.size for x in start])[:-1]
        return [part.reshape(x.shape) for part, x in zip(np.split(flat, ends), start, strict=True)]

    def function(flat: Any) -> float:
        output, _ = passes.run(parts(flat))
        return float(sum(np.sum(a * b) for a, b in zip(u, output if many else (output,), strict=True)))

    def gradient(flat: Any) -> Any:
        _, kept = passes.run(parts(flat))
        return np.concatenate([one.ravel() for one in passes.gradients(tuple(u) if many else u[0], kept)])

    flat = np.concatenate([x.ravel() for x in start])
    error = check_grad(function, gradient, flat)
    allowed = 1e-6 * np.linalg.norm(gradient(flat)) + 1e-8  # its step: gradients of zero are right too
    if not error <= allowed:
        raise Rejected(f"{error:.2g} is more than {allowed:.2g}")
    return Verdict(False)


def by_autograd(passes: Passes) -> Verdict:
    """``autograd.test_util.check_grads`` of a primitive."""
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    wrapped = primitive(lambda *given: passes.run(given)[0])

    def vjp_of(k: int) -> Callable[..., Any]:
        def made(answer: Any, *given: Any) -> Callable[[Any], Any]:
            _, kept = passes.run(given)
            return lambda d: passes.gradients(d, kept)[k]

        return made

    start = passes.start()
    defvjp(wrapped, *map(vjp_of, range(len(start))))
    check_grads(wrapped, tuple(range(len(start))), modes=["rev"], order=1)(*start)
    return Verdict(False)


@dataclass(frozen=True)
class Checker:
    """``check`` returns a verdict, or raises where it rejects; ``needs`` is the package that it is in."""

    name: str
    check: Callable[[Passes], Verdict]
    needs: str = "scipy"
    own: bool = False

    def unfit(self, passes: Passes) -> str:
        """Why it cannot take these; empty where it can."""
        return "" if self.own else passes.unfit()


CHECKERS = {
    one.name: one
    for one in (
        Checker("check_backward", ours, own=True),
        Checker("points=1", functools.partial(ours, points=1), own=True),
        Checker("torch", functools.partial(by_torch, fast=False), "torch"),
        Checker("torch, fast", functools.partial(by_torch, fast=True), "torch"),
        Checker("jax", by_jax, "jax"),
        Checker("scipy", by_scipy),
        Checker("autograd", by_autograd, "autograd"),
    )
}


def installed() -> dict[str, Checker]:
    """The checkers whose packages can be imported."""
    return {name: one for name, one in CHECKERS.items() if importlib.util.find_spec(one.needs)}
