"""Values to 1e6 and more, coordinates of different sizes, curvatures that differ by 1e10."""

import math

import numpy as np
import sympy as sp

from benchmarks.critical_functions.polynomial import (
    CAMEL,
    COUNTED,
    HIMMELBLAU,
    MORE,
    WELL,
    himmelblau,
    six_hump_camel,
    six_hump_camel_exactly,
)
from benchmarks.critical_functions.problem import Point, Problem, grid, listed
from benchmarks.critical_functions.trigonometric import PENDULUMS, pendulums, pendulums_exactly


def brown(x):
    return (x[0] - 1000000) ** 2 + (x[1] - 2 / 1000000) ** 2 + (x[0] * x[1] - 2) ** 2


def brown_exactly(x, y):
    return (x - 10**6) ** 2 + (y - sp.Rational(2, 10**6)) ** 2 + (x * y - 2) ** 2


def steep_rosenbrock(x):
    return 1000000 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2


def camel_in_units(x):
    """Millions, of coordinates in thousands and in thousandths."""
    return 1000000 * six_hump_camel((x[0] / 1000, 1000 * x[1]))


def camel_in_units_exactly(x, y):
    return 10**6 * six_hump_camel_exactly(x / 1000, 1000 * y)


def small_himmelblau(x):
    return himmelblau(x) / 1000000


def small_himmelblau_exactly(x, y):
    return ((x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2) / 10**6


def high_himmelblau(x):
    """With a constant beside which 1e-10 is lost."""
    return 1000000 + himmelblau(x)


def high_himmelblau_exactly(x, y):
    return 10**6 + (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2


def uneven_wells(x):
    return 1000000 * (x[0] ** 2 - 1) ** 2 + (x[1] ** 2 - 1) ** 2 / 10000


def uneven_wells_exactly(x, y):
    return 10**6 * (x**2 - 1) ** 2 + (y**2 - 1) ** 2 / 10**4


def far_wells(x):
    """Double wells around (1000, −1000)."""
    return ((x[0] - 1000) ** 2 - 1) ** 2 + ((x[1] + 1000) ** 2 - 1) ** 2


def narrow_valley(x):
    """A quadratic form of condition 1e10, turned by (3, 4)/5."""
    a, b = (3 * x[0] + 4 * x[1]) / 5, (3 * x[1] - 4 * x[0]) / 5
    return 100000 * a**2 + b**2 / 100000 - b / 50000


def narrow_valley_exactly(x, y):
    a, b = (3 * x + 4 * y) / 5, (3 * y - 4 * x) / 5
    return 10**5 * a**2 + b**2 / 10**5 - b / (5 * 10**4)


def close_wells(x):
    """Wells whose minima are 2e-3 apart in a box of width 4."""
    return (x[0] ** 2 - 1e-6) ** 2 + x[1] ** 2


def close_wells_exactly(x, y):
    return (x**2 - sp.Rational(1, 10**6)) ** 2 + y**2


def many_pendulums(x):
    return 1000000 * pendulums(x)


def many_pendulums_exactly(x, y):
    return 10**6 * pendulums_exactly(x, y)


def growing(x):
    """The exponential of a double well: values from 1 to 3e8 in the box."""
    return np.exp((x[0] ** 2 - 1) ** 2 + x[1] ** 2)


def growing_exactly(x, y):
    return sp.exp((x**2 - 1) ** 2 + y**2)


BOX = ((-2, 2.2),) * 2

PROBLEMS = (
    Problem(
        name="Brown, badly scaled",
        function=brown,
        formula=brown_exactly,
        box=((-2e6, 3e6), (-10, 11)),
        points=(Point((1e6, 2e-6), 0),),
        proof="algebra",
        known=COUNTED,
        reference=MORE + " 4",
        everywhere=True,
    ),
    Problem(
        name="Rosenbrock with 1e6",
        function=steep_rosenbrock,
        box=((-5, 6),) * 2,
        points=listed((1, 1, 0)),
        proof="algebra",
        known=COUNTED,
        everywhere=True,
    ),
    Problem(
        name="six-hump camel in other units",
        function=camel_in_units,
        formula=camel_in_units_exactly,
        box=((-5000, 5000), (-0.005, 0.005)),
        points=tuple(Point((1000 * one.x[0], one.x[1] / 1000), one.index) for one in CAMEL),
        proof="algebra",
        known="15 is also Bézout's bound",
        everywhere=True,
    ),
    Problem(
        name="Himmelblau by a million",
        function=small_himmelblau,
        formula=small_himmelblau_exactly,
        box=((-6, 6),) * 2,
        points=HIMMELBLAU,
        proof="algebra",
        known="9 is also Bézout's bound",
        everywhere=True,
    ),
    Problem(
        name="Himmelblau and a million",
        function=high_himmelblau,
        formula=high_himmelblau_exactly,
        box=((-6, 6),) * 2,
        points=HIMMELBLAU,
        proof="algebra",
        known="9 is also Bézout's bound",
        everywhere=True,
    ),
    Problem(
        name="uneven double wells",
        function=uneven_wells,
        formula=uneven_wells_exactly,
        box=BOX,
        points=grid(WELL, WELL),
        proof="separable",
        known="curvatures differ by 1e10",
        everywhere=True,
    ),
    Problem(
        name="double wells far away",
        function=far_wells,
        box=((998, 1002.5), (-1002, -997.5)),
        points=tuple(Point((1000 + one.x[0], one.x[1] - 1000), one.index) for one in grid(WELL, WELL)),
        proof="separable",
        known="moved by (1000, −1000)",
        everywhere=True,
    ),
    Problem(
        name="narrow valley",
        function=narrow_valley,
        formula=narrow_valley_exactly,
        box=((-100, 110),) * 2,
        points=listed((-0.8, 0.6, 0)),
        proof="algebra",
        known="a quadratic form; b = 1 in turned coordinates",
        everywhere=True,
    ),
    Problem(
        name="wells close together",
        function=close_wells,
        formula=close_wells_exactly,
        box=BOX,
        points=listed((-0.001, 0, 0), (0, 0, 1), (0.001, 0, 0)),
        proof="algebra",
        known="x³ = 1e-6 x",
        everywhere=True,
    ),
    Problem(
        name="a million pendulums",
        function=many_pendulums,
        formula=many_pendulums_exactly,
        box=((-7, 7),) * 2,
        points=PENDULUMS,
        proof="interval",
        known="an interval Newton method on the whole box",
    ),
    Problem(
        name="exponential of a double well",
        function=growing,
        formula=growing_exactly,
        box=BOX,
        points=listed((-1, 0, 0), (0, 0, 1), (1, 0, 0)),
        proof="theorem",
        known="those of the exponent, with the same index: exp increases",
        notes=f"values to {math.exp((2.2**2 - 1) ** 2 + 2.2**2):.0e}",
        everywhere=True,
    ),
)
