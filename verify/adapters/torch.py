"""Backward passes written for PyTorch, checked against differences of their forward passes.

The check runs in float64 copies, on the tensors' own devices. Cotangents come as autograd sends them: expanded,
transposed, in steps, without dimensions.

The three most important functions are ``check_function``, ``check_module`` (what people call) and ``checked`` (what
both do).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from verify.adapters.shared import found, leaves, names_of, refilled, reproducible, undecided
from verify.adapters.torch_passes import Passes, Subject, Unfit, array_of, laid_out
from verify.adapters.torch_promises import PROMISES, Watch, cotangents, graph
from verify.backward_pass import Report, check_backward

__all__ = ["check_function", "check_module"]

Call = Callable[..., Any]

RANDOM = (
    "forward draws random numbers: call .eval() on the module, or pass same_noise=True, with which every pass draws "
    "the same ones"
)


def check_function(
    function: Call | type[torch.autograd.Function],
    inputs: Sequence[Any],
    *,
    double_backward: bool = False,
    same_noise: bool = False,
    **options: Any,
) -> Report:
    """Whether the gradients that autograd gives for a function of tensors are those of its values.

    ``function`` is a ``torch.autograd.Function``, its ``apply``, or any function of tensors; ``inputs`` are its
    arguments, of which tensors, in lists, tuples and dictionaries too, are checked and all else is passed on. Where
    some tensors require gradients, those are checked and the others are constants; else all that hold floating-point
    numbers are. ``double_backward`` checks the gradients' own gradients too. ``options`` are those of
    ``check_backward``.

    Tensors of other types than float64 are copied to float64; gradients in their own types must then be the same
    within that rounding. A function that takes no float64 is checked in float32, at these inputs alone.
    """
    custom = _custom(function)
    call = custom.apply if custom is not None else function
    names = _argument_names(function if custom is None else custom, inputs, custom is not None)
    tensors = [
        (name, part) for name, one in zip(names, inputs, strict=True) for name, part in leaves(one, Tensor, name)
    ]

    def spread(inner: Call) -> Call:
        return lambda *parts: inner(*refilled(list(inputs), Tensor, iter(parts)))

    places = [k for k, one in enumerate(inputs) if isinstance(one, Tensor)]
    # A Function may call its backward pass vjp.
    seen = custom is not None and len(places) == len(tensors) and custom.vjp is torch.autograd.Function.vjp
    watch = Watch(custom, spread, places) if custom is not None and seen else None
    wanted = _wanted([one for _, one in tensors])
    subject = Subject(spread(call), *_columns(tensors), wanted, same_noise, custom=custom)
    with _random_state(subject):
        report = checked(subject, watch, double_backward, options)
    return reproducible(report, function, inputs, "torch.tensor", "torch")


def check_module(
    module: torch.nn.Module,
    inputs: Sequence[Any],
    *,
    double_backward: bool = False,
    same_noise: bool = False,
    **options: Any,
) -> Report:
    """Whether the gradients of a module, in its inputs and parameters, are those of its values.

    A copy of the module is run, in the mode it is in, with buffers that are fresh in every pass: the module does not
    change. Parameters that require no gradients are constants. All else is as in ``check_function``.
    """
    try:
        own = copy.deepcopy(module)
    except RuntimeError:  # a tensor in the module is a result: what is swapped below is put back
        own = module
    names = names_of(module.forward, len(inputs))
    given = [
        (name, part) for name, one in zip(names, inputs, strict=True) for name, part in leaves(one, Tensor, name)
    ]
    weights = list(own.named_parameters())
    taken = {name for name, _ in given}
    tensors = given + [(f"module.{name}" if name in taken else name, one) for name, one in weights]
    wanted = [*_wanted([one for _, one in given]), *(one.requires_grad for _, one in weights)]

    def call(*parts: Tensor) -> Any:
        arguments = refilled(list(inputs), Tensor, iter(parts[: len(given)]))
        swapped = dict(zip((name for name, _ in weights), parts[len(given) :], strict=True))
        kind = next((part.dtype for part in parts if part.is_floating_point()), None)
        for name, buffer in own.named_buffers():
            fresh = buffer.detach().clone()
            swapped[name] = fresh.to(kind) if fresh.is_floating_point() and kind is not None else fresh
        return torch.func.functional_call(own, swapped, tuple(arguments))

    subject = Subject(call, *_columns(tensors), wanted, same_noise)
    with _random_state(subject):
        return replace(checked(subject, None, double_backward, options), reproduce="")


# --------------------------------------------------------------------------------------------------------- the check


def checked(subject: Subject, watch: Watch | None, double_backward: bool, options: dict[str, Any]) -> Report:
    """The report of ``check_backward``, with what is promised in PyTorch beside."""
    seed = options.get("seed", 0)
    passes = _running(subject)
    if not subject.same_noise and not options.get("nondeterministic") and _random(subject, passes.dtype):
        return undecided(passes.names, RANDOM, seed)
    if passes.dtype is torch.float32:
        # Inputs are rounded, too: entries that are equal then move in unequal steps.
        options = {"points": 1, **options}
    report = check_backward(passes.forward, passes.backward, passes.arrays, saved=True, names=passes.names, **options)
    report = replace(report, evidence={**report.evidence, "type": str(passes.dtype).removeprefix("torch.")})
    if all(one.kind != "contract" for one in report.findings):
        rng = np.random.default_rng(seed)
        noise = options.get("nondeterministic", 0.0)
        report = found(report, [one for promise in PROMISES for one in promise(passes, rng, noise)])
        if watch is not None:
            report = watch.told(report, passes, rng)
    if double_backward and report:
        second = _second(subject, passes, np.random.default_rng(seed))
        report = _joined(report, checked(second, None, False, _extended(options, second, len(subject.tensors))))
    return report


def _random_state(subject: Subject) -> Any:
    """Afterwards the generators of random numbers are as they were."""
    return torch.random.fork_rng(sorted({one.get_device() for one in subject.tensors if one.is_cuda}))


def _running(subject: Subject) -> Passes:
    """The passes in float64, or in float32 where only that runs. Raises: Unfit when only 16 bits do."""
    own = {one.dtype for one in subject.tensors if one.is_floating_point()}
    first = Passes(subject, torch.float64)
    if not first.moving:
        raise Unfit("no input holds floating-point numbers: there is nothing to check")
    if _runs(first) or own <= {torch.float64}:
        return first
    if _runs(single := Passes(subject, torch.float32)):
        return single
    if _runs(Passes(subject, None)):
        kinds = ", ".join(sorted(str(kind).removeprefix("torch.") for kind in own))
        raise Unfit(
            f"the function runs in {kinds} only, too coarse for differences: let it take float32 or float64 too, or "
            "check one that does the same in these"
        )
    return first


def _runs(passes: Passes) -> bool:
    try:
        outputs, sources = passes.run([passes.tensors[k].clone() for k in passes.given])
        passes.gradients(outputs, sources, [torch.ones_like(y) for y in outputs])
    except Unfit:
        raise
    except Exception:  # whatever a function does about a type of numbers, it does not run in it
        return False
    return True


def _random(subject: Subject, dtype: torch.dtype | None) -> bool:
    """Whether outputs change from one pass to the next, and do not when both draw the same random numbers."""

    def steady(one: Subject) -> bool:
        passes = Passes(one, dtype)
        first, second = (passes.run([laid_out(x) for x in passes.arrays])[0] for _ in range(2))
        return all(torch.equal(torch.nan_to_num(a), torch.nan_to_num(b)) for a, b in zip(first, second, strict=True))

    try:
        return not steady(subject) and steady(replace(subject, same_noise=True))
    except Exception:  # what a pass raises is told by the check itself
        return False


# ------------------------------------------------------------------------------------------------- second derivatives


def _second(subject: Subject, passes: Passes, rng: np.random.Generator) -> Subject:
    """The gradients as a function of the inputs and the cotangents."""
    outputs, _ = graph(passes)
    places = list(passes.places or ())
    moving = [passes.given[k] for k in passes.moving]
    count = len(subject.tensors)

    def gradients(*parts: Tensor) -> tuple[Tensor, ...]:
        inputs, sent = parts[:count], parts[count:]
        sources = [inputs[k].requires_grad_() for k in moving]
        with passes.setting():
            values = [y for _, y in leaves(subject.call(*inputs), Tensor)]
            pairs = [(values[k], u) for k, u in zip(places, sent, strict=True) if values[k].requires_grad]
            results = torch.autograd.grad(
                [y for y, _ in pairs], sources, [u for _, u in pairs], create_graph=True, allow_unused=True
            )
        if _once(results):
            raise RuntimeError("a backward pass is marked with @once_differentiable")
        return tuple(torch.zeros_like(x) if g is None else g for g, x in zip(results, sources, strict=True))

    many = len(outputs) > 1
    names = [f"grad_output[{k}]" if many else "grad_output" for k in range(len(outputs))]
    return Subject(
        gradients,
        [*subject.names, *names],
        [*passes.tensors, *cotangents(outputs, rng)],
        [*subject.wanted, *(True for _ in outputs)],
        subject.same_noise,
        constant=True,
    )


def _extended(options: dict[str, Any], second: Subject, count: int) -> dict[str, Any]:
    """The options, where inputs are drawn by the user with the cotangents behind them."""
    draw = options.get("sample")
    if draw is None:
        return options
    behind = [array_of(one) for one in second.tensors[count:]]
    return {**options, "sample": lambda rng: [*draw(rng), *behind]}


def _once(tensors: Sequence[Tensor | None]) -> bool:
    """Whether the way to these leads through a node that only raises; a gradient of one source may not meet it."""
    todo, seen = [one.grad_fn for one in tensors if one is not None], set()
    while todo:
        node = todo.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if type(node).__name__ == "Error":
            return True
        todo += [following for following, _ in node.next_functions]
    return False


def _joined(first: Report, second: Report) -> Report:
    """One report on the gradients and on theirs."""
    findings = [replace(one, what=f"double backward: {one.what}") for one in second.findings]
    doubts = [replace(one, reason=f"double backward: {one.reason}") for one in second.doubts]
    cost = replace(
        first.cost,
        forward=first.cost.forward + second.cost.forward,
        backward=first.cost.backward + second.cost.backward,
        seconds=first.cost.seconds + second.cost.seconds,
    )
    return replace(
        first,
        outcome=second.outcome,
        names=second.names,
        findings=tuple(findings),
        doubts=(*first.doubts, *doubts),
        power=max(first.power, second.power),
        cost=cost,
    )


# ------------------------------------------------------------------------------------------------------------- names


def _custom(function: Any) -> type[torch.autograd.Function] | None:
    """The Function that this is, or is the ``apply`` of."""
    owner = getattr(function, "__self__", None) if getattr(function, "__name__", "") == "apply" else function
    return owner if isinstance(owner, type) and issubclass(owner, torch.autograd.Function) else None


def _argument_names(function: Any, inputs: Sequence[Any], custom: bool) -> list[str]:
    if not custom:
        return names_of(function, len(inputs))
    separate = function.setup_context is not torch.autograd.Function.setup_context
    return names_of(function.forward, len(inputs), skip=0 if separate else 1)


def _wanted(tensors: Sequence[Tensor]) -> list[bool]:
    floating = [one.is_floating_point() for one in tensors]
    asked = [one.requires_grad for one in tensors]
    return [a and b for a, b in zip(floating, asked, strict=True)] if any(asked) else floating


def _columns(tensors: Sequence[tuple[str, Tensor]]) -> tuple[list[str], list[Tensor]]:
    return [name for name, _ in tensors], [one for _, one in tensors]
