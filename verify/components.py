"""The exact witness: at tiny sizes a result equals the derivative that SymPy finds of the components.

Both sides are written out entry by entry: one with ``sympy.diff`` for every derivative, the other with the results of
the chains. Their difference is shown to vanish symbolically where that is quick, else it is evaluated at rational
points with 50 digits. The most important functions are ``exact_check`` and ``Explicit.node``.
"""

from __future__ import annotations

import itertools
import time
from fractions import Fraction

import numpy as np
import sympy

from derive.derivation import Chain, Check
from derive.errors import NotationError
from derive.evaluate import Array, Sizes
from derive.index import Letter
from derive.nodes import Apply, Node, Over, Partial, Pow, Ref, Sum, Tensor
from derive.size_algebra import evaluate_size
from derive.symbolic import Components
from verify.assignments import named, tiny
from verify.scenes import Stage

__all__ = ["exact_check"]

Place = tuple[int, ...]

# Operations in one entry: of what is differentiated, and of a result, which is only evaluated.
DIFFERENTIATED, EVALUATED = 200, 1500
# An entry whose difference is this short is expanded.
SHORT = 150
SECONDS = 3.0
DIGITS = 50
ENTRIES, POINTS = 2, 2
TOLERANCE = sympy.Float(10) ** -40


class Explicit(Components):
    """Components of everything in a stage; a tensor that a chain names is its start, or with ``found`` its result."""

    def __init__(self, stage: Stage, sizes: Sizes, values: dict[Tensor, Array], *, found: bool) -> None:
        super().__init__(stage.sources.program, sizes, values)
        self.stage = stage
        self.found = found
        self.symbols: dict[sympy.Symbol, tuple[Tensor, Place]] = {}

    def symbol(self, tensor: Tensor, place: Place) -> sympy.Symbol:
        """The symbol of an entry of an input."""
        symbol = super().symbol(tensor, place)
        if self.symbols.setdefault(symbol, (tensor, place)) != (tensor, place):
            raise NotationError(f"two tensors are called {tensor.name!r}")
        return symbol

    def entry(self, tensor: Tensor, place: Place) -> sympy.Expr:
        """An entry of any tensor."""
        if (tensor, place) not in self._memo:
            chain = self.stage.sources.chain(tensor)
            if tensor in self.values or tensor in self.program.inputs:
                return super().entry(tensor, place)
            if chain is not None and chain.name is not None:
                side = chain.result if self.found else chain.start
                assert isinstance(side, Node)
                found = self.node(side, dict(zip(chain.letters, place, strict=True)))
            else:
                item = self.stage.sources.item(tensor)
                if item is None:
                    return super().entry(tensor, place)
                (source,) = (d for d in item.members if d.tensor is tensor)
                found = self.node(source.body, dict(zip(source.letters, place, strict=True)))
            self._memo[tensor, place] = found
        return self._memo[tensor, place]

    def node(self, node: Node, at: dict[Letter, int]) -> sympy.Expr:
        """The value of a node; a derivative is carried out by SymPy."""
        if not isinstance(node, Partial):
            return super().node(node, at)
        body = self.node(node.body, at)
        if isinstance(node.wrt, Ref):
            return sympy.diff(body, self._moving(node.wrt.tensor, tuple(self.index(i, at) for i in node.wrt.indices)))
        return sympy.Add(
            *(
                sympy.diff(body, self._moving(tensor, place)) * self.entry(tangent, place)
                for tensor, tangent in node.wrt.tangents.items()
                for place in self.places(tensor)
            )
        )

    def _moving(self, tensor: Tensor, place: Place) -> sympy.Symbol:
        found = self.entry(tensor, place)
        if not isinstance(found, sympy.Symbol):
            raise NotationError(f"{tensor.name!r} is computed, so its entries are no symbols to differentiate by")
        return found


def exact_check(stage: Stage, chain: Chain, seed: int) -> Check | str:
    """The result of a chain against SymPy's derivative of the components; or why it was left out."""
    if not _differentiable(stage, chain):
        return "it is no derivative by an input"
    rng = np.random.default_rng([seed, 7])
    smallest = "there are no tiny sizes for it"
    for sizes in tiny(stage, rng):
        size = _operations(stage, chain, sizes)
        if size is not None:
            smallest = size
            continue
        try:
            return _compared(stage, chain, sizes, rng)
        except NotationError as error:
            return str(error)
        except RecursionError:
            return "SymPy does not come to an end with its components"
    return smallest


def _differentiable(stage: Stage, chain: Chain) -> bool:
    """Whether the start is a derivative by inputs, and the result a formula without one."""
    if chain.name is None or not isinstance(chain.start, Partial) or any(s.relation != "=" for s in chain.steps):
        return False
    wrt = chain.start.wrt
    tensors = (wrt.tensor,) if isinstance(wrt, Ref) else tuple(wrt.tangents)
    return chain.start.total and all(t in stage.given and t.below is None for t in tensors)


def _operations(stage: Stage, chain: Chain, sizes: Sizes) -> str | None:
    """Why the components are too large to be made, by an estimate; None where they are not."""
    count = _Count(stage, sizes)
    assert isinstance(chain.start, Partial)
    assert isinstance(chain.result, Node)
    for node, limit, found in ((chain.start.body, DIFFERENTIATED, False), (chain.result, EVALUATED, True)):
        operations = count.of(node, found)
        if operations * (4 if count.recurs else 1) > limit:
            return f"about {operations:.0f} operations in a component at {_text(sizes)}"
    return None


class _Count:
    """How many operations a component has, about."""

    def __init__(self, stage: Stage, sizes: Sizes) -> None:
        self.stage, self.sizes = stage, sizes
        self._known: dict[tuple[Tensor, bool], float] = {}
        self._open: set[tuple[Tensor, bool]] = set()
        self._again: set[tuple[Tensor, bool]] = set()

    @property
    def recurs(self) -> bool:
        """Whether something is computed from itself; then the estimate is too small."""
        return bool(self._again)

    def of(self, node: Node, found: bool) -> float:
        """The operations of a node."""
        inside = sum(self.of(child, found) for child in node.children())
        match node:
            case Ref():
                return self.tensor(node.tensor, found)
            case Sum():
                return inside * float(np.prod([evaluate_size(x.length, self.sizes) for x in node.letters]))
            case Over():
                entries = float(np.prod([evaluate_size(x.length, self.sizes) for x in node.letters]))
                return (2 + inside) * (entries + 1) ** len(node.letters)
            case Partial():
                return 3 * inside
            case Apply() | Pow():
                return 1 + inside
        return inside + max(len(node.children()) - 1, 0)

    def tensor(self, tensor: Tensor, found: bool) -> float:
        """The operations of an entry."""
        about = tensor, found
        if about in self._open:
            self._again.add(about)
        if about in self._known:
            return self._known[about]
        source = self._source(tensor, found)
        self._known[about] = 1.0
        if source is not None:
            self._open.add(about)
            self._known[about] = self.of(source, found)
            self._open.discard(about)
        return self._known[about]

    def _source(self, tensor: Tensor, found: bool) -> Node | None:
        chain, item = self.stage.sources.chain(tensor), self.stage.sources.item(tensor)
        if chain is not None:
            side = chain.result if found else chain.start
            return side if isinstance(side, Node) else None
        if item is None:
            return None
        return next(d.body for d in item.members if d.tensor is tensor)


def _compared(stage: Stage, chain: Chain, sizes: Sizes, rng: np.random.Generator) -> Check | str:
    began = time.monotonic()
    drawn = {t: a[0] for t, a in stage.draw(sizes, 1, 0).items()}
    values = {t: a for t, a in drawn.items() if t.below is not None}
    truth, found = (Explicit(stage, sizes, values, found=which) for which in (False, True))
    assert isinstance(chain.start, Node)
    assert isinstance(chain.result, Node)
    places = list(itertools.product(*(range(evaluate_size(x.length, sizes)) for x in chain.letters)))
    chosen = [places[k] for k in sorted(rng.permutation(len(places))[:ENTRIES])]
    points = _rational(stage, sizes)
    symbolic, done = 0, 0
    for place in chosen:
        if done and time.monotonic() - began > SECONDS:
            break
        at = dict(zip(chain.letters, place, strict=True))
        expected, result = truth.node(chain.start, at), found.node(chain.result, at)
        done += 1
        if _vanishes(expected - result):
            symbolic += 1
            continue
        if not points:
            return "no rational point meets the assumptions"
        for point in points:
            substitutes = {
                symbol: point[tensor][where]
                for symbols in (truth.symbols, found.symbols)
                for symbol, (tensor, where) in symbols.items()
            }
            a, b = (side.xreplace(substitutes).evalf(DIGITS) for side in (expected, result))
            if not (a.is_number and b.is_number and a.is_finite and b.is_finite):
                return "the components have no finite value at a rational point"
            if abs(a - b) > TOLERANCE * max(abs(a), abs(b), 1):
                return Check(
                    "fails", "SymPy", done, (named(sizes),), float(abs(a - b) / max(abs(a), abs(b))),
                    f"the result of the chain of {chain.name!r} is not SymPy's derivative of the components at "
                    f"{_text(sizes)}\n  entry          {place}\n  by SymPy       {sympy.N(a, 12)}\n"
                    f"  by the chain   {sympy.N(b, 12)}",
                )  # fmt: skip
    how = "identically" if symbolic == done else f"at {len(points)} rational points, to {DIGITS} digits"
    message = f"the result of the chain of {chain.name!r} is SymPy's derivative of the components {how}"
    return Check("holds", "SymPy", done, (named(sizes),), 0.0, message)


def _vanishes(difference: sympy.Expr) -> bool:
    """Whether a difference is shown to be 0 at once."""
    if difference == 0:
        return True
    return bool(difference.count_ops() <= SHORT and sympy.expand(difference) == 0)


def _rational(stage: Stage, sizes: Sizes) -> list[dict[Tensor, Array]]:
    """Points with rational entries that meet the assumptions; none where a domain has no short decimals."""
    world, _ = stage.world(sizes, POINTS, 100)
    found = []
    for number in range(0 if world is None else world.points):
        assert world is not None
        point = {}
        for tensor in stage.given:
            array = world.drawn(tensor)[number]
            exact = np.empty(array.shape, dtype=object)
            for where, value in np.ndenumerate(array):
                near = Fraction(float(value)).limit_denominator(10**5)
                if abs(float(near) - float(value)) > 1e-12:
                    return []
                exact[where] = sympy.Rational(near.numerator, near.denominator)
            point[tensor] = exact
        found.append(point)
    return found


def _text(sizes: Sizes) -> str:
    return ", ".join(f"{name}={value}" for name, value in named(sizes)) or "its only sizes"
