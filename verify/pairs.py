"""Formulas of the catalogue beside the NumPy layers that compute them: the same output, the same gradients.

Neither is computed from the other: a layer only says how the tensors of a formula are a call of it
(:class:`verify.layer.Pair`). Derived gradients are read off the last lines of their chains, the layer's come from its
backward pass; both are compared with numerical derivatives elsewhere.

The three most important functions are ``pairs`` (of a formula), ``check_pair`` (a check of every result that the
layer computes, too) and ``waiting`` (layers that are not compared with their formula).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from derive.derivation import Chain, Check, Derivation
from derive.evaluate import Sizes
from derive.formula import Formula, catalogue, claims_of
from derive.nodes import Node, Tensor
from derive.size_algebra import evaluate_size
from verify.assignments import assignments
from verify.layer import Array, Layer, Pair
from verify.layers import LAYERS
from verify.scenes import Stage, spread
from verify.sources import Sources
from verify.world import World

__all__ = ["check_pair", "pairs", "waiting"]

ASSIGNMENTS = 3
POINTS = 2
# Both sides are rounded, by different routes.
CLOSE = 1e-9


def pairs(entry: Formula) -> Iterator[tuple[Layer, Pair]]:
    """The layers that compute a formula, and how."""
    return ((layer, layer.pairs[entry.id]) for layer in LAYERS.values() if entry.id in layer.pairs)


def check_pair(entry: Formula, layer: Layer, pair: Pair, seed: int = 0) -> dict[Chain, Check]:
    """The checks of the results that the layer computes, too.

    Raises: LookupError when no derivation of the formula has the tensors and the output that the pair names.
    """
    found: dict[Chain, Check] = {}
    for one in claims_of(entry):
        if one.derivation is not None and _concerns(pair, one.derivation):
            found |= _compared(one.derivation, layer, pair, seed)
    if not found:
        raise LookupError(f"{layer.name}: no derivation of {entry.id} has what the pair names: {_asked(pair)}")
    return found


def waiting() -> Iterator[Layer]:
    """The layers that are not compared with their formula: it is not in the catalogue yet, or they do not say how."""
    known = catalogue()
    return (layer for layer in LAYERS.values() if layer.formula not in known or layer.formula not in layer.pairs)


def _asked(pair: Pair) -> tuple[str, ...]:
    return (*inspect.signature(pair.case).parameters, pair.output)


def _concerns(pair: Pair, derivation: Derivation) -> bool:
    """Whether this derivation is of first order, and has the inputs and the output that a pair names."""
    program = derivation.program
    known = {t.name for t in program.inputs} | {str(size) for size in program.sizes()}
    tensors = known | {d.tensor.name for d in program.definitions()}
    inputs = set(inspect.signature(pair.case).parameters)
    return derivation.kind in ("gradient", "vjp") and inputs <= known and pair.output in tensors


def _compared(derivation: Derivation, layer: Layer, pair: Pair, seed: int) -> dict[Chain, Check]:
    named = {chain.name.tensor: chain for chain in derivation.chains if chain.name is not None}
    stage = Stage(Sources(derivation.program, named, (derivation.derived,)), derivation.chains, seed)
    results = {chain: chain.name.tensor.primal for chain in derivation.results if chain.name is not None}
    read = set(inspect.signature(pair.case).parameters)
    checked = {chain: tensor for chain, tensor in results.items() if tensor is not None and tensor.name in read}
    errors = dict.fromkeys(checked, 0.0)
    said: dict[Chain, str] = {}
    tried: list[Sizes] = []
    count = 0
    for sizes in assignments(stage, ASSIGNMENTS, np.random.default_rng([seed, 2])):
        world, _ = stage.world(sizes, POINTS, len(tried))
        if world is None:
            continue
        tried.append(sizes)
        for point in range(world.points):
            count += 1
            ours = _Call(derivation, layer, pair, world, point)
            for chain, tensor in checked.items():
                assert isinstance(chain.result, Node)
                reading = world.reading(chain.result)
                theirs = spread(reading.value, reading.letters, chain.letters)[point]
                gradient = ours.pulled_back(tensor)
                largest = max(np.max(np.abs(theirs), initial=0.0), np.max(np.abs(gradient), initial=0.0))
                error = float(np.max(np.abs(theirs - gradient), initial=0.0) / (largest or 1.0))
                errors[chain] = max(errors[chain], error)
                if not error <= CLOSE and chain not in said:
                    said[chain] = f"the layer {layer.name} has another gradient of {tensor.name}{_at(sizes)}"
            if not ours.apart <= CLOSE:
                said |= {chain: f"the layer {layer.name} has another {pair.output}{_at(sizes)}" for chain in checked}
    shown = tuple(tuple((str(size), number) for size, number in sizes.items()) for sizes in tried)
    return {
        chain: Check(
            "fails" if chain in said else "holds" if count else "not exercised",
            f"NumPy layer {layer.name}",
            count,
            shown,
            errors[chain],
            said.get(chain, ""),
        )
        for chain in checked
    }


def _at(sizes: Sizes) -> str:
    return "".join(f", {size} = {number}" for size, number in sizes.items())


class _Call:
    """A layer called on the values of a formula's tensors at one point."""

    def __init__(self, derivation: Derivation, layer: Layer, pair: Pair, world: World, point: int) -> None:
        program = derivation.program
        self.layer, self.pair = layer, pair
        tensors = {t.name: t for t in program.inputs}
        sizes: Mapping[str, Any] = {str(size): evaluate_size(size, world.sizes) for size in program.sizes()}
        asked = inspect.signature(pair.case).parameters
        self.values = {n: world.drawn(tensors[n])[point] if n in tensors else sizes[n] for n in asked}
        case = pair.case(**self.values)
        output, saved = layer.forward(*case.inputs, **case.options)
        tensor = program.tensor(pair.output)
        expected = world.drawn(tensor)[point]
        found = pair.read(output)
        largest = float(np.max(np.abs(expected), initial=0.0))
        self.apart = float(np.max(np.abs(found - expected), initial=0.0)) / (largest or 1.0)
        bar = self._cotangent(derivation, tensor, world, point)
        # the transpose of reading: what an entry of the layer's output brings, it gets
        d_output = _transposed(lambda one: float(np.sum(bar * pair.read(one))), output)
        self.gradients = layer.backward(d_output, saved)

    @staticmethod
    def _cotangent(derivation: Derivation, tensor: Tensor, world: World, point: int) -> Array:
        if derivation.kind == "gradient" and tensor is derivation.program.output:
            return np.ones(())
        return np.asarray(world.drawn(derivation.tensor(f"d_{tensor.name}"))[point])

    def pulled_back(self, tensor: Tensor) -> Array:
        """The gradient of a tensor of the formula: what a move of an entry of it moves, taken together."""
        value = self.values[tensor.name]
        start = self.pair.case(**{**self.values, tensor.name: np.zeros_like(value)}).inputs
        found: Array = np.zeros_like(value)
        for place in np.ndindex(value.shape):
            moved = np.zeros_like(value)
            moved[place] = 1.0
            case = self.pair.case(**{**self.values, tensor.name: moved})
            found[place] = sum(
                np.sum(self.gradients[name] * (after - before))
                for name, before, after in zip(self.layer.inputs, start, case.inputs, strict=False)
                if name in self.gradients
            )
        return found


def _transposed(functional: Callable[[Any], float], output: Any) -> Any:
    """The coefficients of a linear functional of an output, in the output's form."""
    parts = [np.zeros(np.shape(one)) for one in (output if isinstance(output, tuple) else (output,))]
    found = [np.zeros_like(one) for one in parts]
    for k, part in enumerate(parts):
        for place in np.ndindex(part.shape):
            part[place] = 1.0
            found[k][place] = functional(tuple(parts) if isinstance(output, tuple) else parts[0])
            part[place] = 0.0
    return tuple(found) if isinstance(output, tuple) else found[0]
