"""The NumPy source of a derivation, against numerical derivatives of what it was derived from.

The most important functions are ``check_exported``, ``_Subject.numerically`` (the derivative, from calls alone) and
``_remainder`` (how a Taylor polynomial is tried). A NumPy function is called itself; a program is computed.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from derive.derivation import Check, Derivation
from derive.errors import NotationError
from derive.evaluate import Sizes, run
from derive.nodes import Tensor
from derive.render.numpy import arguments, compiled
from derive.size_algebra import evaluate_size
from verify import numdiff
from verify.assignments import assignments
from verify.relations import Test, at_sizes
from verify.scenes import Stage
from verify.singular import is_singular
from verify.sources import Sources

__all__ = ["check_exported"]

Array = np.ndarray[Any, np.dtype[Any]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]
Given = Mapping[Tensor, Array]

ASSIGNMENTS = 3
"""At how many assignments of sizes the code is tried."""
CLOSE = 1e-9
"""By how much of its largest entry a result may differ beyond the bound of the numerical derivative."""
ROUNDS = 4
ENTRIES = {"hessian": 40, "hvp": 40, "mixed": 40}
"""By how many entries is differentiated one by one; where there are more, along a few random directions."""
MANY = 150
DIRECTIONS = 4
HALVINGS = 9
LONGEST = 0.25
"""How long the largest entry of the displacement of a Taylor polynomial is at first."""
SHORT = 0.3
"""By how much the order of a remainder may fall short."""
ULPS = 8
EPS = float(np.finfo(float).eps)
FLOOR = 1e-13
"""What is smaller than this part of the value is rounding."""


def check_exported(derivation: Derivation, *, seed: int = 0) -> Check:
    """How well the function of ``numpy_source`` agrees with numerical derivatives at three assignments of sizes.

    What is differentiated is the NumPy function that the derivation was made from; where there is none, its program.
    Raises: NotationError where the derivation has no NumPy source.
    """
    if not derivation.results:
        raise NotationError("a derivation without a result has no NumPy source to check")
    function = compiled(derivation)
    with np.errstate(all="ignore"):
        return _check(derivation, function, seed)


def _check(derivation: Derivation, function: Callable[..., Any], seed: int) -> Check:
    program, chain = derivation.program, derivation.results[0]
    traced = program.source is not None
    witness = "numerical derivative of the NumPy function" if traced else "numerical derivative of the program"
    test = Test(chain, None, chain.start, chain.start, "=", witness, "the NumPy source")
    stage = Stage(Sources(program, {}, (program, derivation.derived)), (), seed)
    names = arguments(derivation)
    rng = np.random.default_rng([seed, 2])
    for attempt in range(ROUNDS):
        for sizes in assignments(stage, ASSIGNMENTS, rng):
            world, reason = stage.world(sizes, 1, attempt)
            if world is None:
                test.doubts[reason] = None
                continue
            given = {t: world.drawn(t)[0].copy() for t in names} | dict(program.constants)
            given |= {t: a.astype(int) for t, a in given.items() if t.below is not None}
            subject = _Subject(derivation, function, given, sizes)
            try:
                found = function(**{name: given[t].copy() for t, name in names.items()}, **_asked(function, sizes))
                compared = subject.compared(found)
            except np.linalg.LinAlgError:
                continue
            if isinstance(compared, str):
                test.failure = f"the NumPy source is wrong{at_sizes(sizes)}: {compared}"
                return test.check()
            if compared is not None:
                test.met(1, sizes, compared)
        if max(len(test.sizes), test.points * (not stage.symbols)) >= ASSIGNMENTS:
            break
    return test.check()


def _asked(function: Callable[..., Any], sizes: Sizes) -> dict[str, int]:
    """The sizes that no shape tells, which the function asks for by name."""
    asked = function.__kwdefaults__ or {}
    code = function.__code__
    first = code.co_argcount
    names = code.co_varnames[first : first + code.co_kwonlyargcount]
    return {str(s.name): n for s, n in sizes.items() if str(s.name) in names and str(s.name) not in asked}


@dataclass(frozen=True)
class _Subject:
    """What a derivation differentiates, at one point."""

    derivation: Derivation
    function: Callable[..., Any]
    given: Given
    sizes: Sizes

    @property
    def moving(self) -> tuple[Tensor, ...]:
        return self.derivation.wrt

    @property
    def extra(self) -> Array:
        """The entries of what the derivation adds to the inputs: a cotangent, or the directions."""
        return np.concatenate([np.ravel(self.given[t]) for t in self.derivation.added])

    def value(self, at: Given) -> Array:
        """The output: all entries of all outputs, one after another."""
        program = self.derivation.program
        if program.source is None:
            inputs = {t: at[t] for t in program.inputs}
            arrays = run(program, inputs, self.sizes).arrays
            said = [arrays[t] for t in self.derivation.differentiated]
        else:
            returned = program.source.function(**{t.name: np.array(at[t]) for t in program.source.arguments})
            said = [returned] if len(program.source.outputs) == 1 else list(returned)
            wanted = [program.source.outputs.index(t) for t in self.derivation.differentiated]
            said = [said[m] for m in wanted]
        return np.concatenate([np.ravel(np.asarray(one)) for one in said])

    def moved(self, z: Array) -> Any:
        """The output where the moving tensors have these entries, one after another; a number where it is one."""
        value = self.value({**self.given, **dict(zip(self.moving, self.split(z), strict=True))})
        return value[0] if value.size == 1 else value

    def split(self, z: Array) -> list[Array]:
        """Entries one after another as arrays of the moving tensors' shapes."""
        shapes = [self.given[t].shape for t in self.moving]
        ends = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
        return [part.reshape(shape) for part, shape in zip(np.split(z, ends), shapes, strict=True)]

    def compared(self, found: Any) -> str | float | None:
        """What is wrong, or by how much of the largest entry the code differs; None where nothing can be said."""
        if self.derivation.kind == "taylor":
            return self._remainder()
        known = self.numerically()
        if not np.isfinite(known.value).all() or not np.isfinite(known.bound).all():
            return None
        if known.kink.any():
            return None
        ours = list(found.values()) if isinstance(found, dict) else [found]
        shapes = [tuple(evaluate_size(a, self.sizes) for a in t.axes) for t in self.derivation.derived.outputs]
        for array, shape in zip(ours, shapes, strict=True):
            if np.shape(array) != shape:
                return f"a result has the shape {np.shape(array)}, not {shape}"
        flat = self.along(ours)
        if not np.isfinite(flat).all() and self.is_undefined():
            return None
        value, bound = np.ravel(known.value), np.ravel(known.bound)
        scale = float(np.abs(value).max(initial=0.0)) + float(bound.max(initial=0.0)) + 1e-300
        off = np.abs(flat - value)
        if np.all(off <= bound + CLOSE * scale):
            return float(off.max(initial=0.0) / scale)
        if np.all(off <= bound + self.rounding()):
            return EPS
        return f"an entry differs by {float(np.nan_to_num(off, nan=np.inf).max() / scale):.1e} of the largest"

    def is_undefined(self) -> bool:
        """Whether the result as a formula has no value either, because an operation has no derivative here."""
        derivation = self.derivation
        formula = run(derivation.derived, {t: self.given[t] for t in derivation.derived.inputs}, self.sizes)
        if all(np.isfinite(formula.arrays[t]).all() for t in derivation.derived.outputs):
            return False
        return is_singular(derivation.program, {t: self.given[t] for t in derivation.program.inputs}, self.sizes)

    def rounding(self) -> Array:
        """By how much the code moves when its arguments do by a few units in the last place."""
        rng = np.random.default_rng(1)
        names = arguments(self.derivation)
        moved = []
        for _ in range(ROUNDS):
            near = {
                name: self.given[t] * (1 + ULPS * EPS * rng.uniform(-1, 1, self.given[t].shape))
                if t.below is None
                else self.given[t].copy()
                for t, name in names.items()
            }
            found = self.function(**near, **_asked(self.function, self.sizes))
            moved.append(self.along(list(found.values()) if isinstance(found, dict) else [found]))
        return np.asarray(np.ptp(moved, axis=0) * ROUNDS)

    @cached_property
    def start(self) -> Array:
        """The entries of what moves, one after another."""
        return np.concatenate([np.ravel(self.given[t]) for t in self.moving])

    @cached_property
    def directions(self) -> Array:
        """The directions that are tried, one a column: every entry's own, or a few at random where these are many."""
        n, kind = self.start.size, self.derivation.kind
        if n <= ENTRIES.get(kind, MANY):
            return np.eye(n)
        found = np.random.default_rng(n).normal(size=(n, DIRECTIONS))
        if kind == "mixed" and len(self.moving) > 1:
            # the first two move the first tensor alone, the others the second
            first = np.arange(n) < self.given[self.moving[0]].size
            found[first, DIRECTIONS // 2 :] = found[~first, : DIRECTIONS // 2] = 0
        if kind == "hvp":
            found[:, -1] = self.extra
        return found

    def numerically(self) -> numdiff.Estimate:
        """The derivative along the directions, from calls alone."""
        every = self.directions.shape[1] == self.start.size
        at = self.start if every else np.zeros(self.directions.shape[1])

        def moved(t: Array) -> Any:
            return self.moved(t if every else self.start + self.directions @ t)

        match self.derivation.kind:
            case "gradient":
                return numdiff.gradient(moved, at)
            case "jacobian":
                return numdiff.jacobian(moved, at)
            case "vjp":
                return numdiff.vjp(moved, at, self.extra if np.size(self.moved(self.start)) > 1 else self.extra[0])
            case "jvp":
                return numdiff.jvp(self.moved, self.start, self.extra)
            case "hessian":
                return numdiff.hessian(moved, at)
            case "hvp":
                whole = numdiff.hessian(moved, at)
                v = self.extra if every else np.eye(at.size)[-1]
                kinks: Flags = np.asarray(whole.kink.any(axis=1), dtype=bool)
                return numdiff.Estimate(whole.value @ v, whole.bound @ np.abs(v), kinks, whole.evaluations)
            case "mixed":
                whole = numdiff.hessian(moved, at)
                block = self._sides
                return numdiff.Estimate(whole.value[block], whole.bound[block], whole.kink[block], whole.evaluations)
        raise NotationError(f"no numerical derivative is known for the kind {self.derivation.kind!r}")

    @property
    def _sides(self) -> tuple[slice, slice]:
        """The directions that move the first and the second tensor of a block of second derivatives."""
        count = self.directions.shape[1]
        if len(self.moving) == 1:
            return slice(count), slice(count)
        first = self.given[self.moving[0]].size if count == self.start.size else DIRECTIONS // 2
        return slice(first), slice(first, count)

    def along(self, found: Sequence[Array]) -> Array:
        """Results as what they say of the directions, in the order of ``numerically``."""
        u, n = self.directions, self.start.size
        match self.derivation.kind:
            case "gradient" | "vjp" | "hvp":
                return np.asarray(u.T @ np.concatenate([np.ravel(a) for a in found]))
            case "jacobian":
                sizes = [self.given[t].size for t in self.moving]
                sides = [np.reshape(a, (-1, size)) for a, size in zip(found, sizes, strict=True)]
                return np.ravel(np.concatenate(sides, axis=1) @ u)
            case "hessian":
                return np.ravel(u.T @ np.reshape(found[0], (n, n)) @ u)
            case "mixed":
                m = self.given[self.moving[0]].size
                rows, columns = self._sides
                block = np.reshape(found[0], (m, -1))
                return np.ravel(u[:m, rows].T @ block @ u[n - block.shape[1] :, columns])
        return np.concatenate([np.ravel(a) for a in found])

    def _remainder(self) -> str | float | None:
        """The order in which f(x + v) and the polynomial part, v halved again and again."""
        order = self.derivation.order
        (x,) = self.moving
        (v,) = self.derivation.added
        names, function = arguments(self.derivation), self.function
        errors, large = [], 0.0
        longest = LONGEST / float(np.abs(self.given[v]).max(initial=1e-300))
        for k in range(HALVINGS):
            step = self.given[v] * longest * 2.0**-k
            value = float(self.moved(np.ravel(self.given[x] + step)))
            here = {**self.given, v: step}
            ours = float(function(**{name: here[t] for t, name in names.items()}, **_asked(function, self.sizes)))
            errors.append(abs(value - ours))
            large = max(large, abs(value))
        if not np.isfinite(errors).all():
            return None
        source = self.derivation.program.source
        unit = EPS if source is None else float(np.finfo(source.computed_in).eps)
        clear = [e for e in errors if e > FLOOR * unit / EPS * max(large, 1e-300) * 16]
        if not clear:
            return max(errors) / max(large, 1e-300)
        falls = [np.log2(a / b) for a, b in itertools.pairwise(clear)]
        if len(falls) < 2:
            return None
        if max(falls[-2:]) < order - SHORT:
            return f"the remainder is of order {max(falls[-2:]):.1f} in {v.name}, not {order}"
        return errors[-1] / max(large, 1e-300)
