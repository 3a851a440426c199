"""What a search for negative eigenvalues proves, and what it says of the rest.

The three most important functions are ``reported`` (the result), ``proved`` (a lower bound on the index) and
``sharper`` (an estimate of the eigenvalues' errors).
"""

from __future__ import annotations

import time

import numpy as np

from verify.critical.large.block_eigen import Ritz
from verify.critical.large.index_report import HessianIndex
from verify.critical.large.index_search import RISK, Flags, Search
from verify.critical.large.products import EPS, Array, Products

__all__ = ["proved", "reported", "sharper"]

DENSE = 8
"""So many negative Ritz values of one random start tell how many negative eigenvalues there are."""


def reported(search: Search, started: float, seed: int, vectors: bool) -> HessianIndex:
    """Prove what can be proved, and say the rest."""
    locked, dim = search.locked, search.products.dim
    negative: Flags = locked.values < -locked.errors
    found = int(np.sum(negative))
    lower, apart = proved(search.products, locked, negative, search.rng, spend=search.products.count < search.limit)
    bounds = locked.lengths + locked.errors + apart
    level = float(np.max(locked.errors, initial=search.products.level))
    level = max(level, 8 * search.products.eps * search.products.scale)
    rest = 0
    if not search.settled and search.seen is not None:
        # A few Ritz values stand for more of the bulk than is negative: only many of them tell a density.
        below = search.seen.nodes < -level
        if np.sum(below) >= DENSE:
            rest = round(search.seen.share(-np.inf, -level) * (dim - search.behind))
    estimate = found if search.settled else max(found, rest + search.below)
    return HessianIndex(
        dim=dim,
        lower_bound=lower,
        estimate=estimate,
        certified=False,
        settled=search.settled,
        nullity=_nullity(search, level),
        eigenvalues=locked.values,
        residuals=locked.lengths,
        bounds=bounds,
        sharper=sharper(locked),
        resolution=search.resolution,
        risk=RISK,
        how_sure=_how_sure(search, found, estimate, lower),
        theorem=(
            f"Courant–Fischer: v'Hv < 0 on a space of {lower} dimensions, products being exact to {level:.1e}"
            + (f" (one more product was off by {apart:.1e})" if apart else "")
        ),
        product_error=level,
        hvps=search.products.count,
        seconds=time.monotonic() - started,
        stopped=search.stopped,
        seed=seed,
        vectors=locked.vectors if vectors else None,
    )


def _nullity(search: Search, level: float) -> int | None:
    """How many eigenvalues are 0 within the products' error, as the start vectors see them."""
    if search.seen is None or not len(search.seen.nodes):
        return None
    zero = 16 * max(level, EPS * search.largest)
    near = float(np.min(np.abs(search.seen.nodes)))
    if near <= zero:
        return max(1, round(search.seen.share(-zero, zero) * (search.products.dim - search.behind)))
    return 0 if search.settled and search.seen.risk(-zero) <= RISK else None


def _how_sure(search: Search, found: int, estimate: int, lower: int) -> str:
    limit = f"{search.resolution:.2e}"
    if search.settled:
        return _missed(found, limit)
    said = f"did not converge: {lower} negative directions are proved"
    if np.isfinite(search.resolution):
        return f"{said}; {_missed(found, limit)}"
    if estimate > found:
        return f"{said}; random vectors see a spectrum with about {estimate} negative eigenvalues"
    return f"{said}; nothing is known of others"


def _missed(found: int, limit: str) -> str:
    which = "another eigenvalue" if found else "an eigenvalue"
    return f"a random start would have missed {which} below -{limit} with probability at most {RISK:g}"


def proved(
    products: Products, ritz: Ritz, negative: Flags, rng: np.random.Generator, spend: bool
) -> tuple[int, float]:
    """The dimension of a space on which v'Hv < 0, beyond all errors, and how far one further product was off.

    The vectors need not be orthonormal for that. With ``spend`` a product with a random combination of them tells
    whether residuals that were carried along are still those of H.
    """
    vectors, values = ritz.vectors[negative], ritz.values[negative]
    count = len(values)
    if not count:
        return 0, 0.0
    apart = 0.0
    if spend:
        weights = rng.normal(size=count)
        weights /= np.linalg.norm(weights)
        mixed = (weights @ vectors)[None]
        length = float(np.linalg.norm(mixed))
        image, errors = products.of(mixed / length)
        expected = (weights * values) @ vectors + weights @ ritz.residuals[negative]
        apart = max(float(np.linalg.norm(image[0] * length - expected)) - float(errors[0]), 0.0)
    form = (vectors @ vectors.T) * values + vectors @ ritz.residuals[negative].T
    form = (form + form.T) / 2
    size = float(np.max(np.abs(values))) + float(np.max(ritz.lengths[negative]))
    rounding = count * products.dim * EPS * size
    error = float(np.linalg.norm(ritz.errors[negative])) + np.sqrt(count) * apart + rounding
    return int(np.sum(np.linalg.eigvalsh(form) < -error)), apart


def sharper(ritz: Ritz) -> Array:
    """residual² over the gap to the nearest other Ritz value beyond the residual: an estimate of the error."""
    lengths = ritz.lengths
    if len(lengths) < 2:
        return lengths
    distance = np.abs(ritz.values[:, None] - ritz.values[None, :])
    distance[distance <= lengths[:, None]] = np.inf
    gap = np.min(distance, axis=1)
    return np.where(np.isfinite(gap), lengths**2 / gap, lengths)
