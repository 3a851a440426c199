"""One run of a function that is traced: what its sizes are worth, which names are taken, where the run is.

Data
    ``Session``     the sizes of this run, the definitions made so far, the letters of axes.
    ``Specialise``  raised where the code needs a number in the place of a size: the run begins again with one.
    ``TooSmall``    raised where a size of the run is too small for the code: the run begins again with larger ones.
"""

from __future__ import annotations

import linecache
import sys
import traceback
from collections.abc import Collection, Iterable, Mapping
from contextvars import ContextVar
from types import CodeType, FrameType
from typing import Any

import numpy as np
import sympy

from derive.definitions import Definition
from derive.errors import NotationError
from derive.index import Letter
from derive.nodes import Node, Number, Tensor
from derive.size_algebra import Size, certainly_nonnegative, evaluate_size, plus, size_symbols
from derive.tree import renew_binders, substitute, walk

__all__ = ["Session", "Specialise", "TooSmall", "session"]

LETTERS = "ijklmpqrstuvwabcdefgh"
"""Names of letters, in the order in which axes get them."""

QUOTED = 88
"""How much of a line of the user's code a message quotes."""
LISTED = 6
"""Up to how many numbers of an array that the code holds are said where it is named."""


class Specialise(Exception):
    """The code needs a number where there is a size."""

    def __init__(self, names: Collection[str], reason: str) -> None:
        super().__init__(f"{', '.join(names)}: {reason}")
        self.names = tuple(names)
        self.reason = reason


class TooSmall(Specialise):
    """The code reads beyond the end of an axis in this run: the run begins again with larger sizes."""


class Session:
    """The state of one run."""

    def __init__(self, values: Mapping[sympy.Symbol, int], taken: Iterable[str]) -> None:
        self.values = dict(values)
        self.needed: Specialise | None = None
        self.least: dict[Size, None] = {}
        self.taken = set(taken) | {symbol.name for symbol in values}
        self.definitions: list[Definition] = []
        self.constants: dict[Tensor, Any] = {}
        self.infinite: set[Tensor] = set()
        self.variables_of: dict[Tensor, str] = {}
        self.codes: set[CodeType] = set()
        self.variables: set[str] = set()
        # what was refused so far, which the code must not pass over, and arguments that must be whole numbers
        self.refused: list[str] = []
        self.whole: dict[Tensor, str] = {}
        self.computed_in = "float64"
        self._letters: dict[Size, str] = {}

    def value(self, size: Size) -> int:
        """What a size is worth in this run."""
        return evaluate_size(size, self.values)

    def specialise(self, size: Size, reason: str) -> None:
        """Ask for a number in the place of a size; nothing where it is a number already."""
        symbols = size_symbols(size)
        if symbols:
            self.needed = Specialise(sorted(s.name for s in symbols), self.here(reason, asked=True))
            raise self.needed

    def require(self, rest: Size, reason: str) -> None:
        """Leave sizes out at which this is negative."""
        if not certainly_nonnegative(rest):
            self.least[plus(rest, 1)] = None
            if self.value(rest) < 0:
                names = sorted(s.name for s in size_symbols(rest))
                self.needed = TooSmall(names, self.here(reason, asked=True))
                raise self.needed

    def round_to(self, dtype: np.dtype[Any]) -> None:
        """The code rounds to this type of real numbers; the formulas do not."""
        if np.finfo(dtype).eps > np.finfo(self.computed_in).eps:
            self.computed_in = dtype.name

    def letter(self, size: Size) -> Letter:
        """A new letter for an axis; axes of one size have letters of one name."""
        if size not in self._letters:
            used = set(self._letters.values())
            used |= self.taken | self.variables
            free = (x for x in LETTERS if x not in used)
            self._letters[size] = next(free, f"i{len(self._letters)}")
        return Letter(self._letters[size], size)

    def enter(self, codes: Iterable[CodeType]) -> None:
        """These are the user's: their lines are named in messages, their variables are no letters."""
        for code in codes:
            self.codes.add(code)
            self.variables.update(code.co_varnames)

    def name(self, wanted: str) -> str:
        """A name that no tensor and no size has yet."""
        plain, number = wanted, 0
        while wanted in self.taken:
            number += 1
            wanted = f"{plain}_{number}"
        self.taken.add(wanted)
        return wanted

    def define(self, wanted: str, letters: tuple[Letter, ...], body: Node) -> Definition:
        """A new definition; the letters are made its own."""
        own = {x: Letter(x.name, x.size) for x in letters}
        tensor = Tensor(self.name(wanted), tuple(x.length for x in letters))
        self.variables_of[tensor] = wanted
        made = Definition(tensor, tuple(own.values()), renew_binders(substitute(body, own)))
        tensor.definition = made
        self.definitions.append(made)
        if self.may_be_infinite(made.body):
            self.infinite.add(tensor)
        return made

    def may_be_infinite(self, node: Node) -> bool:
        """Whether infinity is written in an expression, or in what it reads."""
        return not self.infinite.isdisjoint(node.tensors) or any(
            isinstance(below, Number) and below.value.is_infinite for below in walk(node)
        )

    def constant(self, values: Any, held: object) -> Tensor:
        """The tensor that stands for an array of numbers which the code holds as ``held``; one for one array."""
        for tensor, known in self.constants.items():
            if known is values or (known.shape == values.shape and bool((known == values).all())):
                return tensor
        tensor = Tensor(self.name(self.held_as(held)), tuple(int(axis) for axis in values.shape))
        listed = ": " + ", ".join(f"{x:g}" for x in values.flat) if values.ndim == 1 and values.size <= LISTED else ""
        tensor.meaning = (f"numbers in the code{listed}", f"代码中的数{listed}")
        if values.dtype.kind in "biu" and values.min() >= 0:
            tensor.below = int(values.max()) + 1
        elif (values > 0).all():
            tensor.domain = "positive"
        self.constants[tensor] = values
        if np.isinf(values).any():
            self.infinite.add(tensor)
        return tensor

    def held_as(self, value: object) -> str:
        """The name of the variable that holds a value where the user's code is."""
        frame = self.frame()
        while frame is not None and frame.f_code in self.codes:
            code = frame.f_code
            known = {n: frame.f_globals[n] for n in code.co_names if n in frame.f_globals} | frame.f_locals
            for name, one in known.items():
                if one is value and name.strip("_").isidentifier():
                    return name.strip("_")
            frame = frame.f_back
        return "const"

    def frame(self) -> FrameType | None:
        """Where the user's code is; None outside of it."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_code not in self.codes:
            frame = frame.f_back
        return frame

    def here(self, message: str, *, asked: bool = False) -> str:
        """The message with the line of the user's code that the run has reached.

        It is a refusal, which the run does not outlive, unless the code may have ``asked`` for it.
        """
        frame = self.frame()
        said = message if frame is None else _located(frame.f_code, frame.f_lineno, message)
        if not asked:
            self.refused.append(said)
        return said

    def raised(self, error: Exception) -> str:
        """What to say of an error of Python or NumPy that the user's code runs into."""
        found = traceback.walk_tb(error.__traceback__)
        places = [(frame.f_code, line) for frame, line in found if frame.f_code in self.codes]
        if str(error) in self.refused:
            return str(error)
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        if "setting an array element" in said:
            said = "an array of plain numbers cannot hold what is traced: make it with np.zeros or np.empty"
        return _located(*places[-1], said) if places else said


def _located(code: CodeType, line: int, message: str) -> str:
    quoted = linecache.getline(code.co_filename, line).strip()
    quoted = quoted if len(quoted) <= QUOTED else f"{quoted[:QUOTED]}…"
    said = f"line {line} of {code.co_name}"
    return f"{said}, `{quoted}`: {message}" if quoted else f"{said}: {message}"


_CURRENT: ContextVar[Session | None] = ContextVar("session", default=None)


def session() -> Session:
    """The run that is going on. Raises: NotationError outside of one."""
    found = _CURRENT.get()
    if found is None:
        raise NotationError("this array belongs to a trace that has ended")
    return found
