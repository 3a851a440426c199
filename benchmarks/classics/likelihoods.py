"""Likelihoods of distributions, truncated, counted and mixed, and quantities of information."""

import numpy as np
from scipy.special import digamma, expit, gammaln, log_ndtr, ndtr
from scipy.stats import norm

from benchmarks.classics.problem import Problem

AREA = "likelihoods"


def beta_likelihood(x, a, b):
    n = len(x)
    return np.sum((a - 1) * np.log(x) + (b - 1) * np.log(1 - x)) + n * (gammaln(a + b) - gammaln(a) - gammaln(b))


def beta_likelihood_backward(x, a, b):
    return np.log(x).sum() + len(x) * (digamma(a + b) - digamma(a))


def negative_binomial(k, r, p):
    n = len(k)
    return np.sum(gammaln(k + r)) - n * gammaln(r) + n * r * np.log(1 - p) + np.log(p) * np.sum(k)


def negative_binomial_backward(k, r, p):
    return np.sum(digamma(k + r)) - len(k) * (digamma(r) - np.log(1 - p))


def student_freedom(x, nu):
    n = len(x)
    q = 1 + x**2 / nu
    front = gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * np.log(np.pi * nu)
    return n * front - (nu + 1) / 2 * np.sum(np.log(q))


def student_freedom_backward(x, nu):
    n, q = len(x), 1 + x**2 / nu
    front = 0.5 * n * (digamma((nu + 1) / 2) - digamma(nu / 2) - 1 / nu)
    return front - 0.5 * np.log(q).sum() + (nu + 1) / (2 * nu**2) * np.sum(x**2 / q)


def poisson_rate(k, lam):
    return np.sum(k * np.log(lam) - lam - gammaln(k + 1))


def poisson_rate_backward(k, lam):
    return k / lam - 1


def exponential_rate(t, X, w):
    """Survival times whose rate is log-linear."""
    eta = X @ w
    return np.sum(np.exp(eta) * t - eta)


def exponential_rate_backward(t, X, w):
    return X.T @ (np.exp(X @ w) * t - 1)


def weibull_shape(t, k):
    return np.sum(np.log(k) + (k - 1) * np.log(t) - t**k)


def weibull_shape_backward(t, k):
    return len(t) / k + np.sum((1 - t**k) * np.log(t))


def laplace_location(x, mu, b):
    return -np.sum(np.abs(x - mu)) / b - len(x) * np.log(2 * b)


def laplace_location_backward(x, mu, b):
    return np.sign(x - mu).sum() / b


def tobit(X, y, c, w):
    """A latent normal variable of which one half is censored at zero."""
    m = X @ w
    return -np.sum(c * log_ndtr(-m) + (1 - c) * norm.logpdf(y - m))


def tobit_backward(X, y, c, w):
    m = X @ w
    return X.T @ (c * norm.pdf(m) / ndtr(-m) - (1 - c) * (y - m))


def truncated_normal(x, mu):
    """The log-likelihood of normal variables of which only the positive ones are seen."""
    return np.sum(-0.5 * (x - mu) ** 2) - len(x) * np.log(norm.cdf(mu))


def truncated_normal_backward(x, mu):
    return np.sum(x - mu) - len(x) * norm.pdf(mu) / norm.cdf(mu)


def black_scholes(S, K, r, v, T):
    """The price of a call."""
    d1 = (np.log(S / K) + (r + 0.5 * v**2) * T) / (v * np.sqrt(T))
    d2 = d1 - v * np.sqrt(T)
    return np.sum(S * norm.cdf(d1) - K * np.exp(-r * T) * norm.cdf(d2))


def black_scholes_backward(S, K, r, v, T):
    d1 = (np.log(S / K) + (r + 0.5 * v**2) * T) / (v * np.sqrt(T))
    d2 = d1 - v * np.sqrt(T)
    return -np.exp(-r * T) * norm.cdf(d2)


def expected_improvement(mu, s, best):
    z = (mu - best) / s
    return np.sum((mu - best) * norm.cdf(z) + s * norm.pdf(z))


def expected_improvement_backward(mu, s, best):
    return norm.cdf((mu - best) / s)


def jensen_shannon(p, q):
    m = (p + q) / 2
    return 0.5 * np.sum(p * np.log(p / m)) + 0.5 * np.sum(q * np.log(q / m))


def jensen_shannon_backward(p, q):
    return 0.5 * np.log(2 * p / (p + q))


def renyi(p, q, alpha):
    s = np.sum(p**alpha * q ** (1 - alpha))
    return np.log(s) / (alpha - 1)


def renyi_backward(p, q, alpha):
    s = np.sum(p**alpha * q ** (1 - alpha))
    return -((p / q) ** alpha) / s


def hellinger(p, q):
    return 1 - np.sum(np.sqrt(p * q))


def hellinger_backward(p, q):
    return -0.5 * np.sqrt(q / p)


def mutual_information(P):
    r = P.sum(axis=1, keepdims=True)
    c = P.sum(axis=0, keepdims=True)
    return np.sum(P * np.log(P / (r * c)))


def mutual_information_backward(P):
    return np.log(P / (P.sum(axis=1, keepdims=True) * P.sum(axis=0, keepdims=True))) - 1


def item_response(theta, a, b, Y):
    """The two-parameter model: who answers which question."""
    Z = a * (theta[:, None] - b)
    P = expit(Z)
    return -np.sum(Y * np.log(P) + (1 - Y) * np.log(1 - P))


def item_response_backward(theta, a, b, Y):
    return (expit(a * (theta[:, None] - b)) - Y) @ a


def bradley_terry(s, winner, loser):
    d = s[winner] - s[loser]
    return np.sum(np.log1p(np.exp(-d)))


def bradley_terry_backward(s, winner, loser):
    p = expit(s[loser] - s[winner])
    g = np.zeros_like(s)
    np.subtract.at(g, winner, p)
    np.add.at(g, loser, p)
    return g


SIMPLEX = {"p": "simplex", "q": "simplex"}

PROBLEMS = (
    Problem(
        name="beta-likelihood",
        area=AREA,
        function=beta_likelihood,
        shapes={"x": ("n",), "a": (), "b": ()},
        wrt="a",
        domains={"x": "unit interval", "a": "positive", "b": "positive"},
        expert=r"\mathbf 1^\top \log x + n (\psi(a + b) - \psi(a))",
        backward=beta_likelihood_backward,
    ),
    Problem(
        name="negative-binomial",
        area=AREA,
        function=negative_binomial,
        shapes={"k": ("n",), "r": (), "p": ()},
        wrt="r",
        domains={"k": "positive", "r": "positive", "p": "unit interval"},
        expert=r"\mathbf 1^\top \psi(k + r) - n (\psi(r) - \log(1 - p))",
        backward=negative_binomial_backward,
    ),
    Problem(
        name="student-freedom",
        area=AREA,
        function=student_freedom,
        shapes={"x": ("n",), "nu": ()},
        wrt="nu",
        domains={"nu": "positive"},
        expert=(
            r"\frac{n}{2} \Bigl(\psi\Bigl(\frac{\nu + 1}{2}\Bigr) - \psi\Bigl(\frac{\nu}{2}\Bigr) - \frac{1}{\nu}"
            r"\Bigr) - \frac{1}{2} \sum_i \log q_i + \frac{\nu + 1}{2 \nu^2} \sum_i \frac{x_i^2}{q_i}"
        ),
        backward=student_freedom_backward,
    ),
    Problem(
        name="poisson-rate",
        area=AREA,
        function=poisson_rate,
        shapes={"k": ("n",), "lam": ("n",)},
        wrt="lam",
        domains={"k": "positive", "lam": "positive"},
        expert=r"\frac{k}{\lambda} - 1",
        backward=poisson_rate_backward,
    ),
    Problem(
        name="exponential-rate",
        area=AREA,
        function=exponential_rate,
        shapes={"t": ("n",), "X": ("n", "d"), "w": ("d",)},
        wrt="w",
        domains={"t": "positive"},
        expert=r"X^\top (e^\eta \odot t - 1)",
        backward=exponential_rate_backward,
    ),
    Problem(
        name="weibull-shape",
        area=AREA,
        function=weibull_shape,
        shapes={"t": ("n",), "k": ()},
        wrt="k",
        domains={"t": "positive", "k": "positive"},
        expert=r"\frac{n}{k} + (1 - t^k)^\top \log t",
        backward=weibull_shape_backward,
    ),
    Problem(
        name="laplace-location",
        area=AREA,
        function=laplace_location,
        shapes={"x": ("n",), "mu": (), "b": ()},
        wrt="mu",
        domains={"b": "positive"},
        expert=r"\frac{1}{b} \mathbf 1^\top \operatorname{sign}(x - \mu)",
        backward=laplace_location_backward,
    ),
    Problem(
        name="tobit",
        area=AREA,
        function=tobit,
        shapes={"X": ("n", "d"), "y": ("n",), "c": ("n",), "w": ("d",)},
        wrt="w",
        domains={"c": "mask"},
        expert=r"X^\top \Bigl(c \odot \frac{\varphi(m)}{\Phi(-m)} - (1 - c) \odot (y - m)\Bigr)",
        backward=tobit_backward,
    ),
    Problem(
        name="truncated-normal",
        area=AREA,
        function=truncated_normal,
        shapes={"x": ("n",), "mu": ()},
        wrt="mu",
        domains={"x": "positive"},
        expert=r"\mathbf 1^\top (x - \mu) - n \frac{\varphi(\mu)}{\Phi(\mu)}",
        backward=truncated_normal_backward,
    ),
    Problem(
        name="black-scholes-strike",
        area=AREA,
        function=black_scholes,
        shapes={"S": ("n",), "K": ("n",), "r": (), "v": (), "T": ()},
        wrt="K",
        domains={"S": "positive", "K": "positive", "v": "positive", "T": "positive"},
        expert=r"-e^{-r T} \Phi(d_2)",
        backward=black_scholes_backward,
    ),
    Problem(
        name="expected-improvement",
        area=AREA,
        function=expected_improvement,
        shapes={"mu": ("n",), "s": ("n",), "best": ()},
        wrt="mu",
        domains={"s": "positive"},
        expert=r"\Phi(z)",
        backward=expected_improvement_backward,
    ),
    Problem(
        name="jensen-shannon",
        area=AREA,
        function=jensen_shannon,
        shapes={"p": ("k",), "q": ("k",)},
        wrt="p",
        domains={"p": "positive", "q": "positive"},
        expert=r"\frac{1}{2} \log \frac{p}{m}",
        backward=jensen_shannon_backward,
    ),
    Problem(
        name="renyi-divergence",
        area=AREA,
        function=renyi,
        shapes={"p": ("k",), "q": ("k",), "alpha": ()},
        wrt="q",
        domains={"p": "positive", "q": "positive", "alpha": "positive"},
        expert=r"-\frac{1}{s} \Bigl(\frac{p}{q}\Bigr)^\alpha",
        backward=renyi_backward,
    ),
    Problem(
        name="hellinger",
        area=AREA,
        function=hellinger,
        shapes={"p": ("k",), "q": ("k",)},
        wrt="p",
        domains={"p": "positive", "q": "positive"},
        expert=r"-\frac{1}{2} \sqrt{q / p}",
        backward=hellinger_backward,
    ),
    Problem(
        name="mutual-information",
        area=AREA,
        function=mutual_information,
        shapes={"P": ("m", "n")},
        wrt="P",
        domains={"P": "positive"},
        expert=r"\log \frac{P_{ij}}{r_i c_j} - 1",
        backward=mutual_information_backward,
    ),
    Problem(
        name="item-response",
        area=AREA,
        function=item_response,
        shapes={"theta": ("n",), "a": ("m",), "b": ("m",), "Y": ("n", "m")},
        wrt="theta",
        domains={"Y": "mask"},
        expert=r"(P - Y) a",
        backward=item_response_backward,
    ),
    Problem(
        name="bradley-terry",
        area=AREA,
        function=bradley_terry,
        shapes={"s": ("k",), "winner": ("n",), "loser": ("n",)},
        wrt="s",
        domains={"winner": "integer below k", "loser": "integer below k"},
        expert=r"\sum_i \sigma(-d_i) ([\mathrm{loser}_i = k] - [\mathrm{winner}_i = k])",
        backward=bradley_terry_backward,
    ),
)
