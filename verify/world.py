"""The values of everything at given sizes and points, derivatives that are not carried out included.

A tensor has the value that the forward program gives it. A derivative is taken numerically, by moving tensors and
computing again what depends on them; where it is in doubt it is NaN, and what needs it is not exercised.

The three most important functions are ``World.tensor`` (what a tensor is, by a route that shares nothing with the
derivation), ``World.partial`` (a derivative that is not carried out) and ``World.reading`` (a side, with its bound).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from derive.definitions import Definition, Recurrence
from derive.evaluate import Array, Named, Sizes
from derive.index import Letter, as_index
from derive.nodes import Node, Partial, Ref, Tangent, Tensor
from derive.program import Program
from derive.rules import Context
from derive.tree import walk
from verify.replicas import PER_POINT, Errors, points_of, replicated, settled
from verify.rounding import Rounding
from verify.slopes import reach, separate_moves, separate_slopes, tilted_moves, tilted_slopes
from verify.sources import Sources

__all__ = ["Reading", "World"]


@dataclass(frozen=True)
class Reading:
    """A side at every point: its value, what rounding can do to it, the letters of its axes after the first.

    Shapes: value and bound (points, *letters).
    """

    value: Array
    bound: Array
    letters: tuple[Letter, ...]


class World(Rounding):
    """The values of everything at given sizes and points.

    ``within`` is the program in which a total derivative is taken. ``doubts`` gathers what has no derivative, and
    where.
    """

    entries: type = float

    def __init__(
        self,
        sizes: Sizes,
        sources: Sources,
        arrays: Mapping[Tensor, Array],
        outer: tuple[Letter, ...],
        errors: Errors,
    ) -> None:
        super().__init__(sizes, arrays, outer, errors)
        self.sources = sources
        self.points = self.outer_lengths[0] // PER_POINT
        self.within: Program = sources.program
        self.doubts: set[str] = set()
        self.through_definitions = False
        self._derivatives: dict[object, Named] = {}
        self._readings: dict[object, Reading] = {}
        self._pending: set[Tensor] = set()

    @classmethod
    def at(
        cls,
        sizes: Sizes,
        sources: Sources,
        drawn: Mapping[Tensor, Array],
        points: int,
        rounded: Mapping[Tensor, Array] | None = None,
    ) -> World:
        """The world at so many points; ``drawn`` gives the inputs, points first.

        Inputs in ``rounded`` are known to the rounding of numbers of that size only.
        """
        lanes = Letter("lane", points * PER_POINT)
        errors = Errors()
        arrays = {t: replicated(a) for t, a in drawn.items()}
        for tensor, scale in (rounded or {}).items():
            arrays[tensor] = arrays[tensor] + (errors.applied(replicated(scale)) - replicated(scale))
        world = cls(sizes, sources, arrays, (lanes,), errors)
        for item in sources.program.items:
            if any(d.tensor not in world.arrays and sources.chain(d.tensor) is None for d in item.members):
                world.compute(item)
        return world

    # -- tensors

    def tensor(self, tensor: Tensor) -> Array:
        """The array of a tensor, its lanes in front. Raises: RecursionError when it is defined by itself."""
        if tensor not in self.arrays:
            self.arrays[tensor] = self._find(tensor)
        return self.arrays[tensor]

    def drawn(self, tensor: Tensor) -> Array:
        """A tensor at the points, without their replicas."""
        return points_of(self.tensor(tensor))

    def _find(self, tensor: Tensor) -> Array:
        if tensor in self._pending:
            raise RecursionError(f"{tensor.name!r} is defined by itself")
        self._pending.add(tensor)
        try:
            chain = self.sources.chain(tensor)
            if chain is not None and chain.name is not None:
                assert isinstance(chain.start, Node)
                with self._reading_in(chain.within or self.sources.program):
                    return self.array(chain.start, chain.letters)
            item = self.sources.item(tensor)
            if item is None:
                raise LookupError(f"no value for {tensor.name!r}")
            self.compute(item)
            return self.arrays[tensor]
        finally:
            self._pending.discard(tensor)

    @contextmanager
    def _reading_in(self, program: Program) -> Iterator[None]:
        """While this lasts, total derivatives are taken in this program, and names stay names."""
        outside = self.within, self.through_definitions
        self.within, self.through_definitions = program, False
        try:
            yield
        finally:
            self.within, self.through_definitions = outside

    def compute(self, item: Definition | Recurrence, perturb: Mapping[Tensor, Array] | None = None) -> None:
        """Compute a definition or a recurrence in all lanes, ``perturb`` added to what is defined."""
        moved = perturb or {}
        if isinstance(item, Definition):
            value = self.array(item.body, item.letters)
            self.arrays[item.tensor] = value + moved[item.tensor] if item.tensor in moved else value
            return
        lanes = len(self.outer)
        for d in item.members:
            self.arrays[d.tensor] = np.zeros(self.outer_lengths + self._shape(d.tensor), self.entries)
        steps = range(self.length(item.time(0).length))
        for t in reversed(steps) if item.backwards else steps:
            for axis, d in zip(item.axes, item.members, strict=True):
                self.fixed[d.letters[axis]] = t
                value = self.array(d.body, d.letters[:axis] + d.letters[axis + 1 :])
                at = (slice(None),) * (lanes + axis) + (t,)
                self.arrays[d.tensor][at] = value + moved[d.tensor][at] if d.tensor in moved else value
                del self.fixed[d.letters[axis]]

    def _shape(self, tensor: Tensor) -> tuple[int, ...]:
        return tuple(self.length(axis) for axis in tensor.axes)

    # -- sides

    def reading(self, side: Node, *, through_definitions: bool = False) -> Reading:
        """The value of a side at every point, and what rounding can do to it."""
        about = (side, self.within, through_definitions)
        if about not in self._readings:
            self.through_definitions = through_definitions
            try:
                with np.errstate(all="ignore"):
                    named = self.value(side)
            except np.linalg.LinAlgError as error:
                self.doubts.add(str(error))
                named = Named(np.full(1, np.nan), (self.outer[0],))
            finally:
                self.through_definitions = False
            letters = tuple(x for x in named.letters if x is not self.outer[0])
            shape = [self.outer_lengths[0], *(self.length(x.length) for x in letters)]
            whole = np.broadcast_to(named.aligned((self.outer[0], *letters)), shape)
            self._readings[about] = Reading(*settled(whole), letters)
        return self._readings[about]

    # -- derivatives

    def partial(self, node: Partial) -> Named:
        """A derivative that is not carried out, taken numerically. NaN at points where it is in doubt."""
        body = self._body(node)
        about = (body, node.wrt, node.total, self.within)
        if isinstance(node.wrt, Ref):
            about = (body, node.wrt.tensor, node.total, self.within)  # type: ignore[assignment]
        if about not in self._derivatives:
            self._derivatives[about] = self._derivative(body, node)
        found = self._derivatives[about]
        if isinstance(node.wrt, Tangent):
            return found
        # the entry that it is taken by, among all
        inner = found.letters[len(self.outer) :]
        whole = Tensor("derivative", (*(x.length for x in inner), *node.wrt.tensor.axes))
        self.arrays[whole] = found.array
        try:
            return self.read(Ref(whole, (*(as_index(x) for x in inner), *node.wrt.indices)))
        finally:
            del self.arrays[whole]

    def _body(self, node: Partial) -> Node:
        """What is differentiated: a name that another tensor's entry moves directly stands for its definition."""
        body, wrt = node.body, node.wrt
        if node.total or not isinstance(body, Ref) or isinstance(wrt, Tangent):
            return body
        if body.tensor is wrt.tensor and not self.through_definitions:
            return body
        source = self.within.definition(body.tensor)
        if source is None or (body.tensor is wrt.tensor and wrt.tensor not in source.body.tensors):
            return body
        return source.at(*body.indices)

    def _derivative(self, body: Node, node: Partial) -> Named:
        """The derivative along all entries of a tensor (in the last axes), or along a tangent."""
        nested = any(isinstance(below, Partial) for below in walk(body))
        moves_of, slopes_of = (separate_moves, separate_slopes) if nested else (tilted_moves, tilted_slopes)
        directions, weights = self._directions(node.wrt)
        moves = {tensor: moves_of(direction, weights) for tensor, direction in directions.items()}
        values, letters = self._along(body, moves, node)
        slopes, doubtful = slopes_of(values, weights)
        if doubtful.any():
            kind = "d" if node.total else "∂"
            of = "the tangent" if isinstance(node.wrt, Tangent) else node.wrt.tensor.name
            self.doubts.add(f"{kind}({body!r}) by {of} is no derivative at a point: a kink, or the end of a domain")
            poison = replicated(doubtful)
            slopes = np.where(poison.reshape(-1, *(1,) * (slopes.ndim - 1)), np.nan, slopes)
        if isinstance(node.wrt, Tangent):
            return Named(slopes[..., 0], (*self.outer, *letters))
        return Named(slopes.reshape(*slopes.shape[:-1], *self._shape(node.wrt.tensor)), (*self.outer, *letters))

    def _directions(self, wrt: Ref | Tangent) -> tuple[dict[Tensor, Array], Array]:
        """The directions, with an axis for them after the lanes, and in every lane how far one may go along each.

        Differences that go along all of them at once have weights of both signs and of no symmetry.
        """
        lanes = len(self.outer)
        if isinstance(wrt, Ref):
            here = self._aligned(self.tensor(wrt.tensor), wrt.tensor)
            shape = here.shape[lanes:]
            count = int(np.prod(shape))
            weights = reach(_flat(here, lanes))
            weights = weights * (1 - 0.5 * np.random.default_rng(count).random(count))
            weights[..., 1::2] *= -1
            return {wrt.tensor: np.eye(count).reshape((1,) * lanes + (count, *shape))}, weights
        found, nearest = {}, np.full((1,) * lanes, np.inf)
        for tensor, tangent in wrt.tangents.items():
            here = self._aligned(self.tensor(tensor), tensor)
            along = self._aligned(self.tensor(tangent), tangent)
            found[tensor] = np.expand_dims(along, lanes)
            with np.errstate(divide="ignore", invalid="ignore"):
                steps = reach(_flat(here, lanes)) / np.abs(_flat(along, lanes))
            nearest = np.fmin(nearest, steps.min(axis=-1, initial=np.inf))
        return found, np.where(np.isfinite(nearest), nearest, 1.0)[..., None]

    def _along(self, body: Node, moves: Mapping[Tensor, Array], node: Partial) -> tuple[Array, tuple[Letter, ...]]:
        """The values of a body where tensors are moved, the moves last; and the letters of the other axes."""
        moved = Moved(self, moves, self.within if node.total else None)
        named = moved.value(body)
        letters = tuple(x for x in named.letters if x not in moved.outer)
        shape = (*moved.outer_lengths, *(self.length(x.length) for x in letters))
        values = np.broadcast_to(named.aligned((*moved.outer, *letters)), shape)
        return np.moveaxis(values, len(self.outer), -1), letters

    def _aligned(self, array: Array, tensor: Tensor) -> Array:
        """An array with an axis for every outer letter."""
        own = array.ndim - len(tensor.axes)
        return array.reshape(array.shape[:own] + (1,) * (len(self.outer) - own) + array.shape[own:])


class Moved(World):
    """A world with tensors moved, and with everything that a program computes from them.

    The moves have an axis after the lanes of the world that they start from; whatever does not move is that world's.
    """

    entries = complex

    def __init__(self, still: World, moves: Mapping[Tensor, Array], program: Program | None) -> None:
        lanes = len(still.outer)
        (count,) = {step.shape[lanes] for step in moves.values()}
        outer = (*still.outer, Letter("move", count))
        super().__init__(still.sizes, still.sources, {}, outer, Errors(still.errors.offset + 97))
        self.still, self.within, self.doubts = still, still.within, still.doubts
        self._numbers, self._lengths = still._numbers, still._lengths
        where = (slice(None),) * lanes + (None,)
        for tensor, step in moves.items():
            entries = still._aligned(still.tensor(tensor), tensor)[where] + step
            self.arrays[tensor] = np.broadcast_to(entries, self.outer_lengths + self._shape(tensor))
        if program is None:
            return
        context = Context(program)
        dependents = frozenset().union(*(context.dependents(t) for t in moves))
        full = {t: np.broadcast_to(step, self.outer_lengths + self._shape(t)) for t, step in moves.items()}
        for item in program.items:
            reads = frozenset().union(*(d.body.tensors for d in item.members))
            if not reads.isdisjoint(dependents):
                self.compute(item, full)

    def _find(self, tensor: Tensor) -> Array:
        return self.still.tensor(tensor)


def _flat(array: Array, lanes: int) -> Array:
    """An array with all axes but those in front in one."""
    return array.reshape(*array.shape[:lanes], -1)
