"""A tape in other coordinates, x = a + T y, with what cancels in them cancelled.

Every value of the tape is kept as a sum of numbers times other values, so that (a + y) - a is y, for an a that is no
floating-point number too, such as √3/2; and x₁ + 10 x₂ is 5 y₁ where the new coordinates make it so. Sines are taken
back by quarters of a turn: sin(π + y) is -sin y. Only then can it be seen that something is exactly 0 at a point.

Data
    ``Sum``     rational numbers times steps of the new tape, and a rational number by itself (at ``NUMBER``).
    ``Recast``  a function of a tape, to be written in other coordinates.

The three most important functions are ``Recast.moved`` (the tape in new coordinates), ``Recast.roots`` (where sums of
one coordinate and constants are 0) and ``Recast.step`` (one operation on sums).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import inf, nextafter, pi

import numpy as np

from verify.critical.proof.balls import Balls
from verify.critical.proof.intervals import Intervals
from verify.critical.proof.tape import Step, Tape, Writer, derivatives

__all__ = ["NUMBER", "Recast", "Sum"]

Sum = Mapping[int, Fraction]
NUMBER = -1
"""The key of the number that is added."""

# By quarters of a turn, what a function of an angle becomes: the function of the rest, and its sign.
QUARTERS = {
    "sin": (("sin", 1), ("cos", 1), ("sin", -1), ("cos", -1)),
    "cos": (("cos", 1), ("sin", -1), ("cos", -1), ("sin", 1)),
    "tan": (("tan", 1), ("cot", -1), ("tan", 1), ("cot", -1)),
}


class Recast:
    """The first output of a tape, to be written in other coordinates.

    All is written on one tape, whose variables stand for the coordinates that were asked for last.
    """

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.writer = Writer(tape.dimension)
        self.places: dict[tuple[tuple[int, Fraction], ...], int] = {}
        self.constants: list[bool] = []
        self.coordinates = [self.writer.variable(k) for k in range(tape.dimension)]
        self.variables: Sequence[Sum] = [{place: Fraction(1)} for place in self.coordinates]

    def moved(self, shift: Sequence[Sum], matrix: Sequence[Sequence[Fraction]]) -> Tape:
        """The function of y, where x_i = shift_i + Σ matrix_ij y_j, with its gradient and Hessian.

        Shapes: shift (n), matrix (n, n).
        """
        turned = []
        for row, start in zip(matrix, shift, strict=True):
            total = start
            for factor, place in zip(row, self.coordinates, strict=True):
                total = combined(total, scaled({place: Fraction(1)}, factor))
            turned.append(total)
        self.variables = turned
        return derivatives(self.writer, self.place(self._run()[self.tape.outputs[0]]))

    def roots(self) -> list[tuple[int, Sum]]:
        """Coordinates, and the constants at which a sum of that coordinate and constants is 0."""
        self.variables = [{place: Fraction(1)} for place in self.coordinates]
        found = []
        for total in self._run():
            own = [place for place in total if place != NUMBER and not self._constant(place)]
            if len(own) == 1 and own[0] in self.coordinates:
                rest = {place: q for place, q in total.items() if place != own[0]}
                root = (self.coordinates.index(own[0]), scaled(rest, -1 / total[own[0]]))
                if root not in found:
                    found.append(root)
        return found

    def turns(self, near: float, largest: int) -> list[Sum]:
        """The multiple of π near a number whose denominator is not larger, for a function of angles."""
        if not any(step.operation in QUARTERS for step in self.tape.steps):
            return []
        times = Fraction(near / pi).limit_denominator(largest)
        return [{self.writer.constant("pi"): times}] if times else []

    def enclosed(self, total: Sum, rigor: bool) -> tuple[float, float]:
        """The value of a sum of constants; with rigor, in balls."""
        tape = self.writer.tape(self.place(total))
        if rigor:
            ((low, high),) = tape.run(Balls(), [])
            return nextafter(float(low.lower()), -inf), nextafter(float(high.upper()), inf)
        with np.errstate(all="ignore"):
            ((low, high),) = tape.run(Intervals(1), [])
        return float(np.min(low)), float(np.max(high))

    def _constant(self, place: int) -> bool:
        """Whether a step has no variable in it."""
        for step in self.writer.steps[len(self.constants) :]:
            self.constants.append(step.operation != "variable" and all(self.constants[k] for k in step.operands))
        return self.constants[place]

    def _run(self) -> list[Sum]:
        """Every step of the tape, as a sum."""
        found: list[Sum] = []
        for step in self.tape.steps:
            found.append(self.step(step, [found[operand] for operand in step.operands]))
        return found

    def step(self, step: Step, operands: Sequence[Sum]) -> Sum:
        """One operation."""
        a, b = (*operands, {}, {})[:2]
        match step.operation:
            case "variable":
                return self.variables[int(step.number)]
            case "constant" if isinstance(step.number, Fraction):
                return {NUMBER: step.number} if step.number else {}
            case "constant":
                return {self.writer.constant(step.number): Fraction(1)}
            case "add":
                return combined(a, b)
            case "subtract":
                return combined(a, scaled(b, Fraction(-1)))
            case "negative":
                return scaled(a, Fraction(-1))
            case "multiply" if (factor := _number(a)) is not None:
                return scaled(b, factor)
            case "multiply" if (factor := _number(b)) is not None:
                return scaled(a, factor)
            case "multiply" if (constant := self._one_constant(a)) is not None:
                return self._times(constant, b)
            case "multiply" if (constant := self._one_constant(b)) is not None:
                return self._times(constant, a)
            case "divide" if factor := _number(b):
                return scaled(a, 1 / factor)
            case "sin" | "cos" | "tan" if (turned := self._turned(step.operation, a)) is not None:
                return turned
            case _:
                return self._atom(self._written(step, [self.place(operand) for operand in operands]))

    def _one_constant(self, a: Sum) -> tuple[int, Fraction] | None:
        """The constant of a sum that is a number times one, such as 2π."""
        ((place, factor),) = a.items() if len(a) == 1 else ((NUMBER, Fraction(0)),)
        return (place, factor) if place != NUMBER and self._constant(place) else None

    def _times(self, constant: tuple[int, Fraction], a: Sum) -> Sum:
        """A number times a constant, times every term of a sum: 2π (1 + y) is 2π + 2 (πy)."""
        total: Sum = {}
        for place, factor in a.items():
            atom = constant[0] if place == NUMBER else self.writer.multiply(constant[0], place)
            total = combined(total, scaled(self._atom(atom), constant[1] * factor))
        return total

    def _turned(self, name: str, angle: Sum) -> Sum | None:
        """A function of an angle without quarters of a turn; None if there are none, or nothing else."""
        turn = self.writer.constant("pi")
        quarters = 2 * angle.get(turn, Fraction(0))
        if not quarters or quarters.denominator > 1 or len(angle) == 1:
            return None
        name, sign = QUARTERS[name][int(quarters) % 4]
        rest = {place: q for place, q in angle.items() if place != turn}
        w, at = self.writer, self.place(rest)
        whole = w.divide(w.apply("cos", at), w.apply("sin", at)) if name == "cot" else w.apply(name, at)
        return scaled(self._atom(whole), Fraction(sign))

    def _written(self, step: Step, places: Sequence[int]) -> int:
        if step.operation == "multiply":
            return self.writer.multiply(*places)
        if step.operation == "divide":
            return self.writer.divide(*places)
        if step.operation == "power":
            return self.writer.power(places[0], step.number)
        return self.writer.apply(step.operation, *places)

    def _atom(self, place: int) -> Sum:
        """A step as a sum: of itself, or a number."""
        known = self.writer.known(place)
        if known is None:
            return {place: Fraction(1)}
        return {NUMBER: known} if known else {}

    def place(self, total: Sum) -> int:
        """The step that has the value of a sum."""
        key = tuple(sorted(total.items()))
        if key not in self.places:
            w = self.writer
            terms = [w.constant(q) if at == NUMBER else w.multiply(w.constant(q), at) for at, q in key]
            self.places[key] = w.total(terms)
        return self.places[key]


def combined(a: Sum, b: Sum) -> Sum:
    """a + b."""
    found = dict(a)
    for place, factor in b.items():
        found[place] = found.get(place, Fraction(0)) + factor
        if not found[place]:
            del found[place]
    return found


def scaled(a: Sum, factor: Fraction) -> Sum:
    """a · factor."""
    return {place: factor * q for place, q in a.items()} if factor else {}


def _number(a: Sum) -> Fraction | None:
    """The value of a sum of numbers alone."""
    if not a:
        return Fraction(0)
    return a[NUMBER] if set(a) == {NUMBER} else None
