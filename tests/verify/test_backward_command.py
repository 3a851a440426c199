"""``verify backward``: what it finds in a file, what it says of it, and how it ends."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.commands import Call, called, widest
from verify.__main__ import main
from verify.backward_files import Pair, pairs
from verify.backward_pass import Cost, Doubt, Finding, Report
from verify.backward_told import about, explained, row

DENSE = """
import numpy as np


def dense_forward(x, W, b):
    return x @ W + b, (x, W)


def dense_backward(d_y, saved):
    x, W = saved
    return d_y @ W.T, FACTOR * (x.T @ d_y), d_y.sum(axis=0)


def dense_inputs(rng):
    return rng.normal(size=(3, 4)), rng.normal(size=(4, 2)), rng.normal(size=2)
"""

RIGHT, WRONG = DENSE.replace("FACTOR", "1"), DENSE.replace("FACTOR", "2")

TANH = """
import numpy as np


def tanh_forward(x):
    return np.tanh(x)


def tanh_backward(d_y, x):
    return d_y * (1 - np.tanh(x) ** 2)


def tanh_inputs(rng):
    return rng.normal(size=(2, 3))
"""

PLAIN = TANH.replace("tanh_", "")

NOISY = """
import numpy as np


def noisy_forward(x):
    return 1e30 + x


def noisy_backward(d_y, x):
    return d_y * 1.0


def noisy_inputs(rng):
    return rng.normal(size=3)
"""

LAYER = """
from verify.layer import Case, Layer, normal


def forward(x, b=None, *, power=1):
    return x**power, (x, power)


def backward(d_output, saved):
    x, power = saved
    return {"x": FACTOR * power * x ** (power - 1) * d_output}


def sample(rng):
    return Case(normal(rng, 3, 2), power=int(rng.integers(2, 4)))


LAYER = Layer(forward=forward, backward=backward, sample=sample, formula="power")
"""


@pytest.fixture
def verify(capsys: pytest.CaptureFixture[str], empty_folder: Path) -> Call:
    """The command, in an empty folder."""
    return called(main, capsys)


def save(text: str, name: str = "layers.py") -> str:
    Path(name).write_text(text, encoding="utf-8")
    return name


def rows(out: str) -> dict[str, str]:
    """The marks of the rows, by name."""
    found = [line.split("  ")[0].split(" ", 1) for line in out.splitlines() if line[:1] in "✓✗?" and line[:1]]
    return {name: mark for mark, name in found}


# ------------------------------------------------------------------------------------------------------- verdicts


def test_a_right_pass(verify: Call) -> None:
    ended = verify("backward", save(RIGHT))
    assert ended.code == 0
    assert rows(ended.out) == {"dense": "✓"}
    assert "1 of 1 backward passes agree" in ended.out
    assert not ended.err
    assert widest(ended.out) <= 80


def test_a_wrong_pass(verify: Call) -> None:
    ended = verify("backward", save(WRONG), "--seed", "7")
    assert ended.code == 1
    assert rows(ended.out) == {"dense": "✗"}
    assert "W" in ended.out
    assert "reproduce     verify backward layers.py:dense --seed 7 --input W" in ended.out
    assert widest(ended.out) <= 80


def test_the_command_that_it_says_reproduces_the_finding(verify: Call) -> None:
    out = verify("backward", save(WRONG), "--seed", "7").out
    (line,) = [one for one in out.splitlines() if "reproduce" in one]
    again = verify(*line.split("verify ")[1].split())
    assert again.code == 1
    assert line in again.out.splitlines()


def test_several_have_a_row_each_and_the_worst_counts(verify: Call) -> None:
    text = WRONG + TANH
    ended = verify("backward", save(text))
    assert ended.code == 1
    assert rows(ended.out) == {"dense": "✗", "tanh": "✓"}
    assert "1 of 2 backward passes agree" in ended.out
    alone = verify("backward", "layers.py:tanh")
    assert alone.code == 0
    assert rows(alone.out) == {"tanh": "✓"}


def test_undecided_is_no_success(verify: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    doubtful = Report("inconclusive", ("x",), (), (Doubt("a kink", 0),), 0.0, Cost(9, 9, 0.1), 0, ("the inputs",))
    monkeypatch.setattr("verify.backward_files.check_backward", lambda *args, **kwargs: doubtful)
    ended = verify("backward", save(TANH))
    assert ended.code == 3
    assert rows(ended.out) == {"tanh": "?"}
    assert "a kink" in ended.out
    assert json.loads(verify("backward", "layers.py", "--json").out)["outcome"] == "inconclusive"


def test_a_forward_pass_that_drowns_in_rounding_is_no_success(verify: Call) -> None:
    assert verify("backward", save(NOISY)).code != 1


def test_for_programs(verify: Call) -> None:
    text = "print('imported')\n" + WRONG + TANH + "print('done')"
    ended = verify("backward", save(text), "--json", "--seed", "3")
    assert ended.code == 1
    assert "imported" in ended.err
    found = json.loads(ended.out)
    assert (found["outcome"], found["seed"]) == ("disagrees", 3)
    assert [(one["name"], one["outcome"], one["saved"]) for one in found["passes"]] == [
        ("dense", "disagrees", True),
        ("tanh", "agrees", False),
    ]
    wrong = found["passes"][0]
    assert wrong["culprit_names"] == ["W"]
    assert wrong["seed"] == 3
    assert wrong["kind"]
    assert wrong["cost"]["forward"] > 0


def test_a_pass_that_raises_disagrees(verify: Call) -> None:
    ended = verify("backward", save(TANH.replace("return d_y *", "return undefined *")))
    assert ended.code == 1
    assert "NameError" in ended.out
    assert widest(ended.out) <= 80


# ----------------------------------------------------------------------------------------------- what is in a file


def test_functions_without_a_name_have_that_of_the_file(verify: Call) -> None:
    ended = verify("backward", save(PLAIN, "tanh.py"))
    assert ended.code == 0
    assert rows(ended.out) == {"tanh": "✓"}
    assert verify("backward", "tanh.py:tanh").code == 0


def test_beside_functions_of_the_same_name_they_keep_theirs(verify: Call) -> None:
    assert set(rows(verify("backward", save(PLAIN + TANH, "tanh.py")).out)) == {"tanh", "forward"}


@pytest.mark.parametrize(("factor", "code", "mark"), [("1", 0, "✓"), ("-1", 1, "✗")])
def test_a_layer_is_tried_on_its_samples(factor: str, code: int, mark: str, verify: Call) -> None:
    ended = verify("backward", save(LAYER.replace("FACTOR", factor), "power.py"))
    assert ended.code == code
    assert rows(ended.out) == {f"power, sample {k}": mark for k in range(3)}
    assert verify("backward", "power.py:power").code == code
    told = json.loads(verify("backward", "power.py", "--json").out)["passes"]
    assert [(one["name"], one["case"], one["saved"]) for one in told] == [
        ("power", f"sample {k}", True) for k in range(3)
    ]


@pytest.mark.parametrize(
    "inputs",
    [
        "tanh_inputs = np.full((2, 3), 0.3)",
        "tanh_inputs = (np.full((2, 3), 0.3),)",
        "tanh_inputs = {'x': np.full((2, 3), 0.3)}",
        "def tanh_inputs(): return [np.full((2, 3), 0.3)]",
        "def tanh_inputs(generator): return {'x': generator.normal(size=4)}",
        "def tanh_sample(rng): return rng.normal(size=4)",
    ],
)
def test_inputs_as_people_write_them(inputs: str, verify: Call) -> None:
    text = TANH[: TANH.index("def tanh_inputs")] + inputs
    ended = verify("backward", save(text))
    assert ended.code == 0, ended.err
    assert rows(ended.out) == {"tanh": "✓"}


def module_with(text: str, tmp_path: Path) -> Any:
    from derive.user_files import module_of

    (tmp_path / "some.py").write_text(text, encoding="utf-8")
    return module_of(tmp_path / "some.py")


SAVED = {
    "two parameters and two results": ("def forward(x, y): return x * y, (x, y)", "d, kept", True),
    "one result": ("def forward(x, y): return x * y", "d, kept", False),
    "three parameters": ("def forward(x, y): return x * y, x", "d, x, y", False),
    "the only input again": ("def forward(x): return x + 1, x - 1", "d, x", False),
    "the only input, kept": ("def forward(x): return x + 1, x", "d, kept", True),
    "any number": ("def forward(x, y): return x * y, x", "d, *rest", False),
    "the file says no": ("saved = False\ndef forward(x, y): return x * y, (x, y)", "d, kept", False),
    "the file says yes": ("saved = True\ndef forward(x): return x + 1, x", "d, x", True),
    "forward raises": ("def forward(x, y): raise ValueError", "d, kept", False),
}


@pytest.mark.parametrize("case", SAVED)
def test_whether_forward_saves(case: str, tmp_path: Path) -> None:
    forward, parameters, expected = SAVED[case]
    text = f"{forward}\ndef backward({parameters}): pass\ninputs = ()"
    (pair,) = pairs(module_with(text, tmp_path))
    count = 1 if "forward(x)" in forward else 2
    assert pair.is_saved(tuple(np.ones(3) for _ in range(count))) is expected


def test_whether_forward_saves_does_not_touch_the_inputs(tmp_path: Path) -> None:
    (pair,) = pairs(
        module_with("def forward(x, y):\n    x += y\n    return x, y\ndef backward(d, s): pass\ninputs = 1", tmp_path)
    )
    x, y = np.zeros(2), np.ones(2)
    assert pair.is_saved((x, y))
    assert not x.any()


def test_sample_gives_other_points(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def check(forward: Any, backward: Any, inputs: Any, *, saved: bool, seed: int, sample: Any, points: Any) -> str:
        asked.update(inputs=inputs, sampled=sample(np.random.default_rng(0)), points=points, seed=seed)
        return "report"

    monkeypatch.setattr("verify.backward_files.check_backward", check)
    pair = Pair("p", lambda x: x, lambda d, x: d, lambda rng: np.zeros(2), lambda rng: {"x": rng.normal()})
    assert pair.check(pair.inputs(4), saved=False, seed=4, points=3, mode=None) == "report"
    assert (asked["points"], asked["seed"]) == (3, 4)
    assert len(asked["sampled"]) == 1


def test_half_a_pair_is_not_passed_over(verify: Call) -> None:
    text = TANH + "\ndef lost_forward(x): return x\n\ndef found_backward(d, x): return d\n"
    ended = verify("backward", save(text))
    assert ended.code == 0
    assert "lost_forward is not checked: there is no lost_backward" in ended.out
    assert "found_backward is not checked: there is no found_forward" in ended.out


def test_a_file_can_import_those_beside_it(verify: Call) -> None:
    save(TANH, "mathematics_of_tanh.py")
    ended = verify("backward", save("from mathematics_of_tanh import *"))
    assert ended.code == 0
    assert rows(ended.out) == {"tanh": "✓"}
    assert str(Path.cwd()) not in sys.path
    del sys.modules["mathematics_of_tanh"]


# -------------------------------------------------------------------------------------------------------- options


def test_one_input_only(verify: Call) -> None:
    path = save(WRONG)
    about_w = verify("backward", path, "--input", "W")
    assert about_w.code == 1
    assert "not shown" not in about_w.out
    about_x = verify("backward", path, "--input", "x")
    assert about_x.code == 1
    assert "nothing wrong was found about x" in about_x.out
    assert "not shown: what was found about W" in about_x.out
    assert "reproduce" not in about_x.out
    unknown = verify("backward", path, "--input", "w")
    assert unknown.code == 2
    assert "there is no input 'w'" in unknown.said
    assert "W" in unknown.said


def test_explained(verify: Call) -> None:
    ended = verify("backward", save(WRONG + TANH), "--explain")
    assert ended.code == 1
    assert widest(ended.out) <= 80
    for word in ("kind", "looked at", "the given inputs", "backward calls", "(output, saved)"):
        assert word in ended.out


SEEN = Report(
    "disagrees",
    ("logits", "b"),
    (
        Finding(
            "scale", "the gradient of logits is wrong in 2 of 4 entries", "3 times too large", 0, (1, 0), 0.3, 0.1
        ),
        Finding("sign", "the gradient of b is wrong", "the sign is wrong", 1),
    ),
    (Doubt("a kink", 1), Doubt("noise")),
    1e-9,
    Cost(40, 20, 0.5),
    3,
    ("the given inputs", "a larger point"),
    evidence={"factor": 3.0, "steps": [(1e-2, 0.2), (1e-3, 0.2)], "sizes": {"n": 3}, "order": "C", "many": range(3)},
    heat={0: (np.array([[0.1, 0.3], [0.3, 0.4]]), np.array([[0.1, 0.1], [0.1, 0.4]]))},
)


def test_explained_says_all_that_was_seen() -> None:
    text = "\n".join(explained(SEEN))
    for said in (
        "scale: wrong by a factor",
        "sign: the sign is wrong",
        "logits[1, 0]",
        "logits[0, 1]",
        "factor: 3",
        "(0.01, 0.2)",
        "n 3",
        "a larger point",
        "b: a kink",
        "40 forward and 20 backward calls",
    ):
        assert said in text, said
    assert "logits[0, 0]" not in text


def test_about_one_input() -> None:
    narrowed, left_out = about(SEEN, "b")
    assert [one.kind for one in narrowed.findings] == ["sign"]
    assert not narrowed.heat
    assert left_out == "not shown: what was found about logits"
    narrowed, left_out = about(SEEN, "logits")
    assert [one.kind for one in narrowed.findings] == ["scale"]
    assert left_out == "not shown: what was found about b"


def test_a_row() -> None:
    assert row(SEEN) == ("disagrees", "40", "scale: logits, b")


@pytest.mark.parametrize("several", [False, True])
def test_pictures(several: bool, verify: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verify.backward_files.check_backward", lambda *args, **kwargs: SEEN)
    ended = verify("backward", save(WRONG + (TANH if several else "")), "--plot", "wrong.png")
    assert ended.code == 1
    drawn = {path.name for path in Path.cwd().glob("*.png")}
    assert drawn == ({"wrong-dense.png", "wrong-tanh.png"} if several else {"wrong.png"})
    for name in drawn:
        assert f"drawn in {name}" in ended.out


def test_nothing_to_draw_is_said(verify: Call) -> None:
    ended = verify("backward", save(TANH), "--plot", "x.svg")
    assert ended.code == 0
    assert "nothing to draw" in ended.out
    assert not Path("x.svg").exists()


@pytest.mark.parametrize("path", ["x.gif", "x", "nowhere/x.png"])
def test_pictures_that_cannot_be_written(path: str, verify: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verify.backward_files.check_backward", lambda *args, **kwargs: SEEN)
    assert verify("backward", save(TANH), "--plot", path).code == 2


def test_the_seed_draws_the_inputs(verify: Call) -> None:
    text = TANH.replace(
        "return rng.normal(size=(2, 3))", "x = rng.normal(size=2)\n    print('drawn', x)\n    return x"
    )
    path = save(text)
    first, again, other = (verify("backward", path, "--seed", seed).err for seed in (0, 0, 1))
    assert first == again
    assert first != other


# --------------------------------------------------------------------------------------------------------- errors

UNUSABLE = {
    "no such file": ("absent.py", "", 2, "there is no file 'absent.py'"),
    "no Python file": ("layers.txt", RIGHT, 2, "FILE.py:NAME"),
    "no such name": ("layers.py:dens", RIGHT, 2, "no backward pass 'dens'; there is dense"),
    "a forward pass only": ("layers.py:a", RIGHT + "\ndef a_forward(x): return x", 2, "a_forward, and no a_backward"),
    "a backward pass only": (
        "layers.py:a",
        RIGHT + "\ndef a_backward(x): return x",
        2,
        "a_backward, and no a_forward",
    ),
    "nothing": ("layers.py", "x = 1", 3, "holds no backward pass: it needs forward, backward and inputs"),
    "halves only": ("layers.py", "def forward(x): return x", 3, "holds no backward pass"),
    "it does not parse": ("layers.py", "x = (", 2, "layers.py, line 1: this does not parse"),
    "it raises": ("layers.py", "x = 1\nx / 0", 2, "layers.py, line 2: ZeroDivisionError"),
    "no inputs": ("layers.py", DENSE[: DENSE.index("def dense_inputs")], 2, "def dense_inputs(rng): return x, W, b"),
    "inputs raise": ("layers.py", RIGHT.replace("rng.normal(size=2)", "rng.norml(2)"), 2, "line 15: AttributeError"),
    "inputs that are none": (
        "layers.py",
        TANH.replace("return rng.normal(size=(2, 3))", "return ()"),
        2,
        "no inputs",
    ),
    "unknown input": ("layers.py", TANH.replace("return rng", "return {'z': 1} or rng"), 2, "no parameter z"),
    "an input is missing": (
        "layers.py",
        RIGHT[: RIGHT.index("def dense_inputs")] + "dense_inputs = {'x': np.ones((3, 4)), 'b': np.ones(2)}",
        2,
        "W is not among them",
    ),
    "saved is unclear": ("layers.py", TANH + "tanh_saved = 'yes'", 2, "tanh_saved is 'yes'"),
    "sample is no function": ("layers.py", TANH + "tanh_sample = 3", 2, "tanh_sample is no function"),
}


@pytest.mark.parametrize("arguments", [(), ("--json",)], ids=["text", "json"])
@pytest.mark.parametrize("case", UNUSABLE)
def test_what_cannot_be_used_is_said_in_one_message(case: str, arguments: tuple[str, ...], verify: Call) -> None:
    target, text, code, said = UNUSABLE[case]
    if text:
        save(text, target.partition(":")[0])
    ended = verify("backward", target, *arguments)
    assert ended.code == code
    assert said in ended.said
    assert ended.out == ""


@pytest.mark.parametrize("option", [("--seed", "-1"), ("--points", "0"), ("--mode", "x"), ("--time-limit", "0"), ()])
def test_usage(option: tuple[str, ...], verify: Call) -> None:
    target = [save(TANH)] if option else []
    ended = verify("backward", *target, *option)
    assert ended.code == 2
    assert widest(ended.out + ended.err) <= 80
