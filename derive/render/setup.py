"""The set-up of a document: the table of symbols, the forward definitions, the assumptions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from derive.definitions import Definition, Recurrence
from derive.derivation import Chain
from derive.formula import Claim
from derive.nodes import Bracket, Node, Over, Partial, Position, Ref, Tangent, Tensor
from derive.program import Program
from derive.render.blocks import Given, Setup, SymbolRow
from derive.render.equation import Equation
from derive.render.mathematics.functions import kept_indices
from derive.render.naming import Names
from derive.render.phrases import DOMAINS, phrase, pick, sentence
from derive.size_algebra import size_symbols
from derive.statements import Statement
from derive.tree import walk

__all__ = ["assumption_of", "setup_of"]


def setup_of(program: Program, claims: Sequence[Claim], lang: str, told: set[str]) -> Setup:
    """The set-up of a program, with what the derivations of these claims bring.

    ``told`` are the notations that the document has explained before; those explained here are added to it.
    """
    first = () if "from zero" in told else (phrase("from zero", lang),)
    note = ("" if lang == "zh" else " ").join(map(sentence, (*first, *(pick(note, lang) for note in program.notes))))
    rows = tuple(_rows(program, claims, lang, told))
    told |= {"from zero", *_notations(program, claims)}
    return Setup(
        rows,
        note,
        tuple(_given(item, lang) for item in program.items),
        tuple((assumption_of(a), pick(a.reason, lang)) for a in program.assumptions),
    )


def assumption_of(a: Statement) -> Equation:
    """An assumption as an equation."""
    return Equation(a.left, a.relation, a.right, Names().freed(a.left).freed(a.right))


def _rows(program: Program, claims: Sequence[Claim], lang: str, told: set[str]) -> Iterator[SymbolRow]:
    yield from (_tensor_row(t, lang) for t in program.inputs)
    yield from (_tensor_row(d.tensor, lang) for d in program.definitions())
    # every derivation has a direction of its own; what is told of them is the same
    extra = {(t.name, t.axes): t for c in claims for t in (*_extra_inputs(c), *_moved(c))}
    yield from (_tensor_row(t, lang) for t in extra.values())
    brought = [x for c in claims for t in _extra_inputs(c) for axis in t.axes for x in size_symbols(axis)]
    symbols = list(dict.fromkeys((*program.sizes(), *brought)))
    from_one = tuple(s for s in symbols if s.is_positive)
    from_zero = tuple(s for s in symbols if not s.is_positive)
    if from_one:
        yield SymbolRow(from_one, None, phrase("sizes" if len(from_one) > 1 else "size", lang))
    if from_zero:
        yield SymbolRow(from_zero, None, phrase("size from zero", lang))
    new = (what for what in _notations(program, claims) if what not in told)
    yield from (SymbolRow((what,), None, phrase(what, lang)) for what in new)


def _tensor_row(tensor: Tensor, lang: str) -> SymbolRow:
    meaning = tensor.meaning if isinstance(tensor.meaning, tuple) else (tensor.meaning, tensor.meaning)
    parts = [pick(meaning, lang)]
    domain = pick(DOMAINS.get(tensor.domain, ("", "")), lang)
    if domain and not (tensor.domain in ("simplex", "one-hot") and parts[0]) and domain not in parts[0]:
        parts.append(domain)
    if not any(parts):
        kind = "computed" if tensor.definition is not None else "given" if tensor.primal is not None else "input"
        parts.append(phrase(kind, lang))
    return SymbolRow((tensor,), tensor.axes, ", ".join(p for p in parts if p), tensor.below)


def _notations(program: Program, claims: Sequence[Claim]) -> Iterator[str]:
    """The pieces of notation that need a word, where they occur."""
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
    if any(isinstance(n, Over) and kept_indices(n, transposed=True) for n in nodes):
        yield "dot"


def _given(item: Definition | Recurrence, lang: str) -> Given:
    if isinstance(item, Definition):
        return Given((_definition(item),))
    remark = phrase("recurrence backwards" if item.backwards else "recurrence", lang)
    along = item.members[0].left.indices[item.axes[0]]
    return Given(tuple(_definition(d) for d in item.members), remark, Position(along))


def _definition(d: Definition) -> Equation:
    return Equation(d.left, "=", d.body, Names().bind(d.letters))


def _extra_inputs(claim: Claim) -> tuple[Tensor, ...]:
    """What a derivation reads beyond its program: a direction, the cotangent of the output."""
    if claim.derivation is None:
        return ()
    return tuple(t for t in claim.derivation.derived.inputs if t not in claim.program.inputs)


def _moved(claim: Claim) -> tuple[Tensor, ...]:
    """Values at a displaced point that the lines speak of."""
    read = (t for chain in claim.chains for node in _nodes(chain) for t in _read(node))
    return tuple(dict.fromkeys(t for t in read if t.role == "shifted"))


def _nodes(chain: Chain) -> Iterator[Node]:
    for side in (chain.start, *(step.after for step in chain.steps)):
        for node in (side.left, side.right) if isinstance(side, Statement) else (side,):
            yield from walk(node)
    for step in chain.steps:
        for below in step.substeps:
            yield from _nodes(below)


def _read(node: Node) -> tuple[Tensor, ...]:
    return (node.tensor,) if isinstance(node, Ref) else ()
