"""Polynomials: the classical test functions of optimisation, unfoldings of singularities, sums of double wells.

All sets are those of the whole space, and counted exactly: the polynomials modulo the gradient's entries have a
quadratic form whose signature is the number of real zeros.
"""

import math

import numpy as np
import sympy as sp

from benchmarks.critical_functions.problem import Point, Problem, grid, listed

COUNTED = "the number of real zeros of the gradient is the signature of Hermite's quadratic form"
DIXON_SZEGO = "Dixon, Szegő (1978), The global optimization problem: an introduction"
MORE = "Moré, Garbow, Hillstrom (1981), Testing unconstrained optimization software, problem"


def six_hump_camel(x):
    return (4 - 2.1 * x[0] ** 2 + x[0] ** 4 / 3) * x[0] ** 2 + x[0] * x[1] + (-4 + 4 * x[1] ** 2) * x[1] ** 2


def six_hump_camel_exactly(x, y):
    return (4 - sp.Rational(21, 10) * x**2 + x**4 / 3) * x**2 + x * y + (-4 + 4 * y**2) * y**2


def three_hump_camel(x):
    return 2 * x[0] ** 2 - 1.05 * x[0] ** 4 + x[0] ** 6 / 6 + x[0] * x[1] + x[1] ** 2


def himmelblau(x):
    return (x[0] ** 2 + x[1] - 11) ** 2 + (x[0] + x[1] ** 2 - 7) ** 2


def rosenbrock(x):
    return sum(100 * (x[k + 1] - x[k] ** 2) ** 2 + (1 - x[k]) ** 2 for k in range(len(x) - 1))


def leon(x):
    return 100 * (x[1] - x[0] ** 3) ** 2 + (1 - x[0]) ** 2


def booth(x):
    return (x[0] + 2 * x[1] - 7) ** 2 + (2 * x[0] + x[1] - 5) ** 2


def matyas(x):
    return 0.26 * (x[0] ** 2 + x[1] ** 2) - 0.48 * x[0] * x[1]


def beale(x):
    return sum((c - x[0] + x[0] * x[1] ** k) ** 2 for k, c in ((1, 1.5), (2, 2.25), (3, 2.625)))


def goldstein_price(x):
    s, t = x[0] + x[1], 2 * x[0] - 3 * x[1]
    first = 1 + (s + 1) ** 2 * (19 - 14 * s + 3 * s**2)
    return first * (30 + t**2 * (18 - 16 * t + 3 * t**2))


def goldstein_price_exactly(x, y):
    first = 1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2)
    second = 18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2
    return first * (30 + (2 * x - 3 * y) ** 2 * second)


def styblinski_tang(x):
    return sum(v**4 - 16 * v**2 + 5 * v for v in x) / 2


def zakharov(x):
    s = sum((k + 1) * v for k, v in enumerate(x)) / 2
    return sum(v**2 for v in x) + s**2 + s**4


def dixon_price(x):
    return (x[0] - 1) ** 2 + sum((k + 1) * (2 * x[k] ** 2 - x[k - 1]) ** 2 for k in range(1, len(x)))


def wood(x):
    a, b, c, d = x
    steep = 100 * (a**2 - b) ** 2 + 90 * (c**2 - d) ** 2
    return steep + (a - 1) ** 2 + (c - 1) ** 2 + 10.1 * ((b - 1) ** 2 + (d - 1) ** 2) + 19.8 * (b - 1) * (d - 1)


def freudenstein_roth(x):
    return (-13 + x[0] + ((5 - x[1]) * x[1] - 2) * x[1]) ** 2 + (-29 + x[0] + ((x[1] + 1) * x[1] - 14) * x[1]) ** 2


def trid(x):
    return sum((v - 1) ** 2 for v in x) - sum(x[k] * x[k - 1] for k in range(1, len(x)))


def robinson(x):
    a, b = x[0] ** 2, x[1] ** 2
    return a**3 + b**3 - a**2 * b - a * b**2 - a**2 - b**2 - a - b + 3 * a * b + 1


def two_maxima(x):
    return -((x[0] ** 2 - 1) ** 2) - (x[0] ** 2 * x[1] - x[0] - 1) ** 2


def infimum_not_attained(x):
    return (x[0] * x[1] - 1) ** 2 + x[0] ** 2


def folium(x):
    return x[0] ** 3 + x[1] ** 3 - 3 * x[0] * x[1]


def elliptic_umbilic(x):
    return x[0] ** 3 - 3 * x[0] * x[1] ** 2 + x[0] ** 2 + x[1] ** 2


def hyperbolic_umbilic(x):
    return x[0] ** 3 + x[1] ** 3 - 3 * x[0] - 3 * x[1] + x[0] * x[1]


def swallowtail(x):
    """The derivative by the first is (x² − 1)(x² − 1/4)."""
    return x[0] ** 5 / 5 - 5 * x[0] ** 3 / 12 + x[0] / 4 + x[1] ** 2


def swallowtail_exactly(x, y):
    return x**5 / 5 - sp.Rational(5, 12) * x**3 + x / 4 + y**2


def coupled_quartic(x):
    a, b, c = x
    return a**4 + b**4 + c**4 - 2 * (a**2 + b**2 + c**2) + (a * b + b * c + c * a) / 2


def chebyshev(x):
    return 16 * x[0] ** 5 - 20 * x[0] ** 3 + 5 * x[0] + 32 * x[1] ** 6 - 48 * x[1] ** 4 + 18 * x[1] ** 2 - 1


def double_wells(x):
    return sum((v**2 - 1) ** 2 for v in x)


def coupled_wells(x):
    return sum((v**2 - 1) ** 2 for v in x) + sum(x[k] * x[k + 1] for k in range(len(x) - 1)) / 4


# An orthogonal matrix of rational numbers: H = I − 2vvᵀ/|v|² for v = (1, 1, 1, 1) turns all axes.
def turned(x):
    """The mirror image of a point at the plane orthogonal to (1, 1, 1, 1)."""
    mean = (x[0] + x[1] + x[2] + x[3]) / 2
    return [v - mean for v in x]


def turned_wells(x):
    return double_wells(turned(x))


def between_integers(x):
    """The antiderivative of (x−1)(x−2)…(x−6), divided by 10."""
    coefficients = np.poly(range(1, 7))
    return sum(c * x[0] ** (7 - k) / (10 * (7 - k)) for k, c in enumerate(coefficients))


def between_integers_exactly(x):
    return sp.integrate(sp.expand(sp.prod([x - k for k in range(1, 7)])), x) / 10


WELL = ((-1.0, 1), (0.0, -1), (1.0, 1))

STYBLINSKI_TANG = (
    (-2.903534027771177, 1),
    (0.1567312567803401, -1),
    (2.746802770990837, 1),
)

CAMEL = listed(
    (-1.703606714969981, 0.7960835686726251, 0),
    (-1.6380679841897785, -0.22867406904439408, 1),
    (-1.6071047529201972, -0.5686514548841314, 0),
    (-1.2960702671671092, -0.6050843880386585, 1),
    (-1.2302298765166526, -0.16233458445899496, 2),
    (-1.1092053368047865, 0.7682680925095399, 1),
    (-0.08984201310031806, 0.7126564030207396, 0),
    (0, 0, 1),
    (0.08984201310031806, -0.7126564030207396, 0),
    (1.1092053368047865, -0.7682680925095399, 1),
    (1.2302298765166526, 0.16233458445899496, 2),
    (1.2960702671671092, 0.6050843880386585, 1),
    (1.6071047529201972, 0.5686514548841314, 0),
    (1.6380679841897785, 0.22867406904439408, 1),
    (1.703606714969981, -0.7960835686726251, 0),
)

HIMMELBLAU = listed(
    (-3.779310253377747, -3.2831859912861696, 0),
    (-3.0730257507643897, -0.08135304428796751, 1),
    (-2.805118086952745, 3.131312518250573, 0),
    (-0.2708445906673476, -0.9230385564799815, 2),
    (-0.12796134673068008, -1.9537149802445763, 1),
    (0.08667750455539636, 2.884254701174776, 1),
    (3, 2, 0),
    (3.385154183607021, 0.07385187983774928, 1),
    (3.5844283403304917, -1.8481265269644036, 0),
)

ROBINSON = listed(
    (-1, -1, 0),
    (-1, 0, 0),
    (-1, 1, 0),
    (-0.9649799054114533, -0.5646359731296818, 1),
    (-0.9649799054114533, 0.5646359731296818, 1),
    (-0.5646359731296818, -0.9649799054114533, 1),
    (-0.5646359731296818, 0.9649799054114533, 1),
    (0, -1, 0),
    (0, 0, 2),
    (0, 1, 0),
    (0.5646359731296818, -0.9649799054114533, 1),
    (0.5646359731296818, 0.9649799054114533, 1),
    (0.9649799054114533, -0.5646359731296818, 1),
    (0.9649799054114533, 0.5646359731296818, 1),
    (1, -1, 0),
    (1, 0, 0),
    (1, 1, 0),
)

QUARTIC = listed(
    (-1.1077460357429267, 1.0062821692177564, 1.0062821692177564, 0),
    (-1.0606601717798212, 0, 1.0606601717798212, 1),
    (-1.0606601717798212, 1.0606601717798212, 0, 1),
    (-1.0062821692177564, -1.0062821692177564, 1.1077460357429267, 0),
    (-1.0062821692177564, 1.1077460357429267, -1.0062821692177564, 0),
    (-0.981541476404786, -0.14360474017995653, -0.14360474017995653, 2),
    (-0.9174823565127855, -0.9174823565127855, -0.24387507128229352, 1),
    (-0.9174823565127855, -0.24387507128229352, -0.9174823565127855, 1),
    (-0.8660254037844386, -0.8660254037844386, -0.8660254037844386, 0),
    (-0.24387507128229352, -0.9174823565127855, -0.9174823565127855, 1),
    (-0.14360474017995653, -0.981541476404786, -0.14360474017995653, 2),
    (-0.14360474017995653, -0.14360474017995653, -0.981541476404786, 2),
    (0, 0, 0, 3),
    (0, 1.0606601717798212, -1.0606601717798212, 1),
    (0, -1.0606601717798212, 1.0606601717798212, 1),
    (0.14360474017995653, 0.14360474017995653, 0.981541476404786, 2),
    (0.14360474017995653, 0.981541476404786, 0.14360474017995653, 2),
    (0.24387507128229352, 0.9174823565127855, 0.9174823565127855, 1),
    (0.8660254037844386, 0.8660254037844386, 0.8660254037844386, 0),
    (0.9174823565127855, 0.24387507128229352, 0.9174823565127855, 1),
    (0.9174823565127855, 0.9174823565127855, 0.24387507128229352, 1),
    (0.981541476404786, 0.14360474017995653, 0.14360474017995653, 2),
    (1.0062821692177564, -1.1077460357429267, 1.0062821692177564, 0),
    (1.0062821692177564, 1.0062821692177564, -1.1077460357429267, 0),
    (1.0606601717798212, -1.0606601717798212, 0, 1),
    (1.0606601717798212, 0, -1.0606601717798212, 1),
    (1.1077460357429267, -1.0062821692177564, -1.0062821692177564, 0),
)

WELLS_3 = listed(
    (-1.0315854913507143, 1.0591267767313395, -1.0315854913507143, 0),
    (-1.0307235048918768, 1.0289249919288008, 0.06457711168324114, 1),
    (-1.0299520904048978, 1.0019589571076486, 0.9670811420581865, 0),
    (-1, 0, 1, 1),
    (-0.9980294621609207, -0.06287094834671128, -0.003929494946727971, 2),
    (-0.9960222845251038, -0.12652843559817079, -0.9960222845251038, 1),
    (-0.9694663041473031, -0.9327830195799701, -0.9694663041473031, 0),
    (-0.968318222752372, -0.9661463932086356, -0.060606769176428675, 1),
    (-0.9670811420581865, -1.0019589571076486, 1.0299520904048978, 0),
    (-0.06457711168324114, -1.0289249919288008, 1.0307235048918768, 1),
    (-0.06249854307955844, -0.99607071243915, -0.06249854307955844, 2),
    (-0.060606769176428675, -0.9661463932086356, -0.968318222752372, 1),
    (-0.003929494946727971, -0.06287094834671128, -0.9980294621609207, 2),
    (0, 0, 0, 3),
    (0.003929494946727971, 0.06287094834671128, 0.9980294621609207, 2),
    (0.060606769176428675, 0.9661463932086356, 0.968318222752372, 1),
    (0.06249854307955844, 0.99607071243915, 0.06249854307955844, 2),
    (0.06457711168324114, 1.0289249919288008, -1.0307235048918768, 1),
    (0.9670811420581865, 1.0019589571076486, -1.0299520904048978, 0),
    (0.968318222752372, 0.9661463932086356, 0.060606769176428675, 1),
    (0.9694663041473031, 0.9327830195799701, 0.9694663041473031, 0),
    (0.9960222845251038, 0.12652843559817079, 0.9960222845251038, 1),
    (0.9980294621609207, 0.06287094834671128, 0.003929494946727971, 2),
    (1, 0, -1, 1),
    (1.0299520904048978, -1.0019589571076486, -0.9670811420581865, 0),
    (1.0307235048918768, -1.0289249919288008, -0.06457711168324114, 1),
    (1.0315854913507143, -1.0591267767313395, 1.0315854913507143, 0),
)

# T₅ has its extrema at cos(kπ/5), T₆ at cos(kπ/6); the last one inside is a minimum of T₅ and of T₆.
T5 = tuple((math.cos(k * math.pi / 5), 1 if k % 2 else -1) for k in range(1, 5))
T6 = tuple((math.cos(k * math.pi / 6), 1 if k % 2 else -1) for k in range(1, 6))


def every(name, function, box, points, reference="", **more):
    """A polynomial whose critical points are all listed, wherever they lie."""
    return Problem(
        name=name,
        function=function,
        box=box,
        points=points,
        proof=more.pop("proof", "algebra"),
        known=more.pop("known", COUNTED),
        reference=reference,
        everywhere=True,
        **more,
    )


PROBLEMS = (
    every(
        "six-hump camel",
        six_hump_camel,
        ((-5, 5),) * 2,
        CAMEL,
        DIXON_SZEGO + "; six minima, two of them global",
        formula=six_hump_camel_exactly,
        known="15 is also Bézout's bound, 5 · 3: all complex zeros are real",
    ),
    every(
        "three-hump camel",
        three_hump_camel,
        ((-5, 5),) * 2,
        listed(
            (-1.7475523458302888, 0.8737761729151444, 0),
            (-1.07054229182366, 0.53527114591183, 1),
            (0, 0, 0),
            (1.07054229182366, -0.53527114591183, 1),
            (1.7475523458302888, -0.8737761729151444, 0),
        ),
    ),
    every(
        "Himmelblau",
        himmelblau,
        ((-6, 6),) * 2,
        HIMMELBLAU,
        "Himmelblau (1972), Applied nonlinear programming; four minima of value 0, four saddles, one maximum",
        known="9 is also Bézout's bound, 3 · 3: all complex zeros are real",
    ),
    every("Rosenbrock", rosenbrock, ((-5, 10),) * 2, listed((1, 1, 0)), MORE + " 1"),
    every(
        "Rosenbrock in three",
        rosenbrock,
        ((-2, 2),) * 3,
        listed((1, 1, 1, 0)),
        "Kok, Sandrock (2009), Locating and characterizing the stationary points of the extended Rosenbrock function",
    ),
    every(
        "Rosenbrock in four",
        rosenbrock,
        ((-2, 2),) * 4,
        listed(
            (-0.7756592265653526, 0.6130933654850435, 0.38206284633839316, 0.1459720185521946, 0),
            (-0.6561246357194459, 0.44312004097157237, 0.20431224822836433, 0.041743494776128764, 1),
            (1, 1, 1, 1, 0),
        ),
        "Shang, Qiu (2006), A note on the extended Rosenbrock function: two minima; Kok, Sandrock (2009)",
    ),
    every(
        "Rosenbrock in six",
        rosenbrock,
        ((-1.5, 1.5),) * 6,
        listed(
            (
                -0.9865749795709937,
                0.9833982288361818,
                0.9721066700530919,
                0.947437436826436,
                0.8986511848517297,
                0.8075739520354175,
                0,
            ),
            (
                -0.5554197271790323,
                0.32249327429744495,
                0.1152070040989045,
                0.02350277040503075,
                0.01044790120466494,
                0.00010915863958243911,
                1,
            ),
            (1, 1, 1, 1, 1, 1, 0),
        ),
        "Shang, Qiu (2006), A note on the extended Rosenbrock function: two minima; Kok, Sandrock (2009)",
        proof="elimination",
        known="every unknown is a polynomial or rational function of the one before; Sturm's theorem counts the last",
        heavy=True,
    ),
    every("Leon", leon, ((-3, 3),) * 2, listed((1, 1, 0))),
    every("Booth", booth, ((-10, 10),) * 2, listed((1, 3, 0))),
    every("Matyas", matyas, ((-10, 9),) * 2, listed((0, 0, 0))),
    every(
        "Beale",
        beale,
        ((-4.5, 4.5),) * 2,
        listed(
            (0, 1, 1),
            (0.10053793732415836, -2.644513585023125, 1),
            (3, 0.5, 0),
        ),
        MORE + " 5",
    ),
    every(
        "Goldstein-Price",
        goldstein_price,
        ((-2, 2),) * 2,
        listed(
            (-0.6, -0.4, 0),
            (-0.4, -0.6, 1),
            (0, -1, 0),
            (0.6, 0.4, 1),
            (0.8, 0.2, 2),
            (1.2, -0.2, 1),
            (1.2, 0.8, 0),
            (1.4, 0.6, 1),
            (1.8, 0.2, 0),
        ),
        "Goldstein, Price (1971), On descent from local minima; four minima; values to 1e6 in the box",
        formula=goldstein_price_exactly,
        known="a product g(x + y) h(2x − 3y); all points are multiples of 1/5; " + COUNTED,
    ),
    every("Styblinski-Tang in two", styblinski_tang, ((-5, 5),) * 2, grid(*[STYBLINSKI_TANG] * 2), proof="separable"),
    every(
        "Styblinski-Tang in four", styblinski_tang, ((-5, 5),) * 4, grid(*[STYBLINSKI_TANG] * 4), proof="separable"
    ),
    every("Zakharov in two", zakharov, ((-5, 10),) * 2, listed((0, 0, 0)), known="strictly convex; " + COUNTED),
    every("Zakharov in four", zakharov, ((-5, 10),) * 4, listed((0,) * 5), known="strictly convex; " + COUNTED),
    every(
        "Dixon-Price in two",
        dixon_price,
        ((-10, 10),) * 2,
        listed((1 / 3, 0, 1), (1, -math.sqrt(0.5), 0), (1, math.sqrt(0.5), 0)),
    ),
    every(
        "Wood",
        wood,
        ((-2, 2),) * 4,
        listed(
            (-0.9679740249375931, 0.9471391408178418, -0.9695163103315911, 0.9512476657923253, 1),
            (-0.03125102339433596, 0.16597138685578314, -0.031258171023264066, 0.18426393469672842, 2),
            (1, 1, 1, 1, 0),
        ),
        MORE + " 14; also named after Colville",
    ),
    every(
        "Freudenstein-Roth",
        freudenstein_roth,
        ((-20, 30), (-10, 10)),
        listed(
            (5, 4, 0),
            (11.412778986902094, -0.8968052532744765, 0),
            (23.92055434643124, 2.23013858660781, 1),
        ),
        MORE + " 2: minima of value 0 and 48.98",
    ),
    every("Trid in six", trid, ((-20, 36),) * 6, listed((*(k * (7 - k) for k in range(1, 7)), 0))),
    every("Robinson", robinson, ((-3, 3),) * 2, ROBINSON, "Robinson (1973), a polynomial that is no sum of squares"),
    every(
        "two maxima and nothing else",
        two_maxima,
        ((-3, 3), (-2, 4)),
        listed((-1, 0, 2), (1, 2, 2)),
        "Davidson (1985), Critical points of polynomials in two variables: a mountain pass needs no pass",
    ),
    every(
        "infimum that is not attained",
        infimum_not_attained,
        ((-3, 4),) * 2,
        listed((0, 0, 1)),
        notes="bounded from below, tends to its infimum 0 far away: descent has nowhere to go",
    ),
    every("folium", folium, ((-2, 3),) * 2, listed((0, 0, 1), (1, 1, 0))),
    every(
        "elliptic umbilic, unfolded",
        elliptic_umbilic,
        ((-2, 2),) * 2,
        listed((0, 0, 0), (-2 / 3, 0, 1), (1 / 3, -math.sqrt(1 / 3), 1), (1 / 3, math.sqrt(1 / 3), 1)),
    ),
    every(
        "hyperbolic umbilic, unfolded",
        hyperbolic_umbilic,
        ((-3, 3),) * 2,
        listed(
            (-1.18046042171637, -1.18046042171637, 2),
            (-0.7907604410896715, 1.1240937744230048, 1),
            (0.8471270883830366, 0.8471270883830366, 0),
            (1.1240937744230048, -0.7907604410896715, 1),
        ),
    ),
    every(
        "swallowtail, unfolded",
        swallowtail,
        ((-3, 3),) * 2,
        listed((-1, 0, 1), (-0.5, 0, 0), (0.5, 0, 1), (1, 0, 0)),
        formula=swallowtail_exactly,
    ),
    every("coupled quartic", coupled_quartic, ((-2, 2),) * 3, QUARTIC, known="27 is also Bézout's bound, 3 · 3 · 3"),
    every("Chebyshev polynomials", chebyshev, ((-1.5, 1.5),) * 2, grid(T5, T6), proof="separable"),
    every(
        "between integers",
        between_integers,
        ((0, 7.5),),
        listed(*((k, k % 2) for k in range(1, 7))),
        formula=between_integers_exactly,
    ),
    every("double wells in two", double_wells, ((-2, 2),) * 2, grid(*[WELL] * 2), proof="separable"),
    every("double wells in six", double_wells, ((-2, 2),) * 6, grid(*[WELL] * 6), proof="separable", heavy=True),
    every("coupled double wells in three", coupled_wells, ((-2, 2),) * 3, WELLS_3),
    every(
        "turned double wells in four",
        turned_wells,
        ((-2.2, 2.2),) * 4,
        tuple(Point(tuple(map(float, turned(one.x))), one.index) for one in grid(*[WELL] * 4)),
        proof="theorem",
        known="a reflection of a sum of double wells: points go to their mirror images, indices stay",
        notes="no coordinate is separate from the others",
        heavy=True,
    ),
)
