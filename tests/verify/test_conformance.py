"""What layers promise: every promise is broken once, and seen to be."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from verify.conformance import Conformance, check_layer, failures
from verify.layer import Array, Case, Layer, normal
from verify.layers import LAYERS, affine
from verify.layers_command import told


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


def frozen(value: Array) -> Array:
    value.flags.writeable = False
    return value


def normed(d: Array) -> Array:
    """Divides by what may be 0."""
    with np.errstate(invalid="ignore"):
        product: Array = d * (d / d)
    return product


def thin(value: Array) -> Array:
    """The same number everywhere, in memory for one."""
    shared: Array = np.lib.stride_tricks.as_strided(value[:1, :1].copy(), value.shape, (0, 0))
    return shared


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
    "ends": (forward, lambda d, s: sys.exit(0), "it runs", "SystemExit: 0 (in <lambda>, test_conformance.py, line"),
    "nothing": (forward, lambda d, s: None, "it runs", "backward returned NoneType: expected {name: gradient}"),
    "pair": (forward, lambda d, s: (d, d), "it runs", "backward returned tuple: expected {name: gradient}"),
    "list": (forward, lambda d, s: {"x": d * s[1], "w": [1.0]}, "every input", "the gradient of w is list, no array"),
    "output alone": (lambda x, w: x * w, backward, "it runs", "forward returned ndarray: expected (output, saved)"),
    "three": (lambda x, w: (x, w, x), backward, "it runs", "forward returned a tuple of 3: expected (output, saved)"),
    "undefined": (lambda x, w: (x * w * np.nan, (x, w, 0)), backward, "no output is NaN", "it is NaN at [0, 0]"),
    "read-only": (forward, lambda d, s: {"x": frozen(d * s[1]), "w": d * s[0]}, "results have", "of x is read-only"),
    "one entry": (
        lambda x, w: (x * w + np.sum(x), (x, w)),
        lambda d, s: {"x": d * s[1] + np.sum(d), "w": thin(d * s[0])},
        "results have memory", "the gradient of w has entries that share memory",
    ),
    "clipped": (forward, lambda d, s: {"x": np.clip(d * s[1], -9, 9), "w": d * s[0]}, "backward is linear", "1e+06"),
    "normed": (forward, lambda d, s: {"x": normed(d) * s[1], "w": d * s[0]}, "backward is linear", "x is not 0 t"),
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
    empty = checked(sample=lambda rng: Case(np.zeros((0, 2)), np.zeros((0, 2))))
    assert (empty.outcome, empty.compared, empty.failures) == ("not exercised", 0, ())


def test_outputs_share_no_memory() -> None:
    def twice(x: Array) -> tuple[tuple[Array, Array], Any]:
        y = 2 * x
        return (y, y[:2]), x.shape

    def backward_(d_output: tuple[Array, Array], saved: Any) -> dict[str, Array]:
        d_x = 2 * d_output[0]
        d_x[:2] += 2 * d_output[1]
        return {"x": d_x}

    found = checked(twice, backward_, lambda rng: Case(normal(rng, 4, 3)))
    assert {failure.message for failure in found.failures} == {"output 1 shares memory with output 0"}


@pytest.mark.parametrize("order", ["K", "written"])
def test_arrays_without_gradient_are_laid_out_otherwise_too(order: str) -> None:
    def taken(W: Array, ids: Array, *, mask: Array) -> tuple[Array, Any]:
        if order == "written":
            ids += 0
        flat = ids.ravel(order="K").reshape(ids.shape)
        return W[flat] * mask[..., np.newaxis], (W.shape, flat, mask)

    def backward_(d_output: Array, saved: Any) -> dict[str, Array]:
        shape, ids, mask = saved
        d_W = np.zeros(shape, d_output.dtype)
        np.add.at(d_W, ids, d_output * mask[..., np.newaxis])
        return {"W": d_W}

    def draw(rng: np.random.Generator) -> Case:
        return Case(normal(rng, 5, 2), rng.integers(0, 5, (3, 4)), mask=rng.integers(0, 2, (3, 4)) > 0)

    found = checked(taken, backward_, draw)
    assert {failure.promise for failure in found.failures} == {"any memory order is accepted"}


@dataclass
class Kept:
    """What a layer may save, with what it finds on the way."""

    x: Array
    w: Array
    rng: np.random.Generator = field(default_factory=np.random.default_rng)

    @cached_property
    def turned(self) -> Array:
        return -self.w


@pytest.mark.parametrize("written_to", [False, True])
@pytest.mark.parametrize("kind", [Kept, lambda x, w: SimpleNamespace(x=x, w=w, sparse=csr_array(np.eye(2)))])
def test_saved_may_be_anything(kind: Any, written_to: bool) -> None:
    def forward_(x: Array, w: Array) -> tuple[Array, Any]:
        return x * w, kind(x.copy(), w)

    def backward_(d_output: Array, saved: Any) -> dict[str, Array]:
        turned = saved.turned if hasattr(saved, "turned") else -saved.w
        gradients = {"x": -d_output * turned, "w": d_output * saved.x}
        if written_to:
            saved.x *= 1
            saved.x += 1e-9
        return gradients

    found = checked(forward_, backward_)
    said = {failure.message for failure in found.failures if failure.promise == "nothing is written to"}
    assert said == ({"what was saved was written to"} if written_to else set())
    assert found.outcome == ("fails" if written_to else "holds")


def test_what_a_gradient_is_for() -> None:
    def forward_(x: Array, ids: Array, b: Any = None, *, scale: Array) -> tuple[Array, Any]:
        return x * scale, (x, scale)

    def backward_(d_output: Array, saved: Any) -> dict[str, Array]:
        x, scale = saved
        return {"x": d_output * scale, "ids": d_output, "b": d_output, "scale": d_output * x, "q": d_output}

    found = checked(forward_, backward_, lambda rng: Case(normal(rng, 3), np.arange(3), None, scale=normal(rng, 3)))
    assert {failure.message for failure in found.failures} == {
        "one for ids, which holds int64",
        "one for b, which is None",
        "one for scale, which is an option",
        "one for q, which is no input",
    }


def test_surplus_inputs() -> None:
    found = checked(sample=lambda rng: Case(normal(rng, 3), normal(rng, 3), normal(rng, 3)))
    assert "the case has 3 inputs, forward takes x, w by position" in found.failures[0].message
    found = checked(sample=lambda rng: (normal(rng, 3), normal(rng, 3)))
    assert "sample drew a tuple: expected Case(inputs, options)" in found.failures[0].message


def test_python_numbers_are_inputs() -> None:
    assert checked(sample=lambda rng: Case(normal(rng, 3), 2.0)).outcome == "fails"  # its gradient is a sum

    def summed(d_output: Array, saved: Any) -> dict[str, Array]:
        x, w, _ = saved
        return {"x": d_output * w, "w": np.asarray(np.sum(d_output * x))}

    assert checked(backward=summed, sample=lambda rng: Case(normal(rng, 3), 2.0)).outcome == "holds"


def test_the_error_is_what_the_verdict_is_made_of() -> None:
    """A gradient far below the rounding of the output is off by its rounding, and not by itself."""

    def forward_(x: Array, w: Array) -> tuple[Array, Any]:
        return x + np.asarray(1e-30, x.dtype) * w, x.dtype

    def backward_(d_output: Array, saved: Any) -> dict[str, Array]:
        return {"x": d_output.copy(), "w": np.asarray(1e-30, saved) * d_output}

    found = checked(forward_, backward_)
    assert found.outcome == "holds"
    assert found.error < 1e-6


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "forward": ({"forward": partial(forward, w=1.0)}, "forward is a partial: expected a function, whose parameters"),
    "no forward": ({"forward": None}, "forward is None: expected a function"),
    "backward": ({"backward": 3}, "backward is a int: expected a function"),
    "cases": ({"cases": [sample]}, "cases is a list: expected functions that draw them, by name"),
    "no cases": ({"cases": None}, "cases is None: expected functions that draw them, by name"),
    "a case": ({"cases": {"one": Case(1.0)}}, "cases is a dict: expected functions that draw them, by name"),
    "a number": ({"cases": {1: sample}}, "cases has the name 1: expected text"),
    "a name": ({"cases": {"sample 9": sample}}, "a case has the name 'sample 9', which is that of an ordinary one"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_no_layer(what: str) -> None:
    given, message = BAD[what]
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        Layer(**{"forward": forward, "backward": backward, "sample": sample, "formula": "a", **given})


def test_a_module_is_no_layer() -> None:
    with pytest.raises(
        TypeError, match=r"affine.* is no layer: expected a Layer, such as verify.layers.affine.LAYER"
    ):
        check_layer(affine)  # type: ignore[arg-type]


def test_a_case_whose_name_begins_like_that_of_a_sample() -> None:
    found = checked(**{"sample of zeros": lambda rng: Case(np.zeros((2, 2)), np.ones((2, 2)))})
    assert found.outcome == "holds"
    assert found.cases[-1] == "sample of zeros"


def test_alike_failures_are_told_once() -> None:
    found = checked(backward=lambda d, s: {"x": d * s[1], "w": 2 * d * s[0]}, tie=sample, other=sample)
    lines = list(told(found.failures))
    assert len(found.failures) == 4
    assert len(lines) == 2
    assert lines[0].startswith("sample 0, float64: its gradients are those of the forward pass: w: backward gave")
    assert lines[1] == "  and so with sample 1, tie, other"


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "l1_reg"])
def test_a_bend_at_every_entry_does_not_refute_a_right_pass(name: str) -> None:
    """A gradient that is 0 throughout may be right there, where central differences mean nothing."""
    bent = replace(LAYERS[name], cases={"zeros": lambda rng: Case(np.zeros(5))})
    for seed in range(5):
        assert not list(failures(bent, "zeros", seed, "float64", []))
