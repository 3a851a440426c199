"""Gradient descent near a saddle: what is off the stable line grows by a factor at every step."""

from __future__ import annotations

from derive import (
    Claim,
    Formula,
    Program,
    absolute,
    claim,
    define,
    first,
    gradient,
    letters,
    line,
    log,
    names,
    number,
    prove,
    recurrence,
    sizes,
    tensor,
)  # fmt: skip
from derive.nodes import Tensor, as_node


def rate() -> Tensor:
    return tensor("eta", domain="positive", meaning=("learning rate", "学习率"))


def program() -> Program:
    """The simplest saddle: the eigenvalues of its Hessian are 1 and -1."""
    x = tensor("x", meaning=("coordinate along which the function rises", "函数沿其上升的坐标"))
    y = tensor("y", meaning=("coordinate along which it falls", "函数沿其下降的坐标"))
    (f,) = names("f")
    return Program.of([x, y], define(f, (x**2 - y**2) / 2, meaning=("value", "函数值")))


def descent() -> Program:
    """Both coordinates under gradient descent."""
    (n,) = sizes("n")
    (t,) = letters("t", n)
    eta = rate()
    x0 = tensor("x0", meaning=("first coordinate at the start", "起点的第一个坐标"))
    y0 = tensor("y0", domain="nonzero", meaning=("second coordinate at the start", "起点的第二个坐标"))
    x, y = names("x y")
    made = recurrence(
        t,
        {x[t]: first(t, x0, x[t - 1] - eta * x[t - 1]), y[t]: first(t, y0, y[t - 1] + eta * y[t - 1])},
        meanings={
            "x": ("first coordinate after `t` steps", "`t` 步后的第一个坐标"),
            "y": ("second coordinate after `t` steps", "`t` 步后的第二个坐标"),
        },
    )
    (s,) = names("s")
    s = define(s, log(1 / absolute(y0)) / log(1 + eta), meaning=("steps until it is 1", "达到 1 所需步数"))
    return Program.of([eta, x0, y0], [made["x"], made["y"], s])


def noisy() -> Program:
    """The second moment of the coordinate that starts at zero, with noise in every gradient."""
    (n,) = sizes("n")
    (t,) = letters("t", n)
    eta = rate()
    s = tensor("s", domain="positive", meaning=("standard deviation of the noise", "噪声的标准差"))
    y = tensor("y", meaning=("coordinate before a step", "一步之前的坐标"))
    z = tensor("xi", meaning=("noise in the gradient, of mean 0", "梯度中的噪声, 均值为 0"))
    (m,) = names("m")
    grown = recurrence(
        t,
        {m[t]: first(t, number(0), (1 + eta) ** 2 * m[t - 1] + eta**2 * s**2)},
        meanings={"m": ("mean of the square after `t` steps", "`t` 步后平方的均值")},
    )
    (u,) = names("u")
    u = define(u, y - eta * (-y + z), meaning=("coordinate after the step", "一步之后的坐标"))
    return Program.of([eta, s, y, z], [grown["m"], u])


def newton() -> Program:
    """Where a Newton step leads, coordinate by coordinate."""
    x, y = (tensor(name, meaning=("coordinate", "坐标")) for name in "xy")
    g, h, b, d = names("g_x g_y h_x h_y")
    g = define(g, x + 0, meaning=("gradient in `x`", "对 `x` 的梯度"))
    h = define(h, -y, meaning=("gradient in `y`", "对 `y` 的梯度"))
    b = define(b, number(1), meaning=("second derivative in `x`", "对 `x` 的二阶导数"))
    d = define(d, number(-1), meaning=("second derivative in `y`", "对 `y` 的二阶导数"))
    return Program.of([x, y], [g, h, b, d])


def claims(main: Program) -> list[Claim]:
    x, y = main.tensor("x"), main.tensor("y")
    return [
        claim(
            ("The gradient", "梯度"),
            gradient(main, ("x", "y")),
            expected={"x": lambda: x + 0, "y": lambda: -y},
            prose=(
                "It is zero at the origin alone. Along `y` descent leads away from there.",
                "仅在原点为零。沿 `y` 方向, 下降离开原点。",
            ),
        ),
        steps(),
        saddle_bound(),
        noise(),
    ]


def saddle_bound() -> Claim:
    step = newton()
    x, y, g, h, b, d = (step.tensor(name) for name in ("x", "y", "g_x", "g_y", "h_x", "h_y"))
    why = ("the derivatives put in", "代入导数")
    chains = [
        prove(
            x - g / b,
            line("=", number(0), "insert", why=why),
            note=(
                "A Newton step takes from each coordinate the gradient over the second derivative:",
                "牛顿步从各坐标减去梯度与二阶导数之商:",
            ),
            within=step,
        ),
        prove(y - h / d, line("=", number(0), "insert", why=why), within=step),
    ]
    return claim(
        ("Newton's method goes to the saddle", "牛顿法走向鞍点"),
        chains,
        program=step,
        prose=(
            "A method that looks for a zero of the gradient finds the saddle, in one step, from anywhere.",
            "寻找梯度零点的方法从任何一点出发, 一步即达鞍点。",
        ),
    )


def steps() -> Claim:
    down = descent()
    eta, x, y, x0, y0, s = (down.tensor(name) for name in ("eta", "x", "y", "x0", "y0", "s"))
    (t,) = letters("t", *y.axes)
    induction = ("by induction: every step multiplies by the same factor", "归纳: 每一步都乘以同一因子")
    toward = prove(
        x[t],
        line("=", (1 - eta) ** as_node(t) * x0, why=induction),
        note=("One coordinate shrinks, if the learning rate is below 2:", "一个坐标缩小, 只要学习率小于 2:"),
        within=down,
    )
    away = prove(
        y[t],
        line("=", (1 + eta) ** as_node(t) * y0, why=induction),
        note=("The other coordinate grows, whatever the learning rate is:", "另一坐标增大, 无论学习率为何:"),
        within=down,
    )
    time = prove(
        (1 + eta) ** as_node(s) * absolute(y0),
        line("=", (1 + eta) ** (log(1 / absolute(y0)) / log(1 + eta)) * absolute(y0), "definition"),
        line("=", 1 / absolute(y0) * absolute(y0),
             why=("a power of the base of the logarithm", "对数之底的幂")),
        line("=", number(1), "collect"),
        note=("So it has grown to 1 after `s` steps: twice as many for the square of the distance.",
              "于是 `s` 步后它增至 1: 距离取平方, 步数只加倍。"),
        within=down,
    )  # fmt: skip
    return claim(
        ("The steps, and how many until it has left", "各步, 以及逃离所需步数"),
        [toward, away, time],
        program=down,
        prose=(
            "Only from `y0 = 0` does descent stay: a line, which a random start meets with probability 0.",
            "仅当 `y0 = 0` 时下降法停留: 这是一条直线, 随机起点落在其上的概率为 0。",
        ),
    )


def noise() -> Claim:
    shaken = noisy()
    eta, s, y, z, u, m = (shaken.tensor(name) for name in ("eta", "s", "y", "xi", "u", "m"))
    (t,) = letters("t", *m.axes)
    square = prove(
        u**2,
        line("=", (y - eta * (-y + z)) ** 2, "definition"),
        line("=", (1 + eta) ** 2 * y**2 - 2 * eta * (1 + eta) * y * z + eta**2 * z**2, "collect"),
        note=("One step with noise `ξ` in the gradient, squared. In the mean the middle term vanishes, as the noise has "
              "mean 0 and does not depend on `y`:",
              "梯度含噪声 `ξ` 的一步, 取平方。噪声均值为 0 且与 `y` 无关, 故中间项的均值为零:"),
        within=shaken,
    )  # fmt: skip
    grown = prove(
        m[t],
        line(
            "=",
            eta**2 * s**2 * ((1 + eta) ** (2 * as_node(t)) - 1) / ((1 + eta) ** 2 - 1),
            why=("a geometric series", "等比级数"),
        ),
        note=("So the mean of the square follows a recurrence, from 0 at the start:",
              "于是平方的均值服从递推, 起点为 0:"),
        within=shaken,
    )  # fmt: skip
    return claim(
        ("Noise starts the escape", "噪声启动逃离"),
        [square, grown],
        program=shaken,
        prose=(
            "Exactly on the line `y = 0` a step without noise stays there; with noise of variance `s²` it does not.",
            "恰在直线 `y = 0` 上时, 无噪声的一步留在其上; 有方差为 `s²` 的噪声则不然。",
        ),
    )


FORMULA = Formula(
    id="land-gd-escapes-saddles",
    title="Gradient descent near a saddle",
    title_zh="逃离鞍点",
    program=program,
    claims=claims,
    reference="Lee, Simchowitz, Jordan, Recht (2016), Gradient descent only converges to minimizers; "
    "LeeDL-Tutorial (Datawhale), chapter 3",
    summary=(
        "Off the stable line the distance from a saddle grows geometrically, so escape takes logarithmic time.",
        "在稳定线之外, 与鞍点的距离按几何级数增长, 故逃离只需对数时间。",
    ),
    answer=(
        "A saddle slows descent down, and does not hold it: near the line the gradient is small for many steps, then it "
        "grows. Newton's method, which makes every zero of the gradient attractive, is held.",
        "鞍点使下降变慢, 但留不住它: 在该直线附近梯度长时间很小, 而后增大。使梯度的每个零点都具吸引力的牛顿法则会停在鞍点。",
    ),
)
