"""Edges of domains, saturation, cancellation, low precision: right passes there, and wrong ones."""

import numpy as np

from benchmarks.mistakes.by_hand.family import Family, chained, elementwise, normal, uniform
from benchmarks.mistakes.by_hand.functions import sigmoid
from benchmarks.mistakes.by_hand.kinks import fixed, quiet

# Edges of domains, very small and very large numbers.

LOG_EDGE = elementwise("log near 0", np.log, lambda x: 1 / x, fixed([1e-8, 1e-5, 0.01, 1.0]))
SQRT_EDGE = elementwise("sqrt near 0", np.sqrt, lambda x: 0.5 / np.sqrt(x), fixed([1e-10, 1e-6, 0.01, 4.0]))
POWER_EDGE = elementwise(
    "x**1.5 at small x", lambda x: x**1.5, lambda x: 1.5 * np.sqrt(x), fixed([1e-8, 1e-4, 0.02, 3.0])
)
ARCSIN = elementwise(
    "arcsin near 1", np.arcsin, lambda x: 1 / np.sqrt((1 - x) * (1 + x)), fixed([0.999, -0.9999, 0.1, 0.99999])
)
RECIPROCAL = elementwise("1/x at many scales", lambda x: 1 / x, lambda x: -1 / x**2, fixed([1e-4, -0.02, 5.0, 1e5]))
TINY = elementwise("outputs of 1e-10", lambda x: 1e-10 * np.sin(x), lambda x: 1e-10 * np.cos(x), normal((3, 4)))
HUGE = elementwise("outputs of 1e10", lambda x: 1e10 * np.sin(x), lambda x: 1e10 * np.cos(x), normal((3, 4)))
SMALL_INPUT = elementwise(
    "inputs of 1e-8",
    lambda x: np.sin(1e8 * x),
    lambda x: 1e8 * np.cos(1e8 * x),
    lambda rng: (1e-8 * rng.standard_normal(5),),
)
LARGE_INPUT = elementwise(
    "inputs of 1e6", lambda x: (x / 1e6) ** 3, lambda x: 3 * x**2 / 1e18, normal((5,), scale=1e6)
)
MIXED = elementwise(
    "inputs from 1e-8 to 1e6", lambda x: x**2, lambda x: 2 * x, fixed([1e-8, -3e-5, 0.02, -7.0, 4e3, 1e6])
)
WAVES = elementwise("sin(100x)", lambda x: np.sin(100 * x), lambda x: 100 * np.cos(100 * x), normal((3, 4)))
LOG1P = elementwise("log1p at small x", np.log1p, lambda x: 1 / (1 + x), fixed([1e-10, -1e-7, 0.001, 0.5]))
EXPM1 = elementwise("expm1 at small x", np.expm1, np.exp, fixed([1e-10, -1e-7, 0.001, 0.5]))
STEEP = elementwise(
    "steep sigmoid",
    lambda x: sigmoid(50 * x),
    lambda x: 50 * sigmoid(50 * x) * sigmoid(-50 * x),
    uniform(-0.2, 0.2, (8,)),
)
SATURATED = elementwise("saturated tanh", np.tanh, lambda x: 1 / np.cosh(x) ** 2, normal((3, 4), scale=6.0))
STEPS = elementwise("rounding", np.round, np.zeros_like, uniform(-3, 3, (4, 3)))
COUNT = Family(
    name="how many are positive",
    forward=lambda x: (x > 0).sum(axis=1) * 1.0,
    right=lambda d, x: (np.zeros_like(x),),
    inputs=normal((4, 3)),
)
CONSTANT = Family(
    name="constant", forward=lambda x: np.full(3, 2.5), right=lambda d, x: (np.zeros_like(x),), inputs=normal((4,))
)
UNUSED = Family(
    name="second input not used",
    forward=lambda x, y: np.exp(x),
    right=lambda d, x, y: (d * np.exp(x), np.zeros_like(y)),
    inputs=normal((3,), (4,)),
)
CANCELLING = elementwise("(1e8 + x) - 1e8", lambda x: (1e8 + x) - 1e8, np.ones_like, normal((3, 4)))
SINE_OVER_X = elementwise(
    "sin(x)/x at 0",
    lambda x: np.where(x == 0, 1.0, np.sin(x) / np.where(x == 0, 1.0, x)),
    lambda x: sine_slope(x),
    fixed([0.0, 0.5, -2.0, 3.1]),
)


def sine_slope(x):
    return np.where(x == 0, 0.0, (x * np.cos(x) - np.sin(x)) / np.where(x == 0, 1.0, x) ** 2)


def sum_to_zero(x):
    p = np.exp(x - x.max(axis=1, keepdims=True))
    return (p / p.sum(axis=1, keepdims=True)).sum(axis=1)


ZERO = Family(
    name="sum of a softmax", forward=sum_to_zero, right=lambda d, x: (np.zeros_like(x),), inputs=normal((3, 4))
)
EDGE_MISTAKES = (
    LOG_EDGE.wrong(
        "eps of 1e-6", chained(lambda x: 1 / (x + 1e-6)), "local", (0,), "stats", "region", "subtle", hard=True
    ),
    LOG_EDGE.wrong(
        "clipped at 100", chained(lambda x: np.minimum(1 / x, 100.5)), "region", (0,), "local", "cotangent", hard=True
    ),
    SQRT_EDGE.wrong(
        "eps of 1e-8",
        chained(lambda x: 0.5 / np.sqrt(x + 1e-8)),
        "local",
        (0,),
        "stats",
        "region",
        "subtle",
        hard=True,
    ),
    POWER_EDGE.wrong(
        "zero where small",
        chained(lambda x: np.where(x < 1e-3, 0, 1.5 * np.sqrt(x))),
        "region",
        (0,),
        "local",
        hard=True,
    ),
    POWER_EDGE.wrong("power not reduced", chained(lambda x: 1.5 * x**1.5), "index", (0,), "path", "scale", hard=True),
    ARCSIN.wrong("plus", chained(lambda x: 1 / np.sqrt(1 + x**2)), "sign", (0,), hard=True),
    ARCSIN.wrong(
        "clipped", chained(lambda x: np.minimum(1 / np.sqrt(1 - x**2), 60.0)), "region", (0,), "local", hard=True
    ),
    RECIPROCAL.wrong("minus missing", chained(lambda x: 1 / x**2), "sign", (0,), hard=True),
    TINY.wrong("zero", chained(np.zeros_like), "path", (0,), "scale", hard=True),
    TINY.wrong("of the sine", chained(lambda x: 1e-10 * np.sin(x)), "gate", (0,), "path", hard=True),
    HUGE.wrong("0.0001 of it more", chained(lambda x: 1.0001e10 * np.cos(x)), "subtle", (0,), "scale", hard=True),
    MIXED.wrong("1e-7 added", chained(lambda x: 2 * x + 1e-7), "local", (0,), "subtle", "region", "path", hard=True),
    MIXED.wrong(
        "smallest forgotten",
        chained(lambda x: np.where(np.abs(x) < 1e-4, 0, 2 * x)),
        "region",
        (0,),
        "local",
        hard=True,
    ),
    WAVES.wrong("100 missing", chained(lambda x: np.cos(100 * x)), "scale", (0,), hard=True),
    WAVES.wrong("phase a little off", chained(lambda x: 100 * np.cos(100.001 * x)), "subtle", (0,), hard=True),
    LOG1P.wrong("1 - x", chained(lambda x: 1 - x), "region", (0,), "local", hard=True),
    EXPM1.wrong("of expm1", chained(np.expm1), "path", (0,), "gate", hard=True),
    STEEP.wrong("50 missing", chained(lambda x: sigmoid(50 * x) * sigmoid(-50 * x)), "scale", (0,), hard=True),
    STEEP.wrong(
        "steepness of 49.9", chained(lambda x: 50 * sigmoid(49.9 * x) * sigmoid(-49.9 * x)), "subtle", (0,), hard=True
    ),
    SATURATED.wrong(
        "at least 1e-3", chained(lambda x: np.maximum(1 / np.cosh(x) ** 2, 1e-3)), "region", (0,), "local", hard=True
    ),
    STEPS.wrong("straight through", lambda d, x: (d.copy(),), "path", (0,), "mask", hard=True),
    COUNT.wrong("straight through", lambda d, x: (d[:, None] * (x > 0),), "path", (0,), "mask", hard=True),
    CONSTANT.wrong("sum", lambda d, x: (np.full_like(x, d.sum()),), "path", (0,), "axis", hard=True),
    UNUSED.wrong(
        "gradient of nothing",
        lambda d, x, y: (d * np.exp(x), np.full_like(y, d.sum())),
        "path",
        (1,),
        "axis",
        hard=True,
    ),
    ZERO.wrong(
        "probabilities",
        lambda d, x: (d[:, None] * np.exp(x) / np.exp(x).sum(1, keepdims=True),),
        "path",
        (0,),
        hard=True,
    ),
    SINE_OVER_X.wrong(
        "1 at 0", chained(lambda x: np.where(x == 0, 1.0, sine_slope(x))), "local", (0,), "region", "ties", hard=True
    ),
    SINE_OVER_X.wrong(
        "NaN at 0",
        lambda d, x: (quiet(lambda: d * (x * np.cos(x) - np.sin(x)) / x**2),),
        "contract",
        (0,),
        "local",
        hard=True,
    ),
)


# Deep compositions, low precision.


def deep(x):
    for _ in range(50):
        x = np.tanh(1.1 * x + 0.1)
    return x


def deep_with(layers=50):
    def backward(d, x):
        inputs = [x]
        for _ in range(50):
            inputs.append(np.tanh(1.1 * inputs[-1] + 0.1))
        for y in inputs[:0:-1][:layers]:
            d = d * 1.1 * (1 - y**2)
        return (d,)

    return backward


DEEP = Family(name="fifty layers of tanh", forward=deep, right=deep_with(), inputs=normal((6,), scale=0.3))


def as_type(dtype, *shapes):
    return lambda rng: tuple(rng.standard_normal(shape).astype(dtype) for shape in shapes)


def low_softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


SINGLE = Family(
    name="softmax in single precision",
    forward=low_softmax,
    right=lambda d, x: ((p := low_softmax(x)) * (d - (d * p).sum(axis=1, keepdims=True)),),
    inputs=as_type(np.float32, (3, 5)),
)
SINGLE_MATMUL = Family(
    name="matmul in single precision",
    forward=lambda a, b: a @ b,
    right=lambda d, a, b: (d @ b.T, a.T @ d),
    inputs=as_type(np.float32, (3, 6), (6, 2)),
)
HALF = Family(
    name="squares in half precision",
    forward=lambda x: x * x,
    right=lambda d, x: (d * x * x.dtype.type(2),),
    inputs=as_type(np.float16, (4, 3)),
)
HALF_SIGMOID = Family(
    name="sigmoid in half precision",
    forward=lambda x: (1 / (1 + np.exp(-x))).astype(x.dtype),
    right=lambda d, x: ((d * (s := 1 / (1 + np.exp(-x))) * (1 - s)).astype(x.dtype),),
    inputs=as_type(np.float16, (4, 3)),
)
HALF_TO_SINGLE = Family(
    name="sums of half precision in single",
    forward=lambda x: (x.astype(np.result_type(x, np.float32)) ** 2).sum(axis=0),
    right=lambda d, x: ((2 * d * x).astype(x.dtype),),
    inputs=as_type(np.float16, (5, 3)),
)


def large_mean(rng):
    return (np.round(1e6 + rng.standard_normal((5, 3)), 3),)


SPREAD = Family(
    name="standardised with a mean of 1e6",
    forward=lambda x: (x - x.mean(axis=0)) / np.sqrt(((x - x.mean(axis=0)) ** 2).mean(axis=0) + 1e-5),
    right=lambda d, x: (standardised_backward(d, x, ((x - x.mean(axis=0)) ** 2).mean(axis=0)),),
    inputs=large_mean,
)


def standardised_backward(d, x, variance):
    s = np.sqrt(variance + 1e-5)
    y = (x - x.mean(axis=0)) / s
    return (d - d.mean(axis=0) - y * (d * y).mean(axis=0)) / s


ONE_MINUS_COS = elementwise(
    "1/(1 - cos x) at small x",
    lambda x: 1 / (2 * np.sin(x / 2) ** 2),
    lambda x: -np.sin(x) / (2 * np.sin(x / 2) ** 2) ** 2,
    fixed([1e-5, 1e-4, 1e-3, 0.5]),
)
LOG_SIGMOID = elementwise(
    "log sigmoid far out",
    lambda x: -np.logaddexp(0, -x),
    lambda x: 1 / (1 + np.exp(x)),
    fixed([-30.0, -5.0, 0.5, 20.0, 36.0]),
)
PRECISION_MISTAKES = (
    DEEP.wrong("last layer only", deep_with(layers=1), "path", (0,), "accumulate", hard=True),
    DEEP.wrong("a layer missing", deep_with(layers=49), "path", (0,), "scale", "index", hard=True),
    SINGLE.wrong(
        "only the diagonal",
        lambda d, x: (d * low_softmax(x) * (1 - low_softmax(x)),),
        "path",
        (0,),
        "axis",
        hard=True,
    ),
    SINGLE.wrong(
        "double precision",
        lambda d, x: (SINGLE.right(d, x)[0].astype(np.float64),),
        "contract",
        (0,),
        "precision",
        hard=True,
        shown_by="dtype",
    ),
    SINGLE.wrong(
        "through half precision",
        lambda d, x: (SINGLE.right(d, x)[0].astype(np.float16).astype(np.float32),),
        "precision",
        (0,),
        "subtle",
        hard=True,
    ),
    SINGLE_MATMUL.wrong(
        "through half precision",
        lambda d, a, b: ((d.astype(np.float16) @ b.T.astype(np.float16)).astype(np.float32), a.T @ d),
        "precision",
        (0,),
        "subtle",
        hard=True,
    ),
    SINGLE_MATMUL.wrong("doubled", lambda d, a, b: (2 * (d @ b.T), a.T @ d), "scale", (0,), hard=True),
    HALF.wrong("2 missing", lambda d, x: (d * x,), "scale", (0,), hard=True),
    SPREAD.wrong(
        "mean of squares minus square of mean",
        lambda d, x: (standardised_backward(d, x, np.abs((x**2).mean(0) - x.mean(0) ** 2)),),
        "precision",
        (0,),
        "subtle",
        "stats",
        hard=True,
    ),
    SPREAD.wrong(
        "in single precision",
        lambda d, x: (
            standardised_backward(d, x.astype(np.float32), x.astype(np.float32).var(0)).astype(np.float64),
        ),
        "precision",
        (0,),
        "subtle",
        "stats",
        hard=True,
    ),
    SPREAD.wrong("mean held fixed", lambda d, x: (d / np.sqrt(x.var(0) + 1e-5),), "path", (0,), "stats", hard=True),
    ONE_MINUS_COS.wrong(
        "by cancellation",
        chained(lambda x: -np.sin(x) / (1 - np.cos(x)) ** 2),
        "precision",
        (0,),
        "local",
        "subtle",
        "region",
        hard=True,
    ),
)


def masked_softmax(x, hidden):
    scores = np.where(hidden, -np.inf, x)
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


MASKED = Family(
    name="softmax with -inf where masked",
    forward=masked_softmax,
    right=lambda d, x, hidden: (
        (p := masked_softmax(x, hidden)) * (d - (d * p).sum(axis=1, keepdims=True)),
        None,
    ),
    inputs=lambda rng: (np.round(rng.standard_normal((3, 5)), 3), np.eye(3, 5, 1) > 0),
)
MASK_MISTAKES = (
    MASKED.wrong(
        "of all scores",
        lambda d, x, hidden: (low_softmax(x) * (d - (d * low_softmax(x)).sum(1, keepdims=True)), None),
        "mask",
        (0,),
        hard=True,
    ),
    MASKED.wrong(
        "masked ones get the rest",
        lambda d, x, hidden: (np.where(hidden, d, MASKED.right(d, x, hidden)[0]), None),
        "mask",
        (0,),
        "local",
        hard=True,
    ),
    MASKED.wrong(
        "NaN where masked",
        lambda d, x, hidden: (np.where(hidden, np.nan, MASKED.right(d, x, hidden)[0]), None),
        "contract",
        (0,),
        "mask",
        "local",
        hard=True,
    ),
)

# Few entries, and regions that the inputs do not reach.

SMOOTH = elementwise("log(1 + x²)", lambda x: np.log1p(x**2), lambda x: 2 * x / (1 + x**2), normal((5, 6)))
CUBE = elementwise("x³ + x", lambda x: x**3 + x, lambda x: 3 * x**2 + 1, normal((4, 5)))
POSITIVE = elementwise("x² at positive x", lambda x: x**2, lambda x: 2 * x, uniform(0.5, 2, (3, 4)))
PIECES = elementwise(
    "three pieces",
    lambda x: np.where(x < -2, -2 * x - 2, np.where(x < 2, x**2 / 2, 2 * x - 2)),
    lambda x: np.where(x < -2, -2.0, np.where(x < 2, x, 2.0)),
    uniform(-1.5, 1.5, (3, 4)),
)


def but_for(slope, *changes):
    """The slope, but with some entries multiplied."""

    def changed(x):
        out = np.array(slope(x))
        for place, factor in changes:
            out[place] *= factor
        return out

    return chained(changed)


def log_square(x):
    return 2 * x / (1 + x**2)


LOCAL_MISTAKES = (
    SMOOTH.wrong("one entry doubled", but_for(log_square, ((2, 3), 2.0)), "local", (0,)),
    SMOOTH.wrong("last entry zero", but_for(log_square, ((-1, -1), 0.0)), "local", (0,), "index"),
    SMOOTH.wrong(
        "two entries off by 1e-4", but_for(log_square, ((0, 0), 1.0001), ((3, 1), 0.9999)), "local", (0,), "subtle"
    ),
    SMOOTH.wrong("first column minus", but_for(log_square, ((slice(None), 0), -1.0)), "local", (0,), "sign", "index"),
    SMOOTH.wrong("last row missing", but_for(log_square, ((-1,), 0.0)), "local", (0,), "index", "accumulate"),
    SMOOTH.wrong("off by 1e-6", but_for(log_square, (..., 1 + 1e-6)), "subtle", (0,), "scale"),
    SMOOTH.wrong(
        "off by 2e-5 where negative",
        chained(lambda x: log_square(x) * np.where(x < 0, 1 + 2e-5, 1)),
        "subtle",
        (0,),
        "region",
    ),
    CUBE.wrong(
        "linear term missing where x > 0", chained(lambda x: 3 * x**2 + (x <= 0)), "region", (0,), "path", "mask"
    ),
    CUBE.wrong(
        "beyond 5 as linear",
        chained(lambda x: np.where(np.abs(x) > 5, 75.0, 3 * x**2 + 1)),
        "region",
        (0,),
        shown_by="elsewhere",
        elsewhere=lambda x: (10 * x,),
    ),
    CUBE.wrong(
        "beyond 1.2 as linear",
        chained(lambda x: np.where(np.abs(x) > 1.2, 4.32, 3 * x**2 + 1)),
        "region",
        (0,),
        "local",
    ),
    POSITIVE.wrong(
        "absolute value",
        chained(lambda x: 2 * np.abs(x)),
        "region",
        (0,),
        "sign",
        shown_by="elsewhere",
        elsewhere=lambda x: (-x,),
    ),
    POSITIVE.wrong(
        "wrong beyond 10",
        chained(lambda x: np.where(x > 10, 20.0, 2 * x)),
        "region",
        (0,),
        shown_by="elsewhere",
        elsewhere=lambda x: (20 * x,),
    ),
    PIECES.wrong(
        "lower branch with plus",
        chained(lambda x: np.where(x < -2, 2.0, np.where(x < 2, x, 2.0))),
        "region",
        (0,),
        "sign",
        shown_by="elsewhere",
        elsewhere=lambda x: (3 * x,),
    ),
    PIECES.wrong(
        "upper branch missing",
        chained(lambda x: np.where(x < -2, -2.0, x)),
        "region",
        (0,),
        "mask",
        shown_by="elsewhere",
        elsewhere=lambda x: (3 * x,),
    ),
    PIECES.wrong(
        "upper branch of the loss",
        chained(lambda x: np.where(x < -2, -2.0, np.where(x < 2, x, 2 * x - 2))),
        "region",
        (0,),
        shown_by="elsewhere",
        elsewhere=lambda x: (3 * x,),
    ),
)

MISTAKES = (
    *EDGE_MISTAKES,
    *PRECISION_MISTAKES,
    *MASK_MISTAKES,
    *LOCAL_MISTAKES,
)


def slow(x):
    total = 0.0 * x[0]
    for i in range(len(x)):
        for _ in range(40):
            total = total + np.sin(x[i]) / 40
    return total


SLOW = Family(name="slow loops", forward=slow, right=lambda d, x: (d * np.cos(x),), inputs=normal((6,)))
SORTED = Family(
    name="sum of the three largest",
    forward=lambda x: np.sort(x)[-3:].sum(),
    right=lambda d, x: (d * (np.argsort(np.argsort(x, kind="stable"), kind="stable") >= len(x) - 3),),
    inputs=fixed([0.5, 2.0, 0.5, 1.0, 0.5, -1.0]),
)
NORM_EDGE = Family(
    name="norms of rows, one of them 0",
    forward=lambda x: np.sqrt((x * x).sum(axis=1)),
    right=lambda d, x: (d[:, None] * x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-300),),
    inputs=fixed([[0.0, 0.0, 0.0], [1.0, -2.0, 2.0]]),
)
MEDIAN = Family(
    name="median of an even number",
    forward=lambda x: np.median(x),
    right=lambda d, x: (d * 0.5 * np.isin(np.arange(len(x)), np.argsort(x)[len(x) // 2 - 1 : len(x) // 2 + 1]),),
    inputs=normal((6,)),
)
FLAT = elementwise("x⁴ at 0", lambda x: x**4, lambda x: 4 * x**3, fixed([0.0, 0.0, 1e-3, -0.5]))
INVERSE_EXP = elementwise(
    "exp(-1/x²) near 0",
    lambda x: np.exp(-1 / x**2),
    lambda x: 2 * np.exp(-1 / x**2) / x**3,
    fixed([0.05, 0.2, -0.5, 1.0]),
)
STEPPED = elementwise("floor plus x", lambda x: np.floor(x) + x, np.ones_like, fixed([0.25, 1.75, -0.5, 3.999]))

CORRECT = (
    LOG_EDGE.correct("1e-8"),
    SQRT_EDGE.correct("1e-10"),
    POWER_EDGE.correct("1e-8"),
    ARCSIN.correct("1 - 1e-5"),
    RECIPROCAL.correct("1e-4 to 1e5"),
    TINY.correct("at random"),
    HUGE.correct("at random"),
    SMALL_INPUT.correct("at random"),
    LARGE_INPUT.correct("at random"),
    MIXED.correct("squares"),
    WAVES.correct("at random"),
    LOG1P.correct("1e-10"),
    EXPM1.correct("1e-10"),
    STEEP.correct("within its slope"),
    SATURATED.correct("at random"),
    STEPS.correct("between the steps"),
    STEPPED.correct("between the steps"),
    COUNT.correct("zero"),
    CONSTANT.correct("zero"),
    UNUSED.correct("zero"),
    ZERO.correct("zero up to rounding"),
    CANCELLING.correct("at random"),
    SINE_OVER_X.correct("0 at 0"),
    DEEP.correct("at random"),
    SINGLE.correct("at random"),
    SINGLE_MATMUL.correct("at random"),
    HALF.correct("at random"),
    HALF_SIGMOID.correct("at random"),
    HALF_TO_SINGLE.correct("at random"),
    SPREAD.correct("at random"),
    ONE_MINUS_COS.correct("1e-5"),
    LOG_SIGMOID.correct("both sides"),
    MASKED.correct("one score in a row"),
    SLOW.correct("at random"),
    SORTED.correct("ties"),
    NORM_EDGE.correct("0 there"),
    MEDIAN.correct("mean of two"),
    FLAT.correct("identically zero there"),
    INVERSE_EXP.correct("flat"),
    PIECES.correct("in one piece", hard=False),
    PIECES.correct("at both joints", inputs=fixed([-2.0, 2.0, 0.5, -3.0])),
)
