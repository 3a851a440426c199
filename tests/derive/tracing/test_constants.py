"""Arrays of numbers that the code holds: tensors with the name of their variable, or written out where small."""

from __future__ import annotations

from typing import Any

import numpy as np

import derive
from derive.evaluate import run
from derive.evidence import evidence_for

KERNEL = np.array([0.25, 0.5, 0.25])
_weights = np.linspace(-1, 1, 100)


def smooth(x: Any) -> Any:
    y = np.convolve(x, KERNEL, mode="valid")
    return (y**2).sum()


def weighted(x: Any) -> Any:
    return np.tanh(x) @ _weights


def test_a_constant_has_the_name_of_its_variable() -> None:
    program = derive.trace(smooth, {"x": "n"})
    (tensor,) = program.constants
    assert tensor.name == "KERNEL"
    assert tensor.meaning == ("numbers in the code: 0.25, 0.5, 0.25", "代码中的数: 0.25, 0.5, 0.25")
    (hidden,) = derive.trace(weighted, {"x": 100}).constants
    assert hidden.name == "weights"
    assert hidden.meaning == ("numbers in the code", "代码中的数")


def test_closures_and_locals_have_names_and_literals_have_none() -> None:
    table = np.array([1.0, 4.0, 9.0, 16.0])

    def f(x: Any) -> Any:
        steps = np.array([1.0, 2.0, 3.0, 5.0])
        return (table * x).sum() + (steps * x**2).sum() + x @ np.array([7.0, 8.0, 9.0, 1.0])

    assert {t.name for t in derive.trace(f, {"x": 4}).constants} == {"table", "steps", "const"}


def test_what_is_nearly_all_zero_is_written_in_brackets() -> None:
    program = derive.trace(lambda x: x @ np.array([0.0, 1.0, 0.0, 0.0]), {"x": 4})
    assert not program.constants
    assert "[i = 1]" in repr(program.output.definition.body)


def test_small_arrays_are_written_in_the_source_and_large_ones_are_held() -> None:
    small = derive.gradient(smooth, "x", shapes={"x": "n"})
    assert "KERNEL = np.array([0.25, 0.5, 0.25])" in small.numpy_source()
    x = np.linspace(-1, 1, 7)
    y = np.convolve(x, KERNEL, mode="valid")
    np.testing.assert_allclose(small.function()(x=x), 2 * np.convolve(y, KERNEL[::-1]), rtol=1e-12)
    large = derive.gradient(weighted, "x", shapes={"x": 100})
    assert "(x, *, weights)" in large.numpy_source()
    x = np.linspace(-1, 1, 100)
    np.testing.assert_allclose(large.function()(x=x), (1 - np.tanh(x) ** 2) * _weights, rtol=1e-12)


def test_labels_in_the_code_are_integers() -> None:
    labels = np.array([0, 2, 1, 1])

    def loss(Z: Any) -> Any:
        P = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
        return -np.log(P[np.arange(4), labels]).sum()

    found = derive.gradient(loss, "Z", shapes={"Z": (4, 3)})
    (tensor,) = found.program.constants
    assert tensor.below == 3
    assert evidence_for(found).outcome == "holds"
    Z = np.random.default_rng(0).normal(size=(4, 3))
    values = {**{t: Z for t in found.program.inputs if t.name == "Z"}, **found.program.constants}
    ours = run(found.derived, values, {}).arrays[found.derived.output]
    np.testing.assert_allclose(found.function()(Z=Z), ours, rtol=1e-12)
