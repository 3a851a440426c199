"""Generative models and policies: VAE, GAN, diffusion, flows, RBM, policy gradients."""

import numpy as np
from scipy.special import expit

from benchmarks.classics.problem import Problem

AREA = "generative"


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def variational_autoencoder(X, Wm, Wv, D, noise):
    """The negative evidence lower bound with Bernoulli pixels; the sample is mean plus deviation times noise."""
    n = X.shape[0]
    mu = X @ Wm
    v = X @ Wv
    Z = mu + np.exp(0.5 * v) * noise
    R = sigmoid(Z @ D)
    reconstruction = -np.sum(X * np.log(R) + (1 - X) * np.log(1 - R))
    divergence = -0.5 * np.sum(1 + v - mu**2 - np.exp(v))
    return (reconstruction + divergence) / n


def decoder_cotangent(X, Wm, Wv, D, noise):
    mu, s = X @ Wm, np.exp(0.5 * (X @ Wv))
    return (expit((mu + s * noise) @ D) - X) @ D.T, mu, s


def variational_mean_backward(X, Wm, Wv, D, noise):
    G, mu, _ = decoder_cotangent(X, Wm, Wv, D, noise)
    return X.T @ (G + mu) / len(X)


def variational_variance_backward(X, Wm, Wv, D, noise):
    G, _, s = decoder_cotangent(X, Wm, Wv, D, noise)
    return X.T @ (G * s * noise + s * s - 1) * (0.5 / len(X))


def variational_decoder_backward(X, Wm, Wv, D, noise):
    Z = X @ Wm + np.exp(0.5 * (X @ Wv)) * noise
    return Z.T @ (expit(Z @ D) - X) / len(X)


def gaussian_elbo(X, mu, s, noise, D):
    """The same with Gaussian pixels, in the outputs of the encoder; s is the logarithm of the deviation."""
    Z = mu + np.exp(s) * noise
    E = Z @ D - X
    return 0.5 * np.sum(E**2) + 0.5 * np.sum(mu**2 + np.exp(2 * s) - 2 * s - 1)


def gaussian_elbo_backward(X, mu, s, noise, D):
    scale = np.exp(s)
    E = (mu + scale * noise) @ D - X
    return E @ D.T * scale * noise + scale * scale - 1


def discriminator_loss(X, G, w):
    """Of real and generated samples, with a linear discriminator."""

    def D(samples):
        return sigmoid(samples @ w)

    p = D(X)
    q = D(G)
    return -np.mean(np.log(p)) - np.mean(np.log(1 - q))


def discriminator_loss_backward(X, G, w):
    return G.T @ expit(G @ w) / len(G) - X.T @ expit(-(X @ w)) / len(X)


def saturating_generator(Z, W, w):
    F = np.tanh(Z @ W)
    p = sigmoid(F @ w)
    return np.mean(np.log(1 - p))


def saturating_generator_backward(Z, W, w):
    F = np.tanh(Z @ W)
    return -Z.T @ (np.outer(expit(F @ w), w) * (1 - F * F)) / len(Z)


def non_saturating_generator(Z, W, w):
    F = np.tanh(Z @ W)
    p = sigmoid(F @ w)
    return -np.log(p).mean()


def non_saturating_generator_backward(Z, W, w):
    F = np.tanh(Z @ W)
    return -Z.T @ (np.outer(expit(-(F @ w)), w) * (1 - F * F)) / len(Z)


def wasserstein_critic(X, G, W, v):
    def hidden(samples):
        return np.maximum(samples @ W, 0)

    A = hidden(X)
    B = hidden(G)
    return np.mean(B @ v) - np.mean(A @ v)


def wasserstein_critic_backward(X, G, W, v):
    fake = G.T @ (G @ W > 0) / len(G)
    fake -= X.T @ (X @ W > 0) / len(X)
    return fake * v


def least_squares_gan(Z, W, w):
    F = np.tanh(Z @ W)
    r = F @ w - 1
    return 0.5 * np.mean(r**2)


def least_squares_gan_backward(Z, W, w):
    F = np.tanh(Z @ W)
    return Z.T @ (np.outer(F @ w - 1, w) * (1 - F * F)) / len(Z)


def diffusion(X, noise, alpha, W1, W2):
    """The noise is predicted from what it was mixed into; alpha is how much of the image is left."""
    a = alpha[:, None]
    X_t = np.sqrt(a) * X + np.sqrt(1 - a) * noise
    H = np.tanh(X_t @ W1)
    E = H @ W2 - noise
    return np.mean(np.sum(E**2, axis=1))


def diffusion_backward(X, noise, alpha, W1, W2):
    X_t = np.sqrt(alpha)[:, None] * X + np.sqrt(1 - alpha)[:, None] * noise
    H = np.tanh(X_t @ W1)
    D = (H @ W2 - noise) @ W2.T
    D *= 1 - H * H
    return X_t.T @ D * (2 / len(X))


def diffusion_time(X, noise, alpha, T, W1, U, W2):
    """The same with what the network is told of the time."""
    a = alpha[:, None]
    X_t = np.sqrt(a) * X + np.sqrt(1 - a) * noise
    A = X_t @ W1 + T @ U
    E = noise - np.maximum(A, 0) @ W2
    return (E**2).sum(axis=-1).mean()


def diffusion_time_backward(X, noise, alpha, T, W1, U, W2):
    X_t = np.sqrt(alpha)[:, None] * X + np.sqrt(1 - alpha)[:, None] * noise
    A = X_t @ W1 + T @ U
    D = (np.maximum(A, 0) @ W2 - noise) @ W2.T
    D *= A > 0
    return T.T @ D * (2 / len(X))


def flow_matching(X, noise, t, W):
    """A linear field towards the data, along straight lines from the noise."""
    s = t[:, None]
    X_t = (1 - s) * noise + s * X
    E = X_t @ W - (X - noise)
    return np.mean(E**2)


def flow_matching_backward(X, noise, t, W):
    velocity = X - noise
    X_t = noise + t[:, None] * velocity
    return X_t.T @ (X_t @ W - velocity) * (2 / X.size)


def planar_flow(Z, u, w, b):
    """The mean log-determinant of z + u tanh(w z + b)."""
    h = np.tanh(Z @ w + b)
    g = 1 + (1 - h**2) * (u @ w)
    return np.mean(np.log(np.abs(g)))


def planar_flow_backward(Z, u, w, b):
    h = np.tanh(Z @ w + b)
    d = 1 - h * h
    return w * np.mean(d / (1 + d * (u @ w)))


def free_energy(V, W, b, c):
    """Of a restricted Boltzmann machine, mean over visible states."""
    Z = V @ W + c
    return np.mean(-V @ b - np.sum(np.log(1 + np.exp(Z)), axis=1))


def free_energy_backward(V, W, b, c):
    return -V.T @ expit(V @ W + c) / len(V)


def contrastive_divergence(V, N, W, b, c):
    """Free energy of data less that of what was sampled."""

    def F(v):
        return -v @ b - np.logaddexp(0, v @ W + c).sum(axis=1)

    return F(V).mean() - F(N).mean()


def contrastive_divergence_backward(V, N, W, b, c):
    return N.T @ expit(N @ W + c) / len(N) - V.T @ expit(V @ W + c) / len(V)


def policy_gradient(X, W, advantage, actions):
    Z = X @ W
    log_P = Z - np.log(np.sum(np.exp(Z), axis=1, keepdims=True))
    chosen = log_P[np.arange(len(X)), actions]
    return -np.mean(advantage * chosen)


def policy_gradient_backward(X, W, advantage, actions):
    Z = X @ W
    G = np.exp(Z - Z.max(axis=1, keepdims=True))
    G /= G.sum(axis=1, keepdims=True)
    G[np.arange(len(X)), actions] -= 1
    G *= advantage[:, None]
    return X.T @ G / len(X)


def clipped_surrogate(log_p, log_p_old, advantage, eps):
    r = np.exp(log_p - log_p_old)
    clipped = np.clip(r, 1 - eps, 1 + eps)
    return -np.mean(np.minimum(r * advantage, clipped * advantage))


def clipped_surrogate_backward(log_p, log_p_old, advantage, eps):
    r = np.exp(log_p - log_p_old)
    free = np.where(advantage > 0, r < 1 + eps, r > 1 - eps)
    return -advantage * r * free / r.size


def preference_loss(chosen, rejected, chosen_old, rejected_old, beta):
    """Direct preference optimisation, in the log-probabilities of the preferred answers."""
    m = beta * ((chosen - chosen_old) - (rejected - rejected_old))
    return -np.mean(np.log(sigmoid(m)))


def preference_loss_backward(chosen, rejected, chosen_old, rejected_old, beta):
    m = beta * (chosen - chosen_old - rejected + rejected_old)
    return (-beta / m.size) * expit(-m)


VAE = {"X": ("n", "d"), "Wm": ("d", "k"), "Wv": ("d", "k"), "D": ("k", "d"), "noise": ("n", "k")}
GENERATOR = {"Z": ("n", "k"), "W": ("k", "d"), "w": ("d",)}

PROBLEMS = (
    Problem(
        name="vae-mean",
        area=AREA,
        function=variational_autoencoder,
        shapes=VAE,
        wrt="Wm",
        domains={"X": "unit interval"},
        expert=r"\frac{1}{n} X^\top \bigl((R - X) D^\top + \mu\bigr)",
        backward=variational_mean_backward,
    ),
    Problem(
        name="vae-variance",
        area=AREA,
        function=variational_autoencoder,
        shapes=VAE,
        wrt="Wv",
        domains={"X": "unit interval"},
        expert=(r"\frac{1}{2 n} X^\top \bigl((R - X) D^\top \odot e^{v/2} \odot \mathrm{noise} + e^{v} - 1\bigr)"),
        backward=variational_variance_backward,
    ),
    Problem(
        name="vae-decoder",
        area=AREA,
        function=variational_autoencoder,
        shapes=VAE,
        wrt="D",
        domains={"X": "unit interval"},
        expert=r"\frac{1}{n} Z^\top (R - X)",
        backward=variational_decoder_backward,
    ),
    Problem(
        name="gaussian-elbo",
        area=AREA,
        function=gaussian_elbo,
        shapes={"X": ("n", "d"), "mu": ("n", "k"), "s": ("n", "k"), "noise": ("n", "k"), "D": ("k", "d")},
        wrt="s",
        expert=r"E D^\top \odot e^s \odot \mathrm{noise} + e^{2 s} - 1",
        backward=gaussian_elbo_backward,
    ),
    Problem(
        name="gan-discriminator",
        area=AREA,
        function=discriminator_loss,
        shapes={"X": ("n", "d"), "G": ("m", "d"), "w": ("d",)},
        wrt="w",
        expert=r"\frac{1}{m} G^\top q - \frac{1}{n} X^\top (1 - p)",
        backward=discriminator_loss_backward,
    ),
    Problem(
        name="gan-saturating",
        area=AREA,
        function=saturating_generator,
        shapes=GENERATOR,
        wrt="W",
        expert=r"-\frac{1}{n} Z^\top \bigl(p w^\top \odot (1 - F \odot F)\bigr)",
        backward=saturating_generator_backward,
    ),
    Problem(
        name="gan-non-saturating",
        area=AREA,
        function=non_saturating_generator,
        shapes=GENERATOR,
        wrt="W",
        expert=r"\frac{1}{n} Z^\top \bigl((p - 1) w^\top \odot (1 - F \odot F)\bigr)",
        backward=non_saturating_generator_backward,
    ),
    Problem(
        name="gan-wasserstein-critic",
        area=AREA,
        function=wasserstein_critic,
        shapes={"X": ("n", "d"), "G": ("m", "d"), "W": ("d", "k"), "v": ("k",)},
        wrt="W",
        expert=r"\Bigl(\frac{1}{m} G^\top [B > 0] - \frac{1}{n} X^\top [A > 0]\Bigr) \operatorname{diag}(v)",
        backward=wasserstein_critic_backward,
        large={"n": 256, "d": 64, "m": 192, "k": 32},
    ),
    Problem(
        name="gan-least-squares",
        area=AREA,
        function=least_squares_gan,
        shapes=GENERATOR,
        wrt="W",
        expert=r"\frac{1}{n} Z^\top \bigl(r w^\top \odot (1 - F \odot F)\bigr)",
        backward=least_squares_gan_backward,
    ),
    Problem(
        name="diffusion",
        area=AREA,
        function=diffusion,
        shapes={"X": ("n", "d"), "noise": ("n", "d"), "alpha": ("n",), "W1": ("d", "k"), "W2": ("k", "d")},
        wrt="W1",
        domains={"alpha": "unit interval"},
        expert=r"\frac{2}{n} X_t^\top \bigl(E W_2^\top \odot (1 - H \odot H)\bigr)",
        backward=diffusion_backward,
    ),
    Problem(
        name="diffusion-time",
        area=AREA,
        function=diffusion_time,
        shapes={
            "X": ("n", "d"),
            "noise": ("n", "d"),
            "alpha": ("n",),
            "T": ("n", "t"),
            "W1": ("d", "k"),
            "U": ("t", "k"),
            "W2": ("k", "d"),
        },
        wrt="U",
        domains={"alpha": "unit interval"},
        expert=r"-\frac{2}{n} T^\top (E W_2^\top \odot [A > 0])",
        backward=diffusion_time_backward,
    ),
    Problem(
        name="flow-matching",
        area=AREA,
        function=flow_matching,
        shapes={"X": ("n", "d"), "noise": ("n", "d"), "t": ("n",), "W": ("d", "d")},
        wrt="W",
        domains={"t": "unit interval"},
        expert=r"\frac{2}{n d} X_t^\top E",
        backward=flow_matching_backward,
    ),
    Problem(
        name="planar-flow",
        area=AREA,
        function=planar_flow,
        shapes={"Z": ("n", "d"), "u": ("d",), "w": ("d",), "b": ()},
        wrt="u",
        expert=r"\frac{w}{n} \sum_i \frac{1 - h_i^2}{g_i}",
        backward=planar_flow_backward,
    ),
    Problem(
        name="rbm-free-energy",
        area=AREA,
        function=free_energy,
        shapes={"V": ("n", "d"), "W": ("d", "k"), "b": ("d",), "c": ("k",)},
        wrt="W",
        domains={"V": "mask"},
        expert=r"-\frac{1}{n} V^\top \sigma(Z)",
        backward=free_energy_backward,
    ),
    Problem(
        name="contrastive-divergence",
        area=AREA,
        function=contrastive_divergence,
        shapes={"V": ("n", "d"), "N": ("m", "d"), "W": ("d", "k"), "b": ("d",), "c": ("k",)},
        wrt="W",
        domains={"V": "mask", "N": "mask"},
        expert=(
            r"\frac{1}{m} N^\top \sigma(N W + \mathbf 1 c^\top) - \frac{1}{n} V^\top \sigma(V W + \mathbf 1 c^\top)"
        ),
        backward=contrastive_divergence_backward,
    ),
    Problem(
        name="policy-gradient",
        area=AREA,
        function=policy_gradient,
        shapes={"X": ("n", "d"), "W": ("d", "k"), "advantage": ("n",), "actions": ("n",)},
        wrt="W",
        domains={"actions": "integer below k"},
        where=r"P = \operatorname{softmax}(Z), \quad Y_{ij} = [j = \mathrm{actions}_i]",
        expert=r"\frac{1}{n} X^\top \operatorname{diag}(\mathrm{advantage}) (P - Y)",
        backward=policy_gradient_backward,
    ),
    Problem(
        name="clipped-surrogate",
        area=AREA,
        function=clipped_surrogate,
        shapes={"log_p": ("n",), "log_p_old": ("n",), "advantage": ("n",), "eps": ()},
        wrt="log_p",
        domains={"eps": "unit interval"},
        expert=(
            r"-\frac{1}{n} r \odot \mathrm{advantage} \odot "
            r"[r \odot \mathrm{advantage} \le \mathrm{clipped} \odot \mathrm{advantage}]"
        ),
        backward=clipped_surrogate_backward,
        large={"n": 4096},
    ),
    Problem(
        name="preference-optimisation",
        area=AREA,
        function=preference_loss,
        shapes={
            "chosen": ("n",),
            "rejected": ("n",),
            "chosen_old": ("n",),
            "rejected_old": ("n",),
            "beta": (),
        },
        wrt="chosen",
        domains={"beta": "positive"},
        expert=r"-\frac{\beta}{n} \sigma(-m)",
        backward=preference_loss_backward,
        large={"n": 4096},
    ),
)
