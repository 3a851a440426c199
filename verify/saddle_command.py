"""What ``verify saddle`` does: the critical points of a function in a file, or of a formula, are found and printed.

The most important function is ``search``; ``verify.saddle_arguments`` reads what is typed.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from derive.console import complain, cut, say, width
from derive.user_files import importing_beside, placed
from verify.backward_pass.plot import written_as
from verify.saddle_arguments import Asked, of_formula, of_target, parted, read_box, read_start

if TYPE_CHECKING:
    from verify.critical.points import CriticalPoints

__all__ = ["search"]

# Formats of a worked classification, by the ends of names.
DOCUMENTS = {".tex": "latex", ".html": "html", ".md": "markdown", ".txt": "text"}


def search(
    target: str | None,
    expr: str | None,
    *,
    box: str | None = None,
    start: str | None = None,
    symbols: str | None = None,
    certify: bool | str | None = None,
    seed: int = 0,
    time_limit: float | None = None,
    journal: Path | None = None,
    plot: Path | None = None,
    worked: Path | None = None,
    every: bool = False,
    as_json: bool = False,
) -> str:
    """The outcome in the words of ``derive.console.EXIT``: holds when the list is complete, and proved to be.

    A derivative in the file that disagrees with the function fails; everything else is not exercised.

    Raises: ValueError when the function, the box, another option, or what is asked for cannot be used.
    """
    if plot is not None:
        written_as(plot)
    if worked is not None and worked.suffix not in DOCUMENTS:
        raise ValueError(f"--worked is {str(worked)!r}: expected a name that ends in {', '.join(DOCUMENTS)}")
    named = None if symbols is None else parted(symbols)
    from verify.critical.objectives.wrong import WrongDerivative

    # what a file prints must not stand in the middle of JSON
    with contextlib.redirect_stdout(sys.stderr):
        if (target is None) == (expr is None):
            raise ValueError('give either a function as FILE.py:NAME, or a formula as --expr "x**2 - y**2"')
        if expr is not None:
            asked = of_formula(expr, named)
            file = None
        else:
            assert target is not None
            asked, file = of_target(target, named)
        options: dict[str, Any] = {"certify": certify, "seed": seed, "time_limit": time_limit, "journal": journal}
        options["symbols"] = asked.given.get("symbols", named)
        options["box"] = None if box is None else read_box(box, asked.names)
        options["start"] = None if start is None else read_start(start, asked.names)
        try:
            with importing_beside(file) if file is not None else contextlib.nullcontext():
                found = _found(asked, {name: value for name, value in options.items() if value is not None})
        except WrongDerivative as error:
            complain(f"verify: {error}")
            return "fails"
        picture = None if plot is None else _drawn(found, plot)
        document = None if worked is None else _worked(asked, options["box"], worked)
    outcome = "holds" if found.complete and not found.undecided else "not exercised"
    if as_json:
        from verify.critical.shown.record import record

        said = "complete" if outcome == "holds" else "incomplete"
        told = {"outcome": said, "function": asked.title, **record(found), "plot": picture, "worked": document}
        typer.echo(json.dumps(told, ensure_ascii=False, allow_nan=False, indent=2))
        return outcome
    _print(asked, found, every)
    for written in filter(None, (picture, document)):
        say(written, 2, words=True)
    return outcome


# --------------------------------------------------------------------------------------------------------- search


def _found(asked: Asked, options: Mapping[str, Any]) -> CriticalPoints:
    from verify.critical.find import find_critical_points

    try:
        with _telling() as progress:
            return find_critical_points(asked.f, **{**asked.given, **options, "progress": progress})
    except Exception as error:
        files = set() if asked.module is None else {asked.module.__file__ or ""}
        inside = _came_through(error, files)
        if isinstance(error, ModuleNotFoundError) and not inside:
            raise ValueError(str(error)) from error  # an extra that is not installed, and the message says which
        if isinstance(error, ValueError) or not inside:
            raise
        raise placed(error, files, asked.title) from error


def _came_through(error: Exception, files: set[str]) -> bool:
    """Whether something that was raised comes from one of these files."""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename in files:
            return True
        trace = trace.tb_next
    return False


@contextlib.contextmanager
def _telling() -> Iterator[Callable[..., None] | None]:
    """Where errors go to a terminal, a line that says what was found so far; it is gone when the search is over."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console

    with Console(stderr=True).status("searching") as status:
        yield lambda *told: status.update(_told(*told))


def _told(*told: Any) -> str:
    """Progress in words: of points found and pieces to do, or as the search words it."""
    if len(told) == 2:
        points, todo = told
        return f"{points:,} point{'s' * (points != 1)} found, {todo:,} to do"
    return " ".join(map(str, told))


def _worked(asked: Asked, box: Any, path: Path) -> str:
    """The worked classification of exact critical points, checked and written; and what became of it."""
    from derive.critical_points import worked_classification
    from verify.critical.expression import subject_of

    dimension = None if box is None or isinstance(asked.f, str) else len(box)
    subject = subject_of(asked.f, dimension, asked.given.get("symbols"))
    document = worked_classification(subject.expression, subject.symbols)
    text = getattr(document, DOCUMENTS[path.suffix])()
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ValueError(f"cannot write {str(path)!r}: {error.strerror or error}") from error
    return f"worked in {path}: {document.sure[0]}"


def _drawn(found: CriticalPoints, path: Path) -> str:
    """The picture, and what became of it."""
    if not len(found) and not found.components and not found.undecided:
        return "nothing to draw: no critical points were found"
    try:
        found.plot(path)
    except OSError as error:
        raise ValueError(f"cannot write {str(path)!r}: {error.strerror or error}") from error
    return f"drawn in {path}"


def _print(asked: Asked, found: CriticalPoints, every: bool) -> None:
    from verify.critical.shown.table import POINTS, text

    typer.secho(cut(asked.title, width()), bold=True)
    more = "--all prints them, --json with every digit"
    typer.echo(text(found, width(), None if every else POINTS, more))
