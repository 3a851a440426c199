"""Losses, softmax and likelihoods, with their backward passes by hand."""

import numpy as np

from benchmarks.mistakes.by_hand.family import Family, normal, uniform
from benchmarks.mistakes.by_hand.functions import sigmoid, softmax

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

MISTAKES = (
    *LOSS_MISTAKES,
    *SOFTMAX_MISTAKES,
    *LIKELIHOOD_MISTAKES,
)


CORRECT = (
    SOFTMAX.correct("saturated", inputs=normal((4, 5), scale=30.0)),
    LOGSUMEXP.correct(
        "ties of the maximum", inputs=lambda rng: (np.round(rng.standard_normal((3, 1)), 3) + np.zeros((3, 4)),)
    ),
    LOGISTIC.correct("steep", inputs=lambda rng: (*normal((5, 2), scale=25.0)(rng), np.eye(5)[:, :2])),
    BCE.correct(
        "near the edges", inputs=lambda rng: (np.array([1e-6, 1 - 1e-6, 1e-3, 0.5]), np.array([0.0, 1.0, 1.0, 0.25]))
    ),
    GAUSS.correct("deviations from e-6 to e6", inputs=normal((5,), (5,), (5,), scale=3.0)),
    FOCAL.correct("at random", hard=False),
    ENTROPY.correct("nearly certain", inputs=normal((3, 4), scale=6.0)),
)
