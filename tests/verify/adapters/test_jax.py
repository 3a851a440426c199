"""Functions of JAX with rules of their own: right ones agree, planted mistakes are found, no setting changes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

jax = pytest.importorskip("jax")

import jax.numpy as jnp  # noqa: E402  # needs jax

from tests.verify.adapters.examples import EXAMPLES, run  # noqa: E402
from verify.adapters.jax import check_function  # noqa: E402


def normal(*shape: int, seed: int = 0, dtype: Any = "float64") -> Any:
    return np.asarray(np.random.default_rng([seed, *shape]).normal(size=shape)).astype(dtype)


# --------------------------------------------------------------------------------------------------- right functions


def product(x: Any, w: Any) -> Any:
    return x * w


def product_forward(x: Any, w: Any) -> Any:
    return x * w, (x, w)


def product_backward(saved: Any, d_y: Any) -> Any:
    x, w = saved
    return d_y * w, (d_y * x).sum(0)


def softmax(x: Any) -> Any:
    return jax.nn.softmax(x)


def softmax_forward(x: Any) -> Any:
    y = jax.nn.softmax(x)
    return y, y


def softmax_backward(y: Any, d_y: Any) -> Any:
    return (y * (d_y - (d_y * y).sum(-1, keepdims=True)),)


def picked(table: Any, ids: Any) -> Any:
    return table[ids]


def picked_forward(table: Any, ids: Any) -> Any:
    return table[ids], (ids, table.shape[0])


def picked_backward(saved: Any, d_y: Any) -> Any:
    ids, rows = saved
    return jnp.zeros((rows, d_y.shape[1]), d_y.dtype).at[ids].add(d_y), None


def moments(x: Any) -> Any:
    return {"sum": x.sum(), "parts": ((x * x).sum(1), jnp.argmax(x, 1))}


def moments_backward(x: Any, d_y: Any) -> Any:
    return (d_y["sum"] + 2 * x * d_y["parts"][0][:, None],)


def layer(params: Any, x: Any) -> Any:
    return jnp.tanh(x @ params["w"]) + params["b"][0]


def layer_backward(saved: Any, d_y: Any) -> Any:
    params, x = saved
    d_z = d_y * (1 - jnp.tanh(x @ params["w"]) ** 2)
    return {"w": x.T @ d_z, "b": [d_y.sum(0)]}, d_z @ params["w"].T


def ruled(function: Any, forward: Any, backward: Any, **options: Any) -> Any:
    """The function with these rules."""
    made = jax.custom_vjp(function, **options)
    made.defvjp(forward, backward)
    return made


def tangents(function: Any, rule: Any, **options: Any) -> Any:
    """The function with this rule for tangents."""
    made = jax.custom_jvp(function, **options)
    made.defjvp(rule)
    return made


def product_rule(primals: Any, moved: Any) -> Any:
    (x, w), (dx, dw) = primals, moved
    return x * w, dx * w + x * dw


PRODUCT = (normal(3, 4), normal(4))
PARAMS = ({"w": normal(4, 2), "b": [normal(2)]}, normal(3, 4))
RIGHT = {
    "product": (ruled(product, product_forward, product_backward), PRODUCT),
    "softmax": (ruled(softmax, softmax_forward, softmax_backward), (normal(3, 5),)),
    "integers": (ruled(picked, picked_forward, picked_backward), (normal(6, 3), np.array([1, 4, 4, 0]))),
    "a tree of outputs": (ruled(moments, lambda x: (moments(x), x), moments_backward), (normal(4, 3),)),
    "a tree of inputs": (ruled(layer, lambda p, x: (layer(p, x), (p, x)), layer_backward), PARAMS),
    "an option": (
        ruled(
            lambda power, x: x**power,
            lambda power, x: (x**power, x),
            lambda power, x, d_y: (power * x ** (power - 1) * d_y,),
            nondiff_argnums=(0,),
        ),
        (3, normal(4, 3)),
    ),
    "tangents": (tangents(product, product_rule), PRODUCT),
    "tangents with an option": (
        tangents(
            lambda power, x: x**power,
            lambda power, primals, moved: (primals[0] ** power, power * primals[0] ** (power - 1) * moved[0]),
            nondiff_argnums=(0,),
        ),
        (3, normal(4, 3)),
    ),
    "no rules": (layer, PARAMS),
    "compiled": (jax.jit(layer), PARAMS),
    "no dimensions": (product, (normal(), normal(seed=1))),
}


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        *((name, "float64") for name in RIGHT),
        *((name, dtype) for name in ("product", "tangents", "integers") for dtype in ("float32", "bfloat16")),
    ],
)
def test_right_functions_agree(name: str, dtype: str) -> None:
    function, inputs = RIGHT[name]
    given = jax.tree_util.tree_map(
        lambda x: x.astype(jnp.dtype(dtype)) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x, inputs
    )
    report = check_function(function, given)
    assert report, str(report)


def test_names_are_those_of_the_parameters() -> None:
    assert check_function(*RIGHT["product"]).names == ("x", "w")
    assert check_function(*RIGHT["a tree of inputs"]).names == ("params['b'][0]", "params['w']", "x")
    assert check_function(*RIGHT["an option"]).names == ("x",)
    assert check_function(*RIGHT["compiled"]).names == ("params['b'][0]", "params['w']", "x")


# ---------------------------------------------------------------------------------------------------------- mistakes

SEEN: dict[str, Any] = {}


def with_backward(backward: Any) -> Any:
    return ruled(product, product_forward, backward)


def too_large(saved: Any, d_y: Any) -> Any:
    return d_y * saved[1], 3 * (d_y * saved[0]).sum(0)


def without_the_cotangent(saved: Any, d_y: Any) -> Any:
    x, w = saved
    return jnp.broadcast_to(w, x.shape), (d_y * x).sum(0)


def one_row(saved: Any, d_y: Any) -> Any:
    return d_y * saved[1], (d_y * saved[0])[0]


def without_the_sum(saved: Any, d_y: Any) -> Any:
    return d_y * saved[1], d_y * saved[0]


def exchanged(saved: Any, d_y: Any) -> Any:
    return d_y * saved[0], d_y * saved[1]


def clipped(saved: Any, d_y: Any) -> Any:
    x, w = saved
    return d_y * w, (jnp.clip(d_y, -1, 1) * x).sum(0)


def single(saved: Any, d_y: Any) -> Any:
    x, w = saved
    return d_y * w, (d_y.astype("float32") * x.astype("float32")).sum(0).astype(x.dtype)


def worse_every_time(saved: Any, d_y: Any) -> Any:
    SEEN["calls"] = SEEN.get("calls", 0) + 1
    return d_y * saved[1], SEEN["calls"] * (d_y * saved[0]).sum(0)


def kept_for_all(x: Any, w: Any) -> Any:
    SEEN["last"] = x
    return product_forward(x, w)


def of_the_last(saved: Any, d_y: Any) -> Any:
    return d_y * saved[1], (d_y * SEEN["last"]).sum(0)


def looks_at_numbers(saved: Any, d_y: Any) -> Any:
    x, w = saved
    return d_y * w, (d_y * x).sum(0) * (1.0 if float(x.sum()) < 1e9 else 2.0)


def otherwise_in_single(saved: Any, d_y: Any) -> Any:
    d_x, d_w = product_backward(saved, d_y)
    return d_x, d_w if d_w.dtype == jnp.float64 else d_w * 1.01


def buffer_written(saved: Any, d_y: Any) -> Any:
    """By a callback that reads the memory of a transposed array in another order."""
    x, w = saved

    def summed(d: Any, value: Any) -> Any:
        return (np.asarray(d).T.ravel().reshape(np.shape(d)) * np.asarray(value)).sum(0)

    return d_y * w, jax.pure_callback(summed, jax.ShapeDtypeStruct(w.shape, w.dtype), d_y, x)


def rule(of: Any) -> Any:
    return tangents(product, lambda primals, moved: (primals[0] * primals[1], of(*primals, *moved)))


WRONG: dict[str, tuple[Any, Any, tuple[str, ...] | None, str]] = {
    "too large": (with_backward(too_large), PRODUCT, ("w",), "w"),
    "a term is missing": (
        ruled(softmax, softmax_forward, lambda y, d_y: (y * d_y,)),
        (normal(3, 5),),
        ("x",),
        "x",
    ),
    "the cotangent is ignored": (with_backward(without_the_cotangent), PRODUCT, ("x",), "x"),
    "a sum became one row": (with_backward(one_row), PRODUCT, ("w",), "w"),
    "a sum is missing": (with_backward(without_the_sum), PRODUCT, None, "shape"),
    "exchanged": (with_backward(exchanged), (normal(3, 3), normal(3, 3, seed=1)), ("x", "w"), "x"),
    "clipped": (with_backward(clipped), PRODUCT, ("w",), "w"),
    "single precision": (with_backward(single), PRODUCT, ("w",), "w"),
    "another answer the second time": (with_backward(worse_every_time), PRODUCT, ("w",), "w"),
    "of the last forward pass": (ruled(product, kept_for_all, of_the_last), PRODUCT, ("w",), "w"),
    "numbers are looked at": (with_backward(looks_at_numbers), PRODUCT, None, "under jax.jit"),
    "another way in float32": (
        with_backward(otherwise_in_single),
        tuple(one.astype("float32") for one in PRODUCT),
        ("w",),
        "in float32",
    ),
    "another order in a callback": (with_backward(buffer_written), PRODUCT, ("w",), "w"),
    "another output": (
        ruled(product, lambda x, w: (2 * x * w, (x, w)), lambda s, d: tuple(2 * g for g in product_backward(s, d))),
        PRODUCT,
        None,
        "another output when gradients are wanted",
    ),
    "a parameter in a tree": (
        ruled(
            layer,
            lambda p, x: (layer(p, x), (p, x)),
            lambda s, d: ({**layer_backward(s, d)[0], "b": [d.sum(0) / 3]}, layer_backward(s, d)[1]),
        ),
        PARAMS,
        ("params['b'][0]",),
        "params['b'][0]",
    ),
    "tangents without a term": (rule(lambda x, w, dx, dw: dx * w), PRODUCT, ("w",), "w"),
    "tangents of another sign": (rule(lambda x, w, dx, dw: dx * w - x * dw), PRODUCT, ("w",), "w"),
    "tangents that are not linear": (rule(lambda x, w, dx, dw: dx * w + x * dw**2), PRODUCT, None, "Error"),
    "a constant": (lambda x, w: x * jax.lax.stop_gradient(w), PRODUCT, ("w",), "w"),
}


@pytest.mark.parametrize("name", WRONG)
def test_mistakes_are_found(name: str) -> None:
    SEEN.clear()
    function, inputs, culprits, words = WRONG[name]
    report = check_function(function, inputs)
    assert report.outcome == "disagrees", str(report)
    assert words in report.message
    if culprits is not None:
        # A check may stop at the first.
        assert report.culprit_names, str(report)
        assert set(report.culprit_names) <= set(culprits), str(report)


# ----------------------------------------------------------------------------------------------- nothing is changed


@pytest.mark.parametrize("name", ["product", "no rules"])
def test_the_type_that_jax_computes_in_does_not_change(name: str) -> None:
    before = jax.config.jax_enable_x64
    function, inputs = RIGHT[name]
    given = jax.tree_util.tree_map(lambda x: jnp.asarray(x, "float32"), inputs)
    assert check_function(function, given)
    assert jax.config.jax_enable_x64 == before
    assert jnp.ones(2).dtype == ("float64" if before else "float32")
    with pytest.raises(ValueError, match="nothing to check"):
        check_function(lambda ids: ids, (np.array([1]),))
    assert jax.config.jax_enable_x64 == before


def test_what_takes_no_float64_is_checked_in_float32() -> None:
    def function(x: Any) -> Any:
        if x.dtype != jnp.float32:
            raise TypeError("float32 only")
        return jnp.tanh(x)

    report = check_function(function, (normal(4, 3, dtype="float32"),))
    assert report, str(report)
    assert report.evidence["type"] == "float32"


def test_what_takes_16_bits_only_is_refused() -> None:
    def function(x: Any) -> Any:
        if x.dtype != jnp.bfloat16:
            raise TypeError("bfloat16 only")
        return jnp.tanh(x)

    with pytest.raises(ValueError, match="16 bits only"):
        check_function(function, (normal(4, 3, dtype=jnp.bfloat16),))


@pytest.mark.parametrize(
    ("function", "inputs", "words"),
    [
        (lambda x: jnp.argmax(x), (normal(3),), "no output holds"),
        (lambda ids: ids, (np.array([1, 2]),), "no input holds"),
        (lambda x: x + 1j, (normal(3),), "complex outputs"),
    ],
    ids=["integers come out", "integers go in", "complex"],
)
def test_what_cannot_be_checked_is_refused(function: Any, inputs: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_function(function, inputs)


def test_arrays_of_the_user_never_change() -> None:
    function, inputs = RIGHT["product"]
    copies = [x.copy() for x in inputs]
    check_function(function, inputs)
    for one, then in zip(inputs, copies, strict=True):
        np.testing.assert_array_equal(one, then)


def test_the_example_prints_what_is_shown() -> None:
    assert set(EXAMPLES) == {"scaled_rows", "module", "softplus"}
    assert run("softplus") == EXAMPLES["softplus"][1]
