"""Layouts of memory, linearity in the cotangent, and several outputs."""

import numpy as np

from benchmarks.mistakes.by_hand.contracts import TOTAL
from benchmarks.mistakes.by_hand.family import Family, normal
from benchmarks.mistakes.by_hand.purity import GATE, TIMES

# Layouts of memory.

CUBE = Family(
    name="cubes",
    forward=lambda x: x**3,
    right=lambda d, x: (3 * d * x**2,),
    inputs=normal((3, 4)),
)


def keeps_order(d, x):
    return ((3 * d.ravel(order="K") * x.ravel(order="K") ** 2).reshape(x.shape),)


def keeps_order_of_d(d, x):
    return ((d.ravel(order="A") * 3 * x.ravel() ** 2).reshape(x.shape),)


def flat_in_place(d, x):
    flat = d.view()
    flat.shape = (-1,)
    return ((3 * flat * x.ravel() ** 2).reshape(x.shape),)


def by_buffer(d, x):
    return ((3 * np.frombuffer(d) * x.ravel() ** 2).reshape(x.shape),)


def by_memoryview(d, x):
    values = np.array(memoryview(d).cast("B").cast("d"))
    return ((3 * values * x.ravel() ** 2).reshape(x.shape),)


def by_bytes(d, x):
    values = np.frombuffer(x.tobytes(order="A"), dtype=x.dtype).reshape(x.shape)
    return (3 * d * values**2,)


def by_strides(d, x):
    rows, columns = x.shape
    window = np.lib.stride_tricks.as_strided(d, (rows, columns), (columns * d.itemsize, d.itemsize))
    return (3 * window * x**2,)


def into_a_copy(d, x):
    dx = np.zeros_like(x)
    dx.reshape(-1)[:] = (3 * d * x**2).reshape(-1)
    return (dx,)


def only_contiguous(d, x):
    if not d.flags.c_contiguous:
        raise ValueError("d must be contiguous")
    return CUBE.right(d, x)


def only_contiguous_input(d, x):
    if not x.flags.c_contiguous:
        raise ValueError("x must be contiguous")
    return CUBE.right(d, x)


LAYOUT_MISTAKES = (
    CUBE.wrong("order of memory", keeps_order, "contract", (0,), shown_by="inputs in Fortran order"),
    CUBE.wrong(
        "order of the cotangent's memory",
        keeps_order_of_d,
        "contract",
        (0,),
        "cotangent",
        shown_by="a cotangent in Fortran order",
    ),
    CUBE.wrong("shape set in place", flat_in_place, "contract", None, shown_by="a strided cotangent"),
    CUBE.wrong("by its buffer", by_buffer, "contract", None, shown_by="a strided cotangent"),
    CUBE.wrong("by a memoryview", by_memoryview, "contract", None, shown_by="a strided cotangent"),
    CUBE.wrong("by the bytes of x", by_bytes, "contract", (0,), shown_by="inputs in Fortran order"),
    CUBE.wrong("by strides", by_strides, "contract", (0,), "cotangent", shown_by="a strided cotangent"),
    CUBE.wrong("into a copy", into_a_copy, "contract", (0,), shown_by="inputs in Fortran order"),
    CUBE.wrong("only contiguous cotangents", only_contiguous, "contract", None, shown_by="a strided cotangent"),
    CUBE.wrong("only contiguous inputs", only_contiguous_input, "contract", None, shown_by="inputs in Fortran order"),
)

# A backward pass is linear in the cotangent.


def seen_as(change):
    return lambda d, x, g: GATE.right(change(d), x, g)


def clipped_norm(d, x, g):
    grads = GATE.right(d, x, g)
    norm = np.sqrt(sum((one**2).sum() for one in grads))
    return tuple(one * min(1.0, 1.0 / max(norm, 1e-12)) for one in grads)


def clipped(limit):
    return lambda d, x, g: tuple(np.clip(one, -limit, limit) for one in GATE.right(d, x, g))


def without_tiny(d, x, g):
    return tuple(np.where(np.abs(one) < 1e-3, 0, one) for one in GATE.right(d, x, g))


COTANGENT_MISTAKES = (
    GATE.wrong("cotangent of ones", seen_as(np.ones_like), "cotangent", (0, 1)),
    GATE.wrong("mean of the cotangent", seen_as(lambda d: np.full_like(d, d.mean())), "cotangent", (0, 1)),
    GATE.wrong("absolute cotangent", seen_as(np.abs), "cotangent", (0, 1), "sign"),
    GATE.wrong("sign of the cotangent", seen_as(np.sign), "cotangent", (0, 1)),
    GATE.wrong("halved where negative", seen_as(lambda d: np.where(d < 0, d / 2, d)), "cotangent", (0, 1)),
    GATE.wrong("nothing where negative", seen_as(lambda d: np.maximum(d, 0)), "cotangent", (0, 1), "mask"),
    GATE.wrong("quantised", seen_as(lambda d: np.round(d * 64) / 64), "cotangent", (0, 1), "precision", "subtle"),
    GATE.wrong("saturated", seen_as(np.tanh), "cotangent", (0, 1)),
    GATE.wrong(
        "correct for small", seen_as(lambda d: np.clip(d, -10, 10)), "cotangent", (0, 1), shown_by="a large cotangent"
    ),
    GATE.wrong("clipped at 100", clipped(100.0), "cotangent", (0, 1), shown_by="a large cotangent"),
    GATE.wrong("clipped at 0.5", clipped(0.5), "cotangent", (0, 1)),
    GATE.wrong("norm clipped", clipped_norm, "cotangent", (0, 1), "scale"),
    GATE.wrong("tiny gradients dropped", without_tiny, "cotangent", (0, 1), "local", shown_by="a small cotangent"),
    GATE.wrong("offset", seen_as(lambda d: d + 1e-3), "cotangent", (0, 1), "subtle", "path"),
    GATE.wrong("normalised", seen_as(lambda d: d / np.abs(d).max(initial=1e-30)), "cotangent", (0, 1), "scale"),
    GATE.wrong(
        "the largest only", seen_as(lambda d: d * (np.abs(d) == np.abs(d).max())), "cotangent", (0, 1), "mask"
    ),
    GATE.wrong(
        "first row for all", seen_as(lambda d: np.broadcast_to(d[:1], d.shape)), "cotangent", (0, 1), "index", "axis"
    ),
    TOTAL.wrong("ignored", lambda d, x: (np.full(x.shape, 3.0),), "cotangent", (0,), "scale"),
    TOTAL.wrong(
        "1 where it is 0",
        lambda d, x: (np.full(x.shape, 3.0) * (d if d != 0 else 1.0),),
        "cotangent",
        (0,),
        shown_by="a cotangent of zeros",
    ),
    TOTAL.wrong("squared", lambda d, x: (np.full(x.shape, 3.0) * d**2,), "cotangent", (0,), "scale"),
    TIMES.wrong("minus where negative", lambda d, a, b: (abs(d) * b, d * a), "cotangent", (0,), "sign"),
    TIMES.wrong(
        "at most 1", lambda d, a, b: (min(d, 1.0) * b, d * a), "cotangent", (0,), shown_by="a positive cotangent"
    ),
)

# Several outputs.


def moments(x):
    return x.mean(axis=0), ((x - x.mean(axis=0)) ** 2).mean(axis=0)


def moments_right(d, x):
    d_mean, d_variance = d
    return (d_mean / len(x) + 2 * d_variance * (x - x.mean(axis=0)) / len(x),)


def polar(x, y):
    return np.hypot(x, y), np.arctan2(y, x)


def polar_with(change):
    def backward(d, x, y):
        return change(*d, x, y, np.hypot(x, y))

    return backward


MOMENTS = Family(name="mean and variance", forward=moments, right=moments_right, inputs=normal((5, 3)))
POLAR = Family(
    name="polar coordinates",
    forward=polar,
    right=polar_with(lambda d, e, x, y, r: (d * x / r - e * y / r**2, d * y / r + e * x / r**2)),
    inputs=normal((5,), (5,)),
)
TUPLE_MISTAKES = (
    MOMENTS.wrong(
        "first output only", lambda d, x: (np.tile(d[0] / len(x), (len(x), 1)),), "path", (0,), "cotangent"
    ),
    MOMENTS.wrong(
        "second output only", lambda d, x: (2 * d[1] * (x - x.mean(0)) / len(x),), "path", (0,), "cotangent"
    ),
    MOMENTS.wrong("outputs swapped", lambda d, x: moments_right(d[::-1], x), "gate", (0,), "cotangent"),
    MOMENTS.wrong(
        "n - 1", lambda d, x: (d[0] / len(x) + 2 * d[1] * (x - x.mean(0)) / (len(x) - 1),), "stats", (0,), "scale"
    ),
    POLAR.wrong(
        "outputs swapped",
        polar_with(lambda d, e, x, y, r: (e * x / r - d * y / r**2, e * y / r + d * x / r**2)),
        "gate",
        (0, 1),
        "cotangent",
    ),
    POLAR.wrong(
        "angle forgotten", polar_with(lambda d, e, x, y, r: (d * x / r, d * y / r)), "path", (0, 1), "cotangent"
    ),
    POLAR.wrong(
        "angle turns back",
        polar_with(lambda d, e, x, y, r: (d * x / r + e * y / r**2, d * y / r - e * x / r**2)),
        "sign",
        (0, 1),
    ),
    POLAR.wrong(
        "angle by the radius",
        polar_with(lambda d, e, x, y, r: (d * x / r - e * y / r, d * y / r + e * x / r)),
        "scale",
        (0, 1),
    ),
)

MISTAKES = (
    *LAYOUT_MISTAKES,
    *COTANGENT_MISTAKES,
    *TUPLE_MISTAKES,
)

CUBIC = Family(name="cube", forward=CUBE.forward, right=CUBE.right, inputs=normal(()))

CORRECT = (
    CUBIC.correct("0-d"),
    CUBE.correct("empty", inputs=normal((0, 3))),
    CUBE.correct("one entry", inputs=normal((1, 1))),
    MOMENTS.correct("two outputs", hard=False),
    POLAR.correct("two outputs", hard=False),
    POLAR.correct(
        "near the origin", inputs=lambda rng: (1e-5 * rng.standard_normal(4), 1e-5 * rng.standard_normal(4))
    ),
)
