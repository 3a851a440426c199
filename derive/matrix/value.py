"""The value of a matrix expression as people read it: ``@``, ``.T``, ``np.diag``, ``np.ones``."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from derive.evaluate import Evaluator
from derive.index import Index, Letter
from derive.matrix.tree import (
    Along,
    Blocks,
    Cross,
    Diag,
    Diagonal,
    Entrywise,
    Guarded,
    Hadamard,
    Identity,
    Matrix,
    Name,
    Norm,
    Ones,
    Power,
    Product,
    Scalar,
    Scale,
    Shape,
    SliceSum,
    Total,
    Trace,
    Transpose,
    Triangle,
)
from derive.nodes import Bracket, Number

__all__ = ["value"]

Array = np.ndarray[Any, np.dtype[Any]]


def value(matrix: Matrix, evaluator: Evaluator, at: Mapping[Letter, int]) -> Array:
    """The value with two axes, of length 1 where the shape has none; ``at`` says which slice."""

    def of(part: Matrix) -> Array:
        return value(part, evaluator, at)

    match matrix:
        case Scalar(node):
            known = evaluator.number(node.value) if isinstance(node, Number) else _index(node.index, evaluator, at)
            return np.full((1, 1), known)
        case Name(tensor, indices):
            where = tuple(slice(None) if i is None else _index(i, evaluator, at) for i in indices)
            return np.asarray(evaluator.arrays[tensor][where]).reshape(_lengths(matrix.shape, evaluator))
        case Ones(rows):
            return np.ones((evaluator.length(rows), 1))
        case Identity(rows):
            return np.eye(evaluator.length(rows))
        case Transpose(part):
            return np.transpose(of(part))
        case Guarded(part, bracket):
            if _holds(bracket, evaluator, at):
                return of(part)
            return np.zeros(_lengths(matrix.shape, evaluator))
        case Triangle(part, offset, lower):
            return np.asarray((np.tril if lower else np.triu)(of(part), evaluator.length(offset)))
        case Diag(part, exponent):
            return np.diag(_power(of(part)[:, 0], evaluator.number(exponent)))
        case Diagonal(part):
            return np.diag(of(part))[:, None]
        case Trace(part):
            return np.full((1, 1), np.trace(of(part)))
        case Norm(part):
            return np.full((1, 1), np.sqrt((of(part) ** 2).sum()))
        case Along(part, function):
            data = of(part)
            lengths = [evaluator.length(size) for size in function.outputs]
            columns = part.shape[1] is not None
            found = function.numpy(data if columns else data[:, 0], *lengths)
            return np.asarray(found).reshape(_lengths(matrix.shape, evaluator))
        case Power(part, exponent):
            plain = matrix.number
            return _power(of(part), of(exponent) if plain is None else evaluator.number(plain))
        case Entrywise(terms, function):
            return np.asarray(function.numpy(*np.broadcast_arrays(*map(of, terms))))
        case Total(terms):
            return np.asarray(sum(map(of, terms)))
        case Hadamard(terms, under):
            return _quotient([of(t) for t in terms], [of(t) for t in under])
        case Product(factors):
            return np.asarray(np.linalg.multi_dot([of(f) for f in factors]))
        case Cross(left, right):
            return np.cross(of(left)[:, 0], of(right)[:, 0])[:, None]
        case Scale(part, factor, over, under):
            front = _quotient([of(t) for t in over], [of(t) for t in under])
            return np.asarray(evaluator.number(factor) * front * of(part))
        case SliceSum(part, letters):
            ranges = (range(evaluator.length(x.length)) for x in letters)
            slices = (dict(zip(letters, here, strict=True)) for here in itertools.product(*ranges))
            return np.asarray(sum(value(part, evaluator, {**at, **here}) for here in slices))
        case Blocks(blocks, axis, lengths):
            whole = [*_lengths(matrix.shape, evaluator)]
            made = []
            for block, length in zip(blocks, lengths, strict=True):
                whole[axis] = evaluator.length(length)
                made.append(np.broadcast_to(of(block), whole))
            return np.concatenate(made, axis=axis)
    raise NotImplementedError(type(matrix).__name__)


def _lengths(shape: Shape, evaluator: Evaluator) -> tuple[int, int]:
    rows, columns = (1 if size is None else evaluator.length(size) for size in shape)
    return rows, columns


def _quotient(over: list[Array], under: list[Array]) -> Array:
    result: Array = np.ones((1, 1))
    for one in over:
        result = result * one
    for one in under:
        result = result / one
    return result


def _power(base: Array, exponent: Any) -> Array:
    whole = np.asarray(exponent)
    if whole.size == 1 and whole.item() == int(whole.item().real):
        n = int(whole.item().real)
        return np.asarray(base**n if n >= 0 else 1 / base**-n)
    return np.asarray(base**exponent)


def _index(index: Index, evaluator: Evaluator, at: Mapping[Letter, int]) -> int:
    found = evaluator.length(index.constant)
    for atom, coefficient in index.terms:
        assert isinstance(atom, Letter)
        found += evaluator.length(coefficient) * at[atom]
    return found


def _holds(bracket: Bracket, evaluator: Evaluator, at: Mapping[Letter, int]) -> bool:
    form = _index(bracket.difference(), evaluator, at)
    return {"=": form == 0, "≠": form != 0}.get(bracket.relation, form >= 0)
