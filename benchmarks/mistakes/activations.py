"""Mistakes in functions of one number, and in softmax and its logarithm."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.mistakes.mistake import Correct, Mistake, mutated, of_layer, right_layer
from verify.layer import normal
from verify.layers import LAYERS

__all__ = ["CORRECT", "MISTAKES"]

Rng = np.random.Generator


def ordinary(rng: Rng) -> tuple[Any, ...]:
    """Numbers of both signs."""
    return (normal(rng, 4, 5, scale=2.0),)


def with_zeros(rng: Rng) -> tuple[Any, ...]:
    """Numbers of both signs, some exactly 0."""
    x = normal(rng, 3, 5)
    x[1, :3] = 0.0
    return (x,)


def saturated(rng: Rng) -> tuple[Any, ...]:
    """Ordinary numbers, and some in the tails."""
    return (np.append(normal(rng, 5), [-30.0, -20.0, -17.5, 18.0, 21.0, 30.0]),)


def far(rng: Rng) -> tuple[Any, ...]:
    """Ordinary numbers, and some whose exponential overflows."""
    return (np.append(normal(rng, 5), [-900.0, -750.0, 750.0, 900.0]),)


def scores(rng: Rng) -> tuple[Any, ...]:
    """Rows of scores."""
    return (normal(rng, 4, 3),)


def far_scores(rng: Rng) -> tuple[Any, ...]:
    """Rows of scores that are far apart."""
    return (np.array([[900.0, -900.0, 0.0], [3.0, -25.0, 2.0], [-900.0, -900.0, -901.0]]) + normal(rng, 3, 3),)


RELU = "np.asarray(d_y * (x > 0))"
LEAKY = "d_y * ((x > 0) + alpha * (x <= 0))"
ELU = "(x > 0) + alpha * np.exp(np.minimum(x, 0)) * (x <= 0)"
GELU = "d_y * (gate + near * slope)"
SIGMOID = "d_y * (e / np.square(1 + e))"
SILU = 'd_y * (gate + sigmoid.backward(x, saved_gate)["x"])'
SOFTPLUS = "d_y * sigmoid.forward(z)[0]"
TANH = "np.asarray(d_y * (1 - y * y), y.dtype)"
SOFTMAX = "d_y - sum_along((axis,), d_y, y)"
LOG_SOFTMAX = "d_y - np.exp(y) * sum_along((axis,), d_y)"


def into_memory() -> tuple[Any, Any, Any]:
    """The passes of tanh; what its forward pass saves is in memory that it uses again."""
    one = LAYERS["tanh"]
    forward = mutated(
        one.forward,
        ("def forward(", "MEMORY = {}\n\n\ndef forward("),
        (
            "    return y, y",
            "    kept = MEMORY.setdefault(y.shape, np.empty_like(y))\n    kept[...] = y\n    return y, kept",
        ),
    )
    return forward, one.backward, one.backward


MISTAKES = (
    # ----------------------------------------------------------------------------------------------------------- relu
    of_layer(
        "relu", "twice the gradient at 0",
        (RELU, "np.asarray(d_y * ((x > 0) + 2.0 * (x == 0)))"), inputs=with_zeros, kind="ties",
        or_kind=("region", "local", "mask"), culprits=(0,), hard=True,
    ),
    of_layer(
        "relu", "the mask is that of the cotangent",
        (RELU, "np.asarray(d_y * (d_y > 0))"), inputs=ordinary, kind="mask", or_kind=("cotangent",), culprits=(0,),
    ),
    of_layer(
        "relu", "negative cotangents are cut off too",
        (RELU, "np.asarray(np.maximum(d_y, 0) * (x > 0))"), inputs=ordinary, kind="cotangent", or_kind=("mask",),
        culprits=(0,),
    ),
    of_layer(
        "relu", "the negative side passes",
        (RELU, "np.asarray(d_y * (x < 0))"), inputs=ordinary, kind="mask", or_kind=("region",), culprits=(0,),
    ),
    of_layer(
        "relu", "the gradient passes everywhere",
        (RELU, "d_y.copy()"), inputs=ordinary, kind="mask", or_kind=("region",), culprits=(0,),
    ),
    of_layer(
        "relu", "the slope of a leaky unit",
        (RELU, "np.where(x > 0, d_y, 0.01 * d_y)"), inputs=ordinary, kind="region", or_kind=("mask",), culprits=(0,),
    ),
    of_layer(
        "relu", "nothing passes above 6",  # ordinary inputs are smaller
        (RELU, "np.asarray(d_y * (x > 0) * (x < 6))"), inputs=lambda rng: (normal(rng, 4, 5),), kind="region",
        or_kind=("mask",), culprits=(0,), hard=True, shown_by="elsewhere", elsewhere=lambda z: (8 * z,),
    ),
    of_layer(
        "relu", "the gradient is written over the cotangent",
        (RELU, "np.multiply(d_y, x > 0, out=d_y).copy()"), inputs=ordinary, kind="contract", culprits=None,
    ),
    of_layer(
        "relu", "the gradient holds float32",
        (RELU, "(d_y * (x > 0)).astype(np.float32)"), inputs=ordinary, kind="contract", or_kind=("precision",),
        culprits=(0,),
    ),
    of_layer(
        "relu", "the mask is that of the first call of this shape",
        ("def backward(", "FIRST = {}\n\n\ndef backward("),
        (RELU, "np.asarray(d_y * FIRST.setdefault(x.shape, x > 0))"), inputs=ordinary, kind="cache",
        or_kind=("mask",), culprits=(0,), shown_by="a second call",
    ),
    # ----------------------------------------------------------------------------------------------------- leaky_relu
    of_layer(
        "leaky_relu", "nothing passes on the negative side",
        (LEAKY, "d_y * (x > 0)"), inputs=ordinary, kind="mask", or_kind=("region",), culprits=(0,), alpha=0.2,
    ),
    of_layer(
        "leaky_relu", "the default slope in place of the given one",
        (LEAKY, LEAKY.replace("alpha *", "0.01 *")), inputs=ordinary, kind="region", or_kind=("scale", "mask"),
        culprits=(0,), alpha=0.2,
    ),
    of_layer(
        "leaky_relu", "the sides are exchanged",
        (LEAKY, "d_y * (alpha * (x > 0) + (x <= 0))"), inputs=ordinary, kind="mask", or_kind=("region", "gate"),
        culprits=(0,), alpha=0.2,
    ),
    of_layer(
        "leaky_relu", "the negative side has the wrong sign",
        (LEAKY, LEAKY.replace("+ alpha", "- alpha")), inputs=ordinary, kind="sign", or_kind=("region",),
        culprits=(0,), alpha=0.2,
    ),
    of_layer(
        "leaky_relu", "both slopes add up at 0",
        (LEAKY, LEAKY.replace("x > 0", "x >= 0")), inputs=with_zeros, kind="ties",
        or_kind=("region", "local", "mask"), culprits=(0,), hard=True, alpha=0.2,
    ),
    of_layer(
        "leaky_relu", "neither slope at 0",
        (LEAKY, LEAKY.replace("x <= 0", "x < 0")), inputs=with_zeros, kind="ties",
        or_kind=("region", "local", "mask"), culprits=(0,), hard=True, alpha=0.2,
    ),
    # ------------------------------------------------------------------------------------------------------------ elu
    of_layer(
        "elu", "alpha is left out",
        (ELU, ELU.replace("alpha * ", "")), inputs=ordinary, kind="region", or_kind=("scale", "mask"), culprits=(0,),
        alpha=1.5,
    ),
    of_layer(
        "elu", "the slope is the output",
        (ELU, ELU.replace("np.exp", "np.expm1")), inputs=ordinary, kind="path", or_kind=("region", "mask"),
        culprits=(0,), alpha=1.5,
    ),
    of_layer(
        "elu", "the exponential of large numbers overflows",
        (ELU, ELU.replace("np.minimum(x, 0)", "x")), inputs=far, kind="contract", or_kind=("region",), culprits=(0,),
        hard=True,
    ),
    of_layer(
        "elu", "no slope at 0",
        (ELU, ELU.replace("x <= 0", "x < 0")), inputs=with_zeros, kind="ties", or_kind=("region", "local", "mask"),
        culprits=(0,), hard=True,
    ),
    of_layer(
        "elu", "the exponential is added on the positive side too",
        (ELU, ELU.replace(" * (x <= 0)", "")), inputs=ordinary, kind="mask", or_kind=("region", "path"),
        culprits=(0,), alpha=1.5,
    ),
    of_layer(
        "elu", "the exponential is computed in float32",
        (ELU, ELU.replace("np.minimum(x, 0)", "np.minimum(x, 0).astype(np.float32)")), inputs=ordinary,
        kind="precision", or_kind=("subtle", "region"), culprits=(0,), alpha=1.5,
    ),
    # ----------------------------------------------------------------------------------------------------------- gelu
    of_layer(
        "gelu", "the path through the gate is forgotten",
        (GELU, "d_y * gate"), inputs=ordinary, kind="path", culprits=(0,),
    ),
    of_layer(
        "gelu", "the path beside the gate is forgotten",
        (GELU, "d_y * near * slope"), inputs=ordinary, kind="path", culprits=(0,),
    ),
    of_layer(
        "gelu", "the slope of the approximation for the exact gate",
        ("    d_y = cotangent(", "    gate, slope = tanh_gate(near)\n    d_y = cotangent("),
        inputs=ordinary, kind="subtle", culprits=(0,),
    ),
    of_layer(
        "gelu", "the path through the gate has the wrong sign",
        (GELU, "d_y * (gate - near * slope)"), inputs=ordinary, kind="sign", or_kind=("path",), culprits=(0,),
    ),
    of_layer(
        "gelu", "the last column has the gradient of the identity",
        (GELU, "d_y * np.where(np.arange(near.shape[-1]) == near.shape[-1] - 1, 1, gate + near * slope)"),
        inputs=ordinary, kind="local", or_kind=("mask",), culprits=(0,), approximate="tanh",
    ),
    of_layer(
        "gelu", "slope 1 above 2",
        (GELU, "d_y * np.where(near > 2, 1, gate + near * slope)"), inputs=ordinary, kind="region",
        or_kind=("subtle",), culprits=(0,),
    ),
    # -------------------------------------------------------------------------------------------------------- sigmoid
    of_layer(
        "sigmoid", "four times too large, 1 at 0",
        (SIGMOID, "d_y * (4 * e / np.square(1 + e))"), inputs=ordinary, kind="scale", culprits=(0,),
    ),
    of_layer(
        "sigmoid", "the square is forgotten",
        (SIGMOID, "d_y * (e / (1 + e))"), inputs=ordinary, kind="path", or_kind=("region",), culprits=(0,),
    ),
    of_layer(
        "sigmoid", "no gradient where it is saturated",
        (SIGMOID, "d_y * np.where(e < 0.15, 0, e / np.square(1 + e))"), inputs=ordinary, kind="region",
        or_kind=("mask",), culprits=(0,),
    ),
    of_layer(
        "sigmoid", "at least 1e-7 where it is saturated",
        (SIGMOID, "d_y * np.maximum(e / np.square(1 + e), 1e-7)"), inputs=saturated, kind="region",
        or_kind=("subtle", "local"), culprits=(0,), hard=True,
    ),
    of_layer(
        "sigmoid", "1e-6 in the denominator",
        (SIGMOID, "d_y * (e / np.square(1 + e + 1e-6))"), inputs=ordinary, kind="subtle", culprits=(0,),
    ),
    of_layer(
        "sigmoid", "the mean of the cotangent",
        (SIGMOID, "d_y.mean() * (e / np.square(1 + e))"), inputs=ordinary, kind="cotangent", culprits=(0,),
    ),
    of_layer(
        "sigmoid", "the sign is turned",
        (SIGMOID, "-" + SIGMOID), inputs=ordinary, kind="sign", culprits=(0,),
    ),
    # ----------------------------------------------------------------------------------------------------------- silu
    of_layer(
        "silu", "the path through the gate is forgotten",
        (SILU, "d_y * gate"), inputs=ordinary, kind="path", culprits=(0,),
    ),
    of_layer(
        "silu", "the path beside the gate is forgotten",
        (SILU, SILU.replace("gate + ", "")), inputs=ordinary, kind="path", culprits=(0,),
    ),
    of_layer(
        "silu", "the path through the gate has the wrong sign",
        (SILU, SILU.replace("gate + ", "gate - ")), inputs=ordinary, kind="sign", or_kind=("path",), culprits=(0,),
    ),
    of_layer(
        "silu", "the cotangent is left out of the path through the gate",
        (SILU, SILU.replace("(gate", "gate")[:-1]), inputs=ordinary, kind="cotangent", or_kind=("path",),
        culprits=(0,),
    ),
    of_layer(
        "silu", "half precision in the gate",
        (SILU, SILU.replace("gate +", "gate.astype(np.float16) +")), inputs=ordinary, kind="precision",
        or_kind=("subtle",), culprits=(0,),
    ),
    of_layer(
        "silu", "nothing passes below 0",
        (SILU, f"({SILU}) * (x > 0)"), inputs=ordinary, kind="mask", or_kind=("region",), culprits=(0,),
    ),
    # ------------------------------------------------------------------------------------------------------- softplus
    of_layer(
        "softplus", "beta is counted twice",
        (SOFTPLUS, "2.0 * " + SOFTPLUS), inputs=ordinary, kind="scale", culprits=(0,), beta=2.0,
    ),
    of_layer(
        "softplus", "the sigmoid of the negative",
        (SOFTPLUS, "d_y * sigmoid.forward(-z)[0]"), inputs=ordinary, kind="sign", or_kind=("gate", "mask", "region"),
        culprits=(0,),
    ),
    of_layer(
        "softplus", "slope 1 above the threshold 1",
        (SOFTPLUS, "d_y * np.where(z > 1, 1, sigmoid.forward(z)[0])"), inputs=ordinary, kind="region",
        or_kind=("mask",), culprits=(0,),
    ),
    of_layer(
        "softplus", "inf / inf where the exponential overflows",
        (SOFTPLUS, "d_y * (np.exp(z) / (1 + np.exp(z)))"), inputs=far, kind="contract", or_kind=("region",),
        culprits=(0,), hard=True,
    ),
    of_layer(
        "softplus", "the gate is computed in float32",
        (SOFTPLUS, "d_y * sigmoid.forward(z.astype(np.float32))[0].astype(float)"), inputs=ordinary, kind="precision",
        or_kind=("subtle",), culprits=(0,), beta=1.5,
    ),
    of_layer(
        "softplus", "the gradient has noise that differs from call to call",
        (SOFTPLUS, SOFTPLUS + " * (1 + 1e-6 * np.random.default_rng().normal(size=z.shape))"), inputs=ordinary,
        kind="contract", or_kind=("subtle", "precision", "cache"), culprits=(0,),
    ),
    of_layer(
        "softplus", "the first entry is left out",
        (SOFTPLUS, f"np.append(0.0, ({SOFTPLUS}).ravel()[1:]).reshape(z.shape)"), inputs=ordinary, kind="local",
        or_kind=("index", "mask"), culprits=(0,),
    ),
    # ----------------------------------------------------------------------------------------------------------- tanh
    of_layer(
        "tanh", "plus in place of minus",
        (TANH, TANH.replace("1 - y", "1 + y")), inputs=ordinary, kind="sign", or_kind=("path",), culprits=(0,),
    ),
    of_layer(
        "tanh", "1e-6 is added to the slope",
        (TANH, TANH.replace("1 - y", "1 + 1e-6 - y")), inputs=ordinary, kind="subtle", culprits=(0,),
    ),
    of_layer(
        "tanh", "the cotangent is left out",
        (TANH, TANH.replace("d_y * (1 - y * y)", "1 - y * y")), inputs=ordinary, kind="cotangent", culprits=(0,),
    ),
    of_layer(
        "tanh", "the cotangent is squared",
        (TANH, TANH.replace("d_y *", "d_y * d_y *")), inputs=ordinary, kind="cotangent", culprits=(0,),
    ),
    of_layer(
        "tanh", "the square is written over the saved output",
        ("d_y = cotangent(d_output, y.shape, y.dtype)", "d_y = cotangent(d_output, y.shape, y.dtype)\n    y *= y"),
        (TANH, TANH.replace("y * y", "y")), inputs=ordinary, kind="cache", or_kind=("contract",),
        culprits=(0,), shown_by="a second call",
    ),
    of_layer(
        "tanh", "every call returns the same memory",  # the first result changes in the second call
        ("def backward(", "MEMORY = {}\n\n\ndef backward("),
        (TANH, "np.multiply(d_y, 1 - y * y, out=MEMORY.setdefault(y.shape, np.empty_like(y)))"),
        inputs=ordinary, kind="cache", or_kind=("contract",), culprits=(0,),
        shown_by="the first result after a second call",
    ),
    of_layer(
        "tanh", "no gradient where it is saturated",
        (TANH, TANH.replace("(1 - y * y)", "(1 - y * y) * (np.abs(y) < 0.95)")), inputs=ordinary, kind="region",
        or_kind=("mask",), culprits=(0,),
    ),
    Mistake(
        name="tanh: a second forward pass writes over what the first one saved", forward=into_memory()[0],
        backward=LAYERS["tanh"].backward, right=LAYERS["tanh"].backward, inputs=ordinary, kind="cache",
        culprits=(0,), saved=True, shown_by="another forward pass", made=into_memory,
        right_forward=LAYERS["tanh"].forward,
    ),
    # -------------------------------------------------------------------------------------------------------- softmax
    of_layer(
        "softmax", "the inner product is forgotten",
        (SOFTMAX, "d_y.copy()"), inputs=scores, kind="path", culprits=(0,),
    ),
    of_layer(
        "softmax", "the diagonal of the Jacobian alone",
        (SOFTMAX, "d_y * (1 - y)"), inputs=scores, kind="path", culprits=(0,),
    ),
    of_layer(
        "softmax", "the inner product runs along the batch",
        (SOFTMAX, "d_y - sum_along((0,), d_y, y)"), inputs=scores, kind="axis", or_kind=("path",), culprits=(0,),
    ),
    of_layer(
        "softmax", "the last axis, whatever the axis is",
        (SOFTMAX, "d_y - sum_along((-1,), d_y, y)"), inputs=scores, kind="axis", or_kind=("path",), culprits=(0,),
        axis=0,
    ),
    of_layer(
        "softmax", "the inner product runs over everything",
        (SOFTMAX, "d_y - np.sum(d_y * y)"), inputs=scores, kind="axis", or_kind=("path",), culprits=(0,),
    ),
    of_layer(
        "softmax", "the inner product has the wrong sign",
        (SOFTMAX, SOFTMAX.replace("d_y - ", "d_y + ")), inputs=scores, kind="sign", or_kind=("path",), culprits=(0,),
    ),
    of_layer(
        "softmax", "the product is written over the saved probabilities",
        ("    d_x *= y\n    return {\"x\": d_x}", "    y *= d_x\n    return {\"x\": y.copy()}"), inputs=scores,
        kind="cache", or_kind=("contract",),
        culprits=(0,), shown_by="a second call",
    ),
    of_layer(
        "softmax", "small probabilities are raised to 1e-6",
        ("    d_x *= y\n", "    d_x *= np.maximum(y, 1e-6)\n"), inputs=far_scores, kind="region",
        or_kind=("subtle", "local"), culprits=(0,), hard=True,
    ),
    # ---------------------------------------------------------------------------------------------------- log_softmax
    of_layer(
        "log_softmax", "the sum is forgotten",
        (LOG_SOFTMAX, "d_y.copy()"), inputs=scores, kind="path", culprits=(0,),
    ),
    of_layer(
        "log_softmax", "the cotangent is taken to sum to 1",
        (LOG_SOFTMAX, "d_y - np.exp(y)"), inputs=scores, kind="cotangent", or_kind=("path",), culprits=(0,),
    ),
    of_layer(
        "log_softmax", "the sum runs along the batch",
        (LOG_SOFTMAX, LOG_SOFTMAX.replace("(axis,)", "(0,)")), inputs=scores, kind="axis", or_kind=("path",),
        culprits=(0,),
    ),
    of_layer(
        "log_softmax", "the sum has the wrong sign",
        (LOG_SOFTMAX, LOG_SOFTMAX.replace("d_y - ", "d_y + ")), inputs=scores, kind="sign", or_kind=("path",),
        culprits=(0,),
    ),
    of_layer(
        "log_softmax", "the mean in place of the sum",
        (LOG_SOFTMAX, LOG_SOFTMAX + " / y.shape[axis]"), inputs=scores, kind="path", or_kind=("scale",),
        culprits=(0,),
    ),
    of_layer(
        "log_softmax", "the exponential is computed in float32",
        (LOG_SOFTMAX, LOG_SOFTMAX.replace("np.exp(y)", "np.exp(y.astype(np.float32))")), inputs=scores,
        kind="precision", or_kind=("subtle",), culprits=(0,),
    ),
    of_layer(
        "log_softmax", "probabilities are at least 1e-7",
        (LOG_SOFTMAX, LOG_SOFTMAX.replace("np.exp(y)", "np.maximum(np.exp(y), 1e-7)")), inputs=far_scores,
        kind="region", or_kind=("subtle", "local"), culprits=(0,), hard=True,
    ),
)  # fmt: skip


def other(layer: str, what: str, *changes: tuple[str, str], inputs: Any, **options: Any) -> Correct:
    """A right pass, otherwise written, or with another choice of a subgradient."""
    right = right_layer(layer, what, inputs=inputs, **options)
    return Correct(
        name=right.name, forward=right.forward, backward=mutated(right.backward, *changes), inputs=inputs, saved=True
    )


CORRECT = (
    right_layer("relu", "exactly at 0, slope 0", inputs=with_zeros),
    other("relu", "exactly at 0, slope 1", (RELU, "np.asarray(d_y * (x >= 0))"), inputs=with_zeros),
    other("relu", "exactly at 0, slope 1/2", (RELU, "np.asarray(d_y * (np.sign(x) + 1) / 2)"), inputs=with_zeros),
    right_layer("relu", "-0.0 and 0.0", inputs=lambda rng: (np.array([[-0.0, 0.0, 1.5], [-1.0, -0.0, 2.0]]),)),
    right_layer("relu", "almost 0", inputs=lambda rng: (np.array([1e-300, -1e-300, 1e-30, -1e-30, 1e-8, -1e-8]),)),
    right_layer("relu", "nothing passes", inputs=lambda rng: (-1 - np.abs(normal(rng, 3, 4)),)),
    right_layer("leaky_relu", "exactly at 0", inputs=with_zeros, alpha=0.2),
    right_layer("elu", "exactly at 0, with a kink", inputs=with_zeros, alpha=1.5),
    right_layer("elu", "exactly at 0, without a kink", inputs=with_zeros),
    right_layer("elu", "far out", inputs=far),
    right_layer("gelu", "in the tails", inputs=saturated),
    right_layer("sigmoid", "saturated", inputs=saturated),
    right_layer("sigmoid", "±900", inputs=far),
    right_layer("sigmoid", "float32", inputs=lambda rng: (normal(rng, 4, 5, scale=2.0).astype(np.float32),)),
    right_layer("silu", "saturated", inputs=saturated),
    right_layer("softplus", "±900", inputs=far),
    right_layer("tanh", "saturated", inputs=saturated),
    right_layer("tanh", "inputs of 1e-8", inputs=lambda rng: (1e-8 * normal(rng, 4, 3),)),
    right_layer("tanh", "a number", inputs=lambda rng: (normal(rng),)),
    right_layer("tanh", "empty", inputs=lambda rng: (normal(rng, 0, 3),)),
    right_layer("softmax", "far apart", inputs=far_scores),
    right_layer("softmax", "one entry a row", inputs=lambda rng: (normal(rng, 4, 1),)),
    right_layer("softmax", "float32", inputs=lambda rng: (normal(rng, 4, 3).astype(np.float32),)),
    right_layer("log_softmax", "far apart", inputs=far_scores),
)  # fmt: skip
