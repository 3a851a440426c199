"""The ``verify`` command: what it says of derivations and of the catalogue, and how it ends."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path

import pytest

from derive.derivation import Check, Evidence
from derive.formula import Formula, catalogue, claims_of, formula, load
from tests.commands import Call, called, imported_by, widest
from tests.formula_files import BAD, GOOD, NEVER, WRONG, changed, write
from verify.__main__ import main
from verify.catalogue import check_formula, formulas, status
from verify.derivation import check_derivation

ENTRY = "act-softmax"


@pytest.fixture
def verify(capsys: pytest.CaptureFixture[str], empty_folder: Path) -> Call:
    """The command, in an empty folder."""
    return called(main, capsys)


# -------------------------------------------------------------------------------------------------- one derivation


def test_derivation_of_an_entry(verify: Call) -> None:
    ended = verify("derivation", ENTRY)
    entry = formula(ENTRY)
    lines = ended.out.splitlines()
    assert ended.code == 0
    assert not ended.err
    assert lines[0] == entry.title
    for claim in claims_of(entry):
        assert claim.title[0].replace("`", "") in lines, "formulas in prose are printed without their marks"
    assert "`" not in ended.out
    shown = sum(line.strip().startswith("✓") for line in lines)
    assert shown >= sum(len(chain.steps) for claim in claims_of(entry) for chain in claim.chains)
    assert widest(ended.out) <= 80


@pytest.mark.parametrize("identifier", catalogue())
def test_derivation_fits_the_terminal(identifier: str, verify: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = partial(check_derivation, points=1, exact=False)
    monkeypatch.setattr("verify.derivation.check_derivation", quick)
    assert widest(verify("derivation", identifier).out) <= 80


def test_derivation_for_programs(verify: Call) -> None:
    ended = verify("derivation", ENTRY, "--json", "--seed", "3")
    assert ended.code == 0
    found = json.loads(ended.out)
    assert (found["id"], found["outcome"], found["seed"]) == (ENTRY, "holds", 3)
    claims = claims_of(formula(ENTRY))
    assert [claim["title"] for claim in found["claims"]] == [claim.title[0].replace("`", "") for claim in claims]
    for told, claim in zip(found["claims"], claims, strict=True):
        assert [len(chain["steps"]) for chain in told["chains"]] == [len(chain.steps) for chain in claim.chains]
        for chain in told["chains"]:
            for step in chain["steps"]:
                assert step["outcome"] == "holds"
                assert step["points"] > 0
                assert step["sizes"]
                assert step["error"] < 1e-6


def test_the_seed_says_which_points(verify: Call) -> None:
    first, again, other = (verify("derivation", ENTRY, "--json", "--seed", seed).out for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_derivation_of_a_file(verify: Call, tmp_path: Path) -> None:
    ended = verify("derivation", write(tmp_path, GOOD))
    assert ended.code == 0
    assert "Half a square" in ended.out


def test_a_wrong_form_disagrees(verify: Call, tmp_path: Path) -> None:
    path = write(tmp_path, WRONG)
    ended = verify("derivation", path)
    assert ended.code == 1
    assert "✗" in ended.out
    assert "1 disagree" in ended.out
    for words in ("the form expected of", "it says that", "worst entry", "2·x[i]"):
        assert words in ended.out
    assert widest(ended.out) <= 80
    assert json.loads(verify("derivation", path, "--json").out)["outcome"] == "fails"


def test_a_premise_that_never_holds_is_not_passed(verify: Call, tmp_path: Path) -> None:
    path = write(tmp_path, NEVER)
    ended = verify("derivation", path)
    assert ended.code == 3
    assert "held at no point" in ended.out
    assert "0 of 1 checks hold" in ended.out
    assert widest(ended.out) <= 80
    assert json.loads(verify("derivation", path, "--json").out)["outcome"] == "not exercised"


def test_what_is_wrong_in_smaller_steps_is_shown(verify: Call, tmp_path: Path) -> None:
    by_hand = """\
    from derive import line, prove
    inside = prove(x[0] ** 2 + 0, line("=", x[0] ** 2), line("=", x[0] ** 2 + 1), within=main)
    whole = prove(x[0] + 0, line("=", x[0], substeps=[inside]), within=main)
    return [claim(("A", "甲"), [whole], program=main)]
    return [
"""
    path = write(tmp_path, changed("    return [\n", by_hand))
    ended = verify("derivation", path)
    assert ended.code == 1
    assert "x[0]^2 + 1" in ended.out
    told = json.loads(verify("derivation", path, "--json").out)["claims"][0]["chains"][0]["steps"][0]
    assert told["outcome"] == "holds"
    assert [step["outcome"] for step in told["substeps"][0]["steps"]] == ["holds", "fails"]


def test_long_and_wide_titles_are_cut(verify: Call, tmp_path: Path) -> None:
    text = changed('"Half a square"', repr("很长的标题 " * 20))
    ended = verify("derivation", write(tmp_path, changed('"Its gradient"', repr("Very long " * 20), text)))
    assert ended.code == 0
    assert widest(ended.out) <= 80


@pytest.mark.parametrize("arguments", [(), ("--json",)])
@pytest.mark.parametrize("case", BAD)
def test_bad_files_end_with_one_message(case: str, arguments: tuple[str, ...], verify: Call, tmp_path: Path) -> None:
    text, words, code = BAD[case]
    ended = verify("derivation", write(tmp_path, text), *arguments)
    assert ended.code == code
    for word in words:
        assert word in ended.said
    assert ended.out == ""


@pytest.mark.parametrize(
    ("target", "words"),
    [("act-sofmax", "act-softmax"), ("zzzzzzzz", "derive list"), ("absent.py", "no file 'absent.py'"), (".", "'.'")],
)
def test_what_is_no_formula(target: str, words: str, verify: Call) -> None:
    ended = verify("derivation", target)
    assert ended.code == 2
    assert words in ended.said
    assert ended.out == ""


# -------------------------------------------------------------------------------------------------- the catalogue


@pytest.fixture
def entries(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Formula]:
    """What the command takes for the catalogue; a test fills it."""
    found: list[Formula] = []
    monkeypatch.setattr("verify.catalogue.formulas", lambda: iter(found))
    return found


@pytest.mark.parametrize(
    ("texts", "outcome", "code", "mark"),
    [
        ((GOOD,), "holds", 0, "✓ half-square"),
        ((GOOD, WRONG, NEVER), "fails", 1, "✗ half-square"),
        ((GOOD, NEVER), "not exercised", 3, "? never-exercised"),
        ((), "not exercised", 3, "0 of 0 entries hold"),
    ],
)
def test_catalogue_ends_with_the_worst(
    texts: tuple[str, ...], outcome: str, code: int, mark: str, entries: list[Formula], verify: Call, tmp_path: Path
) -> None:
    entries.extend(load(write(tmp_path, text, f"file{number}.py")) for number, text in enumerate(texts))
    ended = verify("catalogue")
    assert ended.code == code
    assert mark in ended.out
    assert widest(ended.out) <= 80
    told = verify("catalogue", "--json")
    found = json.loads(told.out)
    assert told.code == code
    assert found["outcome"] == outcome
    assert [row["id"] for row in found["entries"]] == [entry.id for entry in entries]
    for row in found["entries"]:
        assert bool(row["messages"]) == (row["outcome"] != "holds")
        assert row["hold"] <= row["checks"]


def test_catalogue_is_all_of_it(verify: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    held = Evidence({}, {claims_of(formula(ENTRY))[0].chains[0]: (Check("holds", "values", 1),)}, 0)
    monkeypatch.setattr("verify.catalogue.check_formula", lambda entry, seed: held)
    ended = verify("catalogue")
    assert ended.code == 0
    assert [line.split()[1] for line in ended.out.splitlines() if line.startswith("✓")] == list(catalogue())
    assert f"{len(catalogue())} of {len(catalogue())} entries hold" in ended.out


@pytest.mark.parametrize(("text", "said"), [(GOOD, "checked"), (WRONG, "wrong"), (NEVER, "derived")])
def test_status(text: str, said: str, tmp_path: Path) -> None:
    entry = load(write(tmp_path, text))
    assert status(entry, check_formula(entry)) == said


def test_an_entry_without_lines_is_stated(tmp_path: Path) -> None:
    bare = "    return [claim(('A', '甲'), [prove(x[0] + 0, within=main)], program=main)]\n    return [\n"
    text = changed("import Formula", "import Formula, prove", changed("    return [\n", bare))
    entry = load(write(tmp_path, text))
    assert status(entry, check_formula(entry)) == "stated"


def test_formulas_are_the_catalogue() -> None:
    assert [entry.id for entry in formulas()] == list(catalogue())


# ----------------------------------------------------------------------------------------------------------- layers

LAYER = """
from verify.layer import Case, Layer, normal


def forward(x):
    return 2 * x, x.shape


def backward(d_output, saved):
    return {"x": FACTOR * d_output}


def sample(rng):
    return Case(normal(rng, 3, 2))


LAYER = Layer(forward=forward, backward=backward, sample=sample, formula="twice")
"""


def test_layers_by_name(verify: Call) -> None:
    ended = verify("layers", "affine")
    assert ended.code == 0
    heading, row, *_ = ended.out.splitlines()
    assert heading == "  layer   cases     gradient  formula"
    assert re.match(r"✓ affine  9 of 9    ±\de-1\d    ff-affine-row$", row)
    assert ended.out.splitlines()[-1] == "1 of 1 layers keep their promises in float64 and float32"


@pytest.mark.parametrize(("factor", "code", "mark"), [("2", 0, "✓"), ("3", 1, "✗")])
def test_layers_from_files(factor: str, code: int, mark: str, verify: Call, tmp_path: Path) -> None:
    (tmp_path / "twice.py").write_text(LAYER.replace("FACTOR", factor), encoding="utf-8")
    ended = verify("layers", "twice.py")
    assert ended.code == code
    assert ended.out.splitlines()[1].startswith(f"{mark} twice")
    assert widest(ended.out) <= 80
    (row,) = json.loads(verify("layers", "twice.py", "--json").out)["layers"]
    assert row["name"] == "twice"
    assert row["formula"] == "twice"
    assert (row["passed"] == row["cases"]) == (code == 0) == (not row["messages"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1", "file.py declares no LAYER = Layer(forward=forward, backward=backward, sample=sample"),
        ("x = (", "file.py, line 1: this does not parse"),
        ("import nothing_of_that_name", "file.py, line 1: ModuleNotFoundError"),
    ],
)
def test_files_without_a_layer(text: str, said: str, verify: Call, tmp_path: Path) -> None:
    (tmp_path / "file.py").write_text(text, encoding="utf-8")
    ended = verify("layers", "file.py")
    assert ended.code == 2
    assert said in ended.said


def test_files_import_those_beside_them(verify: Call, tmp_path: Path) -> None:
    (tmp_path / "twice.py").write_text(LAYER.replace("FACTOR", "2"), encoding="utf-8")
    text = "import twice\nfrom verify.layer import Layer\n\n\ndef forward(x):\n    import twice as same\n\n"
    text += "    print('here')\n    return same.forward(x)\n\n\n"
    text += "LAYER = Layer(forward=forward, backward=twice.backward, sample=twice.sample, formula='twice')\n"
    (tmp_path / "again.py").write_text(text, encoding="utf-8")
    ended = verify("layers", "again.py", "twice.py", "--json")
    assert ended.code == 0
    assert [row["name"] for row in json.loads(ended.out)["layers"]] == ["again", "twice"]


def test_a_layer_with_empty_cases_alone(verify: Call, tmp_path: Path) -> None:
    text = LAYER.replace("FACTOR", "2").replace("rng, 3, 2", "rng, 0, 2")
    (tmp_path / "empty.py").write_text(text, encoding="utf-8")
    ended = verify("layers", "empty.py")
    assert ended.code == 3
    assert ended.out.splitlines()[1].startswith("? empty")
    assert "no case has a gradient that could be compared" in ended.out


def test_a_declaration_that_is_none(verify: Call, tmp_path: Path) -> None:
    text = LAYER.replace("FACTOR", "2").replace("forward=forward", "forward=None")
    (tmp_path / "file.py").write_text(text, encoding="utf-8")
    ended = verify("layers", "file.py")
    assert ended.code == 2
    assert "file.py, line 17: ValueError: forward is None: expected a function" in ended.said


def test_a_layer_that_is_not_there(verify: Call) -> None:
    ended = verify("layers", "afine")
    assert ended.code == 2
    assert "there is no layer 'afine'; did you mean affine" in ended.said


# ------------------------------------------------------------------------------------------------------ help, usage


def test_help_needs_nothing_large() -> None:
    modules = imported_by("-m", "verify", "--help")
    assert "typer" in modules
    assert not {"sympy", "numpy", "scipy", "matplotlib"} & {name.partition(".")[0] for name in modules}


@pytest.mark.parametrize("command", [(), ("derivation",), ("catalogue",), ("layers",), ("backward",)])
def test_help_says_what_there_is(command: tuple[str, ...], verify: Call) -> None:
    ended = verify(*command, "--help")
    assert ended.code == 0
    assert widest(ended.out) <= 80
    assert "Usage: verify" in ended.out


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("nonsense",),
        ("derivation",),
        ("derivation", ENTRY, "--seed", "x"),
        ("derivation", ENTRY, "--seed", "-1"),
        ("catalogue", "--nonsense"),
    ],
)
def test_usage_ends_with_2(arguments: tuple[str, ...], verify: Call) -> None:
    ended = verify(*arguments)
    assert ended.code == 2
    assert widest(ended.out + ended.err) <= 80
