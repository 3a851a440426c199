"""What layers promise: every promise is broken once, and seen to be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from verify.conformance import Conformance, check_layer
from verify.layer import Array, Case, Layer, normal
from verify.layers import affine


def forward(x: Array, w: Array) -> tuple[Array, Any]:
    y = x * w
    return y, (x, w, y.shape)


def backward(d_output: Array, saved: Any) -> dict[str, Array]:
    x, w, _ = saved
    return {"x": d_output * w, "w": d_output * x}


def sample(rng: np.random.Generator) -> Case:
    return Case(normal(rng, 3, 2), normal(rng, 3, 2))


def checked(forward: Any = forward, backward: Any = backward, sample: Any = sample, **cases: Any) -> Conformance:
    return check_layer(Layer(forward=forward, backward=backward, sample=sample, formula="a", cases=cases), samples=2)


def test_a_right_layer() -> None:
    found = checked()
    assert found.outcome == "holds"
    assert found.passed == found.cases == ("sample 0", "sample 1")
    assert 0 < found.error < 1e-9


def stateful() -> tuple[Any, Any]:
    """A backward pass that uses what the last forward pass left, not what was saved."""
    last: list[Any] = []

    def forward_(x: Array, w: Array) -> tuple[Array, Any]:
        last[:] = [x, w]
        return x * w, None

    def backward_(d_output: Array, saved: Any) -> dict[str, Array]:
        x, w = last
        last[:] = [x + 1, w]
        return {"x": d_output * w, "w": d_output * x}

    return forward_, backward_


def noisy(x: Array, w: Array, rng: Any = np.random.default_rng(0)) -> tuple[Array, Any]:  # noqa: B008
    return forward(x, w * (1 + rng.integers(2)))


def by_memory(x: Array, w: Array) -> tuple[Array, Any]:
    """Reads an array as it lies in memory."""
    y = x.ravel(order="K").reshape(x.shape) * w
    return y, (x, w, y.shape)


def written(d_output: Array, saved: Any) -> dict[str, Array]:
    gradients = backward(d_output, saved)
    saved[0][...] *= 1.0 + 1e-12
    return gradients


BROKEN: dict[str, tuple[Any, Any, str, str]] = {
    "wrong": (forward, lambda d, s: {"x": d * s[1], "w": 2 * d * s[0]}, "its gradients are those of the", "w: back"),
    "missing": (forward, lambda d, s: {"x": d * s[1]}, "every input has a gradient", "none for w"),
    "extra": (forward, lambda d, s: {**backward(d, s), "b": d}, "every input has a gradient", "one for b"),
    "shape": (forward, lambda d, s: {"x": (d * s[1])[:1], "w": d * s[0]}, "every input", "x has shape (1, 2), the"),
    "NaN": (forward, lambda d, s: {"x": d * s[1] * np.nan, "w": d * s[0]}, "every input", "x is not finite"),
    "type": (forward, lambda d, s: {"x": d * s[1], "w": d * s[0] * np.float64(1)}, "the type is", "w holds float64"),
    "affine": (forward, lambda d, s: {"x": d * s[1], "w": d * s[0] + 1}, "backward is linear", "gradient of w"),
    "written": (forward, written, "nothing is written to", "an input was written to"),
    "noisy": (noisy, backward, "a second call gives", "a second forward pass gives another output"),
    "shared": (forward, lambda d, s: {"x": d * s[1], "w": s[0]}, "results have memory", "w shares memory with x"),
    "memory": (by_memory, backward, "any memory order", "Fortran-ordered inputs change the output"),
    "fails": (forward, lambda d, s: {"x": d * s[1], "w": d * s[7]}, "it runs", "IndexError: tuple index out of"),
}  # fmt: skip
BROKEN["stale"] = (*stateful(), "a second call gives", "a backward pass between two others changes the second")


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_promise_is_seen(name: str) -> None:
    forward_, backward_, promise, message = BROKEN[name]
    found = checked(forward_, backward_)
    assert found.outcome == "fails"
    assert not found.passed
    assert any(f.promise.startswith(promise) and message in f.message for f in found.failures), found.failures


def test_a_type_that_widens_in_float64_arithmetic() -> None:
    found = checked(backward=lambda d, s: {"x": d * s[1], "w": d * s[0].astype(float)})
    assert any("the gradient of w holds float64" in failure.message for failure in found.failures)


def test_loss_of_digits_in_single_precision() -> None:
    def coarse(x: Array, w: Array) -> tuple[Array, Any]:
        return forward(x + np.asarray(1e6, x.dtype) - np.asarray(1e6, x.dtype), w)

    found = checked(forward=coarse)
    assert any(failure.promise == "float32 is close to float64" for failure in found.failures)


def test_at_a_kink_a_value_between_the_slopes_is_right() -> None:
    def layer(slope: float) -> Conformance:
        def forward_(x: Array) -> tuple[Array, Any]:
            return np.abs(x), np.where(x == 0, np.asarray(slope, x.dtype), np.sign(x))

        def backward_(d_output: Array, saved: Any) -> dict[str, Array]:
            return {"x": d_output * saved}

        return checked(forward_, backward_, lambda rng: Case(normal(rng, 5)), tie=lambda rng: Case(np.zeros(3)))

    assert layer(0.5).outcome == "holds"
    assert [failure.case for failure in layer(1.5).failures] == ["tie"]


def test_what_no_numerical_derivative_decides_is_not_passed() -> None:
    def steep(x: Array) -> tuple[Array, Any]:
        return np.sqrt(x), x

    def backward_(d_output: Array, saved: Any) -> dict[str, Array]:
        return {"x": np.where(saved == 0, 0, d_output / (2 * np.sqrt(np.where(saved == 0, 1, saved))))}

    found = checked(steep, backward_, lambda rng: Case(1 + abs(normal(rng, 4))), edge=lambda rng: Case(np.zeros(2)))
    assert found.outcome == "not exercised"
    assert found.passed == ("sample 0", "sample 1")


def test_an_output_of_several_arrays() -> None:
    def forward_(x: Array) -> tuple[tuple[Array, Array], Any]:
        return (x * x, x.sum(axis=0)), x

    def backward_(d_output: tuple[Array, Array], saved: Any) -> dict[str, Array]:
        d_square, d_sum = d_output
        return {"x": 2 * saved * d_square + d_sum}

    def without_sum(d_output: tuple[Array, Array], saved: Any) -> dict[str, Array]:
        return {"x": 2 * saved * d_output[0]}

    draw = lambda rng: Case(normal(rng, 4, 3))  # noqa: E731
    assert checked(forward_, backward_, draw).outcome == "holds"
    assert checked(forward_, without_sum, draw).outcome == "fails"


def test_nothing_checked_is_not_passed() -> None:
    assert check_layer(affine.LAYER, samples=0).cases == tuple(affine.LAYER.cases)
    assert Conformance(affine.LAYER, (), (), 0.0).outcome == "not exercised"
