"""A program as an expert would compute it: what is done to the expressions before they are translated, in order."""

from __future__ import annotations

from derive.program import Program
from derive.render.numpy.bands import with_bands
from derive.render.numpy.carried import with_numbers_carried
from derive.render.numpy.chains import with_common_products
from derive.render.numpy.choices import with_choices
from derive.render.numpy.chosen import without_equal_terms
from derive.render.numpy.complements import with_complements
from derive.render.numpy.conditions import with_conditions_once
from derive.render.numpy.distribution import distributed
from derive.render.numpy.exclusions import with_exclusions
from derive.render.numpy.factoring import factored
from derive.render.numpy.inverses import with_solved_systems
from derive.render.numpy.labels import at_labels, with_changes
from derive.render.numpy.moments import with_moments
from derive.render.numpy.one_hot import with_one_hot_products
from derive.render.numpy.outside import with_factors_outside
from derive.render.numpy.reciprocals import with_known_reciprocals
from derive.render.numpy.remainders import with_remainders
from derive.render.numpy.roots import with_roots_of_quotients
from derive.render.numpy.scaled import without_scaled_matrices
from derive.render.numpy.sharing import with_shared_values
from derive.render.numpy.single_axes import without_repetition
from derive.render.numpy.symmetry import with_symmetry

__all__ = ["prepared"]

PASSES = (
    without_repetition,
    with_remainders,
    with_bands,
    at_labels,
    with_one_hot_products,
    with_exclusions,
    with_conditions_once,
    with_complements,
    with_moments,
    with_roots_of_quotients,
    with_known_reciprocals,
    distributed,
    without_equal_terms,
    without_scaled_matrices,
    with_symmetry,
    factored,
    with_choices,
    with_changes,
    with_common_products,
    with_numbers_carried,
    with_factors_outside,
    with_shared_values,
    with_symmetry,
)
"""A shared value may be symmetric where what it was written in was not seen to be."""


def prepared(program: Program) -> tuple[Program, frozenset[object]]:
    """The program after all passes, and the inverses for which systems are solved."""
    for one in PASSES:
        program = one(program)
    return with_solved_systems(program)
