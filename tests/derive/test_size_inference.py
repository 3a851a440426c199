"""The sizes of letters come from the tensors they index; two sizes, or none, are refused with their places."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from derive.definitions import define
from derive.errors import NotationError
from derive.index import letter, letters
from derive.nodes import Sum
from derive.notation import name, tensor
from derive.over_axes import softmax
from derive.size_algebra import sizes

n, d, c = sizes("n d c")
X, W, b = tensor("X", n, d), tensor("W", d, c), tensor("b", c)


def test_sizes_are_inferred_from_the_tensors() -> None:
    i, j, k = letters("i j k")
    Z = define(name("Z")[i, k], Sum(j, X[i, j] * W[j, k]) + b[k])
    assert Z.shape == (n, c)
    assert i.size is None, "the author's letters stay as they are"


def test_sizes_are_inferred_through_a_softmax_and_declared_letters_are_kept() -> None:
    i, j = letters("i j")
    P = define(name("P")[i, j], softmax(j, X[i, j]))
    assert P.shape == (n, d)
    a = letter("a", n * d)
    assert define(name("Q")[a], X[0, 0] * a).shape == (n * d,)


def two_sizes() -> None:
    i, j, k = letters("i j k")
    define(name("Z")[i, k], Sum(j, X[j, i] * W[j, k]))


def size_unknown() -> None:
    i, j, q = letters("i j q")
    define(name("Z")[i, j], Sum(q, X[i, j]))


REFUSED: dict[Callable[[], None], tuple[str, ...]] = {
    two_sizes: (
        r"index 'j' has two sizes in the definition of Z\[i, k\]",
        r"n by axis 0 of X\[j, i\] \(shape \(n, d\)\)",
        r"d by axis 0 of W\[j, k\] \(shape \(d, c\)\)",
    ),
    size_unknown: (r"size of index 'q' in Z\[i, j\] cannot be inferred", r"declare letter\('q', size\)"),
}


@pytest.mark.parametrize("misuse", REFUSED, ids=lambda f: f.__name__)
def test_what_has_no_size_says_where_and_what_to_do(misuse: Callable[[], None]) -> None:
    for reason in REFUSED[misuse]:
        with pytest.raises(NotationError, match=reason):
            misuse()
