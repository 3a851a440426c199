"""Laws of piecewise expressions: they hold at random points, ties included, and are used only where they do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import derive
from derive.cases import Cases
from derive.definitions import define
from derive.evaluate import run
from derive.functions import absolute, exp, greater, greater_equal, log, maximum, minimum, relu, sign
from derive.index import letters
from derive.nodes import Node, Partial, number
from derive.notation import name, tensor
from derive.program import Program
from derive.size_algebra import sizes
from derive.tree import key
from tests.derive.witnesses import same, seeded
from verify.derivation import check_derivation

(n,) = sizes("n")
(i,) = letters("i", n)
x, y, z = tensor("x", n), tensor("y", n), tensor("z", n)
a, b = tensor("a", domain="positive"), tensor("b")
H = define(name("h")[i], relu(x[i] - 2 * y[i]))
D = define(name("d")[i], absolute(x[i] - y[i]))
C = define(name("c")[i], minimum(maximum(x[i], -a), a))
T = define(name("t")[i], log(absolute(z[i])))
PROGRAM = Program.of([x, y, z, a, b], [H, D, C, T])
u, v, w = x[i], y[i], z[i]
h, d, c, t = H[i], D[i], C[i], T[i]

SHORTER: dict[str, tuple[str, Node, Node]] = {
    "a comparison of multiples": ("compared", greater_equal(b * u, (b - 1) * u), greater_equal(u, 0)),
    "a comparison with the same on both sides": ("compared", greater(u + v, v + w), greater(u, w)),
    "a positive factor": ("compared", greater(a * u, a * v - a * v), greater(u, 0)),
    "a comparison that always holds": ("compared", greater(u + 1, u), number(1)),
    "one that never does": ("compared", greater(u, u), number(0)),
    "one at a tie": ("compared", greater_equal(u, u), number(1)),
    "a positive part compared with equality": ("compared", greater_equal(u - 2 * v, 0), greater_equal(u, 2 * v)),
    "the name of a positive part": ("compared", greater(u - 2 * v, 0), greater(h, 0)),
    "a maximum under its bracket": ("branched", greater_equal(u, v) * maximum(u, v), greater_equal(u, v) * u),
    "a minimum under its bracket": ("branched", greater(u, v) * (1 + minimum(v, u)), greater(u, v) * (1 + v)),
    "a positive part": ("branched", greater(u, 0) * relu(u) * v, relu(u) * v),
    "a named positive part": ("branched", w * h * greater(h, 0), w * h),
    "its square": ("branched", greater_equal(u, 0) * relu(u) ** 2, relu(u) ** 2),
    "brackets that exclude each other": (
        "branched",
        greater(v * u, v * c) * greater_equal(a, u) * greater_equal(u, -a),
        number(0),
    ),
    "a sign over an absolute value": ("signed", w * sign(u) / absolute(u), w / u),
    "a sign times a named absolute value": ("signed", sign(u - v) * d, u - v),
    "the square of a sign under its bracket": (
        "signed",
        w * greater(absolute(u), a) * sign(u) ** 2,
        w * greater(absolute(u), a),
    ),
    "a difference with the same sign on the other side": ("compared", greater(1 - u, 0), greater(1, u)),
    "a positive part by the sides of its bracket": ("branched", greater(1, u) * relu(1 - u) * v, relu(1 - u) * v),
    "a bracket that says it of a named difference": ("branched", greater(u, 2 * v) * w * h, w * h),
    "a positive part under the bracket of its argument": (
        "branched",
        greater(u, 0) * greater(v, relu(u)),
        greater(u, 0) * greater(v, u),
    ),
    "a maximum": ("chosen", greater_equal(u, v) * u * w + greater(v, u) * v * w, w * maximum(u, v)),
    "a minimum": ("chosen", greater_equal(u, v) * v + greater(v, u) * u, minimum(u, v)),
    "a clipped value": (
        "chosen",
        greater_equal(a, absolute(u)) * u + a * greater(absolute(u), a) * sign(u),
        maximum(-a, minimum(u, a)),
    ),
    "a clipped value by its name, and scaled": (
        "chosen",
        greater_equal(d, a) * sign(u - v) + greater(a, d) * (u - v) / a,
        maximum(-a, minimum(u - v, a)) / a,
    ),
    "opposite brackets": ("complemented", b * greater_equal(u, 0) + (b - 1) * greater(0, u), b - greater(0, u)),
}
KEPT: dict[str, tuple[str, Node]] = {
    "a comparison of unlike sides": ("compared", greater(u, 1 - v)),
    "a factor that may be negative": ("compared", greater(b * u, b * v)),
    "a maximum of others": ("branched", greater_equal(u, v) * maximum(u, w)),
    "a bracket of another positive part": ("branched", greater(v, 0) * relu(u)),
    "brackets that may both hold": ("branched", greater_equal(u, v) * greater_equal(v, u)),
    "a sign of something else": ("signed", sign(u) / absolute(v)),
    "a square under a sign": ("signed", sign(u) * absolute(u) ** 2),
    "the square of a sign where nothing keeps it from 0": ("signed", greater(absolute(u), b) * sign(u) ** 2),
    "or only equality": ("signed", greater_equal(absolute(u), a - a) * sign(u) ** 2),
    "a limit that may be negative": (
        "chosen",
        greater_equal(b, absolute(u)) * u + b * greater(absolute(u), b) * sign(u),
    ),
    "branches of two functions": ("chosen", greater_equal(u, v) * u + greater(v, u) * w),
    "a branch that is infinite elsewhere": ("complemented", greater(u, 0) * log(u) + greater_equal(0, u) * log(u)),
    "one whose name is": ("complemented", greater(u, 0) * t + greater_equal(0, u) * (t + 1)),
    "one that overflows": ("complemented", greater(u, 0) * exp(u) + greater_equal(0, u) * exp(u)),
    "brackets that are no opposites": ("complemented", greater(u, 0) * b + greater_equal(v, 0) * (b - 1)),
}


def law(which: str) -> Callable[[Node], Node]:
    found: Callable[[Node], Node] = getattr(Cases(PROGRAM), which)
    return found


def at(node: Node) -> np.ndarray:
    """The values at points with ties and zeros among them."""
    rng = seeded("cases")
    grid = np.array([-2.0, -1.0, -0.5, 0.5, 1.0, 2.0])
    values = {one: rng.choice(grid, 60) for one in (x, y, z)} | {a: np.array(1.0), b: np.array(0.25)}
    return run(PROGRAM, values, {n: 60}).array(node + 0 * u, (i,))


@pytest.mark.parametrize("case", SHORTER)
def test_the_law_is_found_and_holds(case: str) -> None:
    which, before, after = SHORTER[case]
    found = law(which)(before)
    assert key(found) == key(after), f"{found}"
    same(at(found), at(before))


@pytest.mark.parametrize("case", KEPT)
def test_what_the_law_does_not_say_stays(case: str) -> None:
    which, node = KEPT[case]
    assert law(which)(node) is node


def test_what_is_to_be_differentiated_stays() -> None:
    node = Partial(greater(u, 0) * relu(u), x[i])
    assert law("branched")(node) is node


def quantile(y, q, tau):
    r = y - q
    return np.maximum(tau * r, (tau - 1) * r).sum()


def surrogate(r, g, eps):
    c = np.clip(r, 1 - eps, 1 + eps)
    return np.minimum(r * g, c * g).sum()


def huber(r, delta):
    return np.where(np.abs(r) <= delta, 0.5 * r**2, delta * (np.abs(r) - 0.5 * delta)).sum()


def huber_in_parts(r, delta):
    a = np.abs(r)
    q = np.minimum(a, delta)
    return np.sum(0.5 * q**2 + delta * (a - q))


def squared_hinge(m):
    h = np.maximum(0, 1 - m)
    return (h**2).sum()


DERIVED = {
    "quantile": (quantile, "q", {"y": ("n",), "q": ("n",), "tau": ()}, r"[r < 0] - \tau"),
    "surrogate": (surrogate, "r", {"r": ("n",), "g": ("n",), "eps": ()}, r"g \odot [c \odot g \ge r \odot g]"),
    "huber": (huber, "r", {"r": ("n",), "delta": ()}, r"\max(-\delta, \min(r, \delta))"),
    "huber in parts": (huber_in_parts, "r", {"r": ("n",), "delta": ()}, r"q \odot \operatorname{sign}(r)"),
    "squared hinge": (squared_hinge, "m", {"m": ("n",)}, "-2 h"),
}


@pytest.mark.parametrize("case", DERIVED)
def test_gradients_are_those_of_an_expert(case: str) -> None:
    function, wrt, shapes, expected = DERIVED[case]
    said = (lambda delta: [(delta, "positive")]) if "delta" in shapes else None
    found = derive.gradient(function, wrt, shapes=shapes, assumptions=said)
    assert found.result.latex() == expected
    assert check_derivation(found).outcome == "holds"
