"""Functions of entries, losses, similarities and distances, with their backward passes by hand."""

import numpy as np

from benchmarks.mistakes.by_hand.family import Family, chained, elementwise, normal, uniform

NORMAL = normal((4, 5))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


# Functions of entries.

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

# Losses.

PAIR = normal((7,), (7,))


def of_residual(loss, slope, mean=True):
    def forward(p, y):
        return loss(p - y).mean() if mean else loss(p - y).sum()

    def backward(d, p, y):
        g = d * slope(p - y) / (p.size if mean else 1)
        return g, -g

    return forward, backward


def residual_family(name, loss, slope, inputs=PAIR):
    forward, right = of_residual(loss, slope)
    return Family(name=name, forward=forward, right=right, inputs=inputs)


MSE = residual_family("mean squared error", lambda r: r**2, lambda r: 2 * r)
HUBER = residual_family(
    "huber",
    lambda r: np.where(np.abs(r) <= 1, r**2 / 2, np.abs(r) - 0.5),
    lambda r: np.where(np.abs(r) <= 1, r, np.sign(r)),
    normal((9,), (9,), scale=1.2),
)
PINBALL = residual_family(
    "pinball", lambda r: np.where(r > 0, 0.8 * r, -0.2 * r), lambda r: np.where(r > 0, 0.8, -0.2), normal((9,), (9,))
)
LOG_COSH = residual_family("log cosh", lambda r: np.log(np.cosh(r)), np.tanh)


def residual(slope, *, mean=True):
    return of_residual(np.abs, slope, mean)[1]


LOSS_MISTAKES = (
    MSE.wrong("2 missing", residual(lambda r: r), "scale", (0, 1)),
    MSE.wrong("sum", residual(lambda r: 2 * r, mean=False), "scale", (0, 1)),
    MSE.wrong("minus", residual(lambda r: -2 * r), "sign", (0, 1)),
    MSE.wrong(
        "targets with the same sign", lambda d, p, y: (MSE.right(d, p, y)[0], -MSE.right(d, p, y)[1]), "sign", (1,)
    ),
    MSE.wrong("targets constant", lambda d, p, y: (MSE.right(d, p, y)[0], np.zeros_like(y)), "path", (1,)),
    MSE.wrong("predictions for residuals", lambda d, p, y: (2 * d * p / p.size, MSE.right(d, p, y)[1]), "path", (0,)),
    HUBER.wrong("never linear", residual(lambda r: r), "region", (0, 1), "mask"),
    HUBER.wrong("sides swapped", residual(lambda r: np.where(np.abs(r) > 1, r, np.sign(r))), "mask", (0, 1), "gate"),
    HUBER.wrong("sign lost", residual(lambda r: np.where(np.abs(r) <= 1, r, 1.0)), "sign", (0, 1), "region"),
    HUBER.wrong(
        "absolute value forgotten", residual(lambda r: np.where(r <= 1, r, np.sign(r))), "region", (0, 1), "mask"
    ),
    PINBALL.wrong("levels swapped", residual(lambda r: np.where(r > 0, 0.2, -0.8)), "gate", (0, 1), "scale"),
    PINBALL.wrong("sign below", residual(lambda r: np.where(r > 0, 0.8, 0.2)), "sign", (0, 1), "region"),
    PINBALL.wrong("sides swapped", residual(lambda r: np.where(r < 0, 0.8, -0.2)), "mask", (0, 1), "gate"),
    LOG_COSH.wrong("sign for tanh", residual(np.sign), "path", (0, 1)),
    LOG_COSH.wrong(
        "cubic series",
        residual(lambda r: np.where(np.abs(r) < 0.3, r - r**3 / 3, np.tanh(r))),
        "subtle",
        (0, 1),
        "region",
        "local",
    ),
)


def labels(rng):
    return np.round(rng.standard_normal((6, 4)), 3), rng.integers(0, 4, 6)


def cross_entropy(z, y):
    m = z.max(axis=1)
    return (m + np.log(np.exp(z - m[:, None]).sum(axis=1)) - z[np.arange(len(y)), y]).mean()


def cross_entropy_with(change):
    def backward(d, z, y):
        p = softmax(z)
        one_hot = np.eye(z.shape[1])[y]
        return change(d, p, one_hot, len(y)), None

    return backward


CROSS_ENTROPY = Family(
    name="softmax cross-entropy",
    forward=cross_entropy,
    right=cross_entropy_with(lambda d, p, t, n: d * (p - t) / n),
    inputs=labels,
)


def hinge_loss(z, y):
    m = z - z[np.arange(len(y)), y][:, None] + 1
    m[np.arange(len(y)), y] = 0
    return np.maximum(m, 0).sum() / len(y)


def hinge_with(*, own=True, mask=True, mean=True, counted=True, threshold=0.0):
    def backward(d, z, y):
        rows = np.arange(len(y))
        m = z - z[rows, y][:, None] + 1
        m[rows, y] = 0
        g = (m > threshold) * 1.0 if mask else np.maximum(m, 0)
        if own:
            g[rows, y] = -g.sum(axis=1) if counted else -1.0
        return d * g / (len(y) if mean else 1), None

    return backward


HINGE = Family(name="multiclass hinge", forward=hinge_loss, right=hinge_with(), inputs=labels)
SOFTMAX = Family(
    name="softmax",
    forward=softmax,
    right=lambda d, x: ((p := softmax(x)) * (d - (d * p).sum(axis=1, keepdims=True)),),
    inputs=normal((4, 4)),
)
LOG_SOFTMAX = Family(
    name="log-softmax",
    forward=lambda x: x - x.max(1, keepdims=True) - np.log(np.exp(x - x.max(1, keepdims=True)).sum(1, keepdims=True)),
    right=lambda d, x: (d - softmax(x) * d.sum(axis=1, keepdims=True),),
    inputs=normal((3, 5)),
)


def logsumexp(x):
    m = x.max(axis=1)
    return m + np.log(np.exp(x - m[:, None]).sum(axis=1))


LOGSUMEXP = Family(
    name="log-sum-exp", forward=logsumexp, right=lambda d, x: (d[:, None] * softmax(x),), inputs=normal((3, 4))
)
ENTROPY = Family(
    name="entropy of a softmax",
    forward=lambda z: -(softmax(z) * np.log(softmax(z))).sum(axis=1),
    right=lambda d, z: (-d[:, None] * (p := softmax(z)) * (np.log(p) - (p * np.log(p)).sum(axis=1, keepdims=True)),),
    inputs=normal((3, 4)),
)


def plus_maximum(d, x):
    dx = LOGSUMEXP.right(d, x)[0]
    dx[np.arange(len(x)), x.argmax(1)] += d
    return (dx,)


SOFTMAX_MISTAKES = (
    CROSS_ENTROPY.wrong("sum", cross_entropy_with(lambda d, p, t, n: d * (p - t)), "scale", (0,)),
    CROSS_ENTROPY.wrong("minus", cross_entropy_with(lambda d, p, t, n: d * (t - p) / n), "sign", (0,)),
    CROSS_ENTROPY.wrong(
        "labels not subtracted", cross_entropy_with(lambda d, p, t, n: d * p / n), "path", (0,), "local"
    ),
    CROSS_ENTROPY.wrong("probabilities forgotten", cross_entropy_with(lambda d, p, t, n: -d * t / n), "path", (0,)),
    CROSS_ENTROPY.wrong(
        "next label", cross_entropy_with(lambda d, p, t, n: d * (p - np.roll(t, 1, 1)) / n), "index", (0,)
    ),
    CROSS_ENTROPY.wrong(
        "divided by the classes", cross_entropy_with(lambda d, p, t, n: d * (p - t) / p.shape[1]), "scale", (0,)
    ),
    CROSS_ENTROPY.wrong(
        "divided before the labels",
        cross_entropy_with(lambda d, p, t, n: d * (p / n - t)),
        "scale",
        (0,),
        "path",
        "local",
    ),
    CROSS_ENTROPY.wrong(
        "upstream ignored", cross_entropy_with(lambda d, p, t, n: (p - t) / n), "cotangent", (0,), "scale"
    ),
    CROSS_ENTROPY.wrong(
        "labels smoothed",
        cross_entropy_with(lambda d, p, t, n: d * (p - 0.999 * t) / n),
        "subtle",
        (0,),
        "local",
        "path",
    ),
    HINGE.wrong("own class left out", hinge_with(own=False), "path", (0,), "local"),
    HINGE.wrong("own class not counted", hinge_with(counted=False), "path", (0,), "accumulate", "local"),
    HINGE.wrong("sum", hinge_with(mean=False), "scale", (0,)),
    HINGE.wrong("margins for ones", hinge_with(mask=False), "mask", (0,), "path", "scale", "gate"),
    HINGE.wrong("margin not subtracted from the mask", hinge_with(threshold=1.0), "mask", (0,), "region"),
    SOFTMAX.wrong("only the diagonal", lambda d, x: (d * softmax(x) * (1 - softmax(x)),), "path", (0,), "axis"),
    SOFTMAX.wrong("sum missing", lambda d, x: (d * softmax(x),), "path", (0,)),
    SOFTMAX.wrong("summed over the batch", lambda d, x: (softmax(x) * (d - (d * softmax(x)).sum(0)),), "axis", (0,)),
    SOFTMAX.wrong("sum of everything", lambda d, x: (softmax(x) * (d - (d * softmax(x)).sum()),), "axis", (0,)),
    SOFTMAX.wrong("plus", lambda d, x: (softmax(x) * (d + (d * softmax(x)).sum(1, keepdims=True)),), "sign", (0,)),
    SOFTMAX.wrong(
        "mean for sum",
        lambda d, x: (softmax(x) * (d - (d * softmax(x)).mean(1, keepdims=True)),),
        "scale",
        (0,),
        "path",
    ),
    LOG_SOFTMAX.wrong("upstream not summed", lambda d, x: (d - softmax(x) * d,), "axis", (0,), "path"),
    LOG_SOFTMAX.wrong(
        "for upstream of one entry",
        lambda d, x: (d - softmax(x) * d.max(1, keepdims=True),),
        "cotangent",
        (0,),
        "axis",
        "path",
    ),
    LOG_SOFTMAX.wrong(
        "softmax's", lambda d, x: (softmax(x) * (d - (d * softmax(x)).sum(1, keepdims=True)),), "path", (0,), "scale"
    ),
    LOGSUMEXP.wrong(
        "hard maximum", lambda d, x: (d[:, None] * (x == x.max(1, keepdims=True)),), "path", (0,), "mask"
    ),
    LOGSUMEXP.wrong("maximum counted twice", plus_maximum, "path", (0,), "local"),
    LOGSUMEXP.wrong(
        "not normalised", lambda d, x: (d[:, None] * np.exp(x - x.max(1, keepdims=True)),), "scale", (0,)
    ),
    ENTROPY.wrong("of the probabilities", lambda d, z: (-d[:, None] * (np.log(softmax(z)) + 1),), "path", (0,)),
    ENTROPY.wrong("minus", lambda d, z: (-ENTROPY.right(d, z)[0],), "sign", (0,)),
    ENTROPY.wrong(
        "without the softmax's sum", lambda d, z: (-d[:, None] * softmax(z) * (np.log(softmax(z)) + 1),), "path", (0,)
    ),
)

# Logistic loss from logits, with weights.

LOGISTIC = Family(
    name="logistic loss",
    forward=lambda z, t: (np.logaddexp(0, z) - t * z).mean(),
    right=lambda d, z, t: (d * (sigmoid(z) - t) / z.size, -d * z / z.size),
    inputs=lambda rng: (np.round(rng.standard_normal((5, 2)), 3), np.round(rng.uniform(0, 1, (5, 2)), 3)),
)
BCE = Family(
    name="binary cross-entropy",
    forward=lambda p, t: -(t * np.log(p) + (1 - t) * np.log(1 - p)).sum(),
    right=lambda d, p, t: (d * (p - t) / (p * (1 - p)), d * np.log((1 - p) / p)),
    inputs=uniform(0.1, 0.9, (6,), (6,)),
)
KL = Family(
    name="kl divergence",
    forward=lambda p, q: (p * (np.log(p) - np.log(q))).sum(axis=1),
    right=lambda d, p, q: (d[:, None] * (np.log(p / q) + 1), -d[:, None] * p / q),
    inputs=uniform(0.1, 0.9, (3, 4), (3, 4)),
)
GAUSS = Family(
    name="gaussian likelihood",
    forward=lambda y, m, s: (0.5 * ((y - m) / np.exp(s)) ** 2 + s).sum(),
    right=lambda d, y, m, s: (
        d * (y - m) / np.exp(2 * s),
        -d * (y - m) / np.exp(2 * s),
        d * (1 - ((y - m) / np.exp(s)) ** 2),
    ),
    inputs=normal((5,), (5,), (5,)),
)
POISSON = Family(
    name="poisson likelihood",
    forward=lambda z, k: (np.exp(z) - k * z).mean(),
    right=lambda d, z, k: (d * (np.exp(z) - k) / z.size, None),
    inputs=lambda rng: (np.round(rng.standard_normal(6), 3), rng.integers(0, 5, 6)),
)


FOCAL = Family(
    name="focal loss",
    forward=lambda z: -(((1 - sigmoid(z)) ** 2) * np.log(sigmoid(z))).sum(),
    right=lambda d, z: (d * (1 - (p := sigmoid(z))) ** 2 * (2 * p * np.log(p) - (1 - p)),),
    inputs=normal((7,)),
)
DICE = Family(
    name="dice loss",
    forward=lambda p, t: 1 - (2 * (p * t).sum() + 1) / (p.sum() + t.sum() + 1),
    right=lambda d, p, t: (
        -d * (2 * t * (s := p.sum() + t.sum() + 1) - (n := 2 * (p * t).sum() + 1)) / s**2,
        -d * (2 * p * s - n) / s**2,
    ),
    inputs=uniform(0.1, 0.9, (3, 4), (3, 4)),
)
LIKELIHOOD_MISTAKES = (
    LOGISTIC.wrong("minus", lambda d, z, t: (d * (t - sigmoid(z)) / z.size, -d * z / z.size), "sign", (0,)),
    LOGISTIC.wrong("rows only", lambda d, z, t: (d * (sigmoid(z) - t) / len(z), -d * z / z.size), "scale", (0,)),
    LOGISTIC.wrong(
        "logits for probabilities", lambda d, z, t: (d * (z - t) / z.size, -d * z / z.size), "path", (0,), "gate"
    ),
    LOGISTIC.wrong("targets plus", lambda d, z, t: (d * (sigmoid(z) - t) / z.size, d * z / z.size), "sign", (1,)),
    BCE.wrong(
        "second term minus", lambda d, p, t: (-d * (t / p + (1 - t) / (1 - p)), BCE.right(d, p, t)[1]), "sign", (0,)
    ),
    BCE.wrong("denominator missing", lambda d, p, t: (d * (p - t), BCE.right(d, p, t)[1]), "path", (0,), "scale"),
    BCE.wrong(
        "eps", lambda d, p, t: (d * (p - t) / (p * (1 - p) + 1e-6), BCE.right(d, p, t)[1]), "subtle", (0,), "stats"
    ),
    BCE.wrong("negatives left out", lambda d, p, t: (-d * t / p, BCE.right(d, p, t)[1]), "path", (0,)),
    KL.wrong(
        "p held fixed in the logarithm",
        lambda d, p, q: (d[:, None] * np.log(p / q), -d[:, None] * p / q),
        "path",
        (0,),
    ),
    KL.wrong("minus lost", lambda d, p, q: (d[:, None] * (np.log(p / q) + 1), d[:, None] * p / q), "sign", (1,)),
    KL.wrong(
        "other direction", lambda d, p, q: (-d[:, None] * q / p, d[:, None] * (np.log(q / p) + 1)), "gate", (0, 1)
    ),
    GAUSS.wrong(
        "variance for deviation",
        lambda d, y, m, s: (*GAUSS.right(d, y, m, s)[:2], d * (1 - (y - m) ** 2 / np.exp(s))),
        "stats",
        (2,),
        "path",
        "scale",
    ),
    GAUSS.wrong(
        "minus lost", lambda d, y, m, s: (g := GAUSS.right(d, y, m, s)) and (g[0], -g[1], g[2]), "sign", (1,)
    ),
    GAUSS.wrong(
        "normaliser forgotten",
        lambda d, y, m, s: (*GAUSS.right(d, y, m, s)[:2], -d * ((y - m) / np.exp(s)) ** 2),
        "path",
        (2,),
    ),
    POISSON.wrong("exp forgotten", lambda d, z, k: (d * (z - k) / z.size, None), "path", (0,)),
    POISSON.wrong("sum", lambda d, z, k: (d * (np.exp(z) - k), None), "scale", (0,)),
    FOCAL.wrong("weight held fixed", lambda d, z: (-d * (1 - sigmoid(z)) ** 3,), "path", (0,)),
    FOCAL.wrong(
        "weight's term minus",
        lambda d, z: (d * (1 - sigmoid(z)) ** 2 * (-2 * sigmoid(z) * np.log(sigmoid(z)) - (1 - sigmoid(z))),),
        "sign",
        (0,),
    ),
    DICE.wrong(
        "denominator held fixed",
        lambda d, p, t: (-2 * d * t / (p.sum() + t.sum() + 1), DICE.right(d, p, t)[1]),
        "path",
        (0,),
    ),
    DICE.wrong("roles swapped", lambda d, p, t: DICE.right(d, p, t)[::-1], "gate", (0, 1)),
)

# Similarities and distances.


def cosine_parts(a, b):
    return np.linalg.norm(a, axis=1, keepdims=True), np.linalg.norm(b, axis=1, keepdims=True)


def cosine(a, b):
    m, n = cosine_parts(a, b)
    return (a * b).sum(axis=1) / (m * n)[:, 0]


def cosine_right(d, a, b):
    m, n = cosine_parts(a, b)
    c = cosine(a, b)[:, None]
    return d[:, None] * (b / (m * n) - c * a / m**2), d[:, None] * (a / (m * n) - c * b / n**2)


def cosine_with(change):
    def backward(d, a, b):
        m, n = cosine_parts(a, b)
        return d[:, None] * change(a, b, m, n, cosine(a, b)[:, None]), cosine_right(d, a, b)[1]

    return backward


COSINE = Family(name="cosine similarity", forward=cosine, right=cosine_right, inputs=normal((3, 4), (3, 4)))


def normalise(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def normalise_with(change):
    def backward(d, x):
        n = np.linalg.norm(x, axis=1, keepdims=True)
        return (change(d, x / n, n),)

    return backward


NORMALISE = Family(
    name="normalise",
    forward=normalise,
    right=normalise_with(lambda d, y, n: (d - y * (d * y).sum(axis=1, keepdims=True)) / n),
    inputs=normal((4, 4)),
)


def squared_distances(a, b):
    return ((a[:, None] - b[None]) ** 2).sum(axis=2)


def squared_distances_right(d, a, b):
    difference = a[:, None] - b[None]
    return 2 * np.einsum("ij,ijk->ik", d, difference), -2 * np.einsum("ij,ijk->jk", d, difference)


DISTANCES = Family(
    name="squared distances", forward=squared_distances, right=squared_distances_right, inputs=normal((4, 3), (4, 3))
)
SELF_DISTANCES = Family(
    name="squared distances of one set",
    forward=lambda x: squared_distances(x, x),
    right=lambda d, x: (2 * np.einsum("ij,ijk->ik", d + d.T, x[:, None] - x[None]),),
    inputs=normal((5, 2)),
)
RBF = Family(
    name="gaussian kernel",
    forward=lambda a, b, g: np.exp(-g * squared_distances(a, b)),
    right=lambda d, a, b, g: (
        *squared_distances_right(-g * (dk := d * np.exp(-g * squared_distances(a, b))), a, b),
        np.asarray(-(dk * squared_distances(a, b)).sum()),
    ),
    inputs=lambda rng: (*normal((3, 2), (4, 2))(rng), np.array(0.7)),
)


def rbf_with(change):
    def backward(d, a, b, g):
        r = squared_distances(a, b)
        return change(d, a, b, g, r, np.exp(-g * r))

    return backward


def rbf_no_gamma(d, a, b, g, r, k):
    return *squared_distances_right(-d * k, a, b), np.asarray(-(d * k * r).sum())


def rbf_kernel_missing(d, a, b, g, r, k):
    return *squared_distances_right(-g * d, a, b), np.asarray(-(d * k * r).sum())


def rbf_minus(d, a, b, g, r, k):
    return *squared_distances_right(-g * d * k, a, b), np.asarray((d * k * r).sum())


def triplet(a, p, n):
    return np.maximum(((a - p) ** 2).sum(1) - ((a - n) ** 2).sum(1) + 1.0, 0).mean()


def triplet_with(change=None, *, masked=True, mean=True):
    def backward(d, a, p, n):
        loss = ((a - p) ** 2).sum(1) - ((a - n) ** 2).sum(1) + 1.0
        w = d * (loss > 0 if masked else np.ones(len(a)))[:, None] / (len(a) if mean else 1)
        grads = [2 * w * (n - p), -2 * w * (a - p), 2 * w * (a - n)]
        if change:
            change(grads, w, a, p, n)
        return tuple(grads)

    return backward


def triplet_anchor(grads, w, a, p, n):
    grads[0] = 2 * w * (a - p)


def triplet_negative(grads, w, a, p, n):
    grads[2] = -grads[2]


def triplet_order(grads, w, a, p, n):
    grads[1], grads[2] = grads[2], grads[1]


TRIPLET = Family(name="triplet loss", forward=triplet, right=triplet_with(), inputs=normal((6, 3), (6, 3), (6, 3)))


def contrastive(a, b, same):
    r = np.sqrt(((a - b) ** 2).sum(1))
    return (same * r**2 + (1 - same) * np.maximum(1.5 - r, 0) ** 2).mean()


def contrastive_with(*, masked=True, squared=True, sign=-1.0):
    def backward(d, a, b, same):
        r = np.sqrt(((a - b) ** 2).sum(1))
        room = np.maximum(1.5 - r, 0) if masked else 1.5 - r
        slope = 2 * same * r + sign * 2 * (1 - same) * (room if squared else (r < 1.5))
        g = (d * slope / r / len(a))[:, None] * (a - b)
        return g, -g, None

    return backward


CONTRASTIVE = Family(
    name="contrastive loss",
    forward=contrastive,
    right=contrastive_with(),
    inputs=lambda rng: (*normal((8, 2), (8, 2))(rng), np.array([0, 1, 0, 0, 1, 1, 0, 0])),
)
DISTANCE_MISTAKES = (
    COSINE.wrong("norm held fixed", cosine_with(lambda a, b, m, n, c: b / (m * n)), "path", (0,)),
    COSINE.wrong("plus", cosine_with(lambda a, b, m, n, c: b / (m * n) + c * a / m**2), "sign", (0,)),
    COSINE.wrong(
        "divided by the norm once",
        cosine_with(lambda a, b, m, n, c: b / (m * n) - c * a / m),
        "scale",
        (0,),
        "path",
        "stats",
    ),
    COSINE.wrong("a and b swapped", lambda d, a, b: cosine_right(d, a, b)[::-1], "gate", (0, 1)),
    NORMALISE.wrong("norm held fixed", normalise_with(lambda d, y, n: d / n), "path", (0,)),
    NORMALISE.wrong(
        "not divided", normalise_with(lambda d, y, n: d - y * (d * y).sum(1, keepdims=True)), "scale", (0,)
    ),
    NORMALISE.wrong(
        "summed over the batch", normalise_with(lambda d, y, n: (d - y * (d * y).sum(0)) / n), "axis", (0,)
    ),
    NORMALISE.wrong(
        "plus", normalise_with(lambda d, y, n: (d + y * (d * y).sum(1, keepdims=True)) / n), "sign", (0,)
    ),
    NORMALISE.wrong(
        "eps",
        normalise_with(lambda d, y, n: (d - y * (d * y).sum(1, keepdims=True)) / (n + 1e-5)),
        "subtle",
        (0,),
        "stats",
    ),
    DISTANCES.wrong(
        "2 missing",
        lambda d, a, b: (squared_distances_right(d, a, b)[0] / 2, squared_distances_right(d, a, b)[1]),
        "scale",
        (0,),
    ),
    DISTANCES.wrong(
        "b with plus",
        lambda d, a, b: (squared_distances_right(d, a, b)[0], -squared_distances_right(d, a, b)[1]),
        "sign",
        (1,),
    ),
    DISTANCES.wrong(
        "d transposed",
        lambda d, a, b: (squared_distances_right(d.T, a, b)[0], squared_distances_right(d, a, b)[1]),
        "axis",
        (0,),
    ),
    DISTANCES.wrong(
        "b itself forgotten", lambda d, a, b: (2 * (a * d.sum(1)[:, None] - d @ b), -2 * d.T @ a), "path", (1,)
    ),
    SELF_DISTANCES.wrong(
        "only rows", lambda d, x: (2 * np.einsum("ij,ijk->ik", d, x[:, None] - x[None]),), "path", (0,)
    ),
    SELF_DISTANCES.wrong(
        "d taken as symmetric",
        lambda d, x: (4 * np.einsum("ij,ijk->ik", d, x[:, None] - x[None]),),
        "cotangent",
        (0,),
        "axis",
        "path",
    ),
    RBF.wrong("gamma missing", rbf_with(rbf_no_gamma), "scale", (0, 1)),
    RBF.wrong("kernel missing", rbf_with(rbf_kernel_missing), "path", (0, 1), "scale"),
    RBF.wrong("gamma with plus", rbf_with(rbf_minus), "sign", (2,)),
    TRIPLET.wrong("not masked", triplet_with(masked=False), "mask", (0, 1, 2), "region"),
    TRIPLET.wrong("sum", triplet_with(mean=False), "scale", (0, 1, 2)),
    TRIPLET.wrong("negative forgotten in the anchor", triplet_with(triplet_anchor), "path", (0,)),
    TRIPLET.wrong("negative with minus", triplet_with(triplet_negative), "sign", (2,)),
    TRIPLET.wrong("positive and negative swapped", triplet_with(triplet_order), "gate", (1, 2)),
    CONTRASTIVE.wrong("margin not masked", contrastive_with(masked=False), "mask", (0, 1), "region"),
    CONTRASTIVE.wrong("margin not squared", contrastive_with(squared=False), "path", (0, 1), "region", "scale"),
    CONTRASTIVE.wrong("margin attracts", contrastive_with(sign=1.0), "sign", (0, 1), "region"),
)

MISTAKES = (
    *ENTRY_MISTAKES,
    *POWER_MISTAKES,
    *LOSS_MISTAKES,
    *SOFTMAX_MISTAKES,
    *LIKELIHOOD_MISTAKES,
    *DISTANCE_MISTAKES,
)


CORRECT = (
    SOFTMAX.correct("saturated", inputs=normal((4, 5), scale=30.0)),
    LOGSUMEXP.correct(
        "ties of the maximum", inputs=lambda rng: (np.round(rng.standard_normal((3, 1)), 3) + np.zeros((3, 4)),)
    ),
    SOFTPLUS.correct("far out", inputs=normal((4, 5), scale=40.0)),
    LOGISTIC.correct("steep", inputs=lambda rng: (*normal((5, 2), scale=25.0)(rng), np.eye(5)[:, :2])),
    BCE.correct(
        "near the edges", inputs=lambda rng: (np.array([1e-6, 1 - 1e-6, 1e-3, 0.5]), np.array([0.0, 1.0, 1.0, 0.25]))
    ),
    COSINE.correct(
        "parallel rows", inputs=lambda rng: (a := rng.standard_normal((3, 4)), np.array([[2.0], [-1.0], [0.5]]) * a)
    ),
    NORMALISE.correct(
        "of very different rows", inputs=lambda rng: (rng.standard_normal((3, 4)) * np.array([[1e-6], [1.0], [1e6]]),)
    ),
    SELF_DISTANCES.correct("zeros on the diagonal"),
    GAUSS.correct("deviations from e-6 to e6", inputs=normal((5,), (5,), (5,), scale=3.0)),
    TRIPLET.correct("partly within the margin", hard=False),
    CONTRASTIVE.correct("partly within the margin", hard=False),
    FOCAL.correct("at random", hard=False),
    ENTROPY.correct("nearly certain", inputs=normal((3, 4), scale=6.0)),
    MISH.correct("far out", inputs=normal((4, 5), scale=15.0)),
    SILU.correct("at the minimum", inputs=lambda rng: (np.full((2, 3), -1.2784645427610738),)),
)
