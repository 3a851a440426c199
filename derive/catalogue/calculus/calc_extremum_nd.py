"""The test for extrema in several variables: the second-order term decides, unless it vanishes somewhere."""

from __future__ import annotations

from derive import (
    Claim,
    Formula,
    Program,
    Statement,
    Sum,
    claim,
    define,
    det,
    equal,
    hessian,
    inside,
    inverse,
    letters,
    line,
    maximum_over,
    minimum_over,
    names,
    number,
    prove,
    sizes,
    tensor,
)  # fmt: skip


def program() -> Program:
    """A function around a critical point: value, quadratic form, and a term of third order."""
    (n,) = sizes("n")
    i, j, k = letters("i j k", n, n, n)
    f0 = tensor("f0", meaning=("value at the critical point", "临界点处的函数值"))
    e = tensor("e", n, meaning=("eigenvalues of the Hessian", "海森矩阵的特征值"))
    Q = tensor("Q", n, n, meaning=("eigenvectors, one in each column", "特征向量, 每列一个"), domain="orthogonal")
    v = tensor("v", n, meaning=("displacement", "位移"), domain="small")
    a = tensor("a", n, meaning=("strength of the third-order term", "三阶项的强度"))
    H, c, f, low, top = names("H c f l M")
    H = define(H[i, j], Sum(k, Q[i, k] * e[k] * Q[j, k]), meaning=("Hessian", "海森矩阵"))
    c = define(
        c[k], Sum(i, Q[i, k] * v[i]), meaning=("components of `v` along the eigenvectors", "`v` 沿特征向量的分量")
    )
    f = define(
        f,
        f0 + Sum(i, j, v[i] * H[i, j] * v[j]) / 2 + Sum(i, a[i] * v[i] ** 3),
        meaning=(
            "value at the displaced point; the gradient at `v = 0` vanishes",
            "位移后的函数值; `v = 0` 处梯度为零",
        ),
    )
    low = define(low, minimum_over(k, e[k]), meaning=("smallest eigenvalue", "最小特征值"))
    top = define(top, maximum_over(k, e[k]), meaning=("largest eigenvalue", "最大特征值"))
    return Program.of([f0, e, Q, v, a], [f, c, low, top])


def two_variables() -> Program:
    a = tensor("a", meaning=("first diagonal entry of the Hessian", "海森矩阵的第一个对角元"), domain="nonzero")
    b = tensor("b", meaning=("off-diagonal entry", "非对角元"))
    d = tensor("d", meaning=("second diagonal entry", "第二个对角元"))
    v, w = (tensor(x, meaning=("component of the displacement", "位移的分量")) for x in "vw")
    (q,) = names("q")
    q = define(q, a * v**2 + 2 * b * v * w + d * w**2, meaning=("quadratic form", "二次型"))
    return Program.of([a, b, d, v, w], q)


def bordered() -> Program:
    """A symmetric matrix with one more row and column, and the quadratic form in one more variable."""
    (n,) = sizes("n")
    i, j, k = letters("i j k", n, n, n)
    p, q = letters("p q", n + 1, n + 1)
    A = tensor(
        "A", n, n, meaning=("Hessian in the first `n` variables", "前 `n` 个变量的海森矩阵"), domain="symmetric"
    )
    b = tensor("b", n, meaning=("its new column", "新增的一列"))
    d = tensor("d", meaning=("its new diagonal entry", "新增的对角元"))
    v = tensor("v", n, meaning=("displacement in the first `n` variables", "前 `n` 个变量的位移"))
    w = tensor("w", meaning=("displacement in the new variable", "新变量的位移"))
    M, u, s, form = names("M u s F")
    column, row = equal(q, n), equal(p, n)
    M = define(
        M[p, q],
        inside(A[p, q]) + inside(b[p]) * column + row * inside(b[q]) + row * column * d,
        meaning=("Hessian in all variables", "全部变量的海森矩阵"),
    )
    u = define(u[k], Sum(j, inverse(k, j, A[k, j]) * b[j]), meaning=("the solution of `A u = b`", "`A u = b` 的解"))
    s = define(s, d - Sum(i, b[i] * u[i]), meaning=("Schur complement of `A`", "`A` 的舒尔补"))
    body = Sum(i, j, v[i] * A[i, j] * v[j]) + 2 * w * Sum(i, b[i] * v[i]) + d * w**2
    form = define(form, body, meaning=("quadratic form of `M`", "`M` 的二次型"))
    return Program.of([A, b, d, v, w], [M, u, s, form])


def degenerate(kind: str) -> Program:
    """x⁴ + y² has a minimum at the origin, x² - y⁴ a saddle; the Hessians there have the same eigenvalues."""
    x = tensor("x", 2, meaning=("point of the plane", "平面上的点"))
    (f,) = names("f")
    body = x[0] ** 4 + x[1] ** 2 if kind == "minimum" else x[0] ** 2 - x[1] ** 4
    return Program.of([x], define(f, body, meaning=("value", "函数值")))


def claims(main: Program) -> list[Claim]:
    (n,) = main.sizes()
    i, j, k, m = letters("i j k m", n, n, n, n)
    f0, e, Q, v, H, c, f, low, top = (main.tensor(name) for name in ("f0", "e", "Q", "v", "H", "c", "f", "l", "M"))
    form = Sum(i, j, v[i] * H[i, j] * v[j])
    leading = prove(
        f - f0,
        line("≈", form / 2, "taylor", small=v, order=3,
             why=("the gradient is zero, so the second-order term leads", "梯度为零, 故二阶项为主")),
        line("=", Sum(i, j, v[i] * Sum(k, Q[i, k] * e[k] * Q[j, k]) * v[j]) / 2, "definition"),
        line("=", Sum(k, e[k] * Sum(i, Q[i, k] * v[i]) ** 2) / 2, "collect",
             why=("summed over `i` and `j` first", "先对 `i` 与 `j` 求和")),
        line("=", Sum(k, e[k] * c[k] ** 2) / 2, "name"),
        note=("Along the eigenvectors the second-order term is a sum of squares.", "沿特征向量, 二阶项是平方和。"),
        within=main,
    )  # fmt: skip
    below = prove(
        Sum(k, e[k] * c[k] ** 2),
        line(
            "≥",
            low * Sum(k, c[k] ** 2),
            why=("every eigenvalue is at least the smallest", "每个特征值不小于最小特征值"),
        ),
        line("=", low * Sum(i, v[i] ** 2), why=("an orthogonal matrix keeps lengths", "正交矩阵保持长度")),
        within=main,
    )
    above = prove(
        Sum(k, e[k] * c[k] ** 2),
        line(
            "≤",
            top * Sum(k, c[k] ** 2),
            why=("every eigenvalue is at most the largest", "每个特征值不大于最大特征值"),
        ),
        line("=", top * Sum(i, v[i] ** 2), why=("an orthogonal matrix keeps lengths", "正交矩阵保持长度")),
        within=main,
    )
    zero = number(0)
    minimum = prove(
        Statement(low + 0, ">", zero),
        line(
            "⇒",
            Statement(form, ">", zero),
            why=("by the lower bound, for every displacement", "由下界, 对任意位移成立"),
        ),
        note=("All eigenvalues positive: a strict minimum.", "特征值全为正: 严格极小。"),
        within=main,
    )
    maximum = prove(
        Statement(top + 0, "<", zero),
        line(
            "⇒",
            Statement(form, "<", zero),
            why=("by the upper bound, for every displacement", "由上界, 对任意位移成立"),
        ),
        note=("All eigenvalues negative: a strict maximum.", "特征值全为负: 严格极大。"),
        within=main,
    )
    along = prove(
        Sum(i, j, Q[i, m] * H[i, j] * Q[j, m]),
        line("=", e[m] + 0, why=("column `m` is an eigenvector of length 1", "第 `m` 列是长度为 1 的特征向量")),
        note=("Along an eigenvector the curvature is its eigenvalue: with both signs there are directions up and "
              "directions down, a saddle.",
              "沿特征向量的曲率即其特征值: 若两种符号都有, 则有上升方向也有下降方向, 即鞍点。"),
        within=main,
    )  # fmt: skip
    plane = two_variables()
    a, b, d, x, y, q = (plane.tensor(name) for name in ("a", "b", "d", "v", "w", "q"))
    square = prove(
        q + 0,
        line(
            "=",
            a * (x + b / a * y) ** 2 + (a * d - b**2) / a * y**2,
            "collect",
            why=("the square is completed", "配方"),
        ),
        note=(
            "Hence positive definite exactly when `a > 0` and `a d - b² > 0`.",
            "故当且仅当 `a > 0` 且 `a d - b² > 0` 时正定。",
        ),
        within=plane,
    )
    more = bordered()
    A, M, B, u, s, v1, w, F = (more.tensor(name) for name in ("A", "M", "b", "u", "s", "v", "w", "F"))
    (o,) = A.axes[:1]
    i, j = letters("i j", o, o)
    g, h = letters("p q", o + 1, o + 1)
    ratio = det(g, h, M[g, h]) / det(i, j, A[i, j])
    moved = Sum(i, j, (v1[i] + w * u[i]) * A[i, j] * (v1[j] + w * u[j]))
    corner = prove(
        det(g, h, M[g, h]),
        line("=", det(i, j, A[i, j]) * s,
             why=("`u` times the rows of `A` taken from the last row leaves zeros and `s`; the determinant stays",
                  "从最后一行减去 `A` 各行的 `u` 倍, 余下零与 `s`, 行列式不变")),
        within=more,
    )  # fmt: skip
    completed = prove(
        F + 0,
        line("=", Sum(i, j, v1[i] * A[i, j] * v1[j]) + 2 * w * Sum(i, B[i] * v1[i]) + more.tensor("d") * w**2,
             "definition"),
        line("=", moved + (more.tensor("d") - Sum(i, B[i] * u[i])) * w**2, "collect",
             why=("the square is completed: `A u = b`", "配方: `A u = b`")),
        line("=", moved + s * w**2, "name"),
        line("=", moved + ratio * w**2, "insert"),
        within=more,
    )  # fmt: skip
    flat, turned = degenerate("minimum"), degenerate("saddle")
    p, r = flat.tensor("x"), turned.tensor("x")
    return [
        claim(("The second-order term, along the eigenvectors", "沿特征向量的二阶项"), [leading, below, above], program=main),
        claim(("What the signs of the eigenvalues say", "特征值的符号说明什么"), [minimum, maximum, along], program=main),
        claim(("Sylvester's criterion in two variables", "两个变量的西尔维斯特准则"), [square], program=plane),
        claim(("Sylvester's criterion: from `n` variables to `n + 1`", "西尔维斯特准则: 由 `n` 个变量到 `n + 1` 个"),
              [corner, completed], program=more,
              prose=("Positive definite exactly when all leading principal minors are positive, by induction. With `A` "
                     "positive definite, `F` is positive for every displacement exactly when `det M/det A` is: "
                     "`v = -w u` leaves that term alone.",
                     "当且仅当各阶顺序主子式全为正时正定, 用归纳法。设 `A` 正定, 则对任意位移 `F` 为正当且仅当 "
                     "`det M/det A` 为正: 取 `v = -w u` 时只剩这一项。")),
        claim(
            ("A zero eigenvalue decides nothing: a minimum", "零特征值不能判定: 极小的例子"),
            hessian(flat, "x"),
            expected={"hess_f_x": lambda u, w: 12 * p[0] ** 2 * equal(u, 0) * equal(w, 0) + 2 * equal(u, 1) * equal(w, 1)},
            prose=(
                "`f = x[0]⁴ + x[1]²` has a strict minimum at the origin, where its Hessian has the eigenvalues 0 and 2.",
                "`f = x[0]⁴ + x[1]²` 在原点有严格极小, 此处海森矩阵的特征值为 0 与 2。",
            ),
        ),
        claim(
            ("A zero eigenvalue decides nothing: a saddle", "零特征值不能判定: 鞍点的例子"),
            hessian(turned, "x"),
            expected={"hess_f_x": lambda u, w: 2 * equal(u, 0) * equal(w, 0) - 12 * r[1] ** 2 * equal(u, 1) * equal(w, 1)},
            prose=(
                "`f = x[0]² - x[1]⁴` has a saddle at the origin (it falls along `x[1]`), where its Hessian has the same "
                "eigenvalues 0 and 2. So the eigenvalues alone cannot decide.",
                "`f = x[0]² - x[1]⁴` 在原点有鞍点 (沿 `x[1]` 下降), 此处海森矩阵的特征值同样为 0 与 2。可见仅凭特征值不能判定。",
            ),
        ),
    ]  # fmt: skip


FORMULA = Formula(
    id="calc-extremum-nd",
    title="Extremum test in several variables",
    title_zh="多元函数的极值判别法则",
    program=program,
    claims=claims,
    reference="Apostol (1974), Mathematical Analysis, theorem 13.10",
    summary=(
        "At a critical point the eigenvalues of the Hessian tell minima, maxima and saddles apart, as long as none of "
        "them is zero.",
        "在临界点处, 只要没有零特征值, 海森矩阵的特征值即可区分极小、极大与鞍点。",
    ),
)
