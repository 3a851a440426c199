"""What is known of the index of a large Hessian, and how sure.

Data
    ``HessianIndex``  a proved lower bound on the index, an estimate, eigenvalues with bounds, and what they rest on.

The three most important functions are ``HessianIndex.__str__``, ``HessianIndex.to_json`` and
``HessianIndex.settled``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from verify.critical.large.products import Array

__all__ = ["HessianIndex"]

SHOWN = 8


@dataclass(frozen=True, eq=False)
class HessianIndex:
    """The index of a symmetric matrix of which only products are known.

    ``lower_bound`` is proved, as ``theorem`` says, for products that are as exact as they seemed (``product_error``,
    for unit vectors). ``estimate`` is what the index most likely is; ``certified`` that it is proved to be that.
    ``resolution`` is a number τ ≥ 0: that an eigenvalue below -τ was missed has at most the probability ``risk`` over
    the random starts; infinite where nothing is known. ``settled`` says that the search ended by itself.
    Shapes: eigenvalues, residuals, bounds (k): Ritz values in ascending order, the norms of their residuals, and how
    far an eigenvalue is from each at most. ``sharper`` (k) is the estimate residual² / gap, no bound, as the gap is
    known from Ritz values only. vectors (k, dim) where asked for.
    ``nullity`` estimates the dimension of the kernel within the products' error; None where that was not resolved.
    """

    dim: int
    lower_bound: int
    estimate: int
    certified: bool
    settled: bool
    nullity: int | None
    eigenvalues: Array
    residuals: Array
    bounds: Array
    sharper: Array
    resolution: float
    risk: float
    how_sure: str
    theorem: str
    product_error: float
    hvps: int
    seconds: float
    stopped: str = ""
    seed: int = 0
    vectors: Array | None = field(default=None, repr=False)

    @property
    def most_negative(self) -> tuple[float, float] | None:
        """The smallest Ritz value and its bound, where one is known."""
        return (float(self.eigenvalues[0]), float(self.bounds[0])) if len(self.eigenvalues) else None

    def __str__(self) -> str:
        """What a person reads."""
        if self.certified:
            head = f"index {self.estimate} of {self.dim:,} dimensions, certified"
        elif self.settled:
            head = f"index {self.estimate} of {self.dim:,} dimensions, at least {self.lower_bound} proved"
        else:
            head = (
                f"index at least {self.lower_bound} of {self.dim:,} dimensions, estimate {self.estimate}; not settled"
            )
        lines = [head, f"  how sure   {self.how_sure}", f"  rests on   {self.theorem}"]
        if self.nullity is not None:
            lines.append(f"  nullity    {self.nullity}{'' if self.certified else ' (estimate)'}")
        if self.stopped:
            lines.append(f"  stopped    {self.stopped}")
        lines.append(f"  cost       {self.hvps} Hessian-vector products, {self.seconds:.2g} s, seed {self.seed}")
        if len(self.eigenvalues):
            lines.append("  eigenvalue            ± bound (residual and error of products)")
            places = list(range(len(self.eigenvalues)))
            if len(places) > 2 * SHOWN:
                places = [*places[:SHOWN], -1, *places[-SHOWN:]]
            lines += [f"  {self.eigenvalues[k]:+.12e}   ± {self.bounds[k]:.1e}" if k >= 0 else "  …" for k in places]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """What a program reads: numbers, strings and lists; infinite numbers are null."""

        def number(value: float) -> float | None:
            return float(value) if np.isfinite(value) else None

        return {
            "dim": self.dim,
            "lower_bound": self.lower_bound,
            "estimate": self.estimate,
            "certified": self.certified,
            "settled": self.settled,
            "nullity": self.nullity,
            "eigenvalues": [number(one) for one in self.eigenvalues],
            "residuals": [number(one) for one in self.residuals],
            "bounds": [number(one) for one in self.bounds],
            "sharper": [number(one) for one in self.sharper],
            "resolution": number(self.resolution),
            "risk": self.risk,
            "how_sure": self.how_sure,
            "theorem": self.theorem,
            "product_error": self.product_error,
            "hvps": self.hvps,
            "seconds": self.seconds,
            "stopped": self.stopped,
            "seed": self.seed,
        }
