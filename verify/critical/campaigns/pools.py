"""Executors that break, and are replaced.

Data: ``Pool``, the executor that is in use.

The most important functions are ``Pool.replace`` and ``workers_of``.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from concurrent.futures import (
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from typing import Any

__all__ = ["Pool", "died", "workers_of"]

# Where an executor does not say how many workers it has.
WORKERS = 64
# Names of errors by which clusters say that a worker died, again and again, under a task: Dask, Ray.
DEATHS = {"KilledWorker", "WorkerCrashedError", "NodeDiedError", "OutOfMemoryError", "LostWorkerError"}


def died(error: BaseException) -> bool:
    """Whether an error says that a worker died, and nothing of the work itself."""
    return isinstance(error, (BrokenExecutor, CancelledError)) or type(error).__name__ in DEATHS


def workers_of(executor: Any) -> int:
    """How many workers an executor has, as far as it says."""
    for name in ("_max_workers", "num_workers"):
        count = getattr(executor, name, None)
        if isinstance(count, int) and count > 0:
            return count
    return WORKERS


class Pool:
    """The executor in use; those that were made here are closed here, the user's is left alone."""

    def __init__(self, executor: Executor | Callable[[], Executor]) -> None:
        self._make: Callable[[], Executor] | None = None
        if hasattr(executor, "submit"):
            self.executor: Any = executor
            self._mine = False
            if type(executor) is ProcessPoolExecutor:
                self._make = alike(executor)
        elif callable(executor):
            self._make, self._mine = executor, True
            self.executor = executor()
            if not hasattr(self.executor, "submit"):
                raise ValueError(f"executor() returns {type(self.executor).__name__}: expected an Executor")
        else:
            raise ValueError(
                f"executor is {type(executor).__name__}: expected a concurrent.futures.Executor, or a function that "
                "makes one"
            )
        self.workers = workers_of(self.executor)
        self.threads = isinstance(self.executor, ThreadPoolExecutor)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """A future of ``function(*arguments)``.

        Raises: ValueError when they cannot be sent to a process; a pool that finds out by itself may never end.
        """
        if isinstance(self.executor, ProcessPoolExecutor):
            try:
                pickle.dumps((function, arguments))
            except Exception as error:
                raise ValueError(
                    f"work, or a piece, cannot be sent to another process ({error}): define functions at the top "
                    "of a module, or give an executor of threads or of a cluster"
                ) from error
        future: Future[Any] = self.executor.submit(function, *arguments)
        return future

    def replace(self) -> bool:
        """A new executor in the place of one that broke; false where none can be made."""
        if self._make is None:
            return False
        self.close()
        self.executor, self._mine = self._make(), True
        return True

    def close(self) -> None:
        """Let go of it; an executor that was made here takes nothing more."""
        if self._mine:
            self.executor.shutdown(wait=False, cancel_futures=True)


def alike(executor: ProcessPoolExecutor) -> Callable[[], Executor]:
    """What makes another pool of processes like this one."""
    kept: dict[str, Any] = {
        "max_workers": workers_of(executor),
        "mp_context": getattr(executor, "_mp_context", None),
        "initializer": getattr(executor, "_initializer", None),
        "initargs": getattr(executor, "_initargs", ()),
    }
    return lambda: ProcessPoolExecutor(**kept)
