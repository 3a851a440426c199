"""Derivations as data: the answer and its explanation are one object.

Data
    ``Step``        one line: what stood there, what stands there now, by which rule, under which conditions.
    ``Chain``       lines that start from a quantity and end in its formula; each starts where the last ended.
    ``Derivation``  the program, its chains in order, and the program that the chains found.

Nothing here computes: ``derive.differentiate`` makes derivations, ``verify.derivation`` checks them, renderers
fold them. A chain that does not hold together cannot be built.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from derive.errors import DerivationError, NotationError
from derive.functions import Elementwise
from derive.index import Letter
from derive.nodes import Node, Ref, Tensor
from derive.over_axes import OverAxes
from derive.printable import Printable
from derive.program import Program
from derive.rules import RULES, Rule
from derive.statements import Condition, Statement
from derive.tree import key

__all__ = ["OUTCOMES", "RELATIONS", "Chain", "Check", "Derivation", "Evidence", "Step", "Text"]

Text = tuple[str, str]
"""Prose in English and in Chinese."""

RELATIONS = ("=", "≤", "≥", "≈", "⇒")


@dataclass(frozen=True, eq=False)
class Step:
    """One line of a derivation.

    ``relation`` holds between ``before`` and ``after``: ``=``, ``≤``, ``≥``; ``≈`` up to a remainder of order
    ``order`` in ``small``; ``⇒`` between statements. ``functions`` are those whose laws were used, ``conditions``
    what these need: the line is claimed where they hold. ``why`` is one sentence that replaces the rule's own;
    ``stated`` lines are quoted from ``reference`` and shown as such.
    """

    before: Node | Statement
    after: Node | Statement
    rule: str
    relation: str = "="
    why: Text | None = None
    functions: tuple[Elementwise | OverAxes, ...] = ()
    conditions: tuple[Condition, ...] = ()
    substeps: tuple[Chain, ...] = ()
    small: Tensor | None = None
    order: int = 0
    reference: str = ""

    def __post_init__(self) -> None:
        if self.relation not in RELATIONS:
            raise DerivationError(f"a step relates by one of {', '.join(RELATIONS)}, not {self.relation!r}")
        if (self.relation == "⇒") != isinstance(self.before, Statement):
            raise DerivationError("⇒ leads from a statement to a statement, every other relation from node to node")
        if self.rule not in RULES:
            raise DerivationError(f"a step names the rule {self.rule!r}, which is not in RULES")

    def to_sympy(self) -> Any:
        """The line as a SymPy relation."""
        from derive.symbolic import index_form

        form: Any = index_form(self)
        return form

    @property
    def law(self) -> Rule:
        """The rule, with its names and its statement."""
        return RULES[self.rule]


@dataclass(frozen=True, eq=False)
class Chain:
    """A quantity and the lines that find it.

    ``start`` is the quantity, usually a ``Partial``; ``name`` is the entry that it is called afterwards (the
    cotangent ``d_Z[i, l]``), with the letters that stay free. ``note`` is prose before the lines. Total derivatives
    run through the definitions of ``within``.
    """

    start: Node | Statement
    steps: tuple[Step, ...]
    name: Ref | None = None
    note: Text = ("", "")
    within: Program | None = None

    def __post_init__(self) -> None:
        last = self.start
        for number, step in enumerate(self.steps, 1):
            if step.before is not last and _key(step.before) != _key(last):
                raise DerivationError(
                    f"line {number} starts from {step.before!r}, but the line before ends in {last!r}"
                )
            last = step.after
        if self.name is not None:
            stray = last.free - self.name.free
            if stray:
                raise DerivationError(f"{last!r} depends on {sorted(x.name for x in stray)}, {self.name!r} does not")

    def to_sympy(self) -> list[Any]:
        """The lines as SymPy relations."""
        from derive.symbolic import index_form

        form: list[Any] = index_form(self)
        return form

    def __repr__(self) -> str:
        lines = f"{len(self.steps)} line{'s' * (len(self.steps) != 1)}"
        about = repr(self.start) if self.name is None else f"{self.name!r} := {self.start!r}"
        return f"<chain from {about} to {self.result!r}, {lines}>"

    def latex(self) -> str:
        """The result alone in LaTeX, on one line: in matrix notation where there is one, else in index notation."""
        from derive.render.latex import right_side

        return right_side(self)

    @property
    def result(self) -> Node | Statement:
        """What the last line says."""
        return self.steps[-1].after if self.steps else self.start

    @property
    def letters(self) -> tuple[Letter, ...]:
        """The letters that stay free, in the order of the name's axes."""
        if self.name is not None:
            return tuple(x for x in (i.letter for i in self.name.indices) if x is not None)
        return tuple(sorted(self.start.free | self.result.free, key=lambda x: x.name))


def _key(side: Node | Statement) -> object:
    return side.key if isinstance(side, Statement) else key(side)


@dataclass(frozen=True, eq=False)
class Derivation(Printable):
    """What was asked, the chains that answer it, and the program that they found.

    ``kind`` is gradient, vjp, jvp, jacobian, hessian, hvp or taylor; ``wrt`` the tensors differentiated by;
    ``derived`` computes the results (its outputs) and everything that they read.
    """

    kind: str
    program: Program
    wrt: tuple[Tensor, ...]
    chains: tuple[Chain, ...]
    derived: Program

    def __repr__(self) -> str:
        wrt = ", ".join(t.name for t in self.wrt)
        counted = f"{len(self.chains)} chains, {len(self.steps)} lines"
        return f"<{self.kind} of {self.subject_name()} with respect to {wrt}: {counted}>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """What a terminal of IPython shows: the lines, checked."""
        printer.text(repr(self) if cycle else self.text())

    @property
    def results(self) -> tuple[Chain, ...]:
        """The chains of the outputs, in their order."""
        by_tensor = {c.name.tensor: c for c in self.chains if c.name is not None}
        return tuple(by_tensor[t] for t in self.derived.outputs if t in by_tensor)

    @property
    def result(self) -> Chain:
        """The only result. Raises: DerivationError when there are several."""
        if len(self.results) != 1:
            raise DerivationError(f"there are {len(self.results)} results: take one of .results")
        return self.results[0]

    @property
    def added(self) -> tuple[Tensor, ...]:
        """The inputs that the derivation adds to those of what it differentiates: a cotangent, or directions."""
        if self.kind == "vjp":
            return self.derived.inputs[-1:]
        return tuple(t for t in self.derived.inputs if t not in self.program.inputs)

    @property
    def order(self) -> int:
        """The order of the remainder of a Taylor polynomial; 0 for what leaves none."""
        return max((step.order for step in self.steps), default=0)

    @property
    def differentiated(self) -> tuple[Tensor, ...]:
        """The outputs that are differentiated; of a vector-Jacobian product not the scalar that stands for them."""
        return (
            tuple(t.primal for t in self.added if t.primal is not None)
            if self.kind == "vjp"
            else self.program.outputs
        )

    def subject_name(self, between: str = ", ") -> str:
        """The name of the NumPy function that is differentiated, or those of the outputs of a program."""
        source = self.program.source
        plain = getattr(source.function, "__name__", "") if source is not None else ""
        return plain if plain.isidentifier() else between.join(t.name for t in self.differentiated)

    def chain(self, name: str) -> Chain:
        """The chain that finds the tensor of this name (``d_Z``). Raises: NotationError with the names there are."""
        named = {c.name.tensor.name: c for c in self.chains if c.name is not None}
        if name not in named:
            raise NotationError(f"no chain finds {name!r}; there are {', '.join(named)}")
        return named[name]

    def tensor(self, name: str) -> Tensor:
        """A tensor that this derivation brings: found by a chain, or a new input such as ``d_y`` of a vjp."""
        for tensor in self.derived.inputs:
            if tensor.name == name:
                return tensor
        found = self.chain(name).name
        assert found is not None
        return found.tensor

    @property
    def steps(self) -> tuple[Step, ...]:
        """All lines, chain after chain."""
        return tuple(step for chain in self.chains for step in chain.steps)

    def numpy_source(self, name: str | None = None) -> str:
        """The results as the source of one NumPy function that needs nothing of this toolkit.

        Its arguments are the inputs, then those that the derivation adds (``d_y``, ``v``), then by name the sizes
        that no shape tells. It returns one result as an array, several as a dict by what they are derivatives by.
        It was compared with numerical derivatives, of the NumPy function where there is one, at three assignments of
        sizes; a comment says how well they agree.
        Raises: NotationError naming the operation that has no NumPy form, or a ``name`` that is no identifier;
        WrongResultError where it disagrees: it is not handed out.
        """
        from derive.evidence import code_check
        from derive.render.numpy import numpy_source

        return numpy_source(self, name, checked=code_check(self))

    def function(self, name: str | None = None) -> Callable[..., Any]:
        """The function of ``numpy_source``, ready to be called; checked like it. Raises what that raises."""
        from derive.evidence import code_check
        from derive.render.numpy import compiled

        code_check(self)
        return compiled(self, name)


OUTCOMES = ("holds", "fails", "not exercised")


@dataclass(frozen=True, eq=False)
class Check:
    """How well a line or a result was checked.

    ``outcome`` is one of OUTCOMES; ``error`` the largest relative error over ``points`` points at these ``sizes``;
    ``witness`` says by which route ("values", "numerical derivative", "SymPy", "order of the remainder", …).
    """

    outcome: str
    witness: str
    points: int = 0
    sizes: tuple[tuple[tuple[str, int], ...], ...] = ()
    error: float = 0.0
    message: str = ""

    def __post_init__(self) -> None:
        if self.outcome not in OUTCOMES:
            raise DerivationError(f"a check ends in one of {', '.join(OUTCOMES)}, not {self.outcome!r}")


@dataclass(frozen=True, eq=False)
class Evidence:
    """The checks of a derivation: of every step (substeps included), and of every chain's result as a whole.

    A chain may have several checks: start against result, against the form that the catalogue expects, against SymPy.
    """

    steps: Mapping[Step, Check]
    chains: Mapping[Chain, tuple[Check, ...]]
    seed: int

    def joined(self, chain: Chain, check: Check) -> Evidence:
        """The same with one more check of a chain's result."""
        return replace(self, chains={**self.chains, chain: (*self.chains.get(chain, ()), check)})

    @property
    def all(self) -> tuple[Check, ...]:
        """Every check."""
        return (*self.steps.values(), *(check for checks in self.chains.values() for check in checks))

    @property
    def outcome(self) -> str:
        """``fails`` if any check does; else ``not exercised`` if any is (or there is none); else ``holds``."""
        outcomes = {check.outcome for check in self.all}
        return "fails" if "fails" in outcomes else "holds" if outcomes == {"holds"} else "not exercised"
