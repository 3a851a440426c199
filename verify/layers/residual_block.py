r"""Residual block: the input, and what two affine maps with a relu between them add to it.

.. math:: y = x + F(x), \qquad F(x) = \max(0,\, x W_1 + b_1)\, W_2 + b_2, \qquad \bar x = \bar y + J_F^\top \bar y

Whatever F does, :math:`\bar y` reaches x unchanged. Where input and output differ in width, the shortcut is the
projection :math:`x W_s`. With `relu_after` the output is :math:`\max(0, x + F(x))`.

Shapes: x (..., d), W1 (d, h), b1 (h), W2 (h, c), b2 (c), W_s (d, c) -> (..., c); without W_s, c is d.
Convention: no relu after the addition, as the authors had it later, which leaves the identity path free; at first
they had one. None leaves a bias out.
Reference: He, Zhang, Ren and Sun (2016), Deep Residual Learning for Image Recognition, eq. (1) and (2).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from verify.arguments import arrays, choice
from verify.layer import Array, Case, Layer, normal
from verify.layers import add, affine, relu

SHAPES = "x (..., d), W1 (d, h), b1? (h), W2 (h, c), b2? (c), W_s? (d, c)"


def forward(
    x: Array,
    W1: Array,
    b1: Array | None,
    W2: Array,
    b2: Array | None = None,
    W_s: Array | None = None,
    *,
    relu_after: bool = False,
) -> tuple[Array, Any]:
    """The output, and what the layers inside have saved."""
    x, W1, b1, W2, b2, W_s = arrays(SHAPES, x, W1, b1, W2, b2, W_s)
    if W_s is None and W2.shape[1] != x.shape[-1]:
        raise ValueError(f"W2 has shape {W2.shape}: expected {x.shape[-1]} columns as x, or W_s, a projection of x")
    choice("relu_after", relu_after, (True, False))
    hidden, saved_first = affine.forward(x, W1, b1)
    active, saved_relu = relu.forward(hidden)
    branch, saved_second = affine.forward(active, W2, b2)
    shortcut, saved_shortcut = (x, None) if W_s is None else affine.forward(x, W_s)
    y, saved_add = add.forward(shortcut, branch)
    y, saved_after = relu.forward(y) if relu_after else (y, None)
    return y, (saved_first, saved_relu, saved_second, saved_shortcut, saved_add, saved_after)


def backward(d_output: Array, saved: Any) -> dict[str, Array]:
    """The gradients of all inputs: the layers backwards, and the two paths to x added."""
    saved_first, saved_relu, saved_second, saved_shortcut, saved_add, saved_after = saved
    d_y = d_output if saved_after is None else relu.backward(d_output, saved_after)["x"]
    d_shortcut, d_branch = add.backward(d_y, saved_add).values()
    second = affine.backward(d_branch, saved_second)
    first = affine.backward(relu.backward(second["x"], saved_relu)["x"], saved_first)
    shortcut = {"x": d_shortcut} if saved_shortcut is None else affine.backward(d_shortcut, saved_shortcut)
    found = {
        "x": shortcut["x"] + first["x"],
        "W1": first["W"],
        "b1": first.get("b"),
        "W2": second["W"],
        "b2": second.get("b"),
        "W_s": shortcut.get("W"),
    }
    return {name: gradient for name, gradient in found.items() if gradient is not None}


def sample(rng: np.random.Generator) -> Case:
    """A batch of rows, with or without a projection."""
    n, d, h, c = rng.integers(3, 7, 4)
    projected = bool(rng.integers(2))
    return Case(
        *weights(rng, (n,), d, h, c if projected else d, projected=projected), relu_after=bool(rng.integers(2))
    )


def weights(
    rng: np.random.Generator, batch: tuple[int, ...], d: int, h: int, c: int, *, projected: bool = False
) -> tuple[Array | None, ...]:
    """Inputs with these sizes."""
    W_s = normal(rng, d, c) if projected else None
    return normal(rng, *batch, d), normal(rng, d, h), normal(rng, h), normal(rng, h, c), normal(rng, c), W_s


LAYER = Layer(
    forward=forward,
    backward=backward,
    sample=sample,
    formula="net-residual",
    cases={
        "identity shortcut": lambda rng: Case(*weights(rng, (3,), 4, 5, 4)),
        "projection": lambda rng: Case(*weights(rng, (3,), 4, 5, 2, projected=True)),
        "relu after the addition": lambda rng: Case(*weights(rng, (4,), 3, 5, 3), relu_after=True),
        "projection, relu after": lambda rng: Case(*weights(rng, (3,), 4, 5, 2, projected=True), relu_after=True),
        "without biases": lambda rng: Case(normal(rng, 3, 4), normal(rng, 4, 2), None, normal(rng, 2, 4)),
        "branch that is 0": lambda rng: Case(normal(rng, 3, 4), normal(rng, 4, 2), None, np.zeros((2, 4))),
        # one sample: the slopes 0 of several relus at 0 add up to none of the slopes on both sides of their sum
        "hidden units exactly at 0": lambda rng: Case(normal(rng, 4), np.zeros((4, 2)), None, normal(rng, 2, 4)),
        "hidden units that are dead": lambda rng: Case(
            normal(rng, 3, 4), normal(rng, 4, 2), np.full(2, -900.0), normal(rng, 2, 4)
        ),
        "sequences": lambda rng: Case(*weights(rng, (2, 3), 4, 5, 4)),
        "one sample without batch": lambda rng: Case(*weights(rng, (), 4, 5, 4)),
        "one sample": lambda rng: Case(*weights(rng, (1,), 4, 5, 4)),
        "empty batch": lambda rng: Case(*weights(rng, (0,), 4, 5, 4)),
    },
)
