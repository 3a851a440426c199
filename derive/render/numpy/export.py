"""A derivation as NumPy source: one function, its helpers and its imports, which run without this toolkit."""

from __future__ import annotations

import itertools
import re
import textwrap
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from derive.definitions import Definition, Recurrence
from derive.errors import NotationError
from derive.index import Letter, as_index, fresh
from derive.matching import match
from derive.nodes import Mul, Node, Number, Ref, Sum, Tensor, factors_of, terms_of
from derive.notation import add, mul
from derive.program import Program
from derive.render.numpy.arrays import Named, aligned
from derive.render.numpy.block import Assign, Block, Loop, names_in, renamed, shared, source
from derive.render.numpy.code import Code, call, choice, literal, method, name, replaced, subscript
from derive.render.numpy.digits import merged, split, split_bound
from derive.render.numpy.functions import HELPERS, OF_INFINITE
from derive.render.numpy.identifiers import Identifiers
from derive.render.numpy.lengths import Lengths
from derive.render.numpy.prepared import prepared
from derive.render.numpy.risk import Risk
from derive.render.numpy.single_axes import without_single_axes
from derive.render.numpy.translate import Translator
from derive.tree import map_children, substitute, walk

if TYPE_CHECKING:
    from derive.derivation import Check, Derivation

__all__ = ["arguments", "function_name", "held", "numpy_source"]


COPIED = re.compile(r"\.transpose\([^()]*\)\.reshape\([^()]*\)$|\.copy\(\)$")
"""A copy already, as where axes that were moved are merged."""
WRITTEN = 64
"""How many numbers an array may have to be written out."""
LONGEST = 48
"""How long the names that a result is taken by may be together in the name of a function."""


def numpy_source(derivation: Derivation, name: str | None = None, *, checked: Check | None = None) -> str:
    """The results of a derivation as the source of one NumPy function.

    Its arguments are those of ``arguments``, then by name the sizes that no shape tells, and large arrays of numbers
    that the forward pass held. One result is returned as an array, several as a dict by what they are derivatives by.
    ``checked`` is said in its docstring.
    Raises: NotationError naming the operation that has no NumPy form.
    """
    return _written(derivation, name, checked).source()


def arguments(derivation: Derivation) -> dict[Tensor, str]:
    """The arguments of the source: the inputs of the program, then what the derivation adds.

    That is ``d_output`` for a vector-Jacobian product, ``v`` for a direction, one for each of several (``v_X``).
    """
    written = _written(derivation, None, None)
    return {t: written.arrays[t].text for t in derivation.derived.inputs if t not in derivation.derived.constants}


def held(derivation: Derivation) -> dict[str, Any]:
    """The large arrays of numbers that the source asks for by name."""
    written = _written(derivation, None, None)
    return {written.arrays[t].text: written.program.constants[t] for t in written.held}


def _written(derivation: Derivation, name: str | None, checked: Check | None) -> _Writer:
    keys = [_key(t) for t in derivation.derived.outputs]
    for text in (*keys, *(t.name for t in (*derivation.wrt, *derivation.program.outputs))):
        if not text.isidentifier():
            raise NotationError(f"{text!r} is no identifier, and cannot be a name in Python source")
    derived, added = derivation.derived, derivation.added
    wanted = {t: t.name for t in derived.inputs}
    if derivation.kind == "vjp" and len(added) == 1:
        wanted[added[0]] = "d_output"
    elif derivation.kind == "jvp":
        wanted.update({t: "v" if len(added) == 1 else f"v_{_key(t)}" for t in added})
    own = name or function_name(derivation)
    return _Writer(derived, derivation.program, own, wanted, keys, _summary(derivation), checked)


def function_name(derivation: Derivation) -> str:
    """``gradient_of_L_by_W``; without the names that it is taken by where these are many."""
    wrt = "_".join(t.name for t in derivation.wrt)
    short = f"{derivation.kind}_of_{derivation.subject_name('_')}"
    return f"{short}_by_{wrt}" if len(wrt) <= LONGEST else short


def _key(tensor: Tensor) -> str:
    return tensor.primal.name if tensor.primal is not None else tensor.name


def _summary(derivation: Derivation) -> str:
    of = derivation.subject_name()
    by = ", ".join(t.name for t in derivation.wrt)
    what = {
        "gradient": f"The gradient of {of} by {by}",
        "vjp": f"The vector-Jacobian product of {of} by {by}",
        "jvp": f"The Jacobian-vector product of {of} along {by}",
        "jacobian": f"The Jacobian of {of} by {by}",
        "hessian": f"The Hessian of {of} by {by}",
        "hvp": f"The Hessian of {of} by {by} times v",
        "taylor": f"The Taylor polynomial of {of} about {by}",
    }
    return what.get(derivation.kind, f"The {derivation.kind} of {of} by {by}")


class _Writer:
    """Writes one function."""

    def __init__(
        self,
        program: Program,
        forward: Program,
        own: str,
        wanted: dict[Tensor, str],
        keys: list[str],
        summary: str,
        checked: Check | None,
    ) -> None:
        program, forward = without_single_axes(program, forward)
        program, solved = prepared(program)
        self.program = program
        self.keys = keys
        self.summary = summary
        self.checked = checked
        self.identifiers = Identifiers(frozenset(HELPERS))
        self.own = self.identifiers.own(own)
        given = {t: name(self.identifiers.argument(wanted[t])) for t in program.inputs}
        self.held = [t for t, array in program.constants.items() if np.size(array) > WRITTEN]
        for symbol in sorted(program.sizes(), key=lambda s: str(s.name)):
            self.identifiers.size(symbol.name)
        self.arrays = given | {d.tensor: name(self.identifiers.fresh(d.tensor.name)) for d in program.definitions()}
        self.products: list[Definition] = []
        self.lengths = Lengths(self.identifiers, program.inputs, self.arrays)
        self.translator = Translator(self.identifiers, self.lengths, self.arrays, Risk(program, forward), solved)

    def source(self) -> str:
        for item in self.program.items:
            if isinstance(item, Recurrence):
                self.recurrence(item)
            else:
                self.definition(item)
        returned = self.returned()
        kept = [self.arrays[t].text for t in self.program.outputs]
        block = shared(self.translator.blocks[0], self.identifiers.label, kept)
        size_lines, given = self.lengths.found(names_in(block))
        signature = [self.arrays[t].text for t in self.program.inputs if t not in self.program.constants]
        if given or self.held:
            signature += ["*", *(self.identifiers.size(s.name) for s in given)]
            signature += [self.arrays[t].text for t in self.held]
        body = [
            *self.numbers(block),
            *(f"    {line}" for line in size_lines),
            *source(block, 4, self.shape),
            *returned,
        ]
        return "\n".join([*self.header(body), *_signature(self.own, signature), *self.docstring(), *body, ""])

    def numbers(self, block: Block) -> list[str]:
        """Lines with the small arrays of numbers that the forward pass held."""
        read = names_in(block)
        found = []
        for t, array in self.program.constants.items():
            if t not in self.held and self.arrays[t].text in read:
                listed = np.asarray(array)
                plain = (listed.astype(int) if t.below is not None else listed).tolist()
                found += _filled(f"{self.arrays[t]} = np.array({plain!r})", indent=8)
        return found

    # ------------------------------------------------------------------------------------------------- statements

    def definition(self, d: Definition) -> None:
        t = self.translator
        groups, body = split(d.letters, self.known_products(d.body))
        for x in (x for group in groups for x in group):
            t.rank(x)
        value = t.numeric(t.dense(body))
        if isinstance(d.body, Mul) and len(d.body.factors) > 1 and d.letters:
            self.products.append(d)
        t.risk.note(d.tensor, d.body)
        whole = all(len(group) == 1 for group in groups)
        code = self.full(value, d.letters) if whole else merged(t, value, groups)
        target = self.arrays[d.tensor].text
        block = t.blocks[-1]
        base = code.children()[0] if code.children() else code
        made, part = _buffer(block, code), _buffer(block, base)
        if made is not None:
            # what was added up in place is the tensor itself
            renamed(block, code.text, target)
            self.arrays.update({t: name(target) for t, array in self.arrays.items() if array.text == code.text})
            role = made[1].role if made[1].role == "changed" else "array"
            block.statements[made[0]] = replace(made[1], target=target, tensor=d.tensor, role=role)
            return
        if part is not None and part[1].role == "buffer":
            kind = "padded" if code.text.startswith(f"{base.text}[") else "sum"
            wide = t.identifiers.label(f"{target}_{kind}")
            renamed(block, base.text, wide)
            code = replaced(code, {base.text: name(wide)})
            block.statements[part[0]] = Assign(wide, part[1].code, role="array")
        if d.tensor in self.program.outputs and self.is_view(code, block):
            code = method(code, "copy")
        block.statements.append(Assign(target, code, d.tensor))

    def known_products(self, node: Node) -> Node:
        """The node with parts of products exchanged that are the value of a tensor already."""
        node = map_children(node, self.known_products)
        for d in self.products:
            if isinstance(node, Mul) and d.body.tensors <= node.tensors:
                node = _folded(node, d)
        return node

    def full(self, value: Named, letters: tuple[Letter, ...]) -> Code:
        """The value with all axes of a definition."""
        t = self.translator
        code = aligned(value, letters)
        if set(value.letters) == set(letters):
            return code
        shape = t.shape(letters)
        if not value.letters and code.text in ("0", "1"):
            return call("np.zeros" if code.text == "0" else "np.ones", shape)
        if not value.letters:
            return call("np.full", shape, code) if "[" not in code.text else call("np.broadcast_to", code, shape)
        return call("np.broadcast_to", code, shape)

    def is_view(self, code: Code, block: Block) -> bool:
        """Whether an array may share memory with another that the caller sees, or entries with one another."""
        base = code
        while base.level == 7 and not isinstance(base.pieces[0], str) and base.work == 0:
            base = base.pieces[0][0]
        if COPIED.search(code.text):
            return False
        named = base.text in {a.text for a in self.arrays.values()}
        made = next((s for s in block.statements if isinstance(s, Assign) and s.target == base.text), None)
        if made is not None and not named:
            return self.is_view(made.code, block)
        return named or base.text.startswith(("np.broadcast_to(", "sliding_window_view("))

    def recurrence(self, group: Recurrence) -> None:
        t = self.translator
        variable = t.identifiers.variable(group.time(0).name, ())
        self.passing(group)
        group = self.ahead(group)
        for d in group.members:
            for x in d.letters:
                t.rank(x)
            if d.tensor not in t.passing:
                code = call("np.empty", t.shape(d.letters), work=0)
                t.blocks[-1].statements.append(Assign(self.arrays[d.tensor].text, code, role="array"))
        block = Block()
        t.blocks.append(block)
        for d, axis in zip(group.members, group.axes, strict=True):
            block.statements.append(self.member(d, axis, name(variable)))
        t.blocks.pop()
        values = call("range", t.length(group.time(0)), work=0)
        if group.backwards:
            values = call("reversed", values, work=0)
        changing = frozenset(self.arrays[d.tensor].text for d in group.members)
        t.blocks[-1].statements.append(Loop(variable, values, block, changing))

    def member(self, d: Definition, axis: int, variable: Code) -> Assign:
        """What a loop computes of one tensor at one index."""
        t = self.translator
        t.fixed[d.letters[axis]] = variable
        rest = d.letters[:axis] + d.letters[axis + 1 :]
        held = d.tensor in t.passing
        body = split_bound(d.body)
        value = t.numeric(t.dense(body) if held else t.value(body))
        t.risk.note(d.tensor, d.body)
        del t.fixed[d.letters[axis]]
        array = self.arrays[d.tensor]
        if held:
            return Assign(array.text, self.full(value, rest), d.tensor)
        code = aligned(value, rest)
        if value.condition is not None:
            code = choice(code, value.condition, literal(0))
        return Assign(subscript(array, [*[":"] * axis, variable]).text, code, role="part")

    def passing(self, group: Recurrence) -> None:
        """Find the members that are read only at the index at which they are computed."""
        own = {d.tensor: axis for d, axis in zip(group.members, group.axes, strict=True)}
        others = [d for d in self.program.definitions() if d not in group.members]
        kept = set(self.program.outputs).union(*(d.body.tensors for d in others))
        for d, axis in zip(group.members, group.axes, strict=True):
            reads = [node for node in walk(d.body) if isinstance(node, Ref) and node.tensor in own]
            kept |= {r.tensor for r in reads if r.indices[own[r.tensor]].letter is not d.letters[axis]}
        self.translator.passing.update({tensor: axis for tensor, axis in own.items() if tensor not in kept})

    def ahead(self, group: Recurrence) -> Recurrence:
        """The recurrence with the products that do not need it computed before it, for all indices at once."""
        own = {d.tensor for d in group.members}
        members = []
        for d, axis in zip(group.members, group.axes, strict=True):
            terms = terms_of(d.body)
            free = [x for x in terms if x.tensors.isdisjoint(own) and d.letters[axis] in x.free]
            if not any(isinstance(node, Sum) for x in free for node in walk(x)) or len(free) == len(terms):
                members.append(d)
                continue
            free = [x for x in terms if x.tensors.isdisjoint(own)]
            tensor = Tensor(f"{d.tensor.name}_input", d.tensor.axes)
            letters = fresh(d.letters)
            body = substitute(add(*free), letters)
            self.arrays[tensor] = name(self.identifiers.label(f"{self.arrays[d.tensor]}_input"))
            self.definition(Definition(tensor, tuple(letters.values()), body))
            rest = [Ref(tensor, tuple(map(as_index, d.letters))), *(x for x in terms if x not in free)]
            members.append(replace(d, body=add(*rest)))
        return replace(group, members=tuple(members))

    def shape(self, tensor: Tensor) -> str:
        """The shape of a tensor in a comment; nothing for a scalar."""
        if not tensor.axes:
            return ""
        held = self.translator.passing.get(tensor)
        texts = [self.lengths.written(axis) for k, axis in enumerate(tensor.axes) if k != held]
        if not texts:
            return ""
        return "(" + ", ".join(texts) + "," * (len(texts) == 1) + ")"

    # ---------------------------------------------------------------------------------------------- head and foot

    def header(self, lines: list[str]) -> list[str]:
        """The imports and helpers that the lines of the function need."""
        infinite = any(
            isinstance(n, Number) and n.value.is_infinite for d in self.program.definitions() for n in walk(d.body)
        )
        known = HELPERS | OF_INFINITE if infinite else HELPERS
        helpers = [known[x].rstrip().split("\n") for x in sorted(self.translator.helpers)]
        used = any("np." in line for part in (lines, *helpers) for line in part)
        imports = ["import numpy as np"] if used else []
        imports += sorted(self.translator.imports, key=lambda x: ("scipy" in x, x))
        written = list(imports)
        for helper in helpers:
            written += ["", *helper]
        return [*written, "", ""] if written else []

    def docstring(self) -> list[str]:
        outputs = [
            f"{key} {self.shape(t) or 'scalar'}" if len(self.keys) > 1 else self.shape(t)
            for key, t in zip(self.keys, self.program.outputs, strict=True)
        ]
        written = [t for t in self.program.inputs if t in self.held or t not in self.program.constants]
        shapes = ", ".join(f"{self.arrays[t]} {self.shape(t) or 'scalar'}" for t in written)
        result = "a dict: " + ", ".join(outputs) if len(outputs) > 1 else (outputs[0] or "a scalar")
        summary = _filled(f'"""{self.summary}.')
        said = [] if self.checked is None else ["", *_filled(_said(self.checked))]
        return [*summary, "", *_filled(f"Shapes: {shapes} -> {result}."), *said, '    """']

    def returned(self) -> list[str]:
        codes = [self.arrays[t].text for t in self.program.outputs]
        if len(codes) == 1:
            return [f"    return {codes[0]}"]
        pairs = [f'"{key}": {code}' for key, code in zip(self.keys, codes, strict=True)]
        flat = f"    return {{{', '.join(pairs)}}}"
        return [flat] if len(flat) <= 88 else ["    return {", *(f"        {p}," for p in pairs), "    }"]


def _buffer(block: Block, code: Code) -> tuple[int, Assign] | None:
    """Where the array is made that sums are added to under this name."""
    for m, statement in enumerate(block.statements):
        if (
            isinstance(statement, Assign)
            and statement.role in ("buffer", "changed")
            and statement.target == code.text
        ):
            return m, statement
    return None


def _folded(node: Mul, d: Definition) -> Node:
    """The product with those factors that are the body of a definition exchanged for its tensor."""
    pattern = factors_of(d.body)
    for some in itertools.combinations(node.factors, len(pattern)):
        if [type(f) for f in some] != [type(f) for f in pattern] or not all(f in node.factors for f in some):
            continue
        binding = match(d.body, Mul(some), frozenset(d.letters))
        if binding is not None and len(binding) == len(d.letters):
            rest = [f for f in node.factors if not any(f is g for g in some)]
            return mul(*rest, Ref(d.tensor, tuple(binding[x] for x in d.letters)))
    return node


def _signature(own: str, arguments: list[str]) -> list[str]:
    flat = f"def {own}({', '.join(arguments)}):"
    if len(flat) <= 88:
        return [flat]
    inner = f"    {', '.join(arguments)}"
    if len(inner) <= 88:
        return [f"def {own}(", inner, "):"]
    return [f"def {own}(", *(f"    {a}," for a in arguments), "):"]


def _filled(text: str, indent: int = 4) -> list[str]:
    later = " " * indent
    return textwrap.wrap(text, 88, initial_indent="    ", subsequent_indent=later, break_long_words=False)


def _said(check: Check) -> str:
    """How well the function was checked."""
    if check.outcome != "holds":
        return f"Not checked: {check.message}."
    at = "; ".join(", ".join(f"{symbol} = {n}" for symbol, n in sizes) for sizes in check.sizes if sizes)
    where = f" at {at}" if at else f" at {check.points} point{'s' * (check.points > 1)}"
    return f"Checked against the {check.witness}{where}: differs by at most {check.error:.0e} of its largest entry."
