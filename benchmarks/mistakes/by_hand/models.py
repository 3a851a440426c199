"""Variational autoencoder, weight normalisation, squeeze and excitation, a graph layer and a CRF, by hand."""

import numpy as np

from benchmarks.mistakes.by_hand.family import Family, normal, switched
from benchmarks.mistakes.by_hand.functions import sigmoid, softmax
from benchmarks.mistakes.by_hand.losses import logsumexp

# Every backward pass takes switches; with none of them it is right.


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
    *VAE_MISTAKES,
    *OTHER_MISTAKES,
)


CORRECT = (
    VAE.correct("at random", hard=False),
    GRAPH.correct("repeated senders"),
    CRF.correct("at random", hard=False),
)
