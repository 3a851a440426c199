"""Energies of physics and chemistry: potentials of reactions, of atoms, charges and planets."""

import math

import numpy as np
import sympy as sp

from benchmarks.critical_functions.problem import Problem, listed

ISOLATED = "an interval Newton method on the whole box"

# Weight, the three coefficients of the quadratic form, and the centre: as fractions of 10.
MULLER_BROWN = (
    (-200, -10, 0, -100, 10, 0),
    (-100, -10, 0, -100, 0, 5),
    (-170, -65, 110, -65, -5, 15),
    (15, 7, 6, 7, -10, 10),
)


def muller_brown(x):
    return sum(
        A
        * np.exp(
            a / 10 * (x[0] - p / 10) ** 2 + b / 10 * (x[0] - p / 10) * (x[1] - q / 10) + c / 10 * (x[1] - q / 10) ** 2
        )
        for A, a, b, c, p, q in MULLER_BROWN
    )


def muller_brown_exactly(x, y):
    found = 0
    for A, *tenths in MULLER_BROWN:
        a, b, c, p, q = (sp.Rational(one, 10) for one in tenths)
        found += A * sp.exp(a * (x - p) ** 2 + b * (x - p) * (y - q) + c * (y - q) ** 2)
    return found


def henon_heiles(x):
    return (x[0] ** 2 + x[1] ** 2) / 2 + x[0] ** 2 * x[1] - x[1] ** 3 / 3


def henon_heiles_exactly(x, y):
    return (x**2 + y**2) / 2 + x**2 * y - y**3 / 3


def toda(x):
    a, b = 2 * x[0], 2 * np.sqrt(3) * x[1]
    return (np.exp(a + b) + np.exp(a - b) + np.exp(-2 * a)) / 24 - 1 / 8


def toda_exactly(x, y):
    a, b = 2 * x, 2 * sp.sqrt(3) * y
    return (sp.exp(a + b) + sp.exp(a - b) + sp.exp(-2 * a)) / 24 - sp.Rational(1, 8)


def morse_pair(x):
    return (1 - np.exp(1 - x[0])) ** 2 + (1 - np.exp(1 - x[1])) ** 2 + x[0] * x[1] / 10


def morse_pair_exactly(x, y):
    return (1 - sp.exp(1 - x)) ** 2 + (1 - sp.exp(1 - y)) ** 2 + x * y / 10


def three_body(x):
    """The effective potential of the restricted three-body problem, with a tenth of the mass in the second body."""
    first, second = np.sqrt((x[0] + 0.1) ** 2 + x[1] ** 2), np.sqrt((x[0] - 0.9) ** 2 + x[1] ** 2)
    return (x[0] ** 2 + x[1] ** 2) / 2 + 0.9 / first + 0.1 / second


def three_body_exactly(x, y):
    tenth = sp.Rational(1, 10)
    first, second = sp.sqrt((x + tenth) ** 2 + y**2), sp.sqrt((x - 9 * tenth) ** 2 + y**2)
    return (x**2 + y**2) / 2 + 9 * tenth / first + tenth / second


def two_charges(x):
    return 1 / np.sqrt((x[0] + 1) ** 2 + x[1] ** 2) + 4 / np.sqrt((x[0] - 2) ** 2 + x[1] ** 2)


def two_charges_exactly(x, y):
    return 1 / sp.sqrt((x + 1) ** 2 + y**2) + 4 / sp.sqrt((x - 2) ** 2 + y**2)


TRIANGLE = ((1.0, 0.0), (-0.5, math.sqrt(3) / 2), (-0.5, -math.sqrt(3) / 2))


def three_charges(x):
    return sum(1 / np.sqrt((x[0] - a) ** 2 + (x[1] - b) ** 2) for a, b in TRIANGLE)


def three_charges_exactly(x, y):
    half, height = sp.Rational(1, 2), sp.sqrt(3) / 2
    corners = ((1, 0), (-half, height), (-half, -height))
    return sum(1 / sp.sqrt((x - a) ** 2 + (y - b) ** 2) for a, b in corners)


def charge_in_trap(x):
    return x[0] ** 2 / 2 + x[1] ** 2 + 1 / np.sqrt(x[0] ** 2 + x[1] ** 2)


def charge_in_trap_exactly(x, y):
    return x**2 / 2 + y**2 + 1 / sp.sqrt(x**2 + y**2)


def lennard_jones(square):
    return 4 * (1 / square**6 - 1 / square**3)


def atom_in_field(x):
    return lennard_jones(x[0] ** 2 + x[1] ** 2) + x[0] / 10


def trimer(x):
    """Three atoms in the plane: two at (±x, 0), the third at (y, z)."""
    a, b, c = x
    return lennard_jones(4 * a**2) + lennard_jones((b - a) ** 2 + c**2) + lennard_jones((b + a) ** 2 + c**2)


DISTANCE = 2 ** (1 / 6)
# Three atoms in a line, at distance a: V'(a) + V'(2a) = 0.
STRETCHED = (2 * (1 + 2**-13) / (1 + 2**-7)) ** (1 / 6)

PROBLEMS = (
    Problem(
        name="Müller-Brown",
        function=muller_brown,
        formula=muller_brown_exactly,
        box=((-1.5, 1.2), (-0.2, 2)),
        points=listed(
            (-0.8220015587327321, 0.6243128028148713, 1),
            (-0.5582236346330243, 1.4417258418046686, 0),
            (-0.050010822998206056, 0.4666941048719721, 0),
            (0.212486582000662, 0.2929883251073678, 1),
            (0.6234994049308765, 0.028037758528685664, 0),
        ),
        proof="interval",
        known=ISOLATED,
        reference="Müller, Brown (1979), Location of saddle points: three minima, two saddles",
    ),
    Problem(
        name="Hénon-Heiles",
        function=henon_heiles,
        formula=henon_heiles_exactly,
        box=((-2, 2),) * 2,
        points=listed((0, 0, 0), (0, 1, 1), (-math.sqrt(3) / 2, -0.5, 1), (math.sqrt(3) / 2, -0.5, 1)),
        proof="algebra",
        known="4 is also Bézout's bound",
        reference="Hénon, Heiles (1964), The applicability of the third integral of motion",
        everywhere=True,
    ),
    Problem(
        name="Toda",
        function=toda,
        formula=toda_exactly,
        box=((-2, 2.1),) * 2,
        points=listed((0, 0, 0)),
        proof="interval",
        known="strictly convex; " + ISOLATED,
        reference="Toda (1970), Waves in nonlinear lattice",
        everywhere=True,
    ),
    Problem(
        name="Morse pair",
        function=morse_pair,
        formula=morse_pair_exactly,
        box=((-1, 2.5),) * 2,
        points=listed(
            (0.955332635347018, 0.955332635347018, 0),
        ),
        proof="interval",
        known=ISOLATED,
    ),
    Problem(
        name="restricted three-body problem",
        function=three_body,
        formula=three_body_exactly,
        box=((-1.6, 1.6),) * 2,
        points=listed(
            (-1.04160890857106, 0, 1),
            (0.4, -0.8660254037844386, 0),
            (0.4, 0.8660254037844386, 0),
            (0.6090351100232024, 0, 1),
            (1.2596998329023315, 0, 1),
        ),
        kind="barrier",
        proof="interval",
        known="Euler's three points on the line of the bodies and Lagrange's two triangles; " + ISOLATED,
        reference="Szebehely (1967), Theory of orbits, chapter 4",
        poles=((-0.1, 0.0), (0.9, 0.0)),
        everywhere=True,
    ),
    Problem(
        name="two charges",
        function=two_charges,
        formula=two_charges_exactly,
        box=((-3, 4),) * 2,
        points=listed((0, 0, 1)),
        kind="barrier",
        proof="interval",
        known="the forces of 1 at distance 1 and of 4 at distance 2 cancel; " + ISOLATED,
        poles=((-1.0, 0.0), (2.0, 0.0)),
        everywhere=True,
    ),
    Problem(
        name="three equal charges",
        function=three_charges,
        formula=three_charges_exactly,
        box=((-2, 2),) * 2,
        points=listed(
            (-0.2847183548030346, 0, 1),
            (0, 0, 0),
            (0.1423591774015173, -0.2465733281831391, 1),
            (0.1423591774015173, 0.2465733281831391, 1),
        ),
        kind="barrier",
        proof="interval",
        known="the centre, and one on every axis of symmetry; " + ISOLATED,
        reference="Gabrielov, Novikov, Shapiro (2007), Mystery of point charges: at most 4 is Maxwell's conjecture",
        poles=TRIANGLE,
        everywhere=True,
    ),
    Problem(
        name="charge in a trap",
        function=charge_in_trap,
        formula=charge_in_trap_exactly,
        box=((-2, 2.2),) * 2,
        points=listed((-1, 0, 0), (1, 0, 0), (0, -(0.5 ** (1 / 3)), 1), (0, 0.5 ** (1 / 3), 1)),
        kind="barrier",
        proof="interval",
        known="x (1 − r⁻³) = 0 and y (2 − r⁻³) = 0; " + ISOLATED,
        poles=((0.0, 0.0),),
        everywhere=True,
    ),
    Problem(
        name="atom in a field",
        function=atom_in_field,
        box=((-2.5, 2.2),) * 2,
        points=listed(
            (-2.1820762795264352, 0, 1),
            (-1.1242412770416206, 0, 0),
            (1.1207401456216373, 0, 1),
        ),
        kind="barrier",
        proof="theorem",
        known="the pair's force has the field's direction, so that y = 0; there the gradient is a polynomial in 1/x",
        poles=((0.0, 0.0),),
        everywhere=True,
    ),
    Problem(
        name="Lennard-Jones trimer",
        function=trimer,
        box=((0.4, 1.3), (-2.5, 2.7), (-1.5, 1.6)),
        points=listed(
            (DISTANCE / 2, 0, -DISTANCE * math.sqrt(3) / 2, 0),
            (DISTANCE / 2, 0, DISTANCE * math.sqrt(3) / 2, 0),
            (STRETCHED, 0, 0, 1),
            (STRETCHED / 2, -1.5 * STRETCHED, 0, 1),
            (STRETCHED / 2, 1.5 * STRETCHED, 0, 1),
        ),
        kind="barrier",
        proof="theorem",
        known=(
            "off a line, forces along two directions cancel only where both are 0: a triangle; on a line the outer "
            "forces are equal and repel, where the force is monotonic, so distances are equal: V'(a) + V'(2a) = 0"
        ),
        reference="Wales (2003), Energy landscapes",
        notes="poles wherever two atoms meet: curves in the box",
        everywhere=True,
        heavy=True,
    ),
)
