"""Wrong derivatives and their right twins: each refused with its cause, or accepted, at every size and scale."""

import pickle
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from verify.critical.objectives.objective import objective_of
from verify.critical.objectives.verified import Verified, WrongDerivative, verify_derivatives
from verify.critical.objectives.wrong import KINDS

Numbers = Any
Function = Callable[..., Any]


@dataclass(frozen=True)
class Problem:
    """Half a sum of squares of residuals that are not linear, plus wells: every entry of its Hessian counts."""

    n: int
    high: float = 1.0
    wide: float = 1.0

    @property
    def mixing(self) -> Numbers:
        return np.random.default_rng(self.n).normal(size=(self.n + 1, self.n)) / np.sqrt(self.n)

    def residuals(self, z: Numbers) -> Numbers:
        return np.sin(self.mixing @ z) + (self.mixing @ z) ** 2 + 0.7

    def f(self, x: Numbers) -> Numbers:
        r = self.residuals(x / self.wide)
        return self.high * (r @ r) / 2

    def jacobian(self, z: Numbers) -> Numbers:
        y = self.mixing @ z
        return (np.cos(y) + 2 * y)[:, None] * self.mixing

    def gradient(self, x: Numbers) -> Numbers:
        z = x / self.wide
        return self.high / self.wide * (self.jacobian(z).T @ self.residuals(z))

    def gauss_newton(self, x: Numbers) -> Numbers:
        j = self.jacobian(x / self.wide)
        return self.high / self.wide**2 * (j.T @ j)

    def hessian(self, x: Numbers) -> Numbers:
        z = x / self.wide
        bent = self.residuals(z) * (2 - np.sin(self.mixing @ z))
        return self.gauss_newton(x) + self.high / self.wide**2 * (self.mixing.T @ (bent[:, None] * self.mixing))

    def hvp(self, x: Numbers, v: Numbers) -> Numbers:
        return self.hessian(x) @ v

    def start(self, seed: int = 0) -> Numbers:
        return self.wide * np.random.default_rng([seed, self.n]).normal(size=self.n)


def given(problem: Problem, **functions: Function) -> Verified:
    start = problem.start()
    return verify_derivatives(objective_of(problem.f, **functions, start=start), start)


SCALES = [(1.0, 1.0), (1e-8, 1.0), (1e8, 1.0), (1.0, 1e-4), (1e8, 1e4), (1e-8, 1e-3)]
OTHERS = [(10, 1e-8, 1e4), (50, 1e8, 1e-2)]
SIZES = [(n, high, wide) for n in (1, 2, 3, 10) for high, wide in SCALES] + [(50, 1e8, 1e-4)]


@pytest.mark.parametrize(("n", "high", "wide"), SIZES)
def test_right_derivatives_are_accepted(n: int, high: float, wide: float) -> None:
    problem = Problem(n, high, wide)
    for functions in (
        {"gradient": problem.gradient, "hessian": problem.hessian, "hvp": problem.hvp},
        {"hessian": problem.hessian},
        {"hvp": problem.hvp},
    ):
        found = given(problem, **functions)
        assert found.undecided == ()
        assert found.power.keys() == functions.keys()
        assert max(found.power.values()) < 1e-9
        assert found.points == 3


# ------------------------------------------------------------------------------------------------- wrong gradients

# how the right gradient is changed, x beside it; the kind that must be named, and words of the cause; least dimension
GRADIENTS: dict[str, tuple[Callable[[Numbers, Numbers], Numbers], str, str, int]] = {
    "zeros": (lambda g, x: 0 * g, "nothing", "0 everywhere", 1),
    "negative": (lambda g, x: -g, "sign", "negative of the derivative", 1),
    "no 2 of the square": (lambda g, x: g / 2, "factor", "2 times too small", 1),
    "square not halved": (lambda g, x: 2 * g, "factor", "2 times too large", 1),
    "mean for sum": (lambda g, x: g / len(g), "factor", "too small", 2),
    "an odd factor": (lambda g, x: 1.37 * g, "factor", "1.37 times the derivative", 2),
    "negative half": (lambda g, x: -g / 2, "factor", "of the wrong sign", 1),
    "first entry forgotten": (lambda g, x: np.r_[0.0, g[1:]], "missing", "entry 0 stays 0", 2),
    "last two forgotten": (lambda g, x: np.r_[g[:-2], 0.0, 0.0], "missing", "stay 0", 3),
    "one sign": (lambda g, x: np.r_[-g[0], g[1:]], "sign", r"wrong in 1 entries: \[0\]", 2),
    "reversed": (lambda g, x: g[::-1], "order", "in reverse order", 2),
    "shifted": (lambda g, x: np.roll(g, 1), "order", r"shifted by \+1|in reverse order|shifted by -1", 2),
    "two exchanged": (lambda g, x: np.r_[g[1], g[0], g[2:]], "order", "exchanged, 0 and 1|in reverse order", 2),
    "single precision": (
        lambda g, x: g * (1 + 1e-6 * (-1.0) ** np.arange(len(g))),
        "precision",
        "relative 1e-06",
        3,
    ),
    "right but for one": (lambda g, x: np.r_[g[:-1], 1.5 * g[-1]], "few", r"all entries but \[\d+\]", 3),
    "shuffled sizes": (lambda g, x: np.abs(g) ** 1.5 * np.sign(g) / np.abs(g).max() ** 0.5, "wrong", "none", 3),
}


def sized(least: int) -> list[tuple[int, float, float]]:
    """The smallest dimension at some scales, a larger one at others."""
    smallest = [(least, high, wide) for high, wide in ((1.0, 1.0), (1e8, 1e-4), (1e-8, 1e3))]
    return [*smallest, *((n, high, wide) for n, high, wide in OTHERS if n > least)]


WRONG_GRADIENTS = [
    (case, *size)
    for case, row in GRADIENTS.items()
    for size in sized(row[3])
    if size[0] < 50 or case in ("two exchanged", "right but for one", "negative half")
]


@pytest.mark.parametrize(("case", "n", "high", "wide"), WRONG_GRADIENTS)
def test_a_wrong_gradient_is_refused_with_its_cause(case: str, n: int, high: float, wide: float) -> None:
    change, kind, words, _ = GRADIENTS[case]
    problem = Problem(n, high, wide)
    with pytest.raises(WrongDerivative, match=words) as refusal:
        given(problem, gradient=lambda x: change(problem.gradient(x), x))
    finding = refusal.value.finding
    assert finding.kind == kind
    assert finding.name == "gradient"
    assert abs(finding.claimed - finding.other) > finding.bound
    k = int(finding.place.removeprefix("gradient[").removesuffix("]"))
    assert abs(problem.gradient(finding.x)[k] - finding.other) <= finding.bound
    assert change(problem.gradient(finding.x), finding.x)[k] == finding.claimed


@pytest.mark.parametrize("k", [1e-3, 1e-6])
def test_a_penalty_or_a_linear_term_too_much_is_named(k: float) -> None:
    problem = Problem(5)
    for gradient, kind, words in (
        (lambda x: problem.gradient(x) + k * x, "penalty", f"{k:+.6g} times x"),
        (lambda x: problem.gradient(x) - k, "offset", f"every entry is {-k:+.6g} off"),
    ):
        with pytest.raises(WrongDerivative) as refusal:
            given(problem, gradient=gradient)
        assert refusal.value.finding.kind == kind
        assert words in str(refusal.value)


# ------------------------------------------------------------------------------------------------- wrong Hessians


def diagonal(H: Numbers) -> Numbers:
    return np.diag(np.diag(H))


Change = Callable[[Problem, Numbers, Numbers], Numbers]

# how the right Hessian H at x is changed; the kind, words of the cause, least dimension
HESSIANS: dict[str, tuple[Change, str, str, int]] = {
    "zeros": (lambda p, x, H: 0 * H, "nothing", "0 everywhere", 1),
    "negative": (lambda p, x, H: -H, "sign", "every entry is the negative", 1),
    "no 2": (lambda p, x, H: H / 2, "factor", "2 times too small", 1),
    "twice": (lambda p, x, H: 2 * H, "factor", "2 times too large", 1),
    "an odd factor": (lambda p, x, H: 0.83 * H, "factor", "0.83 times", 2),
    "diagonal only": (lambda p, x, H: diagonal(H), "off-diagonal", "only the diagonal was computed", 2),
    "halves off the diagonal": (lambda p, x, H: (H + diagonal(H)) / 2, "off-diagonal", "2 times too small: each", 2),
    "twice off the diagonal": (lambda p, x, H: 2 * H - diagonal(H), "off-diagonal", "counted twice", 2),
    "diagonal twice": (lambda p, x, H: H + diagonal(H), "diagonal", r"H \+ H.T counts it twice", 2),
    "no diagonal": (lambda p, x, H: H - diagonal(H), "diagonal", "the diagonal is missing", 2),
    "half the diagonal": (lambda p, x, H: H - diagonal(H) / 2, "diagonal", "2 times too small", 2),
    "signs off the diagonal": (lambda p, x, H: 2 * diagonal(H) - H, "sign", "off the diagonal|wrong in 2", 2),
    "upper half": (lambda p, x, H: np.triu(H), "triangle", "lower triangle stays 0: mirror the upper one", 2),
    "lower half": (lambda p, x, H: np.tril(H), "triangle", "upper triangle stays 0: mirror the lower one", 2),
    "halves differ": (
        lambda p, x, H: np.triu(H) + 0.9 * np.tril(H, -1),
        "triangle",
        "the upper triangle is right",
        2,
    ),
    "a block missing": (
        lambda p, x, H: H * np.outer(np.arange(len(H)) > 0, np.arange(len(H)) > 0),
        "missing",
        "row and column 0 stays 0",
        2,
    ),
    "damped": (
        lambda p, x, H: H + H[0, 0] * 1e-3 * np.eye(len(H)),
        "identity|diagonal|few|precision",
        "identity|diagonal|right",
        2,
    ),
    "reversed": (lambda p, x, H: H[::-1, ::-1], "order", "in reverse order", 2),
    "shifted": (lambda p, x, H: np.roll(H, 1, (0, 1)), "order", "shifted by", 3),
    "inverse": (lambda p, x, H: np.linalg.inv(H), "inverse", "the inverse of the Hessian", 2),
    "one pair": (
        lambda p, x, H: (
            H
            + 0.3
            * H[0, -1]
            * (np.eye(len(H))[[0]].T @ np.eye(len(H))[[-1]] + np.eye(len(H))[[-1]].T @ np.eye(len(H))[[0]])
        ),
        "few",
        r"all entries but \[0, \d+\], \[\d+, 0\] are right",
        3,
    ),
    "fixed x": (lambda p, x, H: p.hessian(p.start(3)), "constant", "the same at every x", 1),
    "Gauss-Newton": (lambda p, x, H: p.gauss_newton(x), "Gauss-Newton", "residuals' own second derivatives", 2),
    "no Gauss-Newton": (lambda p, x, H: H - p.gauss_newton(x), "wrong|Gauss-Newton", "none of|semidefinite", 2),
    "outer product": (
        lambda p, x, H: np.outer(p.gradient(x), p.gradient(x)),
        "outer product",
        "outer product of the gradient with itself",
        2,
    ),
    "seven digits": (
        lambda p, x, H: (
            H * (1 + 1e-6 * np.sin(np.add.outer(np.arange(len(H)), np.arange(len(H))) + x.sum() / p.wide))
        ),
        "precision",
        "right to a relative",
        3,
    ),
}
WRONG_HESSIANS = [
    (case, *size)
    for case, row in HESSIANS.items()
    for size in sized(row[3])
    if size[0] < 50 or case == "halves off the diagonal"
]


@pytest.mark.parametrize(("case", "n", "high", "wide"), WRONG_HESSIANS)
def test_a_wrong_hessian_is_refused_with_its_cause(case: str, n: int, high: float, wide: float) -> None:
    change, kind, words, _ = HESSIANS[case]
    problem = Problem(n, high, wide)
    with pytest.raises(WrongDerivative, match=words) as refusal:
        given(problem, gradient=problem.gradient, hessian=lambda x: change(problem, x, problem.hessian(x)))
    finding = refusal.value.finding
    assert finding.kind in kind.split("|")
    assert finding.name == "hessian"
    assert abs(finding.claimed - finding.other) > finding.bound


@pytest.mark.parametrize("case", HESSIANS)
def test_a_wrong_hessian_is_seen_without_a_gradient_too(case: str) -> None:
    change, kind, _, least = HESSIANS[case]
    problem = Problem(max(3, least))
    with pytest.raises(WrongDerivative) as refusal:
        given(problem, hessian=lambda x: change(problem, x, problem.hessian(x)))
    assert refusal.value.finding.kind in kind.split("|")


@pytest.mark.parametrize("case", HESSIANS)
def test_a_wrong_product_is_refused_with_its_cause(case: str) -> None:
    change, kind, _, least = HESSIANS[case]
    problem = Problem(max(4, least))
    with pytest.raises(WrongDerivative) as refusal:
        given(problem, gradient=problem.gradient, hvp=lambda x, v: change(problem, x, problem.hessian(x)) @ v)
    finding = refusal.value.finding
    assert finding.name == "hvp"
    assert finding.kind in kind.split("|")


def test_terms_with_the_gradient_are_named() -> None:
    def f(x: Numbers) -> Numbers:
        return np.exp(np.sin(x).sum())

    def gradient(x: Numbers) -> Numbers:
        return f(x) * np.cos(x)

    def hessian(x: Numbers) -> Numbers:
        return f(x) * (np.outer(np.cos(x), np.cos(x)) - np.diag(np.sin(x)))

    x = np.array([0.4, -1.2, 0.9])
    assert verify_derivatives(objective_of(f, gradient, hessian, start=x), x).undecided == ()
    for wrong, kind, words in (
        (lambda x: hessian(x) - 0.5 * np.outer(gradient(x), gradient(x)), "outer product", "-0.5 times the outer"),
        (lambda x: hessian(x) + 2 * np.diag(gradient(x)), "product rule", r"\+2 times diag\(gradient\)"),
        (lambda x: hessian(x) + np.diag(gradient(x) / x), "product rule", r"\+1 times diag\(gradient / x\)"),
        (lambda x: hessian(x) + 1e-3 * np.eye(3), "identity", r"\+0.001 times the identity"),
    ):
        with pytest.raises(WrongDerivative, match=words) as refusal:
            verify_derivatives(objective_of(f, gradient, wrong, start=x), x)
        assert refusal.value.finding.kind == kind


def test_a_product_with_a_transposed_factor_is_not_symmetric() -> None:
    problem = Problem(5)
    turn = np.random.default_rng(0).normal(size=(5, 5))
    skew = turn - turn.T
    with pytest.raises(WrongDerivative, match=r"hvp is not symmetric in .* pairs") as refusal:
        given(problem, gradient=problem.gradient, hvp=lambda x, v: problem.hessian(x) @ v + skew @ v)
    assert refusal.value.finding.kind == "transposed"
    with pytest.raises(WrongDerivative, match=r"hessian is not symmetric in 10 of 10 pairs(.|\n)*hessian\[\d, \d\]"):
        given(problem, gradient=problem.gradient, hessian=lambda x: problem.hessian(x) + skew)


NOT_LINEAR: dict[str, tuple[Callable[[Problem, Numbers, Numbers], Numbers], str]] = {
    "normalised": (lambda p, x, v: p.hvp(x, v / max(np.linalg.norm(v), 1e-300)), "v is divided by its length"),
    "squared": (lambda p, x, v: p.hvp(x, v * np.abs(v)), "v enters twice"),
    "absolute": (lambda p, x, v: p.hvp(x, np.abs(v)), "an absolute value or a square of v"),
    "gradient added": (lambda p, x, v: p.hvp(x, v) + p.gradient(x), "the gradient is added"),
    "constant added": (lambda p, x, v: p.hvp(x, v) + 1.0, "something is added"),
    "a bend": (lambda p, x, v: p.hvp(x, v) + 1e-3 * v**3, "sums of v are not kept"),
}


@pytest.mark.parametrize("case", NOT_LINEAR)
def test_a_product_that_is_not_linear_is_refused(case: str) -> None:
    wrong, words = NOT_LINEAR[case]
    problem = Problem(4)
    with pytest.raises(WrongDerivative, match=words) as refusal:
        given(problem, gradient=problem.gradient, hvp=lambda x, v: wrong(problem, x, v))
    assert refusal.value.finding.kind == "nonlinear"
    assert str(refusal.value).startswith("hvp is not linear in v in")


def test_a_product_and_a_hessian_that_disagree_are_refused_though_differences_cannot_tell() -> None:
    def f(x: Numbers) -> Numbers:
        return float(np.abs(x).sum())

    at_kinks = {"hessian": lambda x: np.zeros((3, 3)), "hvp": lambda x, v: 2.0 * v}
    with pytest.raises(WrongDerivative, match="hvp disagrees with hessian @ v in 3 of 3 entries") as refusal:
        verify_derivatives(objective_of(f, **at_kinks, start=np.zeros(3)), np.zeros(3))
    assert refusal.value.finding.kind in ("contradiction", "identity", "wrong")


# ----------------------------------------------------------------------------------------------- what is undecided


def test_nothing_is_concluded_at_a_kink() -> None:
    def f(x: Numbers) -> Numbers:
        return float(np.sum(np.maximum(x, 0.0)) + x @ x)

    for slope_at_kink in (0.0, 0.5, 1.0, 17.0):

        def gradient(x: Numbers, slope: float = slope_at_kink) -> Numbers:
            return np.where(x > 0, 1.0, np.where(x == 0, slope, 0.0)) + 2 * x

        found = verify_derivatives(objective_of(f, gradient, lambda x: 2 * np.eye(2), start=[0.0, 0.0]), [0.0, 0.0])
        assert any("gradient could not be compared: a kink at x = [0, 0]" in reason for reason in found.undecided)
        assert found.power["gradient"] < 1e-2  # beside the kink it is right
        assert found.power["hessian"] < 1e-9

    def wrong(x: Numbers) -> Numbers:
        return np.where(x > 0, 1.0, 0.0) + x

    with pytest.raises(WrongDerivative):
        verify_derivatives(objective_of(f, wrong, start=[0.0, 0.0]), [0.0, 0.0])


def test_noise_that_hides_a_derivative_is_said() -> None:
    problem = Problem(3)

    def rough(x: Numbers) -> Numbers:
        return round(float(problem.f(x)), 1)

    found = verify_derivatives(
        objective_of(rough, lambda x: 2 * problem.gradient(x), start=problem.start()), problem.start()
    )
    assert "gradient" not in found.power
    assert found.undecided[0].startswith("gradient could not be compared: ")


@pytest.mark.parametrize("n", [2, 10])
def test_single_precision_is_judged_by_its_own_noise(n: int) -> None:
    problem = Problem(n)

    def single(function: Function) -> Function:
        return lambda x: np.asarray(function(np.asarray(x, np.float32).astype(np.float64)), np.float32)

    f, gradient, hessian = (single(function) for function in (problem.f, problem.gradient, problem.hessian))
    start = problem.start()
    right = verify_derivatives(objective_of(f, gradient, hessian, start=start), start)
    assert set(right.power) <= {"gradient", "hessian"}
    with pytest.raises(WrongDerivative):
        verify_derivatives(objective_of(f, lambda x: np.float32(1.5) * gradient(x), start=start), start)


def test_right_derivatives_that_round_are_accepted() -> None:
    problem = Problem(5)

    def rounded(function: Function) -> Function:
        return lambda *arguments: (function(*arguments) + 1e7) - 1e7

    gradient, hessian = rounded(problem.gradient), rounded(problem.hessian)
    found = given(problem, gradient=gradient, hessian=hessian)
    assert found.undecided == ()
    assert all(1e-12 < power < 1e-6 for power in found.power.values())
    assert given(problem, gradient=problem.gradient, hessian=hessian).undecided == ()
    with pytest.raises(WrongDerivative, match=r"^gradient is wrong in 1 of 5 entries(.|\n)*gradient\[4\]"):
        given(problem, gradient=lambda x: gradient(x) * np.where(np.arange(5) == 4, 1.001, 1.0))


def test_points_outside_the_domain_are_passed_over() -> None:
    def f(x: Numbers) -> Numbers:
        return float(np.sum(x * np.log(x)))

    start = np.array([1e-3, 2.0])
    found = verify_derivatives(
        objective_of(f, lambda x: np.log(x) + 1, lambda x: np.diag(1 / x), start=start), [start, [-1.0, 2.0]]
    )
    assert found.power["gradient"] < 1e-6
    assert found.points >= 3
    nowhere = verify_derivatives(objective_of(f, lambda x: np.log(x) + 1, start=start), [-50.0, -2.0])
    assert nowhere.points == 0
    assert "not finite at the points" in str(nowhere)


def test_coordinates_in_other_units_do_not_hide_each_other() -> None:
    units = np.array([1e-6, 1.0, 1e6])
    problem = Problem(3)
    start = units * problem.start()

    def f(x: Numbers) -> Numbers:
        return problem.f(x / units)

    def gradient(x: Numbers) -> Numbers:
        return problem.gradient(x / units) / units

    def hessian(x: Numbers) -> Numbers:
        return problem.hessian(x / units) / np.outer(units, units)

    assert verify_derivatives(objective_of(f, gradient, hessian, start=start), start).undecided == ()
    for k in range(3):
        wrong = np.where(np.arange(3) == k, 1.001, 1.0)
        with pytest.raises(WrongDerivative, match=rf"all entries but \[{k}\] are right"):
            verify_derivatives(objective_of(f, lambda x, w=wrong: w * gradient(x), start=start), start)
        bad = np.ones((3, 3))
        bad[k, k] = 1.001
        with pytest.raises(WrongDerivative, match=rf"all entries but \[{k}, {k}\] are right"):
            verify_derivatives(objective_of(f, gradient, lambda x, b=bad: b * hessian(x), start=start), start)


# ------------------------------------------------------------------------------------------------- many coordinates


def chain(n: int) -> tuple[Function, Function, Function]:
    """Coupled wells: a Hessian with three diagonals."""

    def f(x: Numbers) -> Numbers:
        return float(np.sum((x**2 - 1) ** 2) + np.sum(np.sin(x[1:] * x[:-1])))

    def gradient(x: Numbers) -> Numbers:
        slope = 4 * x * (x**2 - 1)
        couple = np.cos(x[1:] * x[:-1])
        slope[1:] += couple * x[:-1]
        slope[:-1] += couple * x[1:]
        return slope

    def hvp(x: Numbers, v: Numbers) -> Numbers:
        product = (12 * x**2 - 4) * v
        y = x[1:] * x[:-1]
        moved = x[1:] * v[:-1] + x[:-1] * v[1:]
        product[1:] += np.cos(y) * v[:-1] - np.sin(y) * moved * x[:-1]
        product[:-1] += np.cos(y) * v[1:] - np.sin(y) * moved * x[1:]
        return product

    return f, gradient, hvp


@pytest.mark.parametrize("n", [100, 10_000])
def test_many_coordinates_take_few_evaluations(n: int) -> None:
    f, gradient, hvp = chain(n)
    start = np.random.default_rng(0).normal(size=n)
    objective = objective_of(f, gradient, hvp=hvp, start=start)
    found = verify_derivatives(objective, start)
    assert found.undecided == ()
    assert max(found.power.values()) < 1e-6
    assert objective.cost.function + objective.cost.gradient + objective.cost.hvp < 700


def test_the_worst_of_many_is_found_by_halving() -> None:
    n = 2_000
    f, gradient, hvp = chain(n)
    start = np.random.default_rng(0).normal(size=n)
    wrong = np.ones(n)
    wrong[1234] = 1.01
    objective = objective_of(f, lambda x: wrong * gradient(x), start=start)
    with pytest.raises(WrongDerivative, match="looked at") as refusal:
        verify_derivatives(objective, start)
    assert refusal.value.finding.place == "gradient[1234]"
    assert refusal.value.finding.kind == "few"
    assert objective.cost.function < 3_000
    with pytest.raises(WrongDerivative, match="2 times too large"):
        verify_derivatives(objective_of(f, lambda x: 2 * gradient(x), start=start), start)

    def forgets(x: Numbers, v: Numbers) -> Numbers:
        y = v.copy()
        y[77] = 0.0
        product = hvp(x, y)
        product[77] = 0.0
        return product

    with pytest.raises(WrongDerivative, match=r"row and column \d+ stays 0") as refusal:
        verify_derivatives(objective_of(f, gradient, hvp=forgets, start=start), start)
    assert "77" in refusal.value.finding.place
    with pytest.raises(WrongDerivative, match="2 times too small") as refusal:
        verify_derivatives(objective_of(f, gradient, hvp=lambda x, v: hvp(x, v) / 2, start=start), start)


# ------------------------------------------------------------------------------------------------- the report


def test_the_message_says_what_where_and_why() -> None:
    problem = Problem(3)
    with pytest.raises(WrongDerivative) as refusal:
        given(problem, gradient=problem.gradient, hessian=lambda x: np.diag(np.diag(problem.hessian(x))))
    lines = str(refusal.value).splitlines()
    assert lines[0] == "hessian is wrong in 6 of 9 entries"
    assert [re.split(r"  +", line)[1] for line in lines[1:]] == [
        "worst entry",
        "hessian gave",
        "numerical",
        "likely cause",
        "what to do",
    ]
    assert "at x = [" in lines[1]
    assert "(± " in lines[3]
    assert lines[4].endswith("the entries off the diagonal are missing: only the diagonal was computed")
    again = pickle.loads(pickle.dumps(refusal.value))
    assert str(again) == str(refusal.value)


def test_what_was_verified_can_be_read() -> None:
    problem = Problem(3)
    assert str(given(problem, gradient=problem.gradient)).startswith("gradient verified to a relative ")
    assert given(problem) == Verified(1)
    with pytest.raises(ValueError, match=r"points have shape \(4,\): expected \(n,\) or \(k, n\) with n = 3"):
        verify_derivatives(objective_of(problem.f, problem.gradient, dimension=3), np.zeros(4))


def test_the_same_seed_finds_the_same() -> None:
    problem = Problem(4)
    objective = objective_of(problem.f, problem.gradient, problem.hessian, start=problem.start())
    first, again, other = (verify_derivatives(objective, problem.start(), seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_every_kind_is_told_in_words() -> None:
    kinds = {kind for row in (*GRADIENTS.values(), *HESSIANS.values()) for kind in row[1].split("|")}
    assert kinds <= KINDS.keys()
