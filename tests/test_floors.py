"""Which module may import which: the floors of the architecture, read from the source."""

import ast
import graphlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# The one door from derive to verify: it asks, when it is called, for the checks that are printed.
DOOR = "derive.evidence"

# What the tree of expressions is made of. Constructors, functions and definitions are made of nodes, and above them.
UNDER_THE_TREE = ("derive.errors", "derive.index", "derive.operators", "derive.prose", "derive.size_algebra")

# Where verify meets SymPy and derive. Everything else in it is an independent witness: NumPy and SciPy only.
SYMBOLIC = (
    "verify.derivation",
    "verify.relations",
    "verify.assignments",
    "verify.edges",
    "verify.scenes",
    "verify.sources",
    "verify.rounding",
    "verify.world",
    "verify.called",
    "verify.exported",
    "verify.singular",
    "verify.components",
    "verify.catalogue",
    "verify.pairs",
    "verify.critical.expression",
    "verify.critical.formula.formula_text",
    "verify.critical.formula.formula_functions",
    "verify.__main__",
    "verify.backward_command",
    "verify.layers_command",
    "verify.saddle_command",
    "verify.saddle_arguments",
)
SYMBOLIC_PACKAGES = ("verify.adapters",)

EXECUTES_TEXT = {"sympify", "parse_expr", "lambdify"}
EXECUTES_TEXT_BUILTIN = {"eval", "exec"}


@dataclass(frozen=True)
class Import:
    """One name that a module imports; a lazy import stands inside a function."""

    module: str
    target: str
    lazy: bool
    line: int

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.target}"


class Sources:
    """Parsed modules, by dotted name."""

    def __init__(self, texts: Mapping[str, str], packages: frozenset[str] = frozenset()) -> None:
        self.trees = {name: ast.parse(text) for name, text in texts.items()}
        self.packages = packages
        self.imports = [found for name in self.trees for found in self._imports(name)]

    def _imports(self, name: str) -> Iterator[Import]:
        def visit(node: ast.AST, lazy: bool) -> Iterator[Import]:
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.Import | ast.ImportFrom):
                    for target in self._targets(name, child):
                        yield Import(name, target, lazy, child.lineno)
                elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
                    for branch in child.orelse:
                        yield from visit(branch, lazy)
                else:
                    inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                    yield from visit(child, lazy or inside)

        yield from visit(self.trees[name], lazy=False)

    def _targets(self, name: str, node: ast.Import | ast.ImportFrom) -> list[str]:
        if isinstance(node, ast.Import):
            return [alias.name for alias in node.names]
        base = node.module or ""
        if node.level:
            package = name if name in self.packages else name.rpartition(".")[0]
            for _ in range(node.level - 1):
                package = package.rpartition(".")[0]
            base = f"{package}.{base}" if base else package
        # `from package import x` is the module package.x where there is one, else a name inside package.
        return [name if (name := f"{base}.{alias.name}") in self.trees else base for alias in node.names]

    def reached(self, start: str) -> dict[str, list[Import]]:
        """Every module that importing `start` runs, with the chain of imports that leads there."""
        chains: dict[str, list[Import]] = {start: []}
        todo = [start]
        while todo:
            module = todo.pop()
            edges = [found for found in self.imports if found.module == module and not found.lazy]
            # Importing a.b.c runs a and a.b first.
            parents = [module.rsplit(".", depth)[0] for depth in range(1, module.count(".") + 1)]
            for edge in [*edges, *(Import(module, parent, False, 0) for parent in parents)]:
                if edge.target not in chains:
                    chains[edge.target] = [*chains[module], edge]
                    todo.append(edge.target)
        return chains


def in_package(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def doors_to_verify(sources: Sources) -> list[Import]:
    """Imports of verify in derive that are neither in the door nor, there, made only when it is called."""
    return [
        found
        for found in sources.imports
        if in_package(found.module, "derive")
        and in_package(found.target, "verify")
        and not (found.module == DOOR and found.lazy)
    ]


def symbolic_in_witnesses(sources: Sources) -> list[str]:
    """Imports by which a numerical module of verify would meet SymPy or derive."""
    witnesses = [
        module
        for module in sources.trees
        if in_package(module, "verify") and module not in SYMBOLIC and not in_package(module, *SYMBOLIC_PACKAGES)
    ]
    direct = [
        str(found)
        for found in sources.imports
        if found.module in witnesses and in_package(found.target, "sympy", "derive")
    ]
    through = [
        " and ".join(map(str, chain))
        for module in witnesses
        for target, chain in sources.reached(module).items()
        if in_package(target, "sympy", "derive") and len(chain) > 1
    ]
    return direct + through


def foreign_to_differentiation(sources: Sources) -> list[str]:
    """What verify.numdiff reaches that is neither NumPy nor the standard library."""
    allowed = ("numpy", *sys.stdlib_module_names)
    lazy = [
        found
        for found in sources.imports
        if found.lazy and found.module in sources.reached("verify.numdiff") and in_package(found.module, "verify")
    ]
    targets = [*sources.reached("verify.numdiff"), *(found.target for found in lazy)]
    return [target for target in targets if not in_package(target, "verify", *allowed)]


def above_the_tree(sources: Sources) -> list[str]:
    """What derive.nodes needs of derive, when it is imported, that is not below it."""
    below = ("derive", "derive.nodes", *UNDER_THE_TREE)
    return [
        target for target in sources.reached("derive.nodes") if in_package(target, "derive") and target not in below
    ]


def eager_scipy(sources: Sources) -> list[str]:
    """Imports of SciPy in derive that are made before something is computed with it."""
    return [
        str(found)
        for found in sources.imports
        if in_package(found.module, "derive") and in_package(found.target, "scipy") and not found.lazy
    ]


def foreign_to_layers(sources: Sources) -> list[str]:
    """What a layer imports beyond NumPy, SciPy and what layers are made of: it can be read and copied on its own."""
    made_of = ("verify.arguments", "verify.layer", "verify.layer_parts", "verify.layers")
    allowed = ("numpy", "scipy", *made_of, *sys.stdlib_module_names)
    return [
        str(found)
        for found in sources.imports
        if in_package(found.module, "verify.layers", "verify.layer_parts") and not in_package(found.target, *allowed)
    ]


def parts_that_need_layers(sources: Sources) -> list[str]:
    """Imports of layers in what layers share."""
    return [
        str(found)
        for found in sources.imports
        if in_package(found.module, "verify.layer_parts") and in_package(found.target, "verify.layers")
    ]


def above_the_prose(sources: Sources) -> list[str]:
    """What the grammar of formulas in prose reaches beyond the errors: it lies below everything that takes prose."""
    allowed = ("derive.prose", "derive.errors", *sys.stdlib_module_names)
    return [str(found) for found in sources.imports if in_package(found.module, "derive.prose")
            and not in_package(found.target, *allowed)]  # fmt: skip


def frameworks_elsewhere(sources: Sources) -> list[str]:
    """Ways to PyTorch or JAX that do not start in its own adapter: whoever has neither can use all else."""
    return [
        " and ".join(map(str, chain))
        for module in sources.trees
        for framework in ("torch", "jax")
        if not module.startswith(f"verify.adapters.{framework}")
        for target, chain in sources.reached(module).items()
        if in_package(target, framework)
    ]


# The source that this module executes was written by the toolkit, from names that were checked to be identifiers.
COMPILES_ITS_OWN = {"derive.render.numpy.compiled": ("exec", "compile")}


def execution_of_text(sources: Sources) -> list[str]:
    found = []
    for module, tree in sources.trees.items():
        for node in ast.walk(tree):
            names: list[str] = []
            if isinstance(node, ast.Name) and node.id in EXECUTES_TEXT | EXECUTES_TEXT_BUILTIN:
                names = [node.id]
            elif isinstance(node, ast.Attribute):
                of_builtins = isinstance(node.value, ast.Name) and "builtins" in node.value.id
                forbidden = EXECUTES_TEXT | (EXECUTES_TEXT_BUILTIN if of_builtins else set())
                names = [node.attr] if node.attr in forbidden else []
            elif isinstance(node, ast.ImportFrom):
                names = [a.name for a in node.names if a.name in EXECUTES_TEXT | EXECUTES_TEXT_BUILTIN]
            found += [
                f"{module}:{node.lineno} {name}" for name in names if name not in COMPILES_ITS_OWN.get(module, ())
            ]
    return found


def cycle(sources: Sources) -> list[str]:
    """A circle of module-level imports, if there is one."""
    graph = {
        module: {
            found.target
            for found in sources.imports
            if found.module == module and not found.lazy and found.target in sources.trees
        }
        for module in sources.trees
    }
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


@pytest.fixture(scope="module")
def sources() -> Sources:
    texts, packages = {}, set()
    for top in ("derive", "verify"):
        for path in sorted((ROOT / top).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            if parts[-1] == "__init__":
                parts = parts[:-1]
                packages.add(".".join(parts))
            texts[".".join(parts)] = path.read_text(encoding="utf-8")
    assert {"derive", "verify"} <= packages
    return Sources(texts, frozenset(packages))


def test_derive_imports_verify_through_one_door(sources: Sources) -> None:
    assert doors_to_verify(sources) == []


def test_witnesses_are_numerical(sources: Sources) -> None:
    assert symbolic_in_witnesses(sources) == []


def test_numerical_differentiation_needs_numpy_only(sources: Sources) -> None:
    assert "verify.numdiff" in sources.trees
    assert foreign_to_differentiation(sources) == []


def test_nodes_are_below_what_is_made_of_nodes(sources: Sources) -> None:
    assert "derive.nodes" in sources.trees
    assert above_the_tree(sources) == []


def test_deriving_starts_without_scipy(sources: Sources) -> None:
    assert eager_scipy(sources) == []


def test_layers_stand_on_their_own(sources: Sources) -> None:
    assert any(in_package(module, "verify.layers") for module in sources.trees)
    assert foreign_to_layers(sources) == []
    assert parts_that_need_layers(sources) == []


def test_only_adapters_import_frameworks(sources: Sources) -> None:
    assert {"verify.adapters.torch", "verify.adapters.jax"} <= set(sources.trees)
    assert frameworks_elsewhere(sources) == []


def test_the_grammar_of_prose_needs_nothing(sources: Sources) -> None:
    assert "derive.prose" in sources.trees
    assert above_the_prose(sources) == []


def test_no_text_is_executed(sources: Sources) -> None:
    assert execution_of_text(sources) == []


def test_imports_have_no_cycle(sources: Sources) -> None:
    assert cycle(sources) == []


WRONG = {
    "derive imports verify": (doors_to_verify, {"derive.program": "from verify import report"}),
    "a function of derive imports verify": (
        doors_to_verify,
        {"derive.program": "def f():\n    import verify.report"},
    ),
    "the door is open at import": (doors_to_verify, {DOOR: "import verify.derivation"}),
    "a witness imports sympy": (symbolic_in_witnesses, {"verify.backward": "from sympy import Symbol"}),
    "a function of a witness imports derive": (
        symbolic_in_witnesses,
        {"verify.backward": "def f():\n    from derive import formula"},
    ),
    "a witness imports a symbolic module": (
        symbolic_in_witnesses,
        {"verify.backward": "from .catalogue import x", "verify.catalogue": "import derive.formula"},
    ),
    "the package of a witness imports sympy": (
        symbolic_in_witnesses,
        {
            "verify.critical": "from .expression import evaluators",
            "verify.critical.expression": "import sympy",
            "verify.critical.search": "import numpy",
        },
    ),
    "numdiff imports scipy": (foreign_to_differentiation, {"verify.numdiff": "import scipy.optimize"}),
    "numdiff imports scipy through another": (
        foreign_to_differentiation,
        {"verify.numdiff": "from . import steps", "verify.steps": "def f():\n    import scipy"},
    ),
    "a node imports a constructor": (above_the_tree, {"derive.nodes": "from derive.notation import add"}),
    "a node imports a function through an index": (
        above_the_tree,
        {
            "derive.nodes": "from derive.index import Letter",
            "derive.index": "from derive import functions",
            "derive.functions": "",
        },
    ),
    "derive loads SciPy at once": (eager_scipy, {"derive.functions": "from scipy import special"}),
    "the grammar of prose imports a renderer": (above_the_prose, {"derive.prose": "from derive.render import tex"}),
    "a function of the grammar of prose imports sympy": (
        above_the_prose,
        {"derive.prose": "def f():\n    import sympy"},
    ),
    "text is parsed": (execution_of_text, {"derive.program": "import sympy\nsympy.sympify('x')"}),
    "text is parsed by another name": (
        execution_of_text,
        {"derive.program": "from sympy import parse_expr as p\np('x')"},
    ),
    "a module beside the one that compiles its own source does so too": (
        execution_of_text,
        {"derive.render.numpy.export": "exec('x')"},
    ),
    "the module that compiles its own source evaluates text": (
        execution_of_text,
        {"derive.render.numpy.compiled": "eval('x')"},
    ),
    "a layer is checked by itself": (foreign_to_layers, {"verify.layers.relu": "from verify import numdiff"}),
    "what layers share needs one of them": (
        parts_that_need_layers,
        {"verify.layer_parts.gates": "from verify.layers import sigmoid"},
    ),
    "a check imports an adapter": (
        frameworks_elsewhere,
        {"verify.report": "import verify.adapters.torch", "verify.adapters.torch": "import torch.nn"},
    ),
    "an adapter imports the other framework": (frameworks_elsewhere, {"verify.adapters.jax": "import torch"}),
    "text is evaluated": (execution_of_text, {"verify.backward": "f = eval\nf('1')"}),
    "two modules import each other": (
        cycle,
        {"derive.a": "from derive import b", "derive.b": "from .a import x"},
    ),
}

RIGHT = {
    "the door opens when called": (doors_to_verify, {DOOR: "def checks():\n    import verify.derivation"}),
    "a symbolic module imports derive": (
        symbolic_in_witnesses,
        {"verify.catalogue": "import derive.formula"},
    ),
    "derive loads SciPy when it computes": (
        eager_scipy,
        {"derive.functions": "def erf(z):\n    from scipy import special\n    return special.erf(z)"},
    ),
    "an operator finds its constructor when it is used": (
        above_the_tree,
        {
            "derive.nodes": "from derive.operators import Operators",
            "derive.operators": "def total():\n    from derive.notation import add",
        },
    ),
    "a type is imported for a checker": (
        cycle,
        {
            "derive.a": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from . import b",
            "derive.b": "from . import a",
        },
    ),
    "a layer is made of others": (
        foreign_to_layers,
        {"verify.layers.silu": "import numpy\nfrom verify.layers import sigmoid"},
    ),
    "an adapter imports its framework": (frameworks_elsewhere, {"verify.adapters.jax": "import jax.numpy"}),
    "a method is called eval": (execution_of_text, {"verify.adapters.torch": "def f(m):\n    m.eval()"}),
}


def _made_up(texts: Mapping[str, str]) -> Sources:
    packages = frozenset({"derive", "verify", "verify.critical"})
    return Sources({"derive": "", "verify": "", **texts}, packages)


@pytest.mark.parametrize("case", WRONG)
def test_what_is_forbidden_is_found(case: str) -> None:
    finder, texts = WRONG[case]
    assert finder(_made_up(texts))


@pytest.mark.parametrize("case", RIGHT)
def test_what_is_allowed_is_not_reported(case: str) -> None:
    finder, texts = RIGHT[case]
    assert not finder(_made_up(texts))
