"""Programs hold what their output needs, and name what is missing."""

from __future__ import annotations

import pytest
import sympy

from derive.definitions import define
from derive.errors import NotationError
from derive.evaluate import run
from derive.functions import exp, relu
from derive.index import index_floor, letter, letters
from derive.nodes import Sum, Tensor
from derive.notation import inside, name, names, tensor
from derive.program import Program
from derive.size_algebra import size, sizes
from derive.statements import assume
from tests.derive.witnesses import assigned, drawn, same, seeded

n, d, c, s = sizes("n d c s")
p = size("p", minimum=0)


def given() -> tuple[Tensor, ...]:
    return tensor("X", n, d), tensor("W", d, c), tensor("b", c), tensor("ids", n, below=d)


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
