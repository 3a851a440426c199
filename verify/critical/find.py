"""The user's entry: find the critical points of a function, or say what kind of point one is.

An expression is searched with proof where it has few enough variables and a box is given; everything else is searched
numerically. The three most important functions are ``find_critical_points``, ``classify`` and ``_subject`` (the
expression of f, when it has one).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from verify.critical.points import WITHIN, Array, CriticalPoint, CriticalPoints
from verify.critical.problem import Box, box_of, problem_of, takes_numbers

if TYPE_CHECKING:
    from verify.critical.expression import Subject

__all__ = ["MOST_CERTIFIED", "classify", "find_critical_points"]

# With more coordinates than this a proof is not tried unless it is asked for, and with more than the second never.
USUALLY_CERTIFIED, MOST_CERTIFIED = 6, 10
# Points at which a traced function must agree with its trace, and how well.
WITNESSES, AGREEMENT = 8, 1e-9


def find_critical_points(
    f: Any,
    box: Box | None = None,
    *,
    symbols: Sequence[Any] | None = None,
    gradient: Callable[[Array], Any] | None = None,
    hessian: Callable[[Array], Any] | None = None,
    hvp: Callable[[Array, Array], Any] | None = None,
    start: Any = None,
    certify: bool | str | None = None,
    seed: int = 0,
    time_limit: float | None = None,
    executor: Any = None,
    journal: Any = None,
    progress: Callable[[str], None] | None = None,
) -> CriticalPoints:
    """The critical points of f, each with the eigenvalues of its Hessian, its index and its kind.

    ``f`` is a SymPy expression, the id of a catalogue entry whose inputs are numbers, a NumPy function of one vector
    (or of as many numbers as ``box`` has coordinates), the loss of a network (``flat_loss``), or any other callable
    on a vector. ``box`` has (lower, upper) for each coordinate, in the order of ``symbols``, or by name.

    With an expression (or a function that can be traced) and a box, up to 6 dimensions, the search is a proof: where
    ``complete`` is true, the box holds no other critical point; every point is certified to exist, alone in its
    enclosure, with its index. ``certify=True`` insists on that, ``certify=False`` does without, ``certify="rigor"``
    repeats the proof in ball arithmetic (extra ``rigor``). Otherwise the search is numerical, from many starts in
    ``box`` or around ``start``; ``evidence`` says what speaks for completeness.

    ``gradient``, ``hessian`` and ``hvp`` are the derivatives of a callable, checked before they are believed.
    ``time_limit`` is in seconds; the points found until then are returned, and ``stopped`` says so. ``executor`` is
    any ``concurrent.futures.Executor``, ``journal`` a file from which a broken run goes on. ``progress`` is told
    in words how far the search is.

    Raises: ValueError for a box without width or with ends that are not finite, for an expression that holds what
    cannot be enclosed, for a dimension that is too large to certify when ``certify`` insists, and when a derivative
    disagrees with f.
    """
    if certify not in (None, True, False, "rigor"):
        raise ValueError(f'certify is {certify!r}: expected None, True, False or "rigor"')
    from verify.critical.expression import Untraceable, is_expression

    if isinstance(f, Loss):
        names, start = f.names, f.start if start is None and box is None else start
        f, gradient, hvp = f.f, f.gradient, f.hvp
    else:
        names = None
    insists = certify in (True, "rigor")
    given = {"gradient": gradient, "hessian": hessian, "hvp": hvp}
    by_hand = any(one is not None for one in given.values())
    subject, remarks = None, []
    n = len(box) if box is not None else None
    usual = certify is None and n is not None and n <= USUALLY_CERTIFIED
    if is_expression(f) or insists or usual:
        try:
            subject = _subject(f, box, symbols, start, seed)
        except Untraceable as error:
            if insists:
                raise ValueError(f"{error}; certify=False searches numerically") from error
            remarks.append(f"nothing was proved: {error}")
    if insists and subject is not None and (refusal := _refusal(subject.dimension, box)):
        raise ValueError(refusal)
    proves = subject is not None and box is not None and (insists or usual)
    if by_hand or not proves:
        problem = problem_of(f, subject, box, start, given)
    if by_hand:
        from verify.critical.objectives.verified import verify_derivatives

        remarks.append(str(verify_derivatives(problem.objective, problem.points(seed), seed=seed)))
    if proves:
        assert subject is not None
        assert box is not None
        return _certified(subject, box, certify == "rigor", seed, time_limit, executor, journal, progress)
    if certify is None and n is not None and n > USUALLY_CERTIFIED:
        remarks.append(f"nothing was proved: {n} coordinates are many for a proof")
    from verify.critical.search.numerical import search

    found = search(
        problem.objective,
        None if problem.box is None else np.stack(problem.box, axis=1),
        start,
        seed=seed,
        time_limit=time_limit,
        executor=executor,
        journal=journal,
        progress=progress,
    )
    evidence = (*remarks, *found.evidence)
    return replace(found, names=names or problem.names, evidence=evidence, function=problem.many)


def classify(
    f: Any,
    x: Any,
    *,
    symbols: Sequence[Any] | None = None,
    gradient: Callable[[Array], Any] | None = None,
    hessian: Callable[[Array], Any] | None = None,
    hvp: Callable[[Array, Array], Any] | None = None,
    within: float = WITHIN,
    certify: bool | str | None = None,
    seed: int = 0,
) -> CriticalPoint:
    """What kind of point x is: minimum, maximum, saddle of an index, degenerate, not critical, or undecided and why.

    ``f``, ``symbols``, the derivatives and ``certify`` are as in ``find_critical_points``. The critical point that is
    meant lies within ``within`` of x, relative to the size of x (at least 1); of an expression it is returned itself,
    enclosed. ``certified`` says that the answer is proved; ``note`` says why where it is undecided.
    Shapes: x (n).
    Raises: ValueError when x is not finite, f has no value there, or a derivative disagrees with f.
    """
    from verify.critical.expression import Untraceable, is_expression

    if isinstance(f, Loss):
        f, gradient, hvp = f.f, f.gradient, f.hvp
    point = np.atleast_1d(np.asarray(x, float))
    if point.ndim != 1 or not np.isfinite(point).all():
        raise ValueError(f"x is {x!r}: expected a vector of finite numbers")
    given = {"gradient": gradient, "hessian": hessian, "hvp": hvp}
    by_hand = any(one is not None for one in given.values())
    insists = certify in (True, "rigor")
    subject = None
    if is_expression(f) or insists or (certify is None and len(point) <= USUALLY_CERTIFIED):
        try:
            subject = _subject(f, None, symbols, point, seed)
        except Untraceable as error:
            if insists:
                raise ValueError(f"{error}; certify=False classifies numerically") from error
    if subject is not None and len(point) != subject.dimension:
        raise ValueError(f"x has {len(point)} numbers: f has the coordinates {', '.join(subject.names)}")
    proves = subject is not None and certify is not False
    if by_hand or not proves:
        problem = problem_of(f, subject, None, point, given)
    if by_hand:
        from verify.critical.objectives.verified import verify_derivatives

        verify_derivatives(problem.objective, point, seed=seed)
    if proves:
        from verify.critical.classification import classified

        assert subject is not None
        found = classified(subject.evaluator(rigor=certify == "rigor"), point, within)
    else:
        from verify.critical.classification import classified_numerically

        found = classified_numerically(problem.objective, point, within)
    return found if subject is None else replace(found, names=tuple(subject.names))


@runtime_checkable
class Loss(Protocol):
    """A function with its derivatives, such as the loss of a network."""

    names: tuple[str, ...]
    start: Array

    def f(self, x: Array) -> float: ...
    def gradient(self, x: Array) -> Array: ...
    def hvp(self, x: Array, v: Array) -> Array: ...


def _refusal(n: int, box: Box | None) -> str:
    """Why a proof that is insisted on is not tried; empty when it is."""
    if box is None:
        return "a proof needs a box: give (lower, upper) for each coordinate"
    if n > MOST_CERTIFIED:
        return f"f has {n} coordinates: at most {MOST_CERTIFIED} can be certified; certify=False searches numerically"
    return ""


def _certified(
    subject: Subject,
    box: Box,
    rigor: bool,
    seed: int,
    time_limit: float | None,
    executor: Any,
    journal: Any,
    progress: Callable[[str], None] | None,
) -> CriticalPoints:
    from verify.critical.proof.certified import certified_search

    def told(points: int, todo: int) -> None:
        if progress is not None:
            progress(f"{points} point{'s' * (points != 1)} found, {todo} boxes to do")

    return certified_search(
        subject.evaluator(rigor),
        subject.names,
        box_of(box, subject.names),
        seed=seed,
        time_limit=time_limit,
        executor=executor,
        journal=journal,
        progress=told,
    )


def _subject(f: Any, box: Box | None, symbols: Sequence[Any] | None, start: Any, seed: int) -> Subject:
    """The tape of f; a function that was traced agrees with it where it is tried."""
    from verify.critical.expression import Untraceable, is_expression, subject_of

    if isinstance(box, Mapping) and symbols is None and not isinstance(f, str):
        symbols = list(box) if is_expression(f) else None
    dimension = len(box) if box is not None else None if start is None else np.size(start)
    subject = subject_of(f, dimension, symbols)
    if not is_expression(f):
        rng = np.random.default_rng(seed)
        lower, upper = (
            (-np.ones(subject.dimension), np.ones(subject.dimension)) if box is None else box_of(box, subject.names)
        )
        points = lower + (upper - lower) * rng.random((WITNESSES, subject.dimension))
        traced = subject.evaluator().values(points)
        spread = takes_numbers(f, subject.dimension)
        with np.errstate(all="ignore"):
            own = np.array([float(f(*point) if spread else f(point)) for point in points])
        apart = ~np.isclose(own, traced, rtol=AGREEMENT, atol=AGREEMENT, equal_nan=True)
        if apart.any():
            k = int(np.argmax(apart))
            raise Untraceable(
                f"f cannot be traced: at {points[k].tolist()} it gives {own[k]!r}, its trace {traced[k]!r}"
            )
    return subject
