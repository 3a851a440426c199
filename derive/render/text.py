"""Unicode text: formulas on one line for messages, derivations at a given width for terminals."""

from __future__ import annotations

import sympy

from derive.notation import (
    Add,
    Apply,
    Bracket,
    Index,
    Letter,
    Mul,
    Node,
    Number,
    Over,
    Partial,
    Position,
    Pow,
    Quotient,
    Ref,
    Remainder,
    Sum,
    Tangent,
    Tensor,
    factors_of,
)
from derive.size_algebra import Size

__all__ = ["index_text", "plain", "tensor_text"]

ADD, MUL, UNARY, ATOM = 1, 2, 3, 4


def plain(node: Node) -> str:
    """A node on one line of Unicode: ``-1/n·Σ_{i,k} T[i,k]·log(P[i,k])``."""
    return _print(node, 0)


def tensor_text(tensor: Tensor) -> str:
    """The name of a tensor; a cotangent as ``X̄``, a tangent as ``Ẋ``."""
    if tensor.primal is not None and tensor.role in ("cotangent", "tangent"):
        base = tensor_text(tensor.primal)
        mark = "\u0304" if tensor.role == "cotangent" else "\u0307"
        head, _, tail = base.partition("_")
        return head + mark + ("_" + tail if tail else "")
    return tensor.name


def index_text(index: Index) -> str:
    """An index: ``s·i+u-p``."""
    text = ""
    for atom, coefficient in index.terms:
        text += _signed(_index_term(atom, coefficient), first=not text)
    if index.constant != 0 or not text:
        text += _signed(_size(index.constant), first=not text)
    return text


def _signed(term: str, *, first: bool) -> str:
    return term if first or term.startswith("-") else "+" + term


def _index_term(atom: object, coefficient: Size) -> str:
    if isinstance(atom, Remainder):
        name = f"({index_text(atom.index)}) mod {_size(atom.divisor)}"
    elif isinstance(atom, Quotient):
        name = f"⌊({index_text(atom.index)})/{_size(atom.divisor)}⌋"
    elif isinstance(atom, Letter):
        name = atom.name
    else:
        assert isinstance(atom, Node)
        name = _print(atom, ATOM)
    if coefficient == 1:
        return name
    if coefficient == -1:
        return "-" + name
    size = _size(coefficient)
    if isinstance(coefficient, sympy.Add):
        size = f"({size})"
    return f"{size}·{name}"


def _size(size: object) -> str:
    return str(size).replace("**", "^").replace("*", "·")


def _parenthesised(text: str, inner: int, outer: int) -> str:
    return f"({text})" if inner < outer else text


def _print(node: Node, outer: int) -> str:
    match node:
        case Number():
            level = UNARY if node.value.is_negative or not (node.value.is_Atom) else ATOM
            if isinstance(node.value, sympy.Add):
                level = ADD
            return _parenthesised(_size(node.value), level, outer)
        case Position():
            return _parenthesised(index_text(node.index), ADD if len(node.index.terms) > 1 else ATOM, outer)
        case Ref():
            name = tensor_text(node.tensor)
            return f"{name}[{','.join(map(index_text, node.indices))}]" if node.indices else name
        case Add():
            text = ""
            for term in node.terms:
                text += _spaced(_print(term, ADD), first=not text)
            return _parenthesised(text, ADD, outer)
        case Mul():
            return _parenthesised(_product(node), MUL, outer)
        case Sum():
            names = ",".join(x.name for x in node.letters)
            return _parenthesised(f"Σ_{{{names}}} {_print(node.body, MUL)}", ADD if outer > ADD else MUL, outer)
        case Pow():
            if isinstance(node.exponent, Number):
                if node.exponent.value == sympy.Rational(1, 2):
                    return f"√({_print(node.base, 0)})"
                if node.exponent.value.is_negative:
                    return _parenthesised(_product(node), MUL, outer)
            return _parenthesised(f"{_print(node.base, ATOM)}^{_print(node.exponent, ATOM)}", UNARY, outer)
        case Apply():
            if node.function.name in ("greater", "greater_equal"):
                sign = ">" if node.function.name == "greater" else "≥"
                return f"[{_print(node.arguments[0], 0)} {sign} {_print(node.arguments[1], 0)}]"
            if node.function.name == "abs":
                return f"|{_print(node.arguments[0], 0)}|"
            name = {"sigmoid": "σ"}.get(node.function.name, node.function.name)
            return f"{name}({', '.join(_print(a, 0) for a in node.arguments)})"
        case Bracket():
            return f"[{index_text(node.left)}{node.relation}{index_text(node.right)}]"
        case Over():
            names = ",".join(x.name for x in node.letters)
            text = f"{node.function.name}_{{{names}}}({', '.join(_print(a, 0) for a in node.arguments)})"
            return f"{text}[{','.join(map(index_text, node.at))}]" if node.at else text
        case Partial():
            mark = "d" if node.total else "∂"
            if isinstance(node.wrt, Tangent):
                return f"D({_print(node.body, 0)})"
            if isinstance(node.body, Ref):
                return f"{mark}{_print(node.body, 0)}/{mark}{_print(node.wrt, 0)}"
            return f"{mark}({_print(node.body, 0)})/{mark}{_print(node.wrt, 0)}"
    raise NotImplementedError(type(node).__name__)


def _spaced(term: str, *, first: bool) -> str:
    if first:
        return term
    return f" - {term[1:]}" if term.startswith("-") else f" + {term}"


def _product(node: Node) -> str:
    above: list[str] = []
    below: list[str] = []
    prefix = ""
    for factor in factors_of(node):
        if isinstance(factor, Number):
            if factor.value == -1:
                prefix = "-"
                continue
            top, bottom = sympy.fraction(factor.value)
            if top.could_extract_minus_sign():
                prefix, top = "-", -top
            if top != 1:
                above.append(_parenthesised(_size(top), ADD if isinstance(top, sympy.Add) else ATOM, MUL))
            if bottom != 1:
                below.append(_parenthesised(_size(bottom), ADD if isinstance(bottom, sympy.Add) else ATOM, MUL))
        elif isinstance(factor, Pow) and isinstance(factor.exponent, Number) and factor.exponent.value.is_negative:
            exponent = -factor.exponent.value
            under = factor.base if exponent == 1 else Pow(factor.base, Number(exponent))
            below.append(_print(under, UNARY))
        else:
            above.append(_print(factor, UNARY if isinstance(factor, Sum) else MUL + 0))
    text = "·".join(above) or "1"
    if below:
        text += "/" + (below[0] if len(below) == 1 else f"({'·'.join(below)})")
    return prefix + text
