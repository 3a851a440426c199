"""The table of mistakes: what is called wrong is wrong in the way that is named; what is called right is not."""

import copy
import functools
import inspect
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.beside import mistakes
from verify.backward_pass import KINDS
from verify.layers import LAYERS
from verify.numdiff import vjp

TABLE = mistakes()
MISTAKES, CORRECT, WAYS = TABLE.MISTAKES, TABLE.CORRECT, TABLE.WAYS
BY_HAND = {
    one.name
    for area in TABLE.AREAS
    if area.__name__.startswith("benchmarks.mistakes.by_hand")
    for one in (*area.MISTAKES, *area.CORRECT)
}

# What varies within 1e-6 of the size of its inputs and less: there a complex step is the witness.
TOO_NEAR = ("solve: condition 1e8", "standardised with a mean of 1e6")

Row = Any
Arrays = tuple[Any, ...]
Gradients = dict[Any, Any]


def forward_of(row: Row, inputs: Arrays) -> tuple[Any, Arrays]:
    """The output, and what goes to the backward pass beside the cotangent."""
    if row.saved:
        output, saved = row.forward(*inputs)
        return output, (saved,)
    return row.forward(*inputs), inputs


def by_position(row: Row, result: Any) -> Gradients:
    """The gradients by the positions of their inputs, without those that are None."""
    if not isinstance(result, dict):
        return {k: gradient for k, gradient in enumerate(result) if gradient is not None}
    names = [
        one.name
        for one in inspect.signature(row.forward).parameters.values()
        if one.kind is one.POSITIONAL_OR_KEYWORD
    ]
    return {names.index(name) if name in names else name: gradient for name, gradient in result.items()}


def gradients(row: Row, backward: Callable[..., Any], cotangent: Any, rest: Arrays) -> Gradients:
    with np.errstate(all="ignore"):
        return by_position(row, backward(cotangent, *rest))


def once(row: Row, backward: Callable[..., Any], inputs: Arrays, cotangent: Any) -> Gradients:
    """The gradients after a forward pass, all with memory of their own."""
    _, rest = forward_of(row, copied(inputs))
    return gradients(row, backward, copied(cotangent), rest)


def cotangent_of(output: Any, seed: int = 5) -> Any:
    """Numbers of both signs, of one size."""
    rng = np.random.default_rng(seed)

    def drawn(part: Any) -> Any:
        dtype = np.asarray(part).dtype
        signed = np.asarray(rng.uniform(0.5, 1.5, np.shape(part)) * rng.choice([-1.0, 1.0], np.shape(part)))
        return signed.astype(dtype if dtype.kind == "f" else np.float64)

    return mapped(drawn, output)


def mapped(change: Callable[[Any], Any], cotangent: Any) -> Any:
    return tuple(map(change, cotangent)) if isinstance(cotangent, tuple) else change(cotangent)


def arrays(value: Any) -> Iterator[np.ndarray[Any, Any]]:
    """All arrays in a nest of tuples, lists and dictionaries."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, dict | tuple | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from arrays(part)


def copied(value: Any) -> Any:
    """Arrays in memory of their own, in the same order, in tuples of tuples."""
    if isinstance(value, tuple):
        return tuple(map(copied, value))
    return value.copy(order="K") if isinstance(value, np.ndarray) else value


def same(one: Any, other: Any) -> bool:
    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(arrays(one), arrays(other), strict=True))


def differ(one: Any, other: Any) -> bool:
    """Whether two gradients differ beyond rounding, at the size of each entry."""
    if np.shape(one) != np.shape(other) or np.iscomplexobj(one):
        return True
    tolerance = 1e-10 if np.asarray(other).dtype == np.float64 else 1e-4
    one, other = np.asarray(one, np.float64), np.asarray(other, np.float64)
    with np.errstate(invalid="ignore"):
        off = np.abs(one - other) > tolerance * np.abs(other) + 1e-30
    return bool(np.any(off | (np.isnan(other) != np.isnan(one))))


def different(ones: Gradients, others: Gradients) -> set[Any]:
    """The positions of what is in one only, or differs."""
    return (set(ones) ^ set(others)) | {k for k in set(ones) & set(others) if differ(ones[k], others[k])}


def fortran(array: Any) -> Any:
    return np.asfortranarray(array) if np.ndim(array) > 1 else array


def strided(array: Any) -> Any:
    """The same values, in every second place of a larger array laid out the other way."""
    array = np.asarray(array)
    if array.ndim == 0:
        return np.array([array, array])[1]
    wide = np.full(tuple(2 * n for n in array.shape[::-1]), 7.0, dtype=array.dtype).T
    view = wide[tuple(slice(None, None, 2) for _ in array.shape)]
    view[...] = array
    return view


LAID_OUT: dict[str, Callable[[Any], Any]] = {
    "a cotangent in Fortran order": fortran,
    "a strided cotangent": strided,
}
CHANGED: dict[str, Callable[[Any], Any]] = {
    "a large cotangent": lambda d: 1e6 * d,
    "a small cotangent": lambda d: 1e-6 * d,
    "a positive cotangent": lambda d: 3 * np.abs(d),
    "a cotangent of zeros": lambda d: 0 * d,
}
IN_SEQUENCE = ("a second call", "the first result after a second call", "another forward pass")


class Trial:
    """What is wrong with a backward pass beside the right one of the same forward pass, by the way it shows."""

    def __init__(self, row: Row) -> None:
        self.row = row
        one = row.righted() if isinstance(row, TABLE.Mistake) else row.fresh()
        self.right = functools.partial(once, one, one.backward)
        self.inputs = row.draw()
        self.cotangent = cotangent_of(forward_of(row.fresh(), copied(self.inputs))[0])

    def shown(self, way: str) -> set[Any]:
        """The positions of the gradients that this way of looking shows to be wrong; None where no one is."""
        if way in CHANGED or way in LAID_OUT:
            return self.unlike(self.inputs, way)
        if way == "inputs in Fortran order":
            return self.unlike(tuple(map(fortran, self.inputs)), way)
        if way == "elsewhere":
            return self.unlike(self.row.elsewhere(*copied(self.inputs)), way)
        if way in IN_SEQUENCE:
            return self.in_sequence(way)
        return {k for what, k in self.one_call() if way in (what, TABLE.ONE_CALL)}

    def unlike(self, inputs: Arrays, way: str) -> set[Any]:
        """For other inputs, and a cotangent that is changed; the right pass gets it in the usual layout."""
        one = self.row.fresh()
        change = CHANGED.get(way, lambda d: d)
        with np.errstate(all="ignore"):  # half precision overflows
            cotangent = mapped(lambda d: np.asarray(change(d), np.asarray(d).dtype), self.cotangent)
            wanted = self.right(inputs, cotangent)
            _, rest = forward_of(one, copied(inputs))
        try:
            return different(
                gradients(one, one.backward, mapped(LAID_OUT.get(way, lambda d: d), cotangent), rest), wanted
            )
        except Exception:
            return {None}

    def in_sequence(self, way: str) -> set[Any]:
        """After other calls: the same again, other inputs, and the first ones after these."""
        one, other_inputs = self.row.fresh(), self.row.draw(1)
        inputs, cotangent = copied(self.inputs), self.cotangent
        output, rest = forward_of(one, inputs)
        wanted = self.right(self.inputs, cotangent)
        if way == "another forward pass":
            forward_of(one, other_inputs)
            return different(gradients(one, one.backward, copied(cotangent), rest), wanted)
        first = gradients(one, one.backward, copied(cotangent), rest)
        if way == "the first result after a second call":
            kept = copy.deepcopy(first)
            gradients(one, one.backward, cotangent_of(output, 6), rest)
            return different(first, kept)
        wrong = different(gradients(one, one.backward, copied(cotangent), rest), wanted)
        other_output, other_rest = forward_of(one, copied(other_inputs))
        other_cotangent = cotangent_of(other_output, 6)
        there = gradients(one, one.backward, copied(other_cotangent), other_rest)
        wrong |= different(there, self.right(other_inputs, other_cotangent))
        return wrong | different(gradients(one, one.backward, copied(cotangent), rest), wanted)

    def one_call(self) -> Iterator[tuple[str, Any]]:
        """What is wrong in one call, and with which gradient."""
        one = self.row.fresh()
        inputs, cotangent = copied(self.inputs), copied(self.cotangent)
        output, rest = forward_of(one, inputs)
        kept = copy.deepcopy((inputs, cotangent, rest))
        wanted = self.right(self.inputs, cotangent)
        try:
            with np.errstate(all="ignore"):
                result = one.backward(cotangent, *rest)
        except Exception:
            yield "raises", None
            return
        got = by_position(one, result)
        named = zip(("inputs", "cotangent"), (inputs, cotangent), kept[:2], strict=True)
        yield from ((f"writes to the {what}", None) for what, now, before in named if not same(now, before))
        if one.saved and not same(rest, kept[2]):
            yield "writes to what was saved", None
        if not isinstance(result, dict) and len(result) != len(inputs):
            yield "count", None
            return
        yield from (("None", k) for k in set(got) ^ set(wanted))
        seen = list(arrays((inputs, cotangent, rest)))
        for k in set(got) & set(wanted):
            if any(np.shares_memory(got[k], other) for other in seen):
                yield "shares memory", k
            seen += arrays(got[k])
            if np.shape(got[k]) != np.shape(inputs[k]):
                yield "shape", k
            elif np.asarray(got[k]).dtype != np.asarray(inputs[k]).dtype:
                yield "dtype", k
            elif np.any(np.isfinite(wanted[k]) & ~np.isfinite(got[k])):
                yield "not finite", k
            elif differ(got[k], wanted[k]):
                yield "differs", k


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_shows(name: str) -> None:
    one = MISTAKES[name]
    shown = Trial(one).shown(one.shown_by)
    assert shown
    if one.culprits is not None:
        assert shown == set(one.culprits)


# Mistakes of one family share the right pass and the inputs.
DIFFERENT = {
    (one.family, repr(getattr(one.forward, "keywords", one.forward)), one.inputs): one.righted()
    for one in MISTAKES.values()
}
RIGHT = {one.name: one for one in (*DIFFERENT.values(), *CORRECT.values())}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_pass_keeps_its_contract(name: str) -> None:
    one = RIGHT[name]
    trial = Trial(one)
    broken = {way: trial.shown(way) for way in WAYS if way != "elsewhere"}
    assert not any(broken.values()), broken
    got = trial.right(trial.inputs, trial.cotangent)
    assert got
    assert all(np.asarray(trial.inputs[k]).dtype.kind == "f" for k in got)
    assert all(np.all(np.isfinite(gradient)) for gradient in got.values())


def moved(one: Row) -> Arrays:
    """Inputs near those of the row, away from kinks: moved a little, in proportion to their sizes."""
    rng = np.random.default_rng(4)
    return tuple(
        np.asarray(x * (1 + 0.1 * rng.uniform(-1, 1, np.shape(x)))) if np.asarray(x).dtype.kind == "f" else x
        for x in one.draw()
    )


def ravelled(output: Any) -> Any:
    parts = output if isinstance(output, tuple) else (output,)
    dtype = np.complex128 if any(map(np.iscomplexobj, parts)) else np.float64
    return np.concatenate([np.ravel(part) for part in parts]).astype(dtype)


def by_complex_step(f: Callable[..., Any], x: Any, cotangent: Any) -> Any:
    out = np.empty(x.shape)
    for place in np.ndindex(x.shape):
        near = x.astype(np.complex128)
        near[place] += 1e-30j
        out[place] = np.sum(cotangent * f(near).imag) / 1e-30
    return out


def compared(one: Row, inputs: Arrays) -> int:
    """Compare all gradients with numerical ones where these can be known; how many entries were."""
    exact = tuple(np.asarray(x, np.float64) if np.asarray(x).dtype.kind == "f" else x for x in inputs)
    with np.errstate(all="ignore"):
        output, rest = forward_of(one, exact)
    if not np.all(np.isfinite(ravelled(output))):
        return 0
    cotangent = cotangent_of(output, 3)
    got = gradients(one, one.backward, cotangent, rest)
    assert set(got) == {k for k, x in enumerate(exact) if np.asarray(x).dtype.kind == "f"}
    done = 0
    for k, gradient in got.items():
        assert np.shape(gradient) == np.shape(exact[k])

        def of_one(z: Any, k: int = k) -> Any:
            return ravelled(forward_of(one, (*exact[:k], z, *exact[k + 1 :]))[0])

        if one.name.startswith(TOO_NEAR):
            known = by_complex_step(of_one, exact[k], ravelled(cotangent))
            np.testing.assert_allclose(gradient, known, rtol=0, atol=1e-6 * np.max(np.abs(known)))
            done += known.size
            continue
        known = vjp(of_one, exact[k], ravelled(cotangent))
        sure = np.isfinite(known.bound) & ~known.kink
        size = np.abs(known.value)
        off = np.abs(known.value - gradient) > known.bound + 1e-7 * (
            size + 1e-3 * np.max(size, initial=0, where=sure)
        )
        assert not np.any(off & sure), (k, gradient, known)
        done += int(np.sum(sure))
    return done


# The layers are compared with numerical derivatives in their own tests.
COMPARED = [name for name in RIGHT if name in BY_HAND]
RARELY = [pytest.param(name, marks=pytest.mark.campaign) for k, name in enumerate(COMPARED) if k % 3]


@pytest.mark.parametrize("name", [*COMPARED[::3], *RARELY])
def test_a_right_pass_agrees_with_differences(name: str) -> None:
    one = RIGHT[name]
    done = compared(one.fresh(), one.draw())
    if one.hard:
        done += compared(one.fresh(), moved(one))
    assert done or not any(np.size(x) for x in one.draw() if np.asarray(x).dtype.kind == "f")


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_small_and_its_kind_is_known(name: str) -> None:
    one = MISTAKES[name]
    assert {one.kind, *one.or_kind} <= set(KINDS) - {"wrong"}
    assert one.kind not in one.or_kind
    assert all(x.size < 400 for x in arrays(one.draw()))
    assert same(one.draw(3), one.draw(3))


@pytest.mark.parametrize("name", [name for name, one in MISTAKES.items() if one.shown_by in IN_SEQUENCE])
def test_a_fresh_mistake_remembers_no_call(name: str) -> None:
    one = MISTAKES[name]
    first = Trial(one).shown(one.shown_by)
    assert Trial(one).shown(one.shown_by) == first


def test_every_layer_every_kind_and_every_way_occurs() -> None:
    families = Counter(one.family for one in MISTAKES.values())
    assert {name: families[name] for name in LAYERS if families[name] < 4} == {}
    kinds = Counter(one.kind for one in MISTAKES.values())
    assert {kind: kinds[kind] for kind in KINDS if kinds[kind] < 8} == ({"wrong": 0})
    assert {one.shown_by for one in MISTAKES.values()} == set(WAYS)
    assert len(MISTAKES) >= 900
    assert len(CORRECT) >= 230


def test_a_way_that_is_not_known_is_refused() -> None:
    one = next(iter(MISTAKES.values()))
    with pytest.raises(ValueError, match="none of WAYS"):
        replace(one, shown_by="luck")
    with pytest.raises(ValueError, match="elsewhere"):
        replace(one, shown_by="elsewhere")
