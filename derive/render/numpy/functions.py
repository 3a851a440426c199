"""Functions as NumPy source: those of numbers, those along axes, and the helpers that a few of them need."""

from __future__ import annotations

from collections.abc import Callable

from derive.render.numpy.code import ADD, ATOM, COMPARE, Code, binary, call, chain, matmul, method

__all__ = ["ALONG", "ELEMENTWISE", "HELPERS", "IMPORTS", "MATRIX", "OF_INFINITE", "ROOTS", "length_of", "root"]

Rule = Callable[..., Code]


def _named(function: str) -> Rule:
    return lambda *arguments: call(function, *arguments)


def _compared(operator: str, flipped: str) -> Rule:
    """A comparison, with what is read on the left."""

    def rule(a: Code, b: Code) -> Code:
        return binary(a, operator, b, level=COMPARE) if a.names else binary(b, flipped, a, level=COMPARE)

    return rule


ELEMENTWISE: dict[str, Rule] = {
    **{f: _named(f"np.{f}") for f in ("exp", "log", "log1p", "expm1", "sin", "cos", "tan", "sinh", "cosh", "tanh")},
    **{f: _named(f"np.{f}") for f in ("arcsin", "arctan", "sign", "abs", "maximum", "minimum")},
    "erf": _named("erf"),
    "normal_cdf": _named("ndtr"),
    "normal_pdf": _named("normal_pdf"),
    "gammaln": _named("gammaln"),
    "digamma": _named("digamma"),
    "trigamma": lambda z: call("polygamma", "1", z),
    "sigmoid": _named("sigmoid"),
    "softplus": lambda z: call("np.logaddexp", "0", z),
    "relu": lambda z: call("np.maximum", z, "0"),
    "greater": _compared(">", "<"),
    "greater_equal": _compared(">=", "<="),
}

IMPORTS = {
    row: f"from scipy.special import {function}"
    for row, function in {
        "erf": "erf", "normal_cdf": "ndtr", "gammaln": "gammaln", "digamma": "digamma", "trigamma": "polygamma",
    }.items()
}  # fmt: skip
"""What a function of numbers is imported with, by its name."""


def _reduction(function: str) -> Rule:
    return lambda z, axis: method(z, function, axis=axis)


def root(square: Code, eps: Code) -> Code:
    """The root of a mean square to which a number is added."""
    return call("np.sqrt", square if eps.text == "0" else chain(ADD, square, [("+", eps)]))


def length_of(vector: Code) -> Code:
    """The Euclidean norm of a vector."""
    if vector.text.isidentifier():
        return call("np.sqrt", matmul(vector, vector), label=f"norm_{vector}")
    return call("np.linalg.norm", vector)


ALONG: dict[str, Rule] = {
    "softmax": lambda z, axis: call("softmax", z, work=5, axis=axis),
    "log_softmax": lambda z, axis: call("log_softmax", z, work=5, axis=axis),
    "logsumexp": lambda z, axis: call("logsumexp", z, work=5, axis=axis),
    **{f: _reduction(f) for f in ("max", "min", "argmax", "argmin")},
    "std": lambda z, axis, eps: root(method(z, "var", axis=axis), eps),
    "standardise": lambda z, axis, eps: call("standardise", z, eps, work=5, axis=axis),
}

ROOTS = ("norm", "rms")
"""Roots of sums of squares along axes."""

MATRIX: dict[str, Rule] = {
    "inverse": lambda a: call("np.linalg.inv", a, work=9),
    "cholesky": lambda a: call("np.linalg.cholesky", a, work=9),
    "det": lambda a: call("np.linalg.det", a, work=9),
    "logdet": lambda a: Code(((call("np.linalg.slogdet", a, work=9), ATOM), "[1]"), ATOM),
}

HELPERS: dict[str, str] = {
    "sigmoid": '''
def sigmoid(z):
    """1 / (1 + exp(-z)), without overflow."""
    return 0.5 * np.tanh(0.5 * z) + 0.5
''',
    "normal_pdf": '''
def normal_pdf(z):
    """The density of a standard normal variable."""
    return np.exp(-0.5 * z**2) * (1 / np.sqrt(2 * np.pi))
''',
    "standardise": '''
def standardise(z, eps, axis):
    """z less its mean along an axis, divided by its standard deviation."""
    centred = z - z.mean(axis=axis, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axis=axis, keepdims=True) + eps)
''',
    "softmax": '''
def softmax(z, axis):
    """exp(z) scaled to sum to 1 along an axis; the shift avoids overflow."""
    weights = np.exp(z - z.max(axis=axis, keepdims=True))
    weights /= weights.sum(axis=axis, keepdims=True)
    return weights
''',
    "logsumexp": '''
def logsumexp(z, axis):
    """log(sum(exp(z))) along an axis; the shift avoids overflow."""
    top = z.max(axis=axis, keepdims=True)
    return np.squeeze(top, axis) + np.log(np.exp(z - top).sum(axis=axis))
''',
    "log_softmax": '''
def log_softmax(z, axis):
    """The logarithm of softmax along an axis; the shift avoids overflow."""
    shifted = z - z.max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))
''',
}

OF_INFINITE: dict[str, str] = {
    "softmax": '''
def softmax(z, axis):
    """exp(z) scaled to sum to 1 along an axis; where all of z is -inf, it is 0."""
    top = z.max(axis=axis, keepdims=True)
    weights = np.exp(z - np.where(top == -np.inf, 0, top))
    weights /= np.maximum(weights.sum(axis=axis, keepdims=True), 1)
    return weights
''',
    "logsumexp": '''
def logsumexp(z, axis):
    """log(sum(exp(z))) along an axis, without overflow, also where all of z is -inf."""
    top = z.max(axis=axis, keepdims=True)
    top = np.where(top == -np.inf, 0, top)
    with np.errstate(divide="ignore"):
        return np.squeeze(top, axis) + np.log(np.exp(z - top).sum(axis=axis))
''',
}
"""What helpers are in a function that knows infinity."""
