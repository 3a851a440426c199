"""Convolution, and its adjoint, beside loops over windows; geometry, conventions, what they refuse."""

from __future__ import annotations

import copy
import pickle
import tracemalloc
from typing import Any

import numpy as np
import pytest

from tests.verify.layers.window_loops import Array, both, compare, ends, inside, places, sizes
from verify.layer import Case, normal
from verify.layer_parts import cache_blocks, correlation
from verify.layer_parts.windows import windows
from verify.layers import LAYERS, affine, conv2d, conv_transpose2d


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


# ------------------------------------------------------------------------------------------------ loops over windows


def loops_conv2d(
    d_y: Array, x: Array, W: Array, b: Array = None, *, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> tuple[Array, dict[str, Array]]:  # fmt: skip
    f, k, kernel = len(W), W.shape[1], W.shape[2:]
    y = np.zeros((len(x), f, *sizes(x, kernel, stride, padding, dilation)))
    d_x, d_W = np.zeros(x.shape), np.zeros(W.shape)
    for n, o, i, j in np.ndindex(y.shape):
        y[n, o, i, j] = 0.0 if b is None else b[o]
        for u, v, p, q in places(i, j, kernel, stride, padding, dilation):
            for c in range(k) if inside(x, p, q) else ():
                channel = o // (f // groups) * k + c
                y[n, o, i, j] += W[o, c, u, v] * x[n, channel, p, q]
                d_W[o, c, u, v] += d_y[n, o, i, j] * x[n, channel, p, q]
                d_x[n, channel, p, q] += d_y[n, o, i, j] * W[o, c, u, v]
    return y, {"x": d_x, "W": d_W} | ({} if b is None else {"b": np.array([d_y[:, o].sum() for o in range(f)])})


def loops_conv_transpose2d(
    d_y: Array, x: Array, W: Array, b: Array = None, *, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
    dilation: Any = 1, groups: int = 1,
) -> tuple[Array, dict[str, Array]]:  # fmt: skip
    """The kernels are added up on a large image, of which the padding is then cut off."""
    k = W.shape[1]
    whole = [
        (m - 1) * both(stride)[a] + both(dilation)[a] * (W.shape[2 + a] - 1) + 1 + both(output_padding)[a]
        for a, m in enumerate(x.shape[2:])
    ]
    y = np.zeros((len(x), k * groups, *whole))
    (top, bottom), (left, right) = ends(padding)
    cut = (..., slice(top, whole[0] - bottom), slice(left, whole[1] - right))
    d_whole = np.zeros(y.shape)
    d_whole[cut] = d_y
    d_x, d_W = np.zeros(x.shape), np.zeros(W.shape)
    for n, c, i, j in np.ndindex(x.shape):
        for u, v, p, q in places(i, j, W.shape[2:], stride, 0, dilation):
            for o in range(k):
                channel = c // (x.shape[1] // groups) * k + o
                y[n, channel, p, q] += W[c, o, u, v] * x[n, c, i, j]
                d_W[c, o, u, v] += d_whole[n, channel, p, q] * x[n, c, i, j]
                d_x[n, c, i, j] += d_whole[n, channel, p, q] * W[c, o, u, v]
    y = y[cut]
    if b is None:
        return y, {"x": d_x, "W": d_W}
    return y + b.reshape(-1, 1, 1), {"x": d_x, "W": d_W, "b": np.array([d.sum() for d in d_y.swapaxes(0, 1)])}


LOOPS = {
    "conv2d": loops_conv2d,
    "conv_transpose2d": loops_conv_transpose2d,
}
CASES = [
    (name, case) for name in LOOPS for case in (*(f"sample {k}" for k in range(6)), *LAYERS[name].cases)
]  # fmt: skip


@pytest.mark.parametrize(("name", "case"), CASES, ids=[f"{name}: {case}" for name, case in CASES])
def test_beside_loops(name: str, case: str) -> None:
    compare(name, LOOPS[name], LAYERS[name].case(case))


def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    for samples in (1, 2, 5):
        monkeypatch.setattr(cache_blocks, "BLOCK", samples * 2 * 3 * 3 * 12)
        compare(
            "conv2d", loops_conv2d, Case(normal(rng(), 5, 4, 3, 4), normal(rng(), 2, 2, 3, 3), groups=2, padding=1)
        )
        compare(
            "conv_transpose2d",
            loops_conv_transpose2d,
            Case(normal(rng(), 5, 4, 3, 4), normal(rng(), 4, 1, 3, 3), groups=2),
        )


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("dilation", [1, (2, 3)])
@pytest.mark.parametrize("stride", [1, (1, 2), (2, 1)])
def test_rows_of_the_kernel_make_no_difference(
    groups: int, dilation: Any, stride: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Columns of a sample that is a block by itself are those of one row, of which the other rows' are parts."""
    monkeypatch.setattr(cache_blocks, "BLOCK", 1)
    options = {"groups": groups, "dilation": dilation, "stride": stride}
    x, W, b = normal(rng(), 3, 4, 9, 8), normal(rng(), 6, 4 // groups, 3, 2), normal(rng(), 6)
    compare("conv2d", loops_conv2d, Case(x, W, b, **options, padding=((2, 0), (1, 3))))
    W = normal(rng(), 4, 4 // groups, 3, 2)
    compare("conv_transpose2d", loops_conv_transpose2d, Case(x, W, **options, padding=((0, 1), (1, 0))))


def test_an_option_is_used_in_some_sample() -> None:
    """Otherwise a sample would say nothing of it."""
    for name, options in (
        ("conv2d", ("stride", "padding", "dilation", "groups")),
        ("conv_transpose2d", ("stride", "padding", "output_padding", "dilation", "groups")),
    ):
        cases = [LAYERS[name].case(f"sample {k}") for k in range(20)]
        for option in options:
            assert len({case.options[option] for case in cases}) > 1, (name, option)


# ---------------------------------------------------------------------------------------------------------- geometry


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding", "dilation", "expected"),
    [
        # Dumoulin, Visin (2016), figures 2.1 to 2.7 and 5.1
        (4, 3, 1, 0, 1, 2),
        (5, 4, 1, 2, 1, 6),
        (5, 3, 1, 1, 1, 5),
        (5, 3, 1, 2, 1, 7),
        (5, 3, 2, 0, 1, 2),
        (5, 3, 2, 1, 1, 3),
        (6, 3, 2, 1, 1, 3),
        (7, 3, 1, 0, 2, 3),
        # the first layers of AlexNet and ResNet
        (227, 11, 4, 0, 1, 55),
        (224, 7, 2, 3, 1, 112),
    ],
)
def test_output_sizes(size: int, kernel: int, stride: int, padding: int, dilation: int, expected: int) -> None:
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    x, W = np.zeros((1, 1, size, size)), np.zeros((1, 1, kernel, kernel))
    y, _ = conv2d.forward(x, W, **options)
    assert y.shape == (1, 1, expected, expected)
    left_over = (size + 2 * padding - dilation * (kernel - 1) - 1) % stride
    back, _ = conv_transpose2d.forward(y, W, **options, output_padding=left_over)
    assert back.shape == x.shape


def test_image_is_the_adjoint_of_columns() -> None:
    x = rng().normal(size=(2, 3, 5, 6))
    where = windows(x, (3, 2), stride=(2, 1), padding=((1, 0), (2, 1)), dilation=(1, 2))
    inside, columns = where.room(x)
    inside[...] = x
    d = rng().normal(size=columns.shape)
    assert np.sum(columns * d) == pytest.approx(np.sum(x * where.image(d)), rel=1e-12)


@pytest.mark.parametrize("padding", [0, ((1, 0), (4, 2)), ((2, 2), (3, 1))])
@pytest.mark.parametrize("groups", [1, 2])
def test_gathered_images_are_the_collected_ones(padding: Any, groups: int, monkeypatch: pytest.MonkeyPatch) -> None:
    W = rng().normal(size=(4, 6 // groups, 3, 3))
    where = windows(np.zeros((5, 6, 7, 8)), (3, 3), padding=padding, dilation=(1, 2))
    y = rng().normal(size=(5, 4, *where.number))
    assert where.turned is not None
    monkeypatch.setattr(cache_blocks, "BLOCK", 3 * 6 * 9 * 40)  # blocks of three samples and of two
    gathered = correlation.images(y, W, where, groups)
    monkeypatch.setattr(correlation, "FEWER", 0)
    np.testing.assert_allclose(gathered, correlation.images(y, W, where, groups), rtol=0, atol=1e-13)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2, 3])
def test_a_fresh_place_lies_on_no_entry_of_a_place_before(stride: int, dilation: int) -> None:
    axis = windows(np.zeros((1, 1, 20, 20)), (4, 4), stride=stride, padding=2, dilation=dilation).vertical
    held = [set(np.arange(axis.size)[axis.walk(place)[1]]) for place in range(axis.kernel)]
    for place, entries in enumerate(held):
        assert axis.fresh(place) == entries.isdisjoint(set().union(*held[:place]))


def test_windows_that_leave_entries_out_are_not_turned() -> None:
    x = np.zeros((1, 1, 9, 9))
    assert windows(x, (3, 3), stride=2).turned is None
    assert windows(x, (3, 3), padding=(0, 3)).turned is None


def test_transposed_convolution_is_the_adjoint_of_convolution() -> None:
    W = rng().normal(size=(4, 3, 3, 2))
    x, y = rng().normal(size=(2, 6, 7, 8)), rng().normal(size=(2, 4, 4, 4))
    options = {"stride": 2, "padding": ((1, 2), (0, 1)), "dilation": (2, 1), "groups": 2}
    there, _ = conv2d.forward(x, W, **options)
    back, _ = conv_transpose2d.forward(y[..., : there.shape[2], :], W, **options, output_padding=(1, 1))
    assert back.shape == x.shape
    assert np.sum(there * y[..., : there.shape[2], :]) == pytest.approx(np.sum(x * back), rel=1e-12)


# ------------------------------------------------------------------------------------------------ convolution, values


def test_kernel_is_not_turned() -> None:
    x, W = np.arange(9.0).reshape(1, 1, 3, 3), np.array([[[[1.0, 0.0], [0.0, 0.0]]]])
    np.testing.assert_array_equal(conv2d.forward(x, W)[0], [[[[0.0, 1.0], [3.0, 4.0]]]])
    np.testing.assert_array_equal(conv_transpose2d.forward(x, W)[0][..., 0, :3], [[[0.0, 1.0, 2.0]]])


def test_sobel_on_a_plane() -> None:
    rows, columns = np.mgrid[:6, :7].astype(float)
    sobel = np.array([[[[1.0, 2.0, 1.0], [0.0, 0.0, 0.0], [-1.0, -2.0, -1.0]]]])
    edges, _ = conv2d.forward((2.0 + 0.5 * rows - 3.0 * columns)[None, None], sobel)
    np.testing.assert_allclose(edges, np.full((1, 1, 4, 5), -8 * 0.5), rtol=1e-12)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_bilinear_kernel_enlarges_a_plane(scale: int) -> None:
    size = 2 * scale - scale % 2
    tent = 1 - np.abs(np.arange(size) - (size - 1) / 2) / scale
    rows, columns = np.mgrid[:5, :6].astype(float)
    larger, _ = conv_transpose2d.forward(
        (1 + 2 * rows - columns)[None, None], np.outer(tent, tent)[None, None], stride=scale, padding=scale // 2
    )
    height, width = larger.shape[2:]
    fine_rows, fine_columns = (np.mgrid[:height, :width] + 0.5) / scale - 0.5
    inner = (0, 0, slice(scale, -scale), slice(scale, -scale))
    np.testing.assert_allclose(larger[inner], (1 + 2 * fine_rows - fine_columns)[inner[2:]], atol=1e-12)


def test_1x1_is_an_affine_map_of_the_channels() -> None:
    x, W, b = rng().normal(size=(2, 3, 4, 5)), rng().normal(size=(6, 3, 1, 1)), rng().normal(size=6)
    expected, _ = affine.forward(x.transpose(0, 2, 3, 1), W[:, :, 0, 0].T, b)
    np.testing.assert_allclose(conv2d.forward(x, W, b)[0], expected.transpose(0, 3, 1, 2), atol=1e-12)


def test_kernel_as_large_as_the_image_is_an_affine_map() -> None:
    x, W = rng().normal(size=(2, 3, 4, 5)), rng().normal(size=(6, 3, 4, 5))
    expected, _ = affine.forward(x.reshape(2, -1), W.reshape(6, -1).T)
    np.testing.assert_allclose(conv2d.forward(x, W)[0][:, :, 0, 0], expected, atol=1e-12)


def test_options_of_convolution_are_what_they_stand_for() -> None:
    x, W = rng().normal(size=(2, 4, 9, 8)), rng().normal(size=(6, 2, 3, 2))
    plain = conv2d.forward(x, W, groups=2)[0]
    padded = conv2d.forward(np.pad(x, ((0, 0), (0, 0), (1, 2), (0, 3))), W, groups=2)[0]
    np.testing.assert_allclose(conv2d.forward(x, W, padding=((1, 2), (0, 3)), groups=2)[0], padded, atol=1e-12)
    np.testing.assert_allclose(conv2d.forward(x, W, stride=(3, 2), groups=2)[0], plain[..., ::3, ::2], atol=1e-12)
    apart = np.zeros((6, 2, 5, 4))
    apart[..., ::2, ::3] = W
    dilated = conv2d.forward(x, W, dilation=(2, 3), groups=2)[0]
    np.testing.assert_allclose(dilated, conv2d.forward(x, apart, groups=2)[0], atol=1e-12)
    halves = [conv2d.forward(x[:, 2 * g : 2 * g + 2], W[3 * g : 3 * g + 3])[0] for g in (0, 1)]
    np.testing.assert_allclose(plain, np.concatenate(halves, axis=1), atol=1e-12)


def test_no_channels_leave_the_bias() -> None:
    y, saved = conv2d.forward(np.ones((2, 0, 3, 4)), np.ones((3, 0, 2, 2)), np.arange(3.0))
    np.testing.assert_array_equal(y, np.broadcast_to(np.arange(3.0).reshape(3, 1, 1), (2, 3, 2, 3)))
    assert conv2d.backward(np.ones(y.shape), saved)["W"].shape == (3, 0, 2, 2)


@pytest.mark.parametrize("groups", [np.uint8(8), np.int64(8), 8])
def test_groups_are_any_integers(groups: Any) -> None:
    """256 is more than a byte holds."""
    x, d_y = normal(rng(), 1, 8, 7, 6), normal(rng(), 1, 8, 11, 10)
    y, saved = conv2d.forward(x, np.ones((8, 1, 3, 3)), groups=groups, padding=3)
    assert conv2d.backward(d_y, saved)["x"].shape == x.shape
    assert y.shape == d_y.shape
    y, _ = conv_transpose2d.forward(x, np.ones((8, 32, 3, 3)), np.ones(256), groups=groups)
    assert y.shape == (1, 256, 9, 8)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("odd", [np.inf, -np.inf, np.nan])
def test_what_is_not_finite_stays_where_it_lies(odd: float, stride: int) -> None:
    """Padding times an infinite kernel is not to be added up."""
    W = np.array([[odd, 1.0], [1.0, 1.0]])[np.newaxis, np.newaxis]
    y, _ = conv_transpose2d.forward(np.ones((1, 1, 1, 1)), W, stride=stride)
    np.testing.assert_array_equal(y, W)
    _, saved = conv2d.forward(np.ones((1, 1, 2, 2)), W, stride=stride)
    np.testing.assert_array_equal(conv2d.backward(np.ones((1, 1, 1, 1)), saved)["x"], W)


def test_images_of_padding_alone() -> None:
    x, W = np.ones((2, 3, 0, 4)), np.ones((4, 3, 3, 3))
    y, saved = conv2d.forward(x, W, np.arange(4.0), padding=2)
    np.testing.assert_array_equal(y, np.broadcast_to(np.arange(4.0)[:, np.newaxis, np.newaxis], (2, 4, 2, 6)))
    found = conv2d.backward(np.ones_like(y), saved)
    assert found["x"].shape == x.shape
    assert np.all(found["W"] == 0)
    np.testing.assert_array_equal(found["b"], [24.0] * 4)


@pytest.mark.parametrize("view", [lambda y: np.broadcast_to(y[0, 0, 0, 0], y.shape), lambda y: y[:, :, ::-1, ::-1]])
def test_digits_do_not_depend_on_memory(view: Any) -> None:
    """Numbers that are equal, added up one by one in float32, lose a percent."""
    x = np.full((1, 1, 1024, 1024), 0.1, np.float32)
    y, saved = conv2d.forward(x, np.ones((1, 1, 1, 1), np.float32))
    found = conv2d.backward(view(np.ones_like(y)), saved)["W"].item()
    assert found == pytest.approx(0.1 * 1024**2, rel=2e-3)


def test_blocks_count_the_padding() -> None:
    """Where windows leave most of an image out, columns are few, and images are what fills the cache."""
    x, W = np.ones((100, 3, 224, 224), np.float32), np.ones((4, 3, 1, 1), np.float32)
    tracemalloc.start()
    conv2d.forward(x, W, stride=32)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < x.nbytes / 20


def test_a_copy_of_windows_has_the_same_axes() -> None:
    where = windows(np.ones((1, 1, 5, 6)), (2, 3), padding=1)
    for copied in (copy.deepcopy(where), pickle.loads(pickle.dumps(where))):
        assert all(one is other for one, other in zip(copied.axes, where.axes, strict=True))


# ----------------------------------------------------------------------------------------------------------- refusals

X = np.ones((2, 4, 5, 6))
K = np.ones((6, 4, 3, 2))
T = np.ones((4, 3, 3, 2))
REFUSED: list[tuple[Any, tuple[Any, ...], dict[str, Any], str]] = [
    (conv2d, (X[0], K), {}, r"x has shape \(4, 5, 6\): expected \(n, c, h, w\), which has 4 axes"),
    (conv2d, (X.astype(int), K), {}, r"x holds int64: it is an array of floating-point numbers"),
    (conv2d, (X, K.astype(np.float32)), {}, r"W holds float32, x holds float64"),
    (conv2d, (X, K[0]), {}, r"W has shape \(4, 3, 2\): expected \(f, k, kh, kw\), which has 4 axes"),
    (conv2d, (X, K[:, :3]), {}, r"W has shape \(6, 3, 3, 2\): expected \(f, 4, kh, kw\), x has \(2, 4, 5, 6\)"),
    (conv2d, (X, K), {"groups": 2}, r"W has shape \(6, 4, 3, 2\): expected \(f, 2, kh, kw\)"),
    (conv2d, (X, K, np.ones(4)), {}, r"b has shape \(4,\): expected \(f,\) with f = 6 as in W"),
    (conv2d, (X, K[:, :1]), {"groups": 4}, r"groups is 4: expected a divisor of 6, the kernels of W"),
    (conv2d, (X, K[:, :1]), {"groups": 3}, r"groups is 3: expected a divisor of 4, the channels of x"),
    (conv2d, (X, K), {"groups": 0}, r"groups is 0: it is a whole number, at least 1"),
    (conv2d, (X, K), {"groups": 1.0}, r"groups is 1\.0: it is a whole number, at least 1"),
    (conv2d, (X, K), {"stride": 0}, r"stride is 0: expected a whole number from 1 on, or two of them"),
    (conv2d, (X, K), {"stride": 2**62}, r"stride is 4611686018427387904: expected a whole number from 1 on"),
    (conv2d, (X, K), {"padding": 10**400}, r"padding is 1000+: expected a whole number from 0 on"),
    (conv2d, (X, K), {"stride": (1, 2, 3)}, r"stride is \(1, 2, 3\): expected a whole number"),
    (conv2d, (X, K), {"stride": True}, r"stride is True: expected a whole number"),
    (conv2d, (X, K), {"dilation": (1, -1)}, r"dilation is \(1, -1\): expected a whole number from 1 on"),
    (conv2d, (X, K), {"dilation": (1.5, 1)}, r"dilation is \(1\.5, 1\): expected a whole number from 1 on"),
    (conv2d, (X, K), {"padding": -1}, r"padding is -1: expected a whole number from 0 on"),
    (
        conv2d,
        (X, K),
        {"padding": ((1, 2), (3, 4, 5))},
        r"padding is .*expected .*\(\(top, bottom\), \(",
    ),
    (conv2d, (X, K), {"padding": "same"}, r"padding is 'same': expected"),
    (
        conv2d,
        (X, K),
        {"dilation": (4, 1), "padding": ((1, 2), (0, 0))},
        r"W spans 9 rows \(3 with dilation 4\), expected at most 8: x has shape \(2, 4, 5, 6\), padding 1 \+ 2",
    ),
    (conv2d, (X, np.ones((6, 4, 3, 7))), {}, r"W spans 7 columns \(7 with dilation 1\), expected at most 6"),
    (conv2d, (X, np.ones((6, 4, 0, 2))), {}, r"W has the size \(0, 2\): expected at least 1 row and 1 column"),
    (conv_transpose2d, (X[0], T), {}, r"x has shape \(4, 5, 6\): expected \(n, c, h, w\)"),
    (conv_transpose2d, (X, K), {}, r"W has shape \(6, 4, 3, 2\): expected \(c, k, kh, kw\) with c = 4 as in x"),
    (conv_transpose2d, (X, T), {"groups": 3}, r"groups is 3: expected a divisor of 4, the channels of x"),
    (
        conv_transpose2d,
        (X, T, np.ones(3)),
        {"groups": 2},
        r"b has shape \(3,\): expected \(6,\), W has shape \(4, 3, 3, 2\) and groups is 2",
    ),
    (conv_transpose2d, (X, T, np.ones(1)), {}, r"b has shape \(1,\): expected \(3,\), W has shape"),
    (conv_transpose2d, (X, T), {"stride": 2.0}, r"stride is 2\.0: expected a whole number from 1 on"),
    (
        conv_transpose2d,
        (X, T),
        {"stride": (2, 3), "output_padding": (2, 1)},
        r"output_padding is \(2, 1\): expected less than stride 2 or dilation 1",
    ),
    (conv_transpose2d, (X, T), {"output_padding": -1}, r"output_padding is -1: expected a whole number from 0 on"),
    (conv_transpose2d, (X, T), {"padding": (0, 4)}, r"padding 4 \+ 4 leaves 0 columns: expected at least 1"),
    (
        conv_transpose2d,
        (X[:, :, :0], T),
        {},
        r"padding 0 \+ 0 leaves 0 rows: expected at least 1, x has shape \(2, 4, 0, 6\)",
    ),
]


@pytest.mark.parametrize(("layer", "inputs", "options", "says"), REFUSED)
def test_refused(layer: Any, inputs: tuple[Any, ...], options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        layer.forward(*inputs, **options)
