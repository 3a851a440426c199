"""Loops that a run has written out become sums again, where their terms go in steps and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from derive.index import Letter, letters
from derive.nodes import Sum
from derive.notation import add, tensor
from derive.size_algebra import sizes
from derive.tracing.rolling import rolled

n = sizes("n")[0]
(i,) = letters("i", n)
x, w, v = tensor("x", n), tensor("w", 9), tensor("v", 9, 9)


def letter(size: int) -> Letter:
    return Letter("t", size)


ROLLED: dict[str, tuple[Any, str]] = {
    "a filter": (add(*(w[m] * x[i + m] for m in range(3))), "Σ_t w[t]·x[i+t]"),
    "backwards": (add(*(w[4 - m] * x[i + m] for m in range(4))), "Σ_t w[4-t]·x[i+t]"),
    "with steps of 2": (add(*(w[2 * m + 1] for m in range(3))), "Σ_t w[2·t+1]"),
    "a diagonal": (add(*(v[m, m] for m in range(4))), "Σ_t v[t,t]"),
    "beside another term": (add(x[i] ** 2, *(w[m] * x[i + m] for m in range(3))), "x[i]^2 + Σ_t w[t]·x[i+t]"),
}


@pytest.mark.parametrize("which", ROLLED)
def test_terms_in_steps_are_a_sum(which: str) -> None:
    node, expected = ROLLED[which]
    assert repr(rolled(node, letter)) == expected


STAYS: dict[str, Any] = {
    "two terms": w[0] * x[i] + w[1] * x[i + 1],
    "uneven steps": w[0] + w[1] + w[4],
    "other factors": w[0] + 2 * w[1] + 3 * w[2],
    "the same entry": add(x[i], x[i], x[i]),
}


@pytest.mark.parametrize("which", STAYS)
def test_what_does_not_go_in_steps_stays(which: str) -> None:
    node = STAYS[which]
    assert not any(isinstance(part, Sum) for part in (rolled(node, letter), *rolled(node, letter).children()))


def test_rows_of_a_table_are_a_double_sum() -> None:
    node = add(*(v[a, b] * x[i + a] for a in range(3) for b in range(3)))
    result = rolled(node, letter)
    assert len(repr(result)) < len(repr(node)) / 2
