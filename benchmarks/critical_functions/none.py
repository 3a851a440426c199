"""Functions without critical points: an answer of none is a theorem, too."""

import numpy as np
import sympy as sp

from benchmarks.critical_functions.problem import Problem

BOX = ((-3, 3.5),) * 2


def line_and_exponential(x):
    return x[0] + np.exp(x[1])


def line_and_exponential_exactly(x, y):
    return x + sp.exp(y)


def plane(x):
    return x[0] + 2 * x[1]


def increasing(x):
    return x[0] ** 3 + x[0] + x[1] ** 2


def nearly_flat(x):
    """The smallest slope along x is 1e-3."""
    return x[0] ** 3 + x[0] / 1000 + x[1] ** 2


def staircase(x):
    return x[0] + 0.9 * np.sin(x[0]) + x[1] ** 2


def staircase_exactly(x, y):
    return x + sp.Rational(9, 10) * sp.sin(x) + y**2


def harmonic(x):
    return np.exp(x[0]) * np.cos(x[1])


def harmonic_exactly(x, y):
    return sp.exp(x) * sp.cos(y)


def submersion(x):
    """x + x² y: levels that do not meet, though no linear function has them."""
    return x[0] + x[0] ** 2 * x[1]


def logarithm(x):
    return np.log(x[0]) + x[1]


def logarithm_exactly(x, y):
    return sp.log(x) + y


def arctangents(x):
    return np.arctan(x[0]) + np.arctan(x[1]) / 2


def arctangents_exactly(x, y):
    return sp.atan(x) + sp.atan(y) / 2


def far_away(x):
    """Its minimum is outside of the box."""
    return (x[0] - 7) ** 2 + x[1] ** 2


def none(name, function, proof, known, formula=None, box=BOX, everywhere=True, **more):
    return Problem(
        name=name,
        function=function,
        formula=formula,
        box=box,
        kind="none",
        proof=proof,
        known=known,
        everywhere=everywhere,
        **more,
    )


PROBLEMS = (
    none("x + exp y", line_and_exponential, "interval", "the derivative by x is 1", line_and_exponential_exactly),
    none("plane", plane, "algebra", "the gradient is (1, 2)"),
    none("increasing cubic", increasing, "algebra", "3x² + 1 > 0"),
    none("increasing cubic, nearly flat", nearly_flat, "algebra", "3x² + 1/1000 > 0"),
    none("staircase", staircase, "interval", "1 + 0.9 cos x > 0", staircase_exactly),
    none("harmonic", harmonic, "interval", "the gradient has length exp x", harmonic_exactly),
    none("submersion", submersion, "algebra", "1 + 2xy and x² have no common zero"),
    none(
        "logarithm",
        logarithm,
        "theorem",
        "the derivative by y is 1",
        logarithm_exactly,
        notes="the domain ends in the box",
    ),
    none("sum of arctangents", arctangents, "interval", "both derivatives are positive", arctangents_exactly),
    none("minimum outside", far_away, "interval", "the only one is (7, 0)", everywhere=False),
)
