"""Functions of many variables whose critical points theory gives; they can be sent to other processes."""

import itertools
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

Numbers = Any


def rotation(n: int, seed: int) -> Numbers:
    q, r = np.linalg.qr(np.random.default_rng(seed).standard_normal((n, n)))
    return q * np.sign(np.diag(r))


@dataclass(frozen=True)
class Wells:
    """Σ (yᵢ² - 1)² aᵢ + tᵢ yᵢ over k coordinates and Σ dᵢ yᵢ² / 2 over the others, where y = Q (x - s).

    ``bend`` adds bend · sin(y₀) to y₁, so that nothing separates; that changes no index.
    """

    n: int
    k: int
    tilt: float = 0.0
    bend: float = 0.0

    @cache  # noqa: B019 - there are few
    def parts(self) -> tuple[Numbers, Numbers, Numbers, Numbers, Numbers]:
        rng = np.random.default_rng(self.n + self.k)
        a, d = rng.uniform(0.5, 2.0, self.k), rng.uniform(0.5, 3.0, self.n - self.k)
        t = self.tilt * a * rng.choice((-1.0, 1.0), self.k)
        return a, d, t, rotation(self.n, self.k), rng.uniform(-0.2, 0.2, self.n)

    def slope(self, z: Numbers) -> Numbers:
        a, d, t, _, _ = self.parts()
        return np.concatenate([4 * a * z[: self.k] * (z[: self.k] ** 2 - 1) + t, d * z[self.k :]])

    def f(self, x: Numbers) -> float:
        a, d, t, q, s = self.parts()
        z = q @ (x - s)
        z[1] += self.bend * np.sin(z[0])
        u, v = z[: self.k], z[self.k :]
        return float(np.sum(a * (u**2 - 1) ** 2 + t * u) + np.sum(d * v**2) / 2)

    def gradient(self, x: Numbers) -> Numbers:
        *_, q, s = self.parts()
        y = q @ (x - s)
        z = y.copy()
        z[1] += self.bend * np.sin(y[0])
        g = self.slope(z)
        g[0] += self.bend * np.cos(y[0]) * g[1]
        return q.T @ g

    def hessian(self, x: Numbers) -> Numbers:
        a, d, _, q, s = self.parts()
        y = q @ (x - s)
        z = y.copy()
        z[1] += self.bend * np.sin(y[0])
        jacobian = np.eye(self.n)
        jacobian[1, 0] = self.bend * np.cos(y[0])
        inner = np.diag(np.concatenate([a * (12 * z[: self.k] ** 2 - 4), d]))
        full = jacobian.T @ inner @ jacobian
        full[0, 0] -= self.bend * np.sin(y[0]) * self.slope(z)[1]
        return q.T @ full @ q

    def hvp(self, x: Numbers, v: Numbers) -> Numbers:
        return self.hessian(x) @ v

    def points(self) -> tuple[Numbers, Numbers]:
        """All critical points, and their indices: of each well three roots, the middle one a maximum."""
        a, _, t, q, s = self.parts()
        roots = [np.sort(np.roots([4 * a[i], 0, -4 * a[i], t[i]]).real) for i in range(self.k)]
        xs, indices = [], []
        for corner in itertools.product(range(3), repeat=self.k):
            y = np.array([roots[i][j] for i, j in enumerate(corner)] + [0.0] * (self.n - self.k))
            y[1] -= self.bend * np.sin(y[0])
            xs.append(q.T @ y + s)
            indices.append(sum(j == 1 for j in corner))
        return np.array(xs), np.array(indices)


@dataclass(frozen=True)
class Sphere:
    """xᵀAx + 2 (|x|² - 1)², where A has eigenvalues between -1 and 1: two points for each, and the origin."""

    n: int

    @cache  # noqa: B019 - there are few
    def parts(self) -> tuple[Numbers, Numbers, Numbers]:
        values, q = np.linspace(-1.0, 1.0, self.n) ** 3 + 0.1, rotation(self.n, 1)
        return values, q, (q.T * values) @ q

    def f(self, x: Numbers) -> float:
        return float(x @ self.parts()[2] @ x + 2 * (x @ x - 1) ** 2)

    def gradient(self, x: Numbers) -> Numbers:
        return 2 * self.parts()[2] @ x + 8 * (x @ x - 1) * x

    def hessian(self, x: Numbers) -> Numbers:
        return 2 * self.parts()[2] + 8 * ((x @ x - 1) * np.eye(self.n) + 2 * np.outer(x, x))

    def hvp(self, x: Numbers, v: Numbers) -> Numbers:
        return self.hessian(x) @ v

    def points(self) -> tuple[Numbers, Numbers]:
        values, q, _ = self.parts()
        ends = q * np.sqrt(1 - values / 4)[:, None]
        return np.vstack([ends, -ends, np.zeros(self.n)]), np.array([*range(self.n), *range(self.n), self.n])
