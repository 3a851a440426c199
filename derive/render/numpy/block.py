"""Statements: assignments, updates and loops, and what several of them share.

``shared`` gives a name to every expression that stands twice, and takes out of a loop what does not change in it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace

from derive.nodes import Tensor
from derive.render.numpy.code import (
    ADD,
    CHOICE,
    COMPARE,
    MUL,
    POWER,
    Code,
    chain,
    lines,
    matmul,
    method,
    name,
    replaced,
    subscript,
)

__all__ = ["Assign", "Block", "Loop", "Update", "names_in", "renamed", "shared", "source"]


@dataclass(frozen=True)
class Assign:
    """``target = code``, behind it the shape of the ``tensor`` that it is.

    ``role`` is "value" for a name that is assigned once, "array" for what a loop fills, "buffer" for what sums are
    added to, "changed" for a value with entries that change afterwards, "part" for an entry of an array.
    """

    target: str
    code: Code
    tensor: Tensor | None = None
    role: str = "value"


@dataclass(frozen=True)
class Update:
    """``target += code``; without an operator ``code`` alone."""

    target: Code | None
    operator: str
    code: Code


@dataclass(frozen=True)
class Loop:
    """``for letter in range(…)``; the names that its block writes to change in it."""

    variable: str
    values: Code
    block: Block
    changing: frozenset[str] = frozenset()


Statement = Assign | Update | Loop


@dataclass
class Block:
    """Statements in order, and the names of the expressions that were given one here."""

    statements: list[Statement] = field(default_factory=list)
    known: dict[str, Code] = field(default_factory=dict)


def source(block: Block, indent: int, shape: Callable[[Tensor], str]) -> list[str]:
    """The lines of a block; ``shape`` writes the shape of a tensor."""
    pad = " " * indent
    written: list[str] = []
    for statement in block.statements:
        match statement:
            case Assign():
                shown = shape(statement.tensor) if statement.tensor is not None else ""
                after = f"  # {shown}" if shown else ""
                written += lines(f"{statement.target} = ", statement.code, after, indent)
            case Update():
                if statement.target is None:
                    written += lines("", statement.code, "", indent)
                else:
                    written += _update(statement, indent)
            case Loop():
                written.append(f"{pad}for {statement.variable} in {statement.values}:")
                written += source(statement.block, indent + 4, shape)
    return written


def _update(statement: Update, indent: int) -> list[str]:
    assert statement.target is not None
    before = f"{statement.target} {statement.operator} "
    if indent + len(before) + 12 <= 88:
        return lines(before, statement.code, "", indent)
    head = lines("", statement.target, f" {statement.operator} ", indent)
    if len(head) == 1:
        return lines(before, statement.code, "", indent)
    tail = lines(head[-1].strip() + " ", statement.code, "", indent)
    return head[:-1] + tail


def names_in(block: Block) -> frozenset[str]:
    """Every name that a block reads."""
    found: set[str] = set()
    for statement in block.statements:
        match statement:
            case Assign():
                found |= statement.code.names
            case Update():
                found |= statement.code.names | (statement.target.names if statement.target is not None else set())
            case Loop():
                found |= statement.values.names | names_in(statement.block)
    return frozenset(found)


def renamed(block: Block, old: str, new: str) -> None:
    """Give another name to what an assignment makes, here and in the loops."""
    for m, statement in enumerate(block.statements):
        changed = _exchanged(statement, {old: name(new)})
        if isinstance(changed, Update) and changed.target is not None and old in changed.target.names:
            changed = replace(changed, target=replaced(changed.target, {old: name(new)}))
        if isinstance(changed, Assign) and changed.target == old:
            changed = replace(changed, target=new)
        if isinstance(changed, Loop):
            renamed(changed.block, old, new)
            changed = replace(changed, changing=changed.changing - {old} | {new})
        block.statements[m] = changed
    block.known = {text: name(new) if code.text == old else code for text, code in block.known.items()}


# --------------------------------------------------------------------------------------------------------- sharing


def shared(block: Block, fresh: Callable[[str], str], returned: Collection[str] = ()) -> Block:
    """The block with a name for what stands twice, and loops without what does not change in them.

    What is not ``returned``, nor read afterwards, is changed without a copy.
    """
    statements: list[Statement] = []
    for statement in block.statements:
        if isinstance(statement, Loop):
            inner, before = _taken_out(statement, fresh)
            statements += before
            statements.append(replace(inner, block=shared(inner.block, fresh)))
        else:
            statements.append(statement)
    statements = _without_kept_axes(statements)
    counted: dict[int, tuple[Statement, Counter[Code]]] = {}
    while (found := _heaviest(statements, counted)) is not None:
        statements = _named(statements, found, fresh)
    statements = [_with_scaled_rows(s) for s in _without_aliases(statements)]
    return _without_copies(Block([_owned(s) for s in statements]), returned)


FILLED = ("array", "buffer")


def _without_aliases(statements: list[Statement]) -> list[Statement]:
    """The statements without second names for a value that has one."""
    for m, statement in enumerate(statements):
        if isinstance(statement, Assign) and statement.role == "value" and statement.tensor is None:
            code, after = statement.code, statements[m + 1 :]
            is_name = code.text.isidentifier() and statement.target in names_in(Block(after))
            if is_name and not any(_writes(s, code.text) for s in after):
                return _without_aliases([*statements[:m], *(_exchanged(s, {statement.target: code}) for s in after)])
    return statements


def _writes(statement: Statement, own: str) -> bool:
    """Whether a statement changes the array of this name."""
    if isinstance(statement, Loop):
        return own in _changing(statement)
    return isinstance(statement, Update) and statement.target is not None and own in statement.target.names


def _owned(statement: Statement) -> Statement:
    """The statement, with a copy of what has another name already where its entries change afterwards."""
    if not isinstance(statement, Assign):
        return statement
    code = statement.code
    if not code.work if statement.role == "changed" else statement.role in FILLED and code.text.isidentifier():
        return replace(statement, code=method(statement.code, "copy"))
    return statement


def _without_copies(block: Block, returned: Collection[str]) -> Block:
    """The block with arrays changed in place where a copy is changed of what is not needed any more."""
    statements = block.statements
    for m, statement in enumerate(statements[:-1]):
        if not isinstance(statement, Assign) or statement.role != "changed":
            continue
        source = statement.code.text.removesuffix(".copy()")
        made = next((s for s in statements[:m] if isinstance(s, Assign) and s.target == source), None)
        if made is None or made.role not in ("value", "changed") or not made.code.work or source in returned:
            continue
        read = (s for s in statements[:m] if not isinstance(s, Update) and source in names_in(Block([s])))
        if source not in names_in(Block(statements[m + 2 :])) and all(map(_is_computed, read)):
            left = Block([s for s in statements if s is not statement])
            renamed(left, source, statement.target)
            return _without_copies(left, returned)
    return block


def _is_computed(statement: Statement) -> bool:
    """Whether what a statement makes shares no memory with what it reads."""
    return isinstance(statement, Assign) and bool(statement.code.own_work)


KEPT = re.compile(r"axis=(\d+), keepdims=True\)$")


def _without_kept_axes(statements: list[Statement]) -> list[Statement]:
    """The statements with reductions that keep their axis read from those that do not, where both are there."""
    every = {c.text: c for s in statements for top in _codes(s) for c in _parts(top)}
    exchanged: dict[str, Code] = {}
    for text in every:
        match = KEPT.search(text)
        plain = every.get(f"{text[: match.start()]}axis={match[1]})") if match else None
        if match and plain is not None:
            exchanged[text] = subscript(plain, [*[":"] * int(match[1]), "None"])
    return [_exchanged(s, exchanged) for s in statements] if exchanged else statements


def _with_scaled_rows(statement: Statement) -> Statement:
    """The statement with ``(2 * X) @ X.T`` for ``2 * (X @ X.T)`` among terms, as in squared distances of points.

    There are more points than coordinates; a matrix times its own transpose is filled by halves, which takes long.
    """
    sums = [c for top in _codes(statement) for c in _parts(top) if c.level == ADD and len(c.children()) > 2]
    exchanged: dict[str, Code] = {}
    for product in (c for one in sums for c in one.children()):
        parts = product.children()
        if len(parts) == 2 and " * " in product.pieces and not parts[0].names and " @ " in parts[1].pieces:
            left, right = parts[1].children()
            if left.text.isidentifier() and right.text == f"{left}.T":
                exchanged[product.text] = matmul(chain(MUL, parts[0], [("*", left)]), right)
    return _exchanged(statement, exchanged) if exchanged else statement


def _taken_out(loop: Loop, fresh: Callable[[str], str]) -> tuple[Loop, list[Statement]]:
    """The loop, and assignments before it for the heavy expressions that do not change in it."""
    statements: list[Statement] = []
    for statement in loop.block.statements:
        if isinstance(statement, Loop):
            inner, ahead = _taken_out(statement, fresh)
            statements += [*ahead, inner]
        else:
            statements.append(statement)
    before: list[Statement] = []
    while True:
        current = replace(loop, block=Block(statements))
        changing = _changing(current)
        whole = next((s for s in statements if isinstance(s, Assign) and _is_steady(s, changing)), None)
        if whole is not None:
            before.append(whole)
            statements = [s for s in statements if s is not whole]
            continue
        steady = [
            code
            for statement in statements
            for top in _codes(statement)
            for code in _parts(top)
            if code.own_work and code.names.isdisjoint(changing)
        ]
        if not steady:
            return current, before
        chosen = max(steady, key=lambda c: (c.work, len(c.text)))
        own = name(fresh(_label(chosen)))
        before.append(Assign(own.text, chosen))
        statements = [_exchanged(s, {chosen.text: own}) for s in statements]


def _is_steady(statement: Assign, changing: frozenset[str]) -> bool:
    return statement.role == "value" and statement.tensor is None and statement.code.names.isdisjoint(changing)


def _changing(loop: Loop) -> frozenset[str]:
    names = {loop.variable, *loop.changing}
    for statement in loop.block.statements:
        if isinstance(statement, Assign):
            names.add(statement.target.split("[")[0])
        elif isinstance(statement, Update) and statement.target is not None:
            names |= {statement.target.text.split("[")[0]}
        elif isinstance(statement, Loop):
            names |= _changing(statement)
    return frozenset(names)


def _codes(statement: Statement) -> tuple[Code, ...]:
    return () if isinstance(statement, Loop) else (statement.code,)


def _parts(code: Code) -> Iterator[Code]:
    """The expression and all in it that is always computed."""
    yield code
    if code.level == CHOICE and " if " in code.pieces:
        return
    for child in code.children():
        yield from _parts(child)


def _heaviest(statements: list[Statement], counted: dict[int, tuple[Statement, Counter[Code]]]) -> Code | None:
    """The heaviest expression that is computed more than once; ``counted`` remembers what statements compute."""
    total: Counter[Code] = Counter()
    for s in statements:
        if id(s) not in counted:
            counted[id(s)] = s, Counter(c for top in _codes(s) for c in _parts(top) if c.own_work)
        total.update(counted[id(s)][1])
    again = [code for code, count in total.items() if count > 1]
    return max(again, key=lambda c: (c.work, len(c.text)), default=None)


def _named(statements: list[Statement], code: Code, fresh: Callable[[str], str]) -> list[Statement]:
    """The statements with a name for the expression: that of the assignment that computes it first, or a new one."""
    first = next(m for m, s in enumerate(statements) if any(code in _parts(top) for top in _codes(s)))
    holder = statements[first]
    if isinstance(holder, Assign) and holder.code == code and holder.role == "value":
        own = name(holder.target)
        return [*statements[: first + 1], *(_exchanged(s, {code.text: own}) for s in statements[first + 1 :])]
    own = name(fresh(_label(code)))
    rest = [_exchanged(s, {code.text: own}) for s in statements[first:]]
    return [*statements[:first], Assign(own.text, code), *rest]


def _exchanged(statement: Statement, names: dict[str, Code]) -> Statement:
    """The statement with expressions exchanged; itself where it has none of them."""
    if isinstance(statement, Loop):
        inner = Block([_exchanged(s, names) for s in statement.block.statements])
        return replace(statement, block=inner)
    if not any(old in statement.code.text for old in names):
        return statement
    return replace(statement, code=replaced(statement.code, names))


WORDS = {" - ": "minus", " + ": "plus", " * ": "times", " / ": "over", " @ ": "at"}


def _label(code: Code) -> str:
    """A name for an expression: ``exp_S``, ``x_minus_mu``."""
    if code.label:
        return code.label
    read = sorted((n for n in code.names if not n.startswith("np")), key=lambda n: _place(n, code.text))
    first = read[0].rstrip("_") if read else ""
    children = code.children()
    pieces = "".join(p for p in code.pieces if isinstance(p, str))
    function = re.match(r"(?:np\.(?:linalg\.)?)?(\w+)\(", pieces) or re.match(r"\.(\w+)\(", pieces)
    if code.kind == "call" and function and first:
        return f"{function[1]}_{first}"
    if code.level == COMPARE:
        return "mask"
    if code.level == POWER and first and children[1].text == "2":
        return f"{first}_squared"
    if code.kind == "chain" and len(children) == 2:
        word = next((WORDS[p] for p in code.pieces if isinstance(p, str) and p in WORDS), "")
        ends = [m[0].rstrip("_") for child in children if (m := re.match(r"[A-Za-z_]\w*", child.text))]
        if word and len(ends) == 2 and all(child.work == 0 for child in children):
            return f"{ends[0]}_{word}_{ends[1]}"
    return f"{first}_term" if first else "term"


def _place(own: str, text: str) -> int:
    found = re.search(rf"(?<!\w){re.escape(own)}(?!\w)", text)
    return found.start() if found else len(text)
