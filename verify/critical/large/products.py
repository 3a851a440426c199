"""Products of a Hessian with vectors that somebody else computes: counted, checked, and with a bound on their error.

Nothing is concluded from products before they are known to be those of a symmetric matrix: two products tell whether
``hvp`` is linear and always gives the same, and every pair of vectors after that whether it is symmetric.

Data
    ``Products``  the products, how many there were, and how exact they are.

The three most important functions are ``Products.of`` (a block of products), ``Products.tried`` (the first block, and
whether the operator is linear) and ``Products.symmetric`` (whether forms agree with their transposes).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "HvpError", "Products"]

Array = NDArray[np.float64]
Hvp = Callable[[Array], Any]

EPS = float(np.finfo(np.float64).eps)
LINEAR = 1e-2
"""How far products may be from linear, relative to their length: no bound is of use for what is less exact."""
MARGIN = 8.0
"""The error of a product, at most, over that seen in the test of linearity and over one rounding of the result."""
SYMMETRIC = 32.0
"""How far v'Hu and u'Hv may be apart, over the error that products have."""


class HvpError(ValueError):
    """The products are not those of a symmetric matrix with the vectors."""


@dataclass
class Products:
    """The products of a symmetric operator with vectors of ``dim`` entries. Vectors are the rows of arrays.

    ``hvp`` takes one vector (dim), or with ``block`` the columns of an array (dim, k). With ``error_of``, the bound
    on the error of each product comes from there instead of the test of linearity: it returns (products, bounds) of
    rows. ``level`` bounds the error of a product with a unit vector, ``count`` is how many there were, ``scale`` the
    longest product so far.
    """

    hvp: Hvp | None
    dim: int
    block: bool = False
    error_of: Callable[[Array], tuple[Array, Array]] | None = None
    count: int = 0
    level: float = 0.0
    scale: float = 0.0
    eps: float = EPS

    def of(self, rows: Array) -> tuple[Array, Array]:
        """The products with unit vectors, and a bound on the error of each.

        Shapes: rows (k, dim) -> (k, dim), (k).
        Raises: HvpError when a product has the wrong shape, is complex, or is not finite.
        """
        if self.error_of is not None:
            products, errors = self.error_of(rows)
        else:
            products = self._called(rows)
            errors = np.zeros(len(rows))
        self.count += len(rows)
        bad = ~np.isfinite(products).all(axis=1)
        if bad.any():
            first = products[np.argmax(bad)]
            place = int(np.argmax(~np.isfinite(first)))
            number = self.count - len(rows) + int(np.argmax(bad)) + 1
            raise HvpError(
                f"hvp: entry {place} of product {number} is {first[place]}, "
                "expected a finite number; look for an overflow, or a point where f has no second derivative"
            )
        self.scale = max(self.scale, float(np.max(np.linalg.norm(products, axis=1), initial=0.0)))
        return products, np.maximum(errors, max(self.level, MARGIN * self.eps * self.scale))

    def _called(self, rows: Array) -> Array:
        assert self.hvp is not None
        if self.block:
            return self._taken(self.hvp(np.asfortranarray(rows.T)), (self.dim, len(rows))).T
        # A copy: whoever writes to its argument does not write to the basis.
        return np.stack([self._taken(self.hvp(row.copy()), (self.dim,)) for row in rows])

    def _taken(self, product: Any, shape: tuple[int, ...]) -> Array:
        found = np.asarray(product)
        if found.shape != shape:
            raise HvpError(
                f"hvp returned shape {found.shape} for an argument of shape {shape}, expected the same shape; "
                "hvp(v) is the Hessian times v"
            )
        if found.dtype.kind not in "fiub":
            raise HvpError(f"hvp returned {found.dtype}, expected real numbers")
        if found.dtype.kind == "f":
            self.eps = max(self.eps, float(np.finfo(found.dtype).eps))
        return np.array(found, dtype=np.float64)

    def tried(self, rows: Array, rng: np.random.Generator) -> tuple[Array, Array]:
        """The products with the first vectors, after one more that tells whether they are linear.

        The further one is of a combination of the rows that is no unit vector. How far it is from the combination of
        the products bounds the error of those that follow.
        Raises: HvpError when they are not linear, or change from one call to the next.
        """
        products, errors = self.of(rows)
        weights = rng.normal(size=len(rows)) + 1.7
        mixed = (weights @ rows)[None]
        length = float(np.linalg.norm(mixed))
        if self.error_of is not None:  # bounded there already, and made from unit vectors
            mixed, weights, length = mixed / length, weights / length, 1.0
        got, bound = self.of(mixed)
        self.scale = max(float(np.max(np.linalg.norm(products, axis=1))), float(np.linalg.norm(got)) / length)
        apart = float(np.linalg.norm(got[0] - weights @ products)) / length
        size = float(np.linalg.norm(np.abs(weights) @ np.abs(products))) / length
        if self.error_of is None:
            self.level = MARGIN * apart
        allowed = (
            LINEAR * size if self.error_of is None else max(float(bound[0] + np.abs(weights) @ errors), EPS * size)
        )
        if apart > allowed and apart > 0:
            again, _ = self.of(rows[:1])
            changed = float(np.linalg.norm(again[0] - products[0]))
            told = f"apart by {apart / size:.1e} of their length, expected at most {allowed / size:.0e}"
            if changed > allowed / 2:
                raise HvpError(
                    "hvp gives another product when it is called again with the same vector: "
                    f"{changed / (np.linalg.norm(products[0]) or 1.0):.1e} of its length; "
                    "fix the batch, the random numbers and the mode (dropout, batch norm) that it uses"
                )
            raise HvpError(
                f"hvp is not linear: hvp(a·u) and a·hvp(u), or those of a sum, are {told}; return the Hessian times "
                "v at one fixed point, in a precision that resolves it"
            )
        return products, np.maximum(errors, max(self.level, MARGIN * self.eps * self.scale))

    def symmetric(self, form: Array, other: Array, error: float) -> float:
        """How far v'Hu and u'Hv are apart, where both should be equal.

        Raises: HvpError when they are further apart than their errors.
        """
        difference = np.abs(form - other)
        if not difference.size:
            return 0.0
        apart = float(np.max(difference))
        if apart > SYMMETRIC * error:
            place = np.unravel_index(int(np.argmax(difference)), difference.shape)
            raise HvpError(
                f"hvp is not symmetric: u'Hv = {form[place]:.9g} and v'Hu = {other[place]:.9g} for two unit vectors "
                f"with errors of at most {error:.1e}; second derivatives that are continuous are symmetric: "
                "look for a wrong sign or a missing term in hvp, or a point at a kink"
            )
        return apart
