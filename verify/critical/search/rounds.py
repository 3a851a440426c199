"""Rounds of pieces of work on any executor, with one journal for all of them.

What comes next depends on what a round found, so there are many campaigns one after another; pieces are numbered
through, and the journal is that of the whole search.

Data
    ``Rounds``  where pieces are done, and what is known of them from a journal.

The three most important functions are ``Rounds.do``, ``plain`` (a result as data that a journal holds) and
``restored``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from verify.critical.campaigns import campaign
from verify.critical.campaigns.journal import Journal
from verify.critical.points import Cost, CriticalPoint, Spectrum
from verify.critical.search.pieces import Judged, Piece, work
from verify.critical.search.polish import Polished
from verify.critical.search.tasks import Ended

__all__ = ["MANY", "OutOfTime", "Rounds", "plain", "restored"]

# What can stand in a journal; nothing that a file names beyond these is made.
KINDS = {kind.__name__: kind for kind in (Cost, CriticalPoint, Ended, Judged, Polished, Spectrum)}
# A journal asks how many pieces there are; that shows only in the end.
MANY = 10**9


class OutOfTime(Exception):
    """The time limit was reached."""


class Rounds:
    """Pieces are numbered in the order in which rounds ask for them, which depends on no executor."""

    def __init__(
        self,
        executor: Executor | Callable[[], Executor] | None,
        journal: Journal | None,
        time_limit: float | None,
    ) -> None:
        self.executor, self.journal = executor, journal
        self.end = np.inf if time_limit is None else time.monotonic() + time_limit
        self.count = 0
        self.lost: list[str] = []

    def do(self, pieces: Sequence[Piece]) -> list[tuple[list[Any] | None, Cost]]:
        """Results of the pieces in their order; None for one that was given up, because its worker died with it.

        Raises: OutOfTime; whatever the user's functions raise.
        """
        numbered = list(enumerate(pieces, self.count))
        self.count += len(pieces)
        done = dict(self.journal.finished) if self.journal is not None else {}
        todo = [(k, piece) for k, piece in numbered if k not in done]
        left = self.end - time.monotonic()
        if todo and left <= 0:
            raise OutOfTime
        found = campaign.run(
            _done,
            todo,
            executor=self.executor,
            time_limit=None if np.isinf(left) else left,
            progress=None if self.journal is None else self._keep,
        )
        if found.stopped:
            raise OutOfTime
        self.lost.extend(failure.reason for failure in found.failed)
        done.update(one for one in found if one is not None)
        return [restored(done[k]) if k in done else (None, Cost()) for k, _ in numbered]

    def _keep(self, _done: int, _count: int, result: tuple[int, Any]) -> None:
        assert self.journal is not None
        self.journal.keep(*result)


def _done(numbered: tuple[int, Piece]) -> tuple[int, Any]:
    """The number of a piece, and its results as data."""
    return numbered[0], plain(work(numbered[1]))


def plain(value: Any) -> Any:
    """A result as numbers, text, lists, tuples, dictionaries and arrays."""
    if is_dataclass(value) and not isinstance(value, type):
        return {"made": type(value).__name__, **{one.name: plain(getattr(value, one.name)) for one in fields(value)}}
    if isinstance(value, (list, tuple)):
        return type(value)(plain(one) for one in value)
    return value


def restored(value: Any) -> Any:
    """What ``plain`` was made of."""
    if isinstance(value, dict):
        return KINDS[value["made"]](**{name: restored(one) for name, one in value.items() if name != "made"})
    if isinstance(value, (list, tuple)):
        return type(value)(restored(one) for one in value)
    return value
