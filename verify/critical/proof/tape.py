"""A function as a tape: one elementary operation after another, run in any arithmetic, differentiated as a tape.

Data
    ``Step``  one operation, on the results of steps before it; a constant or the place of a variable is a ``number``.
    ``Tape``  steps, and which of them are the outputs.

A tape is written by ``Writer``, which writes nothing twice and folds exact constants. The three most important
functions are ``Tape.run`` (the outputs in an arithmetic: numbers, intervals or balls), ``Writer.gradient`` (the
derivatives of a step by all variables, by one sweep backwards) and ``derivatives`` (function, gradient and Hessian on
one tape, which share what they have in common).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

__all__ = ["FUNCTIONS", "Constant", "Step", "Tape", "Writer", "derivatives"]

Constant = Fraction | str
"""An exact number, or ``"pi"`` or ``"e"``."""

# A constant that grows beyond so many bits is not folded any more.
FOLDED_BITS = 512


@dataclass(frozen=True)
class Step:
    """An operation on the results of earlier steps. ``number``: the constant, the variable's place, the exponent."""

    operation: str
    operands: tuple[int, ...] = ()
    number: Any = None


@dataclass(frozen=True)
class Tape:
    """Steps in order, of which ``outputs`` are wanted, in ``dimension`` variables."""

    dimension: int
    steps: tuple[Step, ...]
    outputs: tuple[int, ...]
    last_use: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        last = list(range(len(self.steps)))
        for place, step in enumerate(self.steps):
            for operand in step.operands:
                last[operand] = place
        for output in self.outputs:
            last[output] = len(self.steps)
        object.__setattr__(self, "last_use", tuple(last))

    def run(self, arithmetic: Any, variables: Sequence[Any]) -> list[Any]:
        """The outputs. ``arithmetic`` has a method for every operation; ``variables`` are its numbers."""
        values: list[Any] = []
        for place, step in enumerate(self.steps):
            if step.operation == "variable":
                values.append(variables[step.number])
                continue
            operands = [values[operand] for operand in step.operands]
            extra = () if step.number is None else (step.number,)
            values.append(getattr(arithmetic, step.operation)(*operands, *extra))
            for operand in step.operands:  # what no later step reads makes room
                if self.last_use[operand] == place:
                    values[operand] = None
        return [values[output] for output in self.outputs]

    def only(self, *outputs: int) -> Tape:
        """The tape of some of the outputs, without what the others alone need."""
        wanted, needed = [self.outputs[k] for k in outputs], set()
        todo = list(wanted)
        while todo:
            place = todo.pop()
            if place not in needed:
                needed.add(place)
                todo.extend(self.steps[place].operands)
        moved = {place: k for k, place in enumerate(sorted(needed))}
        steps = (self.steps[place] for place in sorted(needed))
        return Tape(
            self.dimension,
            tuple(Step(step.operation, tuple(moved[k] for k in step.operands), step.number) for step in steps),
            tuple(moved[place] for place in wanted),
        )


class Writer:
    """Writes a tape. Steps are known by their places; equal ones have one place."""

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        self.steps: list[Step] = []
        self._places: dict[Step, int] = {}

    def tape(self, *outputs: int) -> Tape:
        """What was written, with these outputs, and nothing that they do not need."""
        whole = Tape(self.dimension, tuple(self.steps), outputs)
        return whole.only(*range(len(outputs)))

    def write(self, operation: str, *operands: int, number: Any = None) -> int:
        """The place of this step, as it is."""
        step = Step(operation, operands, number)
        if step not in self._places:
            self._places[step] = len(self.steps)
            self.steps.append(step)
        return self._places[step]

    def constant(self, value: Constant | int) -> int:
        """A number, exactly."""
        return self.write("constant", number=Fraction(value) if isinstance(value, int) else value)

    def variable(self, place: int) -> int:
        """A variable."""
        return self.write("variable", number=place)

    def known(self, place: int) -> Fraction | None:
        """The exact value of a step, if it is a rational constant."""
        step = self.steps[place]
        return step.number if step.operation == "constant" and isinstance(step.number, Fraction) else None

    def add(self, a: int, b: int) -> int:
        """a + b."""
        one, other = self.known(a), self.known(b)
        if one is not None and other is not None and (total := _kept(one + other)) is not None:
            return self.constant(total)
        if one == 0:
            return b
        if other == 0:
            return a
        if self.steps[b].operation == "negative":
            return self.subtract(a, self.steps[b].operands[0])
        if self.steps[a].operation == "negative":
            return self.subtract(b, self.steps[a].operands[0])
        return self.write("add", *sorted((a, b)))

    def subtract(self, a: int, b: int) -> int:
        """a - b."""
        one, other = self.known(a), self.known(b)
        if a == b:
            return self.constant(0)
        if one is not None and other is not None and (total := _kept(one - other)) is not None:
            return self.constant(total)
        if other == 0:
            return a
        if one == 0:
            return self.negative(b)
        if self.steps[b].operation == "negative":
            return self.add(a, self.steps[b].operands[0])
        return self.write("subtract", a, b)

    def negative(self, a: int) -> int:
        """-a."""
        value = self.known(a)
        if value is not None:
            return self.constant(-value)
        step = self.steps[a]
        if step.operation == "negative":
            return step.operands[0]
        if step.operation == "subtract":
            return self.subtract(step.operands[1], step.operands[0])
        return self.write("negative", a)

    def multiply(self, a: int, b: int) -> int:
        """a · b. Equal factors become a power, constants are carried to the front."""
        one, other = self.known(a), self.known(b)
        if other is not None:
            a, b, one, other = b, a, other, one
        if one is not None:
            if other is not None and (product := _kept(one * other)) is not None:
                return self.constant(product)
            if one == 0 or one == 1:
                return self.constant(0) if one == 0 else b
            if one == -1:
                return self.negative(b)
            step = self.steps[b]
            if step.operation == "negative":
                return self.multiply(self.constant(-one), step.operands[0])
            if step.operation == "multiply" and (inner := self.known(step.operands[0])) is not None:
                return self.multiply(self.constant(one * inner), step.operands[1])
            return self.write("multiply", a, b)
        for factor, rest in ((a, b), (b, a)):
            step = self.steps[factor]
            if step.operation == "negative":
                return self.negative(self.multiply(step.operands[0], rest))
            if step.operation == "multiply" and self.known(step.operands[0]) is not None:
                return self.multiply(step.operands[0], self.multiply(step.operands[1], rest))
        for factor, rest in ((a, b), (b, a)):
            step = self.steps[factor]
            (base, power) = self._power(rest)
            if step.operation == "positive_inverse" and step.operands[0] == base:
                return self.power(base, power - 1)
        (base, power), (other_base, other_power) = self._power(a), self._power(b)
        if base == other_base and power > 0 and other_power > 0:
            return self.power(base, power + other_power)
        return self.write("multiply", *sorted((a, b)))

    def _power(self, a: int) -> tuple[int, int]:
        step = self.steps[a]
        return (step.operands[0], step.number) if step.operation == "power" else (a, 1)

    def divide(self, a: int, b: int) -> int:
        """a / b."""
        one, other = self.known(a), self.known(b)
        if other:
            return self.multiply(self.constant(1 / other), a)
        if one == 0:
            return a
        return self.write("divide", a, b)

    def power(self, a: int, exponent: int) -> int:
        """a to a whole power."""
        value = self.known(a)
        if exponent == 0:
            return self.constant(1)
        if exponent == 1:
            return a
        if exponent < 0:
            return self.divide(self.constant(1), self.power(a, -exponent))
        if value is not None and (result := _kept(value**exponent if _bits(value) * exponent < 4096 else None)):
            return self.constant(result)
        step = self.steps[a]
        if step.operation == "negative":
            inner = self.power(step.operands[0], exponent)
            return self.negative(inner) if exponent % 2 else inner
        if step.operation == "power":
            return self.power(step.operands[0], step.number * exponent)
        return self.write("power", a, number=exponent)

    def apply(self, function: str, *operands: int) -> int:
        """A function of ``FUNCTIONS``."""
        if function not in FUNCTIONS:
            raise ValueError(f"{function!r} is no operation of a tape: expected one of {', '.join(FUNCTIONS)}")
        return self.write(function, *operands)

    def total(self, places: Sequence[int]) -> int:
        """The sum of several steps."""
        found = self.constant(0)
        for place in places:
            found = self.add(found, place)
        return found

    def product(self, places: Sequence[int]) -> int:
        """The product of several steps."""
        found = self.constant(1)
        for place in places:
            found = self.multiply(found, place)
        return found

    def gradient(self, output: int) -> list[int]:
        """The derivatives of a step by every variable: one sweep from the output back, written as further steps."""
        sensitive = self._moving(output)
        cotangents: dict[int, int] = {output: self.constant(1)}
        found = [self.constant(0)] * self.dimension
        for place in range(output, -1, -1):
            if place not in cotangents or place not in sensitive:
                continue
            cotangent, step = cotangents.pop(place), self.steps[place]
            if step.operation == "variable":
                found[step.number] = cotangent
                continue
            for operand, partial in zip(step.operands, self._partials(place), strict=True):
                if operand in sensitive and partial is not None:
                    gain = self.multiply(cotangent, partial)
                    before = cotangents.get(operand)
                    cotangents[operand] = gain if before is None else self.add(before, gain)
        return found

    def _moving(self, output: int) -> set[int]:
        """The steps before the output that depend on a variable."""
        found: set[int] = set()
        for place in range(output + 1):
            step = self.steps[place]
            if step.operation == "variable" or any(operand in found for operand in step.operands):
                found.add(place)
        return found

    def _partials(self, place: int) -> Sequence[int | None]:
        step = self.steps[place]
        a, b = (*step.operands, place, place)[:2]
        match step.operation:
            case "add":
                return self.constant(1), self.constant(1)
            case "subtract":
                return self.constant(1), self.constant(-1)
            case "negative":
                return (self.constant(-1),)
            case "multiply":
                return b, a
            case "divide":
                return self.divide(self.constant(1), b), self.negative(self.divide(place, b))
            case "power":
                return (self.multiply(self.constant(step.number), self.power(a, step.number - 1)),)
            case _:
                return FUNCTIONS[step.operation](self, place, *step.operands)


def derivatives(writer: Writer, output: int) -> Tape:
    """A tape with the function, its n derivatives, and the upper triangle of its Hessian, row by row."""
    gradient = writer.gradient(output)
    rows = [writer.gradient(entry) for entry in gradient]
    return writer.tape(output, *gradient, *(row[k] for j, row in enumerate(rows) for k in range(j, len(rows))))


def _kept(value: Fraction | None) -> Fraction | None:
    return value if value is not None and _bits(value) <= FOLDED_BITS else None


def _bits(value: Fraction) -> int:
    return value.numerator.bit_length() + value.denominator.bit_length()


def _one_minus_square(w: Writer, a: int) -> int:
    return w.subtract(w.constant(1), w.power(a, 2))


def _over_root(w: Writer, radicand: int) -> int:
    return w.divide(w.constant(1), w.apply("sqrt", radicand))


Rule = Callable[..., Sequence[int | None]]

FUNCTIONS: dict[str, Rule] = {
    "sqrt": lambda w, y, a: (w.divide(w.constant(Fraction(1, 2)), y),),
    "exp": lambda w, y, a: (y,),
    "log": lambda w, y, a: (w.apply("positive_inverse", a),),
    # 1/a of what is positive wherever the function has a value: the argument of a logarithm.
    "positive_inverse": lambda w, y, a: (w.negative(w.power(y, 2)),),
    "sin": lambda w, y, a: (w.apply("cos", a),),
    "cos": lambda w, y, a: (w.negative(w.apply("sin", a)),),
    "tan": lambda w, y, a: (w.add(w.constant(1), w.power(y, 2)),),
    "sinh": lambda w, y, a: (w.apply("cosh", a),),
    "cosh": lambda w, y, a: (w.apply("sinh", a),),
    "tanh": lambda w, y, a: (_one_minus_square(w, y),),
    "asin": lambda w, y, a: (_over_root(w, _one_minus_square(w, a)),),
    "acos": lambda w, y, a: (w.negative(_over_root(w, _one_minus_square(w, a))),),
    "atan": lambda w, y, a: (w.divide(w.constant(1), w.add(w.constant(1), w.power(a, 2))),),
    "asinh": lambda w, y, a: (_over_root(w, w.add(w.constant(1), w.power(a, 2))),),
    "erf": lambda w, y, a: (
        w.multiply(
            w.divide(w.constant(2), w.apply("sqrt", w.constant("pi"))), w.apply("exp", w.negative(w.power(a, 2)))
        ),
    ),
    # The derivatives of these jump; arithmetics say where an argument meets the kink.
    "abs": lambda w, y, a: (w.apply("sign", a),),
    "sign": lambda w, y, a: (None,),
    "step": lambda w, y, a: (None,),
    "maximum": lambda w, y, a, b: (w.apply("step", w.subtract(a, b)), w.apply("step", w.subtract(b, a))),
    "minimum": lambda w, y, a, b: (w.apply("step", w.subtract(b, a)), w.apply("step", w.subtract(a, b))),
}
"""Every function of a tape, with its derivatives: (writer, the step, its operands) -> a step for each operand."""
