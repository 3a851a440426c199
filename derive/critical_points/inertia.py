"""Signs of quadratic forms, exactly, and what decides where a quadratic form does not.

Data
    ``Squares``  a quadratic form as a sum of squares: ``Σ d_k ℓ_k(v)²``, by Lagrange's completion of squares.
    ``Way``      a curve through the point, and the first term by which the function changes along it.
    ``Leading``  what the first term along the flat directions decides, and curves on which it is seen.

By Sylvester's law of inertia the signs of the ``d_k`` are those of the eigenvalues. Where some eigenvalues are zero,
the splitting lemma takes the others out: these are solved for in the equations of their own gradient, a function of
the flat directions alone is left, and its lowest form decides (Poston, Stewart 1978, Catastrophe theory and its
applications, chapter 4).

The functions are ``squares`` and ``leading``. Numbers are ``Value``s: no rounding anywhere.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce

import sympy
from sympy import QQ, Poly

from derive.critical_points.values import Value

__all__ = ["Leading", "Squares", "Way", "exponents", "leading", "squares"]

Matrix = Sequence[Sequence[Value]]
Exponents = tuple[int, ...]
Series = dict[Exponents, Value]

BEYOND = 4
"""So many orders after the first are looked through for that of what is left out along a curve."""
SAMPLES = (0, 1, -1, 2, -2, 3, -3, 4, -4)
"""As many numbers as tell a form of order 8 from zero."""


@dataclass(frozen=True)
class Squares:
    """``vᵀ H v = Σ_k d[k] (Σ_i rows[k][i] v_i)²`` with ``d[k] ≠ 0``; ``basis`` has columns dual to all the rows.

    The last rows, beyond those of ``d``, are of the flat directions.
    """

    d: tuple[Value, ...]
    rows: tuple[tuple[Value, ...], ...]
    basis: tuple[tuple[Value, ...], ...]

    @property
    def index(self) -> int:
        """How many are negative."""
        return sum(value.sign() < 0 for value in self.d)

    @property
    def nullity(self) -> int:
        """How many directions are flat."""
        return len(self.rows) - len(self.d)


def squares(matrix: Matrix) -> Squares:
    """A quadratic form as a sum of squares. Raises: UndecidedSignError where a pivot's sign cannot be shown."""
    n = len(matrix)
    one, zero = matrix[0][0].constant(1), matrix[0][0].constant(0)
    # the form in coordinates c with v = basis c; each step makes one coordinate stand alone
    form = [list(row) for row in matrix]
    basis = [[one if i == j else zero for j in range(n)] for i in range(n)]
    order: list[int] = []
    while len(order) < n:
        rest = [k for k in range(n) if k not in order]
        pivot = next((k for k in rest if form[k][k].sign()), None)
        if pivot is None:
            pair = next(((j, k) for j, k in itertools.combinations(rest, 2) if form[j][k].sign()), None)
            if pair is None:
                break
            # c_j + c_k in place of c_j: the product of two coordinates is a difference of squares
            _add_column(form, basis, pair[0], pair[1], one)
            continue
        order.append(pivot)
        for k in rest:
            if k != pivot and form[pivot][k].sign():
                _add_column(form, basis, k, pivot, -(form[pivot][k] / form[pivot][pivot]))
    flat = [k for k in range(n) if k not in order]
    columns = [*order, *flat]
    d = tuple(form[k][k] for k in order)
    arranged = [[basis[i][k] for k in columns] for i in range(n)]
    rows = _inverse(arranged, one, zero)
    return Squares(d, tuple(map(tuple, rows)), tuple(map(tuple, arranged)))


def _add_column(form: list[list[Value]], basis: list[list[Value]], k: int, pivot: int, factor: Value) -> None:
    """The coordinates changed so that column ``k`` of the basis gains ``factor`` times column ``pivot``."""
    n = len(form)
    for i in range(n):
        form[i][k] = form[i][k] + factor * form[i][pivot]
    for j in range(n):
        form[k][j] = form[k][j] + factor * form[pivot][j]
    for i in range(n):
        basis[i][k] = basis[i][k] + factor * basis[i][pivot]


def _inverse(matrix: list[list[Value]], one: Value, zero: Value) -> list[list[Value]]:
    n = len(matrix)
    work = [list(row) + [one if i == j else zero for j in range(n)] for i, row in enumerate(matrix)]
    for k in range(n):
        pivot = next(i for i in range(k, n) if work[i][k].sign())
        work[k], work[pivot] = work[pivot], work[k]
        scale = work[k][k]
        work[k] = [entry / scale for entry in work[k]]
        for i in range(n):
            if i != k and work[i][k].sign():
                factor = work[i][k]
                work[i] = [a - factor * b for a, b in zip(work[i], work[k], strict=True)]
    return [row[n:] for row in work]


# ------------------------------------------------------------------------------------------ beyond second order


@dataclass(frozen=True)
class Way:
    """A curve through a point: each coordinate a polynomial in ``t``, its coefficients from ``t^0``, which has 0.

    Along it the function changes by ``value · t^power``, up to a remainder of this order.
    """

    coordinates: tuple[tuple[Value, ...], ...]
    value: Value
    power: int
    remainder: int


@dataclass(frozen=True)
class Leading:
    """What decides at a degenerate point.

    ``kind`` is minimum, maximum, saddle or degenerate (nothing decided); ``order`` is that of the lowest form, which
    may be ``definite``. On the ``curves`` it is seen.
    """

    kind: str
    order: int
    curves: tuple[Way, ...]
    definite: bool = False


def leading(squared: Squares, derivative: Callable[[Exponents], Value], order: int) -> Leading:
    """The first term along the flat directions, looked for up to an ``order``.

    ``derivative`` gives the partial derivatives at the point by the number of times for each variable.
    """
    n, rank = len(squared.rows), len(squared.d)
    one = squared.rows[0][0].constant(1)
    reduced, ways = _reduced(squared, derivative, order)
    lowest = min((sum(m) for m, c in reduced.items() if c.sign()), default=0)
    if not lowest:
        return Leading("degenerate", 0, ())
    form = {m: c for m, c in reduced.items() if sum(m) == lowest and c.sign()}

    zero = one.constant(0)

    def way(coordinates: Sequence[Sequence[Value]], value: Value, power: int) -> Way:
        cut = tuple(tuple(c[: power + 1]) for c in coordinates)
        inner: list[Series] = [{(k,): c for k, c in enumerate(series) if c.sign()} for series in cut]
        far = power + BEYOND
        along = _composed(_taylor(derivative, n, far, one), inner, 1, far, one)
        return Way(cut, value, power, min((k for (k,) in along if k > power), default=power + 1))

    def curve(direction: Sequence[int]) -> Way:
        along = [_on_line(series, direction, order, one) for series in ways]
        flat = [[zero, one.constant(c), *[zero] * (order - 1)] for c in direction]
        back = []
        for i in range(n):
            total = [zero] * (order + 1)
            for k, coordinate in enumerate([*along, *flat]):
                total = [a + squared.basis[i][k] * b for a, b in zip(total, coordinate, strict=True)]
            back.append(total)
        return way(back, _form_at(form, direction, one), lowest)

    def straight(k: int) -> Way:
        return way([[zero, squared.basis[i][k]] for i in range(n)], squared.d[k] / one.constant(2), 2)

    signs = {value.sign() for value in squared.d}
    directions = _by_sign(form, n - rank, one)
    if lowest % 2:
        some = directions.get(1) or directions[-1]
        return Leading("saddle", lowest, (curve(some),))
    if len(directions) == 2:
        return Leading("saddle", lowest, (curve(directions[1]), curve(directions[-1])))
    ((sign, some),) = directions.items()
    if -sign in signs:
        against = next(k for k, value in enumerate(squared.d) if value.sign() == -sign)
        return Leading("saddle", lowest, (curve(some), straight(against)))
    if _definite(form, n - rank):
        return Leading("minimum" if sign > 0 else "maximum", lowest, (curve(some),), definite=True)
    return Leading("degenerate", lowest, (curve(some),))


def _reduced(squared: Squares, derivative: Callable[[Exponents], Value], order: int) -> tuple[Series, list[Series]]:
    """The function of the flat directions that is left, and the other coordinates as series in these."""
    n, rank = len(squared.rows), len(squared.d)
    one = squared.rows[0][0].constant(1)
    flat = n - rank
    series = _taylor(derivative, n, order, one)
    # in the coordinates of the squares
    columns: list[Series] = [
        {_unit(n, k): squared.basis[i][k] for k in range(n) if squared.basis[i][k].sign()} for i in range(n)
    ]
    turned = _composed(series, columns, n, order, one)
    slopes = [_slope(turned, k) for k in range(rank)]
    variables: list[Series] = [{_unit(flat, k): one} for k in range(flat)]
    ways: list[Series] = [{} for _ in range(rank)]
    for _ in range(order - 1):
        moved = []
        for k in range(rank):
            change = _composed(slopes[k], [*ways, *variables], flat, order, one)
            moved.append(_sum(ways[k], {m: -(c / squared.d[k]) for m, c in change.items()}))
        ways = moved
    return _composed(turned, [*ways, *variables], flat, order, one), ways


def _taylor(derivative: Callable[[Exponents], Value], n: int, order: int, one: Value) -> Series:
    """The Taylor polynomial at a critical point, without its value."""
    found: Series = {}
    for total in range(2, order + 1):
        for m in exponents(n, total):
            value = derivative(m)
            if value.sign():
                found[m] = value / one.constant(_factorials(m))
    return found


def exponents(n: int, total: int) -> Iterator[Exponents]:
    """The monomials of ``n`` variables of this degree, as exponents."""
    for cut in itertools.combinations(range(total + n - 1), n - 1):
        ends = (-1, *cut, total + n - 1)
        yield tuple(b - a - 1 for a, b in itertools.pairwise(ends))


def _factorials(m: Exponents) -> int:
    return reduce(lambda a, b: a * b, (int(sympy.factorial(e)) for e in m), 1)


def _unit(n: int, k: int) -> Exponents:
    return tuple(int(j == k) for j in range(n))


def _sum(a: Series, b: Series) -> Series:
    found = dict(a)
    for m, c in b.items():
        found[m] = found[m] + c if m in found else c
    return {m: c for m, c in found.items() if c.sign()}


def _product(a: Series, b: Series, order: int) -> Series:
    found: Series = {}
    for m, c in a.items():
        for k, e in b.items():
            if sum(m) + sum(k) <= order:
                place = tuple(x + y for x, y in zip(m, k, strict=True))
                found[place] = found[place] + c * e if place in found else c * e
    return {m: c for m, c in found.items() if c.sign()}


def _composed(series: Series, inner: Sequence[Series], count: int, order: int, one: Value) -> Series:
    """A series with series for its variables, up to an order."""
    constant: Series = {(0,) * count: one}
    powers: dict[tuple[int, int], Series] = {}

    def raised(k: int, e: int) -> Series:
        if e == 0:
            return constant
        if (k, e) not in powers:
            powers[k, e] = _product(raised(k, e - 1), inner[k], order)
        return powers[k, e]

    found: Series = {}
    for m, c in series.items():
        term = {(0,) * count: c}
        for k, e in enumerate(m):
            if e:
                term = _product(term, raised(k, e), order)
        found = _sum(found, term)
    return found


def _slope(series: Series, k: int) -> Series:
    return {tuple(e - (j == k) for j, e in enumerate(m)): c * c.constant(m[k]) for m, c in series.items() if m[k]}


def _on_line(series: Series, direction: Sequence[int], order: int, one: Value) -> list[Value]:
    """The coefficients of a series along a line, by powers of its parameter."""
    found = [one.constant(0)] * (order + 1)
    for m, c in series.items():
        factor = reduce(lambda a, b: a * b, (x**e for x, e in zip(direction, m, strict=True)), 1)
        found[sum(m)] = found[sum(m)] + c * one.constant(factor)
    return found


def _form_at(form: Series, direction: Sequence[int], one: Value) -> Value:
    return reduce(lambda a, b: a + b, _on_line(form, direction, max(map(sum, form)), one))


def _by_sign(form: Series, count: int, one: Value) -> dict[int, tuple[int, ...]]:
    """For each sign that a form takes at small whole numbers, the simplest direction."""
    found: dict[int, tuple[int, ...]] = {}
    for direction in sorted(itertools.product(SAMPLES, repeat=count), key=lambda x: sum(map(abs, x))):
        if any(direction):
            sign = _form_at(form, direction, one).sign()
            if sign:
                found.setdefault(sign, direction)
    return found


def _definite(form: Series, count: int) -> bool:
    """Whether a form that was seen with one sign is zero at the origin alone; False where this is not known."""
    if count == 1:
        return True
    (degree,) = {sum(m) for m in form}
    pure = all(tuple(degree * (j == k) for j in range(count)) in form for k in range(count))
    if not pure:
        return False
    if all(e % 2 == 0 for m in form for e in m) and len({c.sign() for c in form.values()}) == 1:
        return True
    if count != 2 or not all(c.is_rational for c in form.values()):
        return False
    t = sympy.Dummy("t")
    line = Poly(sum(c.expression() * t ** m[0] for m, c in form.items()), t, domain=QQ)
    return int(line.count_roots()) == 0
