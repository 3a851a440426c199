"""The classic problems: the backward pass of the expert is the derivative, and what is printed is LaTeX."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.beside import classic_problems
from tests.rendering import compile_latex
from verify import numdiff

# What a numerical derivative must know to say anything about a backward pass, relative to the largest entry.
ENOUGH = {"hessian": 1e-3, "hvp": 1e-3}
ROUNDING = 1e-11

HEAD = r"""\documentclass{article}
\usepackage{amsmath,amssymb,bm}
\setlength{\textwidth}{6.5in}
\begin{document}
"""


PROBLEMS = classic_problems()


class Close(np.ndarray):
    """An array whose equality is meant up to rounding."""

    def __eq__(self, other: object) -> Any:
        return np.isclose(np.asarray(self), np.asarray(other), rtol=1e-12, atol=1e-12)

    __hash__ = None  # type: ignore[assignment]


def differentiated(problem: Any, given: dict[str, Any], extra: dict[str, Any]) -> numdiff.Estimate:
    """The derivative that a problem asks for, numerically."""
    at = given[problem.wrt]

    def function(z: Any) -> Any:
        return problem.function(**{**given, problem.wrt: z})

    match problem.kind:
        case "gradient":
            return numdiff.gradient(function, at)
        case "jacobian":
            return numdiff.jacobian(function, at)
        case "hessian":
            return numdiff.hessian(function, at)
        case "vjp":
            return numdiff.vjp(function, at, extra[f"d_{problem.output}"])
        case "jvp":
            return numdiff.jvp(function, at, extra[f"t_{problem.wrt}"])
        case "hvp":
            whole, tangent = numdiff.hessian(function, at), extra[f"t_{problem.wrt}"]
            bound = np.tensordot(whole.bound, np.abs(tangent), tangent.ndim)
            return numdiff.Estimate(
                np.tensordot(whole.value, tangent, tangent.ndim),
                bound,
                np.zeros_like(bound, dtype=bool),
                whole.evaluations,
            )
    raise AssertionError(problem.kind)


def further(problem: Any, given: dict[str, Any]) -> dict[str, Any]:
    """The cotangent or the tangent that a backward pass takes beside the arguments."""
    rng = np.random.default_rng(11)
    if problem.kind == "vjp":
        return {f"d_{problem.output}": rng.normal(size=np.shape(problem.function(**given)))}
    if problem.kind in ("jvp", "hvp"):
        return {f"t_{problem.wrt}": rng.normal(size=given[problem.wrt].shape)}
    return {}


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_entry_of_backward_is_the_derivative(name: str) -> None:
    problem, (sizes, _) = PROBLEMS[name], PROBLEMS[name].small_sizes()
    assert set(sizes) == set(problem.large_sizes()) == set(problem.size_names())
    assert not set(sizes) & set(problem.shapes)
    given = problem.draw(sizes, seed=0)
    before = {argument: value.copy() for argument, value in given.items()}
    extra = further(problem, given)

    found = np.asarray(problem.backward(**given, **extra))
    expected = differentiated(problem, given, extra)

    agree(problem, found, expected)
    for argument, value in given.items():
        np.testing.assert_array_equal(value, before[argument])


@pytest.mark.parametrize("name", PROBLEMS)
def test_backward_is_the_derivative_at_other_sizes(name: str) -> None:
    """Along random directions, which no wrong entry escapes; they take fewer calls than all entries."""
    problem, (_, sizes) = PROBLEMS[name], PROBLEMS[name].small_sizes()
    given = problem.draw(sizes, seed=1)
    extra = further(problem, given)
    found = np.asarray(problem.backward(**given, **extra))
    if problem.kind not in ("gradient", "vjp", "jacobian"):
        agree(problem, found, differentiated(problem, given, extra))
        return
    at = given[problem.wrt]
    cotangent = extra.get(f"d_{problem.output}")

    def function(z: Any) -> Any:
        value = problem.function(**{**given, problem.wrt: z})
        return value if cotangent is None else np.sum(cotangent * value)

    for seed in range(2):
        direction = np.random.default_rng(seed).normal(size=at.shape)
        agree(problem, np.tensordot(found, direction, at.ndim), numdiff.jvp(function, at, direction))


def agree(problem: Any, found: Any, expected: numdiff.Estimate) -> None:
    """Within the bound of the numerical derivative, which must say something."""
    largest = np.abs(expected.value).max()
    assert found.shape == expected.value.shape
    assert largest > 1e-3
    assert not expected.kink.any()
    assert expected.bound.max() <= ENOUGH.get(problem.kind, 1e-6) * largest
    assert np.all(np.abs(found - expected.value) <= expected.bound + ROUNDING * largest)


@pytest.mark.parametrize("name", [name for name, problem in PROBLEMS.items() if problem.assumptions])
def test_arguments_obey_the_assumptions(name: str) -> None:
    problem = PROBLEMS[name]
    given = problem.draw(problem.small_sizes()[0], seed=0)
    said = problem.assumptions(**{argument: value.view(Close) for argument, value in given.items()})
    assert said
    assert all(np.all(equation) for equation in said)


def equation(problem: Any) -> str:
    """What is asked for, and the answer."""
    return f"{problem.entry} = {problem.expert}" if problem.entry else problem.expert


@pytest.mark.rendering("pdflatex")
def test_what_is_printed_compiles(tmp_path: Path) -> None:
    shown = [
        rf"\texttt{{{name}}}" + rf"\[ {problem.where} \]" * bool(problem.where) + rf"\[ {equation(problem)} \]"
        for name, problem in PROBLEMS.items()
    ]
    compiled = compile_latex(HEAD + "\n\n".join(shown) + "\n\\end{document}\n", tmp_path)
    assert compiled.complaints == ()


def test_no_expression_is_left_open() -> None:
    for problem in PROBLEMS.values():
        for text in (problem.expert, problem.where, problem.entry):
            assert text.count("{") == text.count("}"), problem.name
            assert text == text.strip()
