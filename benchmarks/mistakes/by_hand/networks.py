"""Dense layers, convolution, pooling, normalisation, dropout and skip-gram, with their backward passes by hand."""

import numpy as np

from benchmarks.mistakes.by_hand.family import Family, normal, switched
from benchmarks.mistakes.by_hand.functions import sigmoid, softmax

# Every backward pass takes switches; with none of them it is right.

# Two layers and a softmax loss.


def classifier_forward(x, y, w1, b1, w2, b2):
    h = np.maximum(x @ w1 + b1, 0)
    p = softmax(h @ w2 + b2)
    loss = -np.log(p[np.arange(len(y)), y]).mean() + 0.05 * ((w1**2).sum() + (w2**2).sum())
    return loss, {"x": x, "y": y, "w1": w1, "w2": w2, "h": h, "p": p}


def classifier_backward(
    d, cache, *, mean=True, penalty=(0.1, 0.1), mask=True, transposed=True, once=False, labels=True, relu_of="h"
):
    x, y, h, p, w2 = (cache[name] for name in ("x", "y", "h", "p", "w2"))
    scores = p.copy()
    if labels:
        scores[np.arange(len(y)), y] -= 1
    scores *= d / (len(y) if mean else 1)
    hidden = scores @ (w2.T if transposed else w2)
    if mask:
        hidden = hidden * (h > 0) if relu_of == "h" else hidden * (hidden > 0)
    upstream = 1.0 if once else d
    return {
        "x": hidden @ cache["w1"].T,
        "w1": x.T @ hidden + upstream * penalty[0] * cache["w1"],
        "b1": hidden.sum(axis=0),
        "w2": h.T @ scores + upstream * penalty[1] * w2,
        "b2": scores.sum(axis=0),
    }


def classifier_inputs(rng):
    x, w1, b1, w2, b2 = normal((5, 3), (3, 4), (4,), (4, 4), (4,))(rng)
    return x, rng.integers(0, 4, 5), w1, b1, w2, b2


def classifier_swapped(d, cache):
    grads = classifier_backward(d, cache)
    return {**grads, "b1": grads["b2"], "b2": grads["b1"]}


CLASSIFIER = Family(
    name="two layers",
    forward=classifier_forward,
    right=classifier_backward,
    inputs=classifier_inputs,
    saved=True,
)


def classifier(what, kind, culprits, *or_kind, **switches):
    return CLASSIFIER.wrong(what, switched(classifier_backward, **switches), kind, culprits, *or_kind)


CLASSIFIER_MISTAKES = (
    classifier("mean forgotten", "scale", (0, 2, 3, 4, 5), mean=False),
    classifier("penalty forgotten", "path", (2, 4), penalty=(0.0, 0.0)),
    classifier("penalty of the first layer halved", "scale", (2,), "path", penalty=(0.05, 0.1)),
    classifier("penalty with minus", "sign", (4,), "path", penalty=(0.1, -0.1)),
    classifier("relu not masked", "mask", (0, 2, 3), mask=False),
    classifier("relu by the gradient", "mask", (0, 2, 3), "cotangent", relu_of="d"),
    classifier("w2 not transposed", "axis", (0, 2, 3), transposed=False),
    classifier("penalty without upstream", "cotangent", (2, 4), "path", once=True),
    classifier("labels not subtracted", "path", (0, 2, 3, 4, 5), labels=False),
    CLASSIFIER.wrong("biases swapped", classifier_swapped, "gate", (3, 5)),
)

# Convolution with stride and padding, and pooling.


def conv_forward(x, w, b):
    stride, pad = 2, 1
    n, c, height, width = x.shape
    f, _, kh, kw = w.shape
    padded = np.zeros((n, c, height + 2 * pad, width + 2 * pad), dtype=np.result_type(x, w))
    padded[:, :, pad:-pad, pad:-pad] = x
    rows, columns = (height + 2 * pad - kh) // stride + 1, (width + 2 * pad - kw) // stride + 1
    out = np.zeros((n, f, rows, columns), dtype=np.result_type(padded, b))
    for i in range(rows):
        for j in range(columns):
            window = padded[:, :, i * stride : i * stride + kh, j * stride : j * stride + kw]
            out[:, :, i, j] = np.tensordot(window, w, axes=([1, 2, 3], [1, 2, 3])) + b
    return out, (x, w, b, padded, stride, pad)


def conv_backward(
    d,
    saved,
    *,
    overwrite=False,
    crop=None,
    flip=False,
    step=None,
    last=False,
    swap=False,
    bias=(0, 2, 3),
    border=False,
):
    x, w, b, padded, stride, pad = saved
    kh, kw = w.shape[2:]
    d_padded, dw = np.zeros_like(padded), np.zeros_like(w)
    kernel = w[:, :, ::-1, ::-1] if flip else w
    kernel = kernel.swapaxes(2, 3) if swap else kernel
    stride = step or stride
    for i in range(d.shape[2] - border):
        for j in range(d.shape[3] - border):
            place = (slice(None), slice(None), slice(i * stride, i * stride + kh), slice(j * stride, j * stride + kw))
            patch = np.tensordot(d[:, :, i, j], kernel, axes=(1, 0))
            if overwrite:
                d_padded[place] = patch
            else:
                d_padded[place] += patch
            update = np.tensordot(d[:, :, i, j], padded[place], axes=(0, 0))
            dw = update if last else dw + update
    crop = pad if crop is None else crop
    dx = d_padded[:, :, crop : crop + x.shape[2], crop : crop + x.shape[3]].copy()
    db = d.sum(axis=bias)
    return {"x": dx, "w": dw, "b": db if bias == (0, 2, 3) else db.sum(axis=0) / d.shape[0]}


CONV = Family(
    name="convolution",
    forward=conv_forward,
    right=conv_backward,
    inputs=normal((2, 2, 5, 5), (3, 2, 3, 3), (3,)),
    saved=True,
)


def conv(what, kind, culprits, *or_kind, **switches):
    return CONV.wrong(what, switched(conv_backward, **switches), kind, culprits, *or_kind)


CONV_MISTAKES = (
    conv("overlaps overwritten", "accumulate", (0,), "index", overwrite=True),
    conv("padding not cut", "index", (0,), crop=0),
    conv("cut one too far", "index", (0,), crop=2),
    conv("kernel flipped", "index", (0,), "axis", flip=True),
    conv("kernel turned", "axis", (0,), "index", swap=True),
    conv("stride of 1", "index", (0, 1), step=1),
    conv("last window only", "accumulate", (1,), last=True),
    conv("last row and column of windows left out", "index", (0, 1), "accumulate", "path", border=True),
    conv("bias averaged over the batch", "scale", (2,), bias=(2, 3)),
)


def dilated_forward(x, w):
    length = x.shape[1] - 2 * (w.shape[0] - 1)
    return np.stack([(x[:, t : t + 2 * len(w) : 2][:, : len(w)] * w).sum(axis=1) for t in range(length)], axis=1)


def dilated_backward(d, x, w, dilation=2, flip=False, overwrite=False, offset=0):
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for k in range(len(w)):
        start = min(k * dilation + offset, x.shape[1] - d.shape[1])
        if overwrite:
            dx[:, start : start + d.shape[1]] = d * w[k]
        else:
            dx[:, start : start + d.shape[1]] += d * w[-1 - k if flip else k]
        dw[k] = (d * x[:, 2 * k : 2 * k + d.shape[1]]).sum()
    return dx, dw


DILATED = Family(
    name="dilated convolution", forward=dilated_forward, right=dilated_backward, inputs=normal((2, 9), (3,))
)
DILATED_MISTAKES = (
    DILATED.wrong("dilation forgotten", lambda d, x, w: dilated_backward(d, x, w, dilation=1), "index", (0,)),
    DILATED.wrong("kernel flipped", lambda d, x, w: dilated_backward(d, x, w, flip=True), "index", (0,), "axis"),
    DILATED.wrong("overwritten", lambda d, x, w: dilated_backward(d, x, w, overwrite=True), "accumulate", (0,)),
    DILATED.wrong("one further", lambda d, x, w: dilated_backward(d, x, w, offset=1), "index", (0,)),
)


def pooling_forward(x):
    n, h, w = x.shape
    return x.reshape(n, h // 2, 2, w // 3, 3).mean(axis=(2, 4))


def pooling_backward(d, x):
    return (np.repeat(np.repeat(d, 2, axis=1), 3, axis=2) / 6,)


POOLING = Family(name="average pooling", forward=pooling_forward, right=pooling_backward, inputs=normal((2, 6, 6)))
POOLING_MISTAKES = (
    POOLING.wrong("not divided", lambda d, x: (6 * pooling_backward(d, x)[0],), "scale", (0,)),
    POOLING.wrong("divided by the side", lambda d, x: (2 * pooling_backward(d, x)[0],), "scale", (0,)),
    POOLING.wrong("tiled", lambda d, x: (np.tile(d, (1, 2, 3)) / 6,), "index", (0,), "axis"),
    POOLING.wrong(
        "one of each window",
        lambda d, x: (pooling_backward(d, x)[0] * (np.arange(6) % 3 == 0),),
        "mask",
        (0,),
        "accumulate",
        "index",
        "path",
    ),
)

# Normalisation.


def batchnorm_forward(x, gamma, beta):
    mean, variance = x.mean(axis=0), x.var(axis=0)
    std = np.sqrt(variance + 1e-3)
    x_hat = (x - mean) / std
    return gamma * x_hat + beta, (x, gamma, x_hat, std)


def batchnorm_backward(
    d, saved, *, mean=True, variance=True, n=0, eps=0.0, plus=False, gamma_of="x_hat", axis=0, late=1.0, over=1
):
    x, gamma, x_hat, std = saved
    std = np.sqrt(std**2 - 1e-3 + eps) if eps else std
    g = d * gamma * late
    dx = g.copy()
    count = len(x) + n
    if mean:
        dx -= g.sum(axis=axis) / count
    if variance:
        dx -= (-1 if plus else 1) * x_hat * (g * x_hat).sum(axis=axis) / count
    return {
        "x": dx / std**over,
        "gamma": (d * (x_hat if gamma_of == "x_hat" else x)).sum(axis=0),
        "beta": d.sum(axis=0) if gamma_of != "mean" else d.mean(axis=0),
    }


def batchnorm_no_gamma(d, saved):
    x, gamma, x_hat, std = saved
    return {**batchnorm_backward(d, saved), "x": batchnorm_backward(d, (x, np.ones_like(gamma), x_hat, std))["x"]}


BATCHNORM = Family(
    name="batch normalisation",
    forward=batchnorm_forward,
    right=batchnorm_backward,
    inputs=normal((4, 4), (4,), (4,)),
    saved=True,
)


def batchnorm(what, kind, culprits, *or_kind, **switches):
    return BATCHNORM.wrong(what, switched(batchnorm_backward, **switches), kind, culprits, *or_kind)


BATCHNORM_MISTAKES = (
    batchnorm("mean held fixed", "path", (0,), "stats", mean=False),
    batchnorm("variance held fixed", "path", (0,), "stats", variance=False),
    batchnorm("statistics held fixed", "path", (0,), "stats", mean=False, variance=False),
    batchnorm("n - 1", "stats", (0,), "scale", n=-1),
    batchnorm("eps of 1e-5", "stats", (0,), "subtle", "scale", eps=1e-5),
    batchnorm("variance's term with plus", "sign", (0,), "stats", plus=True),
    batchnorm("gamma of x", "path", (1,), "gate", "stats", gamma_of="x"),
    batchnorm("along the features", "axis", (0,), "stats", axis=1),
    batchnorm("divided by the variance", "stats", (0,), "scale", over=2),
    BATCHNORM.wrong("gamma missing", batchnorm_no_gamma, "path", (0,), "scale"),
)


def layernorm_forward(x, gamma, beta):
    mean, variance = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
    x_hat = (x - mean) / np.sqrt(variance + 1e-3)
    return gamma * x_hat + beta, (gamma, x_hat, np.sqrt(variance + 1e-3))


def layernorm_backward(d, saved, *, axis=-1, mean=True, order=False, summed=(0, 1), divisor=None):
    gamma, x_hat, std = saved
    g = d if order else d * gamma
    count = divisor or x_hat.shape[-1]
    inner = x_hat * (g * x_hat).sum(axis=axis, keepdims=True) / count
    dx = (g - mean * g.sum(axis=axis, keepdims=True) / count - inner) / std
    return {
        "x": dx * gamma if order else dx,
        "gamma": (d * x_hat).sum(axis=summed) if summed == (0, 1) else (d * x_hat).sum(axis=1)[-1],
        "beta": d.sum(axis=(0, 1)),
    }


LAYERNORM = Family(
    name="layer normalisation",
    forward=layernorm_forward,
    right=layernorm_backward,
    inputs=normal((2, 3, 4), (4,), (4,)),
    saved=True,
)


def layernorm(what, kind, culprits, *or_kind, **switches):
    return LAYERNORM.wrong(what, switched(layernorm_backward, **switches), kind, culprits, *or_kind)


LAYERNORM_MISTAKES = (
    layernorm("along the steps", "axis", (0,), "stats", axis=1),
    layernorm("mean held fixed", "path", (0,), "stats", mean=False),
    layernorm("gamma afterwards", "path", (0,), "gate", "stats", order=True),
    layernorm("gamma from the last sequence", "accumulate", (1,), "index", "axis", summed=(1,)),
    layernorm("divided by the steps", "scale", (0,), "stats", divisor=3),
)

# Dropout, embeddings, skip-gram.


def dropout_forward(x, keep):
    return x * keep / 0.6, (keep,)


def dropout_inputs(rng):
    return np.round(rng.standard_normal((4, 5)), 3), rng.random((4, 5)) < 0.6


DROPOUT = Family(
    name="dropout",
    forward=dropout_forward,
    right=lambda d, saved: {"x": d * saved[0] / 0.6},
    inputs=dropout_inputs,
    saved=True,
)
DROPOUT_MISTAKES = (
    DROPOUT.wrong("scale missing", lambda d, saved: {"x": d * saved[0]}, "mask", (0,), "scale"),
    DROPOUT.wrong("mask missing", lambda d, saved: {"x": d / 0.6}, "mask", (0,)),
    DROPOUT.wrong("dropped ones kept", lambda d, saved: {"x": d * ~saved[0] / 0.6}, "mask", (0,)),
    DROPOUT.wrong("scaled by what is dropped", lambda d, saved: {"x": d * saved[0] / 0.4}, "scale", (0,), "mask"),
    DROPOUT.wrong("scaled twice", lambda d, saved: {"x": d * saved[0] / 0.36}, "scale", (0,), "mask"),
)


def skipgram_forward(words, contexts, centre, others, labels):
    scores = (words[centre][:, None] * contexts[others]).sum(axis=2)
    loss = np.logaddexp(0, -labels * scores).sum() / len(centre)
    return loss, (words, contexts, centre, others, labels, scores)


def skipgram_backward(d, saved, *, fancy=False, sign=True, mean=True, own=False, first=False):
    words, contexts, centre, others, labels, scores = saved
    g = -d * labels * sigmoid(-labels * scores) / (len(centre) if mean else 1)
    g = g if sign else np.abs(g) * np.sign(d)
    d_words, d_contexts = np.zeros_like(words), np.zeros_like(contexts)
    for_words = (g[:, :, None] * contexts[others]).sum(axis=1)
    for_words = g[:, 0, None] * contexts[others[:, 0]] if first else for_words
    for_contexts = g[:, :, None] * (contexts[others] if own else words[centre][:, None])
    if fancy:
        d_words[centre] += for_words
        d_contexts[others] += for_contexts
    else:
        np.add.at(d_words, centre, for_words)
        np.add.at(d_contexts, others, for_contexts)
    return {"words": d_words, "contexts": d_contexts}


def skipgram_inputs(rng):
    words, contexts = normal((5, 3), (5, 3))(rng)
    others = np.array([[1, 2, 1], [3, 3, 4], [0, 2, 4], [1, 0, 0]])
    return words, contexts, np.array([0, 2, 0, 4]), others, np.array([[1, -1, -1]] * 4)


SKIPGRAM = Family(
    name="skip-gram", forward=skipgram_forward, right=skipgram_backward, inputs=skipgram_inputs, saved=True
)


def skipgram(what, kind, culprits, *or_kind, **switches):
    return SKIPGRAM.wrong(what, switched(skipgram_backward, **switches), kind, culprits, *or_kind)


SKIPGRAM_MISTAKES = (
    skipgram("fancy +=", "accumulate", (0, 1), fancy=True),
    skipgram("sign of the positives lost", "sign", (0, 1), sign=False),
    skipgram("sum", "scale", (0, 1), mean=False),
    skipgram("contexts for words", "gate", (1,), "path", own=True),
    skipgram("negative samples forgotten", "path", (0,), "accumulate", first=True),
)

MISTAKES = (
    *CLASSIFIER_MISTAKES,
    *CONV_MISTAKES,
    *DILATED_MISTAKES,
    *POOLING_MISTAKES,
    *BATCHNORM_MISTAKES,
    *LAYERNORM_MISTAKES,
    *DROPOUT_MISTAKES,
    *SKIPGRAM_MISTAKES,
)


def dead(rng):
    x, y, w1, b1, w2, b2 = classifier_inputs(rng)
    return x, y, w1, b1 - 20, w2, b2


def nearly_constant(rng):
    x, gamma, beta = normal((4, 4), (4,), (4,))(rng)
    return 1 + 1e-4 * x, gamma, beta


CORRECT = (
    CLASSIFIER.correct("all units dead", inputs=dead),
    CLASSIFIER.correct("at random", hard=False),
    CONV.correct("at random", hard=False),
    BATCHNORM.correct("nearly constant batch", inputs=nearly_constant),
    BATCHNORM.correct("batch of one", inputs=normal((1, 4), (4,), (4,))),
    LAYERNORM.correct("at random", hard=False),
    DROPOUT.correct(
        "everything dropped", inputs=lambda rng: (rng.standard_normal((3, 4)), np.zeros((3, 4), dtype=bool))
    ),
    SKIPGRAM.correct("repeated words"),
    DILATED.correct("at random", hard=False),
)
