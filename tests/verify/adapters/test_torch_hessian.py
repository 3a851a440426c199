"""Products of a PyTorch loss's Hessian: those of the matrix that autograd writes out, for modules and for batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from verify.adapters.torch_hessian import hvp_of  # noqa: E402  # needs torch
from verify.critical.large.index import hessian_index  # noqa: E402

X = torch.from_numpy(np.random.default_rng(1).normal(size=(12, 3)))
Y = torch.from_numpy(np.random.default_rng(2).normal(size=(12, 2)))


def network(dtype: Any = torch.float64) -> Any:
    torch.manual_seed(3)
    return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2)).to(dtype)


def written_out(module: Any) -> Any:
    """The Hessian written out by autograd, on the same flat vector."""
    names = [name for name, _ in module.named_parameters()]
    shapes = [one.shape for one in module.parameters()]
    sizes = [one.numel() for one in module.parameters()]

    def loss(flat: Any) -> Any:
        parts = [part.reshape(shape) for part, shape in zip(flat.split(sizes), shapes, strict=True)]
        out = torch.func.functional_call(module, dict(zip(names, parts, strict=True)), (X,))
        return ((out - Y) ** 2).sum()

    flat = torch.cat([one.detach().reshape(-1) for one in module.parameters()])
    return torch.autograd.functional.hessian(loss, flat).numpy()


def test_products_of_a_module() -> None:
    module = network()
    whole = hvp_of(lambda: ((module(X) - Y) ** 2).sum(), module)
    hvp, dim = whole
    matrix = written_out(module)
    v = np.random.default_rng(4).normal(size=dim)
    assert np.allclose(hvp(v), matrix @ v, rtol=1e-10, atol=1e-10)
    found = hessian_index(hvp, dim)
    assert found.certified
    assert found.estimate == int(np.sum(np.linalg.eigvalsh(matrix) < -1e-9))
    assert all(one.grad is None for one in module.parameters())


def test_batches_add_up() -> None:
    module = network()
    one = hvp_of(lambda: ((module(X) - Y) ** 2).sum(), module)
    parts = hvp_of(lambda x, y: ((module(x) - y) ** 2).sum(), module, zip(X.split(5), Y.split(5), strict=True))
    v = np.random.default_rng(5).normal(size=one.dim)
    assert np.allclose(one.hvp(v), parts.hvp(v))
    assert np.allclose(one.gradient(), parts.gradient())


def test_own_type_and_unused_parameters() -> None:
    module = network(torch.float32)
    spare = torch.zeros(2, requires_grad=True)
    hvp, dim = hvp_of(lambda: ((module(X.float()) - Y.float()) ** 2).sum(), [*module.parameters(), spare])
    product = hvp(np.ones(dim))
    assert product.dtype == np.float32
    assert np.array_equal(product[-2:], [0, 0])


def test_a_linear_loss_has_no_curvature() -> None:
    w = torch.ones(3, requires_grad=True, dtype=torch.float64)
    hvp, dim = hvp_of(lambda: (2 * w).sum(), [w])
    assert np.array_equal(hvp(np.ones(dim)), np.zeros(3))


def test_dropout_is_refused() -> None:
    module = torch.nn.Sequential(network(), torch.nn.Dropout(0.5))
    hvp, dim = hvp_of(lambda: ((module(X) - Y) ** 2).sum(), module)
    with pytest.raises(ValueError, match="dropout"):
        hessian_index(hvp, dim)


@pytest.mark.parametrize(
    ("loss", "parameters", "said"),
    [
        (lambda: 0, [torch.zeros(2)], "requires gradients"),
        (lambda: 0, [torch.zeros(2, requires_grad=True) * 2], "result of others"),
        (lambda: 0, [torch.zeros(2, dtype=torch.complex128, requires_grad=True)], "complex128"),
    ],
)
def test_parameters_are_checked(loss: Any, parameters: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        hvp_of(loss, parameters)


def test_the_loss_is_checked() -> None:
    w = torch.ones(3, requires_grad=True)
    for loss, said in ((lambda: w, "shape"), (lambda: 1.0, "float"), (lambda: torch.tensor(1.0), "does not depend")):
        with pytest.raises(ValueError, match=said):
            hvp_of(loss, [w]).hvp(np.ones(3))
    with pytest.raises(ValueError, match="expected \\(3,\\)"):
        hvp_of(lambda: w.sum(), [w]).hvp(np.ones(2))
