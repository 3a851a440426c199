"""What is installed: two packages and nothing else, complete, and the tests run against them."""

import importlib.metadata
import json
import shutil
import subprocess
import sys
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote, urlparse

import pytest

import derive
import verify

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Built from a copy: a build writes beside its sources and would pick up what an older one left there."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("derive", "verify", "tests"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index"]
    run = subprocess.run(
        [*pip, "--wheel-dir", str(folder), str(source)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    (built,) = folder.glob("*.whl")
    return zipfile.ZipFile(built)


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return Parser().parsestr(wheel.read(name).decode())


def test_wheel_holds_two_import_packages(wheel: zipfile.ZipFile) -> None:
    top = {name.split("/")[0] for name in wheel.namelist()}
    assert {name for name in top if not name.endswith(".dist-info")} == {"derive", "verify"}
    assert len(top) == 3


def test_wheel_holds_every_file_of_the_packages(wheel: zipfile.ZipFile) -> None:
    expected = {
        path.relative_to(ROOT).as_posix()
        for package in ("derive", "verify")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert expected <= set(wheel.namelist())
    assert {"derive/py.typed", "verify/py.typed", "derive/render/katex/katex.min.js"} <= expected


def test_wheel_holds_the_licences(wheel: zipfile.ZipFile) -> None:
    licences = {name.split("/licenses/")[1] for name in wheel.namelist() if ".dist-info/licenses/" in name}
    assert licences >= {"LICENSE", "derive/render/katex/LICENSE"}


def test_wheel_declares_the_commands_and_the_plugin(wheel: zipfile.ZipFile) -> None:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/entry_points.txt"))
    lines = wheel.read(name).decode().split("\n")
    assert [line for line in lines if line] == [
        "[console_scripts]",
        "derive = derive.__main__:main",
        "verify = verify.__main__:main",
        "[pytest11]",
        "gradproof = verify.pytest_plugin",
    ]


def test_metadata(metadata: Message) -> None:
    assert metadata["Name"] == "gradproof"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "MIT"


@pytest.mark.parametrize("package", [derive, verify], ids=["derive", "verify"])
def test_tests_run_against_the_installed_distribution(package: ModuleType) -> None:
    """A folder that merely lies in the working directory must not be mistaken for the package."""
    distribution = importlib.metadata.distribution("gradproof")
    assert distribution.read_text("RECORD") is not None, "not installed: metadata of a source folder"
    installed = Path(str(distribution.locate_file("")))
    origin = json.loads(distribution.read_text("direct_url.json") or "{}")
    if origin.get("dir_info", {}).get("editable"):
        installed = Path(unquote(urlparse(origin["url"]).path))
    expected = installed / package.__name__ / "__init__.py"
    assert Path(package.__file__).resolve() == expected.resolve(), (
        "`python -m pytest` puts the working directory first: run `pytest`"
    )


def test_no_module_hides_what_derive_offers() -> None:
    """Importing the module ``derive.x`` puts it in the place of the function ``x`` that ``derive`` offers."""
    assert {path.stem for path in (ROOT / "derive").iterdir()} & set(derive.__all__) == set()
