"""Results in the names of the forward pass: what was found on the way is put in its place, or keeps its name."""

from __future__ import annotations

from typing import Any

import numpy as np

import derive

SHAPES = {"X": ("n", "d"), "W": ("d", "k"), "V": ("k",), "y": ("n",)}


def network(X: Any, W: Any, V: Any, y: Any) -> Any:
    H = np.tanh(X @ W)
    r = H @ V - y
    return 0.5 * (r**2).sum()


def test_a_cotangent_that_is_read_once_is_inserted() -> None:
    found = derive.gradient(network, "W", shapes=SHAPES)
    result = found.result.result
    assert {t.name for t in result.tensors} == {"X", "H", "V", "r"}
    assert {d.tensor.name for d in found.derived.definitions()} == {"H", "r", "d_W"}


def test_every_line_leads_on_from_the_one_before() -> None:
    found = derive.gradient(network, "W", shapes=SHAPES)
    rules = [step.rule for step in found.result.steps]
    assert rules[rules.index("contract") :] == ["contract", "insert", "collect"]
    assert found.result.steps[-1].after is found.derived.definition(found.derived.output).body


def test_what_several_results_share_keeps_its_name() -> None:
    found = derive.gradient(network, ("W", "V"), shapes=SHAPES)
    assert {"d_W", "d_V"} <= {d.tensor.name for d in found.derived.definitions()}
    for result in found.results:
        assert all(not t.name.startswith("d_") for t in result.result.tensors)

    def deep(X: Any, W: Any, V: Any, y: Any) -> Any:
        Z = X @ W
        P = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
        H = np.tanh(P) * P
        return 0.5 * ((H @ V - y) ** 2).sum()

    shared = derive.gradient(deep, ("W", "X"), shapes=SHAPES)
    (w, x) = shared.results
    assert any(t.name.startswith("d_") for t in w.result.tensors & x.result.tensors)


def test_a_recurrence_keeps_its_cotangents() -> None:
    from tests.derive.programs import GATE

    case = GATE["lstm"]()
    found = derive.gradient(case.program, "Wh_f")
    assert any(t.name.startswith("d_") for t in found.result.result.tensors)
