"""Linear algebra, broadcasting, reductions and indexing, with their backward passes by hand."""

import numpy as np

from benchmarks.mistakes.by_hand.family import Family, normal, uniform

T = np.transpose


# Products of matrices. Square ones hide a transpose from anybody who looks at shapes.

MATMUL = Family(
    name="matmul",
    forward=lambda a, b: a @ b,
    right=lambda d, a, b: (d @ b.T, a.T @ d),
    inputs=normal((4, 4), (4, 4)),
)
MATMUL_MISTAKES = (
    MATMUL.wrong("b not transposed", lambda d, a, b: (d @ b, a.T @ d), "axis", (0,)),
    MATMUL.wrong("a not transposed", lambda d, a, b: (d @ b.T, a @ d), "axis", (1,)),
    MATMUL.wrong("d transposed", lambda d, a, b: (d @ b.T, d.T @ a), "axis", (1,)),
    MATMUL.wrong("factors in the other order", lambda d, a, b: (b.T @ d, a.T @ d), "axis", (0,)),
    MATMUL.wrong("gradients swapped", lambda d, a, b: (a.T @ d, d @ b.T), "gate", (0, 1)),
    MATMUL.wrong("minus", lambda d, a, b: (-d @ b.T, a.T @ d), "sign", (0,), inputs=normal((2, 3), (3, 4))),
)


def linear_forward(x, w, b):
    return x @ w + b, (x, w)


def linear_backward(d_y, saved):
    x, w = saved
    return {"x": d_y @ w.T, "w": np.einsum("bsi,bso->io", x, d_y), "b": d_y.sum(axis=(0, 1))}


def linear_with(**changed):
    def backward(d_y, saved):
        grads = linear_backward(d_y, saved)
        for name, gradient in changed.items():
            grads[name] = gradient(d_y, *saved)
        return grads

    return backward


LINEAR = Family(
    name="linear on sequences",
    forward=linear_forward,
    right=linear_backward,
    inputs=normal((2, 3, 4), (4, 5), (5,)),
    saved=True,
)
LINEAR_MISTAKES = (
    LINEAR.wrong("b averaged", linear_with(b=lambda d, x, w: d.mean(axis=(0, 1))), "scale", (2,)),
    LINEAR.wrong("b averaged over the batch", linear_with(b=lambda d, x, w: d.sum(1).mean(0)), "scale", (2,)),
    LINEAR.wrong("w from the last sequence", linear_with(w=lambda d, x, w: x[-1].T @ d[-1]), "accumulate", (1,)),
    LINEAR.wrong(
        "w from the last step", linear_with(w=lambda d, x, w: x[:, -1].T @ d[:, -1]), "accumulate", (1,), "index"
    ),
    LINEAR.wrong(
        "w without the first step",
        linear_with(w=lambda d, x, w: np.einsum("bsi,bso->io", x[:, 1:], d[:, 1:])),
        "index",
        (1,),
        "path",
        "accumulate",
    ),
    LINEAR.wrong(
        "steps shifted", linear_with(w=lambda d, x, w: np.einsum("bsi,bso->io", np.roll(x, 1, 1), d)), "index", (1,)
    ),
)

SQUARE_BIAS = Family(
    name="bias on a square",
    forward=lambda x, b: x + b,
    right=lambda d, x, b: (d.copy(), d.sum(axis=0)),
    inputs=normal((4, 4), (4,)),
)
SQUARE_SCALE = Family(
    name="scales on a square",
    forward=lambda x, g: x * g[:, None],
    right=lambda d, x, g: (d * g[:, None], (d * x).sum(axis=1)),
    inputs=normal((5, 5), (5,)),
)
BROADCAST_MISTAKES = (
    SQUARE_BIAS.wrong("summed over axis 1", lambda d, x, b: (d.copy(), d.sum(axis=1)), "axis", (1,)),
    SQUARE_BIAS.wrong("the first row", lambda d, x, b: (d.copy(), d[0].copy()), "axis", (1,), "accumulate"),
    SQUARE_BIAS.wrong("one row missing", lambda d, x, b: (d.copy(), d[:-1].sum(0)), "index", (1,), "path"),
    SQUARE_SCALE.wrong("g along the other axis", lambda d, x, g: (d * g, (d * x).sum(1)), "axis", (0,)),
    SQUARE_SCALE.wrong("summed over axis 0", lambda d, x, g: (d * g[:, None], (d * x).sum(0)), "axis", (1,)),
    SQUARE_SCALE.wrong("x left out", lambda d, x, g: (d * g[:, None], d.sum(1)), "path", (1,), "gate", "scale"),
    SQUARE_SCALE.wrong("sums taken apart", lambda d, x, g: (d * g[:, None], d.sum(1) * x.sum(1)), "axis", (1,)),
)

# Reductions.

MEAN = Family(
    name="mean over an axis",
    forward=lambda x: x.mean(axis=1),
    right=lambda d, x: (np.repeat(d[:, None], x.shape[1], axis=1) / x.shape[1],),
    inputs=normal((3, 5)),
)
SUM_SQUARE = Family(
    name="row sums of a square",
    forward=lambda x: x.sum(axis=1),
    right=lambda d, x: (np.repeat(d[:, None], x.shape[1], axis=1),),
    inputs=normal((4, 4)),
)
VARIANCE = Family(
    name="variance",
    forward=lambda x: x.var(axis=0),
    right=lambda d, x: (2 * d * (x - x.mean(axis=0)) / len(x),),
    inputs=normal((6, 3)),
)
STD = Family(
    name="standard deviation",
    forward=lambda x: x.std(axis=0, ddof=1),
    right=lambda d, x: (d * (x - x.mean(axis=0)) / (len(x) - 1) / x.std(axis=0, ddof=1),),
    inputs=normal((6, 3)),
)
LOG_MEAN_SQUARE = Family(
    name="root mean square",
    forward=lambda x: np.sqrt((x**2).mean(axis=-1, keepdims=True) + 1e-2),
    right=lambda d, x: (d * x / x.shape[-1] / np.sqrt((x**2).mean(axis=-1, keepdims=True) + 1e-2),),
    inputs=normal((3, 5)),
)


def spread(what):
    return lambda d, x: (np.broadcast_to(d[:, None], x.shape) * what(x),)


REDUCTION_MISTAKES = (
    MEAN.wrong("not divided", spread(lambda x: 1.0), "scale", (0,)),
    MEAN.wrong("divided by all", spread(lambda x: 1 / x.size), "scale", (0,)),
    MEAN.wrong("divided by the rows", spread(lambda x: 1 / len(x)), "scale", (0,)),
    MEAN.wrong("divided by one too few", spread(lambda x: 1 / (x.shape[1] - 1)), "scale", (0,), "stats"),
    SUM_SQUARE.wrong("spread along axis 0", lambda d, x: (np.tile(d, (len(x), 1)),), "axis", (0,)),
    SUM_SQUARE.wrong("only the diagonal", lambda d, x: (np.diag(d),), "axis", (0,), "path", "mask"),
    VARIANCE.wrong("n - 1", lambda d, x: (2 * d * (x - x.mean(0)) / (len(x) - 1),), "stats", (0,), "scale"),
    VARIANCE.wrong("2 missing", lambda d, x: (d * (x - x.mean(0)) / len(x),), "scale", (0,)),
    VARIANCE.wrong("not centred", lambda d, x: (2 * d * x / len(x),), "path", (0,), "stats"),
    VARIANCE.wrong("mean of everything", lambda d, x: (2 * d * (x - x.mean()) / len(x),), "axis", (0,), "stats"),
    STD.wrong("n", lambda d, x: (d * (x - x.mean(0)) / len(x) / x.std(0, ddof=1),), "stats", (0,), "scale"),
    STD.wrong("n in the root", lambda d, x: (d * (x - x.mean(0)) / (len(x) - 1) / x.std(0),), "stats", (0,), "scale"),
    STD.wrong(
        "divided by the variance",
        lambda d, x: (d * (x - x.mean(0)) / (len(x) - 1) / x.var(0, ddof=1),),
        "stats",
        (0,),
        "scale",
    ),
    LOG_MEAN_SQUARE.wrong(
        "eps left out",
        lambda d, x: (d * x / x.shape[-1] / np.sqrt((x**2).mean(-1, keepdims=True)),),
        "stats",
        (0,),
        "scale",
    ),
    LOG_MEAN_SQUARE.wrong(
        "eps outside the root",
        lambda d, x: (d * x / x.shape[-1] / (np.sqrt((x**2).mean(-1, keepdims=True)) + 1e-2),),
        "stats",
        (0,),
        "scale",
        "subtle",
    ),
)


def product_forward(x):
    return x.prod(axis=1)


def product_backward(d, x):
    dx = np.zeros_like(x)
    for j in range(x.shape[1]):
        dx[:, j] = d * np.delete(x, j, axis=1).prod(axis=1)
    return (dx,)


def product_divides(d, x):
    with np.errstate(divide="ignore", invalid="ignore"):
        return ((d * x.prod(axis=1))[:, None] / x,)


def with_zeros(rng):
    x = np.round(rng.standard_normal((4, 5)), 3)
    x[1, 2] = x[3, 0] = x[3, 3] = 0
    return (x,)


PRODUCT = Family(name="product", forward=product_forward, right=product_backward, inputs=normal((4, 5)))
PRODUCT_MISTAKES = (
    PRODUCT.wrong("divides by zero", product_divides, "contract", (0,), "local", inputs=with_zeros, hard=True),
    PRODUCT.wrong("whole product", lambda d, x: ((d * x.prod(1))[:, None] * np.ones_like(x),), "path", (0,), "index"),
    PRODUCT.wrong(
        "zeros taken as eps",
        lambda d, x: ((d * x.prod(1))[:, None] / np.where(x == 0, 1e-12, x),),
        "local",
        (0,),
        "region",
        inputs=with_zeros,
        hard=True,
    ),
)

# Outer products and forms.

OUTER = Family(
    name="outer product",
    forward=lambda u, v: np.outer(u, v),
    right=lambda d, u, v: (d @ v, u @ d),
    inputs=normal((4,), (4,)),
)
BILINEAR = Family(
    name="bilinear form",
    forward=lambda x, a, y: x @ a @ y,
    right=lambda d, x, a, y: (d * (a @ y), d * np.outer(x, y), d * (a.T @ x)),
    inputs=normal((5,), (5, 5), (5,)),
)
QUADRATIC = Family(
    name="quadratic form",
    forward=lambda x, a: np.einsum("ni,ij,nj->n", x, a, x),
    right=lambda d, x, a: (d[:, None] * (x @ (a + a.T)), (x * d[:, None]).T @ x),
    inputs=normal((3, 4), (4, 4)),
)
TRACE = Family(
    name="trace of a product",
    forward=lambda a, b: np.trace(a @ b),
    right=lambda d, a, b: (d * b.T, d * a.T),
    inputs=normal((3, 3), (3, 3)),
)
KRON = Family(
    name="kron",
    forward=np.kron,
    right=lambda d, a, b: (
        np.einsum("ikjl,kl->ij", d.reshape(a.shape[0], b.shape[0], a.shape[1], b.shape[1]), b),
        np.einsum("ikjl,ij->kl", d.reshape(a.shape[0], b.shape[0], a.shape[1], b.shape[1]), a),
    ),
    inputs=normal((3, 3), (3, 3)),
)
FORM_MISTAKES = (
    OUTER.wrong("d transposed", lambda d, u, v: (d.T @ v, u @ d), "axis", (0,)),
    OUTER.wrong("gradients swapped", lambda d, u, v: (u @ d, d @ v), "gate", (0, 1)),
    OUTER.wrong("sums taken apart", lambda d, u, v: (d.sum(1) * v, u @ d), "axis", (0,), "path"),
    BILINEAR.wrong("a transposed for x", lambda d, x, a, y: (d * y @ a, d * np.outer(x, y), d * x @ a), "axis", (0,)),
    BILINEAR.wrong(
        "outer product turned", lambda d, x, a, y: (d * (a @ y), d * np.outer(y, x), d * x @ a), "axis", (1,)
    ),
    BILINEAR.wrong(
        "x and y swapped", lambda d, x, a, y: (d * x @ a, d * np.outer(x, y), d * (a @ y)), "gate", (0, 2)
    ),
    QUADRATIC.wrong(
        "a taken as symmetric",
        lambda d, x, a: (2 * d[:, None] * (x @ a), (x * d[:, None]).T @ x),
        "axis",
        (0,),
        "path",
    ),
    QUADRATIC.wrong(
        "one of two terms", lambda d, x, a: (d[:, None] * (x @ a.T), (x * d[:, None]).T @ x), "path", (0,)
    ),
    QUADRATIC.wrong(
        "difference of the terms",
        lambda d, x, a: (d[:, None] * (x @ (a - a.T)), (x * d[:, None]).T @ x),
        "sign",
        (0,),
    ),
    TRACE.wrong("b not transposed", lambda d, a, b: (d * b, d * a.T), "axis", (0,)),
    TRACE.wrong("swapped", lambda d, a, b: (d * a.T, d * b.T), "gate", (0, 1)),
    KRON.wrong("roles swapped", lambda d, a, b: KRON.right(d, b, a), "gate", (0, 1), "axis"),
    KRON.wrong(
        "blocks taken as strides",
        lambda d, a, b: (np.einsum("kilj,kl->ij", d.reshape(3, 3, 3, 3), b), KRON.right(d, a, b)[1]),
        "axis",
        (0,),
    ),
)

EINSUM = Family(
    name="einsum bij,bkj->bik",
    forward=lambda q, k: np.einsum("bij,bkj->bik", q, k),
    right=lambda d, q, k: (np.einsum("bik,bkj->bij", d, k), np.einsum("bik,bij->bkj", d, q)),
    inputs=normal((2, 3, 4), (2, 3, 4)),
)
EINSUM_MISTAKES = (
    EINSUM.wrong(
        "i and k swapped",
        lambda d, q, k: (np.einsum("bki,bkj->bij", d, k), np.einsum("bik,bij->bkj", d, q)),
        "axis",
        (0,),
    ),
    EINSUM.wrong(
        "k from the transposed scores",
        lambda d, q, k: (np.einsum("bik,bkj->bij", d, k), np.einsum("bki,bij->bkj", d, q)),
        "axis",
        (1,),
    ),
    EINSUM.wrong(
        "batch summed",
        lambda d, q, k: (np.einsum("bik,ckj->bij", d, k), np.einsum("bik,bij->bkj", d, q)),
        "axis",
        (0,),
    ),
    EINSUM.wrong(
        "scaled by the root of the width",
        lambda d, q, k: (np.einsum("bik,bkj->bij", d, k) / 2, np.einsum("bik,bij->bkj", d, q)),
        "scale",
        (0,),
    ),
)

# Indexing. Rows are taken more than once.


def taken(rng):
    return np.round(rng.standard_normal((5, 3)), 3), np.array([4, 0, 2, 2, 0, 2])


def gather_right(d, x, rows):
    dx = np.zeros_like(x)
    np.add.at(dx, rows, d)
    return dx, None


def gather_sets(d, x, rows):
    dx = np.zeros_like(x)
    dx[rows] = d
    return dx, None


def gather_fancy(d, x, rows):
    dx = np.zeros_like(x)
    dx[rows] += d
    return dx, None


def gather_first(d, x, rows):
    dx = np.zeros_like(x)
    for row, one in zip(rows[::-1], d[::-1], strict=True):
        dx[row] = one
    return dx, None


GATHER = Family(name="gather", forward=lambda x, rows: x[rows], right=gather_right, inputs=taken)
GATHER_MISTAKES = (
    GATHER.wrong("set", gather_sets, "accumulate", (0,)),
    GATHER.wrong("fancy +=", gather_fancy, "accumulate", (0,)),
    GATHER.wrong("first occurrence", gather_first, "accumulate", (0,)),
    GATHER.wrong("one row further", lambda d, x, rows: gather_right(d, x, (rows + 1) % 5), "index", (0,)),
    GATHER.wrong("counts from the end", lambda d, x, rows: gather_right(d, x, -rows), "index", (0,)),
)


def averaged(d, x, rows):
    dx, _ = gather_right(d, x, rows)
    return dx / np.maximum(np.bincount(rows, minlength=len(x)), 1)[:, None], None


def segments_forward(x, groups):
    out = np.zeros((4, x.shape[1]))
    np.add.at(out, groups, x)
    return out / np.maximum(np.bincount(groups, minlength=4), 1)[:, None]


def segments_backward(d, x, groups):
    return (d / np.maximum(np.bincount(groups, minlength=4), 1)[:, None])[groups], None


SEGMENTS = Family(
    name="means of groups",
    forward=segments_forward,
    right=segments_backward,
    inputs=lambda rng: (np.round(rng.standard_normal((7, 3)), 3), np.array([0, 2, 2, 3, 0, 2, 3])),
)
INDEX_MISTAKES = (
    GATHER.wrong("averaged", averaged, "accumulate", (0,), "scale"),
    SEGMENTS.wrong("not divided", lambda d, x, g: (d[g], None), "scale", (0,), "accumulate"),
    SEGMENTS.wrong("divided by all", lambda d, x, g: (d[g] / len(x), None), "scale", (0,)),
    SEGMENTS.wrong(
        "rows reversed",
        lambda d, x, g: (segments_backward(d, x, g)[0][::-1].copy(), None),
        "index",
        (0,),
        "axis",
    ),
)

CUMSUM = Family(
    name="cumsum",
    forward=lambda x: np.cumsum(x, axis=1),
    right=lambda d, x: (np.cumsum(d[:, ::-1], axis=1)[:, ::-1].copy(),),
    inputs=normal((3, 6)),
)
DIFF = Family(
    name="diff",
    forward=lambda x: x[1:] - x[:-1],
    right=lambda d, x: (np.concatenate([-d[:1], d[:-1] - d[1:], d[-1:]]),),
    inputs=normal((7, 2)),
)
ROLL = Family(
    name="roll",
    forward=lambda x: np.roll(x, 2, axis=0) * np.arange(1.0, 6.0)[:, None],
    right=lambda d, x: (np.roll(d * np.arange(1.0, 6.0)[:, None], -2, axis=0),),
    inputs=normal((5, 3)),
)
CONCAT = Family(
    name="concat",
    forward=lambda a, b: np.concatenate([a, b], axis=1),
    right=lambda d, a, b: (d[:, : a.shape[1]].copy(), d[:, a.shape[1] :].copy()),
    inputs=normal((3, 4), (3, 4)),
)
FLATTEN = Family(
    name="transpose and flatten",
    forward=lambda x: x.transpose(0, 2, 1).reshape(x.shape[0], -1),
    right=lambda d, x: (d.reshape(x.shape[0], x.shape[2], x.shape[1]).transpose(0, 2, 1).copy(),),
    inputs=normal((2, 3, 5)),
)
UPPER = Family(
    name="upper triangle",
    forward=np.triu,
    right=lambda d, x: (np.triu(d),),
    inputs=normal((5, 5)),
)
PAD = Family(
    name="padding",
    forward=lambda x: np.pad(x, ((1, 2), (2, 1)))[:, ::-1],
    right=lambda d, x: (d[1:-2, ::-1][:, 2:-1].copy(),),
    inputs=normal((4, 5)),
)


def smooth_forward(x):
    return (x[:-2] + 2 * x[1:-1] + x[2:]) / 4


def smooth_backward(d, x):
    dx = np.zeros_like(x)
    dx[:-2] += d / 4
    dx[1:-1] += d / 2
    dx[2:] += d / 4
    return (dx,)


def smooth_overwrites(d, x):
    dx = np.zeros_like(x)
    dx[:-2] = d / 4
    dx[1:-1] = d / 2
    dx[2:] = d / 4
    return (dx,)


def smooth_ends(d, x):
    dx = np.zeros_like(x)
    dx[1:-1] = d / 2
    dx[2:-1] += d[:-1] / 4
    dx[1:-2] += d[1:] / 4
    return (dx,)


def smooth_shifted(d, x):
    dx = np.zeros_like(x)
    dx[1:-1] += d
    return (dx,)


SMOOTH = Family(name="smoothing", forward=smooth_forward, right=smooth_backward, inputs=normal((9,)))
SLICE_MISTAKES = (
    CUMSUM.wrong("not reversed", lambda d, x: (np.cumsum(d, axis=1),), "axis", (0,), "index"),
    CUMSUM.wrong(
        "without itself",
        lambda d, x: (np.cumsum(d[:, ::-1], axis=1)[:, ::-1] - d,),
        "index",
        (0,),
        "path",
    ),
    CUMSUM.wrong("along the other axis", lambda d, x: (np.cumsum(d[::-1], axis=0)[::-1].copy(),), "axis", (0,)),
    DIFF.wrong("minus", lambda d, x: (np.concatenate([d[:1], d[1:] - d[:-1], -d[-1:]]),), "sign", (0,)),
    DIFF.wrong("second term missing", lambda d, x: (np.concatenate([0 * d[:1], d]),), "path", (0,), "accumulate"),
    DIFF.wrong("ends left out", lambda d, x: (np.pad(d[:-1] - d[1:], ((1, 1), (0, 0))),), "local", (0,), "index"),
    DIFF.wrong("one off", lambda d, x: (np.concatenate([d[:-1] - d[1:], d[-1:], -d[:1]]),), "index", (0,)),
    ROLL.wrong("rolled on", lambda d, x: (np.roll(d * np.arange(1.0, 6.0)[:, None], 2, axis=0),), "index", (0,)),
    ROLL.wrong("weights not rolled", lambda d, x: (np.roll(d, -2, 0) * np.arange(1.0, 6.0)[:, None],), "index", (0,)),
    CONCAT.wrong("halves swapped", lambda d, a, b: (d[:, 4:].copy(), d[:, :4].copy()), "gate", (0, 1)),
    CONCAT.wrong("cut one late", lambda d, a, b: (d[:, 1:5].copy(), d[:, 4:].copy()), "index", (0,)),
    CONCAT.wrong("last columns twice", lambda d, a, b: (d[:, 4:].copy(), d[:, 4:].copy()), "gate", (0,), "index"),
    FLATTEN.wrong("only reshaped", lambda d, x: (d.reshape(x.shape).copy(),), "axis", (0,)),
    UPPER.wrong("not masked", lambda d, x: (d.copy(),), "mask", (0,)),
    UPPER.wrong("lower", lambda d, x: (np.tril(d),), "mask", (0,), "axis"),
    UPPER.wrong("without the diagonal", lambda d, x: (np.triu(d, 1),), "mask", (0,), "index"),
    PAD.wrong("paddings swapped", lambda d, x: (d[2:-1, ::-1][:, 2:-1].copy(),), "index", (0,)),
    PAD.wrong("not flipped", lambda d, x: (d[1:-2, 2:-1].copy(),), "index", (0,), "axis"),
    SMOOTH.wrong("overwritten", smooth_overwrites, "accumulate", (0,)),
    SMOOTH.wrong("ends left out", smooth_ends, "local", (0,), "index", "mask"),
    SMOOTH.wrong("as the identity", smooth_shifted, "path", (0,), "accumulate"),
)

# Inverses and determinants.


def well_conditioned(n, *more):
    def inputs(rng):
        a = np.round(rng.standard_normal((n, n)) + 3 * np.eye(n), 3)
        return (a, *(np.round(rng.standard_normal(shape), 3) for shape in more))

    return inputs


def inverse_right(d, a):
    i = np.linalg.inv(a)
    return (-i.T @ d @ i.T,)


def solve_right(d, a, b):
    x = np.linalg.solve(a, b)
    d_b = np.linalg.solve(a.T, d)
    return -d_b @ x.T, d_b


def solve_with(a_of, b_of):
    def backward(d, a, b):
        x, d_b = np.linalg.solve(a, b), np.linalg.solve(a.T, d)
        return a_of(d, a, x, d_b), b_of(d, a, x, d_b)

    return backward


INVERSE = Family(name="inverse", forward=np.linalg.inv, right=inverse_right, inputs=well_conditioned(4))
LOGDET = Family(
    name="logdet",
    forward=lambda a: np.linalg.slogdet(a)[1],
    right=lambda d, a: (d * np.linalg.inv(a).T,),
    inputs=well_conditioned(4),
)
DET = Family(
    name="determinant",
    forward=np.linalg.det,
    right=lambda d, a: (d[..., None, None] * np.linalg.det(a)[..., None, None] * T(np.linalg.inv(a), (0, 2, 1)),),
    inputs=normal((2, 3, 3)),
)
SOLVE = Family(name="solve", forward=np.linalg.solve, right=solve_right, inputs=well_conditioned(3, (3, 2)))


def positive_definite(rng):
    a = rng.standard_normal((4, 6))
    return (np.round(a @ a.T / 6 + np.eye(4), 3),)


def cholesky_forward(a):
    return np.linalg.cholesky((a + a.T) / 2)


def cholesky_with(weight=0.5, symmetric=True, side=np.tril):
    def backward(d, a):
        factor = cholesky_forward(a)
        phi = side(factor.T @ d)
        phi[np.diag_indices(len(a))] *= weight
        inner = np.linalg.solve(factor.T, np.linalg.solve(factor.T, phi.T).T)
        return ((inner + inner.T) / 2 if symmetric else inner,)

    return backward


CHOLESKY = Family(name="cholesky", forward=cholesky_forward, right=cholesky_with(), inputs=positive_definite)
INVERSE_MISTAKES = (
    INVERSE.wrong("not transposed", lambda d, a: (-np.linalg.inv(a) @ d @ np.linalg.inv(a),), "axis", (0,)),
    INVERSE.wrong("minus missing", lambda d, a: (-inverse_right(d, a)[0],), "sign", (0,)),
    INVERSE.wrong("as of a number", lambda d, a: (-d * np.linalg.inv(a).T ** 2,), "axis", (0,)),
    INVERSE.wrong("d transposed", lambda d, a: inverse_right(d.T, a), "axis", (0,)),
    LOGDET.wrong("not transposed", lambda d, a: (d * np.linalg.inv(a),), "axis", (0,)),
    LOGDET.wrong("times the determinant", lambda d, a: (d * np.linalg.det(a) * np.linalg.inv(a).T,), "scale", (0,)),
    DET.wrong(
        "determinant missing", lambda d, a: (d[:, None, None] * T(np.linalg.inv(a), (0, 2, 1)),), "scale", (0,)
    ),
    DET.wrong(
        "absolute determinant",
        lambda d, a: (np.sign(np.linalg.det(a))[:, None, None] * DET.right(d, a)[0],),
        "sign",
        (0,),
        "region",
        inputs=lambda rng: (np.round(np.diag([1.0, -1.0, 1.0]) + 0.3 * rng.standard_normal((2, 3, 3)), 3),),
    ),
    SOLVE.wrong(
        "a for a.T", solve_with(lambda d, a, x, e: -e @ x.T, lambda d, a, x, e: np.linalg.solve(a, d)), "axis", (1,)
    ),
    SOLVE.wrong("minus missing", solve_with(lambda d, a, x, e: e @ x.T, lambda d, a, x, e: e), "sign", (0,)),
    SOLVE.wrong("turned", solve_with(lambda d, a, x, e: -x @ e.T, lambda d, a, x, e: e), "axis", (0,)),
    SOLVE.wrong(
        "d for its solution", solve_with(lambda d, a, x, e: -d @ x.T, lambda d, a, x, e: e), "path", (0,), "axis"
    ),
    CHOLESKY.wrong("diagonal not halved", cholesky_with(weight=1.0), "scale", (0,), "path"),
    CHOLESKY.wrong("not symmetric", cholesky_with(symmetric=False), "axis", (0,), "path"),
    CHOLESKY.wrong("other triangle", cholesky_with(side=np.triu), "axis", (0,), "mask"),
)

# Norms.

NORM = Family(
    name="norm",
    forward=lambda x: np.sqrt((x * x).sum(axis=1)),
    right=lambda d, x: (d[:, None] * x / np.linalg.norm(x, axis=1, keepdims=True),),
    inputs=normal((4, 3)),
)
CUBIC_NORM = Family(
    name="norm of order 3",
    forward=lambda x: (np.abs(x) ** 3).sum() ** (1 / 3),
    right=lambda d, x: (d * x * np.abs(x) / (np.abs(x) ** 3).sum() ** (2 / 3),),
    inputs=normal((12,)),
)
WEIGHTED = Family(
    name="weighted mean",
    forward=lambda x, w: (w * x).sum() / w.sum(),
    right=lambda d, x, w: (d * w / w.sum(), d * (x - (w * x).sum() / w.sum()) / w.sum()),
    inputs=uniform(0.5, 2.0, (5,), (5,)),
)
NORM_MISTAKES = (
    NORM.wrong("not divided", lambda d, x: (d[:, None] * x,), "scale", (0,), "path"),
    NORM.wrong("times 2", lambda d, x: (2 * NORM.right(d, x)[0],), "scale", (0,)),
    NORM.wrong("of everything", lambda d, x: (d[:, None] * x / np.linalg.norm(x),), "axis", (0,), "scale"),
    CUBIC_NORM.wrong(
        "square for x|x|", lambda d, x: (d * x**2 / (np.abs(x) ** 3).sum() ** (2 / 3),), "sign", (0,), "region"
    ),
    CUBIC_NORM.wrong("times 3", lambda d, x: (3 * CUBIC_NORM.right(d, x)[0],), "scale", (0,)),
    WEIGHTED.wrong("w not normalised", lambda d, x, w: (d * w, WEIGHTED.right(d, x, w)[1]), "scale", (0,)),
    WEIGHTED.wrong("sum of weights held fixed", lambda d, x, w: (d * w / w.sum(), d * x / w.sum()), "path", (1,)),
    WEIGHTED.wrong(
        "sum of weights with plus",
        lambda d, x, w: (d * w / w.sum(), d * (x + (w * x).sum() / w.sum()) / w.sum()),
        "sign",
        (1,),
    ),
)

MISTAKES = (
    *MATMUL_MISTAKES,
    *LINEAR_MISTAKES,
    *BROADCAST_MISTAKES,
    *REDUCTION_MISTAKES,
    *PRODUCT_MISTAKES,
    *FORM_MISTAKES,
    *EINSUM_MISTAKES,
    *GATHER_MISTAKES,
    *INDEX_MISTAKES,
    *SLICE_MISTAKES,
    *INVERSE_MISTAKES,
    *NORM_MISTAKES,
)


def ill_conditioned(rng):
    q, _ = np.linalg.qr(rng.standard_normal((4, 4)))
    p, _ = np.linalg.qr(rng.standard_normal((4, 4)))
    return q @ np.diag([1e4, 1.0, 1e-2, 1e-4]) @ p, np.round(rng.standard_normal((4, 2)), 3)


def graded(rng):
    a = rng.standard_normal((4, 4)) + 3 * np.eye(4)
    return np.diag([1e4, 1.0, 1e-2, 1e-4]) @ a, np.round(rng.standard_normal((4, 2)), 3)


def mixed_scales(rng):
    a = np.round(rng.standard_normal((3, 4)), 3) * np.array([1e-8, 1.0, 1e6, 1e3])
    return a, np.round(rng.standard_normal((4, 2)), 3) / np.array([1e-8, 1.0, 1e6, 1e3])[:, None]


CORRECT = (
    SOLVE.correct("condition 1e8", inputs=ill_conditioned),
    SOLVE.correct("rows from 1e-4 to 1e4", inputs=graded),
    MATMUL.correct("scales from 1e-8 to 1e6", inputs=mixed_scales),
    MATMUL.correct("empty", inputs=normal((0, 4), (4, 3))),
    MATMUL.correct("empty sum", inputs=normal((3, 0), (0, 2))),
    MATMUL.correct("single entries", inputs=normal((1, 1), (1, 1))),
    PRODUCT.correct("with zeros", inputs=with_zeros),
    VARIANCE.correct("tiny", inputs=lambda rng: (np.round(1 + 1e-5 * rng.standard_normal((6, 3)), 9),)),
    VARIANCE.correct("all equal", inputs=lambda rng: (np.full((4, 2), 0.375),)),
    GATHER.correct("repeated rows"),
    SEGMENTS.correct("a group without members"),
    NORM.correct("of tiny rows", inputs=lambda rng: (1e-6 * rng.standard_normal((4, 3)),)),
    CHOLESKY.correct("positive definite", hard=False),
    KRON.correct("of other sizes", inputs=normal((2, 3), (4, 2)), hard=False),
    DET.correct("batch", hard=False),
    LINEAR.correct("at random", hard=False),
    CUMSUM.correct("at random", hard=False),
)
