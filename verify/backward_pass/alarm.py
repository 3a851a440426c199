"""A time limit that interrupts even a function that never returns.

The one function is ``alarm``. Only the main thread of a program on Unix can be interrupted; elsewhere nothing is.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["OutOfTime", "alarm"]


class OutOfTime(BaseException):
    """The time is over. No Exception, so that no function under examination catches it."""


@contextmanager
def alarm(seconds: float | None) -> Iterator[None]:
    """Raises OutOfTime in the block once so many seconds have passed; None is no limit."""
    if (
        seconds is None
        or not hasattr(signal, "setitimer")
        or threading.current_thread() is not threading.main_thread()
    ):
        yield
        return

    def ring(*_: Any) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
