"""What the documentation shows is what happens: code and commands run, links lead somewhere, the site builds."""

import doctest
import importlib
import importlib.util
import os
import pkgutil
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

import derive
import verify
from tests.rendering import open_in_browser, program

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
MADE = ("_build", "gallery", "jupyter_execute")
PAGES = {
    path.relative_to(ROOT).as_posix(): path
    for path in (
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "CHANGELOG.md",
        *sorted(p for p in DOCS.rglob("*.md") if p.relative_to(DOCS).parts[0] not in MADE),
    )
}


# ------------------------------------------------------------------------------------------------------- blocks


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: its language, its text without options, the line it starts at."""

    language: str
    text: str
    line: int


def blocks(page: str) -> Iterator[Block]:
    fence = re.compile(r"^(`{3,})([^\n]*)\n(.*?)^\1`*[ \t]*$", re.DOTALL | re.MULTILINE)
    for match in fence.finditer(page):
        language = match[2].strip().removeprefix("{code-cell}").strip()
        text = re.sub(r"\A(?::[\w-]+:[^\n]*\n)+\n?", "", match[3])
        yield Block(language, text, page.count("\n", 0, match.start()) + 1)


def commands(block: Block) -> Iterator[tuple[str, str]]:
    """The commands of a console block, each with the output that is shown below it."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def same(shown: str, output: str) -> bool:
    """Whether an output is the one that is shown, where a line ``…`` stands for any lines.

    Rounding errors, which are small, and the widths of spaces may differ.
    """
    parts = (re.escape(_plain(part)) for part in re.split(r"^…$", shown, flags=re.MULTILINE))
    return re.fullmatch(".*".join(parts), _plain(output)) is not None


def _plain(text: str) -> str:
    def of_rounding(number: re.Match[str]) -> str:
        return "#" if float(number[0]) < 1e-6 else number[0]

    words = " ".join(text.split())
    return re.sub(r"(?<=error )0(?![.\d])", "#", re.sub(r"\d(?:\.\d+)?e[-+]\d+", of_rounding, words))


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A command as a person types it, the installed commands first in the path."""
    scripts = sysconfig.get_path("scripts")
    path = os.pathsep.join([scripts, os.environ.get("PATH", "")])
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": path, "PYTHONIOENCODING": "utf-8", "COLUMNS": "100"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=300,
        check=False,
    )


RUN = ("derive", "verify", "sed")


def runnable(command: str) -> str | None:
    """The command, if it is ours; of a chain of commands for a fresh machine, the part that is.

    Of pytest it is what runs a file of the page.
    """
    first, *rest = shlex.split(command)
    if first in RUN or (first == "pytest" and rest[0].endswith(".py")):
        return command
    for part in command.split("&&"):
        first, _, rest = part.strip().partition(" ")
        if "/" in first and Path(first).name in RUN:
            return f"{Path(first).name} {rest}"
    return None


# -------------------------------------------------------------------------------------------------------- pages


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cells show goes through IPython, which is there when the site is built; the tests do without it."""
    display = ModuleType("IPython.display")
    display.Markdown = str  # type: ignore[attr-defined]
    shell = ModuleType("IPython")
    # matplotlib asks it whether it draws into a notebook
    shell.get_ipython = lambda: None  # type: ignore[attr-defined]
    shell.version_info = (9, 0, 0)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", shell)
    monkeypatch.setitem(sys.modules, "IPython.display", display)


@pytest.mark.usefixtures("notebook")
@pytest.mark.parametrize("page", PAGES)
def test_code_and_commands_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A block whose first line is ``# name.py`` is a file to be saved; all others run, in order, in one namespace."""
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": page}
    for block in blocks(PAGES[page].read_text(encoding="utf-8")):
        place = f"{page}:{block.line}"
        if saved := re.match(r"# (\w+\.py)\n", block.text):
            (tmp_path / saved[1]).write_text(block.text, encoding="utf-8")
        elif block.language == "python":
            exec(compile("\n" * block.line + block.text, PAGES[page], "exec"), namespace)
        elif block.language == "pycon":
            test = doctest.DocTestParser().get_doctest(block.text, namespace, place, page, block.line)
            runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
            told: list[str] = []
            runner.run(test, out=told.append, clear_globs=False)
            assert runner.failures == 0, "".join(told)
            namespace.update(test.globs)
        elif block.language in ("console", "bash"):
            for command, shown in commands(block):
                ours = runnable(command)
                if ours is None:
                    continue
                done = run(ours, tmp_path)
                assert done.returncode == 0, f"{place}: {command}\n{done.stdout}"
                if shown.strip():
                    assert same(shown, done.stdout), f"{place}: {command}\n{done.stdout}"


def test_blocks_are_found() -> None:
    page = "a\n```{code-cell} python\n:tags: [x]\n\nf()\n```\n```console\n$ derive list\none\n$ ls\n```\n"
    cell, console = blocks(page)
    assert (cell.language, cell.text, cell.line) == ("python", "f()\n", 2)
    assert list(commands(console)) == [("derive list", "one\n"), ("ls", "")]
    assert runnable("python3 -m venv x && x/bin/pip install . && x/bin/derive list") == "derive list"
    assert runnable("pip install derive") is None
    assert runnable("pytest -n 2") is None
    assert runnable("pytest test_dense.py") == "pytest test_dense.py"


@pytest.mark.parametrize(
    ("shown", "output", "agrees"),
    [
        ("a\n…\nc\n", "a\nb\nb\nc\n", True),
        ("a\nc\n", "a\nb\nc\n", False),
        ("a  error 3.1e-17\n", "a\n error 0\n", True),
        ("✓ 0e+00  x", "✓ 3e-17 x", True),
        ("12 lines", "13 lines", False),
        ("…\nb", "a\nb\nc\n", False),
    ],
)
def test_outputs_are_compared(shown: str, output: str, agrees: bool) -> None:
    assert same(shown, output) == agrees


def test_the_pages_have_code_and_commands() -> None:
    """A page whose blocks are no longer recognised would pass."""
    found = {page: list(blocks(path.read_text(encoding="utf-8"))) for page, path in PAGES.items()}
    shown = [c for page in found.values() for b in page if b.language == "console" for c, _ in commands(b)]
    assert sum(runnable(command) is not None for command in shown) >= 10
    assert sum(block.language == "python" for page in found.values() for block in page) >= 20


def test_the_test_command_can_be_extracted() -> None:
    readme = PAGES["README.md"].read_text(encoding="utf-8")
    found = re.search(r"^<!-- test-command -->\n```\n([^\n]+)\n```\n<!-- /test-command -->$", readme, re.MULTILINE)
    assert found is not None
    assert found[1].endswith("pytest -n 2")


# -------------------------------------------------------------------------------------------------------- links


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and the site both make them."""
    prose = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    path = PAGES[page]
    text = path.read_text(encoding="utf-8")
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    links = re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", prose))
    for block in re.findall(r"^```\{toctree\}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE):
        links += [f"{line}.md" for line in block.split("\n") if line and not line.startswith(":")]
    for link in links:
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        inside = target.relative_to(ROOT).parts
        if inside[:2] == ("docs", "gallery"):
            assert target.stem in {"index", *_catalogue()}, f"{page}: {link}"
            continue
        assert target.exists(), f"{page}: {link}"
        if anchor:
            assert anchor in anchors(target), f"{page}: {link}"


def _catalogue() -> dict[str, Path]:
    from derive.formula import catalogue

    return catalogue()


def test_the_reference_is_complete() -> None:
    """Every name that ``derive`` offers is in the reference."""
    from derive.functions import ELEMENTWISE

    text = "".join(path.read_text(encoding="utf-8") for path in (DOCS / "reference").glob("*.md"))
    listed = set(re.findall(r":: (?:[\w.]+\.)?(\w+)$", text, re.MULTILINE)) | set(ELEMENTWISE)
    # Under another name, or made of the others.
    listed |= {"absolute", "sqrt"} & set(re.findall(r"`(\w+)(?:\(u\))?`", text))
    assert set(derive.__all__) - listed == set()


# ----------------------------------------------------------------------------------------------------- doctests


def _modules() -> Iterator[str]:
    for package in (derive, verify):
        yield package.__name__
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.startswith("derive.catalogue."):
                yield module.name


@pytest.mark.parametrize("name", list(_modules()))
def test_docstrings(name: str) -> None:
    if name.startswith("verify.adapters."):
        pytest.importorskip(name.rpartition(".")[2].partition("_")[0] if not name.endswith(".shared") else "numpy")
    module = importlib.import_module(name)
    assert doctest.testmod(module, optionflags=doctest.ELLIPSIS).failed == 0


def test_there_are_doctests() -> None:
    assert doctest.testmod(derive).attempted > 0


# ----------------------------------------------------------------------------------------------------- the site


def _gallery_pages() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gallery_pages", DOCS / "gallery_pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_gallery_is_made_from_the_catalogue(tmp_path: Path) -> None:
    write = _gallery_pages().write
    (tmp_path / "gone.md").write_text("an entry that is no longer there", encoding="utf-8")
    chosen = ["calc-jacobian", "loss-softmax-ce"]
    paths = write(tmp_path, chosen)
    names = {path.relative_to(tmp_path).as_posix() for path in paths}
    groups = {"group-calculus.md", "group-losses.md"}
    assert names == {"index.md", *groups, *(f"{n}.md" for n in chosen), *(f"zh/{n}.md" for n in chosen)}
    assert {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.md")} == names
    page = (tmp_path / "loss-softmax-ce.md").read_text(encoding="utf-8")
    assert page.startswith("# Softmax with cross-entropy\n")
    assert "$ derive render loss-softmax-ce" in page
    assert "Bridle (1990)" in page
    assert "Softmax 与交叉熵" in (tmp_path / "zh" / "loss-softmax-ce.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("package", ["sphinx", "myst_nb", "furo"])
def test_the_site_needs_what_the_extra_installs(package: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert any(name.startswith(package.replace("_", "-")) for name in project["optional-dependencies"]["docs"])


LOOKED_AT = ("index", "conventions", "reference/writing", "gallery/loss-softmax-ce", "gallery/zh/bn-backward")


def test_the_site_builds_and_is_drawn(tmp_path: Path) -> None:
    """Built as strictly as can be, from a copy; nothing in it is loaded from outside; a browser draws all of it.

    One test, because a build takes long and the processes of a test run share nothing.
    """
    for package in ("sphinx", "myst_nb", "furo"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed; with pip install '.[docs]' the site is built too")
    shutil.copytree(DOCS, tmp_path / "docs", ignore=shutil.ignore_patterns(*MADE, "__pycache__"))
    site = tmp_path / "html"
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", str(tmp_path / "docs"), str(site)],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=1200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]

    loads = re.compile(r'<(?:script|img|iframe|link|source)\b[^>]*?(?:src|href)="((?:https?:)?//[^"]*)"')
    pages = {path.relative_to(site).as_posix(): path for path in site.rglob("*.html")}
    assert {f"gallery/{identifier}.html" for identifier in _catalogue()} <= set(pages)
    outside = {name: loads.findall(path.read_text(encoding="utf-8")) for name, path in pages.items()}
    assert {name: urls for name, urls in outside.items() if urls} == {}

    if program("chromium") is None:
        if os.environ.get("GRADPROOF_REQUIRE_TOOLS"):
            pytest.fail("GRADPROOF_REQUIRE_TOOLS is set and chromium is not found", pytrace=False)
        pytest.skip("the site was built, but not looked at: chromium not found")
    for name in LOOKED_AT:
        for width in (1300, 400):
            view = open_in_browser(site / f"{name}.html", width=width)
            assert view.formulas > 5, name
            ours = [c for c in view.complaints() if not c.startswith("loaded from outside: file:")]
            assert ours == [], f"{name} at {width} pixels"
