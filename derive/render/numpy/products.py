"""Sums of products as NumPy says them: matrix products, sums along axes, else ``einsum``."""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sympy

from derive.errors import NotationError
from derive.index import Letter, union
from derive.render.numpy.arrays import Named, aligned, transposed
from derive.render.numpy.code import MUL, Code, call, chain, matmul, method, tuple_of
from derive.size_algebra import as_expression

__all__ = ["Axes", "contracted", "multiplied", "summed"]


@dataclass(frozen=True)
class Axes:
    """What is asked of the axes of a product: in which order they are wanted, and how long they are."""

    rank: Callable[[Letter], int]
    length: Callable[[Letter], Code]


def multiplied(factors: Sequence[Named], order: Sequence[Letter]) -> Named:
    """The product entry by entry, with these axes. Factors with fewer axes are multiplied first."""
    if len(factors) == 1:
        return factors[0]
    groups: dict[frozenset[Letter], list[Named]] = {}
    for factor in factors:
        groups.setdefault(frozenset(factor.letters), []).append(factor)
    whole = frozenset(order)
    small = [f for letters, group in groups.items() if letters != whole for f in group]
    large = [f for f in factors if frozenset(f.letters) == whole]
    if large and len(small) > 1 and len({frozenset(f.letters) for f in small}) == 1:
        own = small[0].letters
        factors = [multiplied(small, own), *large]
    kind = "bool" if all(f.kind == "bool" for f in factors) else "float"
    codes = [aligned(f, order) for f in factors]
    return Named(chain(MUL, codes[0], [("*", c) for c in codes[1:]]), tuple(order), kind)


def summed(named: Named, over: Sequence[Letter]) -> Named:
    """The sum along letters that the array has."""
    axes = [m for m, x in enumerate(named.letters) if x in over]
    if not axes:
        return named
    rest = tuple(x for x in named.letters if x not in over)
    kind = "int" if named.kind in ("bool", "int") else "float"
    count = sympy.Mul(*(as_expression(named.letters[m].length) for m in axes))
    if not rest:
        return Named(method(named.code, "sum"), (), kind, mean=(method(named.code, "mean"), count))
    axis = str(axes[0]) if len(axes) == 1 else "(" + ", ".join(map(str, axes)) + ")"
    total, mean = (method(named.code, name, axis=axis) for name in ("sum", "mean"))
    return Named(total, rest, kind, mean=(mean, count))


def contracted(factors: Sequence[Named], over: Sequence[Letter], axes: Axes) -> Named:
    """The product summed over letters, all of which occur in it."""
    parts = list(factors)
    over = [x for x in over if any(x in p.letters for p in parts)]
    groups = _connected(parts, over)
    if len(groups) > 1:
        found = [contracted(group, over, axes) for group in groups]
        return multiplied(found, sorted(union(f.letters for f in found), key=axes.rank))
    while len(parts) > 1:
        parts = [summed(p, [x for x in over if sum(x in q.letters for q in parts) == 1]) for p in parts]
        if len(parts) == 2:
            return _pair(parts[0], parts[1], over, axes)
        step = _exclusive(parts, over) or _nested(parts) or _spread(parts, over, axes)
        step = step and (_taken_in(parts, step, over) or step)
        if step is None:
            return _einsum(parts, over, axes)
        a, b, contract = step
        rest = [p for m, p in enumerate(parts) if m not in (a, b)]
        if contract:
            only = [x for x in over if x in parts[a].letters and not any(x in p.letters for p in rest)]
            made = _pair(parts[a], parts[b], only, _for_next(parts[a], parts[b], only, rest, over, axes))
        else:
            both = union((parts[a].letters, parts[b].letters))
            wide = next((p.letters for p in (parts[a], parts[b]) if len(p.letters) == len(both)), None)
            made = multiplied([parts[a], parts[b]], wide or _for_batches(both, over, axes))
        place = min(a, b)
        parts = [*rest[:place], made, *rest[place:]]
    return summed(parts[0], over)


def _for_next(
    a: Named, b: Named, only: Sequence[Letter], rest: Sequence[Named], over: Sequence[Letter], axes: Axes
) -> Axes:
    """The axes of a product in the order in which the next product reads them."""
    letters = [x for x in union((a.letters, b.letters)) if x not in only]
    alike = next((p for p in rest if set(letters) <= set(p.letters)), None)
    if alike is not None:
        return _in_order([x for x in alike.letters if x in letters], axes)
    summed_next = [x for x in letters if x in over]
    if len(letters) != 2 or len(summed_next) != 1:
        return axes
    (one,) = summed_next
    (kept,) = (x for x in letters if x is not one)
    others = [x for p in rest if one in p.letters for x in p.letters if x is not one]
    on_the_left = all(axes.rank(kept) < axes.rank(x) for x in others)
    return _in_order([kept, one] if on_the_left else [one, kept], axes)


def _in_order(letters: Sequence[Letter], axes: Axes) -> Axes:
    return Axes(lambda x: letters.index(x) if x in letters else len(letters) + axes.rank(x), axes.length)


def _connected(parts: Sequence[Named], over: Sequence[Letter]) -> list[list[Named]]:
    """The factors in groups that share no summed letter."""
    groups: list[tuple[set[Letter], list[Named]]] = []
    for part in parts:
        own = {x for x in part.letters if x in over}
        touching = [g for g in groups if g[0] & own]
        groups = [g for g in groups if not g[0] & own]
        merged = own.union(*(g[0] for g in touching))
        groups.append((merged, [*(p for g in touching for p in g[1]), part]))
    return [group for _, group in groups]


def _exclusive(parts: Sequence[Named], over: Sequence[Letter]) -> tuple[int, int, bool] | None:
    """Two factors with a summed letter that no other has, if what they make is no larger than they are."""
    best: tuple[int, bool, bool, int, int] | None = None
    for a in range(len(parts)):
        for b in range(a + 1, len(parts)):
            rest = [p for m, p in enumerate(parts) if m not in (a, b)]
            shared = [x for x in over if x in parts[a].letters and x in parts[b].letters]
            only = [x for x in shared if not any(x in p.letters for p in rest)]
            if not only:
                continue
            size = len(set(parts[a].letters) | set(parts[b].letters)) - len(only)
            # a vector that an inverse meets from both sides is the right side of one system
            turned = any(p.system is not None and p.letters[0] in only for p in (parts[a], parts[b]))
            if size <= max(len(parts[a].letters), len(parts[b].letters)):
                left = {x for p in (parts[a], parts[b]) for x in p.letters if x not in only}
                square = len(left) == 2 and len({x.length for x in left}) == 1
                choice = (size, turned, square, a, b)
                best = min(best or choice, choice)
    return None if best is None else (*best[3:], True)


def _taken_in(
    parts: Sequence[Named], step: tuple[int, int, bool], over: Sequence[Letter]
) -> tuple[int, int, bool] | None:
    """A factor that one of two takes in first: their product is no smaller, and a summed letter is left in it."""
    a, b, contract = step
    shared = {x for x in over if x in parts[a].letters and x in parts[b].letters}
    rest = [p for m, p in enumerate(parts) if m not in (a, b)]
    size = sum(
        x not in over or any(x in p.letters for p in rest) for x in union((parts[a].letters, parts[b].letters))
    )
    for m, part in enumerate(parts):
        if not contract or m in (a, b) or shared.isdisjoint(part.letters):
            continue
        hosts = [k for k in (a, b) if set(part.letters) < set(parts[k].letters) and len(parts[k].letters) <= size]
        if hosts:
            host = min(hosts, key=lambda k: (parts[k].kind != "bool", len(parts[k].letters)))
            return min(m, host), max(m, host), False
    return None


def _nested(parts: Sequence[Named]) -> tuple[int, int, bool] | None:
    """Two factors of which one has all letters of the other, the smallest first."""
    found = [
        (len(parts[a].letters) + len(parts[b].letters), min(a, b), max(a, b))
        for a in range(len(parts))
        for b in range(len(parts))
        if a != b and set(parts[a].letters) <= set(parts[b].letters)
    ]
    if not found:
        return None
    _, a, b = min(found)
    return a, b, False


def _spread(parts: Sequence[Named], over: Sequence[Letter], axes: Axes) -> tuple[int, int, bool] | None:
    """Two of three factors that share a summed letter, which a product of matrices for each entry of an axis meets.

    ``Σ_i r[i,l] g[i,k] X[i,j]`` is ``X.T @ (g * r)`` for every ``k``: what is made is as large as what is returned.
    """
    if len(parts) != 3 or any(len(p.letters) != 2 for p in parts) or len(over) != 1:
        return None
    kept = [next((x for x in p.letters if x not in over), None) for p in parts]
    if None in kept or len(set(kept)) < 3 or any(over[0] not in p.letters for p in parts):
        return None
    first, _, last = sorted(range(3), key=lambda m: axes.rank(kept[m]))  # type: ignore[arg-type]
    return min(first, last), max(first, last), False


def _for_batches(letters: Sequence[Letter], over: Sequence[Letter], axes: Axes) -> list[Letter]:
    """An order of axes in which a product of matrices sums the last but one."""
    *front, last = sorted((x for x in letters if x not in over), key=axes.rank)
    return [*front, *(x for x in letters if x in over), last]


def _pair(a: Named, b: Named, over: Sequence[Letter], axes: Axes) -> Named:
    """The product of two factors summed over letters."""
    common = [x for x in a.letters if x in b.letters and x in over]
    batch = sorted((x for x in a.letters if x in b.letters and x not in over), key=axes.rank)
    left = [x for x in a.letters if x not in b.letters]
    right = [x for x in b.letters if x not in a.letters]
    if not common:
        return multiplied([a, b], _wide(a, b, sorted(union((a.letters, b.letters)), key=axes.rank)))
    if a.kind == "bool" and b.kind == "bool":
        a = Named(method(a.code, "astype", "float"), a.letters)
    solved = _solved(a, b, common) or _solved(b, a, common)
    if solved is not None:
        return solved
    if not left and not right:
        return _along(a, b, common, batch)
    if len(common) == 1 and (not batch or (left and right)) and (len(left) <= 1 or len(right) <= 1):
        swap = _swapped(a, b, common[0], axes) if len(left) <= 1 and len(right) <= 1 else len(right) > 1
        if swap:
            a, b, left, right = b, a, right, left
        last = len(left) <= 1 or a.letters[-1] is common[0]
        if len(right) <= 1 and (not batch or len(left) == 1) and last:
            first = aligned(a, [*batch, *left, *common])
            second = aligned(b, [*batch, *common, *right])
            return Named(matmul(first, second), (*batch, *left, *right))
    made = _flattened(a, b, common, axes) or _flattened(b, a, common, axes)
    made = made or _batched(a, b, common, axes) or (None if batch else _tensordot(a, b, common, axes))
    return made or _stacked(a, b, common) or _stacked(b, a, common) or _einsum([a, b], over, axes)


def _solved(inverse: Named, b: Named, common: Sequence[Letter]) -> Named | None:
    """An inverse times a vector or a matrix: the solution of a system of equations."""
    rest = [x for x in b.letters if x not in inverse.letters]
    if inverse.system is None or len(common) != 1 or len(rest) + 1 != len(b.letters) or len(rest) > 1:
        return None
    row, column = inverse.letters
    one, system = (row, inverse.system) if common[0] is column else (column, transposed(inverse.system, (1, 0)))
    code = call("np.linalg.solve", system, aligned(b, (*common, *rest)), work=8)
    return Named(code, (one, *rest))


def _flattened(a: Named, b: Named, common: Sequence[Letter], axes: Axes) -> Named | None:
    """A matrix times an array whose last axes are taken as one: ``(K @ y.reshape(n, c, -1)).reshape(n, k, h, w)``."""
    if len(common) != 1 or len(a.letters) != 2 or common[0] not in a.letters:
        return None
    at = b.letters.index(common[0])
    before, behind = b.letters[:at], b.letters[at + 1 :]
    (row,) = (x for x in a.letters if x is not common[0])
    result = (*before, row, *behind)
    if len(behind) < 2 or list(result) != sorted(result, key=axes.rank) or row in b.letters:
        return None
    # made once before a loop: it may be a copy
    whole = next((c for c in b.code.children() if b.code.text.startswith(f"{c}.reshape(")), b.code)
    flat = method(whole, "reshape", *(axes.length(x) for x in (*before, *common)), "-1")
    flat = flat.labelled(f"{whole}_flat") if whole.text.isidentifier() else flat
    product = matmul(aligned(a, (row, *common)), flat)
    return Named(method(product, "reshape", *(axes.length(x) for x in result), work=0), result)


def _batched(a: Named, b: Named, common: Sequence[Letter], axes: Axes) -> Named | None:
    """A product of matrices for each entry of the axes in front, which one has: ``X @ W.transpose(1, 0, 2)``."""
    result = sorted((x for x in union((a.letters, b.letters)) if x not in common), key=axes.rank)
    if len(common) != 1 or len(result) < 3:
        return None
    *front, row, column = result
    left, right = (a, b) if row in a.letters else (b, a)
    if row in right.letters or column in left.letters or not any(set(front) <= set(p.letters) for p in (a, b)):
        return None
    first, second = aligned(left, (*front, row, *common)), aligned(right, (*front, *common, column))
    return Named(matmul(first, second), tuple(result))


def _stacked(matrix: Named, stack: Named, common: Sequence[Letter]) -> Named | None:
    """A matrix times each of a stack of matrices, whose axis stays in front: ``X @ W``."""
    if len(common) != 1 or len(matrix.letters) != 2 or len(stack.letters) != 3 or stack.letters[1] is not common[0]:
        return None
    front, _, column = stack.letters
    (row,) = (x for x in matrix.letters if x is not common[0])
    if row in stack.letters:
        return None
    return Named(matmul(aligned(matrix, (row, *common)), stack.code), (front, row, column))


def _tensordot(a: Named, b: Named, common: Sequence[Letter], axes: Axes) -> Named | None:
    """The sum of products over several axes as one product of matrices, where its axes are in the order wanted.

    A view of windows, which has more axes than what it meets, is copied in its own order where it stands first.
    """
    wanted = sorted((x for x in (*a.letters, *b.letters) if x not in common), key=axes.rank)
    for one, other in ((a, b), (b, a)):
        natural = [x for x in (*one.letters, *other.letters) if x not in common] == wanted
        if natural and len(one.letters) >= len(other.letters):
            pairs: list[Code | str] = [str(p.letters.index(common[0])) for p in (one, other)]
            if len(common) > 1:
                pairs = [tuple_of([str(p.letters.index(x)) for x in common]) for p in (one, other)]
            code = call("np.tensordot", one.code, other.code, axes=tuple_of(pairs), work=4)
            return Named(code, tuple(wanted))
    return None


def _wide(a: Named, b: Named, otherwise: Sequence[Letter]) -> Sequence[Letter]:
    """The order of the axes of a product: that of the factor that has them all."""
    both = set(a.letters) | set(b.letters)
    return next((p.letters for p in (a, b) if set(p.letters) == both), otherwise)


def _swapped(a: Named, b: Named, common: Letter, axes: Axes) -> bool:
    """Whether the second factor stands on the left: a vector stands where the matrix need not be transposed."""
    (left, right) = ([x for x in p.letters if x not in q.letters] for p, q in ((a, b), (b, a)))
    if left and right:
        return axes.rank(left[0]) > axes.rank(right[0])
    return b.letters[-1] is common if right else a.letters[-1] is not common


def _along(a: Named, b: Named, common: Sequence[Letter], batch: Sequence[Letter]) -> Named:
    """Two factors of the same letters: the product is summed as it is made, without an array for it."""
    if not batch and len(common) == 1:
        return Named(matmul(a.code, b.code), ())
    order = a.letters
    if not batch:
        return Named(call("np.vdot", a.code, aligned(b, order), work=2), ())
    rest = tuple(x for x in order if x not in common)
    marks = _marks(order)
    left, right, kept = ("".join(marks[x] for x in letters) for letters in (order, b.letters, rest))
    return Named(call("np.einsum", f'"{left},{right}->{kept}"', a.code, b.code, work=2), rest)


def _einsum(parts: Sequence[Named], over: Sequence[Letter], axes: Axes) -> Named:
    result = tuple(sorted((x for x in union(p.letters for p in parts) if x not in over), key=axes.rank))
    marks = _marks(union(p.letters for p in parts))
    spelled = ",".join("".join(marks[x] for x in p.letters) for p in parts)
    text = f'"{spelled}->{"".join(marks[x] for x in result)}"'
    if all(p.kind == "bool" for p in parts):
        parts = [Named(method(parts[0].code, "astype", "float"), parts[0].letters), *parts[1:]]
    batch = len(parts) == 2 and any(x in parts[0].letters and x in parts[1].letters for x in result)
    # a path is looked for where there are several, or where a product of matrices does it
    options = {} if batch else {"optimize": "True"}
    return Named(call("np.einsum", text, *(p.code for p in parts), work=4, **options), result)


def _marks(letters: Sequence[Letter]) -> dict[Letter, str]:
    """A character for each letter: its name if that is one, else another."""
    marks: dict[Letter, str] = {}
    spare = list(string.ascii_letters)
    for x in letters:
        if len(x.name) == 1 and x.name in spare:
            marks[x] = x.name
            spare.remove(x.name)
    for x in letters:
        if x not in marks:
            if not spare:
                raise NotationError(f"a product of {len(letters)} indices is more than np.einsum has letters for")
            marks[x] = spare.pop(0)
    return marks
