"""Sizes tell axes apart, and guards are met where they begin and end."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from derive import Program, Sum, define, equal, exp, letters, names, prove, sizes, tensor
from derive.evaluate import Sizes
from derive.formula import claims_of, formula
from derive.nodes import Node
from derive.notation import at_least, at_most
from tests.verify.wrong_steps import convolution
from verify.assignments import assignments
from verify.edges import Edge, edges, met
from verify.scenes import Stage
from verify.sources import Sources


def _stage(program: Program, *sides: Node) -> Stage:
    chains = tuple(prove(side, within=program) for side in sides)
    return Stage(Sources(program, {}), chains, 0)


def _tried(stage: Stage, seed: int) -> list[Sizes]:
    return assignments(stage, 3, np.random.default_rng([seed, 1]))


# A window of a convolution reads places s·i + D·u - p, and is guarded to 0 … h-1.
EDGES: dict[str, Callable[[int, int], bool]] = {
    "the first place": lambda at, h: at == 0,
    "the place before it": lambda at, h: at == -1,
    "the last place": lambda at, h: at == h - 1,
    "the place after it": lambda at, h: at == h,
}


def _places(tried: Sizes) -> Iterator[int]:
    n = {str(symbol): value for symbol, value in tried.items()}
    out = (n["h"] + 2 * n["p"] - n["D"] * (n["k"] - 1) - 1) // n["s"] + 1
    return (n["s"] * i + n["D"] * u - n["p"] for i in range(out) for u in range(n["k"]))


def test_the_guard_of_a_convolution_is_met_where_it_begins_and_ends() -> None:
    program, v = convolution()
    at, h = v["s"] * v["i"] + v["D"] * v["u"] - v["p"], v["x"].axes[0]
    stage = _stage(program, Sum(v["i"], v["u"], at_least(at, 0) * at_most(at, h - 1) * v["x"][at]))
    for seed in range(30):
        tried = _tried(stage, seed)
        for edge, stands_on in EDGES.items():
            assert any(stands_on(at, n[h]) for n in tried for at in _places(n)), f"{edge} is not met at seed {seed}"


def _all_edges(stage: Stage, most: int) -> frozenset[Edge]:
    """Every edge that some sizes meet, from 1 (a padding: from 0) to ``most``."""
    found: frozenset[Edge] = frozenset()
    ranges = [range(1 if s.is_positive else 0, most + 1) for s in stage.symbols]
    for values in itertools.product(*ranges):
        tried = dict(zip(stage.symbols, values, strict=True))
        if stage.possible(tried):
            found |= met(frozenset(stage.edges) - found, tried)
    return found


CATALOGUED = [("conv-backward-input", 1), ("conv-backward-input", 3), ("conv-backward-kernel", 0), ("lstm-bptt", 0)]


@pytest.mark.parametrize(("entry", "number"), CATALOGUED)
def test_edges_that_any_sizes_meet_are_met(entry: str, number: int) -> None:
    part = claims_of(formula(entry))[number]
    stage = Stage(Sources(part.program, {}), part.chains, 0)
    possible = _all_edges(stage, 3)
    assert possible
    for seed in range(10):
        reached: frozenset[Edge] = frozenset()
        assert possible == reached.union(*(met(possible, tried) for tried in _tried(stage, seed)))


@pytest.mark.parametrize("width", [3, 4, 5])
@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("wrapped", [True, False])
def test_an_edge_counts_where_the_brackets_beside_it_are_true(width: int, inside: bool, wrapped: bool) -> None:
    """Only row 3 counts: there the entry with i = j is in column 3, and the first with i < j in column 4."""
    n, m = sizes("n m")
    i, j = letters("i j", n, m)
    x, y = tensor("x", n), tensor("y", m)
    guarded = at_least(i, j) * x[i] * y[j]
    node = equal(i, 3) * (exp(guarded) if wrapped else guarded)
    (edge,) = (e for e in edges([node]) if e.bracket.relation == "≥" and e.inside == inside)
    assert bool(met([edge], {n: 4, m: width})) == (width > (3 if inside else 4))


def test_brackets_of_entries_have_no_edges_that_sizes_decide() -> None:
    n, m = sizes("n m")
    i, v = letters("i v", n, m)
    ids, E = tensor("ids", n, below=m), tensor("E", m)
    assert edges([Sum(i, equal(ids[i], v) * E[ids[i]])]) == ()


def test_sizes_without_brackets_are_three_assignments() -> None:
    n, m = sizes("n m")
    i, j = letters("i j", n, m)
    A = tensor("A", n, m)
    program = Program.of([A], define(names("s")[0], Sum(i, j, A[i, j])))
    for seed in range(20):
        tried = _tried(_stage(program), seed)
        assert len(tried) == 3
        assert all(len(set(one.values())) == 2 for one in tried[:2])
        assert 1 in tried[-1].values()
