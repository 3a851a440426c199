"""Algebra that may take for ever, in a process of its own that ends when its time is up.

``limited`` runs one of the functions in ``JOBS``: nothing else is run, and what is sent to and fro is this package's
own.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import sympy

from derive.critical_points.systems import solve

__all__ = ["limited"]


def _solve_closed(gradient: Sequence[sympy.Expr], variables: Sequence[sympy.Symbol]) -> list[dict[Any, Any]]:
    """What SymPy finds; nothing where it has no method."""
    try:
        found = sympy.solve(list(gradient), list(variables), dict=True)
    except NotImplementedError:
        return []
    return [s for s in found if set(s) == set(variables) and not any(value.free_symbols for value in s.values())]


JOBS: dict[str, Callable[..., Any]] = {"polynomial": solve, "closed": _solve_closed}


def limited(job: str, *arguments: Any, seconds: float) -> Any:
    """The result of a job. Raises: TimeoutError when it takes longer than that."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "derive.critical_points.limited"],
            input=pickle.dumps((job, arguments)),
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"solving took longer than {seconds:g} s") from None
    if done.returncode:
        raise RuntimeError(f"solving ended with an error: {done.stderr.decode(errors='replace').strip()[-400:]}")
    return pickle.loads(done.stdout)


def main() -> None:
    """Read a job from the standard input, and write its result."""
    job, arguments = pickle.loads(sys.stdin.buffer.read())
    sys.stdout.buffer.write(pickle.dumps(JOBS[job](*arguments)))


if __name__ == "__main__":
    main()
