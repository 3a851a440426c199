"""The user's entry: find the critical points of a function, or say what kind of point one is.

An expression is searched with proof where it has few enough variables and a box is given; everything else is searched
numerically. The three most important functions are ``find_critical_points``, ``classify`` and ``box_of`` (the box as
people write it).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.critical.points import Array, CriticalPoints

if TYPE_CHECKING:
    from verify.critical.expression import Subject

__all__ = ["MOST_CERTIFIED", "box_of", "find_critical_points"]

# With more coordinates than this a proof is not tried unless it is asked for, and with more than the second never.
USUALLY_CERTIFIED, MOST_CERTIFIED = 6, 10
# Points at which a traced function must agree with its trace, and how well.
WITNESSES, AGREEMENT = 8, 1e-9

Box = Sequence[Sequence[float]] | Mapping[str, Sequence[float]]


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
    progress: Callable[[int, int], None] | None = None,
) -> CriticalPoints:
    """The critical points of f, each with the eigenvalues of its Hessian, its index and its kind.

    ``f`` is a SymPy expression, the id of a catalogue entry whose inputs are numbers, a NumPy function of one vector
    (or of as many numbers as ``box`` has coordinates), or any other callable on a vector. ``box`` has (lower, upper)
    for each coordinate, in the order of ``symbols``, or by name.

    With an expression (or a function that can be traced) and a box, up to 6 dimensions, the search is a proof: where
    ``complete`` is true, the box holds no other critical point; every point is certified to exist, alone in its
    enclosure, with its index. ``certify=True`` insists on that, ``certify=False`` does without, ``certify="rigor"``
    repeats the proof in ball arithmetic (extra ``rigor``). Otherwise the search is numerical, from many starts in
    ``box`` or around ``start``; ``evidence`` says what speaks for completeness.

    ``gradient``, ``hessian`` and ``hvp`` are the derivatives of a callable, checked before they are believed.
    ``time_limit`` is in seconds; the points found until then are returned, and ``stopped`` says so. ``executor`` is
    any ``concurrent.futures.Executor``, ``journal`` a file from which a broken run goes on. ``progress`` is called
    with the number of points found, and of boxes or pieces to do.

    Raises: ValueError for a box without width or with ends that are not finite, for an expression that holds what
    cannot be enclosed, for a dimension that is too large to certify when ``certify`` insists, and when a derivative
    disagrees with f.
    """
    if certify not in (None, True, False, "rigor"):
        raise ValueError(f'certify is {certify!r}: expected None, True, False or "rigor"')
    from verify.critical.expression import Untraceable, is_expression

    insists = certify in (True, "rigor")
    given = gradient is not None or hessian is not None or hvp is not None
    whynot = ""
    if certify is not False and (is_expression(f) or not given or insists):
        try:
            subject = _subject(f, box, symbols, start, seed)
        except Untraceable as error:
            if insists:
                raise ValueError(f"{error}; certify=False searches numerically") from error
            whynot = str(error)
        else:
            n = subject.dimension
            if box is None and insists:
                raise ValueError("a proof needs a box: give (lower, upper) for each coordinate")
            if n > MOST_CERTIFIED and insists:
                raise ValueError(
                    f"f has {n} coordinates: at most {MOST_CERTIFIED} can be certified; certify=False searches "
                    f"numerically"
                )
            if box is not None and (insists or n <= USUALLY_CERTIFIED):
                return _certified(subject, box, certify == "rigor", seed, time_limit, executor, journal, progress)
    elif is_expression(f):
        subject = _subject(f, box, symbols, start, seed)
    raise NotImplementedError(whynot or "numerical search")  # replaced when the numerical search is merged


def _certified(
    subject: Subject,
    box: Box,
    rigor: bool,
    seed: int,
    time_limit: float | None,
    executor: Any,
    journal: Any,
    progress: Callable[[int, int], None] | None,
) -> CriticalPoints:
    from verify.critical.certified import certified_search
    from verify.critical.enclosure import Evaluator
    from verify.critical.rigor import Rigor

    lower, upper = box_of(box, subject.names)
    derivatives = subject.tape.only(*range(1, len(subject.tape.outputs)))
    function = Evaluator(subject.tape, Rigor(derivatives) if rigor else None)
    return certified_search(
        function, subject.names, (lower, upper), seed=seed, time_limit=time_limit, progress=progress
    )


def _subject(f: Any, box: Box | None, symbols: Sequence[Any] | None, start: Any, seed: int) -> Subject:
    """The tape of f; a function that was traced agrees with it where it is tried."""
    from verify.critical.expression import Untraceable, is_expression, subject_of

    if isinstance(box, Mapping) and symbols is None and not isinstance(f, str):
        symbols = list(box) if is_expression(f) else None
    dimension = len(box) if box is not None else None if start is None else np.size(start)
    subject = subject_of(f, dimension, symbols)
    if not is_expression(f):
        from verify.critical.enclosure import Evaluator

        rng = np.random.default_rng(seed)
        lower, upper = (
            (-np.ones(subject.dimension), np.ones(subject.dimension)) if box is None else box_of(box, subject.names)
        )
        points = lower + (upper - lower) * rng.random((WITNESSES, subject.dimension))
        traced = Evaluator(subject.tape).values(points)
        spread = len(inspect.signature(f).parameters) > 1
        with np.errstate(all="ignore"):
            own = np.array([float(f(*point) if spread else f(point)) for point in points])
        apart = ~np.isclose(own, traced, rtol=AGREEMENT, atol=AGREEMENT, equal_nan=True)
        if apart.any():
            k = int(np.argmax(apart))
            raise Untraceable(
                f"f cannot be traced: at {points[k].tolist()} it gives {own[k]!r}, its trace {traced[k]!r}"
            )
    return subject


def box_of(box: Box, names: Sequence[str]) -> tuple[Array, Array]:
    """The lower and upper ends. Raises: ValueError when a coordinate is missing, without width, or not finite."""
    if isinstance(box, Mapping):
        ends = {str(name): end for name, end in box.items()}
        if set(ends) != set(names):
            raise ValueError(f"box has {', '.join(ends)}: expected the coordinates {', '.join(names)}")
        pairs: Sequence[Sequence[float]] = [ends[name] for name in names]
    else:
        pairs = box
    if len(pairs) != len(names) or any(np.shape(pair) != (2,) for pair in pairs):
        raise ValueError(
            f"box is {box!r}: expected (lower, upper) for each of the {len(names)} coordinates {', '.join(names)}"
        )
    lower, upper = np.array(pairs, float).T.copy()
    for name, low, high in zip(names, lower, upper, strict=True):
        if not (np.isfinite(low) and np.isfinite(high)):
            raise ValueError(f"box has {name} from {low} to {high}: a proof needs finite ends")
        if not low < high:
            raise ValueError(f"box has {name} from {low} to {high}: expected a lower end below the upper one")
    return lower, upper
