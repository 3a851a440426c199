"""Backward passes that write where they must not, hand out what is not theirs, or remember another call."""

import numpy as np

from benchmarks.mistakes.by_hand.family import Family, normal

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

MISTAKES = (
    *PURITY_MISTAKES,
    *MEMORY_MISTAKES,
)


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
    GATE.correct("Fortran order", inputs=fortran_inputs),
    GATE.correct("strided and reversed", inputs=strided_inputs),
    GATE.correct("read-only", inputs=read_only),
    GATE.correct("0-d", inputs=normal((), ())),
    DENSE_SAVED.correct(
        "saved workspace not used", made=lambda: (dense_workspace()[0], dense_saved_right, dense_saved_right)
    ),
    DROPPED.correct("seeded mask"),
)
