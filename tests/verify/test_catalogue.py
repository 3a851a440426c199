"""The promises of every entry of the catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from derive.derivation import Chain, Evidence, Step, Text
from derive.formula import Claim, Formula, catalogue, claims_of, formula
from derive.nodes import Node, Partial, Ref, Tangent, Tensor
from derive.program import Program
from derive.render.blocks import Document, Setup
from derive.render.document import document
from derive.rules import RULES
from derive.size_algebra import size_symbols
from derive.statements import Statement
from derive.tree import walk
from verify.catalogue import check_formula, status

ENTRIES = list(catalogue())

# Claims from a derivation whose result is not compared with a form that a person wrote: (entry, English title): why.
WITHOUT_EXPECTED: dict[tuple[str, str], str] = {}

# Symbols that a document uses and its set-up does not define, which it should: (entry, name): how they come in.
UNDEFINED: dict[tuple[str, str], str] = {}

CHINESE = re.compile(r"[\u4e00-\u9fff]")


@cache
def _evidence(identifier: str) -> Evidence:
    return check_formula(formula(identifier))


def _programs(entry: Formula) -> Iterator[Program]:
    """The programs that the author of an entry wrote."""
    for claim in claims_of(entry):
        yield claim.program
        yield from (chain.within for chain in claim.chains if chain.within is not None)


def _lines(chains: tuple[Chain, ...]) -> Iterator[tuple[Chain, tuple[Step, ...]]]:
    """Chains with their steps, those of substeps included."""
    for chain in chains:
        yield chain, chain.steps
        for step in chain.steps:
            yield from _lines(step.substeps)


def _steps(entry: Formula) -> Iterator[Step]:
    for claim in claims_of(entry):
        for _, steps in _lines(claim.chains):
            yield from steps


def _tensors(program: Program) -> Iterator[Tensor]:
    yield from program.inputs
    yield from (d.tensor for d in program.definitions())


def _written(entry: Formula) -> Iterator[tuple[str, Text]]:
    """Everything that an author says in two languages, and where."""
    yield "the title", (entry.title, entry.title_zh)
    yield "the summary", entry.summary
    yield "the answer", entry.answer
    for claim in claims_of(entry):
        yield "a claim's title", claim.title
        yield f"the prose of {claim.title[0]!r}", claim.prose
        for chain, steps in _lines(claim.chains):
            yield f"a note of {claim.title[0]!r}", chain.note
            for step in steps:
                if step.why is not None:
                    yield f"why a line of {claim.title[0]!r} holds", step.why
                texts = (c.reason if isinstance(c, Statement) else c for c in step.conditions)
                yield from ((f"a condition of {claim.title[0]!r}", text) for text in texts if any(text))
    for program in _programs(entry):
        for assumption in program.assumptions:
            yield "an assumption", assumption.reason
        for tensor in _tensors(program):
            if isinstance(tensor.meaning, tuple):
                yield f"the meaning of {tensor.name}", tensor.meaning


def test_there_are_entries() -> None:
    assert ENTRIES


@pytest.mark.parametrize("identifier", ENTRIES)
def test_the_id_is_the_name_of_the_file(identifier: str) -> None:
    path = catalogue()[identifier]
    assert formula(identifier).id == identifier == path.stem.replace("_", "-")
    assert path.name not in {other.name for name, other in catalogue().items() if name != identifier}


@pytest.mark.parametrize("identifier", ENTRIES)
def test_a_summary_line_opens_the_file(identifier: str) -> None:
    first = Path(catalogue()[identifier]).read_text(encoding="utf-8").splitlines()[0]
    assert re.fullmatch(r'"""\S.*\."""', first), first


@pytest.mark.parametrize("identifier", ENTRIES)
def test_titles_and_summary_are_there(identifier: str) -> None:
    entry = formula(identifier)
    assert claims_of(entry)
    for text in ((entry.title, entry.title_zh), entry.summary, *(claim.title for claim in claims_of(entry))):
        assert all(one.strip() for one in text)
    titles = [claim.title for claim in claims_of(entry)]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("identifier", ENTRIES)
def test_prose_is_in_both_languages_or_in_none(identifier: str) -> None:
    for where, (english, chinese) in _written(formula(identifier)):
        assert bool(english.strip()) == bool(chinese.strip()), f"{where}: {english!r}, {chinese!r}"
        assert not CHINESE.search(english), f"{where}: {english!r} is no English"


@pytest.mark.parametrize("identifier", ENTRIES)
def test_chinese_is_chinese(identifier: str) -> None:
    for where, (english, chinese) in _written(formula(identifier)):
        # a formula reads the same in both
        assert not chinese or chinese == english or CHINESE.search(chinese), f"{where}: {chinese!r}"
    assert CHINESE.search(formula(identifier).title_zh)
    assert CHINESE.search(formula(identifier).summary[1])


@pytest.mark.parametrize("identifier", ENTRIES)
def test_every_tensor_has_a_meaning(identifier: str) -> None:
    for program in _programs(formula(identifier)):
        for tensor in _tensors(program):
            # what the engine makes, cotangents and the like, is explained by its role
            if not tensor.role:
                assert isinstance(tensor.meaning, tuple), f"{tensor.name} has no meaning in Chinese"
                assert all(one.strip() for one in tensor.meaning), tensor.name


@pytest.mark.parametrize("identifier", ENTRIES)
def test_every_line_names_a_law(identifier: str) -> None:
    for step in _steps(formula(identifier)):
        assert step.rule in RULES
        assert all(text.strip() for text in step.law.title)


@pytest.mark.parametrize("identifier", ENTRIES)
def test_lines_by_hand_say_why(identifier: str) -> None:
    for step in _steps(formula(identifier)):
        if step.rule == "algebra":
            assert step.why is not None, f"{step.before!r} {step.relation} {step.after!r}"
            assert all(step.why)


@pytest.mark.parametrize("identifier", ENTRIES)
def test_results_are_compared_with_what_a_person_writes(identifier: str) -> None:
    for claim in claims_of(formula(identifier)):
        reason = WITHOUT_EXPECTED.get((identifier, claim.title[0]))
        if claim.derivation is not None:
            assert bool(claim.expected) != bool(reason), claim.title[0]


def test_exceptions_are_still_there() -> None:
    titles = {(name, claim.title[0]) for name in ENTRIES for claim in claims_of(formula(name))}
    assert set(WITHOUT_EXPECTED) <= titles
    assert all(WITHOUT_EXPECTED.values())


@pytest.mark.parametrize("identifier", ENTRIES)
def test_everything_holds_and_was_exercised(identifier: str) -> None:
    entry, evidence = formula(identifier), _evidence(identifier)
    assert [check.message for check in evidence.all if check.outcome != "holds"] == []
    assert evidence.outcome == "holds"
    assert set(_steps(entry)) <= set(evidence.steps)
    assert all(check.points > 0 for check in evidence.all)
    assert status(entry, evidence) == "checked"


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(1, 11))
@pytest.mark.parametrize("identifier", ENTRIES)
def test_everything_holds_at_every_seed(identifier: str, seed: int) -> None:
    evidence = check_formula(formula(identifier), seed=seed)
    assert [check.message for check in evidence.all if check.outcome != "holds"] == []


@pytest.mark.parametrize("identifier", ENTRIES)
def test_every_expected_form_was_compared(identifier: str) -> None:
    evidence = _evidence(identifier)
    for claim in claims_of(formula(identifier)):
        for chain in claim.expected:
            assert "expected form" in {check.witness for check in evidence.chains[chain]}


# ----------------------------------------------------------------------------------------------- the document


def _nodes(side: Node | Statement) -> Iterator[Node]:
    for node in (side.left, side.right) if isinstance(side, Statement) else (side,):
        yield from walk(node)


def _read(node: Node) -> set[Tensor]:
    found = set(node.tensors)
    if isinstance(node, Partial):
        if isinstance(node.wrt, Tangent):
            found.update(node.wrt.tangents, node.wrt.tangents.values())
        elif isinstance(node.wrt, Ref):
            found.add(node.wrt.tensor)
    return found


def _sides(claim: Claim) -> Iterator[Node | Statement]:
    """Both sides of every line; the smaller steps that prove a law are about letters of their own."""
    for chain in claim.chains:
        yield chain.start
        yield from (step.after for step in chain.steps)
    yield from claim.expected.values()


def _setups(made: Document, claims: tuple[Claim, ...]) -> Iterator[Setup]:
    """The set-up that each claim is read with."""
    by_program = {claims[0].program: made.setup}
    for claim, section in zip(claims, made.sections, strict=True):
        if section.setup is not None:
            by_program[claim.program] = section.setup
        yield by_program[claim.program]


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("identifier", ENTRIES)
def test_the_set_up_defines_every_symbol(identifier: str, lang: str) -> None:
    claims = claims_of(formula(identifier))
    made = document(formula(identifier), _evidence(identifier), lang)
    found = {chain.name.tensor.name for claim in claims for chain in claim.chains if chain.name is not None}
    undefined = set()
    for claim, setup in zip(claims, _setups(made, claims), strict=True):
        symbols = [symbol for row in setup.symbols for symbol in row.symbols]
        assert all(row.meaning.strip() for row in setup.symbols)
        tensors = {symbol.name for symbol in symbols if isinstance(symbol, Tensor)}
        notations = {symbol for symbol in symbols if isinstance(symbol, str)}
        sizes = {symbol for symbol in symbols if not isinstance(symbol, (Tensor, str))}
        for side in _sides(claim):
            for node in _nodes(side):
                for tensor in _read(node):
                    known = tensor.name in tensors or tensor.name in found
                    if tensor.role in ("cotangent", "tangent"):
                        known |= tensor.role in notations
                    if not known:
                        undefined.add(tensor.name)
                for index in node.indices_here():
                    for value in (index.constant, *(factor for _, factor in index.terms)):
                        assert set(size_symbols(value)) <= sizes, f"{value} in {claim.title[0]!r}"
                for letter in node.bound():
                    assert set(size_symbols(letter.length)) <= sizes, f"{letter.length} in {claim.title[0]!r}"
    assert undefined == {name for entry, name in UNDEFINED if entry == identifier}
