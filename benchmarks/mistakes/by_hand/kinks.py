"""Kinks and ties: right passes there, of which there may be several, and wrong ones."""

import numpy as np

from benchmarks.mistakes.by_hand.family import Family, chained, elementwise, normal
from benchmarks.mistakes.by_hand.losses import HINGE, HUBER, PINBALL, hinge_with, residual


def fixed(*arrays):
    """Inputs that are not drawn."""
    return lambda rng: tuple(np.array(one) for one in arrays)


# Kinks: whatever lies between the slopes on both sides is right.

KINKS = fixed([[-1.5, 0.0, 0.75], [0.0, 2.0, -0.25]])


def kinked(name, function, slope, inputs=KINKS):
    return elementwise(name, function, slope, inputs)


RELU_0 = kinked("relu at 0", lambda x: np.maximum(x, 0), lambda x: (x > 0) * 1.0)
RELU_1 = kinked("relu at 0, slope 1 there", lambda x: np.maximum(x, 0), lambda x: (x >= 0) * 1.0)
RELU_HALF = kinked("relu at 0, slope a half there", lambda x: np.maximum(x, 0), lambda x: np.heaviside(x, 0.5))
ABS_0 = kinked("abs at 0", np.abs, np.sign)
LEAKY_0 = kinked("leaky relu at 0", lambda x: np.where(x > 0, x, 0.1 * x), lambda x: np.where(x > 0, 1, 0.1))
CLIP_EDGE = kinked(
    "clip at its edges",
    lambda x: np.clip(x, -1, 1),
    lambda x: ((x >= -1) & (x <= 1)) * 1.0,
    fixed([-1.0, -2.0, 0.3, 1.0, 4.0, -0.999]),
)
CLIP_EDGE_OUT = kinked(
    "clip at its edges, slope 0 there",
    lambda x: np.clip(x, -1, 1),
    lambda x: ((x > -1) & (x < 1)) * 1.0,
    fixed([-1.0, -2.0, 0.3, 1.0, 4.0, -0.999]),
)
SHRINK = kinked(
    "soft threshold at its edges",
    lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0),
    lambda x: (np.abs(x) > 0.5) * 1.0,
    fixed([-0.5, 0.5, 0.0, 1.25, -3.0, 0.25]),
)
HARD_SWISH = kinked(
    "hard swish at its edges",
    lambda x: x * np.clip(x + 3, 0, 6) / 6,
    lambda x: np.clip(x + 3, 0, 6) / 6 + ((x > -3) & (x < 3)) * x / 6,
    fixed([-3.0, 3.0, 0.0, -1.5, 5.0, -7.0]),
)
SQUARED_RELU = kinked("squared relu at 0", lambda x: np.maximum(x, 0) ** 2, lambda x: 2 * np.maximum(x, 0))
SIGN_ROOT = kinked(
    "x|x| at 0", lambda x: x * np.abs(x), lambda x: 2 * np.abs(x), fixed([0.0, -1e-9, 1e-9, 2.0, -0.5])
)
HINGE_MET = fixed([[1.0, 2.0, 0.25], [0.5, -0.75, 1.5], [3.0, 2.5, 2.0]], [1, 2, 0])
HUBER_CORNER = fixed([1.0, -1.0, 0.25, 3.0, 0.0], [0.0, 0.0, 0.0, 1.0, 0.0])

KINK_MISTAKES = (
    RELU_0.wrong(
        "slope 2",
        chained(lambda x: np.where(x == 0, 2.0, (x > 0) * 1.0)),
        "local",
        (0,),
        "ties",
        "region",
        "mask",
        hard=True,
    ),
    RELU_0.wrong(
        "slope -1",
        chained(lambda x: np.where(x == 0, -1.0, (x > 0) * 1.0)),
        "local",
        (0,),
        "ties",
        "region",
        "sign",
        "mask",
        hard=True,
    ),
    RELU_0.wrong("not masked", lambda d, x: (d.copy(),), "mask", (0,), "region", hard=True),
    RELU_0.wrong(
        "NaN", chained(lambda x: np.where(x == 0, np.nan, (x > 0) * 1.0)), "contract", (0,), "local", hard=True
    ),
    ABS_0.wrong("NaN", lambda d, x: (quiet(lambda: d * x / np.abs(x)),), "contract", (0,), "local", hard=True),
    ABS_0.wrong("minus", chained(lambda x: -np.sign(x)), "sign", (0,), hard=True),
    LEAKY_0.wrong(
        "nothing at 0",
        chained(lambda x: np.where(x > 0, 1, np.where(x == 0, 0, 0.1))),
        "local",
        (0,),
        "ties",
        "region",
        "mask",
        hard=True,
    ),
    CLIP_EDGE.wrong(
        "nothing below 0", chained(lambda x: ((x >= 0) & (x <= 1)) * 1.0), "mask", (0,), "region", "local", hard=True
    ),
    CLIP_EDGE.wrong("not masked", lambda d, x: (d.copy(),), "mask", (0,), "region", hard=True),
    SHRINK.wrong(
        "threshold as for relu", chained(lambda x: (x > 0.5) * 1.0), "mask", (0,), "region", "local", hard=True
    ),
    HARD_SWISH.wrong(
        "product rule forgotten", chained(lambda x: np.clip(x + 3, 0, 6) / 6), "path", (0,), "region", hard=True
    ),
    SQUARED_RELU.wrong("1 for 2x", chained(lambda x: (x > 0) * 1.0), "path", (0,), "scale", hard=True),
    HINGE.wrong(
        "own class left out, margins met", hinge_with(own=False), "path", (0,), "local", inputs=HINGE_MET, hard=True
    ),
    HUBER.wrong(
        "never linear, at its corners",
        residual(lambda r: r),
        "region",
        (0, 1),
        "local",
        "mask",
        inputs=HUBER_CORNER,
        hard=True,
    ),
    PINBALL.wrong(
        "levels swapped, at its kink",
        residual(lambda r: np.where(r > 0, 0.2, -0.8)),
        "gate",
        (0, 1),
        "scale",
        inputs=fixed([1.0, 2.0, 0.0], [1.0, 1.0, 0.5]),
        hard=True,
    ),
)


def quiet(compute):
    with np.errstate(all="ignore"):
        return compute()


# Ties of a maximum.


def tied(rng):
    x = np.round(rng.uniform(-1, 1, (4, 5)), 3)
    x[0, 1] = x[0, 3] = 2.0
    x[2] = 0.5
    x[3, 4] = 1.5
    return (x,)


def first_of_ties(d, x):
    dx = np.zeros_like(x)
    dx[np.arange(len(x)), x.argmax(axis=1)] = d
    return (dx,)


def shared_by_ties(d, x):
    hit = x == x.max(axis=1, keepdims=True)
    return (d[:, None] * hit / hit.sum(axis=1, keepdims=True),)


def last_of_ties(d, x):
    return (first_of_ties(d, x[:, ::-1])[0][:, ::-1].copy(),)


def all_of_ties(d, x):
    return (d[:, None] * (x == x.max(axis=1, keepdims=True)),)


def none_of_ties(d, x):
    hit = x == x.max(axis=1, keepdims=True)
    return (d[:, None] * hit * (hit.sum(axis=1, keepdims=True) == 1),)


def second_largest(d, x):
    dx = np.zeros_like(x)
    dx[np.arange(len(x)), np.argsort(x, axis=1)[:, -2]] = d
    return (dx,)


def minimum_for_maximum(d, x):
    return first_of_ties(d, -x)


def max_family(name, right):
    return Family(name=name, forward=lambda x: x.max(axis=1), right=right, inputs=tied)


MAX_FIRST = max_family("max with ties", first_of_ties)
MAX_SHARED = max_family("max with ties, shared", shared_by_ties)
MAX_LAST = max_family("max with ties, last", last_of_ties)


def pairwise_right(d, a, b):
    return d * (a >= b), d * (a < b)


def near_ties(rng):
    a = np.round(rng.standard_normal((3, 4)), 3)
    b = np.round(rng.standard_normal((3, 4)), 3)
    a[0, 1] = b[0, 1]
    a[2] = b[2]
    return a, b


MAX_OF_TWO = Family(name="maximum of two, ties", forward=np.maximum, right=pairwise_right, inputs=near_ties)
MAX_OF_TWO_HALF = Family(
    name="maximum of two, ties shared",
    forward=np.maximum,
    right=lambda d, a, b: (d * np.heaviside(a - b, 0.5), d * np.heaviside(b - a, 0.5)),
    inputs=near_ties,
)


def pool_forward(x):
    n, h, w = x.shape
    return x.reshape(n, h // 2, 2, w // 2, 2).max(axis=(2, 4))


def pool_with(weigh):
    def backward(d, x):
        n, h, w = x.shape
        windows = x.reshape(n, h // 2, 2, w // 2, 2)
        hit = windows == windows.max(axis=(2, 4), keepdims=True)
        return ((weigh(hit) * d[:, :, None, :, None]).reshape(x.shape),)

    return backward


def first_hit(hit):
    n, h, _, w, _ = hit.shape
    flat = hit.transpose(0, 1, 3, 2, 4).reshape(n, h, w, 4)
    first = flat & (np.cumsum(flat, axis=3) == 1)
    return first.reshape(n, h, w, 2, 2).transpose(0, 1, 3, 2, 4)


POOL = Family(
    name="max pooling of small integers",
    forward=pool_forward,
    right=pool_with(first_hit),
    inputs=lambda rng: (rng.integers(0, 3, (2, 4, 6)).astype(float),),
)
POOL_SHARED = Family(
    name="max pooling of small integers, shared",
    forward=pool_forward,
    right=pool_with(lambda hit: hit / hit.sum(axis=(2, 4), keepdims=True)),
    inputs=POOL.inputs,
)
# At a tie of two inputs each gradient alone may be right, and only both together wrong.
TIE_MISTAKES = (
    MAX_FIRST.wrong("all of them", all_of_ties, "ties", (0,), "scale", "local", "mask", hard=True),
    MAX_FIRST.wrong("none of them", none_of_ties, "ties", (0,), "local", "mask", hard=True),
    MAX_FIRST.wrong(
        "second largest", second_largest, "index", (0,), "mask", "gate", hard=True, inputs=normal((4, 5))
    ),
    MAX_FIRST.wrong("minimum", minimum_for_maximum, "mask", (0,), "gate", "sign", "index", hard=True),
    MAX_FIRST.wrong("shared twice", lambda d, x: (2 * shared_by_ties(d, x)[0],), "scale", (0,), hard=True),
    MAX_OF_TWO.wrong(
        "both of a tie",
        lambda d, a, b: (d * (a >= b), d * (b >= a)),
        "ties",
        None,
        "local",
        "region",
        "mask",
        hard=True,
    ),
    MAX_OF_TWO.wrong(
        "neither of a tie",
        lambda d, a, b: (d * (a > b), d * (b > a)),
        "ties",
        None,
        "local",
        "region",
        "mask",
        hard=True,
    ),
    MAX_OF_TWO.wrong("swapped", lambda d, a, b: pairwise_right(d, a, b)[::-1], "gate", (0, 1), "mask", hard=True),
    POOL.wrong("all of a tie", pool_with(lambda hit: hit), "ties", (0,), "local", "mask", hard=True),
    POOL.wrong(
        "none of a tie",
        pool_with(lambda hit: hit & (hit.sum((2, 4), keepdims=True) == 1)),
        "ties",
        (0,),
        "local",
        "mask",
        hard=True,
    ),
    POOL.wrong("averaged", pool_with(lambda hit: np.full(hit.shape, 0.25)), "mask", (0,), "path", "scale", hard=True),
)

MISTAKES = (*KINK_MISTAKES, *TIE_MISTAKES)

CORRECT = (
    RELU_0.correct("slope 0"),
    RELU_1.correct("slope 1"),
    RELU_HALF.correct("slope a half"),
    ABS_0.correct("slope 0"),
    LEAKY_0.correct("lower slope"),
    CLIP_EDGE.correct("slope 1"),
    CLIP_EDGE_OUT.correct("slope 0"),
    SHRINK.correct("slope 0"),
    HARD_SWISH.correct("lower slope"),
    SQUARED_RELU.correct("smooth there"),
    SIGN_ROOT.correct("smooth there"),
    HINGE.correct("margins exactly met", inputs=HINGE_MET),
    HUBER.correct("at its corners", inputs=HUBER_CORNER),
    PINBALL.correct("at its kink", inputs=fixed([1.0, 2.0, 0.0], [1.0, 1.0, 0.5])),
    MAX_FIRST.correct("to the first"),
    MAX_SHARED.correct("equally"),
    MAX_LAST.correct("to the last"),
    MAX_OF_TWO.correct("to the first"),
    MAX_OF_TWO_HALF.correct("equally"),
    POOL.correct("to the first"),
    POOL_SHARED.correct("equally"),
)
