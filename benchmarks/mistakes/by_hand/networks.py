"""Layers and networks as students write them, with their backward passes by hand."""

import numpy as np

from benchmarks.mistakes.by_hand.family import Family, normal
from benchmarks.mistakes.by_hand.functions import logsumexp, sigmoid, softmax

# Every backward pass takes switches; with none of them it is right.


def switched(backward, **switches):
    """The backward pass with these switches."""
    return lambda d, saved: backward(d, saved, **switches)


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

# Recurrences.


def rnn_forward(x, h0, wx, wh, b):
    h, states = h0, [h0]
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ wx + h @ wh + b)
        states.append(h)
    return np.stack(states[1:], axis=1), (x, wx, wh, states)


def rnn_backward(
    d,
    saved,
    *,
    carry=True,
    last=False,
    previous=True,
    transposed=True,
    slope=True,
    overwrite=False,
    truncated=None,
    leave=0,
):
    x, wx, wh, states = saved
    steps = x.shape[1]
    dx, dwx, dwh, db = np.zeros_like(x), np.zeros_like(wx), np.zeros_like(wh), np.zeros(wh.shape[0])
    dh = np.zeros_like(states[0])
    for t in reversed(range(leave, steps)):
        upstream = d[:, t] if not last or t == steps - 1 else 0.0
        dh = upstream + (dh if carry and (truncated is None or steps - 1 - t < truncated) else 0.0)
        dz = dh * (1 - states[t + 1] ** 2) if slope else dh
        dx[:, t] = dz @ wx.T
        new = x[:, t].T @ dz, states[t if previous else t + 1].T @ dz, dz.sum(axis=0)
        dwx, dwh, db = new if overwrite else (dwx + new[0], dwh + new[1], db + new[2])
        dh = dz @ (wh.T if transposed else wh)
    return {"x": dx, "h0": dh if carry else np.zeros_like(dh), "wx": dwx, "wh": dwh, "b": db}


RNN = Family(
    name="recurrent network",
    forward=rnn_forward,
    right=rnn_backward,
    inputs=normal((2, 5, 3), (2, 4), (3, 4), (4, 4), (4,), scale=0.7),
    saved=True,
)


def rnn(what, kind, culprits, *or_kind, **switches):
    return RNN.wrong(what, switched(rnn_backward, **switches), kind, culprits, *or_kind)


RNN_MISTAKES = (
    rnn("nothing through time", "path", (0, 1, 2, 3, 4), "accumulate", carry=False),
    rnn("upstream of the last step only", "accumulate", (0, 1, 2, 3, 4), "path", "cotangent", last=True),
    rnn("this state for the previous", "index", (3,), previous=False),
    rnn("wh not transposed", "axis", (0, 1, 2, 3, 4), transposed=False),
    rnn("tanh forgotten", "path", (0, 1, 2, 3, 4), slope=False),
    rnn("= for +=", "accumulate", (2, 3, 4), overwrite=True),
    rnn("truncated after three steps", "path", (0, 1, 2, 3, 4), "accumulate", truncated=3),
    rnn("first step left out", "index", (0, 1, 2, 3, 4), "accumulate", "path", leave=1),
)


def lstm_forward(x, h0, c0, w):
    a = np.concatenate([x, h0], axis=1) @ w
    i, f, o, g = np.split(a, 4, axis=1)
    i, f, o, g = sigmoid(i), sigmoid(f), sigmoid(o), np.tanh(g)
    c = f * c0 + i * g
    return (o * np.tanh(c), c), (x, h0, c0, w, i, f, o, g, c)


def lstm_backward(
    d, saved, *, order=("i", "f", "o", "g"), cell=True, outer=True, candidate="tanh", forget="c0", slope=True
):
    d_h, d_c = d
    x, h0, c0, w, i, f, o, g, c = saved
    dc = (d_c if cell else 0.0) + (d_h * o * (1 - np.tanh(c) ** 2 if slope else 1.0) if outer else 0.0)
    parts = {
        "i": dc * g * i * (1 - i),
        "f": dc * (c0 if forget == "c0" else c) * f * (1 - f),
        "o": d_h * np.tanh(c) * o * (1 - o),
        "g": dc * i * (1 - g**2 if candidate == "tanh" else g * (1 - g)),
    }
    da = np.concatenate([parts[name] for name in order], axis=1)
    d_in = da @ w.T
    return {
        "x": d_in[:, : x.shape[1]].copy(),
        "h0": d_in[:, x.shape[1] :].copy(),
        "c0": dc * f,
        "w": np.concatenate([x, h0], axis=1).T @ da,
    }


LSTM = Family(
    name="lstm cell",
    forward=lstm_forward,
    right=lstm_backward,
    inputs=normal((2, 4), (2, 3), (2, 3), (7, 12), scale=0.8),
    saved=True,
)


def lstm(what, kind, culprits, *or_kind, **switches):
    return LSTM.wrong(what, switched(lstm_backward, **switches), kind, culprits, *or_kind)


LSTM_MISTAKES = (
    lstm("gates f and i swapped", "gate", (0, 1, 3), order=("f", "i", "o", "g")),
    lstm("gates o and g swapped", "gate", (0, 1, 3), order=("i", "f", "g", "o")),
    lstm("upstream of the cell forgotten", "path", (0, 1, 2, 3), "cotangent", cell=False),
    lstm("output's way to the cell forgotten", "path", (0, 1, 2, 3), outer=False),
    lstm("candidate as a sigmoid", "path", (0, 1, 3), "gate", candidate="sigmoid"),
    lstm("new cell for the old", "gate", (0, 1, 3), "index", "path", "cache", forget="c"),
    lstm("tanh of the cell forgotten", "path", (0, 1, 2, 3), "scale", slope=False),
)


def gru_forward(x, h, wz, wr, wh):
    xh = np.concatenate([x, h], axis=1)
    z, r = sigmoid(xh @ wz), sigmoid(xh @ wr)
    n = np.tanh(np.concatenate([x, r * h], axis=1) @ wh)
    return (1 - z) * n + z * h, (x, h, wz, wr, wh, z, r, n)


def gru_backward(d, saved, *, direct=True, reset=True, swapped=False, update=1.0, through=True):
    x, h, wz, wr, wh, z, r, n = saved
    k = x.shape[1]
    xh, xrh = np.concatenate([x, h], axis=1), np.concatenate([x, r * h], axis=1)
    dn = d * (z if swapped else 1 - z) * (1 - n**2)
    dz = update * d * (h - n) * z * (1 - z)
    d_xrh = dn @ wh.T
    dr = d_xrh[:, k:] * h * r * (1 - r) if through else np.zeros_like(r)
    d_xh = dz @ wz.T + dr @ wr.T
    dh = d_xh[:, k:] + d_xrh[:, k:] * (r if reset else 1.0)
    if direct:
        dh = dh + d * (1 - z if swapped else z)
    return {"x": d_xh[:, :k] + d_xrh[:, :k], "h": dh, "wz": xh.T @ dz, "wr": xh.T @ dr, "wh": xrh.T @ dn}


GRU = Family(
    name="gru cell",
    forward=gru_forward,
    right=gru_backward,
    inputs=normal((2, 3), (2, 4), (7, 4), (7, 4), (7, 4), scale=0.8),
    saved=True,
)


def gru(what, kind, culprits, *or_kind, **switches):
    return GRU.wrong(what, switched(gru_backward, **switches), kind, culprits, *or_kind)


GRU_MISTAKES = (
    gru("direct way forgotten", "path", (1,), direct=False),
    gru("reset gate forgotten", "path", (1,), "gate", reset=False),
    gru("z and 1 - z swapped", "gate", (0, 1, 3, 4), swapped=True),
    gru("update gate with minus", "sign", (0, 1, 2), "gate", update=-1.0),
    gru("nothing through the reset gate", "path", (0, 1, 3), "gate", through=False),
)

# Attention.


def attention_forward(q, k, v):
    p = softmax(np.where(np.tri(len(q), dtype=bool), q @ k.T / np.sqrt(q.shape[1]), -np.inf))
    return p @ v, (q, k, v, p)


def attention_backward(
    d, saved, *, scaled=(True, True), jacobian=True, turned=False, keys=False, sum_axis=1, values=True, squared=False
):
    q, k, v, p = saved
    dp = d @ v.T
    ds = p * (dp - (dp * p).sum(axis=sum_axis, keepdims=True)) if jacobian else dp * p
    width = q.shape[1] if squared else np.sqrt(q.shape[1])
    return {
        "q": ds @ k / (width if scaled[0] else 1),
        "k": (ds if keys else ds.T) @ q / (width if scaled[1] else 1),
        "v": (p if turned else p.T) @ d,
    }


ATTENTION = Family(
    name="causal attention",
    forward=attention_forward,
    right=attention_backward,
    inputs=normal((4, 3), (4, 3), (4, 5)),
    saved=True,
)


def attention(what, kind, culprits, *or_kind, **switches):
    return ATTENTION.wrong(what, switched(attention_backward, **switches), kind, culprits, *or_kind)


ATTENTION_MISTAKES = (
    attention("root of the width forgotten", "scale", (0, 1), scaled=(False, False)),
    attention("root of the width forgotten for keys", "scale", (1,), scaled=(True, False)),
    attention("width for its root", "scale", (0, 1), squared=True),
    attention("softmax's sum forgotten", "path", (0, 1), jacobian=False),
    attention("scores not transposed for keys", "axis", (1,), keys=True),
    attention("weights not transposed for values", "axis", (2,), turned=True),
    attention("softmax along the queries", "axis", (0, 1), sum_axis=0),
    ATTENTION.wrong(
        "queries and keys swapped",
        lambda d, saved: (g := attention_backward(d, saved)) and {"q": g["k"], "k": g["q"], "v": g["v"]},
        "gate",
        (0, 1),
    ),
)


def heads_forward(x, w):
    n, s, _ = x.shape
    return (x @ w).reshape(n, s, 2, 3).transpose(0, 2, 1, 3), (x, w)


def heads_backward(d, saved, order=(0, 2, 1, 3)):
    x, w = saved
    flat = d.transpose(order).reshape(x.shape[0], x.shape[1], -1)
    return {"x": flat @ w.T, "w": np.einsum("nsi,nso->io", x, flat)}


HEADS = Family(
    name="splitting of heads",
    forward=heads_forward,
    right=heads_backward,
    inputs=normal((2, 4, 3), (3, 6)),
    saved=True,
)
HEADS_MISTAKES = (
    HEADS.wrong("only reshaped", switched(heads_backward, order=(0, 1, 2, 3)), "axis", (0, 1)),
    HEADS.wrong("width before heads", switched(heads_backward, order=(0, 2, 3, 1)), "axis", (0, 1)),
)

# Others.


def vae_forward(x, mean, log_variance, noise, w):
    z = mean + np.exp(0.5 * log_variance) * noise
    error = z @ w - x
    kl = -0.5 * (1 + log_variance - mean**2 - np.exp(log_variance)).sum()
    return (0.5 * (error**2).sum() + kl) / len(x), (x, mean, log_variance, noise, w, z, error)


def vae_backward(d, saved, *, kl=True, half=True, noise=True, kl_sign=1.0, exp=True):
    x, mean, log_variance, e, w, z, error = saved
    d = d / len(x)
    dz = d * error @ w.T
    spread = np.exp(0.5 * log_variance)
    d_log = dz * spread * (e if noise else 1.0) * (0.5 if half else 1.0)
    d_kl = 0.5 * ((np.exp(log_variance) if exp else log_variance) - 1)
    return {
        "x": -d * error,
        "mean": dz + (d * mean if kl else 0.0),
        "log_variance": d_log + (kl_sign * d * d_kl if kl else 0.0),
        "noise": dz * spread,
        "w": d * z.T @ error,
    }


VAE = Family(
    name="variational autoencoder",
    forward=vae_forward,
    right=vae_backward,
    inputs=normal((3, 5), (3, 2), (3, 2), (3, 2), (2, 5)),
    saved=True,
)


def vae(what, kind, culprits, *or_kind, **switches):
    return VAE.wrong(what, switched(vae_backward, **switches), kind, culprits, *or_kind)


VAE_MISTAKES = (
    vae("divergence forgotten", "path", (1, 2), kl=False),
    vae("half of the log variance forgotten", "scale", (2,), "path", half=False),
    vae("noise forgotten", "path", (2,), noise=False),
    vae("divergence with minus", "sign", (2,), "path", kl_sign=-1.0),
    vae("exp forgotten in the divergence", "path", (2,), "stats", exp=False),
)


def weightnorm_forward(x, v, g):
    norm = np.sqrt((v * v).sum(axis=0))
    return x @ (g * v / norm), (x, v, g, norm)


def weightnorm_backward(d, saved, *, projected=True, axis=0, gain=True, over=True):
    x, v, g, norm = saved
    dw = x.T @ d
    u = v / norm
    dg = (dw * u).sum(axis=axis)
    dv = dw - u * (dw * u).sum(axis=0) if projected else dw
    dv = dv / norm if over else dv
    return {"x": d @ (g * u).T, "v": dv * g if gain else dv, "g": dg}


WEIGHTNORM = Family(
    name="weight normalisation",
    forward=weightnorm_forward,
    right=weightnorm_backward,
    inputs=normal((3, 4), (4, 4), (4,)),
    saved=True,
)


def squeeze_forward(x, w1, w2):
    s = x.mean(axis=2)
    a = np.maximum(s @ w1, 0)
    e = sigmoid(a @ w2)
    return x * e[:, :, None], (x, w1, w2, s, a, e)


def squeeze_backward(d, saved, *, direct=True, squeezed=True, mean=True, mask=True):
    x, w1, w2, s, a, e = saved
    de = (d * x).sum(axis=2) * e * (1 - e)
    da = de @ w2.T * ((a > 0) if mask else 1.0)
    ds = (da @ w1.T)[:, :, None] / (x.shape[2] if mean else 1)
    dx = (d * e[:, :, None] if direct else 0.0) + (ds if squeezed else 0.0) + np.zeros_like(x)
    return {"x": dx, "w1": s.T @ da, "w2": a.T @ de}


SQUEEZE = Family(
    name="squeeze and excitation",
    forward=squeeze_forward,
    right=squeeze_backward,
    inputs=normal((2, 4, 5), (4, 3), (3, 4)),
    saved=True,
)


def graph_forward(h, w, edges):
    out = np.zeros((len(h), w.shape[1]), dtype=np.result_type(h, w))
    np.add.at(out, edges[1], (h @ w)[edges[0]])
    degree = np.maximum(np.bincount(edges[1], minlength=len(h)), 1)[:, None]
    return np.tanh(out / degree), (h, w, edges, degree, np.tanh(out / degree))


def graph_backward(d, saved, *, turned=False, degree_of=1, fancy=False, slope=True):
    h, w, edges, degree, y = saved
    if degree_of == 0:
        degree = np.maximum(np.bincount(edges[0], minlength=len(h)), 1)[:, None]
    g = d * (1 - y**2 if slope else 1.0) / degree
    to, of = (edges[1], edges[0]) if turned else (edges[0], edges[1])
    messages = np.zeros_like(g)
    if fancy:
        messages[to] += g[of]
    else:
        np.add.at(messages, to, g[of])
    return {"h": messages @ w.T, "w": h.T @ messages}


GRAPH = Family(
    name="graph convolution",
    forward=graph_forward,
    right=graph_backward,
    inputs=lambda rng: (*normal((5, 3), (3, 2))(rng), np.array([[0, 1, 2, 0, 3, 0, 4], [1, 2, 0, 3, 1, 4, 1]])),
    saved=True,
)


def crf_forward(scores, transitions):
    alpha = scores[0]
    alphas = [alpha]
    for t in range(1, len(scores)):
        alpha = logsumexp((alpha[:, None] + transitions).T) + scores[t]
        alphas.append(alpha)
    return logsumexp(alpha[None])[0], (scores, transitions, alphas)


def crf_backward(d, saved, *, turned=False, accumulate=True, carry=True, hard=False, first=True):
    scores, transitions, alphas = saved
    d_scores, d_transitions = np.zeros_like(scores), np.zeros_like(transitions)
    d_alpha = d * softmax(alphas[-1])
    for t in reversed(range(1, len(scores))):
        d_scores[t] = d_alpha
        p = softmax((alphas[t - 1][:, None] + transitions).T).T
        p = (p == p.max(axis=0)) * 1.0 if hard else p
        pairs = p * (d_alpha[:, None] if turned else d_alpha)
        d_transitions = d_transitions + pairs if accumulate else pairs
        d_alpha = pairs.sum(axis=1) if carry else d * softmax(alphas[t - 1])
    d_scores[0] = d_alpha if first else 0
    return {"scores": d_scores, "transitions": d_transitions}


CRF = Family(
    name="forward algorithm",
    forward=crf_forward,
    right=crf_backward,
    inputs=normal((5, 3), (3, 3)),
    saved=True,
)


def of(family, backward, what, kind, culprits, *or_kind, **switches):
    return family.wrong(what, switched(backward, **switches), kind, culprits, *or_kind)


OTHER_MISTAKES = (
    of(WEIGHTNORM, weightnorm_backward, "norm held fixed", "path", (1,), projected=False),
    of(WEIGHTNORM, weightnorm_backward, "gains along the other axis", "axis", (2,), axis=1),
    of(WEIGHTNORM, weightnorm_backward, "gains forgotten", "path", (1,), "scale", gain=False),
    of(WEIGHTNORM, weightnorm_backward, "norm not divided by", "scale", (1,), "path", over=False),
    of(SQUEEZE, squeeze_backward, "through the weights only", "path", (0,), direct=False),
    of(SQUEEZE, squeeze_backward, "weights held fixed", "path", (0,), squeezed=False),
    of(SQUEEZE, squeeze_backward, "sum for mean", "scale", (0,), mean=False),
    of(SQUEEZE, squeeze_backward, "relu not masked", "mask", (0, 1), mask=False),
    of(GRAPH, graph_backward, "edges turned", "index", (0, 1), "axis", "gate", turned=True),
    of(GRAPH, graph_backward, "degrees of the senders", "scale", (0, 1), "axis", "index", degree_of=0),
    of(GRAPH, graph_backward, "fancy +=", "accumulate", (0, 1), fancy=True),
    of(GRAPH, graph_backward, "tanh forgotten", "path", (0, 1), slope=False),
    of(CRF, crf_backward, "transitions turned", "axis", (0, 1), turned=True),
    of(CRF, crf_backward, "transitions of the first step", "accumulate", (1,), accumulate=False),
    of(CRF, crf_backward, "forward weights only", "path", (0, 1), carry=False),
    of(CRF, crf_backward, "best path", "path", (0, 1), "mask", hard=True),
    of(CRF, crf_backward, "first step left out", "index", (0,), "local", "path", first=False),
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
    *RNN_MISTAKES,
    *LSTM_MISTAKES,
    *GRU_MISTAKES,
    *ATTENTION_MISTAKES,
    *HEADS_MISTAKES,
    *VAE_MISTAKES,
    *OTHER_MISTAKES,
)


def dead(rng):
    x, y, w1, b1, w2, b2 = classifier_inputs(rng)
    return x, y, w1, b1 - 20, w2, b2


def nearly_constant(rng):
    x, gamma, beta = normal((4, 4), (4,), (4,))(rng)
    return 1 + 1e-4 * x, gamma, beta


def peaked(rng):
    q, k, v = normal((4, 3), (4, 3), (4, 5))(rng)
    return 6 * q, 6 * k, v


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
    RNN.correct("saturated", inputs=normal((2, 5, 3), (2, 4), (3, 4), (4, 4), (4,), scale=3.0)),
    LSTM.correct("two outputs", hard=False),
    GRU.correct("at random", hard=False),
    ATTENTION.correct("peaked", inputs=peaked),
    VAE.correct("at random", hard=False),
    GRAPH.correct("repeated senders"),
    CRF.correct("at random", hard=False),
    DILATED.correct("at random", hard=False),
)
