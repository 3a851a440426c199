"""What one formula looks like, in LaTeX and in text."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sympy

from derive.functions import absolute, exp, greater, log, relu, sigmoid, sqrt, tanh, where
from derive.index import Letter, Quotient, Remainder, as_index, index_floor, index_mod, letter, letters
from derive.nodes import Bracket, Mul, Node, Number, Partial, Ref, Sum, Tangent, Tensor, number
from derive.notation import at_least, at_most, equal, first, less, tensor
from derive.over_axes import argmax, det, inverse, logdet, maximum_over, norm, over, softmax, standardise, std
from derive.render.naming import Names, Symbol, symbol_of, tensor_symbol
from derive.render.runs import Token, break_lines
from derive.render.tex import TexPen, aligned, latex_math
from derive.render.tex_text import tex_text
from derive.render.text import columns, plain
from derive.size_algebra import size, sizes
from derive.unspecified_functions import derivative_of, unspecified

n, d, s, D, H, e = sizes("n d s D H e")
p = size("p", minimum=0)
i, j, k, l, t = (letter(name, n) for name in "ijklt")
A, B, x, v, W1 = tensor("A", n, n), tensor("B", n, n), tensor("x", n), tensor("v", n), tensor("W1", n, n)
u, c = tensor("u"), tensor("c")
C = tensor("C", n, n, n)
far = tensor("far", H * e)
a = letter("a", H * e)
f, g = unspecified("f"), unspecified("g", n)


def window(name: str) -> tuple[Letter, Node]:
    one = letter(name, D)
    return one, tensor("y", 10 * n)[s * i + one - p]


def guarded() -> Node:
    q, read = window("q")
    form = s * i + q - p
    return Sum(q, read * at_least(form, 0) * at_most(form, H - 1))


def divided() -> Node:
    index = as_index(j) - s * i + p
    kernel = tensor("K", n)
    exact = Bracket(as_index(Remainder(index, D)), "=", as_index(0))
    return Sum(i, kernel[as_index(Quotient(index, D))] * exact)


CASES: dict[str, tuple[Callable[[], Node], str, str]] = {
    "indices without commas": (lambda: A[i, j], "A_{ij}", "A[i,j]"),
    "an affine index needs them": (lambda: A[i, 2 * j + 1], "A_{i,2 j + 1}", "A[i,2·j+1]"),
    "a named subscript": (lambda: W1[i, j], "W_{1,ij}", "W1[i,j]"),
    "minus, not plus minus": (lambda: x[i] - v[i], "x_{i} - v_{i}", "x[i] - v[i]"),
    "the author's order": (lambda: v[i] - x[i], "v_{i} - x_{i}", "v[i] - x[i]"),
    "a leading minus": (lambda: -x[i] + 1, "-x_{i} + 1", "-x[i] + 1"),
    "minus before a sum": (lambda: x[i] + Sum(j, -A[i, j]), r"x_{i} - \sum_{j} A_{ij}", "x[i] - Σ_j A[i,j]"),
    "no sign is hidden": (
        lambda: x[i] - Sum(j, -A[i, j]),
        r"x_{i} - \Bigl(-\sum_{j} A_{ij}\Bigr)",
        "x[i] - (-Σ_j A[i,j])",
    ),
    "a number in front": (lambda: 2 * x[i] * v[i], "2 x_{i} v_{i}", "2·x[i]·v[i]"),
    "one over a size": (
        lambda: -1 / n * Sum(i, x[i]),
        r"-\frac{1}{n} \sum_{i} x_{i}",
        "-1/n·Σ_i x[i]",
    ),
    "a difference over a size": (lambda: (x[i] - v[i]) / n, r"\frac{x_{i} - v_{i}}{n}", "(x[i] - v[i])/n"),
    "all denominators in one fraction": (
        lambda: -x[i] / (n * v[i]),
        r"-\frac{x_{i}}{n v_{i}}",
        "-x[i]/(n·v[i])",
    ),
    "a sum under a fraction": (
        lambda: x[i] / Sum(j, x[j]),
        r"\frac{x_{i}}{\sum_{j} x_{j}}",
        "x[i]/(Σ_j x[j])",
    ),
    "a root below": (
        lambda: Sum(k, A[i, k]) / sqrt(number(d)),
        r"\frac{1}{\sqrt{d}} \sum_{k} A_{ik}",
        "1/√d·Σ_k A[i,k]",
    ),
    "a root": (lambda: sqrt(u + 1), r"\sqrt{u + 1}", "√(u + 1)"),
    "a square": (lambda: (x[i] - 1) ** 2, "(x_{i} - 1)^{2}", "(x[i] - 1)^2"),
    "a sum is multiplied in parentheses": (
        lambda: Mul((Sum(j, A[i, j]), x[i])),
        r"\Bigl(\sum_{j} A_{ij}\Bigr)\,x_{i}",
        "(Σ_j A[i,j])·x[i]",
    ),
    "the last factor needs none": (
        lambda: x[i] * Sum(j, A[i, j]),
        r"x_{i} \sum_{j} A_{ij}",
        "x[i]·Σ_j A[i,j]",
    ),
    "a sum of terms is in parentheses": (
        lambda: Sum(j, A[i, j] + x[j]),
        r"\sum_{j} (A_{ij} + x_{j})",
        "Σ_j (A[i,j] + x[j])",
    ),
    "an equality": (lambda: equal(i, j), "[i = j]", "[i = j]"),
    "terms change sides": (lambda: at_least(j - s * i + p, 0), r"[j + p \ge s i]", "[j+p ≥ s·i]"),
    "a shift": (lambda: equal(t - 1, j), "[t = j + 1]", "[t = j+1]"),
    "below a size": (lambda: at_most(t + 1, n - 1), "[t + 1 < n]", "[t+1 < n]"),
    "guards make a range": (
        guarded,
        r"\sum_{q} y_{s i + q - p} [0 \le s i + q - p < H]",
        "Σ_q y[s·i+q-p]·[0 ≤ s·i+q-p < H]",
    ),
    "an exact quotient": (
        divided,
        r"\sum_{i} K_{(j + p - s i)/D} [\,D \mid j + p - s i\,]",
        "Σ_i K[(j+p-s·i)/D]·[D | j+p-s·i]",
    ),
    "quotient and remainder": (
        lambda: A[index_floor(a, e), index_mod(a, e)],
        r"A_{\lfloor a/e \rfloor,a \bmod e}",
        "A[⌊a/e⌋,a mod e]",
    ),
    "a strict guard": (lambda: less(i, j), "[i < j]", "[i < j]"),
    "a softmax of a row": (
        lambda: softmax(k, A[i, k]),
        r"\operatorname{softmax}(A_{i\cdot})_{k}",
        "softmax(A[i,·])[k]",
    ),
    "a softmax of a vector": (lambda: softmax(k, x[k]), r"\operatorname{softmax}(x)_{k}", "softmax(x)[k]"),
    "a softmax of a vector expression": (
        lambda: softmax(k, u * x[k] - 2 * v[k]),
        r"\operatorname{softmax}(u x - 2 v)_{k}",
        "softmax(u·x - 2·v)[k]",
    ),
    "a softmax of another expression": (
        lambda: softmax(k, x[k] * v[k] + 1),
        r"\operatorname{softmax}_{k'}(x_{k'} v_{k'} + 1)_{k}",
        "softmax_k'(x[k']·v[k'] + 1)[k]",
    ),
    "a function of a vector and a number": (
        lambda: standardise(k, A[i, k], eps=u),
        r"\operatorname{standardise}(A_{i\cdot}, u)_{k}",
        "standardise(A[i,·], u)[k]",
    ),
    "a number that is nothing": (lambda: std(k, A[i, k]), r"\operatorname{std}(A_{i\cdot})", "std(A[i,·])"),
    "a logarithm": (lambda: log(x[i]), r"\log x_{i}", "log x[i]"),
    "a logarithm of a fraction": (lambda: log(x[i] / v[i]), r"\log \frac{x_{i}}{v_{i}}", "log(x[i]/v[i])"),
    "a logarithm of a fraction that is multiplied": (
        lambda: log(x[i] / v[i]) * v[i],
        r"\log\Bigl(\frac{x_{i}}{v_{i}}\Bigr)\,v_{i}",
        "log(x[i]/v[i])·v[i]",
    ),
    "a logarithm of a product": (lambda: log(x[i] * v[i]), r"\log(x_{i} v_{i})", "log(x[i]·v[i])"),
    "a logarithm that is multiplied": (lambda: log(x[i]) * v[i], r"\log(x_{i}) v_{i}", "log(x[i])·v[i]"),
    "a power of e": (lambda: exp(-x[i]), "e^{-x_{i}}", "exp(-x[i])"),
    "a square on the name": (lambda: 1 - tanh(u) ** 2, r"1 - \tanh^{2}(u)", "1 - tanh^2(u)"),
    "a sigmoid": (lambda: sigmoid(x[i]), r"\sigma(x_{i})", "σ(x[i])"),
    "an absolute value": (lambda: absolute(u - 1), r"\lvert u - 1\rvert ", "|u - 1|"),
    "an indicator": (lambda: greater(x[i], 0), "[x_{i} > 0]", "[x[i] > 0]"),
    "cases": (
        lambda: where(greater(u, 0), u, relu(c)),
        r"\begin{cases} u & u > 0 \\ \operatorname{ReLU}(c) & u \le 0 \end{cases}",
        "{u if u > 0; ReLU(c) if u ≤ 0}",
    ),
    "the start of a recurrence": (
        lambda: first(t, u, x[t - 1]),
        r"\begin{cases} u & t = 0 \\ x_{t - 1} & t \ge 1 \end{cases}",
        "{u if t = 0; x[t-1] if t ≥ 1}",
    ),
    "a maximum": (lambda: maximum_over(j, A[i, j]), r"\max_{j} A_{ij}", "max_j A[i,j]"),
    "a gather": (
        lambda: x[as_index(argmax(j, A[i, j]))],
        r"x_{\operatorname*{arg\,max}_{j} A_{ij}}",
        "x[argmax_j A[i,j]]",
    ),
    "a norm of a difference": (lambda: norm(j, x[j] - v[j]), r"\lVert x - v\rVert ", "‖x - v‖"),
    "a norm": (lambda: norm(j, x[j]), r"\lVert x\rVert ", "‖x‖"),
    "an inverse": (lambda: inverse(i, j, A[i, j]), "(A^{-1})_{ij}", "(A⁻¹)[i,j]"),
    "the inverse of the transpose": (lambda: inverse(i, j, A[j, i]), r"(A^{-\top})_{ij}", "(A⁻ᵀ)[i,j]"),
    "a log-determinant": (lambda: logdet(i, j, A[i, j]), r"\log\lvert \det A\rvert ", "log|det A|"),
    "a determinant of a slice": (lambda: det(i, j, C[k, i, j]), r"\det C_{k\cdot \cdot}", "det C[k,·,·]"),
    "an unspecified function": (lambda: over(f, i, x[i]), "f(x)", "f(x)"),
    "an unspecified function of a sum": (lambda: over(f, i, x[i] + u * v[i]), "f(x + u v)", "f(x + u·v)"),
    "a derivative of its derivative": (
        lambda: Partial(derivative_of(over(f, i, x[i]), j), x[k]),
        r"\frac{\partial (\partial_{j} f(x))}{\partial x_{k}}",
        "∂(∂_j f(x))/∂x[k]",
    ),
    "its entry": (lambda: over(g, i, x[i], at=j), "g_{j}(x)", "g[j](x)"),
    "a partial derivative": (
        lambda: Partial(A[i, j], x[k]),
        r"\frac{\partial A_{ij}}{\partial x_{k}}",
        "∂A[i,j]/∂x[k]",
    ),
    "a derivative of an expression": (
        lambda: Partial(A[i, j] * x[i] + u, x[k]),
        r"\frac{\partial}{\partial x_{k}}(A_{ij} x_{i} + u)",
        "∂/∂x[k] (A[i,j]·x[i] + u)",
    ),
    "along a tangent": (lambda: Partial(x[i], Tangent({})), r"\operatorname{D}x_{i}", "D x[i]"),
    "numbers": (lambda: number(sympy.sqrt(sympy.pi) / 2), r"\frac{\sqrt{\pi}}{2}", "√π/2"),
}


@pytest.mark.parametrize("case", CASES)
def test_latex(case: str) -> None:
    build, latex, _ = CASES[case]
    assert latex_math(build()) == latex


@pytest.mark.parametrize("case", CASES)
def test_text(case: str) -> None:
    build, _, text = CASES[case]
    assert plain(build()) == text


# ------------------------------------------------------------------------------------------------------- naming


def test_a_bound_letter_of_a_taken_name_gets_a_prime() -> None:
    other, third = letter("i", n), letter("i", n)
    node = x[i] * Sum(other, A[i, other] * Sum(third, A[other, third]))
    assert latex_math(node) == r"x_{i} \sum_{i'} A_{ii'} \sum_{i''} A_{i'i''}"
    assert plain(node) == "x[i]·Σ_i' A[i,i']·Σ_i'' A[i',i'']"


def test_scopes_beside_each_other_share_names() -> None:
    one, two = letter("i", n), letter("i", n)
    assert plain(Sum(one, x[one]) * Sum(two, v[two])) == "(Σ_i x[i])·Σ_i v[i]"


def test_free_letters_come_first() -> None:
    bound = letter("k", n)
    names = Names().bind([k])
    assert plain(Sum(bound, x[bound]), names) == "Σ_k' x[k']"


def test_letters_that_are_drawn_alike_are_told_apart() -> None:
    one, two = letters("i_1 i1", n, n)
    assert latex_math(A[one, two]) == "A_{i_{1},i'_{1}}"


SYMBOLS = {
    "W": Symbol("W"),
    "Wx": Symbol("W", ("x",)),
    "W1": Symbol("W", ("1",)),
    "Wx_i": Symbol("W", ("x", "i")),
    "gamma": Symbol("γ"),
    "eps": Symbol("ε"),
    "lambda_": Symbol("λ"),
    "sigma2": Symbol("σ", ("2",)),
    "mu": Symbol("μ"),
    "hprev": Symbol("hprev"),
    "xhat": Symbol("x", marks=("hat",)),
    "x_": Symbol("x", primes=1),
    "__import__": Symbol("__import__"),
}


@pytest.mark.parametrize("name", SYMBOLS)
def test_names_are_read_as_people_write_them(name: str) -> None:
    assert symbol_of(name) == SYMBOLS[name]


def twice() -> Tensor:
    once = Tensor("t_y", (), primal=Tensor("y", ()), role="tangent")
    return Tensor("t_t_y", (), primal=once, role="tangent")


def test_cotangents_and_tangents_are_marked() -> None:
    bar = Tensor("d_Wx", (), primal=Tensor("Wx", ()), role="cotangent")
    dotted = Tensor("t_d_Wx", (), primal=bar, role="tangent")
    again = Tensor("d_Wx_", (), primal=bar.primal, role="cotangent")
    assert latex_math(Ref(bar, ())) == r"\bar{W}_{\mathrm{x}}"
    assert latex_math(Ref(dotted, ())) == r"\dot{\bar{W}}_{\mathrm{x}}"
    assert latex_math(Ref(again, ())) == r"\bar{W}'_{\mathrm{x}}"
    assert plain(Ref(bar, ())) == "W\u0304x"
    thrice = Tensor("t_t_t_y", (), primal=twice(), role="tangent")
    assert latex_math(Ref(thrice, ())) == r"\dddot{y}"
    assert plain(Ref(thrice, ())) == "y\u20db"
    assert tensor_symbol(bar) != tensor_symbol(again)


# -------------------------------------------------------------------------------------------------- line breaks


def sum_of(count: int) -> Node:
    node: Node = A[i, j] * x[j]
    for _ in range(count - 1):
        node = node + A[i, j] * x[j]
    return node


def test_long_sums_break_at_their_signs() -> None:
    from derive.render.mathematics import Scope, Writer

    node = sum_of(20)
    tokens = Writer(TexPen()).node(node, Scope(Names().freed(node))).tokens
    display = aligned(tokens, 30)
    rows = display.split("\n")[1:-1]
    assert len(rows) > 2
    assert rows[0].startswith("&A_{ij}")
    assert all(row.startswith(r"&\qquad {}+ ") for row in rows[1:])
    assert "\\cdot" not in display


def test_a_break_is_no_wider_than_the_line() -> None:
    tokens = [Token("word", 4.0, cost=1) for _ in range(17)]
    lines = break_lines(tokens, 20, 12)
    assert [line.width for line in lines] == [20, 12, 12, 12, 12]


def test_outside_brackets_before_inside() -> None:
    tokens = [Token("a(", 4), Token("+b", 4, cost=6), Token(")", 1), Token("+c", 4, cost=1), Token("d", 2)]
    assert [line.source for line in break_lines(tokens, 10, 10)] == ["a(+b)", "+cd"]


def test_what_fits_nowhere_is_a_line_of_its_own() -> None:
    tokens = [Token("a", 1), Token("long", 50, cost=1), Token("b", 1, cost=1)]
    assert [line.source for line in break_lines(tokens, 10, 10)] == ["a", "long", "b"]


# ------------------------------------------------------------------------------------------------------- prose


@pytest.mark.parametrize(
    ("prose", "latex"),
    [
        (r"\input{/etc/passwd}", r"\textbackslash{}input\{/etc/passwd\}"),
        ("50 % of $x_1$ & #2", r"50 \% of \$x\_1\$ \& \#2"),
        ("a~b^c", r"a\textasciitilde{}b\textasciicircum{}c"),
        ("u ≠ 0, φ(t)", r"u $\ne$ 0, $\varphi$(t)"),
        ("x², μ̂, é", r"x$^{2}$, $\hat{\mu}$, \'{e}"),
        ("链式法则", "链式法则"),
        ("\U0001f600", "[U+1F600]"),
    ],
)
def test_prose_is_escaped(prose: str, latex: str) -> None:
    assert tex_text(prose) == latex


def test_names_are_escaped() -> None:
    odd = Tensor(r"\input{x}", ())
    assert latex_math(Ref(odd, ())) == r"\text{\textbackslash{}input\{x\}}"
    assert latex_math(Sum(Letter("$k$", n), u)) == r"\sum_{\text{\$k\$}} u"
    hostile = sympy.Symbol(r"}\input{x}", positive=True)
    assert r"\input" not in latex_math(Number(sympy.log(hostile) + 1))


def test_columns_of_a_terminal() -> None:
    assert columns("X\u0304链") == 3
