"""NumPy's functions of numbers, entry by entry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy

from derive.errors import MissingRuleError
from derive.functions import (
    absolute,
    arcsin,
    arctan,
    cos,
    cosh,
    exp,
    expm1,
    greater,
    greater_equal,
    log,
    log1p,
    maximum,
    minimum,
    relu,
    sign,
    sin,
    sinh,
    softplus,
    sqrt,
    tan,
    tanh,
    where,
)  # fmt: skip
from derive.index import Index, index_floor, index_mod
from derive.nodes import ONE, ZERO, Bracket, Node, Number, Over, Position, is_zero, number
from derive.notation import add, equal, mul, power
from derive.over_axes import LOGSUMEXP
from derive.tracing.arrays import Array
from derive.tracing.broadcasting import together
from derive.tracing.conditions import complement, index_of, is_condition
from derive.tracing.conversion import as_array, combined
from derive.tracing.lengths import size_of
from derive.tracing.numpy_shim import implements, refuses
from derive.tracing.session import session

HALF = number(sympy.Rational(1, 2))


# -------------------------------------------------------------------------------------------------- arithmetic


def _whole(a: Array, b: Array) -> bool:
    return a.kind == "integer" and b.kind == "integer"


def _kind(a: Array, b: Array) -> str:
    return "integer" if "real" not in (a.kind, b.kind) else "real"


def _arithmetic(on_nodes: Callable[[Node, Node], Node], on_indices: Callable[[Index, Index], Index | None]) -> Any:
    """A function of two numbers which keeps integers that can be an index as such."""

    def function(a: object, b: object) -> Array:
        one, two = as_array(a), as_array(b)
        letters, (left, right) = together(one, two)
        if _whole(one, two):
            i, j = index_of(left), index_of(right)
            found = None if i is None or j is None else on_indices(i, j)
            if found is not None:
                return Array(letters, Position(found) if found.terms else number(found.constant), "integer")
        return Array(letters, on_nodes(left, right), _kind(one, two))

    return function


def _scaled(i: Index, j: Index) -> Index | None:
    if not j.terms:
        return i.scaled(j.constant)
    return None if i.terms else j.scaled(i.constant)


def _quotient(a: Node, b: Node) -> Node:
    if is_zero(b):
        raise ZeroDivisionError(session().here("division by zero"))
    return mul(a, power(b, number(-1)))


implements("add")(_arithmetic(lambda a, b: add(a, b), lambda i, j: i + j))
implements("subtract")(_arithmetic(lambda a, b: add(a, mul(number(-1), b)), lambda i, j: i - j))
implements("multiply")(_arithmetic(lambda a, b: mul(a, b), _scaled))
implements("divide", "true_divide")(lambda a, b: combined(_quotient, a, b))


@implements("floor_divide")
def floor_divide(a: object, b: object) -> Array:
    return _of_index(a, b, "floor_divide", index_floor)


@implements("remainder", "mod")
def remainder(a: object, b: object) -> Array:
    return _of_index(a, b, "remainder", index_mod)


def _of_index(a: object, b: object, name: str, combine: Callable[[Index, Any], Index]) -> Array:
    array = as_array(a)
    index = index_of(array.body)
    if index is None or not isinstance(b, int):
        raise MissingRuleError(session().here(f"np.{name} has no rule but for positions (np.arange) by a size"))
    return Array(array.letters, Position(combine(index, size_of(b))), "integer")


@implements("negative")
def negative(a: object) -> Any:
    return -as_array(a)


@implements("ascontiguousarray", "asarray", "asanyarray", "asfortranarray", "require", "real", "real_if_close")
def same(a: object) -> Array:
    return as_array(a)


@implements("positive", "conj", "conjugate", "copy", "float64", "float32")
def copied(a: object) -> Array:
    return as_array(a).copy()


@implements("array")
def array(a: object, copy: object = True, ndmin: int = 0) -> Array:
    found = as_array(a)[(*(None,) * (ndmin - as_array(a).ndim), ...)] if ndmin else as_array(a)
    return found.copy() if copy else found


@implements("power", "float_power", "math.pow")
def powered(a: object, b: object) -> Array:
    return combined(_power, a, b)


def _power(base: Node, exponent: Node) -> Node:
    return power(base, exponent)


@implements("square")
def square(a: object) -> Array:
    return combined(lambda x: power(x, number(2)), a)


@implements("sqrt", "math.sqrt")
def square_root(a: object) -> Array:
    return combined(_root, a)


def _root(node: Node) -> Node:
    return number(sympy.sqrt(node.value)) if isinstance(node, Number) else sqrt(node)


@implements("cbrt", "math.cbrt")
def cube_root(a: object) -> Array:
    return combined(lambda x: power(x, number(sympy.Rational(1, 3))), a)


@implements("reciprocal")
def reciprocal(a: object) -> Array:
    return combined(lambda x: _quotient(ONE, x), a)


# ----------------------------------------------------------------------------------------- functions of one number


def folded(function: Callable[[Node], Node], exact: Callable[..., Any] | None) -> Callable[[object], Array]:
    """A function of one number; of a number without arrays it is a number."""

    def entry(x: Node) -> Node:
        if isinstance(x, Number) and exact is not None and x.value.is_finite:
            return number(exact(x.value))
        return function(x)

    return lambda a: combined(entry, a)


for _names, _function, _exact in (
    (("exp", "math.exp"), exp, sympy.exp),
    (("log",), log, sympy.log),
    (("log1p", "math.log1p"), log1p, None),
    (("expm1", "math.expm1"), expm1, None),
    (("sin", "math.sin"), sin, sympy.sin),
    (("cos", "math.cos"), cos, sympy.cos),
    (("tan", "math.tan"), tan, sympy.tan),
    (("sinh", "math.sinh"), sinh, sympy.sinh),
    (("cosh", "math.cosh"), cosh, sympy.cosh),
    (("tanh", "math.tanh"), tanh, sympy.tanh),
    (("arctan", "math.atan"), arctan, sympy.atan),
    (("arcsin", "math.asin"), arcsin, sympy.asin),
    (("absolute", "abs", "fabs", "math.fabs"), absolute, sympy.Abs),
    (("sign",), sign, sympy.sign),
):
    implements(*_names)(folded(_function, _exact))


@implements("math.log")
def log_to_base(a: object, base: object = None) -> Any:
    found = folded(log, sympy.log)(a)
    return found if base is None else found / folded(log, sympy.log)(base)


@implements("log2", "math.log2")
def log2(a: object) -> Any:
    return combined(lambda x: mul(log(x), number(1 / sympy.log(2))), a)


@implements("log10", "math.log10")
def log10(a: object) -> Any:
    return combined(lambda x: mul(log(x), number(1 / sympy.log(10))), a)


@implements("exp2", "math.exp2")
def exp2(a: object) -> Any:
    return combined(lambda x: exp(mul(number(sympy.log(2)), x)), a)


refuses(
    "rounding jumps, and its derivative is zero everywhere else: leave it out",
    "math.floor", "math.ceil", "floor", "ceil", "round", "around", "rint", "trunc", "fix",
)  # fmt: skip
refuses(
    "call the function with whole arrays",
    "vectorize", "frompyfunc", "apply_along_axis", "apply_over_axes", "fromfunction", "piecewise",
)  # fmt: skip


@implements("isscalar")
def is_scalar(a: object) -> bool:
    return not as_array(a).ndim


@implements("iterable")
def is_iterable(a: object) -> bool:
    return bool(as_array(a).ndim)


refuses(
    "a test of values has no place in a derivation: leave it out",
    "isnan", "isinf", "isfinite", "allclose", "isclose", "array_equal", "any", "all", "iscomplexobj",
    "may_share_memory", "shares_memory", "array_equiv", "testing.assert_allclose",
)  # fmt: skip


# -------------------------------------------------------------------------------------- two numbers, and choices


@implements("maximum", "fmax")
def larger(a: object, b: object) -> Array:
    return combined(_maximum, a, b)


def _maximum(a: Node, b: Node) -> Node:
    if is_zero(b):
        return relu(a)
    return relu(b) if is_zero(a) else maximum(a, b)


@implements("minimum", "fmin")
def smaller(a: object, b: object) -> Array:
    return combined(lambda x, y: minimum(x, y), a, b)


@implements("clip")
def clipped(
    a: object, a_min: object = None, a_max: object = None, *, min: object = None, max: object = None
) -> Array:
    low, high = (min if a_min is None else a_min), (max if a_max is None else a_max)
    found = as_array(a)
    if low is not None:
        found = larger(found, low)
    return found if high is None else smaller(found, high)


@implements("logaddexp")
def logaddexp(a: object, b: object) -> Array:
    return combined(_logaddexp, a, b)


def _logaddexp(a: Node, b: Node) -> Node:
    """The softplus of the difference, which has no value where both are minus infinity: these are a log-sum-exp."""
    for one, other in ((a, b), (b, a)):
        if isinstance(one, Number) and one.value is sympy.S.NegativeInfinity:
            return other
        if is_zero(one):
            return softplus(other)
    if session().may_be_infinite(a) or session().may_be_infinite(b):
        which = session().letter(2)
        return Over(LOGSUMEXP, (which,), (add(mul(equal(which, 0), a), mul(equal(which, 1), b)),))
    return add(a, softplus(add(b, mul(number(-1), a))))


@implements("hypot", "math.hypot")
def hypot(a: object, b: object) -> Array:
    return combined(lambda x, y: sqrt(add(power(x, number(2)), power(y, number(2)))), a, b)


@implements("arctan2", "math.atan2")
def angle(y: object, x: object) -> Array:
    """The half-angle form, which has no kink but on the negative half-axis, where the angle itself jumps."""
    return combined(_angle, y, x)


def _angle(y: Node, x: Node) -> Node:
    if isinstance(x, Number) and x.value.is_positive:
        return arctan(_quotient(y, x))
    radius = sqrt(add(power(x, number(2)), power(y, number(2))))
    return mul(number(2), arctan(_quotient(y, add(radius, x))))


@implements("arcsinh", "math.asinh")
def inverse_sinh(a: object) -> Array:
    return combined(lambda x: log(add(x, sqrt(add(power(x, number(2)), ONE)))), a)


@implements("arccosh", "math.acosh")
def inverse_cosh(a: object) -> Array:
    return combined(lambda x: log(add(x, sqrt(add(power(x, number(2)), number(-1))))), a)


@implements("arctanh", "math.atanh")
def inverse_tanh(a: object) -> Array:
    less = number(-1)
    return combined(lambda x: mul(HALF, add(log(add(ONE, x)), mul(less, log(add(ONE, mul(less, x)))))), a)


@implements("arccos", "math.acos")
def inverse_cosine(a: object) -> Array:
    return combined(lambda x: add(number(sympy.pi / 2), mul(number(-1), arcsin(x))), a)


@implements("deg2rad", "radians", "math.radians")
def in_radians(a: object) -> Array:
    return combined(lambda x: mul(number(sympy.pi / 180), x), a)


@implements("rad2deg", "degrees", "math.degrees")
def in_degrees(a: object) -> Array:
    return combined(lambda x: mul(number(180 / sympy.pi), x), a)


@implements("heaviside")
def step(a: object, at_zero: object) -> Array:
    one = as_array(a)
    zero = combined(lambda x, h: mul(greater_equal(x, 0), greater_equal(0, x), h), one, at_zero)
    return combined(lambda x, z: add(greater(x, 0), z), one, zero)


@implements("sinc")
def normalised_sinc(a: object) -> Array:
    """Away from 0, where the quotient has no value."""
    turned = combined(lambda x: mul(number(sympy.pi), x), a)
    return combined(lambda x: _quotient(sin(x), x), turned)


@implements("logaddexp2")
def logaddexp2(a: object, b: object) -> Any:
    scale = number(sympy.log(2))
    return combined(lambda x, y: mul(_logaddexp(mul(scale, x), mul(scale, y)), number(1 / sympy.log(2))), a, b)


@implements("copysign")
def with_sign(a: object, b: object) -> Array:
    return combined(lambda x, y: mul(absolute(x), sign(y)), a, b)


def _compared(relation: str, of_numbers: Callable[[Node, Node], Node] | None) -> Callable[[object, object], Array]:
    def function(a: object, b: object) -> Array:
        one, two = as_array(a), as_array(b)
        letters, (left, right) = together(one, two)
        body = _relation(one, two, left, right, relation, of_numbers)
        made = Array(letters, ZERO if body is None else body, "boolean")
        made.definite = body is not None
        made.compared = (one, relation, two)
        return made

    return function


def _relation(
    one: Array, two: Array, left: Node, right: Node, relation: str, of_numbers: Callable[[Node, Node], Node] | None
) -> Node | None:
    """The condition as a node; None for the equality of real numbers, which only an assumption can ask for."""
    i, j = _position(one, left, right), _position(two, right, left)
    if i is not None and j is not None:
        return Bracket(i, relation, j)
    for here, other in ((left, right), (right, left)):
        if is_condition(here) and not isinstance(here, Number) and isinstance(other, Number):
            truth = {("=", 1): True, ("=", 0): False, ("≠", 0): True, ("≠", 1): False, (">", 0): True}.get(
                (relation if here is left else _TURNED[relation], other.value)
            )
            if truth is not None:
                return here if truth else add(*complement(here))
    return None if of_numbers is None else of_numbers(left, right)


_TURNED = {"=": "=", "≠": "≠", "<": ">", ">": "<", "≤": "≥", "≥": "≤"}


def _position(array: Array, node: Node, other: Node) -> Index | None:
    """An entry as an index where it is whole, or is given and compared with positions."""
    found = index_of(node)
    if found is None and isinstance(other, Position):
        limit = other.index.upper()
        from derive.tracing.indexing import whole_numbers

        return None if limit is None else whole_numbers(array, node, limit)
    return found


implements("equal")(_compared("=", lambda a, b: mul(greater_equal(a, b), greater_equal(b, a))))
implements("not_equal")(_compared("≠", lambda a, b: add(greater(a, b), greater(b, a))))
implements("less")(_compared("<", lambda a, b: greater(b, a)))
implements("less_equal")(_compared("≤", lambda a, b: greater_equal(b, a)))
implements("greater")(_compared(">", lambda a, b: greater(a, b)))
implements("greater_equal")(_compared("≥", lambda a, b: greater_equal(a, b)))


@implements("logical_and", "bitwise_and")
def both(a: object, b: object) -> Array:
    return combined(lambda x, y: mul(x, y), a, b, kind="boolean")


@implements("logical_not", "invert")
def neither(a: object) -> Array:
    return combined(_not, a, kind="boolean")


def _not(condition: Node) -> Node:
    return add(*complement(condition)) if is_condition(condition) else where(condition, 0, 1)


@implements("logical_or", "bitwise_or")
def either(a: object, b: object) -> Array:
    return combined(lambda x, y: add(x, mul(_not(x), y)), a, b, kind="boolean")


@implements("where")
def chosen(condition: object, a: object = None, b: object = None) -> Array:
    if a is None or b is None:
        raise MissingRuleError(
            session().here("np.where(condition) without values makes a shape that depends on values")
        )
    return combined(chosen_entry, condition, a, b)


def chosen_entry(condition: Node, a: Node, b: Node) -> Node:
    if is_condition(condition):
        return add(_times(condition, a), *(_times(other, b) for other in complement(condition)))
    if _is_union(condition):
        rest: list[Node] = [ONE]
        for term in condition.terms:  # type: ignore[attr-defined]
            rest = [mul(before, other) for before in rest for other in complement(term)]
        return add(*(_times(t, a) for t in condition.terms), *(_times(t, b) for t in rest))  # type: ignore[attr-defined]
    return where(condition, a, b)


def _is_union(condition: Node) -> bool:
    from derive.nodes import Add

    return isinstance(condition, Add) and all(map(is_condition, condition.terms))


def _times(condition: Node, value: Node) -> Node:
    """The value where a condition holds; nothing of it elsewhere, not even where it is infinite."""
    return ZERO if is_zero(value) or is_zero(condition) else mul(condition, value)


@implements("nan_to_num")
def without_nan(a: object) -> Array:
    return as_array(a).copy()
