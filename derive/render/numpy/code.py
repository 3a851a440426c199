"""Python expressions as trees: how tightly each binds, where a long one may be broken, what it reads.

Two expressions are equal when their source is. ``lines`` lays an expression out in 88 columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "ADD", "ATOM", "COMPARE", "MUL", "POWER", "UNARY", "WIDTH", "Code", "binary", "call", "chain", "choice", "lines",
    "list_of", "literal", "matmul", "method", "name", "negative", "power", "replaced", "slice_of", "subscript", "tuple_of",
]  # fmt: skip

WIDTH = 88
CHOICE, COMPARE, AND, ADD, MUL, UNARY, POWER, ATOM = range(8)

Piece = "str | tuple[Code, int]"


class Code:
    """An expression. ``pieces`` are source text and subexpressions with the level that each needs.

    ``work`` counts the operations that pass over an array, ``label`` is a name for the value if it is to be named.
    ``kind`` says how it may be broken: "chain" before its operators, "call" inside its brackets.
    """

    __slots__ = ("kind", "label", "level", "names", "pieces", "text", "work")

    def __init__(
        self,
        pieces: Sequence[str | tuple[Code, int]],
        level: int,
        kind: str = "",
        *,
        work: int = 0,
        label: str = "",
        names: frozenset[str] = frozenset(),
    ) -> None:
        self.pieces = tuple(pieces)
        self.level = level
        self.kind = kind
        self.label = label
        self.text = "".join(_written(piece) for piece in self.pieces)
        children = self.children()
        self.names = names.union(*(child.names for child in children))
        self.work = work + sum(child.work for child in children)

    def children(self) -> tuple[Code, ...]:
        """The subexpressions."""
        return tuple(piece[0] for piece in self.pieces if not isinstance(piece, str))

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Code) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def labelled(self, label: str) -> Code:
        """The same expression with a name for its value."""
        return Code(self.pieces, self.level, self.kind, work=self._own(), label=label, names=self.names)

    def _own(self) -> int:
        return self.work - sum(child.work for child in self.children())


def _written(piece: str | tuple[Code, int]) -> str:
    if isinstance(piece, str):
        return piece
    code, level = piece
    return code.text if code.level >= level else f"({code.text})"


def name(text: str) -> Code:
    """A name."""
    return Code((text,), ATOM, names=frozenset((text,)))


def literal(text: object) -> Code:
    """A number or another constant."""
    source = str(text)
    return Code((source,), UNARY if source.startswith("-") else ATOM)


def chain(level: int, first: Code, rest: Iterable[tuple[str, Code]], *, work: int = 1) -> Code:
    """``first op code op code``, operators of one level, evaluated from the left."""
    # a unary minus in front of a product binds as well as one around it
    pieces: list[str | tuple[Code, int]] = [(first, level)]
    total = 0
    for operator, code in rest:
        pieces += [f" {operator} ", (code, level + 1)]
        total += work
    return Code(pieces, level, "chain", work=total)


def binary(left: Code, operator: str, right: Code, *, level: int = COMPARE, work: int = 1) -> Code:
    """``left op right`` with both sides bound more tightly."""
    return Code(((left, level + 1), f" {operator} ", (right, level + 1)), level, "chain", work=work)


def matmul(left: Code, right: Code) -> Code:
    """``left @ right``; a product on the left is fenced, though Python would read it so."""
    plain = left.level != MUL or " @ " in "".join(p for p in left.pieces if isinstance(p, str))
    return Code(((left, MUL if plain else UNARY), " @ ", (right, UNARY)), MUL, "chain", work=4)


def negative(code: Code, *, work: int = 1) -> Code:
    """``-code``; the sign goes to the front of a product."""
    return Code(("-", (code, MUL)), MUL if code.level == MUL else UNARY, code.kind if code.level == MUL else "", work=work)


def power(base: Code, exponent: Code, *, work: int = 1) -> Code:
    """``base**exponent``."""
    return Code(((base, ATOM), "**", (exponent, ATOM if exponent.level != UNARY else UNARY)), POWER, work=work)


def call(function: str, *arguments: Code | str, work: int = 1, label: str = "", **options: Code | str) -> Code:
    """``function(arguments, option=…)``."""
    return Code((function, *_bracketed("(", arguments, options, ")")), ATOM, "call", work=work, label=label)


def method(code: Code, function: str, *arguments: Code | str, work: int = 1, **options: Code | str) -> Code:
    """``code.function(arguments, option=…)``."""
    return Code(((code, ATOM), f".{function}", *_bracketed("(", arguments, options, ")")), ATOM, "call", work=work)


def subscript(code: Code, items: Sequence[Code | str], *, work: int = 0, label: str = "") -> Code:
    """``code[items]``."""
    return Code(((code, ATOM), *_bracketed("[", items, {}, "]")), ATOM, "call", work=work, label=label)


def tuple_of(items: Sequence[Code | str]) -> Code:
    """``(a, b)``, ``(a,)``."""
    pieces = _bracketed("(", items, {}, ")")
    if len(items) == 1:
        pieces.insert(-1, ",")
    return Code(pieces, ATOM)


def list_of(items: Sequence[Code | str]) -> Code:
    """``[a, b]``."""
    return Code(_bracketed("[", items, {}, "]"), ATOM, "call")


def _bracketed(
    left: str, arguments: Sequence[Code | str], options: Mapping[str, Code | str], right: str
) -> list[str | tuple[Code, int]]:
    pieces: list[str | tuple[Code, int]] = [left]
    for text, value in (*(("", a) for a in arguments), *((f"{key}=", value) for key, value in options.items())):
        if len(pieces) > 1:
            pieces.append(", ")
        if text:
            pieces.append(text)
        pieces.append(value if isinstance(value, str) else (value, CHOICE))
    pieces.append(right)
    return pieces


def choice(value: Code, condition: Code, otherwise: Code) -> Code:
    """``value if condition else otherwise``."""
    return Code(((value, COMPARE), " if ", (condition, COMPARE), " else ", (otherwise, COMPARE)), CHOICE)


def slice_of(start: Code | None, stop: Code | None, step: Code | None = None) -> Code:
    """``start:stop:step`` inside a subscript; what is not simple has spaces around the colon."""
    parts = [start, stop, *([step] if step is not None else [])]
    simple = all(part is None or part.level >= UNARY for part in parts)
    pieces: list[str | tuple[Code, int]] = []
    for position, part in enumerate(parts):
        if position:
            pieces.append(":" if simple else " : " if part is not None and pieces else ": " if part else " :")
        if part is not None:
            pieces.append((part, COMPARE))
    return Code(pieces, CHOICE)


def replaced(code: Code, names: Mapping[str, Code]) -> Code:
    """The expression with the subexpressions of this source exchanged."""
    if code.text in names:
        return names[code.text]
    if not any(old in code.text for old in names):
        return code
    pieces = [piece if isinstance(piece, str) else (replaced(piece[0], names), piece[1]) for piece in code.pieces]
    if code.level == ATOM and not code.children():
        return code
    # the names of an expression are those of its parts, but for a name itself, which has none
    return Code(pieces, code.level, code.kind, work=code._own(), label=code.label)


# ---------------------------------------------------------------------------------------------------------- layout


def lines(before: str, code: Code, after: str = "", indent: int = 0) -> list[str]:
    """``before code after`` in lines of at most WIDTH columns, broken where the expression may be."""
    pad = " " * indent
    flat = f"{pad}{before}{code.text}{after}"
    if len(flat) <= WIDTH:
        return [flat]
    if code.kind == "call":
        return _broken_call(before, code, after, indent)
    inner = _fenced(code, indent + 4)
    return [f"{pad}{before}(", *inner, f"{pad}){after}"] if inner is not None else [flat]


def _fenced(code: Code, indent: int) -> list[str] | None:
    """The expression inside brackets of its own: on one line, or one line for each operand."""
    flat = " " * indent + code.text
    if len(flat) <= WIDTH:
        return [flat]
    if code.kind != "chain":
        return lines("", code, "", indent) if code.kind == "call" else None
    result: list[str] = []
    before = ""
    for piece in code.pieces:
        if isinstance(piece, str):
            before += piece.lstrip()
            continue
        operand, level = piece
        if operand.level < level:
            inner = Code(("(", (operand, CHOICE), ")"), ATOM, "call")
            result += lines(before, inner, "", indent)
        elif operand.kind == "chain" and operand.level == code.level and not before:
            result += _fenced(operand, indent) or [" " * indent + operand.text]
        else:
            result += lines(before, operand, "", indent)
        before = ""
    return result


def _broken_call(before: str, code: Code, after: str, indent: int) -> list[str]:
    """A call with its arguments on lines of their own, or its long receiver broken."""
    pad = " " * indent
    texts = [piece for piece in code.pieces]
    opening = next(m for m, p in enumerate(texts) if isinstance(p, str) and p[-1:] in "([")
    head = "".join(_written(piece) for piece in texts[: opening + 1])
    tail = texts[-1]
    assert isinstance(tail, str)
    groups: list[list[str | tuple[Code, int]]] = [[]]
    for piece in texts[opening + 1 : -1]:
        if piece == ", ":
            groups.append([])
        else:
            groups[-1].append(piece)
    receiver = texts[0]
    if not isinstance(receiver, str) and len(pad) + len(before) + len(head) > WIDTH - 8:
        inner = receiver[0]
        rest = "".join(_written(piece) for piece in texts[1:])
        if inner.level < ATOM:
            body = _fenced(inner, indent + 4)
            if body is not None:
                return [f"{pad}{before}(", *body, f"{pad}){rest}{after}"]
        return lines(before, inner, rest + after, indent)
    together = "".join(_written(piece) for piece in texts[opening + 1 : -1])
    if indent + 4 + len(together) <= WIDTH and len(groups) > 1:
        body = [" " * (indent + 4) + together]
    else:
        body = []
        for group in groups:
            label = "".join(p for p in group if isinstance(p, str))
            codes = [p[0] for p in group if not isinstance(p, str)]
            comma = "," if len(groups) > 1 or head[-1] == "[" else ""
            if not codes:
                body.append(" " * (indent + 4) + label + comma)
            elif not label and not comma:
                body += _fenced(codes[0], indent + 4) or [" " * (indent + 4) + codes[0].text]
            elif not label and codes[0].kind == "chain":
                inner_lines = _fenced(codes[0], indent + 4) or [" " * (indent + 4) + codes[0].text]
                body += [*inner_lines[:-1], inner_lines[-1] + comma]
            else:
                body += lines(label, codes[0], comma, indent + 4)
    return [f"{pad}{before}{head}", *body, f"{pad}{tail}{after}"]
