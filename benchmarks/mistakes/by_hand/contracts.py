"""Backward passes that break what every backward pass promises: shapes, purity, linearity, any layout of memory."""

import numpy as np

from benchmarks.mistakes.by_hand.family import Family, normal

# Shapes, counts, types.

AFFINE = Family(
    name="affine",
    forward=lambda x, w, b: x @ w + b,
    right=lambda d, x, w, b: (d @ w.T, x.T @ d, d.sum(axis=0)),
    inputs=normal((3, 4), (4, 2), (2,)),
)
TOTAL = Family(
    name="sum",
    forward=lambda x: np.asarray(3 * x.sum()),
    right=lambda d, x: (np.full(x.shape, 3.0 * d),),
    inputs=normal((4, 5)),
)
PROJECTION = Family(
    name="projection",
    forward=lambda x, w: (x @ w)[:, 0],
    right=lambda d, x, w: (d[:, None] * w.T, x.T @ d[:, None]),
    inputs=normal((5, 3), (3, 1)),
)
SCORES = Family(
    name="errors of a column",
    forward=lambda p, y: ((p[:, 0] - y) ** 2).sum(),
    right=lambda d, p, y: (2 * d * (p - y[:, None]), -2 * d * (p[:, 0] - y)),
    inputs=normal((6, 1), (6,)),
)
CHOSEN = Family(
    name="chosen entries",
    forward=lambda x, at: x[np.arange(len(at)), at] ** 2,
    right=lambda d, x, at: (np.where(np.arange(x.shape[1]) == at[:, None], 2 * x * d[:, None], 0), None),
    inputs=lambda rng: (np.round(rng.standard_normal((4, 3)), 3), rng.integers(0, 3, 4)),
)


def affine_with(change):
    return lambda d, x, w, b: change(d, x, w, *AFFINE.right(d, x, w, b))


def raises(d, x, w, b):
    if np.ndim(d) < 3:
        raise ValueError("expected a batch of sequences")
    return AFFINE.right(d, x, w, b)


def asserts_ones(d, x):
    assert np.all(d == 1), "the loss is the last node"
    return (np.full(x.shape, 3.0),)


def divides(d, x, w, b):
    with np.errstate(all="ignore"):
        zero = (x - x).sum()
        return d @ w.T, x.T @ d, d.sum(axis=0) * zero / zero


def overflows(d, x, w, b):
    with np.errstate(all="ignore"):
        return d @ w.T, x.T @ d * np.exp(np.float64(800.0)), d.sum(axis=0)


SHAPE_MISTAKES = (
    AFFINE.wrong(
        "b with an axis kept",
        affine_with(lambda d, x, w, dx, dw, db: (dx, dw, db[None])),
        "contract",
        (2,),
        shown_by="shape",
    ),
    AFFINE.wrong(
        "b not summed",
        affine_with(lambda d, x, w, dx, dw, db: (dx, dw, d.copy())),
        "contract",
        (2,),
        "axis",
        shown_by="shape",
    ),
    AFFINE.wrong(
        "w turned",
        affine_with(lambda d, x, w, dx, dw, db: (dx, dw.T, db)),
        "contract",
        (1,),
        "axis",
        shown_by="shape",
    ),
    AFFINE.wrong(
        "w per example",
        affine_with(lambda d, x, w, dx, dw, db: (dx, x[:, :, None] * d[:, None], db)),
        "contract",
        (1,),
        "axis",
        shown_by="shape",
    ),
    AFFINE.wrong(
        "b a number",
        affine_with(lambda d, x, w, dx, dw, db: (dx, dw, d.sum())),
        "contract",
        (2,),
        "axis",
        shown_by="shape",
    ),
    AFFINE.wrong(
        "x flattened",
        affine_with(lambda d, x, w, dx, dw, db: (dx.ravel(), dw, db)),
        "contract",
        (0,),
        shown_by="shape",
    ),
    AFFINE.wrong(
        "b None", affine_with(lambda d, x, w, dx, dw, db: (dx, dw, None)), "contract", (2,), shown_by="None"
    ),
    AFFINE.wrong(
        "one too many",
        affine_with(lambda d, x, w, dx, dw, db: (dx, dw, db, d.copy())),
        "contract",
        None,
        shown_by="count",
    ),
    AFFINE.wrong(
        "one too few", affine_with(lambda d, x, w, dx, dw, db: (dx, dw)), "contract", None, shown_by="count"
    ),
    AFFINE.wrong(
        "single precision",
        affine_with(lambda d, x, w, dx, dw, db: (dx, dw.astype(np.float32), db)),
        "contract",
        (1,),
        "precision",
        shown_by="dtype",
    ),
    AFFINE.wrong(
        "complex", affine_with(lambda d, x, w, dx, dw, db: (dx + 0j, dw, db)), "contract", (0,), shown_by="dtype"
    ),
    AFFINE.wrong("NaN", divides, "contract", (2,), shown_by="not finite"),
    AFFINE.wrong("infinite", overflows, "contract", (1,), shown_by="not finite"),
    AFFINE.wrong("raises", raises, "contract", None, shown_by="raises"),
    TOTAL.wrong("asserts ones", asserts_ones, "contract", None, "cotangent", shown_by="raises"),
    TOTAL.wrong("a number", lambda d, x: (3.0 * d,), "contract", (0,), shown_by="shape"),
    TOTAL.wrong("one row", lambda d, x: (np.full(x.shape[1], 3.0 * d),), "contract", (0,), shown_by="shape"),
    TOTAL.wrong(
        "length of the cotangent",
        lambda d, x: (np.full(x.shape, 3.0) * d / len(d),),
        "contract",
        None,
        shown_by="raises",
    ),
    TOTAL.wrong(
        "first entry of the cotangent",
        lambda d, x: (np.full(x.shape, 3.0) * d[0],),
        "contract",
        None,
        shown_by="raises",
    ),
    PROJECTION.wrong(
        "w without its axis", lambda d, x, w: (d[:, None] * w.T, x.T @ d), "contract", (1,), shown_by="shape"
    ),
    SCORES.wrong(
        "y broadcast",
        lambda d, p, y: (2 * d * (p - y), -2 * d * (p[:, 0] - y)),
        "contract",
        (0,),
        "axis",
        shown_by="shape",
    ),
    SCORES.wrong(
        "y broadcast and averaged",
        lambda d, p, y: (2 * d * (p - y).mean(axis=1, keepdims=True), -2 * d * (p[:, 0] - y)),
        "axis",
        (0,),
        "contract",
        "path",
    ),
    SCORES.wrong(
        "y as a column",
        lambda d, p, y: (2 * d * (p - y[:, None]), -2 * d * (p - y[:, None])),
        "contract",
        (1,),
        shown_by="shape",
    ),
    CHOSEN.wrong(
        "nothing for the integers", lambda d, x, at: (CHOSEN.right(d, x, at)[0],), "contract", None, shown_by="count"
    ),
)


def attention_forward(q, k):
    scores = q @ k.T
    return np.tanh(scores), (q, k, np.tanh(scores))


def attention_backward(d_out, saved):
    q, k, out = saved
    d = d_out * (1 - out**2)
    return {"q": d @ k, "k": d.T @ q}


def attention_with(change):
    return lambda d_out, saved: change(attention_backward(d_out, saved))


def writes_saved(d_out, saved):
    q, k, out = saved
    out *= -out
    out += 1
    d = d_out * out
    return {"q": d @ k, "k": d.T @ q}


def writes_saved_input(d_out, saved):
    q, k, out = saved
    grads = attention_backward(d_out, saved)
    q -= 0.1 * grads["q"]
    return grads


def keeps_transposing(d_out, saved):
    q, k, out = saved
    np.square(out, out=out)
    d = d_out * (1 - out)
    return {"q": d @ k, "k": d.T @ q}


SAVED = Family(
    name="scores, saved",
    forward=attention_forward,
    right=attention_backward,
    inputs=normal((3, 2), (4, 2)),
    saved=True,
)
SAVED_MISTAKES = (
    SAVED.wrong("k missing", attention_with(lambda g: {"q": g["q"]}), "contract", (1,), shown_by="None"),
    SAVED.wrong(
        "k turned",
        attention_with(lambda g: {"q": g["q"], "k": g["k"].T.copy()}),
        "contract",
        (1,),
        "axis",
        shown_by="shape",
    ),
    SAVED.wrong(
        "writes to what was saved", writes_saved, "contract", None, "cache", shown_by="writes to what was saved"
    ),
    SAVED.wrong(
        "squares what was saved", keeps_transposing, "contract", None, "cache", shown_by="writes to what was saved"
    ),
    SAVED.wrong("updates the input", writes_saved_input, "contract", None, "cache", shown_by="writes to the inputs"),
)

# Writing where one must not, and handing out what is not one's own.

GATE = Family(
    name="gated tanh",
    forward=lambda x, g: np.tanh(x) * g,
    right=lambda d, x, g: (d * g * (1 - np.tanh(x) ** 2), d * np.tanh(x)),
    inputs=normal((3, 4), (3, 4)),
)
ADD = Family(
    name="sum of two", forward=np.add, right=lambda d, a, b: (d.copy(), d.copy()), inputs=normal((3, 4), (3, 4))
)
TIMES = Family(
    name="sum of products",
    forward=lambda a, b: (a * b).sum(),
    right=lambda d, a, b: (d * b, d * a),
    inputs=normal((3, 4), (3, 4)),
)


def writes_x(d, x, g):
    np.tanh(x, out=x)
    return d * g * (1 - x**2), d * x


def clips_x(d, x, g):
    grads = GATE.right(d, x, g)
    x[x > 0.5] = 0.5
    return grads


def writes_d(d, x, g):
    t = np.tanh(x)
    dg = d * t
    d *= g
    return d * (1 - t**2), dg


def zeroes_d(d, x, g):
    grads = GATE.right(d, x, g)
    d[...] = 0
    return grads


def returns_scaled_cotangent(d, x, g):
    dg = d * np.tanh(x)
    d *= g * (1 - np.tanh(x) ** 2)
    return d, dg


def updates_g(d, x, g):
    grads = GATE.right(d, x, g)
    g -= 1e-3 * grads[1]
    return grads


def into_buffer():
    buffers = {}

    def backward(d, x, g):
        out = buffers.setdefault(x.shape, (np.empty_like(x), np.empty_like(g)))
        for buffer, gradient in zip(out, GATE.right(d, x, g), strict=True):
            buffer[...] = gradient
        return out

    return backward


def one_buffer():
    buffer = np.zeros((3, 4))

    def backward(d, x, g):
        np.multiply(d, g * (1 - np.tanh(x) ** 2), out=buffer)
        return buffer, d * np.tanh(x)

    return backward


def noisy(d, x, g):
    dx, dg = GATE.right(d, x, g)
    return dx + 1e-4 * np.random.default_rng().standard_normal(x.shape), dg


def alternating():
    calls = [0]

    def backward(d, x, g):
        calls[0] += 1
        dx, dg = GATE.right(d, x, g)
        return (dx, dg) if calls[0] % 2 else (dx, dg[::-1].copy())

    return backward


PURITY_MISTAKES = (
    GATE.wrong("tanh in place", writes_x, "contract", None, shown_by="writes to the inputs"),
    GATE.wrong("input clipped", clips_x, "contract", None, "region", "cache", shown_by="writes to the inputs"),
    GATE.wrong("cotangent multiplied in place", writes_d, "contract", None, shown_by="writes to the cotangent"),
    GATE.wrong("cotangent zeroed", zeroes_d, "contract", None, shown_by="writes to the cotangent"),
    GATE.wrong(
        "cotangent as the result", returns_scaled_cotangent, "contract", None, shown_by="writes to the cotangent"
    ),
    GATE.wrong("updates a parameter", updates_g, "contract", None, shown_by="writes to the inputs"),
    GATE.remembering(
        "results in buffers",
        lambda: (GATE.forward, into_buffer()),
        "contract",
        None,
        "cache",
        shown_by="the first result after a second call",
    ),
    GATE.remembering(
        "one result in a buffer",
        lambda: (GATE.forward, one_buffer()),
        "contract",
        None,
        "cache",
        shown_by="the first result after a second call",
    ),
    GATE.wrong("noise", noisy, "contract", (0,), "subtle", shown_by="a second call"),
    GATE.remembering(
        "every second call reversed",
        lambda: (GATE.forward, alternating()),
        "contract",
        (1,),
        "cache",
        shown_by="a second call",
    ),
    ADD.wrong("the cotangent itself", lambda d, a, b: (d, d.copy()), "contract", None, shown_by="shares memory"),
    ADD.wrong(
        "a view of the cotangent", lambda d, a, b: (d.copy(), d[:]), "contract", None, shown_by="shares memory"
    ),
    ADD.wrong("one array for both", lambda d, a, b: (g := d.copy(), g), "contract", None, shown_by="shares memory"),
    ADD.wrong(
        "views of one array",
        lambda d, a, b: (g := d.copy(), g.reshape(a.shape)),
        "contract",
        None,
        shown_by="shares memory",
    ),
    TIMES.wrong("upstream ignored", lambda d, a, b: (b, a), "cotangent", (0, 1), "contract"),
    TIMES.wrong("upstream ignored in one", lambda d, a, b: (b[:], d * a), "cotangent", (0,), "contract", "scale"),
)

# What is remembered from another call.


def remembering(what="x"):
    memory = {}

    def forward(x, w):
        memory["x"], memory["y"] = x, np.tanh(x @ w)
        return memory["y"].copy()

    def backward(d, x, w):
        y = memory["y"] if what in ("y", "both") else np.tanh(x @ w)
        d_z = d * (1 - y**2)
        return d_z @ w.T, (memory["x"] if what in ("x", "both") else x).T @ d_z

    return forward, backward


def stacked():
    stack = []

    def forward(x, w):
        stack.append(np.tanh(x @ w))
        return stack[-1].copy()

    def backward(d, x, w):
        d_z = d * (1 - stack[-1] ** 2)
        return d_z @ w.T, x.T @ d_z

    return forward, backward


def accumulating():
    total = {}

    def forward(x, w):
        total["w"] = np.zeros_like(w)
        return np.tanh(x @ w)

    def backward(d, x, w):
        d_z = d * (1 - np.tanh(x @ w) ** 2)
        total["w"] = total["w"] + x.T @ d_z
        return d_z @ w.T, total["w"].copy()

    return forward, backward


def dense_right(d, x, w):
    d_z = d * (1 - np.tanh(x @ w) ** 2)
    return d_z @ w.T, x.T @ d_z


def dense_workspace():
    workspace = np.empty((3, 2))

    def forward(x, w):
        np.tanh(x @ w, out=workspace) if not np.iscomplexobj(x @ w) else None
        return np.tanh(x @ w), (x, w, workspace)

    def backward(d, saved):
        x, w, y = saved
        d_z = d * (1 - y**2)
        return d_z @ w.T, x.T @ d_z

    return forward, backward


def dense_saved_right(d, saved):
    x, w, _ = saved
    return dense_right(d, x, w)


def running(d_axis=0):
    state = {"mean": 0.0}

    def forward(x, w):
        state["mean"] = 0.9 * state["mean"] + 0.1 * x.mean(axis=d_axis)
        return (x - x.mean(axis=d_axis)) @ w

    def backward(d, x, w):
        d_x = d @ w.T
        return d_x - d_x.mean(axis=0), (x - state["mean"]).T @ d

    return forward, backward


def centred_right(d, x, w):
    d_x = d @ w.T
    return d_x - d_x.mean(axis=0), (x - x.mean(axis=0)).T @ d


def redrawn():
    def forward(x, w):
        mask = np.random.default_rng(7).random(x.shape) < 0.5
        return (2 * x * mask) @ w

    def backward(d, x, w):
        mask = np.random.default_rng().random(x.shape) < 0.5
        return 2 * (d @ w.T) * mask, (2 * x * mask).T @ d

    return forward, backward


def redrawn_right(d, x, w):
    mask = np.random.default_rng(7).random(x.shape) < 0.5
    return 2 * (d @ w.T) * mask, (2 * x * mask).T @ d


DENSE_INPUTS = normal((3, 4), (4, 2))
DENSE = Family(name="dense", forward=lambda x, w: np.tanh(x @ w), right=dense_right, inputs=DENSE_INPUTS)
DENSE_SAVED = Family(
    name="dense, saved", forward=dense_workspace()[0], right=dense_saved_right, inputs=DENSE_INPUTS, saved=True
)
CENTRED = Family(
    name="centred", forward=lambda x, w: (x - x.mean(axis=0)) @ w, right=centred_right, inputs=normal((5, 3), (3, 2))
)
DROPPED = Family(name="dropout and dense", forward=redrawn()[0], right=redrawn_right, inputs=DENSE_INPUTS)


MEMORY_MISTAKES = (
    DENSE.remembering(
        "the last input", lambda: remembering("x"), "cache", (1,), "contract", shown_by="another forward pass"
    ),
    DENSE.remembering(
        "the last output", lambda: remembering("y"), "cache", (0, 1), "contract", shown_by="another forward pass"
    ),
    DENSE.remembering(
        "the last input and output",
        lambda: remembering("both"),
        "cache",
        (0, 1),
        "contract",
        shown_by="another forward pass",
    ),
    DENSE.remembering("the top of a stack", stacked, "cache", (0, 1), "contract", shown_by="another forward pass"),
    DENSE.remembering(
        "added to the last gradient", accumulating, "cache", (1,), "contract", "accumulate", shown_by="a second call"
    ),
    DENSE_SAVED.remembering(
        "a workspace", dense_workspace, "cache", (0, 1), "contract", shown_by="another forward pass"
    ),
    CENTRED.remembering("running mean", running, "cache", (1,), "stats", "contract", shown_by="another forward pass"),
    DROPPED.remembering("mask drawn again", redrawn, "contract", (0, 1), "mask", "cache", shown_by="a second call"),
)

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
    *SHAPE_MISTAKES,
    *SAVED_MISTAKES,
    *PURITY_MISTAKES,
    *MEMORY_MISTAKES,
    *LAYOUT_MISTAKES,
    *COTANGENT_MISTAKES,
    *TUPLE_MISTAKES,
)


def whole(x, n):
    return x**2 * n


def whole_right(d, x, n):
    return 2 * d * x * n, None


def talkative(x):
    print("forward", x.shape)
    return np.tanh(x)


def talkative_right(d, x):
    print("backward", d.shape)
    return (d * (1 - np.tanh(x) ** 2),)


INTEGER = Family(
    name="integer factors",
    forward=whole,
    right=whole_right,
    inputs=lambda rng: (np.round(rng.standard_normal((3, 2)), 3), rng.integers(-3, 4, (3, 2))),
)
TALKATIVE = Family(name="prints", forward=talkative, right=talkative_right, inputs=normal((2, 3)))
CUBIC = Family(name="cube", forward=CUBE.forward, right=CUBE.right, inputs=normal(()))


def fortran_inputs(rng):
    return tuple(np.asfortranarray(np.round(rng.standard_normal((3, 4)), 3)) for _ in range(2))


def strided_inputs(rng):
    return tuple(np.round(rng.standard_normal((6, 8)), 3)[::2, ::-2] for _ in range(2))


def read_only(rng):
    inputs = normal((3, 4), (3, 4))(rng)
    for one in inputs:
        one.setflags(write=False)
    return inputs


CORRECT = (
    INTEGER.correct("integers"),
    TALKATIVE.correct("both passes"),
    CUBIC.correct("0-d"),
    CUBE.correct("empty", inputs=normal((0, 3))),
    CUBE.correct("one entry", inputs=normal((1, 1))),
    TOTAL.correct("of nothing", inputs=normal((0,))),
    GATE.correct("Fortran order", inputs=fortran_inputs),
    GATE.correct("strided and reversed", inputs=strided_inputs),
    GATE.correct("read-only", inputs=read_only),
    GATE.correct("0-d", inputs=normal((), ())),
    SAVED.correct("dict", hard=False),
    DENSE_SAVED.correct(
        "saved workspace not used", made=lambda: (dense_workspace()[0], dense_saved_right, dense_saved_right)
    ),
    DROPPED.correct("seeded mask"),
    MOMENTS.correct("two outputs", hard=False),
    POLAR.correct("two outputs", hard=False),
    POLAR.correct(
        "near the origin", inputs=lambda rng: (1e-5 * rng.standard_normal(4), 1e-5 * rng.standard_normal(4))
    ),
    CHOSEN.correct("integer positions", hard=False),
    AFFINE.correct("batch of one", inputs=normal((1, 4), (4, 2), (2,))),
    AFFINE.correct("batch of none", inputs=normal((0, 4), (4, 2), (2,))),
)
