"""The plugin for pytest: the fixture ``check_backward``, the marker ``gradproof``, their options, and a summary.

It is loaded in every run of pytest: NumPy and the checker are imported when a test asks for the fixture.

Data
    ``Settings``  what the options, or a marker, say; None where they say nothing.

The three most important functions are ``check_backward`` (the fixture), ``settings_of`` (a test's settings) and
``Summary`` (collects the reports of all tests, from other processes too).
"""

from __future__ import annotations

import dataclasses
import json
import shlex
import shutil
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from verify.backward_pass import Report

__all__ = ["InconclusiveWarning", "Settings", "check_backward"]

# The name under which a report travels among the properties of a test.
PROPERTY = "gradproof"

INCONCLUSIVE = ("fail", "warn", "pass")


class InconclusiveWarning(UserWarning):
    """A backward pass could not be judged, and the test lets that pass with a warning."""


@dataclass(frozen=True)
class Settings:
    """What is said of a check: seed, points, seconds, and what an undecided one does to its test."""

    seed: int | None = None
    points: int | None = None
    time_limit: float | None = None
    inconclusive: str | None = None

    def __post_init__(self) -> None:
        for name, least in (("seed", 0), ("points", 1)):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < least):
                raise ValueError(f"{name} is {value!r}: it is a whole number, {least} or more")
        limit = self.time_limit
        if limit is not None and (not isinstance(limit, (int, float)) or isinstance(limit, bool) or not limit > 0):
            raise ValueError(f"time_limit is {limit!r}: it is a number of seconds, more than 0")
        if self.inconclusive not in (None, *INCONCLUSIVE):
            raise ValueError(f"inconclusive is {self.inconclusive!r}: it is one of {', '.join(INCONCLUSIVE)}")

    def over(self, other: Settings) -> Settings:
        """These, and where they say nothing the other ones."""
        said = {name: value for name, value in dataclasses.asdict(self).items() if value is not None}
        return dataclasses.replace(other, **said)


KINDS: Mapping[str, Callable[[str], Any]] = {
    "seed": int,
    "points": int,
    "time_limit": float,
    "inconclusive": str,
}
"""The settings, and what reads them from text."""

HELP = {
    "seed": "seed of every check of a backward pass",
    "points": "points at which every backward pass is checked; the given inputs are the first",
    "time_limit": "seconds for every check of a backward pass",
    "inconclusive": "what becomes of a test whose backward pass could not be judged: fail, warn or pass",
}

MARKER = "gradproof(seed=…, points=…, time_limit=…, inconclusive='fail'|'warn'|'pass')"

OF_RUN = pytest.StashKey[Settings]()
JSON_PATH = pytest.StashKey["Path | None"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("gradproof", "backward passes (gradproof)")
    for name, said in HELP.items():
        dashed = name.replace("_", "-")
        metavar = {"seed": "N", "points": "N", "time_limit": "SECONDS", "inconclusive": "ACTION"}[name]
        group.addoption(f"--gradproof-{dashed}", dest=f"gradproof_{name}", metavar=metavar, help=said)
        parser.addini(f"gradproof_{name}", said, default=None)
    said = "write the reports on all backward passes to this file, as JSON"
    group.addoption("--gradproof-json", dest="gradproof_json", metavar="PATH", help=said)
    parser.addini("gradproof_json", said, default=None)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", f"{MARKER}: how the fixture check_backward checks in this test; it is stronger than options."
    )
    config.stash[OF_RUN] = _options(config)
    config.stash[JSON_PATH] = _json_path(config)
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Summary(config), "gradproof-summary")


def _options(config: pytest.Config) -> Settings:
    """Those of the command line, and below them those of the ini file. Raises: UsageError when one cannot be read."""
    read: dict[str, Any] = {}
    for name, kind in KINDS.items():
        option = f"--gradproof-{name.replace('_', '-')}"
        text = config.getoption(f"gradproof_{name}")
        if text is None:
            option, text = f"gradproof_{name}", config.getini(f"gradproof_{name}")
        if text in (None, ""):
            continue
        try:
            read[name] = kind(text)
            Settings(**{name: read[name]})
        except ValueError as error:
            reason = str(error) if str(error).startswith(name) else f"{text!r} is no number"
            raise pytest.UsageError(f"{option}: {reason}") from error
    return Settings(**read)


def _json_path(config: pytest.Config) -> Path | None:
    """Where the reports go: relative to the working directory, or to the ini file if that says it."""
    given = config.getoption("gradproof_json")
    base = config.invocation_params.dir
    if given is None:
        given = config.getini("gradproof_json")
        base = config.inipath.parent if config.inipath is not None else config.rootpath
    if not given:
        return None
    path = Path(base, str(given))
    if path.is_dir():
        raise pytest.UsageError(f"--gradproof-json: {str(path)!r} is a folder: name a file in it")
    return path


def settings_of(node: pytest.Item) -> Settings:
    """Those of a test: its markers, the nearest first, and below them the options. Raises: ValueError."""
    found = Settings()
    names = list(KINDS)
    for marker in node.iter_markers("gradproof"):
        unknown = [*map(repr, marker.args), *(name for name in marker.kwargs if name not in names)]
        if unknown:
            raise ValueError(f"it does not take {', '.join(unknown)}: it takes {', '.join(f'{n}=…' for n in names)}")
        found = found.over(Settings(**marker.kwargs))
    return found.over(node.config.stash[OF_RUN])


@pytest.fixture
def check_backward(request: pytest.FixtureRequest) -> Callable[..., Report]:
    """Checks a backward pass, and fails the test where it disagrees: ``check_backward(forward, backward, inputs)``.

    It takes what ``verify.backward_pass.check_backward`` takes, and ``inconclusive``; what a call says is stronger
    than the marker, and that than the options. Returns the report.
    """
    node = request.node
    try:
        settings = settings_of(node)
    except ValueError as error:
        pytest.fail(f"@pytest.mark.gradproof: {error}", pytrace=False)

    def check(
        forward: Callable[..., Any],
        backward: Callable[..., Any],
        inputs: Any,
        *,
        inconclusive: str | None = None,
        **options: Any,
    ) -> Report:
        __tracebackhide__ = True
        from verify import backward_pass

        action = Settings(inconclusive=inconclusive).over(settings).inconclusive or "fail"
        for name in ("seed", "points", "time_limit"):
            if getattr(settings, name) is not None:
                options.setdefault(name, getattr(settings, name))
        report = backward_pass.check_backward(forward, backward, inputs, **options)
        node.user_properties.append((PROPERTY, report.to_json()))
        if report.outcome == "disagrees" or (report.outcome == "inconclusive" and action == "fail"):
            pytest.fail(_message(report, node), pytrace=False)
        if report.outcome == "inconclusive" and action == "warn":
            warnings.warn(InconclusiveWarning(report.message), stacklevel=2)
        return report

    return check


def _message(report: Report, node: pytest.Item) -> str:
    """What the report says, and how to see it again."""
    seed = node.config.getoption("gradproof_seed")
    words = ["pytest", node.nodeid, *([f"--gradproof-seed={seed}"] if seed is not None else [])]
    return f"{report.message}\n  run again     {shlex.join(words)}"


class Summary:
    """Reports of all tests; they come with what pytest reports of a test, from other processes too."""

    def __init__(self, config: pytest.Config) -> None:
        self.path = config.stash[JSON_PATH]
        self.checks: list[dict[str, Any]] = []
        self.unwritten = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        # whatever a test checked, in its fixtures too, is known when the last of these is gone
        if report.when == "teardown":
            for name, text in report.user_properties:
                if name == PROPERTY:
                    self.checks.append({"test": report.nodeid, **json.loads(str(text))})

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        if self.path is None:
            return
        outcomes = {check["outcome"] for check in self.checks}
        worst = next((one for one in ("disagrees", "inconclusive", "agrees") if one in outcomes), "nothing checked")
        document = {"outcome": worst, "checks": self.checks}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            self.unwritten = f"--gradproof-json: cannot write {str(self.path)!r}: {error.strerror or error}"

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.unwritten:
            terminalreporter.write_line(self.unwritten, red=True)
        if self.checks:
            _tell(terminalreporter, self.checks)
            if self.path is not None and not self.unwritten:
                terminalreporter.write_line(f"written to {self.path}")


def _tell(terminal: pytest.TerminalReporter, checks: list[dict[str, Any]]) -> None:
    """A row for every check; with ``-q`` only for those that do not agree."""
    quiet = terminal.config.get_verbosity() < 0
    told = [check for check in checks if not quiet or check["outcome"] != "agrees"]
    agree = sum(check["outcome"] == "agrees" for check in checks)
    terminal.section("backward passes")
    if told:
        rows = [("verdict", "kind", "culprits", "calls", "test")]
        rows += [
            (
                check["outcome"],
                check["kind"] or "",
                ", ".join(check["culprit_names"]),
                str(check["cost"]["forward"]),
                check["test"],
            )
            for check in told
        ]
        widths = [max(len(row[k]) for row in rows) for k in range(4)]
        widths[2] = min(widths[2], 24)
        for row in rows:
            *cells, test = row
            cells[2] = _cut(cells[2], widths[2])
            line = "  ".join(f"{cell:<{width}}" for cell, width in zip(cells[:3], widths[:3], strict=True))
            line += f"  {cells[3]:>{widths[3]}}  "
            line += _cut(test, max(20, shutil.get_terminal_size().columns - 1 - len(line)), begin=True)
            colour = {"disagrees": "red", "inconclusive": "yellow", "agrees": "green"}.get(row[0])
            terminal.write_line(line.rstrip(), **({colour: True} if colour else {"bold": True}))
    terminal.write_line(f"{agree} of {len(checks)} backward passes agree with their forward passes")


def _cut(text: str, width: int, *, begin: bool = False) -> str:
    """A text of at most this width; where the end says more, the beginning is cut."""
    if len(text) <= width:
        return text
    return f"…{text[-width + 1 :]}" if begin else f"{text[: width - 1]}…"
