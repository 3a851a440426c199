"""The ``verify`` command: check derivations and the catalogue.

Exit codes: 0 all lines hold; 1 something disagrees; 2 usage or bad input; 3 nothing disagrees but something could not
be exercised, or nothing was checked.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from derive.derivation import Chain, Check, Evidence
    from derive.formula import Formula

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Check derivations, derivatives and backward passes against numbers.",
)

EXIT = {"holds": 0, "fails": 1, "not exercised": 3}
MARK = {"holds": "✓", "fails": "✗", "not exercised": "?"}

Seed = Annotated[int, typer.Option("--seed", help="Seed of sizes and points.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.command()
def derivation(
    target: Annotated[str, typer.Argument(metavar="ID|PATH", help="Entry of the catalogue, or a formula file.")],
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Check every line of a derivation and say how well each holds."""
    from derive.errors import MissingRuleError, NotationError
    from derive.formula import claims_of, load
    from verify.derivation import check_derivation

    try:
        entry = load(target)
        claims = claims_of(entry)
        parts = [(claim, check_derivation(claim, seed=seed)) for claim in claims]
    except (NotationError, MissingRuleError) as error:
        _fail(str(error))
    outcome = _worst([evidence.outcome for _, evidence in parts])
    if as_json:
        document = {
            "id": entry.id,
            "outcome": outcome,
            "seed": seed,
            "claims": [
                {
                    "title": claim.title[0],
                    "outcome": evidence.outcome,
                    "chains": [_as_data(c, evidence) for c in claim.chains],
                }
                for claim, evidence in parts
            ],
        }
        typer.echo(json.dumps(document, ensure_ascii=False, indent=2))
        raise typer.Exit(EXIT[outcome])
    typer.secho(entry.title, bold=True)
    for claim, evidence in parts:
        typer.echo(f"\n{claim.title[0]}")
        for chain in claim.chains:
            _print_chain(chain, evidence)
    typer.echo("")
    _conclude(outcome, [check for _, evidence in parts for check in evidence.all])


@app.command()
def catalogue(seed: Seed = 0, as_json: AsJson = False) -> None:
    """Check every promise of every entry of the catalogue; one row for each."""
    from verify.catalogue import check_formula, formulas

    rows: list[dict[str, Any]] = []
    entries = list(formulas())
    width = max((len(entry.id) for entry in entries), default=0)
    for entry in entries:
        evidence = check_formula(entry, seed=seed)
        row = _row(entry, evidence)
        rows.append(row)
        if not as_json:
            typer.echo(
                f"{MARK[evidence.outcome]} {entry.id:<{width}}  {row['checks']:>4} checks  "
                f"largest relative error {row['error']:.1e}"
            )
            for check in evidence.all:
                if check.outcome != "holds":
                    typer.echo(f"    {MARK[check.outcome]} {check.message}")
    outcome = _worst([row["outcome"] for row in rows])
    if as_json:
        typer.echo(json.dumps({"outcome": outcome, "entries": rows}, ensure_ascii=False, indent=2))
        raise typer.Exit(EXIT[outcome])
    held = sum(row["outcome"] == "holds" for row in rows)
    typer.echo(f"\n{held} of {len(rows)} entries hold")
    raise typer.Exit(EXIT[outcome])


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


def _as_data(chain: Chain, evidence: Evidence) -> dict[str, Any]:
    return {
        "name": None if chain.name is None else repr(chain.name),
        "start": repr(chain.start),
        "steps": [
            {"relation": step.relation, "after": repr(step.after), "rule": step.rule, **_check(evidence.steps[step])}
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


def _print_chain(chain: Chain, evidence: Evidence) -> None:
    head = f"{chain.start!r}" if chain.name is None else f"{chain.name!r} := {chain.start!r}"
    typer.echo(f"  {_cut(head, 76)}")
    for step in chain.steps:
        _print_check(evidence.steps[step], f"{step.relation} {step.after!r}", step.law.title[0])
    for check in evidence.chains.get(chain, ()):
        _print_check(check, "result", check.witness)


def _print_check(check: Check, text: str, law: str) -> None:
    mark = f"{MARK[check.outcome]} {check.error:.0e}" if check.outcome == "holds" else f"{MARK[check.outcome]}      "
    typer.echo(f"    {mark}  {_cut(text, 66)}")
    typer.secho(f"             {_cut(law, 66)}", dim=True)
    if check.outcome != "holds":
        typer.echo(f"             {check.message}")


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _conclude(outcome: str, checks: list[Check]) -> NoReturn:
    counts = {name: sum(check.outcome == name for check in checks) for name in EXIT}
    error = max((check.error for check in checks if check.outcome == "holds"), default=0.0)
    typer.echo(
        f"{counts['holds']} of {len(checks)} checks hold, largest relative error {error:.1e}; "
        f"{counts['fails']} disagree, {counts['not exercised']} could not be exercised"
    )
    raise typer.Exit(EXIT[outcome])


def _worst(outcomes: list[str]) -> str:
    return "fails" if "fails" in outcomes else "holds" if outcomes and set(outcomes) == {"holds"} else "not exercised"


def _fail(message: str) -> NoReturn:
    typer.echo(f"verify: {message}", err=True)
    raise typer.Exit(2)


def main(arguments: list[str] | None = None) -> Any:
    """The console command."""
    return app(args=sys.argv[1:] if arguments is None else arguments, prog_name="verify")


if __name__ == "__main__":
    main()
