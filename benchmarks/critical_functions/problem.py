"""A function whose critical points in a box are known, and how they are known.

Data
    ``Point``      a critical point: where it lies, how many eigenvalues of the Hessian are negative, how many are 0.
    ``Continuum``  a curve or a surface of critical points.
    ``Problem``    a function, as a SymPy expression and in NumPy, a box, and all of its critical points there.

The most important functions are ``Problem.expression``, ``grid`` (all points of a sum of functions of one variable)
and ``products`` (those of a product of two).
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

__all__ = ["KINDS", "PROOFS", "Axis", "Continuum", "Point", "Problem", "grid", "listed", "products"]

Array = NDArray[np.float64]
Axis = Sequence[tuple[float, int]]
"""The critical points of a function of one variable: each with the sign of its second derivative."""

KINDS: Mapping[str, str] = {
    "smooth": "all critical points are isolated, with an invertible Hessian",
    "barrier": "the same, and the function has poles in the box, or an edge of its domain",
    "degenerate": "all critical points are isolated; the Hessian of some is singular",
    "continuum": "curves or surfaces of critical points",
    "kink": "somewhere in the box there is no gradient",
    "none": "no critical points",
}

PROOFS: Mapping[str, str] = {
    "algebra": "the gradient's real zeros are counted exactly, in the ring of polynomials modulo its entries",
    "elimination": "all but one unknown are rational functions of that one; its polynomial's real roots are counted",
    "separable": "a sum of functions of one variable each, whose zeros are isolated",
    "product": "a product of two functions of one variable each, whose zeros are isolated",
    "interval": "an interval Newton method in ball arithmetic on the whole box",
    "theorem": "a theorem, as ``known`` says; every point is confirmed, but not that there are no others",
    "pieces": "every smooth piece is solved exactly",
}
"""How ``tests/verify/critical/test_critical_functions.py`` confirms what is expected, without any search."""


@dataclass(frozen=True)
class Point:
    """A critical point: ``index`` eigenvalues of the Hessian are negative, ``nullity`` are 0."""

    x: tuple[float, ...]
    index: int
    nullity: int = 0


@dataclass(frozen=True)
class Continuum:
    """Critical points that are not isolated.

    ``of`` makes points of it from its parameters (numbers or symbols, ``dimension`` of them); ``distance`` tells how
    far from it a point lies; ``zero`` is an expression of the problem's symbols that vanishes on it and on no
    isolated critical point.
    """

    what: str
    dimension: int
    of: Callable[..., Sequence[Any]]
    distance: Callable[[Array], float]
    zero: Callable[..., Any]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A function, and all of its critical points in a box.

    ``function`` takes an array of ``dimension`` numbers. ``formula`` takes SymPy symbols and gives the same function
    exactly; where it is absent and ``symbolic`` is true, ``function`` takes symbols too, as polynomials do, and its
    decimals are exact numbers. ``points`` are the isolated critical points in the box: none lies on its boundary.
    Where there are too many to list, ``counted`` says how many there are of every index. ``everywhere`` says that
    there are no others outside of the box either. ``kinks`` are generalised critical points (0 is between the
    gradients nearby) where there is no gradient: nobody has to find them, and no one may call them smooth; ``poles``
    are singular points. ``proof`` is one of ``PROOFS``, ``known`` says in a sentence why the points are these.
    ``heavy`` problems take a search long, or their confirmation.

    ``gradient`` and ``hvp`` are there where the dimension is above 6. Shapes: x (n), gradient (n), hvp (x, v) -> (n).
    """

    name: str
    function: Callable[[Array], Any]
    box: tuple[tuple[float, float], ...]
    points: tuple[Point, ...] = ()
    counted: Mapping[int, int] | None = None
    kind: str = "smooth"
    proof: str
    known: str
    reference: str = ""
    formula: Callable[..., Any] | None = None
    symbolic: bool = True
    everywhere: bool = False
    continua: tuple[Continuum, ...] = ()
    kinks: tuple[tuple[float, ...], ...] = ()
    poles: tuple[tuple[float, ...], ...] = ()
    heavy: bool = False
    notes: str = ""
    gradient: Callable[[Array], Array] | None = None
    hvp: Callable[[Array, Array], Array] | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS or self.proof not in PROOFS:
            raise ValueError(f"{self.name}: no kind {self.kind!r}, or no proof {self.proof!r}")
        if any(len(one.x) != self.dimension for one in self.points):
            raise ValueError(f"{self.name}: a point has not {self.dimension} coordinates")
        if (self.kind == "continuum") != bool(self.continua):
            raise ValueError(f"{self.name}: continua go with kind='continuum', and only with it")

    @property
    def dimension(self) -> int:
        return len(self.box)

    @property
    def names(self) -> tuple[str, ...]:
        """x, y, z, w; or x1, x2, … from dimension 5 on."""
        if self.dimension <= 4:
            return ("x", "y", "z", "w")[: self.dimension]
        return tuple(f"x{k}" for k in range(1, self.dimension + 1))

    def symbols(self) -> tuple[sp.Symbol, ...]:
        return tuple(sp.Symbol(name, real=True) for name in self.names)

    def expression(self) -> sp.Expr:
        """The function, exactly. Raises: ValueError where there is no formula."""
        symbols = self.symbols()
        if self.formula is not None:
            made = sp.sympify(self.formula(*symbols))
        elif self.symbolic:
            made = sp.sympify(self.function(np.array(symbols, dtype=object)))
        else:
            raise ValueError(f"{self.name} has no formula")
        return made.xreplace({one: sp.Rational(str(one)) for one in made.atoms(sp.Float)})

    def counts(self) -> dict[int, int]:
        """How many isolated critical points there are of every index."""
        return dict(sorted((self.counted or Counter(one.index for one in self.points)).items()))


def listed(*rows: tuple[float, ...]) -> tuple[Point, ...]:
    """Points from rows of coordinates with the index last."""
    return tuple(Point(tuple(map(float, row[:-1])), int(row[-1])) for row in rows)


def grid(*axes: Axis) -> tuple[Point, ...]:
    """The critical points of a sum of functions of one variable each: all combinations; indices add."""
    return tuple(
        Point(
            tuple(float(x) for x, _ in one),
            sum(curvature < 0 for _, curvature in one),
            sum(curvature == 0 for _, curvature in one),
        )
        for one in itertools.product(*axes)
    )


def products(first: Sequence[tuple[float, int, int]], second: Sequence[tuple[float, int, int]]) -> tuple[Point, ...]:
    """The critical points of g(x) h(y), from the zeros of g g' and of h h'.

    A row is a zero, the sign of the function there, and that of its second derivative; the sign is 0 at a zero of the
    function itself, which is simple. Critical are the pairs of zeros of g' and h', with the Hessian
    diag(g'' h, g h''), and the pairs of zeros of g and h: saddles, as the Hessian's diagonal is 0 there.
    """
    found = []
    for (x, g, bent), (y, h, curved) in itertools.product(first, second):
        if g and h:
            found.append(Point((float(x), float(y)), (bent * h < 0) + (g * curved < 0)))
        elif not g and not h:
            found.append(Point((float(x), float(y)), 1))
    return tuple(found)
