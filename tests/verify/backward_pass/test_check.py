"""check_backward: the verdict, at what cost, and what it never does."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from verify import Report, check_backward
from verify.layers import LAYERS

Array = Any


def drawn(*shapes: tuple[int, ...], seed: int = 0, scale: float = 1.0) -> tuple[Array, ...]:
    rng = np.random.default_rng(seed)
    return tuple(scale * rng.normal(size=shape) for shape in shapes)


def dense(x: Array, W: Array, b: Array) -> Array:
    return np.tanh(x @ W + b)


def dense_backward(d_y: Array, x: Array, W: Array, b: Array) -> tuple[Array, ...]:
    d_z = d_y * (1.0 - np.tanh(x @ W + b) ** 2)
    return d_z @ W.T, x.T @ d_z, d_z.sum(axis=0)


def changed(position: int, change: Callable[[Array], Array]) -> Callable[..., tuple[Array, ...]]:
    """The backward pass of ``dense`` with one gradient changed."""

    def backward(d_y: Array, x: Array, W: Array, b: Array) -> tuple[Array, ...]:
        gradients = list(dense_backward(d_y, x, W, b))
        gradients[position] = change(gradients[position])
        return tuple(gradients)

    return backward


DENSE = ((4, 3), (3, 5), (5,))


@pytest.mark.parametrize("name", LAYERS)
def test_layers_agree(name: str) -> None:
    layer = LAYERS[name]
    case = layer.case("sample 0")
    report = check_backward(partial(layer.forward, **case.options), layer.backward, case.inputs, saved=True)
    assert report.outcome == "agrees", str(report)
    assert report.power < 1e-6


def test_an_ordinary_right_pass_costs_few_calls() -> None:
    calls = []
    for layer in LAYERS.values():
        case = layer.case("sample 1")
        report = check_backward(partial(layer.forward, **case.options), layer.backward, case.inputs, saved=True)
        calls.append(report.cost.forward)
    assert np.mean(calls) <= 60
    assert check_backward(dense, dense_backward, drawn(*DENSE)).cost.forward <= 40


def test_calls_are_counted() -> None:
    count = {"forward": 0, "backward": 0}

    def forward(x: Array) -> Array:
        count["forward"] += 1
        return np.sin(x)

    def backward(d_y: Array, x: Array) -> tuple[Array]:
        count["backward"] += 1
        return (2.0 * d_y * np.cos(x),)

    report = check_backward(forward, backward, drawn((3, 2)))
    assert (report.cost.forward, report.cost.backward) == (count["forward"], count["backward"])


@pytest.mark.parametrize("position", range(3))
@pytest.mark.parametrize("error", [1e-6, 1e-3, 1.0])
def test_relative_errors_are_found(position: int, error: float) -> None:
    report = check_backward(dense, changed(position, lambda g: g * (1.0 + error)), drawn(*DENSE), points=1)
    assert report.outcome == "disagrees"
    assert report.culprits == (position,)


@pytest.mark.parametrize("seed", range(5))
def test_one_wrong_entry_among_a_thousand_is_found(seed: int) -> None:
    where = np.random.default_rng(seed).integers(1000)

    def one_wrong(g: Array) -> Array:
        g.flat[where] *= 1.01
        return g

    report = check_backward(dense, changed(1, one_wrong), drawn((3, 40), (40, 25), (25,)), points=1, seed=seed)
    assert report.outcome == "disagrees"
    assert report.culprit_names == ("W",)
    assert report.findings[0].entry == tuple(np.unravel_index(where, (40, 25)))


def test_single_precision_inside_is_found() -> None:
    report = check_backward(dense, changed(0, lambda g: g.astype(np.float32).astype(float)), drawn(*DENSE), points=1)
    assert report.outcome == "disagrees"
    assert (report.culprits, report.kind) == ((0,), "precision")


@pytest.mark.parametrize("size", [1e-10, 1e10])
def test_sizes_of_outputs_do_not_matter(size: float) -> None:
    def forward(x: Array) -> Array:
        return size * np.sin(x)

    right, wrong = (partial(lambda d_y, x, c: (c * size * d_y * np.cos(x),), c=c) for c in (1.0, 1.0 + 1e-6))
    assert check_backward(forward, right, drawn((4, 3))).outcome == "agrees"
    assert check_backward(forward, wrong, drawn((4, 3))).outcome == "disagrees"


@pytest.mark.parametrize("size", [1e-8, 1e6])
def test_sizes_of_inputs_do_not_matter(size: float) -> None:
    def forward(x: Array) -> Array:
        return (x / size) ** 3

    right, wrong = (
        partial(lambda d_y, x, c: (c * 3.0 * d_y * (x / size) ** 2 / size,), c=c) for c in (1.0, 1.000001)
    )
    assert check_backward(forward, right, drawn((4, 3), scale=size)).outcome == "agrees"
    assert check_backward(forward, wrong, drawn((4, 3), scale=size)).outcome == "disagrees"


def test_small_entries_are_not_hidden_by_large_ones() -> None:
    x = np.array([1e-8, 3e-8, 1.0, 2.0, 5e5, 1e6])

    def backward(d_y: Array, x: Array) -> tuple[Array]:
        return (np.where(np.abs(x) < 1e-4, 1.001, 1.0) * 2.0 * x * d_y,)

    assert check_backward(np.square, lambda d_y, x: (2.0 * x * d_y,), (x,)).outcome == "agrees"
    assert check_backward(np.square, backward, (x,), points=1).outcome == "disagrees"


def test_gradients_that_are_zero_throughout() -> None:
    def constant(x: Array) -> Array:
        return np.floor(x) + 0.0 * x

    def normalised(x: Array) -> Array:
        return np.sum(np.exp(x) / np.sum(np.exp(x)))

    inside = (np.floor(drawn((4,))[0]) + 0.5,)
    assert check_backward(constant, lambda d_y, x: (0.0 * d_y,), inside, points=1).outcome == "agrees"
    assert check_backward(constant, lambda d_y, x: (1e-6 * d_y,), inside, points=1).outcome == "disagrees"
    assert check_backward(normalised, lambda d_y, x: (0.0 * x,), drawn((5,))).outcome == "agrees"
    assert check_backward(normalised, lambda d_y, x: (1e-3 * d_y * x,), drawn((5,))).outcome == "disagrees"


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_narrow_types_are_judged_in_double_precision(dtype: Any) -> None:
    inputs = tuple(x.astype(dtype) for x in drawn(*DENSE))
    assert check_backward(dense, dense_backward, inputs).outcome == "agrees"
    for position in range(3):
        wrong = changed(position, lambda g: (g * g.dtype.type(1.01)).astype(g.dtype))
        report = check_backward(dense, wrong, inputs)
        assert (report.outcome, report.culprits) == ("disagrees", (position,))


def test_functions_that_round_to_single_precision() -> None:
    def forward(x: Array) -> Array:
        return np.sin(x.astype(np.float32))

    right, wrong = (
        partial(lambda d_y, x, c: ((c * d_y * np.cos(x.astype(np.float32))).astype(x.dtype),), c=c)
        for c in (1.0, 1.2)
    )
    inputs = (drawn((4, 3))[0].astype(np.float32),)
    assert check_backward(forward, right, inputs).outcome != "disagrees"
    assert check_backward(forward, wrong, inputs).outcome == "disagrees"


def test_losing_digits_is_wrong() -> None:
    """The variance as the mean of squares less the square of the mean, in the backward pass."""
    x = 1e6 + drawn((5, 3))[0]

    def forward(x: Array) -> Array:
        deviation = x - x.mean(axis=0)
        return deviation / np.sqrt(np.mean(deviation**2, axis=0))

    def backward(d_y: Array, x: Array, variance: Callable[[Array], Array]) -> tuple[Array]:
        y = (x - x.mean(axis=0)) / np.sqrt(variance(x))
        return ((d_y - d_y.mean(axis=0) - y * np.mean(d_y * y, axis=0)) / np.sqrt(variance(x)),)

    right = partial(backward, variance=lambda x: np.mean((x - x.mean(axis=0)) ** 2, axis=0))
    wrong = partial(backward, variance=lambda x: np.mean(x**2, axis=0) - x.mean(axis=0) ** 2)
    assert check_backward(forward, right, (x,), points=1).outcome == "agrees"
    assert check_backward(forward, wrong, (x,), points=1).outcome == "disagrees"


def test_what_rounds_too_much_is_not_judged() -> None:
    def forward(x: Array) -> Array:
        return (x + 1e16) - 1e16

    report = check_backward(forward, lambda d_y, x: (d_y.copy(),), drawn((3,)), points=1)
    assert report.outcome == "inconclusive"
    assert "in steps" in report.message


def test_every_entry_moves_independent_ones_together() -> None:
    layer = LAYERS["conv2d"]
    inputs = drawn((4, 3, 10, 12), (5, 3, 3, 3), (5,))
    report = check_backward(layer.forward, layer.backward, inputs, saved=True, points=1, mode="every-entry")
    assert report.outcome == "agrees"
    assert 10 * report.evidence["groups of x"] <= inputs[0].size
    assert report.cost.forward * 5 < 6 * sum(x.size for x in inputs)
    assert all(np.all(np.isfinite(numerical)) for _, numerical in report.heat.values())


# ------------------------------------------------------------------------------------------------- kinks and ties

ZEROS = np.array([[0.0, 1.5, -0.5], [0.0, -2.0, 0.25]])
TIES = np.array([[1.0, 3.0, 3.0, -1.0], [2.0, 0.5, 2.0, 2.0]])


def slopes_at_zero(slope: float) -> Callable[..., tuple[Array]]:
    return lambda d_y, x: (d_y * np.where(x == 0, slope, x > 0),)


def maximum(x: Array) -> Array:
    return x.max(axis=1)


def shares(share: Callable[[Array], Array]) -> Callable[..., tuple[Array]]:
    """Backward of the maximum of each row; ``share`` of the tied entries (a mask)."""
    return lambda d_y, x: (d_y[:, None] * share(x == x.max(axis=1, keepdims=True)),)


def first(tied: Array) -> Array:
    return tied & (np.cumsum(tied, axis=1) == 1)


def relu(x: Array) -> Array:
    return np.maximum(x, 0.0)


@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0])
def test_subgradients_of_relu_agree(slope: float) -> None:
    assert check_backward(relu, slopes_at_zero(slope), (ZEROS,)).outcome == "agrees"


@pytest.mark.parametrize("slope", [-0.1, 1.1, 2.0])
def test_what_is_no_subgradient_of_relu_disagrees(slope: float) -> None:
    report = check_backward(relu, slopes_at_zero(slope), (ZEROS,))
    assert (report.outcome, report.kind) == ("disagrees", "ties")


@pytest.mark.parametrize("share", [first, lambda tied: tied / tied.sum(axis=1, keepdims=True)])
def test_ties_of_a_maximum_agree(share: Any) -> None:
    assert check_backward(maximum, shares(share), (TIES,)).outcome == "agrees"


@pytest.mark.parametrize("share", [lambda tied: tied, lambda tied: tied & (tied.sum(axis=1, keepdims=True) == 1)])
def test_all_or_none_of_tied_entries_disagree(share: Any) -> None:
    report = check_backward(maximum, shares(share), (TIES,))
    assert (report.outcome, report.kind) == ("disagrees", "ties")


def test_kinks_do_not_hide_what_is_wrong_elsewhere() -> None:
    def backward(d_y: Array, x: Array) -> tuple[Array]:
        return (d_y * (x > 0) * np.where(x == 0.25, 1.01, 1.0),)

    assert check_backward(relu, backward, (ZEROS,), points=1).outcome == "disagrees"


def test_ties_of_two_inputs() -> None:
    x, y = np.array([1.0, 2.0, 3.0]), np.array([1.0, 5.0, -1.0])

    def backward(d: Array, x: Array, y: Array, of_x: Any, of_y: Any) -> tuple[Array, Array]:
        return d * of_x(x, y), d * of_y(y, x)

    right = partial(backward, of_x=np.greater_equal, of_y=np.greater)
    wrong = partial(backward, of_x=np.greater_equal, of_y=np.greater_equal)
    assert check_backward(np.maximum, right, (x, y)).outcome == "agrees"
    assert check_backward(np.maximum, wrong, (x, y), points=1).outcome == "disagrees"


def test_the_corner_of_an_absolute_value_and_of_a_hinge() -> None:
    x = np.array([0.0, 2.0, -1.0])
    assert check_backward(np.abs, lambda d_y, x: (d_y * np.sign(x),), (x,)).outcome == "agrees"
    assert check_backward(np.abs, lambda d_y, x: (d_y * np.where(x == 0, 1.5, np.sign(x)),), (x,)).kind == "ties"
    margin = np.array([1.0, 0.2, 3.0])
    hinge = lambda m: np.maximum(0.0, 1.0 - m)  # noqa: E731
    assert check_backward(hinge, lambda d_y, m: (-d_y * (m < 1),), (margin,)).outcome == "agrees"
    assert (
        check_backward(hinge, lambda d_y, m: (-3.0 * d_y * (m <= 1) + 2.0 * d_y * (m < 1),), (margin,)).kind == "ties"
    )


# ---------------------------------------------------------------------------------------------------- other points


def region(where: Callable[[Array], Array]) -> Callable[..., tuple[Array]]:
    """The gradient of a sine, 1 % too large somewhere."""
    return lambda d_y, x: (d_y * np.cos(x) * np.where(where(x), 1.01, 1.0),)


REGIONS = {
    "negative": lambda x: x < 0,
    "large": lambda x: np.abs(x) > 6.0,
    "positive above 2": lambda x: x > 2.0,
    "second row smaller than the first": lambda x: np.broadcast_to(x[:1] > x[1:].max(), x.shape),
}


@pytest.mark.parametrize("name", REGIONS)
def test_mistakes_in_other_regions_are_found(name: str) -> None:
    inputs = (np.array([[0.3, 0.8, 1.1], [0.9, 1.3, 1.2]]) * np.array([[1.0, 1.0, 1.0], [1.0, 1.0, -0.01]]),)
    if name == "negative":
        inputs = (np.array([[0.3, 0.8, -1.1], [0.9, 1.3, 1.2]]),)
        backward = lambda d_y, x: (d_y * np.cos(x) * np.where(x < -1.2, 1.01, 1.0),)  # noqa: E731
    else:
        backward = region(REGIONS[name])
    assert check_backward(np.sin, backward, inputs, points=1).outcome == "agrees"
    report = check_backward(np.sin, backward, inputs)
    assert (report.outcome, report.kind) == ("disagrees", "region")
    assert report.findings[0].where is not None


def test_what_the_given_inputs_have_in_common_is_kept() -> None:
    seen: list[Array] = []

    def forward(p: Array, y: Array) -> Array:
        seen.append(np.array(p))
        return -np.sum(y * np.log(p))

    p = np.array([[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]])
    y = np.eye(3)[[0, 2]]
    report = check_backward(forward, lambda d, p, y: (-d * y / p, -d * np.log(p)), (p, y))
    assert report.outcome == "agrees"
    assert all(np.all(q > 0) and np.allclose(q.sum(axis=1), 1.0, atol=0.1) for q in seen if np.isrealobj(q))


def test_a_domain_or_samples_say_where_to_look() -> None:
    def backward(d_y: Array, x: Array) -> tuple[Array]:
        return (d_y * np.where(x > 40, 1.1, 1.0) * np.cos(x),)

    inputs = (np.array([0.5, 0.8]),)
    assert check_backward(np.sin, backward, inputs).outcome == "agrees"
    assert (
        check_backward(np.sin, backward, inputs, domain={"input 0": (30, 60), "x": (30, 60)}).outcome == "disagrees"
    )
    sample = lambda rng: (rng.uniform(30, 60, size=(rng.integers(1, 4),)),)  # noqa: E731
    assert check_backward(np.sin, backward, inputs, sample=sample).outcome == "disagrees"


def test_what_remembers_the_first_call_is_found() -> None:
    kept: list[Array] = []

    def backward(d_y: Array, x: Array) -> tuple[Array]:
        kept[:] = kept or [np.cos(x)]
        return (d_y * kept[0],)

    report = check_backward(np.sin, backward, drawn((3, 2)))
    assert (report.outcome, report.kind) == ("disagrees", "cache")


# ------------------------------------------------------------------------------------------------------- reporting


def wrong_report() -> Report:
    return check_backward(dense, changed(1, lambda g: g / 4.0), drawn(*DENSE))


def test_a_message_tells_what_where_and_why() -> None:
    report = wrong_report()
    assert report.culprit_names == ("W",)
    assert report.kind == "scale"
    for told in ("wrong in 15 of 15 entries", "worst entry   W[", "backward gave", "numerical", "4 times too small"):
        assert told in report.message


def test_a_report_is_json() -> None:
    report = json.loads(wrong_report().to_json())
    assert report["outcome"] == "disagrees"
    assert report["culprit_names"] == ["W"]
    assert report["findings"][0]["kind"] == report["kind"] == "scale"


def test_the_code_that_reproduces_a_failure_does_so() -> None:
    report = wrong_report()
    names: dict[str, Any] = {"np": np, "check_backward": check_backward, "dense": dense}
    names["backward"] = changed(1, lambda g: g / 4.0)
    *lines, call = report.reproduce.splitlines()
    for line in lines:
        exec(line, names)
    again = eval(call, names)
    assert (again.outcome, again.culprits) == ("disagrees", (1,))
    assert sum(names[name].size for name in ("x", "W", "b")) <= 8


def test_a_report_is_true_only_when_it_agrees() -> None:
    assert check_backward(dense, dense_backward, drawn(*DENSE))
    assert not wrong_report()


def test_the_same_seed_gives_the_same_report() -> None:
    one, other = wrong_report(), wrong_report()
    assert one.message == other.message
    assert one.cost.forward == other.cost.forward


# ------------------------------------------------------------------------------------------------------- bad input


def test_what_was_given_is_never_changed(capsys: pytest.CaptureFixture[str]) -> None:
    inputs = drawn(*DENSE)
    before = [x.copy() for x in inputs]

    def forward(x: Array, W: Array, b: Array) -> Array:
        print("forward")
        y = dense(x, W, b)
        x *= 0.0
        return y

    report = check_backward(forward, dense_backward, inputs)
    assert report.outcome == "disagrees"
    assert "forward writes to x" in report.message
    assert all(np.array_equal(now, then) for now, then in zip(inputs, before, strict=True))
    assert capsys.readouterr().out == ""


def test_a_function_that_never_returns_is_interrupted() -> None:
    def forward(x: Array) -> Array:
        time.sleep(60)
        return x

    report = check_backward(forward, lambda d_y, x: (d_y,), drawn((2,)), time_limit=0.2)
    assert report.outcome == "inconclusive"
    assert "the time limit of 0.2 s was over" in report.message
    assert report.cost.seconds < 5


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ((), "no inputs"),
        ((np.array([1, None]),), "Python objects"),
        ((np.array([np.nan, np.nan]),), "NaN"),
        ((np.array([1, 2]),), "no input has floating-point numbers"),
    ],
)
def test_what_cannot_be_checked_is_said(inputs: Any, told: str) -> None:
    report = check_backward(lambda *x: np.sin(np.asarray(x[0], float)), lambda d, *x: (None,), inputs)
    assert report.outcome == "inconclusive"
    assert told in report.message


def test_outputs_that_are_not_finite() -> None:
    report = check_backward(lambda x: x / 0.0, lambda d_y, x: (d_y / 0.0,), drawn((2,)))
    assert report.outcome == "inconclusive"
    assert "not finite" in report.message


def test_inputs_too_large_for_a_jacobian() -> None:
    x = drawn((400, 300))[0]
    assert check_backward(np.sin, lambda d_y, x: (d_y * np.cos(x),), (x,), points=2).outcome == "agrees"
    report = check_backward(np.sin, lambda d_y, x: (d_y * np.cos(x) * 1.001,), (x,), points=1)
    assert (report.outcome, report.kind) == ("disagrees", "scale")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"mode": "all"}, "'directions', 'every-entry'"),
        ({"points": 0}, "points is 0"),
        ({"eps": 0.0}, "eps is 0"),
        ({"names": ["a"]}, "1 names for 3 inputs"),
    ],
)
def test_options_that_make_no_sense(options: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        check_backward(dense, dense_backward, drawn(*DENSE), **options)


def test_functions_are_asked_for() -> None:
    with pytest.raises(TypeError, match="are functions"):
        check_backward(dense, None, drawn(*DENSE))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a tuple of arrays"):
        check_backward(dense, dense_backward, "x")


def test_tolerances_can_be_widened() -> None:
    wrong = changed(0, lambda g: 1.001 * g)
    assert check_backward(dense, wrong, drawn(*DENSE), rtol=0.01).outcome == "agrees"
    assert check_backward(dense, wrong, drawn(*DENSE), atol=0.1).outcome == "agrees"


def test_noise_is_allowed_where_it_is_said() -> None:
    rng = np.random.default_rng(0)

    def noisy(d_y: Array, x: Array) -> tuple[Array]:
        return (d_y * np.cos(x) * (1.0 + 1e-6 * rng.normal(size=x.shape)),)

    inputs = drawn((3, 4))
    assert check_backward(np.sin, noisy, inputs).outcome == "disagrees"
    assert check_backward(np.sin, noisy, inputs, nondeterministic=1e-4).outcome == "agrees"


def test_whole_numbers_are_moved_where_nothing_else_is_given() -> None:
    def backward(d_y: Array, x: Array) -> tuple[Array]:
        return (d_y * np.where(x < 0, 1.1, 1.0) * 2.0 * x,)

    assert check_backward(np.square, lambda d_y, x: (2.0 * x * d_y,), (np.arange(-2.0, 4.0),)).outcome == "agrees"
    one_sign = lambda d_y, x: (np.where(np.abs(x) > 7.5, 1.1, 1.0) * 2.0 * x * d_y,)  # noqa: E731
    assert check_backward(np.square, one_sign, (np.arange(-2.0, 4.0),)).outcome == "disagrees"
    assert check_backward(np.square, backward, (np.arange(-2.0, 4.0),)).outcome == "disagrees"


def test_a_layer_that_keeps_its_state() -> None:
    class Layer:
        def forward(self, x: Array) -> Array:
            self.y = np.tanh(x)
            return self.y

        def backward(self, d_y: Array) -> Array:
            return d_y * (1.0 - self.y**2)

    layer = Layer()
    kept = check_backward(layer.forward, lambda d_y, x: layer.backward(d_y), drawn((3, 4)))
    assert kept.kind == "cache"
    assert "layer.forward(*inputs)" in kept.message
    again = check_backward(layer.forward, lambda d, x: (layer.forward(x), layer.backward(d))[1], drawn((3, 4)))
    assert again.outcome == "agrees"


def test_samples_with_an_axis_of_one_entry_are_sought() -> None:
    def forward(x: Array) -> Array:
        return x - x.mean(axis=0)

    def backward(d_y: Array, x: Array) -> tuple[Array]:
        return (d_y - d_y.mean(axis=0) + (0.1 * d_y if len(x) == 1 else 0.0),)

    sample = lambda rng: (rng.normal(size=(rng.integers(1, 12), 3)),)  # noqa: E731
    right = check_backward(forward, lambda d_y, x: (d_y - d_y.mean(axis=0),), drawn((4, 3)), sample=sample, points=2)
    assert right.outcome == "agrees"
    report = check_backward(forward, backward, drawn((4, 3)), sample=sample, points=2)
    assert report.outcome == "disagrees"


def test_a_message_of_many_findings_names_the_rest() -> None:
    def forward(a: Array, b: Array, c: Array, d: Array, e: Array) -> Array:
        return np.sin(a) * b + c * d + e

    def backward(d_y: Array, a: Array, b: Array, c: Array, d: Array, e: Array) -> tuple[Array, ...]:
        return 2 * d_y * b * np.cos(a), 2 * d_y * np.sin(a), 2 * d_y * d, 2 * d_y * c, 2 * d_y

    report = check_backward(forward, backward, drawn(*((3,),) * 5))
    assert report.culprit_names == ("a", "b", "c", "d", "e")
    assert "and 2 more, of d, e" in report.message
