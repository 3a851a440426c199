"""What a worked classification says in words, in English and in Chinese."""

from __future__ import annotations

from collections.abc import Sequence

import sympy

from derive.critical_points.classified import ORDERS, WorkedPoint
from derive.critical_points.equations import Form
from derive.critical_points.inertia import Squares
from derive.critical_points.systems import Solutions
from derive.derivation import Text
from derive.errors import NotationError
from derive.nodes import number
from derive.prose import check_prose
from derive.render.text import plain

__all__ = ["KINDS", "counted", "counting", "formula", "numbers", "place", "reasons", "signs", "verdict"]

KINDS: dict[str, Text] = {
    "minimum": ("a strict minimum", "严格极小点"),
    "maximum": ("a strict maximum", "严格极大点"),
    "saddle": ("a saddle", "鞍点"),
    "degenerate": ("degenerate, nothing decided", "退化, 未能判定"),
    "undecided": ("undecided", "未能判定"),
}
COUNTED: dict[str, tuple[str, str, str]] = {
    "minimum": ("minimum", "minima", "极小点"),
    "maximum": ("maximum", "maxima", "极大点"),
    "saddle": ("saddle", "saddles", "鞍点"),
    "degenerate": ("degenerate point", "degenerate points", "未判定的退化点"),
    "undecided": ("undecided point", "undecided points", "未判定的点"),
}
LONG = 60


def formula(text: str) -> str:
    """A formula between backticks, if the grammar of prose reads it; else the text itself."""
    fenced = f"`{text}`"
    try:
        check_prose(fenced, "a formula")
    except NotationError:
        return text
    return fenced


def numbers(values: Sequence[sympy.Expr]) -> str:
    """A point as it is written in prose; long numbers by their first digits."""
    parts = []
    for value in values:
        text = plain(number(value)).replace("·", " ")
        parts.append(text if len(text) <= LONG and "root" not in text else f"{float(value):.10g}…")
    inside = ", ".join(parts)
    return formula(inside if len(parts) == 1 else f"({inside})")


def place(names: Sequence[str], values: Sequence[sympy.Expr]) -> str:
    """Where a point is: ``x = 1``, ``(x, y) = (1, 2)``."""
    left = names[0] if len(names) == 1 else f"({', '.join(names)})"
    return f"{formula(left)} = {numbers(values)}"


def verdict(kind: str, index: int, nullity: int) -> Text:
    """What a point is, with its index where that says more."""
    english, chinese = KINDS[kind]
    if kind == "saddle" and not nullity:
        return f"{english} of index {index}", f"指标为 {index} 的{chinese}"
    return english, chinese


def counted(kinds: Sequence[str]) -> Text:
    """How many points of each kind there are."""
    english, chinese = [], []
    for kind, (one, many, name) in COUNTED.items():
        count = kinds.count(kind)
        if count:
            english.append(f"{count} {one if count == 1 else many}")
            chinese.append(f"{count} 个{name}")
    last = english.pop() if english else "none"
    return (f"{', '.join(english)} and {last}" if english else last), "、".join(chinese) or "无"


def signs(squared: Squares) -> Text:
    """What the factors of the squares say of the eigenvalues."""
    positive, negative, flat = len(squared.d) - squared.index, squared.index, squared.nullity
    english = f"Squares with positive factors: {positive}, with negative ones: {negative}"
    chinese = f"正系数平方项: {positive} 个, 负系数平方项: {negative} 个"
    if flat:
        english += f", missing: {flat}"
        chinese += f", 缺: {flat} 个"
    return (
        f"{english}. By Sylvester's law of inertia the eigenvalues have the same signs.",
        f"{chinese}。由西尔维斯特惯性定律, 特征值有相同的符号。",
    )


def reasons(point: WorkedPoint) -> Text:
    """Why the verdict follows, where the signs of the eigenvalues do not say it."""
    if point.kind == "undecided":
        return f"Undecided: {point.reason}.", f"未能判定: {point.reason}。"
    english, chinese = "", ""
    if not point.eigenvalues:
        bounds = ", ".join(f"[{low:.11g}, {high:.11g}]" for low, high in point.bounds)
        english = (
            f"The eigenvalues of the Hessian lie, in this order, in {bounds}: so many squares are negative when each "
            "end times the unit matrix is taken from the Hessian. "
        )
        chinese = f"海森矩阵的特征值依次落在 {bounds} 中: 由海森矩阵减去各端点乘单位阵后负平方项的个数可知。"
    if point.leading is None:
        return english.rstrip(), chinese
    order, last = point.leading.order, ORDERS[-1]
    if not order:
        english += (
            f"The Hessian has zero eigenvalues, and along its flat directions, order {last} does not decide either."
        )
        return english, chinese + f"海森矩阵有零特征值, 且沿平坦方向直到 {last} 阶的导数都不能判定。"
    directions = "the flat direction" if point.nullity == 1 else f"the {point.nullity} flat directions"
    english += (
        "A zero eigenvalue decides nothing. With the other directions solved for, the function of "
        f"{directions} begins with a form of order {order}, and this decides"
    )
    chinese += f"零特征值不能判定。解出其余方向后, {point.nullity} 个平坦方向上的函数以 {order} 次型开始, 由它判定"
    if point.leading.definite:
        english += ": by the splitting lemma, as the form has one sign everywhere, the same as all squares."
        return english, chinese + ": 由分裂引理, 该型处处同号, 且与各平方项同号。"
    if point.kind == "degenerate":
        english += " nothing either: it has one sign where it is not zero, but it may be zero in some direction."
        return english, chinese + "不了: 它在不为零处同号, 但可能在某方向上为零。"
    return english + ": both signs occur, so the point is no extremum.", chinese + ": 两种符号都出现, 故非极值点。"


def counting(form: Form, solutions: Solutions) -> Text:
    """How it is known that there are no other solutions."""
    count, real = solutions.complex_count, len(solutions.points)
    if not count:
        return (
            "Without factors that are zero at no real point, the equations have no solution: 1 is a combination of "
            "them.",
            "去掉在实点处不为零的因子后, 方程组没有解: 1 是它们的一个组合。",
        )
    english = (
        f"The equations have {count} complex {'solution' if count == 1 else 'solutions'}, multiplicity not counted: "
        "this is the dimension of the polynomials modulo the radical of the ideal that the equations generate, found "
        "with a Gröbner basis. "
    )
    chinese = (
        f"方程组有 {count} 个复数解 (不计重数): 这是多项式环模方程组所生成理想之根理想的维数, 由 Gröbner 基求得。"
    )
    if form.plain:
        separating = formula(str(solutions.separating).replace("*", " "))
        english += (
            f"{separating} takes another value at each of them, and every coordinate is a polynomial in it, so the "
            f"real solutions are counted by the real roots of its polynomial (Sturm's theorem): {real}. There are no "
            "others."
        )
        chinese += (
            f"{separating} 在各解处取不同的值, 各坐标都是它的多项式, 故实数解的个数等于其多项式的实根个数 "
            f"(施图姆定理): {real} 个。没有其他的解。"
        )
    else:
        english += (
            f"Real roots, counted by Sturm's theorem: {real}, of which those that the unknowns can be are listed "
            "below. There are no others"
        )
        chinese += f"由施图姆定理, 实数解有 {real} 个, 其中未知量可取到者列于下。没有其他的解"
        angles = ", ".join(formula(x.name) for x in form.variables if form.kinds[x] == "angle")
        english += f", up to whole periods of {angles}." if angles else "."
        chinese += f" (相差 {angles} 的整周期者除外)。" if angles else "。"
    if form.roots:
        english += " Points at which a derivative does not exist are not looked at."
        chinese += "不考虑导数不存在的点。"
    return english, chinese
