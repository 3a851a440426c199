"""What ``verify backward`` does: the passes of a file are checked, and what was found is printed or drawn.

The most important function is ``check_file``.
"""

from __future__ import annotations

import contextlib
import difflib
import json
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import typer

from derive.console import complain, fold, say, worst
from derive.user_files import importing_beside, module_of, placed
from verify.backward_files import Nothing, Pair, Unfit, halves, pairs
from verify.backward_pass import Report
from verify.backward_pass.plot import written_as
from verify.backward_told import HEADING, about, explained, row

__all__ = ["check_file"]

HELD = {"agrees": "holds", "disagrees": "fails", "inconclusive": "not exercised"}
MARK = {"agrees": "✓", "disagrees": "✗", "inconclusive": "?"}


@dataclass(frozen=True)
class Checked:
    """A pair, whether its forward pass was taken to return ``(output, saved)``, and the report."""

    pair: Pair
    saved: bool
    report: Report


def check_file(
    target: str,
    seed: int,
    options: Mapping[str, Any],
    *,
    about_input: str | None = None,
    explain: bool = False,
    plot: Path | None = None,
    as_json: bool = False,
) -> str:
    """The outcome of checking ``FILE.py`` or ``FILE.py:NAME``, in the words of ``derive.console.EXIT``.

    Raises: ValueError, NotationError when the file, a name in it, its inputs or the path of a picture cannot be used.
    """
    file, name = _file_and_name(target)
    if plot is not None:
        written_as(plot)
    # what the file prints must not stand in the middle of JSON
    with importing_beside(file), contextlib.redirect_stdout(sys.stderr):
        module = module_of(file)
        try:
            found = pairs(module, name, seed)
        except Nothing as nothing:
            complain(f"verify: {nothing}")
            return "not exercised"
        try:
            checked = [_checked(file, pair, seed, options) for pair in found]
        except _Drawing as error:
            raise placed(error.reason, {module.__file__ or ""}, file.name) from error.reason
    if about_input is not None:
        _must_know(about_input, checked)
    pictures = {} if plot is None else _draw(plot, checked)
    outcome = worst(HELD[one.report.outcome] for one in checked)
    if as_json:
        said = next(word for word, held in HELD.items() if held == outcome)
        rows = [{**_row(one), "plot": pictures.get(one.pair.title)} for one in checked]
        typer.echo(json.dumps({"outcome": said, "seed": seed, "passes": rows}, ensure_ascii=False, indent=2))
        return outcome
    _print(checked, about_input, explain)
    for picture in pictures.values():
        say(picture, 4, words=True)
    for half in halves(module) if name is None else ():
        say(half, 4, words=True)
    return outcome


class _Drawing(Exception):
    """What the function that draws the inputs raised."""

    def __init__(self, reason: Exception) -> None:
        super().__init__(str(reason))
        self.reason = reason


def _file_and_name(target: str) -> tuple[Path, str | None]:
    parts = re.fullmatch(r"(.+\.py)(?::(.*))?", target)
    if parts is None:
        raise ValueError(f"{target!r} is no Python file: name one as FILE.py, or one pass in it as FILE.py:NAME")
    return Path(parts[1]), parts[2] or None


def _checked(file: Path, pair: Pair, seed: int, options: Mapping[str, Any]) -> Checked:
    try:
        inputs = pair.inputs(seed)
    except Unfit:
        raise
    except Exception as error:
        raise _Drawing(error) from error
    saved = pair.is_saved(inputs)
    with _telling(pair.title) as progress:
        report = pair.check(inputs, saved=saved, seed=seed, progress=progress, **options)
    words = ["verify", "backward", f"{file}:{pair.name}", "--seed", str(seed)]
    for option in ("points", "mode"):
        words += [f"--{option}", str(options[option])] if options.get(option) is not None else []
    words += ["--input", report.culprit_names[0]] if report.culprits else []
    return Checked(pair, saved, replace(report, reproduce=shlex.join(words)))


@contextlib.contextmanager
def _telling(title: str) -> Iterator[Callable[[str], None] | None]:
    """Where errors go to a terminal, a line that says what is looked at now; it is gone when the check is."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console

    with Console(stderr=True).status(title) as status:
        yield lambda told: status.update(f"{title}: {told}")


def _must_know(name: str, checked: list[Checked]) -> None:
    known = list(dict.fromkeys(one for each in checked for one in each.report.names))
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or known
        raise ValueError(f"there is no input {name!r}; there is {', '.join(near)}")


def _draw(path: Path, checked: list[Checked]) -> dict[str, str]:
    """What became of the picture of every pass; where there are several, their names are added to the path's."""
    said = {}
    for one in checked:
        title = one.pair.title
        target = path if len(checked) == 1 else path.with_stem(f"{path.stem}-{re.sub('[^A-Za-z0-9_]+', '-', title)}")
        if not one.report.heat:
            why = "all gradients agree" if one.report else "no gradient was compared entry by entry"
            said[title] = f"{title}: nothing to draw: {why}; --mode every-entry compares every entry"
            continue
        try:
            one.report.plot(target)
        except OSError as error:
            raise ValueError(f"cannot write {str(target)!r}: {error.strerror or error}") from error
        said[title] = f"{title}: drawn in {target}"
    return said


def _row(one: Checked) -> dict[str, Any]:
    report = json.loads(one.report.to_json())
    return {"name": one.pair.name, "case": one.pair.case or None, "saved": one.saved, **report}


# ----------------------------------------------------------------------------------------------------- terminal


def _print(checked: list[Checked], about_input: str | None, explain: bool) -> None:
    """A row for every pass; below it what is wrong there."""
    names = max(4, *(len(one.pair.title) for one in checked))
    layout = f"{{:<{names}}}  {{:<12}}  {{:>5}}  {{}}"
    finding = names + 25
    say("  " + layout.format("pass", *HEADING), finding, words=True)
    for one in checked:
        report = one.report
        say(f"{MARK[report.outcome]} {layout.format(one.pair.title, *row(report))}", finding, words=True)
        told, left_out = (report, "") if about_input is None else about(report, about_input)
        if told.outcome != "agrees":
            _print_message(told.message)
        elif report.outcome != "agrees" and about_input in report.names:
            _print_message(f"nothing wrong was found about {about_input}")
        if left_out:
            _print_message(left_out)
        if one.saved and one.pair.saved is None and (explain or report.outcome != "agrees"):
            _print_message(f"  {'saved':<13} forward returns two things: taken for (output, saved)")
        for line in explained(told) if explain else ():
            _print_message(line)
    agree = sum(one.report.outcome == "agrees" for one in checked)
    say(f"\n{agree} of {len(checked)} backward passes agree with their forward passes", 0, words=True)


def _print_message(message: str) -> None:
    """A report's message below its row; a command that takes several lines is written as a shell reads it."""
    for line in message.splitlines():
        *first, last = fold(f"    {line}", 20 if line.startswith("  ") else 6, words=True)
        for part in first:
            typer.echo(f"{part} \\" if line.startswith("  reproduce ") else part)
        typer.echo(last)
