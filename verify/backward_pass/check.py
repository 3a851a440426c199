"""Whether the gradients of a backward pass are those of its forward pass.

The three most important functions are ``check_backward`` (what people call), ``reproduction`` (code that shows a
failure) and ``unusable`` (why inputs cannot be checked).
"""

from __future__ import annotations

import contextlib
import io
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from verify.backward_pass.alarm import OutOfTime, alarm
from verify.backward_pass.elsewhere import MANNERS
from verify.backward_pass.examination import Examination
from verify.backward_pass.report import Cost, Doubt, Finding, Report
from verify.backward_pass.smallest import alike, smallest, snippet
from verify.backward_pass.subject import Broken, Subject, is_floating, twin

__all__ = ["check_backward"]

MODES = ("directions", "every-entry")
# Failures of functions that take so many seconds are not made smaller.
SLOW = 0.01


def check_backward(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    inputs: Sequence[Any],
    *,
    saved: bool = False,
    seed: int = 0,
    points: int | None = None,
    domain: Mapping[str, Any] | None = None,
    sample: Callable[[np.random.Generator], Sequence[Any]] | None = None,
    mode: str = "directions",
    time_limit: float | None = None,
    atol: float | None = None,
    rtol: float | None = None,
    eps: float | None = None,
    nondeterministic: float = 0.0,
    names: Sequence[str] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Report:
    """Whether a backward pass gives the gradients of its forward pass; if not, where it is wrong, and why.

    ``forward(*inputs)`` returns an array or a tuple of arrays, ``backward(d_output, *inputs)`` a tuple with a
    gradient for every input, None for those that hold no floating-point numbers. With ``saved``, forward returns
    ``(output, saved)`` and ``backward(d_output, saved)`` a tuple, or a dictionary by the names of forward's
    parameters. What is given is never changed.

    The given inputs are looked at first, then ``points - 1`` others, which keep what the given arrays have in common
    with what they stand for (signs, whole numbers, rows that add up to 1, symmetry, …); ``domain`` names intervals
    ``{"x": (0, 1)}`` or functions ``(rng, shape) -> array`` to draw from, ``sample(rng)`` draws all inputs. In the
    mode ``"every-entry"`` every entry at the given inputs is compared, and not directions only. ``time_limit`` is in
    seconds.

    Tolerances follow from the numbers; ``atol`` and ``rtol`` widen them, ``eps`` is the finest step of differences,
    in typical sizes of an input. ``nondeterministic`` is the relative noise that both passes may have. ``names`` are
    those of the inputs, where they are not the parameters of ``forward``. ``progress`` is told what is looked at now.
    Raises: TypeError when forward or backward is no function; ValueError when an option makes no sense.
    When this fails: at kinks inside of a function, where several meet, many values are right and none is judged;
    mistakes that show only where no point lies are not found.
    """
    _check_options(forward, backward, inputs, mode, points, eps, names)
    start = time.perf_counter()
    given = [twin(x) for x in ((inputs,) if isinstance(inputs, (np.ndarray, float)) else inputs)]
    subject = Subject(forward, backward, given, saved=saved, names=names)
    tolerances = {"tolerance": nondeterministic, "atol": atol, "rtol": rtol, "step": eps}
    check = Examination(subject, seed, tolerances, progress=progress)
    count = len(MANNERS) if points is None else max(points - 1, 0)
    shown = ""
    with (
        np.errstate(all="ignore"),
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        alarm(time_limit),
    ):
        # what a function says of numbers that nobody gave it is not news
        warnings.simplefilter("ignore", RuntimeWarning)
        warnings.simplefilter("ignore", np.exceptions.ComplexWarning)
        try:
            refused = unusable(given)
            if refused:
                check.doubts.append(Doubt(refused))
            else:
                check.given(given, every_entry=mode == "every-entry")
                if not check.findings:
                    check.elsewhere(given, count, domain=domain, sample=sample)
        except Broken as broken:
            check.findings.append(Finding("contract", broken.message, culprit=broken.culprit))
            if broken.trace:
                check.evidence["traceback"] = broken.trace
        except OutOfTime:
            calls = f"{subject.forwards} forward and {subject.backwards} backward calls"
            check.doubts.append(Doubt(f"the time limit of {time_limit:g} s was over after {calls}"))
        else:
            if check.findings:
                with contextlib.suppress(OutOfTime):
                    shown = reproduction(check, given, saved, seed)
    ground = all(one.kind in ("contract", "cache") for one in check.findings)
    found = sorted(check.findings, key=lambda one: _telling(one, ground))
    outcome = "disagrees" if found else "inconclusive" if check.doubts else "agrees"
    return Report(
        outcome,
        (*subject.names, *(subject.not_given if any(_not_given(one, subject) for one in found) else ())),
        tuple(found),
        tuple(check.doubts),
        check.power,
        Cost(subject.forwards, subject.backwards, time.perf_counter() - start),
        seed,
        tuple(check.looked),
        check.evidence,
        check.heat,
        shown,
    )


def reproduction(check: Examination, given: Sequence[Any], saved: bool, seed: int) -> str:
    """Code that shows the failure at the smallest inputs that were found."""
    first, subject = check.findings[0], check.subject

    def fails(inputs: Sequence[Any]) -> bool:
        if not alike(inputs, given):
            return False
        other = Subject(subject.given_forward, subject.given_backward, inputs, saved=saved, names=subject.names)
        again = Examination(other, seed, check.tolerances, diagnose=False)
        try:
            again.given(list(inputs))
        except Broken as broken:
            return first.kind == "contract" and broken.culprit == first.culprit and broken.message == first.what
        finally:
            subject.forwards += other.forwards
            subject.backwards += other.backwards
        return any(
            one.culprit == first.culprit and (one.kind == first.kind or one.kind == "wrong") for one in again.findings
        )

    check.say("smaller inputs at which it fails, too")
    where = check.failed.inputs if check.failed is not None else given
    if first.where is not None and check.failed is None:
        return ""
    found = tuple(where)
    slow = subject.forwards > 0 and check.seconds() / subject.forwards > SLOW
    if not slow and fails(found):
        found = smallest(found, fails)
    passes = f"{_called(subject.given_forward, 'forward')}, {_called(subject.given_backward, 'backward')}"
    options = f"{', saved=True' if saved else ''}, seed={seed}, points=1"
    return snippet(found, subject.names, f"check_backward({passes}, {{inputs}}{options})")


def _not_given(one: Finding, subject: Subject) -> bool:
    return one.culprit is not None and one.culprit >= len(subject.names)


def _called(function: Any, otherwise: str) -> str:
    name = getattr(function, "__name__", "")
    return name if name.isidentifier() else otherwise


def _check_options(
    forward: Any, backward: Any, inputs: Any, mode: str, points: int | None, eps: float | None, names: Any
) -> None:
    if not callable(forward) or not callable(backward):
        raise TypeError("forward and backward are functions: forward(*inputs), backward(d_output, *inputs)")
    if not isinstance(inputs, (tuple, list, np.ndarray, float)):
        raise TypeError(f"inputs is a {type(inputs).__name__}: it is a tuple of arrays, (x, W, b)")
    if mode not in MODES:
        raise ValueError(f"mode is {mode!r}: it is one of {', '.join(map(repr, MODES))}")
    if points is not None and points < 1:
        raise ValueError(f"points is {points}: it is 1 (the given inputs alone) or more")
    if eps is not None and not 0 < eps < 1:
        raise ValueError(f"eps is {eps}: it is a step between 0 and 1, in typical sizes of an input")
    if names is not None and isinstance(inputs, (tuple, list)) and len(names) != len(inputs):
        raise ValueError(f"there are {len(names)} names for {len(inputs)} inputs")


def unusable(inputs: Sequence[Any]) -> str:
    """Why inputs cannot be checked at all; empty when they can."""
    if not inputs:
        return "there are no inputs, and so no gradient to compare"
    for k, x in enumerate(inputs):
        if isinstance(x, np.ndarray) and x.dtype == object:
            return f"input {k} is an array of Python objects: convert it with .astype(float)"
        if is_floating(x) and not np.all(np.isfinite(x)) and np.all(np.isnan(x)):
            return f"input {k} is NaN"
    return ""


ORDER = ("cotangent", "cache")


def _telling(one: Finding, ground: bool) -> int:
    """Findings that tell most come first: writing and sharing memory explain what changes between calls."""
    if one.kind == "contract":
        return 0 if ground else 3
    return 1 if one.kind in ORDER else 2
