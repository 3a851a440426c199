"""The evaluator: the numbers of nodes and programs, by routes that are not its own."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.definitions import define
from derive.errors import NotationError
from derive.evaluate import Evaluator, infer_sizes, run
from derive.functions import exp, tanh
from derive.index import Letter, index_floor, index_mod, letter, letters
from derive.nodes import Node, Partial, Sum, Tensor
from derive.notation import at_least, at_most, equal, first, inside, name, names, tensor
from derive.over_axes import maximum_over, softmax
from derive.program import Program
from derive.size_algebra import sizes
from derive.symbolic import Components
from tests.derive.programs import GATE
from tests.derive.random_programs import random_program
from tests.derive.witnesses import assigned, drawn, precise, same, seeded, shape

n, m, d = sizes("n m d")
SIZES = {n: 3, m: 4, d: 2}
i, j, k = letters("i j k", n, m, d)
X, Y, x, v, ids = tensor("X", n, m), tensor("Y", m, d), tensor("x", n), tensor("v", n * d), tensor("ids", n, below=m)
rng = np.random.default_rng(7)
ARRAYS = {
    X: rng.normal(size=(3, 4)),
    Y: rng.normal(size=(4, 2)),
    x: rng.normal(size=3),
    v: rng.normal(size=6),
    ids: np.array([3, 0, 3]),
}


def at(node: Node, *axes: Letter) -> np.ndarray:
    return Evaluator(SIZES, ARRAYS).array(node, axes)


@pytest.mark.parametrize(
    ("node", "axes", "einsum"),
    [
        (Sum(j, X[i, j] * Y[j, k]), (i, k), ("ij,jk->ik", X, Y)),
        (Sum(j, X[i, j] * Y[j, k]), (k, i), ("ij,jk->ki", X, Y)),
        (Sum(i, j, X[i, j]), (), ("ij->", X)),
        (Sum(i, j, X[i, j] * Y[j, k] * x[i]), (k,), ("ij,jk,i->k", X, Y, x)),
        (X[i, j] * x[i], (i, j), ("ij,i->ij", X, x)),
        (x[i] * Y[j, k], (i, j, k), ("i,jk->ijk", x, Y)),
    ],
)
def test_contractions_are_einsums(node: Node, axes: tuple[Letter, ...], einsum: tuple[object, ...]) -> None:
    subscripts, *operands = einsum
    same(at(node, *axes), np.einsum(subscripts, *(ARRAYS[t] for t in operands)))  # type: ignore[index]  # tensors


def test_readings_at_affine_indices() -> None:
    a = letter("a", n * d)
    assert np.array_equal(at(v[d * i + k], i, k), ARRAYS[v].reshape(3, 2))
    assert np.array_equal(at(v[n * d - 1 - a], a), ARRAYS[v][::-1])
    assert np.array_equal(at(X[i, ids[i]], i), ARRAYS[X][np.arange(3), ARRAYS[ids]])
    assert np.array_equal(at(X[i, i], i), np.diag(ARRAYS[X][:, :3]))
    assert np.array_equal(at(X[2, j], j), ARRAYS[X][2])
    assert np.array_equal(at(X[index_floor(a, d), index_mod(a, d)], a), [ARRAYS[X][q // 2, q % 2] for q in range(6)])


def test_what_lies_outside_reads_as_zero() -> None:
    """On both sides, and never from the other end."""
    assert at(x[i - 1], i).tolist() == [0, *ARRAYS[x][:2]]
    assert at(x[i + 2], i).tolist() == [ARRAYS[x][2], 0, 0]
    assert at(X[i - 1, j + 3], i, j)[:, 1:].tolist() == [[0] * 3] * 3


def test_letters_may_be_shorter_than_the_axis_that_they_read() -> None:
    q = letter("q", d)
    assert np.array_equal(at(X[i, q], i, q), ARRAYS[X][:, :2])
    assert at(Sum(q, X[i, q]), i) == pytest.approx(ARRAYS[X][:, :2].sum(axis=1))


def test_a_sum_over_an_absent_letter_counts() -> None:
    assert np.allclose(at(Sum(j, x[i]), i), 4 * ARRAYS[x])
    assert at(Sum(i, j, 2 * at_least(i, 0))) == 24


def test_values_spread_over_axes_that_they_do_not_depend_on() -> None:
    assert np.array_equal(at(x[i], j, i), np.tile(ARRAYS[x], (4, 1)))
    with pytest.raises(NotationError, match=r"depends on .*which is not among the axes"):
        at(X[i, j], i)


@pytest.mark.parametrize("exponent", [2, -1, 0.5, -0.5, 3, -3])
def test_powers(exponent: float) -> None:
    positive = np.abs(ARRAYS[x]) + 0.1
    found = Evaluator(SIZES, {x: positive}).array(x[i] ** exponent, (i,))
    assert np.allclose(found, positive**exponent, rtol=1e-15)


def test_negative_bases_take_whole_powers() -> None:
    assert np.allclose(at(x[i] ** 3, i), ARRAYS[x] ** 3, rtol=1e-15)
    assert np.allclose(at(x[i] ** -2, i), 1 / ARRAYS[x] ** 2, rtol=1e-14)


def test_false_brackets_silence_what_they_multiply() -> None:
    """No warning (they are errors here), and no 0·∞."""
    values = {x: np.array([0.0, 2.0, -1.0])}
    e = Evaluator(SIZES, values)
    q = letter("q", n)
    assert e.array(at_least(i, 1) / x[i], (i,)).tolist() == [0, 0.5, -1]
    assert e.value(Sum(i, at_least(i, 1) / x[i])).array == -0.5
    assert e.array(Sum(q, equal(i, q) * at_least(q, 1) * Sum(letter("r", 1), 1 / x[q])), (i,)).tolist() == [
        0,
        0.5,
        -1,
    ]
    assert e.array(exp(float("-inf") * at_most(i, 1)), (i,)).tolist() == [0, 0, 1]


# -------------------------------------------------------------------------------------------------------- programs


@pytest.mark.parametrize("which", GATE)
def test_programs_are_their_components(which: str) -> None:
    """The NumPy evaluator and the components share no code."""
    case = GATE[which]()
    named = {"convolution": {**case.tiny, "c": 2, "kw": 3}, "one_block": {**case.tiny, "e": 2}}.get(which, case.tiny)
    assignment = assigned(case.program, named)
    exact = {t: precise(t, assignment, seeded("components", which)) for t in case.program.inputs}
    values = {t: np.array(a, dtype=int if t.below is not None else float) for t, a in exact.items()}
    found = run(case.program, values, assignment).arrays
    components = Components(case.program, assignment, exact)
    for definition in case.program.definitions():
        tensor_ = definition.tensor
        expected = np.empty(shape(tensor_, assignment))
        for place in components.places(tensor_):
            expected[place] = float(components.entry(tensor_, place))
        assert np.allclose(found[tensor_], expected, rtol=1e-11, atol=1e-13), tensor_.name


@given(st.integers(0, 10**6))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_random_programs_are_their_components(seed: int) -> None:
    program = random_program(np.random.default_rng(seed))
    assignment = dict(zip(program.sizes(), (2, 3), strict=False))
    values = drawn(program.inputs, assignment, np.random.default_rng(seed))
    exact = Components(program, assignment, values)
    for definition in program.definitions():
        found = run(program, values, assignment).arrays[definition.tensor]
        expected = np.reshape(
            [float(exact.entry(definition.tensor, at)) for at in np.ndindex(*found.shape)], found.shape
        )
        assert np.allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_a_perturbation_is_added_where_a_tensor_is_computed() -> None:
    P, L = names("P L")
    P = define(P[i, j], tanh(X[i, j]))
    L = define(L, Sum(i, j, P[i, j] ** 2))
    program = Program.of([X], L)
    values = {X: ARRAYS[X]}
    by_hand = float(np.sum((np.tanh(ARRAYS[X]) + 0.1) ** 2))
    assert float(run(program, values, perturb={P: np.full((3, 4), 0.1)}).arrays[L]) == pytest.approx(
        by_hand, rel=1e-14
    )
    moved = run(program, values, perturb={X: np.full((3, 4), 0.1)}).arrays[L]
    assert float(moved) == pytest.approx(float(np.sum(np.tanh(ARRAYS[X] + 0.1) ** 2)), rel=1e-14)


def test_a_recurrence_feels_a_perturbation_of_every_step() -> None:
    t = letter("t", n)
    h = name("h")
    h = define(h[t], first(t, x[0], 2 * h[t - 1]))
    program = Program.of([x], h)
    found = run(program, {x: np.array([1.0, 0, 0])}, perturb={h: np.array([0.0, 1.0, 0.0])}).arrays[h]
    assert found.tolist() == [1, 3, 6]


def test_arguments_are_not_written_to() -> None:
    case = GATE["lstm"]()
    assignment = assigned(case.program, case.sizes[0])
    values = drawn(case.program.inputs, assignment, seeded("kept"))
    copies = {t: a.copy() for t, a in values.items()}
    for a in values.values():
        a.setflags(write=False)
    run(case.program, values, assignment, perturb={case.program.tensor("h"): np.ones((4, 3))})
    assert all(np.array_equal(values[t], copies[t]) for t in values)


def test_complex_numbers_pass_through() -> None:
    case = GATE["lstm"]()
    assignment = assigned(case.program, case.sizes[0])
    values = drawn(case.program.inputs, assignment, seeded("complex"))
    W = case.program.tensor("Wh_f")
    plain = run(case.program, values, assignment).arrays[case.program.output]
    tilted = run(case.program, {**values, W: values[W] + 1e-30j}, assignment).arrays[case.program.output]
    assert tilted.real == pytest.approx(float(plain), rel=1e-13)
    assert tilted.imag != 0


# ---------------------------------------------------------------------------------------------------- what is refused


def test_missing_and_misshapen_inputs_are_named() -> None:
    P = define(name("P")[i, k], Sum(j, X[i, j] * Y[j, k]))
    program = Program.of([X, Y], P)
    with pytest.raises(NotationError, match="no value for the input 'Y'"):
        run(program, {X: ARRAYS[X]})
    with pytest.raises(NotationError, match=r"'Y' needs shape \(m, d\) but an array of shape \(4,\) is given"):
        run(program, {X: ARRAYS[X], Y: np.ones(4)})
    with pytest.raises(NotationError, match="size m is 4 by 'X' but 5 by 'Y'"):
        run(program, {X: ARRAYS[X], Y: np.ones((5, 2))})
    with pytest.raises(NotationError, match="size n is 7 by what is given but 3 by 'X'"):
        run(program, {X: ARRAYS[X], Y: ARRAYS[Y]}, {n: 7})
    with pytest.raises(NotationError, match=r"'v' needs d\*n = 6 where 5 is given"):
        infer_sizes({v: (5,)}, {n: 3, d: 2})


def test_a_size_that_stays_unknown_is_named() -> None:
    y = define(name("y")[i], inside(x[i - m]))
    with pytest.raises(NotationError, match="no value for m"):
        run(Program.of([x], y), {x: ARRAYS[x]})
    z = define(name("z")[i], x[i] * (1 / m))
    with pytest.raises(NotationError, match="1/m: no value for m"):
        run(Program.of([x], z), {x: ARRAYS[x]})


def test_an_open_derivative_has_no_value() -> None:
    with pytest.raises(NotationError, match="is not carried out"):
        at(Partial(x[i], x[letter("q", n)]), i)


def test_an_unknown_tensor_is_named() -> None:
    with pytest.raises(NotationError, match="no value for 'stranger'"):
        at(Tensor("stranger", (n,))[i], i)


def test_axes_of_length_one_are_axes() -> None:
    one = {n: 1, m: 1, d: 1}
    e = Evaluator(one, {X: np.array([[2.0]]), Y: np.array([[3.0]]), x: np.array([5.0])})
    assert e.array(Sum(j, X[i, j] * Y[j, k]) + x[i], (i, k)).shape == (1, 1)
    assert e.array(softmax(j, X[i, j]), (i, j)).tolist() == [[1.0]]
    assert e.array(maximum_over(j, X[i, j]), (i,)).tolist() == [2.0]


def test_every_order_of_axes() -> None:
    node = X[i, j] + Y[j, k] * x[i]
    expected = ARRAYS[X][:, :, None] + ARRAYS[Y][None] * ARRAYS[x][:, None, None]
    for order in itertools.permutations(range(3)):
        axes = tuple((i, j, k)[a] for a in order)
        same(at(node, *axes), expected.transpose(order))
