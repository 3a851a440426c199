"""All layers keep their promises, and agree with PyTorch where it is installed; what is found wrong is found."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.beside import peers
from verify.conformance import UNDECIDED, check_layer, failures
from verify.layer import Layer, named
from verify.layers import LAYERS
from verify.trial import Trial, mapped, parts

names = pytest.mark.parametrize("name", LAYERS)
CASES = [
    (name, case) for name, layer in LAYERS.items() for case in ("sample 0", "sample 1", "sample 2", *layer.cases)
]


# ---------------------------------------------------------------------------------------------------- all of them


@names
def test_promises(name: str) -> None:
    found = check_layer(LAYERS[name])
    assert not found.failures, "\n".join(map(str, found.failures))
    assert found.outcome == "holds"
    assert 0.0 < found.error < 1e-6


@names
@pytest.mark.parametrize(
    "reshaped",
    [
        lambda d: d[..., None],
        lambda d: d[None],
        lambda d: np.ravel(d)[:0],
        lambda d: 1.0 if np.ndim(d) else np.ones(1),  # would broadcast
    ],
)
def test_a_cotangent_of_another_shape_is_refused(name: str, reshaped: Callable[[Any], Any]) -> None:
    trial = Trial(LAYERS[name], LAYERS[name].case("sample 0"))
    with pytest.raises(ValueError, match=r"d_output(\[0\])? has shape"):
        trial.backward(mapped(reshaped, trial.d_output))


@names
def test_a_cotangent_of_another_type_is_taken_in_the_outputs(name: str) -> None:
    for case in ("sample 0", *LAYERS[name].cases):
        trial = Trial(LAYERS[name], LAYERS[name].case(case), dtype="float32")
        for gradient in trial.backward(mapped(lambda d: d.astype(float), trial.d_output)).values():
            assert gradient.dtype == np.float32, case


DEFAULTS: dict[str, dict[str, Any]] = {
    "avg_pool2d": {"kernel": 2, "stride": None, "padding": 0, "count_include_pad": True},
    "batch_norm": {"running_mean": None, "running_var": None, "training": True, "eps": 1e-05},
    "bce_with_logits": {"pos_weight": 1.0, "reduction": "mean"},
    "conv2d": {"stride": 1, "padding": 0, "dilation": 1, "groups": 1},
    "conv_transpose2d": {"stride": 1, "padding": 0, "output_padding": 0, "dilation": 1, "groups": 1},
    "cross_entropy": {"eps": 0.0, "reduction": "mean"},
    "dropout": {"p": 0.5, "inverted": True, "training": True, "seed": 0},
    "elu": {"alpha": 1.0},
    "embedding": {"padding": None},
    "flatten": {"start_axis": 1},
    "gelu": {"approximate": "none"},
    "group_norm": {"groups": 1, "eps": 1e-05},
    "gru": {"reset": "after", "update": "old", "gates": "rzn"},
    "highway_block": {"activation": "tanh"},
    "l1_reg": {"lam": 0.01},
    "l2_reg": {"lam": 0.01, "half": True},
    "layer_norm": {"axes": -1, "eps": 1e-05},
    "leaky_relu": {"alpha": 0.01},
    "log_softmax": {"axis": -1},
    "lstm": {"gates": "ifgo"},
    "max_pool2d": {"kernel": 2, "stride": None, "padding": 0, "dilation": 1},
    "mse": {"reduction": "mean", "half": False},
    "multi_head_attention": {"heads": 1, "causal": False},
    "positional_encoding": {"base": 10000.0, "offset": 0},
    "repeat": {"n": 2, "axis": 0, "along": "new"},
    "residual_block": {"relu_after": False},
    "rms_norm": {"axes": -1, "eps": 1e-06},
    "rnn": {"activation": "tanh"},
    "rotary_encoding": {"pairs": "interleaved", "base": 10000.0, "offset": 0},
    "scaled_dot_product_attention": {"causal": False, "scale": None},
    "softmax": {"axis": -1},
    "softmax_with_loss": {"reduction": "mean", "label_smoothing": 0.0, "ignore_index": None},
    "softplus": {"beta": 1.0},
    "sum": {"axis": None, "keepdims": False},
    "transformer_encoder_block": {"heads": 1, "norm": "post", "activation": "relu", "causal": False, "eps": 1e-05},
}


@names
def test_defaults_are_those_that_are_said(name: str) -> None:
    """Somebody relies on them, and PyTorch or a book has some of them."""
    parameters = inspect.signature(LAYERS[name].forward).parameters.values()
    options = {one.name: one.default for one in parameters if one.kind is one.KEYWORD_ONLY}
    assert options == DEFAULTS.get(name, {})


@names
def test_what_the_docstring_states(name: str) -> None:
    said = importlib.import_module(LAYERS[name].forward.__module__).__doc__
    assert said is not None
    for part in (".. math::", "Shapes: ", "Reference: "):
        assert part in said
    assert LAYERS[name].backward.__doc__


@names
def test_samples_have_random_shapes(name: str) -> None:
    shapes = {tuple(np.shape(one) for one in LAYERS[name].case(f"sample {k}").inputs) for k in range(12)}
    assert len(shapes) > 3


# -------------------------------------------------------------------------------------------------- beside PyTorch

WITHIN = {"float64": 1e-9, "float32": 2e-3}
# One key has all weight but 1e-100: PyTorch's gradients are its rounding, ours are held against the exact ones.
ROUNDING_OF_PYTORCH, LOST = {("scaled_dot_product_attention", "far from 0")}, 64
torch_installed = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")


@torch_installed
@pytest.mark.parametrize("dtype", WITHIN)
@pytest.mark.parametrize(("name", "case"), CASES, ids=[f"{name}: {case}" for name, case in CASES])
def test_beside_pytorch(name: str, case: str, dtype: str) -> None:
    beside_pytorch(LAYERS[name], case, dtype)


def beside_pytorch(layer: Layer, case: str, dtype: str, seed: int = 0) -> None:
    ours = Trial(layer, layer.case(case, seed), seed, dtype)
    peer = peers().Peer(layer, layer.case(case, seed), dtype)
    output = peer.forward()
    for one, other in zip(parts(ours.output), parts(output), strict=True):
        close("the output", one, other.detach().numpy(), dtype)
    gradients = peer.gradients(output, ours.d_output)
    assert gradients.keys() == ours.gradients.keys()
    for input_name, gradient in gradients.items():
        theirs = np.zeros_like(ours.gradients[input_name]) if gradient is None else gradient.numpy()
        lost = LOST * np.finfo(dtype).eps if (layer.name, case) in ROUNDING_OF_PYTORCH else 0.0
        close(f"the gradient of {input_name}", ours.gradients[input_name], theirs, dtype, lost)


def close(what: str, one: Any, other: Any, dtype: str, lost: float = 0.0) -> None:
    assert np.shape(one) == other.shape, what
    assert np.asarray(one).dtype == other.dtype == dtype, what
    largest = np.max(np.abs(other), initial=0.0)
    np.testing.assert_allclose(one, other, rtol=0, atol=max(WITHIN[dtype] * largest, lost), err_msg=what)


# ------------------------------------------------------------------------------------------------- planted mistakes


def changed(change: Callable[[dict[str, Any], str], None]) -> Callable[[Layer, str], Callable[..., Any]]:
    """A backward pass whose gradient of one input is wrong."""

    def of(layer: Layer, name: str) -> Callable[..., Any]:
        def backward(d_output: Any, saved: Any) -> dict[str, Any]:
            gradients = dict(layer.backward(d_output, saved))
            change(gradients, name)
            return gradients

        return backward

    return of


def one_entry(gradients: dict[str, Any], name: str) -> None:
    wrong = np.array(gradients[name])
    wrong.flat[np.argmax(np.abs(wrong))] += 0.01 * np.max(np.abs(wrong)) or 1e-6
    gradients[name] = wrong


def scaled(gradients: dict[str, Any], name: str) -> None:
    gradients[name] = gradients[name] * np.asarray(1 + 1e-6, gradients[name].dtype)


def turned(gradients: dict[str, Any], name: str) -> None:
    gradients[name] = -gradients[name]


def zeroed(gradients: dict[str, Any], name: str) -> None:
    gradients[name] = np.zeros_like(gradients[name])


def left_out(gradients: dict[str, Any], name: str) -> None:
    del gradients[name]


def argument_written(layer: Layer, name: str) -> Callable[..., Any]:
    def backward(d_output: Any, saved: Any) -> dict[str, Any]:
        gradients = layer.backward(d_output, saved)
        for part in parts(d_output):
            if isinstance(part, np.ndarray) and part.flags.writeable:
                part *= 2
        return gradients

    return backward


def cotangent_ignored(layer: Layer, name: str) -> Callable[..., Any]:
    def backward(d_output: Any, saved: Any) -> dict[str, Any]:
        ones = tuple(map(np.ones_like, parts(d_output)))
        return layer.backward(ones if isinstance(d_output, tuple) else ones[0], saved)

    return backward


PLANTED: dict[str, Callable[[Layer, str], Callable[..., Any]]] = {
    "scale 1 + 1e-6": changed(scaled),
    "sign": changed(turned),
    "one entry": changed(one_entry),
    "zero gradient": changed(zeroed),
    "gradient missing": changed(left_out),
    "argument written": argument_written,
    "cotangent ignored": cotangent_ignored,
}
SCALED = ("scale 1 + 1e-6", "sign", "zero gradient")


def planted() -> Iterator[tuple[str, str, str, str]]:
    """Every input that has a gradient in some case, with the first case in which it is not 0, and every mistake.

    A gradient that is 0 in all cases, as that of the bias of keys is, is right if it is scaled.
    """
    for name, layer in LAYERS.items():
        first: dict[str, str] = {}
        other: dict[str, str] = {}
        for case in ("sample 0", "sample 1", "sample 2", *layer.cases):
            for wrong, gradient in Trial(layer, layer.case(case)).gradients.items():
                (first if np.max(np.abs(gradient), initial=0.0) > 1e-3 else other).setdefault(wrong, case)
        for wrong in {**other, **first}:
            kinds = PLANTED if wrong in first else [kind for kind in PLANTED if kind not in SCALED]
            yield from ((name, wrong, {**other, **first}[wrong], kind) for kind in kinds)


PLANTS = list(planted())


@pytest.mark.parametrize(("name", "wrong", "case", "mistake"), PLANTS, ids=[": ".join(one) for one in PLANTS])
def test_planted_mistakes_are_caught(name: str, wrong: str, case: str, mistake: str) -> None:
    layer = replace(LAYERS[name], backward=PLANTED[mistake](LAYERS[name], wrong))
    found = failures(layer, case, 0, "float64", [])
    assert next((one for one in found if one.promise != UNDECIDED), None) is not None


def test_every_input_has_mistakes() -> None:
    """Those whose gradient is always 0 are the biases of keys."""
    always = {(name, wrong) for name, wrong, _, _ in PLANTS} - {
        (name, wrong) for name, wrong, _, kind in PLANTS if kind == "sign"
    }
    assert always == {("multi_head_attention", "bk"), ("transformer_encoder_block", "bk")}
    for name, layer in LAYERS.items():
        numbers = {wrong for other, wrong, _, _ in PLANTS if other == name}
        assert set(layer.inputs) - numbers <= {"ids", "mask"}, name


# ----------------------------------------------------------------------------------------------- many more cases

SEEDS = range(1, 21)


@pytest.mark.campaign
@pytest.mark.parametrize("seed", SEEDS)
@names
def test_promises_with_other_numbers(name: str, seed: int) -> None:
    found = check_layer(LAYERS[name], seed=seed)
    assert not found.failures, "\n".join(map(str, found.failures))
    assert found.error < 1e-6


@torch_installed
@pytest.mark.campaign
@pytest.mark.parametrize("seed", SEEDS)
@names
def test_beside_pytorch_with_other_numbers(name: str, seed: int) -> None:
    for case in ("sample 0", "sample 1", "sample 2", *LAYERS[name].cases):
        for dtype in WITHIN:
            beside_pytorch(LAYERS[name], case, dtype, seed)


# ------------------------------------------------------------------------------------------------------ by a name


def test_near_names_are_offered() -> None:
    with pytest.raises(ValueError, match=re.escape("there is no layer 'afine'; did you mean affine")):
        named("afine")
