"""Mistakes in sums, products, affine maps, what repeats or reorders entries, dropout, and blocks of affine maps."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.mistakes.mistake import of_layer, right_layer
from verify.layer import normal

__all__ = ["CORRECT", "MISTAKES"]

Rng = np.random.Generator


def row(rng: Rng) -> tuple[Any, ...]:
    """A matrix and a row."""
    return normal(rng, 4, 3), normal(rng, 3)


def kept_row(rng: Rng) -> tuple[Any, ...]:
    """A matrix and a row that has an axis of size 1."""
    return normal(rng, 4, 3), normal(rng, 1, 3)


def alike(rng: Rng) -> tuple[Any, ...]:
    """Two matrices of one shape."""
    return normal(rng, 4, 3), normal(rng, 4, 3)


def affine_map(rng: Rng) -> tuple[Any, ...]:
    """Rows, weights and a bias."""
    return normal(rng, 4, 3), normal(rng, 3, 5), normal(rng, 5)


def affine_stack(rng: Rng) -> tuple[Any, ...]:
    """Rows in two batch axes, weights and a bias."""
    return normal(rng, 2, 4, 3), normal(rng, 3, 5), normal(rng, 5)


def square_map(rng: Rng) -> tuple[Any, ...]:
    """Rows, weights from a space to itself and a bias."""
    return normal(rng, 3, 4), normal(rng, 4, 4), normal(rng, 4)


def stack(rng: Rng) -> tuple[Any, ...]:
    """A stack of matrices, and a matrix."""
    return normal(rng, 2, 4, 3), normal(rng, 3, 5)


def squares(rng: Rng) -> tuple[Any, ...]:
    """Two square matrices."""
    return normal(rng, 4, 4), normal(rng, 4, 4)


def cube(rng: Rng) -> tuple[Any, ...]:
    """One array with three axes."""
    return (normal(rng, 2, 3, 4),)


def square(rng: Rng) -> tuple[Any, ...]:
    """One square matrix."""
    return (normal(rng, 4, 4),)


def table(rng: Rng) -> tuple[Any, ...]:
    """One matrix."""
    return (normal(rng, 4, 5),)


def block(rng: Rng) -> tuple[Any, ...]:
    """Rows and the weights of a residual block whose shortcut is a projection."""
    n, d, h, c = 4, 3, 5, 2
    return (
        *(normal(rng, n, d), normal(rng, d, h), normal(rng, h), normal(rng, h, c), normal(rng, c)),
        normal(rng, d, c),
    )


def plain_block(rng: Rng) -> tuple[Any, ...]:
    """Rows and the weights of a residual block whose shortcut is the identity."""
    n, d, h = 4, 3, 5
    return normal(rng, n, d), normal(rng, d, h), normal(rng, h), normal(rng, h, d), normal(rng, d)


def even_block(rng: Rng) -> tuple[Any, ...]:
    """A residual block as wide inside as outside."""
    return normal(rng, 3, 4), normal(rng, 4, 4), normal(rng, 4), normal(rng, 4, 4), normal(rng, 4)


def highway(rng: Rng) -> tuple[Any, ...]:
    """Rows and the weights of a highway block."""
    return normal(rng, 3, 4), normal(rng, 4, 4), normal(rng, 4), normal(rng, 4, 4), normal(rng, 4)


def kinked_highway(rng: Rng) -> tuple[Any, ...]:
    """A highway block, some of whose activations are exactly at 0, and the first row of zeros."""
    x, W_H, _, W_T, b_T = highway(rng)
    x[0] = 0
    return x, W_H, np.zeros(4), W_T, b_T


def kinked_block(rng: Rng) -> tuple[Any, ...]:
    """A residual block, some of whose activations are exactly at 0."""
    x, W1, b1, W2, b2 = plain_block(rng)
    x[0], b1[:3] = 0, 0
    return x, W1, b1, W2, b2


ADD = '{"x": unbroadcast(d_z, x.shape), "y": unbroadcast(d_z, y.shape)}'
MUL = '{"x": unbroadcast(d_z * y, x.shape), "y": unbroadcast(d_z * x, y.shape)}'
AFFINE = '"x": (rows @ W.T).reshape(x.shape), "W": x.reshape(n, W.shape[0]).T @ rows}'
BIAS = '"b": sum_over((0,), rows)'
ROWS = "rows = d_y.reshape(n, W.shape[1])"
LEFT = "unbroadcast(d_Y @ M.swapaxes(-1, -2), X.shape)"
RIGHT = "np.tensordot(X, d_Y, (rows, rows))"
MATRICES = '{"x": d_X.reshape(x.shape), "W": d_M.reshape(W.shape)}'
SUM = "np.broadcast_to(d_y.reshape(kept), x.shape).copy()"
COPIES = "d_y.reshape(*x.shape[:copies], n, *x.shape[copies:])"
REPEAT = f"sum_over((copies,), {COPIES})"
FLATTEN = "cotangent(d_output, shape, x.dtype).reshape(x.shape).copy()"
DROPOUT = "np.asarray(factor * d_y)"
SUMMED = 'd_y * (1 - T) + transformed["x"] + gated["x"]'

MISTAKES = (
    # ------------------------------------------------------------------------------------------------------------ add
    of_layer(
        "add", "the gradient of a broadcast row is not summed",
        (ADD, ADD.replace('unbroadcast(d_z, y.shape)', "d_z.copy()")),
        inputs=row, kind="contract", or_kind=("axis",), culprits=(1,),
    ),
    of_layer(
        "add", "the mean over the batch in place of the sum",
        (ADD, ADD.replace('unbroadcast(d_z, y.shape)', "unbroadcast(d_z / len(d_z), y.shape)")),
        inputs=row, kind="scale", culprits=(1,),
    ),
    of_layer(
        "add", "the second gradient is that of a difference",
        (ADD, ADD.replace('"y": unbroadcast', '"y": -unbroadcast')),
        inputs=row, kind="sign", culprits=(1,),
    ),
    of_layer(
        "add", "both gradients are the cotangent itself",
        (ADD, '{"x": d_z, "y": d_z}'),
        inputs=alike, kind="contract", culprits=(0, 1),
    ),
    of_layer(
        "add", "a broadcast row keeps the last of its gradients",
        (ADD, ADD.replace('unbroadcast(d_z, y.shape)', "d_z[-1].copy()")),
        inputs=row, kind="accumulate", or_kind=("axis",), culprits=(1,),
    ),
    of_layer(
        "add", "the second gradient counts the rows, as for a sum",
        (ADD, ADD.replace('unbroadcast(d_z, y.shape)', "np.full(y.shape, float(len(d_z)))")),
        inputs=row, kind="cotangent", culprits=(1,),
    ),
    # ------------------------------------------------------------------------------------------------------------ mul
    of_layer(
        "mul", "each gradient has its own factor",
        (MUL, '{"x": unbroadcast(d_z * x, x.shape), "y": unbroadcast(d_z * y, y.shape)}'),
        inputs=alike, kind="gate", culprits=(0, 1),
    ),
    of_layer(
        "mul", "the cotangent is left out of one gradient",
        (MUL, MUL.replace("d_z * x", "x")),
        inputs=kept_row, kind="cotangent", culprits=(1,),
    ),
    of_layer(
        "mul", "the summed axis is not kept",
        (MUL, MUL.replace("unbroadcast(d_z * x, y.shape)", "(d_z * x).sum(axis=0)")),
        inputs=kept_row, kind="contract", culprits=(1,),
    ),
    of_layer(
        "mul", "negative factors count as 0",
        (MUL, MUL.replace("d_z * y", "d_z * np.maximum(y, 0)")),
        inputs=alike, kind="region", or_kind=("mask", "local"), culprits=(0,),
    ),
    of_layer(
        "mul", "one product is rounded to float32",
        (MUL, MUL.replace("d_z * y", "(d_z.astype(np.float32) * y.astype(np.float32)).astype(float)")),
        inputs=kept_row, kind="precision", or_kind=("subtle",), culprits=(0,),
    ),
    of_layer(
        "mul", "the product is written over the cotangent",
        (MUL, '{"y": unbroadcast(d_z * x, y.shape), "x": unbroadcast(np.multiply(d_z, y, out=d_z), x.shape)}'),
        inputs=kept_row, kind="contract", culprits=None,
    ),
    of_layer(
        "mul", "the factor is read from a global that the first call set",
        ("Saved = tuple[Array, Array]", "Saved, FIRST = tuple, []"),
        (MUL, MUL.replace("d_z * y", "d_z * FIRST[0]")),
        ("    x, y = saved\n", "    x, y = saved\n    FIRST.append(y)\n"),
        inputs=alike, kind="cache", culprits=(0,), shown_by="a second call",
    ),
    # --------------------------------------------------------------------------------------------------------- affine
    of_layer(
        "affine", "the gradient of the bias is a mean over the batch",
        (BIAS, '"b": rows.mean(axis=0)'), inputs=affine_map, kind="scale", culprits=(2,),
    ),
    of_layer(
        "affine", "the gradient of the bias is summed over the features",
        (BIAS, '"b": rows.sum(axis=1)'), inputs=affine_map, kind="axis", or_kind=("contract",), culprits=(2,),
    ),
    of_layer(
        "affine", "the gradient of the bias keeps the summed axis",
        (BIAS, '"b": rows.sum(axis=0, keepdims=True)'), inputs=affine_map, kind="contract", culprits=(2,),
    ),
    of_layer(
        "affine", "the gradient of the bias is forgotten",
        ("if biased else gradients", "if not biased else gradients"),
        inputs=affine_map, kind="contract", culprits=(2,),
    ),
    of_layer(
        "affine", "the weights are not transposed",
        (AFFINE, AFFINE.replace("W.T", "W")), inputs=square_map, kind="axis", culprits=(0,),
    ),
    of_layer(
        "affine", "the gradient of the weights is that of the last sample",
        (AFFINE, AFFINE.replace("W.shape[0]).T @ rows", "W.shape[0])[-1:].T @ rows[-1:]")),
        inputs=affine_map, kind="accumulate", or_kind=("axis",), culprits=(1,),
    ),
    of_layer(
        "affine", "the gradient of the weights is divided by the batch",
        (AFFINE, AFFINE.replace("@ rows}", "@ rows / n}")), inputs=affine_map, kind="scale", culprits=(1,),
    ),
    of_layer(
        "affine", "the gradient of the weights lies as PyTorch has it",
        (AFFINE, AFFINE.replace("x.reshape(n, W.shape[0]).T @ rows", "rows.T @ x.reshape(n, W.shape[0])")),
        inputs=affine_map, kind="axis", or_kind=("contract",), culprits=(1,),
    ),
    of_layer(
        "affine", "square weights have a transposed gradient",
        (AFFINE, AFFINE.replace("x.reshape(n, W.shape[0]).T @ rows", "rows.T @ x.reshape(n, W.shape[0])")),
        inputs=square_map, kind="axis", culprits=(1,),
    ),
    of_layer(
        "affine", "the sign of the gradient of x is turned",
        (AFFINE, AFFINE.replace("rows @ W.T", "-rows @ W.T")), inputs=affine_map, kind="sign", culprits=(0,),
    ),
    of_layer(
        "affine", "the gradient of the weights takes the size of the cotangent",
        (AFFINE, AFFINE.replace("@ rows}", "@ np.abs(rows)}")), inputs=affine_map, kind="cotangent", culprits=(1,),
    ),
    of_layer(
        "affine", "weight decay of 1e-4 is added to the gradient of the weights",
        (AFFINE, AFFINE.replace("@ rows}", "@ rows + 1e-4 * W}")), inputs=affine_map, kind="subtle",
        or_kind=("path", "cotangent"), culprits=(1,),
    ),
    of_layer(
        "affine", "a batch of one sample loses its axis", (ROWS, ROWS + ".squeeze()"),
        inputs=lambda rng: (normal(rng, 1, 3), normal(rng, 3, 5), normal(rng, 5)), kind="contract", culprits=None,
        hard=True,
    ),
    of_layer(
        "affine", "the gradient of float32 is float64",
        (AFFINE, AFFINE.replace("rows @ W.T", "rows.astype(float) @ W.T")),
        inputs=lambda rng: tuple(one.astype(np.float32) for one in affine_map(rng)), kind="contract",
        or_kind=("precision",), culprits=(0,),
    ),
    of_layer(
        "affine", "two batch axes are merged in the other order",
        (ROWS, 'rows = d_y.reshape(n, W.shape[1], order="F")'),
        inputs=affine_stack, kind="axis", or_kind=("index",), culprits=(0, 1),
    ),
    of_layer(
        "affine", "the cotangent is read in the order of its memory",
        (ROWS, 'rows = d_y.ravel(order="K").reshape(n, W.shape[1])'),
        inputs=affine_map, kind="cotangent", culprits=(0, 1, 2), shown_by="a cotangent in Fortran order",
    ),
    of_layer(
        "affine", "gradients of the weights add up from call to call",
        ("Saved = tuple[Array, Array, bool]", "Saved = tuple[Array, Array, bool]\nTOTAL = {}"),
        (
            "    return {**gradients, \"b\"",
            "    TOTAL[W.shape] = TOTAL.get(W.shape, 0) + gradients['W']\n"
            "    gradients['W'] = TOTAL[W.shape].copy()\n    return {**gradients, \"b\"",
        ),
        inputs=affine_map, kind="cache", or_kind=("contract",), culprits=(1,), shown_by="a second call",
    ),
    # --------------------------------------------------------------------------------------------------------- matmul
    of_layer(
        "matmul", "the second factor is not transposed",
        (LEFT, "unbroadcast(d_Y @ M, X.shape)"), inputs=squares, kind="axis", culprits=(0,),
    ),
    of_layer(
        "matmul", "the gradients are returned in the wrong order",
        (MATRICES, '{"W": d_X.reshape(x.shape), "x": d_M.reshape(W.shape)}'),
        inputs=squares, kind="gate", or_kind=("axis",), culprits=(0, 1),
    ),
    of_layer(
        "matmul", "the last of a stack alone counts for the weights",
        (RIGHT, "X[-1].T @ d_Y[-1]"), inputs=stack, kind="accumulate", or_kind=("axis",), culprits=(1,),
    ),
    of_layer(
        "matmul", "the transposed gradient is reshaped until it fits",
        (MATRICES, MATRICES.replace("d_M.reshape", "d_M.T.reshape")), inputs=stack, kind="axis", culprits=(1,),
    ),
    of_layer(
        "matmul", "the gradient of the weights is computed in float32",
        (RIGHT, "np.tensordot(X.astype(np.float32), d_Y.astype(np.float32), (rows, rows)).astype(float)"),
        inputs=stack, kind="precision", or_kind=("subtle",), culprits=(1,),
    ),
    of_layer(
        "matmul", "the last row has no gradient",
        ("    if M.ndim == 2:", "    d_X[..., -1, :] = 0\n    if M.ndim == 2:"),
        inputs=stack, kind="local", or_kind=("index", "mask"), culprits=(0,),
    ),
    of_layer(
        "matmul", "one part in a million is added to the gradient of the weights",
        (RIGHT, "np.tensordot(X, d_Y, (rows, rows)) * (1 + 1e-6)"),
        inputs=stack, kind="subtle", or_kind=("scale",), culprits=(1,),
    ),
    # ------------------------------------------------------------------------------------------------------------ sum
    of_layer(
        "sum", "it is taken for a mean",
        (SUM, "np.broadcast_to(d_y.reshape(kept) / x.shape[1], x.shape).copy()"),
        inputs=cube, kind="scale", culprits=(0,), axis=1,
    ),
    of_layer(
        "sum", "the gradient is a view of the cotangent",
        (SUM, SUM.replace(".copy()", "")), inputs=cube, kind="contract", culprits=(0,), axis=1,
    ),
    of_layer(
        "sum", "the cotangent is broadcast along the other axis",
        (SUM, "np.broadcast_to(d_y.reshape(kept[::-1]), x.shape).copy()"),
        inputs=square, kind="axis", culprits=(0,), axis=0,
    ),
    of_layer(
        "sum", "the gradient is one, whatever comes from above",
        (SUM, "np.ones(x.shape)"), inputs=cube, kind="cotangent", culprits=(0,), axis=(0, 2),
    ),
    of_layer(
        "sum", "every entry gets the sum of the cotangent",
        (SUM, "np.full(x.shape, d_y.sum())"), inputs=cube, kind="cotangent", or_kind=("axis",),
        culprits=(0,), axis=1,
    ),
    of_layer(
        "sum", "the summed axis stays of size 1",
        (SUM, "d_y.reshape(kept).copy()"), inputs=cube, kind="contract", culprits=(0,), axis=2,
    ),
    # --------------------------------------------------------------------------------------------------------- repeat
    of_layer(
        "repeat", "copies of each entry are taken for copies of the whole",
        (REPEAT, "d_y.reshape(n, *x.shape).sum(axis=0)"),
        inputs=table, kind="axis", or_kind=("index",), culprits=(0,), along="each", n=3,
    ),
    of_layer(
        "repeat", "the first copy alone counts",
        (REPEAT, f"{COPIES}.take(0, axis=copies)"),
        inputs=table, kind="accumulate", or_kind=("axis", "path"), culprits=(0,), n=3,
    ),
    of_layer(
        "repeat", "the mean of the copies",
        (REPEAT, f"{COPIES}.mean(axis=copies)"), inputs=table, kind="scale", culprits=(0,), n=3, axis=1,
    ),
    of_layer(
        "repeat", "the copies are not summed",
        (REPEAT, "d_y.copy()"), inputs=table, kind="contract", or_kind=("axis",), culprits=(0,), n=3, axis=1,
    ),
    of_layer(
        "repeat", "the largest of the copies counts",
        (REPEAT, f"{COPIES}.max(axis=copies)"), inputs=table, kind="cotangent", or_kind=("accumulate",),
        culprits=(0,), n=2, along="whole",
    ),
    # -------------------------------------------------------------------------------------------------------- flatten
    of_layer(
        "flatten", "entries are laid back in the order of columns",
        (FLATTEN, FLATTEN.replace("reshape(x.shape)", 'reshape(x.shape, order="F")')),
        inputs=cube, kind="axis", or_kind=("index",), culprits=(0,),
    ),
    of_layer(
        "flatten", "the gradient stays flat",
        (FLATTEN, FLATTEN.replace(".reshape(x.shape)", "")), inputs=cube, kind="contract", culprits=(0,),
    ),
    of_layer(
        "flatten", "the gradient is a view of the cotangent",
        (FLATTEN, FLATTEN.replace(".copy()", "")), inputs=cube, kind="contract", culprits=(0,),
    ),
    of_layer(
        "flatten", "the last two axes are exchanged",
        (FLATTEN, FLATTEN.replace("reshape(x.shape)", "reshape(x.shape[0], x.shape[2], x.shape[1]).swapaxes(1, 2)")),
        inputs=cube, kind="axis", or_kind=("index",), culprits=(0,),
    ),
    of_layer(
        "flatten", "the cotangent is read in the order of its memory",
        (FLATTEN, 'cotangent(d_output, shape, x.dtype).ravel(order="K").reshape(x.shape).copy()'),
        inputs=cube, kind="cotangent", culprits=(0,), shown_by="a cotangent in Fortran order",
    ),
    of_layer(
        "flatten", "entries are shifted by one",
        (FLATTEN, "np.roll(cotangent(d_output, shape, x.dtype), 1, axis=1).reshape(x.shape)"),
        ("import math\n", "import math\nimport numpy as np\n"),
        inputs=cube, kind="index", culprits=(0,),
    ),
    # -------------------------------------------------------------------------------------------------------- dropout
    of_layer(
        "dropout", "the mask without its factor",
        (DROPOUT, "np.asarray((factor != 0) * d_y)"), inputs=table, kind="scale", or_kind=("mask",),
        culprits=(0,), p=0.4, seed=3,
    ),
    of_layer(
        "dropout", "the factor without the mask",
        (DROPOUT, "np.asarray(factor.max() * d_y)"), inputs=table, kind="mask", culprits=(0,), p=0.4, seed=3,
    ),
    of_layer(
        "dropout", "what was dropped gets the gradient",
        (DROPOUT, "np.asarray((factor.max() - factor) * d_y)"), inputs=table, kind="mask", culprits=(0,),
        p=0.4, seed=3,
    ),
    of_layer(
        "dropout", "the factor is applied twice",
        (DROPOUT, "np.asarray(factor * factor * d_y)"), inputs=table, kind="scale", or_kind=("mask",),
        culprits=(0,), p=0.4, seed=3,
    ),
    of_layer(
        "dropout", "a new mask is drawn",
        (DROPOUT, "np.asarray((np.random.default_rng().random(d_y.shape) < 0.6) / 0.6 * d_y)"),
        inputs=table, kind="contract", or_kind=("mask", "cache"), culprits=(0,), p=0.4, seed=3,
    ),
    of_layer(
        "dropout", "the gradient is written over the saved factor",
        (DROPOUT, "np.multiply(factor, d_y, out=factor)"),
        inputs=table, kind="cache", or_kind=("contract",), culprits=(0,), p=0.4, seed=3, shown_by="a second call",
    ),
    of_layer(
        "dropout", "after training, the gradient is not scaled as the output is",
        (DROPOUT, "np.asarray((factor != 0) * d_y)"), inputs=table, kind="scale", culprits=(0,),
        p=0.3, inverted=False, training=False,
    ),
    # ------------------------------------------------------------------------------------------------- residual_block
    of_layer(
        "residual_block", "the shortcut is forgotten",
        ('shortcut["x"] + first["x"]', 'first["x"]'), inputs=plain_block, kind="path", culprits=(0,),
    ),
    of_layer(
        "residual_block", "the branch is forgotten",
        ('shortcut["x"] + first["x"]', 'shortcut["x"]'), inputs=block, kind="path", culprits=(0,),
    ),
    of_layer(
        "residual_block", "the shortcut is counted twice",
        ('shortcut["x"] + first["x"]', 'shortcut["x"] * 2 + first["x"]'), inputs=plain_block,
        kind="path", or_kind=("scale", "accumulate"), culprits=(0,),
    ),
    of_layer(
        "residual_block", "the gradient passes where the activation was 0",
        ('relu.backward(second["x"], saved_relu)["x"]', 'second["x"]'),
        inputs=block, kind="mask", culprits=(0, 1, 2),
    ),
    of_layer(
        "residual_block", "the gradients of the weights are exchanged",
        ('"W1": first["W"]', '"W1": second["W"]'), ('"W2": second["W"]', '"W2": first["W"]'),
        inputs=even_block, kind="gate", culprits=(1, 3),
    ),
    of_layer(
        "residual_block", "the last activation is passed over",
        ('d_output if saved_after is None else relu.backward(d_output, saved_after)["x"]', "d_output"),
        inputs=even_block, kind="mask", culprits=(0, 1, 2, 3, 4), relu_after=True,
    ),
    of_layer(
        "residual_block", "a bias has no gradient",
        ('"b2": second.get("b")', '"b2": None'), inputs=block, kind="contract", culprits=(4,),
    ),
    of_layer(
        "residual_block", "activations at 0 pass twice the gradient",
        (
            'relu.backward(second["x"], saved_relu)["x"]',
            'second["x"] * ((saved_relu > 0) + 2.0 * (saved_relu == 0))',
        ),
        inputs=kinked_block, kind="ties", or_kind=("region", "local", "mask"), culprits=(0, 2), hard=True,
    ),
    # -------------------------------------------------------------------------------------------------- highway_block
    of_layer(
        "highway_block", "what is carried is forgotten",
        (SUMMED, 'transformed["x"] + gated["x"]'), inputs=highway, kind="path", culprits=(0,),
    ),
    of_layer(
        "highway_block", "the path through the gate is forgotten",
        (SUMMED, 'd_y * (1 - T) + transformed["x"]'), inputs=highway, kind="path", culprits=(0,),
    ),
    of_layer(
        "highway_block", "carry and transform gates are exchanged",
        ("backward(d_y * T, saved_H)", "backward(d_y * (1 - T), saved_H)"), (SUMMED, SUMMED.replace("(1 - T)", "T")),
        inputs=highway, kind="gate", culprits=(0, 1, 2),
    ),
    of_layer(
        "highway_block", "the carried part of the gate's gradient has the wrong sign",
        ("d_y * (H - x)", "d_y * (H + x)"), inputs=highway, kind="sign", or_kind=("path",), culprits=(0, 3, 4),
    ),
    of_layer(
        "highway_block", "the gate's gradient without the carried part",
        ("d_y * (H - x)", "d_y * H"), inputs=highway, kind="path", culprits=(0, 3, 4),
    ),
    of_layer(
        "highway_block", "the gradients of both weights are exchanged",
        ('"W_H": transformed["W"]', '"W_H": gated["W"]'), ('"W_T": gated["W"]', '"W_T": transformed["W"]'),
        inputs=highway, kind="gate", culprits=(1, 3),
    ),
    of_layer(
        "highway_block", "the bias of the gate is off by one part in 100 000",
        ('gated.get("b")', 'gated["b"] * (1 + 1e-5)'), inputs=highway, kind="subtle", or_kind=("scale",),
        culprits=(4,),
    ),
    of_layer(
        "highway_block", "the slope of the activation is that of the first call",
        ('ACTIVATIONS = {"tanh": tanh, "relu": relu}', 'ACTIVATIONS = {"tanh": tanh, "relu": relu}\nFIRST = {}'),
        ("backward(d_y * T, saved_H)", 'backward(d_y * T, FIRST.setdefault("H", saved_H))'),
        inputs=highway, kind="cache", culprits=(0, 1, 2), shown_by="a second call",
    ),
    of_layer(
        "highway_block", "activations at 0 pass twice the gradient",
        (
            'ACTIVATIONS[activation].backward(d_y * T, saved_H)["x"]',
            "d_y * T * ((saved_H > 0) + 2.0 * (saved_H == 0))",
        ),
        inputs=kinked_highway, kind="ties", or_kind=("region", "local"), culprits=(0, 2), hard=True,
        activation="relu",
    ),
    of_layer(
        "dropout", "the cotangent is summed over the batch",
        (DROPOUT, "np.asarray(factor * d_y.sum(axis=0))"), inputs=table, kind="cotangent", or_kind=("axis",),
        culprits=(0,), p=0.4, seed=3,
    ),
)  # fmt: skip


CORRECT = (
    right_layer("add", "an empty batch and a row", inputs=lambda rng: (normal(rng, 0, 3), normal(rng, 3))),
    right_layer("add", "two numbers", inputs=lambda rng: (normal(rng), normal(rng))),
    right_layer("add", "1e10 and 1e-8", inputs=lambda rng: (1e10 * normal(rng, 4, 3), 1e-8 * normal(rng, 3))),
    right_layer("mul", "1e6 and 1e-8", inputs=lambda rng: (1e6 * normal(rng, 4, 3), 1e-8 * normal(rng, 4, 1))),
    right_layer("mul", "by zeros", inputs=lambda rng: (normal(rng, 4, 3), np.zeros((4, 3)))),
    right_layer(
        "mul", "float32", inputs=lambda rng: (normal(rng, 4, 3).astype(np.float32), normal(rng, 3).astype(np.float32))
    ),
    right_layer("affine", "one sample", inputs=lambda rng: (normal(rng, 1, 4), normal(rng, 4, 3), normal(rng, 3))),
    right_layer("affine", "empty batch", inputs=lambda rng: (normal(rng, 0, 4), normal(rng, 4, 3), normal(rng, 3))),
    right_layer(
        "affine", "outputs of 1e10",
        inputs=lambda rng: (1e6 * normal(rng, 3, 4), 1e4 * normal(rng, 4, 2), normal(rng, 2))
    ),
    right_layer(
        "affine", "outputs of 1e-10",
        inputs=lambda rng: (1e-6 * normal(rng, 3, 4), 1e-4 * normal(rng, 4, 2), 1e-10 * normal(rng, 2)),
    ),
    right_layer("affine", "inputs in Fortran's order", inputs=lambda rng: (
        np.asfortranarray(normal(rng, 4, 3)), np.asfortranarray(normal(rng, 3, 5)), normal(rng, 5)
    )),
    right_layer("matmul", "two vectors", inputs=lambda rng: (normal(rng, 4), normal(rng, 4))),
    right_layer(
        "sum", "of numbers that cancel", axis=1,
        inputs=lambda rng: (np.array([[1e10, 1.0, -1e10], [3.0, -3.0, 0.0]]),),
    ),
    right_layer("repeat", "once", inputs=table, n=1),
    right_layer("dropout", "all dropped", inputs=lambda rng: (normal(rng, 2, 3), np.zeros((2, 3), bool))),
    right_layer(
        "dropout", "exact zeros among the inputs",
        inputs=lambda rng: (normal(rng, 3, 4) * (rng.random((3, 4)) < 0.5),),
    ),
    right_layer("residual_block", "activations exactly at 0", inputs=kinked_block),
    right_layer("highway_block", "a closed gate", inputs=lambda rng: (*highway(rng)[:4], np.full(4, -40.0))),
)  # fmt: skip
