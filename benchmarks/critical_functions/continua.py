"""Curves and surfaces of critical points: circles, lines, spheres, a torus, and isolated points beside them."""

import math

import numpy as np
import sympy as sp

from benchmarks.critical_functions.problem import Continuum, Point, Problem

ALGEBRA = "the gradient vanishes on it, exactly; off it, its real zeros are counted"


def circle(radius=1.0, centre=(0.0, 0.0), exact=None):
    """A circle around a centre; ``exact`` is the square of its radius where that is no integer."""
    square = exact if exact is not None else int(radius**2)
    a, b = centre
    return Continuum(
        what=f"the circle of radius {radius:.6g} around ({a:g}, {b:g})",
        dimension=1,
        of=lambda t: (sp.sqrt(square) * sp.cos(t) + int(a), sp.sqrt(square) * sp.sin(t) + int(b)),
        distance=lambda x: abs(float(np.hypot(x[0] - a, x[1] - b)) - radius),
        zero=lambda x, y: (x - int(a)) ** 2 + (y - int(b)) ** 2 - square,
    )


def line(normal, offset=0, what=""):
    """The line on which normal · x = offset, for integers; the direction is orthogonal to the normal."""
    a, b = normal
    length = math.hypot(a, b)
    start = (sp.Rational(a * offset, a * a + b * b), sp.Rational(b * offset, a * a + b * b))
    return Continuum(
        what=what or f"the line {a} x + {b} y = {offset}",
        dimension=1,
        of=lambda t: (start[0] - b * t, start[1] + a * t),
        distance=lambda x: abs(a * float(x[0]) + b * float(x[1]) - offset) / length,
        zero=lambda x, y: a * x + b * y - offset,
    )


def ring(x):
    return (x[0] ** 2 + x[1] ** 2 - 1) ** 2


def shifted_ring(x):
    return ((x[0] - 1) ** 2 + (x[1] + 2) ** 2 - 4) ** 2


def two_rings(x):
    """The derivative by s = x² + y² is (s − 1)(s − 4)."""
    s = x[0] ** 2 + x[1] ** 2
    return 2 * s**3 - 15 * s**2 + 24 * s


def sphere(x):
    return (x[0] ** 2 + x[1] ** 2 + x[2] ** 2 - 1) ** 2


def torus(x):
    s = x[0] ** 2 + x[1] ** 2 + x[2] ** 2
    return (s + 3) ** 2 - 16 * (x[0] ** 2 + x[1] ** 2)


def squared_torus(x):
    return torus(x) ** 2


def valley(x):
    return (x[0] - x[1]) ** 2


def cylinder(x):
    return (x[0] ** 2 - 1) ** 2 + 0 * x[1]


def crossing_lines(x):
    return x[0] ** 2 * x[1] ** 2


def parabola(x):
    return (x[1] - x[0] ** 2) ** 2


def hyperbola(x):
    return (x[0] * x[1] - 1) ** 2


def motzkin(x):
    return x[0] ** 4 * x[1] ** 2 + x[0] ** 2 * x[1] ** 4 - 3 * x[0] ** 2 * x[1] ** 2 + 1


def constant(x):
    return 3 + 0 * x[0] + 0 * x[1]


def waves(x):
    return np.sin(x[0] + x[1])


def waves_exactly(x, y):
    return sp.sin(x + y)


def sombrero(x):
    s = x[0] ** 2 + x[1] ** 2
    return (1 - s) * np.exp(-s / 2)


def sombrero_exactly(x, y):
    return (1 - x**2 - y**2) * sp.exp(-(x**2 + y**2) / 2)


def atom(x):
    """A Lennard-Jones pair, one atom at the origin."""
    s = x[0] ** 2 + x[1] ** 2
    return 4 * (1 / s**6 - 1 / s**3)


def cross_of_wells(x):
    """A double well along x, nothing along the axis of symmetry of y: lines through its points."""
    return (x[0] ** 2 - 1) ** 2 * (1 + x[1] ** 2)


SPHERE = Continuum(
    what="the unit sphere",
    dimension=2,
    of=lambda s, t: (sp.cos(s) * sp.cos(t), sp.cos(s) * sp.sin(t), sp.sin(s)),
    distance=lambda x: abs(float(np.linalg.norm(x)) - 1),
    zero=lambda x, y, z: x**2 + y**2 + z**2 - 1,
)

TORUS = Continuum(
    what="the torus with radii 2 and 1",
    dimension=2,
    of=lambda s, t: ((2 + sp.cos(s)) * sp.cos(t), (2 + sp.cos(s)) * sp.sin(t), sp.sin(s)),
    distance=lambda x: abs(math.hypot(math.hypot(x[0], x[1]) - 2, x[2]) - 1),
    zero=lambda x, y, z: (x**2 + y**2 + z**2 + 3) ** 2 - 16 * (x**2 + y**2),
)

# Where the torus' polynomial itself has a zero gradient: the circle in the middle of the tube.
CORE = Continuum(
    what="the circle of radius √5 in the plane z = 0",
    dimension=1,
    of=lambda t: (sp.sqrt(5) * sp.cos(t), sp.sqrt(5) * sp.sin(t), sp.Integer(0)),
    distance=lambda x: math.hypot(math.hypot(x[0], x[1]) - math.sqrt(5), x[2]),
    zero=lambda x, y, z: x**2 + y**2 - 5,
)


def to_curve(curve, points):
    """The distance from a curve, by points on it: near enough for what lies near."""

    def distance(x):
        t = points
        for _ in range(6):
            place = curve(t)
            best = int(np.argmin((place[0] - x[0]) ** 2 + (place[1] - x[1]) ** 2))
            width = t[1] - t[0]
            t = np.linspace(t[best] - width, t[best] + width, 41)
        place = curve(t)
        return float(np.sqrt(np.min((place[0] - x[0]) ** 2 + (place[1] - x[1]) ** 2)))

    return distance


PARABOLA = Continuum(
    what="the parabola y = x²",
    dimension=1,
    of=lambda t: (t, t**2),
    distance=to_curve(lambda t: (t, t**2), np.linspace(-3, 3, 601)),
    zero=lambda x, y: y - x**2,
)

branch = to_curve(lambda t: (np.exp(t), np.exp(-t)), np.linspace(-2, 2, 401))

HYPERBOLA = Continuum(
    what="the hyperbola xy = 1, both branches",
    dimension=1,
    of=lambda t: (t, 1 / t),
    distance=lambda x: min(branch(x), branch(-np.asarray(x))),
    zero=lambda x, y: x * y - 1,
)

PLANE = Continuum(
    what="all of the plane",
    dimension=2,
    of=lambda s, t: (s, t),
    distance=lambda x: 0.0,
    zero=lambda x, y: sp.Integer(0),
)

WAVES = tuple(
    Continuum(
        what=f"the line x + y = {k}π/2",
        dimension=1,
        of=lambda t, k=k: (t, k * sp.pi / 2 - t),
        distance=lambda x, k=k: abs(float(x[0] + x[1]) - k * math.pi / 2) / math.sqrt(2),
        zero=lambda x, y, k=k: x + y - k * sp.pi / 2,
    )
    for k in (-1, 1)
)

BOX = ((-2, 2.2),) * 2
WIDE = ((-3, 3.4),) * 3


def continuum(name, function, box, continua, points=(), **more):
    return Problem(
        name=name,
        function=function,
        box=box,
        points=tuple(points),
        continua=tuple(continua),
        kind="continuum",
        proof=more.pop("proof", "algebra"),
        known=more.pop("known", ALGEBRA),
        everywhere=more.pop("everywhere", True),
        **more,
    )


PROBLEMS = (
    continuum("circle", ring, BOX, [circle()], [Point((0.0, 0.0), 2)]),
    continuum(
        "circle off the centre", shifted_ring, ((-2, 4), (-5, 1)), [circle(2.0, (1.0, -2.0))], [Point((1.0, -2.0), 2)]
    ),
    continuum(
        "two circles",
        two_rings,
        ((-3, 3.2),) * 2,
        [circle(), circle(2.0)],
        [Point((0.0, 0.0), 0)],
        notes="maxima on the inner, minima on the outer",
    ),
    continuum("sphere", sphere, ((-2, 2.2),) * 3, [SPHERE], [Point((0.0, 0.0, 0.0), 3)]),
    continuum(
        "torus, squared",
        squared_torus,
        WIDE,
        [TORUS, CORE],
        [Point((0.0, 0.0, 0.0), 2)],
        notes="a circle in the tube, and the centre of the hole",
        heavy=True,
    ),
    continuum("valley", valley, BOX, [line((1, -1))]),
    continuum("double well that ignores y", cylinder, BOX, [line((1, 0), k) for k in (-1, 0, 1)]),
    continuum(
        "two lines that cross",
        crossing_lines,
        BOX,
        [line((1, 0)), line((0, 1))],
        notes="the Hessian vanishes where they cross",
    ),
    continuum("parabola", parabola, BOX, [PARABOLA]),
    continuum(
        "hyperbola",
        hyperbola,
        BOX,
        [HYPERBOLA],
        [Point((0.0, 0.0), 1)],
        notes="the loss of two linear neurons in a row",
    ),
    continuum(
        "Motzkin",
        motzkin,
        BOX,
        [line((1, 0)), line((0, 1))],
        [Point((a, b), 0) for a in (-1.0, 1.0) for b in (-1.0, 1.0)],
        reference="Motzkin (1967), The arithmetic-geometric inequality",
        notes="on the axes the function is 1, with minima and maxima across",
    ),
    continuum("constant", constant, BOX, [PLANE], known="the gradient is 0"),
    continuum(
        "lines of waves",
        waves,
        BOX,
        WAVES,
        formula=waves_exactly,
        proof="theorem",
        known="cos(x + y) = 0: in the box where x + y is ±π/2",
        everywhere=False,
    ),
    continuum(
        "sombrero",
        sombrero,
        ((-3, 3.2),) * 2,
        [circle(math.sqrt(3), exact=3)],
        [Point((0.0, 0.0), 2)],
        formula=sombrero_exactly,
        proof="theorem",
        known="the gradient is (s − 3) exp(−s/2) times the vector (x, y), s = x² + y²",
    ),
    continuum(
        "atom around an atom",
        atom,
        ((-2, 2.2),) * 2,
        [circle(2 ** (1 / 6), exact=sp.root(2, 3))],
        proof="theorem",
        known="the derivative by s = x² + y² vanishes where s³ = 2 alone",
        poles=((0.0, 0.0),),
    ),
    continuum(
        "wells that widen",
        cross_of_wells,
        BOX,
        [line((1, 0), -1), line((1, 0), 1)],
        [Point((0.0, 0.0), 1)],
    ),
)
