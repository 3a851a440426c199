"""What NumPy is understood: the traced program computes what the function computes, at several sizes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.special as sp
from scipy.special import expit, logsumexp

from derive.evaluate import run
from derive.size_algebra import evaluate_size
from derive.tracing import trace

Array = np.ndarray[Any, np.dtype[Any]]
M, V, S, T3 = ("n", "d"), ("d",), ("d", "d"), ("b", "n", "d")


def positive(x: Array) -> Array:
    return np.abs(x) + 0.5


# A function, and the shapes of its arguments: p is positive, s symmetric and positive definite, i integers below 2.
CASES: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    # arithmetic and broadcasting
    "plus": (lambda X, v: X + v, {"X": M, "v": V}),
    "column": (lambda X, w: X * w[:, None] - 2.5, {"X": M, "w": "n"}),
    "quotient": (lambda X, p: X / p / 3, {"X": M, "p": V}),
    "powers": (lambda p: p**2 + p**0.5 + p**-1 + 2**p + p**p, {"p": V}),
    "negative": (lambda X: -X + (+X) * 1.5 - abs(X), {"X": M}),
    "scalars": (lambda X: X * 2 + np.float64(0.25) - np.pi, {"X": M}),
    "scalar argument": (lambda X, a: a * X + a**2, {"X": M, "a": ()}),
    "sizes as numbers": (lambda X: X.sum() / X.shape[0] + X.size - len(X) * X.shape[1] / 2, {"X": M}),
    "root of a size": (lambda X: X / np.sqrt(X.shape[1]) * X.shape[0] ** -0.5, {"X": M}),
    # functions of numbers
    "exp": (lambda X: np.exp(X) + np.expm1(X), {"X": M}),
    "log": (lambda p: np.log(p) + np.log1p(p) + np.log2(p) + np.log10(p), {"p": V}),
    "trigonometric": (lambda X: np.sin(X) + np.cos(X) * np.tan(X / 4) + np.arctan(X), {"X": M}),
    "hyperbolic": (lambda X: np.sinh(X) + np.cosh(X) - np.tanh(X), {"X": M}),
    "roots": (lambda p: np.sqrt(p) + np.square(p) + np.reciprocal(p) + np.cbrt(p), {"p": V}),
    "expit": (lambda X: expit(X) + sp.erf(X) + sp.expit(-X), {"X": M}),
    "maximum": (lambda X, Y: np.maximum(X, Y) + np.minimum(X, 0.1) + np.maximum(X, 0), {"X": M, "Y": M}),
    "clip": (lambda X: np.clip(X, -0.5, 0.5) + X.clip(0, 1) + np.abs(X) + np.sign(X), {"X": M}),
    "logaddexp": (lambda X, Y: np.logaddexp(X, Y) + np.logaddexp(0, X), {"X": M, "Y": M}),
    "where": (lambda X, Y: np.where(X > 0, X, 0.1 * Y) + np.where(X <= Y, Y, 2.0), {"X": M, "Y": M}),
    "comparisons": (lambda X: X * (X > 0) + (X < 0.5) * 2.0, {"X": M}),
    "both": (lambda X: np.where((X > -1) & (X < 1), X, 0.0), {"X": M}),
    # reductions
    "sums": (lambda X: X.sum(axis=0) + np.sum(X) + X.sum(axis=1, keepdims=True).sum(), {"X": M}),
    "sum of two axes": (lambda T: T.sum(axis=(0, 2)), {"T": T3}),
    "means": (lambda X: X.mean(axis=0) - X.mean() + np.mean(X, axis=-2), {"X": M}),
    "variances": (lambda X: X.var(axis=0) + X.std() + np.var(X, axis=0, ddof=1), {"X": M}),
    "extrema": (lambda X: X.max(axis=1) - X.min(axis=1) + np.max(X) + np.min(X, axis=None), {"X": M}),
    "kept": (lambda X: X - X.max(axis=1, keepdims=True) + X.min(keepdims=True), {"X": M}),
    "cumsum": (lambda X: np.cumsum(X, axis=1) + X.cumsum(axis=0), {"X": M}),
    "norms": (lambda X: np.linalg.norm(X) + sum(np.linalg.norm(X, p, axis=1) for p in (1, 2, np.inf)), {"X": M}),
    "softmax": (lambda X: sp.softmax(X, axis=1) + sp.log_softmax(X, axis=0), {"X": M}),
    "logsumexp": (lambda X: logsumexp(X, axis=1, keepdims=True) + logsumexp(X), {"X": M}),
    "product of entries": (lambda X: np.prod(X, axis=1), {"X": ("n", 3)}),
    "average": (lambda X, p: np.average(X, axis=1, weights=p), {"X": M, "p": V}),
    # products
    "matmul": (lambda A, B: A @ B, {"A": ("n", "d"), "B": ("d", "m")}),
    "vectors": (lambda A, x, y: y @ A @ x + x @ x, {"A": M, "x": "d", "y": "n"}),
    "batched": (lambda A, B: np.matmul(A, B), {"A": ("b", "n", "d"), "B": ("b", "d", "m")}),
    "batch broadcast": (lambda A, B: A @ B, {"A": ("b", "n", "d"), "B": ("d", "m")}),
    "dot": (lambda A, B: np.dot(A, B) + np.dot(A, B[:, 0])[:, None] + A.dot(B).sum(), {"A": M, "B": ("d", "m")}),
    "einsum": (lambda A, B: np.einsum("ij,jk->ik", A, B), {"A": M, "B": ("d", "m")}),
    "einsum implicit": (lambda A, B: np.einsum("bij,bjk", A, B), {"A": T3, "B": ("b", "d", "m")}),
    "einsum dots": (lambda A: np.einsum("...ij->...ji", A), {"A": T3}),
    "einsum diagonal": (lambda A: np.einsum("ii->i", A) + np.einsum("ii", A), {"A": S}),
    "tensordot": (lambda A, B: np.tensordot(A, B, axes=([1, 2], [1, 0])), {"A": T3, "B": ("d", "n", "m")}),
    "outer": (lambda x, y: np.outer(x, y) + np.inner(x, x) + np.vdot(y, y), {"x": "n", "y": "d"}),
    "trace": (lambda A: np.trace(A) + A.trace() + np.diag(A) + np.diagonal(A), {"A": S}),
    "diag": (lambda x: np.diag(x), {"x": "n"}),
    "diag above": (lambda x: np.diag(x, 1) + np.diag(x, -1), {"x": "n"}),
    "diagonal above": (lambda A: np.diagonal(A, 1) + np.diag(A, -1), {"A": S}),
    "kron": (lambda A, B: np.kron(A, B), {"A": M, "B": ("m", "k")}),
    # shapes
    "reshape": (lambda X: X.reshape(-1) * 2, {"X": M}),
    "by columns": (lambda X: X.reshape(-1, order="F") + np.ravel(X, "F"), {"X": M}),
    "split axis": (lambda X: X.reshape(X.shape[0], 2, -1).sum(axis=2), {"X": ("n", "2*k")}),
    "merged axes": (lambda T: T.reshape(T.shape[0] * T.shape[1], T.shape[2]), {"T": T3}),
    "merged and split": (lambda T: T.transpose(1, 0, 2).reshape(T.shape[1], -1), {"T": T3}),
    "ravel": (lambda X: X.ravel()[::-1] + X.flatten(), {"X": M}),
    "transposes": (lambda T: T.T + np.transpose(T) + T.swapaxes(0, 2) + np.moveaxis(T, (0, 2), (2, 0)), {"T": T3}),
    "new axes": (lambda X: np.expand_dims(X, 1) * X[None, :, :] + X[:, None], {"X": M}),
    "squeeze": (lambda X: np.squeeze(X[:, :, None]) + X[None].squeeze(0), {"X": M}),
    "broadcast_to": (lambda v: np.broadcast_to(v, (4, v.shape[0])) * 2.0, {"v": V}),
    "concatenate": (lambda X, Y: np.concatenate([X, Y], axis=1), {"X": M, "Y": ("n", "m")}),
    "stacked": (lambda X, Y: np.stack([X, Y, X * 2], axis=1), {"X": M, "Y": M}),
    "vstack": (lambda X, v: np.vstack([X, v]) + np.hstack([v, v])[: v.shape[0]], {"X": M, "v": V}),
    "numbers put together": (lambda X, a: np.hstack([a, X[0], 2.0]) + np.append(a, X[:, 0])[0], {"X": M, "a": ()}),
    "blocks": (lambda X, v: np.block([[X, X], [np.column_stack([X[0], v]).T, 0 * X[:2]]]), {"X": M, "v": V}),
    "split of halves": (
        lambda X: np.subtract(*np.split(np.concatenate([X[: len(X) // 2], np.cos(X[: len(X) // 2])]), 2)),
        {"X": M},
    ),
    "split": (lambda X: np.split(X, 2, axis=1)[0] - np.split(X, 2, axis=1)[1], {"X": ("n", "2*k")}),
    "pad": (lambda X: np.pad(X, ((1, 2), (0, 1))), {"X": M}),
    "pad by two numbers": (lambda X: np.pad(X, (1, 2), constant_values=(3.0, -1.0)), {"X": M}),
    "pad far": (lambda X: np.pad(X, ((0, 0), (3, 4)), "reflect"), {"X": ("n", 2)}),
    "pad all": (lambda X: np.pad(X, 1, constant_values=3.0), {"X": M}),
    "flip": (lambda X: np.flip(X, axis=1) + X[::-1] + np.flipud(X), {"X": M}),
    "roll": (lambda X: np.roll(X, 1, axis=1) + np.roll(X, -1, axis=0), {"X": M}),
    "tile": (lambda X: np.tile(X, (2, 3)), {"X": M}),
    "repeat": (lambda X: np.repeat(X, 2, axis=1), {"X": M}),
    "triangles": (lambda A: np.tril(A) + np.triu(A, 1), {"A": S}),
    "eye": (lambda A: A + np.eye(len(A)) * 2 + np.ones(A.shape) - np.zeros_like(A) + np.full_like(A, 0.5), {"A": S}),
    "arange": (lambda X: X * np.arange(X.shape[1]) + np.arange(1, X.shape[1] + 1), {"X": M}),
    "frequencies": (lambda X: X * 100.0 ** (-np.arange(X.shape[1]) / X.shape[1]), {"X": M}),
    "windows": (lambda x, w: np.lib.stride_tricks.sliding_window_view(x, w.shape[0]) @ w, {"x": "n+2", "w": "2"}),
    # indexing
    "slices": (lambda X: X[1:, :-1] + X[:-1, 1:], {"X": M}),
    "steps": (lambda X: X[:, ::2] + X[:, 1::2], {"X": ("n", "2*k")}),
    "entries": (lambda X: X[0] + X[-1] + X[:, 0].sum() + X[1, -1], {"X": M}),
    "ellipsis": (lambda T: T[..., 0] + T[:, :, 1], {"T": T3}),
    "gather": (lambda X, i: X[i], {"X": M, "i": "m"}),
    "pairs": (lambda X, i: X[np.arange(X.shape[0]), i], {"X": M, "i": "n"}),
    "one-hot": (lambda X, i: (X * (i[:, None] == np.arange(X.shape[1]))).sum(axis=1), {"X": M, "i": "n"}),
    "constant gather": (lambda X: X[:, [1, 0, 1]] + X[:, np.array([0, 0, 1])], {"X": M}),
    "places from the end": (lambda X: X[:, [-1, -2]] - X[[-1]][0, 0], {"X": M}),
    "constant mask": (lambda X: X[np.array([True, False, True])], {"X": (3, "d")}),
    "take_along_axis": (lambda X, i: np.take_along_axis(X, i[:, None], axis=1), {"X": M, "i": "n"}),
    "argmax": (lambda X: X[np.arange(X.shape[0]), X.argmax(axis=1)], {"X": M}),
    "argmax of one": (
        lambda X: np.take_along_axis(s := X.sum(axis=1, keepdims=True), s.argmax(axis=1)[:, None], axis=1),
        {"X": M},
    ),
    "argmax of the same": (lambda X: X[:, np.argmax(np.broadcast_to(X[:, :1], X.shape), axis=1)], {"X": M}),
    "causal": (lambda A: np.where(np.tril(np.ones(A.shape)) == 0, -5.0, A), {"A": S}),
    "constant": (lambda X: X @ np.array([[1.0, 2.0], [3.0, 4.0]]), {"X": ("n", 2)}),
    # linear algebra
    "inverse": (lambda s, x: np.linalg.inv(s) @ x + np.linalg.solve(s, x), {"s": S, "x": "d"}),
    "determinants": (lambda s: np.linalg.det(s) + np.linalg.slogdet(s)[1], {"s": S}),
    "cholesky": (lambda s: np.linalg.cholesky(s) @ np.linalg.cholesky(s @ s), {"s": S}),
    "matrix power": (lambda A: np.linalg.matrix_power(A, 3), {"A": S}),
}  # fmt: skip

SIZES = (
    {"n": 3, "d": 4, "m": 5, "b": 2, "k": 2},
    {"n": 5, "d": 3, "m": 2, "b": 4, "k": 3},
    {"n": 2, "d": 6, "m": 3, "b": 1, "k": 1},
)


def drawn(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    values = rng.normal(size=shape)
    if name == "p":
        return positive(values)
    if name == "s":
        return values @ values.T + 3 * np.eye(len(values))
    return rng.integers(0, 2, size=shape) if name == "i" else values


@pytest.mark.parametrize("case", CASES)
def test_the_program_computes_what_the_function_computes(case: str) -> None:
    function, shapes = CASES[case]
    program = trace(function, shapes)
    for seed, sizes in enumerate(SIZES):
        rng = np.random.default_rng(seed)
        symbols = {s: sizes[s.name] for s in program.sizes()}
        arrays = {
            t.name: drawn(t.name, tuple(evaluate_size(a, symbols) for a in t.axes), rng)
            for t in program.inputs
            if t not in program.constants
        }
        expected = function(**arrays)
        constants = {t.name: values for t, values in program.constants.items()}
        found = run(program, {**arrays, **constants}, symbols).arrays[program.output]
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12, err_msg=f"{program.items}")
