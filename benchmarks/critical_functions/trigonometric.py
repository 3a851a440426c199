"""Trigonometric functions with many points: sums and products of functions of one variable, and others."""

import math
from itertools import product

import numpy as np
import sympy as sp

from benchmarks.critical_functions.problem import Point, Problem, grid, listed, products

ISOLATED = "an interval Newton method on the whole box"


def rastrigin(x):
    return sum(10 + v**2 - 10 * np.cos(2 * np.pi * v) for v in x)


def rastrigin_exactly(*x):
    return sum(10 + v**2 - 10 * sp.cos(2 * sp.pi * v) for v in x)


def griewank(x):
    return 1 + (x[0] ** 2 + x[1] ** 2) / 4000 - np.cos(x[0]) * np.cos(x[1] / np.sqrt(2))


def griewank_exactly(x, y):
    return 1 + (x**2 + y**2) / 4000 - sp.cos(x) * sp.cos(y / sp.sqrt(2))


def levy(x):
    w = [1 + (v - 1) / 4 for v in x]
    found = np.sin(np.pi * w[0]) ** 2
    for v in w[:-1]:
        found = found + (v - 1) ** 2 * (1 + 10 * np.sin(np.pi * v + 1) ** 2)
    return found + (w[-1] - 1) ** 2 * (1 + np.sin(2 * np.pi * w[-1]) ** 2)


def levy_exactly(*x):
    w = [1 + (v - 1) / 4 for v in x]
    found = sp.sin(sp.pi * w[0]) ** 2
    for v in w[:-1]:
        found += (v - 1) ** 2 * (1 + 10 * sp.sin(sp.pi * v + 1) ** 2)
    return found + (w[-1] - 1) ** 2 * (1 + sp.sin(2 * sp.pi * w[-1]) ** 2)


def bohachevsky(x):
    return x[0] ** 2 + 2 * x[1] ** 2 - 0.3 * np.cos(3 * np.pi * x[0]) - 0.4 * np.cos(4 * np.pi * x[1]) + 0.7


def bohachevsky_exactly(x, y):
    return (
        x**2
        + 2 * y**2
        - sp.Rational(3, 10) * sp.cos(3 * sp.pi * x)
        - sp.Rational(2, 5) * sp.cos(4 * sp.pi * y)
        + sp.Rational(7, 10)
    )


def egg_crate(x):
    return x[0] ** 2 + x[1] ** 2 + 25 * (np.sin(x[0]) ** 2 + np.sin(x[1]) ** 2)


def egg_crate_exactly(x, y):
    return x**2 + y**2 + 25 * (sp.sin(x) ** 2 + sp.sin(y) ** 2)


def mccormick(x):
    return np.sin(x[0] + x[1]) + (x[0] - x[1]) ** 2 - 1.5 * x[0] + 2.5 * x[1] + 1


def mccormick_exactly(x, y):
    return sp.sin(x + y) + (x - y) ** 2 - sp.Rational(3, 2) * x + sp.Rational(5, 2) * y + 1


def branin(x):
    bent = x[1] - 5.1 * x[0] ** 2 / (4 * np.pi**2) + 5 * x[0] / np.pi - 6
    return bent**2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x[0]) + 10


def branin_exactly(x, y):
    bent = y - sp.Rational(51, 10) * x**2 / (4 * sp.pi**2) + 5 * x / sp.pi - 6
    return bent**2 + 10 * (1 - 1 / (8 * sp.pi)) * sp.cos(x) + 10


def easom(x):
    return -np.cos(x[0]) * np.cos(x[1]) * np.exp(-((x[0] - np.pi) ** 2) - (x[1] - np.pi) ** 2)


def easom_exactly(x, y):
    return -sp.cos(x) * sp.cos(y) * sp.exp(-((x - sp.pi) ** 2) - (y - sp.pi) ** 2)


def adjiman(x):
    return np.cos(x[0]) * np.sin(x[1]) - x[0] / (x[1] ** 2 + 1)


def adjiman_exactly(x, y):
    return sp.cos(x) * sp.sin(y) - x / (y**2 + 1)


def bird(x):
    first = np.sin(x[0]) * np.exp((1 - np.cos(x[1])) ** 2)
    return first + np.cos(x[1]) * np.exp((1 - np.sin(x[0])) ** 2) + (x[0] - x[1]) ** 2


def bird_exactly(x, y):
    first = sp.sin(x) * sp.exp((1 - sp.cos(y)) ** 2)
    return first + sp.cos(y) * sp.exp((1 - sp.sin(x)) ** 2) + (x - y) ** 2


def three_sines(x):
    return np.sin(x[0]) + np.sin(x[1]) + np.sin(x[0] + x[1])


def three_sines_exactly(x, y):
    return sp.sin(x) + sp.sin(y) + sp.sin(x + y)


def michalewicz(x):
    return -sum(np.sin(v) * np.sin((k + 1) * v**2 / np.pi) ** 2 for k, v in enumerate(x))


def michalewicz_exactly(*x):
    return -sum(sp.sin(v) * sp.sin((k + 1) * v**2 / sp.pi) ** 2 for k, v in enumerate(x))


def schwefel(x):
    return 418.9829 * len(x) - sum(v * np.sin(np.sqrt(np.abs(v))) for v in x)


def schwefel_exactly(*x):
    return sp.Rational(4189829, 10000) * len(x) - sum(v * sp.sin(sp.sqrt(v)) for v in x)


def shubert(x):
    first, second = (sum(k * np.cos((k + 1) * v + k) for k in range(1, 6)) for v in (x[0], x[1]))
    return first * second


def shubert_exactly(x, y):
    first, second = (sum(k * sp.cos((k + 1) * v + k) for k in range(1, 6)) for v in (x, y))
    return first * second


def trefethen(x):
    a, b = x
    fast = np.exp(np.sin(50 * a)) + np.sin(60 * np.exp(b)) + np.sin(70 * np.sin(a)) + np.sin(np.sin(80 * b))
    return fast - np.sin(10 * (a + b)) + (a**2 + b**2) / 4


def trefethen_exactly(x, y):
    fast = sp.exp(sp.sin(50 * x)) + sp.sin(60 * sp.exp(y)) + sp.sin(70 * sp.sin(x)) + sp.sin(sp.sin(80 * y))
    return fast - sp.sin(10 * (x + y)) + (x**2 + y**2) / 4


def waves(x):
    """As Trefethen's function, with long waves."""
    return np.exp(np.sin(3 * x[0])) + np.sin(4 * x[1]) - np.sin(2 * (x[0] + x[1])) + (x[0] ** 2 + x[1] ** 2) / 4


def waves_exactly(x, y):
    return sp.exp(sp.sin(3 * x)) + sp.sin(4 * y) - sp.sin(2 * (x + y)) + (x**2 + y**2) / 4


def pendulums(x):
    """Two pendulums and a weak spring."""
    return 2 - np.cos(x[0]) - np.cos(x[1]) + (x[0] - x[1]) ** 2 / 20


def pendulums_exactly(x, y):
    return 2 - sp.cos(x) - sp.cos(y) + (x - y) ** 2 / 20


def rotors(x):
    """Two rotors and a third that is held: the planar XY model, with a field."""
    return -np.cos(x[0] - x[1]) - np.cos(x[0]) - np.cos(x[1]) + 0.3 * np.sin(2 * x[0])


def rotors_exactly(x, y):
    return -sp.cos(x - y) - sp.cos(x) - sp.cos(y) + sp.Rational(3, 10) * sp.sin(2 * x)


RASTRIGIN = (
    (-4.974691390895051, 1),
    (-4.522993659584519, -1),
    (-3.9797838603007536, 1),
    (-3.517859138170441, -1),
    (-2.984855701039481, 1),
    (-2.512743318200085, -1),
    (-1.9899122337085495, 1),
    (-1.5076407318703584, -1),
    (-0.9949586376523348, 1),
    (-0.5025460365546747, -1),
    (0, 1),
    (0.5025460365546747, -1),
    (0.9949586376523348, 1),
    (1.5076407318703584, -1),
    (1.9899122337085495, 1),
    (2.512743318200085, -1),
    (2.984855701039481, 1),
    (3.517859138170441, -1),
    (3.9797838603007536, 1),
    (4.522993659584519, -1),
    (4.974691390895051, 1),
    (5.528152530113669, -1),
    (5.969572778253026, 1),
)

NEAR_ZERO = tuple(one for one in RASTRIGIN if abs(one[0]) < 1.7)

LEVY_FIRST = (
    (-4.205434985718203, 1),
    (-2.7053160403868706, -1),
    (1, 1),
    (2.7688604518537936, -1),
    (3.79108219045051, 1),
)

LEVY_LAST = (
    (-4.930286250610244, 1),
    (-4.158843090997565, -1),
    (-2.8906496084617133, 1),
    (-2.256662218677807, -1),
    (1, 1),
    (4.256662218677807, -1),
    (4.890649608461714, 1),
)

BOHACHEVSKY_FIRST = (
    (-1.093875187710033, -1),
    (-0.6186120678279501, 1),
    (-0.3607081555517536, -1),
    (0, 1),
    (0.3607081555517536, -1),
    (0.6186120678279501, 1),
    (1.093875187710033, -1),
)

BOHACHEVSKY_SECOND = (
    (-0.9333791416826435, 1),
    (-0.8053579605576345, -1),
    (-0.46952754566849225, 1),
    (-0.2670404674810485, -1),
    (0, 1),
    (0.2670404674810485, -1),
    (0.46952754566849225, 1),
    (0.8053579605576345, -1),
    (0.9333791416826435, 1),
)

EGG_CRATE = (
    (-4.914418348337481, -1),
    (-3.0196018847849517, 1),
    (-1.6364424603413235, -1),
    (0, 1),
    (1.6364424603413235, -1),
    (3.0196018847849517, 1),
    (4.914418348337481, -1),
)

MICHALEWICZ_FIRST = ((2.0716893642143694, 1),)

MICHALEWICZ_SECOND = (
    (1.5707963267948966, 1),
    (2.221441469079183, -1),
    (2.642719342046537, 1),
)

SCHWEFEL = (
    (25.877417347618685, -1),
    (65.54786509015155, 1),
    (124.82935642021526, -1),
    (203.81425264889447, 1),
    (302.52493561191176, -1),
    (420.96874635998205, 1),
)

# Extrema and zeros of Σ k cos((k + 1) x + k).
SHUBERT_EXTREMA = (
    (-9.780436148913884, 1),
    (-9.286343893401558, -1),
    (-8.794062624366633, 1),
    (-8.290388011562394, -1),
    (-7.708313735499347, 1),
    (-7.0835064076515595, -1),
    (-6.478571057240418, 1),
    (-5.9489413958406825, -1),
    (-5.461401381421621, 1),
    (-4.963181056421861, -1),
    (-4.4775288708948064, 1),
    (-3.9839564493504795, -1),
    (-3.4972508417342976, 1),
    (-3.003158586221971, -1),
    (-2.5108773171870475, 1),
    (-2.007202704382808, -1),
    (-1.425128428319761, 1),
    (-0.8003211004719731, -1),
    (-0.1953857500608314, 1),
    (0.33424391133890397, -1),
    (0.821783925757966, 1),
    (1.320004250757726, -1),
    (1.80565643628478, 1),
    (2.2992288578291067, -1),
    (2.7859344654452887, 1),
    (3.2800267209576153, -1),
    (3.7723079899925387, 1),
    (4.275982602796779, -1),
    (4.858056878859825, 1),
    (5.482864206707613, -1),
    (6.087799557118755, 1),
    (6.617429218518491, -1),
    (7.1049692329375524, 1),
    (7.603189557937313, -1),
    (8.088841743464366, 1),
    (8.582414165008693, -1),
    (9.069119772624875, 1),
    (9.563212028137203, -1),
)

SHUBERT_ZEROS = (
    -9.55475732995436,
    -9.034152954418753,
    -8.576122648868418,
    -8.054870934545393,
    -7.405423979283441,
    -6.73963509566316,
    -6.158852337982796,
    -5.709845192521618,
    -5.196663784135359,
    -4.716932813410539,
    -4.236488135660551,
    -3.7312931725310645,
    -3.2715720227747727,
    -2.7509676472391664,
    -2.2929373416888317,
    -1.771685627365807,
    -1.1222386721038544,
    -0.45644978848357376,
    0.12433296919679045,
    0.5733401146579685,
    1.0865215230442276,
    1.5662524937690478,
    2.046697171519036,
    2.5518921346485217,
    3.011613284404814,
    3.5322176599404203,
    3.990247965490755,
    4.511499679813779,
    5.160946635075732,
    5.826735518696013,
    6.4075182763763765,
    6.856525421837555,
    7.369706830223814,
    7.8494378009486345,
    8.329882478698622,
    8.835077441828108,
    9.294798591584401,
    9.815402967120006,
)


def shubert_factor(v):
    return sum(k * math.cos((k + 1) * v + k) for k in range(1, 6))


SHUBERT = (
    *((v, 1 if shubert_factor(v) > 0 else -1, bent) for v, bent in SHUBERT_EXTREMA),
    *((v, 0, 0) for v in SHUBERT_ZEROS),
)

GRIEWANK = listed(
    (-4.710820534479318, -2.2181104087569534, 1),
    (-4.710820534479318, 2.2181104087569534, 1),
    (-3.1431642363549055, 0, 2),
    (-3.1400226338955397, -4.438444480920714, 0),
    (-3.1400226338955397, 4.438444480920714, 0),
    (-1.5723679104393218, -2.2225533025787545, 1),
    (-1.5723679104393218, 2.2225533025787545, 1),
    (0, -4.447330275764381, 2),
    (0, 0, 0),
    (0, 4.447330275764381, 2),
    (1.5723679104393218, -2.2225533025787545, 1),
    (1.5723679104393218, 2.2225533025787545, 1),
    (3.1400226338955397, -4.438444480920714, 0),
    (3.1400226338955397, 4.438444480920714, 0),
    (3.1431642363549055, 0, 2),
    (4.710820534479318, -2.2181104087569534, 1),
    (4.710820534479318, 2.2181104087569534, 1),
)

ADJIMAN = listed(
    (-2.922919561324069, 2.0445786789081954, 0),
    (-1.6677946086146642, 3.043539282028985, 1),
    (-1.4964501191732267, -3.2294424081088597, 1),
    (-0.7945733292974204, 0.8935081317470634, 1),
    (-0.3235098717855095, 1.4702538987221494, 2),
    (0.3235098717855095, -1.4702538987221494, 0),
    (0.7945733292974204, -0.8935081317470634, 1),
    (1.4964501191732267, 3.2294424081088597, 1),
    (1.6677946086146642, -3.043539282028985, 1),
    (2.922919561324069, -2.0445786789081954, 2),
)

BIRD = listed(
    (-5.842538233798368, 3.8857365964918755, 1),
    (-5.829037547196333, -2.0194268112343, 1),
    (-5.617907679231666, -5.37766660833261, 0),
    (-5.0228289972311195, 3.2225537769924886, 2),
    (-4.772757220660536, -3.12641009037392, 2),
    (-3.8386409508047605, -4.764321307934983, 1),
    (-2.6929621691503898, 1.116648566811643, 1),
    (-1.58597889001077, 0.06036824027584652, 2),
    (-1.5821421769300335, -3.1302468034546562, 0),
    (-1.536662471846804, 3.1074587986417006, 0),
    (-0.05191441898230145, 1.622710745777198, 1),
    (0.05193232755029341, -0.8737480295799291, 1),
    (0.4541477599832537, 4.263758495945287, 1),
    (0.6652776279479201, 0.9055186988469766, 0),
    (1.51042808651905, 3.156775216805667, 2),
    (1.7534993649501753, -3.1880709381557817, 2),
    (2.4445443563748257, 1.5188639992446031, 1),
    (2.7129036971638296, -4.042562997062159, 1),
    (3.488157894407921, -1.9173615676130242, 1),
    (4.655171399427279, -3.084375072632382, 0),
    (4.701043130249553, 3.15293850372493, 0),
    (4.758867264950678, -0.1827030381552787, 2),
    (5.613359323857056, -1.1421073703689328, 1),
)

WAVES = listed(
    (-1.69766608185689, -1.3592163195155313, 2),
    (-1.6885093230392962, 1.9098102866642603, 2),
    (-1.6762735464871397, -1.7967146926889228, 1),
    (-1.6609278224574766, 1.2195549705254851, 1),
    (-1.557344514384799, 0.47854358827913107, 2),
    (-1.5501382558825045, -0.4590780306682416, 1),
    (-0.8381657725558849, -0.49046892303026013, 0),
    (-0.8017733699932617, -1.1163151804063733, 1),
    (-0.45439265758153913, -1.9031105739994347, 0),
    (-0.41204252515688117, 1.1530936375822698, 0),
    (-0.12145651461018772, 0.2786103369217596, 1),
    (0.45524325755636624, -0.2628652595148799, 1),
    (0.5107091946558943, 1.9900871165294978, 2),
    (0.5224521893523484, -1.2352766497667194, 2),
    (0.577482012229144, 0.4716674778795719, 2),
    (0.623171238918708, 1.0101572679759838, 1),
    (1.1000494030528758, 0.5421050520367254, 1),
    (1.3018277390219068, -0.407100221081315, 0),
    (1.6662065335290643, 1.9521434011521088, 1),
    (1.7174236004046424, -1.3112577349499914, 1),
    (1.8355558592892125, -1.764182917583887, 0),
    (1.8379811597869828, 1.2649296892427733, 0),
)

PENDULUMS = listed(
    (-6.283185307179586, -6.283185307179586, 0),
    (-5.963614353872327, -2.8220217002825336, 1),
    (-5.737331733239593, -0.545853573939994, 0),
    (-5.053218233875051, 4.371559726894329, 1),
    (-4.9062951508563755, 4.9062951508563755, 0),
    (-4.371559726894329, 5.053218233875051, 1),
    (-4.1046198505579055, 4.1046198505579055, 2),
    (-3.461163606897053, -0.3195709533072597, 1),
    (-3.141592653589793, -3.141592653589793, 2),
    (-2.8220217002825336, -5.963614353872327, 1),
    (-0.545853573939994, -5.737331733239593, 0),
    (-0.3195709533072597, -3.461163606897053, 1),
    (0, 0, 0),
    (0.3195709533072597, 3.461163606897053, 1),
    (0.545853573939994, 5.737331733239593, 0),
    (2.8220217002825336, 5.963614353872327, 1),
    (3.141592653589793, 3.141592653589793, 2),
    (3.461163606897053, 0.3195709533072597, 1),
    (4.1046198505579055, -4.1046198505579055, 2),
    (4.371559726894329, -5.053218233875051, 1),
    (4.9062951508563755, -4.9062951508563755, 0),
    (5.053218233875051, -4.371559726894329, 1),
    (5.737331733239593, 0.545853573939994, 0),
    (5.963614353872327, 2.8220217002825336, 1),
    (6.283185307179586, 6.283185307179586, 0),
)

ROTORS = listed(
    (-2.2511316978410667, 2.0160268046692598, 2),
    (-0.5645429623569886, 2.859321172411299, 1),
    (-0.32340988118693764, -0.16170494059346882, 0),
    (1.1164502030082417, -2.5833675520856723, 2),
)

# Of g(x) = cos x exp(−(x − π)²): the zeros, and the extrema, which solve tan x = −2 (x − π). Of both factors one has
# the minus sign of the function.
EXTREMUM = 1.8365972031521255
EASOM_FIRST = (
    (math.pi - EXTREMUM, -1, 1),
    (math.pi / 2, 0, 0),
    (math.pi, 1, -1),
    (3 * math.pi / 2, 0, 0),
    (math.pi + EXTREMUM, -1, 1),
)
EASOM_SECOND = tuple((x, -sign, -bent) for x, sign, bent in EASOM_FIRST)

# cos(x + y) = −1/2 and x − y = 1.
MCCORMICK = tuple(
    Point(((s * 2 * math.pi / 3 + 2 * math.pi * k + 1) / 2, (s * 2 * math.pi / 3 + 2 * math.pi * k - 1) / 2), s > 0)
    for s, k in product((-1, 1), range(2))
    if (s, k) != (1, 1)
)

PROBLEMS = (
    Problem(
        name="Rastrigin in one",
        function=rastrigin,
        formula=rastrigin_exactly,
        box=((-5, 6),),
        points=grid(RASTRIGIN),
        proof="separable",
        known="every unit has two extrema; their places are isolated",
        reference="Rastrigin (1974), Systems of extremal control",
    ),
    Problem(
        name="Rastrigin in two",
        function=rastrigin,
        formula=rastrigin_exactly,
        box=((-5, 6),) * 2,
        points=grid(RASTRIGIN, RASTRIGIN),
        proof="separable",
        known="23² points from 23 on every axis",
        reference="Rastrigin (1974), Systems of extremal control",
    ),
    Problem(
        name="Rastrigin in three",
        function=rastrigin,
        formula=rastrigin_exactly,
        box=((-1.7, 1.7),) * 3,
        points=grid(NEAR_ZERO, NEAR_ZERO, NEAR_ZERO),
        proof="separable",
        known="7³ points from 7 on every axis",
        heavy=True,
    ),
    Problem(
        name="Griewank",
        function=griewank,
        formula=griewank_exactly,
        box=((-5, 5),) * 2,
        points=GRIEWANK,
        proof="interval",
        known=ISOLATED,
        reference="Griewank (1981), Generalized descent for global optimization",
    ),
    Problem(
        name="Levy",
        function=levy,
        formula=levy_exactly,
        box=((-5, 5),) * 2,
        points=grid(LEVY_FIRST, LEVY_LAST),
        proof="separable",
        known="5 · 7 points",
        reference="Levy, Montalvo (1985), The tunneling algorithm for the global minimization of functions",
    ),
    Problem(
        name="Bohachevsky",
        function=bohachevsky,
        formula=bohachevsky_exactly,
        box=((-1.2, 1.2),) * 2,
        points=grid(BOHACHEVSKY_FIRST, BOHACHEVSKY_SECOND),
        proof="separable",
        known="7 · 9 points",
        reference="Bohachevsky, Johnson, Stein (1986), Generalized simulated annealing for function optimization",
    ),
    Problem(
        name="egg crate",
        function=egg_crate,
        formula=egg_crate_exactly,
        box=((-5, 5),) * 2,
        points=grid(EGG_CRATE, EGG_CRATE),
        proof="separable",
        known="7² points",
    ),
    Problem(
        name="McCormick",
        function=mccormick,
        formula=mccormick_exactly,
        box=((-1.5, 4), (-3, 4)),
        points=MCCORMICK,
        proof="interval",
        known="cos(x + y) = −1/2 and x − y = 1, as sum and difference of the gradient's entries; " + ISOLATED,
        reference="McCormick (1976), Computability of global solutions to factorable nonconvex programs",
    ),
    Problem(
        name="Branin",
        function=branin,
        formula=branin_exactly,
        box=((-5, 10), (0, 15)),
        points=listed(
            (-math.pi, 12.275, 0), (0, 6, 1), (math.pi, 2.275, 0), (2 * math.pi, 1.1, 1), (3 * math.pi, 2.475, 0)
        ),
        proof="interval",
        known="the square vanishes and sin x = 0; " + ISOLATED,
        reference="Branin (1972); Dixon, Szegő (1978): three minima, all global",
    ),
    Problem(
        name="Easom",
        function=easom,
        formula=easom_exactly,
        box=((0.5, 6.1),) * 2,
        points=products(EASOM_FIRST, EASOM_SECOND),
        proof="product",
        known="3² pairs of extrema and 2² pairs of zeros of one function",
        reference="Easom (1990), A survey of global optimization techniques",
        notes="at the corners of the box the function is 1e-6 of what it is in the middle",
    ),
    Problem(
        name="Adjiman",
        function=adjiman,
        formula=adjiman_exactly,
        box=((-4, 4),) * 2,
        points=ADJIMAN,
        proof="interval",
        known=ISOLATED,
        reference="Adjiman, Dallwig, Floudas, Neumaier (1998), A global optimization method, αBB",
    ),
    Problem(
        name="bird",
        function=bird,
        formula=bird_exactly,
        box=((-6.2, 6.2),) * 2,
        points=BIRD,
        proof="interval",
        known=ISOLATED,
        reference="Mishra (2006), Some new test functions for global optimization",
    ),
    Problem(
        name="three sines",
        function=three_sines,
        formula=three_sines_exactly,
        box=((-3, 3),) * 2,
        points=listed((-math.pi / 3, -math.pi / 3, 0), (math.pi / 3, math.pi / 3, 2)),
        proof="interval",
        known="cos x = cos y = −cos(x + y); " + ISOLATED,
        notes="a monkey saddle at (π, π) is outside of the box",
    ),
    Problem(
        name="Michalewicz with low powers",
        function=michalewicz,
        formula=michalewicz_exactly,
        box=((0.5, 3),) * 2,
        points=grid(MICHALEWICZ_FIRST, MICHALEWICZ_SECOND),
        proof="separable",
        known="1 · 3 points",
        reference="Michalewicz (1992), Genetic algorithms + data structures = evolution programs, with m = 1",
    ),
    Problem(
        name="Schwefel",
        function=schwefel,
        formula=schwefel_exactly,
        box=((10, 500),) * 2,
        points=grid(SCHWEFEL, SCHWEFEL),
        proof="separable",
        known="6² points",
        reference="Schwefel (1981), Numerical optimization of computer models, problem 2.26",
    ),
    Problem(
        name="Shubert",
        function=shubert,
        formula=shubert_exactly,
        box=((-10, 10),) * 2,
        points=products(SHUBERT, SHUBERT),
        proof="product",
        known="pairs of extrema, and pairs of zeros, of a trigonometric polynomial",
        reference="Levy, Montalvo (1985), The tunneling algorithm: 760 local minima",
        heavy=True,
        notes="of the 760 minima that are counted in print, those on the boundary are not critical points",
    ),
    Problem(
        name="waves",
        function=waves,
        formula=waves_exactly,
        box=((-2, 2),) * 2,
        points=WAVES,
        proof="interval",
        known=ISOLATED,
    ),
    Problem(
        name="Trefethen, the middle",
        function=trefethen,
        formula=trefethen_exactly,
        box=((-0.2, 0.2),) * 2,
        counted={0: 29, 1: 56, 2: 27},
        proof="interval",
        known=ISOLATED,
        reference="Trefethen (2002), A hundred-dollar, hundred-digit challenge, problem 4",
    ),
    Problem(
        name="Trefethen",
        function=trefethen,
        formula=trefethen_exactly,
        box=((-1, 1),) * 2,
        counted={0: 693, 1: 1360, 2: 667},
        proof="interval",
        known=ISOLATED,
        reference="Trefethen (2002), A hundred-dollar, hundred-digit challenge, problem 4",
        heavy=True,
    ),
    Problem(
        name="two pendulums",
        function=pendulums,
        formula=pendulums_exactly,
        box=((-7, 7),) * 2,
        points=PENDULUMS,
        proof="interval",
        known=ISOLATED,
    ),
    Problem(
        name="rotors",
        function=rotors,
        formula=rotors_exactly,
        box=((-3, 3),) * 2,
        points=ROTORS,
        proof="interval",
        known=ISOLATED,
    ),
)
