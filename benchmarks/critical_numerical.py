"""The numerical search for critical points beside SciPy's roots from random starts, where theory knows them all.

The search sees functions of NumPy arrays, never an expression. A Hessian that is given counts as n gradients; calls
as they are made are counted, too. Points count as found within 1e-5 of the box; a false point is none of those that
theory gives; an index is wrong if it is not theory's.

    python benchmarks/critical_numerical.py --starts 3000 --seeds 3
"""

# ruff: noqa: E402 - the environment and the path are set before what depends on them is imported

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ.setdefault(variable, "1")

import argparse
import itertools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.optimize import root

from verify.critical.objectives.objective import objective_of
from verify.critical.search.numerical import search

Array = NDArray[np.float64]
WITHIN = 1e-5
# SciPy's answer is a critical point if the gradient is this share of what it is at random points.
ZERO = 1e-8


@dataclass(frozen=True, eq=False)
class Family:
    """A function whose critical points in the box, and their indices, theory gives.

    Shapes: box (n, 2), points (k, n), indices (k).
    """

    name: str
    f: Callable[[Array], float]
    gradient: Callable[[Array], Array]
    hessian: Callable[[Array], Array]
    box: Array
    points: Array
    indices: Array

    @property
    def dimension(self) -> int:
        return len(self.box)


def _family(name: str, f, gradient, hessian, points: Array, half: float) -> Family:  # type: ignore[no-untyped-def]
    """The points are those in the box; indices are counted in theory's Hessian at theory's point."""
    n = points.shape[1]
    box = np.array([(-half, half)] * n)
    inside = points[np.all(np.abs(points) <= half, axis=1)]
    indices = np.array([int(np.sum(np.linalg.eigvalsh(hessian(x)) < 0)) for x in inside])
    return Family(name, f, gradient, hessian, box, inside, indices)


def rotation(n: int, rng: np.random.Generator) -> Array:
    """A random orthogonal matrix."""
    q, r = np.linalg.qr(rng.standard_normal((n, n)))
    return np.asarray(q * np.sign(np.diag(r)))


def wells(n: int, k: int, seed: int = 0, tilt: float = 0.0) -> Family:
    """Σ aᵢ (yᵢ² - 1)² + tᵢ yᵢ over k coordinates and Σ dᵢ yᵢ² / 2 over the others, with y = Q (x - s): 3^k points."""
    rng = np.random.default_rng([seed, n, k])
    q, shift = rotation(n, rng), rng.uniform(-0.3, 0.3, n)
    a, d = rng.uniform(0.5, 2.0, k), rng.uniform(0.5, 3.0, n - k)
    t = tilt * a * rng.uniform(0.3, 1.0, k) * rng.choice((-1.0, 1.0), k)

    def f(x: Array) -> float:
        y = q @ (x - shift)
        return float(np.sum(a * (y[:k] ** 2 - 1) ** 2 + t * y[:k]) + np.sum(d * y[k:] ** 2) / 2)

    def gradient(x: Array) -> Array:
        y = q @ (x - shift)
        return np.asarray(q.T @ np.concatenate([4 * a * y[:k] * (y[:k] ** 2 - 1) + t, d * y[k:]]))

    def hessian(x: Array) -> Array:
        y = q @ (x - shift)
        return np.asarray((q.T * np.concatenate([a * (12 * y[:k] ** 2 - 4), d])) @ q)

    roots = [np.sort(np.roots([4 * a[i], 0, -4 * a[i], t[i]]).real) for i in range(k)]
    ys = np.array([[*corner, *[0.0] * (n - k)] for corner in itertools.product(*roots)])
    name = f"{'tilted ' if tilt else ''}double wells, 3^{k}"
    return _family(name, f, gradient, hessian, ys @ q + shift, 2.5)


def bent(n: int, k: int, seed: int = 0, strength: float = 0.35) -> Family:
    """Tilted double wells after a change of coordinates that is not linear: nothing separates.

    z = y + strength · sin of the coordinates before: a triangular map, which keeps points and indices.
    """
    flat = wells(n, k, seed, tilt=0.8)
    rng = np.random.default_rng([seed, n, k, 1])
    q = rotation(n, rng)
    lower = np.tril(rng.standard_normal((n, n)), -1) * strength / np.sqrt(np.arange(1, n + 1))[:, None]

    def mapped(y: Array) -> Array:
        return np.asarray(y + lower @ np.sin(y))

    def jacobian(y: Array) -> Array:
        return np.asarray(np.eye(n) + lower * np.cos(y))

    def f(x: Array) -> float:
        return flat.f(mapped(q @ x))

    def gradient(x: Array) -> Array:
        y = q @ x
        return np.asarray(q.T @ (jacobian(y).T @ flat.gradient(mapped(y))))

    def hessian(x: Array) -> Array:
        y = q @ x
        j, g = jacobian(y), flat.gradient(mapped(y))
        return np.asarray(q.T @ (j.T @ flat.hessian(mapped(y)) @ j - np.diag((g @ lower) * np.sin(y))) @ q)

    def back(z: Array) -> Array:
        y = np.zeros(n)
        for i in range(n):
            y[i] = z[i] - lower[i] @ np.sin(y)
        return np.asarray(q.T @ y)

    points = np.array([back(z) for z in flat.points])
    return _family(f"bent double wells, 3^{k}", f, gradient, hessian, points, 3.0)


def quadratic(n: int, seed: int = 0) -> Family:
    """zᵀAz + c (|z|² - 1)² with z = x - s: scaled eigenvectors of A, both ways, and the centre: 2n + 1 points."""
    rng = np.random.default_rng([seed, n])
    values = np.sort(rng.uniform(-1.5, 1.5, n))
    q, shift, c = rotation(n, rng), rng.uniform(-0.3, 0.3, n), 2.0
    matrix = (q.T * values) @ q

    def f(x: Array) -> float:
        z = x - shift
        return float(z @ matrix @ z + c * (z @ z - 1) ** 2)

    def gradient(x: Array) -> Array:
        z = x - shift
        return np.asarray(2 * matrix @ z + 4 * c * (z @ z - 1) * z)

    def hessian(x: Array) -> Array:
        z = x - shift
        return np.asarray(2 * matrix + 4 * c * ((z @ z - 1) * np.eye(n) + 2 * np.outer(z, z)))

    ends = q * np.sqrt(1 - values / (2 * c))[:, None]
    return _family(f"quadratic form on a sphere, {2 * n + 1}", f, gradient, hessian,
                   np.vstack([ends, -ends, np.zeros(n)]) + shift, 2.0)  # fmt: skip


def quartic(n: int, k: int, seed: int = 0) -> Family:
    """Σ aᵢ yᵢ⁴ + c (|y|² - 1)² over k coordinates, and Σ dᵢ yᵢ² / 2 over the others, rotated: 3^k points.

    Each subset of the k coordinates with each choice of signs gives one.
    """
    rng = np.random.default_rng([seed, n, k, 4])
    a, d, c = rng.uniform(0.5, 2.0, k), rng.uniform(0.5, 3.0, n - k), 2.0
    q, shift = rotation(n, rng), rng.uniform(-0.2, 0.2, n)

    def f(x: Array) -> float:
        y = q @ (x - shift)
        u = y[:k]
        return float(np.sum(a * u**4) + c * (u @ u - 1) ** 2 + np.sum(d * y[k:] ** 2) / 2)

    def gradient(x: Array) -> Array:
        y = q @ (x - shift)
        u = y[:k]
        return np.asarray(q.T @ np.concatenate([4 * a * u**3 + 4 * c * (u @ u - 1) * u, d * y[k:]]))

    def hessian(x: Array) -> Array:
        y = q @ (x - shift)
        u, full = y[:k], np.zeros((n, n))
        full[:k, :k] = np.diag(12 * a * u**2 + 4 * c * (u @ u - 1)) + 8 * c * np.outer(u, u)
        full[range(k, n), range(k, n)] = d
        return np.asarray(q.T @ full @ q)

    ys = []
    for signs in itertools.product((-1, 0, 1), repeat=k):
        weight = float(np.sum(np.abs(signs) / a))
        gap = 1.0 / (1.0 + c * weight)
        ys.append([*(np.array(signs) * np.sqrt(c * gap / a)), *[0.0] * (n - k)])
    return _family(f"quartic on a sphere, 3^{k}", f, gradient, hessian, np.array(ys) @ q + shift, 2.0)


FAMILIES: dict[str, Callable[[int], Family]] = {
    "wells-6": lambda seed: wells(6, 6, seed),
    "wells-10": lambda seed: wells(10, 5, seed),
    "wells-30": lambda seed: wells(30, 4, seed),
    "wells-100": lambda seed: wells(100, 4, seed),
    "tilted-6": lambda seed: wells(6, 6, seed, tilt=0.8),
    "tilted-50": lambda seed: wells(50, 4, seed, tilt=0.8),
    "bent-6": lambda seed: bent(6, 4, seed),
    "bent-12": lambda seed: bent(12, 4, seed),
    "bent-30": lambda seed: bent(30, 3, seed),
    "quadratic-10": lambda seed: quadratic(10, seed),
    "quadratic-30": lambda seed: quadratic(30, seed),
    "quadratic-100": lambda seed: quadratic(100, seed),
    "quartic-6": lambda seed: quartic(6, 5, seed),
    "quartic-20": lambda seed: quartic(20, 4, seed),
}


@dataclass(frozen=True)
class Score:
    """``equivalents``: gradients, with n for each Hessian; ``calls``: gradients and Hessians, one each."""

    found: int
    of: int
    false: int
    wrong: int
    equivalents: int
    calls: int


def scored(family: Family, found: Array, indices: Array | None, gradients: int, hessians: int) -> Score:
    """Match points with theory's."""
    hit: set[int] = set()
    false = wrong = 0
    reach = WITHIN * float(np.max(family.box[:, 1] - family.box[:, 0]))
    for k, x in enumerate(found):
        away = np.linalg.norm(family.points - x, axis=1)
        j = int(np.argmin(away))
        if away[j] > reach:
            false += 1
            continue
        hit.add(j)
        wrong += indices is not None and int(indices[k]) != int(family.indices[j])
    calls = gradients + hessians
    return Score(len(hit), len(family.points), false, wrong, gradients + family.dimension * hessians, calls)


def ours(family: Family, seed: int, hessian: bool = True) -> Score:
    """The search; without its Hessian it makes one from gradients."""
    given = family.hessian if hessian else None
    objective = objective_of(family.f, family.gradient, given, dimension=family.dimension)
    points = search(objective, family.box, seed=seed)
    found = np.array([point.x for point in points]).reshape(-1, family.dimension)
    indices = np.array([point.index for point in points])
    return scored(family, found, indices, points.cost.gradient, points.cost.hessian)


def scipy_multistart(family: Family, seed: int, starts: int) -> Score:
    """``scipy.optimize.root`` on the gradient, with the Hessian, from random starts in the box."""
    rng = np.random.default_rng(seed)
    calls = {"gradient": 0, "hessian": 0}

    def gradient(x: Array) -> Array:
        calls["gradient"] += 1
        return family.gradient(x)

    def hessian(x: Array) -> Array:
        calls["hessian"] += 1
        return family.hessian(x)

    lower, upper = family.box.T
    begun = rng.uniform(lower, upper, (starts, family.dimension))
    usual = float(np.median([np.linalg.norm(family.gradient(x)) for x in begun[:32]]))
    found: list[Array] = []
    for x in begun:
        with np.errstate(all="ignore"):
            end = root(gradient, x, jac=hessian)
        inside = np.all((end.x >= lower) & (end.x <= upper))
        if inside and np.linalg.norm(end.fun) <= ZERO * usual:
            found.append(end.x)
    points = np.array(found).reshape(-1, family.dimension)
    return scored(family, points, None, calls["gradient"], calls["hessian"])


def table(names: list[str], seeds: int, starts: int, console: Console) -> list[tuple[str, int, Score, Score | None]]:
    """Run families, print a row for each, and return the scores."""
    shown = Table("family", "n", "points", "found", "false", "wrong index", "gradients (Hessian = n)", "calls",
                  "SciPy found", "SciPy gradients", "SciPy calls", "share spent")  # fmt: skip
    rows: list[tuple[str, int, Score, Score | None]] = []
    for name in names:
        for seed in range(seeds):
            family = FAMILIES[name](seed)
            mine = ours(family, seed)
            other = scipy_multistart(family, seed, starts) if starts else None
            rows.append((name, seed, mine, other))
            shown.add_row(
                f"{family.name} (seed {seed})", str(family.dimension), str(mine.of), f"{mine.found}", str(mine.false),
                str(mine.wrong), f"{mine.equivalents:,}", f"{mine.calls:,}",
                *((f"{other.found}", f"{other.equivalents:,}", f"{other.calls:,}",
                   f"{mine.equivalents / other.equivalents:.1%}") if other else ("", "", "", "")),
            )  # fmt: skip
    console.print(shown)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=3000, help="SciPy's random starts; 0 leaves it out")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("families", nargs="*", default=list(FAMILIES), help=f"of {', '.join(FAMILIES)}")
    asked = parser.parse_args()
    table(asked.families or list(FAMILIES), asked.seeds, asked.starts, Console(width=190))


if __name__ == "__main__":
    main()
