"""Arrays while a function is traced: an expression in index notation for each entry.

Data
    ``Array``   letters for its axes, and the expression of the entry at these letters. It has a name once the
                function has bound it to one.

The most important function is ``Array.at``, the entry at any indices. Arrays of several shapes come together in
``broadcasting``, numbers and NumPy's own arrays become arrays of the run in ``conversion``, parts are read and
written in ``indexing``; NumPy's functions are in ``elementwise``, ``reductions``, ``products``, ``shaping``,
``joining`` and ``linear_algebra``.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from derive.contraction import decided
from derive.errors import MissingRuleError, NotationError
from derive.index import Index, Letter, as_index
from derive.nodes import Apply, Node, Ref, shape_text
from derive.notation import add
from derive.size_algebra import Size
from derive.tracing.conditions import is_condition
from derive.tracing.lengths import Length, length, product
from derive.tracing.session import session
from derive.tree import substitute, walk

__all__ = ["Array", "NoSuchMethodError", "dtype_of", "joint_kind"]


class Array:
    """An array of a run: letters for its axes, and the expression of the entry at these letters.

    ``kind`` is real, integer or boolean. An integer array whose entries are affine in its letters can be an index.
    """

    __array_priority__ = 1000.0
    __slots__ = (
        "__weakref__", "_body", "_letters", "base", "compared", "definite", "given", "kind", "label", "landed",
        "source", "stale", "views", "wanted",
    )  # fmt: skip

    def __init__(self, letters: Sequence[Letter], body: Node, kind: str = "real", base: Array | None = None) -> None:
        self._letters = tuple(letters)
        self._body = body
        self.kind = kind
        self.compared: tuple[Array, str, Array] | None = None
        self.definite = True
        # whether this is an argument itself, which is not the function's to write to
        self.given = False
        self.stale = ""
        self.wanted = self.label = ""
        self.views: weakref.WeakSet[Array] = weakref.WeakSet()
        # where a part of an array was read, and where it was written back
        self.source: tuple[Array, object] | None = None
        self.landed: tuple[Array, object] | None = None
        self.base = None
        if base is not None:
            self.base = base if base.base is None else base.base
            self.base.views.add(self)

    # ------------------------------------------------------------------------------------------- what it is

    @property
    def letters(self) -> tuple[Letter, ...]:
        """A letter for each axis."""
        self._take_name()
        return self._letters

    @property
    def body(self) -> Node:
        """The entry at the letters. Raises: NotationError where the array that this is a view of was written to."""
        if self.stale:
            raise NotationError(session().here(self.stale))
        if not self.definite:
            raise MissingRuleError(
                session().here("== of real numbers is for assumptions; in a function compare by <, <=, > or >=")
            )
        self._take_name()
        return self._body

    @property
    def is_anonymous(self) -> bool:
        """Whether the entries are those of no tensor yet."""
        return not isinstance(self._body, Ref)

    @property
    def is_part(self) -> bool:
        """Whether the entries are some of those of a tensor."""
        return self.source is not None and isinstance(self._body, Ref) and self._body.tensor.axes != self.sizes

    def _take_name(self) -> None:
        """The name that the array is bound to, once it is used: what is written in parts has one name."""
        if self.wanted and self.definite and not self.stale:
            wanted, self.wanted = self.wanted, ""
            computed = self._body.tensors or any(isinstance(below, Apply) for below in walk(self._body))
            if computed and (self.is_anonymous or self.is_part) and self.kind == "real":
                # an axis that is kept with length 1 says nothing: the name is without it
                kept = tuple(x for x in self._letters if x.length != 1)
                first = {x: as_index(0) for x in self._letters if x.length == 1}
                body = decided(substitute(self._body, first)) if first else self._body
                made = session().define(wanted, kept, body)
                self._letters = tuple(session().letter(x.length) for x in self._letters)
                self._body = made.tensor[tuple(x for x in self._letters if x.length != 1)]

    @property
    def sizes(self) -> tuple[Size, ...]:
        """The sizes of the axes."""
        return tuple(x.length for x in self._letters)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(length(size) for size in self.sizes)

    @property
    def ndim(self) -> int:
        return len(self._letters)

    @property
    def size(self) -> int:
        return product(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype({"real": float, "integer": int, "boolean": bool}[self.kind])

    @property
    def T(self) -> Array:
        return Array(self.letters[::-1], self.body, self.kind, self)

    @property
    def real(self) -> Array:
        return self

    @property
    def flat(self) -> Any:
        return self.ravel()

    def at(self, indices: Sequence[Index]) -> Node:
        """The entry at these indices."""
        entry = substitute(self.body, dict(zip(self.letters, indices, strict=True)))
        return decided(entry) if any(not index.terms for index in indices) else entry

    def __len__(self) -> int:
        if not self._letters:
            raise TypeError(session().here("a scalar has no length"))
        return int(self.shape[0])

    def __repr__(self) -> str:
        return f"<array of shape {shape_text(self.sizes)}>"

    def __hash__(self) -> int:
        return id(self)

    # ---------------------------------------------------------------------------------- what it is not here

    def __bool__(self) -> bool:
        raise NotationError(
            session().here(
                "a branch depends on values, which a derivation has none of: write np.where(condition, a, b), "
                "np.maximum or np.minimum"
            )
        )

    def _no_number(self, kind: str) -> NotationError:
        return NotationError(
            session().here(f"{kind} needs a value, and a derivation has none: leave the array as it is")
        )

    def __float__(self) -> float:
        raise self._no_number("float(…)")

    def __int__(self) -> int:
        raise self._no_number("int(…)")

    def __index__(self) -> int:
        raise self._no_number("an index made of values, or range(…),")

    def __complex__(self) -> complex:
        raise self._no_number("complex(…)")

    def __iter__(self) -> Iterator[Array]:
        if not self._letters:
            raise TypeError(session().here("a scalar cannot be iterated over"))
        session().specialise(self.sizes[0], "the code goes through the entries of this axis one by one")
        return (self[m] for m in range(int(self.shape[0])))

    def __array__(self, *_: object, **__: object) -> Any:
        raise NotationError(
            session().here(
                "NumPy or SciPy asks for values here, which a derivation has none of; an array that these are "
                "written to is made with np.zeros or np.empty"
            )
        )

    def __format__(self, spec: str) -> str:
        """What an f-string says of it: its values nobody knows."""
        return repr(self)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: object, **options: Any) -> Any:
        from derive.tracing.numpy_shim import call

        name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
        (out,) = options.get("out", (None,))
        if isinstance(out, np.ndarray) and inputs[0] is out:
            # k *= x where k is an array of plain numbers: Python binds the name to what is returned
            options.pop("out")
        return call(name, inputs, options)

    def __array_function__(self, function: Any, types: object, args: Any, kwargs: Any) -> Any:
        from derive.tracing.numpy_shim import call, path_of

        return call(path_of(function), args, kwargs)

    # ------------------------------------------------------------------------------------------- arithmetic

    def _two(self, other: object, name: str, *, swapped: bool = False) -> Any:
        from derive.tracing.numpy_shim import call

        if not _is_operand(other):
            return NotImplemented
        return call(name, (other, self) if swapped else (self, other), {})

    def __add__(self, other: object) -> Any:
        return self._two(other, "add")

    def __radd__(self, other: object) -> Any:
        return self._two(other, "add", swapped=True)

    def __sub__(self, other: object) -> Any:
        return self._two(other, "subtract")

    def __rsub__(self, other: object) -> Any:
        return self._two(other, "subtract", swapped=True)

    def __mul__(self, other: object) -> Any:
        return self._two(other, "multiply")

    def __rmul__(self, other: object) -> Any:
        return self._two(other, "multiply", swapped=True)

    def __truediv__(self, other: object) -> Any:
        return self._two(other, "divide")

    def __rtruediv__(self, other: object) -> Any:
        return self._two(other, "divide", swapped=True)

    def __floordiv__(self, other: object) -> Any:
        return self._two(other, "floor_divide")

    def __mod__(self, other: object) -> Any:
        return self._two(other, "remainder")

    def __pow__(self, other: object) -> Any:
        return self._two(other, "power")

    def __rpow__(self, other: object) -> Any:
        return self._two(other, "power", swapped=True)

    def __matmul__(self, other: object) -> Any:
        return self._two(other, "matmul")

    def __rmatmul__(self, other: object) -> Any:
        return self._two(other, "matmul", swapped=True)

    def __neg__(self) -> Any:
        return self._two(-1, "multiply", swapped=True)

    def __pos__(self) -> Array:
        return self.copy()

    def __abs__(self) -> Any:
        return self.function("absolute")

    def __lt__(self, other: object) -> Any:
        return self._two(other, "less")

    def __le__(self, other: object) -> Any:
        return self._two(other, "less_equal")

    def __gt__(self, other: object) -> Any:
        return self._two(other, "greater")

    def __ge__(self, other: object) -> Any:
        return self._two(other, "greater_equal")

    def __eq__(self, other: object) -> Any:
        return self._two(other, "equal")

    def __ne__(self, other: object) -> Any:
        return self._two(other, "not_equal")

    def __and__(self, other: object) -> Any:
        return self._two(other, "logical_and")

    def __rand__(self, other: object) -> Any:
        return self._two(other, "logical_and", swapped=True)

    def __or__(self, other: object) -> Any:
        return self._two(other, "logical_or")

    def __ror__(self, other: object) -> Any:
        return self._two(other, "logical_or", swapped=True)

    def __invert__(self) -> Any:
        return self.function("logical_not")

    # ---------------------------------------------------------------------------------------------- writing

    def _write(self, body: Node, kind: str) -> None:
        """What is written to an array is seen by every name that it has; what looked at it before is stale."""
        if self.base is not None:
            raise NotationError(
                session().here("this writes through a view of another array: write to that array itself, out[…] = …")
            )
        if self.given and isinstance(self._body, Ref):
            raise NotationError(
                session().here(
                    f"this writes to the argument {self._body.tensor.name!r}: write to a copy, x = x.copy()"
                )
            )
        for view in self.views:
            view.stale = "this is a view of an array that was written to since: take it again after writing"
        self.views.clear()
        self._body, self.kind = body, kind

    def _in_place(self, other: object, name: str) -> Array:
        from derive.tracing.conversion import as_array
        from derive.tracing.indexing import added, written

        wanted, self.wanted = self.wanted, ""
        found: Array = self._two(other, name)
        self.wanted = wanted
        if found.sizes != self.sizes:
            raise NotationError(
                session().here(f"an array of shape {shape_text(self.sizes)} cannot hold {shape_text(found.sizes)}")
            )
        if not self._letters:
            # a number cannot be written to: Python binds the name, or out[i], to what is returned
            return found
        self.check_holds(found.kind, found.body)
        if self.source is not None:
            array, key = self.source
            if name == "add":
                array._write_part(added, key, other)
            elif name == "subtract":
                array._write_part(added, key, -as_array(other))
            else:
                array._write_part(written, key, found)
            again = array[key]
            again.landed = self.source
            return again
        self._write(found.at([as_index(x) for x in self._letters]), found.kind)
        return self

    def add_at(self, more: Node) -> None:
        """Write to this array what it is with more added to the entry at its letters."""
        self._write(add(self._body, more), "real")

    def __iadd__(self, other: object) -> Array:
        return self._in_place(other, "add")

    def __isub__(self, other: object) -> Array:
        return self._in_place(other, "subtract")

    def __imul__(self, other: object) -> Array:
        return self._in_place(other, "multiply")

    def __itruediv__(self, other: object) -> Array:
        return self._in_place(other, "divide")

    def __getitem__(self, key: object) -> Array:
        from derive.tracing.indexing import read

        return read(self, key)

    def __setitem__(self, key: object, value: object) -> None:
        from derive.tracing.indexing import written

        landed = value.landed if isinstance(value, Array) else None
        if landed is not None and landed[0] is self and landed[1] is key:
            return
        self._write_part(written, key, value)

    def _write_part(
        self, entries: Callable[[Array, object, object], tuple[Node, str]], key: object, value: object
    ) -> None:
        """Write to this array the entries that it has after a part of it was written to."""
        if self.source is not None:
            raise NotationError(
                session().here("this writes to a part of a part: write to the array itself, out[i, j] = …")
            )
        self._write(*entries(self, key, value))

    def check_holds(self, kind: str, body: Node) -> None:
        """Raises: MissingRuleError where entries of this kind would lose their fractions in this array."""
        if self.kind == "integer" and kind == "real" and not is_condition(body):
            raise MissingRuleError(
                session().here("an array of whole numbers cuts off what is written to it: make it with dtype=float")
            )

    # ---------------------------------------------------------------------------------------------- methods

    def function(self, name: str, *args: object, **options: Any) -> Any:
        """NumPy's function of this name, this array first."""
        from derive.tracing.numpy_shim import call

        return call(name, (self, *args), options)

    def __getattr__(self, name: str) -> Any:
        """NumPy's methods that are functions of the array."""
        from derive.tracing.numpy_shim import METHODS

        if name.startswith("__"):
            raise AttributeError(name)
        if name not in METHODS:
            raise NoSuchMethodError(session().here(f"arrays have no {name!r} that could be derived", asked=True))
        return lambda *args, **options: self.function(METHODS[name], *args, **options)

    def copy(self, order: object = None) -> Array:
        return Array(self.letters, self.body, self.kind)

    def astype(self, dtype: Any, *, copy: bool = True) -> Array:
        code = dtype_of(dtype).kind
        if code not in "biuf":
            raise MissingRuleError(
                session().here(f"arrays of {dtype_of(dtype)} have no rule here: take real numbers")
            )
        kind = {"b": "boolean", "f": "real"}.get(code, "integer")
        if kind == "real":
            session().round_to(dtype_of(dtype))
        if kind == self.kind and not copy:
            return self
        if kind == "integer" and self.kind == "real" and not is_condition(self.body):
            message = session().here("astype(int) of real numbers cuts them off: it has no derivative", asked=True)
            if not isinstance(self.body, Ref) or self.body.tensor.definition is not None:
                raise MissingRuleError(message)
            # an argument that is used as an index holds whole numbers
            session().whole[self.body.tensor] = message
            return self.copy()
        if kind == "boolean" and self.kind != "boolean" and not is_condition(self.body):
            differs: Array = self._two(0, "not_equal")
            return differs
        return Array(self.letters, self.body, kind)

    @property
    def mT(self) -> Any:
        return self.function("matrix_transpose")

    def reshape(self, *shape: Any, order: str = "C", copy: object = None) -> Any:
        if not shape:
            raise NotationError(session().here("reshape needs a shape, () for a number"))
        return self.function("reshape", shape[0] if len(shape) == 1 else shape, order=order)

    def ravel(self, order: str = "C") -> Any:
        return self.function("ravel", order=order)

    def flatten(self, order: str = "C") -> Any:
        return self.ravel(order).copy()

    def item(self, *place: Any) -> Any:
        if not place:
            return self.function("reshape", ())
        at = place[0] if len(place) == 1 and isinstance(place[0], tuple) else place
        if len(at) == 1:
            return self.ravel()[at[0]]
        if len(at) != self.ndim:
            raise NotationError(session().here(f"item has {len(at)} indices for {self.ndim} axes"))
        return self[at]

    def tolist(self) -> Any:
        return [one.tolist() for one in self] if self._letters else self

    def fill(self, value: object) -> None:
        self[...] = value

    def __round__(self, digits: object = None) -> Any:
        return self.function("round")

    def transpose(self, *axes: Any) -> Any:
        alone = len(axes) == 1 and not isinstance(axes[0], (int, np.integer))
        return self.function("transpose", axes[0] if alone else axes or None)


def joint_kind(arrays: Iterable[Array]) -> str:
    """The kind of an array that holds entries of all of these."""
    kinds = {array.kind for array in arrays}
    return next((kind for kind in ("real", "integer") if kind in kinds), "boolean")


class NoSuchMethodError(MissingRuleError, AttributeError):
    """A method that arrays have in NumPy, or have not; ``hasattr`` says no."""


def _is_operand(value: object) -> bool:
    return isinstance(value, (Array, int, float, complex, np.number, np.bool_, np.ndarray, Length, list, tuple))


def dtype_of(dtype: Any) -> np.dtype[Any]:
    """NumPy's type of numbers that is meant by ``dtype``, which may be a type of the run."""
    plain = next((t for t in (bool, int, float) if isinstance(dtype, type) and issubclass(dtype, t)), dtype)
    return np.dtype(plain)
