"""Random NumPy functions: the program computes what the function computes, and its gradient is the derivative."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from derive import gradient
from derive.evaluate import run

Array = Any
Draw = np.random.Generator

SHORT, LONG = range(60), range(60, 20_060)


def function_of(seed: int) -> Callable[[Array, Array, Array], Array]:
    """A function of X (n, d), W (d, d) and v (d); the same for every call with these shapes."""

    def function(X: Array, W: Array, v: Array) -> Array:
        rng = np.random.default_rng(seed)
        known = [X, W, v]
        for _ in range(int(rng.integers(2, 7))):
            known.append(_step(rng, known))
        total = 0.0
        for one in known[-2:]:
            total = total + _scalar(rng, one)
        return total

    return function


def _pick(rng: Draw, known: list[Array], ndim: int | None = None) -> Array:
    fitting = [one for one in known if ndim is None or np.ndim(one) == ndim]
    return fitting[int(rng.integers(len(fitting)))]


def _unary(rng: Draw, a: Array) -> Array:
    return [
        lambda: np.tanh(a),
        lambda: np.sin(a) * 0.5,
        lambda: np.exp(-0.5 * a * a),
        lambda: 1 / (1 + np.exp(-a)),
        lambda: np.log1p(np.exp(a)),
        lambda: np.log(1 + a**2),
        lambda: np.sqrt(a * a + 0.3),
        lambda: np.maximum(a, 0.1 * a),
        lambda: np.where(a > 0.2, a, a**3),
        lambda: np.arctan(a) + a / 3,
        lambda: a / (1 + np.abs(a)),
    ][int(rng.integers(11))]()


def _binary(rng: Draw, known: list[Array]) -> Array:
    a, b = _pick(rng, known), _pick(rng, known)
    if any(one != two for one, two in zip(a.shape[::-1], b.shape[::-1], strict=False)):
        a = b
    return [lambda: a + b, lambda: a * b, lambda: a - 2 * b, lambda: a / (1.5 + b * b), lambda: np.maximum(a, b)][
        int(rng.integers(5))
    ]()


def _product(rng: Draw, known: list[Array]) -> Array:
    W = [
        one
        for one in known
        if np.ndim(one) == 2 and one.shape[0] == one.shape[1] and one.shape[0] == known[1].shape[0]
    ]
    square = W[int(rng.integers(len(W)))]
    a = _pick(rng, known, 2)
    return [
        lambda: a @ square,
        lambda: a @ square.T,
        lambda: np.einsum("ij,jk->ik", a, square),
        lambda: a @ known[2] if np.ndim(known[2]) == 1 else a @ square,
        lambda: square @ square,
    ][int(rng.integers(5))]()


def _axes(rng: Draw, known: list[Array]) -> Array:
    a = _pick(rng, known, 2)
    axis = int(rng.integers(2))
    return [
        lambda: a - a.mean(axis=axis, keepdims=True),
        lambda: np.exp(a) / np.exp(a).sum(axis=axis, keepdims=True),
        lambda: a / np.sqrt((a**2).sum(axis=axis, keepdims=True) + 0.1),
        lambda: (a - a.mean(axis=axis, keepdims=True)) / np.sqrt(a.var(axis=axis, keepdims=True) + 0.2),
        lambda: a - a.max(axis=axis, keepdims=True),
        lambda: np.cumsum(a, axis=axis),
        lambda: np.flip(a, axis=axis),
        lambda: np.roll(a, 1, axis=axis),
        lambda: np.tril(a) if a.shape[0] == a.shape[1] else a * 2,
        lambda: a.sum(axis=axis, keepdims=True) * a,
    ][int(rng.integers(10))]()


def _step(rng: Draw, known: list[Array]) -> Array:
    kind = int(rng.integers(4))
    if kind == 0:
        return _unary(rng, _pick(rng, known))
    return (_binary, _product, _axes)[kind - 1](rng, known)


def _scalar(rng: Draw, a: Array) -> Array:
    return [lambda: (a**2).sum(), lambda: np.sin(a).mean(), lambda: a.sum(), lambda: np.log(np.exp(a).sum())][
        int(rng.integers(4))
    ]()


def compared(seed: int) -> None:
    function = function_of(seed)
    wrt = "XWv"[seed % 3]
    found = gradient(function, wrt, shapes={"X": ("n", "d"), "W": ("d", "d"), "v": ("d",)})
    for n, d in ((4, 3), (2, 5)):
        rng = np.random.default_rng(seed)
        given = {"X": rng.normal(size=(n, d)), "W": rng.normal(size=(d, d)), "v": rng.normal(size=d)}
        with np.errstate(over="raise"):
            try:
                expected = function(**given)
            except FloatingPointError:
                # the function overflows as it is written
                continue
        sizes = {s: {"n": n, "d": d}[s.name] for s in found.derived.sizes()}
        ours = run(found.derived, {t: given[t.name] for t in found.derived.inputs}, sizes).arrays[
            found.derived.output
        ]
        value = run(found.program, {t: given[t.name] for t in found.program.inputs}, sizes).arrays
        np.testing.assert_allclose(value[found.program.output], expected, rtol=1e-9, atol=1e-12)
        direction = rng.normal(size=ours.shape)
        steps = np.array([1e-3, 5e-4, 2.5e-4, 1e-5])
        slopes = [
            (
                function(**{**given, wrt: given[wrt] + h * direction})
                - function(**{**given, wrt: given[wrt] - h * direction})
            )
            / (2 * h)
            for h in steps
        ]
        # two extrapolations of central differences and a fine one; where they disagree there is a kink between, or
        # the function oscillates faster than the steps
        first, second = (4 * slopes[1] - slopes[0]) / 3, (4 * slopes[2] - slopes[1]) / 3
        scale = 1e-6 * (1 + abs(second)) + 20 * (abs(second - first) + abs(second - slopes[3]))
        assert abs((ours * direction).sum() - second) <= scale, (seed, (ours * direction).sum(), second)


@pytest.mark.parametrize("seed", SHORT)
def test_a_random_function(seed: int) -> None:
    compared(seed)


@pytest.mark.campaign
def test_many_random_functions() -> None:
    for seed in LONG:
        compared(seed)
