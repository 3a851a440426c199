"""Derive the mathematics of deep learning line by line.

What people write formulas with, and what they ask of them, is here; everything is imported when it is first used.

>>> from derive import Program, Sum, define, gradient, letters, names, sizes, tensor
>>> n, d = sizes("n d")
>>> i, j = letters("i j")
>>> A, x, y = tensor("A", n, d), tensor("x", d), tensor("y", n)
>>> r, L = names("r L")
>>> r = define(r[i], Sum(j, A[i, j] * x[j]) - y[i])
>>> L = define(L, Sum(i, r[i] ** 2) / 2)
>>> gradient(Program.of([A, x, y], L), "x").result.result
Σ_i r[i]·A[i,j]
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from derive.definitions import Definition, Recurrence, define, recurrence
    from derive.derivation import Chain, Derivation, Step
    from derive.differentiate import gradient, hessian, hvp, jacobian, jvp, mixed, taylor, vjp
    from derive.errors import DerivationError, MissingRuleError, NotationError, WrongResultError
    from derive.evaluate import run
    from derive.formula import Claim, Formula, claim, line, load, prove
    from derive.functions import (
        absolute,
        arcsin,
        arctan,
        cos,
        cosh,
        digamma,
        erf,
        exp,
        expm1,
        gammaln,
        greater,
        greater_equal,
        log,
        log1p,
        maximum,
        minimum,
        normal_cdf,
        normal_pdf,
        relu,
        sigmoid,
        sign,
        sin,
        sinh,
        softplus,
        sqrt,
        tan,
        tanh,
        trigamma,
        where,
    )  # fmt: skip
    from derive.index import index_floor, index_mod, letter, letters
    from derive.nodes import Partial, Ref, Sum, Tensor, number
    from derive.notation import at_least, at_most, equal, first, inside, less, mean, name, names, tensor
    from derive.over_axes import (
        argmax,
        argmin,
        det,
        inverse,
        log_softmax,
        logdet,
        logsumexp,
        maximum_over,
        minimum_over,
        norm,
        over,
        rms,
        softmax,
        standardise,
        std,
    )  # fmt: skip
    from derive.program import Program
    from derive.size_algebra import size, sizes
    from derive.statements import Statement, assume
    from derive.tracing import trace
    from derive.unspecified_functions import unspecified

_WHERE = {
    "definitions": "Definition Recurrence define recurrence",
    "derivation": "Chain Derivation Step",
    "differentiate": "gradient hessian hvp jacobian jvp mixed taylor vjp",
    "errors": "DerivationError MissingRuleError NotationError WrongResultError",
    "evaluate": "run",
    "formula": "Claim Formula claim line load prove",
    "functions": "absolute arcsin arctan cos cosh digamma erf exp expm1 gammaln greater greater_equal log log1p "
    "maximum minimum normal_cdf normal_pdf relu sigmoid sign sin sinh softplus sqrt tan tanh trigamma where",
    "index": "index_floor index_mod letter letters",
    "nodes": "Partial Ref Sum Tensor number",
    "notation": "at_least at_most equal first inside less mean name names tensor",
    "over_axes": "argmax argmin det inverse log_softmax logdet logsumexp maximum_over minimum_over norm over rms "
    "softmax standardise std",
    "program": "Program",
    "size_algebra": "size sizes",
    "statements": "Statement assume",
    "tracing": "trace",
    "unspecified_functions": "derivative_of unspecified",
}
_MODULE_OF = {name: module for module, listed in _WHERE.items() for name in listed.split()}

__all__ = [
    "Chain", "Claim", "Definition", "Derivation", "DerivationError", "Formula", "MissingRuleError", "NotationError",
    "Partial", "Program", "Recurrence", "Ref", "Statement", "Step", "Sum", "Tensor", "WrongResultError", "absolute",
    "arcsin", "arctan", "argmax", "argmin", "assume", "at_least", "at_most", "claim", "cos", "cosh", "define", "det",
    "digamma", "equal", "erf", "exp", "expm1", "first", "gammaln", "gradient", "greater", "greater_equal", "hessian",
    "hvp", "index_floor", "index_mod", "inside", "inverse", "jacobian", "jvp", "less", "letter", "letters", "line",
    "load", "log", "log1p", "log_softmax", "logdet", "logsumexp", "maximum", "maximum_over", "mean", "minimum",
    "minimum_over", "mixed", "name", "names", "norm", "normal_cdf", "normal_pdf", "number", "over", "prove",
    "recurrence", "relu", "rms", "run", "sigmoid", "sign", "sin", "sinh", "size", "sizes", "softmax", "softplus",
    "sqrt", "standardise", "std", "tan", "tanh", "taylor", "tensor", "trace", "trigamma", "unspecified", "vjp",
    "where",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'derive' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"derive.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
