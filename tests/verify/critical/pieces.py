"""Pieces of a campaign, what they give, and what stops them: for tests of campaigns and of their journals."""

from typing import Any

import numpy as np

from verify.critical.campaigns.campaign import seeds
from verify.critical.campaigns.journal import encoded


def walk(seed: int) -> tuple[int, float, Any]:
    """A piece that depends on its seed alone."""
    rng = np.random.default_rng(seed)
    return seed, float(rng.normal()), np.cumsum(rng.normal(size=3))


def same(results: Any, others: Any) -> bool:
    return [repr(encoded(one)) for one in results] == [repr(encoded(one)) for one in others]


PIECES = seeds(7, 24)
EXPECTED = [walk(seed) for seed in PIECES]


def bowl(x: Any) -> float:
    return float(x @ x + np.sin(x[0]))


def descend(objective: Any, seed: int) -> tuple[Any, int]:
    mine = objective.afresh()
    x = np.random.default_rng(seed).normal(size=2)
    return x - 0.1 * mine.gradient(x), mine.cost.function


class Stop:
    """Work that interrupts the run at some piece, once."""

    def __init__(self, at: int, problem: BaseException) -> None:
        self.at, self.problem = at, problem
        self.calls: list[int] = []

    def __call__(self, done: int, count: int, result: Any) -> None:
        self.calls.append(result[0])
        if len(self.calls) == self.at:
            raise self.problem
