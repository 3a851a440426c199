"""Isolated critical points whose Hessian is singular: no eigenvalue tells what they are."""

import math

import numpy as np
import sympy as sp

from benchmarks.critical_functions.problem import Point, Problem

COUNTED = "the number of distinct real zeros of the gradient, exactly"
MORE = "Moré, Garbow, Hillstrom (1981), Testing unconstrained optimization software, problem"


def monkey_saddle(x):
    return x[0] ** 3 - 3 * x[0] * x[1] ** 2


def dog_saddle(x):
    return x[0] ** 3 * x[1] - x[0] * x[1] ** 3


def flat_minimum(x):
    return x[0] ** 4 + x[1] ** 4


def flat_saddle(x):
    return x[0] ** 4 - x[1] ** 4


def bowl(x):
    return (x[0] ** 2 + x[1] ** 2) ** 2


def peano(x):
    return (x[1] - x[0] ** 2) * (x[1] - 2 * x[0] ** 2)


def fold(x):
    return x[0] ** 3 + x[1] ** 2


def double_fold(x):
    return x[0] ** 3 + x[1] ** 3


def cusp(x):
    return x[0] ** 4 + x[1] ** 2


def cusp_up(x):
    return x[0] ** 4 - x[1] ** 2


def swallowtail(x):
    return x[0] ** 5 + x[1] ** 2


def fold_and_minimum(x):
    return x[0] ** 4 - 4 * x[0] ** 3 + x[1] ** 2


def fold_and_minimum_sharp(x):
    """A fold at 0, and minima and a saddle elsewhere."""
    return x[0] ** 4 - 4 * x[0] ** 3 + (x[1] ** 2 - 1) ** 2


def powell_singular(x):
    a, b, c, d = x
    return (a + 10 * b) ** 2 + 5 * (c - d) ** 2 + (b - 2 * c) ** 4 + 10 * (a - d) ** 4


def bazaraa_shetty(x):
    return (x[0] - 2) ** 4 + (x[0] - 2 * x[1]) ** 2


def dixon_price(x):
    return (x[0] - 1) ** 2 + 2 * (2 * x[1] ** 2 - x[0]) ** 2 + 3 * (2 * x[2] ** 2 - x[1]) ** 2


def flat_direction(x):
    """Along (1, 2) the fourth power only, so that the null vector is on no axis."""
    return (2 * x[0] - x[1]) ** 2 + (x[0] + x[1]) ** 4


def charges_in_triangle(x):
    """Three line charges at the cube roots of 1, |z³ − 1|²: a monkey saddle in the middle."""
    a, b = x
    return np.log((a**3 - 3 * a * b**2 - 1) ** 2 + (3 * a**2 * b - b**3) ** 2)


def charges_in_triangle_exactly(x, y):
    return sp.log((x**3 - 3 * x * y**2 - 1) ** 2 + (3 * x**2 * y - y**3) ** 2)


def sine_saddle(x):
    return np.sin(x[0]) + np.sin(x[1]) + np.sin(x[0] + x[1])


def sine_saddle_exactly(x, y):
    return sp.sin(x) + sp.sin(y) + sp.sin(x + y)


def one_fold(x):
    """x − sin x, and a square: the derivative is 0 at 0, but does not change its sign."""
    return x[0] - np.sin(x[0]) + x[1] ** 2


def one_fold_exactly(x, y):
    return x - sp.sin(x) + y**2


def fifth_power(x):
    return x[0] ** 5


def origin(dimension, nullity, index=0):
    return (Point((0.0,) * dimension, index, nullity),)


def counted(name, function, box, points, notes="", reference="", **more):
    return Problem(
        name=name,
        function=function,
        box=box,
        points=points,
        kind="degenerate",
        proof=more.pop("proof", "algebra"),
        known=more.pop("known", COUNTED),
        everywhere=more.pop("everywhere", True),
        reference=reference,
        notes=notes,
        **more,
    )


BOX = ((-2, 2.3),) * 2

PROBLEMS = (
    counted("monkey saddle", monkey_saddle, BOX, origin(2, 2), "a saddle with three valleys"),
    counted("dog saddle", dog_saddle, BOX, origin(2, 2), "a saddle with four valleys"),
    counted("sum of fourth powers", flat_minimum, BOX, origin(2, 2), "a minimum"),
    counted("difference of fourth powers", flat_saddle, BOX, origin(2, 2), "a saddle"),
    counted(
        "square of the square of the distance",
        bowl,
        BOX,
        origin(2, 2),
        "a minimum",
        proof="theorem",
        known="∇f = 4r²x",
    ),
    counted(
        "Peano's surface",
        peano,
        BOX,
        origin(2, 1),
        "no minimum, though it is one along every line",
        "Genocchi, Peano (1884), Calcolo differenziale, n. 133–136",
    ),
    counted("fold", fold, BOX, origin(2, 1), "no extremum"),
    counted("double fold", double_fold, BOX, origin(2, 2), "no extremum"),
    counted("cusp", cusp, BOX, origin(2, 1), "a minimum"),
    counted("cusp between hills", cusp_up, BOX, origin(2, 1, 1), "a saddle"),
    counted("swallowtail", swallowtail, BOX, origin(2, 1), "no extremum"),
    counted("fifth power", fifth_power, ((-2, 2.3),), origin(1, 1), "no extremum"),
    counted(
        "fold beside a minimum",
        fold_and_minimum,
        ((-2, 5), (-2, 2.3)),
        (Point((0.0, 0.0), 0, 1), Point((3.0, 0.0), 0)),
    ),
    counted(
        "folds beside minima and a saddle",
        fold_and_minimum_sharp,
        ((-2, 5), (-2, 2.3)),
        (
            *(Point((0.0, y), 0, 1) for y in (-1.0, 1.0)),
            Point((0.0, 0.0), 1, 1),
            *(Point((3.0, y), 0) for y in (-1.0, 1.0)),
            Point((3.0, 0.0), 1),
        ),
    ),
    counted("flat direction", flat_direction, BOX, origin(2, 1), "a minimum"),
    counted("Powell's singular function", powell_singular, ((-4, 5),) * 4, origin(4, 2), "a minimum", MORE + " 13"),
    counted("Bazaraa-Shetty", bazaraa_shetty, ((-1, 5), (-1, 4)), (Point((2.0, 1.0), 0, 1),), "a minimum"),
    counted(
        "Dixon-Price in three",
        dixon_price,
        ((-10, 11),) * 3,
        (
            Point((1 / 3, 0.0, 0.0), 0, 1),
            Point((1.0, math.sqrt(0.5), -(0.5**0.75)), 0),
            Point((1.0, math.sqrt(0.5), 0.5**0.75), 0),
        ),
        "the degenerate point is a saddle: the fourth order decides",
    ),
    counted(
        "three sines around a monkey saddle",
        sine_saddle,
        ((0.5, 4), (0.5, 4.2)),
        (Point((math.pi / 3, math.pi / 3), 2), Point((math.pi, math.pi), 0, 2)),
        formula=sine_saddle_exactly,
        proof="theorem",
        known="cos x = cos y = −cos(x + y): x = y and 2 cos² x + cos x = 1, or x + y = 2π and cos x = −1",
        everywhere=False,
    ),
    counted(
        "line charges in a triangle",
        charges_in_triangle,
        BOX,
        origin(2, 2),
        "a saddle with three valleys",
        formula=charges_in_triangle_exactly,
        known="the derivative of z³ − 1 has a double zero; a harmonic function has no extremum",
        poles=((1.0, 0.0), (-0.5, math.sqrt(3) / 2), (-0.5, -math.sqrt(3) / 2)),
    ),
    counted(
        "x − sin x",
        one_fold,
        ((-4, 4.5), (-2, 2.3)),
        origin(2, 1),
        "no extremum",
        formula=one_fold_exactly,
        proof="theorem",
        known="1 − cos x = 0 in (−2π, 2π) at 0 alone, and y = 0",
        everywhere=False,
    ),
)
