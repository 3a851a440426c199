"""Random NumPy programs of all operations: the gradient is the derivative, and the exported code computes it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from derive import MissingRuleError, NotationError, gradient
from derive.evaluate import run
from derive.render.numpy import compiled
from tests.derive.tracing.numpy_programs import ASSIGNED, NAMES, SHAPES, Plan, drawn, planned
from verify import numdiff

Words = Sequence[tuple[int, int, int, int]]

CLOSE = 1e-6
# A reshape of axes of which nothing is known, a size of which half is taken: both are refused, and say why.
REFUSALS = ("does not divide", "no whole number", "not divide")


def compared(words: Words, wrt: str) -> None:
    """Raises: AssertionError where a program's derivative is wrong."""
    plan = planned(words)
    if not plan.steps:
        return
    function = plan.function()
    try:
        found = gradient(function, wrt, shapes=SHAPES)
    except (NotationError, MissingRuleError) as error:
        if not any(reason in str(error) for reason in REFUSALS):
            error.add_note(str(plan))
            raise
        return
    if any("not for every" in note for note, _ in found.program.notes):
        return
    code = compiled(found)
    for sizes in ASSIGNED:
        at_sizes(plan, found, code, sizes, wrt)


def at_sizes(plan: Plan, found: object, code: object, sizes: dict[str, int], wrt: str) -> None:
    """Compares the value, the derivative and the code at one assignment of sizes."""
    function, given_ = plan.function(), drawn(sizes, 1)
    with np.errstate(all="ignore"):
        value = function(**given_)
        named = {t: given_[t.name] for t in found.program.inputs if t.name in given_} | dict(found.program.constants)
        symbols = {s: sizes[s.name] for s in (*found.program.sizes(), *found.derived.sizes()) if s.name in sizes}
        ours = run(found.program, named, symbols).arrays[found.program.output]
        expected = numdiff.gradient(lambda z: function(**{**given_, wrt: z}), given_[wrt])
        slope = run(found.derived, named, symbols).arrays[found.derived.output]
        written = code(**given_, **{k: sizes[k] for k in code.__code__.co_varnames if k in sizes and _asks(code, k)})
    if not np.isfinite(value):
        return
    assert abs(ours - value) <= 1e-9 * (1 + abs(value)), f"value\n{plan}"
    known = np.isfinite(expected.bound) & ~expected.kink
    scale = 1 + np.abs(expected.value[known]).max(initial=0.0)
    off = np.abs(slope - expected.value)[known] - expected.bound[known]
    assert off.max(initial=0.0) <= CLOSE * scale, f"derivative by {wrt}, off by {off.max()}\n{plan}"
    apart = np.abs(written - slope).max(initial=0.0)
    assert apart <= 1e-9 * (1 + np.abs(slope).max(initial=0.0)), f"code by {wrt}, off by {apart}\n{plan}"


def _asks(code: object, name: str) -> bool:
    """Whether a function has a keyword-only argument of this name."""
    inner = code.__code__
    return name in inner.co_varnames[inner.co_argcount : inner.co_argcount + inner.co_kwonlyargcount]


def words_of(seed: int) -> tuple[Words, str]:
    """The integers of one program of the campaign."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 8))
    return [
        (
            int(rng.integers(len(NAMES))),
            int(rng.geometric(0.4)) - 1,
            int(rng.geometric(0.3)) - 1,
            int(rng.integers(6)),
        )
        for _ in range(count)
    ], "XWvST"[int(rng.integers(5))]


WORD = st.tuples(st.integers(0, len(NAMES) - 1), st.integers(0, 6), st.integers(0, 6), st.integers(0, 5))


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(WORD, min_size=1, max_size=5), st.sampled_from("XWvST"))
@example([(0, 0, 0, 0)], "T")
def test_a_random_program(words: Words, wrt: str) -> None:
    compared(words, wrt)


@pytest.mark.parametrize("which", range(len(NAMES)))
def test_every_operation_alone(which: int) -> None:
    tried = 0
    for place in range(len(SHAPES)):
        for other in range(len(SHAPES)):
            words = [(which, place, other, 1)]
            if planned(words).steps and tried < 2:
                tried += 1
                compared(words, tuple(SHAPES)[::-1][place])
    assert tried, f"{NAMES[which]} fits none of the arguments"


@pytest.mark.campaign
@pytest.mark.parametrize("block", range(200))
def test_many_random_programs(block: int) -> None:
    for seed in range(100 * block, 100 * block + 100):
        compared(*words_of(seed))


@pytest.mark.parametrize("seed", [43123, 48094])
def test_programs_that_were_wrong_once(seed: int) -> None:
    """Places outside of an axis, and real numbers added to counts."""
    compared(*words_of(seed))
