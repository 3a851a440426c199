"""Where commands run; and rendering tests say which tools they need, whose absence is reported, never passed over."""

import os
from pathlib import Path

import pytest

from tests.rendering import PROGRAMS, program

# for tests of the plugin, which run pytest
pytest_plugins = ("pytester",)

_ABSENT = "absent tool"


@pytest.fixture
def empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty folder to run commands in, on a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def pytest_runtest_setup(item: pytest.Item) -> None:
    marker = item.get_closest_marker("rendering")
    if marker is None:
        return
    absent = [tool for tool in marker.args or PROGRAMS if program(tool) is None]
    if not absent:
        return
    if os.environ.get("GRADPROOF_REQUIRE_TOOLS"):
        pytest.fail(f"GRADPROOF_REQUIRE_TOOLS is set and these are not found: {', '.join(absent)}", pytrace=False)
    # Properties travel with the report, from another process too.
    item.user_properties += [(_ABSENT, tool) for tool in absent]
    pytest.skip(f"not found: {', '.join(absent)}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    not_run = [
        # A module that is skipped as a whole has none.
        {value for name, value in getattr(report, "user_properties", ()) if name == _ABSENT}
        for report in terminalreporter.getreports("skipped")
    ]
    not_run = [tools for tools in not_run if tools]
    if not_run:
        absent = ", ".join(sorted(set().union(*not_run)))
        terminalreporter.write_line(f"rendering: not run: {len(not_run)} ({absent} not found)", yellow=True)
