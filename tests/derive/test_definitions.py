"""What ``define`` and ``recurrence`` accept and refuse; refusals name both places and what to do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from derive.definitions import Recurrence, define, recurrence
from derive.errors import NotationError
from derive.evaluate import run
from derive.functions import exp, tanh
from derive.index import letter, letters
from derive.nodes import Sum, Tensor
from derive.notation import at_least, at_most, equal, first, name, names, tensor
from derive.over_axes import softmax
from derive.program import Program
from derive.size_algebra import size, sizes
from tests.derive.witnesses import same

n, d, c, s = sizes("n d c s")
p = size("p", minimum=0)


def given() -> tuple[Tensor, ...]:
    return tensor("X", n, d), tensor("W", d, c), tensor("b", c), tensor("ids", n, below=d)


def test_letters_may_be_used_again() -> None:
    X, W, b, _ = given()
    i, j, k = letters("i j k")
    first_ = define(name("A")[i], Sum(j, X[i, j]))
    second = define(name("B")[i], Sum(j, W[i, j]) * Sum(j, b[j]))
    assert (first_.shape, second.shape) == ((n,), (d,))
    assert k.size is None


def test_meaning_and_domain_are_kept() -> None:
    X, *_ = given()
    i, j = letters("i j")
    E = define(name("E")[i, j], exp(X[i, j]), meaning=("weights", "权重"), domain="positive")
    assert (E.meaning, E.domain) == (("weights", "权重"), "positive")


# ------------------------------------------------------------------------------------------------- what is refused


def two_sizes_declared() -> None:
    X, *_ = given()
    i, j = letters("i j", n, c)
    define(name("Z")[i, j], X[i, j])


def stray_letter() -> None:
    X, W, _, _ = given()
    i, j, k = letters("i j k")
    define(name("Z")[i, k], X[i, j] * W[j, k])


def unknown_name() -> None:
    X, *_ = given()
    i, j = letters("i j")
    define(name("Z")[i], Sum(j, X[i, j] * name("Q")[j]))


def missing_axis() -> None:
    X, *_ = given()
    i, j = letters("i j")
    define(name("Z")[i], Sum(j, X[i]))


def outside_below() -> None:
    X, *_ = given()
    i, j = letters("i j", n, d)
    define(name("Z")[i, j], X[i - 1, j])


def outside_above() -> None:
    X, *_ = given()
    i, j = letters("i j", n, d)
    define(name("Z")[i, j], X[i, 2 * j])


def outside_through_a_tensor() -> None:
    _, W, b, ids = given()
    i = letter("i", n)
    define(name("Z")[i], b[ids[i]])


def guarded_on_the_wrong_side() -> None:
    X, *_ = given()
    i, j = letters("i j", n, d)
    define(name("Z")[i, j], at_least(i, 1) * X[i + 1, j])


def itself_at_the_same_index() -> None:
    X, *_ = given()
    i, j = letters("i j")
    Z = name("Z")
    define(Z[i, j], X[i, j] + Z[i, j])


def defined_twice() -> None:
    X, *_ = given()
    i, j = letters("i j")
    Z = define(name("Z")[i, j], X[i, j])
    define(Z[i, j], 2 * X[i, j])


def input_defined() -> None:
    X, *_ = given()
    i, j = letters("i j", n, d)
    define(X[i, j], exp(X[i, j]))


def repeated_on_the_left() -> None:
    X, *_ = given()
    i = letter("i", n)
    define(name("Z")[i, i], X[i, 0])


def form_on_the_left() -> None:
    X, *_ = given()
    i = letter("i", n)
    define(name("Z")[i + 1], X[i, 0])


REFUSED: dict[Callable[[], None], tuple[str, ...]] = {
    two_sizes_declared: (
        r"index 'j' has two sizes in the definition of Z\[i, j\]",
        r"c by its declaration",
        r"d by axis 1 of X\[i, j\] \(shape \(n, d\)\)",
    ),
    stray_letter: (r"'j' on the right of Z\[i, k\] is neither on the left nor summed over",),
    unknown_name: (r"unknown name 'Q'", r"neither declared with tensor\(...\) nor defined before"),
    missing_axis: (r"'X' has 2 axes \(n, d\) but is written with 1 index: X\[i\]",),
    outside_below: (
        r"X\[i \+ -1, j\] in the definition of Z\[i, j\] may leave axis 0 \(size n\)",
        r"≥ 0 is not certain",
        r"Write inside\(X\[i \+ -1, j\]\) for zero outside, or multiply by a bracket",
    ),
    outside_above: (
        r"X\[i, 2\*j\] in the definition of Z\[i, j\] may leave axis 1 \(size d\)",
        r"< d is not certain",
        r"Write inside",
    ),
    outside_through_a_tensor: (
        r"b\[.*\] in the definition of Z\[i\] may leave axis 0 \(size c\)",
        r"< c is not certain",
    ),
    guarded_on_the_wrong_side: (
        r"X\[i \+ 1, j\] in the definition of Z\[i, j\] may leave axis 0",
        r"< n is not certain",
    ),
    itself_at_the_same_index: (r"'Z' is defined by itself at the same index: Z\[i, j\]",),
    defined_twice: (r"'Z' is defined already; take a new name",),
    input_defined: (r"'X' is defined",),
    repeated_on_the_left: (r"left-hand side needs different letters as indices: Z\[i, i\]",),
    form_on_the_left: (r"left-hand side needs different letters as indices: Z\[i \+ 1\]",),
}


@pytest.mark.parametrize("misuse", REFUSED, ids=lambda f: f.__name__)
def test_what_is_no_definition_says_where_and_what_to_do(misuse: Callable[[], None]) -> None:
    for reason in REFUSED[misuse]:
        with pytest.raises(NotationError, match=reason):
            misuse()


# ---------------------------------------------------------------------------------------------------------- guards


@pytest.mark.parametrize(
    "guard",
    [
        pytest.param(lambda i, x: at_least(i, 1) * x[i - 1], id="bracket beside"),
        pytest.param(lambda i, x: at_least(i, 1) * exp(x[i - 1]), id="bracket outside a function"),
        pytest.param(lambda i, x: at_least(i, 2) * x[i - 1], id="stronger bracket"),
        pytest.param(lambda i, x: at_least(i, 1) * Sum(letter("u", 1), x[i - 1] * 2), id="bracket outside a sum"),
        pytest.param(lambda i, x: equal(i, 3) * x[i - 3], id="equality"),
        pytest.param(lambda i, x: x[n - 1 - i], id="reversed needs none"),
    ],
)
def test_guards_are_understood(guard: Callable[..., object]) -> None:
    x, i = tensor("x", n), letter("i", n)
    assert define(name("y")[i], guard(i, x)).shape == (n,)


def test_what_a_false_bracket_multiplies_is_never_read() -> None:
    """1/x at an index outside, −∞ under a mask, the logarithm of 0: no warning, no infinity."""
    x = tensor("x", n)
    i, j = letters("i j", n, n)
    outside, masked, logarithm = names("outside masked logarithm")
    outside = define(outside[i], at_least(i, 1) / x[i - 1])
    masked = define(masked[i, j], softmax(j, x[j] + float("-inf") * at_most(i + 1, j)))
    logarithm = define(logarithm[i], Sum(j, equal(i, j) * (x[i] - x[j]) ** -2 * 0 + at_least(j, 1) / (j * x[j])))
    program = Program.of([x], [outside, masked, logarithm])
    array = np.array([2.0, 0.5, 4.0])
    found = run(program, {x: array}).arrays
    assert found[outside].tolist() == [0, 0.5, 2]
    weights = np.tril(np.exp(array)[None, :] * np.ones((3, 1)))
    same(found[masked], weights / weights.sum(axis=1, keepdims=True))
    assert found[logarithm].tolist() == [1 / 0.5 + 1 / 8] * 3


# ----------------------------------------------------------------------------------------------------- recurrences


def test_a_definition_that_reads_itself_earlier_is_a_recurrence() -> None:
    x, h0 = tensor("x", n), tensor("h0")
    t = letter("t", n)
    h = name("h")
    h = define(h[t], first(t, h0, tanh(h[t - 1])) + x[t])
    assert isinstance(h.definition, Recurrence)
    array = np.array([0.3, -1.0, 0.5])
    found = run(Program.of([x, h0], h), {x: array, h0: np.array(0.2)}).arrays[h]
    expected = [0.2 + 0.3]
    for value in array[1:]:
        expected.append(np.tanh(expected[-1]) + value)
    same(found, np.array(expected))


def test_recurrences_look_further_back_and_backwards() -> None:
    n4 = n
    x = tensor("x", n4)
    t = letter("t", n4)
    f = name("f")
    f = define(f[t], x[t] + at_least(t, 2) * f[t - 2] + at_least(t, 1) * f[t - 1])
    found = run(Program.of([x], f), {x: np.array([1.0, 0, 0, 0, 0, 0])}).arrays[f]
    assert found.tolist() == [1, 1, 2, 3, 5, 8]
    g = name("g")
    made = recurrence(t, {g[t]: x[t] + at_most(t, n4 - 2) * 2 * g[t + 1]}, backwards=True)["g"]
    assert run(Program.of([x], made), {x: np.array([1.0, 1, 1])}).arrays[made].tolist() == [7, 3, 1]


def ahead() -> None:
    x, t, h = tensor("x", n), letter("t", n), name("h")
    define(h[t], x[t] + at_most(t, n - 2) * h[t + 1])


def below_itself() -> None:
    x, t = tensor("x", n), letter("t", n)
    a, b = names("a b")
    recurrence(t, {a[t]: x[t] + b[t], b[t]: first(t, 0, a[t - 1])})


def not_along() -> None:
    x, t, i = tensor("x", n), letter("t", n), letter("i", n)
    recurrence(t, {name("a")[i]: x[i]})


def twice() -> None:
    x, t, h = tensor("x", n, n), letter("t", n), name("h")
    i, j = letters("i j", n, n)
    recurrence(t, {h[t, i]: x[t, i], h[t, j]: 2 * x[t, j]})


def unguarded_start() -> None:
    x, t, h = tensor("x", n), letter("t", n), name("h")
    define(h[t], x[t] + h[t - 1])


def stray_step() -> None:
    x, t, h = tensor("x", n), letter("t", n), name("h")
    define(h[t], x[t] + at_least(t, s) * h[t - s + 1])


@pytest.mark.parametrize(
    ("misuse", "reason"),
    [
        (ahead, r"'h' reads h\[t \+ 1\], which is not computed before it: .*at earlier ones"),
        (below_itself, r"'a' reads b\[t\], which is not computed before it: a recurrence reads members above it"),
        (not_along, r"'a' is not defined along 't': a\[i\]"),
        (twice, r"a recurrence defines a name once: h\[t, i\], h\[t, j\]"),
        (unguarded_start, r"h\[t \+ -1\] in the definition of h\[t\] may leave axis 0.*≥ 0 is not certain"),
        (stray_step, r"'h' reads h\[.*\], which is not computed before it"),
    ],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_what_is_no_recurrence_says_so(misuse: Callable[[], None], reason: str) -> None:
    with pytest.raises(NotationError, match=reason):
        misuse()
