r"""Multi-head attention: projections of the input attend in several heads, whose outputs are projected together.

.. math:: O = \operatorname{concat}_h\, \operatorname{attention}(Q_h, K_h, V_h)\, W_o + b_o, \qquad
   Q = X W_q + b_q, \quad K = Z W_k + b_k, \quad V = Z W_v + b_v

   \bar X = \bar Q W_q^\top, \quad \bar Z = \bar K W_k^\top + \bar V W_v^\top, \quad
   \bar W_q = X^\top \bar Q, \quad \bar W_k = Z^\top \bar K, \quad \bar W_v = Z^\top \bar V, \quad
   \bar b_q = \bar Q^\top \mathbf 1, \ldots

where head :math:`h` has an equal share of the columns of :math:`Q, K, V`, and the heads' backward pass is that of
scaled_dot_product_attention. Without a memory :math:`Z = X`, which receives both gradients. The bias of the keys
moves all scores of a query alike, which the softmax does not see: :math:`\bar b_k = 0` exactly.

Shapes: x (n, t, d), Wq (d, k), Wk (m, k), Wv (m, e), Wo (e, c), bq (k), bk (k), bv (e), bo (c), memory (n, s, m),
mask broadcast to (n, heads, t, s) -> (n, t, c); ``heads`` divides k and e. Without a memory s = t and m = d.
Convention: a mask says of each head's scores what it says in scaled_dot_product_attention: True may attend, numbers
are added. A mask of padding, True at real keys, is mask[:, None, None, :]. PyTorch stores the weights transposed, the
first three as one, and its boolean masks are True where a query may not attend.
Reference: Vaswani et al. (2017), Attention is all you need, section 3.2.2.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from verify.arguments import arrays, choice, count
from verify.layer import Array, Case, Layer, Pair, normal
from verify.layer_parts.masks import read_mask
from verify.layers import affine
from verify.layers import scaled_dot_product_attention as attention

ITSELF = "x (n, t, d), Wq (d, k), Wk (d, k), Wv (d, e), Wo (e, c), bq? (k), bk? (k), bv? (e), bo? (c)"
OTHERS = (
    "x (n, t, d), Wq (d, k), Wk (m, k), Wv (m, e), Wo (e, c), bq? (k), bk? (k), bv? (e), bo? (c), memory (n, s, m)"
)


def forward(
    x: Array,
    Wq: Array,
    Wk: Array,
    Wv: Array,
    Wo: Array,
    bq: Array | None = None,
    bk: Array | None = None,
    bv: Array | None = None,
    bo: Array | None = None,
    memory: Array | None = None,
    mask: Array | None = None,
    *,
    heads: int = 1,
    causal: bool = False,
) -> tuple[Array, Any]:
    """The output, and what the backward pass needs."""
    itself = memory is None
    given = (x, Wq, Wk, Wv, Wo, bq, bk, bv, bo)
    if itself:
        x, Wq, Wk, Wv, Wo, bq, bk, bv, bo = arrays(ITSELF, *given)
        memory = x
    else:
        x, Wq, Wk, Wv, Wo, bq, bk, bv, bo, memory = arrays(OTHERS, *given, memory)
    heads = checked_heads(x, memory, Wq, Wv, mask, heads, causal)
    projections = [affine.forward(*one) for one in ((x, Wq, bq), (memory, Wk, bk), (memory, Wv, bv))]
    q, k, v = (apart(y, heads) for y, _ in projections)
    each, saved_heads = attention.forward(q, k, v, mask, causal=causal)
    y, saved_o = affine.forward(together(each), Wo, bo)
    return y, ([one for _, one in projections], saved_heads, saved_o, heads, itself)


def checked_heads(x: Array, memory: Array, Wq: Array, Wv: Array, mask: Array | None, heads: int, causal: bool) -> int:
    """The number of heads. Raises: ValueError when an option is none, or the mask or the heads do not fit."""
    heads = count("heads", heads, 1)
    choice("causal", causal, (False, True))
    for name, W in (("Wq", Wq), ("Wv", Wv)):
        if W.shape[1] % heads:
            raise ValueError(f"{name} has shape {W.shape}: expected a number of columns that {heads} heads divide")
    read_mask(mask, (len(x), heads, x.shape[1], memory.shape[1]), x.dtype)
    return heads


def backward(d_output: Array, saved: Any) -> dict[str, Array]:
    """The gradients of all inputs that were given."""
    projections, saved_heads, saved_o, heads, itself = saved
    of_o = affine.backward(d_output, saved_o)
    of_heads = attention.backward(apart(of_o["x"], heads), saved_heads)
    found = {"o": of_o}
    for name, one in zip("qkv", projections, strict=True):
        found[name] = affine.backward(together(of_heads[name]), one)
    gradients = {kind + name: of[kind] for name, of in found.items() for kind in of if kind != "x"}
    if "bk" in gradients:
        gradients["bk"] = np.zeros_like(gradients["bk"])
    d_x, d_memory = found["q"]["x"], found["k"]["x"]
    d_memory += found["v"]["x"]
    if itself:
        d_x += d_memory
    gradients |= {"x": d_x} if itself else {"x": d_x, "memory": d_memory}
    return {**gradients, "mask": of_heads["mask"]} if "mask" in of_heads else gradients


def apart(x: Array, heads: int) -> Array:
    """A view of the columns as heads: (n, t, heads * d) -> (n, heads, t, d)."""
    return x.reshape(*x.shape[:2], heads, x.shape[2] // heads).swapaxes(1, 2)


def together(x: Array) -> Array:
    """The heads side by side: (n, heads, t, d) -> (n, t, heads * d)."""
    n, heads, t, d = x.shape
    return x.swapaxes(1, 2).reshape(n, t, heads * d)


def sample(rng: np.random.Generator) -> Case:
    """Some heads, with a memory or without; the bias of the keys, whose gradient is 0, is left out."""
    n, t, s, d, m, c = map(int, rng.integers(2, 6, 6))
    heads, k, e = map(int, rng.integers(1, 4, 3))
    memory, causal = (s, m) if rng.integers(2) else None, bool(rng.integers(2))
    return drawn(rng, n, t, d, heads * k, heads * e, c, memory, "k", heads=heads, causal=causal)


def drawn(
    rng: np.random.Generator,
    n: int,
    t: int,
    d: int,
    k: int,
    e: int,
    c: int,
    memory: tuple[int, int] | None = None,
    without: str = "",
    mask: Array | None = None,
    **options: Any,
) -> Case:
    """All inputs, without the biases of these letters."""
    m = memory[1] if memory else d
    weights = [normal(rng, *shape, scale=0.7) for shape in ((d, k), (m, k), (m, e), (e, c))]
    biases = [
        None if name in without else normal(rng, width) for name, width in zip("qkvo", (k, k, e, c), strict=True)
    ]
    return Case(normal(rng, n, t, d), *weights, *biases, normal(rng, n, *memory) if memory else None, mask, **options)


LAYER = Layer(
    forward=forward,
    backward=backward,
    sample=sample,
    formula="attn-multi-head",
    # one head, whose output is not projected
    pairs={
        "attn-backward": Pair(
            case=lambda X, W_q, W_k, W_v, e: Case(X[None], W_q, W_k, W_v, np.eye(e)), output="O", read=lambda y: y[0]
        )
    },
    cases={
        "two heads": lambda rng: drawn(rng, 2, 3, 5, 4, 6, 3, heads=2),
        "a memory": lambda rng: drawn(rng, 2, 3, 5, 4, 6, 3, (4, 2), heads=2),
        "causal": lambda rng: drawn(rng, 2, 4, 3, 6, 3, 5, heads=3, causal=True),
        "without biases": lambda rng: drawn(rng, 2, 3, 5, 4, 6, 3, without="qkvo", heads=2),
        "without the biases of keys and output": lambda rng: drawn(rng, 2, 3, 4, 2, 6, 5, without="ko", heads=2),
        "keys masked as padding": lambda rng: drawn(
            rng, 2, 3, 4, 2, 6, 5, heads=2, mask=np.array([[True, True, False], [True, False, False]])[:, None, None]
        ),
        "numbers added to each head's scores": lambda rng: drawn(
            rng, 2, 3, 4, 2, 6, 5, (4, 3), heads=2, mask=normal(rng, 2, 1, 4)
        ),
        "a sample that attends to nothing": lambda rng: drawn(
            rng, 2, 3, 4, 2, 6, 5, heads=2, mask=np.array([True, False])[:, None, None, None]
        ),
        "numbers, and a sample that attends to nothing": lambda rng: drawn(
            rng, 2, 3, 4, 2, 6, 5, heads=2, mask=np.array([[0.5, -0.25, 1.0], [-np.inf] * 3])[:, None, None]
        ),
        "one step": lambda rng: drawn(rng, 2, 1, 3, 4, 2, 5, heads=2),
        "one sample": lambda rng: drawn(rng, 1, 3, 4, 3, 6, 2, heads=3),
        "empty batch": lambda rng: drawn(rng, 0, 3, 4, 2, 6, 5, heads=2),
        "empty memory": lambda rng: drawn(rng, 2, 3, 4, 2, 6, 5, (0, 3), heads=2),
    },
)
