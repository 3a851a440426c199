"""The contract of a backward pass: every promise broken on purpose, each seen and named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from verify import check_backward

Array = Any
X = np.random.default_rng(0).normal(size=(3, 4))
B = np.random.default_rng(1).normal(size=4)
STATE: dict[str, Array] = {}


def forward(x: Array, b: Array) -> Array:
    return np.sin(x) + b


def right(d_y: Array, x: Array, b: Array) -> tuple[Array, ...]:
    return d_y * np.cos(x), d_y.sum(axis=0)


def with_(change: Callable[..., Any]) -> Callable[..., Any]:
    return lambda d_y, x, b: change(*right(d_y, x, b), d_y, x, b)


def writes_to_cotangent(d_y: Array, x: Array, b: Array) -> tuple[Array, ...]:
    d_y *= np.cos(x)
    return d_y.copy(), (d_y / np.cos(x)).sum(axis=0)


def writes_to_input(d_y: Array, x: Array, b: Array) -> tuple[Array, ...]:
    gradients = right(d_y, x, b)
    x += 1.0
    return gradients


def buffered(d_y: Array, x: Array, b: Array) -> tuple[Array, ...]:
    d_x, d_b = right(d_y, x, b)
    kept = STATE.setdefault("buffer", np.empty_like(x))
    kept[...] = d_x
    return kept, d_b


def contiguous_only(d_y: Array, x: Array, b: Array) -> tuple[Array, ...]:
    d_y = np.frombuffer(memoryview(d_y).cast("B"), float).reshape(x.shape)
    return right(d_y, x, b)


def by_order_of_memory(d_y: Array, x: Array, b: Array) -> tuple[Array, ...]:
    return d_y.ravel(order="K").reshape(x.shape) * np.cos(x), d_y.sum(axis=0)


def inputs_by_order_of_memory(d_y: Array, x: Array, b: Array) -> tuple[Array, ...]:
    return d_y * np.cos(x.ravel(order="K").reshape(x.shape)), d_y.sum(axis=0)


def noisy(d_y: Array, x: Array, b: Array) -> tuple[Array, ...]:
    d_x, d_b = right(d_y, x, b)
    rng = STATE.setdefault("rng", np.random.default_rng(0))
    return d_x * (1.0 + 1e-9 * rng.normal(size=x.shape)), d_b


BROKEN: dict[str, tuple[Callable[..., Any], str, tuple[int, ...], str]] = {
    "a missing gradient": (with_(lambda d_x, d_b, *_: (d_x,)), "contract", (), "1 gradient for 2 inputs: too few"),
    "an extra gradient": (with_(lambda d_x, d_b, *_: (d_x, d_b, d_b)), "contract", (), "3 gradients for 2 inputs"),
    "None": (with_(lambda d_x, d_b, *_: (d_x, None)), "contract", (1,), "no gradient of b"),
    "an unknown name": (with_(lambda d_x, d_b, *_: {"x": d_x, "bias": d_b}), "contract", (), "'bias'"),
    "not summed": (
        with_(lambda d_x, d_b, d_y, *_: (d_x, d_y.copy())),
        "contract",
        (1,),
        "shape (3, 4), the input (4,)",
    ),
    "only broadcasts": (with_(lambda d_x, d_b, *_: (d_x, d_b[None])), "contract", (1,), "it only broadcasts"),
    "another type": (with_(lambda d_x, d_b, *_: (d_x.astype(np.float32), d_b)), "precision", (0,), "float32"),
    "NaN": (
        with_(lambda d_x, d_b, *_: (d_x * np.where(d_x == d_x[1, 2], np.nan, 1), d_b)),
        "contract",
        (0,),
        "nan at",
    ),
    "a view of the cotangent": (
        with_(lambda d_x, d_b, d_y, *_: (d_x, d_y[0])),
        "contract",
        (1,),
        "memory with d_output",
    ),
    "a view of an input": (with_(lambda d_x, d_b, d_y, x, b: (x, d_b)), "contract", (0,), "shares memory with x"),
    "one array for two": (
        lambda d_y, x, b: (lambda g: (g, g[0]))(d_y * np.cos(x)),
        "contract",
        (1,),
        "shares memory with the gradient of x",
    ),
    "writes to the cotangent": (writes_to_cotangent, "contract", (), "backward writes to d_output"),
    "writes to an input": (writes_to_input, "contract", (), "backward writes to x"),
    "a buffer": (buffered, "cache", (0,), ""),
    "raises": (lambda d_y, x, b: [][0], "contract", (), "backward raised IndexError"),
    "contiguous cotangents only": (contiguous_only, "contract", (), "Fortran-ordered d_output"),
    "order of memory": (by_order_of_memory, "cotangent", (0,), "Fortran-ordered d_output"),
    "order of memory of inputs": (inputs_by_order_of_memory, "contract", (0,), "inputs"),
    "noise": (noisy, "cache", (0,), ""),
    "ignores the cotangent": (
        with_(lambda d_x, d_b, d_y, x, b: (np.cos(x), d_b)),
        "cotangent",
        (0,),
        "zero d_output",
    ),
    "drops signs": (with_(lambda d_x, d_b, d_y, x, b: (abs(d_y) * np.cos(x), d_b)), "cotangent", (0,), "not linear"),
    "clips": (with_(lambda d_x, d_b, *_: (np.clip(d_x, -5.0, 5.0), d_b)), "cotangent", (0,), "not linear"),
    "a constant": (with_(lambda d_x, d_b, d_y, x, b: (d_x + 0.01 * x, d_b)), "cotangent", (0,), "zero d_output"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_promises_are_named(name: str) -> None:
    STATE.clear()
    backward, kind, culprits, told = BROKEN[name]
    report = check_backward(forward, backward, (X, B))
    assert report.outcome == "disagrees", str(report)
    kinds = {one.kind for one in report.findings}
    assert kind in kinds or (kind in ("precision", "cache") and "contract" in kinds), str(report)
    assert set(culprits) <= set(report.culprits), str(report)
    assert told in " ".join(one.what for one in report.findings), str(report)


def test_the_right_pass_keeps_them() -> None:
    assert check_backward(forward, right, (X, B)).outcome == "agrees"


def test_both_styles_and_several_outputs() -> None:
    def polar(r: Array, a: Array) -> tuple[Any, Any]:
        return (r * np.cos(a), r * np.sin(a)), (r, a)

    def backward(d_output: tuple[Array, Array], saved: Any) -> dict[str, Array]:
        (d_x, d_y), (r, a) = d_output, saved
        return {"r": d_x * np.cos(a) + d_y * np.sin(a), "a": r * (d_y * np.cos(a) - d_x * np.sin(a))}

    assert check_backward(polar, backward, (X, 2.0 * X), saved=True).outcome == "agrees"


def test_integers_get_none_and_numbers_may() -> None:
    def gather(W: Array, ids: Array, scale: float) -> Array:
        return scale * W[ids]

    def backward(d_y: Array, W: Array, ids: Array, scale: float) -> tuple[Any, ...]:
        d_W = np.zeros_like(W)
        np.add.at(d_W, ids, scale * d_y)
        return d_W, None, None

    assert check_backward(gather, backward, (X, np.array([0, 2, 2]), 0.5)).outcome == "agrees"
    wrong = check_backward(gather, lambda *a: (*backward(*a)[:1], np.zeros(3), None), (X, np.array([0, 2, 2]), 0.5))
    assert wrong.culprit_names == ("ids",)


def test_a_stale_cache_is_found() -> None:
    def forward(x: Array) -> Array:
        STATE["x"] = x
        return np.sin(x)

    report = check_backward(forward, lambda d_y, x: (d_y * np.cos(STATE["x"]),), (X,))
    assert (report.kind, report.culprits) == ("cache", (0,))


def test_another_output_from_the_same_inputs() -> None:
    rng = np.random.default_rng(0)
    report = check_backward(lambda x: x * (rng.random(x.shape) > 0.5), lambda d_y, x: (d_y * 0.5,), (X,))
    assert report.outcome == "disagrees"
    assert "another output" in report.message


def test_a_gradient_of_what_was_not_given() -> None:
    def forward(x: Array, b: Array | None = None) -> Array:
        return np.sin(x) if b is None else np.sin(x) + b

    report = check_backward(forward, lambda d_y, x: {"x": d_y * np.cos(x), "b": d_y.sum()}, (X,))
    assert report.culprit_names == ("b",)
    assert "which was not given" in report.message
