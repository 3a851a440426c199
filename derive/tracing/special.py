"""The functions of ``scipy.special``, and the normal distribution of ``scipy.stats``, entry by entry."""

from __future__ import annotations

from typing import Any

import sympy

from derive.errors import MissingRuleError
from derive.functions import digamma, erf, gammaln, log, log1p, normal_cdf, normal_pdf, sigmoid, softplus, trigamma
from derive.nodes import ONE, number
from derive.notation import add, mul, power
from derive.tracing.arrays import Array
from derive.tracing.conversion import as_array, combined
from derive.tracing.elementwise import chosen, folded, square_root
from derive.tracing.numpy_shim import implements
from derive.tracing.session import session

__all__ = ["NORMAL", "is_normal"]

for _names, _function, _exact in (
    (("scipy.erf", "erf", "math.erf"), erf, sympy.erf),
    (("scipy.expit", "expit"), sigmoid, None),
    (("scipy.ndtr", "ndtr"), normal_cdf, None),
    (("scipy.gammaln", "gammaln", "scipy.loggamma", "loggamma", "math.lgamma"), gammaln, sympy.loggamma),
    (("scipy.digamma", "digamma", "scipy.psi", "psi"), digamma, sympy.digamma),
):
    implements(*_names)(folded(_function, _exact))


@implements("scipy.log_expit", "log_expit")
def log_sigmoid(a: object) -> Array:
    return combined(lambda x: mul(number(-1), softplus(mul(number(-1), x))), a)


@implements("scipy.logit", "logit")
def logit(a: object) -> Array:
    return combined(lambda x: add(log(x), mul(number(-1), log(add(ONE, mul(number(-1), x))))), a)


@implements("scipy.xlogy", "xlogy")
def xlogy(a: object, b: object) -> Array:
    return combined(lambda x, y: mul(x, log(y)), a, b)


@implements("scipy.log_ndtr", "log_ndtr")
def log_normal_cdf(a: object) -> Array:
    return combined(lambda x: log(normal_cdf(x)), a)


@implements("scipy.erfc", "erfc", "math.erfc")
def complementary_erf(a: object) -> Array:
    return combined(lambda x: add(ONE, mul(number(-1), erf(x))), a)


@implements("scipy.betaln", "betaln")
def log_beta(a: object, b: object) -> Array:
    return combined(lambda x, y: add(gammaln(x), gammaln(y), mul(number(-1), gammaln(add(x, y)))), a, b)


@implements("scipy.polygamma", "polygamma")
def derivatives_of_digamma(order: object, a: object) -> Array:
    if order not in (0, 1):
        raise MissingRuleError(session().here(f"np.polygamma has a rule for the orders 0 and 1, not for {order}"))
    return combined(trigamma if order else digamma, a)


@implements("scipy.entr", "entr")
def entropy_of_entry(a: object) -> Array:
    return combined(lambda x: mul(number(-1), x, log(x)), a)


@implements("scipy.rel_entr", "rel_entr")
def relative_entropy(a: object, b: object) -> Array:
    return combined(lambda x, y: mul(x, log(mul(x, power(y, number(-1))))), a, b)


@implements("scipy.xlog1py", "xlog1py")
def x_log1p(a: object, b: object) -> Array:
    return combined(lambda x, y: mul(x, log1p(y)), a, b)


@implements("scipy.kl_div", "kl_div")
def kl_of_entries(a: object, b: object) -> Any:
    return relative_entropy(a, b) - a + b


@implements("scipy.huber", "huber")
def huber_loss(delta: Any, r: Any) -> Array:
    return chosen(abs(as_array(r)) <= delta, r**2 / 2, delta * (abs(r) - delta / 2))


@implements("scipy.pseudo_huber", "pseudo_huber")
def smooth_huber(delta: Any, r: Any) -> Any:
    return delta**2 * (square_root(1 + (r / delta) ** 2) - 1)


# ------------------------------------------------------------------------------------------ the normal distribution


class _Normal:
    """``scipy.stats.norm`` as a traced function sees it: ``cdf``, ``pdf``, ``sf`` and their logarithms."""

    def cdf(self, x: Any, loc: Any = 0, scale: Any = 1) -> Any:
        return combined(normal_cdf, (x - loc) / scale)

    def sf(self, x: Any, loc: Any = 0, scale: Any = 1) -> Any:
        return combined(normal_cdf, (loc - x) / scale)

    def pdf(self, x: Any, loc: Any = 0, scale: Any = 1) -> Any:
        return combined(normal_pdf, (x - loc) / scale) / scale

    def logcdf(self, x: Any, loc: Any = 0, scale: Any = 1) -> Any:
        return combined(lambda z: log(normal_cdf(z)), (x - loc) / scale)

    def logsf(self, x: Any, loc: Any = 0, scale: Any = 1) -> Any:
        return combined(lambda z: log(normal_cdf(z)), (loc - x) / scale)

    def logpdf(self, x: Any, loc: Any = 0, scale: Any = 1) -> Any:
        width = combined(lambda s: add(mul(number(-1), log(s)), number(-sympy.log(2 * sympy.pi) / 2)), scale)
        return width - ((x - loc) / scale) ** 2 / 2

    def __getattr__(self, name: str) -> Any:
        raise MissingRuleError(
            session().here(f"scipy.stats.norm.{name} has no rule: write it with functions that have one")
        )


NORMAL = _Normal()


def is_normal(value: object) -> bool:
    """Whether this is the normal distribution of ``scipy.stats``, which is not loaded for the question."""
    return type(value).__name__ == "norm_gen" and type(value).__module__.startswith("scipy.stats")
