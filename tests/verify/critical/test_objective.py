"""What is searched: a user's function, refused where it cannot be, counted, with differences within their errors."""

import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from verify.critical.objectives.objective import NotFinite, Objective, objective_of, total
from verify.critical.points import Cost

Numbers = Any


def wells(x: Numbers) -> float:
    return float(np.sum((x**2 - 1) ** 2) + np.sin(x).sum() + x.sum() ** 2)


def wells_gradient(x: Numbers) -> Numbers:
    return 4 * x * (x**2 - 1) + np.cos(x) + 2 * x.sum()


def wells_hessian(x: Numbers) -> Numbers:
    return np.diag(12 * x**2 - 4 - np.sin(x)) + 2.0


def wells_hvp(x: Numbers, v: Numbers) -> Numbers:
    return (12 * x**2 - 4 - np.sin(x)) * v + 2 * v.sum()


def scaled(high: float, wide: float) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
    """Wells of another height and width, with their gradient and Hessian."""
    return (
        lambda x: high * wells(x / wide),
        lambda x: high * wells_gradient(x / wide) / wide,
        lambda x: high * wells_hessian(x / wide) / wide**2,
    )


SIZES = [(n, high, wide) for n in (1, 2, 7) for high in (1e-8, 1.0, 1e8) for wide in (1e-4, 1.0, 1e5)]


@pytest.mark.parametrize("given", ["f", "gradient"])
@pytest.mark.parametrize(("n", "high", "wide"), SIZES)
def test_differences_lie_within_their_errors(n: int, high: float, wide: float, given: str) -> None:
    f, gradient, hessian = scaled(high, wide)
    rng = np.random.default_rng(n)
    objective = objective_of(f, gradient if given == "gradient" else None, start=wide * rng.normal(size=n))
    rough, sharp = (2e-5, 1e-4) if given == "f" else (1e-8, 1e-7)
    for _ in range(3):
        x, v = wide * rng.normal(size=n), rng.normal(size=n)
        slope, matrix = gradient(x), hessian(x)
        size = np.linalg.norm(matrix)
        assert np.linalg.norm(objective.gradient(x) - slope) <= 1e-7 * (np.linalg.norm(slope) + size * wide)
        assert np.linalg.norm(objective.hessian(x) - matrix) <= rough * size
        assert np.linalg.norm(objective.hvp(x, v) - matrix @ v) <= rough * size * np.linalg.norm(v)
        found, error = objective.measured_gradient(x)
        assert np.linalg.norm(found - slope) <= error <= 1e-5 * (np.linalg.norm(slope) + size * wide)
        found, error = objective.measured_hessian(x)
        assert np.array_equal(found, found.T)
        assert np.linalg.norm(found - matrix) <= error <= sharp * size


def test_errors_hold_where_the_start_is_no_guide() -> None:
    def narrow(x: Numbers) -> float:
        return float(np.sum(np.exp(-((1e4 * (x - 1)) ** 2))) + x @ x)

    objective = objective_of(narrow, start=[30.0, 20.0])
    x = np.array([1.00003, 1.00005])
    z = 1e4 * (x - 1)
    slope = -2e4 * z * np.exp(-(z**2)) + 2 * x
    matrix = np.diag(1e8 * (4 * z**2 - 2) * np.exp(-(z**2)) + 2)
    found, error = objective.measured_gradient(x)
    assert np.linalg.norm(found - slope) <= error <= 1e-3 * np.linalg.norm(slope)
    found, error = objective.measured_hessian(x)
    assert np.linalg.norm(found - matrix) <= error <= 5e-2 * np.linalg.norm(matrix)


def test_steps_are_as_long_as_noise_asks_for() -> None:
    def single(x: Numbers) -> Numbers:
        z = x.astype(np.float32)
        return np.sum((z**2 - 1) ** 2, dtype=np.float32)

    x = np.array([0.3, -1.7, 0.9])
    slope = 4 * x * (x**2 - 1)
    plain, objective = objective_of(wells, start=x), objective_of(single, start=x)
    assert objective.steps.first > 50 * plain.steps.first
    found, error = objective.measured_gradient(x)
    assert np.linalg.norm(found - slope) <= error <= 0.1 * np.linalg.norm(slope)


def test_given_derivatives_say_what_they_round() -> None:
    objective = objective_of(wells, wells_gradient, wells_hessian, wells_hvp, start=[0.3, -1.7])
    x = np.array([1.0 + 1e-9, -1.0])
    for (found, error), expected in (
        (objective.measured_gradient(x), wells_gradient(x)),
        (objective.measured_hessian(x), wells_hessian(x)),
    ):
        assert np.array_equal(found, expected)
        assert 0 < error <= 1e-13 * np.linalg.norm(wells_hessian(x))

    def cancelling(x: Numbers) -> Numbers:
        return (wells_gradient(x) + 1e8) - 1e8

    worse = objective_of(wells, cancelling, start=[0.3, -1.7])
    assert worse.measured_gradient(x)[1] >= np.linalg.norm(cancelling(x) - wells_gradient(x))


def test_given_products_make_the_hessian() -> None:
    objective = objective_of(wells, hvp=wells_hvp, start=[0.3, -1.7, 0.2])
    x, v = np.array([1.2, 0.1, -0.4]), np.array([1.0, 2.0, 3.0])
    assert np.allclose(objective.hessian(x), wells_hessian(x), rtol=1e-14)
    assert np.array_equal(objective.hvp(x, v), wells_hvp(x, v))
    matrix, error = objective.measured_hessian(x)
    assert np.linalg.norm(matrix - wells_hessian(x)) <= error <= 1e-12
    assert objective.given == {"hvp"}


COSTS: dict[str, tuple[tuple[str, ...], Callable[[Objective, Numbers], object], Cost]] = {
    "a value": ((), lambda o, x: o.value(x), Cost(function=1)),
    "a given gradient": (("gradient",), lambda o, x: o.gradient(x), Cost(gradient=1)),
    "a gradient of differences": ((), lambda o, x: o.gradient(x), Cost(function=6)),
    "a given product": (("hvp",), lambda o, x: o.hvp(x, x), Cost(hvp=1)),
    "a product of gradients": (("gradient",), lambda o, x: o.hvp(x, x), Cost(gradient=2)),
    "a product of values": ((), lambda o, x: o.hvp(x, x), Cost(function=12)),
    "a product with a Hessian": (("gradient", "hessian"), lambda o, x: o.hvp(x, x), Cost(hessian=1)),
    "two with one Hessian": (("hessian",), lambda o, x: [o.hvp(x, x), o.hvp(x, 2 * x)], Cost(hessian=1)),
    "a Hessian of gradients": (("gradient",), lambda o, x: o.hessian(x), Cost(gradient=6)),
    "a Hessian of products": (("gradient", "hvp"), lambda o, x: o.hessian(x), Cost(hvp=3)),
    "a Hessian of values": ((), lambda o, x: o.hessian(x), Cost(function=13)),
}
GIVEN = {"gradient": wells_gradient, "hessian": wells_hessian, "hvp": wells_hvp}


@pytest.mark.parametrize("case", COSTS)
def test_every_call_is_counted(case: str) -> None:
    names, ask, cost = COSTS[case]
    calls = dict.fromkeys(("f", *GIVEN), 0)

    def counting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Numbers) -> Numbers:
            calls[name] += 1
            return function(*arguments)

        return counted

    given = {name: counting(name, GIVEN[name]) for name in names}
    objective = objective_of(counting("f", wells), **given, start=[0.3, -1.7, 0.2])
    assert objective.cost == Cost(calls["f"], calls["gradient"], calls["hessian"], calls["hvp"])
    fresh = objective.afresh()
    assert fresh.cost == Cost()
    ask(fresh, np.array([0.5, 1.5, -0.5]))
    assert fresh.cost == cost
    assert total([objective.cost, fresh.cost]) == Cost(calls["f"], calls["gradient"], calls["hessian"], calls["hvp"])


def test_threads_count_together_and_answers_do_not_depend_on_order() -> None:
    objective = objective_of(wells, wells_gradient, start=[0.3, -1.7]).afresh()
    places = np.random.default_rng(0).normal(size=(200, 2))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(objective.hessian, places))
    assert objective.cost == Cost(gradient=800)
    again = [objective.hessian(x) for x in places[::-1]][::-1]
    assert np.array_equal(found, again)


def test_an_objective_can_be_sent_to_another_process() -> None:
    objective = objective_of(wells, wells_gradient, hvp=wells_hvp, start=[0.3, -1.7])
    copy = pickle.loads(pickle.dumps(objective))
    x = np.array([0.4, 0.7])
    assert objective.cost != copy.cost == Cost()
    assert np.array_equal(copy.measured_hessian(x)[0], objective.measured_hessian(x)[0])
    assert copy.steps.first == objective.steps.first
    signal = pickle.loads(pickle.dumps(NotFinite("f", x, "NaN")))
    assert (signal.name, signal.found, str(signal)) == ("f", "NaN", "f is NaN at x = [0.4, 0.7]")
    assert np.array_equal(signal.x, x)


def raising(error: Exception) -> Callable[[Numbers], float]:
    def f(x: Numbers) -> float:
        if x[0] > 5:
            raise error
        return wells(x)

    return f


OUTSIDE: dict[str, tuple[Callable[[Numbers], Any], str]] = {
    "NaN": (lambda x: np.log(5 - x[0]), "NaN"),
    "infinite": (lambda x: np.exp(200 * x[0]), "infinite"),
    "minus infinite": (lambda x: np.inf * -1 if x[0] > 5 else wells(x), "infinite"),
    "complex": (lambda x: (5 - float(x[0])) ** 0.5, "complex"),
    "raises as math does": (raising(ValueError("math domain error")), r"undefined \(math domain error\)"),
    "division by 0": (raising(ZeroDivisionError("division by zero")), r"undefined \(division by zero\)"),
}


@pytest.mark.parametrize("case", OUTSIDE)
def test_leaving_the_domain_is_a_signal(case: str) -> None:
    f, found = OUTSIDE[case]
    objective = objective_of(f, start=[0.5, 0.5])
    x = np.array([6.0, 0.5])
    for ask in (objective.value, objective.gradient, objective.hessian, objective.measured_gradient):
        with pytest.raises(NotFinite, match=rf"f is {found} at x = \[6"):
            ask(x)
    assert np.isfinite(objective.value([0.5, 0.5]))


def state() -> Callable[[Numbers], float]:
    count = 0

    def f(x: Numbers) -> float:
        nonlocal count
        count += 1
        return wells(x) + 1e-3 * count

    return f


def remembers() -> Callable[[Numbers], float]:
    """A running mean, which two calls in a row do not show."""
    seen, mean = np.zeros(2), np.zeros(2)

    def f(x: Numbers) -> float:
        nonlocal seen, mean
        if np.any(x != seen):
            seen, mean = x.copy(), 0.9 * mean + 0.1 * x
        return wells(x - mean)

    return f


def thread_order() -> Callable[[Numbers], float]:
    rng = np.random.default_rng(0)
    return lambda x: wells(x) * (1 + 2.0**-52 * rng.integers(1, 4))


def writes(x: Numbers) -> float:
    x -= 1.0
    return wells(x)


def writes_to_direction(x: Numbers, v: Numbers) -> Numbers:
    v *= 2
    return wells_hvp(x, v)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "neither": ({}, "dimension and start are both missing"),
    "they disagree": ({"dimension": 3, "start": [1.0, 2.0]}, "start has 2 entries, dimension is 3"),
    "no dimension": ({"dimension": 0}, "dimension is 0: expected an integer of at least 1"),
    "half a dimension": ({"dimension": 1.5}, "dimension is 1.5: expected an integer"),
    "true": ({"dimension": True}, "dimension is True: expected an integer"),
    "start of text": ({"start": ["a", "b"]}, "start holds <U1: expected real numbers"),
    "complex start": ({"start": [1j, 1.0]}, "start holds complex128"),
    "start with axes": ({"start": [[1.0, 2.0]]}, r"start has shape \(1, 2\): expected one point of shape \(n,\)"),
    "start NaN": ({"start": [np.nan, 1.0]}, "start is not finite: .* give a point where f is defined"),
    "scale 0": ({"start": [1.0, 1.0], "scale": 0.0}, "scale must be positive and finite"),
    "scales": ({"start": [1.0, 1.0], "scale": [1.0, 1.0, 1.0]}, r"scale has shape \(3,\): expected one number"),
    "no function": ({"f": 3.0}, "f is of type float: expected a function of one array x"),
    "no product": ({"hvp": 3.0}, "hvp is of type float: expected a function of two arrays, x and v"),
    "f is NaN": ({"f": lambda x: np.log(-x[0])}, r"f is NaN at x = \[0.5, 0.5\]: give start="),
    "f is infinite": ({"f": lambda x: np.inf}, "f is infinite at x"),
    "nowhere defined": (
        {"f": lambda x: np.nan, "start": None, "dimension": 2},
        "f is not finite at any of 48 points",
    ),
    "gradient is NaN": ({"gradient": lambda x: x * np.nan}, "gradient is NaN at x"),
    "complex f": ({"f": lambda x: wells(x) + 0j}, "f is complex at x = .* expected real numbers"),
    "complex gradient": ({"gradient": lambda x: x + 1j}, "gradient is complex"),
    "f of integers": ({"f": lambda x: int(x[0])}, r"f returns integers \(int64\): .* compute with floats"),
    "f of truth": ({"f": lambda x: x[0] > 0}, "f returns truth values"),
    "f of text": ({"f": lambda x: "1.0"}, "f returns <U3: expected real numbers"),
    "f of None": ({"f": lambda x: None}, "f returns object: expected real numbers"),
    "f of an array": ({"f": lambda x: x}, r"f returns shape \(2,\): expected one number; return a scalar"),
    "gradient of a column": (
        {"gradient": lambda x: x[:, None]},
        r"gradient returns shape \(2, 1\): expected shape \(2,\); return one slope for each coordinate",
    ),
    "flat Hessian": ({"hessian": lambda x: np.zeros(4)}, r"hessian returns shape \(4,\): expected shape \(2, 2\)"),
    "product of one": ({"hvp": lambda x, v: x @ v}, r"hvp returns shape \(\): expected shape \(2,\)"),
    "f of two numbers": ({"f": lambda x, y: x + y}, "f raises TypeError at x = .* a function of one array of shape"),
    "product of x alone": ({"hvp": wells_gradient}, "hvp raises TypeError .* a function of two arrays"),
    "f raises": ({"f": lambda x: 1 / 0}, "f raises ZeroDivisionError at x"),
    "a counter": ({"f": state()}, "f is not deterministic: at the same x it gave .* from a fixed seed"),
    "a state": ({"f": remembers()}, "f is not deterministic"),
    "order of sums": ({"f": thread_order()}, "f is not deterministic: .* compute with one thread"),
    "random gradient": (
        {"gradient": (lambda rng: lambda x: wells_gradient(x) + 1e-9 * rng.normal(size=2))(np.random.default_rng(0))},
        "gradient is not deterministic",
    ),
    "writes": ({"f": writes}, r"f writes to its argument x: work on x.copy\(\)"),
    "product writes": ({"hvp": writes_to_direction}, r"hvp writes to its argument v: work on v.copy\(\)"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_searched_is_refused(case: str) -> None:
    changed, message = REFUSED[case]
    arguments: dict[str, Any] = {"f": wells, **changed}
    if not {"start", "dimension"} & set(changed) and case != "neither":
        arguments["start"] = [0.5, 0.5]
    with pytest.raises(ValueError, match=message):
        objective_of(**arguments)


ACCEPTED: dict[str, dict[str, Any]] = {
    "a start of integers": {"f": wells, "start": [1, 2]},
    "no start": {"f": wells, "dimension": 2},
    "no start in the negative": {"f": lambda x: np.sum(np.sqrt(x)), "dimension": 2},
    "f of one entry": {"f": lambda x: np.array([wells(x)]), "start": [0.5, 0.5]},
    "single precision": {"f": lambda x: np.float32(wells(x)), "start": [0.5, 0.5]},
    "a Hessian of integers": {
        "f": lambda x: x @ x,
        "hessian": lambda x: 2 * np.eye(2, dtype=int),
        "start": [0.5, 0.5],
    },
    "a gradient in a list": {"f": lambda x: x @ x, "gradient": lambda x: [2 * x[0], 2 * x[1]], "start": [0.5, 0.5]},
    "at the edge of the domain": {"f": lambda x: np.sum(np.sqrt(x)), "start": [1e-12, 1.0]},
    "zero everywhere": {"f": lambda x: 0.0, "start": [0.5, 0.5]},
    "at the origin": {"f": lambda x: x @ x, "start": [0.0, 0.0]},
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_what_can_be_searched_is_accepted(case: str) -> None:
    objective = objective_of(**ACCEPTED[case])
    assert objective.dimension == 2
    assert objective.gradient([1.0, 2.0]).shape == (2,)
    assert objective.hessian([1.0, 2.0]).shape == (2, 2)


def test_the_search_may_not_be_disturbed_by_what_is_returned() -> None:
    buffer = np.zeros(2)

    def gradient(x: Numbers) -> Numbers:
        buffer[:] = wells_gradient(x)
        return buffer

    objective = objective_of(wells, gradient, start=[0.5, 0.5])
    first = objective.gradient([1.0, 2.0])
    kept = first.copy()
    objective.gradient([3.0, 4.0])
    assert np.array_equal(first, kept)


def test_a_shape_that_changes_later_is_an_error_and_no_signal() -> None:
    objective = objective_of(wells, lambda x: wells_gradient(x)[: 2 if x[0] < 5 else 1], start=[0.5, 0.5])
    with pytest.raises(ValueError, match=r"gradient returns shape \(1,\): expected shape \(2,\)"):
        objective.gradient([6.0, 0.5])


def test_a_box_tells_the_scale() -> None:
    def far(x: Numbers) -> float:
        return float(np.sum(np.cos(x - 1e6)))

    x = np.array([1e6 + 0.3, 1e6 - 0.4])
    objective = objective_of(far, start=x, scale=1.0)
    assert np.allclose(objective.gradient(x), -np.sin(x - 1e6), atol=1e-6)
    assert np.allclose(objective.hessian(x), -np.diag(np.cos(x - 1e6)), atol=1e-3)


def test_a_function_that_begins_to_write_to_its_argument_does_no_harm() -> None:
    def f(x: Numbers) -> float:
        value = wells(x)
        if x[0] > 5:
            x[:] = 0.0
        return value

    def hvp(x: Numbers, v: Numbers) -> Numbers:
        product = wells_hvp(x, v)
        if x[0] > 5:
            v[:] = 0.0
        return product

    objective = objective_of(f, hvp=hvp, start=[0.5, 0.5])
    x, v = np.array([6.0, 1.0]), np.array([1.0, 2.0])
    objective.value(x)
    objective.hvp(x, v)
    assert np.array_equal(x, [6.0, 1.0])
    assert np.array_equal(v, [1.0, 2.0])


def test_rounding_is_part_of_every_error() -> None:
    slope = np.array([0.7])

    def rounded(x: Numbers) -> float:
        return float(slope @ x + 1e8)

    objective = objective_of(rounded, start=[1.3])
    for x in np.random.default_rng(0).normal(size=(200, 1)):
        found, error = objective.measured_gradient(x)
        assert np.abs(found - slope) <= error

    def cancelling(x: Numbers) -> Numbers:
        return (wells_hessian(x) + 1e8) - 1e8

    objective = objective_of(wells, wells_gradient, cancelling, start=[0.3, -1.7])
    x = np.array([1.1, -0.8])
    off = np.linalg.norm(cancelling(x) - wells_hessian(x))
    assert 0 < off <= objective.measured_hessian(x)[1] <= 1e-5


def test_steps_do_not_jump_over_what_is_at_the_start() -> None:
    def narrow(x: Numbers) -> float:
        return float(np.sum(np.exp(-((1e4 * (x - 1)) ** 2))) + x @ x)

    x = np.array([1.00003, 1.00005])
    z = 1e4 * (x - 1)
    objective = objective_of(narrow, start=x, scale=25.0)
    curvature = 1e8 * (4 * z**2 - 2) * np.exp(-(z**2)) + 2
    assert np.allclose(np.diag(objective.hessian(x)), curvature, rtol=0.1)


def test_a_start_where_derivatives_vanish_is_no_reason_for_long_steps() -> None:
    objective = objective_of(lambda x: np.cos(x[0]), start=[0.0])
    assert np.allclose(objective.gradient([1.0]), -np.sin(1.0), atol=1e-7)
