"""Zeros of a gradient in a box, proved: a small interval Newton method on python-flint's balls.

It shares nothing with the package: expressions are evaluated node by node, one box after the other. It is slow and
short, and it is here to confirm what the table of functions expects.

The most important functions are ``zeros`` (all of them in a box), ``enclosed`` (one near a point) and ``inertia``.
Reference: Neumaier (1990), Interval methods for systems of equations, section 5.2 (Krawczyk's operator).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from flint import arb, arb_mat, ctx

Box = list[Any]  # of balls
Skip = Callable[[np.ndarray, np.ndarray], bool]

CUT = 0.47  # off centre: zeros lie on planes of symmetry


@dataclass(frozen=True)
class Zero:
    """Exactly one zero of the gradient lies in the ball around ``x``; so many eigenvalues are negative there."""

    x: tuple[float, ...]
    radius: float
    index: int


class Undecided(Exception):
    """A box became small, or there were too many boxes."""


def power(base: Any, exponent: sp.Rational) -> Any:
    if exponent.is_Integer:
        number = int(exponent)
        if number < 0:
            return 1 / power(base, -exponent)
        if not base.contains(0):
            return base**number
        # The power of a ball is not aware that squares are not negative, and has no value for odd exponents.
        even = arb(0).union(base.abs_upper() ** (number - number % 2))
        return base * even if number % 2 else even
    if exponent == sp.Rational(1, 2):
        return base.sqrt()
    if exponent == sp.Rational(-1, 2):
        return 1 / base.sqrt()
    if exponent.q == 2:
        return power(base.sqrt(), sp.Integer(exponent.p))
    return base ** (arb(int(exponent.p)) / int(exponent.q))


FUNCTIONS: dict[Any, Callable[[Any], Any]] = {
    sp.exp: arb.exp,
    sp.log: arb.log,
    sp.sin: arb.sin,
    sp.cos: arb.cos,
    sp.tan: arb.tan,
    sp.tanh: arb.tanh,
    sp.atan: arb.atan,
    sp.sinh: arb.sinh,
    sp.cosh: arb.cosh,
}


class Program:
    """Expressions on balls, with what they share computed once."""

    def __init__(self, expressions: Sequence[sp.Expr], symbols: Sequence[sp.Symbol]) -> None:
        shared, rest = sp.cse(list(expressions), order="none")
        self.places: dict[sp.Expr, int] = {symbol: place for place, symbol in enumerate(symbols)}
        self.count = len(symbols)
        self.constants: dict[int, Any] = {}
        self.steps: list[tuple[int, Callable[..., Any], tuple[int, ...]]] = []
        for name, meaning in shared:
            self.places[name] = self._place(meaning)
        self.results = [self._place(one) for one in rest]

    def _place(self, node: sp.Expr) -> int:
        if node in self.places:
            return self.places[node]
        if not node.free_symbols:
            place = self._new()
            self.constants[place] = constant(node)
        else:
            if isinstance(node, sp.Pow) and node.exp.is_Rational:
                step, operands = functools.partial(power, exponent=node.exp), (node.base,)
            elif isinstance(node, sp.Add):
                step, operands = total, node.args
            elif isinstance(node, sp.Mul):
                step, operands = product, node.args
            else:
                step, operands = FUNCTIONS[node.func], node.args
            arguments = tuple(self._place(one) for one in operands)
            place = self._new()
            self.steps.append((place, step, arguments))
        self.places[node] = place
        return place

    def _new(self) -> int:
        self.count += 1
        return self.count - 1

    def __call__(self, box: Box) -> list[Any]:
        values: list[Any] = [*box, *[None] * (self.count - len(box))]
        for place, number in self.constants.items():
            values[place] = number
        for place, step, arguments in self.steps:
            values[place] = step(*[values[one] for one in arguments])
        return [values[place] for place in self.results]


def constant(node: sp.Expr) -> Any:
    """A ball that contains a number that is made of integers, π and elementary functions."""
    if node.is_Rational:
        return arb(int(node.p)) / int(node.q)
    if node is sp.pi:
        return arb.pi()
    if node is sp.E:
        return arb(1).exp()
    parts = [constant(one) for one in node.args]
    if isinstance(node, sp.Add):
        return total(*parts)
    if isinstance(node, sp.Mul):
        return product(*parts)
    if isinstance(node, sp.Pow) and node.exp.is_Rational:
        return power(parts[0], node.exp)
    return FUNCTIONS[node.func](*parts)


def total(*terms: Any) -> Any:
    found = terms[0]
    for one in terms[1:]:
        found = found + one
    return found


def product(*factors: Any) -> Any:
    found = factors[0]
    for one in factors[1:]:
        found = found * one
    return found


class Gradient:
    """The gradient and the Hessian of an expression on balls; ``entries`` are a gradient that is given itself."""

    def __init__(
        self, expression: sp.Expr | None, symbols: Sequence[sp.Symbol], *, entries: Sequence[sp.Expr] | None = None
    ) -> None:
        self.dimension = len(symbols)
        first = list(entries) if entries is not None else [sp.diff(expression, one) for one in symbols]
        pairs = [(i, j) for i in range(self.dimension) for j in range(i + 1)]
        self.pairs = pairs
        self.first = Program(first, symbols)
        self.second = Program([sp.diff(first[i], symbols[j]) for i, j in pairs], symbols)

    def hessian(self, box: Box) -> list[list[Any]]:
        found: list[list[Any]] = [[None] * self.dimension for _ in range(self.dimension)]
        for (i, j), value in zip(self.pairs, self.second(box), strict=True):
            found[i][j] = found[j][i] = value
        return found


def balls(lower: np.ndarray, upper: np.ndarray) -> Box:
    # The sum and the difference of two floats are rounded: unions of their ends hold all between.
    return [arb(low).union(arb(high)) for low, high in zip(lower.tolist(), upper.tolist(), strict=True)]


def ends(ball: Any) -> tuple[float, float]:
    low, high = float(ball.lower()), float(ball.upper())
    return np.nextafter(low, -np.inf), np.nextafter(high, np.inf)


def krawczyk(gradient: Gradient, lower: np.ndarray, upper: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Ends of Krawczyk's box: all zeros of the given box lie in it. None where there is no inverse Hessian."""
    box = balls(lower, upper)
    hessian = gradient.hessian(box)
    if not all(entry.is_finite() for row in hessian for entry in row):
        return None
    middle = (lower + upper) / 2
    try:
        inverse = np.linalg.inv(np.array([[float(entry.mid()) for entry in row] for row in hessian]))
    except np.linalg.LinAlgError:
        return None
    if not np.isfinite(inverse).all():
        return None
    centre = [arb(one) for one in middle.tolist()]
    there = gradient.first(centre)
    n = gradient.dimension
    low, high = np.empty(n), np.empty(n)
    rows = inverse.tolist()
    for i in range(n):
        shift = centre[i]
        for k in range(n):
            shift = shift - there[k] * rows[i][k]
        for j in range(n):
            slope = arb(1 if i == j else 0)
            for k in range(n):
                slope = slope - hessian[k][j] * rows[i][k]
            shift = shift + slope * (box[j] - centre[j])
        low[i], high[i] = ends(shift)
    return low, high


def inertia(matrix: Sequence[Sequence[Any]]) -> int | None:
    """How many eigenvalues of all symmetric matrices in these balls are negative; None where it cannot be told.

    Sylvester: a congruence keeps their signs; Gershgorin: they are those of a diagonal that dominates its rows.
    """
    middle = np.array([[float(entry.mid()) for entry in row] for row in matrix])
    _, vectors = np.linalg.eigh(middle)
    change = arb_mat(vectors.tolist())
    turned = change.transpose() * arb_mat([list(row) for row in matrix]) * change
    n = len(middle)
    negative = 0
    for i in range(n):
        others = sum((turned[i, j].abs_upper() for j in range(n) if j != i), arb(0))
        if turned[i, i] + others < 0:
            negative += 1
        elif not turned[i, i] - others > 0:
            return None
    return negative


def enclosed(
    gradient: Gradient, x: Sequence[float], widths: np.ndarray
) -> tuple[Zero, np.ndarray, np.ndarray] | None:
    """The zero that Krawczyk's test proves near a point, and ends of the largest box in which it is the only one.

    Boxes around the point become smaller by 4 until the test succeeds, at most 20 times.
    """
    middle = np.array(x, dtype=float)
    radius = widths / 4
    for _ in range(20):
        found = krawczyk(gradient, middle - radius, middle + radius)
        if found and (found[0] > middle - radius).all() and (found[1] < middle + radius).all():
            return refined(gradient, x, middle - radius, middle + radius), middle - radius, middle + radius
        radius = radius / 4
    return None


def refined(gradient: Gradient, x: Sequence[float], lower: np.ndarray, upper: np.ndarray) -> Zero:
    """The zero in a box where there is only one, as narrow as floats allow, with its index. Raises: Undecided."""
    middle = newton(gradient, np.array(x, dtype=float))
    for power_of_ten in range(-15, -4):
        radius = np.full(len(middle), 10.0**power_of_ten) * np.maximum(1e-3, np.abs(middle))
        if (middle - radius < lower).any() or (middle + radius > upper).any():
            break
        found = krawczyk(gradient, middle - radius, middle + radius)
        if found and (found[0] > middle - radius).all() and (found[1] < middle + radius).all():
            index = inertia(gradient.hessian(balls(*found)))
            if index is not None:
                return Zero(tuple(middle.tolist()), float(np.max(radius)), index)
    raise Undecided(f"the signs of the Hessian at {middle}")


def newton(gradient: Gradient, x: np.ndarray) -> np.ndarray:
    """A few steps of Newton's method, in floats: only to guess where the zero is."""
    for _ in range(8):
        centre = [arb(one) for one in x.tolist()]
        slope = np.array([float(one.mid()) for one in gradient.first(centre)])
        bent = np.array([[float(one.mid()) for one in row] for row in gradient.hessian(centre)])
        try:
            x = x - np.linalg.solve(bent, slope)
        except np.linalg.LinAlgError:
            return x
        if not np.isfinite(x).all():
            return x
    return x


def zeros(
    expression: sp.Expr | None,
    symbols: Sequence[sp.Symbol],
    box: Sequence[tuple[float, float]],
    *,
    entries: Sequence[sp.Expr] | None = None,
    skip: Skip | None = None,
    most: int = 200_000,
) -> list[Zero]:
    """All zeros of the gradient in a box. Raises: Undecided where a zero is singular, or after ``most`` boxes.

    ``skip`` says of the ends of a box that no zero lies in it, by an argument of its own (near poles).
    """
    gradient = Gradient(expression, symbols, entries=entries)
    start = np.array(box, dtype=float)
    widths = start[:, 1] - start[:, 0]
    found: list[tuple[Zero, np.ndarray, np.ndarray]] = []
    todo = [(start[:, 0], start[:, 1])]
    seen = 0
    while todo:
        lower, upper = todo.pop()
        seen += 1
        width = (upper - lower) / widths
        if seen > most or width.max() < 1e-7:
            raise Undecided(f"{seen} boxes, last {lower}, {upper}; {len(found)} zeros")
        if any((low <= lower).all() and (upper <= high).all() for _, low, high in found):
            continue
        if skip is not None and skip(lower, upper):
            continue
        if any(one.is_finite() and not one.contains(0) for one in gradient.first(balls(lower, upper))):
            continue
        image = krawczyk(gradient, lower, upper) if width.max() < 0.3 else None
        if image is not None:
            low, high = np.maximum(lower, image[0]), np.minimum(upper, image[1])
            if (low > high).any():
                continue
            inside = (image[0] > lower).all() and (image[1] < upper).all()
            if inside or ((high - low) / widths).max() < 0.05:
                guess = newton(gradient, (low + high) / 2)
                near = np.isfinite(guess).all() and (np.abs(guess - (low + high) / 2) < widths / 4).all()
                known = any((a <= guess).all() and (guess <= b).all() for _, a, b in found)
                one = enclosed(gradient, guess.tolist(), widths) if near and not known else None
                if one is not None:
                    found.append(one)
                    if (one[1] <= low).all() and (high <= one[2]).all():
                        continue
            if inside and any((a <= low).all() and (high <= b).all() for _, a, b in found):
                continue
            lower, upper = low, high
        side = int(np.argmax((upper - lower) / widths))
        cut = lower[side] + CUT * (upper[side] - lower[side])
        left, right = upper.copy(), lower.copy()
        left[side] = right[side] = cut
        todo += [(lower, left), (right, upper)]
    inside = [one for one, _, _ in found if (start[:, 0] <= one.x).all() and (one.x <= start[:, 1]).all()]
    return sorted(inside, key=lambda one: one.x)


ctx.prec = 64
