"""A file of finished pieces, from which a run resumes: one line of JSON for each, exact to the last bit.

The first line says which task the file belongs to. A line that was torn off when a run was killed is dropped. Nothing
in the file is executed: results are numbers, text, lists, tuples, dictionaries and NumPy arrays.

Data: ``Journal``, an open file.

The three most important functions are ``fingerprint`` (of a task), ``encoded`` and ``decoded`` (of a result).
"""

from __future__ import annotations

import base64
import functools
import hashlib
import inspect
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

__all__ = ["Journal", "decoded", "encoded", "fingerprint", "opened"]

FORMAT = "gradproof campaign 1"
# Deeper data has a circle in it.
DEEPEST = 40


def encoded(value: Any) -> Any:
    """Data as JSON holds it; what JSON does not know stands in an object of one key.

    Raises: TypeError when something is no data.
    """
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
        # ascontiguousarray would make 0-d into 1-d
        data = value.astype(value.dtype.newbyteorder("<"), order="C").tobytes()
        return {"array": [value.dtype.newbyteorder("<").str, list(value.shape), base64.b64encode(data).decode()]}
    if isinstance(value, np.generic) and value.dtype.kind in "biufc":
        return {"number": encoded(np.asarray(value))["array"]}
    if value is None or type(value) in (bool, int, float, str):
        return value
    if type(value) is complex:
        return {"complex": [value.real, value.imag]}
    if type(value) is list:
        return [encoded(one) for one in value]
    if type(value) is tuple:
        return {"tuple": [encoded(one) for one in value]}
    if type(value) is dict and all(type(key) is str for key in value):
        return {"dict": {key: encoded(one) for key, one in value.items()}}
    raise TypeError(
        f"{type(value).__module__}.{type(value).__qualname__} cannot be kept in a journal: numbers, text, lists, "
        "tuples, dictionaries with keys of text, and NumPy arrays of numbers can"
    )


def decoded(value: Any) -> Any:
    """What was encoded."""
    if isinstance(value, list):
        return [decoded(one) for one in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind in ("array", "number"):
        dtype, shape, data = content
        array = np.frombuffer(base64.b64decode(data), np.dtype(dtype)).reshape(shape)
        native = array.astype(array.dtype.newbyteorder("="))
        return native if kind == "array" else native[()]
    if kind == "complex":
        return complex(*content)
    if kind == "tuple":
        return tuple(decoded(one) for one in content)
    return {key: decoded(one) for key, one in content.items()}


def fingerprint(work: Callable[..., Any], pieces: Sequence[Any]) -> str:
    """A number that another task does not have: of the source of what is called, of all data, of every piece."""
    digest = hashlib.sha256()
    for part in _described((work, list(pieces)), 0):
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()[:32]


def _described(value: Any, depth: int) -> Iterator[str]:
    """Text that tells a value from others, and is the same in another process."""
    if depth > DEEPEST:
        raise ValueError("the pieces of a campaign hold data in circles: a journal cannot tell them from others")
    if isinstance(value, (list, tuple)):
        yield f"{type(value).__name__} {len(value)}"
        for one in value:
            yield from _described(one, depth + 1)
    elif isinstance(value, dict):
        yield f"dict {len(value)}"
        for key, one in value.items():
            yield from _described(key, depth + 1)
            yield from _described(one, depth + 1)
    elif isinstance(value, (set, frozenset)):
        yield f"set {len(value)}"
        yield from sorted("\0".join(_described(one, depth + 1)) for one in value)
    elif isinstance(value, functools.partial):
        yield "partial"
        yield from _described((value.func, value.args, value.keywords), depth + 1)
    elif inspect.isfunction(value):
        yield from _described_function(value, depth)
    elif inspect.ismethod(value):
        yield "method"
        yield from _described((value.__func__, value.__self__), depth + 1)
    elif inspect.isclass(value) or inspect.isbuiltin(value):
        yield f"{value.__module__}.{value.__qualname__}"
    elif isinstance(value, (bytes, str, int, float, complex)) or value is None:
        yield f"{type(value).__name__} {value!r}"
    elif isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind != "O":
        yield f"{value.dtype.str} {np.shape(value)} {hashlib.sha256(np.asarray(value).tobytes()).hexdigest()}"
    else:
        yield f"{type(value).__module__}.{type(value).__qualname__}"
        state = value.__getstate__() if hasattr(value, "__getstate__") else getattr(value, "__dict__", None)
        if state is not value:
            yield from _described(state, depth + 1)


def _described_function(function: Callable[..., Any], depth: int) -> Iterator[str]:
    """A function: its name, its source where there is one, what it closes over."""
    code = getattr(function, "__code__")  # noqa: B009
    yield f"{function.__module__}.{function.__qualname__}"
    try:
        yield inspect.getsource(function)
    except (OSError, TypeError):
        yield f"{code.co_names} {code.co_varnames} {[one for one in code.co_consts if not inspect.iscode(one)]}"
    for cell in getattr(function, "__closure__") or ():  # noqa: B009
        try:
            content = cell.cell_contents
        except ValueError:  # a name that has no value yet
            continue
        if content is not function:
            yield from _described(content, depth + 1)
    yield from _described(getattr(function, "__defaults__"), depth + 1)  # noqa: B009


class Journal:
    """An open journal: what was finished before, and a place for what is finished now."""

    def __init__(self, file: IO[bytes], finished: dict[int, Any]) -> None:
        self._file = file
        self.finished = finished

    def keep(self, piece: int, result: Any) -> None:
        """Write one finished piece, so that it survives whatever happens next.

        Raises: TypeError naming the piece when its result is no data.
        """
        try:
            line = json.dumps({"piece": piece, "result": encoded(result)})
        except TypeError as error:
            raise TypeError(f"the result of piece {piece} holds what is no data: {error}") from None
        self._file.write(line.encode() + b"\n")
        self._file.flush()


@contextmanager
def opened(path: str | os.PathLike[str] | None, task: str, count: int) -> Iterator[Journal | None]:
    """The journal of a task with so many pieces, made where there is none; None without a path.

    Raises: ValueError when the file belongs to another task, is no journal, or is damaged before its last line.
    """
    if path is None:
        yield None
        return
    place = Path(path)
    finished, sound = _read(place, task, count) if place.exists() else ({}, 0)
    with place.open("r+b" if place.exists() else "w+b") as file:
        # what was torn off is overwritten
        file.truncate(sound)
        file.seek(sound)
        if not sound:
            header = {"format": FORMAT, "task": task, "pieces": count}
            file.write(json.dumps(header).encode() + b"\n")
            file.flush()
        yield Journal(file, finished)


def _read(place: Path, task: str, count: int) -> tuple[dict[int, Any], int]:
    """What was finished, and how many bytes of the file are whole lines."""
    whole = place.read_bytes()
    sound = whole.rfind(b"\n") + 1
    lines = whole[:sound].splitlines()
    if not lines:
        if whole and not json.dumps({"format": FORMAT}).encode().startswith(whole[:12]):
            raise ValueError(f"journal {place} is no journal of a campaign: name another file")
        return {}, 0
    try:
        header = json.loads(lines[0])
        known = isinstance(header, dict) and header.get("format") == FORMAT
    except ValueError:
        known = False
    if not known:
        raise ValueError(f"journal {place} is no journal of a campaign: name another file")
    if header.get("task") != task or header.get("pieces") != count:
        raise ValueError(
            f"journal {place} belongs to another task ({header.get('pieces')} pieces, fingerprint "
            f"{header.get('task')}; this one has {count} pieces, fingerprint {task}): the function, the pieces or "
            "the seed changed. Name another file, or delete this one"
        )
    finished = {}
    for number, line in enumerate(lines[1:], start=2):
        try:
            entry = json.loads(line)
            piece, result = entry["piece"], decoded(entry["result"])
            if not 0 <= piece < count:
                raise ValueError
        except (ValueError, KeyError, TypeError):
            raise ValueError(
                f"journal {place} is damaged in line {number}: delete that line, its piece is run again"
            ) from None
        finished[piece] = result
    return finished, sound
