"""Display names: what letters, tensors and sizes are called on paper.

Letters are objects, and two letters of one name may meet in one formula. ``Names`` says what each is called there:
free letters get their plain names first, and a bound letter whose name is taken where it is visible gets a prime.
``symbol_of`` reads a name as people write it: ``Wx_i`` is W with the subscript xi, ``gamma`` is a Greek letter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from derive.index import Letter, Quotient
from derive.nodes import Node, Tensor
from derive.tree import walk

__all__ = ["GREEK", "Names", "Symbol", "symbol_of", "tensor_symbol"]

GREEK: dict[str, str] = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "eps": "ε", "zeta": "ζ", "eta": "η",
    "theta": "θ", "iota": "ι", "kappa": "κ", "lambda": "λ", "lam": "λ", "lambda_": "λ", "lmbda": "λ", "mu": "μ",
    "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "upsilon": "υ", "phi": "φ", "chi": "χ",
    "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π",
    "Sigma": "Σ", "Upsilon": "Υ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω",
}  # fmt: skip


@dataclass(frozen=True)
class Symbol:
    """A name as it is drawn: its base, descriptive subscripts, marks over the base (inner first), primes.

    ``bold`` is for the names that derivations give to Jacobians and Hessians: no tensor of a program is bold.
    ``of`` is the quantity whose Jacobian this is, where several are met; it stands below.
    ``tail`` is what follows the base as it was typed, for text without subscripts.
    """

    base: str
    subscripts: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    primes: int = 0
    bold: bool = False
    of: Symbol | None = None
    tail: str = field(default="", compare=False)

    @property
    def single(self) -> bool:
        """Whether this is one letter, so that a row of them needs no commas."""
        return len(self.base) == 1 and not self.subscripts

    def primed(self) -> Symbol:
        """The same name with one more prime."""
        return replace(self, primes=self.primes + 1)


_WORN = re.compile(r"(?P<base>[^\W\d_]|[a-zA-Z]+?)_?(?P<mark>hat|tilde)")


def symbol_of(name: str) -> Symbol:
    """A name as people write it.

    What follows the first underscore is a subscript, and so are digits at the end and the second of two letters:
    ``W1``, ``Wx`` and ``W_x`` are all W with a subscript. ``xhat`` wears a hat. Underscores at the end are primes.
    """
    worn = _WORN.fullmatch(name)
    if worn and (len(worn["base"]) == 1 or worn["base"] in GREEK):
        return Symbol(GREEK.get(worn["base"], worn["base"]), marks=(worn["mark"],))
    if name in GREEK:
        return Symbol(GREEK[name])
    trimmed = name.rstrip("_")
    if not trimmed or name.startswith("_"):
        return Symbol(name)
    primes = len(name) - len(trimmed)
    head, *tail = trimmed.split("_")
    base, own = _head(head)
    parts = tuple(GREEK.get(part, part) for part in (*own, *tail) if part)
    return Symbol(base, parts, primes=primes, tail="_".join(("".join(own), *tail)))


def _head(head: str) -> tuple[str, tuple[str, ...]]:
    if head in GREEK:
        return GREEK[head], ()
    digits = re.fullmatch(r"(\D+?)(\d+)", head)
    if digits and (len(digits[1]) == 1 or digits[1] in GREEK):
        return GREEK.get(digits[1], digits[1]), (digits[2],)
    if len(head) == 2 and head.isalpha():
        return head[0], (head[1],)
    return head, ()


_MARKS = {"cotangent": ("bar", "d_"), "tangent": ("dot", "t_")}
_BOLD = {"jacobian": "J", "hessian": "H", "taylor": "T"}


def tensor_symbol(tensor: Tensor) -> Symbol:
    """The name of a tensor: a cotangent is its primal with a bar, a tangent its primal with a dot."""
    if tensor.role in _BOLD:
        return Symbol(_BOLD[tensor.role], bold=True)
    if tensor.role == "inner jacobian" and tensor.primal is not None:
        return Symbol("J", bold=True, of=tensor_symbol(tensor.primal))
    if tensor.primal is None or tensor.role not in _MARKS:
        return symbol_of(tensor.name)
    mark, prefix = _MARKS[tensor.role]
    primal = tensor_symbol(tensor.primal)
    # what a name has beyond d_<primal> keeps apart the cotangents of one tensor in two sweeps
    own = tensor.name.removeprefix(prefix + tensor.primal.name) if tensor.name.startswith(prefix) else ""
    extra = symbol_of("x" + own) if own else Symbol("")
    return replace(
        primal,
        marks=(*primal.marks, mark),
        subscripts=(*primal.subscripts, *extra.subscripts),
        primes=primal.primes + extra.primes,
        tail=primal.tail + extra.tail,
    )


class Names:
    """What the visible letters are called. Immutable: entering the scope of a binder makes new Names."""

    __slots__ = ("_symbols",)

    def __init__(self, symbols: Mapping[Letter, Symbol] | None = None) -> None:
        self._symbols = dict(symbols or {})

    def bind(self, letters: Iterable[Letter]) -> Names:
        """These letters become visible too; a name that is taken gets primes."""
        symbols = dict(self._symbols)
        for letter in letters:
            symbol = symbol_of(letter.name)
            taken = set(symbols.values())
            while symbol in taken:
                symbol = symbol.primed()
            symbols[letter] = symbol
        return Names(symbols)

    def freed(self, node: Node) -> Names:
        """The free letters of a node become visible, in the order of their first use, unless they are already."""
        missing = node.free - self._symbols.keys()
        return self.bind(x for x in _in_order_of_use(node) if x in missing) if missing else self

    def of(self, letter: Letter) -> Symbol:
        """What a letter is called."""
        return self._symbols.get(letter) or symbol_of(letter.name)


def _in_order_of_use(node: Node) -> tuple[Letter, ...]:
    found: dict[Letter, None] = {}
    for below in walk(node):
        for index in below.indices_here():
            for atom, _ in index.terms:
                if isinstance(atom, Letter):
                    found.setdefault(atom)
                elif isinstance(atom, Quotient):
                    found.update(dict.fromkeys(sorted(atom.index.free, key=lambda x: x.name)))
    return tuple(found)
