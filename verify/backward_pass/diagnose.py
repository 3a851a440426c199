"""Why a gradient is wrong: hypotheses, each tested against the numbers, the most specific first.

Every hypothesis is a function of a ``Suspect`` that returns a sentence when the numbers bear it out, and None
otherwise; ``HYPOTHESES`` lists them with the kind of mistake that each of them names, in the order of trial. Those
that tell kinds apart return both. They stand in one module for every family of mistakes.

The most important function is ``cause`` (the first hypothesis that survives).
"""

from __future__ import annotations

from collections.abc import Callable

from verify.backward_pass.axes import (
    along_another_axis,
    along_another_axis_by_factors,
    cotangent_transposed,
    matrix_transposed,
    not_symmetrised,
    sums_forgotten,
    transposed,
)
from verify.backward_pass.counterfactual import right_for_other_inputs
from verify.backward_pass.factors import averaged, factors_of_their_own
from verify.backward_pass.ingredients import right_with_another_ingredient
from verify.backward_pass.moved import (
    blocks_exchanged,
    moved_within_outputs,
    numbers_elsewhere,
    order_of_outputs,
    outputs_exchanged,
    shifted,
)
from verify.backward_pass.reach import (
    contributions_missing,
    dead_outputs_pass,
    one_output_missing,
    overwritten,
    reaches_too_far,
    shared_otherwise,
)
from verify.backward_pass.roughness import rounded
from verify.backward_pass.signs import beside_the_way_through, epsilon, term_of_wrong_sign
from verify.backward_pass.suspect import Answer, Suspect
from verify.backward_pass.terms import standardised, statistics, term_missing
from verify.backward_pass.where import (
    blocked_on_one_side,
    equal_entries,
    few,
    few_values,
    in_a_region,
    masked,
    region_named,
    repeated_indices,
    sides_exchanged,
    signs_differ,
    whole_steps,
)
from verify.backward_pass.whole import (
    depends_otherwise,
    exchanged,
    factor,
    ignores_cotangent,
    negative,
    nothing,
    out_of_nothing,
    small,
    unbiased,
    unexplained,
)

__all__ = ["HYPOTHESES", "Suspect", "cause"]

Hypothesis = Callable[[Suspect], Answer]

HYPOTHESES: tuple[tuple[str, Hypothesis], ...] = (
    ("path", nothing),
    ("path", out_of_nothing),
    ("sign", negative),
    ("cotangent", ignores_cotangent),
    ("gate", exchanged),
    ("precision", rounded),
    ("stats", unbiased),
    ("scale", factor),
    ("cotangent", depends_otherwise),
    ("axis", transposed),
    ("axis", cotangent_transposed),
    ("gate", blocks_exchanged),
    ("gate", outputs_exchanged),
    ("path", one_output_missing),
    ("accumulate", overwritten),
    ("index", shifted),
    ("axis", not_symmetrised),
    ("ties", equal_entries),
    ("", sides_exchanged),
    ("mask", dead_outputs_pass),
    ("", contributions_missing),
    ("", averaged),
    ("accumulate", repeated_indices),
    ("axis", matrix_transposed),
    ("", order_of_outputs),
    ("axis", along_another_axis),
    ("index", moved_within_outputs),
    ("", masked),
    ("sign", signs_differ),
    ("region", in_a_region),
    ("local", few),
    ("stats", statistics),
    ("", right_with_another_ingredient),
    ("", standardised),
    ("axis", along_another_axis_by_factors),
    ("", beside_the_way_through),
    ("sign", term_of_wrong_sign),
    ("stats", epsilon),
    ("path", sums_forgotten),
    ("", numbers_elsewhere),
    ("", factors_of_their_own),
    ("mask", shared_otherwise),
    ("mask", whole_steps),
    ("mask", few_values),
    ("", right_for_other_inputs),
    ("subtle", small),
    ("", reaches_too_far),
    ("mask", blocked_on_one_side),
    ("path", term_missing),
    ("path", unexplained),
)
"""Each with the kind that it names; those with none name it themselves."""


def cause(s: Suspect) -> tuple[str, str]:
    """The kind of mistake and a sentence: the first hypothesis that the numbers bear out."""
    if s.place.label is not None:
        told = region_named(s)
        assert told is not None
        return "region", told
    for kind, hypothesis in HYPOTHESES:
        answer = hypothesis(s)
        if answer:
            return (kind, answer) if isinstance(answer, str) else answer
    return "wrong", ""
