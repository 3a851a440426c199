"""Random small programs that are smooth at the points drawn for them: the engine must differentiate every one."""

from __future__ import annotations

import numpy as np

from derive.definitions import define
from derive.functions import arctan, erf, exp, log, log1p, maximum, relu, sigmoid, sin, softplus, sqrt, tanh
from derive.index import Letter, index_mod, letter
from derive.nodes import Node, Sum, Tensor, number
from derive.notation import at_least, equal, inside, name, tensor
from derive.over_axes import inverse, logdet, logsumexp, maximum_over, norm, softmax
from derive.program import Program
from derive.size_algebra import sizes

BOUNDED = (sin, tanh, sigmoid, arctan, erf)
ANY = (*BOUNDED, softplus, lambda u: exp(u / 4), lambda u: log(1 + u**2), lambda u: sqrt(1 + u**2), relu)


def random_program(rng: np.random.Generator, length: int = 4) -> Program:
    """A program of a few definitions over axes n and m, every value of moderate size; its output is a scalar."""
    n, m = sizes("n m")
    shapes = {"s": (), "n": (n,), "m": (m,), "nm": (n, m), "mn": (m, n), "nn": (n, n)}
    inputs = [tensor(f"x_{text}", *shape) for text, shape in shapes.items()]
    inputs.append(tensor("positive", n, domain="positive"))
    known: list[Tensor] = list(inputs)
    grammar = _Grammar(rng, known)
    for step in range(int(rng.integers(1, length + 1))):
        text = str(rng.choice(list(shapes)))
        left = name(f"y{step}")
        own = tuple(letter("ab"[at], axis) for at, axis in enumerate(shapes[text]))
        body = tanh(grammar.node(own, 3)) if rng.random() < 0.5 else grammar.node(own, 2)
        known.append(define(left[own] if own else left, body))
    used = known[len(inputs) :]
    rest = [t for t in inputs if rng.random() < 0.3]
    total: Node = number(0)
    for one in (*used, *rest):
        own = tuple(letter("uv"[at], axis) for at, axis in enumerate(one.axes))
        entry = one[own]
        square = entry**2 / (2 + sin(entry)) if rng.random() < 0.5 else entry * number(int(rng.integers(1, 4)))
        total = total + (Sum(*own, square) if own else square)
    return Program.of(inputs, define(name("L"), total))


class _Grammar:
    """Nodes over given letters, made of tensors that are known."""

    def __init__(self, rng: np.random.Generator, known: list[Tensor]) -> None:
        self.rng = rng
        self.known = known

    def node(self, own: tuple[Letter, ...], depth: int) -> Node:
        """A node whose free letters are among ``own``."""
        if depth == 0:
            return self.entry(own)
        make = self.rng.choice(
            np.array([self.sum, self.product, self.add, self.quotient, self.apply, self.along, self.matrix, self.kink,
                      self.bracket], dtype=object)
        )  # fmt: skip
        return make(own, depth - 1)  # type: ignore[no-any-return]  # one of the methods below

    def entry(self, own: tuple[Letter, ...]) -> Node:
        """An entry of a tensor at letters of these, or at fixed places."""
        fitting = [t for t in self.known if all(any(x.size == axis for x in own) for axis in t.axes)]
        chosen = fitting[int(self.rng.integers(len(fitting)))]
        indices = []
        for axis in chosen.axes:
            choices = [x for x in own if x.size == axis]
            one = choices[int(self.rng.integers(len(choices)))]
            backwards = self.rng.random() < 0.15
            indices.append(axis - 1 - one if backwards else one + 0)
        return chosen[tuple(indices)]

    def fresh(self) -> Letter:
        n, m = sizes("n m")
        return letter("k", (n, m)[int(self.rng.integers(2))])

    def sum(self, own: tuple[Letter, ...], depth: int) -> Node:
        k = self.fresh()
        return Sum(k, self.node((*own, k), depth)) / (2 if self.rng.random() < 0.5 else 3)

    def product(self, own: tuple[Letter, ...], depth: int) -> Node:
        return self.node(own, depth) * self.node(own, depth - 1 if depth else 0)

    def add(self, own: tuple[Letter, ...], depth: int) -> Node:
        a, b = self.node(own, depth), self.node(own, depth)
        return a - b if self.rng.random() < 0.5 else a + 2 * b

    def quotient(self, own: tuple[Letter, ...], depth: int) -> Node:
        return self.node(own, depth) / (1 + self.node(own, depth) ** 2)

    def apply(self, own: tuple[Letter, ...], depth: int) -> Node:
        function = ANY[int(self.rng.integers(len(ANY)))]
        return function(self.node(own, depth))

    def along(self, own: tuple[Letter, ...], depth: int) -> Node:
        k = self.fresh()
        body = self.node((*own, k), depth)
        which = int(self.rng.integers(4))
        if which == 0:
            return logsumexp(k, body)
        if which == 1:
            return maximum_over(k, body + sin(k * number(2) + 1))
        if which == 2:
            return log1p(norm(k, body + 2 + k * number(1)))
        p = softmax(k, body)
        same = [x for x in own if x.size == k.size]
        return p.entry(same[0]) if same else p.entry(0)

    def matrix(self, own: tuple[Letter, ...], depth: int) -> Node:
        """The inverse or the log-determinant of a matrix that is close to a multiple of 1."""
        n, _ = sizes("n m")
        r, c = letter("r", n), letter("c", n)
        body = tanh(self.node((*own, r, c), 0)) / 4 + 3 * equal(r, c)
        if self.rng.random() < 0.5:
            return logdet(r, c, body)
        same = [x for x in own if x.size == n]
        return inverse(r, c, body).entry(same[0] if same else 0, same[-1] if same else 0)

    def kink(self, own: tuple[Letter, ...], depth: int) -> Node:
        return maximum(self.node(own, depth), self.node(own, depth - 1 if depth else 0) / 3 + 1)

    def bracket(self, own: tuple[Letter, ...], depth: int) -> Node:
        """Guards, shifted readings and cyclic ones."""
        if not own:
            return self.node(own, depth)
        one = own[int(self.rng.integers(len(own)))]
        vectors = [t for t in self.known if t.axes == (one.size,)]
        if not vectors:
            return at_least(one, 1) * self.node(own, depth)
        x = vectors[int(self.rng.integers(len(vectors)))]
        if self.rng.random() < 0.5:
            return inside(x[one - 1]) + self.node(own, depth)
        return x[index_mod(one + 1, one.length)] * self.node(own, depth)
