"""Classic problems in plain NumPy, each with its derivative as an expert writes it: in LaTeX, and in NumPy.

The yardstick of what is derived from NumPy functions; nothing here knows how that is done.

Data
    ``PROBLEMS``  every problem, by its name.
"""

from benchmarks.classics import (
    attention,
    classification,
    contrastive,
    densities,
    generative,
    images,
    likelihoods,
    matrices,
    networks,
    normalisation,
    points,
    recurrent,
    regression,
    robust,
    systems,
)
from benchmarks.classics.problem import KINDS, Arguments, Problem, Sizes

__all__ = ["KINDS", "PROBLEMS", "Arguments", "Problem", "Sizes"]

AREAS = (
    matrices,
    regression,
    classification,
    networks,
    normalisation,
    attention,
    recurrent,
    images,
    densities,
    generative,
    contrastive,
    points,
    robust,
    likelihoods,
    systems,
)

PROBLEMS: dict[str, Problem] = {problem.name: problem for area in AREAS for problem in area.PROBLEMS}

if len(PROBLEMS) != sum(len(area.PROBLEMS) for area in AREAS):
    raise ValueError("two problems have the same name")
