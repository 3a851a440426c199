"""Recurrent layers in PyTorch, whose weights are transposed and whose gates have an order of their own."""

from __future__ import annotations

from typing import Any

import torch

Tensor = torch.Tensor
_VF: Any = torch._VF


def rnn(
    x: Tensor, Wx: Tensor, Wh: Tensor, b: Tensor | None = None, h0: Tensor | None = None, *, activation: str = "tanh"
) -> Any:
    layer = {"tanh": _VF.rnn_tanh, "relu": _VF.rnn_relu}[activation]
    first = state(x, Wh, h0)
    return (
        layer(x, first[None], parameters(Wx, Wh, b, None), *SINGLE)[0] if x.shape[1] else no_steps(x, Wx, Wh, first)
    )


def lstm(
    x: Tensor,
    Wx: Tensor,
    Wh: Tensor,
    b: Tensor | None = None,
    h0: Tensor | None = None,
    c0: Tensor | None = None,
    *,
    gates: str = "ifgo",
) -> Any:
    Wx, Wh, b = (ordered(one, gates, "ifgo") for one in (Wx, Wh, b))
    first, cell = state(x, Wh, h0), state(x, Wh, c0)
    if not x.shape[1]:
        return no_steps(x, Wx, Wh, first), cell + 0 * Wh.sum()
    y, _, last = _VF.lstm(x, (first[None], cell[None]), parameters(Wx, Wh, b, None), *SINGLE)
    return y, last[0]


def gru(
    x: Tensor,
    Wx: Tensor,
    Wh: Tensor,
    b: Tensor | None = None,
    bh: Tensor | None = None,
    h0: Tensor | None = None,
    *,
    reset: str = "after",
    update: str = "old",
    gates: str = "rzn",
) -> Any:
    Wx, Wh, b, bh = (ordered(one, gates, "rzn") for one in (Wx, Wh, b, bh))
    if update == "new":  # 1 - sigmoid(a) = sigmoid(-a)
        sign = torch.ones(3, len(Wh), dtype=x.dtype)
        sign[1] = -1
        Wx, Wh, b, bh = (None if one is None else one * sign.reshape(-1) for one in (Wx, Wh, b, bh))
    first = state(x, Wh, h0)
    if not x.shape[1]:
        return no_steps(x, Wx, Wh, first)
    if reset == "after":
        return _VF.gru(x, first[None], parameters(Wx, Wh, b, bh), *SINGLE)[0]
    # PyTorch has no layer that resets before the product.
    steps = []
    into = torch.nn.functional.linear(x, Wx.T, b)
    kept = torch.cat([Wh[:, : 2 * len(Wh)], torch.zeros_like(Wh[:, : len(Wh)])], dim=1)
    for a in into.unbind(1):
        r, z, _ = (a + torch.nn.functional.linear(first, kept.T, bh)).sigmoid().chunk(3, dim=-1)
        n = (a + torch.nn.functional.linear(r * first, Wh.T, bh)).chunk(3, dim=-1)[2].tanh()
        first = torch.lerp(n, first, z)
        steps.append(first)
    return torch.stack(steps, dim=1)


# with biases, one layer, no dropout, for training, one direction, batch first
SINGLE = (True, 1, 0.0, True, False, True)


def parameters(Wx: Tensor, Wh: Tensor, b: Tensor | None, bh: Tensor | None) -> list[Tensor]:
    zero = torch.zeros(Wx.shape[1], dtype=Wx.dtype)
    return [Wx.T, Wh.T, zero if b is None else b, zero if bh is None else bh]


def state(x: Tensor, Wh: Tensor, given: Tensor | None) -> Tensor:
    return torch.zeros(len(x), len(Wh), dtype=x.dtype) if given is None else given


def ordered(stacked: Tensor | None, gates: str, order: str) -> Any:
    """Stacked gates in another order."""
    if stacked is None:
        return None
    parts = dict(zip(gates, stacked.chunk(len(gates), dim=-1), strict=True))
    return torch.cat([parts[gate] for gate in order], dim=-1)


def no_steps(x: Tensor, Wx: Tensor, Wh: Tensor, first: Tensor) -> Tensor:
    """PyTorch refuses sequences without a step."""
    return torch.zeros(len(x), 0, len(Wh), dtype=x.dtype) + 0 * (Wx.sum() + first.sum())


PEERS = {"rnn": rnn, "lstm": lstm, "gru": gru}
