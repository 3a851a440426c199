"""Many pieces of work, here or on any executor: a journal, a time limit, workers that die.

A piece is data with all that it needs, its seed too (``seeds``); ``work(piece)`` depends on nothing else. So the
results are the same whatever the executor, the order in which pieces finish, and however often a run was broken off.
A piece should take 50 ms at least; shorter ones are sent together, as many as their measured time asks for.

Data
    ``Results``  the results in the order of the pieces, and what became of those without one.
    ``Failure``  a piece that was given up, and why.

The three most important functions are ``run``, ``seeds`` and ``Results.stopped`` (why some are missing).
"""

from __future__ import annotations

import math
import os
import pickle
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, overload

import numpy as np

from verify.critical.campaigns.journal import Journal, fingerprint, opened
from verify.critical.campaigns.pools import Pool, died

__all__ = ["Failure", "Results", "run", "seeds"]

Work = Callable[[Any], Any]
Progress = Callable[[int, int, Any], object]

# What is sent at once takes this long at least, in seconds, and comes back after the other at the latest.
GRAIN, PATIENCE = 0.05, 2.0
# So many bundles wait for each worker: one is at work while the next is on its way.
AHEAD = 2
# A piece that killed its worker so often, with no other beside it, is given up.
STRIKES = 2
# Executors that break so often in a row, and nothing finishes, break whatever they run.
BREAKS = 6


@dataclass(frozen=True)
class Failure:
    """A piece that was given up, by its number, and why."""

    piece: int
    reason: str


@dataclass(frozen=True, eq=False)
class Results(Sequence[Any]):
    """The results in the order of the pieces; None where ``finished`` is false.

    ``stopped`` says why some were not run, empty when all were; ``failed`` which were given up; ``notes`` what else
    happened; ``resumed`` how many were read from the journal.
    """

    values: tuple[Any, ...]
    finished: tuple[bool, ...]
    failed: tuple[Failure, ...] = ()
    stopped: str = ""
    notes: tuple[str, ...] = ()
    resumed: int = 0

    @property
    def complete(self) -> bool:
        """Whether every piece has a result."""
        return all(self.finished)

    @overload
    def __getitem__(self, place: int) -> Any: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Any, ...]: ...
    def __getitem__(self, place: int | slice) -> Any:
        return self.values[place]

    def __len__(self) -> int:
        return len(self.values)


def seeds(seed: int, count: int) -> tuple[int, ...]:
    """Seeds for so many pieces, independent of each other; more pieces leave the first ones theirs."""
    return tuple(int(np.random.SeedSequence([seed, k]).generate_state(1, np.uint64)[0]) for k in range(count))


def run(
    work: Work,
    pieces: Iterable[Any],
    *,
    executor: Executor | Callable[[], Executor] | None = None,
    journal: str | os.PathLike[str] | None = None,
    time_limit: float | None = None,
    progress: Progress | None = None,
    workers: int | None = None,
) -> Results:
    """``work(piece)`` for every piece, in the order of the pieces.

    ``executor`` is any ``concurrent.futures.Executor``, or a function that makes one; what it makes is replaced and
    closed here. One of processes whose worker dies is replaced; the pieces that were under way are run again, each
    alone, and given up where they kill their worker again and again. An executor that breaks and cannot be replaced
    is done without: the rest is run here.
    ``journal`` is a file in which finished pieces are kept, and from which the next run goes on. Results must then be
    data: numbers, text, lists, tuples, dictionaries, NumPy arrays.
    ``time_limit`` in seconds gives partial results. ``progress(done, count, result)`` is told of each piece.
    ``workers`` is how many an executor has, where it does not say.
    Raises: ValueError about the arguments, or a journal of another task; whatever ``work`` raises, with the number of
    the piece; KeyboardInterrupt. Finished pieces are in the journal whatever is raised.
    """
    listed = list(pieces)
    if not callable(work):
        raise ValueError(f"work is {type(work).__name__}: expected a function of one piece")
    if time_limit is not None and not (isinstance(time_limit, (int, float)) and time_limit > 0):
        raise ValueError(f"time_limit is {time_limit!r}: expected a number of seconds above 0, or None")
    if workers is not None and not (isinstance(workers, int) and workers > 0):
        raise ValueError(f"workers is {workers!r}: expected a positive integer, or None")
    pool = None if executor is None else Pool(executor)
    if pool is not None and workers is not None:
        pool.workers = workers
    try:
        task = "" if journal is None else fingerprint(work, listed)
        with opened(journal, task, len(listed)) as kept:
            state = _State(work, listed, kept, progress, math.inf if time_limit is None else time_limit)
            if pool is not None:
                _spread(state, pool)
            _here(state)
            return state.results()
    finally:
        if pool is not None:
            pool.close()


@dataclass
class _State:
    """A run under way."""

    work: Work
    pieces: list[Any]
    journal: Journal | None
    progress: Progress | None
    limit: float
    values: dict[int, Any] = field(default_factory=dict)
    failed: list[Failure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    stopped: str = ""
    resumed: int = 0
    seconds: float = 0.0
    timed: int = 0

    def __post_init__(self) -> None:
        self.began = time.monotonic()
        if self.journal is not None:
            self.values.update(self.journal.finished)
            self.resumed = len(self.values)
        self.todo = deque(k for k in range(len(self.pieces)) if k not in self.values)
        self.suspects: deque[int] = deque()
        self.strikes: dict[int, int] = {}

    @property
    def left(self) -> float:
        """Seconds until the limit."""
        return self.limit - (time.monotonic() - self.began)

    def out_of_time(self) -> bool:
        if self.left <= 0 and (self.todo or self.suspects):
            self.stopped = f"the time limit of {self.limit:g} s"
        return bool(self.stopped)

    def finish(self, piece: int, result: Any) -> None:
        if self.journal is not None:
            self.journal.keep(piece, result)
        self.values[piece] = result
        if self.progress is not None:
            self.progress(len(self.values), len(self.pieces), result)

    def struck(self, piece: int) -> None:
        """A piece was alone when its worker died."""
        self.strikes[piece] = self.strikes.get(piece, 0) + 1
        if self.strikes[piece] < STRIKES:
            self.suspects.appendleft(piece)
        else:
            reason = f"its worker died {self.strikes[piece]} times with no other piece beside it"
            self.failed.append(Failure(piece, f"{reason}: it exits, runs out of memory, or crashes"))

    def acquit(self) -> None:
        """No suspect can have killed anything."""
        self.todo.extendleft(reversed(self.suspects))
        self.suspects.clear()
        self.strikes.clear()

    def results(self) -> Results:
        everything = range(len(self.pieces))
        return Results(
            tuple(self.values.get(k) for k in everything),
            tuple(k in self.values for k in everything),
            tuple(sorted(self.failed, key=lambda one: one.piece)),
            self.stopped,
            tuple(self.notes),
            self.resumed,
        )


def _here(state: _State) -> None:
    """Run what is left in this process, but for what may kill it."""
    while state.todo and not state.out_of_time():
        piece = state.todo.popleft()
        try:
            result = state.work(state.pieces[piece])
        except Exception as error:
            error.add_note(f"in piece {piece} of {len(state.pieces)}: {_shown(state.pieces[piece])}")
            raise
        state.finish(piece, result)
    for piece in state.suspects:
        if not state.stopped:
            reason = "its worker died, and there is none other to run it in; it may kill this process"
            state.failed.append(Failure(piece, reason))


def _spread(state: _State, pool: Pool) -> None:
    """Run pieces on the executor until all are done, the time is up, or it is lost."""
    under_way: dict[Future[Any], list[int]] = {}
    breaks = 0
    try:
        while (state.todo or state.suspects or under_way) and not state.stopped:
            broken = not _fill(state, pool, under_way)
            if not broken:
                ready, _ = wait(under_way, max(min(state.left, 3600.0), 0.0), FIRST_COMPLETED)
                if not ready and state.left <= 0:
                    state.stopped = f"the time limit of {state.limit:g} s"
                    break
                for future in ready:
                    done = _take(state, under_way.pop(future), future)
                    breaks = breaks if done is False else 0
                    broken |= done is False
            if broken:
                breaks += 1
                _all_suspect(state, under_way)
                if breaks >= BREAKS:
                    state.stopped = f"the executor broke {breaks} times, and no piece was finished in between"
                elif pool.threads:
                    state.acquit()
                    state.notes.append("the pool of threads broke: the remaining pieces were run here")
                    return
                elif not pool.replace() and not _usable(pool):
                    state.notes.append(
                        "the executor broke and cannot be replaced: the remaining pieces were run here"
                    )
                    _alone(state)
                    return
    finally:
        for future in under_way:
            future.cancel()


def _fill(state: _State, pool: Pool, under_way: dict[Future[Any], list[int]]) -> bool:
    """Send bundles; a suspect alone, when nothing else is under way. False where the executor is broken."""
    while not state.out_of_time():
        if state.suspects:
            if under_way:
                return True
            bundle = [state.suspects.popleft()]
        elif state.todo and len(under_way) < AHEAD * pool.workers:
            bundle = [state.todo.popleft() for _ in range(min(_size(state, pool.workers), len(state.todo)))]
        else:
            return True
        parts = [(k, state.pieces[k]) for k in bundle]
        try:
            future = pool.submit(_bundle, state.work, parts, min(PATIENCE, state.left))
        except RuntimeError as error:
            if not died(error):
                raise
            # nobody began with these
            state.todo.extendleft(reversed(bundle))
            return False
        under_way[future] = bundle
        if bundle[0] in state.strikes:
            return True
    return True


def _size(state: _State, workers: int) -> int:
    """How many pieces to send together: a grain's worth, but so few that all workers have some to the end."""
    if not state.timed:
        return 1
    mean = max(state.seconds / state.timed, 1e-9)
    share = len(state.todo) / (2.0 * AHEAD * workers)
    return max(1, min(math.ceil(GRAIN / mean), math.ceil(share)))


def _take(state: _State, bundle: list[int], future: Future[Any]) -> bool | None:
    """Keep what came back; False where the worker died."""
    try:
        answers, error, seconds = future.result()
    except BaseException as problem:
        if not died(problem):
            problem.add_note(
                f"piece {bundle[0]} could not be sent to a worker, or its result not back: see the executor"
            )
            raise
        if len(bundle) == 1 and bundle[0] in state.strikes:
            state.struck(bundle[0])
        else:
            _suspect(state, bundle)
        return False
    state.seconds += seconds
    state.timed += len(answers)
    for piece, result in answers:
        state.strikes.pop(piece, None)
        state.finish(piece, result)
    rest = bundle[len(answers) :]
    if error is not None:
        error.add_note(f"in piece {rest[0]} of {len(state.pieces)}: {_shown(state.pieces[rest[0]])}")
        raise error
    state.todo.extendleft(reversed(rest))
    return True if answers else None


def _all_suspect(state: _State, under_way: dict[Future[Any], list[int]]) -> None:
    """The executor broke: what had finished is kept, all else may have broken it."""
    for future, bundle in under_way.items():
        if future.done() and not future.cancelled() and future.exception() is None:
            _take(state, bundle, future)
        else:
            future.cancel()
            _suspect(state, bundle)
    under_way.clear()


def _suspect(state: _State, bundle: list[int]) -> None:
    for piece in bundle:
        state.strikes.setdefault(piece, 0)
        state.suspects.append(piece)


def _usable(pool: Pool) -> bool:
    """Whether an executor whose worker died takes more: clusters do."""
    try:
        return bool(pool.submit(int).result(timeout=60.0) == 0)
    except Exception:
        return False


def _alone(state: _State) -> None:
    """Run suspects in a process of their own, where that can be, after the executor was lost."""
    while state.suspects and not state.out_of_time():
        piece = state.suspects.popleft()
        single = Pool(lambda: ProcessPoolExecutor(1))
        try:
            try:
                future = single.submit(_bundle, state.work, [(piece, state.pieces[piece])], math.inf)
            except ValueError:  # a function of a notebook, say: there is no way to another process
                state.suspects.appendleft(piece)
                return
            ready, _ = wait([future], None if math.isinf(state.left) else max(state.left, 0.0))
            if not ready:
                state.suspects.appendleft(piece)
                state.stopped = f"the time limit of {state.limit:g} s"
                return
            _take(state, [piece], future)
        finally:
            single.close()


def _bundle(
    work: Work, parts: list[tuple[int, Any]], patience: float
) -> tuple[list[tuple[int, Any]], Exception | None, float]:
    """What a worker does: pieces one after another, until patience ends or one raises."""
    began = time.monotonic()
    answers: list[tuple[int, Any]] = []
    error = None
    for piece, content in parts:
        if answers and time.monotonic() - began > patience:
            break
        try:
            answers.append((piece, work(content)))
        except Exception as problem:
            error = _portable(problem)
            break
    return answers, error, time.monotonic() - began


def _portable(error: Exception) -> Exception:
    """The error, or one that says the same where it cannot be sent to another process."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _shown(piece: Any) -> str:
    text = repr(piece)
    return text if len(text) <= 80 else f"{text[:77]}…"
