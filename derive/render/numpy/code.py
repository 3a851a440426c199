"""Python expressions as trees: how tightly each binds, where a long one may be broken, what it reads.

Two expressions are equal when their source is. ``lines`` lays an expression out in 88 columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "ADD", "ATOM", "CHOICE", "COMPARE", "MUL", "POWER", "UNARY", "WIDTH", "Code", "binary", "call", "chain", "choice",
    "lines", "list_of", "literal", "matmul", "method", "name", "negative", "over", "power", "replaced", "slice_of",
    "subscript", "times", "tuple_of",
]  # fmt: skip

WIDTH = 88
CHOICE, COMPARE, AND, ADD, MUL, UNARY, POWER, ATOM = range(8)


class Code:
    """An expression. ``pieces`` are source text and subexpressions with the level that each needs.

    ``work`` counts the operations that pass over an array, ``own_work`` those of this node alone. ``label`` is a
    name for the value if it is to be named.
    ``kind`` says how it may be broken: "chain" before its operators, "call" inside its brackets.
    """

    __slots__ = ("kind", "label", "level", "names", "own_work", "pieces", "text", "work")

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
        self.names: frozenset[str] = names.union(*(child.names for child in children))
        self.own_work = work
        self.work: int = work + sum(child.work for child in children)

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
        return Code(self.pieces, self.level, self.kind, work=self.own_work, label=label, names=self.names)


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
    if code.level == MUL and " @ " not in code.pieces:
        return Code(("-", *code.pieces), MUL, code.kind, work=code.own_work + work)
    return Code(("-", (code, UNARY)), UNARY, work=work)


def times(number: Code, code: Code, work: int = 1) -> Code:
    """``number * code``, in front of a product; ``1 / x`` becomes ``number / x``."""
    operators = [p for p in code.pieces if isinstance(p, str)]
    if code.kind != "chain" or code.level != MUL or " @ " in operators or operators[0] == "-":
        return chain(MUL, number, [("*", code)], work=work)
    first = code.pieces[0]
    assert not isinstance(first, str)
    if first[0].text in ("1", "1.0"):
        return Code(((number, MUL), *code.pieces[1:]), MUL, "chain", work=code.own_work)
    pieces = ((number, MUL), " * ", (first[0], max(first[1], MUL + 1)), *code.pieces[1:])
    return Code(pieces, MUL, "chain", work=code.own_work + work)


def over(code: Code, number: Code, work: int = 1) -> Code:
    """``code / number``; what divides already is multiplied by the number."""
    if code.kind == "chain" and code.level == MUL and code.pieces[-2] == " / ":
        last = code.pieces[-1]
        assert not isinstance(last, str)
        below = chain(MUL, number, [("*", last[0])], work=int(bool(last[0].work)))
        return Code((*code.pieces[:-1], (below, UNARY)), MUL, "chain", work=code.own_work)
    return chain(MUL, code, [("/", number)], work=work)


def power(base: Code, exponent: Code, *, work: int = 1) -> Code:
    """``base**exponent``."""
    simple = all(PLAIN.fullmatch(code.text) for code in (base, exponent))
    needed = ATOM if exponent.level != UNARY else UNARY
    return Code(((base, ATOM), "**" if simple else " ** ", (exponent, needed)), POWER, work=work)


PLAIN = re.compile(r"-?[\w.]+")


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
    return Code(pieces, ATOM, "call")


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
    return Code(((value, COMPARE), " if ", (condition, COMPARE), " else ", (otherwise, COMPARE)), CHOICE, "chain")


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
    if code.level == POWER:
        base, exponent = (replaced(child, names) for child in code.children())
        return power(base, exponent, work=code.own_work)
    # the names of an expression are those of its parts, but for a name itself, which has none
    return Code(pieces, code.level, code.kind, work=code.own_work, label=code.label)


# ---------------------------------------------------------------------------------------------------------- layout


def lines(before: str, code: Code, after: str = "", indent: int = 0) -> list[str]:
    """``before code after`` in lines of at most WIDTH columns, broken where the expression may be."""
    pad = " " * indent
    flat = f"{pad}{before}{code.text}{after}"
    if len(flat) <= WIDTH:
        return [flat]
    if code.kind == "call":
        return _call(before, code, after, indent)
    if code.kind == "chain":
        first, last = code.pieces[0], code.pieces[-1]
        rest, head = ("".join(map(_written, pieces)) for pieces in (code.pieces[1:], code.pieces[:-1]))
        fits = indent + len(rest) + len(after) < WIDTH and not set(rest) & set("([")
        if fits and not isinstance(first, str) and first[0].level < first[1]:
            return _fence(before, first[0], rest + after, indent)
        fits = code.level == MUL and len(head) <= 24 and not set(head) & set("([")
        if fits and not isinstance(last, str) and last[0].level < last[1]:
            return _fence(before + head, last[0], after, indent)
        if fits and not isinstance(last, str) and last[0].kind == "call":
            return lines(before + head, last[0], after, indent)
        return _fence(before, code, after, indent)
    return _longest(before, code, after, indent)


def _fence(before: str, code: Code, after: str, indent: int) -> list[str]:
    """The expression in brackets, on lines of its own."""
    pad = " " * indent
    return [f"{pad}{before}(", *_inside(code, "", indent + 4), f"{pad}){after}"]


def _inside(code: Code, after: str, indent: int) -> list[str]:
    """The expression where brackets stand around it: on one line, or one line for each operand of a chain."""
    flat = " " * indent + code.text + after
    if len(flat) <= WIDTH or code.kind != "chain":
        return lines("", code, after, indent)
    result: list[str] = []
    operator = ""
    for position, piece in enumerate(code.pieces):
        if isinstance(piece, str):
            operator = piece.lstrip()
            continue
        operand, level = piece
        end = after if position == len(code.pieces) - 1 else ""
        if operand.level >= level:
            # a chain of the same level goes on in the same column
            same = operand.kind == "chain" and operand.level == code.level and not operator
            result += _inside(operand, end, indent) if same else lines(operator, operand, end, indent)
        elif indent + len(operator) + len(operand.text) + 2 + len(end) <= WIDTH:
            result.append(f"{' ' * indent}{operator}({operand.text}){end}")
        else:
            result += _fence(operator, operand, end, indent)
    return result


def _longest(before: str, code: Code, after: str, indent: int) -> list[str]:
    """The expression broken in its longest part."""
    children = [m for m, piece in enumerate(code.pieces) if not isinstance(piece, str)]
    if not children:
        return [f"{' ' * indent}{before}{code.text}{after}"]
    chosen = max(children, key=lambda m: len(_written(code.pieces[m])))
    head = before + "".join(map(_written, code.pieces[:chosen]))
    tail = "".join(map(_written, code.pieces[chosen + 1 :])) + after
    piece = code.pieces[chosen]
    assert not isinstance(piece, str)
    operand, level = piece
    return _fence(head, operand, tail, indent) if operand.level < level else lines(head, operand, tail, indent)


def _call(before: str, code: Code, after: str, indent: int) -> list[str]:
    """A call with its arguments on lines of their own, or broken in what it is called on."""
    pad = " " * indent
    pieces = code.pieces
    opening = next(m for m, p in enumerate(pieces) if isinstance(p, str) and p[-1:] in "([")
    head = "".join(map(_written, pieces[: opening + 1]))
    if opening and len(head) > len("".join(map(_written, pieces[opening + 1 :]))):
        fits = len(pieces) > opening + 2 and len(pad + before + head) <= WIDTH and len(pieces[opening + 1 : -1]) > 1
        if not fits:
            return _longest(before, code, after, indent)
    together = "".join(map(_written, pieces[opening + 1 : -1]))
    arguments = _arguments(pieces[opening + 1 : -1])
    tail = _written(pieces[-1])
    if len(arguments) > 1 and indent + 4 + len(together) <= WIDTH:
        return [f"{pad}{before}{head}", " " * (indent + 4) + together, f"{pad}{tail}{after}"]
    comma = "," if len(arguments) > 1 else ""
    body: list[str] = []
    for keyword, argument in arguments:
        if argument is None:
            body.append(" " * (indent + 4) + keyword + comma)
        elif keyword:
            body += lines(keyword, argument, comma, indent + 4)
        else:
            body += _inside(argument, comma, indent + 4)
    return [f"{pad}{before}{head}", *body, f"{pad}{tail}{after}"]


def _arguments(pieces: Sequence[str | tuple[Code, int]]) -> list[tuple[str, Code | None]]:
    """The arguments of a call: the keyword or the source of a constant, and the expression."""
    found: list[tuple[str, Code | None]] = [("", None)]
    for piece in pieces:
        if piece == ", ":
            found.append(("", None))
        elif isinstance(piece, str):
            found[-1] = (found[-1][0] + piece, None)
        else:
            found[-1] = (found[-1][0], piece[0])
    return found
