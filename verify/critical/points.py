"""What a search for critical points found, and how sure it is.

Data
    ``Spectrum``        eigenvalues of a Hessian, each with bounds: the index, the nullity and the kind follow.
    ``CriticalPoint``   a point where the gradient vanishes, with the Hessian's spectrum there.
    ``Component``       a continuum of critical points, such as a circle, found as one.
    ``Undecided``       a box in which something could not be settled, and why.
    ``Cost``            evaluations and time.
    ``CriticalPoints``  all of these; ``complete`` is true only where it was proved that there are no others.

The three most important functions are ``Spectrum.kind``, ``CriticalPoints.__str__`` (what a person reads) and
``CriticalPoints.to_json`` (what a program reads). Nothing is computed here but what follows from eigenvalues' bounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "KINDS",
    "WITHIN",
    "Array",
    "Component",
    "Cost",
    "CriticalPoint",
    "CriticalPoints",
    "Spectrum",
    "Undecided",
]

Array = NDArray[np.float64]

KINDS = ("minimum", "maximum", "saddle", "degenerate", "not critical", "undecided")
"""What a point can be. Degenerate: an eigenvalue is 0 within its bounds, so that second derivatives do not decide,
and nothing of higher order did. A point from which f rises on some curves and falls on others is a saddle."""


WITHIN = 1e-6
"""A point counts as a critical one that lies within this distance, relative to its size (at least 1)."""


@dataclass(frozen=True, eq=False)
class Spectrum:
    """The eigenvalues of a symmetric matrix in ascending order, and bounds that hold for each.

    Shapes: values, lower, upper (n). The k-th smallest eigenvalue lies in [lower[k], upper[k]].
    ``proved`` says that the bounds are theorems about the exact Hessian; otherwise they are measured.
    """

    values: Array
    lower: Array
    upper: Array
    proved: bool = False

    @property
    def index(self) -> int:
        """How many eigenvalues are negative, beyond their bounds."""
        return int(np.sum(self.upper < 0))

    @property
    def nullity(self) -> int:
        """How many eigenvalues may be 0."""
        return int(np.sum((self.lower <= 0) & (self.upper >= 0)))

    @property
    def kind(self) -> str:
        """Minimum, maximum, saddle or degenerate; a saddle may have eigenvalues that are 0, besides both signs."""
        negative, positive = self.index, int(np.sum(self.lower > 0))
        if negative and positive:
            return "saddle"
        if self.nullity or not len(self.values):
            return "degenerate"
        return "maximum" if negative else "minimum"


@dataclass(frozen=True, eq=False)
class CriticalPoint:
    """A point where the gradient vanishes.

    Shapes: x (n), enclosure (lower (n), upper (n)).
    ``certified`` says that exactly one critical point lies in ``enclosure``, and that its index is proved.
    ``gradient_norm`` is the gradient's Euclidean norm at ``x``, as computed. ``kind`` is one of ``KINDS``: the
    spectrum's unless something else is known (``note`` says what). ``names`` are those of coordinates.
    """

    x: Array
    value: float
    gradient_norm: float
    spectrum: Spectrum
    kind: str
    certified: bool = False
    enclosure: tuple[Array, Array] | None = None
    note: str = ""
    names: tuple[str, ...] = ()

    @property
    def eigenvalues(self) -> Array:
        """The Hessian's eigenvalues, ascending."""
        return self.spectrum.values

    @property
    def index(self) -> int:
        """How many eigenvalues are negative, beyond their bounds."""
        return self.spectrum.index

    @property
    def nullity(self) -> int:
        """How many eigenvalues may be 0."""
        return self.spectrum.nullity

    def __str__(self) -> str:
        from verify.critical.shown.table import one_point

        return one_point(self)


@dataclass(frozen=True, eq=False)
class Component:
    """A continuum of critical points: a curve or a surface of ``dimension``, with some points on it.

    Shapes: points (k, n), lower and upper (n), a box around all that was found of it.
    """

    points: Array
    dimension: int
    lower: Array
    upper: Array
    value: float
    reason: str


@dataclass(frozen=True, eq=False)
class Undecided:
    """A box (or a point, when both ends are equal) that could not be settled, and why.

    Shapes: lower and upper (n).
    """

    lower: Array
    upper: Array
    reason: str


@dataclass(frozen=True)
class Cost:
    """Evaluations of f, of its gradient, its Hessian and Hessian-vector products at points; boxes; seconds."""

    function: int = 0
    gradient: int = 0
    hessian: int = 0
    hvp: int = 0
    boxes: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, eq=False)
class CriticalPoints(Sequence[CriticalPoint]):
    """The critical points that were found: a table, in ascending order of their values.

    ``complete`` is true only when it was proved that the box holds no other critical point; ``assumption`` is what
    the proof rests on. ``evidence`` says in sentences what speaks for completeness where nothing was proved, or that
    f has no value in the box; ``stopped`` why the search ended early, if it did. ``paths`` are ways of the search,
    each (k, n), for the picture; ``names`` the coordinates' names; ``box`` (lower, upper) where one was searched.
    """

    points: tuple[CriticalPoint, ...]
    names: tuple[str, ...]
    complete: bool = False
    assumption: str = ""
    undecided: tuple[Undecided, ...] = ()
    components: tuple[Component, ...] = ()
    box: tuple[Array, Array] | None = None
    evidence: tuple[str, ...] = ()
    stopped: str = ""
    cost: Cost = Cost()
    seed: int = 0
    paths: tuple[Array, ...] = field(default=(), repr=False)
    function: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "points", tuple(replace(point, names=self.names) for point in self.points))

    @overload
    def __getitem__(self, place: int) -> CriticalPoint: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[CriticalPoint, ...]: ...
    def __getitem__(self, place: int | slice) -> CriticalPoint | tuple[CriticalPoint, ...]:
        return self.points[place]

    def __len__(self) -> int:
        return len(self.points)

    def __iter__(self) -> Iterator[CriticalPoint]:
        return iter(self.points)

    def __str__(self) -> str:
        from verify.critical.shown.table import text

        return text(self)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from verify.critical.shown.record import html_text

        return html_text(self)

    def to_json(self, **options: Any) -> str:
        """All but the paths, as JSON that keeps floats exactly. ``options`` go to ``json.dumps``."""
        from verify.critical.shown.record import json_text

        return json_text(self, **options)

    def plot(self, path: str | Path | None = None) -> Figure:
        """A picture of the points and of their spectra; ``path`` ends in .png, .pdf or .svg."""
        from verify.critical.shown.plot import plot

        return plot(self, path)
