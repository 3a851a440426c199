"""The windows that a kernel has on an image: how many there are, where they lie, their entries as columns.

Data
    ``Axis``     the windows along one axis: its size, the kernel, stride, padding and dilation, how many there are.
    ``Windows``  those of an image: ``vertical`` and ``horizontal``.

From window to window, a place of the kernel walks through the image in steps of the stride; ``Axis.walk`` says which
windows have it inside the image, and on which entries. What lies in the padding is left out: it counts as zeros in a
sum, and takes no part in a maximum. ``Windows.room`` alone has zeros there: what all windows hold is one view then.

The three most important functions are ``windows`` (from the options of a layer), ``Windows.room`` (im2col) and its
adjoint ``Windows.image`` (col2im).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verify.arguments import LONGEST, is_whole
from verify.layer import Array

__all__ = ["Axis", "Lengths", "Padding", "Windows", "pair", "transposed_windows", "windows"]

Lengths = int | tuple[int, int]
Padding = int | tuple[Lengths, Lengths]

AXES = {-2: "rows", -1: "columns"}


@dataclass(frozen=True, kw_only=True)
class Axis:
    """The windows along one axis of an image: -2, from top to bottom, or -1, from left to right."""

    axis: int
    size: int
    kernel: int
    stride: int
    padding: tuple[int, int]
    dilation: int
    number: int

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy is the same axis."""
        return _axis, (self.axis, self.size, self.kernel, self.stride, self.padding, self.dilation, self.number)

    def walk(self, place: int) -> tuple[slice, slice]:
        """The windows that have this place of the kernel inside the image, and the entries on which it lies."""
        start = place * self.dilation - self.padding[0]
        first = max(0, -(start // self.stride))
        stop = max(first, min(self.number, (self.size - 1 - start) // self.stride + 1))
        entry = start + first * self.stride
        return slice(first, stop), slice(entry, entry + (stop - first) * self.stride, self.stride)

    @cached_property
    def places(self) -> tuple[tuple[int, Any, Any], ...]:
        """Every place of the kernel with its walk: an index into the windows, and one into the image."""
        rest = (slice(None),) * (-1 - self.axis)
        found = []
        for place in range(self.kernel):
            ours, theirs = self.walk(place)
            found.append((place, (..., ours, *rest), (..., theirs, *rest)))
        return tuple(found)

    def resized(self, shape: tuple[int, ...], size: int) -> tuple[int, ...]:
        """A shape with another size along this axis."""
        changed = list(shape)
        changed[self.axis] = size
        return tuple(changed)

    def fresh(self, place: int) -> bool:
        """Whether no place of the kernel before this one lies on an entry that this one lies on, in any window."""
        return place < self.stride // math.gcd(self.stride, self.dilation)

    @property
    def apart(self) -> bool:
        """Whether no entry lies in two windows."""
        return self.fresh(self.kernel - 1)

    @cached_property
    def held(self) -> int:
        """How many entries the windows hold; what lies in two of them counts twice."""
        return sum(here[1].stop - here[1].start for _, here, _ in self.places)

    @property
    def padded(self) -> int:
        """How many entries there are with the padding that windows reach."""
        return max(self.padding[0] + self.size, self.reach)

    @property
    def reach(self) -> int:
        """How many entries there are from the first of the first window to the last of the last one, padding too."""
        return (self.number - 1) * self.stride + self.dilation * (self.kernel - 1) + 1

    @cached_property
    def singly(self) -> Axis:
        """Windows of one entry, at all from the first that these windows hold to the last."""
        return replace(self, kernel=1, stride=1, number=self.reach)

    @cached_property
    def turned(self) -> Axis | None:
        """The windows on the outputs, of which each meets those outputs whose windows hold one entry of the image.

        There are none where the stride leaves entries out, or the padding is wider than the kernel reaches.
        """
        reach = self.dilation * (self.kernel - 1)
        before, after = (reach - end for end in self.padding)
        if self.stride > 1 or min(before, after) < 0:
            return None
        return replace(self, size=self.number, padding=(before, after), number=self.size)

    @cached_property
    def starts(self) -> NDArray[np.intp]:
        """The entry on which the first place of the kernel lies in every window, counted from the image's first."""
        start = np.arange(self.number) * self.stride - self.padding[0]
        return _read_only(start.reshape(-1, *[1] * (-1 - self.axis)))

    @cached_property
    def first(self) -> tuple[Any, NDArray[np.intp]]:
        """The windows that begin in the padding, and the first place of the kernel that each has inside the image."""
        rest = (slice(None),) * (-1 - self.axis)
        begun = min(self.number, -(-self.padding[0] // self.stride))
        return (..., slice(begun), *rest), _read_only(-(self.starts[:begun] // self.dilation))

    @cached_property
    def counts(self) -> NDArray[np.intp]:
        """How many entries of the image every window holds."""
        held = np.zeros(self.number, np.intp)
        for place in range(self.kernel):
            held[self.walk(place)[0]] += 1
        return _read_only(held)


@lru_cache(maxsize=1024)
def _axis(
    axis: int, size: int, kernel: int, stride: int, padding: tuple[int, int], dilation: int, number: int
) -> Axis:
    """An axis: with the same numbers the same one, which finds once what it knows of its windows."""
    return Axis(axis=axis, size=size, kernel=kernel, stride=stride, padding=padding, dilation=dilation, number=number)


@dataclass(frozen=True)
class Windows:
    """The windows on an image, in rows and columns as its entries are."""

    vertical: Axis
    horizontal: Axis

    @property
    def axes(self) -> tuple[Axis, Axis]:
        """Both axes."""
        return self.vertical, self.horizontal

    @property
    def size(self) -> tuple[int, int]:
        """The size of the image."""
        return self.vertical.size, self.horizontal.size

    @property
    def kernel(self) -> tuple[int, int]:
        """The size of the kernel."""
        return self.vertical.kernel, self.horizontal.kernel

    @property
    def number(self) -> tuple[int, int]:
        """How many windows there are: the size of an output."""
        return self.vertical.number, self.horizontal.number

    @property
    def padding(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """((top, bottom), (left, right))."""
        return self.vertical.padding, self.horizontal.padding

    @property
    def apart(self) -> bool:
        """Whether no entry lies in two windows."""
        return self.vertical.apart and self.horizontal.apart

    @property
    def turned(self) -> Windows | None:
        """The windows on the outputs that turn ``image`` into ``columns``, by kernels turned by 180°."""
        vertical, horizontal = self.vertical.turned, self.horizontal.turned
        return Windows(vertical, horizontal) if vertical and horizontal else None

    @property
    def in_rows(self) -> Windows:
        """Windows of one row, at all rows from the first that these windows hold to the last."""
        return Windows(self.vertical.singly, self.horizontal)

    @property
    def places(self) -> tuple[tuple[tuple[int, int], Any, Any], ...]:
        """Every place of the kernel with its walk: an index into the windows, and one into the image."""
        return tuple(
            ((u, v), (..., rows[1], columns[1]), (..., image_rows[1], image_columns[1]))
            for u, rows, image_rows in self.vertical.places
            for v, columns, image_columns in self.horizontal.places
        )

    def room(self, images: Array) -> tuple[Array, Array]:
        """im2col, before there are images: where such as these belong, zeros being around, and what all windows hold.

        Shapes: (n, c, h, w), and (c, kh, kw, n, oh, ow), in which one entry stands for each window that holds it.
        """
        n, c = images.shape[:2]
        down, along = self.axes
        top, left = down.padding[0], along.padding[0]
        bottom, right = top + down.size, left + along.size
        padded = np.zeros((n, c, down.padded, along.padded), images.dtype)
        sample, channel, row, column = padded.strides
        held = np.lib.stride_tricks.as_strided(
            padded,
            (c, *self.kernel, n, *self.number),
            (channel, down.dilation * row, along.dilation * column, sample, down.stride * row, along.stride * column),
            writeable=False,
        )
        return padded[:, :, top:bottom, left:right], held

    def image(self, columns: Array) -> Array:
        """col2im, its adjoint: every entry collects what the windows that hold it send."""
        c, n = columns.shape[0], columns.shape[3]
        image = np.zeros((n, c, *self.size), columns.dtype)
        for (u, v), ours, theirs in self.places:
            if self.vertical.fresh(u) and self.horizontal.fresh(v):
                image.swapaxes(0, 1)[theirs] = columns[:, u, v][ours]
            else:
                image.swapaxes(0, 1)[theirs] += columns[:, u, v][ours]
        return image

    def refuse_empty(self) -> None:
        """Raises: ValueError when a window holds nothing of the image, so that it has no maximum and no mean."""
        for axis in self.axes:
            if any(axis.padding) and not axis.counts.all():
                raise ValueError(
                    f"padding is {self.padding}: a window of {axis.kernel} {AXES[axis.axis]} would hold padding "
                    f"alone, expected windows with an entry of the image"
                )


def windows(
    image: Array,
    kernel: tuple[int, int],
    *,
    stride: Lengths = 1,
    padding: Padding = 0,
    dilation: Lengths = 1,
    name: str = "kernel",
) -> Windows:
    """The windows on images (n, c, h, w), ⌊(size + both paddings − dilation (kernel − 1) − 1) / stride⌋ + 1 an axis.

    ``name`` is what the layer calls the kernel.
    Raises: ValueError when there is not one, or an option is none.
    """
    axes = []
    for axis, size, k, s, ends, d in zip(
        AXES, image.shape[2:], kernel, pair("stride", stride, 1), _ends(padding), pair("dilation", dilation, 1),
        strict=True,
    ):  # fmt: skip
        span = _span(name, kernel, k, d)
        if span > size + sum(ends):
            raise ValueError(
                f"{name} spans {span} {AXES[axis]} ({k} with dilation {d}), expected at most {size + sum(ends)}: "
                f"x has shape {image.shape}, padding {ends[0]} + {ends[1]}"
            )
        number = (size + sum(ends) - span) // s + 1
        axes.append(_axis(axis, size, k, s, ends, d, number))
    return Windows(*axes)


def transposed_windows(
    output: Array,
    kernel: tuple[int, int],
    *,
    stride: Lengths = 1,
    padding: Padding = 0,
    output_padding: Lengths = 0,
    dilation: Lengths = 1,
    name: str = "kernel",
) -> Windows:
    """The windows of which an output (n, c, oh, ow) is left, on the image that it came from.

    Several sizes of image leave the same output: the smallest is taken, and ``output_padding`` added.
    Raises: ValueError when that image is empty, or an option is none.
    """
    axes = []
    for axis, number, k, s, ends, more, d in zip(
        AXES, output.shape[2:], kernel, pair("stride", stride, 1), _ends(padding),
        pair("output_padding", output_padding, 0), pair("dilation", dilation, 1), strict=True,
    ):  # fmt: skip
        if more >= max(s, d):
            raise ValueError(f"output_padding is {output_padding}: expected less than stride {s} or dilation {d}")
        size = (number - 1) * s + _span(name, kernel, k, d) + more - sum(ends) if number else 0
        if size < 1:
            raise ValueError(
                f"padding {ends[0]} + {ends[1]} leaves {max(size, 0)} {AXES[axis]}: expected at least 1, "
                f"x has shape {output.shape}"
            )
        axes.append(_axis(axis, size, k, s, ends, d, number))
    return Windows(*axes)


def pair(name: str, value: Any, least: int) -> tuple[int, int]:
    """An option for both axes: one whole number, or one for each. Raises: ValueError when it is neither."""
    one, other = _both(value)
    if not (is_whole(one, least, LONGEST) and is_whole(other, least, LONGEST)):
        raise ValueError(f"{name} is {value!r}: expected a whole number from {least} on, or two of them, up to 2^40")
    return int(one), int(other)


def _ends(padding: Any) -> tuple[tuple[int, int], tuple[int, int]]:
    """((top, bottom), (left, right))."""
    (top, bottom), (left, right) = map(_both, _both(padding))
    if not all(is_whole(end, 0, LONGEST) for end in (top, bottom, left, right)):
        raise ValueError(
            f"padding is {padding!r}: expected a whole number from 0 on, two of them, or "
            f"((top, bottom), (left, right)), up to 2^40"
        )
    return (int(top), int(bottom)), (int(left), int(right))


def _both(value: Any) -> tuple[Any, Any]:
    if isinstance(value, (tuple, list)) and len(value) == 2:
        return value[0], value[1]
    return value, value


def _read_only(x: NDArray[np.intp]) -> NDArray[np.intp]:
    x.flags.writeable = False
    return x


def _span(name: str, kernel: tuple[int, int], k: int, dilation: int) -> int:
    if k < 1:
        raise ValueError(f"{name} has the size {kernel}: expected at least 1 row and 1 column")
    return dilation * (k - 1) + 1
