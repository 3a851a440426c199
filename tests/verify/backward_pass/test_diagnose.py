"""Every hypothesis speaks where its mistake was made, and is silent beside it; together they name most kinds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from tests.beside import mistakes
from verify.backward_pass import check_backward
from verify.backward_pass.diagnose import HYPOTHESES, Suspect
from verify.backward_pass.entries import entries
from verify.backward_pass.place import Place
from verify.backward_pass.subject import Subject

MISTAKES = mistakes().MISTAKES
# Rows of the table that are looked at, and the share whose kind must be right.
EVERY, SHARE = 5, 0.85

RNG = np.random.default_rng(20)
X, Z = np.round(RNG.standard_normal((4, 5)), 3), np.round(RNG.standard_normal((4, 5)), 3)
SQUARE, OTHER = np.round(RNG.standard_normal((4, 4)), 3), np.round(RNG.standard_normal((4, 4)), 3)
LONG = np.round(RNG.standard_normal(9), 3)
ROWS = np.array([0, 2, 2, 3, 0, 2])


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def softmax(x: Any) -> Any:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def slope(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """The backward pass of a function of every entry."""
    return lambda d, x: (d * function(x),)


def centred(x: Any) -> Any:
    return x - x.mean(axis=0)


def rms(x: Any, eps: float = 1e-2) -> Any:
    return x / np.sqrt((x * x).mean(axis=1, keepdims=True) + eps)


def rms_backward(d: Any, x: Any, eps: float = 1e-2) -> Any:
    s = np.sqrt((x * x).mean(axis=1, keepdims=True) + eps)
    return (d / s - x * (d * x).mean(axis=1, keepdims=True) / s**3,)


def gathered(d: Any, x: Any, rows: Any, weights: Any = 1.0) -> Any:
    out = np.zeros_like(x)
    np.add.at(out, rows, d * weights)
    return out, None


def set_rows(d: Any, x: Any, rows: Any) -> Any:
    out = np.zeros_like(x)
    out[rows] = d
    return out, None


def convolved(x: Any, w: Any) -> Any:
    return sum(w[k] * x[:, k : k + 3] for k in range(3))


def convolved_backward(d: Any, x: Any, w: Any, by: int = 0) -> Any:
    d_x = np.zeros((x.shape[0], x.shape[1] + 1))
    for k in range(3):
        d_x[:, k + by : k + by + 3] += d * w[k]
    return d_x[:, :5].copy(), np.array([(d * x[:, k : k + 3]).sum() for k in range(3)])


def product_forward(x: Any, w: Any) -> Any:
    return x @ w, (x, w)


def product(x: Any, w: Any) -> Any:
    return x @ w


def relu(x: Any) -> Any:
    return np.maximum(x, 0)


def hinge(x: Any) -> Any:
    return np.where(np.abs(x) <= 1, x * x / 2, np.abs(x) - 0.5)


def one_entry(d: Any, x: Any, at: Any = (1, 2), factor: float = 2.0) -> Any:
    out = 2 * x * d
    out[at] *= factor
    return (out,)


def counted(x: Any) -> Any:
    """A hinge between all pairs of entries of rows and their first."""
    m = x - x[:, :1] + 1
    return np.maximum(m[:, 1:], 0).sum()


def counted_backward(d: Any, x: Any, margin: float = 1.0) -> Any:
    m = (x - x[:, :1] + margin > 0) * 1.0
    m[:, 0] = -m[:, 1:].sum(axis=1)
    return (d * m,)


def variance(d: Any, x: Any, n: int) -> Any:
    return (2 * d * centred(x) / n,)


@dataclass(frozen=True)
class Case:
    """A forward pass, a backward pass at which a hypothesis speaks, and one beside it at which it does not."""

    forward: Callable[..., Any]
    speaks: Callable[..., Any]
    silent: Callable[..., Any]
    inputs: Sequence[Any] = (X,)
    k: int = 0
    saved: bool = False


CASES = {
    "nothing": Case(np.tanh, lambda d, x: (0 * d,), lambda d, x: (0.5 * d,)),
    "out_of_nothing": Case(
        lambda x: softmax(x).sum(axis=1),
        lambda d, x: (d[:, None] * softmax(x),),
        lambda d, x: (np.zeros_like(x),),
    ),
    "negative": Case(np.sin, slope(lambda x: -np.cos(x)), slope(lambda x: np.cos(x) - 1)),
    "ignores_cotangent": Case(np.sin, lambda d, x: (np.cos(x),), slope(np.sin)),
    "exchanged": Case(lambda x, z: x * z, lambda d, x, z: (d * x, d * z), lambda d, x, z: (d, d), (X, Z)),
    "rounded": Case(
        np.sin,
        slope(lambda x: np.cos(x.astype(np.float32)).astype(float)),
        slope(lambda x: np.cos(x) + 3e-8 * np.sin(7 * x)),
    ),
    "unbiased": Case(
        lambda x: x.var(axis=0), lambda d, x: variance(d, x, len(x) - 1), lambda d, x: variance(d, x, 7), (Z,)
    ),
    "factor": Case(np.square, slope(lambda x: x), slope(lambda x: 2 * x + 1)),
    "depends_otherwise": Case(np.sin, lambda d, x: (d.mean() * np.cos(x),), lambda d, x: (d * np.sin(x),)),
    "transposed": Case(np.sin, lambda d, x: ((d * np.cos(x)).T.copy(),), slope(np.sin), (SQUARE,)),
    "cotangent_transposed": Case(
        product, lambda d, x, w: (d.T @ w.T, x.T @ d), lambda d, x, w: (d @ w, x.T @ d), (SQUARE, OTHER)
    ),
    "blocks_exchanged": Case(
        lambda x: np.concatenate([sigmoid(x[:, :3]), np.tanh(x[:, 3:])], axis=1),
        lambda d, x: (
            np.concatenate(
                [d[:, 3:] * (1 - np.tanh(x[:, 3:]) ** 2), d[:, :3] * sigmoid(x[:, :3]) * sigmoid(-x[:, :3])], 1
            ),
        ),
        lambda d, x: (d * sigmoid(x) * sigmoid(-x),),
        (np.concatenate([X, Z[:, :1]], axis=1),),
    ),
    "outputs_exchanged": Case(
        lambda x: (np.sin(x), x * x),
        lambda d, x: (d[1] * np.cos(x) + d[0] * 2 * x,),
        lambda d, x: (d[0] * np.cos(x),),
    ),
    "one_output_missing": Case(
        lambda x: (np.sin(x), x * x),
        lambda d, x: (d[0] * np.cos(x),),
        lambda d, x: (d[0] * np.cos(x) - d[1] * 2 * x,),
    ),
    "overwritten": Case(lambda x, rows: x[rows], set_rows, lambda d, x, r: gathered(d, x, (r + 1) % 4), (X, ROWS)),
    "shifted": Case(np.sin, lambda d, x: (np.roll(d * np.cos(x), 1, 1),), slope(np.sin)),
    "not_symmetrised": Case(
        lambda a: np.exp((a + a.T) / 2),
        lambda d, a: (d * np.exp((a + a.T) / 2),),
        lambda d, a: (d * np.exp(a),),
        (SQUARE,),
    ),
    "equal_entries": Case(
        lambda x: x.max(axis=1) + 0 * x.sum(),
        lambda d, x: (d[:, None] * (x == x.max(axis=1, keepdims=True)) * 2.0,),
        lambda d, x: (d[:, None] * (x == x.max(axis=1, keepdims=True)) * 2.0,),
    ),
    "sides_exchanged": Case(
        hinge,
        slope(lambda x: np.where(np.abs(x) > 1, x, np.sign(x))),
        slope(lambda x: x),
        (1.5 * X,),
    ),
    "dead_outputs_pass": Case(
        lambda x, w: relu(x @ w),
        lambda d, x, w: (d @ w.T, x.T @ d),
        lambda d, x, w: (d * (x @ w > 0) @ w, x.T @ (d * (x @ w > 0))),
        (SQUARE, OTHER),
    ),
    "contributions_missing": Case(
        lambda x: np.cumsum(x, axis=1), lambda d, x: (d.copy(),), lambda d, x: (np.cumsum(d, axis=1),)
    ),
    "averaged": Case(
        lambda x, rows: x[rows],
        lambda d, x, rows: gathered(d, x, rows, 1 / np.bincount(rows)[rows][:, None]),
        lambda d, x, rows: gathered(d, x, rows, 0.3),
        (X, ROWS),
    ),
    "repeated_indices": Case(
        lambda x, rows: np.exp(x[rows]).sum(),
        lambda d, x, rows: set_rows(d * np.exp(x[rows]), x, rows),
        lambda d, x, rows: gathered(d * x[rows], x, rows),
        (X, ROWS[:4]),
    ),
    "matrix_transposed": Case(
        product, lambda d, x, w: (d @ w, x.T @ d), lambda d, x, w: (d @ (w + 1).T, x.T @ d), (SQUARE, OTHER)
    ),
    "order_of_outputs": Case(
        np.square, lambda d, x: (d.T.reshape(x.shape) * 2 * x,), slope(lambda x: x), (np.full((4, 5), 0.75),)
    ),
    "along_another_axis": Case(
        softmax,
        lambda d, x: (softmax(x) * (d - (d * softmax(x)).sum(axis=0, keepdims=True)),),
        lambda d, x: (softmax(x) * (d + (d * softmax(x)).sum(axis=1, keepdims=True)),),
    ),
    "moved_within_outputs": Case(
        lambda x, rows: x[rows],
        lambda d, x, rows: gathered(d, x, (rows + 1) % 4),
        lambda d, x, rows: gathered(d, x, rows, 2.0),
        (X, ROWS),
    ),
    "masked": Case(relu, slope(lambda x: (x > 0.4) * 1.0), slope(lambda x: (x > 0) * 2.0)),
    "signs_differ": Case(np.abs, slope(np.ones_like), slope(lambda x: 2 * np.sign(x))),
    "in_a_region": Case(hinge, slope(lambda x: x), slope(lambda x: 2 * x), (1.5 * X,)),
    "few": Case(np.square, one_entry, slope(lambda x: x)),
    "statistics": Case(rms, lambda d, x: (rms_backward(d, x)[0] * (1 + 1e-3 * x[:, :1]),), slope(np.cos)),
    "right_with_another_ingredient": Case(
        product_forward,
        lambda d, saved: {"x": d @ saved[1][::-1].T, "w": saved[0].T @ d},
        lambda d, saved: {"x": d @ np.sin(saved[1]).T, "w": saved[0].T @ d},
        (X, Z.reshape(5, 4)),
        saved=True,
    ),
    "standardised": Case(
        lambda x: centred(x) * 3,
        lambda d, x: (3 * (d + d.mean(axis=0)),),
        slope(lambda x: np.cos(x)),
        (np.concatenate([X, Z]),),
    ),
    "along_another_axis_by_factors": Case(
        lambda x: np.sqrt((x * x).sum(axis=1)),
        lambda d, x: (d[:, None] * x / np.sqrt((x * x).sum(axis=0)),),
        lambda d, x: (d[:, None] * x / np.sqrt((x * x).sum(axis=1, keepdims=True)) ** 3,),
    ),
    "beside_the_way_through": Case(
        lambda x, w: x + np.tanh(x @ w),
        lambda d, x, w: ((d * (1 - np.tanh(x @ w) ** 2)) @ w.T - d, x.T @ (d * (1 - np.tanh(x @ w) ** 2))),
        lambda d, x, w: (d * 0.3, x.T @ (d * (1 - np.tanh(x @ w) ** 2))),
        (SQUARE, OTHER),
    ),
    "term_of_wrong_sign": Case(np.tanh, slope(lambda x: 1 + np.tanh(x) ** 2), slope(lambda x: 1 - np.tanh(x) ** 3)),
    "epsilon": Case(np.log, slope(lambda x: 1 / (x + 1e-2)), slope(lambda x: 1 / x + 1e-2), (np.abs(X) + 0.1,)),
    "sums_forgotten": Case(
        softmax, lambda d, x: (d * softmax(x),), lambda d, x: (softmax(x) * (d + d.sum(axis=1, keepdims=True)),)
    ),
    "numbers_elsewhere": Case(
        convolved,
        lambda d, x, w: convolved_backward(d, x, w, by=1),
        lambda d, x, w: convolved_backward(d, x, w + 1),
        (X, np.array([0.3, -1.7, 0.9])),
    ),
    "factors_of_their_own": Case(
        lambda x: np.linalg.norm(x, axis=1),
        lambda d, x: (d[:, None] * x,),
        lambda d, x: (d[:, None] * np.sin(x),),
    ),
    "shared_otherwise": Case(
        lambda x: x.mean(axis=1),
        lambda d, x: (d[:, None] * (np.arange(5) == 0),),
        lambda d, x: (d[:, None] * np.ones(5),),
    ),
    "whole_steps": Case(counted, lambda d, x: counted_backward(d, x, margin=0.0), lambda d, x: (d * np.sin(x),)),
    "few_values": Case(
        lambda x: np.where(x > 0, x, 0.1 * x),
        slope(lambda x: np.where(x > 0.4, 1.0, 0.3)),
        slope(np.cos),
    ),
    "right_for_other_inputs": Case(
        lambda x, a, b: x * np.exp(a) * b,
        lambda d, x, a, b: (d * np.exp(b) * a, d * x * np.exp(a) * b, d * x * np.exp(a)),
        lambda d, x, a, b: (d * np.cos(x), d * x * np.exp(a) * b, d * x * np.exp(a)),
        (X, Z, X + 2 * Z),
    ),
    "small": Case(np.sin, slope(lambda x: np.cos(1.001 * x)), slope(lambda x: np.cos(2 * x))),
    "reaches_too_far": Case(
        np.sin, lambda d, x: (d * np.cos(x) + np.cos(x) * d.sum(),), lambda d, x: (d * np.sin(x),)
    ),
    "blocked_on_one_side": Case(
        lambda x: np.where(x > 0, x, 0.7 * np.expm1(x)),
        slope(lambda x: np.where(x > 0, 0.0, 1 + 0.7 * np.exp(x))),
        slope(lambda x: np.where(x > 0, 0.5, 0.9 * np.exp(x))),
    ),
    "term_missing": Case(
        lambda x: np.exp(x) - np.exp(x.mean(axis=1, keepdims=True)),
        lambda d, x: (d * np.exp(x),),
        slope(np.sin),
    ),
}


def suspect(case: Case, backward: Callable[..., Any]) -> Suspect:
    """The gradient of an input as a check would examine it."""
    rng = np.random.default_rng(3)
    place = Place(Subject(case.forward, backward, case.inputs, saved=case.saved), case.inputs, rng)
    place.claims()
    with np.errstate(all="ignore"):
        looked = {k: entries(place, k, rng) for k in place.floating}
    return Suspect(place, looked[case.k], looked)


NAMED = {hypothesis.__name__: hypothesis for _, hypothesis in HYPOTHESES}


@pytest.mark.parametrize("name", [name for name in NAMED if name not in ("unexplained", "equal_entries")])
def test_a_hypothesis_speaks_of_its_mistake_and_of_no_other(name: str) -> None:
    case, hypothesis = CASES[name], NAMED[name]
    with np.errstate(all="ignore"):
        assert hypothesis(suspect(case, case.speaks))
        assert not hypothesis(suspect(case, case.silent))


def test_ties_are_no_cause_where_there_is_no_kink() -> None:
    """An input may have equal entries by chance."""
    x = np.array([[0.5, 0.5, 1.0], [2.0, 1.5, 2.5]])
    case = Case(np.square, slope(lambda x: np.where(x == 0.5, x, 2 * x)), slope(lambda x: 2 * x), (x,))
    assert not NAMED["equal_entries"](suspect(case, case.speaks))


def test_a_jacobian_that_is_too_large_silences_hypotheses(monkeypatch: pytest.MonkeyPatch) -> None:
    """What needs it says nothing; something is said all the same."""
    monkeypatch.setattr("verify.backward_pass.entries.MOST_NUMBERS", 10)
    report = check_backward(np.tanh, slope(lambda x: np.tanh(x) ** 2), (X,))
    assert report.outcome == "disagrees"
    assert report.kind == "path"


def test_most_kinds_are_named_as_in_the_table() -> None:
    """On every fifth mistake."""
    seen = right = 0
    for name in sorted(MISTAKES)[::EVERY]:
        one = MISTAKES[name]
        report = check_backward(one.forward, one.backward, one.draw(), saved=one.saved, **one.options)
        if report.outcome == "disagrees":
            seen += 1
            right += report.kind == one.kind or report.kind in one.or_kind
    assert seen > len(MISTAKES) // EVERY * 0.95
    assert right >= SHARE * seen
