"""Every step of a derivation, checked by routes that share nothing with it.

A line says that what stands there now is equal to (at most, at least, implied by, or up to a remainder) what stood
there before. Both sides are evaluated at drawn sizes and points; a derivative that is still open is taken
numerically, and so are the cotangents and tangents that chains name. Every result is compared with its start as a
whole, with its matrix form, with the form that was expected, with second differences where it is of second order,
and at tiny sizes with SymPy's own derivative.

The function is ``check_derivation``. ``relations`` holds one comparison for each kind of relation, ``assignments``
draws sizes, ``scenes`` points; ``world`` evaluates there, ``slopes`` differentiates, ``components`` asks SymPy.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import singledispatch

import numpy as np

from derive.definitions import Definition
from derive.derivation import Chain, Check, Derivation, Evidence, Step
from derive.errors import NotationError
from derive.evaluate import Sizes
from derive.formula import Claim, Formula, claims_of
from derive.matrix import matrix_form_of
from derive.nodes import Apply, Node, Over, Partial, Ref, Tensor
from derive.program import Program
from derive.render.text import plain
from derive.statements import Statement
from derive.tree import map_children, substitute, walk
from verify.assignments import assignments, tiny, volume
from verify.called import call_at, called
from verify.components import exact_check
from verify.relations import Test, at_sizes, compare, fall, shrinking
from verify.scenes import Stage, holds, solved
from verify.sources import Sources
from verify.world import World

__all__ = ["check_derivation"]

ASSIGNMENTS = 3
# Rounds of fresh points for what could not be exercised, because of a kink or a condition that did not hold.
ROUNDS = 4
# So many times as many points where a function has branches: each must be met on both sides.
BRANCHES = 6
NO_SIZES = "no sizes were found for which every axis has an entry and every number is finite"
# Points at which a premise may happen to hold.
PREMISES = 48
# At a point that was solved for, both sides may be off by more than rounding: the point itself is.
SLACK = 2.0**10
# Numbers in the largest array that second differences may need.
EVALUATIONS = 2e6


def check_derivation(
    subject: Derivation | Claim | Formula, *, seed: int = 0, points: int = 3, exact: bool = True
) -> Evidence:
    """The checks of every step (substeps too) and every result, at ``points`` points for each assignment of sizes.

    There are three assignments, and more where brackets have edges that these do not meet. A step that was never
    evaluated at a finite point where its assumptions hold is "not exercised", never passed. ``exact`` also compares
    the results with SymPy's derivatives of the components at tiny sizes.
    """
    steps: dict[Step, Check] = {}
    chains: dict[Chain, tuple[Check, ...]] = {}
    for part in _parts(subject):
        found_steps, found_chains = _Checker(part, seed, points, exact).run()
        for step, check in found_steps.items():
            steps[step] = _worse(steps[step], check) if step in steps else check
        for chain, checks in found_chains.items():
            chains[chain] = (*chains.get(chain, ()), *checks)
    return Evidence(steps, chains, seed)


@dataclass(frozen=True, eq=False)
class _Part:
    """What is checked in one go: chains about one program."""

    program: Program
    chains: tuple[Chain, ...]
    expected: dict[Chain, Node]
    derivation: Derivation | None
    given: tuple[Chain, ...] = ()


@singledispatch
def _parts(subject: object) -> list[_Part]:
    raise TypeError(f"a derivation, a claim or a formula can be checked, not {type(subject).__name__}")


@_parts.register
def _(subject: Derivation) -> list[_Part]:
    return [_Part(subject.program, subject.chains, {}, subject)]


@_parts.register
def _(subject: Claim) -> list[_Part]:
    return [_Part(subject.program, subject.chains, dict(subject.expected), subject.derivation, subject.given)]


@_parts.register
def _(subject: Formula) -> list[_Part]:
    return [part for claim in claims_of(subject) for part in _parts(claim)]


def _worse(a: Check, b: Check) -> Check:
    order = ("fails", "not exercised", "holds")
    return min(a, b, key=lambda check: order.index(check.outcome))


# ------------------------------------------------------------------------------------------------- what is tested


def _witness(*sides: Node | Statement) -> str:
    for side in sides:
        for node in (side.left, side.right) if isinstance(side, Statement) else (side,):
            if any(isinstance(below, Partial) for below in walk(node)):
                return "numerical derivative"
    return "values"


def _title(chain: Chain) -> str:
    if chain.name is not None:
        return f"the chain of {plain(chain.name)}"
    return f"the chain from {chain.start!r}"


def _step_tests(chain: Chain, within: str = "") -> Iterator[Test]:
    """A test for every step of a chain, those of substeps included."""
    for number, step in enumerate(chain.steps, 1):
        place = f"line {number} of {within}{_title(chain)} ({step.rule})"
        witness = {"≈": "order of the remainder", "⇒": "points where the premise holds"}.get(
            step.relation, _witness(step.before, step.after)
        )
        yield Test(chain, step, step.before, step.after, step.relation, witness, place, step.small, step.order)
        for sub in step.substeps:
            yield from _step_tests(sub, f"{within}{_title(chain)}, line {number}: ")


def _whole(chain: Chain) -> Test | None:
    """The chain from its start to its result; None where the relations of its lines do not add up to one."""
    relations = {step.relation for step in chain.steps}
    if len(chain.steps) < 2 or len(relations - {"="}) > 1:
        return None
    (relation,) = (relations - {"="}) or {"="}
    small, order = None, 0
    witness = _witness(chain.start, chain.result)
    if relation == "≈":
        causes = {step.small for step in chain.steps if step.relation == "≈"}
        if len(causes) != 1:
            return None
        (small,) = causes
        order = min(step.order for step in chain.steps if step.relation == "≈")
        witness = "order of the remainder"
    elif relation == "⇒":
        witness = "points where the premise holds"
    place = f"the result of {_title(chain)}"
    return Test(chain, None, chain.start, chain.result, relation, witness, place, small, order)


def _in_matrices(chain: Chain) -> Test | None:
    """The matrix form of a result against its index form; None where there is none."""
    form = matrix_form_of(chain) if chain.name is not None and chain.steps else None
    if form is None:
        return None
    place = f"the matrix form {form.text()} of the result of {_title(chain)}"
    return Test(chain, None, chain.result, chain.result, "=", "matrix form", place, form=form)


def _second_order(chain: Chain, sources: Sources) -> Iterator[Test]:
    """The result against a derivative of a derivative of the forward program, where that is what it stands for."""
    if not isinstance(chain.start, Partial) or any(step.relation != "=" for step in chain.steps):
        return
    unfolded = _unfolded(chain.start, sources)
    if unfolded is not chain.start and _depth(unfolded) == 2:
        place = f"the result of {_title(chain)}, by second differences,"
        yield Test(chain, None, unfolded, chain.result, "=", "second differences", place, within=sources.program)


def _unfolded(node: Node, sources: Sources) -> Node:
    """A node with the names of derivatives replaced by the derivatives of the forward program that they stand for."""
    if isinstance(node, Ref) and sources.program.definition(node.tensor) is None:
        chain, item = sources.chain(node.tensor), sources.item(node.tensor)
        if chain is not None and isinstance(chain.start, Node):
            return _unfolded(substitute(chain.start, dict(zip(chain.letters, node.indices, strict=True))), sources)
        if isinstance(item, Definition):
            return _unfolded(item.at(*node.indices), sources)
    return map_children(node, lambda child: _unfolded(child, sources))


def _evaluations(node: Node | Statement, sizes: Sizes, stage: Stage) -> float:
    """About how many numbers the derivative of a derivative needs: moves for each entry, and within each again."""
    assert isinstance(node, Node)
    moves = 1.0
    for below in walk(node):
        if isinstance(below, Partial):
            wrt = (below.wrt.tensor,) if isinstance(below.wrt, Ref) else ()
            moves *= 13.0 * max([1.0, *(volume(t.axes, sizes) for t in wrt)])
    return moves * max(volume(t.axes, sizes) for t in stage.tensors)


def _depth(node: Node) -> int:
    """How many derivatives stand inside one another."""
    inside = max(map(_depth, node.children()), default=0)
    return inside + 1 if isinstance(node, Partial) else inside


# ----------------------------------------------------------------------------------------------------- the checker


class _Checker:
    """All tests of one part, and the worlds in which they are made."""

    def __init__(self, part: _Part, seed: int, points: int, exact: bool) -> None:
        self.part, self.seed, self.points, self.exact = part, seed, points, exact
        derived = (part.derivation.derived,) if part.derivation is not None else ()
        withins = tuple(dict.fromkeys(c.within for c in _nested((*part.given, *part.chains)) if c.within is not None))
        named: dict[Tensor, Chain] = {}
        for chain in _nested((*part.given, *part.chains)):
            if chain.name is not None:
                named.setdefault(chain.name.tensor, chain)
        self.stage = Stage(Sources(part.program, named, (*withins, *derived)), (*part.given, *part.chains), seed)
        self.tests: list[Test] = []
        self.second: list[Test] = []
        self.called = called(part.program, part.derivation)
        seen: set[Step] = set()
        for chain in part.chains:
            for test in _step_tests(chain):
                assert test.step is not None
                if test.step not in seen:
                    seen.add(test.step)
                    self.tests.append(test)
            self.tests += [test for test in (_whole(chain), _in_matrices(chain)) if test is not None]
            if part.derivation is not None and chain in part.derivation.results:
                self.second += _second_order(chain, self.stage.sources)
            if chain in part.expected:
                place = f"the form expected of {_title(chain)}"
                form = part.expected[chain]
                self.tests.append(Test(chain, None, chain.result, form, "=", "expected form", place))

    @property
    def results(self) -> tuple[Chain, ...]:
        """The chains whose results are compared with SymPy's."""
        if self.part.derivation is not None:
            return tuple(c for c in self.part.derivation.results if c in self.part.chains)
        return tuple(c for c in self.part.chains if c.name is not None and isinstance(c.start, Partial))

    def run(self) -> tuple[dict[Step, Check], dict[Chain, tuple[Check, ...]]]:
        # points outside of a domain are drawn, and left out afterwards
        with np.errstate(all="ignore"):
            return self._run()

    def _run(self) -> tuple[dict[Step, Check], dict[Chain, tuple[Check, ...]]]:
        rng = np.random.default_rng([self.seed, 1])
        draws = itertools.count()
        for attempt in range(ROUNDS):
            open_ = [test for test in self.tests if not test.exercised]
            if not open_:
                break
            settings = assignments(self.stage, ASSIGNMENTS, rng)
            if not settings:
                for test in open_:
                    test.doubts[NO_SIZES] = None
            elif attempt == 0:
                self.points *= max(ASSIGNMENTS // len(settings), 1) * (BRANCHES if self._branches() else 1)
            for sizes in settings:
                self._at(sizes, open_, next(draws))
        for test in self.second:
            self._twice(test, rng)
        if self.called is not None:
            self.tests.append(self.called)
        steps = {test.step: test.check() for test in self.tests if test.step is not None}
        chains: dict[Chain, tuple[Check, ...]] = dict.fromkeys(self.part.chains, ())
        for test in self.tests:
            if test.step is None:
                chains[test.chain] = (*chains[test.chain], test.check())
        for test in self.second:
            if test.exercised:
                chains[test.chain] = (*chains[test.chain], test.check())
            else:
                remark = "second differences were left out: they need too many numbers"
                chains[test.chain] = tuple(_remark(check, remark) for check in chains[test.chain])
        if self.exact:
            for chain in self.results:
                found = exact_check(self.stage, chain, self.seed)
                if isinstance(found, Check):
                    chains[chain] = (*chains[chain], found)
                else:
                    chains[chain] = tuple(_remark(check, f"SymPy was left out: {found}") for check in chains[chain])
        return steps, chains

    def _branches(self) -> bool:
        """Whether a function with a kink decides what numbers are met, so that few points may miss a branch."""
        bodies = [d.body for d in self.part.program.definitions()]
        sides = [side for chain in self.part.chains for side in (chain.start, chain.result) if isinstance(side, Node)]
        return any(
            isinstance(node, (Apply, Over)) and node.function.kinks
            for side in (*bodies, *sides)
            for node in walk(side)
        )

    def _at(self, sizes: Sizes, tests: Sequence[Test], attempt: int) -> None:
        """All tests at one assignment of sizes."""
        world, reason = self.stage.world(sizes, self.points, attempt)
        if world is None:
            for test in tests:
                test.doubts[reason] = None
            return
        if self.called is not None:
            call_at(self.called, world, self.part.program, sizes)
        shrunk: dict[Tensor, World] = {}
        for test in tests:
            world.doubts.clear()
            try:
                match test.relation:
                    case "≈":
                        self._shrink(test, world, sizes, shrunk)
                    case "⇒":
                        self._imply(test, sizes, attempt)
                    case _:
                        compare(test, world, sizes)
            except (NotationError, LookupError, RecursionError) as error:
                test.doubts[f"it has no value: {error}"] = None
            test.doubts.update(dict.fromkeys(world.doubts))

    def _twice(self, test: Test, rng: np.random.Generator) -> None:
        """The result against second differences, at one point of small sizes: they are costly."""
        assert isinstance(test.before, Partial)
        settings = [*assignments(self.stage, ASSIGNMENTS, rng), *tiny(self.stage, rng)]
        for sizes in sorted(settings, key=lambda s: _evaluations(test.before, s, self.stage), reverse=True):
            if _evaluations(test.before, sizes, self.stage) > EVALUATIONS:
                continue
            world, _ = self.stage.world(sizes, 1, 0)
            if world is not None:
                compare(test, world, sizes)
            if test.exercised:
                return

    def _shrink(self, test: Test, world: World, sizes: Sizes, shrunk: dict[Tensor, World]) -> None:
        """The remainder falls as its order says when its cause is halved again and again."""
        if test.small is None or test.order < 1:
            test.doubts["a line with ≈ names its small tensor and the order of what is left out"] = None
            return
        if test.small not in shrunk:
            shrunk[test.small] = shrinking(world, self.stage, test.small)
        fall(test, shrunk[test.small], world.points, sizes)

    def _imply(self, test: Test, sizes: Sizes, attempt: int) -> None:
        """Where the premise holds, the conclusion does."""
        assert isinstance(test.before, Statement)
        assert isinstance(test.after, Statement)
        world, reason = self.stage.world(sizes, PREMISES, attempt)
        if world is None:
            test.doubts[reason] = None
            return
        world.within = test.chain.within or self.part.program
        premise, slack = holds(world, test.before), 1.0
        if not premise.any() and test.before.relation == "=":
            # no random point solves an equation; these are known to rounding only
            slack = SLACK
            few, _ = self.stage.world(sizes, self.points, attempt)
            assert few is not None
            few.within = world.within
            world = solved(self.stage, few, test.before) or world
            premise = holds(world, test.before, slack)
        if not premise.any():
            test.doubts[f"the premise {test.before!r} held at no point"] = None
            return
        conclusion = holds(world, test.after, slack)
        wrong = np.flatnonzero(premise & ~conclusion)
        if wrong.size:
            test.failure = (
                f"{test.place} is wrong: {test.before!r} holds at {int(premise.sum())} points, "
                f"but {test.after!r} fails at {wrong.size} of them{at_sizes(sizes)}"
            )
            return
        test.under_conditions(world, premise)
        test.met(int(premise.sum()), sizes, 0.0)


def _remark(check: Check, text: str) -> Check:
    """A check that holds, with what could not be compared beside it."""
    return replace(check, message=f"{check.message}; {text}") if check.outcome == "holds" else check


def _nested(chains: Iterable[Chain]) -> Iterator[Chain]:
    for chain in chains:
        yield chain
        for step in chain.steps:
            yield from _nested(step.substeps)
