"""The ``verify`` command: check derivations, the catalogue, layers and backward passes; find critical points.

Exit codes: 0 everything holds; 1 something disagrees; 2 usage or bad input; 3 nothing disagrees but something could
not be exercised, or nothing was checked.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from derive.console import MARK, conclude, cut, loaded, run, say, summary, width, worst

if TYPE_CHECKING:
    from derive.derivation import Chain, Check, Evidence
    from derive.formula import Formula

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Check derivations, derivatives and backward passes against numbers; find critical points.",
)

Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of sizes and points.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


class Mode(StrEnum):
    """How gradients are compared."""

    directions = "directions"
    every_entry = "every-entry"


@app.command()
def derivation(
    target: Annotated[str, typer.Argument(metavar="ID|PATH", help="Entry of the catalogue, or a formula file.")],
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Check every line of a derivation and say how well each holds."""
    from derive.formula import claims_of
    from derive.prose import without_marks
    from verify.derivation import check_derivation

    entry = loaded(target)
    parts = [(claim, check_derivation(claim, seed=seed)) for claim in claims_of(entry)]
    outcome = worst(evidence.outcome for _, evidence in parts)
    if as_json:
        claims = [
            {
                "title": without_marks(claim.title[0]),
                "outcome": evidence.outcome,
                "chains": [_chain(chain, evidence) for chain in claim.chains],
            }
            for claim, evidence in parts
        ]
        _print_json({"id": entry.id, "outcome": outcome, "seed": seed, "claims": claims})
        conclude(outcome)
    typer.secho(cut(without_marks(entry.title), width()), bold=True)
    for claim, evidence in parts:
        say(f"\n{without_marks(claim.title[0])}")
        for chain in claim.chains:
            _print_chain(chain, evidence)
    say("\n" + summary([check for _, evidence in parts for check in evidence.all]))
    conclude(outcome)


@app.command()
def catalogue(seed: Seed = 0, as_json: AsJson = False) -> None:
    """Check every promise of every entry of the catalogue; one row for each."""
    from verify.catalogue import check_formula, formulas
    from verify.pairs import waiting

    rows: list[dict[str, Any]] = []
    entries = list(formulas())
    names = max((len(entry.id) for entry in entries), default=0)
    for entry in entries:
        evidence = check_formula(entry, seed=seed)
        rows.append(_row(entry, evidence))
        if not as_json:
            say(f"{MARK[evidence.outcome]} {entry.id:<{names}}  {summary(evidence.all)}", 4)
            for check in evidence.all:
                if check.outcome != "holds":
                    say(f"    {MARK[check.outcome]} {check.message}", 6)
    outcome = worst(row["outcome"] for row in rows)
    without = {layer.name: layer.formula for layer in waiting()}
    if as_json:
        _print_json({"outcome": outcome, "seed": seed, "entries": rows, "layers_without_formula": without})
    else:
        held = sum(row["outcome"] == "holds" for row in rows)
        say(f"\n{held} of {len(rows)} entries hold")
        if without:
            listed = ", ".join(f"{name} ({formula})" for name, formula in without.items())
            say(f"Layers that are not compared with their formula yet: {listed}")
    conclude(outcome)


@app.command()
def layers(
    targets: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME|PATH]...", help="Layers, or files of your own. [default: all]"),
    ] = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Try every promise of NumPy layers on every case, in float64 and float32; one row for each."""
    from verify.layers_command import check_layers

    conclude(check_layers(targets or (), seed, as_json=as_json))


@app.command()
def backward(
    target: Annotated[
        str, typer.Argument(metavar="FILE.py[:NAME]", help="File with the passes, or those of one name in it.")
    ],
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of inputs and directions.")] = 0,
    points: Annotated[
        int | None, typer.Option("--points", min=1, help="Points to look at; the inputs are the first.")
    ] = None,
    mode: Annotated[Mode | None, typer.Option("--mode", help="Compare along directions, or every entry.")] = None,
    time_limit: Annotated[
        float, typer.Option("--time-limit", min=0.01, help="Seconds for each backward pass.")
    ] = 60.0,
    of_input: Annotated[str | None, typer.Option("--input", metavar="NAME", help="Tell of this input only.")] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Tell kinds, numbers and worst entries, too.")] = False,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="PATH", help="Draw errors by entry: .png, .pdf or .svg.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check backward passes written by hand, and say what is wrong with them; one row for each."""
    from verify.backward_command import check_file

    options = {"points": points, "mode": mode and mode.value, "time_limit": time_limit}
    conclude(check_file(target, seed, options, about_input=of_input, explain=explain, plot=plot, as_json=as_json))


@app.command()
def saddle(
    target: Annotated[
        str | None,
        typer.Argument(metavar="[FILE.py:NAME]", help="Function of a vector, or an entry of the catalogue."),
    ] = None,
    expr: Annotated[str | None, typer.Option("--expr", metavar="FORMULA", help='As "(x**2 - 1)**2 + y**2".')] = None,
    box: Annotated[str | None, typer.Option("--box", metavar="BOX", help='As "-5,5;0,1" or "x=-5,5; y=0,1".')] = None,
    start: Annotated[
        str | None, typer.Option("--start", metavar="POINT", help='Look around it: "0.5,1" or "x=0.5, y=1".')
    ] = None,
    symbols: Annotated[
        str | None, typer.Option("--symbols", metavar="NAMES", help="The variables and their order: x,y.")
    ] = None,
    certify: Annotated[
        bool | None,
        typer.Option("--certify/--no-certify", help="Insist on a proof, or do without. [default: where it can be]"),
    ] = None,
    rigor: Annotated[bool, typer.Option("--rigor", help="Repeat the proof in ball arithmetic.")] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of starts.")] = 0,
    time_limit: Annotated[
        float | None, typer.Option("--time-limit", min=0.01, help="Seconds; then what was found is printed.")
    ] = None,
    journal: Annotated[
        Path | None, typer.Option("--journal", metavar="PATH", help="File from which a broken run goes on.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="PATH", help="Draw points and spectra: .png, .pdf or .svg.")
    ] = None,
    worked: Annotated[
        Path | None,
        typer.Option("--worked", metavar="PATH", help="Derive exact points line by line: .tex, .html, .md or .txt."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Print all points, however many.")] = False,
    as_json: AsJson = False,
) -> None:
    """Find the critical points of a function, each with its index, and say whether there are others.

    The exit code is 0 only when it is proved that there are none; 1 when a derivative in the file is wrong; 3 when
    the list is not proved complete.
    """
    from verify.saddle_command import search

    if rigor and certify is False:
        raise ValueError("--rigor proves, and --no-certify does without a proof: give one of them")
    conclude(
        search(
            target,
            expr,
            box=box,
            start=start,
            symbols=symbols,
            certify="rigor" if rigor else certify,
            seed=seed,
            time_limit=time_limit,
            journal=journal,
            plot=plot,
            worked=worked,
            every=every,
            as_json=as_json,
        )
    )


# --------------------------------------------------------------------------------------------------------- JSON


def _print_json(document: dict[str, Any]) -> None:
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2))


def _row(entry: Formula, evidence: Evidence) -> dict[str, Any]:
    held = [check for check in evidence.all if check.outcome == "holds"]
    return {
        "id": entry.id,
        "outcome": evidence.outcome,
        "checks": len(evidence.all),
        "hold": len(held),
        "error": max((check.error for check in held), default=0.0),
        "messages": [check.message for check in evidence.all if check.outcome != "holds"],
    }


def _chain(chain: Chain, evidence: Evidence) -> dict[str, Any]:
    return {
        "name": None if chain.name is None else repr(chain.name),
        "start": repr(chain.start),
        "steps": [
            {
                "relation": step.relation,
                "after": repr(step.after),
                "rule": step.rule,
                **_check(evidence.steps[step]),
                "substeps": [_chain(sub, evidence) for sub in step.substeps],
            }
            for step in chain.steps
        ],
        "result": [_check(check) for check in evidence.chains.get(chain, ())],
    }


def _check(check: Check) -> dict[str, Any]:
    return {
        "outcome": check.outcome,
        "witness": check.witness,
        "points": check.points,
        "sizes": [dict(sizes) for sizes in check.sizes],
        "error": check.error,
        "message": check.message,
    }


# ----------------------------------------------------------------------------------------------------- terminal


def _print_chain(chain: Chain, evidence: Evidence, margin: int = 2) -> None:
    """A chain with its checks; of smaller steps those chains in which something does not hold."""
    head = f"{chain.start!r}" if chain.name is None else f"{chain.name!r} := {chain.start!r}"
    typer.echo(" " * margin + cut(head, width() - margin))
    for step in chain.steps:
        _print_check(evidence.steps[step], f"{step.relation} {step.after!r}", step.law.title[0], margin + 2)
        for sub in step.substeps:
            if any(check.outcome != "holds" for check in _checks(sub, evidence)):
                _print_chain(sub, evidence, margin + 11)
    for check in evidence.chains.get(chain, ()):
        _print_check(check, "result", check.witness, margin + 2)


def _checks(chain: Chain, evidence: Evidence) -> Iterator[Check]:
    for step in chain.steps:
        yield evidence.steps[step]
        for sub in step.substeps:
            yield from _checks(sub, evidence)


def _print_check(check: Check, text: str, law: str, margin: int) -> None:
    error = f"{check.error:.0e}" if check.outcome == "holds" else ""
    head = f"{'':<{margin}}{MARK[check.outcome]} {error:<5}  "
    typer.echo(cut(head + text, width()))
    typer.secho(cut(" " * len(head) + law, width()), dim=True)
    if check.outcome != "holds":
        say(textwrap.indent(check.message, " " * len(head)), len(head))


def main(arguments: list[str] | None = None) -> NoReturn:
    """The console command."""
    run(app, "verify", arguments)


if __name__ == "__main__":
    main()
