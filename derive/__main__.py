"""The ``derive`` command: list, show and render derivations of the catalogue or of a file of one's own.

Exit codes: 0 all lines hold; 1 a check disagrees; 2 usage or bad input; 3 something could not be exercised.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from derive.derivation import Evidence
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


SUFFIX = {Format.latex: "tex", Format.html: "html", Format.markdown: "md", Format.text: "txt"}
EXIT = {"holds": 0, "fails": 1, "not exercised": 3}

Lang = Annotated[Language, typer.Option("--lang", help="Language of the prose.")]
To = Annotated[list[Format], typer.Option("--to", help="Format; may be given several times.")]
Folder = Annotated[Path, typer.Option("-o", "--output", help="Folder to write to; made if it is not there.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.command("list")
def list_(
    check: Annotated[bool, typer.Option("--check", help="Check every line first; takes a while.")] = False,
    as_json: AsJson = False,
) -> None:
    """The catalogue: identifier, title, and whether an entry is stated, derived or checked."""
    from derive.formula import catalogue, formula, group_of

    rows: list[dict[str, str]] = []
    for identifier in catalogue():
        entry = formula(identifier)
        status = _status(entry, check=check)
        rows.append({"id": identifier, "group": group_of(identifier), "status": status,
                     "title": entry.title, "title_zh": entry.title_zh})  # fmt: skip
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    width = max(len(row["id"]) for row in rows)
    group = ""
    for row in rows:
        if row["group"] != group:
            group = row["group"]
            typer.secho(f"\n{group.replace('_', ' ')}", bold=True)
        typer.echo(f"  {row['id']:<{width}}  {row['status']:<8}  {row['title']}")


def _status(entry: Formula, *, check: bool) -> str:
    from derive.errors import DerivationError
    from derive.evidence import evidence_for
    from derive.formula import claims_of

    claims = claims_of(entry)
    if not any(step for claim in claims for chain in claim.chains for step in chain.steps):
        return "stated"
    if not check:
        return "derived"
    try:
        return "checked" if evidence_for(entry).outcome == "holds" else "derived"
    except DerivationError:
        return "wrong"


@app.command()
def show(
    identifier: Annotated[
        str, typer.Argument(metavar="ID", help="Identifier of an entry; `derive list` shows them.")
    ],
    lang: Lang = Language.en,
) -> None:
    """Print a derivation to the terminal."""
    subject, evidence = _checked(identifier)
    from derive.render.text import text

    typer.echo(text(subject, evidence, lang=lang.value, width=80))
    _finish(evidence)


@app.command()
def render(
    identifier: Annotated[
        str, typer.Argument(metavar="ID", help="Identifier of an entry; `derive list` shows them.")
    ],
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
        if path.suffix != ".py":
            _fail(f"{str(path)!r} is no Python file; for an entry of the catalogue use `derive render {path}`")
    _write([str(path) for path in paths], to, lang, output)


def _write(targets: list[str], to: list[Format], lang: Language, folder: Path) -> None:
    import importlib

    worst: Evidence | None = None
    for target in targets:
        subject, evidence = _checked(target)
        documents = {}
        for form in dict.fromkeys(to):
            module = importlib.import_module(f"derive.render.{form.value}")
            documents[form] = getattr(module, form.value)(subject, evidence, lang=lang.value)
        for form, document in documents.items():
            name = subject.id if lang is Language.en else f"{subject.id}.{lang.value}"
            path = _save(folder / f"{name}.{SUFFIX[form]}", document)
            typer.echo(str(path))
        typer.secho(summary(evidence), dim=True)
        if worst is None or EXIT[evidence.outcome] > EXIT[worst.outcome]:
            worst = evidence
    assert worst is not None
    _finish(worst)


def summary(evidence: Evidence) -> str:
    """One line on how well a derivation was checked."""
    total = len(evidence.all)
    held = sum(check.outcome == "holds" for check in evidence.all)
    error = max((check.error for check in evidence.all if check.outcome == "holds"), default=0.0)
    text = f"{held} of {total} checks hold, largest relative error {error:.1e}"
    left = total - held
    return text if not left else f"{text}; {left} could not be exercised"


def _save(path: Path, document: str) -> Path:
    """Write beside, then rename: there is never half a document."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(document)
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        _fail(f"cannot write to {str(path.parent)!r}: {error.strerror}; choose another folder with -o")
    return path


def _checked(target: str) -> tuple[Formula, Evidence]:
    from derive.errors import DerivationError, MissingRuleError, NotationError
    from derive.evidence import evidence_for
    from derive.formula import load

    try:
        subject = load(target)
        return subject, evidence_for(subject)
    except (NotationError, MissingRuleError) as error:
        _fail(str(error))
    except DerivationError as error:
        _fail(str(error), code=1)


def _finish(evidence: Evidence) -> None:
    code = EXIT[evidence.outcome]
    if code == 3:
        typer.echo("some lines could not be exercised; `verify derivation` says which", err=True)
    if code:
        raise typer.Exit(code)


def _fail(message: str, code: int = 2) -> NoReturn:
    typer.echo(f"derive: {message}", err=True)
    raise typer.Exit(code)


def main(arguments: list[str] | None = None) -> Any:
    """The console command."""
    return app(args=sys.argv[1:] if arguments is None else arguments, prog_name="derive")


if __name__ == "__main__":
    main()
