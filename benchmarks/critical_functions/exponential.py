"""Exponential functions: sums of Gaussians, and functions that tell local from global."""

import math

import numpy as np
import sympy as sp

from benchmarks.critical_functions.problem import Problem, listed

ISOLATED = "an interval Newton method on the whole box"


def peaks(x):
    a, b = x
    first = 3 * (1 - a) ** 2 * np.exp(-(a**2) - (b + 1) ** 2)
    second = 10 * (a / 5 - a**3 - b**5) * np.exp(-(a**2) - b**2)
    return first - second - np.exp(-((a + 1) ** 2) - b**2) / 3


def peaks_exactly(x, y):
    first = 3 * (1 - x) ** 2 * sp.exp(-(x**2) - (y + 1) ** 2)
    second = 10 * (x / 5 - x**3 - y**5) * sp.exp(-(x**2) - y**2)
    return first - second - sp.exp(-((x + 1) ** 2) - y**2) / 3


def only_one(x):
    return x[0] ** 3 - 3 * x[0] * np.exp(x[1]) + np.exp(3 * x[1])


def only_one_exactly(x, y):
    return x**3 - 3 * x * sp.exp(y) + sp.exp(3 * y)


def dipole(x):
    return x[0] * np.exp(-(x[0] ** 2) - x[1] ** 2)


def dipole_exactly(x, y):
    return x * sp.exp(-(x**2) - y**2)


def quadrupole(x):
    return (x[0] ** 2 - x[1] ** 2) * np.exp(-(x[0] ** 2 + x[1] ** 2) / 2)


def quadrupole_exactly(x, y):
    return (x**2 - y**2) * sp.exp(-(x**2 + y**2) / 2)


def two_gaussians(x):
    return -np.exp(-((x[0] - 1) ** 2) - x[1] ** 2) - 2 * np.exp(-((x[0] + 1) ** 2) - 2 * x[1] ** 2)


def two_gaussians_exactly(x, y):
    return -sp.exp(-((x - 1) ** 2) - y**2) - 2 * sp.exp(-((x + 1) ** 2) - 2 * y**2)


def three_gaussians(x):
    """At the corners of an equilateral triangle in the unit circle, with variance 0.52."""
    corners = ((1.0, 0.0), (-0.5, np.sqrt(3) / 2), (-0.5, -np.sqrt(3) / 2))
    return -sum(np.exp(-((x[0] - a) ** 2 + (x[1] - b) ** 2) / 1.04) for a, b in corners)


def three_gaussians_exactly(x, y):
    half, height = sp.Rational(1, 2), sp.sqrt(3) / 2
    corners = ((1, 0), (-half, height), (-half, -height))
    return -sum(sp.exp(-((x - a) ** 2 + (y - b) ** 2) / sp.Rational(104, 100)) for a, b in corners)


HARTMANN_WEIGHTS = ("1", "1.2", "3", "3.2")
HARTMANN_WIDTHS = (("3", "10", "30"), ("0.1", "10", "35"), ("3", "10", "30"), ("0.1", "10", "35"))
HARTMANN_CENTRES = (
    ("0.3689", "0.1170", "0.2673"),
    ("0.4699", "0.4387", "0.7470"),
    ("0.1091", "0.8732", "0.5547"),
    ("0.0381", "0.5743", "0.8828"),
)


def hartmann(x):
    weights, widths, centres = (np.array(one, float) for one in (HARTMANN_WEIGHTS, HARTMANN_WIDTHS, HARTMANN_CENTRES))
    return -sum(
        weights[k] * np.exp(-sum(widths[k, j] * (x[j] - centres[k, j]) ** 2 for j in range(3))) for k in range(4)
    )


def hartmann_exactly(*x):
    return -sum(
        sp.Rational(weight)
        * sp.exp(-sum(sp.Rational(a) * (v - sp.Rational(p)) ** 2 for v, a, p in zip(x, widths, centre, strict=True)))
        for weight, widths, centre in zip(HARTMANN_WEIGHTS, HARTMANN_WIDTHS, HARTMANN_CENTRES, strict=True)
    )


def small_network(x):
    """Two weights, y tanh(x t), at two times, with a penalty."""
    first, second = x[1] * np.tanh(x[0]) - 0.5, x[1] * np.tanh(2 * x[0]) - 0.9
    return first**2 + second**2 + (x[0] ** 2 + x[1] ** 2) / 50


def small_network_exactly(x, y):
    first, second = y * sp.tanh(x) - sp.Rational(1, 2), y * sp.tanh(2 * x) - sp.Rational(9, 10)
    return first**2 + second**2 + (x**2 + y**2) / 50


def logistic(x):
    """A convex loss: softplus of a few margins, and a penalty."""
    a, b = x
    margins = (a - b, -2 * a - b + 1, a + 2 * b - 1)
    return sum(np.log(1 + np.exp(v)) for v in margins) + (a**2 + b**2) / 10


def logistic_exactly(x, y):
    margins = (x - y, -2 * x - y + 1, x + 2 * y - 1)
    return sum(sp.log(1 + sp.exp(v)) for v in margins) + (x**2 + y**2) / 10


HARTMANN = listed(
    (0.10933747837181026, 0.8605242257018716, 0.5641231666105351, 0),
    (0.11191381141001992, 0.7181879450190543, 0.6827842275246904, 1),
    (0.11458887665506896, 0.55564889461693, 0.8525469846866774, 0),
    (0.26809410006030154, 0.41245012104154116, 0.3962241593470822, 1),
    (0.3687227270693186, 0.11756162882466425, 0.26757374301517134, 0),
)

PEAKS = listed(
    (-1.3473962443682108, 0.20451886609700518, 0),
    (-0.46002451803438665, -0.6291965087168009, 2),
    (-0.2659375568372457, 0.4667399937262694, 1),
    (-0.009317581959954116, 1.5813679629389998, 2),
    (0.22827892055636909, -1.6255349574999964, 0),
    (0.2964455538468321, 0.32019624766683435, 0),
    (0.4163233216785082, -0.3941450984024246, 1),
    (1.0982728343350927, 0.8544609795247524, 1),
    (1.285684697241304, -0.004847559075593672, 2),
)

PROBLEMS = (
    Problem(
        name="peaks",
        function=peaks,
        formula=peaks_exactly,
        box=((-3, 3),) * 2,
        points=PEAKS,
        proof="interval",
        known=ISOLATED,
        heavy=True,
    ),
    Problem(
        name="the only critical point in town",
        function=only_one,
        formula=only_one_exactly,
        box=((-3, 3), (-3, 2)),
        points=listed((1, 0, 0)),
        proof="interval",
        known="x² = e^y and e^{3y} = x e^y, so that x = 1; " + ISOLATED,
        reference="Rosenholtz, Smylie (1985), The only critical point in town test: a minimum that is not global",
        everywhere=True,
    ),
    Problem(
        name="dipole",
        function=dipole,
        formula=dipole_exactly,
        box=((-2, 2),) * 2,
        points=listed((-math.sqrt(0.5), 0, 0), (math.sqrt(0.5), 0, 2)),
        proof="interval",
        known="y = 0 and 2x² = 1; " + ISOLATED,
        everywhere=True,
    ),
    Problem(
        name="quadrupole",
        function=quadrupole,
        formula=quadrupole_exactly,
        box=((-3, 3),) * 2,
        points=listed(
            (-math.sqrt(2), 0, 2), (0, -math.sqrt(2), 0), (0, 0, 1), (0, math.sqrt(2), 0), (math.sqrt(2), 0, 2)
        ),
        proof="interval",
        known="x (2 − x² + y²) = 0 and y (2 + x² − y²) = 0; " + ISOLATED,
        everywhere=True,
    ),
    Problem(
        name="two Gaussians",
        function=two_gaussians,
        formula=two_gaussians_exactly,
        box=((-2.5, 2.5),) * 2,
        points=listed(
            (-0.9803836355776621, 0, 0),
            (0.3640740385517348, 0, 1),
            (0.8939741041006756, 0, 0),
        ),
        proof="interval",
        known=ISOLATED,
    ),
    Problem(
        name="three Gaussians with four peaks",
        function=three_gaussians,
        formula=three_gaussians_exactly,
        box=((-2, 2),) * 2,
        points=listed(
            (-0.32021193534219455, -0.5546233412026412, 0),
            (-0.32021193534219455, 0.5546233412026412, 0),
            (-0.046131580651406316, -0.0799022415216971, 1),
            (-0.046131580651406316, 0.0799022415216971, 1),
            (0, 0, 0),
            (0.09226316130281263, 0, 1),
            (0.6404238706843891, 0, 0),
        ),
        proof="interval",
        known="a small fourth minimum in the middle; " + ISOLATED,
        reference="Carreira-Perpiñán, Williams (2003), An isotropic Gaussian mixture can have more modes",
        notes="points are as close as 0.08; the curvature in the middle is small",
    ),
    Problem(
        name="Hartmann in three",
        function=hartmann,
        formula=hartmann_exactly,
        box=((0, 1),) * 3,
        points=HARTMANN,
        proof="interval",
        known=ISOLATED,
        reference="Hartman (1973), Some experiments in global optimization",
        notes="four minima are counted in print; three lie inside of the box",
    ),
    Problem(
        name="network of two weights",
        function=small_network,
        formula=small_network_exactly,
        box=((-3, 3),) * 2,
        points=listed(
            (-0.5446567459700803, -1.0711158300180315, 0),
            (0, 0, 1),
            (0.5446567459700803, 1.0711158300180315, 0),
        ),
        proof="interval",
        known="symmetric; a saddle at the origin; " + ISOLATED,
    ),
    Problem(
        name="logistic regression",
        function=logistic,
        formula=logistic_exactly,
        box=((-6, 6),) * 2,
        points=listed(
            (0.30610855966145895, 0.30610855966145895, 0),
        ),
        proof="interval",
        known="strictly convex; " + ISOLATED,
        everywhere=True,
    ),
)
