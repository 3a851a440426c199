"""What a function of tensors promises beside right gradients, and what autograd makes up for.

Each promise is a generator of findings about ``Passes``, and stands in ``PROMISES``.

The three most important functions are ``one_needed`` (``ctx.needs_input_grad``), ``own_type`` (float32, bfloat16) and
``Watch.told`` (shapes that autograd sums).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import forward_ad

from verify.adapters.shared import apart, found, said
from verify.adapters.torch_passes import Passes, array_of, laid_out
from verify.backward_pass import Finding, Report
from verify.backward_pass.cotangents import signed

__all__ = ["PROMISES", "Watch", "cotangents", "graph"]

Call = Callable[..., Any]
Findings = Iterator[Finding]
# A sum in another order, in float64 and float32.
CLOSE = {torch.float64: 1e-11, torch.float32: 1e-4}


def graph(passes: Passes, only: int | None = None) -> tuple[list[Tensor], list[Tensor]]:
    return passes.run([laid_out(x) for x in passes.arrays], only)


def cotangents(outputs: Sequence[Tensor], rng: np.random.Generator) -> list[Tensor]:
    drawn = signed([array_of(y) for y in outputs], rng)
    return [laid_out(u).to(y.device, y.dtype) for u, y in zip(drawn, outputs, strict=True)]


def without_gradients(passes: Passes, rng: np.random.Generator, noise: float) -> Findings:
    """The outputs are the same where no gradients are wanted."""
    if passes.subject.constant:
        return
    try:
        kept = passes.values([laid_out(x) for x in passes.arrays])
    except Exception as error:
        yield Finding("contract", f"under torch.no_grad() forward raised {said(error)}")
        return
    pairs = zip(kept, graph(passes)[0], strict=True)
    if any(apart(array_of(a), array_of(b)) > _close(passes, noise) for a, b in pairs):
        yield Finding("contract", "under torch.no_grad() forward gives another output")


def one_needed(passes: Passes, rng: np.random.Generator, noise: float) -> Findings:
    """An input's gradient is the same when no other input needs one."""
    if len(passes.moving) < 2:
        return
    outputs, sources = graph(passes)
    sent = cotangents(outputs, rng)
    full = passes.gradients(outputs, sources, sent)
    cause = "backward counts on gradients that are not needed, or does not follow ctx.needs_input_grad"
    for place, k in enumerate(passes.moving):
        name = passes.names[k]
        try:
            outputs, sources = graph(passes, only=k)
            alone = passes.gradients(outputs, sources, sent)[place]
        except Exception as error:
            what = f"when {name} alone requires a gradient, backward raised {said(error)}"
            yield Finding("contract", what, cause, culprit=k)
            continue
        if apart(array_of(alone), array_of(full[place])) > _close(passes, noise):
            what = f"the gradient of {name} changes when no other input requires one"
            yield Finding("contract", what, cause, culprit=k)


def one_used(passes: Passes, rng: np.random.Generator, noise: float) -> Findings:
    """An output that is not used counts like one with a cotangent of zeros."""
    outputs, sources = graph(passes)
    if len(outputs) < 2:
        return
    sent = cotangents(outputs, rng)
    cause = "an output that is not used has no gradient: None, or zeros where they are materialised"
    for j, y in enumerate(outputs):
        if not y.requires_grad:
            continue
        masked = [u if i == j else torch.zeros_like(u) for i, u in enumerate(sent)]
        zeros = passes.gradients(outputs, sources, masked)
        try:
            alone = passes.gradients([y], sources, [sent[j]])
        except Exception as error:
            yield Finding("contract", f"when output {j} alone is used, backward raised {said(error)}", cause)
            continue
        for k, one, other in zip(passes.moving, alone, zeros, strict=True):
            if apart(array_of(one), array_of(other)) > _close(passes, noise):
                what = f"the gradient of {passes.names[k]} is wrong when output {j} alone is used"
                yield Finding("contract", what, cause, culprit=k)


def forward_mode(passes: Passes, rng: np.random.Generator, noise: float) -> Findings:
    """Where a Function has a rule for tangents, it is linear and agrees with the gradients."""
    custom = passes.subject.custom
    if custom is None or custom.jvp is torch.autograd.Function.jvp:
        return
    outputs, sources = graph(passes)
    sent = cotangents(outputs, rng)
    gradients = passes.gradients(outputs, sources, sent)
    v, w = (dict(zip(passes.moving, cotangents(sources, rng), strict=True)) for _ in range(2))

    def along(tangents: dict[int, Tensor]) -> list[Any]:
        given = [laid_out(x) for x in passes.arrays]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of PyTorch about itself, as is the other
            warnings.filterwarnings("ignore", "`torch", DeprecationWarning)
            with forward_ad.dual_level():
                dual = [forward_ad.make_dual(x, tangents[k]) if k in tangents else x for k, x in enumerate(given)]
                moved = [forward_ad.unpack_dual(y).tangent for y in passes.values(dual)]
        return [np.zeros(y.shape) if t is None else array_of(t) for t, y in zip(moved, outputs, strict=True)]

    try:
        parts = {k: along({k: v[k]}) for k in passes.moving}
        one, other = along(v), along(w)
        both = along({k: 2.0 * v[k] - 0.5 * w[k] for k in passes.moving})
    except Exception as error:
        yield Finding("contract", f"in forward mode jvp raised {said(error)}")
        return
    if any(apart(2.0 * a - 0.5 * b, c) > _close(passes, noise) for a, b, c in zip(one, other, both, strict=True)):
        yield Finding("cotangent", "jvp is not linear in the tangents")
        return
    for k, gradient in zip(passes.moving, gradients, strict=True):
        left = [np.multiply(array_of(u), moved, dtype=np.float64) for u, moved in zip(sent, parts[k], strict=True)]
        right = np.multiply(array_of(gradient), array_of(v[k]), dtype=np.float64)
        size = sum(float(np.sum(np.abs(a))) for a in [*left, right])
        distance = abs(sum(float(np.sum(a)) for a in left) - float(np.sum(right)))
        if not distance <= 10.0 * _close(passes, noise) * size:
            what = f"jvp and backward differ in {passes.names[k]}: <u, J v> is {distance:.2g} away from <J^T u, v>"
            yield Finding("wrong", what, culprit=k)


def own_type(passes: Passes, rng: np.random.Generator, noise: float) -> Findings:
    """In the types that the tensors have, the gradients are those of float64 within that rounding."""
    own = Passes(passes.subject, None)
    kinds = {one.dtype for k, one in enumerate(own.tensors) if one.is_floating_point() and k in own.given}
    if passes.dtype is not torch.float64 or kinds <= {torch.float64}:
        return
    (coarsest,) = sorted(kinds, key=lambda kind: torch.finfo(kind).eps)[-1:]
    eps = float(torch.finfo(coarsest).eps)
    kind = str(coarsest).removeprefix("torch.")
    exact, sources = graph(passes)
    sent = [(1.0 * u).to(coarsest).to(u.dtype) for u in cotangents(exact, rng)]
    expected = passes.gradients(exact, sources, sent)

    def typed(factor: float) -> list[Tensor]:
        given = [own.tensors[k].clone() for k in own.given]
        moved = [one * (1.0 + factor) if one.is_floating_point() else one for one in given]
        outputs, ends = own.run([one.to(like.dtype) for one, like in zip(moved, given, strict=True)])
        return own.gradients(outputs, ends, [u.to(y.dtype) for u, y in zip(sent, outputs, strict=True)])

    try:
        gradients, nudged = typed(0.0), typed(2.0 * eps)
    except Exception as error:
        if len(kinds) > 1:
            return  # tensors of several types need not go together
        yield Finding("contract", f"in {kind} a pass raised {said(error)}, in float64 it runs")
        return
    for k, one, near, other in zip(passes.moving, gradients, nudged, expected, strict=True):
        allowed = 2.0 * eps**0.5 + 8.0 * apart(array_of(near.double()), array_of(one.double())) + noise
        if (distance := apart(array_of(one.double()), array_of(other))) > allowed:
            what = (
                f"the gradient of {passes.names[k]} in {kind} is {distance:.1g} away from that in float64, relatively"
            )
            yield Finding("precision", what, f"a part is computed otherwise in {kind}", culprit=k)


PROMISES = (without_gradients, one_needed, one_used, forward_mode, own_type)


def _close(passes: Passes, noise: float) -> float:
    return CLOSE[passes.dtype or torch.float32] + noise


class Watch:
    """What the backward pass of a Function returns, before autograd sums it to the shapes of the inputs."""

    def __init__(
        self, function: type[torch.autograd.Function], spread: Callable[[Call], Call], places: list[int]
    ) -> None:
        self.returned: Any = None

        def backward(ctx: Any, *d_outputs: Any) -> Any:
            self.returned = function.backward(ctx, *d_outputs)
            return self.returned

        watched: Any = type(function.__name__, (function,), {"backward": staticmethod(backward)})
        self.call = spread(watched.apply)
        self.places = places

    def told(self, report: Report, passes: Passes, rng: np.random.Generator) -> Report:
        """The report, with what autograd makes up for: shapes that only broadcast, gradients that are None."""
        watched = Passes(replace(passes.subject, call=self.call), passes.dtype)
        try:
            outputs, sources = graph(watched)
            watched.gradients(outputs, sources, cotangents(outputs, rng))
        except Exception:  # told by the check itself
            return report
        returned = self.returned if isinstance(self.returned, tuple) else (self.returned,)
        findings, silent = [], set()
        for k in watched.moving:
            place = self.places[watched.given[k]]
            gradient = returned[place] if place < len(returned) else None
            name, shape = watched.names[k], tuple(watched.tensors[watched.given[k]].shape)
            if gradient is None:
                silent.add(k)
            elif tuple(gradient.shape) != shape:
                what = f"the gradient of {name} has shape {tuple(gradient.shape)}, the input {shape}"
                cause = "a sum over a broadcast axis is missing, which autograd makes up for where it can"
                findings.append(Finding("contract", what, cause, culprit=k))
        named_none = tuple(
            replace(one, cause=f"backward returned None for {passes.names[one.culprit]}, which counts as zeros")
            if one.culprit in silent
            else one
            for one in report.findings
        )
        return found(replace(report, findings=named_none), findings)
