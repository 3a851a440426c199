"""Formulas of the catalogue and NumPy layers: the same output, the same gradients; what differs is seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from derive.formula import catalogue, formula
from verify.layer import Case, Layer, Pair
from verify.layers import LAYERS
from verify.pairs import check_pair, pairs, waiting

PAIRS = [(name, entry) for name, layer in LAYERS.items() for entry in layer.pairs]
every_pair = pytest.mark.parametrize(("name", "entry"), PAIRS, ids=[f"{name}: {entry}" for name, entry in PAIRS])


@every_pair
def test_symbolic_and_numpy_agree(name: str, entry: str) -> None:
    checks = check_pair(formula(entry), LAYERS[name], LAYERS[name].pairs[entry])
    assert checks
    for check in checks.values():
        assert check.outcome == "holds", check.message
        assert check.points >= 4
        assert len(check.sizes) >= 2


@every_pair
def test_a_wrong_backward_pass_is_seen(name: str, entry: str) -> None:
    layer = LAYERS[name]

    def scaled(d_output: Any, saved: Any) -> dict[str, Any]:
        return {key: gradient * (1 + 1e-6) for key, gradient in layer.backward(d_output, saved).items()}

    checks = check_pair(formula(entry), replace(layer, backward=scaled), layer.pairs[entry])
    assert {check.outcome for check in checks.values()} == {"fails"}
    assert all(f"the layer {name} has another gradient of" in check.message for check in checks.values())


@every_pair
def test_a_wrong_forward_pass_is_seen(name: str, entry: str) -> None:
    layer = LAYERS[name]

    def scaled(*inputs: Any, **options: Any) -> Any:
        output, saved = layer.forward(*inputs, **options)
        return tuple(1.001 * one for one in output) if isinstance(output, tuple) else 1.001 * output, saved

    checks = check_pair(formula(entry), replace(layer, forward=scaled), layer.pairs[entry])
    assert {check.outcome for check in checks.values()} == {"fails"}


def test_layers_of_the_catalogue_are_paired() -> None:
    """A layer whose formula is there is compared with it; every pair is of an entry that is there."""
    for layer in LAYERS.values():
        assert layer.pairs.keys() <= catalogue().keys(), layer
        assert layer.formula not in catalogue() or layer.formula in layer.pairs, layer


# Entries that layers name and the catalogue does not hold yet: whatever else a layer names is misspelt.
MISSING = {
    "act-logsumexp",
    "act-relu",
    "act-sigmoid",
    "act-tanh",
    "act-variants",
    "attn-multi-head",
    "attn-scaled-dot-product",
    "bp-node-add-mul",
    "conv-multichannel",
    "conv-transposed",
    "ff-affine-row",
    "gru",
    "info-entropy-ce-kl",
    "la-tensor",
    "layer-norm",
    "loss-bce-logits",
    "loss-mse",
    "mc-matmul-node",
    "net-highway",
    "net-residual",
    "pool-average",
    "pool-max",
    "pos-sinusoidal",
    "reg-dropout",
    "reg-l1-sparsity",
    "reg-l2-weight-decay",
    "rnn-bptt",
    "transformer-block",
    "w2v-cbow",
}


def test_those_that_wait() -> None:
    assert {layer.formula for layer in waiting()} == MISSING


def test_pairs_of_an_entry() -> None:
    assert "affine" in {layer.name for layer, _ in pairs(formula("bp-bias-gradient"))}


def test_a_pair_that_names_what_is_not_there() -> None:
    affine: Layer = LAYERS["affine"]
    nowhere = Pair(case=lambda W, x, b, q: Case(x, W.T, b), output="u")
    with pytest.raises(LookupError, match="affine: no derivation of bp-bias-gradient has what the pair names"):
        check_pair(formula("bp-bias-gradient"), affine, nowhere)
