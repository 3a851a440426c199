"""The index of a large Hessian from its products with vectors: a proved lower bound, an estimate, and how sure.

A small matrix is written out whole, and its index is certified. A large one is searched: Krylov spaces are built one
after another (``block_eigen``) until one from a new random start holds no further negative direction, and it would
have shown one (``risk``). Each finds one copy of a multiple eigenvalue, and none is forgotten.

The lower bound needs no convergence: on the span of Ritz vectors with negative Ritz values v'Hv is negative, and by
Courant and Fischer a matrix has at least as many negative eigenvalues as such a space has dimensions.

The three most important functions are ``hessian_index`` (the user's entry), ``Search.run`` and ``proved``,
in modules of their own.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from verify.critical.large.hvp_by_differences import differences
from verify.critical.large.index_proof import reported
from verify.critical.large.index_report import HessianIndex
from verify.critical.large.index_search import MEMORY, Search
from verify.critical.large.index_whole import whole_index
from verify.critical.large.products import Array, HvpError, Products

__all__ = ["HessianIndex", "HvpError", "hessian_index"]

WHOLE = 256
"""Up to this dimension the matrix is written out."""
TOGETHER = 8
"""So many random vectors a space starts from where products are made of several vectors at once."""
PRODUCTS = 1000
"""The most that are spent unless something else is asked for."""


def hessian_index(
    hvp: Callable[[Array], Any] | None,
    dim: int | None = None,
    *,
    gradient: Callable[[Array], Any] | None = None,
    x: Any = None,
    tolerance: float | None = None,
    block: int | None = None,
    max_hvps: int | None = None,
    time_limit: float | None = None,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
    block_hvp: bool = False,
    vectors: bool = False,
    memory: float = MEMORY,
) -> HessianIndex:
    """How many eigenvalues of a Hessian are negative, from products ``hvp(v)``.

    ``hvp`` is None where ``gradient`` and the point ``x`` are given: products are then differences, with bounds on
    their errors, and each costs 4 gradients. With ``block_hvp`` it takes the columns of an array (dim, k), and that
    counts k. ``tolerance`` (1e-3) is the relative error to which the most negative eigenvalue is wanted, and the
    size, relative to it, of further negative eigenvalues that need not be told from 0. ``block`` is how many random
    vectors each space starts from: 1 spends the fewest products, 8 (with ``block_hvp``) the fewest calls. At most
    ``max_hvps`` products (1,000) are spent; a matrix of at most 256 dimensions is written out. ``memory`` bounds the
    bytes of vectors that are kept.

    Shapes: v (dim) -> (dim).
    Raises: ValueError when an argument is out of range; HvpError (a ValueError) when products are not finite, have
    the wrong shape, change from call to call, or are not linear or not symmetric.
    Reference: Parlett (1998), The symmetric eigenvalue problem, ch. 10, 11 and 13.
    When this fails: many negative eigenvalues near 0 (a bulk on both sides) are not counted, only estimated.
    """
    started = time.monotonic()
    limit = PRODUCTS if max_hvps is None else max_hvps
    start = (TOGETHER if block_hvp else 1) if block is None else block
    rng = np.random.default_rng(seed)
    products = _products(hvp, dim, gradient, x, block_hvp, rng)
    for name, value, least in (("block", start, 1), ("max_hvps", limit, 1), ("dim", products.dim, 1)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise ValueError(f"{name} is {value!r}, expected a whole number of at least {least}")
    accuracy = 1e-3 if tolerance is None else float(tolerance)
    if not 0 < accuracy < 1:
        raise ValueError(f"tolerance is {tolerance!r}, expected a number between 0 and 1")
    deadline = np.inf if time_limit is None else started + time_limit
    say = progress or (lambda _: None)
    if products.dim <= WHOLE and products.dim + 1 <= limit:
        return whole_index(products, rng, started, seed, vectors)
    # Where the matrix can be written out after all, a search that gets long is given up for that.
    possible = 2 * products.dim <= limit
    most = products.dim // 2 if possible else limit
    search = Search(products, rng, accuracy, start, most, deadline, memory, say)
    search.run()
    if possible and not search.settled and time.monotonic() < deadline:
        return whole_index(products, rng, started, seed, vectors)
    return reported(search, started, seed, vectors)


def _products(hvp: Any, dim: int | None, gradient: Any, x: Any, block: bool, rng: np.random.Generator) -> Products:
    if (hvp is None) == (gradient is None):
        raise ValueError("hessian_index needs either hvp and dim, or hvp=None with gradient and x")
    if gradient is not None:
        if x is None:
            raise ValueError("x is missing: products by differences of the gradient need the point")
        point = np.array(x, dtype=np.float64)
        if point.ndim != 1 or not np.isfinite(point).all():
            raise ValueError(f"x has shape {point.shape}, expected (dim,) of finite numbers; flatten the parameters")
        if dim is not None and dim != len(point):
            raise ValueError(f"dim is {dim}, but x has {len(point)} entries")
        return Products(None, len(point), error_of=differences(gradient, point, rng))
    if not callable(hvp):
        raise ValueError(f"hvp is {type(hvp).__name__}, expected a function of a vector; for a matrix use inertia()")
    if dim is None:
        raise ValueError("dim is missing: the number of entries of the vectors that hvp takes")
    return Products(hvp, dim, block)
