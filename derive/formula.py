"""Formulas of the catalogue: what is true, why, and what to expect; ``catalogue()`` discovers the files.

Data
    ``Claim``    one thing that a formula says: its chains, the program they are about, the form expected of a result.
    ``Formula``  an entry: identifier, titles, program, claims, reference, prose in English and Chinese.

The three most important functions are ``claim`` (from a derivation and the expected results), ``prove`` (a chain
written by hand) and ``load`` (a formula from the catalogue or from a user's file).
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import re
import sys
import traceback
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

from derive.definitions import check_reads
from derive.derivation import Chain, Derivation, Step, Text
from derive.errors import DerivationError, MissingRuleError, NotationError
from derive.nodes import Node, Ref, Tensor, as_node
from derive.printable import Printable
from derive.program import Program
from derive.prose import check_prose
from derive.statements import Condition, Statement

__all__ = ["Claim", "Formula", "catalogue", "claim", "claims_of", "formula", "line", "load", "prove"]


@dataclass(frozen=True, eq=False)
class Claim:
    """One thing that a formula says, with what shows it.

    ``expected`` gives for some chains the result as a person writes it, with the chain's letters free; that it equals
    what was derived is checked like every line. ``given`` are chains shown elsewhere whose names this claim uses.
    """

    title: Text
    program: Program
    chains: tuple[Chain, ...]
    expected: Mapping[Chain, Node]
    prose: Text = ("", "")
    derivation: Derivation | None = None
    given: tuple[Chain, ...] = ()

    def __post_init__(self) -> None:
        check_prose(self.title, "the title of a claim")
        check_prose(self.prose, "the prose of a claim")

    def __repr__(self) -> str:
        return f"<claim {self.title[0]!r}: {len(self.chains)} chains>"


@dataclass(frozen=True, eq=False)
class Formula(Printable):
    """An entry of the catalogue.

    ``program()`` builds the forward definitions, ``claims(program)`` what is said of them. ``summary`` opens the
    document; ``answer`` closes it with the reply to what readers find unclear, if anything.
    """

    id: str
    title: str
    title_zh: str
    program: Callable[[], Program]
    claims: Callable[[Program], Sequence[Claim]]
    reference: str
    summary: Text
    answer: Text = ("", "")

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) or not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", self.id):
            raise NotationError(f"the id of a formula is lower-case words joined by hyphens, not {self.id!r}")
        for field in ("title", "title_zh", "reference"):
            if not _is_prose(getattr(self, field)):
                raise NotationError(f"the formula {self.id!r} has no {field}")
        for field in ("program", "claims"):
            if not callable(getattr(self, field)):
                raise NotationError(f"{field} of the formula {self.id!r} is the function itself, not what it returns")
        if not _is_pair(self.summary) or not all(map(_is_prose, self.summary)):
            raise NotationError(f"the formula {self.id!r} needs a summary in English and in Chinese")
        if not _is_pair(self.answer):
            raise NotationError(f"the answer of the formula {self.id!r} is a pair, English and Chinese")
        for field in ("title", "title_zh", "summary", "answer"):
            check_prose(getattr(self, field), f"the {field} of the formula {self.id!r}")

    def __repr__(self) -> str:
        return f"<formula {self.id}: {self.title}>"


def _is_prose(text: object) -> bool:
    return isinstance(text, str) and bool(text.strip())


def _is_pair(text: object) -> bool:
    return isinstance(text, tuple) and len(text) == 2 and all(isinstance(one, str) for one in text)


@cache
def claims_of(formula: Formula) -> tuple[Claim, ...]:
    """The claims of a formula, made once: what is checked and what is printed are the same chains.

    Raises: NotationError or MissingRuleError with the line of the formula's file that led to it.
    """
    try:
        program = formula.program()
        if not isinstance(program, Program):
            raise NotationError(f"program() returns a Program, not {type(program).__name__}: end it with return")
        claims = formula.claims(program)
        if not isinstance(claims, Sequence) or not all(isinstance(one, Claim) for one in claims):
            raise NotationError("claims() returns a list of claim(…): end it with return")
        for one in claims:
            if not _is_pair(one.title) or not _is_pair(one.prose):
                raise NotationError(f"title and prose of a claim are pairs, English and Chinese, not {one.title!r}")
    except Exception as error:
        functions = (formula.program, formula.claims)
        raise _placed(
            error, {f.__code__.co_filename for f in functions if hasattr(f, "__code__")}, formula.id
        ) from error
    return tuple(claims)


def _placed(error: BaseException, files: Collection[str], otherwise: str) -> NotationError | MissingRuleError:
    """What went wrong in somebody's file, in one message that begins with its innermost line there."""
    lines = [(f.f_code.co_filename, number) for f, number in traceback.walk_tb(error.__traceback__)]
    here = [f"{Path(name).name}, line {number}" for name, number in lines if name in files]
    kind = MissingRuleError if isinstance(error, MissingRuleError) else NotationError
    return kind(f"{here[-1] if here else otherwise}: {_reason(error)}")


def _reason(error: BaseException) -> str:
    if isinstance(error, (NotationError, MissingRuleError, DerivationError)):
        return str(error)
    missing = re.match(r"Formula\.__init__\(\) missing .*?: (.*)", str(error))
    if missing:
        return f"the formula lacks {missing[1]}; write Formula(id=…, title=…, title_zh=…, program=…, …)"
    return "".join(traceback.format_exception_only(error)).strip()


def claim(
    title: Text,
    found: Derivation | Sequence[Chain],
    *,
    program: Program | None = None,
    expected: Mapping[str, Callable[..., object]] | None = None,
    prose: Text = ("", ""),
    given: Sequence[Chain] = (),
) -> Claim:
    """A claim from a derivation (or chains) and the expected results.

    ``expected={"W": lambda j, k: Sum(i, X[i, j] * (P[i, k] - T[i, k])) / n}`` names a result by its tensor: ``W``
    stands for its cotangent, any other name for the tensor itself; the function gets the chain's letters.
    Raises: NotationError when a name is no result, or when no program is known.
    """
    if isinstance(found, Derivation):
        chains, about, derivation = found.chains, program or found.program, found
    elif program is not None:
        chains, about, derivation = tuple(found), program, None
    else:
        raise NotationError(f"the claim {title[0]!r} is made of chains: name the program they are about")
    forms: dict[Chain, Node] = {}
    for name, form in (expected or {}).items():
        chain = _result_named(chains, name)
        forms[chain] = as_node(form(*chain.letters))
        check_reads(forms[chain], f"the expected form of {name!r}")
    return Claim(title, about, chains, forms, prose, derivation, tuple(given))


def _result_named(chains: Sequence[Chain], name: str) -> Chain:
    for chain in reversed(chains):
        if chain.name is not None:
            tensor = chain.name.tensor
            if name == tensor.name or (tensor.primal is not None and name == tensor.primal.name):
                return chain
    named = ", ".join(c.name.tensor.name for c in chains if c.name is not None)
    raise NotationError(f"no chain finds {name!r}; there are {named}")


def line(
    relation: str,
    after: object,
    rule: str = "algebra",
    *,
    why: Text | None = None,
    conditions: Sequence[Condition] = (),
    small: Tensor | None = None,
    order: int = 0,
    reference: str = "",
    substeps: Sequence[Chain] = (),
) -> Callable[[Node | Statement], Step]:
    """A line of a chain written by hand: its relation to the line before, and what it says."""
    said = after if isinstance(after, Statement) else as_node(after)
    check_prose(why, "the reason of a line")
    for condition in conditions:
        check_prose(condition.reason if isinstance(condition, Statement) else condition, "a condition of a line")

    def follow(before: Node | Statement) -> Step:
        return Step(
            before, said, rule, relation, why, conditions=tuple(conditions), substeps=tuple(substeps), small=small,
            order=order, reference=reference,
        )  # fmt: skip

    return follow


def prove(
    start: object,
    *lines: Callable[[Node | Statement], Step],
    name: Ref | None = None,
    note: Text = ("", ""),
    within: Program | None = None,
) -> Chain:
    """A chain written by hand: ``prove(start, line("=", …, why=(…)), line("≤", …))``. Every line is checked."""
    now: Node | Statement = start if isinstance(start, Statement) else as_node(start)
    check_prose(note, "the note before a chain")
    first = now
    steps = []
    _check_sides(now, "the start of a chain")
    for number, follow in enumerate(lines, 1):
        step = follow(now)
        steps.append(step)
        now = step.after
        _check_sides(now, f"line {number} of a chain")
    return Chain(first, tuple(steps), name, note, within)


def _check_sides(side: Node | Statement, where: str) -> None:
    for node in (side.left, side.right) if isinstance(side, Statement) else (side,):
        check_reads(node, where)


# ---------------------------------------------------------------------------------------------------- discovery


@cache
def catalogue() -> dict[str, Path]:
    """Where the formulas are: identifier to file, in the order of groups and names. Nothing is imported."""
    import derive.catalogue

    found: dict[str, Path] = {}
    for root in derive.catalogue.__path__:
        for path in sorted(Path(root).glob("*/*.py")):
            if path.stem != "__init__":
                found[path.stem.replace("_", "-")] = path
    return found


def group_of(identifier: str) -> str:
    """The group of an entry: the folder that holds its file."""
    return catalogue()[identifier].parent.name


def formula(identifier: str) -> Formula:
    """An entry of the catalogue. Raises: NotationError with the nearest identifiers."""
    if identifier not in catalogue():
        near = difflib.get_close_matches(identifier, catalogue(), n=3, cutoff=0.4)
        hint = f"; did you mean {', '.join(near)}?" if near else "; `derive list` shows them all"
        raise NotationError(f"there is no formula {identifier!r} in the catalogue{hint}")
    path = catalogue()[identifier]
    module = importlib.import_module(f"derive.catalogue.{path.parent.name}.{path.stem}")
    found = _declared(module, path)
    if found.id != identifier:
        raise NotationError(f"{path.name} declares the id {found.id!r}; its name says {identifier!r}")
    return found


def load(target: str | Path) -> Formula:
    """A formula by identifier, or from a file of the user's own, which has the form of a catalogue file.

    The file is the user's program and runs as such, like any module that is imported.
    Raises: NotationError when the file does not parse, does not run or declares no formula.
    """
    path = Path(target)
    if path.suffix != ".py":
        if path.exists():
            raise NotationError(f"{str(path)!r} is no formula file: these are Python programs and end in .py")
        return formula(str(target))
    return _declared(module_of(path), path)


def module_of(path: Path) -> ModuleType:
    """The module that a file of the user's is. Raises: NotationError when it does not parse or does not run."""
    if not path.is_file():
        raise NotationError(f"there is no file {str(path)!r}")
    spec = importlib.util.spec_from_file_location(f"formula_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where the file's own dataclasses look for themselves
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        name = Path(error.filename or path).name
        line = "" if error.lineno is None else f", line {error.lineno}"
        raise NotationError(f"{name}{line}: this does not parse: {error.msg}") from error
    except (Exception, SystemExit) as error:
        raise _placed(error, {module.__file__ or ""}, path.name) from error
    return module


def _declared(module: object, path: Path) -> Formula:
    found = getattr(module, "FORMULA", None)
    if not isinstance(found, Formula):
        raise NotationError(f"{path.name} declares no FORMULA = Formula(id=…, title=…, …)")
    return found
