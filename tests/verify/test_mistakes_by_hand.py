"""The backward passes written by hand: the right ones are right, the wrong ones are wrong, and how."""

import copy
import inspect
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from tests.beside import mistakes
from verify.numdiff import vjp

TABLE = mistakes()
BY_HAND = "benchmarks.mistakes.by_hand"
AREAS = [area for area in TABLE.AREAS if area.__name__.startswith(BY_HAND)]
WRONG = {one.name: one for area in AREAS for one in area.MISTAKES}
RIGHT = {one.name: one for area in AREAS for one in area.CORRECT}

KINDS = {
    "scale",
    "sign",
    "axis",
    "path",
    "index",
    "stats",
    "mask",
    "gate",
    "accumulate",
    "ties",
    "cache",
    "cotangent",
    "subtle",
    "local",
    "region",
    "precision",
    "contract",
}

# What varies within 1e-6 of the size of its inputs and less: there a complex step is the witness.
TOO_NEAR = ("solve: condition 1e8", "standardised with a mean of 1e6")

# How a mistake shows; those not listed give another gradient at their inputs, for a random signed cotangent.
SHOWN: dict[str, str] = {
    "affine: one too many": "count",
    "affine: one too few": "count",
    "chosen entries: nothing for the integers": "count",
    "affine: complex": "dtype",
    "affine: single precision": "dtype",
    "softmax in single precision: double precision": "dtype",
    "affine: NaN": "not finite",
    "affine: infinite": "not finite",
    "affine: b None": "none",
    "scores, saved: k missing": "none",
    "affine: b with an axis kept": "shape",
    "affine: b not summed": "shape",
    "affine: w turned": "shape",
    "affine: w per example": "shape",
    "affine: b a number": "shape",
    "affine: x flattened": "shape",
    "sum: a number": "shape",
    "sum: one row": "shape",
    "projection: w without its axis": "shape",
    "errors of a column: y broadcast": "shape",
    "errors of a column: y as a column": "shape",
    "scores, saved: k turned": "shape",
    "affine: raises": "raises",
    "sum: asserts ones": "raises",
    "sum: length of the cotangent": "raises",
    "sum: first entry of the cotangent": "raises",
    "scores, saved: writes to what was saved": "writes to saved",
    "scores, saved: squares what was saved": "writes to saved",
    "scores, saved: updates the input": "writes to inputs",
    "gated tanh: tanh in place": "writes to inputs",
    "gated tanh: updates a parameter": "writes to inputs",
    "gated tanh: input clipped": "writes to inputs",
    "gated tanh: cotangent multiplied in place": "writes to cotangent",
    "gated tanh: cotangent zeroed": "writes to cotangent",
    "gated tanh: cotangent as the result": "writes to cotangent",
    "gated tanh: results in buffers": "overwrites earlier results",
    "gated tanh: one result in a buffer": "overwrites earlier results",
    "gated tanh: every second call reversed": "changes from call to call",
    "gated tanh: noise": "changes from call to call",
    "dense: added to the last gradient": "changes from call to call",
    "dropout and dense: mask drawn again": "changes from call to call",
    "sum of two: the cotangent itself": "shares memory",
    "sum of two: a view of the cotangent": "shares memory",
    "sum of two: one array for both": "shares memory",
    "sum of two: views of one array": "shares memory",
    "dense: the last input": "stale after another forward",
    "dense: the last output": "stale after another forward",
    "dense: the last input and output": "stale after another forward",
    "dense: the top of a stack": "stale after another forward",
    "dense, saved: a workspace": "stale after another forward",
    "centred: running mean": "stale after another forward",
    "cubes: order of memory": "fortran",
    "cubes: by the bytes of x": "fortran",
    "cubes: into a copy": "fortran",
    "cubes: only contiguous inputs": "fortran",
    "cubes: order of the cotangent's memory": "fortran cotangent",
    "cubes: shape set in place": "strided",
    "cubes: by its buffer": "strided",
    "cubes: by a memoryview": "strided",
    "cubes: by strides": "strided",
    "cubes: only contiguous cotangents": "strided",
    "gated tanh: correct for small": "large",
    "gated tanh: clipped at 100": "large",
    "gated tanh: tiny gradients dropped": "small",
    "sum: 1 where it is 0": "zero",
    "sum of products: at most 1": "positive",
    "relu6: 6 forgotten, at small inputs": "elsewhere",
    "x³ + x: beyond 5 as linear": "elsewhere",
    "x² at positive x: absolute value": "elsewhere",
    "x² at positive x: wrong beyond 10": "elsewhere",
    "three pieces: lower branch with plus": "elsewhere",
    "three pieces: upper branch missing": "elsewhere",
    "three pieces: upper branch of the loss": "elsewhere",
}

# Other inputs, where those of the table do not show the mistake.
ELSEWHERE: dict[str, Callable[..., tuple[Any, ...]]] = {
    "relu6: 6 forgotten, at small inputs": lambda x: (10 * x,),
    "x³ + x: beyond 5 as linear": lambda x: (10 * x,),
    "x² at positive x: absolute value": lambda x: (-x,),
    "x² at positive x: wrong beyond 10": lambda x: (20 * x,),
    "three pieces: lower branch with plus": lambda x: (3 * x,),
    "three pieces: upper branch missing": lambda x: (3 * x,),
    "three pieces: upper branch of the loss": lambda x: (3 * x,),
}

Case = Any
Arrays = tuple[Any, ...]


def forward_of(case: Case, inputs: Arrays) -> tuple[Any, Any]:
    """The output, and what goes to the backward pass beside the cotangent."""
    if case.saved:
        output, saved = case.forward(*inputs)
        return output, (saved,)
    return case.forward(*inputs), inputs


def named(case: Case, result: Any) -> list[Any]:
    """The gradients, in the order of the inputs."""
    if isinstance(result, dict):
        names = list(inspect.signature(case.forward).parameters)
        assert set(result) <= set(names)
        return [result.get(name) for name in names]
    assert isinstance(result, tuple)
    return list(result)


def cotangent_of(output: Any, rng: np.random.Generator) -> Any:
    if isinstance(output, tuple):
        return tuple(cotangent_of(part, rng) for part in output)
    drawn = np.asarray(rng.uniform(0.5, 1.5, np.shape(output)) * rng.choice([-1.0, 1.0], np.shape(output)))
    dtype = np.asarray(output).dtype
    return drawn.astype(dtype if dtype.kind == "f" else np.float64)


def mapped(change: Callable[[Any], Any], cotangent: Any) -> Any:
    return tuple(map(change, cotangent)) if isinstance(cotangent, tuple) else change(cotangent)


def arrays(value: Any) -> Iterator[np.ndarray[Any, Any]]:
    """All arrays in a nest of tuples, lists and dicts."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from arrays(part)
    elif isinstance(value, tuple | list):
        for part in value:
            yield from arrays(part)


def same(one: Any, other: Any) -> bool:
    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(arrays(one), arrays(other), strict=True))


def differ(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return (one is None) != (other is None)
    if np.shape(one) != np.shape(other):
        return True
    if np.iscomplexobj(one):
        return True
    wanted = np.asarray(other, dtype=np.float64)
    tolerance = 1e-10 if np.asarray(other).dtype == np.float64 else 1e-4
    # At the size of each entry: inputs of very different sizes have gradients of very different sizes.
    with np.errstate(invalid="ignore"):
        off = np.abs(np.asarray(one, dtype=np.float64) - wanted) > tolerance * np.abs(wanted) + 1e-30
    return bool(np.any(off | (np.isnan(wanted) != np.isnan(np.asarray(one, dtype=np.float64)))))


def any_differ(ones: list[Any], others: list[Any]) -> bool:
    return len(ones) != len(others) or any(differ(a, b) for a, b in zip(ones, others, strict=True))


def strided(array: Any) -> Any:
    """The same values, in every second place of a larger array laid out the other way."""
    array = np.asarray(array)
    if array.ndim == 0:
        return np.array([array, array])[1]
    wide = np.full(tuple(2 * n for n in array.shape[::-1]), 7.0, dtype=array.dtype).T
    view = wide[tuple(slice(None, None, 2) for _ in array.shape)]
    view[...] = array
    return view


def fortran(array: Any) -> Any:
    return np.asfortranarray(array) if np.ndim(array) > 1 else array


class Trial:
    """What is broken by a backward pass, beside the right one of the same forward pass."""

    def __init__(self, case: Case, backward: Callable[..., Any], right: Callable[..., Any]) -> None:
        self.case, self.backward, self.right = case, backward, right
        self.inputs = case.draw()
        self.rng = np.random.default_rng(5)

    def once(self, backward: Callable[..., Any], inputs: Arrays, cotangent: Any) -> list[Any]:
        _, rest = forward_of(self.case, copy.deepcopy(inputs))
        return named(self.case, backward(cotangent, *rest))

    def unlike(self, inputs: Arrays, change: Callable[[Any], Any], change_right: Any = None) -> bool:
        """Whether it raises or differs from the right one for a changed cotangent."""
        cotangent = cotangent_of(forward_of(self.case, copy.deepcopy(inputs))[0], np.random.default_rng(8))
        with np.errstate(all="ignore"):
            wanted = self.once(self.right, inputs, mapped(change_right or change, cotangent))
            try:
                return any_differ(self.once(self.backward, inputs, mapped(change, cotangent)), wanted)
            except Exception:
                return True

    def broken(self) -> Iterator[str]:
        case, inputs = self.case, copy.deepcopy(self.inputs)
        output, rest = forward_of(case, inputs)
        cotangent = cotangent_of(output, self.rng)
        kept = copy.deepcopy((inputs, cotangent, rest))
        wanted = self.once(self.right, kept[0], copy.deepcopy(cotangent))
        try:
            got = named(case, self.backward(cotangent, *rest))
        except Exception:
            yield "raises"
            return
        found = copy.deepcopy(got)
        for what, now, before in zip(("inputs", "cotangent", "saved"), (inputs, cotangent, rest), kept, strict=True):
            if not same(now, before) and (what != "saved" or case.saved):
                yield f"writes to {what}"
        for index, one in enumerate(arrays(got)):
            if any(np.shares_memory(one, other) for other in arrays((inputs, cotangent, rest))):
                yield "shares memory"
            if any(np.shares_memory(one, other) for other in list(arrays(got))[:index]):
                yield "shares memory"
        if len(got) != len(inputs):
            yield "count"
            return
        for one, other, given in zip(got, wanted, inputs, strict=True):
            if (one is None) != (other is None):
                yield "none"
            elif one is not None:
                if np.shape(one) != np.shape(given):
                    yield "shape"
                if np.asarray(one).dtype != np.asarray(given).dtype:
                    yield "dtype"
                if not np.all(np.isfinite(one)):
                    yield "not finite"
        if any_differ(got, wanted):
            yield "differs"
        yield from self.in_sequence(kept[0], cotangent, rest, got, found)
        yield from self.for_other_layouts(kept[0])
        if case.name in ELSEWHERE and self.unlike(ELSEWHERE[case.name](*kept[0]), lambda d: d):
            yield "elsewhere"

    def in_sequence(self, inputs: Arrays, cotangent: Any, rest: Any, got: Any, found: Any) -> Iterator[str]:
        """Calls after the first: the same again, other values, and the first ones after others."""
        case = self.case
        again = named(case, self.backward(copy.deepcopy(cotangent), *copy.deepcopy(rest)))
        if not same(again, found):
            yield "changes from call to call"
        others = case.draw(1)
        output, other_rest = forward_of(case, others)
        other_cotangent = cotangent_of(output, self.rng)
        late = named(case, self.backward(copy.deepcopy(cotangent), *copy.deepcopy(rest)))
        if not same(late, found):
            yield "stale after another forward"
        self.backward(other_cotangent, *other_rest)
        if not same(got, found):
            yield "overwrites earlier results"

    def for_other_layouts(self, inputs: Arrays) -> Iterator[str]:
        if self.unlike(tuple(map(fortran, inputs)), lambda d: d):
            yield "fortran"
        if self.unlike(inputs, strided, lambda d: d):
            yield "strided"
        if self.unlike(inputs, fortran, lambda d: d):
            yield "fortran cotangent"
        if self.unlike(inputs, lambda d: np.broadcast_to(np.asarray(d)[..., :1], np.shape(d)) if np.ndim(d) else d):
            yield "broadcast"
        if self.unlike(inputs, lambda d: d[()]):
            yield "number"
        for name, change in (
            ("negative", lambda d: -np.abs(d)),
            ("small", lambda d: 1e-6 * d),
            ("positive", lambda d: 3 * np.abs(d)),
            ("large", lambda d: 1e6 * d),
            ("zero", lambda d: 0 * d),
            ("one entry", only_first),
        ):
            if self.unlike(inputs, lambda d, change=change: np.asarray(change(d), dtype=np.asarray(d).dtype)):  # type: ignore[misc]
                yield name


def only_first(d: Any) -> Any:
    out = np.zeros_like(d)
    out.flat[:1] = np.asarray(d).flat[:1]
    return out


def moved(one: Case) -> Arrays:
    """Inputs near those of the case, away from kinks: moved a little, in proportion to their sizes."""
    rng = np.random.default_rng(4)
    return tuple(
        np.asarray(x * (1 + 0.1 * rng.uniform(-1, 1, np.shape(x)))) if np.asarray(x).dtype.kind == "f" else x
        for x in one.draw()
    )


def ravelled(output: Any) -> Any:
    parts = output if isinstance(output, tuple) else (output,)
    return np.concatenate([np.ravel(part) for part in parts]).astype(
        np.complex128 if any(np.iscomplexobj(part) for part in parts) else np.float64
    )


def by_complex_step(f: Callable[..., Any], x: Any, cotangent: Any) -> Any:
    out = np.empty(x.shape)
    for place in np.ndindex(x.shape):
        moved = x.astype(np.complex128)
        moved[place] += 1e-30j
        out[place] = np.sum(cotangent * f(moved).imag) / 1e-30
    return out


def compared(case: Case, right: Callable[..., Any], inputs: Arrays) -> int:
    """Compare all gradients with numerical ones where these can be known; how many entries were."""
    exact = tuple(np.asarray(x, dtype=np.float64) if np.asarray(x).dtype.kind == "f" else x for x in inputs)
    with np.errstate(all="ignore"):
        output, rest = forward_of(case, exact)
        if not np.all(np.isfinite(ravelled(output))):
            return 0
    cotangent = cotangent_of(output, np.random.default_rng(3))
    got = named(case, right(cotangent, *rest))
    assert len(got) == len(inputs)
    done = 0
    for position, (gradient, x) in enumerate(zip(got, exact, strict=True)):
        if gradient is None:
            assert np.asarray(x).dtype.kind not in "f"
            continue
        assert np.shape(gradient) == np.shape(x)

        def of_one(z: Any, position: int = position) -> Any:
            return ravelled(forward_of(case, (*exact[:position], z, *exact[position + 1 :]))[0])

        if case.name.startswith(TOO_NEAR):
            known = by_complex_step(of_one, x, ravelled(cotangent))
            np.testing.assert_allclose(gradient, known, rtol=0, atol=1e-6 * np.max(np.abs(known)))
            done += known.size
            continue
        known = vjp(of_one, x, ravelled(cotangent))
        sure = np.isfinite(known.bound) & ~known.kink
        size = np.abs(known.value)
        off = np.abs(known.value - gradient) > known.bound + 1e-7 * (
            size + 1e-3 * np.max(size, initial=0, where=sure)
        )
        assert not np.any(off & sure), (position, gradient, known)
        done += int(np.sum(sure))
    return done


def test_every_kind_is_known_and_exercised() -> None:
    assert WRONG
    for one in WRONG.values():
        assert {one.kind, *one.or_kind} <= KINDS, one.name
    assert min(Counter(one.kind for one in WRONG.values()).values()) >= 5
    assert {one.kind for one in WRONG.values()} == KINDS
    assert SHOWN.keys() <= WRONG.keys()
    assert ELSEWHERE.keys() <= WRONG.keys()


@pytest.mark.parametrize("name", WRONG)
def test_the_wrong_pass_is_wrong(name: str) -> None:
    one = WRONG[name]
    assert SHOWN.get(name, "differs") in set(Trial(one, one.backward, one.right).broken())


@pytest.mark.parametrize("name", WRONG)
def test_the_right_pass_beside_a_wrong_one_keeps_its_contract(name: str) -> None:
    one = WRONG[name]
    assert not set(Trial(one, one.right, one.right).broken())


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_pass_keeps_its_contract(name: str) -> None:
    one = RIGHT[name]
    assert not set(Trial(one, one.backward, one.backward).broken())


def right_of(case: Case) -> Any:
    return case.backward if case.name in RIGHT else case.right


# Mistakes of one family share the right pass and the inputs.
DIFFERENT = {(one.forward, right_of(one), one.inputs): one for one in [*WRONG.values(), *RIGHT.values()]}


@pytest.mark.parametrize("one", DIFFERENT.values(), ids=lambda one: one.name)
def test_the_right_pass_agrees_with_differences(one: Case) -> None:
    right = right_of(one)
    inputs = one.draw()
    done = compared(one, right, inputs)
    if one.hard:
        done += compared(one, right, moved(one))
    assert done or not any(np.size(x) for x in inputs if np.asarray(x).dtype.kind == "f")


@pytest.mark.parametrize("name", WRONG)
def test_the_culprits_are_those_whose_gradient_is_wrong(name: str) -> None:
    one = WRONG[name]
    if one.culprits is None or name in SHOWN:
        return
    trial = Trial(one, one.backward, one.right)
    cotangent = cotangent_of(forward_of(one, one.draw())[0], trial.rng)
    wrong = trial.once(one.backward, one.draw(), cotangent)
    right = trial.once(one.right, one.draw(), cotangent)
    assert one.culprits == tuple(i for i, (a, b) in enumerate(zip(wrong, right, strict=True)) if differ(a, b))
