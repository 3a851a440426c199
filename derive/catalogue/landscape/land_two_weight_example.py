"""Two weights in a row, one sample: a saddle at the origin, and a valley of minima of every sharpness."""

from __future__ import annotations

from derive import (
    Claim,
    Formula,
    Program,
    claim,
    define,
    gradient,
    jacobian,
    jvp,
    line,
    names,
    number,
    prove,
    tensor,
)  # fmt: skip
from derive.derivation import Chain
from derive.nodes import Tensor


def weights() -> tuple[Tensor, Tensor]:
    w1 = tensor("w1", meaning=("weight of the first layer", "第一层的权重"))
    return w1, tensor("w2", meaning=("weight of the second layer", "第二层的权重"))


def program() -> Program:
    """One linear neuron after another, `y = w1 w2 x`, on the one sample with input 1 and target 1."""
    w1, w2 = weights()
    y, L = names("y L")
    y = define(y, w1 * w2 * 1, meaning=("output for the input 1", "输入 1 时的输出"))
    L = define(L, (1 - y) ** 2, meaning=("squared error; the target is 1", "平方误差; 目标为 1"))
    return Program.of([w1, w2], L)


def around_the_origin() -> Program:
    """The loss at a small displacement from the origin."""
    v = tensor("v", 2, domain="small", meaning=("displacement from the origin", "离开原点的位移"))
    t = tensor("lambda", meaning=("a number", "一个数"))
    L, h, c = names("L h c")
    h = define(
        h, number(-2), meaning=("off-diagonal entries of the Hessian at the origin", "原点处海森矩阵的非对角元")
    )
    L = define(L, (1 - v[0] * v[1]) ** 2, meaning=("loss", "损失"))
    c = define(
        c, t * t - h * h, meaning=("`det(λ I - H)`: the diagonal of `H` is zero", "`det(λ I - H)`: `H` 的对角元为零")
    )
    return Program.of([v, t], [L, c])


def valley() -> Program:
    """The curve `w1 w2 = 1`."""
    w1 = tensor("w1", domain="nonzero", meaning=("first weight", "第一个权重"))
    t = tensor("lambda", meaning=("a number", "一个数"))
    r = tensor("r", domain="small", meaning=("a step along the curve, relative to the weight", "沿曲线的相对步长"))
    w2, a, b, d, c, S, L = names("w2 a b d c S L")
    w2 = define(w2, 1 / w1, meaning=("second weight", "第二个权重"))
    a = define(a, 2 * w2**2, meaning=("Hessian, first diagonal entry", "海森矩阵的第一个对角元"))
    b = define(b, 4 * w1 * w2 - 2, meaning=("off-diagonal entry", "非对角元"))
    d = define(d, 2 * w1**2, meaning=("second diagonal entry", "第二个对角元"))
    c = define(c, (t - a) * (t - d) - b**2, meaning=("`det(λ I - H)`", "`det(λ I - H)`"))
    S = define(S, 2 * (w1**2 + w2**2), meaning=("sharpness: the largest eigenvalue", "尖锐度: 最大特征值"))
    L = define(
        L, (1 - w1 * (1 + r) * w2 / (1 + r)) ** 2, meaning=("loss further along the curve", "沿曲线前进后的损失")
    )
    return Program.of([w1, t, r], [c, S, L])


def flow() -> Program:
    """Both weights under gradient flow."""
    w1, w2 = weights()
    p1, p2, q = names("u1 u2 q")
    p1 = define(p1, 2 * (1 - w1 * w2) * w2, meaning=("velocity of `w1`: minus the gradient", "`w1` 的速度: 负梯度"))
    p2 = define(p2, 2 * (1 - w1 * w2) * w1, meaning=("velocity of `w2`", "`w2` 的速度"))
    q = define(q, w1**2 - w2**2, meaning=("imbalance of the weights", "两权重的不平衡量"))
    return Program.of([w1, w2], [q, p1, p2])


def claims(main: Program) -> list[Claim]:
    w1, w2, y = (main.tensor(name) for name in ("w1", "w2", "y"))
    found = gradient(main, ("w1", "w2"))
    g1, g2 = found.tensor("d_w1"), found.tensor("d_w2")
    size = prove(
        g1**2 + g2**2,
        line("=", (-2 * (1 - y) * w2) ** 2 + (-2 * (1 - y) * w1) ** 2, "insert"),
        line("=", 4 * (1 - y) ** 2 * (w1**2 + w2**2), "collect"),
        line("=", 4 * (1 - w1 * w2) ** 2 * (w1**2 + w2**2), "definition"),
        note=("The gradient is zero exactly where the sum of its squares is.", "梯度为零当且仅当其平方和为零。"),
        within=main,
    )
    return [
        claim(
            ("The gradient", "梯度"),
            found,
            expected={"w1": lambda: -2 * (1 - w1 * w2) * w2, "w2": lambda: -2 * (1 - w1 * w2) * w1},
        ),
        claim(
            ("Where the gradient vanishes", "梯度为零之处"),
            [size],
            program=main,
            given=found.chains,
            prose=(
                "A product is zero where one of its factors is. So the critical points are the curve `w1 w2 = 1`, "
                "where `L = 0` and every point is a global minimum, and the origin, where `L = 1`.",
                "乘积为零当且仅当某个因子为零。因此临界点为曲线 `w1 w2 = 1` (其上 `L = 0`, 处处为全局极小) 与原点 "
                "(`L = 1`)。",
            ),
        ),
        second_derivatives(),
        origin(),
        *curve(),
        conserved(),
    ]


def second_derivatives() -> Claim:
    """The Hessian's entries, from the gradient as a program."""
    w1, w2 = weights()
    g1, g2 = names("g1 g2")
    g1 = define(g1, -2 * (1 - w1 * w2) * w2, meaning=("gradient in `w1`", "对 `w1` 的梯度"))
    g2 = define(g2, -2 * (1 - w1 * w2) * w1, meaning=("gradient in `w2`", "对 `w2` 的梯度"))
    sloped = Program.of([w1, w2], [g1, g2])
    chains = []
    for name, output, wrt in (("H11", "g1", "w1"), ("H12", "g1", "w2"), ("H22", "g2", "w2")):
        found = jacobian(sloped, wrt, output=output).result
        chains.append(Chain(found.start, found.steps, tensor(name)[()]))
    return claim(
        ("The Hessian", "海森矩阵"),
        chains,
        program=sloped,
        expected={"H11": lambda: 2 * w2**2, "H12": lambda: 4 * w1 * w2 - 2, "H22": lambda: 2 * w1**2},
        prose=(
            "The gradient is differentiated once more. The mixed derivative is the same in either order.",
            "对梯度再求一次导。混合导数与次序无关。",
        ),
    )


def origin() -> Claim:
    near = around_the_origin()
    v, t, L, c, h = (near.tensor(name) for name in ("v", "lambda", "L", "c", "h"))
    values = prove(
        c + 0,
        line("=", t * t - h * h, "definition"),
        line("=", t**2 - 4, "insert", why=("`h = -2`", "`h = -2`")),
        line("=", (t - 2) * (t + 2), "collect"),
        note=("The eigenvalues are 2 and -2, with the eigenvectors `(1, -1)` and `(1, 1)`.",
              "特征值为 2 与 -2, 特征向量为 `(1, -1)` 与 `(1, 1)`。"),
        within=near,
    )  # fmt: skip
    form = prove(
        L - 1,
        line("≈", -2 * v[0] * v[1], "taylor", small=v, order=4,
             why=("what is left out is the square of the product", "略去的是乘积的平方")),
        line("=", (v[0] - v[1]) ** 2 / 2 - (v[0] + v[1]) ** 2 / 2, why=("along the eigenvectors", "沿特征向量")),
        note=("One square with each sign: along `(1, -1)` the loss rises, along `(1, 1)` it falls. The origin is a "
              "saddle, and `(1, 1)` is the direction of escape.",
              "两种符号各一个平方: 沿 `(1, -1)` 损失上升, 沿 `(1, 1)` 损失下降。原点是鞍点, `(1, 1)` 是逃离方向。"),
        within=near,
    )  # fmt: skip
    return claim(
        ("At the origin: a saddle", "原点: 鞍点"),
        [values, form],
        program=near,
        prose=(
            "At `w1 = w2 = 0` the diagonal of the Hessian is zero and the other two entries are -2.",
            "在 `w1 = w2 = 0` 处, 海森矩阵的对角元为零, 另外两个元为 -2。",
        ),
    )


def curve() -> list[Claim]:
    along = valley()
    w1, w2, t, c, S, L = (along.tensor(name) for name in ("w1", "w2", "lambda", "c", "S", "L"))
    values = prove(
        c + 0,
        line("=", (t - 2 * w2**2) * (t - 2 * w1**2) - (4 * w1 * w2 - 2) ** 2, "insert"),
        line("=", (t - 2 * w2**2) * (t - 2 * w1**2) - 4, why=("`w1 w2 = 1`", "`w1 w2 = 1`")),
        line("=", t**2 - 2 * (w1**2 + w2**2) * t + 4 * (w1 * w2) ** 2 - 4, "collect"),
        line("=", t * (t - 2 * (w1**2 + w2**2)), why=("`w1 w2 = 1`", "`w1 w2 = 1`")),
        note=("One eigenvalue is 0, for the direction along the curve, and the other is `2 (w1² + w2²)`.",
              "一个特征值为 0, 对应沿曲线的方向; 另一个为 `2 (w1² + w2²)`。"),
        within=along,
    )  # fmt: skip
    outer = prove(
        along.tensor("b") + 0,
        line("=", 4 * w1 * w2 - 2, "definition"),
        line("=", 2 * w1 * w2, why=("`w1 w2 = 1`", "`w1 w2 = 1`")),
        note=("With this entry every one is twice a product of two of `w2` and `w1`: `H = 2 (w2, w1)ᵀ (w2, w1)`, of rank 1.",
              "于是每个元都是 `w2` 与 `w1` 中两数之积的两倍: `H = 2 (w2, w1)ᵀ (w2, w1)`, 秩为 1。"),
        within=along,
    )  # fmt: skip
    flat = prove(
        L + 0,
        line("=", (1 - w1 * w2) ** 2, "collect"),
        line("=", number(0), why=("`w1 w2 = 1`", "`w1 w2 = 1`")),
        note=("The zero eigenvalue decides nothing by itself; here the loss does not change along the curve at all.",
              "零特征值本身不能判定; 此处沿曲线损失根本不变。"),
        within=along,
    )  # fmt: skip
    least = prove(
        S + 0,
        line("=", 2 * (w1 - w2) ** 2 + 4 * w1 * w2, "collect"),
        line("=", 2 * (w1 - w2) ** 2 + 4, why=("`w1 w2 = 1`", "`w1 w2 = 1`")),
        line("≥", number(4), why=("a square is not negative", "平方非负")),
        note=("Flattest where both weights are equal …", "两权重相等处最平坦 ……"),
        within=along,
    )
    unbounded = prove(
        S + 0,
        line("≥", 2 * w1**2, why=("the other square is not negative", "另一个平方非负")),
        note=("… and as sharp as one likes where one of them is large.", "…… 而一个权重很大时要多尖锐有多尖锐。"),
        within=along,
    )
    return [
        claim(
            ("On the curve: a valley of global minima", "曲线上: 全局极小的山谷"),
            [outer, values, flat],
            program=along,
            prose=("On the curve `w2 = 1/w1`.", "在曲线上 `w2 = 1/w1`。"),
        ),
        claim(("How sharp the minima are", "极小点的尖锐度"), [least, unbounded], program=along),
    ]


def conserved() -> Claim:
    moving = flow()
    w1, w2, p1, p2, q = (moving.tensor(name) for name in ("w1", "w2", "u1", "u2", "q"))
    kept = prove(
        2 * w1 * p1 - 2 * w2 * p2,
        line("=", 2 * w1 * (2 * (1 - w1 * w2) * w2) - 2 * w2 * (2 * (1 - w1 * w2) * w1), "definition"),
        line("=", number(0), "collect"),
        note=("With the velocities of gradient flow put in:", "代入梯度流的速度:"),
        within=moving,
    )
    rate = jvp(Program.of([w1, w2], q), ("w1", "w2"))
    return claim(
        ("Gradient flow keeps the imbalance", "梯度流保持不平衡量"),
        [*rate.chains, kept],
        program=moving,
        prose=(
            "Under gradient flow each weight moves along minus its gradient. The difference `w1² - w2²` does not change "
            "on the way, so the start decides at which point of the valley the flow ends, and how sharp it is there. "
            "From `w1 = w2` the flow stays on the diagonal; from `w1 = -w2` it runs into the saddle.",
            "在梯度流下, 每个权重沿负梯度运动。`w1² - w2²` 在途中不变, 因此起点决定流终止于山谷的何处, 以及那里有多尖锐。"
            "从 `w1 = w2` 出发则始终在对角线上; 从 `w1 = -w2` 出发则流入鞍点。",
        ),
    )


FORMULA = Formula(
    id="land-two-weight-example",
    title="Two weights in a row: a saddle and a valley",
    title_zh="两个权重的例子: 鞍点与山谷",
    program=program,
    claims=claims,
    reference="LeeDL-Tutorial (Datawhale), chapter 3; "
    "Saxe, McClelland, Ganguli (2014), Exact solutions to the nonlinear dynamics of learning in deep linear neural "
    "networks",
    summary=(
        "The smallest network with a saddle: `L = (1 - w1 w2)²` has a saddle at the origin and its minima on a curve.",
        "最小的有鞍点的网络: `L = (1 - w1 w2)²` 在原点有鞍点, 极小点组成一条曲线。",
    ),
    answer=(
        "A zero gradient is no reason to stop: at the origin the Hessian has the eigenvalue -2, and a step along its "
        "eigenvector `(1, 1)` lowers the loss. On the curve the eigenvalue 0 is no flaw of the test but the valley "
        "itself.",
        "梯度为零并不意味着应当停止: 原点处海森矩阵有特征值 -2, 沿其特征向量 `(1, 1)` 走一步即可降低损失。"
        "曲线上的特征值 0 并非判别法失灵, 而正是山谷本身。",
    ),
)
