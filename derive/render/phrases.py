"""The fixed words of a document, in English and in Chinese. Names of laws come from the rules, prose from entries."""

from __future__ import annotations

from typing import Protocol

from derive.derivation import Text

__all__ = [
    "DOMAINS", "LANGUAGES", "PHRASES", "TITLES", "WITNESSES", "mark_text", "phrase", "pick", "sentence", "titled",
]  # fmt: skip

LANGUAGES = ("en", "zh")

PHRASES: dict[str, Text] = {
    "claim": ("Claim", "命题"),
    "setup": ("Set-up", "记号与设定"),
    "symbol": ("Symbol", "符号"),
    "shape": ("Shape", "形状"),
    "meaning": ("Meaning", "含义"),
    "forward": ("Forward definitions", "前向定义"),
    "assumptions": ("Assumptions", "假设"),
    "derivation": ("Derivation", "推导"),
    "result": ("Result", "结果"),
    "index form": ("Index form", "下标形式"),
    "expected": ("Usual form", "通常写法"),
    "matrix form": ("Matrix form", "矩阵形式"),
    "checks": ("Checks", "验证"),
    "reference": ("Reference", "参考文献"),
    "answer": ("In short", "简答"),
    "by": ("by", "由"),
    "provided": ("provided that", "条件:"),
    "in smaller steps": ("In smaller steps", "展开步骤"),
    "stated": ("quoted from", "引自"),
    "found above": ("As found above:", "如上所得:"),
    "scalar": ("scalar", "标量"),
    "input": ("input", "输入"),
    "given": ("given", "给定"),
    "computed": ("computed", "由定义计算"),
    "size": ("size, a positive integer", "尺寸, 正整数"),
    "size from zero": ("size, an integer that may be 0", "尺寸, 可为 0 的整数"),
    "sizes": ("sizes, positive integers", "尺寸, 均为正整数"),
    "from zero": ("Indices count from 0.", "下标从 0 开始。"),
    "integers below": ("integers from 0 to below", "取值从 0 到小于"),
    "cotangent": (
        "a bar marks the derivative of the output by what is under it, in the same shape",
        "横线表示输出对其下之量的导数, 形状相同",
    ),
    "tangent": ("a dot marks how a quantity moves along the given direction", "圆点表示该量沿给定方向的变化"),
    "along": ("the derivative along the given direction", "沿给定方向的导数"),
    "bracket": ("1 where the condition holds, else 0", "条件成立时为 1, 否则为 0"),
    "dot": ("stands for an index that runs over its whole axis", "表示取遍整个轴的下标"),
    "prime": (
        "summed letters of a taken name get a prime",
        "求和下标与已有下标同名时加撇号",
    ),
    "recurrence": ("computed together, for increasing", "联立递推, 递增地依次取"),
    "recurrence backwards": ("computed together, for decreasing", "联立递推, 递减地依次取"),
    "for all": ("for all", "对所有"),
    "checked": ("checked", "已验证"),
    "unexercised": ("could not be exercised", "未能验证"),
    "not checked": ("no check", "无验证"),
    "points": ("points", "个点"),
    "point": ("point", "个点"),
    "error": ("error", "误差"),
    "lines": ("Lines of the derivation", "推导各行"),
    "assignments": ("Sizes used by the checks", "验证所用尺寸"),
    "label": ("Label", "标记"),
    "what": ("What was checked", "验证对象"),
    "how": ("By", "方法"),
    "seed": ("Random seed", "随机种子"),
    "legend": (
        "Every line was evaluated at random points of these sizes, both sides by different routes; the error is the "
        "largest relative one.",
        "每一行都在下列尺寸的随机点上以不同途径计算两边; 误差为最大相对误差。",
    ),
    "all lines": ("{holds} of {total} lines hold", "{total} 行中 {holds} 行成立"),
    "and": ("and", "和"),
}  # fmt: skip

TITLES: dict[str, Text] = {
    "gradient": ("Gradient of {y} with respect to {x}", "{y} 对 {x} 的梯度"),
    "vjp": ("Vector-Jacobian product of {y} with respect to {x}", "{y} 对 {x} 的向量-雅可比积"),
    "jvp": ("Jacobian-vector product of {y} with respect to {x}", "{y} 对 {x} 的雅可比-向量积"),
    "jacobian": ("Jacobian of {y} with respect to {x}", "{y} 对 {x} 的雅可比矩阵"),
    "hessian": ("Hessian of {y} with respect to {x}", "{y} 对 {x} 的海森矩阵"),
    "hvp": ("Hessian-vector product of {y} with respect to {x}", "{y} 对 {x} 的海森-向量积"),
    "taylor": ("Taylor expansion of {y} about {x}", "{y} 在 {x} 处的泰勒展开"),
}

WITNESSES: dict[str, str] = {
    "values": "数值",
    "numerical derivative": "数值导数",
    "expected form": "通常写法",
    "matrix form": "矩阵形式",
    "second differences": "二阶差分",
    "order of the remainder": "余项的阶",
    "points where the premise holds": "前提成立的点",
    "SymPy": "SymPy 精确比较",
    "the NumPy function": "NumPy 函数本身",
}

DOMAINS: dict[str, Text] = {
    "nonzero": ("not zero", "不为零"),
    "positive": ("positive", "为正"),
    "nonnegative": ("not negative", "非负"),
    "above -1": ("greater than -1", "大于 -1"),
    "between -1 and 1": ("between -1 and 1", "在 -1 与 1 之间"),
    "unit interval": ("between 0 and 1", "在 0 与 1 之间"),
    "small": ("small", "很小"),
    "sign": ("entries -1 or 1", "元素为 -1 或 1"),
    "mask": ("entries 0 or 1", "元素为 0 或 1"),
    "simplex": ("rows are distributions", "每行为一个分布"),
    "one-hot": ("rows are one-hot", "每行为独热向量"),
    "unit sum": ("rows sum to 1", "每行之和为 1"),
    "unit norm": ("rows of length 1", "每行长度为 1"),
    "symmetric": ("symmetric", "对称"),
    "positive definite": ("positive definite", "正定"),
    "orthogonal": ("orthogonal", "正交"),
}


def pick(text: Text, lang: str) -> str:
    """The prose in a language; English where the other is missing."""
    return text[LANGUAGES.index(lang)] or text[0]


def phrase(key: str, lang: str) -> str:
    """A fixed phrase in a language."""
    return pick(PHRASES[key], lang)


class Checked(Protocol):
    """What is told of a check."""

    @property
    def points(self) -> int: ...
    @property
    def sizes(self) -> str: ...
    @property
    def error(self) -> float: ...


def mark_text(lang: str, mark: Checked) -> str:
    """``9 points (A–C), error 1.2e-11``; nothing for a check without points."""
    if not mark.points:
        return ""
    points = f"{mark.points} {phrase('point' if mark.points == 1 else 'points', lang)}"
    sizes = f" ({mark.sizes})" if mark.sizes else ""
    return f"{points}{sizes}, {phrase('error', lang)} {f'{mark.error:.1e}' if mark.error else 0}"


def titled(text: str) -> str:
    """With a capital letter."""
    return text[:1].upper() + text[1:]


def sentence(text: str) -> str:
    """With a capital letter and a full stop."""
    if text.endswith((".", "。", "!", "?", "！", "？")):
        return titled(text)
    return titled(text) + ("。" if any(c > "\u2e80" for c in text) else ".")
