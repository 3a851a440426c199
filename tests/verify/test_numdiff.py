"""Numerical derivatives: the bound holds, it is not wide, and nothing about the function can break it."""

from collections import defaultdict

import numpy as np
import pytest

from tests.verify.numdiff_cases import FRESH, HELD_OUT, TUNED, cases
from verify.differences import EPS, Series, extrapolate
from verify.numdiff import derivative, gradient, hessian, jacobian, jvp, one_sided, vjp

SETS = {"tuned": (TUNED, 16, 1), "held out": (HELD_OUT, 28, 77), "fresh": (FRESH, 40, 424242)}


def covered(estimate, exact):
    return np.all(np.abs(estimate.value - exact) <= estimate.bound)


# --- the bound -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("complex_step", [True, False], ids=["complex step", "differences"])
@pytest.mark.parametrize("name", ["tuned", "held out", pytest.param("fresh", marks=pytest.mark.campaign)])
def test_error_stays_below_the_bound(name, complex_step):
    held, ratios, kinks, calls = defaultdict(list), [], [], []
    for case in cases(*SETS[name]):
        estimate = derivative(case.f, case.x, complex_step=complex_step)
        error = abs(float(estimate.value) - case.exact)
        held[case.family].append(error <= estimate.bound)
        ratios.append(float(estimate.bound) / max(error, EPS * abs(case.exact)))
        kinks.append(bool(estimate.kink))
        calls.append(estimate.evaluations)
    everything = np.concatenate(list(held.values()))
    assert len(held) == 7
    assert everything.size >= 1000
    assert everything.mean() >= 0.999
    assert {family: np.mean(h) for family, h in held.items() if np.mean(h) < 0.99} == {}
    assert np.median(ratios) <= (100 if complex_step else 200)
    assert np.mean(kinks) <= 0.002
    assert np.median(calls) <= 24
    assert max(calls) <= 60


def test_cases_are_what_they_claim():
    """The derivatives written by hand agree with differences far coarser than the bounds."""
    wrong = []
    for case in cases(TUNED + HELD_OUT + FRESH, 1, 5):
        estimate = derivative(case.f, case.x)
        if abs(float(estimate.value) - case.exact) > 1e-3 * abs(case.exact) + estimate.bound:
            wrong.append(case.name)
    assert wrong == []


@pytest.mark.parametrize(("f", "exact"), [(np.sin, np.cos), (np.exp, np.exp)], ids=["sin", "exp"])
def test_sharp_on_smooth_functions(f, exact):
    for x in (0.3, -1.7, 2.2):
        assert derivative(f, x).bound < 1e-13
        assert derivative(f, x, complex_step=False).bound < 1e-10 * (1 + abs(exact(x)))
        assert derivative(f, x, complex_step=False).evaluations <= 20


def test_rungs_made_equal_by_rounding_claim_no_certainty():
    estimate = derivative(lambda x: np.round(np.sin(x), 7), 0.8, complex_step=False)
    assert covered(estimate, np.cos(0.8))
    assert 1e-9 < estimate.bound < 1e-2


def test_equal_rungs_keep_the_noise_in_the_bound():
    h = np.array([1e-3, 2e-3, 4e-3])
    series = Series(h**2, np.ones((3, 1)), 1 / h, 0.5, 0.0)
    noise = 1e-10
    limit = extrapolate(series, np.full((3, 1), noise))
    assert limit.bound[0] > noise / h[-1]


@pytest.mark.parametrize("value", [0.0, 3.0, -1e12])
def test_constants(value):
    estimate = derivative(lambda _: value, 1.7)
    assert estimate.value == 0
    assert estimate.bound <= 1e3 * EPS * abs(value)
    assert not estimate.kink


def test_zero_function_of_an_array():
    estimate = jacobian(lambda x: 0 * x, np.array([1.0, -2.0, 0.0]))
    assert covered(estimate, 0)
    assert np.all(estimate.bound < 1e-12)


def test_scale_is_a_hint_and_no_more():
    for scale in (1e-3, 1.0, 1e3):
        estimate = derivative(lambda x: np.cos(x), 1.1, scale=scale, complex_step=False)
        assert covered(estimate, -np.sin(1.1))
        assert estimate.bound < 1e-6


# --- kinks ---------------------------------------------------------------------------------------------------------

RNG = np.random.default_rng(11)
KINKS = [
    pytest.param(10 ** RNG.uniform(-6, 6), RNG.normal(), 10 ** RNG.uniform(-3, 3), id=f"kink-{k}") for k in range(40)
]


@pytest.mark.parametrize(("scale", "place", "slope"), KINKS)
def test_kinks_are_flagged_and_their_bound_is_half_the_jump(scale, place, slope):
    c = place * scale
    corners = [
        (lambda x: slope * abs(x - c) / scale + np.sin(x / scale), 2 * slope / scale),
        (lambda x: slope * np.maximum(x - c, 0) / scale + np.cos(x / scale), slope / scale),
        (lambda x: np.maximum(np.sin((x - c) / scale), (1 + slope) * (x - c) / scale) + 3, slope / scale),
    ]
    for f, jump in corners:
        estimate = derivative(f, c)
        assert estimate.kink
        assert estimate.bound >= 0.5 * jump * (1 - 1e-9)
        sides = one_sided(f, c)
        opening = float(sides.right.value - sides.left.value)
        assert abs(abs(opening) - jump) <= sides.left.bound + sides.right.bound
        assert sides.left.bound + sides.right.bound < 1e-3 * jump + 1e-6 / scale


def test_kinks_nearby_do_not_deceive():
    rng = np.random.default_rng(4)
    sharp = 0
    for _ in range(150):
        c = rng.normal()
        x = c + 10 ** rng.uniform(-9, 0) * rng.choice([-1, 1])
        for smooth, slope in ((np.sin, np.cos), (lambda x: 0 * x, lambda x: 0 * x)):
            estimate = derivative(lambda t, c=c, smooth=smooth: max(t - c, 0.0) + smooth(t), x)
            assert covered(estimate, float(x > c) + slope(x))
            sharp += estimate.bound < 1e-8
    assert sharp > 150


def test_smooth_functions_that_look_like_kinks_are_none():
    for f, x in ((lambda x: x * abs(x), 0.0), (lambda x: abs(x) ** 3, 0.0), (lambda x: np.sqrt(x * x + 1e-6), 0.0)):
        estimate = derivative(f, x, complex_step=False)
        assert not estimate.kink
        assert covered(estimate, 0)


def test_kink_inside_float32():
    for c in (0.0, 1.0):
        estimate = derivative(lambda x, c=c: float(np.abs(np.float32(x) - np.float32(c))), c, complex_step=False)
        assert estimate.kink
        assert estimate.bound > 0.9


STEPS = {"floor": np.floor, "step": lambda x: float(x > 2), "jump": lambda x: np.sign(x - 2) + 0.1 * x}


@pytest.mark.parametrize("f", STEPS.values(), ids=STEPS)
def test_steps_have_no_derivative(f):
    estimate = derivative(f, 2.0)
    assert estimate.kink
    assert np.isinf(estimate.bound)


def test_between_steps_the_derivative_is_zero():
    estimate = derivative(np.floor, 2.3)
    assert estimate.value == 0
    assert estimate.bound < 1e-12
    assert not estimate.kink


@pytest.mark.parametrize(
    "f", [np.cbrt, lambda x: abs(x) ** 0.5, lambda x: abs(x) ** 0.75 + x], ids=["cbrt", "√|x|", "cusp"]
)
def test_infinite_slopes_have_no_bound(f):
    estimate = derivative(f, 0.0)
    assert estimate.kink
    assert np.isinf(estimate.bound)


def test_each_component_has_its_own_kink():
    x = np.array([0.0, 1.5, -0.7, 0.0])
    estimate = jacobian(lambda x: np.maximum(x, 0), x)
    assert np.array_equal(estimate.kink, np.diag(x == 0))
    assert np.all(estimate.bound[estimate.kink] >= 0.5)
    assert np.all(estimate.bound[~estimate.kink] < 1e-8)
    assert covered(estimate, np.diag([0.5, 1.0, 0.0, 0.5]))


def test_ties_of_a_maximum_are_kinks():
    estimate = gradient(np.max, np.array([1.0, 2.0, 2.0]))
    assert estimate.kink.tolist() == [False, True, True]


def test_one_sided_slopes_along_a_direction():
    x, v = np.array([[0.0, 1.0], [-1.0, 0.0]]), np.array([[2.0, 1.0], [1.0, -3.0]])
    sides = one_sided(lambda x: np.maximum(x, 0), x, v)
    assert covered(sides.right, [[2, 1], [0, 0]])
    assert covered(sides.left, [[0, 1], [0, -3]])
    assert sides.left.bound.max() + sides.right.bound.max() < 1e-6


# --- complex step --------------------------------------------------------------------------------------------------

DECEIVING = {
    "abs": (lambda x: np.abs(x) ** 2, lambda x: 2 * x),
    "real": (lambda x: np.real(x) * x, lambda x: 2 * x),
    "real of everything": (lambda x: np.real(np.exp(x)) + 0 * x, np.exp),
    "conjugate": (lambda x: np.conj(x) * np.sin(x), lambda x: np.sin(x) + x * np.cos(x)),
    "one term lost": (lambda x: np.exp(x) + 1e-3 * np.abs(x) ** 2, lambda x: np.exp(x) + 2e-3 * x),
    "norm": (lambda x: x * np.linalg.norm([x, 1.0]), lambda x: (2 * x * x + 1) / np.sqrt(x * x + 1)),
    "cast": (lambda x: np.asarray(x).astype(np.float64) ** 2, lambda x: 2 * x),
}


@pytest.mark.parametrize("name", DECEIVING)
@pytest.mark.parametrize("x", [0.7, -1.3, 12.0])
def test_complex_step_is_not_believed_where_it_is_wrong(name, x):
    f, exact = DECEIVING[name]
    estimate = derivative(f, x)
    assert covered(estimate, exact(x))
    assert estimate.bound < 1e-6 * abs(exact(x))


def test_complex_step_says_nothing_at_a_kink():
    for f in (abs, lambda x: np.maximum(x, 0 * x), lambda x: x if x.real > 0 else 0 * x):
        estimate = derivative(f, 0.0)
        assert estimate.kink
        assert estimate.bound >= 0.49


@pytest.mark.parametrize("error", [TypeError, ValueError, RuntimeError, KeyError])
def test_complex_input_refused_falls_back(error):
    def f(x):
        if np.iscomplexobj(x):
            raise error("real only")
        return np.sin(x)

    assert covered(derivative(f, 1.0), np.cos(1.0))


# --- domain --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("complex_step", [True, False])
@pytest.mark.parametrize(
    ("f", "x", "exact"),
    [
        (np.log, 1e-9, 1e9),
        (np.sqrt, 1e-9, 0.5 / np.sqrt(1e-9)),
        (np.arcsin, 1 - 1e-9, 1 / np.sqrt(1e-9 * (2 - 1e-9))),
        (np.arccosh, 1 + 1e-6, 1 / np.sqrt(1e-6 * (2 + 1e-6))),
        (lambda x: np.log(x - 3), 3 + 1e-4, 1 / (3 + 1e-4 - 3)),
    ],
    ids=["log", "sqrt", "arcsin", "arccosh", "shifted log"],
)
def test_close_to_the_edge_of_the_domain(f, x, exact, complex_step):
    estimate = derivative(f, x, complex_step=complex_step)
    assert abs(estimate.value - exact) <= estimate.bound + 1e-6 * abs(exact)
    assert estimate.bound < abs(exact)
    assert not estimate.kink


def test_on_the_edge_of_the_domain_one_side_is_enough():
    estimate = derivative(lambda x: np.sin(x) if x >= 0 else np.nan, 0.0, complex_step=False)
    assert covered(estimate, 1)
    assert estimate.bound < 1e-3
    assert not estimate.kink
    assert np.isinf(derivative(np.arcsin, 1.0, complex_step=False).bound)
    assert np.isinf(derivative(np.sqrt, 0.0, complex_step=False).bound)


@pytest.mark.parametrize("hole", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_give_an_infinite_bound(hole):
    assert np.isinf(derivative(lambda _: hole, 1.0).bound)
    assert np.isinf(derivative(lambda x: 2.0 if x == 1 else hole, 1.0).bound)
    estimate = jacobian(lambda x: np.array([x[0] ** 2, hole, x[1]]), np.array([1.0, 2.0]))
    assert np.isinf(estimate.bound).tolist() == [[False] * 2, [True] * 2, [False] * 2]
    assert covered(type(estimate)(estimate.value[[0, 2]], estimate.bound[[0, 2]], estimate.kink, 0), [[2, 0], [0, 1]])


def test_functions_that_raise_outside_their_domain():
    import math

    assert covered(derivative(math.log, 0.01), 100.0)
    assert covered(derivative(math.asin, 0.9), 1 / math.sqrt(1 - 0.9**2))
    assert np.isinf(derivative(lambda x: 1 / 0 if x != 1 else 1.0, 1.0).bound)
    with pytest.raises(ValueError, match="domain"):
        derivative(math.log, -1.0)


# --- arrays --------------------------------------------------------------------------------------------------------


def mix(x):
    """(3, 2) -> (4, 2), every size different from its neighbours."""
    return np.tanh(WEIGHT @ x) * (1 + x[0])


WEIGHT = np.random.default_rng(2).normal(size=(4, 3))
POINT = np.random.default_rng(3).normal(size=(3, 2))


def mix_jacobian(x):
    h = np.tanh(WEIGHT @ x)
    exact = np.einsum("am,ak,mn->amkn", (1 - h**2) * (1 + x[0]), WEIGHT, np.eye(2))
    exact[:, :, 0, :] += np.einsum("am,mn->amn", h, np.eye(2))
    return exact


@pytest.mark.parametrize("complex_step", [True, False])
def test_jacobian(complex_step):
    estimate = jacobian(mix, POINT, complex_step=complex_step)
    assert estimate.value.shape == estimate.bound.shape == estimate.kink.shape == (4, 2, 3, 2)
    assert covered(estimate, mix_jacobian(POINT))
    assert estimate.bound.max() < 1e-6
    assert not estimate.kink.any()
    assert estimate.evaluations <= 20 + 25 * POINT.size


@pytest.mark.parametrize("complex_step", [True, False])
def test_jvp_and_vjp_are_adjoint(complex_step):
    rng = np.random.default_rng(8)
    tangent, cotangent = rng.normal(size=(3, 2)), rng.normal(size=(4, 2)) * 10 ** rng.uniform(-3, 3, size=(4, 2))
    forward = jvp(mix, POINT, tangent, complex_step=complex_step)
    reverse = vjp(mix, POINT, cotangent, complex_step=complex_step)
    exact = mix_jacobian(POINT)
    assert covered(forward, np.einsum("amkn,kn->am", exact, tangent))
    assert covered(reverse, np.einsum("amkn,am->kn", exact, cotangent))
    gap = np.sum(cotangent * forward.value) - np.sum(tangent * reverse.value)
    allowed = np.sum(abs(cotangent) * forward.bound) + np.sum(abs(tangent) * reverse.bound)
    assert abs(gap) <= allowed
    assert allowed < 1e-5
    assert forward.evaluations <= 30


def test_gradient_with_coordinates_of_every_scale():
    x = np.array([1e-7, 3.0, 0.0, -4e5])

    def f(x):
        return np.log(x[0]) + x[1] ** 3 * np.cos(x[2]) + np.sin(x[3] / 1e5) + x[2]

    exact = [1e7, 27.0, 1.0, np.cos(-4.0) / 1e5]
    for complex_step in (True, False):
        estimate = gradient(f, x, complex_step=complex_step)
        assert covered(estimate, exact)
        assert np.all(estimate.bound <= 1e-3 * np.abs(exact))


def test_random_maps_are_covered():
    rng = np.random.default_rng(21)
    held = []
    for _ in range(25):
        n, m = rng.integers(1, 6, size=2)
        a, b, x = rng.normal(size=(m, n)), rng.normal(size=m), rng.normal(size=n) * 10 ** rng.uniform(-3, 3)
        a /= np.abs(x)
        exact = np.cos(a @ x + b)[:, None] * a
        for complex_step in (True, False):
            estimate = jacobian(lambda x, a=a, b=b: np.sin(a @ x + b), x, complex_step=complex_step)
            held.extend((np.abs(estimate.value - exact) <= estimate.bound).ravel())
    assert len(held) > 300
    assert np.mean(held) >= 0.999


def test_zero_dimensional_and_integer_inputs():
    assert covered(derivative(lambda x: x**2, 3), 6)
    assert derivative(lambda x: x**2, 3).value.shape == ()
    estimate = gradient(lambda x: x**3, np.array(2))
    assert estimate.value.shape == ()
    assert covered(estimate, 12)
    estimate = jacobian(lambda x: x**2, np.arange(4))
    assert covered(estimate, np.diag(2 * np.arange(4)))
    assert covered(jacobian(lambda x: np.outer(x, x), 3), [[6]])
    assert derivative(lambda x: [x, x**2], 3.0).value.shape == (2,)


def test_empty_inputs_and_outputs():
    assert jacobian(lambda x: x, np.zeros((0, 2))).value.shape == (0, 2, 0, 2)
    assert jacobian(lambda x: x[:0], np.ones(3)).value.shape == (0, 3)
    assert gradient(np.sum, np.zeros((3, 0))).bound.shape == (3, 0)
    assert hessian(np.sum, np.zeros(0)).value.shape == (0, 0)
    assert jvp(lambda x: np.sum(x), np.zeros(0), np.zeros(0)).value == 0
    assert vjp(lambda x: x[:0], np.ones(2), np.zeros(0)).value.tolist() == [0, 0]


def test_zero_tangent():
    estimate = jvp(mix, POINT, np.zeros((3, 2)))
    assert np.all(estimate.value == 0)
    assert np.all(estimate.bound == 0)


@pytest.mark.parametrize("layout", ["fortran", "reversed", "strided", "read-only", "broadcast"])
def test_memory_layout_does_not_matter(layout):
    x = {
        "fortran": np.asfortranarray(POINT),
        "reversed": POINT[::-1, ::-1],
        "strided": np.repeat(np.repeat(POINT, 2, axis=0), 3, axis=1)[::2, ::3],
        "read-only": POINT.copy(),
        "broadcast": np.broadcast_to(POINT[:, :1], (3, 2)),
    }[layout]
    if layout == "read-only":
        x.flags.writeable = False
    before = x.copy()
    assert covered(jacobian(mix, x), mix_jacobian(x))
    assert np.array_equal(x, before)


def test_function_that_writes_to_its_argument_or_reuses_its_result():
    buffer = np.zeros(2)

    def f(x):
        buffer[...] = np.sin(np.real(x))
        x[...] = -7
        return buffer

    x = np.array([0.3, 1.2])
    assert covered(jacobian(f, x), np.diag(np.cos([0.3, 1.2])))
    assert x.tolist() == [0.3, 1.2]


def test_result_does_not_depend_on_earlier_calls():
    first = jacobian(mix, POINT)
    gradient(np.sum, np.ones(5))
    again = jacobian(mix, POINT)
    assert np.array_equal(first.value, again.value)
    assert np.array_equal(first.bound, again.bound)


def test_every_evaluation_is_counted():
    for differentiate in (
        lambda f: derivative(f, 0.4),
        lambda f: jacobian(f, np.array([0.4, 2.0])),
        lambda f: jvp(f, np.array([0.4, 2.0]), np.array([1.0, -2.0])),
        lambda f: one_sided(f, 0.4).right,
    ):
        calls = []

        def f(x, calls=calls):
            calls.append(x)
            return np.sin(x)

        assert differentiate(f).evaluations == len(calls) > 0


def test_float32_arrays():
    x = np.array([0.4, -1.2, 2.5])
    estimate = jacobian(lambda x: np.tanh(x.astype(np.float32)), x, complex_step=False)
    assert covered(estimate, np.diag(1 - np.tanh(x) ** 2))
    assert 1e-8 < estimate.bound.max() < 1e-3


def test_small_inputs_of_float32_functions_do_not_pass_for_constants():
    """Near 0 single precision is flat on the scale of the input."""

    def softmax(x):
        e = np.exp(x.astype(np.float32))
        return e / e.sum()

    rng = np.random.default_rng(17)
    for _ in range(20):
        x = 10 ** rng.uniform(-7, -2) * rng.normal(size=4)
        p = np.exp(x) / np.exp(x).sum()
        estimate = jacobian(softmax, x, complex_step=False)
        assert covered(estimate, np.diag(p) - np.outer(p, p))


# --- Hessian -------------------------------------------------------------------------------------------------------

MATRIX = np.random.default_rng(6).normal(size=(4, 3))
PLACE = np.array([0.3, -1.0, 2.0])


def energy(x):
    return np.sum(np.sin(MATRIX @ x)) + x[0] * x[1] * x[2]


def energy_gradient(x):
    return MATRIX.T @ np.cos(MATRIX @ x) + np.array([x[1] * x[2], x[0] * x[2], x[0] * x[1]])


def energy_hessian(x):
    return -(MATRIX.T * np.sin(MATRIX @ x)) @ MATRIX + np.array([[0, x[2], x[1]], [x[2], 0, x[0]], [x[1], x[0], 0]])


def test_hessian_from_values():
    estimate = hessian(energy, PLACE)
    assert covered(estimate, energy_hessian(PLACE))
    assert np.array_equal(estimate.value, estimate.value.T)
    assert estimate.bound.max() < 1e-4
    assert not estimate.kink.any()
    assert estimate.evaluations <= 40 * 6


def test_hessian_from_a_gradient():
    estimate = hessian(energy, PLACE, gradient=energy_gradient)
    assert covered(estimate, energy_hessian(PLACE))
    assert estimate.bound.max() < 1e-9


def test_hessians_of_random_functions_are_covered():
    rng = np.random.default_rng(31)
    held = []
    for _ in range(20):
        n = int(rng.integers(1, 5))
        a, x = rng.normal(size=(n + 1, n)), rng.normal(size=n)
        exact = (a.T * np.exp(a @ x)) @ a
        estimate = hessian(lambda x, a=a: np.sum(np.exp(a @ x)), x)
        held.extend((np.abs(estimate.value - exact) <= estimate.bound).ravel())
    assert len(held) > 100
    assert all(held)


def test_asymmetry_of_a_given_gradient_enters_the_bound():
    wrong = np.array([[0.0, 0.5, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    estimate = hessian(energy, PLACE, gradient=lambda x: energy_gradient(x) + wrong @ x)
    assert np.array_equal(estimate.value, estimate.value.T)
    assert estimate.bound[0, 1] == estimate.bound[1, 0] == pytest.approx(0.25, abs=1e-6)
    assert estimate.bound[2, 1] < 1e-6


def test_hessian_keeps_the_shape_of_x():
    x = np.arange(6.0).reshape(2, 3)
    estimate = hessian(lambda x: np.sum(x**4) / 12, x)
    assert estimate.value.shape == (2, 3, 2, 3)
    assert covered(estimate, np.diag((x**2).ravel()).reshape(2, 3, 2, 3))


def test_hessian_where_the_slope_or_its_slope_has_a_kink():
    estimate = hessian(lambda x: np.sum(np.maximum(x, 0) ** 2), np.array([0.0, 1.0, -1.0]))
    assert estimate.kink[0, 0]
    assert estimate.bound[0, 0] >= 0.99
    assert not estimate.kink[1:, 1:].any()
    assert covered(type(estimate)(estimate.value[1:, 1:], estimate.bound[1:, 1:], estimate.kink, 0), np.diag([2, 0]))
    corner = hessian(lambda x: np.sum(np.abs(x)), np.array([0.0, 1.0]))
    assert corner.kink[0, 0]
    assert np.isinf(corner.bound[0, 0])


# --- misuse --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: derivative(np.sin, [1.0, 2.0]), ValueError, "scalar x"),
        (lambda: derivative(np.sin, np.nan), ValueError, "not finite"),
        (lambda: derivative(np.sin, 1.0, scale=-1.0), ValueError, "scale"),
        (lambda: gradient(np.sin, [1.0, 2.0]), ValueError, "scalar function"),
        (lambda: hessian(np.sin, [1.0, 2.0]), ValueError, "scalar function"),
        (lambda: hessian(np.sum, [1.0, 2.0], gradient=np.sum), ValueError, "shape of x"),
        (lambda: jvp(np.sin, [1.0, 2.0], [1.0]), ValueError, "v has shape"),
        (lambda: vjp(np.sin, [1.0, 2.0], [1.0]), ValueError, "cotangent has shape"),
        (lambda: one_sided(np.sin, [1.0, 2.0]), ValueError, "direction"),
        (lambda: derivative(lambda x: x + 1j, 1.0), TypeError, "real"),
        (lambda: derivative(lambda _: "text", 1.0), TypeError, "real"),
        (lambda: jacobian(lambda x: x[x > 0], np.array([1e-9, 1.0])), ValueError, "shape"),
    ],
    ids=lambda p: p if isinstance(p, str) else "",
)
def test_misuse_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
