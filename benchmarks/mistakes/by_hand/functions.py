"""Functions of entries, with their backward passes by hand."""

import numpy as np

from benchmarks.mistakes.by_hand.family import Family, chained, elementwise, normal, uniform

NORMAL = normal((4, 5))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


SQUARE = elementwise("square", lambda x: x**2, lambda x: 2 * x, NORMAL)
TANH = elementwise("tanh", np.tanh, lambda x: 1 - np.tanh(x) ** 2, NORMAL)
SIGMOID = elementwise("sigmoid", sigmoid, lambda x: sigmoid(x) * (1 - sigmoid(x)), NORMAL)
EXP = elementwise("exp", np.exp, np.exp, NORMAL)
LOG = elementwise("log", np.log, lambda x: 1 / x, uniform(0.1, 3, (6,)))
SQRT = elementwise("sqrt", np.sqrt, lambda x: 0.5 / np.sqrt(x), uniform(0.1, 3, (6,)))
SINE = elementwise("sin of 3x", lambda x: np.sin(3 * x), lambda x: 3 * np.cos(3 * x), NORMAL)
SOFTPLUS = elementwise("softplus", lambda x: np.logaddexp(0, x), sigmoid, NORMAL)
SILU = elementwise("silu", lambda x: x * sigmoid(x), lambda x: sigmoid(x) * (1 + x * (1 - sigmoid(x))), NORMAL)
ELU = elementwise(
    "elu",
    lambda x: np.where(x > 0, x, 0.7 * np.expm1(np.minimum(x, 0))),
    lambda x: np.where(x > 0, 1, 0.7 * np.exp(np.minimum(x, 0))),
    NORMAL,
)
RELU = elementwise("relu", lambda x: np.maximum(x, 0), lambda x: (x > 0) * 1.0, NORMAL)
LEAKY = elementwise("leaky relu", lambda x: np.where(x > 0, x, 0.1 * x), lambda x: np.where(x > 0, 1, 0.1), NORMAL)
ABS = elementwise("abs", np.abs, np.sign, NORMAL)
CLIP = elementwise("clip", lambda x: np.clip(x, -0.5, 1.0), lambda x: ((x > -0.5) & (x < 1.0)) * 1.0, normal((5, 6)))
RELU6 = elementwise(
    "relu6", lambda x: np.minimum(np.maximum(x, 0), 6), lambda x: ((x > 0) & (x < 6)) * 1.0, normal((4, 5), scale=5.0)
)


def gelu_inner(x):
    return np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))


def gelu_slope(x, cubic=0.134145):
    t = gelu_inner(x)
    return 0.5 * (1 + t) + 0.5 * x * (1 - t**2) * np.sqrt(2 / np.pi) * (1 + cubic * x**2)


GELU = elementwise("gelu", lambda x: 0.5 * x * (1 + gelu_inner(x)), gelu_slope, NORMAL)


def mish_slope(x):
    t = np.tanh(np.logaddexp(0, x))
    return t + x * (1 - t**2) * sigmoid(x)


MISH = elementwise("mish", lambda x: x * np.tanh(np.logaddexp(0, x)), mish_slope, NORMAL)


def coarse(slope):
    """The slope in single precision."""
    return lambda x: slope(x.astype(np.float32)).astype(np.float64)


ENTRY_MISTAKES = (
    SQUARE.wrong("2 missing", chained(lambda x: x), "scale", (0,)),
    SQUARE.wrong("of the absolute value", chained(lambda x: 2 * np.abs(x)), "sign", (0,), "region"),
    SQUARE.wrong("upstream squared", lambda d, x: (2 * x * d * d,), "cotangent", (0,)),
    TANH.wrong("square missing", chained(lambda x: 1 - np.tanh(x)), "path", (0,), "scale"),
    TANH.wrong("plus", chained(lambda x: 1 + np.tanh(x) ** 2), "sign", (0,)),
    TANH.wrong("of the output twice", chained(lambda x: 1 - np.tanh(np.tanh(x)) ** 2), "gate", (0,), "cache"),
    TANH.wrong("single precision", chained(coarse(lambda x: 1 - np.tanh(x) ** 2)), "precision", (0,), "subtle"),
    TANH.wrong("0.001 added", chained(lambda x: 1.001 - np.tanh(x) ** 2), "subtle", (0,)),
    SIGMOID.wrong("1 - s missing", chained(sigmoid), "path", (0,), "scale"),
    SIGMOID.wrong("plus for minus", chained(lambda x: sigmoid(x) * (1 + sigmoid(x))), "sign", (0,)),
    SIGMOID.wrong(
        "of the output twice",
        chained(lambda x: sigmoid(sigmoid(x)) * (1 - sigmoid(sigmoid(x)))),
        "gate",
        (0,),
        "cache",
    ),
    SIGMOID.wrong(
        "output rounded to half precision",
        chained(lambda x: (s := sigmoid(x).astype(np.float16).astype(np.float64)) * (1 - s)),
        "precision",
        (0,),
        "subtle",
    ),
    EXP.wrong("single precision", chained(coarse(np.exp)), "precision", (0,), "subtle"),
    EXP.wrong(
        "1 + x + x²/2 where small",
        chained(lambda x: np.where(np.abs(x) < 0.2, 1 + x + x**2 / 2, np.exp(x))),
        "subtle",
        (0,),
        "region",
        "local",
    ),
    LOG.wrong("eps", chained(lambda x: 1 / (x + 1e-4)), "subtle", (0,), "stats"),
    LOG.wrong("base 10", chained(lambda x: 1 / (x * np.log(10))), "scale", (0,)),
    LOG.wrong("single precision", chained(coarse(lambda x: 1 / x)), "precision", (0,), "subtle"),
    SQRT.wrong("2 for a half", chained(lambda x: 2 / np.sqrt(x)), "scale", (0,)),
    SQRT.wrong("reciprocal missing", chained(lambda x: 0.5 * np.sqrt(x)), "gate", (0,), "path", "scale"),
    SQRT.wrong("eps", chained(lambda x: 0.5 / np.sqrt(x + 1e-5)), "subtle", (0,), "stats"),
    SINE.wrong("inner derivative missing", chained(lambda x: np.cos(3 * x)), "scale", (0,)),
    SINE.wrong("minus", chained(lambda x: -3 * np.cos(3 * x)), "sign", (0,)),
    SINE.wrong("inner argument missing", chained(lambda x: 3 * np.cos(x)), "path", (0,), "gate"),
    SILU.wrong("product rule forgotten", chained(lambda x: sigmoid(x) * (1 - sigmoid(x))), "path", (0,)),
    SILU.wrong("first term only", chained(sigmoid), "path", (0,)),
    SILU.wrong("minus", chained(lambda x: sigmoid(x) * (1 - x * (1 - sigmoid(x)))), "sign", (0,)),
    ELU.wrong(
        "alpha missing", chained(lambda x: np.where(x > 0, 1, np.exp(np.minimum(x, 0)))), "scale", (0,), "region"
    ),
    ELU.wrong(
        "output for its derivative",
        chained(lambda x: np.where(x > 0, 1, 0.7 * np.expm1(np.minimum(x, 0)))),
        "region",
        (0,),
        "path",
        "mask",
    ),
    RELU.wrong("not masked", lambda d, x: (d.copy(),), "mask", (0,), "region"),
    RELU.wrong("mask of the gradient", lambda d, x: (d * (d > 0),), "mask", (0,), "cotangent"),
    RELU.wrong("wrong side", chained(lambda x: (x < 0) * 1.0), "mask", (0,)),
    RELU.wrong("threshold 0.5", chained(lambda x: (x > 0.5) * 1.0), "mask", (0,), "region"),
    RELU.wrong("both masks", lambda d, x: (d * (d > 0) * (x > 0),), "cotangent", (0,), "mask"),
    RELU.wrong("x for the mask", lambda d, x: (d * np.maximum(x, 0),), "mask", (0,), "path", "scale", "gate"),
    LEAKY.wrong("leak missing", chained(lambda x: (x > 0) * 1.0), "region", (0,), "mask", "path"),
    LEAKY.wrong("leak of PyTorch", chained(lambda x: np.where(x > 0, 1, 0.01)), "scale", (0,), "region"),
    LEAKY.wrong("leak negative", chained(lambda x: np.where(x > 0, 1, -0.1)), "sign", (0,), "region"),
    ABS.wrong("always plus", lambda d, x: (d.copy(),), "sign", (0,), "region", "mask"),
    ABS.wrong("zero where negative", chained(lambda x: (x > 0) * 1.0), "mask", (0,), "region"),
    CLIP.wrong("not masked", lambda d, x: (d.copy(),), "mask", (0,), "region"),
    CLIP.wrong("gradient clipped", lambda d, x: (np.clip(d, -0.5, 1.0),), "cotangent", (0,), "mask"),
    CLIP.wrong("upper edge forgotten", chained(lambda x: (x > -0.5) * 1.0), "mask", (0,), "region"),
    CLIP.wrong("or for and", chained(lambda x: ((x < -0.5) | (x < 1.0)) * 1.0), "mask", (0,), "region"),
    RELU6.wrong("6 forgotten", chained(lambda x: (x > 0) * 1.0), "mask", (0,), "region"),
    RELU6.wrong(
        "6 forgotten, at small inputs",
        chained(lambda x: (x > 0) * 1.0),
        "region",
        (0,),
        "mask",
        inputs=NORMAL,
        shown_by="elsewhere",
        elsewhere=lambda x: (10 * x,),
    ),
    GELU.wrong(
        "3 missing", chained(lambda x: gelu_slope(x, cubic=0.044715)), "path", (0,), "subtle", "scale", "local"
    ),
    GELU.wrong(
        "of the exact function",
        chained(lambda x: 0.5 * (1 + gelu_inner(x)) + x * np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)),
        "subtle",
        (0,),
    ),
    GELU.wrong("cubic term missing", chained(lambda x: gelu_slope(x, cubic=0.0)), "path", (0,)),
    MISH.wrong(
        "softplus for sigmoid",
        chained(
            lambda x: np.tanh(np.logaddexp(0, x)) + x * (1 - np.tanh(np.logaddexp(0, x)) ** 2) * np.logaddexp(0, x)
        ),
        "gate",
        (0,),
        "path",
    ),
    MISH.wrong(
        "inner derivative missing",
        chained(lambda x: np.tanh(np.logaddexp(0, x)) + x * (1 - np.tanh(np.logaddexp(0, x)) ** 2)),
        "path",
        (0,),
    ),
)

POWER = Family(
    name="power",
    forward=lambda x, p: x**p,
    right=lambda d, x, p: (d * p * x ** (p - 1), (d * x**p * np.log(x)).sum(axis=0)),
    inputs=uniform(0.5, 2.5, (4, 3), (3,)),
)
ARCTAN2 = Family(
    name="arctan2",
    forward=np.arctan2,
    right=lambda d, y, x: (d * x / (x**2 + y**2), -d * y / (x**2 + y**2)),
    inputs=normal((6,), (6,)),
)
POWER_MISTAKES = (
    POWER.wrong(
        "logarithm missing", lambda d, x, p: (POWER.right(d, x, p)[0], (d * x**p).sum(0)), "path", (1,), "scale"
    ),
    POWER.wrong(
        "exponent not reduced",
        lambda d, x, p: (d * p * x**p, POWER.right(d, x, p)[1]),
        "index",
        (0,),
        "path",
        "scale",
    ),
    POWER.wrong(
        "logarithm of 2", lambda d, x, p: (POWER.right(d, x, p)[0], (d * x**p * np.log2(x)).sum(0)), "scale", (1,)
    ),
    ARCTAN2.wrong("minus lost", lambda d, y, x: (d * x / (x**2 + y**2), d * y / (x**2 + y**2)), "sign", (1,)),
    ARCTAN2.wrong("swapped", lambda d, y, x: ARCTAN2.right(d, y, x)[::-1], "gate", (0, 1)),
    ARCTAN2.wrong(
        "root in the denominator",
        lambda d, y, x: (d * x / np.hypot(x, y), -d * y / np.hypot(x, y)),
        "scale",
        (0, 1),
        "path",
        "stats",
    ),
)

MISTAKES = (
    *ENTRY_MISTAKES,
    *POWER_MISTAKES,
)


CORRECT = (
    SOFTPLUS.correct("far out", inputs=normal((4, 5), scale=40.0)),
    MISH.correct("far out", inputs=normal((4, 5), scale=15.0)),
    SILU.correct("at the minimum", inputs=lambda rng: (np.full((2, 3), -1.2784645427610738),)),
)
