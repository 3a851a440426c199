r"""Highway layer: a gate mixes the input and what a layer makes of it.

.. math:: y = H(x) \odot T(x) + x \odot (1 - T(x)), \qquad H(x) = a(x W_H + b_H), \quad T(x) = \sigma(x W_T + b_T)

.. math:: \bar H = \bar y \odot T, \quad \bar T = \bar y \odot (H - x), \quad
   \bar x = \bar y \odot (1 - T) + J_H^\top \bar H + J_T^\top \bar T

Shapes: x (..., d), W_H (d, d), b_H (d), W_T (d, d), b_T (d) -> (..., d).
Convention: a is tanh, the default, or relu. The carry gate is 1 - T; the authors start b_T below 0, where the
layer is almost the identity. None leaves a bias out.
Reference: Srivastava, Greff and Schmidhuber (2015), Highway Networks, eq. (3).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from verify.arguments import arrays, choice, cotangent
from verify.layer import Array, Case, Layer, normal
from verify.layers import affine, relu, sigmoid, tanh

ACTIVATIONS = {"tanh": tanh, "relu": relu}


def forward(
    x: Array,
    W_H: Array,
    b_H: Array | None,
    W_T: Array,
    b_T: Array | None = None,
    *,
    activation: str = "tanh",
) -> tuple[Array, Any]:
    """The output; x, H and T, and what the layers inside have saved."""
    shapes = "x (..., d), W_H (d, d), b_H? (d), W_T (d, d), b_T? (d)"
    x, W_H, b_H, W_T, b_T = arrays(shapes, x, W_H, b_H, W_T, b_T)
    choice("activation", activation, tuple(ACTIVATIONS))
    z_H, saved_affine_H = affine.forward(x, W_H, b_H)
    z_T, saved_affine_T = affine.forward(x, W_T, b_T)
    H, saved_H = ACTIVATIONS[activation].forward(z_H)
    T, saved_T = sigmoid.forward(z_T)
    return H * T + x * (1 - T), (x, H, T, activation, saved_H, saved_T, saved_affine_H, saved_affine_T)


def backward(d_output: Array, saved: Any) -> dict[str, Array]:
    """The gradients of all inputs: three paths lead to x."""
    x, H, T, activation, saved_H, saved_T, saved_affine_H, saved_affine_T = saved
    d_y = cotangent(d_output, x.shape, x.dtype)
    d_z_H = ACTIVATIONS[activation].backward(d_y * T, saved_H)["x"]
    d_z_T = sigmoid.backward(d_y * (H - x), saved_T)["x"]
    transformed = affine.backward(d_z_H, saved_affine_H)
    gated = affine.backward(d_z_T, saved_affine_T)
    found = {
        "x": d_y * (1 - T) + transformed["x"] + gated["x"],
        "W_H": transformed["W"],
        "b_H": transformed.get("b"),
        "W_T": gated["W"],
        "b_T": gated.get("b"),
    }
    return {name: gradient for name, gradient in found.items() if gradient is not None}


def sample(rng: np.random.Generator) -> Case:
    """A batch of rows."""
    n, d = rng.integers(2, 7, 2)
    return Case(*weights(rng, (n,), d), activation=str(rng.choice(["tanh", "relu"])))


def weights(rng: np.random.Generator, batch: tuple[int, ...], d: int) -> tuple[Array, ...]:
    """Inputs with these sizes."""
    return normal(rng, *batch, d), normal(rng, d, d), normal(rng, d), normal(rng, d, d), normal(rng, d)


def biased(rng: np.random.Generator, b_T: float) -> tuple[Array, ...]:
    """Inputs with this bias of the gate."""
    return *weights(rng, (3,), 4)[:-1], np.full(4, b_T)


LAYER = Layer(
    forward=forward,
    backward=backward,
    sample=sample,
    formula="net-highway",
    cases={
        "tanh": lambda rng: Case(*weights(rng, (3,), 4)),
        "relu": lambda rng: Case(*weights(rng, (3,), 4), activation="relu"),
        "without biases": lambda rng: Case(normal(rng, 3, 2), normal(rng, 2, 2), None, normal(rng, 2, 2)),
        "gate almost closed": lambda rng: Case(*biased(rng, -6.0)),
        "gate closed": lambda rng: Case(*biased(rng, -900.0)),
        "gate open": lambda rng: Case(*biased(rng, 900.0), activation="relu"),
        "sequences": lambda rng: Case(*weights(rng, (2, 3), 4)),
        "one sample without batch": lambda rng: Case(*weights(rng, (), 4)),
        "one sample": lambda rng: Case(*weights(rng, (1,), 4)),
        "empty batch": lambda rng: Case(*weights(rng, (0,), 4)),
    },
)
