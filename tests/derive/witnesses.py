"""What the engine's results are held against: numbers by differences, and SymPy's derivatives of the components.

``drawn`` gives a point inside the domains of inputs. The numerical witness calls only the forward program;
the exact one does not call the evaluator at all.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import sympy

from derive.evaluate import Evaluator, run
from derive.nodes import Tensor
from derive.program import Program
from derive.size_algebra import evaluate_size
from derive.symbolic import Components
from verify.numdiff import Estimate

Array = np.ndarray[Any, np.dtype[Any]]
Values = dict[Tensor, Array]
Sizes = dict[sympy.Symbol, int]

DIGITS = 60
EXACT = sympy.Float(10) ** -45


def seeded(*parts: object) -> np.random.Generator:
    """A generator that depends on the names of a case only."""
    return np.random.default_rng(zlib.crc32(repr(parts).encode()))


def assigned(program: Program, named: Mapping[str, int]) -> Sizes:
    """Sizes by symbol from sizes by name."""
    return {symbol: named[symbol.name] for symbol in program.sizes()}


def shape(tensor: Tensor, sizes: Sizes) -> tuple[int, ...]:
    return tuple(evaluate_size(axis, sizes) for axis in tensor.axes)


def drawn(tensors: Iterable[Tensor], sizes: Sizes, rng: np.random.Generator) -> Values:
    """Values with short decimals, inside the domain of each tensor."""
    return {tensor: _draw(tensor, shape(tensor, sizes), sizes, rng) for tensor in tensors}


def _draw(tensor: Tensor, axes: tuple[int, ...], sizes: Sizes, rng: np.random.Generator) -> Array:
    if tensor.below is not None:
        return rng.integers(0, evaluate_size(tensor.below, sizes), axes)
    match tensor.domain:
        case "real":
            return np.round(rng.normal(size=axes) + 0.1 * rng.choice([-1, 1], axes), 3)
        case "positive":
            return np.round(rng.uniform(0.4, 2.2, axes), 3)
        case "simplex":
            return rng.dirichlet(np.ones(axes[-1]), axes[:-1])
        case "positive definite":
            root = np.round(rng.normal(size=axes), 2)
            return root @ root.T + axes[0] * np.eye(axes[0])
    raise NotImplementedError(tensor.domain)


def value(program: Program, values: Values, sizes: Sizes, output: Tensor | None = None) -> Array:
    """The value of an output."""
    return run(program, values, sizes).arrays[program.output if output is None else output]


def values_of(program: Program, values: Values, sizes: Sizes) -> list[Array]:
    """The values of all outputs."""
    evaluator: Evaluator = run(program, values, sizes)
    return [evaluator.arrays[t] for t in program.outputs]


def seen_from(
    program: Program, tensor: Tensor, values: Values, sizes: Sizes, output: Tensor | None = None
) -> Callable[[Array], Array]:
    """An output as a function of one input, the others fixed."""
    return lambda x: value(program, {**values, tensor: x}, sizes, output)


def agrees(found: Array, estimate: Estimate, *, relative: float = 1e-10, sharp: float = 1e-5) -> None:
    """The numbers agree within the estimate's own bound, which must be worth something."""
    assert found.shape == estimate.value.shape
    scale = max(float(np.max(np.abs(estimate.value), initial=0.0)), float(np.max(np.abs(found), initial=0.0)), 1e-3)
    assert not estimate.kink.any(), "the point is at a kink: this would check nothing"
    assert np.all(estimate.bound <= sharp * scale), f"bound {np.max(estimate.bound)} at scale {scale} checks nothing"
    error = np.abs(found - estimate.value) - estimate.bound
    assert np.all(error <= relative * scale), f"off by {np.max(error)}: {found} against {estimate.value}"


def same(a: Array, b: Array, relative: float = 1e-10) -> None:
    """Two arrays of one shape agree, relative to their size."""
    assert np.shape(a) == np.shape(b)
    scale = max(float(np.max(np.abs(a), initial=0.0)), float(np.max(np.abs(b), initial=0.0)))
    assert np.all(np.isfinite(a))
    assert np.max(np.abs(a - b), initial=0.0) <= relative * scale, f"{a} against {b}"


# ------------------------------------------------------------------------------------------------- exact witness


def precise(tensor: Tensor, sizes: Sizes, rng: np.random.Generator) -> Array:
    """Numbers of many digits inside the domain of a tensor, integers where it holds integers."""
    axes = shape(tensor, sizes)
    if tensor.below is not None:
        return rng.integers(0, evaluate_size(tensor.below, sizes), axes)
    found = np.empty(axes, dtype=object)
    for place in np.ndindex(*axes):
        sign = 1 if tensor.domain in ("positive", "simplex") else int(rng.choice([-1, 1]))
        found[place] = sympy.Rational(sign * int(rng.integers(8, 40)), int(rng.integers(20, 30))).evalf(DIGITS)
    if tensor.domain == "simplex":
        for place in np.ndindex(*axes[:-1]):
            found[place] = found[place] / sum(found[place])
    return found


def exactly_equal(found: sympy.Expr, expected: sympy.Expr) -> bool:
    """Whether two numbers agree to 45 digits."""
    a, b = (sympy.sympify(x).evalf(DIGITS) for x in (found, expected))
    assert a.is_Float or a.is_Integer or a.is_Rational, f"{a} is no number"
    assert b.is_Float or b.is_Integer or b.is_Rational, f"{b} is no number"
    return bool(abs(a - b) <= EXACT * max(abs(b), 1))


def sympy_gradient(program: Program, tensor: Tensor, output: Tensor, values: Values, sizes: Sizes) -> Array:
    """``sympy.diff`` of a scalar output by each entry of a tensor, evaluated to many digits."""
    point = values[tensor]
    found = np.empty(point.shape, dtype=object)
    for place in np.ndindex(*point.shape):
        component = Components(program, sizes, values)
        free = component.symbol(tensor, place)
        held = np.array(point, dtype=object)
        held[place] = free
        component.values[tensor] = held
        found[place] = sympy.diff(component.entry(output, ()), free).xreplace({free: point[place]})
    return found
