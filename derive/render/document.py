"""What a rendered derivation says, before it has a format.

``document`` turns a formula, a claim or a derivation, with the evidence for it, into blocks: symbols, definitions,
chains of lines, results. Formats are folds over these blocks and never look at chains themselves; mathematics stays
as trees in ``Equation``, which each format writes with its own pen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import sympy

from derive.derivation import Chain, Check, Derivation, Evidence, Step, Text
from derive.errors import NotationError
from derive.formula import Claim, Formula, claims_of
from derive.matrix import matrix_form_of
from derive.nodes import Node, Over, Partial, Ref, Tensor
from derive.over_axes import OVER, OverAxes, spelled_out
from derive.program import Program
from derive.render.blocks import Block, Conclusion, Document, Line, Mark, Section, Setup
from derive.render.equation import Equation, MatrixSide
from derive.render.mathematics import Side
from derive.render.naming import Names
from derive.render.phrases import LANGUAGES, TITLES, WITNESSES, phrase, pick
from derive.render.setup import setup_of
from derive.render.tex import latex_math
from derive.render.text import plain
from derive.statements import Statement
from derive.tree import key, pattern, walk

__all__ = ["Subject", "document"]

Subject = Formula | Claim | Derivation

SILENT = frozenset({"definition", "expand", "insert", "name", "algebra", "assumption", "seed"})
"""Rules whose statement says no more than their name."""


def document(subject: Subject, evidence: Evidence | None = None, lang: str = "en") -> Document:
    """The document about a formula, a claim or a derivation.

    Without evidence everything is checked first. Raises: DerivationError when a check fails, NotationError for an
    unknown language.
    """
    if lang not in LANGUAGES:
        raise NotationError(f"documents are written in {' or '.join(LANGUAGES)}, not {lang!r}")
    claims = claims_of(subject) if isinstance(subject, Formula) else (_as_claim(subject, lang),)
    known = evidence or _checked(subject)
    chains = [chain for claim in claims for chain in claim.chains]
    if not any(chain in known.chains or not known.steps.keys().isdisjoint(chain.steps) for chain in chains):
        raise NotationError("this evidence is about other chains: check the very object that is to be printed")
    return _Maker(known, lang).document(subject, claims)


def _checked(subject: Subject) -> Evidence:
    from derive.evidence import evidence_for

    return evidence_for(subject)


def _as_claim(subject: Claim | Derivation, lang: str) -> Claim:
    if isinstance(subject, Claim):
        return subject
    titles = TITLES.get(subject.kind, (subject.kind, subject.kind))
    names = [t.name for t in subject.wrt]
    title = tuple(
        text.format(y=subject.subject_name(), x=_listed(names, phrase("and", which)))
        for text, which in zip(titles, LANGUAGES, strict=True)
    )
    return Claim((title[0], title[1]), subject.program, subject.chains, {}, derivation=subject)


def _listed(names: Sequence[str], last: str) -> str:
    if len(names) < 2:
        return "".join(names)
    gap = " " if last.isascii() else ""
    return ", ".join(names[:-1]) + f"{gap or ' '}{last}{gap or ' '}" + names[-1]


class _Maker:
    """Makes the blocks of a document."""

    def __init__(self, evidence: Evidence, lang: str) -> None:
        self.evidence = evidence
        self.lang = lang
        self.labels: dict[tuple[tuple[str, int], ...], str] = {}
        self.sizes: set[str] = set()
        # what has been said need not be said again: notations, statements of laws, their proofs, whole chains
        self.told: set[str] = set()
        self.stated: set[str] = set()
        self.required: set[object] = set()
        self.proved: set[Chain] = set()
        self.derived: set[tuple[object, ...]] = set()

    def say(self, text: Text) -> str:
        return pick(text, self.lang)

    def document(self, subject: Subject, claims: Sequence[Claim]) -> Document:
        main = claims[0].program
        if isinstance(subject, Formula):
            # one program serves the claims that are about it; the others bring their own
            title, summary = self.say((subject.title, subject.title_zh)), self.say(subject.summary)
            reference, answer = subject.reference, self.say(subject.answer)
        else:
            title, summary, reference, answer = self.say(claims[0].title), "", "", ""
        setup = self.setup(main, [c for c in claims if c.program is main])
        shown: dict[Program, Setup] = {}
        sections = []
        for claim in claims:
            own = None
            if claim.program is not main and claim.program not in shown:
                own = shown[claim.program] = self.setup(claim.program, [claim])
            sections.append(self.section(claim, own, titled=isinstance(subject, Formula)))
        marks = [line.mark for section in sections for line in _lines(section.blocks)]
        return Document(
            self.lang,
            title,
            summary,
            setup,
            tuple(sections),
            tuple((label, sizes) for sizes, label in self.labels.items()),
            sum(mark is not None and mark.outcome == "holds" for mark in marks),
            len(marks),
            self.evidence.seed,
            reference,
            answer,
        )

    def setup(self, program: Program, claims: Sequence[Claim]) -> Setup:
        made = setup_of(program, claims, self.lang, self.told)
        self.sizes |= {s.name for row in made.symbols for s in row.symbols if isinstance(s, sympy.Symbol)}
        return made

    # -------------------------------------------------------------------------------------------------- claims

    def section(self, claim: Claim, setup: Setup | None, *, titled: bool) -> Section:
        blocks: list[Block] = []
        for chain in claim.chains:
            block = self.once(claim, chain)
            # one remark introduces all results in a row that were found before
            listed = blocks and not blocks[-1].lines and block.note == phrase("found above", self.lang)
            blocks.append(replace(block, note="") if listed else block)
        conclusions = tuple(self.conclusion(claim, chain) for chain in _concluding(claim))
        title = self.say(claim.title) if titled else ""
        return Section(title, self.say(claim.prose), setup, tuple(blocks), conclusions)

    def once(self, claim: Claim, chain: Chain) -> Block:
        """A chain whose lines have all been shown for the same program is told by its result."""
        names = Names().bind(chain.letters)
        sides = (chain.start, *(step.after for step in chain.steps))
        lines = (claim.program, self.say(chain.note), *(plain(side, names) for side in sides))
        if chain.name is not None and chain.steps and lines in self.derived:
            return Block(Equation(chain.name, "=", chain.result, names), phrase("found above", self.lang), ())
        self.derived.add(lines)
        return self.block(chain, "")

    def block(self, chain: Chain, prefix: str) -> Block:
        names = Names().bind(chain.letters)
        opening = Equation(chain.name, ":=", chain.start, names)
        lines = []
        for m, step in enumerate(chain.steps, 1):
            number = f"{prefix}{m}"
            equation = Equation(None, step.relation, step.after, names, _remainder(step))
            lines.append(
                Line(
                    number,
                    self.say(step.law.title),
                    self.say(step.why or step.law.why),
                    self.statements(step),
                    self.conditions(step, names),
                    equation,
                    self.mark(self.evidence.steps.get(step)),
                    step.reference,
                    self.substeps(step, number),
                )
            )
        return Block(opening, self.say(chain.note), tuple(lines))

    def substeps(self, step: Step, number: str) -> tuple[Block, ...]:
        """The law of a function is proved where it is used for the first time."""
        new = [chain for chain in step.substeps if chain not in self.proved]
        self.proved.update(new)
        return tuple(self.block(chain, f"{number}.") for chain in new)

    def statements(self, step: Step) -> tuple[str, ...]:
        """A law is stated where it is used for the first time."""
        new = tuple(s for s in _statements(step) if s not in self.stated)
        self.stated.update(new)
        return new

    def conditions(self, step: Step, names: Names) -> tuple[str | Equation, ...]:
        """A condition is said where it is needed for the first time; an assumption where it is used."""
        found: list[str | Equation] = []
        for condition in step.conditions:
            if not isinstance(condition, Statement):
                found += () if condition in self.required else (self.say(condition),)
                self.required.add(condition)
                continue
            about = condition.relation, pattern(condition.left, condition.right)
            if about in self.required and step.rule != "assumption":
                continue
            self.required.add(about)
            visible = names.freed(condition.left).freed(condition.right)
            found.append(Equation(condition.left, condition.relation, condition.right, visible))
            if any(condition.reason) and step.rule != "assumption":
                found.append(self.say(condition.reason))
        return tuple(found)

    def conclusion(self, claim: Claim, chain: Chain) -> Conclusion:
        names = Names().bind(chain.letters)
        left: Node | Side = chain.start
        if chain.name is not None and not (isinstance(chain.start, Partial) and isinstance(chain.start.body, Ref)):
            left = chain.name
        relation = _overall(chain.steps)
        remainder = next((r for r in map(_remainder, reversed(chain.steps)) if r), None)
        if remainder:
            left = chain.start
        expected = claim.expected.get(chain)
        if expected is not None and isinstance(chain.result, Node) and key(expected) == key(chain.result):
            expected = None
        return Conclusion(
            Equation(left, relation, chain.result, names, remainder),
            None if expected is None else Equation(left, relation, expected, names, remainder),
            _matrix(chain, relation, names, self.lang) if remainder is None else None,
            tuple(self.marks(chain)),
        )

    # -------------------------------------------------------------------------------------------------- checks

    def marks(self, chain: Chain) -> Iterator[Mark]:
        """The checks of a whole chain; of its line where it has one only."""
        alone = [self.evidence.steps.get(step) for step in chain.steps] if len(chain.steps) == 1 else []
        for check in (*alone, *self.evidence.chains.get(chain, ())):
            mark = self.mark(check)
            if mark is not None:
                yield mark

    def mark(self, check: Check | None) -> Mark | None:
        if check is None:
            return None
        labels = []
        for drawn in check.sizes:
            # the law of a function has a size of its own, which is no size of this document
            sizes = tuple((name, value) for name, value in drawn if name in self.sizes)
            if not sizes:
                continue
            if sizes not in self.labels:
                self.labels[sizes] = _label(len(self.labels))
            labels.append(self.labels[sizes])
        witness = WITNESSES.get(check.witness, check.witness) if self.lang == "zh" else check.witness
        return Mark(check.outcome, witness, check.points, _span(labels), check.error, check.message)


def _label(number: int) -> str:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return letters[number] if number < len(letters) else f"{letters[number % len(letters)]}{number // len(letters)}"


def _span(labels: Sequence[str]) -> str:
    """``A–C`` where the labels follow each other."""
    listed = sorted(dict.fromkeys(labels))
    if not listed:
        return ""
    run = all(len(x) == 1 for x in listed) and len(listed) > 2 and ord(listed[-1]) - ord(listed[0]) == len(listed) - 1
    return f"{listed[0]}–{listed[-1]}" if run else ", ".join(listed)


def _lines(blocks: Iterable[Block]) -> Iterator[Line]:
    for block in blocks:
        for line in block.lines:
            yield line
            yield from _lines(line.substeps)


def _concluding(claim: Claim) -> tuple[Chain, ...]:
    """The chains whose ends are the results."""
    if claim.derivation is not None:
        return claim.derivation.results or claim.chains[-1:]
    return tuple(c for c in claim.chains if c in claim.expected or c.name is None or c is claim.chains[-1])


def _overall(steps: Sequence[Step]) -> str:
    relations = {step.relation for step in steps} - {"="}
    if not relations:
        return "="
    return relations.pop() if len(relations) == 1 else "≈"


def _remainder(step: Step) -> tuple[Tensor, int] | None:
    return (step.small, step.order) if step.relation == "≈" and step.small is not None else None


def _statements(step: Step) -> tuple[str, ...]:
    """The laws behind a line: those of its functions where there are any, else that of its rule."""
    if step.rule == "expand":
        return tuple(latex_math(Statement(whole, "=", body)) for whole, body in map(spelled_out, _expanded(step)))
    own = tuple(dict.fromkeys(f.statement for f in step.functions if f.statement))
    return own or (() if step.rule in SILENT else (step.law.statement,))


def _expanded(step: Step) -> tuple[OverAxes, ...]:
    """The functions along axes that stand on one side of a line only, spelled out on the other."""
    if step.functions:
        return tuple(f for f in step.functions if isinstance(f, OverAxes))
    before, after = ({n.function for n in _nodes(side) if isinstance(n, Over)} for side in (step.before, step.after))
    return tuple(f for f in OVER.values() if f.expansion is not None and (f in before) != (f in after))


def _nodes(side: Node | Statement) -> Iterator[Node]:
    for node in (side.left, side.right) if isinstance(side, Statement) else (side,):
        yield from walk(node)


def _matrix(chain: Chain, relation: str, names: Names, lang: str) -> MatrixSide | None:
    form = matrix_form_of(chain)
    if form is None or chain.name is None or form.left(chain.name) is None:
        return None
    return MatrixSide(form, chain.name, relation, names, tuple(pick(note, lang) for note in form.notes))
