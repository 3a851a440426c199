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
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from derive.definitions import check_reads
from derive.derivation import Chain, Derivation, Step, Text
from derive.errors import NotationError
from derive.nodes import Node, Ref, Tensor, as_node
from derive.printable import Printable
from derive.program import Program
from derive.prose import check_prose
from derive.statements import Condition, Statement
from derive.user_files import module_of, placed

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
        raise placed(
            error, {f.__code__.co_filename for f in functions if hasattr(f, "__code__")}, formula.id
        ) from error
    return tuple(claims)


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


def _declared(module: object, path: Path) -> Formula:
    found = getattr(module, "FORMULA", None)
    if not isinstance(found, Formula):
        raise NotationError(f"{path.name} declares no FORMULA = Formula(id=…, title=…, …)")
    return found
