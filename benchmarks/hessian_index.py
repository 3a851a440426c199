"""The index of large operators from Hessian-vector products, beside ARPACK and LOBPCG with as many products.

Every operator is a diagonal matrix, so that its index is known; the methods see its products alone. ``eigsh`` and
``lobpcg`` of SciPy are asked for 12 of the smallest eigenvalues, and stopped where ``hessian_index`` ended; what is
counted for them is how many of the returned eigenvalues are negative; nc: it did not
converge, by its own word. Seconds are processor time on one thread.
"""

# ruff: noqa: E402 - the environment and the path are set before what depends on them is imported

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ[variable] = "1"

import argparse
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path[0] = str(Path(__file__).resolve().parents[1])

import numpy as np
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh, lobpcg

from verify.critical.large.index import HessianIndex, hessian_index

WANTED = 12


def problems(rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """Names and eigenvalues."""

    def spread(n: int, low: float, high: float, negative: Any, positive: Any = ()) -> Any:
        values = rng.uniform(low, high, n)
        values[: len(negative)] = negative
        values[len(negative) : len(negative) + len(positive)] = positive
        return values

    n = 100_000
    yield "7 apart", spread(n, 0.1, 1, -np.arange(1, 8) / 5)
    yield "7 down to 1 % of the largest", spread(n, 0.1, 1, -np.geomspace(0.01, 1, 7))
    yield "7 equal", spread(n, 0.1, 1, [-1.0] * 7)
    yield "7 of a network, 10 large", spread(n, 0, 0.01, -np.linspace(0.2, 1, 7), np.linspace(1, 10, 10))
    yield "7 in a cluster", spread(n, 0.1, 1, -0.5 - 1e-6 * np.arange(7))
    yield "7 equal, at the edge of the bulk", spread(n, 0.01, 1, [-0.05] * 7)
    yield "64 equal", spread(n, 0.1, 1, [-1.0] * 64)
    yield "none", spread(n, 0.1, 1, [])
    yield "none, bulk down to 0", spread(n, 0, 1, [])
    yield "low rank: 7, 20 positive, rest 0", spread(n, 0, 0, -np.arange(1.0, 8.0), np.arange(1.0, 21.0))
    yield "both sides (normal)", rng.normal(size=n)
    yield "1e6: 7 of a network", spread(10 * n, 0, 0.01, -np.linspace(0.2, 1, 7), np.linspace(1, 10, 10))
    yield "1e6: 1 at the edge of the bulk", spread(10 * n, 0, 1, [-0.01])
    yield "1e6: both sides (normal)", 0.01 * rng.normal(size=10 * n) - np.eye(1, 10 * n)[0]


class Spent(Exception):
    """As many products as there may be."""


def products(values: Any, most: int) -> Callable[[Any], Any]:
    left = [most]

    def product(v: Any) -> Any:
        left[0] -= 1 if v.ndim == 1 else v.shape[1]
        if left[0] < 0:
            raise Spent
        return values * v if v.ndim == 1 else values[:, None] * v

    return product


def arpack(values: Any, most: int, seed: int) -> str:
    n = len(values)
    start = np.random.default_rng(seed).normal(size=n)
    space = max(min(most - 2, 2 * WANTED + 1), WANTED + 2)
    rounds = max((most - space) // (space - WANTED), 1)
    product = products(values, most + space)  # ARPACK ends after whole rounds
    operator = LinearOperator((n, n), matvec=lambda v: product(v.ravel()), dtype=np.float64)
    try:
        found = eigsh(operator, WANTED, which="SA", v0=start, ncv=space, maxiter=rounds, return_eigenvectors=False)
    except ArpackNoConvergence as error:
        return f"{int(np.sum(error.eigenvalues < 0))} nc"
    except Spent:
        return "nc"
    return str(int(np.sum(found < 0)))


def locally_optimal(values: Any, most: int, seed: int) -> str:
    n = len(values)
    width = min(WANTED, max(most // 3, 1))
    start = np.random.default_rng(seed).normal(size=(n, width))
    product = products(values, most + 2 * width)
    operator = LinearOperator((n, n), matvec=product, matmat=product, dtype=np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found, _ = lobpcg(operator, start, largest=False, maxiter=max(most // width - 2, 1), tol=1e-6)
        except Spent:
            return "nc"
    return str(int(np.sum(found < 0)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="parts of problems' names; all without")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--max-hvps", type=int, default=None)
    arguments = parser.parse_args()
    print(
        line(
            "problem",
            "dim",
            "index",
            "found",
            "proved",
            "settled",
            "smallest ± bound",
            "HVPs",
            "s",
            "eigsh",
            "lobpcg",
        )
    )
    for name, values in problems(np.random.default_rng(arguments.seed)):
        if arguments.names and not any(part in name for part in arguments.names):
            continue
        most = 250 if arguments.max_hvps is None and len(values) > 500_000 else arguments.max_hvps
        started = time.process_time()
        found: HessianIndex = hessian_index(
            lambda v, d=values: d * v, len(values), max_hvps=most, seed=arguments.seed
        )
        seconds = time.process_time() - started
        value, bound = found.most_negative or (np.nan, np.nan)
        row = line(
            name,
            f"{len(values):,}",
            f"{int(np.sum(values < 0)):,}",
            f"{found.estimate:,}",
            str(found.lower_bound),
            "yes" if found.settled else "no",
            f"{value:.5f} ± {bound:.0e}" if value < 0 else "",
            str(found.hvps),
            f"{seconds:.1f}",
            arpack(values, found.hvps, arguments.seed),
            locally_optimal(values, found.hvps, arguments.seed),
        )
        print(row, flush=True)


def line(name: str, *cells: str) -> str:
    widths = (9, 7, 7, 6, 7, 18, 4, 6, 7, 7)
    return f"{name:36}" + " ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))


if __name__ == "__main__":
    main()
