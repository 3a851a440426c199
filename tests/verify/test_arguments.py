"""Arguments of layers: what is accepted, and what is said of what is not."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from verify.arguments import arrays, choice, cotangent, cotangents, count, entries, number, place, places

X, W, B = np.ones((3, 4)), np.ones((4, 2)), np.ones(2)
AFFINE = "x (n, d), W (d, c), b? (c)"


def test_arrays_come_back_as_they_are() -> None:
    found = arrays(AFFINE, X, W, B)
    assert all(one is other for one, other in zip(found, (X, W, B), strict=True))
    assert arrays(AFFINE, X, W, None)[2] is None
    assert arrays("x (...)", np.float64(2.0))[0].shape == ()


def test_lists_become_arrays() -> None:
    (x,) = arrays("x (n, d)", [[1.0, 2.0]])
    assert x.shape == (1, 2)
    assert x.dtype == np.float64


@pytest.mark.parametrize("value", [2, 2.5])
def test_python_numbers_take_the_type_of_the_others(value: float) -> None:
    x, a = arrays("x (n), a ()", np.ones(3, np.float32), value)
    assert a.dtype == np.float32
    assert a == value
    assert x.dtype == np.float32
    assert arrays("a ()", value)[0].dtype == np.float64


def test_runs_of_axes() -> None:
    arrays("x (*batch, n, d), y (*batch, d)", np.ones((2, 3, 4, 5)), np.ones((2, 3, 5)))
    arrays("x (*batch, n, d), y (*batch, d)", np.ones((4, 5)), np.ones(5))
    arrays("x (..., d), y (..., d)", np.ones((2, 3, 5)), np.ones(5))


def test_multiples_of_sizes() -> None:
    arrays("x (n, d), W (d, 4h), b (h)", X, np.ones((4, 20)), np.ones(5))
    arrays("W (2d, d)", np.ones((6, 3)))


def test_known_sizes() -> None:
    arrays("x (n, d)", X, n=3)
    with pytest.raises(ValueError, match=re.escape("x has shape (3, 4): expected (n, d) with n = 5")):
        arrays("x (n, d)", X, n=5)


REFUSED = [
    (AFFINE, (X, np.ones((5, 2)), None), "W has shape (5, 2): expected (d, c) with d = 4 as in x"),
    (AFFINE, (X, np.ones(4), None), "W has shape (4,): expected (d, c), which has 2 axes"),
    ("b (c)", (X,), "b has shape (3, 4): expected (c,), which has 1 axis"),
    ("x (..., n, d)", (B,), "x has shape (2,): expected (..., n, d), at least 2 axes"),
    ("x (n, 2)", (X,), "x has shape (3, 4): expected (n, 2)"),
    ("W (d, 2h)", (np.ones((2, 3)),), "W has shape (2, 3): expected (d, 2h)"),
    ("x (n, h), W (d, 2h)", (X, W), "W has shape (4, 2): expected (d, 2h) with h = 4 as in x"),
    (
        "x (*b, d), y (*b, d)",
        (np.ones((2, 3)), np.ones((4, 3))),
        "y has shape (4, 3): expected (*b, d) with *b = (2,)",
    ),
    (AFFINE, (X.astype(int), W, B), "x holds int64: it is an array of floating-point numbers: convert it with"),
    (AFFINE, (X, W.astype(complex), B), "W holds complex128: it is an array of floating-point numbers"),
    (AFFINE, (X, W, "two"), "b holds <U3: it is an array of floating-point numbers"),
    (AFFINE, (X, [[1.0, 2.0], [1.0]], B), "W is no array: setting an array element with a sequence"),
    (
        AFFINE,
        (X.astype("f"), W, B),
        "W holds float64, x holds float32: convert one, for example W.astype(np.float32)",
    ),
    (AFFINE, (X.astype(np.float16), W, B), "x holds float16: layers compute in float32 or wider, convert it with"),
    ("p ()", (10**400,), "p is no array: int too large to convert to float"),
    ("ids integer (n)", (B,), "ids holds float64: it is an array of integers"),
    ("mask boolean (n)", (B,), "mask holds float64: it is an array of truth values"),
    (AFFINE, (None, W, B), "x is None: expected (n, d), floating-point numbers"),
]


@pytest.mark.parametrize(("shapes", "values", "said"), REFUSED, ids=[said for *_, said in REFUSED])
def test_refused(shapes: str, values: tuple[Any, ...], said: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(said)):
        arrays(shapes, *values)


def test_byte_orders_are_those_of_the_machine() -> None:
    x, same = arrays("x (n, d), W (d, c)", X.astype(X.dtype.newbyteorder()), W)
    assert x.dtype.isnative
    assert same is W
    np.testing.assert_array_equal(x, X)
    (ids,) = arrays("ids integer (n)", np.arange(3, dtype=">i4"))
    assert ids.dtype == np.int32
    assert cotangent(np.ones(3, ">f4"), (3,), np.float32).dtype.isnative


def test_cotangents() -> None:
    assert cotangent(np.ones((3, 4), np.float32), (3, 4), np.float64).dtype == np.float64
    assert cotangent(1, (), np.float32).dtype == np.float32
    same = np.ones(3)
    assert cotangent(same, (3,), np.float64) is same
    with pytest.raises(ValueError, match=re.escape("d_output has shape (4,), the output has shape (3, 4)")):
        cotangent(np.ones(4), (3, 4), np.float64)
    with pytest.raises(ValueError, match="d_h holds complex128"):
        cotangent(np.ones(4, complex), (4,), np.float64, "d_h")
    with pytest.raises(ValueError, match="d_output is no array: setting an array element with a sequence"):
        cotangent([[1.0], [1.0, 2.0]], (2, 1), np.float64)


def test_cotangents_of_several_outputs() -> None:
    h, c = cotangents((np.ones(3), 2), (3,), (), dtype=np.float32)
    assert h.dtype == c.dtype == np.float32
    for d_output, said in (
        (np.ones(3), "d_output is ndarray: expected a tuple of 2 arrays, one for each output"),
        ((np.ones(3),), "d_output is 1 of them: expected a tuple of 2 arrays, one for each output"),
        ((np.ones(3), np.ones(1)), "d_output[1] has shape (1,), the output has shape ()"),
    ):
        with pytest.raises(ValueError, match="^" + re.escape(said)):
            cotangents(d_output, (3,), (), dtype=np.float64)


def test_choices() -> None:
    choice("reduction", "mean", ("mean", "sum"))
    with pytest.raises(ValueError, match="reduction is 'avg': it is one of 'mean', 'sum'"):
        choice("reduction", "avg", ("mean", "sum"))
    with pytest.raises(ValueError, match="flag is 1: it is one of True, False"):
        choice("flag", 1, (True, False))
    with pytest.raises(ValueError, match=r"flag is array\(\[ True, False\]\): it is one of True, False"):
        choice("flag", np.array([True, False]), (True, False))


def test_numbers() -> None:
    assert number("p", np.float32(0.25), "[0, 1)") == 0.25
    assert type(number("p", np.float64(0.25))) is float
    assert number("p", 0, "[0, 1)") == 0.0
    assert number("p", 1.0, "(0, 1]") == 1.0
    for value, interval in ((1.0, "[0, 1)"), (0.0, "(0, 1]"), (-0.5, "[0, 1)"), (np.nan, "[0, 1]"), ("0", "[0, 1]")):
        with pytest.raises(ValueError, match=re.escape(f"p is {value!r}: it is a number in {interval}")):
            number("p", value, interval)
    for value in (np.inf, True, None, np.ones(1)):
        with pytest.raises(ValueError, match=r"p is .*: it is a number in"):
            number("p", value)
    with pytest.raises(ValueError, match="it is a number in"):
        number("p", 10**400)
    assert number("p", 1e-40, "(0, inf)", np.dtype(np.float32)) == 1e-40
    for value in (1e39, 1e-50):
        assert number("p", value, "(0, inf)") == value
        with pytest.raises(ValueError, match=re.escape(f"p is {value}: it is a number in (0, inf) of float32")):
            number("p", value, "(0, inf)", np.dtype(np.float32))


def test_counts() -> None:
    assert count("n", np.int64(3)) == 3
    assert type(count("n", np.int64(3))) is int
    for value in (0, -1, 2.0, True, None):
        with pytest.raises(ValueError, match=re.escape(f"n is {value!r}: it is a whole number, at least 1")):
            count("n", value, least=1)
    assert count("n", -100, least=None) == -100
    assert count("n", 8, most=8) == 8
    assert count("n", 2**70) == 2**70
    with pytest.raises(ValueError, match=r"n is 9: it is a whole number, at least 0, at most 8$"):
        count("n", 9, most=8)
    for value in (2.0, True, None, "a"):
        with pytest.raises(ValueError, match=re.escape(f"n is {value!r}: it is a whole number") + "$"):
            count("n", value, least=None)


@pytest.mark.parametrize(
    "shapes",
    [
        "x float (n, d)",
        "ids integers (n)",
        "mask bool (n)",
        "W (n, d-1)",
        "x (..., *b, d)",
        "x (n, d",
        "x (n) W (d)",
    ],
)
def test_shapes_that_cannot_be_read(shapes: str) -> None:
    with pytest.raises(TypeError, match=re.escape(f"{shapes!r} is no line of shapes such as 'x (n, d), W (d, 4h)")):
        arrays(shapes, *[np.ones((2, 2))] * (2 if "W (d)" in shapes else 1))


def test_options_that_cannot_be_read() -> None:
    with pytest.raises(TypeError, match="m: expected a tuple of allowed values, not the letters of 'norm'"):
        choice("m", "n", "norm")
    with pytest.raises(TypeError, match=r"a: expected an interval such as .*, not 'positive'"):
        number("a", 1, "positive")


def test_places() -> None:
    assert place("axis", np.int64(-1), 3) == 2
    for value in (3, (1,), 1.0, True):
        with pytest.raises(ValueError, match=re.escape(f"axis is {value!r}: an axis is from -3 to 2")):
            place("axis", value, 3)
    with pytest.raises(ValueError, match="axis is 0: no axes"):
        place("axis", 0, 0)


def test_places_of_axes() -> None:
    assert places("axis", -1, 3) == (2,)
    assert places("axis", (-1, 0), 3) == (0, 2)
    assert places("axis", (), 3) == ()
    for value in (3, -4, (0, 3), 1.0, True, None):
        with pytest.raises(ValueError, match=re.escape(f"axis is {value!r}: an axis is from -3 to 2")):
            places("axis", value, 3)
    with pytest.raises(ValueError, match=re.escape("axis is (0, -3): an axis is named twice")):
        places("axis", (0, -3), 3)
    with pytest.raises(ValueError, match=re.escape("axis is (): it names 1 at least")):
        places("axis", (), 3, least=1)
    with pytest.raises(ValueError, match="axis is 0: no axes"):
        places("axis", 0, 0)


def test_the_first_entry_that_is_not_allowed() -> None:
    p = np.array([[0.5, 1.5], [-1.0, 0.0]])
    entries("p", p, p < 2, "a number below 2")
    with pytest.raises(ValueError, match=re.escape("p holds -1.0 at [1, 0]: expected a number from 0")):
        entries("p", p, p >= 0, "a number from 0")
    with pytest.raises(ValueError, match=r"^w holds -2: expected a number from 0"):
        entries("w", np.array(-2), np.array(False), "a number from 0")
