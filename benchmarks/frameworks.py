"""How fast exported code is beside PyTorch's autograd and JAX: the classic problems, on one thread, in turns.

The forward passes are those of the problems, run with ``torch`` or ``jax.numpy`` in the place of NumPy; what is no
program of theirs as it stands (assignment into arrays, say) is left out. Every derivative is compared with the
expert's first. JAX is compiled before it is timed; PyTorch runs forwards and backwards each time. Times are seconds
of processor time, in double precision.
"""

# ruff: noqa: E402 - the environment and the path are set before what depends on them is imported

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ[variable] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["JAX_PLATFORMS"] = "cpu"

import argparse
import statistics
import sys
import types
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

sys.path[0] = str(Path(__file__).resolve().parents[1])

import jax
import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from benchmarks.classics import PROBLEMS, Problem
from benchmarks.functions import derivation, given_to, seconds
from derive.errors import MissingRuleError
from derive.render.numpy import compiled

ROUNDS = 5
KINDS = ("gradient", "vjp")
Call = Callable[[], Any]


# ------------------------------------------------------------------------------------------ a function elsewhere


def transplanted(function: Any, modules: Mapping[str, Any]) -> Any:
    """A function, and those of its own module that it calls, with other modules in the place of NumPy's."""
    made: dict[Any, Any] = {}

    def again(one: Any) -> Any:
        if one in made:
            return made[one]
        space = dict(one.__globals__)
        made[one] = types.FunctionType(one.__code__, space, one.__name__, one.__defaults__, one.__closure__)
        names = {name for code in codes(one.__code__) for name in code.co_names}
        for name, value in one.__globals__.items():
            if name in modules and name in names:
                space[name] = modules[name]
            elif isinstance(value, types.FunctionType) and name in names and value.__module__.startswith("bench"):
                space[name] = again(value)
        return made[one]

    return again(function)


def codes(code: types.CodeType) -> list[types.CodeType]:
    inner = [found for const in code.co_consts if isinstance(const, types.CodeType) for found in codes(const)]
    return [code, *inner]


class TorchNumPy:
    """What of NumPy has another name, or other arguments, in PyTorch; the rest is PyTorch's own."""

    newaxis, pi, inf = None, np.pi, np.inf
    square = staticmethod(torch.square)
    linalg = torch.linalg

    def __getattr__(self, name: str) -> Any:
        return getattr(torch, name)

    def maximum(self, a: Any, b: Any) -> Any:
        return torch.maximum(*_tensors(a, b))

    def minimum(self, a: Any, b: Any) -> Any:
        return torch.minimum(*_tensors(a, b))

    def logaddexp(self, a: Any, b: Any) -> Any:
        return torch.logaddexp(*_tensors(a, b))

    def sqrt(self, a: Any) -> Any:
        return torch.sqrt(a) if isinstance(a, torch.Tensor) else np.sqrt(a)

    def log(self, a: Any) -> Any:
        return torch.log(a) if isinstance(a, torch.Tensor) else np.log(a)

    def max(self, a: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return torch.amax(a, dim=axis if axis is not None else tuple(range(a.ndim)), keepdim=keepdims)

    def min(self, a: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return torch.amin(a, dim=axis if axis is not None else tuple(range(a.ndim)), keepdim=keepdims)

    def stack(self, arrays: Any, axis: int = 0) -> Any:
        return torch.stack(list(arrays), dim=axis)

    def eye(self, n: int) -> Any:
        return torch.eye(n, dtype=torch.float64)

    def zeros(self, shape: Any) -> Any:
        return torch.zeros(shape, dtype=torch.float64)

    def ones(self, shape: Any) -> Any:
        return torch.ones(shape, dtype=torch.float64)


def _tensors(a: Any, b: Any) -> list[Any]:
    return [one if isinstance(one, torch.Tensor) else torch.tensor(one, dtype=torch.float64) for one in (a, b)]


SPECIAL = ("logsumexp", "softmax", "log_softmax", "expit", "erf")


def in_jax(problem: Problem, given: Mapping[str, Any], extra: Any) -> Call:
    """The derivative in JAX, compiled."""
    special = {name: getattr(jax.nn, name, None) or getattr(jax.scipy.special, name) for name in SPECIAL}
    special["logsumexp"] = jax.scipy.special.logsumexp
    forward = transplanted(problem.function, {"np": jax.numpy, **special})
    fixed = {name: jax.numpy.asarray(value) for name, value in given.items()}

    def scalar(x: Any, others: Any, d: Any) -> Any:
        value = forward(**{**others, problem.wrt: x})
        return value if d is None else (value * d).sum()

    gradient = jax.jit(jax.grad(scalar))
    x = fixed.pop(problem.wrt)
    d = None if extra is None else jax.numpy.asarray(extra)
    return lambda: gradient(x, fixed, d).block_until_ready()


def in_torch(problem: Problem, given: Mapping[str, Any], extra: Any) -> Call:
    """The derivative by PyTorch's autograd, forwards and backwards."""
    special = {
        "logsumexp": lambda a, axis=None, keepdims=False: torch.logsumexp(a, dim=axis, keepdim=keepdims),
        "softmax": lambda a, axis=None: torch.softmax(a, dim=axis),
        "log_softmax": lambda a, axis=None: torch.log_softmax(a, dim=axis),
        "expit": torch.sigmoid,
        "erf": torch.erf,
    }
    forward = transplanted(problem.function, {"np": TorchNumPy(), **special})
    fixed = {name: torch.as_tensor(value) for name, value in given.items()}
    x = fixed.pop(problem.wrt).clone().requires_grad_()
    d = None if extra is None else torch.as_tensor(extra)

    def call() -> Any:
        value = forward(**{**fixed, problem.wrt: x})
        (found,) = torch.autograd.grad(value, x, d)
        return found

    return call


# --------------------------------------------------------------------------------------------------- measuring


def agrees(call: Call, expected: Any) -> bool:
    """Whether a framework runs the function as it stands, and finds the expert's derivative."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = np.asarray(call())
    except Exception:
        # whatever it is that this framework does not understand of the function
        return False
    scale = float(np.abs(expected).max(initial=0.0)) or 1.0
    return found.shape == np.shape(expected) and bool(np.abs(found - expected).max(initial=0.0) <= 1e-8 * scale)


def ratios(calls: list[Call]) -> list[float]:
    """The times of the calls over that of the first, in turns."""
    repeat = max(1, int(0.02 / (seconds(calls[0]) + 1e-7)))
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(ROUNDS):
        for call, known in zip(calls, times, strict=True):
            known.append(seconds(lambda call=call: [call() for _ in range(repeat)]))
    return [min(one) / min(times[0]) for one in times]


def measured(problem: Problem) -> tuple[float, float | None, float | None] | None:
    """The time of our code, of PyTorch and of JAX over the expert's; None where a framework does not run it."""
    try:
        function = compiled(derivation(problem))
    except MissingRuleError:
        return None
    given, extra = given_to(problem)
    (d,) = extra.values() if extra else (None,)
    expert = lambda: problem.backward(**given, **extra)  # noqa: E731 - a call beside two others
    expected = expert()
    ours = {**given, **({"d_output": d} if d is not None else {})}
    frameworks = [make(problem, given, d) for make in (in_torch, in_jax)]
    fitting = [call if agrees(call, expected) else None for call in frameworks]
    if not any(fitting):
        return None
    found = iter(ratios([expert, lambda: function(**ours), *(call for call in fitting if call is not None)]))
    next(found)
    own = next(found)
    torch_, jax_ = (next(found) if call is not None else None for call in fitting)
    return own, torch_, jax_


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="problems, or areas; all of them where none is named")
    options = parser.parse_args()
    torch.set_num_threads(1)
    jax.config.update("jax_enable_x64", True)
    table = Table(title="Time over that of an expert's NumPy")
    for column in ("problem", "exported", "PyTorch", "JAX"):
        table.add_column(column, justify="left" if column == "problem" else "right")
    rows: list[tuple[float, float | None, float | None]] = []
    for name, problem in PROBLEMS.items():
        if problem.kind not in KINDS or (
            options.names and name not in options.names and problem.area not in options.names
        ):
            continue
        found = measured(problem)
        if found is not None:
            rows.append(found)
            table.add_row(name, *("" if ratio is None else f"{ratio:.2f}" for ratio in found))
    console = Console()
    console.print(table)
    for title, column in (("exported", 0), ("PyTorch", 1), ("JAX", 2)):
        known = [row[column] for row in rows if row[column] is not None]
        if known:
            console.print(f"{title}: median {statistics.median(known):.2f} of {len(known)} problems")
    for title, column in (("PyTorch", 1), ("JAX", 2)):
        pairs = [(row[0], row[column]) for row in rows if row[column] is not None]
        faster = sum(own <= other for own, other in pairs)
        console.print(f"exported code is at least as fast as {title} on {faster} of {len(pairs)}")


if __name__ == "__main__":
    main()
