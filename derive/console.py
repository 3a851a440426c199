"""What the commands share: how they end, what they say when something is wrong, and how wide they write.

Exit codes: 0 everything holds; 1 something disagrees; 2 usage or bad input; 3 nothing disagrees but something could
not be exercised, or nothing was checked.
"""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NoReturn

import typer

from derive.errors import DerivationError, MissingRuleError

if TYPE_CHECKING:
    from derive.derivation import Check
    from derive.formula import Formula

__all__ = ["EXIT", "MARK", "complain", "conclude", "cut", "fold", "loaded", "run", "say", "summary", "width", "worst"]

EXIT = {"holds": 0, "fails": 1, "not exercised": 3}
MARK = {"holds": "✓", "fails": "✗", "not exercised": "?"}

NARROW, WIDE = 40, 100


def run(app: typer.Typer, name: str, arguments: list[str] | None) -> NoReturn:
    """Run a command. What is wrong with its input, or disagrees, ends it with one message and never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # where a terminal lacks a letter of mathematics, the rest can still be read
            stream.reconfigure(errors="replace")
    try:
        app(args=sys.argv[1:] if arguments is None else arguments, prog_name=name)
    except (ValueError, MissingRuleError) as error:
        # NotationError is a ValueError; so is that of a domain that is unknown or empty
        complain(f"{name}: {error}")
        sys.exit(2)
    except DerivationError as error:
        complain(f"{name}: {error}")
        sys.exit(EXIT["fails"])
    sys.exit(0)


def complain(message: str) -> None:
    """A message about something wrong, on standard error."""
    say(message, 2, words=True, err=True)


def say(text: str, indent: int = 0, *, words: bool = False, dim: bool = False, err: bool = False) -> None:
    """Print lines that fit the terminal, as ``fold`` makes them."""
    for line in fold(text, indent, words=words):
        typer.echo(typer.style(line, dim=True) if dim else line, err=err)


def loaded(target: str) -> Formula:
    """A formula by identifier or file; ends with 3 where it has nothing to derive.

    Raises: NotationError, MissingRuleError.
    """
    from derive.formula import claims_of, load

    formula = load(target)
    if not any(claim.chains for claim in claims_of(formula)):
        complain(f"{target}: nothing to derive: claims() gives no chain; let it return [claim(…)]")
        raise typer.Exit(EXIT["not exercised"])
    return formula


def worst(outcomes: Iterable[str]) -> str:
    """The outcome of several: ``fails`` before ``not exercised`` before ``holds``; nothing at all is no success."""
    found = set(outcomes)
    return "fails" if "fails" in found else "holds" if found == {"holds"} else "not exercised"


def conclude(outcome: str) -> NoReturn:
    """End with the exit code of an outcome."""
    raise typer.Exit(EXIT[outcome])


def summary(checks: Iterable[Check]) -> str:
    """One line on how well something was checked."""
    outcomes = [check.outcome for check in checks]
    error = max((check.error for check in checks if check.outcome == "holds"), default=0.0)
    text = f"{outcomes.count('holds')} of {len(outcomes)} checks hold, error at most {error:.1e}"
    for outcome, words in (("fails", "disagree"), ("not exercised", "not exercised")):
        if outcome in outcomes:
            text += f", {outcomes.count(outcome)} {words}"
    return text


# -------------------------------------------------------------------------------------------------------- width


def width() -> int:
    """Columns to write in: those of the terminal, 80 where there is none."""
    return min(max(shutil.get_terminal_size().columns, NARROW), WIDE)


def cut(text: str, columns: int) -> str:
    """A text on one line of so many columns."""
    from rich.cells import cell_len

    if cell_len(text) <= columns:
        return text
    return text[: _fitting(text, columns - 1)] + "…"


def fold(text: str, indent: int = 0, *, words: bool = False) -> Iterator[str]:
    """Lines that fit the terminal, the later ones indented; with ``words`` none is cut: paths can be copied."""
    from rich.cells import cell_len

    for line in text.splitlines():
        while cell_len(line) > width():
            end = _fitting(line, width())
            margin = len(line) - len(line.lstrip())
            space = line.rfind(" ", margin, end + 1)
            if space <= margin and words:
                space = line.find(" ", end)
                if space < 0:
                    break
            at = space if space > margin else end
            yield line[:at].rstrip()
            line = " " * max(indent, margin) + line[at:].lstrip()
        yield line


def _fitting(text: str, columns: int) -> int:
    """How many characters of a text fit."""
    from rich.cells import cell_len

    filled = 0
    for position, character in enumerate(text):
        filled += cell_len(character)
        if filled > columns:
            return position
    return len(text)
