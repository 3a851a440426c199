"""NumPy's functions of shapes: what NumPy accepts has its answer or a message, and what it refuses is refused.

Every call is made on arrays of rank 0 to 3, some axes of them of length 1, by NumPy and by a trace.
"""

from __future__ import annotations

import inspect
import itertools
import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from derive.errors import MissingRuleError, NotationError
from derive.evaluate import run
from derive.tracing import trace

Array = np.ndarray[Any, np.dtype[Any]]
Call = Callable[..., Any]
Shape = tuple[int, ...]

SHAPES: tuple[Shape, ...] = ((), (1,), (3,), (1, 4), (3, 1), (3, 4), (2, 1, 4), (2, 3, 4))
AXES = (None, 0, 1, -1, -3, (0,), (0, -1), (), (0, 0))
PAIRS = ((0, 0), (0, 1), (1, -1), (-1, 0), (0, -3), (2, 1))
SIZES: tuple[Any, ...] = ((), 1, -1, (1, -1), (4, 3), [2, -1], (2, 2, 3), (-1, -1), (-1, 0), 12)
WIDTHS: tuple[Any, ...] = (0, 2, (1,), (1, 2), [[1, 2]], ((1, 0), (0, 2)), ((1,), (2,)), (1, 2, 3), {-1: (1, 2)}, 5)
PARTS: tuple[Any, ...] = (1, 2, 3, (1,), [1, 2], (0,), (2, 1), (-1,), (5,), 0, -1)

INTERNAL = re.compile(r"zip\(\)|unpack|NoneType|not supported between|out of range$|takes \d+ positional")
"""What a message of Python says that no user can do anything about."""


def shown(found: Any) -> Any:
    """All entries of several arrays as one."""
    return np.concatenate([np.ravel(part) * (m + 1) for m, part in enumerate(found)])


def of_axes() -> Iterator[tuple[str, Call]]:
    for a in AXES:
        for name, call in {
            "squeeze": lambda x, a=a: np.squeeze(x, a),
            "x.squeeze": lambda x, a=a: x.squeeze(axis=a),
            "squeezed sum": lambda x, a=a: np.squeeze(x.sum(axis=a, keepdims=True), axis=a),
            "flip": lambda x, a=a: np.flip(x, axis=a),
            "expand_dims": lambda x, a=a: np.expand_dims(x, a),
            "roll": lambda x, a=a: np.roll(x, -2, a),
            "roll twice": lambda x, a=a: np.roll(x, (1, -2), axis=a),
            "repeat": lambda x, a=a: np.repeat(x, 2, a),
            "x.repeat": lambda x, a=a: x.repeat(repeats=2, axis=a),
            "repeat each": lambda x, a=a: np.repeat(x, [2, 0, 1], axis=a),
            "take": lambda x, a=a: np.take(x, 0, a),
            "x.take": lambda x, a=a: x.take(indices=[0, -1], axis=a),
            "delete": lambda x, a=a: np.delete(x, -1, axis=a),
            "delete some": lambda x, a=a: np.delete(x, [0, 1], a),
            "diff": lambda x, a=a: np.diff(x, axis=a),
            "diff of ends": lambda x, a=a: np.diff(x, prepend=0.5, append=x, axis=a),
            "size": lambda x, a=a: x * np.size(x, a),
            "unstack": lambda x, a=a: shown(np.unstack(x, axis=a)),
            "windows": lambda x, a=a: sliding_window_view(x, 2, axis=a),
            "windows of pairs": lambda x, a=a: sliding_window_view(x, (1, 2), axis=a),
            "sum": lambda x, a=a: x.sum(a),
            "mean": lambda x, a=a: np.mean(x, axis=a, keepdims=True),
            "max": lambda x, a=a: x.max(axis=a),
            "cumsum": lambda x, a=a: x.cumsum(a),
            "norm": lambda x, a=a: np.linalg.norm(x, axis=a),
        }.items():
            yield f"{name} {a}", call


def of_two_axes() -> Iterator[tuple[str, Call]]:
    for i, j in PAIRS:
        for name, call in {
            "swapaxes": lambda x, i=i, j=j: np.swapaxes(x, i, axis2=j),
            "x.swapaxes": lambda x, i=i, j=j: x.swapaxes(i, j),
            "moveaxis": lambda x, i=i, j=j: np.moveaxis(x, i, destination=j),
            "moveaxis of both": lambda x, i=i, j=j: np.moveaxis(x, (i, j), [j, i]),
            "moveaxis to one": lambda x, i=i, j=j: np.moveaxis(x, (i, j), 0),
            "rollaxis": lambda x, i=i, j=j: np.rollaxis(x, i, start=j),
            "rot90": lambda x, i=i, j=j: np.rot90(x, k=-1, axes=(i, j)),
            "transpose": lambda x, i=i, j=j: np.transpose(x, axes=(i, j)),
            "x.transpose": lambda x, i=i, j=j: x.transpose(i, j),
            "diagonal": lambda x, i=i, j=j: x.diagonal(1, axis1=i, axis2=j),
            "trace": lambda x, i=i, j=j: np.trace(x, 0, i, j),
        }.items():
            yield f"{name} {i} {j}", call


def of_shapes() -> Iterator[tuple[str, Call]]:
    for s in SIZES:
        for name, call in {
            "reshape": lambda x, s=s: np.reshape(x, s),
            "x.reshape": lambda x, s=s: x.reshape(*s if isinstance(s, tuple) else (s,)),
            "reshape by columns": lambda x, s=s: np.reshape(x, shape=s, order="F"),
            "broadcast_to": lambda x, s=s: np.broadcast_to(x, shape=s),
            "tile": lambda x, s=s: np.tile(x, s),
            "full": lambda x, s=s: np.full(s, x),
        }.items():
            yield f"{name} {s}", call
    for w in WIDTHS:
        for mode in ("constant", "edge", "reflect", "symmetric", "wrap"):
            yield f"pad {w} {mode}", lambda x, w=w, mode=mode: np.pad(x, w, mode)
        yield f"pad {w} by two", lambda x, w=w: np.pad(x, pad_width=w, constant_values=(1.5, -2.0))
    for p in PARTS:
        for name, call in {
            "split": lambda x, p=p: shown(np.split(x, p, axis=-1)),
            "array_split": lambda x, p=p: shown(np.array_split(x, p)),
            "hsplit": lambda x, p=p: np.hsplit(x, p)[0],
            "vsplit": lambda x, p=p: np.vsplit(x, indices_or_sections=p)[-1],
            "dsplit": lambda x, p=p: shown(np.dsplit(x, p)),
        }.items():
            yield f"{name} {p}", call


ONE: dict[str, Call] = {
    **dict(of_axes()),
    **dict(of_two_axes()),
    **dict(of_shapes()),
    "atleast_1d": lambda x: np.atleast_1d(x),
    "atleast_2d": lambda x: np.atleast_2d(x),
    "atleast_3d": lambda x: np.atleast_3d(x),
    "atleast_3d of two": lambda x: np.atleast_3d(2.0, x)[1],
    "transpose": lambda x: np.transpose(x),
    "mT": lambda x: x.mT,
    "permute_dims": lambda x: np.permute_dims(x, (0, 2, 1)),
    "rows": lambda x: x.T.ravel(),
    "columns": lambda x: x.flatten(order="F"),
    "as in memory": lambda x: np.ravel(x.T, order="K"),
    "rot90 four times": lambda x: np.rot90(x, 4),
    "item": lambda x: x.item(),
    "item of rows": lambda x: x.item(-1),
    "item of a matrix": lambda x: x.item(0, -1),
    "from the end": lambda x: x[[-1, 0]],
    "backwards": lambda x: x[2::-1],
    "backwards from outside": lambda x: x[7:0:-1],
    "two ellipses": lambda x: x[..., 0, ...],
    "first written": lambda x: written(x, 0, 5.0),
    "diag": lambda x: np.diag(x, k=1),
    "diag far away": lambda x: np.diag(x, -5),
    "diagflat": lambda x: np.diagflat(x),
    "linalg.diagonal": lambda x: np.linalg.diagonal(x, offset=-1),
    "tril": lambda x: np.tril(x, k=-1),
    "copyto": lambda x: copied(x),
    "ndmin": lambda x: np.array(x, ndmin=2),
    "meshgrid": lambda x: np.meshgrid(x, np.array([1.0, 2.0]))[0],
    "linspace": lambda x: np.linspace(0.5, x, 5),
    "linspace along the last": lambda x: np.linspace(x, 2 * x, num=3, endpoint=False, axis=-1),
    "linspace of one": lambda x: np.linspace(x, 1.0, 1),
}


def written(x: Any, place: Any, value: Any) -> Any:
    out = x.copy()
    out[place] = value
    return out


def copied(x: Any) -> Any:
    out = np.zeros(x.shape)
    np.copyto(out, x, where=x > 0)
    return out


def of_lists() -> Iterator[tuple[str, Call]]:
    for f in ("concatenate", "concat", "stack", "hstack", "vstack", "dstack", "column_stack", "block"):
        for name, call in {
            "": lambda x, y, f=f: getattr(np, f)([x, y]),
            " of a tuple": lambda x, y, f=f: getattr(np, f)((y, x, x)),
            " with a number": lambda x, y, f=f: getattr(np, f)([3, x]),
            " with a list": lambda x, y, f=f: getattr(np, f)([x, [1.0, 2.0]]),
        }.items():
            yield f + name, call
    for a in (None, 0, 1, -1, -2, (0,)):
        yield f"concatenate {a}", lambda x, y, a=a: np.concatenate((x, y), axis=a)
        yield f"stack {a}", lambda x, y, a=a: np.stack([x, y], a)
        yield f"append {a}", lambda x, y, a=a: np.append(x, values=y, axis=a)


TWO: dict[str, Call] = {
    **dict(of_lists()),
    "append a number": lambda x, y: np.append(x, 2.0),
    "a row of blocks": lambda x, y: np.block([[x, y]]),
    "a column of blocks": lambda x, y: np.block([[x], [y]]),
    "blocks at two depths": lambda x, y: np.block([[x], y]),
    "r_": lambda x, y: np.r_[0.5, x, y],
    "c_": lambda x, y: np.c_[x, y],
    "array": lambda x, y: np.array([x, y]),
    "broadcast_arrays": lambda x, y: np.broadcast_arrays(x, y, 3.0)[0],
    "select": lambda x, y: np.select([x > 0, x > 1], [x, y], 2.0),
    "select of too few": lambda x, y: np.select([x > 0, x > 1], [y]),
    "written": lambda x, y: written(x, ..., y),
    "written to the first": lambda x, y: written(x, 0, y),
    "take_along_axis": lambda x, y: np.take_along_axis(x, np.zeros(y.shape, int), -1),
    "kron": lambda x, y: np.kron(x, y),
    "vecdot": lambda x, y: np.vecdot(x, y),
    "tensordot": lambda x, y: np.tensordot(x, y),
    "linalg.outer": lambda x, y: np.linalg.outer(x, y),
    "convolve": lambda x, y: np.convolve(x, y),
}  # fmt: skip


def of_numpy(call: Call, arrays: list[Array]) -> Any:
    """What NumPy answers; None where it refuses."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return np.asarray(call(*arrays))
        except (ValueError, TypeError, IndexError, ArithmeticError):
            return None


def of_trace(call: Call, arrays: list[Array]) -> Any:
    """What the traced program computes; the message where the trace refuses."""
    given = dict(zip(inspect.signature(call).parameters, arrays, strict=False))
    try:
        program = trace(call, {name: array.shape for name, array in given.items()})
    except (NotationError, MissingRuleError) as error:
        return str(error)
    constants = {t.name: values for t, values in program.constants.items()}
    read = {t.name: given[t.name] for t in program.inputs if t.name in given}
    return run(program, {**read, **constants}, {}).arrays[program.output]


def compared(call: Call, shapes: tuple[Shape, ...]) -> None:
    rng = np.random.default_rng(len(shapes))
    arrays = [np.asarray(rng.normal(size=shape)) for shape in shapes]
    expected, found = of_numpy(call, arrays), of_trace(call, arrays)
    if isinstance(found, str):
        assert found.startswith("line ")
        assert not INTERNAL.search(found), found
        assert expected is None or REFUSED.search(found), f"{shapes}: NumPy accepts this, the trace says: {found}"
        return
    assert expected is not None, f"{shapes}: NumPy refuses this"
    assert np.shape(found) == expected.shape, shapes
    np.testing.assert_allclose(found, expected, rtol=1e-12, err_msg=str(shapes))


REFUSED = re.compile("how an array lies in memory|roll has . shifts for 0 axes")
"""What is not understood although NumPy does."""


@pytest.mark.parametrize("name", ONE)
def test_of_one_array(name: str) -> None:
    for shape in SHAPES:
        compared(ONE[name], (shape,))


@pytest.mark.parametrize("name", TWO)
def test_of_two_arrays(name: str) -> None:
    for shapes in itertools.product(SHAPES[:-1], repeat=2):
        compared(TWO[name], shapes)
