"""Commands as a test runs them: in this process where that is enough, in one of their own where it is not."""

from __future__ import annotations

import subprocess
import sys
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Ended:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """What stands on standard error, however it is broken into lines."""
        return " ".join(self.err.split())


Call = Callable[..., Ended]


def called(main: Callable[[list[str]], None], capsys: pytest.CaptureFixture[str]) -> Call:
    """Calls of a command in this process."""

    def call(*arguments: object) -> Ended:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(one) for one in arguments])
        out, err = capsys.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        assert "Traceback" not in out + err
        return Ended(code, out, err)

    return call


def run(*arguments: object, **options: object) -> Ended:
    """A Python process with these arguments."""
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", timeout=120, check=False, **options
    )  # type: ignore[call-overload]
    return Ended(done.returncode, done.stdout, done.stderr)


def imported_by(*arguments: object) -> set[str]:
    """The modules that a Python process imports."""
    ended = run("-X", "importtime", *arguments)
    assert ended.code == 0
    lines = [line for line in ended.err.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines}


def widest(text: str) -> int:
    """The columns of the widest line."""
    return max((sum(map(_columns, line)) for line in text.splitlines()), default=0)


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def files_below(folder: Path) -> set[str]:
    """Every file below a folder, hidden ones too."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
