"""Backward passes that return too few, too many or other things than gradients of the inputs' shapes and types."""

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

MISTAKES = (
    *SHAPE_MISTAKES,
    *SAVED_MISTAKES,
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

CORRECT = (
    INTEGER.correct("integers"),
    TALKATIVE.correct("both passes"),
    TOTAL.correct("of nothing", inputs=normal((0,))),
    SAVED.correct("dict", hard=False),
    CHOSEN.correct("integer positions", hard=False),
    AFFINE.correct("batch of one", inputs=normal((1, 4), (4, 2), (2,))),
    AFFINE.correct("batch of none", inputs=normal((0, 4), (4, 2), (2,))),
)
