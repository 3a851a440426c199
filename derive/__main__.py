"""The ``derive`` command: list, show and render derivations of the catalogue or of a file of one's own.

Exit codes: 0 all lines hold; 1 a check disagrees; 2 usage or bad input; 3 something could not be exercised.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from derive.console import complain, conclude, cut, loaded, run, summary, width, worst
from derive.errors import DerivationError, MissingRuleError, NotationError, WrongResultError

if TYPE_CHECKING:
    from derive.derivation import Derivation, Evidence
    from derive.formula import Formula

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Derive the mathematics of deep learning line by line, every line checked.",
)


class Format(StrEnum):
    """The formats a derivation is written in."""

    latex = "latex"
    html = "html"
    markdown = "markdown"
    text = "text"


class Language(StrEnum):
    """The languages of the prose."""

    en = "en"
    zh = "zh"


# Format: the module whose function of that name writes it, and the ending of its files.
WRITERS = {
    Format.latex: ("latex", "tex"),
    Format.html: ("html", "html"),
    Format.markdown: ("markdown", "md"),
    Format.text: ("terminal", "txt"),
}
STATUS = {"holds": "checked", "fails": "wrong", "not exercised": "derived"}

Identifier = Annotated[str, typer.Argument(metavar="ID", help="Identifier of an entry; `derive list` shows them.")]
Lang = Annotated[Language, typer.Option("--lang", help="Language of the prose.")]
To = Annotated[list[Format], typer.Option("--to", help="Format; may be given several times.")]
Folder = Annotated[Path, typer.Option("-o", "--output", help="Folder to write to; made if it is not there.")]


@app.command("list")
def list_(
    check: Annotated[bool, typer.Option("--check", help="Check every line first; takes a while.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """The catalogue: identifier, title, and whether an entry is stated, derived or checked."""
    from derive.formula import catalogue, formula, group_of
    from derive.prose import without_marks

    rows: list[dict[str, str]] = []
    outcomes = ["holds"]
    for identifier in catalogue():
        entry = formula(identifier)
        status, outcome = _status(entry, check=check)
        outcomes.append(outcome)
        group = group_of(identifier)
        title, title_zh = without_marks(entry.title), without_marks(entry.title_zh)
        if not as_json:
            if not rows or group != rows[-1]["group"]:
                typer.secho(f"\n{group.replace('_', ' ')}", bold=True)
            typer.echo(cut(f"  {identifier:<{max(map(len, catalogue()))}}  {status:<8}  {title}", width()))
        rows.append({"id": identifier, "group": group, "status": status,
                     "title": title, "title_zh": title_zh})  # fmt: skip
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    conclude(worst(outcomes))


def _status(entry: Formula, *, check: bool) -> tuple[str, str]:
    """What an entry is, and the outcome of its checks where there were some."""
    from derive.evidence import evidence_for
    from derive.formula import claims_of

    if not any(chain.steps for claim in claims_of(entry) for chain in claim.chains):
        return "stated", "holds"
    if not check:
        return "derived", "holds"
    try:
        outcome = evidence_for(entry).outcome
    except DerivationError:
        outcome = "fails"
    return STATUS[outcome], outcome


@app.command()
def show(identifier: Identifier, lang: Lang = Language.en) -> None:
    """Print a derivation to the terminal."""
    from derive.render.terminal import text

    subject = loaded(identifier)
    evidence = _checked(subject)
    typer.echo(text(subject, evidence, lang=lang.value, width=width()), nl=False)
    _finish([evidence.outcome])


@app.command()
def render(
    identifier: Identifier,
    to: To = [Format.latex],  # noqa: B006 - typer copies it
    lang: Lang = Language.en,
    output: Folder = Path("derivations"),
) -> None:
    """Write a derivation to a folder and print the paths."""
    _write([identifier], to, lang, output)


@app.command()
def file(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH…", help="Formula files, in the form of a catalogue file.")
    ],
    to: To = [Format.latex],  # noqa: B006 - typer copies it
    lang: Lang = Language.en,
    output: Folder = Path("derivations"),
) -> None:
    """Write derivations of formula files of your own. The files are run as Python programs."""
    for path in paths:
        if path.suffix != ".py" and not path.exists():
            raise NotationError(
                f"{str(path)!r} is no Python file; for an entry of the catalogue: derive render {path}"
            )
    _write([str(path) for path in paths], to, lang, output)


class Kind(StrEnum):
    """What is derived of a function."""

    gradient = "gradient"
    jacobian = "jacobian"
    hessian = "hessian"
    mixed = "mixed"
    hvp = "hvp"
    jvp = "jvp"
    vjp = "vjp"
    taylor = "taylor"


class FunctionFormat(StrEnum):
    """The formats of a derivation of a function; ``numpy`` is its result as NumPy source."""

    latex = "latex"
    html = "html"
    markdown = "markdown"
    text = "text"
    numpy = "numpy"


LATEX = [FunctionFormat.latex]
FunctionTo = Annotated[list[FunctionFormat], typer.Option("--to", help="The format; may be repeated.")]


@app.command()
def function(
    target: Annotated[
        str, typer.Argument(metavar="FILE.py:NAME", help="A NumPy function; NAME_assumptions there may say more.")
    ],
    wrt: Annotated[list[str], typer.Option("--wrt", help="The argument to differentiate by; may be repeated.")],
    shape: Annotated[
        list[str], typer.Option("--shape", metavar="X=n,d", help="The shape of an argument; X= for a number.")
    ],
    kind: Annotated[Kind, typer.Option("--kind", help="What is derived.")] = Kind.gradient,
    order: Annotated[int, typer.Option("--order", min=1, help="The order of a Taylor polynomial.")] = 2,
    to: FunctionTo = LATEX,
    lang: Lang = Language.en,
    output: Folder = Path("derivations"),
) -> None:
    """Derive from a NumPy function in a file of your own. The file is run as a Python program."""
    from derive.evidence import evidence_for

    found, assumptions = _function_of(target)
    shapes = dict(_shape_of(one) for one in shape)
    subject = _asked(kind, found, wrt, order, shapes, assumptions)
    name = "-".join((found.__name__, kind.value, *wrt))
    formats = [Format(one.value) for one in to if one is not FunctionFormat.numpy]
    try:
        evidence = evidence_for(subject)
        documents = _documents(subject, name, evidence, formats, lang, output)
        if FunctionFormat.numpy in to:
            documents[output / f"{name.replace('-', '_')}.py"] = subject.numpy_source().encode()
    except WrongResultError as error:
        path = output / f"{name}.report.py"
        _save(path, error.report.encode())
        raise DerivationError(
            f"{error.what}\nThis is an error of the toolkit: please send its authors {path}"
        ) from error
    for path, document in documents.items():
        _save(path, document)
        typer.echo(str(path))
    typer.secho(summary(evidence.all), dim=True)
    _finish([evidence.outcome])


def _asked(
    kind: Kind,
    found: Callable[..., Any],
    wrt: Sequence[str],
    order: int,
    shapes: dict[str, tuple[str | int, ...]],
    assumptions: Callable[..., Any] | None,
) -> Derivation:
    """The derivation of this kind. Raises: NotationError where it cannot be made."""
    import derive

    if kind is Kind.mixed:
        if len(wrt) != 2:
            raise NotationError(f"second derivatives are by two arguments: give --wrt twice, not {len(wrt)} times")
        return derive.mixed(found, wrt[0], wrt[1], shapes=shapes, assumptions=assumptions)
    by = wrt[0] if len(wrt) == 1 else tuple(wrt)
    if kind is Kind.taylor:
        return derive.taylor(found, by, order=order, shapes=shapes, assumptions=assumptions)
    subject: Derivation = getattr(derive, kind.value)(found, by, shapes=shapes, assumptions=assumptions)
    return subject


def _function_of(target: str) -> tuple[Callable[..., Any], Callable[..., Any] | None]:
    """The function that FILE.py:NAME names, and its assumptions where the file has some."""
    from derive.user_files import module_of

    path, _, name = target.rpartition(":")
    if not path or not name:
        raise NotationError(f"{target!r} names no function: write FILE.py:NAME")
    module = module_of(Path(path))
    found = getattr(module, name, None)
    if not callable(found):
        defined = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        raise NotationError(f"{path} has no function {name!r}; it has {', '.join(defined) or 'none'}")
    return found, getattr(module, f"{name}_assumptions", None)


def _shape_of(text: str) -> tuple[str, tuple[str | int, ...]]:
    """``X=n,d`` as a name and a shape."""
    name, equals, sizes = text.partition("=")
    if not equals or not name.strip().isidentifier():
        raise NotationError(f"{text!r} is no shape: write --shape X=n,d, and X= for a number")
    listed = [one.strip() for one in sizes.split(",") if one.strip()]
    return name.strip(), tuple(int(one) if one.isdigit() else one for one in listed)


def _write(targets: Sequence[str], to: Sequence[Format], lang: Language, folder: Path) -> None:
    """Write every target in every format. All are loaded first; what disagrees is not written."""
    subjects: dict[str, Formula] = {}
    for target in targets:
        subject = loaded(target)
        if subjects.setdefault(subject.id, subject) is not subject:
            raise NotationError(f"{target}: another of these files declares the id {subject.id!r}; take another one")
    outcomes = []
    for subject in subjects.values():
        try:
            evidence = _checked(subject)
        except DerivationError as error:
            complain(f"derive: {subject.id}: {error}")
            outcomes.append("fails")
            continue
        outcomes.append(evidence.outcome)
        for path, document in _documents(subject, subject.id, evidence, to, lang, folder).items():
            _save(path, document)
            typer.echo(str(path))
        typer.secho(summary(evidence.all), dim=True)
    _finish(outcomes)


def _checked(subject: Formula) -> Evidence:
    from derive.evidence import evidence_for

    try:
        return evidence_for(subject)
    except (ValueError, MissingRuleError) as error:
        raise NotationError(f"{subject.id}: {error}") from error


def _documents(
    subject: Formula | Derivation, name: str, evidence: Evidence, to: Sequence[Format], lang: Language, folder: Path
) -> dict[Path, bytes]:
    """What is to be written where."""
    documents = {}
    for form in dict.fromkeys(to):
        module, ending = WRITERS[form]
        writer = getattr(importlib.import_module(f"derive.render.{module}"), form.value)
        stem = name if lang is Language.en else f"{name}.{lang.value}"
        try:
            documents[folder / f"{stem}.{ending}"] = writer(subject, evidence, lang=lang.value).encode()
        except UnicodeError as error:
            raise NotationError(f"{name}: its prose has characters that are no text: {error}") from error
    return documents


def _save(path: Path, document: bytes) -> None:
    """Write beside, then rename: there is never half a document. Raises: NotationError where that cannot be done."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            beside.write_bytes(document)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise NotationError(f"cannot write {str(path)!r}: {error.strerror}; choose another folder with -o") from error


def _finish(outcomes: Sequence[str]) -> NoReturn:
    outcome = worst(outcomes)
    if outcome == "not exercised":
        complain("some lines could not be exercised; `verify derivation` says which")
    conclude(outcome)


def main(arguments: list[str] | None = None) -> NoReturn:
    """The console command."""
    run(app, "derive", arguments)


if __name__ == "__main__":
    main()
