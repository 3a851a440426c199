"""Merged axes, parts of axes, windows and running sums in NumPy source are written as by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from derive.definitions import define
from derive.derivation import Derivation
from derive.index import letters
from derive.nodes import Sum
from derive.notation import at_least, less, name, tensor
from derive.program import Program
from derive.render.numpy import compiled, numpy_source
from derive.size_algebra import sizes
from tests.derive.render.exported import Case, Shapes


def running(x: Any, w: Any) -> Any:
    return np.sum(w * np.cumsum(x) ** 2)


def running_down_the_rows(X: Any, W: Any) -> Any:
    return np.sum(W * np.cumsum(X, axis=0) ** 2)


def at_risk(x: Any, t: Any) -> Any:
    """The partial likelihood of what is left from each time on."""
    left = np.cumsum(np.exp(x)[::-1])[::-1]
    return np.sum(t * (x - np.log(left)))


def patches(X: Any, W: Any) -> Any:
    n, h, w = X.shape
    P = X.reshape(n, h // 4, 4, w // 4, 4).transpose(0, 1, 3, 2, 4).reshape(n, (h // 4) * (w // 4), 16)
    return np.sum((P @ W) ** 2)


def heads(X: Any, W: Any, P: Any, R: Any) -> Any:
    t, k = X.shape[0], W.shape[1] // 4
    V = (X @ W).reshape(t, 4, k).transpose(1, 0, 2)
    return np.sum(R * (P @ V).transpose(1, 0, 2).reshape(t, 4 * k))


def rotated(Q: Any, C: Any, S: Any, R: Any) -> Any:
    d = Q.shape[1] // 2
    a, b = Q[:, :d], Q[:, d:]
    return np.sum(R * np.concatenate([a * C - b * S, a * S + b * C], axis=1))


def gated(X: Any, R: Any) -> Any:
    a, b = np.split(X, 2, axis=1)
    return np.sum(R * a / (1 + np.exp(-b)))


def rough(x: Any) -> Any:
    return np.sum(np.diff(x) ** 2)


def on_a_circle(x: Any, T: Any) -> Any:
    return np.sum(T * np.roll(x, 2) ** 2) + np.sum((np.roll(x, -1) - x) ** 3)


def on_a_torus(X: Any, T: Any) -> Any:
    return np.sum(T * np.roll(X, (1, -1), axis=(0, 1)) ** 2) + np.sum(np.roll(X, 1, axis=1)[0] ** 3)


def cropped(X: Any, T: Any) -> Any:
    return np.sum((X[1:-1, 1:-1] - T) ** 2)


def heads_of_their_own(X: Any, W: Any, R: Any) -> Any:
    return np.sum(R * np.tanh(np.einsum("td,dhk->htk", X, W)))


def contracted_twice(X: Any, W: Any, T: Any) -> Any:
    return np.sum((np.einsum("ntd,ntk->dk", X, W) - T) ** 2)


def box_filtered(x: Any, T: Any) -> Any:
    y = np.lib.stride_tricks.sliding_window_view(x, 5).sum(axis=1)
    return np.sum((y - T) ** 2)


def overlapping_means(X: Any, T: Any) -> Any:
    m = T.shape[1]
    Y = np.lib.stride_tricks.sliding_window_view(X, 3, axis=1)[:, ::2][:, :m].mean(axis=2)
    return np.sum((Y - T) ** 2)


def half_sums(x: Any, T: Any) -> Any:
    y = (x + np.pad(x[:-1], (1, 0))) / 2
    return np.sum(np.exp(y) * T)


def smoothed_in_place(x: Any, T: Any) -> Any:
    p = np.pad(x, 1)
    y = np.lib.stride_tricks.sliding_window_view(p, 3).sum(axis=1)
    return np.sum((y - T) ** 2)


IMAGE: Shapes = {"X": ("n", "4*h", "4*w"), "W": (16, "d")}
ROTATED: Shapes = {"Q": ("n", "2*d"), "C": ("n", "d"), "S": ("n", "d"), "R": ("n", "2*d")}
HEADS: Shapes = {"X": ("t", "d"), "W": ("d", "4*k"), "P": (4, "t", "t"), "R": ("t", "4*k")}
SQUARES = ("np.tri", "np.tril", "np.triu", "np.where")
GRADIENTS = {
    "running sums": Case(
        running, "x", {"x": ("n",), "w": ("n",)}, ["np.cumsum((w * np.cumsum(x))[::-1])[::-1]"], SQUARES,
    ),
    "running sums of rows": Case(
        running_down_the_rows, "X", {"X": ("n", "m"), "W": ("n", "m")}, ["np.cumsum(X, axis=0)"], SQUARES,
    ),
    "sums from the other end": Case(
        at_risk, "x", {"x": ("n",), "t": ("n",)}, ["np.cumsum(np.exp(x[::-1]))[::-1]"], SQUARES,
    ),
    "patches": Case(patches, "W", IMAGE, [".reshape("], ("%", "np.arange")),
    "heads": Case(heads, "W", HEADS, [".reshape("], ("%", "np.einsum(\"abc")),
    "halves": Case(rotated, "Q", ROTATED, ["np.concatenate("], ("np.where", "np.pad")),
    "gates": Case(gated, "X", {"X": ("n", "2*d"), "R": ("n", "d")}, ["np.concatenate("], ("np.where", "np.pad")),
    "differences": Case(rough, "x", {"x": ("n",)}, ["[1:]", "[:-1]"], ("np.where", "np.pad")),
    "a product for each head": Case(
        heads_of_their_own, "W", {"X": ("t", "d"), "W": ("d", "h", "k"), "R": ("h", "t", "k")},
        ["W.transpose(1, 2, 0) @ X.T"], (),
    ),
    "two axes summed": Case(
        contracted_twice, "W", {"X": ("n", "t", "d"), "W": ("n", "t", "k"), "T": ("d", "k")},
        ["np.tensordot(W, X, axes=((0, 1), (0, 1)))", "X @ ("], ("einsum",),
    ),
    "boxes": Case(
        box_filtered, "x", {"x": ("n+4",), "T": ("n",)}, ["for ", "y += x[", "[u : u + n] +="],
        (*SQUARES, "sliding_window_view"),
    ),
    "boxes with steps": Case(
        overlapping_means, "X", {"X": ("n", "2*m+2"), "T": ("n", "m")}, ["[:, u : u + 2 * m : 2] +="],
        (*SQUARES, "sliding_window_view"),
    ),
    "a number outside": Case(half_sums, "x", {"x": ("n",), "T": ("n",)}, [" += x[:-1]\n", "_sum / 2"], ("np.where",)),
    "boxes over padding": Case(
        smoothed_in_place, "x", {"x": ("n",), "T": ("n",)}, ["np.zeros(n + 2)", "[u : u + n] +="], SQUARES,
    ),
    "around a circle": Case(
        on_a_circle, "x", {"x": ("n",), "T": ("n",)}, ["np.roll(T, -2) * x", "(x - np.roll(x, 1))"], ("arange", "%")
    ),
    "around a torus": Case(on_a_torus, "X", {"X": ("h", "w"), "T": ("h", "w")}, [", axis=(0, 1))"], ("np.arange",)),
    "what is cut out": Case(cropped, "X", {"X": ("h+2", "w+2"), "T": ("h", "w")}, ["[1:-1, 1:-1]"], ("np.where",)),
}  # fmt: skip


@pytest.mark.parametrize("which", GRADIENTS)
def test_axes_are_written_as_by_hand(which: str) -> None:
    GRADIENTS[which].check_written()


@pytest.mark.parametrize("which", GRADIENTS)
def test_axes_compute_the_gradient(which: str) -> None:
    GRADIENTS[which].check_holds()


@pytest.mark.parametrize(
    ("low", "high"), [(None, 0), (None, -1), (None, -3), (0, None), (1, None), (2, None)], ids=str
)
def test_running_sums_end_anywhere(low: int | None, high: int | None) -> None:
    """Sums up to ``i + high``, or from ``i + low`` on, are empty at one end; what divides them may be 0 there."""
    (n,) = sizes("n")
    i, s = letters("i s", n, n)
    x, q = tensor("x", n), tensor("q", n)
    guard = at_least(i + high, s) if high is not None else at_least(s, i + low)
    y = define(name("y")[i], Sum(s, guard * x[s] / q[i]))
    program = Program.of([x, q], y)
    found = Derivation("gradient", program, program.outputs, (), program)
    assert "np.cumsum(" in numpy_source(found, "f")
    given = np.array([1e-9, 1e9, 3.0, -2.0, 5.0])
    sums = np.array(
        [given[: max(0, j + high + 1)].sum() if high is not None else given[j + low :].sum() for j in range(5)]
    )
    below = np.where(sums == 0, 0.0, 2.0)
    with np.errstate(all="ignore"):
        result = compiled(found, "f")(given, below)
    expected = [0 if not b else one / b for one, b in zip(sums, below, strict=True)]
    np.testing.assert_allclose(result, expected, rtol=1e-15)


def test_what_a_running_sum_shares_with_its_end_stays_a_triangle() -> None:
    (n,) = sizes("n")
    i, s = letters("i s", n, n)
    x, A = tensor("x", n), tensor("A", n, n)
    y = define(name("y")[i], Sum(s, less(s, i) * A[i, s] * x[s]))
    program = Program.of([x, A], y)
    assert "np.tri" in numpy_source(Derivation("gradient", program, program.outputs, (), program), "f")
