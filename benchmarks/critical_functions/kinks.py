"""Functions without a gradient somewhere in the box: absolute values, maxima, relu, roots.

The smooth critical points are those off the kinks. A kink that is a minimum, or any generalised critical point,
stands in ``kinks``: nobody has to find it, and nobody may certify it as smooth, or call the list complete without a
word of it.
"""

import numpy as np
import sympy as sp

from benchmarks.critical_functions.problem import Point, Problem, listed

PIECES = "on every smooth piece the gradient's zeros are exact, and those inside of the piece stay"
CLARKE = "Clarke (1983), Optimization and nonsmooth analysis, section 2.3"


def absolute(x):
    return np.abs(x[0]) + 0.5 * x[0]


def absolute_exactly(x):
    return sp.Abs(x) + x / 2


def sum_of_absolutes(x):
    return np.abs(x[0]) + np.abs(x[1])


def sum_of_absolutes_exactly(x, y):
    return sp.Abs(x) + sp.Abs(y)


def folded_parabola(x):
    return np.abs(x[0] ** 2 - 1) + x[1] ** 2


def folded_parabola_exactly(x, y):
    return sp.Abs(x**2 - 1) + y**2


def lasso(x):
    """Least squares with an absolute penalty: soft thresholding."""
    return (x[0] - 2) ** 2 + (x[1] - 0.25) ** 2 + np.abs(x[0]) + np.abs(x[1])


def lasso_exactly(x, y):
    return (x - 2) ** 2 + (y - sp.Rational(1, 4)) ** 2 + sp.Abs(x) + sp.Abs(y)


def wells_with_penalty(x):
    return (x[0] ** 2 - 4) ** 2 / 8 + x[1] ** 2 + np.abs(x[0]) / 2


def wells_with_penalty_exactly(x, y):
    return (x**2 - 4) ** 2 / 8 + y**2 + sp.Abs(x) / 2


def larger_bowl(x):
    return np.maximum((x[0] - 1) ** 2, (x[0] + 1) ** 2) + x[1] ** 2


def larger_bowl_exactly(x, y):
    return sp.Max((x - 1) ** 2, (x + 1) ** 2) + y**2


def smaller_bowl(x):
    return np.minimum((x[0] - 1) ** 2, (x[0] + 1) ** 2) + x[1] ** 2


def smaller_bowl_exactly(x, y):
    return sp.Min((x - 1) ** 2, (x + 1) ** 2) + y**2


def hinge(x):
    """One relu neuron with a bias: (relu(x + 1) − 2)² and a penalty."""
    return (np.maximum(x[0] + 1, 0) - 2) ** 2 + (x[0] + 3) ** 2 / 4 + x[1] ** 2


def hinge_exactly(x, y):
    return (sp.Max(x + 1, 0) - 2) ** 2 + (x + 3) ** 2 / 4 + y**2


def ackley(x):
    root = np.sqrt((x[0] ** 2 + x[1] ** 2) / 2)
    waves = np.exp((np.cos(2 * np.pi * x[0]) + np.cos(2 * np.pi * x[1])) / 2)
    return -20 * np.exp(-0.2 * root) - waves + 20 + np.e


def ackley_exactly(x, y):
    root = sp.sqrt((x**2 + y**2) / 2)
    waves = sp.exp((sp.cos(2 * sp.pi * x) + sp.cos(2 * sp.pi * y)) / 2)
    return -20 * sp.exp(-root / 5) - waves + 20 + sp.E


def bukin(x):
    return 100 * np.sqrt(np.abs(x[1] - 0.01 * x[0] ** 2)) + 0.01 * np.abs(x[0] + 10)


def bukin_exactly(x, y):
    return 100 * sp.sqrt(sp.Abs(y - x**2 / 100)) + sp.Abs(x + 10) / 100


def cone(x):
    return np.sqrt(x[0] ** 2 + x[1] ** 2)


def cone_exactly(x, y):
    return sp.sqrt(x**2 + y**2)


ACKLEY = listed(
    (0.5364972381119946, 1.855976708974908, 1),
    (0.5495858144229183, 1.773445148708471, 2),
    (0.5774125352782147, 0.8747620388753442, 1),
    (0.6257806168564638, 0, 1),
    (0.6730965201107377, 0.6730965201107377, 2),
    (0.8747620388753442, 0.5774125352782147, 1),
    (0.9458984927015271, 1.5950289240728648, 1),
    (0.9521665459501717, 0, 0),
    (0.9684776587077244, 0.9684776587077244, 0),
    (0.9824160350791393, 1.9646166628629864, 0),
    (1.5674502528624066, 1.916166848997128, 1),
    (1.5950289240728648, 0.9458984927015271, 1),
    (1.6102960205537256, 0, 1),
    (1.6518481462014178, 1.6518481462014178, 2),
    (1.773445148708471, 0.5495858144229183, 2),
    (1.855976708974908, 0.5364972381119946, 1),
    (1.916166848997128, 1.5674502528624066, 1),
    (1.9589197181217173, 0, 0),
    (1.9646166628629864, 0.9824160350791393, 0),
    (1.9744519864841166, 1.9744519864841166, 0),
)

PROBLEMS = (
    Problem(
        name="absolute value",
        function=absolute,
        formula=absolute_exactly,
        box=((-1, 2),),
        kind="kink",
        kinks=((0.0,),),
        proof="pieces",
        known="slopes −1/2 and 3/2",
        everywhere=True,
    ),
    Problem(
        name="sum of absolute values",
        function=sum_of_absolutes,
        formula=sum_of_absolutes_exactly,
        box=((-1, 2),) * 2,
        kind="kink",
        kinks=((0.0, 0.0),),
        proof="pieces",
        known="all slopes are 1 or −1",
        everywhere=True,
    ),
    Problem(
        name="folded parabola",
        function=folded_parabola,
        formula=folded_parabola_exactly,
        box=((-3, 3.4),) * 2,
        points=listed((0, 0, 1)),
        kind="kink",
        kinks=((-1.0, 0.0), (1.0, 0.0)),
        proof="pieces",
        known=PIECES,
        everywhere=True,
    ),
    Problem(
        name="lasso",
        function=lasso,
        formula=lasso_exactly,
        box=((-3, 4),) * 2,
        kind="kink",
        kinks=((1.5, 0.0),),
        proof="pieces",
        known="soft thresholding by 1/2: of 2 to 3/2, of 1/4 to 0",
        reference="Tibshirani (1996), Regression shrinkage and selection via the lasso",
        everywhere=True,
    ),
    Problem(
        name="wells with an absolute penalty",
        function=wells_with_penalty,
        formula=wells_with_penalty_exactly,
        box=((-3, 3.4), (-2, 2.2)),
        points=listed(
            (-1.8608058531117033, 0, 0),
            (-0.2541016883650524, 0, 1),
            (0.2541016883650524, 0, 1),
            (1.8608058531117033, 0, 0),
        ),
        kind="kink",
        kinks=((0.0, 0.0),),
        proof="pieces",
        known=PIECES,
        reference=CLARKE,
        everywhere=True,
        notes="the kink is a minimum along x between two maxima",
    ),
    Problem(
        name="larger of two bowls",
        function=larger_bowl,
        formula=larger_bowl_exactly,
        box=((-3, 3.4), (-2, 2.2)),
        kind="kink",
        kinks=((0.0, 0.0),),
        proof="pieces",
        known=PIECES,
        everywhere=True,
    ),
    Problem(
        name="smaller of two bowls",
        function=smaller_bowl,
        formula=smaller_bowl_exactly,
        box=((-3, 3.4), (-2, 2.2)),
        points=listed((-1, 0, 0), (1, 0, 0)),
        kind="kink",
        kinks=((0.0, 0.0),),
        proof="pieces",
        known=PIECES,
        reference=CLARKE,
        everywhere=True,
    ),
    Problem(
        name="relu neuron",
        function=hinge,
        formula=hinge_exactly,
        box=((-5, 4), (-2, 2.2)),
        points=(Point((-3.0, 0.0), 0), Point((0.2, 0.0), 0)),
        kind="kink",
        kinks=((-1.0, 0.0),),
        proof="pieces",
        known="2 (x − 1) + (x + 3)/2 = 0 where the neuron is active, x = −3 where it is not",
        everywhere=True,
    ),
    Problem(
        name="Ackley off its kink",
        function=ackley,
        formula=ackley_exactly,
        box=((0.3, 2.2), (-0.4, 2.3)),
        points=ACKLEY,
        proof="interval",
        known="an interval Newton method on the whole box",
        reference="Ackley (1987), A connectionist machine for genetic hillclimbing",
    ),
    Problem(
        name="Ackley with its kink",
        function=ackley,
        formula=ackley_exactly,
        box=((-0.4, 0.3),) * 2,
        kind="kink",
        kinks=((0.0, 0.0),),
        proof="interval",
        known="off the origin the root's slope beats that of the waves; the global minimum is the kink",
        reference="Ackley (1987), A connectionist machine for genetic hillclimbing",
    ),
    Problem(
        name="Bukin",
        function=bukin,
        formula=bukin_exactly,
        box=((-15, -5), (-3, 3)),
        kind="kink",
        kinks=((-10.0, 1.0),),
        proof="theorem",
        known="off the parabola the derivative by y is a multiple of |y − x²/100|^(−1/2), never 0",
        reference="Bukin (1997), New minimization strategy for non-smooth functions; number 6",
        everywhere=True,
    ),
    Problem(
        name="cone",
        function=cone,
        formula=cone_exactly,
        box=((-1, 2),) * 2,
        kind="kink",
        kinks=((0.0, 0.0),),
        proof="theorem",
        known="the gradient has length 1",
        everywhere=True,
    ),
)
