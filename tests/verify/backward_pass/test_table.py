"""check_backward on the table of wrong and right backward passes: the verdict that each must get."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from tests.beside import mistakes
from verify import check_backward

MISTAKES, CORRECT = mistakes().MISTAKES, mistakes().CORRECT
# At kinks inside of a function, where several entries have a part: undecided, never rejected.
UNDECIDED = (
    "residual_block: activations at 0 pass twice the gradient",
    "highway_block: activations at 0 pass twice the gradient",
    "rnn: sums at 0 pass twice the gradient",
    "rnn: relu exactly at 0",
)
# Wrong where the given inputs, all positive, never are: their sign is kept.
NOT_SEEN = ("x² at positive x: absolute value",)
# One of two inputs is named: that of the other is wrong for other cotangents, or elsewhere.
ONE_OF_TWO = ("gated tanh: clipped at 100", "gated tanh: tiny gradients dropped")


def some(names: Iterable[str], step: int) -> list[Any]:
    """Every so-manieth name; the others are for campaigns."""
    return [name if k % step == 0 else pytest.param(name, marks=pytest.mark.campaign) for k, name in enumerate(names)]


@pytest.mark.parametrize("name", some(MISTAKES, 6))
def test_a_wrong_pass_is_found(name: str) -> None:
    one = MISTAKES[name].fresh()
    report = check_backward(one.forward, one.backward, one.draw(), saved=one.saved, **one.options)
    if name in NOT_SEEN:
        pytest.xfail("the sign of the given inputs is kept")
    assert report.outcome == ("inconclusive" if name in UNDECIDED else "disagrees"), str(report)
    if one.culprits is not None and name not in (*UNDECIDED, *ONE_OF_TWO):
        assert report.culprits == tuple(sorted(one.culprits)), str(report)


@pytest.mark.parametrize("name", some(CORRECT, 2))
def test_a_right_pass_in_a_hard_place_agrees(name: str) -> None:
    one = CORRECT[name].fresh()
    report = check_backward(one.forward, one.backward, one.draw(), saved=one.saved, **one.options)
    assert report.outcome == ("inconclusive" if name in UNDECIDED else "agrees"), str(report)


@pytest.mark.parametrize("name", some(MISTAKES, 12))
def test_the_right_pass_beside_a_wrong_one_is_not_rejected(name: str) -> None:
    one = MISTAKES[name].righted()
    report = check_backward(one.forward, one.backward, one.draw(), saved=one.saved, **one.options)
    assert report.outcome == "agrees" or (one.hard and report.outcome == "inconclusive"), str(report)
