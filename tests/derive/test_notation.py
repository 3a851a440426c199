"""What people write: the author's order is kept, and what is no formula is refused."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
import sympy

from derive.definitions import define
from derive.errors import NotationError
from derive.evaluate import Evaluator, run
from derive.functions import sqrt
from derive.index import letter, letters
from derive.nodes import Bracket, Node, Pow, Sum, Tensor, as_node, factors_of, is_one, is_zero, number, terms_of
from derive.notation import add, at_least, at_most, equal, inside, less, mean, mul, name, names, tensor
from derive.program import Program
from derive.size_algebra import size, sizes

n, m = sizes("n m")
p = size("p", minimum=0)
i, j, k = letters("i j k", n, m, n)
x, y, A = tensor("x", n), tensor("y", n), tensor("A", n, m)


# -------------------------------------------------------------------------------------------------- author's order


def test_terms_keep_the_authors_order() -> None:
    a, b, d = x[i], y[i], A[i, j]
    assert terms_of(a - b + d) == (a, mul(number(-1), b), d)
    assert terms_of(d + (b + a)) == (d, b, a)
    assert terms_of(y[i] - x[i]) == (b, -a)


def test_factors_keep_the_authors_order_numbers_in_front() -> None:
    a, b, d = x[i], y[i], A[i, j]
    assert factors_of(d * b * a) == (d, b, a)
    assert factors_of(b * (a * d)) == (b, a, d)
    assert factors_of(a * 2 * b * 3) == (number(6), a, b)


def test_a_number_among_terms_keeps_the_place_of_the_first() -> None:
    assert terms_of(x[i] + 1 + y[i] + 2) == (x[i], number(3), y[i])
    assert terms_of(x[i] + 1 - 1) == (x[i],)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(x[i] * 1, x[i], id="times one"),
        pytest.param(x[i] * 0, number(0), id="times zero"),
        pytest.param(x[i] + 0, x[i], id="plus zero"),
        pytest.param(0 - x[i], -x[i], id="zero minus"),
        pytest.param(-(-1 * x[i]), x[i], id="twice negated"),
        pytest.param(+x[i], x[i], id="plus sign"),
        pytest.param(x[i] ** 1, x[i], id="power one"),
        pytest.param(x[i] ** 0, number(1), id="power zero"),
        pytest.param((x[i] ** 2) ** 3, x[i] ** 6, id="whole power of a power"),
        pytest.param(sqrt(x[i]) ** 2, x[i], id="square of a root"),
        pytest.param((2 * x[i]) ** 2, 4 * x[i] ** 2, id="power of a number times"),
        pytest.param(number(2) ** 3, number(8), id="power of numbers"),
        pytest.param(number(4) ** 0.5, number(2), id="root of a number"),
        pytest.param(1 / number(n), number(1 / n), id="one over a size"),
        pytest.param(2 ** as_node(2), number(4), id="reflected power"),
        pytest.param(1 - x[i] + 0.5, add(number(Fraction(3, 2)), -x[i]), id="decimal"),
    ],
)
def test_folded(found: Node, expected: Node) -> None:
    assert found == expected


def test_a_root_of_a_square_stays() -> None:
    """√(x²) is |x|, not x."""
    assert isinstance(sqrt(x[i] ** 2), Pow)
    assert isinstance(number(-1) ** number(0.5), Pow)


def test_empty_sums_and_products() -> None:
    assert is_zero(add())
    assert is_one(mul())


@pytest.mark.parametrize(
    "divide", [lambda: 1 / number(0), lambda: x[i] / 0, lambda: number(0) ** -2], ids=["1/0", "x/0", "0**-2"]
)
def test_division_by_zero_is_refused(divide: Callable[[], object]) -> None:
    with pytest.raises(NotationError, match="division by zero"):
        divide()


# --------------------------------------------------------------------------------------------------------- tensors


@pytest.mark.parametrize("make", [tensor, name], ids=["tensor", "name"])
@pytest.mark.parametrize("bad", ["2x", "x y", "", "x-1", "x;y"])
def test_names_are_identifiers(make: Callable[[str], Tensor], bad: str) -> None:
    with pytest.raises(NotationError, match="a tensor needs a name that is an identifier"):
        make(bad)


def test_names_from_a_text() -> None:
    a, b = names("a, b")
    assert (a.name, b.name, a.shape) == ("a", "b", None)


@pytest.mark.parametrize("shape", [("n",), (1.5,), (n / 2,), (sympy.Symbol("z"),)])
def test_axes_are_sizes(shape: tuple[object, ...]) -> None:
    with pytest.raises(NotationError, match="is not a size"):
        tensor("x", *shape)


# -------------------------------------------------------------------------------------------------------- brackets


@pytest.mark.parametrize(
    ("bracket", "holds"),
    [
        (equal(i, k), lambda a, b: a == b),
        (at_most(i, k), lambda a, b: a <= b),
        (at_least(i, k), lambda a, b: a >= b),
        (less(i, k), lambda a, b: a < b),
        (Bracket(i + 0, "≠", k + 0), lambda a, b: a != b),
        (Bracket(i + 0, ">", k + 0), lambda a, b: a > b),
    ],
)
def test_brackets(bracket: Bracket, holds: Callable[[int, int], bool]) -> None:
    found = Evaluator({n: 4}, {}).value(bracket).aligned((i, k))
    assert found.tolist() == [[float(holds(a, b)) for b in range(4)] for a in range(4)]


def test_a_mean_needs_to_know_how_many() -> None:
    assert mean(i, j, A[i, j]) == number(1 / (n * m)) * Sum(i, j, A[i, j])
    with pytest.raises(NotationError, match="the size of index 'q' is not known here"):
        mean(letter("q"), x[i])


# --------------------------------------------------------------------------------------------------------- padding


def padded(array: np.ndarray, at: int) -> float:
    return float(array[at]) if 0 <= at < len(array) else 0.0


def test_inside_reads_zeros_outside() -> None:
    x = tensor("x", n)
    i, u = letters("i u", n, 3)
    y = define(name("y")[i, u], inside(x[2 * i + u - p]))
    program = Program.of([x], y)
    array = np.array([2.0, 3.0, 5.0, 7.0])
    for pad in (0, 2, 5):
        found = run(program, {x: array}, {n: 4, p: pad}).arrays[y]
        assert found.tolist() == [[padded(array, 2 * a + b - pad) for b in range(3)] for a in range(4)]


def test_inside_writes_only_the_brackets_it_needs() -> None:
    x = tensor("x", n)
    i = letter("i", n)
    assert inside(x[i]) == x[i]
    assert inside(x[i + p]) == x[i + p] * at_most(i + p, n - 1)
    assert inside(x[i - p]) == x[i - p] * at_least(i - p, 0)
