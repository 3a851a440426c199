"""NumPy source of derivations: it computes what the evaluator computes, and reads as a person would write it."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import sympy

from derive.definitions import Definition, define
from derive.derivation import Derivation
from derive.differentiate import gradient, hessian, hvp, jacobian, jvp, vjp
from derive.errors import NotationError
from derive.formula import catalogue, claims_of, formula
from derive.functions import ELEMENTWISE, Elementwise, sqrt
from derive.index import Letter, letters
from derive.nodes import Apply, Over, Partial, Sum, Tensor
from derive.notation import at_least, equal, less, mean, name, names, tensor
from derive.over_axes import OVER, over, rms, softmax, standardise, std
from derive.program import Program
from derive.render.numpy import compiled, numpy_source
from derive.render.numpy.compiled import check_source
from derive.render.numpy.functions import ALONG, MATRIX
from derive.render.numpy.functions import ELEMENTWISE as TRANSLATED
from derive.size_algebra import sizes
from derive.tree import walk
from derive.unspecified_functions import unspecified
from tests.derive.programs import GATE
from tests.derive.random_programs import random_program
from tests.derive.render.numpy_programs import SIZES, UNUSUAL, scalar
from tests.derive.witnesses import Sizes, Values, assigned, drawn, seeded, values_of

GOLDEN = Path(__file__).parent / "golden"
KINDS = ("gradient", "vjp", "jvp", "hvp forward", "hvp reverse", "jacobian", "hessian")
SMALL = ("softmax_regression", "gather", "max_over_axis", "mixture")


def called(found: Derivation, values: Values, named: dict[str, int]) -> list[np.ndarray]:
    """The results of the exported function."""
    function = compiled(found)
    parameters = inspect.signature(function).parameters.values()
    given = {p.name: named[p.name.rstrip("_")] for p in parameters if p.kind is p.KEYWORD_ONLY}
    result = function(*(values[t] for t in found.derived.inputs), **given)
    several = len(found.derived.outputs) > 1
    return [np.asarray(one) for one in (result.values() if several else [result])]


def compare(found: Derivation, named: dict[str, int], *seed: object) -> None:
    """The exported function computes what the evaluator does, and shares no memory with its arguments."""
    assignment: Sizes = assigned(found.derived, named)
    values = drawn(found.derived.inputs, assignment, seeded(*seed))
    before = {t: array.copy() for t, array in values.items()}
    results = called(found, values, named)
    for tensor_, result, expected in zip(
        found.derived.outputs, results, values_of(found.derived, values, assignment), strict=True
    ):
        assert result.shape == expected.shape, f"{tensor_.name}: {result.shape}, not {expected.shape}"
        scale = max(1e-3, float(np.max(np.abs(expected), initial=0)))
        np.testing.assert_allclose(result, expected, rtol=1e-9, atol=1e-10 * scale, err_msg=tensor_.name)
        assert not any(np.shares_memory(result, array) for array in values.values())
    for t, array in values.items():
        np.testing.assert_array_equal(array, before[t])


# ---------------------------------------------------------------------------------------------- what is computed


@cache
def of_gate(which: str, kind: str) -> Derivation:
    case = GATE[which]()
    inner = Program.of(case.program.inputs, case.program.tensor(case.inner), case.program.assumptions)
    one = {"one_block": "B0WQ", "lstm": "Wh_f"}.get(which, case.wrt[0])
    row = {"one_block": "B0mbeta", "lstm": "x"}.get(which, case.wrt[0])
    make: dict[str, Callable[[], Derivation]] = {
        "gradient": lambda: gradient(case.program, case.wrt),
        "vjp": lambda: vjp(inner, case.wrt[:3]),
        "jvp": lambda: jvp(inner, case.wrt),
        "hvp forward": lambda: hvp(case.program, one),
        "hvp reverse": lambda: hvp(case.program, one, style="reverse"),
        "jacobian": lambda: jacobian(inner, row),
        "hessian": lambda: hessian(case.program, one),
    }
    return make[kind]()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("which", GATE)
def test_gate(which: str, kind: str) -> None:
    if kind == "hessian" and which in ("one_block", "lstm"):
        pytest.skip("a Hessian through a block or a recurrence takes long to derive")
    case = GATE[which]()
    for named in (*case.sizes, *case.corners):
        compare(of_gate(which, kind), named, which, kind)


@pytest.mark.parametrize("kind", ["vjp", "jvp", "hvp", "hessian"])
@pytest.mark.parametrize("which", UNUSUAL)
def test_indices_of_every_shape(which: str, kind: str) -> None:
    inputs, output = UNUSUAL[which]()
    moving = [t for t in inputs if t.below is None]
    program = Program.of(inputs, output)
    make: dict[str, Callable[[], Derivation]] = {
        "vjp": lambda: vjp(program, moving),
        "jvp": lambda: jvp(program, moving),
        "hvp": lambda: hvp(scalar(inputs, output), moving[0], style="reverse"),
        "hessian": lambda: hessian(scalar(inputs, output), moving[0]),
    }
    found = make[kind]()
    for named in SIZES:
        compare(found, named, which, kind)


DERIVED = [
    (identifier, at)
    for identifier in catalogue()
    for at, one in enumerate(claims_of(formula(identifier)))
    if one.derivation is not None
]
LENGTHS = (
    {"H": 5, "W": 6, "K": 3, "L": 2, "d": 2, "s": 2, "p": 1, "N": 2, "D": 3, "n": 3, "m": 4, "e": 2, "I": 7, "M": 4},
    {"H": 7, "W": 5, "K": 2, "L": 3, "d": 1, "s": 1, "p": 0, "N": 3, "D": 2, "n": 4, "m": 2, "e": 5, "I": 6, "M": 3},
    {"H": 4, "W": 8, "K": 4, "L": 4, "d": 1, "s": 3, "p": 1, "N": 1, "D": 4, "n": 2, "m": 5, "e": 3, "I": 9, "M": 5},
)
MORE = {"T": 3, "C": 2, "O": 3, "o": 2}


@pytest.mark.parametrize(("identifier", "at"), DERIVED)
def test_catalogue(identifier: str, at: int) -> None:
    found = claims_of(formula(identifier))[at].derivation
    assert found is not None
    unknown = [
        f.name
        for d in found.derived.definitions()
        for f in functions_of(d.body)
        if f.name not in ALONG and f.name not in MATRIX and f.name not in TRANSLATED
    ]
    if unknown:
        with pytest.raises(NotationError, match=unknown[0]):
            numpy_source(found)
        return
    for named in LENGTHS:
        compare(found, {**named, **MORE}, identifier, at)


def functions_of(node: object) -> Iterator[Elementwise]:
    for below in walk(node):  # type: ignore[arg-type]
        if isinstance(below, (Apply, Over)):
            yield below.function  # type: ignore[misc]


def check_random_program(seed: int) -> None:
    program = random_program(np.random.default_rng(seed))
    for found in (gradient(program, program.inputs), hvp(program, "x_n")):
        for named in ({"n": 2, "m": 3}, {"n": 4, "m": 1}, {"n": 1, "m": 5}):
            with np.errstate(all="ignore"):
                assignment = assigned(found.derived, named)
                values = drawn(found.derived.inputs, assignment, seeded(seed))
                expected = values_of(found.derived, values, assignment)
                results = called(found, values, named)
            for result, one in zip(results, expected, strict=True):
                scale = max(1e-3, float(np.max(np.abs(one), initial=0)))
                np.testing.assert_allclose(result, one, rtol=1e-7, atol=1e-9 * scale, err_msg=f"seed {seed}")


@pytest.mark.parametrize("seed", range(30))
def test_random_programs(seed: int) -> None:
    check_random_program(seed)


@pytest.mark.campaign
@pytest.mark.parametrize("block", range(10))
def test_many_random_programs(block: int) -> None:
    for seed in range(1000 + 100 * block, 1100 + 100 * block):
        check_random_program(seed)


# ------------------------------------------------------------------------------------------------- what is written


def layer_norm() -> Derivation:
    n, d = sizes("n d")
    i, k = letters("i k", n, d)
    x, gamma, beta, eps = tensor("x", n, d), tensor("gamma", d), tensor("beta", d), tensor("eps", domain="positive")
    mu, v, z, y = names("mu v z y")
    mu = define(mu[i], mean(k, x[i, k]))
    v = define(v[i], mean(k, (x[i, k] - mu[i]) ** 2))
    z = define(z[i, k], (x[i, k] - mu[i]) / sqrt(v[i] + eps))
    y = define(y[i, k], gamma[k] * z[i, k] + beta[k])
    return vjp(Program.of([x, gamma, beta, eps], y), ("x", "gamma", "beta"))


def of_catalogue(identifier: str) -> Derivation:
    found = next(one.derivation for one in claims_of(formula(identifier)) if one.derivation is not None)
    assert found is not None
    return found


GOLDENS: dict[str, Callable[[], Derivation]] = {
    "softmax_regression": lambda: gradient(GATE["softmax_regression"]().program, "W"),
    "layer_norm": layer_norm,
    "attention": lambda: gradient(GATE["attention"]().program, "WQ"),
    "convolution": lambda: of_gate("convolution", "gradient"),
    "lstm": lambda: of_catalogue("lstm-bptt"),
}


@pytest.mark.parametrize("which", GOLDENS)
def test_source_is_as_a_person_would_write_it(which: str) -> None:
    assert numpy_source(GOLDENS[which]()) == (GOLDEN / f"{which}.txt").read_text(encoding="utf-8")


def sources() -> Iterator[str]:
    for make in GOLDENS.values():
        yield numpy_source(make())
    for which in SMALL:
        for kind in KINDS:
            yield numpy_source(of_gate(which, kind))
    for make_program in UNUSUAL.values():
        inputs, output = make_program()
        yield numpy_source(vjp(Program.of(inputs, output), [t for t in inputs if t.below is None]))


def test_sources_fit_in_88_columns_and_need_numpy_only() -> None:
    for source in sources():
        assert max(map(len, source.splitlines())) <= 88, source
        tree = ast.parse(source)
        found = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        found |= {one.name for node in ast.walk(tree) if isinstance(node, ast.Import) for one in node.names}
        assert found <= {"numpy", "numpy.lib.stride_tricks", "scipy.special", "scipy.spatial.distance"}
        assert ("erf(" in source) == ("scipy.special" in found)
        assert ("np." in source) == ("numpy" in found)


def test_every_name_is_read() -> None:
    for source in sources():
        tree = ast.parse(source)
        stored = {
            node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        loaded = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
        unpacked = {
            one.id  # type: ignore[attr-defined]
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple)
            for one in node.targets[0].elts
        }
        assert stored - loaded <= unpacked, source


def test_source_runs_where_this_toolkit_is_not(tmp_path: Path) -> None:
    found = of_gate("lstm", "gradient")
    case = GATE["lstm"]()
    assignment = assigned(found.derived, case.sizes[0])
    values = drawn(found.derived.inputs, assignment, seeded("alone"))
    np.savez(tmp_path / "in.npz", **{f"a{at:03}": values[t] for at, t in enumerate(found.derived.inputs)})
    source = numpy_source(found, "backward")
    (tmp_path / "run.py").write_text(
        f"{source}\nimport sys\nhere = sys.argv[1]\ngiven = np.load(here + '/in.npz')\n"
        "np.savez(here + '/out.npz', **backward(*(given[key] for key in sorted(given))))\n"
        "assert not {'derive', 'verify', 'scipy', 'sympy'} & {m.split('.')[0] for m in sys.modules}\n",
        encoding="utf-8",
    )
    subprocess.run([sys.executable, "-I", str(tmp_path / "run.py"), str(tmp_path)], check=True)
    results = np.load(tmp_path / "out.npz")
    for t, expected in zip(found.derived.outputs, values_of(found.derived, values, assignment), strict=True):
        assert t.primal is not None
        np.testing.assert_allclose(results[t.primal.name], expected, rtol=1e-9, atol=1e-12)


# ------------------------------------------------------------------------------------------- names, sizes, errors


def test_many_names_are_left_out_of_that_of_the_function() -> None:
    case = GATE["one_block"]()
    weights = [t for t in case.program.inputs if t.name not in ("R", "eps")]
    source = numpy_source(gradient(case.program, weights))
    assert "\ndef gradient_of_L(" in source
    assert max(map(len, source.splitlines())) <= 88


def test_names_hide_nothing() -> None:
    n, sum_ = sizes("n sum")
    i, j = letters("i j", n, sum_)
    made = {text: tensor(text, n, sum_) for text in ("lambda", "np", "n", "len", "softmax", "erf", "x_", "x")}
    total = sum((softmax(j, t[i, j]) * t[i, j] for t in made.values()), start=0)
    program = Program.of(made.values(), define(name("print"), Sum(i, j, total)))
    found = gradient(program, program.inputs)
    compare(found, {"n": 2, "sum": 3}, "names")
    arguments = list(inspect.signature(compiled(found)).parameters)
    assert arguments == ["lambda_", "np_", "n", "len_", "softmax_", "erf_", "x_", "x"]
    assert list(compiled(found)(*(np.ones((2, 3)),) * 8)) == list(made)


@pytest.mark.parametrize("text", ["not a name", "lambda", "np", "print", "x; import os", ""])
def test_a_function_needs_a_name_of_its_own(text: str) -> None:
    found = of_gate("gather", "gradient")
    if text:
        with pytest.raises(NotationError, match="cannot be the name"):
            numpy_source(found, text)
    assert "def d_table(" in numpy_source(found, "d_table")


def test_sizes_in_sums_and_products_are_solved_for() -> None:
    n, m, k = sizes("n m k")
    i, j, l = letters("i j l", n, m, k)
    x, z, w = tensor("x", n * m), tensor("z", m + 2 * k - 1), tensor("w", k)
    y = define(name("y"), Sum(i, j, x[m * i + j] / (n + m)) + Sum(j, l, z[j + l] * w[l]))
    found = vjp(Program.of([x, z, w], y), ("x", "z", "w"))
    assert [p.kind for p in inspect.signature(compiled(found)).parameters.values()].count(
        inspect.Parameter.KEYWORD_ONLY
    ) == 0
    compare(found, {"n": 3, "m": 2, "k": 4}, "solved")


def test_sizes_that_no_shape_tells_are_given_by_name() -> None:
    found = of_gate("convolution", "gradient")
    parameters = inspect.signature(compiled(found)).parameters
    assert {p.name for p in parameters.values() if p.kind is p.KEYWORD_ONLY} == {"p", "D", "s", "q"}


def test_an_operation_without_a_translation_is_named() -> None:
    n = sizes("n")[0]
    i = letters("i", n)[0]
    x = tensor("x", n)
    found = gradient(Program.of([x], define(name("y"), over(unspecified("f"), i, x[i]))), "x")
    with pytest.raises(NotationError, match=r"D1_f.*no NumPy form"):
        numpy_source(found)


def test_what_a_false_bracket_multiplies_is_never_read() -> None:
    """Means of classes, one of them empty; rows of a strict triangle, the first of them empty; a guarded quotient."""
    n, V = sizes("n V")
    i, j, v = letters("i j v", n, n, V)
    w, q, labels = tensor("w", n), tensor("q", n), tensor("labels", n, below=V)
    count = define(name("count")[v], Sum(i, equal(labels[i], v)))
    means = define(name("means")[v], Sum(i, w[i] * equal(labels[i], v) / count[v]))
    rows = define(name("rows")[i], Sum(j, less(j, i) * w[j] / q[i]))
    steps = define(name("steps")[i], at_least(i, 1) * w[i] / q[i - 1])
    program = Program.of([w, q, labels], [means, rows, steps])
    found = as_derivation(program)
    values = {w: np.array([1.0, 2.0, 4.0]), q: np.array([0.0, 3.0, 5.0]), labels: np.array([0, 2, 0])}
    with np.errstate(all="ignore"):
        results = compiled(found, "f")(*values.values(), V=3)
    np.testing.assert_allclose(results["means"], [2.5, 0, 2])
    np.testing.assert_allclose(results["rows"], [0, 1 / 3, 3 / 5])
    assert results["steps"][0] == 0
    assert results["steps"][2] == 4 / 3


def test_a_function_is_not_known_by_its_name_alone() -> None:
    i, x = letters("i", sizes("n")[0])[0], tensor("x", sizes("n")[0])
    other = dataclasses.replace(ELEMENTWISE["exp"], numpy=np.sin)
    for value, text in ((over(unspecified("norm"), i, x[i]), "norm"), (Sum(i, other(x[i])), "exp")):
        program = Program.of([x], define(name("y"), value + Sum(i, x[i])))
        with pytest.raises(NotationError, match=text):
            numpy_source(jvp(program, "x") if text == "exp" else as_derivation(program))


def as_derivation(program: Program) -> Derivation:
    """A derivation whose results are the outputs of a program."""
    return Derivation("gradient", program, program.outputs, (), program)


@pytest.mark.parametrize("text", ["x\nimport os", 'x"', "1x", "x y"])
def test_what_is_no_identifier_never_reaches_the_source(text: str) -> None:
    n = sizes("n")[0]
    i = letters("i", n)[0]
    odd, x = Tensor(text, (n,)), tensor("x", n)
    y, z = Tensor("y", (n,)), Tensor(text, (n,))
    size = sympy.Symbol(text, integer=True, positive=True)
    long = Tensor("long", (size,))
    k = Letter(text, size)
    programs = [
        Program((odd,), (Definition(y, (i,), odd[i] ** 2),), (y,)),
        Program((x,), (Definition(z, (i,), x[i] ** 2),), (z,)),
        Program((long,), (Definition(Tensor("s", ()), (), Sum(k, long[k] ** 2)),), ()),
    ]
    programs[2] = dataclasses.replace(programs[2], outputs=(programs[2].items[0].tensor,))  # type: ignore[union-attr]
    for program in programs:
        with pytest.raises(NotationError, match="identifier"):
            numpy_source(as_derivation(program), "f")


@pytest.mark.parametrize(
    "source",
    ["import os", "x = 1", "def f():\n    import os", "def f(x):\n    return x.__class__", "@f\ndef g(): pass",
     "from os import path", "print(1)"],
)  # fmt: skip
def test_only_functions_and_numpy_are_executed(source: str) -> None:
    with pytest.raises(NotationError, match="of the source"):
        check_source(ast.parse(source))


def test_a_derivative_that_is_open_is_named() -> None:
    x, y = tensor("x"), Tensor("y", ())
    open_ = Definition(y, (), Partial(x[()] ** 2, x[()]))
    program = Program((x,), (open_,), (y,))
    with pytest.raises(NotationError, match="not carried out"):
        numpy_source(Derivation("gradient", program, (x,), (), program))


def test_every_function_of_the_tables_is_translated() -> None:
    assert set(ELEMENTWISE) - {"where"} == set(TRANSLATED)
    assert {f for f, row in OVER.items() if row.expansion is None} <= set(ALONG) | set(MATRIX)


@pytest.mark.parametrize("axes", [1, 2])
def test_moments_run_along_several_axes(axes: int) -> None:
    n, m, p = sizes("n m p")
    i, k, l = letters("i k l", n, m, p)
    along = (k, l)[:axes]
    X, R = tensor("X", n, m, p), tensor("R", n, m, p)
    entry = X[i, k, l]
    body = Sum(i, k, l, R[i, k, l] * standardise(*along, entry, eps=1) / rms(*along, entry) + std(*along, entry))
    found = gradient(Program.of([X, R], define(name("L"), body)), "X")
    assert ("(1, 2)" in numpy_source(found)) == (axes == 2)
    for named in ({"n": 2, "m": 3, "p": 2}, {"n": 4, "m": 2, "p": 3}):
        compare(found, named, "moments")
