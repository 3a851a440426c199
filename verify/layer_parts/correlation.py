r"""The cross-correlation of images with kernels, and its adjoints. The form

.. math:: s = \sum_{n,o,i,j} y_{noij} \sum_{c,u,v} W_{ocuv}\, x_{n,\,c,\,iS+uD-P,\,jS+vD-P}

is linear in ``y``, in ``x`` and in ``W``; the three functions are its derivatives by each. A convolution goes forward
by ``outputs`` and back by ``images`` and ``kernels``; a transposed convolution goes forward by ``images``.

Shapes: images x (n, c, h, w), kernels W (f, c / groups, kh, kw), outputs y (n, f, oh, ow).

Each is one matrix product for a block of samples, the windows being the columns of a matrix. These take kh·kw times
the memory of the images; hence blocks, which stay in the cache too, and no columns saved for the backward pass.
Where a block is a single sample, and windows move by one row at a time, columns are made of a row of the kernel each:
those of its other rows lie in the same matrix, further on. Each row has its product then, and memory is kw times.
Where windows move by one entry at a time, images are themselves a cross-correlation: of the outputs with the kernels
turned by 180°. What would be added up, entry by entry, is gathered then.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from verify.layer import Array
from verify.layer_parts.cache_blocks import cache_blocks, fitting
from verify.layer_parts.windows import Windows

__all__ = ["images", "kernels", "outputs", "split"]

# Up to so many outputs for a channel of the images, gathering their columns is quicker than adding up the images'.
FEWER = 3


def outputs(x: Array, W: Array, windows: Windows, groups: int) -> Array:
    """∂s/∂y, the cross-correlation."""
    y = np.empty((len(x), len(W), *windows.number), x.dtype)
    parts = _parts(W, windows, groups)
    weights = _weights(W, groups, parts)
    for some, columns in _columns(x, W, windows, groups, parts):
        channels = y[some].swapaxes(0, 1)
        if channels.shape[1] > 1:  # and one part
            channels[...] = (weights[0] @ columns[0]).reshape(channels.shape)
            continue
        product = np.matmul(weights[0], columns[0], out=_grouped(channels, groups, windows))
        for one, other in zip(weights[1:], columns[1:], strict=True):
            product += one @ other
    return y


def images(y: Array, W: Array, windows: Windows, groups: int) -> Array:
    """∂s/∂x: every window sends the kernels, each as strong as its output, back to where it lies."""
    n, c = len(y), W.shape[1] * groups
    # Padded outputs are multiplied by kernels there, which must be finite.
    if len(W) <= FEWER * c and windows.turned is not None and np.isfinite(W).all():
        return outputs(y, _turned(W, groups), windows.turned, groups)
    x = np.empty((n, c, *windows.size), y.dtype)
    weights = _weights(W, groups)[0].swapaxes(1, 2)
    for some in _blocks(n, W, windows, groups):
        columns = weights @ _dense(y[some], groups, windows)
        x[some] = windows.image(columns.reshape(c, *windows.kernel, len(y[some]), *windows.number))
    return x


def kernels(x: Array, y: Array, W: Array, windows: Windows, groups: int) -> Array:
    """∂s/∂W, which has the shape of W: the windows added up, each as strong as its output."""
    f, channels, kh, kw = W.shape
    parts = _parts(W, windows, groups)
    total = np.zeros((parts, groups, channels * kh // parts * kw, f // groups), x.dtype)
    for some, columns in _columns(x, W, windows, groups, parts):
        strong = _dense(y[some], groups, windows).swapaxes(1, 2)
        for part, one in zip(total, columns, strict=True):
            part += one @ strong
    apart = total.reshape(parts, groups, channels, kh // parts, kw, f // groups)
    return apart.transpose(1, 5, 2, 0, 3, 4).reshape(W.shape)


def split(what: str, channels: int, groups: int) -> int:
    """How many of the channels each group has. Raises: ValueError when the groups do not divide them."""
    if channels % groups:
        raise ValueError(f"groups is {groups}: expected a divisor of {channels}, {what}")
    return channels // groups


def _blocks(n: int, W: Array, windows: Windows, groups: int) -> Iterator[tuple[int | slice, ...]]:
    """The samples, some at a time: as many as the cache holds, with their columns and the padding around them."""
    padded = math.prod(axis.padded for axis in windows.axes)
    return cache_blocks((n,), max(_entries(W, windows, groups), W.shape[1] * groups * padded))


def _entries(W: Array, windows: Windows, groups: int) -> int:
    """How many entries the columns of a sample have."""
    return math.prod(W.shape[1:]) * groups * math.prod(windows.number)


def _parts(W: Array, windows: Windows, groups: int) -> int:
    """How many parts columns have: one for each row of the kernel, or 1 where they hold it whole.

    Parts share their memory, but their products are to be added up: no gain where a row has few entries.
    """
    f, channels, kh, kw = W.shape
    alone = fitting(_entries(W, windows, groups)) == 1
    return kh if alone and windows.vertical.stride == 1 and channels * kw >= f // groups else 1


def _columns(
    x: Array, W: Array, windows: Windows, groups: int, parts: int
) -> Iterator[tuple[tuple[int | slice, ...], list[Array]]]:
    """The samples, some at a time, with the parts of their columns, which are matrices for each group.

    The next ones write over them.
    """
    laid = windows if parts == 1 else windows.in_rows
    columns: Array | None = None
    for some in _blocks(len(x), W, windows, groups):
        part = x[some]
        if columns is None or columns.shape[3] != len(part):
            inside, held = laid.room(part)
            columns = np.empty(held.shape, x.dtype)
        inside[...] = part
        columns[...] = held
        whole = _grouped(columns, groups, laid)
        step, size = windows.vertical.dilation * windows.number[1], len(part) * math.prod(windows.number)
        yield some, [whole[..., k * step : k * step + size] for k in range(parts)]


def _turned(W: Array, groups: int) -> Array:
    """The kernels turned by 180°, which go from outputs to images: (f, c / groups, …) -> (c, f / groups, …)."""
    f, channels, *kernel = W.shape
    swapped = W[:, :, ::-1, ::-1].reshape(groups, f // groups, channels, *kernel).swapaxes(1, 2)
    return swapped.reshape(groups * channels, f // groups, *kernel)


def _weights(W: Array, groups: int, parts: int = 1) -> Array:
    """(f, c / groups, kh, kw) -> (parts, groups, f / groups, c / groups · kh / parts · kw)."""
    f, channels, kh, kw = W.shape
    apart = W.reshape(groups, f // groups, channels, parts, kh // parts, kw)
    return apart.transpose(3, 0, 1, 2, 4, 5).reshape(parts, groups, f // groups, channels * kh // parts * kw)


def _grouped(channels: Array, groups: int, windows: Windows) -> Array:
    """Whatever has the channels first and the windows of some samples last, as one matrix for each group."""
    each = math.prod(channels.shape[:-3]) // groups
    return channels.reshape(groups, each, channels.shape[-3] * math.prod(windows.number))


def _dense(y: Array, groups: int, windows: Windows) -> Array:
    """The outputs of some samples, as one matrix for each group: without steps of 0 or back, which products are slow
    with, and add up one by one.
    """
    return np.ascontiguousarray(_grouped(y.swapaxes(0, 1), groups, windows))
