"""Attention, positions and the encoder block: beside loops, options that say the same, what is refused."""

from __future__ import annotations

import cmath
import math
import re
from typing import Any

import numpy as np
import pytest

from verify.layer import Array, Case
from verify.layer_parts import cache_blocks
from verify.layers import (
    LAYERS,
    affine,
    layer_norm,
    multi_head_attention,
    positional_encoding,
    rotary_encoding,
    transformer_encoder_block,
)
from verify.layers import scaled_dot_product_attention as attention

RNG = np.random.default_rng(0)
Z = np.zeros


def attended(q: Array, k: Array, v: Array, scale: float, may: Any = lambda i, j: True) -> Array:
    """The means of the values, of one sequence, one number after the other."""
    found = Z((len(q), v.shape[1]))
    for i in range(len(q)):
        weights = {
            j: math.exp(scale * sum(q[i, m] * k[j, m] for m in range(q.shape[1]))) for j in range(len(k)) if may(i, j)
        }
        for j, weight in weights.items():
            found[i] += weight / sum(weights.values()) * v[j]
    return found


# ---------------------------------------------------------------------------------------------- one head of attention

Q, K, V = RNG.normal(size=(2, 3, 4)), RNG.normal(size=(2, 5, 4)), RNG.normal(size=(2, 5, 2))


@pytest.mark.parametrize("scale", [None, 0.3])
def test_pair_by_pair(scale: float | None) -> None:
    y, _ = attention.forward(Q, K, V, scale=scale)
    for n in range(2):
        np.testing.assert_allclose(y[n], attended(Q[n], K[n], V[n], scale or 0.5), rtol=0, atol=1e-14)


def test_who_may_attend() -> None:
    """True is allowed, and so is a key that is not after the query."""
    mask = RNG.random((2, 3, 5)) < 0.6
    y, _ = attention.forward(Q, K, V, mask, causal=True)
    for n in range(2):
        alone = attended(Q[n], K[n], V[n], 0.5, lambda i, j, n=n: mask[n, i, j] and j <= i)
        np.testing.assert_allclose(y[n], alone, rtol=0, atol=1e-14)


def test_minus_infinity_is_a_mask() -> None:
    """The same output and gradients as with truth values; the gradient of what is forbidden is 0."""
    allowed = np.array([[True, False, True, True, False], [False, True, True, False, True], [True] * 5])
    y, saved = attention.forward(Q, K, V, allowed)
    other, again = attention.forward(Q, K, V, np.where(allowed, 0.0, -np.inf))
    assert np.array_equal(y, other)
    d_y = RNG.normal(size=y.shape)
    gradients, found = attention.backward(d_y, saved), attention.backward(d_y, again)
    assert all(np.array_equal(found[name], gradients[name]) for name in "qkv")
    assert np.all((found["mask"] == 0) == ~allowed)


def test_what_attends_to_nothing_is_0() -> None:
    mask = np.ones((3, 5), bool)
    mask[1] = False
    y, saved = attention.forward(Q, K, V, mask)
    assert np.all((y == 0) == ~mask.any(axis=1)[:, None])
    gradients = attention.backward(RNG.normal(size=y.shape), saved)
    assert np.all((gradients["q"] == 0) == ~mask.any(axis=1)[:, None])
    y, saved = attention.forward(Q, K, V, np.full((3, 5), -np.inf))
    assert np.all(y == 0)
    assert all(np.all(gradient == 0) for gradient in attention.backward(np.ones_like(y), saved).values())


@pytest.mark.parametrize("mask", [None, RNG.random((2, 1, 3, 5)) < 0.7, RNG.normal(size=(4, 1, 5))])
@pytest.mark.parametrize("samples", [1, 3, 4, 5])
def test_blocks_make_no_difference(samples: int, mask: Array | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a batch of (2, 4) one head at a time, some heads, one sequence with all its heads, and that and no more."""
    q, k, v = (RNG.normal(size=(2, 4, length, width)) for length, width in ((3, 4), (5, 4), (5, 2)))
    d_y = RNG.normal(size=(2, 4, 3, 2))

    def found() -> list[Array]:
        y, saved = attention.forward(q, k, v, mask, causal=True)
        return [y, *attention.backward(d_y, saved).values()]

    whole = found()
    monkeypatch.setattr(cache_blocks, "BLOCK", samples * 3 * 5)
    for one, other in zip(found(), whole, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-14)


@pytest.mark.parametrize("batch", [(), (7,), (0,), (3, 4), (3, 0), (2, 3, 5)])
@pytest.mark.parametrize("fit", [0, 1, 2, 4, 15, 100])
def test_blocks_meet_every_sample_once(batch: tuple[int, ...], fit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_blocks, "BLOCK", 10 * fit + 9)
    met = np.zeros(batch, int)
    for some in cache_blocks.cache_blocks(batch, 10):
        assert met[some].size <= max(1, fit)
        met[some] += 1
    assert np.all(met == 1)


def test_no_keys() -> None:
    y, _ = attention.forward(Q, K[:, :0], V[:, :0])
    assert np.array_equal(y, Z((2, 3, 2)))


@pytest.mark.parametrize("mask", [None, np.arange(5) == 3], ids=["one key", "one that is allowed"])
@pytest.mark.parametrize("sign", [0, 1, -1])
def test_one_key_is_taken_whole(sign: int, mask: Array | None) -> None:
    """Its weight is 1 whatever the score, of either sign: the gradients of queries and keys are exactly 0."""
    q, keys = (Q, K) if not sign else (abs(RNG.normal(size=(2, 50, 4))), sign * abs(K))
    k, v = (keys, V) if mask is not None else (keys[:, :1], V[:, :1])
    y, saved = attention.forward(q, k, v, mask)
    only = v[:, 0 if mask is None else 3]
    assert np.array_equal(y, np.broadcast_to(only[:, None], y.shape))
    gradients = attention.backward(RNG.normal(size=y.shape), saved)
    assert np.all(gradients["q"] == 0)
    assert np.all(gradients["k"] == 0)


def test_the_first_query_sees_the_first_key_alone() -> None:
    """Of scores above 0, which need no shift."""
    q, k, v = (RNG.normal(size=(100, 3, width)) for width in (4, 4, 2))
    y, _ = attention.forward(abs(q), abs(k), v, causal=True)
    assert np.array_equal(y[:, 0], v[:, 0])


def test_a_mask_that_moves_all_scores_of_a_query_changes_nothing() -> None:
    y, _ = attention.forward(Q, K, V)
    other, saved = attention.forward(Q, K, V, 10 * RNG.normal(size=(3, 1)))
    np.testing.assert_allclose(other, y, rtol=0, atol=1e-14)
    assert np.max(np.abs(attention.backward(RNG.normal(size=y.shape), saved)["mask"])) < 1e-14


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_as_large_as_the_type_has(dtype: str) -> None:
    """Means of values are no larger than these, whatever the exponentials are."""
    k, v = 3 * np.ones((50, 2), dtype), np.full((50, 3), np.finfo(dtype).max / 2, dtype)
    y, _ = attention.forward(k, k, v)
    np.testing.assert_allclose(y, v, rtol=1e-6)


@pytest.mark.parametrize("shift", [-7.0, 0.0, 7.0])
def test_one_key_of_almost_all_weight_hides_no_other(shift: float) -> None:
    """What the others lead to is small beside the rounding of sums that the first takes part in."""
    rng = np.random.default_rng(0)
    q, v, d_y = (rng.normal(size=shape).astype("float32") for shape in ((6, 2), (4, 3), (6, 3)))
    q[:, 0] = 1
    k = np.array([[16, 0], [4, 1], [4, -1], [4, 2]], "float32") + np.float32([shift, 0])
    exact, found = (
        attention.backward(d_y, attention.forward(*(x.astype(dtype) for x in (q, k, v)), scale=1.0)[1])["q"]
        for dtype in ("float64", "float32")
    )
    assert np.max(np.abs(exact)) < 1e-2
    np.testing.assert_allclose(found, exact, rtol=0, atol=1e-6 * np.max(np.abs(exact)))


@pytest.mark.parametrize(("dtype", "gap"), [("float32", 12), ("float32", 60), ("float64", 12), ("float64", 300)])
@pytest.mark.parametrize("far", [1, -16, -32])
def test_the_least_weight_of_two_keys_has_its_gradient(dtype: str, gap: float, far: int) -> None:
    """For weights p and 1 - p the gradient of the query is p (1 - p) times two differences, however small p is."""
    q, k, v, d_y = (np.array(x, dtype) for x in ([[1, 2]], [[3, far], [3 - gap, far]], [[1, 5], [4, 2]], [[2, -1]]))
    found = attention.backward(d_y, attention.forward(q, k, v, scale=1.0)[1])
    p = 1 / (1 + math.exp(gap))
    slope = p * (1 - p) * ((v[1] - v[0]) @ d_y[0])
    for name, expected in (("q", slope * (k[1:] - k[:1])), ("k", np.outer([-slope, slope], q[0]))):
        within = 50 * np.finfo(dtype).eps * np.max(np.abs(expected))
        np.testing.assert_allclose(found[name], expected, rtol=0, atol=within)


@pytest.mark.parametrize("mask", [None, np.arange(5) != 3, np.linspace(-1, 1, 5)], ids=["none", "boolean", "numbers"])
def test_a_shift_of_scores_changes_nothing(mask: Array | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of no sample, of all, and from the second on: what was tried without a shift leaves nothing behind."""
    d_y = RNG.normal(size=(2, 3, 2))

    def found(*ranges: bool) -> list[Array]:
        answers = iter(ranges)
        monkeypatch.setattr(attention, "in_range", lambda total: next(answers))
        y, saved = attention.forward(Q, K, V, mask)
        assert next(answers, None) is None, "no sample is tried after one that had to be shifted"
        return [y, *attention.backward(d_y, saved).values()]

    monkeypatch.setattr(cache_blocks, "BLOCK", 3 * 5)
    whole = found(True, True)
    for ranges in ((False,), (True, False)):
        for one, other in zip(found(*ranges), whole, strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-14)


def test_scores_that_overflow_are_told() -> None:
    """That exponentials do is not: these are shifted."""
    x = np.full((2, 3), 1e200)
    with pytest.warns(RuntimeWarning, match="overflow encountered in matmul"), np.errstate(invalid="ignore"):
        attention.forward(x, x, x)


def test_extended_precision() -> None:
    """Beside float64, and with a range of its own."""
    wide = [x.astype(np.longdouble) for x in (Q, K, V, RNG.normal(size=(2, 3, 2)))]
    (y, saved), (whole, whole_saved) = (attention.forward(*(x.astype(t) for x in wide[:3])) for t in ("d", "g"))
    gradients = attention.backward(wide[3].astype("d"), saved)
    for name, gradient in attention.backward(wide[3], whole_saved).items():
        assert gradient.dtype == np.longdouble
        np.testing.assert_allclose(gradient, gradients[name], rtol=0, atol=1e-14)
    np.testing.assert_allclose(whole, y, rtol=0, atol=1e-14)


@pytest.mark.parametrize("score", [0.0, 20.0, 60.0])
def test_small_cotangents_keep_their_digits(score: float) -> None:
    """Whatever the exponentials are: 2^-120, 1e-36, leads to just so small a part of the gradients of 1."""
    q, k, v, d_y = (RNG.normal(size=size).astype("float32") for size in ((3, 2), (4, 2), (4, 3), (3, 3)))
    q[:, 0], k[:, 0] = 1, score
    _, saved = attention.forward(q, k, v, scale=1.0)
    small, large = (attention.backward(np.float32(2.0**power) * d_y, saved) for power in (-120, 0))
    for name, gradient in large.items():
        np.testing.assert_allclose(
            small[name] * np.float32(2.0**120), gradient, rtol=1e-5, atol=1e-3 * np.max(np.abs(gradient))
        )


@pytest.mark.parametrize("far", [-1000.0, -95.0, -30.0, -10.0, 10.0, 30.0, 80.0, 86.0, 95.0, 1000.0])
def test_scores_far_from_0_are_as_accurate(far: float) -> None:
    """All scores moved alike by what rounds none of them: the exponentials alone would lose digits, or overflow."""
    rng = np.random.default_rng(0)
    q, k, v, d_y = (rng.integers(-4, 5, shape) / 2 for shape in ((3, 3), (5, 3), (5, 2), (3, 2)))
    q[:, 0], k[:, 0] = 1, 0
    moved = k + np.array([far, 0, 0])
    y, saved = attention.forward(q, k, v, scale=1.0)
    exact = [y, attention.backward(d_y, saved)["v"]]
    y, saved = attention.forward(*(x.astype("float32") for x in (q, moved, v)), scale=1.0)
    for one, other in zip([y, attention.backward(d_y, saved)["v"]], exact, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=2e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_far_scores(dtype: str) -> None:
    """Of scores ± 900 and more the largest wins, and all is finite."""
    q, k, v = np.array([[900.0], [-900.0]], dtype), np.array([[1.0], [-1.0]], dtype), np.array([[2.0], [3.0]], dtype)
    y, saved = attention.forward(q, k, v)
    assert y.tolist() == [[2.0], [3.0]]
    gradients = attention.backward(np.ones_like(y), saved)
    assert gradients["v"].tolist() == [[1.0], [1.0]]
    assert np.all(gradients["q"] == 0)


def test_a_prefix_does_not_see_the_rest() -> None:
    whole, _ = attention.forward(Q, K[:, :3], V[:, :3], causal=True)
    part, _ = attention.forward(Q[:, :2], K[:, :2], V[:, :2], causal=True)
    np.testing.assert_allclose(whole[:, :2], part, rtol=0, atol=1e-15)


def test_gradients_of_scores_sum_to_0() -> None:
    _, saved = attention.forward(Q, K, V, RNG.normal(size=(2, 3, 5)))
    rows = attention.backward(RNG.normal(size=(2, 3, 2)), saved)["mask"].sum(axis=-1)
    assert np.max(np.abs(rows)) < 1e-15


# --------------------------------------------------------------------------------------------------------- many heads


def heads_of(case: Case) -> dict[str, Any]:
    return dict(zip(LAYERS["multi_head_attention"].inputs, case.inputs, strict=True))


@pytest.mark.parametrize("memory", [None, (4, 2)], ids=["itself", "a memory"])
def test_head_by_head(memory: tuple[int, int] | None) -> None:
    """The sum over heads of what each projects on its own rows of Wo."""
    case = multi_head_attention.drawn(RNG, 2, 3, 5, 4, 6, 3, memory, heads=2)
    a = heads_of(case)
    y, _ = multi_head_attention.forward(*case.inputs, **case.options)
    for n in range(2):
        x = a["x"][n]
        z = x if memory is None else a["memory"][n]
        q, k, v = x @ a["Wq"] + a["bq"], z @ a["Wk"] + a["bk"], z @ a["Wv"] + a["bv"]
        total = np.tile(a["bo"], (3, 1))
        for h in range(2):
            two, three = slice(2 * h, 2 * h + 2), slice(3 * h, 3 * h + 3)
            total += attended(q[:, two], k[:, two], v[:, three], 1 / math.sqrt(2)) @ a["Wo"][three]
        np.testing.assert_allclose(y[n], total, rtol=0, atol=1e-13)


def test_the_input_as_its_own_memory() -> None:
    """Gradients of both roles add up to that of the input."""
    case = multi_head_attention.drawn(RNG, 2, 3, 5, 4, 6, 3, heads=2)
    y, saved = multi_head_attention.forward(*case.inputs, **case.options)
    a = heads_of(case)
    other, again = multi_head_attention.forward(**{**a, "memory": a["x"]}, heads=2)
    assert np.array_equal(other, y)
    d_y = RNG.normal(size=y.shape)
    gradients, found = multi_head_attention.backward(d_y, saved), multi_head_attention.backward(d_y, again)
    assert np.array_equal(gradients["x"], found["x"] + found["memory"])


def test_the_bias_of_keys_changes_nothing() -> None:
    a = heads_of(multi_head_attention.drawn(RNG, 2, 3, 5, 4, 6, 3, heads=2))
    y, saved = multi_head_attention.forward(**a, heads=2)
    other, _ = multi_head_attention.forward(**{**a, "bk": a["bk"] + 3}, heads=2)
    np.testing.assert_allclose(other, y, rtol=0, atol=1e-13)
    assert np.all(multi_head_attention.backward(RNG.normal(size=y.shape), saved)["bk"] == 0)


def test_order_is_not_seen() -> None:
    """Inputs in another order give the outputs in that order."""
    a = heads_of(multi_head_attention.drawn(RNG, 2, 5, 3, 4, 6, 3, heads=2))
    order = [3, 0, 4, 1, 2]
    y, _ = multi_head_attention.forward(**a, heads=2)
    other, _ = multi_head_attention.forward(**{**a, "x": a["x"][:, order]}, heads=2)
    np.testing.assert_allclose(other, y[:, order], rtol=0, atol=1e-14)


# ---------------------------------------------------------------------------------------------------------- positions


def test_sines_and_cosines() -> None:
    for d in (6, 5, 1):
        p, _ = positional_encoding.forward(Z((7, d)), base=100.0)
        for i in range(7):
            for c in range(d):
                wave = math.cos if c % 2 else math.sin
                assert abs(p[i, c] - wave(i / 100.0 ** ((c - c % 2) / d))) < 1e-15
    p, _ = positional_encoding.forward(Z((2, 4)))
    np.testing.assert_allclose(
        p, [[0, 1, 0, 1], [math.sin(1), math.cos(1), math.sin(0.01), math.cos(0.01)]], atol=1e-16
    )


def test_products_of_encodings_know_distances() -> None:
    p, _ = positional_encoding.forward(Z((40, 8)))
    products = p @ p.T
    for shift in (0, 1, 7):
        along = np.diagonal(products, shift)
        np.testing.assert_allclose(along, along[0], rtol=0, atol=1e-13)
    assert abs(products[0, 0] - 4) < 1e-14


@pytest.mark.parametrize("name", ["positional_encoding", "rotary_encoding"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_offset(name: str, dtype: str) -> None:
    """A later part of a sequence, encoded alone; also far out, where angles do not fit float32."""
    layer, x = LAYERS[name], RNG.normal(size=(2, 9, 4)).astype(dtype)
    whole, _ = layer.forward(x)
    assert np.array_equal(layer.forward(x[:, 4:], offset=4)[0], whole[:, 4:])
    far, _ = layer.forward(x, offset=50_000_000)
    exact, _ = layer.forward(x.astype("float64"), offset=50_000_000)
    np.testing.assert_allclose(far, exact, rtol=0, atol=8 * np.finfo(dtype).eps)


@pytest.mark.parametrize("pairs", rotary_encoding.PAIRS)
def test_pairs_are_complex_numbers_that_turn(pairs: str) -> None:
    x = RNG.normal(size=(5, 6))
    y, _ = rotary_encoding.forward(x, pairs=pairs, base=100.0)
    for i in range(5):
        for j in range(3):
            one, two = (2 * j, 2 * j + 1) if pairs == "interleaved" else (j, j + 3)
            z = complex(x[i, one], x[i, two]) * cmath.exp(1j * i * 100.0 ** (-j / 3))
            assert abs(complex(y[i, one], y[i, two]) - z) < 1e-14


def test_halves_are_interleaved_columns_in_another_order() -> None:
    x, order = RNG.normal(size=(2, 4, 6)), [0, 2, 4, 1, 3, 5]
    interleaved, _ = rotary_encoding.forward(x)
    halves, _ = rotary_encoding.forward(x[..., order], pairs="halves")
    assert np.array_equal(halves, interleaved[..., order])


@pytest.mark.parametrize("pairs", rotary_encoding.PAIRS)
def test_scores_of_rotated_queries_know_distances(pairs: str) -> None:
    q, k = (np.tile(RNG.normal(size=8), (30, 1)) for _ in range(2))
    scores = rotary_encoding.forward(q, pairs=pairs)[0] @ rotary_encoding.forward(k, pairs=pairs)[0].T
    for shift in (-5, 0, 3):
        along = np.diagonal(scores, shift)
        np.testing.assert_allclose(along, along[0], rtol=0, atol=1e-12)
    assert abs(np.diagonal(scores, 3)[0] - np.diagonal(scores, -5)[0]) > 1e-3


# -------------------------------------------------------------------------------------------------- the encoder block


def block_of(**options: Any) -> dict[str, Any]:
    case = transformer_encoder_block.drawn(RNG, 2, 3, 4, 4, 4, 7, heads=2, **options)
    return dict(zip(LAYERS["transformer_encoder_block"].inputs, case.inputs, strict=True)) | case.options


def test_layers_that_add_nothing_leave_the_path_free() -> None:
    """With norms before, input and gradient pass unchanged."""
    silent = {name: 0.0 * value for name, value in block_of().items() if name in ("Wo", "bo", "W2", "b2")}
    a = block_of(norm="pre") | silent
    y, saved = transformer_encoder_block.forward(**a)
    assert np.array_equal(y, a["x"])
    d_y = RNG.normal(size=y.shape)
    assert np.array_equal(transformer_encoder_block.backward(d_y, saved)["x"], d_y)


def test_norms_after_standardise_every_step() -> None:
    y, _ = transformer_encoder_block.forward(**block_of() | {"gamma2": np.ones(4), "beta2": Z(4)}, eps=1e-12)
    np.testing.assert_allclose(y.mean(axis=-1), 0, atol=1e-15)
    np.testing.assert_allclose((y**2).mean(axis=-1), 1, rtol=1e-9)


def test_norms_of_norms_are_told_apart() -> None:
    a = block_of()
    post, _ = transformer_encoder_block.forward(**a)
    pre, _ = transformer_encoder_block.forward(**a, norm="pre")
    assert np.max(np.abs(post - pre)) > 0.1


@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("norm", ["post", "pre"])
def test_the_encoder_layer_of_pytorch(norm: str, activation: str) -> None:
    torch = pytest.importorskip("torch")
    a = block_of()
    theirs = torch.nn.TransformerEncoderLayer(
        4, 2, 7, 0.0, activation, batch_first=True, norm_first=norm == "pre", dtype=torch.float64
    )
    parameters = {
        "self_attn.in_proj_weight": np.concatenate([a["Wq"], a["Wk"], a["Wv"]], axis=1).T,
        "self_attn.in_proj_bias": np.concatenate([a["bq"], a["bk"], a["bv"]]),
        "self_attn.out_proj.weight": a["Wo"].T,
        "self_attn.out_proj.bias": a["bo"],
        "linear1.weight": a["W1"].T,
        "linear1.bias": a["b1"],
        "linear2.weight": a["W2"].T,
        "linear2.bias": a["b2"],
        **{f"norm{k}.weight": a[f"gamma{k}"] for k in (1, 2)},
        **{f"norm{k}.bias": a[f"beta{k}"] for k in (1, 2)},
    }
    theirs.load_state_dict({name: torch.tensor(value) for name, value in parameters.items()})
    x = torch.tensor(a["x"], requires_grad=True)
    output = theirs(x)
    y, saved = transformer_encoder_block.forward(**a, norm=norm, activation=activation)
    np.testing.assert_allclose(y, output.detach().numpy(), rtol=0, atol=1e-13)
    d_y = RNG.normal(size=y.shape)
    output.backward(torch.tensor(d_y))
    d_x = transformer_encoder_block.backward(d_y, saved)["x"]
    np.testing.assert_allclose(d_x, x.grad.numpy(), rtol=0, atol=1e-12)


# ------------------------------------------------------------------------------------------------------------ refused

M = heads_of(multi_head_attention.drawn(RNG, 2, 3, 5, 4, 6, 3, heads=2))
SDPA, MHA, POS, ROT = "scaled_dot_product_attention", "multi_head_attention", "positional_encoding", "rotary_encoding"
QKV: dict[str, Any] = {"q": Q, "k": K, "v": V}
BLOCK, B = "transformer_encoder_block", block_of()
REFUSED = [
    (SDPA, QKV | {"k": Z((2, 5, 3))}, "k has shape (2, 5, 3): expected (*batch, s, d) with d = 4 as in q"),
    (SDPA, QKV | {"v": Z((2, 4, 2))}, "v has shape (2, 4, 2): expected (*batch, s, e) with s = 5 as in k"),
    (SDPA, QKV | {"k": Z((1, 5, 4))}, "k has shape (1, 5, 4): expected (*batch, s, d) with *batch = (2,) as in q"),
    (SDPA, QKV | {"q": Z(4)}, "q has shape (4,): expected (*batch, t, d), at least 2 axes"),
    (
        SDPA,
        QKV | {"mask": np.ones((5, 3), bool)},
        "mask has shape (5, 3): expected one that is broadcast to (2, 3, 5)",
    ),
    (
        SDPA,
        QKV | {"mask": Z((4, 2, 3, 5))},
        "mask has shape (4, 2, 3, 5): expected one that is broadcast to (2, 3, 5)",
    ),
    (SDPA, QKV | {"mask": np.ones((3, 5), int)}, "mask holds int64: expected truth values, True where a query may"),
    (
        SDPA,
        QKV | {"mask": Z((3, 5), "f")},
        "mask holds float32: expected truth values, True where a query may attend",
    ),
    (SDPA, QKV | {"mask": np.full((3, 5), np.inf)}, "mask holds inf or nan: expected numbers, or -inf where"),
    (SDPA, QKV | {"causal": 1}, "causal is 1: it is one of False, True"),
    (SDPA, QKV | {"scale": "none"}, "scale is 'none': it is a number in (-inf, inf)"),
    (
        SDPA,
        {name: Z(value.shape, "f") for name, value in QKV.items()} | {"scale": 1e39},
        "scale is 1e+39: it is a number in (-inf, inf) of float32",
    ),
    (SDPA, QKV | {"scale": math.nan}, "scale is nan: it is a number in (-inf, inf)"),
    (MHA, M | {"x": Z((3, 5))}, "x has shape (3, 5): expected (n, t, d), which has 3 axes"),
    (MHA, M | {"Wk": Z((5, 6))}, "Wk has shape (5, 6): expected (d, k) with k = 4 as in Wq"),
    (
        MHA,
        M | {"Wk": Z((4, 4)), "Wv": Z((4, 6))},
        "Wk has shape (4, 4): expected (d, k) with d = 5 as in x",
    ),
    (
        MHA,
        M | {"Wk": Z((4, 4)), "Wv": Z((4, 6)), "memory": Z((2, 7, 5))},
        "memory has shape (2, 7, 5): expected (n, s, m) with m = 4 as in Wk",
    ),
    (MHA, M | {"Wo": Z((4, 3))}, "Wo has shape (4, 3): expected (e, c) with e = 6 as in Wv"),
    (MHA, M | {"bv": Z(4)}, "bv has shape (4,): expected (e,) with e = 6 as in Wv"),
    (MHA, M | {"memory": Z((3, 4, 5))}, "memory has shape (3, 4, 5): expected (n, s, m) with n = 2 as in x"),
    (MHA, M | {"heads": 3}, "Wq has shape (5, 4): expected a number of columns that 3 heads divide"),
    (MHA, M | {"heads": 4}, "Wv has shape (5, 6): expected a number of columns that 4 heads divide"),
    (MHA, M | {"heads": 0}, "heads is 0: it is a whole number, at least 1"),
    (
        MHA,
        M | {"heads": 2, "mask": np.ones((2, 3), bool)},
        "mask has shape (2, 3): expected one that is broadcast to",
    ),
    (MHA, M | {"causal": None}, "causal is None: it is one of False, True"),
    (BLOCK, B | {"x": Z((2, 3))}, "x has shape (2, 3): expected (n, t, d), which has 3 axes"),
    (BLOCK, B | {"Wo": Z((4, 5))}, "Wo has shape (4, 5): expected (e, d) with d = 4 as in x"),
    (BLOCK, B | {"W2": Z((6, 4))}, "W2 has shape (6, 4): expected (f, d) with f = 7 as in W1"),
    (BLOCK, B | {"b1": Z(4)}, "b1 has shape (4,): expected (f,) with f = 7 as in W1"),
    (BLOCK, B | {"gamma2": Z(7)}, "gamma2 has shape (7,): expected (d,) with d = 4 as in x"),
    (BLOCK, B | {"heads": 3}, "Wq has shape (4, 4): expected a number of columns that 3 heads divide"),
    (BLOCK, B | {"norm": "before"}, "norm is 'before': it is one of 'post', 'pre'"),
    (BLOCK, B | {"eps": 0.0}, "eps is 0.0: it is a number in (0, inf)"),
    (BLOCK, B | {"activation": "tanh"}, "activation is 'tanh': it is one of 'relu', 'gelu'"),
    (
        BLOCK,
        B | {"mask": np.ones((4, 4), bool)},
        "mask has shape (4, 4): expected one that is broadcast to (2, 2, 3, 3)",
    ),
    (POS, {"x": Z(3)}, "x has shape (3,): expected (..., t, d), at least 2 axes"),
    (POS, {"x": Z((3, 4), int)}, "x holds int64: it is an array of floating-point numbers"),
    (POS, {"x": Z((3, 4)), "base": 0.0}, "base is 0.0: it is a number in (0, inf)"),
    (POS, {"x": Z((3, 4)), "offset": -1}, "offset is -1: it is a whole number, at least 0"),
    (POS, {"x": Z((3, 4)), "offset": 10**400}, "offset is 1000"),
    (
        ROT,
        {"x": Z((3, 4)), "offset": 2**53 + 1},
        "offset is 9007199254740993: it is a whole number, at least 0, at most",
    ),
    (POS, {"x": Z((3, 4)), "offset": 0.5}, "offset is 0.5: it is a whole number, at least 0"),
    (ROT, {"x": Z((3, 5))}, "x has shape (3, 5): expected (..., t, 2h)"),
    (ROT, {"x": Z(4)}, "x has shape (4,): expected (..., t, 2h), at least 2 axes"),
    (ROT, {"x": Z((3, 4)), "pairs": "half"}, "pairs is 'half': it is one of 'interleaved', 'halves'"),
    (ROT, {"x": Z((3, 4)), "base": -1}, "base is -1: it is a number in (0, inf)"),
    (ROT, {"x": Z((3, 4)), "offset": True}, "offset is True: it is a whole number, at least 0"),
]


@pytest.mark.parametrize(("name", "given", "said"), REFUSED, ids=[f"{name}: {said}" for name, _, said in REFUSED])
def test_refused(name: str, given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(said)):
        LAYERS[name].forward(**given)


@pytest.mark.parametrize("norm", ["post", "pre"])
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"mask": np.ones((7, 3), bool)}, "mask has shape (7, 3): expected one that is broadcast to"),
        ({"heads": 0}, "heads is 0: it is a whole number"),
        ({"heads": 5}, "Wq has shape "),
        ({"causal": 5}, "causal is 5: it is one of"),
        ({"eps": 0.0}, "eps is 0.0: it is a number"),
    ],
)
def test_nothing_is_computed_before_options_are_looked_at(
    options: dict[str, Any], said: str, norm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError

    monkeypatch.setattr(affine, "forward", never)
    monkeypatch.setattr(layer_norm, "forward", never)
    with pytest.raises(ValueError, match="^" + re.escape(said)):
        transformer_encoder_block.forward(**(B | {"norm": norm} | options))
    if "eps" not in options:
        with pytest.raises(ValueError, match="^" + re.escape(said)):
            multi_head_attention.forward(**(M | options))


def test_eps_that_float32_does_not_hold() -> None:
    block = {name: value if value is None else np.asarray(value, np.float32) for name, value in B.items()}
    with pytest.raises(ValueError, match=r"^eps is 1e-60: it is a number in \(0, inf\) of float32"):
        transformer_encoder_block.forward(**(block | {"eps": 1e-60}))
