"""What a rendered derivation says, before it has a format.

``document`` turns a formula, a claim or a derivation, with the evidence for it, into blocks: symbols, definitions,
chains of lines, results. Formats are folds over these blocks and never look at chains themselves; mathematics stays
as trees in ``Equation``, which each format writes with its own pen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from derive.derivation import Chain, Check, Derivation, Evidence, Statement, Step, Text
from derive.errors import NotationError
from derive.formula import Claim, Formula, claims_of
from derive.matrix import MatrixForm, matrix_form_of
from derive.notation import Bracket, Node, Over, Partial, Position, Ref, Tangent, Tensor
from derive.program import Assumption, Definition, Program, Recurrence
from derive.render.mathematics import MatrixWriter, Scope, Side, Writer
from derive.render.naming import Names
from derive.render.phrases import DOMAINS, LANGUAGES, TITLES, WITNESSES, phrase, pick
from derive.render.runs import Run, Token
from derive.size_algebra import Size, size_symbols
from derive.tree import key, walk

__all__ = [
    "Block", "Conclusion", "Document", "Equation", "Line", "Mark", "MatrixSide", "Section", "Setup", "SymbolRow",
    "document", "equation_tokens",
]  # fmt: skip

Subject = Formula | Claim | Derivation

SILENT = frozenset({"definition", "insert", "name", "algebra", "assumption", "seed"})
"""Rules whose statement says no more than their name."""


@dataclass(frozen=True, eq=False)
class Equation:
    """``left relation right``; a continuation of the line before where ``left`` is None.

    ``remainder`` is the tensor and the order of what is left out by ``≈``. ``quantified`` are the letters an
    assumption holds for.
    """

    left: Node | Side | None
    relation: str
    right: Node | Side
    names: Names
    remainder: tuple[Tensor, int] | None = None


@dataclass(frozen=True, eq=False)
class MatrixSide:
    """A result in matrix notation, ``name`` being the entry that it is called by."""

    form: MatrixForm
    name: Ref
    relation: str
    names: Names
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class SymbolRow:
    """A row of the table of symbols. ``symbols`` are tensors or sizes; a plain string names a piece of notation."""

    symbols: tuple[Tensor | Size | str, ...]
    shape: tuple[Size, ...] | None
    meaning: str
    below: Size | None = None


@dataclass(frozen=True, eq=False)
class Given:
    """Definitions that belong together: one, or the members of a recurrence with the remark that says so."""

    equations: tuple[Equation, ...]
    remark: str = ""
    along: Node | None = None


@dataclass(frozen=True, eq=False)
class Setup:
    """The symbols, the definitions and the assumptions of a program."""

    symbols: tuple[SymbolRow, ...]
    definitions: tuple[Given, ...]
    assumptions: tuple[tuple[Equation, str], ...]


@dataclass(frozen=True)
class Mark:
    """How a line or a result was checked; ``sizes`` are labels of ``Document.assignments``."""

    outcome: str
    witness: str
    points: int
    sizes: str
    error: float
    message: str


@dataclass(frozen=True, eq=False)
class Line:
    """One line of a chain: the equation, the law, why."""

    number: str
    law: str
    why: str
    statements: tuple[str, ...]
    conditions: tuple[str | Equation, ...]
    equation: Equation
    mark: Mark | None
    reference: str
    substeps: tuple[Block, ...]


@dataclass(frozen=True, eq=False)
class Block:
    """A chain: what is looked for, and the lines that find it."""

    opening: Equation
    note: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, eq=False)
class Conclusion:
    """A result: what was derived, the form that is expected of it, its matrix form, the checks of the whole."""

    equation: Equation
    expected: Equation | None
    matrix: MatrixSide | None
    marks: tuple[Mark, ...]

    @property
    def shortest(self) -> Equation | MatrixSide:
        """The form that a claim is stated in."""
        return self.expected or self.matrix or self.equation


@dataclass(frozen=True, eq=False)
class Section:
    """A claim with its derivation. ``setup`` is its own where the claim is about another program."""

    title: str
    prose: str
    setup: Setup | None
    blocks: tuple[Block, ...]
    conclusions: tuple[Conclusion, ...]


@dataclass(frozen=True, eq=False)
class Document:
    """Everything that is printed, in its order."""

    lang: str
    title: str
    summary: str
    setup: Setup
    sections: tuple[Section, ...]
    assignments: tuple[tuple[str, tuple[tuple[str, int], ...]], ...]
    holds: int
    total: int
    seed: int | None
    reference: str
    answer: str

    def say(self, key: str) -> str:
        """A fixed phrase in the document's language."""
        return phrase(key, self.lang)


def document(subject: Subject, evidence: Evidence | None = None, lang: str = "en") -> Document:
    """The document about a formula, a claim or a derivation.

    Without evidence everything is checked first. Raises: DerivationError when a check fails, NotationError for an
    unknown language.
    """
    if lang not in LANGUAGES:
        raise NotationError(f"documents are written in {' or '.join(LANGUAGES)}, not {lang!r}")
    claims = claims_of(subject) if isinstance(subject, Formula) else (_as_claim(subject, lang),)
    known = evidence or _checked(claims)
    chains = [chain for claim in claims for chain in claim.chains]
    if not any(chain in known.chains or not known.steps.keys().isdisjoint(chain.steps) for chain in chains):
        raise NotationError("this evidence is about other chains: check the very object that is to be printed")
    return _Maker(known, lang).document(subject, claims)


def _checked(claims: Sequence[Claim]) -> Evidence:
    from derive.evidence import evidence_for

    found = [evidence_for(claim) for claim in claims]
    steps = {step: check for one in found for step, check in one.steps.items()}
    chains = {chain: checks for one in found for chain, checks in one.chains.items()}
    return Evidence(steps, chains, found[0].seed if found else 0)


def _as_claim(subject: Claim | Derivation, lang: str) -> Claim:
    if isinstance(subject, Claim):
        return subject
    titles = TITLES.get(subject.kind, (subject.kind, subject.kind))
    names = [t.name for t in subject.wrt]
    outputs = ", ".join(t.name for t in subject.program.outputs)
    title = tuple(
        text.format(y=outputs, x=_listed(names, phrase("and", which)))
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
        self.stated: set[str] = set()

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
        shown: dict[Program, Setup] = {}
        sections = []
        for claim in claims:
            own = None
            if claim.program is not main and claim.program not in shown:
                own = shown[claim.program] = self.setup(claim.program, [claim])
            sections.append(self.section(claim, own, titled=isinstance(subject, Formula)))
        steps = [self.evidence.steps[s] for c in claims for s in _every_step(c.chains) if s in self.evidence.steps]
        return Document(
            self.lang,
            title,
            summary,
            self.setup(main, [c for c in claims if c.program is main]),
            tuple(sections),
            tuple((label, sizes) for sizes, label in self.labels.items()),
            sum(check.outcome == "holds" for check in steps),
            sum(1 for c in claims for _ in _every_step(c.chains)),
            self.evidence.seed,
            reference,
            answer,
        )

    # ------------------------------------------------------------------------------------------------- set-up

    def setup(self, program: Program, claims: Sequence[Claim]) -> Setup:
        rows: list[SymbolRow] = []
        sizes = [program.sizes(), ()]
        for claim in claims:
            for tensor in _extra_inputs(claim):
                sizes[1] = (*sizes[1], *(x for axis in tensor.axes for x in size_symbols(axis)))
        symbols = list(dict.fromkeys((*sizes[0], *sizes[1])))
        from_one = tuple(s for s in symbols if s.is_positive)
        from_zero = tuple(s for s in symbols if not s.is_positive)
        rows += [self.tensor_row(t) for t in program.inputs]
        rows += [self.tensor_row(d.tensor) for d in program.definitions()]
        # every derivation has a direction of its own; what is told of them is the same
        extra = {(t.name, t.axes): t for c in claims for t in (*_extra_inputs(c), *_moved(c))}
        rows += [self.tensor_row(t) for t in extra.values()]
        if from_one:
            rows.append(SymbolRow(from_one, None, phrase("sizes" if len(from_one) > 1 else "size", self.lang)))
        if from_zero:
            rows.append(SymbolRow(from_zero, None, phrase("size from zero", self.lang)))
        rows += [SymbolRow((what,), None, phrase(what, self.lang)) for what in self.notations(program, claims)]
        return Setup(
            tuple(rows),
            tuple(self.given(item) for item in program.items),
            tuple((self.assumption(a), self.say(a.reason)) for a in program.assumptions),
        )

    def tensor_row(self, tensor: Tensor) -> SymbolRow:
        meaning = tensor.meaning if isinstance(tensor.meaning, tuple) else (tensor.meaning, tensor.meaning)
        parts = [self.say(meaning)]
        domain = self.say(DOMAINS.get(tensor.domain, ("", "")))
        if domain and not (tensor.domain in ("simplex", "one-hot") and parts[0]) and domain not in parts[0]:
            parts.append(domain)
        if not any(parts):
            kind = "computed" if tensor.definition is not None else "given" if tensor.primal is not None else "input"
            parts.append(phrase(kind, self.lang))
        return SymbolRow((tensor,), tensor.axes, ", ".join(p for p in parts if p), tensor.below)

    def notations(self, program: Program, claims: Sequence[Claim]) -> Iterator[str]:
        nodes = [n for d in program.definitions() for n in walk(d.body)]
        nodes += [n for c in claims for chain in c.chains for n in _nodes(chain)]
        roles = {t.role for c in claims for chain in c.chains for n in _nodes(chain) for t in _read(n)}
        roles |= {chain.name.tensor.role for c in claims for chain in c.chains if chain.name is not None}
        if "cotangent" in roles:
            yield "cotangent"
        if "tangent" in roles:
            yield "tangent"
        if any(isinstance(n, Partial) and isinstance(n.wrt, Tangent) for n in nodes):
            yield "along"
        if any(isinstance(n, Bracket) for n in nodes):
            yield "bracket"
        if any(isinstance(n, Over) and n.at and isinstance(n.arguments[0], Ref) for n in nodes):
            yield "dot"

    def given(self, item: Definition | Recurrence) -> Given:
        if isinstance(item, Definition):
            return Given((self.definition(item),))
        remark = phrase("recurrence backwards" if item.backwards else "recurrence", self.lang)
        along = item.members[0].left.indices[item.axes[0]]
        return Given(tuple(self.definition(d) for d in item.members), remark, Position(along))

    def definition(self, d: Definition) -> Equation:
        return Equation(d.left, "=", d.body, Names().bind(d.letters))

    def assumption(self, a: Assumption) -> Equation:
        return Equation(a.left, a.relation, a.right, Names().freed(a.left).freed(a.right))

    # -------------------------------------------------------------------------------------------------- claims

    def section(self, claim: Claim, setup: Setup | None, *, titled: bool) -> Section:
        quoted = {repr(a): self.assumption(a) for a in claim.program.assumptions}
        blocks = tuple(self.block(chain, quoted, "") for chain in claim.chains)
        conclusions = tuple(self.conclusion(claim, chain) for chain in _concluding(claim))
        title = self.say(claim.title) if titled else ""
        return Section(title, self.say(claim.prose), setup, blocks, conclusions)

    def block(self, chain: Chain, quoted: Mapping[str, Equation], prefix: str) -> Block:
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
                    self.conditions(step, quoted),
                    equation,
                    self.mark(self.evidence.steps.get(step)),
                    step.reference,
                    tuple(self.block(c, quoted, f"{number}.") for c in step.substeps),
                )
            )
        return Block(opening, self.say(chain.note), tuple(lines))

    def statements(self, step: Step) -> tuple[str, ...]:
        """A law is stated where it is used for the first time."""
        new = tuple(s for s in _statements(step) if s not in self.stated)
        self.stated.update(new)
        return new

    def conditions(self, step: Step, quoted: Mapping[str, Equation]) -> tuple[str | Equation, ...]:
        found: list[str | Equation] = []
        for condition in dict.fromkeys(step.conditions):
            equation = quoted.get(condition[0])
            found.append(equation if equation is not None else self.say(condition))
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
            tuple(m for m in (self.mark(c) for c in self.evidence.chains.get(chain, ())) if m is not None),
        )

    # -------------------------------------------------------------------------------------------------- checks

    def mark(self, check: Check | None) -> Mark | None:
        if check is None:
            return None
        labels = []
        for sizes in check.sizes:
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


def _every_step(chains: Iterable[Chain]) -> Iterator[Step]:
    for chain in chains:
        for step in chain.steps:
            yield step
            yield from _every_step(step.substeps)


def _nodes(chain: Chain) -> Iterator[Node]:
    for side in (chain.start, *(step.after for step in chain.steps)):
        for node in (side.left, side.right) if isinstance(side, Statement) else (side,):
            yield from walk(node)
    for step in chain.steps:
        for below in step.substeps:
            yield from _nodes(below)


def _read(node: Node) -> tuple[Tensor, ...]:
    return (node.tensor,) if isinstance(node, Ref) else ()


def _moved(claim: Claim) -> tuple[Tensor, ...]:
    """Values at a displaced point that the lines speak of."""
    read = (t for chain in claim.chains for node in _nodes(chain) for t in _read(node))
    return tuple(dict.fromkeys(t for t in read if t.role == "shifted"))


def _extra_inputs(claim: Claim) -> tuple[Tensor, ...]:
    """What a derivation reads beyond its program: a direction, the cotangent of the output."""
    if claim.derivation is None:
        return ()
    return tuple(t for t in claim.derivation.derived.inputs if t not in claim.program.inputs)


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
    own = tuple(dict.fromkeys(f.statement for f in step.functions if f.statement))
    return own or (() if step.rule in SILENT else (step.law.statement,))


def _matrix(chain: Chain, relation: str, names: Names, lang: str) -> MatrixSide | None:
    form = matrix_form_of(chain)
    if form is None or chain.name is None or form.left(chain.name) is None:
        return None
    return MatrixSide(form, chain.name, relation, names, tuple(pick(note, lang) for note in form.notes))


def equation_tokens(equation: Equation | MatrixSide, writer: Writer) -> tuple[Token, ...]:
    """An equation as tokens of a pen, to be broken into lines."""
    if isinstance(equation, MatrixSide):
        return _matrix_tokens(equation, writer)
    scope = Scope(equation.names)
    right = _side(equation.right, writer, scope)
    tokens: list[Token] = []
    if equation.left is not None:
        tokens += _side(equation.left, writer, scope).tokens
    if equation.left is not None or not _opens(equation):
        tokens.append(writer.pen.relation(equation.relation))
    tokens += right.tokens
    if equation.remainder is not None:
        tensor, order = equation.remainder
        tokens.append(writer.pen.sign(negative=False, leading=False))
        tokens += writer.remainder(tensor, order).tokens
    return tuple(tokens)


def _matrix_tokens(side: MatrixSide, writer: Writer) -> tuple[Token, ...]:
    matrices = MatrixWriter(writer.pen, side.names)
    left = side.form.left(side.name)
    start = () if left is None else matrices.write(left).tokens
    return (*start, writer.pen.relation(side.relation), *matrices.write(side.form.tree).tokens)


def _opens(equation: Equation) -> bool:
    """Whether this is the quantity that a chain without a name starts from."""
    return equation.left is None and equation.relation == ":="


def _side(side: Node | Side, writer: Writer, scope: Scope) -> Run:
    if isinstance(side, Node):
        return writer.node(side, Scope(scope.names.freed(side)))
    return writer.statement(side, Scope(scope.names.freed(side.left).freed(side.right)))
