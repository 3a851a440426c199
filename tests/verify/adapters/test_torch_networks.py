"""Losses of PyTorch modules on a flat vector: exact products, the same as those of this project's layers."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from verify import numdiff  # noqa: E402  # needs torch
from verify.adapters.torch_networks import flat_loss  # noqa: E402
from verify.critical.losses import networks  # noqa: E402
from verify.critical.losses.spectrum import hessian, spectrum  # noqa: E402
from verify.layers import affine, conv2d, flatten, mse, softmax_with_loss, tanh  # noqa: E402

nn, F = torch.nn, torch.nn.functional


def normal(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng([seed, *shape]).normal(size=shape)


def tensor(*shape: int, seed: int = 0) -> Any:
    return torch.from_numpy(normal(*shape, seed=seed)).float()


def filled(module: Any) -> Any:
    """Parameters that are the same in every run."""
    rng = np.random.default_rng(8)
    for one in module.parameters():
        one.data = torch.from_numpy(rng.normal(scale=0.5, size=tuple(one.shape))).float()
    return module


class Tied(nn.Module):
    """One matrix, twice, and a residual connection."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(4, 4)
        self.outer = self.inner
        self.frozen = nn.Parameter(torch.ones(4), requires_grad=False)

    def forward(self, x: Any) -> Any:
        return x + self.outer(torch.tanh(self.inner(x))) * self.frozen


MODULES: dict[str, Callable[[], Any]] = {
    "perceptron": lambda: flat_loss(
        filled(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))),
        F.cross_entropy,
        (tensor(6, 3),),
        (torch.tensor([0, 1, 1, 0, 1, 0]),),
    ),
    "convolution": lambda: flat_loss(
        filled(nn.Sequential(nn.Conv2d(2, 2, 3), nn.GELU(), nn.Flatten(), nn.Linear(8, 2))),
        F.mse_loss,
        (tensor(3, 2, 4, 4),),
        (tensor(3, 2),),
    ),
    "normalised in training": lambda: flat_loss(
        filled(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.SiLU(), nn.Linear(4, 1))),
        F.mse_loss,
        (tensor(6, 3),),
        (tensor(6, 1),),
    ),
    "tied and frozen": lambda: flat_loss(filled(Tied()), F.mse_loss, (tensor(5, 4),), (tensor(5, 4, seed=1),)),
}


@pytest.mark.parametrize("name", MODULES)
def test_derivatives_are_those_of_numerical_differentiation(name: str) -> None:
    loss = MODULES[name]()
    v = normal(loss.dimension)
    slope = numdiff.jvp(loss.f, loss.start, v, complex_step=False)
    there = loss.gradient(loss.start)
    assert abs(there @ v - slope.value) <= slope.bound + 1e-13 * np.abs(there) @ np.abs(v)
    product, other = loss.product(loss.start, v), numdiff.jvp(loss.gradient, loss.start, v, complex_step=False)
    size = np.max(np.abs(other.value))
    assert np.all(np.abs(product.value - other.value) <= product.bound + other.bound)
    assert np.max(product.bound) <= 1e-12 * size
    assert np.array_equal(loss.hvp(loss.start, v), product.value)
    assert loss.precision == "exact"
    assert len(loss.names) == loss.dimension


def test_layers_of_this_project_say_the_same() -> None:
    """Two implementations that share nothing, and two ways to a product, agree within their bounds."""
    module = filled(nn.Sequential(nn.Conv2d(2, 3, 2, bias=True), nn.Tanh(), nn.Flatten(), nn.Linear(12, 2)))
    x, y = tensor(4, 2, 3, 3), torch.tensor([0, 1, 1, 0])
    theirs = flat_loss(module, F.cross_entropy, (x,), (y,))
    parts = theirs.unpack(theirs.start)
    features = networks.apply(flatten, networks.apply(tanh, networks.apply(conv2d, x.double().numpy(), "K", "c")))
    logits = networks.apply(affine, features, "W", "b")
    ours = networks.flat_loss(
        networks.apply(softmax_with_loss, logits, y.numpy()),
        {"K": parts["0.weight"], "c": parts["0.bias"], "W": parts["3.weight"].T, "b": parts["3.bias"]},
    )
    assert ours.f(ours.start) == pytest.approx(theirs.f(theirs.start), rel=1e-14)
    v = normal(theirs.dimension)
    along = theirs.unpack(v)
    here = ours.product(
        ours.start,
        ours.pack({"K": along["0.weight"], "c": along["0.bias"], "W": along["3.weight"].T, "b": along["3.bias"]}),
    )
    there = theirs.product(theirs.start, v)
    value, bound = (ours.unpack(one) for one in (here.value, here.bound))
    for name, other in {"0.weight": "K", "0.bias": "c", "3.weight": "W", "3.bias": "b"}.items():
        mine = value[other].T if other == "W" else value[other]
        slack = bound[other].T if other == "W" else bound[other]
        assert np.all(np.abs(mine - theirs.unpack(there.value)[name]) <= slack + theirs.unpack(there.bound)[name])
    assert np.max(here.bound) <= 1e-13 * np.max(np.abs(here.value)) or ours.precision == "double"


def test_the_origin_of_a_tanh_network_is_a_saddle() -> None:
    """With hidden biases: index h, nullity h d."""
    module = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1, bias=False))
    loss = flat_loss(module, F.mse_loss, (tensor(7, 3),), (tensor(7, 1),))
    found = spectrum(loss, np.zeros(loss.dimension))
    assert (found.index, found.nullity, found.kind) == (4, 12, "saddle")


def test_the_module_and_the_data_are_left_alone() -> None:
    module = filled(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)))
    before = {name: one.clone() for name, one in module.state_dict().items()}
    x = tensor(6, 3)
    loss = flat_loss(module, F.mse_loss, (x,), (tensor(6, 4),))
    first = loss.f(loss.start)
    loss.hvp(loss.start, np.ones(loss.dimension))
    assert all(torch.equal(one, before[name]) for name, one in module.state_dict().items())
    assert all(one.dtype != torch.float64 for one in module.parameters())
    x.zero_()
    assert loss.f(loss.start) == first


class Counting(nn.Module):
    """What it gives depends on how often it was called with these buffers."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 2)
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x: Any) -> Any:
        self.calls += 1
        return self.linear(x) * self.calls


def test_buffers_are_fresh_in_every_pass() -> None:
    module = Counting()
    loss = flat_loss(module, F.mse_loss, (tensor(6, 3),), (tensor(6, 2),))
    assert loss.f(loss.start) == loss.f(loss.start)
    assert not module.calls.any()


def test_data_in_float64_are_copied_too() -> None:
    x = tensor(6, 3).double()
    loss = flat_loss(filled(nn.Linear(3, 2)), F.mse_loss, (x,), (tensor(6, 2),))
    before = loss.f(loss.start)
    x.zero_()
    assert loss.f(loss.start) == before


def test_a_linear_loss_has_the_hessian_0() -> None:
    loss = flat_loss(filled(nn.Linear(3, 2)), torch.sum, (tensor(4, 3),))
    found = hessian(loss, loss.start)
    assert not found.value.any()
    assert not found.bound.any()


def test_a_loss_travels_to_another_process() -> None:
    loss = MODULES["perceptron"]()
    other = pickle.loads(pickle.dumps(loss))
    assert np.array_equal(other.hvp(loss.start, loss.start), loss.hvp(loss.start, loss.start))


X, Y = tensor(4, 3), tensor(4, 2)

REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "no parameters": (lambda: flat_loss(nn.Tanh(), F.mse_loss, (X,), (X,)), "no parameter of the module requires"),
    "all frozen": (
        lambda: flat_loss(nn.Linear(3, 2).requires_grad_(False), F.mse_loss, (X,), (Y,)),
        "no parameter of the module requires a gradient: there is nothing to vary",
    ),
    "NaN": (
        lambda: flat_loss(with_weight(np.nan), F.mse_loss, (X,), (Y,)),
        "parameter 'weight' holds NaN or infinity: expected finite numbers",
    ),
    "complex": (
        lambda: flat_loss(nn.Linear(3, 2, dtype=torch.complex64), F.mse_loss, (X,), (Y,)),
        "parameter 'weight' holds torch.complex64: expected real floating-point numbers",
    ),
    "an overflow": (
        lambda: flat_loss(with_weight(1e38), F.mse_loss, (X.double() * 1e200,), (Y,)),
        "the loss is inf at the module's parameters: expected a finite number",
    ),
    "not reduced": (
        lambda: flat_loss(nn.Linear(3, 2), lambda y, t: (y - t) ** 2, (X,), (Y,)),
        r"the loss has shape \(4, 2\): expected one number; take its mean or sum",
    ),
    "no tensor": (lambda: flat_loss(nn.Linear(3, 2), lambda y: 1.0, (X,)), "the loss is float: expected one number"),
    "detached": (
        lambda: flat_loss(nn.Linear(3, 2), lambda y: y.detach().sum(), (X,)),
        "the loss does not depend on the module's parameters: was a result detached",
    ),
    "dropout in training": (
        lambda: flat_loss(nn.Sequential(nn.Linear(3, 2), nn.Dropout()), F.mse_loss, (X,), (Y,)),
        r"the loss changes from call to call: call \.eval\(\) on a module that draws random numbers",
    ),
    "x of another length": (
        lambda: flat_loss(nn.Linear(3, 2), F.mse_loss, (X,), (Y,)).hvp(np.ones(8), np.ones(7)),
        r"v has shape \(7,\): expected \(8,\)",
    ),
}


def with_weight(value: float) -> Any:
    module = filled(nn.Linear(3, 2))
    module.weight.data[0, 1] = value
    return module


@pytest.mark.parametrize("case", REFUSED)
def test_what_makes_no_sense_is_refused(case: str) -> None:
    call, said = REFUSED[case]
    with pytest.raises(ValueError, match=said):
        call()


def test_dropout_that_is_off_is_no_noise() -> None:
    module = filled(nn.Sequential(nn.Linear(3, 2), nn.Dropout())).eval()
    loss = flat_loss(module, F.mse_loss, (X,), (Y,))
    assert spectrum_is_positive(loss)


def spectrum_is_positive(loss: Any) -> bool:
    return bool(np.min(np.linalg.eigvalsh(hessian(loss, loss.start).value)) > -1e-12)


def test_mse_of_this_project_is_the_same() -> None:
    module = filled(nn.Linear(3, 2, bias=False))
    theirs = flat_loss(module, F.mse_loss, (X,), (Y,))
    ours = networks.flat_loss(
        networks.apply(mse, networks.apply(affine, X.double().numpy(), "W"), Y.double().numpy()),
        {"W": theirs.unpack(theirs.start)["weight"].T},
    )
    a, b = (np.linalg.eigvalsh(hessian(one, one.start).value) for one in (theirs, ours))
    assert a == pytest.approx(b, rel=1e-13)
