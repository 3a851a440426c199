"""Densities and divergences: Gaussians, mixtures, processes, and likelihoods with special functions."""

import numpy as np
from scipy.special import digamma, gammaln, logsumexp

from benchmarks.classics.problem import Problem

AREA = "densities"


def gaussian(x, mu, Sigma):
    """The log-density at one point."""
    d = x.size
    r = x - mu
    _, logdet = np.linalg.slogdet(Sigma)
    return -0.5 * (d * np.log(2 * np.pi) + logdet + r @ np.linalg.inv(Sigma) @ r)


def gaussian_mean_backward(x, mu, Sigma):
    return np.linalg.solve(Sigma, x - mu)


def gaussian_covariance_backward(x, mu, Sigma):
    inverse = np.linalg.inv(Sigma)
    a = inverse @ (x - mu)
    return 0.5 * (np.outer(a, a) - inverse)


def gaussian_sample(X, mu, Sigma):
    """The log-likelihood of independent points, up to a constant."""
    n = len(X)
    R = X - mu
    return -0.5 * n * np.log(np.linalg.det(Sigma)) - 0.5 * np.trace(R @ np.linalg.inv(Sigma) @ R.T)


def gaussian_sample_mean_backward(X, mu, Sigma):
    return np.linalg.solve(Sigma, np.sum(X - mu, axis=0))


def gaussian_sample_mean_hessian(X, mu, Sigma):
    return -len(X) * np.linalg.inv(Sigma)


def gaussian_sample_covariance_backward(X, mu, Sigma):
    inverse = np.linalg.inv(Sigma)
    A = (X - mu) @ inverse
    return 0.5 * (A.T @ A - len(X) * inverse)


def precision_likelihood(X, mu, Lambda):
    n = X.shape[0]
    R = X - mu
    return 0.5 * n * np.linalg.slogdet(Lambda)[1] - 0.5 * np.einsum("ni,ij,nj->", R, Lambda, R)


def precision_likelihood_backward(X, mu, Lambda):
    R = X - mu
    return 0.5 * (len(X) * np.linalg.inv(Lambda) - R.T @ R)


def log_scale(x, mu, s):
    """Independent normal variables whose standard deviation is exp(s)."""
    z = (x - mu) / np.exp(s)
    return np.sum(-0.5 * z**2 - s - 0.5 * np.log(2 * np.pi))


def log_scale_backward(x, mu, s):
    return np.sum(((x - mu) * np.exp(-s)) ** 2) - x.size


def kl_standard(mu, logvar):
    """From a diagonal Gaussian to the standard one."""
    return -0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar))


def kl_standard_mean_backward(mu, logvar):
    return mu.copy()


def kl_standard_variance_backward(mu, logvar):
    return 0.5 * np.expm1(logvar)


def kl_diagonal(m1, s1, m2, s2):
    """Between diagonal Gaussians of these standard deviations."""
    return np.sum(np.log(s2 / s1) + (s1**2 + (m1 - m2) ** 2) / (2 * s2**2) - 0.5)


def kl_diagonal_first_backward(m1, s1, m2, s2):
    return s1 / s2**2 - 1 / s1


def kl_diagonal_second_backward(m1, s1, m2, s2):
    return (1 - (s1**2 + (m1 - m2) ** 2) / s2**2) / s2


def kl_full(mu1, Sigma1, mu2, Sigma2):
    d = mu1.shape[0]
    inverse = np.linalg.inv(Sigma2)
    delta = mu2 - mu1
    logdets = np.linalg.slogdet(Sigma2)[1] - np.linalg.slogdet(Sigma1)[1]
    return 0.5 * (np.trace(inverse @ Sigma1) + delta @ inverse @ delta - d + logdets)


def kl_full_first_covariance_backward(mu1, Sigma1, mu2, Sigma2):
    return 0.5 * (np.linalg.inv(Sigma2) - np.linalg.inv(Sigma1))


def kl_full_second_covariance_backward(mu1, Sigma1, mu2, Sigma2):
    inverse, delta = np.linalg.inv(Sigma2), mu2 - mu1
    a = inverse @ delta
    return 0.5 * (inverse - inverse @ Sigma1 @ inverse - np.outer(a, a))


def kl_full_mean_backward(mu1, Sigma1, mu2, Sigma2):
    return np.linalg.solve(Sigma2, mu1 - mu2)


def evidence(K, y, noise):
    """The negative log marginal likelihood of a Gaussian process, up to a constant."""
    C = K + noise * np.eye(len(y))
    a = np.linalg.solve(C, y)
    return 0.5 * y @ a + 0.5 * np.linalg.slogdet(C)[1]


def evidence_kernel_backward(K, y, noise):
    C = K.copy()
    C.flat[:: len(y) + 1] += noise
    inverse = np.linalg.inv(C)
    a = inverse @ y
    return 0.5 * (inverse - np.outer(a, a))


def evidence_noise_backward(K, y, noise):
    C = K.copy()
    C.flat[:: len(y) + 1] += noise
    inverse = np.linalg.inv(C)
    a = inverse @ y
    return 0.5 * (np.trace(inverse) - a @ a)


def length_scale(X, y, ell, noise):
    """The same with a squared exponential kernel, in its length scale."""
    square = np.sum(X**2, axis=1)
    D = square[:, None] + square[None, :] - 2 * X @ X.T
    K = np.exp(-D / (2 * ell**2))
    C = K + noise * np.eye(X.shape[0])
    a = np.linalg.solve(C, y)
    return 0.5 * (y @ a) + 0.5 * np.linalg.slogdet(C)[1]


def length_scale_backward(X, y, ell, noise):
    square = np.einsum("nd,nd->n", X, X)
    D = square[:, None] + square - 2 * X @ X.T
    K = np.exp(-D / (2 * ell**2))
    inverse = np.linalg.inv(K + noise * np.eye(len(y)))
    a = inverse @ y
    K *= D
    return (np.einsum("ij,ij->", inverse, K) - a @ K @ a) / (2 * ell**3)


def mixture(X, M, log_weights):
    """The log-likelihood of a mixture of Gaussians of unit variance, up to a constant."""
    D = ((X[:, None, :] - M[None, :, :]) ** 2).sum(axis=2)
    A = log_weights - 0.5 * D
    return logsumexp(A, axis=1).sum()


def responsibilities(X, M, log_weights):
    A = log_weights + X @ M.T - 0.5 * np.einsum("kd,kd->k", M, M)
    A = np.exp(A - A.max(axis=1, keepdims=True))
    return A / A.sum(axis=1, keepdims=True)


def mixture_means_backward(X, M, log_weights):
    R = responsibilities(X, M, log_weights)
    return R.T @ X - R.sum(axis=0)[:, None] * M


def mixture_weights_backward(X, M, log_weights):
    return responsibilities(X, M, log_weights).sum(axis=0)


def gamma_likelihood(x, a, b):
    n = len(x)
    return n * a * np.log(b) - n * gammaln(a) + (a - 1) * np.sum(np.log(x)) - b * np.sum(x)


def gamma_likelihood_backward(x, a, b):
    return x.size * (np.log(b) - digamma(a)) + np.log(x).sum()


def dirichlet(P, alpha):
    n = P.shape[0]
    return n * gammaln(alpha.sum()) - n * gammaln(alpha).sum() + ((alpha - 1) * np.log(P)).sum()


def dirichlet_backward(P, alpha):
    return len(P) * (digamma(alpha.sum()) - digamma(alpha)) + np.log(P).sum(axis=0)


def student(x, mu, nu):
    """The log-likelihood of Student's distribution in its location, up to a constant."""
    r = x - mu
    return -0.5 * (nu + 1) * np.sum(np.log1p(r**2 / nu))


def student_backward(x, mu, nu):
    r = x - mu
    return (nu + 1) * np.sum(r / (nu + r * r))


def categorical_score(z, label):
    """The log-probability of one class."""
    p = np.exp(z) / np.sum(np.exp(z))
    return np.log(p[label])


def categorical_score_backward(z, label):
    p = np.exp(z - z.max())
    g = -p / p.sum()
    g[label] += 1
    return g


def kullback_leibler(p, q):
    return np.sum(p * np.log(p / q))


def kullback_leibler_first_backward(p, q):
    return np.log(p / q) + 1


def kullback_leibler_second_backward(p, q):
    return -p / q


POINT = {"x": ("d",), "mu": ("d",), "Sigma": ("d", "d")}
SAMPLE = {"X": ("n", "d"), "mu": ("d",), "Sigma": ("d", "d")}
COVARIANCE = {"Sigma": "positive definite"}
LARGE_POINT = {"d": 128}
LARGE_SAMPLE = {"n": 256, "d": 64}
DIAGONAL = {"m1": ("d",), "s1": ("d",), "m2": ("d",), "s2": ("d",)}
FULL = {"mu1": ("d",), "Sigma1": ("d", "d"), "mu2": ("d",), "Sigma2": ("d", "d")}
COVARIANCES = {"Sigma1": "positive definite", "Sigma2": "positive definite"}
MIXTURE = {"X": ("n", "d"), "M": ("k", "d"), "log_weights": ("k",)}


def process_by_cholesky(X, y, ell, noise):
    sq = np.sum(X**2, axis=1)
    D = sq[:, None] + sq[None, :] - 2 * X @ X.T
    K = np.exp(-0.5 * D / ell**2) + noise**2 * np.eye(len(y))
    L = np.linalg.cholesky(K)
    a = np.linalg.solve(L.T, np.linalg.solve(L, y))
    return 0.5 * y @ a + np.log(np.diag(L)).sum()


def _process_parts(X, y, ell, noise):
    sq = np.einsum("nd,nd->n", X, X)
    D = sq[:, None] + sq - 2 * X @ X.T
    E = np.exp(-D / (2 * ell**2))
    inverse = np.linalg.inv(E + noise**2 * np.eye(len(y)))
    return D, E, inverse, inverse @ y


def process_by_cholesky_noise(X, y, ell, noise):
    _, _, inverse, a = _process_parts(X, y, ell, noise)
    return noise * (np.trace(inverse) - a @ a)


def process_by_cholesky_length_scale(X, y, ell, noise):
    D, E, inverse, a = _process_parts(X, y, ell, noise)
    return np.vdot((inverse - np.outer(a, a)) * E, D) / (2 * ell**3)


PROBLEMS = (
    Problem(
        name="gaussian-mean",
        area=AREA,
        function=gaussian,
        shapes=POINT,
        wrt="mu",
        domains=COVARIANCE,
        assumptions=lambda x, mu, Sigma: [Sigma == Sigma.T],
        expert=r"\Sigma^{-1} r",
        backward=gaussian_mean_backward,
        large=LARGE_POINT,
    ),
    Problem(
        name="gaussian-covariance",
        area=AREA,
        function=gaussian,
        shapes=POINT,
        wrt="Sigma",
        domains=COVARIANCE,
        assumptions=lambda x, mu, Sigma: [Sigma == Sigma.T],
        expert=r"\frac{1}{2} (\Sigma^{-1} r r^\top \Sigma^{-1} - \Sigma^{-1})",
        backward=gaussian_covariance_backward,
        large=LARGE_POINT,
    ),
    Problem(
        name="gaussian-sample-mean",
        area=AREA,
        function=gaussian_sample,
        shapes=SAMPLE,
        wrt="mu",
        domains=COVARIANCE,
        assumptions=lambda X, mu, Sigma: [Sigma == Sigma.T],
        expert=r"\Sigma^{-1} R^\top \mathbf 1",
        backward=gaussian_sample_mean_backward,
        large=LARGE_SAMPLE,
    ),
    Problem(
        name="gaussian-sample-mean-hessian",
        area=AREA,
        function=gaussian_sample,
        shapes=SAMPLE,
        wrt="mu",
        kind="hessian",
        domains=COVARIANCE,
        assumptions=lambda X, mu, Sigma: [Sigma == Sigma.T],
        expert=r"-n \Sigma^{-1}",
        backward=gaussian_sample_mean_hessian,
        large=LARGE_SAMPLE,
    ),
    Problem(
        name="gaussian-sample-covariance",
        area=AREA,
        function=gaussian_sample,
        shapes=SAMPLE,
        wrt="Sigma",
        domains=COVARIANCE,
        assumptions=lambda X, mu, Sigma: [Sigma == Sigma.T],
        expert=r"\frac{1}{2} (\Sigma^{-1} R^\top R \Sigma^{-1} - n \Sigma^{-1})",
        backward=gaussian_sample_covariance_backward,
        large=LARGE_SAMPLE,
    ),
    Problem(
        name="gaussian-sample-precision",
        area=AREA,
        function=precision_likelihood,
        shapes={"X": ("n", "d"), "mu": ("d",), "Lambda": ("d", "d")},
        wrt="Lambda",
        domains={"Lambda": "positive definite"},
        assumptions=lambda X, mu, Lambda: [Lambda == Lambda.T],
        expert=r"\frac{1}{2} (n \Lambda^{-1} - R^\top R)",
        backward=precision_likelihood_backward,
        large=LARGE_SAMPLE,
    ),
    Problem(
        name="gaussian-log-scale",
        area=AREA,
        function=log_scale,
        shapes={"x": ("n",), "mu": (), "s": ()},
        wrt="s",
        expert=r"z^\top z - n",
        backward=log_scale_backward,
        large={"n": 4096},
    ),
    Problem(
        name="kl-standard-mean",
        area=AREA,
        function=kl_standard,
        shapes={"mu": ("n", "d"), "logvar": ("n", "d")},
        wrt="mu",
        expert=r"\mu",
        backward=kl_standard_mean_backward,
    ),
    Problem(
        name="kl-standard-variance",
        area=AREA,
        function=kl_standard,
        shapes={"mu": ("n", "d"), "logvar": ("n", "d")},
        wrt="logvar",
        expert=r"\frac{1}{2} (e^{\mathrm{logvar}} - 1)",
        backward=kl_standard_variance_backward,
    ),
    Problem(
        name="kl-diagonal-first",
        area=AREA,
        function=kl_diagonal,
        shapes=DIAGONAL,
        wrt="s1",
        domains={"s1": "positive", "s2": "positive"},
        expert=r"\frac{s_1}{s_2^2} - \frac{1}{s_1}",
        backward=kl_diagonal_first_backward,
        large={"d": 4096},
    ),
    Problem(
        name="kl-diagonal-second",
        area=AREA,
        function=kl_diagonal,
        shapes=DIAGONAL,
        wrt="s2",
        domains={"s1": "positive", "s2": "positive"},
        expert=r"\frac{1}{s_2} - \frac{s_1^2 + (m_1 - m_2)^2}{s_2^3}",
        backward=kl_diagonal_second_backward,
        large={"d": 4096},
    ),
    Problem(
        name="kl-full-first-covariance",
        area=AREA,
        function=kl_full,
        shapes=FULL,
        wrt="Sigma1",
        domains=COVARIANCES,
        assumptions=lambda mu1, Sigma1, mu2, Sigma2: [Sigma1 == Sigma1.T, Sigma2 == Sigma2.T],
        expert=r"\frac{1}{2} (\Sigma_2^{-1} - \Sigma_1^{-1})",
        backward=kl_full_first_covariance_backward,
        large=LARGE_POINT,
    ),
    Problem(
        name="kl-full-second-covariance",
        area=AREA,
        function=kl_full,
        shapes=FULL,
        wrt="Sigma2",
        domains=COVARIANCES,
        assumptions=lambda mu1, Sigma1, mu2, Sigma2: [Sigma1 == Sigma1.T, Sigma2 == Sigma2.T],
        expert=r"\frac{1}{2} \bigl(\Sigma_2^{-1} - \Sigma_2^{-1} (\Sigma_1 + \delta \delta^\top) \Sigma_2^{-1}\bigr)",
        backward=kl_full_second_covariance_backward,
        large=LARGE_POINT,
    ),
    Problem(
        name="kl-full-mean",
        area=AREA,
        function=kl_full,
        shapes=FULL,
        wrt="mu1",
        domains=COVARIANCES,
        assumptions=lambda mu1, Sigma1, mu2, Sigma2: [Sigma1 == Sigma1.T, Sigma2 == Sigma2.T],
        expert=r"-\Sigma_2^{-1} \delta",
        backward=kl_full_mean_backward,
        large=LARGE_POINT,
    ),
    Problem(
        name="gaussian-process-kernel",
        area=AREA,
        function=evidence,
        shapes={"K": ("n", "n"), "y": ("n",), "noise": ()},
        wrt="K",
        domains={"K": "positive definite", "noise": "positive"},
        assumptions=lambda K, y, noise: [K == K.T],
        expert=r"\frac{1}{2} (C^{-1} - a a^\top)",
        backward=evidence_kernel_backward,
        large={"n": 128},
    ),
    Problem(
        name="gaussian-process-noise",
        area=AREA,
        function=evidence,
        shapes={"K": ("n", "n"), "y": ("n",), "noise": ()},
        wrt="noise",
        domains={"K": "positive definite", "noise": "positive"},
        assumptions=lambda K, y, noise: [K == K.T],
        expert=r"\frac{1}{2} (\operatorname{tr}(C^{-1}) - a^\top a)",
        backward=evidence_noise_backward,
        large={"n": 128},
    ),
    Problem(
        name="gaussian-process-length-scale",
        area=AREA,
        function=length_scale,
        shapes={"X": ("n", "d"), "y": ("n",), "ell": (), "noise": ()},
        wrt="ell",
        domains={"ell": "positive", "noise": "positive"},
        expert=r"\frac{1}{2 \ell^3} \operatorname{tr}\bigl((C^{-1} - a a^\top) (K \odot D)\bigr)",
        backward=length_scale_backward,
        large={"n": 128, "d": 8},
    ),
    Problem(
        name="mixture-means",
        area=AREA,
        function=mixture,
        shapes=MIXTURE,
        wrt="M",
        where=r"R = \operatorname{softmax}(A)",
        expert=r"R^\top X - \operatorname{diag}(R^\top \mathbf 1) M",
        backward=mixture_means_backward,
        large={"n": 512, "d": 16, "k": 8},
    ),
    Problem(
        name="mixture-weights",
        area=AREA,
        function=mixture,
        shapes=MIXTURE,
        wrt="log_weights",
        expert=r"\operatorname{softmax}(A)^\top \mathbf 1",
        backward=mixture_weights_backward,
        large={"n": 512, "d": 16, "k": 8},
    ),
    Problem(
        name="gamma-likelihood",
        area=AREA,
        function=gamma_likelihood,
        shapes={"x": ("n",), "a": (), "b": ()},
        wrt="a",
        domains={"x": "positive", "a": "positive", "b": "positive"},
        expert=r"n (\log b - \psi(a)) + \mathbf 1^\top \log x",
        backward=gamma_likelihood_backward,
        large={"n": 4096},
    ),
    Problem(
        name="dirichlet-likelihood",
        area=AREA,
        function=dirichlet,
        shapes={"P": ("n", "k"), "alpha": ("k",)},
        wrt="alpha",
        domains={"P": "simplex", "alpha": "positive"},
        expert=r"n (\psi(\mathbf 1^\top \alpha) - \psi(\alpha)) + (\log P)^\top \mathbf 1",
        backward=dirichlet_backward,
        large={"n": 256, "k": 16},
    ),
    Problem(
        name="student-location",
        area=AREA,
        function=student,
        shapes={"x": ("n",), "mu": (), "nu": ()},
        wrt="mu",
        domains={"nu": "positive"},
        expert=r"(\nu + 1) \sum_i \frac{r_i}{\nu + r_i^2}",
        backward=student_backward,
        large={"n": 4096},
    ),
    Problem(
        name="categorical-score",
        area=AREA,
        function=categorical_score,
        shapes={"z": ("k",), "label": ()},
        wrt="z",
        domains={"label": "integer below k"},
        where=r"e_i = [i = \mathrm{label}]",
        expert=r"e - p",
        backward=categorical_score_backward,
        large={"k": 4096},
    ),
    Problem(
        name="kullback-leibler-first",
        area=AREA,
        function=kullback_leibler,
        shapes={"p": ("n",), "q": ("n",)},
        wrt="p",
        domains={"p": "simplex", "q": "simplex"},
        expert=r"\log \frac{p}{q} + 1",
        backward=kullback_leibler_first_backward,
        large={"n": 128},
    ),
    Problem(
        name="kullback-leibler-second",
        area=AREA,
        function=kullback_leibler,
        shapes={"p": ("n",), "q": ("n",)},
        wrt="q",
        domains={"p": "simplex", "q": "simplex"},
        expert=r"-\frac{p}{q}",
        backward=kullback_leibler_second_backward,
        large={"n": 128},
    ),
    Problem(
        name="process-by-cholesky-noise",
        area=AREA,
        function=process_by_cholesky,
        shapes={"X": ("n", "d"), "y": ("n",), "ell": (), "noise": ()},
        wrt="noise",
        domains={"ell": "positive", "noise": "positive"},
        expert=r"\mathrm{noise}\, (\operatorname{tr}(K^{-1}) - a^\top a)",
        backward=process_by_cholesky_noise,
    ),
    Problem(
        name="process-by-cholesky-length-scale",
        area=AREA,
        function=process_by_cholesky,
        shapes={"X": ("n", "d"), "y": ("n",), "ell": (), "noise": ()},
        wrt="ell",
        domains={"ell": "positive", "noise": "positive"},
        expert=r"\frac{1}{2 \ell^3} \operatorname{tr}\bigl((K^{-1} - a a^\top) (E \odot D)\bigr)",
        where=r"E = \exp\Bigl(-\frac{D}{2 \ell^2}\Bigr)",
        backward=process_by_cholesky_length_scale,
    ),
)
