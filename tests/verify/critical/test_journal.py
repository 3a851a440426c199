"""The journal of a campaign: values to the last bit, runs that go on, files that are damaged, tasks told apart."""

import functools
import importlib
import json
import math
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.verify.critical.pieces import EXPECTED, PIECES, Stop, bowl, descend, same, walk
from verify.critical.campaigns.campaign import run, seeds
from verify.critical.campaigns.journal import decoded, encoded, fingerprint
from verify.critical.objectives.objective import objective_of

VALUES: list[Any] = [
    None,
    True,
    7,
    2**70,
    0.1 + 0.2,
    -0.0,
    math.inf,
    5e-324,
    "ä\n€",
    1 - 2j,
    [1, [2.5, "x"]],
    (1, (2.5, None)),
    {"a": (1, 2), "array": [1]},
    np.float64(0.1),
    np.int64(-3),
    np.float32(0.1),
    np.array(2.5),
    np.array([[0.1, np.nan], [-np.inf, 5e-324]]),
    np.arange(6).reshape(2, 3).T,
    np.array([], dtype=np.float32),
    np.array([True, False]),
    np.array([1 + 2j]),
    np.arange(3.0).astype(">f8"),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_are_kept_to_the_last_bit(value: Any) -> None:
    again = decoded(json.loads(json.dumps(encoded(value))))
    if isinstance(value, np.ndarray):
        assert again.shape == value.shape
        assert again.dtype == value.dtype.newbyteorder("=")
        assert np.array_equal(again, value, equal_nan=value.dtype.kind in "fc")
        assert again.flags.writeable
    else:
        assert type(again) is type(value)
        assert repr(again) == repr(value)


@pytest.mark.parametrize("problem", [KeyboardInterrupt(), RuntimeError("no more")])
@pytest.mark.parametrize("pool", [None, functools.partial(ThreadPoolExecutor, 2)])
def test_a_run_goes_on_after_an_interruption(tmp_path: Path, problem: BaseException, pool: Any) -> None:
    path = tmp_path / "journal"
    stop = Stop(9, problem)
    with pytest.raises(type(problem)):
        run(walk, PIECES, executor=pool, journal=path, progress=stop)
    further = Stop(99, problem)
    results = run(walk, PIECES, executor=pool, journal=path, progress=further)
    assert same(results, EXPECTED)
    assert results.resumed == 9
    assert sorted(stop.calls + further.calls) == sorted(PIECES)
    nothing = Stop(1, problem)
    assert run(walk, PIECES, executor=pool, journal=path, progress=nothing).resumed == 24
    assert nothing.calls == []


@pytest.mark.parametrize("torn", [1, 5, 40, 200])
def test_a_torn_last_line_is_run_again(tmp_path: Path, torn: int) -> None:
    path = tmp_path / "journal"
    run(walk, PIECES, journal=path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-torn])
    missing = 1 + whole[-torn:-1].count(b"\n")
    results = run(walk, PIECES, journal=path)
    assert same(results, EXPECTED)
    assert results.resumed == 24 - missing
    assert path.read_bytes().count(b"\n") == 25
    assert sorted(path.read_bytes().splitlines()) == sorted(whole.splitlines())


@pytest.mark.parametrize("left", [0, 7, 60])
def test_a_torn_header_begins_anew(tmp_path: Path, left: int) -> None:
    path = tmp_path / "journal"
    run(walk, PIECES, journal=path)
    path.write_bytes(path.read_bytes()[:left])
    results = run(walk, PIECES, journal=path)
    assert (results.resumed, results.complete) == (0, True)
    assert run(walk, PIECES, journal=path).resumed == 24


def test_a_journal_of_another_task_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    run(walk, PIECES, journal=path)
    before = path.read_bytes()
    for work, pieces in ((walk, PIECES[:5]), (walk, seeds(8, 24)), (descend_one, PIECES)):
        with pytest.raises(ValueError, match=r"belongs to another task .* Name another file, or delete this one"):
            run(work, pieces, journal=path)
    assert path.read_bytes() == before


def descend_one(seed: int) -> float:
    return float(seed)


def test_what_is_no_journal_is_not_written_to(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    for text in ("my notes\n", "my notes without an end", '{"format": "another"}\n', "[1]\n"):
        path.write_text(text)
        with pytest.raises(ValueError, match="is no journal of a campaign: name another file"):
            run(walk, PIECES, journal=path)
        assert path.read_text() == text


def test_damage_within_a_journal_is_told(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    run(walk, PIECES, journal=path)
    lines = path.read_bytes().splitlines(keepends=True)
    for damaged in (b"{\n", b'{"piece": 99, "result": 1}\n', b'{"piece": 3}\n', b"3\n"):
        path.write_bytes(b"".join([*lines[:4], damaged, *lines[5:]]))
        with pytest.raises(ValueError, match="is damaged in line 5: delete that line"):
            run(walk, PIECES, journal=path)


def test_results_that_are_no_data_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"the result of piece 0 holds what is no data: builtins\.set cannot be kept"):
        run(lambda piece: {piece}, [1, 2], journal=tmp_path / "journal")
    assert list(run(lambda piece: {piece}, [1, 2])) == [{1}, {2}]


def work_with(number: float) -> Callable[[Any], Any]:
    return lambda piece: piece + number


def test_a_fingerprint_tells_tasks_apart() -> None:
    tasks: list[tuple[Callable[..., Any], list[Any]]] = [
        (walk, [1, 2]),
        (walk, [2, 1]),
        (walk, [1, 2.0]),
        (walk, [(1, 2)]),
        (walk, [np.array([1.0, 2.0])]),
        (walk, [np.array([1, 2])]),
        (walk, [np.array([[1.0, 2.0]])]),
        (walk, [{"a": 1}]),
        (descend_one, [1, 2]),
        (work_with(1.0), [1, 2]),
        (work_with(2.0), [1, 2]),
        (functools.partial(descend, objective_of(bowl, start=[1.0, 2.0])), [1, 2]),
        (functools.partial(descend, objective_of(lambda x: bowl(x), start=[1.0, 2.0])), [1, 2]),
        (functools.partial(descend, objective_of(bowl, start=[1.0, 2.5])), [1, 2]),
        (abs, [1, 2]),
        (math.sin, [1, 2]),
        (Stop(1, KeyboardInterrupt()).__call__, [1, 2]),
        (walk, [{1, 2}]),
        (walk, [{1, 3}]),
    ]
    found = [fingerprint(*task) for task in tasks]
    assert len(set(found)) == len(tasks)
    assert found[:11] == [fingerprint(*task) for task in tasks[:11]]
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(ValueError, match="in circles"):
        fingerprint(walk, circle)


def test_a_fingerprint_is_the_same_in_another_process_and_after_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bowls.py").write_text(
        "def bowl(x):\n    return float((x * x).sum())\n\n\ndef descend(objective, piece):\n    return piece\n"
    )
    monkeypatch.syspath_prepend(tmp_path)  # a new process finds it too
    bowls = importlib.import_module("bowls")
    objective = objective_of(bowls.bowl, start=[1.0, 2.0])
    task = functools.partial(bowls.descend, objective)
    before = fingerprint(task, [1, 2])
    objective.hessian([3.0, 4.0])
    assert fingerprint(task, [1, 2]) == before
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as executor:
        assert executor.submit(fingerprint, task, [1, 2]).result() == before
