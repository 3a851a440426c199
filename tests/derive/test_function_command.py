"""``derive function``: from a file of one's own to documents and NumPy source."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from derive.__main__ import main
from tests.commands import Call, called, files_below, widest

FILE = '''"""Losses."""

import numpy as np


def loss(X, W, b, Y):
    Z = X @ W + b
    P = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
    return -(Y * np.log(P)).sum() / len(X)


def loss_assumptions(Y):
    return [Y.sum(axis=1) == 1]


def gate(z, scale):
    return scale * np.tanh(z[:, : z.shape[1] // 2])


def branching(x):
    return x.sum() if x.sum() > 0 else -x.sum()
'''
SHAPES = ("--shape", "X=n,d", "--shape", "W=d,c", "--shape", "b=c", "--shape", "Y=n,c")


@pytest.fixture
def derive(capsys: pytest.CaptureFixture[str], empty_folder: Path) -> Call:
    """The command, in a folder with the file."""
    (empty_folder / "losses.py").write_text(FILE, encoding="utf-8")
    return called(main, capsys)


def imported(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("exported", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_documents_and_source_are_written(derive: Call, tmp_path: Path) -> None:
    formats = [word for form in ("latex", "html", "markdown", "text", "numpy") for word in ("--to", form)]
    ended = derive("function", "losses.py:loss", "--wrt", "W", *SHAPES, *formats, "-o", "out")
    assert ended.code == 0, ended.err
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {f"loss-gradient-W.{end}" for end in ("tex", "html", "md", "txt")} | {"loss_gradient_W.py"}
    assert all(str(Path("out", name)) in ended.out for name in names)
    assert "checks hold" in ended.out
    assert widest(ended.out) <= 80
    assert "Assumption used" in (tmp_path / "out" / "loss-gradient-W.txt").read_text(encoding="utf-8")
    function = imported(tmp_path / "out" / "loss_gradient_W.py").gradient_of_loss_by_W
    rng = np.random.default_rng(0)
    X, W, b, Y = rng.normal(size=(5, 3)), rng.normal(size=(3, 4)), rng.normal(size=4), rng.dirichlet(np.ones(4), 5)
    Z = X @ W + b
    P = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(function(X=X, W=W, b=b, Y=Y), X.T @ (P - Y) / 5, rtol=1e-12)


@pytest.mark.parametrize(
    ("kind", "wrt", "name"),
    [
        (("hessian",), ("b",), "loss_hessian_b"),
        (("mixed",), ("b", "W"), "loss_mixed_b_W"),
        (("taylor", "--order", "3"), ("b",), "loss_taylor_b"),
        (("vjp",), ("X", "b"), "loss_vjp_X_b"),
    ],
)
def test_every_kind_is_asked_for(derive: Call, kind: tuple[str, ...], wrt: tuple[str, ...], name: str) -> None:
    by = [word for one in wrt for word in ("--wrt", one)]
    ended = derive("function", "losses.py:loss", "--kind", *kind, *by, *SHAPES, "--to", "numpy")
    assert ended.code == 0, ended.err
    assert f"{name}.py" in ended.out


def test_sizes_may_be_products_and_arguments_numbers(derive: Call, tmp_path: Path) -> None:
    shapes = ("--shape", "z=n,2*k", "--shape", "scale=")
    ended = derive("function", "losses.py:gate", "--kind", "vjp", "--wrt", "z", *shapes, "--to", "numpy", "-o", ".")
    assert ended.code == 0, ended.err
    function = imported(tmp_path / "gate_vjp_z.py").vjp_of_gate_by_z
    z, d_output = np.linspace(-1, 1, 12).reshape(2, 6), np.ones((2, 3))
    expected = np.hstack([2.0 * (1 - np.tanh(z[:, :3]) ** 2), np.zeros((2, 3))])
    np.testing.assert_allclose(function(z=z, scale=2.0, d_output=d_output), expected, atol=1e-14)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("losses.py", "--wrt", "W", *SHAPES), "names no function: write FILE.py:NAME"),
        (("losses.py:cost", "--wrt", "W", *SHAPES), "has no function 'cost'; it has loss, loss_assumptions, gate"),
        (("nothing.py:loss", "--wrt", "W", *SHAPES), "there is no file 'nothing.py'"),
        (("losses.py:loss", "--wrt", "W", "--shape", "X:n,d"), "write --shape X=n,d, and X= for a number"),
        (("losses.py:loss", "--wrt", "W", "--shape", "X=n,d"), "'W' needs a shape"),
        (("losses.py:loss", "--wrt", "V", *SHAPES), "'V'"),
        (("losses.py:loss", "--kind", "mixed", "--wrt", "W", *SHAPES), "give --wrt twice"),
        (("losses.py:loss", "--wrt", "W", *SHAPES[:-1], "Y=n,k"), "c"),
        (("losses.py:branching", "--wrt", "x", "--shape", "x=n"), "np.where"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(
    derive: Call, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    ended = derive("function", *words)
    assert ended.code == 2
    assert message in " ".join(ended.err.split())
    assert files_below(tmp_path) == {"losses.py"}


def test_a_wrong_result_is_not_written_but_a_report(
    derive: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(_: object) -> Callable[..., Any]:
        def twice(X: Any, W: Any, b: Any, Y: Any) -> Any:
            return 0 * W

        return twice

    monkeypatch.setattr("verify.exported.compiled", wrong)
    ended = derive("function", "losses.py:loss", "--wrt", "W", *SHAPES, "--to", "numpy", "--to", "latex", "-o", "out")
    assert ended.code == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["loss-gradient-W.report.py"]
    assert "loss-gradient-W.report.py" in ended.err
    assert "def loss(X, W, b, Y):" in (tmp_path / "out" / "loss-gradient-W.report.py").read_text(encoding="utf-8")
