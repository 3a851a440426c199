"""Many pieces: the same results on every executor, in every order, after every interruption; workers may die."""

import functools
import logging
import os
import pickle
import random
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.verify.critical.pieces import EXPECTED, PIECES, Stop, bowl, descend, same, walk
from verify import find_critical_points
from verify.critical.campaigns import campaign
from verify.critical.campaigns.campaign import Failure, run, seeds
from verify.critical.objectives.objective import objective_of

# ------------------------------------------------------------------------------------------------- executors


class Backwards(Executor):
    """Runs what waits at last, and in any order."""

    def __init__(self, seed: int) -> None:
        self.waiting: list[tuple[Future[Any], Callable[[], Any]]] = []
        self.random = random.Random(seed)
        self.largest = 0

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.waiting.append((future, functools.partial(function, *arguments, **named)))
        self.largest = max(self.largest, len(self.waiting))
        threading.Timer(0.001, self.work).start()
        return future

    def work(self) -> None:
        self.random.shuffle(self.waiting)
        if self.waiting:
            future, call = self.waiting.pop()
            if future.set_running_or_notify_cancel():
                future.set_result(call())


class Dying(Executor):
    """Runs a few calls, then breaks."""

    def __init__(self, lives: int) -> None:
        self.lives = lives

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        if self.lives < -1:
            raise BrokenExecutor("no more")
        self.lives -= 1
        if self.lives < 0:
            future.set_exception(BrokenExecutor("died"))
        else:
            future.set_result(function(*arguments, **named))
        return future


def test_without_an_executor_pieces_are_run_here() -> None:
    results = run(walk, PIECES)
    assert same(results, EXPECTED)
    assert results.complete
    assert (results.stopped, results.failed, results.notes, results.resumed) == ("", (), (), 0)
    assert len(results) == 24
    assert same(results[3:5], EXPECTED[3:5])


@pytest.mark.parametrize("seed", range(5))
def test_results_do_not_depend_on_the_order_in_which_pieces_finish(seed: int) -> None:
    assert same(run(walk, PIECES, executor=Backwards(seed), workers=4), EXPECTED)


def test_results_are_the_same_in_threads_and_processes() -> None:
    with ThreadPoolExecutor(3) as threads, ProcessPoolExecutor(2) as processes:
        for executor in (threads, processes):
            assert same(run(walk, PIECES, executor=executor), EXPECTED)
    assert same(run(walk, PIECES, executor=lambda: ThreadPoolExecutor(2)), EXPECTED)


def test_what_is_made_here_is_closed_here_and_nothing_else() -> None:
    made: list[ThreadPoolExecutor] = []

    def make() -> ThreadPoolExecutor:
        made.append(ThreadPoolExecutor(2))
        return made[-1]

    run(walk, PIECES, executor=make)
    with pytest.raises(KeyboardInterrupt):
        run(walk, PIECES, executor=make, progress=Stop(2, KeyboardInterrupt()))
    assert len(made) == 2
    for executor in made:
        with pytest.raises(RuntimeError, match="after shutdown"):
            executor.submit(int)
    with ThreadPoolExecutor(2) as mine:
        run(walk, PIECES, executor=mine)
        assert mine.submit(int).result() == 0


def test_seeds_are_each_their_own_and_stay() -> None:
    assert len(set(seeds(0, 1000))) == 1000
    assert seeds(3, 10)[:5] == seeds(3, 5)
    assert not set(seeds(0, 50)) & set(seeds(1, 50))


def test_an_objective_goes_to_workers_and_reports_its_cost() -> None:
    objective = objective_of(bowl, start=[1.0, 2.0])
    with ProcessPoolExecutor(2) as executor:
        results = run(functools.partial(descend, objective), PIECES[:4], executor=executor)
    assert same(results, [descend(objective.afresh(), seed) for seed in PIECES[:4]])


# ------------------------------------------------------------------------------------------------- grain


def test_short_pieces_are_sent_together() -> None:
    calls = []

    class Counting(Executor):
        def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
            future: Future[Any] = Future()
            calls.append(len(arguments[1]))
            future.set_result(function(*arguments, **named))
            return future

    assert list(run(abs, range(-2000, 0), executor=Counting(), workers=2)) == list(range(2000, 0, -1))
    assert sum(calls) == 2000
    assert calls[:4] == [1, 1, 1, 1]
    assert len(calls) < 100
    assert max(calls) <= 2000 / 8 + 1


def test_long_pieces_are_sent_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(campaign.time, "monotonic", lambda: clock[0])
    calls = []

    def slow(piece: int) -> int:
        clock[0] += 0.06
        return piece

    class Counting(Dying):
        def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
            calls.append(len(arguments[1]))
            return super().submit(function, *arguments, **named)

    assert list(run(slow, range(30), executor=Counting(1000), workers=1)) == list(range(30))
    assert calls == [1] * 30


def test_a_bundle_that_takes_longer_than_thought_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(campaign.time, "monotonic", lambda: clock[0])

    def uneven(piece: int) -> int:
        clock[0] += 0.001 if piece < 10 else 1.5
        return piece

    taken = []
    results = run(
        uneven, range(100), executor=Dying(1000), workers=1, progress=lambda d, n, r: taken.append((d, n, r))
    )
    assert list(results) == list(range(100))
    assert [(done, count) for done, count, _ in taken] == [(k + 1, 100) for k in range(100)]
    assert sorted(result for _, _, result in taken) == list(range(100))
    answers, error, seconds = campaign._bundle(uneven, [(k, k) for k in range(10, 20)], 2.0)
    assert [piece for piece, _ in answers] == [10, 11]
    assert (error, seconds) == (None, 3.0)


# ------------------------------------------------------------------------------------------------- workers that die


def dies_once(folder: str, piece: int) -> int:
    """Kills its worker at its first try."""
    marker = Path(folder) / f"tried {piece}"
    if piece % 5 == 2 and not marker.exists():
        marker.touch()
        os._exit(3)
    return piece * piece


def dies_always(piece: int) -> int:
    if piece == 3:
        os._exit(3)
    return piece * piece


@pytest.fixture
def two_processes() -> Iterator[ProcessPoolExecutor]:
    executor = ProcessPoolExecutor(2)
    yield executor
    executor.shutdown(wait=True, cancel_futures=True)


def test_pieces_of_workers_that_died_are_run_again(tmp_path: Path, two_processes: ProcessPoolExecutor) -> None:
    work = functools.partial(dies_once, str(tmp_path))
    for number, executor in enumerate((two_processes, functools.partial(ProcessPoolExecutor, 2))):
        for marker in tmp_path.glob("tried*"):
            marker.unlink()
        results = run(work, range(12), executor=executor, journal=tmp_path / f"journal {number}")
        assert list(results) == [k * k for k in range(12)]
        assert (results.complete, results.failed, results.stopped) == (True, (), "")
        assert len(list(tmp_path.glob("tried*"))) == 2


def test_a_piece_that_kills_its_worker_again_and_again_is_given_up(two_processes: ProcessPoolExecutor) -> None:
    results = run(dies_always, range(8), executor=two_processes)
    assert list(results) == [0, 1, 4, None, 16, 25, 36, 49]
    assert results.finished == (True, True, True, False, True, True, True, True)
    assert not results.complete
    assert [one.piece for one in results.failed] == [3]
    assert "its worker died 2 times with no other piece beside it" in results.failed[0].reason


def test_an_executor_that_cannot_be_replaced_is_done_without() -> None:
    results = run(walk, PIECES, executor=Dying(5), workers=2)
    assert same(results, EXPECTED)
    assert results.notes == ("the executor broke and cannot be replaced: the remaining pieces were run here",)


def test_what_may_kill_this_process_is_not_run_in_it() -> None:
    here = os.getpid()

    def deadly(piece: int) -> int:  # cannot be sent to a process
        assert piece > 0 or os.getpid() != here
        return piece

    class DiesOfZero(Dying):
        def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
            if arguments and arguments[1][0][0] == 0:
                self.lives = 0
            return super().submit(function, *arguments, **named)

    results = run(deadly, range(4), executor=DiesOfZero(10), workers=1)
    assert list(results) == [None, None, 2, 3]
    assert [one.piece for one in results.failed] == [0, 1]
    assert "it may kill this process" in results.failed[0].reason


def test_a_pool_of_threads_that_breaks_is_done_without() -> None:
    def no_start() -> None:
        raise RuntimeError("no start")

    logged = []
    logger = logging.getLogger("concurrent.futures")
    handler = logging.Handler()
    handler.emit = logged.append  # type: ignore[method-assign]
    logger.addHandler(handler)
    logger.propagate = False
    try:
        results = run(walk, PIECES, executor=ThreadPoolExecutor(2, initializer=no_start))
    finally:
        logger.removeHandler(handler)
        logger.propagate = True
    assert same(results, EXPECTED)
    assert results.notes == ("the pool of threads broke: the remaining pieces were run here",)
    assert logged


def test_executors_that_always_break_are_not_made_for_ever() -> None:
    made = []

    def make() -> Executor:
        made.append(1)
        return Dying(0)

    results = run(walk, PIECES, executor=make, workers=2)
    assert results.stopped.startswith("the executor broke ")
    assert not any(results.finished)
    assert len(made) < 10


class KilledWorker(Exception):
    """As a cluster says it."""


def test_a_cluster_goes_on_after_a_piece_that_kills_workers() -> None:
    class Cluster(Executor):
        def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
            future: Future[Any] = Future()
            if arguments and any(piece == 3 for piece, _ in arguments[1]):
                future.set_exception(KilledWorker("attempted to run on 4 different workers"))
            else:
                future.set_result(function(*arguments, **named))
            return future

    results = run(abs, range(8), executor=Cluster(), workers=2)
    assert list(results) == [0, 1, 2, None, 4, 5, 6, 7]
    assert [one.piece for one in results.failed] == [3]
    assert results.notes == ()


# ------------------------------------------------------------------------------------------------- errors, limits


def fails_at_5(piece: int) -> int:
    if piece == 5:
        raise ArithmeticError("five")
    return piece


class Unsendable(Exception):
    def __init__(self, one: int, two: int) -> None:
        super().__init__("of two")


def unsendable(piece: int) -> int:
    raise Unsendable(1, 2)


def test_an_error_in_a_piece_is_raised_with_its_number(tmp_path: Path, two_processes: ProcessPoolExecutor) -> None:
    for executor in (None, two_processes):
        with pytest.raises(ArithmeticError, match="five") as problem:
            run(fails_at_5, range(12), executor=executor, journal=tmp_path / f"journal {executor is None}")
        assert problem.value.__notes__ == ["in piece 5 of 12: 5"]
        assert (tmp_path / f"journal {executor is None}").read_bytes().count(b"\n") >= 2
    with pytest.raises(RuntimeError, match="Unsendable: of two"):
        run(unsendable, range(3), executor=two_processes)


def gives_a_lock(piece: int) -> Any:
    return threading.Lock()


def test_what_cannot_be_sent_is_told(two_processes: ProcessPoolExecutor) -> None:
    with pytest.raises(ValueError, match=r"cannot be sent to another process .* define functions at the top"):
        run(lambda piece: piece, range(3), executor=two_processes)
    with pytest.raises(ValueError, match="a piece, cannot be sent"):
        run(abs, [threading.Lock()], executor=two_processes)
    with pytest.raises((AttributeError, TypeError, pickle.PicklingError)) as problem:
        run(gives_a_lock, range(3), executor=two_processes)
    assert "its result not back" in problem.value.__notes__[0]


CLOCK = [0.0]


def slow(piece: int) -> int:
    CLOCK[0] += 1.0
    return piece


@pytest.mark.parametrize("pool", [None, Dying(1000)])
def test_a_time_limit_gives_what_there_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pool: Any) -> None:
    monkeypatch.setattr(campaign.time, "monotonic", lambda: CLOCK[0])
    path = tmp_path / "journal"
    results = run(slow, range(10), executor=pool, time_limit=3.5, journal=path, workers=1 if pool else None)
    assert results.stopped == "the time limit of 3.5 s"
    assert 3 <= sum(results.finished) < 10
    assert list(results)[:3] == [0, 1, 2]
    done = sum(results.finished)
    rest = run(slow, range(10), executor=pool, journal=path, workers=1 if pool else None)
    assert list(rest) == list(range(10))
    assert (rest.resumed, rest.stopped) == (done, "")


def test_a_time_limit_does_not_wait_for_a_piece_under_way() -> None:
    release = threading.Event()

    def waits(piece: int) -> int:
        release.wait(30.0)
        return piece

    with ThreadPoolExecutor(2) as executor:
        results = run(waits, range(6), executor=executor, time_limit=0.05)
        release.set()
    assert results.stopped == "the time limit of 0.05 s"
    assert results.values == (None,) * 6


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "work": ({"work": 3}, "work is int: expected a function of one piece"),
    "executor": ({"executor": 3}, "executor is int: expected a concurrent.futures.Executor"),
    "factory": ({"executor": lambda: 3}, r"executor\(\) returns int: expected an Executor"),
    "no time": ({"time_limit": 0}, "time_limit is 0: expected a number of seconds above 0"),
    "no workers": ({"executor": Dying(3), "workers": 0}, "workers is 0: expected a positive integer"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_wrong_arguments_are_refused(case: str) -> None:
    changed, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        run(**{"work": walk, "pieces": PIECES, **changed})


def test_nothing_to_do_is_done() -> None:
    results = run(walk, [], executor=Dying(0))
    assert (len(results), results.complete) == (0, True)
    assert Failure(1, "because") == Failure(1, "because")
    assert issubclass(BrokenProcessPool, BrokenExecutor)


# ------------------------------------------------------------------------------------------------- Dask


def test_a_dask_cluster_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    distributed = pytest.importorskip("distributed")
    import dask

    # workers import this module
    monkeypatch.syspath_prepend(Path(__file__).parents[3])
    work = functools.partial(dies_once, str(tmp_path))
    settings = {"distributed.scheduler.allowed-failures": 1, "distributed.worker.daemon": False}
    with (
        dask.config.set(settings),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        executor = client.get_executor()
        assert same(run(walk, PIECES, executor=executor, journal=tmp_path / "journal"), EXPECTED)
        assert run(walk, PIECES, executor=executor, journal=tmp_path / "journal").resumed == 24
        assert list(run(lambda piece: piece + 1, range(5), executor=executor)) == [1, 2, 3, 4, 5]
        results = run(work, range(6), executor=executor)
        assert list(results) == [k * k for k in range(6)]
        assert results.failed == ()


# ------------------------------------------------------------------------------------------------- MPI

ON_MPI = """
import os, pathlib, signal, sys, time

import numpy as np
from mpi4py.futures import MPIPoolExecutor

from tests.verify.critical.pieces import EXPECTED, PIECES, Stop, bowl, descend, same, walk
from verify import find_critical_points
from verify.critical.campaigns.campaign import run


def square(k):
    time.sleep(0.05)
    flag = pathlib.Path("died")
    if k == 20 and not flag.exists():
        flag.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return k * k


def wells(x):
    return float(np.sum((x**2 - 1) ** 2) + 0.3 * x[0] * x[1])


if __name__ == "__main__":
    with MPIPoolExecutor() as executor:
        results = run(square, range(30), executor=executor, journal="squares.journal")
        points = find_critical_points(wells, [(-2, 2), (-2, 2)], executor=executor)
    print(list(results) == [k * k for k in range(30)], results.resumed > 0)
    print([point.x.tolist() for point in points])
"""


def test_mpi_gives_the_same_and_goes_on_after_a_death(empty_folder: Path) -> None:
    pytest.importorskip("mpi4py")
    if shutil.which("mpiexec") is None:
        pytest.skip("mpiexec is not found")
    Path("on_mpi.py").write_text(ON_MPI)
    # three processes on a machine of any size, by any user
    anywhere = {"OMPI_MCA_rmaps_base_oversubscribe": "1", "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe"}
    anywhere |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    command = ["mpiexec", "-n", "3", sys.executable, "-m", "mpi4py.futures", "on_mpi.py"]

    def launched() -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, env=os.environ | anywhere, capture_output=True, text=True, timeout=120)

    assert launched().returncode != 0
    assert Path("died").exists()
    again = launched()
    assert again.returncode == 0, again.stderr
    found, points = again.stdout.splitlines()
    assert found == "True True"

    def wells(x: Any) -> float:
        return float(np.sum((x**2 - 1) ** 2) + 0.3 * x[0] * x[1])

    assert points == str([point.x.tolist() for point in find_critical_points(wells, [(-2, 2), (-2, 2)])])
