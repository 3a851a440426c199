"""Embeddings: gradients of repeated ids by a loop, the padding id, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from verify.layer import normal
from verify.layers import affine, embedding


@pytest.mark.parametrize("padding", [None, 0, 3])
def test_a_row_gathers_what_all_its_places_bring(padding: int | None) -> None:
    rng = np.random.default_rng(0)
    W, ids = normal(rng, 5, 3), np.array([[3, 0, 3, 3], [1, 0, 3, 1]])
    y, saved = embedding.forward(W, ids, padding=padding)
    d_y = normal(rng, 2, 4, 3)
    d_W = np.zeros((5, 3))
    for place in np.ndindex(2, 4):
        shown = ids[place] != padding
        np.testing.assert_array_equal(y[place], W[ids[place]] if shown else [0, 0, 0])
        d_W[ids[place]] += d_y[place] if shown else 0
    np.testing.assert_allclose(embedding.backward(d_y, saved)["W"], d_W, rtol=1e-14)


def test_it_is_a_product_with_one_hot_rows() -> None:
    rng = np.random.default_rng(0)
    W, ids, d_y = normal(rng, 4, 3), np.array([2, 2, 0, 1, 2]), normal(rng, 5, 3)
    y, saved = embedding.forward(W, ids)
    product, saved_product = affine.forward(np.eye(4)[ids], W)
    np.testing.assert_array_equal(y, product)
    np.testing.assert_allclose(
        embedding.backward(d_y, saved)["W"], affine.backward(d_y, saved_product)["W"], rtol=1e-14
    )


def test_more_rows_than_a_byte_counts() -> None:
    W = np.arange(300.0)[:, np.newaxis]
    y, saved = embedding.forward(W, np.array([200, 299, 200]))
    assert y.ravel().tolist() == [200, 299, 200]
    d_W = embedding.backward(np.ones_like(y), saved)["W"].ravel()
    assert d_W.nonzero()[0].tolist() == [200, 299]
    assert d_W[[200, 299]].tolist() == [2, 1]


W43 = np.ones((4, 3))
REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "too large": (
        lambda: embedding.forward(W43, np.array([[0, 1], [4, 2]])),
        r"ids holds 4 at \[1, 0\]: expected a row of W from 0 to 3",
    ),
    "negative": (lambda: embedding.forward(W43, np.array([0, -1])), r"ids holds -1 at \[1\]: expected a row of W"),
    "floating-point ids": (
        lambda: embedding.forward(W43, np.ones(2)),
        "ids holds float64: it is an array of integers",
    ),
    "boolean ids": (lambda: embedding.forward(W43, np.ones(2, bool)), "ids holds bool"),
    "W with three axes": (lambda: embedding.forward(np.ones((2, 4, 3)), np.array([0])), r"W has shape .* \(v, d\)"),
    "padding that is no row": (
        lambda: embedding.forward(W43, np.array([0]), padding=4),
        "padding is 4: expected an id",
    ),
    "negative padding": (
        lambda: embedding.forward(W43, np.array([0]), padding=-1),
        "padding is -1: it is a whole number",
    ),
    "a truth value as padding": (lambda: embedding.forward(W43, np.array([0]), padding=True), "padding is True"),
    "padding that is no whole number": (lambda: embedding.forward(W43, np.array([0]), padding=1.0), "padding is 1.0"),
    "several ids as padding": (
        lambda: embedding.forward(W43, np.array([0]), padding=np.array([1, 2])),
        r"padding is array\(\[1, 2\]\): it is a whole number",
    ),
    "cotangent": (
        lambda: embedding.backward(np.ones(3), embedding.forward(W43, np.array([0, 1]))[1]),
        r"d_output has shape \(3,\), the output has shape \(2, 3\)",
    ),
}


@pytest.mark.parametrize("call", REFUSED)
def test_refused(call: str) -> None:
    refused, message = REFUSED[call]
    with pytest.raises(ValueError, match=message):
        refused()
