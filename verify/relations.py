"""One line against numbers: equal, at most, at least, or up to a remainder; entry by entry, as rounding lets one see.

The most important functions are ``compare`` and ``fall`` (the order of a remainder); ``Test`` holds what is tested,
and what the points said of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from derive.derivation import Chain, Check, Step
from derive.errors import NotationError
from derive.evaluate import Array, Evaluator, Sizes
from derive.index import Letter
from derive.matrix import MatrixForm
from derive.nodes import Node, Tensor
from derive.program import Program
from derive.statements import Statement
from verify.assignments import named
from verify.replicas import EPS, MARGIN
from verify.scenes import Flags, Stage, same_infinity, spread, truth
from verify.world import Reading, World

__all__ = ["Test", "at_sizes", "compare", "fall", "shrinking"]

# A remainder of order k falls by 2^k when its cause is halved. Halvings, and how far the order may fall short.
HALVINGS = 9
SHORT = 0.15
# The small tensor is so large at first.
LARGEST = 0.25


@dataclass(eq=False)
class Test:
    """One relation to be tested, and what the points said of it so far."""

    chain: Chain
    step: Step | None
    before: Node | Statement
    after: Node | Statement
    relation: str
    witness: str
    place: str
    small: Tensor | None = None
    order: int = 0
    within: Program | None = None
    form: MatrixForm | None = None
    points: int = 0
    sizes: dict[tuple[tuple[str, int], ...], None] = field(default_factory=dict)
    error: float = 0.0
    failure: str = ""
    doubts: dict[str, None] = field(default_factory=dict)
    waiting: dict[Statement, None] = field(init=False)
    tied: dict[Statement, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        conditions = self.step.conditions if self.step is not None else ()
        # what is said in words only is not tried
        self.waiting = dict.fromkeys(c for c in conditions if isinstance(c, Statement))

    def under_conditions(self, world: World, points: Flags) -> None:
        """Notes which conditions hold at these points, and which are between infinities that tie wherever they are.

        An entry is enough to hold: a condition may be needed for one branch only, or under a bracket.
        """
        for condition in tuple(self.waiting):
            if truth(world, condition, infinite=True)[points].any():
                del self.waiting[condition]
                self.tied.pop(condition, None)
            elif points.any():
                ties = condition.relation == "≠" and bool(same_infinity(world, condition)[points].all())
                self.tied[condition] = self.tied.get(condition, True) and ties

    @property
    def unmet(self) -> tuple[Statement, ...]:
        """The conditions that held nowhere, and are about numbers.

        How a choice between infinities that tie moves is unknown to numerical derivatives, so where these have a
        value it does not depend on the choice.
        """
        return tuple(condition for condition in self.waiting if not self.tied.get(condition))

    @property
    def exercised(self) -> bool:
        return (self.points > 0 and not self.unmet) or bool(self.failure)

    def met(self, points: int, sizes: Sizes, error: float) -> None:
        """The relation held at these points."""
        self.points += points
        self.sizes.setdefault(named(sizes))
        self.error = max(self.error, error)

    def check(self) -> Check:
        """What the points said."""
        if self.failure:
            return Check("fails", self.witness, self.points, tuple(self.sizes), self.error, self.failure)
        if self.points and not self.unmet:
            ties = [f"the sides of its condition {condition!r} are the same infinity" for condition in self.waiting]
            return Check(
                "holds", self.witness, self.points, tuple(self.sizes), self.error, "; ".join((self.place, *ties))
            )
        unmet = [f"its condition {condition!r} held for no entry of any point" for condition in self.unmet]
        reason = "; ".join((*self.doubts, *unmet)) or "no point was found at which both sides are finite"
        return Check("not exercised", self.witness, message=f"{self.place} was not exercised: {reason}")


def _both(test: Test, world: World) -> tuple[Reading, Reading]:
    """The readings of both sides of a line."""
    assert isinstance(test.before, Node)
    assert isinstance(test.after, Node)
    world.within = test.within or test.chain.within or world.sources.program
    if test.form is not None:
        before = world.reading(test.before)
        return before, _by_matrices(world, test.form, before, test.after.tensors)
    rule = test.step.rule if test.step is not None else ""
    return (
        world.reading(test.before, through_definitions=rule == "definition"),
        world.reading(test.after, through_definitions=rule == "chain"),
    )


def _by_matrices(world: World, form: MatrixForm, index: Reading, tensors: Iterable[Tensor]) -> Reading:
    """What a matrix form says at every point, as exactly as the index form it is compared with."""
    values = []
    for point in range(world.points):
        arrays = {tensor: world.drawn(tensor)[point] for tensor in tensors}
        with np.errstate(all="ignore"):
            values.append(form.evaluate(Evaluator(world.sizes, arrays)))
    bound = spread(index.bound, index.letters, form.letters)
    return Reading(np.stack(values), np.broadcast_to(bound, (world.points, *values[0].shape)), form.letters)


def _aligned(world: World, before: Reading, after: Reading) -> tuple[tuple[Letter, ...], Array, Array, Array]:
    """Both sides with the same axes, and what rounding can do to their difference."""
    letters = tuple(dict.fromkeys((*before.letters, *after.letters)))
    shape = (world.points, *(world.length(x.length) for x in letters))

    def full(array: Array, reading: Reading) -> Array:
        return np.broadcast_to(spread(array, reading.letters, letters), shape)

    bound = full(before.bound, before) + full(after.bound, after)
    return letters, full(before.value, before), full(after.value, after), bound


def compare(test: Test, world: World, sizes: Sizes) -> None:
    """Equal, at most or at least, entry by entry, as far as rounding lets one see."""
    letters, b, a, bound = _aligned(world, *_both(test, world))
    flat = (world.points, -1)
    good = np.isfinite(b).reshape(flat).all(axis=1) & np.isfinite(a).reshape(flat).all(axis=1)
    good &= np.isfinite(bound).reshape(flat).all(axis=1)
    if not good.any():
        for name, side in (("before", b), ("after", a)):
            if not np.isfinite(side).any():
                test.doubts[f"the side {name} the relation is finite nowhere"] = None
        return
    test.under_conditions(world, np.asarray(good))
    b, a, bound = b[good], a[good], bound[good]
    excess = {"=": np.abs(a - b), "≤": b - a, "≥": a - b}[test.relation]
    if test.relation == "≥":
        excess = a - b
    bound = bound + EPS * (np.abs(a) + np.abs(b))
    # the scale of a sum is that of its terms, which the scatter of the replicas remembers
    scale = np.maximum(np.maximum(np.abs(a), np.abs(b)), bound * (1 / (MARGIN * EPS)))
    scale = scale.reshape(len(b), -1).max(axis=1).reshape((-1,) + (1,) * (b.ndim - 1))
    relative = np.divide(excess, scale, out=np.zeros_like(excess), where=scale > 0)
    wrong = excess > bound
    if wrong.any():
        test.points += len(b)
        test.sizes.setdefault(named(sizes))
        test.error = max(test.error, float(relative[wrong].max()))
        if not test.failure:
            worst = np.unravel_index(np.where(wrong, relative, -np.inf).argmax(), relative.shape)
            test.failure = _failure(test, letters, b, a, bound, wrong, worst, sizes)
        return
    test.met(len(b), sizes, float(np.maximum(relative, 0).max()))


def _failure(
    test: Test,
    letters: tuple[Letter, ...],
    before: Array,
    after: Array,
    bound: Array,
    wrong: Array,
    worst: tuple[np.intp, ...],
    sizes: Sizes,
) -> str:
    entry = ", ".join(f"{x.name}={k}" for x, k in zip(letters, worst[1:], strict=True))
    share = int(wrong[worst[0]].sum())
    relation = {"=": "is equal to", "≤": "is at most", "≥": "is at least"}[test.relation]
    return (
        f"{test.place} is wrong at {share} of {wrong[worst[0]].size} entries{at_sizes(sizes)}\n"
        f"  it says that   {test.before!r}\n"
        f"  {relation:<14} {test.after!r}\n"
        f"  worst entry    {entry or 'the only one'}\n"
        f"  before         {before[worst]:+.12g}\n"
        f"  after          {after[worst]:+.12g}   (± {bound[worst]:.1g})"
    )


def at_sizes(sizes: Sizes) -> str:
    listed = ", ".join(f"{name}={value}" for name, value in named(sizes))
    return f" (at {listed})" if listed else ""


def shrinking(world: World, stage: Stage, small: Tensor) -> World:
    """The points of a world, each again and again with the small tensor halved."""
    drawn = {}
    factors = 2.0 ** -np.arange(HALVINGS)
    for tensor in stage.given:
        clean = world.arrays[tensor].reshape(world.points, -1, *world.arrays[tensor].shape[1:])[:, 0]
        repeated = np.repeat(clean, HALVINGS, axis=0)
        if tensor is small:
            largest = np.abs(clean).max(initial=0.0)
            along = np.tile(factors, world.points) * (LARGEST / largest if largest > 0 else 1.0)
            repeated = repeated * along.reshape(-1, *(1,) * (clean.ndim - 1))
        drawn[tensor] = repeated
    if small not in drawn:
        raise NotationError(f"{small.name!r} is small, but it is computed and not given")
    return World.at(world.sizes, world.sources, drawn, world.points * HALVINGS)


def fall(test: Test, world: World, points: int, sizes: Sizes) -> None:
    """The remainder over the claimed power of its cause stays bounded: what of it falls faster is removed first."""
    assert test.small is not None
    _, b, a, bound = _aligned(world, *_both(test, world))
    power = 2.0 ** (test.order * np.arange(HALVINGS))[:, None]
    rest = (a - b).reshape(points, HALVINGS, -1) * power
    noise = (bound + EPS * (np.abs(a) + np.abs(b))).reshape(points, HALVINGS, -1) * power
    held, fallen = 0, []
    finite = np.isfinite(rest).reshape(points, -1).all(axis=1)
    test.under_conditions(world, np.repeat(finite, HALVINGS))
    for at in np.flatnonzero(finite):
        if (np.abs(rest[at, 0]) <= 8 * noise[at, 0]).all():
            held += 1
            continue
        once, doubt = 2 * rest[at, 1:] - rest[at, :-1], 2 * noise[at, 1:] + noise[at, :-1]
        twice, doubt = (4 * once[1:] - once[:-1]) / 3, (4 * doubt[1:] + doubt[:-1]) / 3
        seen = np.abs(twice).max(axis=1)
        clear = seen > 8 * doubt.max(axis=1)
        count = len(clear) if clear.all() else int(np.argmin(clear))
        if count < 2:
            test.doubts["the remainder drowns in rounding before its order shows"] = None
            continue
        slope = test.order - float(np.log2(seen[count - 1] / seen[count - 2]))
        if slope >= test.order - SHORT:
            held += 1
            continue
        first, last = np.abs(rest[at, [0, count + 1]] / power[[0, count + 1]]).max(axis=1)
        fallen.append(
            f"{test.place} is wrong{at_sizes(sizes)}: the remainder falls like {test.small.name}^{slope:.2f}, "
            f"not like {test.small.name}^{test.order}; it is {first:.3g} at first and {last:.3g} "
            f"after {count + 1} halvings\n  it says that   {test.before!r}\n  is about       {test.after!r}"
        )
    # a point that a kink is near falls as it likes
    if len(fallen) > held:
        test.failure = fallen[0]
    elif held:
        test.met(held, sizes, 0.0)
