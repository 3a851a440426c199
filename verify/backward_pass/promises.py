"""What every backward pass promises beside right numbers, tried with few calls.

Each promise is a generator of findings about a ``Place``, and stands in ``PROMISES``, in the order in which they are
tried. None of them needs differences.

The three most important functions are ``linear`` (in the cotangent), ``repeatable`` (the same answer again, whatever
was called between) and ``any_layout`` (of inputs in memory).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from verify.backward_pass.cotangents import INPUT_LAYOUTS, LAYOUTS, Cotangent, combined, flat, zero
from verify.backward_pass.elsewhere import drawn
from verify.backward_pass.place import REORDERED, Place, largest
from verify.backward_pass.report import Finding
from verify.backward_pass.roughness import roughness
from verify.backward_pass.slope import typical
from verify.backward_pass.subject import Broken, is_floating, twin

__all__ = ["GROUND", "PROMISES"]

# What is not linear by less than this, relative to the gradient, rounds.
SLIGHT = 1e-6
# Half precision is not linear by less than this; its steps show at moves of ROUGH.
COARSEST, ROUGH = 1e-2, 1e-3
RUN_FIRST = (
    "return what backward needs from forward (saved=True); to check a layer that keeps it, run forward first: "
    "lambda d_output, *inputs: (layer.forward(*inputs), layer.backward(d_output))[1]"
)
# The inputs of a forward pass between two others.
OTHERWISE = "inputs of other signs"

Findings = Iterator[Finding]


def finite(place: Place) -> Findings:
    """No NaN or infinity where the outputs are finite."""
    if not place.finite:
        return
    for k in place.floating:
        gradient = place.claims()[k]
        if gradient is not None and not np.all(np.isfinite(gradient)):
            entry = tuple(map(int, np.argwhere(~np.isfinite(gradient))[0]))
            held = float(np.asarray(gradient)[entry])
            yield _about(place, k, f"is {held} at {list(entry)}, where the outputs are finite")


def types_kept(place: Place) -> Findings:
    """A gradient has the type of its input."""
    for k in place.floating:
        gradient, x = place.claims()[k], place.inputs[k]
        if gradient is None or not isinstance(x, np.ndarray):
            continue
        found = np.asarray(gradient).dtype
        if found != x.dtype:
            yield _about(
                place,
                k,
                f"holds {found}, the input {x.dtype}",
                f"convert it with .astype({place.subject.names[k]}.dtype)",
            )


def nothing_written(place: Place) -> Findings:
    """Neither pass writes to inputs, outputs or the cotangent."""
    given = [twin(x) for x in place.inputs]
    passed = place.subject.forward(given)
    for k, (now, then) in enumerate(zip(given, place.inputs, strict=True)):
        if not same(now, then):
            yield Finding(
                "contract", f"forward writes to {place.subject.names[k]}", culprit=None, advice="work on a copy"
            )
            return
    before = [y.copy() for y in passed.outputs]
    cotangent = tuple(part.copy() for part in place.cotangents["signed"])
    passed.raw(cotangent)
    if not all(same(now, then) for now, then in zip(cotangent, place.cotangents["signed"], strict=True)):
        yield Finding("contract", "backward writes to d_output", advice="work on a copy: d_output = d_output.copy()")
    for k, (now, then) in enumerate(zip(given, place.inputs, strict=True)):
        if not same(now, then):
            yield Finding("contract", f"backward writes to {place.subject.names[k]}", advice="work on a copy")
    if not all(same(now, then) for now, then in zip(passed.outputs, before, strict=True)):
        yield Finding("contract", "backward writes to the output", advice="work on a copy")


def memory_own(place: Place) -> Findings:
    """A gradient is an array of its own: a view of an input, of the cotangent, of another gradient or of the last
    call's is not."""
    names = place.subject.names
    place.claims()
    before = place.returned["signed"]
    cotangent = tuple(part.copy() for part in place.cotangents["signed"])
    again = place.passed.gradients(cotangent)
    held = [(k, again[k]) for k in place.floating if isinstance(again[k], np.ndarray) and again[k].size]
    for position, (k, gradient) in enumerate(held):
        others: list[tuple[str, Any]] = [("shares memory with d_output", part) for part in cotangent]
        others += [
            (f"shares memory with {names[i]}", x)
            for i, x in enumerate(place.passed.inputs)
            if isinstance(x, np.ndarray)
        ]
        others += [(f"shares memory with the gradient of {names[i]}", other) for i, other in held[:position]]
        if isinstance(before[k], np.ndarray):
            others.append(("is the same memory at every call: the next call changes it", before[k]))
        for what, other in others:
            if np.may_share_memory(gradient, other) and np.shares_memory(gradient, other):
                yield _about(place, k, what, "return a copy")
                break


def linear(place: Place) -> Findings:
    """Backward is linear in the cotangent: ``b(au + bv) = a b(u) + b b(v)``, and 0 for 0."""
    u, v = place.cotangents["signed"], place.cotangents["mixed"]
    a, b = -1.5, 0.75
    both = place.passed.gradients(combined(a, u, b, v))
    nothing = place.passed.gradients(zero(place.outputs))
    one, other = place.claims("signed"), place.claims("mixed")
    for k in place.floating:
        if one[k] is None:
            continue
        with np.errstate(all="ignore"):
            expected = a * np.asarray(one[k], np.float64) + b * np.asarray(other[k], np.float64)
            apart = largest(
                np.nan_to_num(np.asarray(both[k], np.float64) - expected, nan=np.inf) * np.isfinite(expected)
            )
        share = largest(other[k]) / largest(one[k]) if largest(one[k]) else 1.0
        allowed = REORDERED * place.noise[k] * (2.0 + share) * 4.0 + REORDERED * _eps(place, k) * largest(other[k])
        allowed += (
            REORDERED * _eps(place, k) * float(np.abs(flat(v)) @ np.abs(place.centre)) / typical(place.inputs[k])
        )
        if largest(nothing[k]) > allowed:
            yield _about(
                place,
                k,
                "is not zero for a zero d_output",
                kind="cotangent",
                cause="a term does not contain d_output",
            )
        # less is rounding in a narrower type: the values tell
        elif apart > max(allowed, SLIGHT * (largest(one[k]) + largest(other[k]))) and not rounds(place, k, apart):
            yield _about(
                place,
                k,
                f"is not linear in d_output: b({a}·u + {b}·v) is {apart:.2g} away from {a}·b(u) + {b}·b(v)",
                kind="cotangent",
                cause="backward treats some upstream gradients differently (ignores, clips, takes signs or sums)",
            )


def rounds(place: Place, k: int, apart: float) -> bool:
    """Whether what is not linear is the roughness of a narrow type, half precision in double."""
    size = largest(place.claims("signed")[k]) + largest(place.claims("mixed")[k])
    rough = roughness(place, k, ROUGH) if apart < COARSEST * size else None
    return rough is not None and 30.0 * rough > apart


def cotangent_layouts(place: Place) -> Findings:
    """Any layout of the cotangent in memory gives the same gradients."""
    u = place.cotangents["signed"]
    expected = place.claims("signed")
    for name, laid in LAYOUTS.items():
        yield from _changed(place, f"a {name} d_output", tuple(map(laid, u)), expected)
    spread = tuple(np.broadcast_to(np.asarray(0.75, y.dtype), y.shape) for y in u)
    copied = place.passed.gradients(tuple(part.copy() for part in spread))
    yield from _changed(place, "a d_output that is broadcast (stride 0)", spread, copied)


def _changed(place: Place, what: str, laid: Cotangent, expected: Sequence[Any]) -> Findings:
    try:
        found = place.passed.gradients(laid)
    except Broken as broken:
        yield Finding(
            "contract",
            f"with {what} {broken.message}",
            f"backward fails for {what}",
            advice="accept arrays in any memory order",
        )
        return
    for k in _apart(place, found, expected):
        yield _about(
            place, k, f"changes with {what}", kind="cotangent", cause="backward reads memory in a fixed order"
        )


def repeatable(place: Place) -> Findings:
    """The same inputs give the same outputs and gradients, whatever was called in between."""
    names = place.subject.names
    at_once = place.passed.gradients([part.copy() for part in place.cotangents["signed"]])
    changing = list(_apart(place, at_once, place.claims(), place.floor))
    for k in changing:
        yield _about(
            place,
            k,
            "changes when backward is called again",
            cause="backward draws random numbers, or writes to what was saved",
        )
    if changing:
        return
    other = [drawn(x, OTHERWISE, place.rng) for x in place.inputs]
    with contextlib.suppress(Broken):
        place.subject.forward(other).gradients([part.copy() for part in place.cotangents["signed"]])
    again = place.passed.gradients([part.copy() for part in place.cotangents["signed"]])
    for k in _apart(place, again, place.claims(), place.floor):
        yield _about(
            place,
            k,
            "changes once forward was called with other inputs",
            RUN_FIRST,
            kind="cache",
            cause="backward reads what the newest forward pass left behind",
        )
    passed = place.subject.forward([twin(x) for x in place.inputs])
    for now, then in zip(passed.outputs, place.outputs, strict=True):
        allowed = place.tolerance * largest(then)
        if now.shape != then.shape or (not same(now, then) and largest(np.nan_to_num(now - then)) > allowed):
            yield Finding(
                "contract",
                "forward gives another output when it is called again",
                cause="it draws random numbers, or keeps state",
                advice="pass the random numbers in, or allow noise with nondeterministic=",
            )
            return
    fresh = passed.gradients([part.copy() for part in place.cotangents["signed"]])
    changed = set(_apart(place, again, place.claims(), place.floor))
    for k in set(_apart(place, fresh, place.claims(), place.floor)) - changed:
        yield _about(
            place, k, f"changes when the passes of {names[k]} are run again", kind="cache", cause="state is kept"
        )


def any_layout(place: Place) -> Findings:
    """Any layout of the inputs in memory gives the same outputs and gradients."""
    if all(np.ndim(place.inputs[k]) == 0 for k in place.floating):
        return
    for name, laid in INPUT_LAYOUTS.items():
        inputs = [laid(x) if isinstance(x, np.ndarray) and is_floating(x) else twin(x) for x in place.inputs]
        try:
            passed = place.subject.forward(inputs)
            found = passed.gradients([part.copy() for part in place.cotangents["signed"]])
        except Broken as broken:
            yield Finding(
                "contract", f"with {name} inputs {broken.message}", advice="accept arrays in any memory order"
            )
            continue
        if (
            any(
                now.shape != then.shape
                or largest(np.nan_to_num(now - then)) > 1e3 * np.finfo(then.dtype).eps * largest(np.nan_to_num(then))
                for now, then in zip(passed.outputs, place.outputs, strict=True)
                if then.dtype.kind == "f"
            )
            and place.finite
        ):
            yield Finding("contract", f"{name} inputs change the output", advice="accept arrays in any memory order")
            continue
        for k in _apart(place, found, place.claims()):
            yield _about(place, k, f"changes with {name} inputs", "accept arrays in any memory order")


GROUND: tuple[Callable[[Place], Findings], ...] = (finite, nothing_written, repeatable, memory_own)
"""What all else stands on: where one of these is broken, nothing more can be said."""
PROMISES: tuple[Callable[[Place], Findings], ...] = (types_kept, linear, cotangent_layouts, any_layout)
"""What is tried after these."""


def _apart(
    place: Place, found: Sequence[Any], expected: Sequence[Any], noise: Sequence[float] | None = None
) -> Iterator[int]:
    """The inputs whose gradients differ by more than rounding."""
    noise = place.noise if noise is None else noise
    for k in place.floating:
        if expected[k] is None:
            continue
        if np.shape(found[k]) != np.shape(expected[k]):
            yield k
            continue
        one, other = np.asarray(found[k], np.float64), np.asarray(expected[k], np.float64)
        if np.array_equal(one, other):
            continue
        with np.errstate(all="ignore"):
            apart = np.where((one == other) | (np.isnan(one) & np.isnan(other)), 0.0, np.abs(one - other))
        if not np.all(apart <= REORDERED * noise[k]):
            yield k


def _about(place: Place, k: int, what: str, advice: str = "", *, kind: str = "contract", cause: str = "") -> Finding:
    return Finding(
        kind,
        f"the gradient of {place.subject.names[k]} {what}",
        culprit=k,
        advice=advice,
        cause=cause,
        where=place.label,
    )


def _eps(place: Place, k: int) -> float:
    return float(np.finfo(np.asarray(place.inputs[k]).dtype).eps)


def same(one: Any, other: Any) -> bool:
    """Whether two inputs hold the same, NaN included."""
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other, equal_nan=one.dtype.kind in "fc")
    return one is other or bool(np.all(one == other))
