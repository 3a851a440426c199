"""Domains that end inside of the box, and poles: logarithms, square roots, reciprocals."""

import math

import numpy as np
import sympy as sp

from benchmarks.critical_functions.problem import Point, Problem, grid, listed

GAUSS_LUCAS = (
    "the sum of q/(z − z_k) is P'/P for the polynomial P with these zeros; harmonic functions have saddles only"
)


def triangle(x):
    return -np.log(x[0]) - 2 * np.log(x[1]) - 3 * np.log(1 - x[0] - x[1])


def triangle_exactly(x, y):
    return -sp.log(x) - 2 * sp.log(y) - 3 * sp.log(1 - x - y)


def interior_point(x):
    """A linear objective with a barrier in the unit square."""
    logarithms = np.log(x[0]) + np.log(1 - x[0]) + np.log(x[1]) + np.log(1 - x[1])
    return 3 * x[0] + 8 * x[1] - 2 * logarithms


def interior_point_exactly(x, y):
    return 3 * x + 8 * y - 2 * (sp.log(x) + sp.log(1 - x) + sp.log(y) + sp.log(1 - y))


def wells_at_walls(x):
    return sum(-0.1 * np.log(1 - v**2) - 0.5 * v**2 for v in x)


def wells_at_walls_exactly(*x):
    return sum(-sp.log(1 - v**2) / 10 - v**2 / 2 for v in x)


def entropy(x):
    return x[0] * np.log(x[0]) + x[1] * np.log(x[1]) + (1 - x[0] - x[1]) * np.log(1 - x[0] - x[1])


def entropy_exactly(x, y):
    return x * sp.log(x) + y * sp.log(y) + (1 - x - y) * sp.log(1 - x - y)


def power_of_itself(x):
    return x[0] * np.log(x[0])


def power_of_itself_exactly(x):
    return x * sp.log(x)


def means(x):
    return x[0] * x[1] + 1 / x[0] + 1 / x[1]


def hemisphere(x):
    return -np.sqrt(1 - x[0] ** 2 - x[1] ** 2) + x[0] / 2


def hemisphere_exactly(x, y):
    return -sp.sqrt(1 - x**2 - y**2) + x / 2


def normal_deviance(x):
    """Minus the logarithm of a normal likelihood, by mean and variance; the data are 1, 2 and 6."""
    return 1.5 * np.log(x[1]) + ((1 - x[0]) ** 2 + (2 - x[0]) ** 2 + (6 - x[0]) ** 2) / (2 * x[1])


def normal_deviance_exactly(x, y):
    return sp.Rational(3, 2) * sp.log(y) + ((1 - x) ** 2 + (2 - x) ** 2 + (6 - x) ** 2) / (2 * y)


def line_charges(*charges):
    """The logarithmic potential of charges in the plane, rows (charge, x, y), in NumPy and exactly."""

    def function(x):
        return sum(q * np.log((x[0] - a) ** 2 + (x[1] - b) ** 2) for q, a, b in charges) / 2

    def formula(x, y):
        return sum(q * sp.log((x - a) ** 2 + (y - b) ** 2) for q, a, b in charges) / 2

    return function, formula


RECTANGLE = ((1, 2, 1), (1, 2, -1), (1, -2, 1), (1, -2, -1))
ON_A_LINE = ((1, -2, 0), (2, 1, 0))

rectangle, rectangle_exactly = line_charges(*RECTANGLE)
on_a_line, on_a_line_exactly = line_charges(*ON_A_LINE)

# 0.1 · 2v/(1 − v²) = v.
WALL = ((-math.sqrt(0.8), 1), (0.0, -1), (math.sqrt(0.8), 1))


def between_walls(slope):
    """The zero in (0, 1) of slope − 2/v + 2/(1 − v): slope v (1 − v) = 2 (1 − 2v)."""
    return ((slope + 4) - math.sqrt((slope + 4) ** 2 - 8 * slope)) / (2 * slope)


PROBLEMS = (
    Problem(
        name="barrier of a triangle",
        function=triangle,
        formula=triangle_exactly,
        box=((-0.5, 1.6),) * 2,
        points=listed((1 / 6, 1 / 3, 0)),
        kind="barrier",
        proof="algebra",
        known="strictly convex; weights 1, 2, 3 over their sum",
        everywhere=True,
    ),
    Problem(
        name="interior point",
        function=interior_point,
        formula=interior_point_exactly,
        box=((0, 1),) * 2,
        points=(Point((between_walls(3), between_walls(8)), 0),),
        kind="barrier",
        proof="separable",
        known="strictly convex; a quadratic equation on every axis",
        notes="the faces of the box are the barrier",
    ),
    Problem(
        name="wells at walls",
        function=wells_at_walls,
        formula=wells_at_walls_exactly,
        box=((-1.2, 1.2),) * 2,
        points=grid(WALL, WALL),
        kind="barrier",
        proof="separable",
        known="v = 0 or v² = 4/5 on every axis",
        everywhere=True,
    ),
    Problem(
        name="entropy",
        function=entropy,
        formula=entropy_exactly,
        box=((-0.5, 1.6),) * 2,
        points=listed((1 / 3, 1 / 3, 0)),
        kind="barrier",
        proof="theorem",
        known="strictly convex, with equal logarithms of all three probabilities",
        everywhere=True,
    ),
    Problem(
        name="x log x",
        function=power_of_itself,
        formula=power_of_itself_exactly,
        box=((-1, 3),),
        points=listed((math.exp(-1), 0)),
        kind="barrier",
        proof="theorem",
        known="log x = −1",
        everywhere=True,
    ),
    Problem(
        name="arithmetic and geometric mean",
        function=means,
        formula=lambda x, y: x * y + 1 / x + 1 / y,
        box=((-2, 3),) * 2,
        points=listed((1, 1, 0)),
        kind="barrier",
        proof="algebra",
        known="x² y = x y² = 1",
        everywhere=True,
        notes="two lines of poles cross the box",
    ),
    Problem(
        name="hemisphere",
        function=hemisphere,
        formula=hemisphere_exactly,
        box=((-1.5, 1.6),) * 2,
        points=listed((-math.sqrt(0.2), 0, 0)),
        kind="barrier",
        proof="theorem",
        known="strictly convex; x/√(1 − x² − y²) = −1/2 and y = 0",
        everywhere=True,
    ),
    Problem(
        name="normal likelihood",
        function=normal_deviance,
        formula=normal_deviance_exactly,
        box=((-10, 11), (-1, 20)),
        points=listed((3, 14 / 3, 0)),
        kind="barrier",
        proof="algebra",
        known="mean and variance of the data",
        everywhere=True,
    ),
    Problem(
        name="line charges in a rectangle",
        function=rectangle,
        formula=rectangle_exactly,
        box=((-3, 3.5),) * 2,
        points=listed((-math.sqrt(3), 0, 1), (0, 0, 1), (math.sqrt(3), 0, 1)),
        kind="barrier",
        proof="algebra",
        known="P = z⁴ − 6z² + 25; " + GAUSS_LUCAS,
        reference="Marden (1966), Geometry of polynomials, chapter 2 (the theorem of Gauss and Lucas)",
        poles=tuple((float(a), float(b)) for _, a, b in RECTANGLE),
        everywhere=True,
    ),
    Problem(
        name="two line charges",
        function=on_a_line,
        formula=on_a_line_exactly,
        box=((-3, 2.5), (-2, 2.2)),
        points=listed((-1, 0, 1)),
        kind="barrier",
        proof="algebra",
        known="(z − 1) + 2 (z + 2) = 0; " + GAUSS_LUCAS,
        poles=tuple((float(a), float(b)) for _, a, b in ON_A_LINE),
        everywhere=True,
    ),
)
