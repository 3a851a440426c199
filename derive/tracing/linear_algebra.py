"""NumPy's linear algebra: inverses, determinants, solutions of systems."""

from __future__ import annotations

from typing import Any, NamedTuple

from derive.errors import NotationError
from derive.functions import sign
from derive.index import Letter, as_index
from derive.nodes import Over
from derive.over_axes import CHOLESKY, DET, INVERSE, LOGDET, OverAxes
from derive.tracing.arrays import Array
from derive.tracing.axes import Axis
from derive.tracing.conversion import as_array, combined
from derive.tracing.making import eye, tril, triu
from derive.tracing.numpy_shim import implements, refuses
from derive.tracing.products import matmul
from derive.tracing.reductions import norm_of
from derive.tracing.session import session
from derive.tree import substitute


def _square(a: object, name: str) -> Array:
    array = as_array(a)
    if array.ndim < 2 or array.sizes[-1] != array.sizes[-2]:
        raise NotationError(session().here(f"np.linalg.{name} needs a square matrix"))
    return array


def _of_matrix(function: OverAxes, array: Array) -> Array:
    """A function of the last two axes: a scalar for each matrix, or a matrix."""
    own = array.letters[-2:]
    bound = tuple(Letter(x.name, x.size) for x in own)
    inside = substitute(array.body, dict(zip(own, bound, strict=True)))
    if not function.at:
        return Array(array.letters[:-2], Over(function, bound, (inside,)))
    return Array(array.letters, Over(function, bound, (inside,), tuple(as_index(x) for x in own)))


@implements("linalg.inv")
def inverse_of(a: object) -> Array:
    return _of_matrix(INVERSE, _square(a, "inv"))


@implements("linalg.det")
def determinant(a: object) -> Array:
    return _of_matrix(DET, _square(a, "det"))


class SlogdetResult(NamedTuple):
    """What ``np.linalg.slogdet`` returns."""

    sign: Array
    logabsdet: Array


@implements("linalg.slogdet")
def sign_and_logdet(a: object) -> Any:
    array = _square(a, "slogdet")
    return SlogdetResult(combined(sign, _of_matrix(DET, array)), _of_matrix(LOGDET, array))


@implements("linalg.solve")
def solution(a: object, b: object) -> Array:
    return matmul(inverse_of(a), b)


@implements("linalg.matrix_power")
def matrix_power(a: object, n: int) -> Array:
    array = _square(a, "matrix_power")
    if n < 0:
        return matrix_power(inverse_of(array), -n)
    found: Array | None = None
    for _ in range(n):
        found = array if found is None else matmul(found, array)
    return eye(array.shape[-1]) if found is None else found


@implements("linalg.multi_dot")
def multi_dot(arrays: Any) -> Array:
    found = as_array(arrays[0])
    for other in arrays[1:]:
        found = matmul(found, other)
    return found


@implements("linalg.cholesky")
def cholesky(a: object, *, upper: bool = False) -> Array:
    found = _of_matrix(CHOLESKY, _square(a, "cholesky"))
    return found.T if upper else found


@implements("linalg.vector_norm")
def vector_norm(x: object, *, axis: Axis = None, keepdims: bool = False, ord: Any = 2) -> Array:
    array = as_array(x)
    return norm_of(array.ravel() if axis is None and not keepdims else array, ord, axis, keepdims)


@implements("linalg.matrix_norm")
def matrix_norm(x: object, *, keepdims: bool = False, ord: Any = "fro") -> Array:
    return norm_of(x, ord, (-2, -1), keepdims)


# ----------------------------------------------------------------------------------------------------- scipy.linalg


@implements("scipylinalg.inv")
def inverse_of_scipy(a: object) -> Array:
    return inverse_of(a)


@implements("scipylinalg.det")
def determinant_of_scipy(a: object) -> Array:
    return determinant(a)


@implements("scipylinalg.solve")
def solution_of_scipy(a: object, b: object) -> Array:
    return solution(a, b)


@implements("scipylinalg.solve_triangular")
def triangular_solution(a: object, b: object, trans: Any = 0, lower: bool = False) -> Array:
    """The other triangle of the matrix is not read."""
    part = tril(a) if lower else triu(a)
    return solution(part.T if trans in (1, "T") else part, b)


@implements("scipylinalg.cholesky")
def cholesky_of_scipy(a: object, lower: bool = False) -> Array:
    return cholesky(a, upper=not lower)


refuses("for full column rank write np.linalg.inv(A.T @ A) @ A.T", "linalg.pinv")
refuses(
    "of the matrix factorisations only cholesky has one; inv, solve, det and slogdet have, too",
    "linalg.eigh", "linalg.eigvalsh", "linalg.eig", "linalg.eigvals", "linalg.svd", "linalg.qr",
    "linalg.svdvals", "linalg.cond", "linalg.matrix_rank", "linalg.lstsq", "scipylinalg.svd", "scipylinalg.qr",
    "scipylinalg.eigh", "scipylinalg.eig", "scipylinalg.lu",
    "scipylinalg.expm", "scipylinalg.sqrtm", "scipylinalg.logm",
)  # fmt: skip
