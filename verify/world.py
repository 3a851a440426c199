"""Points at which a derivation is evaluated: many at once, with rounding measured and derivatives taken numerically.

Every array has an axis of *lanes* in front: the points, and for each point replicas in which every operation errs by
a random relative amount far above rounding. How far the replicas scatter tells how far rounding can be off. A
derivative is taken by the complex step along all entries at once, and believed only where central differences,
extrapolated with a bound, agree with it; elsewhere it is NaN, and what needs it is not exercised.

The three most important functions are ``World.array`` (what a tensor is, by a route that shares nothing with the
derivation), ``World.partial`` (a derivative that is not carried out) and ``World.reading`` (a side, with its bound).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from derive.definitions import Definition, Recurrence
from derive.derivation import Chain
from derive.evaluate import Array, Evaluator, Named, Sizes
from derive.index import Letter, as_index
from derive.nodes import Add, Bracket, Node, Number, Over, Partial, Position, Ref, Tangent, Tensor
from derive.program import Program
from derive.rules import Context
from derive.tree import walk

__all__ = ["EPS", "JITTER", "MARGIN", "Reading", "Sources", "World"]

EPS = float(np.finfo(float).eps)
Flags = np.ndarray[Any, np.dtype[np.bool_]]

# Replicas of every point, and the relative error of their operations: so far above rounding that rounding vanishes
# beside it, so small that it acts linearly.
REPLICAS = 3
JITTER = 2.0**-40
# Rounding errs at most so many times as far as the replicas show; a replica may err little by chance.
MARGIN = 64.0

IMAGINARY = 2.0**-200
STEPS = np.array([2.0**-k for k in (20, 17, 14, 11, 9, 7)]) * 1.0387
# The differences must know the derivative this well, relative to its scale, before their agreement says anything.
EVIDENCE = 1e-5

SIGNS = tuple((-1.0) ** k for k in range(REPLICAS))
# A prime number of them, so that no two axes repeat in step.
POOL = np.random.default_rng(20).standard_normal(65537) * JITTER


@dataclass(frozen=True)
class Sources:
    """Where the value of a tensor comes from: the forward program, else the start of the chain that names it."""

    program: Program
    chains: Mapping[Tensor, Chain]
    derived: tuple[Program, ...] = ()

    @cached_property
    def items(self) -> dict[Tensor, Definition | Recurrence]:
        """Where each tensor is defined, the forward program first."""
        found: dict[Tensor, Definition | Recurrence] = {}
        for program in (self.program, *self.derived):
            for item in program.items:
                for d in item.members if isinstance(item, Recurrence) else (item,):
                    found.setdefault(d.tensor, item)
        return found

    def chain(self, tensor: Tensor) -> Chain | None:
        """The chain that says which derivative this tensor is, or which expression it stands for."""
        found = self.chains.get(tensor)
        if found is None or (self.program.definition(tensor) is not None and not _open(found)):
            return None
        return found

    def item(self, tensor: Tensor) -> Definition | Recurrence | None:
        """The definition of a tensor, wherever there is one."""
        return self.items.get(tensor, tensor.definition)


def _open(chain: Chain) -> bool:
    start = chain.start
    return isinstance(start, Node) and any(isinstance(node, Partial) for node in walk(start))


@dataclass(frozen=True)
class Reading:
    """A side at every point: its value, what rounding can do to it, the letters of its axes after the first.

    Shapes: value and bound (points, *letters).
    """

    value: Array
    bound: Array
    letters: tuple[Letter, ...]


class World(Evaluator):
    """The values of everything at given sizes and points.

    ``drawn`` gives inputs, points first. ``outer`` are the letters of the axes in front: the lanes, and in a moved
    world the moves.
    """

    def __init__(self, sizes: Sizes, sources: Sources, drawn: Mapping[Tensor, Array], points: int) -> None:
        super().__init__(sizes, {t: np.repeat(a, 1 + REPLICAS, axis=0) for t, a in drawn.items()})
        self.sources = sources
        self.points = points
        self.within: Program = sources.program
        self.doubts: set[str] = set()
        self.through_definitions = False
        self.parent: World | None = None
        self._outer((Letter("lane", points * (1 + REPLICAS)),))
        self._derivatives: dict[object, Named] = {}
        self._readings: dict[object, Reading] = {}
        self._pending: set[Tensor] = set()
        self._offset = 0
        self._operands: frozenset[int] = frozenset()
        self._tilt: Array = np.zeros(1)
        for item in sources.program.items:
            members = item.members if isinstance(item, Recurrence) else (item,)
            if any(d.tensor not in self.arrays and sources.chain(d.tensor) is None for d in members):
                self.compute(item)

    def _outer(self, letters: tuple[Letter, ...]) -> None:
        self.outer = letters
        self.outer_lengths = tuple(self.length(x.length) for x in letters)
        self._prefix = tuple(as_index(x) for x in letters)

    # -- tensors

    def array(self, node: Node, letters: tuple[Letter, ...]) -> Array:
        """The value of a node as a full array with these axes; those of the lanes stand in front."""
        return super().array(node, (*self.outer, *letters))

    def tensor(self, tensor: Tensor) -> Array:
        """The array of a tensor, its lanes in front. Raises: KeyError when it is defined by itself."""
        if tensor not in self.arrays:
            self.arrays[tensor] = self._find(tensor)
        return self.arrays[tensor]

    def _find(self, tensor: Tensor) -> Array:
        if self.parent is not None:
            return self.parent.tensor(tensor)
        if tensor in self._pending:
            raise RecursionError(f"{tensor.name!r} is defined by itself")
        self._pending.add(tensor)
        try:
            chain = self.sources.chain(tensor)
            if chain is not None and chain.name is not None:
                context = self.within, self.through_definitions
                self.within, self.through_definitions = chain.within or self.sources.program, False
                try:
                    assert isinstance(chain.start, Node)
                    return self.array(chain.start, chain.letters)
                finally:
                    self.within, self.through_definitions = context
            item = self.sources.item(tensor)
            if item is None:
                raise LookupError(f"no value for {tensor.name!r}")
            self.compute(item)
            return self.arrays[tensor]
        finally:
            self._pending.discard(tensor)

    def read(self, node: Ref) -> Named:
        """The entries of a tensor at indices, lanes in front."""
        extra = self.tensor(node.tensor).ndim - len(node.indices)
        return super().read(Ref(node.tensor, (*self._prefix[:extra], *node.indices)) if extra else node)

    def compute(self, item: Definition | Recurrence, perturb: Mapping[Tensor, Array] | None = None) -> None:
        """Compute a definition or a recurrence in all lanes, ``perturb`` added to what is defined."""
        moved = perturb or {}
        if isinstance(item, Definition):
            value = self.array(item.body, item.letters)
            self.arrays[item.tensor] = value + moved[item.tensor] if item.tensor in moved else value
            return
        lanes, kind = len(self.outer), complex if self.parent is not None else float
        for d in item.members:
            self.arrays[d.tensor] = np.zeros(self.outer_lengths + self._shape(d.tensor), kind)
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

    def drawn(self, tensor: Tensor) -> Array:
        """A tensor at the points, without their replicas."""
        return self.tensor(tensor)[:: 1 + REPLICAS]

    # -- rounding

    def value(self, node: Node) -> Named:
        """The value of a node; in the replicas every operation errs, and so do what it adds, multiplies or takes."""
        operand = id(node) in self._operands
        with self._operating(node.terms if isinstance(node, Add) else ()):
            named = super().value(node)
        exact = isinstance(node, (Number, Position, Ref, Bracket, Partial)) or node.limit is not None
        if exact and not (operand and named.array.dtype.kind in "fc"):
            return named
        letters, array = self._lanes_first(named)
        jittered = self._jittered(array)
        if operand and np.iscomplexobj(jittered):
            tilt = np.abs(jittered.imag).reshape(len(jittered), -1).max(axis=1)
            self._tilt = np.maximum(self._tilt, tilt)
        return Named(jittered, letters)

    def contract(self, factors: Iterable[Node], over: tuple[Letter, ...]) -> Named:
        """The product of the factors, summed over letters: what cancels is seen term by term."""
        listed = tuple(factors)
        with self._operating(f for f in listed if not isinstance(f, Bracket)):
            return super().contract(listed, over)

    def _over(self, node: Over) -> Named:
        """A function along axes is as exact as if its arguments were rounded; its complex step may cancel inside."""
        outside, self._tilt = self._tilt, np.zeros(1)
        try:
            with self._operating(node.arguments):
                named = super()._over(node)
            if not np.iscomplexobj(named.array):
                return named
            letters, array = self._lanes_first(named)
            tilt = np.broadcast_to(self._tilt, len(array)).reshape(-1, *(1,) * (array.ndim - 1))
            return Named(array + 1j * self._mask(array) * self._jitter(array.shape) * tilt * array.real, letters)
        finally:
            self._tilt = outside

    @contextmanager
    def _operating(self, operands: Iterable[Node]) -> Iterator[None]:
        """While this lasts, the operands err too, even those that are exact alone."""
        outside, self._operands = self._operands, frozenset(map(id, operands))
        try:
            yield
        finally:
            self._operands = outside

    def _lanes_first(self, named: Named) -> tuple[tuple[Letter, ...], Array]:
        lane = self.outer[0]
        letters = (lane, *(x for x in named.letters if x is not lane))
        return letters, named.aligned(letters)

    def _mask(self, array: Array) -> Array:
        """0 in the lanes of points, 1 in those of replicas; the lanes are the first axis."""
        replicas = np.arange(len(array)) % (1 + REPLICAS) != 0
        return np.asarray(replicas.reshape(-1, *(1,) * (array.ndim - 1)), dtype=float)

    def _jittered(self, array: Array) -> Array:
        whole = np.broadcast_to(array, (self.outer_lengths[0], *array.shape[1:]))
        mask = self._mask(whole)
        if not np.iscomplexobj(whole):
            return np.asarray(whole * (1 + mask * self._jitter(whole.shape)))
        jittered = np.empty(whole.shape, complex)
        jittered.real = whole.real * (1 + mask * self._jitter(whole.shape))
        jittered.imag = whole.imag * (1 + mask * self._jitter(whole.shape))
        return jittered

    def _jitter(self, shape: tuple[int, ...]) -> Array:
        """Relative errors from the pool, from another place each time, so that no two operations err alike."""
        count = int(np.prod(shape))
        self._offset = (self._offset + count + 7919) % POOL.size
        if self._offset + count <= POOL.size:
            return POOL[self._offset : self._offset + count].reshape(shape)
        return np.resize(np.roll(POOL, -self._offset), shape)

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
            self._readings[about] = Reading(*self.settled(whole), letters)
        return self._readings[about]

    def settled(self, lanes: Array) -> tuple[Array, Array]:
        """The points of an array with lanes, and what rounding can do to them: how far the replicas scatter."""
        split = lanes.reshape(self.points, 1 + REPLICAS, *lanes.shape[1:])
        value = split[:, 0]
        with np.errstate(invalid="ignore"):
            scatter = np.abs(split[:, 1:] - value[:, None]).max(axis=1)
        return value, MARGIN * EPS / JITTER * scatter

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
        slopes, letters, doubtful = (self._differences if nested else self._tilted)(body, node)
        if doubtful.any():
            kind = "d" if node.total else "∂"
            of = "the tangent" if isinstance(node.wrt, Tangent) else node.wrt.tensor.name
            self.doubts.add(f"{kind}({body!r}) by {of} is no derivative at a point: a kink, or the end of a domain")
            poison = np.repeat(doubtful, 1 + REPLICAS, axis=0)
            slopes = np.where(poison.reshape(-1, *(1,) * (slopes.ndim - 1)), np.nan, slopes)
        if isinstance(node.wrt, Tangent):
            return Named(slopes[..., 0], (*self.outer, *letters))
        return Named(slopes.reshape(*slopes.shape[:-1], *self._shape(node.wrt.tensor)), (*self.outer, *letters))

    def _tilted(self, body: Node, node: Partial) -> tuple[Array, tuple[Letter, ...], Flags]:
        """The slopes by the complex step, directions last, and the points where differences do not confirm them."""
        directions, weights = self._directions(node.wrt)
        count = weights.shape[-1]
        rungs = np.concatenate([STEPS, -STEPS])
        moves = {}
        for tensor, direction in directions.items():
            rest = (1,) * (direction.ndim - len(self.outer) - 1)
            along = (direction * weights.reshape(weights.shape + rest)).sum(axis=len(self.outer), keepdims=True)
            differences = along * rungs.reshape(-1, *rest)
            lanes = differences.shape[: len(self.outer)]
            tilts = np.broadcast_to(1j * IMAGINARY * direction, lanes + direction.shape[len(self.outer) :])
            moves[tensor] = np.concatenate([tilts, differences], axis=len(self.outer))
        values, letters = self._along(body, moves, count + len(rungs), node)
        slopes = values[..., :count].imag / IMAGINARY
        weights = weights.reshape(*weights.shape[:-1], *(1,) * len(letters), count)
        return slopes, letters, self._doubtful(values[..., count:].real, (slopes * weights).sum(axis=-1))

    def _differences(self, body: Node, node: Partial) -> tuple[Array, tuple[Letter, ...], Flags]:
        """The slopes by differences along each direction: for what is itself a derivative, taken numerically."""
        directions, weights = self._directions(node.wrt)
        count, lanes = weights.shape[-1], len(self.outer)
        rungs = np.concatenate([STEPS, -STEPS, [0.0]])
        moves = {}
        for tensor, direction in directions.items():
            rest = (1,) * (direction.ndim - lanes - 1)
            reach = direction * weights.reshape(weights.shape + rest)
            steps = np.expand_dims(reach, lanes + 1) * rungs.reshape(-1, *rest)
            moves[tensor] = steps.reshape(*steps.shape[:lanes], count * len(rungs), *steps.shape[lanes + 2 :])
        values, letters = self._along(body, moves, count * len(rungs), node)
        values = values.reshape(*values.shape[:-1], count, len(rungs))
        weights = weights.reshape(*weights.shape[:-1], *(1,) * len(letters), count)
        clean, rounding = self.settled(values)
        half = len(STEPS)
        right, left, centre = clean[..., :half], clean[..., half:-1], clean[..., -1:]
        quotients = np.moveaxis((right - left) / (2 * STEPS), -1, 0)
        noise = rounding.max(axis=-1) + 4 * EPS * np.abs(clean).max(axis=-1)
        value, bound = (part.reshape(noise.shape) for part in _limit(quotients.reshape(half, -1), noise.ravel()))
        # the slope jumps at a kink however small the step
        jump = np.abs(right + left - 2 * centre) / STEPS
        kink = (jump[..., 0] > 0.5 * jump[..., 1]) & (jump[..., 0] > 4 * noise / STEPS[0])
        weight = np.broadcast_to(weights, (*self.outer_lengths, *weights.shape[lanes:]))[:: 1 + REPLICAS]
        size = np.abs(value).reshape(self.points, -1).max(axis=1).reshape(-1, *(1,) * (value.ndim - 1))
        sure = ~kink & (bound <= EVIDENCE * size + EPS)
        value, bound = value / weight, bound / np.abs(weight)
        # what the replicas scatter is read as the bound
        replicas = [value, *(value + sign * bound * JITTER / (MARGIN * EPS) for sign in SIGNS)]
        slopes = np.stack(replicas, axis=1).reshape(-1, *value.shape[1:])
        return slopes, letters, ~sure.reshape(self.points, -1).all(axis=1)

    def _along(
        self, body: Node, moves: Mapping[Tensor, Array], count: int, node: Partial
    ) -> tuple[Array, tuple[Letter, ...]]:
        """The values of a body where tensors are moved, the moves last; and the letters of the other axes."""
        move = Letter("move", count)
        moved = self._moved(move, moves, self.within if node.total else None)
        named = moved.value(body)
        letters = tuple(x for x in named.letters if x not in moved.outer)
        shape = (*moved.outer_lengths, *(self.length(x.length) for x in letters))
        values = np.broadcast_to(named.aligned((*moved.outer, *letters)), shape)
        return np.moveaxis(values, len(self.outer), -1), letters

    def _directions(self, wrt: Ref | Tangent) -> tuple[dict[Tensor, Array], Array]:
        """The directions, with an axis for them after the lanes, and in every lane how far one may go along each.

        The differences go along all of them at once, with weights of both signs and of no symmetry.
        """
        lanes = len(self.outer)
        if isinstance(wrt, Ref):
            here = self._aligned(self.tensor(wrt.tensor), wrt.tensor)
            shape = here.shape[lanes:]
            count = int(np.prod(shape))
            weights = _reach(_flat(here, lanes))
            weights = weights * (1 - 0.5 * np.random.default_rng(count).random(count))
            weights[..., 1::2] *= -1
            return {wrt.tensor: np.eye(count).reshape((1,) * lanes + (count, *shape))}, weights
        found, reach = {}, np.full((1,) * lanes, np.inf)
        for tensor, tangent in wrt.tangents.items():
            here = self._aligned(self.tensor(tensor), tensor)
            along = self._aligned(self.tensor(tangent), tangent)
            found[tensor] = np.expand_dims(along, lanes)
            with np.errstate(divide="ignore", invalid="ignore"):
                steps = _reach(_flat(here, lanes)) / np.abs(_flat(along, lanes))
            reach = np.fmin(reach, steps.min(axis=-1, initial=np.inf))
        return found, np.where(np.isfinite(reach), reach, 1.0)[..., None]

    def _aligned(self, array: Array, tensor: Tensor) -> Array:
        """An array with an axis for every outer letter."""
        own = array.ndim - len(tensor.axes)
        return array.reshape(array.shape[:own] + (1,) * (len(self.outer) - own) + array.shape[own:])

    def _moved(self, move: Letter, moves: Mapping[Tensor, Array], program: Program | None) -> World:
        """The world with tensors moved, and with everything that a program computes from them."""
        moved = World.__new__(World)
        Evaluator.__init__(moved, self.sizes, {})
        moved._numbers, moved._lengths = self._numbers, self._lengths
        moved.sources, moved.points, moved.within, moved.parent = self.sources, self.points, self.within, self
        moved.doubts, moved.through_definitions = self.doubts, False
        moved._derivatives, moved._readings, moved._pending, moved._offset = {}, {}, set(), self._offset + 97
        moved._operands, moved._tilt = frozenset(), np.zeros(1)
        moved._outer((*self.outer, move))
        where = (slice(None),) * len(self.outer) + (None,)
        for tensor, step in moves.items():
            entries = self._aligned(self.tensor(tensor), tensor)[where] + step
            moved.arrays[tensor] = np.broadcast_to(entries, moved.outer_lengths + self._shape(tensor))
        if program is None:
            return moved
        context = Context(program)
        dependents = frozenset().union(*(context.dependents(t) for t in moves))
        full = {t: np.broadcast_to(step, moved.outer_lengths + self._shape(t)) for t, step in moves.items()}
        for item in program.items:
            members = item.members if isinstance(item, Recurrence) else (item,)
            reads = frozenset().union(*(d.body.tensors for d in members))
            if not reads.isdisjoint(dependents):
                moved.compute(item, full)
        return moved

    def _doubtful(self, values: Array, slopes: Array) -> Flags:
        """The points where the complex step and the differences disagree, or the differences know too little.

        Shapes: values (lanes, …, 2·steps), slopes (lanes, …) -> (points,).
        """
        clean, rounding = self.settled(values)
        slope = self.settled(slopes)[0].reshape(self.points, -1)
        half = len(STEPS)
        right, left = clean[..., :half], clean[..., half:]
        quotients = np.moveaxis((right - left) / (2 * STEPS), -1, 0).reshape(half, -1)
        noise = rounding.max(axis=-1).ravel() + 4 * EPS * np.abs(clean).max(axis=-1).ravel()
        value, bound = (part.reshape(slope.shape) for part in _limit(quotients, noise))
        terms = np.maximum(np.abs(clean), rounding / (MARGIN * EPS))
        size = terms.reshape(self.points, -1).max(axis=1, initial=0.0)
        scale = np.maximum(np.abs(slope).max(axis=1, initial=0.0), 1e-3 * size)[:, None]
        sure = (np.abs(slope - value) <= bound + EPS * scale) & (bound <= EVIDENCE * scale + EPS)
        return np.asarray(~sure.all(axis=1))


def _flat(array: Array, lanes: int) -> Array:
    """An array with all axes but those in front in one."""
    return array.reshape(*array.shape[:lanes], -1)


def _reach(values: Array) -> Array:
    """How far each entry may move, as far as its own size tells; entries that are 0 borrow from the others."""
    size = np.abs(values.real)
    largest = size.max(axis=-1, keepdims=True, initial=0.0)
    return np.where(largest > 0, np.maximum(size, 2.0**-8 * largest), 1.0)


def _limit(quotients: Array, noise: Array) -> tuple[Array, Array]:
    """Central differences at STEPS, finest first, extrapolated to the step 0: the limit, and how far it can be off.

    Each three neighbouring steps give one, with twice what the last extrapolation moved and the noise of the values
    as its bound; the one with the smallest bound counts. Shapes: quotients (steps, m), noise (m,) -> (m,), (m,).
    """
    ratio = (STEPS[1:] / STEPS[:-1])[:, None] ** 2
    once = (ratio * quotients[:-1] - quotients[1:]) / (ratio - 1)
    wide = ratio[:-1] * ratio[1:]
    twice = (wide * once[:-1] - once[1:]) / (wide - 1)
    bounds = 2 * np.abs(twice - once[:-1]) + 2 * noise / STEPS[:-2, None]
    best = np.where(np.isfinite(bounds), bounds, np.inf).argmin(axis=0)[None]
    return np.take_along_axis(twice, best, 0)[0], np.take_along_axis(bounds, best, 0)[0]
