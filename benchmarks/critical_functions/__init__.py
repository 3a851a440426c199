"""Functions whose critical points are known, each with how it is known: by algebra, by a theorem, by intervals.

The yardstick of ``verify.find_critical_points`` and of what stands beside it; nothing here knows how they search.

Data
    ``FAMILIES``  the functions by family: one module each.
    ``PROBLEMS``  every function, by its name.
    ``INDICES``   points of functions of many variables, whose index theory gives, by name.
"""

from benchmarks.critical_functions import (
    barriers,
    continua,
    degenerate,
    exponential,
    high_dimensional,
    ill_scaled,
    kinks,
    none,
    physics,
    polynomial,
    trigonometric,
)
from benchmarks.critical_functions.high_dimensional import Large
from benchmarks.critical_functions.problem import KINDS, PROOFS, Continuum, Point, Problem

__all__ = ["FAMILIES", "INDICES", "KINDS", "PROBLEMS", "PROOFS", "Continuum", "Large", "Point", "Problem"]

FAMILIES: dict[str, tuple[Problem, ...]] = {
    "polynomial": polynomial.PROBLEMS,
    "trigonometric": trigonometric.PROBLEMS,
    "exponential": exponential.PROBLEMS,
    "physics": physics.PROBLEMS,
    "barriers": barriers.PROBLEMS,
    "degenerate": degenerate.PROBLEMS,
    "continua": continua.PROBLEMS,
    "kinks": kinks.PROBLEMS,
    "none": none.PROBLEMS,
    "ill-scaled": ill_scaled.PROBLEMS,
    "high-dimensional": high_dimensional.FAMILIES,
}

PROBLEMS: dict[str, Problem] = {one.name: one for family in FAMILIES.values() for one in family}
INDICES: dict[str, Large] = {one.name: one for one in high_dimensional.INDICES}

if len(PROBLEMS) != sum(map(len, FAMILIES.values())) or len(INDICES) != len(high_dimensional.INDICES):
    raise ValueError("two functions have the same name")
