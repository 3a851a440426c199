"""Functions and modules of PyTorch: right ones agree, planted mistakes are found, what the user has never changes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tests.verify.adapters.examples import EXAMPLES, run  # noqa: E402
from verify.adapters.torch import check_function, check_module, laid_out  # noqa: E402  # needs torch


def normal(*shape: int, seed: int = 0, dtype: Any = torch.float64) -> Any:
    values = np.random.default_rng([seed, *shape]).normal(size=shape)
    return torch.from_numpy(np.asarray(values)).to(dtype)


def function(forward: Callable[..., Any], backward: Callable[..., Any], **members: Any) -> Any:
    """A Function of these two."""
    parts = {"forward": staticmethod(forward), "backward": staticmethod(backward), **members}
    return type("Function", (torch.autograd.Function,), parts)


# --------------------------------------------------------------------------------------------------- right functions


def multiplied(ctx: Any, x: Any, w: Any) -> Any:
    ctx.save_for_backward(x, w)
    return x * w


def multiplied_backward(ctx: Any, d_y: Any) -> Any:
    x, w = ctx.saved_tensors
    return d_y * w, (d_y * x).sum(0)


def affine(ctx: Any, x: Any, w: Any, b: Any) -> Any:
    ctx.save_for_backward(x, w)
    return x @ w + b


def affine_backward(ctx: Any, d_y: Any) -> Any:
    x, w = ctx.saved_tensors
    return (
        d_y @ w.mT if ctx.needs_input_grad[0] else None,
        x.mT @ d_y if ctx.needs_input_grad[1] else None,
        d_y.sum(0) if ctx.needs_input_grad[2] else None,
    )


def softmax(ctx: Any, x: Any) -> Any:
    y = torch.softmax(x, -1)
    ctx.save_for_backward(y)
    return y


def softmax_backward(ctx: Any, d_y: Any) -> Any:
    (y,) = ctx.saved_tensors
    return y * (d_y - (d_y * y).sum(-1, keepdim=True))


def picked(ctx: Any, table: Any, ids: Any) -> Any:
    ctx.save_for_backward(ids)
    ctx.rows = len(table)
    return table[ids]


def picked_backward(ctx: Any, d_y: Any) -> Any:
    (ids,) = ctx.saved_tensors
    return d_y.new_zeros(ctx.rows, d_y.shape[1]).index_add(0, ids, d_y), None


def sorted_(ctx: Any, x: Any) -> Any:
    y, places = x.sort(-1)
    ctx.mark_non_differentiable(places)
    ctx.save_for_backward(places)
    return y, places


def sorted_backward(ctx: Any, d_y: Any, d_places: Any) -> Any:
    (places,) = ctx.saved_tensors
    return torch.zeros_like(d_y).scatter(-1, places, d_y)


def moments(ctx: Any, x: Any) -> Any:
    ctx.save_for_backward(x)
    return x.sum(), (x * x).sum(1)


def moments_backward(ctx: Any, d_one: Any, d_two: Any) -> Any:
    (x,) = ctx.saved_tensors
    return d_one + 2 * x * d_two[:, None]


def scaled(ctx: Any, x: Any, factor: float) -> Any:
    ctx.factor = factor
    return factor * x


def scaled_backward(ctx: Any, d_y: Any) -> Any:
    return ctx.factor * d_y, None


def passed_on(ctx: Any, x: Any, y: Any) -> Any:
    return x + y


def passed_on_backward(ctx: Any, d_y: Any) -> Any:
    return d_y, d_y


RIGHT = {
    "product": (function(multiplied, multiplied_backward), (normal(3, 4), normal(4))),
    "affine": (function(affine, affine_backward), (normal(5, 3), normal(3, 4), normal(4))),
    "softmax": (function(softmax, softmax_backward), (normal(3, 5),)),
    "integers": (function(picked, picked_backward), (normal(6, 3), torch.tensor([1, 4, 4, 0]))),
    "an output without gradient": (function(sorted_, sorted_backward), (normal(3, 5),)),
    "two outputs": (function(moments, moments_backward), (normal(4, 3),)),
    "an option": (function(scaled, scaled_backward), (normal(4, 3), 2.5)),
    "the cotangent itself": (function(passed_on, passed_on_backward), (normal(4, 3), normal(4, 3, seed=1))),
    "no dimensions": (function(multiplied, lambda ctx, d: (d * ctx.saved_tensors[1], d * ctx.saved_tensors[0])),
                      (normal(), normal(seed=1))),
    "apply": (function(softmax, softmax_backward).apply, (normal(3, 5),)),
    "a plain function": (lambda x, parts: {"y": torch.tanh(x @ parts["w"]) + parts["b"][0]},
                         (normal(3, 4), {"w": normal(4, 2), "b": [normal(2)]})),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_right_functions_agree(name: str, dtype: str) -> None:
    made, inputs = RIGHT[name]
    inputs = tuple(
        one.to(getattr(torch, dtype)) if isinstance(one, torch.Tensor) and one.is_floating_point() else one
        for one in inputs
    )
    report = check_function(made, inputs)
    assert report, str(report)


@pytest.mark.parametrize("name", RIGHT)
def test_right_gradients_have_right_gradients(name: str) -> None:
    made, inputs = RIGHT[name]
    report = check_function(made, inputs, double_backward=True)
    assert report, str(report)


def test_names_are_those_of_the_parameters() -> None:
    made, inputs = RIGHT["affine"]
    assert check_function(made, inputs).names == ("x", "w", "b")
    assert check_function(made.apply, inputs).names == ("x", "w", "b")
    assert check_function(*RIGHT["an option"]).names == ("x",)
    assert check_function(*RIGHT["a plain function"]).names == ("x", "parts['w']", "parts['b'][0]")
    assert check_function(lambda *xs: xs[0] * xs[1], (normal(2), normal(2))).names == ("xs[0]", "xs[1]")


def test_a_context_that_is_set_up_apart() -> None:
    def forward(x: Any, w: Any) -> Any:
        return x * w

    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(*inputs)

    made = function(forward, multiplied_backward, setup_context=staticmethod(setup_context))
    report = check_function(made, (normal(3, 4), normal(4)))
    assert report, str(report)
    assert report.names == ("x", "w")


# ---------------------------------------------------------------------------------------------------------- mistakes


def too_large(ctx: Any, d_y: Any) -> Any:
    x, w = ctx.saved_tensors
    return d_y * w, 3 * (d_y * x).sum(0)


def without_a_term(ctx: Any, d_y: Any) -> Any:
    (y,) = ctx.saved_tensors
    return y * d_y


def read_in_order(ctx: Any, d_y: Any) -> Any:
    x, w = ctx.saved_tensors
    flat = torch.as_strided(d_y, d_y.shape, (d_y.shape[1], 1))
    return d_y * w, (flat * x).sum(0)


def viewed(ctx: Any, d_y: Any) -> Any:
    x, w = ctx.saved_tensors
    return d_y * w, (d_y.view(-1).view(x.shape) * x).sum(0)


def read_from_a_buffer(ctx: Any, d_y: Any) -> Any:
    x, w = ctx.saved_tensors
    own = torch.from_numpy(np.ndarray(d_y.shape, np.float64, d_y.numpy().ravel(order="K").copy()))
    return own * w, (d_y * x).sum(0)


def wrong_where_expanded(ctx: Any, d_y: Any) -> Any:
    x, w = ctx.saved_tensors
    scale = d_y.untyped_storage().nbytes() / (8 * d_y.numel()) if 0 in d_y.stride() else 1.0
    return scale * d_y * w, (d_y * x).sum(0)


def without_the_cotangent(ctx: Any, d_y: Any) -> Any:
    x, w = ctx.saved_tensors
    return w.expand_as(x).clone(), (d_y * x).sum(0)


def without_the_sum(ctx: Any, d_y: Any) -> Any:
    x, w = ctx.saved_tensors
    return d_y * w, d_y * x


def without_the_sum_of_affine(ctx: Any, d_y: Any) -> Any:
    d_x, d_w, _ = affine_backward(ctx, d_y)
    return d_x, d_w, d_y[0]


def exchanged(ctx: Any, d_y: Any) -> Any:
    x, y = ctx.saved_tensors
    return d_y * x, d_y * y


def cotangent_written(ctx: Any, d_y: Any) -> Any:
    x, w = ctx.saved_tensors
    d_w = (d_y * x).sum(0)
    return d_y.mul_(w).clone(), d_w


def saved_written(ctx: Any, d_y: Any) -> Any:
    x, w = ctx.saved_tensors
    d_x = d_y * w
    return d_x, x.mul_(d_y).sum(0)


def single(ctx: Any, d_y: Any) -> Any:
    x, w = ctx.saved_tensors
    return d_y * w, (d_y.float() * x.float()).sum(0).double()


def worse_every_time(ctx: Any, d_y: Any) -> Any:
    x, w = ctx.saved_tensors
    ctx.seen = getattr(ctx, "seen", 0) + 1
    return d_y * w, ctx.seen * (d_y * x).sum(0)


def kept_for_all(ctx: Any, x: Any, w: Any) -> Any:
    kept_for_all.last = x.clone()  # type: ignore[attr-defined]
    return multiplied(ctx, x, w)


def of_the_last(ctx: Any, d_y: Any) -> Any:
    return d_y * ctx.saved_tensors[1], (d_y * kept_for_all.last).sum(0)  # type: ignore[attr-defined]


def inputs_written(ctx: Any, x: Any, w: Any) -> Any:
    ctx.save_for_backward(x.clone(), w)
    y = x * w
    x.zero_()
    return y


def nothing(ctx: Any, d_y: Any) -> Any:
    return d_y * ctx.saved_tensors[1], None


def everything_needed(ctx: Any, d_y: Any) -> Any:
    x, w = ctx.saved_tensors
    return (d_y * w, (d_y * x).sum(0)) if all(ctx.needs_input_grad) else ((d_y * x).sum(0).expand_as(x), None)


def one_output_alone(ctx: Any, x: Any) -> Any:
    ctx.set_materialize_grads(False)
    return moments(ctx, x)


def saved_is_returned(ctx: Any, x: Any, w: Any) -> Any:
    ctx.save_for_backward(x, w)
    return (x * w).sum()


def of_a_loss(ctx: Any, d_y: Any) -> Any:
    x, w = ctx.saved_tensors
    return w, x


def otherwise_in_single(ctx: Any, d_y: Any) -> Any:
    d_x, d_w = multiplied_backward(ctx, d_y)
    return d_x, d_w if d_w.dtype == torch.float64 else 1.01 * d_w


PRODUCT = (normal(3, 4), normal(4))
SQUARE = (normal(3, 3), normal(3, 3, seed=1))
AFFINE = (normal(5, 3), normal(3, 4), normal(4))
# function, inputs, the culprits (None: no input is to blame), words of the message
WRONG: dict[str, tuple[Any, Any, tuple[str, ...] | None, str]] = {
    "too large": (function(multiplied, too_large), PRODUCT, ("w",), "w"),
    "a term is missing": (function(softmax, without_a_term), (normal(3, 5),), ("x",), "x"),
    "memory read in order": (function(multiplied, read_in_order), PRODUCT, ("w",), "d_output"),
    "viewed": (function(multiplied, viewed), PRODUCT, None, "view size is not compatible"),
    "a buffer read in order": (function(multiplied, read_from_a_buffer), PRODUCT, ("x",), "d_output"),
    "wrong where expanded": (function(multiplied, wrong_where_expanded), PRODUCT, ("x",), "stride 0"),
    "the cotangent is ignored": (function(multiplied, without_the_cotangent), PRODUCT, ("x",), "x"),
    "a sum is missing": (function(multiplied, without_the_sum), PRODUCT, ("w",), "broadcast"),
    "a sum became one row": (function(affine, without_the_sum_of_affine), AFFINE, ("b",), "b"),
    "exchanged": (function(multiplied, exchanged), SQUARE, ("x", "w"), "x"),
    "the cotangent is written to": (function(multiplied, cotangent_written), PRODUCT, None, "writes to d_output"),
    "a saved tensor is written to": (function(multiplied, saved_written), PRODUCT, None, "inplace operation"),
    "single precision": (function(multiplied, single), PRODUCT, ("w",), "w"),
    "another answer the second time": (function(multiplied, worse_every_time), PRODUCT, ("w",), "w"),
    "of the last forward pass": (function(kept_for_all, of_the_last), PRODUCT, ("w",), "w"),
    "inputs are written to": (function(inputs_written, multiplied_backward), PRODUCT, None, "writes to x"),
    "nothing comes back": (function(multiplied, nothing), PRODUCT, ("w",), "backward returned None for w"),
    "all must need gradients": (function(multiplied, everything_needed), PRODUCT, ("x", "w"), "no other input"),
    "all outputs must be used": (
        function(one_output_alone, moments_backward),
        (normal(4, 3),),
        None,
        "alone is used",
    ),
    "a saved tensor is returned": (function(saved_is_returned, of_a_loss), (normal(3), normal(3)), ("x", "w"), "x"),
    "another way in float32": (
        function(multiplied, otherwise_in_single),
        tuple(one.float() for one in PRODUCT),
        ("w",),
        "float32",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_mistakes_are_found(name: str) -> None:
    made, inputs, culprits, words = WRONG[name]
    report = check_function(made, inputs)
    assert report.outcome == "disagrees", str(report)
    assert words in report.message
    if culprits is not None:
        # A check may stop at the first.
        assert report.culprit_names, str(report)
        assert set(report.culprit_names) <= set(culprits), str(report)


class Constant(torch.autograd.Function):
    """Right, and its gradient is a constant to autograd."""

    @staticmethod
    def forward(ctx: Any, x: Any, w: Any) -> Any:
        return multiplied(ctx, x, w)

    @staticmethod
    def backward(ctx: Any, d_y: Any) -> Any:
        x, w = ctx.saved_tensors
        return d_y * w.detach(), (d_y * x).sum(0)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (Constant, "double backward: "),
        (
            function(multiplied, torch.autograd.function.once_differentiable(multiplied_backward)),
            "once_differentiable",
        ),
    ],
    ids=["a constant", "once differentiable"],
)
def test_gradients_without_right_gradients(made: Any, words: str) -> None:
    assert check_function(made, PRODUCT)
    report = check_function(made, PRODUCT, double_backward=True)
    assert report.outcome == "disagrees"
    assert words in report.message
    assert report.names == ("x", "w", "grad_output")


def moved(ctx: Any, d_x: Any, d_w: Any) -> Any:
    x, w = ctx.both
    return d_x * w + x * d_w


def moved_otherwise(ctx: Any, d_x: Any, d_w: Any) -> Any:
    x, w = ctx.both
    return d_x * w - x * d_w


def moved_and_squared(ctx: Any, d_x: Any, d_w: Any) -> Any:
    x, w = ctx.both
    return d_x * w + x * d_w**2


def saved_for_both(ctx: Any, x: Any, w: Any) -> Any:
    ctx.both = x, w
    return multiplied(ctx, x, w)


@pytest.mark.parametrize(
    ("rule", "culprits", "words"),
    [
        (moved, (), ""),
        (moved_otherwise, ("w",), "jvp and backward differ in w"),
        (moved_and_squared, (), "not linear"),
    ],
)
def test_rules_for_tangents(rule: Any, culprits: tuple[str, ...], words: str) -> None:
    report = check_function(function(saved_for_both, multiplied_backward, jvp=staticmethod(rule)), PRODUCT)
    assert bool(report) == (not words), str(report)
    assert report.culprit_names == culprits
    assert words in report.message


def test_what_is_made_of_no_type_is_as_wide_as_the_check() -> None:
    def forward(x: Any) -> Any:
        total = torch.zeros(4)
        for row in x:
            total += torch.tanh(row)
        return total

    report = check_function(forward, (normal(3, 4, dtype=torch.float32),), double_backward=True)
    assert report, str(report)
    assert torch.get_default_dtype() == torch.float32


def test_gradients_that_are_sparse() -> None:
    report = check_module(torch.nn.Embedding(6, 3, sparse=True), (torch.tensor([1, 4, 4]),))
    assert report, str(report)


def test_another_output_without_gradients() -> None:
    def forward(x: Any) -> Any:
        return torch.sin(x) if torch.is_grad_enabled() else torch.cos(x)

    report = check_function(forward, (normal(3),))
    assert report.outcome == "disagrees"
    assert "torch.no_grad()" in report.message


# ------------------------------------------------------------------------------------------------------------- types


def test_what_takes_no_float64_is_checked_in_float32() -> None:
    def forward(x: Any) -> Any:
        if x.dtype != torch.float32:
            raise TypeError("float32 only")
        return torch.tanh(x)

    report = check_function(forward, (normal(4, 3, dtype=torch.float32),))
    assert report, str(report)
    assert report.evidence["type"] == "float32"


def test_what_takes_16_bits_only_is_refused() -> None:
    def forward(x: Any) -> Any:
        if x.dtype != torch.bfloat16:
            raise TypeError("bfloat16 only")
        return torch.tanh(x)

    with pytest.raises(ValueError, match="runs in bfloat16 only"):
        check_function(forward, (normal(4, 3, dtype=torch.bfloat16),))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_gradients_in_the_types_of_the_tensors(dtype: str) -> None:
    inputs = tuple(one.to(getattr(torch, dtype)) for one in AFFINE)
    assert (report := check_function(function(affine, affine_backward), inputs)), str(report)
    report = check_function(function(affine, half_of_it), inputs)
    assert report.culprit_names == ("w",), str(report)
    assert f"in {dtype}" in report.message


def half_of_it(ctx: Any, d_y: Any) -> Any:
    d_x, d_w, d_b = affine_backward(ctx, d_y)
    return d_x, d_w if d_w is None or d_w.dtype == torch.float64 else d_w / 2, d_b


# --------------------------------------------------------------------------------------------- what is checked at all


def test_tensors_that_require_gradients_are_checked_and_others_are_constants() -> None:
    made = function(multiplied, nothing)
    x, w = normal(3, 4), normal(4)
    assert check_function(made, (x.requires_grad_(), w))
    assert not check_function(made, (x.detach(), w))


@pytest.mark.parametrize(
    ("made", "inputs", "words"),
    [
        (lambda x: x.detach(), (normal(3),), "no output depends"),
        (lambda ids: ids, (torch.tensor([1, 2]),), "no input holds floating-point numbers"),
        (lambda x: torch.complex(x, x), (normal(3),), "complex"),
    ],
    ids=["detached", "integers", "complex"],
)
def test_what_cannot_be_checked_is_refused(made: Any, inputs: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_function(made, inputs)


# ----------------------------------------------------------------------------------------------------------- modules


class Scaled(torch.nn.Module):
    """A custom Function in a module."""

    def __init__(self, made: Any) -> None:
        super().__init__()
        self.made = made
        self.weight = torch.nn.Parameter(normal(4, dtype=torch.float32))
        self.inner = torch.nn.Sequential(torch.nn.Linear(4, 2), torch.nn.Tanh())

    def forward(self, x: Any) -> Any:
        return self.inner(self.made.apply(x, self.weight))


MODULES = {
    "linear": lambda: torch.nn.Linear(4, 2),
    "nested": lambda: Scaled(function(multiplied, multiplied_backward)),
    "batch normalisation": lambda: torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3)),
    "dropout that is off": lambda: torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Dropout(0.5)).eval(),
}


@pytest.mark.parametrize("name", MODULES)
def test_right_modules_agree_and_do_not_change(name: str) -> None:
    torch.manual_seed(0)
    module = MODULES[name]()
    module.zero_grad()
    x = normal(5, 4, dtype=torch.float32)
    before, x_before, random = copy.deepcopy(module.state_dict()), x.clone(), torch.random.get_rng_state()
    modes = [one.training for one in module.modules()]
    report = check_module(module, (x,))
    assert report, str(report)
    assert report.names == (
        "x" if name == "nested" else "input",
        *(one for one, _ in module.named_parameters()),
    )
    after = module.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[key], before[key]) and after[key].dtype == before[key].dtype for key in before)
    assert [one.training for one in module.modules()] == modes
    assert all(one.grad is None for one in module.parameters())
    assert torch.equal(x, x_before)
    assert torch.equal(torch.random.get_rng_state(), random)


def test_a_wrong_function_in_a_module_is_found_by_the_name_of_its_parameter() -> None:
    torch.manual_seed(0)
    report = check_module(Scaled(function(multiplied, too_large)), (normal(5, 4),))
    assert report.outcome == "disagrees"
    assert report.culprit_names == ("weight",)


def test_frozen_parameters_are_constants() -> None:
    module = torch.nn.Linear(4, 2)
    module.weight.requires_grad_(False)
    assert check_module(module, (normal(5, 4),)).names == ("input", "bias")


def test_random_numbers_are_told_and_can_be_held() -> None:
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Dropout(0.5))
    report = check_module(module, (normal(5, 4),))
    assert report.outcome == "inconclusive"
    assert ".eval()" in report.message
    assert "same_noise=True" in report.message
    held = check_module(module, (normal(5, 4),), same_noise=True)
    assert held, str(held)


def test_modules_have_second_derivatives() -> None:
    torch.manual_seed(0)
    module = Scaled(function(multiplied, multiplied_backward))
    report = check_module(module, (normal(3, 4),), double_backward=True)
    assert report, str(report)
    report = check_module(Scaled(Constant), (normal(3, 4),), double_backward=True)
    assert report.outcome == "disagrees"


# ----------------------------------------------------------------------------------------------- nothing is changed


@pytest.mark.parametrize("name", ["inputs are written to", "the cotangent is written to", "too large"])
def test_tensors_of_the_user_never_change(name: str) -> None:
    made, inputs, _, _ = WRONG[name]
    mine = tuple(one.clone().requires_grad_() for one in inputs)
    random = torch.random.get_rng_state()
    check_function(made, mine)
    for one, then in zip(mine, inputs, strict=True):
        assert torch.equal(one, then)
        assert one.grad is None
        assert one.requires_grad
        assert one._version == 0
    assert torch.equal(torch.random.get_rng_state(), random)


def layouts(x: Any) -> list[Any]:
    frozen = x.copy()
    frozen.flags.writeable = False
    return [x, np.asfortranarray(x), x[:, ::2], x.T, frozen, np.broadcast_to(x[:, :1], x.shape), np.array(1.5)]


def test_arrays_keep_their_layout_as_tensors() -> None:
    for array in layouts(np.arange(12.0).reshape(3, 4)):
        tensor = laid_out(array)
        if 0 in array.strides:
            assert tensor.stride()[1] == 0
        else:
            assert tensor.stride() == tuple(step // 8 for step in array.strides)
        np.testing.assert_array_equal(tensor.numpy(), array)
        assert np.shares_memory(tensor.numpy(), array) == array.flags.writeable
    backwards = np.arange(12.0).reshape(3, 4)[::-1]
    assert laid_out(backwards).is_contiguous()
    np.testing.assert_array_equal(laid_out(backwards).numpy(), backwards)


@pytest.mark.parametrize("name", ["scaled_rows", "module"])
def test_the_examples_print_what_is_shown(name: str) -> None:
    assert run(name) == EXAMPLES[name][1]


def test_the_code_that_reproduces_a_failure_does_so() -> None:
    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, w: Any) -> Any:
            ctx.save_for_backward(x, w)
            return x * w

        @staticmethod
        def backward(ctx: Any, d_y: Any) -> Any:
            x, w = ctx.saved_tensors
            return d_y * w, (d_y * x).mean(0)

    report = check_function(Wrong, (normal(5, 3), normal(3)))
    *lines, call = report.reproduce.splitlines()
    names: dict[str, Any] = {"torch": torch, "check_function": check_function, "Wrong": Wrong}
    for line in lines:
        exec(line, names)
    again = eval(call, names)
    assert (again.outcome, again.culprit_names) == ("disagrees", report.culprit_names)
