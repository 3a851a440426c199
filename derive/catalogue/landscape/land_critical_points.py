"""Critical points of a loss: what the Hessian's eigenvalues say, and the way down from a saddle."""

from __future__ import annotations

from derive import (
    Claim,
    Formula,
    Program,
    Statement,
    Sum,
    absolute,
    claim,
    define,
    greater,
    hessian,
    letters,
    line,
    mean,
    minimum_over,
    names,
    number,
    prove,
    sizes,
    tensor,
)  # fmt: skip


def program() -> Program:
    """A loss around a point where its gradient vanishes, and along a line from there."""
    (n,) = sizes("n")
    i, j, k, m = letters("i j k m", n, n, n, n)
    L0 = tensor("L0", meaning=("loss at the critical point", "临界点处的损失"))
    e = tensor("lambda", n, meaning=("eigenvalues of the Hessian", "海森矩阵的特征值"))
    Q = tensor("U", n, n, domain="orthogonal", meaning=("eigenvectors, one in each column", "特征向量, 每列一个"))
    v = tensor("v", n, domain="small", meaning=("displacement of the weights", "权重的位移"))
    s = tensor("epsilon", domain="small", meaning=("step along an eigenvector", "沿特征向量的步长"))
    a = tensor("a", n, meaning=("strength of the third-order term", "三阶项的强度"))
    H, L, M, r, low = names("H L M r l")
    H = define(H[i, j], Sum(k, Q[i, k] * e[k] * Q[j, k]), meaning=("Hessian", "海森矩阵"))
    L = define(
        L,
        L0 + Sum(i, j, v[i] * H[i, j] * v[j]) / 2 + Sum(i, a[i] * v[i] ** 3),
        meaning=(
            "loss at the displaced weights; its gradient at `v = 0` vanishes",
            "位移后的损失; `v = 0` 处梯度为零",
        ),
    )
    M = define(
        M[m],
        L0 + Sum(i, j, s * Q[i, m] * H[i, j] * (s * Q[j, m])) / 2 + Sum(i, a[i] * (s * Q[i, m]) ** 3),
        meaning=("loss after the step along eigenvector `m`", "沿第 `m` 个特征向量走一步后的损失"),
    )
    r = define(r, mean(k, greater(e[k], 0)), meaning=("minimum ratio: how many eigenvalues are positive, as a part of all",
                                                      "极小比: 正特征值所占比例"))  # fmt: skip
    low = define(low, minimum_over(k, e[k]), meaning=("smallest eigenvalue", "最小特征值"))
    return Program.of([L0, e, Q, v, s, a], [L, M, r, low])


def cubic() -> Program:
    x = tensor("x", meaning=("weight", "权重"))
    (f,) = names("f")
    return Program.of([x], define(f, x**3, meaning=("loss", "损失")))


def claims(main: Program) -> list[Claim]:
    (n,) = main.sizes()
    i, j, m = letters("i j m", n, n, n)
    L0, e, Q, v, s, H, L, M, r, low = (
        main.tensor(name) for name in ("L0", "lambda", "U", "v", "epsilon", "H", "L", "M", "r", "l")
    )
    zero = number(0)
    expansion = prove(
        L + 0,
        line("≈", L0 + Sum(i, j, v[i] * H[i, j] * v[j]) / 2, "taylor", small=v, order=3,
             why=("there is no term of first order: the gradient is zero", "没有一阶项: 梯度为零")),
        within=main,
    )  # fmt: skip
    along = prove(
        M[m] - L0,
        line("≈", s**2 * Sum(i, j, Q[i, m] * H[i, j] * Q[j, m]) / 2, "taylor", small=s, order=3),
        line("=", e[m] * s**2 / 2, why=("column `m` is an eigenvector of length 1", "第 `m` 列是长度为 1 的特征向量")),
        note=("Along a unit eigenvector the loss changes by half its eigenvalue times the square of the step.",
              "沿单位特征向量, 损失的变化为其特征值之半乘步长的平方。"),
        within=main,
    )  # fmt: skip
    falls = prove(
        Statement(e[m], "<", zero),
        line("⇒", Statement(e[m] * s**2 / 2, "=", -absolute(e[m]) * s**2 / 2),
             why=("a negative number is minus its size", "负数等于其绝对值的相反数")),
        note=("So along an eigenvector of a negative eigenvalue it falls, on both sides: the way on from a saddle.",
              "故沿负特征值的特征向量, 损失在两侧都下降: 这就是离开鞍点的路。"),
        within=main,
    )  # fmt: skip
    every = prove(
        Statement(low + 0, ">", zero),
        line("⇒", Statement(r + 0, "=", number(1)), why=("every eigenvalue is positive", "每个特征值为正")),
        note=(
            "At a minimum with a definite Hessian the minimum ratio is 1.",
            "在海森矩阵正定的极小点处, 极小比为 1。",
        ),
        within=main,
    )
    some = prove(
        Statement(low + 0, "<", zero),
        line("⇒", Statement(r + 0, "<", number(1)), why=("one eigenvalue at least is not counted", "至少有一个特征值不计入")),
        note=("Below 1 there is a direction down, unless the eigenvalues that are missing are zero.",
              "小于 1 时存在下降方向, 除非所缺的特征值为零。"),
        within=main,
    )  # fmt: skip
    flat = cubic()
    x = flat.tensor("x")
    return [
        claim(("The loss around a critical point", "临界点附近的损失"), [expansion], program=main),
        claim(("Along an eigenvector", "沿特征向量"), [along, falls], program=main),
        claim(
            ("The minimum ratio", "极小比"),
            [every, some],
            program=main,
            prose=(
                "The part of the eigenvalues that are positive measures how much a critical point is like a minimum. At "
                "0 with no zero eigenvalue it is a maximum: critical points are not minima and saddles only.",
                "正特征值所占的比例衡量临界点与极小点的接近程度。若为 0 且无零特征值, 则为极大点: 临界点并非只有极小点与鞍点。",
            ),
        ),
        claim(
            ("A zero eigenvalue is undecided", "零特征值不能判定"),
            hessian(flat, "x"),
            expected={"hess_f_x": lambda: 6 * x},
            prose=(
                "At `x = 0` the functions `x⁴`, `-x⁴` and `x³` all have the gradient 0 and the Hessian 0: a minimum, a "
                "maximum, and neither. Here it is for `x³`.",
                "在 `x = 0` 处, `x⁴`、`-x⁴` 与 `x³` 的梯度与海森矩阵都为 0: 分别为极小、极大与非极值。此处以 `x³` 为例。",
            ),
        ),
    ]


FORMULA = Formula(
    id="land-critical-points",
    title="Critical points and the Hessian",
    title_zh="临界点与海森矩阵",
    program=program,
    claims=claims,
    reference="LeeDL-Tutorial (Datawhale), chapter 3; Goodfellow, Bengio, Courville (2016), Deep Learning, section 4.3.1; "
    "Apostol (1974), Mathematical Analysis, theorem 13.10",
    summary=(
        "Where the gradient of a loss vanishes its Hessian tells what kind of point this is, and which way leads down.",
        "在损失的梯度为零之处, 海森矩阵说明这是何种点, 以及哪个方向下降。",
    ),
    answer=(
        "Training that stops is not yet at a minimum. An eigenvector of a negative eigenvalue shows a way on.",
        "训练停滞并不意味着到达了极小点。负特征值的特征向量指出了继续下降的方向。",
    ),
)
