"""Where a derivation is tried: points inside the domains that meet the assumptions, or a premise.

The most important functions are ``Stage.world`` (points) and ``holds`` (where a relation is true). ``assignments``
draws the sizes.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sympy

from derive.derivation import Chain
from derive.errors import NotationError
from derive.evaluate import Array, Sizes
from derive.index import Index, Letter, Quotient
from derive.nodes import Node, Number, Partial, Ref, Tangent, Tensor
from derive.program import Program
from derive.size_algebra import Size, evaluate_size, size_symbols
from derive.statements import Statement
from derive.tree import walk
from verify import sampling
from verify.edges import Edge, edges
from verify.sources import Sources
from verify.world import World

__all__ = ["Stage", "holds", "same_infinity", "solved", "spread", "truth"]

CANDIDATES = 40
# Newton's method doubles the digits each time.
ITERATIONS = 9


@dataclass(frozen=True)
class Stage:
    """Everything that must have a value before the chains can be read."""

    sources: Sources
    chains: tuple[Chain, ...]
    seed: int

    @cached_property
    def programs(self) -> tuple[Program, ...]:
        """All programs, the forward one first."""
        within = (c.within for c in _all_chains(self.chains) if c.within is not None)
        return tuple(dict.fromkeys((self.sources.program, *self.sources.derived, *within)))

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """Every expression of the chains and their programs."""
        found: dict[int, Node] = {}
        for chain in _all_chains(self.chains):
            sides = [chain.start, *(step.after for step in chain.steps)]
            for side in sides if chain.name is None else [*sides, chain.name]:
                for node in (side.left, side.right) if isinstance(side, Statement) else (side,):
                    found[id(node)] = node
        for program in self.programs:
            for d in program.definitions():
                found[id(d.body)] = d.body
            for assumption in program.assumptions:
                found[id(assumption.left)], found[id(assumption.right)] = assumption.left, assumption.right
        return tuple(found.values())

    @cached_property
    def tensors(self) -> tuple[Tensor, ...]:
        """Every tensor, in the order in which they are met."""
        found: dict[Tensor, None] = {}
        for program in self.programs:
            found.update(dict.fromkeys(program.inputs))
            found.update(dict.fromkeys(d.tensor for d in program.definitions()))
        for outer in self.nodes:
            for node in walk(outer):
                if isinstance(node, Ref):
                    found.setdefault(node.tensor)
                if isinstance(node, Partial):
                    tensors = (node.wrt.tensor,) if isinstance(node.wrt, Ref) else _moving(node.wrt)
                    found.update(dict.fromkeys(tensors))
        return tuple(found)

    @cached_property
    def given(self) -> tuple[Tensor, ...]:
        """The tensors that nothing defines: they are drawn."""
        inputs = set(self.sources.program.inputs)
        return tuple(
            t for t in self.tensors if t in inputs or (self.sources.chain(t) is None and self.sources.item(t) is None)
        )

    @cached_property
    def lengths(self) -> tuple[Size, ...]:
        """Every length of an axis or a letter: at least 1 in every assignment."""
        found: dict[Size, None] = {}
        for tensor in self.tensors:
            found.update(dict.fromkeys(tensor.axes))
        for program in self.programs:
            found.update(dict.fromkeys(program.least))
            for d in program.definitions():
                found.update(dict.fromkeys(x.length for x in d.letters))
        for outer in self.nodes:
            for node in walk(outer):
                found.update(dict.fromkeys(x.length for x in (*node.bound(), *node.free) if x.size is not None))
                for index in node.indices_here():
                    found.update(dict.fromkeys(_divisors(index)))
        return tuple(found)

    @cached_property
    def numbers(self) -> tuple[sympy.Expr, ...]:
        """Every number that holds a size: finite in every assignment."""
        found = (node.value for outer in self.nodes for node in walk(outer) if isinstance(node, Number))
        return tuple(dict.fromkeys(value for value in found if value.free_symbols))

    @cached_property
    def symbols(self) -> tuple[sympy.Symbol, ...]:
        """The sizes that must be drawn."""
        found: dict[sympy.Symbol, None] = {}
        for length in self.lengths:
            found.update(dict.fromkeys(sorted(size_symbols(length), key=str)))
        for value in self.numbers:
            found.update(dict.fromkeys(sorted(value.free_symbols, key=str)))
        for outer in self.nodes:
            for node in walk(outer):
                for index in node.indices_here():
                    for size in (index.constant, *(c for _, c in index.terms)):
                        found.update(dict.fromkeys(sorted(size_symbols(size), key=str)))
        return tuple(found)

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        """Where the brackets of all expressions begin and end."""
        return edges(self.nodes)

    def possible(self, sizes: Sizes) -> bool:
        """Whether every axis has an entry and every number is finite."""
        try:
            if any(evaluate_size(length, sizes) < 1 for length in self.lengths):
                return False
        except NotationError:
            return False
        exact = {s: sympy.Integer(n) for s, n in sizes.items()}
        return all(value.xreplace(exact).is_finite is not False for value in self.numbers)

    # -- points

    def draw(self, sizes: Sizes, points: int, attempt: int) -> dict[Tensor, Array]:
        """Points for everything that nothing defines, points first. Raises: ValueError for an empty domain."""
        found = {}
        for position, tensor in enumerate(self.given):
            shape = tuple(evaluate_size(axis, sizes) for axis in tensor.axes)
            rng = np.random.default_rng([self.seed, attempt, position, zlib.crc32(tensor.name.encode())])
            try:
                found[tensor] = np.stack([_one(tensor, shape, sizes, rng) for _ in range(points)])
            except ValueError as error:
                raise ValueError(f"tensor {tensor.name!r}: {error}") from None
        return found

    def world(self, sizes: Sizes, points: int, attempt: int) -> tuple[World | None, str]:
        """A world whose points meet all assumptions; else None, and which assumption no point meets."""
        assumptions = tuple(dict.fromkeys(a for program in self.programs for a in program.assumptions))
        drawn = self.draw(sizes, points if not assumptions else max(CANDIDATES, points), attempt)
        for tensor, array in drawn.items():
            drawn[tensor] = _within_bounds(tensor, array, assumptions)
        if not assumptions:
            return World.at(sizes, self.sources, drawn, points), ""
        count = len(next(iter(drawn.values())))
        world = World.at(sizes, self.sources, drawn, count)
        open_ = np.ones(count, dtype=bool)
        for assumption in assumptions:
            met = holds(world, assumption)
            if not (open_ & met).any() and assumption.relation == "=":
                return None, f"no point meets the assumption {assumption!r}: declare a domain in which it holds"
            if not (open_ & met).any():
                return None, f"no point was found that meets the assumption {assumption!r}"
            open_ &= met
        chosen = np.flatnonzero(open_)[:points]
        return World.at(sizes, self.sources, {t: a[chosen] for t, a in drawn.items()}, len(chosen)), ""


Flags = np.ndarray[Any, np.dtype[np.bool_]]


def holds(world: World, statement: Statement, slack: float = 1.0) -> Flags:
    """At which points a relation holds for all values of its free letters, as far as rounding lets one see."""
    return np.asarray(truth(world, statement, slack).reshape(world.points, -1).all(axis=1))


def truth(world: World, statement: Statement, slack: float = 1.0, *, infinite: bool = False) -> Flags:
    """Where a relation holds, as far as rounding lets one see: points first, then its free letters.

    With ``infinite`` an infinity is a value, which differs from numbers; else nothing is said where one stands.
    """
    a, b, da, db = _sides(world, statement)
    slackness = slack * (da + db)
    with np.errstate(invalid="ignore"):
        difference = a - b
        match statement.relation:
            case "=":
                true = np.abs(difference) <= slackness
            case "≠":
                true = np.abs(difference) > slackness
            case "≥" | "≤":
                true = (difference if statement.relation == "≥" else -difference) >= -slackness
            case ">" | "<":
                true = (difference if statement.relation == ">" else -difference) > slackness
            case _:
                raise NotationError(f"{statement.relation!r} is no relation between values")
        known = ~np.isnan(difference) if infinite else np.isfinite(difference)
    return np.asarray(true & known)


def same_infinity(world: World, statement: Statement) -> Flags:
    """Where both sides of a relation are the same infinity: points first, then its free letters.

    Numbers that are too large for floating point are no infinities: both sides must read one that is written.
    """
    a, b, da, db = _sides(world, statement)
    written = all(world.sources.program.reads_infinity(side) for side in (statement.left, statement.right))
    return np.asarray((a == b) & np.isinf(a) & (da + db == 0) & written)


def _sides(world: World, statement: Statement) -> tuple[Array, Array, Array, Array]:
    """Both sides at all points and for all free letters, and what rounding can do to each."""
    left, right = world.reading(statement.left), world.reading(statement.right)
    letters = tuple(dict.fromkeys((*left.letters, *right.letters)))
    shape = (world.points, *(world.length(x.length) for x in letters))
    a, b, da, db = (
        np.broadcast_to(spread(array, reading.letters, letters), shape)
        for array, reading in ((left.value, left), (right.value, right), (left.bound, left), (right.bound, right))
    )
    return a, b, da, db


def solved(stage: Stage, world: World, statement: Statement) -> World | None:
    """A world whose points were moved until both sides of an equation agree, by Newton's method; None without one.

    Points that leave their domain, or do not settle, are dropped. The program of ``world.within`` is seen through.
    What was solved for is known to the rounding of where it started from: in the replicas it errs by as much.
    """
    start = {t: np.abs(world.drawn(t)) for t in stage.given}
    residual = statement.left - statement.right
    moving = [t for t in stage.given if t.below is None and sampling.DOMAINS[t.domain].free]
    entries = {t: t[tuple(Letter("e", axis) for axis in t.axes)] for t in moving}
    drawn = {t: world.drawn(t) for t in stage.given}
    for _ in range(ITERATIONS):
        here = world.reading(residual)
        columns = []
        for entry in entries.values():
            slope = world.reading(Partial(residual, entry, total=True))
            own = tuple(i.letter for i in entry.indices if i.letter is not None)
            letters = (*here.letters, *own)
            shape = (world.points, *(world.length(x.length) for x in letters))
            full = np.broadcast_to(spread(slope.value, slope.letters, letters), shape)
            columns.append(full.reshape(world.points, int(np.prod(shape[1 : 1 + len(here.letters)])), -1))
        jacobian = np.concatenate(columns, axis=2)
        value = here.value.reshape(world.points, -1)
        keep = np.isfinite(jacobian).all(axis=(1, 2)) & np.isfinite(value).all(axis=1)
        if not keep.any():
            return None
        step = -(np.linalg.pinv(jacobian[keep]) @ value[keep][..., None])[..., 0]
        drawn = {t: a[keep] for t, a in drawn.items()}
        start = {t: a[keep] for t, a in start.items()}
        place = 0
        for tensor in moving:
            count = int(np.prod(drawn[tensor].shape[1:]))
            drawn[tensor] = drawn[tensor] + step[:, place : place + count].reshape(drawn[tensor].shape)
            place += count
        inside = [all(sampling.contains(t.domain, drawn[t][k]) for t in moving) for k in range(int(keep.sum()))]
        if not any(inside):
            return None
        drawn = {t: a[np.array(inside)] for t, a in drawn.items()}
        start = {t: a[np.array(inside)] for t, a in start.items()}
        within = world.within
        scales = {t: np.maximum(np.abs(drawn[t]), start[t]) for t in moving}
        world = World.at(world.sizes, world.sources, drawn, sum(inside), scales)
        world.within = within
    return world


def spread(array: Array, own: tuple[Letter, ...], letters: tuple[Letter, ...]) -> Array:
    """An array (points, *own) with an axis for each of ``letters``, of length 1 where it does not depend on one."""
    order = [x for x in letters if x in own]
    moved = array.transpose([0, *(1 + own.index(x) for x in order)])
    return moved.reshape([len(array), *(moved.shape[1 + order.index(x)] if x in order else 1 for x in letters)])


def _one(tensor: Tensor, shape: tuple[int, ...], sizes: Sizes, rng: np.random.Generator) -> Array:
    if tensor.below is not None:
        return sampling.integers(evaluate_size(tensor.below, sizes), shape, rng)
    return sampling.draw(tensor.domain, shape, rng)


def _within_bounds(tensor: Tensor, drawn: Array, assumptions: Iterable[Statement]) -> Array:
    """The entries moved into the interval that assumptions such as ``p > 1`` and ``2 > p`` leave for each of them."""
    if tensor.below is not None or not sampling.DOMAINS[tensor.domain].free:
        return drawn
    low, high = -np.inf, np.inf
    for said in assumptions:
        match said.left, said.relation, said.right:
            case (Ref() as entry, ">" | "≥", Number() as bound) if _bounds(bound, entry, tensor):
                low = max(low, float(bound.value))
            case (Number() as bound, ">" | "≥", Ref() as entry) if _bounds(bound, entry, tensor):
                high = min(high, float(bound.value))
    size = np.abs(drawn)
    if np.isinf(high):
        moved = low + size
    elif np.isinf(low):
        moved = high - size
    else:
        moved = low + (high - low) * size / (1 + size)
    return np.where((drawn > low) & (drawn < high), drawn, moved)


def _bounds(bound: Number, entry: Ref, tensor: Tensor) -> bool:
    """Whether a comparison of an entry with a number is about every entry of the tensor."""
    letters = {i.letter for i in entry.indices if i.letter is not None}
    return bound.value.is_number and entry.tensor is tensor and len(letters) == len(tensor.axes)


def _moving(wrt: Tangent) -> tuple[Tensor, ...]:
    return (*wrt.tangents, *wrt.tangents.values())


def _divisors(index: Index) -> Iterator[Size]:
    for atom, _ in index.terms:
        if isinstance(atom, Quotient):
            yield atom.divisor
            yield from _divisors(atom.index)


def _all_chains(chains: Iterable[Chain]) -> Iterator[Chain]:
    """The chains and those of their substeps, outermost first."""
    for chain in chains:
        yield chain
        for step in chain.steps:
            yield from _all_chains(step.substeps)
