"""Where commands run; and rendering tests say which tools they need, whose absence is reported, never passed over."""

import os
from pathlib import Path
from zlib import crc32

import pytest

from tests.rendering import PROGRAMS, program

# Workers inherit this. There is one for each core: threads of linear algebra would wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# for tests of the plugin, which run pytest
pytest_plugins = ("pytester",)

_ABSENT = "absent tool"

# Of the cases of these modules one in so many is in the default run, mixed; all of them are in ``-m "campaign or not
# campaign"``. Each is a table of much the same, and takes half a minute.
THINNED = {
    "tests/derive/render/test_catalogue_documents.py": 6,
    "tests/derive/render/test_documents.py": 4,
    "tests/derive/render/test_numpy_code.py": 3,
    "tests/derive/render/test_numpy_tables.py": 3,
    "tests/derive/render/test_page.py": 2,
    "tests/derive/test_gate.py": 2,
    "tests/derive/tracing/test_numpy_programs.py": 3,
    "tests/derive/tracing/test_shaping.py": 2,
    "tests/derive/tracing/test_written.py": 2,
    "tests/verify/critical/test_blow_up.py": 3,
    "tests/verify/critical/test_critical_functions.py": 4,
    "tests/verify/critical/test_kinks_and_continua.py": 4,
    "tests/verify/critical/test_known_sets.py": 4,
    "tests/verify/critical/test_verified.py": 4,
    "tests/verify/test_derivation.py": 3,
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        step = THINNED.get(item.nodeid.partition("::")[0])
        if step is not None and hasattr(item, "callspec") and crc32(item.nodeid.encode()) % step:
            item.add_marker("campaign")


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
