"""The ``derive`` command: what it prints and writes, how it ends, and what it says of bad input."""

from __future__ import annotations

import json
import os
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from derive.__main__ import main
from derive.formula import catalogue, formula
from tests.commands import Call, called, files_below, imported_by, run, widest
from tests.formula_files import BAD, GOOD, NEVER, WRONG, changed, write
from tests.rendering import compile_latex

ENDINGS = {"latex": "tex", "html": "html", "markdown": "md", "text": "txt"}
ENTRY = "act-softmax"
LANGUAGES = ("en", "zh")


@pytest.fixture
def derive(capsys: pytest.CaptureFixture[str], empty_folder: Path) -> Call:
    """The command, in an empty folder."""
    return called(main, capsys)


def _every() -> list[str]:
    return [word for form in ENDINGS for word in ("--to", form)]


# ----------------------------------------------------------------------------------------------------- what it does


def test_list_names_every_entry(derive: Call) -> None:
    ended = derive("list")
    assert ended.code == 0
    rows = [line.split()[:2] for line in ended.out.splitlines() if line.startswith("  ")]
    assert [identifier for identifier, _ in rows] == list(catalogue())
    assert {status for _, status in rows} <= {"stated", "derived"}
    assert widest(ended.out) <= 80


def test_list_for_programs(derive: Call) -> None:
    ended = derive("list", "--json")
    assert ended.code == 0
    rows = json.loads(ended.out)
    assert [row["id"] for row in rows] == list(catalogue())
    for row in rows:
        assert set(row) == {"id", "group", "status", "title", "title_zh"}
        assert all(row.values())


@pytest.fixture
def small_catalogue(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A catalogue of one group, whose entries a test writes."""
    group = tmp_path / "catalogue" / "mine"
    group.mkdir(parents=True)
    (group / "__init__.py").touch()
    import derive.catalogue

    monkeypatch.setattr(derive.catalogue, "__path__", [str(group.parent)])
    catalogue.cache_clear()
    yield group
    catalogue.cache_clear()
    for name in [name for name in sys.modules if name.startswith("derive.catalogue.mine")]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("text", "identifier", "status", "code"),
    [
        (GOOD, "half-square", "checked", 0),
        (WRONG, "half-square", "wrong", 1),
        (NEVER, "never-exercised", "derived", 3),
    ],
)
def test_list_checks(text: str, identifier: str, status: str, code: int, small_catalogue: Path, derive: Call) -> None:
    write(small_catalogue, text, f"{identifier.replace('-', '_')}.py")
    ended = derive("list", "--check")
    assert ended.code == code
    assert f"{identifier}  {status}" in ended.out
    assert json.loads(derive("list", "--check", "--json").out)[0]["status"] == status


@pytest.mark.parametrize("lang", LANGUAGES)
def test_show(lang: str, derive: Call) -> None:
    ended = derive("show", ENTRY, "--lang", lang)
    entry = formula(ENTRY)
    assert ended.code == 0
    assert (entry.title if lang == "en" else entry.title_zh) in ended.out
    assert widest(ended.out) <= 80


@pytest.mark.parametrize("columns", [40, 60, 80])
def test_show_is_as_wide_as_the_terminal(columns: int, derive: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    assert 30 < widest(derive("show", ENTRY).out) <= columns


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("form", ENDINGS)
def test_render(form: str, lang: str, derive: Call, tmp_path: Path) -> None:
    ended = derive("render", ENTRY, "--to", form, "--lang", lang, "-o", "new/folder")
    assert ended.code == 0
    name = f"{ENTRY}{'' if lang == 'en' else '.zh'}.{ENDINGS[form]}"
    assert ended.out.splitlines()[0] == str(Path("new/folder") / name)
    assert files_below(tmp_path) == {f"new/folder/{name}"}
    entry = formula(ENTRY)
    written = (tmp_path / "new/folder" / name).read_text(encoding="utf-8")
    assert (entry.title if lang == "en" else entry.title_zh) in written
    assert re.search(r"\b(\d+) of \1 checks hold", ended.out)


def test_render_in_several_formats(derive: Call, tmp_path: Path) -> None:
    ended = derive("render", ENTRY, *_every(), "--to", "html")
    assert ended.code == 0
    assert files_below(tmp_path) == {f"derivations/{ENTRY}.{ending}" for ending in ENDINGS.values()}
    assert widest((tmp_path / "derivations" / f"{ENTRY}.txt").read_text(encoding="utf-8")) <= 80


def test_render_writes_again_over_its_own(derive: Call, tmp_path: Path) -> None:
    before = derive("render", ENTRY)
    text = (tmp_path / "derivations" / f"{ENTRY}.tex").read_bytes()
    assert derive("render", ENTRY) == before
    assert (tmp_path / "derivations" / f"{ENTRY}.tex").read_bytes() == text


def test_file(derive: Call, tmp_path: Path) -> None:
    ended = derive("file", write(tmp_path, GOOD), *_every(), "-o", "out")
    assert ended.code == 0
    assert files_below(tmp_path / "out") == {f"half-square.{ending}" for ending in ENDINGS.values()}


def test_files_may_declare_classes(derive: Call, tmp_path: Path) -> None:
    record = "from dataclasses import dataclass\n\n\n@dataclass\nclass Row:\n    n: 'int'\n\n\nFORMULA = "
    one = write(tmp_path, changed("FORMULA = ", record), "one.py")
    other = write(tmp_path, changed('"half-square"', '"other"', changed("FORMULA = ", record)), "other.py")
    assert derive("file", one, other, "-o", "out").code == 0
    assert files_below(tmp_path / "out") == {"half-square.tex", "other.tex"}


def test_what_disagrees_is_not_written(derive: Call, tmp_path: Path) -> None:
    ended = derive("file", write(tmp_path, WRONG), "-o", "out")
    assert ended.code == 1
    assert "half-square" in ended.said
    assert "2·x[i]" in ended.said
    assert not (tmp_path / "out").exists()


def test_what_agrees_is_written_beside_what_does_not(derive: Call, tmp_path: Path) -> None:
    wrong = write(tmp_path, WRONG, "wrong.py")
    good = write(tmp_path, changed('"half-square"', '"good"'), "good.py")
    never = write(tmp_path, NEVER, "never.py")
    assert derive("file", never, wrong, good, "-o", "out").code == 1
    assert files_below(tmp_path / "out") == {"good.tex", "never-exercised.tex"}


@pytest.mark.parametrize("form", ENDINGS)
def test_what_could_not_be_exercised_is_marked(form: str, derive: Call, tmp_path: Path) -> None:
    ended = derive("file", write(tmp_path, NEVER), "--to", form, "-o", "out")
    assert ended.code == 3
    assert "could not be exercised" in ended.said
    assert "0 of 1 checks hold" in ended.out
    written = (tmp_path / "out" / f"never-exercised.{ENDINGS[form]}").read_text(encoding="utf-8")
    assert "could not be exercised" in written.casefold()


# ------------------------------------------------------------------------------------------------------ help, usage


def test_help_needs_nothing_large() -> None:
    modules = imported_by("-m", "derive", "--help")
    assert "typer" in modules
    assert not {"sympy", "numpy", "scipy", "matplotlib"} & {name.partition(".")[0] for name in modules}


@pytest.mark.parametrize("command", [(), ("list",), ("show",), ("render",), ("file",)])
def test_help_says_what_there_is(command: tuple[str, ...], derive: Call) -> None:
    ended = derive(*command, "--help")
    assert ended.code == 0
    assert widest(ended.out) <= 80
    assert "Usage: derive" in ended.out


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("nonsense",),
        ("list", "--nonsense"),
        ("show",),
        ("show", ENTRY, "--lang", "fr"),
        ("render", ENTRY, "--to", "pdf"),
        ("file",),
    ],
)
def test_usage_ends_with_2(arguments: tuple[str, ...], derive: Call, tmp_path: Path) -> None:
    ended = derive(*arguments)
    assert ended.code == 2
    assert ended.out + ended.err
    assert widest(ended.out + ended.err) <= 80
    assert not files_below(tmp_path)


# -------------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize("command", ["show", "render"])
def test_unknown_entries_get_the_nearest_ones(command: str, derive: Call, tmp_path: Path) -> None:
    ended = derive(command, "act-sofmax")
    assert ended.code == 2
    assert "act-softmax" in ended.said
    assert "derive list" in derive(command, "zzzzzzzz").said
    assert not files_below(tmp_path)


@pytest.mark.parametrize("target", ["absent.py", "folder.py", "notes.txt", "absent", ""])
def test_what_is_no_formula_file(target: str, derive: Call, tmp_path: Path) -> None:
    (tmp_path / "folder.py").mkdir()
    write(tmp_path, GOOD, "notes.txt")
    ended = derive("file", target, "-o", "out")
    assert ended.code == 2
    assert repr(target or ".") in ended.said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("case", BAD)
def test_bad_files_end_with_one_message(case: str, derive: Call, tmp_path: Path) -> None:
    text, words, code = BAD[case]
    ended = derive("file", write(tmp_path, text), *_every(), "-o", "out")
    assert ended.code == code
    for word in words:
        assert word in ended.said
    assert ended.out == ""
    # a path is one word and cannot be broken
    assert all(widest(row) <= 80 for row in ended.err.splitlines() if " " in row.strip())
    assert not (tmp_path / "out").exists()


def test_a_bad_file_among_good_ones_stops_before_anything_is_written(derive: Call, tmp_path: Path) -> None:
    good = write(tmp_path, GOOD, "good.py")
    bad = write(tmp_path, BAD["raises in program()"][0], "bad.py")
    assert derive("file", good, bad, "-o", "out").code == 2
    assert not (tmp_path / "out").exists()


def test_two_files_of_one_name_do_not_overwrite_each_other(derive: Call, tmp_path: Path) -> None:
    ended = derive("file", write(tmp_path, GOOD, "one.py"), write(tmp_path, GOOD, "two.py"), "-o", "out")
    assert ended.code == 2
    assert "two.py" in ended.said
    assert "'half-square'" in ended.said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("folder", ["taken", "taken/below"])
def test_a_file_in_place_of_the_folder(folder: str, derive: Call, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    ended = derive("render", ENTRY, "-o", folder)
    assert ended.code == 2
    assert f"cannot write '{folder}/{ENTRY}.tex'" in ended.said
    assert "-o" in ended.said
    assert files_below(tmp_path) == {"taken"}
    assert (tmp_path / "taken").read_text() == "mine"


def test_a_folder_in_place_of_the_file(derive: Call, tmp_path: Path) -> None:
    (tmp_path / "out" / f"{ENTRY}.tex").mkdir(parents=True)
    ended = derive("render", ENTRY, "-o", "out")
    assert ended.code == 2
    assert f"cannot write 'out/{ENTRY}.tex'" in ended.said
    assert not files_below(tmp_path)


LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
from derive.__main__ import main
main(sys.argv[1:])
"""


def test_a_disk_that_fills_up_leaves_what_was_there(tmp_path: Path) -> None:
    pytest.importorskip("resource")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / f"{ENTRY}.tex").write_text("the old one")
    options = {"cwd": tmp_path, "env": {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}}
    ended = run("-c", LIMITED, "render", ENTRY, "-o", "out", **options)
    assert ended.code == 2, ended.err
    assert f"derive: cannot write 'out/{ENTRY}.tex': File too large" in ended.said
    assert "Traceback" not in ended.err
    assert files_below(tmp_path) == {f"out/{ENTRY}.tex"}
    assert (tmp_path / "out" / f"{ENTRY}.tex").read_text() == "the old one"


def test_a_failing_rename_leaves_nothing(derive: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    for owner, name in ((os, "replace"), (os, "rename"), (Path, "replace"), (Path, "rename")):
        monkeypatch.setattr(owner, name, fail)
    ended = derive("render", ENTRY, "-o", "out")
    assert ended.code == 2
    assert "Input/output error" in ended.said
    assert not files_below(tmp_path)


def test_prose_that_is_no_text(derive: Call, tmp_path: Path) -> None:
    ended = derive("file", write(tmp_path, changed("Half the squared norm.", r"\ud800")), *_every(), "-o", "out")
    assert ended.code == 2
    assert "characters that are no text" in ended.said
    assert not (tmp_path / "out").exists()


def test_a_terminal_without_mathematics() -> None:
    ended = run("-m", "derive", "show", ENTRY, env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert ended.code == 0, ended.err
    assert "Softmax" in ended.out


# --------------------------------------------------------------------------------------------------------- injection

HOSTILE = {
    "commands": r"\input{/etc/passwd} \immediate\write18{touch pwned} \csname end\endcsname \end{document}",
    "carets": "^^5cinput{/etc/passwd}",
    "mathematics": r"$x$ $$y$$ \(z\) \[w\] 50% {open }close #1 & a_b ~ ^",
    "script": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "style": "</style></title></textarea><style>*{display:none}</style>",
    "comment": "<!-- ]]> --> <![CDATA[",
    "link": "[press](javascript:alert(1)) ![](javascript:alert(1)) <javascript:alert(1)> https://example.org/",
    "python": "__import__('os').system('true') {0.__class__} {} %s %(x)s",
    "markup": "` ``code`` ```more``` | cell | **bold** _em_ ~~gone~~ # head > quote - item 1. item",
    "lines": "one\n\n# two\n\n- three\n\n```\nfour\n```\n\n<b>\n",
    "entities": "&lt;script&gt; &amp; &#60;b&#62; \"quoted\" 'quoted'",
    "control": "a\x1b[31mb\x07c\x00d\u202ee\u200bf\ufeffg",
}
HARMLESS = "plain words"


def _filled(prose: str) -> str:
    """A formula that says this prose wherever prose may stand."""
    pair = f"({prose!r}, {'汉 ' + prose!r})"
    text = GOOD
    for old, new in (
        ('("variable", "变量")', pair),
        ('("value", "函数值")', pair),
        ('("Its gradient", "其梯度")', pair),
        ('prose=("", "")', f"prose={pair}"),
        ('title="Half a square"', f"title={prose!r}"),
        ('title_zh="平方的一半"', f"title_zh={'汉 ' + prose!r}"),
        ('reference="Nobody (2000), Nothing"', f"reference={prose!r}"),
        ('("Half the squared norm.", "平方范数的一半。")', f"{pair},\n    answer={pair}"),
        ("    return Program.of(", f"    given = assume(x[0] ** 2, '≥', 0, {pair})\n    return Program.of("),
        ('函数值")))', '函数值")), [given])'),
        ("import Formula", "import Formula, assume, line, prove"),
        (
            "    return [\n",
            f"""\
    by_hand = prove(
        x[0] + 0,
        line("=", x[0], why={pair}, conditions=[{pair}], reference={prose!r}),
        note={pair},
        within=main,
    )
    return [
        claim({pair}, [by_hand], program=main),
""",
        ),
    ):
        # what an earlier row put in may be what a later one looks for
        text = text.replace(old, new) if old in text else text
    return text


def _documents(derive: Call, tmp_path: Path, prose: str, lang: str) -> dict[str, str]:
    folder = tmp_path / f"{abs(hash(prose))}-{lang}"
    folder.mkdir()
    ended = derive("file", write(folder, _filled(prose)), *_every(), "--lang", lang, "-o", folder / "out")
    assert ended.code == 0, ended.err
    documents = {path.suffix[1:]: path.read_text(encoding="utf-8") for path in (folder / "out").iterdir()}
    assert set(documents) == set(ENDINGS.values())
    return documents


class _Tags(HTMLParser):
    """The elements of a page with their attributes, scripts and styles with their text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, ...]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, *sorted(name for name, _ in attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.found.append(("/" + tag,))

    def handle_comment(self, data: str) -> None:
        self.found.append(("comment", data))


def _blocks(text: str) -> list[str]:
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    return [
        token.type
        for outer in tokens
        for token in (outer, *(outer.children or ()))
        if token.type not in ("text", "softbreak")
    ]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("case", HOSTILE)
def test_prose_is_never_markup(case: str, lang: str, derive: Call, tmp_path: Path) -> None:
    hostile = _documents(derive, tmp_path, HOSTILE[case], lang)
    harmless = _documents(derive, tmp_path, HARMLESS, lang)
    assert _Tags(hostile["html"]).found == _Tags(harmless["html"]).found
    assert _blocks(hostile["md"]) == _blocks(harmless["md"])
    assert not re.search(r"(?<!\\)(?:\\\\)*\\(?:input|immediate|write|csname)\b", hostile["tex"])
    assert hostile["tex"].count(r"\end{document}") == 1
    assert widest(hostile["txt"]) <= 80


@pytest.mark.rendering("pdflatex")
@pytest.mark.parametrize("lang", LANGUAGES)
def test_prose_compiles_and_runs_nothing(lang: str, derive: Call, tmp_path: Path) -> None:
    prose = " ".join(HOSTILE.values())
    made = compile_latex(_documents(derive, tmp_path, prose, lang)["tex"], tmp_path)
    # how prose without spaces is spaced is not what this is about
    assert [said for said in made.complaints if not said.startswith("Underfull")] == []
    assert not any(path.name.startswith("pwned") for path in tmp_path.rglob("*"))
    assert "/etc/passwd" not in re.findall(r"\((/[^\s()]+)", made.log)


@pytest.mark.rendering("chromium")
def test_a_browser_runs_none_of_the_prose(derive: Call, tmp_path: Path) -> None:
    from tests.rendering import open_in_browser

    page = tmp_path / "page.html"
    page.write_text(_documents(derive, tmp_path, " ".join(HOSTILE.values()), "en")["html"], encoding="utf-8")
    view = open_in_browser(page)
    assert not view.console
    assert not view.requests
    assert view.drawn == view.formulas
