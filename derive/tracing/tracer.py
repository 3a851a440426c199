"""A NumPy function as a program: the function is run with arrays that remember how they were made.

The three most important functions are ``trace``, ``_run`` (one run) and ``_agree`` (two runs with other sizes must
make the same program, so that no number hides a size).
"""

from __future__ import annotations

import ast
import dis
import inspect
import itertools
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from types import CodeType, FrameType
from typing import Any

import sympy

from derive.algebra import tidy
from derive.contraction import decided
from derive.definitions import Definition
from derive.errors import MissingRuleError, NotationError
from derive.index import as_index
from derive.matching import insert, reads
from derive.nodes import Ref, Sum, Tensor, is_one, is_zero, number, terms_of
from derive.notation import power
from derive.program import Program, Source
from derive.prose import quoted
from derive.recognition import Recognition, recognised
from derive.render.phrases import DOMAINS
from derive.size_algebra import Size, as_expression, as_size, certainly_nonnegative, plus, size, times
from derive.statements import Statement, assume
from derive.tracing.arrays import Array
from derive.tracing.conversion import as_array
from derive.tracing.copying import copied
from derive.tracing.rolling import rolled
from derive.tracing.session import _CURRENT, Session, Specialise, TooSmall
from derive.tree import key, replace_tensors, substitute

__all__ = ["Shapes", "trace"]

Shapes = Mapping[str, Any]
"""Shapes by the names of arguments: tuples of sizes, which are names, integers or expressions such as ``"4*e"``."""

STEP, LARGEST = 20, 200
"""By how much sizes of a run are raised that are too small for the code, and how far."""
WORD = re.compile(r"[a-z]{4,8}")
"""The name of a function that its result is called by: a word that is no longer than most symbols can be."""
SPECIALISED = 3
"""The number that stands for a size which the code needs a number for; for others the numbers after it."""


def trace(function: Callable[..., Any], shapes: Shapes, assumptions: Callable[..., Any] | None = None) -> Program:
    """The program that a NumPy function computes, with symbolic sizes.

    ``shapes`` says the shape of every argument that is differentiated or read as an array; an argument without a
    shape keeps its default value. ``assumptions`` is a function of the same arguments that returns a list of
    comparisons, such as ``[Y.sum(axis=1) == 1]``. A size that the code counts up to is replaced by a number, which
    ``notes`` of the program says.
    Raises: NotationError where the function does what no formula can, MissingRuleError where an operation has no
    rule; both name the line.
    """
    plan = _planned(function, shapes)
    fixed: dict[str, int] = {}
    notes: dict[str, str] = {}
    while True:
        try:
            one, two = (_run(plan, function, assumptions, fixed, run) for run in (0, 1))
        except TooSmall as needed:
            plan = _raised(plan, needed)
            continue
        except Specialise as needed:
            for name in needed.names:
                fixed[name] = SPECIALISED + len(fixed)
                notes[name] = needed.reason
            continue
        hidden = _hidden(plan, function, assumptions, fixed, one, two)
        if not hidden:
            said = tuple(map(_note, notes, notes.values(), fixed.values()))
            found = recognised(one)
            items = tuple(replace(item, body=tidy(item.body)) for item in found.program.definitions())
            assert one.source is not None
            remarks = (*said, *_least(one.least), *_rounded(one.source.computed_in), *_remarks(found.found))
            source = replace(one.source, outputs=found.program.outputs)
            return replace(found.program, items=items, notes=remarks, source=source)
        for name in hidden:
            fixed[name] = SPECIALISED + len(fixed)
            notes[name] = "the code makes a number of this size"


def _note(name: str, reason: str, value: int) -> tuple[str, str]:
    return (
        f"Derived for `{name} = {value}`, not for every `{name}`: {_plain(reason)}.",
        f"仅对 `{name} = {value}` 推导, 而非任意 `{name}`: {_plain(reason)}。",
    )


def _raised(plan: _Plan, needed: TooSmall) -> _Plan:
    if plan.raised >= LARGEST:
        raise NotationError(needed.reason)
    return replace(plan, raised=plan.raised + STEP)


def _least(lengths: Sequence[Size]) -> Iterator[tuple[str, str]]:
    """One sentence on the sizes that the code needs, if it reads at fixed places."""
    if lengths:
        listed = ", ".join(f"`{_bounded(length)}`" for length in lengths)
        yield f"Derived for sizes with {listed}.", f"仅对满足 {listed} 的尺寸推导。"


def _rounded(dtype: str) -> Iterator[tuple[str, str]]:
    """One sentence on the type of numbers that the code computes in, where it is a coarse one."""
    if dtype != "float64":
        yield (
            f"The code rounds to `{dtype}`: derived for real numbers, and compared within that rounding.",
            f"代码舍入到 `{dtype}`: 推导针对实数, 比较时允许该舍入误差。",
        )


def _bounded(length: Size) -> str:
    whole = as_expression(length)
    constant = whole.as_coefficients_dict()[sympy.Integer(1)]
    return f"{whole - constant} ≥ {1 - constant}"


def _strictest(lengths: Iterable[Size], program: Program) -> tuple[Size, ...]:
    """The lengths without those that are no shorter than another one, or than an axis."""
    axes = {axis for t in (*program.inputs, *(d.tensor for d in program.definitions())) for axis in t.axes}
    listed = [one for one in lengths if not any(_at_least(one, axis) for axis in axes)]
    return tuple(one for one in listed if not any(_at_least(one, other) and one != other for other in listed))


def _at_least(one: Size, other: Size) -> bool:
    return certainly_nonnegative(plus(one, times(other, -1)))


def _remarks(found: Sequence[Recognition]) -> Iterator[tuple[str, str]]:
    """One sentence on the functions that were recognised, if any were."""
    places = dict.fromkeys((one.name, quoted(one.tensor.name)) for one in found)
    if places:
        english = ", ".join(f"{function} in {where}" for function, where in places)
        chinese = "、".join(f"{where} 中的 {function}" for function, where in places)
        yield f"Recognised: {english}.", f"识别出 {chinese}。"


def _plain(text: str) -> str:
    return text.replace("`", "'")


# ----------------------------------------------------------------------------------------------------- the plan


@dataclass(frozen=True)
class _Plan:
    """The arguments that are arrays with their shapes, and the size symbols in them."""

    shapes: dict[str, tuple[Size, ...]]
    symbols: tuple[sympy.Symbol, ...]
    name: str
    raised: int = 0


def _planned(function: Callable[..., Any], shapes: Shapes) -> _Plan:
    parameters = inspect.signature(function).parameters
    symbols: dict[str, sympy.Symbol] = {}
    read = {name: _shape(name, shape, symbols) for name, shape in shapes.items()}
    for name in read:
        if name not in parameters:
            raise NotationError(f"the function has no argument {name!r}; it has {', '.join(parameters) or 'none'}")
    for name, one in parameters.items():
        if one.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
            raise NotationError(
                f"{one} takes any number of arguments: write a function of named ones around this one"
            )
        if name not in read and one.default is inspect.Parameter.empty:
            raise NotationError(f"the argument {name!r} needs a shape: shapes={{{name!r}: (…)}}, () for a number")
    ordered = {name: read[name] for name in parameters if name in read}
    return _Plan(ordered, tuple(symbols.values()), _output_name(function))


def _output_name(function: Callable[..., Any]) -> str:
    name = getattr(function, "__name__", "")
    return name if name.isidentifier() else "y"


def _shape(name: str, shape: Any, symbols: dict[str, sympy.Symbol]) -> tuple[Size, ...]:
    axes = shape if isinstance(shape, (tuple, list)) else (shape,)
    return tuple(_size(name, axis, symbols) for axis in axes)


def _size(name: str, axis: Any, symbols: dict[str, sympy.Symbol]) -> Size:
    if isinstance(axis, str):
        try:
            return _size_of_tree(ast.parse(axis.strip(), mode="eval").body, symbols)
        except (SyntaxError, NotationError) as error:
            raise NotationError(
                f"the shape of {name!r} holds {axis!r}: a size is a name, an integer, or made of them by + - * //"
            ) from error
    if isinstance(axis, sympy.Expr):
        for symbol in axis.free_symbols:
            symbols.setdefault(symbol.name, symbol)
    return as_size(axis)


def _size_of_tree(tree: ast.expr, symbols: dict[str, sympy.Symbol]) -> Size:
    """A size from its expression; nothing is executed."""
    if isinstance(tree, ast.Name):
        return symbols.setdefault(tree.id, size(tree.id))
    if isinstance(tree, ast.Constant) and isinstance(tree.value, int) and not isinstance(tree.value, bool):
        return tree.value
    if isinstance(tree, ast.BinOp):
        left, right = _size_of_tree(tree.left, symbols), _size_of_tree(tree.right, symbols)
        found: Any
        if isinstance(tree.op, ast.Add):
            found = left + right
        elif isinstance(tree.op, ast.Sub):
            found = left - right
        elif isinstance(tree.op, ast.Mult):
            found = left * right
        elif isinstance(tree.op, ast.FloorDiv):
            found = sympy.floor(as_expression(left) / as_expression(right))
        else:
            raise NotationError("no size")
        return as_size(sympy.expand(found) if isinstance(found, sympy.Expr) else found)
    raise NotationError("no size")


# ------------------------------------------------------------------------------------------------------ one run


# The second in another order and odd: what the code decides by comparing or halving sizes is seen.
_VALUES = ((4, 6, 10, 14, 22, 26, 34, 38, 46, 58, 62, 74), (83, 71, 61, 53, 47, 37, 31, 29, 23, 17, 13, 11))


def _run(
    plan: _Plan,
    function: Callable[..., Any],
    assumptions: Callable[..., Any] | None,
    fixed: Mapping[str, int],
    run: int | Mapping[str, int],
) -> Program:
    """The program of one run, its sizes worth what the run says; those in ``fixed`` are numbers."""
    numbers = {s: sympy.Integer(fixed[s.name]) for s in plan.symbols if s.name in fixed}
    shapes = {
        name: tuple(as_size(axis.xreplace(numbers)) if isinstance(axis, sympy.Expr) else axis for axis in shape)
        for name, shape in plan.shapes.items()
    }
    live = [s for s in plan.symbols if s.name not in fixed]
    worth = [n + plan.raised for n in _VALUES[run]] if isinstance(run, int) else [run[s.name] for s in live]
    here = Session(dict(zip(live, worth, strict=False)), plan.shapes)
    token = _CURRENT.set(here)
    try:
        inputs = {name: Tensor(name, shape) for name, shape in shapes.items()}
        ours = copied(function)
        arguments = {name: _argument(here, tensor) for name, tensor in inputs.items()}
        with _naming(here):
            result = _called(here, ours, arguments)
        outputs = _outputs(here, plan.name, result)
        said = _assumed(assumptions, {name: _argument(here, tensor) for name, tensor in inputs.items()}, function)
        given = (*inputs.values(), *here.constants)
        accumulated = _accumulated(here, outputs)
        definitions = [replace(d, body=decided(rolled(d.body, here.letter))) for d in accumulated]
        program = _needed(given, definitions, outputs, said, here.constants)
        read = tuple(t for t in program.inputs if t not in here.constants)
        source = Source(function, read, program.outputs, assumptions, here.computed_in)
        return replace(program, least=_strictest(here.least, program), source=source)
    finally:
        _CURRENT.reset(token)


def _called(here: Session, function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    """What the function returns. An error of Python or NumPy is said with its line; ``except`` passes over none."""
    try:
        result = function(**arguments)
    except (NotationError, MissingRuleError, Specialise):
        raise
    except Exception as error:
        if here.needed is not None:
            raise here.needed from error
        raise NotationError(here.raised(error)) from error
    if here.needed is not None:
        raise here.needed
    unused = [message for tensor, message in here.whole.items() if tensor.below is None]
    for message in (*here.refused, *unused):
        raise MissingRuleError(message)
    return result


def _argument(here: Session, tensor: Tensor) -> Array:
    letters = tuple(here.letter(axis) for axis in tensor.axes)
    found = Array(letters, tensor[letters], "real" if tensor.below is None else "integer")
    found.given = True
    return found


def _outputs(here: Session, name: str, result: Any) -> tuple[Tensor, ...]:
    if result is None:
        raise NotationError(f"{name} returns nothing: return an array or a number")
    listed = list(result) if isinstance(result, (tuple, list)) else [result]
    found = []
    for m, one in enumerate(listed):
        array = as_array(one)
        tensor = _tensor_of(array)
        if tensor is None or tensor.definition is None or tensor in found:
            plain = _plain_name(here, name, array) if len(listed) == 1 else f"{name}_{m}"
            tensor = here.define(array.label or plain, array.letters, array.body).tensor
            tensor.role = "" if array.label else "output"
        found.append(tensor)
    return tuple(found)


def _plain_name(here: Session, name: str, array: Array) -> str:
    """A name for an output that has none: that of the function for a number, if it is short, else L, y or Y."""
    letter = "L" if not array.ndim else "y" if array.ndim == 1 else "Y"
    if not array.ndim and WORD.fullmatch(name):
        return name
    return letter if letter not in here.taken | here.variables else "out" if array.ndim else name


def _tensor_of(array: Array) -> Tensor | None:
    """The tensor that an array is, axis for axis."""
    body = array.body
    if isinstance(body, Ref) and body.indices == tuple(as_index(x) for x in array.letters):
        return body.tensor
    return None


def _accumulated(here: Session, outputs: Sequence[Tensor]) -> list[Definition]:
    """The definitions; a variable that was added to step by step has one, as if it had been added up at once."""
    found: list[Definition] = []
    for d in _with_parts(here, outputs):
        for before in reversed(found):
            same = here.variables_of[before.tensor] == here.variables_of[d.tensor]
            if same and any(isinstance(t, Ref) and t.tensor is before.tensor for t in terms_of(d.body)):
                others = (x for x in here.definitions if x is not d and before.tensor in x.body.tensors)
                if reads(d.body, before.tensor) == 1 and next(others, None) is None:
                    d = replace(d, body=insert(d.body, before))
                    d.tensor.definition = d
                    found.remove(before)
                break
        found.append(d)
    return found


def _with_parts(here: Session, outputs: Sequence[Tensor]) -> list[Definition]:
    """The definitions, without names of parts of arrays where one name is given to several parts, as in a loop."""
    times = Counter(here.variables_of[d.tensor] for d in here.definitions)
    parts = {
        d.tensor
        for d in here.definitions
        if isinstance(d.body, Ref) and times[here.variables_of[d.tensor]] > 1 and d.tensor not in outputs
    }
    found: list[Definition] = []
    for d in here.definitions:
        for part in found:
            if part.tensor in parts & d.body.tensors:
                d = replace(d, body=insert(d.body, part))
                d.tensor.definition = d
        found.append(d)
    return [d for d in found if d.tensor not in parts]


def _needed(
    inputs: Sequence[Tensor],
    definitions: Sequence[Definition],
    outputs: Sequence[Tensor],
    said: Sequence[Statement],
    constants: Mapping[Tensor, Any],
) -> Program:
    """The program of what the outputs need."""
    wanted = set(outputs)
    kept: list[Definition] = []
    for d in reversed(definitions):
        if d.tensor in wanted:
            kept.append(d)
            wanted |= d.body.tensors
    return Program(tuple(inputs), tuple(reversed(kept)), tuple(outputs), tuple(said), constants=dict(constants))


def _assumed(
    assumptions: Callable[..., Any] | None, arguments: Mapping[str, Array], function: Callable[..., Any]
) -> list[Statement]:
    if assumptions is None:
        return []
    asked: Mapping[str, Any] = inspect.signature(assumptions).parameters
    if any(one.kind is inspect.Parameter.VAR_KEYWORD for one in asked.values()):
        asked = dict.fromkeys(arguments)
    unknown = [name for name in asked if name not in arguments]
    if unknown:
        raise NotationError(f"the assumptions ask for {unknown[0]!r}, which has no shape")
    found = copied(assumptions)(**{name: arguments[name] for name in asked})
    listed = found if isinstance(found, list) else [found]
    said = [_statement(one) for one in listed if not _declared(one)]
    return [one for one in said if not _is_domain(one)]


def _declared(said: Any) -> bool:
    """Whether this is an argument with the name of a domain: ``(S, "positive definite")``."""
    if not isinstance(said, tuple):
        return False
    array, domain = said
    tensor = _tensor_of(array) if isinstance(array, Array) else None
    if tensor is None or tensor.definition is not None or domain not in DOMAINS:
        raise NotationError(f"a domain is said as (argument, one of {', '.join(map(repr, DOMAINS))})")
    tensor.domain = domain
    return True


def _is_domain(said: Statement) -> bool:
    """Whether this says where the entries of an argument lie and no more, which the argument remembers."""
    left, right = said.left, said.right
    _remember_rows(said)
    if is_one(left) and said.relation == ">" and isinstance(right, Ref) and right.tensor.domain == "positive":
        # x > 0 was said before x < 1
        right.tensor.domain = "unit interval"
        return True
    if not isinstance(left, Ref) or left.tensor.definition is not None:
        return False
    if said.relation == ">" and is_zero(right) and left.tensor.domain == "unit sum":
        left.tensor.domain = "simplex"
        return True
    if left.tensor.domain != "real":
        return False
    if isinstance(right, Ref) and right.tensor is left.tensor and right.indices == left.indices[::-1]:
        left.tensor.domain = "symmetric"
        return len(left.indices) == 2
    if said.relation in (">", "≥") and is_zero(right) and len(set(left.indices)) == len(left.tensor.axes):
        left.tensor.domain = "positive" if said.relation == ">" else "nonnegative"
        return True
    return False


def _statement(said: Any) -> Statement:
    if not isinstance(said, Array) or said.compared is None:
        raise NotationError("an assumption is a comparison of arrays, such as Y.sum(axis=1) == 1")
    from derive.tracing.broadcasting import together

    one, relation, two = said.compared
    _, (left, right) = together(one, two)
    if relation in ("<", "≤"):
        left, right, relation = right, left, {"<": ">", "≤": "≥"}[relation]
    return assume(left, relation, right)


def _remember_rows(said: Statement) -> None:
    """An argument whose rows sum to 1, or have length 1, is drawn with such rows when a derivation is checked."""
    total = said.left
    if said.relation != "=" or not is_one(said.right) or not isinstance(total, Sum) or len(total.letters) != 1:
        return
    for body, domain in ((total.body, "unit sum"), (getattr(total.body, "base", None), "unit norm")):
        if isinstance(body, Ref) and body.tensor.definition is None and body.tensor.domain in ("real", "positive"):
            last = body.indices[-1].letter if body.indices else None
            if last is total.letters[0] and (domain == "unit sum" or total.body == power(body, number(2))):
                positive = body.tensor.domain == "positive" and domain == "unit sum"
                body.tensor.domain = "simplex" if positive else domain


# ------------------------------------------------------------------------------------------------------- naming


STORES = frozenset({"STORE_FAST", "STORE_DEREF", "STORE_FAST_STORE_FAST", "STORE_FAST_LOAD_FAST"})


class _naming:
    """While a function runs, an array that it binds to a name gets that name before anything else is done with it."""

    def __init__(self, here: Session) -> None:
        self.here = here

    def __enter__(self) -> None:
        self.before = sys.gettrace()
        sys.settrace(self._entered)

    def __exit__(self, *_: object) -> None:
        sys.settrace(self.before)

    def _entered(self, frame: FrameType, event: str, _: object) -> Any:
        plain = frame.f_code.co_name == "<lambda>" or not frame.f_code.co_name.startswith("<")
        if frame.f_code not in self.here.codes or not plain:
            return None
        frame.f_trace_opcodes = True
        return self._went_on

    def _went_on(self, frame: FrameType, event: str, _: object) -> Any:
        names: Iterable[str] = ()
        if event in ("line", "return"):
            names = list(frame.f_locals)
        elif event == "opcode":
            names = _bound_before(frame.f_code).get(frame.f_lasti, ())
        for name in names:
            self._bound(name, frame.f_locals.get(name))
        return self._went_on

    def _bound(self, name: str, value: Any) -> None:
        if isinstance(value, Array):
            self._want(name, value, direct=True)
        elif isinstance(value, (list, tuple)) and len(value) <= 64:
            for m, one in enumerate(value):
                if isinstance(one, Array):
                    self._want(f"{name}_{m}", one)

    def _want(self, name: str, array: Array, *, direct: bool = False) -> None:
        """An array has the first name that it is bound to, a part of one with a name, too; another view has none."""
        array.label = array.label or name
        if direct and array.is_part:
            array.wanted = name
            return
        if array.base is not None and not array.base.wanted and not array.base.is_anonymous:
            return
        if array.is_anonymous and not array.wanted:
            array.wanted, array.base, array.source = name, None, None


@lru_cache
def _bound_before(code: CodeType) -> dict[int, tuple[str, ...]]:
    """The variables that the instruction before has bound, by the places of instructions."""
    stores = ((one, after) for one, after in itertools.pairwise(dis.get_instructions(code)) if one.opname in STORES)
    return {after.offset: (one.argval if isinstance(one.argval, tuple) else (one.argval,)) for one, after in stores}


# ------------------------------------------------------------------------------------------- numbers that hide sizes


def _hidden(
    plan: _Plan,
    function: Callable[..., Any],
    assumptions: Callable[..., Any] | None,
    fixed: Mapping[str, int],
    one: Program,
    two: Program,
) -> list[str]:
    """The sizes that the code made a number of: with another value the program is another one."""
    if _agree(one, two):
        return []
    live = [s.name for s in plan.symbols if s.name not in fixed]
    worth = dict(zip(live, (n + plan.raised for n in _VALUES[0]), strict=False))
    found = []
    for name in live:
        other = _run(plan, function, assumptions, fixed, {**worth, name: 87 + plan.raised})
        if not _agree(one, other):
            found.append(name)
    return found or live


def _agree(one: Program, two: Program) -> bool:
    """Whether two programs are the same but for their letters and tensors."""
    names = [[t.name for t in (*p.inputs, *(d.tensor for d in p.definitions()))] for p in (one, two)]
    if names[0] != names[1]:
        return False
    known = {two.tensor(name): one.tensor(name) for name in names[0]}
    for ours, theirs in zip(one.definitions(), two.definitions(), strict=True):
        if ours.tensor.axes != theirs.tensor.axes:
            return False
        letters = dict(zip(theirs.letters, ours.letters, strict=True))
        if key(replace_tensors(substitute(theirs.body, letters), known)) != key(ours.body):
            return False
    return True
