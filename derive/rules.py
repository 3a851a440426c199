"""RULES: every law once, with its name, its statement and its rewrite.

The laws of differentiation rewrite a ``Partial``; they are tried in the order of the table, and a node for which none
is found raises. The other rules are named here and carried out by ``contraction`` and ``algebra``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass, field

import sympy

from derive.cases import Cases
from derive.definitions import Definition
from derive.errors import MissingRuleError
from derive.facts import Facts
from derive.functions import Elementwise, greater, log
from derive.matching import Names, fold
from derive.nodes import (
    ZERO,
    Add,
    Apply,
    Bracket,
    Mul,
    Node,
    Number,
    Over,
    Partial,
    Position,
    Pow,
    Ref,
    Sum,
    Tangent,
    Tensor,
    is_zero,
    number,
)
from derive.notation import add, equal, mul, power
from derive.over_axes import OverAxes
from derive.program import Program
from derive.signs import always
from derive.statements import Condition, Statement
from derive.tree import map_children, walk

__all__ = ["RULES", "Applied", "Context", "Rule", "apply_rule", "condition_of", "rule_for"]


class Context:
    """What a law may ask: what moves, what has a definition, what has a name, what may be assumed.

    The result will be differentiated by ``again``: an assumption about what moves with these is no identity there,
    and is not used. ``jacobians`` holds, for one entry to differentiate by, the derivatives that have a name already.
    """

    def __init__(self, program: Program, named: Iterable[Definition] = (), again: Iterable[Tensor] = ()) -> None:
        self.program = program
        names = tuple(named)
        self.named = Names(names)
        self.jacobians: dict[Tensor, Tensor] = {}
        self.signs: dict[Tensor, int] = {}
        self._dependents: dict[Tensor, frozenset[Tensor]] = {}
        moving = frozenset[Tensor]().union(*(self.dependents(tensor) for tensor in again))
        self.assumptions = tuple(a for a in program.assumptions if moving.isdisjoint(a.tensors))
        self.facts = Facts(program, self.assumptions, moving, names)
        self.cases = Cases(program)

    def dependents(self, tensor: Tensor) -> frozenset[Tensor]:
        """The tensor and all that is computed from it."""
        if tensor not in self._dependents:
            moving = {tensor}
            grown = True
            while grown:
                grown = False
                for d in self.program.definitions():
                    if d.tensor not in moving and not d.body.tensors.isdisjoint(moving):
                        moving.add(d.tensor)
                        grown = True
            self._dependents[tensor] = frozenset(moving)
        return self._dependents[tensor]

    def recurs(self, tensor: Tensor) -> bool:
        """Whether a tensor is computed from itself at other indices."""
        source = self.program.definition(tensor)
        return source is not None and not source.body.tensors.isdisjoint(self.dependents(tensor))

    def moves(self, node: Node, partial: Partial) -> bool:
        """Whether the node may change when what ``partial`` differentiates by changes."""
        wrt = partial.wrt
        if isinstance(wrt, Tangent):
            return _reads_value(node, wrt.tangents.keys())
        return _reads_value(node, self.dependents(wrt.tensor) if partial.total else {wrt.tensor})

    def derivative(self, node: Node, partial: Partial) -> Node:
        """The derivative of a part of the body of ``partial``, still to be carried out; 0 where nothing moves."""
        return Partial(node, partial.wrt, total=partial.total) if self.moves(node, partial) else ZERO


def _reads_value(node: Node, tensors: Set[Tensor]) -> bool:
    """Whether an entry of these tensors is part of the value; in an index and in a bracket it only chooses."""
    if node.tensors.isdisjoint(tensors) or isinstance(node, (Bracket, Position)):
        return False
    if isinstance(node, Ref):
        return node.tensor in tensors
    return any(_reads_value(child, tensors) for child in node.children())


Rewrite = Callable[[Partial, Context], Node | None]


@dataclass(frozen=True, eq=False)
class Rule:
    """A law: its name and reason in English and Chinese, its statement in LaTeX, and for derivatives its rewrite."""

    name: str
    title: tuple[str, str]
    statement: str
    why: tuple[str, str]
    rewrite: Rewrite | None = None


# ------------------------------------------------------------------------------------------- laws of derivatives


def constant(partial: Partial, context: Context) -> Node | None:
    """What does not move has derivative 0; so have brackets and positions, which are locally constant."""
    if not context.moves(partial.body, partial) or isinstance(partial.body, (Bracket, Position, Number)):
        return ZERO
    return None


def known(partial: Partial, context: Context) -> Node | None:
    """A derivative that has a name is that name."""
    body, wrt = partial.body, partial.wrt
    if isinstance(body, Ref) and isinstance(wrt, Ref) and partial.total and body.tensor in context.jacobians:
        return Ref(context.jacobians[body.tensor], (*body.indices, *wrt.indices))
    return None


def entry(partial: Partial, context: Context) -> Node | None:
    """``∂X[a]/∂X[b] = [a = b]``, entry by entry; along a tangent the entry's own tangent."""
    body, wrt = partial.body, partial.wrt
    if not isinstance(body, Ref):
        return None
    if isinstance(wrt, Tangent):
        tangent = wrt.tangents.get(body.tensor)
        return ZERO if tangent is None else Ref(tangent, body.indices)
    if body.tensor is wrt.tensor and not (partial.total and context.recurs(body.tensor)):
        return mul(*(equal(a, b) for a, b in zip(body.indices, wrt.indices, strict=True)))
    if not partial.total or body.tensor not in context.dependents(wrt.tensor):
        return ZERO
    return None


def definition(partial: Partial, context: Context) -> Node | None:
    """A defined tensor is what its definition says."""
    body = partial.body
    if not isinstance(body, Ref):
        return None
    source = context.program.definition(body.tensor)
    if source is None:
        return None
    return context.derivative(source.at(*body.indices), partial)


def linearity(partial: Partial, context: Context) -> Node | None:
    """The derivative of a sum is the sum of the derivatives; constant factors stay."""
    match partial.body:
        case Add():
            return add(*(context.derivative(t, partial) for t in partial.body.terms))
        case Sum():
            inner = context.derivative(partial.body.body, partial)
            return ZERO if is_zero(inner) else Sum(*partial.body.letters, inner)
        case Mul():
            moving = [context.moves(f, partial) for f in partial.body.factors]
            if sum(moving) == 1:
                return mul(
                    *(
                        context.derivative(f, partial) if m else f
                        for f, m in zip(partial.body.factors, moving, strict=True)
                    )
                )
    return None


def product(partial: Partial, context: Context) -> Node | None:
    """One factor is differentiated at a time."""
    body = partial.body
    if not isinstance(body, Mul):
        return None
    terms = []
    for m, factor in enumerate(body.factors):
        d = context.derivative(factor, partial)
        if not is_zero(d):
            terms.append(mul(*body.factors[:m], d, *body.factors[m + 1 :]))
    return add(*terms)


def quotient(partial: Partial, context: Context) -> Node | None:
    """``(u/v)' = u'/v - (u/v)·v'/v``: the same as (u'v - uv')/v², with the quotient kept whole."""
    body = partial.body
    if not isinstance(body, Mul):
        return None
    below = [
        f for f in body.factors if isinstance(f, Pow) and _is_minus_one(f.exponent) and context.moves(f, partial)
    ]
    above = [f for f in body.factors if f not in below]
    if len(below) != 1 or not any(context.moves(f, partial) for f in above):
        return None
    denominator = below[0].base
    numerator = context.derivative(mul(*above), partial)
    whole = fold(body, context.named)
    return add(
        mul(numerator, below[0]),
        mul(number(-1), whole, context.derivative(denominator, partial), below[0]),
    )


def _is_minus_one(node: Node) -> bool:
    return isinstance(node, Number) and node.value == -1


def power_rule(partial: Partial, context: Context) -> Node | None:
    """``(u^a)' = a u^(a-1) u'``; where the exponent moves too, ``u^v (v' log u + v u'/u)`` for u > 0."""
    body = partial.body
    if not isinstance(body, Pow):
        return None
    base, exponent = context.derivative(body.base, partial), context.derivative(body.exponent, partial)
    if is_zero(exponent):
        return mul(body.exponent, power(body.base, add(body.exponent, number(-1))), base)
    return mul(body, add(mul(exponent, log(body.base)), mul(body.exponent, base, power(body.base, number(-1)))))


def elementwise(partial: Partial, context: Context) -> Node | None:
    """The chain rule for a function of numbers."""
    body = partial.body
    if not isinstance(body, Apply):
        return None
    if body.function.derivative is None:
        raise MissingRuleError(f"the function {body.function.name!r} has no derivative in ELEMENTWISE")
    outer = body.function.derivative(body.arguments, body)
    return add(
        *(
            mul(fold(slope, context.named), context.derivative(argument, partial))
            for slope, argument in zip(outer, body.arguments, strict=True)
        )
    )


def along_axes(partial: Partial, context: Context) -> Node | None:
    """The law of a function of a whole vector or matrix."""
    body = partial.body
    if not isinstance(body, Over):
        return None
    if body.function.derivative is None:
        raise MissingRuleError(f"the function {body.function.name!r} has no derivative in OVER")

    def inner(part: Node) -> Node:
        found = context.derivative(part, partial)
        weighted = body.function.name in WEIGHTED and _moves_beside_infinity(part, partial, context)
        return mul(greater(part, number(-sympy.oo)), found) if weighted else found

    return fold(body.function.derivative(body, inner), context.named)


WEIGHTED = frozenset({"logsumexp", "softmax"})
"""The laws whose weights are 0 for entries that are minus infinity: these count for nothing."""


def _moves_beside_infinity(node: Node, partial: Partial, context: Context) -> bool:
    """Whether a product in a node has a factor that may be infinite beside one that moves."""
    products = (below.factors for below in walk(node) if isinstance(below, Mul))
    return any(
        one is not other and context.program.reads_infinity(one) and context.moves(other, partial)
        for factors in products
        for one in factors
        for other in factors
    )


_TABLE = (
    Rule(
        "constant",
        ("constants", "常数"),
        r"\partial c = 0",
        ("what does not move has derivative zero", "不变的量导数为零"),
        constant,
    ),
    Rule(
        "known",
        ("derivative found above", "上面已得的导数"),
        r"\frac{\partial y}{\partial x} = J",
        ("this derivative has a name already", "此导数已有名称"),
        known,
    ),
    Rule(
        "entry",
        ("entries are independent", "各元素相互独立"),
        r"\frac{\partial X_{a}}{\partial X_{b}} = [a = b]",
        ("an entry changes with itself and with no other", "每个元素只随自身变化"),
        entry,
    ),
    Rule(
        "definition",
        ("definition", "定义"),
        r"y = f(x)",
        ("what stands for a name is put in its place", "以定义代入其名"),
        definition,
    ),
    Rule(
        "linearity",
        ("linearity", "线性法则"),
        r"\partial(\alpha u + \beta v) = \alpha\,\partial u + \beta\,\partial v",
        ("differentiation passes through sums and constant factors", "求导可与求和及常数因子交换"),
        linearity,
    ),
    Rule(
        "quotient",
        ("quotient rule", "商法则"),
        r"\partial\frac{u}{v} = \frac{\partial u}{v} - \frac{u}{v}\,\frac{\partial v}{v}",
        ("numerator and denominator both move", "分子与分母都在变化"),
        quotient,
    ),
    Rule(
        "product",
        ("product rule", "积法则"),
        r"\partial(uv) = (\partial u)\,v + u\,\partial v",
        ("one factor is differentiated at a time", "每次只对一个因子求导"),
        product,
    ),
    Rule(
        "power",
        ("power rule", "幂法则"),
        r"\partial u^{a} = a\,u^{a-1}\,\partial u",
        ("the exponent comes down", "指数降到前面"),
        power_rule,
    ),
    Rule(
        "elementwise",
        ("chain rule, entry by entry", "逐元素链式法则"),
        r"\partial\varphi(u) = \varphi'(u)\,\partial u",
        ("the function acts on every entry alone", "函数分别作用于每个元素"),
        elementwise,
    ),
    Rule(
        "along_axes",
        ("law of a function of a vector", "向量函数的求导法则"),
        r"\partial f(u) = \sum_k \frac{\partial f}{\partial u_k}\,\partial u_k",
        ("every entry of the argument counts", "自变量的每个元素都有贡献"),
        along_axes,
    ),
    Rule(
        "chain",
        ("chain rule", "链式法则"),
        r"\frac{\partial L}{\partial x} = \sum_{y}\frac{\partial L}{\partial y}\,\frac{\partial y}{\partial x}",
        ("every quantity that is computed from it contributes, and the contributions add up",
         "由它计算出的每个量都有贡献, 各贡献相加"),
    ),
    Rule(
        "contract",
        ("bracket contraction", "括号缩并"),
        r"\sum_{j}\,[j = a]\,f_j = f_a",
        ("in a sum over a bracket only the index that it allows is left", "对括号求和时只留下括号允许的下标"),
    ),
    Rule(
        "collect",
        ("terms collected", "合并同类项"),
        r"ab + ac = a\,(b + c),\quad \sum_j c\,f_j = c\sum_j f_j",
        ("common factors in front, what cancels is gone", "提取公因子并约分"),
    ),
    Rule(
        "denominator",
        ("common denominator", "通分"),
        r"\frac{a}{v^{k+1}} + \frac{b}{v^k} = \frac{a + b v}{v^{k+1}}",
        ("over one denominator the numerators cancel", "通分后分子相消"),
    ),
    Rule(
        "unit_sum",
        ("entries that add up to one", "各元素之和为一"),
        r"\sum_k \operatorname{softmax}(z)_k = 1",
        ("the entries of a softmax add up to 1", "softmax 的各元素之和为 1"),
    ),
    Rule(
        "centred",
        ("deviations from the mean", "离差之和为零"),
        r"\sum_i \Bigl(x_i - \frac1n \sum_j x_j\Bigr) = 0",
        ("what is left of a vector without its mean adds up to 0", "向量减去其均值后各元素之和为 0"),
    ),
    Rule(
        "density",
        ("quotient of normal densities", "正态密度之商"),
        r"\frac{\varphi(a)}{\varphi(b)} = e^{(b^2 - a^2)/2}",
        ("with the definitions put in, the exponent is the logarithm of the other factors",
         "代入定义后, 指数等于其余因子之商的对数"),
    ),
    Rule(
        "mask",
        ("entries of two values", "二值元素"),
        r"m \in \{0, 1\} \;\Rightarrow\; m^2 = m,\quad s = \pm 1 \;\Rightarrow\; s^2 = 1",
        ("the domain says which values there are", "取值范围说明只有两个值"),
    ),
    Rule(
        "selection",
        ("entry selected", "选出的元素"),
        r"y_k f_k = y_k \sum_j y_j f_j",
        ("a one-hot vector has one entry that is not 0", "独热向量只有一个元素不为 0"),
    ),
    Rule(
        "sign",
        ("sign and absolute value", "符号与绝对值"),
        r"\frac{\operatorname{sign}(u)}{|u|} = \frac{1}{u},\quad \operatorname{sign}(u)\,|u| = u",
        ("a number is its sign times its absolute value", "数等于其符号乘以其绝对值"),
    ),
    Rule(
        "compare",
        ("comparison simplified", "化简比较"),
        r"[u + c > v + c] = [u > v]",
        ("what both sides share says nothing", "两边共有的部分不起作用"),
    ),
    Rule(
        "branch",
        ("cases used", "按情形化简"),
        r"[u > v]\,\max(u,v) = [u > v]\,u",
        ("where a bracket holds it is known which branch is taken", "括号成立之处, 取哪一支是已知的"),
    ),
    Rule(
        "choice",
        ("branches joined", "合并分支"),
        r"[u \ge v]\,u + [v > u]\,v = \max(u,v),\quad "
        r"[a \ge |u|]\,u + [|u| > a]\,a\operatorname{sign}(u) = \max(-a,\min(u,a))",
        ("the two branches are one function", "两个分支合为一个函数"),
    ),
    Rule(
        "complement",
        ("opposite brackets", "互补的括号"),
        r"[u \ge v] + [v > u] = 1",
        ("one of the two holds, and not both", "两者恰有其一成立"),
    ),
    Rule(
        "assumption",
        ("assumption used", "使用假设"),
        r"a = b",
        ("this was assumed", "此为所作假设"),
    ),
    Rule(
        "symmetry",
        ("symmetry", "对称性"),
        r"A_{ij} = A_{ji},\quad B_{ij} = -B_{ji}",
        ("the matrix is symmetric, or antisymmetric", "矩阵对称或反对称"),
    ),
    Rule(
        "total",
        ("known sum", "已知的和"),
        r"\sum_k p_k = 1",
        ("what the entries sum to is known", "各元之和已知"),
    ),
    Rule(
        "insert",
        ("result inserted", "代入已得结果"),
        r"y = f(x)",
        ("what was found above is put in its place", "代入上面得到的结果"),
    ),
    Rule(
        "seed",
        ("start of the backward sweep", "反向传播的起点"),
        r"\frac{\partial L}{\partial L} = 1",
        ("the sweep starts from the output itself", "反向传播从输出自身开始"),
    ),
    Rule(
        "expand",
        ("definition of a function", "函数的定义"),
        r"f := g \;\Rightarrow\; f(u) = g(u)",
        ("the function is what its definition says", "按函数的定义展开"),
    ),
    Rule(
        "recognise",
        ("function recognised", "认出的函数"),
        r"g(u) = f(u)",
        ("what is written out is a function that has a name", "所写出的式子是一个有名称的函数"),
    ),
    Rule(
        "taylor",
        ("Taylor's theorem along a line", "沿直线的泰勒定理"),
        r"\varphi(1) = \sum_{r\le k}\frac{\varphi^{(r)}(0)}{r!} + \frac{\varphi^{(k+1)}(\theta)}{(k+1)!},"
        r"\quad 0<\theta<1",
        ("the theorem of one variable for `φ(t) = f(x + t·v)` at `t = 1`",
         "对 `φ(t) = f(x + t·v)` 在 `t = 1` 处用一元泰勒定理"),
    ),
    Rule(
        "name",
        ("subexpression named", "为子式命名"),
        r"y := f(x)",
        ("what occurs again gets a name", "重复出现的式子另行命名"),
    ),
    Rule(
        "algebra",
        ("algebra", "代数变形"),
        r"a = b",
        ("both sides are the same expression", "两边是同一个式子"),
    ),
)  # fmt: skip

RULES: dict[str, Rule] = {rule.name: rule for rule in _TABLE}
LAWS: tuple[Rule, ...] = tuple(rule for rule in _TABLE if rule.rewrite is not None)


def rule_for(partial: Partial, context: Context) -> tuple[Rule, Node]:
    """The first law that applies, and what it makes of the derivative. Raises: MissingRuleError."""
    for rule in LAWS:
        assert rule.rewrite is not None
        found = rule.rewrite(partial, context)
        if found is not None:
            return rule, found
    raise MissingRuleError(f"there is no law for the derivative of {partial.body!r} ({type(partial.body).__name__})")


@dataclass(frozen=True, eq=False)
class Applied:
    """One line: the law, what it makes of the node, the functions whose laws it needed and what these need."""

    rule: Rule
    after: Node
    functions: tuple[Elementwise | OverAxes, ...]
    conditions: tuple[Condition, ...]


def apply_rule(node: Node, context: Context) -> Applied | None:
    """The law of the first open derivative, applied to every derivative that it is the law of.

    Where the law leaves derivatives that it applies to again, it is applied again. None where no derivative is open.
    """
    line = _Line(context)
    after = line.rewrite(node)
    if line.rule is None:
        return None
    return Applied(line.rule, after, tuple(line.functions), tuple(line.conditions.values()))


@dataclass
class _Line:
    """What one line has done so far; the first open derivative chooses the law."""

    context: Context
    rule: Rule | None = None
    functions: dict[Elementwise | OverAxes, None] = field(default_factory=dict)
    conditions: dict[object, Condition] = field(default_factory=dict)

    def rewrite(self, node: Node) -> Node:
        if not isinstance(node, Partial):
            return map_children(node, self.rewrite)
        rule, found = rule_for(node, self.context)
        if self.rule is None:
            self.rule = rule
        if rule is not self.rule:
            return node
        if rule.rewrite in (elementwise, along_axes):
            assert isinstance(node.body, (Apply, Over))
            self.functions[node.body.function] = None
        condition = condition_of(node, self.context)
        if condition is not None:
            about = condition.key if isinstance(condition, Statement) else condition
            self.conditions.setdefault(about, condition)
        return found if rule.name == "definition" else self.rewrite(found)


def condition_of(partial: Partial, context: Context) -> Condition | None:
    """Under which the law of a derivative holds; None where it always does, or where what it is about is constant."""
    if not context.moves(partial.body, partial):
        return None
    match partial.body:
        case Apply() if partial.body.function.condition is not None:
            found = partial.body.function.condition(partial.body.arguments)
        case Over() if partial.body.function.condition is not None:
            found = partial.body.function.condition(partial.body)
        case Pow() if not _whole(partial.body.exponent):
            # the derivative of a root, or of a power that moves, is read from the logarithm of its base
            found = Statement(partial.body.base, ">", ZERO)
        case _:
            return None
    if isinstance(found, Statement):
        moving = any(context.moves(side, partial) for side in (found.left, found.right))
        return found if moving and not always(found, context.program, context.signs) else None
    return found


def _whole(exponent: Node) -> bool:
    return isinstance(exponent, Number) and exponent.value.is_integer is True
