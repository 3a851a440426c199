"""Similarities and distances, with their backward passes by hand."""

import numpy as np

from benchmarks.mistakes.by_hand.family import Family, normal


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
MISTAKES = (
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


CORRECT = (
    COSINE.correct(
        "parallel rows", inputs=lambda rng: (a := rng.standard_normal((3, 4)), np.array([[2.0], [-1.0], [0.5]]) * a)
    ),
    NORMALISE.correct(
        "of very different rows", inputs=lambda rng: (rng.standard_normal((3, 4)) * np.array([[1e-6], [1.0], [1e6]]),)
    ),
    SELF_DISTANCES.correct("zeros on the diagonal"),
    TRIPLET.correct("partly within the margin", hard=False),
    CONTRASTIVE.correct("partly within the margin", hard=False),
)
