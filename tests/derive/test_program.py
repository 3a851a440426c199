"""What ``define``, ``recurrence`` and ``Program`` accept and refuse; refusals name both places and what to do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import sympy

from derive.errors import NotationError
from derive.evaluate import run
from derive.functions import exp, relu, tanh
from derive.index import index_floor, letter, letters
from derive.nodes import Sum, Tensor
from derive.notation import at_least, at_most, equal, name, names, tensor
from derive.over_axes import softmax
from derive.program import Program, Recurrence, assume, define, first, inside, recurrence
from derive.size_algebra import size, sizes
from tests.derive.witnesses import assigned, drawn, same, seeded

n, d, c, s = sizes("n d c s")
p = size("p", minimum=0)


def given() -> tuple[Tensor, ...]:
    return tensor("X", n, d), tensor("W", d, c), tensor("b", c), tensor("ids", n, below=d)


# -------------------------------------------------------------------------------------------------- what is inferred


def test_sizes_are_inferred_from_the_tensors() -> None:
    X, W, b, _ = given()
    i, j, k = letters("i j k")
    Z = define(name("Z")[i, k], Sum(j, X[i, j] * W[j, k]) + b[k])
    assert Z.shape == (n, c)
    assert i.size is None, "the author's letters stay as they are"


def test_sizes_are_inferred_through_a_softmax_and_declared_letters_are_kept() -> None:
    X, *_ = given()
    i, j = letters("i j")
    P = define(name("P")[i, j], softmax(j, X[i, j]))
    assert P.shape == (n, d)
    a = letter("a", n * d)
    assert define(name("Q")[a], X[0, 0] * a).shape == (n * d,)


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


# --------------------------------------------------------------------------------------------------- what is refused


def two_sizes() -> None:
    X, W, _, _ = given()
    i, j, k = letters("i j k")
    define(name("Z")[i, k], Sum(j, X[j, i] * W[j, k]))


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


def size_unknown() -> None:
    X, *_ = given()
    i, j, q = letters("i j q")
    define(name("Z")[i, j], Sum(q, X[i, j]))


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
    two_sizes: (
        r"index 'j' has two sizes in the definition of Z\[i, k\]",
        r"n by axis 0 of X\[j, i\] \(shape \(n, d\)\)",
        r"d by axis 0 of W\[j, k\] \(shape \(d, c\)\)",
    ),
    two_sizes_declared: (
        r"index 'j' has two sizes in the definition of Z\[i, j\]",
        r"c by its declaration",
        r"d by axis 1 of X\[i, j\] \(shape \(n, d\)\)",
    ),
    stray_letter: (r"'j' on the right of Z\[i, k\] is neither on the left nor summed over",),
    unknown_name: (r"unknown name 'Q'", r"neither declared with tensor\(...\) nor defined before"),
    missing_axis: (r"'X' has 2 axes \(n, d\) but is written with 1 index: X\[i\]",),
    size_unknown: (r"size of index 'q' in Z\[i, j\] cannot be inferred", r"declare letter\('q', size\)"),
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


# ------------------------------------------------------------------------------------------------------- guards


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


# --------------------------------------------------------------------------------------------------- recurrences


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
        (unguarded_start, r"h\[t \+ -1\] in the definition of h\[t\] may leave axis 0.*≥ 0 is not certain"),
        (stray_step, r"'h' reads h\[.*\], which is not computed before it"),
    ],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_what_is_no_recurrence_says_so(misuse: Callable[[], None], reason: str) -> None:
    with pytest.raises(NotationError, match=reason):
        misuse()


# ------------------------------------------------------------------------------------------------------ programs


def chain() -> tuple[Program, Tensor, Tensor, Tensor]:
    X, W, b, _ = given()
    i, j, k = letters("i j k")
    Z, Y, L = names("Z Y L")
    Z = define(Z[i, k], Sum(j, X[i, j] * W[j, k]) + b[k])
    define(name("unused")[i, k], exp(Z[i, k]))
    Y = define(Y[i, k], relu(Z[i, k]))
    L = define(L, Sum(i, k, Y[i, k] * Z[i, k]))
    return Program.of([X, W, b], L), Z, Y, L


def test_a_program_holds_what_its_output_needs_in_order() -> None:
    program, Z, Y, L = chain()
    assert [d.tensor for d in program.definitions()] == [Z, Y, L]
    assert program.output is L
    assert program.tensor("Y") is Y
    assert program.definition(program.inputs[0]) is None
    assert program.sizes() == (n, d, c)


def test_an_intermediate_tensor_may_be_an_input() -> None:
    _, Z, _, L = chain()
    program = Program.of([Z], L)
    assert [x.name for x in program.inputs] == ["Z"]
    assert all(item.tensor is not Z for item in program.definitions())


def test_errors_of_programs_name_what_is_missing() -> None:
    program, Z, _, L = chain()
    X, W, b = program.inputs
    with pytest.raises(
        NotationError, match="'b', which 'Z' reads is not defined: declare it as an input or define it"
    ):
        Program.of([X, W], L)
    with pytest.raises(NotationError, match="no tensor 'Q'; it has X, W, b, Z, Y, L"):
        program.tensor("Q")
    with pytest.raises(NotationError, match="definition of 'Y' reads 'Z', which nothing defines before"):
        Program(program.inputs, program.items[1:], (L,))
    with pytest.raises(NotationError, match="output 'other' is neither an input nor defined"):
        Program(program.inputs, program.items, (tensor("other"),))
    with pytest.raises(NotationError, match="two tensors of one program are called 'X'"):
        Program((*program.inputs, tensor("X", n)), program.items, (L,))
    with pytest.raises(NotationError, match="has 2 outputs: name one"):
        _ = Program.of(program.inputs, [Z, L]).output


def test_the_size_of_a_padding_is_found_in_indices() -> None:
    x = tensor("x", n)
    i = letter("i", n)
    y = define(name("y")[i], inside(x[s * i - p]))
    assert set(Program.of([x], y).sizes()) == {n, s, p}


def test_the_size_of_a_summed_letter_is_found() -> None:
    x = tensor("x", n)
    i, k = letter("i", n), letter("k", c)
    y = define(name("y")[i], Sum(k, x[i]))
    assert set(Program.of([x], y).sizes()) == {n, c}


def test_the_size_of_a_divisor_is_found() -> None:
    x, i = tensor("x", n), letter("i", n)
    y = define(name("y")[i], x[index_floor(i, s)])
    assert set(Program.of([x], y).sizes()) == {n, s}


def test_the_size_of_a_number_is_found() -> None:
    """1/√s stands in no index."""
    x = tensor("x", n)
    i = letter("i", n)
    y = define(name("y")[i], x[i] * (1 / sympy.sqrt(s)))
    program = Program.of([x], y)
    assert set(program.sizes()) == {n, s}
    values = drawn([x], {n: 2, s: 4}, seeded("number"))
    same(run(program, values, assigned(program, {"n": 2, "s": 4})).arrays[y], values[x] / 2)


@pytest.mark.parametrize("relation", ["<", "==", "≤", ""])
def test_assumptions_relate_by_few_relations(relation: str) -> None:
    with pytest.raises(NotationError, match="an assumption relates by =, >, ≥ or ≠"):
        assume(tensor("x"), relation, 1)


def test_assumptions_learn_the_sizes_of_their_letters() -> None:
    T = tensor("T", n, c)
    i, k = letters("i k")
    made = assume(Sum(k, T[i, k]), "=", 1, ("rows sum to 1", "每行之和为 1"))
    assert made.left.free == {i}
    assert i.size == n
    assert made.reason == ("rows sum to 1", "每行之和为 1")
