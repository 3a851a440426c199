"""Attention, positions and the encoder block in PyTorch."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional as F

Tensor = torch.Tensor


def scaled_dot_product_attention(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, *, causal: bool = False, scale: float | None = None
) -> Any:
    if k.shape[-2] == 1 and mask is None:  # where PyTorch's gradients of q and k are not 0 but rounding
        return v.expand(*q.shape[:-1], v.shape[-1]) + 0 * (q.sum() + k.sum())
    if mask is None and not causal and k.shape[-2]:
        return F.scaled_dot_product_attention(q, k, v, scale=scale)
    shape = (*q.shape[:-1], k.shape[-2])
    allowed = torch.ones(shape[-2:], dtype=torch.bool)
    allowed = (allowed.tril() if causal else allowed).expand(shape)
    added = torch.zeros(shape, dtype=q.dtype)
    if mask is not None and mask.dtype == torch.bool:
        allowed = allowed & mask
    elif mask is not None:
        allowed, added = allowed & (mask > -torch.inf), added + mask
    # Where nothing is allowed PyTorch may return NaN: there all is allowed, and made 0.
    some = allowed.any(dim=-1, keepdim=True)
    scores = torch.where(allowed, added, -torch.inf)
    scores = torch.where(some, scores, torch.zeros_like(scores))
    found = F.scaled_dot_product_attention(q, k, v, attn_mask=scores, scale=scale)
    return torch.where(some, found, torch.zeros_like(found))


def multi_head_attention(
    x: Tensor,
    Wq: Tensor,
    Wk: Tensor,
    Wv: Tensor,
    Wo: Tensor,
    bq: Tensor | None = None,
    bk: Tensor | None = None,
    bv: Tensor | None = None,
    bo: Tensor | None = None,
    memory: Tensor | None = None,
    mask: Tensor | None = None,
    *,
    heads: int = 1,
    causal: bool = False,
) -> Any:
    source = x if memory is None else memory
    q, k, v = (
        F.linear(one, W.T, b).unflatten(-1, (heads, -1)).transpose(1, 2)
        # bk moves all scores of a query alike: its gradient is 0, PyTorch's is rounding
        for one, W, b in ((x, Wq, bq), (source, Wk, None if bk is None else bk.detach() + 0 * bk), (source, Wv, bv))
    )
    each = scaled_dot_product_attention(q, k, v, mask, causal=causal)
    return F.linear(each.transpose(1, 2).flatten(2), Wo.T, bo)


def positional_encoding(x: Tensor, *, base: float = 10000.0, offset: int = 0) -> Any:
    at = phases(x, base, offset)
    both = torch.stack([at.sin(), at.cos()], dim=-1).flatten(1)
    return x + both[:, : x.shape[-1]].to(x.dtype)


def rotary_encoding(x: Tensor, *, pairs: str = "interleaved", base: float = 10000.0, offset: int = 0) -> Any:
    turn = torch.polar(torch.ones(()).double(), phases(x, base, offset))
    if pairs == "interleaved":
        y = torch.view_as_real(torch.view_as_complex(x.double().unflatten(-1, (-1, 2)).contiguous()) * turn).flatten(
            -2
        )
    else:
        y = torch.complex(*x.double().chunk(2, dim=-1)) * turn
        y = torch.cat([y.real, y.imag], dim=-1)
    return y.to(x.dtype)


def phases(x: Tensor, base: float, offset: int) -> Tensor:
    steps, width = x.shape[-2:]
    pairs = torch.arange(0, width, 2, dtype=torch.float64)
    positions = torch.arange(offset, offset + steps, dtype=torch.float64)
    return positions[:, None] * torch.exp(-torch.log(torch.tensor(base, dtype=torch.float64)) * pairs / width)


def transformer_encoder_block(
    x: Tensor,
    Wq: Tensor,
    Wk: Tensor,
    Wv: Tensor,
    Wo: Tensor,
    bq: Tensor | None,
    bk: Tensor | None,
    bv: Tensor | None,
    bo: Tensor | None,
    W1: Tensor,
    b1: Tensor | None,
    W2: Tensor,
    b2: Tensor | None,
    gamma1: Tensor,
    beta1: Tensor,
    gamma2: Tensor,
    beta2: Tensor,
    mask: Tensor | None = None,
    *,
    heads: int = 1,
    norm: str = "post",
    activation: str = "relu",
    causal: bool = False,
    eps: float = 1e-5,
) -> Any:
    def normed(z: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        return F.layer_norm(z, gamma.shape, gamma, beta, eps)

    def attend(z: Tensor) -> Any:
        return multi_head_attention(z, Wq, Wk, Wv, Wo, bq, bk, bv, bo, mask=mask, heads=heads, causal=causal)

    def feed_forward(z: Tensor) -> Any:
        return F.linear(getattr(F, activation)(F.linear(z, W1.T, b1)), W2.T, b2)

    if norm == "pre":
        x = x + attend(normed(x, gamma1, beta1))
        return x + feed_forward(normed(x, gamma2, beta2))
    x = normed(x + attend(x), gamma1, beta1)
    return normed(x + feed_forward(x), gamma2, beta2)


PEERS = {
    "multi_head_attention": multi_head_attention,
    "positional_encoding": positional_encoding,
    "rotary_encoding": rotary_encoding,
    "scaled_dot_product_attention": scaled_dot_product_attention,
    "transformer_encoder_block": transformer_encoder_block,
}
